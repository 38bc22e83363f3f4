"""What the clock brings: a turn that reached a rung, somebody's morning, and what people asked to be reminded of."""

from collections.abc import Sequence

from mmbot.domain import reminders as rules
from mmbot.domain import whens
from mmbot.domain.reminders import Book
from mmbot.domain.rights import Actor, allowed, is_outside, submits
from mmbot.domain.ticket import Ticket
from mmbot.domain.turns import Turn
from mmbot.events import AskReminders, Forget, Mute, Remind, Snooze
from mmbot.handlers import digest
from mmbot.handlers.digest import Entry
from mmbot.handlers.news import tell
from mmbot.messages import Button, Refused, Reply, Row
from mmbot.store import due, reminders
from mmbot.store.reminders import MUTED, Asked, News, Reminder
from mmbot.store.tx import Tx
from mmbot.words import notices
from mmbot.words import reminders as words
from mmbot.words.cards import outlook
from mmbot.words.way_on import way_on

LISTED = 20
"""How many reminders are listed."""


# The clock


def ticket_due(tx: Tx, subject: str) -> None:
    """A turn of a ticket reached a rung: whoever has to hear of it does, on their next morning."""
    ticket = tx.store.ticket(int(subject))
    if ticket is None:
        return
    turns, people = tx.turns(ticket), digest.people_of(tx)
    for turn in turns.values():
        _note(tx, ticket, turn, people)
    due.put(tx.store, f"ticket:{ticket.number}", rules.next_rung(tx.policy, turns.values(), tx.now))


def _note(tx: Tx, ticket: Ticket, turn: Turn, people: Book) -> None:
    """Note for everybody concerned which rung a turn has reached by now."""
    reached = rules.height(tx.policy, turn, tx.now)
    for person in rules.told(ticket, turn, reached, people):
        reminders.tell(tx.store, person, ticket.number, turn, reached, tx.now)
    person, nudges = rules.nudged(ticket, turn, reached, people)
    if person and (person == ticket.submitter or nudges == reached):  # who is asked by now need not pass it on any more
        reminders.tell(tx.store, person, ticket.number, turn, nudges, tx.now)


def morning(tx: Tx, person: str) -> None:
    """Tell somebody what waits for them, if something of it is news; of somebody away, whoever stands in hears it."""
    office, people = reminders.office(tx.store, person), digest.people_of(tx)
    if tx.is_away(person):
        fresh, nudged, _ = _news(tx, person, people)
        _hand_on(tx, person, fresh, people)
        if fresh or nudged:
            due.sooner(tx.store, f"morning:{person}", office.not_before(tx.absence(person).until))
        return
    if not office.open(tx.now):
        due.put(tx.store, f"morning:{person}", office.not_before(tx.now))
        return
    if due.before(
        tx.store, "ticket", tx.now
    ):  # after a time down: what became late meanwhile belongs into the same message
        due.put(tx.store, f"morning:{person}", tx.now)
        return
    fresh, nudged, seen = _news(tx, person, people)
    for ticket, turn, count in nudged:
        _nudge(tx, ticket, turn, person, count)
        reminders.said_once_more(tx.store, person, ticket.number, turn)
    unread = len(reminders.untold(tx.store, person, tx.now, len(seen) + 1)) > len(seen)
    message, shown = digest.for_person(tx, person, fresh, people, unread=unread) if fresh else (None, ())
    if message and not reminders.said_before(tx.store, person, message.text, tx.now):
        tx.say(message, to=person)
    reminders.all_told(tx.store, person, tx.now, [(x.ticket.number, x.turn.party) for x in shown])


def _news(tx: Tx, person: str, people: Book) -> tuple[list[Entry], list[tuple[Ticket, Turn, int]], set[News]]:
    """What is news for somebody and still true, as much as a morning takes; for whose submitters they are reminded; the notes of both."""
    fresh: list[Entry] = []
    nudged: list[tuple[Ticket, Turn, int]] = []
    seen = set[News]()
    while rows := [x for x in reminders.untold(tx.store, person, tx.now, digest.READ + len(seen)) if x not in seen]:
        for row in rows:
            if found := digest.entry(tx, person, row, people, fresh=True):
                fresh.append(found)
            elif nudge := _still_nudged(tx, person, row, people):
                nudged.append(nudge)
            else:
                reminders.no_news(tx.store, person, row)
                continue
            seen.add(row)
        if len(seen) >= digest.SHOWN:
            break
    return fresh, nudged, seen


def _still_nudged(tx: Tx, person: str, row: News, people: Book) -> tuple[Ticket, Turn, int] | None:
    ticket = tx.store.ticket(row.ticket)
    turn = tx.turns(ticket).get(row.party) if ticket else None
    if not ticket or not turn or reminders.identity(turn) != (row.turn, row.since):
        return None
    whom, count = rules.nudged(ticket, turn, rules.height(tx.policy, turn, tx.now), people)
    return (ticket, turn, count) if whom == person else None


