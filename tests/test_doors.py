"""The HTTP doors against everything that is not a request of the server: refused in a clear word, logged once, nothing changed."""

import asyncio
import contextlib
import hashlib
import hmac
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode

import aiohttp
import pytest
import pytest_asyncio
from fake_git import fake_git
from fake_mattermost import ADMIN, FakeMattermost
from people import Json, Refused
from pydantic import SecretStr
from stage import Stage, manifest, on_stage
from structlog.testing import capture_logs

from mmbot import policy
from mmbot.app import App
from mmbot.clock import now
from mmbot.events import Person
from mmbot.mattermost import callbacks, render
from mmbot.mattermost.rest import Rest
from mmbot.messages import Button, Dialog, Message, Row
from mmbot.reception import Reception
from mmbot.store.database import Store
from mmbot.store.tx import Settings
from mmbot.web import doors, serve

NOBODY = "z" * 26
DAY = 86_400_000
FEW = ("sue", "olive", "sam", "ada")


pytestmark = pytest.mark.asyncio(loop_scope="module")


@contextlib.asynccontextmanager
async def one_ticket(folder: Path, per_minute: int = 100_000) -> AsyncIterator[Stage]:
    """A bot with one ticket, MB-1, whose security review is requested."""
    (folder / "git").mkdir()
    async with FakeMattermost("9.9.0") as fake, fake_git(folder / "git") as git:
        remind = git.repository("example/remind")
        remind.tag("v1.0.0", remind.commit({"plugin.json": manifest("com.example.remind", "Remind", "1.0.0")}))
        async with on_stage((fake.url, ADMIN, fake), git, folder, FEW, per_minute) as playing:
            await playing.mb("sue", f"submit {git.url('example/remind')} v1.0.0")
            await playing.post("sue", "`v1.0.0` is commit")
            await playing.mb("olive", "request MB-1 security")
            await playing.quiet()
            yield playing


@pytest_asyncio.fixture(loop_scope="module", scope="module")
async def stage(tmp_path_factory: pytest.TempPathFactory) -> AsyncIterator[Stage]:
    """For the tests that change nothing, which is what they are about, or next to nothing."""
    async with one_ticket(tmp_path_factory.mktemp("doors")) as playing:
        yield playing


@pytest_asyncio.fixture(loop_scope="module")
async def fresh(tmp_path: Path) -> AsyncIterator[Stage]:
    """For a test that does something in the end."""
    async with one_ticket(tmp_path) as playing:
        yield playing


def form(stage: Stage, text: str = "status", **more: str) -> dict[str, str]:
    """A slash command's fields as the server sends them."""
    return {
        "token": stage.config.mattermost.slash_tokens[0].get_secret_value(), "user_id": stage.sue.id,
        "user_name": stage.sue.username, "channel_id": stage.market, "text": text, "trigger_id": "", **more,
    }  # fmt: skip


def click(stage: Stage, post: str, context: object, **more: object) -> Json:
    """A click's fields as the server sends them."""
    return {
        "user_id": stage.sam.id, "user_name": stage.sam.username, "channel_id": stage.market, "post_id": post,
        "trigger_id": "", "type": "button", "context": context, **more,
    }  # fmt: skip


def shown(stage: Stage, subject: str) -> tuple[int, str]:
    """The row and the post of a subject."""
    row, post = stage.rows("SELECT id, post FROM outbox WHERE subject = ?", subject)[0]
    return int(row), str(post)


def signed(stage: Stage, row: int, line: str, days_ago: int = 0, key: bytes = b"") -> Json:
    """The context of a button, as only the bot can make it."""
    message = Message("", (Row((Button("x", line),)),))
    made = render.props(message, row, "", key or stage.secret(), "", now() - days_ago * DAY)
    return dict(made["attachments"][0]["actions"][0]["integration"]["context"])


def state(stage: Stage, person: str, line: str, days_ago: int = 0) -> str:
    """A dialog's state, as only the bot can make it."""
    made = render.dialog(Dialog("", "", line, ()), person, "n1", stage.secret(), now() - days_ago * DAY, "mb")
    return str(made["state"])


async def send(stage: Stage, path: str, method: str = "POST", **request: Any) -> tuple[int, Json]:  # noqa: ANN401 - aiohttp's
    """What the bot answers, which is JSON whatever it was asked."""
    async with (
        aiohttp.ClientSession() as session,
        session.request(method, stage.url + path, **request) as answer,
    ):
        text = await answer.text()
        assert answer.content_type == "application/json", text
        assert "Traceback" not in text
        return answer.status, json.loads(text)


