"""What becomes of the parts that people have in tickets when they may have them no longer."""

from collections.abc import Iterable, Sequence

from mmbot.domain import facts as f
from mmbot.domain.book import fits
from mmbot.domain.ticket import Ticket
from mmbot.handlers.news import follow
from mmbot.messages import Message
from mmbot.store import book
from mmbot.store.tx import Tx
from mmbot.words import people as words

Freed = tuple[str, str, Sequence[Ticket]]
"""Whoever had it, the part, and the tickets in which nobody has it now."""


def free(tx: Tx, lost: Iterable[tuple[str, str]]) -> list[Freed]:
    """Take (part, person) pairs off all tickets under way, and tell the owners, each in one message. Returns what was freed."""
    gone: list[Freed] = []
    for part, person in lost:
        tickets = []
        for number in book.parts(tx.store, person, part):
            before = tx.ticket(number)
            nobody = f.Assigned(role=part, person="", by=tx.by, at=tx.at, via=tx.via)
            tickets.append(follow(tx, before, before.plus(nobody)))
        if tickets:
            gone.append((person, part, tickets))
    _tell_owners(tx, gone)
    return gone


def said(tx: Tx, gone: Sequence[Freed]) -> str:
    """The tickets that were freed, and what to type."""
    return words.freed([(tx.who(person), part, tickets) for person, part, tickets in gone])


def _tell_owners(tx: Tx, gone: Sequence[Freed]) -> None:
    theirs: dict[str, list[Freed]] = {}
    for person, part, tickets in gone:
        now = [tx.ticket(x.number) for x in tickets]
        for owner in dict.fromkeys(x.owner for x in now):
            theirs.setdefault(owner, []).append((person, part, [x for x in now if x.owner == owner]))
    for owner, news in theirs.items():
        to = owner or book.default_owner(tx.store)
        for person in [to] if to else tx.store.members("admin"):
            if person != tx.by:
                tx.tell(Message(said(tx, news)), person, "owner")


def without_the_unfit(tx: Tx, ticket: Ticket) -> Ticket:
    """A ticket that comes back, without those who cannot have their part any more."""
    for part, person in ticket.parts:
        if not fits(tx.store.roles_of(person), part):
            ticket = ticket.plus(f.Assigned(role=part, person="", by=tx.by, at=tx.at, via=tx.via))
    return ticket
