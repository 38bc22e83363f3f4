"""Text, button or dialog in; a Command out. The grammar is that of the commands' own fields."""

import difflib
import re
import unicodedata
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from typing import Literal

from pydantic import ValidationError
from pydantic.fields import FieldInfo

from mmbot.domain.rights import outside
from mmbot.domain.ticket import Ticket
from mmbot.domain.whens import cut
from mmbot.events import ALL, COMMANDS, MINE, PARTIES, AskStatus, Command, Incomplete, Misread, Slot
from mmbot.messages import Question
from mmbot.policy import Policy
from mmbot.words.choices import (
    CONTRIBUTIONS,
    CORRECTIONS,
    FILED_AS,
    REMOVALS,
    SEVERITIES,
    SNOOZES,
    TRACKS,
    no_such_correction,
    no_such_track,
    remind_whom,
)
from mmbot.words.phrases import MB, code, listed, typed

WORDS: Mapping[str, type[Command]] = {word: command for command in COMMANDS for word in command.words}
LONGEST = 16_383
LONGEST_BEGUN = 1_000
"""Characters of a line that a dialog can complete: more would not fit into a button."""
TICKET = re.compile(r"(?:mb-?|#)(\d{1,9})", re.IGNORECASE)
_CASE = re.compile(r"(?:sec|bug)-\d{1,6}", re.IGNORECASE)
_OF_CASES = {"status": "case", "reopen": "resume"}
"""What people type of a case as they would of a ticket, and what it is called there."""
_TOKEN = re.compile(r"[“”\"]([^“”\"]*)[“”\"](?=\s|$)|\S+")
_DASH = re.compile("^[\u2013\u2014]")
_VULNERABLE = re.compile(
    r"\b(?:vulnerab\w*|exploit\w*|cve|xss|csrf|ssrf|security (?:hole|issue|bug|problem|flaw|report))\b", re.IGNORECASE
)
_AT_THE_END = re.compile(
    '\\s(?:--|[\u2013\u2014])(?:(track|for|page)[ =]([\u201c\u201d"][^\u201c\u201d"]+[\u201c\u201d"]|\\S+)|(log))\\s*$'
)
"""An option behind a link or words, which else take the rest of their line."""
_QUOTED = re.compile(r"[“”\"]([^“”\"]*)[“”\"]")
_INVISIBLE = re.compile(
    "[\u0000-\u0008\u000e-\u001f\u007f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ud800-\udfff\ue000\ufeff]"
)
_NAME = re.compile(r"@([a-z0-9][a-z0-9._-]*)", re.IGNORECASE)


@dataclass(frozen=True)
class Context:
    """What the edge knows about a line: who typed it, in which ticket's or case's thread, and the ids of the @names in it."""

    me: str = ""
    ticket: int | None = None
    people: Mapping[str, str] = field(default_factory=dict)
    case: str = ""


@dataclass(frozen=True)
class _Token:
    text: str
    start: int
    quoted: bool = False


class _Wrong(Exception):  # noqa: N818 -- a sentence on its way to the person who typed
    pass


def tidy(text: str) -> str:
    """A line as phones and keyboards type it, made plain: NFC, no invisible characters, ordinary spaces."""
    text = _INVISIBLE.sub("", unicodedata.normalize("NFC", text))
    return re.sub(r"[^\S\n]", " ", text).strip()


def names_in(text: str) -> tuple[str, ...]:
    """The user names that a line mentions, lower-case, in order, at most twenty."""
    return tuple(dict.fromkeys(name.lower().rstrip(".") for name in _NAME.findall(tidy(text))))[:20]


def read(text: str, policy: Policy, context: Context) -> Command | Misread | Incomplete:
    """The command that a line spells, without the trigger before it."""
    if len(text) > LONGEST:
        return Misread(text=text[:200], why=f"That is too long for a command: {LONGEST} characters at most.")
    line = _meant(tidy(text))
    first, _, _ = line.partition("\n")
    word = first.split(" ", 1)[0].lower()
    if word in WORDS:
        try:
            return _built(word, *_fields(word, line, policy, context), line)
        except _Wrong as wrong:
            return Misread(text=line[:200], why=f"{wrong} {usage_hint(word)}")
    if found := TICKET.fullmatch(word.rstrip("?")) or _CASE.fullmatch(word.rstrip("?")):
        alone = line.lower().rstrip("? ") == found.group()
        return read(f"status {found.group()}", policy, context) if alone else _unknown(line, word, context)
    if line.endswith("?") and len(line) <= 100:  # noqa: PLR2004 -- a question about a plugin by its name is short
        return AskStatus(about=line.rstrip("? "))
    return _unknown(line, word, context)


