"""Issue forms as people fill them in."""

import itertools
import re
import time
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mmbot import policy
from mmbot.domain.references import parse_reference
from mmbot.github.issue_form import MAX_CHARS, FormTooLong, IssueForm, looks_like_form, parse_form

TEMPLATES = Path(__file__).parents[2] / "shared" / "data" / "issue_templates"

PHRASES = {
    "P1": ("open source license", "licence"),
    "P2": ("source code is available", "public git repository"),
    "P3": ("support_url", "bug tracker"),
    "P4": ("usage documentation", "homepage_url"),
    "P5": ("changelog", "for the current release"),
    "P6": ("out of beta", "at least v1.0.0"),
    "P7": ("configuration is accessible",),
    "P8": ("must not collide", "naming convention"),
    "T1": ("concurrent connections", "high availability"),
    "T2": ("logs important events",),
    "S1": ("exploitable vulnerabilit",),
    "S2": ("report vulnerabilities",),
    "F1": ("set a `min_server_version",),
    "F2": ("all mattermost versions",),
    "U1": ("semantic versioning",),
    "U2": ("plugin id is unchanged",),
    "U3": ("changelog",),
    "W2": ("documentation",),
}
NEW = ("P1", "P2", "P3", "P4", "P5", "P6", "P7", "P8", "T1", "T2", "S1", "S2", "F1", "F2")
EXPECTED = {"new": NEW, "update": (*NEW, "U1", "U2", "U3")}


def read(text: str) -> IssueForm:
    return parse_form(text, PHRASES, EXPECTED)


def said(form: IssueForm) -> dict[str, str]:
    return {claim.handle: claim.said for claim in form.claims}


def remarks(form: IssueForm) -> dict[str, str]:
    return {claim.handle: claim.remark for claim in form.claims if claim.remark}


def template(name: str) -> str:
    file = TEMPLATES / name
    if not file.exists():
        pytest.skip(f"needs the sample {file}")
    return file.read_text(encoding="utf-8")


def under(heading: str, text: str, form: str) -> str:
    """The form with a text behind the comment of one section."""
    before, name, after = form.partition(heading)
    assert name
    comment, end, rest = after.partition("-->")
    return before + name + comment + end + "\n" + text + rest


NEW_FORM = """Add mattermost-plugin-tea to Marketplace

#### Summary
<!-- what it does -->
Tells the channel that tea is ready.

#### Review commit
<!-- a link -->
https://github.com/ann/mattermost-plugin-tea/tree/v1.2.0

## Checklist

**Product requirements**

- [x] Published under an [Open Source license](https://example.org/licenses).
- [ ] The plugin has to be out of Beta.
"""

UPDATE_FORM = """#### Summary
Faster.

#### Review reference
https://github.com/ann/mattermost-plugin-tea/releases/tag/v1.3.0

## Checklist

- [x] [All requirements](https://example.org/#changelog) are still met.
- [x] The release has to follow [Semantic Versioning](https://semver.org/).
- [ ] A changelog has been published.
"""


def reference(text: str) -> IssueForm:
    return read(f"#### Review commit\n{text}\n\n## Checklist\n- [x] out of beta\n")


# --- the templates ----------------------------------------------------------------------------------------------------


def test_the_untouched_template_of_a_new_plugin_claims_nothing() -> None:
    form = read(template("add_plugin.md"))
    assert form.track == "new"
    assert set(said(form)) == set(NEW)
    assert set(said(form).values()) == {"no"}
    assert (form.title, form.summary, form.reference, form.missing, form.unread) == ("", "", "", (), ())
    assert remarks(form) == {}


def test_a_filled_in_template_of_a_new_plugin_is_read_whole() -> None:
    text = template("add_plugin.md").replace("$REPOSITORY_NAME", "mattermost-plugin-tea").replace("[ ]", "[x]")
    text = under("#### Summary", "Tells when tea is ready.\n\n![a pot](https://example.org/pot.png)", text)
    text = under("#### Review commit", "https://github.com/ann/tea/commit/3f9c2ab", text)
    text = text.replace("at least v1.0.0.", "at least v1.0.0. Planned for 1.1")
    text = text.replace("- [x] The plugin works for 60k", "- [?x?] The plugin works for 60k")
    form = read(text)
    assert form.title == "Add mattermost-plugin-tea to Marketplace"
    assert form.summary == "Tells when tea is ready.\n\n![a pot](https://example.org/pot.png)"
    assert form.reference == "https://github.com/ann/tea/commit/3f9c2ab"
    assert {handle for handle, answer in said(form).items() if answer != "yes"} == {"T1"}
    assert next(claim.raw for claim in form.claims if claim.handle == "T1") == "?x?"
    assert remarks(form) == {"P6": "Planned for 1.1"}
    assert (form.missing, form.unread) == ((), ())


