"""`mmbot doctor`: each thing broken in turn, and the sentence that says how to mend it."""

import asyncio
import fcntl
import json
import os
import socket
import sys
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import formatdate
from pathlib import Path
from typing import Any

import pytest
from aiohttp import web
from fake_mattermost import ADMIN, FakeMattermost
from people import PASSWORD, Api

from mmbot import policy
from mmbot.config import load
from mmbot.config_files import keep_secrets, known_secrets
from mmbot.doctor import Finding, examine
from mmbot.run import run
from mmbot.setup import Wishes, set_up
from mmbot.store.database import Store
from mmbot.store.migrations import migrations
from mmbot.web import serve

REVIEWERS = ("product", "dev", "security", "qa")


class LateServer(FakeMattermost):
    """A server whose clock is five minutes slow, as its Date header tells."""

    async def _serve(self, request: web.Request) -> web.StreamResponse:
        answer = await super()._serve(request)
        answer.headers["Date"] = formatdate(time.time() - 300, usegmt=True)
        return answer


@dataclass
class Installation:
    """A working installation, to be broken."""

    server: FakeMattermost
    admin: Api
    wishes: Wishes

    @property
    def path(self) -> Path:
        return self.wishes.config

    @property
    def private(self) -> Path:
        return self.path.with_name("config.secrets.toml")

    @property
    def place(self) -> str:
        return f"127.0.0.1:{self.wishes.listen_port}"

    @property
    def bot(self) -> str:
        return next(iter(self.server.bots))

    @property
    def channel(self) -> str:
        return next(str(x["id"]) for x in self.server.channels.values() if x["name"] == "plugins")

    @property
    def security(self) -> str:
        return next(str(x["id"]) for x in self.server.channels.values() if x["name"] == "marketplace-security")

    @property
    def team(self) -> str:
        return next(iter(self.server.teams))

    @property
    def command(self) -> dict[str, Any]:
        [command] = self.server.commands.values()
        return command

    def files(self) -> list[Path]:
        return sorted(self.path.parent.rglob("*"))

    def edit(self, old: str, new: str) -> None:
        text = self.path.read_text("utf-8")
        assert old in text
        self.path.write_text(text.replace(old, new), "utf-8")

    async def examine(self) -> dict[str, Finding]:
        findings = await examine(load(self.path), self.path)
        assert all(x.mend for x in findings if x.ok is False), "a fault without a way to mend it"
        secrets = [known_secrets(self.private)[0], *known_secrets(self.private)[1]]
        assert not [s for s in secrets if s and s in repr(findings)], "a secret was told"
        return {x.name: x for x in findings}

    async def fault(self, name: str) -> str:
        """The one fault there is, and how to mend it."""
        found = await self.examine()
        assert [x.name for x in found.values() if x.ok is False] == [name], found
        return f"{found[name].text} → {found[name].mend}"


@asynccontextmanager
async def installed(
    folder: Path, version: str = "9.9.0", kind: type[FakeMattermost] = FakeMattermost
) -> AsyncIterator[Installation]:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    async with kind(version) as server, Api(server.url) as admin:
        await admin.login(*ADMIN)
        team = await admin.call("POST", "/teams", {"name": "community", "display_name": "C", "type": "O"})
        wishes = Wishes(
            server.url, "community", "plugins", folder / "config.toml", admin_user=ADMIN[0], admin_password=ADMIN[1],
            listen_port=port, callback_url=f"http://127.0.0.1:{port}",
        )  # fmt: skip
        await set_up(wishes, lambda _: None)
        installation = Installation(server, admin, wishes)
        for name in REVIEWERS:
            body = {"username": f"r-{name}", "email": f"{name}@example.com", "password": PASSWORD}
            user = (await admin.call("POST", "/users", body))["id"]
            await admin.call("POST", f"/teams/{team['id']}/members", {"team_id": team["id"], "user_id": user})
            await admin.call("POST", f"/channels/{installation.channel}/members", {"user_id": user})
            installation.edit("[people]\n", f'[people]\n{name} = ["r-{name}"]\n')
            if name == "security":
                await admin.call("POST", f"/channels/{installation.security}/members", {"user_id": user})
        me = (await admin.call("GET", "/users/me"))["id"]
        await admin.call("DELETE", f"/channels/{installation.security}/members/{me}")
        yield installation


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[Installation]:
    async with installed(tmp_path) as installation:
        yield installation


