"""A due row goes to the edge, and is sent, tried later, or parked with its reason."""

import asyncio
import hashlib
import json
import secrets
import sqlite3
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any, Protocol

import structlog

from mmbot.app import App
from mmbot.events import Event, Happening, Where
from mmbot.handlers import case_subjects, subjects
from mmbot.messages import Message, Never, NotNow, PostGone
from mmbot.store import outbox
from mmbot.store.failing import StoreFails
from mmbot.store.outbox import OutboxRow
from mmbot.store.tx import MARKET

log = structlog.get_logger()

LONGEST_PAUSE = 60_000
"""Milliseconds between two tries, at most."""
SLOW_STEPS = 8
"""How many `do` rows run side by side."""
PLACES = 8
"""To how many places is posted side by side; within one, one post after the other."""
READ = 100
"""How many rows are read at once."""
TRIES, OTHERS = 25, 25
"""A row that a server fails on so often while it takes so many others is given up: it is the row that makes it fail."""
LAST_SECONDS = 2.0
"""How long a post that is on its way may take when the bot ends; what is not known then is looked up at the next start."""
DAY = 86_400_000

Step = Callable[[Mapping[str, object], int], Awaitable[Happening]]
"""The arguments of a `do` row and the number of tries before this one in; what came of it out. Raises NotNow."""


class _NoRoot(Exception):  # noqa: N818 -- nothing is wrong: the row waits
    """The first post of a row's thread is not there yet; which thread."""


class Voice(Protocol):
    """Where posts go: a Mattermost server, or the console. Every method may raise NotNow, Never."""

    async def direct(self, person: str) -> str:
        """The id of the direct channel with a person."""

    async def newest(self, channel: str) -> tuple[str, str]:
        """The id of a channel, and a recent post of it, "" where it has none.

        Here and below, "market" is the marketplace channel and "security" the security team's private one.
        """

    async def post(self, channel: str, root: str, message: Message, row: int, key: str) -> tuple[str, str]:
        """Post the message of a row; returns channel and post id.

        Raises PostGone when the thread's first post is.
        """

    async def find(self, channel: str, key: str, anchor: str) -> tuple[str, str] | None:
        """The channel and post of a row that an earlier try may have made after the post `anchor`, "" for ever since."""

    async def edit(self, channel: str, message: Message, post: str, row: int, key: str) -> None:
        """Let a row's post, which stands in a channel, show another message; raises PostGone."""


