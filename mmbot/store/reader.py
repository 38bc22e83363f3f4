"""The store read by another process, whether or not the bot runs: no lock is taken, nothing is migrated or written."""

import contextlib
import sqlite3
from dataclasses import dataclass
from pathlib import Path
from types import TracebackType
from typing import Literal, Self
from urllib.parse import quote

from mmbot.domain.rights import OUTSIDE, is_outside
from mmbot.store.migrations import migrations


@dataclass(frozen=True)
class Unsent:
    """A row of the outbox that waits or was given up; `behind` is the row that starts its thread and is not posted yet, or 0."""

    id: int
    state: str
    kind: str
    subject: str
    person: str
    thread: str
    body: str
    due_at: int
    tries: int
    error: str
    behind: int


class StoreUnreadable(Exception):  # noqa: N818 -- a sentence for the operator
    """There is no store, or it is of another version than this program."""


class Reader:
    """What a store holds at the moment it is opened."""

    def __init__(self, path: Path) -> None:
        """Open the store for reading; raises StoreUnreadable."""
        if not path.is_file():
            raise StoreUnreadable(f"There is no store at {path}: `mmbot run` makes one.")
        self._connection = _opened(path)
        try:
            self._connection.execute("BEGIN")
            rows = self._connection.execute(
                "SELECT name FROM _sqlite_migrations WHERE migration_set = ?", (migrations.name,)
            ).fetchall()
        except sqlite3.DatabaseError as error:
            self._connection.close()
            raise StoreUnreadable(f"{path} is no store of mmbot ({error}).") from error
        applied = {name for (name,) in rows}
        known = {migration.name for migration in migrations._migrations}  # noqa: SLF001 -- the library lists only what is pending
        if applied - known:
            self._connection.close()
            raise StoreUnreadable(f"{path} was written by a newer mmbot. Upgrade mmbot to read it.")
        if known - applied:
            self._connection.close()
            raise StoreUnreadable(
                f"{path} was written by an older mmbot. Start `mmbot run` once: it brings it up to date."
            )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def facts(self, number: int) -> list[str]:
        """All facts of a ticket in order, each as its stored JSON text."""
        rows = self._connection.execute("SELECT data FROM fact WHERE ticket = ? ORDER BY id", (number,)).fetchall()
        return [data for (data,) in rows]

    def cuts(self, ticket: int) -> list[tuple[int, list[str]]]:
        """The cuts for a ticket: the number of each, and its facts in order as their stored JSON text."""
        numbers = self._connection.execute(
            "SELECT number FROM cut WHERE ticket = ? AND ticket > 0 ORDER BY number", (ticket,)
        ).fetchall()
        facts = "SELECT data FROM cut_fact WHERE cut = ? ORDER BY id"
        return [(n, [data for (data,) in self._connection.execute(facts, (n,)).fetchall()]) for (n,) in numbers]

    def unsent(self, state: Literal["pending", "parked"]) -> list[Unsent]:
        """The rows of the outbox in a state, oldest first."""
        those = {"pending": "state = 'pending'", "parked": "state = 'parked'"}[state]
        rows = self._connection.execute(
            f"""SELECT id, state, kind, subject, person, thread, body, due_at, tries, error,
                coalesce((SELECT r.id FROM outbox r WHERE r.kind = 'show' AND r.subject = o.thread AND o.thread <> ''
                  AND r.post = '' AND r.state <> 'sent'), 0) FROM outbox o WHERE {those} ORDER BY id"""  # noqa: S608 -- our own words
        ).fetchall()
        return [Unsent(*row) for row in rows]

    def name(self, user: str) -> str:
        """A person's user name, or the name of somebody without an account; "" for one who is not known."""
        if is_outside(user):
            return user.removeprefix(OUTSIDE)
        rows = self._connection.execute("SELECT name FROM person WHERE id = ?", (user,)).fetchall()
        return str(rows[0][0]) if rows else ""


def remembered(path: Path, key: str) -> str:
    """What the store at a path, of whatever version, remembers under a key; "" for nothing, and where it cannot be read."""
    try:
        with contextlib.closing(_opened(path)) as connection:
            rows = connection.execute("SELECT value FROM state WHERE key = ?", (key,)).fetchall()
    except (StoreUnreadable, sqlite3.Error):
        return ""
    return str(rows[0][0]) if rows else ""


def granted(path: Path, role: str) -> set[str]:
    """The user ids that were given a role in chat, as the store at a path says; nobody where it cannot be read."""
    try:
        with contextlib.closing(_opened(path)) as connection:
            rows = connection.execute("SELECT person FROM granted WHERE role = ?", (role,)).fetchall()
    except (StoreUnreadable, sqlite3.Error):
        return set()
    return {str(person) for (person,) in rows}


def _opened(path: Path) -> sqlite3.Connection:
    """A connection that can't write; where the folder can't be written either, the file is taken as it lies there."""
    place = f"file:{quote(str(path.absolute()))}?mode=ro"
    for address in (place, f"{place}&immutable=1"):
        with contextlib.suppress(sqlite3.OperationalError):
            connection = sqlite3.connect(address, uri=True, isolation_level=None, timeout=1.0)
            try:
                connection.execute("SELECT count(*) FROM sqlite_master WHERE rowid = 1")
            except sqlite3.OperationalError:
                connection.close()
                raise
            except sqlite3.DatabaseError as error:
                connection.close()
                raise StoreUnreadable(f"{path} is no store of mmbot ({error}).") from error
            return connection
    raise StoreUnreadable(f"{path} can't be read: may this account read it, and its folder?")
