"""The commands that take a ticket on its way: steps that are done, and its ending, rest and hurry."""

from typing import Literal

from mmbot.events.command import Command
from mmbot.events.slots import Maintainer, StepName, Text, TicketNumber


class TakeStep(Command):
    """Say that a step of a ticket's way is done, with a link where there is one; or that it need not be, and why.

    What `done MB-7 merged LINK` names is compared with what was approved.
    """

    words = {"done": {"skipped": False}, "skip": {"skipped": True}}
    summaries = {"done": "a step is done: fork, merged, listing, …", "skip": "a step need not be done: say why"}
    examples = {
        "done": "done MB-7 fork https://github.com/example/mattermost-plugin-remind",
        "skip": "skip MB-7 promotion a small fix",
    }
    who = "owner"
    must = {"skip": ("note",)}

    ticket: TicketNumber
    step: StepName
    person: Maintainer = ""
    note: Text = ""
    skipped: bool


class UndoStep(Command):
    """Take a wrong "done" back."""

    words = {"undone": {}}
    summaries = {"undone": "a step was not done after all"}
    examples = {"undone": "undone MB-7 merged"}
    who = "owner"

    ticket: TicketNumber
    step: StepName
    person: Maintainer = ""


class AskNext(Command):
    """Say which step of a ticket comes next, whose it is, and the command that reports it."""

    words = {"next": {}}
    summaries = {"next": "which step comes next, and the command for it"}
    examples = {"next": "next MB-7"}
    reads = True

    ticket: TicketNumber


class EndTicket(Command):
    """Close a ticket: the Marketplace rejects it, always with a reason; or its submitter withdraws it. `reopen` brings it back."""

    words = {"reject": {"ending": "rejected"}, "withdraw": {"ending": "withdrawn"}, "expire": {"ending": "withdrawn"}}
    summaries = {
        "reject": "the Marketplace refuses it: say why",
        "withdraw": "take a submission back",
        "expire": "close it as withdrawn, such as after a long silence: say why",
    }
    examples = {
        "reject": "reject MB-7 it does what another listed plugin does",
        "withdraw": "withdraw MB-7",
        "expire": "expire MB-7 no answer since 9 Nov",
    }
    who = "owner-or-submitter"
    whos = {"reject": "owner", "expire": "owner"}
    must = {"reject": ("why",), "expire": ("why",)}

    ticket: TicketNumber
    ending: Literal["rejected", "withdrawn"]
    why: Text = ""


class HoldTicket(Command):
    """Let a ticket wait for something outside: it is nobody's turn until it goes on."""

    words = {"hold": {"held": True}, "unhold": {"held": False}}
    summaries = {"hold": "let a ticket rest: say what it waits for", "unhold": "let it go on"}
    examples = {"hold": "hold MB-7 the author is away until January", "unhold": "unhold MB-7"}
    who = "owner"
    must = {"hold": ("why",)}

    ticket: TicketNumber
    held: bool
    why: Text = ""


class Hurry(Command):
    """Its reviews and steps are due within days, and it stands first in every queue."""

    words = {"urgent": {"on": True}, "not-urgent": {"on": False}}
    summaries = {"urgent": "a ticket goes before all others", "not-urgent": "it can wait its turn after all"}
    examples = {"urgent": "urgent MB-7", "not-urgent": "not-urgent MB-7"}
    who = "owner"

    ticket: TicketNumber
    on: bool
