"""What `mmbot doctor` says of one thing it looked at."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Finding:
    """One thing looked at: well, faulty, or (None) not checked; every fault says how to mend it."""

    name: str
    ok: bool | None
    text: str
    mend: str = ""


def fine(name: str, text: str) -> Finding:
    """It is as it should be."""
    return Finding(name, ok=True, text=text)


def faulty(name: str, text: str, mend: str) -> Finding:
    """It is not, and this mends it."""
    return Finding(name, ok=False, text=text, mend=mend)


def open_question(name: str, text: str, mend: str = "") -> Finding:
    """It could not be told."""
    return Finding(name, ok=None, text=text, mend=mend)
