"""Which tickets there are: of the same plugin, of somebody, by name and by words, and what waits for whom."""

from collections.abc import Iterable, Sequence

from mmbot.store import search
from mmbot.store.database import Row, Store

_WAITS, _WAITS_FOR_NOBODY, _WAITS_FOR_PERSON = "party = ?", "party = ? AND person = ''", "person = ? AND person <> ''"
_WAITS_AT_ALL = "rank >= ?"


def same_plugin(store: Store, number: int, repository_key: str, plugin_key: str) -> list[int]:
    """The other open tickets of the same repository or the same id."""
    rows = store.query(
        """SELECT number FROM ticket WHERE repository_key = ? AND open = 1 AND number <> ?
           UNION SELECT number FROM ticket WHERE plugin_key = ? AND plugin_key <> '' AND open = 1 AND number <> ?
           ORDER BY number""",
        repository_key, number, plugin_key, number,
    )  # fmt: skip
    return [row["number"] for row in rows]


def earlier(store: Store, number: int, repository_key: str, plugin_key: str) -> list[int]:
    """The tickets of the same repository or the same id that are over, the newest first: ten at most."""
    rows = store.query(
        """SELECT number FROM ticket WHERE repository_key = ? AND open = 0 AND number <> ?
           UNION SELECT number FROM ticket WHERE plugin_key = ? AND plugin_key <> '' AND open = 0 AND number <> ?
           ORDER BY number DESC LIMIT 10""",
        repository_key, number, plugin_key, number,
    )  # fmt: skip
    return [row["number"] for row in rows]


def tickets_named(store: Store, words: str, limit: int = 5) -> list[int]:
    """The open tickets of the plugin with this name; where there are none, those whose name begins so or whose id it is."""
    low = words.lower()
    rows = store.query(
        """SELECT number, open, name = ? AND open AS meant FROM ticket WHERE name >= ? AND name < ?
           UNION SELECT number, open, name = ? AND open AS meant FROM ticket WHERE plugin_key = ? AND plugin_key <> ''
           ORDER BY meant DESC, open DESC, number DESC LIMIT ?""",
        low, low, low + "\U0010ffff", low, low, limit,
    )  # fmt: skip
    return [row["number"] for row in rows if row["meant"] == rows[0]["meant"]]


def tickets_of(store: Store, person: str, limit: int = 20, skipped: int = 0) -> list[int]:
    """The open tickets that somebody submitted, maintains or owns, without the first `skipped`."""
    rows = store.query(
        """SELECT number FROM ticket WHERE submitter = ? AND open = 1
           UNION SELECT number FROM ticket WHERE owner = ? AND open = 1
           UNION SELECT ticket FROM part JOIN ticket ON number = ticket
                 WHERE person = ? AND part >= 'maintainer' AND part < 'maintainer;' AND open = 1
           ORDER BY 1 LIMIT ? OFFSET ?""",
        person, person, person, limit, skipped,
    )  # fmt: skip
    return [row["number"] for row in rows]


def waiting_for(
    store: Store, parties: Iterable[str] = (), person: str = "", limit: int = 20, skipped: int = 0
) -> tuple[list[Row], int]:
    """What waits for one of these parties, the urgent first, then the oldest, without the first `skipped`, and how much that is in all.

    With a person: what waits for them by name, and what waits for one of the parties and is nobody's. With neither: everything.
    """
    asked: list[tuple[str, object]] = [(_WAITS_FOR_NOBODY if person else _WAITS, party) for party in parties]
    asked += [(_WAITS_FOR_PERSON, person)] if person else []
    return _waiting(store, asked or [(_WAITS_AT_ALL, 0)], limit, skipped)


def _waiting(store: Store, asked: Sequence[tuple[str, object]], limit: int, skipped: int) -> tuple[list[Row], int]:
    rows, count = [], 0
    several = len(asked) > 1  # then how many of each are passed over is known only when they are put in order
    for where, value in asked:
        rows += store.query(
            f"SELECT ticket, party, person, why, since, rank FROM turn WHERE {where} ORDER BY rank, since, ticket LIMIT ? OFFSET ?",  # noqa: S608 -- our own words
            value, limit + (skipped if several else 0), 0 if several else skipped,
        )  # fmt: skip
        count += int(store.query(f"SELECT count(*) AS n FROM turn WHERE {where}", value)[0]["n"])  # noqa: S608 -- likewise
    if several:
        rows = sorted(rows, key=lambda row: (row["rank"], row["since"], row["ticket"]))[skipped : skipped + limit]
    return rows, count


def found(store: Store, words: str, limit: int = 20, skipped: int = 0) -> tuple[list[int], int]:
    """The tickets that say words which begin so, newest first without the first `skipped`, and how many, 1,001 for more than 1,000."""
    return search.find(store.connection, words, limit, skipped)
