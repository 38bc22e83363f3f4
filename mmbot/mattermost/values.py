"""The parts of Mattermost's JSON that mmbot reads, as values."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any


@dataclass(frozen=True)
class User:
    """A person or bot; `zone` is an IANA name, or empty when the server knows none."""

    id: str
    username: str
    display: str
    zone: str
    is_bot: bool
    deleted: bool
    locale: str


@dataclass(frozen=True)
class Team:
    """A team."""

    id: str
    name: str
    display_name: str
    deleted: bool


@dataclass(frozen=True)
class Channel:
    """A channel; `type` is O (public), P (private), D (direct) or G (group); direct ones have no team."""

    id: str
    team_id: str
    name: str
    display_name: str
    type: str
    deleted: bool


@dataclass(frozen=True)
class Post:
    """A post; times are milliseconds UTC, 0 for never; `type` is empty for what people and bots write.

    `props` as read lack the `integration` of buttons: writing them back would kill the buttons.
    """

    id: str
    user_id: str
    channel_id: str
    root_id: str
    message: str
    create_at: int
    update_at: int
    edit_at: int
    delete_at: int
    type: str
    props: Mapping[str, Any]


@dataclass(frozen=True)
class Bot:
    """A bot account; `id` is its user id."""

    id: str
    username: str
    owner_id: str
    deleted: bool


@dataclass(frozen=True)
class SlashCommand:
    """A slash command of a team; `token` is what the server proves itself with."""

    team_id: str
    trigger: str
    url: str
    method: str = "P"
    display_name: str = ""
    description: str = ""
    auto_complete: bool = False
    auto_complete_desc: str = ""
    auto_complete_hint: str = ""
    username: str = ""
    icon_url: str = ""
    id: str = ""
    token: str = field(default="", repr=False)


def read_user(raw: Mapping[str, Any]) -> User:
    """A user as the API writes one."""
    zone = raw.get("timezone") or {}
    automatic = zone.get("useAutomaticTimezone", "true") == "true"
    full_name = f"{raw.get('first_name', '')} {raw.get('last_name', '')}".strip()
    return User(
        id=raw["id"],
        username=raw["username"],
        display=raw.get("nickname") or full_name or raw["username"],
        zone=zone.get("automaticTimezone" if automatic else "manualTimezone", ""),
        is_bot=bool(raw.get("is_bot")),
        deleted=bool(raw.get("delete_at")),
        locale=raw.get("locale", ""),
    )


def read_team(raw: Mapping[str, Any]) -> Team:
    """A team as the API writes one."""
    return Team(raw["id"], raw["name"], raw["display_name"], bool(raw.get("delete_at")))


def read_channel(raw: Mapping[str, Any]) -> Channel:
    """A channel as the API writes one."""
    names = (raw["id"], raw["team_id"], raw["name"], raw["display_name"], raw["type"])
    return Channel(*names, deleted=bool(raw.get("delete_at")))


def read_post(raw: Mapping[str, Any]) -> Post:
    """A post as the API and events write one."""
    return Post(**{name: raw[name] for name in _POST_FIELDS}, props=raw.get("props") or {})


def read_bot(raw: Mapping[str, Any]) -> Bot:
    """A bot as the API writes one."""
    return Bot(raw["user_id"], raw["username"], raw["owner_id"], bool(raw.get("delete_at")))


def read_command(raw: Mapping[str, Any]) -> SlashCommand:
    """A slash command as the API writes one."""
    return SlashCommand(**{name: raw[name] for name in SlashCommand.__dataclass_fields__})


def write_command(command: SlashCommand) -> dict[str, Any]:
    """The fields of a slash command that a caller may set."""
    return {name: value for name, value in asdict(command).items() if name not in {"id", "token"}}


_POST_FIELDS = [name for name in Post.__dataclass_fields__ if name != "props"]
