"""What each fact makes of a ticket."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from mmbot.domain import facts as f
from mmbot.domain.ticket_parts import Finding, Judgement, Note, Review

if TYPE_CHECKING:  # a ticket follows its facts by what stands here
    from collections.abc import Mapping

    from mmbot.domain.ticket import Ticket


def applied(ticket: Ticket, fact: f.AnyFact) -> Ticket:  # noqa: C901, PLR0911, PLR0912 -- one arm per kind of fact: the list is the model
    """What a ticket is after a fact, but for how many there are and when the last one came."""
    match fact:
        case f.Submitted():
            return altered(ticket, submitted=fact, submitter=fact.submitter or fact.by, opened_at=fact.at)
        case f.ReferenceGiven():
            return altered(ticket, asked=fact, named_repository=fact.repository, unresolved=None)
        case f.Resolved():
            return _resolved(ticket, fact)
        case f.MergeFound():
            return altered(ticket, merge=fact, trees=_trees(ticket, fact))
        case f.MergeUnchecked():
            return altered(ticket, merge=fact)
        case f.Unresolved():
            return altered(ticket, unresolved=fact, asked=None)
        case f.Assigned(role="owner"):
            return altered(ticket, owner=fact.person)
        case f.Assigned():
            return _with_review(ticket, replace(ticket.review(fact.role), reviewer=fact.person, assigned_at=fact.at))
        case f.Requested():
            return _with_review(ticket, replace(ticket.review(fact.role), requested_at=fact.at))
        case f.Judged():
            return _judged(ticket, fact)
        case f.FindingRaised():
            secret = ticket.confidential(fact.role) if fact.confidential is None else fact.confidential
            found = Finding(fact.number, fact.role, fact.text, "", fact.by, fact.at, fact.commit, secret)
            return _unapproved(altered(ticket, findings=(*ticket.findings, found)), fact.role, fact)
        case f.FindingResolved():
            return _settled(ticket, fact)
        case f.FindingDisclosed():
            return _with_findings(ticket, {fact.number}, confidential=False)
        case f.NoteAdded():
            return altered(ticket, notes=(*ticket.notes, Note(fact.by, fact.at, fact.role, fact.text)))
        case f.VerdictGiven(gate="listing"):
            listing = {role: x for role, x in ticket.listing.items() if role != fact.role}
            return altered(ticket, listing=listing | {fact.role: fact} if fact.decision == "approve" else listing)
        case f.VerdictGiven():
            return _verdict(ticket, fact)
        case f.StepDone():
            merge = ticket.merge if fact.step != "merged" else None
            tried = {} if fact.step == "cut" else ticket.listing  # what is cut anew is tried anew
            return altered(ticket, steps={**ticket.steps, (fact.step, fact.person): fact}, merge=merge, listing=tried)
        case f.CutRefused():
            left = {key: x for key, x in ticket.steps.items() if key != ("cut", "")}
            return altered(ticket, steps=left, listing={})
        case f.StepUndone():
            merge = ticket.merge if fact.step != "merged" else None
            left = {key: x for key, x in ticket.steps.items() if key != (fact.step, fact.person)}
            tried = {} if fact.step == "cut" else ticket.listing  # what is cut anew is tried anew
            return altered(ticket, steps=left, merge=merge, listing=tried)
        case f.ReadySaid():
            unanswered = {found.number for found in ticket.findings if found.open and not found.answered_at}
            return _with_findings(ticket, unanswered & set(fact.findings), answered_at=fact.at)
        case f.TrackChosen():
            return _on_its_track(ticket, altered(ticket, chosen=fact))
        case f.Edited():
            return _edited(ticket, fact)
        case f.Linked(how="before"):
            return altered(ticket, before=fact.to)
        case f.Linked():
            return altered(ticket, after=(*ticket.after, fact.to))
        case f.Ended():
            return altered(ticket, ended=fact)
        case f.Reopened():
            return altered(ticket, ended=None, reopened_at=fact.at)
        case f.Hurried():
            return altered(ticket, urgent_at=fact.at if fact.on else 0)
        case f.Held():
            return altered(ticket, held=fact)
        case f.Resumed():
            return altered(ticket, held=None)


def altered(ticket: Ticket, **changed: object) -> Ticket:
    """What `replace` gives, in a fifth of its time: whenever a ticket is not at hand, all its facts are folded."""
    after = object.__new__(type(ticket))
    after.__dict__.update(ticket.__dict__, **changed)
    return after


def _with_review(ticket: Ticket, review: Review) -> Ticket:
    return altered(ticket, reviews={**ticket.reviews, review.role: review})


def _with_findings(ticket: Ticket, numbers: set[int], **change: object) -> Ticket:
    if not numbers:
        return ticket
    changed = (replace(x, **change) if x.number in numbers else x for x in ticket.findings)  # type: ignore[arg-type]  # fields by name
    return altered(ticket, findings=tuple(changed))


def _unapproved(ticket: Ticket, role: str, fact: f.AnyFact) -> Ticket:
    """An approval ends with anything new that its role has against the plugin; the review counts as begun."""
    review = ticket.review(role)
    started = review.started_at or fact.at
    return _with_review(ticket, replace(review, approved_by="", approved_at=0, approved_commit="", started_at=started))


def _resolved(ticket: Ticket, fact: f.Resolved) -> Ticket:
    return _on_its_track(
        ticket, altered(ticket, resolved=fact, asked=None, unresolved=None, trees=_trees(ticket, fact))
    )


def _edited(ticket: Ticket, fact: f.Edited) -> Ticket:
    ticket = altered(ticket, edited={**ticket.edited, fact.what: fact})
    if fact.what == "submitter":
        return altered(ticket, submitter=fact.people[0])
    if fact.what == "repository":
        moved = ticket.resolved.model_copy(update={"repository": fact.value}) if ticket.resolved else None
        return altered(ticket, resolved=moved, named_repository=fact.value)
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
    ticket = altered(ticket, judgements={**ticket.judgements, fact.item: verdict})
    stale = {x.number for x in ticket.findings if x.item == fact.item and x.open}
    ticket = _with_findings(ticket, stale, resolved_at=fact.at, resolved_by=fact.by)
    if fact.state == "failed":
        secret = ticket.confidential(item.role) if fact.confidential is None else fact.confidential
        found = Finding(fact.finding, item.role, fact.why, fact.item, fact.by, fact.at, fact.commit, secret)
        ticket = altered(ticket, findings=(*ticket.findings, found))
    if fact.state in {"failed", "open"}:
        return _unapproved(ticket, item.role, fact)
    review = ticket.review(item.role)
    return _with_review(ticket, replace(review, started_at=review.started_at or fact.at))


def _settled(ticket: Ticket, fact: f.FindingResolved) -> Ticket:
    found = next(x for x in ticket.findings if x.number == fact.number)
    if found.item:
        reopened = replace(ticket.judgements[found.item], state="open", why="", by=fact.by, at=fact.at)
        ticket = altered(ticket, judgements={**ticket.judgements, found.item: reopened})
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
        ticket = altered(ticket, judgements={**ticket.judgements, **carried})
        if review.approved_at:
            review = replace(review, approved_by=fact.by, approved_at=fact.at, approved_commit=fact.commit)
        return _with_review(ticket, replace(review, started_at=started))
    reopened = {handle: replace(x, state="open", why="") for handle, x in old.items()}
    ticket = altered(ticket, judgements={**ticket.judgements, **reopened})
    return _unapproved(ticket, fact.role, fact)
