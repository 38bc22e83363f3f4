"""`mmbot setup` against a server: what it makes, what it leaves alone, what it refuses and says."""

import os
import re
import socket
import stat
import tomllib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest
from aiohttp import web
from fake_mattermost import ADMIN, FakeMattermost
from hypothesis import given
from hypothesis import strategies as st
from people import Api

from mmbot.config import load
from mmbot.config_files import CONFIG, CUTTING, known_secrets, toml_value
from mmbot.mattermost import reach
from mmbot.mattermost.rest import Rest
from mmbot.setup import SetupFailed, Wishes, set_up
from mmbot.web import serve


@dataclass
class Place:
    """A server with a team, and what one wishes to be set up there."""

    server: FakeMattermost
    admin: Api
    wishes: Wishes
    team_id: str
    said: list[str] = field(default_factory=list)

    async def set_up(self, **changes: object) -> list[str]:
        self.said.clear()
        await set_up(replace(self.wishes, **changes), self.said.append)  # type: ignore[arg-type]
        return list(self.said)

    async def refusal(self, **changes: object) -> str:
        with pytest.raises(SetupFailed) as refused:
            await self.set_up(**changes)
        return str(refused.value)

    def setting(self, **values: object) -> None:
        self.server.settings["ServiceSettings"].update(values)

    @property
    def private(self) -> Path:
        return self.wishes.config.with_name("config.secrets.toml")

    async def command(self, url: str) -> dict[str, str]:
        body = {"team_id": self.team_id, "trigger": "mb", "method": "P", "url": url}
        return dict(await self.admin.call("POST", "/commands", body))


@asynccontextmanager
async def prepared(folder: Path, version: str = "9.9.0") -> AsyncIterator[Place]:
    async with FakeMattermost(version) as server, Api(server.url) as admin:
        await admin.login(*ADMIN)
        team = await admin.call("POST", "/teams", {"name": "community", "display_name": "C", "type": "O"})
        wishes = Wishes(
            server.url, "community", "plugins", folder / "config.toml", admin_user=ADMIN[0], admin_password=ADMIN[1]
        )
        yield Place(server, admin, wishes, team["id"])


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[Place]:
    async with prepared(tmp_path) as there:
        yield there


@contextmanager
def no_umask() -> Iterator[None]:
    before = os.umask(0)
    try:
        yield
    finally:
        os.umask(before)


# What it makes


@pytest.mark.parametrize("version", ["5.37.0", "9.9.0", "11.6.0"])
async def test_setup_makes_everything_that_a_bot_needs(tmp_path: Path, version: str) -> None:
    async with prepared(tmp_path, version) as place:
        said = await place.set_up()
        assert all(line.startswith("✓ ") for line in said), said
        assert f"✓ server {place.server.url}: Mattermost {version}" in said
        config = load(place.wishes.config)
        async with Rest(config.mattermost.url, config.mattermost.token.get_secret_value()) as bot:
            me = await bot.me()
            team = await bot.team("community")
            channel = await bot.channel(team.id, "plugins")
            assert (me.username, me.is_bot, channel.type) == ("mmbot", True, "O")
            assert await bot.is_member(channel.id)
        [command] = place.server.commands.values()
        assert command["url"] == "http://127.0.0.1:8066/mattermost/command"
        assert (command["trigger"], command["method"], command["auto_complete"]) == ("mb", "P", True)
        assert command["auto_complete_hint"]
        assert [x.get_secret_value() for x in config.mattermost.slash_tokens] == [command["token"]]


async def test_setup_run_again_changes_nothing_and_says_so(place: Place) -> None:
    await place.set_up()
    calls = len(place.server.calls)
    files = {path: path.read_bytes() for path in place.wishes.config.parent.glob("*.toml")}
    said = await place.set_up()
    assert {path: path.read_bytes() for path in place.wishes.config.parent.glob("*.toml")} == files
    changing = [x.path for x in place.server.calls[calls:] if x.method != "GET" and "/log" not in x.path]
    assert changing == []
    assert [line for line in said if "made" in line or "added" in line or not line.startswith("✓")] == []
    assert sum("was there" in line for line in said) == 9


