"""What `/mb status` and `/mb queue` cost beside an integration that answers a constant, through a server and at the door."""

import random
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import aiohttp
from people import Api

from bench import corpus
from bench.figures import Figures, Line
from bench.processes import free_port, started
from bench.stage import Stage, servers, stage

WARM_UP = 25
AIM = 1.3


def _lines(dice: random.Random, tickets: int) -> dict[str, Callable[[], str]]:
    """What is typed, by kind: each call another line."""
    return {
        "status, by number": lambda: f"status MB-{dice.randint(1, tickets)}",
        "status, by name": lambda: f"status {corpus.name_of(dice.randint(1, tickets))}",
        "status, own tickets": lambda: "status",
        "queue qa": lambda: "queue qa",
        "queue": lambda: "queue",
    }


async def measure(tickets: int, count: int, folder: Path) -> list[Figures]:
    """The tables for each server; requests of the two go in turns."""
    found = []
    for server in servers():
        async with stage(server, tickets, folder) as place:
            port = free_port()
            constant = f"c{place.trigger}"
            await place.world.add_command(f"http://127.0.0.1:{port}/mattermost/command", constant)
            log = folder / "constant.log"
            async with place.bot(), started(["-m", "bench.constant", str(port)], port, log), place.voice() as api:
                title = f"/mb through the {server} server, {tickets:,} tickets"
                found.append(await _through(place, api, (place.trigger, constant), (tickets, count), title))
                found.append(await _at_the_door(place, port, (tickets, count)))
    return found


async def _through(
    place: Stage, api: Api, triggers: tuple[str, str], size: tuple[int, int], title: str
) -> Figures:  # fmt: skip
    async def ask(trigger: str, line: str) -> float:
        body = {
            "channel_id": place.market,
            "command": f"/{trigger} {line}",
            "team_id": place.world.team_id,
            "root_id": "",
        }
        began = time.perf_counter()
        answer = await api.call("POST", "/commands/execute", body)
        seconds = time.perf_counter() - began
        _must_answer(answer["text"], line)
        return seconds

    figures = Figures(title, "mmbot", "constant")
    kinds = _lines(random.Random(11), size[0])  # noqa: S311 -- the same lines each time
    every: tuple[list[float], list[float]] = ([], [])
    for kind, line in kinds.items():
        ours, beside = [], []
        for turn in range(WARM_UP + size[1]):
            typed = line()
            pair = (await ask(triggers[0], typed), await ask(triggers[1], typed))
            if turn >= WARM_UP:
                ours.append(pair[0])
                beside.append(pair[1])
        figures.lines.append(Line(kind, ours, beside, AIM))
        every[0].extend(ours)
        every[1].extend(beside)
    figures.lines.append(Line("all of them", *every, aim=AIM))
    return figures


async def _at_the_door(place: Stage, constant: int, size: tuple[int, int]) -> Figures:
    figures = Figures("the same without a server between: at the door", "mmbot", "constant")
    kinds = _lines(random.Random(12), size[0])  # noqa: S311 -- the same lines each time
    async with aiohttp.ClientSession() as session:

        async def ask(port: int, line: str) -> float:
            form = {
                "token": place.token, "user_id": place.asker["id"], "user_name": place.asker["username"], "text": line,
                "channel_id": place.market, "command": f"/{place.trigger}", "trigger_id": "t" * 200, "team_id": place.world.team_id,
                "response_url": "http://127.0.0.1/hooks/commands/" + "x" * 26, "channel_name": "market", "team_domain": "bench",
            }  # fmt: skip
            began = time.perf_counter()
            async with session.post(f"http://127.0.0.1:{port}/mattermost/command", data=form) as answer:
                text = (await answer.json())["text"]
            seconds = time.perf_counter() - began
            _must_answer(text, line)
            return seconds

        for kind, line in kinds.items():
            pairs: list[Sequence[float]] = []
            for _ in range(WARM_UP + size[1]):
                typed = line()
                pairs.append((await ask(place.port, typed), await ask(constant, typed)))
            ours, beside = zip(*pairs[WARM_UP:], strict=True)
            figures.lines.append(Line(kind, ours, beside))
    return figures


def _must_answer(text: str, line: str) -> None:
    if "MB-" not in text:
        raise RuntimeError(f"{line!r} was answered {text[:200]!r}")
