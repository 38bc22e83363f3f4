"""An entry of the listing, made from what was cut."""

from pathlib import Path

import pytest
from example_listing import ICON, STORE, WHEN, bundle, cut_into, database, manifest, remind, uploaded
from hypothesis import given
from hypothesis import strategies as st
from served_folder import served

from mmbot.domain import entry, listing
from mmbot.domain.entry import BadEntry, Contents, Marks, Uploaded
from mmbot.domain.listing import Shape
from mmbot.release.entry import Artifacts, BadArtifacts, UnavailableArtifacts, contents_of, gather

EXPECTED = Path(__file__).parent / "listing" / "remind.json"
"""What the Marketplace's own generator wrote for the example, with the time and the store's address set.

It was built against an older model of the server, to which the keys were added that the newest known database has (`secret`, `sections`).
"""


def made(data: bytes, marks: Marks | None = None, shape: Shape | None = None) -> listing.Entry:
    return entry.made(
        Contents(data),
        marks or Marks("community"),
        repository="remind",
        tag="v1.0.0",
        store=STORE,
        bundles=uploaded(),
        updated_at=WHEN,
        shape=shape,
    )


def test_the_example_is_written_as_the_original_generator_writes_it() -> None:
    assert listing.write(database(remind())) == EXPECTED.read_bytes()


def test_the_marks_say_who_maintains_it_how_far_it_is_and_for_whom() -> None:
    fields = remind(marks=Marks("partner", "experimental", "cloud", enterprise=True)).fields
    marks = ("author_type", "release_stage", "hosting", "enterprise")
    assert [fields[x] for x in marks] == ["partner", "experimental", "cloud", True]
    assert [remind().fields[x] for x in marks] == ["community", "production", "", False]


@pytest.mark.parametrize(
    ("asked", "listed"),
    [
        ("", "5.20.0"),
        ("5.12.0", "5.20.0"),
        ("5.2", "5.20.0"),
        ("5.20.0", "5.20.0"),
        ("6.0.0", "6.0.0"),
        ("10.0.0", "10.0.0"),
    ],
)
def test_a_beta_entry_asks_for_a_server_that_may_show_it(asked: str, listed: str) -> None:
    assert remind(marks=Marks("community", "beta"), min_server_version=asked).min_server_version == listed
    assert remind(marks=Marks("community", "experimental"), min_server_version=asked).min_server_version == asked


def test_both_names_of_a_macos_bundle_are_understood_and_the_generators_is_taken() -> None:
    for platforms, name in (
        (["osx-amd64"], "osx"),
        (["darwin-amd64"], "darwin"),
        (["darwin-amd64", "osx-amd64"], "osx"),
    ):
        found = remind(bundles=uploaded(platforms=platforms)).platforms
        assert found["darwin-amd64"]["download_url"] == f"{STORE}/remind-v1.0.0-{name}-amd64.tar.gz"
        assert found["linux-amd64"] == found["windows-amd64"] == {}


def test_a_bundle_without_a_signature_is_not_listed() -> None:
    whole, linux, *_ = uploaded()
    assert remind(bundles=(whole, Uploaded(linux.name))).platforms["linux-amd64"] == {}
    with pytest.raises(BadEntry, match="isn't there with its signature"):
        remind(bundles=(Uploaded(whole.name), linux))


def test_keys_are_known_by_any_capitals_and_what_go_does_not_know_is_left_out() -> None:
    found = made(
        b'{"Id": "a.b.c", "NAME": "x", "\xc5\xbfupport_url": "s", "future": 1, "webapp": {"Bundle_Path": "m", "n": 1}}'
    ).manifest
    assert found == {"id": "a.b.c", "name": "x", "support_url": "s", "version": "", "webapp": {"bundle_path": "m"}}


def test_empty_parts_are_left_out_or_null_as_in_go() -> None:
    data = b'{"id": "abc", "server": {"executables": {}}, "webapp": null, "props": {}, "settings_schema": {"settings": [{}]}}'
    found = made(data, shape=Shape(hosting=False, secret=False, sections=False)).manifest
    texts = {"key": "", "display_name": "", "type": "", "help_text": "", "placeholder": "", "default": None}
    schema = {"header": "", "footer": "", "settings": [texts]}
    assert found == {"id": "abc", "name": "", "version": "", "server": {"executable": ""}, "settings_schema": schema}


def test_sections_are_written_where_the_database_has_them() -> None:
    data = b'{"id": "abc", "settings_schema": {"sections": [{"key": "k", "settings": [{"secret": true}], "fallback": true}]}}'
    schema = made(data, shape=Shape(fallback=True)).manifest["settings_schema"]
    assert list(schema) == ["header", "footer", "settings", "sections"]
    (section,) = schema["sections"]
    assert list(section) == ["key", "title", "subtitle", "settings", "header", "footer", "custom", "fallback"]
    assert list(section["settings"][0])[-2:] == ["hosting", "secret"]
    assert section["settings"][0]["secret"] is True
    assert "sections" not in made(data, shape=Shape(sections=False)).manifest["settings_schema"]


