"""Cuts in the store: their facts, and what is searched of them. Only `save` writes."""

from mmbot.domain.cut import KEPT, Cut, fold_cut
from mmbot.domain.cut_facts import read_cut_fact
from mmbot.domain.references import repository_key
from mmbot.store.database import Store

SHOWN = 10
"""How many of those that are over are shown."""


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


def first_waiting(store: Store) -> int:
    """The one whose turn is next, 0 for none."""
    rows = store.query("SELECT number FROM cut WHERE state = 'waits' ORDER BY number LIMIT 1")
    return int(rows[0]["number"]) if rows else 0


def going(store: Store, limit: int = 100) -> list[int]:
    """Those that are not over, the oldest first."""
    rows = store.query("SELECT number FROM cut WHERE going = 1 ORDER BY number LIMIT ?", limit)
    return [int(row["number"]) for row in rows]


def over(store: Store) -> list[int]:
    """The last ones that are over, the newest first."""
    rows = store.query("SELECT number FROM cut WHERE going = 0 ORDER BY number DESC LIMIT ?", SHOWN)
    return [int(row["number"]) for row in rows]


def of_tag(store: Store, repository: str, tag: str) -> list[int]:
    """The cuts of a repository's tag, the newest first."""
    rows = store.query(
        "SELECT number FROM cut WHERE repository_key = ? AND tag = ? ORDER BY number DESC LIMIT 50",
        repository_key(repository), tag,
    )  # fmt: skip
    return [int(row["number"]) for row in rows]


def of_ticket(store: Store, ticket: int) -> list[int]:
    """The cuts for a ticket, the newest first."""
    rows = store.query("SELECT number FROM cut WHERE ticket = ? AND ticket > 0 ORDER BY number DESC LIMIT 50", ticket)
    return [int(row["number"]) for row in rows]


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
