"""The security team's private channel: what is posted there stays there, and who speaks there is known to."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator
from dataclasses import replace
from functools import partial
from pathlib import Path

import pytest
from fake_git import fake_git
from fake_mattermost import ADMIN, FakeMattermost
from people import Human, Json
from stage import Stage, on_stage, until
from test_outbox import BOTH, MESSAGE, Bench, bench, resolved

from mmbot import policy
from mmbot.config import Config, ConfigError
from mmbot.console import Console
from mmbot.console_cuts import HERE
from mmbot.events import Event, PeopleNamed, Where
from mmbot.mattermost.voice import MattermostVoice
from mmbot.messages import Message
from mmbot.outbox import Outbox
from mmbot.run import run
from mmbot.store import outbox
from mmbot.store.database import Store
from mmbot.store.tx import SECURITY, Settings, Tx

assert bench  # a fixture
WORD = "zebrafish"


@pytest.fixture
async def room(bench: Bench) -> str:
    """The id of a private channel with the bot and Olive in it; Olive is an admin, and the bench's worker posts there."""
    security = await bench.world.add_channel("security", "P")
    await bench.world.join(bench.bot, ["security"])
    olive = bench.world.users["olive"]["id"]
    await bench.world.join(olive, ["security"])
    bench.do(PeopleNamed(roles={"admin": (("olive", olive),), "owner": (("olive", olive),)}))
    voice = MattermostVoice(
        bench.rest, bench.bot, bench.market, b"key", "http://127.0.0.1:9", "mb", bench.now, security
    )
    bench.outbox = Outbox(bench.app, voice, {"resolve": resolved})
    await bench.outbox.drain()
    return security


def tx(bench: Bench) -> Tx:
    event = Event("test", "", bench.now(), Where("mmbot"), PeopleNamed(roles={}))
    return Tx(bench.store, event, bench.now(), Settings())


def standing(bench: Bench, channel: str) -> list[Json]:
    """The bot's posts in a channel, oldest first."""
    posts = [x for x in bench.server.content.all.values() if not x["delete_at"] and not x["original_id"]]
    return [x for x in posts if (x["channel_id"], x["user_id"], x["type"]) == (channel, bench.bot, "")]


async def told(bench: Bench) -> list[str]:
    """What the admin was told of rows that were given up."""
    async with Human(bench.world.url, bench.world.users["olive"]["username"]) as olive:
        return [x["message"] for x in await olive.posts(await olive.dm(bench.bot)) if "gave up" in x["message"]]


def card_into_the_room(bench: Bench) -> None:
    """As if the card had been shown there from the beginning: `Tx.show` keeps a subject where it is."""
    bench.store.execute("DELETE FROM outbox")
    tx(bench).show("card:1", channel=SECURITY)


# Posting


@BOTH
async def test_what_is_said_into_the_private_channel_stands_there_and_nowhere_else(bench: Bench, room: str) -> None:
    before = len(standing(bench, bench.market))
    tx(bench).say(Message(WORD), channel=SECURITY)
    await bench.outbox.drain()
    assert [x["message"] for x in standing(bench, room)] == [WORD]
    assert len(standing(bench, bench.market)) == before
    assert bench.states() == []
    async with Human(bench.world.url, bench.world.users["sue"]["username"]) as sue:
        with pytest.raises(Exception, match="403"):
            await sue.posts(room)


@BOTH
async def test_a_subject_and_its_thread_stay_in_the_private_channel(bench: Bench, room: str) -> None:
    card_into_the_room(bench)
    # In which channel the thread is need not be said, and cannot be said wrongly.
    tx(bench).say(Message("one"), thread="card:1")
    outbox.add(bench.store, "say", bench.now(), channel="market", thread="card:1", body=MESSAGE % "two")
    outbox.notice(bench.store, "changed:1", bench.now(), bench.now())
    await bench.outbox.drain()
    before = len(standing(bench, bench.market))
    card, *replies = standing(bench, room)
    assert bench.row("card:1").post == card["id"]
    assert [(x["message"], x["root_id"]) for x in replies] == [("one", card["id"]), ("two", card["id"])]
    bench.note("said in its thread, where a checklist is posted, too")
    await bench.outbox.drain()
    replies = standing(bench, room)[1:]
    assert {x["root_id"] for x in replies} == {card["id"]}
    assert any("security review of" in x["message"] for x in replies)
    assert len(standing(bench, bench.market)) == before
    assert bench.states() == []


