"""What was written while the bot was away, and read too late to act on."""

from mmbot.events import Late
from mmbot.messages import Reply
from mmbot.store.tx import Tx
from mmbot.words import replies


def late(tx: Tx, what: Late) -> Reply | None:
    """Ask to repeat it, once for everything that somebody wrote in a channel while the bot was away."""
    key = f"late:{tx.event.where.channel}:{tx.by}"
    if tx.at <= int(tx.store.state(key) or 0):
        return None
    tx.store.remember(key, str(what.until))
    public = tx.event.where.via == "mention"
    return Reply(replies.too_late(what.text, tx.at, what.until, tx.zone(tx.by), public=public), refused=True)
