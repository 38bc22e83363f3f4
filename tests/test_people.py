"""Roles belong to user ids: what a configured name means, and what becomes of the role when names change hands."""

from collections.abc import Iterator
from pathlib import Path

import pytest

from mmbot import policy
from mmbot.app import App
from mmbot.events import Event, PeopleNamed, Person, Where
from mmbot.store.database import Store
from mmbot.store.tx import Settings


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    store = Store(tmp_path / "mmbot.db", policy.load())
    yield App(store, Settings(), lambda: 1)
    store.close()


def start(app: App, sam: str) -> None:
    """A start of the bot at which the configured name sam belongs to this user id, "" for nobody."""
    what = PeopleNamed(
        roles={"admin": (("ada", "id-ada"),), "security": (("sam", sam),)}, unknown=() if sam else ("sam",)
    )
    number = app.store.query("SELECT count(*) AS n FROM seen")[0]["n"]
    app.handle(Event(f"people:{number}", "", 1, Where("mmbot"), what, (Person("id-ada", "ada"),)))


def told(app: App) -> list[str]:
    return [x["body"] for x in app.store.query("SELECT body FROM outbox WHERE person = 'id-ada' ORDER BY id")]


def test_who_is_renamed_keeps_the_role_over_a_start(app: App) -> None:
    start(app, "id-sam")
    start(app, "")
    assert app.store.members("security") == ["id-sam"]
    assert "Whoever had it keeps the role" in told(app)[-1]


def test_a_name_that_was_given_up_gives_the_next_one_who_takes_it_no_role(app: App) -> None:
    start(app, "id-sam")
    start(app, "")
    start(app, "id-mallory")
    assert app.store.members("security") == []
    assert "now belongs to somebody else" in told(app)[-1]
    start(app, "")
    start(app, "id-mallory")
    assert app.store.members("security") == []


def test_a_name_that_nobody_ever_had_gives_no_role(app: App) -> None:
    start(app, "")
    assert app.store.members("security") == []
    assert "get no role" in told(app)[-1]