def test_product_4_is_found_in_the_documentation_group() -> None:
    form = read(template("add_plugin.md"))
    assert [claim.handle for claim in form.claims][-1] == "P4"


def test_a_template_without_the_documentation_group_misses_product_4() -> None:
    assert read(template("add_plugin.md").partition("**Documentation")[0]).missing == ("P4",)


def test_the_update_template_speaks_for_all_items_of_a_new_plugin() -> None:
    form = read(under("#### Review reference", "ann/tea@v1.3.0", template("update_plugin.md").replace("[ ]", "[X]")))
    assert form.track == "update"
    assert [claim.handle for claim in form.claims] == [*NEW, "U1", "U3"]
    assert set(said(form).values()) == {"yes"}
    assert form.missing == ("U2",)
    assert form.reference == "ann/tea@v1.3.0"
    assert (remarks(form), form.unread) == ({}, ())


@pytest.mark.parametrize("name", ["add_plugin.md", "update_plugin.md"])
def test_the_templates_are_understood_with_the_phrases_of_the_policy(name: str) -> None:
    text = template(name)
    requirements = policy.load().of(policy.load().current)
    phrases = {handle: item.recognise for handle, item in requirements.items.items()}
    form = parse_form(text, phrases, lambda track: requirements.track(track).items)
    assert form.track == {"add_plugin.md": "new", "update_plugin.md": "update"}[name]
    assert form.missing == {"add_plugin.md": (), "update_plugin.md": ("U2",)}[name]
    assert (remarks(form), form.unread) == ({}, ())


@pytest.mark.parametrize("name", ["add_plugin.md", "update_plugin.md"])
def test_a_template_looks_like_a_form_with_and_without_its_front_matter(name: str) -> None:
    text = template(name)
    assert looks_like_form(text)
    assert looks_like_form(text.split("---", 2)[2])
    assert looks_like_form(text.replace("\n", "\r\n"))


# --- forms of our own -------------------------------------------------------------------------------------------------


def test_a_new_form_is_read() -> None:
    form = read(NEW_FORM)
    assert (form.track, form.title) == ("new", "Add mattermost-plugin-tea to Marketplace")
    assert form.summary == "Tells the channel that tea is ready."
    assert form.reference == "https://github.com/ann/mattermost-plugin-tea/tree/v1.2.0"
    assert said(form) == {"P1": "yes", "P6": "no"}
    assert form.missing == tuple(handle for handle in NEW if handle not in {"P1", "P6"})
    assert form.unread == ()


def test_an_update_form_is_told_from_its_items() -> None:
    form = read(UPDATE_FORM)
    assert form.track == "update"
    assert said(form) == dict.fromkeys(NEW, "yes") | {"U1": "yes", "U3": "no"}


def test_the_changelog_item_belongs_to_the_track() -> None:
    assert list(said(read("Add tea to Marketplace\n- [x] A changelog has been published."))) == ["P5"]
    assert list(said(read("Update tea to v1.3.0\n- [x] A changelog has been published."))) == ["U3"]


def test_an_item_that_is_answered_by_itself_is_not_overruled_by_all_requirements() -> None:
    form = read(UPDATE_FORM + "- [ ] The plugin has to be out of Beta.\n")
    assert said(form)["P6"] == "no"
    assert said(form)["P7"] == "yes"


def test_an_exception_from_all_requirements_makes_that_item_unclear() -> None:
    form = read(UPDATE_FORM.replace("still met.", "still met, except that the bug tracker has moved."))
    assert {handle for handle, answer in said(form).items() if answer == "unclear"} == {"P3"}
    form = read(UPDATE_FORM.replace("still met.", "still met. Not sure, though."))
    assert {said(form)[handle] for handle in NEW} == {"unclear"}


