"""What can be recorded of a ticket: each fact says who, when and from where, and is never changed afterwards."""

from collections.abc import Mapping
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, TypeAdapter

ItemState = Literal["open", "passed", "failed", "na"]
Decision = Literal["approve", "retract", "holds", "again"]
Said = Literal["yes", "no", "unclear"]
Correction = Literal["title", "repository", "fork", "id", "submitter", "maintainers", "contact", "social"]


class Claim(BaseModel):
    """What the submitter ticked for one requirement item: their word, never a verdict."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    handle: str
    said: Said
    raw: str = ""
    remark: str = ""


class Fact(BaseModel):
    """One thing that happened. `at` is in milliseconds UTC, `by` a user id ("" for mmbot itself), `via` the way it came in."""

    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)

    at: int = 0
    by: str = ""
    via: str = ""


class Submitted(Fact):
    """Something was handed in; `track` is what was asked for, "" when nobody said.

    `submitter` is whose it is where somebody else handed it in, "" else. For the web Marketplace `contribution` is which kind of thing
    it is, `name` how it is called, and `links` where to try it, read about it and report problems, by the item that asks for it.
    """

    kind: Literal["submitted"] = "submitted"
    requirements: str
    track: str = ""
    title: str = ""
    summary: str = ""
    contact: str = ""
    submitter: str = ""
    contribution: str = ""
    name: str = ""
    links: Mapping[str, str] = {}
    social: str = ""
    claims: tuple[Claim, ...] = ()
    missing: tuple[str, ...] = ()
    unread: tuple[str, ...] = ()
    struck_out: tuple[str, ...] = ()
    other_references: tuple[str, ...] = ()


class ReferenceGiven(Fact):
    """Somebody named what to review; it counts once it is resolved. `ready_at`: when the ball was given back with it, 0 if not."""

    kind: Literal["reference"] = "reference"
    text: str
    repository: str
    ref_kind: str = "default"
    ref_name: str = ""
    path_may_follow: bool = False
    ready_at: int = 0


class Resolved(Fact):
    """A reference was resolved to one commit, and the manifest there was read."""

    kind: Literal["resolved"] = "resolved"
    text: str
    repository: str
    ref_kind: str
    ref_name: str
    commit: str
    tree: str = ""
    plugin_id: str = ""
    name: str = ""
    version: str = ""
    min_server_version: str = ""
    homepage_url: str = ""
    support_url: str = ""
    release_notes_url: str = ""
    manifest_problem: str = ""
    unfilled: tuple[str, ...] = ()
    evidence: Mapping[str, str] = {}
    reachable: bool = True
    track: str
    base_version: str = ""
    collides_with: str = ""
    changed_from: str = ""
    since: str = ""
    """The commit that was under review before, where the two could be compared."""
    since_version: str = ""
    files: tuple[str, ...] = ()
    """Paths that differ between the two, `more` how many further ones."""
    more: int = 0
    version_only: bool = False
    """Whether the plugin's own version is all that differs; `diff` then shows where."""
    diff: str = ""


class MergeFound(Fact):
    """What was merged was looked up: `commit` stands for the reviewed commit `of` if their trees are equal."""

    kind: Literal["merge-found"] = "merge-found"
    repository: str
    commit: str
    tree: str = ""
    of: str


class MergeUnchecked(Fact):
    """What was merged could not be compared with what was approved: the step stays as it was reported."""

    kind: Literal["merge-unchecked"] = "merge-unchecked"
    why: str = ""


class Unresolved(Fact):
    """A reference could not be resolved; `why` is a sentence for the person who gave it."""

    kind: Literal["unresolved"] = "unresolved"
    text: str
    why: str


class Assigned(Fact):
    """A role (or "owner") of the ticket went to a person, or to nobody ("")."""

    kind: Literal["assigned"] = "assigned"
    role: str
    person: str


class Requested(Fact):
    """The review of a role was asked for."""

    kind: Literal["requested"] = "requested"
    role: str


class Judged(Fact):
    """One item was judged at one commit; a failed item carries the number of the finding that it is.

    `confidential`: whether what its role writes was so at the time; None in facts of the time before this was recorded.
    """

    kind: Literal["judged"] = "judged"
    item: str
    state: ItemState
    why: str = ""
    commit: str
    finding: int = 0
    confidential: bool | None = None


