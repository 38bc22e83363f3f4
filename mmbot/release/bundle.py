"""An untrusted plugin bundle, looked through before anything is done with it."""

import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from mmbot.release import manifest
from mmbot.release.archive import Archive, BundleLimits, Entry, never, opened
from mmbot.release.bad_bundle import BadBundle, Stopped, quoted

__all__ = ["BadBundle", "Bundle", "BundleLimits", "Stopped", "inspect"]

_MANIFEST = "plugin.json"
_YAML = ("plugin.yml", "plugin.yaml")
_MAX_ICON = 2**18  # bytes of one picture
_MAX_ICONS = 2**22  # bytes of all that could be the icon
_MAX_WARNINGS = 20
_BINARY = re.compile(r"plugin-[a-z0-9]+-[a-z0-9]+(\.exe)?")
_SVG = re.compile(
    r"\ufeff?\s*+(<\?xml[^>]*>\s*+)?(?>(?:<!--.*?-->|<!DOCTYPE[^>\[]*>)\s*+)*+<(\w+:)?svg[\s/>]",
    re.DOTALL | re.IGNORECASE,
)  # possessive: each part is tried once, whatever the file makes of it
_LIVELY_SVG = re.compile(r"<(\w+:)?(script|foreignObject|!ENTITY)\b|\son\w+\s*=|javascript:", re.IGNORECASE)
_EXECUTABLE = 0o100  # for its owner, who is the server


@dataclass(frozen=True)
class Bundle:
    """A bundle that a server would take. Sizes in bytes; paths are relative to the manifest.

    `top` is the one folder that everything is in, or "". `manifest` is plugin.json as it is, `fields` its JSON object; a text that
    it leaves out is "". `executables` are `server.executables` by platform, `executable` is `server.executable`; `strays` are
    executables that belong into no platform's bundle.
    """

    sha256: str
    size: int
    unpacked: int
    entries: int
    top: str
    manifest: bytes
    fields: Mapping[str, object]
    id: str
    version: str
    min_server_version: str
    executables: Mapping[str, str]
    executable: str
    strays: frozenset[str]
    has_webapp: bool
    icon: bytes | None
    warnings: tuple[str, ...]


@dataclass
class _Found:
    """What one pass keeps: the modes of files, and the contents of those that may turn out to be the manifest or the icon."""

    modes: dict[str, int]
    manifests: dict[str, bytes]
    icons: dict[str, bytes]
    room: int = _MAX_ICONS  # bytes left for icons


def inspect(path: Path, limits: BundleLimits | None = None, stop: Callable[[], bool] = never) -> Bundle:
    """Read a bundle once, or raise BadBundle, Stopped or OSError. To be run in a thread."""
    found = _Found({}, {}, {})
    with opened(path, limits or BundleLimits(), stop) as archive:
        for entry, contents in archive.entries():
            _keep(found, entry, contents)
    top = archive.names.top
    raw = _manifest(found, archive, top)
    read = manifest.read_manifest(raw)
    files = {name.removeprefix(f"{top}/" if top else ""): mode for name, mode in found.modes.items()}
    icon, about_icon = _icon(read.icon_path, found, top, files)
    strays = _strays(read, files)
    warnings = (*read.warnings, *_check_files(read, files), *about_icon, *_about(strays))
    return Bundle(
        sha256=archive.sha256,
        size=archive.size,
        unpacked=archive.unpacked,
        entries=archive.names.count,
        top=top,
        manifest=raw,
        fields=read.fields,
        id=read.id,
        version=read.version,
        min_server_version=read.min_server_version,
        executables=read.executables,
        executable=read.executable,
        strays=strays,
        has_webapp=bool(read.bundle_path),
        icon=icon,
        warnings=warnings[:_MAX_WARNINGS],
    )


def _keep(found: _Found, entry: Entry, contents: Iterator[memoryview]) -> None:
    if entry.is_folder:
        return
    found.modes[entry.name] = entry.mode
    folder, _, name = entry.name.rpartition("/")
    if name == _MANIFEST and "/" not in folder and entry.size <= manifest.MAX_BYTES:
        found.manifests = {
            n: data for n, data in found.manifests.items() if n == _MANIFEST
        }  # of folders, only one counts
        found.manifests[entry.name] = b"".join(contents)
    elif name.lower().endswith(".svg") and entry.size <= min(_MAX_ICON, found.room):
        found.icons[entry.name] = b"".join(contents)
        found.room -= entry.size


