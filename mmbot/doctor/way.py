"""The way from the Mattermost server to mmbot: is somebody listening, does the slash command lead there."""

import errno
import json
import secrets
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from http import HTTPStatus
from urllib.parse import urlsplit

import aiohttp
from aiohttp import web

from mmbot.config import Config, Listen
from mmbot.doctor.finding import Finding, faulty, fine, open_question
from mmbot.mattermost import reach
from mmbot.mattermost.callbacks import token_accepted
from mmbot.mattermost.rest import Channel, Rest, RestError
from mmbot.web import serve
from mmbot.words import manual

NAME = "slash command"
COMMAND_PATH = "/mattermost/command"
HELP = manual.help_all(()).partition(";")[0]
NO_ANSWER = "api.command.execute_command.failed.app_error"
NOT_FOUND = "api.command.execute_command.not_found.app_error"


@dataclass(frozen=True)
class Call:
    """A request that reached doctor where mmbot would listen."""

    path: str
    host: str
    token: str = field(repr=False)


@dataclass
class Ear:
    """Doctor's listener in mmbot's place: the mark it is known by, and what it heard."""

    mark: str
    heard: list[Call] = field(default_factory=list)


@asynccontextmanager
async def door(
    listen: Listen, http: aiohttp.ClientSession, *, running: bool
) -> AsyncIterator[tuple[Finding, Ear | None]]:
    """Whether mmbot listens where it should; where it does not run, doctor does so meanwhile."""
    name, place = "listening", f"{listen.host}:{listen.port}"
    ear = None if running or not listen.port else Ear(secrets.token_hex(8))
    runner = None
    if not listen.port:
        finding = open_question(name, "listen.port is 0: any free port, which no server can know", "Give it a number.")
    elif running and (await health(http, local(listen))).get("name") == "mmbot":
        finding = fine(name, f"mmbot answers at {place}")
    elif running:
        text = f"mmbot runs, since its store is in use, but does not answer at {place}"
        finding = faulty(name, text, "Restart mmbot, so that it uses this configuration.")
    else:
        finding = fine(name, f"{place} is free for mmbot, which does not run now")
    if ear:
        try:
            runner, _ = await serve(_stand_in(ear), listen.host, listen.port)
        except OSError as error:
            finding, ear = await _closed(listen, http, error), None
    try:
        yield finding, ear
    finally:
        if runner:
            await runner.cleanup()


async def _closed(listen: Listen, http: aiohttp.ClientSession, error: OSError) -> Finding:
    place = f"{listen.host}:{listen.port}"
    if error.errno != errno.EADDRINUSE:
        text = f"mmbot cannot listen at {place}: {error.strerror or type(error).__name__}"
        return faulty(
            "listening", text, "Give an address of this machine as listen.host, and a listen.port above 1023."
        )
    ours = (await health(http, local(listen))).get("name") == "mmbot"
    text = f"another {'mmbot, with another store,' if ours else 'program'} listens at {place}"
    return faulty("listening", text, "Stop it, or give another listen.port and the callback_url that goes with it.")


def _stand_in(ear: Ear) -> web.Application:
    async def answer(request: web.Request) -> web.Response:
        if request.method == "GET":
            return web.json_response({"name": "mmbot", "mark": ear.mark})
        if token := (await request.post()).get("token"):  # what has none is a click
            ear.heard.append(Call(request.path, request.host, str(token)))
        return web.json_response({"response_type": "ephemeral", "text": "mmbot is being examined. Try again soon."})

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    return app


def local(listen: Listen) -> str:
    """The address under which this machine itself reaches the listener."""
    host = {"0.0.0.0": "127.0.0.1", "::": "::1"}.get(listen.host, listen.host)  # noqa: S104 -- compared, not bound
    return f"http://[{host}]:{listen.port}" if ":" in host else f"http://{host}:{listen.port}"


async def health(http: aiohttp.ClientSession, url: str) -> dict[str, str]:
    """What answers there says of itself; "error" where nothing does."""
    try:
        async with http.get(f"{url}/healthz", allow_redirects=False) as answer:
            said = json.loads(await answer.read())
    except (aiohttp.ClientError, TimeoutError, OSError) as error:
        return {"error": type(error).__name__}
    except ValueError:
        return {}
    return {str(key): str(value) for key, value in said.items()} if isinstance(said, dict) else {}


