"""What stands against an entry of the listing."""

from collections.abc import Collection
from pathlib import Path

import pytest
from example_listing import ICON, PLATFORMS, database, manifest, remind, uploaded

from mmbot.domain import entry, listing
from mmbot.domain.entry import Contents, Marks
from mmbot.domain.listing import Database, Entry
from mmbot.domain.listing_checks import CutFacts, Problem, problems
from mmbot.words import listing as words

SEEN = Path(__file__).parents[1] / "../shared/data/plugins-2023-09-08.json"
ALL = ("linux-amd64", "osx-amd64", "windows-amd64")
NOTES = "https://example.com/remind/v1.0.0"


def cut(
    tag: str = "v1.0.0",
    platforms: Collection[str] = PLATFORMS,
    repository: str = "remind",
    data: bytes = b"",
    commit: str = "",
    approved: Collection[str] = (),
) -> CutFacts:
    names = [x.name for x in uploaded(tag, platforms, repository)]
    inside = entry.manifest_of(data or manifest(version=tag[1:]))
    return CutFacts(repository, tag, inside, [*names, *(f"{x}.sig" for x in names)], ICON, commit, approved)


def found(
    db: Database, new: Entry, of: CutFacts, tombstones: Collection[tuple[str, str]] = ()
) -> list[tuple[str, str]]:
    return [(x.kind, x.code) for x in problems(db, new, of, tombstones)]


def test_nothing_stands_against_a_release_whose_facts_agree() -> None:
    for platforms in (ALL, ("linux-amd64", "darwin-amd64", "windows-amd64"), (*ALL, "darwin-amd64")):
        new = remind(bundles=uploaded(platforms=platforms))
        of = cut(platforms=platforms, commit="a" * 40, approved=["a" * 40])
        assert found(database(), new, of) == []
        assert found(database(remind("0.9.0")), new, of) == []


def test_a_tag_on_another_commit_than_the_approved_one_blocks() -> None:
    assert found(database(), remind(), cut(commit="b" * 40, approved=["a" * 40, "c" * 40])) == [("block", "commit")]
    assert found(database(), remind(), cut(approved=["a" * 40])) == [("block", "commit")]


def test_a_tag_of_another_version_than_the_manifests_blocks() -> None:
    new = remind("0.0.4", release_notes_url="", bundles=uploaded("v0.0.4"))
    of = cut("v0.4.0", data=manifest(version="0.0.4", release_notes_url=""))
    assert ("block", "version") in found(database(), new, of)
    assert ("block", "address") in found(database(), new, of)  # the entry names a bundle that nobody uploaded
    without = remind("1.0.0", release_notes_url="")
    assert ("block", "tag") in found(database(), without, CutFacts("remind", "1.0.0", without.manifest, []))
    assert ("block", "tag") in found(database(), without, CutFacts("remind", "v1.0", without.manifest, []))


def test_an_entry_that_says_otherwise_than_the_bundle_blocks() -> None:
    other = remind(release_notes_url="")
    assert found(database(), other, cut()) == [("block", "entry")]
    assert found(database(), remind(min_server_version="5.0.0"), cut()) == [("block", "entry")]
    assert found(database(), remind(min_server_version=""), cut()) == [("block", "entry")]
    assert found(database(), remind(min_server_version="7.0.0"), cut()) == []  # restricted on purpose


def test_it_asks_before_a_plugin_that_is_restricted_is_shown_to_more() -> None:
    on_prem = Marks("community", hosting="on-prem")
    listed = database(remind(marks=on_prem, min_server_version="9.1.0"))
    of = cut("v1.1.0")
    assert ("ask", "wider") in found(listed, remind("1.1.0"), of)
    assert ("ask", "wider") in found(listed, remind("1.1.0", marks=on_prem), of)
    restricted = remind("1.1.0", marks=on_prem, min_server_version="9.1.0")
    assert ("ask", "wider") not in found(listed, restricted, of)
    cloud = remind("1.1.0", marks=Marks("community", hosting="cloud"), min_server_version="9.1.0")
    (other,) = (x for x in problems(listed, cloud, of) if x.code == "wider")
    assert words.problem(other).startswith(
        "The listed `1.0.0` is shown only on premises; this one would be shown to others."
    )
    (again,) = problems(database(), remind(), cut(), shown=listed)
    assert words.problem(again).startswith(
        "The listed `1.0.0` is shown only on premises and on servers from `9.1.0` on; this one"
    )


