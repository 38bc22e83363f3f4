"""What leaves for the server: within its limits, and signed so that nobody else can make it."""

import json
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from random_tickets import AT, POLICY, posts, tickets, who

from mmbot.domain import facts as f
from mmbot.domain import review
from mmbot.domain.ticket import Ticket, fold
from mmbot.domain.turns import history
from mmbot.mattermost import render
from mmbot.messages import Button, Dialog, Message, Question, Row
from mmbot.words import checklist, notices

KEY = b"k" * 32
URL = "https://mmbot.marketplace.mattermost.example.com:8443/doors1"
ROW_KEY = "0" * 32
NOW = AT
CALLBACK = 60
words = st.text(st.characters(codec="utf-8", exclude_characters="\0"), max_size=5)


def actions(props: dict[str, list[dict[str, list[dict[str, object]]]]]) -> list[dict[str, object]]:
    return [action for attachment in props["attachments"] for action in attachment["actions"]]


def test_the_callback_address_of_these_tests_is_a_long_one() -> None:
    assert len(URL) == CALLBACK


@given(tickets())
def test_every_post_of_a_ticket_is_within_the_limits_of_an_old_server(ticket: Ticket) -> None:
    for message in posts(ticket):
        assert len(render.text(message.text, "marketplace")) <= render.LONGEST_MESSAGE
        props = render.props(message, 2**31, ROW_KEY, KEY, URL, NOW)
        assert render.weight(props) <= render.PROPS_BUDGET, (message.text[:60], render.weight(props))
        ids = [str(action["id"]) for action in actions(props)]
        assert len(set(ids)) == len(ids)
        assert all(re.fullmatch(r"[A-Za-z0-9]+", one) for one in ids)
        kept = [action["name"] for action in actions(props)]
        assert kept == [button.label for row in message.rows for button in row.buttons][: len(kept)]
        assert len(message.rows) - len(props["attachments"]) <= 2


def test_every_button_of_the_longest_checklist_fits_where_the_address_is_short() -> None:
    facts: list[f.AnyFact] = [
        f.Submitted(requirements=POLICY.current, by="sue", at=1),
        f.Resolved(text="", repository="", ref_kind="tag", ref_name="", commit="3" * 40, track="update", at=2),
    ]
    ticket, turns = history(12_345, POLICY, facts)
    prompt = checklist.prompt(ticket, "product", turns, who)
    props = render.props(prompt, 1_000_000, ROW_KEY, KEY, "http://127.0.0.1:8090", NOW)
    assert len(props["attachments"]) == len(prompt.rows) == 11


def test_rows_that_weigh_too_much_are_left_out_from_the_end() -> None:
    rows = tuple(Row((Button(f"Pass {n}", "x" * 500),), f"row {n}") for n in range(50))
    shown = render.props(Message("", rows), 7, ROW_KEY, KEY, URL, NOW)["attachments"]
    assert [x["text"] for x in shown] == [f"row {n}" for n in range(len(shown))]
    assert 5 < len(shown) < 50


@given(tickets())
def test_what_a_submitter_has_to_answer_is_never_cut(ticket: Ticket) -> None:
    if found := review.findings(ticket):
        assert "`/mb ready" in render.text(notices.changes(ticket, found, who).text, "mb")


@pytest.mark.parametrize("text", ["w" * 3000, "word " * 600, "* _" * 1000, "- a\n" * 750])
@pytest.mark.parametrize("count", [1, 5, 20, 60])
def test_many_long_findings_fit_into_one_message_each_with_its_beginning(text: str, count: int) -> None:
    facts: list[f.AnyFact] = [
        f.Submitted(requirements=POLICY.current, by="sue", at=1),
        f.Resolved(text="", repository="", ref_kind="tag", ref_name="", commit="3" * 40, track="update", at=2),
    ]
    ticket = fold(7, POLICY, facts)
    for number in range(count):
        ticket = review.blocked(ticket, "dev", f"{number} {text}"[:3000], "sam", 3, "slash")
    words = render.text(notices.changes(ticket, ticket.findings, who).text, "mb")
    assert len(words) < render.LONGEST_MESSAGE
    assert "`/mb ready MB-7`" in words
    assert all(f"\n> {number} " in words for number in range(count))
    assert (count > 1) == ("…" in words) or count == 5


def test_the_weight_is_what_an_old_server_counts() -> None:
    assert render.weight({"a": "b"}) == len('{"a":"b"}')
    assert render.weight({"a": "<&>"}) == len('{"a":"<&>"}') + 15
    assert render.weight({"attachments": [{}, {}]}) == len('{"attachments":[{},{}]}') + 412


def test_a_text_that_is_too_long_is_cut_and_carries_the_trigger() -> None:
    assert render.text("\ue000 help", "plugins") == "/plugins help"
    assert len(render.text("\ue000" * 10_000, "marketplace")) == render.LONGEST_MESSAGE


# Buttons


