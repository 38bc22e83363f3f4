"""A Mattermost server in memory, for what a bot, its setup and people acting over REST need.

It follows what real servers of versions 5.37 and 9.9 were seen to do; `test_fake_mattermost.py` holds it against them.
Error texts are not theirs: branch on `id`.
"""

import asyncio
import json
import re
import secrets
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from email.utils import formatdate
from types import TracebackType
from typing import Any, Self

import aiohttp
from aiohttp import web
from fake_mattermost_calls import BUILT_IN, Calls
from fake_mattermost_posts import ApiError, Hangup, Posts
from fake_mattermost_ws import Hub

Json = dict[str, Any]
ALPHABET = "ybndrfg8ejkmcpqxot1uwisza345h769"
PAGE = 60
ADMIN = ("sysadmin", "Sysadmin-pw-1!")


def _pattern(path: str) -> re.Pattern[str]:
    # An action's id may only hold letters and digits: with others the path is unknown.
    return re.compile(
        re.sub(r"{(\w+)}", lambda m: rf"(?P<{m[1]}>[A-Za-z0-9{'' if m[1] == 'action_id' else '_.-'}]+)", path)
    )


def forbidden() -> ApiError:
    return ApiError(403, "api.context.permissions.app_error")


def bad(name: str) -> ApiError:
    return ApiError(400, "api.context.invalid_body_param.app_error", f"Bad or missing: {name}")


@dataclass
class Fault:
    """What happens to the next matching call; `after` lets the call take effect first, and its answer may come `seconds` late."""

    method: str
    path: re.Pattern[str]
    status: int
    headers: Mapping[str, str]
    times: int
    after: bool
    seconds: float = 0


@dataclass(frozen=True)
class Call:
    """One request; `user` is empty when the path needs no session and none was given."""

    method: str
    path: str
    query: Mapping[str, str]
    body: Any
    user: Json = field(default_factory=dict)
    ids: Mapping[str, str] = field(default_factory=dict)
    token: str = ""

    def page(self) -> tuple[int, int]:
        """The slice asked for."""
        size = min(200, int(self.query.get("per_page", PAGE)))
        start = int(self.query.get("page", 0)) * size
        return start, start + size


