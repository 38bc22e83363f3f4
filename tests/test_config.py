"""The configuration: every mistake is named by its place, and no secret is ever shown."""

import os
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import BaseModel

from mmbot.config import Config, ConfigError, load

EXAMPLE = Path(__file__).parent.parent / "config.example.toml"
GOOD = '[mattermost]\nurl = "https://chat.example.com"\nteam = "community"\nchannel = "reviews"\n'
SECRET = "hunter2-hunter2-hunter2-26"


@pytest.fixture(autouse=True)
def environment() -> Iterator[dict[str, str]]:
    """An environment without any setting of ours, put back afterwards."""
    before = dict(os.environ)
    for name in before:
        if name.startswith("MMBOT_"):
            del os.environ[name]
    yield dict(os.environ)
    os.environ.clear()
    os.environ.update(before)


def write(folder: Path, text: str, secrets: str | None = None) -> Path:
    path = folder / "config.toml"
    path.write_text(text, "utf-8")
    if secrets is not None:
        private = folder / "config.secrets.toml"
        private.touch(0o600)
        private.write_text(secrets, "utf-8")
    return path


def wrong(folder: Path, text: str, secrets: str | None = None) -> str:
    """What is said of a faulty configuration, without the folder's name."""
    with pytest.raises(ConfigError) as caught:
        load(write(folder, text, secrets))
    said = str(caught.value).replace(f"{folder}/", "")
    assert SECRET not in said
    assert caught.value.__cause__ is None
    return said


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("", "config.toml: mattermost: is missing"),
        ("[mattermost]", "config.toml: mattermost.url: is missing"),
        ('mattermost = "x"', "config.toml: mattermost: should be a table"),
        (GOOD.replace("https:", "ftp:"), "config.toml: mattermost.url: "),
        (GOOD.replace('"community"', "7"), "config.toml: mattermost.team: should be a text in quotes"),
        (GOOD.replace("community", "Our Community"), "config.toml: mattermost.team: "),
        (GOOD.replace("reviews", "x" * 65), "config.toml: mattermost.channel: "),
        (GOOD + 'security_channel = "reviews"', "config.toml: mattermost.security_channel: "),
        (GOOD + 'security_channel = "~Secret"', "config.toml: mattermost.security_channel: "),
        (GOOD + 'trigger = "/mb"', "config.toml: mattermost.trigger: "),
        (GOOD + 'chanel = "x"', "config.toml: mattermost.chanel: there is no such key"),
        (f'default_owner = "Olive O."\n{GOOD}', "config.toml: default_owner: "),
        (f'security_contact = "{"x" * 201}"\n{GOOD}', "config.toml: security_contact: "),
        (f'speed = "fast"\n{GOOD}', "config.toml: speed: there is no such key"),
        (GOOD + "[listen]\nport = 70000", "config.toml: listen.port: "),
        (GOOD + '[listen]\nport = "many"', "config.toml: listen.port: should be a whole number"),
        (GOOD + '[listen]\ncallback_url = "127.0.0.1:8066"', "config.toml: listen.callback_url: "),
        (GOOD + "[listen]\nhost = false", "config.toml: listen.host: should be a text in quotes"),
        (GOOD + "[store]\npath = 1", "config.toml: store.path: should be a path in quotes"),
        (GOOD + "[sources]\ncatalogue = []", "config.toml: sources.catalogue: should be a path in quotes"),
        (GOOD + '[sources]\nplain_http = "git.example.com"', "config.toml: sources.plain_http: should be a list"),
        (GOOD + '[people]\nqa = "quinn"', "config.toml: people.qa: should be a list"),
        (GOOD + '[people]\nqa = ["quinn", "@tom"]', "config.toml: people.qa.1: "),
        (GOOD + "[people]\nqa = [7]", "config.toml: people.qa.0: should be a text in quotes"),
        (GOOD + "[cooks]", "config.toml: cooks: there is no such key"),
        (GOOD + "[[", "config.toml: "),
        ("url = ", "config.toml: Invalid value"),
    ],
)
def test_a_mistake_is_named_by_its_place(tmp_path: Path, text: str, says: str) -> None:
    said = wrong(tmp_path, text)
    assert says in said
    assert re.fullmatch(r"[^\n]+(\n[^\n]+){0,2}", said)


@pytest.mark.parametrize(
    "secrets",
    [
        f'[mattermost]\ntoken = ["{SECRET}"]', f"[mattermost]\ntoken = {SECRET}", f'[mattermost]\nslash_tokens = "{SECRET}"',
        f'[mattermost]\ntokn = "{SECRET}"', f'token = "{SECRET}"', f'mattermost = "{SECRET}"', f'[mattermost]\ntoken = "{SECRET}',
        f'[mattermost]\nslash_tokens = ["{SECRET}", 7]', f'[github]\nwebhook_secrets = "{SECRET}"', f'"{SECRET}"', f"{SECRET} x",
    ],
)  # fmt: skip
def test_a_mistake_in_the_file_of_secrets_names_that_file_and_shows_nothing_of_it(tmp_path: Path, secrets: str) -> None:
    assert wrong(tmp_path, GOOD, secrets).startswith("config.secrets.toml: ")


