"""When each subject has to be looked at next: one row for a subject, written together with the facts that it follows from."""

from mmbot.store.database import Store


def put(store: Store, subject: str, at: int | None) -> None:
    """Have a subject looked at at this moment (milliseconds UTC) and not before; None for not at all."""
    if at is None:
        store.execute("DELETE FROM due WHERE subject = ?", subject)
        return
    store.execute(
        "INSERT INTO due (subject, at) VALUES (?, ?) ON CONFLICT (subject) DO UPDATE SET at = excluded.at", subject, at
    )


def sooner(store: Store, subject: str, at: int) -> None:
    """Have a subject looked at at this moment, if it would not be anyway before."""
    store.execute(
        "INSERT INTO due (subject, at) VALUES (?, ?) ON CONFLICT (subject) DO UPDATE SET at = min(at, excluded.at)",
        subject,
        at,
    )


def of(store: Store, subject: str) -> int | None:
    """When a subject is looked at next."""
    rows = store.query("SELECT at FROM due WHERE subject = ?", subject)
    return int(rows[0]["at"]) if rows else None


def due(store: Store, now: int, limit: int) -> list[tuple[str, int]]:
    """The subjects that have to be looked at by now, each with since when; the oldest first."""
    rows = store.query("SELECT subject, at FROM due WHERE at <= ? ORDER BY at, subject LIMIT ?", now, limit)
    return [(str(row["subject"]), int(row["at"])) for row in rows]


def before(store: Store, kind: str, at: int) -> bool:
    """Whether a subject of a kind was due before a moment and was not looked at yet."""
    return bool(
        store.query(
            "SELECT 1 FROM due WHERE at < ? AND subject >= ? AND subject < ? LIMIT 1", at, f"{kind}:", f"{kind};"
        )
    )


def next_due(store: Store) -> int | None:
    """When the next subject falls due, or did; None when there is none."""
    rows = store.query("SELECT at FROM due ORDER BY at LIMIT 1")
    return int(rows[0]["at"]) if rows else None