async def refused(stage: Stage, status: int, says: str, path: str, method: str = "POST", **request: Any) -> None:  # noqa: ANN401 - aiohttp's
    """A request is refused with a status and words; one line is logged, and nothing changes."""
    before, known = stage.dump(), len(stage.logs)
    answer = await send(stage, path, method, **request)
    logged = stage.logs[known:]
    assert answer[0] == status, answer
    assert says in answer[1]["error"], answer
    assert [x["log_level"] for x in logged] in (["warning"], []), logged  # so many of a kind need no line each
    assert stage.dump() == before


async def test_a_slash_command_needs_the_token(stage: Stage) -> None:
    right = form(stage)
    for token in ("", "wrong", right["token"][:-1], right["token"] + " ", "\0", "ключ", "x" * 100_000):
        await refused(stage, 401, "wrong token", "/mattermost/command", data={**right, "token": token})
    without = {name: value for name, value in right.items() if name != "token"}
    await refused(stage, 401, "wrong token", "/mattermost/command", data=without)
    for header in ("", "Token", "Token wrong", "Bearer " + right["token"], "Token \udcff\udcfe"):
        head = {"Authorization": header}
        await refused(stage, 401, "wrong token", "/mattermost/command", data=without, headers=head)
    assert (await send(stage, "/mattermost/command", data=right))[0] == 200
    head = {"Authorization": f"Token {right['token']}"}
    assert (await send(stage, "/mattermost/command", data=without, headers=head))[0] == 200


async def test_a_slash_command_that_no_server_sends_is_malformed(stage: Stage) -> None:
    right = form(stage)
    for name, value in (
        ("user_id", ""), ("user_id", "sue"), ("user_id", "A" * 26), ("user_id", NOBODY + "\0"), ("user_id", "z" * 27),
        ("user_name", "Sue Ellen"), ("channel_id", "../../x"), ("root_id", "none"), ("trigger_id", "t" * 1001),
    ):  # fmt: skip
        await refused(stage, 400, f"malformed: {name}", "/mattermost/command", data={**right, name: value})
    body = urlencode(right).encode()
    for raw in (body + b"&text=\xff\xfe", body + b"&text=%ff%fe", b"\x00\x01\x02\xff"):
        await refused(stage, 400, "not UTF-8", "/mattermost/command", data=raw)
    await refused(stage, 400, "too many fields", "/mattermost/command", data=body + b"&a=1" * 1000)
    for kind in ("multipart/form-data", "application/json", "application/x-www-form-urlencoded; charset=zlib"):
        head = {"Content-Type": kind}
        await refused(stage, 401, "token", "/mattermost/command", data=b'{"token":"x"}', headers=head)
    # Its charset is the server's affair: forms are UTF-8.
    head = {"Content-Type": "application/x-www-form-urlencoded; charset=no-such"}
    assert (await send(stage, "/mattermost/command", data=body, headers=head))[0] == 200


async def test_somebody_whom_the_server_does_not_know_is_refused(stage: Stage) -> None:
    submit = f"submit {stage.git.url('example/other')}"
    data = form(stage, submit, user_id=NOBODY, user_name="nobody")
    await refused(stage, 400, "malformed: user_id", "/mattermost/command", data=data)
    row, post = shown(stage, "prompt:1:security")
    asked = click(stage, post, signed(stage, row, "approve MB-1 security --all"), user_id=NOBODY)
    await refused(stage, 400, "malformed: user_id", "/mattermost/action", json=asked)


async def test_a_body_that_is_no_object_of_json_is_malformed(stage: Stage) -> None:
    for path in ("/mattermost/action", "/mattermost/dialog"):
        for body, says in (
            (b"", "not JSON"), (b"{", "not JSON"), (b"[" * 200_000, "not JSON"), (b'{"a":' * 40_000, "not JSON"),
            (b"[]", "not an object"), (b"null", "not an object"), (b'"x"', "not an object"), (b"1" * 9_999, "not JSON"),
            (b"\xff\xfe\x00", "not UTF-8"), (b"\x00" * 100, "not JSON"), (b'{"user_id":"\\ud800"}', "not JSON"),
            (b"\xef\xbb\xbf{}", "not JSON"), (b"{}", "user_id"), (b'{"user_id":17}', "user_id"),
            (b'{"user_id":{"$ne":""}}', "user_id"), (b'{"user_id":["' + NOBODY.encode() + b'"]}', "user_id"),
        ):  # fmt: skip
            await refused(stage, 400, f"malformed: {says}", path, data=body)


