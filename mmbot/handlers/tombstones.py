"""What was taken down leaves a tombstone: it comes back only with the fix of its case."""

from collections.abc import Iterator

from mmbot.domain import facts as f
from mmbot.domain.case import Case
from mmbot.domain.case_facts import TakenDown
from mmbot.domain.case_file import CaseFile, sight
from mmbot.domain.cut import Cut
from mmbot.domain.cut_facts import CutListed
from mmbot.domain.ticket import Ticket
from mmbot.handlers import on_the_way
from mmbot.handlers.news import card, follow
from mmbot.messages import Refused
from mmbot.store import cases, cuts
from mmbot.store.tx import Tx
from mmbot.words import case_notices as notices
from mmbot.words import cases as words

LISTS = frozenset({"listing", "listed", "published"})
"""The steps that bring a plugin into the Marketplace."""


def refuse(tx: Tx, ticket: Ticket, step: str) -> None:
    """Refuse a step that lists again what was taken down, unless its case is fixed and names this ticket as the fix.

    What was cut counts as well: a ticket need not know id and version. Whoever lists a plugin need not know its cases.
    """
    if step not in LISTS:
        return
    made = next((x.verified for x in cuts.of_ticket(tx.store, ticket.number) if x.state == "done"), None)
    for case, down in _graves(tx, ticket, made.plugin_id if made else "", made.version if made else ""):
        if sight(tx.actor, cases.file_of(tx.store, case, tx.now)) != "all":  # that it was taken down everybody may know
            raise Refused(words.tombstone(ticket, down))
        raise Refused((words.tombstone_unlinked if case.stage == "fixed" else words.tombstone_open)(case, ticket))


def refuse_unreviewed(tx: Tx, plugin_id: str, name: str, version: str) -> None:
    """Refuse to list again what was taken down, of a plugin that has no ticket: while its case is open nobody does."""
    for case in _of_plugin(tx, plugin_id):
        if case.buried and _removes(case.buried, version) and case.stage != "fixed":
            raise Refused(words.tombstone_unreviewed(name))


def _of_plugin(tx: Tx, plugin_id: str) -> Iterator[Case]:
    for handle in cases.of_plugin(tx.store, 0, plugin_id) if plugin_id else ():
        if case := cases.case(tx.store, handle):
            yield case


def _graves(tx: Tx, ticket: Ticket, plugin_id: str, version: str) -> Iterator[tuple[Case, TakenDown]]:
    """What keeps a ticket, or what was cut of it, out of the listing."""
    for case in _cases(tx, ticket, plugin_id):
        down = case.buried
        if down and _covers(down, ticket, version) and not is_fix(case, ticket):
            yield case, down


def _covers(down: TakenDown, ticket: Ticket, version: str = "") -> bool:
    return _removes(down, ticket.version) or bool(version and _removes(down, version))


def _removes(down: TakenDown, version: str) -> bool:
    return down.removal == "plugin" or (down.removal == "version" and _same(down.version, version))


def _same(version: str, other: str) -> bool:
    """Whether two versions are the same to whoever compares them: what follows a plus sign counts for nothing."""
    return version.removeprefix("v").partition("+")[0] == other.removeprefix("v").partition("+")[0]


def _cases(tx: Tx, ticket: Ticket, plugin_id: str) -> Iterator[Case]:
    """All cases about the plugin of a ticket, about that of an id, or about a ticket that this one follows."""
    seen = set[str]()
    for case in _of_plugin(tx, plugin_id):
        seen.add(case.handle)
        yield case
    before: Ticket | None = ticket
    while before:
        for handle in cases.of_plugin(tx.store, before.number, before.plugin_id):
            if handle not in seen and (other := cases.case(tx.store, handle)):
                seen.add(handle)
                yield other
        before = tx.store.ticket(before.before) if before.before else None


def being_removed(tx: Tx, ticket: Ticket | None, cut: Cut) -> list[CaseFile]:
    """The cases for which a plugin that was just listed again is being taken out of the listing."""
    made = cut.verified
    plugin_id, version = (made.plugin_id, made.version) if made else ("", "")
    found = _cases(tx, ticket, plugin_id) if ticket else _of_plugin(tx, plugin_id)
    return [
        cases.file_of(tx.store, x, tx.now)
        for x in found
        if x.removing and x.taken_down and _removes(x.taken_down, version or (ticket.version if ticket else ""))
        if not (ticket and is_fix(x, ticket))
    ]


