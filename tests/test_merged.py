"""What was merged is compared with what was approved: answers that come late, or about what is not known."""

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from fake_git import fake_git

from mmbot import policy
from mmbot.app import App
from mmbot.domain import facts as f
from mmbot.domain import steps
from mmbot.domain.ticket import Ticket
from mmbot.events import Command, EndTicket, Event, PeopleNamed, ReferenceResolved, TakeStep, UndoStep, Where
from mmbot.github.git import GitLimits
from mmbot.messages import Reply
from mmbot.steps.resolving import resolving
from mmbot.store.database import Store
from mmbot.store.tx import Settings

UPSTREAM, FORK = "https://github.com/example/remind", "https://github.com/mattermost/remind"
APPROVED, MERGED = "3" * 40, "7" * 40
TREE, OTHER = "a" * 40, "b" * 40


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    store = Store(tmp_path / "mmbot.db", policy.load())
    made = App(store, Settings(), lambda: 1_000)
    people = {"owner": (("olive", "id-olive"),), "release": (("rosa", "id-rosa"),)}
    made.handle(Event("people", "", 1, Where("mmbot"), PeopleNamed(roles=people)))
    yield made
    store.close()


def gate_open(app: App, *, tree: str = TREE, fork: str = FORK) -> None:
    resolved = f.Resolved(
        text="", repository=UPSTREAM, ref_kind="tag", ref_name="v1", commit=APPROVED, tree=tree, track="new"
    )
    ticket = Ticket(1, app.store.policy).plus(f.Submitted(requirements="2020-09-28", by="id-sue", at=1), resolved)
    ticket = ticket.plus(f.Assigned(role="owner", person="id-olive", at=2))
    ticket = ticket.plus(*(f.Requested(role=x, at=2) for x in ticket.roles))
    ticket = ticket.plus(*(f.VerdictGiven(role=x, decision="approve", commit=APPROVED, at=2) for x in ticket.roles))
    ticket = ticket.plus(*(f.StepDone(step=x, link=fork, at=3) for x in ("fork", "access", "pull-request", "legal")))
    with app.store.transaction():
        app.store.save(ticket, "made")


def does(app: App, at: int, what: Command) -> Reply:
    reply = app.handle(Event(f"e{at}", "id-olive", at, Where("slash"), what))
    assert reply
    return reply


def merged(app: App, at: int, note: str = f"{FORK}/commit/{MERGED}") -> Reply:
    return does(app, at, TakeStep(ticket=1, step="merged", note=note, skipped=False))


def answer(app: App, asked_at: int, commit: str = MERGED, tree: str = OTHER, why: str = "") -> list[str]:
    """What is said when what was asked for at a moment is found."""
    before = len(said(app))
    what = ReferenceResolved(
        ticket=1, text="", repository=FORK, asked_at=asked_at, commit=commit, tree=tree, why=why, since=APPROVED, purpose="merged"
    )  # fmt: skip
    app.handle(Event(f"found{asked_at}{commit}{tree}", "", 900, Where("mmbot"), what))
    return said(app)[before:]


def said(app: App) -> list[str]:
    rows = app.store.query("SELECT person, body FROM outbox WHERE kind = 'say' ORDER BY id")
    return [f"{row['person']}: {json.loads(row['body'])['text']}" for row in rows]


def asked(app: App) -> list[dict[str, object]]:
    rows = app.store.query("SELECT body FROM outbox WHERE kind = 'do' ORDER BY id")
    return [json.loads(row["body"]) for row in rows]


def ticket(app: App) -> Ticket:
    found = app.store.ticket(1)
    assert found
    return found


@pytest.mark.parametrize(
    ("note", "repository", "name"),
    [
        (f"{FORK}/commit/{MERGED}", FORK, MERGED),
        (f"squashed {FORK}/tree/main", FORK, "main"),
        (MERGED[:9], FORK, MERGED[:9]),
        ("v1.0.0", FORK, "v1.0.0"),
        ("https://github.com/somebody/else v1.0.0", "https://github.com/somebody/else", "v1.0.0"),
    ],
)
def test_what_is_named_is_looked_up_in_the_fork_and_compared(app: App, note: str, repository: str, name: str) -> None:
    gate_open(app)
    assert not merged(app, 10, note).refused
    (question,) = asked(app)
    expected = {"repository": repository, "name": name, "purpose": "merged", "since": APPROVED, "asked_at": 10}
    assert question | expected == question


def test_without_a_fork_it_is_looked_up_where_the_review_is(app: App) -> None:
    gate_open(app, fork="")
    merged(app, 10, "v1.0.0")
    assert asked(app)[0]["repository"] == UPSTREAM


@pytest.mark.parametrize("note", ["", "by hand", "finally", "see the v1.0.0 tag"])
def test_words_alone_are_not_looked_up(app: App, note: str) -> None:
    gate_open(app)
    assert not merged(app, 10, note).refused
    assert asked(app) == []
    assert any(x.startswith("id-rosa: ") for x in said(app))


def test_a_pull_request_is_no_commit(app: App) -> None:
    gate_open(app)
    assert merged(app, 10, f"{FORK}/pull/7").refused
    assert not steps.done(ticket(app), "merged")


