"""Pull requests on GitHub that change one file."""

import base64
import hashlib
from dataclasses import dataclass
from http import HTTPStatus
from typing import Literal

from gidgethub import sansio

from mmbot.github.api import PULLS, READ, WRITE, GitHubUnavailable, Hub, Json, RefusedByGitHub, ref_name, whole
from mmbot.github.tags import branch_tip
from mmbot.words.phrases import code

MAX_FILE = 20 * 2**20
"""Bytes of a file that is read or changed."""

_PLAIN = "100644"
_MODES = {_PLAIN, "100755"}
_RAW = sansio.accept_format(media="raw", json=False)
_ALREADY = HTTPStatus.UNPROCESSABLE_ENTITY


class Moved(Exception):  # noqa: N818 - it is what happened
    """The file was changed meanwhile on the branch that the change is meant for: read it, and make the change anew."""


@dataclass(frozen=True)
class Proposal:
    """A pull request. `closed` is one that people didn't take."""

    number: int
    url: str
    state: Literal["open", "merged", "closed"]


def blob_sha(content: bytes) -> str:
    """What git calls a file of this content."""
    return hashlib.sha1(b"blob %d\0" % len(content) + content, usedforsecurity=False).hexdigest()


async def read_file(hub: Hub, repository: str, branch: str, path: str) -> tuple[bytes, str]:
    """A file at the tip of a branch: its bytes, and what git calls them. Refuses where there is no such plain file."""
    tip = await _tip(hub, repository, branch)
    _, sha = await _entry(hub, repository, await _tree(hub, repository, tip), path)
    if not sha:
        raise RefusedByGitHub(
            f"There is no {code(path)} on {code(branch)} of {code(repository)}. An administrator looks into `listing`."
        )
    async with hub.raw("/git/blobs/{sha}", _RAW, repository=repository, may=READ, sha=sha) as answer:
        content = await whole(answer, MAX_FILE)
    if blob_sha(content) != sha:
        raise GitHubUnavailable(f"{code(path)} didn't come whole.")
    return content, sha


async def propose(
    hub: Hub,
    repository: str,
    base_branch: str,
    branch: str,
    path: str,
    old_blob_sha: str,
    content: bytes,
    title: str,
    body: str,
    labels: tuple[str, ...] = (),
) -> Proposal:
    """Open a pull request that puts `content` in place of the file that was read as `old_blob_sha` ("" for a new file).

    `branch` is its name for good: whoever asks again with it gets the pull request that there is, whatever became of it, with its
    labels, and never a second one. So a new attempt after people closed one takes a new name. A branch without a pull request is taken
    for one of our own by its commit's message, `title`, and is replaced. Raises Moved.
    """
    if ref_name(branch) == base_branch:
        raise ValueError("a change is proposed on a branch of its own")
    there = await _pull(hub, repository, base_branch, branch)
    if not there:
        await _branch(hub, repository, base_branch, branch, path, old_blob_sha, content, title)
        there = await _open(hub, repository, base_branch, branch, title, body)
    if missing := [label for label in labels if label not in {x["name"] for x in there["labels"]}]:
        path = "/issues/{number}/labels"
        await hub.ask("POST", path, {"labels": missing}, repository=repository, may=PULLS, number=there["number"])
    open_or_closed: Literal["open", "closed"] = "open" if there["state"] == "open" else "closed"
    state: Literal["open", "merged", "closed"] = "merged" if there["merged_at"] else open_or_closed
    return Proposal(int(there["number"]), str(there["html_url"]), state)


async def _pull(hub: Hub, repository: str, base: str, branch: str) -> Json:
    """The pull request from a branch of the repository itself, an open one first; None when there never was one."""
    head = f"{repository.partition('/')[0]}:{branch}"
    query = {"head": head, "base": base, "state": "all", "sort": "created", "direction": "desc"}
    rows = await hub.ask("GET", "/pulls{?head,base,state,sort,direction}", repository=repository, may=PULLS, **query)
    # A filter that GitHub doesn't understand is left out by it, so everything is compared here.
    ours = [
        x
        for x in rows
        if x["head"]["ref"] == branch and x["base"]["ref"] == base and _is(x["head"]["repo"], repository)
    ]
    return next((x for x in ours if x["state"] == "open"), ours[0] if ours else None)


def _is(raw: Json, repository: str) -> bool:
    return bool(raw) and str(raw["full_name"]).lower() == repository.lower()


