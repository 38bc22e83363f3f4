"""The tables of policy.toml as values."""

import difflib
from collections.abc import Collection, Mapping
from datetime import date
from functools import cached_property
from types import MappingProxyType
from typing import Annotated, Literal, TypeVar

from pydantic import AfterValidator, BaseModel, BeforeValidator, ConfigDict, Field, PlainSerializer, ValidationInfo

Text = Annotated[str, Field(min_length=1)]
Title = Annotated[str, Field(min_length=1, max_length=40)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
Handle = Annotated[str, Field(pattern=r"^[A-Z][1-9][0-9]?$")]
Phrase = Annotated[str, Field(min_length=4)]
Days = Annotated[float, Field(gt=0, le=3650, allow_inf_nan=False)]
# A word that the loader tells a table; the file does not write it.
TOLD = "told"
Told = Annotated[str, TOLD]
# TOML has arrays, not tuples, and no other kind of sequence can get in here: hence not strict.
Names = Annotated[tuple[str, ...], Field(strict=False, min_length=1)]
Severity = Literal["low", "medium", "high", "critical"]
K = TypeVar("K", bound=str)
V = TypeVar("V")
Frozen = Annotated[Mapping[K, V], AfterValidator(MappingProxyType), PlainSerializer(dict)]


def _told(tables: object, key: str, **given: object) -> object:
    """Tell each table its own name, under `key`, and what else it has to know; the file may not write these words."""
    if not isinstance(tables, dict):
        return tables
    for name, table in tables.items():
        if isinstance(table, dict) and (written := table.keys() & {key, *given}):
            raise ValueError(f"{name}.{min(written)}: unknown key")
    return {n: {**table, key: n, **given} if isinstance(table, dict) else table for n, table in tables.items()}


def _named(tables: object) -> object:
    return _told(tables, "name")


def _with_handle(tables: object) -> object:
    return _told(tables, "handle")


def _with_version(tables: object, info: ValidationInfo) -> object:
    return _told(tables, "version", roles=tuple(info.data.get("roles", ())))


Named = Annotated[Frozen[Name, V], BeforeValidator(_named)]


class PolicyError(Exception):
    """The policy is wrong, or was asked for something it does not have; the text says what and where, a line each."""


class Table(BaseModel):
    """A table of the file: nothing unknown in it, nothing converted, nothing changed later."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


class Role(Table):
    """Who judges; `days` are working days for one review."""

    name: Told
    title: Title
    days: Days
    confidential: bool = False
    enabled: bool = True


class Item(Table):
    """One requirement; `role` is who judges it, with `role_if_enabled` already taken into account."""

    handle: Told
    role: str
    role_if_enabled: str | None = None
    title: Title
    text: Text
    guide: Text
    source: Annotated[str, Field(pattern=r"^https://\S+$")]
    na: bool
    recognise: Annotated[tuple[Phrase, ...], Field(strict=False, min_length=1, max_length=4)]


class Track(Table):
    """What can be submitted: the handles of its items and the names of its steps, in order."""

    name: Told
    title: Title
    items: Names
    comes_to: Literal["listed", "listed as Beta", "published"]
    steps: Names
    kinds: Annotated[tuple[Name, ...], Field(strict=False)] = ()


class Step(Table):
    """A stretch of a ticket's way, and whose it is.

    `do` is what somebody has to do and to report, "" where it follows from what else is recorded; `link` whether it is reported with
    a link; `each` whether it is done for every maintainer; `at` whether it has to be done again for another commit. `command` is the
    word by which the bot does it itself, where there is something to cut.
    """

    name: Told
    title: Title
    by: Literal["owner", "reviewers", "release", "submitter"]
    do: Annotated[str, Field(max_length=100)] = ""
    link: bool = False
    each: bool = False
    at: Literal["ticket", "commit"] = "ticket"
    command: Literal["", "cutplugin", "list"] = ""


class Gate(Table):
    """Verdicts beside the review's own: the roles that have to give one."""

    name: Told
    roles: Names


class Periods(Table):
    """Time limits: `owner` and `urgent` in working days, `submitter` in calendar days; `holidays` do not work."""

    owner: Days
    submitter: Days
    urgent: Days
    holidays: Annotated[tuple[date, ...], Field(strict=False)]


class Hours(Table):
    """From when to when, in somebody's own zone, a clock may speak to them; from 0 to 24 at any time of any day."""

    begin: Annotated[int, Field(ge=0, le=23)]
    end: Annotated[int, Field(ge=1, le=24)]

    @property
    def always(self) -> bool:
        """Whether no time is too early, too late or off."""
        return (self.begin, self.end) == (0, 24)


class Takedown(Table):
    """The clock of a case, in calendar days, `triage` in working days; `reports` of one person may wait for an answer.

    `clock` are the severities that have one, `team` is the role that decides.
    """

    days: Days
    left: Annotated[tuple[Days, ...], Field(strict=False)]
    again: Days
    grace: Days
    triage: Days
    reports: Annotated[int, Field(gt=0)]
    clock: Annotated[tuple[Severity, ...], Field(strict=False, min_length=1)]
    team: Name


class Reminders(Table):
    """`ladder`: working days from one rung to the next; `submitter`: calendar days after which a silent one is reminded."""

    ladder: Days
    submitter: Annotated[tuple[Days, ...], Field(strict=False)]


class Notices(Table):
    """How the bot talks: minutes in which findings become one message, finished reviews before "usually" is said."""

    batch_minutes: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    usual_from: Annotated[int, Field(gt=0)]


class Requirements(Table):
    """One version of the requirements; `roles` are the names of all roles of the policy, in its order."""

    version: Told
    roles: Annotated[tuple[str, ...], TOLD]
    items: Annotated[Frozen[Handle, Item], BeforeValidator(_with_handle)]
    tracks: Named[Track]

    def track(self, name: str) -> Track:
        """The track of that name; PolicyError if these requirements have none."""
        if name not in self.tracks:
            raise PolicyError(f"requirements {self.version}: there is no track {name}{suggestion(name, self.tracks)}")
        return self.tracks[name]

    def track_items(self, track: str, role: str | None = None) -> tuple[Item, ...]:
        """The items of a track in its order, all or those of one role; PolicyError if there is no such track."""
        return self._items[self.track(track).name].get(role, ())

    def track_roles(self, track: str) -> tuple[str, ...]:
        """The roles that have something to judge in a track, in the policy's order; PolicyError if no such track."""
        return self._judging[self.track(track).name]

    # Asked for at every fact of a ticket: worked out once, and only after `load` has given the items their final roles.

    @cached_property
    def _items(self) -> Mapping[str, Mapping[str | None, tuple[Item, ...]]]:
        of = {track.name: tuple(self.items[handle] for handle in track.items) for track in self.tracks.values()}
        return {
            name: {None: items, **{x.role: tuple(y for y in items if y.role == x.role) for x in items}}
            for name, items in of.items()
        }

    @cached_property
    def _judging(self) -> Mapping[str, tuple[str, ...]]:
        return {name: tuple(role for role in self.roles if role in items) for name, items in self._items.items()}


class Policy(Table):
    """The whole file; `current` is the version of the requirements that new tickets get."""

    current: str
    roles: Named[Role]
    requirements: Annotated[Frozen[Text, Requirements], BeforeValidator(_with_version)]
    steps: Named[Step]
    gates: Named[Gate]
    days: Periods
    hours: Hours
    takedown: Takedown
    remind: Reminders
    notices: Notices

    def of(self, version: str) -> Requirements:
        """The requirements of that version; PolicyError if the policy has none."""
        if version not in self.requirements:
            raise PolicyError(f"there are no requirements {version}{suggestion(version, self.requirements)}")
        return self.requirements[version]


def suggestion(word: str, known: Collection[str]) -> str:
    """What was probably meant, or else all there is."""
    by_lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1)
    return f"; did you mean {by_lower[near[0]]}?" if near else f"; there is {', '.join(known) or 'none'}"
