"""`make soak`: kills at random moments while the server fails at random; nothing is lost, nothing doubled. SOAK_KILLS says how many."""

import asyncio
import contextlib
import json
import os
import random
import sys
import time
from pathlib import Path

from crash.play import Play, Zygote, play, repository, zygote
from fake_git import FakeGit, fake_git

KILLS = int(os.environ.get("SOAK_KILLS", "2000"))
AT_ONCE = 100
"""Kills until everything is counted and begun anew with a fresh team."""
SPEAKERS = ("sue", "olive", "sam", "quinn")


async def one_life(it: Play, said: list[str]) -> None:
    """The bot starts, some write to it, and it is killed."""
    asked = it.server.asked
    await it.start()
    if random.random() < 0.8:  # noqa: S311 -- dice; the others may die before they are awake
        while it.bot.running and it.server.asked == asked:  # noqa: ASYNC110 -- it happens in another program
            await asyncio.sleep(0.005)
    lives = random.uniform(0.08, 0.6)  # noqa: S311 -- dice
    async with asyncio.timeout(30):
        for _ in range(random.randint(0, 3)):  # noqa: S311 -- dice
            await asyncio.sleep(lives / 4)
            await note(it, said)
        await asyncio.sleep(lives / 4)
    it.bot.kill()
    await it.bot.ended()
    if random.random() < 0.5:  # noqa: S311 -- dice
        it.server.forget_pending()


async def note(it: Play, said: list[str]) -> None:
    """Somebody leaves a remark."""
    said.append(f"remark{len(said)}x")
    root = it.rows("SELECT post FROM outbox WHERE subject = 'card:1'")[0][0] if random.random() < 0.3 else ""  # noqa: S311 -- dice
    await it.say(random.choice(SPEAKERS), f"note MB-1 {said[-1]}", root)  # noqa: S311 -- dice


async def lives(git: FakeGit, bot: Zygote, folder: Path, kills: int) -> dict[str, int]:
    """Some kills in the life of one team, counted at its end. Returns the faults of its server, by name."""
    async with play(git, bot, folder) as it:
        await it.first_start()
        await it.say("sue", f"submit {git.url('example/remind')} v1.0.0")
        await it.settle()
        await it.say("olive", "request MB-1 qa security")
        await it.settle()
        bot.kill()
        await bot.ended()
        said: list[str] = []
        it.server.fail()
        for _ in range(kills):
            await one_life(it, said)
        it.server.faulty = False
        await it.start()
        await it.settle()
        it.check()
        facts = [json.loads(x[0]) for x in it.rows("SELECT data FROM fact WHERE kind = 'note' ORDER BY id")]
        assert sorted(x["text"] for x in facts) == sorted(said), "facts lost or doubled"
        for via in {x["via"] for x in facts}:
            at = [x["at"] for x in facts if x["via"] == via]
            assert at == sorted(at), f"not in the order written in {via}"
        messages = [x["message"] for x in it.posts()]
        assert len([x for x in messages if "Noted" in x]) == len(said), "answers lost or doubled"
        for text in said:
            assert len([x for x in messages if text in x]) >= 1, text
        it.server.suffered["remarks"] = len(said)
        it.server.suffered["posts"] = len(messages)
        return it.server.suffered


async def test_random_kills_and_faults_lose_nothing_and_double_nothing(tmp_path: Path) -> None:
    (tmp_path / "git").mkdir()
    async with fake_git(tmp_path / "git") as git, zygote() as bot:
        repository(git)
        killed, suffered, began = 0, dict[str, int](), time.monotonic()
        while killed < KILLS:
            now = min(AT_ONCE, KILLS - killed)
            for name, count in (await lives(git, bot, tmp_path / str(killed), now)).items():
                suffered[name] = suffered.get(name, 0) + count
            killed += now
            sys.stderr.write(
                f"{killed} kills in {time.monotonic() - began:.0f} s, nothing lost or doubled; {suffered}\n"
            )
            with contextlib.suppress(OSError):
                sys.stderr.flush()
