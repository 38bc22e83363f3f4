"""From a reference to one commit, and what its review begins with: the manifest, and which usual files there are."""

import asyncio
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Literal

from mmbot.domain.manifest import BadManifest
from mmbot.domain.references import BadReference, Reference, is_ref_name, parse_reference
from mmbot.github.difference import Before, Difference, difference
from mmbot.github.git import Ended, GitLimits
from mmbot.github.manifest import MAX_BYTES, Manifest, parse_manifest
from mmbot.github.remote import HEADS, MAX_REFS, TAGS, Refs, Remote, Unreachable, Unresolved, bare, connect, failure

__all__ = ["Before", "Difference", "GitLimits", "Manifest", "Resolution", "Unreachable", "Unresolved", "resolve"]

_WHOLE = 40  # hex digits of a commit
_HISTORY = 300  # commits behind each branch and tag that are searched
_MAX_LISTING = 2**20  # bytes of a folder's listing
_ENDING = r"(\.(md|markdown|rst|txt|adoc))?"
_EVIDENCE = {
    "license": re.compile(rf"(licen[cs]e|copying)(-[a-z0-9.]+)?{_ENDING}", re.IGNORECASE),
    "readme": re.compile(rf"readme{_ENDING}", re.IGNORECASE),
    "security": re.compile(rf"security{_ENDING}", re.IGNORECASE),
    "changelog": re.compile(rf"(changelog|changes|history|news|release[-_]?notes){_ENDING}", re.IGNORECASE),
}


@dataclass(frozen=True)
class Resolution:
    """The one commit that a reference means."""

    repository: str  # the canonical URL; the new one when the repository was renamed
    kind: Literal["branch", "tag", "commit", "pull", "default"]
    name: str  # the branch, tag or pull request; the whole commit; the default branch's name
    commit: str  # 40 hex digits
    tree: str  # 40 hex digits
    reachable: bool  # found on a branch or tag; False: from a pull request, a fork, or too far back to be seen
    manifest: Manifest | None
    manifest_problem: str  # "", or a sentence why there is no manifest
    evidence: Mapping[str, str]  # license, readme, security, changelog -> the file's name in the top folder
    difference: Difference | None = None  # from the commit asked about, where that could be found out

    @property
    def version(self) -> str:
        """The plugin's version: the manifest's, else that of the tag, else ""."""
        tagged = self.name.removeprefix("v") if self.kind == "tag" else ""
        return (self.manifest.version if self.manifest else "") or tagged


@dataclass(frozen=True)
class _Target:
    kind: Literal["branch", "tag", "commit", "pull", "default"]
    name: str
    source: str  # the ref or commit to fetch
    commit: str
    reachable: bool


async def resolve(reference: Reference, limits: GitLimits, workdir: Path, before: Before | None = None) -> Resolution:
    """Find the commit a reference means and look into its top folder; compare it with the commit `before`, if there is one.

    Works in a temporary folder inside `workdir`. Raises Unresolved for good, Unreachable for now.
    """
    try:
        with TemporaryDirectory(prefix="resolve-", dir=workdir) as folder:
            async with asyncio.timeout(limits.seconds):
                found, remote = await _resolve(reference, limits, Path(folder))
            if (
                before and before.commit != found.commit
            ):  # with a time limit of its own: it can fail, and nothing with it
                return replace(found, difference=await difference(remote, before, found.tree, found.version))
            return found
    except TimeoutError:
        raise Unreachable(f"{reference.repository} didn't answer within {limits.seconds:g} seconds.") from None


async def _resolve(reference: Reference, limits: GitLimits, folder: Path) -> tuple[Resolution, Remote]:
    try:
        read_again = parse_reference(str(reference), plain_http_hosts=limits.plain_http)
    except BadReference as error:
        raise Unresolved(str(error)) from None
    if read_again != reference:
        raise Unresolved("That isn't a reference I can look up. Give the repository and a tag or commit.")
    remote, refs = await connect(reference.repository, folder, limits)
    target = await _target(reference, remote, refs)
    tree = await _fetch(remote, target)
    listing = await remote.git("ls-tree", "-z", tree, cap=_MAX_LISTING)
    if listing.code and not listing.too_much:
        raise failure(remote, listing)
    entries = _entries(listing)
    manifest, problem = await _manifest(remote, entries)
    if listing.too_much:
        problem = "The top folder has too many files to look for plugin.json."
    found = Resolution(
        repository=remote.repository,
        kind=target.kind,
        name=target.name,
        commit=target.commit,
        tree=tree,
        reachable=target.reachable,
        manifest=manifest,
        manifest_problem=problem,
        evidence=_evidence(entries),
    )
    return found, remote


