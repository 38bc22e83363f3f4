"""Every moment of a ticket is booked to whom it waited for: no gap, none after the end, and the same however it is reckoned."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence
from itertools import accumulate, pairwise
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from random_tickets import AT, POLICY, REPOSITORY, lives

from mmbot.domain import facts as f
from mmbot.domain import review
from mmbot.domain.booked import HOLD, Account, Decision, Pace, Span, account, life, pace, totals
from mmbot.domain.deadlines import DAY
from mmbot.domain.report import shares, spread
from mmbot.domain.ticket import Ticket, followed
from mmbot.domain.turns import history, stage, waiting
from mmbot.store import booked
from mmbot.store.database import Store
from mmbot.words.report import days, so_far

HOUR = 3_600_000
Facts = tuple[f.AnyFact, ...]


def told(facts: Sequence[f.AnyFact]) -> Account:
    return account(Ticket(7, POLICY), {}, facts)


def states(facts: Sequence[f.AnyFact]) -> Iterator[tuple[Ticket, int, int]]:
    """Each state of a ticket, from when until when it lasted; the last one for three hours."""
    after = list(accumulate(facts, followed, initial=Ticket(7, POLICY)))[1:]
    times = [x.at for x in facts] + [facts[-1].at + 3 * HOUR]
    yield from ((ticket, *both) for ticket, both in zip(after, pairwise(times), strict=True))


def all_spans(facts: Sequence[f.AnyFact]) -> list[Span]:
    """What is booked up to three hours after the last fact: the open spans closed by asking what is booked then."""
    known, now = told(facts), facts[-1].at + 3 * HOUR
    open_ones = totals({}, known.ticket, known.turns, now)
    return [*known.spans, *(Span(party, "", now - time, now) for party, time in open_ones.items())]


def covers(spans: Iterable[Span], since: int, until: int) -> bool:
    return any(x.since <= since and until <= x.until for x in spans)


@given(lives())
def test_every_moment_is_booked_to_exactly_whom_the_ticket_waits_for(facts: Facts) -> None:
    spans = all_spans(facts)
    for ticket, since, until in states(facts):
        if since == until:
            continue
        parties = {x.party for x in spans if x.since <= since and until <= x.until}
        expected = {HOLD} if ticket.held and not ticket.ended else {x.party for x in waiting(ticket)}
        assert parties == expected
        assert bool(parties) != (bool(ticket.ended) or stage(ticket) == "all done")
        assert not [x for x in spans if x.party not in parties and x.since < until and since < x.until]


@given(lives())
def test_nothing_of_a_party_is_booked_twice_or_before_the_beginning(facts: Facts) -> None:
    spans = sorted(all_spans(facts), key=lambda x: (x.party, x.since))
    assert all(AT <= x.since < x.until for x in spans)
    assert all(a.party != b.party or a.until <= b.since for a, b in pairwise(spans))


@given(lives())
def test_the_sums_are_the_time_in_which_each_party_was_waited_for(facts: Facts) -> None:
    expected = defaultdict[str, int](int)
    for ticket, since, until in states(facts):
        for party in [HOLD] if ticket.held and not ticket.ended else [x.party for x in waiting(ticket)]:
            expected[party] += until - since
    known = told(facts)
    closed = defaultdict[str, int](int)
    for x in known.spans:
        closed[x.party] += x.until - x.since
    now = facts[-1].at + 3 * HOUR
    assert totals(closed, known.ticket, known.turns, now) == {x: time for x, time in expected.items() if time}


@given(lives(), st.data())
def test_it_is_the_same_at_once_and_one_by_one(facts: Facts, data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(facts)))
    first = told(facts[:cut])
    then = account(first.ticket, first.turns, facts[cut:])
    at_once = told(facts)
    assert (then.ticket, then.turns) == (at_once.ticket, at_once.turns)
    assert first.spans + then.spans == at_once.spans
    assert first.decisions + then.decisions == at_once.decisions
    assert (at_once.ticket, at_once.turns) == history(7, POLICY, facts)


@given(lives(), st.lists(st.integers(0, 48), min_size=60, max_size=60))
def test_facts_that_come_out_of_order_break_nothing(facts: Facts, hours: list[int]) -> None:
    shuffled = [x.model_copy(update={"at": AT + hours[n % 60] * HOUR}) for n, x in enumerate(facts)]
    assert all(x.since < x.until for x in told(shuffled).spans)


def test_what_was_written_earlier_and_read_later_is_kept_in_the_store_too(tmp_path: Path) -> None:
    store = Store(tmp_path / "mmbot.db", POLICY)
    said = [(f.Held, DAY), (f.Resumed, 2 * DAY), (f.Held, DAY), (f.Resumed, 3 * DAY)]  # the second hold was read late
    facts = [*under_review().news, *(kind(at=AT + at, **({"why": "?"} if kind is f.Held else {})) for kind, at in said)]
    with store.transaction():
        for number, fact in enumerate(facts):
            store.save((store.ticket(7) or Ticket(7, POLICY)).plus(fact), f"event{number}")
    assert booked.spent(store.connection, 7) == {"hold": 2 * DAY, "owner": DAY}
    store.close()


# In the store


def rows(store: Store) -> dict[str, list[tuple[object, ...]]]:
    asked = {name: f"SELECT * FROM {name} ORDER BY 1, 2, 3" for name in ("booked", "life", "pace", "usual")}  # noqa: S608 -- our own tables
    return {name: [tuple(x.values()) for x in store.query(sql)] for name, sql in asked.items()}


def expected(facts: Sequence[f.AnyFact]) -> dict[str, list[tuple[object, ...]]]:
    """The rows, reckoned from all facts at once."""
    known = told(facts)
    spans = {(x.party, x.since): x for x in known.spans}.values()
    first = dict[str, Decision]()
    for decision in known.decisions:
        first.setdefault(decision.role, decision)
    paces = [pace(x, sorted((y.since, y.until) for y in spans if y.party == role)) for role, x in first.items()]
    found = life(known.ticket)
    counted = {x.role: (spread([x.looked]), spread([x.took])) for x in paces if x.counts}
    return {
        "booked": sorted((7, x.party, x.since, x.until, x.why) for x in spans),
        "life": [(7, found.opened_at, found.finished_at, found.how)],
        "pace": sorted((7, x.role, x.looked, x.took, x.decided_at, int(x.counts)) for x in paces),
        "usual": sorted((x, 1, a.half, a.most, b.half, b.most) for x, (a, b) in counted.items()),
    }


@settings(max_examples=15, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(facts=lives(), sizes=st.lists(st.integers(1, 4), min_size=1))
def test_the_store_keeps_what_the_facts_say_and_reckons_it_anew_to_the_same(
    facts: Facts, sizes: list[int], tmp_path_factory: pytest.TempPathFactory
) -> None:
    store = Store(tmp_path_factory.mktemp("booked") / "mmbot.db", POLICY)
    left, turn = list(facts), 0
    while left:
        size = sizes[turn % len(sizes)]
        some, left, turn = left[:size], left[size:], turn + 1
        with store.transaction():
            store.save((store.ticket(7) or Ticket(7, POLICY)).plus(*some), f"event{turn}")
    kept = rows(store)
    assert kept == expected(facts)
    path = store.path
    store.remember("index", "older")
    store.close()
    again = Store(path, POLICY)
    assert rows(again) == kept
    again.close()


# How long reviews take


def under_review(at: int = AT) -> Ticket:
    return Ticket(7, POLICY).plus(
        f.Submitted(requirements=POLICY.current, by="sue", at=at),
        f.Assigned(role="owner", person="olive", at=at),
        f.Resolved(text="", repository=REPOSITORY, ref_kind="tag", ref_name="v1", commit="3" * 40, track="new", at=at),
    )


def paced(ticket: Ticket, role: str) -> Pace:
    known = told(ticket.news)
    decision = next(x for x in known.decisions if x.role == role)
    return pace(decision, sorted((x.since, x.until) for x in known.spans if x.party == role))


def test_a_review_takes_from_the_request_to_the_first_decision_and_the_hold_between_is_not_its_time() -> None:
    ticket = under_review().plus(f.Requested(role="qa", at=AT + DAY), f.Held(why="?", at=AT + 2 * DAY))
    ticket = ticket.plus(f.Resumed(at=AT + 12 * DAY))
    ticket = review.judged(ticket, ["F1"], "passed", "", "quinn", AT + 14 * DAY, "")
    ticket = review.approved(ticket, "qa", "quinn", AT + 17 * DAY, "", everything=True)
    found = paced(ticket, "qa")
    assert (found.looked, found.took, found.counts) == (3 * DAY, 6 * DAY, True)


def test_changes_requested_are_a_decision_and_what_comes_after_the_first_one_is_not_asked_for() -> None:
    ticket = under_review().plus(f.Requested(role="qa", at=AT))
    ticket = review.blocked(ticket, "qa", "no", "quinn", AT + 2 * DAY, "")
    ticket = review.unblocked(ticket, 1, "quinn", AT + 9 * DAY, "")
    ticket = review.approved(ticket, "qa", "quinn", AT + 10 * DAY, "", everything=True)
    found = paced(ticket, "qa")
    assert (found.looked, found.took, found.counts) == (2 * DAY, 2 * DAY, True)
    assert len([x for x in told(ticket.news).decisions if x.role == "qa"]) == 2


def test_what_was_looked_at_unasked_does_not_say_how_long_one_waits() -> None:
    ticket = review.judged(under_review(), ["F1"], "passed", "", "quinn", AT + DAY, "")
    assert not paced(review.approved(ticket, "qa", "quinn", AT + 2 * DAY, "", everything=True), "qa").counts


def test_usual_is_of_the_newest_reviews_only(tmp_path: Path) -> None:
    store = Store(tmp_path / "mmbot.db", POLICY)
    with store.transaction():
        for number in range(1, booked.LATEST + 31):
            at = AT + number * HOUR
            took = 90 * DAY if number <= 30 else 2 * DAY
            ticket = Ticket(number, POLICY).plus(*under_review(at).news, f.Requested(role="qa", at=at))
            store.save(review.blocked(ticket, "qa", "no", "quinn", at + took, ""), f"event{number}")
        found = booked.usual(store.connection, "qa").took
        assert (found.count, found.half, found.most) == (booked.LATEST, 2 * DAY, 2 * DAY)
    store.close()


# In words


def test_days_are_told_whole_and_hours_never() -> None:
    assert [days(x) for x in (0, DAY - 1, DAY, round(1.4 * DAY), round(1.6 * DAY), 12 * DAY)] == [
        "less than a day", "less than a day", "1 day", "1 day", "2 days", "12 days",
    ]  # fmt: skip


def test_where_the_days_went_names_the_longest_first_and_what_was_short_last() -> None:
    ticket = under_review()
    time = {"dev": 9 * DAY, "submitter": 12 * DAY, "owner": DAY, "qa": 5, "product": HOUR, "mmbot": 3, HOLD: 2 * DAY}
    said = " So far: submitter 12 days, dev 9, on hold 2, owner 1; product and QA less than a day."
    assert so_far(ticket, time) == said
    assert so_far(ticket, time, over=True).startswith(" In all: submitter 12 days")
    assert so_far(ticket, {"qa": DAY - 1, "dev": 5}) == ""


@given(st.dictionaries(st.sampled_from("abcdefgh"), st.integers(0, 10**11)), st.integers(1, 100))
def test_shares_are_all_of_it(went: dict[str, int], parts: int) -> None:
    found = shares(went, parts)
    whole = sum(went.values())
    assert sum(found.values()) == (parts if whole else 0)
    assert all(abs(found[x] - went[x] * parts / whole) < 1 for x in found)
