"""The report: how many tickets wait for whom, and how long things take; asked for, and at the beginning of each week."""

from mmbot.domain.report import Figures, next_report
from mmbot.events import AskReport
from mmbot.messages import Reply
from mmbot.store import booked, due
from mmbot.store.tx import Tx
from mmbot.words import report as words


def report(tx: Tx, _cmd: AskReport) -> Reply:
    """The figures of this moment, for staff."""
    tx.require("staff")
    return Reply(words.report(_figures(tx), tx.policy))


def weekly(tx: Tx, _rest: str) -> None:
    """Give the report in the channel, unless nothing is open; and again next week."""
    figures = _figures(tx)
    if figures.open or figures.waits:
        tx.say(words.weekly(figures, tx.policy))
    plan(tx)


def plan(tx: Tx) -> None:
    """Have the report given at the beginning of the next week, unless it is planned for before."""
    due.sooner(tx.store, "report", next_report(tx.now, tx.policy.hours.begin, tx.policy.days.holidays))


def _figures(tx: Tx) -> Figures:
    roles = [x.name for x in tx.policy.roles.values() if x.enabled]
    return booked.figures(tx.store.connection, roles, tx.now)
