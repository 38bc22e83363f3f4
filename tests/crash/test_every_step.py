"""`make crash`: killed at every step of a conversation, the bot ends up with the same facts and the same posts as undisturbed.

The steps are found by playing it once: each statement with which SQLite writes, and the moments before and after each call that
changes something on the server. Between two of these nothing outlives the process. CRASH_EVERY=5 tries only every fifth, from the
CRASH_FIRST.
"""

import itertools
import os
import sys
from collections.abc import Mapping
from pathlib import Path

from crash.play import Play, Zygote, play, repository, zygote
from fake_git import FakeGit, fake_git

EVERY = int(os.environ.get("CRASH_EVERY", "1"))
FIRST = int(os.environ.get("CRASH_FIRST", "1"))


async def conversation(it: Play) -> None:
    """From the submission to a first step after the open gate; each paragraph begins when all before it is over."""
    await it.say("sue", f"submit {it.git.url('example/remind')} v1.0.0")
    await it.settle()
    await it.say("olive", "request MB-1")
    await it.say("olive", "note MB-1 first of all")
    await it.settle()
    root = it.rows("SELECT post FROM outbox WHERE subject = 'card:1'")[0][0]
    await it.say("sam", "fail MB-1 S1 anybody can read it")
    await it.settle()
    await it.say("pam", "approve MB-1 --all")
    await it.settle()
    await it.say("dana", "note in the thread", root)
    await it.settle()
    await it.say("sue", "ready MB-1")
    await it.settle()
    for reviewer in (
        "sam",
        "dana",
        "quinn",
    ):  # one after the other: order is kept in each channel, and these write in their own
        await it.say(reviewer, "approve MB-1 --all")
        await it.settle()
    await it.say("olive", "done MB-1 fork https://github.com/example/fork")
    await it.settle()


async def played(
    git: FakeGit, bot: Zygote, folder: Path, statement: int = 0, call: int = 0
) -> tuple[Mapping[str, list[str]], int, int]:
    """What came of the conversation with a kill at one step; and how many statements and calls there were till then."""
    async with play(git, bot, folder) as it:
        calls = itertools.count(1)
        seen = 0

        def step() -> None:
            nonlocal seen
            seen = next(calls)
            if seen == call:
                bot.kill()

        it.server.step = step
        await it.first_start(statement)
        await conversation(it)
        it.check()
        outcome = it.outcome()
        bot.kill()
        _, statements = await bot.ended()
        return outcome, statements, seen


async def test_killed_at_every_step_it_says_and_keeps_the_same(tmp_path: Path) -> None:
    (tmp_path / "git").mkdir()
    async with fake_git(tmp_path / "git") as git, zygote() as bot:
        repository(git)
        undisturbed, statements, calls = await played(git, bot, tmp_path / "undisturbed")
        again, *_ = await played(git, bot, tmp_path / "again")
        assert again == undisturbed
        steps = [(n, 0) for n in range(FIRST, statements + 1, EVERY)] + [(0, n) for n in range(FIRST, calls + 1, EVERY)]
        wrong = []
        for done, (statement, call) in enumerate(steps):
            if done % 25 == 0:
                sys.stderr.write(f"{done} of {len(steps)} steps ({statements} statements, {calls} moments of calls)\n")
            try:
                outcome, *_ = await played(git, bot, tmp_path / f"{statement}-{call}", statement, call)
                assert outcome == undisturbed
            except AssertionError as error:
                wrong.append((statement, call, str(error)[:2000]))
                sys.stderr.write(f"{wrong[-1]}\n")
        sys.stderr.write(f"killed at {len(steps)} steps; {len(wrong)} times something was wrong\n")
        assert wrong == []
