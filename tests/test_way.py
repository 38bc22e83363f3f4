"""What a conversation cannot show of a ticket's way: what comes while it is closed, and who stands at the listing gate."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mmbot import policy
from mmbot.app import App
from mmbot.domain import facts as f
from mmbot.domain import review, steps
from mmbot.domain.ticket import Ticket
from mmbot.events import (
    Assign,
    Command,
    EditTicket,
    EndTicket,
    Event,
    GiveVerdict,
    JudgeItem,
    PeopleNamed,
    Person,
    ReferenceResolved,
    Submit,
    TakeStep,
    UndoStep,
    Where,
)
from mmbot.store.database import Store
from mmbot.store.tx import Settings

REPOSITORY = "https://github.com/example/remind"
COMMIT = "3" * 40


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    store = Store(tmp_path / "mmbot.db", policy.load())
    found = App(store, Settings(), lambda: 1_000)
    found.handle(Event("people", "", 1, Where("mmbot"), PeopleNamed(roles={"owner": (("olive", "id-olive"),)})))
    yield found
    store.close()


def does(app: App, at: int, by: str, what: Command) -> None:
    reply = app.handle(Event(f"e{at}", by, at, Where("slash"), what))
    assert reply
    assert not reply.refused, reply.text


def found(asked_at: int) -> ReferenceResolved:
    return ReferenceResolved(
        ticket=1,
        text=f"{REPOSITORY} v1",
        repository=REPOSITORY,
        asked_at=asked_at,
        ref_kind="tag",
        ref_name="v1",
        commit=COMMIT,
    )


def test_a_reference_that_was_found_while_the_ticket_was_closed_is_looked_up_again(app: App) -> None:
    does(app, 10, "id-sue", Submit(link=f"{REPOSITORY} v1"))
    does(app, 11, "id-olive", EndTicket(ticket=1, ending="rejected", why="no"))
    app.handle(Event("found", "", 12, Where("mmbot"), found(10)))
    does(app, 13, "id-olive", JudgeItem(ticket=1, state="open"))
    assert len(app.store.query("SELECT id FROM outbox WHERE kind = 'do' AND subject = 'resolve'")) == 2
    app.handle(Event("found again", "", 14, Where("mmbot"), found(10)))
    ticket = app.store.ticket(1)
    assert ticket
    assert ticket.commit == COMMIT


def test_a_role_of_the_listing_gate_speaks_there_though_the_track_lacks_it(app: App) -> None:
    resolved = f.Resolved(text="", repository=REPOSITORY, ref_kind="tag", ref_name="v1", commit=COMMIT, track="beta")
    ticket = Ticket(1, app.store.policy).plus(f.Submitted(requirements="2020-09-28", by="id-sue", at=1), resolved)
    ticket = ticket.plus(*(f.VerdictGiven(role=x, decision="approve", commit=COMMIT, at=2) for x in ticket.roles))
    ticket = ticket.plus(*(f.StepDone(step=x, commit=COMMIT, at=3) for x in ("merged", "cut", "listing")))
    with app.store.transaction():
        app.store.save(ticket, "made")
    roles = {"dev": (("dana", "id-dana"),), "security": (("sam", "id-sam"),)}
    app.handle(Event("more people", "", 4, Where("mmbot"), PeopleNamed(roles=roles)))
    assert "dev" not in ticket.roles
    does(app, 5, "id-dana", GiveVerdict(ticket=1, decision="approve", listing=True))
    refused = app.handle(
        Event("sam", "id-sam", 6, Where("slash"), GiveVerdict(ticket=1, decision="approve", listing=True))
    )
    assert refused
    assert refused.refused
    saved = app.store.ticket(1)
    assert saved
    assert steps.missing_at_listing(saved) == ("qa",)


def at_the_listing_gate(app: App, *reached: str) -> None:
    """A ticket that every role approved, with these steps done; olive, dana (dev), quinn (qa) and sue know of it."""
    resolved = f.Resolved(text="", repository=REPOSITORY, ref_kind="tag", ref_name="v1", commit=COMMIT, track="new")
    ticket = Ticket(1, app.store.policy).plus(f.Submitted(requirements="2020-09-28", by="id-sue", at=1), resolved)
    ticket = ticket.plus(f.Assigned(role="owner", person="id-olive", at=2))
    ticket = ticket.plus(*(f.Requested(role=x, at=2) for x in ticket.roles))
    ticket = ticket.plus(*(f.VerdictGiven(role=x, decision="approve", commit=COMMIT, at=2) for x in ticket.roles))
    ticket = ticket.plus(*(f.StepDone(step=x, link="https://x", commit=COMMIT, at=3) for x in reached))
    with app.store.transaction():
        app.store.save(ticket, "made")
    roles = {"dev": (("dana", "id-dana"),), "qa": (("quinn", "id-quinn"),), "owner": (("olive", "id-olive"),)}
    people = tuple(Person(f"id-{x}", x) for x in ("olive", "dana", "quinn", "sue"))
    app.handle(Event("more people", "", 4, Where("mmbot"), PeopleNamed(roles=roles), people))


def refused(app: App, at: int, by: str, what: Command) -> str:
    reply = app.handle(Event(f"e{at}", by, at, Where("slash"), what))
    assert reply
    assert reply.refused
    return reply.text


TO_THE_GATE = ("fork", "access", "pull-request", "legal", "merged", "cut", "listing")


def test_nothing_is_taken_back_on_a_closed_ticket(app: App) -> None:
    at_the_listing_gate(app, *TO_THE_GATE)
    does(app, 5, "id-olive", EndTicket(ticket=1, ending="rejected", why="no"))
    assert "takes nothing more" in refused(app, 6, "id-olive", UndoStep(ticket=1, step="listing"))


def test_the_listing_gate_of_what_is_public_is_frozen(app: App) -> None:
    at_the_listing_gate(app, *TO_THE_GATE)
    for at, by in ((5, "id-dana"), (6, "id-quinn")):
        does(app, at, by, GiveVerdict(ticket=1, decision="approve", listing=True))
    does(app, 7, "id-olive", TakeStep(ticket=1, step="listed", skipped=False))
    assert "is listed" in refused(app, 8, "id-dana", GiveVerdict(ticket=1, decision="retract", listing=True))


def test_whoever_tried_what_was_cut_does_not_become_its_submitter(app: App) -> None:
    at_the_listing_gate(app, *TO_THE_GATE)
    does(app, 5, "id-dana", GiveVerdict(ticket=1, decision="approve", listing=True))
    assert "dana" in refused(app, 6, "id-olive", EditTicket(ticket=1, what="submitter", value="@dana"))


def test_what_is_taken_from_the_listing_stands_beside_no_twin(app: App) -> None:
    at_the_listing_gate(app, *TO_THE_GATE)
    for at, by in ((5, "id-dana"), (6, "id-quinn")):
        does(app, at, by, GiveVerdict(ticket=1, decision="approve", listing=True))
    does(app, 7, "id-olive", TakeStep(ticket=1, step="listed", skipped=False))
    does(app, 8, "id-sue", Submit(link=f"{REPOSITORY} v2"))
    assert "MB-2" in refused(app, 9, "id-olive", UndoStep(ticket=1, step="listed"))


def test_a_link_leads_to_an_earlier_ticket_only(app: App) -> None:
    does(app, 10, "id-sue", Submit(link=f"{REPOSITORY} v1"))
    does(app, 11, "id-sue", EndTicket(ticket=1, ending="withdrawn"))
    does(app, 12, "id-sue", Submit(link=f"{REPOSITORY} v1"))
    does(app, 13, "id-sue", EndTicket(ticket=2, ending="withdrawn"))
    does(app, 14, "id-olive", JudgeItem(ticket=1, state="open"))
    app.handle(Event("found", "", 15, Where("mmbot"), found(10)))
    first, second = app.store.ticket(1), app.store.ticket(2)
    assert first
    assert second
    assert (first.before, first.after, second.before) == (0, (2,), 1)


def test_a_gate_without_an_owner_waits_for_one(app: App) -> None:
    at_the_listing_gate(app, *TO_THE_GATE[:4])
    does(app, 5, "id-olive", Assign(ticket=1, role="owner", person=""))
    assert [(x.party, x.why) for x in app.store.turns(1).values()] == [("owner", "owner")]


def test_a_published_page_keeps_the_steps_that_it_rests_on(app: App) -> None:
    page = f.Resolved(
        text="", repository="https://example.com", ref_kind="page", ref_name="", commit=COMMIT, track="web"
    )
    ticket = Ticket(1, app.store.policy).plus(f.Submitted(requirements="2020-09-28", track="web", by="id-sue"), page)
    ticket = ticket.plus(f.VerdictGiven(role="product", decision="approve", commit=COMMIT, at=2))
    ticket = ticket.plus(*(f.StepDone(step=x, link="https://x", commit=COMMIT, at=3) for x in ("contact", "published")))
    with pytest.raises(review.Illegal, match="later-done"):
        steps.unmarked(ticket, "contact", "", "id-olive", 4, "")
