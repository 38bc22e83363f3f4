"""A small GitHub on loopback: the REST API over the bare repositories of fake_git, releases and pull requests in memory."""

import asyncio
import base64
import hashlib
import itertools
import json
import subprocess
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from aiohttp import web
from fake_git import FakeGit, FakeRepository

TOKEN = "sample-token"
DOCS = "https://docs.github.com/rest"
PERSON = "Mona <mona@example.org> 1700000000 +0000"
WHEN = "2026-11-21T05:00:00Z"
Json = Any
Ci = Callable[[str, str, str], Awaitable[None]]
Instead = Callable[[], web.Response]


@dataclass
class FakeAsset:
    """A file of a release. It is shown as `uploaded` after `polls` more looks at the release."""

    id: int
    name: str
    content: bytes
    state: str = "uploaded"
    polls: int = 0


@dataclass
class FakeRelease:
    """A release. Nobody is shown it for `polls` looks at it, nor ever while it is a draft."""

    id: int
    repository: str
    tag: str
    prerelease: bool = False
    draft: bool = False
    polls: int = 0
    assets: list[FakeAsset] = field(default_factory=list)

    def asset(self, name: str) -> FakeAsset:
        """The only file of that name."""
        (found,) = [x for x in self.assets if x.name == name]
        return found


@dataclass
class FakePull:
    """A pull request within a repository."""

    number: int
    repository: str
    head: str
    base: str
    title: str
    body: str
    labels: list[str] = field(default_factory=list)
    state: str = "open"
    merged: bool = False


class _Answered(Exception):  # noqa: N818 - no error of the test
    def __init__(self, response: web.Response) -> None:
        self.response = response


def refuse(status: int, message: str, errors: Iterable[object] = (), **headers: str) -> web.Response:
    """An error as GitHub words it."""
    body = {"message": message, "documentation_url": DOCS, "status": str(status)}
    found = list(errors)
    return web.json_response(body | ({"errors": found} if found else {}), status=status, headers=headers)


def too_often(seconds: int) -> Instead:
    """The hourly limit is used up, and begins anew in some seconds."""

    def answer() -> web.Response:
        reset = {
            "x-ratelimit-limit": "5000",
            "x-ratelimit-remaining": "0",
            "x-ratelimit-reset": str(int(time.time()) + seconds),
        }
        return refuse(403, "API rate limit exceeded for user ID 1.", **reset)

    return answer


def too_fast(seconds: int | None, status: int = 403) -> Instead:
    """The limit on bursts, with or without saying when to come again."""
    after = {} if seconds is None else {"retry-after": str(seconds)}
    return lambda: refuse(
        status, "You have exceeded a secondary rate limit. Please wait a few minutes before you try again.", **after
    )


def broken(status: int = 502) -> Instead:
    """A fault of GitHub's own, with the page that stands before it."""
    return lambda: web.Response(status=status, text="<html>Unicorn!</html>", content_type="text/html")