def _nudge(tx: Tx, ticket: Ticket, turn: Turn, person: str, count: int) -> None:
    last = count == len(rules.nudges(tx.policy))
    owner = tx.who(ticket.owner) if ticket.owner else ""
    message = words.nudge(ticket, turn, owner, tx.thread(ticket), last=last, now=tx.now)
    if is_outside(ticket.submitter):
        message = notices.to_pass_on(ticket, tx.who(ticket.submitter), message)
    tx.say(message, to=person)


def _hand_on(tx: Tx, absent: str, entries: Sequence[Entry], people: Book) -> None:
    """Have those who stand in for somebody told what is that person's, on their next morning."""
    for x in entries:
        reached = rules.height(tx.policy, x.turn, tx.now)
        known = {absent, *rules.own(x.ticket, x.turn, people), *rules.told(x.ticket, x.turn, reached, people)}
        for person in tx.instead(absent, digest.part_of(x.turn, mine=x.mine), x.ticket):
            if person not in known:
                reminders.tell(tx.store, person, x.ticket.number, x.turn, reached, tx.now, absent)


def comes_or_goes(tx: Tx, person: str) -> None:
    """Somebody is here again, so that what was to be told comes on their next morning; or away, so that it goes to whoever stands in."""
    if reminders.untold(tx.store, person, tx.now, 1):
        morning_ = reminders.office(tx.store, person).next_morning(tx.now)
        due.sooner(tx.store, f"morning:{person}", tx.now if tx.is_away(person) else morning_)


# Peace and quiet


def snooze(tx: Tx, cmd: Snooze) -> Reply:
    """Leave a ticket out of somebody's reminders for some days."""
    ticket = _alive(tx, cmd.ticket)
    office = reminders.office(tx.store, tx.by)
    until = whens.morning_in(cmd.days, tx.now, office)
    _note_own(tx, ticket)
    reminders.leave_alone(tx.store, tx.by, ticket.number, until, _asked(tx))
    due.sooner(tx.store, f"morning:{tx.by}", max(until, office.next_morning(tx.now)))
    return Reply(words.snoozed(ticket, until, tx.zone(tx.by)))


def mute(tx: Tx, cmd: Mute) -> Reply:
    """Leave a ticket out of somebody's reminders, or no longer."""
    ticket = _alive(tx, cmd.ticket) if cmd.muted else tx.ticket(cmd.ticket)
    tx.require("concerned", ticket)
    if not cmd.muted and reminders.quiet_until(tx.store, tx.by, ticket.number) <= tx.now:
        raise Refused(words.not_muted(ticket))
    reminders.leave_alone(tx.store, tx.by, ticket.number, MUTED if cmd.muted else 0, _asked(tx))
    if not cmd.muted:
        _note_own(tx, ticket)
    return Reply(words.muted(ticket) if cmd.muted else words.unmuted(ticket))


def _note_own(tx: Tx, ticket: Ticket) -> None:
    """Note what the asker has to hear of a ticket now, so that it comes when they want to hear of it again."""
    people = digest.people_of(tx)
    for turn in tx.turns(ticket).values():
        reached = rules.height(tx.policy, turn, tx.now)
        if tx.by in {*rules.own(ticket, turn, people), *rules.told(ticket, turn, reached, people)}:
            reminders.tell(tx.store, tx.by, ticket.number, turn, reached, tx.now)


def _alive(tx: Tx, number: int) -> Ticket:
    """A ticket of which somebody can be reminded, and in which the asker has a part."""
    ticket = tx.ticket(number)
    tx.require("concerned", ticket)
    if ticket.ended or (not tx.turns(ticket) and not ticket.held):
        raise Refused(words.over(ticket), "ticket")
    return ticket


def _asked(tx: Tx) -> Asked:
    return Asked(tx.by, tx.at, tx.via, tx.event.id)


# What people ask for


def remind(tx: Tx, cmd: Remind) -> Reply:
    """Keep what somebody shall be told, and when; at once where no time is named and they may be spoken to."""
    ticket = _alive(tx, cmd.ticket)
    mine, name = cmd.person == tx.by, tx.who(cmd.person)
    if not mine and not tx.actor.roles:
        raise Refused(words.only_yourself(ticket), "person")
    known = tx.store.person(cmd.person)
    if not known or known.is_bot or not (tx.store.roles_of(cmd.person) or submits(ticket, cmd.person)):
        raise Refused(words.nothing_to_do_with_it(ticket, name), "person")
    theirs = _waits_for(tx, ticket, cmd.person)
    if not cmd.when and not mine and not theirs:
        raise Refused(words.not_reminded(ticket, name, cmd.text, _why_not(tx, ticket, cmd.person)).text, "person")
    try:
        at = whens.moment(cmd.when, tx.now, reminders.office(tx.store, cmd.person))
    except whens.BadWhen as bad:
        raise Refused(words.bad_when(bad.why), "when") from bad
    number = reminders.remember(tx.store, cmd.person, ticket.number, cmd.text, at, _asked(tx))
    if at <= tx.now:
        remind_due(tx, str(number))
        return Reply(words.reminded_now(ticket, "you" if mine else name))
    return Reply(words.will_remind(ticket, name, at, tx.zone(tx.by), number, mine=mine, theirs=theirs))


