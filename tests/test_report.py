"""The report: its figures against a second reckoning, its words, and when it is given by itself."""

import re
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from math import ceil
from statistics import median

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_tickets import AT, POLICY, REPOSITORY, lives

from mmbot.domain import facts as f
from mmbot.domain.booked import life, totals
from mmbot.domain.deadlines import DAY
from mmbot.domain.report import Figures, Spread, Usual, Waits, next_report, spread
from mmbot.domain.ticket import Ticket
from mmbot.events import BackupMade, Event, Where
from mmbot.handlers.report import weekly
from mmbot.mattermost.render import LONGEST_MESSAGE
from mmbot.store import booked, due, outbox
from mmbot.store.database import Store
from mmbot.store.tx import MARKET, Settings, Tx
from mmbot.words.report import report

HOUR = 3_600_000
MONDAY = 1_794_218_400_000  # 2026-11-09, 10:00
ROLES = ("product", "dev", "security", "qa")
near = st.integers(MONDAY - 60 * DAY, MONDAY + 60 * DAY)
holidays = st.sets(st.dates(date(2026, 9, 1), date(2027, 2, 1)), max_size=40)


# When it is given


def first_days(around: int, off: set[date]) -> Iterator[datetime]:
    """The moments of the report, found by walking the calendar week by week."""
    monday = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=around)
    monday = (monday - timedelta(days=monday.weekday() + 7)).replace(hour=0, minute=0, second=0, microsecond=0)
    while True:
        working = [x for n in range(5) if (x := monday + timedelta(days=n)).date() not in off]
        yield from (x + timedelta(hours=9) for x in working[:1])
        monday += timedelta(days=7)


@given(near, holidays)
def test_the_next_report_is_on_the_first_working_day_of_a_week_at_nine(after: int, off: set[date]) -> None:
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=after)
    expected = next(x for x in first_days(after, off) if x > moment)
    assert next_report(after, 9, off) == round(expected.timestamp() * 1000)


