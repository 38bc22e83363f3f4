"""The listing in the console's world: entries are made, compared and written as elsewhere, in a file that is kept in memory."""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

from mmbot.domain import entry, listing
from mmbot.domain import listing_moves as moves
from mmbot.domain.artifacts import Artifact
from mmbot.domain.entry import BadEntry, Contents, Marks, Uploaded
from mmbot.domain.listing import BadListing, Database
from mmbot.domain.listing_checks import CutFacts, problems
from mmbot.domain.listing_difference import changes
from mmbot.events import EntryMade, RemovalMade
from mmbot.words import listing as sentences

STORE = "https://plugins.example.com/release"
ICON = b"<svg></svg>"


@dataclass
class Shelf:
    """The listing's file, and the names of bundles that somebody took out of the storage."""

    db: Database = field(default_factory=lambda: listing.read(b"[]\n"))
    lost: set[str] = field(default_factory=set)

    def hold(self, plugin_id: str, name: str, version: str, repository: str, at: int) -> None:
        """Have a release in the file that was listed before the bot was there."""
        if self.db.releases(plugin_id, version):
            return
        manifest = json.dumps(_built({"id": plugin_id, "name": name, "version": version}, ())).encode()
        whole = Uploaded(entry.bundle_name(repository, f"v{version}"), b"signature")
        new = entry.made(
            Contents(manifest, ICON), Marks("community"), repository=repository, tag=f"v{version}", store=STORE, bundles=[whole],
            updated_at=at,
        )  # fmt: skip
        self.db = listing.added(self.db, new)

    def lose(self, plugin_id: str) -> None:
        """Have nothing of a plugin in the file."""
        self.db = listing.removed(self.db, plugin_id)

    def put(
        self, given: Mapping[str, Any], manifest: Mapping[str, object], platforms: Sequence[str], at: int
    ) -> EntryMade:
        """Make the entry of a cut, compare it, and write it if nothing stands against it. `at` is in milliseconds UTC."""
        about = {x: given[x] for x in ("cut", "by", "flags", "dry_run")}
        artifacts = [Artifact.model_validate(x) for x in given["artifacts"]]
        uploaded = [Uploaded(x.name, x.signature.encode()) for x in artifacts if x.platform not in self.lost]
        repository, tag = given["repository"].rsplit("/", 1)[-1], given["tag"]
        contents = Contents(json.dumps(_built(manifest, platforms)).encode(), ICON)
        marks = Marks(entry.AUTHORS[given["author"]], given["stage"], given["hosting"], given["enterprise"])
        try:
            new = entry.made(
                contents, marks, repository=repository, tag=tag, store=STORE, bundles=uploaded, updated_at=at
            )
        except BadEntry as no:
            return EntryMade(**about, why=str(no))
        if any(moves.same(x, new) for x in self.db.entries):
            return EntryMade(**about, written="there")
        old = moves.with_room(self.db, new) if given["replace"] else self.db
        names = frozenset(name for x in uploaded for name in (x.name, f"{x.name}.sig"))
        compared = CutFacts(
            repository, tag, entry.manifest_of(contents.manifest), names, ICON, given["commit"], (given["commit"],)
        )
        found = problems(old, new, compared, shown=self.db)
        stands = sentences.against(found, given["answered"])
        after = listing.added(old, new)
        summary = sentences.lines(changes(self.db, after))
        blocked = bool(stands["blocks"] or stands["asks"] or given["dry_run"])
        if not blocked:
            self.db = after
        return EntryMade(**about, **stands, summary=summary, written="" if blocked else "file")

    def take(self, given: Mapping[str, Any]) -> RemovalMade:
        """Take out, or restrict, what a takedown decided."""
        about = {x: given[x] for x in ("case", "pulls")}
        try:
            after = moves.taken_down(self.db, given["plugin_id"], given["removal"], given["version"])
        except BadListing as no:
            return RemovalMade(**about, why=str(no))
        there = after == self.db
        summary = () if there else sentences.lines(changes(self.db, after))
        self.db = replace(after)
        left = tuple(moves.versions(after, given["plugin_id"]))
        return RemovalMade(**about, written="there" if there else "file", summary=summary, left=left)


def _built(manifest: Mapping[str, object], platforms: Sequence[str]) -> dict[str, object]:
    """The manifest as it stands in the bundle: with an icon, and an executable for every platform."""
    known = {name: value for name, value in manifest.items() if isinstance(value, str)}
    executables = {x: f"server/dist/plugin-{x}" for x in platforms}
    return {"icon_path": "assets/icon.svg", **known, "server": {"executables": executables}}
