"""Other programs that run for the bot, each in a process group of its own."""

import contextlib
import os
import signal


def kill_group(group: int) -> None:
    """Kill every process of a group that is still there."""
    with contextlib.suppress(ProcessLookupError, PermissionError):  # PermissionError: macOS says so of what has ended
        os.killpg(group, signal.SIGKILL)
