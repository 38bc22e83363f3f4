"""Connections cut again and again under load, and the server restarted: every request is answered exactly once and in order.

With MMBOT_REAL_URL and MMBOT_REAL_RESTART, a command that restarts that server, this takes some minutes and 40 cuts;
against the fakes it is a short version. Beside the bot, in the same run, mattermostdriver's own websocket listens for the
same account, twice: through the same cuts, and through cuts at the same moments that are never silent.
"""

import asyncio
import contextlib
import json
import os
import re
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Sequence
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple
from urllib.parse import urlsplit

import aiohttp
import pytest
from cutting_proxy import Cut, Proxy, cutting_proxy
from fake_git import FakeGit
from fake_mattermost import FakeMattermost
from mattermostdriver.websocket import Websocket
from people import Human, Json, Refused
from stage import Stage, on_stage, until

from mmbot.mattermost.stream import Pace

RESTART = os.environ.get("MMBOT_REAL_RESTART", "")
PEOPLE = ("sue", "olive", "sam", "pam", "quinn", "ada")
FIRST = 100_000
"""No ticket has such a number, so each answer names the question that it answers."""
SIMULTANEOUS = 100
"""Milliseconds by which a server may tell of two people's posts in another order than it dates them."""
HOW: tuple[Cut, ...] = ("reset", "close", "reset", "close", "silence")
NOTES = 5
"""Every so many requests, one that is recorded."""


class Scale(NamedTuple):
    """How much; times in seconds."""

    cuts: int
    between: float
    writing: float
    pace: Pace
    late: float


SHORT = Scale(5, 0.15, 0.06, Pace(poll=0.3, heartbeat=0.3, hello=1.0, shortest=0.02, longest=0.2), 20)
LONG = Scale(40, 3.0, 0.3, Pace(heartbeat=4.0, longest=5.0), 180)
"""The heartbeat is quicker than by default, so that silence is noticed between two cuts."""


@dataclass
class Load:
    """People who write without pause, to the bot alone and in channels."""

    stage: Stage
    scale: Scale
    number: int = FIRST
    stopped: bool = False
    places: set[str] = field(default_factory=set)

    async def write(self, who: Human, turn: int) -> None:
        """One person's requests, each after the one before has been taken by the server."""
        stage = self.stage
        places = [await who.dm(stage.bot["user_id"]), stage.market, stage.world.channels["other"]]
        self.places |= set(places)
        while not self.stopped:
            turn += 1
            place = places[turn % 3]
            self.number += 1
            line = f"note MB-1 {self.number}" if self.number % NOTES == 0 else f"status MB-{self.number}"
            with contextlib.suppress(aiohttp.ClientError, OSError, TimeoutError, ValueError, Refused):
                # Where the server went away meanwhile: what counts is what stands there in the end.
                await who.say(place, line if place == places[0] else f"@{stage.bot['username']} {line}")
            await asyncio.sleep(self.scale.writing)


class Question(NamedTuple):
    """A request as it stands on the server."""

    number: int
    person: str
    place: str
    at: int
    post: str


async def everything(human: Human, place: str) -> list[Json]:
    """All posts of a channel, oldest first."""
    found: dict[str, Json] = {}
    number = 0
    while True:
        page = await human.api.call("GET", f"/channels/{place}/posts?per_page=200&page={number}")
        found |= page["posts"]
        number += 1
        if len(page["order"]) < 200:
            return sorted(found.values(), key=lambda x: (x["create_at"], x["id"]))


async def asked(stage: Stage, places: set[str]) -> list[Question]:
    people = {x.id: x for x in stage.people.values()}
    seen: dict[str, Question] = {}
    for place in sorted(places):
        for human in people.values():
            with contextlib.suppress(Refused):  # others' direct channels
                for post in await everything(human, place):
                    number = re.search(r"(?:status MB-|note MB-1 )(\d{6})$", post["message"])
                    if number and post["user_id"] in people:
                        seen[post["id"]] = Question(
                            int(number[1]), post["user_id"], place, post["create_at"], post["id"]
                        )
                break
    return sorted(seen.values(), key=lambda x: x.at)


