"""The end-to-end suite's stage: a Mattermost server (real when the environment names one, else the fake), git, people, the bot."""

import asyncio
import contextlib
import json
import os
import socket
import sqlite3
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass
from importlib import resources
from pathlib import Path
from typing import Any

import pytest
from fake_git import FakeGit, fake_git
from fake_mattermost import ADMIN, FakeMattermost
from people import Human, Json, World, bootstrap
from structlog.testing import capture_logs

from mmbot import policy
from mmbot.config import Config, Listen, Mattermost, Sources, StorePlace
from mmbot.policy import Policy
from mmbot.run import run
from mmbot.store import outbox
from mmbot.store.database import Store

REAL = os.environ.get("MMBOT_REAL_URL", "")
REAL_ADMIN = os.environ.get("MMBOT_REAL_ADMIN", ":").partition(":")
PEOPLE = ("sue", "olive", "pam", "dana", "sam", "quinn", "tom", "ada", "otto")
CATALOGUE = [
    {
        "homepage_url": "{git}/badges",
        "release_notes_url": "",
        "repo_name": "mattermost-plugin-badges",
        "manifest": {"id": "com.github.example.badges", "name": "Badges", "version": "1.0.0", "homepage_url": "{git}/badges"},
    }
]


@dataclass
class Stage:
    """Everything a scene needs. `people` are clients that act; `market` is the marketplace channel's id."""

    world: World
    git: FakeGit
    people: Mapping[str, Human]
    bot: Json
    market: str
    trigger: str
    store: Path
    server: FakeMattermost | None

    def __getattr__(self, name: str) -> Human:
        return self.people[name]

    async def mb(self, who: str, line: str, root: str | None = None) -> str:
        """Somebody types a command; the answer that they alone see."""
        return await self.people[who].slash(self.market, f"/{self.trigger} {line}", root)

    async def post(self, who: str, *words: str, wait: float = 15.0) -> Json:
        """The post of the bot, new or edited, that somebody was or will be shown, with all these words in it."""
        mine = self.bot["user_id"]
        return await self.people[who].wait_for(lambda p: p["user_id"] == mine and all(w in p["message"] for w in words), wait)

    async def fill(self, who: str, **values: object) -> Json:
        """Somebody fills in the dialog that opened for them."""
        human = self.people[who]
        return await human.submit(await human.dialog(), values, self.market)


@pytest.fixture(params=["fake 5.37", "fake 9.9"] if not REAL else ["real"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[tuple[str, tuple[str, str], FakeMattermost | None]]:
    if REAL:
        yield REAL, (REAL_ADMIN[0], REAL_ADMIN[2]), None
        return
    async with FakeMattermost("5.37.0" if request.param.endswith("5.37") else "9.9.0") as fake:
        yield fake.url, ADMIN, fake


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


@pytest.fixture
async def git(tmp_path: Path) -> AsyncIterator[FakeGit]:
    (tmp_path / "git").mkdir()
    async with fake_git(tmp_path / "git") as served:
        yield served


@pytest.fixture
async def stage(
    server: tuple[str, tuple[str, str], FakeMattermost | None], git: FakeGit, tmp_path: Path
) -> AsyncIterator[Stage]:
    url, admin, fake = server
    async with contextlib.AsyncExitStack() as exits:
        world = await exits.enter_async_context(bootstrap(url, admin, PEOPLE, ("plugins-marketplace", "other")))
        bot, token = await world.add_bot("mmbot", ["plugins-marketplace"])
        trigger = f"mb{world.suffix}"
        port = _free_port()
        command = await world.add_command(f"http://127.0.0.1:{port}/mattermost/command", trigger)
        people = {name: await exits.enter_async_context(world.human(name)) for name in PEOPLE}
        config = _config(world, git, tmp_path, token, command["token"], trigger, port)
        logs = exits.enter_context(capture_logs())
        async with _running(config):
            yield Stage(
                world, git, people, bot, world.channels["plugins-marketplace"], trigger, config.store.path, fake
            )
            await _quiet(config.store.path)
    assert [x for x in logs if x["log_level"] in {"error", "critical"}] == []
    left = Store(config.store.path, _policy(tmp_path))
    assert [(x.kind, x.subject, x.error) for x in outbox.due(left, 2**53)] == []
    assert left.query("SELECT kind, subject, error FROM outbox WHERE state = 'parked'") == []
    left.close()


@contextlib.asynccontextmanager
async def _running(config: Config) -> AsyncIterator[None]:
    """The bot, in a task of its own, from when it listens until the scene is over."""
    listens = asyncio.Event()
    task = asyncio.create_task(run(config, lambda _port: listens.set()))
    waiting = asyncio.create_task(listens.wait())
    await asyncio.wait([task, waiting], return_when=asyncio.FIRST_COMPLETED)
    if task.done():
        waiting.cancel()
        task.result()
    try:
        yield
    finally:
        task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await task


async def _quiet(store: Path) -> None:
    """Until nothing that is due waits in the outbox any more."""
    with contextlib.closing(sqlite3.connect(f"file:{store}?mode=ro", uri=True)) as connection:
        async with asyncio.timeout(20):
            while connection.execute("SELECT count(*) FROM outbox WHERE state = 'pending'").fetchone()[0]:
                await asyncio.sleep(0.05)


def _config(world: World, git: FakeGit, folder: Path, token: str, slash_token: str, trigger: str, port: int) -> Config:
    def named(*people: str) -> tuple[str, ...]:
        return tuple(world.users[x]["username"] for x in people)

    base = git.url("example")
    catalogue = folder / "plugins.json"
    catalogue.write_text(json.dumps(CATALOGUE).replace("{git}", base))
    raw: dict[str, Any] = {
        "mattermost": Mattermost(
            url=world.url, team=world.team, channel=f"plugins-marketplace-{world.suffix}", trigger=trigger, token=token,
            slash_tokens=(slash_token,),
        ),
        "listen": Listen(port=port, callback_url=f"http://127.0.0.1:{port}"),
        "store": StorePlace(path=folder / "var" / "mmbot.db"),
        "sources": Sources(catalogue=catalogue, policy=_policy_file(folder), plain_http=frozenset({git.host})),
        "people": {
            "admin": named("ada"), "owner": named("olive"), "product": named("pam"), "dev": named("dana"),
            "security": named("sam"), "qa": named("quinn", "tom"),
        },
        "default_owner": named("olive")[0],
        "security_contact": "security@example.com",
    }  # fmt: skip
    return Config(**raw)


def _policy_file(folder: Path) -> Path:
    """The built-in policy, but findings are batched for a second and not for minutes."""
    text = resources.files("mmbot").joinpath("policy.toml").read_text("utf-8")
    place = folder / "policy.toml"
    place.write_text(text.replace("batch_minutes = 5 ", "batch_minutes = 0.02 "), "utf-8")
    return place


def _policy(folder: Path) -> Policy:
    return policy.load(_policy_file(folder))


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