@asynccontextmanager
async def answering(status: int, body: str, port: int = 0, **headers: str) -> AsyncIterator[int]:
    """Another program: it answers everything alike."""

    async def answer(_: web.Request) -> web.Response:
        return web.Response(status=status, text=body, headers=headers, content_type="text/html")

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", answer)
    runner, bound = await serve(app, "127.0.0.1", port)
    try:
        yield bound
    finally:
        await runner.cleanup()


@asynccontextmanager
async def running(installation: Installation) -> AsyncIterator[None]:
    """The real bot, on this installation."""
    ready = asyncio.Event()
    bot = asyncio.create_task(run(load(installation.path), lambda _: ready.set()))
    waiting = asyncio.create_task(ready.wait())
    await asyncio.wait([bot, waiting], return_when=asyncio.FIRST_COMPLETED, timeout=20)
    assert ready.is_set()
    try:
        yield
    finally:
        bot.cancel()
        await asyncio.gather(bot, return_exceptions=True)


# Nothing is wrong


@pytest.mark.parametrize("version", ["5.37.0", "9.9.0", "11.6.0"])
async def test_after_setup_nothing_is_wrong_and_nothing_is_changed(tmp_path: Path, version: str) -> None:
    async with installed(tmp_path, version) as here:
        posts, files = len(here.server.content.all), here.files()
        found = await here.examine()
        assert {name for name, x in found.items() if x.ok is not True} == set(), found
        assert not any(x.mend for x in found.values())
        assert found["server"].text == f"{here.server.url} is Mattermost {version}"
        assert found["listening"].text == f"{here.place} is free for mmbot, which does not run now"
        assert found["slash command"].text == "/mb reaches mmbot, with the right token"
        assert (len(here.server.content.all), here.files()) == (posts, files)


async def test_a_running_mmbot_is_found_well(here: Installation) -> None:
    async with running(here):
        found = await here.examine()
        assert {name for name, x in found.items() if x.ok is not True} == set(), found
        assert found["listening"].text == f"mmbot answers at {here.place}"
        assert found["store"].text.endswith("is sound; mmbot is running")
        assert found["slash command"].text == "/mb reaches mmbot, with the right token"


# Files


async def test_secrets_that_others_can_read_are_told_the_command_that_closes_them(here: Installation) -> None:
    config = load(here.path)
    here.private.chmod(0o640)
    [finding] = [x for x in await examine(config, here.path) if x.ok is False]
    assert (finding.name, finding.mend) == ("secrets", f"chmod 600 {here.private}")
    assert finding.text == f"{here.private} can be read by others (mode 640)"


async def test_a_missing_token_of_the_bot_is_told_before_its_consequences(here: Installation) -> None:
    keep_secrets(here.private, token="")
    found = await here.examine()
    assert found["secrets"].text == f"no token for the bot, neither in {here.private} nor in MMBOT_MATTERMOST__TOKEN"
    assert found["secrets"].mend == "Run `mmbot setup`: it makes one."
    assert (found["team"].ok, found["team"].text) == (None, "not checked: mend the token first")
    await set_up(here.wishes, lambda _: None)
    assert (await here.examine())["team"].ok


async def test_a_missing_token_of_the_slash_command_is_told(here: Installation) -> None:
    keep_secrets(here.private, slash_tokens=[])
    found = await here.examine()
    assert found["secrets"].text.startswith("no token of the slash command")
    assert found["slash command"].mend == "Run `mmbot setup`: it fetches the token. Then restart mmbot."


