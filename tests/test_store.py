"""The store: what is committed stays, what is refused leaves no trace, and one process writes."""

import json
import sqlite3
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from stat import S_IMODE

import pytest
from sqlite_utils import Database

from mmbot import policy
from mmbot.domain import facts as f
from mmbot.domain import review
from mmbot.domain.intake import Listed
from mmbot.domain.ticket import Ticket
from mmbot.domain.turns import history
from mmbot.events import Person
from mmbot.store import outbox, seen, tickets
from mmbot.store.database import WITHHELD, Store, StoreTooNew
from mmbot.store.lock import StoreBusy
from mmbot.store.migrations import migrations

POLICY = policy.load()
AT = 1_794_218_400_000
REPOSITORY = "https://github.com/example/mattermost-plugin-remind"
KEY = "github.com/example/mattermost-plugin-remind"
COMMIT = "3f9c2ab" + "0" * 33
OURS = "type = 'table' AND name NOT LIKE 'search~_%' ESCAPE '~'"
"""What of the schema are tables of ours: not those that SQLite keeps behind the search."""
OPEN = """
import pathlib, sys
from mmbot.policy import load
from mmbot.store.database import Store
from mmbot.store.lock import StoreBusy
try:
    Store(pathlib.Path(sys.argv[1]), load())
except StoreBusy as busy:
    sys.exit(f"busy: {busy}")
"""


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "mmbot.db"


@pytest.fixture
def store(path: Path) -> Iterator[Store]:
    found = Store(path, POLICY)
    yield found
    found.close()


def full(path: Path) -> Store:
    """A store with a ticket under review, people, roles, a catalogue and an outbox row."""
    store = Store(path, POLICY)
    with store.transaction():
        store.first_time("event1", AT)
        save(store, reviewed(1))
        store.know([Person("id-sam", "sam", "Europe/Berlin"), Person("id-bot", "mmbot", is_bot=True)])
        store.set_roles([("security", "id-sam", "sam")])
        store.set_catalogue([Listed("com.example.badges", "Badges", "1.0.0", frozenset({"github.com/example/badges"}))])
        store.remember("cursor", "42")
        outbox.show(store, "card:1", "market", "", AT)
    return store


def reviewed(number: int) -> Ticket:
    ticket = Ticket(number, POLICY).plus(
        f.Submitted(requirements=POLICY.current, by="id-sue", at=AT, via="slash"),
        f.Assigned(role="owner", person="id-olive", at=AT, via="slash"),
        f.Resolved(
            text="v1.0.0", repository=REPOSITORY, ref_kind="tag", ref_name="v1.0.0", commit=COMMIT, plugin_id="Com.Example.Remind",
            name="Remind é", version="1.0.0", evidence={"license": "LICENSE"}, track="new", at=AT + 1, via="mmbot",
        ),
        f.Requested(role="security", by="id-olive", at=AT + 2, via="slash"),
    )  # fmt: skip
    return review.judged(ticket, ["S1"], "failed", "a hole “here” 🕳", "id-sam", AT + 3, "click:c1")


def save(store: Store, ticket: Ticket) -> Ticket:
    return store.save(ticket, "event1")


def everything(store: Store) -> str:
    tables = [x["name"] for x in store.query(f"SELECT name FROM sqlite_master WHERE {OURS} ORDER BY name")]  # noqa: S608 -- as above
    return json.dumps({name: store.query(f"SELECT * FROM {name}") for name in tables})  # noqa: S608 -- our own table names


def test_a_store_that_was_written_is_opened_again_with_all_that_is_in_it(path: Path) -> None:
    before = full(path)
    ticket, turns, rows, secret = before.ticket(1), before.turns(1), everything(before), before.secret("buttons")
    assert ticket
    assert ticket.findings[0].text == "a hole “here” 🕳"
    rows = everything(before)
    before.close()
    after = Store(path, POLICY)
    assert everything(after) == rows
    assert after.ticket(1) == ticket
    assert after.turns(1) == turns
    assert after.facts(1) == list(reviewed(1).news)
    assert after.secret("buttons") == secret
    assert len(secret) == 32
    assert after.state("cursor") == "42"
    assert not after.first_time("event1", AT)
    assert after.person_named("SAM") == Person("id-sam", "sam", "Europe/Berlin")
    assert after.person("id-bot") == Person("id-bot", "mmbot", is_bot=True)
    assert after.roles_of("id-sam") == {"security"}
    assert after.next_number() == 2
    after.close()


