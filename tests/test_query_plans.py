"""Every statement of the store is answered from an index, whatever the number of tickets: plans, not times."""

import ast
import importlib
import pkgutil
import re
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import ModuleType

import pytest
from sqlite_utils import Database

from mmbot import store
from mmbot.store import database, tickets
from mmbot.store.migrations import migrations

MODULES = [
    importlib.import_module(f"mmbot.store.{found.name}")
    for found in pkgutil.iter_modules(store.__path__)
    if found.name != "migrations"  # those run once, and may read all
]
READS_ALL = {
    "SELECT role, person, name FROM role ORDER BY role, name": "the book of roles is as small as the team",
    "SELECT count(*) FROM sqlite_master WHERE rowid = 1": "to see whether the file can be read",
    "SELECT role, person FROM granted ORDER BY role": "the book of roles is as small as the team",
    "SELECT data FROM book ORDER BY id DESC LIMIT ?": "the newest few, by their number",
    "SELECT count(*) FROM ticket": "a backup is compared with the store, in a thread of its own",
    "SELECT count(*) FROM fact": "likewise",
    "SELECT count(*) AS n FROM listed": "the catalogue has some hundred plugins",
    "SELECT plugin_id FROM listed WHERE plugin_key = ? OR name = ? COLLATE NOCASE": "likewise",
    "UPDATE outbox SET post = '', shown = '', asked = asked + 1, state = 'pending', due_at = ? "
    "WHERE kind = 'show' AND post <> ''": "the console's own store, once when it is opened",
    "UPDATE outbox SET anchor = ? WHERE state <> 'sent' AND kind <> 'do' AND post = '' AND anchor = ?": "a store that is put "
    "back, once and with nobody waiting",
}
"""Statements that read all of a table, and why they may."""
SHORT = (
    r" json_each |USING (COVERING )?INDEX outbox_(due|pending|parked)$|^SCAN due USING COVERING INDEX due_at$"
    r"|^SCAN search VIRTUAL TABLE INDEX (0:=|\d+:M2)$"
)
"""What may be gone through: values that were handed in, the rows that wait to be sent, the next moment of all, and what
the index of words finds, of which no more is read than the limit says."""
SORTS = {
    "SELECT role FROM role WHERE person = ? UNION SELECT role FROM granted WHERE person = ?": "as many rows as somebody has roles",
    "SELECT role, person, name FROM role ORDER BY role, name": "the book of roles is as small as the team",
    "SELECT party, sum(min(until, finished_at) - since) FROM json_each(?) JOIN life ON life.ticket = value JOIN booked ON "
    "booked.ticket = life.ticket WHERE since < finished_at GROUP BY party": "of some fifty tickets",
}
"""Statements whose rows are sorted though no limit ends them, and why they may."""


def _texts(node: ast.expr, module: ModuleType) -> list[str]:
    """What a literal says: with each of the module's own words that may be put in, and a question mark for anything else."""
    if isinstance(node, ast.Constant):
        return [node.value] if isinstance(node.value, str) else []
    texts = [""]
    for part in node.values if isinstance(node, ast.JoinedStr) else []:
        said = ["?"]
        if isinstance(part, ast.Constant):
            said = [str(part.value)]
        elif isinstance(part, ast.FormattedValue):
            said = PUT_IN.get(ast.unparse(part.value)) or [_worth(part.value, module)]
        texts = [before + after for before in texts for after in said]
    return texts


def _worth(expression: ast.expr, module: ModuleType) -> str:
    try:
        return str(eval(ast.unparse(expression), vars(module)))  # noqa: S307 -- an expression of the source that is tested
    except (NameError, AttributeError):  # a local value: `row` is a function of the module, too
        return "?"


PUT_IN = {
    "where": [tickets._WAITS, tickets._WAITS_FOR_NOBODY, tickets._WAITS_FOR_PERSON, tickets._WAITS_AT_ALL],  # noqa: SLF001 -- what the store puts in
    "those": ["state = 'pending'", "state = 'parked'"],
    "part": [database._ALL, database._OPEN],  # noqa: SLF001 -- likewise
}
"""Local names in the statements, and what they stand for."""


def _statements() -> Iterator[tuple[str, str]]:
    """Where each statement of the store stands, and its text with a question mark in place of each value."""
    for module in MODULES:
        tree = ast.parse(Path(module.__file__ or "").read_text("utf-8"))
        inside = {id(part) for node in ast.walk(tree) if isinstance(node, ast.JoinedStr) for part in node.values}
        for node in ast.walk(tree):
            if isinstance(node, ast.Constant | ast.JoinedStr) and id(node) not in inside:
                for text in _texts(node, module):
                    plain = " ".join(text.split())
                    if re.match(r"(SELECT|UPDATE|DELETE FROM|INSERT|REPLACE|WITH) ", plain):
                        yield f"{module.__name__}:{node.lineno}", plain


def _plan(connection: sqlite3.Connection, statement: str) -> list[str]:
    values = [0] * statement.count("?")
    return [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {statement}", values)]


@pytest.fixture(scope="module")
def connection() -> Iterator[sqlite3.Connection]:
    with closing(sqlite3.connect(":memory:")) as opened:
        migrations.apply(Database(opened))
        yield opened


SEARCHED = [(place, text) for place, text in _statements() if not text.startswith("INSERT")]


def test_the_statements_are_found_and_stand_nowhere_else() -> None:
    assert len(SEARCHED) > 30
    assert {text.split()[0] for _, text in SEARCHED} == {"SELECT", "UPDATE", "DELETE"}
    store = Path(database.__file__).parent
    names = (
        "backup.py",
        "book.py",
        "booked.py",
        "cases.py",
        "cuts.py",
        "database.py",
        "due.py",
        "index.py",
        "outbox.py",
        "reader.py",
        "reminders.py",
        "search.py",
        "seen.py",
        "tickets.py",
        "tx.py",
        "migrations.py",
    )
    read = {store / name for name in names}
    others = [x for x in store.parent.rglob("*.py") if x not in read]
    assert [x for x in others if re.search(r"\"(SELECT|UPDATE|DELETE FROM|INSERT INTO) \w", x.read_text("utf-8"))] == []


@pytest.mark.parametrize(("place", "statement"), SEARCHED, ids=[f"{place} {text[:60]}" for place, text in SEARCHED])
def test_a_statement_searches_an_index(connection: sqlite3.Connection, place: str, statement: str) -> None:
    plan = _plan(connection, statement)
    scans = [step for step in plan if step.startswith("SCAN") and not re.search(SHORT, step)]
    assert not scans or statement in READS_ALL, f"{place} reads all of a table: {plan}"


@pytest.mark.parametrize(("place", "statement"), SEARCHED, ids=[f"{place} {text[:60]}" for place, text in SEARCHED])
def test_a_statement_sorts_few_rows(connection: sqlite3.Connection, place: str, statement: str) -> None:
    plan = _plan(connection, statement)
    sorts = [step for step in plan if "TEMP B-TREE" in step]
    assert not sorts or " LIMIT " in statement or statement in SORTS, f"{place} sorts all that it finds: {plan}"


@pytest.mark.parametrize("statement", [*READS_ALL, *SORTS])
def test_what_is_excused_is_still_there(statement: str) -> None:
    assert statement in [text for _, text in SEARCHED]
