"""Why a move is not allowed, and the way forward: one sentence for each reason."""

from collections.abc import Sequence

from mmbot.domain.review import Illegal
from mmbot.domain.ticket import Ticket
from mmbot.words import steps
from mmbot.words.cards import Who, at, outlook, title_of
from mmbot.words.phrases import code, listed, typed

STATES = {"passed": "passed", "failed": "failed", "na": "not applicable", "open": "open"}


def refused(no: Illegal, ticket: Ticket, who: Who, reader: str = "") -> str:  # noqa: C901, PLR0911, PLR0912 -- one sentence per reason
    """Why a move is not allowed, and the way forward."""
    ref, about = ticket.handle, no.about
    if of_a_step := steps.refused(no, ticket, who, reader):
        return of_a_step
    match no.why:
        case "comparing":
            undo = typed(f"undone {ref} merged")
            return (
                f"I am still comparing what was merged on {ref} with what was approved, and say in its thread what came of it. "
                f"If that takes too long: {undo}."
            )
        case "is-public" if ticket.track == "web":
            again = typed(f"contribute {ticket.contribution} LINK")
            return f"{ref} is published: its review is over. Something newer is handed in anew: {again}."
        case "is-public":
            return f"{ref} is listed: its review is over. A newer version is handed in as an update: {typed('submit LINK')}."
        case "ended":
            if ticket.ended and ticket.ended.ending == "taken-down":
                return f"{ref} takes nothing more. {outlook(ticket, {}, who)} {steps.way_back(ticket)}"
            over = ticket.ended is not None and ticket.ended.ending != "duplicate"
            way = f" An owner can bring it back: {typed(f'reopen {ref}')}." if over else ""
            return f"{ref} takes nothing more. {outlook(ticket, {}, who)}{way}"
        case "already-urgent" | "not-urgent":
            return f"{ref} is {'urgent already' if no.why == 'already-urgent' else 'not urgent'}."
        case "no-commit":
            return f"{ref} has no commit to review yet. Name one with {typed(f'commit {ref} LINK')}."
        case "item-unknown":
            handles = ", ".join(item.handle for item in ticket.items)
            return f"{ref} has no item {code(str(about['item']), 20)}. Its items: {handles}."
        case "nothing-named":
            return f"Which items? For example {typed(f'pass {ref} {ticket.items[0].handle}')}."
        case "na-never":
            item = about["item"]
            return f"**{item.handle}** ({item.title}) always applies, so it passes or fails: {typed(f'fail {ref} {item.handle} WHY')}."  # type: ignore[attr-defined]
        case "why-missing":
            return "Please say why, so that the submitter can act on it."
        case "already":
            items: Sequence[str] = about["items"]  # type: ignore[assignment]
            return f"{listed(f'**{x}**' for x in items)} {are(items)} {STATES[str(about['state'])]} already."
        case "already-found":
            return f"{ref} has that finding already: {typed(f'status {ref}')}."
        case "role-not-here":
            roles = listed(title_of(ticket, r) for r in ticket.roles)
            return f"{code(str(about['role']), 40)} does not judge {ref}. Its roles: {roles}."
        case "findings-open":
            numbers = [str(x.number) for x in about["findings"]]  # type: ignore[attr-defined]
            noun, it = ("finding", "it first") if len(numbers) == 1 else ("findings", "them first, one by one")
            return (
                f"{start(title_of(ticket, str(about['role'])))} can't approve {ref} while its {noun} {listed(numbers)} "
                f"{are(numbers)} open. Settle {it}: {typed(f'unblock {ref} {numbers[0]}')}."
            )
        case "items-open":
            role = str(about["role"])
            left = [x.handle for x in about["items"]]  # type: ignore[attr-defined]
            return f"Not decided at {at(ticket)} yet: {listed(left)}. {all_pass(ticket, role, left)}"
        case "already-approved":
            title = start(title_of(ticket, str(about["role"])))
            return f"{title} has approved {at(ticket)} already."
        case "not-approved":
            title = start(title_of(ticket, str(about["role"])))
            return f"{title} has not approved {ref}, so there is nothing to take back."
        case "nothing-held":
            return f"Nothing of {title_of(ticket, str(about['role']))} is held from an older commit on {ref}."
        case "finding-unknown":
            return f"{ref} has no finding {about['number']}. {typed(f'status {ref}')} lists them."
        case "finding-settled":
            return f"Finding {about['finding'].number} of {ref} is settled already."  # type: ignore[attr-defined]
        case "already-public":
            return f"Finding {about['number']} of {ref} is public already."
        case _:
            return f"That is not possible on {ref} now. {typed(f'status {ref}')} shows where it stands."


def are(things: Sequence[object]) -> str:
    """The verb for one or several."""
    return "is" if len(things) == 1 else "are"


def start(words: str) -> str:
    """Words as the beginning of a sentence."""
    return words[:1].upper() + words[1:]


def all_pass(ticket: Ticket, role: str, left: Sequence[object]) -> str:
    """The way to decide what is left at once."""
    it = "it" if len(left) == 1 else "them"
    return f"{typed(f'approve {ticket.handle} {role} --all')} passes {it} and approves."
