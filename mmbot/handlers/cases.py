"""How cases begin, and how they are looked at: reported in private, filed, accepted or declined; listed and shown."""

import re
from collections.abc import Iterable

from mmbot.commands import WORDS
from mmbot.domain import case_facts as c
from mmbot.domain.case import TEAM, Case
from mmbot.domain.case_facts import About
from mmbot.domain.case_file import CaseFile, CaseRight, Sight, sight, waits_for
from mmbot.domain.rights import Actor, submits
from mmbot.domain.takedown import clock
from mmbot.domain.ticket import Ticket
from mmbot.events import (
    AcceptReport,
    AskCase,
    AskCases,
    ChangeSeverity,
    DeclineReport,
    FileCase,
    Incomplete,
    ReportVulnerability,
)
from mmbot.handlers import case_keeping as keeping
from mmbot.handlers.case_subjects import FILED
from mmbot.messages import Refused, Reply
from mmbot.store import cases
from mmbot.store.tx import Tx
from mmbot.words import case_history
from mmbot.words import case_notices as notices
from mmbot.words import cases as words
from mmbot.words.answers import AT_MOST

_TICKET = re.compile(r"(?:mb-?|#)(\d{1,9})", re.IGNORECASE)
_FIRST = re.compile(r"[“”\"]([^“”\"]+)[“”\"][,:]?\s+|(\S+?)[,:]?\s+")


# Which plugin


def _about(tx: Tx, name: str) -> About | None:
    """The plugin that somebody names by its ticket, its id or its name; None where nothing is known of it."""
    if found := _TICKET.fullmatch(name):
        ticket = tx.store.ticket(int(found.group(1)))
        return _of_ticket(ticket) if ticket else None
    if listed := cases.plugins_named(tx.store, name):
        if ticket := _ticket_of(tx, cases.tickets_with_id(tx.store, listed[0])):
            return _of_ticket(ticket)
        known = next(x for x in tx.store.listed("", listed[0]) if x.plugin_id == listed[0])
        return About(name=known.name, plugin_id=known.plugin_id)
    numbers = cases.tickets_with_id(tx.store, name) or tx.store.tickets_named(name)
    exact = [n for n in numbers if name.lower() in {tx.ticket(n).name.lower(), tx.ticket(n).plugin_id.lower()}]
    ticket = _ticket_of(tx, exact)
    return _of_ticket(ticket) if ticket else None


def _ticket_of(tx: Tx, numbers: list[int]) -> Ticket | None:
    """Of a plugin's tickets the one whose people it is by now: the newest that is in public, else the newest that is open."""
    tickets = [tx.ticket(n) for n in sorted(numbers, reverse=True)]
    public, still = [x for x in tickets if x.public and not x.ended], [x for x in tickets if not x.ended]
    return next(iter(public or still or tickets), None)


def _of_ticket(ticket: Ticket) -> About:
    return About(
        name=ticket.name or ticket.handle,
        ticket=ticket.number,
        plugin_id=ticket.plugin_id,
        repository=ticket.repository,
    )


# Beginning


def report(tx: Tx, cmd: ReportVulnerability) -> Reply:
    """Take in a report; only the security team hears of it."""
    keeping.in_private(tx)
    _needs_a_room(tx)
    text, about = cmd.text, About(name=cmd.plugin)
    if cmd.plugin:
        about = _about(tx, cmd.plugin) or about
    elif (first := _FIRST.match(text)) and (known := _about(tx, first.group(1) or first.group(2))):
        about, text = known, text[first.end() :]
    fact = c.Reported(what="vulnerability", about=about, text=text, by=tx.by, at=tx.at, via=tx.via)
    file = keeping.keep(tx, cases.new_case(tx.store, "vulnerability").plus(fact))
    keeping.tell_channel(tx, file, notices.reported_in_channel(file.case, keeping.team_here(tx, file)))
    return Reply(words.reported(file.case, tx.zone(tx.by)))


