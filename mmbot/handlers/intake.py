"""Submissions: a ticket is opened, its reference resolved to one commit, its track decided, and the review moved on request."""

from typing import Any

from mmbot.domain import facts as f
from mmbot.domain import review
from mmbot.domain.intake import Classified, classify
from mmbot.domain.references import Reference, repository_key
from mmbot.domain.rights import Actor, allowed, submits
from mmbot.domain.ticket import Ticket
from mmbot.events import MoveReview, ReferenceResolved, SayReady, Submit
from mmbot.handlers.news import card, follow, tell
from mmbot.handlers.pages import move_page
from mmbot.handlers.twins import linked, tell_links, twice
from mmbot.messages import Refused, Reply
from mmbot.store import book, tickets
from mmbot.store.tx import Tx
from mmbot.words import intake, lookups, notices, replies
from mmbot.words import people as people_words
from mmbot.words import tracks as words

BY_HAND = ("app", "web")
"""Tracks that the catalogue knows nothing of."""


def submit(tx: Tx, cmd: Submit) -> Reply:
    """Open a ticket for what somebody hands in, unless the same repository has an open one."""
    if cmd.submitter and cmd.submitter != tx.by:
        tx.require("owner")
    reference = tx.reference(cmd.link)
    if twins := tickets.same_plugin(tx.store, 0, repository_key(reference.repository), ""):
        raise Refused(twice(tx, tx.ticket(twins[0])), "link")
    sent = f.Submitted(
        requirements=tx.policy.current, track=cmd.track, title=cmd.title, summary=cmd.summary, contact=cmd.contact,
        claims=cmd.claims, missing=cmd.missing, unread=cmd.unread, struck_out=cmd.struck_out,
        other_references=cmd.other_references, submitter=cmd.submitter if cmd.submitter != tx.by else "",
        by=tx.by, at=tx.at, via=tx.via,
    )  # fmt: skip
    return opened(tx, with_owner(tx, linked(tx, tx.new_ticket(sent, given(tx, cmd.link, reference)))))


def with_owner(tx: Tx, ticket: Ticket) -> Ticket:
    """A new ticket in the hands of the default owner or whoever stands in; nobody guides what is their own."""
    chosen = book.default_owner(tx.store)
    owner = next((x for x in (tx.stand_in(chosen, "owner"), chosen) if x and not submits(ticket, x)), "")
    return ticket.plus(f.Assigned(role="owner", person=owner, at=tx.at, via=tx.via)) if owner else ticket


def tell_owner(tx: Tx, ticket: Ticket) -> None:
    """Tell whoever got a new ticket, and why it is theirs where another is the default owner."""
    if ticket.owner in {"", tx.by}:
        return
    told, chosen = lookups.new_ticket(ticket, tx.who), book.default_owner(tx.store)
    if ticket.owner != chosen:
        told = people_words.given_instead(told, tx.who(chosen), tx.absence(chosen).day)
    tx.say(told, to=ticket.owner)


def opened(tx: Tx, ticket: Ticket) -> Reply:
    """Save a new ticket, have its reference looked up, and tell whose it is and who guides it."""
    ticket = tx.save(ticket)
    tell_links(tx, ticket)
    look_up(tx, ticket)
    tell_owner(tx, ticket)
    name = tx.who(ticket.owner) if ticket.owner else ""
    answer = intake.submitted(ticket, name, tx.settings.security_contact, read=intake.form_read(ticket))
    if ticket.submitter == tx.by:
        return Reply(answer)
    tell(tx, ticket, ticket.submitter, words.handed_in_for_you(ticket, tx.who(tx.by), answer))
    return Reply(words.handed_in_for(ticket, tx.who))


