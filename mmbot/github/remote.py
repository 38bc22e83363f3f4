"""Somebody's repository elsewhere: reached over https, and asked for its branches, tags and pull requests."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from urllib.parse import urljoin, urlsplit

import aiohttp

from mmbot.domain.references import BadReference, is_ref_name, parse_reference
from mmbot.github.git import Ended, GitLimits, run_git
from mmbot.reach import NoSuchHost, NotPublic, require_public

HEADS, TAGS = "refs/heads/", "refs/tags/"
MAX_REFS = 16 * 2**20  # bytes of what a server lists
_REDIRECTS = 3  # a renamed repository, and GitLab's .git


class Unresolved(Exception):  # noqa: N818 - the sentence is for people, it reads as what it is
    """The reference leads nowhere, and trying again won't help; the message is a sentence for whoever gave it."""


class Unreachable(Exception):  # noqa: N818 - likewise
    """The repository couldn't be read just now: try again later; the message is a sentence."""


@dataclass(frozen=True)
class Remote:
    """A repository elsewhere, and the empty one here that it is fetched into."""

    repository: str  # canonical
    address: str  # what git is given: perhaps with .git
    folder: Path
    limits: GitLimits

    async def git(self, *arguments: str, cap: int = 2**20) -> Ended:
        """Run git without the network."""
        return await run_git(self.folder, self.limits, *arguments, cap=cap)

    async def ask(self, *arguments: str, cap: int = 2**20) -> Ended:
        """Run git with the network; the arguments end in `--`, the address and refspecs."""
        return await run_git(self.folder, self.limits, *arguments, url=self.address, cap=cap)


@dataclass(frozen=True)
class Refs:
    """What the repository lists."""

    default: str  # the default branch's name
    commits: Mapping[str, str]  # HEAD, refs/heads/…, refs/tags/…, refs/pull/…/head -> commit, tags followed to the end

    def lasting(self) -> set[str]:
        """Give the commits at the tips of branches and tags."""
        return {commit for name, commit in self.commits.items() if name.startswith((HEADS, TAGS))}


async def bare(folder: Path, limits: GitLimits) -> Path:
    """Make an empty repository."""
    folder.mkdir()  # noqa: ASYNC240 - done at once
    made = await run_git(folder, limits, "init", "--quiet", "--bare", "--template=", "--initial-branch=main", ".")
    if made.code:
        raise RuntimeError(f"git init ended with {made.code}: {made.err}")
    return folder


async def connect(repository: str, folder: Path, limits: GitLimits) -> tuple[Remote, Refs]:
    """Ask a canonical URL for the refs, following a repository that was renamed within its host.

    Raises Unresolved and Unreachable.
    """
    if repository.startswith("https:"):
        try:
            await require_public(urlsplit(repository).hostname or "")
        except NoSuchHost as error:
            raise Unreachable(str(error)) from None
        except NotPublic as error:
            raise Unresolved(f"{error} Give the address of a public repository.") from None
    remote = Remote(repository, repository, await bare(folder / "one", limits), limits)
    for _ in range(_REDIRECTS + 1):
        answer = await remote.ask("ls-remote", "--quiet", "--symref", "--", remote.address, cap=MAX_REFS)
        if answer.too_much:
            raise Unresolved(f"{remote.repository} has more branches, tags and pull requests than I can read.")
        if not answer.code:
            return remote, _refs(remote, answer.out)
        if not re.search(r"returned error: 30[12378]", answer.err):
            raise failure(remote, answer)
        remote = await _moved(remote)
    raise Unresolved(f"{remote.repository} redirects too often. Give the repository's own address.")


async def _moved(remote: Remote) -> Remote:
    """Read where a repository has moved to. git isn't let: it would go to any host that it is sent to."""
    question = "/info/refs?service=git-upload-pack"
    try:
        async with (
            aiohttp.ClientSession(trust_env=remote.address.startswith("https:")) as session,
            session.get(f"{remote.address}{question}", allow_redirects=False) as answer,
        ):
            there = urljoin(str(answer.url), answer.headers.get("Location", ""))
    except (aiohttp.ClientError, ValueError):
        raise Unreachable(f"{remote.repository} can't be read at the moment.") from None
    address = there.removesuffix(question)
    try:
        known = parse_reference(address, plain_http_hosts=remote.limits.plain_http)
    except BadReference:
        known = None
    same_place = known and urlsplit(known.repository)[:2] == urlsplit(remote.repository)[:2]
    if not known or not same_place or address not in {known.repository, f"{known.repository}.git"}:
        raise Unresolved(f"{remote.repository} sends me on to another place. Give the repository's own address.")
    return replace(remote, repository=known.repository, address=address)


def _refs(remote: Remote, out: bytes) -> Refs:
    default, commits = "", {}
    for line in out.decode(errors="replace").split("\n"):
        value, tab, name = line.partition("\t")
        if name == "HEAD" and value.startswith(f"ref: {HEADS}"):
            default = value.removeprefix(f"ref: {HEADS}")
        elif tab and re.fullmatch("[0-9a-f]{40}", value):
            commits[name.removesuffix("^{}")] = value  # what an annotated tag points at comes after the tag
        elif tab and re.fullmatch("[0-9a-f]{64}", value):
            raise Unresolved(f"{remote.repository} uses SHA-256 for its commits, which I can't read yet.")
    if not commits:
        raise Unresolved(f"{remote.repository} is empty.")
    return Refs(default if is_ref_name(default) else "", commits)


def failure(remote: Remote, ended: Ended) -> Unresolved | Unreachable:
    """Tell from git's words, and from how much it wrote, what is wrong for good from what may pass."""
    written = max((file.stat().st_size for file in remote.folder.rglob("*")), default=0)
    if written >= remote.limits.bytes:
        return Unresolved(f"{remote.repository} is larger than I may fetch.")
    for pattern, sentence in (
        (r"could not read Username|repository '.*' not found|error: 40[134]\b|error: 410|error: 451",
         "I can't read {}: there is no such repository, or it isn't public."),
        (r"not valid: is this a git repository|dumb http transport", "{} isn't a git repository."),
        (r"not our ref|no such remote ref|unadvertised object|upload-pack: not", "{} has no such commit."),
        (r"transport '.*' not allowed", "{} asks for a protocol that I don't speak."),
        (r"fsck error|in fsck", "{} has objects in it that git itself finds malformed."),
    ):  # fmt: skip
        if re.search(pattern, ended.err):
            return Unresolved(sentence.format(remote.repository))
    return Unreachable(f"{remote.repository} can't be read at the moment.")
