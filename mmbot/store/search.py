"""Finding tickets by words: what everybody may read of them, in an index of words of its own."""

import sqlite3

from mmbot.domain.rights import OUTSIDE, is_outside
from mmbot.domain.ticket import Ticket
from mmbot.words.answers import COUNTED


def put(connection: sqlite3.Connection, ticket: Ticket) -> None:
    """Let a saved ticket be found by what it says now; writes only what is new."""
    submitted = ticket.submitted
    said = " ".join(
        (
            ticket.name,
            ticket.plugin_id,
            submitted.title if submitted else "",
            submitted.summary if submitted else "",
            ticket.repository.partition("://")[2],
        )
    )
    people = _people(connection, ticket.submitter, ticket.owner)
    before = connection.execute("SELECT said, people FROM search WHERE rowid = ?", (ticket.number,)).fetchone()
    if before is None:
        connection.execute("INSERT INTO search (rowid, said, people) VALUES (?, ?, ?)", (ticket.number, said, people))
    elif before != (said, people):
        connection.execute("UPDATE search SET said = ?, people = ? WHERE rowid = ?", (said, people, ticket.number))


def rename(connection: sqlite3.Connection, person: str) -> None:
    """Let somebody's tickets be found by their present name."""
    rows = connection.execute(
        """SELECT number, submitter, owner FROM ticket WHERE submitter = ?
           UNION ALL SELECT number, submitter, owner FROM ticket WHERE owner = ?""",
        (person, person),
    ).fetchall()
    for number, submitter, owner in rows:
        people = _people(connection, submitter, owner)
        connection.execute("UPDATE search SET people = ? WHERE rowid = ?", (people, number))


def _people(connection: sqlite3.Connection, *people: str) -> str:
    """The names of some people, of those without an account, too."""
    names = [person.removeprefix(OUTSIDE) for person in people if is_outside(person)]
    for person in people:
        names += [name for (name,) in connection.execute("SELECT name FROM person WHERE id = ?", (person,)).fetchall()]
    return " ".join(names)


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