@pytest.mark.parametrize("lost", ALL)
def test_a_declared_platform_that_is_not_uploaded_blocks(lost: str) -> None:
    left = [x for x in ALL if x != lost]
    missing = problems(database(), remind(bundles=uploaded(platforms=left)), cut(platforms=left))
    assert [(x.kind, x.code) for x in missing] == [("block", "platform-missing")]
    assert missing[0].fields["platform"] == lost.replace("osx", "darwin")


def test_a_macos_bundle_that_the_generator_did_not_find_blocks() -> None:
    """As when the cutter wrote darwin-amd64 and the generator looked for osx-amd64: eight releases lost their macOS bundle."""
    blind = remind(bundles=uploaded(platforms=["linux-amd64", "windows-amd64"]))
    of = cut(platforms=["linux-amd64", "darwin-amd64", "windows-amd64"])
    assert found(database(), blind, of) == [("block", "platform-unlisted")]
    assert (
        found(database(), remind(bundles=uploaded(platforms=["linux-amd64", "darwin-amd64", "windows-amd64"])), of)
        == []
    )


def test_an_unsigned_platform_counts_as_missing() -> None:
    of = cut()
    unsigned = CutFacts(
        of.repository, of.tag, of.manifest, [x for x in of.uploaded if x != "remind-v1.0.0-osx-amd64.tar.gz.sig"], ICON
    )
    assert ("block", "platform-missing") in found(database(), remind(), unsigned)


def test_platforms_that_only_one_side_knows_are_told() -> None:
    few = manifest().replace(b'"windows-amd64": "server/w.exe", ', b'"linux-arm64": "server/a", ')
    new = entry.made(
        Contents(few, ICON),
        Marks("community"),
        repository="remind",
        tag="v1.0.0",
        store="",
        bundles=uploaded(),
        updated_at=0,
    )
    assert found(database(), new, cut(data=few)) == [("block", "platform-undeclared"), ("warn", "platform-left-out")]
    assert found(database(), new, cut(data=few, platforms=(*ALL, "linux-arm64"))) == [("block", "platform-undeclared")]


def test_a_plugin_without_programs_needs_one_bundle_alone() -> None:
    web = manifest().replace(b'"server":', b'"other":')
    new = entry.made(
        Contents(web, ICON),
        Marks("community"),
        repository="remind",
        tag="v1.0.0",
        store="",
        bundles=uploaded(),
        updated_at=0,
    )
    assert ("block", "platform-undeclared") in found(database(), new, cut(data=web))
    alone = entry.made(
        Contents(web, ICON),
        Marks("community"),
        repository="remind",
        tag="v1.0.0",
        store="",
        bundles=uploaded(platforms=[]),
        updated_at=0,
    )
    assert found(database(), alone, cut(data=web, platforms=[])) == []


def test_what_is_listed_already_blocks() -> None:
    db = database(remind(), remind("1.1.0+x"))
    assert found(db, remind(), cut()) == [("block", "listed"), ("ask", "lower")]
    assert ("block", "listed") in found(db, remind("1.1.0+y"), cut("v1.1.0+y"))


def test_another_repository_with_that_id_blocks() -> None:
    db = database(remind(repository="other"))
    assert found(
        db, remind("2.0.0", release_notes_url=""), cut("v2.0.0", data=manifest(version="2.0.0", release_notes_url=""))
    ) == [("block", "collision")]
    assert found(database(remind("0.1.0", repository="Remind")), remind(), cut()) == []


def test_an_id_that_differs_by_capitals_alone_blocks() -> None:
    new = remind("2.0.0", plugin_id="com.example.Remind", release_notes_url="")
    of = cut("v2.0.0", data=manifest(version="2.0.0", id="com.example.Remind", release_notes_url=""))
    assert found(database(remind()), new, of) == [("block", "twin"), ("warn", "capitals")]


def test_a_changed_id_blocks() -> None:
    new = remind("2.0.0", plugin_id="com.example.remind2", release_notes_url="")
    of = cut("v2.0.0", data=manifest(version="2.0.0", id="com.example.remind2", release_notes_url=""))
    assert found(database(remind()), new, of) == [("block", "changed-id")]


