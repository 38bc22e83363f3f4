"""Days and working days, counted in UTC; every time is in milliseconds."""

from collections.abc import Collection
from datetime import date

DAY = 86_400_000
THURSDAY, SATURDAY = 3, 5
FIRST = date(1970, 1, 1).toordinal()
"""The day on which the milliseconds begin: a Thursday."""


def plus_days(at: int, days: float) -> int:
    """The moment so many days of 24 hours later."""
    return at + round(days * DAY)


def plus_working_days(at: int, days: float, holidays: Collection[date] = ()) -> int:
    """The moment so many working days later: Saturdays, Sundays and holidays pass without being counted.

    A fraction of a day counts as that share of 24 hours, on whatever day it is.
    """
    whole = int(days)
    day, rest = divmod(at, DAY)
    off = {holiday.toordinal() - FIRST for holiday in holidays}
    while whole > 0:
        day += 1
        if (day + THURSDAY) % 7 < SATURDAY and day not in off:
            whole -= 1
    return day * DAY + rest + round((days - int(days)) * DAY)
