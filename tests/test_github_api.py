"""GitHub's API as it is used: against a small real server over real repositories, with its faults."""

import asyncio
import hashlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp
import pytest
from aiohttp import web
from fake_git import FakeRepository
from fake_github import TOKEN, FakeGitHub, broken, fake_github, too_fast, too_often
from hypothesis import given
from hypothesis import strategies as st

from mmbot.github.api import GitHubUnavailable, Hub, RefusedByGitHub, repository_name
from mmbot.github.proposals import Moved, Proposal, blob_sha, propose, read_file
from mmbot.github.releases import (
    Asset,
    AssetDiffers,
    BadRelease,
    bundle_asset,
    download,
    mark_prerelease,
    release,
    upload_asset,
)
from mmbot.github.tags import TagElsewhere, branch_of, default_branch_tip, make_tag, tag, tree_of

NAME = "mattermost/mattermost-plugin-remind"
DATABASE = b'[\n  {"id": "a", "name": "\xc3\xa4"}\n]\n'
CHANGED = DATABASE.replace(b'"a"', b'"b"')
BRANCH = "mmbot/remind-v1.0.0"
LABELS = ("2: Dev Review", "3: QA Review")
UNKNOWN = "1" * 40


@asynccontextmanager
async def world(root: Path) -> AsyncIterator[tuple[FakeGitHub, Hub, FakeRepository]]:
    """A GitHub with one repository, and the way we look at it."""
    root.mkdir(parents=True)  # noqa: ASYNC240 - a test waits for nothing else
    async with fake_github(root) as github, aiohttp.ClientSession() as session:
        repository = github.git.repository(NAME)
        repository.commit({"plugin.json": "{}", "data/plugins.json": DATABASE, "run.sh": "#!/bin/sh\n"})
        yield github, Hub(session, TOKEN, github.api), repository


@pytest.fixture
async def place(tmp_path: Path) -> AsyncIterator[tuple[FakeGitHub, Hub, FakeRepository]]:
    async with world(tmp_path / "git") as made:
        yield made


Place = tuple[FakeGitHub, Hub, FakeRepository]


def nothing(_done: int, _of: int) -> None:
    """Take no notice of progress."""


def files(folder: Path) -> list[str]:
    """What lies in a folder beside the repositories."""
    return [x.name for x in folder.iterdir() if x.is_file()]


def main(repository: FakeRepository) -> str:
    return repository.refs()["refs/heads/main"]


def child(repository: FakeRepository, parent: str, tree: str) -> str:
    """A commit that is on no branch."""
    text = f"tree {tree}\nparent {parent}\nauthor A <a@b.c> 1 +0000\ncommitter A <a@b.c> 1 +0000\n\nx\n"
    return repository.git("hash-object", "-t", "commit", "-w", "--stdin", stdin=text.encode())


async def losing_each_answer(
    root: Path, prepare: Callable[[Place], object], call: Callable[[Place], Awaitable[object]], check: Callable[[Place], object]
) -> int:  # fmt: skip
    """Lose the answer to the first request, call again and check; then the second, and so on. Gives how many requests a call makes."""
    for number in range(1, 50):
        async with world(root / str(number)) as place:
            prepare(place)
            place[0].lose = number
            try:
                await call(place)
            except GitHubUnavailable:
                assert not place[0].lose
            lost, place[0].lose = not place[0].lose, 0
            await call(place)
            check(place)
            if not lost:
                return number - 1
    raise AssertionError("it never comes to an end")


# Tags


async def test_a_tag_gives_its_commit_be_it_annotated_or_not(place: Place) -> None:
    _, hub, repository = place
    commit = main(repository)
    repository.tag("v1.0.0", commit)
    repository.tag("v1.1.0", commit, annotated=True)
    repository.tag("v1.2.0", repository.refs()["refs/tags/v1.1.0"], annotated=True)
    assert [await tag(hub, NAME, x) for x in ("v1.0.0", "v1.1.0", "v1.2.0", "v1", "v2.0.0")] == [commit] * 3 + [""] * 2


async def test_a_tag_that_is_at_no_commit_is_refused(place: Place) -> None:
    _, hub, repository = place
    repository.tag("v1.0.0", repository.git("rev-parse", "main:plugin.json"))
    with pytest.raises(RefusedByGitHub, match="isn't at a commit"):
        await tag(hub, NAME, "v1.0.0")


async def test_no_tag_in_a_repository_that_cannot_be_seen_is_no_missing_tag(place: Place) -> None:
    github, hub, _ = place
    github.git.repository("mattermost/empty")
    assert await tag(hub, "mattermost/empty", "v1.0.0") == ""
    with pytest.raises(RefusedByGitHub, match="Check the name"):
        await tag(hub, "mattermost/nowhere", "v1.0.0")


async def test_a_tag_is_made_once_and_left_where_it_is(place: Place) -> None:
    _, hub, repository = place
    old, new = main(repository), repository.commit({"plugin.json": "{ }"})
    await make_tag(hub, NAME, "v1.0.0", old, replace=False)
    await make_tag(hub, NAME, "v1.0.0", old, replace=False)
    with pytest.raises(TagElsewhere) as there:
        await make_tag(hub, NAME, "v1.0.0", new, replace=False)
    assert there.value.commit == old
    assert repository.refs()["refs/tags/v1.0.0"] == old
    await make_tag(hub, NAME, "v1.0.0", new, replace=True)
    assert repository.refs()["refs/tags/v1.0.0"] == new