async def test_a_body_is_read_up_to_a_limit_and_a_while(stage: Stage) -> None:
    big = b"x" * (callbacks.LARGEST + 1)
    for path in ("/mattermost/command", "/mattermost/action", "/mattermost/dialog"):
        await refused(stage, 413, "too large", path, data=big)
    known = len(stage.logs)
    port = stage.config.listen.port
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(b"POST /mattermost/action HTTP/1.1\r\nHost: x\r\nContent-Length: 99\r\n\r\n{")
    await writer.drain()
    writer.close()  # somebody who leaves in the middle
    await writer.wait_closed()
    del reader
    assert (await send(stage, "/healthz", "GET"))[0] == 200
    assert all(x["log_level"] == "warning" for x in stage.logs[known:])


async def test_other_paths_and_methods_are_refused_in_json(stage: Stage) -> None:
    for method, path in (("POST", "/"), ("GET", "/mattermost"), ("POST", "/mattermost/command/"), ("GET", "/../x%00y")):
        await refused(stage, 404, "not found", path, method)
    for method, path in (("GET", "/mattermost/command"), ("PUT", "/mattermost/action"), ("DELETE", "/healthz")):
        await refused(stage, 405, "method not allowed", path, method)
    await refused(stage, 404, "not found", "/" + "a" * 3000)


async def test_the_longest_command_is_read_at_once(stage: Stage) -> None:
    for text in ("x" * 16_000, "я" * 16_000, "🙂 " * 8_000, "submit " + "@sue " * 3_000, "pass MB-1 " + "S1," * 5_000, "\u201c" * 16_000,
                 "submit " + "[a](" * 4_000, "note MB-1 " + "--all " * 2_500, "- [ ] " * 2_600, "assign MB-1 " + "((" * 7_000):  # fmt: skip
        before, start = stage.dump(), time.monotonic()
        status, answer = await send(stage, "/mattermost/command", data=form(stage, text))
        assert status == 200
        assert 0 < len(answer["text"]) < 2_000, text[:40]
        assert time.monotonic() - start < 1.0, text[:40]
        assert stage.dump() == before


async def test_a_command_that_names_what_is_not_there_changes_nothing(stage: Stage) -> None:
    for line, says in (
        ("status MB-2", "There is no MB-2"),
        ("approve MB-999999999 security", "There is no MB-999999999"),
        ("approve MB-99999999999999999999 security", "/mb"),
        ("approve MB-0", "ticket"),
        ("unblock MB-1 9999", "no finding 9999"),
        ("unblock MB-1 99999999999999", "Usage"),
        ("assign MB-1 security @who.is-that", "I don't know"),
        (f"assign MB-1 owner @{stage.sue.username}", "Only"),
        ("approve MB-1 security", "Only"),
        ("approve\0MB-1", "approve"),
        ("pass MB-1 Z9", "Z9"),
        ("commit MB-1 --track new", "Usage"),
        ("submit ftp://example.com/x", "https"),
        ("submit https://example.com/\0x", "repository"),
    ):
        before = stage.dump()
        status, answer = await send(stage, "/mattermost/command", data=form(stage, line))
        words = answer["text"].replace(f"/{stage.trigger}", "/mb")
        assert status == 200
        assert says in words, (line, words)
        assert stage.dump() == before, line


async def test_a_forged_click_is_refused(stage: Stage) -> None:
    row, post = shown(stage, "prompt:1:security")
    card, _ = shown(stage, "card:1")
    good, other = signed(stage, row, "status MB-1"), signed(stage, card, "approve MB-1 security --all")
    forged: list[object] = [None, {}, [], "x", 7, signed(stage, row, "approve MB-1 security --all", key=b"\0" * 32)]
    for name, value in good.items():
        forged += [{x: good[x] for x in good if x != name}, {**good, name: other[name]}]
        odd: list[Any] = ["", None, True, 1e308, [], {}, value + "A", "\u00e9" * 16, "9" * 9_000, "...", "\0"]
        forged += [{**good, name: x} for x in odd]
    for context in forged:
        await refused(stage, 403, "forged", "/mattermost/action", json=click(stage, post, context))
    answer = await send(stage, "/mattermost/action", json=click(stage, post, good))
    assert "Remind 1.0.0" in answer[1]["ephemeral_text"]


