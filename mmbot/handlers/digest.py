"""A morning: everything that waits for somebody, in one message, told only where something in it is news."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mmbot.domain import reminders as rules
from mmbot.domain.reminders import Book
from mmbot.domain.rights import Actor, submits
from mmbot.domain.ticket import Ticket
from mmbot.domain.turns import Turn
from mmbot.messages import Message, Row
from mmbot.store import book, tickets
from mmbot.store import reminders as store
from mmbot.store.reminders import News
from mmbot.store.tx import Tx
from mmbot.words import answers
from mmbot.words import people as people_words
from mmbot.words import reminders as words
from mmbot.words.cards import title_of

SHOWN = 10
"""How many tickets a morning shows."""
WITH_BUTTONS = 5
READ = 40
"""How many rows are read at once: more than are shown, since some of them may be left out."""


@dataclass(frozen=True)
class Entry:
    """One ticket of a morning. `instead_of`: the person for whom the reader stands in; `mine`: whether it is the reader's turn.

    `put_off`: when the reader snoozed it, if it comes back now. `times`: how often it was said.
    """

    ticket: Ticket
    turn: Turn
    mine: bool
    news: bool = False
    instead_of: str = ""
    put_off: int = 0
    times: int = 0


def entry(tx: Tx, person: str, news: News, people: Book, *, fresh: bool) -> Entry | None:
    """What a note says now: None where the turn is over, or it is not this person any more who hears of it."""
    ticket = tx.store.ticket(news.ticket)
    turn = tx.turns(ticket).get(news.party) if ticket else None
    if not ticket or not turn or store.identity(turn) != (news.turn, news.since):
        return None
    for_whom = news.instead_of or person
    mine = for_whom in rules.own(ticket, turn, people)
    reached = rules.height(tx.policy, turn, tx.now)
    if not mine and for_whom not in rules.told(ticket, turn, reached, people):
        return None
    if news.instead_of and person in {*rules.own(ticket, turn, people), *rules.told(ticket, turn, reached, people)}:
        return None
    if news.instead_of and (
        not tx.is_away(for_whom) or person not in tx.instead(for_whom, part_of(turn, mine=mine), ticket)
    ):
        return None
    put_off = store.put_off(tx.store, person, ticket.number, news.since) if fresh and news.told < 0 else 0
    return Entry(ticket, turn, mine, fresh, news.instead_of, put_off, news.times)


def part_of(turn: Turn, *, mine: bool = True) -> str:
    """The part of a ticket for which somebody hears of a turn: a role's review or "release" where it is theirs, else "owner"."""
    return turn.party if mine and turn.party != "submitter" else "owner"


def for_person(
    tx: Tx, person: str, fresh: Sequence[Entry], people: Book, *, unread: bool = False
) -> tuple[Message | None, Sequence[Entry]]:
    """The morning of somebody who is here, with what is new; no message where nothing would be in it. And what is in it.

    `unread`: there is more that is new than was looked at.
    """
    roles = tx.store.roles_of(person)
    waits, count = _waiting(tx, person, roles, fresh)
    known = (entry(tx, person, x, people, fresh=False) for x in store.known(tx.store, person, READ))
    entries = _each_once([*fresh, *waits, *(x for x in known if x)])
    entries.sort(key=lambda x: (not x.news, not _late(tx, x), x.turn.due, x.ticket.number))
    chosen = _chosen(entries)
    shown = sorted(chosen, key=lambda x: (not x.turn.urgent_at, not _late(tx, x), x.turn.due, x.ticket.number))
    mine = [x for x in shown if x.mine and not x.instead_of]
    late = [x for x in shown if not x.mine and not x.instead_of]
    if not shown:
        return None, ()
    more = max(0, count - len(mine))
    rows = _rows(tx, person, [*mine, *late, *(x for x in shown if x.mine and x.instead_of)][:WITH_BUTTONS])
    hidden = unread or any(not x.mine and x not in chosen for x in entries)
    count_late = len({x.ticket.number for x in late})
    reader = Actor(person, roles)
    text = words.morning(
        words.hello(tx.now, tx.zone(person)),
        words.waiting([_own_line(tx, x, reader, people) for x in mine], len({x.ticket.number for x in mine}), more),
        words.late([_late_line(tx, x, person) for x in late], count_late, more=hidden),
        [*_for_absent(tx, shown, person), *_quiet(tx, person, shown)],
    )
    return Message(text, (*rows, words.away_row())), shown


