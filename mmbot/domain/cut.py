"""A cut: its recorded facts, folded into what they add up to; and what keeps a ticket from being cut."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

import semver

from mmbot.domain import cut_facts as c
from mmbot.domain import steps
from mmbot.domain.artifacts import Artifact
from mmbot.domain.cut_facts import CUT_STEPS, CutStep
from mmbot.domain.facts import MergeFound
from mmbot.domain.references import repository_key
from mmbot.domain.review import findings, gate
from mmbot.domain.ticket import Ticket
from mmbot.domain.ticket_parts import Finding

CutState = Literal["asked", "waits", "running", "failed", "cancelled", "done"]
"""Waits for a second person; for its turn; is under way; could not go on; was stopped; is uploaded."""
_COMMIT = re.compile(r"(https?://\S+?)/(?:-/)?commit/([0-9a-fA-F]{40})(?![0-9a-fA-F])")
_PLATFORM = re.compile(r"-(linux|darwin|osx|windows|freebsd)-(amd64|arm64|386|arm)$", re.IGNORECASE)
_NAME = re.compile(r"[A-Za-z0-9](?!.*\.\.)[A-Za-z0-9._-]{0,99}")
_LONGEST_TAG = 60
_BEFORE: Mapping[CutStep, CutStep] = {
    "verify": "obtain", "split": "obtain", "sign": "split", "verify-signatures": "split", "verify-uploads": "upload",
}  # fmt: skip
KEPT = 14 * 86_400_000
"""Milliseconds for which the files of a cut that failed or was stopped are kept, so that it can go on."""


@dataclass(frozen=True)
class Cut:
    """One cut. Build it with `fold_cut`; add to it with `plus`; `news` are the facts not yet stored. Times are milliseconds UTC."""

    number: int
    asked: c.CutAsked
    news: tuple[c.CutFact, ...] = ()
    agreed: c.CutAgreed | None = None
    begun_at: int = 0
    done: Mapping[CutStep, c.StepWent] = field(default_factory=dict)
    failed: c.StepFailed | None = None
    cancelled: c.CutCancelled | None = None
    listed: c.CutListed | None = None
    by: str = ""
    """Who answers for it: whoever asked for it, or took it up again since."""
    questioned: c.EntryQuestioned | None = None
    """What people were asked last before its entry is made."""
    attempt: int = 1
    """How often its bundle was obtained: a retry may get another one."""
    run: int = 1
    """How often it was begun: what an earlier run's step still says is out of date."""
    changed_at: int = 0

    @property
    def state(self) -> CutState:
        """Where it stands, in a word."""
        if "announce" in self.done:
            return "done"
        if self.cancelled:
            return "cancelled"
        if self.failed:
            return "failed"
        if self.asked.takes_two and not self.agreed:
            return "asked"
        return "running" if self.begun_at else "waits"

    @property
    def over(self) -> bool:
        """Whether nothing more happens by itself."""
        return self.state in {"done", "failed", "cancelled"}

    @property
    def step(self) -> CutStep:
        """The step that comes next, or is under way; of a cut that is done, the last one."""
        return next((x for x in CUT_STEPS if x not in self.done), "announce")

    @property
    def step_began(self) -> int:
        """When the step under way began."""
        return max(self.begun_at, max((x.at for x in self.done.values()), default=0))

    @property
    def repository(self) -> str:
        """The repository's name alone, as files are named after it."""
        return self.asked.repository.rstrip("/").rsplit("/", 1)[-1]

    @property
    def name(self) -> str:
        """What its files' names begin with."""
        return f"{self.repository}-{self.asked.tag}"

    @property
    def commit(self) -> str:
        """The commit that is cut, as far as it is known."""
        return self.done["tag"].commit if "tag" in self.done else self.asked.commit

    @property
    def artifacts(self) -> tuple[Artifact, ...]:
        """What was made, the bundle of all platforms first."""
        last = self.done.get("upload") or self.done.get("split")
        return last.artifacts if last else ()

    @property
    def verified(self) -> c.StepWent | None:
        """What was found in the bundle."""
        return self.done.get("verify")

    def plus(self, *facts: c.CutFact) -> "Cut":
        """The cut with further facts, which wait in `news` to be stored."""
        after = self
        for fact in facts:
            after = replace(_followed(after, fact), news=(*after.news, fact))
        return after

    def stored(self) -> "Cut":
        """The same cut with its news stored."""
        return replace(self, news=())


def fold_cut(number: int, facts: Iterable[c.CutFact]) -> Cut:
    """The cut that stored facts add up to; the first one asks for it."""
    first, *others = facts
    if not isinstance(first, c.CutAsked):
        raise TypeError(f"cut {number} begins with {first.kind}")
    cut = Cut(number, first, by=first.by, changed_at=first.at)
    for fact in others:
        cut = _followed(cut, fact)
    return cut


def _followed(cut: Cut, fact: c.CutFact) -> Cut:
    return replace(_apply(cut, fact), changed_at=fact.at)


