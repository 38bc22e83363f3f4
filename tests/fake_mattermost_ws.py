"""The websocket side of the fake Mattermost server: greeting, scoping, sequence numbers, resuming."""

import asyncio
import contextlib
import json
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from aiohttp import WSCloseCode, WSMsgType, web

if TYPE_CHECKING:
    from fake_mattermost import FakeMattermost

Json = dict[str, Any]
SENT_KEPT = 128
QUEUE_SIZE = 256
CLIENT_FRAME_BYTES = 8 * 1024


@dataclass
class Connection:
    """One event stream as the server sees it; it outlives its socket, waiting to be resumed."""

    id: str
    user_id: str
    seq: int = 0
    sent: deque[tuple[int, str]] = field(default_factory=lambda: deque(maxlen=SENT_KEPT))
    queue: deque[Json] = field(default_factory=deque)
    socket: web.WebSocketResponse | None = None
    wake: asyncio.Event = field(default_factory=asyncio.Event)
    closed_by_server: bool = False


class Hub:
    """All event streams of the server."""

    def __init__(self, server: "FakeMattermost") -> None:
        self.server = server
        self.connections: dict[str, Connection] = {}
        self.sockets: dict[web.WebSocketResponse, web.Request] = {}
        self.online: set[str] = set()
        self.auth_seconds = 5.0

    # What the server says

    def publish(
        self,
        event: str,
        data: Json | Callable[[str], Json],
        *,
        user_id: str = "",
        channel_id: str = "",
        team_id: str = "",
    ) -> None:
        """Queues an event for everybody in its scope; `data` may depend on who receives it."""
        broadcast: Json = {"omit_users": None, "user_id": user_id, "channel_id": channel_id, "team_id": team_id}
        if not self.server.old:
            broadcast |= {"connection_id": "", "omit_connection_id": ""}
        for connection in list(self.connections.values()):
            if self._concerns(connection.user_id, user_id, channel_id, team_id):
                personal = data(connection.user_id) if callable(data) else data
                self._queue(connection, {"event": event, "data": personal, "broadcast": broadcast})

    def _concerns(self, receiver: str, user_id: str, channel_id: str, team_id: str) -> bool:
        if user_id:
            return receiver == user_id
        if channel_id:
            return (channel_id, receiver) in self.server.channel_members
        if team_id:
            return (team_id, receiver) in self.server.team_members
        return True

    def _queue(self, connection: Connection, event: Json) -> None:
        if len(connection.queue) >= QUEUE_SIZE:
            del self.connections[connection.id]
            connection.closed_by_server = True
        else:
            connection.queue.append(event)
        connection.wake.set()

    # One socket

    async def serve(self, request: web.Request) -> web.StreamResponse:
        """GET /api/v4/websocket."""
        socket = web.WebSocketResponse(max_msg_size=CLIENT_FRAME_BYTES)
        await socket.prepare(request)
        self.sockets[socket] = request
        try:
            user_id = self.server.user_of(request)
            sequence = request.query.get("sequence_number", "")
            if user_id and request.query.get("connection_id"):
                if sequence.isdecimal():
                    resumed = self._resumed(user_id, request.query["connection_id"], int(sequence))
                    await self._serve_as(socket, resumed, since=int(sequence))
            elif user_id:
                await self._serve_as(socket, self._fresh(user_id))
            else:
                await self._challenge(socket)
        finally:
            del self.sockets[socket]
        return socket

    async def _challenge(self, socket: web.WebSocketResponse) -> None:
        with contextlib.suppress(TimeoutError, TypeError, ValueError):
            async with asyncio.timeout(self.auth_seconds):
                frame = json.loads(await socket.receive_str())
                user_id = self.server.tokens.get(str(frame["data"]["token"]), "")
            if frame.get("action") == "authentication_challenge" and user_id:
                answer = {"status": "OK", "seq_reply": frame["seq"]}
                await self._serve_as(socket, self._fresh(user_id), first_answer=json.dumps(answer))
                return
        self._cut(socket)

    def _fresh(self, user_id: str) -> Connection:
        connection = Connection(self.server.new_id(), user_id)
        self.connections[connection.id] = connection
        self._greet(connection)
        return connection

    def _presence(self, user_id: str) -> None:
        active = any(one.user_id == user_id and one.socket for one in self.connections.values())
        if active is not (user_id in self.online):
            self.online ^= {user_id}
            status = "online" if active else "offline"
            self.publish("status_change", {"status": status, "user_id": user_id}, user_id=user_id)

    def _greet(self, connection: Connection) -> None:
        hello = {"connection_id": connection.id, "server_version": f"{self.server.version}..0.false"}
        scope: Json = {"omit_users": None, "user_id": connection.user_id, "channel_id": "", "team_id": ""}
        connection.queue.appendleft({"event": "hello", "data": hello, "broadcast": scope})

    def _resumed(self, user_id: str, connection_id: str, sequence: int) -> Connection:
        connection = self.connections.get(connection_id)
        if not connection or connection.user_id != user_id or connection.socket:
            return self._fresh(user_id)
        known = [seq for seq, _ in connection.sent]
        if sequence == connection.seq or sequence in known:
            return connection
        del self.connections[connection_id]
        connection.id, connection.seq = self.server.new_id(), 0
        connection.sent.clear()
        self.connections[connection.id] = connection
        self._greet(connection)
        return connection

    async def _serve_as(
        self, socket: web.WebSocketResponse, connection: Connection, *, since: int = 0, first_answer: str = ""
    ) -> None:
        connection.socket = socket
        self._presence(connection.user_id)
        replay = [text for seq, text in connection.sent if seq >= since]
        writer = asyncio.create_task(self._write(socket, connection, replay, first_answer))
        try:
            await self._read(socket)
        finally:
            writer.cancel()
            await asyncio.gather(writer, return_exceptions=True)
            if connection.socket is socket:
                connection.socket = None
            self._presence(connection.user_id)

    async def _write(
        self, socket: web.WebSocketResponse, connection: Connection, replay: list[str], first_answer: str
    ) -> None:
        for text in replay:
            await socket.send_str(text)
        while not connection.closed_by_server:
            while connection.queue:
                event = connection.queue.popleft()
                text = json.dumps(event | {"seq": connection.seq}, separators=(",", ":"))
                connection.sent.append((connection.seq, text))
                connection.seq += 1
                await socket.send_str(text)
                if first_answer:
                    await socket.send_str(first_answer)
                    first_answer = ""
            connection.wake.clear()
            await connection.wake.wait()
        self._cut(socket)

    async def _read(self, socket: web.WebSocketResponse) -> None:
        async for message in socket:
            if message.type is not WSMsgType.TEXT:
                break
            try:
                frame = json.loads(message.data)
            except ValueError:
                frame = {}
            await socket.send_json(self._answer(frame))

    def _answer(self, frame: Json) -> Json:
        seq = frame.get("seq") or 0
        if seq <= 0:
            return {"status": "FAIL", "error": {"id": "api.web_socket_router.bad_seq.app_error", "status_code": 400}}
        if frame.get("action") == "ping":
            pong = {"text": "pong", "version": self.server.version, "server_time": self.server.now(), "node_id": ""}
            return {"status": "OK", "seq_reply": seq, "data": pong}
        if frame.get("action") in {"user_typing", "authentication_challenge"}:
            return {"status": "OK", "seq_reply": seq}
        error = {"id": "api.web_socket_router.bad_action.app_error", "status_code": 500}
        return {"status": "FAIL", "seq_reply": seq, "error": error}

    # Faults

    def _cut(self, socket: web.WebSocketResponse) -> None:
        transport = self.sockets[socket].transport
        if transport:
            transport.abort()

    def drop(self, *, forget: bool = False) -> None:
        """Cuts every socket without a word; with `forget`, nothing can be resumed either."""
        for connection in self.connections.values():
            connection.socket = None
        if forget:
            self.connections.clear()
        for socket in list(self.sockets):
            self._cut(socket)

    async def close(self) -> None:
        """Ends every socket."""
        for socket in list(self.sockets):
            with contextlib.suppress(TimeoutError, ConnectionError):
                await socket.close(code=WSCloseCode.GOING_AWAY)
