"""The requests about reminders: to be left alone by a ticket for some days or for good, to remind somebody, to see and drop that."""

from typing import Annotated

from pydantic import AfterValidator, Field, StringConstraints

from mmbot.domain.whens import is_when
from mmbot.events.command import Command
from mmbot.events.slots import PersonId, Slot, TicketNumber


def _when(words: str) -> str:
    if words and not is_when(words):
        raise ValueError("say when like this: tomorrow, in 3 days, on 2026-12-01")
    return words


Days = Annotated[int, Slot("days", "DAYS", "For how long", choices=("1", "3", "7")), Field(ge=1, le=30)]
When = Annotated[
    str,
    Slot("when", "WHEN", "When", "tomorrow, in 3 days, on 2026-12-01; left empty: now"),
    StringConstraints(strip_whitespace=True, max_length=40),
    AfterValidator(_when),
]
Said = Annotated[str, Slot("text", "TEXT", "What about it"), StringConstraints(strip_whitespace=True, max_length=1000)]
ReminderNumber = Annotated[int, Slot("number", "N", "Reminder"), Field(ge=1, le=2**31)]


class Snooze(Command):
    """Until the morning of that day your reminders leave the ticket out; then you hear of it again, if it still waits for you."""

    words = {"snooze": {}}
    summaries = {"snooze": "no reminders of a ticket for 1, 3 or 7 days"}
    examples = {"snooze": "snooze MB-7 3"}
    who = "concerned"

    ticket: TicketNumber
    days: Days


class Mute(Command):
    """Your mornings leave the ticket out; what happens there is still told at once, and others can still remind you of it."""

    words = {"mute": {"muted": True}, "unmute": {"muted": False}}
    summaries = {"mute": "no reminders of a ticket any more", "unmute": "reminders of a ticket again"}
    examples = {"mute": "mute MB-7", "unmute": "unmute MB-7"}
    who = "concerned"

    ticket: TicketNumber
    muted: bool


class Remind(Command):
    """It is told in their working hours, if the ticket still waits for them then; else you hear why not.

    WHEN is `tomorrow`, `in 3 days`, `in 2 weeks`, `on monday` or `on 2026-12-01`, a year ahead at most; without it, it is told now.
    In place of `@USER`, `me` reminds yourself.
    """

    words = {"remind": {}}
    summaries = {"remind": "remind somebody, or yourself, of a ticket"}
    examples = {"remind": "remind @sam about MB-7 in 3 days"}
    who = "concerned"

    person: PersonId
    ticket: TicketNumber
    when: When = ""
    text: Said = ""


class AskReminders(Command):
    """Those that you asked for and that were not told yet; what comes by itself is not among them."""

    words = {"reminders": {}}
    summaries = {"reminders": "the reminders that you asked for"}
    examples = {"reminders": "reminders"}
    reads = True


class Forget(Command):
    """`reminders` shows the numbers."""

    words = {"forget": {}}
    summaries = {"forget": "drop a reminder that you asked for"}
    examples = {"forget": "forget 3"}

    number: ReminderNumber