@dataclass
class FakeGitHub:
    """The server. `git` serves the same repositories to git, on the same port.

    `instead` is answered in place of the next requests. The answer of the request that `lose` counts down to is lost after it was done.
    """

    git: FakeGit
    storage: str = ""  # the address of the object storage: another origin
    tokens: dict[str, set[str]] = field(default_factory=lambda: {TOKEN: {"contents", "pull_requests"}})
    private: set[str] = field(default_factory=set)
    archived: set[str] = field(default_factory=set)
    protected: set[tuple[str, str]] = field(default_factory=set)  # repository and branch
    moved: dict[str, str] = field(default_factory=dict)  # a repository's old name -> where the API sends one
    releases: list[FakeRelease] = field(default_factory=list)
    pulls: list[FakePull] = field(default_factory=list)
    digests: bool = True  # whether assets have a digest
    on_tag: Ci | None = None  # CI: is run with repository, tag and commit when a tag was made or moved
    instead: list[Instead] = field(default_factory=list)
    once: dict[str, Instead] = field(default_factory=dict)  # likewise, for the next request of that method and path
    headers: dict[str, str] = field(default_factory=dict)  # what each answer has besides
    lose: int = 0
    half: int = 0  # how many downloads break off in the middle
    closed: int = 0  # a status that the storage answers with instead
    gate: asyncio.Event | None = None  # downloads wait for it in the middle
    waiting: asyncio.Event = field(default_factory=asyncio.Event)  # a download has come to the gate
    requests: list[str] = field(default_factory=list)  # method and path below /api/v3
    fetched: list[dict[str, str]] = field(default_factory=list)  # the headers that came to the object storage
    jobs: list[asyncio.Task[None]] = field(default_factory=list)
    step: Callable[[], object] = lambda: None  # is called before and after each request
    _ids: Any = field(default_factory=lambda: itertools.count(1))

    @property
    def address(self) -> str:
        """What stands before `owner/name`."""
        return f"http://{self.git.host}"

    @property
    def api(self) -> str:
        """The address of the REST API."""
        return f"{self.address}/api/v3"

    def repository(self, name: str) -> FakeRepository:
        """The bare repository `owner/name` that was made with `git.repository`."""
        return FakeRepository(self.git.root / f"{name}.git")

    def release(self, repository: str, tag: str, *, polls: int = 0, draft: bool = False) -> FakeRelease:
        """Make a release; `attach` gives it files."""
        found = FakeRelease(next(self._ids), repository, tag, polls=polls, draft=draft)
        self.releases.append(found)
        return found

    def attach(self, release: FakeRelease, name: str, content: bytes, *, state: str = "uploaded", polls: int = 0) -> FakeAsset:  # fmt: skip
        """Add a file to a release."""
        asset = FakeAsset(next(self._ids), name, content, state, polls)
        release.assets.append(asset)
        return asset

    def merge(self, pull: FakePull) -> None:
        """Merge a pull request, whose base must not have moved."""
        repository = self.repository(pull.repository)
        repository.git("merge-base", "--is-ancestor", f"refs/heads/{pull.base}", f"refs/heads/{pull.head}")
        repository.ref(f"refs/heads/{pull.base}", repository.refs()[f"refs/heads/{pull.head}"])
        pull.state, pull.merged = "closed", True

    # The ways in

    async def answer(self, request: web.Request) -> web.StreamResponse:
        """Answer one request to the API."""
        path = request.path.removeprefix("/api/v3")
        self.requests.append(f"{request.method} {path}")
        self.step()
        if self.instead:
            return self.instead.pop(0)()
        if other := self.once.pop(self.requests[-1], None):
            return other()
        try:
            response = await self._answer(request)
        except _Answered as answered:
            response = answered.response
        limit = {"x-ratelimit-limit": "5000", "x-ratelimit-remaining": "4999", "x-ratelimit-used": "1"} | self.headers
        response.headers.update(
            limit | {"x-ratelimit-reset": str(int(time.time()) + 3600), "x-ratelimit-resource": "core"}
        )
        if self.lose:
            self.lose -= 1
            if not self.lose and request.transport:
                request.transport.close()
        self.step()
        return response

    async def _answer(self, request: web.Request) -> web.Response:
        name = "{owner}/{repo}".format_map(request.match_info)
        if name in self.moved:
            where = f"{self.api}/repos/{self.moved[name]}"
            raise _Answered(refuse(301, "Moved Permanently", Location=where))
        kind, _, token = request.headers.get("Authorization", "").partition(" ")
        if kind and (kind.lower() not in {"token", "bearer"} or token not in self.tokens):
            raise _Answered(refuse(401, "Bad credentials"))
        folder = self.git.root / f"{name}.git"
        if not folder.is_dir() or (name in self.private and not token):
            raise _Answered(refuse(404, "Not Found"))
        handler, permission = _HANDLERS[request.match_info.route.name or ""]
        if request.method != "GET" and not token:
            raise _Answered(refuse(401, "Requires authentication"))
        if request.method != "GET" and permission not in self.tokens[token]:
            raise _Answered(refuse(403, "Resource not accessible by personal access token"))
        if request.method != "GET" and name in self.archived:
            raise _Answered(refuse(403, "Repository was archived so is read-only."))
        body = await request.read()
        given = json.loads(body) if "json" in request.headers.get("Content-Type", "") else body
        found = handler(self, _Call(name, FakeRepository(folder), request, given))
        return (
            found
            if isinstance(found, web.Response)
            else web.json_response(found, status=201 if request.method == "POST" else 200)
        )

    async def limits(self, request: web.Request) -> web.Response:
        """Answer how often one may still ask."""
        if request.headers.get("Authorization", "").partition(" ")[2] not in self.tokens:
            return refuse(401, "Bad credentials")
        return web.json_response(
            {"resources": {"core": {"limit": 5000, "used": 1, "remaining": 4999, "reset": int(time.time()) + 3600}}}
        )

    async def store(self, request: web.Request) -> web.StreamResponse:
        """Answer one request to the object storage."""
        self.fetched.append(dict(request.headers))
        if self.closed:
            return web.Response(status=self.closed, text="<Error/>", content_type="application/xml")
        content = next(x.content for r in self.releases for x in r.assets if x.id == int(request.match_info["asset"]))
        response = web.StreamResponse(
            headers={"Content-Type": "application/octet-stream", "Content-Length": str(len(content))}
        )
        await response.prepare(request)
        middle = len(content) // 2
        await response.write(content[:middle])
        if self.gate:
            self.waiting.set()
            await self.gate.wait()
        if self.half:
            self.half -= 1
            if request.transport:
                request.transport.close()
            return response
        await response.write(content[middle:])
        await response.write_eof()
        return response

    def ci(self, repository: str, ref: str, commit: str) -> None:
        """Begin what CI does with a new tag."""
        if self.on_tag and ref.startswith("refs/tags/"):
            work = self.on_tag(repository, ref.removeprefix("refs/tags/"), commit)
            self.jobs.append(asyncio.ensure_future(work))


