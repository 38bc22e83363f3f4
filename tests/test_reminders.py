"""Who is reminded of what, and when: the rungs against a walk through the calendar, and random weeks played through the application."""

import itertools
import re
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmbot import policy
from mmbot.app import App
from mmbot.domain import reminders, whens
from mmbot.domain.deadlines import DAY, Office, plus_days, plus_working_days
from mmbot.domain.turns import Turn
from mmbot.events import (
    Assign,
    Block,
    Command,
    Event,
    GiveVerdict,
    HoldTicket,
    Mute,
    PeopleNamed,
    Person,
    ReferenceResolved,
    Remind,
    RequestReviews,
    SayAway,
    SayReady,
    Snooze,
    Submit,
    Where,
)
from mmbot.mattermost import render
from mmbot.policy import Hours, Policy
from mmbot.store import due, outbox
from mmbot.store.database import Store
from mmbot.store.tx import Settings

POLICY = policy.load()
MONDAY = 1_794_218_400_000  # 2026-11-09, 10:00 UTC
HOUR = 3_600_000
ZONES = ("", "Europe/Berlin", "America/Los_Angeles", "Asia/Kolkata", "Pacific/Auckland")
BOOK = {
    "owner": ("olive", "ole"), "default-owner": ("olive",), "product": ("pam",), "dev": ("dana",), "security": ("sam",),
    "qa": ("quinn", "tom", "ole"), "release": ("rosa",), "admin": ("ada",),
}  # fmt: skip
PEOPLE = ("sue", "otto", "olive", "ole", "ada", "pam", "dana", "sam", "quinn", "tom", "rosa")

moments = st.integers(MONDAY, MONDAY + 400 * DAY)
turns = st.builds(
    lambda at, days, party, alone: Turn(
        party, "review", at, plus_days(alone, POLICY.days.submitter) if party == "submitter" else plus_working_days(at, days),
        alone=alone if party == "submitter" else 0,
    ),
    moments, st.integers(1, 21), st.sampled_from(("owner", "qa", "submitter")), moments,
)  # fmt: skip


def walked(turn: Turn) -> Iterator[int]:
    """The rungs of a turn, one after the other."""
    if turn.party == "submitter":
        yield from (turn.alone + round(days * DAY) for days in POLICY.remind.submitter)
    yield (at := turn.due)
    while True:
        yield (at := plus_working_days(at, POLICY.remind.ladder))


@given(turns, moments)
def test_the_height_is_the_number_of_rungs_that_a_walk_through_the_calendar_finds(turn: Turn, at: int) -> None:
    height = reminders.height(POLICY, turn, at)
    rungs = list(itertools.islice(walked(turn), height + 1))
    assert [x <= at for x in rungs] == [*[True] * height, False]
    assert reminders.next_rung(POLICY, [turn], at) == rungs[-1]


def test_without_a_day_there_is_no_rung() -> None:
    assert reminders.height(POLICY, Turn("mmbot", "resolving", 1), MONDAY) == 0
    assert reminders.next_rung(POLICY, [Turn("submitter", "answer", 1)], MONDAY) is None


def test_rungs_of_a_test_policy_whose_days_are_seconds_are_found_as_fast() -> None:
    quick = POLICY.model_copy(update={"remind": POLICY.remind.model_copy(update={"ladder": 0.00005})})
    late = Turn("owner", "request", MONDAY, MONDAY)
    assert reminders.height(quick, late, MONDAY + 300 * DAY) > 1_000_000


@given(moments, st.sampled_from(ZONES), st.integers(1, 90))
def test_in_some_days_is_the_same_time_of_day_or_the_next_working_morning(now: int, zone: str, days: int) -> None:
    office = Office(POLICY.hours, ZoneInfo(zone) if zone else UTC, POLICY.days.holidays)
    at = whens.moment(f"in {days} days", now, office)
    asked, found = (datetime.fromtimestamp(x / 1000, office.zone) for x in (now, at))
    wanted = asked.date() + timedelta(days=days)
    assert office.open(at)
    if office.open(round(datetime.combine(wanted, asked.timetz()).timestamp() * 1000)):
        assert (found.date(), found.time()) == (wanted, asked.time())
    else:
        assert (found.hour, found.minute) == (9, 0)
        assert wanted <= found.date() <= wanted + timedelta(days=3)


