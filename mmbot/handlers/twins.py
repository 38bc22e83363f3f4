"""Tickets of the same thing: no second open one, and links between one that is over and the one that comes after."""

from mmbot.domain import facts as f
from mmbot.domain.rights import allowed
from mmbot.domain.ticket import Ticket
from mmbot.handlers.news import card
from mmbot.store import tickets
from mmbot.store.tx import Tx
from mmbot.words import intake
from mmbot.words import tracks as words


def twice(tx: Tx, other: Ticket) -> str:
    """The plugin has another open ticket: which, and what the asker can do there."""
    return intake.submitted_twice(other, tx.who, tx.by, may_move=allowed("owner-or-submitter", tx.actor, other))


def linked(tx: Tx, ticket: Ticket) -> Ticket:
    """The ticket, linked with the newest one of the same repository or id that was rejected or withdrawn."""
    if ticket.before:
        return ticket
    for old in map(tx.ticket, tickets.earlier(tx.store, ticket.number, ticket.place, ticket.plugin_id.lower())):
        if old.number < ticket.number and old.ended and old.ended.ending != "duplicate":
            return ticket.plus(f.Linked(to=old.number, how="before", at=tx.at, via=tx.via))
    return ticket


def tell_links(tx: Tx, ticket: Ticket) -> None:
    """Where a ticket is linked with an earlier one, that one knows of it, too, and its thread."""
    if not ticket.before:
        return
    old = tx.ticket(ticket.before)
    if ticket.number not in old.after:
        saved = tx.save(old.plus(f.Linked(to=ticket.number, how="after", at=tx.at, via=tx.via)))
        tx.say(words.again_news(ticket, saved), thread=card(saved))
