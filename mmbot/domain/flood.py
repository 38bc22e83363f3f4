"""How much one person may ask for: a rule over moments, in milliseconds UTC."""

from dataclasses import dataclass, replace
from typing import Literal

MOST = 60
"""How many requests of one person are taken in a minute, unless configured otherwise: a reviewer in haste presses a third of that."""
WINDOW = 60_000

Answer = Literal["take", "say no", "ignore"]


@dataclass(frozen=True)
class Asked:
    """What is remembered of a person: the moments of what was taken last, and from when until when nothing is taken."""

    moments: tuple[int, ...] = ()
    since: int = 0
    until: int = 0


def ask(before: Asked, at: int, most: int = MOST) -> tuple[Asked, Answer]:
    """Decide about one more request, made at `at`; what was written while mmbot was away may come out of order.

    What is too much is said once; then all is ignored until a full minute, at least one minute and at most two later.
    """
    if before.since <= at < before.until:
        return before, "ignore"
    if sum(abs(at - x) < WINDOW for x in before.moments) >= most:
        return replace(before, since=at, until=-(-(at + WINDOW) // WINDOW) * WINDOW), "say no"
    return replace(before, moments=(*before.moments, at)[-most:]), "take"


def over(asked: Asked, now: int) -> bool:
    """Whether there is nothing left that has to be remembered."""
    return asked.until <= now and all(x <= now - WINDOW for x in asked.moments)