async def _target(reference: Reference, remote: Remote, refs: Refs) -> _Target:
    if reference.kind == "commit":
        return await _commit(reference.name, remote, refs)
    if reference.kind == "default":
        if "HEAD" not in refs.commits:
            raise Unresolved(f"{remote.repository} has no default branch. Give a branch, tag or commit.")
        return _Target("default", refs.default or "HEAD", "HEAD", refs.commits["HEAD"], reachable=True)
    if reference.kind == "pull":
        for ref in (f"refs/pull/{reference.name}/head", f"refs/merge-requests/{reference.name}/head"):
            if commit := refs.commits.get(ref):
                return _Target("pull", reference.name, ref, commit, reachable=commit in refs.lasting())
        raise Unresolved(f"{remote.repository} has no pull request {reference.name}.")
    return await _named(reference, remote, refs)


async def _named(reference: Reference, remote: Remote, refs: Refs) -> _Target:
    """Find a branch or tag, or what begins like one where the name comes from a link with a path behind it."""
    parts = reference.name.split("/")
    shortest = 1 if reference.path_may_follow else len(parts)
    for name in ("/".join(parts[:end]) for end in range(len(parts), shortest - 1, -1)):
        branch = refs.commits.get(HEADS + name) if reference.kind != "tag" else None
        tag = refs.commits.get(TAGS + name) if reference.kind != "branch" else None
        if branch and tag and branch != tag:
            raise Unresolved(
                f"{_quoted(name)} is a branch ({branch[:7]}) and a tag ({tag[:7]}) in {remote.repository}."
                f" Say which: {_quoted(HEADS + name)} or {_quoted(TAGS + name)}."
            )
        if tag:
            return _Target("tag", name, TAGS + name, tag, reachable=True)
        if branch:
            return _Target("branch", name, HEADS + name, branch, reachable=True)
    first = parts[0] if reference.path_may_follow else reference.name
    if reference.kind == "unknown" and re.fullmatch("[0-9a-f]{7,40}", first):
        return await _commit(first, remote, refs)
    what = {"branch": "branch", "tag": "tag"}.get(reference.kind, "branch or tag")
    alike = next((name for name in refs.commits if _plain(name) == _plain(reference.name)), "")
    alike = alike.removeprefix(HEADS).removeprefix(TAGS)
    hint = f"Did you mean {_quoted(alike)}?" if is_ref_name(alike) else "Look up how it is spelled there."
    raise Unresolved(f"{remote.repository} has no {what} {_quoted(reference.name)}. {hint}")


def _plain(name: str) -> str:
    """Give a name without what people leave out or change: `V1.0.0`, `1.0.0`."""
    return name.removeprefix(HEADS).removeprefix(TAGS).casefold().removeprefix("v")


async def _commit(start: str, remote: Remote, refs: Refs) -> _Target:
    """Find a commit by its first 7 to 40 hex digits.

    A short one is looked for everywhere: anybody can make a pull request with a commit that begins the same.
    """
    lasting = refs.lasting()
    if len(start) < _WHOLE or start not in lasting:
        lasting |= await _history(remote)
    found = {commit for commit in lasting | set(refs.commits.values()) if commit.startswith(start)}
    called = {refs.commits[ref] for ref in (HEADS + start, TAGS + start) if ref in refs.commits}
    if called and len(start) < _WHOLE:  # a branch or tag whose name looks like a commit
        if found <= called:
            return await _named(Reference(remote.repository, "unknown", start), remote, refs)
        found |= called
    if len(found) > 1:
        raise Unresolved(f"`{start}` means more than one commit in {remote.repository}. Give all 40 characters of it.")
    if not found and len(start) < _WHOLE:
        raise Unresolved(
            f"I find no commit `{start}` among the newest of {remote.repository}."
            " Give all 40 characters of it, or its tag."
        )
    commit = found.pop() if found else start
    return _Target("commit", commit, commit, commit, reachable=commit in lasting)


