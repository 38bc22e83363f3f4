"""The operator's build command, run on a clean checkout: without secrets, within limits, and nothing of it goes on."""

import asyncio
import os
import re
import shutil
import stat
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from itertools import islice
from pathlib import Path, PurePosixPath
from typing import BinaryIO

from mmbot.processes import kill_group
from mmbot.words.phrases import code

_HOME = ".build-home"
_KEPT = 2**18  # bytes of output that are kept from the beginning, and as many from the end
_TICK = 5  # seconds between two signs of progress
_PATIENCE = 10  # seconds for all of a build to go away
_MAX_LINE = 200  # characters
_MAX_FOUND = 1000  # files that are looked at
_NOT_TEXT = re.compile(r"\x1b(\[[0-9;:?]*[ -/]*[@-~]|\][^\x07\x1b]*(\x07|\x1b\\)?|.)")
_OVERSEER = str(Path(__file__).with_name("overseer.py"))


class BuildFailed(Exception):  # noqa: N818 - the sentence is for people, it reads as what it is
    """The build made no bundle; the message is a sentence, perhaps with the last line that the build wrote."""


@dataclass(frozen=True)
class BuildLimits:
    """What one build may cost. All but `seconds` and `output` hold for each of its processes; `processes` for the account."""

    seconds: float = 30 * 60
    cpu_seconds: int = 60 * 60
    memory: int = 4 * 2**30  # bytes that may be written to
    file: int = 2**30  # bytes
    output: int = 64 * 2**20  # bytes
    processes: int = 4096


async def build(
    folder: Path,
    command: Sequence[str],
    pattern: str,
    limits: BuildLimits,
    log: Path,
    progress: Callable[[int, int], None],
    *,
    source_date: int,
) -> Path:
    """Run a command in a folder and give the one file that it made, by a pattern such as `dist/*.tar.gz`.

    `source_date` is SOURCE_DATE_EPOCH, in seconds. The beginning and the end of what it writes go to `log`; `progress`
    counts seconds. The folder may hold what is read-only afterwards: `discard` deletes it. Raises BuildFailed.
    """
    _require_pattern(command, pattern)
    environment = _prepared(folder, source_date)
    with os.fdopen(os.open(log, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW, 0o600), "wb") as file:
        os.fchmod(file.fileno(), 0o600)
        written = _Written(file, limits.output)
        try:
            ended = await _run(folder, command, environment, limits, written, progress)
        finally:
            written.end()
    if written.too_much:
        raise BuildFailed(f"The build wrote too much and was stopped.{written.last_line()}")
    if ended is None:
        raise BuildFailed(
            f"The build took longer than {limits.seconds:g} seconds and was stopped.{written.last_line()}"
        )
    if ended:
        raise BuildFailed(f"The build ended with exit code {ended}.{written.last_line()}")
    with suppress(OSError):
        await asyncio.to_thread(discard, folder / _HOME)
    return await asyncio.to_thread(_found, folder, pattern)


def discard(folder: Path) -> None:
    """Delete a folder in which a build ran, with what it made unreadable or read-only; a link is deleted, not followed."""
    if folder.is_symlink() or not folder.is_dir():
        folder.unlink(missing_ok=True)
        return
    folder.chmod(0o700)
    for place, folders, _ in os.walk(folder):  # a folder is only read after what is done to it here
        for name in folders:
            path = Path(place, name)
            if not path.is_symlink():
                path.chmod(0o700)
    shutil.rmtree(folder)


class _Written:
    """What a build writes: the beginning goes to a file at once, the end when it is known to be the end."""

    def __init__(self, file: BinaryIO, limit: int) -> None:
        self._file, self._limit = file, limit
        self._size, self._end = 0, bytearray()

    def add(self, piece: bytes) -> None:
        room = max(0, _KEPT - self._size)
        self._size += len(piece)
        self._file.write(piece[:room])
        self._file.flush()
        self._end += piece
        if len(self._end) > 2 * _KEPT:
            del self._end[:-_KEPT]

    @property
    def too_much(self) -> bool:
        return self._size > self._limit

    def end(self) -> None:
        rest = self._size - _KEPT
        if rest > _KEPT:
            self._file.write(f"\n… {rest - _KEPT} bytes left out …\n".encode())
        if rest > 0:
            self._file.write(self._end[-min(rest, _KEPT) :])

    def last_line(self) -> str:
        """Give a sentence with the last line, or nothing."""
        text = _NOT_TEXT.sub("", self._end[-4096:].decode(errors="replace"))
        lines = [line for line in text.splitlines() if line.strip()]
        return f" It wrote last: {code(lines[-1], _MAX_LINE)}" if lines else ""


