"""Commits written out from a real git server: exactly what they say, whatever they try."""

import asyncio
import os
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest
from fake_git import FakeGit, FakeRepository, fake_git
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mmbot.github.checkout import GitLimits, Unreachable, Unresolved, checkout

NAME = "sue/plugin"
HOSTILE = """* text eol=crlf ident filter=evil working-tree-encoding=UTF-16 export-subst
secret export-ignore
[attr]strange filter=evil text
*.go strange
"""


@pytest.fixture
async def server(tmp_path: Path) -> AsyncIterator[FakeGit]:
    (tmp_path / "work").mkdir()
    async with fake_git(tmp_path / "repositories") as running:
        yield running
    assert {path.name for path in (tmp_path / "work").iterdir()} <= {"source"}  # nothing else is left behind


@pytest.fixture
def plugin(server: FakeGit) -> FakeRepository:
    return server.repository(NAME)


class Checkout:
    """Writes commits of the one repository out."""

    def __init__(self, server: FakeGit, work: Path) -> None:
        self.url, self.into = server.url(NAME), work / "source"
        self.limits = GitLimits(seconds=20, plain_http=frozenset({server.host}))

    async def of(self, commit: str, limits: GitLimits | None = None) -> dict[str, bytes]:
        await checkout(self.url, commit, limits or self.limits, self.into)
        files = (path for path in self.into.rglob("*") if path.is_file())
        return {str(path.relative_to(self.into)): path.read_bytes() for path in files}


@pytest.fixture
def out(server: FakeGit, tmp_path: Path) -> Checkout:
    return Checkout(server, tmp_path / "work")


async def test_a_private_repository_is_read_with_a_token_that_goes_nowhere_else(
    server: FakeGit, plugin: FakeRepository, out: Checkout
) -> None:
    commit = plugin.commit({"code": "secret"})
    server.private["/sue/"] = "Basic eC1hY2Nlc3MtdG9rZW46dG9rZW4="
    with pytest.raises(Unresolved, match="it isn't public"):
        await out.of(commit)
    for private in (f"http://{server.host}/su", f"http://{server.host}/other"):
        with pytest.raises(Unresolved):
            await out.of(commit, replace(out.limits, private=private, token="token"))
    limits = replace(out.limits, private=f"http://{server.host}/sue", token="token")
    assert await out.of(commit, limits) == {"code": b"secret"}
    assert "token=" not in repr(limits)


def tree(plugin: FakeRepository, *rows: tuple[str, str, str]) -> str:
    """Commit a tree of (mode, object, name) as it is, however malformed."""
    content = b"".join(f"{mode} {name}\0".encode() + bytes.fromhex(sha) for mode, sha, name in rows)
    made = plugin.git("hash-object", "-t", "tree", "-w", "--stdin", "--literally", stdin=content)
    commit = plugin.git("-c", "user.name=s", "-c", "user.email=s@example.org", "commit-tree", "-m", "x", made)
    plugin.ref("refs/heads/main", commit)
    return commit


def blob(plugin: FakeRepository, content: bytes) -> str:
    return plugin.git("hash-object", "-w", "--stdin", stdin=content)


async def test_the_files_are_those_of_the_commit_and_no_attribute_changes_them(
    plugin: FakeRepository, out: Checkout
) -> None:
    files = {
        ".gitattributes": HOSTILE.encode(),
        "main.go": b"package main // $Id$ $Format:%H$\n",
        "secret": b"a\r\nb\n",
        "a b/-rf": bytes(range(256)),
        ".gitmodules": b'[submodule "x"]\n\tpath = x\n\turl = ext::sh -c touch% /tmp/evil\n',
        "hooks/post-checkout": b"#!/bin/sh\ntouch evil\n",
        "config": b"[core]\n\tfsmonitor = touch evil\n",
        "empty": b"",
    }
    first = plugin.commit(files)
    plugin.commit({"later": "x"})
    assert await out.of(first) == files
    assert not (out.into / ".git").exists()


async def test_modes_and_links_are_kept_and_submodules_stay_empty(plugin: FakeRepository, out: Checkout) -> None:
    script, place, way = blob(plugin, b"#!/bin/sh\n"), blob(plugin, b"run.sh"), blob(plugin, b"../lib/run.sh")
    sub = plugin.git("mktree", stdin=f"120000 blob {way}\tup\n".encode())
    lib = plugin.git("mktree", stdin=f"100644 blob {script}\trun.sh\n".encode())
    commit = tree(
        plugin,
        ("40000", sub, "a"),
        ("120000", blob(plugin, b"a"), "b"),
        ("120000", blob(plugin, b"nowhere"), "c"),
        ("40000", lib, "lib"),
        ("120000", place, "link"),
        ("100755", script, "run.sh"),
        ("160000", "1" * 40, "sub"),
    )
    await out.of(commit)
    assert os.access(out.into / "run.sh", os.X_OK)
    assert not os.access(out.into / "lib/run.sh", os.X_OK)
    assert (out.into / "link").readlink() == Path("run.sh")
    assert (out.into / "b/up").read_bytes() == b"#!/bin/sh\n"
    assert (out.into / "c").is_symlink()
    assert list((out.into / "sub").iterdir()) == []


@pytest.mark.parametrize(
    "links",
    [
        {"x": "/etc/passwd"},
        {"x": "../outside"},
        {"a/b": "../../outside"},
        {"x": "."} | {"y": "x/../../outside"},
        {"a/b/up": "../.."} | {"x": "a/b/up/../outside"},
        {"x": "nowhere/../../outside"},
        {"x": "y" * 2000},
    ],
)
async def test_a_link_that_leads_out_is_refused(plugin: FakeRepository, out: Checkout, links: dict[str, str]) -> None:
    with pytest.raises(Unresolved, match="symbolic link that leads out"):
        await out.of(plugin.commit({"file": "x"}, links=links))
    assert not out.into.exists()


