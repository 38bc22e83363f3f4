"""When the store itself fails — a full disk, a lock, damage — and not a statement of ours: one error, told apart from all others."""

import sqlite3
from collections.abc import Callable
from typing import Any, Self

CODE = 0xFF
"""Which part of SQLite's extended error codes says what kind of error it is."""
DAMAGED = frozenset({sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB})
REASONS = {
    sqlite3.SQLITE_FULL: "the disk is full",
    sqlite3.SQLITE_BUSY: "another program has locked it",
    sqlite3.SQLITE_LOCKED: "another program has locked it",
    sqlite3.SQLITE_PROTOCOL: "another program has locked it",
    sqlite3.SQLITE_IOERR: "the disk does not take or give what is asked of it",
    sqlite3.SQLITE_READONLY: "it cannot be written",
    sqlite3.SQLITE_PERM: "it cannot be written",
    sqlite3.SQLITE_CANTOPEN: "it cannot be opened",
    sqlite3.SQLITE_CORRUPT: "it is damaged",
    sqlite3.SQLITE_NOTADB: "it is damaged, or no store",
}


class StoreFails(sqlite3.OperationalError):
    """The store cannot be read or written now; says why, as the end of a sentence about it. `damaged` does not pass by itself."""

    def __init__(self, why: str, *, damaged: bool = False) -> None:
        super().__init__(why)
        self.damaged = damaged


def failing(error: sqlite3.Error) -> StoreFails | None:
    """What an error of SQLite says of the store; None where it only says something of the statement."""
    if isinstance(error, StoreFails):
        return error
    code = getattr(error, "sqlite_errorcode", 0) & CODE
    return StoreFails(f"{REASONS[code]} ({error})", damaged=code in DAMAGED) if code in REASONS else None


class Cursor(sqlite3.Cursor):
    """A cursor that raises StoreFails where the store fails, and tells its connection."""

    connection: "Connection"

    def execute(self, sql: str, values: Any = (), /) -> Self:  # noqa: ANN401 -- as SQLite's own
        """Run a statement."""
        self._watched(super().execute, sql, values)
        return self

    def executemany(self, sql: str, values: Any, /) -> Self:  # noqa: ANN401 -- as SQLite's own
        """Run a statement for many values."""
        self._watched(super().executemany, sql, values)
        return self

    def fetchone(self) -> Any:  # noqa: ANN401 -- as SQLite's own
        """The next row."""
        return self._watched(super().fetchone)

    def fetchall(self) -> list[Any]:
        """The rows that are left."""
        return list(self._watched(super().fetchall))

    def _watched(self, call: Callable[..., Any], *values: object) -> Any:  # noqa: ANN401 -- whatever the call gives
        try:
            return call(*values)
        except sqlite3.DatabaseError as error:
            if found := failing(error):
                self.connection.failed(found)
                raise found from error
            raise


class Connection(sqlite3.Connection):
    """A connection whose cursors watch; `failed` is called with each failure of the store."""

    failed: Callable[[StoreFails], None] = staticmethod(lambda _: None)

    def cursor(self, factory: Any = Cursor) -> Any:  # noqa: ANN401 -- as SQLite's own
        """A cursor that watches."""
        return super().cursor(factory)

    def execute(self, sql: str, values: Any = (), /) -> Cursor:  # noqa: ANN401 -- as SQLite's own
        """Run a statement on a cursor that watches."""
        return Cursor(self).execute(sql, values)

    def executemany(self, sql: str, values: Any, /) -> Cursor:  # noqa: ANN401 -- as SQLite's own
        """Run a statement for many values."""
        return Cursor(self).executemany(sql, values)
