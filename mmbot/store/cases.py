"""Cases in the store: their facts, their handles, and what is searched of them. Only `save` writes."""

import hashlib
import hmac
import json
from itertools import count

from mmbot.domain.case import Case, fold_case
from mmbot.domain.case_facts import CaseFact, CaseKind, read_case_fact
from mmbot.domain.case_file import CaseFile
from mmbot.store import book, due
from mmbot.store.database import Store

KEY = "case-key"
"""Under which the store keeps the key of the handles."""
SHORT, LONG = (1_000, 9_000), (10_000, 90_000)
"""The first handle of so many digits, and how many there are."""
CROWDED = 4_500
"""From so many cases on handles have five digits: of four there are none left that nobody could guess."""
MOST_OPEN = 10_000


def case(store: Store, handle: str) -> Case | None:
    """A case by its handle."""
    found = facts(store, handle)
    return fold_case(handle, store.policy, found) if found else None


def facts(store: Store, handle: str) -> list[CaseFact]:
    """All facts of a case, in order."""
    rows = store.query("SELECT data FROM case_fact WHERE handle = ? ORDER BY id", handle)
    return [read_case_fact(row["data"]) for row in rows]


def new_case(store: Store, what: CaseKind) -> Case:
    """A case under a handle of its own, not yet saved."""
    number = _last_number(store, what) + 1
    if what == "bug":
        return Case(f"BUG-{number}", store.policy, what=what)
    key, (first, many) = store.secret(KEY), SHORT if number <= CROWDED else LONG
    for turn in count():
        mixed = hmac.digest(key, f"{number}.{turn}".encode(), hashlib.sha256)
        handle = f"SEC-{first + int.from_bytes(mixed) % many}"
        if not store.query("SELECT 1 FROM case_file WHERE handle = ?", handle):
            return Case(handle, store.policy, what=what)
    raise AssertionError


def _last_number(store: Store, what: CaseKind) -> int:
    secret = int(what == "vulnerability")
    rows = store.query("SELECT coalesce(max(number), 0) AS n FROM case_file WHERE confidential = ?", secret)
    return int(rows[0]["n"])


def save(store: Store, case: Case, event: str) -> Case:
    """Store a case's news and what is searched of it; returns the case without news."""
    store.connection.executemany(
        "INSERT INTO case_fact (handle, kind, at, by, via, event, data) VALUES (?, ?, ?, ?, ?, ?, ?)",
        [(case.handle, x.kind, x.at, x.by, x.via, event, x.model_dump_json()) for x in case.news],
    )
    begun = case.reported or case.filed
    store.execute(
        """INSERT INTO case_file (handle, number, confidential, open, stage, ticket, plugin_key, opened_at, reporter)
           VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (handle) DO UPDATE SET open = excluded.open, stage = excluded.stage,
           ticket = excluded.ticket, plugin_key = excluded.plugin_key""",
        case.handle, _last_number(store, case.what) + 1, int(case.confidential), int(not case.over), case.stage,
        case.about.ticket, case.about.plugin_id.lower(), begun.at if begun else 0,
        case.reported.by if case.reported else "",
    )  # fmt: skip
    store.execute("DELETE FROM case_fix WHERE handle = ?", case.handle)
    store.connection.executemany(
        "INSERT OR IGNORE INTO case_fix (ticket, handle) VALUES (?, ?)",
        [(x.ticket, case.handle) for x in case.fixes if x.ticket and not case.over],
    )
    return case.stored()


def open_cases(store: Store) -> list[str]:
    """The handles of the cases that are not over, the oldest first."""
    rows = store.query("SELECT handle FROM case_file WHERE open = 1 ORDER BY opened_at, handle LIMIT ?", MOST_OPEN)
    return [str(row["handle"]) for row in rows]


def filed_cases(store: Store) -> list[str]:
    """The handles of the cases that are not over and no mere reports, the oldest first."""
    stages = json.dumps(["open", "fixed", "taken down"])
    rows = store.query(
        """SELECT handle FROM case_file WHERE open = 1 AND stage IN (SELECT value FROM json_each(?))
           ORDER BY opened_at, handle LIMIT ?""",
        stages, MOST_OPEN,
    )  # fmt: skip
    return [str(row["handle"]) for row in rows]