@pytest.mark.parametrize(
    ("tombstone", "blocks"),
    [
        (("com.example.remind", ""), True),
        (("com.example.remind", "1.0.0"), True),
        (("COM.example.remind", ""), True),
        (("com.example.remind", "0.9.0"), False),
        (("com.example.other", ""), False),
    ],
)
def test_an_open_takedown_blocks(tombstone: tuple[str, str], *, blocks: bool) -> None:
    assert found(database(), remind(), cut(), [tombstone]) == [("block", "tombstone")] * blocks


def test_a_late_release_of_an_older_line_is_a_question() -> None:
    new = remind("0.8.4", release_notes_url="")
    of = cut("v0.8.4", data=manifest(version="0.8.4", release_notes_url=""))
    assert found(database(remind("0.9.2")), new, of) == [("ask", "lower")]
    assert found(database(remind("0.8.3"), remind("0.8.4-rc1")), new, of) == []


@pytest.mark.parametrize(
    ("notes", "asks"),
    [
        (NOTES, False),
        ("https://example.com/remind/1.0.0/notes.html", False),
        ("https://example.com/remind/CHANGELOG.md", False),
        ("https://example.com/remind/v0.9.0", True),
        ("https://example.com/remind/v1.0.0-rc1", True),
        ("https://example.com/remind/v11.0.0", True),
        ("https://example.com/remind/v1.0.01", True),
        ("https://example.com/0.9.0...1.0.0", False),
        ("https://10.1.0.0/notes", False),
    ],
)
def test_release_notes_of_another_version_are_a_question(notes: str, *, asks: bool) -> None:
    of = cut(data=manifest(release_notes_url=notes))
    assert found(database(), remind(release_notes_url=notes), of) == [("ask", "notes")] * asks


def test_what_the_marketplace_would_stumble_over_blocks() -> None:
    data = manifest(min_server_version="5.12", id="a b")
    new = remind(min_server_version="5.12", plugin_id="a b")
    assert found(database(), new, cut(data=data)) == [("block", "id"), ("block", "server"), ("warn", "naming")]


def test_an_icon_that_is_missing_or_lost_is_told() -> None:
    assert found(database(), remind(icon_path=""), cut(data=manifest(icon_path=""))) == [("warn", "icon")]
    lost = entry.made(
        Contents(manifest()),
        Marks("community"),
        repository="remind",
        tag="v1.0.0",
        store="",
        bundles=uploaded(),
        updated_at=0,
    )
    assert found(database(), lost, cut()) == [("block", "icon-lost")]
    of = cut()
    painted = CutFacts(of.repository, of.tag, of.manifest, of.uploaded, b"\x89PNG")
    assert found(database(), remind(), painted) == [("warn", "icon-kind")]


def test_a_raised_server_of_a_beta_release_is_told() -> None:
    new = remind(marks=Marks("community", "beta"), min_server_version="5.12.0")
    assert found(database(), new, cut(data=manifest(min_server_version="5.12.0"))) == [("warn", "beta")]
    assert found(database(), remind(marks=Marks("community", "beta")), cut()) == []


@pytest.mark.skipif(not SEEN.exists(), reason="the Marketplace's database is not beside the repository")
def test_the_listed_plugins_are_named_as_process_says() -> None:
    db = listing.read(SEEN.read_bytes())
    of = CutFacts("x", "v1.0.0", {}, [])
    named = [x for x in db.newest.values() if ("warn", "naming") in found(Database(), x, of)]
    assert (len(named), len(db.newest)) == (19, 40)
    assert not any(
        code in {"collision", "twin", "changed-id"} for x in db.newest.values() for _, code in found(db, x, of)
    )


def test_every_problem_has_a_sentence_of_one_line_with_what_it_is_about() -> None:
    name = "x`y\\n@all " * 3
    hostile = remind("1.0.0", plugin_id=name, release_notes_url="https://e.x/v2.0.0/" + "a" * 500, repository="r")
    db = database(remind("3.0.0", plugin_id=name, repository="s"))
    of = CutFacts("r", "v9.9.9\n@all", {**hostile.manifest, "executables": {}}, [], b"", "c" * 40, ["d" * 40])
    for no in problems(db, hostile, of, [(hostile.plugin_id, "")]):
        said = words.problem(no)
        assert "\n" not in said
        assert said.endswith((".", "?"))
        assert len(said) < 500
        assert "@" not in "".join(said.split("`")[::2])
    assert words.problem(Problem("block", "version", {"tag": "v1.0.0", "version": ""})).startswith(
        "The tag is `v1.0.0`, but"
    )
