"""The book of people: who holds which role, who is away, who stands in; read by everybody, changed by admins."""

from collections.abc import Sequence
from datetime import date

from mmbot.domain.book import (
    DEFAULT_OWNER,
    GUIDES,
    LONGEST_ABSENCE,
    AwaySaid,
    DeputyNamed,
    RoleGiven,
    RoleTaken,
    day_end,
    lost,
    shared,
)
from mmbot.domain.deadlines import DAY, FIRST
from mmbot.domain.rights import STAFF
from mmbot.events import AskPeople, SayAway
from mmbot.handlers import parts, reminders
from mmbot.messages import Refused, Reply
from mmbot.store import book, cases
from mmbot.store.tx import Tx
from mmbot.words import people as words
from mmbot.words.phrases import zone_of

LOGGED = 10
"""How many changes are shown."""


def people(tx: Tx, cmd: AskPeople) -> Reply:  # noqa: C901, PLR0911 -- one arm per act
    """Show the book, or change it."""
    if cmd.log or cmd.act:
        tx.require("admin")
    if not cmd.act:
        if cmd.people or cmd.roles or cmd.day:
            raise Refused(words.needs(""))
        return Reply(words.log(book.last(tx.store, LOGGED), tx.who) if cmd.log else _shown(tx))
    whom = [_person(tx, x) for x in dict.fromkeys(cmd.people)]
    takes = {"add": (1, 20), "remove": (1, 20), "deputy": (2, 2), "away": (1, 2)}.get(cmd.act, (1, 1))
    with_roles, with_day = cmd.act in {"add", "remove"}, cmd.act == "away"
    if not takes[0] <= len(whom) <= takes[1] or bool(cmd.roles) != with_roles or bool(cmd.day) != with_day:
        raise Refused(words.needs(cmd.act))
    match cmd.act:
        case "add":
            return _add(tx, whom, _roles(tx, cmd.roles))
        case "remove":
            return _remove(tx, whom, _roles(tx, cmd.roles))
        case "default-owner":
            return _default_owner(tx, whom[0])
        case "deputy":
            _deputy(tx, whom[1], whom[0])
            return Reply(words.deputy_set(tx.who(whom[1]), tx.who(whom[0]), _last_day(tx, whom[0])))
        case "no-deputy":
            if not tx.absence(whom[0]).deputy:
                raise Refused(words.no_deputy(tx.who(whom[0])))
            tx.record(DeputyNamed(person=whom[0], deputy="", by=tx.by, at=tx.at, via=tx.via))
            return Reply(words.deputy_set(tx.who(whom[0]), ""))
        case "away" | "back":
            return _away(tx, whom[0], cmd.day, *whom[1:])


def say_away(tx: Tx, cmd: SayAway) -> Reply:
    """The asker is away up to a day, or is back."""
    return _away(tx, tx.by, cmd.day, *([_person(tx, cmd.person)] if cmd.person else []))


def _shown(tx: Tx) -> str:
    names = [*STAFF, *(x for x in tx.policy.roles if tx.policy.roles[x].enabled)]
    held = {role: tx.store.members(role) for role in names}
    everybody = dict.fromkeys(x for members in held.values() for x in members)
    absent = []
    for person in everybody:
        found = tx.absence(person)
        until = found.day if found.at(tx.now) else ""
        if until or found.deputy:
            absent.append(words.absent_line(tx.who(person), until, tx.who(found.deputy) if found.deputy else ""))
    owner = book.default_owner(tx.store)
    rows = [(role, [tx.who(x) for x in held[role]]) for role in names]
    return words.book(rows, tx.who(owner) if owner else "", absent, admin="admin" in tx.actor.roles)


def _person(tx: Tx, user: str) -> str:
    person = tx.store.person(user)
    if person is None:
        raise Refused(words.unknown(), "person")
    if person.is_bot:
        raise Refused(words.is_bot(person.name), "person")
    return user


def _roles(tx: Tx, roles: Sequence[str]) -> list[str]:
    there = [*STAFF, *(x for x in tx.policy.roles if tx.policy.roles[x].enabled)]
    for role in roles:
        if role not in there:
            raise Refused(words.no_such_role(role, there, disabled=role in tx.policy.roles))
    return list(dict.fromkeys(roles))


def _add(tx: Tx, whom: Sequence[str], roles: Sequence[str]) -> Reply:
    fresh = [(role, person) for person in whom for role in roles if role not in tx.store.roles_of(person)]
    if not fresh:
        raise Refused(words.holds_already([tx.who(x) for x in whom], roles))
    for role, person in fresh:
        tx.record(RoleGiven(role=role, person=person, by=tx.by, at=tx.at, via=tx.via))
    for person in whom:
        news = [role for role, x in fresh if x == person]
        if news and person != tx.by:
            tx.say(words.roles_given(news, tx.who(tx.by)), to=person)
    undo = len(fresh) == len(whom) * len(roles)
    return Reply(words.changed_roles([tx.who(x) for x in whom], roles, given=True, undo=undo))