def _needs_a_room(tx: Tx) -> None:
    """Without a private channel nothing confidential is kept: it would reach nobody."""
    if not tx.settings.security_channel:
        raise Refused(words.no_room(tx.settings.security_contact))


def file(tx: Tx, cmd: FileCase) -> Reply:
    """File a case: from now on the clock counts."""
    bug, team = cmd.severity == "bug", tx.policy.takedown.team in tx.actor.roles
    if not bug:
        keeping.in_private(tx, "SEC")
    if not team and not (bug and tx.actor.roles):
        raise Refused(words.only("owners and reviewers") if bug else words.only_bugs())
    if not bug:
        _needs_a_room(tx)
    if named := _TICKET.fullmatch(cmd.plugin):
        tx.ticket(
            int(named.group(1))
        )  # a number that is no ticket is a slip of the pen, not a plugin that nobody knows
    case = cases.new_case(tx.store, "bug" if bug else "vulnerability")
    fact = c.Filed(
        what=case.what, about=_about(tx, cmd.plugin) or About(name=cmd.plugin), text=cmd.text, by=tx.by, at=tx.at, via=tx.via,
        severity="high" if cmd.severity == "bug" else cmd.severity,
    )  # fmt: skip
    _not_their_own(tx, fact.about.ticket)
    return Reply(words.filed(_filed(tx, case, fact), tx.who, tx.zone(tx.by)))


def _not_their_own(tx: Tx, number: int) -> None:
    ticket = tx.store.ticket(number) if number else None
    if ticket and submits(ticket, tx.by):
        raise Refused(words.own(ticket.handle))


def _filed(tx: Tx, case: Case, fact: c.Filed) -> CaseFile:
    """Keep that a case is filed, and tell everybody concerned at once."""
    filed = case.plus(fact)
    people = keeping.concerned(cases.file_of(tx.store, filed, tx.now))
    noticed = [c.Noticed(mark=FILED, to=x, at=tx.at, via=tx.via) for x in (TEAM, *people)]
    found = keeping.keep(tx, filed.plus(*noticed))
    keeping.tell_channel(tx, found, notices.filed_in_channel(found, tx.who))
    for person in people:
        keeping.tell_filed(tx, found, person)
    return found


def accept(tx: Tx, cmd: AcceptReport) -> Reply:
    """Take a report up: it is a case from now on."""
    before = keeping.opened(tx, cmd.case, "team")
    if before.case.stage not in {"reported", "declined"}:
        raise Refused(words.not_now(before.case, "was accepted already."))
    about = before.case.about
    if cmd.of:
        about = _of_ticket(tx.ticket(cmd.of))
        _not_their_own(tx, cmd.of)
    fact = c.Filed(what=before.case.what, about=about, severity=cmd.severity, text="", by=tx.by, at=tx.at, via=tx.via)
    found = _filed(tx, before.case, fact)
    keeping.tell_reporter(tx, found, notices.accepted_to_reporter(found.case))
    return Reply(words.accepted(found, tx.who, tx.zone(tx.by)))


def decline(tx: Tx, cmd: DeclineReport) -> Reply:
    """A report is no case; whoever made it hears that, and not why."""
    before = keeping.opened(tx, cmd.case, "team")
    if before.case.stage != "reported":
        raise Refused(words.not_now(before.case, "is no report that waits for an answer."))
    found = keeping.keep(tx, before.case.plus(c.Declined(why=cmd.why, by=tx.by, at=tx.at, via=tx.via)))
    keeping.tell_reporter(tx, found, notices.declined_to_reporter(found.case, tx.settings.security_contact))
    return Reply(words.declined(found.case))


