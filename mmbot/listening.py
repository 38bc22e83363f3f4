"""What is heard on the stream, and what was missed of it: every post for us is taken in once, in order."""

import asyncio
import secrets
import sqlite3
import time
from contextlib import aclosing
from dataclasses import dataclass, field

import structlog

from mmbot.app import App
from mmbot.mattermost import callbacks
from mmbot.mattermost.callbacks import Said
from mmbot.mattermost.client import RestError
from mmbot.mattermost.rest import UNKNOWN_ANCHOR, Rest
from mmbot.mattermost.stream import PASSING, REJECTIONS, Frame, Pace, TokenRejected, frames
from mmbot.mattermost.values import Channel, Post
from mmbot.reception import Reception
from mmbot.store import seen

log = structlog.get_logger()

CURSOR = "cursor:"
"""Before a channel's id: the newest post heard there, when it was made, and when the first one was (milliseconds UTC)."""
SEEN_UNTIL = "seen-until"
"""Until when (milliseconds UTC) every channel was heard: where a channel without a cursor is caught up from."""
OVERLAP = 60_000
"""Milliseconds before that, since posts of different channels may arrive in another order; nothing counts twice."""
LOOKED_BACK = 30
"""How many posts of that time before a channel's newest one are looked at again: a server may store them in another order than dated."""
NOTED_EVERY = 1.0
"""Seconds."""
LONGEST_PAUSE = 30.0
UNAUTHORIZED, FORBIDDEN, NOT_FOUND = 401, 403, 404


