"""Pushes to a repository under review: told in the thread; the review stays where it is until somebody moves it."""

from mmbot.domain.references import repository_key
from mmbot.domain.ticket import Ticket
from mmbot.events import Pushed
from mmbot.handlers.news import card
from mmbot.store import tickets
from mmbot.store.tx import Tx
from mmbot.words import notices


def pushed(tx: Tx, what: Pushed) -> None:
    """Tell the thread of each open ticket that a push bears on."""
    for number in tickets.same_plugin(tx.store, 0, repository_key(what.repository), ""):
        ticket = tx.ticket(number)
        if _bears_on(ticket, what):
            tx.say(notices.pushed(ticket, what), thread=card(ticket))


def _bears_on(ticket: Ticket, what: Pushed) -> bool:
    """A new tag does; a branch only where the review was taken from it. What is under review, or being looked up, is no news."""
    known = ticket.resolved
    if known is None or what.commit == ticket.commit or ticket.asked:
        return False
    return what.ref_kind == "tag" or (known.ref_kind in {"branch", "default"} and known.ref_name == what.ref_name)
