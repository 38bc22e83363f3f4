"""What changed between two commits, in words: the files, or the lines where it is the version alone."""

from collections.abc import Sequence

from mmbot.domain import review
from mmbot.domain.ticket import Ticket
from mmbot.words.phrases import block, code, listed

SHOWN = 5


def files_named(files: Sequence[str], more: int) -> str:
    """The first few of the files that changed, and how many more."""
    names = [code(x, 80) for x in files[:SHOWN]]
    left = len(files) - len(names) + more
    return listed([*names, *([f"{left} more"] if left > 0 else [])])


def changing(ticket: Ticket) -> str:
    """What the last move of the review changed, as the end of a sentence; "" where it is not known."""
    known = ticket.resolved
    if known is None or not known.files:
        return ""
    if known.version_only:
        return f". Only the version changed, {_versions(ticket)}"
    return f", changing {files_named(known.files, known.more)}"


def what_changed(ticket: Ticket, role: str, link: str) -> str:
    """For a reviewer who decided at another commit: the link to what changed, and what differs where that is known. Ends a sentence."""
    known = review.change(ticket, role)
    if known is None or not known.files:
        return f"{link}."
    if known.version_only:
        return f"{link}. Only the version changed, {_versions(ticket)}:\n{block(known.diff, 'diff')}"
    return f"{link}, changing {files_named(known.files, known.more)}."


def _versions(ticket: Ticket) -> str:
    before = ticket.resolved.since_version if ticket.resolved else ""
    return f"{code(before, 40)} → {code(ticket.version, 40)}"