async def test_an_annotated_tag_at_the_commit_is_the_tag(place: Place) -> None:
    github, hub, repository = place
    repository.tag("v1.0.0", main(repository), annotated=True)
    before = repository.refs()
    await make_tag(hub, NAME, "v1.0.0", main(repository), replace=True)
    assert repository.refs() == before
    assert all(x.startswith("GET") for x in github.requests)


async def test_a_tag_cannot_be_made_at_a_commit_that_is_not_there(place: Place) -> None:
    _, hub, _ = place
    with pytest.raises(RefusedByGitHub, match="Object does not exist"):
        await make_tag(hub, NAME, "v1.0.0", UNKNOWN, replace=False)


async def test_somebody_who_is_quicker_with_the_tag_is_not_overwritten(place: Place) -> None:
    github, hub, repository = place
    old, new = main(repository), repository.commit({"plugin.json": "{ }"})

    def meanwhile() -> web.Response:
        repository.tag("v1.0.0", old)
        return web.json_response({"message": "Not Found"}, status=404)

    github.instead = [meanwhile]
    with pytest.raises(TagElsewhere) as there:
        await make_tag(hub, NAME, "v1.0.0", new, replace=False)
    assert there.value.commit == old
    github.instead = [lambda: web.json_response({"message": "Not Found"}, status=404)]
    await make_tag(hub, NAME, "v1.0.0", old, replace=False)


@pytest.mark.parametrize("replace", [False, True])
async def test_whichever_answer_is_lost_the_tag_is_made(tmp_path: Path, replace: bool) -> None:  # noqa: FBT001 - a case
    def prepare(place: Place) -> None:
        old = main(place[2])
        place[2].commit({"plugin.json": "{ }"})
        if replace:
            place[2].tag("v1.0.0", old)

    async def call(place: Place) -> None:
        await make_tag(place[1], NAME, "v1.0.0", main(place[2]), replace=replace)

    def check(place: Place) -> None:
        assert place[2].refs()["refs/tags/v1.0.0"] == main(place[2])
        assert sum(x.startswith(("POST", "PATCH")) for x in place[0].requests) == 1

    assert await losing_each_answer(tmp_path, prepare, call, check) == 2 + (not replace)


# Commits and whose they are


async def test_the_default_branch_tells_its_tip(place: Place) -> None:
    _, hub, repository = place
    assert await default_branch_tip(hub, NAME) == ("main", main(repository))


async def test_a_commit_of_an_own_branch_has_its_tree(place: Place) -> None:
    github, hub, repository = place
    first, side = main(repository), repository.commit({"plugin.json": "[]"}, on="refs/heads/side")
    old = repository.commit({"plugin.json": "{}"}, on="refs/heads/release-1")
    newer = repository.commit({"plugin.json": "{ }"}, on="refs/heads/release-1")
    repository.commit({"plugin.json": "{ }"})
    assert await tree_of(hub, NAME, first) == repository.git("rev-parse", f"{first}^{{tree}}")
    assert [await branch_of(hub, NAME, x) for x in (first, side, newer, old)] == ["main", "side", "release-1", ""]
    github.protected.add((NAME, "release-1"))
    assert await branch_of(hub, NAME, old) == "release-1"


async def test_a_commit_of_somebody_elses_fork_is_none_of_the_repository(place: Place) -> None:
    github, hub, repository = place
    evil = repository.commit({"plugin.json": "{}", "evil.go": "package main"}, on="refs/pull/1/head")
    stray = repository.commit({"plugin.json": "evil"}, on="refs/elsewhere/main")
    on_top = repository.commit({"plugin.json": "{}"})
    above = child(repository, on_top, repository.git("rev-parse", f"{evil}^{{tree}}"))
    for commit in (evil, stray, above, UNKNOWN):
        assert await tree_of(hub, NAME, commit) == ""
        assert await branch_of(hub, NAME, commit) == ""
    # …although GitHub shows it under this repository's address:
    assert (await hub.ask("GET", "/git/commits/{c}", repository=NAME, may="", c=evil))["tree"]["sha"]
    assert f"GET /repos/{NAME}/compare/{on_top}...{evil}" in github.requests


async def test_a_tag_named_as_the_branch_does_not_vouch_for_a_commit(place: Place) -> None:
    _, hub, repository = place
    evil = repository.commit({"plugin.json": "evil"}, on="refs/elsewhere/main")
    repository.tag("main", evil)
    assert await branch_of(hub, NAME, evil) == ""


# Releases


