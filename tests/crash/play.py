"""A team on a fake server that fails on purpose, a bot that is killed on purpose, and what must be true when it is over."""

import asyncio
import contextlib
import json
import os
import random
import re
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from importlib import resources
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web
from fake_git import FakeGit
from fake_mattermost import ADMIN, FakeMattermost
from fake_mattermost_ws import Hub
from people import Api, Json, World, bootstrap
from stage import free_port, manifest

ROOT = Path(__file__).parents[2]
PEOPLE = {
    "sue": "",
    "olive": "owner",
    "pam": "product",
    "dana": "dev",
    "sam": "security",
    "quinn": "qa",
    "ada": "admin",
}
CHANGES = {"POST", "PUT", "DELETE"}


class TwiceHub(Hub):
    """Event streams that now and then say of a post twice that it was made."""

    twice = 0.0

    def publish(self, event: str, data: Json | Callable[[str], Json], **scope: str) -> None:
        super().publish(event, data, **scope)
        if event == "posted" and random.random() < self.twice:  # noqa: S311 -- dice
            super().publish(event, data, **scope)


class FaultyMattermost(FakeMattermost):
    """The fake server with faults thrown by dice, and with a step before and after each change that the bot asks for."""

    def __init__(self) -> None:
        super().__init__("9.9.0")
        self.hub = self._hub = TwiceHub(self)
        self.bot = ""
        self.faulty = False
        self.step: Callable[[], object] = lambda: None
        self.suffered: dict[str, int] = {}
        self.in_hand = 0
        self.asked = 0

    def fail(self) -> None:
        """From now on, faults happen."""
        self.faulty, self._hub.twice = True, 0.1

    def forget_pending(self) -> None:
        """Forget which posts were asked for, as a restart does; not while one is being made, which a restart would end."""
        if not self.in_hand:
            self.content.pending.clear()

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        if self.user_of(request) != self.bot or not self.bot:
            return await super()._serve(request)
        self.asked += 1
        if request.method in CHANGES:
            self.step()
        self.in_hand += 1
        try:
            answer = await self._with_faults(request) if self.faulty else await super()._serve(request)
        finally:
            self.in_hand -= 1
        if request.method in CHANGES:
            self.step()
        return answer

    async def _with_faults(self, request: web.Request) -> web.StreamResponse:
        changes = request.method in CHANGES
        what = random.choices(  # noqa: S311 -- dice
            ["", "before", "500", "lost", "500 after", "429", "slow", "cut", "restart"],
            [80, 2, 3, 5, 2, 0.5, 4, 1.5, 0.5] if changes else [97, 0.5, 1, 0, 0, 0.2, 1, 0.2, 0],
        )[0]
        if what:
            self.suffered[what] = self.suffered.get(what, 0) + 1
        if what == "before":
            return self._hang_up(request)
        if what == "500":
            return self._error(500, "fault", "This was asked for.")
        if what == "429":
            return self._error(429, "fault", "This was asked for.", {"Retry-After": "1"})
        if what == "slow":
            await asyncio.sleep(random.uniform(0.02, 0.4))  # noqa: S311 -- dice
        if what == "cut":
            self.drop_connections()
        if what == "restart":
            self.hub.drop(forget=True)
        answer = await super()._serve(request)
        if what == "lost":
            return self._hang_up(request)
        return self._error(500, "fault", "This was asked for.") if what == "500 after" else answer


class Zygote:
    """The process from which bots are forked."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process
        self.pid = 0
        self._ended: asyncio.Task[tuple[int, int]] | None = None

    async def start(self, config: Path, log: Path, fatal: int = 0, place: str = "") -> None:
        """Let a bot start, killed at some writing statement; or, where a folder is given, change of a file in it, or start of a program."""
        assert self._process.stdin
        self._process.stdin.write(f"{config}\t{log}\t{fatal}\t{place}\n".encode())
        self.pid = int(await self._line())
        self._ended = asyncio.create_task(self._end())

    async def _line(self) -> str:
        assert self._process.stdout
        line = await self._process.stdout.readline()
        assert line, "the zygote ended"
        return line.decode()

    async def _end(self) -> tuple[int, int]:
        status, steps = (await self._line()).split()
        self.pid = 0
        return int(status), int(steps)

    def kill(self) -> None:
        """End the bot, if it runs, without a word to it."""
        if self.pid:
            os.kill(self.pid, signal.SIGKILL)

    @property
    def running(self) -> bool:
        """Whether a bot lives."""
        return self.pid != 0

    async def ended(self) -> tuple[int, int]:
        """When the bot has ended: its status, and how many writing statements it began."""
        assert self._ended
        return await self._ended


@contextlib.asynccontextmanager
async def zygote(temporary: Path | None = None) -> AsyncIterator[Zygote]:
    """The process that starts bots, until the block ends, and the folder for what is temporary, if it is not the usual one."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **({"TMPDIR": str(temporary)} if temporary else {})}
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(Path(__file__).with_name("zygote.py")), cwd=ROOT, env=environment,
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    started = Zygote(process)
    try:
        yield started
    finally:
        started.kill()
        assert process.stdin
        process.stdin.close()
        await process.wait()