def test_all_requirements_not_met_claims_nothing() -> None:
    for negation in ("are not met", "aren't met", "are never quite met"):
        form = read(UPDATE_FORM.replace("are still met", negation))
        assert set(said(form)) == {"U1", "U3"}
        assert negation in form.unread[0]


def test_the_heading_tells_the_track_where_title_and_items_do_not() -> None:
    assert read("#### Review commit\nann/tea@v1").track == "new"
    assert read("#### Review reference\nann/tea@v1\n\n- [x] out of beta").track == "update"
    assert read("ann/tea@v1").track == ""


def test_an_open_box_at_all_requirements_claims_none_of_them() -> None:
    form = read(UPDATE_FORM.replace("[x] [All", "[ ] [All"))
    assert {said(form)[handle] for handle in NEW} == {"no"}


@pytest.mark.parametrize(
    ("text", "title", "track"),
    [
        ("Add tea to Marketplace", "Add tea to Marketplace", "new"),
        ("# Add tea to the Marketplace", "Add tea to the Marketplace", "new"),
        ("Title: Update tea to 1.3.0", "Update tea to 1.3.0", "update"),
        ("---\nname: Add plugin\ntitle: 'Add tea to Marketplace'\n---", "Add tea to Marketplace", "new"),
        ("---\nname: Update plugin\ntitle: 'Update $REPOSITORY_NAME to $VERSION'\n---", "", "update"),
        ("Add some tea to the pot", "", ""),
    ],
)
def test_the_title_is_the_first_line_or_in_the_front_matter(text: str, title: str, track: str) -> None:
    form = read(text)
    assert (form.title, form.track) == (title, track)


@pytest.mark.parametrize(
    "heading",
    [
        "#### Summary",
        "**Summary**",
        "**Summary:**",
        "**Summary**:",
        "Summary:",
        "Summary",
        "# summary",
        "### Description",
    ],
)
def test_headings_come_in_many_forms(heading: str) -> None:
    form = read(f"{heading}\nTea.\n\n**Review commit**\nann/tea@v1\n\n- [x] out of beta")
    assert (form.summary, form.reference, form.unread) == ("Tea.", "ann/tea@v1", ())


def test_a_section_may_stand_on_the_line_of_its_name() -> None:
    form = read("Summary: Tea.\nReview reference: ann/tea@v1")
    assert (form.summary, form.reference) == ("Tea.", "ann/tea@v1")


def test_a_long_summary_is_cut() -> None:
    form = read("#### Summary\n" + "tea " * 1000)
    assert len(form.summary) == 1000
    assert form.summary.endswith("…")


def test_items_are_recognised_in_any_order() -> None:
    form = read(
        "- [x] It must work on all Mattermost versions >= the `min_server_version`\n"
        "- [ ] The plugin must set a `min_server_version`\n"
        "- [x] works for 60k concurrent connections\n"
    )
    assert list(said(form).items()) == [("F2", "yes"), ("F1", "no"), ("T1", "yes")]


# --- boxes ------------------------------------------------------------------------------------------------------------

BULLETS_BEFORE_BOXES = ["- ", "* ", "+ ", "1. ", "3) ", "  - ", "      - ", "> - ", "- - ", "\t- "]
BOXES = {
    "yes": ["[x]", "[X]", "[ x ]", "[x ]", "[y]", "[✓]", "[✔]", "[✔️]", "[✅]", "\\[x\\]", "**[x]**", "[\u0445]"],
    "no": ["[ ]", "[]", "[  ]", "[-]", "[n]", "[\u00a0]"],
    "unclear": ["[?x?]", "[x?]", "[/]", "[?]", "[N/A]", "[~]", "[see below]"],
}


@pytest.mark.parametrize(("answer", "box"), [(answer, box) for answer, boxes in BOXES.items() for box in boxes])
def test_every_way_to_tick_a_box_is_read(answer: str, box: str) -> None:
    for bullet, gap in itertools.product(BULLETS_BEFORE_BOXES, (" ", "")):
        form = read(f"**Product requirements**\n\n{bullet}{box}{gap}The plugin is out of Beta.")
        assert (bullet, gap, said(form), form.unread) == (bullet, gap, {"P6": answer}, ())


def test_what_stood_in_the_brackets_is_kept() -> None:
    assert [claim.raw for claim in read("- [?x?] out of beta\n- [ X ] licence").claims] == ["?x?", " X "]


