"""What fell due: each kind of subject has somebody who looks at it."""

from collections.abc import Callable, Mapping

from mmbot.events import Due
from mmbot.handlers import case_clock, reminders, report
from mmbot.store.tx import Tx

LOOKS_AT: Mapping[str, Callable[[Tx, str], None]] = {
    "case": case_clock.look,
    "report": report.weekly,
    "ticket": reminders.ticket_due,
    "morning": reminders.morning,
    "remind": reminders.remind_due,
}
"""By the subject's first word: whoever looks at it, given the rest of it."""


def due(tx: Tx, what: Due) -> None:
    """Look at a subject that fell due."""
    kind, _, rest = what.subject.partition(":")
    LOOKS_AT[kind](tx, rest)
