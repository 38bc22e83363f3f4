"""What falls due is looked at when its moment comes."""

import asyncio
from collections.abc import Callable
from contextlib import suppress

from mmbot.app import App
from mmbot.store import due

HEARD_EVERY = 1.0
"""Seconds between two looks whether people are heard again, while something is due."""


class Ticker:
    """The worker that looks at what falls due, as long as the bot `hears` what people write: what they wrote counts first."""

    def __init__(self, app: App, hears: Callable[[], bool], looked: Callable[[], None]) -> None:
        self._app, self._hears, self._looked = app, hears, looked
        self._wake = asyncio.Event()

    def wake(self) -> None:
        """There may be something to do."""
        self._wake.set()

    async def run(self, next_due_changed: Callable[[int | None], None]) -> None:
        """Work for ever; whenever something was done, tell when the next subject falls due."""
        while True:
            self._wake.clear()
            while self._hears() and self.behind():
                more = self._app.come_due()
                self._looked()
                await asyncio.sleep(0)  # whoever asks something is answered between
                if not more:
                    break
            upcoming = due.next_due(self._app.store)
            next_due_changed(upcoming if upcoming and upcoming > self._app.now() else None)
            with suppress(TimeoutError):
                async with asyncio.timeout(HEARD_EVERY if self.behind() else None):
                    await self._wake.wait()

    def behind(self) -> bool:
        """Whether something is due now."""
        upcoming = due.next_due(self._app.store)
        return upcoming is not None and upcoming <= self._app.now()