def severity(tx: Tx, cmd: ChangeSeverity) -> Reply:
    """It is worse, or less bad, than was thought."""
    before = keeping.opened(tx, cmd.case, "team")
    case = before.case
    if not case.filed or case.over:
        raise Refused(words.not_now(case, "is not open."))
    if case.what == "bug":
        raise Refused(words.not_now(case, "is a bug: it has no severity."))
    if case.severity == cmd.severity:
        raise Refused(words.not_now(case, f"is {cmd.severity} already."), "severity")
    fact = c.SeverityChanged(severity=cmd.severity, why=cmd.why, by=tx.by, at=tx.at, via=tx.via)
    found = keeping.keep(tx, case.plus(fact))
    text = notices.severity_changed(found.case, case.severity, tx.who(tx.by), cmd.why)
    keeping.tell_all(tx, found, text)
    return Reply(words.severity(found.case, case.severity, tx.zone(tx.by)))


# Looking


def ask_cases(tx: Tx, cmd: AskCases) -> Reply:
    """The open cases that the asker may know of."""
    found = _known_to(tx, tx.actor, cases.open_cases(tx.store))
    first = (cmd.page - 1) * AT_MOST
    if found and first >= len(found):
        raise Refused(words.no_such_page(cmd.page))
    lines = [words.brief(of, sees, tx.who) for of, sees in found[first : first + AT_MOST]]
    return Reply(words.cases(lines, cmd.page, len(found), AT_MOST))


def _known_to(tx: Tx, reader: Actor, handles: Iterable[str]) -> list[tuple[CaseFile, Sight]]:
    """Those of some cases that somebody may know of, with what they may know."""
    found = (case for handle in handles if (case := cases.case(tx.store, handle)))
    files = (cases.file_of(tx.store, case, tx.now) for case in found)
    return [(file, sees) for file in files if (sees := sight(reader, file))]


def running(tx: Tx, reader: Actor) -> list[str]:
    """The clocks that run, a line each, of those cases of which a reader may know all."""
    known = _known_to(tx, reader, cases.open_cases(tx.store))
    return [words.brief(file, sees, tx.who) for file, sees in known if sees == "all" and clock(file.case) != "none"]


def waiting(tx: Tx) -> list[str]:
    """The cases that wait for the asker, a line each."""
    known = _known_to(tx, tx.actor, cases.open_cases(tx.store))
    return [words.turn(file, sees, tx.actor, tx.who) for file, sees in known if waits_for(tx.actor, file, tx.now)]


def of_ticket(tx: Tx, number: int) -> list[str]:
    """The open cases about a ticket, or that it fixes, of which the asker may know all; a line each."""
    known = _known_to(tx, tx.actor, cases.touched_by(tx.store, number))
    return [words.beside(file, tx.who) for file, sees in known if sees == "all"]


def ask_case(tx: Tx, cmd: AskCase) -> Reply:
    """Where a case stands, as far as the asker may know; `--log` is for those who may know all of it."""
    found, sees = keeping.found(tx, cmd.case)
    if not cmd.log or sees != "all":
        can = words.can(found, tx.actor) if sees == "all" else ""
        return Reply(words.show(found, sees, tx.who, tx.zone(tx.by)) + can)
    facts = cases.facts(tx.store, found.handle)
    first = (cmd.page - 1) * AT_MOST
    if first >= len(facts):
        raise Refused(words.no_such_page(cmd.page))
    lines = [case_history.happened(x, tx.who) for x in facts[first : first + AT_MOST]]
    return Reply(case_history.log(found.case, lines, cmd.page, len(facts), AT_MOST))


def begun(tx: Tx, what: Incomplete, handle: str) -> str:
    """What the dialog of a command about a case, or of a report, says first; refuses where the asker could not send it."""
    if what.word == "file":
        if " bug" not in what.line:
            keeping.in_private(tx, "SEC")
        return words.intro(what.word, None)
    if not handle:
        keeping.in_private(tx)
        return words.intro(what.word, None)
    right: CaseRight = "concerned" if WORDS[what.word].who == "case-people" else "team"
    return words.intro(what.word, keeping.opened(tx, handle, right))
