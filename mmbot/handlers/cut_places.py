"""What a cut is about: a repository of the organisation, and the ticket of it; and what keeps that from being cut."""

from collections.abc import Iterator

from mmbot.domain.cut import has_cut, missing, repository_in
from mmbot.domain.facts import MergeFound
from mmbot.domain.references import repository_key
from mmbot.domain.rights import submits
from mmbot.domain.ticket import Ticket
from mmbot.events import CutPlugin
from mmbot.messages import Refused
from mmbot.store import cases
from mmbot.store.tx import Tx
from mmbot.words import cut_refusals as refusals

_MANY = 20
"""How many tickets of a plugin are looked at, the newest first."""


def meant(tx: Tx, cmd: CutPlugin) -> tuple[str, Ticket | None]:
    """The repository that is meant, in the organisation, and the ticket about it; no ticket for the organisation's own plugins."""
    named = tx.ticket(cmd.ticket) if cmd.ticket else None
    if named and not cmd.repo:
        _require_cut(named)
        return _home(tx, named), named
    if not cmd.repo:
        raise Refused(refusals.which_repository(), "repo")
    repository = repository_of(tx, cmd.repo)
    name = repository.rsplit("/", 1)[-1]
    if named and repository_key(repository) not in {repository_key(x) for x in _places(tx, named)}:
        raise Refused(refusals.another_repository(named, name), "repo")
    if named is None and name not in tx.settings.cutting.own:
        named = about(tx, repository, cmd.tag)
        if named is None:
            raise Refused(refusals.no_ticket(name), "repo")
    if named:  # capitals as they were given once: files are named after it
        _require_cut(named)
        known = (x for x in _places(tx, named) if repository_key(x) == repository_key(repository))
        repository = next((repository_of(tx, x) for x in known), repository)
    return repository, named


def _require_cut(ticket: Ticket) -> None:
    if not has_cut(ticket):
        raise Refused(refusals.nothing_to_cut(ticket))


def _home(tx: Tx, ticket: Ticket) -> str:
    """The repository that a ticket's plugin is cut from. Refuses, with whatever else is missing, while none is known."""
    for place in (ticket.fork,) if ticket.fork else _places(tx, ticket):
        if found := _in_organisation(tx, place):
            return found
    owner = tx.who(ticket.owner) if ticket.owner else ""
    away = refusals.fork_elsewhere(ticket, tx.settings.cutting.organisation, owner)
    raise Refused("\n".join(x for x in (lacking(tx, ticket), away) if x))


def _places(tx: Tx, ticket: Ticket) -> Iterator[str]:
    """Where a ticket's code may be: in its fork, where it was merged, in its repository, in the forks of its plugin's other tickets."""
    merged = ticket.merge.repository if isinstance(ticket.merge, MergeFound) else ""
    yield from (x for x in (ticket.fork, merged, ticket.repository) if x)
    for number in cases.tickets_with_id(tx.store, ticket.plugin_id)[:_MANY]:
        if fork := tx.ticket(number).fork:
            yield fork


def repository_of(tx: Tx, text: str) -> str:
    """The address of a repository of the organisation, from its name, `organisation/name` or address. Refuses any other."""
    if found := _in_organisation(tx, text):
        return found
    raise Refused(refusals.not_ours(text, tx.settings.cutting.organisation), "repo")


def _in_organisation(tx: Tx, text: str) -> str:
    return repository_in(text, tx.settings.cutting.web, tx.settings.cutting.organisation)


def hint(tx: Tx, ticket: Ticket) -> str:
    """What to say of a fork as soon as it is recorded: that it can't be cut from where it is; "" where it can."""
    cutting = tx.settings.cutting
    if cutting.lacks or not has_cut(ticket) or not ticket.fork or _in_organisation(tx, ticket.fork):
        return ""
    return f"\n{refusals.fork_elsewhere(ticket, cutting.organisation, '')}"


def about(tx: Tx, repository: str, tag: str) -> Ticket | None:
    """The ticket about a repository: one of that version, if there is one, else the newest under way.

    An update has no fork of its own: it counts as being about the fork of its plugin.
    """
    found = [tx.ticket(x) for x in tx.store.tickets_at(repository_key(repository))]
    known = {x.number for x in found}
    for plugin_id in {x.plugin_id for x in found}:
        others = (x for x in cases.tickets_with_id(tx.store, plugin_id)[:_MANY] if x not in known)
        found += [tx.ticket(x) for x in others]
    going = [x for x in found if not x.ended]
    fitting = [x for x in found if tag and x.version.removeprefix("v") == tag.removeprefix("v")]
    first = (*(x for x in fitting if not x.ended), *(x for x in going if not x.public), *going, *fitting)
    return first[0] if first else None


def lacking(tx: Tx, ticket: Ticket, what: str = "cut") -> str:
    """What keeps a ticket from being cut, or listed, as a sentence with whoever can settle it; "" where nothing does."""
    found = missing(ticket)

    def can(role: str) -> list[str]:
        return [tx.who(x) for x in tx.present(tx.store.members(role)) if not submits(ticket, x)]

    return (
        refusals.cannot_be_cut(ticket, found, can, tx.who(ticket.owner) if ticket.owner else "", what) if found else ""
    )
