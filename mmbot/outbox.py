"""A due row goes to the edge, and is sent, tried later, or parked with its reason."""

import asyncio
import hashlib
import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from typing import Protocol

import structlog

from mmbot.app import App
from mmbot.events import Event, Happening, Where
from mmbot.messages import Message, Never, NotNow, PostGone
from mmbot.store import outbox
from mmbot.store.outbox import OutboxRow

log = structlog.get_logger()

LONGEST_PAUSE = 300_000
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
        """Post the message of a row ("market" is the marketplace channel); returns channel and post id."""

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
        while True:
            self._wake.clear()
            await self.drain(wait_for_steps=False)
            next_due_changed(outbox.next_due(self.app.store))
            await self._wake.wait()

    async def drain(self, *, wait_for_steps: bool = True) -> None:
        """Handle everything that is due; where a place does not take a row, the later ones for that place wait."""
        held: set[tuple[str, str]] = set()
        while True:
            rows = [x for x in self._due() if _place(x) not in held]
            if not rows:
                if wait_for_steps and self._running:
                    await asyncio.wait(self._running.values())
                    continue
                return
            for row in rows:
                if _place(row) in held:
                    continue
                if row.kind == "do":
                    self._start(row)
                elif not await self._said(row):
                    held.add(_place(row))

    def _due(self) -> list[OutboxRow]:
        rows = outbox.due(self.app.store, self.app.now())
        free = SLOW_STEPS - len(self._running)
        steps = [x for x in rows if x.kind == "do" and x.id not in self._running][: max(0, free)]
        return [x for x in rows if x.kind != "do"] + steps

    async def _said(self, row: OutboxRow) -> bool:
        """Send one row; False when its place has to wait."""
        store = self.app.store
        try:
            if row.kind == "show":
                await self._show(row)
            else:
                await self._say(row)
        except _RootMissing:
            outbox.later(store, row.id, self.app.now() + 200, "the thread's first post is not there yet")
            return False
        except PostGone:
            outbox.lost(store, row.id, self.app.now())
        except NotNow as no:
            pause = min(LONGEST_PAUSE, 500 * 2 ** min(row.tries, 10))
            outbox.later(store, row.id, self.app.now() + max(pause, round((no.seconds or 0) * 1000)), str(no))
            return False
        except Never as no:
            log.warning("outbox row parked", row=row.id, kind=row.kind, reason=str(no))
            outbox.parked(store, row.id, str(no))
        return True

    async def _show(self, row: OutboxRow) -> None:
        rendered = self.app.render(row)
        if rendered is None:
            outbox.sent(self.app.store, row.id, row.sent_channel, row.post, row.shown, due_at=row.due_at)
            return
        message, _ = rendered
        shown = hashlib.sha256(outbox.dump_message(message).encode()).hexdigest()
        channel, post = row.sent_channel, row.post
        if not post:
            channel, post = await self.voice.post(row.channel, self._root(row.thread), message, row.id, row.key)
        elif shown != row.shown:
            await self.voice.edit(message, post, row.id, row.key)
        outbox.sent(self.app.store, row.id, channel, post, shown, due_at=row.due_at)

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
        channel, post = await self.voice.post(channel, row.root or self._root(thread), message, row.id, row.key)
        outbox.sent(self.app.store, row.id, channel, post, remembered)

    def _root(self, thread: str) -> str:
        if not thread:
            return ""
        root = outbox.post_of(self.app.store, thread)
        if root is None or not root.post:
            raise _RootMissing
        return root.post

    def _start(self, row: OutboxRow) -> None:
        task = asyncio.create_task(self._do(row), name=f"step-{row.subject}-{row.id}")
        self._running[row.id] = task
        task.add_done_callback(lambda _: self._running.pop(row.id, None))

    async def _do(self, row: OutboxRow) -> None:
        store = self.app.store
        try:
            what = await self.steps[row.subject](json.loads(row.body), row.tries)
        except NotNow as no:
            outbox.later(store, row.id, self.app.now() + 5_000 * 2 ** min(row.tries, 6), str(no))
        except Exception as error:
            log.exception("step failed", step=row.subject, row=row.id)
            outbox.parked(store, row.id, type(error).__name__)
        else:
            self.app.handle(Event(f"do:{row.key}", "", self.app.now(), Where("mmbot"), what))
            outbox.sent(store, row.id, "", "")
        self.wake()


class _RootMissing(Exception):  # noqa: N818 -- on its way to the next line
    pass


def _place(row: OutboxRow) -> tuple[str, str]:
    """Rows for the same place keep their order."""
    if row.kind == "do":
        return "do", str(row.id)
    if row.person:
        return "person", row.person
    return "thread", row.root or row.thread or row.subject
