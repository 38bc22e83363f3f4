"""Who may stay at the HTTP doors: connections that ask for nothing in time are closed, and there are only so many."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass

import structlog
from aiohttp import web

log = structlog.get_logger()


@dataclass(frozen=True)
class Patience:
    """In seconds: how long the head of a request may take, its body, and the pause until the next one; and how many may be connected."""

    head: float = 10.0
    body: float = 10.0
    idle: float = 75.0
    connections: int = 256


class Doorkeeper:
    """Makes the connections of a server, and closes those that waste its time."""

    def __init__(self, patience: Patience) -> None:
        self.patience = patience
        self.open: dict[asyncio.BaseProtocol, _Connection] = {}

    def admitting(self, server: web.Server) -> Callable[[], asyncio.Protocol]:
        """The protocol factory to listen with."""
        return lambda: _Connection(self, server())

    def begin(self, of: asyncio.BaseProtocol) -> None:
        """A request's head is here."""
        if connection := self.open.get(of):
            connection.begin()

    def end(self, of: asyncio.BaseProtocol) -> None:
        """A request has its answer."""
        if connection := self.open.get(of):
            connection.expect(self.patience.idle)

    def room(self) -> bool:
        """Whether one more may be connected; whoever asked for nothing for the longest time has to go for it."""
        if len(self.open) < self.patience.connections:
            return True
        idle = next((x for x in self.open.values() if not x.busy), None)
        if idle:
            idle.close()
        return idle is not None


class _Connection(asyncio.Protocol):
    """A connection: aiohttp's own, with a clock beside it."""

    def __init__(self, keeper: Doorkeeper, inner: asyncio.Protocol) -> None:
        self.keeper, self.inner = keeper, inner
        self.transport: asyncio.Transport | None = None
        self.busy, self.reading = False, False
        self.timer: asyncio.TimerHandle | None = None

    def begin(self) -> None:
        self.busy = True
        self._stop()

    def expect(self, seconds: float) -> None:
        """Close, unless a request is here by then."""
        self.busy = self.reading = False
        self._stop()
        self.timer = asyncio.get_running_loop().call_later(seconds, self.close)
        if self.keeper.open.pop(self.inner, None):
            self.keeper.open[self.inner] = self  # whoever asked last goes last

    def close(self) -> None:
        """Without ceremony: a peer that reads nothing would keep a polite one waiting."""
        self._stop()
        self.keeper.open.pop(self.inner, None)
        if self.transport:
            self.transport.abort()

    def _stop(self) -> None:
        if self.timer:
            self.timer.cancel()
            self.timer = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        if not isinstance(transport, asyncio.Transport) or not self.keeper.room():
            transport.close()
            return
        self.transport = transport
        self.keeper.open[self.inner] = self
        self.inner.connection_made(transport)
        self.expect(self.keeper.patience.head)

    def data_received(self, data: bytes) -> None:
        if not self.transport:
            return
        if not self.busy and not self.reading:
            self.expect(self.keeper.patience.head)
            self.reading = True
        self.inner.data_received(data)

    def eof_received(self) -> bool | None:
        return self.inner.eof_received() if self.transport else None

    def connection_lost(self, exc: Exception | None) -> None:
        self._stop()
        self.keeper.open.pop(self.inner, None)
        if self.transport:
            self.inner.connection_lost(exc)

    def pause_writing(self) -> None:
        self.inner.pause_writing()

    def resume_writing(self) -> None:
        self.inner.resume_writing()