@pytest.mark.parametrize("version", ["5.37.0", "9.9.0"])
async def test_setup_makes_a_private_channel_for_the_security_team(tmp_path: Path, version: str) -> None:
    async with prepared(tmp_path, version) as place:
        said = await place.set_up()
        assert "✓ channel ~marketplace-security: made, private, and you are in it: bring the security team in" in said
        assert "✓ @mmbot in ~marketplace-security: added" in said
        assert load(place.wishes.config).mattermost.security_channel == "marketplace-security"
        [channel] = [x for x in place.server.channels.values() if x["name"] == "marketplace-security"]
        names = {
            place.server.users[user]["username"] for one, user in place.server.channel_members if one == channel["id"]
        }
        assert (channel["type"], names) == ("P", {"mmbot", ADMIN[0]})
        made = [x.body for x in place.server.calls if (x.method, x.path) == ("POST", "/channels")]
        assert "reads what is confidential" in made[-1]["header"]
        # Who left it is not brought back.
        me = (await place.admin.call("GET", "/users/me"))["id"]
        await place.admin.call("DELETE", f"/channels/{channel['id']}/members/{me}")
        await place.admin.call("DELETE", f"/channels/{channel['id']}/members/{next(iter(place.server.bots))}")
        said = await place.set_up()
        assert "✓ channel ~marketplace-security: was there, private" in said
        assert "✓ @mmbot in ~marketplace-security: added" in said
        assert (channel["id"], me) not in place.server.channel_members


async def test_setup_makes_no_private_channel_where_none_is_wished(place: Place) -> None:
    said = await place.set_up(security_channel="")
    assert "security" not in "".join(said)
    assert load(place.wishes.config).mattermost.security_channel == ""
    assert [x["name"] for x in place.server.channels.values() if x["type"] == "P"] == []
    assert "security" not in "".join(await place.set_up())  # nor later, since the configuration says so


async def test_setup_takes_the_private_channel_that_the_configuration_names(place: Place) -> None:
    await place.set_up(security_channel="vault")
    said = await place.set_up()
    assert "✓ channel ~vault: was there, private" in said
    assert [x["name"] for x in place.server.channels.values() if x["type"] == "P"] == ["vault"]


async def test_an_older_configuration_is_told_the_private_channel_that_was_made(place: Place) -> None:
    await place.set_up(security_channel="")
    file = place.wishes.config
    file.write_text(re.sub(r"security_channel = .*\n", "", file.read_text()))
    said = await place.set_up()
    assert f'! {file}: mattermost.security_channel is "", you asked for "marketplace-security": change it there' in said


async def test_setup_says_no_secret(place: Place) -> None:
    said = "\n".join(await place.set_up() + await place.set_up())
    token, slash = known_secrets(place.private)
    for secret in (token, *slash, ADMIN[1]):
        assert secret
        assert secret not in said
        assert secret not in repr(place.wishes)
        assert secret not in place.wishes.config.read_text()


async def test_the_file_of_secrets_is_private_whatever_the_umask_and_nothing_is_left_beside_it(place: Place) -> None:
    with no_umask():
        await place.set_up()
    assert stat.S_IMODE(place.private.stat().st_mode) == 0o600
    assert sorted(x.name for x in place.private.parent.iterdir()) == ["config.secrets.toml", "config.toml", "var"]


async def test_the_admins_session_is_closed_after_setup_but_a_given_token_stays(place: Place) -> None:
    before = set(place.server.tokens)
    await place.set_up()
    bots = {token for token, user in place.server.tokens.items() if user in place.server.bots}
    assert set(place.server.tokens) == before | bots
    await place.set_up(admin_user="", admin_password="", admin_token=place.admin.token)
    assert place.admin.token in place.server.tokens


async def test_the_written_configuration_explains_every_key_of_the_example(place: Place) -> None:
    await place.set_up()
    example = (Path(__file__).parent.parent / "config.example.toml").read_text("utf-8")
    keys = re.compile(r"^(?:# )?(\[?[a-z_]+\]?)(?: = |$)", re.MULTILINE)
    expected = [key for key in keys.findall(example) if key not in {"slash_tokens", "token"}]
    assert sorted(keys.findall(place.wishes.config.read_text("utf-8"))) == sorted(expected)
    assert len(CONFIG.splitlines()) > 30
    assert CUTTING in example
    assert load(place.wishes.config).people == {"admin": (ADMIN[0],), "owner": (ADMIN[0],)}


# What it mends


