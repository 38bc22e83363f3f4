"""The nightly backup was made, or was not: the admins are told once when it begins to fail, and once when it works again."""

from mmbot.events import BackupMade, BackupMissed
from mmbot.store.tx import Tx
from mmbot.words import admin_notices

MISSING = "backup-missing"
"""Why there has been no backup since the last one, in the store's state; "" when all is well."""


def missed(tx: Tx, what: BackupMissed) -> None:
    """There is no backup of tonight."""
    if not tx.store.state(MISSING):
        for admin in tx.store.members("admin"):
            tx.say(admin_notices.backup_missed(what.why), to=admin)
    tx.store.remember(MISSING, what.why)


def made(tx: Tx, what: BackupMade) -> None:
    """There is a backup of tonight."""
    if tx.store.state(MISSING):
        for admin in tx.store.members("admin"):
            tx.say(admin_notices.backup_again(what.name), to=admin)
        tx.store.remember(MISSING, "")
