"""A floor on which plugins are cut, listed and taken down by a bot that is killed, and what must be true when it is over."""

import asyncio
import contextlib
import copy
import hashlib
import json
import os
import re
import shutil
import sqlite3
import subprocess
import tempfile
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from crash.play import PEOPLE, Play, Zygote, play, zygote
from fake_github import TOKEN, FakeGitHub
from s3_server import OPTIONS, s3_server
from workshop import BUILD, NAME, PASSPHRASE, PLUGIN, Shop, merged, sources, workshop

from mmbot.release import signing

EVERYBODY = {**PEOPLE, "tom": "qa", "rosa": "release", "kim": "release"}
FILES = [f"{NAME}-v1.0.0{x}.tar.gz" for x in ("", "-darwin-amd64", "-linux-amd64", "-osx-amd64", "-windows-amd64")]
FORK = f"mattermost/{NAME}"
MARKETPLACE = "mattermost/marketplace"
PHASES: Mapping[str, tuple[str, str]] = {
    "cut": ("rosa", "cutplugin MB-1"),
    "list": ("rosa", "list MB-1"),
    "takedown": ("rosa", "confirm {case}"),
}
"""What is asked for in each phase, and by whom; the phases follow one another."""
REMOVED = re.compile(
    r"I have changed the listing's file; it shows once that is published\..*(?=\", \[)"
    r"|The listing's file (is so already|does not have it, or not any more)\."
)
SECRETS = (PASSPHRASE, TOKEN, OPTIONS["aws_secret_access_key"])
SERVERS = r"zygote\.py| serve s3 |git-http-backend|upload-pack"
HELPER = "sleep 97531"
"""What a build leaves running in the background."""


def build_script(folder: Path) -> str:
    """The script of the build, which says that it has begun, and stops in the middle while a file is there."""
    middle = f"{HELPER} &\n: > {folder}/building\nwhile [ -e {folder}/hold ]; do sleep 0.05; done\n"
    return BUILD.replace("echo 'window", f"{middle}echo 'window")