@given(st.text(max_size=40), moments)
def test_whatever_people_write_is_a_moment_ahead_or_refused(words: str, now: int) -> None:
    office = Office(POLICY.hours)
    for said in (words, f"in {words} days", f"on {words}", whens.cut(words)[1]):
        try:
            assert whens.moment(said, now, office) >= now
        except whens.BadWhen as bad:
            assert bad.why in {"unread", "past", "far"}  # noqa: PT017 -- it may well be understood


@pytest.mark.parametrize(
    ("line", "rest", "when"),
    [
        ("@sue about MB-7 in 3 days look at it", "@sue about MB-7 look at it", "in 3 days"),
        ("@sue MB-7 tomorrow, please", "@sue MB-7 please", "tomorrow"),
        ("@sue MB-7 next Monday", "@sue MB-7", "next Monday"),
        ("@sue MB-7 2026-12-01", "@sue MB-7", "2026-12-01"),
        ("@sue MB-7 within 3 days", "@sue MB-7 within 3 days", ""),
    ],
)
def test_when_is_cut_out_of_a_line(line: str, rest: str, when: str) -> None:
    assert whens.cut(line) == (rest, when)


# Random weeks


class Weeks:
    """One store with its people; what was said to each of them, and when."""

    def __init__(self, folder: Path, zones: list[str], rules: Policy = POLICY) -> None:
        self.store = Store(folder / "mmbot.db", rules)
        self.store.connection.execute("PRAGMA synchronous = OFF")  # nothing of it outlasts the test
        self.now, self.ids = MONDAY, itertools.count(1)
        self.app = App(self.store, Settings(), lambda: self.now)
        self.zones = {f"id-{name}": zone for name, zone in zip(PEOPLE, itertools.cycle(zones), strict=False)}
        self.people = tuple(Person(f"id-{x}", x, self.zones[f"id-{x}"]) for x in PEOPLE)
        self.mornings: dict[str, list[tuple[int, str]]] = defaultdict(list)
        self.by_clock: list[tuple[int, str, str]] = []
        self.happens("", PeopleNamed(roles={r: tuple((x, f"id-{x}") for x in names) for r, names in BOOK.items()}))

    def happens(self, by: str, what: Command | PeopleNamed | ReferenceResolved) -> None:
        where = Where("slash" if by else "mmbot")
        self.app.handle(Event(f"e{next(self.ids)}", by and f"id-{by}", self.now, where, what, self.people))
        for row in self.store.query("SELECT id, body FROM outbox WHERE kind = 'do' AND state = 'pending'"):
            self.store.execute("UPDATE outbox SET state = 'sent' WHERE id = ?", row["id"])
            number = int(re.findall(r'"ticket": (\d+)', row["body"])[0])
            asked = self.store.ticket(number)
            assert asked
            assert asked.asked
            plugin = {"id": f"com.example.p{number}", "name": f"Plugin{number}", "version": "1.0.0"}
            self.happens("", ReferenceResolved(
                ticket=number, text=asked.asked.text, repository=asked.repository, asked_at=asked.asked.at, ref_kind="tag",
                ref_name="v1.0.0", commit=f"{number:040x}", tree=f"{number:040x}", manifest=plugin,
            ))  # fmt: skip
        self.heard(by_clock=False)
        self.submitters_have_their_days()

    def submitters_have_their_days(self) -> None:
        """A submitter's days count only while nobody else is waited for."""
        for number in range(1, self.store.next_number()):
            waits = self.store.turns(number)
            if found := waits.get("submitter"):
                assert bool(found.alone) == (len(waits) == 1)
                assert found.due == (plus_days(found.alone, POLICY.days.submitter) if found.alone else 0)
                assert not found.alone or found.alone >= found.since

    def heard(self, *, by_clock: bool) -> None:
        for row in outbox.due(self.store, self.now, limit=1000):
            if row.kind == "say" and row.person:
                text = outbox.read_message(row.body).text
                if by_clock:
                    self.by_clock.append((self.now, row.person, text))
                if re.match(r"Good morning\.|Hello\.", text):
                    assert by_clock
                    self.mornings[row.person].append((self.now, text))
                    self.must_concern(row.person, text)
            outbox.sent(self.store, row, "c", f"p{row.id}")

    def passes(self, hours: int, *, down: bool = False) -> None:
        """Time goes on; each thing is looked at when its moment comes, or all of them at the end."""
        until = self.now + hours * HOUR
        while not down and (upcoming := due.next_due(self.store)) is not None and upcoming <= until:
            self.now = max(self.now, upcoming)
            self.app.come_due()
            self.heard(by_clock=True)
        self.now = until
        while (upcoming := due.next_due(self.store)) is not None and upcoming <= until:
            self.app.come_due()
        self.heard(by_clock=True)

    def must_concern(self, person: str, text: str) -> None:
        """Whatever waits for "you" waits for this person; what is late elsewhere is theirs to hear of."""
        part = "mine"
        for line in text.split("\n"):
            if "late with somebody else" in line:
                part = "late"
            elif "so that you stand in" in line:
                part = "instead"
            elif line.startswith("Quiet otherwise"):
                part = "quiet"
            for number in map(int, re.findall(r"\*\*MB-(\d+)", line)):
                ticket, waits = self.store.ticket(number), self.store.turns(number)
                assert ticket
                assert waits, (person, line)
                assert not ticket.held
                if part == "mine":
                    assert any(self.is_theirs(number, party, person) for party in waits), (person, line)
                if part == "late":
                    assert person in {ticket.owner, "id-olive"}, (person, line)
                    late = min(x.due for x in waits.values() if x.due)
                    assert late <= self.now
                    if person != ticket.owner:  # the default owner comes last
                        assert self.now >= plus_working_days(late, POLICY.remind.ladder), (person, line)

    def is_theirs(self, number: int, party: str, person: str) -> bool:
        ticket = self.store.ticket(number)
        assert ticket
        name = person.removeprefix("id-")
        if party == "owner":
            return ticket.owner == person or (not ticket.owner and name in BOOK["owner"])
        if party == "submitter":
            return False
        named = ticket.review(party).reviewer if party != "release" else ""
        return named == person if named else name in BOOK[party]

    def works(self, person: str, at: int) -> bool:
        zone = self.zones[person]
        local = datetime.fromtimestamp(at / 1000, ZoneInfo(zone) if zone else UTC)
        return local.weekday() < 5 and 9 <= local.hour + local.minute / 60 + local.second / 3600 <= 16

    def day(self, person: str, at: int) -> date:
        zone = self.zones[person]
        return datetime.fromtimestamp(at / 1000, ZoneInfo(zone) if zone else UTC).date()

    def next_morning(self, person: str, at: int) -> int:
        """The first working morning after a moment, by walking through the hours."""
        zone = ZoneInfo(self.zones[person] or "UTC")
        day = datetime.fromtimestamp(at / 1000, zone).date()
        while True:
            begin = round(datetime(day.year, day.month, day.day, 9, tzinfo=zone).timestamp() * 1000)
            if begin > at and day.weekday() < 5:
                return begin
            day += timedelta(days=1)


