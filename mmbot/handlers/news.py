"""What has to be told, and which posts have to change, after a ticket changed."""

from mmbot.domain import review
from mmbot.domain.ticket import Ticket
from mmbot.store.tx import Tx
from mmbot.words import notices


def follow(tx: Tx, before: Ticket, after: Ticket) -> Ticket:
    """Save a changed ticket, bring its posts up to date, and tell whoever has to know. Returns the saved ticket."""
    saved = tx.save(after)
    for role in saved.roles:
        if saved.commit and saved.review(role).requested_at:  # a checklist is of a commit: it waits for one
            tx.show(f"prompt:{saved.number}:{role}")
    if len(saved.findings) > len(before.findings):
        minutes = tx.policy.notices.batch_minutes
        tx.notify(f"changes:{saved.number}", minutes=minutes)
        tx.notify(f"changed:{saved.number}", minutes=minutes)
    was_open, is_open = review.gate(before).open, review.gate(saved).open
    if is_open and not was_open:
        tx.say(notices.gate_open_in_thread(saved), thread=card(saved))
        if saved.owner:
            tx.tell(notices.gate_open(saved, tx.who), saved.owner, "owner", saved)
    elif was_open and not is_open and saved.owner:
        tx.tell(notices.gate_shut(saved, notices.why_shut(saved)), saved.owner, "owner", saved)
    return saved


def card(ticket: Ticket) -> str:
    """The subject of a ticket's card, whose post starts its thread."""
    return f"card:{ticket.number}"
