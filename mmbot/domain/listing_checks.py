"""What stands against an entry: the five facts that have to agree, and what the Marketplace's database says of it."""

import re
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

import semver

from mmbot.domain import listing
from mmbot.domain.artifacts import PLATFORMS
from mmbot.domain.entry import BETA_FROM, bundle_name, names_for
from mmbot.domain.listing import Database, Entry

Code = Literal[
    "commit",
    "tag",
    "version",
    "entry",
    "address",
    "platform-missing",
    "platform-unlisted",
    "platform-undeclared",
    "platform-left-out",
    "listed",
    "collision",
    "twin",
    "changed-id",
    "tombstone",
    "id",
    "server",
    "icon-lost",
    "lower",
    "wider",
    "notes",
    "naming",
    "capitals",
    "icon",
    "icon-kind",
    "beta",
]
_ID = re.compile(r"[a-zA-Z0-9._-]{3,190}")
_REVERSE_DNS = re.compile(r"[a-z]{2,}(?:\.[a-z0-9_-]+){2,}", re.IGNORECASE)
_VERSION = re.compile(r"(?<!\d)(?<!\d\.)\d+\.\d+\.\d+(?!\d|\.\d)")
_SVG = re.compile(rb"<svg[\s>]", re.IGNORECASE)


@dataclass(frozen=True)
class Problem:
    """One thing that stands against an entry: it blocks, somebody is asked, or it is only said. `words.listing` has the sentences."""

    kind: Literal["block", "ask", "warn"]
    code: Code
    fields: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class CutFacts:
    """What an entry is compared with.

    The repository's name and the tag, the commit that the tag stands on and those that count as approved (none: nobody knows here),
    the bundle's own manifest (as `entry.manifest_of` gives it in the database's shape) and icon, and the names of all files that are
    uploaded, signatures too.
    """

    repository: str
    tag: str
    manifest: Mapping[str, Any]
    uploaded: Collection[str]
    icon: bytes = b""
    commit: str = ""
    approved: Collection[str] = ()


def problems(
    db: Database,
    new: Entry,
    cut: CutFacts,
    tombstones: Collection[tuple[str, str]] = (),
    shown: Database | None = None,
) -> tuple[Problem, ...]:
    """All that stands against putting an entry into the database, what blocks first.

    `tombstones` are the plugins taken down whose case is open: the id, and the version or "" for all of them. `shown` is the database with
    what the entry replaces, where it does.
    """
    found = [*_facts(new, cut), *_platforms(new, cut), *_sound(new, cut)]
    found += [*_listed(db, new), *_taken_down(new, tombstones), *_asks(db, new, cut), *_wider(shown or db, new)]
    found += _remarks(new, cut)
    return tuple(sorted(found, key=lambda x: ("block", "ask", "warn").index(x.kind)))


def _facts(new: Entry, cut: CutFacts) -> Iterator[Problem]:
    """Approved commit = tag = version in the bundle = entry."""
    inside = str(cut.manifest.get("version") or "")
    if cut.approved and cut.commit not in cut.approved:
        yield Problem(
            "block", "commit", {"tag": cut.tag, "commit": cut.commit, "approved": ", ".join(sorted(cut.approved))}
        )
    if not (cut.tag.startswith("v") and semver.Version.is_valid(cut.tag[1:])):
        yield Problem("block", "tag", {"tag": cut.tag})
    elif cut.tag != f"v{inside}":
        yield Problem("block", "version", {"tag": cut.tag, "version": inside})
    asked = str(cut.manifest.get("min_server_version") or "")
    lowered = new.min_server_version != asked and listing.lower(new.min_server_version, asked)
    if lowered or _but_server(new.manifest) != _but_server(cut.manifest) or new.repository != cut.repository:
        yield Problem("block", "entry", {"id": new.plugin_id, "version": new.version})
    address, name = str(new.fields.get("download_url")), bundle_name(cut.repository, cut.tag)
    if not address.endswith(f"/{name}") or not _whole(name, cut.uploaded):
        yield Problem("block", "address", {"address": address, "name": name})


def _platforms(new: Entry, cut: CutFacts) -> Iterator[Problem]:
    """Platforms declared and uploaded and listed; what the listing has no place for is only said."""
    server = cut.manifest.get("server") or {}
    declared = set(server.get("executables") or {})
    for platform in sorted(declared | set(PLATFORMS) | set(new.platforms)):
        names = names_for(cut.repository, cut.tag, platform)
        there = any(_whole(x, cut.uploaded) for x in names)
        about = {"platform": platform, "name": " or ".join(names)}
        if platform in declared and platform not in new.platforms:
            if not there:
                yield Problem("warn", "platform-left-out", about)
        elif platform in declared and not there:
            yield Problem("block", "platform-missing", about)
        elif platform in declared and not _names(new.platforms[platform], names, cut.uploaded):
            yield Problem("block", "platform-unlisted", about)
        elif platform not in declared and new.platforms.get(platform):
            yield Problem("block", "platform-undeclared", about)


