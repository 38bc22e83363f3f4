"""What is fuzzed: a whole bot behind its real doors, a small Mattermost server that it asks, a wall that it posts on."""

import asyncio
import contextlib
import hashlib
import json
import random
import re
from collections.abc import AsyncIterator, Iterator, Mapping, MutableMapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import structlog
from aiohttp import web
from pydantic import SecretStr
from structlog.testing import LogCapture

from mmbot import policy
from mmbot.app import App
from mmbot.domain.artifacts import Artifact
from mmbot.domain.book import DEFAULT_OWNER
from mmbot.domain.cut_facts import CUT_STEPS, CutStep, StepWent
from mmbot.domain.manifest import BadManifest
from mmbot.domain.ticket import fold
from mmbot.domain.turns import history
from mmbot.events import CutStepped, EntryMade, Event, PeopleNamed, Person, ReferenceResolved, RemovalMade, Where
from mmbot.github.manifest import parse_manifest
from mmbot.mattermost import render
from mmbot.mattermost.rest import Rest
from mmbot.messages import Message
from mmbot.outbox import Outbox
from mmbot.reception import Reception
from mmbot.store.database import Store
from mmbot.store.tx import Cutting, Settings
from mmbot.web import doors, serve

from .words import NASTY

MARKET = "m" * 26
BOT = "b" * 26
SLASH, HOOK = "the-slash-token", "the-webhook-secret"
ROLES = {
    "admin": ("ada",), "owner": ("olive",), DEFAULT_OWNER: ("olive",), "product": ("pam",), "dev": ("dana",),
    "release": ("rosa",), "security": ("sam",), "qa": ("quinn", "tom"),
}  # fmt: skip
NAMES = ("sue", "otto", "ada", "olive", "pam", "dana", "rosa", "sam", "quinn", "tom", "zoe", "robot")
REPOSITORIES = tuple(
    f"https://git.example/{x}" for x in ("a/remind", "b/remind", "c/badges", "d/tea", "e/poll", "f/map")
)
CUTTING = Cutting(organisation="mattermost", own=frozenset({"jira"}), source="github", lacks=(), listing="file")
LONGEST = 16_383
SENDABLE = tuple(x.encode(errors="replace").decode() for x in NASTY)
"""What git tells, where it is not UTF-8, is replaced."""


def user_id(name: str) -> str:
    """A person's id on the small server."""
    return hashlib.sha256(name.encode()).hexdigest()[:26]


@dataclass
class Wall:
    """Where posts go: each is made as a server would get it, and its buttons can be pressed."""

    secret: bytes
    now: "Clock"
    posts: dict[str, tuple[int, list[dict[str, Any]]]] = field(default_factory=dict)
    count: int = 0

    async def direct(self, person: str) -> str:
        return hashlib.sha256(person.encode()).hexdigest()[:26]

    async def post(self, channel: str, root: str, message: Message, row: int, key: str) -> tuple[str, str]:  # noqa: ARG002 -- a Voice's
        self.count += 1
        post = f"p{self.count:025}"
        await self.edit(channel, message, post, row, key)
        return MARKET if channel == "market" else channel, post

    async def newest(self, channel: str) -> tuple[str, str]:
        return channel, ""

    async def find(self, channel: str, key: str, anchor: str) -> tuple[str, str] | None:  # noqa: ARG002 -- a Voice's
        return None

    async def edit(self, channel: str, message: Message, post: str, row: int, key: str) -> None:  # noqa: ARG002 -- a Voice's
        render.text(message.text, "mb").encode()
        assert len(render.text(message.text, "mb")) <= LONGEST
        props = render.props(message, row, key, self.secret, "http://bot", self.now())
        assert render.weight(props) <= render.PROPS_BUDGET
        actions = [x for attachment in props["attachments"] for x in attachment["actions"]]
        self.posts[post] = (row, [x["integration"]["context"] for x in actions])


@dataclass
class Clock:
    """Milliseconds UTC; somebody else moves it."""

    at: int = 1_794_218_400_000

    def __call__(self) -> int:
        return self.at


