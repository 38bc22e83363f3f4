"""More than a person can ask for: said once, then ignored, while others are served; and connections that waste time are closed."""

import asyncio
import contextlib
import gzip
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import pytest_asyncio
from pydantic import SecretStr
from stage import Stage
from structlog.testing import capture_logs
from test_doors import click as pressed
from test_doors import form, one_ticket, send, shown, signed
from test_doors import state as dialog_state

from mmbot import policy
from mmbot.app import App
from mmbot.clock import now
from mmbot.config import Listen
from mmbot.doorkeeper import Patience
from mmbot.events import Person
from mmbot.mattermost.callbacks import Said
from mmbot.mattermost.rest import Rest
from mmbot.reception import MOST_REMEMBERED, Reception
from mmbot.store.database import Store
from mmbot.store.tx import Settings
from mmbot.web import doors, is_local, serve

NOON = 1_794_225_600_000
NOBODY = "z" * 26

# The doors

pytestmark = pytest.mark.asyncio(loop_scope="module")


@pytest_asyncio.fixture(loop_scope="module")
async def strict(tmp_path: Path) -> AsyncIterator[Stage]:
    """A bot that takes ten requests of a person in a minute."""
    async with one_ticket(tmp_path, per_minute=10) as playing:
        yield playing


def everything(stage: Stage) -> dict[str, list[tuple[object, ...]]]:
    return {**stage.dump(), "seen": stage.rows("SELECT * FROM seen ORDER BY 1")}


async def test_a_flood_is_answered_once_then_ignored_at_every_door_while_others_are_served(strict: Stage) -> None:
    direct = await strict.sam.dm(strict.bot["user_id"])
    data = form(strict, "status MB-1", user_id=strict.sam.id, user_name=strict.sam.username)
    row, post = shown(strict, "prompt:1:security")
    before, known = everything(strict), len(strict.logs)
    answers = [(await send(strict, "/mattermost/command", data=data))[1]["text"] for _ in range(40)]
    assert all("Remind" in x for x in answers[:10])
    assert "That is a lot at once: I take nothing more from you until" in answers[10]
    assert answers[11:] == [""] * 29
    asked = pressed(strict, post, signed(strict, row, "approve MB-1 security --all"))
    assert (await send(strict, "/mattermost/action", json=asked))[1]["ephemeral_text"] == ""
    dialog = {
        "user_id": strict.sam.id, "channel_id": strict.market, "state": dialog_state(strict, strict.sam.id, "fail MB-1 S1"),
        "submission": {"why": "typed with care"},
    }  # fmt: skip
    for _ in range(3):  # a dialog that closed would look as if it had been taken
        assert "I take nothing more" in (await send(strict, "/mattermost/dialog", json=dialog))[1]["error"]
    await strict.sam.say(direct, "approve MB-1 security --all")
    await strict.sam.say(strict.market, f"@{strict.bot['username']} note MB-1 too much")
    assert "Remind" in await strict.mb("sue", "status MB-1")
    assert "Noted" in await strict.mb("olive", "note MB-1 unhurried")
    await strict.post("olive", "unhurried")
    assert [x["event"] for x in strict.logs[known:]] == ["flood"]
    after = everything(strict)
    changed = {name: [x for x in rows if x not in before[name]] for name, rows in after.items()}
    assert [len(changed[x]) for x in ("turn", "fact", "seen")] == [0, 1, 3], changed  # two posts were refused
    assert not any(
        post["channel_id"] == direct and "lot at once" in post["message"] for post in strict.sam.seen.values()
    )


async def test_a_flood_of_messages_gets_one_message(strict: Stage) -> None:
    direct = await strict.ada.dm(strict.bot["user_id"])
    before = len(everything(strict)["seen"])
    for _ in range(25):
        await strict.ada.say(direct, "status MB-1")
    await strict.post("ada", "That is a lot at once")
    await strict.olive.say(strict.market, f"@{strict.bot['username']} note MB-1 behind them")
    await strict.post("olive", "behind them")
    await strict.quiet()
    mine = [x for x in await strict.ada.posts(direct) if x["user_id"] == strict.bot["user_id"]]
    assert sum("That is a lot at once" in x["message"] for x in mine) == 1
    assert len(everything(strict)["seen"]) - before == 26
    assert [x["event"] for x in strict.logs if x["event"] == "flood"] == ["flood"]