@pytest.mark.parametrize(
    ("name", "value", "says"),
    [
        ("MMBOT_LISTEN__PORT", "x", "MMBOT_LISTEN__PORT in the environment: should be a whole number"),
        ("MMBOT_MATTERMOST__URL", SECRET, "MMBOT_MATTERMOST__URL in the environment: "),
        ("MMBOT_MATTERMOST__TOKN", SECRET, "MMBOT_MATTERMOST__TOKN in the environment: there is no such key"),
        (
            "MMBOT_MATTERMOST__SLASH_TOKENS",
            SECRET,
            "MMBOT_MATTERMOST… in the environment: lists and tables are written as JSON",
        ),
        ("MMBOT_PEOPLE", SECRET, "MMBOT_PEOPLE… in the environment: "),
        ("MMBOT_PEOPLE__QA", "quinn", "MMBOT_PEOPLE__QA in the environment: should be a list"),
    ],
)
def test_a_mistake_in_the_environment_names_the_variable(tmp_path: Path, name: str, value: str, says: str) -> None:
    os.environ[name] = value
    assert wrong(tmp_path, GOOD).startswith(says)


def test_the_environment_counts_more_than_the_secrets_and_these_more_than_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD + '[people]\nqa = ["quinn"]\n[listen]\nport = 1', f'[mattermost]\ntoken = "{SECRET}"')
    os.environ |= {
        "MMBOT_MATTERMOST__TEAM": "other", "MMBOT_LISTEN__PORT": "2", "MMBOT_PEOPLE__DEV": '["dana"]',
        "MMBOT_MATTERMOST__SLASH_TOKENS": '["one", "two"]', "MMBOT_STORE__PATH": "elsewhere/x.db",
    }  # fmt: skip
    config = load(path)
    assert (config.mattermost.team, config.mattermost.channel, config.listen.port) == ("other", "reviews", 2)
    assert config.people == {"qa": ("quinn",), "dev": ("dana",)}
    assert config.mattermost.token.get_secret_value() == SECRET
    assert [x.get_secret_value() for x in config.mattermost.slash_tokens] == ["one", "two"]
    assert config.store.path == tmp_path / "elsewhere" / "x.db"
    os.environ["MMBOT_MATTERMOST__TOKEN"] = "from-outside"
    assert load(path).mattermost.token.get_secret_value() == "from-outside"


def test_no_secret_is_ever_shown(tmp_path: Path) -> None:
    secrets = f'[mattermost]\ntoken = "{SECRET}"\nslash_tokens = ["{SECRET}"]\n[github]\nwebhook_secrets = ["{SECRET}"]'
    config = load(write(tmp_path, GOOD, secrets))
    for shown in (
        repr(config),
        str(config),
        f"{config.mattermost}",
        config.model_dump_json(),
        repr(config.model_dump()),
    ):
        assert SECRET not in shown
    assert config.mattermost.token.get_secret_value() == SECRET


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o660])
def test_a_file_of_secrets_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = write(tmp_path, GOOD, f'[mattermost]\ntoken = "{SECRET}"')
    (tmp_path / "config.secrets.toml").chmod(mode)
    with pytest.raises(ConfigError, match=f"chmod 600 {tmp_path}/config.secrets.toml") as caught:
        load(path)
    assert SECRET not in str(caught.value)


def test_a_file_that_is_missing_or_no_text_is_said_to_be_so(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"config.toml: there is no such file; `mmbot setup` writes one"):
        load(tmp_path / "config.toml")
    (tmp_path / "config.toml").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(ConfigError, match=r"config.toml: cannot be read"):
        load(tmp_path / "config.toml")
    with pytest.raises(ConfigError, match="cannot be read"):
        load(tmp_path)


def test_a_role_that_the_policy_lacks_is_named(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD + '[people]\nqaa = ["quinn"]')
    with pytest.raises(
        ConfigError, match=r"people\.qaa: there is no such role; there are admin, dev, owner, qa, release"
    ):
        load(path, ("qa", "dev"))


def test_paths_are_relative_to_the_file(tmp_path: Path) -> None:
    path = write(tmp_path, GOOD + '[sources]\ncatalogue = "plugins.json"\npolicy = "/etc/policy.toml"')
    config = load(path)
    assert config.store.path == tmp_path / "var" / "mmbot.db"
    assert config.sources.catalogue == tmp_path / "plugins.json"
    assert config.sources.policy == Path("/etc/policy.toml")


def test_a_slash_at_the_end_of_an_address_does_not_matter(tmp_path: Path) -> None:
    config = load(write(tmp_path, GOOD.replace(".com", ".com/sub/")))
    assert config.mattermost.url == "https://chat.example.com/sub"


def test_the_example_is_a_whole_configuration() -> None:
    config = load(EXAMPLE, ("product", "dev", "security", "qa", "docs"))
    assert config.people["admin"] == ("ada",)
    assert config.mattermost.trigger == "mb"


def keys(model: type[BaseModel], above: str = "") -> Iterator[tuple[str, str]]:
    """Every table and key of the configuration."""
    for name, field in model.model_fields.items():
        kind = field.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from keys(kind, name)
        else:
            yield above, name


@pytest.mark.parametrize(("table", "key"), [x for x in keys(Config) if x[1] != "people"])
def test_every_key_is_explained_in_the_example(table: str, key: str) -> None:
    lines = EXAMPLE.read_text("utf-8").splitlines()
    explained, inside, commented = [], "", False
    for line in lines:
        if head := re.fullmatch(r"(#?) *\[(\w+)\]", line):
            inside, commented = head.group(2), bool(head.group(1))
        elif not line and commented:
            inside = ""
        elif re.match(rf"(# *)?{key} = .*", line) and inside == table:
            explained.append(line)
    assert explained, f"[{table}] {key}"
    # Switched on as it stands there, it is right.
    assert key in tomllib.loads(re.sub(r"^# *", "", explained[0]).replace("…", "x"))
