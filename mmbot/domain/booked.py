"""To whom the time of a ticket is booked: the spans in which each party was waited for, and how long reviews took. Milliseconds UTC."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

from mmbot.domain import facts as f
from mmbot.domain.ticket import Ticket, followed
from mmbot.domain.ticket_parts import PUBLIC
from mmbot.domain.turns import Turn, carried

HOLD = "hold"
"""The party that the time of a ticket on hold is booked to: nobody is waited for then."""


@dataclass(frozen=True)
class Span:
    """Some time in which a party was waited for, for one reason: from `since` on, and no longer at `until`."""

    party: str
    why: str
    since: int
    until: int


@dataclass(frozen=True)
class Decision:
    """A role approved or asked for changes at `at`; it had begun to look at `looked_at`."""

    role: str
    looked_at: int
    at: int


@dataclass(frozen=True)
class Pace:
    """How long a review made the ticket wait: `looked` until it was first looked at, `took` until its first decision (milliseconds).

    `counts`: whether it was waited for before it began; what a role looked at unasked says nothing of how long one waits.
    """

    role: str
    looked: int
    took: int
    decided_at: int
    counts: bool


@dataclass(frozen=True)
class Life:
    """When a ticket was opened, and when and how it was finished: `how` is "listed", an ending, or "" while neither is so."""

    opened_at: int
    finished_at: int = 0
    how: str = ""


@dataclass(frozen=True)
class Account:
    """A ticket after some facts, whom it waits for, and what came to an end with them."""

    ticket: Ticket
    turns: Mapping[str, Turn]
    spans: tuple[Span, ...] = ()
    decisions: tuple[Decision, ...] = ()


def account(ticket: Ticket, turns: Mapping[str, Turn], facts: Iterable[f.AnyFact]) -> Account:
    """Go on from a ticket and its turns with further facts: it all comes to the same whether they come at once or one by one."""
    spans, decisions = list[Span](), list[Decision]()
    running = _running(ticket, turns)
    for fact in facts:
        ticket = followed(ticket, fact)
        turns = carried(ticket, turns, fact.at)
        before, running = running, _running(ticket, turns)
        for party, begun in before.items():
            if begun != running.get(party) and begun[1] < fact.at:
                spans.append(Span(party, *begun, fact.at))
        if role := _decides(ticket, fact):
            decisions.append(Decision(role, ticket.review(role).started_at, fact.at))
    return Account(ticket, turns, tuple(spans), tuple(decisions))


def _running(ticket: Ticket, turns: Mapping[str, Turn]) -> dict[str, tuple[str, int]]:
    """The parties to whom time is being booked, each with the reason and since when."""
    running: dict[str, tuple[str, int]] = {x.party: (x.why, x.since) for x in turns.values()}
    if ticket.held and not ticket.ended:
        running[HOLD] = (HOLD, max(ticket.held.at, ticket.reopened_at))
    return running


def _decides(ticket: Ticket, fact: f.AnyFact) -> str:
    """The role that says with a fact what it thinks of the plugin: it approves, or asks for changes."""
    match fact:
        case f.VerdictGiven(gate="review", decision="approve") | f.FindingRaised():
            return fact.role
        case f.Judged(state="failed"):
            return ticket.requirements.items[fact.item].role
    return ""


def pace(decision: Decision, spans: Sequence[tuple[int, int]]) -> Pace:
    """How long a role's first decision took, from what was booked to the role before: pairs of since and until, the oldest first."""
    looked = sum(max(0, min(until, decision.looked_at) - since) for since, until in spans)
    took = sum(max(0, min(until, decision.at) - since) for since, until in spans)
    asked = bool(spans) and spans[0][0] < decision.looked_at
    return Pace(decision.role, looked, took, decision.at, asked)


def life(ticket: Ticket) -> Life:
    """A ticket's beginning and end, as far as they are known."""
    if ticket.ended:
        return Life(ticket.opened_at, ticket.ended.at, ticket.ended.ending)
    if ticket.public:
        shown = [x.at for x in ticket.steps.values() if x.step in PUBLIC and not x.skipped and ticket.stands(x)]
        return Life(ticket.opened_at, min(shown), "listed")
    return Life(ticket.opened_at)


def totals(closed: Mapping[str, int], ticket: Ticket, turns: Mapping[str, Turn], now: int) -> dict[str, int]:
    """What is booked to each party up to now, from what is booked of the time that came to an end."""
    open_ones = {party: max(0, now - since) for party, (_, since) in _running(ticket, turns).items()}
    return dict(Counter(closed) + Counter(open_ones))
