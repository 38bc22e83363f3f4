"""Every request that a person can make, as a value: its words, fields, help and who may."""

from typing import Annotated, Literal

from pydantic import StringConstraints

from mmbot.domain.facts import Decision, ItemState
from mmbot.events.cases import CASES
from mmbot.events.command import Command
from mmbot.events.cuts import CUTS
from mmbot.events.intake import ChooseTrack, Contribute, EditTicket, Resubmit, Submit
from mmbot.events.reminders import AskReminders, Forget, Mute, Remind, Snooze
from mmbot.events.slots import (
    AnyTicket,
    CommitGuard,
    Day,
    Deputy,
    Flag,
    HeldRoles,
    ItemHandle,
    ItemHandles,
    Line,
    Maintainer,
    Number,
    Page,
    Part,
    People,
    PersonId,
    Remark,
    RoleName,
    Roles,
    Slot,
    Sought,
    StepName,
    Text,
    TicketNumber,
    Whose,
    Word,
)

MINE, ALL = "mine", "all"
PARTIES = ("owner", "release", "submitter")
"""Whom a ticket can wait for besides the roles that judge it."""


class Assign(Command):
    """Without a role it is the ticket itself: its owner guides it."""

    words = {"claim": {"person": "me", "claims": True}, "assign": {}, "unassign": {"person": ""}}
    summaries = {
        "claim": "take a ticket, or the review of a role, yourself",
        "assign": "give a ticket, or the review of a role, to somebody",
        "unassign": "take somebody off again",
    }
    examples = {"claim": "claim MB-7 qa", "assign": "assign MB-7 security @sam", "unassign": "unassign MB-7 qa"}
    who = "staff"

    ticket: TicketNumber
    role: Part = "owner"
    person: PersonId
    claims: bool = False
    """Whether it is meant only if nobody has it: then it is taken from nobody."""


class RequestReviews(Command):
    """Without roles or persons: of all roles. The checklists are posted in the ticket's thread, and whoever shall review is told."""

    words = {"request": {}}
    summaries = {"request": "ask for reviews: of all roles, of some, or of persons"}
    examples = {"request": "request MB-7 dev @sam"}
    who = "owner"

    ticket: TicketNumber
    roles: Roles = ()
    people: People = ()


class JudgeItem(Command):
    """Judge requirement items at the commit under review; a failed item blocks the gate until it passes.

    `--commit SHA`, before the reason, lets it count for that commit only.
    """

    words = {
        "pass": {"state": "passed"},
        "fail": {"state": "failed"},
        "na": {"state": "na"},
        "reopen": {"state": "open"},
    }
    summaries = {
        "pass": "an item is fulfilled",
        "fail": "an item is not fulfilled: say why, it blocks until it passes",
        "na": "an item does not apply: say why",
        "reopen": "bring a closed ticket back; with an item: take its judgement back",
    }
    examples = {
        "pass": "pass MB-7 P1 P2",
        "fail": "fail MB-7 T2 nothing is logged when the token expires",
        "na": "na MB-7 P7 there is nothing to configure",
        "reopen": "reopen MB-7 P1",
    }
    who = "role"
    whos = {"reopen": "concerned"}
    must = {"pass": ("items",), "fail": ("items", "why"), "na": ("items", "why")}

    ticket: TicketNumber
    items: ItemHandles = ()
    state: ItemState
    why: Text = ""
    commit: CommitGuard = ""


class Block(Command):
    """With an item it is the same as `fail`; without one, in free words. The submitter is told within minutes.

    `--listing` speaks of what was cut, at the listing gate: it is cut anew, and nothing waits for the submitter.
    """

    words = {"block": {}}
    summaries = {"block": "raise a finding that blocks the gate until your role settles it"}
    examples = {"block": "block MB-7 dev the plugin keeps reminders in memory, so they are lost on a restart"}
    who = "role"

    ticket: TicketNumber
    role: RoleName = ""
    item: ItemHandle = ""
    text: Annotated[
        str, Slot("text", "WHY", "What is wrong"), StringConstraints(strip_whitespace=True, max_length=3000)
    ]
    listing: Annotated[bool, Slot("flag", "--listing")] = False
    commit: CommitGuard = ""


class SettleFinding(Command):
    """Findings have numbers: `status` lists them. What the security role writes is confidential until it says otherwise."""

    words = {"unblock": {"disclose": False}, "disclose": {"disclose": True}}
    summaries = {"unblock": "settle a finding of your role", "disclose": "make a confidential finding public"}
    examples = {"unblock": "unblock MB-7 1", "disclose": "disclose MB-7 1"}
    who = "role"

    ticket: TicketNumber
    number: Number
    disclose: bool