class FindingRaised(Fact):
    """A blocking finding in free words; `confidential` as of an item."""

    kind: Literal["finding"] = "finding"
    number: int
    role: str
    text: str
    commit: str
    confidential: bool | None = None


class FindingResolved(Fact):
    """A finding was settled by its role."""

    kind: Literal["finding-resolved"] = "finding-resolved"
    number: int


class FindingDisclosed(Fact):
    """The role that wrote a confidential finding made it public."""

    kind: Literal["finding-disclosed"] = "finding-disclosed"
    number: int


class NoteAdded(Fact):
    """A remark that blocks nothing."""

    kind: Literal["note"] = "note"
    text: str
    role: str = ""


class VerdictGiven(Fact):
    """A role approved, took its approval back, said that it still holds, or wants to look again; at the `listing` gate, of what was cut."""

    kind: Literal["verdict"] = "verdict"
    role: str
    decision: Decision
    commit: str
    gate: Literal["review", "listing"] = "review"


class ReadySaid(Fact):
    """The submitter gave the ball back: these findings are answered."""

    kind: Literal["ready"] = "ready"
    findings: tuple[int, ...] = ()


class StepDone(Fact):
    """A step of the way was done, or need not be (`skipped`). `person` is the maintainer that it was done for, "" for the ticket's.

    `looked_up`: what it names is being compared with what was approved; MergeFound or MergeUnchecked says what came of it.
    """

    kind: Literal["step"] = "step"
    step: str
    link: str = ""
    note: str = ""
    person: str = ""
    commit: str = ""
    skipped: bool = False
    looked_up: bool = False


class CutRefused(Fact):
    """At the listing gate a role found a fault in what was cut: it has to be cut anew, and tried anew by all."""

    kind: Literal["cut-refused"] = "cut-refused"
    role: str
    text: str
    commit: str


class StepUndone(Fact):
    """What was said of a step was wrong."""

    kind: Literal["step-undone"] = "step-undone"
    step: str
    person: str = ""


class TrackChosen(Fact):
    """People decided on a track, and why; it counts more than what the catalogue says. `contribution` as in Submitted."""

    kind: Literal["track"] = "track"
    track: str
    contribution: str = ""
    why: str


class Edited(Fact):
    """What is known of the ticket beside its commit was put right: a text in `value`, or people in `people`."""

    kind: Literal["edited"] = "edited"
    what: Correction
    value: str = ""
    people: tuple[str, ...] = ()


class Linked(Fact):
    """Another ticket of the same thing: handed in `before` this one, or again `after` it."""

    kind: Literal["linked"] = "linked"
    to: int
    how: Literal["before", "after"]


class Ended(Fact):
    """The ticket is over. `why` is a reason in words; `of` is the ticket that it duplicates, if that is why."""

    kind: Literal["ended"] = "ended"
    ending: Literal["duplicate", "rejected", "withdrawn", "taken-down"]
    of: int = 0
    why: str = ""


class Reopened(Fact):
    """A ticket that was over goes on where it was."""

    kind: Literal["reopened"] = "reopened"
    why: str = ""


class Hurried(Fact):
    """The ticket is urgent from now on, or no longer (`on`)."""

    kind: Literal["hurried"] = "hurried"
    on: bool = True


class Held(Fact):
    """The ticket waits for something outside: it is nobody's turn until it goes on."""

    kind: Literal["held"] = "held"
    why: str


class Resumed(Fact):
    """A ticket that was on hold goes on."""

    kind: Literal["resumed"] = "resumed"


AnyFact = (
    Submitted
    | ReferenceGiven
    | Resolved
    | MergeFound
    | MergeUnchecked
    | Unresolved
    | Assigned
    | Requested
    | Judged
    | FindingRaised
    | FindingResolved
    | FindingDisclosed
    | NoteAdded
    | VerdictGiven
    | ReadySaid
    | StepDone
    | StepUndone
    | CutRefused
    | TrackChosen
    | Edited
    | Linked
    | Ended
    | Reopened
    | Hurried
    | Held
    | Resumed
)
_ADAPTER: TypeAdapter[AnyFact] = TypeAdapter(Annotated[AnyFact, Field(discriminator="kind")])


def read_fact(text: str) -> AnyFact:
    """A fact from its stored JSON text."""
    return _ADAPTER.validate_json(text)
