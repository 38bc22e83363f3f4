"""Where bundles are uploaded to: any object storage, or a folder. Nothing there is overwritten silently, nothing is removed."""

import asyncio
import hashlib
import os
import re
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import BinaryIO, Literal, NoReturn
from urllib.parse import unquote, urlsplit

import obstore
from obstore.exceptions import (
    AlreadyExistsError,
    BaseError,
    NotSupportedError,
    PermissionDeniedError,
    UnauthenticatedError,
    UnknownConfigurationKeyError,
)
from obstore.store import ObjectStore, from_url

_NAME = re.compile(r"(release/)?[A-Za-z0-9](?!.*\.\.)[A-Za-z0-9._+-]{0,199}")
_CLOUDS = ("s3", "s3a", "gs", "az", "azure", "adl", "abfs", "abfss")
_SMALL = 8 * 2**20  # bytes that are sent in one request, and only where nothing stands yet
_PIECE = 2**20  # bytes read at a time
_PARTS_AT_ONCE = 2  # parts of _SMALL bytes each that are under way
_PATIENCE = {"timeout": "15min", "connect_timeout": "10s", "read_timeout": "60s"}
_OF_CLIENT = frozenset(  # options of the connection: obstore panics when they stand among those of the storage
    {"allow_http", "allow_invalid_certificates", "connect_timeout", "http1_only", "http2_only", "pool_idle_timeout"}
    | {"default_content_type", "http2_keep_alive_interval", "http2_keep_alive_timeout", "http2_keep_alive_while_idle"}
    | {"pool_max_idle_per_host", "proxy_ca_certificate", "proxy_excludes", "proxy_url", "randomize_addresses"}
    | {"read_timeout", "root_certificate", "timeout", "user_agent"}
)
_ENDPOINT = re.compile("(?<!fabric_)endpoint(_url)?$")
_PREFIX = re.compile("^(aws|azure|google)_")
_ASKED_HOST = re.compile(r"https?://(169\.254\.169\.254|metadata(\.google\.internal)?)[:/]")
"""Whom obstore asks for credentials where none are configured."""
_PASSING = {408, 425, 429}  # statuses below 500 after which another try may succeed

_BAD_URL = (
    "`storage.url` isn't an address of a storage. Give one such as `s3://bucket/prefix`, `gs://…`, `az://…` or `file:///folder`,"
    " and credentials in `storage.options`."
)
_REFUSED = "The storage refuses the credentials in `storage.options`: they need to read, write and list. Check them."
_NO_PLACE_SAID = ("NoSuchBucket", "ContainerNotFound")
_NO_PLACE = "The storage knows no such bucket or container as `storage.url` names. Create it, or correct the address."


class BadStorage(Exception):  # noqa: N818 - the sentence is for people, it reads as what it is
    """The storage can't be used as it is configured; the message is a sentence for the operator."""


class Differs(Exception):  # noqa: N818 - likewise
    """Other bytes than ours stand in the storage; the message is a sentence that names the file."""


class Missing(Exception):  # noqa: N818 - likewise
    """A file isn't in the storage; the message is a sentence that names it."""


class StorageUnavailable(Exception):  # noqa: N818 - likewise
    """The storage can't be reached just now: try again later; the message is a sentence."""


