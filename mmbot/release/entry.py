"""What an entry of the listing is made from: the cut artifacts, in a folder or in a store that is read over HTTP."""

import asyncio
import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import aiohttp

from mmbot.domain.entry import Contents, Uploaded, bundle_name, manifest_of, names_for
from mmbot.domain.listing import PLATFORMS
from mmbot.release.bad_bundle import BadBundle
from mmbot.release.bundle import inspect

MAX_BUNDLE, MAX_SIGNATURE = 2**30, 64 * 2**10
"""Bytes."""
_NAME = re.compile(r"[A-Za-z0-9_][A-Za-z0-9._+-]{0,127}")
_MISSING = (403, 404, 410)  # a bucket whose list is private answers 403 for what it has not
_TIMEOUT = aiohttp.ClientTimeout(total=1800, sock_connect=20, sock_read=60)


class BadArtifacts(Exception):  # noqa: N818 -- the sentence is for people, it reads as what it is
    """What was cut is not there or not as it should be; trying again won't help. The message is a sentence with the way forward."""


class UnavailableArtifacts(Exception):  # noqa: N818 -- likewise
    """The store did not answer as it should, just now; the message says what it did."""


@dataclass(frozen=True)
class Artifacts:
    """What was found for a tag: what the bundle holds, the signed bundles, and the names of all files, signatures too."""

    contents: Contents
    bundles: tuple[Uploaded, ...]

    @property
    def uploaded(self) -> frozenset[str]:
        """The names of all that is there."""
        signed = {f"{x.name}.sig" for x in self.bundles if x.signature}
        return frozenset({x.name for x in self.bundles} | signed)


async def gather(source: str, repository: str, tag: str, work: Path) -> Artifacts:
    """Find what was cut under a tag of a repository (its name without the organisation).

    `source` is a folder or an address that starts with http(s)://; `work` is a folder for what is fetched. Raises BadArtifacts,
    UnavailableArtifacts, domain.entry.BadEntry.
    """
    for name in (repository, tag):
        if not _NAME.fullmatch(name) or ".." in name:
            raise BadArtifacts(
                f"{name[:60]!r} can be no part of a file's name. Give the repository's name and the tag."
            )
    async with _opened(source, work) as place:
        whole = bundle_name(repository, tag)
        contents = await asyncio.to_thread(contents_of, await place.file(whole))
        declared = (manifest_of(contents.manifest).get("server") or {}).get("executables") or {}
        platforms = [x for x in dict.fromkeys([*PLATFORMS, *declared]) if _NAME.fullmatch(x) and ".." not in x]
        names = [whole, *(name for x in platforms for name in names_for(repository, tag, x))]
        bundles = [Uploaded(x, await place.small(f"{x}.sig")) for x in names if await place.has(x)]
    return Artifacts(contents, tuple(bundles))


def contents_of(path: Path) -> Contents:
    """What of a bundle goes into an entry. Raises BadArtifacts. Blocks: run it in a thread."""
    try:
        found = inspect(path)
    except BadBundle as no:
        raise BadArtifacts(f"{path.name}: {no}") from None
    return Contents(found.manifest, found.icon or b"")


@asynccontextmanager
async def _opened(source: str, work: Path) -> "AsyncIterator[_Folder | _Store]":
    if source.startswith(("http://", "https://")):
        async with aiohttp.ClientSession(timeout=_TIMEOUT, auto_decompress=False) as http:
            yield _Store(http, source.rstrip("/"), work)
    else:
        yield _folder(Path(source))


def _folder(place: Path) -> "_Folder":
    if not place.is_dir():
        raise BadArtifacts(f"{place} is neither a folder nor an address. Name where the cut artifacts are.")
    return _Folder(place)


@dataclass(frozen=True)
class _Folder:
    place: Path

    async def has(self, name: str) -> bool:
        return (self.place / name).is_file()

    async def file(self, name: str) -> Path:
        if not await self.has(name):
            raise BadArtifacts(f"{name} is not in {self.place}. Cut that tag first, or say where it is.")
        return self.place / name

    async def small(self, name: str) -> bytes:
        if not await self.has(name):
            return b""
        with (self.place / name).open("rb") as file:
            return _limited(name, file.read(MAX_SIGNATURE + 1))


@dataclass(frozen=True)
class _Store:
    http: aiohttp.ClientSession
    address: str
    work: Path

    async def has(self, name: str) -> bool:
        async with self._asked("HEAD", name) as answer:
            return answer is not None

    async def file(self, name: str) -> Path:
        path, size = self.work / name, 0
        async with self._asked("GET", name) as answer:
            if answer is None:
                raise BadArtifacts(f"{name} is not at {self.address}. Cut that tag first, or say where it is.")
            with path.open("wb") as file:
                async for chunk in answer.content.iter_chunked(2**18):
                    size += len(chunk)
                    if size > MAX_BUNDLE:
                        raise BadArtifacts(f"{name} is larger than {MAX_BUNDLE // 2**30} GB. Cut it anew, smaller.")
                    file.write(chunk)
        return path

    async def small(self, name: str) -> bytes:
        async with self._asked("GET", name) as answer:
            if answer is None:
                return b""
            data = bytearray()
            async for chunk in answer.content.iter_chunked(2**14):
                data += chunk
                if len(data) > MAX_SIGNATURE:
                    break
            return _limited(name, bytes(data))

    @asynccontextmanager
    async def _asked(self, method: str, name: str) -> AsyncIterator[aiohttp.ClientResponse | None]:
        """The store's answer, None where it has no such file."""
        try:
            async with self.http.request(method, f"{self.address}/{name}") as answer:
                if answer.status not in {200, *_MISSING}:
                    raise UnavailableArtifacts(f"{self.address} answers {answer.status} for {name}.")
                yield answer if answer.status == 200 else None  # noqa: PLR2004 -- HTTP's number for a file that is there
        except (aiohttp.ClientError, TimeoutError) as error:
            raise UnavailableArtifacts(
                f"{self.address} did not give {name}: {error or type(error).__name__}."
            ) from error


def _limited(name: str, data: bytes) -> bytes:
    if len(data) > MAX_SIGNATURE:
        raise BadArtifacts(
            f"{name} is larger than {MAX_SIGNATURE // 1024} KB: that is no signature. Sign the bundle anew."
        )
    return data