@pytest.mark.parametrize(
    ("data", "why"),
    [
        (b"", "isn't JSON"),
        (b"[]", "isn't an object"),
        (b"\xef\xbb\xbf{}", "isn't JSON"),
        (b'{"id": 1}', "`id` in plugin.json isn't a text"),
        (b'{"id": "a", "ID": "b"}', "says `id` twice"),
        (b'{"id": "a", "server": {"executable": "x", "Executable": "y"}}', "says `server.executable` twice"),
        (b'{"id": "a", "server": []}', "`server` in plugin.json isn't an object"),
        (
            b'{"id": "a", "server": {"executables": {"linux-amd64": 1}}}',
            "`server.executables` in plugin.json isn't a text",
        ),
        (b'{"id": "a", "settings_schema": {"settings": {}}}', "`settings_schema.settings` in plugin.json isn't a list"),
        (b'{"id": "a", "settings_schema": {"settings": [{"secret": 1}]}}', "isn't true or false"),
        (b'{"id": "a", "settings_schema": {"settings": [null]}}', "isn't a list of objects alone"),
        (b'{"id": "a", "props": []}', "`props` in plugin.json isn't an object"),
        (b'{"id": "a", "props": {"x": 1e999}}', "too large"),
        (b'{"id": "a", "props": {"x": ' + b"[" * 150 + b"]" * 150 + b"}}", "nested too deeply"),
        (b'{"id": "a", "props": ' + b'{"x":' * 50_000, "JSON|nested too deeply"),
    ],
)
def test_a_manifest_that_a_server_would_not_read_is_refused(data: bytes, why: str) -> None:
    with pytest.raises(BadEntry, match=why):
        made(data)


@given(st.integers(0, 4_102_444_800_000))
def test_a_moment_is_written_without_the_zeros_at_its_end(at: int) -> None:
    text = entry.moment(at)
    assert text.endswith("Z")
    assert not text.endswith(("0Z", ".Z")) or "." not in text


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"no gzip",
        bundle({"x": b""}),
        bundle({"deep/plugin.json": b"{}"}),
        bundle({"plugin.json": b" " * 3_000_000}),
    ],
)
def test_what_is_no_bundle_is_refused(tmp_path: Path, data: bytes) -> None:
    (tmp_path / "b.tar.gz").write_bytes(data)
    with pytest.raises(BadArtifacts, match=r"^b\.tar\.gz: "):
        contents_of(tmp_path / "b.tar.gz")


def test_a_bundle_that_was_cut_off_is_refused(tmp_path: Path) -> None:
    (tmp_path / "b.tar.gz").write_bytes(bundle({"big": bytes(range(256)) * 999, "plugin.json": b"{}"})[:-600])
    with pytest.raises(BadArtifacts, match=r"^b\.tar\.gz: "):
        contents_of(tmp_path / "b.tar.gz")


async def test_a_folder_and_a_store_give_the_same(tmp_path: Path) -> None:
    store, work = tmp_path / "store", tmp_path / "work"
    store.mkdir()
    work.mkdir()
    cut_into(store)
    (store / "remind-v1.0.0-darwin-amd64.tar.gz").write_bytes(b"unsigned")
    wanted = Artifacts(Contents(manifest(), ICON), await _sorted(str(store), work))
    async with served(store) as server:
        assert await gather(server.address, "remind", "v1.0.0", work) == wanted
    assert Uploaded("remind-v1.0.0-darwin-amd64.tar.gz") in wanted.bundles
    assert {x.name for x in uploaded()} | {f"{x.name}.sig" for x in uploaded()} < wanted.uploaded
    assert "remind-v1.0.0-darwin-amd64.tar.gz.sig" not in wanted.uploaded


async def _sorted(source: str, work: Path) -> tuple[Uploaded, ...]:
    found = (await gather(source, "remind", "v1.0.0", work)).bundles
    assert set(uploaded()) < set(found)
    return found


async def test_what_is_not_there_is_said_with_the_place(tmp_path: Path) -> None:
    with pytest.raises(BadArtifacts, match=r"remind-v1\.0\.0\.tar\.gz is not in"):
        await gather(str(tmp_path), "remind", "v1.0.0", tmp_path)
    with pytest.raises(BadArtifacts, match="neither a folder nor an address"):
        await gather(str(tmp_path / "none"), "remind", "v1.0.0", tmp_path)
    for name in ("../remind", "a/b", "-x", "", "a..b", "x\ny"):
        with pytest.raises(BadArtifacts, match="no part of a file's name"):
            await gather(str(tmp_path), name, "v1.0.0", tmp_path)
    async with served(tmp_path) as server:
        with pytest.raises(BadArtifacts, match="is not at http"):
            await gather(server.address, "remind", "v1.0.0", tmp_path)
        server.status = 503
        with pytest.raises(UnavailableArtifacts, match="answers 503"):
            await gather(server.address, "remind", "v1.0.0", tmp_path)
    with pytest.raises(UnavailableArtifacts, match="did not give"):
        await gather(server.address, "remind", "v1.0.0", tmp_path)


async def test_a_signature_that_is_none_is_refused(tmp_path: Path) -> None:
    cut_into(tmp_path)
    (tmp_path / "remind-v1.0.0.tar.gz.sig").write_bytes(b"x" * 70_000)
    async with served(tmp_path) as server:
        for source in (str(tmp_path), server.address):
            with pytest.raises(BadArtifacts, match="no signature"):
                await gather(source, "remind", "v1.0.0", tmp_path)
