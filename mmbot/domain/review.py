"""The verdict model: who may judge what, what a verdict stands for, and when the gate opens."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Literal

from mmbot.domain import facts as f
from mmbot.domain.ticket import Ticket
from mmbot.domain.ticket_parts import Finding
from mmbot.policy import Item

Verdict = Literal["approved", "changes requested", "held", "reviewing", "nobody yet", "not asked yet"]
Standing = Literal["open", "passed", "failed", "na", "held"]


class Illegal(Exception):  # noqa: N818 -- it names what the move is, not an error of the program
    """A move the process does not allow. `why` names the reason, `about` its particulars; the words are found elsewhere."""

    def __init__(self, why: str, **about: object) -> None:
        super().__init__(why)
        self.why = why
        self.about = about


@dataclass(frozen=True)
class Gate:
    """What still keeps the review gate shut: roles without approval of the commit under review, and open findings."""

    roles: tuple[str, ...]
    findings: tuple[Finding, ...]
    commit: str

    @property
    def open(self) -> bool:
        """Whether every role approved this commit and nothing blocks."""
        return bool(self.commit) and not self.roles and not self.findings


def standing(ticket: Ticket, item: str) -> Standing:
    """Where an item stands at the commit under review; `held` when it was decided at an older one."""
    found = ticket.judgements.get(item)
    if found is None or found.state == "open":
        return "open"
    if found.state == "failed" or ticket.same(found.commit):
        return found.state
    return "held"


def findings(ticket: Ticket, role: str = "") -> tuple[Finding, ...]:
    """The open findings that bear on the track, of one role or of all."""
    return tuple(x for x in ticket.findings if x.open and (not role or x.role == role) and ticket.counts(x))


def undecided(ticket: Ticket, role: str) -> tuple[Item, ...]:
    """The role's items that are neither passed nor not applicable at the commit under review."""
    return tuple(item for item in ticket.items_of(role) if standing(ticket, item.handle) not in {"passed", "na"})


def verdict(ticket: Ticket, role: str) -> Verdict:
    """A role's verdict on the commit under review, derived."""
    review = ticket.review(role)
    if findings(ticket, role):
        return "changes requested"
    if review.approved_at:
        return "approved" if ticket.same(review.approved_commit) else "held"
    # Looked at first, since it is rarely so and verdicts are asked for all the time.
    commit = ticket.commit
    moved = any(x.commit != commit for x in ticket.judgements.values())
    if moved and any(standing(ticket, item.handle) == "held" for item in ticket.items_of(role)):
        return "held"
    if review.reviewer or review.started_at:
        return "reviewing"
    return "nobody yet" if review.requested_at else "not asked yet"


def verdicts(ticket: Ticket) -> dict[str, Verdict]:
    """Each role's verdict on the commit under review, in the policy's order."""
    return {role: verdict(ticket, role) for role in ticket.roles}


def gate(ticket: Ticket, says: Mapping[str, Verdict] | None = None) -> Gate:
    """The review gate: open when every role of the track approved this commit and no blocking finding is open.

    `says` are the ticket's verdicts, where they are at hand.
    """
    if ticket.public:  # it was passed; a policy that asks for more since then asks it of others
        return Gate((), (), ticket.commit)
    missing = tuple(role for role, what in (says or verdicts(ticket)).items() if what != "approved")
    return Gate(missing, findings(ticket), ticket.commit if not ticket.ended else "")


def judged(ticket: Ticket, handles: Iterable[str], state: f.ItemState, why: str, by: str, at: int, via: str) -> Ticket:
    """The ticket with items judged at the commit under review.

    Raises Illegal: ended, no-commit, item-unknown, na-never, why-missing, already, nothing-named.
    """
    _must_be_reviewable(ticket)
    after = ticket
    known = {item.handle: item for item in ticket.items}
    named = tuple(dict.fromkeys(handles))
    if not named:
        raise Illegal("nothing-named")
    for handle in named:
        item = known.get(handle)
        if item is None:
            raise Illegal("item-unknown", item=handle)
        if state == "na" and not item.na:
            raise Illegal("na-never", item=item)
        if state in {"failed", "na"} and not why.strip():
            raise Illegal("why-missing", item=item, state=state)
        if standing(after, handle) == state and (state != "failed" or after.judgements[handle].why == why):
            continue
        number = _next_finding(after) if state == "failed" else 0
        after = after.plus(
            f.Judged(
                item=handle,
                state=state,
                why=why,
                commit=ticket.commit,
                finding=number,
                confidential=ticket.confidential(item.role),
                by=by,
                at=at,
                via=via,
            )
        )
    if after is ticket:
        raise Illegal("already", items=named, state=state)
    return after


def blocked(ticket: Ticket, role: str, text: str, by: str, at: int, via: str) -> Ticket:
    """The ticket with a free finding of a role. Raises Illegal: ended, no-commit, role-not-here, why-missing, already-found."""
    _must_be_reviewable(ticket)
    _must_judge(ticket, role)
    if not text.strip():
        raise Illegal("why-missing", item=None, state="failed")
    if any(x.text == text for x in findings(ticket, role)):
        raise Illegal("already-found")
    return ticket.plus(
        f.FindingRaised(
            number=_next_finding(ticket),
            role=role,
            text=text,
            commit=ticket.commit,
            confidential=ticket.confidential(role),
            by=by,
            at=at,
            via=via,
        )
    )