async def test_a_bundle_is_there_when_its_upload_is_done(place: Place) -> None:
    github, hub, _ = place
    assert await release(hub, NAME, "v1.0.0") is None
    assert await bundle_asset(hub, NAME, "v1.0.0") is None
    made = github.release(NAME, "v1.0.0", polls=1)
    github.attach(made, "remind-1.0.0.tar.gz", b"bundle", polls=2)
    found = [await bundle_asset(hub, NAME, "v1.0.0") for _ in range(4)]
    assert found[:3] == [None] * 3
    assert found[3] == Asset(
        id=2, name="remind-1.0.0.tar.gz", size=6, digest=f"sha256:{hashlib.sha256(b'bundle').hexdigest()}"
    )
    whole = await release(hub, NAME, "v1.0.0")
    assert whole
    assert (whole.prerelease, whole.html_url) == (False, f"{github.address}/{NAME}/releases/tag/v1.0.0")


async def test_a_bundle_from_before_the_tag_was_moved_is_not_taken(place: Place) -> None:
    github, hub, repository = place
    made = github.release(NAME, "v1.0.0")
    github.attach(made, "remind.tar.gz", b"of the old commit")
    repository.tag("v1.0.0", main(repository))
    before = await release(hub, NAME, "v1.0.0")
    assert before

    async def build(_name: str, _tag: str, _commit: str) -> None:
        made.assets.clear()
        github.attach(made, "remind.tar.gz", b"of the new commit", polls=1)

    old = [x.id for x in before.assets]
    assert await bundle_asset(hub, NAME, "v1.0.0", but=old) is None
    github.on_tag = build
    await make_tag(hub, NAME, "v1.0.0", repository.commit({"plugin.json": "{ }"}), replace=True)
    assert await bundle_asset(hub, NAME, "v1.0.0", but=old) is None
    found = await bundle_asset(hub, NAME, "v1.0.0", but=old)
    assert found
    assert found.size == len(b"of the new commit")


async def test_a_draft_is_no_release(place: Place) -> None:
    github, hub, _ = place
    github.attach(github.release(NAME, "v1.0.0", draft=True), "remind.tar.gz", b"bundle")
    assert await bundle_asset(hub, NAME, "v1.0.0") is None


async def test_signatures_bundles_of_a_platform_and_other_files_are_not_the_bundle(place: Place) -> None:
    github, hub, _ = place
    made = github.release(NAME, "v1.0.0")
    names = [
        "a-v1.0.0-linux-amd64.tar.gz",
        "a-v1.0.0-osx-amd64.tar.gz",
        "a-v1.0.0-darwin-arm64.tar.gz",
        "a.tar.gz.sig",
        "a.zip",
        "A.tar.gz",
    ]
    for name in names:
        github.attach(made, name, b"x")
    found = await bundle_asset(hub, NAME, "v1.0.0")
    assert found
    assert found.name == "A.tar.gz"
    github.attach(made, "linux-amd64.tar.gz.tar.gz", b"x")
    with pytest.raises(BadRelease):
        await bundle_asset(hub, NAME, "v1.0.0")


async def test_of_several_bundles_one_must_be_named(place: Place) -> None:
    github, hub, _ = place
    made = github.release(NAME, "v1.0.0")
    for number in range(8):
        github.attach(made, f"b{number}`@all`.tar.gz", b"x", state="starter" if number else "uploaded")
    with pytest.raises(BadRelease) as bad:
        await bundle_asset(hub, NAME, "v1.0.0")
    assert str(bad.value) == (
        "The release `v1.0.0` has 8 bundles: `b0'@all'.tar.gz`, `b1'@all'.tar.gz`, `b2'@all'.tar.gz`, `b3'@all'.tar.gz`, "
        "`b4'@all'.tar.gz` and 3 more. Say which one with `--asset-name`."
    )
    found = await bundle_asset(hub, NAME, "v1.0.0", "b0`@all`.tar.gz")
    assert found
    assert found.name == "b0`@all`.tar.gz"
    assert await bundle_asset(hub, NAME, "v1.0.0", "b1`@all`.tar.gz") is None
    assert await bundle_asset(hub, NAME, "v1.0.0", "c.tar.gz") is None


async def test_a_release_of_many_files_is_read_to_its_end(place: Place) -> None:
    github, hub, _ = place
    made = github.release(NAME, "v1.0.0")
    for number in range(130):
        github.attach(made, f"{number}.txt", b"x")
    found = await release(hub, NAME, "v1.0.0")
    assert found
    assert [x.name for x in found.assets] == [f"{x}.txt" for x in range(130)]


@pytest.mark.parametrize("digests", [True, False])
async def test_a_download_is_whole_and_the_storage_never_sees_the_token(
    place: Place, tmp_path: Path, digests: bool  # noqa: FBT001 - a case
) -> None:  # fmt: skip
    github, hub, _ = place
    github.digests = digests
    content = bytes(range(256)) * 4000
    github.attach(github.release(NAME, "v1.0.0"), "a.tar.gz", content)
    asset = await bundle_asset(hub, NAME, "v1.0.0")
    assert asset
    said: list[tuple[int, int]] = []
    path = tmp_path / "a.tar.gz"
    for _ in range(2):
        sha256 = await download(hub, NAME, asset, path, 2**20, lambda done, of: said.append((done, of)))
        assert sha256 == hashlib.sha256(path.read_bytes()).hexdigest() == hashlib.sha256(content).hexdigest()
        assert said[-1] == (len(content), len(content))
    assert len(github.fetched) == (1 if digests else 2)
    assert not any("Authorization" in headers or TOKEN in str(headers) for headers in github.fetched)
    assert files(tmp_path) == ["a.tar.gz"]


