"""One commit of somebody's repository written out as plain files: no hook, filter or attribute of it has a say."""

import asyncio
import hashlib
import os
import re
import stat
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

from mmbot.domain.references import BadReference, parse_reference
from mmbot.github.git import GitLimits
from mmbot.github.remote import Remote, Unreachable, Unresolved, connect, failure

__all__ = ["GitLimits", "Unreachable", "Unresolved", "checkout"]

_MAX_LISTING = 16 * 2**20  # bytes of the names of all files
_MAX_LINK = 1024  # bytes of where a symbolic link leads
_MAX_NAME = 100  # characters of a file's name that are shown
_FILES = {b"100644": False, b"100664": False, b"100755": True}  # mode -> executable
_LINK, _SUBMODULE = b"120000", b"160000"
_ROW = re.compile(rb"([0-9]{6}) [a-z]+ ([0-9a-f]{40}) +([0-9]+|-)\t(.+)", re.DOTALL)
_PLAIN = "* -text !eol !crlf !ident !filter !working-tree-encoding\n"  # stands above what the repository says itself


@dataclass(frozen=True)
class _Entry:
    """What stands under a name: a file, or a link where `executable` is None."""

    executable: bool | None
    blob: str  # its SHA-1


async def checkout(repository: str, commit: str, limits: GitLimits, into: Path) -> int:
    """Fetch exactly this commit (40 hex digits) of a public repository and write its tree to the new folder `into`.

    Gives when it was committed, in seconds UTC.

    It is there whole or not at all: each file was compared with what the commit says. A submodule is an empty folder.
    Works in a temporary folder beside it. Raises Unresolved for good, Unreachable for now.
    """
    if os.path.lexists(into):  # noqa: ASYNC240 - done at once
        raise FileExistsError(into)
    if not re.fullmatch("[0-9a-f]{40}", commit):
        raise Unresolved("That isn't a whole commit. Give all 40 characters of it.")
    try:
        known = parse_reference(repository, plain_http_hosts=limits.plain_http)
    except BadReference as error:
        raise Unresolved(str(error)) from None
    if known.repository != repository:
        raise Unresolved("That isn't the address of a repository alone. Give it as `https://github.com/owner/plugin`.")
    try:
        with TemporaryDirectory(prefix="checkout-", dir=into.parent, ignore_cleanup_errors=True) as folder:
            async with asyncio.timeout(limits.seconds):
                remote, _ = await connect(repository, Path(folder), limits)
                await _fetch(remote, commit)
                entries = await _entries(remote, commit)
                tree = Path(folder) / "tree"
                await _write(remote, commit, tree)
                dated = await remote.git("show", "--no-patch", "--format=%ct", commit)
            await asyncio.to_thread(_finish, remote, tree, entries)
            tree.rename(into)
        return int(dated.out.decode().strip() or 0)
    except TimeoutError:
        raise Unreachable(f"{repository} didn't answer within {limits.seconds:g} seconds.") from None


async def _fetch(remote: Remote, commit: str) -> None:
    options = ("--quiet", "--no-tags", "--no-write-fetch-head", "--depth=1")
    fetched = await remote.ask("fetch", *options, "--", remote.address, f"+{commit}:refs/mmbot/cut")
    if fetched.code:
        raise failure(remote, fetched)
    found = await remote.git("rev-parse", "refs/mmbot/cut^{commit}")
    if found.out.decode().strip() != commit:
        raise Unresolved(f"`{commit[:7]}` in {remote.repository} isn't a commit.")