async def answers(stage: Stage, human: Human) -> list[int]:
    """The numbers that somebody was answered with, in order; 0 for a note."""
    found = []
    for post in await everything(human, await human.dm(stage.bot["user_id"])):
        if post["user_id"] != stage.bot["user_id"]:
            continue
        if number := re.match(r"There is no MB-(\d{6})\.", post["message"]):
            found.append(int(number[1]))
        elif post["message"].startswith("Noted on"):
            found.append(0)
    return found


@contextlib.asynccontextmanager
async def drivers_own(stage: Stage, proxy: Proxy) -> AsyncIterator[Counter[str]]:
    """How often mattermostdriver's own websocket brought each post."""
    brought: Counter[str] = Counter()

    async def take(message: str) -> None:
        frame = json.loads(message)
        if frame.get("event") == "posted":
            brought[json.loads(frame["data"]["post"])["id"]] += 1

    options = {
        "scheme": "http", "url": "127.0.0.1", "port": urlsplit(proxy.url).port, "basepath": "/api/v4", "debug": False, "verify": True,
        "keepalive": True, "keepalive_delay": min(1.0, stage.pace.longest if stage.pace else 1.0), "timeout": 30,
        "websocket_kw_args": None,
    }  # fmt: skip
    task = asyncio.create_task(Websocket(options, stage.config.mattermost.token.get_secret_value()).connect(take))
    try:
        yield brought
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def restart(fake: FakeMattermost | None) -> None:
    if fake:
        await fake.restart(pause=0.2)
        return
    process = await asyncio.create_subprocess_shell(
        RESTART, stdin=asyncio.subprocess.DEVNULL, stdout=asyncio.subprocess.DEVNULL
    )
    assert await process.wait() == 0


