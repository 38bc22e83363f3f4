"""Tickets in every state that a review can bring them into, drawn by Hypothesis through the domain's own moves."""

from collections.abc import Callable
from typing import Any

from hypothesis import strategies as st

from mmbot import policy
from mmbot.domain import facts as f
from mmbot.domain import review, steps
from mmbot.domain.ticket import Ticket
from mmbot.domain.turns import history
from mmbot.messages import Message
from mmbot.words import cards, checklist, lookups, notices

POLICY = policy.load()
AT = 1_794_218_400_000
REPOSITORY = "https://github.com/example/mattermost-plugin-remind"
LONG = f"https://github.com/{'o' * 39}/{'r' * 100}"
COMMITS = tuple(x * 40 for x in "3f9c")
NASTY = "<&>|`*_[x](http://a.b) @all ~town-square #tag :smile: "
ROLES = ("product", "dev", "security", "qa")
Draw = Callable[[st.SearchStrategy[Any]], Any]

short = st.sampled_from(("", "Remind", "1.0.0")) | st.text(max_size=30)
long = st.sampled_from(("", "w" * 3000, NASTY * 50, "word " * 500)) | st.text(max_size=300)


def who(user: str) -> str:
    """A user id's name; the longest that a server allows for one of them."""
    return "l" * 64 if user == "long" else user


@st.composite
def tickets(draw: Draw, *, moves: int = 12) -> Ticket:
    """A ticket of either track, from unresolved to approved, moved on or closed."""
    at = iter(range(AT, AT + 10**12, 3_600_000))
    asked_for = draw(st.sampled_from(("", "new", "update")))
    claims = tuple(
        f.Claim(handle=x, said=draw(st.sampled_from(("yes", "no", "unclear"))), raw=draw(short), remark=draw(long))
        for x in draw(st.sets(st.sampled_from(("P1", "P4", "S2", "T1"))))
    )
    opened = f.Submitted(
        requirements=POLICY.current, track=asked_for, title=draw(long), contact=draw(short), claims=claims,
        missing=draw(st.sampled_from(((), ("P2", "F1")))), by=draw(st.sampled_from(("sue", "long"))), at=next(at),
    )  # fmt: skip
    repository = draw(st.sampled_from((REPOSITORY, LONG)))
    given = f.ReferenceGiven(text=draw(short), repository=repository, at=next(at), by="sue")
    ticket = Ticket(draw(st.sampled_from((7, 99_999))), POLICY).plus(opened, given)
    for _ in range(draw(st.integers(0, moves))):
        try:
            ticket = _moved(draw, ticket, repository, next(at))
        except review.Illegal:
            continue
    if draw(st.integers(0, 9)) == 0:
        ticket = ticket.plus(f.Ended(ending="duplicate", of=3, at=next(at)))
    return history(ticket.number, POLICY, ticket.news)[0].stored()


def _moved(draw: Draw, ticket: Ticket, repository: str, at: int) -> Ticket:  # noqa: PLR0911 -- one exit per move
    role, by = draw(st.sampled_from(ROLES)), draw(st.sampled_from(("sam", "long")))
    move = draw(st.integers(0, 9)) if ticket.commit else 0
    if move == 0:
        return ticket.plus(resolved(draw, repository, at))
    if move == 1:
        return ticket.plus(f.Unresolved(text=draw(short), why=draw(long), at=at))
    if move == 2:
        return ticket.plus(f.Assigned(role=draw(st.sampled_from((role, "owner"))), person=by, by=by, at=at))
    if move == 3:
        return ticket.plus(*(f.Requested(role=x, by=by, at=at) for x in ROLES))
    if move in {4, 5}:
        items = draw(st.lists(st.sampled_from([x.handle for x in ticket.items]), min_size=1, max_size=3))
        state = draw(st.sampled_from(("passed", "failed", "na", "open")))
        return review.judged(ticket, items, state, draw(long), by, at, "slash")
    if move == 6:
        return review.blocked(ticket, role, draw(long), by, at, "slash")
    if move == 7 and ticket.findings:
        number = draw(st.integers(1, len(ticket.findings)))
        settle = review.unblocked if draw(st.booleans()) else review.disclosed
        return settle(ticket, number, by, at, "click")
    if move == 8:
        return ticket.plus(f.ReadySaid(findings=tuple(x.number for x in ticket.findings), by="sue", at=at))
    return review.approved(ticket, role, by, at, "click", everything=True)


def resolved(draw: Draw, repository: str, at: int) -> f.Resolved:
    """A reference found, with whatever a manifest may say."""
    track = draw(st.sampled_from(("new", "update")))
    return f.Resolved(
        text=draw(short), repository=repository, ref_kind=draw(st.sampled_from(("tag", "branch", "pull", "commit"))),
        ref_name=draw(short | st.just("x" * 200)), commit=draw(st.sampled_from(COMMITS)), plugin_id=draw(short | st.just("i" * 190)),
        name=draw(long), version=draw(short | st.just("0.1.0")), homepage_url=draw(short | st.just(f"{LONG}/{'h' * 300}")),
        support_url=draw(short), release_notes_url=draw(short | st.just(f"{LONG}/{'n' * 300}")),
        manifest_problem=draw(long), unfilled=draw(st.sampled_from(((), ("homepage_url", "version")))),
        evidence=draw(st.sampled_from(({}, {"license": "LICENSE", "security": "x" * 300}))), reachable=draw(st.booleans()),
        since=draw(st.sampled_from(("", *COMMITS))), since_version=draw(short), version_only=draw(st.booleans()),
        files=draw(st.sampled_from(((), ("plugin.json",), ("x" * 200, NASTY) * 10))), more=draw(st.integers(0, 9)),
        diff=draw(long), tree=draw(st.sampled_from(("", "t" * 40))),
        track=track, base_version=draw(short) if track == "update" else "", collides_with=draw(short),
        changed_from=draw(short), at=at,
    )  # fmt: skip


