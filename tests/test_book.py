"""The book of people: what outlasts a start, who can be left without what, and what becomes of their tickets."""

from collections.abc import Iterator
from datetime import date
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from mmbot import policy
from mmbot.app import App
from mmbot.commands import Context, read
from mmbot.domain import facts as f
from mmbot.domain.book import DEFAULT_OWNER, day_end
from mmbot.domain.ticket import Ticket
from mmbot.events import Command, EndTicket, Event, JudgeItem, PeopleNamed, Person, Where
from mmbot.messages import Reply
from mmbot.store import book
from mmbot.store.database import Store
from mmbot.store.tx import Settings

POLICY = policy.load()
MONDAY = 1_794_218_400_000
NAMES = ("ada", "olive", "ole", "tom", "quinn", "sam", "sue")
PEOPLE = (*(Person(f"id-{x}", x) for x in NAMES), Person("id-robot", "robot", is_bot=True))
REPOSITORY = "https://github.com/example/mattermost-plugin-remind"
BOOK = {"admin": ("ada",), "owner": ("olive",), DEFAULT_OWNER: ("olive",), "qa": ("tom", "quinn")}


class Bench:
    """The application, its clock, and the forms in which things happen to it."""

    def __init__(self, store: Store) -> None:
        self.store, self.now, self.count = store, MONDAY, 0
        self.app = App(store, Settings(), lambda: self.now)

    def happens(self, by: str, what: object) -> Reply | None:
        self.count += 1
        self.now += 1000
        where = Where("slash" if by else "mmbot")
        return self.app.handle(Event(f"e{self.count}", by, self.now, where, what, PEOPLE))  # type: ignore[arg-type]  # any of them

    def start(self, roles: dict[str, tuple[str, ...]]) -> None:
        """A start of the bot with this configuration."""
        self.happens("", PeopleNamed(roles={r: tuple((x, f"id-{x}") for x in names) for r, names in roles.items()}))

    def says(self, who: str, line: str) -> str:
        """Somebody types a command; the answer."""
        what = read(line, POLICY, Context(f"id-{who}", None, {x.name: x.id for x in PEOPLE}))
        assert isinstance(what, Command), what
        reply = self.happens(f"id-{who}", what)
        assert reply
        return reply.text

    def ticket(self, number: int, reviewer: str = "tom", owner: str = "olive") -> None:
        """A ticket under review that somebody reviews for QA."""
        facts: list[f.AnyFact] = [
            f.Submitted(requirements=POLICY.current, by="id-sue", at=MONDAY),
            f.Resolved(
                text="", repository=f"{REPOSITORY}-{number}", ref_kind="tag", ref_name="v1", commit=f"{number:040x}",
                track="new", at=MONDAY,
            ),
            f.Requested(role="qa", at=MONDAY),
            f.Assigned(role="owner", person=f"id-{owner}", at=MONDAY),
            f.Assigned(role="qa", person=f"id-{reviewer}", at=MONDAY),
        ]  # fmt: skip
        with self.store.transaction():
            self.store.save(Ticket(number, POLICY).plus(*facts), f"t{number}")

    def told(self, who: str) -> list[str]:
        rows = self.store.query("SELECT body FROM outbox WHERE person = ? ORDER BY id", f"id-{who}")
        return [row["body"] for row in rows]

    def reviewer(self, number: int) -> str:
        ticket = self.store.ticket(number)
        assert ticket
        return ticket.review("qa").reviewer


@pytest.fixture
def bench(tmp_path: Path) -> Iterator[Bench]:
    store = Store(tmp_path / "mmbot.db", POLICY)
    found = Bench(store)
    found.start(BOOK)
    yield found
    store.close()


def test_a_role_given_in_chat_outlasts_a_start_and_one_of_the_configuration_follows_it(bench: Bench) -> None:
    bench.says("ada", "people add @ole owner dev")
    bench.start({**BOOK, "security": ("sam",)})
    assert bench.store.roles_of("id-ole") == {"owner", "dev"}
    assert bench.store.members("owner") == ["id-ole", "id-olive"]
    assert bench.store.members("security") == ["id-sam"]
    bench.start(BOOK)
    assert bench.store.members("security") == []
    assert bench.store.members("dev") == ["id-ole"]