async def test_what_a_flood_was_refused_is_not_carried_out_after_the_next_start(strict: Stage) -> None:
    direct = await strict.ada.dm(strict.bot["user_id"])
    for number in range(25):
        await strict.ada.say(direct, f"note MB-1 number {number}")
    await strict.olive.say(strict.market, f"@{strict.bot['username']} note MB-1 behind them")
    await strict.post("olive", "behind them")
    await strict.quiet()
    before, posts = everything(strict), await strict.ada.posts(direct)
    await strict.stop()
    await strict.start()
    await strict.olive.say(strict.market, f"@{strict.bot['username']} note MB-1 after the start")
    await strict.post("olive", "after the start")
    await strict.quiet()
    after = everything(strict)
    # There is the new note, and what names the people at each start.
    assert [len(after[x]) - len(before[x]) for x in ("fact", "seen")] == [1, 2]
    assert await strict.ada.posts(direct) == posts


async def test_nobody_can_use_up_what_another_may_ask_for(strict: Stage) -> None:
    row, post = shown(strict, "prompt:1:security")
    good = signed(strict, row, "status MB-1")
    data = form(strict, "status MB-1", user_id=strict.sam.id, user_name=strict.sam.username)
    for _ in range(15):
        await send(strict, "/mattermost/command", data={**data, "token": "guessed"})
        await send(strict, "/mattermost/action", json=pressed(strict, post, {**good, "l": "status MB-2"}))
        asked = {
            "user_id": strict.sam.id,
            "channel_id": "",
            "submission": {},
            "state": dialog_state(strict, strict.sue.id, "submit"),
        }
        await send(strict, "/mattermost/dialog", json=asked)
    assert "Remind" in (await send(strict, "/mattermost/command", data=data))[1]["text"]


@contextlib.asynccontextmanager
async def alone(folder: Path, patience: Patience | None = None, most: int = 60) -> AsyncIterator[tuple[Reception, int]]:
    """A bot's doors without a server behind it, and the port."""
    store = Store(folder / "mmbot.db", policy.load())
    async with Rest("http://127.0.0.1:9", "token") as rest:
        reception = Reception(
            App(store, Settings(), now), rest, Person(NOBODY, "mmbot"), b"key", "mb", "", lambda: None, most
        )
        runner, port = await serve(doors(reception, [SecretStr("right")], lambda: ""), "127.0.0.1", 0, patience)
        try:
            yield reception, port
        finally:
            await runner.cleanup()
            store.close()


async def test_what_was_answered_and_is_heard_again_counts_for_nothing(tmp_path: Path) -> None:
    async with alone(tmp_path, most=10) as (reception, _):
        reception.app.store.know([Person("a" * 26, "sue")])
        posts = [Said(f"{n:026}", "a" * 26, "c" * 26, "D", "", "status", now(), by_machine=False) for n in range(10)]
        for post in posts * 3:
            assert await reception.said(post)
        late = Said("9" * 26, "a" * 26, "c" * 26, "D", "", "status", now() - 600_000, by_machine=False)
        assert await reception.said(late)
        assert len(reception.app.store.query("SELECT 1 FROM outbox")) == 11


async def test_people_who_asked_for_nothing_lately_are_forgotten(tmp_path: Path) -> None:
    async with alone(tmp_path) as (reception, _):
        for number in range(3 * MOST_REMEMBERED):
            assert reception._too_much(f"{number:026}", NOON + number * 1_000) is None  # noqa: SLF001 - what is remembered
        assert len(reception._asked) <= MOST_REMEMBERED + 1  # noqa: SLF001 - likewise


async def test_a_flood_of_forged_requests_leaves_a_few_lines_in_the_log(tmp_path: Path) -> None:
    async with alone(tmp_path) as (_, port):
        with capture_logs() as logs:
            reader, writer = await asyncio.open_connection("127.0.0.1", port)
            for _ in range(400):
                writer.write(b"POST /mattermost/command HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n")
                await reader.readuntil(b"}")
            writer.close()
        assert {x["log_level"] for x in logs} == {"warning"}
        assert [x["event"] for x in logs][-1] == "more requests refused than are logged"
        assert len(logs) < 130


# Connections

IMPATIENT = Patience(head=0.15, body=0.15, idle=0.3, connections=8)
HEAD = b"POST /mattermost/command HTTP/1.1\r\nHost: x\r\n"


