"""The wiring: one process, one loop, everything in one task group."""

import asyncio
import contextlib
import ctypes
import os
import signal
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager, contextmanager
from functools import partial
from pathlib import Path
from typing import Literal, TypeVar

import aiohttp
import structlog

from mmbot import catalogue, clock, policy, web
from mmbot.app import App
from mmbot.config import Config, ConfigError
from mmbot.domain.book import DEFAULT_OWNER
from mmbot.events import Event, PeopleNamed, Where
from mmbot.github.api import Hub
from mmbot.github.resolve import GitLimits
from mmbot.listening import Listener
from mmbot.mattermost.client import RestError
from mmbot.mattermost.rest import PRIVATE, Rest, Team
from mmbot.mattermost.stream import Pace
from mmbot.mattermost.voice import FORBIDDEN, NOT_FOUND, MattermostVoice
from mmbot.office import Office
from mmbot.outbox import Outbox
from mmbot.reception import Reception, person
from mmbot.steps import SCRATCH, Workshop, emptied, steps
from mmbot.store import cases, cuts
from mmbot.store.database import Store, StoreUnusable
from mmbot.store.failing import StoreFails
from mmbot.store.tx import Cutting, Settings
from mmbot.ticking import Ticker
from mmbot.upkeep import Nights, Readiness, through_failures, try_again

log = structlog.get_logger()
T = TypeVar("T")
_PR_SET_DUMPABLE = 4  # linux/prctl.h


async def run(config: Config, ready: Callable[[int], None] = lambda _: None, pace: Pace | None = None) -> None:
    """Run until SIGTERM or SIGINT, or until cancelled. `ready` is called with the port once everything listens.

    Raises ConfigError, RestError, TokenRejected, StoreBusy, StoreTooNew, PolicyError, CatalogueError; StoreFails where the
    store fails before everything listens.
    """
    rules = policy.load(config.sources.policy)
    if config.release.obtain == "build":
        _hide_memory()
    try:
        config.store.path.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        store = Store(config.store.path, rules)
    except OSError as error:
        raise ConfigError(f"store.path: {config.store.path} cannot be opened: {error}") from error
    except StoreUnusable as error:
        raise ConfigError(f"store.path: {error}") from error
    with _until_signalled() as at_signal:
        try:
            async with Rest(config.mattermost.url, config.mattermost.token.get_secret_value()) as rest:
                await _run(config, store, rest, ready, pace, at_signal)
        finally:
            store.close()


def _hide_memory() -> None:
    """Keep what is in this process, such as tokens, from other programs of the same account: builds run what repositories bring."""
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)


async def _run(  # noqa: PLR0915 -- one statement for each part that is put together
    config: Config,
    store: Store,
    rest: Rest,
    ready: Callable[[int], None],
    pace: Pace | None,
    at_signal: list[Callable[[], None]],
) -> None:
    me = person(await rest.me())
    team = await rest.team(config.mattermost.team)
    market = await rest.channel(team.id, config.mattermost.channel)
    if not await rest.is_member(market.id):
        await rest.join_channel(market.id)
    security = await _security_channel(rest, team, config.mattermost.security_channel)
    read_catalogue(store, config.sources.catalogue)
    cutting = cutting_of(config)
    app = App(store, Settings(config.security_contact, config.sources.plain_http, security, cutting), clock.now)
    await _name_people(app, rest, config)
    cases.look_at_all(store, app.now())
    with store.transaction():
        secret = store.secret("mac-key")
        store.remember("pages", f"{config.mattermost.url}/{config.mattermost.team}/pl/")
    voice = MattermostVoice(
        rest, me.id, market.id, secret, config.listen.callback_url, config.mattermost.trigger, clock.now, security
    )
    limits = GitLimits(plain_http=config.sources.plain_http)
    async with aiohttp.ClientSession() as session, _workdir(config.store.path.parent / SCRATCH) as workdir:
        token = config.github.token.get_secret_value()
        hub = Hub(session, token, config.github.api) if token or cutting.source == "github" else None
        workshop = Workshop(config.store.path.parent / "cuts", config, limits, hub, clock.now, app.came_to)
        await tidied(store, workshop)
        outbox = Outbox(app, voice, steps(limits, workdir, workshop))
        reception = Reception(
            app,
            rest,
            me,
            secret,
            config.mattermost.trigger,
            config.listen.callback_url,
            outbox.wake,
            config.listen.per_minute,
        )
        listener = Listener(app, rest, reception, pace, config.mattermost.late_after_minutes * 60_000)
        readiness = Readiness(app, lambda: listener.connected)
        nights = Nights(app, config.backups, config.backup.keep, outbox.wake)

        ticker = Ticker(app, lambda: listener.connected, outbox.wake)

        def wake() -> None:
            ticker.wake()
            outbox.wake()
            readiness.look()

        timer = clock.Clock(wake)

        def stopping() -> None:
            readiness.stop()
            nights.stop()
            timer.stop()

        doors = web.doors(
            reception,
            config.mattermost.slash_tokens,
            readiness.missing,
            config.github.webhook_secrets,
        )
        server, port = await _listening(
            "listen",
            web.serve(doors, config.listen.host, config.listen.port),
            f"{config.listen.host}:{config.listen.port}",
        )
        desk = await _listening(
            "store.path",
            Office(app, rest, config.mattermost.trigger, outbox.wake).open(config.store.path),
            "the socket beside it",
        )
        timer.start()
        at_signal.append(stopping)

        async def nightly() -> None:
            if nights.keep:
                await nights.night()
            await tidied(store, workshop)

        timer.daily(config.backup.hour, nightly, soon=nights.keep > 0 and nights.overdue())
        if not web.is_local(config.listen.host):
            log.warning(
                "listening beyond this machine, without TLS: keep the port to the Mattermost server",
                host=config.listen.host,
            )
        log.info("mmbot runs", port=port, channel=config.mattermost.channel, trigger=config.mattermost.trigger)
        try:
            async with asyncio.TaskGroup() as group:
                _work(group, store, outbox, ticker, timer)
                group.create_task(through_failures(listener.run, store))
                group.create_task(try_again(store))
                ready(port)
        finally:
            stopping()
            await asyncio.gather(desk.cleanup(), server.cleanup())  # what is being answered is answered, within seconds


