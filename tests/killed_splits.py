"""Splits a bundle again and again, killed (-9) before its n-th step on the disk for every n, and then not killed.

Arguments: the bundle, an empty folder. Prints a line of JSON for each n: which files stood there after the kill and after the next
try, without those that say they are parts, each with its SHA-256; then the parts that are left.
"""

import hashlib
import json
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path

from mmbot.release.bundle import inspect
from mmbot.release.split import split

STEPS = ("os.link", "os.rename", "os.remove", "open")


def main(path: Path, folder: Path) -> None:
    bundle = inspect(path)
    status, n = 1, 0
    while status:
        n += 1
        out = folder / str(n)
        out.mkdir()
        child = os.fork()
        if child == 0:
            _die_before(n, out)
            split(path, bundle, out, "remind-v1.2.3", ("darwin", "osx"), lambda _done, _of: None)
            os._exit(0)
        status = os.waitpid(child, 0)[1]
        killed = _files(out)
        split(path, bundle, out, "remind-v1.2.3", ("darwin", "osx"), lambda _done, _of: None)
        sys.stdout.write(json.dumps([killed, _files(out), sorted(x.name for x in out.glob("*.part"))]) + "\n")


def _die_before(step: int, out: Path) -> None:
    left = step

    def count(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        if event in STEPS and str(out) in str(arguments[0]):
            left -= 1
            if not left:
                os.kill(os.getpid(), signal.SIGKILL)

    sys.addaudithook(count)


def _files(out: Path) -> Mapping[str, str]:
    return {x.name: hashlib.sha256(x.read_bytes()).hexdigest() for x in out.iterdir() if x.suffix != ".part"}


if __name__ == "__main__":
    main(Path(sys.argv[1]), Path(sys.argv[2]))
