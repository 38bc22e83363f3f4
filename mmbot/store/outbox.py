"""The rows of what is still to be said, shown or done."""

import json
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from mmbot.messages import Button, Message, Row
from mmbot.store.database import Store

Kind = Literal["show", "say", "notice", "do"]
UNTRIED, EMPTY = "", "-"
"""In place of an anchor: nobody began to post the row; or its channel had no post at all then."""
KEPT = 60 * 86_400_000
"""Milliseconds for which a row that was sent is kept: longer than its buttons can be pressed."""
GOT_THROUGH = "got-through"
"""Which post stood on the server last, and how often it was asked for: another value whenever one gets through."""
AT_ONCE = 500
"""How many rows are deleted in one transaction."""
_PLACE = """CASE WHEN {0}.person <> '' THEN {0}.person WHEN {0}.root <> '' THEN {0}.root WHEN {0}.thread <> '' THEN {0}.thread
    ELSE {0}.subject END"""
"""What keeps its order: a person's messages, a thread with the post that starts it, a notice by itself."""
_BEHIND = f"""EXISTS (SELECT 1 FROM outbox e WHERE e.state = 'pending' AND e.due_at > ? AND e.tries > 0 AND e.kind <> 'do'
    AND e.id < o.id AND o.kind <> 'do' AND {_PLACE.format("e")} = {_PLACE.format("o")})"""  # noqa: S608 -- our own words
"""Whether a row `o` waits behind one for the same place that is put off until after a moment."""
_ROOTLESS = """EXISTS (SELECT 1 FROM outbox r WHERE r.kind = 'show' AND r.subject = o.thread AND o.thread <> ''
    AND r.post = '' AND r.state <> 'sent')"""
"""Whether a row `o` is for a thread whose first post is not there yet, however long that takes."""


@dataclass(frozen=True)
class OutboxRow:
    """One effect. `subject` names what a show, a notice or a step is about; `post` is set once it stands on the server."""

    id: int
    key: str
    kind: Kind
    subject: str
    channel: str
    person: str
    root: str
    thread: str
    body: str
    state: Literal["pending", "sent", "parked"]
    due_at: int
    tries: int
    error: str
    sent_channel: str
    post: str
    shown: str
    created_at: int
    anchor: str
    """The newest post of `sent_channel` before the first try; UNTRIED, or EMPTY."""
    asked: int
    """How often a show was asked for."""

    @property
    def place(self) -> str:
        """Rows for the same place keep their order: `_PLACE` in Python."""
        return self.person or self.root or self.thread or self.subject


def add(store: Store, kind: Kind, now: int, **columns: str | int) -> None:
    """A new row, due now unless `due_at` says otherwise."""
    row = {
        "key": secrets.token_hex(16), "kind": kind, "subject": "", "channel": "", "person": "", "root": "", "thread": "",
        "body": "", "state": "pending", "due_at": now, "created_at": now, **columns,
    }  # fmt: skip
    names = ", ".join(row)
    marks = ", ".join("?" * len(row))
    store.execute(f"INSERT INTO outbox ({names}) VALUES ({marks})", *row.values())  # noqa: S608 -- our own column names


def show(store: Store, subject: str, channel: str, thread: str, now: int) -> None:
    """Have a subject's post show the present, now: one row for a subject for ever."""
    changed = store.execute(
        """UPDATE outbox SET state = 'pending', due_at = ?, tries = 0, error = '', asked = asked + 1
           WHERE kind = 'show' AND subject = ?""",
        now, subject,
    )  # fmt: skip
    if not changed:
        add(store, "show", now, subject=subject, channel=channel, thread=thread)


def notice(store: Store, subject: str, due_at: int, now: int) -> None:
    """Tell of a subject when it is due; what is said, and to whom, is found then. One that waits already stays as it is."""
    waiting = store.query("SELECT 1 FROM outbox WHERE kind = 'notice' AND subject = ? AND state = 'pending'", subject)
    if not waiting:
        add(store, "notice", now, subject=subject, due_at=due_at)


