"""Reading an untrusted tar.gz: one pass over the file, constant memory, and no byte that is not accounted for."""

import hashlib
import os
import stat
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO

from isal import igzip_lib

from mmbot.release.bad_bundle import BadBundle, Stopped
from mmbot.release.headers import BLOCK, Header, extended_size, pax_mtime, read_extended, read_header
from mmbot.release.names import Names, safe_name

_PIECE = 2**16  # bytes read at once, and
_INFLATED = 2**18  # inflated at once
_PLAIN_GZIP = {0x00, 0x08}  # flags: nothing, or the file's name
_MAX_GZIP_NAME = 255
_MAX_META = 2**14  # bytes of a header that says more about the next one
_MAX_PADDING = 2**20  # bytes of zeros that may follow the end of the archive
_FREE = 2**24  # bytes that may be inflated before the ratio matters
_DAMAGED: type[Exception] = igzip_lib.error  # type: ignore[assignment]  # its stub says that it were an exception
_PACK_AGAIN = "Pack it again with tar and gzip."


@dataclass(frozen=True)
class BundleLimits:
    """How much a bundle may be: bytes packed and unpacked, files and folders, and unpacked bytes for each packed one."""

    packed: int = 500 * 2**20
    unpacked: int = 2 * 2**30
    entries: int = 20_000
    ratio: int = 100


@dataclass(frozen=True)
class Entry:
    """A file or folder. `name` without `./` and final slash; `size` in bytes; `mode` permissions; `mtime` in seconds since 1970."""

    name: str
    is_folder: bool
    size: int
    mode: int
    mtime: int


def never() -> bool:
    """Work is not stopped."""
    return False


@contextmanager
def opened(path: Path, limits: BundleLimits, stop: Callable[[], bool] = never) -> Iterator["Archive"]:
    """Open a bundle for one pass; raises BadBundle for what is no file, empty or too large, and OSError."""
    descriptor = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NONBLOCK)  # a pipe must not make it wait
    with open(descriptor, "rb", buffering=0) as file:  # noqa: PTH123 - a descriptor has no path
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise BadBundle("The bundle isn't a file.")
        yield Archive(file, limits, stop)


