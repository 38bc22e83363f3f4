"""A case as it stands: its card, and the phrases that its card, answers and notices share. Dates and exact moments in UTC, never ages."""

import re
from collections.abc import Callable
from datetime import UTC, datetime

from mmbot.domain import takedown
from mmbot.domain.case import TEAM, Case
from mmbot.domain.case_facts import About
from mmbot.domain.case_file import CaseFile
from mmbot.domain.rights import is_outside
from mmbot.domain.ticket import Ticket
from mmbot.domain.turns import stage
from mmbot.messages import Button, Colour, Message, Row
from mmbot.words.people import last_day
from mmbot.words.phrases import code, date, day, ended, link, listed, plain, quoted, typed, zone_of

Who = Callable[[str], str]
"""User id in, user name out."""

REMOVED = {"plugin": "the plugin", "version": "version", "restriction": "some of its use"}


def moment(at: int) -> str:
    """A moment to the minute, in UTC: `Fri 20 Nov 2026, 10:00 UTC`."""
    found = datetime.fromtimestamp(at / 1000, UTC)
    return f"{found:%a} {found.day} {found:%b %Y, %H:%M} UTC"


def moment_for(at: int, zone: str) -> str:
    """The same, with what it is in a reader's own zone: `Fri 20 Nov 2026, 10:00 UTC (11:00 your time)`."""
    here, there = datetime.fromtimestamp(at / 1000, UTC), datetime.fromtimestamp(at / 1000, zone_of(zone))
    if there.utcoffset() == here.utcoffset():
        return moment(at)
    other = "" if there.date() == here.date() else f"{there:%a} "
    return f"{moment(at)} ({other}{there:%H:%M} your time)"


def about(what: About) -> str:
    """The plugin's name, safe to post."""
    return plain(what.name, 60) if what.name else "a plugin"


def called(case: Case) -> str:
    """The case as a sentence calls it: **SEC-4821 Remind**."""
    return f"**{case.handle} {about(case.about)}**" if case.about.name else f"**{case.handle}**"


def what(case: Case) -> str:
    """What kind of case it is: `high vulnerability`."""
    if case.what == "bug":
        return "bug that keeps many from using it"
    return f"{case.severity} vulnerability" if case.filed else "vulnerability"


def decision_due(case: Case) -> bool:
    """Whether the team was told that its time has ended, so that somebody has to decide."""
    told = case.noticed.get(TEAM)
    return bool(
        told
        and told.mark in {"end", "again"}
        and told.at >= case.set_at
        and takedown.clock(case) == "fix"
        and told.at >= takedown.ends(case)
    )


def restricted_to(version: str) -> str:
    """What a restriction leaves: "" where it is only told in words."""
    if version == "on-prem":
        return "to servers on premises"
    return f"to servers from {code(version, 60)} on" if version else ""


def removal(removal: str, version: str) -> str:
    """What a takedown takes away: `the plugin`, `version 1.4.0`, `some of its use`."""
    if removal == "restriction" and version:
        return f"its use {_by_whom(version)}"
    return f"version {code(version, 60)}" if removal == "version" and version else REMOVED[removal]


def removed_what(case: Case) -> str:
    """What is to be taken down, or was: **Remind**, version 1.4.0 of it, or some of its use."""
    down, name = case.taken_down or case.asked, f"**{plain(case.about.name, 60)}**"
    if down is None or down.removal == "plugin":
        return name
    if down.removal == "restriction":
        return f"the use of {name} {_by_whom(down.version)}" if down.version else f"some of the use of {name}"
    return f"{removal(down.removal, down.version)} of {name}"


def _by_whom(version: str) -> str:
    """Whose use of a plugin a restriction takes away."""
    return "in the cloud" if version == "on-prem" else f"by servers before {code(version, 60)}"


def card(file: CaseFile, who: Who) -> Message:
    """The case's one post in its channel."""
    case = file.case
    title = f"**{case.handle} · {about(case.about)}** — {what(case)}"
    lines = [title, facts_line(file), _begun(case, who), quoted(case.text, 1500).rstrip()]
    lines += ["", clock_line(case, who)]
    if asked := asked_line(case, who):
        lines.append(asked)
    if case.filed and not case.over:
        lines += [people_line(file, who), fix_line(file, who)]
        if contact := contact_line(file, who):
            lines.append(contact)
    if case.undelivered:
        lines.append(not_reached(file, who))
    return Message("\n".join(x for x in lines if x is not None), rows(case), colour(file))


def facts_line(file: CaseFile) -> str:
    """Which plugin it is: its id, ticket, repository, and whether it is in public."""
    case, ticket = file.case, file.ticket
    plugin_id = (ticket.plugin_id if ticket else "") or case.about.plugin_id
    repository = (ticket.repository if ticket else "") or case.about.repository
    parts = [code(plugin_id, 100)] if plugin_id else []
    parts.append(ticket.handle if ticket else "no ticket")
    if repository:
        parts.append(link("repository", repository))
    if file.listed is not None:
        parts.append("in the Marketplace" if file.listed else "**not in the Marketplace**")
    return " · ".join(parts)


