"""Rows of the outbox that were given up: who is told of it, once for each cause, and how they are taken up again."""

import json
from collections.abc import Callable, Mapping
from typing import Any

import structlog

from mmbot.handlers import case_clock, cuts, listing
from mmbot.handlers.news import guide
from mmbot.store import outbox
from mmbot.store.database import Store
from mmbot.store.failing import StoreFails
from mmbot.store.outbox import OutboxRow
from mmbot.store.tx import SECURITY, Tx
from mmbot.words import parked as words

log = structlog.get_logger()

TOLD = "parked-told:"
"""Before a cause: when (milliseconds UTC) the admins were told of it last."""
DAY = 86_400_000


def given_up(tx: Tx, row: OutboxRow, why: str, cause: str) -> None:
    """Park a row. The admins are told of a cause once a day at most; of a step whose result is missing, whoever waits for it.

    It is parked though they cannot be told, as of a ticket that cannot be read: else it would be tried, and fail, for ever.
    """
    outbox.parked(tx.store, row.id, why)
    _tried(tx, row, lambda: _tell_admins(tx, row, why, cause))
    if row.kind == "do":
        _tried(tx, row, lambda: _tell_asker(tx, row, why.rpartition(" ")[2]))
    subject = row.subject or row.thread
    if subject.startswith(("case:", "clock:")):
        _tried(tx, row, lambda: case_clock.not_delivered(tx, subject, row.person))


def _tried(tx: Tx, row: OutboxRow, telling: Callable[[], None]) -> None:
    """Tell somebody, or log why not. Raises StoreFails."""
    try:
        with tx.store.savepoint():
            telling()
    except StoreFails:
        raise
    except Exception:
        log.exception("nobody was told that an outbox row was given up", row=row.id, subject=row.subject)


def _tell_admins(tx: Tx, row: OutboxRow, why: str, cause: str) -> None:
    confidential = SECURITY in {row.channel, outbox.channel_of(tx.store, row.thread)}
    key = f"{TOLD}{cause}{f' in {SECURITY}' if confidential else ''}"
    told = int(tx.store.state(key) or 0)
    if tx.now - told >= DAY:
        tx.store.remember(key, str(tx.now))
        for admin in tx.store.members("admin"):
            tx.say(
                words.to_admin(why, step=row.subject if row.kind == "do" else "", confidential=confidential), to=admin
            )


def _tell_asker(tx: Tx, row: OutboxRow, reference: str) -> None:
    """Whoever waits for the result of a step."""
    asked = json.loads(row.body)
    match row.subject.partition("-")[0]:
        case "cut":
            cuts.broke(tx, asked["cut"], asked["run"], reference)
        case "list":
            listing.broke(tx, asked, reference)
        case "unlist":
            listing.removal_broke(tx, asked, reference)
        case _:
            _tell_owner(tx, asked)


def _tell_owner(tx: Tx, asked: Mapping[str, Any]) -> None:
    ticket = tx.store.ticket(int(str(asked.get("ticket") or 0)))
    if ticket is None or not (owner := guide(tx.store, ticket)):
        return
    message = words.to_owner(ticket, str(asked.get("text", "")), merged=asked.get("purpose") == "merged")
    tx.tell(message, owner, "owner", ticket)


def retried(store: Store, which: str, now: int) -> int:
    """Take up a row again, or all; the admins are told anew of what is given up again."""
    numbers = outbox.parked_rows(store) if which == "all" else [int(which)]
    outbox.forget(store, TOLD)
    return sum(outbox.retry(store, number, now) for number in numbers)
