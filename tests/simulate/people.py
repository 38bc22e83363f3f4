"""The people of the simulated year: quick ones, slow ones, some who are away and some who never answer, in their time zones."""

import random
from dataclasses import dataclass

from mmbot.domain import review
from mmbot.domain.deadlines import DAY
from mmbot.domain.ticket import Ticket
from mmbot.domain.turns import Turn
from mmbot.store import tickets
from simulate.town import Town

ZONES = (
    "Europe/Berlin",
    "America/New_York",
    "Asia/Kolkata",
    "UTC",
    "Australia/Sydney",
    "Pacific/Kiritimati",
    "America/St_Johns",
    "",
)
HOUR = DAY // 24
ROLES = {
    "admin": ("ada",), "owner": ("olive", "ole"), "default-owner": ("olive",), "product": ("pam", "pete"),
    "dev": ("dana", "dirk"), "security": ("sam", "sara"), "qa": ("quinn", "tom"), "release": ("rosa",),
}  # fmt: skip


@dataclass(frozen=True)
class Ways:
    """How somebody is: days between two looks at what waits for them (0 for never), and how likely they then do each thing."""

    every: float
    does: float


QUICK, STEADY, SLOW, NEVER = Ways(0.7, 0.9), Ways(2.5, 0.7), Ways(12, 0.5), Ways(0, 0)


def ways(dice: random.Random) -> Ways:
    """Somebody drawn at random."""
    return dice.choices((QUICK, STEADY, SLOW, NEVER), (3, 5, 3, 1))[0]


def next_look(town: Town, name: str, how: Ways, dice: random.Random) -> int | None:
    """When somebody looks next: in their own working hours."""
    if not how.every:
        return None
    at = town.now + round(dice.expovariate(1 / how.every) * DAY) + HOUR // 7
    return town.office(name).not_before(at) + dice.randrange(5 * HOUR)


async def look(town: Town, name: str, how: Ways, dice: random.Random) -> None:
    """Somebody looks at what waits for them, and does some of it."""
    person = f"id-{name}"
    parties = sorted(town.store.roles_of(person) & {*town.policy.roles, "owner", "release"})
    rows, _ = tickets.waiting_for(town.store, parties, person, 30)
    for row in rows:
        ticket = town.store.ticket(row["ticket"])
        if ticket is None or dice.random() > how.does:
            continue
        turn = town.store.turns(ticket.number).get(row["party"])
        if turn:
            for line in lines(ticket, turn, name, dice):
                await town.says(name, line)


def lines(ticket: Ticket, turn: Turn, name: str, dice: random.Random) -> list[str]:  # noqa: PLR0911 -- one exit per reason to wait
    """What somebody types whose turn it is."""
    ref = ticket.handle
    match turn.why:
        case "owner":
            return [f"claim {ref}"]
        case "request":
            return [f"request {ref}"]
        case "answer":
            return [f"ready {ref}"]
        case "step":
            return [_step(ticket, turn, dice)]
        case "listing":
            return [f"approve {ref} {turn.party} --listing"]
        case "confirm":
            return [f"holds {ref} {turn.party}"]
        case "look-again":
            settled = [f"unblock {ref} {x.number}" for x in review.findings(ticket, turn.party)]
            return [*settled, f"approve {ref} {turn.party} --all"]
        case "review":
            take = [] if ticket.review(turn.party).reviewer else [f"claim {ref} {turn.party}"]
            judge = [f"approve {ref} {turn.party} --all"]
            if dice.random() < 0.3:
                judge = [f"block {ref} {turn.party} something is wrong with what {name} looked at"]
            return [*take, *(judge if dice.random() < 0.7 else [])]
        case _:
            return []


def _step(ticket: Ticket, turn: Turn, dice: random.Random) -> str:
    step = ticket.policy.steps[turn.step]
    person = f" @{ticket.maintainers[0].removeprefix('id-')}" if step.each else ""
    link = f" https://example.com/{dice.randrange(10**6)}" if step.link else ""
    return f"done {ticket.handle} {turn.step}{person}{link}"


async def now_and_then(town: Town, name: str, dice: random.Random) -> None:
    """What an owner does with some ticket once in a while."""
    number = dice.randrange(1, max(2, town.store.next_number()))
    ticket = town.store.ticket(number)
    if ticket is None or ticket.ended:
        return
    ref = ticket.handle
    choices = [
        f"hold {ref} its author asked for it", f"unhold {ref}", f"urgent {ref}", f"not-urgent {ref}", f"snooze {ref} 3",
        f"mute {ref}", f"unmute {ref}", f"remind @{dice.choice(('dana', 'sam', 'olive', 'pam'))} about {ref} in 3 days",
    ]  # fmt: skip
    if dice.random() < 0.1:
        choices = [f"reject {ref} it does what another one does", f"withdraw {ref}"]
    await town.says(name, dice.choice(choices))