async def test_a_token_that_was_revoked_is_made_anew(place: Place) -> None:
    await place.set_up()
    old, slash = known_secrets(place.private)
    del place.server.tokens[old]
    said = await place.set_up()
    token, same = known_secrets(place.private)
    assert token in place.server.tokens
    assert token != old
    assert same == slash
    assert f"✓ token in {place.private}: made anew; the old one was not accepted" in said


async def test_a_command_that_was_deleted_is_made_anew_and_older_tokens_stay(place: Place) -> None:
    await place.set_up()
    _, old = known_secrets(place.private)
    place.server.commands.clear()
    await place.set_up()
    [command] = place.server.commands.values()
    assert known_secrets(place.private)[1] == (command["token"], *old)


async def test_a_new_callback_address_moves_the_command_and_is_told_where_the_file_differs(place: Place) -> None:
    await place.set_up()
    config, secrets = place.wishes.config.read_bytes(), place.private.read_bytes()
    said = await place.set_up(callback_url="http://127.0.0.1:9000", listen_port=9000, trigger="mb")
    [command] = place.server.commands.values()
    assert command["url"] == "http://127.0.0.1:9000/mattermost/command"
    assert (place.wishes.config.read_bytes(), place.private.read_bytes()) == (config, secrets)
    file = place.wishes.config
    assert f"! {file}: listen.port is 8066, you asked for 9000: change it there" in said
    assert [line for line in said if line.startswith("!")][1].endswith(
        'listen.callback_url is "http://127.0.0.1:8066", you asked for "http://127.0.0.1:9000": change it there'
    )


async def test_other_secrets_in_the_file_are_kept(place: Place) -> None:
    place.private.write_text(
        'odd = "a\\"b"\n[mattermost]\nslash_tokens = ["older"]\n[listen]\nport = 9\n[a.b]\nc = [1]\n'
    )
    place.private.chmod(0o600)
    # The configuration forbids what it does not know; that is said only after everything is done.
    assert "odd" in await place.refusal()
    kept = tomllib.loads(place.private.read_text())
    assert (kept["odd"], kept["listen"], kept["a"]) == ('a"b', {"port": 9}, {"b": {"c": [1]}})
    assert kept["mattermost"]["slash_tokens"][1:] == ["older"]


async def test_a_file_of_secrets_that_others_could_read_is_closed(place: Place) -> None:
    await place.set_up()
    place.private.chmod(0o644)
    assert f"! {place.private}: others could read it; now only its owner can" in await place.set_up()
    assert stat.S_IMODE(place.private.stat().st_mode) == 0o600


# What it refuses, before anything is made


async def refused_untouched(place: Place, **changes: object) -> str:
    """The sentence, after which neither server nor folder have changed."""
    made = (
        len(place.server.bots),
        len(place.server.commands),
        len(place.server.channels),
        len(place.server.token_rows),
    )
    files = {path: path.read_bytes() for path in place.wishes.config.parent.iterdir() if path.is_file()}
    sentence = await place.refusal(**changes)
    assert made == (
        len(place.server.bots), len(place.server.commands), len(place.server.channels), len(place.server.token_rows),
    )  # fmt: skip
    assert {path: path.read_bytes() for path in place.wishes.config.parent.iterdir() if path.is_file()} == files
    return sentence


async def test_another_programs_command_is_left_alone_unless_it_shall_be_taken_over(place: Place) -> None:
    theirs = await place.command("https://other.example.com/hook/private-part")
    sentence = await refused_untouched(place)
    assert sentence == (
        "/mb already belongs to something else: it calls other.example.com."
        " Choose another with --trigger, or take it over with --take-over."
    )
    said = await place.set_up(take_over=True)
    [command] = place.server.commands.values()
    assert command["url"] == "http://127.0.0.1:8066/mattermost/command"
    assert command["token"] != theirs["token"]
    assert known_secrets(place.private)[1] == (command["token"],)
    assert "taken over" in "\n".join(said)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"team": "nowhere"}, "There is no team nowhere. Give its name as it stands in addresses, or make it."),
        ({"team": "nowhere"}, "Teams you are in: community."),
        ({"admin_password": "wrong"}, "does not accept the login"),
        ({"admin_token": "wrong"}, "does not accept the login"),
        ({"bot_name": "sysadmin"}, "@sysadmin is a person's account. Give another name for the bot."),
        ({"bot_name": "X"}, "@X cannot be a bot's name. Give 3 to 22 lower-case letters"),
        ({"channel": "Wrong Name"}, "channel: String should match pattern"),
        ({"listen_port": 70_000}, "port: Input should be less than or equal to 65535. Give another value."),
        ({"url": "chat.example.com"}, "url: Value error, must start with https:// or http://. Give another value."),
        ({"callback_url": "http://"}, "an address needs a host"),
        ({"config": Path("/nowhere/config.toml")}, "/nowhere: I cannot write there. Make that folder writable"),
    ],
)
async def test_wrong_wishes_are_refused_with_the_way_to_mend(
    place: Place, changes: dict[str, object], words: str
) -> None:
    assert words in await refused_untouched(place, **changes)


