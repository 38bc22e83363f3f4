"""A bot set up, run with a verbose log, used, misused, cut off and asked for everything it knows: none of its secrets shows anywhere."""

import asyncio
import contextlib
import hashlib
import hmac
import json
import signal
import sqlite3
from collections.abc import Iterator
from pathlib import Path

import aiohttp
import pytest
import structlog
from fake_mattermost import ADMIN, FakeMattermost
from people import Api, Human
from stage import free_port, until
from test_cli import asked, started

from mmbot.config import load
from mmbot.config_files import known_secrets

HOOK, OTHER = "webhook-secret-that-nobody-sees", "old-webhook-secret-that-nobody-sees"
WRONG = "a-token-that-somebody-guessed"


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The log goes where it went before."""
    yield
    structlog.reset_defaults()


async def test_a_whole_session_shows_no_secret(tmp_path: Path) -> None:
    config, port = tmp_path / "config.toml", free_port()
    private = config.with_name("config.secrets.toml")
    shown: list[str] = []

    async def run(*words: str | Path) -> None:
        done = await asked(*words)
        shown.extend((done.out, done.err))

    async with FakeMattermost("9.9.0") as server, Api(server.url) as admin:
        await admin.login(*ADMIN)
        await admin.call("POST", "/teams", {"name": "community", "display_name": "C", "type": "O"})
        await run(
            "setup", "--url", server.url, "--admin", ADMIN[0], "--password", ADMIN[1], "--team", "community", "--channel", "plugins",
            "--config", config, "--listen-port", str(port), "--callback-url", f"http://127.0.0.1:{port}",
        )  # fmt: skip
        await run(
            "setup", "--url", server.url, "--admin", ADMIN[0], "--password", f"{ADMIN[1]}-wrong", "--team", "community",
            "--channel", "plugins", "--config", tmp_path / "other.toml",
        )  # fmt: skip
        with private.open("a") as file:
            file.write(f'\n[github]\nwebhook_secrets = ["{HOOK}", "{OTHER}"]\n')
        token, (slash, *_) = known_secrets(private)
        await run("doctor", "--config", config)
        process = await started("run", "--config", config, "--verbose")
        url = f"http://127.0.0.1:{port}"
        async with aiohttp.ClientSession() as session:

            async def ready() -> bool:
                with contextlib.suppress(aiohttp.ClientError):
                    return (await session.get(f"{url}/readyz")).status == 200
                return False

            await until(ready)
            await _used(session, url, slash, admin, server, shown)
            await run("doctor", "--config", config)
            await run("export", "--config", config)
            await run("export", "--config", config, "--format", "json", "--confidential")
            await run("run", "--config", config)  # a second one is refused
        server.tokens.clear()  # the bot's token is taken back
        server.drop_connections()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(3):
                await process.wait()
        if process.returncode is None:
            process.send_signal(signal.SIGTERM)
        out, err = await process.communicate()
        shown.extend((out.decode(), err.decode()))
        await run("run", "--config", config, "--verbose")
        await run("doctor", "--config", config)
    store = load(config).store.path
    with contextlib.closing(sqlite3.connect(store)) as connection:
        key = connection.execute("SELECT value FROM state WHERE key = 'mac-key'").fetchone()[0]
        connection.execute("DELETE FROM state WHERE key = 'mac-key'")
        dump = "\n".join(connection.iterdump())
    shown += [dump, config.read_text(), repr(load(config)), str(load(config)), load(config).model_dump_json()]
    private.write_text(private.read_text().replace("[github]", "[github"))
    await run("run", "--config", config)
    everything = "\n".join(shown)
    assert "request refused" in everything, "the log is there"
    assert "MB-1" in everything, "and the exports"
    for secret in (token, slash, HOOK, OTHER, key, bytes.fromhex(key).decode("latin-1"), ADMIN[1], WRONG):
        assert len(secret) > 8
        assert secret not in everything, everything[max(0, everything.index(secret) - 300) :][:400]


async def _used(
    session: aiohttp.ClientSession, url: str, slash: str, admin: Api, server: FakeMattermost, shown: list[str]
) -> None:
    """What people and others do at the doors; the answers are kept."""
    me = (await admin.call("GET", "/users/me"))["id"]
    team = (await admin.call("GET", "/teams/name/community"))["id"]
    channel = (await admin.call("GET", f"/teams/{team}/channels/name/plugins"))["id"]
    fields = {"token": slash, "user_id": me, "channel_id": channel, "trigger_id": "t-of-a-dialog"}
    forged = {"user_id": me, "channel_id": channel, "post_id": me, "context": {"l": "x", "m": "1.2.3"}}
    push = json.dumps(
        {"ref": "refs/heads/x", "after": "a" * 40, "repository": {"html_url": "https://x.example"}}
    ).encode()

    def signature(secret: str) -> dict[str, str]:
        mac = hmac.new(secret.encode(), push, hashlib.sha256).hexdigest()
        return {"X-Hub-Signature-256": f"sha256={mac}", "X-GitHub-Event": "push"}

    requests = [
        ("/mattermost/command", {"data": {**fields, "text": text, "trigger_id": text}})
        for text in ("submit https://127.0.0.1:9/a/b v1", "status MB-1", "status MB-1 --log", "people", "submit", "fail MB-1", "nonsense")
    ] + [
        ("/mattermost/command", {"data": {**fields, "token": WRONG}}),
        ("/mattermost/command", {"data": {**fields, "user_id": "x"}}),
        ("/mattermost/action", {"data": json.dumps(forged)}),
        ("/mattermost/dialog", {"data": b"{"}),
        ("/github", {"data": push, "headers": signature(HOOK)}),
        ("/github", {"data": push, "headers": signature(OTHER)}),
        ("/github", {"data": push, "headers": signature(WRONG)}),
    ]  # fmt: skip
    for path, request in requests:
        async with session.post(url + path, **request) as answer:  # type: ignore[arg-type]
            shown.append(await answer.text())
    async with Human(server.url, *ADMIN, team) as ada:
        shown.append(json.dumps(await ada.posts(channel)))
        direct = await ada.dm((await admin.call("GET", "/users/username/mmbot"))["id"])
        server.fail_next("POST", "/channels/direct", 500, times=1)
        await ada.say(direct, "status MB-1")
        await ada.wait_for(lambda p: "MB-1" in p["message"] and p["user_id"] != ada.id)
        shown.append(json.dumps(list(ada.seen.values())))
