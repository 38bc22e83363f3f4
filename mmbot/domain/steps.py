"""The steps of a ticket's way: which are done, which comes next, and when one may be said to be done."""

from mmbot.domain import facts as f
from mmbot.domain.review import Illegal, gate, must_be_open
from mmbot.domain.ticket import Ticket
from mmbot.domain.ticket_parts import PUBLIC
from mmbot.policy import Step

GATE = "review-gate"


def step(ticket: Ticket, name: str) -> Step:
    """A step of the ticket's track. Raises Illegal: step-unknown."""
    if name not in ticket.track_words.steps:
        raise Illegal("step-unknown", step=name)
    return ticket.policy.steps[name]


def listing_roles(ticket: Ticket) -> tuple[str, ...]:
    """The roles that judge what was cut, before it is listed."""
    return ticket.policy.gates["listing"].roles


def missing_at_listing(ticket: Ticket) -> tuple[str, ...]:
    """The roles that have not approved what was cut from the commit under review."""
    given = ticket.listing
    return tuple(r for r in listing_roles(ticket) if r not in given or not ticket.same(given[r].commit))


def done(ticket: Ticket, name: str, person: str = "") -> bool:
    """Whether a step is done; one that is done for each maintainer, for that person, or for all of them when none is named."""
    words = ticket.policy.steps[name]
    if words.do:
        people = (person,) if person else ticket.maintainers if words.each else ("",)
        return all(_said(ticket, words, x) for x in people)
    match name:
        case "owner":
            return bool(ticket.owner)
        case "reviews":
            return ticket.public or (
                bool(ticket.commit) and all(ticket.review(role).requested_at for role in ticket.roles)
            )
        case "review-gate":
            return gate(ticket).open
        case "listing-gate":
            return bool(ticket.commit) and not missing_at_listing(ticket)
        case _:
            return True


def _said(ticket: Ticket, words: Step, person: str) -> bool:
    if words.name == "fork" and ticket.fork:  # wherever it was said
        return True
    found = ticket.steps.get((words.name, person))
    return bool(found and ticket.stands(found))


def beside_the_review(ticket: Ticket) -> tuple[str, ...]:
    """The steps before the review gate that somebody has to do: they need not wait for the reviews, nor these for them."""
    names = ticket.track_words.steps
    return tuple(x for x in names[: names.index(GATE)] if ticket.policy.steps[x].do)


def outstanding(ticket: Ticket) -> tuple[str, ...]:
    """The steps that are not done, in the track's order; once it is merged, what lies beside the review holds nothing up and comes last."""
    left = tuple(name for name in ticket.track_words.steps if not done(ticket, name))
    if "merged" not in ticket.track_words.steps or "merged" in left:
        return left
    beside = tuple(x for x in left if x in beside_the_review(ticket))
    return (*(x for x in left if x not in beside), *beside)


def marked(ticket: Ticket, fact: f.StepDone) -> Ticket:
    """The ticket with a step done, or skipped.

    What is done of the commit, from the merge to the public, can't be skipped: each step rests on the one before.
    Raises Illegal: ended, step-unknown, step-derived, step-needed, step-done, step-early, comparing, link-missing, why-missing,
    person-unknown.
    """
    if ticket.ended:
        raise Illegal("ended", ended=ticket.ended)
    words = step(ticket, fact.step)
    if not words.do:
        raise Illegal("step-derived", step=words)
    if fact.skipped and (words.at == "commit" or fact.step in PUBLIC):
        raise Illegal("step-needed", step=words)
    if words.each and fact.person not in ticket.maintainers:
        raise Illegal("person-unknown", step=words)
    fact = fact.model_copy(update={"commit": ticket.commit, "person": fact.person if words.each else ""})
    if done(ticket, fact.step, fact.person):
        raise Illegal("step-done", step=words)
    before = _before(ticket, fact.step)
    if before:
        raise Illegal("step-early", step=words, before=before)
    if fact.step == "cut" and ticket.comparing:
        raise Illegal("comparing")
    if fact.skipped and not fact.note:
        raise Illegal("why-missing", item=None, state="na")
    if words.link and not fact.link and not fact.skipped:
        raise Illegal("link-missing", step=words)
    return ticket.plus(fact)


