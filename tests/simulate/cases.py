"""Cases in the simulated year."""

import random

from simulate.people import Ways
from simulate.town import Town


def handles(town: Town) -> list[str]:
    return []


async def look(town: Town, name: str, how: Ways, dice: random.Random) -> None:
    pass


async def found(town: Town, dice: random.Random) -> None:
    pass
