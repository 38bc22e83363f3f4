"""Reviewing: who does what, items judged, findings raised and settled, verdicts given."""

from collections.abc import Sequence

from mmbot.domain import facts as f
from mmbot.domain import review
from mmbot.domain.rights import allowed, submits
from mmbot.domain.ticket import Ticket
from mmbot.events import AddNote, Assign, Block, GiveVerdict, JudgeItem, RequestReviews, SettleFinding
from mmbot.handlers import way
from mmbot.handlers.news import card, follow
from mmbot.messages import Message, Refused, Reply
from mmbot.store.tx import Tx
from mmbot.words import notices, people, replies
from mmbot.words.way_on import way_on


def assign(tx: Tx, cmd: Assign) -> Reply:
    """Give the ownership, or a role's review, to a person, or take it from whoever has it."""
    before = _open(tx, cmd.ticket)
    mine = cmd.person == tx.by
    if cmd.role == "owner":
        if mine and not allowed("owner", tx.actor, before) and (able := _could_review(tx, before)):
            raise Refused(replies.claim_a_review(before, able), "role")
        return _assign_owner(tx, before, cmd.person, mine=mine)
    if cmd.role not in before.roles:
        raise review.Illegal("role-not-here", role=cmd.role)
    if not (cmd.role in tx.actor.roles and not submits(before, tx.by)):
        tx.require("owner" if not mine else "role", before, cmd.role)
    _fit(tx, before, cmd.role, cmd.person)
    now = before.review(cmd.role).reviewer
    if cmd.claims and now and now != tx.by:
        raise Refused(replies.taken(before, cmd.role, tx.who(now), tx.who(tx.by)))
    if now == cmd.person:
        raise Refused(replies.assigned_already(before, cmd.role, tx.who(cmd.person) if cmd.person else "", mine=mine))
    after = before.plus(f.Assigned(role=cmd.role, person=cmd.person, by=tx.by, at=tx.at, via=tx.via))
    if cmd.person and not before.review(cmd.role).requested_at:
        after = after.plus(f.Requested(role=cmd.role, by=tx.by, at=tx.at, via=tx.via))
    saved = follow(tx, before, after)
    if cmd.person and not mine:
        tx.tell(_asked(tx, saved, cmd.role), cmd.person, cmd.role, saved)
    _relieved(tx, saved, cmd.role, now)
    remark = ""
    also = [role for role in saved.roles if cmd.person and saved.review(role).reviewer == cmd.person]
    if len(also) > 1:
        remark = replies.two_roles(saved.policy.roles[role].title for role in also)
    remark += away_remark(tx, saved, cmd.role, cmd.person)
    name = tx.who(cmd.person) if cmd.person else ""
    return Reply(replies.assigned(saved, cmd.role, name, mine=mine, way=_way_on(tx, saved, cmd.role), remark=remark))


def _could_review(tx: Tx, ticket: Ticket) -> list[str]:
    """The roles of a ticket that the asker could review in, those that nobody has first."""
    mine = [] if submits(ticket, tx.by) else [x for x in ticket.roles if x in tx.actor.roles]
    return sorted(mine, key=lambda x: ticket.review(x).reviewer != "")


def away_remark(tx: Tx, ticket: Ticket, part: str, person: str) -> str:
    """Who else could take a part that was given to somebody who is away; "" for whoever is here."""
    if not tx.is_away(person) or person == tx.by:
        return ""
    others = [x for x in tx.store.members(part) if x != person and not tx.is_away(x) and not submits(ticket, x)]
    return people.away_remark(ticket, part, tx.who(person), tx.absence(person).day, [tx.who(x) for x in others])


def _way_on(tx: Tx, ticket: Ticket, party: str) -> str:
    turns = {name: turn for name, turn in tx.turns(ticket).items() if name == party}
    return way_on(ticket, turns, tx.by, tx.actor.roles, tx.thread(ticket, party))


def _asked(tx: Tx, ticket: Ticket, role: str) -> Message:
    turn = tx.turns(ticket).get(role)
    due = turn.due if turn else 0
    return notices.assigned(ticket, role, tx.who(tx.by), due, late=0 < due < tx.now, thread=tx.thread(ticket, role))


def _relieved(tx: Tx, ticket: Ticket, role: str, before: str) -> None:
    """Tell whoever had a part that somebody else took it from them."""
    now = ticket.owner if role == "owner" else ticket.review(role).reviewer
    if before and before not in {now, tx.by}:
        tx.say(notices.relieved(ticket, role, tx.who(now) if now else "", tx.who(tx.by)), to=before)


