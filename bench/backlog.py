"""A queue of notices sent at the server's pace: how long it takes, what a slash command waits meanwhile, and the memory it takes."""

import asyncio
import random
import sqlite3
import time
from collections.abc import Sequence
from contextlib import closing
from pathlib import Path

from people import Api

from bench.figures import Figures, Line
from bench.processes import resident
from bench.stage import Stage, servers, stage
from mmbot import policy
from mmbot.clock import now
from mmbot.messages import Message
from mmbot.store import outbox
from mmbot.store.database import Store

QUEUED = {"fake": (10_000, 50), "real": (200, 8)}
"""How many notices wait, and in how many threads."""
RATE = 500
"""Calls a second that the fake server takes of one account; to the others it says 429."""
PAUSE = 0.02
"""Seconds between two slash commands."""


async def measure(tickets: int, count: int, folder: Path) -> list[Figures]:
    """One table for each server; `count` is how many commands are asked when nothing is queued any more."""
    return [await _backlog(server, tickets, count, folder) for server in servers()]


async def _backlog(server: str, tickets: int, count: int, folder: Path) -> Figures:
    queued, threads = QUEUED[server]
    async with stage(server, tickets, folder, RATE) as place, place.voice() as api:
        made = [{"channel_id": place.market, "message": f"thread {n}"} for n in range(threads)]
        roots = [str((await place.world.admin.call("POST", "/posts", body))["id"]) for body in made]
        _queue(place, roots, queued)
        dice = random.Random(13)  # noqa: S311 -- the same lines each time
        async with place.bot() as bot:
            began, memory, meanwhile = time.perf_counter(), [bot.resident], []
            while _waiting(place):
                meanwhile.append(await _ask(place, api, dice.randint(1, tickets)))
                memory.append(resident(bot.process))
                await asyncio.sleep(PAUSE)
            seconds = time.perf_counter() - began
            idle = []
            for _ in range(count):
                idle.append(await _ask(place, api, dice.randint(1, tickets)))
                await asyncio.sleep(PAUSE)
        for number, root in enumerate(roots):
            await _must_be_in_order(api, root, [f"notice {n}" for n in range(number, queued, threads)])
    half = len(memory) // 2
    figures = Figures(f"{queued:,} queued notices in {threads} threads, {server} server", "meanwhile", "else")
    figures.lines = [
        Line(f"until all are sent, {queued / seconds:,.0f} a second", [seconds], unit="s"),
        Line("/mb status", meanwhile, idle),
        Line("memory, second half beside first", memory[half:], memory[:half], unit="MB"),
    ]
    return figures


def _queue(place: Stage, roots: Sequence[str], queued: int) -> None:
    store = Store(place.store, policy.load())
    with store.transaction():
        for number in range(queued):
            body = outbox.dump_message(Message(f"notice {number}"))
            outbox.add(store, "say", now(), channel=place.market, root=roots[number % len(roots)], body=body)
    store.close()


def _waiting(place: Stage) -> bool:
    with closing(sqlite3.connect(f"file:{place.store}?mode=ro", uri=True)) as connection:
        return bool(connection.execute("SELECT 1 FROM outbox WHERE state = 'pending' LIMIT 1").fetchall())


async def _ask(place: Stage, api: Api, ticket: int) -> float:
    body = {
        "channel_id": place.market, "command": f"/{place.trigger} status MB-{ticket}", "team_id": place.world.team_id,
        "root_id": "",
    }  # fmt: skip
    began = time.perf_counter()
    answer = await api.call("POST", "/commands/execute", body)
    seconds = time.perf_counter() - began
    if "MB-" not in answer["text"]:
        raise RuntimeError(f"answered {answer['text'][:200]!r}")
    return seconds


async def _must_be_in_order(api: Api, root: str, expected: list[str]) -> None:
    """All once, and in the order in which they were queued."""
    page = await api.call("GET", f"/posts/{root}/thread")
    posts = sorted((x for x in page["posts"].values() if x["id"] != root), key=lambda x: int(x["create_at"]))
    said = [str(x["message"]) for x in posts if x["message"].startswith("notice ")]
    if said != expected:
        raise RuntimeError(f"lost, doubled or reordered: {len(said)} of {len(expected)}: {said[:5]} …")