def _manifest(found: _Found, archive: Archive, top: str) -> bytes:
    before = f"{top}/" if top else ""
    for name in _YAML:
        if before + name in archive.names:
            raise BadBundle(
                f"The bundle has `{name}`, which servers read instead of plugin.json. Leave only plugin.json in it."
            )
    if before + _MANIFEST not in found.modes:
        raise BadBundle("The bundle has no plugin.json, neither at its root nor in its one top folder. Put it there.")
    if before + _MANIFEST not in found.manifests:
        raise BadBundle(f"plugin.json in the bundle is larger than {manifest.MAX_BYTES // 1024} KiB. Make it smaller.")
    return found.manifests[before + _MANIFEST]


def _check_files(read: manifest.Manifest, files: Mapping[str, int]) -> Iterator[str]:
    """Refuse a bundle that lacks what its manifest names, where a server could do nothing with it; warn of the rest."""
    named = [path for path in (_MANIFEST, read.bundle_path, read.icon_path) if path]
    for path in {*read.executables.values(), read.executable}.intersection(
        named
    ):  # it would be missing for other platforms
        raise BadBundle(
            f"plugin.json names {quoted(path)} as an executable, which is something else already. Correct it."
        )
    for platform, path in read.executables.items():
        _check_executable(
            f"the executable for {quoted(platform)}", path, files, runs=not platform.startswith("windows-")
        )
    if read.executable and read.executables and not files.get(read.executable, 0) & _EXECUTABLE:
        yield f"`server.executable`, {quoted(read.executable)}, is not in the bundle as an executable file."
    elif read.executable:
        runs = not read.executable.lower().endswith(".exe")
        _check_executable("the server's executable", read.executable, files, runs=runs)
    if read.bundle_path and read.bundle_path not in files:
        raise BadBundle(
            f"plugin.json names {quoted(read.bundle_path)} as the web part, which isn't in the bundle. Build it again."
        )


def _check_executable(what: str, path: str, files: Mapping[str, int], *, runs: bool) -> None:
    if path not in files:
        raise BadBundle(f"plugin.json names {quoted(path)} as {what}, which isn't in the bundle. Build it again.")
    if runs and not files[path] & _EXECUTABLE:  # a server unpacks it with the mode that it has here
        raise BadBundle(f"{quoted(path)}, {what}, may not be executed: set its mode to 755 and pack the bundle again.")


def _strays(read: manifest.Manifest, files: Mapping[str, int]) -> frozenset[str]:
    """Executables of no platform: the one for any other platform, and binaries that stand beside the declared ones."""
    if not read.executables:
        return frozenset()
    declared = set(read.executables.values())
    folders = {path.rpartition("/")[0] for path in declared}
    beside = {n for n in files if n.rpartition("/")[0] in folders and _BINARY.fullmatch(n.rpartition("/")[2])}
    return frozenset((beside | ({read.executable} & set(files))) - declared - {read.bundle_path, read.icon_path})


def _about(strays: frozenset[str]) -> Iterator[str]:
    for path in sorted(strays):
        yield f"{quoted(path)} is the executable of no platform, so it is only in the bundle of all platforms."


def _icon(path: str, found: _Found, top: str, files: Mapping[str, int]) -> tuple[bytes | None, tuple[str, ...]]:
    name = f"{top}/{path}" if top else path
    if not path:
        return None, ("plugin.json has no `icon_path`: the Marketplace shows a picture that stands for any plugin.",)
    if path not in files:
        return None, (f"The icon {quoted(path)} isn't in the bundle: as it is, it can't be listed.",)
    if name not in found.icons:
        return None, (
            f"The icon {quoted(path)} isn't an SVG picture of at most {_MAX_ICON // 1024} KiB: as it is, it can't be listed.",
        )
    icon = found.icons[name]
    text = icon.decode(errors="replace")
    if not _SVG.match(text):
        return None, (f"The icon {quoted(path)} isn't an SVG picture: as it is, it can't be listed.",)
    if _LIVELY_SVG.search(text):
        return icon, (f"The icon {quoted(path)} has scripts or other documents in it: look at it before listing.",)
    return icon, ()
