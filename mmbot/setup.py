"""`mmbot setup`: the bot account, its memberships, the slash command and the two files, made where they are missing."""

import os
import re
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field, replace
from http import HTTPStatus
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from pydantic import ValidationError

from mmbot.config import ConfigError, Listen, Mattermost, load, secrets_path
from mmbot.config_files import (
    FileTrouble,
    differences,
    keep_secrets,
    known_secrets,
    read_toml,
    tighten,
    toml_value,
    write_config,
)
from mmbot.mattermost import reach
from mmbot.mattermost.rest import PRIVATE, Bot, Channel, Rest, RestError, SlashCommand, Team, login

COMMAND_PATH = "/mattermost/command"
HEADER = "Hand in a plugin: `/{0} submit` · where yours stands: `/{0} status` · what else: `/{0} help`"
SECURITY_CHANNEL = "marketplace-security"
SECURITY_HEADER = "The security team's own: whoever is in here reads what is confidential"
HINT = "[submit | status | queue | claim | approve | help …]"


class SetupFailed(Exception):  # noqa: N818 -- a sentence for the operator
    """What stands in the way and how to mend it. Never holds a secret."""


@dataclass(frozen=True)
class Wishes:
    """What the operator wants. Either the administrator's name and password, or a token of theirs."""

    url: str
    team: str
    channel: str
    config: Path
    security_channel: str | None = None
    """With None it is what the configuration names, or else SECURITY_CHANNEL; with "" there is none."""
    admin_user: str = ""
    admin_password: str = field(default="", repr=False)
    admin_token: str = field(default="", repr=False)
    bot_name: str = "mmbot"
    trigger: str = "mb"
    callback_url: str = "http://127.0.0.1:8066"
    listen_host: str = "127.0.0.1"
    listen_port: int = 8066
    create_channel: bool = True
    take_over: bool = False


async def set_up(wishes: Wishes, say: Callable[[str], None]) -> None:
    """Make what is missing on the server and in the two files, a line to `say` for each; raises SetupFailed.

    Running it again changes nothing that is as wished. A line begins with ✓, or with ! where somebody has to act.
    """
    try:
        await _Setup(wishes, say).run()
    except FileTrouble as trouble:
        raise SetupFailed(str(trouble)) from None
    except RestError as error:
        raise SetupFailed(_sentence(error, wishes.url)) from None


def _sentence(error: RestError, url: str) -> str:
    said = error.message.rstrip(".")
    if error.status == 0:
        return f"{url} does not answer ({said}). Check the address, and that the server runs."
    if error.status == HTTPStatus.UNAUTHORIZED:
        factor = " An account with a second factor needs an access token." if "mfa" in error.id else ""
        return f"{url} does not accept the login ({said}). Check the name and password, or the token.{factor}"
    if error.status == HTTPStatus.FORBIDDEN:
        return f"This account may not do that ({said}). Use a system administrator's, a person's and not a bot's."
    if error.id == "redirect":
        return f"{url} {said}. Give that address, as far as it is the server's."
    if error.id == "http":
        return f"{url} does not answer as a Mattermost server does ({error.status} {said}). Check the address."
    return f"{url} refused: {said} ({error.status} {error.id})."


