"""What a Mattermost server demands of a plugin's manifest, and what the manifest says of the files in its bundle."""

import posixpath
import re
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import semver

from mmbot.domain.manifest import BadManifest, json_object
from mmbot.domain.references import has_hidden
from mmbot.release.bad_bundle import BadBundle, quoted

MAX_BYTES = 2**20

_MAX_TEXT = 1000  # characters of what people see beside the plugin
_MAX_PLATFORMS = 32
_ID = re.compile(r"[a-zA-Z0-9\-_.]{3,190}")
_PLATFORM = re.compile(r"[a-z0-9]{2,16}-[a-z0-9]{2,16}")
_URL = re.compile(r"https?://[^/?#@\s]+([/?][^\s#]*)?(#\S*)?")
_BAD_ESCAPE = re.compile(r"%(?![0-9a-fA-F]{2})")
_URLS = ("homepage_url", "support_url", "release_notes_url")
_VERSIONS = ("version", "min_server_version")
_SHOWN = ("id", "name", *_URLS, *_VERSIONS)
_TEXTS = (*_SHOWN, "description", "icon_path")
_OBJECTS = ("server", "backend", "webapp", "settings_schema", "props")
_SETTING_TEXTS = ("key", "display_name", "type", "help_text", "regenerate_help_text", "placeholder", "hosting")
_SECTION_TEXTS = ("key", "title", "subtitle", "header", "footer")
_TYPES = ("bool", "dropdown", "generated", "radio", "text", "longtext", "number", "username", "custom")
_WITH_PLACEHOLDER = ("generated", "text", "longtext", "number", "username", "custom")
_WITH_OPTIONS = ("radio", "dropdown")


@dataclass(frozen=True)
class Manifest:
    """A valid manifest. Paths are as a server reads them, relative to the manifest; what is left out is ""."""

    fields: Mapping[str, object]
    id: str
    version: str
    min_server_version: str
    executables: Mapping[str, str]  # by platform
    executable: str  # for any other platform
    bundle_path: str
    icon_path: str
    warnings: tuple[str, ...]


def read_manifest(data: bytes) -> Manifest:
    """Read the bytes of a plugin.json as a server does, or raise BadBundle with the first rule that it breaks."""
    try:
        fields = json_object(data, MAX_BYTES)
    except BadManifest as bad:
        raise BadBundle(f"{bad} Correct it and build the bundle again.") from None
    texts = _texts(fields, _TEXTS, "")
    objects = {name: _object(fields, name) for name in _OBJECTS}
    _spelled(fields, (*_TEXTS, *_OBJECTS), "")
    _check_shown(texts)
    _check_settings(objects["settings_schema"] or {})
    warnings = []
    server, webapp = objects["server"], objects["webapp"]
    if server is None and objects["backend"] is not None:
        server = objects["backend"]
        warnings.append("plugin.json has `backend`, which servers since 6.0 don't know; `server` is its name now.")
    executables, executable = _executables(server) if server is not None else ({}, "")
    bundle_path = _bundle_path(webapp) if webapp is not None else ""
    if server is None and webapp is None:
        warnings.append("plugin.json has neither `server` nor `webapp`: the plugin does nothing.")
    if bundle_path and "/" not in bundle_path:
        warnings.append(
            "`webapp.bundle_path` is beside plugin.json, so everything in the bundle is served to browsers."
        )
    return Manifest(
        fields=fields,
        id=texts["id"],
        version=texts["version"],
        min_server_version=texts["min_server_version"],
        executables=executables,
        executable=executable,
        bundle_path=bundle_path,
        icon_path=_inside(texts["icon_path"], "icon_path") if texts["icon_path"] else "",
        warnings=tuple(warnings),
    )


def _check_shown(texts: Mapping[str, str]) -> None:
    for name in _SHOWN:
        if len(texts[name]) > _MAX_TEXT or has_hidden(texts[name]):
            raise BadBundle(f"`{name}` in plugin.json is too long, or has line breaks or invisible characters in it.")
    if not _ID.fullmatch(texts["id"]):
        raise BadBundle(
            f"The id {quoted(texts['id'])} in plugin.json isn't valid: it needs 3 to 190 letters, digits, `-`, `_` or `.`."
        )
    if not texts["name"].strip():
        raise BadBundle("plugin.json has no `name`. Add one.")
    for name in _URLS:
        if texts[name] and not _is_url(texts[name]):
            raise BadBundle(f"`{name}` in plugin.json is {quoted(texts[name])}, which is no http or https address.")
    for name in _VERSIONS:
        if texts[name] and not _is_version(texts[name]):
            raise BadBundle(
                f"`{name}` in plugin.json is {quoted(texts[name])}, which is no semantic version such as `1.2.3`."
            )


def _is_url(text: str) -> bool:
    if not _URL.fullmatch(text) or _BAD_ESCAPE.search(text):
        return False
    try:
        parts = urlsplit(text)
        return bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return False


def _is_version(text: str) -> bool:
    if not text.isascii() or not semver.Version.is_valid(text):
        return False
    return all(int(n) < 2**64 for n in re.findall(r"[0-9]+", text.partition("+")[0]))  # a server has no room for more


