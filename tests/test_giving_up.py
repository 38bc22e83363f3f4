"""What the outbox gives up, whom it tells, how that is taken up again; what it looks for, what waits for what, what is forgotten."""

import asyncio
import contextlib
import sqlite3
from collections.abc import Callable, Mapping
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path

import pytest
from people import Human
from sqlite_utils import Database
from structlog.testing import capture_logs
from test_outbox import BOTH, MESSAGE, Bench, bench, findings_told, resolved, reviewing

from mmbot import policy
from mmbot.events import MoveReview, PeopleNamed, ReferenceResolved, Submit
from mmbot.mattermost.client import RestError
from mmbot.mattermost.voice import _translated
from mmbot.messages import Never, NotNow
from mmbot.outbox import LAST_SECONDS, OTHERS, TRIES, Outbox
from mmbot.store import outbox
from mmbot.store.backup import back_up, restore
from mmbot.store.database import Store
from mmbot.store.failing import StoreFails
from mmbot.store.migrations import migrations

assert bench  # a fixture
MINUTE, DAY = 60_000, 86_400_000


def admin(bench: Bench) -> str:
    """Olive is an admin, too; her id."""
    olive = bench.world.users["olive"]["id"]
    bench.do(PeopleNamed(roles={"admin": (("olive", olive),)}))
    return str(olive)


async def told(bench: Bench, name: str, words: str) -> list[str]:
    """The direct messages of the bot to somebody with these words in them."""
    async with Human(bench.world.url, bench.world.users[name]["username"]) as human:
        return [x["message"] for x in await human.posts(await human.dm(bench.bot)) if words in x["message"]]


def say(bench: Bench, person: str, text: str) -> None:
    outbox.add(bench.store, "say", bench.now(), person=bench.world.users[person]["id"], body=MESSAGE % text)


def posts(bench: Bench) -> int:
    return len([x for x in bench.server.calls if (x.method, x.path) == ("POST", "/posts")])


async def until(true: Callable[[], bool]) -> None:
    """Returns when something is true that only the store tells."""
    async with asyncio.timeout(10):
        while not true():  # noqa: ASYNC110 -- nothing but the store tells it
            await asyncio.sleep(0.01)


@BOTH
async def test_an_archived_channel_is_told_to_the_admin_once_and_holds_up_nobody(bench: Bench) -> None:
    admin(bench)
    before = await bench.thread()
    await bench.world.admin.call("DELETE", f"/channels/{bench.market}")
    for text in ("one", "two", "three"):
        bench.note(text)
    say(bench, "sue", "hello")
    await bench.outbox.drain()
    assert {state for state, _ in bench.states()} == {"parked"}
    assert len(bench.states()) == 3
    assert await told(bench, "sue", "hello") == ["hello"]
    assert len(await told(bench, "olive", "the channel is archived")) == 1
    calls = posts(bench)
    bench.ahead += 2 * DAY
    await bench.fresh().drain()
    assert posts(bench) == calls
    await bench.world.admin.call("POST", f"/channels/{bench.market}/restore")
    assert bench.app.retry("all") == 3
    await bench.outbox.drain()
    assert bench.states() == []
    assert (await bench.thread())[len(before) :] == ["one", "two", "three"]
    assert bench.app.retry("all") == 0


async def test_a_cause_is_told_again_when_it_is_there_again_after_a_retry(bench: Bench) -> None:
    admin(bench)
    await bench.world.admin.call("DELETE", f"/channels/{bench.market}/members/{bench.bot}")
    for text in ("one", "two"):
        bench.note(text)
        await bench.outbox.drain()
    assert len(await told(bench, "olive", "is my account still in the channel")) == 1
    number = outbox.parked_rows(bench.store)[-1]
    assert bench.app.retry(str(number)) == 1
    await bench.outbox.drain()
    assert len(await told(bench, "olive", "is my account still in the channel")) == 2
    await bench.world.join(bench.bot, ["market"])
    bench.app.retry("all")
    await bench.outbox.drain()
    assert (await bench.thread())[-2:] == ["one", "two"]


async def test_a_notice_that_waits_tells_what_a_parked_one_would_have(bench: Bench) -> None:
    for _ in range(2):
        outbox.notice(bench.store, "changes:1", bench.now() + MINUTE, bench.now())
        number = bench.store.query("SELECT max(id) AS n FROM outbox")[0]["n"]
        outbox.parked(bench.store, number, "no")
    outbox.notice(bench.store, "changes:1", bench.now() + MINUTE, bench.now())
    assert outbox.undeliverable(bench.store, "changes:1")
    assert bench.app.retry("all") == 2
    assert not outbox.undeliverable(bench.store, "changes:1")
    waiting = bench.store.query("SELECT id FROM outbox WHERE subject = 'changes:1' AND state = 'pending'")
    assert len(waiting) == 1