async def test_a_policy_that_does_not_load_is_named_with_its_mistake(here: Installation) -> None:
    file = here.path.with_name("policy.toml")
    file.write_text("current = 7\n")
    here.edit('# policy = "policy.toml"', 'policy = "policy.toml"')
    found = await here.examine()
    assert found["policy"].ok is False
    assert "policy.toml: " in found["policy"].text
    assert found["policy"].mend == f"Correct {file}, or take sources.policy out of the configuration."
    assert found["roles"].text == "not checked: mend the policy first"


async def test_a_role_that_nobody_holds_is_told_with_the_line_to_add(here: Installation) -> None:
    here.edit('security = ["r-security"]\n', "")
    assert await here.fault("roles") == (
        f'nobody is named as security → In {here.path}, under [people], add user names: security = ["…"].'
    )


async def test_a_default_owner_who_is_no_owner_is_told(here: Installation) -> None:
    here.edit('\nowner = ["sysadmin"]', '\nowner = ["r-security"]')
    assert await here.fault("roles") == (
        f"default_owner is sysadmin, who is not named as owner → In {here.path}, under [people], add sysadmin to owner; "
        "or name another default_owner."
    )


async def test_a_role_that_does_not_exist_is_told_with_those_that_do(here: Installation) -> None:
    here.edit("[people]\n", '[people]\nsekurity = ["r-security"]\n')
    said = await here.fault("roles")
    assert said.startswith(f"people.sekurity is no role → In {here.path}, use one of: product, dev, security, qa,")


async def test_a_catalogue_is_read(here: Installation) -> None:
    here.edit('# catalogue = "plugins.json"', 'catalogue = "plugins.json"')
    file = here.path.with_name("plugins.json")
    assert (await here.fault("catalogue")).startswith(
        f"{file} does not exist → Put the Marketplace's plugins.json there"
    )
    file.write_text("{")
    assert (await here.fault("catalogue")).startswith(f"{file}: not a list of Marketplace entries")
    file.write_text(json.dumps([{"homepage_url": "", "manifest": {"id": "a", "version": "1.0.0"}}]))
    assert (await here.examine())["catalogue"].text == f"{file} lists 1 plugin"


async def test_what_is_missing_for_cutting_is_told_once_something_of_it_is_configured(here: Installation) -> None:
    assert "cutting" not in await here.examine()
    here.edit('# organisation = "mattermost"', 'organisation = "mattermost"')
    assert (await here.fault("cutting")).startswith(
        f"nothing can be cut, for {here.path} lacks signing (the key that signs), storage"
    )


async def test_a_store_that_is_damaged_is_told_what_to_do_with_it(here: Installation) -> None:
    store = here.path.parent / "var" / "mmbot.db"
    store.write_bytes(b"not a database, by far" * 100)
    said = await here.fault("store")
    assert said.startswith(f"{store} is damaged, or no store: ")
    assert said.endswith(
        "→ Stop mmbot, and put a backup in its place: `mmbot restore FILE`, which keeps what is there."
    )


async def test_a_store_of_a_newer_mmbot_is_told(here: Installation) -> None:
    config = load(here.path)
    store = Store(config.store.path, policy.load())
    store.execute(
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES (?, 'm999_future', '')",
        migrations.name,
    )
    store.close()
    assert await here.fault("store") == (
        f"{config.store.path} was written by a newer mmbot → Upgrade mmbot to that version."
    )


async def test_a_store_below_a_file_is_told(here: Installation) -> None:
    here.edit('path = "var/mmbot.db"', 'path = "config.toml/mmbot.db"')
    assert await here.fault("store") == (f"{here.path} is no folder → Correct store.path, now {here.path}/mmbot.db.")


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
async def test_a_store_that_cannot_be_written_is_told(here: Installation) -> None:
    (here.path.parent / "var").chmod(0o500)
    assert "cannot be written by user" in await here.fault("store")


