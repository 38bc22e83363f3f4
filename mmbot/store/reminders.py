"""What is to be told to whom of whose turn it is, what was told, who wants to be left alone, and what people asked to be reminded of."""

import hashlib
from collections.abc import Iterable, Mapping
from dataclasses import dataclass

from mmbot.domain.deadlines import DAY, Office, plus_working_days
from mmbot.domain.reminders import Book, own
from mmbot.domain.rights import is_outside
from mmbot.domain.ticket import Ticket
from mmbot.domain.turns import Turn
from mmbot.events import Person
from mmbot.store import book, cases, due
from mmbot.store.database import Store
from mmbot.words.phrases import zone_of

MUTED = 2**53
"""Until when somebody who muted a ticket is left alone by it: for ever."""
_NEWS = "ticket, party, instead_of, turn, since, height, told, times"


@dataclass(frozen=True)
class News:
    """What somebody is told of a turn: the rung that it reached, 0 where it only became theirs.

    `told` is the rung that they were told of, -1 for none; `times` is how often it was said to them.
    """

    ticket: int
    party: str
    instead_of: str
    turn: str
    since: int
    height: int
    told: int
    times: int


@dataclass(frozen=True)
class Reminder:
    """What somebody (`by`) asked to have told to a person about a ticket, at `due` (milliseconds UTC)."""

    id: int
    person: str
    ticket: int
    text: str
    due: int
    by: str


@dataclass(frozen=True)
class Asked:
    """Who asked for something, when and from where, for the record."""

    by: str
    at: int
    via: str
    event: str


def book_of(store: Store) -> Book:
    """What the rules of reminding have to know of people."""
    return Book(store.members, book.default_owner(store))


def office(store: Store, person: str) -> Office:
    """When a clock may speak to somebody."""
    known = store.person(person)
    return Office(store.policy.hours, zone_of(known.zone if known else ""), store.policy.days.holidays)


def met(store: Store, people: Iterable[Person], now: int) -> None:
    """Remember what was learnt of people; where somebody is in another zone by now, what a clock tells them goes by that."""
    seen = list(people)
    moved = [x for x in seen if (known := store.person(x.id)) and known.zone != x.zone]
    store.know(seen)
    for person in moved:
        if due.of(store, f"morning:{person.id}") is not None:
            due.sooner(store, f"morning:{person.id}", office(store, person.id).next_morning(now))
    for handle in cases.open_cases(store) if moved else ():
        due.sooner(store, cases.subject(handle), now)


def turned(store: Store, ticket: Ticket, before: Mapping[str, Turn], after: Mapping[str, Turn], now: int) -> None:
    """Have those told, some morning, whose turn it has become; what was to be told of turns that are over is not.

    Where any hour is as good as a morning, there is none on which it is known that they have not acted: then only rungs are told.
    """
    people = None
    for party in {*before, *after}:
        turn = after.get(party)
        if turn == before.get(party):
            continue
        store.execute("DELETE FROM news WHERE ticket = ? AND party = ?", ticket.number, party)
        if turn and not store.policy.hours.always:
            people = people or book_of(store)
            for person in own(ticket, turn, people):
                tell(store, person, ticket.number, turn, 0, now)


def tell(store: Store, person: str, ticket: int, turn: Turn, height: int, now: int, instead_of: str = "") -> None:
    """Have somebody told, on their next morning, that a turn reached a rung, unless they were or don't want to be."""
    after = quiet_until(store, person, ticket)
    if is_outside(person) or after == MUTED:
        return
    kind, since = identity(turn)
    after = max(after, _last_said(store, person, ticket, turn, instead_of))
    store.execute(
        """INSERT INTO news (person, ticket, party, instead_of, turn, since, height, told, said, times, after)
           VALUES (?, ?, ?, ?, ?, ?, ?, -1, 0, 0, ?)
           ON CONFLICT (person, ticket, party, instead_of) DO UPDATE SET after = excluded.after, height = excluded.height,
           told = CASE WHEN turn = excluded.turn AND since = excluded.since THEN told ELSE -1 END,
           times = CASE WHEN turn = excluded.turn AND since = excluded.since THEN times ELSE 0 END, turn = excluded.turn,
           since = excluded.since""",
        person, ticket, turn.party, instead_of, kind, since, height, after,
    )  # fmt: skip
    if untold(store, person, max(now, after), 1, ticket):
        hours = office(store, person)
        away = book.absence(store, person).at(now)  # then whoever stands in is to have it on their next morning
        due.sooner(store, f"morning:{person}", now if away else max(hours.next_morning(now), hours.not_before(after)))


