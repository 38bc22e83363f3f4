"""Backups: made while the bot writes, whole, pruned, put back elsewhere with the same answers; and stores of older versions."""

import asyncio
import shutil
import sqlite3
from collections.abc import Iterator
from contextlib import closing
from datetime import UTC, datetime
from pathlib import Path
from stat import S_IMODE

import pytest
from sqlite_utils import Database
from structlog.testing import capture_logs

from mmbot import policy
from mmbot.app import App
from mmbot.config import Backups, Config, Mattermost, StorePlace
from mmbot.console import Console
from mmbot.doctor import here
from mmbot.export import export
from mmbot.store import backup, outbox
from mmbot.store.backup import BackupFailed, back_up, restore, verified
from mmbot.store.database import Store, StoreUnusable
from mmbot.store.failing import StoreFails
from mmbot.store.migrations import migrations
from mmbot.store.tx import Settings
from mmbot.terminal import ROLES
from mmbot.upkeep import STUCK, Nights, Readiness

POLICY = policy.load()
MONDAY = 1_794_218_400_000
NOW = datetime(2026, 11, 9, 3, 0, 0, tzinfo=UTC)
STORY = """\
:repo https://github.com/example/mattermost-plugin-remind v1.0.0 3f9c2ab com.github.example.remind Remind 1.0.0
:repo https://github.com/example/mattermost-plugin-remind v1.0.1 81d0e44 com.github.example.remind Remind 1.0.1
@sue: /mb submit https://github.com/example/mattermost-plugin-remind v1.0.0
@olive: /mb request MB-1
@quinn: /mb fail MB-1 F1 it does not start
@pam: /mb approve MB-1 --all
:time +2d
@sue: /mb ready MB-1 v1.0.1
@otto: /mb submit https://github.com/example/mattermost-plugin-nothing"""
QUESTIONS = ("/mb status MB-1", "/mb status MB-1 --log", "/mb queue all", "/mb search remind", "/mb people")


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "var" / "mmbot.db"


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A store with two tickets, closed."""
    found = Store(tmp_path_factory.mktemp("filled") / "mmbot.db", POLICY)
    console = Console(found, POLICY, MONDAY)
    console.settle(ROLES)
    for line in STORY.splitlines():
        asyncio.run(console.line(line))
    found.close()
    return found.path


@pytest.fixture
def store(path: Path, filled: Path) -> Iterator[Store]:
    """The same, which the bot holds open."""
    path.parent.mkdir()
    shutil.copyfile(filled, path)
    found = Store(path, POLICY)
    yield found
    found.close()


def answers(path: Path) -> list[str]:
    """What a store has to say, in chat and as files."""
    opened = Store(path, POLICY)
    opened.execute("DELETE FROM due")  # what a clock says was not asked for
    console = Console(opened, POLICY, MONDAY + 3 * 86_400_000)
    said = [line for question in QUESTIONS for line in asyncio.run(console.line(f"@olive: {question}"))]
    opened.close()
    return said + [export(path, POLICY, n, form, confidential=True) for n in (1, 2) for form in ("md", "json")]


def rows(path: Path, sql: str) -> list[tuple[object, ...]]:
    with closing(sqlite3.connect(f"file:{path}?mode=ro", uri=True)) as connection:
        return connection.execute(sql).fetchall()


def test_a_backup_made_while_the_bot_writes_answers_elsewhere_as_the_store_did(
    store: Store, path: Path, tmp_path: Path
) -> None:
    store.remember("bulk", "x" * 6_000_000)
    written = 0

    def writing() -> bool:
        nonlocal written
        written += 1
        with store.transaction():
            store.remember("written", str(written))
            store.first_time(f"written{written}", MONDAY)
        return False

    before = rows(path, "SELECT count(*) FROM seen")
    made = back_up(path, tmp_path / "copy.db", writing)
    assert written > 2
    assert (made.tickets, made.version) == (2, migrations._migrations[-1].name)  # noqa: SLF001 -- the library lists only what is pending
    assert rows(made.path, "SELECT count(*) FROM seen") == before, "all of it is of one moment"
    assert rows(path, "SELECT value FROM state WHERE key = 'written'") == [(str(written),)]
    elsewhere = tmp_path / "elsewhere" / "mmbot.db"
    found, kept = restore(made.path, elsewhere, NOW)
    assert (found.tickets, found.facts, kept) == (made.tickets, made.facts, None)
    store.close()
    assert answers(elsewhere) == answers(path)
    assert rows(elsewhere, "SELECT value FROM state WHERE key = 'mac-key'") == rows(
        path, "SELECT value FROM state WHERE key = 'mac-key'"
    )


def test_a_backup_is_one_file_for_its_owner_alone_and_never_overwrites(
    store: Store, path: Path, tmp_path: Path
) -> None:
    folder = tmp_path / "backups"
    made = back_up(path, folder / "a.db")
    assert [(x.name, S_IMODE(x.stat().st_mode)) for x in folder.iterdir()] == [("a.db", 0o600)]
    assert S_IMODE(folder.stat().st_mode) == 0o700
    assert verified(made.path) == made
    with pytest.raises(BackupFailed, match=r"There is a file at .*a\.db already\. Name another one\."):
        back_up(store.path, folder / "a.db")
    assert verified(made.path) == made


def test_what_cannot_become_a_backup_leaves_nothing_behind(store: Store, path: Path, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    for from_, to, says in (
        (tmp_path / "none.db", folder / "a.db", "There is no store at"),
        (path, tmp_path / "var" / "mmbot.db" / "a.db", r"mmbot\.db is no folder\."),
    ):
        with pytest.raises(BackupFailed, match=says):
            back_up(from_, to)
    (tmp_path / "other.db").write_bytes(b"no database, whatever one may think" * 100)
    with pytest.raises(BackupFailed, match="cannot be copied"):
        back_up(tmp_path / "other.db", folder / "a.db")
    store.remember("bulk", "x" * 6_000_000)
    with pytest.raises(BackupFailed, match="was given up, since mmbot stops"):
        back_up(path, folder / "a.db", lambda: True)
    assert list(folder.iterdir()) == []


def test_a_restored_store_takes_the_place_of_a_damaged_one_which_is_kept(
    store: Store, path: Path, tmp_path: Path
) -> None:
    made = back_up(path, tmp_path / "copy.db")
    with store.transaction():
        store.remember("later", "x")
    with pytest.raises(BackupFailed, match="Another mmbot is using this store"):
        restore(made.path, path, NOW)
    store.close()
    good = answers(back_up(path, tmp_path / "same.db").path)
    path.write_bytes(damaged := b"\xa5" * 9000)
    with pytest.raises(StoreUnusable):
        Store(path, POLICY)
    path.with_name("mmbot.db-wal").write_bytes(b"an old log")
    path.with_name("mmbot.db-shm").write_bytes(b"of an old store")
    _, kept = restore(made.path, path, NOW)
    assert kept == path.with_name("mmbot.db.before-20261109T030000Z")
    assert kept.read_bytes() == damaged
    assert S_IMODE(path.stat().st_mode) == 0o600
    assert sorted(x.name for x in path.parent.iterdir()) == [
        "mmbot.db", "mmbot.db.before-20261109T030000Z", "mmbot.db.before-20261109T030000Z-wal", "mmbot.db.lock",
    ]  # fmt: skip
    assert answers(path) == good


def test_the_store_that_is_replaced_is_kept_with_all_that_was_in_its_log(
    store: Store, path: Path, tmp_path: Path
) -> None:
    made = back_up(path, tmp_path / "copy.db")
    store.remember("later", "x")
    log = path.with_name("mmbot.db-wal").read_bytes()
    store.close()
    path.with_name("mmbot.db-wal").write_bytes(log)  # as after a kill
    _, kept = restore(made.path, path, NOW)
    assert kept
    assert rows(kept, "SELECT value FROM state WHERE key = 'later'") == [("x",)]
    assert rows(path, "SELECT value FROM state WHERE key = 'later'") == []


def test_what_a_restored_store_has_yet_to_post_is_looked_for_first(store: Store, path: Path, tmp_path: Path) -> None:
    outbox.add(store, "say", MONDAY, person="id-sue", body="{}")
    made = back_up(path, tmp_path / "copy.db")
    restore(made.path, tmp_path / "new.db", NOW)
    assert rows(tmp_path / "new.db", "SELECT DISTINCT error FROM outbox WHERE state = 'pending'") == [("restored",)]
    assert rows(made.path, "SELECT DISTINCT error FROM outbox WHERE state = 'pending'") == [("",)], "the backup stays"


@pytest.mark.usefixtures("store")
def test_what_is_no_sound_backup_is_not_restored(path: Path, tmp_path: Path) -> None:
    made, to = back_up(path, tmp_path / "copy.db"), tmp_path / "new" / "mmbot.db"
    whole = made.path.read_bytes()
    newer = tmp_path / "newer.db"
    newer.write_bytes(whole)
    with closing(sqlite3.connect(newer)) as connection:
        connection.execute(
            "INSERT INTO _sqlite_migrations (migration_set, name, applied_at) VALUES ('mmbot', 'm999_later', '2030')"
        )
        connection.commit()
    other = tmp_path / "other.db"
    with closing(sqlite3.connect(other)) as connection:
        connection.execute("CREATE TABLE x (y)")
    page = tmp_path / "page.db"
    page.write_bytes(whole[: 3 * 4096] + b"\xa5" * 4096 + whole[4 * 4096 :])
    short = tmp_path / "short.db"
    short.write_bytes(whole[: len(whole) // 2])
    for file, says in (
        (tmp_path / "none.db", "There is no file at"), (newer, r"newer mmbot \(m999_later\)"), (other, "is no store of mmbot"),
        (page, "is damaged"), (short, "is damaged"), (tmp_path, "There is no file"),
    ):  # fmt: skip
        with pytest.raises(BackupFailed, match=says):
            restore(file, to, NOW)
    assert not to.parent.exists() or list(to.parent.iterdir()) == [to.with_name("mmbot.db.lock")]
    with pytest.raises(BackupFailed, match="is the store itself"):
        restore(path, path, NOW)


def test_pruning_keeps_the_newest_and_touches_nothing_that_is_not_ours(path: Path, tmp_path: Path) -> None:
    ours = [tmp_path / f"mmbot-nightly-202611{day:02}T030000Z.db" for day in (9, 1, 20, 5)]
    others = [
        tmp_path / x
        for x in (
            "mmbot-20261101T030000Z.db", "other-nightly-20261101T030000Z.db", "mmbot-nightly-20261101T030000Z.db.gz",
            "mmbot-nightly-now.db", "mmbot.db",
        )
    ]  # fmt: skip
    for file in [*ours, *others]:
        file.touch()
    (tmp_path / "mmbot-nightly-20200101T030000Z.db").symlink_to(others[0])
    (tmp_path / "mmbot-nightly-20200102T030000Z.db").mkdir()
    assert [x.name[14:22] for x in backup.prune(path, tmp_path, 2)] == ["20261101", "20261105"]
    assert [x.exists() for x in ours] == [True, False, True, False]
    assert all(x.exists() for x in others)
    assert len(list(tmp_path.iterdir())) == 9
    assert backup.prune(path, tmp_path, 2) == []


async def test_the_nightly_backup_deletes_what_unfinished_ones_left_behind(store: Store, tmp_path: Path) -> None:
    folder = tmp_path / "backups"
    folder.mkdir()
    stale = ".mmbot-nightly-20261101T030000Z.db.part"
    others = {".mmbot-20261101T030000Z.db.part", ".other-nightly-20261101T030000Z.db.part", ".mmbot.db.part"}
    for name in (stale, f"{stale}-journal", *others):
        (folder / name).touch()
    await Nights(app_of(store), folder, 2, lambda: None).night()
    (made,) = backup.nightly(store.path, folder)
    assert {x.name for x in folder.iterdir()} == {made.name, *others}


def app_of(store: Store) -> App:
    return App(store, Settings(), lambda: MONDAY)


def said_to(store: Store, person: str) -> list[str]:
    """What was said to somebody about backups, in order."""
    found = store.query("SELECT body FROM outbox WHERE kind = 'say' AND person = ? ORDER BY id", person)
    return [text for row in found if "backup" in (text := outbox.read_message(row["body"]).text)]


async def test_the_nightly_backup_tells_the_admins_once_that_it_fails_and_once_that_it_works_again(path: Path) -> None:
    path.parent.mkdir()
    store = Store(path, POLICY)
    Console(store, POLICY, MONDAY).settle(ROLES)
    folder = path.parent / "backups"
    folder.write_text("in the way")
    woken: list[int] = []
    nights = Nights(app_of(store), folder, 2, lambda: woken.append(1))
    config = Config(
        mattermost=Mattermost(url="http://x", team="x", channel="x"),
        store=StorePlace(path=path),
        backup=Backups(keep=2),
    )
    with capture_logs() as logs:
        await nights.night()
        await nights.night()
    assert [x["log_level"] for x in logs] == ["error", "error"]
    assert len(said_to(store, "id-ada")) == 1
    assert f"{folder} is no folder." in said_to(store, "id-ada")[0]
    folder.unlink()
    found = here.backups(config)
    assert found.ok is False
    assert "the last nightly one failed: " in found.text
    await nights.night()
    assert len(said_to(store, "id-ada")) == 2
    assert "works again" in said_to(store, "id-ada")[1]
    found = here.backups(config)
    assert found.ok, found.text
    (name,) = (x.name for x in folder.iterdir())
    assert name in found.text
    old = folder / "mmbot-nightly-20200101T030000Z.db"
    (folder / name).rename(old)
    assert here.backups(config).ok is False
    assert not nights.overdue(), "there are no tickets"
    nights.stop()
    await nights.night()
    assert [x.name for x in folder.iterdir()] == [old.name]
    assert len(woken) == 3
    store.close()


def test_a_store_without_room_says_so_once_and_works_again_when_there_is(store: Store) -> None:
    (pages,) = store.query("PRAGMA page_count")[0].values()
    store.query(f"PRAGMA max_page_count = {pages}")
    with capture_logs() as logs:
        for _ in range(3):
            with pytest.raises(StoreFails, match="the disk is full"), store.transaction():
                store.remember("bulk", "x" * 100_000)
        assert store.trouble == "the disk is full (database or disk is full)"
        assert store.state("bulk") == ""
        store.query("PRAGMA max_page_count = 1000000")
        assert store.usable()
        with store.transaction():
            store.remember("bulk", "x" * 100_000)
    assert store.trouble == ""
    assert [x["log_level"] for x in logs] == ["error", "warning"]


def test_readiness_names_what_is_missing(store: Store) -> None:
    now, connected = MONDAY + 10 * 86_400_000, False
    app = App(store, Settings(), lambda: now)
    readiness = Readiness(app, lambda: connected)
    assert readiness.missing() == "not connected to Mattermost"
    connected = True
    assert readiness.missing() == ""
    outbox.add(store, "say", now, person="id-sue", body="{}")
    outbox.add(store, "say", now, person="id-pam", body="{}")
    assert readiness.missing() == ""
    now += STUCK - 1
    assert readiness.missing() == ""
    (first, second) = outbox.waiting(store, now)
    row = outbox.row(store, first)
    assert row
    outbox.sent(store, row, "c", "p")
    assert readiness.missing() == ""
    now += STUCK - 1
    assert readiness.missing() == ""
    now += 1
    assert readiness.missing() == "no post has got through since 2026-11-19 10:04 UTC"
    outbox.parked(store, second, "refused")
    assert readiness.missing() == ""
    readiness.stop()
    assert readiness.missing() == "stopping"


def test_what_waits_behind_a_card_that_was_given_up_or_is_refused_alone_makes_nothing_unready(store: Store) -> None:
    now = MONDAY + 10 * 86_400_000
    readiness = Readiness(App(store, Settings(), lambda: now), lambda: True)
    outbox.add(store, "show", now, subject="card:99", channel="market", state="parked")
    outbox.add(store, "say", now, channel="market", thread="card:99", body="{}")
    assert outbox.waiting(store, now) == []
    outbox.add(store, "say", now, person="id-pam", body="{}")
    (refused,) = outbox.waiting(store, now)
    for _ in range(3):  # others get through between two looks
        assert readiness.missing() == ""
        now += STUCK - 1
        outbox.add(store, "say", now, person="id-sue", body="{}")
        row = outbox.row(store, outbox.waiting(store, now)[-1])
        assert row
        outbox.sent(store, row, "c", f"p{row.id}")
        assert outbox.waiting(store, now) == [refused]
    assert readiness.missing() == ""
    now += STUCK
    assert "no post has got through since" in readiness.missing()


NAMES = [migration.name for migration in migrations._migrations]  # noqa: SLF001 -- the library lists only what is pending


@pytest.mark.parametrize("count", range(1, len(NAMES)))
def test_a_store_of_an_older_version_gives_the_same_answers_after_its_upgrade(
    store: Store, path: Path, tmp_path: Path, count: int
) -> None:
    tables = {
        str(x["name"]): store.query(f"SELECT * FROM {x['name']}")  # noqa: S608 -- our own table names
        for x in store.query("SELECT name FROM sqlite_master WHERE type = 'table' AND name NOT LIKE '%migrations'")
        if not str(x["name"]).startswith(("search", "sqlite"))
    }
    old = Database(tmp_path / "old.db")
    migrations.apply(old, stop_before=NAMES[count])
    for name, content in tables.items():
        if old[name].exists():
            columns = set(old.table(name).columns_dict)
            old.table(name).insert_all({k: v for k, v in row.items() if k in columns} for row in content)
    old.execute("UPDATE state SET value = '1:as it was derived then' WHERE key = 'index'")
    old.conn.commit()
    old.close()
    saved = back_up(tmp_path / "old.db", tmp_path / "saved.db")
    assert saved.version == NAMES[count - 1]
    restore(saved.path, tmp_path / "again.db", NOW)
    back_up(path, tmp_path / "now.db")
    assert answers(tmp_path / "old.db") == answers(tmp_path / "again.db") == answers(tmp_path / "now.db")
