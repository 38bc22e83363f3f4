"""The Marketplace's database: read and written byte for byte, changed in one place."""

import json
import shutil
import subprocess
from pathlib import Path

import pytest
from example_listing import WHEN, database, remind
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from mmbot.domain import go_json, listing
from mmbot.domain.entry import Marks
from mmbot.domain.listing import BadListing, Database, Entry, Shape
from mmbot.domain.listing_difference import changes, difference
from mmbot.words.listing import lines

SEEN = Path(__file__).parents[1] / "../shared/data/plugins-2023-09-08.json"
real = pytest.mark.skipif(not SEEN.exists(), reason="the Marketplace's database is not beside the repository")

JSON = st.recursive(
    st.none() | st.booleans() | st.floats(allow_nan=False, allow_infinity=False) | st.text(),
    lambda x: st.lists(x, max_size=3) | st.dictionaries(st.text(), x, max_size=3),
    max_leaves=6,
)
IDS = st.sampled_from(["a", "a.b", "com.example.remind", "B", "b", "é", "\uffff", "😀"])
VERSIONS = st.sampled_from(["0.9.2", "0.9.10", "1.0.0", "1.0.0-rc.1", "1.0.0+x", "2.0.0", "", "x"])


def small(plugin_id: str, version: str, more: object = None) -> Entry:
    return listing.entry({"manifest": {"id": plugin_id, "version": version}, "more": more})


ENTRIES = st.builds(small, IDS, VERSIONS, JSON)
DATABASES = st.lists(ENTRIES, max_size=5).map(lambda x: database(*x))


@real
def test_the_database_comes_back_with_not_one_byte_different() -> None:
    data = SEEN.read_bytes()
    db = listing.read(data)
    assert listing.write(db) == data
    assert listing.by_hand(db) == ()
    assert len(db.entries) == 209
    assert len(db.newest) == 40
    assert listing.shape_of(db) == Shape(secret=False, sections=False)


@real
def test_each_entry_of_the_database_can_be_taken_out_and_put_back() -> None:
    data = SEEN.read_bytes()
    db = listing.read(data)
    for x in db.entries[::7]:
        if len(db.releases(x.plugin_id, x.version)) == 1:
            without = listing.removed(db, x.plugin_id, x.version)
            assert len(without.entries) == 208
            assert listing.write(listing.added(without, x)) == data
            assert [(c.kind, c.entry) for c in changes(db, without)] == [("removed", x)]


@settings(max_examples=50)
@given(DATABASES, ENTRIES)
def test_adding_and_removing_gives_the_same_bytes(db: Database, new: Entry) -> None:
    assume(not db.releases(new.plugin_id, new.version) and new.version)
    before = listing.write(db)
    after = listing.write(listing.added(db, new))
    assert listing.write(listing.removed(listing.read(after), new.plugin_id, new.version)) == before


@given(DATABASES)
def test_what_was_added_in_any_order_stands_in_the_tools_order(db: Database) -> None:
    ids = [x.plugin_id for x in db.entries]
    assert ids == sorted(ids)
    for plugin_id in ids:
        versions = [listing.order(x.version) for x in db.releases(plugin_id)]
        assert versions == sorted(versions, reverse=True)
    data = listing.write(db)
    assert listing.write(listing.read(data)) == data
    assert listing.by_hand(listing.read(data)) == ()


@given(st.lists(st.tuples(IDS, VERSIONS, JSON), max_size=5), st.integers(0, 3), st.sampled_from(["", "\n", " \r\n\t"]))
def test_a_file_laid_out_by_hand_stays_as_it_is(rows: list[tuple[str, str, object]], indent: int, end: str) -> None:
    fields = [{"manifest": {"version": v, "id": i}, "unknown": more} for i, v, more in rows]
    data = (end + json.dumps(fields, indent=indent or None) + end).encode()
    db = listing.read(data)
    assert listing.write(db) == data
    new = small("com.example.new", "1.0.0")
    after = listing.added(db, new)
    assert [x for x in after.entries if x is not new and x.plugin_id != "com.example.new"] == list(db.entries)
    assert all(x.text in listing.write(after).decode("utf-8", "surrogateescape") for x in db.entries)
    assert json.loads(listing.write(after))
    if db.entries:
        assert listing.write(listing.removed(after, "com.example.new")) == data
        assert None in listing.by_hand(db)


def test_a_file_out_of_order_says_so_and_keeps_its_order() -> None:
    one, two, three = small("b", "1.0.0"), small("a", "1.0.0"), small("a", "2.0.0")
    db = Database((one, two, three), "[\n  ", "\n]\n")
    assert listing.by_hand(db) == (two, three)
    after = listing.added(db, small("a", "1.5.0"))
    assert [(x.plugin_id, x.version) for x in after.entries] == [
        ("b", "1.0.0"),
        ("a", "1.0.0"),
        ("a", "2.0.0"),
        ("a", "1.5.0"),
    ]


