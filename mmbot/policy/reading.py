"""A policy file is read and checked: each mistake in it is said with its place."""

import tomllib
from collections.abc import Iterator, Mapping
from importlib import resources
from importlib.resources.abc import Traversable
from pathlib import Path
from types import MappingProxyType

from pydantic import ValidationError

from mmbot.policy.checks import cross_checked, final_role
from mmbot.policy.tables import (
    TOLD,
    Gate,
    Hours,
    Item,
    Notices,
    Periods,
    Policy,
    PolicyError,
    Reminders,
    Requirements,
    Role,
    Step,
    Table,
    Takedown,
    Track,
    suggestion,
)


def load(path: Path | None = None) -> Policy:
    """Read and check a policy file, by default the one that comes with mmbot.

    Raises PolicyError, each line of which names the file, the place in it and what is wrong there.
    """
    file: Traversable = path or resources.files("mmbot").joinpath("policy.toml")
    try:
        policy = Policy.model_validate(_read(file))
    except ValidationError as error:
        mistakes = list(_explained(error))
    else:
        mistakes = list(cross_checked(policy))
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


_TABLES: Mapping[str, type[Table]] = {
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
    return [key for key, field in table.model_fields.items() if TOLD not in field.metadata]


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
            hint = suggestion(last, _keys_at(above))
            meant.add((*above, hint.removeprefix("; did you mean ").removesuffix("?")))
            yield f"{'.'.join(place)}: unknown key{hint}"
        elif one["type"] == "value_error":
            yield f"{'.'.join(place)}.{one['ctx']['error']}"
        elif one["type"] != "missing" or place not in meant:
            what = _PLAIN_WORDS.get(one["type"], one["msg"].removeprefix("Input ").removeprefix("String "))
            yield f"{'.'.join(place)}: {what}"


def _with_final_roles(policy: Policy) -> Policy:
    """The policy with each item given to the role that judges it here."""

    def final(requirements: Requirements) -> Requirements:
        items = {
            handle: item.model_copy(update={"role": final_role(item, policy.roles)})
            for handle, item in requirements.items.items()
        }
        return requirements.model_copy(update={"items": MappingProxyType(items)})

    versions = {version: final(requirements) for version, requirements in policy.requirements.items()}
    return policy.model_copy(update={"requirements": MappingProxyType(versions)})
