"""The grammar: typed, pressed or filled in, a line is the same command; and no line, however odd, breaks the reader."""

import inspect
import re
from collections.abc import Iterator, Mapping
from itertools import permutations
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError
from random_tickets import POLICY, posts, tickets

from mmbot.app import App
from mmbot.commands import LONGEST, WORDS, Context, filled, names_in, read, tidy, usage
from mmbot.domain.ticket import Ticket
from mmbot.events import (
    COMMANDS,
    AddNote,
    AskHelp,
    AskStatus,
    Assign,
    Block,
    Command,
    Event,
    FileCase,
    GiveVerdict,
    Incomplete,
    JudgeItem,
    Misread,
    MoveReview,
    PeopleNamed,
    Person,
    ReferenceResolved,
    RequestReviews,
    SettleFinding,
    Slot,
    Submit,
    Where,
)
from mmbot.mattermost import render
from mmbot.messages import Button, Message, Row
from mmbot.store.database import Store
from mmbot.store.tx import Settings
from mmbot.words import replies
from mmbot.words.phrases import MB

PEOPLE = {"sam": "id-sam", "dana": "id-dana"}
CONTEXT = Context("id-me", None, PEOPLE)
LINK = "https://github.com/example/mattermost-plugin-remind v1.0.0"
Read = Command | Misread | Incomplete


def said(line: str, context: Context = CONTEXT) -> Read:
    return read(line, POLICY, context)


def refusal(line: str, context: Context = CONTEXT) -> str:
    found = said(line, context)
    assert isinstance(found, Misread), found
    return found.why.replace(MB, "/mb")


# What the words say of themselves


@pytest.mark.parametrize("word", WORDS)
def test_the_example_of_a_word_is_a_command_of_that_word(word: str) -> None:
    command = WORDS[word]
    found = said(command.examples[word])
    if word == "contribute":  # the rest of it is a form
        assert isinstance(found, Incomplete)
        return
    assert type(found) is command
    for name, value in command.words[word].items():
        assert getattr(found, name) == ("id-me" if value == "me" else value)


@pytest.mark.parametrize("word", WORDS)
def test_every_word_has_a_summary_a_usage_and_a_help_text(word: str) -> None:
    command = WORDS[word]
    assert command.summaries[word]
    assert inspect.getdoc(command)
    assert usage(word).startswith(f"{MB} {word}")
    for name, info in command.model_fields.items():
        slot = next((x for x in info.metadata if isinstance(x, Slot)), None)
        if slot and slot.shape not in {"dialog", "dialog-line", "commit"} and name not in command.words[word]:
            assert slot.shown in usage(word)


def test_no_two_commands_share_a_word() -> None:
    assert len(WORDS) == sum(len(command.words) for command in COMMANDS)


# One value, three ways

SAME = [
    ("fail MB-7 T2 it logs nothing", "fail MB-7 T2", {"why": "it logs nothing"}),
    ("fail MB-7 T2 it logs nothing", "fail MB-7", {"items": "T2", "why": "it logs nothing"}),
    ("fail MB-7 T2 --commit 3f9c2ab it logs nothing", "fail MB-7 T2 --commit 3f9c2ab", {"why": "it logs nothing"}),
    ("na MB-7 P7 nothing to set", "na MB-7 P7", {"why": "nothing to set", "commit": ""}),
    ("pass MB-7 P1", "pass MB-7", {"items": "P1", "why": None}),
    ("block MB-7 dev it is slow", "block MB-7 dev", {"text": "it is slow", "item": ""}),
    ("block MB-7 dev T1 it is slow", "block MB-7 dev", {"text": "it is slow", "item": "T1"}),
    ("block MB-7 dev --commit 3f9c2ab it is slow", "block MB-7 dev --commit 3f9c2ab", {"text": " it is slow "}),
    ("unblock MB-7 2", "unblock MB-7", {"number": "2"}),
    ("disclose MB-7 2", "disclose MB-7", {"number": "2"}),
    ("note MB-7 away until Monday", "note MB-7", {"text": "away until Monday"}),
    ("assign MB-7 qa @sam", "assign MB-7 qa", {"person": "id-sam"}),
    ("assign MB-7 @sam", "assign MB-7", {"person": "id-sam"}),
    ("commit MB-7 v1.0.1", "commit MB-7", {"link": "v1.0.1"}),
    (f"submit {LINK} --track update", "submit", {"link": LINK, "track": "update", "summary": "", "contact": ""}),
    (f"submit {LINK}", "submit", {"link": LINK}),
    ("away 2026-12-01", "away", {"day": "2026-12-01"}),
    ("away 2026-12-01 @sam", "away", {"day": " 2026-12-01 ", "person": "id-sam"}),
    ("away 2026-12-01 @sam", "away @sam", {"day": "2026-12-01"}),
]