def _before(ticket: Ticket, name: str) -> str:
    """The step that has to be done first: all that lie between the review gate and this one, the gate among them."""
    steps = ticket.track_words.steps
    at, start = steps.index(name), steps.index(GATE)
    follow_up = next((steps.index(x) for x in steps if x in PUBLIC), len(steps))
    if at < start:
        return ""
    until = min(at, follow_up + 1)
    return next((x for x in steps[start:until] if x != name and not done(ticket, x)), "")


def unmarked(ticket: Ticket, name: str, person: str, by: str, at: int, via: str) -> Ticket:
    """The ticket with a wrong "done" taken back.

    Raises Illegal: ended, step-unknown, step-derived, step-not-done, later-done.
    """
    if ticket.ended:
        raise Illegal("ended", ended=ticket.ended)
    words = step(ticket, name)
    if not words.do:
        raise Illegal("step-derived", step=words)
    key = (name, person if words.each else "")
    if key not in ticket.steps:
        raise Illegal("step-not-done", step=words)
    if later := _resting_on(ticket, name):
        raise Illegal("later-done", step=words, later=later)
    return ticket.plus(f.StepUndone(step=name, person=key[1], by=by, at=at, via=via))


def _resting_on(ticket: Ticket, name: str) -> str:
    """A step that is done and needs this one: in the line from the gate to the public each needs the one before."""
    steps = ticket.track_words.steps
    at, start = steps.index(name), steps.index(GATE)
    public = next((steps.index(x) for x in steps if x in PUBLIC), len(steps))
    if at < start or not done(ticket, name):
        return ""
    return next((x for x in steps[at + 1 : public + 1] if ticket.policy.steps[x].do and done(ticket, x)), "")


def _must_try(ticket: Ticket, role: str) -> None:
    """Only a role of the listing gate judges what was cut, and only until it is public."""
    must_be_open(ticket)
    if "listing-gate" not in ticket.track_words.steps or role not in listing_roles(ticket):
        raise Illegal("role-not-here", role=role)


def listing_judged(ticket: Ticket, role: str, decision: f.Decision, by: str, at: int, via: str) -> Ticket:
    """The ticket with a role's verdict on what was cut.

    Raises Illegal: ended, is-public, role-not-here, step-early, already-approved, not-approved.
    """
    _must_try(ticket, role)
    given = role not in missing_at_listing(ticket)
    if decision == "approve":
        if before := _before(ticket, "listing-gate"):
            raise Illegal("step-early", step=ticket.policy.steps["listing-gate"], before=before)
        if given:
            raise Illegal("already-approved", role=role)
    elif not given:
        raise Illegal("not-approved", role=role)
    return ticket.plus(
        f.VerdictGiven(role=role, decision=decision, commit=ticket.commit, gate="listing", by=by, at=at, via=via)
    )


def cut_refused(ticket: Ticket, fact: f.CutRefused) -> Ticket:
    """The ticket after a role found a fault in what was cut. Raises Illegal: ended, is-public, role-not-here, step-early, why-missing."""
    _must_try(ticket, fact.role)
    if not fact.text.strip():
        raise Illegal("why-missing", item=None, state="failed")
    if not done(ticket, "cut"):
        raise Illegal(
            "step-early", step=ticket.policy.steps["listing-gate"], before=_before(ticket, "listing-gate") or "cut"
        )
    return ticket.plus(fact.model_copy(update={"commit": ticket.commit}))


def closed(ticket: Ticket, fact: f.Ended) -> Ticket:
    """The ticket over. Raises Illegal: ended, is-public."""
    must_be_open(ticket)
    return ticket.plus(fact)


def hurried(ticket: Ticket, fact: f.Hurried) -> Ticket:
    """The ticket urgent, or not any more. Raises Illegal: ended, already-urgent, not-urgent."""
    if ticket.ended:
        raise Illegal("ended", ended=ticket.ended)
    if fact.on == bool(ticket.urgent_at):
        raise Illegal("already-urgent" if fact.on else "not-urgent")
    return ticket.plus(fact)


def rested(ticket: Ticket, fact: f.Held | f.Resumed) -> Ticket:
    """The ticket on hold, or going on. Raises Illegal: ended."""
    if ticket.ended:
        raise Illegal("ended", ended=ticket.ended)
    return ticket.plus(fact)
