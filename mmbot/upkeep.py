"""What keeps the bot going by itself: it waits while the store fails, makes the nightly backup, and tells whether it is ready."""

import asyncio
import secrets
import threading
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path

import structlog

from mmbot.app import App
from mmbot.events import BackupMade, BackupMissed, Event, Where
from mmbot.store import backup, outbox
from mmbot.store.backup import BackupFailed
from mmbot.store.database import Store
from mmbot.store.failing import StoreFails

log = structlog.get_logger()

TRIED_EVERY = 1.0
"""Seconds between two tries whether a store that failed can be used again."""
STUCK = 5 * 60_000
"""Milliseconds after which posts that wait, without any of them going, count as stuck."""
OVERDUE = timedelta(hours=25)


async def through_failures(work: Callable[[], Awaitable[None]], store: Store) -> None:
    """Do something that lasts, and begin it again whenever the store had failed and can be used again."""
    failed = True
    while failed:
        failed = False
        try:
            await work()
        except* StoreFails:
            failed = True
        task = asyncio.current_task()
        if failed and task and task.cancelling():  # it was to end, and its last words could not be written
            raise asyncio.CancelledError
        while failed and store.trouble:  # noqa: ASYNC110 -- a store has no loop to tell it by
            await asyncio.sleep(TRIED_EVERY)


async def try_again(store: Store) -> None:
    """For ever, see whether a store that failed can be used again."""
    while True:
        await asyncio.sleep(TRIED_EVERY)
        if store.trouble:
            store.usable()


@dataclass
class Readiness:
    """Whether the bot does what it is there for; asked by whoever wants to know, and looked after each minute."""

    app: App
    connected: Callable[[], bool]
    _waiting: Collection[int] = ()
    _through: str = ""
    _since: int = 0
    _stopping: bool = False

    def missing(self) -> str:
        """What is missing, "" when all is there."""
        self.look()
        store = self.app.store
        if self._stopping:
            return "stopping"
        if self._waiting and self.app.now() - self._since >= STUCK:
            stuck = (
                f"no post has got through since {datetime.fromtimestamp(self._since / 1000, UTC):%Y-%m-%d %H:%M} UTC"
            )
        else:
            stuck = ""
        connected = "" if self.connected() else "not connected to Mattermost"
        failing = f"the store fails: {store.trouble}" if store.trouble else ""
        return "; ".join(x for x in (connected, failing, stuck) if x)

    def look(self) -> None:
        """Note which posts wait, and whether any has got through since the last look."""
        try:
            waiting = outbox.waiting(self.app.store, self.app.now())
            through = self.app.store.state(outbox.GOT_THROUGH)
        except StoreFails:
            return
        if not self._waiting or through != self._through:
            self._since = self.app.now()
        self._waiting, self._through = waiting, through

    def stop(self) -> None:
        """Nothing is taken in any more."""
        self._stopping = True


@dataclass
class Nights:
    """The nightly backup: `keep` of them stand in `folder`."""

    app: App
    folder: Path
    keep: int
    wake: Callable[[], None]
    _stopping: threading.Event = field(default_factory=threading.Event)

    def overdue(self) -> bool:
        """Whether a night was missed: there are tickets, and no backup of the last day."""
        newest = backup.nightly(self.app.store.path, self.folder)[-1:]
        if any(datetime.now(UTC) - backup.made_at(x) < OVERDUE for x in newest):
            return False
        return self.app.store.next_number() > 1

    async def night(self) -> None:
        """Make a backup and prune the older ones; the admins are told where that begins to fail."""
        try:
            what = await asyncio.to_thread(self._make)
            if not self._stopping.is_set():
                now = self.app.now()
                self.app.handle(Event(f"backup:{secrets.token_hex(16)}", "", now, Where("mmbot"), what))
                self.wake()
        except StoreFails:
            pass  # which the store has logged
        except Exception:
            log.exception("nightly backup broke")

    def _make(self) -> BackupMade | BackupMissed:
        store = self.app.store.path
        to = self.folder / backup.name_of(store, datetime.now(UTC), backup.NIGHTLY)
        try:
            backup.sweep(store, self.folder)
            made = backup.back_up(store, to, self._stopping.is_set)
            gone = backup.prune(store, self.folder, self.keep)
        except BackupFailed as failed:
            if not self._stopping.is_set():
                log.error("nightly backup failed", why=str(failed))  # noqa: TRY400 -- a sentence, not a fault of ours
            return BackupMissed(why=str(failed))
        log.info(
            "nightly backup made",
            path=str(to),
            bytes=made.size,
            tickets=made.tickets,
            facts=made.facts,
            pruned=len(gone),
        )
        return BackupMade(name=to.name)

    def stop(self) -> None:
        """Give up a backup that is being made."""
        self._stopping.set()