def test_a_box_without_a_bullet_and_one_in_the_middle_of_a_paragraph_count() -> None:
    assert said(read("[x] out of beta\nIntroduction:\n3. [ ] licence\n-[x] bug tracker")) == {
        "P6": "yes",
        "P1": "no",
        "P3": "yes",
    }


def test_a_link_is_not_a_box() -> None:
    form = read("#### Summary\n- [x](https://example.org/x) licence\n- [tea](https://example.org)\n")
    assert form.claims == ()
    assert form.summary == "- [x](https://example.org/x) licence\n- [tea](https://example.org)"


def test_what_looks_like_a_link_definition_is_a_box() -> None:
    assert said(read("[x]: out of beta")) == {"P6": "yes"}


def test_an_item_claimed_twice_and_differently_is_unclear() -> None:
    form = read("- [x] out of beta. Since May.\n- [ ] out of beta. Or June.")
    assert [(claim.said, claim.raw, claim.remark) for claim in form.claims] == [
        ("unclear", "x| ", "Since May. Or June.")
    ]


@pytest.mark.parametrize(
    "text",
    [
        "```\n- [x] out of beta\n```",
        "~~~md\n- [x] out of beta",
        "- a\n\n  ```\n  - [x] out of beta\n  ```",
        "<!--\n- [x] out of beta\n\n- [x] licence\n-->",
        "Tea <!-- [x] out of beta --> with milk",
        "<!-- never closed\n\n- [x] out of beta",
    ],
)
def test_boxes_in_code_and_comments_never_count(text: str) -> None:
    assert read(text).claims == ()


def test_a_comment_that_is_never_closed_and_code_are_told() -> None:
    assert read("<!-- so far\n\n- [x] out of beta").unread == ("so far", "- [x] out of beta")
    assert read("```\n- [x] out of beta\n```").unread == ("(code) - [x] out of beta",)


def test_boxes_inside_of_html_count() -> None:
    assert said(read("<details>\n<summary>the list</summary>\n- [x] out of beta\n</details>")) == {"P6": "yes"}


def test_boxes_nested_deeper_than_anybody_reads_are_told() -> None:
    form = read("- " * 60 + "[x] out of beta")
    assert form.claims == ()
    assert form.unread[0].endswith("[x] out of beta")


# --- remarks ----------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("item", "remark"),
    [
        ("The plugin has to be out of Beta. Planned for 1.1", "Planned for 1.1"),
        ("The plugin has to be out of Beta — N/A, it is young", "N/A, it is young"),
        ("The plugin has to be out of Beta N/A", "N/A"),
        ("The plugin has to be out of Beta, except its bot", "except its bot"),
        ("The plugin has to be out of Beta (soon)", "(soon)"),
        ("The plugin has to be out of Beta: https://example.org", "https://example.org"),
        ("Nearly! The plugin has to be out of Beta.", "Nearly!"),
        ("The plugin has to be out of Beta.\n  In May,\n  I think.", "In May, I think."),
        ("The plugin has to be out of Beta.\n\n  In May.\n\n  - Or June.", "In May. Or June."),
        ("The plugin has to be out of Beta. The licence is MIT.", "The licence is MIT."),
        ("The plugin has to be out of Beta.\n\nSomething else.", ""),
    ],
)
def test_prose_beside_and_below_an_item_is_its_remark(item: str, remark: str) -> None:
    form = read(f"- [x] {item}")
    assert [(claim.handle, claim.remark) for claim in form.claims] == [("P6", remark)]


def test_the_address_of_a_link_does_not_name_an_item_but_its_host_may() -> None:
    assert read("- [x] Tea is [served](https://example.org/changelog#licence).").claims == ()
    form = parse_form(
        "- [x] We follow https://semver.org/spec/v2.0.0.html", {"U1": ("semver.org",)}, {"update": ("U1",)}
    )
    assert said(form) == {"U1": "yes"}


def test_nested_bullets_belong_to_their_item_and_nested_boxes_are_items() -> None:
    form = read(
        "- [x] The release has to follow Semantic Versioning. For plugins in particular this means:\n"
        "  - If the plugin exposes a public API, it is major.\n"
        "  - we have none\n"
        "  - [ ] A changelog has been published.\n\n"
        "  See the wiki.\n"
    )
    assert said(form) == {"U1": "yes", "U3": "no"}
    assert remarks(form) == {"U1": "we have none See the wiki."}