def _last_said(store: Store, person: str, ticket: int, turn: Turn, instead_of: str) -> int:
    """When somebody may be told again, by itself, that a turn is late: of several that are, they hear together."""
    rows = store.query(
        """SELECT said FROM news WHERE person = ? AND ticket = ? AND party = ? AND instead_of = ? AND turn = ? AND since = ?
           AND told > 0""",
        person, ticket, turn.party, instead_of, *identity(turn),
    )  # fmt: skip
    if not rows or not rows[0]["said"]:
        return 0
    ladder, holidays = store.policy.remind.ladder, store.policy.days.holidays
    return plus_working_days(rows[0]["said"], ladder, holidays) - round(min(ladder, 1) * DAY / 2)


def identity(turn: Turn) -> tuple[str, int]:
    """What makes a turn the same one: what it waits for, and since when; a submitter's, since when they alone are waited for."""
    return f"{turn.why}:{turn.step}", turn.alone if turn.party == "submitter" else turn.since


def untold(store: Store, person: str, now: int, limit: int, ticket: int = 0) -> list[News]:
    """What somebody has to be told and was not, the latest rungs first; of one ticket, or of all."""
    if ticket:
        rows = store.query(
            f"SELECT {_NEWS} FROM news WHERE person = ? AND ticket = ? AND +told < height AND +after <= ? LIMIT ?",  # noqa: S608 -- our own words
            person, ticket, now, limit,
        )  # fmt: skip
    else:
        rows = store.query(
            f"SELECT {_NEWS} FROM news WHERE person = ? AND told < height AND after <= ? ORDER BY height DESC, ticket LIMIT ?",  # noqa: S608 -- likewise
            person, now, limit,
        )  # fmt: skip
    return [News(**row) for row in rows]


def known(store: Store, person: str, limit: int) -> list[News]:
    """Of what rungs somebody was told before, the oldest tickets first; what was snoozed meanwhile is as if it never was told."""
    rows = store.query(
        f"SELECT {_NEWS} FROM news WHERE person = ? AND told > 0 ORDER BY ticket LIMIT ?",  # noqa: S608 -- likewise
        person, limit,
    )  # fmt: skip
    return [News(**row) for row in rows]


def no_news(store: Store, person: str, news: News) -> None:
    """It is not to be told any more."""
    store.execute(
        "DELETE FROM news WHERE person = ? AND ticket = ? AND party = ? AND instead_of = ?",
        person, news.ticket, news.party, news.instead_of,
    )  # fmt: skip


def all_told(store: Store, person: str, now: int, shown: Iterable[tuple[int, str]]) -> None:
    """Everything that there was to be told was told; of these turns (ticket, party) it is noted when they were said."""
    store.execute("UPDATE news SET told = height WHERE person = ? AND told < height AND after <= ?", person, now)
    for ticket, party in shown:
        store.execute(
            "UPDATE news SET said = ?, told = height, times = times + 1 WHERE person = ? AND ticket = ? AND party = ?",
            now, person, ticket, party,
        )  # fmt: skip


def said_once_more(store: Store, person: str, ticket: int, turn: Turn) -> None:
    """Somebody was told of a turn in a message of its own."""
    store.execute(
        "UPDATE news SET times = times + 1 WHERE person = ? AND ticket = ? AND party = ? AND turn = ? AND since = ?",
        person, ticket, turn.party, *identity(turn),
    )  # fmt: skip


def times_said(store: Store, person: str, ticket: int, turn: Turn) -> int:
    """How often somebody was told of a turn."""
    rows = store.query(
        "SELECT sum(times) AS n FROM news WHERE person = ? AND ticket = ? AND party = ? AND turn = ? AND since = ?",
        person, ticket, turn.party, *identity(turn),
    )  # fmt: skip
    return int(rows[0]["n"] or 0)


