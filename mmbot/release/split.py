"""From one bundle those for each platform: read once, each run of entries deflated once, written into every bundle that needs it."""

import hashlib
import os
import shutil
import tarfile
import zlib
from collections import deque
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Literal

from isal import isal_zlib

from mmbot.domain.artifacts import Artifact
from mmbot.release.archive import BundleLimits, Entry, never, opened
from mmbot.release.bad_bundle import BadBundle
from mmbot.release.bundle import Bundle
from mmbot.release.headers import BLOCK

_LEVEL = 5
_WINDOW = 2**15  # bytes that deflated data may refer back to
_CHUNK = 2**20  # bytes deflated by themselves, so that all processors have something to do
_THREADS = 2
_AHEAD = 3 * _THREADS  # chunks in memory
_HEADER = b"\x1f\x8b\x08\0\0\0\0\0\0\xff"  # gzip without name and time
_END = bytes(2 * BLOCK)
_CHANGED = "The bundle changed while it was cut. Begin again from the file that was checked."


@dataclass(eq=False)
class _Output:
    """One bundle that is being written: a single gzip member, made of deflated segments that end at whole bytes."""

    file: BinaryIO
    sum: "hashlib._Hash" = field(default_factory=hashlib.sha256)
    size: int = 0
    crc: int = 0
    unpacked: int = 0

    def write(self, data: bytes) -> None:
        self.file.write(data)
        self.sum.update(data)
        self.size += len(data)

    def add(self, deflated: bytes, crc: int, length: int) -> None:
        self.write(deflated)
        self.crc = isal_zlib.crc32_combine(self.crc, crc, length)
        self.unpacked += length

    def finish(self) -> None:
        self.add(*_deflate(_END, b"", zlib.Z_FINISH))
        self.write(self.crc.to_bytes(4, "little") + (self.unpacked % 2**32).to_bytes(4, "little"))
        self.file.flush()


def _deflate(data: bytes, before: bytes, end: int = zlib.Z_SYNC_FLUSH) -> tuple[bytes, int, int]:
    deflater = zlib.compressobj(
        _LEVEL, zlib.DEFLATED, -zlib.MAX_WBITS, zlib.DEF_MEM_LEVEL, zlib.Z_DEFAULT_STRATEGY, before
    )
    return deflater.compress(data) + deflater.flush(end), isal_zlib.crc32(data), len(data)


