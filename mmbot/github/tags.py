"""Tags, branches and commits of a repository on GitHub."""

from http import HTTPStatus

from mmbot.github.api import READ, WRITE, Hub, Json, RefusedByGitHub, commit_name, ref_name
from mmbot.words.phrases import code

_NESTED = 5  # tags of tags that are followed
_BRANCHES = 20  # protected branches that are searched for a commit
_ALREADY = HTTPStatus.UNPROCESSABLE_ENTITY
_NOTHING = {HTTPStatus.NOT_FOUND, HTTPStatus.CONFLICT, HTTPStatus.UNPROCESSABLE_ENTITY}  # 409: the repository is empty


class TagElsewhere(RefusedByGitHub):
    """The tag is there, at `commit`, which isn't the one it should be at."""

    def __init__(self, tag: str, commit: str) -> None:
        super().__init__(
            f"The tag {code(tag)} is there already, at `{commit[:7]}`. Cut another version, or say `--force` with a reason to move it."
        )
        self.commit = commit


async def tag(hub: Hub, repository: str, name: str) -> str:
    """The commit that a tag points at, annotated or not; "" when there is no such tag. Refuses where the repository can't be read."""
    found = await _or_none(hub, repository, "/git/ref/tags/{tag}", tag=ref_name(name))
    if not found or found["ref"] != f"refs/tags/{name}":
        await hub.ask("GET", "", repository=repository, may=READ)  # there is such a repository, and it can be seen
        return ""
    target = found["object"]
    for _ in range(_NESTED):
        if target["type"] != "tag":
            break
        target = (await hub.ask("GET", "/git/tags/{sha}", repository=repository, may=READ, sha=target["sha"]))["object"]
    if target["type"] != "commit":
        raise RefusedByGitHub(f"The tag {code(name)} isn't at a commit. Delete it, or choose another.")
    return str(target["sha"])


async def make_tag(hub: Hub, repository: str, name: str, commit: str, *, replace: bool) -> None:
    """Make a lightweight tag, or with `replace` move the one there is; fine when it is there already.

    GitHub tags any commit that a fork has, too: ask `branch_of` first. Raises TagElsewhere.
    """
    commit_name(commit)
    found = await tag(hub, repository, name)
    if found == commit:
        return
    if found and not replace:
        raise TagElsewhere(name, found)
    try:
        if found:
            changed = {"sha": commit, "force": True}
            await hub.ask("PATCH", "/git/refs/tags/{tag}", changed, repository=repository, may=WRITE, tag=name)
        else:
            made = {"ref": f"refs/tags/{name}", "sha": commit}
            await hub.ask("POST", "/git/refs", made, repository=repository, may=WRITE)
    except RefusedByGitHub as no:
        if no.status != _ALREADY:
            raise
        now = await tag(hub, repository, name)  # somebody was quicker
        if now and now not in {commit, found}:
            raise TagElsewhere(name, now) from None
        if now != commit:
            raise


async def default_branch_tip(hub: Hub, repository: str) -> tuple[str, str]:
    """The default branch's name, and the commit at its tip."""
    branch = str((await hub.ask("GET", "", repository=repository, may=READ))["default_branch"])
    return branch, await branch_tip(hub, repository, branch)


async def branch_tip(hub: Hub, repository: str, branch: str) -> str:
    """The commit at the tip of a branch; "" when there is no such branch."""
    found = await _or_none(hub, repository, "/git/ref/heads/{branch}", branch=ref_name(branch))
    return str(found["object"]["sha"]) if found and found["ref"] == f"refs/heads/{branch}" else ""


async def tree_of(hub: Hub, repository: str, commit: str) -> str:
    """The tree of a commit; "" when GitHub shows none, or the commit is on none of the repository's own branches (see `branch_of`)."""
    found = await _or_none(hub, repository, "/git/commits/{commit}", commit=commit_name(commit))
    return str(found["tree"]["sha"]) if found and await branch_of(hub, repository, commit) else ""


async def branch_of(hub: Hub, repository: str, commit: str) -> str:
    """A branch of this repository that has the commit in its history; "" when none is found.

    GitHub keeps the commits of all forks of a repository together: anybody can push a commit to a fork of their own, and it is then
    shown, tagged and built under the address of the repository that it was forked from, with the secrets of its CI. Only the
    repository's own branches tell what was let in. Searched are the default branch, the protected ones, and all branches' tips.
    """
    default, tip = await default_branch_tip(hub, repository)
    if await _has(hub, repository, tip, commit):
        return default
    heads = await _or_none(hub, repository, "/commits/{commit}/branches-where-head", commit=commit_name(commit)) or []
    for branch in heads:
        if branch["commit"]["sha"] == commit:
            return str(branch["name"])
    protected = "/branches{?protected,per_page}"
    for branch in await _or_none(hub, repository, protected, protected="true", per_page=_BRANCHES) or []:
        if branch["name"] != default and await _has(hub, repository, branch["commit"]["sha"], commit):
            return str(branch["name"])
    return ""


async def _has(hub: Hub, repository: str, tip: str, commit: str) -> bool:
    """Whether a commit is in the history of another: by their names alone, since a branch and a tag may be called the same."""
    if not tip:
        return False
    path = "/compare/{tip}...{commit}{?per_page}"
    found = await _or_none(hub, repository, path, tip=commit_name(tip), commit=commit_name(commit), per_page=1)
    return bool(found) and found["status"] in {"identical", "behind"}


async def _or_none(hub: Hub, repository: str, path: str, **values: str | int) -> Json:
    """What GitHub shows under an address; None when that is nothing."""
    try:
        return await hub.ask("GET", path, repository=repository, may=READ, **values)
    except RefusedByGitHub as no:
        if no.status not in _NOTHING:
            raise
        return None
