"""What is due: the next moment and the sweep over a million future ones, and ten thousand that are due at once."""

import time
from pathlib import Path

from bench import corpus
from bench.figures import Figures, Line
from mmbot import policy
from mmbot.app import App
from mmbot.domain.deadlines import DAY
from mmbot.store import due
from mmbot.store.database import Store
from mmbot.store.tx import Settings

FUTURE, AT_ONCE, AGAIN = 1_000_000, 10_000, 300


async def measure(tickets: int, _count: int, folder: Path) -> list[Figures]:
    """The table: beside each, what SQLite takes for its smallest answer."""
    store = Store(corpus.copy(tickets, folder), policy.load())
    now = corpus.START + 200_000 * corpus.HALF_AN_HOUR
    app = App(store, Settings(), lambda: now)
    figures = Figures(f"What is due, {FUTURE:,} future due times", "mmbot", "SELECT 1")
    try:
        with store.transaction():
            store.execute("DELETE FROM due")
            store.connection.executemany(
                "INSERT INTO due (subject, at) VALUES (?, ?)",
                ((f"ticket:{tickets + n}", now + DAY + n * 1000) for n in range(FUTURE)),
            )
        nothing = [_took(lambda: store.query("SELECT 1")) for _ in range(AGAIN)]
        figures.lines.append(
            Line(
                "next due", [_took(lambda: due.next_due(store)) for _ in range(AGAIN)], nothing, unit="µs", at_most=0.01
            )
        )
        figures.lines.append(
            Line("sweep, nothing due", [_took(app.come_due) for _ in range(AGAIN)], nothing, unit="µs", at_most=0.01)
        )
        with store.transaction():
            store.connection.executemany(
                "INSERT OR REPLACE INTO due (subject, at) VALUES (?, ?)",
                ((f"ticket:{n}", now - n) for n in range(1, AT_ONCE + 1)),
            )
        figures.lines.append(Line(f"{AT_ONCE:,} due at once, all in all", [_took(lambda: _all(app))], unit="s"))
    finally:
        store.close()
    return [figures]


def _all(app: App) -> None:
    while app.come_due():
        pass


def _took(work: object) -> float:
    began = time.perf_counter()
    work()  # type: ignore[operator]  # any function without arguments
    return time.perf_counter() - began