async def test_a_file_with_other_content_is_fetched_anew(place: Place, tmp_path: Path) -> None:
    github, hub, _ = place
    github.attach(github.release(NAME, "v1.0.0"), "a.tar.gz", b"right")
    asset = await bundle_asset(hub, NAME, "v1.0.0")
    assert asset
    path = tmp_path / "a.tar.gz"
    path.write_bytes(b"wrong")
    (tmp_path / ".a.tar.gz.part").write_bytes(b"left by a crash, and longer")
    await download(hub, NAME, asset, path, 100, nothing)
    assert path.read_bytes() == b"right"


async def test_a_download_that_breaks_off_leaves_nothing_and_is_tried_again(place: Place, tmp_path: Path) -> None:
    github, hub, _ = place
    github.half = 1
    github.attach(github.release(NAME, "v1.0.0"), "a.tar.gz", b"0123456789" * 1000)
    asset = await bundle_asset(hub, NAME, "v1.0.0")
    assert asset
    path = tmp_path / "a.tar.gz"
    with pytest.raises(GitHubUnavailable):
        await download(hub, NAME, asset, path, 2**20, nothing)
    assert not files(tmp_path)
    await download(hub, NAME, asset, path, 2**20, nothing)
    assert path.stat().st_size == 10_000


async def test_a_download_can_be_cancelled(place: Place, tmp_path: Path) -> None:
    github, hub, _ = place
    github.gate = asyncio.Event()
    github.attach(github.release(NAME, "v1.0.0"), "a.tar.gz", b"0123456789" * 1000)
    asset = await bundle_asset(hub, NAME, "v1.0.0")
    assert asset
    job = asyncio.create_task(download(hub, NAME, asset, tmp_path / "a.tar.gz", 2**20, nothing))
    await github.waiting.wait()
    job.cancel()
    with pytest.raises(asyncio.CancelledError):
        await job
    assert not files(tmp_path)


@pytest.mark.parametrize(
    "wrong", [{"size": 9}, {"size": 11}, {"digest": f"sha256:{'0' * 64}"}], ids=["larger", "smaller", "other content"]
)
async def test_what_is_not_as_announced_is_not_kept(place: Place, tmp_path: Path, wrong: dict[str, object]) -> None:
    github, hub, _ = place
    github.attach(github.release(NAME, "v1.0.0"), "a.tar.gz", b"0123456789")
    asset = await bundle_asset(hub, NAME, "v1.0.0")
    assert asset
    with pytest.raises(GitHubUnavailable, match="announced"):
        await download(hub, NAME, asset.model_copy(update=wrong), tmp_path / "a.tar.gz", 100, nothing)
    assert not files(tmp_path)


async def test_an_asset_that_is_too_large_or_gone_is_refused(place: Place, tmp_path: Path) -> None:
    github, hub, _ = place
    made = github.release(NAME, "v1.0.0")
    github.attach(made, "a.tar.gz", b"0123456789")
    asset = await bundle_asset(hub, NAME, "v1.0.0")
    assert asset
    with pytest.raises(BadRelease, match="the most that I take"):
        await download(hub, NAME, asset, tmp_path / "a", 9, nothing)
    made.assets.clear()
    with pytest.raises(BadRelease, match="taken away or replaced"):
        await download(hub, NAME, asset, tmp_path / "a", 100, nothing)


@pytest.mark.parametrize("status", [403, 404, 503])
async def test_what_the_storage_refuses_is_not_taken_for_a_refusal_of_the_token(
    place: Place, tmp_path: Path, status: int
) -> None:
    github, hub, _ = place
    github.closed = status
    github.attach(github.release(NAME, "v1.0.0"), "a.tar.gz", b"0123456789")
    asset = await bundle_asset(hub, NAME, "v1.0.0")
    assert asset
    with pytest.raises(GitHubUnavailable, match=f"storage doesn't give the file at the moment .{status}"):
        await download(hub, NAME, asset, tmp_path / "a", 100, nothing)


async def test_the_way_to_the_storage_is_followed_neither_to_other_protocols_nor_for_ever(
    place: Place, tmp_path: Path
) -> None:
    github, hub, _ = place
    asset = Asset(id=1, name="a", size=1)
    for where, error in (
        ("ftp://example.org/a", RefusedByGitHub),
        ("file:///etc/passwd", RefusedByGitHub),
        ("", GitHubUnavailable),
    ):
        github.instead = [lambda where=where: web.Response(status=302, headers={"Location": where})] * 4  # type: ignore[misc]
        with pytest.raises(error):
            await download(hub, NAME, asset, tmp_path / "a", 100, nothing)
        github.instead = []


