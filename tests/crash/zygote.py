"""Starts bots quickly: everything is imported once, then each bot is a process of its own, forked, that can be killed like any other.

Each line on standard input starts one: the configuration file, the log file, at which writing statement of SQLite it is to be killed
(0: at none), and, where the changes of files below a folder and the programs that are started count as well, that folder. The process
id is printed, and when the process has ended its status and how many such statements it began.
"""

import contextlib
import ctypes
import itertools
import mmap
import os
import signal
import sqlite3
import struct
import sys
from pathlib import Path
from typing import Any

from mmbot import cli
from mmbot.run import run
from mmbot.store.database import Store

WRITES = (
    "BEGIN",
    "COMMIT",
    "INSERT",
    "UPDATE",
    "DELETE",
    "REPLACE",
    "SAVEPOINT",
    "RELEASE",
    "ROLLBACK",
    "CREATE",
    "ALTER",
)
CHANGES = frozenset(f"os.{x}" for x in ("chmod", "chown", "link", "mkdir", "remove", "rename", "rmdir", "symlink"))
IMPORTED = (run, Store)  # what the command line imports late


def die_with_parent() -> None:
    """Let the kernel (Linux) end this process with the one that started it, so that an interrupted run leaves no bot behind."""
    with contextlib.suppress(OSError, AttributeError):
        ctypes.CDLL(None).prctl(1, signal.SIGKILL)


def bot(config: str, log: str, fatal: int, place: str, steps: mmap.mmap) -> None:
    """Be the bot until the end."""
    die_with_parent()
    output = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o600)
    os.dup2(os.open(os.devnull, os.O_RDONLY), 0)
    os.dup2(output, 1)
    os.dup2(output, 2)
    numbers = itertools.count(1)

    def step() -> None:
        count = next(numbers)
        steps[:8] = struct.pack("q", count)
        if count == fatal:
            os.kill(os.getpid(), signal.SIGKILL)

    def began(statement: str) -> None:
        if statement.lstrip().upper().startswith(WRITES):
            step()

    def audited(event: str, arguments: tuple[Any, ...]) -> None:
        if event == "open":
            path, _, flags = arguments
            changes = flags & (os.O_WRONLY | os.O_RDWR) and str(path).startswith(place)
        else:
            changes = event in CHANGES and str(arguments[0]).startswith(place)
        if changes or event == "subprocess.Popen":
            step()

    def connect(*arguments: Any, **options: Any) -> sqlite3.Connection:  # noqa: ANN401 -- whatever sqlite3 takes
        connection: sqlite3.Connection = plain(*arguments, **options)
        connection.set_trace_callback(began)
        return connection

    plain = sqlite3.connect
    vars(sqlite3)["connect"] = connect  # the audit event of a connection comes before it can be traced
    if place:
        sys.addaudithook(audited)
    with contextlib.suppress(SystemExit):
        cli.main(["run", "--config", config], standalone_mode=False)


def main() -> None:
    """Start what is asked for, one after the other."""
    die_with_parent()
    for line in sys.stdin:
        config, log, fatal, place = line.rstrip("\n").split("\t")
        steps = mmap.mmap(-1, 8)
        pid = os.fork()
        if pid == 0:
            try:
                bot(config, log, int(fatal), place, steps)
            except BaseException as error:  # noqa: BLE001 -- it must not go on as another zygote
                with Path(log).open("a") as file:
                    file.write(f"ended by {error!r}\n")
            os._exit(0)
        sys.stdout.write(f"{pid}\n")
        sys.stdout.flush()
        _, status = os.waitpid(pid, 0)
        sys.stdout.write(f"{status} {struct.unpack('q', steps[:8])[0]}\n")
        sys.stdout.flush()
        steps.close()


if __name__ == "__main__":
    main()
