"""Days and working days, counted in UTC; every time is in milliseconds."""

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta

DAY = 86_400_000
SATURDAY = 5


def plus_days(at: int, days: float) -> int:
    """The moment so many days of 24 hours later."""
    return at + round(days * DAY)


def plus_working_days(at: int, days: float, holidays: Collection[date] = ()) -> int:
    """The moment so many working days later: Saturdays, Sundays and holidays pass without being counted.

    A fraction of a day counts as that share of 24 hours, on whatever day it is.
    """
    whole = int(days)
    moment = datetime.fromtimestamp(at / 1000, UTC)
    while whole > 0:
        moment += timedelta(days=1)
        if moment.weekday() < SATURDAY and moment.date() not in holidays:
            whole -= 1
    return round(moment.timestamp() * 1000) + round((days - int(days)) * DAY)
