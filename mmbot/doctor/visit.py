"""What `mmbot doctor` asks the Mattermost server with the bot's token."""

import json
import os
import time
from collections.abc import Awaitable, Callable
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from pathlib import Path

import aiohttp

from mmbot.config import Config
from mmbot.doctor.finding import Finding, faulty, fine, open_question
from mmbot.doctor.way import Way
from mmbot.mattermost.rest import PRIVATE, Channel, Rest, RestError, Team
from mmbot.store.reader import granted

CLOCK_SECONDS = 60.0
HELLO_SECONDS = 10.0
SECURITY = "security"
"""The role whose channel it is."""
TOKEN_VARIABLE = "MMBOT_MATTERMOST__TOKEN"  # noqa: S105 -- the name of a variable


_Check = Callable[[], Awaitable[Finding]]


class Visit:
    """The checks that need the server, each after what it needs."""

    def __init__(self, config: Config, path: Path, rest: Rest, http: aiohttp.ClientSession, way: Way) -> None:
        self.config, self.path, self.rest, self.http, self.way = config, path, rest, http, way
        self.place = config.mattermost
        self.team: Team
        self.channel: Channel
        self.found: dict[str, Finding] = {}

    async def findings(self) -> list[Finding]:
        """All of them, in order; what needs something that is not well is left open."""
        checks: list[tuple[str, str, _Check]] = [
            ("server", "", self._server),
            ("clock", "server", self._clock),
            ("token", "server", self._token),
            ("websocket", "token", self._websocket),
            ("team", "token", self._team),
            ("channel", "team", self._channel),
            ("security channel", "team", self._security_channel),
            ("people", "channel", self._people),
            ("slash command", "channel", self._slash_command),
            ("callback address", "", self._callback),
        ]
        self.found["listening"] = self.way.door
        for name, needs, check in checks:
            if needs and self.found[needs].ok is not True:
                cause = next(x for x in ("server", "token", "team", "channel") if self.found[x].ok is not True)
                self.found[name] = open_question(name, f"not checked: mend the {cause} first")
                continue
            try:
                self.found[name] = await check()
            except RestError as error:
                said = f"the server answered {error.status or 'nothing'}: {error.message} ({error.id})"
                again = "Run doctor again; if this stays, look into the server's log."
                ok = None if error.temporary else False
                self.found[name] = Finding(name, ok, said, again)
        return list(self.found.values())

    async def _server(self) -> Finding:
        name, url = "server", self.place.url
        correct = f"orrect mattermost.url in {self.path}"
        try:
            async with self.http.get(f"{url}/api/v4/system/ping", allow_redirects=False) as answer:
                status, kind, body = answer.status, answer.content_type, await answer.read()
                there = answer.headers.get("Location", "")
        except aiohttp.ClientSSLError as error:
            return faulty(
                name,
                f"{url} cannot be trusted ({type(error).__name__})",
                "Have the server send a complete and valid chain of certificates for that name;"
                " if the authority is your own, let SSL_CERT_FILE name its certificate.",
            )
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            return faulty(
                name,
                f"{url} does not answer ({type(error).__name__})",
                f"Start the server, see that no firewall is between, or c{correct}.",
            )
        if there and status < HTTPStatus.BAD_REQUEST:
            better = there.removesuffix("/api/v4/system/ping")
            return faulty(name, f"{url} redirects to {better}", f"C{correct}: write what it redirects to.")
        if "json" not in kind or b'"status"' not in body:
            return faulty(
                name,
                f"what answers at {url} is no Mattermost server (HTTP {status})",
                f"C{correct}, with the sub-path if there is one.",
            )
        version = (await self.rest.server_settings()).get("Version", "of an unknown version")
        return fine(name, f"{url} is Mattermost {version}")

    async def _clock(self) -> Finding:
        before = time.time()
        try:
            async with self.http.get(f"{self.place.url}/api/v4/system/ping") as answer:
                date = parsedate_to_datetime(answer.headers["Date"]).timestamp()
        except (aiohttp.ClientError, TimeoutError, OSError, KeyError, ValueError):
            return open_question("clock", "the server does not tell its time")
        ahead = (before + time.time()) / 2 - date
        if abs(ahead) < CLOCK_SECONDS:
            return fine("clock", f"agrees with the server's, to {max(2, round(abs(ahead)))} s")
        return faulty(
            "clock",
            f"this machine's is {abs(ahead):.0f} s {'ahead of' if ahead > 0 else 'behind'} the server's",
            "Let both machines keep time (timedatectl set-ntp true): buttons and deadlines depend on it.",
        )

    async def _token(self) -> Finding:
        outside = TOKEN_VARIABLE in os.environ
        where = f"{TOKEN_VARIABLE} in the environment" if outside else "the file of secrets"
        remedy = f"Unset {TOKEN_VARIABLE}, and run" if outside else "Run"
        try:
            me = await self.rest.me()
        except RestError as error:
            if error.status != HTTPStatus.UNAUTHORIZED:
                raise
            return faulty(
                "token",
                f"the server does not accept the one in {where}",
                f"{remedy} `mmbot setup`: it makes a new one."
                " If the bot account was disabled, enable it first (Integrations, Bot Accounts).",
            )
        if not me.is_bot:
            return faulty(
                "token",
                f"the one in {where} belongs to @{me.username}, a person's account",
                f"Remove it from {where}, and run `mmbot setup`: it makes a bot account.",
            )
        return fine("token", f"it is that of the bot @{me.username}")

    async def _websocket(self) -> Finding:
        mend = (
            "Let the proxy before the server pass Upgrade and Connection for /api/v4/websocket,"
            " and wait at least 100 s for the next byte."
        )
        try:
            socket = await self.rest.websocket({}, heartbeat=30.0)
        except RestError as error:
            return faulty("websocket", f"no event stream: {error.message} ({error.status or 'no answer'})", mend)
        try:
            event = json.loads(await socket.receive_str(timeout=HELLO_SECONDS)).get("event")
        except (TimeoutError, TypeError, ValueError, AttributeError, aiohttp.ClientError):
            event = ""
        finally:
            await socket.close()
        if event != "hello":
            return faulty("websocket", "the event stream opens, but the server does not greet", mend)
        return fine("websocket", "the server greets on the event stream")

    async def _team(self) -> Finding:
        name, mine = self.place.team, {team.name: team for team in await self.rest.my_teams()}
        if name in mine:
            self.team = mine[name]
            return fine("team", f"the bot is in {name}")
        try:
            await self.rest.team(name)
        except RestError as error:
            if error.status == HTTPStatus.NOT_FOUND:
                others = f"; the bot is in {', '.join(sorted(mine)[:10])}" if mine else ""
                mend = f"Correct mattermost.team in {self.path}: it is the team's name as in addresses."
                return faulty("team", f"there is no team {name}{others}", mend)
            if error.status != HTTPStatus.FORBIDDEN:
                raise
        return faulty("team", f"the bot is not in the team {name}", "Run `mmbot setup`: it adds the bot.")

    async def _channel(self) -> Finding:
        name = self.place.channel
        try:
            self.channel = await self.rest.channel(self.team.id, name)
        except RestError as error:
            if error.status not in {HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN}:
                raise
            return faulty(
                "channel",
                f"the bot sees no channel {name} in {self.place.team}",
                f"If the name is wrong, correct mattermost.channel in {self.path}; if it is archived, unarchive it;"
                " else run `mmbot setup`: it makes a missing channel, and adds the bot to a private one.",
            )
        if not await self.rest.is_member(self.channel.id):
            return faulty(
                "channel", f"the bot is not in ~{name}, so it cannot post there", "Run `mmbot setup`: it adds the bot."
            )
        return fine("channel", f"the bot is in ~{name}")

    async def _security_channel(self) -> Finding:
        title, name = "security channel", self.place.security_channel
        if not name:
            return fine(title, "none is configured, so nothing confidential is posted anywhere but to people")
        try:
            channel = await self.rest.channel(self.team.id, name)
        except RestError as error:
            if error.status not in {HTTPStatus.NOT_FOUND, HTTPStatus.FORBIDDEN}:
                raise
            return faulty(
                title,
                f"the bot sees no channel {name} in {self.place.team}",
                f"If the name is wrong, correct mattermost.security_channel in {self.path}; if it is archived, unarchive it;"
                " else run `mmbot setup`: it makes a missing one, and brings the bot into it.",
            )
        if channel.type != PRIVATE:
            return faulty(
                title,
                f"~{name} is public, so everybody could read what is confidential",
                "In that channel's menu: Convert to Private Channel. Until then nothing is posted there.",
            )
        return await self._who_reads(title, channel)

    async def _who_reads(self, title: str, channel: Channel) -> Finding:
        """Whether those who are in the security team's channel are those who hold its role."""
        me, inside = await self.rest.me(), set(await self.rest.members(channel.id))
        if me.id not in inside:
            return faulty(title, f"the bot is not in ~{channel.name}", "Run `mmbot setup`: it adds the bot.")
        named = await self.rest.users_by_names(self.config.people.get(SECURITY, ()))
        held = {x.id for x in named} | granted(self.config.store.path, SECURITY)
        users = {x.id: x.username for x in await self.rest.users_by_ids(inside | held) if not x.deleted}
        strange = sorted(users[x] for x in inside - held - {me.id} if x in users)
        absent = sorted(users[x] for x in held - inside if x in users)
        said, mend = [], []
        if strange:
            said.append(
                f"in ~{channel.name} without the security role, and reading everything there: {', '.join(strange)}"
            )
            mend.append(f"Give them the role, or type there: {' and '.join(f'/kick @{x}' for x in strange)}.")
        if absent:
            said.append(f"of the security team, but not in ~{channel.name}: {', '.join(absent)}")
            mend.append(f"Type there: /invite {' '.join(f'@{x}' for x in absent)}")
        if said:
            return open_question(title, "; ".join(said), " ".join(mend))
        return fine(title, f"~{channel.name} is private, and the security team is in it, with the bot and nobody else")

    async def _people(self) -> Finding:
        wanted = {name for names in self.config.people.values() for name in names} | {self.config.default_owner} - {""}
        users = {user.username.lower(): user for user in await self.rest.users_by_names(wanted)}
        mend = f"Correct {self.path}, under [people] and default_owner."
        if unknown := sorted(wanted - set(users)):
            return faulty("people", f"the server knows nobody called {', '.join(unknown)}", mend)
        if gone := sorted(name for name in wanted if users[name].deleted):
            return faulty("people", f"deactivated: {', '.join(gone)}", mend)
        absent = [name for name in sorted(wanted) if not await self.rest.is_member(self.channel.id, users[name].id)]
        if absent:
            return faulty(
                "people",
                f"not in ~{self.channel.name}, so no mention there reaches them: {', '.join(absent)}",
                f"Type in that channel: /invite {' '.join(f'@{name}' for name in absent)}",
            )
        return fine("people", f"everybody who is named ({len(wanted)}) exists and is in ~{self.channel.name}")

    async def _slash_command(self) -> Finding:
        return await self.way.slash_command(self.channel)

    async def _callback(self) -> Finding:
        reached = self.found["slash command"].ok is True
        return await self.way.callback(self.http, str(self.path), reached=reached)
