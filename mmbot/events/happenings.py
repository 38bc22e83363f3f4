"""The Event envelope, and everything that happens besides commands (past tense)."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel, ConfigDict

from mmbot.domain.cut_facts import StepWent
from mmbot.events.command import Command


class Misread(BaseModel):
    """A line that is no command: what was typed, and what is wrong with it, as a sentence."""

    model_config = ConfigDict(frozen=True)

    text: str
    why: str


class Incomplete(BaseModel):
    """The beginning of a command: `line` can be read again, `missing` names the fields that a dialog asks for."""

    model_config = ConfigDict(frozen=True)

    word: str
    line: str
    missing: tuple[str, ...]
    ticket: int | None = None
    given: tuple[str, ...] = ()


class Late(BaseModel):
    """A request that was written while the bot was away, and read too late to act on: its text and what it would have been.

    `until` is the moment (milliseconds UTC) before which everything is too late.
    """

    model_config = ConfigDict(frozen=True)

    text: str
    what: Command | Misread | Incomplete
    until: int


class GivenUp(BaseModel):
    """A row of the outbox was given up."""

    model_config = ConfigDict(frozen=True)

    row: int
    why: str


class ReferenceResolved(BaseModel):
    """A reference was looked up: what it was resolved to, or why not."""

    model_config = ConfigDict(frozen=True)

    ticket: int
    text: str
    repository: str
    asked_at: int = 0
    """When it was asked for: an answer to a question that was asked again meanwhile is dropped."""
    moved_to: str = ""
    """The repository's present address, where it was renamed."""
    ref_kind: str = ""
    ref_name: str = ""
    commit: str = ""
    tree: str = ""
    manifest: Mapping[str, object] | None = None
    manifest_problem: str = ""
    evidence: Mapping[str, str] = {}
    reachable: bool = True
    why: str = ""
    purpose: str = ""
    """What it was looked up for: "" to be reviewed, "merged" to be compared with what was approved."""
    since: str = ""
    """The commit that it was to be compared with; nothing more is known where they could not be."""
    since_version: str = ""
    files: tuple[str, ...] = ()
    more: int = 0
    version_only: bool = False
    diff: str = ""


class CutStepped(BaseModel):
    """A step of a cut came to an end: what it found, or why it failed, as a sentence.

    `run` is which beginning of the cut it belongs to. `gone`: what was made before is not there any more.
    """

    model_config = ConfigDict(frozen=True)

    cut: int
    run: int
    went: StepWent
    why: str = ""
    gone: bool = False


class EntryMade(BaseModel):
    """The entry of a cut was made for the listing, or could not be: what speaks against it, as sentences, and what became of it.

    `by` asked for it, and `asks` are questions to them. `patch` is the change where nothing was written, or where it is
    kept if it is too long to be shown; `summary` what changes, as lines. `flags` is how it was asked for; `refused` says that `why` was
    found before anything was done, so that doing it again is of no use.
    """

    model_config = ConfigDict(frozen=True)

    cut: int
    by: str = ""
    flags: str = ""
    why: str = ""
    refused: bool = False
    blocks: tuple[str, ...] = ()
    asks: tuple[str, ...] = ()
    warns: tuple[str, ...] = ()
    dry_run: bool = False
    written: Literal["", "file", "pull-request", "patch", "there"] = ""
    link: str = ""
    patch: str = ""
    summary: tuple[str, ...] = ()


class RemovalMade(BaseModel):
    """What was taken down was taken out of the listing's file, or could not be; `left` are the plugin's versions there now.

    `pulls` are pull requests that would bring it back.
    """

    model_config = ConfigDict(frozen=True)

    case: str
    why: str = ""
    written: Literal["", "file", "pull-request", "patch", "there"] = ""
    link: str = ""
    patch: str = ""
    summary: tuple[str, ...] = ()
    left: tuple[str, ...] = ()
    pulls: tuple[str, ...] = ()


class PeopleNamed(BaseModel):
    """The configuration's names were looked up: for each role the persons who hold it."""

    model_config = ConfigDict(frozen=True)

    roles: Mapping[str, tuple[tuple[str, str], ...]]
    """Role to pairs of configured name and user id."""
    unknown: tuple[str, ...] = ()


class Pushed(BaseModel):
    """Commits came to a repository. `files` are the paths they change, `more` how many further ones."""

    model_config = ConfigDict(frozen=True)

    repository: str
    ref_kind: Literal["branch", "tag"]
    ref_name: str
    commit: str
    files: tuple[str, ...] = ()
    more: int = 0


class BackupMade(BaseModel):
    """The nightly backup was made and verified; the name of its file."""

    model_config = ConfigDict(frozen=True)

    name: str


class BackupMissed(BaseModel):
    """The nightly backup could not be made; why, as a sentence."""

    model_config = ConfigDict(frozen=True)

    why: str


class Due(BaseModel):
    """A subject has to be looked at: it fell due at `at` (milliseconds UTC), which may be long ago."""

    model_config = ConfigDict(frozen=True)

    subject: str
    at: int


Happening = (
    Due
    | ReferenceResolved
    | CutStepped
    | EntryMade
    | RemovalMade
    | PeopleNamed
    | Pushed
    | GivenUp
    | BackupMade
    | BackupMissed
)


@dataclass(frozen=True)
class Person:
    """Somebody on the server: user id, user name, and IANA time zone ("" when unknown)."""

    id: str
    name: str
    zone: str = ""
    is_bot: bool = False


@dataclass(frozen=True)
class Where:
    """Where an event came from, and so where its answer goes.

    `via` is the way in, `channel` and `post` name the post itself, `root` the post that starts its thread ("" outside a thread).
    A "mention" may be read by anybody, one in the security team's private channel is "security".
    """

    via: Literal["slash", "click", "dialog", "mention", "security", "dm", "console", "file", "github", "mmbot"]
    channel: str = ""
    root: str = ""
    post: str = ""


@dataclass(frozen=True)
class Event:
    """One thing that happened. `id` makes it count once; `by` is a user id; `at` dates its facts (milliseconds UTC)."""

    id: str
    by: str
    at: int
    where: Where
    what: Command | Misread | Incomplete | Late | Happening
    people: tuple[Person, ...] = ()