async def _entries(remote: Remote, commit: str) -> dict[bytes, _Entry]:
    """Give what the commit's tree holds, by path, when it is neither too much nor of an unknown kind."""
    listing = await remote.git("ls-tree", "-r", "-l", "-z", "--full-tree", commit, cap=_MAX_LISTING)
    if listing.code and not listing.too_much:
        raise failure(remote, listing)
    rows = [_ROW.fullmatch(row) for row in listing.out.split(b"\0") if row]
    if listing.too_much or sum(int(row[3]) for row in rows if row and row[3] != b"-") > remote.limits.bytes:
        raise Unresolved(f"{remote.repository} is larger than I may write out.")
    entries = {}
    for row in rows:
        if not row or row[1] not in {*_FILES, _LINK, _SUBMODULE}:
            raise Unresolved(f"{remote.repository} has something in it that is neither a file nor a link.")
        if row[1] != _SUBMODULE:
            entries[row[4]] = _Entry(_FILES.get(row[1]), row[2].decode())
    return entries


async def _write(remote: Remote, commit: str, tree: Path) -> None:
    """Let git write the files; links become files with the place that they lead to."""
    careful = ("-c", "core.protectHFS=true", "-c", "core.protectNTFS=true", "--work-tree", _prepared(remote, tree))
    for arguments in (("read-tree", commit), ("checkout-index", "--all", "--quiet")):
        written = await remote.git(*careful, *arguments)
        if written.code and re.search(r"[Ii]nvalid path|File name too long", written.err):
            raise Unresolved(f"{remote.repository} has a file name in it that git refuses to write.")
        if written.code:
            raise failure(remote, written)


def _prepared(remote: Remote, tree: Path) -> str:
    tree.mkdir()
    (remote.folder / "info").mkdir(exist_ok=True)
    (remote.folder / "info" / "attributes").write_text(_PLAIN)
    return str(tree.absolute())


def _finish(remote: Remote, tree: Path, entries: Mapping[bytes, _Entry]) -> None:
    """Make the links, then compare everything with the commit."""
    for name, entry in entries.items():
        if entry.executable is None:
            _link(remote, tree, os.fsdecode(name))
    root = os.path.realpath(tree)
    for name, entry in entries.items():  # once all are there: a link may lead through others
        place = os.path.realpath(tree / os.fsdecode(name))
        if entry.executable is None and not f"{place}/".startswith(f"{root}/"):
            raise Unresolved(_leads_out(remote, os.fsdecode(name)))
    if _found(tree) != entries:
        raise Unresolved(f"{remote.repository} can't be written out as it is: names in it fall together here.")


def _link(remote: Remote, tree: Path, name: str) -> None:
    path = tree / name
    if not stat.S_ISREG(path.lstat().st_mode) or path.lstat().st_size > _MAX_LINK:
        raise Unresolved(_leads_out(remote, name))
    target = path.read_bytes()
    if not target or target.startswith(b"/") or b"\0" in target:
        raise Unresolved(_leads_out(remote, name))
    path.unlink()
    path.symlink_to(os.fsdecode(target))


def _leads_out(remote: Remote, name: str) -> str:
    shown = "".join(c if c.isprintable() and c != "`" else "?" for c in name)
    shown = shown if len(shown) <= _MAX_NAME else f"{shown[: _MAX_NAME - 1]}…"
    return f"`{shown}` in {remote.repository} is a symbolic link that leads out of it. Take it out."


def _found(tree: Path) -> dict[bytes, _Entry]:
    found = {}
    for place, folders, files in os.walk(tree):
        for name in files + [name for name in folders if os.path.islink(os.path.join(place, name))]:  # noqa: PTH114, PTH118 - names as bytes may be no text
            path = Path(place, name)
            about = path.lstat()
            link = stat.S_ISLNK(about.st_mode)
            executable = None if link else bool(about.st_mode & stat.S_IXUSR)
            found[os.fsencode(path.relative_to(tree))] = _Entry(executable, _blob(path, about.st_size, link=link))
    return found


def _blob(path: Path, size: int, *, link: bool) -> str:
    """Give the SHA-1 under which git knows this content."""
    digest = hashlib.sha1(usedforsecurity=False)
    if link:
        target = os.fsencode(path.readlink())
        digest.update(b"blob %d\0" % len(target) + target)
        return digest.hexdigest()
    digest.update(b"blob %d\0" % size)
    with path.open("rb") as file:
        while piece := file.read(2**18):
            digest.update(piece)
    return digest.hexdigest()
