"""What differs between two commits of a repository, and whether that is the plugin's own version alone."""

import asyncio
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

import semver

from mmbot.github.manifest import MAX_BYTES
from mmbot.github.remote import Remote, Unresolved, bare

MAX_FILES = 20
"""Paths that are named, and files that a change of the version alone may touch."""
MAX_DIFF = 1500
"""Characters of the piece of a diff that is shown."""
_MAX_PATH = 200
_MAX_LISTING = 8 * 2**20  # bytes of all paths of a commit
_MAX_VERSION = 60
_COMMIT = re.compile("[0-9a-f]{40}")
_PLAIN_FILES = frozenset({"100644", "100755"})
# Files that a build reads as data are compared as data: a line `"version": "1.0.0"` in them may be that of a dependency.
_DATA = frozenset({"plugin.json", "package.json", "package-lock.json", "npm-shrinkwrap.json"})
_CODE = re.compile(r"(manifest|version)\.(go|ts|tsx|js|jsx)")
_PROSE = re.compile(r".+\.(md|markdown)", re.IGNORECASE)
_BEFORE = r"(export\s+)?(const\s+|var\s+|let\s+)?[\"']?(plugin_?)?version[\"']?(\s+string)?\s*(=|:|:=)\s*([\"'`])v?"
_AFTER = r"\6\s*[,;]?"
_NOTES = re.compile(r"\"release_notes_url\"\s*:\s*\"[^\"'`\\]*\"\s*,?")

Files = Mapping[str, tuple[str, str]]
"""Path to mode and object."""


@dataclass(frozen=True)
class Before:
    """The commit to compare with, 40 hex digits, and the plugin's version there, "" where it is unknown."""

    commit: str
    version: str


@dataclass(frozen=True)
class Difference:
    """What differs: paths, how many further ones; whether it is only the version, and then the lines, shortened."""

    files: tuple[str, ...] = ()
    more: int = 0
    version_only: bool = False
    diff: str = ""


async def difference(remote: Remote, before: Before, tree: str, version: str) -> Difference | None:
    """Compare what was fetched, `tree`, with an earlier commit of the same repository; None where that can't be known.

    An earlier commit that is gone, or too large, or too slow to come, is no error. Nothing is checked out, and no program
    for diffs runs: two listings are compared, and a few small files.
    """
    if not _COMMIT.fullmatch(before.commit):
        return None
    try:
        async with asyncio.timeout(remote.limits.seconds):
            return await _difference(remote, before, tree, version)
    except (TimeoutError, Unresolved, OSError, RuntimeError):
        return None


async def _difference(remote: Remote, before: Before, tree: str, version: str) -> Difference | None:
    earlier = replace(remote, folder=await bare(remote.folder.parent / "before", remote.limits))
    options = ["--quiet", "--no-tags", "--no-write-fetch-head", "--depth=1"]
    what = ["--", earlier.address, f"+{before.commit}:refs/mmbot/before"]
    fetched = await earlier.ask("fetch", *options, f"--filter=blob:limit={MAX_BYTES + 1}", *what)
    if fetched.code and "filter" in fetched.err:  # the server allows none
        fetched = await earlier.ask("fetch", *options, *what)
    if fetched.code:
        return None
    old, new = await _files(earlier, f"{before.commit}^{{tree}}"), await _files(remote, tree)
    if old is None or new is None:
        return None
    paths = changed(old, new)
    named = tuple(map(_shown, paths[:MAX_FILES]))
    found = Difference(named, len(paths) - len(named))
    if not _only_contents(old, new, paths):
        return found
    contents = {}
    for path in paths:
        both = await _content(earlier, old[path][1]), await _content(remote, new[path][1])
        contents[path] = both
    diff = version_diff(contents, before.version, version)
    return replace(found, version_only=True, diff=diff) if diff else found


async def _files(remote: Remote, tree: str) -> Files | None:
    listing = await remote.git("ls-tree", "-r", "-z", "--full-tree", tree, cap=_MAX_LISTING)
    if listing.code or listing.too_much:
        return None
    # Nothing is lost of a name that is no UTF-8: two that would read alike are two.
    rows = [row.partition("\t") for row in listing.out.decode(errors="surrogateescape").split("\0") if row]
    found = {name: (about.split(" ")[0], about.split(" ")[2]) for about, _, name in rows}
    return found if len(found) == len(rows) else None


def _shown(path: str) -> str:
    """A path on one line, as it can be stored."""
    return " ".join(path.encode(errors="surrogateescape").decode(errors="replace").split())[:_MAX_PATH]