def _waiting(tx: Tx, person: str, roles: Iterable[str], fresh: Sequence[Entry]) -> tuple[list[Entry], int]:
    """What waits for somebody, oldest first, and how much that is in all, without what they don't want to be reminded of."""
    parties = sorted({*roles} & {*tx.policy.roles, "owner", "release"})
    rows, count = tickets.waiting_for(tx.store, parties, person, READ)
    found, news = [], {(x.ticket.number, x.turn.party) for x in fresh if x.mine}
    for row in rows:
        ticket = tx.ticket(row["ticket"])
        turn = tx.turns(ticket)[row["party"]]
        quiet = store.quiet_until(tx.store, person, ticket.number) > tx.now
        if quiet or turn.party == "submitter" or submits(ticket, person):
            count -= 1
        elif (ticket.number, turn.party) not in news:
            found.append(Entry(ticket, turn, mine=True))
    return found, count


def _each_once(entries: Iterable[Entry]) -> list[Entry]:
    """One line for each turn: what is one's own counts more than what is another's."""
    once: dict[tuple[int, str], Entry] = {}
    for x in sorted(entries, key=lambda x: (bool(x.instead_of), not x.mine, not x.news)):
        once.setdefault((x.ticket.number, x.turn.party), x)
    return list(once.values())


def _chosen(entries: Sequence[Entry]) -> list[Entry]:
    """As many as a morning shows, half of them the reader's own turns and half of them others', where there are enough of both."""
    mine, others = [x for x in entries if x.mine], [x for x in entries if not x.mine]
    half = SHOWN // 2
    return [*mine[: max(half, SHOWN - len(others))], *others[: max(half, SHOWN - len(mine))]]


def _late(tx: Tx, entry: Entry) -> bool:
    return 0 < entry.turn.due <= tx.now


def _line(tx: Tx, entry: Entry, reader: Actor) -> str:
    thread = tx.thread(entry.ticket, entry.turn.party)
    line = answers.queue_line(entry.ticket, entry.turn, reader, tx.who, tx.now, thread)
    if entry.put_off:
        return words.put_off(line, entry.put_off)
    return words.said_before(line, entry.times) if entry.news and _late(tx, entry) else line


def _own_line(tx: Tx, entry: Entry, reader: Actor, people: Book) -> str:
    """A line about somebody's own turn; where it is late, with who else hears of it."""
    reached = rules.height(tx.policy, entry.turn, tx.now)
    rungs = rules.ladder(entry.ticket, entry.turn, people)
    line = _line(tx, entry, reader)
    if not entry.news or not 1 < reached <= len(rungs) or reader.id not in rungs[0]:
        return line
    told = [
        x
        for x in rungs[reached - 1]
        if store.quiet_until(tx.store, x, entry.ticket.number) <= tx.now and not tx.is_away(x)
    ]
    return words.heard_too(line, [tx.who(x) for x in told]) if told else line


def _late_line(tx: Tx, entry: Entry, person: str) -> str:
    ticket, turn = entry.ticket, entry.turn
    line = _line(tx, entry, Actor(person))
    name, takers = _name(tx, _with(ticket, turn)), _takers(tx, ticket, turn, person)
    if turn.party == "submitter":
        return words.silent(ticket, line, name, store.times_said(tx.store, ticket.submitter, ticket.number, turn))
    able = turn.party in tx.store.roles_of(person) and not submits(ticket, person)
    away = not takers and any(tx.is_away(x) for x in tx.store.members(turn.party))
    return words.late_with(ticket, turn, line, name, takers, tx.who(person) if able else "", away=away)