@dataclass(frozen=True)
class _Call:
    """One request for a repository."""

    name: str
    repository: FakeRepository
    request: web.Request
    given: Any

    def __getitem__(self, key: str) -> str:
        return self.request.match_info[key]

    def git(self, *arguments: str, stdin: bytes = b"") -> str:
        """What git says; "" where it can't."""
        try:
            return self.repository.git(*arguments, stdin=stdin)
        except subprocess.CalledProcessError:
            return ""

    def need(self, sha: str, kind: str, message: str = "Not Found", status: int = 404) -> str:
        """The name of an object that must be there."""
        if len(sha) != 40 or self.git("cat-file", "-t", sha) != kind:
            raise _Answered(refuse(status, message))
        return sha


def _repository(hub: FakeGitHub, call: _Call) -> Json:
    owner, _, name = call.name.partition("/")
    token = call.request.headers.get("Authorization", "").partition(" ")[2]
    may = hub.tokens.get(token, set())
    return {
        "id": 1,
        "name": name,
        "full_name": call.name,
        "private": call.name in hub.private,
        "owner": {"login": owner, "type": "Organization"},
        "html_url": f"{hub.address}/{call.name}",
        "fork": False,
        "archived": call.name in hub.archived,
        "default_branch": call.git("symbolic-ref", "HEAD").removeprefix("refs/heads/"),
    } | ({"permissions": {"admin": False, "push": "contents" in may, "pull": True}} if token else {})


def _branch_rows(hub: FakeGitHub, call: _Call) -> list[dict[str, Any]]:
    rows = (
        (x.removeprefix("refs/heads/"), y) for x, y in call.repository.refs().items() if x.startswith("refs/heads/")
    )
    return [{"name": x, "commit": {"sha": y, "url": ""}, "protected": (call.name, x) in hub.protected} for x, y in rows]


def _branches(hub: FakeGitHub, call: _Call) -> Json:
    only = call.request.query.get("protected") == "true"
    rows = [x for x in _branch_rows(hub, call) if x["protected"] or not only]
    return rows[: int(call.request.query.get("per_page", 30))]


def _branches_where_head(hub: FakeGitHub, call: _Call) -> Json:
    commit = call.need(call["sha"], "commit", f"No commit found for SHA: {call['sha']}", 422)
    return [x for x in _branch_rows(hub, call) if x["commit"]["sha"] == commit]


def _ref_row(call: _Call, ref: str, sha: str) -> Json:
    return {
        "ref": ref,
        "node_id": "",
        "url": "",
        "object": {"type": call.git("cat-file", "-t", sha), "sha": sha, "url": ""},
    }


