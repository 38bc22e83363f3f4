"""A TCP proxy between a bot and its server that cuts what goes through it, in the ways in which networks do."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Literal

Cut = Literal["reset", "close", "silence"]
ABORT = struct.pack("ii", 1, 0)
"""SO_LINGER of no seconds: closing sends RST."""


@dataclass(eq=False)
class Pair:
    """The two ends of one connection; `silent` once nothing is passed on any more though both stay open."""

    near: asyncio.StreamWriter
    far: asyncio.StreamWriter
    silent: bool = False
    websocket: bool = False


@dataclass
class Proxy:
    """Passes on to host:port. `url` is where it listens."""

    host: str
    port: int
    url: str = ""
    pairs: list[Pair] = field(default_factory=list)
    cuts: int = 0

    async def serve(self, reader: asyncio.StreamReader, near: asyncio.StreamWriter) -> None:
        """One connection, until either end closes it or it is cut."""
        try:
            back, far = await asyncio.open_connection(self.host, self.port)
        except OSError:
            near.transport.abort()
            return
        pair = Pair(near, far)
        self.pairs.append(pair)
        ways = [asyncio.create_task(self._pass(pair, reader, far)), asyncio.create_task(self._pass(pair, back, near))]
        try:
            await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for way in ways:
                way.cancel()
            await asyncio.gather(*ways, return_exceptions=True)
            self.pairs.remove(pair)
            for end in (near, far):
                end.close()
                with contextlib.suppress(OSError):
                    await end.wait_closed()

    @property
    def listening(self) -> bool:
        """Whether a websocket goes through that is not silent."""
        return any(x.websocket and not x.silent for x in self.pairs)

    @staticmethod
    async def _pass(pair: Pair, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while data := await reader.read(65_536):
                pair.websocket = pair.websocket or b"/api/v4/websocket" in data[:500]
                if not pair.silent:
                    writer.write(data)
                    await writer.drain()
        # Of a connection that fell silent, an end that gives up is not told to the other.
        if pair.silent:
            await asyncio.Event().wait()

    def cut(self, how: Cut, *, websockets_only: bool = False) -> None:
        """Cut the connections that go through now."""
        for pair in self.pairs:
            if pair.silent or (websockets_only and not pair.websocket):
                continue
            self.cuts += 1
            if how == "silence":
                pair.silent = True
                continue
            for end in (pair.near, pair.far):
                if how == "close":
                    end.close()
                    continue
                with contextlib.suppress(OSError):  # it has closed already
                    end.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, ABORT)
                end.transport.abort()


@contextlib.asynccontextmanager
async def cutting_proxy(host: str, port: int) -> AsyncIterator[Proxy]:
    """A proxy that listens on loopback."""
    proxy = Proxy(host, port)
    tasks: set[asyncio.Task[None]] = set()

    def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.create_task(proxy.serve(reader, writer))
        tasks.add(task)
        task.add_done_callback(tasks.discard)

    server = await asyncio.start_server(accept, "127.0.0.1", 0)
    proxy.url = f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}"
    try:
        yield proxy
    finally:
        server.close()
        for task in list(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
