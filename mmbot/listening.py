"""What is heard on the stream, and what was missed of it: every post for us is taken in once, in order."""

import asyncio
from contextlib import aclosing
from dataclasses import dataclass

import structlog

from mmbot.app import App
from mmbot.mattermost import callbacks
from mmbot.mattermost.client import RestError
from mmbot.mattermost.rest import Rest
from mmbot.mattermost.stream import Frame, Pace, frames
from mmbot.mattermost.values import Channel, Post
from mmbot.reception import Reception

log = structlog.get_logger()

CURSOR = "cursor:"
"""Before a channel's id: the newest post taken in there."""
SEEN_UNTIL = "seen-until"
"""Until when (milliseconds UTC) every channel was heard: where a channel without a cursor is caught up from."""


@dataclass
class Listener:
    """The stream's consumer; `connected` is False until the first catch-up is done."""

    app: App
    rest: Rest
    reception: Reception
    pace: Pace | None = None
    connected: bool = False

    async def run(self) -> None:
        """Listen for ever. Raises TokenRejected."""
        async with aclosing(frames(self.rest, self.pace)) as stream:
            async for item in stream:
                if isinstance(item, Frame):
                    await self._frame(item)
                else:
                    self.connected = False
                    log.info("catching up", reason=item.reason)
                    await self._catch_up()
                    self.connected = True

    async def _frame(self, frame: Frame) -> None:
        if frame.event != "posted":
            return
        try:
            post = callbacks.said(frame.data)
        except callbacks.Malformed as malformed:
            log.warning("post not understood", problem=str(malformed))
            return
        await self.reception.said(post)
        self._heard(post.channel_id, post.post_id, post.create_at)

    def _heard(self, channel: str, post: str, at: int) -> None:
        with self.app.store.transaction():
            self.app.store.remember(CURSOR + channel, post)
            self.app.store.remember(SEEN_UNTIL, str(max(at, int(self.app.store.state(SEEN_UNTIL) or 0))))

    async def _catch_up(self) -> None:
        """Take in, channel by channel and in the order written, what was posted since; the first time, only note where we are."""
        while True:
            try:
                for channel in await self.rest.my_channels():
                    await self._missed(channel)
            except RestError as error:
                log.warning("catch-up failed, trying again", status=error.status)
                await asyncio.sleep(2)
            else:
                return

    async def _missed(self, channel: Channel) -> None:
        cursor = self.app.store.state(CURSOR + channel.id)
        until = self.app.store.state(SEEN_UNTIL)
        posts: list[Post] = []
        if cursor:
            posts = await self.rest.posts_after(channel.id, cursor)
        elif until:
            posts = [x for x in await self.rest.posts_since(channel.id, int(until)) if x.create_at > int(until)]
        elif newest := await self.rest.newest_post(channel.id):
            self._heard(channel.id, newest.id, newest.create_at)
        for post in posts:
            machine = bool(post.type) or any(
                str(post.props.get(x, "")) == "true" for x in ("from_bot", "from_webhook", "from_plugin")
            )
            await self.reception.said(
                callbacks.Said(
                    post.id,
                    post.user_id,
                    post.channel_id,
                    channel.type,
                    post.root_id,
                    post.message,
                    post.create_at,
                    machine,
                )
            )
            self._heard(channel.id, post.id, post.create_at)
