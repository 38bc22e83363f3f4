"""Search by words: what everybody may read is found, however it is typed, and nothing else."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmbot import policy
from mmbot.domain import facts as f
from mmbot.domain.ticket import Ticket
from mmbot.events import Person
from mmbot.store import tickets
from mmbot.store.database import Store
from mmbot.store.search import query

POLICY = policy.load()
AT = 1_794_218_400_000
PAGE = "https://github.com/example/mattermost-plugin-"
TITLE, SUMMARY = "Größe: a Reminder", "Tells people what they forgot to do (ДЕЛО, café)"


def handed_in(number: int, name: str, **said: str) -> Ticket:
    return Ticket(number, POLICY).plus(
        f.Submitted(requirements=POLICY.current, by="id-sue", at=AT, contact="security@example.org", **said),
        f.Assigned(role="owner", person="id-olive", at=AT),
        f.Resolved(
            text="", repository=PAGE + name, ref_kind="tag", ref_name="v1", commit="3" * 40, plugin_id=f"org.acme.{name}",
            name=name.capitalize(), track="new", at=AT,
        ),
    )  # fmt: skip


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Store]:
    found = Store(tmp_path_factory.mktemp("search") / "mmbot.db", POLICY)
    with found.transaction():
        found.know([Person("id-sue", "sue.smith"), Person("id-olive", "olive")])
        found.save(handed_in(1, "remind", title=TITLE, summary=SUMMARY), "e1")
        found.save(handed_in(2, "badges").plus(f.NoteAdded(text="zebra", at=AT)), "e2")
        found.save(handed_in(3, "clock").plus(f.Ended(ending="rejected", why="zebra", at=AT)), "e3")
    yield found
    found.close()


@pytest.mark.parametrize(
    ("words", "numbers"),
    [
        ("remind", [1]), ("REMI", [1]), ("clock", [3]), ("example", [3, 2, 1]), ("plugin badges", [2]), ("badges plugin", [2]),
        ("org.acme.badges", [2]), ("acme", [3, 2, 1]), ("grosse", []), ("größe", [1]), ("GROSSE", []), ("grö", [1]), ("gro", [1]),
        ("cafe", [1]), ("дело", [1]), ("forgot people", [1]), ("forgot badges", []), ("smith", [3, 2, 1]), ("sue.sm oliv", [3, 2, 1]),
        ("zebra", []), ("security", []), ("https", []), ("", []), ("-", []), ('"', []), ('remind - "', [1]), ("remind*", [1]),
        ("remind OR badges", []), ("NOT remind", []), ("said:remind", []), ("(remind)", [1]), ("^remind", [1]), ("emind", []),
    ],
)  # fmt: skip
def test_tickets_are_found_by_the_beginnings_of_their_words_newest_first(
    store: Store, words: str, numbers: list[int]
) -> None:
    assert tickets.found(store, words) == (numbers, len(numbers))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    words=st.text(alphabet=st.characters(exclude_categories=["Cs"]), max_size=100) | st.text("\"'*^:()+-{} \0ORANDNEAR")
)
def test_nothing_that_is_typed_is_syntax(store: Store, words: str) -> None:
    numbers, count = tickets.found(store, words)
    assert len(numbers) == count <= 3


@given(st.text(max_size=50))
def test_a_query_is_made_of_quoted_words_alone(words: str) -> None:
    for part in query(words).split("* "):
        assert part == "" or part.removesuffix("*").replace('""', "").count('"') == 2


def test_a_page_and_its_count(store: Store) -> None:
    assert tickets.found(store, "example", 2) == ([3, 2], 3)
    assert tickets.found(store, "example", 2, 2) == ([1], 3)


def test_what_changes_is_found_anew_and_what_is_undone_is_not(tmp_path: Path) -> None:
    store = Store(tmp_path / "mmbot.db", POLICY)
    with store.transaction():
        store.know([Person("id-sue", "sue"), Person("id-olive", "olive"), Person("id-ole", "ole")])
        stored = store.save(handed_in(1, "remind"), "e1")
    with store.transaction():
        store.know([Person("id-sue", "susanne")])
        store.save(stored.plus(f.Assigned(role="owner", person="id-ole", at=AT)), "e2")
    assert tickets.found(store, "sue") == tickets.found(store, "olive") == ([], 0)
    assert tickets.found(store, "susanne ole") == ([1], 1)
    with pytest.raises(ZeroDivisionError):
        _save_and_fail(store)
    assert tickets.found(store, "badges") == ([], 0)
    store.close()


def _save_and_fail(store: Store) -> None:
    with store.transaction():
        store.save(handed_in(2, "badges"), "e3")
        assert tickets.found(store, "badges") == ([2], 1)
        raise ZeroDivisionError


def test_a_store_of_before_is_searched_after_the_upgrade(tmp_path: Path) -> None:
    before = Store(tmp_path / "mmbot.db", POLICY)
    with before.transaction():
        before.save(handed_in(1, "remind"), "e1")
        before.execute("DELETE FROM search")
        before.remember("index", "2:older")
    before.close()
    after = Store(tmp_path / "mmbot.db", POLICY)
    assert tickets.found(after, "remind") == ([1], 1)
    after.close()
