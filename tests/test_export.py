"""The whole file of a ticket: complete, safe to read, and without what is confidential unless that is wanted."""

import asyncio
import json
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from stat import S_IMODE
from typing import Any

import pytest
from click.testing import CliRunner, Result
from markdown_it import MarkdownIt

from mmbot import cli, policy
from mmbot.console import Console
from mmbot.domain import facts as f
from mmbot.domain.facts import read_fact
from mmbot.domain.ticket import Ticket, fold
from mmbot.export import ExportFailed, export
from mmbot.store.database import Store
from mmbot.terminal import ROLES

POLICY = policy.load()
MONDAY = 1_794_218_400_000
NASTY = "<b>x</b> [it](https://example.com/a) ![p](https://a.b/c.png) | `c` # y"
STORY = f"""\
:repo https://github.com/example/mattermost-plugin-remind v1.0.0 3f9c2ab com.github.example.remind Rem|ind 1.0.0
:repo https://github.com/example/mattermost-plugin-remind v1.0.1 81d0e44 com.github.example.remind Rem|ind 1.0.1
@sue: /mb submit https://github.com/example/mattermost-plugin-remind v1.0.0
@olive: /mb request MB-1
@quinn: /mb fail MB-1 F1 {NASTY}
@sam: /mb fail MB-1 S1 secret1
@sam: /mb pass MB-1 S2
@sam: /mb block MB-1 security secret2
@sam: /mb block MB-1 security told to all
@sam: /mb disclose MB-1 4
@pam: /mb approve MB-1 --all
:time +2d
@olive: /mb done MB-1 fork https://github.com/mattermost/fork made by hand
@olive: /mb skip MB-1 legal the same as before
@olive: /mb note MB-1 {NASTY}
@sue: /mb ready MB-1 v1.0.1
@quinn: /mb pass MB-1 F1
@sam: /mb unblock MB-1 2
@olive: /mb hold MB-1 {NASTY}
@otto: /mb submit https://github.com/example/mattermost-plugin-nothing"""


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    """A store that a running bot holds open, in a folder with an odd name."""
    folder = tmp_path_factory.mktemp("export") / "a?b #c%20"
    folder.mkdir()
    found = Store(folder / "mmbot.db", POLICY)
    console = Console(found, POLICY, MONDAY)
    console.settle(ROLES)
    for line in STORY.splitlines():
        asyncio.run(console.line(line))
    yield found
    found.close()


def made(store: Store, form: Any = "md", *, confidential: bool = False, number: int = 1) -> str:  # noqa: ANN401 -- a form
    return export(store.path, POLICY, number, form, confidential=confidential)


def test_from_the_facts_of_the_json_alone_follows_the_same_ticket(store: Store) -> None:
    found = json.loads(made(store, "json", confidential=True))
    facts = [read_fact(json.dumps(x)) for x in found["facts"]]
    assert facts == store.facts(1)
    ticket = store.ticket(1)
    assert ticket
    assert fold(found["number"], POLICY, facts) == ticket
    assert found["something_left_out"] is False
    assert (found["ticket"], found["stage"], found["commit"]) == ("MB-1", "on hold", ticket.commit)
    assert found["people"] == {f"id-{x}": x for x in ("olive", "pam", "quinn", "sam", "sue")}
    assert [x["text"] for x in found["findings"]] == [NASTY, "secret1", "secret2", "told to all"]
    judged = {x["item"]: x["standing"] for x in found["items"]}
    assert (judged["F1"], judged["P1"], judged["S2"], judged["T1"]) == ("passed", "held", "held", "open")


def test_what_is_confidential_is_left_out_and_that_it_is_is_said(store: Store) -> None:
    text, found = made(store), json.loads(made(store, "json"))
    assert "Something confidential is left out" in text
    assert found["something_left_out"] is True
    for exported in (text, json.dumps(found)):
        assert "secret" not in exported
        assert "told to all" in exported
    assert [x for x in found["facts"] if x.get("left_out")] == [
        {"kind": kind, "at": MONDAY, "by": "id-sam", "via": "slash:plugins-marketplace", "role": "security", "left_out": True}
        for kind in ("judged", "judged", "finding")
    ]  # fmt: skip
    assert [x for x in found["items"] if x["role"] == "security"] == [
        {"item": x, "role": "security", "left_out": True} for x in ("S1", "S2")
    ]
    assert re.findall(r"\| S\d .*", text) == [
        "| S1 | No exploitable vulnerability | left out: confidential |  |  |  |  |",
        "| S2 | Contact for vulnerability reports | left out: confidential |  |  |  |  |",
    ]


