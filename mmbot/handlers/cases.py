"""How cases begin, and how they are looked at: reported in private, filed, accepted or declined; listed and shown."""

import re
from collections.abc import Iterable, Iterator
from itertools import islice

from mmbot.commands import TICKET, WORDS
from mmbot.domain import case_facts as c
from mmbot.domain.case import TEAM, Case
from mmbot.domain.case_facts import About
from mmbot.domain.case_file import CaseFile, CaseRight, Sight, sight, waits_for
from mmbot.domain.rights import Actor, submits
from mmbot.domain.takedown import clock
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
from mmbot.handlers import case_plugins
from mmbot.handlers.case_subjects import FILED
from mmbot.messages import Refused, Reply
from mmbot.store import cases
from mmbot.store.tx import Tx
from mmbot.words import case_answers, case_history, dialogs
from mmbot.words import case_notices as notices
from mmbot.words import cases as words
from mmbot.words.answers import AT_MOST

_FIRST = re.compile(r"[“”\"]([^“”\"]+)[“”\"][,:]?\s+|(\S+?)[,:]?\s+")


# Beginning


def report(tx: Tx, cmd: ReportVulnerability) -> Reply:
    """Take in a report; only the security team hears of it."""
    keeping.in_private(tx)
    _needs_a_room(tx)
    most = tx.policy.takedown.reports
    if len(cases.reports(tx.store, tx.by, most)) >= most and tx.policy.takedown.team not in tx.actor.roles:
        raise Refused(words.many_reports(most, tx.settings.security_contact))
    text, about = cmd.text, About(name=cmd.plugin)
    if cmd.plugin:
        about = _reported(tx, cmd.plugin) or about
    elif (first := _FIRST.match(text)) and (known := _reported(tx, first.group(1) or first.group(2))):
        about, text = known, text[first.end() :]
    fact = c.Reported(what="vulnerability", about=about, text=text, by=tx.by, at=tx.at, via=tx.via)
    file = keeping.keep(tx, cases.new_case(tx.store, "vulnerability").plus(fact))
    keeping.tell_channel(tx, file, notices.reported_in_channel(file.case, keeping.team_here(tx, file)))
    return Reply(words.reported(file.case, tx.zone(tx.by)))


def _reported(tx: Tx, name: str) -> About | None:
    """The plugin that somebody reports about; where several are called so the team finds out which."""
    try:
        found = case_plugins.find(tx, name, team=False)
    except Refused:
        return About(name=name)
    return found.about if found else None


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
        raise Refused(words.only("bug") if bug else words.only_bugs())
    if not bug:
        _needs_a_room(tx)
    if named := TICKET.fullmatch(cmd.plugin):
        tx.ticket(int(named.group(1)))  # a number that is no ticket is a slip, not a plugin that nobody knows
    case = cases.new_case(tx.store, "bug" if bug else "vulnerability")
    known = case_plugins.find(tx, cmd.plugin, team=True) or case_plugins.Found(About(name=cmd.plugin))
    fact = c.Filed(
        what=case.what, about=known.about, text=cmd.text, by=tx.by, at=tx.at, via=tx.via,
        severity="high" if cmd.severity == "bug" else cmd.severity,
    )  # fmt: skip
    _not_their_own(tx, fact.about.ticket)
    return Reply(words.filed(_filed(tx, case, fact), tx.who, tx.zone(tx.by)) + _not_told(tx, known))


def _not_told(tx: Tx, known: case_plugins.Found) -> str:
    """That a ticket claims to be the plugin of a case, and that its people were not told."""
    return words.claims(known.claims, tx.who, elsewhere=known.elsewhere) if known.claims else ""


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
        raise Refused(words.not_now(before.case, "accepted"))
    number = cmd.of or before.case.about.ticket
    known = case_plugins.Found(before.case.about)
    if number:  # as it is now: whoever reported it named a ticket, and the team may name another
        known = case_plugins.of_ticket(tx, tx.ticket(number), team=bool(cmd.of))
    elif cases.plugins_named(tx.store, known.about.plugin_id):  # a ticket of it may have been listed meanwhile
        known = case_plugins.find(tx, known.about.plugin_id, team=True) or known
    if known.about.ticket:
        _not_their_own(tx, known.about.ticket)
    fact = c.Filed(
        what=before.case.what, about=known.about, severity=cmd.severity, text="", by=tx.by, at=tx.at, via=tx.via
    )
    found = _filed(tx, before.case, fact)
    keeping.tell_reporter(tx, found, notices.accepted_to_reporter(found.case))
    return Reply(words.accepted(found, tx.who, tx.zone(tx.by)) + _not_told(tx, known))


def decline(tx: Tx, cmd: DeclineReport) -> Reply:
    """A report is no case; whoever made it hears that, and not why."""
    before = keeping.opened(tx, cmd.case, "team")
    if before.case.stage != "reported":
        raise Refused(words.not_now(before.case, "no-report"))
    found = keeping.keep(tx, before.case.plus(c.Declined(why=cmd.why, by=tx.by, at=tx.at, via=tx.via)))
    keeping.tell_reporter(tx, found, notices.declined_to_reporter(found.case, tx.settings.security_contact))
    return Reply(words.declined(found.case))