@dataclass
class Target:
    """The bot, what it said, and the pools from which requests are drawn."""

    app: App
    reception: Reception
    outbox: Outbox
    wall: Wall
    clock: Clock
    url: str
    session: aiohttp.ClientSession
    dialogs: list[dict[str, Any]]
    logs: list[MutableMapping[str, Any]]

    async def settle(self) -> None:
        """Everything that is due is sent, every reference is looked up."""
        await self.outbox.drain()

    def errors(self) -> list[MutableMapping[str, Any]]:
        """What was logged as an error since the last time."""
        found = [x for x in self.logs if x["log_level"] in {"error", "critical"}]
        self.logs.clear()
        return found

    def changes(self) -> int:
        """A number that grows with every row that is written."""
        return self.app.store.connection.total_changes

    def counted(self) -> tuple[int, ...]:
        """How many facts, events and posts there are."""
        return tuple(
            int(self.app.store.query(f"SELECT count(*) AS n FROM {x}")[0]["n"])  # noqa: S608 -- our own names
            for x in ("fact", "book", "seen", "outbox")
        )

    def wrong(self) -> Iterator[str]:
        """What does not hold of the store."""
        store = self.app.store
        if rows := store.query("PRAGMA foreign_key_check"):
            yield f"foreign keys: {rows}"
        if (found := store.query("PRAGMA integrity_check")) != [{"integrity_check": "ok"}]:
            yield f"integrity: {found}"
        if rows := store.query("SELECT kind, subject, error FROM outbox WHERE state = 'parked'"):
            yield f"parked: {rows[:3]}"
        if rows := store.query("SELECT kind, subject, error FROM outbox WHERE state = 'pending' AND error <> ''"):
            yield f"stuck: {rows[:3]}"
        yield from self._not_what_the_facts_say()

    def _not_what_the_facts_say(self) -> Iterator[str]:
        store = self.app.store
        turned = {
            (x["ticket"], x["party"]): (x["why"], x["since"], x["due"]) for x in store.query("SELECT * FROM turn")
        }
        expected: dict[tuple[int, str], tuple[str, int, int]] = {}
        for row in store.query("SELECT * FROM ticket ORDER BY number"):
            number, facts = row["number"], store.facts(row["number"])
            ticket, turns = history(number, store.policy, facts)
            if not store.ticket(number) == fold(number, store.policy, facts) == ticket.stored():
                yield f"MB-{number} is not what its facts say"
            if row["open"] != (not ticket.ended) or (row["owner"], row["submitter"]) != (
                ticket.owner,
                ticket.submitter,
            ):
                yield f"MB-{number} is searched as {row}"
            expected |= {(number, x.party): (x.why, x.since, x.due) for x in turns.values()}
            for part, person in ticket.parts if not ticket.ended else ():
                allowed = {"owner", "admin", DEFAULT_OWNER} if part == "owner" else {part}
                if not allowed & store.roles_of(person):
                    yield f"MB-{number}: {person} has {part} without the role"
        if turned != expected:
            yield f"turns: {turned.items() ^ expected.items()}"


def _step(dice: random.Random) -> Any:  # noqa: ANN401 -- a Step
    """A lookup of references in repositories whose manifests say anything."""

    async def resolve(arguments: Mapping[str, object], _tries: int) -> ReferenceResolved:
        asked: dict[str, Any] = {
            x: str(arguments.get(x, "")) for x in ("text", "repository", "purpose", "since", "since_version")
        }
        asked |= {"ticket": int(str(arguments["ticket"])), "asked_at": int(str(arguments.get("asked_at", 0)))}
        if dice.random() < 0.15:
            return ReferenceResolved(**asked, why=f"I can't read {dice.choice(SENDABLE)}")
        plain = dice.random() < 0.7
        name = re.sub(r"\W", "", asked["repository"].rpartition("/")[2])
        manifest = {
            "id": f"com.example.{name}" if plain else dice.choice(NASTY), "name": name if plain else "".join(dice.choices(NASTY, k=4)),
            "version": f"1.{dice.randrange(5)}.0" if plain else dice.choice(NASTY),
            **{x: dice.choice(NASTY) for x in ("homepage_url", "support_url", "release_notes_url")},
        }  # fmt: skip
        problem = ""
        try:
            read = vars(parse_manifest(as_json(manifest)))
        except BadManifest as bad:
            read, problem = None, str(bad)
        return ReferenceResolved(
            **asked, ref_kind=dice.choice(("tag", "branch", "pull", "commit", "default")), ref_name=dice.choice(("v1.0.0", *SENDABLE)),
            commit=dice.choice("0123456789abcdef") * 40, tree=dice.choice(("", "a" * 40, "b" * 40)),
            manifest=read, manifest_problem=problem, evidence={"license": dice.choice(SENDABLE)}, reachable=plain,
            version_only=bool(asked["since"]) and plain,
            files=tuple(dice.choices(SENDABLE, k=3)), diff="".join(dice.choices(SENDABLE, k=9)),
        )  # fmt: skip

    return resolve


