"""A bundle that somebody built elsewhere, taken from an address or the configured folder when its SHA-256 fits."""

import asyncio
import contextlib
import hashlib
import os
import re
import socket
import stat
from collections.abc import Callable
from pathlib import Path
from typing import BinaryIO
from urllib.parse import urljoin, urlsplit

import aiohttp
from aiohttp.abc import ResolveResult

from mmbot.reach import NoSuchHost, NotPublic, behind_proxy, is_public, require_public
from mmbot.words.phrases import code

_REDIRECTS = 5
_PIECE = 2**18  # bytes
_PATIENCE = aiohttp.ClientTimeout(total=30 * 60, sock_connect=15, sock_read=60)
_MAX_PLACE = 2000  # characters
_PASSING = {408, 425, 429}  # statuses below 500 after which another try may succeed
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*:")

_BAD_SUM = "That isn't a SHA-256. Give its 64 hexadecimal digits, as `sha256sum` prints them."
_ONLY_HTTPS = "I take bundles over https only. Give an address that starts with `https://`."
_CREDENTIALS = "There is a user name or password in that address. Take it out; if it was a secret, renew it now."
_NOT_AN_ADDRESS = "That isn't the address of a bundle. Give one that starts with `https://`."
_NO_FOLDER = "I take no bundles from a folder: `release.bundles` isn't configured. Give an https address."
_NOT_THERE = "There is no such file in the folder of bundles. Give its name as it stands there."


class BadBundlePlace(Exception):  # noqa: N818 - the sentence is for people, it reads as what it is
    """There is no such bundle to take, and trying again won't help; the message is a sentence for whoever gave the place."""


class Unavailable(Exception):  # noqa: N818 - likewise
    """The bundle couldn't be fetched just now: try again later; the message is a sentence."""


async def take(
    place: str,
    sha256: str,
    folder: Path | None,
    into: Path,
    limit: int,
    progress: Callable[[int, int], None],
    *,
    plain_http: frozenset[str] = frozenset(),
) -> Path:
    """Bring a bundle of at most `limit` bytes into the file `into`, which is given back; done already, it stays.

    `place` is an https address, or a path inside `folder`. `plain_http` are the `host:port` pairs that are taken over http,
    wherever they are. `progress` counts bytes. Raises BadBundlePlace and Unavailable.
    """
    if not re.fullmatch("[0-9A-Fa-f]{64}", sha256):
        raise BadBundlePlace(_BAD_SUM)
    if not place or len(place) > _MAX_PLACE or not place.isprintable():
        raise BadBundlePlace(_NOT_AN_ADDRESS)
    if await asyncio.to_thread(_is, into, sha256.lower()):
        return into
    part = into.with_name(f"{into.name}.part")
    with part.open("wb") as file:
        wanted = _Wanted(file, sha256.lower(), limit, progress)
        if _SCHEME.match(place):
            await _download(place, wanted, plain_http)
        else:
            await _copy(place, folder, wanted)
        wanted.require()
        file.flush()
        await asyncio.to_thread(os.fsync, file.fileno())
    part.replace(into)
    return into


class _Wanted:
    """The file that is being written, which knows what it should become."""

    def __init__(self, file: BinaryIO, sha256: str, limit: int, progress: Callable[[int, int], None]) -> None:
        self._file, self._sha256, self._limit, self._progress = file, sha256, limit, progress
        self._digest, self._done, self._of = hashlib.sha256(), 0, 0

    def expect(self, size: int) -> None:
        """Take note of how many bytes there will be, 0 when nobody says."""
        self._of = size
        if size > self._limit:
            raise BadBundlePlace(
                f"That is larger than the {self._limit / 2**20:.3g} MiB that I take. Give a smaller bundle."
            )

    def add(self, piece: bytes) -> None:
        self._digest.update(piece)
        self._file.write(piece)
        self._done += len(piece)
        if self._done > self._limit:
            self.expect(self._done)
        self._progress(self._done, max(self._of, self._done))

    def require(self) -> None:
        if self._digest.hexdigest() != self._sha256:
            raise BadBundlePlace(
                f"What I find there has another SHA-256: {code(self._digest.hexdigest())}. Check the place and the sum."
            )


