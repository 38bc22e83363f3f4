"""What happened to a ticket, told: one sentence for each kind of fact, to be read behind the name of who did it."""

from mmbot.domain import facts as f
from mmbot.domain.rights import Actor, may_know, secret_of
from mmbot.domain.ticket import Ticket
from mmbot.words.cards import Who, title_of
from mmbot.words.choices import CORRECTIONS
from mmbot.words.phrases import code, commit, link, listed, minute, plain

SHORT = 200
"""Characters that are shown of what somebody wrote, where a page of history has to fit into a post."""
UNCUT = 100_000


def line(ticket: Ticket, fact: f.AnyFact, reader: Actor, who: Who) -> str:
    """A fact on one line, as this reader may know it."""
    secret = secret_of(ticket, fact)
    if secret and not may_know(reader, ticket, secret):
        return left_out(ticket, fact, secret, who)
    return in_full(ticket, fact, who, limit=SHORT)


def in_full(ticket: Ticket, fact: f.AnyFact, who: Who, *, limit: int = UNCUT) -> str:
    """A fact on one line, with what is confidential; `limit` cuts what somebody wrote."""
    return f"{minute(fact.at)}, {_by(fact, who)}: {happened(ticket, fact, who, limit)}"


def left_out(ticket: Ticket, fact: f.AnyFact, role: str, who: Who) -> str:
    """The same for those who may not know what a confidential role writes, nor of which item."""
    number = getattr(fact, "number", 0) or getattr(fact, "finding", 0)
    what = "an item was judged" if isinstance(fact, f.Judged) else "this is confidential"
    if number and isinstance(fact, f.Judged | f.FindingRaised):
        what = f"changes requested, finding {number}"
    return f"{minute(fact.at)}, {_by(fact, who)}: {title_of(ticket, role)}: {what}"


def _by(fact: f.AnyFact, who: Who) -> str:
    return who(fact.by) if fact.by else "mmbot"


def happened(ticket: Ticket, fact: f.AnyFact, who: Who, limit: int) -> str:  # noqa: C901, PLR0911, PLR0912 -- one arm per kind of fact
    """What a fact says: `approved for QA at 3f9c2ab`."""
    match fact:
        case f.Submitted():
            return _submitted(ticket, fact, limit)
        case f.ReferenceGiven():
            return f"named what to review: {code(fact.text or fact.repository, limit)}"
        case f.Resolved():
            return _resolved(ticket, fact)
        case f.MergeFound():
            same = f", which stands for the reviewed {commit(fact.repository, fact.of)} if their trees are equal"
            return f"looked up what was merged: commit {commit(fact.repository, fact.commit)}{same}"
        case f.MergeUnchecked():
            why = f": {plain(fact.why, limit)}" if fact.why else ""
            return f"could not compare what was merged with what was approved{why}"
        case f.Unresolved():
            return f"did not find {code(fact.text, limit)}: {plain(fact.why, limit)}"
        case f.Assigned():
            return _assigned(ticket, fact, who)
        case f.Requested():
            return f"asked for the {_title(ticket, fact.role)} review"
        case f.CutRefused():
            return f"found a fault in what was cut, for {_title(ticket, fact.role)}: {plain(fact.text, limit)}"
        case f.Judged():
            return _judged(ticket, fact, limit)
        case f.FindingRaised():
            at = commit(ticket.repository, fact.commit)
            return f"raised finding {fact.number} for {_title(ticket, fact.role)} at {at}{_why(fact.text, limit)}"
        case f.FindingResolved():
            return f"settled finding {fact.number}"
        case f.FindingDisclosed():
            return f"made finding {fact.number} public"
        case f.NoteAdded():
            return f"noted{_why(fact.text, limit)}"
        case f.VerdictGiven():
            return _verdict(ticket, fact)
        case f.ReadySaid():
            noun = "finding" if len(fact.findings) == 1 else "findings"
            numbers = listed(str(x) for x in fact.findings)
            return (
                f"gave it back to the reviewers: {noun} {numbers} answered"
                if numbers
                else "gave it back to the reviewers"
            )
        case f.StepDone():
            where = f" ({link('link', fact.link)})" if fact.link else ""
            said = "not needed" if fact.skipped else "done"
            return f"{said}: {_step(ticket, fact.step, fact.person, who)}{where}{_why(fact.note, limit)}"
        case f.TrackChosen():
            return f"chose the track {_track(ticket, fact.track)}{_why(fact.why, limit)}"
        case f.Edited():
            value = listed(who(x) for x in fact.people) or plain(fact.value, limit) or "nothing"
            return f"put right the {CORRECTIONS[fact.what]}: {value}"
        case f.Linked():
            said = "handed in before" if fact.how == "before" else "handed in again"
            return f"linked it: {said} as MB-{fact.to}"
        case f.StepUndone():
            return f"taken back: {_step(ticket, fact.step, fact.person, who)}"
        case f.Ended(ending="duplicate"):
            return f"closed it: the same plugin as MB-{fact.of}"
        case f.Ended():
            did = {"rejected": "rejected it", "withdrawn": "withdrew it"}.get(fact.ending, "took it down")
            return f"{did}{_why(fact.why, limit)}"
        case f.Reopened():
            return f"reopened it{_why(fact.why, limit)}"
        case f.Hurried():
            return "made it urgent" if fact.on else "let it wait its turn"
        case f.Held():
            return f"put it on hold{_why(fact.why, limit)}"
        case f.Resumed():
            return "let it go on"


