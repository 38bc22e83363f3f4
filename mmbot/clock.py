"""The one source of the present, and the jobs that wake the outbox when something falls due."""

import time
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from apscheduler.schedulers.asyncio import AsyncIOScheduler

SWEEP_SECONDS = 60


def now() -> int:
    """The present in milliseconds UTC."""
    return time.time_ns() // 1_000_000


class Clock:
    """Jobs: one at the next due moment, one each minute whatever happens, one each night. The rows are the truth; a job only wakes."""

    def __init__(self, wake: Callable[[], None]) -> None:
        self._wake, self._stopped = wake, False
        self._scheduler = AsyncIOScheduler(
            timezone=UTC, job_defaults={"misfire_grace_time": None, "coalesce": True, "max_instances": 1}
        )

    def start(self) -> None:
        """Begin; needs a running event loop."""
        self._scheduler.add_job(self._fire, "interval", seconds=SWEEP_SECONDS, id="sweep")
        self._scheduler.start()

    def stop(self) -> None:
        """No more waking; once more does nothing."""
        if not self._stopped:
            self._stopped = True
            self._scheduler.shutdown(wait=False)

    def next_due(self, what: str, at: int | None) -> None:
        """Wake at this moment (milliseconds UTC) too, instead of the one that was named for the same before; None for nothing."""
        if at is None:
            if self._scheduler.get_job(what):
                self._scheduler.remove_job(what)
            return
        moment = datetime.fromtimestamp(at / 1000, UTC)
        self._scheduler.add_job(self._fire, "date", run_date=moment, id=what, replace_existing=True)

    def daily(self, hour: int, work: Callable[[], Awaitable[None]], *, soon: bool) -> None:
        """Have something done each day at this hour (UTC); `soon` in a minute, too."""
        self._scheduler.add_job(work, "cron", hour=hour, id="daily")
        if soon:
            moment = datetime.now(UTC) + timedelta(seconds=SWEEP_SECONDS)
            self._scheduler.add_job(work, "date", run_date=moment, id="soon")

    async def _fire(self) -> None:
        self._wake()