@pytest.mark.parametrize(("typed", "line", "answers"), SAME)
def test_a_typed_line_and_a_filled_in_dialog_are_the_same_command(
    typed: str, line: str, answers: Mapping[str, object]
) -> None:
    begun = said(line)
    assert isinstance(begun, Incomplete)
    assert begun.line == line
    assert filled(begun.word, begun.line, answers, POLICY, CONTEXT) == said(typed)


@pytest.mark.parametrize(("typed", "line", "answers"), SAME)
def test_what_a_dialog_may_not_answer_is_left_out(typed: str, line: str, answers: Mapping[str, object]) -> None:
    word = line.partition(" ")[0]
    forged = dict.fromkeys(
        (*WORDS[word].words[word], "title", "claims", "unread", "ticket", "kind", "nonsense", "commit"), "forged"
    )
    if "ticket" in WORDS[word].model_fields:
        assert filled(word, line, {**forged, **answers}, POLICY, CONTEXT) == said(typed)


def test_a_wrong_answer_of_a_dialog_is_an_error_of_its_field() -> None:
    for line, answers, field in (
        ("unblock MB-7", {"number": "two"}, "number"),
        ("fail MB-7 T2", {"why": "x" * 3001}, "why"),
        ("note MB-7", {}, "text"),
        ("submit", {"link": "x" * 501}, "link"),
        ("away", {"day": "tomorrow"}, "day"),
        ("away", {"day": "20261201"}, "day"),
        ("away", {"day": "2026-02-30"}, "day"),
        ("away @sam", {}, "day"),
    ):
        with pytest.raises(ValidationError) as error:
            filled(line.split()[0], line, answers, POLICY, CONTEXT)
        assert error.value.errors()[0]["loc"] == (field,)


@given(tickets())
def test_every_button_that_can_be_posted_is_understood(ticket: Ticket) -> None:
    for button in (x for message in posts(ticket) for row in message.rows for x in row.buttons):
        found = said(button.line)
        assert not isinstance(found, Misread), button.line
        assert getattr(found, "ticket", ticket.number) == ticket.number
        if isinstance(found, Incomplete):
            assert button.label.endswith("…")
        else:
            assert not button.label.endswith("…")


# How people type


@pytest.mark.parametrize(
    ("word", "parts"),
    [
        ("assign", ("MB-7", "qa", "@sam")),
        ("request", ("MB-7", "dev", "qa", "@sam")),
        ("pass", ("MB-7", "P1", "P2", "--commit 3f9c2ab")),
        ("approve", ("MB-7", "security", "--all", "--commit=3f9c2ab")),
        ("claim", ("qa", "MB-7")),
        ("unblock", ("MB-7", "2")),
        ("reopen", ("P1,P2", "#7")),
        ("people", ("add", "@sam", "@dana", "qa", "admin")),
        ("people", ("away", "@sam", "2026-12-01")),
        ("away", ("2026-12-01", "@sam")),
    ],
)
def test_the_order_of_words_that_are_told_by_their_shape_does_not_matter(word: str, parts: tuple[str, ...]) -> None:
    values = [said(f"{word} {' '.join(order)}") for order in permutations(parts)]
    assert not isinstance(values[0], Misread | Incomplete)
    assert {sorted_fields(x) for x in values} == {sorted_fields(values[0])}


def sorted_fields(found: Read) -> str:
    fields = {name: sorted(x) if isinstance(x, tuple) else x for name, x in found.model_dump().items()}
    return f"{type(found).__name__} {fields}"