def test_with_it_the_file_says_so(store: Store) -> None:
    text = made(store, confidential=True)
    assert "**This file contains what is confidential**" in text
    assert text.count("secret1") == text.count("secret2") == 2, "once as a finding, once in the history"


def test_every_decision_stands_in_the_document(store: Store) -> None:
    text = made(store, confidential=True)
    for words in (
        "# MB-1 Rem\\|ind 1.0.1",
        "| product | pam | held at ",
        "| P1 | Open Source licence | held from an older commit | pam | 9 Nov 2026 10:00 |",
        "settled by quinn, 11 Nov 2026 10:00",
        "- [x] private fork made — said by olive, 11 Nov 2026 10:00",
        "- [ ] merged",
        "9 Nov 2026 10:00, sue: handed it in (by slash)",
        "mmbot: found commit",
        "olive: put it on hold: ",
    ):
        assert words in text
    assert len(re.findall(r"^\d+\. ", text, re.MULTILINE)) == len(store.facts(1))


@pytest.mark.parametrize("confidential", [True, False])
def test_nothing_that_people_wrote_becomes_markup(store: Store, *, confidential: bool) -> None:
    tokens = MarkdownIt("commonmark", {"html": True}).enable("table").parse(made(store, confidential=confidential))
    inline = [part for token in tokens for part in (token.children or ())]
    assert {x.type for x in (*tokens, *inline)} & {"html_block", "html_inline", "image"} == set()
    links = {str(x.attrs["href"]).split("/")[3] for x in inline if x.type == "link_open"}
    assert links == {"example", "mattermost"}
    assert all("example.com" not in str(x.attrs.get("href")) for x in inline)
    heads = [x for x in tokens if x.type == "heading_open"]
    assert len(heads) == 6 + 4
    tables = [len(re.findall(r"(?<!\\)\|", line)) for line in made(store).splitlines() if line.startswith("| ")]
    assert set(tables) == {4, 8}


def test_a_ticket_without_a_commit_has_a_file_too(store: Store) -> None:
    assert "Stage: reference wanted" in made(store, number=2)
    assert json.loads(made(store, "json", number=2))["verdicts"][0]["verdict"] == "not asked yet"


def test_nothing_is_written_and_no_lock_taken(store: Store) -> None:
    before = store.path.read_bytes()
    with store.transaction():
        store.remember("x", "not yet committed")
        made(store)
    assert store.path.read_bytes() == before


def test_a_store_that_nobody_has_open_is_read(tmp_path: Path) -> None:
    Store(tmp_path / "mmbot.db", POLICY).close()
    with pytest.raises(ExportFailed, match="There is no MB-1 in"):
        export(tmp_path / "mmbot.db", POLICY, 1, "md", confidential=False)
    again = Store(tmp_path / "mmbot.db", POLICY)
    with again.transaction():
        opened = f.Submitted(requirements=POLICY.current, by="id-nobody-knows", at=MONDAY)
        again.save(Ticket(1, POLICY).plus(opened), "e")
    again.close()
    assert "Submitted by id-nobody-knows" in export(tmp_path / "mmbot.db", POLICY, 1, "md", confidential=False).replace(
        "\\", ""
    )


@pytest.mark.parametrize(
    ("statement", "says"),
    [
        ("INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('mmbot', 'm999', '2030')", "newer mmbot"),
        ("DELETE FROM _sqlite_migrations WHERE name = 'm003_seen'", "older mmbot"),
        ("DROP TABLE _sqlite_migrations", "no store of mmbot"),
    ],
)  # fmt: skip
def test_a_store_of_another_version_is_refused_in_a_sentence(tmp_path: Path, statement: str, says: str) -> None:
    place = tmp_path / "mmbot.db"
    Store(place, POLICY).close()
    with closing(sqlite3.connect(place)) as connection:
        connection.execute(statement)
        connection.commit()
    with pytest.raises(ExportFailed, match=says):
        export(place, POLICY, 1, "md", confidential=False)