def context(line: str, row: int = 7, now: int = NOW, key: bytes = KEY) -> dict[str, object]:
    props = render.props(Message("", (Row((Button("Pass", line),)),)), row, ROW_KEY, key, URL, now)
    found = props["attachments"][0]["actions"][0]["integration"]["context"]
    return json.loads(json.dumps(found))  # type: ignore[no-any-return]  # an object


@given(line=st.text(max_size=40), row=st.integers(0, 2**40), later=st.integers(0, render.LIFETIME * render.DAY))
def test_a_button_that_was_signed_is_read_back(line: str, row: int, later: int) -> None:
    assert render.clicked(context(line, row), KEY, NOW + later) == (row, line, False)


def test_a_button_of_long_ago_is_known_as_old() -> None:
    assert render.clicked(context("pass MB-7 P1"), KEY, NOW + (render.LIFETIME + 1) * render.DAY) == (
        7,
        "pass MB-7 P1",
        True,
    )


@given(
    name=st.sampled_from(("l", "m")),
    value=st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(), st.lists(st.text(), max_size=2)),
)
def test_a_button_with_anything_changed_is_forged(name: str, value: object) -> None:
    good = context("pass MB-7 P1 --commit 3f9c2ab")
    if good[name] != value:
        with pytest.raises(render.Forged):
            render.clicked(good | {name: value}, KEY, NOW)


@given(st.none() | st.text() | st.lists(st.integers()) | st.dictionaries(st.text(max_size=2), st.text(), max_size=4))
def test_a_context_of_somebody_else_is_forged(anything: object) -> None:
    with pytest.raises(render.Forged):
        render.clicked(anything, KEY, NOW)


def test_a_button_signed_with_another_key_or_for_another_purpose_is_forged() -> None:
    with pytest.raises(render.Forged):
        render.clicked(context("pass MB-7 P1", key=b"x" * 32), KEY, NOW)
    row, day, _ = str(context("pass MB-7 P1")["m"]).split(".")
    mac = render.sign(KEY, "dialog", row, "pass MB-7 P1", day)
    with pytest.raises(render.Forged):
        render.clicked({"l": "pass MB-7 P1", "m": f"{row}.{day}.{mac}"}, KEY, NOW)


@given(st.integers(0, 10**6), st.integers(0, 10**6))
def test_the_mark_of_one_row_and_day_is_none_for_another(row: int, day: int) -> None:
    good = context("pass MB-7 P1")
    old_row, old_day, mac = str(good["m"]).split(".")
    if (str(row), str(day)) != (old_row, old_day):
        with pytest.raises(render.Forged):
            render.clicked(good | {"m": f"{row}.{day}.{mac}"}, KEY, NOW)


@given(st.lists(words, min_size=1, max_size=4), st.lists(words, min_size=1, max_size=4))
def test_different_parts_have_different_marks(some: list[str], others: list[str]) -> None:
    assert (render.sign(KEY, *some) == render.sign(KEY, *others)) == (some == others)


# Dialogs


def state(line: str, person: str = "id-sam", now: int = NOW) -> str:
    asked = Dialog("What is wrong?", "", line, (Question("text", "Why", "text"),))
    return str(render.dialog(asked, person, "nonce", KEY, now, "mb")["state"])


@given(line=st.text(max_size=3000), later=st.integers(0, render.DIALOG_LIFETIME))
def test_a_dialog_comes_back_as_it_was_opened(line: str, later: int) -> None:
    assert render.dialog_state(state(line), "id-sam", KEY, NOW + later) == (line, "nonce")


def test_a_dialog_of_another_person_or_another_day_is_forged() -> None:
    good = state("block MB-7 dev")
    for person, now, key in (
        ("id-dana", NOW, KEY),
        ("", NOW, KEY),
        ("id-sam", NOW + render.DIALOG_LIFETIME + 1, KEY),
        ("id-sam", NOW, b"x" * 32),
    ):
        with pytest.raises(render.Forged):
            render.dialog_state(good, person, key, now)


@given(name=st.sampled_from("lnum"), value=st.none() | st.integers() | st.text() | st.just("9" * 16))
def test_a_dialog_with_anything_changed_is_forged(name: str, value: object) -> None:
    good = json.loads(state("block MB-7 dev"))
    if str(good[name]) != str(value):
        with pytest.raises(render.Forged):
            render.dialog_state(json.dumps(good | {name: value}), "id-sam", KEY, NOW)


@given(st.text() | st.just("[" * 10_000) | st.just('{"l":' * 9_000) | st.just("9" * 9_999))
def test_any_other_state_is_forged(text: str) -> None:
    with pytest.raises(render.Forged):
        render.dialog_state(text, "id-sam", KEY, NOW)


def test_what_a_client_shows_as_it_is_written_has_no_markdown() -> None:
    words = "MB-1 is reviewed at [`01f0428`](https://github.com/x/y/commit/01f) now. **Withdrawn**: `/mb status MB-1`."
    assert render.unformatted(words) == "MB-1 is reviewed at 01f0428 now. Withdrawn: `/mb status MB-1`."
    assert render.unformatted("It said:\n> \\*no\\* to @\u200ball") == "It said:\n*no* to @all"