async def _content(remote: Remote, blob: str) -> bytes | None:
    """A small file's bytes; None for a large one, which was not fetched."""
    content = await remote.git("cat-file", "blob", blob, cap=MAX_BYTES)
    return None if content.code or content.too_much else content.out


def changed(old: Files, new: Files) -> list[str]:
    """The paths that were added, removed or changed, in order."""
    return sorted(path for path in old.keys() | new.keys() if old.get(path) != new.get(path))


def _only_contents(old: Files, new: Files, paths: list[str]) -> bool:
    """Whether a few plain files have new contents, and none came, went, or became something else."""
    few = 0 < len(paths) <= MAX_FILES
    return few and all(
        path in old and path in new and old[path][0] == new[path][0] and new[path][0] in _PLAIN_FILES for path in paths
    )


def version_diff(contents: Mapping[str, tuple[bytes | None, bytes | None]], old: str, new: str) -> str:
    """The changed lines, where the plugin's own version is all that changed in these files; else "".

    The approvals of one commit may be confirmed for another on the strength of this, so what is doubtful is a change: the same
    lines but for the version, in files where it is known what a version says. In data, only the plugin's own field may differ; in
    code, only a line of `manifest.*` or `version.*` that sets nothing but the version or those notes' address; in prose, any mention.
    """
    if old == new or not all(len(x) <= _MAX_VERSION and semver.Version.is_valid(x) for x in (old, new)):
        return ""
    shown = []
    for path, (before, after) in contents.items():
        lines = _lines(path, before, after, old, new)
        if not lines:
            return ""
        shown += [_shown(path), *lines]
    text = "\n".join(shown)
    return text if len(text) <= MAX_DIFF else text[: MAX_DIFF - 2] + "\n…"


def _lines(path: str, before: bytes | None, after: bytes | None, old: str, new: str) -> list[str]:
    """The changed lines of a file in which only the version changed, else none."""
    try:
        texts = (before or b"").decode(), (after or b"").decode()
    except UnicodeDecodeError:
        return []
    if any("\0" in text for text in texts):
        return []
    rows = [text.split("\n") for text in texts]
    if len(rows[0]) != len(rows[1]):
        return []
    pairs = [(one, other) for one, other in zip(*rows, strict=True) if one != other]
    if not all(_replaced(one, old, new) == other for one, other in pairs):
        return []
    name = PurePosixPath(path).name
    if name in _DATA:
        its_own = _same_data(name, texts[0], texts[1], old, new)
    elif _CODE.fullmatch(name):
        line = re.compile(_BEFORE + re.escape(old) + _AFTER, re.IGNORECASE)
        its_own = all(line.fullmatch(x) or _NOTES.fullmatch(x) for x in (one.strip() for one, _ in pairs))
    else:
        its_own = bool(_PROSE.fullmatch(name))
    return (
        [f"{mark} {line.strip()[:_MAX_PATH]}" for pair in pairs for mark, line in zip("-+", pair, strict=True)]
        if its_own
        else []
    )


def _replaced(line: str, old: str, new: str) -> str:
    """A line with the one version in place of the other, where it stands as a whole: 1.0.0 is no part of 21.0.0 or 1.0.0-rc1."""
    whole = rf"(?<![0-9A-Za-z.+])(v?){re.escape(old)}(?![0-9A-Za-z+]|-[0-9A-Za-z]|\.[0-9])"
    return re.sub(whole, lambda found: found[1] + new, line)


def _same_data(name: str, before: str, after: str, old: str, new: str) -> bool:
    """Whether two JSON files are the same but for the version of the plugin itself, and its place in the release notes' address."""
    try:
        one, other = (json.loads(text.removeprefix("\ufeff"), object_pairs_hook=_once) for text in (before, after))
    except (ValueError, RecursionError):
        return False
    if not isinstance(one, dict) or not isinstance(other, dict):
        return False
    own = [one]
    if name in {"package-lock.json", "npm-shrinkwrap.json"}:
        packages = one.get("packages")
        own += [packages[""]] if isinstance(packages, dict) and isinstance(packages.get(""), dict) else []
    for table in own:
        if table.get("version") == old:
            table["version"] = new
    if name == "plugin.json" and isinstance(one.get("release_notes_url"), str):
        one["release_notes_url"] = _replaced(one["release_notes_url"], old, new)
    return one == other


def _once(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """An object in which nothing is said twice: which of two counts differs between readers."""
    found = {key.casefold(): value for key, value in pairs}
    if len(found) != len(pairs):
        raise ValueError("said twice")
    return dict(pairs)
