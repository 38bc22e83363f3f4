"""The small GitHub that the tests use answers with GitHub's fields, statuses and words."""

import asyncio
import base64
import hashlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from fake_git import FakeRepository
from fake_github import TOKEN, FakeGitHub, fake_github, too_fast, too_often

NAME = "mattermost/mattermost-plugin-remind"
UNKNOWN = "1" * 40

Answer = tuple[int, Any]


class Asked:
    """The server, asked as any client would."""

    def __init__(self, github: FakeGitHub, session: aiohttp.ClientSession) -> None:
        self.github, self.session = github, session
        self.repository = FakeRepository(github.git.root / f"{NAME}.git")

    async def __call__(self, method: str, path: str, json: object = None, token: str = TOKEN, **more: Any) -> Answer:  # noqa: ANN401 - as aiohttp takes it
        address = path if path.startswith("http") else f"{self.github.api}/repos/{NAME}{path}"
        more["headers"] = more.get("headers", {}) | ({"Authorization": f"Bearer {token}"} if token else {})
        async with self.session.request(method, address, json=json, allow_redirects=False, **more) as answer:
            return answer.status, await (answer.json() if answer.content_type == "application/json" else answer.read())


@pytest.fixture
async def ask(tmp_path: Path) -> AsyncIterator[Asked]:
    async with fake_github(tmp_path) as github, aiohttp.ClientSession() as session:
        github.git.repository(NAME).commit({"plugin.json": "{}"})
        yield Asked(github, session)


async def test_a_repository_names_its_default_branch(ask: Asked) -> None:
    status, found = await ask("GET", "", token="")
    assert (status, found["full_name"], found["default_branch"], found["private"], found["archived"]) == (
        200,
        NAME,
        "main",
        False,
        False,
    )
    assert found["owner"]["login"] == "mattermost"


async def test_without_permission_the_statuses_are_githubs(ask: Asked) -> None:
    ask.github.tokens["reader"] = set()
    sha = ask.repository.refs()["refs/heads/main"]
    made = {"ref": "refs/tags/v1", "sha": sha}
    said = [await ask("POST", "/git/refs", made, token=x) for x in ("", "wrong", "reader", TOKEN)]
    assert [(status, body.get("message")) for status, body in said] == [
        (401, "Requires authentication"),
        (401, "Bad credentials"),
        (403, "Resource not accessible by personal access token"),
        (201, None),
    ]
    ask.github.private.add(NAME)
    assert [(await ask("GET", "", token=x))[0] for x in ("", TOKEN)] == [404, 200]


async def test_a_ref_is_found_by_its_whole_name(ask: Asked) -> None:
    sha = ask.repository.refs()["refs/heads/main"]
    ask.repository.tag("v1.0.0", sha, annotated=True)
    status, found = await ask("GET", "/git/ref/tags/v1.0.0")
    assert (status, found["ref"], found["object"]["type"]) == (200, "refs/tags/v1.0.0", "tag")
    status, target = await ask("GET", f"/git/tags/{found['object']['sha']}")
    assert (status, target["tag"], target["object"]["type"], target["object"]["sha"]) == (200, "v1.0.0", "commit", sha)
    assert [(await ask("GET", f"/git/ref/{x}"))[0] for x in ("tags/v1", "heads/main", "heads/none")] == [404, 200, 404]
    ask.github.git.repository("mattermost/empty")
    assert (await ask("GET", f"{ask.github.api}/repos/mattermost/empty/git/ref/heads/main"))[0] == 409


async def test_a_ref_is_made_once_and_moved_with_force(ask: Asked) -> None:
    old, new = ask.repository.refs()["refs/heads/main"], ask.repository.commit({"plugin.json": "[]"})
    said = [await ask("POST", "/git/refs", {"ref": "refs/tags/v1", "sha": x}) for x in (UNKNOWN, new, new)]
    assert [status for status, _ in said] == [422, 201, 422]
    assert [body["message"] for status, body in said if status == 422] == [
        "Object does not exist",
        "Reference already exists",
    ]
    moves = [("tags/v2", new, True), ("tags/v1", old, False), ("tags/v1", old, True), ("tags/v1", new, False)]
    said = [await ask("PATCH", f"/git/refs/{ref}", {"sha": sha, "force": force}) for ref, sha, force in moves]
    assert [status for status, _ in said] == [422, 422, 200, 200]
    assert said[1][1]["message"] == "Update is not a fast forward"