@pytest.mark.parametrize(
    ("odd", "plain"),
    [
        ("approve\u00a0MB-7\u202fsecurity —all", "approve MB-7 security --all"),
        ("Approve mb7 SECURITY \u2013all", "approve MB-7 security --all"),
        ("approve\u200b MB-7\ufeff security\u2060 --all ", "approve MB-7 security --all"),
        ("fail MB-7 t2, “it logs nothing”", "fail MB-7 T2 it logs nothing"),
        ('fail MB-7 T2\nit logs\n"nothing"', 'fail MB-7 T2 it logs\n"nothing"'),
        ("pass #7 p1,p2,", "pass MB-7 P1 P2"),
        ("pass 7 P1 P2", "pass MB-7 P1 P2"),
        ("  status   MB-7  ", "status MB-7"),
        ("assign MB-7 qa @Sam.", "assign MB-7 qa @sam"),
        (f"submit {LINK} —track update", f"submit {LINK} --track update"),
        ("submit “https://github.com/a/b”", "submit https://github.com/a/b"),
        ("MB-7", "status MB-7"),
        ("mb-7", "status MB-7"),
        ("note MB-7 cafe\u0301", "note MB-7 café"),
        ("queue QA —page=2", "queue --page 2 qa"),
        ("queue mine", "queue"),
        ("queue @Sam.", "queue @sam"),
        ("search “remind me” —page 2", "search --page 2 remind me"),
        ("status remind --log --page 2", "status --page 2 --log remind"),
        ("status --log MB-7", "status MB-7 --log --page 1"),
    ],
)
def test_what_phones_make_of_a_line_is_read_all_the_same(odd: str, plain: str) -> None:
    assert not isinstance(said(plain), Misread | Incomplete)
    assert said(odd) == said(plain)


def test_in_a_thread_the_ticket_can_be_left_out() -> None:
    thread = Context("id-me", 7, PEOPLE)
    assert said("approve --all", thread) == GiveVerdict(ticket=7, decision="approve", all=True)
    assert said("unblock 2", thread) == SettleFinding(ticket=7, number=2, disclose=False)
    assert said("note 2 people asked for it", thread) == AddNote(ticket=7, text="2 people asked for it")
    assert said("status", thread) == AskStatus(ticket=7)
    assert said("status MB-8", thread) == AskStatus(ticket=8)
    begun = said("fail T2", thread)
    assert isinstance(begun, Incomplete)
    assert filled("fail", begun.line, {"why": "no"}, POLICY, Context("id-me")) == said("fail MB-7 T2 no")


def test_no_option_of_a_link_can_change_the_ticket() -> None:
    assert said("commit MB-7 v1.0.1 --ticket") == MoveReview(ticket=7, link="v1.0.1 --ticket")
    assert said("commit MB-7 v1.0.1 --link") == MoveReview(ticket=7, link="v1.0.1 --link")


@pytest.mark.parametrize(
    ("line", "says"),
    [
        ("aprove MB-7", "Did you mean `/mb approve MB-7`?"),
        ("fial MB-7 T2 why", "Did you mean `/mb fail MB-7 T2 why`?"),
        ("frobnicate", "`/mb help` shows"),
        ("approve MB-7 --al", "Did you mean `--all`?"),
        ("approve MB-7 --frobnicate", "There is no option `--frobnicate` here."),
        ("approve", "Which ticket?"),
        ("approve MB-7 nonsense", "I don't understand `nonsense` there."),
        ("approve MB-7 --commit xyz", "takes the first seven"),
        ("approve MB-7 --commit", "takes the first seven"),
        ("approve MB-0", "ticket: "),
        ("approve MB-999999999999", "I don't understand"),
        ("assign MB-7 qa @nobody", "I don't know `@nobody` on this server."),
        ("pass MB-7 X9", "X9"),
        ("submit x --track beta", "Beta is for the reviewers to decide"),
        ("submit x --track web", "For the web Marketplace: `/mb contribute KIND LINK`."),
        ("submit x --track beat", "The track is `new`, `update` or `app`, not `beat`."),
        ("submit x --for jane", "Name somebody as @USER, or in quotes"),
        ("submit x --for @nobody", "I don't know `@nobody` on this server."),
        ("queue plumbing", "I don't understand `plumbing` there. WHOSE is product, dev,"),
        ("queue qa dev", "I don't understand `dev` there."),
        ("queue @nobody", "I don't know `@nobody` on this server."),
        ("queue --page", "`--page` takes a number"),
        ("queue --page 0", "page: "),
        ("search remind --page two", "Usage: `/mb search WORDS [--page N]`"),
        ("search", "Which words?"),
        ("", "`/mb help` shows"),
        ("@all `x` approve", "/mb help"),
    ],
)
def test_a_line_that_is_not_understood_is_told_the_way(line: str, says: str) -> None:
    assert says in refusal(line)


