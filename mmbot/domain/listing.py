"""The Marketplace's database, `plugins.json`: its entries as values, put in, taken out and restricted without touching the others."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from itertools import pairwise
from typing import Any, Literal

import semver

from mmbot.domain import go_json

PLATFORMS = ("linux-amd64", "darwin-amd64", "windows-amd64")
"""The platforms that an entry can name a bundle for, in its order."""
_HEAD, _GAP, _TAIL, _EMPTY = "[\n  ", ",\n  ", "\n]\n", "[]\n"
_BLANK = " \t\r\n"


class BadListing(ValueError):  # noqa: N818 -- the sentence is for people, it reads as what it is
    """The text is not the Marketplace's database; the message says why, and quotes nothing of it."""


@dataclass(frozen=True)
class Entry:
    """One release of one plugin: its text in the file, and that read. What the file knows and we don't is in both.

    `gap` stands between this entry and the next.
    """

    text: str
    fields: Mapping[str, Any] = field(compare=False)
    gap: str = field(default=_GAP, compare=False)

    @property
    def manifest(self) -> Mapping[str, Any]:
        """The plugin's manifest."""
        manifest: Mapping[str, Any] = self.fields["manifest"]
        return manifest

    @property
    def plugin_id(self) -> str:
        """The plugin's id."""
        return str(self.manifest["id"])

    @property
    def version(self) -> str:
        """The release's version, "" where the manifest has none."""
        return str(self.manifest.get("version") or "")

    @property
    def repository(self) -> str:
        """The name of the repository it was cut from, without the organisation."""
        return str(self.fields.get("repo_name") or "")

    @property
    def min_server_version(self) -> str:
        """The oldest server that is shown it, "" for any."""
        return str(self.manifest.get("min_server_version") or "")

    @property
    def platforms(self) -> Mapping[str, Mapping[str, Any]]:
        """The bundle and signature of each platform; empty where there is none."""
        found = self.fields.get("platforms")
        return found if isinstance(found, Mapping) else {}


@dataclass(frozen=True)
class Database:
    """The whole file: what stands before the first entry and behind the last, and the entries between."""

    entries: tuple[Entry, ...] = ()
    head: str = _EMPTY
    tail: str = ""

    @cached_property
    def newest(self) -> Mapping[str, Entry]:
        """The highest version of each plugin, by its id in lower case."""
        found: dict[str, Entry] = {}
        for entry in self.entries:
            key = entry.plugin_id.lower()
            if key not in found or order(entry.version) > order(found[key].version):
                found[key] = entry
        return found

    def releases(self, plugin_id: str, version: str = "") -> tuple[Entry, ...]:
        """The entries of a plugin, or those of one version of it."""
        return tuple(x for x in self.entries if x.plugin_id == plugin_id and version in {"", x.version})


@dataclass(frozen=True)
class Shape:
    """Which parts a manifest has in a database: those that the server's model knew when the Marketplace's tools last wrote it."""

    hosting: bool = True
    secret: bool = True
    sections: bool = True
    fallback: bool = False
    platforms: tuple[str, ...] = PLATFORMS


def read(data: bytes) -> Database:
    """The entries of a `plugins.json`. Raises BadListing, also for an empty file, which the original takes: it was cut off more likely."""
    text = go_json.text_of(data)
    at = _skip(text, 0)
    if at == len(text):
        raise BadListing("it is empty; a database of nothing is []")
    if text[at] != "[":
        raise BadListing("it is no list of entries")
    try:
        return _read(text, _skip(text, at + 1))
    except go_json.BadJson as error:
        raise BadListing(f"it is not JSON: {error}") from None


def write(db: Database) -> bytes:
    """The bytes of the file; of what was read, exactly those."""
    texts = [part for x in db.entries for part in (x.text, x.gap)]
    return go_json.bytes_of("".join([db.head, *texts[:-1], db.tail]))


def entry(fields: Mapping[str, Any]) -> Entry:
    """An entry as the Marketplace's tools write it. Raises BadListing."""
    try:
        return _entry(go_json.encode(fields, 1), fields)
    except go_json.BadJson as error:
        raise BadListing(f"the entry cannot be written: {error}") from None


def added(db: Database, new: Entry) -> Database:
    """The database with one more entry in its place: ids ascending, versions descending, behind its equals."""
    at = _place(db.entries, new)
    entries = (*db.entries[:at], replace(new, gap=_GAP), *db.entries[at:])
    return replace(db, entries=entries) if db.entries else Database(entries, _HEAD, _TAIL)


def removed(db: Database, plugin_id: str, version: str = "") -> Database:
    """The database without a plugin, or without one version of it; the same where it is not listed."""
    gone = set(map(id, db.releases(plugin_id, version)))
    kept = tuple(x for x in db.entries if id(x) not in gone)
    return replace(db, entries=kept) if kept or not gone else Database()


def restricted(
    db: Database,
    plugin_id: str,
    version: str = "",
    *,
    min_server_version: str = "",
    hosting: Literal["", "on-prem"] = "",
) -> Database:
    """The database with a plugin, or one version of it, shown to fewer: to servers of a version on (never lowered), or on-premises alone.

    Raises BadListing where the version of the server is none, or nobody at all would be shown it.
    """
    if min_server_version and not semver.Version.is_valid(min_server_version):
        raise BadListing("the version of the server is none: it has three numbers, such as 5.20.0")
    chosen = set(map(id, db.releases(plugin_id, version)))

    def narrower(old: Entry) -> Entry:
        fields = dict(old.fields)
        if hosting and fields.get("hosting") not in {None, "", hosting}:
            raise BadListing(
                f"{old.plugin_id} {old.version} is for the cloud only, so restricted nobody would be shown it: take it out"
            )
        if hosting:
            fields["hosting"] = hosting
        if lower(old.min_server_version, min_server_version):
            fields["manifest"] = with_min_server_version(old.manifest, min_server_version)
        return old if fields == dict(old.fields) else replace(entry(fields), gap=old.gap)

    return replace(db, entries=tuple(narrower(x) if id(x) in chosen else x for x in db.entries))