async def test_a_held_store_without_a_listener_is_a_bot_to_restart(here: Installation) -> None:
    lock = os.open(here.path.parent / "var" / "mmbot.db.lock", os.O_CREAT | os.O_RDWR)
    fcntl.flock(lock, fcntl.LOCK_EX)
    try:
        found = await here.examine()
    finally:
        os.close(lock)
    assert found["listening"].text == f"mmbot runs, since its store is in use, but does not answer at {here.place}"
    assert found["listening"].mend == "Restart mmbot, so that it uses this configuration."
    assert (found["slash command"].ok, found["callback address"].ok) == (None, None)


GIT_ALONE = (
    "import asyncio; from mmbot.doctor import here; f = asyncio.run(here.git()); print(f.ok, f.text, f.mend, sep='|')"
)


@pytest.mark.parametrize(
    ("script", "said"),
    [
        ("", "False|git cannot be started (No such file or directory)"),
        ("echo git version 2.20.1", "False|version 2.20.1 is too old"),
        ("echo hello", "False|git does not tell its version"),
        ("echo git version 2.39.5", "True|version 2.39.5"),
    ],
)
async def test_git_has_to_be_there_and_new_enough(tmp_path: Path, script: str, said: str) -> None:
    if script:
        git = tmp_path / "git"
        git.write_text(f"#!/bin/sh\n{script}\n")
        git.chmod(0o755)
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", GIT_ALONE, env={"PATH": str(tmp_path)}, stdout=asyncio.subprocess.PIPE,
        cwd=Path(__file__).parent.parent,
    )  # fmt: skip
    told = (await process.communicate())[0].decode().strip()
    mend = "" if said.startswith("True") else "Install git 2.29 or newer, where mmbot's PATH finds it."
    assert told == f"{said}|{mend}"


# The server


async def test_a_server_that_is_away_leaves_the_rest_open(here: Installation) -> None:
    here.server.down = True
    said = await here.fault("server")
    assert said.startswith(f"{here.server.url} does not answer (")
    assert said.endswith(
        f"→ Start the server, see that no firewall is between, or correct mattermost.url in {here.path}."
    )
    found = await here.examine()
    assert {name for name, x in found.items() if x.ok is None} == {
        "clock", "token", "websocket", "team", "channel", "security channel", "people", "slash command",
    }  # fmt: skip


async def test_an_address_that_redirects_is_told_the_right_one(here: Installation) -> None:
    async with answering(301, "", Location="https://chat.example.com/api/v4/system/ping") as port:
        here.edit(here.server.url, f"http://127.0.0.1:{port}")
        said = await here.fault("server")
    assert "redirects to https://chat.example.com → Correct mattermost.url" in said


@pytest.mark.parametrize("status", [200, 404])
async def test_an_address_of_something_else_is_told(here: Installation, status: int) -> None:
    async with answering(status, "<p>Welcome</p>") as port:
        here.edit(here.server.url, f"http://127.0.0.1:{port}")
        said = await here.fault("server")
    assert f"is no Mattermost server (HTTP {status}) → Correct mattermost.url in {here.path}, with the sub-path" in said


async def test_clocks_that_differ_are_told(tmp_path: Path) -> None:
    async with installed(tmp_path, kind=LateServer) as here:
        said = await here.fault("clock")
    assert said.startswith(("this machine's is 300 s ahead of", "this machine's is 301 s ahead of"))
    assert "timedatectl set-ntp true" in said


async def test_a_revoked_token_is_told(here: Installation) -> None:
    token, _ = known_secrets(here.private)
    del here.server.tokens[token]
    said = await here.fault("token")
    assert said.startswith("the server does not accept the one in the file of secrets → Run `mmbot setup`")
    await set_up(here.wishes, lambda _: None)
    assert (await here.examine())["token"].ok


async def test_a_persons_token_is_told(here: Installation) -> None:
    keep_secrets(here.private, token=here.admin.token)
    found = await here.examine()
    assert found["token"].text == "the one in the file of secrets belongs to @sysadmin, a person's account"
    assert found["token"].mend.startswith("Remove it from the file of secrets, and run `mmbot setup`")