def _apply(cut: Cut, fact: c.CutFact) -> Cut:  # noqa: PLR0911 -- one arm per kind of fact
    match fact:
        case c.CutAsked():
            return replace(cut, asked=fact, by=fact.by)
        case c.CutAgreed():
            return replace(cut, agreed=fact)
        case c.CutBegun():
            return replace(cut, begun_at=fact.at)
        case c.StepWent():
            return replace(cut, done={**cut.done, fact.step: fact})
        case c.StepFailed():
            return replace(cut, failed=fact)
        case c.CutCancelled():
            return replace(cut, cancelled=fact)
        case c.CutListed():
            return replace(cut, listed=fact)
        case c.EntryQuestioned():
            return replace(cut, questioned=fact)
        case c.CutRetried():
            kept = CUT_STEPS[: CUT_STEPS.index(fact.step)]
            done = {name: went for name, went in cut.done.items() if name in kept}
            attempt = cut.attempt + (fact.step == "obtain")
            run, by = cut.run + 1, fact.by
            return replace(cut, done=done, failed=None, cancelled=None, begun_at=0, attempt=attempt, run=run, by=by)


def again_from(cut: Cut, now: int) -> CutStep:
    """The step from which a cut that failed or was stopped goes on: what was found wanting is made anew, and all whose files are gone."""
    lost = cut.failed is not None and cut.failed.gone
    long_ago = cut.step != "tag" and cut.changed_at <= now - KEPT // 2  # they are not deleted just now
    return "obtain" if lost or long_ago else _BEFORE.get(cut.step, cut.step)


# What keeps a ticket from being cut


def other_plugin(ticket: Ticket, cut: Cut) -> bool:
    """Whether a cut is of another plugin than its ticket, as far as both are known: the id may have been put right since."""
    found = cut.verified.plugin_id if cut.verified else cut.asked.plugin_id
    return bool(found and ticket.plugin_id) and found.lower() != ticket.plugin_id.lower()


@dataclass(frozen=True)
class Missing:
    """What still has to be settled before a ticket is cut."""

    roles: tuple[str, ...] = ()
    """Those who have not approved the commit under review."""
    findings: tuple[Finding, ...] = ()
    commit: bool = False
    """Whether it is not known what to review."""
    merge: Literal["", "not yet", "compared"] = ""
    """Whether it has to be merged, or what was merged is being compared with what was approved."""
    resting: bool = False
    """Whether it is closed or on hold."""

    def __bool__(self) -> bool:
        return bool(self.roles or self.findings or self.commit or self.merge or self.resting)


def missing(ticket: Ticket) -> Missing:
    """What keeps a ticket from being cut; nothing where it may be."""
    shut = gate(ticket)
    merge: Literal["", "not yet", "compared"] = ""
    if "merged" in ticket.track_words.steps and not steps.done(ticket, "merged"):
        merge = "not yet"
    elif ticket.comparing:
        merge = "compared"
    return Missing(
        roles=tuple(role for role in shut.roles if not findings(ticket, role)),
        findings=shut.findings,
        commit=not ticket.commit,
        merge=merge,
        resting=bool(ticket.ended or ticket.held),
    )


def has_cut(ticket: Ticket) -> bool:
    """Whether anything of a ticket's track is cut at all."""
    return "cut" in ticket.track_words.steps


def to_be_cut(ticket: Ticket, repository: str) -> str:
    """The commit of a repository that stands for what was approved: what was merged there, else the approved commit itself.

    What was merged into a repository that only the cutter can read is what the merge was reported with: its code is compared then.
    """
    found, said = ticket.merge, ticket.steps.get(("merged", ""))
    if isinstance(found, MergeFound) and repository_key(found.repository) == repository_key(repository):
        return found.commit
    named = _COMMIT.search(said.link) if said and not isinstance(found, MergeFound) else None
    if named and repository_key(named[1]) == repository_key(repository):
        return named[2].lower()
    return ticket.commit


def repository_in(text: str, web: str, organisation: str) -> str:
    """The address of an organisation's repository, from its name, `organisation/name` or address; "" for any other.

    `web` is where organisations are found, such as https://github.com.
    """
    home = f"{web.rstrip('/')}/{organisation}"
    bare = text.rstrip("/").removesuffix(".git")
    for start in (f"{home}/", f"{organisation}/"):
        if bare.lower().startswith(start.lower()):
            bare = bare[len(start) :]
    known = _NAME.fullmatch(bare) and repository_key(f"{home}/{bare}").endswith(f"/{bare.lower()}")
    return f"{home}/{bare}" if known else ""


def bad_tag(tag: str) -> Literal["", "no-v", "no-version", "platform"]:
    """What is wrong with a tag: it is `v` and a semantic version, nothing else.

    One that ends like the name of a platform's bundle would have its files named as those of another tag.
    """
    if not tag.startswith("v"):
        return "no-v"
    if not semver.Version.is_valid(tag[1:]) or len(tag) > _LONGEST_TAG:
        return "no-version"
    return "platform" if _PLATFORM.search(tag) else ""
