"""Whose turn it is: the parties a ticket waits for, derived from its facts, each with the moment since when."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from itertools import accumulate
from typing import Literal

from mmbot.domain import facts as f
from mmbot.domain import steps
from mmbot.domain.deadlines import plus_days, plus_working_days
from mmbot.domain.review import Verdict, findings, gate, verdict, verdicts
from mmbot.domain.ticket import Ticket, followed
from mmbot.policy import Policy

Reason = Literal[
    "reference", "resolving", "owner", "request", "answer", "review", "confirm", "look-again", "step", "listing"
]


Stage = Literal[
    "looking up", "reference wanted", "reviews to request", "in review", "changes requested", "gate open", "merged", "cut", "listed",
    "all done", "on hold", "closed",
]  # fmt: skip


@dataclass(frozen=True)
class Turn:
    """One party that the ticket waits for: "submitter", "owner", "mmbot" or a role's name; `why` says for what.

    `alone`: since when nobody but the submitter is waited for; 0 while others are, too: a delay of ours is never theirs.
    """

    party: str
    why: Reason
    since: int = 0
    due: int = 0
    step: str = ""
    urgent_at: int = 0
    alone: int = 0


def waiting(ticket: Ticket) -> tuple[Turn, ...]:
    """The parties and reasons at this moment, without their times."""
    if ticket.ended or ticket.held or ticket.submitted is None:
        return ()
    if not ticket.commit:
        if ticket.asked:
            return (Turn("mmbot", "resolving"),)
        wanted = Turn("submitter", "reference")
        return (wanted,) if ticket.owner else (Turn("owner", "owner"), wanted)
    says = verdicts(ticket)
    if gate(ticket, says).open:
        return _after_the_gate(ticket)
    turns: list[Turn] = [] if ticket.owner else [Turn("owner", "owner")]
    if any(not x.answered_at for x in findings(ticket)):
        turns.append(Turn("submitter", "answer"))
    turns += [turn for role in says if (turn := _role_turn(ticket, role, says[role]))]
    if ticket.owner and "not asked yet" in says.values():
        turns.append(Turn("owner", "request"))
    return tuple(turns)


def _after_the_gate(ticket: Ticket) -> tuple[Turn, ...]:
    """Whoever takes the next step; none is waited for when all are done."""
    left = steps.outstanding(ticket)
    if not left:
        return ()
    turns = _step_turns(ticket, left[0])
    beside = next((x for x in left if x in steps.beside_the_review(ticket)), "")
    if beside and not any(turn.party == "owner" for turn in turns):
        return (*turns, Turn("owner", "step", step=beside))
    return turns


def _step_turns(ticket: Ticket, step: str) -> tuple[Turn, ...]:
    if step == "owner":
        return (Turn("owner", "owner"),)
    if step == "cut" and ticket.comparing:
        return (Turn("mmbot", "resolving", step="merged"),)
    if step == "listing-gate":
        return tuple(Turn(role, "listing", step=step) for role in steps.missing_at_listing(ticket))
    return (Turn("release" if ticket.policy.steps[step].by == "release" else "owner", "step", step=step),)


def stage(ticket: Ticket) -> Stage:  # noqa: PLR0911 -- one exit per case
    """Where a ticket is on its way, in two or three words."""
    if ticket.ended:
        return "closed"
    if ticket.held:
        return "on hold"
    if not ticket.commit:
        return "looking up" if ticket.asked else "reference wanted"
    if gate(ticket).open:
        return _stage_after_the_gate(ticket)
    if any(not x.answered_at for x in findings(ticket)):
        return "changes requested"
    if all(verdict(ticket, role) == "not asked yet" for role in ticket.roles):
        return "reviews to request"
    return "in review"


def _stage_after_the_gate(ticket: Ticket) -> Stage:
    if ticket.public:
        return "listed" if steps.outstanding(ticket) else "all done"
    way = ticket.track_words.steps
    if "cut" in way and steps.done(ticket, "cut"):
        return "cut"
    return "merged" if "merged" in way and steps.done(ticket, "merged") else "gate open"


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
    after, now = {}, waiting(ticket)
    for turn in now:
        old = before.get(turn.party)
        same = old if old and (old.why, old.step) == (turn.why, turn.step) else None
        if not same or same.urgent_at != ticket.urgent_at:
            since = same.since if same else at
            alone = same.alone if same else 0
            same = Turn(turn.party, turn.why, since, due(ticket, turn, since), turn.step, ticket.urgent_at, alone)
        after[turn.party] = _counted(ticket, same, at, alone=len(now) == 1) if turn.party == "submitter" else same
    return after


def _counted(ticket: Ticket, turn: Turn, at: int, *, alone: bool) -> Turn:
    """A submitter's turn: the days count from when nobody else is waited for."""
    since = (turn.alone or at) if alone else 0
    until = due(ticket, turn, since) if since else 0
    return turn if (since, until) == (turn.alone, turn.due) else replace(turn, alone=since, due=until)


def due(ticket: Ticket, turn: Turn, since: int) -> int:
    """By when the policy asks this party to act (milliseconds UTC), 0 where it sets no day; of us, what is urgent takes less."""
    usual = _usually_due(ticket.policy, turn, since)
    if not ticket.urgent_at or turn.party in {"mmbot", "submitter"}:
        return usual
    days = ticket.policy.days
    return min(usual, plus_working_days(max(since, ticket.urgent_at), days.urgent, days.holidays))


def _usually_due(policy: Policy, turn: Turn, since: int) -> int:
    if turn.party == "mmbot":
        return 0
    if turn.party == "submitter":
        return plus_days(since, policy.days.submitter)
    if turn.party in {"owner", "release"}:
        return plus_working_days(since, policy.days.owner, policy.days.holidays)
    return plus_working_days(since, policy.roles[turn.party].days, policy.days.holidays)
