"""The open store: one connection that writes, held by a lock for the life of the process."""

import hashlib
import json
import os
import secrets
import shutil
import sqlite3
import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import structlog
from sqlite_utils import Database

from mmbot.domain import facts as f
from mmbot.domain.booked import account
from mmbot.domain.intake import Listed
from mmbot.domain.rights import OUTSIDE, is_outside
from mmbot.domain.ticket import Ticket
from mmbot.domain.turns import Turn, history
from mmbot.events import Person
from mmbot.policy import Policy
from mmbot.store import booked, index, search
from mmbot.store.failing import Connection, StoreFails
from mmbot.store.lock import locked
from mmbot.store.migrations import migrations
from mmbot.words.people import former
from mmbot.words.phrases import plain

log = structlog.get_logger()

INDEX_VERSION = 5
"""Raise it when what stands in the index columns is derived differently: they are rebuilt at the next start."""
CACHED = 2_000
AT_ONCE = 500
"""How many tickets are read at once where all of them are gone through."""
_ALL, _OPEN = "number > ?", "number > ? AND open = 1"
WITHHELD = "!"
"""Stands before a user id that lost a role because its configured name means somebody else now; no user id begins so."""

BUSY_MILLISECONDS = 1_000
"""How long a statement waits for another program's lock: all else waits as well."""
ROOM = 4_000_000
"""Bytes that must be free before a store that failed is used again: else it would fail again at once."""

Row = Mapping[str, Any]


class StoreTooNew(Exception):  # noqa: N818 -- a sentence for the operator
    """The store was written by a newer version."""


class StoreUnusable(Exception):  # noqa: N818 -- a sentence for the operator
    """The store cannot be opened: it is damaged, locked by another program, or its disk is full."""


