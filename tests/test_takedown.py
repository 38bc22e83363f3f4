"""The takedown clock against a second reckoning: when it ends, what it says to whom and when, whatever the zone, the day, or the pause."""

from collections.abc import Iterator
from datetime import UTC, date, datetime
from itertools import pairwise
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmbot import policy
from mmbot.domain import case_facts as c
from mmbot.domain.case import Case
from mmbot.domain.deadlines import DAY, Office
from mmbot.domain.takedown import Mark, clock, decides, ends, in_time, next_told, outstanding
from mmbot.policy import Hours, Policy

RULES = policy.load()
ZONES = ("UTC", "Europe/Berlin", "America/New_York", "Asia/Kolkata", "Pacific/Auckland", "America/St_Johns")
HOLIDAYS = frozenset({date(2026, 12, 25), date(2027, 1, 1), date(2027, 3, 29), date(2026, 11, 26)})
MINUTE, HOUR = 60_000, 3_600_000
MONDAY = 1_794_218_400_000
"""9 November 2026, 10:00 UTC."""
ABOUT = c.About(name="Remind")
TO = "somebody"

zones = st.sampled_from(ZONES).map(ZoneInfo)
moments = st.integers(MONDAY, MONDAY + 365 * DAY)


def filed(at: int, rules: Policy = RULES, severity: policy.Severity = "high") -> Case:
    return Case("SEC-1234", rules).plus(c.Filed(what="vulnerability", about=ABOUT, severity=severity, at=at))


def with_days(days: float) -> Policy:
    return RULES.model_copy(update={"takedown": RULES.takedown.model_copy(update={"days": days})})


def works(at: int, zone: ZoneInfo) -> bool:
    """Whether somebody works at a moment, reckoned from the calendar on their wall."""
    there = datetime.fromtimestamp(at / 1000, UTC).astimezone(zone)
    on_a_working_day = there.isoweekday() <= 5 and there.date() not in HOLIDAYS
    return on_a_working_day and (there.hour, there.minute) >= (9, 0) and there.hour * 60 + there.minute <= 16 * 60


def office(zone: ZoneInfo) -> Office:
    return Office(RULES.hours, zone, HOLIDAYS)


def told(case: Case, zone: ZoneInfo, since: int, until: int) -> Iterator[tuple[Mark, int, Case]]:
    """Everything that somebody is told between two moments, when each is looked at as soon as it falls due."""
    now, theirs = since, office(zone)
    while now <= until:
        if mark := outstanding(case, TO, theirs, now):
            case = case.plus(c.Noticed(mark=mark.name, to=TO, at=now))
            yield mark, now, case
        upcoming = next_told(case, TO, theirs, now)
        if upcoming is None:
            return
        assert upcoming > now
        now = upcoming


@given(moments, zones)
def test_each_mark_is_told_once_or_with_a_later_one_and_never_after_its_moment(at: int, zone: ZoneInfo) -> None:
    said = [(mark.name, when) for mark, when, _ in told(filed(at), zone, at, at + 14 * DAY)]
    names = [name for name, _ in said]
    assert names == [x for x in ("7", "3", "1", "end") if x in names]
    assert names[-2:] == ["1", "end"]
    for left, name in ((7, "7"), (3, "3")):
        moment = at + (14 - left) * DAY
        if name in names:
            when = dict(said)[name]
            assert when <= moment
            assert works(when, zone)
            assert not any(works(x, zone) for x in range(when + MINUTE, moment, 15 * MINUTE)), (
                "earlier than it had to be"
            )
        else:  # everything up to it was a day off
            later = min(when for _, when in said if when > at)
            assert (
                not any(works(x, zone) for x in range(min(at, moment) + MINUTE, min(later, moment), HOUR))
                or later <= moment
            )


@given(moments, zones)
def test_on_the_last_day_the_clock_speaks_at_the_very_moment(at: int, zone: ZoneInfo) -> None:
    when = {mark.name: now for mark, now, _ in told(filed(at), zone, at, at + 14 * DAY)}
    assert (when["1"], when["end"]) == (at + 13 * DAY, at + 14 * DAY)