def _begun(case: Case, who: Who) -> str:
    filed, reported = case.filed, case.reported
    told = f"reported by {who(reported.by)} on {moment(reported.at)}" if reported else ""
    if filed:
        return f"filed by {who(filed.by)} on {moment(filed.at)}" + (f", {told}" if told else "")
    return told


def clock_line(case: Case, who: Who, zone: str = "") -> str:
    """Where the case stands with its time."""
    if case.closed:
        return ended(f"**Closed** by {who(case.closed.by)} on {moment(case.closed.at)}: {plain(case.closed.why, 600)}")
    if case.fixed:
        return _fixed(case, who)
    if case.taken_down:
        return _removing(case, who)
    if case.filed:
        return _running(case, who, zone)
    if case.declined:
        return ended(
            f"**Declined** by {who(case.declined.by)} on {moment(case.declined.at)}: {plain(case.declined.why, 600)}"
        )
    return f"The security team answers by **{moment_for(takedown.triage_ends(case), zone)}**."


def _fixed(case: Case, who: Who) -> str:
    if not case.fixed:
        return ""
    late = "" if takedown.in_time(case) else ", after the time had ended"
    note = f": {plain(case.fixed.note, 600)}" if case.fixed.note else ""
    begin = ended(f"**Fixed**, says {who(case.fixed.by)}, since {moment(case.fixed.at)}{late}{note}")
    if case.removing:
        return f"{begin} {_removing(case, who)}"
    return f"{begin} It was taken down on {day(case.taken_down.at)}." if case.taken_down else begin


def _running(case: Case, who: Who, zone: str) -> str:
    if not takedown.has_clock(case):
        return f"No time limit: a {case.severity} vulnerability has none."
    more = ""
    if case.extended:
        more = f" More time was given by {who(case.extended.by)} on {day(case.extended.at)}: {ended(plain(case.extended.why, 600))}"
    if decision_due(case):
        return f"The time for a fix **ended {moment_for(takedown.ends(case), zone)}**: a decision is due.{more}"
    return f"The time for a fix ends **{moment_for(takedown.ends(case), zone)}**.{more}"


def _removing(case: Case, who: Who) -> str:
    down = case.taken_down
    if down is None:
        return ""
    asked = f", asked for by {who(down.asked_by)}" if down.asked_by else ""
    why = f": {plain(down.why, 600)}" if down.why else ""
    begin = ended(
        f"**Takedown** of {removal(down.removal, down.version)} decided by {who(down.by)} on {moment(down.at)}{asked}{why}"
    )
    if not case.removed:
        return f"{begin} The listing does not show it yet."
    where = f" ({plain(case.removed.link, 300)})" if case.removed.link else ""
    return f"{begin} The listing shows it since {day(case.removed.at)}{where}."


def comes_back(case: Case) -> str:
    """After a takedown: with which ticket it is listed again; begins with a space, "" without a takedown."""
    if not case.taken_down:
        return ""
    named = next((x.ticket for x in reversed(case.fixes) if x.ticket), 0)
    if named:
        return f" MB-{named}, named as its fix, may be listed."
    return f" To have it listed again, name the ticket of the fix: {typed(f'fix {case.handle} MB-9')}."


def asked_line(case: Case, who: Who) -> str:
    """That somebody asks for an immediate takedown, and who may confirm it."""
    if not case.asked:
        return ""
    asked = case.asked
    return (
        f"**{who(asked.by)} asks to take {removal(asked.removal, asked.version)} down at once**, since {moment(asked.at)}: "
        f"{ended(plain(asked.why, 600))} A second member of the team, or a release user, confirms it."
    )


def confirming(case: Case) -> str:
    """The command that confirms what is asked for, and nothing that somebody may ask for instead."""
    asked = case.asked
    if asked is None:
        return f"confirm {case.handle}"
    version = f" {asked.version}" if re.fullmatch(r"v?\d[\w.+-]*|on-prem", asked.version) else ""
    return f"confirm {case.handle} {asked.removal}{version}"


def people_line(file: CaseFile, who: Who) -> str:
    """Its owner and maintainers, and who has acknowledged."""
    away = f" (away until {last_day(file.away)}; nobody is told in their stead)" if file.away else ""
    parts = [f"owner {who(file.owner)}{away}" if file.owner else "no owner, and no default owner"]
    for person in file.maintainers:
        at = file.case.acknowledged.get(person)
        parts.append(f"{who(person)} {f'acknowledged on {day(at)}' if at else 'has **not acknowledged**'}")
    return f"{parts[0][0].upper()}{parts[0][1:]}{''.join(f' · {x}' for x in parts[1:])}."


