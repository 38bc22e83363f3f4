"""Days and working days, against a second reckoning that walks the calendar."""

from collections.abc import Collection
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from hypothesis import given
from hypothesis import strategies as st

from mmbot.domain.deadlines import DAY, Office, plus_days, plus_working_days
from mmbot.policy import Hours

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


ZONES = st.sampled_from(
    ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Kiritimati", "America/Santiago")
)
hours = st.tuples(st.integers(0, 23), st.integers(1, 24)).filter(lambda x: x[0] < x[1] and x != (0, 24))
a_year = st.integers(MONDAY - 200 * DAY, MONDAY + 200 * DAY)


def office(zone: str, hour: tuple[int, int], off: Collection[date] = ()) -> Office:
    return Office(Hours(begin=hour[0], end=hour[1]), ZoneInfo(zone), off)


def said(at: int, zone: str) -> datetime:
    return datetime.fromtimestamp(at / 1000, ZoneInfo(zone))


@given(a_year, ZONES, hours, holidays)
def test_a_clock_speaks_in_the_hours_of_whoever_reads_it(
    at: int, zone: str, hour: tuple[int, int], off: set[date]
) -> None:
    room = office(zone, hour, off)
    for moment_ in (room.not_after(at), room.not_before(at), room.next_morning(at)):
        there = said(moment_, zone)
        assert works(there.date(), off)
        assert hour[0] * 60 <= there.hour * 60 + there.minute <= hour[1] * 60 or hour[1] == 24
        assert room.open(moment_)
    assert room.not_after(at) <= at <= room.not_before(at)
    assert at < room.next_morning(at)
    assert (room.not_after(at) == at) == room.open(at) == (room.not_before(at) == at)


@given(a_year, a_year, ZONES, hours, holidays)
def test_whoever_is_told_earlier_of_one_thing_is_not_told_later_than_of_a_later_one(
    one: int, other: int, zone: str, hour: tuple[int, int], off: set[date]
) -> None:
    early, late = sorted((one, other))
    room = office(zone, hour, off)
    assert room.not_after(early) <= room.not_after(late)
    assert room.not_before(early) <= room.not_before(late)
    assert room.next_morning(early) <= room.next_morning(late)


@given(a_year, ZONES, hours)
def test_nothing_lies_between_a_moment_and_the_hours_around_it(at: int, zone: str, hour: tuple[int, int]) -> None:
    room = office(zone, hour)
    before, after = room.not_after(at), room.not_before(at)
    assert before == after or not any(room.open(before + (after - before) * n // 7) for n in range(1, 7))


def test_a_morning_is_nine_by_the_wall_on_both_sides_of_summer_time() -> None:
    room = office("Europe/Berlin", (9, 16))
    friday = round(datetime(2026, 3, 27, 9, 0, tzinfo=ZoneInfo("Europe/Berlin")).timestamp() * 1000)
    assert said(room.next_morning(friday), "Europe/Berlin").isoformat() == "2026-03-30T09:00:00+02:00"
    assert room.next_morning(friday) - friday == 3 * DAY - HOUR
    autumn = round(datetime(2026, 10, 23, 9, 0, tzinfo=ZoneInfo("Europe/Berlin")).timestamp() * 1000)
    assert room.next_morning(autumn) - autumn == 3 * DAY + HOUR


def test_from_0_to_24_is_any_time_days_off_too() -> None:
    room, saturday = office("UTC", (0, 24)), MONDAY + 5 * DAY + 15 * HOUR
    assert room.open(saturday)
    assert room.not_after(saturday) == room.not_before(saturday) == saturday
