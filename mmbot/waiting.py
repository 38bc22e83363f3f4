"""What stands in the outbox and is not sent, for whoever operates the bot; read without it, so that it may run or not."""

import json
from pathlib import Path

from mmbot.store.reader import Reader, StoreUnreadable, Unsent
from mmbot.words.parked import meaning
from mmbot.words.phrases import minute, plural

OF_CASES = {"case": "the card", "clock": "a reminder"}
NAMES = {
    "card": "the card",
    "prompt": "the checklist",
    "changes": "findings, to the submitter",
    "changed": "findings, in the thread",
}


class ListingFailed(Exception):  # noqa: N818 -- a sentence for the operator
    """The store could not be read; the message says why."""


def listing(store: Path, now: int, *, parked: bool) -> str:
    """The rows that are not sent, or only those that were given up, a line each with the reason. Raises ListingFailed.

    No text of a post is shown: some are confidential.
    """
    try:
        with Reader(store) as reader:
            rows = reader.unsent("parked") if parked else [*reader.unsent("parked"), *reader.unsent("pending")]
            lines = [f"{x.id:>6}  {_what(x, reader)}: {_state(x, now)}" for x in sorted(rows, key=lambda x: x.id)]
    except StoreUnreadable as error:
        raise ListingFailed(str(error)) from error
    given_up = sum(x.state == "parked" for x in rows)
    if not rows:
        return "Nothing is parked." if parked else "Everything is sent."
    return "\n".join([
        *lines, "",
        f"{plural(given_up, 'row')} parked, {len(rows) - given_up} waiting." if not parked else f"{plural(given_up, 'row')} parked.",
        *(["When the cause is gone: mmbot outbox retry all, or the number of one."] if given_up else []),
    ])  # fmt: skip


def _what(row: Unsent, reader: Reader) -> str:
    kind, _, rest = row.subject.partition(":")
    number, _, part = rest.partition(":")
    if row.kind == "do":
        return f"step {row.subject} for MB-{json.loads(row.body).get('ticket', '?')}"
    if kind in NAMES:
        return f"{NAMES[kind]} of MB-{number}{f' for {part}' if part else ''}"
    if kind in OF_CASES and not row.person:
        return f"{OF_CASES[kind]} of {number}"
    if row.person:
        return f"message to @{reader.name(row.person) or row.person}"
    thread = row.thread.partition(":")[2]
    handle = f"MB-{thread}" if thread.isdecimal() else thread
    return f"reply in the thread of {handle}" if thread else "reply"


def _state(row: Unsent, now: int) -> str:
    if row.state == "parked":
        meant = meaning(row.error)
        return f"parked since {minute(row.due_at)}: {f'{meant} ({row.error})' if meant else row.error}"
    if row.behind:
        return f"waits for row {row.behind}, which starts its thread"
    if row.due_at > now:
        again = f"tried {plural(row.tries, 'time')}, last: {row.error}; " if row.tries else ""
        return f"{again}due {minute(row.due_at)}"
    return "due now"
