"""Mattermost's REST API: the endpoint map of mattermostdriver over one aiohttp session, as typed calls."""

from collections.abc import Iterable, Mapping
from dataclasses import replace
from http import HTTPStatus
from types import TracebackType
from typing import Any, Self
from urllib.parse import quote, urlsplit

import aiohttp
from mattermostdriver import Driver
from mattermostdriver.endpoints.bots import Bots

from mmbot.mattermost.client import Client, RestError
from mmbot.mattermost.values import (
    Bot,
    Channel,
    Post,
    SlashCommand,
    Team,
    User,
    read_bot,
    read_channel,
    read_command,
    read_post,
    read_team,
    read_user,
    write_command,
)

__all__ = ["Bot", "Channel", "Post", "Rest", "RestError", "SlashCommand", "Team", "User", "login"]

CONNECTIONS = 10
CONNECT_SECONDS = 5.0
SINCE_CAP = 1000  # the server returns no more for `since`, and then an arbitrary choice
PAGE = 200
PRIVATE = "P"
"""The type of a channel that only its members see."""
UNKNOWN_ANCHOR = "mmbot.unknown_anchor"


class Rest:
    """One account's view of a Mattermost server; an async context manager. Every call may raise `RestError`."""

    def __init__(self, url: str, token: str, timeout: float = 20.0) -> None:
        """`url` is the address people use, with any sub-path; `timeout` bounds one try, in seconds."""
        parts = urlsplit(url)
        if parts.scheme not in {"http", "https"} or not parts.hostname:
            raise ValueError(f"not the address of a Mattermost server: {url!r}")
        host = f"[{parts.hostname}]" if ":" in parts.hostname else parts.hostname
        port = parts.port or (443 if parts.scheme == "https" else 80)
        base = parts.path.rstrip("/") + "/api/v4"
        self.url = url.rstrip("/")
        self._driver = Driver(
            {"scheme": parts.scheme, "url": host, "port": port, "basepath": base, "token": token}, client_cls=Client
        )
        self._client: Client = self._driver.client
        self._timeout = aiohttp.ClientTimeout(total=timeout, sock_connect=min(timeout, CONNECT_SECONDS))
        self._me: User | None = None

    async def __aenter__(self) -> Self:
        self._client.session = aiohttp.ClientSession(
            timeout=self._timeout,
            connector=aiohttp.TCPConnector(limit=CONNECTIONS, keepalive_timeout=20),
            cookie_jar=aiohttp.DummyCookieJar(),
        )
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._client.session.close()

    @property
    def ahead(self) -> int:
        """By how many milliseconds the server's clock is ahead of ours, to a second or two; 0 before its first answer."""
        return self._client.ahead

    async def websocket(self, params: Mapping[str, str], heartbeat: float) -> aiohttp.ClientWebSocketResponse:
        """The raw event stream; `stream.frames` is what to use."""
        return await self._client.websocket(params, heartbeat)

    # People, teams, channels

    async def ping(self) -> None:
        """Returns when the server answers."""
        await self._driver.system.check_system_health()

    async def me(self) -> User:
        """The account of the token."""
        self._me = read_user(await self._driver.users.get_user("me"))
        return self._me

    async def user(self, user_id: str) -> User:
        """One account by id."""
        return read_user(await self._driver.users.get_user(quote(user_id, safe="")))

    async def users_by_ids(self, ids: Iterable[str]) -> list[User]:
        """The accounts that exist among `ids`, in no particular order."""
        wanted = sorted(set(ids))
        return [read_user(raw) for raw in await self._driver.users.get_users_by_ids(wanted)] if wanted else []

    async def users_by_names(self, names: Iterable[str]) -> list[User]:
        """The accounts that exist among these usernames (without @), in no particular order."""
        wanted = sorted(set(names))
        return [read_user(raw) for raw in await self._driver.users.get_users_by_usernames(wanted)] if wanted else []

    async def team(self, name: str) -> Team:
        """A team by its name in addresses."""
        return read_team(await self._driver.teams.get_team_by_name(quote(name, safe="")))

    async def my_teams(self) -> list[Team]:
        """The teams this account belongs to."""
        return [read_team(raw) for raw in await self._driver.teams.get_user_teams("me")]

    async def channel(self, team_id: str, name: str) -> Channel:
        """A channel by its name in addresses; 404 when it does not exist or is private to others."""
        return read_channel(await self._driver.channels.get_channel_by_name(team_id, quote(name, safe="")))

    async def channel_by_id(self, channel_id: str) -> Channel:
        """A channel by its id, an archived one, too; 403 when it is private to others."""
        return read_channel(await self._driver.channels.get_channel(quote(channel_id, safe="")))

    async def my_channels(self, team_id: str | None = None) -> list[Channel]:
        """The channels this account is a member of, direct ones included, in one team or in all of them."""
        teams = [team_id] if team_id else [team.id for team in await self.my_teams()]
        # GET /users/me/channels would be one call, but old servers do not have it.
        pages = [await self._driver.channels.get_channels_for_user("me", team) for team in teams]
        return list({raw["id"]: read_channel(raw) for page in pages for raw in page}.values())

    async def direct_channel(self, one: str, other: str) -> Channel:
        """The channel between two users, made when there is none."""
        return read_channel(await self._driver.channels.create_direct_message_channel([one, other]))

    async def is_member(self, channel_id: str, user_id: str = "me") -> bool:
        """Whether a user is in a channel that this account can see."""
        try:
            await self._driver.channels.get_channel_member(channel_id, user_id)
        except RestError as error:
            if error.status == HTTPStatus.NOT_FOUND or (user_id == "me" and error.status == HTTPStatus.FORBIDDEN):
                return False
            raise
        return True

    async def members(self, channel_id: str) -> list[str]:
        """The user ids of everybody in a channel."""
        found: list[str] = []
        while True:
            params = {"page": len(found) // PAGE, "per_page": PAGE}
            page = await self._driver.channels.get_channel_members(channel_id, params)
            found += [raw["user_id"] for raw in page]
            if len(page) < PAGE:
                return found

    async def join_channel(self, channel_id: str) -> None:
        """Makes this account a member of a public channel of its team."""
        await self.add_channel_member(channel_id, (self._me or await self.me()).id)

    async def create_channel(
        self, team_id: str, name: str, display_name: str, header: str = "", *, private: bool = False
    ) -> Channel:
        """A new channel, public unless `private`, with this account in it."""
        kind = PRIVATE if private else "O"
        body = {"team_id": team_id, "name": name, "display_name": display_name, "type": kind, "header": header}
        return read_channel(await self._driver.channels.create_channel(body))

    async def run_command(self, channel: Channel, text: str) -> str:
        """Types a slash command as this account; gives the text of its private answer."""
        body = {"channel_id": channel.id, "team_id": channel.team_id, "command": text}
        return str(((await self._driver.commands.execute_command(body)) or {}).get("text", ""))

    async def log_out(self) -> None:
        """Ends the session that the token belongs to."""
        await self._driver.users.logout_user()

    # Posts

    async def post(
        self,
        channel_id: str,
        message: str,
        root_id: str = "",
        props: Mapping[str, Any] | None = None,
        pending_post_id: str = "",
    ) -> Post:
        """A new post; the same `pending_post_id` within 30 s gives the post that was made first."""
        body = {"channel_id": channel_id, "message": message, "root_id": root_id, "pending_post_id": pending_post_id}
        return read_post(await self._driver.posts.create_post(body | ({} if props is None else {"props": dict(props)})))

    async def edit(self, post_id: str, message: str, props: Mapping[str, Any] | None = None) -> Post:
        """Replaces a post's message, and its props unless None. Never pass props that were read from the server."""
        body = {"message": message} | ({} if props is None else {"props": dict(props)})
        return read_post(await self._driver.posts.patch_post(post_id, body))

    async def post_by_id(self, post_id: str) -> Post:
        """One post; 404 when it was deleted."""
        return read_post(await self._driver.posts.get_post(quote(post_id, safe="")))

    async def delete_post(self, post_id: str) -> None:
        """Deletes a post."""
        await self._driver.posts.delete_post(post_id)

    async def newest_post(self, channel_id: str) -> Post | None:
        """The latest post of a channel, if there is one."""
        page, _ = await self._page(channel_id, per_page=1)
        return page[-1] if page else None

    async def posts_after(self, channel_id: str, post_id: str, per_page: int = PAGE, overlap: int = 1) -> list[Post]:
        """Every undeleted post made in or after the millisecond of `post_id`, oldest first, without that post.

        Some of the `overlap` posts before it come, too, for whoever wants those that the server stored out of their order.
        Raises `RestError` 404 `UNKNOWN_ANCHOR` when the server no longer knows that post.
        """
        # `after` compares create_at with ">" and so skips posts of the same millisecond: start one post earlier, and
        # let every next page start before the last millisecond of the page before it.
        earlier, _ = await self._page(channel_id, before=post_id, per_page=overlap)
        anchor = earlier[0].id if earlier else await self._first_post(post_id)
        found: dict[str, Post] = {}
        more = True
        while more:
            page, more = await self._page(channel_id, after=anchor, per_page=per_page)
            found |= {post.id: post for post in page}
            if page:
                anchor = ([post for post in page if post.create_at < page[-1].create_at] or page)[-1].id
        return [post for post in sorted(found.values(), key=_age) if post.id != post_id]

    async def posts_since(self, channel_id: str, since: int) -> list[Post]:
        """Posts made, edited or deleted (`delete_at` is set) after `since` (milliseconds UTC), oldest first.

        Where there are more than the server hands out at once, only the undeleted posts made after `since`.
        """
        page, _ = await self._page(channel_id, since=max(since, 1))  # 0 would mean: the latest 60
        if len(page) >= SINCE_CAP:
            page, number, more = [], 0, True
            while more:
                older, _ = await self._page(channel_id, page=number, per_page=PAGE)
                page += older
                number, more = number + 1, bool(older) and older[0].create_at > since
        changed = {post.id: post for post in page if max(post.update_at, post.create_at) > since}
        return sorted(changed.values(), key=_age)

    async def _page(self, channel_id: str, **params: str | int) -> tuple[list[Post], bool]:
        raw = await self._driver.posts.get_posts_for_channel(channel_id, params)
        posts = [raw["posts"][post_id] for post_id in dict.fromkeys(raw["order"])]
        # What a post said before an edit is kept as a deleted copy with an id of its own.
        kept = [read_post(post) for post in posts if not post.get("original_id")]
        return sorted(kept, key=_age), bool(raw.get("next_post_id"))

    async def _first_post(self, post_id: str) -> str:
        try:
            return (await self.post_by_id(post_id)).id
        except RestError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                raise RestError(404, UNKNOWN_ANCHOR, "the server does not know this post any more") from error
            raise

    async def open_dialog(self, trigger_id: str, url: str, dialog: Mapping[str, Any]) -> None:
        """Shows a dialog to whoever caused `trigger_id`; it lives 3 s on old servers, 30 s on new ones."""
        body = {"trigger_id": trigger_id, "url": url, "dialog": dict(dialog)}
        await self._driver.integration_actions.open_dialog(body)

    # Setting up, with an administrator's token

    async def server_settings(self) -> Mapping[str, str]:
        """What the server tells its clients about itself: Version, SiteURL, EnableCommands, …; all values are text."""
        return dict(await self._driver.system.get_client_configuration({"format": "old"}))

    async def config(self) -> Mapping[str, Mapping[str, Any]]:
        """The server's whole configuration, by section."""
        return dict(await self._driver.system.get_configuration())

    async def create_bot(self, username: str, display_name: str, description: str) -> Bot:
        """A new bot account owned by the caller."""
        body = {"username": username, "display_name": display_name, "description": description}
        return read_bot(await Bots(self._client).create_bot(body))

    async def bots(self) -> list[Bot]:
        """All bot accounts, disabled ones too."""
        found: list[Bot] = []
        while True:
            params = {"page": len(found) // PAGE, "per_page": PAGE, "include_deleted": "true"}
            page = await Bots(self._client).get_bots(params)
            found += [read_bot(raw) for raw in page]
            if len(page) < PAGE:
                return found

    async def create_token(self, user_id: str, description: str) -> str:
        """A new access token; the server shows it only this once."""
        raw = await self._driver.users.create_user_access_token(user_id, {"description": description})
        return str(raw["token"])

    async def add_team_member(self, team_id: str, user_id: str) -> None:
        """Adds a user to a team; no error when already in it."""
        await self._driver.teams.add_user_to_team(team_id, {"team_id": team_id, "user_id": user_id})

    async def add_channel_member(self, channel_id: str, user_id: str) -> None:
        """Adds a user of the team to a channel; no error when already in it."""
        await self._driver.channels.add_user(channel_id, {"user_id": user_id})

    async def list_commands(self, team_id: str) -> list[SlashCommand]:
        """The team's own slash commands."""
        params = {"team_id": team_id, "custom_only": "true"}
        return [read_command(raw) for raw in await self._driver.commands.list_commands_for_team(params)]

    async def create_command(self, command: SlashCommand) -> SlashCommand:
        """A new slash command, with its id and token."""
        return read_command(await self._driver.commands.create_command(write_command(command)))

    async def update_command(self, command: SlashCommand) -> SlashCommand:
        """Changes the command with that id; the token stays."""
        # The driver's own update_command and generate_new_token forget a slash in the path.
        body = write_command(command) | {"id": command.id}
        return read_command(await self._client.put(f"/commands/{command.id}", body))

    async def regenerate_command_token(self, command: SlashCommand) -> SlashCommand:
        """The command with a new token; the old one is void at once."""
        return replace(command, token=(await self._client.put(f"/commands/{command.id}/regen_token"))["token"])


async def login(url: str, user: str, password: str) -> str:
    """A session token for a person."""
    async with Rest(url, "") as rest:
        answer = await rest._driver.users.login_user({"login_id": user, "password": password})  # noqa: SLF001 - ours
        return str(answer.headers["Token"])


def _age(post: Post) -> tuple[int, str]:
    return post.create_at, post.id