def severity(tx: Tx, cmd: ChangeSeverity) -> Reply:
    """It is worse, or less bad, than was thought."""
    before = keeping.opened(tx, cmd.case, "team")
    case = before.case
    if not case.filed or case.over:
        raise Refused(words.not_now(case, "not-open"))
    if case.what == "bug":
        raise Refused(words.not_now(case, "a-bug"))
    if case.severity == cmd.severity:
        raise Refused(words.has_severity(case), "severity")
    fact = c.SeverityChanged(severity=cmd.severity, why=cmd.why, by=tx.by, at=tx.at, via=tx.via)
    found = keeping.keep(tx, case.plus(fact))
    text = notices.severity_changed(found.case, case.severity, tx.who(tx.by), cmd.why)
    keeping.tell_all(tx, found, text)
    return Reply(words.severity(found.case, case.severity, tx.zone(tx.by)))


# Looking


def ask_cases(tx: Tx, cmd: AskCases) -> Reply:
    """The open cases that the asker may know of."""
    first = (cmd.page - 1) * AT_MOST
    if _of_the_team(tx, tx.actor):  # who may know of all: only those that are shown have to be looked at
        handles = cases.open_cases(tx.store)
        found, count = list(_known_to(tx, tx.actor, handles[first : first + AT_MOST])), len(handles)
    else:
        known = list(_known_to(tx, tx.actor, _perhaps_known_to(tx, tx.actor)))
        found, count = known[first : first + AT_MOST], len(known)
    if count and first >= count:
        raise Refused(case_answers.no_such_page(cmd.page))
    lines = [case_answers.brief(of, sees, tx.who) for of, sees in found]
    return Reply(case_answers.cases(lines, cmd.page, count, AT_MOST))


def _of_the_team(tx: Tx, reader: Actor) -> bool:
    return tx.policy.takedown.team in reader.roles


def _perhaps_known_to(tx: Tx, reader: Actor) -> list[str]:
    """The open cases of which somebody may know something: not what others merely reported, however much that is."""
    of_all = reader.id and _of_the_team(tx, reader)
    waits = cases.reports(tx.store, "" if of_all else reader.id) if reader.id else []
    return [*cases.filed_cases(tx.store), *waits]


def _known_to(tx: Tx, reader: Actor, handles: Iterable[str]) -> Iterator[tuple[CaseFile, Sight]]:
    """Those of some cases that somebody may know of, with what they may know."""
    for handle in handles:
        if case := cases.case(tx.store, handle):
            file = cases.file_of(tx.store, case, tx.now)
            if sees := sight(reader, file):
                yield file, sees


def running(tx: Tx, reader: Actor) -> list[str]:
    """The clocks that run, a line each, of those cases of which a reader may know all."""
    known = _known_to(tx, reader, _perhaps_known_to(tx, reader))
    return _some(
        case_answers.brief(file, sees, tx.who) for file, sees in known if sees == "all" and clock(file.case) != "none"
    )


def waiting(tx: Tx) -> list[str]:
    """The cases that wait for the asker, a line each."""
    known = _known_to(tx, tx.actor, _perhaps_known_to(tx, tx.actor))
    return _some(
        case_answers.turn(file, sees, tx.actor, tx.who) for file, sees in known if waits_for(tx.actor, file, tx.now)
    )


def _some(lines: Iterable[str]) -> list[str]:
    """As many lines as an answer has room for, and where the rest is found; no more of them are made."""
    found = list(islice(lines, AT_MOST + 1))
    return [*found[:AT_MOST], *([case_answers.more_cases()] if len(found) > AT_MOST else [])]


def of_ticket(tx: Tx, number: int) -> list[str]:
    """The open cases about a ticket, or that it fixes, of which the asker may know all; a line each."""
    known = _known_to(tx, tx.actor, cases.touched_by(tx.store, number))
    return [case_answers.beside(file, tx.who) for file, sees in known if sees == "all"]


def ask_case(tx: Tx, cmd: AskCase) -> Reply:
    """Where a case stands, as far as the asker may know; `--log` is for those who may know all of it."""
    found, sees = keeping.found(tx, cmd.case)
    if not cmd.log or sees != "all":
        can = case_answers.can(found, tx.actor) if sees == "all" else ""
        return Reply(case_answers.show(found, sees, tx.who, tx.zone(tx.by)) + can)
    facts = cases.facts(tx.store, found.handle)
    first = (cmd.page - 1) * AT_MOST
    if first >= len(facts):
        raise Refused(case_answers.no_such_page(cmd.page))
    lines = [case_history.happened(x, tx.who) for x in facts[first : first + AT_MOST]]
    return Reply(case_history.log(found.case, lines, cmd.page, len(facts), AT_MOST))


def begun(tx: Tx, what: Incomplete, handle: str) -> str:
    """What the dialog of a command about a case, or of a report, says first; refuses where the asker could not send it."""
    if what.word == "file":
        if " bug" not in what.line:
            keeping.in_private(tx, "SEC")
        return dialogs.case_intro(what.word, None)
    if not handle:
        keeping.in_private(tx)
        return dialogs.case_intro(what.word, None)
    right: CaseRight = "concerned" if WORDS[what.word].who == "case-people" else "team"
    return dialogs.case_intro(what.word, keeping.opened(tx, handle, right))
