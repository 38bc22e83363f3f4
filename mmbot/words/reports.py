"""The command with which a step is reported."""

from collections.abc import Callable

from mmbot.domain import steps
from mmbot.domain.rights import OUTSIDE, is_outside
from mmbot.domain.ticket import Ticket
from mmbot.policy import Step
from mmbot.words.phrases import listed, typed


def report(ticket: Ticket, words: Step, who: Callable[[str], str]) -> str:
    """The command that reports a step."""
    link_ = " LINK" if words.link else ""
    if words.name == "merged":
        return f"{typed(f'done {ticket.handle} merged LINK')}, with the link of the merge commit"
    if not words.each:
        return typed(f"done {ticket.handle} {words.name}{link_}")
    left = [x for x in ticket.maintainers if not steps.done(ticket, words.name, x)]
    names = [f"@{who(x)}" if not is_outside(x) else f'"{x.removeprefix(OUTSIDE)}"' for x in left[:5]]
    return listed([typed(f"done {ticket.handle} {words.name} {name}{link_}") for name in names])
