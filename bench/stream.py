"""Events of the websocket: the Listener with everything behind it, beside a bare loop that parses the same frames."""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import aiohttp
from aiohttp import web

from bench import corpus
from bench.figures import Figures, Line
from mmbot import policy
from mmbot.app import App
from mmbot.clock import now
from mmbot.events import Person
from mmbot.listening import Listener
from mmbot.mattermost.callbacks import Said
from mmbot.mattermost.rest import Rest
from mmbot.mattermost.stream import Pace
from mmbot.reception import Reception
from mmbot.store.database import Store
from mmbot.store.tx import Settings

BURST = 500
"""Frames sent without a pause: half of what the stream holds for a slow reader."""
ME = Person(corpus.identifier("mmbot"), "mmbot", is_bot=True)
CHANNEL = corpus.identifier("market")


def _frame(seq: int, message: str) -> str:
    post = {
        "id": corpus.identifier(f"post {seq} {message}"), "create_at": now(), "update_at": now(), "edit_at": 0, "delete_at": 0,
        "is_pinned": False, "user_id": corpus.people("submitter")[seq % 100], "channel_id": CHANNEL, "root_id": "", "original_id": "",
        "message": message, "type": "", "props": {"disable_group_highlight": True}, "hashtags": "", "pending_post_id": "",
        "reply_count": 0, "metadata": {},
    }  # fmt: skip
    data = {
        "channel_display_name": "Plugins: Marketplace", "channel_name": "plugins-marketplace", "channel_type": "O",
        "post": json.dumps(post), "sender_name": "@someone", "set_online": True, "team_id": corpus.identifier("team"),
    }  # fmt: skip
    broadcast = {"omit_users": None, "user_id": "", "channel_id": CHANNEL, "team_id": "", "connection_id": ""}
    return json.dumps({"event": "posted", "data": data, "broadcast": broadcast, "seq": seq})


class _Server:
    """What the stream asks of a Mattermost server: its account, its channels, and the websocket on which the bursts come."""

    def __init__(self, messages: list[str]) -> None:
        self.messages = messages
        self.seq = 1
        self.socket: web.WebSocketResponse | None = None
        self.connected = asyncio.Event()
        self.url = ""

    async def serve(self) -> web.AppRunner:
        """Listen; gives what is to be cleaned up."""
        app = web.Application()
        app.router.add_get("/api/v4/websocket", self._websocket)
        app.router.add_get("/api/v4/users/me", self._me)
        app.router.add_get("/{rest:.*}", self._nothing)
        runner = web.AppRunner(app, shutdown_timeout=1.0)
        await runner.setup()
        await web.TCPSite(runner, "127.0.0.1", 0).start()
        self.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        return runner

    async def _me(self, _: web.Request) -> web.Response:
        return web.json_response({"id": ME.id, "username": ME.name})

    async def _nothing(self, _: web.Request) -> web.Response:
        return web.json_response([])

    async def _websocket(self, request: web.Request) -> web.StreamResponse:
        self.socket = web.WebSocketResponse()
        await self.socket.prepare(request)
        self.seq = 1
        hello = {"event": "hello", "data": {"connection_id": "x" * 26}, "broadcast": {}, "seq": 0}
        await self.socket.send_str(json.dumps(hello))
        self.connected.set()
        async for _ in self.socket:
            pass
        self.connected.clear()
        return self.socket

    def burst(self) -> list[str]:
        """The next frames, made before the time is taken."""
        first, self.seq = self.seq, self.seq + BURST
        return [_frame(n, self.messages[n % len(self.messages)]) for n in range(first, self.seq)]

    async def send(self, frames: list[str]) -> None:
        """All of them at once."""
        if self.socket is None:
            raise RuntimeError("nobody listens")
        for frame in frames:
            await self.socket.send_str(frame)


class _Counting(Reception):
    """A reception that tells when it took in so many posts."""

    left = 0
    done: asyncio.Event

    async def said(self, post: Said, late: int = 0) -> bool:
        """Take in a post, and count it."""
        ours = await super().said(post, late)
        self.left -= 1
        if not self.left:
            self.done.set()
        return ours


Round = Callable[[], Awaitable[float]]


async def measure(tickets: int, count: int, folder: Path) -> list[Figures]:
    """Seconds for one event, in bursts that go to the one and the other in turns."""
    figures = Figures("one event of the websocket (sending included on both sides)", "mmbot", "bare loop")
    kinds = {
        "not for the bot": ["Has anybody seen the new release of the reminder plugin? It works for me."],
        "every tenth asks for a status": ["@mmbot status MB-{n}", *["I think so too, let us see."] * 9],
        "each asks for a status": ["@mmbot status MB-{n}"],
    }
    for kind, messages in kinds.items():
        typed = [x.format(n=n * 37 % tickets + 1) for n in range(100) for x in messages]
        ours, beside = await _pair(typed, tickets, max(2, count // 100), folder)
        figures.lines.append(Line(kind, ours, beside, unit="µs"))
    return [figures]


async def _pair(messages: list[str], tickets: int, rounds: int, folder: Path) -> tuple[list[float], list[float]]:
    servers = [_Server(messages), _Server(messages)]
    runners = [await x.serve() for x in servers]
    store = Store(corpus.copy(tickets, folder), policy.load())
    try:
        async with Rest(servers[0].url, "token") as rest, aiohttp.ClientSession() as session:
            app = App(store, Settings(), now)
            reception = _Counting(app, rest, ME, b"s" * 32, "mb", "http://127.0.0.1:1", lambda: None)
            listener = Listener(app, rest, reception, Pace(poll=600.0))
            listening = asyncio.create_task(listener.run())
            bare = await session.ws_connect(f"{servers[1].url}/api/v4/websocket")
            await bare.receive()
            await asyncio.gather(*(x.connected.wait() for x in servers))
            ours, beside = [], []
            for turn in range(rounds + 1):
                first = await _ours(servers[0], reception)
                second = await _bare(servers[1], bare)
                if turn:
                    ours.append(first)
                    beside.append(second)
            listening.cancel()
            await asyncio.gather(listening, return_exceptions=True)
            await bare.close()
    finally:
        store.close()
        for runner in runners:
            await runner.cleanup()
    return ours, beside


async def _ours(server: _Server, reception: _Counting) -> float:
    reception.left, reception.done = BURST, asyncio.Event()
    frames = server.burst()
    began = time.perf_counter()
    await server.send(frames)
    async with asyncio.timeout(120):
        await reception.done.wait()
    return (time.perf_counter() - began) / BURST


async def _bare(server: _Server, socket: aiohttp.ClientWebSocketResponse) -> float:
    frames = server.burst()
    posts: list[Any] = []

    async def read() -> None:
        while len(posts) < BURST:
            frame = json.loads((await socket.receive()).data)
            posts.append(json.loads(frame["data"]["post"]))

    began = time.perf_counter()
    await asyncio.gather(read(), server.send(frames))
    return (time.perf_counter() - began) / BURST
