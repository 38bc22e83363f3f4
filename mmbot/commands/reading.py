"""A line in; a Command out. The grammar is that of the commands' own fields."""

import difflib
import re
import unicodedata
from collections.abc import Mapping

from pydantic import ValidationError

from mmbot.commands.arguments import DASH, QUOTED, option_named, take_option, taken, tokens_in, valued
from mmbot.commands.grammar import CASE, TICKET, WORDS, Context, Wrong, slots_of, typed_slots, usage_hint
from mmbot.domain.rights import outside
from mmbot.domain.whens import cut
from mmbot.events import AskStatus, Command, Incomplete, Misread
from mmbot.policy import Policy
from mmbot.words.choices import no_such_correction, remind_whom
from mmbot.words.phrases import code, typed

LONGEST = 16_383
LONGEST_BEGUN = 1_000
"""Characters of a line that a dialog can complete: more would not fit into a button."""
_OF_CASES = {"status": "case", "reopen": "resume"}
"""What people type of a case as they would of a ticket, and what it is called there."""
_VULNERABLE = re.compile(
    r"\b(?:vulnerab\w*|exploit\w*|cve|xss|csrf|ssrf|security (?:hole|issue|bug|problem|flaw|report))\b", re.IGNORECASE
)
_AT_THE_END = re.compile(
    '\\s(?:--|[\u2013\u2014])(?:(track|for|page)[ =]([\u201c\u201d"][^\u201c\u201d"]+[\u201c\u201d"]|\\S+)|(log))\\s*$'
)
"""An option behind a link or words, which else take the rest of their line."""
_INVISIBLE = re.compile(
    "[\u0000-\u0008\u000e-\u001f\u007f\u00ad\u200b-\u200f\u202a-\u202e\u2060-\u2064\ud800-\udfff\ue000\ufeff]"
)
_NAME = re.compile(r"@([a-z0-9][a-z0-9._-]*)", re.IGNORECASE)


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
            return _built(word, *fields_of(word, line, policy, context), line)
        except Wrong as wrong:
            return Misread(text=line[:200], why=f"{wrong} {usage_hint(word)}")
    if found := TICKET.fullmatch(word.rstrip("?")) or CASE.fullmatch(word.rstrip("?")):
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
    if word in _OF_CASES and any(CASE.fullmatch(x.text) for x in list(tokens_in(line))[1:3]):
        return f"{_OF_CASES[word]}{line[found.end(1) :]}"
    return (
        f"vulnerability{line[found.end(1) :]}"
        if word == "report" and not DASH.sub("--", begins).startswith("--")
        else line
    )


def _unknown(line: str, word: str, context: Context) -> Misread:
    close, rest = difflib.get_close_matches(word, WORDS, n=3, cutoff=0.7), line[len(word) :]
    close.sort(key=lambda x: sorted(x) != sorted(word))  # letters in another order are the likeliest slip
    if close and context.ticket and "ticket" in slots_of(WORDS[close[0]]) and not _names_ticket(line):
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
    return any(TICKET.fullmatch(x.text) or x.text.isdecimal() for x in tokens_in(line))


def fields_of(  # noqa: C901, PLR0912 -- one arm per kind of token
    word: str, line: str, policy: Policy, context: Context
) -> tuple[dict[str, object], tuple[str, ...]]:
    """The fields that a line gives, and the names of those it lacks. A word is told by its shape, so order does not matter."""
    command = WORDS[word]
    fixed = dict(command.words[word])
    if fixed.get("person") == "me":
        fixed["person"] = context.me
    slots = {name: slot for name, slot in typed_slots(command).items() if name not in fixed}
    fields: dict[str, object] = {}
    if "when" in slots:
        line = _without_when(word, line, fields, context)
    tokens = list(tokens_in(line))[1:]
    if "number" in slots:  # of two numbers the one that says so is the ticket's
        tokens.sort(key=lambda x: not x.text.lower().startswith("mb"))
    while tokens:
        token = tokens.pop(0)
        if token.text.startswith("--") and len(token.text) > 2:  # noqa: PLR2004 -- the dashes alone are no option
            take_option(token, tokens, slots, fields, context)
            continue
        if token.quoted and (name := next((n for n, slot in slots.items() if slot.shape == "maintainer"), "")):
            fields.setdefault(name, outside(token.text))
            continue
        name, value = taken(token.text, slots, fields, policy, context)
        if name:
            old = fields.get(name)
            fields[name] = (*old, *value) if isinstance(old, tuple) and isinstance(value, tuple) else value
            continue
        if "items" in slots and "items" not in fields and re.fullmatch(r"[A-Za-z]\d{1,2},?", token.text):
            raise Wrong(f"There is no item {code(token.text, 10)}.")
        if "correction" in (slot.shape for n, slot in slots.items() if n not in fields):
            raise Wrong(no_such_correction(token.text))
        free = next((n for n, slot in slots.items() if slot.shape in {"text", "line"} and n not in fields), "")
        if not free:
            raise Wrong(f"I don't understand {code(token.text, 60)} there.")
        rest = line[token.start :]
        while (option := _AT_THE_END.search(rest)) and (
            name := option_named(option.group(1) or option.group(3), slots)
        ):
            rest = rest[: option.start()]
            fields[name] = option.group(3) is not None or valued(slots[name].shape, option.group(2), context)
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
        raise Wrong(remind_whom(begin))
    return f"{word} {re.sub(r'(?i)(^| )about (?=mb|#|[0-9])', ' ', rest, count=1).strip()}"


def _built(
    word: str, fields: Mapping[str, object], missing: tuple[str, ...], line: str
) -> Command | Misread | Incomplete:
    if "ticket" in missing:
        raise Wrong("Which ticket? Only a mention in its thread needs no number.")
    if "case" in missing:
        raise Wrong("Which case? Only a mention in its thread needs no handle.")
    if missing and WORDS[word].reads:
        raise Wrong("Which words?")
    if missing:
        number = fields.get("ticket")
        ticket = number if isinstance(number, int) else None
        if ticket and not _names_ticket(line):
            line = f"{word} MB-{ticket}{line[len(word) :]}"  # the thread said it; the dialog's answer comes without one
        if (case := str(fields.get("case", ""))) and not any(CASE.fullmatch(x.text) for x in tokens_in(line)):
            line = f"{word} {case}{line[len(word) :]}"
        if len(line) > LONGEST_BEGUN:
            raise Wrong(f"There is no {slots_of(WORDS[word])[missing[0]].shown} in that.")
        return Incomplete(word=word, line=line, missing=missing, ticket=ticket, given=tuple(fields))
    try:
        return WORDS[word].model_validate(fields)
    except ValidationError as error:
        raise Wrong(said_wrong(error)) from error


def said_wrong(error: ValidationError) -> str:
    """What a value's validation found, as a sentence without the value."""
    first = error.errors(include_url=False, include_input=False, include_context=False)[0]
    place = ".".join(str(x) for x in first["loc"])
    return f"{place}: {first['msg'].removeprefix('Value error, ')}."


def _unquoted(text: str) -> str:
    text = text.strip()
    return found.group(1).strip() if (found := QUOTED.fullmatch(text)) else text
