"""Roles: the configuration's names were looked up, and become user ids for good."""

from mmbot.events import PeopleNamed
from mmbot.store.database import WITHHELD
from mmbot.store.tx import Tx
from mmbot.words import notices


def named(tx: Tx, what: PeopleNamed) -> None:
    """Bring the book of roles up to the configuration. A name that means somebody else than before gives the role to nobody."""
    known = {(row["role"], row["name"]): row["person"] for row in tx.store.role_names()}
    rows, withheld = [], []
    for role, people in what.roles.items():
        for name, person in people:
            before = known.get((role, name), person)
            if before.lstrip(WITHHELD) == person:
                rows.append((role, person, name))
                continue
            rows.append((role, f"{WITHHELD}{before.lstrip(WITHHELD)}", name))
            if not before.startswith(WITHHELD):
                withheld.append((role, name))
    tx.store.set_roles(rows)
    for admin in tx.store.members("admin"):
        for role, name in withheld:
            tx.say(notices.role_withheld(role, name), to=admin)
        if what.unknown:
            tx.say(notices.unknown_names(what.unknown), to=admin)
