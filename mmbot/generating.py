"""What `mmbot generator` does: artifacts and a plugins.json in, the changed file or a patch out, all said on the terminal."""

import asyncio
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, NoReturn

import click

from mmbot.domain import entry, listing
from mmbot.domain.entry import BadEntry, Marks
from mmbot.domain.listing import BadListing, Database, Entry
from mmbot.domain.listing_checks import CutFacts, Problem, problems
from mmbot.domain.listing_difference import changes, difference
from mmbot.release.entry import BadArtifacts, UnavailableArtifacts, gather
from mmbot.release.listing_file import BadFile, read, write_atomically
from mmbot.words import listing as words

FAILED, ASKED = 1, 3
"""How the program ends when something is wrong, and when a question is not answered."""
_MARKS = {"block": ("red", "✗"), "ask": ("yellow", "?"), "warn": ("cyan", "!")}


@dataclass(frozen=True)
class Place:
    """The database that is changed, and how: not at all (`dry`), as a `patch` written to a file, questions answered (`yes`)."""

    file: Path
    dry: bool
    patch: str
    yes: bool


def add(place: Place, marks: Marks, repository: str, tag: str, *, store: str, source: str) -> None:
    """Add the release cut under a tag; `store` is where everybody finds the bundles, `source` the folder or address they are read from."""
    old, sha, db = _opened(place)
    shape = listing.shape_of(db)
    try:
        with tempfile.TemporaryDirectory(prefix="mmbot-") as work:
            found = asyncio.run(gather(source, repository, tag, Path(work)))
        new = entry.made(
            found.contents,
            marks,
            repository=repository,
            tag=tag,
            store=store,
            bundles=found.bundles,
            updated_at=time.time_ns() // 1_000_000,
            shape=shape,
        )
        manifest = entry.manifest_of(found.contents.manifest, shape)
    except (BadArtifacts, UnavailableArtifacts, BadEntry) as error:
        _fail(str(error))
    about = CutFacts(repository, tag, manifest, found.uploaded, found.contents.icon)
    _examine(problems(db, new, about), yes=place.yes or place.dry)
    _say("warn", "Not compared here, for only the running bot knows them: the approved commit and open takedowns.")
    _change(place, old, sha, listing.added(db, new))


def remove(place: Place, plugin_id: str, version: str) -> None:
    """Take a plugin out, or one version of it."""
    old, sha, db = _opened(place)
    _listed(db, plugin_id, version)
    _change(place, old, sha, listing.removed(db, plugin_id, version))


def restrict(place: Place, plugin_id: str, version: str, *, server: str, on_prem: bool) -> None:
    """Show a plugin, or one version of it, to fewer servers."""
    old, sha, db = _opened(place)
    _listed(db, plugin_id, version)
    try:
        new = listing.restricted(
            db, plugin_id, version, min_server_version=server, hosting="on-prem" if on_prem else ""
        )
    except BadListing as error:
        _fail(f"Nothing was changed: {error}.")
    _change(place, old, sha, new)


def _opened(place: Place) -> tuple[bytes, str, Database]:
    try:
        data, sha = read(place.file)
        db = listing.read(data)
    except BadFile as error:
        _fail(str(error))
    except BadListing as error:
        _fail(f"{place.file} is not the Marketplace's database: {error}. Name its plugins.json.")
    if said := words.by_hand(listing.by_hand(db)):
        _say("warn", said)
    return data, sha, db


def _listed(db: Database, plugin_id: str, version: str) -> Sequence[Entry]:
    found, same = db.releases(plugin_id, version), db.newest.get(plugin_id.lower())
    if same is None:
        _fail(f"{plugin_id} is not listed.")
    if same.plugin_id != plugin_id:
        _fail(f"{plugin_id} is not listed; did you mean {same.plugin_id}?")
    if not found:
        versions = ", ".join(x.version for x in db.releases(plugin_id))
        _fail(f"{plugin_id} {version} is not listed. Listed are {versions}.")
    return found


def _examine(found: Sequence[Problem], *, yes: bool) -> None:
    for problem in found:
        _say(problem.kind, words.problem(problem))
    if any(x.kind == "block" for x in found):
        _fail("Nothing was changed.")
    if any(x.kind == "ask" for x in found) and not yes:
        if sys.stdin.isatty() and click.confirm("Go on?"):
            return
        click.echo("Nothing was changed. To go on, give --yes.", err=True)
        sys.exit(ASKED)


def _change(place: Place, old: bytes, sha: str, db: Database) -> None:
    new = listing.write(db)
    click.echo(words.summary(changes(listing.read(old), db)), err=place.patch == "-")
    if place.patch:
        patch = difference(old, new, place.file.name)
        try:
            with click.open_file(place.patch, "wb") as file:
                file.write(patch)
        except OSError as error:
            _fail(f"{place.patch} can't be written: {error.strerror}.")
        return
    if place.dry or new == old:
        click.echo(f"{place.file} was not changed.")
        return
    try:
        write_atomically(place.file, sha, new)
    except BadFile as error:
        _fail(str(error))
    click.echo(f"{place.file} is written.")


def _say(kind: Literal["block", "ask", "warn"], text: str) -> None:
    colour, mark = _MARKS[kind]
    click.secho(f"{mark} ", fg=colour, nl=False, err=True)
    click.echo(text, err=True)


def _fail(text: str) -> NoReturn:
    click.echo(text, err=True)
    sys.exit(FAILED)