def _why(text: str, limit: int) -> str:
    return f": {plain(text, limit)}" if text.strip() else ""


def _track(ticket: Ticket, name: str) -> str:
    tracks = ticket.requirements.tracks
    return tracks[name].title if name in tracks else plain(name, 40)


def _title(ticket: Ticket, role: str) -> str:
    return title_of(ticket, role) if role in ticket.policy.roles else role


def _submitted(ticket: Ticket, fact: f.Submitted, limit: int) -> str:
    tracks = ticket.policy.of(fact.requirements).tracks
    words = [f"handed it in{f' as {tracks[fact.track].title}' if fact.track in tracks else ''}"]
    words += [plain(x, limit // 2) for x in (fact.title, fact.summary) if x]
    if fact.claims:
        words.append(f"claimed as fulfilled: {listed(x.handle for x in fact.claims if x.said == 'yes') or 'nothing'}")
    return "; ".join(words)


def _resolved(ticket: Ticket, fact: f.Resolved) -> str:
    name = f" ({plain(fact.ref_name, 60)})" if fact.ref_name else ""
    plugin = " ".join(plain(x, 60) for x in (fact.name, fact.version) if x)
    about = f", {plugin}" if plugin else ""
    tracks = ticket.requirements.tracks
    track = f"; track: {tracks[fact.track].title}" if fact.track in tracks else ""
    return f"found commit {commit(fact.repository, fact.commit)}{name}{about}{track}"


def _assigned(ticket: Ticket, fact: f.Assigned, who: Who) -> str:
    part = "the ticket" if fact.role == "owner" else f"the {_title(ticket, fact.role)} review"
    if not fact.person:
        return f"left {part} without {'an owner' if fact.role == 'owner' else 'a reviewer'}"
    return f"took {part}" if fact.person == fact.by else f"gave {part} to {who(fact.person)}"


def _judged(ticket: Ticket, fact: f.Judged, limit: int) -> str:
    item = f"**{fact.item}**"
    if fact.state == "open":
        return f"opened {item} again"
    said = {"passed": f"passed {item}", "failed": f"failed {item}", "na": f"called {item} not applicable"}[fact.state]
    number = f", finding {fact.finding}" if fact.finding else ""
    return f"{said} at {commit(ticket.repository, fact.commit)}{number}{_why(fact.why, limit)}"


def _verdict(ticket: Ticket, fact: f.VerdictGiven) -> str:
    title, at = _title(ticket, fact.role), commit(ticket.repository, fact.commit)
    if fact.gate == "listing":
        what = f"what was cut from {at}"
        return (
            f"approved for {title} {what}" if fact.decision == "approve" else f"took {title}'s approval of {what} back"
        )
    return {
        "approve": f"approved for {title} at {at}",
        "retract": f"took {title}'s approval back",
        "holds": f"said that what {title} decided holds at {at}",
        "again": f"looks again for {title} at {at}",
    }[fact.decision]


def _step(ticket: Ticket, name: str, person: str, who: Who) -> str:
    steps = ticket.policy.steps
    return (steps[name].title if name in steps else name) + (f", for {who(person)}" if person else "")