@given(moments, zones)
def test_after_the_end_it_speaks_once_on_each_working_day_and_on_no_other(at: int, zone: ZoneInfo) -> None:
    end = at + 14 * DAY
    again = [now for mark, now, _ in told(filed(at), zone, at, end + 15 * DAY) if mark.name == "again"]
    assert all(works(x, zone) for x in again)
    days = [datetime.fromtimestamp(x / 1000, UTC).astimezone(zone).date() for x in again]
    assert len(days) == len({*days}), "twice on one day"
    first = datetime.fromtimestamp((end + DAY) / 1000, UTC).astimezone(zone).date()
    expected = [date.fromordinal(first.toordinal() + n) for n in range(13)]
    wanted = [x for x in expected if x.isoweekday() <= 5 and x not in HOLIDAYS]
    assert {*wanted} <= {*days}


@given(moments, zones, st.integers(0, 20 * DAY), st.integers(HOUR, 9 * DAY))
def test_after_a_pause_there_is_one_message_and_in_their_hours_but_for_the_last_day(
    at: int, zone: ZoneInfo, into: int, pause: int
) -> None:
    case = filed(at)
    for _, _, after in told(case, zone, at, at + into):
        case = after
    back = at + into + pause
    later = [(mark, now) for mark, now, _ in told(case, zone, back, back + 5 * DAY)]
    assert len([now for _, now in later if now == back]) <= 1
    moments_told = [now for _, now in later]
    assert moments_told == sorted({*moments_told})
    end = ends(case)
    for mark, now in later:
        assert works(now, zone) or mark.name == "end" or end - DAY <= mark.at <= end or now <= back + HOUR


@given(moments, zones, st.integers(0, 6 * DAY))
def test_what_comes_again_and_was_told_late_is_told_anew_on_the_next_day_only(
    at: int, zone: ZoneInfo, pause: int
) -> None:
    case, end = filed(at), at + 14 * DAY
    for _, _, after in told(case, zone, at, end):
        case = after
    said = [now for mark, now, _ in told(case, zone, end + DAY + pause, end + 12 * DAY) if works(now, zone)]
    days = [datetime.fromtimestamp(x / 1000, UTC).astimezone(zone).date() for x in said]
    assert len(days) == len({*days})


@given(moments, zones, zones, st.integers(0, 13 * DAY))
def test_in_another_zone_no_mark_is_told_again(at: int, zone: ZoneInfo, other: ZoneInfo, into: int) -> None:
    case, names = filed(at), list[str]()
    for mark, _, after in told(case, zone, at, at + into):
        case = after
        names.append(mark.name)
    names += [mark.name for mark, _, _ in told(case, other, at + into, at + 14 * DAY)]
    assert len(names) == len({*names})