def test_unknown_boxes_and_loose_prose_are_told_in_the_order_of_the_text() -> None:
    form = read("Hello!\n\n- [x] It is tasty.\n  Very.\n- [x] out of beta\n\nWe aim for Beta.\n\n### Thanks\n\nAnn")
    assert form.unread == ("Hello!", "[x] It is tasty. Very.", "We aim for Beta.", "Thanks", "Ann")


def test_much_that_cannot_be_read_is_counted() -> None:
    form = read("\n\n".join(f"line {n} " + "tea " * 100 for n in range(100)))
    assert len(form.unread) == 41
    assert form.unread[-1] == "… and 60 more"
    assert max(map(len, form.unread)) == 300


# --- the reference ----------------------------------------------------------------------------------------------------

REPO = "https://github.com/x/y"


@pytest.mark.parametrize(
    ("text", "wanted"),
    [
        (REPO, REPO),
        (f"<{REPO}>", REPO),
        (f"{REPO}/tree/v1.2.1.", f"{REPO}/tree/v1.2.1"),
        (f"[the plugin]({REPO}/releases/tag/v1.2.1)", f"{REPO}/releases/tag/v1.2.1"),
        (f"[y v1.2.0]({REPO})", f"{REPO} v1.2.0"),
        ("x/y@v1.0.0", "x/y@v1.0.0"),
        ("`x/y@v1.0.0`", "x/y@v1.0.0"),
        (f"{REPO} at commit abc1234", f"{REPO} abc1234"),
        (f"{REPO} at commit `abc1234`", f"{REPO} abc1234"),
        (f"{REPO}\n\nabc1234", f"{REPO} abc1234"),
        (f"- Repository: {REPO}\n- Commit: 1234567", f"{REPO} 1234567"),
        (f"{REPO}, v1.2.0-rc1", f"{REPO} v1.2.0-rc1"),
        (f"{REPO}/releases v1.2.0", f"{REPO} v1.2.0"),
        (f"{REPO} branch `dev`", f"{REPO} dev"),
        (f"{REPO} on branch release/1.0", f"{REPO} release/1.0"),
        (f"{REPO} release [v1.0]({REPO}/releases/tag/v1.0)", f"{REPO}/releases/tag/v1.0"),
        (f"![shot](https://example.org/a.png) {REPO}", REPO),
        (f"{REPO}/releases/download/v1.0.0/y.tar.gz {REPO}/tree/v1.0.0", f"{REPO}/tree/v1.0.0"),
        ("https://github.com/x/y_z_a/tree/a_b_c", "https://github.com/x/y_z_a/tree/a_b_c"),
        ("https://git.example.org/x/y/src/tag/v1", "https://git.example.org/x/y/src/tag/v1"),
        (f"{REPO} works with Mattermost 5.20.0", REPO),
        ("v1.2.3", "v1.2.3"),
    ],
)
def test_the_reference_is_found(text: str, wanted: str) -> None:
    form = reference(text)
    assert form.reference == wanted
    parse_reference(form.reference, repository=REPO)  # the reader of references understands it


@pytest.mark.parametrize(
    ("text", "wanted", "struck"),
    [
        (f"~~{REPO}/commit/abc1234~~ {REPO}/commit/def5678", f"{REPO}/commit/def5678", f"{REPO}/commit/abc1234"),
        (f"~~{REPO}/commit/abc1234~~\n\n{REPO}/commit/def5678", f"{REPO}/commit/def5678", f"{REPO}/commit/abc1234"),
        (f"~~[old]({REPO}/tree/v1)~~ [new]({REPO}/tree/v2)", f"{REPO}/tree/v2", f"{REPO}/tree/v1"),
        (f"[~~old~~ new]({REPO}/tree/v2)", f"{REPO}/tree/v2", None),
        (f"<del>{REPO}/tree/v1</del> {REPO}/tree/v2", f"{REPO}/tree/v2", f"{REPO}/tree/v1"),
        (f"<s>{REPO}/tree/v1</s>\n{REPO}/tree/v2", f"{REPO}/tree/v2", f"{REPO}/tree/v1"),
        (f"{REPO} ~~abc1234~~ def5678", f"{REPO} def5678", "abc1234"),
        (f"~~ v1.0.0 ~~ v1.1.0 of {REPO}", f"{REPO} v1.1.0", "v1.0.0"),
        (f"~~{REPO}/tree/v1~~", "", f"{REPO}/tree/v1"),
    ],
)
def test_a_struck_out_commit_is_not_the_reference(text: str, wanted: str, struck: str | None) -> None:
    form = reference(text)
    assert form.reference == wanted
    assert form.struck_out == ((struck,) if struck else ())
    assert not set(form.struck_out) & set(form.other_references)


