"""The event stream of a Mattermost server: reconnects, resumes, and says when events may be missing."""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncGenerator, Mapping
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any, NamedTuple, Protocol

import aiohttp

from mmbot.mattermost.client import RestError
from mmbot.mattermost.rest import Rest


@dataclass(frozen=True)
class Frame:
    """One event; `data` is as the server sent it, so a post in it is still JSON text."""

    event: str
    data: Mapping[str, Any]
    broadcast: Mapping[str, Any]
    seq: int


@dataclass(frozen=True)
class Lost:
    """Events before this point may be missing: catch up over REST, and expect to see some of them twice."""

    reason: str
    first: bool = False


class TokenRejected(Exception):  # noqa: N818 - it is what happened
    """The server does not accept the token, and said so several times: waiting will not help."""


class Pace(NamedTuple):
    """The stream's times in seconds; the defaults suit a real server."""

    poll: float = 60.0  # GET /users/me this often keeps the server's resume buffer alive and notices a revoked token
    heartbeat: float = 30.0  # a ping this often; no sign of life for half as long again means a dead connection
    hello: float = 10.0  # the server greets at once, or closes after 5 s when it does not know the token
    shortest: float = 0.5  # the first wait before reconnecting is random, up to this
    longest: float = 60.0  # and doubles up to this


REJECTIONS = 3  # a server that has lost its database also answers 401
RESUMES_WITHOUT_NEWS = 2
PASSING = (RestError, TypeError, KeyError, AttributeError)
"""What a call ends with while the server is away, or while a proxy in front of it shows a page of its own in place of an answer."""


class Line(Protocol):
    """Who is told whether the connection stands."""

    def __call__(self, *, stands: bool) -> None:
        """Called each time that it may have changed."""


def _nobody(*, stands: bool) -> None:
    pass


async def frames(
    rest: Rest, pace: Pace | None = None, backlog: int = 1000, line: "Line | None" = None
) -> AsyncGenerator[Frame | Lost, None]:
    """Every event this account may see, in order and once; close it (`aclosing`) when done.

    The first thing to come is `Lost(first=True)`. A `Lost` comes before the events that follow the hole. Reading goes
    on while the caller works; whoever falls more than `backlog` events behind gets a `Lost` instead of them. `line` is
    told whether the connection stands, each time that it may have changed. Raises `TokenRejected`; everything else is
    retried for ever.
    """
    stream = _Stream(rest, pace or Pace(), backlog, line or _nobody)
    tasks = [asyncio.create_task(stream.run()), asyncio.create_task(stream.poll())]
    try:
        while True:
            while not stream.queue.empty():
                yield stream.queue.get_nowait()
            if stream.overflowed:
                stream.overflowed = False
                yield Lost("the reader fell behind")
                continue
            news = asyncio.create_task(stream.news.wait())
            try:
                await asyncio.wait([news, *tasks], return_when=asyncio.FIRST_COMPLETED)
            finally:
                news.cancel()
            stream.news.clear()
            for task in tasks:
                if task.done() and stream.queue.empty():
                    task.result()
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class _Stream:
    """What is known of the server's side of the stream, and the events not yet taken."""

    def __init__(self, rest: Rest, pace: Pace, backlog: int, line: "Line") -> None:
        self.rest, self.pace, self.line = rest, pace, line
        self.queue: asyncio.Queue[Frame | Lost] = asyncio.Queue(backlog)
        self.news = asyncio.Event()
        self.overflowed = False
        self.connection = ""
        self.expected = 0
        self.failures = 0
        self.silent_resumes = 0
        self.rejections = 0
        self.greeted = False

    async def run(self) -> None:
        """Connects for ever; ends only with `TokenRejected`."""
        while True:
            try:
                async with asyncio.timeout(
                    self.pace.hello
                ):  # what was silent may be so for calls, too, which wait longer
                    await self._check_token()
                await self._connect()
            except (*PASSING, TimeoutError):
                pass
            self.line(stands=False)
            ceiling = min(self.pace.longest, self.pace.shortest * 2.0 ** min(self.failures, 30))
            self.failures += 1
            await asyncio.sleep(random.uniform(0, ceiling))  # noqa: S311 - spreads load only

    async def poll(self) -> None:
        """Asks for the own account again and again; ends only with `TokenRejected`."""
        while True:
            await asyncio.sleep(min(self.pace.poll, 5.0) if self.rejections else self.pace.poll)
            with contextlib.suppress(*PASSING):
                await self._check_token()

    async def _check_token(self) -> None:
        # The websocket itself cannot tell: a bad token is met with silence, a revoked one keeps receiving.
        try:
            await self.rest.me()
        except RestError as error:
            self.rejections = self.rejections + 1 if error.status == HTTPStatus.UNAUTHORIZED else 0
            if self.rejections >= REJECTIONS:
                raise TokenRejected(error.message) from error
            raise
        self.rejections = 0

    async def _connect(self) -> None:
        resuming = bool(self.connection)
        params = {"connection_id": self.connection, "sequence_number": str(self.expected)} if resuming else {}
        socket = await self.rest.websocket(params, self.pace.heartbeat)
        heard = False
        if resuming:
            self.line(stands=True)
        try:
            # After a successful resume there is no greeting: silence then is good.
            while (message := await socket.receive(None if heard or resuming else self.pace.hello)) and (
                message.type is aiohttp.WSMsgType.TEXT
            ):
                heard = True
                self.failures = 0
                self._take(json.loads(message.data))
                self.line(stands=True)
        except (ValueError, RecursionError):
            self.connection = ""  # resuming would bring the same nonsense
        except (TimeoutError, aiohttp.ClientError, OSError):
            pass
        finally:
            self.silent_resumes = self.silent_resumes + 1 if resuming and not heard else 0
            if socket.close_code == aiohttp.WSCloseCode.MESSAGE_TOO_BIG or self.silent_resumes > RESUMES_WITHOUT_NEWS:
                self.connection = ""  # resuming would meet the same end
            with contextlib.suppress(TimeoutError, aiohttp.ClientError, OSError):
                await socket.close()

    def _take(self, raw: object) -> None:
        """Raises ValueError on a frame that no server sends."""
        if not isinstance(raw, dict):
            raise ValueError("no object")  # noqa: TRY004 -- a wrong value from outside, not a mistake of ours
        event = raw.get("event")
        if not isinstance(event, str):
            return  # an answer to something we sent
        data, seq = raw.get("data") or {}, raw.get("seq", 0)
        if not isinstance(data, dict) or not isinstance(seq, int):
            raise ValueError("no event")  # noqa: TRY004 -- likewise
        if event == "hello" and data.get("connection_id") != self.connection:
            self._put(Lost("connected" if not self.greeted else "could not resume", first=not self.greeted))
            self.greeted = True
            self.connection, self.expected = str(data.get("connection_id", "")), seq + 1
            return
        if seq < self.expected:
            return  # seen before the connection broke
        if seq > self.expected:
            self._put(Lost(f"{seq - self.expected} events skipped"))
        self.expected = seq + 1
        if event != "hello":
            self._put(Frame(event, data, raw.get("broadcast") or {}, seq))

    def _put(self, item: Frame | Lost) -> None:
        room = self.queue.maxsize - self.queue.qsize()
        if self.overflowed and room > 1:
            self.overflowed = False
            self.queue.put_nowait(Lost("the reader fell behind"))
            room -= 1
        if self.overflowed or room == 0:
            self.overflowed = True
        else:
            self.queue.put_nowait(item)
        self.news.set()
