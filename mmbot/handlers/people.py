"""Roles: the configuration's names were looked up, and become user ids for good."""

from mmbot.domain.book import DEFAULT_OWNER, GUIDES, RoleGiven, RoleTaken, lost
from mmbot.events import PeopleNamed
from mmbot.handlers import parts, report
from mmbot.store import book
from mmbot.store.database import WITHHELD
from mmbot.store.tx import Tx
from mmbot.words import admin_notices
from mmbot.words import people as words


def named(tx: Tx, what: PeopleNamed) -> None:
    """Bring the book of roles up to the configuration. A name that means somebody else than before gives the role to nobody.

    A name that nobody has any more (its user id is "") still stands for whoever had it: else it would be free for the next one to take.
    """
    known = {(row["role"], row["name"]): row["person"] for row in tx.store.role_names()}
    rows, withheld = [], []
    for role, people in what.roles.items():
        for name, person in people:
            before = known.get((role, name), person)
            if not person:
                rows += [(role, before, name)] if before else []
                continue
            if before.lstrip(WITHHELD) == person:
                rows.append((role, person, name))
                continue
            rows.append((role, f"{WITHHELD}{before.lstrip(WITHHELD)}", name))
            if not before.startswith(WITHHELD):
                withheld.append((role, name))
    before = book.granted(tx.store) | book.configured(tx.store)
    configured = book.configured(tx.store)
    tx.store.set_roles(rows)
    _follow(tx, before, configured)
    report.plan(tx)
    kept = {name for _, _, name in rows}
    for admin in tx.store.members("admin"):
        for role, name in withheld:
            tx.say(admin_notices.role_withheld(role, name), to=admin)
        if strangers := [name for name in what.unknown if name not in kept]:
            tx.say(admin_notices.unknown_names(strangers), to=admin)
        if renamed := [name for name in what.unknown if name in kept]:
            tx.say(admin_notices.names_gone(renamed), to=admin)


def _follow(tx: Tx, before: set[tuple[str, str]], configured: set[tuple[str, str]]) -> None:
    """Note what the configuration changed, and take parts of tickets off those who cannot have them any more."""
    now = book.configured(tx.store)
    for role, person in sorted(now - configured):
        tx.record(RoleGiven(role=role, person=person, at=tx.at, via=tx.via), configured=True)
    for role, person in sorted(configured - now):
        tx.record(RoleTaken(role=role, person=person, at=tx.at, via=tx.via), configured=True)
    for role, person in sorted(book.granted(tx.store)):
        if role == DEFAULT_OWNER and not tx.store.roles_of(person) & (GUIDES - {DEFAULT_OWNER}):
            tx.record(RoleTaken(role=role, person=person, at=tx.at, via=tx.via))
            next_one = book.default_owner(tx.store)
            for admin in tx.store.members("admin"):
                tx.say(words.default_owner_lost(tx.who(person), tx.who(next_one) if next_one else ""), to=admin)
    parts.free(tx, lost(before, now | book.granted(tx.store)))
