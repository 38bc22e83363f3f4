"""What a dialog asks for where a line left something out, and the command that its answers add up to."""

import re
from collections.abc import Collection, Mapping
from typing import Literal

from mmbot.commands.grammar import OF_A_CASE, TICKET, WORDS, Context, Wrong, slots_of
from mmbot.commands.reading import fields_of, tidy
from mmbot.domain.ticket import Ticket
from mmbot.events import Command, Incomplete, Misread
from mmbot.messages import Question
from mmbot.policy import Policy
from mmbot.words.choices import CONTRIBUTIONS, CORRECTIONS, SNOOZES, TRACKS
from mmbot.words.phrases import code


def filled(word: str, line: str, answers: Mapping[str, object], policy: Policy, context: Context) -> Command | Misread:
    """The command that a line and the answers of its dialog add up to. Raises ValidationError where an answer is wrong."""
    command = WORDS[word]
    try:
        fields, _ = fields_of(word, tidy(line), policy, context)
    except Wrong as wrong:
        return Misread(text=line[:200], why=str(wrong))
    slots = slots_of(command)
    asked = {
        name: value
        for name, value in answers.items()
        if name in slots and slots[name].shape in KINDS and name not in fields and value not in (None, "")
    }
    for name, value in asked.items():
        if slots[name].shape in {"items", "people", "roles"} and isinstance(value, str):
            asked[name] = (value,)
        if slots[name].shape == "of":
            ticket = TICKET.fullmatch(str(value).strip())
            if not ticket:
                return Misread(text=line[:200], why=f"{code(str(value), 60)} is no ticket, such as MB-7.")
            asked[name] = int(ticket.group(1))
    return command.model_validate({**fields, **asked})


KINDS: Mapping[str, Literal["line", "text", "choice", "person"]] = {
    "line": "line", "number": "line", "text": "text", "dialog": "text",
    "dialog-line": "line", "step": "choice", "item": "choice", "items": "choice", "role": "choice",
    "part": "choice", "track": "choice", "track-word": "choice", "contribution": "choice", "correction": "choice",
    "person": "person", "maintainer": "person", "date": "line", "severity": "choice", "severity-or-bug": "choice", "removal": "choice",
    "days": "choice", "when": "line", "plugin": "line", "version": "line", "of": "line", "option": "line",
}  # fmt: skip


def questions(what: Incomplete, ticket: Ticket | None, policy: Policy, held: Collection[str]) -> tuple[Question, ...]:
    """The fields of a dialog for somebody who holds these roles: what the command still needs, and what it could take besides."""
    command = WORDS[what.word]
    asked = []
    for name, slot in slots_of(command).items():
        if name in what.given or name in command.words[what.word] or slot.shape not in KINDS:
            continue
        if slot.shape == "maintainer" and not _of_somebody(what, policy):
            continue
        several = slot.shape == "role" and ticket is not None and len({*ticket.roles} & {*held}) > 1
        if slot.shape in {"items", "role", "part"} and name not in what.missing and not several:
            continue
        choices = _choices(slot.shape, what, ticket, policy, held)
        if KINDS[slot.shape] == "choice" and not choices:
            continue
        needed = name in what.missing
        asked.append(Question(name, slot.label, KINDS[slot.shape], not needed, choices, slot.hint))
    return tuple(asked)


def _of_somebody(what: Incomplete, policy: Policy) -> bool:
    """Whether a step is done for each maintainer, or may turn out to be."""
    named = [x for x in what.line.lower().split() if x in policy.steps]
    return not named or policy.steps[named[0]].each


def _choices(
    shape: str, what: Incomplete, ticket: Ticket | None, policy: Policy, held: Collection[str]
) -> tuple[tuple[str, str], ...]:
    fixed = {"track": TRACKS, "contribution": CONTRIBUTIONS, "correction": CORRECTIONS, "days": SNOOZES, **OF_A_CASE}
    if shape in fixed:
        return tuple(fixed[shape].items())
    if shape == "track-word":
        return tuple((x.name, x.title) for x in policy.of(policy.current).tracks.values())
    if shape == "step" and ticket:
        return tuple((x, policy.steps[x].title) for x in ticket.track_words.steps if policy.steps[x].do)
    if shape in {"item", "items"} and ticket:
        role = next((r for r in ticket.roles if re.search(rf"\b{re.escape(r)}\b", what.line, re.IGNORECASE)), None)
        items = [x for x in ticket.items if x.role == role or (not role and x.role in held)]
        return tuple((x.handle, f"{x.handle} {x.title}") for x in items)
    if shape in {"role", "part"}:
        names = ticket.roles if ticket else tuple(r for r in policy.roles if policy.roles[r].enabled)
        return tuple((r, policy.roles[r].title) for r in names if shape == "part" or r in held)
    return ()
