"""Roles: the configuration's names were looked up, and become user ids for good."""

from mmbot.events import PeopleNamed
from mmbot.store.database import WITHHELD
from mmbot.store.tx import Tx
from mmbot.words import notices


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
    tx.store.set_roles(rows)
    kept = {name for _, _, name in rows}
    for admin in tx.store.members("admin"):
        for role, name in withheld:
            tx.say(notices.role_withheld(role, name), to=admin)
        if strangers := [name for name in what.unknown if name not in kept]:
            tx.say(notices.unknown_names(strangers), to=admin)
        if renamed := [name for name in what.unknown if name in kept]:
            tx.say(notices.names_gone(renamed), to=admin)
