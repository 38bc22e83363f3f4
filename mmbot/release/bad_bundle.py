"""Why a bundle is refused, said to people."""

_LONGEST = 80  # characters of something that is quoted


class BadBundle(Exception):  # noqa: N818 - the sentence is for people, it reads as what it is
    """The file is no plugin bundle, or none that may be signed; the message is one or two sentences."""


class Stopped(Exception):  # noqa: N818 - nothing failed
    """Whoever began the work asked it to end."""


def quoted(text: str) -> str:
    """Something from a bundle as it stands in a sentence: one line, no longer than 80 characters, in code marks."""
    plain = "".join(c if c.isprintable() and c != "`" else "?" for c in text)
    return f"`{plain if len(plain) <= _LONGEST else plain[: _LONGEST - 1] + '…'}`"
