"""`python -m simulate [DAYS] [TICKETS] [CASES] [SEED]`: a year of tickets and cases, people who are slow, away or never answer."""

import asyncio
import heapq
import itertools
import random
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

import structlog
from rich.progress import Progress

from mmbot import policy
from mmbot.domain.deadlines import DAY
from simulate import cases, checks, people
from simulate.town import Town

START = round(datetime(2026, 1, 5, 6, tzinfo=UTC).timestamp() * 1000)
HOLIDAYS = (date(2026, 4, 6), date(2026, 12, 25), date(2026, 5, 1), date(2027, 1, 1))
SUBMITTERS = 40
MINUTE, MONTH = 60_000, 30


@dataclass
class Year:
    """The order of things: who does something when."""

    town: Town
    dice: random.Random
    agenda: list[tuple[int, int, Callable[[], Awaitable[None]]]] = field(default_factory=list)
    ways: dict[str, people.Ways] = field(default_factory=dict)
    _count: Iterator[int] = field(default_factory=itertools.count)

    def plan(self, at: int, what: Callable[[], Awaitable[None]]) -> None:
        heapq.heappush(self.agenda, (at, next(self._count), what))

    def settle_in(self) -> None:
        """Everybody of the town with their zone and ways, and their first look."""
        staff = sorted({x for names in people.ROLES.values() for x in names})
        for name in [*staff, *(f"author{n}" for n in range(SUBMITTERS))]:
            self.town.settle_in(name, self.dice.choice(people.ZONES))
            self.ways[name] = people.ways(self.dice)
            self._plan_look(name)
        for name in people.ROLES["security"]:
            self.ways[name] = people.STEADY

    def _plan_look(self, name: str) -> None:
        how = self.ways[name]
        at = people.next_look(self.town, name, how, self.dice)
        if at is None:
            return

        async def looks() -> None:
            await people.look(self.town, name, how, self.dice)
            await cases.look(self.town, name, how, self.dice)
            if "owner" in self.town.store.roles_of(f"id-{name}") and self.dice.random() < 0.3:
                await people.now_and_then(self.town, name, self.dice)
            if self.dice.random() < 0.01:
                back = datetime.fromtimestamp(self.town.now / 1000, UTC).date().toordinal() + self.dice.randrange(3, 20)
                await self.town.says(name, f"away {date.fromordinal(back)}")
            self._plan_look(name)

        self.plan(at, looks)

    def plan_tickets(self, count: int, days: int) -> None:
        """Submissions, spread over the time."""
        for n in range(count):
            url, commit = f"https://github.com/example/mattermost-plugin-thing{n}", f"{n + 1:07x}"
            author = f"author{self.dice.randrange(SUBMITTERS)}"

            async def submits(url: str = url, commit: str = commit, author: str = author, n: int = n) -> None:
                if self.town.down:  # nobody answers: they come back on another day
                    self.plan(self.town.now + DAY, submits)
                    return
                await self.town.console.line(f":repo {url} v1.0.0 {commit} com.example.thing{n} Thing{n} 1.0.0")
                await self.town.says(author, f"submit {url} v1.0.0")

            self.plan(START + round(self.dice.random() * days * 0.9 * DAY), submits)

    def plan_downs(self, days: int) -> None:
        """Times without the bot: minutes mostly, now and then days, once a week."""
        lengths = [*(round(self.dice.expovariate(1 / (40 * MINUTE))) + MINUTE for _ in range(days // 12))]
        lengths += [round(self.dice.uniform(0.3, 3) * DAY) for _ in range(days // 60)] + [7 * DAY] * (days > MONTH)
        for length in lengths:

            async def fails(length: int = length) -> None:
                if not self.town.down:
                    self.town.fails()
                    self.plan(self.town.now + length, self.town.starts)

            self.plan(START + round(self.dice.random() * days * DAY), fails)

    def plan_moves(self, days: int) -> None:
        """People who come to another time zone."""
        for _ in range(days // 10):

            async def moves() -> None:
                name = self.dice.choice(sorted(self.ways))
                self.town.settle_in(name, self.dice.choice(people.ZONES))

            self.plan(START + round(self.dice.random() * days * DAY), moves)

    def plan_cases(self, count: int, days: int) -> None:
        """Problems that somebody finds in what is listed."""
        for _ in range(count):

            async def found() -> None:
                await cases.found(self.town, self.dice)

            self.plan(START + round((0.1 + 0.85 * self.dice.random()) * days * DAY), found)


async def play(days: int, tickets: int, problems: int, seed: int) -> list[str]:
    """The year; returns what was wrong with it."""
    rules = policy.load()
    rules = rules.model_copy(update={"days": rules.days.model_copy(update={"holidays": HOLIDAYS})})
    with tempfile.TemporaryDirectory(prefix="mmbot-year-") as folder, _progress() as bar:
        town = Town(Path(folder), rules, START, people.ROLES)
        year = Year(town, random.Random(seed))  # noqa: S311 -- a simulation
        year.settle_in()
        year.plan_tickets(tickets, days)
        year.plan_cases(problems, days)
        task = bar.add_task(f"{days} days", total=days)
        year.plan_downs(days)
        year.plan_moves(days)
        eye = checks.Eye(town)
        town.looks = eye.look
        while year.agenda:
            at, _, what = heapq.heappop(year.agenda)
            if at > START + days * DAY:
                break
            await town.until(at)
            await what()
            eye.look()  # what came of it
            bar.update(task, completed=(at - START) / DAY)
        await town.until(START + days * DAY)
        eye.look()
        wrong = eye.wrong + checks.afterwards(town)
        print(_summary(town))  # noqa: T201 -- what it is for
        town.store.close()
    return wrong


@contextmanager
def _progress() -> Iterator[Progress]:
    with Progress(transient=True) as bar:
        yield bar


def _summary(town: Town) -> str:
    clock = [x for x in town.ear.heard if x.by_clock]
    direct = Counter(x.to for x in clock if not x.to.startswith("~"))
    most = ", ".join(f"{name} {n}" for name, n in direct.most_common(5))
    return (
        f"{town.store.next_number() - 1} tickets, {len(cases.handles(town))} cases, {len(town.ear.heard)} posts, "
        f"{len(clock)} of them by a clock; most by direct message: {most}\n"
        f"examined: {', '.join(f'{n} {what}' for what, n in town.examined.items())}"
    )


def main() -> None:
    """Play it, and say what was wrong."""
    given = [int(x) for x in sys.argv[1:]]
    days, tickets, problems, seed = [*given, *(365, 300, 120, 1)[len(given) :]]
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(40))
    began = time.monotonic()
    wrong = asyncio.run(play(days, tickets, problems, seed))
    kinds = Counter(x.partition(":")[0] for x in wrong)
    for kind, count in kinds.items():
        print(f"{kind}: {count}, such as\n  " + "\n  ".join([x for x in wrong if x.startswith(kind)][:3]))  # noqa: T201
    print(f"{'nothing' if not wrong else len(wrong)} wrong, in {time.monotonic() - began:.0f} s (seed {seed})")  # noqa: T201
    sys.exit(bool(wrong))


if __name__ == "__main__":
    main()