async def test_a_post_that_was_made_there_is_found_again_and_not_made_twice(bench: Bench, room: str) -> None:
    bench.server.fail_next("POST", "/posts$", 0, after=True)
    tx(bench).say(Message(WORD), channel=SECURITY)
    await bench.outbox.drain()
    bench.ahead += 60_000
    bench.server.content.pending.clear()
    await bench.outbox.drain()
    assert [x["message"] for x in standing(bench, room)] == [WORD]
    assert bench.states() == []


async def test_a_post_that_was_deleted_there_comes_back_there_with_its_thread(bench: Bench, room: str) -> None:
    card_into_the_room(bench)
    await bench.outbox.drain()
    [old] = standing(bench, room)
    await bench.world.admin.call("DELETE", f"/posts/{old['id']}")
    tx(bench).say(Message("afterwards"), thread="card:1")
    await bench.outbox.drain()
    new, reply = standing(bench, room)
    assert new["id"] != old["id"]
    assert (reply["message"], reply["root_id"]) == ("afterwards", new["id"])


# What stands in the way


@BOTH
async def test_a_bot_put_out_of_the_private_channel_tells_the_admins_without_a_word_of_what_it_had_to_say(
    bench: Bench, room: str
) -> None:
    await bench.world.admin.call("DELETE", f"/channels/{room}/members/{bench.bot}")
    for text in (WORD, f"{WORD} again"):
        tx(bench).say(Message(text), channel=SECURITY)
    bench.note("goes on elsewhere")
    await bench.outbox.drain()
    assert [(state, error[:4]) for state, error in bench.states()] == [("parked", "403 ")] * 2
    [message] = await told(bench)
    assert message.startswith(
        "I gave up a post in the security team's channel: the server does not let me post there: is my account"
    )
    assert WORD not in message
    await bench.world.join(bench.bot, ["security"])
    assert bench.app.retry("all") == 2
    await bench.outbox.drain()
    assert [x["message"] for x in standing(bench, room)] == [WORD, f"{WORD} again"]


async def test_trouble_in_the_private_channel_is_told_though_the_same_was_told_of_the_other_one(
    bench: Bench, room: str
) -> None:
    for channel in (bench.market, room):
        await bench.world.admin.call("DELETE", f"/channels/{channel}/members/{bench.bot}")
    bench.note("public")
    tx(bench).say(Message(WORD), channel=SECURITY)
    await bench.outbox.drain()
    assert ["security team's channel" in x for x in sorted(await told(bench))] == [True, False]


@BOTH
async def test_nothing_is_posted_or_edited_in_a_channel_that_was_made_public(bench: Bench, room: str) -> None:
    card_into_the_room(bench)
    await bench.outbox.drain()
    [card] = standing(bench, room)
    await bench.world.admin.call("PUT", f"/channels/{room}/privacy", {"privacy": "O"})
    edits = len([x for x in bench.server.calls if x.method == "PUT" and x.path.startswith("/posts")])
    tx(bench).say(Message(WORD), channel=SECURITY)
    outbox.renew(bench.store, bench.row("card:1").id, bench.now())
    await bench.outbox.drain()
    assert [(state, "not private any more" in error) for state, error in bench.states()] == [("parked", True)] * 2
    assert standing(bench, room) == [card]
    assert len([x for x in bench.server.calls if x.method == "PUT" and x.path.startswith("/posts")]) == edits
    [message] = await told(bench)
    assert "everybody could read it now: make the channel private again" in message
    assert WORD not in message
    await bench.world.admin.call("PUT", f"/channels/{room}/privacy", {"privacy": "P"})
    bench.app.retry("all")
    await bench.outbox.drain()
    assert [x["message"] for x in standing(bench, room)][1:] == [WORD]


async def test_a_card_moves_to_the_private_channel_that_is_configured_now(bench: Bench, room: str) -> None:
    card_into_the_room(bench)
    await bench.outbox.drain()
    [old] = standing(bench, room)
    other = await bench.world.add_channel("vault", "P")
    await bench.world.join(bench.bot, ["vault"])
    await bench.world.admin.call("PUT", f"/channels/{room}/privacy", {"privacy": "O"})
    voice = MattermostVoice(bench.rest, bench.bot, bench.market, b"key", "http://127.0.0.1:9", "mb", bench.now, other)
    bench.outbox = Outbox(bench.app, voice, {"resolve": resolved})
    outbox.renew(bench.store, bench.row("card:1").id, bench.now())
    await bench.outbox.drain()
    assert standing(bench, room) == [old]
    assert [x["id"] for x in standing(bench, other)] == [bench.row("card:1").post]
    assert bench.states() == []