@pytest.mark.parametrize("digests", [True, False])
async def test_a_signature_is_attached_once(place: Place, tmp_path: Path, digests: bool) -> None:  # noqa: FBT001 - a case
    github, hub, _ = place
    github.digests = digests
    made = github.release(NAME, "v1.0.0+1")
    path = tmp_path / "remind-v1.0.0+1.tar.gz.sig"
    path.write_bytes(b"signature")
    for _ in range(2):
        await upload_asset(hub, NAME, "v1.0.0+1", path, replace=False)
    assert [(x.name, x.content) for x in made.assets] == [(path.name, b"signature")]
    for other in (b"signaturE", b"longer signature"):
        path.write_bytes(other)
        with pytest.raises(AssetDiffers, match="has another"):
            await upload_asset(hub, NAME, "v1.0.0+1", path, replace=False)
    await upload_asset(hub, NAME, "v1.0.0+1", path, replace=True)
    assert [(x.name, x.content) for x in made.assets] == [(path.name, b"longer signature")]


async def test_what_an_upload_left_behind_is_replaced(place: Place, tmp_path: Path) -> None:
    github, hub, _ = place
    made = github.release(NAME, "v1.0.0")
    github.attach(made, "a.sig", b"", state="starter")
    path = tmp_path / "a.sig"
    path.write_bytes(b"signature")
    await upload_asset(hub, NAME, "v1.0.0", path, replace=False)
    assert made.asset("a.sig").content == b"signature"


async def test_a_signature_needs_a_release(place: Place, tmp_path: Path) -> None:
    _, hub, _ = place
    path = tmp_path / "a.sig"
    path.write_bytes(b"signature")
    with pytest.raises(BadRelease, match=r"no release `v1\.0\.0`"):
        await upload_asset(hub, NAME, "v1.0.0", path, replace=False)
    with pytest.raises(BadRelease, match=r"no release `v1\.0\.0`"):
        await mark_prerelease(hub, NAME, "v1.0.0")


async def test_the_token_is_sent_only_to_github_whatever_address_it_gives(place: Place, tmp_path: Path) -> None:
    github, hub, _ = place
    path = tmp_path / "a.sig"
    path.write_bytes(b"signature")
    for address in (
        f"{github.storage}/1",
        f"{github.storage}/@{github.git.host}/",
        f"https://{github.git.host}/x",
        "http://[bad",
    ):
        row = {"id": 1, "assets": [], "upload_url": f"{address}{{?name,label}}"}
        github.instead = [lambda row=row: web.json_response(row)]  # type: ignore[misc]
        with pytest.raises(RefusedByGitHub, match=r"github\.api"):
            await upload_asset(hub, NAME, "v1.0.0", path, replace=False)
    assert not github.fetched


@pytest.mark.parametrize("before", ["nothing", "starter", "other"])
async def test_whichever_answer_is_lost_the_signature_is_attached_once(tmp_path: Path, before: str) -> None:
    path = tmp_path / "a.sig"
    path.write_bytes(b"signature")

    def prepare(place: Place) -> None:
        made = place[0].release(NAME, "v1.0.0")
        place[0].attach(made, "a.tar.gz", b"bundle")
        if before != "nothing":
            place[0].attach(made, "a.sig", b"other", state="starter" if before == "starter" else "uploaded")

    async def call(place: Place) -> None:
        await upload_asset(place[1], NAME, "v1.0.0", path, replace=before == "other")

    def check(place: Place) -> None:
        assert [(x.name, x.content) for x in place[0].releases[0].assets] == [
            ("a.tar.gz", b"bundle"),
            ("a.sig", b"signature"),
        ]

    requests = await losing_each_answer(tmp_path / "git", prepare, call, check)
    assert requests == (2 if before == "nothing" else 3)


async def test_a_release_is_marked_as_a_prerelease_once(place: Place) -> None:
    github, hub, _ = place
    made = github.release(NAME, "v1.0.0")
    for _ in range(2):
        await mark_prerelease(hub, NAME, "v1.0.0")
    assert made.prerelease
    assert sum(x.startswith("PATCH") for x in github.requests) == 1


async def test_ci_may_attach_the_bundle_while_we_look(place: Place) -> None:
    github, hub, repository = place

    async def build(name: str, tag: str, commit: str) -> None:
        content = github.repository(name).git("rev-parse", f"{commit}^{{tree}}").encode()
        github.attach(github.release(name, tag, polls=2), f"remind-{tag}.tar.gz", content, polls=1)

    github.on_tag = build
    await make_tag(hub, NAME, "v1.0.0", main(repository), replace=False)
    found = [await bundle_asset(hub, NAME, "v1.0.0") for _ in range(5)]
    assert found[:3] == [None] * 3
    assert all(found[3:])


# Pull requests


PATH = "data/plugins.json"


async def ask_for_change(hub: Hub, old: str = blob_sha(DATABASE), content: bytes = CHANGED) -> Proposal:
    return await propose(hub, NAME, "main", BRANCH, PATH, old, content, "Add Remind 1.0.0", "Why: …", LABELS)


async def test_a_file_is_read_with_its_name_in_git(place: Place) -> None:
    _, hub, repository = place
    assert await read_file(hub, NAME, "main", PATH) == (DATABASE, repository.git("rev-parse", f"main:{PATH}"))
    large = bytes(range(256)) * 10_000
    repository.commit({"large": large}, on="refs/heads/other/branch")
    assert await read_file(hub, NAME, "other/branch", "large") == (large, blob_sha(large))


