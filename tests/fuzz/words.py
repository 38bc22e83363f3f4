"""Lines, values and their mutations."""

import random
import string
from typing import TYPE_CHECKING, Any

from mmbot import policy
from mmbot.commands import WORDS, usage

if TYPE_CHECKING:
    from collections.abc import Callable

POLICY = policy.load()
NASTY = (
    "", " ", "@all", "@channel", "#urgent", "~town-square", ":smile:", "$x$", "https://a.example/b_c(d)", "http://", "www.a.example",
    "[a](http://b.example)", "![i](http://b.example/i.png)", "<a@b.example>", "<script>", "`", "```", "~~~", "**", "\\", "|", "-|-", "# h",
    "- [x] y", "1. o", "> q", "---", "\n", "\n\n", "\t", "[x]: http://d.example", "&commat;all", "\ue000", "\u200b", "\u202e", "\u2028",
    "\ufeff", "\x00", "\x1b[31m",
    "\ud800", "é", "漢", "🙂", "@", "--", "—all", "“quoted", '"', "'", "x" * 300, "word " * 60, "MB-1", "#1", "0",
    "-1", "99999999999999999999", "٣", "1e309", "null", "true", "{}", "[]", "%00", "../../x", "a" * 40, "mmaction://approve",
)  # fmt: skip
HEADINGS = ("#### Summary", "#### Review commit", "#### Review reference", "## Checklist", "### Requirements")
DAYS = ("2026-11-30", "2026-12-24", "2027-01-02", "2026-02-30", "0000-00-00", "99999-12-31", "today")


class Lines:
    """Lines that people type: right ones, near misses, and noise."""

    def __init__(self, dice: random.Random, names: tuple[str, ...], repositories: tuple[str, ...]) -> None:
        self.dice, self.names, self.repositories = dice, names, repositories
        items = [x for version in POLICY.requirements.values() for x in version.items]
        self.tickets, self.role = 1, ""
        self.kinds: dict[str, Callable[[], str]] = {
            "MB-7": self.ticket, "ROLE": self.a_role, "ITEM": lambda: dice.choice(items),
            "ITEM…": lambda: " ".join(dice.choices(items, k=dice.randint(1, 3))), "STEP": lambda: dice.choice(list(POLICY.steps)),
            "@USER": self.name, "@USER…": lambda: f"{self.name()} {self.name()}", "ROLE…": lambda: dice.choice(["qa", "dev qa", "owner"]),
            "LINK": self.link, "N": lambda: str(dice.randint(1, 6)), "DATE": lambda: dice.choice(DAYS),
            "TRACK": lambda: dice.choice(["new", "update", "beta", "web", "app"]), "KIND": lambda: dice.choice(["tool", "app", "plugin"]),
            "WHOSE": lambda: dice.choice(["mine", "all", "owner", "qa", "@sam", "release"]),
            "WHAT": lambda: dice.choice(["title", "repository", "fork", "id", "submitter", "maintainers", "contact", "social"]),
            "REPOSITORY": lambda: dice.choice(["jira", "mattermost/jira", self.link()]),
            "TAG": lambda: dice.choice(["v1.0.0", "v1.1.0", "1.0.0", *NASTY]), "SHA": lambda: dice.choice(["c" * 7, "c" * 40, *NASTY]),
            "status|cancel|retry|confirm": lambda: dice.choice(["status", "cancel", "retry", "confirm"]),
            "ACT": lambda: dice.choice(["add", "remove", "deputy", "away", "back", "no-deputy", "default-owner"]),
        }  # fmt: skip

    def ticket(self) -> str:
        number = self.dice.randint(1, self.tickets) if self.dice.random() < 0.95 else self.dice.choice((0, 999, 2**31))
        return self.dice.choice((f"MB-{number}", f"mb-{number}", f"#{number}", str(number)))

    def a_role(self) -> str:
        return self.role if self.role and self.dice.random() < 0.7 else self.dice.choice(list(POLICY.roles))

    def name(self) -> str:
        return "@" + self.dice.choice((*self.names, *self.names, "nobody"))

    def link(self) -> str:
        dice = self.dice
        tail = dice.choice(
            ("", " v1.0.0", "/releases/tag/v1.1.0", "/pull/3", "/commit/" + "c" * 40, "/tree/main", dice.choice(NASTY))
        )
        return dice.choice(self.repositories) + tail

    def text(self) -> str:
        return " ".join(self.dice.choices(("it", "logs", "the", "token", *NASTY), k=self.dice.randint(1, 5)))

    def line(self) -> str:
        """One line, right more often than not."""
        dice, word = self.dice, self.dice.choice(list(WORDS))
        parts = [word]
        for token in usage(word).split()[2:]:
            if token.startswith("[") and dice.random() < 0.4:
                continue
            bare = token.strip("[]")
            parts.append(self.kinds.get(bare, self.text)() if not bare.startswith("--") else bare.split()[0])
        if word in {"request", "people"} and dice.random() < 0.5:
            parts = ["request", self.ticket()]
        if word == "approve" and dice.random() < 0.7:
            parts.append("--all")
        line = " ".join(parts)
        match dice.random():
            case x if x < 0.05:
                return self.form()
            case x if x < 0.20:
                return self.mutated(line)
            case x if x < 0.24:
                return self.text()
        return line

    def form(self) -> str:
        dice = self.dice
        lines = [f"{x}\n{dice.choice((self.link(), self.text()))}\n" for x in HEADINGS if dice.random() < 0.8]
        titles = [x.title for version in POLICY.requirements.values() for x in version.items.values()]
        lines += [
            f"- [{dice.choice('xX ')}] {dice.choice((dice.choice(titles), self.text()))}"
            for _ in range(dice.randint(0, 12))
        ]
        return "\n".join(lines)

    def mutated(self, line: str) -> str:
        """A line with some of it lost, doubled, replaced or out of place."""
        dice = self.dice
        for _ in range(dice.randint(1, 4)):
            at = dice.randint(0, len(line))
            end = min(len(line), at + dice.randint(0, 6))
            match dice.randrange(5):
                case 0:
                    line = line[:at] + line[end:]
                case 1:
                    line = line[:at] + dice.choice(NASTY) + line[at:]
                case 2:
                    line = line[:at] + line[at:end] * 3 + line[end:]
                case 3:
                    words = line.split(" ")
                    dice.shuffle(words)
                    line = " ".join(words)
                case _:
                    line = line[:at] + dice.choice(string.printable) + line[end:]
        return line[:20_000]


def odd(dice: random.Random, depth: int = 2) -> Any:  # noqa: ANN401 -- any JSON
    """Any JSON value."""
    if depth and dice.random() < 0.3:
        inner = [odd(dice, depth - 1) for _ in range(dice.randint(0, 3))]
        return inner if dice.random() < 0.5 else {dice.choice(("l", "m", "n", "why", "link")): x for x in inner}
    return dice.choice((None, True, False, 0, -1, 2**63, 1e308, *NASTY))


def bent(dice: random.Random, value: Any) -> Any:  # noqa: ANN401 -- JSON
    """A JSON object with one thing in it lost, replaced or bent."""
    if isinstance(value, dict) and value:
        name = dice.choice(list(value))
        copy = dict(value)
        if dice.random() < 0.2:
            del copy[name]
        else:
            copy[name] = bent(dice, copy[name])
        return copy
    if isinstance(value, str) and value and dice.random() < 0.6:
        at = dice.randrange(len(value))
        return value[:at] + dice.choice(("", "x", "0", ".", "\0", "é")) + value[at + 1 :]
    return odd(dice)
