"""Posts: those that are for the bot are taken in once and in order, whether it ran when they were written or not."""

import asyncio
import contextlib
import json
import sqlite3
from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import aiohttp
import pytest
from fake_git import fake_git
from fake_mattermost import ADMIN, FakeMattermost
from people import Human, Json
from stage import Stage, on_stage, until

from mmbot import clock, policy
from mmbot.app import App
from mmbot.listening import Listener
from mmbot.mattermost.rest import Rest
from mmbot.mattermost.stream import Pace, TokenRejected
from mmbot.reception import Reception, person
from mmbot.run import run
from mmbot.store.database import Store
from mmbot.store.failing import StoreFails
from mmbot.store.seen import FORGOTTEN_UNTIL
from mmbot.store.tx import Settings

FEW = ("sue", "olive", "sam", "ada")
NOBODY = "z" * 26
STORE_FAILS = "the store fails: nothing is taken in until it can be used again"


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
    early = [await mention(stage, stage.sue, text) for text in ("status", "queue")]
    early.append(await direct(stage, stage.sam, "status"))
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


@BOTH
async def test_a_channel_that_the_bot_was_added_to_while_it_was_away_is_heard(stage: Stage) -> None:
    await stage.sue.say(stage.world.channels["other"], "hello")
    await stage.stop()
    await stage.world.join(stage.bot["user_id"], ["other"])
    await stage.sue.say(stage.world.channels["other"], f"@{stage.bot['username']} note MB-1 one")
    await stage.start()
    assert [text for text, _ in notes(stage)] == ["one"]
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
    assert stage.server
    unmarked = {"id": NOBODY, "user_id": other["user_id"], "channel_id": stage.market, "message": f"{call} {words}"}
    unmarked["create_at"] = stage.server.now()
    stage.server.hub.publish("posted", {"post": json.dumps(unmarked)}, user_id=stage.bot["user_id"])
    await direct(stage, stage.sue, "note MB-1 mine")
    await stage.post("sue", "Noted on")
    assert [text for text, _ in notes(stage)] == ["mine"]
    assert NOBODY not in taken_in(stage)
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


HOUR = 3_600_000


def told_late(said: list[str]) -> list[str]:
    return [x for x in said if x.startswith("I was away.")]


@BOTH
async def test_what_is_too_old_is_not_done_but_asked_for_again_once_for_each_person_and_channel(stage: Stage) -> None:
    assert stage.server
    await stage.stop()
    for text in ("one", "two", "three"):
        await direct(stage, stage.sue, f"note MB-1 {text}")
        await mention(stage, stage.sue, f"note MB-1 public {text}")
    await mention(stage, stage.olive, "status MB-1")
    stage.server.skew += HOUR
    await direct(stage, stage.sue, "note MB-1 fresh")
    await stage.start()
    await stage.post("sue", "Noted on")
    await stage.quiet()
    assert [text for text, _ in notes(stage)] == ["fresh"]
    here, there = told_late(await answers(stage, stage.sue))
    assert "What you wrote to me here" in here
    assert "`note MB-1 one`" in here
    assert "What you wrote to me in the channel" in there
    assert len(told_late(await answers(stage, stage.olive))) == 1
    # Once more, nothing new; and after another absence, once more for what was written in that one.
    await stage.server.restart()
    await stage.stop()
    await direct(stage, stage.sue, "note MB-1 four")
    await direct(stage, stage.sue, "note MB-1 five")
    stage.server.skew += HOUR
    await stage.start()
    await until(partial(answered, stage, "note MB-1 four"))
    await stage.quiet()
    assert [text for text, _ in notes(stage)] == ["fresh"]
    assert len(told_late(await answers(stage, stage.sue))) == 3
    assert len(told_late(await answers(stage, stage.olive))) == 1


async def answered(stage: Stage, words: str) -> bool:
    return any(words in x for x in told_late(await answers(stage, stage.sue)))


async def test_what_tells_of_the_moment_when_it_was_written_counts_however_late_it_is_read(stage: Stage) -> None:
    assert stage.server
    await stage.stop()
    sent = await direct(stage, stage.sue, "vulnerability MB-1 anybody can read the tokens")
    await direct(stage, stage.sue, "note MB-1 too late")
    stage.server.skew += HOUR
    await stage.start()
    await stage.post("sue", "The security team has your report")
    await stage.post("sue", "I was away.")
    with contextlib.closing(sqlite3.connect(stage.config.store.path)) as store:
        assert store.execute("SELECT kind, at FROM case_fact").fetchall() == [("reported", sent["create_at"])]


async def test_what_stands_in_public_by_mistake_is_pointed_out_though_it_was_read_too_late(stage: Stage) -> None:
    assert stage.server
    with contextlib.closing(sqlite3.connect(stage.config.store.path)) as store:
        store.execute("INSERT INTO granted VALUES ('security', ?)", (stage.sam.id,))
        store.commit()
    await stage.stop()
    await mention(stage, stage.sam, "block MB-1 security anybody can read the tokens")
    stage.server.skew += HOUR
    await stage.start()
    await stage.post("sam", "I was away.", "stands in public")


async def test_clocks_that_disagree_make_nothing_late(stage: Stage) -> None:
    assert stage.server
    for hours in (-2, 2):
        await stage.stop()
        stage.server.skew += hours * HOUR
        await stage.start()
        await direct(stage, stage.sue, f"note MB-1 by {hours}")
        await until(partial(recorded, stage, f"by {hours}"))
    assert told_late(await answers(stage, stage.sue)) == []