@pytest.mark.parametrize("path", ["plugins.json", "data", "data/plugins.json/x", "link", "data/x"])
async def test_a_file_that_is_not_there_or_no_plain_file_is_refused(place: Place, path: str) -> None:
    _, hub, repository = place
    repository.commit({"data/plugins.json": DATABASE}, links={"link": "data/plugins.json"})
    with pytest.raises(RefusedByGitHub, match="An administrator looks into `listing`"):
        await read_file(hub, NAME, "main", path)
    with pytest.raises(RefusedByGitHub, match="no branch `nowhere`"):
        await read_file(hub, NAME, "nowhere", path)


async def test_a_change_is_proposed_once_with_its_labels(place: Place) -> None:
    github, hub, repository = place
    before = main(repository)
    made = [await ask_for_change(hub) for _ in range(2)]
    (pull,) = github.pulls
    assert made == [Proposal(1, f"{github.address}/{NAME}/pull/1", "open")] * 2
    assert (pull.head, pull.base, pull.title, pull.body, tuple(pull.labels)) == (
        BRANCH,
        "main",
        "Add Remind 1.0.0",
        "Why: …",
        LABELS,
    )
    assert repository.git("rev-parse", f"{BRANCH}^") == before == main(repository)
    assert repository.blob(f"{BRANCH}:{PATH}") == CHANGED
    assert repository.git("diff", "--name-status", "main", BRANCH) == f"M\t{PATH}"


async def test_whichever_answer_is_lost_there_is_one_pull_request(tmp_path: Path) -> None:
    async def call(place: Place) -> None:
        await ask_for_change(place[1])

    def check(place: Place) -> None:
        (pull,) = place[0].pulls
        assert (pull.head, tuple(pull.labels), pull.state) == (BRANCH, LABELS, "open")
        assert place[2].blob(f"{BRANCH}:{PATH}") == CHANGED
        assert [x for x in place[2].refs() if x.startswith("refs/heads/")] == [
            "refs/heads/main",
            f"refs/heads/{BRANCH}",
        ]

    assert await losing_each_answer(tmp_path, lambda _: None, call, check) == 12


async def test_a_file_that_is_executable_stays_so_and_a_new_one_can_be_proposed(place: Place) -> None:
    _, hub, repository = place
    repository.git("update-ref", "refs/heads/main", executable(repository))
    await propose(hub, NAME, "main", "one", "run.sh", blob_sha(b"#!/bin/sh\n"), b"#!/bin/sh\nexit\n", "One", "", ())
    await propose(hub, NAME, "main", "two", "new/folder/file", "", b"new", "Two", "", ())
    assert repository.git("ls-tree", "one", "run.sh").startswith("100755 blob")
    assert repository.git("ls-tree", "two", "new/folder/file").startswith("100644 blob")
    with pytest.raises(Moved):
        await propose(hub, NAME, "main", "three", "run.sh", "", b"new", "Three", "", ())


def executable(repository: FakeRepository) -> str:
    rows = repository.git("ls-tree", "main").replace("100644 blob", "100755 blob")
    return child(repository, main(repository), repository.git("mktree", stdin=f"{rows}\n".encode()))


async def test_when_the_file_was_changed_meanwhile_the_change_is_made_anew(place: Place) -> None:
    github, hub, repository = place
    theirs = DATABASE.replace(b'"a"', b'"0"')
    repository.commit({PATH: theirs})
    with pytest.raises(Moved):
        await ask_for_change(hub)
    assert not github.pulls
    assert (await ask_for_change(hub, blob_sha(theirs))).state == "open"


async def test_a_branch_left_by_an_attempt_before_the_file_changed_is_replaced(place: Place) -> None:
    github, hub, repository = place
    github.tokens[TOKEN] = {"contents"}
    with pytest.raises(RefusedByGitHub, match="Pull requests: read and write"):
        await ask_for_change(hub)
    github.tokens[TOKEN] |= {"pull_requests"}
    assert f"refs/heads/{BRANCH}" in repository.refs()
    theirs = DATABASE.replace(b'"a"', b'"0"')
    tip = repository.commit({PATH: theirs})
    with pytest.raises(Moved):
        await ask_for_change(hub)
    await ask_for_change(hub, blob_sha(theirs), CHANGED + b"\n")
    assert repository.git("rev-parse", f"{BRANCH}^") == tip
    assert repository.blob(f"{BRANCH}:{PATH}") == CHANGED + b"\n"


async def test_somebody_elses_branch_of_that_name_is_left_alone(place: Place) -> None:
    github, hub, repository = place
    theirs = repository.commit({PATH: b"theirs"}, on=f"refs/heads/{BRANCH}")
    with pytest.raises(RefusedByGitHub, match="isn't mine"):
        await ask_for_change(hub)
    assert repository.refs()[f"refs/heads/{BRANCH}"] == theirs
    assert not github.pulls


