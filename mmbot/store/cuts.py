"""Cuts in the store: their facts, and what is searched of them. Only `save` writes."""

from mmbot.domain.cut import KEPT, Cut, fold_cut
from mmbot.domain.cut_facts import read_cut_fact
from mmbot.domain.references import repository_key
from mmbot.store.database import Store

SHOWN = 10
"""How many of those that are over are shown."""
MOST = 100
"""How many may wait or be under way."""


def subject(number: int) -> str:
    """Under which a cut's post and steps are kept."""
    return f"cut:{number}"


def cut(store: Store, number: int) -> Cut | None:
    """A cut by its number."""
    rows = store.query("SELECT data FROM cut_fact WHERE cut = ? ORDER BY id", number)
    return fold_cut(number, [read_cut_fact(row["data"]) for row in rows]) if rows else None


def next_number(store: Store) -> int:
    """The number for a new cut."""
    return int(store.query("SELECT coalesce(max(number), 0) + 1 AS n FROM cut")[0]["n"])


def save(store: Store, cut: Cut, event: str) -> Cut:
    """Store a cut's news and what is searched of it; returns the cut without news."""
    store.connection.executemany(
        "INSERT INTO cut_fact (cut, kind, at, by, via, event, data) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(cut.number, x.kind, x.at, x.by, x.via, event, x.model_dump_json()) for x in cut.news],
    )
    store.execute(
        """INSERT INTO cut (number, state, repository_key, tag, ticket, going) VALUES (?, ?, ?, ?, ?, ?)
           ON CONFLICT (number) DO UPDATE SET state = excluded.state, going = excluded.going, progress = ''""",
        cut.number, cut.state, repository_key(cut.asked.repository), cut.asked.tag, cut.asked.ticket, int(not cut.over),
    )  # fmt: skip
    return cut.stored()


def running(store: Store) -> int:
    """How many are under way."""
    return int(store.query("SELECT count(*) AS n FROM cut WHERE state = 'running'")[0]["n"])


def first_waiting(store: Store) -> Cut | None:
    """The one whose turn is next."""
    return next(iter(_those(store, "SELECT number FROM cut WHERE state = 'waits' ORDER BY number LIMIT 1")), None)


def many_going(store: Store) -> int:
    """How many are not over."""
    return int(store.query("SELECT count(*) AS n FROM cut WHERE going = 1")[0]["n"])


def going(store: Store) -> list[Cut]:
    """Those that are not over, the oldest first."""
    return _those(store, "SELECT number FROM cut WHERE going = 1 ORDER BY number LIMIT ?", MOST)


def over(store: Store, limit: int = SHOWN) -> list[Cut]:
    """The last ones that are over, the newest first."""
    return _those(store, "SELECT number FROM cut WHERE going = 0 ORDER BY number DESC LIMIT ?", limit)


def of_tag(store: Store, repository: str, tag: str) -> list[Cut]:
    """The cuts of a repository's tag, the newest first."""
    return _those(
        store, "SELECT number FROM cut WHERE repository_key = ? AND tag = ? ORDER BY number DESC LIMIT 50",
        repository_key(repository), tag,
    )  # fmt: skip


def of_repository(store: Store, key: str) -> list[Cut]:
    """The cuts of a repository, by its key, that no ticket is about, the newest first."""
    return _those(
        store, "SELECT number FROM cut WHERE repository_key = ? AND ticket = 0 ORDER BY number DESC LIMIT 10", key
    )


def of_ticket(store: Store, ticket: int) -> list[Cut]:
    """The cuts for a ticket, the newest first."""
    return _those(store, "SELECT number FROM cut WHERE ticket = ? AND ticket > 0 ORDER BY number DESC LIMIT 50", ticket)


def _those(store: Store, statement: str, *values: object) -> list[Cut]:
    numbers = [int(row["number"]) for row in store.query(statement, *values)]
    return [found for number in numbers if (found := cut(store, number))]


def progress(store: Store, number: int) -> str:
    """How far the step under way has come, as in "4 of 6"; "" where nothing is known."""
    rows = store.query("SELECT progress FROM cut WHERE number = ?", number)
    return str(rows[0]["progress"]) if rows else ""


def came_to(store: Store, number: int, words: str) -> None:
    """Note how far the step under way has come."""
    store.execute("UPDATE cut SET progress = ? WHERE number = ? AND state = 'running'", words, number)


def kept(store: Store, now: int) -> set[int]:
    """The cuts whose files are still needed: of those under way, and for some days of those that failed or were stopped."""
    rows = store.query(
        """SELECT number FROM cut WHERE going = 1
           UNION SELECT number FROM cut JOIN cut_fact ON cut = number WHERE state IN ('failed', 'cancelled') AND at > ?
           ORDER BY 1 DESC LIMIT 1000""",
        now - KEPT,
    )  # fmt: skip
    return {int(row["number"]) for row in rows}