async def test_a_click_counts_on_the_post_that_it_was_made_for(stage: Stage) -> None:
    row, post = shown(stage, "prompt:1:security")
    card, card_post = shown(stage, "card:1")
    line = "approve MB-1 security --all"
    for of, on in ((row, card_post), (row, NOBODY), (card, post), (99_999, post)):
        before, known = stage.dump(), len(stage.logs)
        status, answer = await send(stage, "/mattermost/action", json=click(stage, on, signed(stage, of, line)))
        assert status == 200
        assert "nothing was done" in answer["ephemeral_text"]
        assert [x["event"] for x in stage.logs[known:]] == ["button of another post"]
        assert stage.dump() == before


async def test_a_post_can_be_clicked_before_the_server_says_that_it_was_made(fresh: Stage) -> None:
    assert fresh.server
    _, post = shown(fresh, "prompt:1:security")
    await fresh.world.admin.call("DELETE", f"/posts/{post}")
    fresh.server.answer_late("POST", "^/posts$", 0.5)
    await fresh.mb("sam", "pass MB-1 S2")
    new = await fresh.sam.wait_for(lambda p: "security review of" in p["message"] and p["id"] != post)
    assert shown(fresh, "prompt:1:security")[1] == ""
    assert "security approves" in await fresh.sam.click(new["id"], "All pass, approve", wait=3)


async def test_a_click_proves_no_right(stage: Stage) -> None:
    row, post = shown(stage, "prompt:1:security")
    before = stage.dump()
    context = signed(stage, row, "approve MB-1 security --all")
    asked = click(stage, post, context, user_id=stage.ada.id, user_name=stage.ada.username)
    _, answer = await send(stage, "/mattermost/action", json=asked)
    assert "Only" in answer["ephemeral_text"]
    assert stage.sam.username in answer["ephemeral_text"]
    assert stage.dump() == before


async def test_a_button_that_is_too_old_is_made_anew(stage: Stage) -> None:
    row, post = shown(stage, "prompt:1:security")
    facts = stage.dump()["fact"]
    made = await stage.world.admin.call("GET", f"/posts/{post}")
    old = signed(stage, row, "approve MB-1 security --all", days_ago=40)
    _, answer = await send(stage, "/mattermost/action", json=click(stage, post, old))
    assert "out of date" in answer["ephemeral_text"]
    await stage.quiet()
    assert (await stage.world.admin.call("GET", f"/posts/{post}"))["update_at"] > made["update_at"]
    assert stage.dump()["fact"] == facts


async def test_an_option_that_was_never_offered_is_ignored(stage: Stage) -> None:
    row, post = shown(stage, "prompt:1:security")
    context = {**signed(stage, row, "note MB-1 offered"), "selected_option": "approve MB-1 security --all"}
    known = len(stage.dump()["fact"])
    _, answer = await send(stage, "/mattermost/action", json=click(stage, post, context, type="select"))
    assert "Noted" in answer["ephemeral_text"]
    await stage.quiet()
    assert [(x[2], "offered" in x[7]) for x in stage.dump()["fact"][known:]] == [("note", True)]


async def test_what_comes_twice_counts_once(stage: Stage) -> None:
    row, post = shown(stage, "prompt:1:security")
    asked = click(stage, post, signed(stage, row, "pass MB-1 S2"), trigger_id="once")
    assert "passed" in (await send(stage, "/mattermost/action", json=asked))[1]["ephemeral_text"]
    await stage.quiet()
    before = stage.dump()
    assert (await send(stage, "/mattermost/action", json=asked))[1]["ephemeral_text"] == "I have that already."
    typed = form(stage, "note MB-1 hello", trigger_id="once")
    assert "Noted" in (await send(stage, "/mattermost/command", data=typed))[1]["text"]
    assert (await send(stage, "/mattermost/command", data=typed))[1]["text"] == "I have that already."
    await stage.quiet()
    facts = stage.dump()["fact"]
    assert len(facts) == len(before["fact"]) + 1
    # Pressed again, which is another click: what is said already is not said twice.
    again = await send(stage, "/mattermost/action", json={**asked, "trigger_id": "twice"})
    assert "already" in again[1]["ephemeral_text"]
    assert stage.dump()["fact"] == facts


