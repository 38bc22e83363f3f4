"""References resolved against a real git server."""

import asyncio
import json
import time
from collections.abc import AsyncIterator
from pathlib import Path
from typing import get_args

import pytest
from fake_git import FakeGit, FakeRepository, fake_git

from mmbot.domain.references import Kind, Reference, parse_reference
from mmbot.github.git import run_git
from mmbot.github.resolve import GitLimits, Resolution, Unreachable, Unresolved, resolve
from mmbot.reach import is_public

NAME = "sue/plugin"
MANIFEST = {
    "id": "com.example.Remind",
    "name": "Remind",
    "version": "1.0.0",
    "min_server_version": "5.20.0",
    "homepage_url": "https://github.com/sue/plugin",
    "server": {"executables": {"linux-amd64": "server/dist/plugin-linux-amd64"}},
    "webapp": {"bundle_path": "webapp/dist/main.js"},
}
FILES = {"plugin.json": json.dumps(MANIFEST), "README.md": "# Remind", "server/main.go": "package main"}


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[FakeGit]:
    (tmp_path / "work").mkdir()
    async with fake_git(tmp_path / "repositories") as running:
        yield running
    assert list((tmp_path / "work").iterdir()) == []  # nothing is left behind, whatever happened


@pytest.fixture
def plugin(server: FakeGit) -> FakeRepository:
    return server.repository(NAME)


@pytest.fixture
def look(server: FakeGit, tmp_path: Path) -> "Look":
    return Look(server, tmp_path / "work")


class Look:
    """Resolves what stands behind the repository's address."""

    def __init__(self, server: FakeGit, workdir: Path) -> None:
        self.server, self.workdir = server, workdir
        self.limits = GitLimits(seconds=20, plain_http=frozenset({server.host}))

    async def at(self, text: str, limits: GitLimits | None = None) -> Resolution:
        reference = parse_reference(self.server.url(NAME) + text, plain_http_hosts=self.limits.plain_http)
        return await resolve(reference, limits or self.limits, self.workdir)


async def test_a_repository_alone_resolves_to_its_default_branch(plugin: FakeRepository, look: Look) -> None:
    sha = plugin.commit(FILES)
    found = await look.at("")
    assert (found.kind, found.name, found.commit, found.reachable) == ("default", "main", sha, True)
    assert found.repository == look.server.url(NAME)
    assert found.tree == plugin.git("rev-parse", f"{sha}^{{tree}}")
    assert found.manifest_problem == ""
    assert found.manifest
    assert (found.manifest.id, found.manifest.version) == ("com.example.Remind", "1.0.0")
    assert found.manifest.has_server
    assert found.manifest.has_webapp
    assert found.evidence == {"readme": "README.md"}


async def test_branches_tags_and_pull_requests_are_told_apart(plugin: FakeRepository, look: Look) -> None:
    first = plugin.commit(FILES)
    plugin.tag("v1.0.0", first, annotated=True)
    plugin.tag("v0.9", first)
    second = plugin.commit(FILES | {"b": "b"}, on="refs/heads/release/1.x")
    third = plugin.commit(FILES | {"c": "c"}, on="refs/pull/3/head")
    fourth = plugin.commit(FILES | {"d": "d"}, on="refs/merge-requests/4/head")
    expected = {
        "/releases/tag/v1.0.0": ("tag", "v1.0.0", first, True),
        "@v1.0.0": ("tag", "v1.0.0", first, True),
        " tag v0.9": ("tag", "v0.9", first, True),
        "/tree/release/1.x": ("branch", "release/1.x", second, True),
        "/tree/release/1.x/server/cmd": ("branch", "release/1.x", second, True),
        " branch release/1.x": ("branch", "release/1.x", second, True),
        "/pull/3/files": ("pull", "3", third, False),
        "/-/merge_requests/4": ("pull", "4", fourth, False),
    }
    results = await asyncio.gather(*map(look.at, expected))
    assert [(found.kind, found.name, found.commit, found.reachable) for found in results] == list(expected.values())


async def test_commits_are_found_at_the_tips_in_the_past_and_in_forks(plugin: FakeRepository, look: Look) -> None:
    old = plugin.commit(FILES)
    plugin.commit(FILES | {"b": "b"})
    tip = plugin.commit(FILES | {"c": "c"})
    fork = plugin.commit(FILES | {"evil": "x"}, on="refs/pull/3/head")
    hidden = plugin.commit(FILES | {"gone": "x"}, on="refs/heads/gone")
    plugin.git("update-ref", "-d", "refs/heads/gone")
    expected = {
        tip: (tip, True),
        tip[:7]: (tip, True),
        old: (old, True),
        old[:9]: (old, True),
        fork: (fork, False),
        fork[:7]: (fork, False),
        hidden: (hidden, False),
    }
    results = await asyncio.gather(*(look.at(f"/commit/{start}") for start in expected))
    assert [(found.commit, found.reachable) for found in results] == list(expected.values())
    assert {(found.kind, found.name == found.commit) for found in results} == {("commit", True)}


