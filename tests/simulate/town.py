"""The bot's world for a year: its console, what it says and when, and whether a clock made it say so."""

from collections import Counter
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

from mmbot.console import Console
from mmbot.console_world import World
from mmbot.domain.deadlines import Office
from mmbot.events import Person
from mmbot.messages import Message
from mmbot.policy import Policy
from mmbot.store import cases, due
from mmbot.store import outbox as rows
from mmbot.store.database import Store
from mmbot.words.phrases import MB


@dataclass(frozen=True)
class Heard:
    """One new post: when, to whom (a user name, or "~" and a channel), in which thread's ticket; whether a clock said it."""

    at: int
    to: str
    text: str
    by_clock: bool

    def __str__(self) -> str:
        moment = datetime.fromtimestamp(self.at / 1000, UTC)
        return f"{moment:%a %d %b %Y %H:%M:%S} {'clock' if self.by_clock else 'event'} to {self.to}: {self.text[:400]}"


@dataclass
class Ear:
    """A voice that lets the console's world speak, and writes down what is said."""

    world: World
    heard: list[Heard] = field(default_factory=list)
    clocks: set[int] = field(default_factory=set)

    async def direct(self, person: str) -> str:
        return await self.world.direct(person)

    async def newest(self, channel: str) -> tuple[str, str]:
        return await self.world.newest(channel)

    async def find(self, channel: str, key: str, anchor: str) -> tuple[str, str] | None:
        return await self.world.find(channel, key, anchor)

    async def edit(self, channel: str, message: Message, post: str, row: int, key: str) -> None:
        await self.world.edit(channel, message, post, row, key)

    async def post(self, channel: str, root: str, message: Message, row: int, key: str) -> tuple[str, str]:
        to = channel.removeprefix("@") if channel.startswith("@") else f"~{channel}"
        text = message.text.replace(MB, "/mb").replace("\u200b", "")
        self.heard.append(Heard(self.world.now(), to, text, row in self.clocks))
        return await self.world.post(channel, root, message, row, key)


class Town:
    """The bot, its people and its clock."""

    def __init__(self, folder: Path, policy: Policy, start: int, roles: Mapping[str, tuple[str, ...]]) -> None:
        self.store = Store(folder / "mmbot.db", policy)
        self.policy, self.start, self.roles = policy, start, roles
        self.console = Console(self.store, policy, start)
        self.ear = Ear(self.console.world)
        self.console.outbox.voice = self.ear
        self.console.settle(roles)
        self.examined = Counter[str]()
        self.downs: list[tuple[int, int]] = []
        """From when until when the bot was not running."""
        self.down = False
        self.zones: dict[str, list[tuple[int, str]]] = {}
        """Since when the bot knows that a person is in a zone."""
        self.looks: Callable[[], None] = lambda: None
        """Called whenever something may have been said, before the time goes on."""

    @property
    def now(self) -> int:
        return self.console.world.at

    def settle_in(self, name: str, zone: str) -> None:
        """Somebody lives in a time zone from now on; the bot learns it from the next thing that they do."""
        self.console.world.people[name] = Person(f"id-{name}", name, zone)

    def fails(self) -> None:
        """The bot is not running from now on: nobody is answered."""
        self.down = True
        self.downs.append((self.now, 2**62))

    async def starts(self) -> None:
        """The bot is running again, and does what it does at each start."""
        self.down = False
        self.downs[-1] = (self.downs[-1][0], self.now)
        self.console.settle(self.roles)
        cases.look_at_all(self.store, self.now)
        await self.settle()

    def office(self, name: str) -> Office:
        """When a clock may speak to somebody, or in a channel, for all the bot knows."""
        known = self.store.person(f"id-{name}")
        zone = ZoneInfo(known.zone) if known and known.zone else UTC
        return Office(self.policy.hours, zone, self.policy.days.holidays)

    async def says(self, name: str, line: str) -> str:
        """Somebody types a command, by direct message to nobody's annoyance; what they read."""
        if self.down:
            return ""
        lines = await self.console.line(f"@{name}: /mb {line}")
        self._learn()
        answer = "\n".join(x for x in lines if x.startswith(f"mmbot (only @{name})"))
        await self.settle()
        return answer

    async def settle(self) -> None:
        """Look at what is due and send what there is to be sent, now."""
        while self._look():
            pass
        await self.console.outbox.drain()
        self.looks()

    def _learn(self) -> None:
        for row in self.store.query("SELECT name, zone FROM person"):
            heard = self.zones.setdefault(row["name"], [])
            if not heard or heard[-1][1] != row["zone"]:
                heard.append((self.now, row["zone"]))

    def _look(self) -> bool:
        before = self._last_row()
        more = self.console.app.come_due()
        self.ear.clocks |= {*range(before + 1, self._last_row() + 1)}
        return more

    def _last_row(self) -> int:
        return int(self.store.query("SELECT coalesce(max(id), 0) AS n FROM outbox")[0]["n"])

    async def until(self, at: int) -> None:
        """Let the time pass, and everything happen that happens by itself."""
        world = self.console.world
        while not self.down and (moment := self._next()) is not None and moment <= at:
            world.at = max(world.at, moment)
            await self.settle()
        world.at = max(world.at, at)

    def _next(self) -> int | None:
        upcoming = (rows.next_due(self.store, self.now), due.next_due(self.store))
        return min((x for x in upcoming if x is not None), default=None)