@contextmanager
def weeks(zones: list[str], rules: Policy = POLICY) -> Iterator[Weeks]:
    with tempfile.TemporaryDirectory() as folder:
        played = Weeks(Path(folder), zones, rules)
        try:
            yield played
        finally:
            played.store.close()


numbers = st.integers(1, 3)
reviewers = st.sampled_from(
    [("pam", "product"), ("dana", "dev"), ("sam", "security"), ("quinn", "qa"), ("tom", "qa"), ("ole", "qa")]
)
acts = st.one_of(
    st.integers(1, 999).map(lambda n: ("otto", Submit(link=f"https://github.com/example/p{n} v1.0.0"))),
    numbers.map(lambda n: ("olive", RequestReviews(ticket=n))),
    numbers.map(lambda n: ("ole", Assign(ticket=n, role="owner", person="id-ole"))),
    st.tuples(numbers, reviewers).map(lambda x: (x[1][0], Assign(ticket=x[0], role=x[1][1], person=f"id-{x[1][0]}"))),
    st.tuples(numbers, reviewers).map(lambda x: (x[1][0], GiveVerdict(ticket=x[0], role=x[1][1], decision="approve", all=True))),
    st.tuples(numbers, reviewers).map(lambda x: (x[1][0], Block(ticket=x[0], role=x[1][1], text="it fails"))),
    numbers.map(lambda n: ("otto", SayReady(ticket=n))),
    st.tuples(numbers, st.booleans()).map(lambda x: ("olive", HoldTicket(ticket=x[0], held=x[1], why="why"))),
    st.tuples(numbers, st.sampled_from(PEOPLE), st.sampled_from((1, 3, 7))).map(lambda x: (x[1], Snooze(ticket=x[0], days=x[2]))),
    st.tuples(numbers, st.sampled_from(PEOPLE), st.booleans()).map(lambda x: (x[1], Mute(ticket=x[0], muted=x[2]))),
    st.tuples(st.sampled_from(PEOPLE), st.integers(0, 20)).map(
        lambda x: (x[0], SayAway(day=date(2026, 11, 9) + timedelta(x[1]) if x[1] else None))
    ),
    st.tuples(numbers, st.sampled_from(PEOPLE)).map(
        lambda x: ("olive", Remind(ticket=x[0], person=f"id-{x[1]}", when="in 2 days"))
    ),
)  # fmt: skip


