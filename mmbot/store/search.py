"""Finding tickets by words: what everybody may read of them, in an index of words of its own."""

import sqlite3

from mmbot.domain.ticket import Ticket
from mmbot.words.answers import COUNTED

_PEOPLE = """SELECT coalesce(group_concat(name, ' '), '') FROM person WHERE id IN (
             (SELECT submitter FROM ticket WHERE number = ?), (SELECT owner FROM ticket WHERE number = ?))"""


def put(connection: sqlite3.Connection, ticket: Ticket) -> None:
    """Let a saved ticket be found by what it says now; writes only what is new."""
    submitted, resolved = ticket.submitted, ticket.resolved
    said = " ".join(
        (
            ticket.name,
            resolved.plugin_id if resolved else "",
            submitted.title if submitted else "",
            submitted.summary if submitted else "",
            ticket.repository.partition("://")[2],
        )
    )
    people = connection.execute(_PEOPLE, (ticket.number, ticket.number)).fetchone()[0]
    before = connection.execute("SELECT said, people FROM search WHERE rowid = ?", (ticket.number,)).fetchone()
    if before is None:
        connection.execute("INSERT INTO search (rowid, said, people) VALUES (?, ?, ?)", (ticket.number, said, people))
    elif before != (said, people):
        connection.execute("UPDATE search SET said = ?, people = ? WHERE rowid = ?", (said, people, ticket.number))


def rename(connection: sqlite3.Connection, person: str) -> None:
    """Let somebody's tickets be found by their present name."""
    rows = connection.execute(
        "SELECT number FROM ticket WHERE submitter = ? UNION ALL SELECT number FROM ticket WHERE owner = ?",
        (person, person),
    ).fetchall()
    for (number,) in rows:
        people = connection.execute(_PEOPLE, (number, number)).fetchone()[0]
        connection.execute("UPDATE search SET people = ? WHERE rowid = ?", (people, number))


def find(connection: sqlite3.Connection, words: str, limit: int, skipped: int = 0) -> tuple[list[int], int]:
    """The tickets that have a word beginning with each of these, newest first without the first `skipped`, and how many there are.

    Of more than COUNTED the older ones are left out, and they are counted as one more than that.
    """
    wanted = query(words)
    if not wanted:
        return [], 0
    rows = connection.execute(
        "SELECT rowid FROM search WHERE search MATCH ? ORDER BY rowid DESC LIMIT ?", (wanted, COUNTED + 1)
    ).fetchall()
    return [number for (number,) in rows[:COUNTED][skipped : skipped + limit]], len(rows)


def query(words: str) -> str:
    """What somebody typed as a query for the beginnings of words, whatever signs are in it; "" where there is no word."""
    said = (x.replace('"', '""') for x in words.replace("\0", " ").split() if any(sign.isalnum() for sign in x))
    return " ".join(f'"{x}"*' for x in said)