async def test_a_proxy_that_swallows_the_websocket_is_told(here: Installation) -> None:
    here.server.fail_next("GET", "websocket", 400, times=9)
    said = await here.fault("websocket")
    assert said.startswith("no event stream: ")
    assert "pass Upgrade and Connection for /api/v4/websocket" in said


async def test_a_wrong_team_is_told_with_those_the_bot_is_in(here: Installation) -> None:
    here.edit('team = "community"', 'team = "comunity"')
    assert await here.fault("team") == (
        "there is no team comunity; the bot is in community →"
        f" Correct mattermost.team in {here.path}: it is the team's name as in addresses."
    )


async def test_a_bot_that_was_put_out_of_its_team_is_mended_by_setup(here: Installation) -> None:
    await here.admin.call("DELETE", f"/teams/{here.team}/members/{here.bot}")
    assert await here.fault("team") == "the bot is not in the team community → Run `mmbot setup`: it adds the bot."
    await set_up(here.wishes, lambda _: None)
    assert (await here.examine())["channel"].ok


async def test_a_channel_that_is_not_there_is_told(here: Installation) -> None:
    here.edit('channel = "plugins"', 'channel = "plugs"')
    said = await here.fault("channel")
    assert said.startswith(
        "the bot sees no channel plugs in community → If the name is wrong, correct mattermost.channel"
    )


async def test_a_bot_that_was_put_out_of_the_channel_is_mended_by_setup(here: Installation) -> None:
    await here.admin.call("DELETE", f"/channels/{here.channel}/members/{here.bot}")
    assert await here.fault("channel") == (
        "the bot is not in ~plugins, so it cannot post there → Run `mmbot setup`: it adds the bot."
    )
    await set_up(here.wishes, lambda _: None)
    assert (await here.examine())["channel"].ok


async def test_a_security_channel_that_the_bot_does_not_see_is_told(here: Installation) -> None:
    await here.admin.call("DELETE", f"/channels/{here.security}/members/{here.bot}")
    assert await here.fault("security channel") == (
        "the bot sees no channel marketplace-security in community → If the name is wrong, correct mattermost.security_channel in "
        f"{here.path}; if it is archived, unarchive it; else run `mmbot setup`: it makes a missing one, and brings the bot into it."
    )
    await set_up(here.wishes, lambda _: None)
    assert (await here.examine())["security channel"].ok


async def test_a_security_channel_that_was_made_public_is_told(here: Installation) -> None:
    await here.admin.call("PUT", f"/channels/{here.security}/privacy", {"privacy": "O"})
    assert await here.fault("security channel") == (
        "~marketplace-security is public, so everybody could read what is confidential → "
        "In that channel's menu: Convert to Private Channel. Until then nothing is posted there."
    )


async def test_whoever_reads_along_in_the_security_channel_and_whoever_is_not_in_it_is_named(
    here: Installation,
) -> None:
    ids = {user["username"]: user["id"] for user in here.server.users.values()}
    for name in ("sysadmin", "r-qa"):
        await here.admin.call("POST", f"/channels/{here.security}/members", {"user_id": ids[name]})
    found = (await here.examine())["security channel"]
    said = "in ~marketplace-security without the security role, and reading everything there: r-qa, sysadmin"
    assert (found.ok, found.text) == (None, said)
    assert found.mend == "Give them the role, or type there: /kick @r-qa and /kick @sysadmin."
    await here.admin.call("DELETE", f"/channels/{here.security}/members/{ids['r-security']}")
    found = (await here.examine())["security channel"]
    assert found.text == f"{said}; of the security team, but not in ~marketplace-security: r-security"
    assert found.mend.endswith(" Type there: /invite @r-security")


