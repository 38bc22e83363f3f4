"""The files of cuts go when nobody needs them any more."""

import os
from pathlib import Path

import pytest

from mmbot import clock, policy
from mmbot.config import Config
from mmbot.domain import cut_facts as c
from mmbot.domain.cut import Cut
from mmbot.github.git import GitLimits
from mmbot.run import tidied
from mmbot.steps import Workshop
from mmbot.store import cuts
from mmbot.store.database import Store

MINUTE, DAY = 60_000, 86_400_000
ASKED = c.CutAsked(repository="https://github.com/mattermost/x", tag="v1.0.0", source="build")


def workshop(folder: Path) -> Workshop:
    config = Config.model_validate({"mattermost": {"url": "http://127.0.0.1:1", "team": "t", "channel": "c"}})
    return Workshop(folder / "cuts", config, GitLimits(), None, clock.now)


async def test_only_what_is_under_way_or_may_go_on_keeps_its_files(tmp_path: Path) -> None:
    store, shop, now = Store(tmp_path / "mmbot.db", policy.load()), workshop(tmp_path), clock.now()
    await tidied(store, shop)  # there is no folder yet
    ends: tuple[tuple[c.CutFact, ...], ...] = (
        (),
        (c.CutBegun(at=now), *(c.StepWent(step=x, at=now) for x in c.CUT_STEPS)),
        (c.StepFailed(step="tag", why="no", at=now - 13 * DAY),),
        (c.CutCancelled(at=now - 15 * DAY),),
    )
    for number, facts in enumerate(ends, 1):
        asked = ASKED.model_copy(update={"at": now - 20 * DAY, "tag": f"v{number}.0.0"})
        with store.transaction():
            cuts.save(store, Cut(number, asked).plus(asked, *facts), "")
    for name in ("1", "2", "3", "4", "99"):
        (shop.folder / name / "1" / "out").mkdir(parents=True)
    await tidied(store, shop)
    assert {x.name for x in shop.folder.iterdir()} == {"1", "3"}
    store.close()


@pytest.mark.skipif(os.geteuid() == 0, reason="root may delete everything")
async def test_what_cannot_be_deleted_stops_nothing(tmp_path: Path) -> None:
    store, shop = Store(tmp_path / "mmbot.db", policy.load()), workshop(tmp_path)
    (shop.folder / "7").mkdir(parents=True)
    shop.folder.chmod(0o500)
    await tidied(store, shop)
    assert {x.name for x in shop.folder.iterdir()} == {"7"}
    shop.folder.chmod(0o700)
    store.close()