async def test_an_edit_is_no_request_and_repeats_none(stage: Stage) -> None:
    name = stage.bot["username"]
    wrong = await mention(stage, stage.sue, "noet MB-1 first")
    good = await direct(stage, stage.sue, "note MB-1 first")
    aside = await stage.sue.say(stage.market, "hello")
    await until(partial(recorded, stage, "first"))
    for down in (False, True):
        if down:
            await stage.stop()
        for post, text in ((wrong, f"@{name} note MB-1 again"), (good, "note MB-1 second"), (aside, f"@{name} status")):
            await stage.sue.api.call("PUT", f"/posts/{post['id']}/patch", {"message": f"{text} {down}"})
    late = await direct(stage, stage.sue, "noet MB-1 mistyped")
    await stage.sue.api.call("PUT", f"/posts/{late['id']}/patch", {"message": "note MB-1 corrected before it was read"})
    await stage.start()
    await until(partial(recorded, stage, "corrected before it was read"))
    assert [text for text, _ in notes(stage)] == ["first", "corrected before it was read"]
    assert taken_in(stage) == {wrong["id"], good["id"], late["id"]}


@BOTH
async def test_a_post_that_the_server_stored_later_than_it_dates_it_is_not_missed(stage: Stage) -> None:
    assert stage.server
    await direct(stage, stage.sue, "note MB-1 one")
    await until(partial(recorded, stage, "one"))
    await stage.quiet()
    await stage.stop()
    newest = max(x["create_at"] for x in await stage.sue.posts(await stage.sue.dm(stage.bot["user_id"])))
    stage.server.frozen = newest - 1
    await direct(stage, stage.sue, "note MB-1 two")
    stage.server.frozen = 0
    await stage.start()
    assert [text for text, _ in notes(stage)] == ["one", "two"]


async def test_a_clock_that_was_ahead_for_a_while_hides_nothing_afterwards(stage: Stage) -> None:
    assert stage.server
    channel = await stage.sue.dm(stage.bot["user_id"])
    await direct(stage, stage.sue, "note MB-1 one")
    await until(partial(recorded, stage, "one"))
    await stage.quiet()
    await stage.stop()
    future = stage.server.now() + 24 * HOUR
    with contextlib.closing(sqlite3.connect(stage.config.store.path)) as store:
        store.execute("UPDATE state SET value = ? WHERE key = 'seen-until'", (str(future),))
        store.execute(
            "UPDATE state SET value = substr(value, 1, 26) || ? WHERE key LIKE 'cursor:%'", (f" {future} {future}",)
        )
        store.commit()
    await stage.start()
    await direct(stage, stage.sue, "note MB-1 two")
    await until(partial(recorded, stage, "two"))
    await stage.quiet()
    await stage.stop()
    cursor = stage.rows("SELECT value FROM state WHERE key = ?", f"cursor:{channel}")[0][0]
    assert int(cursor.split()[1]) < future - HOUR
    await direct(stage, stage.sue, "note MB-1 three")
    await direct(stage, stage.sam, "note MB-1 four")
    await stage.start()
    assert [text for text, _ in notes(stage)] == ["one", "two", "three", "four"]


async def test_what_is_as_old_as_what_was_forgotten_is_not_taken_in(stage: Stage) -> None:
    with contextlib.closing(sqlite3.connect(stage.config.store.path)) as store:
        store.execute("INSERT INTO seen VALUES ('post:old', 1), ('slash:old', 2)")
        store.commit()
    await direct(stage, stage.sue, "note MB-1 one")
    await until(partial(recorded, stage, "one"))
    assert stage.rows("SELECT 1 FROM seen WHERE at < 3") == []
    await stage.stop()
    post = await direct(stage, stage.sue, "note MB-1 two")
    with contextlib.closing(sqlite3.connect(stage.config.store.path)) as store:
        store.execute("REPLACE INTO state VALUES (?, ?)", (FORGOTTEN_UNTIL, str(post["create_at"])))
        store.commit()
    await stage.start()
    assert [text for text, _ in notes(stage)] == ["one"]


async def test_a_token_rejected_while_catching_up_ends_the_bot(stage: Stage) -> None:
    assert stage.server
    await stage.stop()
    stage.server.fail_next("GET", "/users/me/teams$", 401, times=3)
    with pytest.raises(ExceptionGroup) as caught:
        await run(stage.config, pace=Pace(shortest=0.02))
    assert caught.group_contains(TokenRejected)


async def test_readiness_follows_the_connection(stage: Stage) -> None:
    assert stage.server
    for down in (True, False):
        stage.server.down = down
        if down:
            stage.server.drop_connections()
        await until(partial(ready, stage, wanted=503 if down else 200))


async def test_whoever_stopped_listening_since_the_store_failed_is_not_connected(stage: Stage) -> None:
    await stage.stop()
    store = Store(stage.config.store.path, policy.load())
    async with Rest(stage.config.mattermost.url, stage.config.mattermost.token.get_secret_value()) as rest:
        app, me = App(store, Settings(), clock.now), person(await rest.me())
        listener = Listener(app, rest, Reception(app, rest, me, b"", stage.trigger, stage.url, lambda: None))
        listens = asyncio.create_task(listener.run())

        async def connected() -> bool:
            return listener.connected

        await until(connected)
        store.execute("PRAGMA query_only = 1")
        await direct(stage, stage.sue, "status MB-1")
        with pytest.raises(StoreFails):
            await listens
        assert not listener.connected
    store.close()
    assert [x["event"] for x in stage.logs if x["log_level"] == "error"] == [STORE_FAILS]
    stage.logs[:] = [x for x in stage.logs if x["event"] != STORE_FAILS]  # which no other scene may see


async def ready(stage: Stage, wanted: int) -> bool:
    async with aiohttp.ClientSession() as session, session.get(f"{stage.url}/readyz") as answer:
        return answer.status == wanted
