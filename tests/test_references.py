"""What people give as the thing to review."""

import json
import string
from pathlib import Path

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mmbot.domain.references import BadReference, Reference, is_ref_name, parse_reference, repository_key

HUB = "https://github.com/sue/Plugin"
LAB = "https://gitlab.com/group/sub/plugin"
TEA = "https://codeberg.org/sue/plugin"
SHA = "3f9c2ab1d0e44c5a6b7c8d9e0f1a2b3c4d5e6f70"
MIRROR = frozenset({"127.0.0.1:8123"})
DATABASE = Path(__file__).parents[1] / "../shared/data/plugins-2023-09-08.json"


def at(kind: str, name: str, repository: str = HUB, *, path: bool = False) -> Reference:
    return Reference(repository, kind, name, path)  # type: ignore[arg-type]  # the tests write kinds as text


@pytest.mark.parametrize(
    "text",
    [
        HUB,
        f" {HUB}/ ",
        f"{HUB}.git",
        f"{HUB}.git/",
        "https://GitHub.com/sue/Plugin",
        "https://www.github.com:443/sue/Plugin?tab=readme-ov-file#install",
        "github.com/sue/Plugin",
        "sue/Plugin",
        "git@github.com:sue/Plugin.git",
        "ssh://git@github.com/sue/Plugin.git",
        f"<{HUB}>",
        f"({HUB}).",
        f"`{HUB}`",
        f"**{HUB}**,",
        f"[my plugin]({HUB})",
        f'[my plugin]({HUB} "title").',
        f"{HUB} HEAD",
    ],
)
def test_a_repository_alone_means_its_default_branch(text: str) -> None:
    assert parse_reference(text) == at("default", "")


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        (f"{HUB}/releases/tag/v1.0.0", "tag", "v1.0.0"),
        (f"{HUB}/releases/tag/server%2Fv1.0.0", "tag", "server/v1.0.0"),
        (f"[v1.0.0]({HUB}/releases/tag/v1.0.0)", "tag", "v1.0.0"),
        (f"{HUB}/tree/v1.0.0", "unknown", "v1.0.0"),
        (f"{HUB}/tree/fix%23", "unknown", "fix#"),
        (f"{HUB}/commits/main", "unknown", "main"),
        (f"{HUB}/blob/main/README.md#L3", "unknown", "main"),
        (f"{HUB}/tree/{SHA}/server", "commit", SHA),
        (f"{HUB}/blob/{SHA}/server/main.go", "commit", SHA),
        (f"{HUB}/commit/{SHA.upper()}", "commit", SHA),
        (f"{HUB}/commit/3f9c2ab.", "commit", "3f9c2ab"),
        (f"{HUB}/pull/12", "pull", "12"),
        (f"{HUB}/pull/12/files#diff-1", "pull", "12"),
        (f"{HUB}/pull/12/commits/{SHA}", "commit", SHA),
        (f"{HUB}/archive/refs/tags/v1.0.0.tar.gz", "tag", "v1.0.0"),
        (f"{HUB}/archive/refs/heads/release/1.x.zip", "branch", "release/1.x"),
        (f"{HUB}/archive/v1.0.0.zip", "unknown", "v1.0.0"),
        (f"{HUB}@v1.0.0", "unknown", "v1.0.0"),
        (f"{HUB}.git@feature/x", "unknown", "feature/x"),
        (f"{HUB}@fix#12", "unknown", "fix#12"),
        (f"{HUB} v1.0.0", "unknown", "v1.0.0"),
        (f"{HUB}, tag v1.0.0", "tag", "v1.0.0"),
        (f"{HUB} (v1.0.0)", "unknown", "v1.0.0"),
        (f"{HUB} @ v1.0.0", "unknown", "v1.0.0"),
        (f"{HUB} at commit: {SHA}", "commit", SHA),
        (f"{HUB} branch main.", "branch", "main"),
        (f"{HUB} PR #12", "pull", "12"),
        (f"{HUB} #12", "pull", "12"),
        (f"{HUB} refs/heads/deadbeef", "branch", "deadbeef"),
        (f"{HUB} 20201108", "unknown", "20201108"),
        (f"{HUB}/releases/tag/v1.0.0 v1.0.0", "tag", "v1.0.0"),
        (f"{HUB}/tree/v1.0.0 tag v1.0.0", "tag", "v1.0.0"),
        ("sue/Plugin@v1.0.0", "unknown", "v1.0.0"),
        ("sue/Plugin v1.0.0", "unknown", "v1.0.0"),
        ("git@github.com:sue/Plugin.git@v1.0.0", "unknown", "v1.0.0"),
    ],
)
def test_a_place_in_a_repository_is_understood(text: str, kind: str, name: str) -> None:
    assert parse_reference(text) == at(kind, name)