def told(store: Store, subject: str) -> int:
    """Up to which number of its kind a subject was told before, 0 when it never was."""
    rows = store.query(
        "SELECT shown FROM outbox WHERE kind = 'notice' AND subject = ? AND state = 'sent' ORDER BY id DESC LIMIT 1",
        subject,
    )
    return int(rows[0]["shown"] or 0) if rows else 0


def tell_now(store: Store, subject: str, now: int) -> None:
    """Have a notice that waits told now."""
    store.execute(
        "UPDATE outbox SET due_at = min(due_at, ?) WHERE kind = 'notice' AND state = 'pending' AND subject = ?",
        now,
        subject,
    )


def undeliverable(store: Store, subject: str) -> bool:
    """Whether a notice of this subject was given up."""
    return bool(
        store.query("SELECT 1 FROM outbox WHERE kind = 'notice' AND subject = ? AND state = 'parked' LIMIT 1", subject)
    )


def due(store: Store, now: int, held: Iterable[str] = (), limit: int = 100) -> list[OutboxRow]:
    """The posts to be sent now, in order.

    What stands behind a row that is put off waits, and what is for a thread without a first post yet, or for a place that is `held`.
    """
    rows = store.query(
        f"""SELECT * FROM outbox o INDEXED BY outbox_pending WHERE state = 'pending' AND due_at <= ? AND kind <> 'do'
            AND NOT {_BEHIND} AND NOT {_ROOTLESS}
            AND {_PLACE.format("o")} NOT IN (SELECT value FROM json_each(?)) ORDER BY id LIMIT ?""",  # noqa: S608 -- our own words
        now, now, json.dumps(list(held)), limit,
    )  # fmt: skip
    return [OutboxRow(**row) for row in rows]


def due_steps(store: Store, now: int, running: Collection[int], limit: int) -> list[OutboxRow]:
    """The steps to be started now, without those that run."""
    rows = store.query(
        """SELECT * FROM outbox WHERE state = 'pending' AND due_at <= ? AND kind = 'do'
           AND id NOT IN (SELECT value FROM json_each(?)) ORDER BY due_at, id LIMIT ?""",
        now, json.dumps(list(running)), limit,
    )  # fmt: skip
    return [OutboxRow(**row) for row in rows]


def drop_steps(store: Store, of: str) -> None:
    """Nothing more is to be done of a subject's steps, whether they wait, run or were given up."""
    store.execute("DELETE FROM outbox WHERE kind = 'do' AND thread = ? AND thread <> '' AND state <> 'sent'", of)


def step_waits(store: Store, of: str) -> bool:
    """Whether a step of a subject is still to be done."""
    return bool(
        store.query(
            "SELECT 1 FROM outbox WHERE kind = 'do' AND thread = ? AND thread <> '' AND state <> 'sent' AND state = 'pending' LIMIT 1",
            of,
        )
    )


def next_due(store: Store, now: int) -> int | None:
    """When the next row falls due after now (milliseconds UTC); None when there is none: what is due already is in hand."""
    rows = store.query("SELECT due_at FROM outbox WHERE state = 'pending' AND due_at > ? ORDER BY due_at LIMIT 1", now)
    return int(rows[0]["due_at"]) if rows else None


def waiting(store: Store, now: int, limit: int = 100) -> list[int]:
    """The oldest posts that should have gone by now, or were tried in vain; not those that wait for the first post of their thread."""
    rows = store.query(
        f"""SELECT id FROM outbox o INDEXED BY outbox_due WHERE state = 'pending' AND kind <> 'do' AND (due_at <= ? OR tries > 0)
            AND NOT {_ROOTLESS} ORDER BY id LIMIT ?""",  # noqa: S608 -- our own words
        now, limit,
    )  # fmt: skip
    return [int(row["id"]) for row in rows]


