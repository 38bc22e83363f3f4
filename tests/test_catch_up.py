"""Posts: those that are for the bot are taken in once and in order, whether it ran when they were written or not."""

import contextlib
import json
import sqlite3
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest
from fake_git import fake_git
from fake_mattermost import ADMIN, FakeMattermost
from people import Human, Json
from stage import Stage, on_stage, until

FEW = ("sue", "olive", "sam", "ada")
NOBODY = "z" * 26


BOTH = pytest.mark.parametrize("stage", ["5.37.0", "9.9.0"], indirect=True)
"""For what the generations of servers do differently, or might."""


@pytest.fixture
async def stage(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Stage]:
    """A bot with one ticket, MB-1."""
    (tmp_path / "git").mkdir()
    async with (
        FakeMattermost(getattr(request, "param", "9.9.0")) as fake,
        fake_git(tmp_path / "git") as git,
        on_stage((fake.url, ADMIN, fake), git, tmp_path, FEW) as playing,
    ):
        # There is no such repository, which is soon found out, and does not matter here.
        await playing.mb("sue", f"submit {git.url('example/remind')} v1.0.0")
        await playing.post("sue", "could not")
        await playing.quiet()
        yield playing


async def mention(stage: Stage, who: Human, text: str, root: str | None = None) -> Json:
    return await who.say(stage.market, f"@{stage.bot['username']} {text}", root)


async def direct(stage: Stage, who: Human, text: str) -> Json:
    return await who.say(await who.dm(stage.bot["user_id"]), text)


def notes(stage: Stage) -> list[tuple[str, int]]:
    """The notes of MB-1 with their times, in the order in which they were recorded."""
    found = [json.loads(x[0]) for x in stage.rows("SELECT data FROM fact WHERE kind LIKE 'note%' ORDER BY id")]
    return [(x["text"], x["at"]) for x in found]


def taken_in(stage: Stage) -> set[str]:
    """The ids of the posts that were taken for requests."""
    return {str(x[0]).removeprefix("post:") for x in stage.rows("SELECT event FROM seen WHERE event LIKE 'post:%'")}


async def answers(stage: Stage, who: Human) -> list[str]:
    channel = await who.dm(stage.bot["user_id"])
    return [x["message"] for x in await who.posts(channel) if x["user_id"] == stage.bot["user_id"]]


@BOTH
async def test_what_was_written_while_the_bot_was_down_is_answered_once_and_in_order(stage: Stage) -> None:
    await direct(stage, stage.sue, "note MB-1 before")
    await stage.post("sue", "Noted on")
    await stage.quiet()
    await stage.stop()
    posts = [
        await direct(stage, stage.sue, "note MB-1 one"),
        await mention(stage, stage.olive, "note MB-1 two"),
        await direct(stage, stage.sam, "note MB-1 three"),  # a channel that the bot has never seen
        await mention(stage, stage.olive, "note MB-1 four"),
        await direct(stage, stage.sue, "note MB-1 five"),
    ]
    await mention(stage, stage.sue, "status MB-1")
    await stage.start()
    await stage.quiet()
    written = [(x["message"].rsplit(" ", 1)[1], x["create_at"]) for x in posts]
    assert notes(stage)[1:] == written
    assert len([x for x in await answers(stage, stage.sam) if "Noted" in x]) == 1
    told = [x for x in await answers(stage, stage.sue) if "Noted" in x or "submitted by" in x]
    assert len(told) == 4
    # Neither another start nor a broken connection brings anything back.
    await stage.stop()
    await stage.start()
    assert stage.server
    stage.server.drop_connections()
    await stage.server.restart()
    await direct(stage, stage.sue, "note MB-1 six")
    await until(partial(recorded, stage, "six"))
    await stage.quiet()
    assert [text for text, _ in notes(stage)] == ["before", "one", "two", "three", "four", "five", "six"]
    assert len([x for x in await answers(stage, stage.sam) if "Noted" in x]) == 1


async def test_the_first_start_answers_nothing_that_was_written_before(stage: Stage) -> None:
    await stage.stop()
    for file in stage.config.store.path.parent.glob("mmbot.db*"):
        file.unlink()
    early = [await mention(stage, stage.sue, "status"), await direct(stage, stage.sam, "status")]
    await stage.start()
    late = await direct(stage, stage.sam, "help")
    await stage.post("sam", "What you can do here")
    assert taken_in(stage) == {late["id"]}
    assert early
    await stage.stop()
    new = await direct(stage, stage.sue, "help")
    await stage.start()
    await stage.post("sue", "What you can do here")
    assert taken_in(stage) == {late["id"], new["id"]}


@BOTH
async def test_a_place_to_go_on_from_that_is_gone_is_no_end(stage: Stage) -> None:
    await stage.stop()
    channel = await stage.sam.dm(stage.bot["user_id"])
    with contextlib.closing(sqlite3.connect(stage.config.store.path)) as store:
        store.execute("INSERT INTO state VALUES (?, ?)", (f"cursor:{channel}", NOBODY))
        store.execute("UPDATE state SET value = ? WHERE key = ?", (NOBODY, f"cursor:{stage.market}"))
        store.commit()
    await direct(stage, stage.sam, "note MB-1 one")
    await mention(stage, stage.olive, "note MB-1 two")
    await stage.start()
    assert [text for text, _ in notes(stage)] == ["one", "two"]
    await stage.quiet()


