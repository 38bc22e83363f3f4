"""What differs between two commits: looked up on a real git server, and whether it is the version alone, tried with random files."""

import json
from collections.abc import AsyncIterator, Mapping
from pathlib import Path

import pytest
from fake_git import FakeGit, FakeRepository, fake_git
from hypothesis import assume, given
from hypothesis import strategies as st

from mmbot.domain.references import parse_reference
from mmbot.github.difference import MAX_DIFF, MAX_FILES, Before, Difference, version_diff
from mmbot.github.resolve import GitLimits, Resolution, resolve

NAME = "sue/plugin"
OLD, NEW = "1.0.0-rc1", "1.0.0"
CODE = "package main // 1.0.0-rc1"


def manifest(version: str, **more: object) -> str:
    notes = f"https://github.com/sue/plugin/releases/tag/v{version}"
    fields = {"id": "com.example.remind", "version": version, "release_notes_url": notes, "min_server_version": "6.2.1"}
    return json.dumps(fields | more, indent=4)


def files(version: str) -> dict[str, str]:
    """A plugin at a version, with everything in it that a version alone may change."""
    lock = {"version": version, "packages": {"": {"version": version}, "a": {"version": "2.0.0"}}}
    return {
        "plugin.json": manifest(version),
        "server/manifest.go": f'package main\n\nvar manifest = struct{{\n\tVersion string\n}}{{\n\tVersion: "{version}",\n}}\n',
        "webapp/src/manifest.ts": f"export const version = '{version}';\r\n",
        "webapp/package.json": json.dumps(
            {"name": "x", "version": version, "dependencies": {"version": "2.0.0"}}, indent=1
        ),
        "webapp/package-lock.json": json.dumps(lock, indent=1),
        "README.md": f"# Remind\nThis is v{version}. Get [remind-{version}.tar.gz](https://x/{version}/remind.tar.gz).\n",
        "server/main.go": CODE,
    }


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[FakeGit]:
    (tmp_path / "work").mkdir()
    async with fake_git(tmp_path / "repositories") as running:
        yield running
    assert list((tmp_path / "work").iterdir()) == []


@pytest.fixture
def plugin(server: FakeGit) -> FakeRepository:
    return server.repository(NAME)


class Look:
    """Resolves a reference and compares it with a commit before."""

    def __init__(self, server: FakeGit, workdir: Path) -> None:
        self.server, self.workdir = server, workdir
        self.limits = GitLimits(seconds=20, plain_http=frozenset({server.host}))

    async def at(self, text: str, since: str, version: str = OLD, limits: GitLimits | None = None) -> Resolution:
        reference = parse_reference(self.server.url(NAME) + text, plain_http_hosts=self.limits.plain_http)
        return await resolve(reference, limits or self.limits, self.workdir, Before(since, version))


@pytest.fixture
def look(server: FakeGit, tmp_path: Path) -> Look:
    return Look(server, tmp_path / "work")


async def test_from_a_release_candidate_to_the_final_version_only_the_version_changes(
    plugin: FakeRepository, look: Look
) -> None:
    before = plugin.commit(files(OLD))
    plugin.tag("v1.0.0", plugin.commit(files(NEW)))
    found = (await look.at(" v1.0.0", before)).difference
    assert found
    assert (found.version_only, found.more) == (True, 0)
    assert found.files == tuple(sorted(set(files(OLD)) - {"server/main.go"}))
    assert found.diff.startswith("README.md\n- This is v1.0.0-rc1. Get [remind-1.0.0-rc1.tar.gz]")
    assert '\nplugin.json\n- "version": "1.0.0-rc1",\n+ "version": "1.0.0",\n' in found.diff
    assert len(found.diff) <= MAX_DIFF


async def test_what_came_went_and_changed_is_named(plugin: FakeRepository, look: Look) -> None:
    before = plugin.commit({**files(OLD), "gone.go": "x"}, links={"link": "a"})
    plugin.commit({**files(OLD), "new \\n`@all`.go": "y", "server/main.go": "package other"}, links={"link": "b"})
    assert (await look.at("", before)).difference == Difference(
        ("gone.go", "link", "new `@all`.go", "server/main.go"), 0, version_only=False
    )


async def test_of_many_changed_files_some_are_named_and_the_others_counted(plugin: FakeRepository, look: Look) -> None:
    before = plugin.commit(files(OLD))
    plugin.commit(files(OLD) | {f"{i:03}.md": "x" for i in range(50)})
    found = (await look.at("", before)).difference
    assert found
    assert (len(found.files), found.more, found.version_only) == (MAX_FILES, 30, False)


