"""What is booked to whom, and how long reviews take: rows that go with a ticket's index columns, and the figures that come of them."""

import json
import sqlite3
from collections.abc import Iterable

from mmbot.domain.booked import Account, Decision, life, pace
from mmbot.domain.report import Figures, Spread, Usual, Waits, spread

LATEST = 200
"""Of how many reviews, and of how many listings, the newest ones say how long it usually takes."""
FINISHED = 50
"""Of how many tickets that were finished it is reckoned where their time went, the newest ones."""
WEEK = 7 * 86_400_000
FOR_GOOD = ("listed", "rejected", "withdrawn", "taken-down")
"""The ways to be finished that are an answer to somebody: a duplicate goes on elsewhere."""


def put(connection: sqlite3.Connection, account: Account) -> None:
    """Keep what came to an end with a ticket's news; writes only what is new."""
    number = account.ticket.number
    _put(connection, account)
    for decision in account.decisions:
        if _put_pace(connection, number, decision):
            _refresh(connection, decision.role)


def put_anew(connection: sqlite3.Connection, account: Account) -> None:
    """Keep what all facts of a ticket say, in place of what was kept; `refresh` has to follow when all tickets are through."""
    number = account.ticket.number
    connection.execute("DELETE FROM booked WHERE ticket = ?", (number,))
    connection.execute("DELETE FROM pace WHERE ticket = ?", (number,))
    _put(connection, account)
    for decision in account.decisions:
        _put_pace(connection, number, decision)


def refresh(connection: sqlite3.Connection, roles: Iterable[str]) -> None:
    """Reckon anew how long the reviews of these roles usually take."""
    for role in roles:
        _refresh(connection, role)


def _put(connection: sqlite3.Connection, account: Account) -> None:
    ticket, found = account.ticket, life(account.ticket)
    connection.execute(
        """INSERT INTO life (ticket, opened_at, finished_at, how) VALUES (?, ?, ?, ?) ON CONFLICT (ticket) DO UPDATE SET
           opened_at = excluded.opened_at, finished_at = excluded.finished_at, how = excluded.how
           WHERE opened_at <> excluded.opened_at OR finished_at <> excluded.finished_at OR how <> excluded.how""",
        (ticket.number, found.opened_at, found.finished_at, found.how),
    )
    # Of facts that came in out of order two spans may begin in the same moment.
    connection.executemany(
        """INSERT INTO booked (ticket, party, since, until, why) VALUES (?, ?, ?, ?, ?)
           ON CONFLICT (ticket, party, since) DO UPDATE SET until = max(until, excluded.until)""",
        [(ticket.number, x.party, x.since, x.until, x.why) for x in account.spans],
    )


def _put_pace(connection: sqlite3.Connection, number: int, decision: Decision) -> bool:
    """Keep how long a role took for its first decision; whether it is that, and counts."""
    role = decision.role
    if connection.execute("SELECT 1 FROM pace WHERE ticket = ? AND role = ?", (number, role)).fetchone():
        return False
    spans = connection.execute(
        "SELECT since, until FROM booked WHERE ticket = ? AND party = ? ORDER BY since", (number, role)
    ).fetchall()
    found = pace(decision, spans)
    connection.execute(
        "INSERT INTO pace (ticket, role, looked, took, decided_at, counts) VALUES (?, ?, ?, ?, ?, ?)",
        (number, role, found.looked, found.took, found.decided_at, int(found.counts)),
    )
    return found.counts


def _refresh(connection: sqlite3.Connection, role: str) -> None:
    rows = connection.execute(
        "SELECT looked, took FROM pace WHERE role = ? AND counts = 1 ORDER BY decided_at DESC, ticket DESC LIMIT ?",
        (role, LATEST),
    ).fetchall()
    connection.execute("DELETE FROM usual WHERE role = ?", (role,))
    if not rows:
        return
    looked, took = spread([row[0] for row in rows]), spread([row[1] for row in rows])
    connection.execute(
        "INSERT INTO usual (role, reviews, looked, looked_most, took, took_most) VALUES (?, ?, ?, ?, ?, ?)",
        (role, len(rows), looked.half, looked.most, took.half, took.most),
    )