def test_bytes_that_are_no_utf8_stay() -> None:
    data = b'[\n  {\n    "manifest": {\n      "id": "a",\n      "name": "\xff\xe2\x82"\n    }\n  }\n]\n'
    db = listing.read(data)
    assert listing.write(db) == data
    assert [x and x.plugin_id for x in listing.by_hand(db)] == ["a"]
    assert listing.write(listing.removed(listing.added(db, small("b", "1.0.0")), "b")) == data


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "empty"),
        (b" \n", "empty"),
        (b"{}", "no list"),
        (b"null\n", "no list"),
        (b"\xef\xbb\xbf[]", "no list"),
        (b"[1]", "no manifest"),
        (b'[{"manifest": {"id": 1}}]', "no manifest"),
        (b'[{"manifest": []}]', "no manifest"),
        (b'[{"manifest": {"id": "a"}}', "no end"),
        (b'[{"manifest": {"id": "a"}}] []', "goes on"),
        (b"[] x", "goes on"),
        (b'[{"manifest": {"id": "a"}},]', "line 1"),
        (b'[{"manifest": {"id": "a", "n": 1e999}}]', "too large"),
        (b'[{"manifest": {"id": "a", "n": NaN}}]', "none"),
        (b"[" + b"[" * 100_000, "deeply|line"),
        (b"[", "no list|line"),
    ],
)
def test_what_is_no_database_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(BadListing, match=why):
        listing.read(data)


def test_a_plugin_or_one_version_of_it_is_taken_out() -> None:
    db = database(remind("1.0.0"), remind("1.1.0"), remind(plugin_id="com.example.other"))
    assert [x.version for x in listing.removed(db, "com.example.remind", "1.0.0").entries] == ["1.0.0", "1.1.0"]
    assert [x.plugin_id for x in listing.removed(db, "com.example.remind").entries] == ["com.example.other"]
    assert listing.removed(db, "com.example.remind", "9.9.9") == db
    assert listing.removed(db, "com.example.Remind") == db
    assert listing.write(listing.removed(listing.removed(db, "com.example.remind"), "com.example.other")) == b"[]\n"


def test_a_restriction_raises_the_server_and_never_lowers_it() -> None:
    db = database(remind("1.0.0"), remind("1.1.0", min_server_version=""), remind("1.2.0", min_server_version="10.0.0"))
    after = listing.restricted(db, "com.example.remind", min_server_version="9.0.0")
    assert [x.min_server_version for x in after.entries] == ["10.0.0", "9.0.0", "9.0.0"]
    assert after.entries[0] is db.entries[0]
    assert [x.fields for x in changes(db, after)] == [
        (("manifest.min_server_version", None, "9.0.0"),),
        (("manifest.min_server_version", "6.0.0", "9.0.0"),),
    ]
    keys = list(after.entries[1].manifest)
    assert keys.index("min_server_version") == keys.index("version") + 1
    assert listing.by_hand(after) == ()
    with pytest.raises(BadListing, match="three numbers"):
        listing.restricted(db, "com.example.remind", min_server_version="9.0")


def test_of_signatures_that_were_replaced_only_their_number_is_said() -> None:
    old = remind()
    fields = {
        **old.fields,
        "signature": "bmV3",
        "updated_at": "2026-11-21T08:30:59Z",
        "homepage_url": "https://example.com/new",
    }
    new = listing.entry(
        {**fields, "platforms": {**old.platforms, "linux-amd64": {**old.platforms["linux-amd64"], "signature": "bmV3"}}}
    )
    (line,) = lines(changes(database(old), database(new)))
    assert line.endswith(" → `https://example.com/new`; 2 signatures replaced")
    assert "updated_at" not in line
    later = listing.entry({**old.fields, "updated_at": "2026-11-21T08:30:59Z"})
    assert "`updated_at` `" in lines(changes(database(old), database(later)))[0]


def test_a_restriction_to_on_premises_touches_one_version() -> None:
    db = database(remind("1.0.0"), remind("1.1.0"))
    after = listing.restricted(db, "com.example.remind", "1.1.0", hosting="on-prem")
    assert [x.fields["hosting"] for x in after.entries] == ["on-prem", ""]
    assert listing.restricted(after, "com.example.remind", "1.1.0", hosting="on-prem") == after
    cloud = database(remind(marks=Marks("community", hosting="cloud")))
    with pytest.raises(BadListing, match="cloud only"):
        listing.restricted(cloud, "com.example.remind", hosting="on-prem")


