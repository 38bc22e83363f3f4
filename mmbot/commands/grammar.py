"""What a command is typed with: its words, the fields of each and their shapes. `usage` says it to people."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field

from pydantic.fields import FieldInfo

from mmbot.events import COMMANDS, Command, Slot
from mmbot.words.choices import FILED_AS, REMOVALS, SEVERITIES
from mmbot.words.phrases import MB, typed

WORDS: Mapping[str, type[Command]] = {word: command for command in COMMANDS for word in command.words}
TICKET = re.compile(r"(?:mb-?|#)(\d{1,9})", re.IGNORECASE)
CASE = re.compile(r"(?:sec|bug)-\d{1,6}", re.IGNORECASE)


@dataclass(frozen=True)
class Context:
    """What the edge knows about a line: who typed it, in which ticket's or case's thread, and the ids of the @names in it."""

    me: str = ""
    ticket: int | None = None
    people: Mapping[str, str] = field(default_factory=dict)
    case: str = ""


class Wrong(Exception):  # noqa: N818 -- a sentence on its way to the person who typed
    """What is wrong with a line, and what helps."""


OF_A_CASE = {"severity": SEVERITIES, "severity-or-bug": FILED_AS, "removal": REMOVALS}
"""By the shape of a field of a case, the words that it takes."""


def usage(word: str) -> str:
    """How a word is typed, generated from the fields of its command: `/mb fail MB-7 ITEM… WHY`."""
    command = WORDS[word]
    parts = [MB, word]
    shown = [
        (name, slot)
        for name, slot in typed_slots(command).items()
        if name not in command.words[word] and slot.shape != "commit"
    ]
    for name, slot in shown:
        required = command.model_fields[name].is_required() or name in command.must.get(word, ())
        parts.append(slot.shown if required else f"[{slot.shown}]")
    return " ".join(parts)


def usage_hint(word: str) -> str:
    """The way forward after a line that was not understood."""
    example = typed(WORDS[word].examples[word])
    return f"Usage: `{usage(word)}`{'' if example == f'`{usage(word)}`' else f', for example {example}'}."


def slots_of(command: type[Command]) -> dict[str, Slot]:
    """The fields of a command that people fill in, by name."""
    return {name: slot for name, info in command.model_fields.items() if (slot := _slot(info))}


def typed_slots(command: type[Command]) -> dict[str, Slot]:
    """Those that are typed: some are asked for in a dialog only."""
    return {name: slot for name, slot in slots_of(command).items() if not slot.shape.startswith("dialog")}


def _slot(info: FieldInfo) -> Slot | None:
    return next((x for x in info.metadata if isinstance(x, Slot)), None)


OPTIONS = {"flag", "commit", "track", "for", "page", "option"}


def spelled(slot: Slot) -> str:
    """An option as it is typed, without the dashes before it."""
    return slot.shown.removeprefix("--").split()[0]