def _work(group: asyncio.TaskGroup, store: Store, outbox: Outbox, ticker: Ticker, timer: clock.Clock) -> None:
    """Have done what waits and what falls due."""

    def posted(next_due: int | None) -> None:
        timer.next_due("outbox", next_due)
        ticker.wake()  # whatever woke the outbox may have changed what is due

    group.create_task(through_failures(lambda: outbox.run(posted), store))
    group.create_task(through_failures(lambda: ticker.run(partial(timer.next_due, "due")), store))


async def _listening(key: str, opening: Awaitable[T], place: str) -> T:
    try:
        return await opening
    except OSError as error:
        raise ConfigError(f"{key}: cannot listen at {place}: {error.strerror or error}") from error


@contextmanager
def _until_signalled() -> Iterator[list[Callable[[], None]]]:
    """Leave what stands inside at SIGTERM or SIGINT; a second one ends the process at once, which loses nothing either.

    What is put into the list that this gives is called at the signal, before anything is waited for.
    """
    at_signal: list[Callable[[], None]] = []
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    signalled = False

    def stop(name: str) -> None:
        nonlocal signalled
        if signalled:
            log.warning("mmbot leaves at once", signal=name)
            os._exit(1)
        signalled = True
        log.info("mmbot stops", signal=name)
        if task:
            task.cancel()
        for call in at_signal:
            call()

    numbers = (signal.SIGTERM, signal.SIGINT)
    for number in numbers:
        with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):  # not in the main thread
            loop.add_signal_handler(number, stop, number.name)
    try:
        yield at_signal
    except asyncio.CancelledError:
        if not signalled:
            raise
        log.info("mmbot has stopped")
    finally:
        for number in numbers:
            with contextlib.suppress(NotImplementedError, RuntimeError, ValueError):
                loop.remove_signal_handler(number)


async def tidied(store: Store, workshop: Workshop) -> None:
    """Delete the files of cuts that are not needed any more."""
    with contextlib.suppress(StoreFails):
        await workshop.tidy(lambda: cuts.kept(store, clock.now()))


@asynccontextmanager
async def _workdir(folder: Path) -> AsyncIterator[Path]:
    """A folder for what is looked at once; beside the store, so that no other process uses it."""
    with emptied(folder):
        yield folder


def cutting_of(config: Config) -> Cutting:
    """What the configuration says of cutting and listing, and what it lacks."""
    where: Literal["", "file", "pull-request", "patch"] = ""
    if config.listing.repository and config.github.token.get_secret_value():
        where = "pull-request"
    elif config.listing.file:
        where = "file"
    elif config.sources.catalogue:
        where = "patch"
    return Cutting(
        config.release.organisation, config.github.web, config.release.own, config.release.obtain, config.release.at_once,
        config.storage.public_url, config.lacks, where,
    )  # fmt: skip


def read_catalogue(store: Store, path: Path | None) -> None:
    """Bring the store's catalogue up to the configured file."""
    if path:
        listed = catalogue.read(path)
        with store.transaction():
            store.set_catalogue(listed)
        log.info("catalogue read", plugins=len(listed))


async def _security_channel(rest: Rest, team: Team, name: str) -> str:
    """The id of the security team's channel, "" where none is configured. Raises ConfigError unless it is private and ours to post in."""
    if not name:
        return ""
    key = "mattermost.security_channel"
    try:
        found = await rest.channel(team.id, name)
        inside = await rest.is_member(found.id)
    except RestError as error:
        if error.status not in {NOT_FOUND, FORBIDDEN}:
            raise
        raise ConfigError(
            f"{key}: the bot sees no channel {name} in {team.name}. If the name is wrong, correct it; if the channel is archived, "
            "unarchive it; else run `mmbot setup`: it makes a missing one, private, and brings the bot into it."
        ) from None
    if found.type != PRIVATE:
        raise ConfigError(
            f"{key}: ~{name} is public, and everybody could read what is confidential. Make it private (in the channel's menu: Convert to "
            "Private Channel), or name another."
        )
    if not inside:
        raise ConfigError(f"{key}: the bot is not in ~{name}. Run `mmbot setup`: it adds the bot.")
    return found.id


async def _name_people(app: App, rest: Rest, config: Config) -> None:
    """Look the configured names up, and let the book of roles know."""
    names = {name for people in config.people.values() for name in people} | {config.default_owner} - {""}
    users = {x.username.lower(): x for x in await rest.users_by_names(sorted(names - {""}))} if names - {""} else {}
    roles = {
        role: tuple((name, users[name].id if name in users else "") for name in people if name)
        for role, people in {**config.people, DEFAULT_OWNER: (config.default_owner,)}.items()
    }
    if not config.people.get("admin"):
        raise ConfigError("people.admin: name at least one admin, who is told when something needs an operator")
    people = tuple(person(x) for x in users.values())
    unknown = tuple(sorted(names - {""} - set(users)))
    now = app.now()
    app.handle(Event(f"people:{now}", "", now, Where("mmbot"), PeopleNamed(roles=roles, unknown=unknown), people))