def move(tx: Tx, cmd: MoveReview) -> Reply:
    """Move the review to another reference: its owner or its submitter may."""
    ticket = tx.ticket(cmd.ticket)
    tx.require("owner-or-submitter", ticket)
    if ticket.page:
        _later_resolved(tx, ticket, _moved(tx, ticket, cmd.link))
        return Reply(replies.page_moved(tx.ticket(cmd.ticket)))
    ticket = tx.save(_moved(tx, ticket, cmd.link))
    look_up(tx, ticket)
    return Reply(replies.looking_up(ticket, cmd.link))


def ready(tx: Tx, cmd: SayReady) -> Reply:
    """Give the ball back to the roles whose findings wait for an answer; move the review when a reference is named."""
    before = tx.ticket(cmd.ticket)
    tx.require("owner-or-submitter", before)
    review.must_be_open(before)
    waiting = [x for x in review.findings(before) if not x.answered_at]
    if not waiting and not cmd.link:
        raise Refused(replies.nothing_to_answer(before))
    told = tx.told(f"changes:{before.number}")
    known = [x for x in waiting if x.number <= told]
    if waiting and not known and not cmd.link:
        return Reply(replies.on_their_way(before, len(waiting)))
    answered = f.ReadySaid(findings=tuple(x.number for x in known), by=tx.by, at=tx.at, via=tx.via)
    after = before.plus(answered) if known else before
    if cmd.link:
        after = _moved(tx, after, cmd.link, ready_at=tx.at)
    if before.page and cmd.link:
        _later_resolved(tx, before, after)
        saved = tx.ticket(before.number)
    else:
        saved = follow(tx, before, after)
    late = len(waiting) - len(known)
    roles = [x for x in dict.fromkeys(x.role for x in known) if all(y.answered_at for y in review.findings(saved, x))]
    looked_up = "" if before.page else cmd.link
    if looked_up:
        look_up(tx, saved)
    else:
        tell_answered(tx, saved, tx.at)
    return Reply(replies.ready(saved, roles, looked_up, late, tx.who))


def resolved(tx: Tx, what: ReferenceResolved) -> None:
    """Take in what a reference was resolved to; an answer to a question that was replaced meanwhile is dropped."""
    before = tx.ticket(what.ticket)
    asked = before.asked
    if before.ended or before.public or asked is None or _stale(asked, what):
        return
    if what.why:
        _not_found(tx, before, what)
    else:
        fact, update_of_nothing = _fact(tx, before, what)
        after = before.plus(fact)
        if not before.commit:
            _first_resolved(tx, before, after, update_of_nothing=update_of_nothing)
            return
        if other := _same_id(tx, before, after):
            _not_moved(tx, before, what.text, replies.id_of_another(after, other))
        elif before.commit == what.commit:
            saved = follow(tx, before, after)
            tx.say(lookups.same_commit(saved, what.text), thread=card(saved))
        else:
            _later_resolved(tx, before, after)
    if asked.ready_at:
        tell_answered(tx, tx.ticket(what.ticket), asked.ready_at)


def _not_found(tx: Tx, before: Ticket, what: ReferenceResolved) -> None:
    ticket = tx.save(before.plus(f.Unresolved(text=what.text, why=what.why, at=tx.at, via=tx.via)))
    by = _asker(tx, before)
    for person in dict.fromkeys([by, ticket.submitter] if not ticket.commit else [by]):
        tell(tx, ticket, person, lookups.not_found(ticket, what.why, what.text))


def _not_moved(tx: Tx, before: Ticket, text: str, why: str) -> None:
    ticket = tx.save(before.plus(f.Unresolved(text=text, why=why, at=tx.at, via=tx.via)))
    by = _asker(tx, before)
    for person in dict.fromkeys((by, ticket.submitter, ticket.owner)):
        tell(tx, ticket, person, lookups.not_moved(ticket, why, text))


def _asker(tx: Tx, ticket: Ticket) -> str:
    """Who named what is looked up, to be told of it; the submitter, where that one has nothing to do with the ticket any more."""
    by = ticket.asked.by if ticket.asked else ""
    return by if allowed("owner-or-submitter", Actor(by, tx.store.roles_of(by)), ticket) else ticket.submitter