def _ref(_: FakeGitHub, call: _Call) -> Json:
    ref = f"refs/{call['ref']}"
    refs = call.repository.refs()
    if not refs:
        raise _Answered(refuse(409, "Git Repository is empty."))
    if ref not in refs:
        raise _Answered(refuse(404, "Not Found"))
    return _ref_row(call, ref, refs[ref])


def _make_ref(hub: FakeGitHub, call: _Call) -> Json:
    ref, sha = call.given["ref"], call.given["sha"]
    if ref in call.repository.refs():
        raise _Answered(refuse(422, "Reference already exists"))
    if not call.git("cat-file", "-t", sha):
        raise _Answered(refuse(422, "Object does not exist"))
    call.repository.ref(ref, sha)
    hub.ci(call.name, ref, sha)
    return _ref_row(call, ref, sha)


def _move_ref(hub: FakeGitHub, call: _Call) -> Json:
    ref, sha = f"refs/{call['ref']}", call.given["sha"]
    before = call.repository.refs().get(ref)
    if not before:
        raise _Answered(refuse(422, "Reference does not exist"))
    call.need(sha, "commit", "Object does not exist", 422)
    if not call.given.get("force") and call.git("merge-base", before, sha) != before:
        raise _Answered(refuse(422, "Update is not a fast forward"))
    call.repository.ref(ref, sha)
    hub.ci(call.name, ref, sha)
    return _ref_row(call, ref, sha)


def _tag(_: FakeGitHub, call: _Call) -> Json:
    sha = call.need(call["sha"], "tag")
    head = dict(x.split(" ", 1) for x in call.git("cat-file", "tag", sha).split("\n\n")[0].splitlines())
    return {
        "sha": sha,
        "tag": head["tag"],
        "message": "",
        "object": {"type": head["type"], "sha": head["object"], "url": ""},
    }


def _commit(_: FakeGitHub, call: _Call) -> Json:
    sha = call.need(call["sha"], "commit")
    tree, parents, message = call.git("log", "-1", "--format=%T%n%P%n%B", sha).split("\n", 2)
    rows = [{"sha": x, "url": "", "html_url": ""} for x in parents.split()]
    return {"sha": sha, "message": message, "tree": {"sha": tree, "url": ""}, "parents": rows}


def _make_commit(_: FakeGitHub, call: _Call) -> Json:
    tree = call.need(call.given["tree"], "tree", "Tree SHA does not exist", 422)
    parents = [
        call.need(x, "commit", "Parent SHA does not exist or is not a commit object", 422)
        for x in call.given["parents"]
    ]
    lines = [
        f"tree {tree}",
        *(f"parent {x}" for x in parents),
        f"author {PERSON}",
        f"committer {PERSON}",
        "",
        call.given["message"],
    ]
    sha = call.git("hash-object", "-t", "commit", "-w", "--stdin", stdin="\n".join(lines).encode())
    return {"sha": sha, "message": call.given["message"], "tree": {"sha": tree, "url": ""}, "parents": []}


def _rows(call: _Call, tree: str) -> list[tuple[str, str, str, str]]:
    listing = call.git("ls-tree", "-z", tree)
    pairs = (row.partition("\t") for row in listing.split("\0") if row)
    return [(*about.split(" "), name) for about, _, name in pairs]  # type: ignore[misc]


def _tree(_: FakeGitHub, call: _Call) -> Json:
    tree = call.need(call["sha"], "tree")
    rows = [{"path": x, "mode": mode, "type": kind, "sha": sha, "url": ""} for mode, kind, sha, x in _rows(call, tree)]
    return {"sha": tree, "url": "", "tree": rows, "truncated": False}


def _put(call: _Call, tree: str, parts: list[str], mode: str, sha: str) -> str:
    """A tree with one file put into it."""
    rows = {name: (mode, kind, sha) for mode, kind, sha, name in (_rows(call, tree) if tree else [])}
    if len(parts) > 1:
        below = rows[parts[0]][2] if parts[0] in rows else ""
        rows[parts[0]] = ("040000", "tree", _put(call, below, parts[1:], mode, sha))
    else:
        rows[parts[0]] = (mode, "blob", sha)
    text = "".join(f"{' '.join(about)}\t{name}\0" for name, about in rows.items())
    return call.git("mktree", "-z", stdin=text.encode())


