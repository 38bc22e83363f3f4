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
from mmbot.mattermost.stream import Frame, Pace, frames
from mmbot.mattermost.values import Channel, Post
from mmbot.reception import Reception

log = structlog.get_logger()

CURSOR = "cursor:"
"""Before a channel's id: the newest post taken in there."""
SEEN_UNTIL = "seen-until"
"""Until when (milliseconds UTC) every channel was heard: where a channel without a cursor is caught up from."""
OVERLAP = 60_000
"""Milliseconds before that, since posts of different channels may arrive in another order; nothing counts twice."""
NOTED_EVERY = 1.0
"""Seconds."""
LONGEST_PAUSE = 30.0
FORBIDDEN, NOT_FOUND = 403, 404


@dataclass
class Listener:
    """The stream's consumer; `connected` is False until the first catch-up is done."""

    app: App
    rest: Rest
    reception: Reception
    pace: Pace | None = None
    connected: bool = False
    _heard: dict[str, tuple[str, int]] = field(default_factory=dict)
    _noted: float = 0.0

    async def run(self) -> None:
        """Listen for ever. Raises TokenRejected."""
        try:
            async with aclosing(frames(self.rest, self.pace)) as stream:
                async for item in stream:
                    if isinstance(item, Frame):
                        await self._frame(item)
                    else:
                        self.connected = False
                        log.info("catching up", reason=item.reason)
                        await self._catch_up()
                        self.connected = True
        finally:
            self._note()

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
            ours = await self.reception.said(post)
        except callbacks.Malformed as malformed:
            log.warning("post not understood", problem=str(malformed))
        except sqlite3.OperationalError:
            raise  # the store cannot be written now: the next start catches up from here
        except Exception:
            log.exception("post not taken in", post=post.post_id, reference=secrets.token_hex(4))
        self._heard[post.channel_id] = (post.post_id, post.create_at)
        # What was not for us is noted now and then, which keeps a busy channel cheap; after a crash it is merely heard again.
        if ours or time.monotonic() - self._noted > NOTED_EVERY:
            self._note()

    def _note(self) -> None:
        """Have the store remember how far each channel was heard."""
        heard, self._heard = self._heard, {}
        if not heard:
            return
        until = max(int(self.app.store.state(SEEN_UNTIL) or 0), *(at for _, at in heard.values()))
        with self.app.store.transaction():
            for channel, (post, _) in heard.items():
                self.app.store.remember(CURSOR + channel, post)
            self.app.store.remember(SEEN_UNTIL, str(until))
        self._noted = time.monotonic()

    async def _catch_up(self) -> None:
        """Take in what was posted since, in the order written; the first time, only note where we are."""
        self._note()
        pause = 1.0
        until = int(self.app.store.state(SEEN_UNTIL) or 0)
        while True:
            try:
                missed = [x for channel in await self.rest.my_channels() for x in await self._missed(channel, until)]
            except RestError as error:
                log.warning("catch-up failed, trying again", status=error.status, reason=error.id, seconds=pause)
                await asyncio.sleep(pause)
                pause = min(LONGEST_PAUSE, pause * 2)
            else:
                break
        # Over all channels, since the mark that channels without a cursor go by moves on with every post.
        for post in sorted(missed, key=lambda x: (x.create_at, x.post_id)):
            await self._take_in(post)

    async def _missed(self, channel: Channel, until: int) -> list[Said]:
        cursor = self.app.store.state(CURSOR + channel.id)
        posts: list[Post] = []
        try:
            if cursor:
                posts = await self.rest.posts_after(channel.id, cursor)
            elif until:
                posts = await self._since(channel, until - OVERLAP)
            elif newest := await self.rest.newest_post(channel.id):
                self._heard[channel.id] = (newest.id, newest.create_at)
                self._note()
        except RestError as error:
            if error.id == UNKNOWN_ANCHOR:
                posts = await self._since(channel, until - OVERLAP)
            elif error.status in {FORBIDDEN, NOT_FOUND}:  # no longer ours since the channels were listed
                log.warning("channel not caught up", channel=channel.id, status=error.status, reason=error.id)
            else:
                raise
        return [_said(post, channel) for post in posts]

    async def _since(self, channel: Channel, moment: int) -> list[Post]:
        posts = await self.rest.posts_since(channel.id, moment)
        return [x for x in posts if x.create_at > moment and not x.delete_at]


def _said(post: Post, channel: Channel) -> Said:
    machine = callbacks.by_machine(post.props, post.type)
    return Said(
        post.id, post.user_id, post.channel_id, channel.type, post.root_id, post.message, post.create_at, machine
    )
