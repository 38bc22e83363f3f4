"""What one event costs inside `App.handle`, commit and all, with many tickets in the store and with few."""

import contextlib
import itertools
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import structlog

from bench import corpus
from bench.figures import Figures, Line
from mmbot import policy
from mmbot.app import App
from mmbot.domain import review
from mmbot.domain.ticket import Ticket
from mmbot.events import (
    ALL,
    AskQueue,
    AskReport,
    AskSearch,
    AskStatus,
    Command,
    Event,
    GiveVerdict,
    JudgeItem,
    Person,
    Submit,
    Where,
)
from mmbot.store.database import INDEX_VERSION, Store
from mmbot.store.tx import Settings

FEW = 1_000
QA = "qa"


def measure(tickets: int, count: int, folder: Path) -> list[Figures]:
    """The table: the same events in turns at both stores, each at a ticket that was not read before but where it says so."""
    figures = Figures(f"App.handle, {tickets:,} tickets beside {FEW:,}", f"{tickets:,}", f"{FEW:,}")
    structlog.configure(wrapper_class=structlog.make_filtering_bound_logger(50))
    with contextlib.ExitStack() as exits:
        many, few = (exits.enter_context(_opened(n, folder)) for n in (tickets, FEW))
        for what, asked in _KINDS.items():
            pairs = list(zip(asked(many, count), asked(few, count), strict=False))
            ours, beside = [], []
            for one, other in pairs:
                ours.append(_took(many, one))
                beside.append(_took(few, other))
            figures.lines.append(Line(what, ours, beside, unit="µs"))
        for what, before in (("policy", f"{INDEX_VERSION}:older"), ("code", "older")):
            many.store.remember("index", before)
            began = time.perf_counter()
            many.store._fresh_index()  # noqa: SLF001 -- what a start after a change of policy does
            seconds = time.perf_counter() - began
            figures.lines.append(Line(f"index anew after a change of {what}", [seconds], unit="s"))
    return [figures]


@contextlib.contextmanager
def _opened(tickets: int, folder: Path) -> Iterator[App]:
    store = Store(corpus.copy(tickets, folder), policy.load())
    clock = itertools.count(corpus.START + 200_000 * corpus.HALF_AN_HOUR, 1000)
    try:
        yield App(store, Settings(), lambda: next(clock))
    finally:
        store.close()


def _took(app: App, asked: tuple[str, Command]) -> float:
    by, what = asked
    event = Event(f"slash:{random.getrandbits(160):040x}", by, app.now(), Where("slash", corpus.identifier("market")), what,
                  (Person(by, "someone"),))  # fmt: skip
    began = time.perf_counter()
    reply = app.handle(event)
    seconds = time.perf_counter() - began
    if reply is None or "went wrong" in reply.text:
        raise RuntimeError(f"{what} was answered {reply}")
    return seconds


def _numbers(app: App, seed: int) -> list[int]:
    """All tickets' numbers, shuffled."""
    numbers = list(range(1, app.store.next_number()))
    random.Random(seed).shuffle(numbers)  # noqa: S311 -- the same order each time
    return numbers


def _statuses(app: App, count: int) -> Iterator[tuple[str, Command]]:
    app.store._cache.clear()  # noqa: SLF001 -- nothing of these shall be at hand
    return ((corpus.people("dev")[0], AskStatus(ticket=n)) for n in _numbers(app, 1)[:count])


def _statuses_at_hand(app: App, count: int) -> Iterator[tuple[str, Command]]:
    number = _reviewable(app, 2)[0].number
    app.store.ticket(number)
    return ((corpus.people("dev")[0], AskStatus(ticket=number)) for _ in range(count))


def _statuses_by_name(app: App, count: int) -> Iterator[tuple[str, Command]]:
    return ((corpus.people("dev")[0], AskStatus(about=corpus.name_of(n))) for n in _numbers(app, 3)[:count])