def test_what_is_searched_is_found(path: Path) -> None:
    store = full(path)
    assert tickets.same_plugin(store, 0, KEY, "") == [1]
    assert tickets.same_plugin(store, 2, "", "com.example.remind") == [1]
    assert tickets.same_plugin(store, 1, KEY, "com.example.remind") == []
    assert tickets.same_plugin(store, 2, "", "") == []
    assert tickets.tickets_named(store, "rem") == tickets.tickets_named(store, "Com.Example.REMIND") == [1]
    assert tickets.tickets_named(store, "%") == tickets.tickets_named(store, "emind") == []
    assert tickets.tickets_of(store, "id-sue") == tickets.tickets_of(store, "id-olive") == [1]
    assert tickets.tickets_of(store, "id-sam") == []
    for parties, person in ((["submitter"], ""), ([], "id-sue")):
        rows, count = tickets.waiting_for(store, parties, person)
        assert [(x["party"], x["person"], x["why"]) for x in rows] == [("submitter", "id-sue", "answer")]
        assert count == 1
    assert store.ticket(2) is None
    assert store.turns(2) == {}
    store.close()


def test_the_files_are_for_their_owner_alone(path: Path) -> None:
    store = full(path)
    assert {x.name: oct(S_IMODE(x.stat().st_mode)) for x in path.parent.iterdir()} == dict.fromkeys(
        ("mmbot.db", "mmbot.db-wal", "mmbot.db-shm", "mmbot.db.lock"), "0o600"
    )
    store.close()


def test_a_second_process_is_refused_and_let_in_when_the_first_is_gone(path: Path) -> None:
    store = Store(path, POLICY)
    command = [sys.executable, "-c", OPEN, str(path)]
    root = Path(__file__).parents[1]
    second = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)  # noqa: S603 -- our own program
    assert second.returncode == 1
    assert second.stderr.startswith("busy: Another mmbot is using this store")
    assert str(path) in second.stderr
    with pytest.raises(StoreBusy):
        Store(path, POLICY)
    store.close()
    assert subprocess.run(command, cwd=root, check=False).returncode == 0  # noqa: S603 -- our own program


def test_a_store_of_a_newer_version_is_refused_and_not_touched(path: Path) -> None:
    store = full(path)
    store.execute(
        "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('mmbot', 'm999_later', '2030')"
    )
    store.close()
    before = path.read_bytes()
    for _ in range(2):  # the second time, too: whoever was refused holds no lock
        with pytest.raises(StoreTooNew, match="m999_later"):
            Store(path, POLICY)
    assert path.read_bytes() == before


def test_what_is_undone_leaves_no_trace(path: Path) -> None:
    store = full(path)
    before, ticket, turns = everything(store), store.ticket(1), store.turns(1)
    assert ticket
    with pytest.raises(ZeroDivisionError):
        _write_and_fail(store, ticket)
    assert (everything(store), store.ticket(1), store.turns(1), store.ticket(2)) == (before, ticket, turns, None)
    store.close()


def _write_and_fail(store: Store, ticket: Ticket) -> None:
    with store.transaction():
        save(store, review.blocked(ticket, "dev", "too slow", "id-dana", AT + 9, "slash"))
        save(store, reviewed(store.next_number()))
        assert store.ticket(2)
        assert store.turns(1) != {}
        raise ZeroDivisionError


def _write_and_refuse(store: Store, ticket: Ticket) -> None:
    with store.savepoint():
        save(store, review.blocked(ticket, "dev", "too slow", "id-dana", AT + 9, "slash"))
        raise ZeroDivisionError


def test_a_refusal_undoes_its_part_and_keeps_the_rest(path: Path) -> None:
    store = full(path)
    ticket = store.ticket(1)
    assert ticket
    with store.transaction():
        store.first_time("event2", AT)
        with pytest.raises(ZeroDivisionError):
            _write_and_refuse(store, ticket)
        assert store.ticket(1) == ticket
        outbox.add(store, "say", AT, body="no")
    assert store.ticket(1) == ticket
    assert not store.first_time("event2", AT)
    assert [x["kind"] for x in store.query("SELECT kind FROM outbox ORDER BY id")] == ["show", "say"]
    store.close()


def test_another_policy_moves_every_open_deadline(path: Path) -> None:
    before = full(path)
    due, waits = before.query("SELECT party, due FROM turn ORDER BY party"), dict(before.turns(1))
    before.close()
    slower = POLICY.model_copy(update={"days": POLICY.days.model_copy(update={"owner": POLICY.days.owner + 5})})
    after = Store(path, slower)
    moved = after.query("SELECT party, due FROM turn ORDER BY party")
    assert [x["party"] for x in moved] == [x["party"] for x in due]
    shift = {new["party"]: new["due"] - old["due"] for old, new in zip(due, moved, strict=True)}
    assert shift.pop("owner") == 7 * 86_400_000  # five working days
    assert set(shift.values()) <= {0}
    assert after.turns(1) == history(1, slower, after.facts(1))[1] != waits
    after.close()


def test_the_index_is_not_rebuilt_where_nothing_changed(path: Path) -> None:
    before = full(path)
    before.execute("UPDATE ticket SET name = 'touched'")
    before.close()
    same = Store(path, POLICY)
    assert tickets.tickets_named(same, "touched") == [1]
    same.remember("index", "older")
    same.close()
    rebuilt = Store(path, POLICY)
    assert tickets.tickets_named(rebuilt, "touched") == []
    assert tickets.tickets_named(rebuilt, "remind") == [1]
    rebuilt.close()


