"""How a case goes on: acknowledged, a fix handed in and judged, more time, closed and taken up again."""

import re
from datetime import UTC, date, datetime, time, timedelta

from mmbot.commands import TICKET
from mmbot.domain import case_facts as c
from mmbot.domain import takedown
from mmbot.domain.case_file import CaseFile
from mmbot.domain.deadlines import DAY, FIRST
from mmbot.domain.references import repository_key
from mmbot.domain.ticket import Ticket
from mmbot.domain.ticket_parts import PUBLIC
from mmbot.events import Acknowledge, EndCase, ExtendCase, JudgeFix, NameFix, SayTold
from mmbot.handlers import case_keeping as keeping
from mmbot.handlers import tombstones, way
from mmbot.handlers.takedown import carry_out
from mmbot.messages import Refused, Reply
from mmbot.store import cases, outbox
from mmbot.store.tx import Tx
from mmbot.words import case_notices as notices
from mmbot.words import cases as words

_LINK = re.compile(r"https://\S+")
LONGEST = timedelta(days=366)
"""What lies further ahead is a slip of the pen."""
OPEN = frozenset({"open", "taken down"})
"""The stages in which a fix is waited for."""


def acknowledge(tx: Tx, cmd: Acknowledge) -> Reply:
    """A maintainer has read it."""
    before = keeping.opened(tx, cmd.case, "maintainer")
    if tx.by in before.case.acknowledged:
        return Reply(words.acknowledged(before.case))
    found = keeping.keep(tx, before.case.plus(c.Acknowledged(by=tx.by, at=tx.at, via=tx.via)))
    keeping.tell_channel(tx, found, notices.acknowledged(tx.who(tx.by)))
    return Reply(words.acknowledged(found.case))


def told(tx: Tx, cmd: SayTold) -> Reply:
    """Somebody wrote to whoever has no account here."""
    before = keeping.opened(tx, cmd.case, "owner")
    if not before.case.filed:
        raise Refused(words.not_now(before.case, "not-accepted"))
    found = keeping.keep(tx, before.case.plus(c.ContactTold(note=cmd.note, by=tx.by, at=tx.at, via=tx.via)))
    keeping.tell_channel(tx, found, notices.contact_told(tx.who(tx.by), cmd.note))
    return Reply(words.told(found.case))


def fix(tx: Tx, cmd: NameFix) -> Reply:
    """A fix was handed in: its review is urgent, and the clock of the maintainers is not all that counts any more."""
    before = keeping.opened(tx, cmd.case, "concerned")
    comes_back = before.case.taken_down and before.case.fixed
    if before.case.stage not in OPEN and not comes_back:
        raise Refused(words.not_now(before.case, "no-fix-wanted"))
    number, link = TICKET.fullmatch(cmd.target), _LINK.fullmatch(cmd.target)
    if not number and not link:
        raise Refused(words.no_fix(cmd.target), "target")
    ticket = tx.ticket(int(number.group(1))) if number else None
    if ticket and not _same_plugin(before, ticket):
        raise Refused(words.another_plugin(before.case, ticket), "target")
    if ticket and (why := _no_fix(before, ticket)):
        raise Refused(why, "target")
    fact = c.FixSubmitted(
        ticket=ticket.number if ticket else 0, link="" if ticket else cmd.target, by=tx.by, at=tx.at, via=tx.via
    )
    urgent = bool(ticket and not (ticket.ended or ticket.public or ticket.urgent_at))
    if ticket and urgent:
        way.hurried(tx, ticket, on=True)
    found = keeping.keep(tx, before.case.plus(fact))
    keeping.tell_channel(tx, found, notices.fix_named(found, tx.who(tx.by), tx.who))
    if found.owner not in {"", tx.by}:
        keeping.tell(tx, found, found.owner, notices.fix_to_owner(found, tx.who(tx.by), tx.who))
    return Reply(words.fix_named(found, tx.who, urgent=ticket.handle if ticket and urgent else ""))


def _no_fix(file: CaseFile, ticket: Ticket) -> str:
    """Why a ticket can't be what fixes a case: it is over, or in the Marketplace since before the case was filed; "" where it can."""
    if ticket.ended:
        return words.fix_is_over(ticket)
    listed = [x.at for x in ticket.steps.values() if x.step in PUBLIC and not x.skipped]
    known = file.case.filed.at if file.case.filed else 0
    return words.fix_is_older(file.case, ticket) if ticket.public and max(listed, default=0) < known else ""


def _same_plugin(file: CaseFile, ticket: Ticket) -> bool:
    """Whether a ticket is of the plugin that a case is about; True where too little is known of that plugin to say no."""
    about = file.case.about
    if about.ticket in {ticket.number, ticket.before} - {0} or not (about.plugin_id or about.repository):
        return True
    return about.plugin_id.lower() == ticket.plugin_id.lower() != "" or bool(
        about.repository and repository_key(about.repository) == ticket.place
    )


def judge(tx: Tx, cmd: JudgeFix) -> Reply:
    """It is fixed, or it is not."""
    before = keeping.opened(tx, cmd.case, "team")
    return _fixed(tx, cmd, before) if cmd.fixed else _not_fixed(tx, cmd, before)


