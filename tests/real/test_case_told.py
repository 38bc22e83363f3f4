"""A case on a Mattermost server, with a policy in which a day is about a second: told, acknowledged, fixed; or nobody answers."""

import os
import re

import pytest
from people import Json
from stage import Stage, manifest

MARKER = "zebrafish"
OUTSIDERS = ("otto", "pam", "dana", "quinn", "tom", "ada")

pytestmark = pytest.mark.parametrize(  # of the fakes one will do: it is the bot's clock that is looked at
    "server", ["real" if os.environ.get("MMBOT_REAL_URL") else "fake 5.37"], indirect=True
)


async def short_days(stage: Stage, ours: float) -> float:
    """Let a case's time be a few seconds; how many a day has, `ours` on the fake server."""
    return await stage.short_days("days = 14 ", "left = ", "again = ", "grace = ", "triage = ", ours=ours, real=1.2)


async def listed_plugin(stage: Stage) -> None:
    """An update of the plugin that the catalogue lists."""
    badges = stage.git.repository("example/badges")
    badges.tag("v1.1.0", badges.commit({"plugin.json": manifest("com.github.example.badges", "Badges", "1.1.0")}))
    await stage.mb("sue", f"submit {stage.git.url('example/badges')} v1.1.0")
    await stage.post("sue", "`v1.1.0` is commit")
    await stage.quiet()


async def filed(stage: Stage) -> str:
    """Sam files a case; its handle."""
    answer = await stage.mb("sam", f"file MB-1 high {MARKER}")
    found = re.search(r"SEC-\d+", answer)
    assert found, answer
    return found.group()


async def pressed(stage: Stage, who: str, post: Json, label: str) -> str:
    return await stage.people[who].click(post["id"], label)


def nobody_else_read(stage: Stage, handle: str) -> None:
    """Neither the words of the case nor its handle reached anybody who may not know of it."""
    for who in OUTSIDERS:
        for post in stage.people[who].seen.values():
            assert MARKER not in post["message"]
            assert handle not in post["message"]


async def test_a_case_is_told_acknowledged_reviewed_and_fixed(stage: Stage) -> None:
    await listed_plugin(stage)
    await short_days(stage, 0.6)
    handle = await filed(stage)
    card = await stage.post("sam", handle, "high")
    assert card["channel_id"] == stage.security
    await stage.post("olive", handle, MARKER)
    told = await stage.post("sue", handle, MARKER)
    await pressed(stage, "sue", told, "Acknowledge")
    await stage.post("sue", handle, "left")
    await stage.post("olive", handle, "left")
    await stage.mb("sue", f"fix {handle} MB-1")
    await stage.post("sam", "named a fix")
    await stage.post("pam", "MB-1 · Badges 1.1.0", "urgent")
    await stage.mb("olive", "request MB-1")
    for who in ("pam", "dana", "sam", "quinn"):
        await stage.mb(who, "approve MB-1 --all")
    assert "fixed" in await stage.mb("sam", f"fixed {handle}")
    await stage.post("sue", handle, "is **fixed**")
    await stage.quiet()
    assert stage.rows("SELECT 1 FROM due WHERE subject = ?", f"case:{handle}") == []
    assert not [x for x in stage.sam.seen.values() if "Please decide" in x["message"]]
    nobody_else_read(stage, handle)


async def test_after_silence_somebody_decides_and_the_listing_follows(stage: Stage) -> None:
    await listed_plugin(stage)
    day = await short_days(stage, 0.3)
    handle = await filed(stage)
    await stage.post("sue", handle, "left")
    asked = await stage.post("sam", handle, "Please decide", wait=14 * day + 15)
    assert asked["channel_id"] == stage.security
    await pressed(stage, "sam", asked, "Take it down…")
    await stage.fill("sam", removal="plugin", why="nobody answers")
    todo = await stage.post("olive", handle, "take **Badges**")
    await stage.post("sue", handle, "out of the Marketplace")
    await pressed(stage, "olive", todo, "The listing shows it")
    await stage.post("sam", "the listing shows the takedown")
    await stage.quiet()
    ((kinds,),) = stage.rows("SELECT group_concat(kind) FROM case_fact WHERE kind NOT IN ('noticed')")
    assert kinds == "filed,taken-down,removed"
    times = stage.rows("SELECT at FROM case_fact WHERE kind = 'noticed' AND json_extract(data, '$.mark') = 'end'")
    ((began,),) = stage.rows("SELECT at FROM case_fact WHERE kind = 'filed'")
    assert all(0 <= at - began - 14 * day * 1000 < 3_000 for (at,) in times)
    nobody_else_read(stage, handle)
