"""What the Marketplace demands, as data: the types of policy.toml and its loader."""

import difflib
import tomllib
from collections.abc import Collection, Iterator, Mapping
from datetime import date
from functools import cached_property
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal, TypeVar

from pydantic import (
    AfterValidator,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    PlainSerializer,
    ValidationError,
    ValidationInfo,
)

Text = Annotated[str, Field(min_length=1)]
Title = Annotated[str, Field(min_length=1, max_length=40)]
Name = Annotated[str, Field(pattern=r"^[a-z][a-z0-9-]*$")]
Handle = Annotated[str, Field(pattern=r"^[A-Z][1-9][0-9]?$")]
Phrase = Annotated[str, Field(min_length=4)]
Days = Annotated[float, Field(gt=0, le=3650, allow_inf_nan=False)]
# A word that the loader tells a table; the file does not write it.
_TOLD = "told"
Told = Annotated[str, _TOLD]
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


class _Table(BaseModel):
    """A table of the file: nothing unknown in it, nothing converted, nothing changed later."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True, hide_input_in_errors=True)


class Role(_Table):
    """Who judges; `days` are working days for one review."""

    name: Told
    title: Title
    days: Days
    confidential: bool = False
    enabled: bool = True


class Item(_Table):
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


class Track(_Table):
    """What can be submitted: the handles of its items and the names of its steps, in order."""

    name: Told
    title: Title
    items: Names
    comes_to: Literal["listed", "listed as Beta", "published"]
    steps: Names
    kinds: Annotated[tuple[Name, ...], Field(strict=False)] = ()


class Step(_Table):
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


class Gate(_Table):
    """Verdicts beside the review's own: the roles that have to give one."""

    name: Told
    roles: Names


class Periods(_Table):
    """Time limits: `owner` and `urgent` in working days, `submitter` in calendar days; `holidays` do not work."""

    owner: Days
    submitter: Days
    urgent: Days
    holidays: Annotated[tuple[date, ...], Field(strict=False)]


class Hours(_Table):
    """From when to when, in somebody's own zone, a clock may speak to them; from 0 to 24 at any time of any day."""

    begin: Annotated[int, Field(ge=0, le=23)]
    end: Annotated[int, Field(ge=1, le=24)]

    @property
    def always(self) -> bool:
        """Whether no time is too early, too late or off."""
        return (self.begin, self.end) == (0, 24)


class Takedown(_Table):
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


class Reminders(_Table):
    """`ladder`: working days from one rung to the next; `submitter`: calendar days after which a silent one is reminded."""

    ladder: Days
    submitter: Annotated[tuple[Days, ...], Field(strict=False)]


class Notices(_Table):
    """How the bot talks: minutes in which findings become one message, finished reviews before "usually" is said."""

    batch_minutes: Annotated[float, Field(ge=0, allow_inf_nan=False)]
    usual_from: Annotated[int, Field(gt=0)]


class Requirements(_Table):
    """One version of the requirements; `roles` are the names of all roles of the policy, in its order."""

    version: Told
    roles: Annotated[tuple[str, ...], _TOLD]
    items: Annotated[Frozen[Handle, Item], BeforeValidator(_with_handle)]
    tracks: Named[Track]

    def track(self, name: str) -> Track:
        """The track of that name; PolicyError if these requirements have none."""
        if name not in self.tracks:
            raise PolicyError(f"requirements {self.version}: there is no track {name}{_hint(name, self.tracks)}")
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


class Policy(_Table):
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
            raise PolicyError(f"there are no requirements {version}{_hint(version, self.requirements)}")
        return self.requirements[version]


def load(path: Path | None = None) -> Policy:
    """Read and check a policy file, by default the one that comes with mmbot.

    Raises PolicyError, each line of which names the file, the place in it and what is wrong there.
    """
    file: Traversable = path or resources.files(__package__).joinpath("policy.toml")
    try:
        policy = Policy.model_validate(_read(file))
    except ValidationError as error:
        mistakes = list(_explained(error))
    else:
        mistakes = list(_cross_checked(policy))
        policy = policy if mistakes else _with_final_roles(policy)
    if mistakes:
        raise PolicyError("\n".join(f"{file.name}: {mistake}" for mistake in mistakes))
    return policy


def _read(file: Traversable) -> dict[str, object]:
    try:
        text = file.read_text(encoding="utf-8")
    except OSError as error:
        raise PolicyError(f"{file.name}: cannot be read: {error.strerror}") from error
    except UnicodeDecodeError as error:
        raise PolicyError(f"{file.name}: byte {error.start} is not UTF-8") from error
    try:
        return tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        what, where = str(error).removesuffix(")").rsplit(" (at ", 1)
        if not where.startswith("line"):  # tomllib gives no numbers for the end of the document
            where = f"line {text.count(chr(10)) + 1}, column {len(text) - text.rfind(chr(10))}"
        raise PolicyError(f"{file.name}: {where}: {what}") from error


def _hint(word: str, known: Collection[str]) -> str:
    """What was probably meant, or else all there is."""
    by_lower = {name.lower(): name for name in known}
    near = difflib.get_close_matches(word.lower(), by_lower, n=1)
    return f"; did you mean {by_lower[near[0]]}?" if near else f"; there is {', '.join(known) or 'none'}"


_TABLES: Mapping[str, type[_Table]] = {
    "roles": Role,
    "requirements": Requirements,
    "items": Item,
    "tracks": Track,
    "steps": Step,
    "gates": Gate,
    "days": Periods,
    "hours": Hours,
    "takedown": Takedown,
    "remind": Reminders,
    "notices": Notices,
}