@pytest.mark.parametrize(
    ("status", "error_id", "for_ever"),
    [
        (0, "no_answer", False),
        (302, "redirect", False),
        (401, "api.context.session_expired.app_error", False),
        (403, "http", False),  # a proxy's page
        (404, "http", False),
        (408, "api.x", False),
        (429, "http", False),
        (502, "http", False),
        (413, "http", True),
        (400, "model.post.is_valid.msg.app_error", True),
        (403, "api.context.permissions.app_error", True),
    ],
)
def test_only_what_mattermost_itself_refuses_is_refused_for_ever(status: int, error_id: str, *, for_ever: bool) -> None:
    assert isinstance(_translated(RestError(status, error_id, "")), Never if for_ever else NotNow)


async def test_the_thread_of_a_parked_card_waits_for_it_without_trying(bench: Bench) -> None:
    bench.store.execute("UPDATE outbox SET post = '', state = 'parked' WHERE subject = 'card:1'")
    outbox.add(bench.store, "say", bench.now(), channel="market", thread="card:1", body=MESSAGE % "later")
    calls = len(bench.server.calls)
    for _ in range(3):
        bench.ahead += 2 * MINUTE
        await bench.outbox.drain()
    assert len(bench.server.calls) == calls
    assert bench.store.query("SELECT tries FROM outbox WHERE state = 'pending'")[0]["tries"] == 0
    assert (outbox.next_due(bench.store, bench.now())) is None
    bench.app.retry("all")
    await bench.outbox.drain()
    assert bench.states() == []
    assert "later" in await bench.thread()


async def test_a_notice_for_the_thread_of_a_parked_card_waits_for_it_and_follows(bench: Bench) -> None:
    reviewing(bench)("a hole")
    bench.store.execute("UPDATE outbox SET post = '', state = 'parked' WHERE subject = 'card:1'")
    outbox.notice(bench.store, "changed:1", bench.now(), bench.now())
    for number in range(max(TRIES, OTHERS) + 3):
        say(bench, "sue", f"ok{number}")
        await bench.outbox.drain()
        bench.ahead += 2 * MINUTE
    left = bench.store.query("SELECT subject, state, tries FROM outbox WHERE subject IN ('card:1', 'changed:1')")
    assert {(x["subject"], x["state"], x["tries"]) for x in left} == {
        ("card:1", "parked", 0),
        ("changed:1", "pending", 0),
    }
    assert outbox.next_due(bench.store, bench.now()) is None
    bench.app.retry("all")
    await bench.outbox.drain()
    assert bench.states() == []
    notice = bench.store.query("SELECT post FROM outbox WHERE subject = 'changed:1' ORDER BY id DESC LIMIT 1")
    assert bench.server.content.all[notice[0]["post"]]["root_id"] == bench.row("card:1").post


async def test_a_card_that_changes_while_it_is_sent_is_sent_again_even_within_a_millisecond(bench: Bench) -> None:
    row = bench.row("card:1")
    at = bench.now()
    outbox.show(bench.store, "card:1", "market", "", at)
    read = bench.row("card:1")
    outbox.show(bench.store, "card:1", "market", "", at)
    outbox.sent(bench.store, read, row.sent_channel, row.post, "shown")
    assert bench.row("card:1").state == "pending"
    outbox.sent(bench.store, bench.row("card:1"), row.sent_channel, row.post, "shown")
    assert bench.row("card:1").state == "sent"


async def test_what_was_lost_while_it_was_edited_is_posted_anew_all_the_same(bench: Bench) -> None:
    read = bench.row("card:1")
    outbox.lost(bench.store, read.id, bench.now())
    outbox.sent(bench.store, read, read.sent_channel, read.post, "shown")
    assert (bench.row("card:1").state, bench.row("card:1").post) == ("pending", "")


