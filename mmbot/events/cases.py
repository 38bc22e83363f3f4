"""Every request about a case: a vulnerability or a bug that keeps many from using a plugin."""

from typing import Annotated

from pydantic import Field, StringConstraints

from mmbot.domain.case_facts import Removal
from mmbot.events.command import Command
from mmbot.events.slots import (
    CaseHandle,
    Page,
    PluginName,
    Remark,
    RemovalName,
    SeverityName,
    SeverityOrBug,
    Slot,
    Target,
    Text,
    Until,
    Version,
)

Found = Annotated[
    str, Slot("text", "TEXT", "What is wrong?"), StringConstraints(strip_whitespace=True, max_length=3000)
]


class ReportVulnerability(Command):
    """Only by slash command or direct message, never where others read it. It begins with the plugin, as a ticket, an id or a name.

    The security team answers within days; until then nobody else learns of it.
    """

    words = {"vulnerability": {}}
    summaries = {"vulnerability": "report a security problem of a plugin, in private"}
    examples = {"vulnerability": "vulnerability MB-7 anybody can read everybody's reminders"}
    dated = True

    plugin: Annotated[
        str,
        Slot("dialog-line", "PLUGIN", "Plugin", "A ticket such as MB-7, a plugin's id, or its name."),
        StringConstraints(strip_whitespace=True, max_length=100),
    ] = ""
    text: Annotated[
        str, Slot("text", "[PLUGIN] TEXT", "What is wrong?"), StringConstraints(strip_whitespace=True, max_length=3000)
    ]


class FileCase(Command):
    """PLUGIN is a ticket, the id of a listed plugin, or a name. From then on the clock runs, and owner and maintainers are told.

    SEVERITY is `low`, `medium`, `high` or `critical`; `bug` is for what keeps many from using the plugin, and stands in public.
    """

    words = {"file": {}}
    summaries = {"file": "file a case: a vulnerability, or a bug that keeps many from using a plugin"}
    examples = {"file": "file MB-7 high anybody can read everybody's reminders"}
    who = "team-or-staff"

    plugin: PluginName
    severity: SeverityOrBug
    text: Found


class AcceptReport(Command):
    """The clock begins with it; owner and maintainers are told, and whoever reported it. A ticket says which plugin it is about."""

    words = {"accept": {}}
    summaries = {"accept": "take a report up as a case"}
    examples = {"accept": "accept SEC-1234 high"}
    who = "team"

    case: CaseHandle
    severity: SeverityName
    of: Annotated[
        int | None,
        Slot("of", "MB-7", "Ticket", "Which plugin it is about, such as MB-7; nothing if the report says it."),
        Field(ge=1, le=2**31),
    ] = None
    why: Text = ""


class DeclineReport(Command):
    """Whoever reported it is told that it was, not why."""

    words = {"decline": {}}
    summaries = {"decline": "a report is no case: say why"}
    examples = {"decline": "decline SEC-1234 it needs an administrator's rights already"}
    who = "team"

    case: CaseHandle
    why: Text


class AskCases(Command):
    """Those you may know of."""

    words = {"cases": {}}
    summaries = {"cases": "the open cases that you may know of"}
    examples = {"cases": "cases"}
    reads = True

    page: Page = 1


class AskCase(Command):
    """`--log` shows what happened, in UTC. What it says is for you alone."""

    words = {"case": {}}
    summaries = {"case": "where a case stands, and what you can do"}
    examples = {"case": "case SEC-1234"}
    reads = True

    case: CaseHandle
    log: Annotated[bool, Slot("flag", "--log")] = False
    page: Page = 1


class ChangeSeverity(Command):
    """The time still counts from filing, but the policy leaves some days after a change."""

    words = {"severity": {}}
    summaries = {"severity": "a case is worse, or less bad, than was thought: say why"}
    examples = {"severity": "severity SEC-1234 critical it works without an account"}
    who = "team"

    case: CaseHandle
    severity: SeverityName
    why: Text


class Acknowledge(Command):
    """It says that you have read it, no more."""

    words = {"acknowledge": {}}
    summaries = {"acknowledge": "you have read that there is a case about your plugin"}
    examples = {"acknowledge": "acknowledge SEC-1234"}
    who = "maintainer"
    dated = True

    case: CaseHandle


