"""Days and working days, counted in UTC, and the hours in which a clock may speak to somebody; every time is in milliseconds UTC."""

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta, tzinfo

from mmbot.policy import Hours

DAY = 86_400_000
THURSDAY, SATURDAY, WORKING = 3, 5, 5
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
    while whole > WORKING:  # whole weeks at once, each of which has as many working days, whatever day it begins
        weeks = (whole - 1) // WORKING
        first, day = day, day + 7 * weeks
        whole -= WORKING * weeks - sum(first < x <= day and (x + THURSDAY) % 7 < SATURDAY for x in off)
    while whole > 0:
        day += 1
        if (day + THURSDAY) % 7 < SATURDAY and day not in off:
            whole -= 1
    return day * DAY + rest + round((days - int(days)) * DAY)


@dataclass(frozen=True)
class Office:
    """When a clock may speak to somebody: the policy's hours in their own zone, on working days."""

    hours: Hours
    zone: tzinfo = UTC
    holidays: Collection[date] = field(default=())

    def open(self, at: int) -> bool:
        """Whether a clock may speak at this moment; the last hour ends with its first moment."""
        if self.hours.always:
            return True
        day = self._day(at)
        return self._works(day) and self._begin(day) <= at <= self._end(day)

    def not_after(self, at: int) -> int:
        """The latest moment in these hours that is not after this one."""
        if self.open(at):
            return at
        day = self._day(at)
        while not (self._works(day) and self._end(day) <= at):
            day -= timedelta(days=1)
        return self._end(day)

    def not_before(self, at: int) -> int:
        """The earliest moment in these hours that is not before this one."""
        if self.open(at):
            return at
        day = self._day(at)
        while not (self._works(day) and self._begin(day) >= at):
            day += timedelta(days=1)
        return self._begin(day)

    def on_its_day(self, at: int) -> int | None:
        """The moment in these hours, on the same day, that is nearest to this one; None on a day off."""
        if self.hours.always:
            return at
        day = self._day(at)
        return min(max(at, self._begin(day)), self._end(day)) if self._works(day) else None

    def next_morning(self, at: int) -> int:
        """The next morning of a working day, after this moment; any later moment where hours don't matter."""
        if self.hours.always:
            return at + 1
        day = self._day(at)
        while not (self._works(day) and self._begin(day) > at):
            day += timedelta(days=1)
        return self._begin(day)

    def _day(self, at: int) -> date:
        return datetime.fromtimestamp(at / 1000, self.zone).date()

    def _works(self, day: date) -> bool:
        return day.weekday() < SATURDAY and day not in self.holidays

    def _begin(self, day: date) -> int:
        return self._moment(day, self.hours.begin)

    def _end(self, day: date) -> int:
        midnight = self.hours.end == 24  # noqa: PLR2004 -- which belongs to the next day
        return self._moment(day, self.hours.end) - midnight

    def _moment(self, day: date, hour: int) -> int:
        local = datetime.combine(day, time(), self.zone) + timedelta(
            hours=hour
        )  # a wall clock's: summer time shifts it
        return round(local.timestamp() * 1000)