async def test_a_channel_that_the_bot_lost_does_not_keep_it_from_the_others(stage: Stage) -> None:
    await stage.sue.say(stage.world.channels["other"], "hello")
    await stage.stop()
    await stage.world.join(stage.bot["user_id"], ["other"])
    assert stage.server
    stage.server.fail_next("GET", f"/channels/{stage.world.channels['other']}/posts", 403, times=5)
    await direct(stage, stage.sue, "note MB-1 one")
    await stage.start()
    assert [text for text, _ in notes(stage)] == ["one"]
    await stage.quiet()


@BOTH
async def test_posts_of_machines_and_of_the_bot_itself_are_not_requests(stage: Stage) -> None:
    other, token = await stage.world.add_bot("other", ["plugins-marketplace"])
    call, words = f"@{stage.bot['username']}", "note MB-1 loop"
    own = Human(stage.world.url, "")
    async with own.api as api:
        for account, more in (
            (token, {}),
            (stage.config.mattermost.token.get_secret_value(), {}),
            (stage.sue.api.token, {"props": {"from_webhook": "true"}}),
            (stage.sue.api.token, {"props": {"from_plugin": "true"}}),
        ):
            api.token = account
            for down in (False, True):
                if down:
                    await stage.stop()
                await api.call("POST", "/posts", {"channel_id": stage.market, "message": f"{call} {words}", **more})
                if down:
                    await stage.start()
    assert other
    await direct(stage, stage.sue, "note MB-1 mine")
    await stage.post("sue", "Noted on")
    assert [text for text, _ in notes(stage)] == ["mine"]
    await stage.quiet()


async def test_only_what_is_said_to_the_bot_is_a_request(stage: Stage) -> None:
    name = stage.bot["username"]
    said = [
        "nothing",
        f"ask {name} about it",
        f"x@{name} status",
        f"@{name}x status",
        f"@{name}-2 status",
        f"write to a@{name}.org",
    ]
    for text in said:
        await stage.sue.say(stage.market, text)
    post = await stage.sue.say(stage.market, "hello")
    await stage.sue.api.call("PUT", f"/posts/{post['id']}/patch", {"message": f"@{name} note MB-1 edited"})
    gone = []
    await stage.stop()
    for words in ("note MB-1 deleted", "note MB-1 deleted too"):
        gone.append(await mention(stage, stage.sue, words))
        await stage.sue.api.call("DELETE", f"/posts/{gone[-1]['id']}")
    await stage.start()
    asked = [
        await mention(stage, stage.sue, "status MB-1"),
        await stage.sue.say(stage.market, f"please, @{name}: note MB-1 hi"),
    ]
    await stage.post("sue", "hi")
    await stage.quiet()
    assert taken_in(stage) == {x["id"] for x in asked}
    assert [text for text, _ in notes(stage)] == ["hi"]


async def test_a_mention_in_a_thread_leads_to_a_dialog_for_that_ticket(stage: Stage) -> None:
    card = await stage.post("sam", "MB-1 · ")
    await mention(stage, stage.sam, "note", card["id"])
    asked = await stage.post("sam", "needs a little more")
    await stage.sam.click(asked["id"], "Fill in…", wait=0.1)
    assert await stage.fill("sam", text="from the thread") == {}
    await stage.post("sam", "Noted on")
    assert [text for text, _ in notes(stage)] == ["from the thread"]
    await stage.quiet()


async def test_nonsense_on_the_stream_is_survived(stage: Stage) -> None:
    assert stage.server
    hub = stage.server.hub
    for data in ({}, {"post": ""}, {"post": "{"}, {"post": "[]"}, {"post": {"id": 1}}, {"post": '{"id": "x"}'},
                 {"post": json.dumps({"id": NOBODY, "user_id": NOBODY, "channel_id": NOBODY, "message": 7})},
                 {"post": json.dumps({"id": NOBODY, "user_id": NOBODY, "channel_id": NOBODY, "message": "x", "create_at": "now"})},
                 {"post": json.dumps({"id": NOBODY, "user_id": NOBODY, "channel_id": NOBODY, "message": "\ud800", "create_at": 1})},
                 {"channel_type": "D", "post": json.dumps(
                     {"id": NOBODY, "user_id": NOBODY, "channel_id": NOBODY, "message": "status", "create_at": 1})}):  # fmt: skip
        hub.publish("posted", data, user_id=stage.bot["user_id"])
    await direct(stage, stage.sue, "note MB-1 one")
    await stage.post("sue", "Noted on")
    for number, nonsense in enumerate(('{"event": "posted", "data": [1], "seq": 1}', "[" * 9_000)):
        sockets = [x.socket for x in hub.connections.values() if x.user_id == stage.bot["user_id"] and x.socket]
        await sockets[0].send_str(nonsense)
        await direct(
            stage, stage.sue, f"note MB-1 after {number}"
        )  # noticed when the bot is back, which takes a moment
        await until(partial(recorded, stage, f"after {number}"))
    await stage.quiet()
    assert [text for text, _ in notes(stage)] == ["one", "after 0", "after 1"]


async def recorded(stage: Stage, text: str) -> bool:
    return text in dict(notes(stage))