def test_what_chat_and_configuration_both_give_stays_until_both_took_it(bench: Bench) -> None:
    bench.says("ada", "people add @sam qa")
    bench.start({**BOOK, "qa": ("tom", "quinn", "sam")})
    assert "from the configuration" in bench.says("ada", "people remove @sam qa")
    bench.start(BOOK)
    assert bench.store.members("qa") == ["id-quinn", "id-sam", "id-tom"]
    bench.says("ada", "people remove @sam qa")
    assert bench.store.members("qa") == ["id-quinn", "id-tom"]


def test_the_last_admin_stays_admin(bench: Bench) -> None:
    bench.says("ada", "people add @ole admin")
    bench.start({**BOOK, "admin": ()})
    assert bench.store.members("admin") == ["id-ole"]
    assert "You are the last admin" in bench.says("ole", "people remove @ole admin")
    assert bench.store.members("admin") == ["id-ole"]
    assert bench.says("ole", "people add @sam admin").startswith("sam holds")
    assert bench.says("ole", "people remove @ole admin").startswith("ole no longer holds")


def test_a_bot_gets_no_role(bench: Bench) -> None:
    assert bench.says("ada", "people add @robot qa") == "robot is a bot: roles are for people."
    assert bench.store.roles_of("id-robot") == set()


def test_a_refusal_changes_nothing_even_where_its_first_half_could_be_done(bench: Bench) -> None:
    bench.says("ada", "people add @quinn dev")
    noted = book.last(bench.store, 100)
    assert "from the configuration" in bench.says("ada", "people remove @quinn dev qa")
    assert bench.store.roles_of("id-quinn") == {"dev", "qa"}
    assert book.last(bench.store, 100) == noted


def test_whoever_has_a_new_name_is_another_person_and_the_role_stays_with_the_old_one(bench: Bench) -> None:
    bench.says("ada", "people add @sam security")
    with bench.store.transaction():
        bench.store.know([Person("id-mallory", "sam")])
    assert bench.store.person_named("sam") == Person("id-mallory", "sam")
    assert bench.store.who("id-sam") == "the former sam"
    assert bench.store.members("security") == ["id-sam"]
    with bench.store.transaction():
        bench.store.know([Person("id-sam", "samuel"), Person("id-third", "sam")])
    assert bench.store.person_named("sam") == Person("id-third", "sam")
    assert bench.store.who("id-sam") == "samuel"


def test_a_configuration_that_takes_a_role_away_takes_the_reviews_too_and_tells_each_owner_once(bench: Bench) -> None:
    for number in range(1, 8):
        bench.ticket(number)
    bench.ticket(8, owner="ole")
    bench.ticket(9, reviewer="quinn")
    bench.start({**BOOK, "qa": ("quinn",)})
    assert [bench.reviewer(x) for x in range(1, 10)] == ["", "", "", "", "", "", "", "", "id-quinn"]
    (said,) = bench.told("olive")
    assert "MB-1, MB-2, MB-3, MB-4, MB-5 and 2 more have none now" in said
    (said,) = bench.told("ole")
    assert "MB-8 has none now" in said
    facts = [x for x in bench.store.facts(1) if x.kind == "assigned"]
    assert (facts[-1].role, facts[-1].person, facts[-1].by) == ("qa", "", "")


def test_an_owner_who_is_none_any_more_gives_the_tickets_back_and_the_default_owner_hears_of_it(bench: Bench) -> None:
    bench.says("ada", "people add @ole owner")
    bench.ticket(1, owner="ole")
    bench.says("ada", "people remove @ole owner")
    ticket = bench.store.ticket(1)
    assert ticket
    assert ticket.owner == ""
    assert "MB-1 has none now" in bench.told("olive")[-1]


def test_an_admin_who_is_an_owner_as_well_keeps_the_tickets_when_one_of_both_goes(bench: Bench) -> None:
    bench.says("ada", "people add @ole owner admin")
    bench.ticket(1, owner="ole")
    bench.says("ada", "people remove @ole owner")
    ticket = bench.store.ticket(1)
    assert ticket
    assert ticket.owner == "id-ole"


