"""Days and working days, against a second reckoning that walks the calendar."""

from datetime import UTC, date, datetime, timedelta

from hypothesis import given
from hypothesis import strategies as st

from mmbot.domain.deadlines import DAY, plus_days, plus_working_days

MONDAY = 1_794_218_400_000  # 2026-11-09, 10:00
HOUR = 3_600_000
moments = st.integers(0, 4_000_000_000_000)
days = st.integers(0, 60)
holidays = st.sets(st.dates(date(2026, 10, 1), date(2027, 2, 1)), max_size=20)
near = st.integers(MONDAY - 30 * DAY, MONDAY + 30 * DAY)


def moment(at: int) -> datetime:
    return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=at)


def works(day: date, off: set[date]) -> bool:
    return day.weekday() < 5 and day not in off


@given(near, days, holidays)
def test_so_many_working_days_lie_between_and_the_last_of_them_is_the_day(at: int, count: int, off: set[date]) -> None:
    until = plus_working_days(at, count, off)
    first, last = moment(at).date(), moment(until).date()
    between = [first + timedelta(days=n) for n in range(1, (last - first).days + 1)]
    assert sum(works(day, off) for day in between) == count
    assert count == 0 or works(last, off)
    assert moment(until).time() == moment(at).time()


@given(moments, days, days)
def test_days_add_up(at: int, some: int, more: int) -> None:
    assert plus_days(plus_days(at, some), more) == plus_days(at, some + more)
    assert plus_working_days(plus_working_days(at, some), more) == plus_working_days(at, some + more)


@given(moments, moments, days)
def test_whoever_begins_later_is_never_due_earlier(one: int, other: int, count: int) -> None:
    early, late = sorted((one, other))
    assert plus_working_days(early, count) <= plus_working_days(late, count) + DAY
    assert plus_days(early, count) <= plus_days(late, count)


@given(near, days, holidays, st.dates(date(2026, 10, 1), date(2027, 2, 1)))
def test_a_further_holiday_never_makes_it_earlier(at: int, count: int, off: set[date], also: date) -> None:
    assert plus_working_days(at, count, off) <= plus_working_days(at, count, off | {also})
    assert plus_days(at, count) <= plus_working_days(at, count, off)


@given(moments, days)
def test_none_of_the_days_is_no_time_at_all(at: int, count: int) -> None:
    assert plus_days(at, 0) == plus_working_days(at, 0) == at
    assert plus_days(at, count) - at == count * DAY


@given(moments, st.integers(0, 20), st.integers(1, 23))
def test_a_fraction_of_a_day_is_that_share_of_24_hours(at: int, whole: int, hours: int) -> None:
    fraction = hours / 24
    assert plus_days(at, whole + fraction) == at + whole * DAY + hours * HOUR
    assert plus_working_days(at, whole + fraction) == plus_working_days(at, whole) + hours * HOUR


def test_a_week_of_working_days_is_a_week_and_the_weekend_waits_for_monday() -> None:
    friday, saturday = MONDAY + 4 * DAY, MONDAY + 5 * DAY
    assert plus_working_days(MONDAY, 5) == MONDAY + 7 * DAY
    assert plus_working_days(friday, 1) == MONDAY + 7 * DAY
    assert plus_working_days(saturday, 1) == MONDAY + 7 * DAY
    assert plus_working_days(friday, 1, [date(2026, 11, 16)]) == MONDAY + 8 * DAY