def test_further_links_of_the_section_are_kept() -> None:
    form = reference(f"{REPO}/tree/v1\nhttps://example.org/a.png\n{REPO}/releases/download/v1/y.zip abc1234")
    assert form.other_references == ("https://example.org/a.png", f"{REPO}/releases/download/v1/y.zip", "abc1234")


def test_prose_beside_the_reference_is_told() -> None:
    assert reference(f"Please use {REPO} at tag v1.0.0.").unread == ()
    assert reference(f"{REPO}, but wait for Monday").unread == (f"{REPO}, but wait for Monday",)


def test_without_a_reference_the_first_repository_of_the_summary_is_taken_and_told() -> None:
    form = read(f"#### Summary\nSee https://example.org/docs/tea and {REPO}, for 5.20.0 or later.\n\n- [x] out of beta")
    assert form.reference == REPO
    assert any(REPO in line for line in form.unread)


def test_a_struck_out_link_is_not_taken_from_the_summary_either() -> None:
    assert read(f"#### Summary\n{REPO}\n\n#### Review commit\n~~{REPO}~~\n").reference == ""


def test_no_link_at_all_gives_no_reference() -> None:
    assert read(NEW_FORM.replace("https://github.com/ann/mattermost-plugin-tea/tree/v1.2.0", "")).reference == ""


# --- what is a form, and how much of it -------------------------------------------------------------------------------


@pytest.mark.parametrize("text", [NEW_FORM, UPDATE_FORM, NEW_FORM.partition("## Checklist")[0]])
def test_a_form_looks_like_one(text: str) -> None:
    assert looks_like_form(text)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "status",
        "submit https://github.com/x/y v1.0.0",
        "What is the summary of this review?",
        "- [ ] buy milk\n- [x] make tea",
        "Summary: it works, thank you",
        "```\n" + NEW_FORM + "```\nThat is how mine looked.",
        "Summary: nothing yet\n\nI wait for a review of the commit",
    ],
)
def test_an_ordinary_message_does_not_look_like_a_form(text: str) -> None:
    assert not looks_like_form(text)


@pytest.mark.parametrize(
    "text",
    [
        "Add tea to Marketplace\n> 1. [ ] out of beta",
        "Review commit\n- - \\[x\\] out of beta",
        "Re\u200bview commit\n**[x]** out of beta",
        "sum<!-- up -->mary: tea\n> ## Review reference",
        "Plugin\u2003Description: tea\n\n- __Git repository__: https://github.com/x/y",
        "Review commit\n[<!-- yes -->x] out of beta",
    ],
)
def test_a_form_in_odd_dress_looks_like_one(text: str) -> None:
    assert looks_like_form(text)


@pytest.mark.parametrize(("above", "below"), [("```\n", "```"), ("\n~~~~ md\n", "\n~~~~\n\n"), (" ```\r\n", "")])
@pytest.mark.parametrize("form", [NEW_FORM, UPDATE_FORM])
def test_a_code_fence_around_the_whole_form_is_not_minded(form: str, above: str, below: str) -> None:
    assert looks_like_form(above + form + below)
    assert read(above + form + below) == read(form)


def test_a_code_fence_around_something_else_stays_code() -> None:
    assert not looks_like_form("```\n- [ ] buy milk\n- [x] make tea\n```")
    assert read(f"```\n{NEW_FORM}```\n\n```\n{UPDATE_FORM}```").claims == ()


@pytest.mark.parametrize(
    "text",
    ["status", "Thank you! I'll have a look [at the log](https://example.org/log) tomorrow.", "- a summary\n" * 20],
)
def test_an_ordinary_message_is_told_in_far_less_than_a_millisecond(text: str) -> None:
    began = time.process_time()
    for _ in range(200):
        assert not looks_like_form(text)
    assert time.process_time() - began < 0.1