async def test_what_is_for_a_private_channel_that_is_configured_no_more_goes_nowhere(bench: Bench, room: str) -> None:
    bench.outbox = bench.fresh()
    before = len(standing(bench, bench.market))
    tx(bench).say(Message(WORD), channel=SECURITY)
    await bench.outbox.drain()
    assert bench.states() == [("parked", "mattermost.security_channel names no channel")]
    assert (standing(bench, room), len(standing(bench, bench.market))) == ([], before)
    [message] = await told(bench)
    assert "none is configured" in message


# The start


@pytest.fixture
async def stage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stage]:
    """A bot with one ticket, MB-1, and its private channel with Sam in it."""
    (tmp_path / "git").mkdir()
    async with (
        FakeMattermost(getattr(request, "param", "9.9.0")) as fake,
        fake_git(tmp_path / "git") as git,
        on_stage((fake.url, ADMIN, fake), git, tmp_path, ("sue", "olive", "sam", "ada")) as playing,
    ):
        await playing.mb("sue", f"submit {git.url('example/remind')} v1.0.0")
        await playing.post("sue", "could not")
        await playing.quiet()
        yield playing


TWO = pytest.mark.parametrize("stage", ["5.37.0", "9.9.0"], indirect=True)


async def refusal(config: Config) -> str:
    """Why the bot does not start."""
    with pytest.raises(ConfigError) as no:
        async with asyncio.timeout(10):
            await run(config)
    return str(no.value)


@TWO
async def test_a_public_channel_that_is_missing_or_without_the_bot_is_refused_at_the_start(stage: Stage) -> None:
    await stage.stop()
    name, admin = stage.config.mattermost.security_channel, stage.world.admin
    await admin.call("PUT", f"/channels/{stage.security}/privacy", {"privacy": "O"})
    assert await refusal(stage.config) == (
        f"mattermost.security_channel: ~{name} is public, and everybody could read what is confidential. "
        "Make it private (in the channel's menu: Convert to Private Channel), or name another."
    )
    await admin.call("PUT", f"/channels/{stage.security}/privacy", {"privacy": "P"})
    await admin.call("DELETE", f"/channels/{stage.security}/members/{stage.bot['user_id']}")
    unseen = await refusal(stage.config)
    assert unseen.startswith(
        f"mattermost.security_channel: the bot sees no channel {name} in {stage.world.team}. If the name is wrong"
    )
    await stage.world.join(stage.bot["user_id"], ["marketplace-security"])
    nowhere = stage.config.mattermost.model_copy(update={"security_channel": "nowhere"})
    assert (await refusal(stage.config.model_copy(update={"mattermost": nowhere}))) == unseen.replace(name, "nowhere")
    await admin.call("DELETE", f"/channels/{stage.security}")
    assert await refusal(stage.config) == unseen
    await admin.call("POST", f"/channels/{stage.security}/restore")
    await stage.start()


# Who speaks there


def ways(stage: Stage) -> dict[str, str]:
    """The text of each note, and the way it came in, without the channel."""
    found = [json.loads(x[0]) for x in stage.rows("SELECT data FROM fact WHERE kind LIKE 'note%' ORDER BY id")]
    return {x["text"]: x["via"].partition(":")[0] for x in found}


async def noted(stage: Stage, *texts: str) -> bool:
    return set(texts) <= set(ways(stage))


@TWO
async def test_a_mention_in_the_private_channel_is_told_from_one_anywhere_else(stage: Stage) -> None:
    bot = stage.bot["username"]
    await stage.world.add_channel("aside", "P")
    await stage.world.join(stage.bot["user_id"], ["aside"])
    await stage.world.join(stage.sam.id, ["aside"])
    await stage.sam.say(stage.security, f"@{bot} note MB-1 inside")
    await stage.sam.say(stage.security, f"@{bot}: help")
    await stage.post("sam", "What you can do here")
    await stage.sam.say(stage.market, f"@{bot} note MB-1 outside")
    await stage.sam.say(stage.world.channels["aside"], f"@{bot} note MB-1 aside")
    await stage.sam.say(await stage.sam.dm(stage.bot["user_id"]), "note MB-1 direct")
    await stage.mb("sam", "note MB-1 slash")
    await until(partial(noted, stage, "inside", "outside", "aside", "direct", "slash"))
    assert ways(stage) == {
        "inside": "security",
        "outside": "mention",
        "aside": "mention",
        "direct": "dm",
        "slash": "slash",
    }
    await stage.quiet()
    answers = [x for x in await stage.sam.posts(stage.security) if x["user_id"] == stage.bot["user_id"]]
    assert answers == []  # they go to whoever asked