def _make_tree(_: FakeGitHub, call: _Call) -> Json:
    tree = call.need(call.given["base_tree"], "tree", "base_tree is not a valid tree oid", 422)
    for row in call.given["tree"]:
        blob = call.need(row["sha"], "blob", "tree.sha is not a valid blob", 422)
        tree = _put(call, tree, row["path"].split("/"), row["mode"], blob)
    return {"sha": tree, "url": "", "tree": [], "truncated": False}


def _blob(_: FakeGitHub, call: _Call) -> Json:
    sha = call.need(call["sha"], "blob")
    content = call.repository.blob(sha)
    if ".raw" in call.request.headers.get("Accept", ""):
        return web.Response(body=content, headers={"Content-Type": "application/vnd.github.raw+json; charset=utf-8"})
    text = base64.encodebytes(content).decode()
    return {"sha": sha, "node_id": "", "size": len(content), "url": "", "content": text, "encoding": "base64"}


def _make_blob(_: FakeGitHub, call: _Call) -> Json:
    coded = call.given.get("encoding") == "base64"
    content = base64.b64decode(call.given["content"]) if coded else call.given["content"].encode()
    return {"sha": call.git("hash-object", "-w", "--stdin", stdin=content), "url": ""}


def _compare(_: FakeGitHub, call: _Call) -> Json:
    base, _dots, head = call["basehead"].partition("...")
    call.need(base, "commit")
    call.need(head, "commit")
    if not call.git("merge-base", base, head):
        raise _Answered(refuse(404, f"No common ancestor between {base} and {head}."))
    behind, ahead = map(int, call.git("rev-list", "--count", "--left-right", f"{base}...{head}").split("\t"))
    status = {(False, False): "identical", (True, False): "ahead", (False, True): "behind"}.get(
        (ahead > 0, behind > 0), "diverged"
    )
    counts = {"ahead_by": ahead, "behind_by": behind, "total_commits": ahead}
    return {"url": "", "html_url": "", "status": status, **counts, "commits": [], "files": []}


def _asset_row(hub: FakeGitHub, release: FakeRelease, asset: FakeAsset) -> Json:
    digest = (
        f"sha256:{hashlib.sha256(asset.content).hexdigest()}" if hub.digests and asset.state == "uploaded" else None
    )
    return {
        "url": f"{hub.api}/repos/{release.repository}/releases/assets/{asset.id}",
        "id": asset.id,
        "name": asset.name,
        "label": "",
        "uploader": {"login": "mona"},
        "content_type": "application/octet-stream",
        "state": asset.state if asset.polls <= 0 else "starter",
        "size": len(asset.content) if asset.polls <= 0 else 0,
        "digest": digest if asset.polls <= 0 else None,
        "download_count": 0,
        "created_at": WHEN,
        "updated_at": WHEN,
        "browser_download_url": f"{hub.address}/{release.repository}/releases/download/{release.tag}/{asset.name}",
    }


def _release_row(hub: FakeGitHub, release: FakeRelease) -> Json:
    uploads = f"{hub.address}/api/uploads/repos/{release.repository}/releases/{release.id}/assets{{?name,label}}"
    return {
        "url": f"{hub.api}/repos/{release.repository}/releases/{release.id}",
        "assets_url": f"{hub.api}/repos/{release.repository}/releases/{release.id}/assets",
        "upload_url": uploads,
        "html_url": f"{hub.address}/{release.repository}/releases/tag/{release.tag}",
        "id": release.id,
        "author": {"login": "mona"},
        "tag_name": release.tag,
        "target_commitish": "main",
        "name": release.tag,
        "draft": release.draft,
        "prerelease": release.prerelease,
        "created_at": WHEN,
        "published_at": None if release.draft else WHEN,
        "assets": [_asset_row(hub, release, x) for x in release.assets],
        "body": "",
    }


def _release_by_tag(hub: FakeGitHub, call: _Call) -> Json:
    found = next((x for x in hub.releases if (x.repository, x.tag, x.draft) == (call.name, call["tag"], False)), None)
    if not found:
        raise _Answered(refuse(404, "Not Found"))
    if found.polls > 0:
        found.polls -= 1
        raise _Answered(refuse(404, "Not Found"))
    row = _release_row(hub, found)
    for asset in found.assets:
        asset.polls -= 1
    return row


