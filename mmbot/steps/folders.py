"""The folders in which plugins are cut: emptied, set aside, and deleted when nobody needs them any more."""

import asyncio
from collections.abc import Callable, Collection, Iterator
from contextlib import contextmanager, suppress
from hashlib import sha256
from pathlib import Path
from secrets import token_hex

import structlog

from mmbot.domain.references import repository_key
from mmbot.release import signing
from mmbot.release.build import discard

log = structlog.get_logger()

_MOVED = "moved"
"""The folder of what is known of tags; it is kept."""


@contextmanager
def emptied(folder: Path) -> Iterator[Path]:
    """A folder for what is temporary: what a killed process has left in it is deleted, and everything at the end."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    discard_all(folder, "*")
    try:
        yield folder
    finally:
        discard_all(folder, "*")
        with suppress(OSError):  # what could not be deleted keeps it
            folder.rmdir()


def discard_all(folder: Path, pattern: str) -> None:
    """Delete what is in a folder, as far as that goes: a program that a killed process has left behind may still write there."""
    for place in folder.glob(pattern):
        try:
            discard(place)
        except OSError as error:
            log.warning("what a cut has left can't be deleted", path=error.filename, why=error.strerror)


def moved(folder: Path, repository: str, tag: str) -> Path:
    """Where it is noted which cut made a tag, of which commit, and which files of the release had been there before."""
    place = folder / _MOVED
    place.mkdir(exist_ok=True, mode=0o700)
    return place / sha256(f"{repository_key(repository)} {tag}".encode()).hexdigest()


def put_aside(folder: Path, pattern: str, into: Path) -> None:
    """Take away what is in a folder, at once whatever still writes there, and delete it as far as that goes. Blocks."""
    for place in folder.glob(pattern):
        place.rename(into / f"{place.name}-{token_hex(4)}")
    discard_all(into, f"{pattern}-*")


async def tidy(folder: Path, kept: Callable[[], Collection[int]]) -> None:
    """Delete the folders of all cuts but those to be kept. What can't be deleted now is left for the next time."""
    _set_aside(folder, kept())  # nothing else runs in between: no cut is begun again meanwhile
    await asyncio.to_thread(discard_all, folder, ".*")
    await asyncio.to_thread(signing.tidy)


def _set_aside(folder: Path, kept: Collection[int]) -> None:
    for place in list(folder.iterdir()) if folder.is_dir() else ():
        if (
            not place.name.startswith(".")
            and place.name != _MOVED
            and not (place.name.isdecimal() and int(place.name) in kept)
        ):
            with suppress(OSError):
                place.rename(place.with_name(f".{place.name}-{token_hex(4)}"))
