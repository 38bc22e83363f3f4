"""Cases in the simulated year: who finds what, and what the team, the owners and the maintainers do about it."""

import random
from datetime import date

from mmbot.domain import takedown
from mmbot.domain.case_file import CaseFile
from mmbot.domain.deadlines import DAY, FIRST
from mmbot.store import cases
from simulate.people import Ways
from simulate.town import Town

SEVERITIES = ("low", "medium", "high", "high", "critical")


def handles(town: Town) -> list[str]:
    """All cases, the oldest first."""
    return [str(x["handle"]) for x in town.store.query("SELECT handle FROM case_file ORDER BY opened_at, handle")]


def opened(town: Town, handle: str) -> CaseFile:
    """A case as it stands now."""
    case = cases.case(town.store, handle)
    assert case is not None
    return cases.file_of(town.store, case, town.now)


async def found(town: Town, dice: random.Random) -> None:
    """Somebody finds something wrong with some plugin, mostly one that is listed."""
    numbers = [n for n in range(1, town.store.next_number()) if (ticket := town.store.ticket(n)) and ticket.public]
    plugin = f"MB-{dice.choice(numbers)}" if numbers and dice.random() < 0.9 else "com.example.unknown"
    what = f"somebody can do thing {dice.randrange(10**6)}"
    kind = dice.random()
    if kind < 0.35:
        await town.says(dice.choice(("author0", "author1", "mallory", "pam")), f"vulnerability {plugin} {what}")
    elif kind < 0.8:
        await town.says(dice.choice(("sam", "sara")), f"file {plugin} {dice.choice(SEVERITIES)} {what}")
    else:
        await town.says(dice.choice(("quinn", "sam", "olive")), f"file {plugin} bug {what}")


async def look(town: Town, name: str, how: Ways, dice: random.Random) -> None:
    """Somebody looks at the cases that they know of."""
    team = "security" in town.store.roles_of(f"id-{name}")
    for handle in cases.open_cases(town.store):
        file = opened(town, handle)
        if dice.random() > how.does:
            continue
        if team:
            lines = _decides(town, file, dice)
        elif file.own(f"id-{name}"):
            lines = _maintains(file, dice, name)
        elif name == "rosa" and file.case.removing:
            lines = [f"removed {handle}"]
        elif f"id-{name}" == file.owner and file.by_mail and not file.case.contact_told:
            lines = [f"told {handle} by mail"]
        else:
            lines = []
        for line in lines:
            await town.says(name, line)


def _decides(town: Town, file: CaseFile, dice: random.Random) -> list[str]:
    case, ref = file.case, file.handle
    if case.stage == "reported":
        return [f"accept {ref} {dice.choice(SEVERITIES)}" if dice.random() < 0.7 else f"decline {ref} it is none"]
    if case.removing:
        return []
    if case.stage != "open":
        return []
    until = date.fromordinal(FIRST + max(town.now, takedown.ends(case)) // DAY + dice.randrange(2, 12))
    choices = [f"extend {ref} {until} they are at it"]
    if takedown.decides(case, town.now):
        choices += [f"takedown {ref} plugin nobody answers", f"takedown {ref} version 1.0.0 only this one is bad"]
    elif case.asked:
        return [f"confirm {ref}"]
    else:
        choices = [f"severity {ref} {dice.choice(SEVERITIES)} looked again", *([""] * 6)]
        choices += [f"takedown {ref} plugin it is being used against people", f"close {ref} it was none"]
    if file.fix_state == "listed" or dice.random() < 0.1:
        choices = [f"fixed {ref}", f"fixed {ref}", f"notfixed {ref} it is still there"]
    return [dice.choice(choices)]


def _maintains(file: CaseFile, dice: random.Random, name: str) -> list[str]:
    ref = file.handle
    lines = [] if f"id-{name}" in file.case.acknowledged else [f"acknowledge {ref}"]
    if file.fix_state == "none" and dice.random() < 0.4:
        lines.append(f"fix {ref} https://example.com/{dice.randrange(10**6)}")
    return lines