@pytest.mark.parametrize(
    ("setting", "words"),
    [
        ("EnableBotAccountCreation", "Set ServiceSettings.EnableBotAccountCreation to true"),
        ("EnableCommands", "Set ServiceSettings.EnableCommands to true"),
    ],
)
async def test_a_switched_off_feature_is_named_by_its_setting(place: Place, setting: str, words: str) -> None:
    place.setting(**{setting: False})
    assert words in await refused_untouched(place)


async def test_an_existing_bot_does_not_need_the_creation_of_bots(place: Place) -> None:
    await place.set_up()
    place.setting(EnableBotAccountCreation=False)
    assert "✓ bot account @mmbot: was there" in await place.set_up()


async def test_a_person_who_is_no_admin_is_told_to_find_one(place: Place) -> None:
    body = {"username": "uma", "email": "uma@example.com", "password": "Correct-horse-7"}
    await place.admin.call("POST", "/users", body)
    sentence = await refused_untouched(place, admin_user="uma", admin_password="Correct-horse-7")
    assert "Use a system administrator's, a person's and not a bot's." in sentence


async def test_a_disabled_bot_is_not_enabled_behind_anybodys_back(place: Place) -> None:
    await place.set_up()
    [bot] = place.server.bots
    await place.admin.call("POST", f"/bots/{bot}/disable")
    sentence = await refused_untouched(place)
    assert sentence.startswith("The bot account @mmbot is disabled. Enable it (Integrations, Bot Accounts)")


async def test_a_missing_channel_is_refused_where_none_shall_be_made(place: Place) -> None:
    assert await place.refusal(create_channel=False) == (
        "There is no channel plugins in the team community. Make it, or let me make it."
    )


async def test_a_public_channel_is_not_taken_for_the_security_teams(place: Place) -> None:
    body = {"team_id": place.team_id, "name": "open", "display_name": "Open", "type": "O"}
    await place.admin.call("POST", "/channels", body)
    assert await refused_untouched(place, security_channel="open") == (
        "~open is public, and the security team's channel must not be. Make it private (in the channel's menu:"
        " Convert to Private Channel), or give another with --security-channel."
    )
    assert "must be another channel than mattermost.channel" in await refused_untouched(
        place, security_channel="plugins"
    )


async def test_an_archived_private_channel_is_told(place: Place) -> None:
    body = {"team_id": place.team_id, "name": "vault", "display_name": "Vault", "type": "P"}
    made = await place.admin.call("POST", "/channels", body)
    await place.admin.call("DELETE", f"/channels/{made['id']}")
    assert (
        await place.refusal(security_channel="vault") == "The channel vault is archived. Unarchive it, or give another."
    )


async def test_a_word_of_the_server_itself_cannot_be_the_trigger(place: Place) -> None:
    assert await place.refusal(trigger="away") == (
        "/away is a command of the server itself or of a plugin. Choose another with --trigger."
    )


async def test_a_token_of_another_bot_is_neither_used_nor_lost(place: Place) -> None:
    await place.set_up()
    secrets = place.private.read_bytes()
    sentence = await place.refusal(bot_name="other")
    assert "belongs to @mmbot, not to @other. Give that name for the bot, or remove the token" in sentence
    assert place.private.read_bytes() == secrets


async def test_a_configuration_of_another_server_is_left_alone(place: Place) -> None:
    place.wishes.config.write_text('[mattermost]\nurl = "https://chat.example.com"\n')
    sentence = await refused_untouched(place)
    assert f"{place.wishes.config} belongs to the server https://chat.example.com" in sentence


