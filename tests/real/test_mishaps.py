"""What goes wrong between the bot and its server, on that server: the bot away, posts deleted, answers lost."""

import json

from people import Json
from stage import Stage, manifest

from mmbot import clock
from mmbot.mattermost.rest import Rest
from mmbot.mattermost.voice import MattermostVoice
from mmbot.messages import Message


async def handed_in(stage: Stage) -> Json:
    """A ticket's card."""
    remind = stage.git.repository("example/remind")
    remind.tag("v1.0.0", remind.commit({"plugin.json": manifest("com.example.remind", "Remind", "1.0.0")}))
    await stage.mb("sue", f"submit {stage.git.url('example/remind')} v1.0.0")
    await stage.post("sue", "`v1.0.0` is commit")
    await stage.quiet()
    return await stage.post("sue", "MB-1 · Remind 1.0.0")


def notes(stage: Stage) -> list[tuple[str, int]]:
    found = [json.loads(x[0]) for x in stage.rows("SELECT data FROM fact WHERE kind LIKE 'note%' ORDER BY id")]
    return [(x["text"], x["at"]) for x in found]


async def test_what_was_written_while_the_bot_was_away_counts_once_and_in_order(stage: Stage) -> None:
    await handed_in(stage)
    await stage.stop()
    posts, name = [], stage.bot["username"]
    for who, text in (("sue", "one"), ("olive", "two"), ("sam", "three"), ("olive", "four"), ("sue", "five")):
        human = stage.people[who]
        if who == "olive":
            posts.append(await human.say(stage.market, f"@{name} note MB-1 {text}"))
        else:
            posts.append(await human.say(await human.dm(stage.bot["user_id"]), f"note MB-1 {text}"))
    gone = await stage.sue.say(stage.market, f"@{name} note MB-1 deleted")
    await stage.sue.api.call("DELETE", f"/posts/{gone['id']}")
    await stage.start()
    await stage.quiet()
    assert notes(stage) == [(x["message"].rsplit(" ", 1)[1], x["create_at"]) for x in posts]
    await stage.stop()
    await stage.start()
    assert len(notes(stage)) == 5
    channel = await stage.sam.dm(stage.bot["user_id"])
    answers = [x for x in await stage.sam.posts(channel) if "Noted" in x["message"]]
    assert len(answers) == 1


async def test_a_card_that_a_moderator_deletes_comes_back_with_its_thread(stage: Stage) -> None:
    card = await handed_in(stage)
    await stage.mb("olive", "request MB-1 security")
    prompt = await stage.post("sam", "security review of")
    await stage.quiet()
    await stage.world.admin.call("DELETE", f"/posts/{card['id']}")
    assert "Noted" in await stage.mb("sue", "note MB-1 afterwards")
    again = await stage.sam.wait_for(lambda p: "MB-1 · Remind" in p["message"] and p["id"] != card["id"])
    fresh = await stage.sam.wait_for(
        lambda p: "security review of" in p["message"] and p["id"] != prompt["id"] and p["root_id"]
    )
    later = await stage.sam.wait_for(lambda p: "afterwards" in p["message"] and p["root_id"])
    assert {fresh["root_id"], later["root_id"]} == {again["id"]}
    assert "security approves" in await stage.sam.click(fresh["id"], "All pass, approve")


async def test_a_post_of_ours_is_found_by_its_key_and_nobody_elses_is(stage: Stage) -> None:
    token, mine = stage.config.mattermost.token.get_secret_value(), stage.bot["user_id"]
    body = {"channel_id": stage.market, "message": "x", "props": {"mmbot": "key"}}
    await stage.sue.api.call("POST", "/posts", body)
    async with Rest(stage.world.url, token) as rest:
        voice = MattermostVoice(rest, mine, stage.market, b"secret", "http://127.0.0.1:9", "mb", clock.now)
        place, anchor = await voice.newest("market")
        assert (place, await voice.find(place, "key", "")) == (stage.market, None)
        made = await voice.post("market", "", Message("hello"), 1, "key")
        await voice.edit("market", Message("hello again"), made[1], 1, "key")
        assert await voice.find("market", "key", anchor) == made
        await rest.delete_post(made[1])
        assert await voice.find("market", "key", anchor) is None