@dataclass
class Listener:
    """The stream's consumer. What is written is late after so many milliseconds, and not acted on any more."""

    app: App
    rest: Rest
    reception: Reception
    pace: Pace | None = None
    late_after: int = 900_000
    _online: bool = False
    _caught_up: bool = False
    _heard: dict[str, tuple[str, int, int]] = field(default_factory=dict)
    _noted: float = 0.0

    @property
    def connected(self) -> bool:
        """Whether what people write is heard now, and everything before it was."""
        return self._online and self._caught_up

    async def run(self) -> None:
        """Listen for ever. Raises TokenRejected."""
        try:
            async with aclosing(frames(self.rest, self.pace, line=self._line)) as stream:
                async for item in stream:
                    if isinstance(item, Frame):
                        await self._frame(item)
                    else:
                        self._caught_up = False
                        log.info("catching up", reason=item.reason)
                        await self._catch_up()
                        self._caught_up = True
        finally:
            self._online = self._caught_up = False  # first, since the note may fail as what ended this did
            self._note()

    def _line(self, *, stands: bool) -> None:
        if stands is self._online:
            return
        self._online = stands
        if stands:
            log.info("connected to Mattermost")
        else:
            log.warning("not connected to Mattermost, trying again")

    def _server_now(self) -> int:
        return self.app.now() + self.rest.ahead

    async def _frame(self, frame: Frame) -> None:
        if frame.event != "posted":
            return
        try:
            post = callbacks.said(frame.data)
        except callbacks.Malformed as malformed:
            log.warning("post not understood", problem=str(malformed))
            return
        await self._take_in(post)

    async def _take_in(self, post: Said) -> None:
        """Have a post taken in, and note that it was. One that breaks something of ours must not break everything after it."""
        ours = True
        try:
            ours = await self.reception.said(post, self._server_now() - self.late_after)
        except callbacks.Malformed as malformed:
            log.warning("post not understood", problem=str(malformed))
        except sqlite3.OperationalError:
            raise  # the store cannot be written now: the next start catches up from here
        except Exception:
            log.exception("post not taken in", post=post.post_id, reference=secrets.token_hex(4))
        self._hear(post.channel_id, post.post_id, post.create_at)
        # What was not for us is noted now and then, which keeps a busy channel cheap; after a crash it is merely heard again.
        if ours or time.monotonic() - self._noted > NOTED_EVERY:
            self._note()

    def _hear(self, channel: str, post: str, at: int) -> None:
        _, newest, first = self._heard.get(channel) or self._cursor(channel)
        # A place in the future was noted by a clock that was wrong, and would let nothing be found behind it for as long.
        if at >= newest or newest > self._server_now() + OVERLAP:
            self._heard[channel] = (post, at, min(first or at, at))

    def _cursor(self, channel: str) -> tuple[str, int, int]:
        """The newest post heard of a channel, when it was made, and when the first one was; ("", 0, 0) for none."""
        post, at, first = [*self.app.store.state(CURSOR + channel).split(" "), "0", "0"][:3]
        return post, int(at), int(first)

    def _heard_until(self) -> int:
        """Until when every channel was heard; never in the future, whatever a clock that was wrong once said. 0 for never."""
        return min(self._server_now(), int(self.app.store.state(SEEN_UNTIL) or 0))

    def _note(self) -> None:
        """Have the store remember how far each channel was heard, and forget what is too old to come again."""
        heard, self._heard = self._heard, {}
        if not heard:
            return
        until = max(self._heard_until(), *(at for _, at, _ in heard.values()))
        with self.app.store.transaction():
            for channel, cursor in heard.items():
                self.app.store.remember(CURSOR + channel, " ".join(map(str, cursor)))
            self.app.store.remember(SEEN_UNTIL, str(until))
            if self._caught_up:  # before that, something as old may still be to be taken in
                seen.forget(self.app.store, min(until, self.app.now()))
        self._noted = time.monotonic()

    async def _catch_up(self) -> None:
        """Take in what was posted since, in the order written; the first time, only note where we are. Raises TokenRejected."""
        self._note()
        pause, refused = (self.pace or Pace()).shortest, 0
        until, begun = self._heard_until(), self._server_now()
        while True:
            try:
                missed = [x for channel in await self.rest.my_channels() for x in await self._missed(channel, until)]
            except PASSING as error:
                refused = refused + 1 if isinstance(error, RestError) and error.status == UNAUTHORIZED else 0
                if refused >= REJECTIONS:
                    raise TokenRejected(str(error)) from error
                log.warning("catch-up failed, trying again", reason=f"{type(error).__name__}: {error}", seconds=pause)
                await asyncio.sleep(pause)
                pause = min(LONGEST_PAUSE, pause * 2)
            else:
                break
        if not self.app.store.state(SEEN_UNTIL):  # nobody has written anything yet: whatever comes is new
            with self.app.store.transaction():
                self.app.store.remember(SEEN_UNTIL, str(begun))
        # Over all channels, since the mark that channels without a cursor go by moves on with every post.
        for post in sorted(missed, key=lambda x: (x.create_at, x.post_id)):
            await self._take_in(post)

    async def _missed(self, channel: Channel, until: int) -> list[Said]:
        cursor, at, first = self._cursor(channel.id)
        posts: list[Post] = []
        try:
            if cursor:
                posts = await self.rest.posts_after(channel.id, cursor, overlap=LOOKED_BACK)
            elif until:
                posts = await self._since(channel, until - OVERLAP)
            elif newest := await self.rest.newest_post(channel.id):
                self._hear(channel.id, newest.id, newest.create_at)
                self._note()
        except RestError as error:
            if error.id == UNKNOWN_ANCHOR:
                posts = await self._since(channel, (at or until) - OVERLAP)
            elif error.status in {FORBIDDEN, NOT_FOUND}:  # no longer ours since the channels were listed
                log.warning("channel not caught up", channel=channel.id, status=error.status, reason=error.id)
            else:
                raise
        oldest = max(seen.forgotten_until(self.app.store), at - OVERLAP, first - 1)
        # What is looked at again and was edited since stays what it was: an edit is no request.
        return [_said(x, channel) for x in posts if x.create_at > oldest and (x.create_at > at or not x.edit_at)]

    async def _since(self, channel: Channel, moment: int) -> list[Post]:
        posts = await self.rest.posts_since(channel.id, moment)
        return [x for x in posts if x.create_at > moment and not x.delete_at]


def _said(post: Post, channel: Channel) -> Said:
    machine = callbacks.by_machine(post.props, post.type)
    return Said(
        post.id, post.user_id, post.channel_id, channel.type, post.root_id, post.message, post.create_at, machine
    )