async def test_whoever_was_given_the_security_role_in_chat_belongs_into_its_channel(here: Installation) -> None:
    ids = {user["username"]: user["id"] for user in here.server.users.values()}
    store = Store(load(here.path).store.path, policy.load())
    for name in ("r-qa", "r-dev"):
        store.execute("INSERT INTO granted (role, person) VALUES ('security', ?)", ids[name])
    store.close()
    await here.admin.call("POST", f"/channels/{here.security}/members", {"user_id": ids["r-qa"]})
    found = (await here.examine())["security channel"]
    assert (found.ok, found.text) == (None, "of the security team, but not in ~marketplace-security: r-dev")
    # Who was deactivated reads nothing, and need not be there.
    await here.admin.call("PUT", f"/users/{ids['r-dev']}/active", {"active": False})
    assert (await here.examine())["security channel"].ok


async def test_without_a_security_channel_nothing_is_wrong(here: Installation) -> None:
    here.edit('security_channel = "marketplace-security"', 'security_channel = ""')
    found = (await here.examine())["security channel"]
    assert (found.ok, found.mend) == (True, "")
    assert found.text.startswith("none is configured")


async def test_people_who_do_not_exist_or_are_gone_or_absent_are_told(here: Installation) -> None:
    ids = {user["username"]: user["id"] for user in here.server.users.values()}
    mend = f"Correct {here.path}, under [people] and default_owner."
    await here.admin.call("DELETE", f"/channels/{here.channel}/members/{ids['r-dev']}")
    assert await here.fault("people") == (
        "not in ~plugins, so no mention there reaches them: r-dev → Type in that channel: /invite @r-dev"
    )
    await here.admin.call("PUT", f"/users/{ids['r-qa']}/active", {"active": False})
    assert await here.fault("people") == f"deactivated: r-qa → {mend}"
    here.edit('"r-product"', '"r-produkt"')
    assert await here.fault("people") == f"the server knows nobody called r-produkt → {mend}"


async def test_a_server_that_fails_halfway_is_no_fault_of_the_installation(here: Installation) -> None:
    here.server.fail_next("POST", "users/usernames", 503, times=9)
    found = await here.examine()
    assert found["people"].ok is None
    assert found["people"].text.startswith("the server answered 503")
    assert found["slash command"].ok


# The way back


async def test_a_deleted_slash_command_is_mended_by_setup(here: Installation) -> None:
    here.server.commands.clear()
    assert await here.fault("slash command") == (
        "there is no /mb in the team community → Run `mmbot setup`: it makes /mb."
    )
    await set_up(here.wishes, lambda _: None)
    assert (await here.examine())["slash command"].ok


async def test_a_command_that_another_program_answers_is_told(here: Installation) -> None:
    async with answering(200, "Hello, I am another bot.") as port:
        here.command["url"] = f"http://127.0.0.1:{port}/"
        said = await here.fault("slash command")
        async with running(here):
            assert await here.fault("slash command") == said
    assert said.startswith(
        "/mb does not lead to this mmbot: something else answers it → Run `mmbot setup` with another"
    )


async def test_a_command_that_another_program_refuses_is_told(here: Installation) -> None:
    async with answering(404, "") as port:
        here.command["url"] = f"http://127.0.0.1:{port}/"
        said = await here.fault("slash command")
    assert said.startswith("what /mb leads to refuses: ")
    assert "404 Not Found" in said


async def test_a_command_with_the_wrong_path_is_mended_by_setup(here: Installation) -> None:
    here.command["url"] = f"http://{here.place}/comand"
    said = await here.fault("slash command")
    assert said.startswith(
        "/mb calls /comand instead of /mattermost/command → Run `mmbot setup`: it corrects the command."
    )
    await set_up(here.wishes, lambda _: None)
    assert (await here.examine())["slash command"].ok


async def test_a_command_whose_token_was_renewed_is_mended_by_setup(here: Installation) -> None:
    await here.admin.call("PUT", f"/commands/{here.command['id']}/regen_token")
    assert await here.fault("slash command") == (
        "/mb comes with a token that is not in the file of secrets →"
        " Run `mmbot setup`: it fetches the token. Then restart mmbot."
    )
    async with running(here):
        said = await here.fault("slash command")
        assert "401 Unauthorized" in said
        assert "run `mmbot setup` for the right address and token, and restart mmbot" in said
    await set_up(here.wishes, lambda _: None)
    assert (await here.examine())["slash command"].ok


