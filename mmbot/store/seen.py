"""What counted already and shall not count again: event ids are kept for a month, and then posts as old as they are refused."""

from mmbot.store.database import Store

KEPT = 30 * 86_400_000
"""Milliseconds; longer than what Mattermost's doors accept stays valid, so that nothing can come again there.

What GitHub signed stays valid for ever: a push that somebody kept for longer than this and sends again counts once more.
"""
AT_ONCE = 200
"""How many are forgotten at once: more than come in meanwhile, and little enough for nobody to wait."""
FORGOTTEN_UNTIL = "forgotten-until"


def forgotten_until(store: Store) -> int:
    """The moment (milliseconds UTC) up to which events may be forgotten: what is as old must not be taken in any more."""
    return int(store.state(FORGOTTEN_UNTIL) or 0)


def forget(store: Store, now: int) -> None:
    """Forget some of the events older than `KEPT`, but not those of steps that still wait in the outbox and so may happen again."""
    until = now - KEPT
    gone = store.execute(
        """DELETE FROM seen WHERE event IN (
             SELECT event FROM seen WHERE at <= ? AND NOT EXISTS (
               SELECT 1 FROM outbox WHERE key = substr(event, 4) AND event LIKE 'do:%' AND state = 'pending')
             ORDER BY at LIMIT ?)""",
        until, AT_ONCE,
    )  # fmt: skip
    if gone:
        store.remember(FORGOTTEN_UNTIL, str(max(until, forgotten_until(store))))