@dataclass(frozen=True)
class Storage:
    """A storage that is ready; names are those of files, perhaps with `release/` before them."""

    _store: ObjectStore = field(repr=False)
    _folder: Path | None = None

    async def put(
        self, name: str, path: Path, sha256: str, *, replace: bool, progress: Callable[[int, int], None]
    ) -> Literal["made", "there"]:
        """Upload a file, unless the same bytes are there already; other bytes only go with `replace`.

        The bytes are compared before and after, since not every server heeds the condition that nothing is there.
        `progress` counts bytes. Raises Differs, BadStorage and StorageUnavailable.
        """
        size = path.stat().st_size  # noqa: ASYNC240 - done at once
        progress(0, size)
        try:
            await self.check(name, sha256, size)
        except Missing:
            pass
        except Differs:
            if not replace:
                raise
        else:
            progress(size, size)
            return "there"
        with path.open("rb") as file:
            await self._upload(name, file, size, sha256, replace=replace, progress=progress)
        await self.check(name, sha256, size)
        return "made"

    async def _upload(
        self, name: str, file: BinaryIO, size: int, sha256: str, *, replace: bool, progress: Callable[[int, int], None]
    ) -> None:
        pieces = _pieces(file, size, sha256, progress)
        try:
            for left in self._folder.glob(f"{name}#*") if self._folder else ():
                left.unlink()  # obstore writes into `name#1` first; of a process that was killed that stays
            if size > _SMALL:
                await obstore.put_async(self._store, name, pieces, chunk_size=_SMALL, max_concurrency=_PARTS_AT_ONCE)
                return
            content = b"".join([piece async for piece in pieces])
            if not replace:
                with suppress(NotSupportedError):
                    await obstore.put_async(self._store, name, content, mode="create")
                    return
            await obstore.put_async(self._store, name, content, use_multipart=False)
        except AlreadyExistsError:
            return  # by somebody else in the meantime, or by ourselves and the answer was lost: it is compared next
        except FileNotFoundError:
            raise BadStorage(_NO_PLACE) from None
        except (BaseError, OSError) as error:
            _tell(error)

    async def check(self, name: str, sha256: str, size: int) -> None:
        """Require that a file in the storage has exactly these bytes. Raises Missing, Differs, BadStorage, StorageUnavailable."""
        digest, read = hashlib.sha256(), 0
        async for piece in self._read(name, size, sha256):
            read += len(piece)
            if read > size:
                break
            digest.update(piece)
        if (digest.hexdigest(), read) != (sha256.lower(), size):
            raise Differs(_differs(name))

    async def fetch(self, name: str, path: Path, sha256: str, limit: int) -> None:
        """Download a file of at most `limit` bytes, unless `path` holds it already. Raises as `check` does."""
        if path.is_file() and await asyncio.to_thread(_sum, path) == sha256.lower():  # noqa: ASYNC240 - done at once
            return
        part = path.with_name(f"{path.name}.part")
        digest, read = hashlib.sha256(), 0
        with part.open("wb") as file:
            async for piece in self._read(name, None, sha256):
                read += len(piece)
                if read > limit:
                    raise Differs(f"`{name}` in the storage is larger than I take.")
                digest.update(piece)
                file.write(piece)
            if digest.hexdigest() != sha256.lower():
                raise Differs(_differs(name))
            file.flush()
            await asyncio.to_thread(os.fsync, file.fileno())
        part.replace(path)

    async def _read(self, name: str, size: int | None, sha256: str) -> AsyncIterator[bytes]:
        """Give a file's bytes, unless its size alone tells that it is another."""
        if not _NAME.fullmatch(name) or not re.fullmatch("[0-9a-fA-F]{64}", sha256):
            raise ValueError(f"no name of a file with its sum: {name!r} {sha256!r}")
        try:
            found = await obstore.get_async(self._store, name)
            if size is not None and found.meta["size"] != size:
                raise Differs(_differs(name))
            async for piece in found.stream(min_chunk_size=_PIECE):
                yield bytes(piece)
        except FileNotFoundError as error:
            if any(what in str(error) for what in _NO_PLACE_SAID):
                raise BadStorage(_NO_PLACE) from None
            raise Missing(f"`{name}` isn't in the storage.") from None
        except (BaseError, OSError) as error:
            _tell(error)


