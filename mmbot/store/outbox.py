"""The rows of what is still to be said, shown or done."""

import json
import secrets
from collections.abc import Collection, Iterable
from dataclasses import dataclass
from typing import Literal

from mmbot.messages import Button, Message, Row
from mmbot.store.database import Store

Kind = Literal["show", "say", "notice", "do"]
_PLACE = """CASE WHEN {0}.person <> '' THEN {0}.person WHEN {0}.root <> '' THEN {0}.root WHEN {0}.thread <> '' THEN {0}.thread
    ELSE {0}.subject END"""
"""What keeps its order: a person's messages, a thread with the post that starts it, a notice by itself."""
_BEHIND = f"""EXISTS (SELECT 1 FROM outbox e WHERE e.state = 'pending' AND e.due_at > ? AND e.tries > 0 AND e.kind <> 'do'
    AND e.id < o.id AND o.kind <> 'do' AND {_PLACE.format("e")} = {_PLACE.format("o")})"""  # noqa: S608 -- our own words
"""Whether a row `o` waits behind one for the same place that is put off until after a moment."""


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
        "UPDATE outbox SET state = 'pending', due_at = ?, tries = 0, error = '' WHERE kind = 'show' AND subject = ?",
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
    """The posts to be sent now, in order; what stands behind a row that is put off, or is for a place that is `held`, waits."""
    rows = store.query(
        f"""SELECT * FROM outbox o INDEXED BY outbox_due WHERE state = 'pending' AND due_at <= ? AND kind <> 'do' AND NOT {_BEHIND}
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


def next_due(store: Store, now: int) -> int | None:
    """When there is something to do next (milliseconds UTC); None when nothing waits."""
    rows = store.query(
        f"""SELECT due_at FROM outbox o WHERE state = 'pending' AND NOT {_BEHIND} ORDER BY due_at LIMIT 1""",  # noqa: S608 -- ours
        now,
    )  # fmt: skip
    return int(rows[0]["due_at"]) if rows else None


def row(store: Store, number: int) -> OutboxRow | None:
    """A row by its number."""
    rows = store.query("SELECT * FROM outbox WHERE id = ?", number)
    return OutboxRow(**rows[0]) if rows else None


def post_of(store: Store, subject: str) -> OutboxRow | None:
    """The row that shows a subject."""
    rows = store.query("SELECT * FROM outbox WHERE kind = 'show' AND subject = ?", subject)
    return OutboxRow(**rows[0]) if rows else None


def thread_url(store: Store, number: int, role: str = "") -> str:
    """Where a browser finds the thread of a ticket, at a role's checklist if there is one; "" where nothing is posted, or no server is."""
    rows = (post_of(store, f"prompt:{number}:{role}") if role else None, post_of(store, f"card:{number}"))
    post, pages = next((row.post for row in rows if row and row.post), ""), store.state("pages")
    return pages + post if pages and post else ""


def subject_of_post(store: Store, post: str) -> str:
    """What a post on the server is about: the subject it shows, or the one in whose thread it stands; "" for none of ours."""
    rows = store.query("SELECT subject, thread FROM outbox WHERE post = ? AND post <> ''", post)
    return str(rows[0]["subject"] or rows[0]["thread"]) if rows else ""


def begun(store: Store, number: int, shown: str) -> None:
    """A row is about to be posted: until its outcome is known, it may stand on the server, and then it shows this."""
    store.execute("UPDATE outbox SET error = 'being posted', shown = ? WHERE id = ?", shown, number)


def sent(store: Store, number: int, channel: str, post: str, shown: str = "", *, due_at: int = 0) -> None:
    """A row's post stands on the server. A show that was asked for again meanwhile (its `due_at` moved) stays pending."""
    store.execute(
        """UPDATE outbox SET state = iif(kind = 'show' AND due_at > ?, 'pending', 'sent'), sent_channel = ?, post = ?, shown = ?,
           error = '' WHERE id = ?""",
        due_at, channel, post, shown, number,
    )  # fmt: skip


def later(store: Store, number: int, due_at: int, error: str) -> None:
    """Try a row again at a later time."""
    store.execute(
        "UPDATE outbox SET due_at = ?, tries = tries + 1, error = ? WHERE id = ?", due_at, error[:500], number
    )


def hurry(store: Store, thread: str, now: int) -> None:
    """The post that starts a subject's thread is there: what waited for it is due now."""
    store.execute(
        "UPDATE outbox SET due_at = ? WHERE state = 'pending' AND due_at > ? AND thread = ? AND tries > 0",
        now,
        now,
        thread,
    )


def post_anew(store: Store, now: int) -> None:
    """Every post that shows a subject is gone: they are all to be posted again, cards first."""
    store.execute(
        "UPDATE outbox SET post = '', shown = '', state = 'pending', due_at = ? WHERE kind = 'show' AND post <> ''", now
    )


def renew(store: Store, number: int, now: int) -> None:
    """Have a subject's post edited even if it says the same: its buttons are to be made anew."""
    store.execute(
        "UPDATE outbox SET shown = '', state = 'pending', due_at = ?, tries = 0 WHERE id = ? AND kind = 'show'",
        now,
        number,
    )


def parked(store: Store, number: int, error: str) -> None:
    """Give a row up; it stays visible with its reason."""
    store.execute("UPDATE outbox SET state = 'parked', error = ? WHERE id = ?", error[:500], number)


def lost(store: Store, number: int, now: int) -> None:
    """The post of a subject is gone from the server: it is to be posted anew, and so are those that stood in its thread."""
    store.execute(
        """UPDATE outbox SET post = '', shown = '', error = '', state = 'pending', due_at = ?, created_at = ?,
           key = lower(hex(randomblob(16))) WHERE id = ?""",
        now, now, number,
    )  # fmt: skip
    gone = row(store, number)
    for child in _shown_in(store, gone.subject) if gone else []:
        lost(store, child, now)


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
