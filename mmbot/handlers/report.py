"""The report: how many tickets wait for whom, and how long things take; asked for, and at the beginning of each week."""

from mmbot.domain.deadlines import Office
from mmbot.domain.report import Figures, next_report
from mmbot.domain.rights import Actor
from mmbot.events import AskReport
from mmbot.handlers import cases
from mmbot.messages import Reply
from mmbot.store import booked, due
from mmbot.store.tx import Tx
from mmbot.words import report as words

EVERYBODY = Actor("")
"""Whoever reads the channel: of cases they may know what stands in public."""


def report(tx: Tx, _cmd: AskReport) -> Reply:
    """The figures of this moment, for staff."""
    tx.require("staff")
    return Reply(words.report(_figures(tx), tx.policy, cases.running(tx, tx.actor)))


def weekly(tx: Tx, _rest: str) -> None:
    """Give the report in the channel, unless nothing is open; and again next week. Out of hours it waits: the bot may have been down."""
    office = Office(tx.policy.hours, holidays=tx.policy.days.holidays)
    if not office.open(tx.now):
        due.put(tx.store, "report", office.not_before(tx.now))
        return
    figures, clocks = _figures(tx), cases.running(tx, EVERYBODY)
    if figures.open or figures.waits or clocks:
        tx.say(words.weekly(figures, tx.policy, clocks))
    plan(tx)


def plan(tx: Tx) -> None:
    """Have the report given at the beginning of the next week, unless it is planned for before."""
    due.sooner(tx.store, "report", next_report(tx.now, tx.policy.hours.begin, tx.policy.days.holidays))


def _figures(tx: Tx) -> Figures:
    roles = [x.name for x in tx.policy.roles.values() if x.enabled]
    return booked.figures(tx.store.connection, roles, tx.now)