def _stale(asked: f.ReferenceGiven, what: ReferenceResolved) -> bool:
    """Whether this answers another question than the one that is open."""
    other = (asked.text, asked.repository) != (what.text, what.repository)
    return other or bool(what.asked_at and what.asked_at != asked.at)


def _fact(tx: Tx, ticket: Ticket, what: ReferenceResolved) -> tuple[f.Resolved, bool]:
    manifest = what.manifest or {}
    keys = [repository_key(x) for x in (what.moved_to or what.repository, what.repository)]
    plugin_id = str(manifest.get("id", ""))
    asked = ticket.submitted.track if ticket.submitted else ""
    known = tx.store.catalogue_size() > 0
    listed = list({x.plugin_id: x for key in keys for x in tx.store.listed(key, plugin_id)}.values())
    key = next(
        (key for key in keys if any(key in x.repositories for x in listed)), keys[0]
    )  # it may be listed under either address
    wanted = "new" if known and not listed else asked
    track = Classified(asked) if asked in BY_HAND else classify(listed, key, plugin_id, wanted)
    texts = {
        name: str(manifest.get(name, ""))
        for name in ("name", "version", "min_server_version", "homepage_url", "support_url", "release_notes_url")
    }
    unfilled = manifest.get("unfilled", ())
    fact = f.Resolved(
        text=what.text, repository=what.moved_to or what.repository, ref_kind=what.ref_kind, ref_name=what.ref_name, commit=what.commit,
        tree=what.tree, plugin_id=plugin_id, manifest_problem=what.manifest_problem, evidence=dict(what.evidence),
        reachable=what.reachable,
        unfilled=tuple(str(x) for x in unfilled) if isinstance(unfilled, (list, tuple)) else (),
        track=track.track, base_version=track.base_version, collides_with=track.collides_with,
        changed_from=track.changed_from, at=tx.at, via=tx.via, **texts, **_difference(ticket, what),
    )  # fmt: skip
    return fact, asked == "update" and track.track == "new"


def _same_id(tx: Tx, before: Ticket, after: Ticket) -> Ticket | None:
    """The other open ticket whose id or repository a move would take on."""
    new_id = after.plugin_id.lower() if after.plugin_id.lower() != before.plugin_id.lower() else ""
    place = after.place if after.place != before.place else ""
    return next(map(tx.ticket, tickets.same_plugin(tx.store, after.number, place, new_id)), None)


def _difference(ticket: Ticket, what: ReferenceResolved) -> dict[str, Any]:
    """What the fact keeps of a comparison, if it was one with the commit under review; of the same commit, what is known of it."""
    kept = {"since", "since_version", "files", "more", "version_only", "diff"}
    if what.commit == ticket.commit and ticket.resolved:
        return ticket.resolved.model_dump(include=kept)
    return what.model_dump(include=kept) if what.files and what.since == ticket.commit else {}


def _first_resolved(tx: Tx, before: Ticket, after: Ticket, *, update_of_nothing: bool) -> None:
    plugin_id = after.plugin_id.lower()
    twins = map(tx.ticket, tickets.same_plugin(tx.store, after.number, after.place, plugin_id))
    if other := next((x for x in twins if x.number < after.number or x.commit), None):
        saved = follow(tx, before, after.plus(f.Ended(ending="duplicate", of=other.number, at=tx.at, via=tx.via)))
        for person in dict.fromkeys(x for x in (saved.submitter, saved.owner) if x):
            if person == saved.owner:
                tx.tell(lookups.same_plugin(saved, other), person, "owner", saved)
            else:
                tell(tx, saved, person, lookups.same_plugin(saved, other))
        return
    saved = follow(tx, before, linked(tx, after))
    tell_links(tx, saved)
    remarks = lookups.remarks(saved)
    tx.say(lookups.found(saved, remarks, update_of_nothing=update_of_nothing), thread=card(saved))
    if remarks:
        tell(tx, saved, saved.submitter, lookups.for_the_submitter(saved, remarks))
        if saved.owner not in {"", saved.submitter}:
            tx.tell(lookups.for_the_owner(saved, remarks), saved.owner, "owner", saved)


