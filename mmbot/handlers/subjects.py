"""What a row of the outbox says at the moment when it is sent, and to whom."""

from collections.abc import Sequence

from mmbot.domain import review
from mmbot.domain.rights import is_outside
from mmbot.domain.ticket import Ticket
from mmbot.domain.ticket_parts import Finding
from mmbot.handlers import case_subjects, news
from mmbot.messages import Message
from mmbot.store import cuts, outbox
from mmbot.store.database import Store
from mmbot.words import cards, checklist, notices
from mmbot.words import cuts as cut_words


def render(store: Store, row: outbox.OutboxRow, now: int) -> tuple[Message, str] | None:
    """What a show or notice row says now, and what to remember of it; None when there is nothing to say."""
    kind, _, rest = row.subject.partition(":")
    if kind == "cut":
        cut = cuts.cut(store, int(rest))
        return (cut_words.progress(cut, store.who, cuts.progress(store, cut.number)), "") if cut else None
    return case_subjects.render(store, row, now) if kind in case_subjects.KINDS else _of_a_ticket(store, row)


def _of_a_ticket(store: Store, row: outbox.OutboxRow) -> tuple[Message, str] | None:
    kind, _, rest = row.subject.partition(":")
    number, _, part = rest.partition(":")
    ticket = store.ticket(int(number))
    if ticket is None:
        return None
    turns, who = store.turns(ticket.number), store.who
    if kind == "card":
        return cards.card(ticket, turns, who), ""
    if kind == "prompt":
        return checklist.prompt(ticket, part, turns, who), ""
    told = outbox.told(store, row.subject)
    found = [x for x in review.findings(ticket) if x.number > told and not x.answered_at]
    if not found or ticket.ended:
        return None
    thread = outbox.thread_url(store, ticket.number)
    if kind == "changes":
        words = _changes(store, ticket, found, thread)
        return (words, str(len(ticket.findings))) if words else None
    return notices.changed(ticket, found, who), str(len(ticket.findings))


def audience(store: Store, row: outbox.OutboxRow) -> tuple[str, str]:
    """Whom a notice goes to: a person's id, or "" and the subject in whose thread it stands."""
    kind, _, number = row.subject.partition(":")
    if kind in case_subjects.KINDS:
        return case_subjects.audience(row)
    ticket = store.ticket(int(number))
    if kind == "changes" and ticket:
        return news.guide(store, ticket) if is_outside(ticket.submitter) else ticket.submitter, ""
    return "", f"card:{number}"


def _changes(store: Store, ticket: Ticket, found: Sequence[Finding], thread: str) -> Message | None:
    """What the submitter reads of findings; for one without an account, what whoever guides the ticket reads, or nobody."""
    who = store.who
    words = notices.changes(ticket, found, who, thread)
    if not is_outside(ticket.submitter):
        return words
    if not news.guide(store, ticket):
        return None  # there is nobody to pass it on, and the channel must not read it
    if not ticket.owner and any(x.confidential for x in found):
        return notices.confidential_waits(ticket, who(ticket.submitter))
    return notices.to_pass_on(ticket, who(ticket.submitter), words)