def contact_line(file: CaseFile, who: Who) -> str:
    """Whether somebody wrote to whoever has no account here; "" where everybody has one."""
    if not file.by_mail:
        return ""
    names = [who(x) for x in file.ticket.people if is_outside(x)] if file.ticket else []
    whom = f"{listed(names)} (no account here)" if names else "the plugin's maintainers"
    told = file.case.contact_told
    if told:
        note = f": {plain(told.note, 300)}" if told.note else ""
        return ended(f"{who(told.by)} wrote to {whom} on {day(told.at)}{note}")
    return f"**Nobody wrote to {whom} yet**: {f'{who(file.owner)} is asked to' if file.owner else 'somebody has to'}."


def fix_line(file: CaseFile, who: Who) -> str:
    """What was handed in as a fix, and whose turn it is."""
    if not file.case.fixes:
        return "No fix is submitted."
    last = file.case.fixes[-1]
    if last.link:
        return (
            f"A fix was named by {who(last.by)} on {day(last.at)}: {code(last.link, 300)}. Somebody of us looks at it."
        )
    ticket = file.fix
    if ticket is None:
        linked = next((x for x in reversed(file.case.fixes) if x.link), None)
        rest = f"The fix named before, {code(linked.link, 300)}, stands" if linked else "No other fix is submitted"
        return f"MB-{last.ticket}, handed in as a fix on {day(last.at)}, is closed. {rest}."
    last = next(x for x in reversed(file.case.fixes) if x.ticket == ticket.number)
    if file.fix_state == "listed":
        return f"Fix: {ticket.handle}, handed in on {day(last.at)}. **It is in the Marketplace now.**"
    turn = {"theirs": "**Their turn**", "ours": "**Our turn**"}.get(file.fix_state, "")
    return f"Fix: {ticket.handle}, handed in on {day(last.at)}, {_stands(file, ticket)}. {turn}."


def _stands(file: CaseFile, ticket: Ticket) -> str:
    turns = file.turns.get(ticket.number, {})
    due = max((x.due for x in turns.values()), default=0)
    by = listed({"submitter": "its submitter", "owner": "its owner"}.get(x.party, x.party) for x in turns.values())
    return f"{stage(ticket)}{f', waits for {by}' if by else ''}{f', due {date(due)}' if due else ''}"


def not_reached(file: CaseFile, who: Who) -> str:
    """Whom what was to be said did not reach."""
    names = ["this channel" if x == TEAM else who(x) for x in sorted(file.case.undelivered)]
    return f"**Not reached**: {listed(names)}. What I wrote did not get through; please tell them another way."


def rows(case: Case) -> tuple[Row, ...]:
    """What can be done now."""
    ref = case.handle
    fixed = Button("It is fixed", f"fixed {ref}")
    close = Button("Close…", f"close {ref}")
    match case.stage:
        case "reported":
            return (Row((Button("Accept…", f"accept {ref}", "primary"), Button("Decline…", f"decline {ref}"))),)
        case "declined" | "closed":
            return (Row((Button("Resume…", f"resume {ref}"),)),)
        case "fixed" if not case.removing:
            return (Row((Button("Not fixed after all…", f"notfixed {ref}"),)),)
        case "fixed" | "taken down" if case.removing:
            shows = Button("The listing shows it", f"removed {ref}", "primary")
            return (Row((shows, *((fixed,) if case.stage == "taken down" else ()))),)
        case "taken down":
            return (Row((fixed, close)),)
    confirm = (Button("Confirm the takedown", confirming(case), "danger"),) if case.asked else ()
    handed_in = Button("A fix is submitted…", f"fix {ref}", "primary")
    down = () if case.asked else (Button("Take it down…", f"takedown {ref}"),)
    more = (*((Button("Extend…", f"extend {ref}"),) if takedown.has_clock(case) else ()), *down)
    rest = (Button("Severity…", f"severity {ref}"),) if case.what == "vulnerability" else ()
    return (Row((*confirm, handed_in, fixed, *more)), Row((*rest, close)))


def decide(case: Case) -> tuple[Row, ...]:
    """The three ways to decide at the end of the time."""
    ref = case.handle
    return (
        Row(
            (
                Button("Take it down…", f"takedown {ref}", "danger"),
                Button("Extend…", f"extend {ref}"),
                Button("It is fixed", f"fixed {ref}"),
            )
        ),
    )


def colour(file: CaseFile) -> Colour:
    """Red where somebody has to decide or to remove, amber while it waits for the maintainers, green once it is fixed."""
    case = file.case
    if case.removing or case.asked or decision_due(case):
        return "red"
    if case.stage == "fixed":
        return "green"
    if case.stage in {"declined", "closed", "taken down"}:
        return "grey"
    return "amber" if case.filed and file.waits_for_maintainers else "blue"