async def test_a_dialog_that_was_never_opened_is_refused(stage: Stage) -> None:
    line = f"submit {stage.git.url('example/other')}"
    good = state(stage, stage.sue.id, line)
    parts = json.loads(good)
    forged = ["", "{}", "[]", "null", "7", "x" * 30_000, "[" * 15_000, good.replace("other", "evil"), good[:-1]]
    forged += [state(stage, stage.sam.id, line), state(stage, stage.sue.id, line, days_ago=2)]
    for name in parts:
        forged += [json.dumps({x: parts[x] for x in parts if x != name})]
        others: tuple[object, ...] = ("", None, 7, [], "9" * 15, "\u00e9", parts[name] + "A")
        forged += [json.dumps({**parts, name: x}) for x in others]
    for given in forged:
        asked = {"user_id": stage.sue.id, "channel_id": stage.market, "state": given, "submission": {"link": "x"}}
        await refused(stage, 403, "forged", "/mattermost/dialog", json=asked)
    asked = {"user_id": stage.sue.id, "channel_id": stage.market, "state": {"l": line}, "submission": {}}
    await refused(stage, 400, "malformed: state", "/mattermost/dialog", json=asked)
    # A person's client may send what it likes, but the server says who it is.
    with pytest.raises(Refused, match="action_integration"):
        await stage.sue.submit(
            {"url": f"{stage.url}/mattermost/dialog", "dialog": {"callback_id": "mmbot", "state": "{}"}},
            {},
            stage.market,
        )


async def test_answers_that_no_dialog_gives_are_refused(stage: Stage) -> None:
    given = state(stage, stage.sam.id, "fail MB-1 S1")
    base = {"user_id": stage.sam.id, "channel_id": stage.market, "state": given}
    malformed: tuple[object, ...] = ([], "x", 7, {"why": ["a"]}, {"why": {"a": 1}}, {"why": [[[]]]})
    for answers in malformed:
        asked = {**base, "submission": answers}
        await refused(stage, 400, "malformed: submission", "/mattermost/dialog", json=asked)
    before = stage.dump()
    for values, place in (({"why": "x" * 3001}, "errors"), ({"why": "x" * 20_000}, "errors")):
        status, answer = await send(stage, "/mattermost/dialog", json={**base, "submission": values})
        assert status == 200
        assert "3000" in answer[place]["why"]
        assert stage.dump() == before


async def test_a_choice_that_was_not_offered_changes_nothing(stage: Stage) -> None:
    olive, sam = stage.olive.id, stage.sam.id
    links = dict.fromkeys(("link", "documentation", "tracker"), "https://tool.example/x")
    form_answers = {"kind": "tool", "name": "Tool", "summary": "x", **links}
    for by, line, answers in (
        (olive, "assign MB-1 security", {"person": NOBODY}),
        (olive, "assign MB-1 security", {"person": "nobody"}),
        (olive, "assign MB-1 security", {"person": "../../users/me"}),
        (olive, "assign MB-1 security", {"person": f"~{'x' * 9_000}"}),
        (olive, "assign MB-1 security", {"person": stage.sue.id}),
        (olive, "assign MB-1 security", {"person": stage.bot["user_id"]}),
        (olive, "assign MB-1", {"role": "admin", "person": sam}),
        (olive, "assign MB-1", {"role": "docs", "person": sam}),
        (olive, "away 2099-01-01", {"person": "\x00"}),
        (sam, "away", {"day": "2026-02-30"}),
        (sam, "away", {"day": 20_001_231}),
        (sam, "away", {"day": "9999-12-31"}),
        (sam, "fail MB-1", {"items": "Z9", "why": "x"}),
        (sam, "fail MB-1", {"items": "P1", "why": "x"}),
        (sam, "fail MB-1", {"items": "S1,S2", "why": "x"}),
        (sam, "fail MB-1", {"items": True, "why": "x"}),
        (sam, "fail MB-1 S1", {"why": False}),
        (sam, "fail MB-1 S1", {"why": "\x00\u200b "}),
        (sam, "fail MB-1 S1", {"why": "x" * 200_000}),
        (sam, "block MB-1", {"role": "qa", "text": "x"}),
        (sam, "block MB-1", {"role": "nonsense", "text": "x"}),
        (sam, "unblock MB-1", {"number": "9999999"}),
        (sam, "unblock MB-1", {"number": "1.5"}),
        (olive, "done MB-1", {"step": "published"}),
        (olive, "done MB-1", {"step": "review-gate"}),
        (olive, "done MB-1", {"step": "nonsense"}),
        (olive, "track MB-1", {"track": "web", "kind": "virus", "why": "x"}),
        (olive, "track MB-1", {"track": "nonsense", "why": "x"}),
        (olive, "edit MB-1", {"what": "state", "value": "x"}),
        (olive, "edit MB-1", {"what": "title", "value": ""}),
        (sam, "contribute", {**form_answers, "kind": "virus"}),
        (sam, "contribute", {**form_answers, "link": "javascript:x"}),
        (sam, "contribute", {**form_answers, "name": "\u202e"}),
    ):  # fmt: skip
        before, known = stage.dump(), len(stage.logs)
        asked = {"user_id": by, "channel_id": stage.market, "state": state(stage, by, line), "submission": answers}
        status, answer = await send(stage, "/mattermost/dialog", json=asked)
        assert status == 200
        assert answer.get("error") or answer.get("errors"), (line, answers, answer)
        assert len(json.dumps(answer)) < 2_000, (line, answer)
        assert stage.dump() == before, line
        assert [x for x in stage.logs[known:] if x["log_level"] == "error"] == []


