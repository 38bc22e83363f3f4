"""Where the outbox's posts go: a Mattermost server, over its REST API."""

from collections.abc import Callable

from mmbot.mattermost import render
from mmbot.mattermost.client import RestError
from mmbot.mattermost.rest import PRIVATE, UNKNOWN_ANCHOR, Rest
from mmbot.mattermost.values import Post
from mmbot.messages import Message, Never, NotNow, PostGone

UNAUTHORIZED, FORBIDDEN, NOT_FOUND, TIMED_OUT, TOO_LARGE = 401, 403, 404, 408, 413
NOT_MATTERMOST = frozenset({"http", "redirect"})
"""The ids of answers that came from something between us and the server: what a proxy says is not for ever."""
ROOT_GONE = "api.post.create_post.root_id.app_error"


class MattermostVoice:
    """Posts as the bot account, whose user id is `me`.

    `market` is the id of the marketplace channel, `security` that of the security team's private one, "" for none.
    """

    def __init__(
        self,
        rest: Rest,
        me: str,
        market: str,
        secret: bytes,
        url: str,
        trigger: str,
        now: Callable[[], int],
        security: str = "",
    ) -> None:
        self._rest, self._me = rest, me
        self._places = {"market": market, "security": security}
        self._secret, self._url, self._trigger, self._now = secret, url, trigger, now
        self._direct: dict[str, str] = {}
        self._newest: dict[str, str] = {}

    async def direct(self, person: str) -> str:
        """The id of the direct channel with a person."""
        if person not in self._direct:
            try:
                self._direct[person] = (await self._rest.direct_channel(self._me, person)).id
            except RestError as error:
                raise _translated(error) from error
        return self._direct[person]

    async def newest(self, channel: str) -> tuple[str, str]:
        """The id of a channel, and a post of it after which there was none, or only few, a moment ago; "" where it has none."""
        place = self._place(channel)
        if place not in self._newest:
            try:
                found = await self._rest.newest_post(place)
            except RestError as error:
                raise _translated(error) from error
            self._newest[place] = found.id if found else ""
        return place, self._newest[place]

    async def post(self, channel: str, root: str, message: Message, row: int, key: str) -> tuple[str, str]:
        """Post a message; the row's key makes a repeated try count once for as long as the server remembers it."""
        place = self._place(channel)
        await self._see_that_it_is_private(channel)
        try:
            post = await self._rest.post(
                place, self._text(message), root, self._props(message, row, key), f"{self._me}:{key}"
            )
        except RestError as error:
            if error.id == ROOT_GONE and await self._gone(root, place):
                raise PostGone from error
            raise _translated(error) from error
        self._newest[place] = post.id
        return place, post.id

    async def find(self, channel: str, key: str, anchor: str) -> tuple[str, str] | None:
        """The post that carries a row's key; anybody can write such a key, so only a post of the bot counts."""
        place = self._place(channel)
        try:
            posts = await self._after(place, anchor)
        except RestError as error:
            raise _translated(error) from error
        for post in posts:
            if post.user_id == self._me and post.props.get("mmbot") == key and not post.delete_at:
                return place, post.id
        return None

    async def _after(self, channel: str, anchor: str) -> list[Post]:
        """What was posted after a post, or ever, where there was none or the server does not know it any more."""
        if anchor:
            try:
                return await self._rest.posts_after(channel, anchor)
            except RestError as error:
                if error.id != UNKNOWN_ANCHOR:
                    raise
        return await self._rest.posts_since(channel, 0)

    async def edit(self, channel: str, message: Message, post: str, row: int, key: str) -> None:
        """Let a post of a channel show another message; its buttons are made anew."""
        await self._see_that_it_is_private(channel)
        if channel == "security" and await self._gone(post, self._place(channel)):
            raise PostGone  # or it stands in another channel, which was configured before, and may be anybody's now
        try:
            await self._rest.edit(post, self._text(message), self._props(message, row, key))
        except RestError as error:
            # Of a deleted post the server says that it may not be edited, as of one that is not ours.
            if error.status == FORBIDDEN and await self._gone(post):
                raise PostGone from error
            raise _translated(error) from error

    def _place(self, channel: str) -> str:
        """The id of a channel, which may be called by what it is for."""
        place = self._places.get(channel, channel)
        if not place:
            raise Never("mattermost.security_channel names no channel", "no security channel")
        return place

    async def _see_that_it_is_private(self, channel: str) -> None:
        """Looked up before every post of the security team's channel: an admin can make it public at any time."""
        if channel != "security":
            return
        try:
            found = await self._rest.channel_by_id(self._place(channel))
        except RestError as error:
            raise _translated(error) from error
        if found.type != PRIVATE:
            raise Never(f"~{found.name} is not private any more", "security channel not private")

    async def _gone(self, post: str, place: str = "") -> bool:
        """Whether a post was deleted, or does not stand in a certain channel (another may be configured now)."""
        try:
            found = await self._rest.post_by_id(post)
        except RestError as error:
            if error.status == NOT_FOUND:
                return True
            raise _translated(error) from error
        return bool(place) and found.channel_id != place

    def _text(self, message: Message) -> str:
        return render.text(message.text, self._trigger)

    def _props(self, message: Message, row: int, key: str) -> dict[str, object]:
        return render.props(message, row, key, self._secret, self._url, self._now())


def _translated(error: RestError) -> NotNow | Never:
    # A server that has lost its database, or is being restored, knows no token either; the stream tells whether it stays so.
    passing = error.status in {UNAUTHORIZED, TIMED_OUT} or (error.id in NOT_MATTERMOST and error.status != TOO_LARGE)
    if error.temporary or passing:
        return NotNow(str(error), error.retry_after)
    return Never(str(error), f"{error.status} {error.id}")