def leave_alone(store: Store, person: str, ticket: int, until: int, asked: Asked) -> None:
    """Somebody wants no reminders of a ticket until a moment (MUTED: for ever; 0: no longer). What waits then is news again."""
    kind = "muted" if until == MUTED else "snoozed" if until else "unmuted"
    store.execute(
        "INSERT INTO quiet (person, ticket, kind, until, at, by, via, event) VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        person, ticket, kind, until, asked.at, asked.by, asked.via, asked.event,
    )  # fmt: skip
    if until == MUTED:
        store.execute("DELETE FROM news WHERE person = ? AND ticket = ?", person, ticket)
    else:
        store.execute("UPDATE news SET told = -1, after = ? WHERE person = ? AND ticket = ?", until, person, ticket)


def quiet_until(store: Store, person: str, ticket: int) -> int:
    """Until when somebody wants no reminders of a ticket; MUTED for ever, 0 or a moment in the past: they do."""
    rows = store.query(
        "SELECT until FROM quiet WHERE person = ? AND ticket = ? ORDER BY id DESC LIMIT 1", person, ticket
    )
    return int(rows[0]["until"]) if rows else 0


def put_off(store: Store, person: str, ticket: int, since: int) -> int:
    """When somebody last snoozed a ticket, if that was since a moment, and they did not mute or unmute it after; else 0."""
    rows = store.query(
        "SELECT kind, at FROM quiet WHERE person = ? AND ticket = ? ORDER BY id DESC LIMIT 1", person, ticket
    )
    return int(rows[0]["at"]) if rows and rows[0]["kind"] == "snoozed" and rows[0]["at"] >= since else 0


def said_before(store: Store, person: str, what: str, now: int) -> bool:
    """Whether somebody's last morning said exactly this; else it is their last one from now on."""
    what = hashlib.sha256(what.encode()).hexdigest()
    if store.query("SELECT 1 FROM morning WHERE person = ? AND what = ?", person, what):
        return True
    store.execute("INSERT OR REPLACE INTO morning (person, at, what) VALUES (?, ?, ?)", person, now, what)
    return False


def remember(store: Store, person: str, ticket: int, text: str, at: int, asked: Asked) -> int:
    """Keep what somebody asked to have told; returns its number."""
    number = int(store.query("SELECT coalesce(max(id), 0) + 1 AS n FROM reminder")[0]["n"])
    store.execute(
        """INSERT INTO reminder (id, person, ticket, text, due, at, by, via, event, state, ended_at)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, 'waits', 0)""",
        number, person, ticket, text, at, asked.at, asked.by, asked.via, asked.event,
    )  # fmt: skip
    due.put(store, f"remind:{number}", at)
    return number


def reminder(store: Store, number: int) -> Reminder | None:
    """A reminder that waits to be told."""
    rows = store.query(
        "SELECT id, person, ticket, text, due, by FROM reminder WHERE id = ? AND state = 'waits'", number
    )
    return Reminder(**rows[0]) if rows else None


def reminders_by(store: Store, person: str, limit: int) -> list[Reminder]:
    """What somebody asked for and waits to be told, the next first."""
    rows = store.query(
        "SELECT id, person, ticket, text, due, by FROM reminder WHERE by = ? AND state = 'waits' ORDER BY due LIMIT ?",
        person, limit,
    )  # fmt: skip
    return [Reminder(**row) for row in rows]


def over(store: Store, number: int, state: str, now: int) -> None:
    """A reminder was "told", "not told" or "dropped"."""
    store.execute("UPDATE reminder SET state = ?, ended_at = ? WHERE id = ?", state, now, number)
    due.put(store, f"remind:{number}", None)


def busy(store: Store, person: str) -> int:
    """How much waits for somebody by name: how long their queue is."""
    return int(store.query("SELECT count(*) AS n FROM turn WHERE person = ? AND person <> ''", person)[0]["n"])


def beside(store: Store, person: str, limit: int) -> list[tuple[int, str, int]]:
    """The (ticket, party, since) for which open tickets of an owner wait, without the owner's own turns."""
    rows = store.query(
        """SELECT turn.ticket, turn.party, turn.since FROM ticket JOIN turn ON turn.ticket = ticket.number
           WHERE ticket.owner = ? AND ticket.open = 1 AND turn.party NOT IN ('owner', 'mmbot')
           ORDER BY ticket.number, turn.party LIMIT ?""",
        person, limit,
    )  # fmt: skip
    return [(row["ticket"], row["party"], row["since"]) for row in rows]