def usual(connection: sqlite3.Connection, role: str) -> Usual:
    """How long the last finished reviews of a role took."""
    row = connection.execute(
        "SELECT reviews, looked, looked_most, took, took_most FROM usual WHERE role = ?", (role,)
    ).fetchone()
    if row is None:
        return Usual()
    reviews, looked, looked_most, took, took_most = row
    return Usual(Spread(reviews, looked, looked_most), Spread(reviews, took, took_most))


def spent(connection: sqlite3.Connection, number: int) -> dict[str, int]:
    """How much time of a ticket that came to an end is booked to each party, in milliseconds."""
    rows = connection.execute("SELECT party, sum(until - since) FROM booked WHERE ticket = ? GROUP BY party", (number,))
    return dict(rows.fetchall())


def spent_on_review(connection: sqlite3.Connection, number: int, party: str) -> int:
    """How much time up to the review gate that came to an end is booked to one party, in milliseconds."""
    (time,) = connection.execute(
        "SELECT coalesce(sum(until - since), 0) FROM booked WHERE ticket = ? AND party = ? AND why NOT IN ('listing', 'step')",
        (number, party),
    ).fetchone()
    return int(time)


def figures(connection: sqlite3.Connection, roles: Iterable[str], now: int) -> Figures:
    """The figures of a report: how many tickets wait for whom and how long it takes. It only reads, on any connection to a store."""
    judges = tuple(roles)
    (running,) = connection.execute("SELECT count(*) FROM life WHERE how = ''").fetchone()
    (came,) = connection.execute("SELECT count(*) FROM life WHERE opened_at > ?", (now - WEEK,)).fetchone()
    listed, *closed = (_finished_since(connection, how, now - WEEK) for how in FOR_GOOD)
    listings = connection.execute(
        "SELECT finished_at - opened_at FROM life WHERE how = ? ORDER BY finished_at DESC LIMIT ?", ("listed", LATEST)
    ).fetchall()
    finished, went = _went(connection)
    waits = (_waits(connection, party, now) for party in ("submitter", "owner", *judges, "release"))
    return Figures(
        now,
        running,
        tuple(x for x in waits if x.count),
        came,
        listed,
        sum(closed),
        spread([time for (time,) in listings]),
        {role: usual(connection, role) for role in judges},
        finished,
        went,
    )


def _finished_since(connection: sqlite3.Connection, how: str, since: int) -> int:
    (count,) = connection.execute(
        "SELECT count(*) FROM life WHERE how = ? AND finished_at > ?", (how, since)
    ).fetchone()
    return int(count)


def _waits(connection: sqlite3.Connection, party: str, now: int) -> Waits:
    (late,) = connection.execute(
        "SELECT count(*) FROM turn WHERE party = ? AND due > 0 AND due < ?", (party, now)
    ).fetchone()
    (timely,) = connection.execute("SELECT count(*) FROM turn WHERE party = ? AND due >= ?", (party, now)).fetchone()
    (without,) = connection.execute("SELECT count(*) FROM turn WHERE party = ? AND due = 0", (party,)).fetchone()
    count = late + timely + without  # without a day: a submitter's, while others are waited for, too
    if not count:
        return Waits(party, 0, 0, 0, 0, 0)
    middle = "SELECT since FROM turn WHERE party = ? ORDER BY since LIMIT 2 OFFSET ?"
    both = connection.execute(middle, (party, (count - 1) // 2)).fetchall()[: 2 - count % 2]
    ticket, first = connection.execute(
        "SELECT ticket, since FROM turn WHERE party = ? ORDER BY since LIMIT 1", (party,)
    ).fetchone()
    half = sum(now - since for (since,) in both) // len(both)
    return Waits(party, count, late, half, now - first, ticket)


def _went(connection: sqlite3.Connection) -> tuple[int, dict[str, int]]:
    """Of how many tickets that were finished last, and how much of their time is booked to each party."""
    rows = []
    for how in FOR_GOOD:
        rows += connection.execute(
            "SELECT finished_at, ticket FROM life WHERE how = ? ORDER BY finished_at DESC LIMIT ?", (how, FINISHED)
        ).fetchall()  # fmt: skip
    last = [number for _, number in sorted(rows, reverse=True)[:FINISHED]]
    went = connection.execute(
        """SELECT party, sum(min(until, finished_at) - since) FROM json_each(?) JOIN life ON life.ticket = value
           JOIN booked ON booked.ticket = life.ticket WHERE since < finished_at GROUP BY party""",
        (json.dumps(last),),
    )
    return len(last), dict(went.fetchall())
