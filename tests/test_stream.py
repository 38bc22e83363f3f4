"""The supervised event stream, against a server that drops, restarts, repeats and skips."""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from itertools import pairwise
from typing import Any

import pytest
from aiohttp import web
from fake_mattermost import ADMIN, FakeMattermost
from people import World, bootstrap

from mmbot.mattermost.rest import Rest
from mmbot.mattermost.stream import Frame, Lost, Pace, TokenRejected, frames

QUICK = Pace(poll=0.2, heartbeat=0.5, hello=0.5, shortest=0.02, longest=0.2)
News = Frame | Lost


class Reader:
    """Takes from a stream, with a limit on patience."""

    def __init__(self, stream: AsyncIterator[News]) -> None:
        self.stream = stream

    async def next(self) -> News:
        async with asyncio.timeout(5):
            return await anext(self.stream)

    async def until(self, message: str) -> list[News]:
        """Everything up to the post with that message."""
        taken: list[News] = []
        while not taken or message_of(taken[-1]) != message:
            taken.append(await self.next())
        return taken


def message_of(item: News) -> str:
    if isinstance(item, Frame) and item.event == "posted":
        return str(json.loads(item.data["post"])["message"])
    return ""


async def eventually(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():  # noqa: ASYNC110 - what is waited for announces nothing
            await asyncio.sleep(0.01)


def messages(items: list[News]) -> list[str]:
    return [message for item in items if (message := message_of(item))]


def holes(items: list[News]) -> list[Lost]:
    return [item for item in items if isinstance(item, Lost)]


@pytest.fixture
async def server() -> AsyncIterator[FakeMattermost]:
    async with FakeMattermost() as server:
        yield server


@pytest.fixture
async def world(server: FakeMattermost) -> AsyncIterator[World]:
    async with bootstrap(server.url, ADMIN) as world:
        yield world


@contextlib.asynccontextmanager
async def reading(world: World, backlog: int = 1000) -> AsyncIterator[Reader]:
    """A bot's stream, past its first `Lost`."""
    _, token = await world.add_bot(channels=["reviews"])
    async with Rest(world.url, token) as rest, contextlib.aclosing(frames(rest, QUICK, backlog)) as stream:
        reader = Reader(stream)
        first = await reader.next()
        assert isinstance(first, Lost)
        assert first.first
        yield reader


async def say(world: World, message: str) -> None:
    body = {"channel_id": world.channels["reviews"], "message": message}
    await world.admin.call("POST", "/posts", body)


async def test_the_first_thing_to_come_is_a_call_to_catch_up_then_events_flow(world: World) -> None:
    async with reading(world) as reader:
        await say(world, "hello")
        taken = await reader.until("hello")
        assert messages(taken) == ["hello"]
        assert not holes(taken)


async def test_dropped_connections_lose_and_repeat_nothing(server: FakeMattermost, world: World) -> None:
    async with reading(world) as reader:
        expected = []
        taken: list[News] = []
        for number in range(60):
            if number % 3 == 0:
                server.drop_connections()
            await say(world, f"m{number}")
            expected.append(f"m{number}")
            if number % 7 == 0:
                taken += await reader.until(f"m{number}")
        await say(world, "end")
        taken += await reader.until("end")
        assert messages(taken) == [*expected, "end"]
        assert not holes(taken)


async def test_after_a_restart_comes_a_call_to_catch_up_before_new_events(server: FakeMattermost, world: World) -> None:
    async with reading(world) as reader:
        await say(world, "before")
        await reader.until("before")
        restart = asyncio.create_task(server.restart(pause=0.3))
        await restart
        taken = [await reader.next()]
        while not isinstance(taken[-1], Lost):
            taken.append(await reader.next())
        assert not holes(taken)[0].first
        await say(world, "after")
        assert messages(await reader.until("after")) == ["after"]


async def test_a_token_the_server_does_not_know_is_reported(server: FakeMattermost) -> None:
    async with Rest(server.url, "x" * 26) as rest, contextlib.aclosing(frames(rest, QUICK)) as stream:
        with pytest.raises(TokenRejected) as caught:
            await Reader(stream).next()
        assert "x" * 26 not in str(caught.value)


async def test_a_token_revoked_while_listening_is_reported(server: FakeMattermost, world: World) -> None:
    async with reading(world) as reader:
        row = list(server.token_rows.values())[-1]
        await world.admin.call("POST", "/users/tokens/revoke", {"token_id": row["id"]})
        with pytest.raises(TokenRejected):
            await reader.until("never")


async def test_one_refusal_is_not_believed(server: FakeMattermost, world: World) -> None:
    async with reading(world) as reader:
        server.fail_next("GET", "/users/me", 401, times=2)
        server.drop_connections()
        await say(world, "still here")
        await reader.until("still here")


async def test_a_server_that_is_down_is_waited_for(server: FakeMattermost, world: World) -> None:
    async with reading(world) as reader:
        server.fail_next("GET", "/websocket", 0, times=3)
        server.drop_connections()
        await say(world, "again")
        taken = await reader.until("again")
        assert not holes(taken)


async def test_a_server_that_stays_away_is_asked_ever_less_often_and_never_in_step(
    server: FakeMattermost, world: World
) -> None:
    moments: list[float] = []
    async with reading(world):
        server.fail_next("GET", "/websocket", 0, times=10_000)
        before = len(server.calls)
        server.drop_connections()
        for _ in range(60):
            await asyncio.sleep(0.01)
            if len(server.calls) > before:
                before = len(server.calls)
                moments.append(asyncio.get_running_loop().time())
    # At the shortest pause it would be sixty or more; some are the asking of an idle stream.
    assert 3 < len(moments) < 30
    gaps = [later - earlier for earlier, later in pairwise(moments)]
    assert max(gaps) > 2 * min(gaps)


async def test_whoever_does_not_keep_up_is_told_instead_of_holding_up_the_reader(world: World) -> None:
    async with reading(world, backlog=10) as reader:
        for number in range(50):
            await say(world, f"m{number}")
        taken = [await reader.next()]
        while not isinstance(taken[-1], Lost):
            taken.append(await reader.next())
        await say(world, "later")
        got = messages(taken + await reader.until("later"))
        in_order = [message for message in [*(f"m{number}" for number in range(50)), "later"] if message in got]
        assert got == in_order
        assert len(got) < 51


async def test_idling_keeps_asking_for_the_own_account(server: FakeMattermost, world: World) -> None:
    async with reading(world):
        before = [call.path for call in server.calls].count("/users/me")
        await eventually(lambda: [call.path for call in server.calls].count("/users/me") > before + 2)


class Script:
    """A server whose every websocket follows its own script of frames; a plain stand-in for oddities."""

    def __init__(self, *scripts: list[dict[str, Any]]) -> None:
        self.scripts = list(scripts)
        self.queries: list[dict[str, str]] = []
        self.url = ""
        self.pages_in_the_way = self.hangs = 0

    async def me(self, _request: web.Request) -> web.Response:
        if self.hangs:
            self.hangs -= 1
            await asyncio.sleep(3)
        if self.pages_in_the_way:
            self.pages_in_the_way -= 1
            return web.Response(text="<h1>Back soon</h1>", content_type="text/html")
        return web.json_response({"id": "b" * 26, "username": "mmbot"})

    async def websocket(self, request: web.Request) -> web.WebSocketResponse:
        self.queries.append(dict(request.query))
        script = self.scripts.pop(0) if self.scripts else []
        silent = {"silent": True} in script
        socket = web.WebSocketResponse(autoping=not silent)
        await socket.prepare(request)
        for frame in script:
            if "text" in frame:
                await socket.send_str(frame["text"])
            elif "event" in frame:
                await socket.send_json(frame)
        if {"close": True} not in script:
            with contextlib.suppress(TimeoutError):
                await socket.receive(timeout=3)
        return socket


@contextlib.asynccontextmanager
async def scripted(script: Script) -> AsyncIterator[Reader]:
    app = web.Application()
    app.router.add_get("/chat/api/v4/users/me", script.me)
    app.router.add_get("/chat/api/v4/websocket", script.websocket)
    runner = web.AppRunner(app, shutdown_timeout=0.1)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    script.url = f"http://127.0.0.1:{runner.addresses[0][1]}/chat/"
    try:
        async with Rest(script.url, "t" * 26) as rest, contextlib.aclosing(frames(rest, QUICK)) as stream:
            yield Reader(stream)
    finally:
        await runner.cleanup()


def hello(connection: str) -> dict[str, Any]:
    return {"event": "hello", "data": {"connection_id": connection}, "broadcast": {}, "seq": 0}


def event(seq: int) -> dict[str, Any]:
    return {"event": "typing", "data": {}, "broadcast": {}, "seq": seq}


async def test_a_repeated_event_is_left_out_and_a_skipped_one_is_announced_before_what_follows() -> None:
    async with scripted(Script([hello("one"), event(1), event(1), event(2), event(5), event(6)])) as reader:
        taken = [await reader.next() for _ in range(6)]
    assert [item.seq if isinstance(item, Frame) else "lost" for item in taken] == ["lost", 1, 2, "lost", 5, 6]


async def test_resuming_asks_for_the_next_event_under_a_sub_path() -> None:
    script = Script([hello("one"), event(1), event(2), {"close": True}], [event(3)])
    async with scripted(script) as reader:
        taken = [await reader.next() for _ in range(4)]
    assert [item.seq for item in taken if isinstance(item, Frame)] == [1, 2, 3]
    assert script.queries == [{}, {"connection_id": "one", "sequence_number": "3"}]


async def test_a_refused_resume_is_a_hole() -> None:
    script = Script([hello("one"), event(1), {"close": True}], [hello("two"), event(1)])
    async with scripted(script) as reader:
        taken = [await reader.next() for _ in range(4)]
    assert [type(item) for item in taken] == [Lost, Frame, Lost, Frame]
    assert [item.first for item in holes(taken)] == [True, False]


async def test_a_stream_whose_resumes_bring_nothing_is_begun_anew() -> None:
    closed = [{"close": True}]
    script = Script([hello("one"), *closed], *([closed] * 3), [hello("two")])
    async with scripted(script) as reader:
        taken = [await reader.next(), await reader.next()]
    assert holes(taken) == taken
    assert script.queries[-1] == {}


async def test_a_server_that_says_nothing_is_left() -> None:
    script = Script([], [hello("one")])
    async with scripted(script) as reader:
        assert isinstance(await reader.next(), Lost)
    assert len(script.queries) == 2


async def test_a_connection_that_does_not_answer_pings_is_left_and_resumed() -> None:
    script = Script([hello("one"), event(1), {"silent": True}], [event(2)])
    async with scripted(script) as reader:
        taken = [await reader.next() for _ in range(3)]
    assert [item.seq for item in taken if isinstance(item, Frame)] == [1, 2]


async def test_nonsense_from_the_server_is_a_hole_not_a_loop() -> None:
    script = Script([hello("one"), {"text": "{"}], [hello("two"), event(1)])
    async with scripted(script) as reader:
        taken = [await reader.next() for _ in range(3)]
    assert [type(item) for item in taken] == [Lost, Lost, Frame]


async def test_a_page_in_front_of_the_server_is_waited_out() -> None:
    script = Script([hello("one"), event(1)])
    script.pages_in_the_way = 3
    async with scripted(script) as reader:
        assert isinstance(await reader.next(), Lost)


async def test_a_call_that_hangs_holds_the_stream_up_no_longer_than_a_greeting_may_take() -> None:
    script = Script([hello("one"), event(1)])
    script.hangs = 1
    begun = asyncio.get_running_loop().time()
    async with scripted(script) as reader:
        assert isinstance(await reader.next(), Lost)
        assert asyncio.get_running_loop().time() - begun < 2


async def test_who_listens_knows_whether_the_connection_stands(server: FakeMattermost, world: World) -> None:
    _, token = await world.add_bot(channels=["reviews"])
    told: list[bool] = []

    def line(*, stands: bool) -> None:
        if told[-1:] != [stands]:
            told.append(stands)

    async with Rest(world.url, token) as rest, contextlib.aclosing(frames(rest, QUICK, line=line)) as stream:
        reader = Reader(stream)
        await reader.next()
        server.down = True
        server.drop_connections()
        await eventually(lambda: told == [True, False])
        server.down = False
        await eventually(lambda: told == [True, False, True])


async def test_closing_the_stream_leaves_no_task_behind(world: World) -> None:
    before = asyncio.all_tasks()
    async with reading(world):
        pass
    await eventually(lambda: asyncio.all_tasks() <= before)