def finding(ticket: Ticket, number: int) -> Finding:
    """One open finding. Raises Illegal: finding-unknown, finding-settled."""
    found = next((x for x in ticket.findings if x.number == number), None)
    if found is None:
        raise Illegal("finding-unknown", number=number)
    if not found.open:
        raise Illegal("finding-settled", finding=found)
    return found


def unblocked(ticket: Ticket, number: int, by: str, at: int, via: str) -> Ticket:
    """The ticket with one finding settled; a failed item becomes open again. Raises Illegal: ended, finding-unknown, finding-settled."""
    must_be_open(ticket)
    return ticket.plus(f.FindingResolved(number=finding(ticket, number).number, by=by, at=at, via=via))


def disclosed(ticket: Ticket, number: int, by: str, at: int, via: str) -> Ticket:
    """The ticket with one confidential finding, open or settled, made public. Raises Illegal: finding-unknown, already-public."""
    found = next((x for x in ticket.findings if x.number == number), None)
    if found is None:
        raise Illegal("finding-unknown", number=number)
    if not found.confidential:
        raise Illegal("already-public", number=number)
    return ticket.plus(f.FindingDisclosed(number=number, by=by, at=at, via=via))


def approved(ticket: Ticket, role: str, by: str, at: int, via: str, *, everything: bool = False) -> Ticket:
    """The ticket with a role's approval of the commit under review; `everything` passes its undecided items first.

    Raises Illegal: ended, no-commit, role-not-here, findings-open, items-open, already-approved.
    """
    _must_be_reviewable(ticket)
    _must_judge(ticket, role)
    if open_findings := findings(ticket, role):
        raise Illegal("findings-open", role=role, findings=open_findings)
    if verdict(ticket, role) == "approved":
        raise Illegal("already-approved", role=role)
    after = ticket
    if left := undecided(ticket, role):
        if not everything:
            raise Illegal("items-open", role=role, items=left)
        after = judged(ticket, [item.handle for item in left], "passed", "", by, at, via)
    return after.plus(f.VerdictGiven(role=role, decision="approve", commit=ticket.commit, by=by, at=at, via=via))


def retracted(ticket: Ticket, role: str, by: str, at: int, via: str) -> Ticket:
    """The ticket with a role's approval taken back. Raises Illegal: ended, role-not-here, not-approved."""
    must_be_open(ticket)
    _must_judge(ticket, role)
    if not ticket.review(role).approved_at:
        raise Illegal("not-approved", role=role)
    return ticket.plus(f.VerdictGiven(role=role, decision="retract", commit=ticket.commit, by=by, at=at, via=via))


def reconsidered(ticket: Ticket, role: str, decision: Literal["holds", "again"], by: str, at: int, via: str) -> Ticket:
    """The ticket after a role said of what it decided at an older commit that it holds, or that it will look again.

    Raises Illegal: ended, no-commit, role-not-here, nothing-held.
    """
    _must_be_reviewable(ticket)
    _must_judge(ticket, role)
    if not held(ticket, role):
        raise Illegal("nothing-held", role=role)
    return ticket.plus(f.VerdictGiven(role=role, decision=decision, commit=ticket.commit, by=by, at=at, via=via))


def held(ticket: Ticket, role: str) -> str:
    """The older commit at which the role's decisions stand, or "" when none is held over."""
    review = ticket.review(role)
    if review.approved_at and not ticket.same(review.approved_commit):
        return review.approved_commit
    old = [ticket.judgements[item.handle] for item in ticket.items_of(role) if standing(ticket, item.handle) == "held"]
    return max(old, key=lambda x: x.at).commit if old else ""


def change(ticket: Ticket, role: str) -> f.Resolved | None:
    """What changed since a role decided, where that was compared: only if all that it decided stands at the commit compared with."""
    found = ticket.resolved
    if found is None or not found.since:
        return None
    review = ticket.review(role)
    old = {ticket.judgements[x.handle].commit for x in ticket.items_of(role) if standing(ticket, x.handle) == "held"}
    if review.approved_at and not ticket.same(review.approved_commit):
        old.add(review.approved_commit)
    return found if old and all(ticket.alike(x, found.since) for x in old) else None


def decided_before(ticket: Ticket) -> str:
    """Another commit with the same code as the one under review at which something was decided that stands, the latest; or ""."""
    made = [(x.at, x.commit) for x in ticket.judgements.values() if x.state != "open"]
    made += [(x.approved_at, x.approved_commit) for x in ticket.reviews.values() if x.approved_at]
    found = [x for x in made if x[1] != ticket.commit and ticket.same(x[1])]
    return max(found)[1] if found else ""


def _next_finding(ticket: Ticket) -> int:
    return len(ticket.findings) + 1


def must_be_open(ticket: Ticket) -> None:
    """Raises Illegal: ended, is-public."""
    if ticket.ended:
        raise Illegal("ended", ended=ticket.ended)
    if ticket.public:
        raise Illegal("is-public")


def _must_be_reviewable(ticket: Ticket) -> None:
    must_be_open(ticket)
    if not ticket.commit:
        raise Illegal("no-commit")


def _must_judge(ticket: Ticket, role: str) -> None:
    if role not in ticket.roles:
        raise Illegal("role-not-here", role=role)