def lower(version: str, than: str) -> bool:
    """Whether a server's version is lower than another; none is the lowest, and what is no version cannot be compared."""
    if not than or not version:
        return bool(than)
    try:
        a, b = (semver.Version.parse(x, optional_minor_and_patch=True) for x in (version, than))
    except ValueError:
        return True
    return a < b


def with_min_server_version(manifest: Mapping[str, Any], version: str) -> Mapping[str, Any]:
    """A manifest that asks for a server of a version; the key stands where Go puts it, behind `version`."""
    if "min_server_version" in manifest:
        return {**manifest, "min_server_version": version}
    fields: dict[str, Any] = {}
    for key, value in manifest.items():
        fields[key] = value
        if key == "version":
            fields["min_server_version"] = version
    return fields if "min_server_version" in fields else {**fields, "min_server_version": version}


def order(version: str) -> tuple[bool, semver.Version]:
    """What versions are compared by; what is none comes below all."""
    valid = semver.Version.is_valid(version)
    return valid, semver.Version.parse(version) if valid else semver.Version(0)


def by_hand(db: Database) -> tuple[Entry | None, ...]:
    """What the Marketplace's tools would write otherwise: entries laid out by hand or out of order; None for what is between them."""
    found: list[Entry | None] = [x for x in db.entries if not _canonical(x)]
    found += [b for a, b in pairwise(db.entries) if _before(b, a)]
    between = all(x.gap == _GAP for x in db.entries[:-1])
    ends = (db.head, db.tail) == ((_HEAD, _TAIL) if db.entries else (_EMPTY, ""))
    return tuple(dict.fromkeys(found)) + (() if between and ends else (None,))


def shape_of(db: Database) -> Shape:
    """Which parts the manifests of a database have, so that a new one has the same; where it can't be told, those of the newest tools."""
    schemas = [x for e in db.entries if isinstance(x := e.manifest.get("settings_schema"), Mapping)]
    settings = [s for x in schemas for s in _objects(x.get("settings"))]
    sections = [s for x in schemas for s in _objects(x.get("sections"))]
    settings += [s for x in sections for s in _objects(x.get("settings"))]
    platforms = dict.fromkeys(key for e in db.entries for key in e.platforms)
    newest = Shape()

    def knows(objects: list[Mapping[str, Any]], key: str, default: Callable[[], bool]) -> bool:
        return any(key in x for x in objects) if objects else default()

    secret = knows(settings, "secret", lambda: newest.secret)
    return Shape(
        knows(settings, "hosting", lambda: newest.hosting),
        secret,
        knows(schemas, "sections", lambda: secret),
        knows(sections, "fallback", lambda: newest.fallback),
        tuple(platforms) or newest.platforms,
    )


def _read(text: str, at: int) -> Database:
    entries: list[Entry] = []
    head, end, gap = at, at, at
    if at < len(text) and text[at] == "]":
        return _ended(text, at, Database(head=text))
    while True:
        value, end = go_json.scan(text, at)
        entries.append(_entry(text[at:end], value))
        gap = _skip(text, end)
        if gap < len(text) and text[gap] == "]":
            break
        if gap >= len(text) or text[gap] != ",":
            raise BadListing("the list of entries has no end")
        at = _skip(text, gap + 1)
        entries[-1] = replace(entries[-1], gap=text[end:at])
    return _ended(text, gap, Database(tuple(entries), text[:head], text[end:]))


def _ended(text: str, at: int, db: Database) -> Database:
    if _skip(text, at + 1) != len(text):
        raise BadListing("it goes on after the list of entries")
    return db


def _entry(text: str, fields: object) -> Entry:
    manifest = fields.get("manifest") if isinstance(fields, Mapping) else None
    if not isinstance(fields, Mapping) or not isinstance(manifest, Mapping) or not isinstance(manifest.get("id"), str):
        raise BadListing("an entry in it has no manifest with an id")
    return Entry(text, fields)


def _place(entries: tuple[Entry, ...], new: Entry) -> int:
    """Where an entry goes, also among entries that somebody put out of order."""
    same = [n for n, x in enumerate(entries) if x.plugin_id == new.plugin_id]
    if same:
        return max((n + 1 for n in same if not _before(new, entries[n])), default=same[0])
    return next((n for n, x in enumerate(entries) if x.plugin_id > new.plugin_id), len(entries))


def _before(a: Entry, b: Entry) -> bool:
    """Whether an entry has to stand before another."""
    if a.plugin_id != b.plugin_id:
        return a.plugin_id < b.plugin_id
    return order(a.version) > order(b.version)


def _canonical(x: Entry) -> bool:
    try:
        return go_json.encode(x.fields, 1) == x.text
    except (go_json.BadJson, RecursionError):
        return False


def _objects(value: object) -> Iterable[Mapping[str, Any]]:
    return [x for x in value if isinstance(x, Mapping)] if isinstance(value, list) else []


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _BLANK:
        at += 1
    return at
