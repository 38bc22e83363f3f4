"""What somebody can do next for a ticket, as the command for it."""

from collections.abc import Mapping

from mmbot.domain import review
from mmbot.domain.rights import is_outside, submits
from mmbot.domain.ticket import Ticket
from mmbot.domain.turns import Turn
from mmbot.policy import Step
from mmbot.words.cards import title_of
from mmbot.words.phrases import thread_at, typed


def way_on(ticket: Ticket, turns: Mapping[str, Turn], reader: str, roles: frozenset[str], thread: str = "") -> str:  # noqa: C901, PLR0911, PLR0912 -- one line per turn
    """What this reader can do now for the ticket, as a command; "" where it is not their turn."""
    for turn in turns.values():
        if turn.party == "submitter" and submits(ticket, reader):
            if turn.why == "reference":
                return f"name what to review with {typed(f'commit {ticket.handle} LINK')}"
            return f"answer, then {typed(f'ready {ticket.handle}')} — add the new tag or commit if the code changed"
        if turn.party == "submitter" and reader == ticket.owner and is_outside(ticket.submitter):
            word = "commit" if turn.why == "reference" else "ready"
            return f"pass it on to them; with their answer, {typed(f'{word} {ticket.handle} LINK')}"
        if turn.party == "owner" and reader == ticket.owner:
            if turn.why == "request":
                return f"ask for the reviews with {typed(f'request {ticket.handle}')}"
            if turn.why == "step":
                return _doing(ticket, turn)
        if turn.party == "release" and "release" in roles:
            return _doing(ticket, turn)
        if turn.why == "owner" and "owner" in roles and not submits(ticket, reader):
            return f"take it with {typed(f'claim {ticket.handle}')}"
        if turn.party not in ticket.policy.roles or turn.party not in roles or submits(ticket, reader):
            continue
        if turn.why == "listing" and ticket.review(turn.party).reviewer in {"", reader}:
            return f"try what was cut, then {typed(f'approve {ticket.handle} {turn.party} --listing')}"
        if ticket.review(turn.party).reviewer in {"", reader}:
            if not ticket.review(turn.party).reviewer:
                return f"take the {title_of(ticket, turn.party)} review with {typed(f'claim {ticket.handle} {turn.party}')}"
            return _judging(ticket, turn, thread)
    return ""


def _doing(ticket: Ticket, turn: Turn) -> str:
    """A step that somebody has to do, and the command that reports it."""
    step = ticket.policy.steps[turn.step]
    if line := does_it(ticket, step):
        return f"{step.do}: {typed(line)}"
    more = f"{' @USER' if step.each else ''}{' LINK' if step.link or step.name == 'merged' else ''}"
    return f"{step.do}, then {typed(f'done {ticket.handle} {turn.step}{more}')}"


def does_it(ticket: Ticket, step: Step) -> str:
    """The command by which the bot does a step itself, "" where there is none: of what is never cut no entry is made."""
    return f"{step.command} {ticket.handle}" if step.command and "cut" in ticket.track_words.steps else ""


def _judging(ticket: Ticket, turn: Turn, thread: str) -> str:
    ref, role = ticket.handle, turn.party
    if turn.why == "look-again":
        settle = typed(f"unblock {ref} {review.findings(ticket, role)[0].number}")
        return f"look at the answers, then {settle}, or the buttons in {thread_at(thread)}"
    if turn.why == "confirm":
        return f"look at what changed, then {typed(f'holds {ref} {role}')} or {typed(f'again {ref} {role}')}"
    every = " --all" if review.undecided(ticket, role) else ""
    return (
        f"judge it with the buttons in {thread_at(thread)}; when all is well, {typed(f'approve {ref} {role}{every}')}"
    )