async def _open(hub: Hub, repository: str, base: str, branch: str, title: str, body: str) -> Json:
    asked = {"title": title, "body": body, "head": branch, "base": base}
    try:
        return await hub.ask("POST", "/pulls", asked, repository=repository, may=PULLS)
    except RefusedByGitHub as no:
        found = await _pull(hub, repository, base, branch) if no.status == _ALREADY else None
        if not found:
            raise
        return found


async def _branch(
    hub: Hub, repository: str, base_branch: str, branch: str, path: str, old: str, content: bytes, title: str
) -> None:
    """Have the branch hold one commit upon the base that changes the file; where one was left by an attempt before, it is replaced."""
    new = blob_sha(content)
    base = await _tip(hub, repository, base_branch)
    tree = await _tree(hub, repository, base)
    mode, now = await _entry(hub, repository, tree, path)
    if now != old:
        raise Moved
    if new == old:
        raise RefusedByGitHub(
            f"{code(path)} on {code(base_branch)} of {code(repository)} says so already: there is nothing to propose."
        )
    left = await branch_tip(hub, repository, branch)
    if left:
        commit = await hub.ask("GET", "/git/commits/{commit}", repository=repository, may=READ, commit=left)
        if commit["message"].strip() != title.strip():
            raise RefusedByGitHub(
                f"{code(repository)} has a branch {code(branch)} that isn't mine. Delete or rename it there."
            )
        same = (await _entry(hub, repository, str(commit["tree"]["sha"]), path))[1] == new
        if same and [x["sha"] for x in commit["parents"]] == [base]:
            return

    commit_sha = await _committed(hub, repository, base, tree, path, mode or _PLAIN, content, title)
    if left:
        changed = {"sha": commit_sha, "force": True}
        await hub.ask("PATCH", "/git/refs/heads/{branch}", changed, repository=repository, may=WRITE, branch=branch)
        return
    begun = {"ref": f"refs/heads/{branch}", "sha": commit_sha}
    try:
        await hub.ask("POST", "/git/refs", begun, repository=repository, may=WRITE)
    except RefusedByGitHub as no:
        if no.status == _ALREADY and await branch_tip(hub, repository, branch):  # an attempt before was done late
            raise GitHubUnavailable(f"The branch {code(branch)} has come meanwhile.") from None
        raise


async def _committed(
    hub: Hub, repository: str, base: str, tree: str, path: str, mode: str, content: bytes, message: str
) -> str:
    """Make a commit upon `base` that changes one file; no branch has it yet."""

    async def made(what: str, **data: Json) -> str:
        return str((await hub.ask("POST", what, data, repository=repository, may=WRITE))["sha"])

    blob = await made("/git/blobs", content=base64.b64encode(content).decode(), encoding="base64")
    if blob != blob_sha(content):
        raise GitHubUnavailable(f"{code(path)} didn't arrive whole.")
    row = {"path": path, "mode": mode, "type": "blob", "sha": blob}
    changed = await made("/git/trees", base_tree=tree, tree=[row])
    return await made("/git/commits", message=message, tree=changed, parents=[base])


async def _tip(hub: Hub, repository: str, branch: str) -> str:
    tip = await branch_tip(hub, repository, branch)
    if not tip:
        raise RefusedByGitHub(
            f"{code(repository)} has no branch {code(branch)} that I can see. An administrator looks into `listing` and `github.token`."
        )
    return tip


async def _tree(hub: Hub, repository: str, commit: str) -> str:
    found = await hub.ask("GET", "/git/commits/{commit}", repository=repository, may=READ, commit=commit)
    return str(found["tree"]["sha"])


async def _entry(hub: Hub, repository: str, tree: str, path: str) -> tuple[str, str]:
    """Mode and name of a plain file below a tree; empty where there is no such file."""
    *folders, name = path.split("/")
    for folder in folders:
        rows = await _rows(hub, repository, tree)
        tree = next((str(x["sha"]) for x in rows if x["path"] == folder and x["type"] == "tree"), "")
        if not tree:
            return "", ""
    for row in await _rows(hub, repository, tree):
        if row["path"] == name:
            if row["mode"] not in _MODES:
                raise RefusedByGitHub(
                    f"{code(path)} in {code(repository)} isn't a plain file. An administrator looks into `listing`."
                )
            return str(row["mode"]), str(row["sha"])
    return "", ""


async def _rows(hub: Hub, repository: str, tree: str) -> Json:
    found = await hub.ask("GET", "/git/trees/{tree}", repository=repository, may=READ, tree=tree)
    if found["truncated"]:
        raise RefusedByGitHub(
            f"A folder of {code(repository)} has more files than GitHub shows. An administrator looks into `listing`."
        )
    return found["tree"]
