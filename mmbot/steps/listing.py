"""The steps that change the listing: an entry made from what was cut, and what a takedown takes out."""

import asyncio
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

from mmbot.domain import entry
from mmbot.domain import listing as listings
from mmbot.domain import listing_moves as moves
from mmbot.domain.artifacts import Artifact
from mmbot.domain.entry import BadEntry, Contents, Marks, Uploaded
from mmbot.domain.listing import BadListing, Database, Entry
from mmbot.domain.listing_checks import CutFacts, problems
from mmbot.domain.listing_difference import changes, difference
from mmbot.domain.references import Reference
from mmbot.events import EntryMade, RemovalMade
from mmbot.github import proposals, tags
from mmbot.github.api import GitHubUnavailable, RefusedByGitHub
from mmbot.github.proposals import Moved
from mmbot.github.resolve import Unreachable, Unresolved, resolve
from mmbot.messages import NotNow
from mmbot.outbox import Step
from mmbot.release import signing
from mmbot.release.archive import BundleLimits
from mmbot.release.entry import BadArtifacts, contents_of
from mmbot.release.listing_file import BadFile, Changed, read, write_atomically
from mmbot.release.signing import BadKey, BadSignature
from mmbot.release.storage import BadStorage, Differs, Missing, StorageUnavailable
from mmbot.steps.workshop import NO_ROOM, TRIES, Workshop
from mmbot.words import cut_steps as words
from mmbot.words import listing as sentences

PATIENCE = 60
"""Minutes for which something remote is tried again."""
SOON = 3
"""Likewise, for a takedown: nobody is told of it before it is prepared, or can't be."""
SHOWN = 9_000
"""Characters of a patch that fit into a post; a longer one is kept in a file."""
ANEW = 5
"""How often a change is made anew that others overtook, and how many pull requests that people closed are passed by."""
FOR_GOOD = (
    BadArtifacts, BadEntry, BadFile, BadKey, BadListing, BadSignature, BadStorage, Differs, Missing, RefusedByGitHub, Unresolved,
)  # fmt: skip
FOR_NOW = (GitHubUnavailable, StorageUnavailable, Unreachable, Changed, Moved)
Written = Literal["file", "pull-request", "patch", "there"]


@dataclass(frozen=True)
class Outcome:
    """What became of a change."""

    written: Written
    link: str = ""
    patch: str = ""
    summary: tuple[str, ...] = ()


def listing(shop: Workshop) -> Mapping[str, Step]:
    """The table of the steps."""

    async def list_(arguments: Mapping[str, object], tries: int) -> EntryMade:
        given: dict[str, Any] = dict(arguments)
        about = {x: given[x] for x in ("cut", "by", "flags", "dry_run")}
        try:
            return await _list(shop, given, about)
        except (*FOR_NOW, *FOR_GOOD, OSError) as no:
            return EntryMade(**about, why=_why(shop, given, tries, no, PATIENCE))

    async def unlist(arguments: Mapping[str, object], tries: int) -> RemovalMade:
        given: dict[str, Any] = dict(arguments)
        about = {x: given[x] for x in ("case", "pulls")}
        try:
            return await _unlist(shop, given, about)
        except (*FOR_NOW, *FOR_GOOD, OSError) as no:
            return RemovalMade(**about, why=_why(shop, given, tries, no, SOON))

    return {"list": list_, "unlist": unlist}


def _why(shop: Workshop, given: Mapping[str, Any], tries: int, no: Exception, minutes: int) -> str:
    """Why it does not go, as a sentence. Raises NotNow where it may yet, for some minutes, and any other fault as it is."""
    if isinstance(no, FOR_NOW):
        if tries < TRIES or shop.now() - int(given["begun"]) < minutes * 60_000:
            raise NotNow(str(no) or "the listing was changed meanwhile", getattr(no, "seconds", 0) or None) from no
        return words.unreachable(str(no), minutes)
    if isinstance(no, OSError):
        if no.errno not in NO_ROOM:
            raise no
        return words.no_room(str(shop.folder.parent))
    return str(no)