def open_storage(url: str, options: Mapping[str, str]) -> Storage:
    """Make a storage of an address and obstore's options for it, without looking whether it answers. Raises BadStorage."""
    try:
        parts = urlsplit(url)
        known = parts.scheme in {*_CLOUDS, "file", "memory"} and not parts.query and not parts.fragment
        placed = bool(parts.netloc) == (parts.scheme in _CLOUDS) and (
            parts.path.startswith("/") or parts.scheme != "file"
        )
    except ValueError:
        raise BadStorage(_BAD_URL) from None
    if not known or not placed or "@" in parts.netloc or ".." in parts.path.split("/"):
        raise BadStorage(_BAD_URL)
    client = {_PREFIX.sub("", key): value for key, value in options.items() if _PREFIX.sub("", key) in _OF_CLIENT}
    config = {key: value for key, value in options.items() if _PREFIX.sub("", key) not in _OF_CLIENT}
    for key, value in config.items():
        if not _ENDPOINT.search(key):
            continue
        if not re.match("https?://", value):
            raise BadStorage(f"`storage.options.{key}` isn't an address: it has to begin with `https://`.")
        if value.startswith("http:") and client.get("allow_http") != "true":
            raise BadStorage(
                f'`storage.options.{key}` isn\'t https. Set `allow_http = "true"` if that is what you want.'
            )
    if parts.scheme not in _CLOUDS:
        return _here(url, options)
    try:
        return Storage(
            from_url(  # type: ignore[call-overload] # which options there are, obstore tells itself
                url,
                config=config or None,
                client_options={**_PATIENCE, **client},
                retry_config={"max_retries": 3, "retry_timeout": timedelta(seconds=60)},
            )
        )
    except UnknownConfigurationKeyError as error:
        key = next((key for key in config if f"'{key}'" in str(error)), "?")
        raise BadStorage(f"`storage.options` has a key that this storage doesn't know: `{key[:60]}`.") from None
    except (BaseError, OSError, ValueError, TypeError):
        raise BadStorage(
            "The storage can't be used as `storage.url` and `storage.options` describe it. Check both; the account's name"
            " and key are options."
        ) from None


def _here(url: str, options: Mapping[str, str]) -> Storage:
    if options:
        raise BadStorage("A folder has no options: leave `storage.options` away.")
    try:
        return Storage(from_url(url), Path(unquote(urlsplit(url).path)) if url.startswith("file:") else None)
    except (BaseError, OSError, ValueError):
        raise BadStorage(
            "The folder that `storage.url` names isn't there, or I may not open it. Make it first."
        ) from None


async def _pieces(file: BinaryIO, size: int, sha256: str, progress: Callable[[int, int], None]) -> AsyncIterator[bytes]:
    """Read a file, and fail at its end when it isn't what it should be: then nothing of it appears in the storage."""
    digest, done = hashlib.sha256(), 0
    while piece := await asyncio.to_thread(file.read, _PIECE):
        digest.update(piece)
        done += len(piece)
        if done == size and digest.hexdigest() != sha256.lower():
            break
        yield piece
        progress(min(done, size), size)
    if digest.hexdigest() != sha256.lower():
        raise ValueError("the file to upload isn't the one that was announced")


def _sum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _differs(name: str) -> str:
    return f"`{name}` stands in the storage with other bytes than these."


def _tell(error: Exception) -> NoReturn:
    """Make a sentence of what obstore says, which names addresses and perhaps more."""
    text = str(error)
    status = re.search(r"status code: (\d{3})", text)
    if (
        isinstance(error, PermissionDeniedError | UnauthenticatedError)
        or "169.254.169.254" in text
        or "redential" in text
    ):
        raise BadStorage(_REFUSED) from None
    if any(what in text for what in _NO_PLACE_SAID):
        raise BadStorage(_NO_PLACE) from None
    if "without LOCATION" in text:
        raise BadStorage("The bucket is in another region. Set `aws_region` in `storage.options`.") from None
    if "builder error" in text:
        raise BadStorage(_BAD_URL) from None
    if status and 400 <= int(status[1]) < 500 and int(status[1]) not in _PASSING:  # noqa: PLR2004 - ours to mend
        raise BadStorage(f"The storage refuses the request with status {status[1]}. Check `storage.options`.") from None
    raise StorageUnavailable("The storage can't be reached at the moment.") from None