def test_what_is_no_store_is_refused_in_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ExportFailed, match="There is no store at"):
        export(tmp_path / "mmbot.db", POLICY, 1, "md", confidential=False)
    assert list(tmp_path.iterdir()) == []
    (tmp_path / "mmbot.db").write_text("something else" * 100)
    with pytest.raises(ExportFailed, match="is no store of mmbot"):
        export(tmp_path / "mmbot.db", POLICY, 1, "md", confidential=False)


# On the command line


@pytest.fixture
def config(store: Store, tmp_path: Path) -> Path:
    path = tmp_path / "config.toml"
    begin = (
        '[mattermost]\nurl = "http://127.0.0.1:9"\nteam = "community"\nchannel = "reviews"\n[people]\nadmin = ["ada"]\n'
    )
    path.write_text(f"{begin}[store]\npath = {json.dumps(str(store.path))}\n", "utf-8")
    return path


def mmbot(*arguments: str | Path) -> Result:
    return CliRunner().invoke(cli.main, [str(x) for x in arguments])


@pytest.mark.parametrize("named", ["MB-1", "mb1", "#1", "1"])
def test_the_command_writes_it_to_the_screen(store: Store, config: Path, named: str) -> None:
    result = mmbot("export", named, "-c", config)
    assert result.exit_code == 0, result.output
    assert result.stdout == made(store)


def test_the_command_writes_a_file_for_its_owner_alone(store: Store, config: Path, tmp_path: Path) -> None:
    place = tmp_path / "MB-1.json"
    for _ in range(2):
        result = mmbot("export", "MB-1", "-c", config, "--format", "json", "--confidential", "--output", place)
        assert (result.exit_code, result.output) == (0, "")
        assert place.read_text("utf-8") == made(store, "json", confidential=True)
    assert oct(S_IMODE(place.stat().st_mode)) == "0o600"


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("MB-99",), "There is no MB-99 in"),
        (("remind",), "remind is no ticket: a ticket is called MB-7."),
        (("MB-1", "--output", "/nowhere/at/all"), "/nowhere/at/all: No such file or directory."),
    ],
)
def test_the_command_says_what_it_cannot_do(config: Path, arguments: tuple[str, ...], says: str) -> None:
    result = mmbot("export", *arguments, "-c", config)
    assert result.exit_code == 1
    assert result.stdout == ""
    assert says in result.stderr


def test_what_was_cut_stands_in_it_with_the_reason_why_it_was_cut_again(tmp_path: Path) -> None:
    page = "https://github.com/mattermost/mattermost-plugin-remind"
    repository = f"{page} main 3f9c2ab com.github.example.remind Remind 1.0.0"
    lines = (
        f":repo {repository}", f"@sue: /mb submit {page} main", "@olive: /mb request MB-1",
        *(f"@{who}: /mb approve MB-1 --all" for who in ("pam", "dana", "sam", "tom")),
        "@olive: /mb done MB-1 merged", "@rosa: /mb cutplugin MB-1", f"@rosa: /mb cutplugin MB-1 --force {NASTY}",
    )  # fmt: skip
    with closing(Store(tmp_path / "mmbot.db", POLICY)) as found:
        console = Console(found, POLICY, MONDAY)
        console.settle(ROLES)
        for line in lines:
            asyncio.run(console.line(line))
        text, values = made(found), json.loads(made(found, "json"))
    cuts = text.partition("## Cuts")[2].partition("\n## ")[0]
    assert cuts.count("mattermost-plugin-remind-v1.0.0 from") == 2
    assert "asked for by rosa" in cuts
    assert cuts.count("uploaded,") == 2
    assert "Forced: " in cuts
    assert "<b>" not in cuts
    assert [(x["number"], x["state"]) for x in values["cuts"]] == [(1, "done"), (2, "done")]
    assert values["cuts"][1]["facts"][0]["forced"] == NASTY
