"""The policy: what is in it, and how its loader names mistakes."""

import re
from collections.abc import Callable
from datetime import date
from importlib import resources
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from mmbot.policy import Policy, PolicyError, Requirements, load

VERSION = "2020-09-28"
SHIPPED = resources.files("mmbot").joinpath("policy.toml").read_text(encoding="utf-8")
IN_PRODUCT = ("P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "T1", "T2", "S1", "S2", "F1", "F2")
TEMPLATES = Path(__file__).parents[1] / "../shared/data/issue_templates"

Edited = Callable[..., Path]


@pytest.fixture
def edited(tmp_path: Path) -> Edited:
    """Writes the shipped file with a place in it replaced (after a heading, if one is given)."""

    def write(old: str, new: str, after: str = "") -> Path:
        head, heading, tail = SHIPPED.partition(after) if after else ("", "", SHIPPED)
        assert old in tail
        file = tmp_path / "policy.toml"
        file.write_text(head + heading + tail.replace(old, new, 1), encoding="utf-8")
        return file

    return write


def mistakes_in(file: Path) -> str:
    with pytest.raises(PolicyError) as caught:
        load(file)
    return str(caught.value)


def shipped() -> Requirements:
    return load().of(VERSION)


def recognised(line: str, requirements: Requirements) -> list[str]:
    plain = line.lower()
    return [item.handle for item in requirements.items.values() if any(phrase in plain for phrase in item.recognise)]


# What the shipped file says


def test_the_shipped_policy_loads() -> None:
    policy = load()
    assert policy.current == VERSION
    assert {role.name: role.days for role in policy.roles.values()} == {
        "product": 5,
        "dev": 14,
        "security": 21,
        "qa": 7,
        "docs": 5,
    }
    assert (policy.days.owner, policy.days.submitter, policy.takedown.days, policy.takedown.left) == (
        3,
        21,
        14,
        (7, 3, 1),
    )
    assert policy.days.holidays == ()
    assert (policy.notices.batch_minutes, policy.notices.usual_from) == (5, 5)


def test_only_security_is_confidential_and_only_docs_is_off() -> None:
    roles = load().roles.values()
    assert [role.name for role in roles if role.confidential] == ["security"]
    assert [role.name for role in roles if not role.enabled] == ["docs"]


def test_every_handle_of_the_process_is_an_item() -> None:
    expected = {*IN_PRODUCT, "U1", "U2", "U3", "W1", "W2", "W3"}
    assert set(shipped().items) == expected
    assert {item.handle for item in shipped().items.values()} == expected


def test_a_new_plugin_is_judged_by_four_roles() -> None:
    assert tuple(item.handle for item in shipped().track_items("new")) == IN_PRODUCT
    assert shipped().track_roles("new") == ("product", "dev", "security", "qa")


def test_an_update_is_judged_by_the_same_items_and_three_more() -> None:
    assert tuple(item.handle for item in shipped().track_items("update")) == (*IN_PRODUCT, "U1", "U2", "U3")
    assert [item.handle for item in shipped().track_items("update", "dev")] == ["T1", "T2", "U1", "U2"]
    assert [item.handle for item in shipped().track_items("update", "product")][-1] == "U3"


def test_an_update_needs_nothing_that_was_done_for_the_new_plugin() -> None:
    new, update = shipped().tracks["new"], shipped().tracks["update"]
    assert [step for step in new.steps if step not in update.steps] == ["fork", "access", "legal", "analytics", "swag"]
    assert [step for step in new.steps if step in update.steps] == list(update.steps)


def test_texts_are_short_enough_for_one_prompt() -> None:
    for item in shipped().items.values():
        assert re.fullmatch(r"[A-Z].*\.", item.text), item.handle
        assert ". " not in item.text, f"{item.handle} is one sentence"
        assert 2 <= len(re.findall(r"\.(?:\s|$)", item.guide)) <= 4, item.handle
        assert "\n" not in item.guide, item.handle
        assert len(item.text) <= 120, item.handle
        assert len(item.guide) <= 500, item.handle


# The documentation role


def test_documentation_is_judged_by_product_unless_the_docs_role_is_enabled(edited: Edited) -> None:
    assert shipped().items["P4"].role == "product"
    other = load(edited("enabled = false", "enabled = true")).of(VERSION)
    assert other.items["P4"].role == "docs"
    assert other.track_roles("new") == ("product", "dev", "security", "qa", "docs")
    assert [item.handle for item in other.track_items("new", "docs")] == ["P4"]


def test_another_role_cannot_be_switched_off(edited: Edited) -> None:
    text = mistakes_in(edited("days = 7", "days = 7\nenabled = false", after="[roles.qa]"))
    assert "policy.toml: requirements.2020-09-28.items.F1.role: qa is not enabled" in text


# Recognising the items of a filled-in issue


def checklist(name: str) -> list[str]:
    """The boxes of a template, each with the indented lines that belong to it."""
    file = TEMPLATES / name
    if not file.exists():
        pytest.skip(f"no issue template {name} here")
    text = re.sub(r"<!--.*?-->", "", file.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.findall(r"^- \[ \] .*(?:\n+[ \t]+.*)*", text, flags=re.MULTILINE)


@pytest.mark.parametrize("plain", [False, True], ids=["as Markdown", "without code marks"])
def test_each_box_of_the_template_for_new_plugins_is_exactly_one_item(plain: bool) -> None:  # noqa: FBT001 a parameter of the test
    boxes = checklist("add_plugin.md")
    found = [recognised(box.replace("`", "") if plain else box, shipped()) for box in boxes]
    assert [len(handles) for handles in found] == [1] * len(boxes)
    assert sorted(handle for handles in found for handle in handles) == sorted(IN_PRODUCT)


def test_each_box_of_the_template_for_updates_is_one_item_but_for_the_one_that_means_all_of_them() -> None:
    everything, *boxes = checklist("update_plugin.md")
    assert "All requirements" in everything
    assert recognised(everything, shipped()) == []
    assert [recognised(box, shipped()) for box in boxes] == [["U1"], ["U3"]]


@pytest.mark.parametrize(
    ("wording", "handle"),
    [
        ("an Apache v2 compatible license", "P1"),
        ("a changelog must be published", "P5"),
        ("for every release, a changelog", "P5"),
        ("All configuration is accessible via the Mattermost UI", "P7"),
        ("60,000 concurrent connections", "T1"),
        ("versions greater or equal then `min_server_version`", "F2"),
        ("must not change the plugin ID", "U2"),
        ("a link to the contribution", "W1"),
        ("documentation to support people", "W2"),
        ("a bug tracker for users to report bugs", "W3"),
    ],
)
def test_other_wordings_are_recognised(wording: str, handle: str) -> None:
    assert recognised(wording, shipped()) == [handle]


def test_no_phrase_means_two_items() -> None:
    for item in shipped().items.values():
        for phrase in item.recognise:
            assert recognised(phrase, shipped()) == [item.handle]


# Mistakes and their places


def test_an_unknown_key_is_named_with_what_was_meant_and_nothing_else(edited: Edited) -> None:
    file = edited('role = "product"', 'rol = "product"', after="items.P1]")
    assert mistakes_in(file) == "policy.toml: requirements.2020-09-28.items.P1.rol: unknown key; did you mean role?"


@pytest.mark.parametrize(
    ("after", "old", "new", "said"),
    [
        ("", "[notices]", "[notice]", "notice: unknown key; did you mean notices?"),
        ("[roles.qa]", "days", "dayz", "roles.qa.dayz: unknown key; did you mean days?"),
        ("[days]", "submitter", "submiter", "days.submiter: unknown key; did you mean submitter?"),
        ("[takedown]", "grace", "grce", "takedown.grce: unknown key; did you mean grace?"),
        ("[notices]", "usual_from", "usualfrom", "notices.usualfrom: unknown key; did you mean usual_from?"),
        ("[steps.cut]", "by", "from", "steps.cut.from: unknown key; there is title, by, do, link, each, at, command"),
        ("tracks.new]", "comes_to", "Comes_To", f"requirements.{VERSION}.tracks.new.Comes_To: unknown key; did you mean comes_to?"),
        ("", f'"{VERSION}".tracks.new', f'"{VERSION}".track.new', f"requirements.{VERSION}.track: unknown key; did you mean tracks?"),
        ("[roles.qa]", "title", 'name = "qa"\ntitle', "roles.qa.name: unknown key"),
        ("items.S2]", "role", 'handle = "S2"\nrole', f"requirements.{VERSION}.items.S2.handle: unknown key"),
    ],
)  # fmt: skip
def test_unknown_keys_are_named_in_every_table(edited: Edited, after: str, old: str, new: str, said: str) -> None:
    assert f"policy.toml: {said}" in mistakes_in(edited(old, new, after=after)).splitlines()


@pytest.mark.parametrize(
    ("after", "old", "new", "said"),
    [
        ("[roles.dev]", "days = 14", 'days = "14"', "roles.dev.days: should be a number"),
        ("[hours]", "begin = 9", "begin = 9.0", "hours.begin: should be a whole number"),
        ("[hours]", "begin = 9", "begin = 16", "hours.end: should come after hours.begin"),
        ("[takedown]", "left = [7, 3, 1]", "left = [1, 3, 7]", "takedown.left: should go down, each number once"),
        ("[remind]", "submitter = [7, 14]", "submitter = [14, 7]", "remind.submitter: should go up, each number once"),
        ("[takedown]", 'team = "security"', 'team = "secrity"', "takedown.team: there is no role secrity; did you mean security?"),
        ("[roles.dev]", "days = 14", "days = true", "roles.dev.days: should be a number"),
        ("[roles.dev]", "days = 14", "days = 0", "roles.dev.days: should be greater than 0"),
        ("[roles.dev]", "days = 14", "", "roles.dev.days: missing"),
        ("[roles.docs]", "false", '"no"', "roles.docs.enabled: should be true or false"),
        ("", '[roles.dev]\ntitle = "dev"\ndays = 14', "[roles]\ndev = 14", "roles.dev: should be a table"),
        ("", "[roles.qa]", "[roles.QA]", "roles.QA: should match pattern"),
        ("", f'current = "{VERSION}"', f"current = {VERSION}", "current: should be a string, in quotes"),
        ("[days]", "[]", '["2026-12-25"]', "days.holidays.0: should be a date such as 2026-12-25, without quotes"),
        ("[days]", "[]", "[2026-12-25T00:00:00]", "days.holidays.0: should be a date such as 2026-12-25, without quotes"),
        ("[days]", "[]", "2026-12-25", "days.holidays: should be a list"),
        ("[notices]", "= 5", "= nan", "notices.batch_minutes: should be"),
        ("[notices]", "= 5", '= "5"', "notices.batch_minutes: should be a number"),
        ("[steps.cut]", '"release"', '"releases"', "steps.cut.by: should be 'owner', 'reviewers', 'release' or 'submitter'"),
        ("tracks.new]", '"listed"', '"lisded"', f"requirements.{VERSION}.tracks.new.comes_to: should be 'listed'"),
        ("items.P2]", "Public source code", "x" * 41, f"requirements.{VERSION}.items.P2.title: should have at most 40 characters"),
        ("items.P2]", "https:", "http:", f"requirements.{VERSION}.items.P2.source: should match pattern"),
        ("items.P2]", "na = false", "", f"requirements.{VERSION}.items.P2.na: missing"),
        ("", "items.P2]", "items.p2]", f"requirements.{VERSION}.items.p2: should match pattern"),
        ("items.S1]", '["exploitable vulnerabilit"]', "[]", f"requirements.{VERSION}.items.S1.recognise: "),
    ],
)  # fmt: skip
def test_a_wrong_value_is_named_with_its_place(edited: Edited, after: str, old: str, new: str, said: str) -> None:
    assert f"policy.toml: {said}" in mistakes_in(edited(old, new, after=after))


@pytest.mark.parametrize(
    ("after", "old", "new", "said"),
    [
        ("items.P1]", '"product"', '"prodct"', "items.P1.role: there is no role prodct; did you mean product?"),
        ("items.P4]", '"docs"', '"dogs"', "items.P4.role_if_enabled: there is no role dogs; did you mean docs?"),
        ("items.P4]", '"product"', '"docs"', "items.P4.role: docs is not enabled, so nobody could judge this item"),
        ("tracks.new]", '"P1"', '"p1"', "tracks.new.items: there is no item p1; did you mean P1?"),
        ("tracks.new]", '"P1"', '"P2"', "tracks.new.items: P2 stands here more than once"),
        ("tracks.update]", '"merged"', '"merge"', "tracks.update.steps: there is no step merge; did you mean merged?"),
        ("items.S1]", "na = false", "na = true", "items.S1.na: whether a plugin can be exploited is always applicable"),
    ],
)
def test_a_reference_to_nothing_is_named_with_its_place(
    edited: Edited, after: str, old: str, new: str, said: str
) -> None:
    assert mistakes_in(edited(old, new, after=after)) == f"policy.toml: requirements.{VERSION}.{said}"


def test_the_current_version_has_to_exist(edited: Edited) -> None:
    file = edited(f'current = "{VERSION}"', 'current = "2020-09-29"')
    said = f"there are no requirements 2020-09-29; did you mean {VERSION}?"
    assert mistakes_in(file) == f"policy.toml: current: {said}"


@pytest.mark.parametrize(
    ("phrase", "said"),
    [
        ("semantic versioning", "'semantic versioning' is also found in 'semantic versioning' of U1"),
        ("configuration is", "'configuration is' is also found in 'configuration is accessible' of P7"),
        ("Test it out", "'Test it out' should be in lower case, with single spaces"),
        ("test  it out", "'test  it out' should be in lower case, with single spaces"),
    ],
)
def test_a_phrase_that_cannot_tell_items_apart_is_named(edited: Edited, phrase: str, said: str) -> None:
    text = mistakes_in(edited('"test it out"', f'"{phrase}"', after="items.W1]"))
    assert f"policy.toml: requirements.{VERSION}.items.W1.recognise: {said}" in text.splitlines()


def test_all_mistakes_are_told_at_once(edited: Edited) -> None:
    file = edited("days = 14", "days = 0")
    file.write_text(file.read_text(encoding="utf-8").replace("days = 21", 'days = "21"'), encoding="utf-8")
    assert mistakes_in(file).splitlines() == [
        "policy.toml: roles.dev.days: should be greater than 0",
        "policy.toml: roles.security.days: should be a number",
    ]


def test_bad_toml_is_named_with_line_and_column(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text('current = "2020-09-28"\n[roles.qa\n', encoding="utf-8")
    assert re.match(r"mine\.toml: line 2, column 10: Expected ']'", mistakes_in(file))


def test_toml_that_stops_short_is_named_with_line_and_column(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text("# a comment\ncurrent =", encoding="utf-8")
    assert mistakes_in(file) == "mine.toml: line 2, column 10: Invalid value"


def test_a_file_that_cannot_be_read_is_a_policy_error(tmp_path: Path) -> None:
    assert mistakes_in(tmp_path / "none.toml") == "none.toml: cannot be read: No such file or directory"
    (tmp_path / "latin.toml").write_bytes(b'current = "\xe9"')
    assert mistakes_in(tmp_path / "latin.toml") == "latin.toml: byte 11 is not UTF-8"


@given(st.text(st.characters(codec="utf-8"), max_size=60))
def test_any_text_is_a_policy_or_a_policy_error(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    file = tmp_path_factory.getbasetemp() / "any.toml"
    file.write_text(text, encoding="utf-8")
    assert mistakes_in(file).startswith("any.toml: ")


# Versions, values


def test_a_second_version_stands_beside_the_first(tmp_path: Path) -> None:
    start = SHIPPED.index(f'[requirements."{VERSION}".tracks.new]')
    second = SHIPPED[start:].replace(VERSION, "2027-01-31").replace("A break in a public API", "A break")
    file = tmp_path / "policy.toml"
    file.write_text(SHIPPED.replace(f'current = "{VERSION}"', 'current = "2027-01-31"') + second, encoding="utf-8")
    policy = load(file)
    assert list(policy.requirements) == [VERSION, "2027-01-31"]
    assert policy.of(VERSION) == shipped()
    assert policy.of(policy.current).version == "2027-01-31"
    assert policy.of(policy.current).items["U1"].text != shipped().items["U1"].text


def test_tracks_of_other_kinds_and_holidays_and_half_minutes_are_allowed(edited: Edited) -> None:
    file = edited("holidays = []", "holidays = [2026-12-25, 2027-01-01]")
    more = """
[requirements."2020-09-28".tracks.tool]
title = "web Marketplace"
items = ["W1", "W2", "W3"]
comes_to = "published"
steps = ["submitted", "owner", "reviews", "review-gate", "promotion", "swag"]

[requirements."2020-09-28".tracks.trial]
title = "Beta plugin"
items = ["P1", "P2", "P3", "P5", "S1", "S2", "F1", "F2"]
comes_to = "listed as Beta"
steps = ["submitted", "reviews", "review-gate"]
"""
    text = file.read_text(encoding="utf-8").replace("batch_minutes = 5", "batch_minutes = 0.5")
    file.write_text(text + more, encoding="utf-8")
    policy = load(file)
    assert policy.days.holidays == (date(2026, 12, 25), date(2027, 1, 1))
    assert policy.notices.batch_minutes == 0.5
    assert policy.of(VERSION).track_roles("tool") == ("product",)
    assert policy.of(VERSION).track_roles("trial") == ("product", "security", "qa")


def test_asking_for_what_is_not_there_is_answered_with_a_sentence() -> None:
    with pytest.raises(PolicyError, match=r"^there are no requirements 2020-09-82; did you mean 2020-09-28\?$"):
        load().of("2020-09-82")
    with pytest.raises(PolicyError, match=r"^requirements 2020-09-28: there is no track updat; did you mean update\?$"):
        shipped().track_items("updat")
    with pytest.raises(PolicyError, match="there is no track zzz; there is new, beta, app, web, update"):
        shipped().track_roles("zzz")


def test_a_loaded_policy_does_not_change() -> None:
    policy = load()
    with pytest.raises(ValidationError):
        policy.current = "2027-01-31"  # type: ignore[misc]  # that it is refused is the test
    for mapping in (policy.roles, policy.steps, policy.requirements, shipped().items, shipped().tracks):
        with pytest.raises(TypeError):
            mapping["x"] = None  # type: ignore[index]  # that it is refused is the test
    with pytest.raises(PolicyError):
        policy.of("x")


def test_a_policy_survives_being_written_as_json() -> None:
    assert '"P4"' in load().model_dump_json()
    assert isinstance(load().model_dump(), dict)
    assert load() == load()
    assert isinstance(load(), Policy)


@pytest.mark.parametrize(
    ("old", "new", "mistake"),
    [
        ('"reviews", "review-gate", "listing", "listed"', '"reviews", "listing", "listed"', "tracks.app.steps: review-gate is missing"),
        ("[gates.listing]", "[gates.other]", "listing-gate needs the roles of [gates.listing]"),
    ],
)  # fmt: skip
def test_a_track_needs_its_gates(edited: Edited, old: str, new: str, mistake: str) -> None:
    assert mistake in mistakes_in(edited(old, new))