@settings(max_examples=settings().max_examples // 8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from(ZONES), min_size=1, max_size=5),
    st.lists(st.tuples(acts, st.integers(0, 120), st.booleans()), max_size=20),
)
def test_random_weeks(zones: list[str], played: list[tuple[tuple[str, Command], int, bool]]) -> None:
    """Nobody hears of what is not theirs, nor outside their hours, nor twice on a day, nor the same twice in a row."""
    with weeks(zones) as found:
        found.happens("sue", Submit(link="https://github.com/example/first v1.0.0"))
        found.happens("olive", RequestReviews(ticket=1))
        for (by, what), hours, down in played:
            found.happens(by, what)
            found.passes(hours, down=down and hours > 100)
        found.passes(24 * 30)
        for at, person, text in found.by_clock:
            assert found.works(person, at), (person, text)
        for person, told in found.mornings.items():
            days = [found.day(person, at) for at, _ in told]
            assert len({*days}) == len(days), (person, told)
            for (_, one), (_, other) in itertools.pairwise(told):
                assert one != other


@settings(max_examples=settings().max_examples // 8, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(
    st.lists(st.sampled_from(ZONES), min_size=1, max_size=5),
    st.lists(st.tuples(numbers, reviewers, st.integers(0, 60)), max_size=6),
    st.booleans(),
)
def test_each_lateness_is_told_by_the_next_working_morning(
    zones: list[str],
    taken: list[tuple[int, tuple[str, str], int]],
    down: bool,  # noqa: FBT001 -- drawn
) -> None:
    """To whoever is late, at once; to the owner and the default owner a rung later each; though the bot was down for a week."""
    with weeks(zones) as found:
        for n in (1, 2, 3):
            found.happens("sue", Submit(link=f"https://github.com/example/p{n} v1.0.0"))
            found.happens("olive", Assign(ticket=n, role="owner", person="id-ole"))
            if n > 1:
                found.happens("ole", RequestReviews(ticket=n))
        for number, (name, role), hours in taken:
            found.happens(name, Assign(ticket=number, role=role, person=f"id-{name}"))
            found.passes(hours)
        began = found.now
        if down:
            found.passes(24 * 7, down=True)
        back = found.now
        found.passes(24 * 45)
        for n in (1, 2, 3):
            ticket = found.store.ticket(n)
            assert ticket
            for turn in found.store.turns(n).values():
                named = ticket.owner if turn.party == "owner" else ticket.review(turn.party).reviewer
                for rung, person in enumerate([x for x in dict.fromkeys((named, "id-ole", "id-olive")) if x]):
                    at = plus_working_days(turn.due, rung * POLICY.remind.ladder)
                    if at < began or at > began + 40 * DAY:
                        continue
                    morning = found.next_morning(person, at)
                    latest = morning if morning > back else max(morning, found.next_morning(person, back))
                    heard = [text for when, text in found.mornings[person] if at <= when <= latest]
                    assert any(f"**MB-{n} " in text for text in heard), (n, turn, person, rung)
                    early = [text for when, text in found.mornings[person] if when < at]
                    if person == "id-olive" and turn.party != "owner":
                        assert (
                            not any(f"**MB-{n} " in x and "late" in x for x in early) or len(found.store.turns(n)) > 1
                        )