class _Segments:
    """Deflates runs of entries in threads, and writes them in their order into the outputs that have them."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self._pool = pool
        self._outputs: Sequence[_Output] = ()
        self._chunk = bytearray()
        self._before = b""
        self._under_way: deque[tuple[Sequence[_Output], Future[tuple[bytes, int, int]]]] = deque()

    def begin(self, outputs: Sequence[_Output]) -> None:
        """Say where what is added from now on belongs."""
        if outputs != self._outputs:
            self._send()
            self._outputs, self._before = outputs, b""  # what came before isn't before it in every output

    def add(self, data: bytes | memoryview) -> None:
        """Take the next bytes of the archive."""
        while data:
            room = _CHUNK - len(self._chunk)
            self._chunk += data[:room]
            data = data[room:]
            if len(self._chunk) == _CHUNK:
                self._send()

    def finish(self) -> None:
        """Write what is under way."""
        self._send()
        while self._under_way:
            self._write()

    def _send(self) -> None:
        if self._chunk and self._outputs:
            data = bytes(self._chunk)
            self._under_way.append((self._outputs, self._pool.submit(_deflate, data, self._before)))
            self._before = data[-_WINDOW:]
        self._chunk.clear()
        while len(self._under_way) > _AHEAD:
            self._write()

    def _write(self) -> None:
        outputs, deflated = self._under_way.popleft()
        segment = deflated.result()
        for output in outputs:
            output.add(*segment)


def split(
    path: Path,
    bundle: Bundle,
    out: Path,
    name: str,
    macos: Sequence[Literal["darwin", "osx"]],
    progress: Callable[[int, int], None],
    stop: Callable[[], bool] = never,
) -> tuple[Artifact, ...]:
    """Make `<name>.tar.gz`, byte for byte the bundle at `path`, and `<name>-<os>-<arch>.tar.gz` for each of its platforms.

    They go into the folder `out`, each whole or not at all; done again, it makes the same files with the same bytes. Progress is in
    bytes of the bundle. To be run in a thread; raises Stopped, OSError, and BadBundle when the file isn't the one that was inspected.
    """
    with ExitStack() as stack:
        whole = out / f"{name}.tar.gz"
        whole_part = _part(stack, out, whole.name)
        shutil.copyfile(path, whole_part)  # no link: nobody else may have a way to change what is signed
        outputs: dict[str, tuple[Path, _Output]] = {}
        for platform in sorted(bundle.executables):
            part = _part(stack, out, platform)
            outputs[platform] = part, _Output(stack.enter_context(part.open("wb")))
        sha256 = _write_all(whole_part, bundle, {p: output for p, (_, output) in outputs.items()}, progress, stop)
        if sha256 != bundle.sha256:
            raise BadBundle("The bundle changed while it was cut. Begin again from the file that was checked.")
        artifacts = [_named(whole_part, whole, "", bundle.sha256, bundle.size)]
        for platform, (part, output) in outputs.items():
            system, _, processor = platform.partition("-")
            for system_name in macos if system == "darwin" else (system,):
                final = out / f"{name}-{system_name}-{processor}.tar.gz"
                link = _part(stack, out, final.name)
                _link(part, link)
                artifacts.append(_named(link, final, platform, output.sum.hexdigest(), output.size))
        _sync(out)
    progress(bundle.size, bundle.size)
    return tuple(artifacts)


def _write_all(
    path: Path,
    bundle: Bundle,
    outputs: Mapping[str, _Output],
    progress: Callable[[int, int], None],
    stop: Callable[[], bool],
) -> str:
    """Write every output to its end, and give the SHA-256 of what was read."""
    owners = _owners(bundle, outputs)
    everybody = tuple(outputs.values())
    limits = BundleLimits(packed=bundle.size, unpacked=bundle.unpacked, entries=bundle.entries, ratio=bundle.unpacked)
    said = 0
    for output in everybody:
        output.write(_HEADER)
    with opened(path, limits, stop) as archive, ThreadPoolExecutor(_THREADS, "split") as pool:
        segments = _Segments(pool)
        for entry, contents in archive.entries():
            segments.begin(owners.get(entry.name, everybody))
            segments.add(_header(entry))
            for data in contents:
                segments.add(data)
                if archive.size >= said + _CHUNK:
                    said = archive.size
                    progress(said, bundle.size)
            segments.add(bytes(-entry.size % BLOCK))
        segments.finish()
    for output in everybody:
        output.finish()
    return archive.sha256


def _owners(bundle: Bundle, outputs: Mapping[str, _Output]) -> Mapping[str, Sequence[_Output]]:
    """Give the outputs that have an executable, by its name; everything else is in all of them."""
    before = f"{bundle.top}/" if bundle.top else ""
    owners: dict[str, tuple[_Output, ...]] = {before + path: () for path in bundle.strays}
    for platform, path in bundle.executables.items():
        owners[before + path] = (*owners.get(before + path, ()), outputs[platform])
    return owners


def _header(entry: Entry) -> bytes:
    info = tarfile.TarInfo(entry.name)
    info.type = tarfile.DIRTYPE if entry.is_folder else tarfile.REGTYPE
    info.size, info.mode, info.mtime = entry.size, entry.mode, entry.mtime
    return info.tobuf(tarfile.PAX_FORMAT, "utf-8", "strict")


def _part(stack: ExitStack, out: Path, name: str) -> Path:
    """Give the path of a file that isn't whole yet, without one of an earlier try, and gone at the end."""
    part = out / f"{name}.part"
    part.unlink(missing_ok=True)
    stack.callback(part.unlink, missing_ok=True)
    return part


def _link(file: Path, link: Path) -> None:
    try:
        os.link(file, link)
    except OSError:  # another disk, or one without links
        shutil.copyfile(file, link)


def _named(part: Path, final: Path, platform: str, sha256: str, size: int) -> Artifact:
    _sync(part)
    part.replace(final)  # leaves the part where both are one file already
    return Artifact(name=final.name, platform=platform, sha256=sha256, size=size)


def _sync(path: Path) -> None:
    descriptor = os.open(path, os.O_RDONLY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
