"""What the server posts to us — slash commands, clicks, dialogs — and what arrives on the stream, read into plain values."""

import hmac
import json
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import parse_qsl

ID = re.compile(r"[a-z0-9]{26}")
LARGEST = 256 * 1024
"""Bytes of a request's body that are read: the longest slash command has 16,383 characters, up to twelve bytes each in a form."""


class Malformed(Exception):  # noqa: N818 -- what it is
    """A request that a Mattermost server does not send."""


@dataclass(frozen=True)
class Slash:
    """A slash command as typed; `mentions` are pairs of user name and id that the server resolved."""

    user_id: str
    user_name: str
    channel_id: str
    root_id: str
    text: str
    trigger_id: str
    mentions: tuple[tuple[str, str], ...]


@dataclass(frozen=True)
class Click:
    """A pressed button."""

    user_id: str
    user_name: str
    channel_id: str
    post_id: str
    trigger_id: str
    context: Any


@dataclass(frozen=True)
class Submission:
    """A dialog that was filled in; every value comes from the person's client."""

    user_id: str
    channel_id: str
    state: str
    answers: Mapping[str, str | bool]
    cancelled: bool


@dataclass(frozen=True)
class Said:
    """A post that appeared on the stream."""

    post_id: str
    user_id: str
    channel_id: str
    channel_type: str
    root_id: str
    message: str
    create_at: int
    by_machine: bool


def token_accepted(given: Iterable[str], accepted: Iterable[str]) -> bool:
    """Whether a slash command's token is one of ours, in constant time for each; an empty one never is."""
    return any(
        bool(theirs) & hmac.compare_digest(ours.encode(), theirs.encode(errors="replace"))
        for ours in accepted
        for theirs in given
        if ours
    )


def form(body: bytes) -> dict[str, list[str]]:
    """The fields of a form, each with every value it was given. Raises Malformed."""
    try:
        pairs = parse_qsl(body.decode(), keep_blank_values=True, errors="strict", max_num_fields=1000)
    except UnicodeDecodeError as error:
        raise Malformed("not UTF-8") from error
    except ValueError as error:
        raise Malformed("too many fields") from error
    fields: dict[str, list[str]] = {}
    for name, value in pairs:
        fields.setdefault(name, []).append(value)
    return fields


def slash(fields: Mapping[str, list[str]]) -> Slash:
    """A slash command from its form. Raises Malformed."""
    names, ids = fields.get("user_mentions", []), fields.get("user_mentions_ids", [])
    form = {name: values[0] for name, values in fields.items()}
    pairs = tuple((n.lower(), i) for n, i in zip(names, ids, strict=False) if ID.fullmatch(i))[:20]
    return Slash(
        _id(form, "user_id"), _name(form, "user_name"), _id(form, "channel_id"), _id(form, "root_id", optional=True),
        _text(form, "text"), _capability(form, "trigger_id"), pairs,
    )  # fmt: skip


def click(body: bytes) -> Click:
    """A click from its JSON body. Raises Malformed."""
    raw = _object(body)
    return Click(
        _id(raw, "user_id"), _name(raw, "user_name"), _id(raw, "channel_id"), _id(raw, "post_id"), _capability(raw, "trigger_id"),
        raw.get("context"),
    )  # fmt: skip


def submission(body: bytes) -> Submission:
    """A dialog's answers from its JSON body. Raises Malformed."""
    raw = _object(body)
    answers = raw.get("submission")
    if answers is None:
        answers = {}
    if not isinstance(answers, dict):
        raise Malformed("submission")
    if not all(v is None or isinstance(v, str | bool | int | float) for v in answers.values()):
        raise Malformed("submission")
    plain = {
        k[:64]: v if isinstance(v, bool) else str(v)[:16_383] for k, v in list(answers.items())[:50] if v is not None
    }
    return Submission(
        _id(raw, "user_id"),
        _id(raw, "channel_id", optional=True),
        _text(raw, "state"),
        plain,
        bool(raw.get("cancelled")),
    )


def by_machine(props: Mapping[str, Any], kind: str) -> bool:
    """Whether a post was made by the server itself (it has a type), a bot, a webhook or a plugin, and so is never a request."""
    return bool(kind) or any(str(props.get(x, "")) == "true" for x in ("from_bot", "from_webhook", "from_plugin"))


def said(data: Mapping[str, Any]) -> Said:
    """A post from the stream's `posted` event. Raises Malformed."""
    try:
        raw = _read(str(data.get("post", "")))
        props = raw.get("props") or {}
        return Said(
            _id(raw, "id"), _id(raw, "user_id"), _id(raw, "channel_id"), str(data.get("channel_type", "")),
            _id(raw, "root_id", optional=True), _text(raw, "message"), _moment(raw, "create_at"),
            by_machine(props, str(raw.get("type") or "")),
        )  # fmt: skip
    except (ValueError, TypeError, AttributeError, RecursionError) as error:
        raise Malformed("post") from error


def _read(text: str) -> Any:  # noqa: ANN401 -- any JSON
    """Parsed JSON without halves of characters, which no store and no answer could hold. Raises ValueError, RecursionError."""
    raw = json.loads(text, parse_constant=_no_number)
    json.dumps(raw, ensure_ascii=False).encode()
    return raw


def _no_number(name: str) -> None:
    raise ValueError(name)


def _object(body: bytes) -> dict[str, Any]:
    try:
        raw = _read(body.decode())
    except UnicodeDecodeError as error:
        raise Malformed("not UTF-8") from error
    except (ValueError, RecursionError) as error:
        raise Malformed("not JSON") from error
    if not isinstance(raw, dict):
        raise Malformed("not an object")
    return raw


def _id(raw: Mapping[str, Any], name: str, *, optional: bool = False) -> str:
    value = raw.get(name) or ""
    if isinstance(value, str) and (ID.fullmatch(value) or (optional and not value)):
        return value
    raise Malformed(name)


def _name(raw: Mapping[str, Any], name: str) -> str:
    value = raw.get(name) or ""
    if isinstance(value, str) and re.fullmatch(r"[a-z0-9._:-]{0,130}", value):  # a colon: people of connected servers
        return value
    raise Malformed(name)


def _moment(raw: Mapping[str, Any], name: str) -> int:
    value = raw.get(name)
    if isinstance(value, int) and 0 < value < 2**53:
        return value
    raise Malformed(name)


def _text(raw: Mapping[str, Any], name: str) -> str:
    value = raw.get(name) or ""
    if isinstance(value, str):
        return value
    raise Malformed(name)


def _capability(raw: Mapping[str, Any], name: str) -> str:
    value = raw.get(name) or ""
    if isinstance(value, str) and len(value) <= 1000:  # noqa: PLR2004 -- real ones have about 250 characters
        return value
    raise Malformed(name)