async def talk(port: int, *parts: bytes, pause: float = 0.05) -> tuple[bytes, float]:
    """What a connection answers until it is closed, and after how many seconds."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    start = time.monotonic()
    got = b""

    async def read() -> None:
        nonlocal got
        with contextlib.suppress(ConnectionError):
            while more := await reader.read(9_999):
                got += more

    reading = asyncio.create_task(read())
    for part in parts:
        with contextlib.suppress(ConnectionError):
            writer.write(part)
            await writer.drain()
        if reading.done():
            break
        await asyncio.sleep(pause)
    await asyncio.wait_for(reading, 5)
    writer.close()
    return got, time.monotonic() - start


@pytest.mark.parametrize(
    ("parts", "says"),
    [
        ((), b""),
        ((HEAD,), b""),
        (tuple(bytes([x]) for x in HEAD), b""),
        ((HEAD, *[b"X-More: and more\r\n"] * 90), b""),
        ((HEAD + b"Content-Length: 90\r\n\r\n", *[b"t"] * 90), b"408"),
        ((HEAD + b"Transfer-Encoding: chunked\r\n\r\n", *[b"1\r\nt\r\n"] * 90), b"408"),
        ((b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n", b"GET /he"), b"200 OK"),
        ((b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n",), b"200 OK"),
        ((b"GET /none HTTP/1.1\r\nHost: x\r\nContent-Length: 9000\r\n\r\n", *[b"t"] * 90), b"404"),
        ((b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",), b"400"),
        ((HEAD + b"Content-Length: 1\r\nContent-Length: 2\r\n\r\nabc",), b"400"),
        ((HEAD + b"Content-Length: -1\r\n\r\n",), b"400"),
        (
            (HEAD + b"Content-Length: 4\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /healthz HTTP/1.1\r\n\r\n",),
            b"400",
        ),
        ((HEAD + b"X: " + b"x" * 20_000 + b"\r\n\r\n",), b"400"),
        ((HEAD + b"X: y\r\n" * 9_000 + b"\r\n",), b"400"),
    ],
)
async def test_whoever_dribbles_or_stalls_or_speaks_no_http_is_cut_off(
    tmp_path: Path, parts: tuple[bytes, ...], says: bytes
) -> None:
    async with alone(tmp_path, IMPATIENT) as (_, port):
        with capture_logs() as logs:
            got, seconds = await talk(port, *parts)
        assert says in got[:40] if says else got == b""
        assert b"Traceback" not in got
        assert got.count(b"HTTP/1.1 ") <= 1
        assert seconds < 2
        assert all(x["log_level"] == "warning" and "exc_info" not in x for x in logs)
        assert len(logs) <= 1


async def test_of_too_many_connections_the_one_idle_for_longest_goes(tmp_path: Path) -> None:
    patience = Patience(head=5, body=5, idle=5, connections=8)
    async with alone(tmp_path, patience) as (_, port):
        idle = [await asyncio.open_connection("127.0.0.1", port) for _ in range(40)]
        got, _ = await asyncio.wait_for(talk(port, b"GET /healthz HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"), 2)
        assert b"200 OK" in got
        closed = 0
        for reader, _ in idle:
            with contextlib.suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(0.01):
                    await reader.read(1)
            closed += reader.at_eof() or reader.exception() is not None
        assert closed >= 32
        for _, writer in idle:
            writer.close()


async def test_when_all_are_at_work_one_more_is_turned_away(tmp_path: Path) -> None:
    patience = Patience(head=0.3, body=0.4, idle=5, connections=2)
    async with alone(tmp_path, patience) as (_, port):
        stalled = HEAD + b"Content-Length: 9\r\nConnection: close\r\n\r\n"
        busy = [asyncio.create_task(talk(port, stalled)) for _ in range(2)]
        await asyncio.sleep(0.15)
        assert (await talk(port, b"GET /healthz HTTP/1.1\r\nHost: x\r\n\r\n"))[0] == b""
        assert all(b"408" in got for got, _ in await asyncio.gather(*busy))


async def test_a_compressed_body_is_not_unpacked(tmp_path: Path) -> None:
    bomb = gzip.compress(b"0" * 50_000_000, 1)
    async with alone(tmp_path) as (_, port):
        for coding in (b"gzip", b"deflate", b"br", b"GZIP", b"identity, gzip"):
            start = time.process_time()
            head = HEAD + b"Connection: close\r\nContent-Encoding: " + coding
            got, _ = await talk(port, head + f"\r\nContent-Length: {len(bomb)}\r\n\r\n".encode() + bomb)
            assert b" 415 " in got
            assert json.loads(got.rpartition(b"\r\n\r\n")[2]) == {"error": "a body in clear, please"}
            assert time.process_time() - start < 0.2


async def test_a_path_with_a_line_break_stays_on_its_line_of_the_log(tmp_path: Path) -> None:
    async with alone(tmp_path) as (_, port):
        with capture_logs() as logs:
            await talk(
                port, b"GET /%0A2026-01-01%20[info]%20all%20is%20well HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
            )
        assert [x["path"] for x in logs] == ["/%0A2026-01-01%20[info]%20all%20is%20well"]


@pytest.mark.parametrize(
    ("host", "local"),
    [
        ("127.0.0.1", True), ("127.9.9.9", True), ("::1", True), ("localhost", True), ("::", False),
        ("10.0.0.1", False), ("192.0.2.1", False),
        ("bot.example.com", False), ("127.0.0.1.example.com", False),
    ],
)  # fmt: skip
async def test_it_is_known_whether_others_reach_the_port(host: str, *, local: bool) -> None:
    assert is_local(host) == local
    assert is_local(Listen().host)