class Store:
    """The facts of all tickets and what goes with them. Every read outside `transaction` sees what is committed."""

    def __init__(self, path: Path, policy: Policy) -> None:
        """Open (and create or upgrade) the store; raises StoreBusy, StoreTooNew, StoreUnusable."""
        self.path, self.policy = path, policy
        self.trouble = ""
        """Why the store cannot be used at the moment, "" while it can."""
        self._damaged, self._trying, self._since = False, False, 0.0
        self._cache: dict[int, tuple[Ticket, Mapping[str, Turn]]] = {}
        self._lock: int | None = locked(path)
        try:
            if not path.exists():
                os.close(os.open(path, os.O_CREAT | os.O_WRONLY, 0o600))
            self.connection = sqlite3.connect(
                path, isolation_level=None, timeout=BUSY_MILLISECONDS / 1000, factory=Connection
            )
        except BaseException:
            os.close(self._lock)
            raise
        try:
            self._prepare()
        except StoreFails as error:
            self.close()
            mend = " Keep that file, and put a backup in its place: `mmbot restore FILE`." if error.damaged else ""
            raise StoreUnusable(f"{path} cannot be opened: {error}.{mend}") from error
        except BaseException:
            self.close()
            raise

    def _prepare(self) -> None:
        """See that the store is sound, and bring it up to date."""
        for pragma in ("journal_mode = WAL", "synchronous = FULL", "foreign_keys = ON"):
            self.connection.execute(f"PRAGMA {pragma}").fetchall()
        sound = self.connection.execute("PRAGMA quick_check(1)").fetchall()
        if sound != [("ok",)]:
            raise StoreFails(f"it is damaged ({' '.join(str(sound[0][0]).split())})", damaged=True)
        self.db = Database(self.connection)
        known = {migration.name for migration in migrations._migrations}  # noqa: SLF001 -- the library lists only what is pending
        unknown = {migration.name for migration in migrations.applied(self.db)} - known
        if unknown:
            raise StoreTooNew(
                f"{self.path} was written by a newer mmbot ({', '.join(sorted(unknown))}). Upgrade mmbot to open it."
            )
        migrations.apply(self.db)
        self._fresh_index()
        self.connection.failed = self._fails

    def close(self) -> None:
        """Close the store and let the lock go; once more does nothing."""
        self.connection.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """One event's transaction: everything in it is committed together, or nothing is. Raises StoreFails."""
        if self.trouble and not self._trying:
            raise StoreFails(self.trouble, damaged=self._damaged)
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            yield
            if not self.connection.in_transaction:
                raise StoreFails(self.trouble or "it gave a transaction up")  # noqa: TRY301 -- as if COMMIT had said so
            self.connection.execute("COMMIT")
        except BaseException:
            self._cache.clear()
            if self.connection.in_transaction:  # SQLite itself undoes it on some errors, such as a full disk
                self.connection.execute("ROLLBACK")
            raise

    def usable(self) -> bool:
        """Try whether the store can be written; where it failed before, it is said that it can be again."""
        if self._damaged:
            return False
        self._trying = True
        try:
            if self.trouble and shutil.disk_usage(self.path.parent).free < ROOM:
                return False
            with self.transaction():
                self.remember("tried", str(time.time_ns()))
        except (StoreFails, OSError):
            return False
        finally:
            self._trying = False
        if self.trouble:
            log.warning("the store can be used again", seconds=round(time.monotonic() - self._since))
            self.trouble = ""
            self.connection.execute(f"PRAGMA busy_timeout = {BUSY_MILLISECONDS}").fetchall()
        return True

    def _fails(self, error: StoreFails) -> None:
        """Keep in mind that the store failed, and say so once."""
        if not self.trouble:
            log.error("the store fails: nothing is taken in until it can be used again", why=str(error))
            self._since = time.monotonic()
        if not self._damaged:
            self.trouble, self._damaged = str(error), error.damaged
        self.connection.execute("PRAGMA busy_timeout = 0").fetchall()  # whoever asks meanwhile need not wait for it

    @contextmanager
    def savepoint(self) -> Iterator[None]:
        """The part of a transaction that a refusal undoes."""
        try:
            with self.db.atomic():
                yield
        except BaseException:
            self._cache.clear()
            raise

    def query(self, sql: str, *values: object) -> list[Row]:
        """Rows of a SELECT, all fetched."""
        cursor = self.connection.execute(sql, values)
        names = [column[0] for column in cursor.description]
        return [dict(zip(names, row, strict=True)) for row in cursor.fetchall()]

    def execute(self, sql: str, *values: object) -> int:
        """Run one statement that changes something; returns how many rows it touched."""
        return self.connection.execute(sql, values).rowcount

    # State and events seen

    def state(self, key: str) -> str:
        """A remembered value, "" when there is none."""
        rows = self.query("SELECT value FROM state WHERE key = ?", key)
        return str(rows[0]["value"]) if rows else ""

    def remember(self, key: str, value: str) -> None:
        """Keep a value under a key."""
        self.execute(
            "INSERT INTO state (key, value) VALUES (?, ?) ON CONFLICT (key) DO UPDATE SET value = excluded.value",
            key,
            value,
        )

    def secret(self, key: str) -> bytes:
        """A random key of 32 bytes that is made once and kept."""
        if not self.state(key):
            self.remember(key, secrets.token_hex(32))
        return bytes.fromhex(self.state(key))

    def first_time(self, event: str, at: int) -> bool:
        """Record that an event was seen; False when it was seen before."""
        return self.execute("INSERT OR IGNORE INTO seen (event, at) VALUES (?, ?)", event, at) == 1

    def seen(self, event: str) -> bool:
        """Whether an event was seen before."""
        return bool(self.query("SELECT 1 FROM seen WHERE event = ?", event))

    def forget(self, event: str) -> None:
        """Let an event count when it comes again."""
        self.execute("DELETE FROM seen WHERE event = ?", event)

    # Tickets

    def ticket(self, number: int) -> Ticket | None:
        """A ticket by its number."""
        found = self._ticket(number)
        return found[0] if found else None

    def turns(self, number: int) -> Mapping[str, Turn]:
        """Whom a ticket waits for, by party."""
        found = self._ticket(number)
        return found[1] if found else {}

    def facts(self, number: int) -> list[f.AnyFact]:
        """All facts of a ticket, in order."""
        rows = self.connection.execute("SELECT data FROM fact WHERE ticket = ? ORDER BY id", (number,)).fetchall()
        return [f.read_fact(row[0]) for row in rows]

    def next_number(self) -> int:
        """The number for a new ticket."""
        return int(self.connection.execute("SELECT coalesce(max(number), 0) + 1 FROM ticket").fetchone()[0])

    def save(self, ticket: Ticket, event: str) -> Ticket:
        """Store a ticket's news and its index columns; returns the ticket without news."""
        before = self._ticket(ticket.number) or (Ticket(ticket.number, ticket.policy), {})
        now = account(*before, ticket.news)
        turns = now.turns
        index.put(self.connection, self.policy, ticket, turns, ticket.changed_at)
        booked.put(self.connection, now)
        self.connection.executemany(
            "INSERT INTO fact (ticket, kind, at, by, via, event, data) VALUES (?, ?, ?, ?, ?, ?, ?)",
            [(ticket.number, x.kind, x.at, x.by, x.via, event, x.model_dump_json()) for x in ticket.news],
        )
        stored = ticket.stored()
        self._keep(stored, turns)
        return stored

    def tickets_at(self, repository_key: str) -> list[int]:
        """The tickets whose repository or fork it is, those under way first, then the newest first: twenty at most."""
        rows = self.query(
            """SELECT number, open FROM ticket WHERE repository_key = ?
               UNION SELECT number, open FROM ticket WHERE fork_key = ? AND fork_key <> ''
               ORDER BY open DESC, number DESC LIMIT 20""",
            repository_key, repository_key,
        )  # fmt: skip
        return [row["number"] for row in rows]

    # People and roles

    def person(self, user: str) -> Person | None:
        """Somebody known by id."""
        rows = self.connection.execute("SELECT id, name, zone, is_bot FROM person WHERE id = ?", (user,)).fetchall()
        return next((Person(found, name, zone, bool(is_bot)) for found, name, zone, is_bot in rows), None)

    def who(self, user: str) -> str:
        """A person's user name, without the @; "somebody" for one who is not known. Safe to post."""
        if is_outside(user):
            return plain(user.removeprefix(OUTSIDE), 80)
        person = self.person(user)
        return person.name if person else "somebody"

    def person_named(self, name: str) -> Person | None:
        """Somebody known by user name."""
        rows = self.query("SELECT id FROM person WHERE name = ?", name.lower())
        return self.person(rows[0]["id"]) if rows else None

    def know(self, people: Iterable[Person]) -> None:
        """Remember what was learnt of people; writes only what is new. A name is that of one person, the last who was seen with it."""
        for person in people:
            if self.person(person.id) != person:
                self.execute(
                    "UPDATE person SET name = ? WHERE name = ? AND id <> ?",
                    former(person.name.lower()), person.name.lower(), person.id,
                )  # fmt: skip
                self.execute(
                    "INSERT OR REPLACE INTO person (id, name, zone, is_bot) VALUES (?, ?, ?, ?)",
                    person.id, person.name.lower(), person.zone, int(person.is_bot),
                )  # fmt: skip
                search.rename(self.connection, person.id)

    def roles_of(self, user: str) -> frozenset[str]:
        """The roles that a user id holds."""
        rows = self.connection.execute(
            "SELECT role FROM role WHERE person = ? UNION SELECT role FROM granted WHERE person = ?", (user, user)
        ).fetchall()
        return frozenset(row[0] for row in rows)

    def members(self, role: str) -> list[str]:
        """The user ids that hold a role, by name."""
        rows = self.query(
            """SELECT person, name FROM role WHERE role = ? UNION ALL
               SELECT granted.person, coalesce(person.name, '') AS name FROM granted
               LEFT JOIN person ON person.id = granted.person WHERE granted.role = ?""",
            role, role,
        )  # fmt: skip
        by_name = sorted(rows, key=lambda row: row["name"])
        return list(dict.fromkeys(row["person"] for row in by_name if not row["person"].startswith(WITHHELD)))

    def role_names(self) -> list[Row]:
        """Every (role, person, configured name) of the book."""
        return self.query("SELECT role, person, name FROM role ORDER BY role, name")

    def set_roles(self, rows: Iterable[tuple[str, str, str]]) -> None:
        """Replace the book of roles by these (role, user id, configured name)."""
        self.execute("DELETE FROM role")
        self.connection.executemany("INSERT OR IGNORE INTO role (role, person, name) VALUES (?, ?, ?)", list(rows))

    # The catalogue of listed plugins

    def listed(self, repository_key: str, plugin_id: str) -> list[Listed]:
        """The listed plugins that share a repository or an id (case ignored)."""
        rows = self.query(
            """SELECT * FROM listed WHERE plugin_key = ? OR plugin_key IN
               (SELECT plugin_key FROM listed_repository WHERE repository_key = ?)""",
            plugin_id.lower(), repository_key,
        )  # fmt: skip
        return [
            Listed(
                row["plugin_id"],
                row["name"],
                row["version"],
                frozenset(
                    r["repository_key"]
                    for r in self.query(
                        "SELECT repository_key FROM listed_repository WHERE plugin_key = ?", row["plugin_key"]
                    )
                ),
                frozenset(json.loads(row["versions"])),
            )
            for row in rows
        ]

    def set_catalogue(self, plugins: Iterable[Listed]) -> None:
        """Replace the catalogue."""
        all_of_them = list(plugins)
        self.execute("DELETE FROM listed_repository")
        self.execute("DELETE FROM listed")
        self.connection.executemany(
            "INSERT INTO listed (plugin_key, plugin_id, name, version, versions) VALUES (?, ?, ?, ?, ?)",
            [
                (x.plugin_id.lower(), x.plugin_id, x.name, x.version, json.dumps(sorted(x.versions)))
                for x in all_of_them
            ],
        )
        self.connection.executemany(
            "INSERT OR IGNORE INTO listed_repository (repository_key, plugin_key) VALUES (?, ?)",
            [(key, x.plugin_id.lower()) for x in all_of_them for key in x.repositories],
        )

    def catalogue_size(self) -> int:
        """How many plugins the catalogue lists."""
        return int(self.query("SELECT count(*) AS n FROM listed")[0]["n"])

    def _ticket(self, number: int) -> tuple[Ticket, Mapping[str, Turn]] | None:
        if found := self._cache.get(number):
            return found
        facts = self.facts(number)
        if not facts:
            return None
        ticket, turns = history(number, self.policy, facts)
        self._keep(ticket.stored(), turns)
        return self._cache[number]

    def _keep(self, ticket: Ticket, turns: Mapping[str, Turn]) -> None:
        if len(self._cache) >= CACHED:
            self._cache.pop(next(iter(self._cache)))
        self._cache[ticket.number] = (ticket, turns)

    def _fresh_index(self) -> None:
        """Rebuild what is searched when policy or code changed how it is derived; the policy moves nothing in ended tickets."""
        code, policy = str(INDEX_VERSION), hashlib.sha256(self.policy.model_dump_json().encode()).hexdigest()
        before = self.state("index")
        if before == f"{code}:{policy}":
            return
        part = _OPEN if before.startswith(f"{code}:") else _ALL
        with self.transaction():
            last = 0
            while rows := self.query(
                f"SELECT number FROM ticket WHERE {part} ORDER BY number LIMIT ?", last, AT_ONCE  # noqa: S608 -- our own words
            ):  # fmt: skip
                for row in rows:
                    last = row["number"]
                    if facts := self.facts(last):
                        now = account(Ticket(last, self.policy), {}, facts)
                        index.put(self.connection, self.policy, now.ticket, now.turns)
                        booked.put_anew(self.connection, now)
            booked.refresh(self.connection, self.policy.roles)
            self.remember("index", f"{code}:{policy}")
