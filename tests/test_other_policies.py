"""Conversations under another policy than the shipped one: with the docs role, and with newer requirements."""

import asyncio
import re
from importlib import resources
from pathlib import Path

import pytest

from mmbot import policy
from mmbot.console import Console
from mmbot.store.database import Store
from mmbot.terminal import ROLES

SHIPPED = resources.files("mmbot").joinpath("policy.toml").read_text("utf-8")
MONDAY = 1_794_218_400_000
REMIND = "https://github.com/example/mattermost-plugin-remind"
BADGES = "https://github.com/example/mattermost-plugin-badges"


def played(folder: Path, rules: str, *lines: str) -> list[str]:
    """What comes of lines in a world with these rules; the store in the folder is gone on with."""
    file = folder / "policy.toml"
    file.write_text(rules, "utf-8")
    loaded = policy.load(file)
    store = Store(folder / "mmbot.db", loaded)
    known = store.next_number() > 1
    console = Console(store, loaded, MONDAY + 1 if known else MONDAY)
    console.settle({**ROLES, "docs": ("dora",)} if "docs" in loaded.roles and loaded.roles["docs"].enabled else ROLES)

    async def all_of_them() -> list[str]:
        said: list[str] = []
        for plugin, url in (("remind", REMIND), ("badges", BADGES)):
            await console.line(f":repo {url} v1.0.0 3f9c2ab{len(plugin)} com.example.{plugin} {plugin.title()} 1.0.0")
        for line in lines:
            said += await console.line(line)
        return said

    try:
        return asyncio.run(all_of_them())
    finally:
        store.close()


def with_docs() -> str:
    head, heading, tail = SHIPPED.partition("[roles.docs]")
    return head + heading + tail.replace("enabled = false", "enabled = true", 1)


def newer() -> str:
    """The shipped rules with a later version of the requirements beside them, which lacks P6 and asks for Z1."""
    begin = SHIPPED.index('[requirements."2020-09-28".tracks.new]')
    later = SHIPPED[begin:].replace('"2020-09-28"', '"2026-01-01"').replace('"P6"', '"Z1"')
    later = re.sub(r'(items\.)P6(\]\nrole = "product"\ntitle = )"[^"]*"', r'\1Z1\2"A word from its users"', later)
    later = later.replace('recognise = ["out of beta", "at least v1.0.0"]', 'recognise = ["a word from its users"]')
    return SHIPPED.replace('current = "2020-09-28"', 'current = "2026-01-01"') + "\n" + later


def test_documentation_is_for_the_docs_role_where_there_is_one(tmp_path: Path) -> None:
    said = "\n".join(
        played(
            tmp_path, with_docs(), f"@sue: /mb submit {REMIND} v1.0.0", "@olive: /mb request MB-1", "@pam: /mb pass MB-1 P4",
            "@dora: /mb approve MB-1 --all", "@pam: /mb approve MB-1 --all", "@dana: /mb approve MB-1 --all",
            "@sam: /mb approve MB-1 --all", "@quinn: /mb approve MB-1 --all",
        )
    )  # fmt: skip
    assert "Asked for product, dev, security, QA and docs" in said
    assert "docs review of **MB-1 Remind 1.0.0**" in said
    assert "Only docs reviewers can do that. Ask dora." in said
    assert "| product | — | 0 / 7 |" in said
    assert "| docs | dora | 1 / 1 | approved |" in said
    assert "✓ product, dev, security, QA and docs have approved" in said


@pytest.mark.parametrize("line", ["@olive: /mb request MB-1 docs", "@olive: /mb assign MB-1 docs @pam"])
def test_without_it_nobody_is_asked_for_documentation(tmp_path: Path, line: str) -> None:
    said = played(tmp_path, SHIPPED, f"@sue: /mb submit {REMIND} v1.0.0", line)
    assert "docs" in said[-1]
    assert "I don't understand `docs` there." in said[-1]