def test_unknown_keys_survive_a_restriction() -> None:
    fields = {**remind().fields, "future": {"b": 1.0, "a": ["<&>", None]}}
    db = database(listing.entry(fields))
    after = listing.read(listing.write(listing.restricted(db, "com.example.remind", hosting="on-prem")))
    assert after.entries[0].fields == {**fields, "hosting": "on-prem"}
    assert list(after.entries[0].fields) == list(fields)


def test_a_new_manifest_has_the_parts_that_the_others_have() -> None:
    old = Shape(hosting=False, secret=False, sections=False)
    for shape in (Shape(), old, Shape(secret=False, sections=False), Shape(platforms=("linux-amd64", "linux-arm64"))):
        assert listing.shape_of(listing.read(listing.write(database(remind(shape=shape))))) == shape
    assert listing.shape_of(database()) == Shape()


def patched(folder: Path, old: bytes, patch: bytes, *tool: str) -> bytes:
    file = folder / "plugins.json"
    file.write_bytes(old)
    subprocess.run(tool, cwd=folder, input=patch, check=True, capture_output=True)  # noqa: S603 -- git, with a patch of ours
    return file.read_bytes()


def cases() -> list[tuple[bytes, bytes]]:
    db = database(*(remind(f"1.{n}.0", plugin_id=f"com.example.{x}") for n in range(3) for x in "abc"))
    new = [
        listing.write(x)
        for x in (
            listing.added(db, remind("1.1.1", plugin_id="com.example.b")),
            listing.added(db, remind("9.0.0", plugin_id="com.example.a")),
            listing.added(db, remind("0.1.0", plugin_id="com.example.z")),
            listing.removed(db, "com.example.b"),
            listing.restricted(db, "com.example.b", min_server_version="9.0.0", hosting="on-prem"),
            listing.restricted(listing.removed(db, "com.example.a"), "com.example.c", "1.1.0", hosting="on-prem"),
            Database(),
        )
    ]
    old = listing.write(db)
    return [*((old, x) for x in new), *((x, old) for x in new), (old[:-1], new[0]), (old, new[2][:-1])]


@pytest.mark.skipif(not shutil.which("git"), reason="git is not installed")
def test_a_patch_applies(tmp_path: Path) -> None:
    for old, new in cases():
        patch = difference(old, new)
        assert patched(tmp_path, old, patch, "git", "apply", "-") == new
    odd, mended = b"a\r\nb\rc\nd", b"a\r\nb\rx\nd\n"
    assert patched(tmp_path, odd, difference(odd, mended), "git", "apply", "-") == mended
    assert difference(odd, odd) == b""


def applied(old: bytes, patch: bytes) -> bytes:
    """What a patch makes of a text, with each of its lines looked at."""
    lines, made, at = [x + b"\n" for x in old.split(b"\n")], list[bytes](), 0
    lines[-1:] = [lines[-1][:-1]] if lines[-1] != b"\n" else []
    rows = [x + b"\n" for x in patch.split(b"\n")][2:-1]
    for n, row in enumerate(rows):
        mark, line = row[:1], row[1:]
        if n + 1 < len(rows) and rows[n + 1].startswith(b"\\"):
            line = line[:-1]
        if mark == b"@":
            start, count = (int(x) for x in row.split()[1][1:].split(b","))
            upto = start - bool(count)
            made += lines[at:upto]
            at = upto
        elif mark == b"+":
            made.append(line)
        elif mark in {b"-", b" "}:
            assert lines[at] == line
            made += [line] if mark == b" " else []
            at += 1
    return b"".join([*made, *lines[at:]])


LINES = st.lists(st.sampled_from(["a", "b", "  {", "  },", ""]), max_size=30).map("\n".join).map(str.encode)


@given(LINES, LINES)
def test_any_patch_gives_the_new_text(old: bytes, new: bytes) -> None:
    patch = difference(old, new)
    assert bool(patch) == (old != new)
    assert applied(old, patch) == new


def test_the_changes_of_a_change_are_named() -> None:
    db = database(remind("1.0.0"), remind("1.1.0"))
    assert changes(db, db) == ()
    after = listing.added(listing.removed(db, "com.example.remind", "1.0.0"), remind("1.2.0"))
    assert [(x.kind, x.entry.version) for x in changes(db, after)] == [("added", "1.2.0"), ("removed", "1.0.0")]


def test_the_time_of_an_entry_is_the_examples() -> None:
    assert WHEN % 1000 == 120
    assert go_json.encode(remind().fields["updated_at"]) == '"2026-10-29T05:00:00.12Z"'
