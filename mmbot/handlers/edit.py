"""Putting right what is known of a ticket beside its commit: its title, repositories, id, people and contacts."""

import re

from mmbot.domain import facts as f
from mmbot.domain import review
from mmbot.domain.references import repository_key
from mmbot.domain.rights import is_outside, outside
from mmbot.domain.ticket import Ticket
from mmbot.events import EditTicket
from mmbot.handlers import cut_places
from mmbot.handlers.news import card, follow, tell
from mmbot.handlers.pages import ADDRESS
from mmbot.handlers.twins import twice
from mmbot.messages import Refused, Reply
from mmbot.store import tickets
from mmbot.store.tx import Tx
from mmbot.words import edit as words
from mmbot.words.choices import no_address

OF_THE_SUBMITTER = ("title", "contact", "social")
"""What its submitter may put right, too; the rest is the owners'."""
PLUGIN_ID = re.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]{2,189}")
_SOMEBODY = re.compile(r"@([A-Za-z0-9][\w.-]*)|[“”\"]([^“”\"]+)[“”\"]|([,\s]+|and\b)|(\S+)")
MOST = 10
"""Maintainers of one ticket."""


def edit(tx: Tx, cmd: EditTicket) -> Reply:
    """Record a correction, tell the thread where it is of interest to all, and say what changed from what."""
    before = tx.ticket(cmd.ticket)
    tx.require("owner-or-submitter" if cmd.what in OF_THE_SUBMITTER else "owner", before)
    if before.ended:
        raise review.Illegal("ended", ended=before.ended)
    value, people = cmd.value, tuple[str, ...]()
    match cmd.what:
        case "submitter" | "maintainers":
            value, people = "", _people(tx, before, cmd.value, one=cmd.what == "submitter")
        case "repository":
            value = _repository(tx, before, cmd.value)
        case "fork":
            if not ADDRESS.fullmatch(cmd.value) and tx.address_in(cmd.value) != cmd.value:
                raise Refused(no_address(cmd.value), "value")
        case "id":
            _id_fits(tx, before, cmd.value)
        case _:
            value = " ".join(cmd.value.split())
    after = before.plus(f.Edited(what=cmd.what, value=value, people=people, by=tx.by, at=tx.at, via=tx.via))
    old, new = words.shown(before, cmd.what, tx.who), words.shown(after, cmd.what, tx.who)
    if old == new:
        raise Refused(words.same(before, cmd.what, old), "value")
    saved = follow(tx, before, after)
    if cmd.what not in {"contact", "social"}:
        tx.say(words.news(saved, cmd.what, old, new, tx.who(tx.by)), thread=card(saved))
    _tell_people(tx, before, saved)
    elsewhere = cut_places.hint(tx, saved) if cmd.what == "fork" else ""
    return Reply(f"{words.edited(saved, cmd.what, old, new)}{elsewhere}")


def _people(tx: Tx, ticket: Ticket, text: str, *, one: bool) -> tuple[str, ...]:
    found = []
    for name, quoted, between, other in _SOMEBODY.findall(text):
        if between:
            continue
        if other:
            raise Refused(words.who_is(other), "value")
        person = tx.store.person_named(name.rstrip(".")) if name else None
        if name and (person is None or person.is_bot):
            raise Refused(words.who_is(f"@{name}"), "value")
        found.append(person.id if person else outside(quoted))
    people = tuple(dict.fromkeys(found))
    if not people or len(people) > (1 if one else MOST):
        raise Refused(words.how_many(1 if one else MOST), "value")
    for user in people:
        if lines := _judges(ticket, user):
            raise Refused(words.judges(ticket, tx.who(user), lines), "value")
    return people


def _judges(ticket: Ticket, user: str) -> list[str]:
    """What takes away somebody's part in the review, as commands: whose plugin it becomes can't have judged it."""
    ref = ticket.handle
    lines = [f"unblock {ref} {x.number}" for x in ticket.findings if x.open and x.by == user]
    judged = [x.item for x in ticket.judgements.values() if x.state in {"passed", "na"} and x.by == user]
    lines += [f"retract {ref} {role} --listing" for role, x in ticket.listing.items() if x.by == user]
    lines += [f"retract {ref} {x.role}" for x in ticket.reviews.values() if x.approved_by == user]
    lines += [f"reopen {ref} {' '.join(judged)}"] if judged else []
    lines += [f"assign {ref} owner @USER"] if ticket.owner == user else []
    return lines + [f"assign {ref} {x.role} @USER" for x in ticket.reviews.values() if x.reviewer == user]


def _repository(tx: Tx, ticket: Ticket, text: str) -> str:
    if ticket.page:
        raise Refused(words.is_a_page(ticket), "value")
    reference = tx.reference(text)
    if reference.kind != "default":
        raise Refused(words.only_the_repository(ticket), "value")
    if twins := tickets.same_plugin(tx.store, ticket.number, repository_key(reference.repository), ""):
        raise Refused(twice(tx, tx.ticket(twins[0])), "value")
    return reference.repository


def _id_fits(tx: Tx, ticket: Ticket, plugin_id: str) -> None:
    if ticket.resolved and ticket.resolved.plugin_id:
        raise Refused(words.id_of_the_manifest(ticket), "value")
    if not PLUGIN_ID.fullmatch(plugin_id):
        raise Refused(words.no_id(plugin_id), "value")
    if twins := [x for x in tickets.same_plugin(tx.store, ticket.number, "", plugin_id.lower()) if x != ticket.number]:
        raise Refused(twice(tx, tx.ticket(twins[0])), "value")
    if any(x.plugin_id.lower() == plugin_id.lower() for x in tx.store.listed("", plugin_id)):
        raise Refused(words.id_is_listed(plugin_id), "value")


def _tell_people(tx: Tx, before: Ticket, after: Ticket) -> None:
    """Whoever became a ticket's submitter or maintainer hears of it, and so does the submitter who no longer is."""
    were, are = {*before.people}, {*after.people}
    for person in sorted(are - were):
        if person != tx.by:
            tell(tx, after, person, words.yours_now(after, tx.who(tx.by), tx.who))
    for person in sorted(were - are):
        if person != tx.by and not is_outside(person):
            tx.say(words.no_longer_yours(after, tx.who(tx.by)), to=person)