async def test_a_change_is_made_of_a_blob_a_tree_and_a_commit(ask: Asked) -> None:
    base = ask.repository.refs()["refs/heads/main"]
    content = b"\x00\xff new"
    _, blob = await ask("POST", "/git/blobs", {"content": base64.b64encode(content).decode(), "encoding": "base64"})
    _, commit = await ask("GET", f"/git/commits/{base}")
    row = {"path": "a/b/c", "mode": "100644", "type": "blob", "sha": blob["sha"]}
    _, tree = await ask("POST", "/git/trees", {"base_tree": commit["tree"]["sha"], "tree": [row]})
    _, made = await ask("POST", "/git/commits", {"message": "Add\n\nc", "tree": tree["sha"], "parents": [base]})
    _, read = await ask("GET", f"/git/commits/{made['sha']}")
    assert (read["message"], read["tree"]["sha"], [x["sha"] for x in read["parents"]]) == (
        "Add\n\nc",
        tree["sha"],
        [base],
    )
    assert ask.repository.git("ls-tree", "-r", "--name-only", made["sha"]).split() == ["a/b/c", "plugin.json"]
    _, rows = await ask("GET", f"/git/trees/{tree['sha']}")
    assert [(x["path"], x["mode"], x["type"]) for x in rows["tree"]] == [
        ("a", "040000", "tree"),
        ("plugin.json", "100644", "blob"),
    ]
    assert rows["truncated"] is False
    _, coded = await ask("GET", f"/git/blobs/{blob['sha']}")
    assert (base64.b64decode(coded["content"]), coded["encoding"], coded["size"]) == (content, "base64", len(content))
    raw = {"Accept": "application/vnd.github.raw+json"}
    assert await ask("GET", f"/git/blobs/{blob['sha']}", headers=raw) == (200, content)
    assert [(await ask("GET", f"/git/{x}/{UNKNOWN}"))[0] for x in ("blobs", "trees", "commits", "tags")] == [404] * 4


async def test_two_commits_are_compared(ask: Asked) -> None:
    old, new = ask.repository.refs()["refs/heads/main"], ask.repository.commit({"plugin.json": "[]"})
    ask.repository.git("update-ref", "refs/heads/side", old)
    side = ask.repository.commit({"plugin.json": "0"}, on="refs/heads/side")
    alone = ask.repository.commit({"plugin.json": "1"}, on="refs/heads/alone")
    pairs = [(old, old), (old, new), (new, old), (new, side)]
    said = [(await ask("GET", f"/compare/{x}...{y}"))[1] for x, y in pairs]
    assert [(x["status"], x["ahead_by"], x["behind_by"]) for x in said] == [
        ("identical", 0, 0),
        ("ahead", 1, 0),
        ("behind", 0, 1),
        ("diverged", 1, 1),
    ]
    assert [(await ask("GET", f"/compare/{new}...{x}"))[0] for x in (alone, UNKNOWN)] == [404, 404]


async def test_branches_are_listed_and_known_by_their_tips(ask: Asked) -> None:
    tip = ask.repository.refs()["refs/heads/main"]
    ask.repository.git("update-ref", "refs/heads/stable", tip)
    ask.github.protected.add((NAME, "stable"))
    _, everything = await ask("GET", "/branches")
    assert [(x["name"], x["commit"]["sha"], x["protected"]) for x in everything] == [
        ("main", tip, False),
        ("stable", tip, True),
    ]
    assert [x["name"] for x in (await ask("GET", "/branches?protected=true"))[1]] == ["stable"]
    assert [x["name"] for x in (await ask("GET", f"/commits/{tip}/branches-where-head"))[1]] == ["main", "stable"]
    status, said = await ask("GET", f"/commits/{UNKNOWN}/branches-where-head")
    assert (status, said["message"]) == (422, f"No commit found for SHA: {UNKNOWN}")


async def test_a_release_shows_its_files_as_github_does(ask: Asked) -> None:
    made = ask.github.release(NAME, "v1.0.0")
    ask.github.attach(made, "a.tar.gz", b"bundle")
    status, found = await ask("GET", "/releases/tags/v1.0.0")
    assert (status, found["tag_name"], found["draft"], found["prerelease"]) == (200, "v1.0.0", False, False)
    assert found["upload_url"].endswith("/assets{?name,label}")
    (asset,) = found["assets"]
    digest = f"sha256:{hashlib.sha256(b'bundle').hexdigest()}"
    assert (asset["name"], asset["size"], asset["state"], asset["digest"]) == ("a.tar.gz", 6, "uploaded", digest)
    assert asset["browser_download_url"] == f"{ask.github.address}/{NAME}/releases/download/v1.0.0/a.tar.gz"
    assert (await ask("PATCH", f"/releases/{made.id}", {"prerelease": True}))[1]["prerelease"] is True
    assert [(await ask("GET", f"/releases/{x}"))[0] for x in ("tags/v2.0.0", "99/assets")] == [404, 404]