async def test_a_file_that_cannot_be_read_is_named_without_quoting_it(place: Place) -> None:
    place.private.write_text("[mattermost]\ntoken = hush\n")
    place.private.chmod(0o600)
    sentence = await refused_untouched(place)
    assert sentence == f"{place.private}: cannot be read (line 2). Mend or remove it."


async def test_a_server_that_does_not_answer_is_told_so(place: Place) -> None:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))  # bound, but not listening
        address = f"http://127.0.0.1:{listener.getsockname()[1]}"
        assert await place.refusal(url=address) == (
            f"{address} does not answer (ClientConnectorError). Check the address, and that the server runs."
        )


@pytest.mark.parametrize(
    ("status", "headers", "words"),
    [
        (200, {}, "does not answer as a Mattermost server does. Check the address."),
        (404, {}, "does not answer as a Mattermost server does (404 Not Found). Check the address."),
        (301, {"Location": "https://chat.example.com"}, "redirects to https://chat.example.com. Give that address"),
    ],
)
async def test_what_is_no_mattermost_server_is_not_taken_for_one(
    place: Place, status: int, headers: dict[str, str], words: str
) -> None:
    async def page(_: web.Request) -> web.Response:
        return web.Response(text="<p>Welcome</p>", content_type="text/html", status=status, headers=headers)

    app = web.Application()
    app.router.add_route("*", "/{path:.*}", page)
    runner, port = await serve(app, "127.0.0.1", 0)
    try:
        assert words in await refused_untouched(place, url=f"http://127.0.0.1:{port}")
    finally:
        await runner.cleanup()


# What it warns of


async def test_a_server_that_may_not_call_us_is_told_the_exact_setting(place: Place) -> None:
    place.setting(AllowedUntrustedInternalConnections="10.0.0.0/8")
    [warning] = [line for line in await place.set_up() if line.startswith("!")]
    assert warning == (
        "! the server will not call http://127.0.0.1:8066: set ServiceSettings.AllowedUntrustedInternalConnections"
        ' to "10.0.0.0/8 127.0.0.1" (System Console, Environment, Developer)'
    )


async def test_an_empty_site_url_is_told(place: Place) -> None:
    place.setting(SiteURL="")
    [warning] = [line for line in await place.set_up() if line.startswith("!")]
    assert warning.startswith(
        "! ServiceSettings.SiteURL is empty, and newer servers then refuse slash commands: set it to"
    )


@pytest.mark.parametrize(
    ("callback", "server", "allowed", "lacking"),
    [
        ("http://127.0.0.1:8066", "https://8.8.8.8", "", "127.0.0.1"),
        ("http://127.0.0.1:8066", "https://8.8.8.8", "127.0.0.0/8", ""),
        ("http://127.0.0.1:8066", "https://8.8.8.8", "localhost, 127.0.0.1", ""),
        ("http://127.0.0.1:8066", "https://8.8.8.8", "localhost", "127.0.0.1"),
        ("http://localhost:8066", "https://8.8.8.8", "localhost", ""),
        ("http://10.1.2.3", "https://8.8.8.8", "10.1.2.3/32", ""),
        ("http://10.1.2.3", "https://8.8.8.8", "10.2.0.0/16 nonsense/x", "10.1.2.3"),
        ("http://100.64.0.1", "https://8.8.8.8", "", "100.64.0.1"),
        ("http://[::1]:8066", "https://8.8.8.8", "127.0.0.0/8", "::1"),
        ("http://[fd00::1]:8066", "https://8.8.8.8", "fc00::/7", ""),
        ("https://8.8.4.4", "https://8.8.8.8", "", ""),
        ("https://8.8.8.8:8066", "https://8.8.8.8", "", "8.8.8.8"),
        ("http://no-such-host.invalid", "https://8.8.8.8", "", ""),
    ],
)
async def test_what_the_server_will_not_call_is_known(callback: str, server: str, allowed: str, lacking: str) -> None:
    assert await reach.lacking(callback, server, allowed) == lacking


@given(st.one_of(st.text(), st.lists(st.text()), st.integers(-(2**62), 2**62), st.booleans()))
def test_every_value_is_read_back_as_it_was_written(value: object) -> None:
    assert tomllib.loads(f"x = {toml_value(value)}")["x"] == value
