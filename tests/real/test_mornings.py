"""Reminders on a Mattermost server, with a policy in which a day is about a second: a late reviewer, a silent submitter."""

import os

import pytest
from stage import Stage, manifest, until

REMIND = "MB-1 Remind 1.0.0"

pytestmark = pytest.mark.parametrize(  # of the fakes one will do: it is the bot's clock that is looked at
    "server", ["real" if os.environ.get("MMBOT_REAL_URL") else "fake 9.9"], indirect=True
)


async def short_days(stage: Stage) -> float:
    """Let whatever a ticket waits for be late within a few seconds; how many a day has."""
    return await stage.short_days(r"days = \d+$", "owner = ", "submitter = ", "ladder = ", ours=0.5, real=0.8)


async def under_review(stage: Stage) -> None:
    """A new plugin that everybody but product and QA has approved; quinn does the QA review."""
    remind = stage.git.repository("example/remind")
    remind.tag("v1.0.0", remind.commit({"plugin.json": manifest("com.github.example.remind", "Remind", "1.0.0")}))
    await stage.mb("sue", f"submit {stage.git.url('example/remind')} v1.0.0")
    await stage.post("sue", "`v1.0.0` is commit")
    await stage.mb("olive", "request MB-1")
    for who in ("dana", "sam"):
        await stage.mb(who, "approve MB-1 --all")
    await stage.mb("quinn", "claim MB-1 qa")
    await stage.quiet()


def mornings(stage: Stage, who: str) -> list[str]:
    """The mornings that somebody was told."""
    return [x["message"] for x in stage.people[who].seen.values() if x["message"].startswith(("Good morning", "Hello"))]


async def told_again(stage: Stage, who: str, day: float) -> None:
    """Returns when somebody was told one more morning than now."""
    before = len(mornings(stage, who))

    async def more() -> bool:
        return len(mornings(stage, who)) > before

    await until(more, 10 * day + 15)


async def test_a_late_review_is_told_reviewer_and_owner_and_put_off_and_handed_over(stage: Stage) -> None:
    await under_review(stage)
    await stage.mb("pam", "approve MB-1 --all")
    day = await short_days(stage)
    mine = await stage.post("quinn", REMIND, "QA review (you)", "was due", wait=10 * day + 15)
    assert mornings(stage, "olive") == []
    assert mine["channel_id"] == await stage.quinn.dm(stage.bot["user_id"])
    owners = await stage.post("olive", REMIND, "late with somebody else", "QA review (quinn-", wait=10 * day + 15)

    await stage.olive.click(owners["id"], "Remind quinn-" + stage.world.suffix)
    await stage.post("quinn", "**olive-", "reminds you of **MB-1")
    await stage.olive.click(owners["id"], "Snooze…", wait=0.1)
    assert await stage.fill("olive", days="3") == {}
    await stage.post("olive", "No reminder of **MB-1")
    await stage.quiet()
    heard = len(mornings(stage, "olive"))
    await told_again(stage, "quinn", day)
    await told_again(stage, "quinn", day)
    assert len(mornings(stage, "olive")) == heard

    newest = [x for x in stage.quinn.seen.values() if x["message"] in mornings(stage, "quinn")][-1]
    await stage.quinn.click(newest["id"], "Hand over…", wait=0.1)
    assert await stage.fill("quinn", person=stage.world.users["tom"]["id"]) == {}
    await stage.post("tom", "MB-1", "QA review")
    await stage.quiet()
    heard = len(mornings(stage, "quinn"))
    await stage.post("tom", REMIND, "QA review (you)", "was due", wait=20 * day + 15)
    assert len(mornings(stage, "quinn")) == heard
    assert "the review gate is open" in await stage.mb("tom", "approve MB-1 --all")
    for who in ("sue", "pam", "dana", "sam", "ada", "otto"):
        assert mornings(stage, who) == []


async def test_a_silent_submitter_is_reminded_and_then_the_owner_is_asked(stage: Stage) -> None:
    await under_review(stage)
    await stage.mb("quinn", "approve MB-1 --all")
    await stage.mb("pam", "fail MB-1 P1 there is no licence file")
    await stage.post("sue", "there is no licence file")
    day = await short_days(stage)
    first = await stage.post("sue", "**MB-1 Remind 1.0.0** waits for you", "1 finding", wait=10 * day + 15)
    assert first["channel_id"] == await stage.sue.dm(stage.bot["user_id"])
    await stage.post("sue", "still needs your answer", "I ask olive", wait=10 * day + 15)
    assert mornings(stage, "olive") == []
    asked = await stage.post(
        "olive", REMIND, "I reminded sue", "twice", "I close nothing by myself", wait=10 * day + 15
    )
    assert not stage.rows("SELECT 1 FROM fact WHERE kind = 'ended'")

    await stage.olive.click(asked["id"], "Ask again")
    await stage.post("sue", "**olive-", "reminds you of **MB-1")
    await stage.olive.click(asked["id"], "Close as withdrawn…", wait=0.1)
    assert await stage.fill("olive", why="no answer, asked three times") == {}
    await stage.post("sue", "withdrawn", "no answer, asked three times", "resubmit MB-1")
    assert stage.rows("SELECT 1 FROM due WHERE subject IN ('ticket:1', ?)", f"morning:{stage.olive.id}") == []
    for who in ("pam", "dana", "sam", "quinn", "tom", "otto"):
        assert mornings(stage, who) == []