@dataclass
class Play:
    """One team with its bot."""

    server: FaultyMattermost
    world: World
    git: FakeGit
    bot: Zygote
    me: str
    market: str
    config: Path
    log: Path
    store: Path
    url: str
    speakers: dict[str, Api]
    direct: dict[str, str]
    asked: list[str] = field(default_factory=list)
    place: str = ""
    """The folder in which each change of a file is a step, too, if there is one."""

    async def start(self, fatal: int = 0) -> None:
        """Let the bot run, killed at some writing statement."""
        await self.bot.start(self.config, self.log, fatal, self.place)

    async def first_start(self, fatal: int = 0) -> None:
        """Let the bot run for the first time; what was written before it listens for the first time is not for it."""
        await self.start(fatal)
        async with asyncio.timeout(30), aiohttp.ClientSession() as session:
            while True:
                if not self.bot.running:
                    await self.bot.ended()
                    await self.start()
                with contextlib.suppress(aiohttp.ClientError):
                    async with session.get(f"{self.url}/readyz") as answer:
                        if answer.status == 200:
                            return
                await asyncio.sleep(0.01)

    async def say(self, who: str, text: str, root: str = "") -> None:
        """Somebody writes to the bot: directly, or, mentioning it, in a thread of the channel."""
        words = f"@{self.world.users['mmbot']['username']} {text}" if root else text
        channel = self.market if root else self.direct[who]
        post = await self.speakers[who].call(
            "POST", "/posts", {"channel_id": channel, "message": words, "root_id": root}
        )
        self.asked.append(post["id"])

    def rows(self, sql: str, *values: object) -> list[tuple[Any, ...]]:
        """What stands in the bot's store; nothing before there is one."""
        try:
            with contextlib.closing(sqlite3.connect(f"file:{self.store}?mode=ro", uri=True, timeout=5)) as connection:
                return connection.execute(sql, values).fetchall()
        except sqlite3.OperationalError:
            return []

    def settled(self) -> bool:
        """Whether everything that was asked was taken in, and everything that is to be said was said."""
        marks = ", ".join("?" * len(self.asked))
        seen = self.rows(f"SELECT count(*) FROM seen WHERE event IN ({marks})", *(f"post:{x}" for x in self.asked))  # noqa: S608 -- marks
        return bool(seen) and seen[0][0] == len(self.asked) and self.rows(
            "SELECT count(*) FROM outbox WHERE state = 'pending'"
        ) == [(0,)]  # fmt: skip

    async def settle(self, seconds: float = 150) -> None:
        """Wait for that, and start the bot anew whenever it has ended."""
        try:
            async with asyncio.timeout(seconds):
                while not self.settled():
                    if not self.bot.running:
                        await self.bot.ended()
                        self.server.forget_pending()
                        await self.start()
                    await asyncio.sleep(0.015)
        except TimeoutError:
            left = self.rows("SELECT * FROM outbox WHERE state = 'pending'")
            raise AssertionError(f"not settled: {left}\n{self.log.read_text()[-3000:]}") from None

    def posts(self) -> list[Json]:
        """The bot's posts that stand on the server, oldest first."""
        mine = [x for x in self.server.content.all.values() if x["user_id"] == self.me]
        return [x for x in mine if not x["delete_at"] and not x["original_id"] and not x["type"]]

    def check(self) -> None:
        """Each row that was sent is one post, each post is of one row, in the order of the rows of a place; nothing is parked."""
        rows = self.rows(
            "SELECT id, key, kind, state, error, person, root, thread, subject, post FROM outbox ORDER BY id"
        )
        assert [x for x in rows if x[3] != "sent"] == []
        posts = {x["id"]: x for x in self.posts()}
        keys = [x["props"].get("mmbot") for x in posts.values()]
        assert len(keys) == len(set(keys)), "a post is there twice"
        with_post = {x[9]: x for x in rows if x[9]}
        assert set(with_post) == set(posts), "lost, or said by nobody"
        assert all(posts[x[9]]["props"]["mmbot"] == x[1] for x in with_post.values())
        assert [x for x in rows if not x[9] and x[2] in {"say", "show"}] == []
        last: dict[str, tuple[int, int]] = {}
        for number, _, kind, _, _, person, root, thread, subject, post in rows:
            place = person or root or thread or subject
            if post and kind == "say":
                at = int(posts[post]["create_at"])
                assert last.get(place, (0, 0))[0] < at, f"row {number} came before row {last[place][1]}"
                last[place] = (at, number)

    def plain(self, text: str) -> str:
        """A text without what differs from team to team."""
        for name, user in self.world.users.items():
            text = text.replace(user["id"], f"<{name}>")
        text = text.replace(f"-{self.world.suffix}", "").replace(self.git.host, "git")
        for person, channel in {**self.direct, "market": self.market}.items():
            text = text.replace(channel, f"<{person}>")
        unlinked = re.sub(
            r"\[([^\]]*)\]\([^)]*/pl/[a-z0-9]{26}\)", r"\1", text
        )  # there only where the post was, at that moment
        return unlinked.replace(self.world.suffix, "")

    def outcome(self) -> Mapping[str, list[str]]:
        """All facts, in order, and all posts, without what differs from one time to the next."""
        facts = [json.loads(x[0]) for x in self.rows("SELECT data FROM fact ORDER BY id")]
        told = [{name: value for name, value in x.items() if not re.search(r"(^|_)at$", name)} for x in facts]
        all_posts = self.server.content.all
        posts = [
            [x["channel_id"], all_posts[x["root_id"]]["message"][:12] if x["root_id"] else "", x["message"],
             [[a["name"] for a in y.get("actions", ())] for y in x["props"].get("attachments", ())]]
            for x in self.posts()
        ]  # fmt: skip
        return {
            "facts": [self.plain(json.dumps(x, sort_keys=True)) for x in told],
            "posts": sorted(self.plain(json.dumps(x)) for x in posts),
        }


