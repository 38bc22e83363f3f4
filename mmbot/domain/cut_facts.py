"""What can be recorded of a cut: an approved commit that is built, signed and uploaded. Facts are never changed."""

from typing import Annotated, Literal

from pydantic import Field, TypeAdapter

from mmbot.domain.artifacts import Artifact
from mmbot.domain.facts import Fact

Source = Literal["github", "build", "bundle"]
"""Where the bundle comes from: the release that the repository's CI makes, a configured command, or a bundle that was named."""
CutStep = Literal[
    "tag", "obtain", "verify", "split", "sign", "verify-signatures", "upload", "verify-uploads", "announce"
]
CUT_STEPS: tuple[CutStep, ...] = (
    "tag", "obtain", "verify", "split", "sign", "verify-signatures", "upload", "verify-uploads", "announce",
)  # fmt: skip


class CutAsked(Fact):
    """Somebody asked for a tag of a repository to be cut.

    `commit` is what to cut, "" for the default branch's tip where no ticket decides; `approved` is the commit under review with its `tree`.
    `forced` is why an existing tag, or what was uploaded before, may be replaced. `place` and `sha256` name a bundle that was given.
    """

    kind: Literal["asked"] = "asked"
    repository: str
    tag: str
    ticket: int = 0
    plugin_id: str = ""
    commit: str = ""
    approved: str = ""
    tree: str = ""
    source: Source
    asset: str = ""
    place: str = ""
    sha256: str = ""
    forced: str = ""
    pre_release: bool = False
    second: bool = False
    """Whether it is a version that is listed, so that a second person has to agree."""

    @property
    def takes_two(self) -> bool:
        """Whether a second person has to agree: people may have installed that version, or nothing ties the bundle to what was approved."""
        return self.second or self.source == "bundle"


class CutAgreed(Fact):
    """A second person agreed."""

    kind: Literal["agreed"] = "agreed"


class CutBegun(Fact):
    """Its turn came: as many are cut at once as the configuration allows."""

    kind: Literal["begun"] = "begun"


class StepWent(Fact):
    """A step is done, with what it found."""

    kind: Literal["went"] = "went"
    step: CutStep
    commit: str = ""
    plugin_id: str = ""
    version: str = ""
    sha256: str = ""
    declared: tuple[str, ...] = ()
    """The platforms that the manifest has executables for."""
    artifacts: tuple[Artifact, ...] = ()
    warnings: tuple[str, ...] = ()
    outdated: tuple[int, ...] = ()
    """Files of the release that were there before the tag was moved: they were built from something else."""


class StepFailed(Fact):
    """A step failed for good; `why` is a sentence. `ours` where it is a fault of the bot's own, `gone` where the files are not there.

    `before` says that something came between before it was begun.
    """

    kind: Literal["failed"] = "failed"
    step: CutStep
    why: str
    ours: bool = False
    gone: bool = False
    before: bool = False


class CutCancelled(Fact):
    """Somebody stopped it."""

    kind: Literal["cancelled"] = "cancelled"


class CutRetried(Fact):
    """It goes on, from `step`: what came of that step and later ones before is forgotten."""

    kind: Literal["retried"] = "retried"
    step: CutStep


class CutListed(Fact):
    """The entry made from it is on its way into the listing."""

    kind: Literal["listed"] = "listed"
    link: str = ""


class EntryQuestioned(Fact):
    """Before the entry is made, whoever asked for it has to look again: the questions, as sentences; `flags` is how it was asked for."""

    kind: Literal["questioned"] = "questioned"
    questions: tuple[str, ...]
    flags: str = ""


CutFact = (
    CutAsked | CutAgreed | CutBegun | StepWent | StepFailed | CutCancelled | CutRetried | CutListed | EntryQuestioned
)
_ADAPTER: TypeAdapter[CutFact] = TypeAdapter(Annotated[CutFact, Field(discriminator="kind")])


def read_cut_fact(text: str) -> CutFact:
    """A fact from its stored JSON text."""
    return _ADAPTER.validate_json(text)