@pytest.mark.parametrize(
    ("text", "kind", "name", "repository"),
    [
        (f"{LAB}", "default", "", LAB),
        (f"{LAB}/-/tree/v1.0.0?ref_type=tags", "unknown", "v1.0.0", LAB),
        (f"{LAB}/-/commit/{SHA}", "commit", SHA, LAB),
        (f"{LAB}/-/merge_requests/7/diffs", "pull", "7", LAB),
        (f"{LAB}/-/merge_requests/7#note_1", "pull", "7", LAB),
        (f"{LAB}/-/tags/v1.0.0", "tag", "v1.0.0", LAB),
        (f"{LAB}/-/releases/v1.0.0", "tag", "v1.0.0", LAB),
        (f"{LAB}/-/archive/v1.0.0/plugin-v1.0.0.tar.gz", "unknown", "v1.0.0", LAB),
        (f"{TEA}/src/branch/main", "branch", "main", TEA),
        (f"{TEA}/src/tag/v1.0.0", "tag", "v1.0.0", TEA),
        (f"{TEA}/src/commit/{SHA}/server", "commit", SHA, TEA),
        (f"{TEA}/pulls/3/files", "pull", "3", TEA),
        ("https://git.example.org:8443/sue/plugin", "default", "", "https://git.example.org:8443/sue/plugin"),
    ],
)
def test_other_hosts_are_understood(text: str, kind: str, name: str, repository: str) -> None:
    assert parse_reference(text) == at(kind, name, repository)


def test_a_link_to_a_folder_may_end_in_a_path() -> None:
    assert parse_reference(f"{HUB}/tree/feature/login") == at("unknown", "feature/login", path=True)
    assert parse_reference(f"{HUB}/blob/main/server/main.go") == at("unknown", "main/server", path=True)
    assert parse_reference(f"{TEA}/src/branch/main/server") == at("branch", "main/server", TEA, path=True)


@pytest.mark.parametrize(
    ("text", "kind", "name"),
    [
        ("v1.2.0", "unknown", "v1.2.0"),
        ("@v1.2.0", "unknown", "v1.2.0"),
        ("3f9c2ab", "commit", "3f9c2ab"),
        ("`3F9C2AB`", "commit", "3f9c2ab"),
        ("feature/login", "unknown", "feature/login"),
        ("tag v1.2.0", "tag", "v1.2.0"),
        ("#12", "pull", "12"),
        ("sue/plugin@v1", "unknown", "v1"),
        ("sue/plugin", "default", ""),
    ],
)
def test_beside_a_known_repository_a_bare_name_is_a_ref(text: str, kind: str, name: str) -> None:
    found = parse_reference(text, repository=HUB)
    assert (found.repository.lower(), found.kind, found.name) == (HUB.lower(), kind, name)