async def test_an_answer_with_halves_of_characters_or_too_long_a_body_is_refused(stage: Stage) -> None:
    base = {"user_id": stage.sam.id, "channel_id": stage.market, "state": state(stage, stage.sam.id, "fail MB-1 S1")}
    body = json.dumps({**base, "submission": {"why": "\ud800"}}).encode()
    await refused(stage, 400, "not JSON", "/mattermost/dialog", data=body)
    body = json.dumps({**base, "submission": {"why": "x" * 1_000_000}}).encode()
    await refused(stage, 413, "too large", "/mattermost/dialog", data=body)
    for value in ("nan", "inf", "-inf"):
        body = json.dumps({**base, "submission": {"why": float(value)}}).encode()
        await refused(stage, 400, "not JSON", "/mattermost/dialog", data=body)


async def test_a_line_cannot_be_moved_between_the_parts_of_what_is_signed(stage: Stage) -> None:
    row, post = shown(stage, "prompt:1:security")
    good = signed(stage, row, "status MB-1")
    number, day, mac = good["m"].split(".")
    for context in (
        {"l": day, "m": f"{number}\0status MB-1.{mac}"}, {"l": f"status MB-1\0{day}", "m": f"{number}..{mac}"},
        {"l": "", "m": f"{number}\0status MB-1.{day}.{mac}"}, {"l": "status MB-1", "m": f"{number}.{day}\0.{mac}"},
    ):  # fmt: skip
        await refused(stage, 403, "forged", "/mattermost/action", json=click(stage, post, context))
    parts = json.loads(state(stage, stage.sam.id, "fail MB-1 S1"))
    moved = {**parts, "n": f"{parts['n']}\0{parts['u']}", "u": "fail MB-1 S1", "l": ""}
    asked = {
        "user_id": stage.sam.id,
        "channel_id": stage.market,
        "state": json.dumps(moved),
        "submission": {"why": "x"},
    }
    await refused(stage, 403, "forged", "/mattermost/dialog", json=asked)


async def test_a_dialog_answers_what_it_asked_and_nothing_else(fresh: Stage) -> None:
    more = {
        "ticket": 2, "state": "passed", "commit": "0" * 40, "items": "F1", "nonsense": "x", "__class__": "x", "words": "x",
        "claims": "x",
    }  # fmt: skip
    given = state(fresh, fresh.sam.id, "fail MB-1 S1")
    asked = {
        "user_id": fresh.sam.id,
        "channel_id": fresh.market,
        "state": given,
        "submission": {**more, "why": "it leaks\0"},
    }
    assert await send(fresh, "/mattermost/dialog", json=asked) == (200, {})
    await fresh.post("sam", "**S1** failed")
    found = [json.loads(x[0]) for x in fresh.rows("SELECT data FROM fact WHERE data LIKE '%it leaks%'")]
    assert len(found) == 1
    assert "it leaks" in found[0].values()
    facts = fresh.dump()["fact"]
    assert await send(fresh, "/mattermost/dialog", json=asked) == (200, {})
    assert fresh.dump()["fact"] == facts
    await fresh.quiet()


async def test_a_dialog_that_lacks_an_answer_says_so_and_stays_open(stage: Stage) -> None:
    before = stage.dump()
    given = state(stage, stage.sue.id, "submit")
    base = {"user_id": stage.sue.id, "channel_id": stage.market, "state": given}
    _, answer = await send(stage, "/mattermost/dialog", json={**base, "submission": {"link": ""}})
    assert "link" in answer["errors"]
    _, answer = await send(stage, "/mattermost/dialog", json={**base, "submission": {"link": "see the forum"}})
    assert "link" in answer["errors"]
    # Without any field that it could stand beside, a client shows it at the bottom.
    _, answer = await send(stage, "/mattermost/dialog", json={**base, "submission": {}})
    assert answer["error"]
    assert stage.dump() == before
    assert await send(stage, "/mattermost/dialog", json={**base, "cancelled": True}) == (200, {})
    assert stage.dump() == before


