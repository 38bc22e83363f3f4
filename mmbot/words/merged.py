"""The words about what was merged: whether it is the code that was approved, and the two ways on where it is not."""

from collections.abc import Sequence

from mmbot.domain import facts as f
from mmbot.domain.references import repository_key
from mmbot.domain.ticket import Ticket
from mmbot.messages import Message
from mmbot.words.cards import called
from mmbot.words.changed import files_named
from mmbot.words.phrases import MB, code, commit, compare, link, plain, typed


def recorded(ticket: Ticket) -> str:
    """A merge was reported, and is looked at."""
    return (
        f"Recorded for {called(ticket)}: {ticket.policy.steps['merged'].title}. I am looking up whether it is the code of the approved "
        f"{commit(ticket.repository, ticket.commit)}; then a release user is told. Undo: {typed(f'undone {ticket.handle} merged')}."
    )


def not_a_commit(ticket: Ticket) -> str:
    """A pull request was named as what was merged."""
    return (
        "A pull request's link does not say which commit it became. "
        f"Give the link of the merge commit: {typed(f'done {ticket.handle} merged LINK')}."
    )


def as_approved(ticket: Ticket, found: f.MergeFound) -> Message:
    """In the thread: what was merged holds the approved code."""
    if found.commit == found.of:
        return Message(f"✓ Merged is the approved commit itself, {_merged(ticket, found)}: that is what may be cut.")
    return Message(
        f"✓ Merged as {_merged(ticket, found)}: the same code as the approved {commit(ticket.repository, found.of)}, "
        "so that is what may be cut."
    )


def moved_meanwhile(ticket: Ticket, found: f.MergeFound) -> Message:
    """In the thread: what was merged was found when the review had moved on."""
    same = "the code" if ticket.same(found.commit) else "not the code"
    at = commit(ticket.repository, ticket.commit)
    return Message(
        f"What was merged is {_merged(ticket, found)}. The review has moved on to {at}: it is {same} under review now."
    )


def other_code_in_thread(ticket: Ticket, found: f.MergeFound) -> Message:
    """In the thread: what was merged is not what was approved."""
    return Message(
        f"✗ What was merged, {_merged(ticket, found)}, is not the code of the approved {commit(ticket.repository, found.of)} "
        f"({compare(found.repository, found.of, found.commit)}): it does not count as merged."
    )


def other_code(ticket: Ticket, found: f.MergeFound, files: Sequence[str], more: int) -> Message:
    """To the owner: what was merged is not what was approved, and the two ways on."""
    differs = f", changing {files_named(files, more)}" if files else ""
    move = f"`{MB} {code(f'commit {ticket.handle} {found.repository} {found.commit[:12]}', 400)[1:-1]}`"
    return Message(
        f"{called(ticket)}: what was merged is **not what was approved**. {_merged(ticket, found)} holds other code than "
        f"{commit(ticket.repository, found.of)} ({compare(found.repository, found.of, found.commit)}{differs}), so it must not be cut, "
        "and the ticket waits for the merge again. Two ways on:\n"
        f"- merge exactly the approved code, then {typed(f'done {ticket.handle} merged LINK')};\n"
        f"- or have what was merged reviewed: {move}."
    )


def unchecked(ticket: Ticket, of: str, why: str) -> Message:
    """To the owner: what was merged could not be read."""
    reason = f" {why}" if why else ""
    return Message(
        f"{called(ticket)} stays merged as you reported it, but I could not check what was merged.{reason} "
        "A private fork is closed to me. Please compare it yourself: in the fork, "
        f"{code('git rev-parse COMMIT^{tree}')} must give the same for the merge commit and for {commit(ticket.repository, of)}."
    )


def _merged(ticket: Ticket, found: f.MergeFound) -> str:
    """The merged commit, and where it is."""
    at = commit(found.repository, found.commit)
    key = repository_key(found.repository)
    if key == repository_key(ticket.fork):
        return f"{at} in the fork"
    if key == repository_key(ticket.repository):
        return f"{at} upstream"
    return f"{at} in {link(plain(key, 100), found.repository)}"