def row(store: Store, number: int) -> OutboxRow | None:
    """A row by its number."""
    rows = store.query("SELECT * FROM outbox WHERE id = ?", number)
    return OutboxRow(**rows[0]) if rows else None


def post_of(store: Store, subject: str) -> OutboxRow | None:
    """The row that shows a subject."""
    rows = store.query("SELECT * FROM outbox WHERE kind = 'show' AND subject = ?", subject)
    return OutboxRow(**rows[0]) if rows else None


def channel_of(store: Store, thread: str) -> str:
    """The channel of the post that shows a subject, and so of its thread; "" where none does."""
    root = post_of(store, thread) if thread else None
    return root.channel if root else ""


def thread_url(store: Store, number: int, role: str = "") -> str:
    """Where a browser finds the thread of a ticket, at a role's checklist if there is one; "" where nothing is posted, or no server is."""
    rows = (post_of(store, f"prompt:{number}:{role}") if role else None, post_of(store, f"card:{number}"))
    post, pages = next((row.post for row in rows if row and row.post), ""), store.state("pages")
    return pages + post if pages and post else ""


def subject_of_post(store: Store, post: str) -> str:
    """What a post on the server is about: the subject it shows, or the one in whose thread it stands; "" for none of ours."""
    rows = store.query("SELECT subject, thread FROM outbox WHERE post = ? AND post <> ''", post)
    return str(rows[0]["subject"] or rows[0]["thread"]) if rows else ""


def begun(store: Store, number: int, channel: str, anchor: str, shown: str) -> None:
    """A row is about to be posted in a channel, for the first time after the post `anchor`.

    Until its outcome is known it may stand on the server, and then it shows this.
    """
    store.execute(
        """UPDATE outbox SET error = 'being posted', shown = ?, sent_channel = ?,
           anchor = iif(anchor = '' OR sent_channel NOT IN ('', ?), ?, anchor) WHERE id = ?""",
        shown, channel, channel, anchor or EMPTY, number,
    )  # fmt: skip


def sent(store: Store, row: OutboxRow, channel: str, post: str, shown: str = "") -> None:
    """A row's post stands on the server. A show that was asked for again since the row was read stays pending.

    Of a row whose post was lost since then nothing is noted: it is to be posted anew.
    """
    if post:
        store.remember(GOT_THROUGH, f"{row.id} {row.asked}")
    store.execute(
        """UPDATE outbox SET state = iif(asked > ?, 'pending', 'sent'), sent_channel = ?, post = ?, shown = ?, anchor = '',
           tries = 0, error = '' WHERE id = ? AND key = ?""",
        row.asked, channel, post, shown, row.id, row.key,
    )  # fmt: skip


def later(store: Store, number: int, due_at: int, error: str) -> None:
    """Try a row again at a later time."""
    store.execute(
        "UPDATE outbox SET due_at = ?, tries = tries + 1, error = ? WHERE id = ?", due_at, error[:500], number
    )


def waits_for(store: Store, number: int, thread: str) -> None:
    """A row is for a thread whose first post is not there yet: it is not due until then, and that is no try."""
    store.execute("UPDATE outbox SET thread = ? WHERE id = ?", thread, number)


def post_anew(store: Store, now: int) -> None:
    """Every post that shows a subject is gone: they are all to be posted again, cards first."""
    store.execute(
        "UPDATE outbox SET post = '', shown = '', asked = asked + 1, state = 'pending', due_at = ? WHERE kind = 'show' AND post <> ''",
        now,
    )


def renew(store: Store, number: int, now: int) -> None:
    """Have a subject's post edited even if it says the same: its buttons are to be made anew."""
    store.execute(
        """UPDATE outbox SET shown = '', asked = asked + 1, state = 'pending', due_at = ?, tries = 0, error = ''
           WHERE id = ? AND kind = 'show'""",
        now,
        number,
    )


def parked(store: Store, number: int, error: str) -> None:
    """Give a row up; it stays visible with its reason."""
    store.execute("UPDATE outbox SET state = 'parked', error = ? WHERE id = ?", error[:500], number)


