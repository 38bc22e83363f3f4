"""The lock that keeps a store to one process that writes."""

import fcntl
import os
from pathlib import Path


class StoreBusy(Exception):  # noqa: N818 -- a sentence for the operator
    """Another process has this store open for writing."""


def lock_of(path: Path) -> Path:
    """The file whose lock says that a store is written by a process."""
    return path.with_name(path.name + ".lock")


def locked(path: Path) -> int:
    """Take the lock of the store at a path; returns its descriptor, to be closed. Raises StoreBusy."""
    descriptor = os.open(lock_of(path), os.O_CREAT | os.O_RDWR, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(descriptor)
        raise StoreBusy(f"Another mmbot is using this store ({path}). Stop it first.") from None
    return descriptor
