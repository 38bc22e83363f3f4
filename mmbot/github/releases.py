"""Releases on GitHub: the bundle that CI attached to one, and the signatures that are attached beside it."""

import asyncio
import contextlib
import hashlib
import os
import re
from collections.abc import AsyncIterator, Callable, Collection, Iterable, Iterator
from http import HTTPStatus
from pathlib import Path

import aiohttp
from pydantic import BaseModel, ConfigDict, Field

from mmbot.github.api import BINARY, READ, WRITE, GitHubUnavailable, Hub, RefusedByGitHub, ref_name, whole
from mmbot.words.phrases import code

MAX_UPLOAD = 10 * 2**20
"""Bytes of a file that is attached to a release."""

_DOWNLOAD = aiohttp.ClientTimeout(total=3600, sock_connect=10, sock_read=60)
_EMBEDDED = 30  # assets up to which a release is taken to show all of its own
_PAGE, _PAGES = 100, 10  # GitHub allows a release 1000 assets
_BUNDLE = re.compile(
    r"(?!.*-(linux|darwin|osx|windows|freebsd)-(amd64|arm64|386|arm)\.tar\.gz$).+\.tar\.gz", re.IGNORECASE
)
_FILE = re.compile(r"[A-Za-z0-9][A-Za-z0-9._+-]{0,200}(?<!\.)")  # what GitHub doesn't rename
_NAMED = 5  # assets that a sentence names


class BadRelease(RefusedByGitHub):
    """The release isn't one that can be worked with."""


class AssetDiffers(RefusedByGitHub):
    """The release has a file of that name with other content."""


class _Shown(BaseModel):
    model_config = ConfigDict(frozen=True, extra="ignore", hide_input_in_errors=True)


class Asset(_Shown):
    """A file of a release; `size` in bytes; `digest` is "sha256:" with 64 hexadecimal digits, None where GitHub doesn't know it."""

    id: int
    name: str
    size: int
    state: str = "uploaded"
    digest: str | None = None

    @property
    def there(self) -> bool:
        """Whether it was uploaded to its end."""
        return self.state == "uploaded"

    @property
    def sha256(self) -> str:
        """The content's sum in hexadecimal digits; "" where GitHub doesn't know it."""
        kind, _, digits = (self.digest or "").partition(":")
        return digits.lower() if kind == "sha256" else ""


class Release(_Shown):
    """A release that is no draft."""

    id: int
    html_url: str = ""
    prerelease: bool = False
    upload_url: str = Field(default="", repr=False)
    assets: tuple[Asset, ...] = ()


async def release(hub: Hub, repository: str, tag: str) -> Release | None:
    """The release of a tag with its files; None while there is none, or only a draft."""
    try:
        raw = await hub.ask("GET", "/releases/tags/{tag}", repository=repository, may=READ, tag=ref_name(tag))
    except RefusedByGitHub as no:
        if no.status != HTTPStatus.NOT_FOUND:
            raise
        return None
    found = Release.model_validate(raw)
    if len(found.assets) < _EMBEDDED:
        return found
    assets: list[Asset] = []
    for page in range(1, _PAGES + 1):
        path = "/releases/{release}/assets{?per_page,page}"
        rows = await hub.ask("GET", path, repository=repository, may=READ, release=found.id, per_page=_PAGE, page=page)
        assets += map(Asset.model_validate, rows)
        if len(rows) < _PAGE:
            break
    return found.model_copy(update={"assets": tuple(assets)})


async def bundle_asset(
    hub: Hub, repository: str, tag: str, asset_name: str = "", *, but: Collection[int] = ()
) -> Asset | None:
    """The bundle of a release: the asset of that name, or the only `.tar.gz` that is none of a single platform.

    None: it isn't there yet, or is being uploaded. `but` are the ids of assets from before the tag was moved: they were built from another
    commit, and GitHub leaves them there. Raises BadRelease where several could be meant.
    """
    found = await release(hub, repository, tag)
    assets = [x for x in found.assets if x.id not in but] if found else []
    bundles = [x for x in assets if (x.name == asset_name if asset_name else _BUNDLE.fullmatch(x.name))]
    if len(bundles) > 1:
        raise BadRelease(
            f"The release {code(tag)} has {len(bundles)} bundles: {_names(bundles)}. Say which one with `--asset-name`."
        )
    return bundles[0] if bundles and bundles[0].there else None


def _names(assets: Iterable[Asset]) -> str:
    names = sorted(code(x.name, 80) for x in assets)
    return ", ".join(names[:_NAMED]) + (f" and {len(names) - _NAMED} more" if len(names) > _NAMED else "")


