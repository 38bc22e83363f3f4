"""Copies of the store: made while the bot writes, verified by opening them, pruned, and put back in its place."""

import os
import re
import shutil
import sqlite3
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import quote

from mmbot.store.lock import StoreBusy, locked
from mmbot.store.migrations import migrations
from mmbot.store.outbox import EMPTY, UNTRIED

PAGES = 512
"""How many pages are copied at once, 2 MB: between two such steps a copy can be given up, and the disk serves others."""
NIGHTLY = "nightly"


class BackupFailed(Exception):  # noqa: N818 -- a sentence for the operator
    """There is no backup, or it cannot be put back; the message says why. What was there before is as it was."""


@dataclass(frozen=True)
class Backup:
    """A verified copy: where it is, its bytes, the newest migration in it, and how much it holds."""

    path: Path
    size: int
    version: str
    tickets: int
    facts: int


def name_of(store: Path, at: datetime, kind: str = "") -> str:
    """What a backup of a store that was made at a moment is called."""
    return f"{store.stem}{f'-{kind}' if kind else ''}-{at:%Y%m%dT%H%M%SZ}.db"


def back_up(store: Path, to: Path, given_up: Callable[[], bool] = lambda: False) -> Backup:
    """Copy the store at a path as it is now to a file that is not there yet, on a connection of its own. Raises BackupFailed.

    It may be written meanwhile: what was committed when the copy began is in it. `given_up` is asked now and then.
    """
    if not store.is_file():
        raise BackupFailed(f"There is no store at {store}.")
    if to.exists():
        raise BackupFailed(f"There is a file at {to} already. Name another one.")
    part = to.with_name(f".{to.name}.part")
    try:
        to.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        with _made_anew(part):
            before = _copied(store, part, given_up)
            found = verified(part)
            if (found.version, found.tickets, found.facts) != before:
                raise BackupFailed(f"The copy of {store} does not hold what the store does.")
            part.rename(to)
            _on_disk(to.parent)
    except (FileExistsError, NotADirectoryError) as error:
        raise BackupFailed(f"{to.parent} is no folder.") from error
    except OSError as error:
        raise BackupFailed(f"{to} cannot be written: {error.strerror}.") from error
    return Backup(to, found.size, found.version, found.tickets, found.facts)


def _copied(store: Path, to: Path, given_up: Callable[[], bool]) -> tuple[str, int, int]:
    def going_on(_status: int, _left: int, _all: int) -> None:
        if given_up():
            raise BackupFailed("The backup was given up, since mmbot stops.")

    place = f"file:{quote(str(store.absolute()))}?mode=ro"
    try:
        with (
            closing(sqlite3.connect(place, uri=True, isolation_level=None, timeout=5.0)) as source,
            closing(sqlite3.connect(to)) as target,
        ):
            # One moment of the store, however long it takes: else the copy would begin again with each commit.
            source.execute("BEGIN")
            held = _holds(source, store)
            source.backup(target, pages=PAGES, progress=going_on)
            target.execute("PRAGMA journal_mode = DELETE").fetchall()  # one file, that can be read wherever it lies
            _on_disk(to)
            return held
    except sqlite3.Error as error:
        raise BackupFailed(f"{store} cannot be copied to {to.parent}: {error}.") from error


def verified(path: Path) -> Backup:
    """Open a backup and look whether it is whole. Raises BackupFailed."""
    if not path.is_file():
        raise BackupFailed(f"There is no file at {path}.")
    # A file that lies still is read as it is: nothing is made beside it. A log beside it belongs to it.
    still = "" if path.with_name(path.name + "-wal").exists() else "&immutable=1"
    place = f"file:{quote(str(path.absolute()))}?mode=ro{still}"
    try:
        with closing(sqlite3.connect(place, uri=True, isolation_level=None, timeout=5.0)) as connection:
            sound = connection.execute("PRAGMA quick_check(1)").fetchall()
            if sound != [("ok",)]:
                raise BackupFailed(f"{path} is damaged: {sound[0][0]}.")
            return Backup(path, path.stat().st_size, *_holds(connection, path))
    except (sqlite3.Error, OSError) as error:
        raise BackupFailed(f"{path} is damaged, or no store of mmbot: {error}.") from error


def _holds(connection: sqlite3.Connection, path: Path) -> tuple[str, int, int]:
    try:
        rows = connection.execute(
            "SELECT name FROM _sqlite_migrations WHERE migration_set = ? ORDER BY name", (migrations.name,)
        ).fetchall()
        tickets = connection.execute("SELECT count(*) FROM ticket").fetchone()[0]
        facts = connection.execute("SELECT count(*) FROM fact").fetchone()[0]
    except sqlite3.OperationalError as error:
        raise BackupFailed(f"{path} is no store of mmbot ({error}).") from error
    return (rows[-1][0] if rows else "", tickets, facts)


def nightly(store: Path, folder: Path) -> list[Path]:
    """The nightly backups of a store in a folder, the oldest first; nothing else that lies there."""
    ours = re.compile(rf"{re.escape(store.stem)}-{NIGHTLY}-\d{{8}}T\d{{6}}Z\.db")
    try:
        return sorted(x for x in folder.iterdir() if ours.fullmatch(x.name) and x.is_file() and not x.is_symlink())
    except OSError:
        return []


