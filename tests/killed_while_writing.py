"""Run by test_listing_file.py: writes a file in children that are killed at each line of it, and says what each left.

python killed_while_writing.py FILE
"""

import hashlib
import json
import os
import signal
import sys
from itertools import count
from pathlib import Path
from types import FrameType
from typing import Any

from mmbot.release import listing_file

OLD, NEW = b"[]\n" * 100_000, b"[1]\n" * 120_000


def write(path: Path, last: int) -> None:
    """Write the file, and die before a line of the module."""
    left = count(1)

    def line(frame: FrameType, event: str, _about: Any) -> Any:  # noqa: ANN401 -- what the interpreter gives
        if frame.f_code.co_filename != listing_file.__file__:
            return None
        if event == "line" and next(left) == last:
            os.kill(os.getpid(), signal.SIGKILL)
        return line

    sys.settrace(line)
    listing_file.write_atomically(path, hashlib.sha256(OLD).hexdigest(), NEW)
    sys.settrace(None)


def main(path: Path) -> None:
    """Try each line after the other, until one child comes to the end."""
    for last in count(1):
        path.write_bytes(OLD)
        path.chmod(0o640)
        child = os.fork()
        if not child:
            code = 1
            try:
                write(path, last)
                code = 0
            finally:
                os._exit(code)
        status = os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])
        data = path.read_bytes()
        state = "old" if data == OLD else "new" if data == NEW else "broken"
        left = len(list(path.parent.iterdir())) - 1
        print(json.dumps([status, state, path.stat().st_mode & 0o777, left]))  # noqa: T201 -- for the test to read
        if status >= 0:
            return


if __name__ == "__main__":
    main(Path(sys.argv[1]))