def test_a_link_goes_before_the_known_repository() -> None:
    assert parse_reference(f"{TEA}/src/tag/v1", repository=HUB) == at("tag", "v1", TEA)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "plugin",
        "v1.0.0",
        "http://github.com/sue/plugin",
        "git://github.com/sue/plugin",
        "file:///etc/passwd",
        "/srv/git/plugin",
        "../plugin",
        "ext::sh -c id",
        "ssh://-oProxyCommand=id/x",
        "ssh://git@github.com:22/sue/plugin",
        "git@-oProxyCommand=id:sue/plugin",
        "root@github.com:sue/plugin",
        "--upload-pack=id",
        "-c core.x=y",
        "https://token@github.com/sue/plugin",
        "https://sue:secret@github.com/sue/plugin",
        "https://github.com@evil.example.org/sue/plugin",
        "https://github.com\\@evil.example.org/sue/plugin",
        "https://127.0.0.1/sue/plugin",
        "https://127.1/sue/plugin",
        "https://0x7f000001/sue/plugin",
        "https://2130706433/sue/plugin",
        "https://[::1]/sue/plugin",
        "https://localhost/sue/plugin",
        "https://git.localhost/sue/plugin",
        "https://metadata.google.internal/a/b",
        "https://intern/sue/plugin",
        "https://github.com:0/sue/plugin",
        "https://github.com:99999/sue/plugin",
        "https://g\u0131thub.com/sue/plugin",
        "https://github.com",
        "https://github.com/sue",
        "https://github.com/../plugin",
        "https://github.com/sue/..",
        "https://github.com/sue/.git",
        "https://github.com/-sue/plugin",
        "https://github.com/sue/pl%75gin",
        f"{HUB}/issues/3",
        f"{HUB}/releases",
        f"{HUB}/releases/latest",
        f"{HUB}/compare/a...b",
        f"{HUB}/tree/a..b",
        f"{HUB}/tree/a@%7B1%7D",
        f"{HUB}/tree/-x",
        f"{HUB}/tree/a%0Ab",
        f"{HUB}/tree/a%20b",
        f"{HUB}/tree/%ff",
        f"{HUB}/tree/x.lock",
        f"{HUB}/tree/a:b",
        f"{HUB}/tree/{'x' * 300}",
        f"{HUB}/commit/main",
        f"{HUB}/pull/abc",
        f"{HUB}/pull/0",
        f"{HUB} refs/notes/x",
        f"{HUB} +main:main",
        f"{HUB} v1.0.0 v1.0.1",
        f"{HUB}/tree/main v1.0.0",
        f"{HUB}\nv1.0.0",
        f"{HUB}\u202e",
        f"{HUB}\u200b v1",
        f"{HUB} \ud800",
        f"~~{HUB}~~",
        f"{HUB}/{'x' * 3000}",
    ],
)
def test_what_is_no_public_place_in_a_repository_is_refused(text: str) -> None:
    with pytest.raises(BadReference) as refusal:
        parse_reference(text)
    assert str(refusal.value).endswith(".")


@pytest.mark.parametrize(
    "text",
    [
        f"{HUB}/releases/download/v1.0.0/plugin-v1.0.0.tar.gz",
        "https://plugins.example.org/release/plugin-v1.0.0-linux-amd64.tar.gz",
        f"{HUB}/files/123/plugin.tar.gz",
    ],
)
def test_a_built_plugin_is_refused_as_such(text: str) -> None:
    with pytest.raises(BadReference, match="built plugin"):
        parse_reference(text)


def test_a_refusal_never_repeats_a_secret() -> None:
    with pytest.raises(BadReference) as refusal:
        parse_reference("https://sue:hunter22@github.com/sue/plugin")
    assert "hunter22" not in str(refusal.value)