def _release(hub: FakeGitHub, call: _Call) -> FakeRelease:
    found = next((x for x in hub.releases if (x.repository, str(x.id)) == (call.name, call["release"])), None)
    if not found:
        raise _Answered(refuse(404, "Not Found"))
    return found


def _edit_release(hub: FakeGitHub, call: _Call) -> Json:
    release = _release(hub, call)
    release.prerelease = call.given.get("prerelease", release.prerelease)
    return _release_row(hub, release)


def _assets(hub: FakeGitHub, call: _Call) -> Json:
    release = _release(hub, call)
    size, page = int(call.request.query.get("per_page", 30)), int(call.request.query.get("page", 1))
    return [_asset_row(hub, release, x) for x in release.assets[size * (page - 1) : size * page]]


def _upload(hub: FakeGitHub, call: _Call) -> Json:
    release, name = _release(hub, call), call.request.query["name"]
    if any(x.name == name for x in release.assets):
        errors = [{"resource": "ReleaseAsset", "code": "already_exists", "field": "name"}]
        raise _Answered(refuse(422, "Validation Failed", errors))
    return _asset_row(hub, release, hub.attach(release, name, call.given))


def _asset(hub: FakeGitHub, call: _Call) -> Json:
    both = ((r, x) for r in hub.releases if r.repository == call.name for x in r.assets if str(x.id) == call["asset"])
    release, asset = next(both, (None, None))
    if not release or not asset:
        raise _Answered(refuse(404, "Not Found"))
    if call.request.method == "DELETE":
        release.assets.remove(asset)
        return web.Response(status=204)
    if call.request.headers.get("Accept") != "application/octet-stream":
        return _asset_row(hub, release, asset)
    return web.Response(status=302, headers={"Location": f"{hub.storage}/{asset.id}?signature=sample"})


def _pull_row(hub: FakeGitHub, call: _Call, pull: FakePull) -> Json:
    owner, refs = call.name.partition("/")[0], call.repository.refs()

    def side(branch: str) -> Json:
        sha = refs.get(f"refs/heads/{branch}", "0" * 40)
        return {"label": f"{owner}:{branch}", "ref": branch, "sha": sha, "repo": {"full_name": call.name}}

    return {
        "url": f"{hub.api}/repos/{call.name}/pulls/{pull.number}",
        "id": pull.number,
        "html_url": f"{hub.address}/{call.name}/pull/{pull.number}",
        "number": pull.number,
        "state": pull.state,
        "title": pull.title,
        "body": pull.body,
        "labels": [{"id": 1, "name": x, "color": "ededed"} for x in pull.labels],
        "merged_at": WHEN if pull.merged else None,
        "head": side(pull.head),
        "base": side(pull.base),
        "draft": False,
    }


def _pulls(hub: FakeGitHub, call: _Call) -> Json:
    query, owner = call.request.query, call.name.partition("/")[0]
    rows = [x for x in reversed(hub.pulls) if x.repository == call.name]
    rows = [
        x
        for x in rows
        if query.get("head", f"{owner}:{x.head}") == f"{owner}:{x.head}" and query.get("base", x.base) == x.base
    ]
    return [_pull_row(hub, call, x) for x in rows if query.get("state", "open") in {x.state, "all"}]


def _make_pull(hub: FakeGitHub, call: _Call) -> Json:
    head, base, refs = call.given["head"], call.given["base"], call.repository.refs()
    for branch, side in ((head, "head"), (base, "base")):
        if f"refs/heads/{branch}" not in refs:
            errors: list[Any] = [{"resource": "PullRequest", "field": side, "code": "invalid"}]
            raise _Answered(refuse(422, "Validation Failed", errors))
    message = ""
    if any((x.repository, x.head, x.base, x.state) == (call.name, head, base, "open") for x in hub.pulls):
        message = f"A pull request already exists for {call.name.partition('/')[0]}:{head}."
    elif call.git("merge-base", refs[f"refs/heads/{head}"], refs[f"refs/heads/{base}"]) == refs[f"refs/heads/{head}"]:
        message = f"No commits between {base} and {head}"
    if message:
        errors = [{"resource": "PullRequest", "code": "custom", "message": message}]
        raise _Answered(refuse(422, "Validation Failed", errors))
    pull = FakePull(len(hub.pulls) + 1, call.name, head, base, call.given["title"], call.given.get("body", ""))
    hub.pulls.append(pull)
    return _pull_row(hub, call, pull)