@TWO
async def test_a_mention_in_a_private_channel_that_was_made_public_counts_as_public(stage: Stage) -> None:
    await stage.world.admin.call("PUT", f"/channels/{stage.security}/privacy", {"privacy": "O"})
    await stage.sam.say(stage.security, f"@{stage.bot['username']} note MB-1 open")
    await until(partial(noted, stage, "open"))
    assert ways(stage) == {"open": "mention"}


@TWO
async def test_what_was_written_in_the_private_channel_while_the_bot_was_away_counts_once(stage: Stage) -> None:
    bot = stage.bot["username"]
    await stage.stop()
    await stage.sam.say(stage.security, f"@{bot} note MB-1 one")
    await stage.sam.say(stage.market, f"@{bot} note MB-1 two")
    await stage.start()
    await until(partial(noted, stage, "one", "two"))
    assert stage.server
    await stage.server.restart()  # its streams are gone, so that what follows is looked up
    await stage.sam.say(stage.security, f"@{bot} note MB-1 three")
    await until(partial(noted, stage, "three"))
    assert ways(stage) == {"one": "security", "two": "mention", "three": "security"}
    assert len(stage.rows("SELECT 1 FROM fact WHERE kind LIKE 'note%'")) == 3


async def test_what_may_be_confidential_is_remarked_on_in_public_and_not_in_the_private_channel(stage: Stage) -> None:
    bot = stage.bot["username"]
    for channel in (stage.security, stage.market):
        await stage.sam.say(channel, f"@{bot} block MB-9 a hole that nobody shall know of")
    await stage.post("sam", "There is no MB-9", "stands in public")
    await stage.quiet()
    direct = await stage.sam.posts(await stage.sam.dm(stage.bot["user_id"]))
    assert len([x for x in direct if "There is no MB-9" in x["message"]]) == 2
    assert len([x for x in direct if "stands in public" in x["message"]]) == 1


# The console


async def test_the_console_shows_what_is_posted_in_the_private_channel_and_takes_what_is_written_there(
    tmp_path: Path,
) -> None:
    with contextlib.closing(Store(tmp_path / "mmbot.db", policy.load())) as store:
        console = Console(store, store.policy, 1_794_218_400_000)
        console.settle({"admin": ("ada",), "owner": ("olive",), "security": ("sam",)})
        assert console.app.settings.security_channel
        outbox.add(store, "say", console.world.now(), channel=SECURITY, body=MESSAGE % WORD)
        await console.outbox.drain()
        assert console.world.lines == [f"mmbot in ~security: {WORD}"]
        await console.line(":repo github.com/example/remind v1.0.0 3f9c2ab com.example.remind Remind 1.0.0")
        store.execute("UPDATE outbox SET channel = ?", SECURITY)
        said = await console.line("@sue: /mb submit github.com/example/remind v1.0.0")
        assert [x for x in said if x.startswith("mmbot in ~plugins-marketplace: ")]
        store.execute("UPDATE outbox SET post = '', shown = '', channel = ? WHERE kind = 'show'", SECURITY)
        card = next(x for x in console.world.posts if x.subject == "card:1")
        card.channel = SECURITY
        for line in (
            "@sam in ~security: @mmbot note MB-1 inside",
            "@sam in ~plugins-marketplace: @mmbot note MB-1 outside",
            "@sam: @mmbot note MB-1 there",
            "@sam in thread of MB-1: @mmbot note in its thread",
        ):
            assert "Noted" in "".join(await console.line(line)), line
        vias = {
            x["text"]: x["via"]
            for x in map(json.loads, (row["data"] for row in store.query("SELECT data FROM fact")))
            if "text" in x
        }
        public = "mention:plugins-marketplace"
        assert vias | {
            "inside": "security:security", "outside": public, "there": public, "in its thread": "security:security",
        } == vias  # fmt: skip
        assert "in ~security: @mmbot TEXT" in "\n".join(await console.line(":help"))
        assert replace(console.app.settings, security_channel="") == Settings(cutting=HERE)
