"""The security team's private channel on a Mattermost server."""

import contextlib
import json
from functools import partial

import pytest
from people import Refused
from stage import Stage, until

from mmbot import clock, policy
from mmbot.messages import Message
from mmbot.store import outbox
from mmbot.store.database import Store
from mmbot.store.tx import SECURITY

WORD = "zebrafish"


def left_to_say(stage: Stage, *texts: str) -> None:
    """While the bot is down: what it had to say in the private channel when it ended."""
    with contextlib.closing(Store(stage.config.store.path, policy.load(stage.config.sources.policy))) as store:
        for text in texts:
            outbox.add(store, "say", clock.now(), channel=SECURITY, body=outbox.dump_message(Message(text)))


async def submitted(stage: Stage) -> None:
    await stage.mb("sue", f"submit {stage.git.url('example/remind')} v1.0.0")
    await stage.post("sue", "could not")
    await stage.quiet()


async def noted(stage: Stage, *texts: str) -> bool:
    found = [json.loads(x[0])["text"] for x in stage.rows("SELECT data FROM fact WHERE kind LIKE 'note%'")]
    return set(texts) <= set(found)


async def test_what_the_bot_posts_into_the_private_channel_is_read_by_its_members_alone(stage: Stage) -> None:
    await stage.stop()
    left_to_say(stage, WORD, f"{WORD} again")
    await stage.start()
    first = await stage.post("sam", WORD)
    await stage.post("sam", f"{WORD} again")
    await stage.quiet()
    assert first["channel_id"] == stage.security
    for path in (f"/channels/{stage.security}/posts", f"/posts/{first['id']}", f"/channels/{stage.security}/members"):
        for who in ("pam", "olive", "sue"):
            with pytest.raises(Refused) as no:
                await stage.people[who].api.call("GET", path)
            assert no.value.status == 403
    for who in ("pam", "olive", "sue", "ada"):
        assert [x for x in stage.people[who].seen.values() if WORD in x["message"]] == []
    assert [x for x in await stage.pam.posts(stage.market) if WORD in x["message"]] == []


async def test_a_mention_in_the_private_channel_is_heard_also_when_the_bot_was_away(stage: Stage) -> None:
    await submitted(stage)
    bot = stage.bot["username"]
    await stage.sam.say(stage.security, f"@{bot} note MB-1 inside")
    await stage.sam.say(stage.market, f"@{bot} note MB-1 outside")
    await until(partial(noted, stage, "inside", "outside"))
    await stage.stop()
    await stage.sam.say(stage.security, f"@{bot} note MB-1 later")
    await stage.start()
    await until(partial(noted, stage, "later"))
    await stage.quiet()
    rows = stage.rows("SELECT json_extract(data, '$.text'), via FROM fact WHERE kind LIKE 'note%' ORDER BY id")
    inside = f"security:{stage.security}"
    assert rows == [("inside", inside), ("outside", f"mention:{stage.market}"), ("later", inside)]


async def test_a_channel_that_is_made_public_gets_no_post_any_more(stage: Stage) -> None:
    await stage.stop()
    left_to_say(stage, WORD)
    await stage.start()
    await stage.post("sam", WORD)
    await stage.quiet()
    await stage.stop()
    left_to_say(stage, f"{WORD} again")
    await stage.world.admin.call("PUT", f"/channels/{stage.security}/privacy", {"privacy": "O"})
    with pytest.raises(Exception, match="is public, and everybody could read what is confidential"):
        await stage.start()
    await stage.world.admin.call("PUT", f"/channels/{stage.security}/privacy", {"privacy": "P"})
    await stage.start()
    await stage.post("sam", f"{WORD} again")
