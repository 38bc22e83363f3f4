"""Who is reminded of what waits, and when: the rungs of a turn, derived from its moments; every time is in milliseconds UTC."""

from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from itertools import takewhile

from mmbot.domain.deadlines import DAY, plus_days, plus_working_days
from mmbot.domain.rights import is_outside, submits
from mmbot.domain.ticket import Ticket
from mmbot.domain.turns import Turn
from mmbot.policy import Policy


@dataclass(frozen=True)
class Book:
    """What has to be known of people: who holds a role (user ids), and who gets the new tickets ("" for nobody)."""

    members: Callable[[str], Sequence[str]]
    default_owner: str = ""


def nudges(policy: Policy) -> tuple[float, ...]:
    """The days after which a silent submitter is reminded, before the owner is asked."""
    return tuple(takewhile(lambda days: days < policy.days.submitter, policy.remind.submitter))


def rung(policy: Policy, turn: Turn, height: int) -> int:
    """When a turn reaches a rung, counted from 1: it is due, then every so many working days; a submitter's come before, too."""
    if turn.party == "submitter":
        early = nudges(policy)
        if height <= len(early):
            return plus_days(turn.alone, early[height - 1])
        height -= len(early)
    return plus_working_days(turn.due, (height - 1) * policy.remind.ladder, policy.days.holidays)


def height(policy: Policy, turn: Turn, at: int) -> int:
    """How many rungs a turn has reached at a moment; none where the policy sets no day, and while others are waited for, too."""
    if not turn.due:
        return 0
    most = int(max(0, at - turn.due) / (policy.remind.ladder * DAY)) + 2 + len(nudges(policy))
    return bisect_right(range(1, most + 1), at, key=lambda n: rung(policy, turn, n))


def next_rung(policy: Policy, turns: Iterable[Turn], after: int) -> int | None:
    """When any of a ticket's turns reaches its next rung after a moment; None when none ever does."""
    return min((rung(policy, x, height(policy, x, after) + 1) for x in turns if x.due), default=None)


def own(ticket: Ticket, turn: Turn, book: Book) -> tuple[str, ...]:
    """Whose turn it is, by user id: somebody, or all who could take it. A submitter's is not among them."""
    if turn.party in {"submitter", "mmbot"}:
        return ()
    if turn.party == "owner":
        return (ticket.owner,) if ticket.owner else _to_guide(ticket, book)
    named = ticket.review(turn.party).reviewer if turn.party != "release" else ""
    return (named,) if named else tuple(x for x in book.members(turn.party) if not submits(ticket, x))


def ladder(ticket: Ticket, turn: Turn, book: Book) -> tuple[tuple[str, ...], ...]:
    """Who hears at each rung that a turn is late; after the last one all of them, again and again.

    Where nobody has taken a review, that is the owner at once. What waits for a submitter is the owner's from the day on which
    the policy gives them up; the rungs before are the submitter's own.
    """
    guide, last = _to_guide(ticket, book), (book.default_owner,) if book.default_owner else ()
    first: tuple[str, ...] = own(ticket, turn, book)
    if turn.party == "submitter" or (turn.party in ticket.policy.roles and not ticket.review(turn.party).reviewer):
        first = ()
    owner = (ticket.owner,) if ticket.owner else guide
    known, rungs = set[str](), []
    for people in (first, owner, last):
        fresh = tuple(x for x in people if x not in known and not submits(ticket, x))
        if fresh:
            rungs.append(fresh)
            known |= {*fresh}
    return tuple(rungs)


def told(ticket: Ticket, turn: Turn, reached: int, book: Book) -> tuple[str, ...]:
    """Everybody who hears that a turn has reached a rung."""
    if turn.party == "submitter":
        reached -= len(nudges(ticket.policy))
    return tuple(x for people in ladder(ticket, turn, book)[: max(0, reached)] for x in people)


def nudged(ticket: Ticket, turn: Turn, reached: int, book: Book) -> tuple[str, int]:
    """Who is told how many of a submitter's own rungs: the submitter, or whoever speaks for one without an account; ("", 0): nobody."""
    if turn.party != "submitter" or not reached:
        return "", 0
    person = ticket.submitter
    if is_outside(person):
        person = ticket.owner or next(iter(_to_guide(ticket, book)), "")
    return person, min(reached, len(nudges(ticket.policy))) if person else 0


def waits_for(ticket: Ticket, turn: Turn, person: str, book: Book) -> bool:
    """Whether a ticket waits for this person in this turn."""
    return ticket.submitter == person if turn.party == "submitter" else person in own(ticket, turn, book)


def _to_guide(ticket: Ticket, book: Book) -> tuple[str, ...]:
    """Who could own a ticket that nobody owns: the default owner, else all owners, else the admins."""
    for people in ((book.default_owner,), book.members("owner"), book.members("admin")):
        if fitting := tuple(x for x in people if x and not submits(ticket, x)):
            return fitting
    return ()
