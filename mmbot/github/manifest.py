"""The manifest of a plugin as its repository has it, `plugin.json`."""

import codecs
import re
from collections.abc import Mapping
from dataclasses import dataclass

from mmbot.domain.manifest import BadManifest, json_object
from mmbot.domain.references import has_hidden

MAX_BYTES = 64 * 2**10
_MAX_TEXT = 1000  # characters of one field; the longest of all listed plugins has 126
_PLACEHOLDER = re.compile(r"__[A-Z0-9_]+__")
_TEXTS = ("id", "name", "version", "min_server_version", "homepage_url", "support_url", "release_notes_url")
_PARTS = ("server", "webapp")
_FILLED_BY_BUILD = ("version", "release_notes_url")  # newer plugin templates take them from the tag


@dataclass(frozen=True)
class Manifest:
    """What the review needs of a manifest. A text that is left out, or a placeholder, is ""."""

    id: str
    name: str
    version: str
    min_server_version: str
    homepage_url: str
    support_url: str
    release_notes_url: str
    has_server: bool
    has_webapp: bool
    unfilled: tuple[str, ...]  # fields with a placeholder, or left out for the build to fill


def parse_manifest(data: bytes) -> Manifest:
    """Read the bytes of a `plugin.json` as a Mattermost server would, or raise BadManifest."""
    fields = _fields(data)
    texts: dict[str, str] = {}
    unfilled: list[str] = []
    for name in _TEXTS:
        text = _text(name, fields.get(name))
        if _PLACEHOLDER.search(text) or (not text and name in _FILLED_BY_BUILD):
            unfilled.append(name)
            text = ""
        texts[name] = text
    if not texts["id"] and "id" not in unfilled:
        raise BadManifest("plugin.json has no `id`.")
    for part in _PARTS:
        if not isinstance(fields.get(part), dict | None):
            raise BadManifest(f"`{part}` in plugin.json isn't an object.")
    return Manifest(
        **texts,
        has_server=fields.get("server") is not None,
        has_webapp=fields.get("webapp") is not None,
        unfilled=tuple(unfilled),
    )


def _fields(data: bytes) -> Mapping[str, object]:
    """Give the top-level fields by their names in lower case.

    A server takes `ID` for `id`, and the last of two: what is said twice could mean one thing here and another there.
    """
    fields: dict[str, object] = {}
    for key, field in json_object(data.removeprefix(codecs.BOM_UTF8), MAX_BYTES).items():
        name = key.casefold()
        if name in fields and name in (*_TEXTS, *_PARTS):
            raise BadManifest(f"plugin.json says `{name}` twice.")
        fields[name] = field
    return fields


def _text(name: str, value: object) -> str:
    if value is None:
        return ""
    if not isinstance(value, str):
        raise BadManifest(f"`{name}` in plugin.json isn't a text.")
    if len(value) > _MAX_TEXT:
        raise BadManifest(f"`{name}` in plugin.json is longer than {_MAX_TEXT} characters.")
    if has_hidden(value):
        raise BadManifest(f"`{name}` in plugin.json has line breaks or invisible characters in it.")
    return value.strip()