class Archive:
    """One pass over a bundle. What it says of itself (sha256, size, unpacked, names) is whole when `entries` has ended."""

    def __init__(self, file: BinaryIO, limits: BundleLimits, stop: Callable[[], bool]) -> None:
        self._file = file
        self._limits = limits
        self._stop = stop
        self._hash = hashlib.sha256()
        self._inflater = igzip_lib.IgzipDecompressor(flag=igzip_lib.DECOMP_GZIP)
        self._piece = memoryview(b"")
        self.size = 0
        self.unpacked = 0
        self.names = Names(limits.entries)

    @property
    def sha256(self) -> str:
        """The hexadecimal digits of what was read."""
        return self._hash.hexdigest()

    def entries(self) -> Iterator[tuple[Entry, Iterator[memoryview]]]:
        """Give each file and folder with its contents, to be taken before the next; raises BadBundle and Stopped."""
        while (block := self._exactly(BLOCK)).strip(b"\0"):
            header = read_header(block)
            if header.kind == "global":
                if set(read_extended(self._meta(header))) - {"comment"}:  # some readers heed it, others don't
                    raise BadBundle(f"The bundle has a global pax header. {_PACK_AGAIN}")
                self.names.more()
                continue
            name, mtime = header.name, header.mtime
            if header.kind == "extended":
                fields = read_extended(self._meta(header))
                header = self._described()
                extended_size(fields, header)
                name = fields["path"].encode() if "path" in fields else header.name
                mtime = pax_mtime(fields, header)
            elif header.kind == "long name":
                name = self._meta(header).removesuffix(b"\0")
                header = self._described()
                mtime = header.mtime
            is_folder = header.kind == "folder"
            entry = Entry(safe_name(name, is_folder=is_folder), is_folder, header.size, header.mode, mtime)
            if not entry.name:
                self.names.more()
                continue
            self.names.add(entry.name, is_folder=is_folder)
            contents = self._pieces(entry.size)
            yield entry, contents
            for _ in contents:
                pass
            self._exactly(-entry.size % BLOCK)
        self._end()

    def _described(self) -> Header:
        header = read_header(self._exactly(BLOCK))
        if header.kind not in {"file", "folder"}:
            raise BadBundle(f"The bundle has two headers for one file. {_PACK_AGAIN}")
        return header

    def _meta(self, header: Header) -> bytes:
        if header.size > _MAX_META:
            raise BadBundle(f"The bundle has a header of more than {_MAX_META // 1024} KiB. {_PACK_AGAIN}")
        data = self._exactly(header.size)
        self._exactly(-header.size % BLOCK)
        return data

    def _end(self) -> None:
        if self._exactly(BLOCK).strip(b"\0"):
            raise BadBundle(f"The bundle ends too early, or something follows its end. {_PACK_AGAIN}")
        padding = 0
        while piece := self._some(_INFLATED):
            padding += len(piece)
            if padding > _MAX_PADDING or bytes(piece).strip(b"\0"):
                raise BadBundle(f"The bundle has something behind its end. {_PACK_AGAIN}")
        if self._inflater.unused_data or self._read():
            raise BadBundle(f"The bundle has something behind its compressed contents. {_PACK_AGAIN}")

    def _pieces(self, size: int) -> Iterator[memoryview]:
        while size:
            piece = self._some(size)
            if not piece:
                raise BadBundle("The bundle ends in the middle of a file: it isn't whole. Fetch or build it again.")
            size -= len(piece)
            yield piece

    def _exactly(self, size: int) -> bytes:
        return b"".join(self._pieces(size))

    def _some(self, most: int) -> memoryview:
        """Give up to `most` unpacked bytes, none only at the end of the file's compressed contents."""
        while not self._piece and not self._inflater.eof:
            self._piece = memoryview(self._inflate())
        piece, self._piece = self._piece[:most], self._piece[most:]
        return piece

    def _inflate(self) -> bytes:
        if self._stop():
            raise Stopped
        packed = b""
        if self._inflater.needs_input:
            first = not self.size
            packed = self._read()
            if first:
                _check_gzip(packed)
            if not packed:
                raise BadBundle(
                    "The bundle's compressed contents end too early: it isn't whole. Fetch or build it again."
                )
        try:
            data: bytes = self._inflater.decompress(packed, _INFLATED)
        except (_DAMAGED, EOFError):
            raise BadBundle(
                "The bundle is damaged: its compressed contents or their sum are wrong. Fetch it again."
            ) from None
        self.unpacked += len(data)
        if self.unpacked > self._limits.unpacked:
            raise BadBundle(
                f"The bundle is more than {self._limits.unpacked // 2**20:,} MiB unpacked. Make it smaller."
            )
        if self.unpacked > _FREE and self.unpacked > self._limits.ratio * self.size:
            raise BadBundle(
                f"The bundle is more than {self._limits.ratio} times as large unpacked as packed. Make it smaller."
            )
        return data

    def _read(self) -> bytes:
        packed = self._file.read(_PIECE)
        self._hash.update(packed)
        self.size += len(packed)
        if self.size > self._limits.packed:
            raise BadBundle(f"The bundle is larger than {self._limits.packed // 2**20:,} MiB. Make it smaller.")
        return packed


def _check_gzip(begin: bytes) -> None:
    if begin[:3] != b"\x1f\x8b\x08":
        raise BadBundle("The bundle isn't a gzip file. A plugin bundle is a .tar.gz.")
    if begin[3:4] == b"" or begin[3] not in _PLAIN_GZIP or (begin[3] and b"\0" not in begin[10 : 11 + _MAX_GZIP_NAME]):
        raise BadBundle(f"The bundle's gzip header has something in it that readers stumble over. {_PACK_AGAIN}")
