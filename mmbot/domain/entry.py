"""An entry of the Marketplace's database, made from what was cut as the Marketplace's own generator makes it."""

import base64
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, NamedTuple

from mmbot.domain import go_json, listing
from mmbot.domain.go_json import Pairs
from mmbot.domain.listing import Entry, Shape

BETA_FROM = "5.20.0"
"""The oldest server that may show a Beta entry."""
MACOS = ("osx", "darwin")
"""What a bundle for macOS is called by: as the generator looks for it, and as the server does."""
_ICON = "data:image/svg+xml;base64,"
_KELVIN = str.maketrans({"\u017f": "s", "\u212a": "k"})  # what Go takes for a letter of ASCII, too


class BadEntry(ValueError):  # noqa: N818 -- the sentence is for people, it reads as what it is
    """No entry can be made of that; the message is a sentence that quotes nothing of it but known keys."""


AUTHORS: Mapping[str, Literal["mattermost", "partner", "community"]] = {
    "official": "mattermost", "partner": "partner", "community": "community",
}  # fmt: skip
"""Who maintains a plugin, by the flag that says so."""


@dataclass(frozen=True)
class Marks:
    """What people decide about an entry: who maintains it, how far it is, whom it is shown to."""

    author: Literal["mattermost", "partner", "community"]
    stage: Literal["production", "beta", "experimental"] = "production"
    hosting: Literal["", "cloud", "on-prem"] = ""
    enterprise: bool = False


@dataclass(frozen=True)
class Uploaded:
    """A bundle as it lies in the store: the name of its file, and its signature's bytes; none where that is missing."""

    name: str
    signature: bytes = b""


@dataclass(frozen=True)
class Contents:
    """What of a bundle goes into an entry: the bytes of its `plugin.json`, and of its icon; none where there is none."""

    manifest: bytes
    icon: bytes = b""


def bundle_name(repository: str, tag: str, platform: str = "") -> str:
    """The name of a bundle's file, such as `remind-v1.0.0-linux-amd64.tar.gz`."""
    return f"{repository}-{tag}-{platform}.tar.gz" if platform else f"{repository}-{tag}.tar.gz"


def names_for(repository: str, tag: str, platform: str) -> tuple[str, ...]:
    """The names that the bundle for a platform may have, the generator's first: for macOS there are two."""
    system, _, machine = platform.partition("-")
    systems = MACOS if system == "darwin" else (system,)
    return tuple(bundle_name(repository, tag, f"{x}-{machine}") for x in systems)


def manifest_of(data: bytes, shape: Shape | None = None) -> Mapping[str, Any]:
    """The manifest of a bundle, as a server reads and Go writes it: known keys alone, in Go's order. Raises BadEntry."""
    try:
        value = go_json.parse(go_json.text_of(data))
        if not isinstance(value, Pairs):
            raise BadEntry("plugin.json in the bundle isn't an object. Mend it and cut anew.")
        return _object(_manifest(shape or Shape()), value, "")
    except go_json.BadJson as error:
        raise BadEntry(f"plugin.json in the bundle isn't JSON: {error}. Mend it and cut anew.") from None
    except RecursionError:
        raise BadEntry("plugin.json in the bundle is nested too deeply. Mend it and cut anew.") from None


def made(
    contents: Contents,
    marks: Marks,
    *,
    repository: str,
    tag: str,
    store: str,
    bundles: Sequence[Uploaded],
    updated_at: int,
    shape: Shape | None = None,
) -> Entry:
    """The entry for a tag of a repository (its name without the organisation).

    `store` is the public address under which the bundles are found, `bundles` are all that lie there, the one for all platforms
    among them; `updated_at` is in milliseconds UTC. A Beta entry asks for the first server that may show it, unless the bundle asks
    for a newer one. Raises BadEntry.
    """
    shape = shape or Shape()
    manifest = manifest_of(contents.manifest, shape)
    home, notes = manifest.get("homepage_url", ""), manifest.get("release_notes_url", "")
    if marks.stage == "beta" and listing.lower(str(manifest.get("min_server_version") or ""), BETA_FROM):
        manifest = listing.with_min_server_version(manifest, BETA_FROM)
    address = store.rstrip("/")
    signed = {x.name: x.signature for x in bundles if x.signature}
    whole = bundle_name(repository, tag)
    if whole not in signed:
        raise BadEntry(
            f"The bundle for all platforms, {whole}, isn't there with its signature. Cut and upload it first."
        )
    icon = _ICON + base64.b64encode(contents.icon).decode() if manifest.get("icon_path") and contents.icon else ""
    try:
        return listing.entry(
            {
                "homepage_url": home,
                "icon_data": icon,
                "download_url": f"{address}/{whole}",
                "release_notes_url": notes,
                "hosting": marks.hosting,
                "author_type": marks.author,
                "release_stage": marks.stage,
                "enterprise": marks.enterprise,
                "signature": base64.b64encode(signed[whole]).decode(),
                "repo_name": repository,
                "manifest": manifest,
                "platforms": {
                    platform: _platform(address, signed, names_for(repository, tag, platform))
                    for platform in shape.platforms
                },
                "updated_at": moment(updated_at),
            }
        )
    except listing.BadListing as error:
        raise BadEntry(f"plugin.json can't be listed: {error}. Mend it and cut anew.") from None