def test_a_default_owner_of_the_chat_whose_role_the_configuration_took_is_it_no_longer(bench: Bench) -> None:
    bench.start({**BOOK, "owner": ("olive", "ole")})
    bench.says("ada", "people default-owner @ole")
    bench.start({**BOOK, "owner": ("olive", "ole")})
    assert book.default_owner(bench.store) == "id-ole"
    bench.start(BOOK)
    assert book.default_owner(bench.store) == "id-olive"
    assert "New tickets go to olive again" in bench.told("ada")[-1]


def test_a_ticket_that_comes_back_has_no_reviewer_who_lost_the_role_meanwhile(bench: Bench) -> None:
    bench.ticket(1)
    bench.happens("id-olive", EndTicket(ticket=1, ending="rejected", why="no"))
    bench.start({**BOOK, "qa": ("quinn",)})
    assert bench.reviewer(1) == "id-tom"
    bench.happens("id-olive", JudgeItem(ticket=1, state="open"))
    assert bench.reviewer(1) == ""


def test_an_approval_stands_when_its_author_loses_the_role(bench: Bench) -> None:
    bench.ticket(1)
    bench.says("tom", "approve MB-1 qa --all")
    bench.start({**BOOK, "qa": ("quinn",)})
    ticket = bench.store.ticket(1)
    assert ticket
    assert (ticket.review("qa").approved_by, ticket.review("qa").reviewer) == ("id-tom", "")


def test_five_hundred_reviews_are_given_back_at_once(bench: Bench) -> None:
    for number in range(1, 501):
        bench.ticket(number)
    bench.start({**BOOK, "qa": ("quinn",)})
    assert {bench.reviewer(x) for x in range(1, 501)} == {""}
    assert len(bench.told("olive")) == 1


# Away


@pytest.mark.parametrize(
    ("zone", "hours"), [("UTC", 24), ("Pacific/Auckland", 11), ("America/Los_Angeles", 32), ("Europe/Berlin", 23)]
)
def test_a_day_ends_when_it_does_for_the_person(zone: str, hours: int) -> None:
    first = day_end(date(2026, 11, 30), ZoneInfo("UTC"))
    assert day_end(date(2026, 12, 1), ZoneInfo(zone)) == first + hours * 3_600_000


def test_the_last_day_away_is_today_at_the_earliest_and_in_a_year_at_the_latest(bench: Bench) -> None:
    assert "is over already" in bench.says("tom", "away 2026-11-08")
    assert bench.says("tom", "away 2026-11-09").startswith("You are away up to and including 9 Nov")
    assert "more than a year" in bench.says("tom", "away 9999-12-31")
    assert bench.says("tom", "away 2027-11-09").startswith("You are away")


def test_a_deputy_who_is_away_or_lost_the_role_does_not_stand_in(bench: Bench) -> None:
    bench.says("ada", "people add @ole owner")
    bench.says("olive", "away 2026-12-01 @ole")
    assert "**ole** guides it" in bench.says("sue", f"submit {REPOSITORY}-1")
    bench.says("ole", "away 2026-11-20")
    assert "**olive** guides it" in bench.says("sue", f"submit {REPOSITORY}-2")
    bench.says("ole", "back")
    assert "**ole** guides it" in bench.says("sue", f"submit {REPOSITORY}-3")
    bench.says("ada", "people remove @ole owner")
    assert "**olive** guides it" in bench.says("sue", f"submit {REPOSITORY}-4")


def test_a_deputy_does_not_own_what_they_submit_themselves(bench: Bench) -> None:
    bench.says("ada", "people add @ole owner")
    bench.says("olive", "away 2026-12-01 @ole")
    assert "**olive** guides it" in bench.says("ole", f"submit {REPOSITORY}-1")


def test_a_deputy_who_submitted_the_plugin_is_not_asked_to_review_it(bench: Bench) -> None:
    bench.says("ada", "people add @sue qa")
    bench.ticket(1, reviewer="quinn")
    bench.says("tom", "away 2026-12-01 @sue")
    bench.says("olive", "assign MB-1 qa @tom")
    assert len(bench.told("sue")) == 2  # the role, and that she stands in
    assert "asks you for the QA review" in bench.told("quinn")[0]