def test_plain_http_is_read_only_from_the_hosts_named() -> None:
    mirror = "http://127.0.0.1:8123/sue/plugin"
    assert parse_reference(f"{mirror}.git v1", plain_http_hosts=MIRROR) == at("unknown", "v1", mirror)
    for other in ("http://127.0.0.1:8124/sue/plugin", "https://127.0.0.1:8123/sue/plugin", "http://127.0.0.1/a/b"):
        with pytest.raises(BadReference):
            parse_reference(other, plain_http_hosts=MIRROR)


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://www.GitHub.com/Sue/Plugin.git/", "github.com/sue/plugin"),
        ("http://github.com/sue/plugin", "github.com/sue/plugin"),
        ("git@github.com:sue/plugin.git", "github.com/sue/plugin"),
        (f"{HUB}/blob/master/README.md", "github.com/sue/plugin"),
        (f"{HUB}@v1.0.0", "github.com/sue/plugin"),
        (f"{LAB}/-/tree/main", "gitlab.com/group/sub/plugin"),
        ("http://127.0.0.1:8123/sue/plugin", "127.0.0.1:8123/sue/plugin"),
        ("https://github.com/sue", ""),
        ("https://sue:x@github.com/sue/plugin", ""),
        ("sue", ""),
        ("", ""),
    ],
)
def test_repositories_are_compared_by_host_and_path(url: str, key: str) -> None:
    assert repository_key(url) == key


@pytest.mark.skipif(not DATABASE.exists(), reason="the Marketplace's database isn't beside the repository")
def test_homepages_of_listed_plugins_on_github_are_repositories() -> None:
    pages = {plugin["homepage_url"] for plugin in json.loads(DATABASE.read_text())}
    hub = {page for page in pages if page.startswith("https://github.com/")}
    assert len(hub) > 30
    for page in hub:
        assert repository_key(parse_reference(page).repository) == repository_key(page) != ""


PIECES = st.one_of(
    st.sampled_from([HUB, LAB, TEA, "sue/plugin", "git@github.com:", "https://", "http://127.0.0.1:8123", SHA]),
    st.sampled_from(["/tree/", "/-/", "/blob/", "/commit/", "/pull/", "/releases/tag/", "/archive/", "/src/branch/"]),
    st.sampled_from(["refs/heads/", "refs/tags/", "HEAD", "3f9c2ab", "20201108", "v1.0.0", "main", "at", "tag"]),
    st.sampled_from([" ", "@", "#", ".git", "..", "%2F", "%29", ".zip", *"/-.,()[]<>*`'\"?~:\\"]),
)
TEXTS = st.lists(PIECES | st.text(max_size=3), max_size=8).map("".join) | st.text()


@given(TEXTS, st.sampled_from(["", HUB, LAB]))
@example(f"{HUB}/tree/at", "")
@example(f"{HUB}/tree/commit", "")
@example(f"{HUB}.git.git", "")
@example(f"{HUB}..#", "")
@example(f"{HUB}/tree/deadbee/x", "")
def test_whatever_is_typed_is_refused_or_read_into_a_value_that_reads_the_same(text: str, known: str) -> None:
    try:
        found = parse_reference(text, repository=known, plain_http_hosts=MIRROR)
    except BadReference as refusal:
        assert str(refusal).endswith(".")  # noqa: PT017 - either outcome is right, each has its own claims
        return
    assert parse_reference(str(found), plain_http_hosts=MIRROR) == found
    assert parse_reference(found.repository, plain_http_hosts=MIRROR) == Reference(found.repository, "default", "")
    assert repository_key(found.repository)
    assert not found.repository.endswith(("/", ".git"))
    assert set(found.repository) <= set(string.ascii_letters + string.digits + ":/._~-")
    assert found.kind not in {"branch", "tag", "unknown"} or is_ref_name(found.name)
    assert found.kind != "commit" or (7 <= len(found.name) <= 40 and set(found.name) <= set(string.hexdigits.lower()))
    assert found.kind != "pull" or int(found.name) > 0


@given(st.text())
def test_a_repository_key_is_found_or_empty(text: str) -> None:
    key = repository_key(text)
    assert key == "" or repository_key(f"https://{key}") == key


@given(st.text(alphabet="ab/.-@{}~^:?*[\\ \u202e\x00é'\"`)", max_size=12))
def test_a_name_we_take_is_one_that_git_takes(name: str) -> None:
    if is_ref_name(name):
        assert not set(name) & set(" ~^:?*[\\\x00\u202e")
        assert ".." not in name
        assert not name.startswith(("-", "/", ".", "@"))
        assert not name.endswith(("/", ".", ".lock"))