@pytest.mark.parametrize("path", ["README.md", "plugin.json"])
async def test_a_file_that_becomes_a_program_or_a_link_is_a_change(
    plugin: FakeRepository, look: Look, path: str
) -> None:
    before = plugin.commit(files(OLD))
    after = files(NEW)
    mode = "100755" if path == "README.md" else "120000"
    plugin.commit(after)
    blob = plugin.git("rev-parse", f"refs/heads/main:{path}")
    plugin.git("read-tree", "refs/heads/main")
    plugin.git("update-index", "--add", "--cacheinfo", f"{mode},{blob},{path}")
    tree = plugin.git("write-tree")
    commit = plugin.git("-c", "user.name=Sue", "-c", "user.email=sue@example.org", "commit-tree", "-m", "x", tree)
    plugin.ref("refs/heads/main", commit)
    found = (await look.at(" commit " + commit, before)).difference
    assert found
    assert path in found.files
    assert not found.version_only


async def test_names_that_are_no_text_are_told_apart(plugin: FakeRepository, look: Look) -> None:
    before = plugin.commit(files(OLD) | {"\\\\303": "same"})
    blob = plugin.git("hash-object", "-w", "--stdin", stdin=b"hidden")
    plugin.commit(files(NEW) | {"\\\\303": "same"})
    listing = plugin.git("ls-tree", "refs/heads/main").encode() + b"\n100644 blob " + blob.encode() + b"\t\\303.md\n"
    tree = plugin.git("mktree", stdin=listing.replace(b"\t\\303.md", b'\t"\\303.md"'))
    commit = plugin.git("-c", "user.name=Sue", "-c", "user.email=sue@example.org", "commit-tree", "-m", "x", tree)
    plugin.ref("refs/heads/main", commit)
    found = (await look.at("", before)).difference
    assert found
    assert "\ufffd.md" in found.files
    assert not found.version_only


async def test_a_large_file_that_changed_is_no_change_of_the_version_alone(plugin: FakeRepository, look: Look) -> None:
    padding = "x\n" * 40_000
    before = plugin.commit(files(OLD) | {"README.md": f"{padding}{OLD}"})
    plugin.commit(files(NEW) | {"README.md": f"{padding}{NEW}"})
    found = (await look.at("", before)).difference
    assert found
    assert "README.md" in found.files
    assert not found.version_only


@pytest.mark.parametrize("since", ["1" * 40, "--upload-pack=touch x", "HEAD", "", "main", "^main"])
async def test_a_commit_that_is_gone_or_none_breaks_nothing(plugin: FakeRepository, look: Look, since: str) -> None:
    plugin.commit(files(NEW))
    found = await look.at("", since)
    assert found.commit
    assert found.difference is None


async def test_a_repository_too_large_for_the_earlier_commit_breaks_nothing(plugin: FakeRepository, look: Look) -> None:
    noise = "".join(f"{i * 2654435761 % 2**32:08x}" for i in range(50_000))
    before = plugin.commit(files(OLD) | {f"{i}.txt": noise[i * 8000 :][:8000] for i in range(50)})
    plugin.commit(files(NEW))
    small = GitLimits(seconds=20, bytes=100_000, plain_http=look.limits.plain_http)
    assert (await look.at("", before, limits=small)).difference is None


async def test_the_commit_under_review_is_not_compared_with_itself(plugin: FakeRepository, look: Look) -> None:
    same = plugin.commit(files(OLD))
    assert (await look.at("", same)).difference is None


async def test_a_server_without_filters_is_compared_all_the_same(server: FakeGit, look: Look) -> None:
    plugin = server.repository(NAME, filters=False)
    before = plugin.commit(files(OLD))
    plugin.commit(files(NEW))
    found = (await look.at("", before)).difference
    assert found
    assert found.version_only


async def test_attributes_of_the_repository_have_no_say(plugin: FakeRepository, look: Look) -> None:
    attributes = {".gitattributes": "* -diff filter=x export-ignore\n*.go binary diff=evil\n", "server/a.go": "a"}
    before = plugin.commit(files(OLD) | attributes)
    plugin.commit(files(NEW) | attributes | {"server/a.go": "b"})
    found = (await look.at("", before)).difference
    assert found
    assert "server/a.go" in found.files
    assert not found.version_only


# The version alone


def pairs(before: Mapping[str, str], after: Mapping[str, str]) -> dict[str, tuple[bytes | None, bytes | None]]:
    return {x: (before[x].encode(), after[x].encode()) for x in before if before[x] != after[x]}


def alone(path: str, before: str, after: str, old: str = OLD, new: str = NEW) -> bool:
    return bool(version_diff({path: (before.encode(), after.encode())}, old, new))


@given(st.sampled_from(sorted(files(OLD))), st.integers(0, 10**6), st.text(min_size=1, max_size=8), st.booleans())
def test_any_change_beyond_the_version_is_a_change(path: str, at: int, text: str, put: bool) -> None:  # noqa: FBT001 -- a strategy gives it
    before, after = files(OLD), files(NEW)
    here = at % (len(after[path]) + 1)
    changed = after[path][:here] + (text if put else "") + after[path][here + (0 if put else len(text)) :]
    assume(changed not in (after[path], before[path]))
    assert version_diff(pairs(before, after), OLD, NEW)
    assert not version_diff(pairs(before, after | {path: changed}), OLD, NEW)