def _sound(new: Entry, cut: CutFacts) -> Iterator[Problem]:
    """What the Marketplace or a server would stumble over."""
    if not _ID.fullmatch(new.plugin_id):
        yield Problem("block", "id", {"id": new.plugin_id})
    if new.min_server_version and not semver.Version.is_valid(new.min_server_version):
        yield Problem("block", "server", {"server": new.min_server_version})
    path = str(cut.manifest.get("icon_path") or "")
    if path and not new.fields.get("icon_data"):
        yield Problem("block", "icon-lost", {"path": path})


def _listed(db: Database, new: Entry) -> Iterator[Problem]:
    """What the database has of that id or repository already."""
    same = db.newest.get(new.plugin_id.lower())
    about = {"id": new.plugin_id, "version": new.version, "repository": new.repository}
    if any(x.version == new.version or _equal(x.version, new.version) for x in db.releases(new.plugin_id)):
        yield Problem("block", "listed", about)
    if same and same.plugin_id != new.plugin_id:
        yield Problem("block", "twin", {**about, "other": same.plugin_id})
    elif same and same.repository and same.repository.lower() != new.repository.lower():
        yield Problem("block", "collision", {**about, "other": same.repository})
    if not same:
        repository = new.repository.lower()
        others = {x.plugin_id for x in db.entries if repository and x.repository.lower() == repository}
        if others:
            yield Problem("block", "changed-id", {**about, "other": ", ".join(sorted(others))})


def _taken_down(new: Entry, tombstones: Collection[tuple[str, str]]) -> Iterator[Problem]:
    for plugin_id, version in sorted(tombstones):
        if plugin_id.lower() == new.plugin_id.lower() and version in {"", new.version}:
            yield Problem("block", "tombstone", {"id": new.plugin_id, "version": version})
            return


def _asks(db: Database, new: Entry, cut: CutFacts) -> Iterator[Problem]:
    same = db.newest.get(new.plugin_id.lower())
    if same and listing.order(new.version) < listing.order(same.version):
        yield Problem("ask", "lower", {"version": new.version, "highest": same.version})
    notes = str(new.fields.get("release_notes_url") or "")
    named = _VERSION.findall(notes)
    if named and not re.search(rf"(?<!\d)(?<!\d\.){re.escape(new.version)}(?![\w-]|\.\d)", notes):
        yield Problem("ask", "notes", {"address": notes, "named": named[-1], "tag": cut.tag})


def _wider(db: Database, new: Entry) -> Iterator[Problem]:
    """A plugin that was restricted, perhaps after a takedown, would be shown to others than now."""
    same = db.newest.get(new.plugin_id.lower())
    if same is None:
        return
    hosting = str(same.fields.get("hosting") or "")
    here = str(new.fields.get("hosting") or "")
    lower = listing.lower(new.min_server_version, same.min_server_version)
    if hosting not in {"", here} or lower:
        about = {"hosting": hosting if hosting != here else "", "server": same.min_server_version if lower else ""}
        yield Problem("ask", "wider", {"version": same.version, "now": here, **about})


def _remarks(new: Entry, cut: CutFacts) -> Iterator[Problem]:
    if not _REVERSE_DNS.fullmatch(new.plugin_id):
        yield Problem("warn", "naming", {"id": new.plugin_id})
    if new.plugin_id != new.plugin_id.lower():
        yield Problem("warn", "capitals", {"id": new.plugin_id})
    if not cut.manifest.get("icon_path"):
        yield Problem("warn", "icon", {"id": new.plugin_id})
    elif cut.icon and not _SVG.search(cut.icon):
        yield Problem("warn", "icon-kind", {"path": str(cut.manifest["icon_path"])})
    inside = str(cut.manifest.get("min_server_version") or "")
    if new.fields.get("release_stage") == "beta" and new.min_server_version != inside:
        yield Problem("warn", "beta", {"server": inside, "from": BETA_FROM})


def _but_server(manifest: Mapping[str, Any]) -> Mapping[str, Any]:
    return {key: value for key, value in manifest.items() if key != "min_server_version"}


def _whole(name: str, uploaded: Collection[str]) -> bool:
    return name in uploaded and f"{name}.sig" in uploaded


def _names(platform: Mapping[str, Any], names: tuple[str, ...], uploaded: Collection[str]) -> bool:
    """Whether an entry names one of the uploaded bundles for a platform, with a signature."""
    last = str(platform.get("download_url") or "").rpartition("/")[2]
    return bool(platform.get("signature")) and last in names and last in uploaded


def _equal(a: str, b: str) -> bool:
    """Whether two versions are the same to whoever compares them: what follows a plus sign counts for nothing."""
    return semver.Version.is_valid(a) and semver.Version.is_valid(b) and listing.order(a) == listing.order(b)
