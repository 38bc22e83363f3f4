"""The commands of a review: who reviews, what they judge and find, and the answer to it."""

from typing import Annotated

from pydantic import StringConstraints

from mmbot.domain.facts import Decision, ItemState
from mmbot.events.command import Command
from mmbot.events.slots import (
    CommitGuard,
    Flag,
    ItemHandle,
    ItemHandles,
    Line,
    Number,
    Part,
    People,
    PersonId,
    Remark,
    RoleName,
    Roles,
    Slot,
    Text,
    TicketNumber,
)


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
