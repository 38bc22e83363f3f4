"""Stands between the bot and a build, as a program of its own: when either ends, nothing of the build goes on."""

import contextlib
import ctypes
import os
import resource
import select
import signal
import sys
from pathlib import Path

_PR_SET_CHILD_SUBREAPER = 36  # Linux: what loses its parent becomes our child, so that it can be found
_CANNOT_START = 127


def _limit(kind: int, value: int) -> None:
    """Lower a limit, as far as a lower one doesn't hold already."""
    hard = resource.getrlimit(kind)[1]
    value = value if hard == resource.RLIM_INFINITY else min(value, hard)
    resource.setrlimit(kind, (value, value))


def _become(command: list[str], limits: list[int]) -> None:
    """Turn this process into the command."""
    seconds, memory, file, processes = limits
    try:
        _limit(resource.RLIMIT_CORE, 0)
        _limit(resource.RLIMIT_CPU, seconds)
        _limit(resource.RLIMIT_DATA, memory)  # what may be written; of address space alone, Go and Node take far more
        _limit(resource.RLIMIT_FSIZE, file)
        _limit(resource.RLIMIT_NPROC, processes)
        for number in (signal.SIGPIPE, signal.SIGXFSZ, signal.SIGCHLD):  # Python ignores two of them
            signal.signal(number, signal.SIG_DFL)
        nothing = os.open(os.devnull, os.O_RDONLY)
        os.dup2(nothing, 0)
        os.execvp(command[0], command)  # noqa: S606 - what the operator configured
    except OSError as error:
        sys.stderr.write(f"{command[0]}: {error.strerror}\n")
        sys.stderr.flush()
    finally:
        os._exit(_CANNOT_START)


def _children() -> set[int]:
    """Give the processes that descend from this one."""
    parents: dict[int, int] = {}
    for entry in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):
            parents[int(entry.parent.name)] = int(entry.read_text(errors="replace").rpartition(")")[2].split()[1])
    found: set[int] = set()
    more = {os.getpid()}
    while more:
        more = {child for child, parent in parents.items() if parent in more} - found
        found |= more
    return found


def _kill_all() -> None:
    """Kill what is left of the build until there is nothing of it."""
    while True:
        children = _children()
        for number in (signal.SIGSTOP, signal.SIGKILL):  # stopped first, none tells of another's end, nor replaces it
            for child in children:
                with contextlib.suppress(ProcessLookupError, PermissionError):
                    os.kill(child, number)
        try:
            while os.waitpid(-1, os.WNOHANG)[0]:
                pass
        except ChildProcessError:
            return
        select.select([], [], [], 0.01)


def main() -> None:
    """Run `<limits, four numbers> <command …>`; standard input is a pipe that closes when the build has to end."""
    limits, command = [int(number) for number in sys.argv[1:5]], sys.argv[5:]
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)
    alarm, ring = os.pipe()
    os.set_blocking(ring, False)
    signal.set_wakeup_fd(ring)
    signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
    child = os.fork()
    if not child:
        _become(command, limits)
    code = 0
    while True:
        ready, _, _ = select.select([0, alarm], [], [])
        if 0 in ready:  # the bot has gone, or wants an end
            _kill_all()
            sys.exit(1)
        os.read(alarm, 4096)
        while True:
            ended, status = os.waitpid(-1, os.WNOHANG)
            if ended == child:
                code = os.waitstatus_to_exitcode(status)
                _kill_all()
                sys.exit(code if code >= 0 else 128 - code)
            if not ended:
                break


if __name__ == "__main__":
    main()
