"""The stage of end-to-end tests: a Mattermost server, real or fake, git, people who act, and the bot running in a task."""

import asyncio
import contextlib
import json
import re
import socket
import sqlite3
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import aiohttp
from fake_git import FakeGit
from fake_mattermost import FakeMattermost
from people import Human, Json, World, bootstrap
from structlog.testing import capture_logs

from mmbot.config import Config, Listen, Mattermost, Sources, StorePlace
from mmbot.mattermost.stream import Pace
from mmbot.run import run

PEOPLE = ("sue", "olive", "pam", "dana", "sam", "quinn", "tom", "ada", "otto")
A_DAY = 86_400
"""Seconds of a real one."""
FACTS = ("ticket", "turn", "fact", "outbox", "listed", "role")
CATALOGUE = [
    {
        "homepage_url": "{git}/badges",
        "release_notes_url": "",
        "repo_name": "mattermost-plugin-badges",
        "manifest": {
            "id": "com.github.example.badges",
            "name": "Badges",
            "version": "1.0.0",
            "homepage_url": "{git}/badges",
        },
    }
]


@dataclass
class Stage:
    """Everything a scene needs. `people` are clients that act; `market` and `security` are the ids of the bot's channels."""

    world: World
    git: FakeGit
    people: Mapping[str, Human]
    bot: Json
    market: str
    security: str
    trigger: str
    config: Config
    server: FakeMattermost | None
    logs: list[MutableMapping[str, Any]]
    pace: Pace | None = None
    _running: "list[asyncio.Task[None]]" = field(default_factory=list)

    def __getattr__(self, name: str) -> Human:
        try:
            return self.people[name]
        except KeyError:
            raise AttributeError(name) from None

    @property
    def url(self) -> str:
        """Where the bot listens."""
        return self.config.listen.callback_url

    async def mb(self, who: str, line: str, root: str | None = None) -> str:
        """Somebody types a command; the answer that they alone see."""
        return await self.people[who].slash(self.market, f"/{self.trigger} {line}", root)

    async def post(self, who: str, *words: str, wait: float = 15.0) -> Json:
        """The post of the bot, new or edited, that somebody was or will be shown, with all these words in it."""
        mine = self.bot["user_id"]
        return await self.people[who].wait_for(
            lambda p: p["user_id"] == mine and all(w in p["message"] for w in words), wait
        )

    async def fill(self, who: str, **values: object) -> Json:
        """Somebody fills in the dialog that opened for them."""
        human = self.people[who]
        return await human.submit(await human.dialog(), values, self.market)

    async def start(self) -> None:
        """Let the bot run, from when it has caught up."""
        listens = asyncio.Event()
        task = asyncio.create_task(run(self.config, lambda _port: listens.set(), self.pace))
        waiting = asyncio.create_task(listens.wait())
        await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
        waiting.cancel()
        if task.done():
            task.result()
        self._running.append(task)
        async with aiohttp.ClientSession() as session:

            async def ready() -> bool:
                async with session.get(f"{self.url}/readyz") as answer:
                    return answer.status == 200

            await until(ready)

    async def stop(self) -> None:
        """End the bot, as the end of its process would."""
        for task in self._running:
            task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await task
        self._running.clear()

    async def short_days(self, *lines: str, ours: float, real: float) -> float:
        """Let the bot go on under a policy in which days are seconds, at any time of any day; returns how many seconds.

        `lines` are patterns of how the policy's lines begin whose days are so short: `ours` on the fake server, on a real one `real`.
        """
        day = ours if self.server else real
        await self.stop()
        place = self.config.sources.policy
        assert place is not None
        text = place.read_text("utf-8")

        def shortened(line: re.Match[str]) -> str:
            return re.sub(r"\d+", lambda days: f"{int(days.group()) * day / A_DAY:.9f}", line.group())

        for line in lines:
            text, count = re.subn(rf"^{line}[^#\n]*", shortened, text, flags=re.MULTILINE)
            assert count, line
        place.write_text(text.replace("begin = 9\nend = 16", "begin = 0\nend = 24"), "utf-8")
        await self.start()
        return day

    async def quiet(self) -> None:
        """Returns when nothing waits in the outbox any more."""

        async def done() -> bool:
            return not self.rows("SELECT 1 FROM outbox WHERE state = 'pending'")

        await until(done)

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """What stands in the bot's store."""
        with self._looking() as connection:
            return connection.execute(sql, values).fetchall()

    def dump(self) -> dict[str, list[tuple[Any, ...]]]:
        """Everything that the store knows of tickets and of what is to be said."""
        with self._looking() as connection:
            return {
                table: connection.execute(f"SELECT * FROM {table} ORDER BY 1, 2").fetchall()  # noqa: S608 - our own names
                for table in FACTS
            }

    def _looking(self) -> contextlib.closing[sqlite3.Connection]:
        return contextlib.closing(sqlite3.connect(f"file:{self.config.store.path}?mode=ro", uri=True))

    def secret(self) -> bytes:
        """The key of the bot's signatures, which nobody else has."""
        return bytes.fromhex(self.rows("SELECT value FROM state WHERE key = 'mac-key'")[0][0])