async def test_what_is_not_there_is_said(plugin: FakeRepository, look: Look) -> None:
    first = plugin.commit(FILES)
    plugin.commit(FILES | {"b": "b"}, on="refs/heads/both")
    for tag in ("v1.0.0", "both"):
        plugin.tag(tag, first)
    plugin.tag("picture", plugin.git("rev-parse", f"{first}:README.md"), annotated=True)
    expected = {
        " v2.0.0": "no branch or tag `v2.0.0`",
        " tag main": "no tag `main`",
        " 1.0.0": "Did you mean `v1.0.0`?",
        " it`s@here": "`it's@here`",
        " #9": "no pull request 9",
        " commit 0123456": "no commit `0123456` among the newest",
        " 20201108": "no commit `20201108`",
        f" commit {'0' * 39}1": "has no such commit",
        " both": f"`both` is a branch ({plugin.refs()['refs/heads/both'][:7]}) and a tag ({first[:7]})",
        " picture": "isn't a commit",
    }
    results = await asyncio.gather(*map(look.at, expected), return_exceptions=True)
    for result, sentence in zip(results, expected.values(), strict=True):
        assert isinstance(result, Unresolved)
        assert sentence in str(result)


async def test_a_branch_and_a_tag_of_one_commit_are_no_question(plugin: FakeRepository, look: Look) -> None:
    plugin.tag("both", plugin.commit(FILES, on="refs/heads/both"))
    assert (await look.at(" both")).kind == "tag"


async def test_a_short_commit_that_means_two_is_asked_about(plugin: FakeRepository, look: Look) -> None:
    first = plugin.commit(FILES)
    plugin.ref(f"refs/heads/{first[:8]}", plugin.commit(FILES | {"b": "b"}))
    with pytest.raises(Unresolved, match="more than one commit"):
        await look.at(f" commit {first[:8]}")
    assert (await look.at(f" refs/heads/{first[:8]}")).kind == "branch"
    assert (await look.at(f" {first}")).commit == first


async def test_a_tag_called_like_a_commit_or_a_date_is_found(plugin: FakeRepository, look: Look) -> None:
    first = plugin.commit(FILES)
    for name in ("20201108", "deadbee"):
        plugin.tag(name, first)
        assert (await look.at(f" {name}")).name == name


@pytest.mark.parametrize("top", ["", "plugin/"])
async def test_the_manifest_is_at_the_top_or_in_the_one_folder(plugin: FakeRepository, look: Look, top: str) -> None:
    files = {f"{top}plugin.json": "\ufeff" + json.dumps({"id": "a.b"}), ".github/x.yml": "", "LICENSE.md": ""}
    plugin.commit(files | {"SECURITY.md": "", "CHANGELOG": "", "License-MIT": "", "readme": "", "readme.exe": ""})
    found = await look.at("")
    assert found.manifest
    assert found.manifest.id == "a.b"
    assert found.evidence == {
        "license": "LICENSE.md",
        "readme": "readme",
        "security": "SECURITY.md",
        "changelog": "CHANGELOG",
    }


async def test_what_the_build_fills_in_is_told(plugin: FakeRepository, look: Look) -> None:
    fields = MANIFEST | {"homepage_url": "__PLUGIN_REPO_URL__", "id": "__PLUGIN_ID__", "webapp": None}
    del fields["version"]
    plugin.tag("v1.2.3", plugin.commit({"plugin.json": json.dumps(fields)}))
    found = (await look.at(" v1.2.3")).manifest
    assert found
    assert found.unfilled == ("id", "version", "homepage_url", "release_notes_url")
    assert (found.id, found.version, found.homepage_url, found.has_webapp) == ("", "", "", False)


async def test_a_manifest_that_cannot_be_read_is_said_and_the_commit_still_found(
    plugin: FakeRepository, look: Look
) -> None:
    cases: list[tuple[dict[str, str], str]] = [
        ({"README.md": ""}, "There is no plugin.json"),
        ({"a/plugin.json": "{}", "b/x": ""}, "There is no plugin.json"),
        ({"plugin.json": "{}", "plugin.yml": "id: evil"}, "Only plugin.json is read"),
        ({"plugin.json": "id: a.b"}, "isn't JSON"),
        ({"plugin.json": json.dumps({"id": "a", "x": "y" * 65536})}, "larger than 64 KiB"),
    ]
    commits = [plugin.commit(files, on=f"refs/heads/b{i}") for i, (files, _) in enumerate(cases)]
    results = await asyncio.gather(*(look.at(f" b{i}") for i in range(len(cases))))
    for found, commit, (_, problem) in zip(results, commits, cases, strict=True):
        assert (found.commit, found.manifest) == (commit, None)
        assert problem in found.manifest_problem


