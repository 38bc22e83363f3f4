"""What falls due is looked at once, when its moment has come and people are heard."""

import asyncio
from collections.abc import Iterator
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from mmbot import policy
from mmbot.app import AT_ONCE, BROKEN_AGAIN, App
from mmbot.store import due
from mmbot.store.database import Store
from mmbot.store.tx import Settings
from mmbot.ticking import Ticker

NOW = 1_794_218_400_000
BROKEN = "nonsense:1"
"""A subject that nobody looks at, so that looking at it breaks."""


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    store = Store(tmp_path / "mmbot.db", policy.load())
    yield App(store, Settings(), lambda: NOW)
    store.close()


def test_the_earliest_moment_of_a_subject_counts_and_can_be_put_off(app: App) -> None:
    store = app.store
    due.put(store, "ticket:1", NOW + 5)
    due.sooner(store, "ticket:1", NOW + 9)
    assert due.next_due(store) == NOW + 5
    due.sooner(store, "ticket:1", NOW + 2)
    due.sooner(store, "ticket:2", NOW + 3)
    assert due.due(store, NOW + 2, 10) == [("ticket:1", NOW + 2)]
    assert due.due(store, NOW + 3, 10) == [("ticket:1", NOW + 2), ("ticket:2", NOW + 3)]
    due.put(store, "ticket:1", NOW + 7)
    assert due.due(store, NOW + 9, 1) == [("ticket:2", NOW + 3)]
    due.put(store, "ticket:2", None)
    assert (due.of(store, "ticket:1"), due.of(store, "ticket:2")) == (NOW + 7, None)


def test_what_breaks_is_logged_once_and_looked_at_again_later_and_holds_nothing_up(app: App) -> None:
    due.put(app.store, BROKEN, NOW - 1)
    with capture_logs() as logs:
        assert not app.come_due()
        assert not app.come_due()
    assert [(x["log_level"], x["kind"]) for x in logs] == [("error", "nonsense")]
    assert due.of(app.store, BROKEN) == NOW + BROKEN_AGAIN


def test_many_are_looked_at_some_at_a_time(app: App) -> None:
    for n in range(AT_ONCE + 1):
        due.put(app.store, f"nonsense:{n}", NOW - n)
    with capture_logs() as logs:
        assert app.come_due()
        assert len(logs) == AT_ONCE
        assert not app.come_due()
    assert due.due(app.store, NOW, 100) == []


@pytest.mark.asyncio
async def test_nothing_is_looked_at_before_what_people_wrote_is_heard(app: App) -> None:
    heard, looked = False, asyncio.Event()
    due.put(app.store, BROKEN, NOW)
    due.put(app.store, "nonsense:2", NOW + 60_000)
    told: asyncio.Queue[int | None] = asyncio.Queue()
    ticker = Ticker(app, lambda: heard, looked.set)
    with capture_logs() as logs:
        running = asyncio.create_task(ticker.run(told.put_nowait))
        assert await asyncio.wait_for(told.get(), 5) is None
        assert not logs
        heard = True
        ticker.wake()
        await asyncio.wait_for(looked.wait(), 5)
        assert await asyncio.wait_for(told.get(), 5) == NOW + 60_000
        running.cancel()
    assert due.due(app.store, NOW, 10) == []