async def test_a_file_is_uploaded_once_read_from_the_storage_and_deleted(ask: Asked) -> None:
    made = ask.github.release(NAME, "v1.0.0")
    where = f"{ask.github.address}/api/uploads/repos/{NAME}/releases/{made.id}/assets?name=a.sig"
    binary = {"Content-Type": "application/octet-stream"}
    said = [await ask("POST", where, data=b"signature", headers=binary) for _ in range(2)]
    assert [status for status, _ in said] == [201, 422]
    assert said[1][1]["errors"] == [{"resource": "ReleaseAsset", "code": "already_exists", "field": "name"}]
    asset = f"/releases/assets/{said[0][1]['id']}"
    assert (await ask("GET", asset))[1]["name"] == "a.sig"
    headers = {"Accept": "application/octet-stream", "Authorization": f"token {TOKEN}"}
    async with ask.session.get(
        f"{ask.github.api}/repos/{NAME}{asset}", headers=headers, allow_redirects=False
    ) as answer:
        assert answer.status == 302
        place = answer.headers["Location"]
    assert place.startswith(ask.github.storage)
    assert await ask("GET", place, token="") == (200, b"signature")
    assert [(await ask("DELETE", asset))[0] for _ in range(2)] == [204, 404]


async def test_a_pull_request_is_open_once_for_a_branch(ask: Asked) -> None:
    ask.repository.git("update-ref", "refs/heads/same", "refs/heads/main")
    ask.repository.git("update-ref", "refs/heads/change", "refs/heads/main")
    ask.repository.commit({"plugin.json": "[]"}, on="refs/heads/change")
    wanted = {"title": "A change", "body": "Why", "base": "main"}
    said = [await ask("POST", "/pulls", wanted | {"head": x}) for x in ("nowhere", "same", "change", "change")]
    assert [status for status, _ in said] == [422, 422, 201, 422]
    assert said[0][1]["errors"] == [{"resource": "PullRequest", "field": "head", "code": "invalid"}]
    assert said[1][1]["errors"][0]["message"] == "No commits between main and same"
    assert said[3][1]["errors"][0]["message"] == "A pull request already exists for mattermost:change."
    pull = said[2][1]
    assert (pull["number"], pull["state"], pull["merged_at"], pull["head"]["label"]) == (
        1,
        "open",
        None,
        "mattermost:change",
    )
    labels = [(await ask("POST", "/issues/1/labels", {"labels": x}))[1] for x in (["a", "b"], ["b", "c"])]
    assert [[x["name"] for x in rows] for rows in labels] == [["a", "b"], ["a", "b", "c"]]
    ask.github.merge(ask.github.pulls[0])
    queries = [
        "",
        "?state=all",
        "?state=all&head=mattermost:change",
        "?state=all&head=mallory:change",
        "?state=all&base=x",
    ]
    assert [len((await ask("GET", f"/pulls{x}"))[1]) for x in queries] == [0, 1, 1, 0, 0]
    merged = (await ask("GET", "/pulls?state=closed"))[1][0]
    assert merged["merged_at"]
    assert ask.repository.refs()["refs/heads/main"] == merged["head"]["sha"]


async def test_limits_are_told_in_headers(ask: Asked) -> None:
    ask.github.instead = [too_often(60), too_fast(5, 429)]
    answers = []
    for _ in range(3):
        async with ask.session.get(f"{ask.github.api}/repos/{NAME}") as answer:
            answers.append(
                (answer.status, answer.headers.get("x-ratelimit-remaining"), answer.headers.get("retry-after"))
            )
    assert answers == [(403, "0", None), (429, None, "5"), (200, "4999", None)]


async def test_a_lost_answer_is_lost_after_the_request_was_done(ask: Asked) -> None:
    sha = ask.repository.refs()["refs/heads/main"]
    ask.github.lose = 2
    await ask("GET", "")
    with pytest.raises(aiohttp.ServerDisconnectedError):
        await ask("POST", "/git/refs", {"ref": "refs/tags/v1", "sha": sha})
    assert ask.repository.refs()["refs/tags/v1"] == sha


async def test_ci_runs_for_a_tag_and_only_for_a_tag(ask: Asked) -> None:
    told: list[tuple[str, str, str]] = []
    done = asyncio.Event()

    async def build(repository: str, tag: str, commit: str) -> None:
        told.append((repository, tag, commit))
        done.set()

    ask.github.on_tag = build
    sha = ask.repository.refs()["refs/heads/main"]
    for ref in ("refs/heads/other", "refs/tags/v1.0.0"):
        await ask("POST", "/git/refs", {"ref": ref, "sha": sha})
    await done.wait()
    assert told == [(NAME, "v1.0.0", sha)]


async def test_git_reads_the_same_repository_on_the_same_port(ask: Asked) -> None:
    address = f"{ask.github.address}/{NAME}/info/refs?service=git-upload-pack"
    status, body = await ask("GET", address, token="")
    assert status == 200
    assert ask.repository.refs()["refs/heads/main"].encode() in body
