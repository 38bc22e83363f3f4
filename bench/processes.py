"""Programs started beside the measuring one: how long until they listen, and how much memory they take then."""

import asyncio
import contextlib
import os
import socket
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from bench import ROOT

LONGEST = 60.0
"""Seconds until something that was started must listen."""


@dataclass(frozen=True)
class Started:
    """A running program: its port, the seconds until it listened, the bytes of memory that were resident then, its process id."""

    port: int
    seconds: float
    resident: int
    process: int


def free_port() -> int:
    """A port on which nothing listens."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


@contextlib.asynccontextmanager
async def started(arguments: Sequence[str], port: int, log: Path) -> AsyncIterator[Started]:
    """Run this Python with arguments until the block ends, from when it listens on the port; its output goes to `log`."""
    with log.open("ab") as output:
        began = time.perf_counter()
        process = await asyncio.create_subprocess_exec(
            sys.executable, *arguments, cwd=ROOT, stdout=output, stderr=output, env=_environment()
        )
        try:
            seconds = await _until_it_listens(process, port, log) - began
            yield Started(port, seconds, resident(process.pid), process.pid)
        finally:
            if process.returncode is None:
                process.terminate()
            await process.wait()


async def _until_it_listens(process: asyncio.subprocess.Process, port: int, log: Path) -> float:
    async with asyncio.timeout(LONGEST):
        while process.returncode is None:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.003)
            else:
                writer.close()
                return time.perf_counter()
    raise RuntimeError(f"It ended at once; {log} says why.")


async def finished(arguments: Sequence[str]) -> float:
    """The seconds that a run of this Python with arguments takes from beginning to end."""
    began = time.perf_counter()
    process = await asyncio.create_subprocess_exec(
        sys.executable, *arguments, cwd=ROOT, stdout=asyncio.subprocess.DEVNULL, env=_environment()
    )
    if await process.wait():
        raise RuntimeError(f"{arguments} failed")
    return time.perf_counter() - began


def resident(process: int) -> int:
    """The bytes of memory that a process has resident, itself and not its children."""
    pages = int(Path(f"/proc/{process}/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


def _environment() -> Mapping[str, str]:
    return {name: value for name, value in os.environ.items() if not name.startswith("MMBOT_")}