async def _list(shop: Workshop, given: Mapping[str, Any], about: Mapping[str, Any]) -> EntryMade:
    artifacts = [Artifact.model_validate(x) for x in given["artifacts"]]
    repository, tag = given["repository"].rstrip("/").rsplit("/", 1)[-1], given["tag"]
    shop.scratch.mkdir(exist_ok=True, mode=0o700)
    with TemporaryDirectory(prefix="list-", dir=shop.scratch) as folder:
        contents, uploaded = await _cut_artifacts(shop, artifacts, Path(folder))
        at = await _tagged(shop, given, Path(folder))
    old = await _current(shop)
    db = await asyncio.to_thread(_opened, old)
    marks = Marks(entry.AUTHORS[given["author"]], given["stage"], given["hosting"], given["enterprise"])
    shape = listings.shape_of(db)
    new = entry.made(
        contents, marks, repository=repository, tag=tag, store=shop.config.storage.public_url, bundles=uploaded,
        updated_at=given["begun"], shape=shape,
    )  # fmt: skip
    there = db.releases(new.plugin_id, new.version)
    ours = bool(shop.config.listing.file) and not shop.proposes and any(x == new for x in there)
    if not ours and any(moves.same(x, new) for x in there):
        return EntryMade(**about, written="there")
    without = (
        listings.removed(db, new.plugin_id, new.version)
        if ours
        else moves.with_room(db, new)
        if given["replace"]
        else db
    )
    names = frozenset(name for x in uploaded for name in (x.name, f"{x.name}.sig"))
    compared = CutFacts(
        repository,
        tag,
        entry.manifest_of(contents.manifest, shape),
        names,
        contents.icon,
        commit=at,
        approved=(given["commit"],),
    )
    found = problems(without, new, compared, shown=db)
    stands = sentences.against(found, given["answered"])
    after = listings.added(without, new)
    if ours:  # written before the bot was killed; nobody else's has that time in it
        return EntryMade(
            **about, warns=stands["warns"], written="file", summary=sentences.lines(changes(without, after))
        )
    if stands["blocks"] or stands["asks"] or given["dry_run"]:
        return EntryMade(**about, **stands, summary=sentences.lines(changes(db, after)))

    def changed(now: Database) -> Database:
        kept = moves.with_room(now, new) if given["replace"] else now
        if any(x.kind == "block" for x in problems(kept, new, compared)):
            raise Moved
        return listings.added(kept, new)

    title, body = sentences.proposed(new.plugin_id, new.version, f"{repository} {tag}", given["commit"])
    branch = f"mmbot/{repository}-{tag}-{given['cut']}-{_digest(new)}"
    made = await _change(shop, changed, branch, title, body)
    return EntryMade(**about, **stands, **vars(made))


async def _unlist(shop: Workshop, given: Mapping[str, Any], about: Mapping[str, Any]) -> RemovalMade:
    left: list[str] = []

    def change(db: Database) -> Database:
        after = moves.taken_down(db, *what)
        left[:] = moves.versions(after, given["plugin_id"])
        return after

    what = (given["plugin_id"], given["removal"], given["version"])
    verb = "restrict" if given["removal"] == "restriction" else "remove"
    branch = "-".join(x for x in (f"mmbot/{verb}", given["plugin_id"], given["version"]) if x)
    made = await _change(shop, change, branch, *sentences.proposed_removal(*what))
    return RemovalMade(**about, left=tuple(left), **vars(made))


