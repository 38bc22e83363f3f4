"""The book of people: what is recorded of roles, deputies and absences, who is away at a moment, and who stands in."""

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta, tzinfo
from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from mmbot.domain.facts import Fact

DEFAULT_OWNER = "default-owner"
"""Stands in the book like a role: whoever is given each new ticket."""
GUIDES = frozenset({"owner", "admin", DEFAULT_OWNER})
"""Whoever holds one of these may own tickets."""
LONGEST_ABSENCE = timedelta(days=366)


class RoleGiven(Fact):
    """Somebody holds a role from now on; by the configuration where `by` is ""."""

    kind: Literal["role-given"] = "role-given"
    role: str
    person: str


class RoleTaken(Fact):
    """Somebody holds a role no longer."""

    kind: Literal["role-taken"] = "role-taken"
    role: str
    person: str


class DeputyNamed(Fact):
    """Somebody stands in for a person while that person is away; "" for nobody."""

    kind: Literal["deputy"] = "deputy"
    person: str
    deputy: str


class AwaySaid(Fact):
    """A person is away up to and with a day (`2026-12-01`, "" for: is back), which ends at `until` for them."""

    kind: Literal["away"] = "away"
    person: str
    day: str = ""
    until: int = 0


BookFact = RoleGiven | RoleTaken | DeputyNamed | AwaySaid
_ADAPTER: TypeAdapter[BookFact] = TypeAdapter(Annotated[BookFact, Field(discriminator="kind")])


@dataclass(frozen=True)
class Absence:
    """When somebody is away, and who stands in then. `day` is their last one away, which ends at `until` (milliseconds UTC)."""

    person: str
    day: str = ""
    until: int = 0
    deputy: str = ""

    def at(self, moment: int) -> bool:
        """Whether they are away at a moment."""
        return moment < self.until


def read_fact(text: str) -> BookFact:
    """A fact of the book from its stored JSON text."""
    return _ADAPTER.validate_json(text)


def day_end(day: date, zone: tzinfo) -> int:
    """When a day ends for somebody in a time zone, in milliseconds UTC."""
    return round(datetime.combine(day + timedelta(days=1), time(), zone).timestamp() * 1000)


def fits(held: Collection[str], part: str) -> bool:
    """Whether somebody with these roles can have a part of a ticket: "owner", or the review of a role."""
    return not GUIDES.isdisjoint(held) if part == "owner" else part in held


Absences = Callable[[str], Absence]
Roles = Callable[[str], Collection[str]]


def stand_in(person: str, part: str, absence: Absences, roles: Roles, at: int) -> str:
    """Whoever has a person's part while that person is away: their deputy, if able to and not away too; else the person."""
    mine = absence(person)
    if not mine.at(at) or not mine.deputy or absence(mine.deputy).at(at):
        return person
    return mine.deputy if fits(roles(mine.deputy), part) else person


def present(people: Iterable[str], absence: Absences, at: int) -> list[str]:
    """Those of some people who are not away; all of them where nobody is left."""
    everybody = list(people)
    return [x for x in everybody if not absence(x).at(at)] or everybody


def shared(held: Iterable[str], theirs: Collection[str]) -> bool:
    """Whether somebody with the roles `theirs` could stand in for any part of somebody who holds these."""
    return any(fits(theirs, "owner" if role in GUIDES else role) for role in held)


def lost(before: Iterable[tuple[str, str]], after: Iterable[tuple[str, str]]) -> list[tuple[str, str]]:
    """The parts of tickets, as (part, person), that people could have by their (role, person) before, and cannot after."""
    old, new = _parts(before), _parts(after)
    return sorted(old - new)


def _parts(book: Iterable[tuple[str, str]]) -> set[tuple[str, str]]:
    return {("owner" if role in GUIDES else role, person) for role, person in book}