@given(moments, st.integers(6 * DAY, 13 * DAY))
def test_what_was_told_late_is_not_told_again_on_the_same_day(at: int, back: int) -> None:
    said = [(mark, now) for mark, now, _ in told(filed(at), ZoneInfo("UTC"), at + back, at + 13 * DAY - 1)]
    gaps = [later - now for (_, now), (_, later) in pairwise(said)]
    assert all(gap > DAY // 2 for gap in gaps)


@given(moments, st.floats(0.01, 60), st.floats(0.01, 60))
def test_more_days_in_the_policy_never_end_sooner(at: int, one: float, other: float) -> None:
    fewer, more = sorted((one, other))
    assert ends(filed(at, with_days(fewer))) <= ends(filed(at, with_days(more)))


@given(moments, zones, st.integers(0, 30 * DAY), st.floats(1, 60))
def test_a_policy_that_changed_doubles_nothing(at: int, zone: ZoneInfo, into: int, days: float) -> None:
    case = filed(at)
    for _, _, after in told(case, zone, at, at + into):
        case = after
    anew = filed(at, with_days(days)).plus(*(x for x in case.news if x.kind == "noticed"))
    said = [now for _, now, _ in told(anew, zone, at + into, at + into + 20 * DAY)]
    assert said == sorted({*said})
    assert all(now >= at + into for now in said)


@given(moments, zones, st.integers(0, 13 * DAY), st.floats(0.01, 13))
def test_a_policy_that_moves_the_end_into_the_past_asks_for_the_decision_at_once_and_once(
    at: int, zone: ZoneInfo, into: int, days: float
) -> None:
    case = filed(at)
    for _, _, after in told(case, zone, at, at + into):
        case = after
    anew = filed(at, with_days(days)).plus(*(x for x in case.news if x.kind == "noticed"))
    now = max(at + into, ends(anew))
    said = [(mark.name, when) for mark, when, _ in told(anew, zone, now, now + 6 * DAY)]
    assert said[0] == ("end", now)
    assert "end" not in [name for name, _ in said[1:]]


@given(moments, zones, st.integers(1, 20 * DAY))
def test_an_end_that_passed_while_the_bot_was_down_is_told_as_soon_as_it_is_up(
    at: int, zone: ZoneInfo, late: int
) -> None:
    back = at + 14 * DAY + late
    mark = outstanding(filed(at), TO, office(zone), back)
    assert mark == Mark("end", at + 14 * DAY)


@pytest.mark.parametrize(("late", "right"), [(-1, True), (0, True), (1, False)])
def test_fixed_at_the_deadline_is_in_time_to_the_millisecond(late: int, *, right: bool) -> None:
    case = filed(MONDAY)
    assert decides(case, MONDAY + 14 * DAY + late) is (late >= 0)
    assert in_time(case.plus(c.SaidFixed(at=MONDAY + 14 * DAY + late))) is right


@given(st.integers(1, 20 * DAY), st.sampled_from(("medium", "high", "critical")), st.sampled_from(("medium", "high")))
def test_a_change_of_severity_leaves_two_days_and_counts_from_filing(
    after: int, before: policy.Severity, now: policy.Severity
) -> None:
    case = filed(MONDAY, severity=before).plus(c.SeverityChanged(severity=now, at=MONDAY + after))
    assert ends(case) == max(MONDAY + 14 * DAY, MONDAY + after + 2 * DAY)


def test_what_is_low_has_no_clock_and_comes_back_to_one_with_two_days_left() -> None:
    low = filed(MONDAY, severity="low")
    assert (clock(low), ends(low), next_told(low, TO, office(ZoneInfo("UTC")), MONDAY)) == ("none", 0, None)
    raised = low.plus(c.SeverityChanged(severity="high", at=MONDAY + 20 * DAY))
    assert ends(raised) == MONDAY + 22 * DAY


def test_more_time_after_the_end_starts_the_clock_again_and_nothing_of_before_is_said() -> None:
    late = MONDAY + 16 * DAY
    case = filed(MONDAY).plus(c.Extended(until=late + 8 * DAY, why="?", at=late))
    assert not decides(case, late)
    said = [mark.name for mark, _, _ in told(case, ZoneInfo("UTC"), late, late + 8 * DAY)]
    assert said == ["7", "3", "1", "end"]


@given(moments, zones)
def test_a_report_is_reminded_of_in_working_hours_only(at: int, zone: ZoneInfo) -> None:
    case = Case("SEC-1234", RULES).plus(c.Reported(what="vulnerability", about=ABOUT, text="?", at=at))
    said = [(mark.name, now) for mark, now, _ in told(case, zone, at, at + 12 * DAY)]
    assert said
    assert all(name == "triage" and works(now, zone) for name, now in said)


def test_a_clock_that_may_always_speak_speaks_at_its_moments() -> None:
    rules = RULES.model_copy(
        update={
            "takedown": RULES.takedown.model_copy(
                update={"days": 14 / 86_400, "left": (7 / 86_400, 1 / 86_400), "again": 1 / 86_400}
            )
        }
    )
    case, now, said = filed(MONDAY, rules), MONDAY, list[int]()
    always = Office(Hours(begin=0, end=24))
    while len(said) < 6:
        if mark := outstanding(case, TO, always, now):
            case = case.plus(c.Noticed(mark=mark.name, to=TO, at=now))
            said.append((now - MONDAY) // 1000)
        now = next_told(case, TO, always, now) or 0
    assert said == [7, 13, 14, 15, 16, 17]