def _with(ticket: Ticket, turn: Turn) -> str:
    """Whoever a turn is late with, by user id; "" for nobody in particular."""
    people = {"submitter": ticket.submitter, "owner": ticket.owner, "release": ""}
    return people[turn.party] if turn.party in people else ticket.review(turn.party).reviewer


def _name(tx: Tx, person: str) -> str:
    return tx.who(person) if person else ""


def _takers(tx: Tx, ticket: Ticket, turn: Turn, reader: str) -> list[tuple[str, int]]:
    """The others who could take it, the shortest queue first, with how much waits for each."""
    if turn.party in {"submitter", "owner"}:
        return []
    others = [
        x for x in tx.store.members(turn.party)
        if x not in {_with(ticket, turn), reader} and not submits(ticket, x) and not tx.is_away(x)
    ]  # fmt: skip
    queues = sorted((store.busy(tx.store, x), tx.who(x)) for x in others)
    return [(name, count) for count, name in queues]


def _rows(tx: Tx, person: str, entries: Sequence[Entry]) -> tuple[Row, ...]:
    """Buttons for each line; how to be left alone by a ticket stands beside the first of its lines."""
    rows, numbers = [], [x.ticket.number for x in entries]
    for n, x in enumerate(entries):
        ticket, turn, first = x.ticket, x.turn, x.ticket.number not in numbers[:n]
        if x.instead_of:
            buttons = words.take_over_buttons(ticket, turn, tx.who(person), first=first)
        elif x.mine:
            taken = person == (ticket.owner if turn.party == "owner" else ticket.review(turn.party).reviewer)
            buttons = words.buttons(ticket, turn, taken=taken, first=first)
        else:
            late, takers = _with(ticket, turn), _takers(tx, ticket, turn, person)
            buttons = words.late_buttons(ticket, turn, _name(tx, late), takers[0][0] if takers else "", first=first)
        alone = numbers.count(ticket.number) == 1 or turn.party not in ticket.policy.roles
        rows.append(words.row(ticket, "" if alone else title_of(ticket, turn.party), buttons))
    return tuple(rows)


def _for_absent(tx: Tx, shown: Sequence[Entry], person: str) -> list[str]:
    """What somebody reads in place of those for whom they stand in."""
    texts = []
    for absent in dict.fromkeys(x.instead_of for x in shown if x.instead_of):
        lines, named = [], True
        for x in shown:
            if x.instead_of == absent:
                named = named and tx.stand_in(absent, part_of(x.turn, mine=x.mine)) == person
                reader = Actor(absent if x.turn.party == "owner" else person, tx.store.roles_of(person))
                line = words.take_over(x.ticket, x.turn, _line(tx, x, reader), tx.who(person))
                lines.append(line if x.mine else _late_line(tx, x, person))
        texts.append(people_words.standing_in(tx.who(absent), tx.absence(absent).day, lines, named=named))
    return texts


def _quiet(tx: Tx, person: str, shown: Sequence[Entry]) -> list[str]:
    """The line about those of somebody's tickets that wait for others."""
    known = {x.ticket.number for x in shown}
    waits: dict[int, list[tuple[str, int]]] = {}
    for number, party, since in store.beside(tx.store, person, READ):
        if number not in known and store.quiet_until(tx.store, person, number) <= tx.now:
            waits.setdefault(number, []).append((party, since))
    parts = []
    for number, parties in list(waits.items())[: words.FEW]:
        ticket = tx.ticket(number)
        names = [
            "its submitter" if p == "submitter" else "a release user" if p == "release" else title_of(ticket, p)
            for p, _ in parties
        ]
        parts.append((ticket.handle, names, (tx.now - min(since for _, since in parties)) // 86_400_000))
    return [words.quiet_otherwise(parts, more=len(waits) > words.FEW)] if parts else []


def people_of(tx: Tx) -> Book:
    """What the rules of reminding know of people."""
    return Book(tx.store.members, book.default_owner(tx.store))