def test_a_form_that_is_too_long_is_refused_with_a_sentence() -> None:
    with pytest.raises(FormTooLong, match=r"65,537 characters; up to 65,536 can be read\."):
        read("x" * (MAX_CHARS + 1))
    with pytest.raises(FormTooLong):
        parse_form("x" * 11, PHRASES, EXPECTED, max_chars=10)


@pytest.mark.parametrize(
    "unit",
    [
        "- [", "[", "> ", "- ", "~~a ", "<!--", "<!---->", "[a](", "a/", "~", "1.", "<", ". ", "_.", "](", "**", "#", "`", "branch ",
        "x@", "/x.y",
    ],
)  # fmt: skip
@pytest.mark.parametrize("start", ["#### Review commit\n", "- [x] changelog "])
def test_hostile_text_is_read_in_less_than_half_a_second(start: str, unit: str) -> None:
    text = (start + unit * MAX_CHARS)[: MAX_CHARS // 2]
    began = time.process_time()
    read(text)
    assert time.process_time() - began < 0.5


@pytest.mark.parametrize(
    "unit", ["a\n", "- [x] foo\n", "- [x] changelog: a: b\n", "* [?] ~~<del>`\n", "- [x] all requirements\n"]
)
@pytest.mark.parametrize(
    "start", ["#### Review commit\n", "- [x] changelog ", "```\nUpdate tea to 1.3.0\n- [ ] licence\n"]
)
def test_thousands_of_hostile_lines_are_read_in_less_than_half_a_second(start: str, unit: str) -> None:
    text = (start + unit * MAX_CHARS)[: MAX_CHARS // 4]
    began = time.process_time()
    read(text)
    assert time.process_time() - began < 0.5


MARKS = st.text(st.sampled_from("xXyn ?-/!✓✔*_N0"), max_size=45)
BULLETS = st.sampled_from(["- ", "* ", "+ ", "-   ", "  - ", "    - ", "         - ", "> - ", "- - ", "\t- "])
NOISE = st.sampled_from(
    [
        "", "", "tea", "  more tea.", "#### Summary", "**Review commit**", "Summary: tea", "## Checklist", "- a bullet", "1. one",
        "---", "===", "> quoted", "<details>\n", "| a | b |", "    indented", "Add tea to Marketplace", "~~struck~~", "-", "<br>",
        "<!-- [x] hidden -->", "<!--\n- [x] hidden\n\n- [x] hidden\n-->", "\n```\n- [x] hidden\n```", "https://github.com/x/y",
    ]
)  # fmt: skip


@settings(max_examples=60)
@given(st.data())
def test_no_box_is_lost_and_none_is_invented(data: st.DataObject) -> None:
    lines: list[str] = []
    unknown: list[str] = []
    known: set[str] = set()
    for number in range(data.draw(st.integers(0, 12))):
        lines += data.draw(st.lists(NOISE, max_size=3))
        box = f"{data.draw(BULLETS)}[{data.draw(MARKS)}]{data.draw(st.sampled_from(['', ' ']))}"
        if data.draw(st.booleans()):
            handle = data.draw(st.sampled_from(["P1", "P6", "P7", "T2"]))
            known.add(handle)
            lines.append(f"{box}{PHRASES[handle][0]} item{number}.")
        else:
            lines.append(f"{box}item{number}.")
        unknown.append(f"item{number}.")
    form = read("\n".join(lines))
    told = " ".join([*form.unread, *remarks(form).values(), form.summary, form.reference])
    assert not any("hidden" in line and "(code)" not in line for line in form.unread)
    for number, name in enumerate(unknown):
        line = next(line for line in lines if line.endswith(name) and re.search(rf"\bitem{number}\.$", line))
        claimed = any(PHRASES[handle][0] in line and handle in said(form) for handle in known)
        assert claimed or name in told


@given(
    st.text(st.sampled_from("-*+[]xX ?\n\t>#`~<!->()/@:.1aé\u00a0\r\x00|_=\\&;\"'$"), max_size=400)
    | st.text(max_size=200)
)
def test_no_text_makes_it_raise(text: str) -> None:
    form = read(text)
    looks_like_form(text)
    assert len(form.summary) <= 1000
    assert len(form.unread) <= 41
    assert not set(form.struck_out) & {form.reference}
