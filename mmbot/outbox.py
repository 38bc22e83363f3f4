"""A due row goes to the edge, and is sent, tried later, or parked with its reason."""

import asyncio
import hashlib
import json
import secrets
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Protocol

import structlog

from mmbot.app import App
from mmbot.events import Event, Happening, Where
from mmbot.messages import Message, Never, NotNow, PostGone
from mmbot.store import outbox
from mmbot.store.failing import StoreFails
from mmbot.store.outbox import OutboxRow

log = structlog.get_logger()

LONGEST_PAUSE = 60_000
"""Milliseconds between two tries, at most."""
SLOW_STEPS = 4
"""How many `do` rows run side by side."""

Step = Callable[[Mapping[str, object], int], Awaitable[Happening]]
"""The arguments of a `do` row and the number of tries before this one in; what came of it out. Raises NotNow."""


class Voice(Protocol):
    """Where posts go: a Mattermost server, or the console. Every method may raise NotNow, Never."""

    async def direct(self, person: str) -> str:
        """The id of the direct channel with a person."""

    async def post(self, channel: str, root: str, message: Message, row: int, key: str) -> tuple[str, str]:
        """Post the message of a row ("market" is the marketplace channel); returns channel and post id.

        Raises PostGone when the thread's first post is.
        """

    async def find(self, channel: str, key: str, since: int) -> tuple[str, str] | None:
        """The channel and post of a row that an earlier try may have made since a moment (milliseconds UTC)."""

    async def edit(self, message: Message, post: str, row: int, key: str) -> None:
        """Let a row's post show another message; raises PostGone."""


