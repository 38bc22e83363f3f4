"""Whose turn it is: the parties a ticket waits for, derived from its facts, each with the moment since when."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Literal

from mmbot.domain import facts as f
from mmbot.domain.deadlines import plus_days, plus_working_days
from mmbot.domain.review import Verdict, findings, gate, verdict, verdicts
from mmbot.domain.ticket import Ticket, followed
from mmbot.policy import Policy

Reason = Literal["reference", "resolving", "owner", "request", "answer", "review", "confirm", "look-again", "merge"]


Stage = Literal[
    "looking up", "reference wanted", "reviews to request", "in review", "changes requested", "gate open", "closed"
]


@dataclass(frozen=True)
class Turn:
    """One party that the ticket waits for: "submitter", "owner", "mmbot" or a role's name; `why` says for what."""

    party: str
    why: Reason
    since: int = 0
    due: int = 0


def waiting(ticket: Ticket) -> tuple[Turn, ...]:
    """The parties and reasons at this moment, without their times."""
    if ticket.ended or ticket.submitted is None:
        return ()
    if not ticket.commit:
        if ticket.asked:
            return (Turn("mmbot", "resolving"),)
        return (Turn("submitter", "reference"),)
    says = verdicts(ticket)
    if gate(ticket, says).open:
        return (Turn("owner", "merge"),)
    turns: list[Turn] = [] if ticket.owner else [Turn("owner", "owner")]
    if any(x.open and not x.answered_at for x in ticket.findings):
        turns.append(Turn("submitter", "answer"))
    turns += [turn for role in says if (turn := _role_turn(ticket, role, says[role]))]
    if ticket.owner and "not asked yet" in says.values():
        turns.append(Turn("owner", "request"))
    return tuple(turns)


def stage(ticket: Ticket) -> Stage:
    """Where a ticket is on its way, in two or three words."""
    if ticket.ended:
        return "closed"
    if not ticket.commit:
        return "looking up" if ticket.asked else "reference wanted"
    if gate(ticket).open:
        return "gate open"
    if any(not x.answered_at for x in findings(ticket)):
        return "changes requested"
    if all(verdict(ticket, role) == "not asked yet" for role in ticket.roles):
        return "reviews to request"
    return "in review"


def _role_turn(ticket: Ticket, role: str, says: Verdict) -> Turn | None:
    if says in {"approved", "not asked yet"}:
        return None
    if says == "changes requested":
        answered = all(x.answered_at for x in findings(ticket, role))
        return Turn(role, "look-again") if answered else None
    return Turn(role, "confirm" if says == "held" else "review")


def history(number: int, policy: Policy, facts: Iterable[f.AnyFact]) -> tuple[Ticket, Mapping[str, Turn]]:
    """Fold facts and note since when each party is waited for; returns the ticket and its turns by party."""
    states = list(accumulate(facts, followed, initial=Ticket(number, policy)))
    turns: dict[str, Turn] = {}
    if not states[-1].ended:  # else nobody is waited for, whoever was before
        for state in states[1:]:
            turns = carried(state, turns, state.changed_at)
    return states[-1], turns


def carried(ticket: Ticket, before: Mapping[str, Turn], at: int) -> dict[str, Turn]:
    """The turns after something happened at `at`: a party waited for already, for the same reason, keeps its since."""
    after = {}
    for turn in waiting(ticket):
        old = before.get(turn.party)
        if old and old.why == turn.why:
            after[turn.party] = old
        else:
            after[turn.party] = Turn(turn.party, turn.why, at, due(ticket.policy, turn, at))
    return after


def due(policy: Policy, turn: Turn, since: int) -> int:
    """By when the policy asks this party to act (milliseconds UTC), 0 where it sets no day."""
    if turn.party == "mmbot":
        return 0
    if turn.party == "submitter":
        return plus_days(since, policy.days.submitter)
    if turn.party == "owner":
        return plus_working_days(since, policy.days.owner, policy.days.holidays)
    return plus_working_days(since, policy.roles[turn.party].days, policy.days.holidays)
