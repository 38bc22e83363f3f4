"""The command line as an operator meets it: what it says, how it ends, and never with a traceback."""

import asyncio
import json
import os
import re
import signal
import sqlite3
import sys
from collections.abc import AsyncIterator, Iterator
from contextlib import closing
from dataclasses import dataclass
from importlib import resources
from pathlib import Path

import pytest
import structlog
from click.testing import CliRunner, Result
from fake_git import fake_git
from fake_mattermost import ADMIN, FakeMattermost
from people import World, bootstrap
from stage import Stage, free_port, on_stage, until

from mmbot import __version__, cli, policy
from mmbot.store.database import Store

TEMPLATES = Path(__file__).parents[2] / "shared" / "data" / "issue_templates"
CATALOGUE = Path(__file__).parents[2] / "shared" / "data" / "plugins-2023-09-08.json"
ROOT = Path(__file__).parents[1]
GOOD = '[mattermost]\nurl = "http://127.0.0.1:9"\nteam = "community"\nchannel = "reviews"\n[people]\nadmin = ["ada"]\n'
FEW = ("sue", "olive", "ada")


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """The log goes where it went before."""
    yield
    structlog.reset_defaults()


def mmbot(*arguments: str | Path, typed: str = "") -> Result:
    """What a command of the command line says here."""
    return CliRunner().invoke(cli.main, [str(x) for x in arguments], input=typed)


def refused(result: Result) -> str:
    """The sentence with which a command ended."""
    assert result.exit_code == 1, result.output
    assert isinstance(result.exception, SystemExit)
    assert "Traceback" not in result.output
    assert result.stdout == ""
    return result.stderr.strip()


def configured(folder: Path, text: str = GOOD) -> Path:
    path = folder / "config.toml"
    path.write_text(text, "utf-8")
    return path


# As a program of its own


@dataclass
class Ran:
    """How a program ended."""

    code: int
    out: str
    err: str