def test_a_refusal_shows_usage_and_an_example_where_the_word_is_known() -> None:
    assert refusal("claim").endswith("Usage: `/mb claim MB-7 [ROLE]`, for example `/mb claim MB-7 qa`.")


def test_a_question_about_a_plugin_is_a_question_for_its_status() -> None:
    assert said("remind?") == AskStatus(about="remind")
    assert isinstance(said("where " * 40 + "?"), Misread)


def test_the_names_in_a_line_are_few_and_in_lower_case() -> None:
    assert names_in("assign MB-7 @Sam @dana. and a@b @sam @-x") == ("sam", "dana", "b")
    assert len(names_in(" ".join(f"@u{n}" for n in range(100)))) == 20


# Words in free text

TEXT = st.text(st.characters(codec="utf-8", exclude_categories=["Cc"]), min_size=1, max_size=200)


@given(st.lists(TEXT, min_size=1, max_size=4).map("\n".join))
def test_what_people_write_survives_to_the_letter(text: str) -> None:
    why = tidy(text)
    if not why:
        return
    for line, begun, field in (
        (f"fail MB-7 T2 why: {text}", "fail MB-7 T2", "why"),
        (f"note MB-7 why: {text}", "note MB-7", "text"),
        (f"block MB-7 dev why: {text}", "block MB-7 dev", "text"),
    ):
        found = said(line)
        assert isinstance(found, JudgeItem | AddNote | Block)
        assert getattr(found, field) == tidy(f"why: {text}")
        answered = filled(begun.partition(" ")[0], begun, {field: found.model_dump()[field]}, POLICY, CONTEXT)
        assert answered == found


@pytest.mark.parametrize(
    "text",
    ['"a" and "b"', "a “b” c", "it's --all or nothing", "--", "- a list", "the end. --commit 3f9c2ab", "P1", "2 of 3"],
)
def test_signs_that_look_like_grammar_stay_where_the_text_has_begun(text: str) -> None:
    found = said(f"note MB-7 {text}")
    assert found == AddNote(ticket=7, text=text)


def test_quotation_marks_around_the_whole_text_are_taken_off() -> None:
    assert said('block MB-7 dev "security is not the point"') == Block(
        ticket=7, role="dev", text="security is not the point"
    )


@pytest.mark.parametrize("length", [3000, 3001, 16_000, LONGEST, LONGEST + 1, 100_000])
@pytest.mark.parametrize("start", ["note MB-7 ", "fail MB-7 ", "submit ", "status ", "@", "x", '"', "--", "P1,"])
def test_a_line_of_any_length_is_answered(start: str, length: int) -> None:
    found = said((start + "a b" * length)[:length])
    assert isinstance(found, Command | Misread | Incomplete)
    if length > LONGEST:
        assert isinstance(found, Misread)
        assert "too long" in found.why


def test_what_fits_is_kept_whole_and_what_is_too_long_is_said_to_be() -> None:
    assert said("note MB-7 " + "x" * 3000) == AddNote(ticket=7, text="x" * 3000)
    assert "at most 3000" in refusal("note MB-7 " + "x" * 3001)
    assert isinstance(said("fail MB-7 T2 " + "x" * 3000), JudgeItem)


