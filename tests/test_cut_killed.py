"""A bot that is killed while it cuts, and while it lists: everything is there once. `make crash` does that at every step."""

import shutil

import pytest
from crash.floor import differing, floor
from gpg_keys import HAS_GPG
from s3_server import RCLONE


@pytest.mark.skipif(not HAS_GPG or not RCLONE or not shutil.which("tar"), reason="gpg, rclone or tar is missing")
async def test_killed_in_the_middle_everything_is_there_once() -> None:
    async with floor(built=True) as it:
        for name, kills in (("cut", ((2, 0), (0, 2))), ("list", ((2, 0),))):
            undisturbed, moments, calls = await it.played(name)
            for moment, call in kills:
                outcome, *_ = await it.played(name, moment and moments // moment, call and calls // call)
                assert differing(outcome, undisturbed) == []
                it.check_cut()
        it.check_listing(1)
        await it.check_signatures()
        await it.check_processes()
        await it.check_left()