@pytest.mark.parametrize("commit", [APPROVED, MERGED])
def test_the_same_code_is_said_and_whoever_cuts_it_is_told_then(app: App, commit: str) -> None:
    gate_open(app)
    merged(app, 10)
    assert not any(x.startswith("id-rosa: ") for x in said(app))
    news, release = answer(app, 10, commit, TREE)
    assert "that is what may be cut" in news
    assert release.startswith("id-rosa: ")
    assert steps.done(ticket(app), "merged")
    found = ticket(app).merge
    assert isinstance(found, f.MergeFound)
    assert (found.commit, found.tree, found.of) == (commit, TREE, APPROVED)


def test_other_code_does_not_count_and_the_owner_is_told_the_two_ways_on(app: App) -> None:
    gate_open(app)
    merged(app, 10)
    news, owner = answer(app, 10)
    assert "does not count as merged" in news
    assert owner.startswith("id-olive: ")
    assert "done MB-1 merged LINK" in owner
    assert f"commit MB-1 {FORK} {MERGED[:12]}" in owner
    assert not steps.done(ticket(app), "merged")
    assert ticket(app).steps_reached == ()
    assert steps.outstanding(ticket(app))[0] == "merged"
    assert not merged(app, 20, f"{FORK}/commit/{APPROVED}").refused
    answer(app, 20, APPROVED, TREE)
    assert steps.done(ticket(app), "merged")


@pytest.mark.parametrize(("tree", "why"), [(TREE, "It isn't public."), ("", "")])
def test_what_cannot_be_compared_stays_as_it_was_reported(app: App, tree: str, why: str) -> None:
    gate_open(app, tree=tree)
    merged(app, 10)
    owner, release = answer(app, 10, "" if why else MERGED, "" if why else OTHER, why)
    assert owner.startswith("id-olive: ")
    assert "could not check" in owner
    assert release.startswith("id-rosa: ")
    assert steps.done(ticket(app), "merged")
    assert isinstance(ticket(app).merge, f.MergeUnchecked)


def test_an_answer_about_a_merge_that_was_taken_back_or_reported_anew_is_dropped(app: App) -> None:
    gate_open(app)
    merged(app, 10)
    does(app, 11, UndoStep(ticket=1, step="merged"))
    assert answer(app, 10) == []
    merged(app, 12)
    assert answer(app, 10, tree="c" * 40) == []
    assert steps.done(ticket(app), "merged")
    does(app, 13, EndTicket(ticket=1, ending="rejected", why="no"))
    assert answer(app, 12) == []


@pytest.mark.parametrize(("tree", "words"), [(OTHER, "it is the code under review"), (TREE, "it is not the code")])
def test_what_was_merged_while_the_review_moved_on_is_compared_with_what_is_reviewed_now(
    app: App, tree: str, words: str
) -> None:
    gate_open(app)
    merged(app, 10)
    there = f.Resolved(
        text="", repository=FORK, ref_kind="tag", ref_name="v2", commit="8" * 40, tree=OTHER, track="new", at=11
    )
    with app.store.transaction():
        app.store.save(ticket(app).plus(there), "moved")
    (news,) = answer(app, 10, tree=tree)
    assert words in news
    assert ("merged" in ticket(app).steps_reached) == (tree == OTHER)


def test_what_was_stored_before_there_were_trees_and_differences_is_read() -> None:
    old = '{"kind":"resolved","text":"","repository":"","ref_kind":"tag","ref_name":"","commit":"3","track":"new"}'
    fact = f.read_fact(old)
    assert isinstance(fact, f.Resolved)
    assert (fact.tree, fact.since, fact.files, fact.more, fact.version_only, fact.diff) == ("", "", (), 0, False, "")


async def test_the_step_gives_back_what_it_was_asked_with(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    async with fake_git(tmp_path / "repositories") as server:
        plugin = server.repository("sue/plugin")
        before = plugin.commit({"plugin.json": '{"id": "a.b", "version": "1.0.0-rc1"}'})
        after = plugin.commit({"plugin.json": '{"id": "a.b", "version": "1.0.0"}'})
        limits = GitLimits(seconds=20, plain_http=frozenset({server.host}))
        step = resolving(limits, tmp_path / "work")
        question = {
            "ticket": 7, "text": "x", "repository": server.url("sue/plugin"), "kind": "default", "name": "", "asked_at": 5,
            "since": before, "since_version": "1.0.0-rc1", "purpose": "merged",
        }  # fmt: skip
        found = await step(question, 0)
        missing = await step(question | {"repository": server.url("sue/other")}, 0)
        plain = await step({x: question[x] for x in ("ticket", "text", "repository", "kind", "name")}, 0)
    assert isinstance(found, ReferenceResolved)
    assert isinstance(missing, ReferenceResolved)
    assert isinstance(plain, ReferenceResolved)
    for result in (found, missing):
        asked_with = (result.ticket, result.text, result.asked_at, result.since, result.since_version, result.purpose)
        assert asked_with == (7, "x", 5, before, "1.0.0-rc1", "merged")
    assert (found.commit, found.files, found.version_only) == (after, ("plugin.json",), True)
    assert "no such repository" in missing.why
    assert (plain.commit, plain.since, plain.files, plain.purpose) == (after, "", (), "")