async def test_a_branch_that_comes_late_is_found_the_next_time(place: Place) -> None:
    github, hub, repository = place
    await ask_for_change(hub)
    theirs = repository.refs()[f"refs/heads/{BRANCH}"]
    github.pulls.clear()
    absent = lambda: web.json_response({"message": "Not Found"}, status=404)  # noqa: E731 - it is a word
    github.once[f"GET /repos/{NAME}/git/ref/heads/{BRANCH}"] = absent
    with pytest.raises(GitHubUnavailable, match="has come meanwhile"):
        await ask_for_change(hub)
    assert (await ask_for_change(hub)).number == 1
    assert repository.refs()[f"refs/heads/{BRANCH}"] == theirs


async def test_what_became_of_a_pull_request_is_said_and_no_second_one_is_opened(place: Place) -> None:
    github, hub, repository = place
    await ask_for_change(hub)
    (pull,) = github.pulls
    repository.commit({PATH: CHANGED + b"edited by a reviewer"}, on=f"refs/heads/{BRANCH}")
    pull.labels.remove(LABELS[0])
    assert (await ask_for_change(hub)).state == "open"
    assert repository.blob(f"{BRANCH}:{PATH}").endswith(b"reviewer")
    assert set(pull.labels) == set(LABELS)
    pull.state = "closed"
    assert (await ask_for_change(hub)).state == "closed"
    pull.state = "open"
    github.merge(pull)
    repository.git("update-ref", "-d", f"refs/heads/{BRANCH}")
    assert (await ask_for_change(hub)).state == "merged"
    assert len(github.pulls) == 1


async def test_a_change_that_changes_nothing_is_refused(place: Place) -> None:
    _, hub, _ = place
    with pytest.raises(RefusedByGitHub, match="nothing to propose"):
        await ask_for_change(hub, content=DATABASE)


async def test_the_branch_that_a_change_is_meant_for_is_never_written_to(place: Place) -> None:
    github, hub, _ = place
    with pytest.raises(ValueError, match="of its own"):
        await propose(hub, NAME, "main", "main", PATH, blob_sha(DATABASE), CHANGED, "A change", "")
    assert not github.requests


async def test_a_filter_that_is_not_heeded_does_not_confuse_pull_requests(place: Place) -> None:
    github, hub, repository = place
    mine = {"ref": BRANCH, "repo": {"full_name": NAME}}
    fork = {"ref": BRANCH, "repo": {"full_name": "mallory/mattermost-plugin-remind"}}
    gone = {"ref": BRANCH, "repo": None}
    base, other = {"ref": "main"}, {"ref": "production"}
    rows = [{"state": "open", "head": head, "base": to} for head, to in ((fork, base), (gone, base), (mine, other))]
    github.instead = [lambda: web.json_response(rows)]
    assert (await ask_for_change(hub)).number == 1
    assert len(github.pulls) == 1
    assert repository.blob(f"{BRANCH}:{PATH}") == CHANGED


# What goes wrong


@pytest.mark.parametrize(
    ("answer", "least", "most"),
    [
        (too_fast(7), 7, 7), (too_fast(7, 429), 7, 7), (too_fast(None), 60, 60), (too_fast(None, 429), 60, 60),
        (too_fast(10**12), 3600, 3600), (too_often(90), 89, 91), (too_often(-90), 1, 1), (broken(), 0, 0), (broken(503), 0, 0),
        (broken(599), 0, 0), (broken(530), 0, 0), (broken(408), 0, 0), (broken(200), 0, 0),
        (lambda: web.json_response("no table"), 0, 0), (lambda: web.Response(body=b"{", content_type="application/json"), 0, 0),
        (lambda: web.json_response({"no": "message"}, status=422), 0, 0),
        (lambda: web.Response(body=b"\xff", content_type="application/json"), 0, 0),
    ],
)  # fmt: skip
async def test_what_passes_by_itself_is_said_with_the_time_it_takes(
    place: Place, answer: Callable[[], web.Response], least: int, most: int
) -> None:
    github, hub, _ = place
    github.instead = [answer]
    with pytest.raises(GitHubUnavailable) as later:
        await default_branch_tip(hub, NAME)
    assert least <= later.value.seconds <= most
    github.instead = [answer]
    with pytest.raises(GitHubUnavailable):
        await make_tag(hub, NAME, "v1.0.0", UNKNOWN, replace=False)


async def test_a_download_that_comes_too_often_waits_as_well(place: Place, tmp_path: Path) -> None:
    github, hub, _ = place
    for answer, seconds in ((too_fast(7), 7), (broken(599), 0), (broken(304), 0)):
        github.instead = [answer]
        with pytest.raises((GitHubUnavailable, RefusedByGitHub)) as later:
            await download(hub, NAME, Asset(id=1, name="a", size=1), tmp_path / "a", 1, nothing)
        assert getattr(later.value, "seconds", 0) == seconds


async def test_github_that_is_away_is_unavailable(place: Place) -> None:
    github, _, _ = place
    async with aiohttp.ClientSession() as session:
        away = Hub(session, TOKEN, "http://127.0.0.1:1/api/v3")
        with pytest.raises(GitHubUnavailable, match="can't be reached"):
            await default_branch_tip(away, NAME)
    assert not github.requests