def _meant(line: str) -> str:
    """A line about a case, in the words that cases have; a report that says something is one of a vulnerability."""
    found = re.match(r"(\w+)\s+(\S+)", line)
    if not found:
        return line
    word, begins = found.group(1).lower(), found.group(2)
    if word in _OF_CASES and any(_CASE.fullmatch(x.text) for x in list(_tokens(line))[1:3]):
        return f"{_OF_CASES[word]}{line[found.end(1) :]}"
    return (
        f"vulnerability{line[found.end(1) :]}"
        if word == "report" and not _DASH.sub("--", begins).startswith("--")
        else line
    )


def filled(word: str, line: str, answers: Mapping[str, object], policy: Policy, context: Context) -> Command | Misread:
    """The command that a line and the answers of its dialog add up to. Raises ValidationError where an answer is wrong."""
    command = WORDS[word]
    try:
        fields, _ = _fields(word, tidy(line), policy, context)
    except _Wrong as wrong:
        return Misread(text=line[:200], why=str(wrong))
    slots = _slots(command)
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


_OF_A_CASE = {"severity": SEVERITIES, "severity-or-bug": FILED_AS, "removal": REMOVALS}
"""By the shape of a field of a case, the words that it takes."""


def questions(what: Incomplete, ticket: Ticket | None, policy: Policy, held: Collection[str]) -> tuple[Question, ...]:
    """The fields of a dialog for somebody who holds these roles: what the command still needs, and what it could take besides."""
    command = WORDS[what.word]
    asked = []
    for name, slot in _slots(command).items():
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
    fixed = {"track": TRACKS, "contribution": CONTRIBUTIONS, "correction": CORRECTIONS, "days": SNOOZES, **_OF_A_CASE}
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


