"""The outbox against a server that fails: nothing is lost, nothing doubled, and every place keeps its order."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from fake_mattermost import ADMIN, FakeMattermost
from people import Human, Json, World, bootstrap
from structlog.testing import capture_logs

from mmbot import clock, policy
from mmbot.app import App
from mmbot.events import (
    AddNote,
    Block,
    Command,
    Event,
    MoveReview,
    PeopleNamed,
    Person,
    ReferenceResolved,
    RequestReviews,
    SayReady,
    Submit,
    Where,
)
from mmbot.mattermost.rest import Rest
from mmbot.mattermost.voice import MattermostVoice
from mmbot.messages import NotNow
from mmbot.outbox import SLOW_STEPS, Outbox
from mmbot.store import outbox
from mmbot.store.database import Store
from mmbot.store.tx import Settings

MINUTE = 60_000


@dataclass
class Bench:
    """The outbox of a bot with one ticket, its clock in our hands, in front of a server."""

    server: FakeMattermost
    world: World
    rest: Rest
    store: Store
    sue: Person
    market: str
    bot: str
    ahead: int = 0
    steps: dict[str, Callable[[Mapping[str, object], int], object]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.app = App(self.store, Settings(), self.now)
        self.outbox = self.fresh()

    def fresh(self) -> Outbox:
        """The worker as it is after a start."""
        voice = MattermostVoice(self.rest, self.bot, self.market, b"key", "http://127.0.0.1:9", "mb", self.now)
        return Outbox(self.app, voice, {"resolve": resolved})

    def now(self) -> int:
        return clock.now() + self.ahead

    def do(self, what: Command | PeopleNamed, by: Person | None = None, via: Where | None = None) -> None:
        """Somebody, else Sue, does something."""
        number = self.store.query("SELECT count(*) AS n FROM seen")[0]["n"]
        person = by or self.sue
        self.app.handle(Event(f"test:{number}", person.id, self.now(), via or Where("console"), what, (person,)))

    def note(self, text: str) -> None:
        self.do(AddNote(ticket=1, text=text))

    async def thread(self) -> list[str]:
        """What stands in the ticket's thread, oldest first, without the card: the notes' last words, else their first ones."""
        root = self.row("card:1").post
        human = Human(self.world.url, "")
        async with human.api as api:
            api.token = self.world.admin.token
            posts = await human.thread(root)
        return [said(x) for x in posts if x["id"] != root]

    def row(self, subject: str) -> outbox.OutboxRow:
        found = outbox.post_of(self.store, subject)
        assert found
        return found

    def states(self) -> list[tuple[str, str]]:
        """Of everything that is not sent: its state and why."""
        rows = self.store.query("SELECT state, error FROM outbox WHERE state <> 'sent' ORDER BY id")
        return [(x["state"], x["error"]) for x in rows]


def said(post: Json) -> str:
    words = str(post["message"]).split()
    return words[-1] if len(words) < 9 else words[0]


async def resolved(arguments: Mapping[str, object], _tries: int) -> ReferenceResolved:
    found = {"id": "com.example.remind", "name": "Remind", "version": "1.0.0"}
    return ReferenceResolved(
        ticket=int(str(arguments["ticket"])), text=str(arguments["text"]), repository=str(arguments["repository"]), ref_kind="tag",
        ref_name="v1.0.0", commit="a" * 40, manifest=found,
    )  # fmt: skip


BOTH = pytest.mark.parametrize("bench", ["5.37.0", "9.9.0"], indirect=True)
"""For what the generations of servers do differently, or might."""


@pytest.fixture
async def bench(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Bench]:
    async with contextlib.AsyncExitStack() as exits:
        server = await exits.enter_async_context(FakeMattermost(getattr(request, "param", "9.9.0")))
        world = await exits.enter_async_context(bootstrap(server.url, ADMIN, ("sue", "olive"), ("market",)))
        bot, token = await world.add_bot("mmbot", ["market"])
        rest = await exits.enter_async_context(Rest(server.url, token))
        store = exits.enter_context(contextlib.closing(Store(tmp_path / "mmbot.db", policy.load())))
        sue = Person(world.users["sue"]["id"], "sue")
        made = Bench(server, world, rest, store, sue, world.channels["market"], bot["user_id"])
        olive = Person(world.users["olive"]["id"], "olive")
        made.do(PeopleNamed(roles={"owner": (("olive", olive.id),)}))
        made.do(Submit(link="https://github.com/example/remind v1.0.0"))
        await made.outbox.drain()
        made.do(RequestReviews(ticket=1, roles=("security",)), olive)
        await made.outbox.drain()
        assert made.states() == []
        yield made


@BOTH
async def test_a_thread_keeps_its_order_while_the_server_fails(bench: Bench) -> None:
    before = await bench.thread()
    for status in (500, 503, 0):
        bench.server.fail_next("POST", "/posts$", status)
        bench.note(f"one{status}")
        bench.note(f"two{status}")
        await bench.outbox.drain()
        assert len(bench.states()) == 2
        bench.note(f"three{status}")  # due at once, but behind the first
        await bench.outbox.drain()
        assert len(bench.states()) == 3
        assert (outbox.next_due(bench.store, bench.now()) or 0) > bench.now()  # nobody is woken for what waits behind
        bench.ahead += MINUTE
        await bench.outbox.drain()
        assert bench.states() == []
    notes = [f"{word}{status}" for status in (500, 503, 0) for word in ("one", "two", "three")]
    assert (await bench.thread())[len(before) :] == notes


async def test_the_server_says_when_it_wants_to_be_asked_again(bench: Bench) -> None:
    bench.server.fail_next("POST", "/posts$", 429, {"Retry-After": "120"})
    bench.note("late")
    await bench.outbox.drain()
    bench.ahead += 2 * MINUTE - 5_000
    await bench.outbox.drain()
    assert [state for state, _ in bench.states()] == ["pending"]
    bench.ahead += 10_000
    await bench.outbox.drain()
    assert (await bench.thread())[-1] == "late"


async def test_what_fails_in_one_place_holds_up_no_other(bench: Bench) -> None:
    bench.server.fail_next("POST", "/channels/direct$", 500, times=500)
    for number in range(150):
        outbox.add(
            bench.store, "say", bench.now(), person=bench.world.users["olive"]["id"], body=MESSAGE % f"dm{number}"
        )
    bench.note("public")
    await bench.outbox.drain()
    assert (await bench.thread())[-1] == "public"
    assert len(bench.states()) == 150
    bench.server.faults.clear()
    bench.ahead += MINUTE
    await bench.outbox.drain()
    assert bench.states() == []
    async with Human(bench.world.url, bench.world.users["olive"]["username"]) as olive:
        direct = [x["message"] for x in await olive.posts(await olive.dm(bench.bot)) if x["message"].startswith("dm")]
    assert direct == [f"dm{number}" for number in range(150)]


@BOTH
async def test_a_post_whose_answer_was_lost_is_found_and_not_made_again(bench: Bench) -> None:
    bench.server.fail_next("POST", "/posts$", 0, after=True)
    bench.note("once")
    bench.note("next")
    await bench.outbox.drain()
    assert len(bench.states()) == 2
    await bench.server.restart()  # it has forgotten what it was asked
    bench.ahead += 10 * MINUTE
    await bench.fresh().drain()
    assert bench.states() == []
    assert (await bench.thread())[-2:] == ["once", "next"]
    assert (await bench.thread()).count("once") == 1


async def test_a_finding_raised_after_a_notice_whose_answer_was_lost_is_told_too(bench: Bench) -> None:
    find = reviewing(bench)
    find("first")
    await bench.outbox.drain()  # the checklist
    bench.ahead += 6 * MINUTE
    bench.server.fail_next("POST", "/posts$", 0, after=True)
    await bench.outbox.drain()
    find("second")
    bench.ahead += 6 * MINUTE
    await bench.server.restart()
    await bench.fresh().drain()
    assert await findings_told(bench) == ["first", "second"]


async def test_a_finding_raised_while_a_notice_is_on_its_way_is_told_too(bench: Bench) -> None:
    find = reviewing(bench)
    find("first")
    await bench.outbox.drain()  # the checklist
    bench.ahead += 6 * MINUTE
    posting = asyncio.create_task(bench.outbox.drain())
    while ("pending", "being posted") not in bench.states():  # noqa: ASYNC110 -- nothing but the store tells it
        await asyncio.sleep(0)
    find("second")
    await posting
    bench.ahead += 6 * MINUTE
    await bench.outbox.drain()
    assert await findings_told(bench) == ["first", "second"]


async def test_reviewers_are_told_of_an_answer_though_another_reference_took_its_place(bench: Bench) -> None:
    reviewing(bench)("first")
    bench.ahead += 6 * MINUTE
    await bench.outbox.drain()
    bench.do(SayReady(ticket=1, link="v1.0.1"))
    bench.do(MoveReview(ticket=1, link="v1.0.2"))
    await bench.outbox.drain()
    told = [x["message"] for x in bench.server.content.all.values() if "it is your turn again" in x["message"]]
    assert len(told) == 1


def reviewing(bench: Bench) -> Callable[[str], None]:
    """Olive is a dev reviewer, too; what is returned has her find something."""
    olive = Person(bench.world.users["olive"]["id"], "olive")
    bench.do(PeopleNamed(roles={"dev": (("olive", olive.id),)}))
    return lambda text: bench.do(Block(ticket=1, role="dev", text=text), olive)


async def findings_told(bench: Bench) -> list[str]:
    """The findings that Sue was told of by direct message, in order."""
    async with Human(bench.world.url, bench.world.users["sue"]["username"]) as sue:
        messages = [x["message"] for x in await sue.posts(await sue.dm(bench.bot))]
    lines = [line for message in messages if "The review of" in message for line in message.split("\n")]
    return [line.removeprefix("> ") for line in lines if line.startswith("> ")]


async def test_a_card_whose_answer_was_lost_shows_the_present_when_it_is_found(bench: Bench) -> None:
    bench.server.fail_next("POST", "/posts$", 0, after=True)
    bench.do(Submit(link="https://github.com/example/badges v1.0.0"))
    await bench.outbox.drain()
    bench.ahead += MINUTE
    await bench.outbox.drain()
    assert bench.states() == []
    cards = [x for x in bench.server.content.all.values() if "MB-2 ·" in x["message"] and not x["delete_at"]]
    assert len(cards) == 1
    assert "`aaaaaaa`" in cards[0]["message"]


async def test_an_end_between_posting_and_noting_it_doubles_nothing(bench: Bench) -> None:
    bench.note("once")
    await bench.outbox.drain()
    # As the store is after the process died at that point.
    bench.store.execute(
        """UPDATE outbox SET state = 'pending', post = '', error = 'being posted',
           anchor = (SELECT post FROM outbox WHERE subject = 'card:1') WHERE id = (SELECT max(id) FROM outbox)"""
    )
    await bench.server.restart()
    await bench.fresh().drain()
    assert bench.states() == []
    assert (await bench.thread()).count("once") == 1


async def test_a_key_that_somebody_else_copied_proves_nothing(bench: Bench) -> None:
    bench.server.fail_next("POST", "/posts$", 500)
    bench.note("mine")
    await bench.outbox.drain()
    key = bench.store.query("SELECT key FROM outbox WHERE state = 'pending'")[0]["key"]
    body = {"channel_id": bench.market, "message": "not mine", "props": {"mmbot": key}}
    await bench.world.admin.call("POST", "/posts", body)
    bench.ahead += MINUTE
    await bench.outbox.drain()
    assert (await bench.thread())[-1] == "mine"


@BOTH
async def test_a_card_that_a_moderator_deletes_is_posted_anew_with_its_thread(bench: Bench) -> None:
    card, prompt = bench.row("card:1"), bench.row("prompt:1:security")
    await bench.world.admin.call("DELETE", f"/posts/{card.post}")
    bench.do(RequestReviews(ticket=1, roles=("qa",)), Person(bench.world.users["olive"]["id"], "olive"))
    bench.note("later")
    await bench.outbox.drain()
    assert bench.states() == []
    new = bench.row("card:1")
    assert new.post != card.post
    assert new.key != card.key
    assert bench.row("prompt:1:security").post != prompt.post
    roots = {x["root_id"] for x in bench.server.content.all.values() if not x["delete_at"] and x["root_id"]}
    assert roots == {new.post}
    assert "later" in await bench.thread()


@BOTH
async def test_a_reply_to_a_card_that_was_deleted_brings_the_card_back_first(bench: Bench) -> None:
    card = bench.row("card:1")
    await bench.world.admin.call("DELETE", f"/posts/{card.post}")
    body = MESSAGE % "hello"
    outbox.add(bench.store, "say", bench.now(), channel="market", thread="card:1", body=body)
    await bench.outbox.drain()
    assert bench.states() == []
    assert bench.row("card:1").post != card.post
    assert "hello" in await bench.thread()


@BOTH
async def test_a_checklist_that_is_deleted_comes_back_in_its_thread(bench: Bench) -> None:
    card, prompt = bench.row("card:1"), bench.row("prompt:1:security")
    await bench.world.admin.call("DELETE", f"/posts/{prompt.post}")
    outbox.renew(bench.store, prompt.id, bench.now())
    await bench.outbox.drain()
    assert bench.states() == []
    assert bench.row("card:1").post == card.post
    again = bench.server.content.all[bench.row("prompt:1:security").post]
    assert (again["root_id"], again["delete_at"]) == (card.post, 0)


@BOTH
async def test_an_answer_to_a_question_that_was_deleted_is_parked(bench: Bench) -> None:
    async with Human(bench.world.url, bench.world.users["sue"]["username"]) as sue:
        asked = await sue.say(bench.market, "question")
        await sue.api.call("DELETE", f"/posts/{asked['id']}")
    outbox.add(bench.store, "say", bench.now(), channel=bench.market, root=asked["id"], body=MESSAGE % "answer")
    bench.note("after")
    await bench.outbox.drain()
    assert bench.states() == [("parked", "the post it answers was deleted")]
    assert (await bench.thread())[-1] == "after"


async def test_what_the_server_never_takes_is_parked_with_its_reason(bench: Bench) -> None:
    bench.server.fail_next("POST", "/posts$", 400)
    bench.note("refused")
    bench.note("after")
    with capture_logs() as logs:
        await bench.outbox.drain()
    assert bench.states() == [("parked", "400 fault: This was asked for.")]
    assert [x["event"] for x in logs] == ["outbox row parked"]
    assert (await bench.thread())[-1] == "after"


@BOTH
async def test_somebody_whom_the_server_lost_gets_nothing_and_harms_nobody(bench: Bench) -> None:
    outbox.add(bench.store, "say", bench.now(), person="z" * 26, body=MESSAGE % "x")
    bench.note("after")
    await bench.outbox.drain()
    assert [state for state, _ in bench.states()] == ["parked"]
    assert (await bench.thread())[-1] == "after"


async def test_a_token_that_is_not_known_at_the_moment_parks_nothing(bench: Bench) -> None:
    known = dict(bench.server.tokens)
    bench.server.tokens.clear()
    bench.note("patient")
    await bench.outbox.drain()
    assert {state for state, _ in bench.states()} == {"pending"}
    bench.server.tokens.update(known)
    bench.ahead += MINUTE
    await bench.outbox.drain()
    assert (await bench.thread())[-1] == "patient"


async def test_a_row_that_breaks_something_of_ours_is_parked_and_the_rest_goes_on(bench: Bench) -> None:
    outbox.add(bench.store, "say", bench.now(), channel="market", thread="card:1", body="no message")
    outbox.add(bench.store, "do", bench.now(), subject="a step of a later version", body="{}")
    bench.note("after")
    with capture_logs() as logs:
        await bench.outbox.drain()
    assert [x["log_level"] for x in logs] == ["error", "error"]
    assert {f"{error.split(',')[0]}" for _, error in bench.states()} == {"JSONDecodeError", "KeyError"}
    assert {error.rsplit(" ", 1)[1] for _, error in bench.states()} == {x["reference"] for x in logs}
    assert (await bench.thread())[-1] == "after"


async def test_a_card_that_shows_the_same_is_not_edited(bench: Bench) -> None:
    def writes() -> int:
        return len([x for x in bench.server.calls if x.method in {"POST", "PUT"}])

    before = writes()
    outbox.show(bench.store, "card:1", "market", "", bench.now())
    await bench.outbox.drain()
    assert writes() == before
    outbox.renew(bench.store, bench.row("card:1").id, bench.now())
    await bench.outbox.drain()
    assert writes() == before + 1


async def test_a_bot_thrown_out_of_the_channel_does_not_take_its_card_for_deleted(bench: Bench) -> None:
    post = bench.row("card:1").post
    await bench.world.admin.call("DELETE", f"/channels/{bench.market}/members/{bench.bot}")
    outbox.renew(bench.store, bench.row("card:1").id, bench.now())
    await bench.outbox.drain()
    assert [(state, error[:4]) for state, error in bench.states()] == [("parked", "403 ")]
    await bench.world.join(bench.bot, ["market"])
    bench.note("back")  # what changes shows itself again
    await bench.outbox.drain()
    assert bench.states() == []
    assert bench.row("card:1").post == post


async def test_a_card_moves_to_the_channel_that_is_configured_now(bench: Bench) -> None:
    old = bench.row("card:1").post
    bench.market = await bench.world.add_channel("other")
    await bench.world.join(bench.bot, ["other"])
    worker = bench.fresh()
    outbox.add(bench.store, "say", bench.now(), channel="market", thread="card:1", body=MESSAGE % "moved")
    await worker.drain()
    assert bench.states() == []
    card = bench.server.content.all[bench.row("card:1").post]
    assert (card["id"] != old, card["channel_id"]) == (True, bench.market)
    assert "moved" in await bench.thread()


async def test_steps_run_side_by_side_but_few_at_once_and_each_next_one_follows(bench: Bench) -> None:
    running, most, gates = 0, 0, [asyncio.Event() for _ in range(SLOW_STEPS + 3)]
    started: asyncio.Queue[int] = asyncio.Queue()

    async def slow(arguments: Mapping[str, object], tries: int) -> ReferenceResolved:
        nonlocal running, most
        number = int(str(arguments["text"]))
        if number == 0 and not tries:
            raise NotNow("not yet")
        running, most = running + 1, max(most, running + 1)
        started.put_nowait(number)
        await gates[number].wait()
        running -= 1
        return ReferenceResolved(ticket=1, text="v1.0.0", repository="https://github.com/example/remind", why="gone")

    worker = Outbox(bench.app, bench.outbox.voice, {"slow": slow})
    for number in range(len(gates)):
        outbox.add(bench.store, "do", bench.now(), subject="slow", body=f'{{"text": "{number}"}}')
    task = asyncio.create_task(worker.run(lambda _: None))
    async with asyncio.timeout(5):
        order = [await started.get() for _ in range(SLOW_STEPS)]
        for _ in range(2):
            gates[order[-1]].set()
            order.append(await started.get())
        bench.ahead += MINUTE
        for gate in gates:
            gate.set()
        worker.wake()
        order.append(await started.get())
    assert most == SLOW_STEPS
    assert sorted(order) == list(range(len(gates)))
    assert order[-1] == 0
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task


class Panic(BaseException):
    """What libraries in Rust raise when they panic: no Exception."""


async def test_a_library_that_panics_ends_its_step_alone(bench: Bench) -> None:
    async def panics(_arguments: Mapping[str, object], _tries: int) -> ReferenceResolved:
        raise Panic("index out of bounds")

    worker = Outbox(bench.app, bench.outbox.voice, {"panics": panics})
    outbox.add(bench.store, "do", bench.now(), subject="panics", body='{"ticket": 1, "text": "v1.0.0"}')
    await worker.drain()
    assert [row["state"] for row in bench.store.query("SELECT state FROM outbox WHERE subject = 'panics'")] == [
        "parked"
    ]


async def test_an_end_stops_the_steps_that_run(bench: Bench) -> None:
    ended = asyncio.Event()
    began = asyncio.Event()

    async def endless(_arguments: Mapping[str, object], _tries: int) -> ReferenceResolved:
        began.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    outbox.add(bench.store, "do", bench.now(), subject="endless", body="{}")
    task = asyncio.create_task(Outbox(bench.app, bench.outbox.voice, {"endless": endless}).run(lambda _: None))
    await began.wait()
    task.cancel()
    with contextlib.suppress(asyncio.CancelledError):
        await task
    assert ended.is_set()
    assert bench.states() == [("pending", "")]


MESSAGE = '{"text": "%s", "rows": [], "colour": ""}'
