"""Which plugin a case is about, by its ticket, its id or its name; and whose ticket may be taken for that plugin's.

Anybody can hand in a ticket of any repository, or with any id: whoever it tells of a vulnerability must have more to show for themselves.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from mmbot.commands import TICKET
from mmbot.domain.case_facts import About
from mmbot.domain.ticket import Ticket
from mmbot.messages import Refused
from mmbot.store import cases, tickets
from mmbot.store.tx import Tx
from mmbot.words import cases as words


@dataclass(frozen=True)
class Found:
    """A plugin, and the open ticket that claims to be it, where nobody vouches for the people of that one."""

    about: About
    claims: Ticket | None = None
    elsewhere: bool = False
    """Whether that ticket is of another repository than those that the Marketplace knows."""


def find(tx: Tx, name: str, *, team: bool) -> Found | None:
    """The plugin that somebody names; None where nothing is known of it. Refuses where several are called so.

    A member of the `team` who names a ticket knows whose it is, unless it takes a listed plugin's id for another repository.
    """
    if number := TICKET.fullmatch(name):
        ticket = tx.store.ticket(int(number.group(1)))
        return of_ticket(tx, ticket, team=team) if ticket else None
    listed = cases.plugins_named(tx.store, name)
    if len(listed) > 1:
        raise Refused(words.several_called(name, listed), "plugin")
    if listed:
        return _listed(tx, listed[0])
    numbers = cases.tickets_with_id(tx.store, name) or tickets.tickets_named(tx.store, name)
    exact = [x for x in map(tx.ticket, numbers) if name.lower() in {x.name.lower(), x.plugin_id.lower()}]
    candidates = [x for x in exact if x.public] or exact
    if len({x.plugin_id.lower() or x.place for x in candidates}) > 1:
        raise Refused(words.several_called(name, [x.handle for x in candidates]), "plugin")
    ticket = _newest(candidates)
    return of_ticket(tx, ticket, team=team) if ticket else None


def of_ticket(tx: Tx, ticket: Ticket, *, team: bool) -> Found:
    """The plugin of a ticket: that ticket, if its people may be told; else what the Marketplace lists in its place."""
    known = tx.store.listed(ticket.place, ticket.plugin_id)
    if ticket.public or not known:
        return Found(_about(ticket))
    same_id = next((x for x in known if x.plugin_id.lower() == ticket.plugin_id.lower()), None)
    elsewhere = bool(same_id and ticket.place not in same_id.repositories)
    if team and not elsewhere:
        return Found(_about(ticket))
    found = _listed(tx, (same_id or known[0]).plugin_id)
    return found if found.about.ticket else Found(found.about, ticket, elsewhere)


def _listed(tx: Tx, plugin_id: str) -> Found:
    """A listed plugin, with its ticket where one was brought into the Marketplace here."""
    tickets = [tx.ticket(n) for n in cases.tickets_with_id(tx.store, plugin_id)]
    if ticket := _newest([x for x in tickets if x.public]):
        return Found(_about(ticket))
    known = next(x for x in tx.store.listed("", plugin_id) if x.plugin_id == plugin_id)
    claims = next((x for x in tickets if not x.ended), None)
    about = About(name=known.name, plugin_id=known.plugin_id)
    return Found(about, claims, bool(claims and claims.place not in known.repositories))


def _newest(tickets: Sequence[Ticket]) -> Ticket | None:
    """Of a plugin's tickets the one whose people it is by now: the newest that is open or in public, else the newest of all."""
    newest: Iterable[Ticket] = sorted(tickets, key=lambda x: (not x.ended, x.number), reverse=True)
    return next(iter(newest), None)


def _about(ticket: Ticket) -> About:
    return About(
        name=ticket.name or ticket.handle,
        ticket=ticket.number,
        plugin_id=ticket.plugin_id,
        repository=ticket.repository,
    )