async def test_a_fault_in_taking_in_a_result_is_told_and_can_be_tried_again(bench: Bench) -> None:
    admin(bench)

    async def strange(arguments: Mapping[str, object], tries: int) -> ReferenceResolved:
        return (await resolved(arguments, tries)).model_copy(
            update={"ref_kind": "of a later version", "ref_name": object()}
        )

    worker = Outbox(bench.app, bench.outbox.voice, {"resolve": strange})
    bench.do(MoveReview(ticket=1, link="v1.0.1"))
    with capture_logs() as logs:
        await worker.drain()
    assert [x["log_level"] for x in logs if x["log_level"] != "info"] == ["error"]
    assert [state for state, _ in bench.states()] == ["parked"]
    assert len(await told(bench, "olive", "I failed to look up `v1.0.1`")) == 1  # its owner
    assert len(await told(bench, "olive", "that is a fault of mine")) == 1  # and the admin
    ticket = bench.store.ticket(1)
    assert ticket
    assert ticket.asked
    bench.app.retry("all")
    await bench.outbox.drain()
    assert bench.states() == []
    ticket = bench.store.ticket(1)
    assert ticket
    assert not ticket.asked


async def test_a_step_for_a_ticket_that_cannot_be_read_is_parked_and_the_rest_goes_on(bench: Bench) -> None:
    admin(bench)
    bench.do(MoveReview(ticket=1, link="v1.0.1"))
    before = bench.store.query("SELECT data FROM fact WHERE id = 2")[0]["data"]
    bench.store.execute("UPDATE fact SET data = '{}' WHERE id = 2")
    with bench.store.transaction(), contextlib.suppress(KeyError), bench.store.savepoint():
        raise KeyError  # it forgets what it has read
    say(bench, "sue", "hello")
    with capture_logs() as logs:
        await bench.outbox.drain()
    assert "nobody was told that an outbox row was given up" in [x["event"] for x in logs]
    assert {state for state, _ in bench.states()} == {"parked"}
    assert await told(bench, "sue", "hello") == ["hello"]
    assert await told(bench, "olive", "that is a fault of mine")
    bench.store.execute("UPDATE fact SET data = ? WHERE id = 2", before)
    bench.app.retry("all")
    await bench.outbox.drain()
    assert bench.states() == []


async def test_a_step_whose_result_the_store_does_not_take_was_not_tried(bench: Bench) -> None:
    async def failing(arguments: Mapping[str, object], tries: int) -> ReferenceResolved:
        bench.store.trouble = "the disk is full"
        return await resolved(arguments, tries)

    bench.do(MoveReview(ticket=1, link="v1.0.1"))
    with pytest.raises(StoreFails):
        await Outbox(bench.app, bench.outbox.voice, {"resolve": failing}).run(lambda _: None)
    bench.store.trouble = ""
    steps = bench.store.query("SELECT state, tries, error FROM outbox WHERE kind = 'do' ORDER BY id DESC LIMIT 1")
    assert steps == [{"state": "pending", "tries": 0, "error": ""}]


async def test_a_statement_of_ours_that_fails_in_a_step_is_a_fault_of_ours(bench: Bench) -> None:
    async def wrong(_arguments: Mapping[str, object], _tries: int) -> ReferenceResolved:
        bench.store.query("SELECT nothing")
        raise AssertionError

    bench.do(MoveReview(ticket=1, link="v1.0.1"))
    with capture_logs() as logs:
        await Outbox(bench.app, bench.outbox.voice, {"resolve": wrong}).drain()
    assert "outbox row failed" in [x["event"] for x in logs]
    assert [state for state, _ in bench.states()] == ["parked"]


async def test_a_result_is_taken_in_once_though_it_comes_twice(bench: Bench) -> None:
    bench.do(MoveReview(ticket=1, link="v1.0.1"))
    await bench.outbox.drain()
    facts = len(bench.store.facts(1))
    bench.store.execute("UPDATE outbox SET state = 'pending' WHERE id = (SELECT max(id) FROM outbox WHERE kind = 'do')")
    await bench.fresh().drain()
    assert len(bench.store.facts(1)) == facts
    assert bench.states() == []


@BOTH
async def test_a_post_is_looked_for_after_the_newest_one_before_it_was_tried(bench: Bench) -> None:
    async with Human(bench.world.url, bench.world.users["sue"]["username"]) as sue:
        for number in range(5):
            last = await sue.say(bench.market, f"chat {number}")
    worker = bench.fresh()
    bench.server.fail_next("POST", "/posts$", 0, after=True)
    bench.note("once")
    await worker.drain()
    assert bench.store.query("SELECT anchor FROM outbox WHERE anchor <> ''") == [{"anchor": last["id"]}]
    bench.server.skew = -3 * DAY  # its clock is of no concern
    await bench.server.restart()
    bench.ahead += MINUTE
    bench.server.calls.clear()
    await bench.fresh().drain()
    reads = [dict(x.query) for x in bench.server.calls if x.method == "GET" and x.path.endswith("/posts")]
    assert not [x for x in reads if "since" in x]
    assert (await bench.thread()).count("once") == 1