class FakeMattermost:
    """The server; `async with FakeMattermost() as server: server.url`. `calls` records what was asked of it."""

    def __init__(self, version: str = "5.37.0", *, admin: tuple[str, str] = ADMIN) -> None:
        self.version = version
        self.major = int(version.split(".", maxsplit=1)[0])
        self.old = self.major < 6
        self.admin = admin
        self.url = ""
        self.calls: list[Call] = []
        self.skew = 0  # milliseconds that this server's clock is ahead
        self.frozen = 0  # when set, the only time there is: posts can share a millisecond
        self._last_now = 0
        self.down = False
        self.faults: list[Fault] = []
        self.rate = 0  # when set, how many calls a second an account may make
        self._calls_in: dict[tuple[str, int], int] = {}
        self.held: list[tuple[str, re.Pattern[str], asyncio.Event]] = []
        self.users: dict[str, Json] = {}
        self.passwords: dict[str, str] = {}
        self.tokens: dict[str, str] = {}  # token -> user id
        self.token_rows: dict[str, Json] = {}  # token id -> what the API shows, and the token
        self.bots: dict[str, Json] = {}
        self.teams: dict[str, Json] = {}
        self.team_members: dict[tuple[str, str], Json] = {}
        self.channels: dict[str, Json] = {}
        self.channel_members: dict[tuple[str, str], Json] = {}
        self.commands: dict[str, Json] = {}
        self.settings: dict[str, Json] = {
            "ServiceSettings": {
                "SiteURL": "",
                "EnableCommands": True,
                "EnableBotAccountCreation": True,
                "EnableUserAccessTokens": True,
                "AllowedUntrustedInternalConnections": "127.0.0.0/8 localhost",
            }
        }
        self.props_runes = 8000 if self.old else 800000
        self.trigger_seconds = 3.0 if self.old else 30.0
        self.sends_root_id = self.site_url_required = self.major >= 11
        self.hub = Hub(self)
        self.content = Posts(self)
        self.integrations = Calls(self)
        self._routes = [(method, _pattern(path), handler) for method, path, handler in self._table()]
        self._runner: web.AppRunner | None = None
        self.session: aiohttp.ClientSession

    # Running it

    async def __aenter__(self) -> Self:
        app = web.Application(client_max_size=100 * 1024 * 1024)
        app.router.add_get("/api/v4/websocket", self._websocket)
        app.router.add_post("/hooks/commands/{hook}", self.integrations.response_url)
        app.router.add_route("*", "/{tail:.*}", self._serve)
        self._runner = web.AppRunner(app, shutdown_timeout=1.0)
        await self._runner.setup()
        site = web.TCPSite(self._runner, "127.0.0.1", 0)
        await site.start()
        self.url = f"http://127.0.0.1:{self._runner.addresses[0][1]}"
        self.settings["ServiceSettings"]["SiteURL"] = self.url
        self.session = aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=30, sock_connect=3))
        self._new_user({"username": self.admin[0], "email": "sysadmin@localhost", "password": self.admin[1]})
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.hub.close()
        await self.session.close()
        if self._runner:
            await self._runner.cleanup()

    def drop_connections(self) -> None:
        """Cuts every websocket without a word; their streams can be resumed."""
        self.hub.drop()

    async def restart(self, pause: float = 0.0) -> None:
        """Goes away for `pause` seconds; streams and pending post ids are forgotten, what was stored is not."""
        self.down = True
        self.hub.drop(forget=True)
        self.content.pending.clear()
        await asyncio.sleep(pause)
        self.down = False

    def fail_next(
        self,
        method: str,
        path_regex: str,
        status: int,
        headers: Mapping[str, str] | None = None,
        *,
        times: int = 1,
        after: bool = False,
    ) -> None:
        """The next `times` calls that match answer `status` (0: the connection drops), `after` they took effect or not."""
        self.faults.append(Fault(method, re.compile(path_regex), status, headers or {}, times, after))

    def answer_late(self, method: str, path_regex: str, seconds: float) -> None:
        """The next call that matches takes effect at once, but its answer comes late."""
        self.faults.append(Fault(method, re.compile(path_regex), 0, {}, 1, after=True, seconds=seconds))

    def hold(self, method: str, path_regex: str) -> asyncio.Event:
        """Calls that match are answered, and take effect, only when this is set."""
        self.held.append((method, re.compile(path_regex), asyncio.Event()))
        return self.held[-1][2]

    def now(self) -> int:
        """The server's time in milliseconds UTC; it never says the same twice, unless it is `frozen`."""
        if self.frozen:
            return self.frozen
        self._last_now = max(self._last_now + 1, int(time.time() * 1000) + self.skew)
        return self._last_now

    @staticmethod
    def new_id() -> str:
        return "".join(secrets.choice(ALPHABET) for _ in range(26))

    # Serving

    def _table(self) -> list[tuple[str, str, Callable[[Call], Any]]]:
        calls, posts = self.integrations, self.content
        return [
            ("GET", "system/ping", self._ping),
            ("GET", "config/client", self._client_config),
            ("GET", "config", self._config),
            ("PUT", "config/patch", self._patch_config),
            ("POST", "users/login", self._login),
            ("POST", "users/logout", self._logout),
            ("POST", "users", self._create_user),
            ("POST", "users/ids", self._users_by_ids),
            ("POST", "users/usernames", self._users_by_names),
            ("GET", "users/username/{name}", self._user_by_name),
            ("POST", "users/tokens/revoke", self._revoke_token),
            ("GET", "users/{user_id}", self._get_user),
            ("PUT", "users/{user_id}/patch", self._patch_user),
            ("PUT", "users/{user_id}/active", self._set_active),
            ("PUT", "users/{user_id}/roles", self._set_roles),
            ("POST", "users/{user_id}/tokens", self._create_token),
            ("GET", "users/{user_id}/tokens", self._list_tokens),
            ("GET", "users/{user_id}/teams", self._my_teams),
            ("GET", "users/{user_id}/channels", self._all_my_channels),
            ("GET", "users/{user_id}/teams/{team_id}/channels", self._my_channels),
            ("POST", "teams", self._create_team),
            ("GET", "teams/name/{name}", self._team_by_name),
            ("GET", "teams/{team_id}", self._get_team),
            ("POST", "teams/{team_id}/members", self._add_team_member),
            ("GET", "teams/{team_id}/members/{user_id}", self._get_team_member),
            ("DELETE", "teams/{team_id}/members/{user_id}", self._remove_team_member),
            ("PUT", "teams/{team_id}/members/{user_id}/schemeRoles", self._scheme_roles),
            ("GET", "teams/{team_id}/channels/name/{name}", self._channel_by_name),
            ("POST", "channels", self._create_channel),
            ("POST", "channels/direct", self._direct_channel),
            ("GET", "channels/{channel_id}", self._get_channel),
            ("DELETE", "channels/{channel_id}", self._archive_channel),
            ("POST", "channels/{channel_id}/restore", self._restore_channel),
            ("PUT", "channels/{channel_id}/privacy", self._set_privacy),
            ("GET", "channels/{channel_id}/members", self._list_channel_members),
            ("POST", "channels/{channel_id}/members", self._add_channel_member),
            ("GET", "channels/{channel_id}/members/{user_id}", self._get_channel_member),
            ("DELETE", "channels/{channel_id}/members/{user_id}", self._remove_channel_member),
            ("GET", "channels/{channel_id}/posts", posts.list_channel),
            ("POST", "posts", posts.create),
            ("POST", "posts/ephemeral", posts.create_ephemeral),
            ("GET", "posts/{post_id}", posts.get),
            ("PUT", "posts/{post_id}", posts.update),
            ("PUT", "posts/{post_id}/patch", posts.patch),
            ("DELETE", "posts/{post_id}", posts.delete),
            ("GET", "posts/{post_id}/thread", posts.thread),
            ("POST", "posts/{post_id}/actions/{action_id}", calls.click),
            ("POST", "actions/dialogs/open", calls.open_dialog),
            ("POST", "actions/dialogs/submit", calls.submit_dialog),
            ("GET", "commands", self._list_commands),
            ("POST", "commands", self._create_command),
            ("POST", "commands/execute", calls.execute),
            ("GET", "commands/{command_id}", self._get_command),
            ("PUT", "commands/{command_id}", self._update_command),
            ("DELETE", "commands/{command_id}", self._delete_command),
            ("PUT", "commands/{command_id}/regen_token", self._regenerate_token),
            ("GET", "bots", self._list_bots),
            ("POST", "bots", self._create_bot),
            ("GET", "bots/{user_id}", self._get_bot),
            ("POST", "bots/{user_id}/disable", self._disable_bot),
            ("POST", "bots/{user_id}/enable", self._enable_bot),
        ]

    def user_of(self, request: web.Request) -> str:
        """The user id behind a request's token, or nothing."""
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        user_id = self.tokens.get(token, "") if kind.lower() == "bearer" else ""
        return user_id if user_id and not self.users[user_id]["delete_at"] else ""

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        if self.down or self._fault(request, after=False) is not None:
            return self._hang_up(request)
        return await self.hub.serve(request)

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if self.down:
            return self._hang_up(request)
        raw = await request.read()
        if self.rate and self._too_many(self.user_of(request)):
            return self._error(429, "", "limit exceeded", {"Retry-After": "1"})
        await self._until_let_go(request, raw)
        fault = self._fault(request, after=False)
        if not fault:
            try:
                status, answer = await self._answer(request, raw)
                response = web.json_response(answer, status=status)
                if isinstance(answer, dict) and "Token" in answer:
                    token = answer.pop("Token")
                    response = web.json_response(answer, headers={"Token": token})
            except ApiError as error:
                response = self._error(error.status, error.id, error.message)
            except Hangup:
                return self._hang_up(request)
            fault = self._fault(request, after=True)
        if fault and fault.seconds:
            await asyncio.sleep(fault.seconds)
        elif fault:
            if not fault.status:
                return self._hang_up(request)
            response = self._error(fault.status, "fault", "This was asked for.", fault.headers)
        response.headers["Date"] = formatdate(time.time() + self.skew / 1000, usegmt=True)
        return response

    async def _until_let_go(self, request: web.Request, raw: bytes) -> None:
        what = request.path.removeprefix("/api/v4") + raw.decode("utf-8", "replace")
        for method, path, go in self.held:
            if method == request.method and path.search(what):
                await go.wait()

    def _too_many(self, user: str) -> bool:
        second = (user, int(time.time()))
        count = self._calls_in.get(second, 0) + 1
        self._calls_in = {x: n for x, n in self._calls_in.items() if x[1] == second[1]} | {second: count}
        return bool(user) and count > self.rate

    def _fault(self, request: web.Request, *, after: bool) -> Fault | None:
        path = request.path.removeprefix("/api/v4")
        for fault in self.faults:
            if fault.method == request.method and fault.path.search(path) and fault.after is after:
                fault.times -= 1
                if not fault.times:
                    self.faults.remove(fault)
                return fault
        return None

    @staticmethod
    def _hang_up(request: web.Request) -> web.Response:
        if request.transport:
            request.transport.abort()
        return web.Response(status=500)

    def _error(
        self, status: int, error_id: str, message: str, headers: Mapping[str, str] | None = None
    ) -> web.Response:
        body = {"id": error_id, "message": message, "detailed_error": "", "request_id": self.new_id()}
        return web.json_response(body | {"status_code": status}, status=status, headers=headers)

    async def _answer(self, request: web.Request, raw: bytes) -> tuple[int, Any]:
        path = request.path.removeprefix("/api/v4/")
        for method, pattern, handler in self._routes:
            match = pattern.fullmatch(path) if method == request.method else None
            if not match:
                continue
            user_id = self.user_of(request)
            # The first three are open to everybody; a dialog is opened by whoever holds the trigger.
            public = {"system/ping", "config/client", "users/login", "users", "actions/dialogs/open"}
            if not user_id and path not in public:
                raise ApiError(401, "api.context.session_expired.app_error")
            ids = {name: user_id if value == "me" else value for name, value in match.groupdict().items()}
            for name, value in ids.items():
                if name.endswith("_id") and name != "action_id" and len(value) != len(self.new_id()):
                    raise ApiError(400, "api.context.invalid_url_param.app_error")
            try:
                body = json.loads(raw) if raw else None
            except ValueError:
                body = None
            token = request.headers.get("Authorization", "").partition(" ")[2]
            user = self.users.get(user_id, {})
            call = Call(method, "/" + path, dict(request.query), body, user, ids, token)
            self.calls.append(call)
            answer = handler(call)
            if isinstance(answer, Awaitable):
                answer = await answer
            return answer if isinstance(answer, tuple) else (200, answer)
        raise ApiError(404, "api.context.404.app_error")

    # Who may

    @staticmethod
    def is_admin(user: Json) -> bool:
        return "system_admin" in user["roles"].split()

    def may_read(self, user: Json, channel_id: str) -> bool:
        """Whether a user may read a channel: members and administrators."""
        return channel_id in self.channels and (self.is_admin(user) or (channel_id, user["id"]) in self.channel_members)

    def may_manage(self, user: Json, team_id: str) -> bool:
        """Whether a user may manage a team's integrations."""
        member = self.team_members.get((team_id, user["id"]))
        return self.is_admin(user) or bool(member and member["scheme_admin"])

    def _need(self, allowed: object) -> None:
        if not allowed:
            raise forbidden()

    # Server

    def _ping(self, _call: Call) -> Json:
        return {"status": "OK", "AndroidLatestVersion": "", "IosLatestVersion": ""}

    def _client_config(self, call: Call) -> Json:
        if call.query.get("format") != "old":
            raise ApiError(501, "api.config.client.old_format.app_error")
        service = self.settings["ServiceSettings"]
        public = {"EnableBotAccountCreation": service["EnableBotAccountCreation"]}
        if call.user or not self.old:
            public["SiteURL"] = service["SiteURL"]
        if call.user:
            public |= {name: service[name] for name in ("EnableCommands", "EnableUserAccessTokens")}
        texts = {name: str(value).lower() if isinstance(value, bool) else value for name, value in public.items()}
        return {"Version": self.version, "BuildNumber": "", **texts}

    def _config(self, call: Call) -> Json:
        self._need(self.is_admin(call.user))
        return self.settings

    def _patch_config(self, call: Call) -> Json:
        self._need(self.is_admin(call.user))
        for section, values in call.body.items():
            self.settings.setdefault(section, {}).update(values)
        return self.settings

    # Archived channels

    def _archive_channel(self, call: Call) -> Json:
        self._need(self.is_admin(call.user))
        self.channels[call.ids["channel_id"]]["delete_at"] = self.now()
        return {"status": "OK"}

    def _restore_channel(self, call: Call) -> Json:
        self._need(self.is_admin(call.user))
        self.channels[call.ids["channel_id"]]["delete_at"] = 0
        return self.channels[call.ids["channel_id"]]

    def _set_privacy(self, call: Call) -> Json:
        """Public becomes private and back; by default administrators only may."""
        channel = self.channel_of(call.ids["channel_id"])
        if call.body.get("privacy") not in {"O", "P"}:
            raise bad("privacy")
        self._need(self.is_admin(call.user))
        channel["type"] = call.body["privacy"]
        changed = {"channel_id": channel["id"], "message": "changed", "type": "system_change_chan_privacy"}
        self.content.store(call.user, changed)
        self.hub.publish("channel_converted", {"channel_id": channel["id"]}, team_id=channel["team_id"])
        return channel

    # Users

    def _new_user(self, body: Json) -> Json:
        name = str(body.get("username", ""))
        if not re.fullmatch(r"[a-z][a-z0-9._-]{2,63}", name):
            raise ApiError(400, "model.user.is_valid.username.app_error")
        if any(user["username"] == name for user in self.users.values()):
            raise ApiError(400, "app.user.save.username_exists.app_error")
        now = self.now()
        user: Json = {
            "id": self.new_id(),
            "create_at": now,
            "update_at": now,
            "delete_at": 0,
            "username": name,
            "email": body.get("email", f"{name}@localhost"),
            "nickname": body.get("nickname", ""),
            "first_name": body.get("first_name", ""),
            "last_name": body.get("last_name", ""),
            "roles": "system_user" if self.users else "system_admin system_user",
            "locale": body.get("locale", "en"),
            "timezone": {"automaticTimezone": "", "manualTimezone": "", "useAutomaticTimezone": "true"},
        }
        self.users[user["id"]] = user
        if "password" in body:
            self.passwords[user["id"]] = body["password"]
        self.hub.publish("new_user", {"user_id": user["id"]})
        return user

    def _create_user(self, call: Call) -> tuple[int, Json]:
        return 201, self._new_user(call.body)

    def _login(self, call: Call) -> Json:
        for user in self.users.values():
            known = call.body.get("login_id") in {user["username"], user["email"]}
            if known and not user["delete_at"] and self.passwords.get(user["id"]) == call.body.get("password"):
                token = self.new_id()
                self.tokens[token] = user["id"]
                return {**user, "Token": token}
        raise ApiError(401, "api.user.login.invalid_credentials_email_username")

    def _logout(self, call: Call) -> Json:
        self.tokens.pop(call.token, None)
        return {"status": "OK"}

    def _user(self, user_id: str) -> Json:
        if user_id not in self.users:
            raise ApiError(404, "app.user.missing_account.const")
        return self.users[user_id]

    def _get_user(self, call: Call) -> Json:
        return self._user(call.ids["user_id"])

    def _user_by_name(self, call: Call) -> Json:
        for user in self.users.values():
            if user["username"] == call.ids["name"]:
                return user
        raise ApiError(404, "app.user.get_by_username.app_error")

    def _users_by_ids(self, call: Call) -> list[Json]:
        if not isinstance(call.body, list) or not call.body:
            raise bad("user_ids")
        return [user for user in self.users.values() if user["id"] in call.body]

    def _users_by_names(self, call: Call) -> list[Json]:
        if not isinstance(call.body, list) or not call.body:
            raise bad("usernames")
        return [user for user in self.users.values() if user["username"] in call.body]

    def _changed(self, user: Json) -> Json:
        user["update_at"] = self.now()
        self.hub.publish("user_updated", {"user": user})
        return user

    def _patch_user(self, call: Call) -> Json:
        user = self._user(call.ids["user_id"])
        self._need(self.is_admin(call.user) or user is call.user)
        fields = {"username", "nickname", "first_name", "last_name", "locale", "timezone", "email"}
        user.update({name: value for name, value in call.body.items() if name in fields})
        return self._changed(user)

    def _set_active(self, call: Call) -> Json:
        self._need(self.is_admin(call.user))
        user = self._user(call.ids["user_id"])
        user["delete_at"] = 0 if call.body["active"] else self.now()
        if user["delete_at"]:
            self.tokens = {token: owner for token, owner in self.tokens.items() if owner != user["id"]}
        self._changed(user)
        return {"status": "OK"}

    def _set_roles(self, call: Call) -> Json:
        self._need(self.is_admin(call.user))
        self._user(call.ids["user_id"])["roles"] = call.body["roles"]
        return {"status": "OK"}

    def _create_token(self, call: Call) -> Json:
        user = self._user(call.ids["user_id"])
        self._need(self.is_admin(call.user))
        if not call.body.get("description"):
            raise bad("description")
        token = self.new_id()
        row = {"id": self.new_id(), "user_id": user["id"], "description": call.body["description"], "is_active": True}
        self.tokens[token] = user["id"]
        self.token_rows[row["id"]] = {**row, "token": token}
        return {**row, "token": token}

    def _list_tokens(self, call: Call) -> list[Json]:
        self._need(self.is_admin(call.user) or call.user["id"] == call.ids["user_id"])
        rows = [row for row in self.token_rows.values() if row["user_id"] == call.ids["user_id"]]
        return [{name: value for name, value in row.items() if name != "token"} for row in rows]

    def _revoke_token(self, call: Call) -> Json:
        row = self.token_rows.get(call.body.get("token_id", ""))
        if not row:
            raise ApiError(404, "app.user_access_token.get_by_user.app_error")
        self._need(self.is_admin(call.user) or call.user["id"] == row["user_id"])
        del self.token_rows[row["id"]]
        self.tokens.pop(row["token"], None)  # what already listens keeps listening
        return {"status": "OK"}

    # Bots

    def _bot(self, user_id: str) -> Json:
        if user_id not in self.bots:
            raise ApiError(404, "store.sql_bot.get.missing.app_error")
        return self.bots[user_id]

    def _create_bot(self, call: Call) -> tuple[int, Json]:
        self._need(self.is_admin(call.user) and not call.user.get("is_bot"))
        if not self.settings["ServiceSettings"]["EnableBotAccountCreation"]:
            raise ApiError(403, "api.bot.create_disabled")
        name = call.body.get("username", "")
        user = self._new_user({"username": name, "first_name": call.body.get("display_name", "")})
        user |= {"is_bot": True, "bot_description": call.body.get("description", "")}
        bot = {
            "user_id": user["id"],
            "username": name,
            "display_name": user["first_name"],
            "description": user["bot_description"],
            "owner_id": call.user["id"],
            "create_at": user["create_at"],
            "update_at": user["update_at"],
            "delete_at": 0,
        }
        self.bots[user["id"]] = bot
        channel = self._direct(user["id"], call.user["id"])
        self.content.store(user, {"channel_id": channel["id"], "message": "Hello!", "type": "add_bot_teams_channels"})
        return 201, bot

    def _list_bots(self, call: Call) -> list[Json]:
        self._need(self.is_admin(call.user))
        start, end = call.page()
        deleted = call.query.get("include_deleted") == "true"
        return [bot for bot in self.bots.values() if deleted or not bot["delete_at"]][start:end]

    def _get_bot(self, call: Call) -> Json:
        self._need(self.is_admin(call.user))
        return self._bot(call.ids["user_id"])

    def _disable_bot(self, call: Call) -> Json:
        self._need(self.is_admin(call.user))
        bot = self._bot(call.ids["user_id"])
        bot["delete_at"] = self.users[bot["user_id"]]["delete_at"] = self.now()
        return bot

    def _enable_bot(self, call: Call) -> Json:
        self._need(self.is_admin(call.user))
        bot = self._bot(call.ids["user_id"])
        bot["delete_at"] = self.users[bot["user_id"]]["delete_at"] = 0
        return bot

    # Teams

    def _create_team(self, call: Call) -> tuple[int, Json]:
        if any(team["name"] == call.body["name"] for team in self.teams.values()):
            taken = "app.team.save.existing.app_error" if self.old else "store.sql_team.save_team.existing.app_error"
            raise ApiError(400, taken)
        now = self.now()
        team = {
            "id": self.new_id(),
            "create_at": now,
            "update_at": now,
            "delete_at": 0,
            "name": call.body["name"],
            "display_name": call.body["display_name"],
            "type": call.body["type"],
        }
        self.teams[team["id"]] = team
        for name, display in (("town-square", "Town Square"), ("off-topic", "Off-Topic")):
            self._new_channel(team["id"], name, display, "O", "")
        self._join_team(team["id"], call.user, admin=True)
        return 201, team

    def _team(self, team_id: str) -> Json:
        if team_id not in self.teams:
            raise ApiError(404, "app.team.get.find.app_error")
        return self.teams[team_id]

    def _get_team(self, call: Call) -> Json:
        team = self._team(call.ids["team_id"])
        self._need(self.is_admin(call.user) or (team["id"], call.user["id"]) in self.team_members)
        return team

    def _team_by_name(self, call: Call) -> Json:
        for team in self.teams.values():
            if team["name"] == call.ids["name"]:
                self._need(self.is_admin(call.user) or (team["id"], call.user["id"]) in self.team_members)
                return team
        raise ApiError(404, "app.team.get_by_name.missing.app_error")

    def _join_team(self, team_id: str, user: Json, *, admin: bool = False) -> Json:
        member = self.team_members.get((team_id, user["id"]))
        if not member:
            member = {"team_id": team_id, "user_id": user["id"], "delete_at": 0, "explicit_roles": ""}
            self.team_members[team_id, user["id"]] = member
            self._set_team_admin(member, admin=admin)
            for channel in list(self.channels.values()):
                if channel["team_id"] == team_id and channel["name"] in {"town-square", "off-topic"}:
                    kind = "system_join_team" if channel["name"] == "town-square" else "system_join_channel"
                    self._join_channel(channel["id"], user)
                    self.content.store(
                        user, {"channel_id": channel["id"], "message": f"{user['username']} joined", "type": kind}
                    )
            self.hub.publish("added_to_team", {"team_id": team_id, "user_id": user["id"]}, user_id=user["id"])
        return member

    @staticmethod
    def _set_team_admin(member: Json, *, admin: bool) -> None:
        member |= {"scheme_guest": False, "scheme_user": True, "scheme_admin": admin}
        member["roles"] = "team_user team_admin" if admin else "team_user"

    def _add_team_member(self, call: Call) -> tuple[int, Json]:
        team = self._team(call.ids["team_id"])
        self._need(self.is_admin(call.user) or (team["id"], call.user["id"]) in self.team_members)
        return 201, self._join_team(team["id"], self._user(call.body.get("user_id", "")))

    def _team_member(self, call: Call) -> Json:
        member = self.team_members.get((call.ids["team_id"], call.ids["user_id"]))
        if not member:
            raise ApiError(404, "app.team.get_member.missing.app_error")
        return member

    def _get_team_member(self, call: Call) -> Json:
        self._need(self.is_admin(call.user) or (call.ids["team_id"], call.user["id"]) in self.team_members)
        return self._team_member(call)

    def _remove_team_member(self, call: Call) -> Json:
        member = self._team_member(call)
        self._need(self.may_manage(call.user, member["team_id"]) or call.user["id"] == member["user_id"])
        scope = {"team_id": member["team_id"], "user_id": member["user_id"]}
        self.hub.publish("leave_team", scope, team_id=member["team_id"])
        del self.team_members[member["team_id"], member["user_id"]]
        for channel_id, user_id in list(self.channel_members):
            if user_id == member["user_id"] and self.channels[channel_id]["team_id"] == member["team_id"]:
                del self.channel_members[channel_id, user_id]
        return {"status": "OK"}

    def _scheme_roles(self, call: Call) -> Json:
        self._need(self.may_manage(call.user, call.ids["team_id"]))
        member = self._team_member(call)
        self._set_team_admin(member, admin=call.body["scheme_admin"])
        self.hub.publish("memberrole_updated", {"member": json.dumps(member)}, user_id=member["user_id"])
        return {"status": "OK"}

    def _my_teams(self, call: Call) -> list[Json]:
        self._need(self.is_admin(call.user) or call.user["id"] == call.ids["user_id"])
        return [team for team in self.teams.values() if (team["id"], call.ids["user_id"]) in self.team_members]

    # Channels

    def _new_channel(self, team_id: str, name: str, display: str, kind: str, creator: str) -> Json:
        now = self.now()
        channel: Json = {
            "id": self.new_id(),
            "create_at": now,
            "update_at": now,
            "delete_at": 0,
            "team_id": team_id,
            "type": kind,
            "display_name": display,
            "name": name,
            "header": "",
            "purpose": "",
            "creator_id": creator,
        }
        self.channels[channel["id"]] = channel
        return channel

    def channel_of(self, channel_id: str) -> Json:
        """The channel with an id that may be wrong."""
        if channel_id not in self.channels:
            raise ApiError(404, "app.channel.get.existing.app_error")
        return self.channels[channel_id]

    def _create_channel(self, call: Call) -> tuple[int, Json]:
        body = call.body
        self._need(self.is_admin(call.user) or (body["team_id"], call.user["id"]) in self.team_members)
        if any(one["team_id"] == body["team_id"] and one["name"] == body["name"] for one in self.channels.values()):
            raise ApiError(400, "store.sql_channel.save_channel.exists.app_error")
        channel = self._new_channel(body["team_id"], body["name"], body["display_name"], body["type"], call.user["id"])
        self._join_channel(channel["id"], call.user, admin=True, quiet=True)
        joined = {"channel_id": channel["id"], "message": "joined", "type": "system_join_channel"}
        self.content.store(call.user, joined)
        scope = {"channel_id": channel["id"], "team_id": body["team_id"]}
        self.hub.publish("channel_created", scope, user_id=call.user["id"])
        return 201, channel

    def _direct(self, creator: str, other: str) -> Json:
        name = "__".join(sorted((creator, other)))
        for channel in self.channels.values():
            if channel["name"] == name:
                return channel
        channel = self._new_channel("", name, "", "D", creator)
        for user_id in {creator, other}:
            self._join_channel(channel["id"], self.users[user_id], quiet=True)
        scope = {"creator_id": creator, "teammate_id": other}
        self.hub.publish("direct_added", scope, channel_id=channel["id"])
        return channel

    def _direct_channel(self, call: Call) -> tuple[int, Json]:
        if not isinstance(call.body, list) or len(call.body) != 2:
            raise bad("user_ids")
        self._need(call.user["id"] in call.body or self.is_admin(call.user))
        try:
            first, second = (self._user(user_id)["id"] for user_id in call.body)
        except ApiError as unknown:
            raise ApiError(400, "api.channel.create_direct_channel.invalid_user.app_error") from unknown
        return 201, self._direct(first, second)

    def _get_channel(self, call: Call) -> Json:
        channel = self.channel_of(call.ids["channel_id"])
        public = channel["type"] == "O" and (channel["team_id"], call.user["id"]) in self.team_members
        self._need(public or self.may_read(call.user, channel["id"]))
        return channel

    def _channel_by_name(self, call: Call) -> Json:
        for channel in self.channels.values():
            here = channel["team_id"] == call.ids["team_id"] and not channel["delete_at"]
            if here and channel["name"] == call.ids["name"]:
                public = channel["type"] == "O" and (channel["team_id"], call.user["id"]) in self.team_members
                if public or self.may_read(call.user, channel["id"]):
                    return channel
        raise ApiError(404, "app.channel.get_by_name.missing.app_error")

    def _channels_of(self, user_id: str) -> list[Json]:
        return [channel for channel in self.channels.values() if (channel["id"], user_id) in self.channel_members]

    def _all_my_channels(self, call: Call) -> list[Json]:
        if self.old:
            raise ApiError(404, "api.context.404.app_error")
        self._need(self.is_admin(call.user) or call.user["id"] == call.ids["user_id"])
        return self._channels_of(call.ids["user_id"])

    def _my_channels(self, call: Call) -> list[Json]:
        user_id, team_id = call.ids["user_id"], call.ids["team_id"]
        self._need(self.is_admin(call.user) or (team_id, call.user["id"]) in self.team_members)
        return [channel for channel in self._channels_of(user_id) if channel["team_id"] in {team_id, ""}]

    def _join_channel(self, channel_id: str, user: Json, *, admin: bool = False, quiet: bool = False) -> Json:
        member = {
            "channel_id": channel_id,
            "user_id": user["id"],
            "roles": "channel_user channel_admin" if admin else "channel_user",
            "scheme_user": True,
            "scheme_admin": admin,
            "scheme_guest": False,
            "last_update_at": self.now(),
        }
        self.channel_members[channel_id, user["id"]] = member
        if not quiet:
            scope = {"team_id": self.channels[channel_id]["team_id"], "user_id": user["id"]}
            self.hub.publish("user_added", scope, channel_id=channel_id)
        return member

    def _add_channel_member(self, call: Call) -> tuple[int, Json]:
        channel = self.channel_of(call.ids["channel_id"])
        user = self._user(call.body.get("user_id", ""))
        inside = (channel["id"], call.user["id"]) in self.channel_members
        joins = user is call.user and channel["type"] == "O" and (channel["team_id"], user["id"]) in self.team_members
        self._need(inside or joins or self.is_admin(call.user))
        if (channel["team_id"], user["id"]) not in self.team_members:
            raise ApiError(404, "app.team.get_member.missing.app_error")
        known = self.channel_members.get((channel["id"], user["id"]))
        if known:
            return 201, known
        member = self._join_channel(channel["id"], user)
        post = {"channel_id": channel["id"], "message": "joined", "type": "system_join_channel"}
        if user is not call.user:
            added = {"addedUserId": user["id"], "addedUsername": user["username"], "userId": call.user["id"]}
            post |= {"message": f"{user['username']} added", "type": "system_add_to_channel", "props": added}
        self.content.store(call.user, post, mentioned=[] if user is call.user else [user["id"]])
        return 201, member

    def _channel_member(self, call: Call) -> Json:
        self._need(self.may_read(call.user, call.ids["channel_id"]))
        member = self.channel_members.get((call.ids["channel_id"], call.ids["user_id"]))
        if not member:
            raise ApiError(404, "app.channel.get_member.missing.app_error")
        return member

    def _get_channel_member(self, call: Call) -> Json:
        return self._channel_member(call)

    def _list_channel_members(self, call: Call) -> list[Json]:
        self._need(self.may_read(call.user, call.ids["channel_id"]))
        start, end = call.page()
        members = [row for (channel, _), row in self.channel_members.items() if channel == call.ids["channel_id"]]
        return members[start:end]

    def _remove_channel_member(self, call: Call) -> Json:
        member = self._channel_member(call)
        channel_id, user_id = member["channel_id"], member["user_id"]
        del self.channel_members[channel_id, user_id]
        by = {"remover_id": call.user["id"]}
        self.hub.publish("user_removed", {"user_id": user_id, **by}, channel_id=channel_id)
        self.hub.publish("user_removed", {"channel_id": channel_id, **by}, user_id=user_id)
        kind = "system_leave_channel" if user_id == call.user["id"] else "system_remove_from_channel"
        self.content.store(call.user, {"channel_id": channel_id, "message": "removed", "type": kind})
        return {"status": "OK"}

    # Slash commands

    def _list_commands(self, call: Call) -> list[Json]:
        team_id = call.query.get("team_id", "")
        if call.query.get("custom_only") != "true":
            self._need(self.is_admin(call.user) or (team_id, call.user["id"]) in self.team_members)
        else:
            self._need(self.may_manage(call.user, team_id))
        seen = self.may_manage(call.user, team_id)
        return [command for command in self.commands.values() if seen and command["team_id"] == team_id]

    def _check_command(self, body: Json) -> None:
        if not re.match(r"https?://", str(body.get("url", ""))):
            raise ApiError(400, "model.command.is_valid.url_http.app_error")
        others = [one for one in self.commands.values() if one["team_id"] == body["team_id"]]
        if body["trigger"] in BUILT_IN or any(one["trigger"] == body["trigger"] for one in others):
            raise ApiError(400, "api.command.duplicate_trigger.app_error")

    def _create_command(self, call: Call) -> tuple[int, Json]:
        self._need(self.may_manage(call.user, call.body.get("team_id", "")))
        self._check_command(call.body)
        now = self.now()
        texts = ("username", "icon_url", "auto_complete_desc", "auto_complete_hint", "display_name", "description")
        command = {
            "id": self.new_id(),
            "token": self.new_id(),
            "create_at": now,
            "update_at": now,
            "delete_at": 0,
            "creator_id": call.user["id"],
            "team_id": call.body["team_id"],
            "trigger": call.body["trigger"].lower(),
            "method": call.body["method"],
            "url": call.body["url"],
            "auto_complete": bool(call.body.get("auto_complete")),
            **{name: call.body.get(name, "") for name in texts},
        }
        self.commands[command["id"]] = command
        return 201, command

    def _own_command(self, call: Call) -> Json:
        command = self.commands.get(call.ids["command_id"])
        if not command:
            raise ApiError(404, "store.sql_command.get.missing.app_error")
        self._need(self.may_manage(call.user, command["team_id"]))
        return command

    def _get_command(self, call: Call) -> Json:
        return self._own_command(call)

    def _update_command(self, call: Call) -> Json:
        command = self._own_command(call)
        if call.body.get("id") != command["id"]:
            raise bad("command")
        kept = {"id", "token", "create_at", "delete_at", "creator_id", "team_id"}
        empty = {name: type(value)() for name, value in command.items() if name not in kept}
        command.update(empty | {name: call.body[name] for name in empty if name in call.body})
        command["update_at"] = self.now()
        return command

    def _delete_command(self, call: Call) -> Json:
        del self.commands[self._own_command(call)["id"]]
        return {"status": "OK"}

    def _regenerate_token(self, call: Call) -> Json:
        command = self._own_command(call)
        command["token"] = self.new_id()
        return {"token": command["token"]}
