"""What people typed is shown as they typed it, and does nothing: an independent reader looks for what Mattermost acts on."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from markdown_it import MarkdownIt
from markdown_it.token import Token

from mmbot.mattermost import render
from mmbot.words import phrases

MARKDOWN = MarkdownIt("commonmark", {"html": False}).enable(["table", "strikethrough"])
FRAGMENTS = (
    "@all", "@channel", "@sam", "#urgent", "~town-square", ":smile:", "$x$", "https://a.example/b_c(d)", "http://", "HTTP://X.Y",
    "www.a.example", "WWW2.a.example", "_www.x.example", "[a](http://b.example)", "![i](http://b.example/i.png)", "<a@b.example>",
    "<http://c.example>", "<ftp:x>", "<b>", "`", "``", "```", "~~~", "~~s~~", "*e*", "**", "__b__", "\\", "\\_", "\\*e\\*", "|", "-|-",
    "# h", "- l", "+ l", "1. o", "2) o", "> q", "---", "===", "\n", "\n\n", "    ", "\t", "[x]: http://d.example", "[x]", "&lt;",
    "&#64;all", "&commat;all", "$", "$$", "\ue000", "\u200b", "\u202e", "\u2028", "\ufeff", "\x00", "\x1b", "\ud800", " ", " ", "word",
    "é", "漢", "@", "#", "~", ":", "!", "(", ")", "@\u200ball", "@\u2060channel", "@\U000e0061all", "\u2066@here\u2069", "\u061c@sam",
    "\u180e@sam", "\u115f@all", "\u034f@all", "\ufe0f@all", "👩\u200d💻@sam", "\uff20all", "\ufe6ball", "\uff03tag", "\uff5etown",
    "a@b.example", "mailto:a@b.example", "mmaction://approve?x=1", "[Approve](mmaction://approve)", "[x][y]", "[y]: <http://a.example> 't'",
    "[^1]", "[^1]: n", "ftp://x.example", "tel:1", "javascript:x", "HTTPS://A.example/`@all`", "https://a.example@b.example/", "http://[::1]/",
    "https://\u202egpj.exe", "&#x40;all", "&NewLine;", "&lbrack;", "\\begin{x}", "\\[x\\]", "$$\\href{http://x}{y}$$", "| a | b |\n|-|-|",
    "Setext\n===", "  # h", "\u3000# h", "\u0085> q", "> > > q", "- [x] done", "* * *", "==x==", "^x^", ":+1:", ":custom_one:", "~~~~",
    "#a-b",
    "#日本語", "W" * 400, "https://a.example/" + "w" * 400, "<!channel>", "<@sam>", "<http://a.example|b>", "[a]\n(http://b.example)",
    "![a][b]", "[![a](http://a.example)](http://b.example)", "@all_", "@-all", "_@all", "(@all)", "@all.", "@@all", "v1.0.0`@all`",
    "id.of|@all",
)  # fmt: skip
typed = st.lists(st.sampled_from(FRAGMENTS) | st.text(max_size=4), max_size=12).map("".join)
ACTIVE = re.compile(
    r"@[a-z0-9]|#[^\W\d_]\w{2,}|~[a-z0-9]|:[a-z0-9_+-]+:|[a-z][a-z0-9+.-]*://|(?<![a-z0-9])www\d{0,3}\.", re.IGNORECASE
)
"""What Mattermost acts on in plain text: mentions, hashtags, channels, emoji, addresses."""
HARMLESS = {"paragraph_open", "paragraph_close", "inline"}
QUOTATION = HARMLESS | {"blockquote_open", "blockquote_close"}
INERT = {"text", "text_special", "softbreak", "code_inline"}
"""Kinds of tokens that only show characters."""


def inner(tokens: list[Token]) -> Iterator[Token]:
    for token in tokens:
        yield from token.children or ()


def shown(tokens: list[Token]) -> str:
    return "".join("\n" if x.type == "softbreak" else x.content for x in inner(tokens)).replace("\u200b", "")


def outside_code(tokens: list[Token]) -> str:
    return "".join("`" if x.type == "code_inline" else x.content for x in inner(tokens))


def words(text: str) -> str:
    """What is left of a text when nothing invisible counts."""
    kept = re.sub(
        "[\u0000-\u0008\u000b-\u001f\u007f\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\ue000"
        "\ud800-\udfff\U000e0000-\U000e007f]",
        "",
        text,
    )
    return " ".join(kept.split())


@given(typed)
@example("\\_e\\_")
@example("see _www.a.example_ and www2.a.example")
@example("<javascript:x>")
def test_a_line_of_somebody_shows_every_word_and_does_nothing(text: str) -> None:
    tokens = MARKDOWN.parse(f"said {phrases.plain(text, 9_000)}: there")
    assert {x.type for x in tokens} <= HARMLESS
    assert {x.type for x in inner(tokens)} <= INERT
    assert not ACTIVE.search(outside_code(tokens))
    assert shown(tokens) == f"said {words(text)}: there"


@given(typed)
@example("<a@b.example>")
@example("<https://c.example>")
@example("<@sam>")
def test_nothing_stands_between_angle_brackets_as_clients_look_for_it(text: str) -> None:
    for made in (phrases.plain(text), phrases.quoted(text)):
        assert not re.search("<[^ >]*(@|:/)[^ >]*>", made)


@given(typed)
def test_a_line_stays_inside_the_bold_type_or_the_cell_that_it_stands_in(text: str) -> None:
    bold = [x.type for x in inner(MARKDOWN.parse(f"**MB-7 {phrases.plain(text)}.** closed"))]
    assert bold.count("strong_open") == bold.count("strong_close") == 1
    assert {"em_open", "s_open", "link_open", "image"}.isdisjoint(bold)
    row = MARKDOWN.parse(f"| a | b |\n|:--|:--|\n| {phrases.plain(text)} | c |")
    assert [x.type for x in row].count("td_open") == 2
    assert shown(row).endswith("c")


@given(typed)
def test_a_quotation_holds_only_paragraphs(text: str) -> None:
    tokens = MARKDOWN.parse(phrases.quoted(text))
    assert {x.type for x in tokens} <= QUOTATION
    assert [x.type for x in tokens].count("blockquote_open") == 1
    assert {x.type for x in inner(tokens)} <= INERT
    assert not ACTIVE.search(outside_code(tokens))
    assert all(line.startswith("> ") for line in phrases.quoted(text).rstrip("\n").split("\n"))


@given(typed)
def test_a_code_span_is_exactly_one(text: str) -> None:
    tokens = MARKDOWN.parse(f"is {phrases.code(text)} there")
    assert [x.type for x in inner(tokens)] == ["text", "code_inline", "text"]
    assert "\n" not in phrases.code(text)


@given(typed | st.lists(typed, max_size=9).map("\n".join), st.sampled_from(("", "diff")))
@example("```\n@all", "")
@example("~~~\n" * 3, "diff")
def test_a_code_block_is_exactly_one_and_mentions_nobody(text: str, language: str) -> None:
    made = phrases.block(text, language)
    (token,) = MARKDOWN.parse(f"Before:\n{made}\nAfter.")[3:-3]
    assert (token.type, token.info) == ("fence", language)
    assert not re.search("@[a-z0-9]|`", token.content, re.IGNORECASE)
    assert (
        words(token.content) == words(re.sub("[\v\f\r\x85\u2028\u2029]", "\n", text)[:1500].replace("`", "'"))
        or len(text) > 1500
    )
    assert len(made) < 4 * 1500


@given(typed)
def test_a_command_is_typed_in_one_code_span(line: str) -> None:
    tokens = MARKDOWN.parse(phrases.typed(line))
    assert [x.type for x in inner(tokens)] == ["code_inline"]


@given(
    st.sampled_from(
        ("https://a.example/", "http://a.example", "javascript:", "https://a.example/x#", "//a.example", "")
    ),
    typed,
)
def test_a_link_leads_where_it_says_or_is_none(start: str, more: str) -> None:
    made = phrases.link("label", start + more)
    tokens = MARKDOWN.parse(f"see {made} there")
    kinds = [x.type for x in inner(tokens)]
    if made == "label":
        assert kinds == ["text"]
        return
    assert kinds == ["text", "link_open", "text", "link_close", "text"]
    target = next(str(x.attrs["href"]) for x in inner(tokens) if x.type == "link_open")
    assert re.match(r"https?://a\.example", target)
    assert made.isascii()
    assert made.isprintable()


@given(typed, typed)
def test_a_comparison_with_whatever_version_is_one_link_or_none(before: str, after: str) -> None:
    tokens = MARKDOWN.parse(f"see {phrases.compare('https://a.example/b', before, after)} there")
    kinds = [x.type for x in inner(tokens)]
    assert kinds.count("link_open") <= 1
    assert set(kinds) <= INERT | {"link_open", "link_close"}


@given(typed)
def test_nobody_can_smuggle_in_the_mark_that_becomes_the_trigger(text: str) -> None:
    made = (
        phrases.plain(text),
        phrases.quoted(text),
        phrases.code(text),
        phrases.link("", f"https://a.example/{text}"),
    )
    assert phrases.MB not in "".join(made)
    assert phrases.typed(text).count(phrases.MB) == 1


@given(typed)
def test_nothing_invisible_but_our_own_is_left_and_everything_can_be_sent(text: str) -> None:
    for made in (
        phrases.plain(text),
        phrases.quoted(text),
        phrases.code(text),
        phrases.link("", f"https://a.example/{text}"),
    ):
        made.encode()
        assert not re.search(
            "[\u0000-\u0008\u000b-\u001f\u007f\u00ad\u200c-\u200f\u061c\u180e\u202a-\u202e\u2028\u2029\u2060-\u206f\ufeff"
            "\ufff9-\ufffb\U000e0000-\U000e007f]",
            made,
        )


@given(typed | st.text(), st.integers(1, 50))
def test_what_is_too_long_is_cut_to_its_limit(text: str, limit: int) -> None:
    whole = words(text)
    code = phrases.code(text, limit)
    assert len(code) <= limit + 2
    assert code[1:-1] == "…" * (limit == 1 and len(whole) > 1) or whole.replace("`", "'").startswith(
        code[1:-1].rstrip("…").strip()
    )
    plain = phrases.plain(text, limit)
    assert len(plain) <= 4 * limit + 2
    assert len(shown(MARKDOWN.parse(f"x{plain}"))) <= limit + 1
    if len(whole) > limit:
        assert plain.endswith(("…", "…`"))


@pytest.mark.parametrize(
    "start", ["-", "+", "=", ">", "1.", "1)", "#", "*", "_", "<", "|", "&", "`", "\n", "a\n", "@a "]
)
def test_a_quotation_of_the_longest_text_is_far_from_the_longest_post(start: str) -> None:
    assert len(phrases.quoted(start * 3000)) <= render.LONGEST_MESSAGE - 2000


def test_a_name_of_ordinary_signs_is_shown_as_it_is() -> None:
    assert phrases.plain("Remind 1.0.0-rc.1 (it's new; 50% faster)") == "Remind 1.0.0-rc.1 \\(it's new; 50% faster\\)"


# Dates, counts, lists


@pytest.mark.parametrize(
    ("found", "expected"),
    [
        (phrases.day(1_794_218_400_000), "9 Nov"),
        (phrases.when(1_794_218_400_000, "Europe/Berlin"), "Mon 9 Nov, 11:00 your time"),
        (phrases.when(1_794_218_400_000, ""), "Mon 9 Nov, 10:00 UTC"),
        (phrases.when(1_794_218_400_000, "../../etc/passwd"), "Mon 9 Nov, 10:00 UTC"),
        (phrases.when(1_794_218_400_000, "No/Where"), "Mon 9 Nov, 10:00 UTC"),
        (phrases.plural(1, "item"), "1 item"),
        (phrases.plural(0, "item"), "0 items"),
        (phrases.listed([]), ""),
        (phrases.listed(["a"]), "a"),
        (phrases.listed(["a", "b"], "or"), "a or b"),
        (phrases.listed(["a", "b", "c"]), "a, b and c"),
        (phrases.commit("https://a.example/b", ""), "an unknown commit"),
        (phrases.commit("", "3f9c2ab" + "0" * 33), "`3f9c2ab`"),
        (
            phrases.commit("https://gitlab.com/b/c/", "f" * 40),
            f"[`fffffff`](https://gitlab.com/b/c/-/commit/{'f' * 40})",
        ),
    ],
)
def test_small_forms(found: str, expected: str) -> None:
    assert found == expected


@given(st.datetimes(datetime(2000, 1, 1), datetime(2100, 1, 1)), st.text(max_size=8))  # noqa: DTZ001 -- made UTC below
def test_any_moment_has_words_in_any_zone(moment: datetime, zone: str) -> None:
    at = round(moment.replace(tzinfo=UTC).timestamp() * 1000)
    assert phrases.when(at, zone).endswith(("UTC", "your time"))
