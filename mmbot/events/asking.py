"""The commands that only ask: where tickets stand, what waits, how long it takes, and how commands are used."""

from typing import Annotated

from mmbot.events.command import Command
from mmbot.events.slots import AnyTicket, Page, Slot, Sought, Whose, Word

MINE, ALL = "mine", "all"
PARTIES = ("owner", "release", "submitter")
"""Whom a ticket can wait for besides the roles that judge it."""


class AskStatus(Command):
    """A plugin's name will do; so will `remind?` in a mention or direct message. `--log` shows the ticket's history, in UTC."""

    words = {"status": {}}
    summaries = {"status": "where a ticket stands and what comes next; alone: your tickets"}
    examples = {"status": "status MB-7"}
    reads = True

    ticket: AnyTicket = None
    about: Word = ""
    log: Annotated[bool, Slot("flag", "--log")] = False
    page: Page = 1


class AskQueue(Command):
    """WHOSE is a role, `owner`, `release`, `submitter`, `@USER`, `all` or `mine`, as without it. What is yours has the way on beside it."""

    words = {"queue": {}}
    summaries = {"queue": "what waits for you, for a role or for a person, oldest first"}
    examples = {"queue": "queue qa"}
    reads = True

    whose: Whose = MINE
    page: Page = 1


class AskSearch(Command):
    """It looks in names, ids, titles, summaries, repositories, submitters and owners, for the beginnings of words; case does not matter."""

    words = {"search": {}}
    summaries = {"search": "find tickets by words, open and closed, newest first"}
    examples = {"search": "search remind"}
    reads = True

    about: Sought
    page: Page = 1


class AskReport(Command):
    """Late is what waits longer than the policy's days. A ticket can wait for several at once.

    How long it takes is said from a few finished reviews on: the median, and within how many days four of five were through.
    """

    words = {"report": {}}
    summaries = {"report": "how many tickets wait for whom, and how long it takes"}
    examples = {"report": "report"}
    who = "staff"
    reads = True


class AskHelp(Command):
    """It shows what you may do, in the roles you hold."""

    words = {"help": {}}
    summaries = {"help": "what you can do here; or how one command is used"}
    examples = {"help": "help approve"}
    reads = True

    about: Word = ""