def posts(ticket: Ticket) -> list[Message]:
    """Every post that shows the present of a ticket, and every one about its findings."""
    turns = history(ticket.number, POLICY, ticket.news)[1] if ticket.news else {}
    shown = [
        cards.card(ticket, turns, who),
        *(checklist.prompt(ticket, role, turns, who) for role in ticket.roles if ticket.commit),
    ]
    found = review.findings(ticket)
    told = [notices.changes(ticket, found, who), notices.changed(ticket, found, who)] if found else []
    answered = [notices.answered(ticket, role, who) for role in ticket.roles if review.findings(ticket, role)]
    remarks = lookups.remarks(ticket)
    about = [lookups.found(ticket, remarks, update_of_nothing=True), lookups.for_the_submitter(ticket, remarks)]
    wanted = [notices.review_wanted(ticket, role, AT) for role in ticket.roles]
    confirmed = [notices.confirm(ticket, role, "f" * 40) for role in ticket.roles if ticket.commit]
    confirmed += [notices.moved(ticket, x, ticket.roles, remarks) for x in COMMITS[:2] if ticket.commit]
    return [*shown, *told, *answered, *about, *wanted, *confirmed, lookups.new_ticket(ticket, who)]


@st.composite
def lives(draw: Draw, *, moves: int = 25) -> tuple[f.AnyFact, ...]:
    """The facts of a ticket that rests, is closed, comes back and goes its way to the public besides what a review brings."""
    at = AT
    opened = f.Submitted(requirements=POLICY.current, track=draw(st.sampled_from(("", "new", "web"))), by="sue", at=AT)
    ticket = Ticket(7, POLICY).plus(
        opened,
        f.ReferenceGiven(text="", repository=REPOSITORY, at=AT, by="sue"),
    )
    for far in range(draw(st.integers(0, 12))):
        at += 24 * 3_600_000
        ticket = _further(ticket, far, at)
    for _ in range(draw(st.integers(0, moves))):
        at += draw(st.sampled_from((0, 1, 5, 30))) * 3_600_000
        try:
            ticket = _lived(draw, ticket, at)
        except review.Illegal:
            continue
    return ticket.news


def _further(ticket: Ticket, far: int, at: int) -> Ticket:
    """The ticket a stretch further on its way: found, requested, approved, then step by step."""
    if far == 0:
        track = "web" if ticket.track == "web" else "new"
        found = f.Resolved(
            text="", repository=REPOSITORY, ref_kind="tag", ref_name="v1", commit=COMMITS[0], track=track, at=at
        )
        return ticket.plus(f.Assigned(role="owner", person="olive", at=at), found)
    if far == 1:
        return ticket.plus(*(f.Requested(role=role, at=at) for role in ticket.roles))
    if far == 2:
        for role in ticket.roles:
            ticket = review.approved(ticket, role, "sam", at, "", everything=True)
        return ticket
    if not (left := steps.outstanding(ticket)):
        return ticket
    if left[0] == "listing-gate":
        for role in steps.missing_at_listing(ticket):
            ticket = steps.listing_judged(ticket, role, "approve", "sam", at, "")
        return ticket
    return steps.marked(ticket, f.StepDone(step=left[0], link="https://example.com", person="sue", at=at))


def _lived(draw: Draw, ticket: Ticket, at: int) -> Ticket:  # noqa: PLR0911 -- one exit per move
    if ticket.ended:
        return ticket.plus(f.Reopened(at=at)) if draw(st.booleans()) else ticket.plus(f.NoteAdded(text="?", at=at))
    match draw(st.integers(0, 9)):
        case 0:
            return steps.closed(ticket, f.Ended(ending=draw(st.sampled_from(("rejected", "withdrawn"))), at=at))
        case 1:
            return steps.rested(ticket, f.Resumed(at=at) if ticket.held else f.Held(why="?", at=at))
        case 2 if ticket.commit:
            step = draw(st.sampled_from(ticket.track_words.steps))
            return steps.marked(ticket, f.StepDone(step=step, link="https://example.com", person="sue", at=at))
        case 3 if ticket.steps:
            name, person = draw(st.sampled_from(sorted(ticket.steps)))
            return steps.unmarked(ticket, name, person, "olive", at, "")
        case 4 if ticket.commit and ticket.roles:
            return review.approved(ticket, draw(st.sampled_from(ticket.roles)), "sam", at, "", everything=True)
        case 5 if ticket.commit:
            commit = draw(st.sampled_from(COMMITS))
            return ticket.plus(
                f.Resolved(
                    text="", repository=REPOSITORY, ref_kind="tag", ref_name="v1", commit=commit, track="new", at=at
                )
            )
    return _moved(draw, ticket, REPOSITORY, at)