def reports(store: Store, person: str = "", limit: int = MOST_OPEN) -> list[str]:
    """The handles of the reports that wait for an answer, the oldest first; with a person, those that they made."""
    if person:
        rows = store.query(
            """SELECT handle FROM case_file WHERE reporter = ? AND reporter <> '' AND stage = 'reported'
               ORDER BY opened_at, handle LIMIT ?""",
            person, limit,
        )  # fmt: skip
    else:
        rows = store.query(
            "SELECT handle FROM case_file WHERE open = 1 AND stage = 'reported' ORDER BY opened_at, handle LIMIT ?",
            limit,
        )
    return [str(row["handle"]) for row in rows]


def of_plugin(store: Store, ticket: int, plugin_id: str) -> list[str]:
    """The handles of all cases about a ticket or a plugin's id (case ignored)."""
    rows = store.query(
        """SELECT handle FROM case_file WHERE ticket = ? AND ticket > 0
           UNION SELECT handle FROM case_file WHERE plugin_key = ? AND plugin_key <> '' ORDER BY 1 LIMIT ?""",
        ticket, plugin_id.lower(), MOST_OPEN,
    )  # fmt: skip
    return [str(row["handle"]) for row in rows]


def touched_by(store: Store, ticket: int) -> list[str]:
    """The handles of the open cases that show something of a ticket: it is about it, or fixes it."""
    rows = store.query(
        """SELECT handle FROM case_file WHERE ticket = ? AND ticket > 0 AND open = 1
           UNION SELECT handle FROM case_fix WHERE ticket = ? ORDER BY 1 LIMIT ?""",
        ticket, ticket, MOST_OPEN,
    )  # fmt: skip
    return [str(row["handle"]) for row in rows]


def subject(handle: str) -> str:
    """Under which a case's card is shown, and its next moment kept."""
    return f"case:{handle}"


def look_at_all(store: Store, now: int) -> None:
    """Have every open case looked at now: policy, zones or the program may have changed while nobody looked."""
    with store.transaction():
        look_soon(store, now)


def look_soon(store: Store, now: int) -> None:
    """The same within a transaction of the caller's: somebody may have to be told now who had not to be before."""
    for handle in open_cases(store):
        due.sooner(store, subject(handle), now)


def plugins_named(store: Store, words: str) -> list[str]:
    """The id of the listed plugin that has this id, else the ids of those that have this name (case ignored)."""
    rows = store.query(
        "SELECT plugin_id FROM listed WHERE plugin_key = ? OR name = ? COLLATE NOCASE", words.lower(), words
    )
    found = [str(row["plugin_id"]) for row in rows]
    return [x for x in found if x.lower() == words.lower()] or found


def tickets_with_id(store: Store, plugin_id: str) -> list[int]:
    """The tickets of a plugin's id (case ignored), the newest first."""
    rows = store.query(
        "SELECT number FROM ticket WHERE plugin_key = ? AND plugin_key <> '' ORDER BY number DESC LIMIT 20",
        plugin_id.lower(),
    )
    return [int(row["number"]) for row in rows]


def file_of(store: Store, case: Case, now: int) -> CaseFile:
    """A case with all that it concerns, as it stands now."""
    ticket = store.ticket(case.about.ticket) if case.about.ticket else None
    owner = (ticket.owner if ticket else "") or book.default_owner(store)
    absence = book.absence(store, owner) if owner else None
    numbers = dict.fromkeys(x.ticket for x in case.fixes if x.ticket)
    fixes = tuple(found for number in numbers if (found := store.ticket(number)))
    turns = {x.number: store.turns(x.number) for x in fixes}
    away = absence.day if absence and absence.at(now) else ""
    return CaseFile(case, ticket, owner, fixes, turns, _listed(store, case), away, tuple(store.members("release")))


def _listed(store: Store, case: Case) -> bool | None:
    """Whether the plugin is in public: its ticket says so, or the listing; None where neither can."""
    ticket = store.ticket(case.about.ticket) if case.about.ticket else None
    if ticket and ticket.public and not ticket.ended:
        return True
    plugin_id = (ticket.plugin_id if ticket else "") or case.about.plugin_id
    if not plugin_id or not store.catalogue_size():
        return None
    return any(x.plugin_id.lower() == plugin_id.lower() for x in store.listed("", plugin_id))
