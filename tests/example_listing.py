"""A plugin of our own that is listed in tests: its manifest, its artifacts in a folder, and databases with it."""

import io
import tarfile
from collections.abc import Iterable, Mapping
from pathlib import Path

from mmbot.domain import entry, listing
from mmbot.domain.entry import Contents, Marks, Uploaded
from mmbot.domain.listing import Database, Entry, Shape

STORE = "https://plugins.example.com/release"
ICON = b'<svg xmlns="http://www.w3.org/2000/svg"/>'
WHEN = 1_793_250_000_120
"""When the example's entry was made, in milliseconds UTC."""
MANIFEST = rb"""{
  "id": "com.example.remind", "name": "Remind <me> & you", "version": "1.0.0", "icon_path": "assets/icon.svg",
  "min_server_version": "6.0.0", "homepage_url": "https://example.com/remind?a=1&b=2",
  "release_notes_url": "https://example.com/remind/v1.0.0", "description": null,
  "server": {"executables": {"windows-amd64": "server/w.exe", "linux-amd64": "server/l", "darwin-amd64": "server/d"}},
  "webapp": {"bundle_path": "webapp/main.js"},
  "settings_schema": {"settings": [
    {"key": "Every", "type": "number", "default": 15.0, "unknown": 1},
    {"key": "Kind", "type": "dropdown", "default": "day", "options": [{"display_name": "Day", "value": "day"}]}]},
  "props": {"z": [1, 2.50, 1e21, 1e-7], "a": {"b": "\u2028", "a": null, "B": {}}}
}"""
PLATFORMS = ("linux-amd64", "osx-amd64", "windows-amd64")


def manifest(**fields: str) -> bytes:
    """The example's manifest with other texts; one that is "" is left out."""
    text = MANIFEST.decode()
    old = {
        "id": "com.example.remind",
        "version": "1.0.0",
        "min_server_version": "6.0.0",
        "icon_path": "assets/icon.svg",
    }
    old["release_notes_url"] = "https://example.com/remind/v1.0.0"
    for name, value in fields.items():
        text = text.replace(f'"{name}": "{old[name]}"', f'"{name}": "{value}"' if value else f'"-{name}": ""')
    return text.encode()


def uploaded(
    tag: str = "v1.0.0", platforms: Iterable[str] = PLATFORMS, repository: str = "remind"
) -> tuple[Uploaded, ...]:
    """What lies in the store after a cut, each with a signature that says its name."""
    names = [entry.bundle_name(repository, tag), *(entry.bundle_name(repository, tag, x) for x in platforms)]
    return tuple(Uploaded(x, f"signed {x}".encode()) for x in names)


def remind(  # one release of the example, and what tests vary of it
    version: str = "1.0.0",
    plugin_id: str = "com.example.remind",
    repository: str = "remind",
    marks: Marks | None = None,
    shape: Shape | None = None,
    bundles: tuple[Uploaded, ...] | None = None,
    **fields: str,
) -> Entry:
    """The entry of a release of the example."""
    data = manifest(version=version, id=plugin_id, **fields)
    return entry.made(
        Contents(data, ICON),
        marks or Marks("community"),
        repository=repository,
        tag=f"v{version}",
        store=STORE,
        bundles=bundles or uploaded(f"v{version}", repository=repository),
        updated_at=WHEN,
        shape=shape,
    )


def database(*entries: Entry) -> Database:
    """A database of some entries, as the tools would write it."""
    db = listing.read(b"[]\n")
    for new in entries:
        db = listing.added(db, new)
    return db


def bundle(files: Mapping[str, bytes], top: str = "com.example.remind/") -> bytes:
    """A bundle of some files."""
    packed = io.BytesIO()
    with tarfile.open(fileobj=packed, mode="w:gz") as tar:
        for name, data in files.items():
            member = tarfile.TarInfo(top + name)
            member.size, member.mode = len(data), 0o755
            tar.addfile(member, io.BytesIO(data))
    return packed.getvalue()


def cut_into(folder: Path, version: str = "1.0.0", platforms: Iterable[str] = PLATFORMS, **fields: str) -> None:
    """Put what a cut of the example makes into a folder."""
    programs = {f"server/{x}": x.encode() for x in ("w.exe", "l", "d")}
    files = {
        "plugin.json": manifest(version=version, **fields),
        "assets/icon.svg": ICON,
        "webapp/main.js": b"1",
        **programs,
    }
    for x in uploaded(f"v{version}", platforms):
        (folder / x.name).write_bytes(bundle(files) if x.name == f"remind-v{version}.tar.gz" else x.name.encode())
        (folder / f"{x.name}.sig").write_bytes(x.signature)
