"""What a row of the outbox about a case says at the moment when it is sent, and to whom."""

from mmbot.domain import takedown
from mmbot.domain.book import present
from mmbot.domain.case import TEAM
from mmbot.messages import Message
from mmbot.store import book, cases, outbox
from mmbot.store.database import Store
from mmbot.words import case_card, case_clock

KINDS = frozenset({"case", "clock"})
"""The first words of their subjects: a case's card `case:SEC-1`, what the clock tells somebody `clock:SEC-1:USER`."""
FILED = "filed"
"""The mark of what was told at filing, in a message of its own."""


def render(store: Store, row: outbox.OutboxRow) -> tuple[Message, str] | None:
    """What a row says, and what to remember of it; None when there is nothing to say any more."""
    kind, handle, to = (*row.subject.split(":", 2), "")[:3]
    case = cases.case(store, handle)
    if case is None:
        return None
    file = cases.file_of(store, case, row.due_at)
    if kind == "case":
        return case_card.card(file, store.who), ""
    told = case.noticed.get(to)
    said = told is None or told.mark == FILED or told.at <= outbox.told(store, row.subject)
    if told is None or said or told.at < case.set_at or takedown.clock(case) == "none":
        return None
    if (takedown.clock(case) == "removal") != (told.mark == "removal") or to not in file.recipients:
        return None
    if to == TEAM:
        team = [x for x in store.members(case.policy.takedown.team) if not file.own(x)]
        names = [store.who(x) for x in present(team, lambda x: book.absence(store, x), row.due_at)]
        message = case_clock.team_clock(file, store.who, names)
    else:
        person = store.person(to)
        zone = person.zone if person else ""
        if told.mark == "removal":
            message = case_clock.removal_clock(file, to)
        elif to == file.owner:
            message = case_clock.owner_clock(file, store.who, zone)
        else:
            message = case_clock.maintainer_clock(file, to, zone)
    return message, str(told.at)


def audience(row: outbox.OutboxRow) -> tuple[str, str]:
    """Whom a notice goes to: a person's id, or "" and the subject in whose thread it stands."""
    _, handle, to = row.subject.split(":", 2)
    return ("", cases.subject(handle)) if to == TEAM else (to, "")