async def _download(url: str, wanted: _Wanted, plain_http: frozenset[str]) -> None:
    try:
        async with aiohttp.ClientSession(
            connector=aiohttp.TCPConnector(resolver=_Resolver(plain_http), use_dns_cache=False),
            cookie_jar=aiohttp.DummyCookieJar(),
            timeout=_PATIENCE,
            auto_decompress=False,
            trust_env=behind_proxy()
            and url.lower().startswith("https:"),  # without one, only ~/.netrc would come of it
        ) as session:
            for _ in range(_REDIRECTS + 1):
                host = await _require_reachable(url, plain_http)
                async with session.get(url, allow_redirects=False, headers={"Accept-Encoding": "identity"}) as answer:
                    if answer.status in {301, 302, 303, 307, 308}:
                        url = _joined(url, answer.headers.get("Location", ""))
                        continue
                    _require_content(answer.status, host)
                    wanted.expect(answer.content_length or 0)
                    async for piece in answer.content.iter_chunked(_PIECE):
                        wanted.add(piece)
                    return
    except NotPublic as error:
        raise BadBundlePlace(f"{error} Give a public address.") from None
    except NoSuchHost as error:
        raise Unavailable(str(error)) from None
    except aiohttp.InvalidURL:
        raise BadBundlePlace(_NOT_AN_ADDRESS) from None
    except (aiohttp.ClientError, TimeoutError):
        raise Unavailable("The bundle can't be fetched from there at the moment.") from None
    raise BadBundlePlace("That address redirects too often. Give the one where the bundle itself is.")


def _joined(url: str, location: str) -> str:
    try:
        return urljoin(url, location)
    except ValueError:
        raise BadBundlePlace(
            "That address redirects to what is none. Give the one where the bundle itself is."
        ) from None


async def _require_reachable(url: str, plain_http: frozenset[str]) -> str:
    """Require an address that may be asked, and give its host, shown as code."""
    try:
        parts = urlsplit(url)
        host, _ = parts.hostname or "", parts.port
    except ValueError:
        raise BadBundlePlace(_NOT_AN_ADDRESS) from None
    if "@" in parts.netloc:
        raise BadBundlePlace(_CREDENTIALS)
    if parts.scheme == "http" and parts.netloc.lower() in plain_http:
        return code(host)
    if parts.scheme != "https":
        raise BadBundlePlace(_ONLY_HTTPS)
    if not re.fullmatch(r"[A-Za-z0-9.:_-]{1,255}", host):
        raise BadBundlePlace(_NOT_AN_ADDRESS)
    await require_public(host)
    return code(host)


def _require_content(status: int, host: str) -> None:
    if status == 200:  # noqa: PLR2004 - OK
        return
    if status >= 500 or status in _PASSING:  # noqa: PLR2004 - faults of the server
        raise Unavailable(f"{host} answers with status {status} at the moment.")
    raise BadBundlePlace(f"{host} answers with status {status}. Give an address from which everybody can download.")


class _Resolver(aiohttp.ThreadedResolver):
    """Looks names up, and again whether they are public: what is checked here is what is connected to."""

    def __init__(self, plain_http: frozenset[str]) -> None:
        super().__init__()
        self._plain_http = plain_http

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_UNSPEC
    ) -> list[ResolveResult]:
        found = await super().resolve(host, port, family)
        asked = behind_proxy() or f"{host}:{port}" in self._plain_http  # what is looked up then is the proxy
        if not asked and not all(is_public(one["host"]) for one in found):
            raise NotPublic(f"{code(host)} isn't on the public internet.")
        return found


async def _copy(place: str, folder: Path | None, wanted: _Wanted) -> None:
    if folder is None:
        raise BadBundlePlace(_NO_FOLDER)
    try:
        file = await asyncio.to_thread(_open_inside, folder, place)
    except (OSError, ValueError, RuntimeError):  # RuntimeError: links in a circle
        raise BadBundlePlace(_NOT_THERE) from None
    with file:
        wanted.expect(os.fstat(file.fileno()).st_size)
        while piece := await asyncio.to_thread(file.read, _PIECE):
            wanted.add(piece)


def _open_inside(folder: Path, place: str) -> BinaryIO:
    """Open a plain file below a folder; raises OSError or ValueError when it isn't one, or a link leads out."""
    root = folder.resolve(strict=True)
    if ".." in Path(place).parts:
        raise ValueError(place)
    *above, name = (root / place).resolve(strict=True).relative_to(root).parts
    at = os.open(root, os.O_RDONLY | os.O_DIRECTORY)
    try:
        for part in above:  # one by one: none of them becomes a link in the meantime
            inner = os.open(part, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW, dir_fd=at)
            os.close(at)
            at = inner
        file = os.fdopen(os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK, dir_fd=at), "rb")
    finally:
        os.close(at)
    if not stat.S_ISREG(os.fstat(file.fileno()).st_mode):
        file.close()
        raise ValueError(place)
    return file


def _is(path: Path, sha256: str) -> bool:
    with contextlib.suppress(FileNotFoundError), path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest() == sha256
    return False