def _executables(server: Mapping[str, object]) -> tuple[Mapping[str, str], str]:
    _spelled(server, ("executables", "executable"), "server.")
    executable = _texts(server, ("executable",), "server.")["executable"]
    listed = _object(server, "executables", "server.") or {}
    paths = _texts(listed, tuple(listed), "server.executables.")
    if len(paths) > _MAX_PLATFORMS:
        raise BadBundle(f"plugin.json has executables for more than {_MAX_PLATFORMS} platforms. Leave some out.")
    executables = {}
    for platform, path in paths.items():
        if not _PLATFORM.fullmatch(platform):
            raise BadBundle(
                f"plugin.json has an executable for {quoted(platform)}; a platform is such as `linux-amd64`."
            )
        if platform.startswith(("osx-", "macos-")):
            raise BadBundle(f"plugin.json has an executable for {quoted(platform)}; write `darwin-…` for macOS.")
        if path:
            executables[platform] = _inside(path, f"server.executables.{platform}")
    for platform, path in executables.items():
        if platform.startswith("windows-") and not path.lower().endswith(".exe"):
            raise BadBundle(f"The executable for {quoted(platform)} must end in `.exe`, or Windows doesn't start it.")
    if not executables and not executable:
        raise BadBundle("plugin.json has a `server` without an executable. Name one, or leave `server` out.")
    return executables, _inside(executable, "server.executable") if executable else ""


def _bundle_path(webapp: Mapping[str, object]) -> str:
    _spelled(webapp, ("bundle_path",), "webapp.")
    path = _texts(webapp, ("bundle_path",), "webapp.")["bundle_path"]
    if not path or posixpath.normpath(path).startswith("."):
        raise BadBundle("`webapp.bundle_path` in plugin.json is missing, or isn't a path in the bundle.")
    return _inside(path, "webapp.bundle_path")


def _inside(path: str, what: str) -> str:
    """Give a path as a server resolves it."""
    if "\\" in path or ":" in path or has_hidden(path):
        raise BadBundle(f"`{what}` in plugin.json is {quoted(path)}; write it with `/` and without special characters.")
    resolved = posixpath.normpath(path.lstrip("/"))
    if resolved == "." or resolved.split("/")[0] == "..":
        raise BadBundle(f"`{what}` in plugin.json is {quoted(path)}, which isn't a path in the bundle.")
    return resolved


def _check_settings(schema: Mapping[str, object]) -> None:
    _spelled(schema, ("header", "footer", "settings", "sections"), "settings_schema.")
    _texts(schema, ("header", "footer"), "settings_schema.")
    for setting in _list(schema, "settings"):
        _check_setting(setting)
    for section in _list(schema, "sections"):
        _spelled(section, (*_SECTION_TEXTS, "settings"), "settings_schema.sections.")
        if not _texts(section, _SECTION_TEXTS, "settings_schema.sections.")["key"]:
            raise BadBundle("A section of the settings in plugin.json has no `key`. Add one.")
        for setting in _list(section, "settings"):
            _check_setting(setting)


def _check_setting(setting: Mapping[str, object]) -> None:
    _spelled(setting, (*_SETTING_TEXTS, "options"), "settings_schema.settings.")
    texts = _texts(setting, _SETTING_TEXTS, "settings_schema.settings.")
    which, kind = f"The setting {quoted(texts['key'])} in plugin.json", texts["type"]
    if kind not in _TYPES:
        raise BadBundle(f"{which} has the type {quoted(kind)}; there are {', '.join(_TYPES)}.")
    if texts["regenerate_help_text"] and kind != "generated":
        raise BadBundle(f"{which} has a `regenerate_help_text`, which only the type generated may have.")
    if texts["placeholder"] and kind not in _WITH_PLACEHOLDER:
        raise BadBundle(f"{which} has a `placeholder`, which the type {kind} may not have.")
    if setting.get("options") is not None and kind not in _WITH_OPTIONS:
        raise BadBundle(f"{which} has `options`, which only the types radio and dropdown may have.")
    for option in _list(setting, "options"):
        _spelled(option, ("display_name", "value"), "settings_schema.settings.options.")
        if not all(_texts(option, ("display_name", "value"), "settings_schema.settings.options.").values()):
            raise BadBundle(f"{which} has an option without `display_name` or `value`.")


def _texts(fields: Mapping[str, object], names: tuple[str, ...], where: str) -> dict[str, str]:
    texts = {}
    for name in names:
        value = fields.get(name)
        if not isinstance(value, str | None):
            raise BadBundle(f"{quoted(where + name)} in plugin.json isn't a text. Correct it.")
        texts[name] = value or ""
    return texts


def _object(fields: Mapping[str, object], name: str, where: str = "") -> dict[str, object] | None:
    value = fields.get(name)
    if not isinstance(value, dict | None):
        raise BadBundle(f"`{where}{name}` in plugin.json isn't an object. Correct it.")
    return value


def _list(fields: Mapping[str, object], name: str) -> list[dict[str, object]]:
    value = fields.get(name)
    if not isinstance(value, list | None) or not all(isinstance(item, dict) for item in value or ()):
        raise BadBundle(f"`{name}` of the settings in plugin.json isn't a list of objects. Correct it.")
    return value or []


def _spelled(fields: Mapping[str, object], names: tuple[str, ...], where: str) -> None:
    """Refuse what a server takes for one of its fields, although it's spelled in another case."""
    for field in fields:
        name = field.casefold()
        if name in names and name != field:
            raise BadBundle(
                f"plugin.json has {quoted(where + field)}; servers take it for `{where}{name}`. Write it so."
            )