async def test_a_dialog_opens_for_a_word_however_it_is_written(fresh: Stage) -> None:
    assert await fresh.sue.slash(fresh.market, f"/{fresh.trigger} Submit", timeout=0.3) == ""
    assert fresh.server
    link = fresh.git.url("example/other")
    fresh.git.repository("example/other").commit({"plugin.json": manifest("com.example.other", "Other", "1.0.0")})
    assert await fresh.fill("sue", link=link) == {}
    told = await fresh.post("sue", "Your submission is **MB-2**")
    assert told["channel_id"] == await fresh.sue.dm(fresh.bot["user_id"])
    await fresh.post("sue", "MB-2 · Other 1.0.0")


async def test_a_dialog_that_the_server_does_not_open_leaves_a_sentence(stage: Stage) -> None:
    assert stage.server
    before = stage.dump()
    stage.server.fail_next("POST", "/actions/dialogs/open", 400)
    words = await stage.mb("sue", "submit")
    assert "I could not open the dialog just now" in words
    assert f"`/{stage.trigger} submit LINK" in words
    # A trigger that nobody gave, or that is too old, is answered in the same way.
    _, answer = await send(stage, "/mattermost/command", data=form(stage, "submit", trigger_id="bm9uZQ=="))
    assert "I could not open the dialog" in answer["text"]
    assert stage.dump() == before


async def test_what_is_typed_without_a_trigger_gets_a_button_for_the_dialog(fresh: Stage) -> None:
    channel = await fresh.sam.dm(fresh.bot["user_id"])
    await fresh.sam.say(channel, "fail MB-1 S1")
    asked = await fresh.post("sam", "needs a little more")
    await fresh.sam.click(asked["id"], "Fill in…", wait=0.1)
    assert await fresh.fill("sam", why="it leaks") == {}
    await fresh.post("sam", "**S1** failed")
    await fresh.quiet()


async def test_people_are_served_while_the_server_does_not_say_who_they_are(stage: Stage) -> None:
    assert stage.server
    stage.server.fail_next("POST", "/users/usernames", 500, times=4)
    assert "I don't know `@who`" in await stage.mb("olive", "assign MB-1 security @who")


async def test_what_breaks_inside_is_answered_with_a_reference_to_the_log(tmp_path: Path) -> None:
    store = Store(tmp_path / "mmbot.db", policy.load())
    app = App(store, Settings(), now)
    store.close()  # from now on nothing can be read or written
    async with Rest("http://127.0.0.1:9", "token") as rest:
        reception = Reception(app, rest, Person(NOBODY, "mmbot"), b"key", "mb", "", lambda: None)
        runner, port = await serve(doors(reception, [SecretStr("right")], lambda: ""), "127.0.0.1", 0)
        fields = {"token": "right", "user_id": NOBODY, "channel_id": NOBODY, "text": "status"}
        with capture_logs() as logs:
            async with aiohttp.ClientSession() as session:
                answer = await session.post(f"http://127.0.0.1:{port}/mattermost/command", data=fields)
                said = await answer.json()
        await runner.cleanup()
    assert answer.status == 500
    assert [(x["event"], x["log_level"]) for x in logs] == [("request failed", "error")]
    assert said == {"error": f"internal error, in the log as {logs[0]['reference']}"}


async def test_several_tokens_are_accepted_while_one_is_replaced(tmp_path: Path) -> None:
    store = Store(tmp_path / "mmbot.db", policy.load())
    store.know([Person(NOBODY, "sue")])
    accepted = [SecretStr(x) for x in ("old", "", "neuer-schlüssel-ключ")]
    async with Rest("http://127.0.0.1:9", "token") as rest:
        reception = Reception(
            App(store, Settings(), now), rest, Person("b" * 26, "mmbot"), b"key", "mb", "", lambda: None
        )
        runner, port = await serve(doors(reception, accepted, lambda: ""), "127.0.0.1", 0)
        async with aiohttp.ClientSession() as session:
            for token, status in (
                ("old", 200),
                ("neuer-schlüssel-ключ", 200),
                ("", 401),
                ("neuer-schlussel", 401),
                ("oldneuer", 401),
            ):
                fields = {"token": token, "user_id": NOBODY, "channel_id": NOBODY, "text": "help"}
                async with session.post(f"http://127.0.0.1:{port}/mattermost/command", data=fields) as answer:
                    assert answer.status == status, token
        await runner.cleanup()
    store.close()