def parked_rows(store: Store) -> list[int]:
    """The rows that were given up."""
    return [int(found["id"]) for found in store.query("SELECT id FROM outbox WHERE state = 'parked' ORDER BY id")]


def retry(store: Store, number: int, now: int) -> bool:
    """Take a row up again that was given up; False where that is none. What tried it before is still looked for."""
    found = row(store, number)
    if found is None or found.state != "parked":
        return False
    waiting = "SELECT 1 FROM outbox WHERE kind = 'notice' AND subject = ? AND state = 'pending'"
    if found.kind == "notice" and store.query(waiting, found.subject):
        store.execute("DELETE FROM outbox WHERE id = ?", number)  # the one that waits tells everything
        return True
    store.execute(
        "UPDATE outbox SET state = 'pending', due_at = ?, tries = 0, error = '', asked = asked + 1 WHERE id = ?",
        now,
        number,
    )
    return True


def forget(store: Store, prefix: str) -> None:
    """Forget what is remembered under every key that begins so."""
    store.execute("DELETE FROM state WHERE key >= ? AND key < ?", prefix, prefix + "\U0010ffff")


def lost(store: Store, number: int, now: int) -> None:
    """The post of a subject is gone from the server: it is to be posted anew, and so are those that stood in its thread."""
    store.execute(
        """UPDATE outbox SET post = '', shown = '', error = '', anchor = '', state = 'pending', asked = asked + 1, due_at = ?,
           created_at = ?, key = lower(hex(randomblob(16))) WHERE id = ?""",
        now, now, number,
    )  # fmt: skip
    gone = row(store, number)
    for child in _shown_in(store, gone.subject) if gone else []:
        lost(store, child, now)


def prune(store: Store, now: int) -> int:
    """Delete rows that were sent long ago and that nothing refers to any more, some at once; returns how many.

    Kept for ever: what shows a subject; the newest notice of each subject, which says what was told; and all notices of tickets
    that are open, since answers in their threads lead to the ticket by them. The last row stays, so that no number is used twice.
    """
    return store.execute(
        """DELETE FROM outbox WHERE id IN (
             SELECT id FROM outbox o INDEXED BY outbox_done WHERE state = 'sent' AND kind <> 'show' AND due_at < ?
             AND id < (SELECT max(id) FROM outbox)
             AND (kind <> 'notice' OR (
               EXISTS (SELECT 1 FROM outbox n WHERE n.kind = 'notice' AND n.state = 'sent' AND n.subject = o.subject AND n.id > o.id)
               AND NOT EXISTS (SELECT 1 FROM ticket WHERE open = 1
                 AND number = CAST(substr(o.subject, instr(o.subject, ':') + 1) AS INTEGER))))
             ORDER BY due_at LIMIT ?)""",
        now - KEPT, AT_ONCE,
    )  # fmt: skip


def _shown_in(store: Store, subject: str) -> list[int]:
    """The rows that show something in the thread of a subject, and did so already."""
    kind, _, rest = subject.partition(":")
    if kind != "card":
        return []
    rows = store.query(
        """SELECT id FROM outbox WHERE kind = 'show' AND subject > ? AND subject < ? AND thread = ? AND post <> ''""",
        f"prompt:{rest}:", f"prompt:{rest};", subject,
    )  # fmt: skip
    return [int(found["id"]) for found in rows]


def dump_message(message: Message) -> str:
    """A message as JSON text, for a row's body."""
    rows = [{"text": r.text, "buttons": [[b.label, b.line, b.style] for b in r.buttons]} for r in message.rows]
    return json.dumps({"text": message.text, "rows": rows, "colour": message.colour}, ensure_ascii=False)


def read_message(body: str) -> Message:
    """A message from a row's body."""
    raw = json.loads(body)
    rows = tuple(Row(tuple(Button(*b) for b in r["buttons"]), r["text"]) for r in raw["rows"])
    return Message(raw["text"], rows, raw["colour"])
