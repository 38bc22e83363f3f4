"""The configuration: one TOML file, a file of secrets beside it, and the environment over both."""

import os
import re
import stat
import tomllib
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
)
from pydantic_settings import BaseSettings, PydanticBaseSettingsSource, SettingsConfigDict, SettingsError

ROLES_BESIDES = ("admin", "owner", "release")


PLAIN_WORDS = {
    "missing": "is missing",
    "extra_forbidden": "there is no such key",
    "string_type": "should be a text in quotes",
    "tuple_type": 'should be a list, as in ["a", "b"]',
    "frozen_set_type": 'should be a list, as in ["a", "b"]',
    "dict_type": "should be a table",
    "model_type": "should be a table",
    "int_type": "should be a whole number",
    "int_parsing": "should be a whole number",
    "path_type": "should be a path in quotes",
}


class ConfigError(Exception):
    """What is wrong with the configuration, a line for each mistake, each naming its place. Never holds a secret."""


class _Section(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


def _web_address(url: str) -> str:
    if not url.startswith(("https://", "http://")):
        raise ValueError("must start with https:// or http://")
    return url.rstrip("/")


Url = Annotated[str, AfterValidator(_web_address)]
Name = Annotated[str, Field(pattern=r"^[a-z0-9._-]+$", max_length=64)]


class Mattermost(_Section):
    """Where the server is, and where in it the bot lives."""

    url: Url
    team: Name
    channel: Name
    security_channel: Annotated[str, Field(pattern=r"^[a-z0-9._-]*$", max_length=64)] = ""
    trigger: Annotated[str, Field(pattern=r"^[a-z0-9][a-z0-9._-]*$", max_length=64)] = "mb"
    late_after_minutes: Annotated[int, Field(ge=1, le=525_600)] = 15
    token: SecretStr = SecretStr("")
    slash_tokens: tuple[SecretStr, ...] = ()

    @field_validator("security_channel")
    @classmethod
    def _not_the_public_one(cls, name: str, info: ValidationInfo) -> str:
        if name and name == info.data.get("channel"):
            raise ValueError("must be another channel than mattermost.channel: what is confidential is posted there")
        return name


class Listen(_Section):
    """Where the bot listens for what the server calls back, and how the server reaches it."""

    host: str = "127.0.0.1"
    port: Annotated[int, Field(ge=0, le=65_535)] = 8066
    callback_url: Url = "http://127.0.0.1:8066"
    per_minute: Annotated[int, Field(ge=10)] = 60


class GitHub(_Section):
    """What GitHub's webhook signs its messages with (several while one is being replaced), and how its API is reached."""

    webhook_secrets: tuple[SecretStr, ...] = ()
    api: Url = "https://api.github.com"
    web: Url = "https://github.com"
    token: SecretStr = SecretStr("")


class Release(_Section):
    """What is cut, and where its bundles come from."""

    organisation: Annotated[str, Field(pattern=r"^[A-Za-z0-9-]*$", max_length=39)] = ""
    own: frozenset[str] = frozenset()
    obtain: Literal["", "github", "build"] = ""
    wait_minutes: Annotated[int, Field(ge=1, le=1_440)] = 100
    build: tuple[str, ...] = ()
    bundle: str = "dist/*.tar.gz"
    build_minutes: Annotated[int, Field(ge=1, le=1_440)] = 30
    build_memory_mb: Annotated[int, Field(ge=64)] = 4096
    bundles: Path | None = None
    at_once: Annotated[int, Field(ge=1, le=4)] = 2
    macos: tuple[Literal["darwin", "osx"], ...] = ("darwin", "osx")


class Signing(_Section):
    """The key that signs: a home of gpg's own that holds it, its fingerprint, and the public key that others verify with."""

    home: Path | None = None
    fingerprint: Annotated[str, Field(pattern=r"^([0-9A-Fa-f]{40})?$")] = ""
    public_key: Path | None = None
    passphrase: SecretStr = SecretStr("")


class Storage(_Section):
    """Where what was cut is uploaded to, and the address under which everybody finds it there."""

    url: Annotated[str, Field(max_length=500)] = ""
    public_url: Annotated[str, Field(pattern=r"^(https?://.*)?$", max_length=500)] = ""
    options: dict[str, SecretStr] = {}


class Listing(_Section):
    """Where the Marketplace's plugins.json is changed: in a file, or by a pull request to a repository; else a patch is posted."""

    file: Path | None = None
    repository: Annotated[str, Field(pattern=r"^([\w.-]+/[\w.-]+)?$")] = ""
    branch: Annotated[str, Field(max_length=100)] = "production"
    path: Annotated[str, Field(max_length=200)] = "plugins.json"
    labels: tuple[str, ...] = ("2: Dev Review", "3: QA Review")


class StorePlace(_Section):
    """Where the store is."""

    path: Path = Path("var/mmbot.db")


class Backups(_Section):
    """Where the nightly backups are kept, at which hour they are made, and how many; 0 for none."""

    folder: Path | None = None
    hour: Annotated[int, Field(ge=0, le=23)] = 3
    keep: Annotated[int, Field(ge=0, le=10_000)] = 14


class Sources(_Section):
    """What is read from elsewhere: the Marketplace's database, another policy, hosts that git may read without TLS."""

    catalogue: Path | None = None
    policy: Path | None = None
    plain_http: frozenset[str] = frozenset()


class Config(BaseSettings):
    """Everything that an operator decides."""

    model_config = SettingsConfigDict(
        frozen=True, extra="forbid", hide_input_in_errors=True, env_prefix="MMBOT_", env_nested_delimiter="__"
    )

    mattermost: Mattermost
    listen: Listen = Listen()
    store: StorePlace = StorePlace()
    backup: Backups = Backups()
    sources: Sources = Sources()
    github: GitHub = GitHub()
    release: Release = Release()
    signing: Signing = Signing()
    storage: Storage = Storage()
    listing: Listing = Listing()
    people: dict[str, tuple[Name, ...]] = {}
    default_owner: Annotated[str, Field(pattern=r"^[a-z0-9._-]*$", max_length=64)] = ""
    security_contact: Annotated[str, Field(max_length=200)] = "the security team"

    @property
    def backups(self) -> Path:
        """The folder of the backups."""
        return self.backup.folder or self.store.path.parent / "backups"

    @property
    def lacks(self) -> tuple[str, ...]:
        """The keys and tables without which nothing can be cut."""
        wanted = {
            "release.organisation": self.release.organisation,
            "signing": self.signing.home and self.signing.fingerprint and self.signing.public_key,
            "storage": self.storage.url and self.storage.public_url,
        }
        return tuple(key for key, value in wanted.items() if not value)

    @classmethod
    def settings_customise_sources(  # type: ignore[override]  # the sources that are left out need no names
        cls,
        _settings_cls: type[BaseSettings],
        *,
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        **_others: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """The environment counts more than the files."""
        return (env_settings, init_settings)


def secrets_path(config: Path) -> Path:
    """The file of secrets that belongs to a configuration file: `config.secrets.toml` beside `config.toml`."""
    return config.with_name(f"{config.stem}.secrets.toml")


def load(path: Path, roles: tuple[str, ...] = ()) -> Config:
    """The configuration at a path with its secrets and the environment; raises ConfigError.

    `roles` are the policy's; [people] may name these and admin, owner, release. Paths in the file are relative to it.
    """
    raw = _table(path)
    secrets = secrets_path(path)
    if secrets.exists():
        if stat.S_IMODE(secrets.stat().st_mode) & 0o077:
            raise ConfigError(f"{secrets}: others can read it; mend it with: chmod 600 {secrets}")
        raw = _merged(raw, _table(secrets))
    try:
        config = Config(**raw)
    except ValidationError as error:
        found = error.errors(include_input=False, include_url=False)
        mistakes = [
            f"{_place(path, tuple(str(x) for x in e['loc']))}: {PLAIN_WORDS.get(e['type'], e['msg'])}" for e in found
        ]
        raise ConfigError("\n".join(mistakes)) from None
    except SettingsError as error:
        section = re.search(r'field "(\w+)"', str(error))
        name = f"MMBOT_{section.group(1).upper()}" if section else "MMBOT"
        raise ConfigError(
            f'{name}… in the environment: lists and tables are written as JSON there, as in ["a"]'
        ) from None
    allowed = {*roles, *ROLES_BESIDES}
    strange = sorted(set(config.people) - allowed) if roles else []
    if strange:
        raise ConfigError(f"{path}: people.{strange[0]}: there is no such role; there are {', '.join(sorted(allowed))}")
    base = path.resolve().parent
    sources = config.sources.model_copy(
        update={name: base / value for name in ("catalogue", "policy") if (value := getattr(config.sources, name))}
    )
    store = StorePlace(path=base / config.store.path)
    backup = config.backup.model_copy(
        update={"folder": base / config.backup.folder if config.backup.folder else store.path.parent / "backups"}
    )
    placed = {
        name: section.model_copy(update={key: base / value for key in keys if (value := getattr(section, key))})
        for name, keys in (("release", ("bundles",)), ("signing", ("home", "public_key")), ("listing", ("file",)))
        for section in (getattr(config, name),)
    }
    return config.model_copy(update={"store": store, "backup": backup, "sources": sources, **placed})


def _place(path: Path, keys: tuple[str, ...]) -> str:
    """Where a key stands: in the environment, in the file of secrets, or in the configuration itself."""
    names = [f"MMBOT_{'__'.join(keys[:length]).upper()}" for length in range(len(keys), 0, -1)]
    if name := next((x for x in names if x in os.environ), ""):
        return f"{name} in the environment"
    secrets = secrets_path(path)
    inside: Any = _table(secrets) if secrets.exists() else {}
    for key in (x for x in keys if not x.isdecimal()):
        if not isinstance(inside, dict) or key not in inside:
            break
        inside = inside[key]
    else:
        path = secrets
    return f"{path}: {'.'.join(keys)}"


def _table(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise ConfigError(
            f"{path}: there is no such file; `mmbot setup` writes one, or copy config.example.toml"
        ) from None
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{path}: cannot be read: {type(error).__name__}") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path}: {error}") from None


def _merged(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    both = dict(one)
    for key, value in other.items():
        old = both.get(key)
        both[key] = _merged(old, value) if isinstance(old, dict) and isinstance(value, dict) else value
    return both