@contextlib.asynccontextmanager
async def play(
    git: FakeGit, bot: Zygote, folder: Path, people: Mapping[str, str] = PEOPLE, sections: str = ""
) -> AsyncIterator[Play]:
    """A new team on a new server, in a folder of its own. The bot is not started yet. `sections` are more of its configuration."""
    folder.mkdir()  # noqa: ASYNC240 -- nothing else runs yet
    async with contextlib.AsyncExitStack() as exits:
        server = await exits.enter_async_context(FaultyMattermost())
        world = await exits.enter_async_context(bootstrap(server.url, ADMIN, people, ("market",)))
        await world.add_channel("guild", "P")
        made, token = await world.add_bot("mmbot", ["market", "guild"])
        world.users["mmbot"] = {"id": made["user_id"], "username": made["username"]}
        server.bot = made["user_id"]
        speakers, direct = {}, {}
        for name in people:
            speakers[name] = await exits.enter_async_context(Api(server.url))
            await speakers[name].login(world.users[name]["username"], "Correct-horse-7")
            channel = await speakers[name].call("POST", "/channels/direct", [world.users[name]["id"], server.bot])
            direct[name] = channel["id"]
        text = resources.files("mmbot").joinpath("policy.toml").read_text("utf-8")
        (folder / "policy.toml").write_text(text.replace("batch_minutes = 5 ", "batch_minutes = 0.002 "), "utf-8")
        roles: dict[str, list[str]] = {}
        for name, role in people.items():
            roles.setdefault(role, []).append(world.users[name]["username"])
        port = free_port()
        config = folder / "config.toml"
        config.write_text(
            f"""
            default_owner = "{roles["owner"][0]}"
            [mattermost]
            url = "{server.url}"
            team = "{world.team}"
            channel = "market-{world.suffix}"
            security_channel = "guild-{world.suffix}"
            trigger = "mb"
            token = "{token}"
            slash_tokens = ["x"]
            [listen]
            port = {port}
            callback_url = "http://127.0.0.1:{port}"
            [store]
            path = {json.dumps(str(folder / "mmbot.db"))}
            [sources]
            policy = {json.dumps(str(folder / "policy.toml"))}
            plain_http = ["{git.host}"]
            [people]
            {chr(10).join(f"{role} = {json.dumps(names)}" for role, names in roles.items() if role)}
            {sections}
            """,
            "utf-8",
        )
        config.chmod(0o600)
        made_play = Play(
            server, world, git, bot, server.bot, world.channels["market"], config, folder / "log", folder / "mmbot.db",
            f"http://127.0.0.1:{port}", speakers, direct,
        )  # fmt: skip
        try:
            yield made_play
        finally:
            bot.kill()
            if bot.pid or bot._ended:  # noqa: SLF001 -- ours
                await bot.ended()


def repository(git: FakeGit, name: str = "remind") -> None:
    """A plugin that can be handed in."""
    made = git.repository(f"example/{name}")
    made.tag("v1.0.0", made.commit({"plugin.json": manifest(f"com.example.{name}", name.title(), "1.0.0")}))