async def test_where_there_was_no_post_or_it_is_unknown_all_of_the_channel_is_looked_through(bench: Bench) -> None:
    for anchor in (outbox.EMPTY, "z" * 26):
        bench.server.fail_next("POST", "/posts$", 0, after=True)
        say(bench, "olive", f"to-{anchor[0]}")
        await bench.outbox.drain()
        bench.store.execute("UPDATE outbox SET anchor = ? WHERE state = 'pending'", anchor)
        await bench.server.restart()
        bench.ahead += MINUTE
        await bench.fresh().drain()
        assert len(await told(bench, "olive", f"to-{anchor[0]}")) == 1


async def test_a_pause_that_the_server_asks_for_is_kept_towards_everybody(bench: Bench) -> None:
    bench.server.fail_next("POST", "/posts$", 429, {"Retry-After": "120"})
    worker = Outbox(bench.app, bench.outbox.voice, {}, places=1)
    for person in ("sue", "olive"):
        say(bench, person, "hello")
    before = posts(bench)
    await worker.drain()
    bench.ahead += MINUTE
    await worker.drain()
    assert posts(bench) == before
    bench.ahead += 2 * MINUTE
    await worker.drain()
    assert bench.states() == []


async def test_a_post_that_makes_the_server_fail_is_given_up_when_it_takes_others(bench: Bench) -> None:
    admin(bench)
    await bench.outbox.drain()
    sue = bench.world.users["sue"]["id"]
    bench.server.fail_next("POST", "/channels/direct$", 500, times=10_000)
    worker = bench.fresh()  # it has asked for no channel yet
    say(bench, "sue", "poison")
    for _ in range(TRIES + 3):
        await worker.drain()
        bench.ahead += 2 * MINUTE
    assert [state for state, _ in bench.states()] == ["pending"]  # nothing else was taken: it may be the server
    for number in range(OTHERS):
        outbox.add(
            bench.store,
            "say",
            bench.now(),
            channel=bench.market,
            root=bench.row("card:1").post,
            body=MESSAGE % f"x{number}",
        )
    await worker.drain()
    bench.ahead += 2 * MINUTE
    await worker.drain()
    parked = bench.store.query("SELECT person FROM outbox WHERE state = 'parked'")
    assert sue in {x["person"] for x in parked}


async def test_a_place_that_is_slow_holds_up_no_other(bench: Bench) -> None:
    go = bench.server.hold("POST", "/posts.*slow")
    for number in range(3):
        say(bench, "sue", f"slow{number}")
    for number in range(150):
        say(bench, "olive", f"quick{number}")
    working = asyncio.create_task(bench.outbox.run(lambda _: None))
    await until(lambda: len(bench.states()) <= 3)
    bench.note("meanwhile")
    bench.outbox.wake()
    await until(lambda: len(bench.states()) <= 3)
    go.set()
    await until(lambda: not bench.states())
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)
    assert await told(bench, "sue", "slow") == ["slow0", "slow1", "slow2"]
    assert await told(bench, "olive", "quick") == [f"quick{n}" for n in range(150)]
    assert (await bench.thread())[-1] == "meanwhile"


async def test_a_post_on_its_way_is_waited_for_at_the_end(bench: Bench) -> None:
    go = bench.server.hold("POST", "/posts.*goodbye")
    say(bench, "sue", "goodbye")
    working = asyncio.create_task(bench.outbox.run(lambda _: None))
    await until(lambda: ("pending", "being posted") in bench.states())
    working.cancel()
    asyncio.get_running_loop().call_later(LAST_SECONDS / 10, go.set)
    with contextlib.suppress(asyncio.CancelledError):
        await working
    assert bench.states() == []


async def test_nobody_is_woken_while_a_call_is_on_its_way(bench: Bench) -> None:
    """A row that is due but in hand must not count as the next one, or the clock would wake us again and again."""
    go = bench.server.hold("POST", "/posts.*slow")
    say(bench, "sue", "slow")
    dues: list[int | None] = []
    working = asyncio.create_task(bench.outbox.run(dues.append))
    await asyncio.sleep(0.05)
    assert all(x is None or x > bench.now() for x in dues)
    go.set()
    working.cancel()
    await asyncio.gather(working, return_exceptions=True)


