"""What a conversation cannot show of a ticket's way: what comes while it is closed, and who stands at the listing gate."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mmbot import policy
from mmbot.app import App
from mmbot.domain import facts as f
from mmbot.domain import steps
from mmbot.domain.ticket import Ticket
from mmbot.events import (
    Command,
    EndTicket,
    Event,
    GiveVerdict,
    JudgeItem,
    PeopleNamed,
    ReferenceResolved,
    Submit,
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