def _label(hub: FakeGitHub, call: _Call) -> Json:
    pull = next((x for x in hub.pulls if (x.repository, str(x.number)) == (call.name, call["number"])), None)
    if not pull:
        raise _Answered(refuse(404, "Not Found"))
    pull.labels += [x for x in call.given["labels"] if x not in pull.labels]
    rows = [{"id": 1, "name": x, "color": "ededed"} for x in pull.labels]
    return web.json_response(rows)


_CONTENTS, _PULLS = "contents", "pull_requests"
_ROUTES: list[tuple[str, str, Callable[[FakeGitHub, _Call], Any], str]] = [
    ("GET", "", _repository, _CONTENTS),
    ("GET", "/branches", _branches, _CONTENTS),
    ("GET", "/git/ref/{ref:.+}", _ref, _CONTENTS),
    ("POST", "/git/refs", _make_ref, _CONTENTS),
    ("PATCH", "/git/refs/{ref:.+}", _move_ref, _CONTENTS),
    ("GET", "/git/tags/{sha}", _tag, _CONTENTS),
    ("GET", "/git/commits/{sha}", _commit, _CONTENTS),
    ("POST", "/git/commits", _make_commit, _CONTENTS),
    ("GET", "/git/trees/{sha}", _tree, _CONTENTS),
    ("POST", "/git/trees", _make_tree, _CONTENTS),
    ("GET", "/git/blobs/{sha}", _blob, _CONTENTS),
    ("POST", "/git/blobs", _make_blob, _CONTENTS),
    ("GET", "/compare/{basehead}", _compare, _CONTENTS),
    ("GET", "/commits/{sha}/branches-where-head", _branches_where_head, _CONTENTS),
    ("GET", "/releases/tags/{tag:[^/]+}", _release_by_tag, _CONTENTS),
    ("PATCH", "/releases/{release}", _edit_release, _CONTENTS),
    ("GET", "/releases/{release}/assets", _assets, _CONTENTS),
    ("GET", "/releases/assets/{asset}", _asset, _CONTENTS),
    ("DELETE", "/releases/assets/{asset}", _asset, _CONTENTS),
    ("GET", "/pulls", _pulls, _PULLS),
    ("POST", "/pulls", _make_pull, _PULLS),
    ("POST", "/issues/{number}/labels", _label, _PULLS),
]
_HANDLERS = {f"route{i}": (handler, may) for i, (_, _, handler, may) in enumerate(_ROUTES)}
_HANDLERS["upload"] = (_upload, _CONTENTS)


@asynccontextmanager
async def fake_github(root: Path) -> AsyncIterator[FakeGitHub]:
    """Run a server over the repositories below `root`, and its object storage, each on a free port of loopback."""
    hub = FakeGitHub(FakeGit(root))
    app, storage = web.Application(client_max_size=2**26), web.Application()
    for i, (method, path, _, _) in enumerate(_ROUTES):
        whole = f"/api/v3/repos/{{owner}}/{{repo}}{path}"
        app.router.add_resource(whole, name=f"route{i}").add_route(method, hub.answer)
    uploads = app.router.add_resource("/api/uploads/repos/{owner}/{repo}/releases/{release}/assets", name="upload")
    uploads.add_route("POST", hub.answer)
    app.router.add_get("/api/v3/rate_limit", hub.limits)
    app.router.add_route("*", "/{path:.*}", hub.git.answer)
    storage.router.add_get("/{asset}", hub.store)
    runners = [web.AppRunner(x, handler_cancellation=True, shutdown_timeout=0.1) for x in (app, storage)]
    try:
        for runner in runners:
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
        hub.git.host, kept = ("{}:{}".format(*runner.addresses[0][:2]) for runner in runners)
        hub.storage = f"http://{kept}"
        yield hub
    finally:
        for runner in runners:
            await runner.cleanup()
        for job in hub.jobs:
            job.cancel()
        for problem in await asyncio.gather(*hub.jobs, return_exceptions=True):
            if isinstance(problem, Exception):
                raise problem