def moment(at: int) -> str:
    """A time in milliseconds UTC as Go writes it: `2026-11-21T05:00:00.12Z`."""
    seconds, thousandths = divmod(at, 1000)
    part = f".{thousandths:03}".rstrip("0").rstrip(".")
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%dT%H:%M:%S}{part}Z"


def _platform(address: str, signed: Mapping[str, bytes], names: Sequence[str]) -> Mapping[str, str]:
    name = next((x for x in names if x in signed), "")
    if not name:
        return {}
    return {"download_url": f"{address}/{name}", "signature": base64.b64encode(signed[name]).decode()}


class _Part(NamedTuple):
    """A field of one of Go's structs: what reads its value, and whether it is left out when empty."""

    key: str
    read: Callable[[Any, str], Any]
    omitted: bool = False


def _object(parts: Sequence[_Part], value: Pairs, where: str) -> dict[str, Any]:
    known, given = {x.key for x in parts}, {}
    for key, inner in value:
        name = key.translate(_KELVIN).lower()
        if name in known and name in given:  # Go would take the last, or mix both
            raise BadEntry(f"plugin.json says `{where}{name}` twice. Mend it and cut anew.")
        given[name] = inner
    read = [(x, x.read(given.get(x.key), f"{where}{x.key}")) for x in parts]
    return {part.key: found for part, found in read if found or not part.omitted}


def _text(value: object, where: str) -> str:
    if not isinstance(value, str | None):
        raise _other(where, "a text")
    return go_json.valid(value or "")


def _flag(value: object, where: str) -> bool:
    if not isinstance(value, bool | None):
        raise _other(where, "true or false")
    return bool(value)


def _any(value: object, where: str) -> Any:  # noqa: ANN401 -- any JSON
    if isinstance(value, Pairs):
        return dict(sorted((go_json.valid(key), _any(inner, where)) for key, inner in dict(value).items()))
    if isinstance(value, list):
        return [_any(x, where) for x in value]
    return go_json.valid(value) if isinstance(value, str) else value


def _map(value: object, where: str) -> dict[str, Any] | None:
    if not isinstance(value, Pairs | None):
        raise _other(where, "an object")
    found: dict[str, Any] | None = _any(value, where)
    return found


def _texts(value: object, where: str) -> dict[str, str] | None:
    found = _map(value, where)
    return None if found is None else {key: _text(inner, where) for key, inner in found.items()}


def _struct(*parts: _Part) -> Callable[[Any, str], Any]:
    def read(value: object, where: str) -> dict[str, Any] | None:
        if not isinstance(value, Pairs | None):
            raise _other(where, "an object")
        return None if value is None else _object(parts, value, f"{where}.")

    return read


def _list(of: Callable[[Any, str], Any]) -> Callable[[Any, str], Any]:
    def read(value: object, where: str) -> list[Any] | None:
        if isinstance(value, Pairs) or not isinstance(value, list | None):
            raise _other(where, "a list")
        if value and None in value:  # servers and the Marketplace's tools end on it
            raise _other(where, "a list of objects alone")
        return None if value is None else [of(x, where) for x in value]

    return read


def _other(where: str, kind: str) -> BadEntry:
    return BadEntry(f"`{where}` in plugin.json isn't {kind}. Mend it and cut anew.")


def _manifest(shape: Shape) -> tuple[_Part, ...]:
    """The fields of a manifest in Go's order, as far as the tools of a shape know them."""
    option = _struct(_Part("display_name", _text), _Part("value", _text))
    setting = _struct(
        *(_Part(x, _text) for x in ("key", "display_name", "type", "help_text")),
        _Part("regenerate_help_text", _text, omitted=True),
        _Part("placeholder", _text),
        _Part("default", _any),
        _Part("options", _list(option), omitted=True),
        *[_Part("hosting", _text)] * shape.hosting,
        *[_Part("secret", _flag)] * shape.secret,
    )
    section = _struct(
        *(_Part(x, _text) for x in ("key", "title", "subtitle")),
        _Part("settings", _list(setting)),
        *(_Part(x, _text) for x in ("header", "footer")),
        _Part("custom", _flag),
        *[_Part("fallback", _flag)] * shape.fallback,
    )
    schema = _struct(
        *(_Part(x, _text) for x in ("header", "footer")),
        _Part("settings", _list(setting)),
        *[_Part("sections", _list(section))] * shape.sections,
    )
    texts = ("description", "homepage_url", "support_url", "release_notes_url", "icon_path")
    return (
        *(_Part(x, _text) for x in ("id", "name")),
        *(_Part(x, _text, omitted=True) for x in texts),
        _Part("version", _text),
        _Part("min_server_version", _text, omitted=True),
        _Part("server", _struct(_Part("executables", _texts, omitted=True), _Part("executable", _text)), omitted=True),
        _Part("webapp", _struct(_Part("bundle_path", _text)), omitted=True),
        _Part("settings_schema", schema, omitted=True),
        _Part("props", _map, omitted=True),
    )
