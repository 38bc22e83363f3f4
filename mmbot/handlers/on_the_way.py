"""Entries on their way into the listing: where they are proposed, and that they are held when something comes between."""

from mmbot.domain import facts as f
from mmbot.domain import steps
from mmbot.domain.ticket import Ticket
from mmbot.handlers.news import card, follow
from mmbot.store import cuts
from mmbot.store.tx import Tx
from mmbot.words import case_notices as notices


def is_on_its_way(ticket: Ticket) -> bool:
    """Whether a ticket's entry was made, and the listing does not show it yet."""
    return steps.done(ticket, "listing") and not ticket.public


def pulls(tx: Tx, ticket: Ticket) -> list[str]:
    """Where entries of a ticket are proposed, whichever cut they were made from, or by hand."""
    said = ticket.steps.get(("listing", ""))
    made = (x.listed.link for x in cuts.of_ticket(tx.store, ticket.number) if x.listed)
    return [x for x in dict.fromkeys((*made, said.link if said else "")) if x]


def hold(tx: Tx, ticket: Ticket) -> None:
    """What was taken down must not come back with another ticket: its entry is not to be published for now."""
    follow(tx, ticket, ticket.plus(undone(tx)))
    tx.say(notices.entry_held(ticket), thread=card(ticket))


def undone(tx: Tx) -> f.StepUndone:
    """An entry that was made does not count."""
    return f.StepUndone(step="listing", at=tx.at, via=tx.via)