async def trouble(proxies: Sequence[Proxy], scale: Scale, fake: FakeMattermost | None) -> int:
    """Cuts, some of them by silence, with two restarts among them; returns how often the server was restarted.

    The first of the proxies, the bot's, is always listened through again before the next cut. The last one is cut at the
    same moments, but never by silence.
    """
    restarts = 0
    for number in range(scale.cuts):
        await until(lambda: listening(proxies[0]), 120)
        await asyncio.sleep(scale.between)
        how = HOW[number % len(HOW)]
        for proxy in proxies:
            way = "reset" if proxy is proxies[-1] and how == "silence" else how
            # A call that meets silence waits for as long as calls do, for which the short version has no time.
            proxy.cut(way, websockets_only=way == "silence" and scale is SHORT)
        if number in {scale.cuts // 3, 2 * scale.cuts // 3} and (fake or RESTART):
            await restart(fake)
            restarts += 1
    await asyncio.sleep(scale.between)
    return restarts


async def listening(proxy: Proxy) -> bool:
    return proxy.listening


@pytest.fixture
async def troubled(
    server: tuple[str, tuple[str, str], FakeMattermost | None], git: FakeGit, tmp_path: Path
) -> AsyncIterator[tuple[Stage, Sequence[Proxy]]]:
    """A bot with the ticket MB-1 that reaches its server through a proxy, and two further proxies to that server."""
    place = urlsplit(server[0])
    async with (
        cutting_proxy(place.hostname or "", place.port or 80) as proxy,
        cutting_proxy(place.hostname or "", place.port or 80) as beside,
        cutting_proxy(place.hostname or "", place.port or 80) as spared,
        on_stage(server, git, tmp_path, PEOPLE) as stage,
    ):
        await stage.mb("sue", f"submit {git.url('example/remind')} v1.0.0")
        await stage.post("sue", "could not")
        await stage.world.join(stage.bot["user_id"], ["other"])
        await stage.quiet()
        await stage.stop()
        mattermost = stage.config.mattermost.model_copy(update={"url": proxy.url})
        stage.config = stage.config.model_copy(update={"mattermost": mattermost})
        stage.pace = (SHORT if stage.server or not RESTART else LONG).pace
        await stage.start()
        yield stage, (proxy, beside, spared)


async def test_every_request_is_answered_once_and_in_order_whatever_is_cut(
    troubled: tuple[Stage, Sequence[Proxy]], capsys: pytest.CaptureFixture[str], record_property: pytest.FixtureRequest
) -> None:
    stage, proxies = troubled
    scale = SHORT if stage.server or not RESTART else LONG
    load = Load(stage, scale)
    async with drivers_own(stage, proxies[1]) as brought, drivers_own(stage, proxies[2]) as brought_spared:
        writers = [asyncio.create_task(load.write(x, turn)) for turn, x in enumerate(stage.people.values())]
        restarts = await trouble(proxies, scale, stage.server)
        load.stopped = True
        await asyncio.gather(*writers)
        questions = await asked(stage, load.places)
        with contextlib.suppress(TimeoutError):
            await until(lambda: all_said(stage, len(questions)), scale.late)
        await stage.quiet()
        await asyncio.sleep(scale.between)  # for what might come twice
    said = {x.id: await answers(stage, x) for x in stage.people.values()}

    wanted = Counter(x.number for x in questions if x.number % NOTES)
    given = Counter(number for numbers in said.values() for number in numbers if number)
    notes = [int(x[0]) for x in stage.rows("SELECT data ->> 'text' FROM fact WHERE kind LIKE 'note%' ORDER BY id")]
    noted = sum(numbers.count(0) for numbers in said.values())
    lost = wanted - given + (Counter(x.number for x in questions if not x.number % NOTES) - Counter(notes))
    doubled = given - wanted + (Counter(notes) - Counter(x.number for x in questions))
    swapped = out_of_order(questions, said, notes)
    missed, missed_spared = (sum(not x[q.post] for q in questions) for x in (brought, brought_spared))
    apart = overtaken(questions, stage)
    caught_up = sum(x["event"] == "catching up" for x in stage.logs)
    text = (
        f"{len(questions)} requests in {len(load.places)} channels, {scale.cuts} cuts ({proxies[0].cuts} connections), "
        f"{restarts} restarts, {caught_up} catch-ups: "
        f"{lost.total()} lost, {doubled.total()} doubled, {len(swapped)} out of order ({apart} ms between people at most); "
        f"mattermostdriver's own websocket lost {missed} ({missed / len(questions):.1%}), "
        f"and {missed_spared} ({missed_spared / len(questions):.1%}) where no cut was silent"
    )
    record_property("drops", text)  # type: ignore[operator]  # pytest's type of it is private
    with capsys.disabled() if scale is LONG else contextlib.nullcontext():
        print(f"\n{text}")  # noqa: T201 -- what the run is for
    assert (lost, doubled, swapped) == (Counter(), Counter(), [])
    assert apart < SIMULTANEOUS
    assert noted == len(notes)
    assert len(questions) > 5 * scale.cuts
    assert restarts == 2 or not (stage.server or RESTART)


async def all_said(stage: Stage, count: int) -> bool:
    """Whether the store holds an answer to each of so many requests, or more, and all are sent."""
    if stage.rows("SELECT 1 FROM outbox WHERE state = 'pending'"):
        return False
    return int(stage.rows("SELECT count(*) FROM seen WHERE event LIKE 'post:%'")[0][0]) >= count


def out_of_order(questions: Sequence[Question], said: dict[str, list[int]], notes: list[int]) -> list[int]:
    """The requests that were answered, or recorded, after a later one of the same person in the same channel."""
    by_number = {x.number: x for x in questions}
    sequences: defaultdict[tuple[str, str], list[list[int]]] = defaultdict(list)
    for numbers in [*said.values(), notes]:
        split: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
        for number in numbers:
            if number:
                split[by_number[number].person, by_number[number].place].append(number)
        for key, of_one in split.items():
            sequences[key].append(of_one)
    found = []
    for lists in sequences.values():
        for one in lists:
            found += [number for number, following in pairwise(one) if following < number]
    return found


def overtaken(questions: Sequence[Question], stage: Stage) -> int:
    """By how many milliseconds, at most, a request was taken in after a later one of the same channel, whoever wrote them."""
    by_number = {x.number: x for x in questions}
    newest: defaultdict[str, int] = defaultdict(int)
    most = 0
    for (body,) in stage.rows("SELECT body FROM outbox WHERE kind = 'say' ORDER BY id"):
        if (number := re.search(r"There is no MB-(\d{6})", body)) and (question := by_number.get(int(number[1]))):
            most = max(most, newest[question.place] - question.at)
            newest[question.place] = max(newest[question.place], question.at)
    return most
