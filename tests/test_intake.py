"""New plugin or update: every listed plugin is recognised, and what pretends to be one is told apart."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmbot import catalogue
from mmbot.domain.intake import Classified, Listed, classify
from mmbot.domain.references import repository_key
from mmbot.policy import load
from mmbot.store.database import Store

DATABASE = Path(__file__).parents[1] / "../shared/data/plugins-2023-09-08.json"
REMIND = Listed("com.example.remind", "Remind", "1.2.0", frozenset({"github.com/example/remind"}))
OTHER = "github.com/stranger/other"


@pytest.mark.parametrize(
    ("repository", "plugin_id", "asked", "expected"),
    [
        ("github.com/example/remind", "com.example.remind", "", Classified("update", "1.2.0")),
        ("github.com/example/remind", "com.example.remind", "new", Classified("update", "1.2.0")),
        ("github.com/example/remind", "Com.Example.REMIND", "", Classified("update", "1.2.0")),
        ("github.com/example/remind", "com.example.next", "", Classified("update", "1.2.0", changed_from="com.example.remind")),
        ("github.com/example/remind", "", "", Classified("update", "1.2.0")),
        (OTHER, "com.example.remind", "", Classified("new", collides_with="com.example.remind")),
        (OTHER, "COM.example.remind", "update", Classified("new", collides_with="com.example.remind")),
        (OTHER, "com.stranger.other", "", Classified("new")),
        (OTHER, "com.stranger.other", "update", Classified("update")),
        (OTHER, "", "", Classified("new")),
        ("", "", "", Classified("new")),
    ],
)  # fmt: skip
def test_what_a_submission_is(repository: str, plugin_id: str, asked: str, expected: Classified) -> None:
    assert classify([REMIND], repository, plugin_id, asked) == expected


def test_a_repository_of_one_plugin_with_the_id_of_another_collides() -> None:
    badges = Listed("com.example.badges", "Badges", "0.9.0", frozenset({OTHER}))
    found = classify([REMIND, badges], OTHER, "com.example.remind", "")
    assert found == Classified("update", "0.9.0", collides_with="com.example.remind")


names = st.sampled_from(("a.one", "A.One", "a.two", "a.three", ""))
places = st.sampled_from(("h/one", "h/two", "h/three", ""))
listings = st.lists(
    st.builds(Listed, names.filter(bool), st.just("x"), st.just("1.0.0"), st.frozensets(places.filter(bool), max_size=2)), max_size=4
)  # fmt: skip


@given(listings, places, names, st.sampled_from(("", "new", "update")))
def test_a_submission_is_never_two_things_at_once(listed: list[Listed], place: str, name: str, asked: str) -> None:
    found = classify(listed, place, name, asked)
    assert found.track in {"new", "update"}
    assert not (found.collides_with and found.changed_from)
    ids = {x.plugin_id for x in listed}
    assert {found.collides_with, found.changed_from} <= ids | {""}
    known = [x for x in listed if place in x.repositories or (name and x.plugin_id.lower() == name.lower())]
    assert known or found == Classified(asked or "new")
    assert bool(found.base_version) == any(place in x.repositories for x in listed)


@given(listings, places, names)
def test_capitals_make_no_other_plugin(listed: list[Listed], place: str, name: str) -> None:
    assert classify(listed, place, name, "") == classify(listed, place, name.upper(), "")


# With the Marketplace's own database


@pytest.fixture(scope="module")
def plugins() -> list[Listed]:
    if not DATABASE.exists():
        pytest.skip("the Marketplace's database is not beside the repository")
    return catalogue.read(DATABASE)


def test_every_listed_plugin_is_an_update_of_itself(plugins: list[Listed]) -> None:
    assert len(plugins) == 40
    for plugin in plugins:
        assert plugin.repositories, plugin.plugin_id
        for place in plugin.repositories:
            assert classify(plugins, place, plugin.plugin_id, "new") == Classified("update", plugin.version)
            assert classify(plugins, place, plugin.plugin_id.swapcase(), "") == Classified("update", plugin.version)


def test_every_listed_id_from_a_repository_of_somebody_else_collides(plugins: list[Listed]) -> None:
    for plugin in plugins:
        for name in (plugin.plugin_id, plugin.plugin_id.upper()):
            assert classify(plugins, OTHER, name, "") == Classified("new", collides_with=plugin.plugin_id)


def test_every_listed_repository_with_another_id_is_told_that_its_id_has_changed(plugins: list[Listed]) -> None:
    for plugin in plugins:
        for place in plugin.repositories:
            found = classify(plugins, place, "com.example.next", "")
            assert found.track == "update"
            assert found.changed_from in {x.plugin_id for x in plugins if place in x.repositories}


def test_the_highest_version_is_the_one_that_an_update_follows(plugins: list[Listed]) -> None:
    listed = {x.plugin_id.lower(): x.version for x in plugins}
    for release in json.loads(DATABASE.read_text("utf-8")):
        version = [int(x) for x in release["manifest"]["version"].split("-")[0].split(".")]
        base = [int(x) for x in listed[release["manifest"]["id"].lower()].split("-")[0].split(".")]
        assert version <= base


def test_the_store_finds_what_a_look_through_the_whole_catalogue_finds(plugins: list[Listed], tmp_path: Path) -> None:
    store = Store(tmp_path / "mmbot.db", load())
    store.set_catalogue(plugins)
    assert store.catalogue_size() == len(plugins)
    places = {OTHER, "", *(place for plugin in plugins for place in plugin.repositories)}
    for place in places:
        for name in ("", "com.example.next", *(x.plugin_id for x in plugins[:5]), plugins[-1].plugin_id.upper()):
            assert classify(store.listed(place, name), place, name, "") == classify(plugins, place, name, "")
    store.close()


@pytest.mark.parametrize("text", ["", "{}", "[1]", '[{"manifest": {}}]', "[[]]", "nonsense"])
def test_a_file_that_is_no_catalogue_is_refused(tmp_path: Path, text: str) -> None:
    path = tmp_path / "plugins.json"
    path.write_text(text, "utf-8")
    with pytest.raises(catalogue.CatalogueError, match=r"plugins\.json"):
        catalogue.read(path)


def test_a_repository_key_is_the_same_however_the_address_is_written() -> None:
    for address in (
        "https://github.com/Example/Remind",
        "https://www.github.com/example/remind/",
        "git@github.com:example/remind.git",
    ):
        assert repository_key(address) == "github.com/example/remind"
