"""People who act on a Mattermost server, real or fake, as their clients would: for end-to-end tests."""

# ruff: noqa: ASYNC109 - a test reads better with wait_for(…, timeout=2) than inside a block
import asyncio
import contextlib
import json
import secrets
from collections.abc import AsyncIterator, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Any, Self

import aiohttp

Json = dict[str, Any]
PASSWORD = "Correct-horse-7"


class Refused(Exception):  # noqa: N818 - it is what happened
    """The server said no."""

    def __init__(self, status: int, said: Json) -> None:
        super().__init__(f"{status} {said.get('id')}: {said.get('message')}")
        self.status, self.id, self.message = status, str(said.get("id", "")), str(said.get("message", ""))


class Api:
    """Plain calls with one account's token."""

    def __init__(self, url: str, token: str = "") -> None:
        self.url, self.token = url.rstrip("/"), token
        self.session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=40))

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.session.close()

    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token}"} if self.token else {}

    async def call(self, method: str, path: str, body: object = None) -> Any:  # noqa: ANN401 - JSON
        """The parsed answer; anything but success is `Refused`."""
        async with self.session.request(
            method, self.url + "/api/v4" + path, json=body, headers=self.headers()
        ) as answer:
            said = json.loads(await answer.read() or b"{}")
            if answer.status >= 300:
                raise Refused(answer.status, said)
            return said

    async def login(self, user: str, password: str) -> None:
        """Acts as that person from now on."""
        body = {"login_id": user, "password": password}
        async with self.session.post(self.url + "/api/v4/users/login", json=body) as answer:
            if answer.status >= 300:
                raise Refused(answer.status, await answer.json())
            self.token = answer.headers["Token"]


