"""A case that falls due: everything is looked at again before anything is said."""

from mmbot.domain import case_facts as c
from mmbot.domain import takedown
from mmbot.domain.case import TEAM
from mmbot.domain.case_file import CaseFile
from mmbot.handlers.case_keeping import concerned, keep, office, tell, tell_channel, tell_filed
from mmbot.handlers.case_subjects import FILED
from mmbot.store import cases
from mmbot.store.tx import Tx
from mmbot.words import case_notices as notices

FIX = "fix"
"""Stands for the question, asked in the channel, whether a listed fix fixes it."""


def look(tx: Tx, handle: str) -> None:
    """Say what the clock has to say now, to whom it may; and set the next moment."""
    case = cases.case(tx.store, handle)
    if case is None or case.over:
        return
    file = cases.file_of(tx.store, case, tx.now)
    facts: list[c.CaseFact] = []
    if _fix_is_listed(file):
        ref = next(x.handle for x in reversed(file.fixes) if x.public)
        facts.append(c.Noticed(mark=ref, to=FIX, at=tx.at, via=tx.via))
        tell_channel(tx, file, notices.fix_listed(file, ref))
    new = [x for x in concerned(file) if case.stage == "open" and x not in case.noticed]
    for person in new:  # the ticket has another owner or maintainer than when it was filed
        facts.append(c.Noticed(mark=FILED, to=person, at=tx.at, via=tx.via))
        tell_filed(tx, file, person)
    if new:  # whoever may change a ticket's people must not let somebody know without the team's knowing it
        tell_channel(tx, file, notices.told_since([tx.who(x) for x in new], file))
    for to in (x for x in file.recipients if x not in new):
        mark = takedown.outstanding(case, to, office(tx, to), tx.now)
        if mark and file.concerns(to, mark):
            facts.append(c.Noticed(mark=mark.name, to=to, at=tx.at, via=tx.via))
            tx.notify(f"clock:{handle}:{to}")
    keep(tx, case.plus(*facts))


def _fix_is_listed(file: CaseFile) -> bool:
    """Whether the fix is listed and nobody was asked yet whether it does."""
    if file.case.stage != "open" or file.fix_state != "listed":
        return False
    asked = file.case.noticed.get(FIX)
    return asked is None or asked.mark not in {x.handle for x in file.fixes if x.public}


def not_delivered(tx: Tx, subject: str, person: str) -> None:
    """Something about a case was given up on its way to somebody: its card shows that, and its channel is told.

    Where it is the channel that can't be reached, each of the team is: else nobody would know how long there is still.
    """
    kind, handle, to = (*subject.split(":", 2), person)[:3]
    case = cases.case(tx.store, handle)
    whom = (person or TEAM) if kind == "case" else to
    if case is None or whom in case.undelivered:
        return
    file = keep(tx, case.plus(c.NotDelivered(to=whom, at=tx.at, via=tx.via)))
    if whom != TEAM:
        tell_channel(tx, file, notices.not_delivered(file.case, tx.who(whom)))
        return
    for member in tx.store.members(tx.policy.takedown.team):
        if not file.own(member):
            tell(tx, file, member, notices.channel_not_reached(file, tx.who, tx.zone(member)))
