"""The kinds of fields that commands have: the shape by which each is recognised in chat, and its bounds."""

import re
from datetime import date
from typing import Annotated, Literal

from pydantic import BeforeValidator, Field, StringConstraints

from mmbot.domain.case_facts import Removal
from mmbot.domain.facts import Correction
from mmbot.policy import Severity


class Slot:
    """How a field of a command is typed in chat: the shape by which its word is recognised, and how it is called in usage."""

    def __init__(self, shape: str, shown: str, label: str = "", hint: str = "", choices: tuple[str, ...] = ()) -> None:
        self.shape, self.shown, self.label, self.hint, self.choices = shape, shown, label or shown, hint, choices


def _iso(value: object) -> object:
    """A day as it is written; nothing else, so that no number is taken for one."""
    if isinstance(value, str) and not re.fullmatch(r"\d{4}-\d{2}-\d{2}", value.strip()):
        raise ValueError("write the day as year-month-day, such as 2026-12-01")
    return value.strip() if isinstance(value, str) else value


TicketNumber = Annotated[int, Slot("ticket", "MB-7", "Ticket"), Field(ge=1, le=2**31)]
AnyTicket = Annotated[int | None, Slot("ticket", "MB-7", "Ticket")]
Part = Annotated[str, Slot("part", "ROLE", "Role")]
RoleName = Annotated[str, Slot("role", "ROLE", "Role")]
ItemHandle = Annotated[str, Slot("item", "ITEM", "Item")]
ItemHandles = Annotated[tuple[str, ...], Slot("items", "ITEM…", "Items")]
StepName = Annotated[str, Slot("step", "STEP", "Step")]
PersonId = Annotated[str, Slot("person", "@USER", "Person")]
People = Annotated[tuple[str, ...], Slot("people", "@USER…", "People")]
Roles = Annotated[tuple[str, ...], Slot("roles", "ROLE…", "Roles")]
Number = Annotated[int, Slot("number", "N", "Finding"), Field(ge=1, le=10_000)]
CommitGuard = Annotated[str, Slot("commit", "--commit SHA")]
Deputy = Annotated[str, Slot("person", "@USER", "Who stands in")]
HeldRoles = Annotated[tuple[str, ...], Slot("held", "ROLE…", "Roles")]
Day = Annotated[
    date | None, Slot("date", "DATE", "Last day away", "As year-month-day: 2026-12-01."), BeforeValidator(_iso)
]
Flag = Annotated[bool, Slot("flag", "--all")]
Page = Annotated[int, Slot("page", "--page N", "Page"), Field(ge=1, le=100_000)]
Whose = Annotated[str, Slot("whose", "WHOSE")]
TrackName = Annotated[
    str, Slot("track", "--track NAME", "Track", "Left empty, I find out whether it is new or an update.")
]
TrackWord = Annotated[str, Slot("track-word", "TRACK", "Track")]
Contribution = Annotated[str, Slot("contribution", "KIND", "Kind")]
Maintainer = Annotated[str, Slot("maintainer", "@USER", "Person")]
SubmitterOption = Annotated[str, Slot("for", "--for @USER")]
CorrectionName = Annotated[Correction, Slot("correction", "WHAT", "What to change")]
Line = Annotated[
    str,
    Slot("line", "LINK", "What to review", "Repository, tag, branch, pull request or commit."),
    StringConstraints(strip_whitespace=True, max_length=500),
]
Text = Annotated[str, Slot("text", "WHY", "Why"), StringConstraints(strip_whitespace=True, max_length=3000)]
Remark = Annotated[str, Slot("text", "TEXT", "Text"), StringConstraints(strip_whitespace=True, max_length=3000)]
Word = Annotated[str, Slot("line", "WORD", "About"), StringConstraints(strip_whitespace=True, max_length=100)]
Sought = Annotated[
    str, Slot("line", "WORDS", "Words"), StringConstraints(strip_whitespace=True, min_length=1, max_length=100)
]
CaseHandle = Annotated[
    str, Slot("case", "SEC-1234", "Case"), StringConstraints(to_upper=True, pattern=r"^(?:SEC|BUG)-[0-9]{1,6}$")
]
SeverityName = Annotated[Severity, Slot("severity", "SEVERITY", "How bad is it?")]
SeverityOrBug = Annotated[Severity | Literal["bug"], Slot("severity-or-bug", "SEVERITY|bug", "How bad is it?")]
RemovalName = Annotated[Removal, Slot("removal", "plugin|version|restriction", "What is removed?")]
Version = Annotated[
    str,
    Slot(
        "version",
        "VERSION",
        "Version",
        "The one that is removed; of a restriction, the server from which on, or on-prem.",
    ),
    StringConstraints(max_length=60),
]
PluginName = Annotated[
    str,
    Slot("plugin", "PLUGIN", "Plugin", "A ticket such as MB-7, a plugin's id, or its name."),
    StringConstraints(strip_whitespace=True, min_length=1, max_length=100),
]
Until = Annotated[
    date,
    Slot("date", "DATE", "Last day", "As year-month-day: 2026-12-01. It ends with that day, UTC."),
    BeforeValidator(_iso),
]
Target = Annotated[
    str,
    Slot("line", "MB-9|LINK", "The fix", "Its ticket, such as MB-9, or a link."),
    StringConstraints(strip_whitespace=True, min_length=1, max_length=500),
]

RepositoryOption = Annotated[
    str,
    Slot("option", "--repo REPOSITORY", "Repository", "Its name in the organisation."),
    StringConstraints(strip_whitespace=True, max_length=300),
]
TagOption = Annotated[
    str,
    Slot("option", "--tag TAG", "Tag", "v and a version, such as v1.0.0."),
    StringConstraints(strip_whitespace=True, max_length=100),
]
CutNumber = Annotated[int, Slot("cut", "N", "Cut"), Field(ge=0, le=2**31)]