class Human:
    """One person with an open client: posts and private answers arrive by websocket, as in the web app."""

    def __init__(self, url: str, username: str, password: str = PASSWORD, team_id: str = "") -> None:
        self.api = Api(url)
        self.username, self.password, self.team_id = username, password, team_id
        self.id = ""
        self.seen: dict[str, Json] = {}  # post id -> the latest state that the client was shown
        self.ephemerals: list[Json] = []
        self.dialogs: asyncio.Queue[Json] = asyncio.Queue()
        self.events: list[Json] = []
        self._news = asyncio.Condition()
        self._reader: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        await self.api.login(self.username, self.password)
        self.id = (await self.api.call("GET", "/users/me"))["id"]
        socket = await self.api.session.ws_connect(
            self.api.url + "/api/v4/websocket", headers=self.api.headers(), max_msg_size=16 * 1024 * 1024
        )
        await socket.receive()  # the greeting: from now on nothing is missed
        self._reader = asyncio.create_task(self._read(socket))
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._reader:
            self._reader.cancel()
            await asyncio.gather(self._reader, return_exceptions=True)
        await self.api.session.close()

    async def _read(self, socket: aiohttp.ClientWebSocketResponse) -> None:
        try:
            async for message in socket:
                frame = json.loads(message.data)
                if "event" in frame:
                    self._take(frame)
                    async with self._news:
                        self._news.notify_all()
        finally:
            await socket.close()

    def _take(self, frame: Json) -> None:
        self.events.append(frame)
        data = frame["data"]
        if frame["event"] == "open_dialog":
            self.dialogs.put_nowait(json.loads(data["dialog"]))
        if frame["event"] in {"posted", "post_edited", "ephemeral_message", "post_deleted"}:
            post = json.loads(data["post"])
            if frame["event"] == "post_deleted":
                self.seen.pop(post["id"], None)
                return
            self.seen[post["id"]] = post
            if frame["event"] == "ephemeral_message":
                self.ephemerals.append(post)

    # Waiting

    async def wait_for(self, wanted: Callable[[Json], object], timeout: float = 10.0) -> Json:
        """The first post, public or ephemeral, new or edited, that this client was or will be shown and is `wanted`."""

        def found() -> Json | None:
            return next((post for post in self.seen.values() if wanted(post)), None)

        try:
            async with asyncio.timeout(timeout), self._news:
                await self._news.wait_for(lambda: found() is not None)
        except TimeoutError:
            recent = [post["message"][:200] for post in list(self.seen.values())[-8:]]
            raise AssertionError(f"@{self.username} waited {timeout} s in vain; saw last: {recent}") from None
        post = found()
        assert post is not None
        return post

    async def wait_for_event(self, event: str, timeout: float = 10.0) -> Json:
        """The first event of that kind that came or comes."""

        def found() -> Json | None:
            return next((frame for frame in self.events if frame["event"] == event), None)

        async with asyncio.timeout(timeout), self._news:
            await self._news.wait_for(lambda: found() is not None)
        frame = found()
        assert frame is not None
        return frame

    async def _private_answer(self, known: int, timeout: float) -> str:
        """The text of what came for this person alone since `known` messages, or nothing."""
        try:
            async with asyncio.timeout(timeout), self._news:
                await self._news.wait_for(lambda: len(self.ephemerals) > known)
        except TimeoutError:
            return ""
        return str(self.ephemerals[-1]["message"])

    # Acting

    async def say(self, channel: str, text: str, root: str | None = None) -> Json:
        """Posts in a channel (by id), in a thread if `root` is given."""
        body = {"channel_id": channel, "message": text, "root_id": root or ""}
        return dict(await self.api.call("POST", "/posts", body))

    async def slash(self, channel: str, text: str, root: str | None = None, timeout: float = 5.0) -> str:
        """Types a slash command; gives the text only this person sees, empty when there is none."""
        known = len(self.ephemerals)
        body = {"channel_id": channel, "command": text, "team_id": self.team_id, "root_id": root or ""}
        answer = await self.api.call("POST", "/commands/execute", body)
        private = answer.get("response_type") != "in_channel" and (answer.get("text") or answer.get("attachments"))
        return await self._private_answer(known, timeout) if private else ""

    async def click(
        self, post_id: str, label: str, choice: str | None = None, *, wait: float = 1.0, index: int = 0
    ) -> str:
        """Presses the button or menu with that label; gives the text only this person sees, empty when none comes.

        `choice` is the text or value of a menu's option, or a user id; `index` counts buttons with the same label.
        """
        post = self.seen.get(post_id) or await self.api.call("GET", f"/posts/{post_id}")
        action = self.actions(post, label)[index]
        values = {option["text"]: option["value"] for option in action.get("options") or []}
        body = {"selected_option": values.get(choice or "", choice or ""), "cookie": action.get("cookie", "")}
        known = len(self.ephemerals)
        await self.api.call("POST", f"/posts/{post_id}/actions/{action['id']}", body)
        return await self._private_answer(known, wait)

    @staticmethod
    def actions(post: Json, label: str) -> list[Json]:
        """The buttons and menus of a post with that label; there is at least one."""
        attachments = post["props"].get("attachments") or []
        every = [action for attachment in attachments for action in attachment.get("actions") or []]
        found = [action for action in every if action["name"] == label]
        if not found:
            raise AssertionError(f"no {label!r} among {[action['name'] for action in every]}")
        return found

    async def dialog(self, timeout: float = 10.0) -> Json:
        """The next dialog that opens: `url`, `trigger_id`, `dialog`."""
        async with asyncio.timeout(timeout):
            return await self.dialogs.get()

    async def submit(self, dialog: Json, values: Mapping[str, Any], channel: str, *, cancelled: bool = False) -> Json:
        """Submits what `dialog` gave; the answer is empty when the dialog closes, else `error` or `errors`."""
        body = {
            "url": dialog["url"],
            "callback_id": dialog["dialog"]["callback_id"],
            "state": dialog["dialog"]["state"],
            "submission": dict(values),
            "channel_id": channel,
            "team_id": self.team_id,
            "cancelled": cancelled,
        }
        return dict(await self.api.call("POST", "/actions/dialogs/submit", body))

    async def dm(self, user_id: str) -> str:
        """The id of the direct channel with somebody."""
        return str((await self.api.call("POST", "/channels/direct", [self.id, user_id]))["id"])

    async def posts(self, channel: str) -> list[Json]:
        """What stands in a channel, oldest first."""
        page = await self.api.call("GET", f"/channels/{channel}/posts?per_page=200")
        return sorted((page["posts"][one] for one in page["order"]), key=lambda post: int(post["create_at"]))

    async def thread(self, post_id: str) -> list[Json]:
        """A thread, oldest first."""
        page = await self.api.call("GET", f"/posts/{post_id}/thread")
        return sorted(page["posts"].values(), key=lambda post: int(post["create_at"]))