async def test_what_was_sent_long_ago_is_forgotten_but_not_what_is_needed(bench: Bench) -> None:
    bench.note("old")
    for number in ("1", "2"):  # the first ticket is open, the second one is none
        for told_up_to in ("1", "2"):
            outbox.add(bench.store, "notice", bench.now(), subject=f"changes:{number}")
            row = outbox.row(bench.store, bench.store.query("SELECT max(id) AS n FROM outbox")[0]["n"])
            assert row
            outbox.sent(bench.store, row, "c", f"{number}{told_up_to}" * 13, told_up_to)
    await bench.outbox.drain()
    bench.store.execute("UPDATE outbox SET kind = kind WHERE id = 0")
    bench.ahead += 61 * DAY
    say(bench, "sue", "new")
    outbox.add(bench.store, "say", bench.now() - 61 * DAY, person="z" * 26, body=MESSAGE % "parked")
    await bench.outbox.drain()
    assert outbox.prune(bench.store, bench.now()) > 3
    left = bench.store.query("SELECT kind, subject, state, shown FROM outbox ORDER BY id")
    assert {x["kind"] for x in left if x["state"] == "sent"} == {"show", "notice", "say"}
    assert [x["shown"] for x in left if x["subject"] == "changes:1"] == ["1", "2"]
    assert [x["shown"] for x in left if x["subject"] == "changes:2"] == ["2"]
    assert outbox.told(bench.store, "changes:2") == 2
    assert len([x for x in left if x["kind"] == "say"]) == 2  # the new one and the parked one
    assert outbox.prune(bench.store, bench.now()) == 0
    assert outbox.subject_of_post(bench.store, bench.row("card:1").post) == "card:1"


@BOTH
async def test_what_was_posted_after_a_backup_is_found_and_not_doubled_when_it_is_restored(
    bench: Bench, tmp_path: Path
) -> None:
    reviewing(bench)("once")
    await bench.outbox.drain()  # the checklist
    bench.ahead += 10 * MINUTE  # the notice is due
    bench.do(Submit(link="https://github.com/example/badges v1.0.0"))
    bench.store.execute("DELETE FROM outbox WHERE kind = 'do' AND state = 'pending'")  # what is looked up is told anew
    say(bench, "sue", "hello")
    say(bench, "sue", "tried")
    outbox.later(bench.store, bench.store.query("SELECT max(id) AS n FROM outbox")[0]["n"], bench.now(), "502")
    say(bench, "sue", "parked")
    outbox.parked(bench.store, bench.store.query("SELECT max(id) AS n FROM outbox")[0]["n"], "403")
    back_up(bench.store.path, tmp_path / "copy.db")
    bench.app.retry("all")
    await bench.outbox.drain()
    assert bench.states() == []
    before = {key for key, post in bench.server.content.all.items() if not post["delete_at"]}
    restore(tmp_path / "copy.db", tmp_path / "new.db", datetime.now(UTC))
    with closing(Store(tmp_path / "new.db", policy.load())) as bench.store:
        bench.__post_init__()
        bench.app.retry("all")
        for _ in range(2):
            await bench.outbox.drain()
            bench.ahead += 10 * MINUTE
        assert bench.states() == []
    assert {key for key, post in bench.server.content.all.items() if not post["delete_at"]} == before
    assert await findings_told(bench) == ["once"]
    for words in ("hello", "tried", "parked"):
        assert await told(bench, "sue", words) == [words]


def test_what_an_older_version_tried_is_looked_for_in_all_of_its_channel(tmp_path: Path) -> None:
    with closing(sqlite3.connect(tmp_path / "old.db", isolation_level=None)) as connection:
        db = Database(connection)
        migrations.apply(db, stop_before="m005_tried")
        for number, (state, error) in enumerate((("pending", "being posted"), ("pending", ""), ("sent", ""))):
            connection.execute(
                """INSERT INTO outbox (id, key, kind, subject, channel, person, root, thread, body, state, due_at, error, created_at)
                   VALUES (?, ?, 'say', '', '', 'p', '', '', '', ?, 0, ?, 0)""",
                (number + 1, str(number), state, error),
            )
        migrations.apply(db)
        assert connection.execute("SELECT anchor FROM outbox ORDER BY id").fetchall() == [("-",), ("",), ("",)]
