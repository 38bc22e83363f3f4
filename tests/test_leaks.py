"""What a confidential case says reaches nobody but those concerned: to all others a world with cases looks like one without."""

import asyncio
import itertools
import json
import os
import re
from pathlib import Path
from typing import Any, Literal

import pytest
from structlog.testing import capture_logs

from mmbot import policy
from mmbot.commands import WORDS
from mmbot.console import Console
from mmbot.events import CASES
from mmbot.export import export
from mmbot.store import cases, outbox
from mmbot.store.database import Store
from mmbot.terminal import ROLES
from mmbot.waiting import listing

MONDAY = 1_794_218_400_000
PART = 1 if os.environ.get("HYPOTHESIS_PROFILE") == "heavy" else 13
"""Of what everybody is asked, which part is asked at a time: all of it in the heavy profile."""
MARKERS = ("zebrafish", "okapi", "quagga", "axolotl", "numbat")
"""Words that stand in the cases and nowhere else."""
OUTSIDERS = ("mallory", "otto", "pam", "dana", "quinn", "rosa", "ada", "ole")
"""Somebody from outside, the submitter of another plugin, reviewers of other roles, release users, an admin, another owner."""
SOME = ("mallory", "rosa")
"""Those of them who write to the bot in other ways, too."""
REMIND = "https://github.com/example/mattermost-plugin-remind"
BADGES = "https://github.com/example/mattermost-plugin-badges"
BEFORE = (
    f":repo {REMIND} v1.0.0 3f9c2ab com.github.example.remind Remind 1.0.0",
    f":repo {REMIND} v1.0.1 81d0e44 com.github.example.remind Remind 1.0.1",
    f":repo {BADGES} v1.0.0 5be27d1 com.github.example.badges Badges 1.0.0",
    f":listed {REMIND} com.github.example.remind Remind 1.0.0",
    f"@sue: /mb submit {REMIND} v1.0.1",
    f"@otto: /mb submit {BADGES} v1.0.0",
    "@olive: /mb request MB-1",
    "@olive: /mb request MB-2",
)
SECRETLY = (
    "@sam: /mb file MB-1 high zebrafish: anybody can read everything",
    "@eve: /mb vulnerability MB-1 okapi: and write it, too",
    "@eve to mmbot: vulnerability com.github.example.remind quagga",
    "@sam: /mb accept {1} critical axolotl",
    "@sam: /mb decline {2} numbat",
    "@sue: /mb acknowledge {0}",
    "@sam: /mb severity {0} critical axolotl",
    "@sam: /mb extend {1} 2026-12-20 numbat",
)
"""What happens in one of the worlds only; {n} is the n-th case's handle."""
SEEN_BY_OTHERS = (
    "status", "status MB-1", "status MB-1 --log", "status MB-2", "status remind", "queue", "queue all", "queue security", "queue @sam",
    "queue @sue", "queue owner", "search zebrafish", "search remind", "search SEC", "next MB-1", "report", "people", "people --log",
    "cut status", "cutplugin MB-1 --dry-run", "list MB-1",
    "help", "cases", "reminders", "MB-1?", "remind?", "SEC-1?", "case SEC-1", "zebrafish?",
)  # fmt: skip


FORMS: tuple[Literal["md", "json"], ...] = ("md", "json")


def handles(store: Store) -> list[str]:
    return [
        str(x["handle"]) for x in store.query("SELECT handle FROM case_file WHERE confidential = 1 ORDER BY number")
    ]


def about(handle: str) -> list[str]:
    """Every word of the bot, said of a case by somebody who knows or guesses its handle."""
    more = {
        "severity": "high axolotl",
        "extend": "2026-12-12 why",
        "takedown": "plugin why",
        "fix": "MB-1",
        "accept": "high",
    }
    return [
        line
        for word in WORDS
        for line in (f"{word} {handle} {more.get(word, 'why')}", f"{word} {handle}", f"{word} {handle} --log")
    ]