async def download(
    hub: Hub, repository: str, asset: Asset, path: Path, limit_bytes: int, progress: Callable[[int, int], None]
) -> str:
    """Fetch an asset to `path` and give its SHA-256 in hexadecimal digits; `progress` is told bytes.

    A file that is there already is kept when GitHub knows the asset's sum and it is that. Raises BadRelease where the asset is larger
    than `limit_bytes`, or gone.
    """
    if asset.size > limit_bytes:
        limit = limit_bytes // 2**20
        raise BadRelease(
            f"{code(asset.name, 80)} has {asset.size / 2**20:.1f} MiB, and {limit} MiB is the most that I take. Make it smaller."
        )
    if asset.sha256 and await asyncio.to_thread(_sum, path) == asset.sha256:
        progress(asset.size, asset.size)
        return asset.sha256
    part = path.with_name(f".{path.name}.part")
    sha256, done = hashlib.sha256(), 0
    try:
        with part.open("wb") as file:
            async with _content(hub, repository, asset) as answer:
                async for chunk in answer.content.iter_chunked(2**18):
                    done += len(chunk)
                    if done > asset.size:
                        break
                    sha256.update(chunk)
                    file.write(chunk)
                    progress(done, asset.size)
            file.flush()
            await asyncio.to_thread(os.fsync, file.fileno())
        if done != asset.size or asset.sha256 not in {"", sha256.hexdigest()}:
            raise GitHubUnavailable(f"{code(asset.name, 80)} didn't come as GitHub announced it.")
        await asyncio.to_thread(_put, part, path)
    finally:
        part.unlink(missing_ok=True)
    return sha256.hexdigest()


@contextlib.asynccontextmanager
async def _content(hub: Hub, repository: str, asset: Asset) -> AsyncIterator[aiohttp.ClientResponse]:
    try:
        path = "/releases/assets/{asset}"
        async with hub.raw(path, BINARY, _DOWNLOAD, repository=repository, may=READ, asset=asset.id) as answer:
            yield answer
    except RefusedByGitHub as no:
        if no.status != HTTPStatus.NOT_FOUND:
            raise
        gone = f"{code(asset.name, 80)} was taken away or replaced while I worked. Begin the cut again."
        raise BadRelease(gone, no.status) from None


def _sum(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except FileNotFoundError:
        return ""


def _put(part: Path, path: Path) -> None:
    part.replace(path)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


async def upload_asset(hub: Hub, repository: str, tag: str, path: Path, *, replace: bool) -> None:
    """Attach a small file to a release under its own name; fine when it is there already.

    What an upload that broke off has left is removed first. Raises AssetDiffers where a file of that name has other content, unless
    `replace`, and BadRelease where there is no release.
    """
    content = await asyncio.to_thread(path.read_bytes)
    if not _FILE.fullmatch(path.name) or not 0 < len(content) <= MAX_UPLOAD:
        raise ValueError(f"{path.name} with {len(content)} bytes can't be attached to a release")
    for last in (False, True):
        found = await _existing(hub, repository, tag)
        there = next((x for x in found.assets if x.name == path.name), None)
        if there and there.there and await _same(hub, repository, there, content):
            return
        if there and there.there and not replace:
            raise AssetDiffers(
                f"The release {code(tag)} has another {code(path.name, 80)} already. Delete it there, or say `--force` with a reason."
            )
        if there:
            with _already(HTTPStatus.NOT_FOUND):
                await hub.ask("DELETE", "/releases/assets/{asset}", repository=repository, may=WRITE, asset=there.id)
        with _already(*([] if last else [HTTPStatus.UNPROCESSABLE_ENTITY])):  # somebody was quicker: look again
            raw = await hub.ask("POST", found.upload_url, content, repository=repository, may=WRITE, name=path.name)
            made = Asset.model_validate(raw)
            if (made.name, made.size, made.there) != (path.name, len(content), True):
                raise GitHubUnavailable(f"GitHub took {code(path.name, 80)} for something else.")
            return


@contextlib.contextmanager
def _already(*statuses: int) -> Iterator[None]:
    """Do without what is refused with one of these."""
    try:
        yield
    except RefusedByGitHub as no:
        if no.status not in statuses:
            raise


async def _same(hub: Hub, repository: str, asset: Asset, content: bytes) -> bool:
    """Whether an asset has this content: by its sum, or where GitHub knows none, byte for byte."""
    if asset.size != len(content):
        return False
    if asset.sha256:
        return asset.sha256 == hashlib.sha256(content).hexdigest()
    async with _content(hub, repository, asset) as answer:
        return await whole(answer, MAX_UPLOAD) == content


async def _existing(hub: Hub, repository: str, tag: str) -> Release:
    found = await release(hub, repository, tag)
    if not found:
        raise BadRelease(f"GitHub has no release {code(tag)} yet, or only a draft. Publish it.")
    return found


async def mark_prerelease(hub: Hub, repository: str, tag: str) -> None:
    """Mark a release as a pre-release; fine when it is one. Raises BadRelease where there is no release."""
    found = await _existing(hub, repository, tag)
    if not found.prerelease:
        path = "/releases/{release}"
        await hub.ask("PATCH", path, {"prerelease": True}, repository=repository, may=WRITE, release=found.id)