def is_fix(case: Case, ticket: Ticket) -> bool:
    """Whether a ticket is what a case was fixed with."""
    return case.stage == "fixed" and ticket.number in {x.ticket for x in case.fixes}


def stands(tx: Tx, ticket: Ticket) -> bool:
    """Whether a ticket's plugin was taken down, and may not come back with it."""
    return any(_graves(tx, ticket, "", ""))


def bury(tx: Tx, case: Case) -> None:
    """End the tickets of what was taken down, and hold the entries of others; in public no more is said than that it was."""
    for ticket in _buried(tx, case):
        if ticket.public and not ticket.ended:
            follow(tx, ticket, ticket.plus(f.Ended(ending="taken-down", at=tx.at)))
            tx.say(notices.taken_down_in_public(ticket), thread=card(ticket))
    hold(tx, case)


def ended_by(tx: Tx, case: Case) -> list[Ticket]:
    """The tickets that a takedown ended."""
    return [x for x in _buried(tx, case) if x.ended and x.ended.ending == "taken-down"]


def given_back(tx: Tx, ticket: Ticket) -> bool:
    """Whether the takedown that ended a ticket was called off before anything came of it, and no other keeps its plugin out."""
    ended = ticket.ended
    if ended is None or ended.ending != "taken-down" or stands(tx, ticket):
        return False
    called_off = (x.taken_down for x in _cases(tx, ticket, "") if x.closed and not x.removed and not x.fixed)
    return any(down and down.at <= ended.at and _covers(down, ticket) for down in called_off)


def kept_out_by_another(tx: Tx, case: Case) -> bool:
    """Whether all that a takedown was to remove is kept out of the listing for another case, too."""
    down, about = case.taken_down, case.about
    ticket = tx.store.ticket(about.ticket) if about.ticket else None
    others = _cases(tx, ticket, about.plugin_id) if ticket else _of_plugin(tx, about.plugin_id)
    version = down.version if down and down.removal == "version" else ""
    return any(
        x.handle != case.handle and x.stage != "fixed" and x.buried and _removes(x.buried, version) for x in others
    )


def hold(tx: Tx, case: Case) -> bool:
    """Hold the entries that would bring back what was taken down; returns whether there are any, made after it was."""
    found = [x for x in _buried(tx, case) if not x.ended and on_the_way.is_on_its_way(x) and not is_fix(case, x)]
    for ticket in found:
        on_the_way.hold(tx, ticket)
    own = _own(tx, case)
    return bool(found or (own and case.buried and own.at > case.buried.at))


def on_their_way(tx: Tx, case: Case) -> list[str]:
    """Pull requests with entries that would bring back what was taken down."""
    others = (x for x in _buried(tx, case) if not x.public and not is_fix(case, x))
    found = [link for ticket in others for link in on_the_way.pulls(tx, ticket)]
    own = _own(tx, case)
    return list(dict.fromkeys((*found, *((own.link,) if own and own.link else ()))))


def _own(tx: Tx, case: Case) -> CutListed | None:
    """The last entry of the organisation's own plugin that would bring it back, as long as the listing is not known to have it."""
    known = tx.store.listed("", case.about.plugin_id) if case.buried else []
    there = {version for x in known for version in (x.version, *x.versions)}
    made = (cut for x in known for place in x.repositories for cut in cuts.of_repository(tx.store, place)[:1])
    for cut in made:
        new = cut.verified and cut.verified.version not in there
        if new and cut.verified and case.buried and _removes(case.buried, cut.verified.version):
            return cut.listed
    return None


def _buried(tx: Tx, case: Case) -> list[Ticket]:
    down, about = case.buried, case.about
    if down is None or down.removal == "restriction":
        return []
    numbers = {about.ticket, *cases.tickets_with_id(tx.store, about.plugin_id)} - {0}
    return [x for x in map(tx.ticket, sorted(numbers)) if _covers(down, x)]
