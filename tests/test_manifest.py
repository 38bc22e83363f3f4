"""The manifest of a plugin as its repository has it."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mmbot.domain.manifest import BadManifest
from mmbot.github.manifest import Manifest, parse_manifest

DATABASE = Path(__file__).parents[1] / "../shared/data/plugins-2023-09-08.json"


def test_the_fields_of_a_manifest_are_read() -> None:
    fields = {"id": "com.example.Remind", "name": " Remind ", "version": "1.0.0", "min_server_version": "5.20.0"}
    fields |= {"homepage_url": "https://a.b/c", "support_url": "https://a.b/s", "release_notes_url": "https://a.b/r"}
    text = "\ufeff" + json.dumps(fields | {"server": {}, "webapp": None, "props": {"Id": 1, "id": 2}})
    assert parse_manifest(text.encode()) == Manifest(
        id="com.example.Remind",
        name="Remind",
        version="1.0.0",
        min_server_version="5.20.0",
        homepage_url="https://a.b/c",
        support_url="https://a.b/s",
        release_notes_url="https://a.b/r",
        has_server=True,
        has_webapp=False,
        unfilled=(),
    )


def test_what_the_build_fills_in_is_empty_and_told() -> None:
    found = parse_manifest(b'{"ID": "__PLUGIN_ID__", "homepage_url": "__PLUGIN_REPO_URL__/x", "name": null}')
    assert (found.id, found.homepage_url, found.version) == ("", "", "")
    assert found.unfilled == ("id", "version", "homepage_url", "release_notes_url")


@pytest.mark.parametrize(
    ("data", "problem"),
    [
        (b"", "isn't JSON: see line 1, column 1"),
        (b"id: a.b", "isn't JSON: see line 1, column 1"),
        (b'{\n"id": }', "isn't JSON: see line 2, column 7"),
        (b"\xff\xfe", "isn't UTF-8"),
        (b"[]", "isn't a JSON object"),
        (b"{}", "has no `id`"),
        (b'{"id": " "}', "has no `id`"),
        (b'{"id": 7}', "`id` in plugin.json isn't a text"),
        (b'{"id": "good", "ID": "evil"}', "says `id` twice"),
        (b'{"id": "good", "id": "evil"}', "says `id` twice"),
        ('{"version": "1.0.0", "ver\u017fion": "2.0.0", "id": "a"}'.encode(), "says `version` twice"),
        (b'{"id": "a", "server": []}', "`server` in plugin.json isn't an object"),
        (b'{"id": "a\\u202eb"}', "invisible characters"),
        (b'{"id": "a\\nb"}', "invisible characters"),
        (b'{"id": "\\ud800"}', "invisible characters"),
        (b'{"id": "a", "name": "' + b"x" * 2000 + b'"}', "`name` in plugin.json is longer"),
        (b'{"x":' + b"9" * 5000 + b"}", "number in it that is too long"),
        (b'{"id": "a", "x": "' + b"y" * 65536 + b'"}', "larger than 64 KiB"),
    ],
)
def test_what_is_no_manifest_is_refused_without_quoting_it(data: bytes, problem: str) -> None:
    with pytest.raises(BadManifest, match=problem) as refusal:
        parse_manifest(data)
    assert "evil" not in str(refusal.value)


@pytest.mark.parametrize("opening", [b"[", b'{"x":'])
def test_deep_nesting_is_refused_or_read_but_never_crashes(opening: bytes) -> None:
    closing = b"]" if opening == b"[" else b"}"
    depth = 60_000 // (len(opening) + 1)
    with pytest.raises(BadManifest):
        parse_manifest(opening * depth + b"1" + closing * depth)


@given(st.binary() | st.text().map(str.encode))
def test_any_bytes_are_refused_or_read(data: bytes) -> None:
    with pytest.raises(BadManifest):
        parse_manifest(data)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.sampled_from(["id", "a"]), inner),
    max_leaves=8,
)
KEYS = st.sampled_from(["id", "name", "version", "server", "webapp", "homepage_url", "ID"])


@given(st.dictionaries(KEYS, JSON))
def test_any_object_is_refused_or_has_all_its_texts_fit_to_store(fields: dict[str, object]) -> None:
    try:
        found = parse_manifest(json.dumps(fields).encode())
    except BadManifest as refusal:
        assert str(refusal).endswith(".")  # noqa: PT017 - either outcome is right, each has its own claims
        return
    assert found.id or "id" in found.unfilled
    f"{found.id}{found.name}{found.version}{found.homepage_url}".encode()


@pytest.mark.skipif(not DATABASE.exists(), reason="the Marketplace's database isn't beside the repository")
def test_the_manifests_of_all_listed_plugins_are_read() -> None:
    for plugin in json.loads(DATABASE.read_text()):
        found = parse_manifest(json.dumps(plugin["manifest"]).encode())
        assert (found.id, found.version) == (plugin["manifest"]["id"], plugin["manifest"]["version"])