async def _history(remote: Remote) -> set[str]:
    """Give the commits that lead to branches and tags, as far as it can be afforded."""
    past = replace(remote, folder=await bare(remote.folder.parent / "history", remote.limits))
    refspecs = [f"+{prefix}*:{prefix}*" for prefix in (HEADS, TAGS)]
    options = ("--quiet", "--no-tags", f"--depth={_HISTORY}", "--filter=tree:0")
    fetched = await past.ask("fetch", *options, "--", past.address, *refspecs)
    if fetched.code:
        return set()
    return set((await past.git("rev-list", "--all", cap=MAX_REFS)).out.decode().split())


async def _fetch(remote: Remote, target: _Target) -> str:
    """Fetch the target's one commit without large files; give its tree."""
    options = ["--quiet", "--no-tags", "--no-write-fetch-head", "--depth=1"]
    what = ["--", remote.address, f"+{target.source}:refs/mmbot/review"]
    fetched = await remote.ask("fetch", *options, f"--filter=blob:limit={MAX_BYTES + 1}", *what)
    if fetched.code and "filter" in fetched.err:  # the server allows none
        fetched = await remote.ask("fetch", *options, *what)
    if fetched.code:
        raise failure(remote, fetched)
    found = await remote.git("rev-parse", "refs/mmbot/review^{commit}", "refs/mmbot/review^{tree}")
    if found.code:
        raise Unresolved(f"{_quoted(target.name)} in {remote.repository} isn't a commit.")
    commit, tree = found.out.decode().split()
    if commit != target.commit:
        raise Unreachable(f"{_quoted(target.name)} in {remote.repository} moved while I was looking.")
    return tree


def _entries(listing: Ended) -> dict[str, tuple[str, str]]:
    """Give mode and object of each entry of a folder by its name."""
    if listing.code or listing.too_much:
        return {}
    rows = (row.partition("\t") for row in listing.out.decode(errors="replace").split("\0") if row)
    return {name: (about.split(" ")[0], about.split(" ")[2]) for about, _, name in rows}


async def _manifest(remote: Remote, entries: Mapping[str, tuple[str, str]]) -> tuple[Manifest | None, str]:
    names = ("plugin.json", "plugin.yaml", "plugin.yml")
    folders = [name for name, (mode, _) in entries.items() if mode == "040000" and not name.startswith(".")]
    if not any(name in entries for name in names) and len(folders) == 1:
        entries = _entries(await remote.git("ls-tree", "-z", entries[folders[0]][1], cap=_MAX_LISTING))
    yaml = next((name for name in names[1:] if name in entries), "")
    if yaml:
        return (
            None,
            f"Only plugin.json is read, and a Mattermost server would take {yaml} first. Keep plugin.json alone.",
        )
    if "plugin.json" not in entries:
        return None, "There is no plugin.json in the top folder."
    mode, blob = entries["plugin.json"]
    if mode not in {"100644", "100755", "100664"}:
        return None, "plugin.json isn't a plain file."
    content = await remote.git("cat-file", "blob", blob, cap=MAX_BYTES)
    if content.code or content.too_much:  # what is too large wasn't fetched
        return None, f"plugin.json is larger than {MAX_BYTES // 1024} KiB."
    try:
        return parse_manifest(content.out), ""
    except BadManifest as error:
        return None, str(error)


def _evidence(entries: Mapping[str, tuple[str, str]]) -> dict[str, str]:
    files = sorted(
        (name for name, (mode, _) in entries.items() if mode.startswith("100")), key=lambda name: (len(name), name)
    )
    found = {kind: next(filter(pattern.fullmatch, files), "") for kind, pattern in _EVIDENCE.items()}
    return {kind: name for kind, name in found.items() if name}


def _quoted(name: str) -> str:
    """Show a name as code: nothing in it mentions, links or formats."""
    return "`" + name.replace("`", "'") + "`"
