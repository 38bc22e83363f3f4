"""The figures of a report on all tickets, and the moments at which it is given by itself. Every time is in milliseconds."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from math import ceil
from statistics import median

from mmbot.domain.deadlines import DAY, FIRST, SATURDAY, THURSDAY

MOST = 0.8


@dataclass(frozen=True)
class Spread:
    """How long something took: the median, and the time within which four of five were through; `count` is of how many."""

    count: int = 0
    half: int = 0
    most: int = 0


def spread(times: Collection[int]) -> Spread:
    """The spread of some lengths of time."""
    if not times:
        return Spread()
    ordered = sorted(times)
    return Spread(len(ordered), round(median(ordered)), ordered[ceil(len(ordered) * MOST) - 1])


@dataclass(frozen=True)
class Waits:
    """How many tickets wait for a party, how many of them for too long, for how long half of them do, and which has waited longest."""

    party: str
    count: int
    late: int
    half: int
    longest: int
    ticket: int


@dataclass(frozen=True)
class Usual:
    """How long a role's reviews made tickets wait: until they were first looked at, and until the first decision."""

    looked: Spread = Spread()
    took: Spread = Spread()


@dataclass(frozen=True)
class Figures:
    """What there is to say of all tickets at a moment. `came`, `listed` and `closed` are of the last week.

    `went`: how much time of the `finished` tickets that were finished last is booked to each party.
    """

    at: int
    open: int = 0
    waits: tuple[Waits, ...] = ()
    came: int = 0
    listed: int = 0
    closed: int = 0
    listing: Spread = Spread()
    usual: Mapping[str, Usual] = field(default_factory=dict)
    finished: int = 0
    went: Mapping[str, int] = field(default_factory=dict)


def next_report(after: int, hour: int, holidays: Collection[date] = ()) -> int:
    """The next moment after this one at which the report is due: the first working day of a week that has one, at this hour (UTC)."""
    off = {holiday.toordinal() - FIRST for holiday in holidays}
    monday = after // DAY - (after // DAY + THURSDAY) % 7
    while True:
        first = next((day for day in range(monday, monday + SATURDAY) if day not in off), None)
        if first is not None and (at := first * DAY + hour * DAY // 24) > after:
            return at
        monday += 7


def shares(went: Mapping[str, int], parts: int = 100) -> Mapping[str, int]:
    """How much of the time each party has, in so many parts of the whole: together they are all of it."""
    whole = sum(went.values())
    if not whole:
        return {}
    exact = {party: time * parts / whole for party, time in went.items()}
    rounded = {party: int(share) for party, share in exact.items()}
    for party in _largest_rests(exact, parts - sum(rounded.values())):
        rounded[party] += 1
    return rounded


def _largest_rests(exact: Mapping[str, float], count: int) -> Sequence[str]:
    return sorted(exact, key=lambda party: int(exact[party]) - exact[party])[:count]