class SayTold(Command):
    """For maintainers without an account here: somebody has to write to the contact that the plugin names."""

    words = {"told": {}}
    summaries = {"told": "you wrote to the plugin's contact"}
    examples = {"told": "told SEC-1234 by mail to security@example.com"}
    who = "team-or-owner"
    dated = True

    case: CaseHandle
    note: Remark = ""


class NameFix(Command):
    """Name the ticket under which it was handed in, or a link. Its review is urgent then."""

    words = {"fix": {}}
    summaries = {"fix": "a fix is submitted: its ticket, or a link"}
    examples = {"fix": "fix SEC-1234 MB-9"}
    who = "case-people"
    dated = True

    case: CaseHandle
    target: Target


class JudgeFix(Command):
    """`fixed` stops the clock, at the moment when you write it."""

    words = {"fixed": {"fixed": True}, "notfixed": {"fixed": False}}
    summaries = {"fixed": "a case is fixed", "notfixed": "it is not fixed after all, or the fix does not do: say why"}
    examples = {"fixed": "fixed SEC-1234 with 1.4.1", "notfixed": "notfixed SEC-1234 the list of channels still leaks"}
    who = "team"
    must = {"notfixed": ("why",)}
    dated = True

    case: CaseHandle
    fixed: bool
    why: Text = ""


class ExtendCase(Command):
    """The time ends with that day, at 23:59 UTC. It can be given after the end, too, until a takedown is decided."""

    words = {"extend": {}}
    summaries = {"extend": "give a case more time: up to which day, and why"}
    examples = {"extend": "extend SEC-1234 2026-12-04 the fix waits for our review"}
    who = "team"

    case: CaseHandle
    until: Until
    why: Text


class TakeDown(Command):
    """The plugin, one VERSION, or a restriction: the server version from which on it is shown, or `on-prem`, as its VERSION.

    Before the time has ended a second person confirms it.
    """

    words = {"takedown": {}}
    summaries = {"takedown": "take a plugin, a version, or some of its use out of the Marketplace: say why"}
    examples = {"takedown": "takedown SEC-1234 plugin there is no fix"}
    who = "team"

    case: CaseHandle
    removal: RemovalName
    version: Version = ""
    why: Text


class ConfirmTakedown(Command):
    """Never by whoever asked for it. Where it names what is taken down, nothing else is confirmed with it."""

    words = {"confirm": {}}
    summaries = {"confirm": "confirm an immediate takedown that somebody else asked for"}
    examples = {"confirm": "confirm SEC-1234"}
    who = "team-or-release"

    case: CaseHandle
    removal: Annotated[Removal | None, Slot("removal", "plugin|version|restriction", "What is removed?")] = None
    version: Version = ""


class SayRemoved(Command):
    """Name the change of the listing, if there is a link to it."""

    words = {"removed": {}}
    summaries = {"removed": "the listing shows a takedown now"}
    examples = {"removed": "removed SEC-1234 https://github.com/example/marketplace/pull/7"}
    who = "team-or-release"

    case: CaseHandle
    link: Annotated[str, Slot("line", "LINK", "Link"), StringConstraints(strip_whitespace=True, max_length=500)] = ""


class EndCase(Command):
    """A case that is fixed needs no closing."""

    words = {"close": {"closed": True}, "resume": {"closed": False}}
    summaries = {"close": "a case is over without a fix: say why", "resume": "a case that was over goes on: say why"}
    examples = {
        "close": "close SEC-1234 the plugin is not listed any more",
        "resume": "resume SEC-1234 the hole is back",
    }
    who = "team"

    case: CaseHandle
    closed: bool
    why: Text


CASES: tuple[type[Command], ...] = (
    ReportVulnerability, FileCase, AcceptReport, DeclineReport, AskCases, AskCase, ChangeSeverity, Acknowledge, SayTold, NameFix,
    JudgeFix, ExtendCase, TakeDown, ConfirmTakedown, SayRemoved, EndCase,
)  # fmt: skip