def test_a_ticket_keeps_the_requirements_it_was_opened_under(tmp_path: Path) -> None:
    played(tmp_path, SHIPPED, f"@sue: /mb submit {REMIND} v1.0.0", "@olive: /mb request MB-1", "@pam: /mb pass MB-1 P1")
    said = "\n".join(
        played(
            tmp_path, newer(), f"@sue: /mb submit {BADGES} v1.0.0", "@olive: /mb request MB-2", "@pam: /mb pass MB-1 P6",
            "@pam: /mb pass MB-1 Z1", "@pam: /mb pass MB-2 Z1", "@pam: /mb pass MB-2 P6",
        )
    )  # fmt: skip
    assert "Recorded: **P6** passed" in said
    assert "MB-1 has no item `Z1`. Its items: P1, P2, P3, P4, P5, P6, P7, P8" in said
    assert "Recorded: **Z1** passed" in said
    assert "MB-2 has no item `P6`. Its items: P1, P2, P3, P4, P5, Z1, P7, P8" in said


def test_why_an_item_of_a_confidential_role_does_not_apply_stays_out_of_the_channel(tmp_path: Path) -> None:
    head, heading, tail = SHIPPED.partition("items.S2]")
    said = "\n".join(
        played(
            tmp_path, head + heading + tail.replace("na = false", "na = true", 1), f"@sue: /mb submit {REMIND} v1.0.0",
            "@olive: /mb request MB-1", "@sam: /mb na MB-1 S2 it is an open door anyway", ":show prompt MB-1 security",
            "@pam: /mb status MB-1 --log",
        )
    )  # fmt: skip
    assert "**S2** not applicable by sam" in said
    assert "open door" not in said


REVIEWED = (
    f"@sue: /mb submit {REMIND} v1.0.0", "@olive: /mb request MB-1", "@pam: /mb approve MB-1 --all", "@dana: /mb approve MB-1 --all",
    "@sam: /mb approve MB-1 --all", "@quinn: /mb approve MB-1 --all", "@olive: /mb done MB-1 merged", "@rosa: /mb done MB-1 cut",
    "@olive: /mb done MB-1 listing https://github.com/mattermost/mattermost-marketplace/pull/7",
)  # fmt: skip


def test_a_role_that_is_switched_on_later_asks_nothing_of_what_is_listed(tmp_path: Path) -> None:
    listing = (
        "@dana: /mb approve MB-1 --listing",
        "@quinn: /mb approve MB-1 --listing",
        "@olive: /mb done MB-1 listed",
    )
    played(tmp_path, SHIPPED, *REVIEWED, *listing)
    said = played(
        tmp_path, with_docs(), "@olive: /mb status MB-1", "@olive: /mb request MB-1", "@olive: /mb done MB-1 promotion"
    )
    assert not [x for x in said if "docs reviewer" in x]
    assert [x for x in said if "its review is over" in x]
    assert [x for x in said if "Recorded for **MB-1 Remind 1.0.0**: promoted" in x]


def test_a_role_that_the_policy_has_no_longer_keeps_nobody_from_losing_theirs(tmp_path: Path) -> None:
    played(
        tmp_path,
        with_docs(),
        f"@sue: /mb submit {REMIND} v1.0.0",
        "@olive: /mb request MB-1",
        "@dora: /mb claim MB-1 docs",
    )
    head, _, tail = SHIPPED.partition("[roles.docs]")
    without = head + tail[tail.index("[days]") :].replace('role_if_enabled = "docs"\n', "")
    said = "\n".join(played(tmp_path, without, ":unrole dana dev", "@olive: /mb people", "@olive: /mb status MB-1"))
    assert "- `dev`: nobody" in said
    assert "MB-1 Remind 1.0.0" in said


def test_whoever_stands_in_for_an_owner_does_not_read_why_security_refused_what_was_cut(tmp_path: Path) -> None:
    rules = SHIPPED.replace(
        '[gates.listing]\nroles = ["dev", "qa"]', '[gates.listing]\nroles = ["dev", "qa", "security"]'
    )
    said = played(
        tmp_path, rules, "@ole: /mb help", ":role ole owner", *REVIEWED, "@olive: /mb away 2026-12-30 @ole",
        "@sam: /mb block MB-1 security --listing an open door",
    )  # fmt: skip
    told = [(index, line) for index, line in enumerate(said) if "found a fault in what was cut" in line]
    assert [x for _, x in told if x.startswith("mmbot to @olive")]
    assert not [x for _, x in told if x.startswith("mmbot to @ole:")]
    assert [said[index + 1].strip() for index, _ in told if "open door" in said[index + 1]] == ["> an open door"]