async def test_a_command_under_another_name_than_the_buttons_is_pointed_out(here: Installation) -> None:
    here.command["url"] = f"http://localhost:{here.wishes.listen_port}/mattermost/command"
    found = (await here.examine())["slash command"]
    assert (found.ok, found.mend) == (None, "Unless a proxy changes the name, run `mmbot setup` to make them agree.")
    assert f"reaches mmbot as localhost:{here.wishes.listen_port}, but listen.callback_url" in found.text


@pytest.mark.parametrize("away", [False, True])
async def test_a_server_that_may_not_or_cannot_call_mmbot_is_told_address_and_setting(
    here: Installation,
    away: bool,  # noqa: FBT001 -- a parameter of the test
) -> None:
    if away:
        here.command["url"] = "http://127.0.0.1:1/mattermost/command"
    else:
        here.server.settings["ServiceSettings"]["AllowedUntrustedInternalConnections"] = ""
    said = await here.fault("slash command")
    assert said.startswith("the server got no answer when it called mmbot for /mb → Run `mmbot setup`: it gives /mb")
    assert f"the address http://{here.place}." in said
    assert 'see that ServiceSettings.AllowedUntrustedInternalConnections covers "127.0.0.1"' in said


async def test_a_new_server_without_its_own_address_is_told_the_setting(tmp_path: Path) -> None:
    async with installed(tmp_path, "11.6.0") as here:
        here.server.settings["ServiceSettings"]["SiteURL"] = ""
        said = await here.fault("slash command")
    assert said.endswith(
        f"→ Set ServiceSettings.SiteURL to {here.server.url} (System Console, Environment, Web Server)."
    )


async def test_another_program_at_mmbots_place_is_told(here: Installation) -> None:
    async with answering(200, "hello", here.wishes.listen_port):
        found = await here.examine()
    assert found["listening"].text == f"another program listens at {here.place}"
    assert found["listening"].mend.startswith("Stop it, or give another listen.port")
    assert found["callback address"].text == "not checked: mend listening first"


async def test_an_address_that_is_not_of_this_machine_is_told(here: Installation) -> None:
    here.edit('host = "127.0.0.1"', 'host = "192.0.2.1"')
    found = await here.examine()
    assert found["listening"].ok is False
    assert found["listening"].text.startswith(f"mmbot cannot listen at 192.0.2.1:{here.wishes.listen_port}: ")
    assert found["listening"].mend.startswith("Give an address of this machine as listen.host")


async def test_a_callback_address_that_leads_elsewhere_is_told(here: Installation) -> None:
    async with answering(200, "hello") as port:
        here.edit(f'callback_url = "http://{here.place}"', f'callback_url = "http://127.0.0.1:{port}"')
        said = await here.fault("callback address")
    assert said.startswith(
        f"http://127.0.0.1:{port} leads to something else than this mmbot → Correct listen.callback_url"
    )
    assert said.endswith(f"it must lead to http://{here.place}.")


async def test_a_callback_address_that_only_the_server_can_reach_is_no_fault(here: Installation) -> None:
    here.edit(f'callback_url = "http://{here.place}"', 'callback_url = "http://127.0.0.1:1"')
    found = (await here.examine())["callback address"]
    assert found.ok is None
    assert found.text.endswith("though the server reaches mmbot")


async def test_a_callback_address_that_nobody_reaches_is_told(here: Installation) -> None:
    here.edit(f'callback_url = "http://{here.place}"', 'callback_url = "http://127.0.0.1:1"')
    here.command["url"] = "http://127.0.0.1:1/mattermost/command"
    found = (await here.examine())["callback address"]
    assert found.ok is False
    assert found.text == "http://127.0.0.1:1 does not answer from here (ClientConnectorError)"