class Theatre:
    """A world, and what each of the others can see of it."""

    def __init__(self, folder: Path) -> None:
        self.store = Store(folder / "mmbot.db", policy.load())
        self.console = Console(self.store, self.store.policy, MONDAY)
        self.console.settle({**ROLES, "owner": ("olive", "ole")})
        self.logs: list[Any] = []

    async def says(self, *lines: str) -> list[str]:
        with capture_logs() as logs:
            said = [x for line in lines for x in await self.console.line(line)]
        self.logs += [x for x in logs if x["log_level"] != "debug"]
        return said

    async def seen(self, known: list[str], turn: int = 0) -> dict[str, list[str]]:
        """What everybody else is answered, to everything that can be asked: each time to another part of it, if not to all."""
        answers: dict[str, list[str]] = {}
        count = itertools.count(turn)
        for name in OUTSIDERS:
            for line in (*SEEN_BY_OTHERS, *(x for handle in known for x in about(handle)[:: 1 if name in SOME else 3])):
                if not changes(line) and next(count) % PART == 0:
                    answers[f"{name}: {line}"] = await self.says(f"@{name}: /mb {line}")
            elsewhere = [
                x for handle in known[:1] for x in about(handle) if WORDS[x.split()[0]] in CASES and not changes(x)
            ]
            for line in (*elsewhere, *(f"cas {x}" for x in known), "cases", "fix") if name in SOME else ():
                for way in (
                    "",
                    " in thread of MB-1",
                    " to mmbot",
                ):  # where everybody reads, in the plugin's thread, to the bot alone
                    if next(count) % PART:
                        continue
                    text = f"@{name}{way}: {'' if way == ' to mmbot' else '@mmbot '}{line}"
                    answers[text] = await self.says(text)
        return answers

    def public(self) -> list[str]:
        """What stands in the marketplace channel, and in the direct messages of all others, in order."""
        concerned = ("@sam", "@olive", "@sue", "@eve", "security")
        return [outbox.dump_message(x.message) for x in self.console.world.posts if not x.channel.startswith(concerned)]

    def kept(self) -> str:
        """What an operator's tools show without asking for cases."""
        count = self.store.next_number()
        files = [
            export(self.store.path, self.store.policy, x, form, confidential=True)
            for x in range(1, count)
            for form in FORMS
        ]
        waits = re.sub(r"(?m)^ *\d+  ", "", listing(self.store.path, self.console.world.now(), parked=False))
        return "\n".join([*files, waits])  # the rows' own numbers are for whoever may read the store


def changes(line: str) -> bool:
    """Whether a line may do something of its own, whoever types it and whatever cases there are."""
    return line.split(maxsplit=1)[0] in {
        "submit",
        "contribute",
        "report",
        "vulnerability",
        "file",
        "away",
        "back",
        "people",
        "remind",
    }


@pytest.fixture
def worlds(tmp_path: Path) -> tuple[Theatre, Theatre]:
    for name in ("with", "without"):
        (tmp_path / name).mkdir()
    return Theatre(tmp_path / "with"), Theatre(tmp_path / "without")


def test_nobody_else_sees_a_difference_and_no_word_of_a_case_leaves_it(worlds: tuple[Theatre, Theatre]) -> None:
    async def played() -> None:
        secret, plain = worlds
        for world in worlds:
            await world.says(*BEFORE)
        assert await secret.seen([]) == await plain.seen([])
        for line in SECRETLY:
            known = handles(secret.store)
            text = line.format(*known)
            assert not [x for x in await secret.says(text) if "I don't" in x], text
        known = handles(secret.store)
        assert len(known) == 3
        for turn, days in enumerate((0, 6, 6, 3, 10)):
            for world in worlds:  # life goes on, and what is counted is counted alike
                news = f"https://github.com/example/mattermost-plugin-days{days}"
                await world.says(
                    f":repo {news} v1.0.0 {days:07d} com.example.days{days} Days{days} 1.0.0",
                    f"@otto: /mb submit {news} v1.0.0",
                )
                await world.says(f"@olive: /mb file MB-2 bug it stops after {days} days", f":time +{days}d")
            one, other = await secret.seen(known, turn), await plain.seen(known, turn)
            assert one == other
            assert secret.public() == plain.public()
            answered = [x for line, said in one.items() for x in said if not any(y in line for y in MARKERS)]
            told = (
                "\n".join(answered) + "\n".join(secret.public()) + json.dumps(secret.logs, default=str) + secret.kept()
            )
            assert not [x for x in MARKERS if x in told]
            assert secret.kept() == plain.kept()
        assert any(cases.case(secret.store, x) for x in known)
        secret_said = "\n".join(x.message.text for x in secret.console.world.posts)
        assert all(x in secret_said for x in MARKERS[:2])  # they were told to those concerned

    asyncio.run(played())
    for world in worlds:
        world.store.close()


def test_a_fix_that_is_named_looks_like_a_ticket_that_somebody_made_urgent(worlds: tuple[Theatre, Theatre]) -> None:
    async def played() -> None:
        secret, plain = worlds
        for world in worlds:
            await world.says(*BEFORE)
        await secret.says("@sam: /mb file MB-1 high zebrafish")
        known = handles(secret.store)
        await secret.says(f"@sue: /mb fix {known[0]} MB-1")
        await plain.says("@olive: /mb urgent MB-1")
        for _ in range(2):
            assert await secret.seen(known) == await plain.seen(known)
            assert secret.public() == plain.public()
            assert secret.kept() == plain.kept()
            for world in worlds:
                await world.says(":time +8d")

    asyncio.run(played())
    for world in worlds:
        world.store.close()
