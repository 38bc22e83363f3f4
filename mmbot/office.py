"""The unix socket beside the store, over which command-line commands that write reach the running bot."""

import asyncio
import io
import json
import os
import secrets
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path

import aiohttp
import structlog
from aiohttp import web

from mmbot import catalogue
from mmbot.app import App
from mmbot.events import Event, Misread, Where
from mmbot.github.submission import submission
from mmbot.mattermost import render
from mmbot.mattermost.client import RestError
from mmbot.mattermost.rest import Rest
from mmbot.reception import person
from mmbot.store.failing import StoreFails

log = structlog.get_logger()

Work = Callable[[Mapping[str, str]], Awaitable[str]]
LARGEST = 1_000_000


class OfficeClosed(Exception):  # noqa: N818 -- a sentence for the operator
    """The running bot could not be reached, or did not do what was asked; the message says why."""


def socket_of(store: Path) -> Path:
    """The socket that belongs to a store."""
    return store.with_name(store.name + ".sock")


async def ask(store: Path, what: str, values: Mapping[str, str]) -> str:
    """Have the bot that runs on this store do something; returns what it says. Raises OfficeClosed."""
    place = socket_of(store)
    try:
        async with (
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(path=str(place))) as session,
            session.post(f"http://mmbot/{what}", data=io.BytesIO(json.dumps(dict(values)).encode())) as response,
        ):
            answer = await response.json()
    except (aiohttp.ClientError, OSError) as error:
        raise OfficeClosed(
            f"No running mmbot answers at {place}: start it with `mmbot run` ({type(error).__name__})."
        ) from None
    if answer.get("error"):
        raise OfficeClosed(str(answer["error"]))
    return str(answer["text"])


class Office:
    """The bot's side of the socket."""

    def __init__(self, app: App, rest: Rest, trigger: str, wake: Callable[[], None]) -> None:
        self._app, self._rest, self._trigger, self._wake = app, rest, trigger, wake

    async def open(self, store: Path) -> web.AppRunner:
        """Listen on the store's socket, which only its owner may use; returns the runner, to be cleaned up."""
        app = web.Application(client_max_size=LARGEST)
        for name, work in (("intake", self.intake), ("catalogue", self.read_catalogue), ("retry", self.retry)):
            app.router.add_post(f"/{name}", _answering(work))
        runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=3.0)
        place = socket_of(store)
        app.on_cleanup.append(lambda _: asyncio.to_thread(place.unlink, missing_ok=True))
        await runner.setup()
        place.unlink(missing_ok=True)
        before = os.umask(0o177)
        try:
            await web.UnixSite(runner, str(place)).start()
        finally:
            os.umask(before)
        return runner

    async def intake(self, values: Mapping[str, str]) -> str:
        """Hand in a filled-in form for somebody. Raises OfficeClosed."""
        try:
            users = await self._rest.users_by_names([values["by"].lower()])
        except RestError as error:
            raise OfficeClosed(f"The Mattermost server does not say who {values['by']} is ({error}).") from error
        if not users:
            raise OfficeClosed(f"There is nobody called {values['by']} on the server.")
        what = submission(values["text"], self._app.store.policy)
        if what is None:
            raise OfficeClosed("That is no filled-in issue template: it has neither its headings nor its checklist.")
        if isinstance(what, Misread):
            raise OfficeClosed(render.text(what.why, self._trigger))
        who = person(users[0])
        event = Event(f"file:{secrets.token_hex(16)}", who.id, self._app.now(), Where("file"), what, (who,))
        reply = self._app.handle(event)
        self._wake()
        said = render.text(reply.text if reply else "", self._trigger)
        if reply and reply.refused:
            raise OfficeClosed(said)
        return said

    async def read_catalogue(self, values: Mapping[str, str]) -> str:
        """Read the Marketplace's database. Raises OfficeClosed."""
        try:
            listed = await asyncio.to_thread(catalogue.read, Path(values["file"]))
        except catalogue.CatalogueError as error:
            raise OfficeClosed(str(error)) from error
        with self._app.store.transaction():
            self._app.store.set_catalogue(listed)
        return f"The catalogue lists {len(listed)} plugins."

    async def retry(self, values: Mapping[str, str]) -> str:
        """Take up again what was given up: "all", or a row by its number. Raises OfficeClosed."""
        which = values["which"]
        taken = self._app.retry(which)
        if not taken:
            raise OfficeClosed("Nothing is parked." if which == "all" else f"Row {which} is not parked.")
        self._wake()
        return f"Taken up again: {taken}. `mmbot outbox` tells what comes of it."


def _answering(work: Work) -> Callable[[web.Request], Awaitable[web.Response]]:
    async def answer(request: web.Request) -> web.Response:
        try:
            return web.json_response({"text": await work(json.loads(await request.read()))})
        except OfficeClosed as closed:
            return web.json_response({"error": str(closed)})
        except StoreFails as fails:
            return web.json_response({"error": f"Nothing was done, since the store cannot be written: {fails}."})
        except web.HTTPRequestEntityTooLarge:
            return web.json_response({"error": f"That is too long: {LARGEST:,} bytes at most."})
        except Exception:
            reference = secrets.token_hex(4)
            log.exception("request of the command line failed", path=request.path[:100], reference=reference)
            return web.json_response({"error": f"mmbot failed to do that; it is in its log as {reference}."})

    return answer
