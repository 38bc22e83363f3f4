"""`make crash`: killed at every step of a cut, of its listing and of a takedown's removal, the bot ends where it does undisturbed.

The steps are found by doing it once: each statement with which SQLite writes, each change of a file, each start of a program, and the
moments before and after each request to GitHub, to the storage and to Mattermost. CRASH_EVERY=5 tries only every fifth, from the
CRASH_FIRST.
"""

import os
import shutil
import sys
import traceback

import pytest
from crash.floor import PHASES, Floor, differing, floor
from gpg_keys import HAS_GPG
from s3_server import RCLONE

pytestmark = pytest.mark.skipif(
    not HAS_GPG or not RCLONE or not shutil.which("tar"), reason="gpg, rclone or tar is missing"
)
EVERY = int(os.environ.get("CRASH_EVERY", "1"))
FIRST = int(os.environ.get("CRASH_FIRST", "1"))


async def killed_at_every_step(it: Floor, name: str) -> None:
    """Play a phase again and again, and kill the bot at another step each time."""
    undisturbed, moments, calls = await it.played(name)
    again, *_ = await it.played(name)
    assert differing(again, undisturbed) == []
    steps = [(n, 0) for n in range(FIRST, moments + 1, EVERY)] + [(0, n) for n in range(FIRST, calls + 1, EVERY)]
    wrong = []
    for done, (moment, call) in enumerate(steps):
        if done % 25 == 0:
            sys.stderr.write(f"{name}: {done} of {len(steps)} steps ({moments} of its own, {calls} around calls)\n")
        try:
            outcome, *_ = await it.played(name, moment, call)
            assert differing(outcome, undisturbed) == []
            it.check_cut()
            if name == "list":
                it.check_listing(1)
            it.check_log()
            await it.check_processes()
            if done % 10 == 0:
                await it.check_signatures()
                await it.check_left()
        except AssertionError as error:
            where = traceback.extract_tb(error.__traceback__)[-1]
            wrong.append((moment, call, f"{where.name}: {where.line}: {error}"[:3000]))
            sys.stderr.write(f"{wrong[-1]}\n")
    sys.stderr.write(f"{name}: killed at {len(steps)} steps; {len(wrong)} times something was wrong\n")
    assert wrong == []


@pytest.mark.parametrize("name", PHASES)
@pytest.mark.parametrize("source", ["build", "github"])
async def test_killed_at_every_step_everything_is_there_once(name: str, source: str) -> None:
    async with floor(built=source == "build") as it:
        await killed_at_every_step(it, name)