def test_a_morning_with_many_tickets_is_short_and_fits_old_servers() -> None:
    with weeks([""]) as found:
        for n in range(1, 61):
            found.happens("sue", Submit(link=f"https://github.com/{'o' * 39}/{'r' * 90}{n} v1.0.0"))
        found.passes(24 * 4)
        (_, text), (_, late) = found.mornings["id-olive"][:2]
        assert "60 tickets wait for **you**" in text
        assert "was due" in late
        assert text.count("\n- ") == 10
        assert "50 more" in text
        rows = found.store.query("SELECT body FROM outbox WHERE person = 'id-olive' AND body LIKE '%60 tickets%'")
        for row in rows:
            shown = render.props(
                outbox.read_message(row["body"]), 99_999, "k" * 32, b"k" * 32, "https://mmbot.example.com:8443", 1
            )
            assert render.weight(shown) <= render.PROPS_BUDGET
            assert len(shown["attachments"]) == 6


def test_of_a_late_review_that_a_reviewer_gives_back_the_owner_hears_on_the_next_morning() -> None:
    with weeks([""]) as found:
        found.happens("sue", Submit(link="https://github.com/example/first v1.0.0"))
        found.happens("olive", RequestReviews(ticket=1))
        for name, role in (("pam", "product"), ("dana", "dev"), ("sam", "security")):
            found.happens(name, GiveVerdict(ticket=1, role=role, decision="approve", all=True))
        found.happens("quinn", Assign(ticket=1, role="qa", person="id-quinn"))
        found.passes(24 * 10)  # it was due yesterday
        assert "id-olive" not in found.mornings
        found.happens("quinn", Assign(ticket=1, role="qa", person=""))
        found.passes(24)
        ((at, text),) = found.mornings["id-olive"]
        assert found.day("id-olive", at) == date(2026, 11, 20)
        assert "QA review (nobody yet), since 9 Nov, was due 18 Nov (2 days ago)" in text


def test_much_that_is_late_with_others_does_not_hide_what_is_late_with_the_reader() -> None:
    with weeks([""]) as found:
        for n in range(1, 13):
            found.happens("sue", Submit(link=f"https://github.com/example/p{n} v1.0.0"))
            found.happens("olive", RequestReviews(ticket=n))
        found.passes(48)
        found.happens("sue", Submit(link="https://github.com/example/p13 v1.0.0"))
        found.passes(24 * 6)
        text = found.mornings["id-olive"][-1][1]
        assert "1 ticket waits for **you**:\n- **MB-13" in text
        assert "at least 9 tickets are late with somebody else" in text
        assert "… and more:" in text


def test_on_a_day_off_nobody_hears_of_anything() -> None:
    off = POLICY.days.model_copy(update={"holidays": (date(2026, 11, 10), date(2026, 11, 13))})
    with weeks([""], POLICY.model_copy(update={"days": off})) as found:
        found.happens("sue", Submit(link="https://github.com/example/first v1.0.0"))
        found.passes(24 * 8)
        days = [found.day("id-olive", at).isoformat() for at, _ in found.mornings["id-olive"]]
        assert days == [
            "2026-11-11",
            "2026-11-17",
        ]  # due on the 16th: of three working days the 10th and the 13th are none