async def test_a_manifest_that_is_a_link_is_not_followed(plugin: FakeRepository, look: Look) -> None:
    plugin.commit({}, links={"plugin.json": "/etc/passwd"})
    assert "isn't a plain file" in (await look.at("")).manifest_problem


async def test_a_server_without_filters_is_read_all_the_same(server: FakeGit, look: Look) -> None:
    plugin = server.repository(NAME, filters=False)
    old = plugin.commit(FILES)
    plugin.commit({"plugin.json": json.dumps({"id": "a", "x": "y" * 65536})})
    assert "larger than 64 KiB" in (await look.at("")).manifest_problem
    assert (await look.at(f" {old[:7]}")).manifest


async def test_large_files_are_not_fetched_and_a_large_repository_is_refused(
    plugin: FakeRepository, look: Look
) -> None:
    noise = "".join(f"{i * 2654435761 % 2**32:08x}" for i in range(50_000))
    plugin.commit(FILES | {"large.bin": noise})
    small = GitLimits(seconds=20, bytes=100_000, plain_http=look.limits.plain_http)
    assert (await look.at("", small)).manifest
    plugin.commit(FILES | {f"{i}.txt": noise[i * 8000 :][:8000] for i in range(50)})
    with pytest.raises(Unresolved, match="larger than I may fetch"):
        await look.at("", small)


async def test_a_missing_private_or_empty_repository_is_refused_for_good(server: FakeGit, look: Look) -> None:
    with pytest.raises(Unresolved, match="no such repository, or it isn't public"):
        await look.at("")
    server.statuses["/sue"] = 401
    with pytest.raises(Unresolved, match="no such repository, or it isn't public"):
        await look.at("")
    server.statuses.clear()
    server.repository(NAME)
    with pytest.raises(Unresolved, match="is empty"):
        await look.at("")


@pytest.mark.parametrize("status", [429, 503])
async def test_a_server_in_trouble_is_tried_again_later(server: FakeGit, look: Look, status: int) -> None:
    server.statuses["/sue"] = status
    with pytest.raises(Unreachable):
        await look.at("")


async def test_a_server_that_is_not_there_is_tried_again_later(tmp_path: Path) -> None:
    (tmp_path / "work").mkdir()
    limits = GitLimits(seconds=10, plain_http=frozenset({"127.0.0.1:9"}))
    with pytest.raises(Unreachable, match="can't be read at the moment"):
        await resolve(Reference("http://127.0.0.1:9/a/b", "default", ""), limits, tmp_path / "work")


async def test_a_web_page_is_not_a_repository(server: FakeGit, look: Look) -> None:
    server.pages["/sue"] = ("text/html", b"<html>\n<p>Sue</p>\n</html>\n")
    with pytest.raises(Unresolved, match="isn't a git repository"):
        await look.at("")


async def test_a_renamed_repository_is_followed_and_named_anew(server: FakeGit, look: Look) -> None:
    sha = server.repository("new/name").commit(FILES)
    server.redirects[f"/{NAME}/"] = "/new/name.git/"
    found = await look.at("")
    assert (found.repository, found.commit) == (server.url("new/name"), sha)


@pytest.mark.parametrize("other", ["http://localhost:1/sue/plugin/", "https://127.0.0.1/a/b/", "ext::sh/", "/etc/"])
async def test_a_redirect_to_anywhere_else_is_not_followed(server: FakeGit, look: Look, other: str) -> None:
    server.redirects[f"/{NAME}/"] = other
    with pytest.raises(Unresolved, match="sends me on to another place"):
        await look.at("")
    assert set(server.requests) == {f"/{NAME}/info/refs"}


async def test_redirects_in_a_circle_end(server: FakeGit, look: Look) -> None:
    server.redirects |= {"/sue/plugin/": "/sue/other/", "/sue/other/": "/sue/plugin/"}
    with pytest.raises(Unresolved, match="redirects too often"):
        await look.at("")


@pytest.mark.parametrize(
    "repository",
    [
        "ext::sh -c touch% /tmp/pwned",
        "file:///etc",
        "/etc",
        "--upload-pack=touch pwned",
        "ssh://-oProxyCommand=touch pwned/x",
        "git://127.0.0.1/a/b",
        "https://127.0.0.1/a/b",
        "https://localhost/a/b",
        "http://127.0.0.1:1/a/b",
    ],
)
async def test_a_value_made_past_the_parser_is_refused_too(look: Look, repository: str) -> None:
    with pytest.raises(Unresolved):
        await resolve(Reference(repository, "default", ""), look.limits, look.workdir)
    assert look.server.requests == []


