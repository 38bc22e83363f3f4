"""`make crash`: a cut that is stopped, killed in the middle of something, or fails for a while goes on or says why; nothing is left."""

import asyncio
import os
import random
import resource
import shutil
import sys
from collections.abc import AsyncIterator
from contextlib import suppress

import pytest
from crash.floor import HELPER, Floor, differing, floor
from crash.play import ROOT
from fake_github import broken, too_fast
from gpg_keys import HAS_GPG
from s3_server import RCLONE

pytestmark = pytest.mark.skipif(
    not HAS_GPG or not RCLONE or not shutil.which("tar"), reason="gpg, rclone or tar is missing"
)
RANDOM = int(os.environ.get("CRASH_RANDOM", "25"))
STEPS = ("tag", "obtain", "verify", "split", "sign", "verify-signatures", "upload", "verify-uploads")


@pytest.fixture(params=["build", "github"])
async def it(request: pytest.FixtureRequest) -> AsyncIterator[Floor]:
    async with floor(built=request.param == "build") as made:
        yield made


@pytest.fixture
async def building() -> AsyncIterator[Floor]:
    async with floor(built=True) as made:
        yield made


async def begun(it: Floor, name: str = "cut") -> None:
    """The bot runs, and somebody asked for it."""
    await it.restore(name)
    await it.it.first_start()
    await it.ask(name)


async def whole(it: Floor) -> None:
    """It comes to its end, and everything is there once."""
    await it.settle(150)
    it.check_cut()
    it.outcome()
    await it.check_signatures()
    await it.check_processes()
    await it.check_left()


def doing(it: Floor, step: str) -> bool:
    """Whether a step is under way."""
    waits = it.it.rows("SELECT 1 FROM outbox WHERE kind = 'do' AND state = 'pending' AND subject = ?", f"cut-{step}")
    return bool(waits) or over(it)


def over(it: Floor) -> bool:
    return it.it.rows("SELECT going FROM cut WHERE number = 1") == [(0,)]


def failed(it: Floor) -> bool:
    return it.it.rows("SELECT state FROM cut WHERE number = 1") == [("failed",)] and it.it.settled()


async def test_a_build_whose_bot_is_killed_ends_with_it_and_is_done_again(building: Floor) -> None:
    it = building
    undisturbed, *_ = await it.played("cut")
    hold, began = it.folder / "hold", it.folder / "building"
    hold.touch()
    await begun(it)
    for _ in range(3):
        began.unlink(missing_ok=True)
        await it.settle(until=began.exists)
        assert any(HELPER in x for x in it.processes())
        it.kill()
        await it.it.bot.ended()
        if it.kills % 2:
            await it.check_processes()
    hold.unlink()
    await it.settle()
    assert differing(it.outcome(), undisturbed) == []
    await whole(it)


async def test_a_second_bot_is_refused_while_the_first_builds(building: Floor) -> None:
    it = building
    (it.folder / "hold").touch()
    await begun(it)
    await it.settle(until=(it.folder / "building").exists)
    second = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "mmbot", "run", "--config", str(it.it.config), cwd=ROOT, stderr=asyncio.subprocess.PIPE
    )
    _, said = await asyncio.wait_for(second.communicate(), 30)
    assert second.returncode
    assert b"Another mmbot" in said
    assert any(HELPER in x for x in it.processes())
    (it.folder / "hold").unlink()
    await whole(it)


async def test_a_cut_that_is_stopped_at_any_step_leaves_nothing_running_and_goes_on_when_asked_to(it: Floor) -> None:
    undisturbed, *_ = await it.played("cut")
    stopped = []
    for step in STEPS:
        await begun(it)
        await it.settle(until=lambda step=step: doing(it, step))  # type: ignore[misc] # a default for each turn
        await it.it.say("rosa", "cut cancel 1")
        await it.settle()
        await it.check_processes()
        state = it.it.rows("SELECT state FROM cut")[0][0]
        stopped += [step] if state == "cancelled" else []
        told = [x["message"] for x in it.it.posts()]
        assert len([x for x in told if "is cut** from" in x]) == (state == "done")
        it.look()
        if state == "cancelled":
            await it.it.say("rosa", "cut retry 1")
            await it.settle()
        outcome = it.outcome()
        assert [outcome[x] for x in ("bucket", "refs", "assets")] == [
            undisturbed[x] for x in ("bucket", "refs", "assets")
        ]
        await whole(it)
    assert len(stopped) >= len(STEPS) // 2, stopped  # the others were quicker


async def test_a_build_that_is_stopped_and_begun_again_at_once_is_done_once(building: Floor) -> None:
    it = building
    (it.folder / "hold").touch()
    await begun(it)
    await it.settle(until=(it.folder / "building").exists)
    await it.it.say("rosa", "cut cancel 1")
    await it.it.say("rosa", "cut retry 1")
    await asyncio.sleep(0.5)
    (it.folder / "hold").unlink()
    await whole(it)


