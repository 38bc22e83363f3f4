"""The process as a whole: how it ends, and what it does while its store cannot be used. Real processes, real limits."""

import asyncio
import json
import os
import re
import resource
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, closing
from dataclasses import dataclass, field
from pathlib import Path

import aiohttp
import pytest
import structlog
from click.testing import CliRunner
from fake_mattermost import ADMIN, FakeMattermost
from people import Human, World, bootstrap
from stage import free_port, until

from mmbot import cli, policy, web
from mmbot.store.database import Store, StoreUnusable
from mmbot.words import replies

ROOT = Path(__file__).parents[1]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The log goes where it went before."""
    yield
    structlog.reset_defaults()


UNLIMITED = (resource.RLIM_INFINITY, resource.RLIM_INFINITY)


@dataclass
class Running:
    """A bot in a process of its own, and what it has logged."""

    world: World
    ada: Human
    bot: str
    folder: Path
    port: int
    process: asyncio.subprocess.Process
    server: FakeMattermost
    log: list[str] = field(default_factory=list)

    @property
    def store(self) -> Path:
        return self.folder / "var" / "mmbot.db"

    async def get(self, path: str) -> tuple[int, str]:
        async with aiohttp.ClientSession() as session, session.get(f"http://127.0.0.1:{self.port}{path}") as answer:
            return answer.status, (await answer.json())["status"]

    async def ready(self, status: int = 200) -> str:
        """Returns when readiness has this status; what it says then."""

        async def so() -> bool:
            try:
                return (await self.get("/readyz"))[0] == status
            except aiohttp.ClientError:
                assert self.process.returncode is None, self.log
                return False

        await until(so, 10)
        return (await self.get("/readyz"))[1]

    async def mb(self, line: str) -> str:
        return await self.ada.slash(self.world.channels["plugins-marketplace"], f"/mb{self.world.suffix} {line}")

    def give(self, role: str) -> str:
        """A command that writes: give ada a further role."""
        return f"people add @{self.ada.username} {role}"

    def rows(self, sql: str) -> list[tuple[object, ...]]:
        with closing(sqlite3.connect(f"file:{self.store}?mode=ro", uri=True)) as connection:
            return connection.execute(sql).fetchall()

    def logged(self, words: str) -> int:
        return sum(words in line for line in self.log)

    async def until_logged(self, words: str) -> None:
        async def so() -> bool:
            return self.logged(words) > 0

        await until(so, 10)

    async def ends(self, within: float) -> int:
        async with asyncio.timeout(within):
            return await self.process.wait()


@asynccontextmanager
async def running(folder: Path) -> AsyncIterator[Running]:
    async with (
        FakeMattermost("9.9.0") as server,
        bootstrap(server.url, ADMIN, ("ada",), ("plugins-marketplace",)) as world,
        world.human("ada") as ada,
    ):
        port = free_port()
        bot, token = await world.add_bot("mmbot", ["plugins-marketplace"])
        command = await world.add_command(f"http://127.0.0.1:{port}/mattermost/command")
        (private := folder / "config.secrets.toml").touch(0o600)
        private.write_text(f'[mattermost]\ntoken = "{token}"\nslash_tokens = ["{command["token"]}"]\n')
        (folder / "config.toml").write_text(
            f'[mattermost]\nurl = "{world.url}"\nteam = "{world.team}"\nchannel = "plugins-marketplace-{world.suffix}"\n'
            f'trigger = "mb{world.suffix}"\n[listen]\nport = {port}\ncallback_url = "http://127.0.0.1:{port}"\n'
            f'[people]\nadmin = ["{world.users["ada"]["username"]}"]\nowner = ["{world.users["ada"]["username"]}"]\n'
        )
        process = await started("run", "--config", folder / "config.toml")
        bot_runs = Running(world, ada, bot["user_id"], folder, port, process, server)
        reader = asyncio.create_task(_read(process, bot_runs.log))
        try:
            await bot_runs.ready()
            yield bot_runs
        finally:
            if process.returncode is None:
                process.kill()
                await process.wait()
            await reader
            assert not bot_runs.logged("Traceback"), "\n".join(bot_runs.log)


async def started(*arguments: str | Path) -> asyncio.subprocess.Process:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MMBOT_")}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-m", "mmbot", *(str(x) for x in arguments), cwd=ROOT, env=environment,
        stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def _read(process: asyncio.subprocess.Process, log: list[str]) -> None:
    assert process.stderr
    async for line in process.stderr:
        log += [line.decode().rstrip()]


async def beside(*arguments: str | Path) -> str:
    """What a command says while the bot runs, here in a thread."""
    done = await asyncio.to_thread(CliRunner().invoke, cli.main, [str(x) for x in arguments])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    assert len(done.output.splitlines()) == 1, done.output
    return str(done.output.strip())


async def test_whatever_befalls_the_store_is_said_once_and_nothing_that_was_typed_is_lost(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        config = tmp_path / "config.toml"
        await _commands_beside(bot, config)
        await _full_disk(bot)
        await _locked(bot)
        await _damaged(bot)
        assert (await bot.get("/healthz"))[0] == 200
        bot.process.send_signal(signal.SIGTERM)
        assert await bot.ends(4) == 0
        assert "cannot be opened: it is damaged" in await beside("run", "-c", config)
        restored = await asyncio.to_thread(
            CliRunner().invoke, cli.main, ["restore", str(tmp_path / "copy.db"), "-c", str(config)]
        )
        assert restored.exit_code == 0, restored.output
        assert bot.rows("SELECT count(*) FROM granted") == [(0,)]


async def _commands_beside(bot: Running, config: Path) -> None:
    in_use = f"Another mmbot is using this store ({bot.store}). Stop it first."
    assert await beside("run", "-c", config) == in_use
    assert await beside("console", "--store", bot.store) == in_use
    assert await beside("export", "MB-1", "-c", config) == f"There is no MB-1 in {bot.store}."
    assert (await beside("backup", config.with_name("copy.db"), "-c", config)).endswith(
        "The copy was opened and is sound."
    )
    assert await beside("restore", config.with_name("copy.db"), "-c", config) == in_use
    assert await beside("restore", bot.store, "-c", config) == f"{bot.store} is the store itself."


async def _full_disk(bot: Running) -> None:
    """No file may grow: what the disk refuses then is refused in the same way as on a full one."""
    resource.prlimit(bot.process.pid, resource.RLIMIT_FSIZE, (0, resource.RLIM_INFINITY))
    for _ in range(3):
        assert "I can't write anything down at the moment, so nothing was done." in await bot.mb(bot.give("qa"))
    await bot.ada.say(await bot.ada.dm(bot.bot), bot.give("dev"))
    assert "the store fails: the disk does not" in await bot.ready(503)
    assert (await bot.get("/healthz"))[0] == 200
    assert "can't" not in await bot.mb("queue"), "what only reads is answered as ever"
    assert bot.logged("the store fails") == 1
    resource.prlimit(bot.process.pid, resource.RLIMIT_FSIZE, UNLIMITED)
    await bot.ready()
    await bot.ada.wait_for(lambda p: p["user_id"] == bot.bot and "`dev`" in p["message"])
    assert bot.logged("the store can be used again") == 1
    assert bot.rows("SELECT role FROM granted") == [("dev",)]
    assert "nothing was done" not in await bot.mb(bot.give("qa"))


async def _locked(bot: Running) -> None:
    with closing(sqlite3.connect(bot.store, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        for _ in range(2):
            assert "nothing was done" in await bot.mb(bot.give("product"))
        assert "another program has locked it" in await bot.ready(503)
        other.execute("ROLLBACK")
    await bot.ready()
    assert "nothing was done" not in await bot.mb(bot.give("product"))
    assert bot.logged("the store fails") == bot.logged("the store can be used again") == 2
    assert len(bot.rows("SELECT 1 FROM granted")) == 3


async def _damaged(bot: Running) -> None:
    with closing(sqlite3.connect(bot.store)) as other:
        pages = [x[0] for x in other.execute("SELECT rootpage FROM sqlite_master WHERE rootpage > 0")]
        other.execute("CREATE TABLE stirred (x)")  # so that nobody trusts what they have read before
        other.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    for page in pages:
        _overwritten(bot.store, (page - 1) * 4096, 4096)
    for _ in range(3):
        assert "nothing was done" in await bot.mb(bot.give("security"))
    assert "it is damaged" in await bot.ready(503)
    assert bot.logged("the store fails") == 3


async def test_a_signal_stops_it_and_a_second_one_at_once(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        # A request whose body never comes holds up the peaceful end.
        _, writer = await asyncio.open_connection("127.0.0.1", bot.port)
        writer.write(b"POST /mattermost/command HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\ntoken=")
        await writer.drain()
        await bot.get("/healthz")
        bot.process.send_signal(signal.SIGINT)
        await bot.until_logged("mmbot stops")
        bot.process.send_signal(signal.SIGTERM)
        assert await bot.ends(1.5) == 1
        await bot.until_logged("mmbot leaves at once")
        writer.close()


async def test_readiness_says_stopping_from_the_signal_on_while_what_is_being_posted_may_end(tmp_path: Path) -> None:
    async with running(tmp_path) as bot:
        go = bot.server.hold("POST", r"^/posts\{.*`qa`")
        await bot.ada.say(await bot.ada.dm(bot.bot), bot.give("qa"))
        await until(lambda: _begun(bot), 10)
        bot.process.send_signal(signal.SIGTERM)
        await bot.until_logged("mmbot stops")
        assert await bot.get("/readyz") == (503, "stopping")
        go.set()
        assert await bot.ends(6) == 0
        assert bot.logged("mmbot has stopped") == 1


async def _begun(bot: Running) -> bool:
    """Whether a post is on its way that the server has not answered."""
    return bool(bot.rows("SELECT 1 FROM outbox WHERE state = 'pending' AND error = 'being posted'"))


def _overwritten(path: Path, at: int, length: int) -> None:
    with path.open("r+b") as file:
        file.seek(at)
        file.write(b"\xa5" * length)


DAMAGE = {
    "the header": lambda path: _overwritten(path, 0, 64),
    "a page": lambda path: _overwritten(path, 3 * 4096, 4096),
    "the end cut off": lambda path: os.truncate(path, path.stat().st_size - 5 * 4096),
}


@pytest.mark.parametrize("damage", DAMAGE)
def test_a_damaged_store_is_not_opened_and_not_touched(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "mmbot.db"
    Store(path, policy.load()).close()
    DAMAGE[damage](path)
    before = path.read_bytes()
    with pytest.raises(StoreUnusable) as refusal:
        Store(path, policy.load())
    assert re.match(
        rf"{path} cannot be opened: it is damaged.*\. Keep that file, and put a backup in its place: `mmbot restore FILE`\.$",
        str(refusal.value),
    )
    with pytest.raises(StoreUnusable):
        Store(path, policy.load())  # and no lock is left held
    assert path.read_bytes() == before


@pytest.mark.parametrize(
    ("path", "status", "key"),
    [
        ("/mattermost/command", 200, "text"), ("/mattermost/action", 200, "ephemeral_text"), ("/mattermost/dialog", 200, "error"),
        ("/github", 503, "error"),
    ],
)  # fmt: skip
def test_a_failing_store_is_said_where_the_server_shows_it(path: str, status: int, key: str) -> None:
    answer = web._sorry(path)  # noqa: SLF001 -- a store fails elsewhere for real
    assert answer.status == status
    assert json.loads(answer.text or "")[key] == replies.store_fails()
