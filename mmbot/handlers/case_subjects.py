"""What a row of the outbox about a case says at the moment when it is sent, and to whom."""

from mmbot.domain import takedown
from mmbot.domain.book import present
from mmbot.domain.case import TEAM
from mmbot.domain.case_facts import Noticed
from mmbot.domain.case_file import CaseFile, sight
from mmbot.domain.rights import Actor
from mmbot.messages import Message
from mmbot.store import book, cases, outbox
from mmbot.store.database import Store
from mmbot.words import case_card, case_clock

KINDS = frozenset({"case", "clock"})
"""The first words of their subjects: a case's card `case:SEC-1`, what the clock tells somebody `clock:SEC-1:USER`."""
FILED = "filed"
"""The mark of what was told at filing, in a message of its own."""


def render(store: Store, row: outbox.OutboxRow, now: int) -> tuple[Message, str] | None:
    """What a row says now, and what to remember of it; None when there is nothing to say any more."""
    kind, handle, to = (*row.subject.split(":", 2), "")[:3]
    case = cases.case(store, handle)
    if case is None:
        return None
    file = cases.file_of(store, case, now)
    if kind == "case":
        return case_card.card(file, store.who), ""
    told = case.noticed.get(to)
    said = told is None or told.mark == FILED or told.at == outbox.told(store, row.subject)
    if told is None or said or not _holds(file, told, now):
        return None
    if to == TEAM:
        team = [x for x in store.members(case.policy.takedown.team) if not file.own(x)]
        names = [store.who(x) for x in present(team, lambda x: book.absence(store, x), now)]
        message = case_clock.team_clock(file, store.who, names, now)
    else:
        person = store.person(to)
        zone = person.zone if person else ""
        if told.mark == "removal":
            message = case_clock.removal_clock(file, now)
        elif to == file.owner:
            message = case_clock.owner_clock(file, store.who, zone, now)
        else:
            message = case_clock.maintainer_clock(file, to, zone, now)
    return message, str(told.at)


def _holds(file: CaseFile, told: Noticed, now: int) -> bool:
    """Whether what somebody was to be told still is so: it may have waited for a server that took nothing."""
    case, runs = file.case, takedown.clock(file.case)
    if told.at < case.set_at or runs == "none" or (runs == "removal") != (told.mark == "removal"):
        return False
    if told.at < takedown.ends(case) <= now and runs == "fix":
        return False  # that it has ended is told by itself
    return told.to in file.recipients and file.concerns(told.to, takedown.Mark(told.mark, told.at))


def outlived(store: Store, row: outbox.OutboxRow) -> bool:
    """Whether what was to be told somebody of a case is none of their business any more: it may have waited for long."""
    case = cases.case(store, row.subject.partition(":")[2]) if row.person and row.subject.startswith("case:") else None
    if case is None:
        return False
    return not sight(Actor(row.person, store.roles_of(row.person)), cases.file_of(store, case, row.due_at))


def audience(row: outbox.OutboxRow) -> tuple[str, str]:
    """Whom a notice goes to: a person's id, or "" and the subject in whose thread it stands."""
    _, handle, to = row.subject.split(":", 2)
    return ("", cases.subject(handle)) if to == TEAM else (to, "")