def _assign_owner(tx: Tx, before: Ticket, person: str, *, mine: bool) -> Reply:
    tx.require("owner", before)
    if person and not tx.store.roles_of(person) & {"owner", "admin"}:
        raise Refused(
            replies.lacks_role(tx.who(person), "owner", [tx.who(x) for x in tx.store.members("owner")]), "person"
        )
    if person and submits(before, person):
        raise Refused(replies.own_to_guide(before, tx.who(person), mine=mine), "person")
    if before.owner == person:
        raise Refused(replies.assigned_already(before, "owner", tx.who(person) if person else "", mine=mine))
    saved = follow(tx, before, before.plus(f.Assigned(role="owner", person=person, by=tx.by, at=tx.at, via=tx.via)))
    if person and not mine:
        way = way_on(saved, tx.turns(saved), person, tx.store.roles_of(person), tx.thread(saved))
        tx.tell(notices.assigned(saved, "owner", tx.who(tx.by), way=way), person, "owner", saved)
    _relieved(tx, saved, "owner", before.owner)
    name = tx.who(person) if person else ""
    way_on_, remark = _way_on(tx, saved, "owner"), away_remark(tx, saved, "owner", person)
    return Reply(replies.assigned(saved, "owner", name, mine=mine, way=way_on_, remark=remark))


def request(tx: Tx, cmd: RequestReviews) -> Reply:
    """Ask for reviews: the checklists are posted, and whoever shall review is told."""
    before = _open(tx, cmd.ticket)
    tx.require("owner", before)
    if before.public:
        raise review.Illegal("is-public")
    if not before.commit:
        raise review.Illegal("no-commit")
    for role in cmd.roles:
        if role not in before.roles:
            raise review.Illegal("role-not-here", role=role)
    persons = {_role_of(tx, before, person, cmd.roles): person for person in cmd.people}
    wanted = dict.fromkeys([*cmd.roles, *persons] if cmd.roles or persons else before.roles)
    after, fresh = before, []
    for role in wanted:
        if not before.review(role).requested_at:
            after = after.plus(f.Requested(role=role, by=tx.by, at=tx.at, via=tx.via))
            fresh.append(role)
        if role in persons and before.review(role).reviewer != persons[role]:
            after = after.plus(f.Assigned(role=role, person=persons[role], by=tx.by, at=tx.at, via=tx.via))
            fresh.append(role)
    if not fresh:
        raise Refused(replies.requested_already(before, list(wanted)))
    saved = follow(tx, before, after)
    for role in dict.fromkeys(fresh):
        _tell_reviewers(tx, saved, role)
        _relieved(tx, saved, role, before.review(role).reviewer)
    remarks = [away_remark(tx, saved, role, saved.review(role).reviewer) for role in dict.fromkeys(fresh)]
    return Reply(replies.requested(saved, dict.fromkeys(fresh), tx.who) + "".join(remarks))


def _tell_reviewers(tx: Tx, ticket: Ticket, role: str) -> None:
    reviewer = ticket.review(role).reviewer
    if reviewer:
        if reviewer != tx.by:
            tx.tell(_asked(tx, ticket, role), reviewer, role, ticket)
        return
    turn = tx.turns(ticket).get(role)
    for person in tx.present(x for x in tx.store.members(role) if not submits(ticket, x)):
        tx.say(notices.review_wanted(ticket, role, turn.due if turn else 0, tx.thread(ticket, role)), to=person)


def judge(tx: Tx, cmd: JudgeItem) -> Reply:
    """Judge items of the asker's role at the commit under review; `reopen` without an item brings a closed ticket back."""
    if cmd.state == "open" and not cmd.items:
        return way.reopen(tx, tx.ticket(cmd.ticket), cmd.why)
    before = _open(tx, cmd.ticket)
    roles = {item.role for item in before.items if item.handle in cmd.items}
    for role in sorted(roles):
        tx.require("role", before, role)
    _guard(before, cmd.commit)
    after = _taken_up(tx, review.judged(before, cmd.items, cmd.state, cmd.why, tx.by, tx.at, tx.via), sorted(roles))
    saved = follow(tx, before, after)
    concerned = tuple(dict.fromkeys(before.requirements.items[x].role for x in cmd.items))
    public = tx.event.where.via == "mention"
    return Reply(replies.judged(saved, cmd.items, cmd.state, concerned, in_public=public))


def block(tx: Tx, cmd: Block) -> Reply:
    """Raise a finding; of an item, that is failing it."""
    before = _open(tx, cmd.ticket)
    if cmd.listing:
        _guard(before, cmd.commit)
        return way.refuse_cut(tx, before, cmd.role, cmd.text)
    known = {item.handle: item.role for item in before.items}
    if cmd.item and cmd.item not in known:
        raise review.Illegal("item-unknown", item=cmd.item)
    role = known[cmd.item] if cmd.item else tx.role_for(before, cmd.role, "block")
    if role not in before.roles:
        raise review.Illegal("role-not-here", role=role)
    tx.require("role", before, role)
    _guard(before, cmd.commit)
    if cmd.item:
        after = review.judged(before, [cmd.item], "failed", cmd.text, tx.by, tx.at, tx.via)
    else:
        after = review.blocked(before, role, cmd.text, tx.by, tx.at, tx.via)
    saved = follow(tx, before, _taken_up(tx, after, [role]))
    public = tx.event.where.via == "mention"
    return Reply(replies.blocked(saved, len(saved.findings), role, in_public=public))