def _remove(tx: Tx, whom: Sequence[str], roles: Sequence[str]) -> Reply:
    before = book.granted(tx.store) | book.configured(tx.store)
    for person in whom:
        for role in roles:
            if (role, person) not in before:
                raise Refused(words.not_held(tx.who(person), role))
            if (role, person) in book.configured(tx.store):
                raise Refused(words.configured(tx.who(person), role))
            tx.record(RoleTaken(role=role, person=person, by=tx.by, at=tx.at, via=tx.via))
        if person != tx.by:
            tx.say(words.roles_taken(roles, tx.who(tx.by)), to=person)
    if not tx.store.members("admin"):
        raise Refused(words.last_admin())
    owner = book.default_owner(tx.store)
    if owner in whom and GUIDES & {*roles} and not tx.store.roles_of(owner) & (GUIDES - {DEFAULT_OWNER}):
        raise Refused(words.still_default_owner(tx.who(owner)))
    gone = parts.free(tx, lost(before, book.granted(tx.store) | book.configured(tx.store)))
    text = words.changed_roles([tx.who(x) for x in whom], roles, given=False, undo=True)
    return Reply("\n".join([text, *([parts.said(tx, gone)] if gone else [])]))


def _default_owner(tx: Tx, person: str) -> Reply:
    if not tx.store.roles_of(person) & (GUIDES - {DEFAULT_OWNER}):
        raise Refused(words.must_own(tx.who(person), [tx.who(x) for x in tx.store.members("owner")]))
    if book.default_owner(tx.store) == person:
        raise Refused(words.nothing_changes(tx.who(person)))
    before = book.granted(tx.store) | book.configured(tx.store)
    for role, old in sorted(book.granted(tx.store)):
        if role == DEFAULT_OWNER:
            tx.record(RoleTaken(role=role, person=old, by=tx.by, at=tx.at, via=tx.via))
    tx.record(RoleGiven(role=DEFAULT_OWNER, person=person, by=tx.by, at=tx.at, via=tx.via))
    parts.free(tx, lost(before, book.granted(tx.store) | book.configured(tx.store)))
    cases.look_soon(tx.store, tx.now)  # of a case without an owner the default owner is told
    if person != tx.by:
        tx.say(words.you_get_new_tickets(tx.who(tx.by)), to=person)
    return Reply(words.default_owner_set(tx.who(person)))


def _last_day(tx: Tx, person: str) -> str:
    return tx.absence(person).day if tx.is_away(person) else ""


def _deputy(tx: Tx, person: str, deputy: str) -> None:
    if deputy == person:
        raise Refused(words.own_deputy(), "person")
    if not shared(tx.store.roles_of(person), tx.store.roles_of(deputy)):
        raise Refused(words.deputy_unfit(tx.who(person), tx.who(deputy)), "person")
    tx.record(DeputyNamed(person=person, deputy=deputy, by=tx.by, at=tx.at, via=tx.via))
    found = tx.absence(person)
    if deputy != tx.by and not found.at(tx.now):
        tx.say(words.you_stand_in(tx.who(person), ""), to=deputy)
    elif deputy != tx.by:
        tx.say(words.you_stand_in(tx.who(person), found.day), to=deputy)


def _away(tx: Tx, person: str, last: date | None, deputy: str = "") -> Reply:
    mine, name = person == tx.by, tx.who(person)
    if last is None:
        if not tx.is_away(person):
            raise Refused(words.not_away(name, mine=mine))
        tx.record(AwaySaid(person=person, by=tx.by, at=tx.at, via=tx.via))
        reminders.comes_or_goes(tx, person)
        if not mine:
            tx.say(words.noted_for_you(tx.who(tx.by), ""), to=person)
        return Reply(words.back(name, mine=mine))
    if last > date.fromordinal(FIRST + tx.now // DAY) + LONGEST_ABSENCE:
        raise Refused(words.too_long(), "day")
    until = day_end(last, zone_of(tx.zone(person)))
    if until <= tx.now:
        raise Refused(words.day_passed(last.isoformat()), "day")
    tx.record(AwaySaid(person=person, day=last.isoformat(), until=until, by=tx.by, at=tx.at, via=tx.via))
    if deputy:
        _deputy(tx, person, deputy)
    elif (stands_in := tx.absence(person).deputy) and stands_in != tx.by:
        tx.say(words.you_stand_in(name, last.isoformat()), to=stands_in)
    if not mine:
        tx.say(words.noted_for_you(tx.who(tx.by), last.isoformat()), to=person)
    reminders.comes_or_goes(tx, person)
    stands = tx.absence(person).deputy
    return Reply(words.away(name, last.isoformat(), tx.who(stands) if stands else "", _last_day(tx, stands), mine=mine))