class Door:
    """Passes on what goes to a server, with a step before and after each piece. A piece at whose step the bot is killed arrives in half."""

    def __init__(self, address: str) -> None:
        self.host, _, port = address.removeprefix("http://").partition(":")
        self.port, self.step, self.shut = int(port), _nothing, False

    async def serve(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        """One connection."""
        if self.shut:
            near.transport.abort()
            return
        back, far = await asyncio.open_connection(self.host, self.port)
        ways = [asyncio.create_task(self._pass(reader, far)), asyncio.create_task(self._pass(back, near))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            for end in (near, far):
                end.close()
                with contextlib.suppress(OSError):
                    await end.wait_closed()

    async def _pass(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while (data := await reader.read(2**16)) and not self.shut:
                half = self.step()
                writer.write(data[: len(data) // 2] if half else data)
                await writer.drain()
                if half:
                    return
                self.step()


def _nothing() -> bool:
    return False


@dataclass
class Saved:
    """Everything as it was before a phase."""

    content: dict[str, Any]
    asked: list[str]
    refs: Mapping[str, Mapping[str, str]]
    github: tuple[list[Any], list[Any]]


@dataclass
class Floor:
    """The bot, with its workshop. `seen` are the signatures that were there when the bot was killed."""

    it: Play
    shop: Shop
    door: Door | None
    folder: Path
    serving: contextlib.ExitStack
    commit: str = ""
    case: str = ""
    kills: int = 0
    seen: dict[str, bytes] = field(default_factory=dict)
    saved: dict[str, Saved] = field(default_factory=dict)

    @property
    def github(self) -> FakeGitHub:
        """GitHub."""
        return self.shop.github

    @property
    def proposes(self) -> bool:
        """Whether the listing is changed by pull requests."""
        return self.door is None

    @property
    def work(self) -> Path:
        """The folder of what is being cut."""
        return self.it.store.parent / "cuts"

    # Before it begins

    async def prepare(self) -> None:
        """From the submission to the takedown, undisturbed; everything is saved before each phase."""
        it, git = self.it, self.github.git
        upstream, fork = git.repository("example/remind"), git.repository(FORK)
        built = sources() if self.proposes else sources(**{"build.sh": build_script(self.folder)})
        upstream.tag("v1.0.0", upstream.commit(built))
        if self.proposes:
            git.repository(MARKETPLACE).commit({"plugins.json": "[]\n"}, on="refs/heads/production")
            self.github.on_tag = self._ci(_made(built, self.folder / "ci"))
        await it.first_start()
        await self._told("sue", f"submit {git.url('example/remind')} v1.0.0")
        await self._told("olive", "request MB-1")
        await self._told("olive", f"edit MB-1 fork {git.url(FORK)}")
        for who, role in (("pam", "product"), ("dana", "dev"), ("sam", "security"), ("quinn", "qa")):
            await self._told(who, f"approve MB-1 {role} --all")
        self.commit = merged(upstream, fork)
        await self._told("olive", f"done MB-1 merged {git.url(FORK)}/commit/{self.commit}")
        await self.save("cut")
        await self.ask("cut")
        await self.settle()
        self.check_cut()
        await self.save("list")
        await self.ask("list")
        await self.settle()
        self.check_listing(1)
        if self.proposes:
            self.github.merge(self.github.pulls[0])
        for who in ("dana", "tom"):
            await self._told(who, "approve MB-1 --listing")
        await self._told("olive", "done MB-1 listed")
        await self._told("sam", "file MB-1 critical it sends every message to a stranger")
        self.case = next(x for y in it.posts() for x in re.findall(r"SEC-\d+", y["message"]))
        await self._told("sam", f"takedown {self.case} plugin it must go at once")
        await self.save("takedown")

    def _ci(self, bundle: bytes) -> Any:  # noqa: ANN401 - what a fake GitHub takes
        async def ci(repository: str, tag: str, _commit: str) -> None:
            self.github.attach(self.github.release(repository, tag), "remind.tar.gz", bundle)

        return ci

    async def _told(self, who: str, text: str) -> None:
        await self.it.say(who, text)
        await self.settle()

    async def save(self, name: str) -> None:
        """Keep everything as it is, under a name; the bot is ended by that."""
        await self.end()
        server = self.it.server
        content = {x: copy.deepcopy(getattr(server, x)) for x in ("channels", "channel_members")}
        content["all"] = copy.deepcopy(server.content.all)
        kept = copy.deepcopy((self.github.releases, self.github.pulls))
        self.saved[name] = Saved(content, list(self.it.asked), self._refs(), kept)
        for place in self._places():
            shutil.copytree(place, self.folder / "saved" / name / place.name, ignore=shutil.ignore_patterns("*.sock*"))
        await self.it.start()

    def _places(self) -> list[Path]:
        return [self.it.store.parent, self.shop.folder / "buckets", self.shop.folder / "listing"]

    def _refs(self) -> dict[str, Mapping[str, str]]:
        return {x: self.github.repository(x).refs() for x in (FORK, *([MARKETPLACE] if self.proposes else []))}

    async def restore(self, name: str) -> None:
        """Let everything be as it was then; the bot does not run."""
        await self.end()
        saved, server = self.saved[name], self.it.server
        server.hub.drop(forget=True)
        for what in ("channels", "channel_members"):
            setattr(server, what, copy.deepcopy(saved.content[what]))
        server.content.all = copy.deepcopy(saved.content["all"])
        server.content.pending.clear()
        self.it.asked[:] = saved.asked
        self.github.releases[:], self.github.pulls[:] = copy.deepcopy(saved.github)
        for repository, refs in self._refs().items():
            for ref in refs.keys() - saved.refs[repository].keys():
                self.github.repository(repository).git("update-ref", "-d", ref)
            for ref, commit in saved.refs[repository].items():
                self.github.repository(repository).ref(ref, commit)
        for place in self._places():
            for inner in place.iterdir():
                shutil.rmtree(inner) if inner.is_dir() else inner.unlink()
            shutil.copytree(self.folder / "saved" / name / place.name, place, dirs_exist_ok=True)
        if self.door:  # a new server: the one before remembers what it saw
            self.serving.close()
            options = self.serving.enter_context(s3_server(self.shop.folder / "buckets"))
            self.door.port = int(options["aws_endpoint"].rpartition(":")[2])
        shutil.rmtree(self.folder / "tmp")
        (self.folder / "tmp").mkdir()
        self.seen.clear()

    # While it runs

    async def ask(self, name: str) -> None:
        """Somebody asks for what a phase is about."""
        who, text = PHASES[name]
        await self.it.say(who, text.format(case=self.case))

    def steps(self, step: Callable[[], bool]) -> None:
        """Have this called around everything that the bot does elsewhere; what it gives is whether it has killed the bot."""
        self.it.server.step = self.github.step = step
        if self.door:
            self.door.step = step

    async def end(self) -> int:
        """Kill the bot, if it runs; gives how many steps it made."""
        if self.it.bot._ended is None:  # noqa: SLF001 - ours
            return 0
        self.it.bot.kill()
        return (await self.it.bot.ended())[1]

    def kill(self) -> None:
        """Kill the bot."""
        self.kills += 1
        self.it.bot.kill()

    async def settle(self, seconds: float = 90, *, until: Callable[[], bool] | None = None) -> None:
        """Wait until everything is done, or something else is true, and start the bot anew whenever it has ended."""
        try:
            async with asyncio.timeout(seconds):
                while not (until or self.it.settled)():
                    if not self.it.bot.running:
                        await self.it.bot.ended()
                        self.look()
                        self.it.server.forget_pending()
                        await self.it.start()
                    await asyncio.sleep(0.015)
        except TimeoutError:
            left = self.it.rows("SELECT id, kind, subject, error, body FROM outbox WHERE state = 'pending'")
            raise AssertionError(f"not settled: {left}\n{self.it.log.read_text()[-3000:]}") from None

    def look(self) -> None:
        """Note which signatures a killed bot has left, where they lie at the end or will be taken from: no other may take their place.

        No secret is left in any file.
        """
        for place in (self.it.store.parent, self.folder / "tmp"):
            for file in place.rglob("*"):
                if file.name != "config.toml" and file.is_file():
                    content = file.read_bytes()
                    assert not [x for x in SECRETS if x.encode() in content], file
        for place in (self.shop.bucket, *self.work.glob("*/*/out")):
            for file in place.glob("*.sig") if place.is_dir() else ():
                self.seen.setdefault(file.name, file.read_bytes())

    async def played(self, name: str, moment: int = 0, call: int = 0) -> tuple[Mapping[str, Any], int, int]:
        """What came of a phase with a kill at one moment of the bot's or one around a call; and how many of both there were."""
        await self.restore(name)
        calls = 0

        def step() -> bool:
            nonlocal calls
            calls += 1
            if calls == call:
                self.kill()
            return calls == call

        self.steps(step)
        await self.it.start(moment)
        self.kills += bool(moment)
        await self.ask(name)
        await self.settle()
        self.steps(_nothing)
        outcome = self.outcome()
        moments = await self.end()
        return outcome, moments, calls

    def change(self, sql: str) -> None:
        """Change the bot's store, while the bot does not run."""
        with contextlib.closing(sqlite3.connect(self.it.store)) as connection, connection:
            connection.execute(sql)

    # When it is over

    def outcome(self) -> Mapping[str, Any]:
        """All facts and posts without what differs from one time to the next, and all that was made elsewhere."""
        parked = self.it.rows("SELECT subject, error FROM outbox WHERE state <> 'sent'")
        if parked:
            raise AssertionError(f"{parked}\n{self.it.log.read_text()[-3000:]}")
        self.it.check()
        whole = self.it.outcome()
        when = re.compile(r"\d\d? [A-Z][a-z]{2} \d{4},? \d\d:\d\d")
        steps = [json.loads(x[0]) for x in self.it.rows("SELECT data FROM cut_fact ORDER BY cut, id")]
        return {
            "facts": whole["facts"],
            # Killed between the file's removal of an entry and the note of that, it finds that nothing is left to be removed, and says so.
            "posts": [REMOVED.sub("<removed>", when.sub("<when>", x)) for x in whole["posts"]],
            "cut": [(x["kind"], x.get("step"), x.get("commit"), x.get("why")) for x in steps],
            "bucket": self.shop.files(),
            "refs": self._names(),
            "pulls": [(x.title, x.body, x.head, x.base, sorted(x.labels), x.state) for x in self.github.pulls],
            "assets": [sorted(y.name for y in x.assets) for x in self.github.releases],
            "listed": [x["manifest"]["version"] for x in self.listed()],
        }

    def _names(self) -> Mapping[str, Any]:
        return {x: sorted(refs) for x, refs in self._refs().items()}

    def listed(self) -> list[dict[str, Any]]:
        """The entries of the listing, of the last pull request where it is changed by those. Fails on half a file."""
        text = self.shop.listing.read_text()
        if self.proposes:
            at = self.github.pulls[-1].head if self.github.pulls else "production"
            text = self.github.repository(MARKETPLACE).git("show", f"{at}:plugins.json") + "\n"
        assert text.endswith("]\n")
        return list(json.loads(text))

    def check_cut(self) -> None:
        """The tag is at its commit, and each artifact there once, with the bytes that were announced, in the bucket and the release."""
        refs = self.github.repository(FORK).refs()
        assert {x: y for x, y in refs.items() if x.startswith("refs/tags/")} == {"refs/tags/v1.0.0": self.commit}
        missing = {*FILES, *(f"{x}.sig" for x in FILES)} ^ set(self.shop.files())
        assert not missing, f"{missing}; {[x['message'] for x in self.it.posts()][-3:]}"
        uploaded = [json.loads(x[0]) for x in self.it.rows("SELECT data FROM cut_fact WHERE kind = 'went'")]
        *_, told = [x["artifacts"] for x in uploaded if x["step"] == "upload"]  # a retry may upload once more
        for artifact in told:
            assert _sum(self.shop.bucket / artifact["name"]) == artifact["sha256"]
            assert _sum(self.shop.bucket / f"{artifact['name']}.sig") == artifact["signed"]
        for name, content in self.seen.items():
            assert (self.shop.bucket / name).read_bytes() == content, f"{name} was signed twice"
        if self.proposes:
            (release,) = self.github.releases
            assert sorted(x.name for x in release.assets) == sorted(["remind.tar.gz", *(f"{x}.sig" for x in FILES)])
            for asset in release.assets[1:]:
                assert asset.content == (self.shop.bucket / asset.name).read_bytes()
        messages = [x["message"] for x in self.it.posts()]
        assert len([x for x in messages if "is cut** from" in x]) == 1
        assert len([x for x in messages if x.startswith("**Cut ")]) == 1
        steps = [json.loads(x[0]) for x in self.it.rows("SELECT data FROM fact ORDER BY id")]
        assert len([x for x in steps if x["kind"] == "step" and x["step"] == "cut"]) == 1, {x["kind"] for x in steps}

    async def check_signatures(self) -> None:
        """Every signature is good."""
        key = self.shop.key
        files = [self.shop.bucket / x for x in FILES]
        await signing.verify(files, key.public_key, key.fingerprint, self.folder / "tmp")

    def check_listing(self, pulls: int) -> None:
        """There is one entry, whole, and one pull request for it."""
        (entry,) = self.listed()
        assert (entry["manifest"]["id"], entry["manifest"]["version"]) == (PLUGIN, "1.0.0")
        assert set(entry["platforms"]) == {"linux-amd64", "darwin-amd64", "windows-amd64"}
        if self.proposes:
            assert len(self.github.pulls) == pulls
            assert sorted(self.github.pulls[0].labels) == ["2: Dev Review", "3: QA Review"]
        else:
            assert sorted(x.name for x in self.shop.listing.parent.iterdir()) == ["plugins.json"]

    async def check_left(self) -> None:
        """After another start nothing is left: no process, no file of a cut, nothing temporary; and no error was logged."""
        await self.end()
        await self.check_processes()
        await self.it.first_start()
        await self.settle()
        place = self.it.store.parent
        left = {x.name for x in place.iterdir()} - {"config.toml", "policy.toml", "log"}
        assert {x for x in left if not x.startswith("mmbot.db")} <= {"backups", "cuts", "work"}, left
        assert not self.work.is_dir() or {x.name for x in self.work.iterdir()} <= {"moved"}  # what is known of tags
        assert not (place / "work").is_dir() or [x.name for x in (place / "work").iterdir()] == []
        assert [x.name for x in (self.folder / "tmp").iterdir()] == []
        await self.end()
        self.check_log()

    def check_log(self) -> None:
        """Nothing was logged as an error."""
        assert not re.search(r"\[(error|critical) *\]|Traceback", log := self.it.log.read_text()), log[-4000:]

    async def check_processes(self) -> None:
        """Nothing that the bot started goes on; what it was doing when it was killed may take a moment to end."""
        for _ in range(100):
            if not (left := self.processes()):
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"still there: {left}")

    def processes(self) -> list[str]:
        """The processes that work on this floor, but for its servers."""
        found = []
        for entry in Path("/proc").glob("[0-9]*"):
            with contextlib.suppress(OSError):
                command = (entry / "cmdline").read_bytes().replace(b"\0", b" ").decode(errors="replace")
                about = [command, str((entry / "cwd").readlink())]
                ours = any(f"{self.folder}/" in x or HELPER in x for x in about)
                if ours and int(entry.name) != os.getpid() and not re.search(SERVERS, command):
                    found.append(command)
        return found


def differing(one: Mapping[str, Any], other: Mapping[str, Any]) -> list[object]:
    """What is in one outcome and not in another."""
    found: list[object] = []
    for key in other:
        if one[key] != other[key]:
            found += [(key, "now", x) for x in one[key] if x not in other[key]]
            found += [(key, "else", x) for x in other[key] if x not in one[key]]
            found = found or [(key, one[key], other[key])]
    return found


def _made(files: Mapping[str, str | bytes], place: Path) -> bytes:
    """What CI makes of a source: here, the same script."""
    place.mkdir()
    for name, content in files.items():
        (place / name).write_text(str(content))
    subprocess.run(["/bin/sh", "build.sh"], cwd=place, check=True, env={"SOURCE_DATE_EPOCH": "1", "PATH": os.defpath})
    return (place / "dist" / "plugin.tar.gz").read_bytes()


def _sum(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()


def _toml(shop: Shop, endpoint: str) -> str:
    """The configuration of a workshop."""
    given = shop.sections
    options = {key: value.get_secret_value() for key, value in given["storage"].options.items()}
    options |= {"aws_endpoint": endpoint} if endpoint else {}
    place = {x: given["listing"].__dict__[x] for x in ("file", "repository") if given["listing"].__dict__[x]}
    sections: dict[str, dict[str, Any]] = {
        "github": {"api": given["github"].api, "web": given["github"].web, "token": given["github"].token.get_secret_value()},
        "release": {"organisation": "mattermost", "obtain": given["release"].obtain, "build": ["sh", "build.sh"]},
        "signing": {
            "home": str(shop.key.home), "fingerprint": shop.key.fingerprint, "public_key": str(shop.key.public_key),
            "passphrase": shop.key.passphrase,
        },
        "storage": {"url": given["storage"].url, "public_url": given["storage"].public_url},
        "storage.options": options,
        "listing": {key: str(value) for key, value in place.items()},
    }  # fmt: skip
    return "\n".join(
        line
        for name, rows in sections.items()
        for line in (f"[{name}]", *(f"{x} = {json.dumps(y)}" for x, y in rows.items()))
    )


@contextlib.asynccontextmanager
async def floor(*, built: bool) -> AsyncIterator[Floor]:
    """A floor: bundles are built here and go to a bucket and a file; or they come from CI, and go to a folder and a pull request."""
    async with contextlib.AsyncExitStack() as exits:
        # gpg-agent's socket has 108 characters for its path
        temporary = tempfile.TemporaryDirectory(prefix="cut-", dir="/tmp", ignore_cleanup_errors=True)
        folder = Path(exits.enter_context(temporary))
        (folder / "tmp").mkdir()
        shop = await exits.enter_async_context(
            workshop(folder / "shop", obtain="build" if built else "github", s3=built, proposes=not built)
        )
        door, endpoint = None, ""
        if built:
            door = Door(shop.sections["storage"].options["aws_endpoint"].get_secret_value())
            server = await exits.enter_async_context(await asyncio.start_server(door.serve, "127.0.0.1", 0))
            endpoint = "http://{}:{}".format(*server.sockets[0].getsockname()[:2])
        bot: Zygote = await exits.enter_async_context(zygote(folder / "tmp"))
        team = await exits.enter_async_context(
            play(shop.github.git, bot, folder / "bot", EVERYBODY, _toml(shop, endpoint))
        )
        team.place = f"{folder}/"
        made = Floor(team, shop, door, folder, exits.enter_context(contextlib.ExitStack()))
        await made.prepare()
        try:
            yield made
        finally:
            await made.end()