def usage(word: str) -> str:
    """How a word is typed, generated from the fields of its command: `/mb fail MB-7 ITEM… WHY`."""
    command = WORDS[word]
    parts = [MB, word]
    shown = [
        (name, slot)
        for name, slot in _typed(command).items()
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


def _unknown(line: str, word: str, context: Context) -> Misread:
    close, rest = difflib.get_close_matches(word, WORDS, n=3, cutoff=0.7), line[len(word) :]
    close.sort(key=lambda x: sorted(x) != sorted(word))  # letters in another order are the likeliest slip
    if close and context.ticket and "ticket" in _slots(WORDS[close[0]]) and not _names_ticket(line):
        rest = f" MB-{context.ticket}{rest}"  # the thread said it; the corrected line may be typed elsewhere
    meant = typed(close[0] + rest) if close else ""
    way = f"Did you mean {meant}?" if meant else f"{typed('help')} shows what you can do here."
    if not meant and _VULNERABLE.search(line):
        return Misread(
            text=line[:200],
            why=f"Nothing was done. A vulnerability is reported in private: {typed('vulnerability TEXT')}.",
        )
    return Misread(text=line[:200], why=f"I don't know {code(word, 40)}. {way}")


def _names_ticket(line: str) -> bool:
    return any(TICKET.fullmatch(x.text) or x.text.isdecimal() for x in _tokens(line))


def _slots(command: type[Command]) -> dict[str, Slot]:
    return {name: slot for name, info in command.model_fields.items() if (slot := _slot(info))}


def _typed(command: type[Command]) -> dict[str, Slot]:
    return {name: slot for name, slot in _slots(command).items() if not slot.shape.startswith("dialog")}


def _slot(info: FieldInfo) -> Slot | None:
    return next((x for x in info.metadata if isinstance(x, Slot)), None)


def _tokens(line: str) -> Iterator[_Token]:
    for found in _TOKEN.finditer(line):
        text = found.group(1) if found.group(1) is not None else found.group()
        yield _Token(_DASH.sub("--", text), found.start(), found.group(1) is not None)


def _fields(  # noqa: C901, PLR0912 -- one arm per kind of token
    word: str, line: str, policy: Policy, context: Context
) -> tuple[dict[str, object], tuple[str, ...]]:
    """The fields that a line gives, and the names of those it lacks. A word is told by its shape, so order does not matter."""
    command = WORDS[word]
    fixed = dict(command.words[word])
    if fixed.get("person") == "me":
        fixed["person"] = context.me
    slots = {name: slot for name, slot in _typed(command).items() if name not in fixed}
    fields: dict[str, object] = {}
    if "when" in slots:
        line = _without_when(word, line, fields, context)
    tokens = list(_tokens(line))[1:]
    if "number" in slots:  # of two numbers the one that says so is the ticket's
        tokens.sort(key=lambda x: not x.text.lower().startswith("mb"))
    while tokens:
        token = tokens.pop(0)
        if token.text.startswith("--") and len(token.text) > 2:  # noqa: PLR2004 -- the dashes alone are no option
            _option(token, tokens, slots, fields, context)
            continue
        if token.quoted and (name := next((n for n, slot in slots.items() if slot.shape == "maintainer"), "")):
            fields.setdefault(name, outside(token.text))
            continue
        name, value = _taken(token.text, slots, fields, policy, context)
        if name:
            old = fields.get(name)
            fields[name] = (*old, *value) if isinstance(old, tuple) and isinstance(value, tuple) else value
            continue
        if "items" in slots and "items" not in fields and re.fullmatch(r"[A-Za-z]\d{1,2},?", token.text):
            raise _Wrong(f"There is no item {code(token.text, 10)}.")
        if "correction" in (slot.shape for n, slot in slots.items() if n not in fields):
            raise _Wrong(no_such_correction(token.text))
        free = next((n for n, slot in slots.items() if slot.shape in {"text", "line"} and n not in fields), "")
        if not free:
            raise _Wrong(f"I don't understand {code(token.text, 60)} there.")
        rest = line[token.start :]
        while (option := _AT_THE_END.search(rest)) and (name := _named(option.group(1) or option.group(3), slots)):
            rest = rest[: option.start()]
            fields[name] = option.group(3) is not None or _valued(slots[name].shape, option.group(2), context)
        # A person in quotes is one without an account: there the quotes say something.
        fields[free] = rest.strip() if fields.get("what") in {"submitter", "maintainers"} else _unquoted(rest)
        tokens = []
    if "ticket" in slots and "ticket" not in fields and context.ticket:
        fields["ticket"] = context.ticket
    if "case" in slots and "case" not in fields and context.case:
        fields["case"] = context.case
    needed = [n for n, info in command.model_fields.items() if info.is_required()] + list(command.must.get(word, ()))
    return {**fields, **fixed}, tuple(n for n in needed if n not in fields and n not in fixed)


def _without_when(word: str, line: str, fields: dict[str, object], context: Context) -> str:
    """What is left of `remind me about MB-7 in 3 days` when it is known whom and when."""
    rest, when = cut(line[len(word) :].strip())
    if when:
        fields["when"] = when
    begin, _, more = rest.partition(" ")
    if begin.lower() in {"me", "myself"}:
        fields["person"], rest = context.me, more
    elif begin and begin.lower() != "about" and begin[0] not in "@#-" and not TICKET.fullmatch(begin):
        raise _Wrong(remind_whom(begin))
    return f"{word} {re.sub(r'(?i)(^| )about (?=mb|#|[0-9])', ' ', rest, count=1).strip()}"


def _built(
    word: str, fields: Mapping[str, object], missing: tuple[str, ...], line: str
) -> Command | Misread | Incomplete:
    if "ticket" in missing:
        raise _Wrong("Which ticket? Only a mention in its thread needs no number.")
    if "case" in missing:
        raise _Wrong("Which case? Only a mention in its thread needs no handle.")
    if missing and WORDS[word].reads:
        raise _Wrong("Which words?")
    if missing:
        number = fields.get("ticket")
        ticket = number if isinstance(number, int) else None
        if ticket and not _names_ticket(line):
            line = f"{word} MB-{ticket}{line[len(word) :]}"  # the thread said it; the dialog's answer comes without one
        if (case := str(fields.get("case", ""))) and not any(_CASE.fullmatch(x.text) for x in _tokens(line)):
            line = f"{word} {case}{line[len(word) :]}"
        if len(line) > LONGEST_BEGUN:
            raise _Wrong(f"There is no {_slots(WORDS[word])[missing[0]].shown} in that.")
        return Incomplete(word=word, line=line, missing=missing, ticket=ticket, given=tuple(fields))
    try:
        return WORDS[word].model_validate(fields)
    except ValidationError as error:
        raise _Wrong(said_wrong(error)) from error


def said_wrong(error: ValidationError) -> str:
    """What a value's validation found, as a sentence without the value."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(x) for x in first["loc"])
    return f"{place}: {first['msg'].removeprefix('Value error, ')}."


def _unquoted(text: str) -> str:
    text = text.strip()
    return found.group(1).strip() if (found := _QUOTED.fullmatch(text)) else text


OPTIONS = {"flag", "commit", "track", "for", "page", "option"}


def _spelled(slot: Slot) -> str:
    """An option as it is typed, without the dashes before it."""
    return slot.shown.removeprefix("--").split()[0]


def _named(option: str, slots: Mapping[str, Slot]) -> str:
    """The field that an option fills, "" for none; case does not matter."""
    options = (n for n, slot in slots.items() if slot.shape in OPTIONS and _spelled(slot).lower() == option.lower())
    return next(options, "")


def _valued(shape: str, text: str, context: Context) -> str | int:
    """The value of an option after its name."""
    low = text.lower()
    if shape == "track":
        if low not in TRACKS:
            raise _Wrong(no_such_track(text))
        return low
    if shape == "page":
        if not re.fullmatch(r"[0-9]{1,6}", text):
            raise _Wrong(f"`--page` takes a number, such as {code('--page 2')}.")
        return int(text)
    if shape == "for":
        return _somebody(text, context)
    if shape == "option":
        return text.strip('"\u201c\u201d')
    if not re.fullmatch(r"[0-9a-f]{7,40}", low):
        raise _Wrong("`--commit` takes the first seven or more characters of a commit.")
    return low


def _somebody(text: str, context: Context) -> str:
    """The id of an @name, or that of somebody without an account, by their name in quotes."""
    if text.startswith("@"):
        name = text[1:].lower().rstrip(".,")
        if name not in context.people:
            raise _Wrong(f"I don't know {code(text, 60)} on this server.")
        return context.people[name]
    if (quoted := _QUOTED.fullmatch(text)) and quoted.group(1).strip():
        return outside(quoted.group(1))
    raise _Wrong("Name somebody as @USER, or in quotes where they have no account here.")


def _option(
    token: _Token, rest: list[_Token], slots: Mapping[str, Slot], fields: dict[str, object], context: Context
) -> None:
    name, _, value = token.text[2:].partition("=")
    name = name.lower()
    slot = slots.get(_named(name, slots))
    if slot is None:
        options = {_spelled(s).lower(): _spelled(s) for s in slots.values() if s.shape in OPTIONS}
        close = [options[x] for x in difflib.get_close_matches(name, options, n=1)]
        raise _Wrong(
            f"There is no option {code('--' + name, 40)} here." + (f" Did you mean `--{close[0]}`?" if close else "")
        )
    if slot.shape == "flag":
        fields[_named(name, slots)] = True
        return
    if not value and not rest and slot.shape == "option":
        raise _Wrong(f"{code('--' + _spelled(slot))} needs something after it.")
    if not value and rest:
        value = f'"{rest[0].text}"' if rest[0].quoted else rest[0].text
        rest.pop(0)
    fields[_named(name, slots)] = _valued(slot.shape, value, context)


def _taken(  # noqa: C901, PLR0911, PLR0912 -- one arm per shape
    text: str, slots: Mapping[str, Slot], fields: Mapping[str, object], policy: Policy, context: Context
) -> tuple[str, object]:
    """The field that takes a word, and its value; ("", None) when it is the beginning of free text, or of nothing."""
    shapes = {slot.shape: name for name, slot in slots.items()}
    open_ = {shape: name for shape, name in shapes.items() if name not in fields}
    bare = text.rstrip(",")
    if "ticket" in open_ and (found := TICKET.fullmatch(bare)):
        return open_["ticket"], int(found.group(1))
    if (
        "ticket" in open_
        and bare.isdecimal()
        and bare.isascii()
        and len(bare) < 10  # noqa: PLR2004 -- a number of ten digits is no ticket
        and (context.ticket is None or not {"number", "text", "days"} & shapes.keys())
    ):
        return open_["ticket"], int(bare)
    if "case" in open_ and _CASE.fullmatch(bare):
        return open_["case"], bare.upper()
    if "of" in open_ and (found := TICKET.fullmatch(bare)):
        return open_["of"], int(found.group(1))
    if "number" in open_ and (found := re.fullmatch(r"#?(\d{1,4})", bare)):
        return open_["number"], int(found.group(1))
    if "cut" in open_ and (found := re.fullmatch(r"#?(\d{1,6})", bare)):
        return open_["cut"], int(found.group(1))
    if "days" in open_ and (found := re.fullmatch(r"(\d{1,4})d?", bare)):
        return open_["days"], int(found.group(1))
    lower = bare.lower()
    if "act" in open_ and lower in slots[open_["act"]].choices:
        return open_["act"], lower
    if "date" in open_ and re.fullmatch(r"\d+-\d+-\d+", bare):
        try:
            return open_["date"], date.fromisoformat(bare)
        except ValueError:
            raise _Wrong(f"{code(bare, 20)} is no day; write it as year-month-day, such as `2026-12-01`.") from None
    for shape, words in _OF_A_CASE.items():
        if shape in open_ and lower in words:
            return open_[shape], lower
    limits = {"version": r"v?\d[\w.+-]*", "restriction": r"v?\d+\.\d+\.\d+|on-prem"}
    if "version" in open_ and re.fullmatch(limits.get(str(fields.get("removal")), "(?!)"), lower):
        return open_["version"], bare
    if "plugin" in open_:
        return open_["plugin"], text
    if "held" in shapes and re.fullmatch(r"[a-z][a-z-]{0,30}", lower):
        return shapes["held"], (lower,)
    if lower in policy.roles and policy.roles[lower].enabled:
        if "role" in open_:
            return open_["role"], lower
        if "roles" in shapes:
            return shapes["roles"], (lower,)
    if "whose" in open_:
        return open_["whose"], _whose(bare, policy, context)
    if "step" in open_ and lower in policy.steps:
        return open_["step"], lower
    if "track-word" in open_ and lower in policy.of(policy.current).tracks:
        return open_["track-word"], lower
    if "contribution" in open_ and lower in CONTRIBUTIONS:
        return open_["contribution"], lower
    if "correction" in open_ and lower in CORRECTIONS:
        return open_["correction"], lower
    if "part" in open_ and (lower == "owner" or (lower in policy.roles and policy.roles[lower].enabled)):
        return open_["part"], lower
    for shape in ("items", "item"):
        if shape in (shapes if shape == "items" else open_):
            handles = tuple(x.upper() for x in bare.split(",") if x)
            known = {handle for version in policy.requirements.values() for handle in version.items}
            if handles and all(x in known for x in handles):
                return shapes[shape], handles if shape == "items" else handles[0]
    if text.startswith("@"):
        for shape in ("person", "maintainer", "people"):
            if shape in (shapes if shape == "people" else open_):
                name = lower[1:].rstrip(".")
                if name not in context.people:
                    raise _Wrong(f"I don't know {code(text, 60)} on this server.")
                return shapes[shape], (context.people[name],) if shape == "people" else context.people[name]
    return "", None


def _whose(word: str, policy: Policy, context: Context) -> str:
    """Whose queue a word names: a party, `mine`, `all`, or somebody as `@` and their id."""
    lower = word.lower()
    if lower in {MINE, ALL, *PARTIES} or (lower in policy.roles and policy.roles[lower].enabled):
        return lower
    if not word.startswith("@"):
        known = [*(x for x in policy.roles if policy.roles[x].enabled), *PARTIES, MINE, ALL]
        raise _Wrong(f"I don't understand {code(word, 60)} there. WHOSE is {listed([*known, '@USER'], 'or')}.")
    name = lower[1:].rstrip(".")
    if name not in context.people:
        raise _Wrong(f"I don't know {code(word, 60)} on this server.")
    return f"@{context.people[name]}"