@given(near, holidays)
def test_one_report_follows_the_other_and_none_is_left_out(after: int, off: set[date]) -> None:
    one = next_report(after, 9, off)
    assert after < one
    assert all(next_report(x, 9, off) == one for x in (after + (one - after) // 2, one - 1))
    assert next_report(one, 9, off) - one >= 3 * DAY


def test_a_week_without_a_working_day_has_no_report() -> None:
    sunday = MONDAY - 25 * HOUR
    week = {date(2026, 11, 9) + timedelta(n) for n in range(5)}
    assert next_report(sunday, 9) == MONDAY - HOUR
    assert next_report(sunday, 9, week - {date(2026, 11, 11)}) == MONDAY - HOUR + 2 * DAY
    assert next_report(sunday, 9, week) == MONDAY - HOUR + 7 * DAY


# What it says


def save(store: Store, *lives_: tuple[f.AnyFact, ...]) -> None:
    with store.transaction():
        for number, facts in enumerate(lives_, store.next_number()):
            store.save(Ticket(number, POLICY).plus(*facts), f"event{number}")


@settings(max_examples=25, suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow])
@given(some=st.lists(lives(moves=6), min_size=1, max_size=8), later=st.integers(0, 60 * 24))
def test_the_figures_are_what_the_tickets_say(
    some: list[tuple[f.AnyFact, ...]], later: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = Store(tmp_path_factory.mktemp("report") / "mmbot.db", POLICY)
    save(store, *some)
    now = max(x[-1].at for x in some) + later * HOUR + 1
    found = booked.figures(store.connection, ROLES, now)
    tickets = {n: store.ticket(n) for n in range(1, len(some) + 1)}
    ends = {n: life(x) for n, x in tickets.items() if x}
    assert found.open == sum(x.how == "" for x in ends.values())
    assert found.came == sum(x.opened_at > now - 7 * DAY for x in ends.values())
    over = [x for x in ends.values() if x.finished_at > now - 7 * DAY]
    assert (found.listed, found.closed) == (sum(x.how == "listed" for x in over), sum(x.how != "listed" for x in over))
    assert found.listing == spread([x.finished_at - x.opened_at for x in ends.values() if x.how == "listed"])
    expected = {}
    for party in ("submitter", "owner", *ROLES, "release"):
        turns = [(t.since, n, t) for n in tickets if (t := store.turns(n).get(party))]
        if turns:
            ages = [now - x.since for _, _, x in turns]
            first = min((since, n) for since, n, _ in turns)
            late = sum(0 < x.due < now for _, _, x in turns)
            expected[party] = Waits(party, len(turns), late, int(median(ages)), max(ages), first[1])
    assert {x.party: x for x in found.waits} == expected
    assert [x.party for x in found.waits] == [*expected]
    went = defaultdict[str, int](int)
    for number, end in ends.items():
        if end.how:
            for party, since, until in store.connection.execute(
                "SELECT party, since, until FROM booked WHERE ticket = ?", (number,)
            ):
                went[party] += max(0, min(until, end.finished_at) - since)
    assert found.finished == sum(x.how != "" for x in ends.values())
    assert {x: time for x, time in found.went.items() if time} == {x: time for x, time in went.items() if time}
    store.close()


@given(st.lists(st.integers(0, 10**11), min_size=1))
def test_four_of_five_are_within_the_greater_figure_and_half_of_them_within_the_median(times: list[int]) -> None:
    found = spread(times)
    assert found.count == len(times)
    assert sum(x <= found.most for x in times) >= ceil(0.8 * len(times))
    assert sum(x < found.most for x in times) < 0.8 * len(times)
    assert found.half == round(median(times))
    assert min(times) <= found.half <= max(times)


def test_it_reads_and_writes_nothing_on_any_connection_to_a_store(store: Store) -> None:
    save(store, opened())
    store.connection.execute("PRAGMA query_only = ON").fetchall()
    assert booked.figures(store.connection, ROLES, AT + DAY).open == 1
    store.connection.execute("PRAGMA query_only = OFF").fetchall()


def opened(at: int = AT) -> tuple[f.AnyFact, ...]:
    given_ = f.ReferenceGiven(text="", repository=REPOSITORY, by="sue", at=at)
    return (
        f.Submitted(requirements=POLICY.current, by="sue", at=at), given_, f.Unresolved(text="", why="no", at=at),
        f.Assigned(role="owner", person="olive", at=at),
    )  # fmt: skip


def figures(count: int) -> Figures:
    usual = Usual(Spread(count, 2 * DAY, 5 * DAY), Spread(count, 4 * DAY, 4 * DAY + HOUR))
    went = {"submitter": 40 * DAY, "owner": 20 * DAY, "qa": 39 * DAY, "hold": DAY, "mmbot": 5}
    waits = tuple(
        Waits(party, 12_345, 1_000 - n, 4 * DAY, 400 * DAY, 99_999)
        for n, party in enumerate(("submitter", "owner", *ROLES, "release"))
    )
    few = Usual(Spread(count - 1), Spread(count - 1))
    return Figures(
        MONDAY, 20_000, waits, 3, 1, 2, Spread(count, 45 * DAY, 112 * DAY), {"dev": usual, "qa": few}, count, went
    )


def test_the_report_in_full() -> None:
    said = report(figures(5), POLICY, ["SEC-1: 3 days left"])
    assert said == (
        """\
**Tickets on 9 Nov 2026:** 20,000 are open. In the last 7 days 3 came in, 1 was listed and 2 were closed.

| waiting for | tickets (late) | median days (longest) |
|:--|:--|:--|
| submitters | 12,345 (1,000) | 4 (400, MB-99999) |
| owners | 12,345 (999) | 4 (400, MB-99999) |
| product | 12,345 (998) | 4 (400, MB-99999) |
| dev | 12,345 (997) | 4 (400, MB-99999) |
| security | 12,345 (996) | 4 (400, MB-99999) |
| QA | 12,345 (995) | 4 (400, MB-99999) |
| release users | 12,345 (994) | 4 (400, MB-99999) |

| median days (80%) | first look | decision |
|:--|:--|:--|
| dev | 2 (5) | 4 |

Of QA too few reviews are finished to say.

From handing in to the listing: 45 days, the median of the last 5; 80% within 112 days.

Where the time went of the 5 that were listed or closed last:
```
submitters ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇ 40%
QA         ▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇▇ 39%
owners     ▇▇▇▇▇▇▇▇ 20%
on hold    ▇ 1%
```

**Running clocks:**
- SEC-1: 3 days left"""
    )
    assert len(said) < LONGEST_MESSAGE


def test_of_fewer_than_the_policy_asks_for_nothing_is_said_that_could_mislead() -> None:
    said = report(figures(4), POLICY)
    assert "How long reviews take: too few are finished to say." in said
    assert not re.search(r"listing|Where the time|%|clocks", said)


# By itself


def tx(store: Store, now: int) -> Tx:
    return Tx(store, Event("report:1", "", now, Where("mmbot"), BackupMade(name="")), now, Settings())


def test_each_week_the_channel_reads_it_unless_nothing_is_open(store: Store) -> None:
    with store.transaction():
        weekly(tx(store, AT), "")
    assert outbox.due(store, AT) == []
    save(store, opened())
    with store.transaction():
        weekly(tx(store, AT + DAY), "")
    (row,) = outbox.due(store, AT + DAY)
    assert (row.kind, row.channel, row.thread, row.person) == ("say", MARKET, "", "")
    assert "| submitters | 1 | 1 (1, MB-1) |" in outbox.read_message(row.body).text


def test_a_report_that_nobody_could_give_in_time_waits_for_working_hours_and_is_one(store: Store) -> None:
    save(store, opened())
    saturday = MONDAY + 12 * DAY
    with store.transaction():
        due.put(store, "report", MONDAY - HOUR)
        weekly(tx(store, saturday), "")
    assert outbox.due(store, saturday) == []
    monday = MONDAY - HOUR + 14 * DAY
    assert due.of(store, "report") == monday
    with store.transaction():
        due.put(store, "report", None)  # as whoever looks at what is due does
        weekly(tx(store, monday), "")
    assert len(outbox.due(store, monday)) == 1
    assert due.of(store, "report") == next_report(monday, 9)


def test_what_rests_is_open_though_nobody_is_waited_for(store: Store) -> None:
    save(store, (*opened(), f.Held(why="?", at=AT + DAY)))
    ticket = store.ticket(1)
    assert ticket
    assert store.turns(1) == {}
    assert totals(booked.spent(store.connection, 1), ticket, {}, AT + 3 * DAY) == {
        "submitter": DAY, "hold": 2 * DAY,
    }  # fmt: skip
    with store.transaction():
        weekly(tx(store, AT + 3 * DAY), "")
    (row,) = outbox.due(store, AT + 3 * DAY)
    assert "one ticket is open" in outbox.read_message(row.body).text