class _Setup:
    """One run: the wishes, checked, and how to tell of each step."""

    def __init__(self, wishes: Wishes, say: Callable[[str], None]) -> None:
        try:
            security = wishes.security_channel
            if security is None:
                known = read_toml(wishes.config).get("mattermost", {})
                security = known.get("security_channel", SECURITY_CHANNEL)
            self.place = Mattermost(
                url=wishes.url,
                team=wishes.team,
                channel=wishes.channel,
                security_channel=security,
                trigger=wishes.trigger,
            )
            self.listen = Listen(host=wishes.listen_host, port=wishes.listen_port, callback_url=wishes.callback_url)
        except ValidationError as error:
            wrong = error.errors(include_input=False, include_url=False)[0]
            raise SetupFailed(f"{wrong['loc'][0]}: {wrong['msg']}. Give another value.") from None
        for url in (self.place.url, self.listen.callback_url):
            if not urlsplit(url).hostname:
                raise SetupFailed(f"{url}: an address needs a host, as in https://chat.example.com.")
        if not re.fullmatch(r"[a-z][a-z0-9._-]{2,21}", wishes.bot_name):
            raise SetupFailed(
                f"@{wishes.bot_name} cannot be a bot's name. Give 3 to 22 lower-case letters, digits, dots, dashes or"
                " underscores, a letter first."
            )
        self.wishes, self.say = wishes, say
        self.url, self.private = self.place.url, secrets_path(wishes.config)

    async def run(self) -> None:
        self._prepare_files()
        await self._server()
        async with self._administrator() as admin:
            name = (await admin.me()).username
            service = await self._service_settings(admin)
            team = await self._team(admin)
            # Refusals come before anything is made.
            command = await self._existing_command(admin, team)
            await self._existing_security_channel(admin, team)
            bot = await self._bot_account(admin)
            await self._token(admin, bot)
            channel = await self._channel(admin, team)
            security = await self._security_channel(admin, team)
            await self._memberships(admin, bot, team, [channel, *security])
            await self._slash_command(admin, team, command)
        self._configuration(name)
        await self._warn(service)

    def _prepare_files(self) -> None:
        """Find out what could go wrong with the files while nothing is made yet: a token is shown only once."""
        folder = self.wishes.config.absolute().parent
        if not folder.is_dir() or not os.access(folder, os.W_OK):
            raise SetupFailed(f"{folder}: I cannot write there. Make that folder writable, or name another place.")
        known_secrets(self.private)
        url = str(read_toml(self.wishes.config).get("mattermost", {}).get("url", self.url)).rstrip("/")
        if url != self.url:
            raise SetupFailed(
                f"{self.wishes.config} belongs to the server {url}, and you ask for {self.url}."
                " Name another configuration file, or change url in this one."
            )
        if tighten(self.private):
            self.say(f"! {self.private}: others could read it; now only its owner can")

    async def _server(self) -> None:
        async with Rest(self.url, "") as rest:
            try:
                version = (await rest.server_settings())["Version"]
            except (TypeError, KeyError, ValueError):
                raise SetupFailed(
                    f"{self.url} does not answer as a Mattermost server does. Check the address."
                ) from None
        self.say(f"✓ server {self.url}: Mattermost {version}")

    @asynccontextmanager
    async def _administrator(self) -> AsyncIterator[Rest]:
        """The administrator's view; a session that was opened for this is closed after it."""
        wishes = self.wishes
        token = wishes.admin_token or await login(self.url, wishes.admin_user, wishes.admin_password)
        async with Rest(self.url, token) as rest:
            try:
                yield rest
            finally:
                if not wishes.admin_token:
                    with suppress(RestError):
                        await rest.log_out()

    async def _service_settings(self, admin: Rest) -> Mapping[str, Any]:
        service = (await admin.config()).get("ServiceSettings", {})
        if service.get("EnableCommands") is False:
            raise SetupFailed(
                "This server has slash commands switched off. Set ServiceSettings.EnableCommands to true"
                " (System Console, Integrations, Integration Management), then run this again."
            )
        return service

    async def _team(self, admin: Rest) -> Team:
        try:
            return await admin.team(self.place.team)
        except RestError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
        mine = ", ".join(sorted(team.name for team in await admin.my_teams())[:20]) or "none"
        raise SetupFailed(
            f"There is no team {self.place.team}. Give its name as it stands in addresses, or make it."
            f" Teams you are in: {mine}."
        )

    async def _existing_command(self, admin: Rest, team: Team) -> SlashCommand | None:
        """The team's command with our trigger. Refuses when it is another program's."""
        trigger = self.place.trigger
        command = next((x for x in await admin.list_commands(team.id) if x.trigger == trigger), None)
        if command and not self.wishes.take_over and not self._is_ours(command):
            raise SetupFailed(
                f"/{trigger} already belongs to something else: it calls {urlsplit(command.url).netloc}."
                " Choose another with --trigger, or take it over with --take-over."
            )
        return command

    def _is_ours(self, command: SlashCommand) -> bool:
        # Whoever made it, its token in our file of secrets says whose it is.
        return command.url == self._command_url() or command.token in known_secrets(self.private)[1]

    def _command_url(self) -> str:
        return self.listen.callback_url + COMMAND_PATH

    async def _bot_account(self, admin: Rest) -> Bot:
        name = self.wishes.bot_name
        bot = next((bot for bot in await admin.bots() if bot.username == name), None)
        if bot and bot.deleted:
            raise SetupFailed(
                f"The bot account @{name} is disabled. Enable it (Integrations, Bot Accounts), or give another name."
            )
        if bot:
            self.say(f"✓ bot account @{name}: was there")
            return bot
        if await admin.users_by_names([name]):
            raise SetupFailed(f"@{name} is a person's account. Give another name for the bot.")
        try:
            made = await admin.create_bot(name, "mmbot", "Runs the review of Marketplace plugins.")
        except RestError as error:
            if error.id != "api.bot.create_disabled":
                raise
            raise SetupFailed(
                "This server makes no bot accounts. Set ServiceSettings.EnableBotAccountCreation to true"
                " (System Console, Integrations, Bot Accounts), then run this again."
            ) from None
        self.say(f"✓ bot account @{name}: made")
        return made

    async def _token(self, admin: Rest, bot: Bot) -> None:
        token, _ = known_secrets(self.private)
        owner = await self._owner(token) if token else None
        if owner and owner[0] != bot.id:
            raise SetupFailed(
                f"The token in {self.private} belongs to @{owner[1]}, not to @{bot.username}."
                " Give that name for the bot, or remove the token from the file."
            )
        if owner:
            self.say(f"✓ token in {self.private}: was there, and works")
            return
        keep_secrets(self.private, token=await admin.create_token(bot.id, "mmbot"))
        self.say(f"✓ token in {self.private}: {'made anew; the old one was not accepted' if token else 'made'}")

    async def _owner(self, token: str) -> tuple[str, str] | None:
        """Whose token it is, id and name; None when the server does not accept it."""
        async with Rest(self.url, token) as rest:
            try:
                me = await rest.me()
            except RestError as error:
                if error.status == HTTPStatus.UNAUTHORIZED:
                    return None
                raise
            return me.id, me.username

    async def _channel(self, admin: Rest, team: Team) -> Channel:
        name = self.place.channel
        if channel := await self._found(admin, team, name):
            self.say(f"✓ channel ~{name}: was there")
            return channel
        channel = await self._made(admin, team, name, HEADER.format(self.place.trigger))
        self.say(f"✓ channel ~{name}: made, public")
        return channel

    async def _existing_security_channel(self, admin: Rest, team: Team) -> Channel | None:
        """The security team's channel, if it is there. Refuses when it is public."""
        name = self.place.security_channel
        channel = await self._found(admin, team, name) if name else None
        if channel and channel.type != PRIVATE:
            raise SetupFailed(
                f"~{name} is public, and the security team's channel must not be. Make it private (in the channel's menu:"
                " Convert to Private Channel), or give another with --security-channel."
            )
        return channel

    async def _security_channel(self, admin: Rest, team: Team) -> list[Channel]:
        """The security team's channel, none where none is wished. Only when it is made the administrator is in it: its team may leave."""
        name = self.place.security_channel
        if not name:
            return []
        if channel := await self._existing_security_channel(admin, team):
            self.say(f"✓ channel ~{name}: was there, private")
            return [channel]
        channel = await self._made(admin, team, name, SECURITY_HEADER, private=True)
        self.say(f"✓ channel ~{name}: made, private, and you are in it: bring the security team in")
        return [channel]

    async def _found(self, admin: Rest, team: Team, name: str) -> Channel | None:
        try:
            return await admin.channel(team.id, name)
        except RestError as error:
            if error.status != HTTPStatus.NOT_FOUND:
                raise
            return None

    async def _made(self, admin: Rest, team: Team, name: str, header: str, *, private: bool = False) -> Channel:
        if not self.wishes.create_channel:
            raise SetupFailed(f"There is no channel {name} in the team {team.name}. Make it, or let me make it.")
        try:
            await admin.create_channel(team.id, name, name.replace("-", " ").capitalize(), header, private=private)
        except RestError as error:
            if "exists" not in error.id:
                raise
            raise SetupFailed(f"The channel {name} is archived. Unarchive it, or give another.") from None
        return await admin.channel(team.id, name)

    async def _memberships(self, admin: Rest, bot: Bot, team: Team, channels: Sequence[Channel]) -> None:
        async with Rest(self.url, known_secrets(self.private)[0]) as rest:
            in_team = any(x.id == team.id for x in await rest.my_teams())
        if not in_team:
            await admin.add_team_member(team.id, bot.id)
        self.say(f"✓ @{bot.username} in the team {team.name}: {'was there' if in_team else 'added'}")
        for channel in channels:
            in_channel = await admin.is_member(channel.id, bot.id)
            if not in_channel:
                await admin.add_channel_member(channel.id, bot.id)
            self.say(f"✓ @{bot.username} in ~{channel.name}: {'was there' if in_channel else 'added'}")

    async def _slash_command(self, admin: Rest, team: Team, there: SlashCommand | None) -> None:
        trigger = self.place.trigger
        wanted = replace(
            there or SlashCommand(team.id, trigger, ""),
            url=self._command_url(),
            method="P",
            display_name="mmbot",
            description="The review of Marketplace plugins",
            auto_complete=True,
            auto_complete_desc="The review of Marketplace plugins",
            auto_complete_hint=HINT,
        )
        if there is None:
            try:
                wanted, done = await admin.create_command(wanted), "made"
            except RestError as error:
                if "duplicate_trigger" not in error.id:
                    raise
                raise SetupFailed(
                    f"/{trigger} is a command of the server itself or of a plugin. Choose another with --trigger."
                ) from None
        elif not self._is_ours(there):
            wanted = await admin.update_command(wanted)
            # Whoever had the command knows its token.
            wanted, done = await admin.regenerate_command_token(wanted), "taken over, with a new token"
        elif wanted != there:
            wanted, done = await admin.update_command(wanted), "brought up to date"
        else:
            done = "was there"
        self.say(f"✓ slash command /{trigger} to {wanted.url}: {done}")
        _, known = known_secrets(self.private)
        if wanted.token not in known:
            keep_secrets(self.private, slash_tokens=[wanted.token, *known])
            self.say(f"✓ the command's token in {self.private}: kept; restart mmbot if it runs")

    def _configuration(self, admin: str) -> None:
        path = self.wishes.config
        if write_config(path, self.place, self.listen, admin):
            self.say(f"✓ configuration {path}: written; name the reviewers in it, under [people]")
        else:
            self.say(f"✓ configuration {path}: was there, left as it is")
            for key, stands, wanted in differences(path, self.place, self.listen):
                self.say(
                    f"! {path}: {key} is {toml_value(stands)}, you asked for {toml_value(wanted)}: change it there"
                )
        try:
            folder = load(path).store.path.parent
            if not folder.exists():
                folder.mkdir(mode=0o700, parents=True)
                self.say(f"✓ the store's folder {folder}: made")
        except ConfigError as error:
            raise SetupFailed(f"The server is ready, the configuration is not. {error}") from None
        except OSError as error:
            self.say(f"! the store's folder cannot be made ({error.strerror}): make it, writable for mmbot")

    async def _warn(self, service: Mapping[str, Any]) -> None:
        if not service.get("SiteURL"):
            self.say(
                f"! ServiceSettings.SiteURL is empty, and newer servers then refuse slash commands: set it to {self.url}"
                " (System Console, Environment, Web Server)"
            )
        allowed = str(service.get("AllowedUntrustedInternalConnections") or "")
        if missing := await reach.lacking(self.listen.callback_url, self.url, allowed):
            self.say(
                f"! the server will not call {self.listen.callback_url}: set ServiceSettings.AllowedUntrustedInternalConnections"
                f' to "{f"{allowed} {missing}".strip()}" (System Console, Environment, Developer)'
            )