async def test_a_name_made_past_the_parser_is_refused_too(look: Look) -> None:
    for name in ("--upload-pack=x", "+main:main", "main:refs/heads/x", "a..b", "*", "^main", "", "a b", "a\nb"):
        for kind in get_args(Kind)[1:]:
            with pytest.raises(Unresolved):
                await resolve(Reference(look.server.url(NAME), kind, name), look.limits, look.workdir)
    assert look.server.requests == []


async def test_git_itself_refuses_every_other_protocol(tmp_path: Path) -> None:
    pwned = tmp_path / "pwned"
    for address in (f"ext::touch {pwned}", f"file://{tmp_path}", f"{tmp_path}", "ssh://git@127.0.0.1:1/x"):
        ended = await run_git(tmp_path, GitLimits(), "ls-remote", "--", address, url="https://github.com/a/b")
        assert ended.code
        assert "not allowed" in ended.err
    assert not pwned.exists()


def advertisement(refs: dict[str, str]) -> bytes:
    """Give what a server of the first protocol lists."""
    lines = ["# service=git-upload-pack\n", ""]
    lines += [
        f"{commit} {name}" + ("" if i else "\0agent=fake") + "\n" for i, (name, commit) in enumerate(refs.items())
    ]
    return b"".join(f"{len(line.encode()) + 4:04x}{line}".encode() if line else b"0000" for line in [*lines, ""])


async def test_more_refs_than_can_be_read_are_refused(server: FakeGit, look: Look) -> None:
    refs = {f"refs/pull/{i}/{'x' * 200}": f"{i:040x}" for i in range(1, 75_000)}
    server.pages["/sue"] = ("application/x-git-upload-pack-advertisement", advertisement(refs))
    with pytest.raises(Unresolved, match="more branches, tags and pull requests than I can read"):
        await look.at("")


async def test_hostile_names_of_refs_reach_neither_git_nor_people(server: FakeGit, look: Look) -> None:
    names = ["refs/heads/$(id)", "refs/heads/--upload-pack=x", "refs/heads/@all", "refs/tags/V1.0`@all", "HEAD"]
    body = advertisement(dict.fromkeys(names, "1" * 40))
    server.pages["/sue"] = ("application/x-git-upload-pack-advertisement", body)
    with pytest.raises(Unresolved) as refusal:
        await look.at(" v2.0")
    assert "all" not in str(refusal.value)


async def test_a_server_that_lies_about_a_branch_is_not_believed(plugin: FakeRepository, look: Look) -> None:
    plugin.commit(FILES)
    body = advertisement({"HEAD": "1" * 40, "refs/heads/main": "1" * 40})
    look.server.pages[f"/{NAME}/info/refs"] = ("application/x-git-upload-pack-advertisement", body)
    with pytest.raises((Unresolved, Unreachable)):
        await look.at("")


async def test_a_silent_server_is_left_in_time_and_nothing_keeps_running(server: FakeGit, look: Look) -> None:
    server.hanging.add("/sue")
    began = time.monotonic()
    with pytest.raises(Unreachable, match=r"didn't answer within 0\.3 seconds"):
        await look.at("", GitLimits(seconds=0.3, plain_http=look.limits.plain_http))
    assert time.monotonic() - began < 3
    # the connection is held by git's helper, two processes further down
    await asyncio.wait_for(server.hung_up.wait(), 5)


async def test_a_cancelled_look_leaves_nothing_running(server: FakeGit, look: Look) -> None:
    server.hanging.add("/sue")
    task = asyncio.create_task(look.at(""))
    await asyncio.wait_for(server.asked.wait(), 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(server.hung_up.wait(), 5)


@pytest.mark.parametrize(
    ("address", "public"),
    [
        ("140.82.121.3", True),
        ("2606:50c0:8000::153", True),
        ("127.0.0.1", False),
        ("10.1.2.3", False),
        ("169.254.169.254", False),
        ("100.64.0.1", False),
        ("0.0.0.0", False),  # noqa: S104 - nothing is bound to it
        ("224.0.0.1", False),
        ("::1", False),
        ("fd00::1", False),
        ("fe80::1%eth0", False),
        ("::ffff:127.0.0.1", False),
        ("::ffff:140.82.121.3", True),
        ("64:ff9b::10.1.2.3", False),
        ("64:ff9b::140.82.121.3", True),
        ("2002:a01:203::1", False),
    ],
)
def test_only_addresses_of_the_public_internet_are_asked(address: str, *, public: bool) -> None:
    assert is_public(address) is public