def _later_resolved(tx: Tx, before: Ticket, after: Ticket) -> None:
    saved = follow(tx, before, after)
    held = [role for role in saved.roles if review.verdict(saved, role) == "held"]
    tx.say(notices.moved(saved, before.commit, held, lookups.remarks(saved)), thread=card(saved))
    for role in held:
        tx.tell_all(notices.confirm(saved, role, review.held(saved, role)), _reviewers(tx, saved, role), role, saved)


def _reviewers(tx: Tx, ticket: Ticket, role: str) -> list[str]:
    """Whom of a role to tell: its reviewer, else whoever found, approved or judged something; all of the role if none has it still."""
    part = ticket.review(role)
    found = [x.by for x in review.findings(ticket, role)]
    judged = [x.by for x in ticket.judgements.values() if ticket.requirements.items[x.item].role == role]
    holding = [x for x in tx.store.members(role) if not submits(ticket, x)]
    return [x for x in (part.reviewer, *found, part.approved_by, *judged) if x in holding][:1] or holding


def tell_answered(tx: Tx, ticket: Ticket, since: int) -> None:
    """Tell each role whose findings are all answered that it is their turn again; on hold it is not: the owner is told."""
    if ticket.held:
        if ticket.owner not in {"", tx.by}:
            tx.tell(notices.answered_on_hold(ticket, tx.who(tx.by)), ticket.owner, "owner", ticket)
        return
    for role in ticket.roles:
        found = review.findings(ticket, role)
        if found and all(x.answered_at for x in found) and any(x.answered_at >= since for x in found):
            tx.tell_all(
                notices.answered(ticket, role, tx.who, tx.thread(ticket, role)),
                _reviewers(tx, ticket, role),
                role,
                ticket,
            )


def _moved(tx: Tx, ticket: Ticket, link: str, *, ready_at: int = 0) -> Ticket:
    review.must_be_open(ticket)
    if ticket.page:
        return move_page(tx, ticket, link)
    reference = tx.reference(link, ticket.repository)
    others = [
        x
        for x in tickets.same_plugin(tx.store, ticket.number, repository_key(reference.repository), "")
        if x != ticket.number
    ]
    if others and repository_key(reference.repository) != repository_key(ticket.repository):
        raise Refused(twice(tx, tx.ticket(others[0])), "link")
    # The reviewers whom a `ready` promised to tell are told by whichever reference is found in the end.
    return ticket.plus(given(tx, link, reference, ready_at=ready_at or (ticket.asked.ready_at if ticket.asked else 0)))


def given(tx: Tx, text: str, reference: Reference, *, ready_at: int = 0) -> f.ReferenceGiven:
    """What to review, as it was named."""
    return f.ReferenceGiven(
        text=text,
        repository=reference.repository,
        ref_kind=reference.kind,
        ref_name=reference.name,
        path_may_follow=reference.path_may_follow,
        ready_at=ready_at,
        by=tx.by,
        at=tx.at,
        via=tx.via,
    )


def look_up(tx: Tx, ticket: Ticket) -> None:
    """Have the reference that waits to be resolved looked up."""
    if ticket.asked:
        tx.do(
            "resolve",
            ticket=ticket.number,
            text=ticket.asked.text,
            asked_at=ticket.asked.at,
            repository=ticket.asked.repository,
            kind=ticket.asked.ref_kind,
            name=ticket.asked.ref_name,
            path_may_follow=ticket.asked.path_may_follow,
            since=ticket.commit,
            since_version=ticket.version,
        )