@dataclass
class Outbox:
    """The worker that empties the outbox. `wake` is to be called whenever rows may have been added."""

    app: App
    voice: Voice
    steps: Mapping[str, Step]

    def __post_init__(self) -> None:
        self._wake = asyncio.Event()
        self._running: dict[int, asyncio.Task[None]] = {}

    def wake(self) -> None:
        """There may be something to do."""
        self._wake.set()

    async def run(self, next_due_changed: Callable[[int | None], None]) -> None:
        """Work for ever; after each round, tell when the next row falls due."""
        try:
            while True:
                self._wake.clear()
                await self.drain(wait_for_steps=False)
                next_due_changed(outbox.next_due(self.app.store, self.app.now()))
                await self._wake.wait()
        finally:
            for task in list(self._running.values()):
                task.cancel()
            await asyncio.gather(*self._running.values(), return_exceptions=True)

    async def drain(self, *, wait_for_steps: bool = True) -> None:
        """Handle everything that is due; where a place does not take a row, the later ones for that place wait."""
        held: set[str] = set()
        while True:
            self._start_steps()
            rows = outbox.due(self.app.store, self.app.now(), held)
            for row in rows:
                try:
                    if row.place not in held and not await self._handled(row):
                        held.add(row.place)
                except PostGone:
                    self._gone(row)
                    break  # what was read of the rows behind it may be out of date now
            if rows:
                continue
            if not wait_for_steps or not self._running:
                return
            await asyncio.wait(self._running.values())

    async def _handled(self, row: OutboxRow) -> bool:
        """Send one row; False when its place has to wait. Raises PostGone."""
        store, now = self.app.store, self.app.now
        pause = min(LONGEST_PAUSE, 500 * 2 ** min(row.tries, 10))
        try:
            await (self._show(row) if row.kind == "show" else self._say(row))
        except _RootMissing:
            outbox.later(store, row.id, now() + pause, "the thread's first post is not there yet")
            return False
        except NotNow as no:
            outbox.later(store, row.id, now() + max(pause, round((no.seconds or 0) * 1000)), str(no))
            return False
        except PostGone:
            raise
        except Never as no:
            log.warning("outbox row parked", row=row.id, kind=row.kind, reason=str(no))
            outbox.parked(store, row.id, str(no))
        except sqlite3.OperationalError:
            raise  # nothing can be noted now, so nothing may be given up: the next start goes on from here
        except Exception as error:
            reference = secrets.token_hex(4)
            log.exception("outbox row failed", row=row.id, kind=row.kind, reference=reference)
            outbox.parked(store, row.id, f"{type(error).__name__}, in the log as {reference}")
        return True

    def _gone(self, row: OutboxRow) -> None:
        """A post that was to be edited or answered is not on the server any more."""
        store, now = self.app.store, self.app.now()
        log.info("post is gone", row=row.id, kind=row.kind, subject=row.subject or row.thread)
        with store.transaction():
            root = outbox.post_of(store, row.thread) if row.thread else None
            if row.kind == "show" and row.post:
                outbox.lost(store, row.id, now)
            elif root:
                outbox.lost(store, root.id, now)
            else:
                outbox.parked(store, row.id, "the post it answers was deleted")

    async def _show(self, row: OutboxRow) -> None:
        rendered = self.app.render(row)
        if rendered is None:
            outbox.sent(self.app.store, row.id, row.sent_channel, row.post, row.shown, due_at=row.due_at)
            return
        message, _ = rendered
        shown = hashlib.sha256(outbox.dump_message(message).encode()).hexdigest()
        channel, post, old = row.sent_channel, row.post, row.shown
        if not post:
            root = self._root(row.thread)
            if found := await self._made(row, row.channel):
                (channel, post), old = found, ""
            else:
                channel, post = await self.voice.post(row.channel, root, message, row.id, row.key)
                old = shown
        if shown != old:
            await self.voice.edit(message, post, row.id, row.key)
        outbox.sent(self.app.store, row.id, channel, post, shown, due_at=row.due_at)
        if not row.post:
            outbox.hurry(self.app.store, row.subject, self.app.now())

    async def _say(self, row: OutboxRow) -> None:
        remembered, person, thread = "", row.person, row.thread
        if row.kind == "notice":
            rendered = self.app.render(row)
            if rendered is None:
                outbox.sent(self.app.store, row.id, "", "", str(outbox.told(self.app.store, row.subject)))
                return
            message, remembered = rendered
            person, thread = self.app.audience(row)
        else:
            message = outbox.read_message(row.body)
        channel = await self.voice.direct(person) if person else (row.channel or "market")
        root = row.root or self._root(thread)
        if made := await self._made(row, channel, remembered):
            channel, post = made
            remembered = row.shown  # what that try said, not what there is to say by now
        else:
            channel, post = await self.voice.post(channel, root, message, row.id, row.key)
        outbox.sent(self.app.store, row.id, channel, post, remembered)
        if row.kind == "notice" and self.app.render(row):  # something came up while it was on its way
            outbox.notice(self.app.store, row.subject, self.app.now(), self.app.now())

    async def _made(self, row: OutboxRow, channel: str, shown: str = "") -> tuple[str, str] | None:
        """The post of a row that an earlier try left behind. Without one, the row is marked, so that this try is known of."""
        if row.error and (found := await self.voice.find(channel, row.key, row.created_at)):
            return found
        outbox.begun(self.app.store, row.id, shown)
        return None

    def _root(self, thread: str) -> str:
        if not thread:
            return ""
        root = outbox.post_of(self.app.store, thread)
        if root is None or not root.post:
            raise _RootMissing
        return root.post

    def _start_steps(self) -> None:
        if self.app.store.trouble:
            raise StoreFails(self.app.store.trouble)  # what came of them could not be noted
        free = SLOW_STEPS - len(self._running)
        for row in outbox.due_steps(self.app.store, self.app.now(), self._running, free) if free > 0 else ():
            task = asyncio.create_task(self._do(row), name=f"step-{row.subject}-{row.id}")
            self._running[row.id] = task
            task.add_done_callback(partial(self._ended, row.id))

    def _ended(self, number: int, task: "asyncio.Task[None]") -> None:
        del self._running[number]
        if not task.cancelled():
            task.exception()  # the store failed, and has said so; the step is done again when it can be used
        self.wake()

    async def _do(self, row: OutboxRow) -> None:
        store = self.app.store
        try:
            what = await self.steps[row.subject](json.loads(row.body), row.tries)
            self.app.handle(Event(f"do:{row.key}", "", self.app.now(), Where("mmbot"), what))
            outbox.sent(store, row.id, "", "")
        except (NotNow, sqlite3.OperationalError) as no:  # or the store does not take the result at the moment
            outbox.later(store, row.id, self.app.now() + 5_000 * 2 ** min(row.tries, 6), str(no))
        except Exception as error:
            reference = secrets.token_hex(4)
            log.exception("step failed", step=row.subject, row=row.id, reference=reference)
            outbox.parked(store, row.id, f"{type(error).__name__}, in the log as {reference}")


class _RootMissing(Exception):  # noqa: N818 -- on its way to the next line
    pass