async def test_a_signed_push_counts_once_under_whatever_delivery_id(tmp_path: Path) -> None:
    store = Store(tmp_path / "mmbot.db", policy.load())
    push = {"ref": "refs/heads/main", "after": "a" * 40, "repository": {"html_url": "https://git.example/a/b"}}
    async with Rest("http://127.0.0.1:9", "token") as rest:
        reception = Reception(
            App(store, Settings(), now), rest, Person("b" * 26, "mmbot"), b"key", "mb", "", lambda: None
        )
        secrets = [SecretStr("old"), SecretStr("new"), SecretStr("")]
        runner, port = await serve(doors(reception, [], lambda: "", secrets), "127.0.0.1", 0)

        async def deliver(key: str, delivery: str, push: Json, **more: str) -> int:
            body = json.dumps(push).encode()
            mac = hmac.new(key.encode(), body, hashlib.sha256).hexdigest()
            headers = {
                "X-Hub-Signature-256": f"sha256={mac}",
                "X-GitHub-Event": "push",
                "X-GitHub-Delivery": delivery,
                **more,
            }
            async with (
                aiohttp.ClientSession() as session,
                session.post(f"http://127.0.0.1:{port}/github", data=body, headers=headers) as answer,
            ):
                return answer.status

        for key, delivery in (("old", "1"), ("new", "2"), ("new", ""), ("old", "x" * 5_000)):
            assert await deliver(key, delivery, push) == 200
        assert len(store.query("SELECT 1 FROM seen")) == 1
        assert await deliver("new", "1", {**push, "before": "b" * 40}) == 200
        assert len(store.query("SELECT 1 FROM seen")) == 2
        for key in ("", "other"):
            assert await deliver(key, "9", push) == 401
        assert await deliver("new", "9", push, **{"X-Hub-Signature-256": "sha1=abc"}) == 401
        assert await deliver("new", "9", {**push, "ref": "refs/heads/\ud800"}) == 200
        assert len(store.query("SELECT 1 FROM seen")) == 2
        await runner.cleanup()
    store.close()


async def test_no_secret_is_ever_logged(stage: Stage) -> None:
    trigger = "a-capability-that-opens-dialogs"
    hook = "https://chat.example.com/hooks/commands/a-capability-that-posts"
    right = form(stage, "note MB-1 hello", trigger_id=trigger, response_url=hook)
    row, post = shown(stage, "prompt:1:security")
    context = signed(stage, row, "note MB-1 secret")
    given = state(stage, stage.sue.id, "submit")
    for data in (right, {**right, "token": "an-old-token"}, {**right, "user_id": "x"}, {**right, "text": "submit"}):
        await send(stage, "/mattermost/command", data=data)
    for asked in (context, {**context, "l": "x"}, {**context, "m": "a-forged-mac"}):
        await send(stage, "/mattermost/action", json=click(stage, post, asked, trigger_id=trigger))
    for user in (stage.sue.id, stage.sam.id):
        asked = {"user_id": user, "channel_id": "", "state": given, "submission": {"link": "x"}}
        await send(stage, "/mattermost/dialog", json=asked)
    await send(stage, f"/mattermost/command/{quote(right['token'])}", data=right)
    await stage.quiet()
    logged = repr([x for x in stage.logs if x.get("path") != f"/mattermost/command/{right['token']}"])
    for secret in (
        right["token"], stage.config.mattermost.token.get_secret_value(), stage.secret().hex(), context["m"], trigger, hook,
        "an-old-token", "a-forged-mac", json.loads(given)["m"], context["m"].rpartition(".")[2],
    ):  # fmt: skip
        assert secret not in logged


# Names that changed hands


async def test_a_role_goes_to_whoever_has_the_name_now(fresh: Stage) -> None:
    name = fresh.sam.username
    await fresh.sam.api.call("PUT", f"/users/{fresh.sam.id}/patch", {"username": f"{name}-before"})
    await fresh.sue.api.call("PUT", f"/users/{fresh.sue.id}/patch", {"username": name})
    direct = await fresh.ada.dm(fresh.bot["user_id"])
    await fresh.ada.say(direct, f"people add @{name} qa")
    await fresh.post("ada", f"{name} holds the role `qa`")
    assert fresh.rows("SELECT role, person FROM granted") == [("qa", fresh.sue.id)]
    assert fresh.rows("SELECT name FROM person WHERE id = ?", fresh.sam.id) == [(f"the former {name}",)]