class AddNote(Command):
    """It is posted in the ticket's thread: everybody can read it."""

    words = {"note": {}}
    summaries = {"note": "leave a remark that blocks nothing"}
    examples = {"note": "note MB-7 the author is away until Monday"}
    who = "concerned"

    ticket: TicketNumber
    text: Remark


class GiveVerdict(Command):
    """Say your role's verdict on the commit under review.

    `approve --all` passes the items that are still open first. `--commit SHA` lets it count for that commit only. `--listing` speaks of
    what was cut, at the listing gate.
    """

    words = {
        "approve": {"decision": "approve"},
        "retract": {"decision": "retract", "all": False},
        "holds": {"decision": "holds", "all": False, "listing": False},
        "again": {"decision": "again", "all": False, "listing": False},
    }
    summaries = {
        "approve": "your role approves the commit under review",
        "retract": "take your role's approval back",
        "holds": "after a new commit: what your role decided still holds",
        "again": "after a new commit: your role looks again",
    }
    examples = {
        "approve": "approve MB-7 security --all",
        "retract": "retract MB-7 qa",
        "holds": "holds MB-7 dev",
        "again": "again MB-7 dev",
    }
    who = "role"

    ticket: TicketNumber
    role: RoleName = ""
    decision: Decision
    all: Flag = False
    listing: Annotated[bool, Slot("flag", "--listing")] = False
    commit: CommitGuard = ""


class MoveReview(Command):
    """What was decided is held at the old commit until each reviewer says that it still holds, or looks again."""

    words = {"commit": {}}
    summaries = {"commit": "move the review to another commit, tag, branch or pull request"}
    examples = {"commit": "commit MB-7 v1.0.1"}
    who = "owner-or-submitter"

    ticket: TicketNumber
    link: Line


class SayReady(Command):
    """It gives the ball back to the reviewers, and their time counts again. Not every fix is a commit."""

    words = {"ready": {}}
    summaries = {"ready": "your answer to the findings is there; name the new tag or commit if the code changed"}
    examples = {"ready": "ready MB-7 v1.0.1"}
    who = "owner-or-submitter"

    ticket: TicketNumber
    link: Line = ""


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


ACTS = ("add", "remove", "default-owner", "deputy", "no-deputy", "away", "back")
Act = Literal["", "add", "remove", "default-owner", "deputy", "no-deputy", "away", "back"]


class AskPeople(Command):
    """Alone it shows the book, which everybody may read. Admins change it.

    ACT is one of `add @USER… ROLE…`, `remove @USER… ROLE…`, `default-owner @USER`, `deputy @USER @AWAY` (the first stands in for the second
    while that one is away), `no-deputy @AWAY`, `away @USER DATE` and `back @USER`; `--log` shows who changed what.
    """

    words = {"people": {}}
    summaries = {"people": "who holds which role, who is away and who stands in; admins change it"}
    examples = {"people": "people add @sam security"}

    act: Annotated[Act, Slot("act", "ACT", "What to do", choices=ACTS)] = ""
    people: People = ()
    roles: HeldRoles = ()
    day: Day = None
    log: Annotated[bool, Slot("flag", "--log")] = False


class SayAway(Command):
    """The date is the last day away. Whoever you name stands in: what is yours as owner or reviewer goes there meanwhile."""

    words = {"away": {}, "back": {"day": None, "person": ""}}
    summaries = {"away": "say that you are away, up to which day, and who stands in", "back": "you are here again"}
    examples = {"away": "away 2026-12-01 @sam", "back": "back"}

    day: Day
    person: Deputy = ""


class AskHelp(Command):
    """It shows what you may do, in the roles you hold."""

    words = {"help": {}}
    summaries = {"help": "what you can do here; or how one command is used"}
    examples = {"help": "help approve"}
    reads = True

    about: Word = ""


COMMANDS: tuple[type[Command], ...] = (
    Submit, Contribute, Resubmit, ChooseTrack, EditTicket, Assign, RequestReviews, JudgeItem, Block, SettleFinding, AddNote,
    GiveVerdict, MoveReview, SayReady,
    TakeStep, UndoStep, AskNext, EndTicket, HoldTicket, Hurry, AskStatus, AskQueue, AskSearch, AskReport, Snooze, Mute, Remind,
    AskReminders, Forget, AskPeople, SayAway, *CUTS, *CASES, AskHelp,
)  # fmt: skip