def _statuses_by_two_letters(app: App, count: int) -> Iterator[tuple[str, Command]]:
    del app
    names = itertools.cycle(sorted({x[:2] for x in corpus.SYLLABLES}))
    return ((corpus.people("dev")[0], AskStatus(about=next(names))) for _ in range(count))


def _queues(app: App, count: int) -> Iterator[tuple[str, Command]]:
    del app
    return ((corpus.people(QA)[0], AskQueue(whose=QA)) for _ in range(count))


def _own_queues(app: App, count: int) -> Iterator[tuple[str, Command]]:
    del app
    return ((corpus.people(QA)[n % 5], AskQueue()) for n in range(count))


def _all_queues(app: App, count: int) -> Iterator[tuple[str, Command]]:
    del app
    return ((corpus.people(QA)[0], AskQueue(whose=ALL, page=1 + n % 5)) for n in range(count))


def _reports(app: App, count: int) -> Iterator[tuple[str, Command]]:
    del app
    return ((corpus.people(QA)[0], AskReport()) for _ in range(count))


def _searches(app: App, count: int) -> Iterator[tuple[str, Command]]:
    return ((corpus.people("dev")[0], AskSearch(about=f"{corpus.name_of(n)} plugin")) for n in _numbers(app, 7)[:count])


def _searches_for_all(app: App, count: int) -> Iterator[tuple[str, Command]]:
    del app
    return ((corpus.people("dev")[0], AskSearch(about="reminds")) for _ in range(count))


def _logs(app: App, count: int) -> Iterator[tuple[str, Command]]:
    app.store._cache.clear()  # noqa: SLF001 -- nothing of these shall be at hand
    return ((corpus.people("dev")[0], AskStatus(ticket=n, log=True)) for n in _numbers(app, 8)[:count])


def _reviewable(app: App, seed: int) -> list[Ticket]:
    """Open tickets with a commit that QA has to judge, shuffled; of those a thousand at most are looked at."""
    rows = app.store.query("SELECT number FROM ticket WHERE open = 1 ORDER BY number DESC LIMIT 1000")
    found = [x for row in rows if (x := app.store.ticket(row["number"])) and x.commit and QA in x.roles]
    random.Random(seed).shuffle(found)  # noqa: S311 -- the same order each time
    return found


def _passes(app: App, count: int) -> Iterator[tuple[str, Command]]:
    by = corpus.people(QA)[0]
    wanted = (
        (by, JudgeItem(ticket=x.number, items=(item.handle,), state="passed"))
        for x in _reviewable(app, 4)
        for item in review.undecided(x, QA)
        if x.submitter != by
    )
    return itertools.islice(_forgotten(app, list(wanted)), count)


def _approvals(app: App, count: int) -> Iterator[tuple[str, Command]]:
    by = corpus.people(QA)[0]
    wanted = (
        (by, GiveVerdict(ticket=x.number, role=QA, decision="approve", all=True))
        for x in _reviewable(app, 5)
        if not review.findings(x, QA) and review.verdict(x, QA) != "approved"
    )
    return itertools.islice(_forgotten(app, list(wanted)), count)


def _forgotten(app: App, wanted: list[tuple[str, Command]]) -> Iterator[tuple[str, Command]]:
    app.store._cache.clear()  # noqa: SLF001 -- nothing of these shall be at hand
    return iter(wanted)


def _submissions(app: App, count: int) -> Iterator[tuple[str, Command]]:
    del app
    by = corpus.people("submitter")
    return ((by[n], Submit(link=f"https://github.com/somebody/new-{n} v1.0.0")) for n in range(count))


_KINDS: dict[str, Callable[[App, int], Iterator[tuple[str, Command]]]] = {
    "status": _statuses,
    "status, the ticket at hand": _statuses_at_hand,
    "status by name": _statuses_by_name,
    "status by two letters": _statuses_by_two_letters,
    "queue qa": _queues,
    "queue": _own_queues,
    "queue all": _all_queues,
    "report": _reports,
    "status --log": _logs,
    "search": _searches,
    "search, every ticket has it": _searches_for_all,
    "submit": _submissions,
    "pass": _passes,
    "approve --all": _approvals,
}