def _cut(dice: random.Random, name: CutStep) -> Any:  # noqa: ANN401 -- a Step
    """A step of a cut that finds, or complains of, anything."""

    async def done(arguments: Mapping[str, object], _tries: int) -> CutStepped:
        cut, run = int(str(arguments["cut"])), int(str(arguments["run"]))
        made = tuple(Artifact(name=f"x{x}", platform=x, sha256="0" * 64, size=1) for x in ("", *dice.choices(SENDABLE)))
        went = StepWent(
            step=name, commit="c" * 40, plugin_id=dice.choice(SENDABLE), warnings=tuple(dice.choices(SENDABLE, k=2)),
            artifacts=made if name in {"split", "upload"} else (),
        )  # fmt: skip
        return CutStepped(cut=cut, run=run, went=went, why=dice.choice(SENDABLE) if dice.random() < 0.1 else "")

    return done


def _listed(dice: random.Random) -> Any:  # noqa: ANN401 -- a Step
    """A step of the listing, likewise."""

    async def done(arguments: Mapping[str, object], _tries: int) -> EntryMade | RemovalMade:
        said = tuple(dice.choices(SENDABLE, k=dice.randrange(3)))
        if "case" in arguments:
            return RemovalMade(
                case=str(arguments["case"]), why=dice.choice(SENDABLE), written="patch", patch="".join(said[:1])
            )
        return EntryMade(
            cut=int(str(arguments["cut"])), by=str(arguments["by"]), blocks=said if dice.random() < 0.2 else (), warns=said,
            written=dice.choice(("file", "patch", "pull-request", "there")), patch="".join(said), summary=said,
            link=dice.choice(("", "https://git.example/pull/1")),
        )  # fmt: skip

    return done


async def _server(dialogs: list[dict[str, Any]]) -> tuple[web.AppRunner, int]:
    """The calls that the doors make of a Mattermost server."""
    users = {user_id(x): {"id": user_id(x), "username": x, "is_bot": x == "robot"} for x in NAMES}

    async def user(request: web.Request) -> web.Response:
        found = users.get(request.match_info["id"])
        return web.json_response(found or {"id": "api.user.get.not_found"}, status=200 if found else 404)

    async def named(request: web.Request) -> web.Response:
        names = await request.json()
        return web.json_response([x for x in users.values() if x["username"] in names])

    async def opened(request: web.Request) -> web.Response:
        asked = await request.json()
        dialogs.append(asked["dialog"])
        del dialogs[:-50]
        return web.json_response({"status": "OK"})

    app = web.Application()
    app.router.add_get("/api/v4/users/{id}", user)
    app.router.add_post("/api/v4/users/usernames", named)
    app.router.add_post("/api/v4/actions/dialogs/open", opened)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    site = web.TCPSite(runner, "127.0.0.1", 0)
    await site.start()
    return runner, int(runner.addresses[0][1])


@contextlib.asynccontextmanager
async def target(folder: Path, dice: random.Random) -> AsyncIterator[Target]:
    """A bot that listens, with its people in their roles."""
    dialogs: list[dict[str, Any]] = []
    clock = Clock()
    store = Store(folder / "mmbot.db", policy.load())
    app = App(store, Settings(plain_http=frozenset({"git.example"}), cutting=CUTTING), clock)
    people = tuple(Person(user_id(x), x, is_bot=x == "robot") for x in NAMES)
    held = {role: tuple((x, user_id(x)) for x in names) for role, names in ROLES.items()}
    app.handle(Event("people", "", clock(), Where("mmbot"), PeopleNamed(roles=held), people))
    with store.transaction():
        secret = store.secret("mac-key")
    server, port = await _server(dialogs)
    wall = Wall(secret, clock)
    cutting = {f"cut-{x}": _cut(dice, x) for x in CUT_STEPS[:-1]}
    steps = {"resolve": _step(dice), **cutting, "list": _listed(dice), "unlist": _listed(dice)}
    outbox = Outbox(app, wall, steps)
    capture = LogCapture()
    structlog.configure(processors=[structlog.processors.format_exc_info, capture])
    logs = capture.entries
    async with Rest(f"http://127.0.0.1:{port}", "token") as rest, aiohttp.ClientSession() as session:
        reception = Reception(
            app, rest, Person(BOT, "mmbot"), secret, "mb", "http://bot", outbox.wake, most=1_000_000_000
        )
        runner, own = await serve(doors(reception, [SecretStr(SLASH)], lambda: "", [SecretStr(HOOK)]), "127.0.0.1", 0)
        try:
            yield Target(app, reception, outbox, wall, clock, f"http://127.0.0.1:{own}", session, dialogs, logs)
        finally:
            await asyncio.gather(runner.cleanup(), server.cleanup())
    store.close()


def as_json(value: object) -> bytes:
    """A body."""
    return json.dumps(value).encode()