def test_what_an_absent_owner_hears_of_goes_to_another_owner_and_to_nobody_else() -> None:
    with weeks([""]) as found:
        found.happens("sue", Submit(link="https://github.com/example/first v1.0.0"))
        found.happens("olive", RequestReviews(ticket=1))
        for name, role in (("pam", "product"), ("dana", "dev"), ("sam", "security")):
            found.happens(name, GiveVerdict(ticket=1, role=role, decision="approve", all=True))
        found.happens("quinn", Assign(ticket=1, role="qa", person="id-quinn"))
        found.happens("olive", SayAway(day=date(2026, 12, 24), person="id-ole"))
        found.passes(24 * 20)
        assert [found.day("id-ole", at).isoformat() for at, _ in found.mornings["id-ole"]][:1] == ["2026-11-24"]
        assert "olive, who is away until 24 Dec" in found.mornings["id-ole"][0][1]
        assert set(found.mornings) == {"id-quinn", "id-ole"}


def test_an_owner_reads_how_often_a_silent_submitter_was_reminded_indeed() -> None:
    with weeks([""]) as found:
        found.happens("otto", Submit(link="https://github.com/example/first v1.0.0"))
        found.happens("olive", RequestReviews(ticket=1))
        for name, role in (("pam", "product"), ("dana", "dev"), ("sam", "security")):
            found.happens(name, GiveVerdict(ticket=1, role=role, decision="approve", all=True))
        found.happens("quinn", Block(ticket=1, role="qa", text="it fails"))
        found.passes(24 * 8)
        found.passes(24 * 14, down=True)  # over the second time and the end
        found.passes(24 * 3)
        assert sum(person == "id-otto" for _, person, _ in found.by_clock) == 2
        assert "I reminded otto" in found.mornings["id-olive"][-1][1]
        assert "twice" not in found.mornings["id-olive"][0][1]
        found.passes(24 * 7)
        assert "I reminded otto twice." in found.mornings["id-olive"][-1][1]


def test_a_late_reviewer_reads_who_hears_of_it_and_not_who_wants_no_reminders() -> None:
    for muted in (False, True):
        with weeks([""]) as found:
            found.happens("sue", Submit(link="https://github.com/example/first v1.0.0"))
            found.happens("olive", RequestReviews(ticket=1))
            for name, role in (("pam", "product"), ("dana", "dev"), ("sam", "security")):
                found.happens(name, GiveVerdict(ticket=1, role=role, decision="approve", all=True))
            found.happens("quinn", Assign(ticket=1, role="qa", person="id-quinn"))
            if muted:
                found.happens("olive", Mute(ticket=1, muted=True))
            found.passes(24 * 17)
            assert ("olive hears of it, too." in found.mornings["id-quinn"][-1][1]) is not muted


def test_a_new_policy_tells_what_is_late_by_it_and_nothing_twice() -> None:
    with weeks([""]) as found:
        found.happens("sue", Submit(link="https://github.com/example/first v1.0.0"))
        found.passes(24 * 5)
        told = len(found.mornings["id-olive"])
        path = found.store.path
        for owner in (3, 1, 3):  # the first says nothing new
            found.store.close()
            found.store = Store(
                path, POLICY.model_copy(update={"days": POLICY.days.model_copy(update={"owner": owner})})
            )
            found.app = App(found.store, Settings(), lambda: found.now)
            found.passes(1)
            assert len(found.mornings["id-olive"]) == told
        found.passes(24 * 4)
        assert len(found.mornings["id-olive"]) == told + 1


def test_hours_that_are_always_open_need_no_morning() -> None:
    office = Office(Hours(begin=0, end=24))
    assert whens.moment("", MONDAY, office) == MONDAY
    assert office.open(whens.morning_in(3, MONDAY, office))


@pytest.mark.parametrize(
    ("line", "left", "when"),
    [
        ("@quinn about MB-1 in 3 days please look", "@quinn about MB-1 please look", "in 3 days"),
        (
            "me about MB-1 the notes due on 2026-12-01 in 3 days",
            "me about MB-1 the notes due on 2026-12-01",
            "in 3 days",
        ),
        (
            "@sam about MB-7 what was said on 2026-12-01 is old",
            "@sam about MB-7 what was said on 2026-12-01 is old",
            "",
        ),
        ("MB-1 @quinn it is urgent now", "MB-1 @quinn it is urgent now", ""),
        ("me about MB-7 next monday.", "me about MB-7", "next monday"),
    ],
)
def test_a_day_in_the_middle_of_the_text_belongs_to_the_text(line: str, left: str, when: str) -> None:
    assert whens.cut(line) == (left, when)