def remind_due(tx: Tx, subject: str) -> None:
    """Tell what somebody asked to have told, if it still holds; else tell that person why not."""
    found = reminders.reminder(tx.store, int(subject))
    if found is None:
        return
    offices = {x: reminders.office(tx.store, x) for x in _readers(tx, found)}
    readers = [x for x, office in offices.items() if office.open(tx.now)]
    if not readers:  # of several who stand in, whose day begins first hears it
        due.put(tx.store, f"remind:{found.id}", min(office.not_before(tx.now) for office in offices.values()))
        return
    why = _not_told(tx, found)
    ticket, asker = tx.ticket(found.ticket), reminders.office(tx.store, found.by)
    if why and not asker.open(tx.now):  # looked at again when whoever asked can be told
        due.put(tx.store, f"remind:{found.id}", asker.not_before(tx.now))
        return
    if why:
        mine = found.person == found.by
        tx.say(words.not_reminded(ticket, "to be" if mine else tx.who(found.person), found.text, why), to=found.by)
    else:
        _tell(tx, ticket, found, readers)
    reminders.over(tx.store, found.id, "not told" if why else "told", tx.now)


def _readers(tx: Tx, found: Reminder) -> list[str]:
    """Who would read it: that person, or while they are away whoever is told in their place."""
    ticket = tx.ticket(found.ticket)
    if found.person == found.by or submits(ticket, found.person):
        return [found.person]
    return tx.instead(found.person, _part(tx, ticket, found.person), ticket)


def _part(tx: Tx, ticket: Ticket, person: str) -> str:
    """The part of a ticket in which it waits for somebody."""
    people = digest.people_of(tx)
    turns = tx.turns(ticket).values()
    return next((digest.part_of(x) for x in turns if rules.waits_for(ticket, x, person, people)), "owner")


def _not_told(tx: Tx, found: Reminder) -> str:
    """Why a reminder does not hold any more, "" where it does."""
    ticket = tx.ticket(found.ticket)
    if ticket.ended or not (tx.turns(ticket) or ticket.held):
        return words.over(ticket)
    if found.person == found.by:
        return ""
    if not allowed("concerned", Actor(found.by, tx.store.roles_of(found.by)), ticket):
        return words.nothing_to_do_with_it(ticket, tx.who(found.by))
    return "" if _waits_for(tx, ticket, found.person) else _why_not(tx, ticket, found.person)


def _why_not(tx: Tx, ticket: Ticket, person: str) -> str:
    return words.not_theirs(tx.who(person), outlook(ticket, tx.turns(ticket), tx.who, now=tx.now))


def _waits_for(tx: Tx, ticket: Ticket, person: str) -> bool:
    people = digest.people_of(tx)
    return any(rules.waits_for(ticket, turn, person, people) for turn in tx.turns(ticket).values())


def _tell(tx: Tx, ticket: Ticket, found: Reminder, readers: Sequence[str]) -> None:
    mine, turns = found.person == found.by, tx.turns(ticket)
    way = way_on(ticket, turns, found.person, tx.store.roles_of(found.person), tx.thread(ticket))
    says = outlook(ticket, turns, tx.who, mention=found.person, now=tx.now)
    message = words.reminder(ticket, found.text, tx.who(found.by), way, says, mine=mine)
    if mine or submits(ticket, found.person):
        tell(tx, ticket, found.person, message)
    else:
        tx.tell(message, found.person, _part(tx, ticket, found.person), ticket, among=readers)


def listed(tx: Tx, _cmd: AskReminders) -> Reply:
    """What the asker asked for, each with a way to drop it."""
    found = reminders.reminders_by(tx.store, tx.by, LISTED)
    lines = [
        words.reminder_line(
            tx.ticket(x.ticket), x.id, tx.who(x.person) if x.person != tx.by else "", x.due, tx.zone(tx.by), x.text
        )
        for x in found
    ]
    buttons = tuple(Button(f"Drop {x.id}", f"forget {x.id}") for x in found[:5])
    return Reply(words.your_reminders(lines), (Row(buttons),) if buttons else ())


def forget(tx: Tx, cmd: Forget) -> Reply:
    """Drop a reminder of the asker's."""
    found = reminders.reminder(tx.store, cmd.number)
    if found is None or found.by != tx.by:
        raise Refused(words.no_reminder(cmd.number))
    reminders.over(tx.store, found.id, "dropped", tx.now)
    return Reply(words.forgotten(tx.ticket(found.ticket)))