async def _run(
    folder: Path,
    command: Sequence[str],
    environment: Mapping[str, str],
    limits: BuildLimits,
    written: _Written,
    progress: Callable[[int, int], None],
) -> int | None:
    """Give the exit code of the command, None when it was stopped. Nothing of it runs afterwards."""
    numbers = (limits.cpu_seconds, limits.memory, limits.file, limits.processes)
    here, there = os.pipe()  # not asyncio's own: it waits for the end of a pipe before it tells of the end of a process
    try:
        process = await asyncio.create_subprocess_exec(
            *(sys.executable, "-I", "-S", _OVERSEER, *map(str, numbers), *command),
            stdin=asyncio.subprocess.PIPE,
            stdout=there,
            stderr=there,
            cwd=folder,
            env=environment,
            start_new_session=True,
        )
    except BaseException:
        os.close(here)
        raise
    finally:
        os.close(there)
    assert process.stdin  # noqa: S101 - it is a pipe; for the type checker
    waiting = asyncio.create_task(process.wait())
    reading = asyncio.create_task(_read(here, written, process.stdin.close))
    start = time.monotonic()
    try:
        while not waiting.done() and (passed := time.monotonic() - start) < limits.seconds:
            progress(int(passed), int(limits.seconds))
            await asyncio.wait({waiting}, timeout=min(_TICK, limits.seconds - passed))
        return process.returncode
    finally:
        process.stdin.close()
        try:
            await asyncio.wait({waiting}, timeout=_PATIENCE)
        finally:
            kill_group(process.pid)
            await asyncio.wait({waiting, reading}, timeout=_PATIENCE)
            reading.cancel()


async def _read(pipe: int, written: _Written, stop: Callable[[], None]) -> None:
    reader = asyncio.StreamReader()
    transport, _ = await asyncio.get_running_loop().connect_read_pipe(
        lambda: asyncio.StreamReaderProtocol(reader), os.fdopen(pipe, "rb", buffering=0)
    )
    try:
        while piece := await reader.read(2**16):
            if not written.too_much:
                written.add(piece)
            if written.too_much:
                stop()
    finally:
        transport.close()


def _prepared(folder: Path, source_date: int) -> dict[str, str]:
    """Make a home for the build, and give its environment."""
    home = folder.absolute() / _HOME
    try:
        home.mkdir()
    except FileExistsError:
        raise BuildFailed(f"There is a `{_HOME}` in the folder already. Check the commit out anew.") from None
    (home / "tmp").mkdir()
    return {
        "GOFLAGS": "-modcacherw",  # what Go downloads could not be deleted otherwise
        "HOME": str(home),
        "LANG": "C.UTF-8",
        "PATH": os.environ.get("PATH", os.defpath),
        "SOURCE_DATE_EPOCH": str(source_date),
        "TMPDIR": str(home / "tmp"),
    }


def _require_pattern(command: Sequence[str], pattern: str) -> None:
    if not command:
        raise BuildFailed("No build command is configured. Give one in `release.build`.")
    path = PurePosixPath(pattern)
    if not path.parts or path.is_absolute() or ".." in path.parts:
        raise BuildFailed(
            "`release.bundle` isn't a pattern of files in the folder of the build. Give one such as `dist/*.tar.gz`."
        )


def _found(folder: Path, pattern: str) -> Path:
    files = [path for path in islice(folder.glob(pattern), _MAX_FOUND) if _is_own_file(folder, path)]
    if not files:
        raise BuildFailed(f"The build made no file {code(pattern)}.")
    if len(files) > 1:
        names = " and ".join(code(path.name) for path in sorted(files)[:2])
        raise BuildFailed(
            f"The build made {len(files)} files {code(pattern)}, among them {names}. Narrow `release.bundle`."
        )
    return files[0]


def _is_own_file(folder: Path, path: Path) -> bool:
    """Tell whether this is a plain file that no link leads to."""
    above = [parent for parent in path.parents if parent.is_relative_to(folder) and parent != folder]
    return stat.S_ISREG(path.lstat().st_mode) and not any(parent.is_symlink() for parent in above)