@pytest.mark.parametrize("name", [".git", ".GIT", "..", ".", "a/b", "git~1", ".g\u200cit", ".git::$INDEX_ALLOCATION"])
async def test_names_that_would_write_elsewhere_are_refused(plugin: FakeRepository, out: Checkout, name: str) -> None:
    inner = plugin.git("mktree", stdin=f"100644 blob {blob(plugin, b'[core]')}\tconfig\n".encode())
    with pytest.raises(Unresolved, match=r"malformed|refuses to write"):
        await out.of(tree(plugin, ("40000", inner, name)))
    assert not out.into.exists()


async def test_a_name_that_is_both_a_link_and_a_folder_writes_nothing_through_it(
    plugin: FakeRepository, out: Checkout, tmp_path: Path
) -> None:
    inner = plugin.git("mktree", stdin=f"100644 blob {blob(plugin, b'evil')}\tx\n".encode())
    with pytest.raises(Unresolved):
        await out.of(tree(plugin, ("120000", blob(plugin, str(tmp_path).encode()), "a"), ("40000", inner, "a")))
    assert not (tmp_path / "x").exists()


async def test_what_is_too_large_is_refused_before_it_is_written(plugin: FakeRepository, out: Checkout) -> None:
    limits = GitLimits(seconds=20, bytes=2**20, plain_http=out.limits.plain_http)
    with pytest.raises(Unresolved, match="larger than I may write"):
        await out.of(plugin.commit({f"{number}": bytes(2**18) for number in range(5)}), limits)
    level = plugin.git("mktree", stdin=f"100644 blob {blob(plugin, b'x')}\tfile\n".encode())
    for _ in range(8):
        rows = "".join(f"040000 tree {level}\t{'x' * 20}{number}\n" for number in range(10))
        level = plugin.git("mktree", stdin=rows.encode())
    with pytest.raises(Unresolved, match="larger than I may write"):
        await out.of(tree(plugin, ("40000", level, "bomb")))


async def test_only_a_whole_commit_of_a_repository_is_taken(plugin: FakeRepository, out: Checkout) -> None:
    commit = plugin.commit({"a": "a"})
    for wrong in ("", commit[:7], "HEAD", "--upload-pack=touch evil", commit.upper(), commit + "\n"):
        with pytest.raises(Unresolved, match="isn't a whole commit"):
            await out.of(wrong)
    with pytest.raises(Unresolved, match="no such commit"):
        await out.of("1" * 40)
    with pytest.raises(Unresolved):
        await out.of(plugin.git("rev-parse", f"{commit}:a"))
    plugin.tag("v1.0.0", commit, annotated=True)
    with pytest.raises(Unresolved, match="isn't a commit"):
        await out.of(plugin.git("rev-parse", "v1.0.0"))
    for url in (
        "ext::sh -c evil",
        "file:///etc",
        "--upload-pack=evil",
        f"{out.url}/tree/main",
        "http://example.org/a/b",
    ):
        with pytest.raises(Unresolved):
            await checkout(url, commit, out.limits, out.into)
    await out.of(commit)
    with pytest.raises(FileExistsError):
        await out.of(commit)


async def test_a_commit_that_no_branch_holds_any_more_is_still_that_commit(
    plugin: FakeRepository, out: Checkout
) -> None:
    gone = plugin.commit({"a": "old"}, on="refs/heads/gone")
    plugin.commit({"a": "new"})
    plugin.git("update-ref", "-d", "refs/heads/gone")
    assert await out.of(gone) == {"a": b"old"}


async def test_a_server_that_fails_or_hangs_is_asked_again_later(
    server: FakeGit, plugin: FakeRepository, out: Checkout
) -> None:
    commit = plugin.commit({"a": "a"})
    server.statuses[f"/{NAME}/git-upload-pack"] = 503
    with pytest.raises(Unreachable):
        await out.of(commit)
    server.statuses.clear()
    server.hanging.add(f"/{NAME}/git-upload-pack")
    with pytest.raises(Unreachable, match="didn't answer"):
        await out.of(commit, GitLimits(seconds=0.5, plain_http=out.limits.plain_http))
    server.hung_up.clear()
    server.asked.clear()
    task = asyncio.create_task(out.of(commit))
    await asyncio.wait_for(server.asked.wait(), 5)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    await asyncio.wait_for(server.hung_up.wait(), 5)


@settings(max_examples=8, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names=st.sets(st.binary(min_size=1, max_size=20), min_size=1, max_size=5), content=st.binary(max_size=50))
async def test_any_name_that_git_takes_is_written_or_refused(
    plugin: FakeRepository, out: Checkout, names: set[bytes], content: bytes
) -> None:
    sha = bytes.fromhex(blob(plugin, content))
    rows = sorted(name.replace(b"\0", b"x").replace(b"/", b"y") for name in names)
    made = plugin.git(
        *("hash-object", "-t", "tree", "-w", "--stdin", "--literally"),
        stdin=b"".join(b"100644 " + name + b"\0" + sha for name in dict.fromkeys(rows)),
    )
    commit = plugin.git("-c", "user.name=s", "-c", "user.email=s@example.org", "commit-tree", "-m", "x", made)
    plugin.ref("refs/heads/main", commit)
    into = out.into
    try:
        await out.of(commit)
        assert {os.fsencode(path.name) for path in into.iterdir()} == set(rows)
        assert all(path.read_bytes() == content for path in into.iterdir())
    except Unresolved:
        assert not into.exists()
    else:
        for path in into.iterdir():
            path.unlink()
        into.rmdir()