def _keys_at(place: list[str]) -> list[str]:
    """The keys that may be written in the table at a place of the file."""
    # Tables come in twos, kind and name (requirements, 2020-09-28, items, P1), but for those that hold times.
    table = _TABLES[place[-1 if len(place) % 2 else -2]] if place else Policy
    return [key for key, field in table.model_fields.items() if _TOLD not in field.metadata]


_PLAIN_WORDS = {
    "missing": "missing",
    "string_type": "should be a string, in quotes",
    "int_type": "should be a whole number",
    "float_type": "should be a number",
    "bool_type": "should be true or false",
    "tuple_type": "should be a list",
    "date_type": "should be a date such as 2026-12-25, without quotes",
    "mapping_type": "should be a table",
    "dict_type": "should be a table",
    "model_type": "should be a table",
}


def _explained(error: ValidationError) -> Iterator[str]:
    """The mistakes in the shape of the file: the place of each, and what is wrong there."""
    found = error.errors(include_url=False, include_input=False)
    # A mistyped key is one mistake, not two: the key that is missing because of it is not mentioned again.
    meant: set[tuple[str, ...]] = set()
    for one in sorted(found, key=lambda one: one["type"] != "extra_forbidden"):
        *above, last = place = tuple(str(part) for part in one["loc"] if part != "[key]")
        if one["type"] == "extra_forbidden":
            hint = _hint(last, _keys_at(above))
            meant.add((*above, hint.removeprefix("; did you mean ").removesuffix("?")))
            yield f"{'.'.join(place)}: unknown key{hint}"
        elif one["type"] == "value_error":
            yield f"{'.'.join(place)}.{one['ctx']['error']}"
        elif one["type"] != "missing" or place not in meant:
            what = _PLAIN_WORDS.get(one["type"], one["msg"].removeprefix("Input ").removeprefix("String "))
            yield f"{'.'.join(place)}: {what}"


def _cross_checked(policy: Policy) -> Iterator[str]:
    """The mistakes that show only between one table and another."""
    for gate in policy.gates.values():
        yield from (f"gates.{gate.name}.roles: {what}" for what in _wrong_names("role", gate.roles, policy.roles))
    yield from _wrong_times(policy)
    if policy.current not in policy.requirements:
        yield f"current: there are no requirements {policy.current}{_hint(policy.current, policy.requirements)}"
    for version, requirements in policy.requirements.items():
        place = f"requirements.{version}"
        for item in requirements.items.values():
            yield from (f"{place}.items.{item.handle}.{what}" for what in _wrong_role(item, policy.roles))
        if "S1" in requirements.items and requirements.items["S1"].na:
            yield f"{place}.items.S1.na: whether a plugin can be exploited is always applicable"
        yield from (f"{place}.items.{what}" for what in _ambiguous(requirements.items.values()))
        for track in requirements.tracks.values():
            at = f"{place}.tracks.{track.name}"
            yield from (f"{at}.items: {what}" for what in _wrong_names("item", track.items, requirements.items))
            yield from (f"{at}.steps: {what}" for what in _wrong_names("step", track.steps, policy.steps))
            if "review-gate" not in track.steps:
                yield f"{at}.steps: review-gate is missing: without it nothing would be judged"
            if "listing-gate" in track.steps and "listing" not in policy.gates:
                yield f"{at}.steps: listing-gate needs the roles of [gates.listing]"


def _wrong_times(policy: Policy) -> Iterator[str]:
    yield from (f"takedown.team: {what}" for what in _wrong_names("role", [policy.takedown.team], policy.roles))
    if policy.hours.begin >= policy.hours.end:
        yield "hours.end: should come after hours.begin"
    if list(policy.takedown.left) != sorted({*policy.takedown.left}, reverse=True):
        yield "takedown.left: should go down, each number once"
    if list(policy.remind.submitter) != sorted({*policy.remind.submitter}):
        yield "remind.submitter: should go up, each number once"


def _wrong_role(item: Item, roles: Mapping[str, Role]) -> Iterator[str]:
    for key, role in (("role", item.role), ("role_if_enabled", item.role_if_enabled)):
        if role is not None and role not in roles:
            yield f"{key}: there is no role {role}{_hint(role, roles)}"
    role = _final_role(item, roles)
    if role in roles and not roles[role].enabled:
        yield f"role: {role} is not enabled, so nobody could judge this item"


def _wrong_names(noun: str, names: Collection[str], known: Collection[str]) -> Iterator[str]:
    for name in dict.fromkeys(names):
        if name not in known:
            yield f"there is no {noun} {name}{_hint(name, known)}"
        if list(names).count(name) > 1:
            yield f"{name} stands here more than once"


def _ambiguous(items: Collection[Item]) -> Iterator[str]:
    """Phrases that would recognise two items in one line, or none ever."""
    phrases = [(item.handle, phrase) for item in items for phrase in item.recognise]
    for handle, phrase in phrases:
        if phrase != " ".join(phrase.lower().split()):
            yield f"{handle}.recognise: {phrase!r} should be in lower case, with single spaces"
        for other, longer in phrases:
            if other != handle and phrase in longer:
                yield f"{handle}.recognise: {phrase!r} is also found in {longer!r} of {other}"


def _final_role(item: Item, roles: Mapping[str, Role]) -> str:
    other = roles.get(item.role_if_enabled or "")
    return other.name if other and other.enabled else item.role


def _with_final_roles(policy: Policy) -> Policy:
    """The policy with each item given to the role that judges it here."""

    def final(requirements: Requirements) -> Requirements:
        items = {
            handle: item.model_copy(update={"role": _final_role(item, policy.roles)})
            for handle, item in requirements.items.items()
        }
        return requirements.model_copy(update={"items": MappingProxyType(items)})

    versions = {version: final(requirements) for version, requirements in policy.requirements.items()}
    return policy.model_copy(update={"requirements": MappingProxyType(versions)})