def sweep(store: Path, folder: Path) -> list[Path]:
    """Delete what nightly backups of a store left behind that never got done, as when the machine stopped; returns it. Raises BackupFailed.

    To be called while none is being made.
    """
    part = re.compile(rf"\.{re.escape(store.stem)}-{NIGHTLY}-\d{{8}}T\d{{6}}Z\.db\.part(-journal|-wal|-shm)?")
    try:
        left = [x for x in folder.iterdir() if part.fullmatch(x.name) and x.is_file()] if folder.is_dir() else []
        for path in left:
            path.unlink(missing_ok=True)
    except OSError as error:
        raise BackupFailed(f"Unfinished backups in {folder} cannot be deleted: {error.strerror}.") from error
    return left


def made_at(backup: Path) -> datetime:
    """When a backup with a name of ours was made."""
    return datetime.strptime(backup.stem[-16:], "%Y%m%dT%H%M%SZ").replace(tzinfo=UTC)


def prune(store: Path, folder: Path, keep: int) -> list[Path]:
    """Delete the nightly backups of a store but the newest; returns those that are gone. Raises BackupFailed."""
    gone = nightly(store, folder)[:-keep]
    try:
        for path in gone:
            path.unlink()
    except OSError as error:
        raise BackupFailed(f"Old backups in {folder} cannot be deleted: {error.strerror}.") from error
    return gone


def restore(backup: Path, store: Path, at: datetime) -> tuple[Backup, Path | None]:
    """Put a verified backup in the store's place; returns it, and where the store that was there is now. Raises BackupFailed.

    What it says is still to be posted is looked for on the server first: it may have been posted after the backup was made.
    """
    found = verified(backup)
    known = {migration.name for migration in migrations._migrations}  # noqa: SLF001 -- the library lists only what is pending
    if found.version not in known:
        raise BackupFailed(f"{backup} was written by a newer mmbot ({found.version}). Upgrade mmbot to restore it.")
    try:
        store.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        if store.exists() and store.samefile(backup):
            raise BackupFailed(f"{backup} is the store itself.")
        with _alone(store), _made_anew(store.with_name(f".{store.name}.part")) as part:
            _copied(backup, part, lambda: False)
            with closing(sqlite3.connect(part)) as connection:
                _to_be_looked_for(connection)
                connection.commit()
            if (now := verified(part)).facts != found.facts:
                raise BackupFailed(f"The copy of {backup} holds {now.facts} facts, and not {found.facts}.")
            kept = _set_aside(store, at) if store.exists() else None
            for beside in ("-wal", "-shm"):  # of the old store: the new one must not be read with them
                store.with_name(store.name + beside).unlink(missing_ok=True)
            part.replace(store)
            _on_disk(store.parent)
    except StoreBusy as busy:
        raise BackupFailed(str(busy)) from busy
    except OSError as error:
        raise BackupFailed(f"{store} cannot be written: {error.strerror}.") from error
    except sqlite3.Error as error:
        raise BackupFailed(f"{store} cannot be written: {error}.") from error
    return found, kept


def _to_be_looked_for(connection: sqlite3.Connection) -> None:
    """Mark the posts that are still to be made: nobody knows after which post they may have been made since."""
    connection.execute("UPDATE outbox SET error = 'restored' WHERE state = 'pending' AND error = ''")
    columns = {row[1] for row in connection.execute("PRAGMA table_info(outbox)")}
    if "anchor" in columns:  # else the upgrade of an older store does it, for all that has an error
        connection.execute(
            "UPDATE outbox SET anchor = ? WHERE state <> 'sent' AND kind <> 'do' AND post = '' AND anchor = ?",
            (EMPTY, UNTRIED),
        )


def _set_aside(store: Path, at: datetime) -> Path:
    """Keep the store with its log, as they lie there, under another name too, until the new one takes its place."""
    kept = store.with_name(f"{store.name}.before-{at:%Y%m%dT%H%M%SZ}")
    for beside in ("-wal", ""):
        old = store.with_name(store.name + beside)
        if old.exists():
            new = kept.with_name(kept.name + beside)
            try:
                os.link(old, new)
            except FileExistsError:
                raise
            except OSError:  # not every file system can
                shutil.copyfile(old, new)
                new.chmod(0o600)
    _on_disk(store.parent)
    return kept


@contextmanager
def _alone(store: Path) -> Iterator[None]:
    """Hold the store's lock: no bot runs on it, and none begins to."""
    descriptor = locked(store)
    try:
        yield
    finally:
        os.close(descriptor)


@contextmanager
def _made_anew(part: Path) -> Iterator[Path]:
    """An empty file for its owner alone, gone in the end unless it got its name."""
    part.unlink(missing_ok=True)
    os.close(os.open(part, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600))
    try:
        yield part
    finally:
        for beside in ("", "-journal", "-wal", "-shm"):
            part.with_name(part.name + beside).unlink(missing_ok=True)


def _on_disk(path: Path) -> None:
    """Have a file, or the names in a folder, written to the disk."""
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
