"""What can be recorded of a case: a security issue, or a bug that keeps many from using a plugin. Facts are never changed."""

from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

from mmbot.domain.facts import Fact
from mmbot.policy import Severity

CaseKind = Literal["vulnerability", "bug"]
Removal = Literal["plugin", "version", "restriction"]


class About(BaseModel):
    """The plugin a case is about, as it was known then: its ticket (0 for none), its id, name and repository ("" where unknown)."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    name: str
    ticket: int = 0
    plugin_id: str = ""
    repository: str = ""


class Reported(Fact):
    """Somebody told of a problem in private; it waits for the security team."""

    kind: Literal["reported"] = "reported"
    what: CaseKind
    about: About
    text: str


class Filed(Fact):
    """The security team filed the case, or accepted a report (then `text` is ""): from this moment on the clock counts."""

    kind: Literal["filed"] = "filed"
    what: CaseKind
    about: About
    severity: Severity
    text: str = ""


class Declined(Fact):
    """A report is no case."""

    kind: Literal["declined"] = "declined"
    why: str


class SeverityChanged(Fact):
    """It is worse, or less bad, than was thought."""

    kind: Literal["severity"] = "severity"
    severity: Severity
    why: str = ""


class Acknowledged(Fact):
    """A maintainer (`by`) has read that there is a case."""

    kind: Literal["acknowledged"] = "acknowledged"


class ContactTold(Fact):
    """The contact for vulnerability reports, who has no account here, was told by other means; `note` says how."""

    kind: Literal["contact-told"] = "contact-told"
    note: str = ""


class FixSubmitted(Fact):
    """A fix was handed in: a ticket, or a link ("" and 0 for the other)."""

    kind: Literal["fix-submitted"] = "fix-submitted"
    ticket: int = 0
    link: str = ""


class SaidFixed(Fact):
    """The team says that it is fixed: the clock stops."""

    kind: Literal["fixed"] = "fixed"
    note: str = ""


class SaidNotFixed(Fact):
    """What was said to be fixed, or submitted as a fix, does not fix it; `back`: a plugin that was taken down is listed again."""

    kind: Literal["not-fixed"] = "not-fixed"
    why: str
    back: bool = False


class Extended(Fact):
    """The team gives more time, up to a moment (milliseconds UTC)."""

    kind: Literal["extended"] = "extended"
    until: int
    why: str


class RemovalAsked(Fact):
    """Somebody wants an immediate takedown: a second person has to confirm it."""

    kind: Literal["removal-asked"] = "removal-asked"
    removal: Removal
    version: str = ""
    why: str


class TakenDown(Fact):
    """A takedown was decided by `by`; `asked_by` asked for it where it was an immediate one."""

    kind: Literal["taken-down"] = "taken-down"
    removal: Removal
    version: str = ""
    why: str = ""
    asked_by: str = ""


class Removed(Fact):
    """What was decided has been done to the listing."""

    kind: Literal["removed"] = "removed"
    link: str = ""


class CaseClosed(Fact):
    """The case is over without a fix, and why."""

    kind: Literal["closed"] = "closed"
    why: str


class CaseReopened(Fact):
    """A case that was over goes on; `back`: a plugin that was taken down is listed again."""

    kind: Literal["case-reopened"] = "case-reopened"
    why: str
    back: bool = False


class Noticed(Fact):
    """The clock, or what somebody did, told of the case: `mark` says how far it was, `to` whom (a user id, or "team")."""

    kind: Literal["noticed"] = "noticed"
    mark: str
    to: str


class NotDelivered(Fact):
    """What was to be told somebody did not reach them."""

    kind: Literal["not-delivered"] = "not-delivered"
    to: str


CaseFact = (
    Reported
    | Filed
    | Declined
    | SeverityChanged
    | Acknowledged
    | ContactTold
    | FixSubmitted
    | SaidFixed
    | SaidNotFixed
    | Extended
    | RemovalAsked
    | TakenDown
    | Removed
    | CaseClosed
    | CaseReopened
    | Noticed
    | NotDelivered
)
_ADAPTER: TypeAdapter[CaseFact] = TypeAdapter(Annotated[CaseFact, Field(discriminator="kind")])


def read_case_fact(text: str) -> CaseFact:
    """A fact from its stored JSON text."""
    return _ADAPTER.validate_json(text)