def _fixed(tx: Tx, cmd: JudgeFix, before: CaseFile) -> Reply:
    if before.case.stage not in OPEN:
        raise Refused(words.not_now(before.case, "not-open"))
    found = keeping.keep(tx, before.case.plus(c.SaidFixed(note=cmd.why, by=tx.by, at=tx.at, via=tx.via)))
    keeping.tell_all(tx, found, notices.said_fixed(found.case, tx.who(tx.by)), over=True)
    if found.case.over:
        keeping.tell_reporter(tx, found, notices.over_to_reporter(found.case))
    return Reply(words.fixed(found.case, tx.who))


def _not_fixed(tx: Tx, cmd: JudgeFix, before: CaseFile) -> Reply:
    if not before.case.fixed and not before.case.fixes:
        raise Refused(words.not_now(before.case, "no-fix-named"))
    if before.case.closed:
        raise Refused(words.not_now(before.case, "closed"))
    found = keeping.keep(
        tx, before.case.plus(c.SaidNotFixed(why=cmd.why, back=_is_back(before), by=tx.by, at=tx.at, via=tx.via))
    )
    keeping.tell_all(tx, found, notices.said_not_fixed(tx.who(tx.by), cmd.why))
    return Reply(words.not_fixed(found.case, tx.who, tx.zone(tx.by)) + _keep_out(tx, found))


def _is_back(file: CaseFile) -> bool:
    """Whether what was taken down is in the Marketplace again: only what was named as the fix can have been listed."""
    return any(x.public and not x.ended for x in file.fixes)


def extend(tx: Tx, cmd: ExtendCase) -> Reply:
    """More time, up to the end of a day in UTC."""
    before = keeping.opened(tx, cmd.case, "team")
    if before.case.stage != "open" or not takedown.has_clock(before.case):
        raise Refused(words.not_now(before.case, "no-time"))
    if cmd.until > date.fromordinal(FIRST + tx.now // DAY) + LONGEST:
        raise Refused(words.too_far(), "until")
    midnight = datetime.combine(cmd.until, time(), UTC) + timedelta(days=1)
    until = round(midnight.timestamp() * 1000) - 60_000
    if until <= tx.now:
        raise Refused(words.day_passed(until), "until")
    if until <= takedown.ends(before.case):
        raise Refused(words.too_soon(takedown.ends(before.case)), "until")
    found = keeping.keep(tx, before.case.plus(c.Extended(until=until, why=cmd.why, by=tx.by, at=tx.at, via=tx.via)))
    keeping.tell_all(tx, found, notices.extended(tx.who(tx.by), cmd.why))
    return Reply(words.extended(found.case))


def end(tx: Tx, cmd: EndCase) -> Reply:
    """Close a case without a fix, or let one that was over go on."""
    before = keeping.opened(tx, cmd.case, "team")
    return _close(tx, cmd, before) if cmd.closed else _resume(tx, cmd, before)


def _close(tx: Tx, cmd: EndCase, before: CaseFile) -> Reply:
    if before.case.over:
        raise Refused(words.not_now(before.case, "over"))
    if before.case.stage == "reported":
        raise Refused(words.not_now(before.case, "a-report"))
    if before.case.fixed:
        raise Refused(words.fixed_but_listed(before.case))
    found = keeping.keep(tx, before.case.plus(c.CaseClosed(why=cmd.why, by=tx.by, at=tx.at, via=tx.via)))
    keeping.tell_all(tx, found, notices.said_closed(tx.who(tx.by), cmd.why), over=True)
    keeping.tell_reporter(tx, found, notices.over_to_reporter(found.case))
    if before.case.removing:
        outbox.drop_steps(tx.store, cases.subject(found.handle))
        again = [x for x in tombstones.ended_by(tx, before.case) if tombstones.given_back(tx, x)]
        stays = tombstones.kept_out_by_another(tx, before.case)
        told = notices.called_off(found, tx.who(tx.by), again, stays=stays)
        for person in keeping.removers(tx, found):
            tx.say(told, to=person)  # though the case is over
    return Reply(words.closed(found.case))


def _resume(tx: Tx, cmd: EndCase, before: CaseFile) -> Reply:
    if not before.case.over:
        raise Refused(words.not_now(before.case, "not-over"))
    found = keeping.keep(
        tx, before.case.plus(c.CaseReopened(why=cmd.why, back=_is_back(before), by=tx.by, at=tx.at, via=tx.via))
    )
    if found.case.filed:
        keeping.tell_all(tx, found, notices.said_resumed(tx.who(tx.by), cmd.why))
    else:
        keeping.tell_channel(tx, found, notices.reported_in_channel(found.case, keeping.team_here(tx, found)))
    resumed = words.resumed(found.case, tx.who, tx.zone(tx.by))
    if found.case.removing:
        return Reply(resumed + carry_out(tx, found))
    return Reply(resumed + _keep_out(tx, found))


def _keep_out(tx: Tx, file: CaseFile) -> str:
    """What was taken down must not come back with an entry that is on its way; gives what the asker reads who changes the listing."""
    pulls = tombstones.on_their_way(tx, file.case)
    if file.case.stage == "fixed" or not tombstones.hold(tx, file.case):
        return ""
    told = notices.kept_out(file, pulls)
    if file.case.confidential:
        keeping.tell_channel(tx, file, told)
    return keeping.tell_removers(tx, file, told)
