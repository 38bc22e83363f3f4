"""A ticket: the facts recorded of one submission, folded into what they add up to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import takewhile

from mmbot.domain import facts as f
from mmbot.domain.folding import altered, applied
from mmbot.domain.references import repository_key
from mmbot.domain.ticket_parts import PAGE, PUBLIC, Finding, Judgement, Note, Review, page_key
from mmbot.policy import Item, Policy, Requirements, Track


@dataclass(frozen=True)
class Ticket:
    """One submission. Build it with `fold`; add to it with `plus`; `news` are the facts not yet stored."""

    number: int
    policy: Policy = field(compare=False, repr=False)
    news: tuple[f.AnyFact, ...] = ()
    count: int = 0
    submitted: f.Submitted | None = None
    submitter: str = ""
    opened_at: int = 0
    owner: str = ""
    asked: f.ReferenceGiven | None = None
    named_repository: str = ""
    unresolved: f.Unresolved | None = None
    resolved: f.Resolved | None = None
    trees: Mapping[str, str] = field(default_factory=dict)
    merge: f.MergeFound | f.MergeUnchecked | None = None
    reviews: Mapping[str, Review] = field(default_factory=dict)
    judgements: Mapping[str, Judgement] = field(default_factory=dict)
    findings: tuple[Finding, ...] = ()
    notes: tuple[Note, ...] = ()
    steps: Mapping[tuple[str, str], f.StepDone] = field(default_factory=dict)
    listing: Mapping[str, f.VerdictGiven] = field(default_factory=dict)
    held: f.Held | None = None
    ended: f.Ended | None = None
    reopened_at: int = 0
    urgent_at: int = 0
    """Since when it is urgent, 0 when it is not."""
    chosen: f.TrackChosen | None = None
    edited: Mapping[str, f.Edited] = field(default_factory=dict)
    before: int = 0
    after: tuple[int, ...] = ()
    changed_at: int = 0

    @property
    def handle(self) -> str:
        """The ticket's number as people write it."""
        return f"MB-{self.number}"

    @property
    def track(self) -> str:
        """The track it is on: the one decided on, else what the catalogue says; before it is asked, what was asked for, or `new`."""
        if self.chosen:
            return self.chosen.track
        if self.resolved:
            return self.resolved.track
        return (self.submitted.track if self.submitted else "") or "new"

    @property
    def requirements(self) -> Requirements:
        """The requirement set that the ticket was opened under."""
        return self.policy.of(self.submitted.requirements if self.submitted else self.policy.current)

    @property
    def track_words(self) -> Track:
        """The policy's entry of the track."""
        return self.requirements.tracks[self.track]

    @property
    def items(self) -> tuple[Item, ...]:
        """The items to be judged, in the track's order."""
        return self.requirements.track_items(self.track)

    @property
    def roles(self) -> tuple[str, ...]:
        """The roles that judge this track, in the policy's order."""
        return self.requirements.track_roles(self.track)

    def items_of(self, role: str) -> tuple[Item, ...]:
        """The items that one role judges."""
        return self.requirements.track_items(self.track, role)

    @property
    def commit(self) -> str:
        """The commit under review, forty hexadecimal digits, or "" while it is unknown."""
        return self.resolved.commit if self.resolved else ""

    def same(self, commit: str) -> bool:
        """Whether a commit counts as the one under review: it is that one, or its tree is known to be equal."""
        return self.alike(commit, self.commit)

    def alike(self, one: str, other: str) -> bool:
        """Whether two commits hold the same code: they are one, or their trees are known and equal."""
        return one == other or (bool(self.trees.get(one)) and self.trees[one] == self.trees.get(other))

    @property
    def repository(self) -> str:
        """Where the plugin's source is."""
        return self.resolved.repository if self.resolved else self.named_repository

    @property
    def page(self) -> bool:
        """Whether a web page is under review in place of a repository: then its address stands for a commit."""
        return bool(self.resolved and self.resolved.ref_kind == PAGE)

    @property
    def place(self) -> str:
        """What two tickets of the same thing have in common: the repository or page, as a key."""
        return page_key(self.repository) if self.page else repository_key(self.repository)

    @property
    def plugin_id(self) -> str:
        """The id: the manifest's, else the one that was put in by hand, else ""."""
        return (self.resolved.plugin_id if self.resolved else "") or self._edited("id")

    @property
    def maintainers(self) -> tuple[str, ...]:
        """Whose plugin it is: the submitter unless others were named."""
        named = self.edited.get("maintainers")
        return named.people if named else (self.submitter,)

    @property
    def people(self) -> tuple[str, ...]:
        """Everybody whose plugin it is: the submitter and the maintainers, each once."""
        return tuple(dict.fromkeys((self.submitter, *self.maintainers)))

    @property
    def contact(self) -> str:
        """Whom to tell of a vulnerability in private, "" if nobody is known."""
        return self._edited("contact") or (self.submitted.contact if self.submitted else "")

    @property
    def social(self) -> str:
        """How its people are called on social media, "" if it is not known."""
        return self._edited("social") or (self.submitted.social if self.submitted else "")

    @property
    def contribution(self) -> str:
        """Which kind of thing it is on the web Marketplace, "" elsewhere."""
        asked = self.submitted.contribution if self.submitted else ""
        return (self.chosen.contribution if self.chosen else asked) if self.track_words.kinds else ""

    @property
    def fork(self) -> str:
        """Where the organisation's fork is, "" while it is not known."""
        made = self.steps.get(("fork", ""))
        return self._edited("fork") or (made.link if made else "")

    def _edited(self, what: f.Correction) -> str:
        found = self.edited.get(what)
        return found.value if found else ""

    @property
    def name(self) -> str:
        """What it is called: as it was put right, as it was handed in, from the manifest, else from the repository."""
        said = self._edited("title") or (self.submitted.name if self.submitted else "")
        if said:
            return said
        if self.resolved and self.resolved.name:
            return self.resolved.name
        repository = self.repository.rstrip("/").rsplit("/", 1)[-1]
        return repository.removeprefix("mattermost-plugin-") or "a plugin"

    @property
    def version(self) -> str:
        """The version under review: the manifest's, else that of the tag, else ""."""
        if not self.resolved:
            return ""
        if self.resolved.version:
            return self.resolved.version
        return self.resolved.ref_name.removeprefix("v") if self.resolved.ref_kind == "tag" else ""

    @property
    def label(self) -> str:
        """`MB-7 Remind 1.0.0`, as the ticket is called in a sentence. The name is what its author wrote: not yet safe to post."""
        return " ".join(part for part in (self.handle, self.name, self.version) if part)

    @property
    def public(self) -> bool:
        """Whether the plugin is listed or published: what comes after that is follow-up."""
        return any(fact.step in PUBLIC and not fact.skipped and self.stands(fact) for fact in self.steps.values())

    def stands(self, fact: f.StepDone) -> bool:
        """Whether a step that was reported counts at the commit under review; of a merge, what was found there decides."""
        if self.policy.steps[fact.step].at == "ticket":
            return True
        found = self.merge if isinstance(self.merge, f.MergeFound) and fact.step == "merged" else fact
        return self.same(found.commit)

    @property
    def comparing(self) -> bool:
        """Whether what was merged is being compared with what was approved."""
        said = self.steps.get(("merged", ""))
        return bool(said and said.looked_up and self.merge is None)

    @property
    def steps_reached(self) -> tuple[str, ...]:
        """The steps of this commit, and to the public, that are reported as done without a gap, in the track's order."""
        on_the_line = {x.name for x in self.policy.steps.values() if x.at == "commit"} | {*PUBLIC}
        said = {x.step for x in self.steps.values() if x.step in on_the_line and self.stands(x)}
        return tuple(takewhile(said.__contains__, (x for x in self.track_words.steps if x in on_the_line)))

    def review(self, role: str) -> Review:
        """One role's part, whether or not anything happened in it."""
        return self.reviews.get(role) or Review(role)

    @property
    def parts(self) -> tuple[tuple[str, str], ...]:
        """Who has which part: pairs of "owner" or a role, and the person."""
        reviewers = [(role, x.reviewer) for role, x in self.reviews.items() if x.reviewer]
        return (*([("owner", self.owner)] if self.owner else []), *reviewers)

    def confidential(self, role: str) -> bool:
        """Whether what this role writes stays with those concerned."""
        found = self.policy.roles.get(role)
        return bool(found and found.confidential)

    def counts(self, finding: Finding) -> bool:
        """Whether a finding bears on the track: not one of an item or a role that the track does not ask for."""
        if finding.item:
            return any(finding.item == item.handle for item in self.items)
        return finding.role in self.roles

    def plus(self, *facts: f.AnyFact) -> "Ticket":
        """The ticket with further facts, which wait in `news` to be stored."""
        after = self
        for fact in facts:
            after = altered(followed(after, fact), news=(*after.news, fact))
        return after

    def stored(self) -> "Ticket":
        """The same ticket with its news stored."""
        return altered(self, news=())


def fold(number: int, policy: Policy, facts: Iterable[f.AnyFact]) -> Ticket:
    """The ticket that stored facts add up to."""
    ticket = Ticket(number, policy)
    for fact in facts:
        ticket = followed(ticket, fact)
    return ticket


def followed(ticket: Ticket, fact: f.AnyFact) -> Ticket:
    """The ticket after a stored fact: it does not wait in `news`."""
    return altered(applied(ticket, fact), count=ticket.count + 1, changed_at=fact.at)
