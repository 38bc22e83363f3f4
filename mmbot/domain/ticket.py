"""A ticket: the facts recorded of one submission, folded into what they add up to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from itertools import takewhile

from mmbot.domain import facts as f
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
            after = _with(followed(after, fact), news=(*after.news, fact))
        return after

    def stored(self) -> "Ticket":
        """The same ticket with its news stored."""
        return _with(self, news=())


def fold(number: int, policy: Policy, facts: Iterable[f.AnyFact]) -> Ticket:
    """The ticket that stored facts add up to."""
    ticket = Ticket(number, policy)
    for fact in facts:
        ticket = followed(ticket, fact)
    return ticket


def followed(ticket: Ticket, fact: f.AnyFact) -> Ticket:
    """The ticket after a stored fact: it does not wait in `news`."""
    return _with(_apply(ticket, fact), count=ticket.count + 1, changed_at=fact.at)


def _apply(ticket: Ticket, fact: f.AnyFact) -> Ticket:  # noqa: C901, PLR0911, PLR0912 -- one arm per kind of fact: the list is the model
    match fact:
        case f.Submitted():
            return _with(ticket, submitted=fact, submitter=fact.submitter or fact.by, opened_at=fact.at)
        case f.ReferenceGiven():
            return _with(ticket, asked=fact, named_repository=fact.repository, unresolved=None)
        case f.Resolved():
            return _resolved(ticket, fact)
        case f.MergeFound():
            return _with(ticket, merge=fact, trees=_trees(ticket, fact))
        case f.MergeUnchecked():
            return _with(ticket, merge=fact)
        case f.Unresolved():
            return _with(ticket, unresolved=fact, asked=None)
        case f.Assigned(role="owner"):
            return _with(ticket, owner=fact.person)
        case f.Assigned():
            return _with_review(ticket, replace(ticket.review(fact.role), reviewer=fact.person, assigned_at=fact.at))
        case f.Requested():
            return _with_review(ticket, replace(ticket.review(fact.role), requested_at=fact.at))
        case f.Judged():
            return _judged(ticket, fact)
        case f.FindingRaised():
            secret = ticket.confidential(fact.role) if fact.confidential is None else fact.confidential
            found = Finding(fact.number, fact.role, fact.text, "", fact.by, fact.at, fact.commit, secret)
            return _unapproved(_with(ticket, findings=(*ticket.findings, found)), fact.role, fact)
        case f.FindingResolved():
            return _settled(ticket, fact)
        case f.FindingDisclosed():
            return _with_findings(ticket, {fact.number}, confidential=False)
        case f.NoteAdded():
            return _with(ticket, notes=(*ticket.notes, Note(fact.by, fact.at, fact.role, fact.text)))
        case f.VerdictGiven(gate="listing"):
            listing = {role: x for role, x in ticket.listing.items() if role != fact.role}
            return _with(ticket, listing=listing | {fact.role: fact} if fact.decision == "approve" else listing)
        case f.VerdictGiven():
            return _verdict(ticket, fact)
        case f.StepDone():
            merge = ticket.merge if fact.step != "merged" else None
            tried = {} if fact.step == "cut" else ticket.listing  # what is cut anew is tried anew
            return _with(ticket, steps={**ticket.steps, (fact.step, fact.person): fact}, merge=merge, listing=tried)
        case f.CutRefused():
            left = {key: x for key, x in ticket.steps.items() if key != ("cut", "")}
            return _with(ticket, steps=left, listing={})
        case f.StepUndone():
            merge = ticket.merge if fact.step != "merged" else None
            left = {key: x for key, x in ticket.steps.items() if key != (fact.step, fact.person)}
            tried = {} if fact.step == "cut" else ticket.listing  # what is cut anew is tried anew
            return _with(ticket, steps=left, merge=merge, listing=tried)
        case f.ReadySaid():
            unanswered = {found.number for found in ticket.findings if found.open and not found.answered_at}
            return _with_findings(ticket, unanswered & set(fact.findings), answered_at=fact.at)
        case f.TrackChosen():
            return _on_its_track(ticket, _with(ticket, chosen=fact))
        case f.Edited():
            return _edited(ticket, fact)
        case f.Linked(how="before"):
            return _with(ticket, before=fact.to)
        case f.Linked():
            return _with(ticket, after=(*ticket.after, fact.to))
        case f.Ended():
            return _with(ticket, ended=fact)
        case f.Reopened():
            return _with(ticket, ended=None, reopened_at=fact.at)
        case f.Hurried():
            return _with(ticket, urgent_at=fact.at if fact.on else 0)
        case f.Held():
            return _with(ticket, held=fact)
        case f.Resumed():
            return _with(ticket, held=None)


def _with(ticket: Ticket, **changed: object) -> Ticket:
    """What `replace` gives, in a fifth of its time: whenever a ticket is not at hand, all its facts are folded."""
    after = object.__new__(Ticket)
    after.__dict__.update(ticket.__dict__, **changed)
    return after


def _with_review(ticket: Ticket, review: Review) -> Ticket:
    return _with(ticket, reviews={**ticket.reviews, review.role: review})


def _with_findings(ticket: Ticket, numbers: set[int], **change: object) -> Ticket:
    if not numbers:
        return ticket
    changed = (replace(x, **change) if x.number in numbers else x for x in ticket.findings)  # type: ignore[arg-type]  # fields by name
    return _with(ticket, findings=tuple(changed))


def _unapproved(ticket: Ticket, role: str, fact: f.AnyFact) -> Ticket:
    """An approval ends with anything new that its role has against the plugin; the review counts as begun."""
    review = ticket.review(role)
    started = review.started_at or fact.at
    return _with_review(ticket, replace(review, approved_by="", approved_at=0, approved_commit="", started_at=started))


def _resolved(ticket: Ticket, fact: f.Resolved) -> Ticket:
    return _on_its_track(ticket, _with(ticket, resolved=fact, asked=None, unresolved=None, trees=_trees(ticket, fact)))


def _edited(ticket: Ticket, fact: f.Edited) -> Ticket:
    ticket = _with(ticket, edited={**ticket.edited, fact.what: fact})
    if fact.what == "submitter":
        return _with(ticket, submitter=fact.people[0])
    if fact.what == "repository":
        moved = ticket.resolved.model_copy(update={"repository": fact.value}) if ticket.resolved else None
        return _with(ticket, resolved=moved, named_repository=fact.value)
    return ticket


def _on_its_track(ticket: Ticket, moved: Ticket) -> Ticket:
    """On another track other items are to be judged: the roles that they are for approve anew, and keep what they decided."""
    if moved.track == ticket.track:
        return moved
    anew = (x for x in ticket.reviews.values() if moved.items_of(x.role) != ticket.items_of(x.role))
    reviews = {x.role: replace(x, approved_by="", approved_at=0, approved_commit="") for x in anew}
    return replace(moved, reviews={**ticket.reviews, **reviews})


def _trees(ticket: Ticket, fact: f.Resolved | f.MergeFound) -> Mapping[str, str]:
    return {**ticket.trees, fact.commit: fact.tree} if fact.tree else ticket.trees


def _judged(ticket: Ticket, fact: f.Judged) -> Ticket:
    item = ticket.requirements.items[fact.item]
    verdict = Judgement(fact.item, fact.state, fact.why, fact.by, fact.at, fact.commit)
    ticket = _with(ticket, judgements={**ticket.judgements, fact.item: verdict})
    stale = {x.number for x in ticket.findings if x.item == fact.item and x.open}
    ticket = _with_findings(ticket, stale, resolved_at=fact.at, resolved_by=fact.by)
    if fact.state == "failed":
        secret = ticket.confidential(item.role) if fact.confidential is None else fact.confidential
        found = Finding(fact.finding, item.role, fact.why, fact.item, fact.by, fact.at, fact.commit, secret)
        ticket = _with(ticket, findings=(*ticket.findings, found))
    if fact.state in {"failed", "open"}:
        return _unapproved(ticket, item.role, fact)
    review = ticket.review(item.role)
    return _with_review(ticket, replace(review, started_at=review.started_at or fact.at))


def _settled(ticket: Ticket, fact: f.FindingResolved) -> Ticket:
    found = next(x for x in ticket.findings if x.number == fact.number)
    if found.item:
        reopened = replace(ticket.judgements[found.item], state="open", why="", by=fact.by, at=fact.at)
        ticket = _with(ticket, judgements={**ticket.judgements, found.item: reopened})
    return _with_findings(ticket, {fact.number}, resolved_at=fact.at, resolved_by=fact.by)


def _verdict(ticket: Ticket, fact: f.VerdictGiven) -> Ticket:
    review = ticket.review(fact.role)
    started = review.started_at or fact.at
    if fact.decision == "approve":
        done = replace(
            review, approved_by=fact.by, approved_at=fact.at, approved_commit=fact.commit, started_at=started
        )
        return _with_review(ticket, done)
    if fact.decision == "retract":
        return _unapproved(ticket, fact.role, fact)
    mine = {item.handle for item in ticket.items_of(fact.role)}
    old = {
        x.item: x
        for x in ticket.judgements.values()
        if x.item in mine and x.state in {"passed", "na"} and not ticket.alike(x.commit, fact.commit)
    }
    if fact.decision == "holds":
        carried = {handle: replace(x, commit=fact.commit, by=fact.by, at=fact.at) for handle, x in old.items()}
        ticket = _with(ticket, judgements={**ticket.judgements, **carried})
        if review.approved_at:
            review = replace(review, approved_by=fact.by, approved_at=fact.at, approved_commit=fact.commit)
        return _with_review(ticket, replace(review, started_at=started))
    reopened = {handle: replace(x, state="open", why="") for handle, x in old.items()}
    ticket = _with(ticket, judgements={**ticket.judgements, **reopened})
    return _unapproved(ticket, fact.role, fact)