@given(st.integers(1, 3000))
def test_the_beginning_of_a_command_loses_nothing_and_fits_into_a_button(length: int) -> None:
    found = said("fail MB-7 " + "<" * length)
    if isinstance(found, Misread):
        assert length > 900
        assert "There is no ITEM… in that." in found.why
        return
    assert isinstance(found, Incomplete)
    answered = filled("fail", found.line, {"items": "T2"}, POLICY, CONTEXT)
    assert answered == JudgeItem(ticket=7, items=("T2",), state="failed", why="<" * length)
    button = Message("", (Row((Button("Fill in…", found.line, "primary"),)),))
    assert render.props(button, 1_000_000, "0" * 32, b"k" * 32, "x" * 60, 0)["attachments"]


# Anything at all

ANYTHING = st.text(st.characters(exclude_categories=()), max_size=60)
PIECES = st.lists(
    st.sampled_from((*WORDS, "MB-7", "#7", "7", "P1", "p1,p2", "X9", "qa", "docs", "@sam", "@x"))
    | st.sampled_from(("--all", "--", "—", "“", '"', "MB-", "\n", "\ue000"))
    | ANYTHING,
    max_size=8,
).map(" ".join)  # fmt: skip


@given(ANYTHING | PIECES, st.none() | st.integers(1, 9))
def test_no_line_breaks_the_reader(text: str, thread: int | None) -> None:
    found = said(text, Context("id-me", thread, PEOPLE))
    assert isinstance(found, Command | Misread | Incomplete)
    found.model_dump_json()
    assert MB not in found.model_copy(update={"why": ""}).model_dump_json()


@given(st.sampled_from(list(WORDS)), PIECES, st.none() | st.integers(1, 9))
def test_no_line_of_a_known_word_breaks_the_reader(word: str, text: str, thread: int | None) -> None:
    found = said(f"{word} {text}", Context("id-me", thread, PEOPLE))
    assert isinstance(found, Command | Misread | Incomplete)
    if isinstance(found, Command):
        if word == "report" and type(found) is WORDS["vulnerability"]:
            return  # a report that says something is one of a vulnerability
        assert type(found) is WORDS[word]
        for name, value in WORDS[word].words[word].items():
            assert getattr(found, name) == ("id-me" if value == "me" else value)
    if isinstance(found, Incomplete):
        assert found.word == word
        assert found.missing


# Dialogs


@pytest.fixture
def app(tmp_path: Path) -> Iterator[App]:
    store = Store(tmp_path / "mmbot.db", POLICY)
    found = App(store, Settings(), lambda: 1_794_218_400_000)
    held = {"sam": tuple(POLICY.roles), "olive": ("owner",)}
    named = PeopleNamed(
        roles={r: tuple((n, f"id-{n}") for n, x in held.items() if r in x) for r in (*POLICY.roles, "owner")}
    )
    reference = ReferenceResolved(
        ticket=1, text=LINK, repository=LINK.split(maxsplit=1)[0], ref_kind="tag", ref_name="v1", commit="3" * 40,
        manifest={"id": "com.example." + "x" * 170, "name": "Remind" * 30, "version": "1.0.0"},
    )  # fmt: skip
    happened: list[tuple[str, Submit | PeopleNamed | ReferenceResolved | FileCase]]
    happened = [("", named), ("id-sue", Submit(link=LINK)), ("", reference)]
    happened.append(("id-sam", FileCase(plugin="MB-1", severity="bug", text="it empties every channel")))
    for number, (by, what) in enumerate(happened):
        found.handle(Event(f"e{number}", by, 1, Where("slash"), what, (Person("id-sam", "sam"),)))
    yield found
    store.close()


