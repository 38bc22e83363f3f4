"""What one word of a line is: an option, a ticket, a person, a role, or the beginning of free text."""

import difflib
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date

from mmbot.commands.grammar import CASE, OF_A_CASE, OPTIONS, TICKET, Context, Wrong, spelled
from mmbot.domain.rights import outside
from mmbot.events import ALL, MINE, PARTIES, Slot
from mmbot.policy import Policy
from mmbot.words.choices import CONTRIBUTIONS, CORRECTIONS, TRACKS, no_such_track
from mmbot.words.phrases import code, listed

_TOKEN = re.compile(r"[“”\"]([^“”\"]*)[“”\"](?=\s|$)|\S+")
DASH = re.compile("^[\u2013\u2014]")
QUOTED = re.compile(r"[“”\"]([^“”\"]*)[“”\"]")


@dataclass(frozen=True)
class Token:
    """A word of a line, where it begins, and whether it stood in quotes."""

    text: str
    start: int
    quoted: bool = False


def tokens_in(line: str) -> Iterator[Token]:
    """The words of a line; what stands in quotes is one."""
    for found in _TOKEN.finditer(line):
        text = found.group(1) if found.group(1) is not None else found.group()
        yield Token(DASH.sub("--", text), found.start(), found.group(1) is not None)


def option_named(option: str, slots: Mapping[str, Slot]) -> str:
    """The field that an option fills, "" for none; case does not matter."""
    options = (n for n, slot in slots.items() if slot.shape in OPTIONS and spelled(slot).lower() == option.lower())
    return next(options, "")


def valued(shape: str, text: str, context: Context) -> str | int:
    """The value of an option after its name."""
    low = text.lower()
    if shape == "track":
        if low not in TRACKS:
            raise Wrong(no_such_track(text))
        return low
    if shape == "page":
        if not re.fullmatch(r"[0-9]{1,6}", text):
            raise Wrong(f"`--page` takes a number, such as {code('--page 2')}.")
        return int(text)
    if shape == "for":
        return _somebody(text, context)
    if shape == "option":
        return text.strip('"\u201c\u201d')
    if not re.fullmatch(r"[0-9a-f]{7,40}", low):
        raise Wrong("`--commit` takes the first seven or more characters of a commit.")
    return low


def _somebody(text: str, context: Context) -> str:
    """The id of an @name, or that of somebody without an account, by their name in quotes."""
    if text.startswith("@"):
        name = text[1:].lower().rstrip(".,")
        if name not in context.people:
            raise Wrong(f"I don't know {code(text, 60)} on this server.")
        return context.people[name]
    if (quoted := QUOTED.fullmatch(text)) and quoted.group(1).strip():
        return outside(quoted.group(1))
    raise Wrong("Name somebody as @USER, or in quotes where they have no account here.")


def take_option(
    token: Token, rest: list[Token], slots: Mapping[str, Slot], fields: dict[str, object], context: Context
) -> None:
    """Put what an option says into `fields`; its value may be the next word of the `rest`. Raises Wrong."""
    name, _, value = token.text[2:].partition("=")
    name = name.lower()
    slot = slots.get(option_named(name, slots))
    if slot is None:
        options = {spelled(s).lower(): spelled(s) for s in slots.values() if s.shape in OPTIONS}
        close = [options[x] for x in difflib.get_close_matches(name, options, n=1)]
        raise Wrong(
            f"There is no option {code('--' + name, 40)} here." + (f" Did you mean `--{close[0]}`?" if close else "")
        )
    if slot.shape == "flag":
        fields[option_named(name, slots)] = True
        return
    if not value and not rest and slot.shape == "option":
        raise Wrong(f"{code('--' + spelled(slot))} needs something after it.")
    if not value and rest:
        value = f'"{rest[0].text}"' if rest[0].quoted else rest[0].text
        rest.pop(0)
    fields[option_named(name, slots)] = valued(slot.shape, value, context)


def taken(  # noqa: C901, PLR0911, PLR0912 -- one arm per shape
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
    if "case" in open_ and CASE.fullmatch(bare):
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
            raise Wrong(f"{code(bare, 20)} is no day; write it as year-month-day, such as `2026-12-01`.") from None
    for shape, words in OF_A_CASE.items():
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
                    raise Wrong(f"I don't know {code(text, 60)} on this server.")
                return shapes[shape], (context.people[name],) if shape == "people" else context.people[name]
    return "", None


def _whose(word: str, policy: Policy, context: Context) -> str:
    """Whose queue a word names: a party, `mine`, `all`, or somebody as `@` and their id."""
    lower = word.lower()
    if lower in {MINE, ALL, *PARTIES} or (lower in policy.roles and policy.roles[lower].enabled):
        return lower
    if not word.startswith("@"):
        known = [*(x for x in policy.roles if policy.roles[x].enabled), *PARTIES, MINE, ALL]
        raise Wrong(f"I don't understand {code(word, 60)} there. WHOSE is {listed([*known, '@USER'], 'or')}.")
    name = lower[1:].rstrip(".")
    if name not in context.people:
        raise Wrong(f"I don't know {code(word, 60)} on this server.")
    return f"@{context.people[name]}"