async def test_killed_again_and_again_at_random_it_comes_to_its_end(it: Floor) -> None:
    undisturbed, *_ = await it.played("cut")
    dice = random.Random(int(os.environ.get("SEED", "1")))  # noqa: S311 - dice
    for _ in range(RANDOM):
        await begun(it)
        for _ in range(dice.randint(1, 4)):
            with suppress(AssertionError):
                await it.settle(dice.uniform(0.05, 1.5), until=lambda: False)
            it.kill()
            await it.it.bot.ended()
            it.look()
        await it.settle()
        assert differing(it.outcome(), undisturbed) == []
        it.check_cut()
        await it.check_processes()
    sys.stderr.write(f"killed {it.kills} times at random\n")
    await whole(it)


async def test_a_storage_that_is_gone_for_a_while_is_waited_for(building: Floor) -> None:
    it = building
    await begun(it)
    assert it.door
    it.door.shut = True
    await it.settle(until=lambda: bool(it.it.rows("SELECT 1 FROM outbox WHERE subject = 'cut-upload' AND tries > 0")))
    assert not it.shop.files()
    it.door.shut = False
    await whole(it)


async def test_a_folder_that_is_not_there_is_told_of_and_the_cut_goes_on_when_it_is(it: Floor) -> None:
    if it.door:
        return  # a bucket
    await it.restore("cut")
    it.shop.bucket.rename(it.shop.bucket.with_name("unmounted"))
    await it.it.first_start()
    await it.ask("cut")
    await it.settle(until=lambda: failed(it))
    assert [x for x in it.it.posts() if "isn't there" in x["message"]]
    it.shop.bucket.with_name("unmounted").rename(it.shop.bucket)
    await it.it.say("rosa", "cut retry 1")
    await whole(it)


async def test_github_may_fail_for_a_while(it: Floor) -> None:
    await it.restore("cut")
    it.github.instead[:] = [broken(), too_fast(1), broken(503)]
    await it.it.first_start()
    await it.ask("cut")
    await whole(it)


async def test_a_bot_that_was_down_for_hours_tries_again_before_it_gives_up(building: Floor) -> None:
    """A clock that jumps ahead is the same to it."""
    it = building
    await begun(it)
    assert it.door
    it.door.shut = True
    await it.settle(until=lambda: bool(it.it.rows("SELECT 1 FROM outbox WHERE subject = 'cut-upload' AND tries > 0")))
    await it.end()
    it.change("UPDATE outbox SET body = json_set(body, '$.begun', 1), due_at = 1 WHERE subject = 'cut-upload'")
    await it.it.first_start()
    await it.settle(until=lambda: bool(it.it.rows("SELECT 1 FROM outbox WHERE subject = 'cut-upload' AND tries > 1")))
    it.door.shut = False
    await whole(it)


async def test_a_full_disk_is_told_of_and_the_cut_goes_on_when_there_is_room(building: Floor) -> None:
    it = building
    await begun(it)
    await it.settle(until=lambda: doing(it, "verify") or doing(it, "split"))
    before = resource.prlimit(it.it.bot.pid, resource.RLIMIT_FSIZE, (300, resource.RLIM_INFINITY))
    await it.settle(until=lambda: over(it) or "store" in it.it.log.read_text())
    resource.prlimit(it.it.bot.pid, resource.RLIMIT_FSIZE, before)
    await it.settle()
    if it.it.rows("SELECT state FROM cut") == [("failed",)]:
        assert [x for x in it.it.posts() if "no room left" in x["message"]], [x["message"] for x in it.it.posts()][-3:]
        await it.it.say("rosa", "cut retry 1")
        await it.settle()
    it.check_cut()


async def test_what_was_built_and_is_not_there_any_more_is_built_again(building: Floor) -> None:
    it = building
    await begun(it)
    assert it.door
    it.door.shut = True
    await it.settle(until=lambda: bool(it.it.rows("SELECT 1 FROM outbox WHERE subject = 'cut-upload' AND tries > 0")))
    await it.end()
    shutil.rmtree(it.work)
    it.door.shut = False
    await it.settle(until=lambda: failed(it))
    assert [x for x in it.it.posts() if "not there any more" in x["message"]]
    await it.it.say("rosa", "cut retry 1")
    it.seen.clear()
    await whole(it)


async def test_what_was_cut_is_deleted_at_the_next_start(building: Floor) -> None:
    it = building
    await begun(it)
    await it.settle()
    assert {x.name for x in it.work.iterdir()} == {"1", "moved"}
    await it.check_left()