@given(
    st.sampled_from(["server/main.go", "go.mod", "Makefile", ".github/workflows/ci.yml", "build/manifest.sh", "a.json"])
)
def test_a_version_in_any_other_file_may_be_that_of_something_else(path: str) -> None:
    assert not alone(path, f"version: '{OLD}'", f"version: '{NEW}'")


@pytest.mark.parametrize(
    ("path", "line"),
    [
        ("webapp/package.json", '{{"version": "{}", "dependencies": {{"version": "{}"}}}}'),
        ("webapp/package.json", '{{"version": "{}", "dependencies": {{"evil": "{}"}}}}'),
        ("webapp/package.json", '{{"version": "{}", "scripts": {{"build": "npx evil@{}"}}}}'),
        ("webapp/package-lock.json", '{{"version": "{}", "packages": {{"node_modules/evil": {{"version": "{}"}}}}}}'),
        ("webapp/package-lock.json", '{{"version": "{}", "dependencies": {{"evil": {{"version": "{}"}}}}}}'),
        ("plugin.json", '{{"version": "{}", "min_server_version": "{}"}}'),
        ("plugin.json", '{{"version": "{}", "server": {{"executable": "{}"}}}}'),
        ("plugin.json", '{{"version": "{}", "VERSION": "{}"}}'),
        ("plugin.json", '["{}", "{}"]'),
        ("plugin.json", '{{"version": "{}", "{}": 1}}'),
        ("plugin.json", '{{"version": "{}", '),
        ("server/manifest.go", 'Version: "{}", URL: "https://evil/{}"'),
        ("server/manifest.go", 'minServerVersion = "{}"'),
        ("server/manifest.go", '"min_server_version": "{}",'),
        ("server/manifest.go", 'version = "{}" + load("{}")'),
        ("server/manifest.go", 'load("{}")'),
        ("server/manifest.go", "// version: {}"),
        ("webapp/src/manifest.ts", "import x from 'https://evil/{}/x.js';"),
    ],
)
def test_what_goes_with_the_version_but_is_not_it_is_a_change(path: str, line: str) -> None:
    assert not alone(path, line.format(OLD, OLD), line.format(NEW, NEW))


@pytest.mark.parametrize(
    ("old", "new"),
    [
        ("", NEW),
        (OLD, ""),
        (OLD, OLD),
        ("1.0", "1.1"),
        ("safe()", "evil()"),
        ("true", "false"),
        ("1.0.0\nx", "1.0.0"),
        (f"1.0.0-{'x' * 99}", NEW),
    ],
)
def test_a_version_that_is_none_is_never_the_only_change(old: str, new: str) -> None:
    assert not alone("README.md", f"It is {old}.", f"It is {new}.", old, new)


@pytest.mark.parametrize("line", ["10.0.0.1", "a1.0.0", "1.0.0-rc1", "1.0.0+x", "1.0.0.1", "21.0.0", "v21.0.0"])
def test_a_number_that_only_holds_the_version_is_another_one(line: str) -> None:
    for old, new in (("1.0.0", "1.0.1"), ("0.0.1", "0.0.2")):
        if old in line:
            assert not alone("README.md", line, line.replace(old, new), old, new)


def test_lines_in_another_order_or_number_are_a_change() -> None:
    assert not alone("README.md", f"{OLD}\na\nb", f"{NEW}\nb\na")
    assert not alone("README.md", f"{OLD}\na", f"{NEW}\na\n")
    assert not alone("README.md", f"{OLD}\r\n", f"{NEW}\n")
    assert not version_diff({}, OLD, NEW)
    assert not version_diff({"README.md": (OLD.encode(), None)}, OLD, NEW)
    assert not version_diff({"README.md": (b"\xff" + OLD.encode(), b"\xff" + NEW.encode())}, OLD, NEW)
    assert not version_diff({"README.md": (b"\0" + OLD.encode(), b"\0" + NEW.encode())}, OLD, NEW)


def test_a_line_of_many_spaces_takes_no_time() -> None:
    spaces = " " * 60_000
    for line in (
        f'version{spaces}="{{}}"{spaces},{spaces}x',
        f'"release_notes_url"{spaces}:"{{}}"{spaces}x',
        f"{spaces}{{}}x",
    ):
        assert not alone("server/manifest.go", line.format(OLD), line.format(NEW))


def test_a_long_diff_is_cut() -> None:
    before = "\n".join([f"{'word ' * 60}{OLD}"] * 50)
    shown = version_diff({"README.md": (before.encode(), before.replace(OLD, NEW).encode())}, OLD, NEW)
    assert len(shown) == MAX_DIFF
    assert shown.endswith("\n…")