async def started(*arguments: str | Path, typed: bool = False) -> asyncio.subprocess.Process:
    environment = {name: value for name, value in os.environ.items() if not name.startswith("MMBOT_")}
    return await asyncio.create_subprocess_exec(
        sys.executable, "-W", "error", "-m", "mmbot", *(str(x) for x in arguments), cwd=ROOT, env=environment,
        stdin=asyncio.subprocess.PIPE if typed else asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip


async def ran(*arguments: str | Path, typed: str = "") -> Ran:
    """A command, run to its end in a process of its own."""
    process = await started(*arguments, typed=bool(typed))
    async with asyncio.timeout(20):
        out, err = await process.communicate(typed.encode() or None)
    assert process.returncode is not None
    assert b"Traceback" not in err, err
    return Ran(process.returncode, out.decode(), err.decode())


async def asked(*arguments: str | Path) -> Ran:
    """A command for the running bot, from another thread, so that the bot here can answer it."""
    done = await asyncio.to_thread(mmbot, *arguments)
    assert "Traceback" not in done.output
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return Ran(done.exit_code, done.stdout, done.stderr)


async def test_help_names_every_command() -> None:
    shown = await ran("--help")
    assert shown.code == 0
    assert re.findall(r"^  (\w+) ", shown.out.split("Commands:", 1)[1], re.MULTILINE) == sorted(cli.main.commands)
    assert shown.err == ""
    assert mmbot("--version").output.strip().endswith(__version__)


@pytest.mark.parametrize(
    "words", [[name] for name in cli.main.commands] + [["catalogue", "sync"], ["generator", "add"]]
)
def test_every_command_explains_itself(words: list[str]) -> None:
    shown = mmbot(*words, "--help")
    assert shown.exit_code == 0
    assert shown.output.startswith("Usage: ")
    assert len(shown.output.splitlines()) > 4


async def test_the_console_plays_a_script(tmp_path: Path) -> None:
    script = "# what a person types\n@quinn: /mb status MB-1\n\n@quinn: /mb aprove MB-1\n:quit\n@quinn: /mb queue\n"
    played = await ran("console", "--store", tmp_path / "deep" / "console.db", typed=script)
    assert played.code == 0, played.err
    assert played.out.splitlines()[0] == "@quinn: /mb status MB-1"
    assert "Remind 1.0.0" in played.out
    assert "Did you mean `/mb approve MB-1`?" in played.out
    assert "queue" not in played.out.split("aprove", 1)[1].split("\n", 1)[1]
    assert played.err == ""


# What is wrong with the files

FAULTS = {
    "no such file": (None, "there is no such file"),
    "no TOML": ("mattermost", "config.toml: Expected"),
    "a missing key": ("[mattermost]\nurl = 'https://x'\nteam = 'x'", "config.toml: mattermost.channel: is missing"),
    "an unknown role": (GOOD + 'qaa = ["x"]', "config.toml: people.qaa: there is no such role"),
    "no such policy": (GOOD + '[sources]\npolicy = "none.toml"', "none.toml"),
    "a faulty policy": (GOOD + '[sources]\npolicy = "policy.toml"', "policy.toml: "),
}


@pytest.mark.parametrize(
    "command", [["run"], ["doctor"], ["intake", "--by", "sue", "-"], ["catalogue", "sync", __file__]]
)
@pytest.mark.parametrize("fault", FAULTS)
def test_a_faulty_file_is_named_with_the_place_in_it(tmp_path: Path, command: list[str], fault: str) -> None:
    text, says = FAULTS[fault]
    (tmp_path / "policy.toml").write_text('current = "x"\n', "utf-8")
    config = configured(tmp_path, text) if text else tmp_path / "none.toml"
    sentence = refused(mmbot(*command, "--config", config))
    assert says in sentence
    assert all(x.startswith(("/", "policy.toml", "none.toml")) for x in sentence.splitlines()), sentence


def test_a_policy_of_ones_own_is_checked_by_its_place(tmp_path: Path) -> None:
    text = resources.files("mmbot").joinpath("policy.toml").read_text("utf-8")
    (tmp_path / "policy.toml").write_text(text.replace("batch_minutes", "batch_minuets"), "utf-8")
    config = configured(tmp_path, GOOD + '[sources]\npolicy = "policy.toml"')
    sentence = refused(mmbot("run", "--config", config))
    assert "policy.toml: " in sentence
    assert "notices.batch_minuets: unknown key; did you mean batch_minutes?" in sentence


def test_what_cannot_be_opened_is_said_by_its_key(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    config = configured(tmp_path, GOOD + '[store]\npath = "file/mmbot.db"')
    assert "store.path: " in refused(mmbot("run", "--config", config))
    (tmp_path / "mmbot.db").write_text("this is no database, however long one looks at it " * 100)
    config = configured(tmp_path, GOOD + '[store]\npath = "mmbot.db"')
    assert "store.path: " in refused(mmbot("run", "--config", config))


def test_a_server_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    path = configured(tmp_path)
    sentence = refused(mmbot("run", "--config", path))
    assert "http://127.0.0.1:9" in sentence
    assert "`mmbot doctor` says more" in sentence


def test_what_needs_the_running_bot_says_how_to_start_it(tmp_path: Path) -> None:
    config = configured(tmp_path)
    assert "start it with `mmbot run`" in refused(mmbot("intake", "--by", "sue", "-", "--config", config, typed="x"))
    assert "start it with `mmbot run`" in refused(mmbot("catalogue", "sync", config, "--config", config))


def test_an_error_is_logged_without_the_values_of_variables(capsys: pytest.CaptureFixture[str]) -> None:
    cli._log(verbose=False)  # noqa: SLF001 -- what every command does first

    def fails(token: str) -> None:
        raise RuntimeError(f"failed after {len(token)} characters")

    try:
        fails("hunter2-hunter2")
    except RuntimeError:
        structlog.get_logger().exception("request failed", reference="1a2b3c4d")
    logged = capsys.readouterr().err
    assert "failed after 15 characters" in logged
    assert "1a2b3c4d" in logged
    assert "hunter2-hunter2" not in logged.replace('fails("hunter2-hunter2")', "")
    assert "\x1b[" not in logged


# Against a running bot


@pytest.fixture
async def server() -> AsyncIterator[FakeMattermost]:
    async with FakeMattermost("9.9.0") as running:
        yield running


@pytest.fixture
async def world(server: FakeMattermost) -> AsyncIterator[World]:
    async with bootstrap(server.url, ADMIN, ("ada",), ("plugins-marketplace",)) as made:
        yield made


def files_for(world: World, folder: Path, token: str, port: int) -> Path:
    """A configuration with its secrets."""
    private = folder / "config.secrets.toml"
    private.touch(0o600)
    private.write_text(f'[mattermost]\ntoken = "{token}"\nslash_tokens = ["a-slash-token-of-26-letters"]\n')
    text = (
        f'[mattermost]\nurl = "{world.url}"\nteam = "{world.team}"\nchannel = "plugins-marketplace-{world.suffix}"\n'
        f'[listen]\nport = {port}\ncallback_url = "http://127.0.0.1:{port}"\n'
        f'[people]\nadmin = ["{world.users["ada"]["username"]}"]\n'
    )
    return configured(folder, text)


async def test_a_wrong_token_is_said_so(world: World, tmp_path: Path) -> None:
    wrong = "a-token-that-nobody-gave-us"
    ended = await asked("run", "--config", files_for(world, tmp_path, wrong, free_port()))
    assert ended.code == 1
    assert ended.err.strip().startswith(f"The Mattermost server at {world.url} refused: 401")
    assert len(ended.err.strip().splitlines()) == 1
    assert wrong not in ended.err


async def test_a_token_that_is_revoked_ends_the_program_with_a_sentence(
    server: FakeMattermost, world: World, tmp_path: Path
) -> None:
    bot, token = await world.add_bot("mmbot", ["plugins-marketplace"])
    port = free_port()
    process = await started("run", "--config", files_for(world, tmp_path, token, port))
    assert process.stderr
    async with asyncio.timeout(10):
        while b"connected to Mattermost" not in await process.stderr.readline():
            pass
    row = next(x for x in server.token_rows.values() if x["user_id"] == bot["user_id"])
    await world.admin.call("POST", "/users/tokens/revoke", {"token_id": row["id"]})
    server.drop_connections()
    async with asyncio.timeout(20):
        _, err = await process.communicate()
    assert process.returncode == 1
    last = err.decode().splitlines()[-1]
    assert last.startswith(f"The Mattermost server at {world.url} does not accept the bot's token any more (")
    assert "`mmbot doctor`" in last
    assert token not in err.decode()
    assert "Traceback" not in err.decode()


async def test_a_channel_or_an_admin_that_is_missing_is_said_so(world: World, tmp_path: Path) -> None:
    _, token = await world.add_bot("mmbot", ["plugins-marketplace"])
    path = files_for(world, tmp_path, token, free_port())
    good = path.read_text()
    path.write_text(good.replace("plugins-marketplace", "elsewhere"))
    ended = await asked("run", "--config", path)
    assert (ended.code, "404" in ended.err) == (1, True)
    path.write_text(good.replace("admin =", "owner ="))
    ended = await asked("run", "--config", path)
    assert (ended.code, ended.err.strip().startswith("people.admin: ")) == (1, True)


async def test_a_store_that_fails_during_the_start_is_said_by_its_key(world: World, tmp_path: Path) -> None:
    _, token = await world.add_bot("mmbot", ["plugins-marketplace"])
    path = files_for(world, tmp_path, token, free_port())
    (place := tmp_path / "var" / "mmbot.db").parent.mkdir()
    Store(place, policy.load()).close()
    with closing(sqlite3.connect(place, isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        ended = await ran("run", "--config", path)
    assert ended.code == 1
    last = ended.err.splitlines()[-1]
    assert last == f"store.path: {place} cannot be written: another program has locked it (database is locked)."


async def test_a_running_bot_ends_in_peace_and_lets_no_second_one_in(world: World, tmp_path: Path) -> None:
    _, token = await world.add_bot("mmbot", ["plugins-marketplace"])
    port = free_port()
    config = files_for(world, tmp_path, token, port)
    process = await started("run", "--config", config)
    assert process.stderr
    async with asyncio.timeout(10):
        log = await process.stderr.readline()
        while b"catching up" not in log:
            log += await process.stderr.readline()

    async def listening() -> bool:
        return (tmp_path / "var" / "mmbot.db.sock").exists()

    await until(listening)
    second = await asked("run", "--config", config)
    assert second.code == 1
    assert "Another mmbot is using this store" in second.err
    other = configured(tmp_path, config.read_text() + '[store]\npath = "other/mmbot.db"\n')
    third = await asked("run", "--config", other)
    assert third.code == 1
    assert f"listen: cannot listen at 127.0.0.1:{port}" in third.err
    process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(5):
        log += await process.stderr.read()
        assert await process.wait() == 0
    for secret in (token, "a-slash-token-of-26-letters"):
        assert secret.encode() not in log
    assert b"\x1b[" not in log
    assert b"Traceback" not in log
    assert b"mmbot runs" in log
    assert (log.count(b"mmbot stops"), log.count(b"mmbot has stopped")) == (1, 1)
    assert sorted(x.name for x in (tmp_path / "var").iterdir()) == ["mmbot.db", "mmbot.db.lock"]


@pytest.fixture
async def stage(tmp_path: Path) -> AsyncIterator[Stage]:
    (tmp_path / "git").mkdir()
    async with (
        FakeMattermost("9.9.0") as fake,
        fake_git(tmp_path / "git") as git,
        on_stage((fake.url, ADMIN, fake), git, tmp_path, FEW) as playing,
    ):
        configured(tmp_path)
        yield playing


async def test_the_catalogue_is_read_by_the_running_bot(stage: Stage, tmp_path: Path) -> None:
    config = tmp_path / "config.toml"
    listed = [
        {
            "homepage_url": "https://github.com/example/x",
            "repo_name": "x",
            "manifest": {"id": f"com.example.x{n}", "version": "1.0.0"},
        }
        for n in range(7)
    ]
    file = tmp_path / "new.json"
    file.write_text(json.dumps(listed))
    done = await asked("catalogue", "sync", file, "--config", config)
    assert (done.code, done.out) == (0, "The catalogue lists 7 plugins.\n")
    assert stage.rows("SELECT count(*) FROM listed") == [(7,)]
    file.write_text("[1]")
    failed = await asked("catalogue", "sync", file, "--config", config)
    assert failed.code == 1
    assert "not a list of Marketplace entries" in failed.err
    assert stage.rows("SELECT count(*) FROM listed") == [(7,)]
    if not CATALOGUE.exists():
        pytest.skip(f"{CATALOGUE.name} is not here")
    done = await asked("catalogue", "sync", CATALOGUE, "--config", config)
    assert done.code == 0
    assert int(done.out.split()[3]) > 20


def filled_in(template: str, link: str) -> str:
    """A template as a submitter sends it in."""
    text = TEMPLATES.joinpath(template).read_text("utf-8").split("---", 2)[2].replace("- [ ]", "- [x]")
    headings = {"Summary": "It reminds people.", "Review": link}
    for heading, words in headings.items():
        text = re.sub(rf"^(#+ .*{heading}.*)$", rf"\1\n{words}", text, count=1, flags=re.MULTILINE | re.IGNORECASE)
    return text


@pytest.mark.skipif(not TEMPLATES.exists(), reason="the issue templates are not here")
async def test_a_filled_in_template_is_handed_in_through_the_running_bot(stage: Stage, tmp_path: Path) -> None:
    config, sue = tmp_path / "config.toml", stage.sue.username
    for number, template in enumerate(sorted(x.name for x in TEMPLATES.glob("*.md")), 1):
        name = f"plugin{number}"
        repository = stage.git.repository(f"example/{name}")
        made = {"id": f"com.example.{name}", "name": name, "version": "1.0.0", "min_server_version": "6.2.1"}
        repository.tag("v1.0.0", repository.commit({"plugin.json": json.dumps(made)}))
        text = filled_in(template, f"{stage.git.url(f'example/{name}')}/tree/v1.0.0")
        file = tmp_path / template
        file.write_text(text, "utf-8")
        done = await asked("intake", file, "--by", f"@{sue}" if number % 2 else sue.upper(), "--config", config)
        assert done.code == 0, done.err
        assert f"Your submission is **MB-{number}**" in done.out
        assert "From your list I read" in done.out
        await stage.post("sue", f"MB-{number} · {name} 1.0.0")
    await stage.quiet()
    assert {x[0] for x in stage.rows("SELECT submitter FROM ticket")} == {stage.sue.id}


async def test_what_is_no_filled_in_template_is_not_handed_in(stage: Stage, tmp_path: Path) -> None:
    config, before = tmp_path / "config.toml", stage.dump()
    file = tmp_path / "form.md"
    form = "#### Summary\nx\n\n#### Review commit\nnone\n\n## Checklist\n- [x] The plugin is published under an Open Source license\n"
    for text, by, says in (
        ("hello", stage.sue.username, "no filled-in issue template"),
        (form, "nobody-of-that-name", "There is nobody called nobody-of-that-name"),
        (form, stage.sue.username, "commit"),
        ("x" * 1_200_000, stage.sue.username, "That is too long"),
    ):
        file.write_text(text, "utf-8")
        failed = await asked("intake", file, "--by", by, "--config", config)
        assert failed.code == 1, failed.out
        assert says in failed.err
        assert failed.out == ""
    file.write_bytes(b"\xff\xfe")
    assert (await asked("intake", file, "--by", "sue", "--config", config)).code == 1
    assert stage.dump() == before


async def test_what_is_given_up_is_listed_and_taken_up_again_through_the_running_bot(
    stage: Stage, tmp_path: Path
) -> None:
    config = tmp_path / "config.toml"
    listed = await asked("outbox", "--config", config)
    assert (listed.code, listed.out) == (0, "Everything is sent.\n")
    await stage.world.admin.call("DELETE", f"/channels/{stage.market}/members/{stage.bot['user_id']}")
    repository = stage.git.repository("example/parked")
    made = {"id": "com.example.parked", "name": "Parked", "version": "1.0.0", "min_server_version": "6.2.1"}
    repository.tag("v1.0.0", repository.commit({"plugin.json": json.dumps(made)}))
    direct = await stage.sue.dm(stage.bot["user_id"])
    await stage.sue.say(direct, f"submit {stage.git.url('example/parked')} v1.0.0")

    async def found() -> bool:
        unsent = stage.rows("SELECT kind, state FROM outbox WHERE state <> 'sent' ORDER BY id")
        return unsent == [("show", "parked"), ("say", "pending")]

    await until(found)
    number = stage.rows("SELECT id FROM outbox WHERE state = 'parked'")[0][0]
    listed = await asked("outbox", "--config", config)
    assert f"{number}  the card of MB-" in listed.out
    assert "is my account still in the channel? (403 api.context.permissions" in listed.out
    assert f": waits for row {number}, which starts its thread" in listed.out
    assert "1 row parked, 1 waiting." in listed.out
    only = await asked("outbox", "--parked", "--config", config)
    assert "waits for" not in only.out
    assert "mmbot outbox retry all" in only.out
    await stage.ada.wait_for(lambda p: "is my account still in the channel" in p["message"])
    await stage.world.join(stage.bot["user_id"], ["plugins-marketplace"])
    done = await asked("outbox", "retry", str(number), "--config", config)
    assert (done.code, done.out) == (0, "Taken up again: 1. `mmbot outbox` tells what comes of it.\n")
    await stage.quiet()
    await stage.post("ada", "Parked 1.0.0")
    assert (await asked("outbox", "--parked", "--config", config)).out == "Nothing is parked.\n"
    for which, says in (("all", "Nothing is parked."), ("7", "Row 7 is not parked."), ("x", "x is no row")):
        failed = await asked("outbox", "retry", which, "--config", config)
        assert failed.code == 1
        assert says in failed.err