@dataclass
class World:
    """A team made for one test, with its channels and people; `admin` acts as the system administrator."""

    url: str
    admin: Api
    team_id: str
    team: str
    channels: dict[str, str] = field(default_factory=dict)  # name as asked for -> id
    users: dict[str, Json] = field(default_factory=dict)  # name as asked for -> user
    suffix: str = ""

    def human(self, name: str) -> Human:
        """Somebody's client, to be entered."""
        return Human(self.url, self.users[name]["username"], team_id=self.team_id)

    async def add_user(self, name: str, channels: Iterable[str] = ()) -> Json:
        """Makes a person who is in the team and in these channels."""
        username = f"{name}-{self.suffix}"
        body = {"username": username, "email": f"{username}@example.com", "password": PASSWORD}
        user = await self.admin.call("POST", "/users", body)
        self.users[name] = user
        await self.join(user["id"], channels)
        return dict(user)

    async def add_channel(self, name: str, kind: str = "O") -> str:
        """Makes a channel (O public, P private)."""
        body = {"team_id": self.team_id, "name": f"{name}-{self.suffix}", "display_name": name, "type": kind}
        self.channels[name] = (await self.admin.call("POST", "/channels", body))["id"]
        return self.channels[name]

    async def join(self, user_id: str, channels: Iterable[str] = ()) -> None:
        """Brings an account into the team and these channels."""
        member = {"team_id": self.team_id, "user_id": user_id}
        await self.admin.call("POST", f"/teams/{self.team_id}/members", member)
        for name in channels:
            await self.admin.call("POST", f"/channels/{self.channels[name]}/members", {"user_id": user_id})

    async def add_bot(self, name: str = "mmbot", channels: Iterable[str] = ()) -> tuple[Json, str]:
        """Makes a bot account in the team and these channels; gives it and its token."""
        bot = await self.admin.call("POST", "/bots", {"username": f"{name}-{self.suffix}", "display_name": name})
        token = await self.admin.call("POST", f"/users/{bot['user_id']}/tokens", {"description": "test"})
        await self.join(bot["user_id"], channels)
        return dict(bot), str(token["token"])

    async def add_command(self, url: str, trigger: str = "") -> Json:
        """Makes a slash command of the team."""
        body = {"team_id": self.team_id, "trigger": trigger or f"mb{self.suffix}", "method": "P", "url": url}
        return dict(await self.admin.call("POST", "/commands", body))


@contextlib.asynccontextmanager
async def bootstrap(
    url: str,
    admin: tuple[str, str],
    users: Iterable[str] = ("uma", "sam"),
    channels: Iterable[str] = ("reviews",),
) -> AsyncIterator[World]:
    """A world of its own on a server that may be in use: unique team, channels and people, everybody in every channel."""
    async with Api(url) as api:
        await api.login(*admin)
        suffix = secrets.token_hex(4)
        name = f"team-{suffix}"
        team = await api.call("POST", "/teams", {"name": name, "display_name": name, "type": "O"})
        world = World(url, api, team["id"], name, suffix=suffix)
        for channel in channels:
            await world.add_channel(channel)
        for user in users:
            await world.add_user(user, list(world.channels))
        yield world