def settle(tx: Tx, cmd: SettleFinding) -> Reply:
    """Settle a finding of the asker's role, or make it public."""
    before = tx.ticket(cmd.ticket)
    settled = next((x for x in before.findings if x.number == cmd.number), None) if cmd.disclose else None
    found = settled or review.finding(before, cmd.number)
    tx.require("role", before, found.role)
    if cmd.disclose:
        follow(tx, before, review.disclosed(before, cmd.number, tx.by, tx.at, tx.via))
        return Reply(replies.disclosed(before, cmd.number))
    saved = follow(tx, before, review.unblocked(before, cmd.number, tx.by, tx.at, tx.via))
    return Reply(replies.settled(saved, cmd.number, found.role))


def note(tx: Tx, cmd: AddNote) -> Reply:
    """Leave a remark, which the thread shows too."""
    before = tx.ticket(cmd.ticket)
    tx.require("concerned", before)
    saved = follow(tx, before, before.plus(f.NoteAdded(text=cmd.text, by=tx.by, at=tx.at, via=tx.via)))
    tx.say(notices.note(tx.who(tx.by), cmd.text), thread=card(saved))
    return Reply(replies.noted(saved))


def give_verdict(tx: Tx, cmd: GiveVerdict) -> Reply:
    """Record a role's verdict on the commit under review."""
    before = _open(tx, cmd.ticket)
    if cmd.listing:
        _guard(before, cmd.commit)
        return way.judge_listing(tx, before, cmd.role, cmd.decision)
    word = next(w for w, fixed in cmd.words.items() if fixed["decision"] == cmd.decision)
    role = tx.role_for(before, cmd.role, word, rest=" --all" if cmd.all else "")
    if role not in before.roles:
        raise review.Illegal("role-not-here", role=role)
    tx.require("role", before, role)
    _guard(before, cmd.commit)
    match cmd.decision:
        case "approve":
            after = review.approved(before, role, tx.by, tx.at, tx.via, everything=cmd.all)
        case "retract":
            after = review.retracted(before, role, tx.by, tx.at, tx.via)
        case "holds" | "again" as decision:
            after = review.reconsidered(before, role, decision, tx.by, tx.at, tx.via)
    saved = follow(tx, before, _taken_up(tx, after, [role]))
    return Reply(replies.verdict_recorded(saved, role, cmd.decision, tx.who))


def _taken_up(tx: Tx, ticket: Ticket, roles: Sequence[str]) -> Ticket:
    """Whoever begins a review that nobody has taken is its reviewer."""
    for role in roles:
        part = ticket.review(role)
        if not part.reviewer:
            ticket = ticket.plus(f.Assigned(role=role, person=tx.by, by=tx.by, at=tx.at, via=tx.via))
        if not part.requested_at:
            ticket = ticket.plus(f.Requested(role=role, by=tx.by, at=tx.at, via=tx.via))
    return ticket


def _open(tx: Tx, number: int) -> Ticket:
    ticket = tx.ticket(number)
    if ticket.ended:
        raise review.Illegal("ended")
    return ticket


def _guard(ticket: Ticket, commit: str) -> None:
    alike = (x for x in (ticket.commit, *ticket.trees) if ticket.same(x))
    if commit and ticket.commit and not any(x.startswith(commit) for x in alike):
        raise Refused(replies.review_moved(ticket, commit))


def _fit(tx: Tx, ticket: Ticket, role: str, person: str) -> None:
    if not person:
        return
    if submits(ticket, person):
        raise Refused(replies.own_submission(ticket, tx.who(person)), "person")
    if role not in tx.store.roles_of(person):
        who_may = [tx.who(x) for x in tx.store.members(role) if not submits(ticket, x)]
        raise Refused(replies.lacks_role(tx.who(person), ticket.policy.roles[role].title, who_may), "person")


def _role_of(tx: Tx, ticket: Ticket, person: str, named: tuple[str, ...]) -> str:
    """The role in which a person is asked to review: the only one they hold, or that of those named."""
    held = [role for role in ticket.roles if role in tx.store.roles_of(person)]
    fitting = [role for role in held if role in named] or held
    if len(fitting) != 1:
        raise Refused(replies.which_role_of(ticket, tx.who(person), fitting), "people")
    _fit(tx, ticket, fitting[0], person)
    return fitting[0]