async def _cut_artifacts(
    shop: Workshop, artifacts: Sequence[Artifact], folder: Path
) -> tuple[Contents, list[Uploaded]]:
    """What of the uploaded bundle goes into an entry, and all that lies there; it is what was cut, and its signature verifies."""
    storage, whole = shop.storage, artifacts[0]
    bundle = folder / whole.name
    await storage.fetch(whole.name, bundle, whole.sha256, BundleLimits().packed)
    uploaded = []
    for artifact in artifacts:
        if artifact is not whole:
            await storage.check(artifact.name, artifact.sha256, artifact.size)
        signature = folder / artifact.signature
        await storage.fetch(artifact.signature, signature, artifact.signed, 2**20)
        uploaded.append(Uploaded(artifact.name, signature.read_bytes()))
    await signing.verify([bundle], shop.key.public_key, shop.key.fingerprint, folder)
    return await asyncio.to_thread(contents_of, bundle), uploaded


async def _tagged(shop: Workshop, given: Mapping[str, Any], folder: Path) -> str:
    """The commit that the tag stands on now."""
    if shop.hub:
        return await tags.tag(shop.hub, "/".join(given["repository"].rstrip("/").rsplit("/", 2)[-2:]), given["tag"])
    return (await resolve(Reference(given["repository"], "tag", given["tag"]), shop.limits, folder)).commit


def _digest(new: Entry) -> str:
    """A name for what an entry says, whenever it was made: a pull request with another one is another pull request."""
    return hashlib.sha256(json.dumps({**new.fields, "updated_at": ""}, sort_keys=True).encode()).hexdigest()[:8]


# A change of the file, wherever it is


def _opened(data: bytes) -> Database:
    try:
        return listings.read(data)
    except BadListing as error:
        raise BadListing(words.no_database(str(error))) from None


async def _current(shop: Workshop) -> bytes:
    """The listing's file as it is now."""
    settings = shop.config.listing
    if shop.proposes and shop.hub:
        return (await proposals.read_file(shop.hub, settings.repository, settings.branch, settings.path))[0]
    place = settings.file or shop.config.sources.catalogue
    if place is None:
        raise BadListing("Neither `listing.file` nor `listing.repository` is configured. An operator adds one.")
    return (await asyncio.to_thread(read, place))[0]


async def _change(
    shop: Workshop, change: Callable[[Database], Database], branch: str, title: str, body: str
) -> Outcome:
    """Make a change of the file as the configuration says."""
    settings, hub = shop.config.listing, shop.hub
    if shop.proposes and hub:
        old, blob = await proposals.read_file(hub, settings.repository, settings.branch, settings.path)
    elif settings.file:
        old, sha = await asyncio.to_thread(read, settings.file)
    else:
        old = await _current(shop)
    before = await asyncio.to_thread(_opened, old)
    after = change(before)
    new = listings.write(after)
    summary = sentences.lines(changes(before, after))
    if new == old:
        return Outcome("there")
    if shop.proposes and hub:
        for turn in range(1, ANEW + 1):
            named = branch if turn == 1 else f"{branch}-{turn}"
            given = (
                settings.repository,
                settings.branch,
                named,
                settings.path,
                blob,
                new,
                title,
                body,
                settings.labels,
            )
            proposal = await proposals.propose(hub, *given)
            if (
                proposal.state == "open"
            ):  # one of before was about an earlier listing of the same, or people did not take it
                return Outcome("pull-request", link=proposal.url, summary=summary)
        raise BadListing(words.not_taken(proposal.url, ANEW))
    if settings.file:
        await asyncio.to_thread(write_atomically, settings.file, sha, new)
        return Outcome("file", summary=summary)
    patch = difference(old, new, settings.path).decode("utf-8", "replace")
    return Outcome(
        "patch",
        patch=patch if len(patch) <= SHOWN else await asyncio.to_thread(_kept, shop, branch, patch),
        summary=summary,
    )


def _kept(shop: Workshop, branch: str, patch: str) -> str:
    """A patch that is too long for a post, in a file on this machine; returns its path."""
    place = shop.folder.parent / "patches" / f"{branch.rpartition('/')[2]}.patch"
    place.parent.mkdir(exist_ok=True, mode=0o700)
    part = place.with_name(f".{place.name}.part")
    part.write_text(patch, "utf-8")
    part.replace(place)
    return str(place)