async def until(true: Callable[[], Awaitable[bool]], seconds: float = 20) -> None:
    """Returns when something is true that only asking can tell."""
    async with asyncio.timeout(seconds):
        while not await true():  # noqa: ASYNC110 - what is waited for happens in another program
            await asyncio.sleep(0.02)


@contextlib.asynccontextmanager
async def on_stage(
    server: tuple[str, tuple[str, str], FakeMattermost | None],
    git: FakeGit,
    folder: Path,
    people: Iterable[str] = PEOPLE,
    per_minute: int = 100_000,
    more: Mapping[str, Any] | None = None,
) -> AsyncIterator[Stage]:
    """The stage with the bot running. When the scene is over nothing may be left to say, and no error in the log.

    `more` are further sections of the configuration.
    """
    url, admin, fake = server
    async with contextlib.AsyncExitStack() as exits:
        world = await exits.enter_async_context(bootstrap(url, admin, people, ("plugins-marketplace", "other")))
        await world.add_channel("marketplace-security", "P")
        bot, token = await world.add_bot("mmbot", ["plugins-marketplace", "marketplace-security"])
        if "sam" in world.users:
            await world.join(world.users["sam"]["id"], ["marketplace-security"])
        trigger = f"mb{world.suffix}"
        port = free_port()
        command = await world.add_command(f"http://127.0.0.1:{port}/mattermost/command", trigger)
        humans = {name: await exits.enter_async_context(world.human(name)) for name in people}
        config = configured(world, git, folder, token, command["token"], trigger, port, per_minute, more)
        logs = exits.enter_context(capture_logs())
        market = world.channels["plugins-marketplace"]
        security = world.channels["marketplace-security"]
        stage = Stage(world, git, humans, bot, market, security, trigger, config, fake, logs)
        await stage.start()
        try:
            yield stage
            await stage.quiet()
        finally:
            await stage.stop()
    assert [x for x in logs if x["log_level"] in {"error", "critical"}] == []
    assert stage.rows("SELECT kind, subject, error FROM outbox WHERE state = 'parked'") == []


def configured(
    world: World,
    git: FakeGit,
    folder: Path,
    token: str,
    slash_token: str,
    trigger: str,
    port: int,
    per_minute: int = 100_000,
    more: Mapping[str, Any] | None = None,
) -> Config:
    """The configuration of a bot for such a world. Of the people, those that there are hold the roles of the process."""

    def named(*people: str) -> tuple[str, ...]:
        return tuple(world.users[x]["username"] for x in people if x in world.users)

    base = git.url("example")
    catalogue = folder / "plugins.json"
    catalogue.write_text(json.dumps(CATALOGUE).replace("{git}", base))
    raw: dict[str, Any] = {
        "mattermost": Mattermost(
            url=world.url, team=world.team, channel=f"plugins-marketplace-{world.suffix}",
            security_channel=f"marketplace-security-{world.suffix}", trigger=trigger, token=token, slash_tokens=(slash_token,),
        ),
        "listen": Listen(port=port, callback_url=f"http://127.0.0.1:{port}", per_minute=per_minute),
        "store": StorePlace(path=folder / "var" / "mmbot.db"),
        "sources": Sources(catalogue=catalogue, policy=policy_file(folder), plain_http=frozenset({git.host})),
        "people": {
            "admin": named("ada"), "owner": named("olive"), "product": named("pam"), "dev": named("dana"),
            "security": named("sam"), "qa": named("quinn", "tom"), "release": named("rosa", "kim"),
        },
        "default_owner": named("olive")[0],
        "security_contact": "security@example.com",
    }  # fmt: skip
    return Config(**raw, **(more or {}))


def policy_file(folder: Path) -> Path:
    """The built-in policy, but findings are batched for less than a second and not for minutes."""
    text = resources.files("mmbot").joinpath("policy.toml").read_text("utf-8")
    place = folder / "policy.toml"
    place.write_text(text.replace("batch_minutes = 5 ", "batch_minutes = 0.01 "), "utf-8")
    return place


def manifest(plugin: str, name: str, version: str, **more: str) -> str:
    """A plugin's manifest as its authors write it."""
    page = f"https://github.com/example/{name.lower()}"
    return json.dumps(
        {
            "id": plugin, "name": name, "version": version, "min_server_version": "6.2.1", "homepage_url": page,
            "support_url": f"{page}/issues", "release_notes_url": f"{page}/releases/tag/v{version}",
            "server": {"executables": {"linux-amd64": "server/dist/plugin-linux-amd64"}}, **more,
        }
    )  # fmt: skip


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