BEGUN = [
    "submit", "submit --track update", "assign MB-1", "assign MB-1 qa", "pass MB-1", "fail MB-1", "fail MB-1 S1", "na MB-1 P7",
    "done MB-1", "skip MB-1", "skip MB-1 legal", "undone MB-1", "reject MB-1", "contribute",
    "contribute tool https://example.com", "beta MB-1", "track MB-1", "track MB-1 web", "edit MB-1", "edit MB-1 title",
    "hold MB-1", "block MB-1", "block MB-1 security", "block MB-1 dev --commit 3333333", "unblock MB-1", "disclose MB-1",
    "vulnerability", "file", "file MB-1", "file MB-1 bug", "accept BUG-1", "decline BUG-1", "severity BUG-1",
    "severity BUG-1 low", "fix BUG-1", "notfixed BUG-1", "extend BUG-1", "takedown BUG-1", "close BUG-1", "resume BUG-1",
    "note MB-1", "commit MB-1", "away", "away @sam", "fail MB-1 " + "why " * 200, *(f"na MB-1 {x}" for x in ("P1", "T2")),
    "snooze MB-1", "remind MB-1", "remind MB-1 in 3 days", "forget", "expire MB-1",
]  # fmt: skip


@pytest.mark.parametrize("by", ["id-sam", "id-olive", "id-sue", "id-nobody"])
@pytest.mark.parametrize("line", BEGUN)
def test_every_dialog_is_within_the_limits_of_the_server(app: App, line: str, by: str) -> None:
    what = said(line)
    assert isinstance(what, Incomplete)
    reply = app.handle(Event("x", by, 1, Where("slash"), what))
    assert reply
    if "items" in what.missing and by != "id-sam":
        assert (reply.dialog, reply.text) == (None, replies.no_role())
        return
    if "BUG-1" in line and by != "id-sam" and not (line.startswith("fix ") and by == "id-sue"):
        assert (reply.dialog, reply.refused) == (None, True), "it would be refused in the end"
        return
    assert reply.dialog
    asked = render.dialog(reply.dialog, by, "n" * 16, b"k" * 32, 1_794_218_400_000, "mb")
    assert 1 <= len(asked["title"].encode()) <= 24
    assert len(asked["introduction_text"]) <= 3000
    assert len(asked["state"]) <= 8000
    names = [x["name"] for x in asked["elements"]]
    assert len(set(names)) == len(names)
    assert set(what.missing) <= set(names) <= set(WORDS[what.word].model_fields)
    for element in asked["elements"]:
        assert 1 <= len(element["display_name"].encode()) <= 24
        assert len(element["help_text"].encode()) <= 150
        assert len(element["default"].encode()) <= 150
        assert element["type"] in {"text", "textarea", "select", "bool", "radio"}
        assert element.get("max_length", 0) <= {"text": 150, "textarea": 3000}.get(element["type"], 0)
        if element["type"] == "select":
            assert ("data_source" in element) != ("options" in element)
            for option in element.get("options", ()):
                assert option["value"]
                assert 1 <= len(option["text"]) <= 64


def test_whoever_judges_in_several_roles_is_asked_in_which(app: App) -> None:
    reply = app.handle(Event("x", "id-sam", 1, Where("slash"), said("block MB-1")))
    assert reply
    assert reply.dialog
    asked = {x.name: x for x in reply.dialog.questions}
    assert [value for value, _ in asked["role"].choices] == ["product", "dev", "security", "qa"]
    assert asked["role"].optional, "the item says it too"
    found = filled("block", "block MB-1", {"role": "qa", "text": "it is slow"}, POLICY, CONTEXT)
    assert found == said("block MB-1 qa it is slow")


def test_every_word_that_can_lack_something_has_a_dialog_here() -> None:
    lacking = {
        word for word, command in WORDS.items()
        if not command.reads and ({n for n, x in command.model_fields.items() if x.is_required()} | set(command.must.get(word, ())))
        - set(command.words[word]) - {"ticket", "case"}
    }  # fmt: skip
    assert lacking == {line.split()[0] for line in BEGUN}


def test_values_of_every_kind_are_read_into_the_fields_they_belong_to() -> None:
    assert said("request MB-7 dev @sam") == RequestReviews(ticket=7, roles=("dev",), people=("id-sam",))
    assert said("claim MB-7") == Assign(ticket=7, role="owner", person="id-me", claims=True)
    assert said("unassign MB-7 qa") == Assign(ticket=7, role="qa", person="")
    assert said("help approve") == AskHelp(about="approve")
    assert re.fullmatch("[0-9a-f]{7}", getattr(said("holds MB-7 dev --commit 3F9C2AB"), "commit", ""))