@pytest.mark.parametrize(
    ("token", "words"),
    [
        ("", "I have none. An administrator sets `github.token`, with “Contents: read and write”"),
        ("wrong-token", "has ended, or was withdrawn"),
        ("reading-token", "doesn't let me do that in `mattermost/mattermost-plugin-remind`: `Resource not accessible"),
    ],
)
async def test_a_token_that_may_not_is_told_what_it_lacks_and_never_shown(place: Place, token: str, words: str) -> None:
    github, _, repository = place
    github.tokens["reading-token"] = set()
    async with aiohttp.ClientSession() as session:
        hub = Hub(session, token, github.api)
        with pytest.raises(RefusedByGitHub) as no:
            await make_tag(hub, NAME, "v1.0.0", main(repository), replace=False)
    assert words in str(no.value)
    assert not token or token not in repr(no.value) + str(vars(no.value)) + repr(hub)
    assert no.value.__suppress_context__


async def test_a_private_repository_is_read_with_a_token_alone(place: Place) -> None:
    github, hub, _ = place
    github.private.add(NAME)
    assert (await default_branch_tip(hub, NAME))[0] == "main"
    async with aiohttp.ClientSession() as session:
        with pytest.raises(RefusedByGitHub, match=r"I need a token, `github\.token`, with “Contents: read” there"):
            await default_branch_tip(Hub(session, "", github.api), NAME)


async def test_an_archived_repository_says_so(place: Place) -> None:
    github, hub, repository = place
    github.archived.add(NAME)
    with pytest.raises(RefusedByGitHub, match="archived so is read-only"):
        await make_tag(hub, NAME, "v1.0.0", main(repository), replace=False)


async def test_a_repository_that_has_moved_is_not_followed(place: Place) -> None:
    github, hub, _ = place
    github.git.repository("mallory/remind").commit({"plugin.json": "{}"})
    github.moved[NAME] = "mallory/remind"
    with pytest.raises(RefusedByGitHub, match="another name on GitHub now, or another owner"):
        await tag(hub, NAME, "v1.0.0")
    assert not any("mallory" in x for x in github.requests)


async def test_what_github_says_of_a_fault_is_defused(place: Place) -> None:
    github, hub, _ = place
    github.instead = [lambda: web.json_response({"message": "`@all`\n" * 100}, status=451)]
    with pytest.raises(RefusedByGitHub) as no:
        await tag(hub, NAME, "v1.0.0")
    assert "\n" not in str(no.value)
    assert str(no.value).count("`") == 4
    assert len(str(no.value)) < 400


HOSTILE = [
    "",
    "a",
    "a/b/c",
    "../..",
    "a/..",
    "a/.",
    "-a/b",
    "a/b?x",
    "a/b#",
    "a/b%2f",
    "a b/c",
    "a/b\n",
    "{a}/b",
    "a/{b}",
    "a/@b",
    "http://x/y",
]


@pytest.mark.parametrize("name", HOSTILE)
async def test_a_name_that_is_no_repositorys_never_gets_into_an_address(place: Place, name: str) -> None:
    github, hub, _ = place
    with pytest.raises(RefusedByGitHub, match="isn't a repository on GitHub"):
        await default_branch_tip(hub, name)
    assert not github.requests


@pytest.mark.parametrize("name", ["", "../../x", "a..b", "-a", "a b", "a?b", "a~1", "a\n", "refs/../x", "v1.0.0/"])
async def test_a_name_that_is_no_tags_never_gets_into_an_address(place: Place, name: str) -> None:
    github, hub, _ = place
    for call in (tag(hub, NAME, name), release(hub, NAME, name), make_tag(hub, NAME, name, UNKNOWN, replace=True)):
        with pytest.raises(RefusedByGitHub, match="no branch or tag named"):
            await call
    assert not github.requests


@pytest.mark.parametrize("name", ["v1.0.0+build.5", "v1.0.0-rc.1", "a/b", "a%2fb", "a#b", "ä", "a{b}c", "a&b=c"])
async def test_an_odd_name_is_that_of_one_tag(place: Place, name: str) -> None:
    github, hub, repository = place
    await make_tag(hub, NAME, name, main(repository), replace=False)
    assert repository.refs()[f"refs/tags/{name}"] == main(repository) == await tag(hub, NAME, name)
    github.attach(github.release(NAME, name), "a.tar.gz", b"x")
    assert await bundle_asset(hub, NAME, name)


@given(st.text(max_size=30))
def test_whatever_is_a_repositorys_name_is_two_plain_words(name: str) -> None:
    try:
        assert repository_name(name) == name
    except RefusedByGitHub:
        return
    owner, _, rest = name.partition("/")
    assert owner
    assert rest.strip(".")
    assert all(x.isascii() and (x.isalnum() or x in "-_./") for x in name)
    assert name.count("/") == 1


async def test_a_commit_is_named_in_full(place: Place) -> None:
    github, hub, _ = place
    for call in (
        make_tag(hub, NAME, "v1", "abc", replace=False),
        tree_of(hub, NAME, "main"),
        tree_of(hub, NAME, "A" * 40),
    ):
        with pytest.raises(RefusedByGitHub, match="isn't a whole commit"):
            await call
    assert not github.requests