NAMES = [migration.name for migration in migrations._migrations]  # noqa: SLF001 -- the library lists only what is pending


@pytest.mark.parametrize("count", range(1, len(NAMES) + 1))
def test_every_migration_is_applied_to_a_store_with_rows_in_it(path: Path, tmp_path: Path, count: int) -> None:
    filled = full(tmp_path / "filled.db")
    rows = {x["name"]: filled.query(f"SELECT * FROM {x['name']}") for x in filled.query(  # noqa: S608 -- our own table names
        f"SELECT name FROM sqlite_master WHERE {OURS} AND name NOT LIKE '%migrations' AND name NOT LIKE 'sqlite%' AND name <> 'search'"  # noqa: S608 -- ours
    )}  # fmt: skip
    filled.close()
    old = Database(path)
    migrations.apply(old, stop_before=NAMES[count] if count < len(NAMES) else None)
    for name, content in rows.items():
        if old[name].exists():
            known = set(old.table(name).columns_dict)
            old.table(name).insert_all({k: v for k, v in row.items() if k in known} for row in content)
    old.close()
    store = Store(path, POLICY)
    ticket = store.ticket(1)
    assert ticket
    assert ticket == reviewed(1).stored()
    assert store.query("PRAGMA foreign_key_check") == []
    assert store.query("PRAGMA integrity_check")[0]["integrity_check"] == "ok"
    store.close()


def test_every_table_is_strict_and_no_mistyped_one_appears(store: Store) -> None:
    tables = store.query(
        f"SELECT name, strict FROM pragma_table_list WHERE schema = 'main' AND {OURS} AND name NOT LIKE 'sqlite%'"  # noqa: S608 -- ours
    )
    assert {x["name"] for x in tables if not x["strict"]} == {"_sqlite_migrations"}


def test_a_role_that_was_withheld_is_held_by_nobody(store: Store) -> None:
    store.set_roles([("dev", "id-dana", "dana"), ("dev", f"{WITHHELD}id-ole", "ole"), ("dev", "id-ada", "ada")])
    assert store.members("dev") == ["id-ada", "id-dana"]
    assert store.roles_of("id-ole") == frozenset()


def test_a_cache_that_is_full_forgets_and_finds_again(store: Store) -> None:
    store._cache.update({n: (Ticket(n, POLICY), {}) for n in range(10_000, 12_000)})  # noqa: SLF001 -- to read what is stored
    with store.transaction():
        save(store, reviewed(1))
    assert len(store._cache) == 2_000  # noqa: SLF001 -- to read what is stored
    assert store.ticket(1) == reviewed(1).stored()


def test_a_commit_that_fails_undoes_everything_and_the_next_one_works(store: Store) -> None:
    def unsaved() -> None:
        with store.transaction():
            store.execute("PRAGMA defer_foreign_keys = ON")
            store.remember("kept", "no")
            store.execute(
                "INSERT INTO turn (ticket, party, person, why, since, due) VALUES (99, 'qa', '', 'review', 0, 0)"
            )

    with pytest.raises(sqlite3.IntegrityError):
        unsaved()
    assert store.state("kept") == ""
    with store.transaction():
        store.remember("kept", "yes")
    assert store.state("kept") == "yes"


def test_events_are_forgotten_after_a_month_but_not_those_of_steps_that_may_happen_again(store: Store) -> None:
    outbox.add(store, "do", AT, subject="resolve", body="{}")
    outbox.add(store, "do", AT, subject="resolve", body="{}")
    waits, over = [row["key"] for row in store.query("SELECT key FROM outbox ORDER BY id")]
    store.execute("UPDATE outbox SET state = 'sent' WHERE key = ?", over)
    for event, at in (("post:old", AT), (f"do:{waits}", AT), (f"do:{over}", AT), ("post:new", AT + 1)):
        assert store.first_time(event, at)
    seen.forget(store, AT + seen.KEPT - 1)
    assert seen.forgotten_until(store) == 0
    seen.forget(store, AT + seen.KEPT)
    assert [x["event"] for x in store.query("SELECT event FROM seen ORDER BY event")] == [f"do:{waits}", "post:new"]
    assert seen.forgotten_until(store) == AT
    seen.forget(store, AT + seen.KEPT - 5)  # a clock that was set back
    assert seen.forgotten_until(store) == AT


def test_no_more_is_forgotten_at_once_than_nobody_waits_for(store: Store) -> None:
    for number in range(seen.AT_ONCE + 1):
        store.first_time(f"post:{number}", AT + number)
    for left in (1, 0):
        seen.forget(store, AT + seen.AT_ONCE + seen.KEPT)
        assert store.query("SELECT count(*) AS n FROM seen")[0]["n"] == left