@dataclass(frozen=True)
class Way:
    """The checks of the way; the first types the slash command, whose answer only the bot itself sees."""

    config: Config
    rest: Rest
    door: Finding
    ear: Ear | None

    async def slash_command(self, channel: Channel) -> Finding:
        """Whether the slash command reaches mmbot with the token it expects. May raise RestError."""
        typed = f"/{self.config.mattermost.trigger}"
        try:
            answer = await self.rest.run_command(channel, f"{typed} help")
        except RestError as error:
            return await self._refused(error, typed, channel)
        if self.ear and self.ear.heard:
            return self._heard(self.ear.heard[-1], typed)
        if self.ear or not answer.startswith(HELP):
            return faulty(
                NAME,
                f"{typed} does not lead to this mmbot: something else answers it",
                f"Run `mmbot setup` with another trigger, or with --take-over if {typed} shall be mmbot's.",
            )
        return fine(NAME, f"{typed} reaches mmbot, with the right token")

    def _heard(self, call: Call, typed: str) -> Finding:
        listen = self.config.listen
        if call.path != COMMAND_PATH:
            return faulty(
                NAME,
                f"{typed} calls {call.path} instead of {COMMAND_PATH}",
                f"Run `mmbot setup`: it corrects the command. If a proxy is between, let it pass on {COMMAND_PATH} alone.",
            )
        if not token_accepted([call.token], [x.get_secret_value() for x in self.config.mattermost.slash_tokens]):
            return faulty(
                NAME,
                f"{typed} comes with a token that is not in the file of secrets",
                "Run `mmbot setup`: it fetches the token. Then restart mmbot.",
            )
        # A proxy may name itself or where it leads to; anything else is another address than the buttons have.
        if call.host not in {urlsplit(listen.callback_url).netloc, urlsplit(local(listen)).netloc}:
            return open_question(
                NAME,
                f"{typed} reaches mmbot as {call.host}, but listen.callback_url, for buttons, is {listen.callback_url}",
                "Unless a proxy changes the name, run `mmbot setup` to make them agree.",
            )
        return fine(NAME, f"{typed} reaches mmbot, with the right token")

    async def _refused(self, error: RestError, typed: str, channel: Channel) -> Finding:
        place, listen = self.config.mattermost, self.config.listen
        if error.id == NOT_FOUND:
            return faulty(
                NAME, f"there is no {typed} in the team {place.team}", f"Run `mmbot setup`: it makes {typed}."
            )
        if "site_url_required" in error.id:
            return faulty(
                NAME,
                "the server runs no slash commands while its SiteURL is empty",
                f"Set ServiceSettings.SiteURL to {place.url} (System Console, Environment, Web Server).",
            )
        if error.status == HTTPStatus.FORBIDDEN:
            return faulty(
                NAME,
                f"the bot may neither post nor type commands in ~{channel.name}",
                "Give members of that channel the permissions to create posts and to use slash commands.",
            )
        if "failed_resp" in error.id:
            return faulty(
                NAME,
                f"what {typed} leads to refuses: {error.message}",
                "If that is mmbot, run `mmbot setup` for the right address and token, and restart mmbot."
                " If it is another program, choose another mattermost.trigger.",
            )
        if error.id != NO_ANSWER:
            raise error
        if self.door.ok is not True:
            return open_question(
                NAME, f"{typed} exists, but nothing of mmbot's listens for it", "Mend listening first."
            )
        setting = await reach.lacking(listen.callback_url, place.url, "")
        console = "System Console, Environment, Developer"
        allow = f' On the server, see that ServiceSettings.AllowedUntrustedInternalConnections covers "{setting}" ({console}).'
        return faulty(
            NAME,
            f"the server got no answer when it called mmbot for {typed}",
            f"Run `mmbot setup`: it gives {typed} the address {listen.callback_url}.{allow if setting else ''}"
            f" If that is a proxy, it must lead to {local(listen)}.",
        )

    async def callback(self, http: aiohttp.ClientSession, config_path: str, *, reached: bool) -> Finding:
        """Whether the callback address leads to mmbot; `reached` tells that the server's slash command does."""
        name, url = "callback address", self.config.listen.callback_url
        if self.door.ok is not True:
            return open_question(name, "not checked: mend listening first")
        said = await health(http, url)
        if said.get("name") == "mmbot" and (self.ear is None or said.get("mark") == self.ear.mark):
            return fine(name, f"{url} leads to mmbot")
        lead = (
            f"Correct listen.callback_url in {config_path}, or the proxy: it must lead to {local(self.config.listen)}."
        )
        if "error" not in said:
            return faulty(name, f"{url} leads to something else than this mmbot", lead)
        text = f"{url} does not answer from here ({said['error']})"
        if reached:
            return open_question(name, f"{text}, though the server reaches mmbot", f"If buttons fail: {lead}")
        return faulty(name, text, lead)