@dataclass
class Outbox:
    """The worker that empties the outbox. `wake` is to be called whenever rows may have been added."""

    app: App
    voice: Voice
    steps: Mapping[str, Step]
    places: int = PLACES

    def __post_init__(self) -> None:
        self._wake = asyncio.Event()
        self._running: dict[int, asyncio.Task[None]] = {}
        self._posting: dict[str, asyncio.Task[None]] = {}
        self._queue: list[OutboxRow] = []
        self._read_all = False
        self._held: set[str] = set()
        self._quiet_until = 0
        self._posted = 0
        self._failing: dict[int, int] = {}
        self._notes: list[tuple[Callable[[], None], asyncio.Future[None]]] = []
        self._broken: BaseException | None = None
        self._pruned_at = 0

    def wake(self) -> None:
        """There may be something to do."""
        self._read_all = False
        self._wake.set()

    async def run(self, next_due_changed: Callable[[int | None], None]) -> None:
        """Work for ever; whenever something happened, tell when the next row falls due."""
        self._read_all, self._broken = False, None  # it may be begun again after the store had failed
        self._queue.clear()
        try:
            while True:
                self._wake.clear()
                self._held.clear()
                self._start_steps()
                self._start_posts()
                self._prune()
                next_due_changed(self._next_due())
                await self._wake.wait()
        finally:
            for task in self._running.values():
                task.cancel()
            if self._posting:
                await asyncio.wait(self._posting.values(), timeout=LAST_SECONDS)
            for task in self._posting.values():
                task.cancel()
            await asyncio.gather(*self._running.values(), *self._posting.values(), return_exceptions=True)

    async def drain(self, *, wait_for_steps: bool = True) -> None:
        """Handle everything that is due; where a place does not take a row, the later ones for that place wait."""
        self._held.clear()
        self._read_all = False
        while True:
            self._start_posts()
            if not self._posting:
                self._start_steps()
            busy = self._posting.values() or (self._running.values() if wait_for_steps else ())
            if not busy:
                return
            await asyncio.wait(busy, return_when=asyncio.FIRST_COMPLETED)
            await asyncio.sleep(0)  # what is to be done when a task has ended is done

    def _start_posts(self) -> None:
        if self._broken:
            raise self._broken
        now = self.app.now()
        while now >= self._quiet_until and len(self._posting) < self.places and (row := self._next(now)):
            task = asyncio.create_task(self._post(row), name=f"post-{row.id}")
            self._posting[row.place] = task
            task.add_done_callback(partial(self._ended, self._posting, row.place))

    def _next(self, now: int) -> OutboxRow | None:
        """The first row that is due and whose place is free. They are read some at once, and only when there may be more."""
        taken = {*self._posting, *self._held}
        if not any(row.place not in taken for row in self._queue) and not self._read_all:
            taken_or_read = taken | {row.place for row in self._queue}
            more = outbox.due(self.app.store, now, taken_or_read, READ)
            self._queue += more
            self._read_all = len(more) < READ
        index = next((n for n, row in enumerate(self._queue) if row.place not in taken), None)
        return None if index is None else self._queue.pop(index)

    def _next_due(self) -> int | None:
        """When to look again, if nothing ends or comes before: what is due waits for what is in hand, or for the server's pause."""
        now = self.app.now()
        due = outbox.next_due(self.app.store, now)
        return min(due or self._quiet_until, self._quiet_until) if self._quiet_until > now else due

    def _prune(self) -> None:
        if self.app.now() - self._pruned_at < DAY:
            return
        deleted = outbox.prune(self.app.store, self.app.now())
        if deleted < outbox.AT_ONCE:  # else there is more to be deleted, the next time that something happens
            self._pruned_at = self.app.now()

    def _ended(self, tasks: dict[Any, "asyncio.Task[None]"], key: str | int, task: "asyncio.Task[None]") -> None:
        del tasks[key]
        if not task.cancelled() and (error := task.exception()):
            self._broken = error
        if tasks is self._running:  # its result may have left something to be sent
            self._read_all = False
        self._wake.set()

    async def _post(self, read: OutboxRow) -> None:
        """Send a row. Where it has to wait, so do those behind it."""
        done = False
        row = outbox.row(self.app.store, read.id)  # it may have changed since it was found to be due
        try:
            done = row is None or row.state != "pending" or row.place != read.place or await self._handled(row)
            if not done:
                self._held.add(read.place)
        except PostGone:
            self._gone(row or read)
        if not done:  # what was read of the rows behind it is out of date now
            self._queue = [x for x in self._queue if x.place != read.place]
        if not done or not any(x.place == read.place for x in self._queue):
            self._read_all = False

    async def _handled(self, row: OutboxRow) -> bool:
        """Send one row; False when its place has to wait. Raises PostGone."""
        store, now = self.app.store, self.app.now
        try:
            await (self._show(row) if row.kind == "show" else self._say(row))
        except _NoRoot as no:  # known only now: from here on it is not due until that post is there
            outbox.waits_for(store, row.id, str(no))
            return False
        except NotNow as no:
            pause = max(min(LONGEST_PAUSE, 500 * 2 ** min(row.tries, 10)), round((no.seconds or 0) * 1000))
            if no.seconds:  # the server means all of us
                self._quiet_until = max(self._quiet_until, now() + pause)
            others = self._posted - self._failing.setdefault(row.id, self._posted)
            if row.tries >= TRIES and others >= OTHERS:
                self._park(row, f"the server fails on it, and takes others: {no}", "fails on it")
                return True
            outbox.later(store, row.id, now() + pause, str(no))
            return False
        except PostGone:
            raise
        except Never as no:
            log.warning("outbox row parked", row=row.id, kind=row.kind, reason=str(no))
            self._park(row, str(no), no.cause)
        except sqlite3.OperationalError:
            raise  # nothing can be noted now, so nothing may be given up: the next start goes on from here
        except Exception as error:  # noqa: BLE001 -- whatever it is, it goes to the log and must not stop the rest
            self._fault(row, error)
        else:
            self._posted += 1
            self._failing.pop(row.id, None)
        return True

    def _park(self, row: OutboxRow, why: str, cause: str) -> None:
        self._failing.pop(row.id, None)
        self.app.give_up(row, why, cause)
        self.wake()

    def _fault(self, row: OutboxRow, error: BaseException) -> None:
        reference = secrets.token_hex(4)
        log.error(
            "outbox row failed", row=row.id, kind=row.kind, subject=row.subject, reference=reference, exc_info=error
        )
        self._park(row, f"{type(error).__name__}, in the log as {reference}", type(error).__name__)

    def _gone(self, row: OutboxRow) -> None:
        """A post that was to be edited or answered is not on the server any more."""
        store, now = self.app.store, self.app.now()
        log.info("post is gone", row=row.id, kind=row.kind, subject=row.subject or row.thread)
        with store.transaction():
            root = outbox.post_of(store, row.thread) if row.thread else None
            if row.kind == "show" and row.post:
                outbox.lost(store, row.id, now)
                return
            if root:
                outbox.lost(store, root.id, now)
                return
        self._park(row, "the post it answers was deleted", "the post it answers was deleted")

    async def _show(self, row: OutboxRow) -> None:
        rendered = subjects.render(self.app.store, row, self.app.now())
        if rendered is None:
            await self._sent(row, row.sent_channel, row.post, row.shown)
            return
        message, _ = rendered
        shown = hashlib.sha256(outbox.dump_message(message).encode()).hexdigest()
        channel, post, old = row.sent_channel, row.post, row.shown
        place = self._channel(row, row.thread)
        if not post:
            root = self._root(row.thread)
            if found := await self._made(row, place):
                (channel, post), old = found, ""
            else:
                channel, post = await self.voice.post(place, root, message, row.id, row.key)
                old = shown
        if shown != old:
            await self.voice.edit(place, message, post, row.id, row.key)
        await self._sent(row, channel, post, shown)

    async def _say(self, row: OutboxRow) -> None:
        remembered, person, thread = "", row.person, row.thread
        if row.kind == "notice":
            rendered = subjects.render(self.app.store, row, self.app.now())
            if rendered is None:
                await self._sent(row, "", "", str(outbox.told(self.app.store, row.subject)))
                return
            message, remembered = rendered
            person, thread = subjects.audience(self.app.store, row)
        elif case_subjects.outlived(self.app.store, row):
            await self._sent(row, "", "", "")
            return
        else:
            message = outbox.read_message(row.body)
        channel = await self.voice.direct(person) if person else self._channel(row, thread)
        root = row.root or self._root(thread)
        if made := await self._made(row, channel, remembered):
            channel, post = made
            remembered = row.shown or remembered  # what that try said, not what there is to say by now, if it is known
        else:
            channel, post = await self.voice.post(channel, root, message, row.id, row.key)
        await self._sent(row, channel, post, remembered)
        # Something may have come up while it was on its way.
        if row.kind == "notice" and subjects.render(self.app.store, row, self.app.now()):
            outbox.notice(self.app.store, row.subject, self.app.now(), self.app.now())
            self.wake()

    async def _made(self, row: OutboxRow, channel: str, shown: str = "") -> tuple[str, str] | None:
        """The post of a row that an earlier try left behind. Without one, the row is marked, so that this try is known of."""
        if row.anchor:
            anchor = "" if row.anchor == outbox.EMPTY else row.anchor
            if found := await self.voice.find(row.sent_channel or channel, row.key, anchor):
                return found
        place, newest = await self.voice.newest(channel)
        await self._note(lambda: outbox.begun(self.app.store, row.id, place, newest, shown))
        return None

    async def _sent(self, row: OutboxRow, channel: str, post: str, shown: str) -> None:
        await self._note(lambda: outbox.sent(self.app.store, row, channel, post, shown))

    async def _note(self, write: Callable[[], None]) -> None:
        """Write something into the store, durably; what several tasks write at the same moment is one transaction."""
        if not self._notes:
            asyncio.get_running_loop().call_soon(self._write_notes)
        self._notes.append((write, asyncio.get_running_loop().create_future()))
        await self._notes[-1][1]

    def _write_notes(self) -> None:
        notes, self._notes = self._notes, []
        failed: Exception | None = None
        try:
            with self.app.store.transaction():
                for write, _ in notes:
                    write()
        except Exception as error:  # noqa: BLE001 -- each task raises it
            failed = error
        for _, written in notes:
            if written.cancelled():
                continue
            if failed:
                written.set_exception(failed)
            else:
                written.set_result(None)

    def _channel(self, row: OutboxRow, thread: str) -> str:
        """Where a row goes that is for nobody alone: what is said in a thread must never stand anywhere but in the thread's channel."""
        return outbox.channel_of(self.app.store, thread) or row.channel or MARKET

    def _root(self, thread: str) -> str:
        if not thread:
            return ""
        root = outbox.post_of(self.app.store, thread)
        if root is None or (not root.post and root.state == "sent"):
            raise Never("there is no post to which it is an answer")
        if not root.post:  # it was there when this row was found to be due, or this is a notice
            raise _NoRoot(thread)
        return root.post

    def _start_steps(self) -> None:
        if self.app.store.trouble:
            raise StoreFails(self.app.store.trouble)  # what came of them could not be noted
        for number, task in self._running.items():
            if outbox.row(self.app.store, number) is None:  # it was dropped: nobody wants its result any more
                task.cancel()
        now, free = self.app.now(), SLOW_STEPS - len(self._running)
        for row in outbox.due_steps(self.app.store, now, self._running, free) if free > 0 else ():
            if row.thread and row.thread in {x.get_name() for x in self._running.values()}:
                continue  # one that was dropped has not come to its end yet
            task = asyncio.create_task(self._do(row), name=row.thread or f"step-{row.subject}-{row.id}")
            self._running[row.id] = task
            task.add_done_callback(partial(self._ended, self._running, row.id))

    async def _do(self, row: OutboxRow) -> None:
        try:
            what = self.app.instead(row) or await self.steps[row.subject](json.loads(row.body), row.tries)
            self.app.take_in(Event(f"do:{row.key}", "", self.app.now(), Where("mmbot"), what), row)
        except StoreFails:
            raise  # its result could not be noted: it is done again when the store can be used
        except NotNow as no:
            pause = round(no.seconds * 1000) if no.seconds else 5_000 * 2 ** min(row.tries, 6)
            outbox.later(self.app.store, row.id, self.app.now() + pause, str(no))
        except (asyncio.CancelledError, KeyboardInterrupt, SystemExit):
            raise
        except BaseException as error:  # noqa: BLE001 -- likewise; libraries in Rust panic with one that is no Exception
            self._fault(row, error)
