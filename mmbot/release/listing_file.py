"""The file `plugins.json` on disk: read with its sum, and replaced as a whole or not at all."""

import fcntl
import glob
import hashlib
import os
import stat
import tempfile
from contextlib import suppress
from pathlib import Path

MAX_BYTES = 64 * 2**20
"""How large the database may be; at its largest it had 2.3 MB."""


class BadFile(Exception):  # noqa: N818 -- the sentence is for people, it reads as what it is
    """The file cannot be read or written as things are; trying again won't help. The message is a sentence with the way forward."""


class Changed(BadFile):
    """Somebody else wrote the file since it was read."""


def read(path: Path) -> tuple[bytes, str]:
    """The bytes of a file and their SHA-256 in hexadecimal digits. Raises BadFile."""
    try:
        with path.open("rb") as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise BadFile(f"{path} can't be read: {error.strerror}. Name the Marketplace's plugins.json.") from error
    if len(data) > MAX_BYTES:
        raise BadFile(f"{path} is larger than {MAX_BYTES // 2**20} MB. Name the Marketplace's plugins.json.")
    return data, hashlib.sha256(data).hexdigest()


def write_atomically(path: Path, old_sha: str, new: bytes) -> None:
    """Put new bytes in the place of a file that has a SHA-256 still; its mode, and where a link points, stay.

    Whoever reads meanwhile, and whatever happens, finds the old or the new file whole; what a crash leaves beside it is taken away by
    the next call. Where the file holds the new bytes already, nothing is done. Raises Changed, BadFile. Blocks: run it in a thread.
    """
    place = Path(os.path.realpath(path))
    try:
        folder = os.open(place.parent, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.flock(folder, fcntl.LOCK_EX)  # two mmbots take turns; a lock ends with its process
            now, sha = read(place)
            if now == new:
                return
            if sha != old_sha:
                raise Changed(f"{path} was changed by somebody else meanwhile. Look at it and do this once more.")
            _replace(place, new)
            os.fsync(folder)
        finally:
            os.close(folder)
    except OSError as error:
        raise BadFile(f"{path} can't be written: {error.strerror}. Mend that and do this once more.") from error


def _replace(place: Path, new: bytes) -> None:
    prefix = f".{place.name}.mmbot-"
    for left in place.parent.glob(f"{glob.escape(prefix)}*"):
        left.unlink(missing_ok=True)
    descriptor, temporary = tempfile.mkstemp(prefix=prefix, dir=place.parent)
    try:
        _fill(descriptor, new, place)
        os.replace(temporary, place)  # noqa: PTH105 -- beside the other calls of os
    except BaseException:
        with suppress(OSError):
            Path(temporary).unlink()
        raise


def _fill(descriptor: int, data: bytes, like: Path) -> None:
    with open(descriptor, "wb") as file:
        file.write(data)
        file.flush()
        old = like.stat()
        with suppress(PermissionError):  # only its owner can give a file away
            os.fchown(descriptor, old.st_uid, old.st_gid)
        os.fchmod(descriptor, stat.S_IMODE(old.st_mode))
        os.fsync(descriptor)
