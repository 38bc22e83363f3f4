"""What has to be told, and which posts have to change, after a ticket changed."""

from collections.abc import Sequence

from mmbot.domain import review
from mmbot.domain.rights import is_outside, submits
from mmbot.domain.ticket import Ticket
from mmbot.domain.turns import waiting
from mmbot.messages import Message
from mmbot.store import book
from mmbot.store.database import Store
from mmbot.store.tx import Tx
from mmbot.words import notices, steps


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
        if any(turn.party == "release" for turn in waiting(saved)):  # it was merged before it was approved
            cutters = [x for x in tx.store.members("release") if x != saved.owner]
            tell_others(tx, steps.your_step(saved, tx.who, "", releases=True), cutters, "release", saved)
    elif was_open and not is_open and saved.owner and not saved.ended:
        tx.tell(notices.gate_shut(saved, notices.why_shut(saved)), saved.owner, "owner", saved)
    return saved


def tell(tx: Tx, ticket: Ticket, person: str, message: Message) -> None:
    """Tell somebody about a ticket; for somebody without an account, whoever guides it gets the text to pass on."""
    if is_outside(person):
        message = notices.to_pass_on(ticket, tx.who(person), message)
        person = guide(tx.store, ticket)
    if person:
        tx.say(message, to=person)


def guide(store: Store, ticket: Ticket) -> str:
    """Who speaks for people without an account: the ticket's owner, else the default owner, else some owner or admin; "" for nobody."""
    others = (person for role in ("owner", "admin") for person in store.members(role))
    return ticket.owner or book.default_owner(store) or next(others, "")


def card(ticket: Ticket) -> str:
    """The subject of a ticket's card, whose post starts its thread."""
    return f"card:{ticket.number}"


def tell_next(tx: Tx, before: Ticket, after: Ticket) -> None:
    """A direct message to those whose turn it became, unless they did it themselves."""
    were = {(turn.party, turn.step) for turn in waiting(before)}
    for turn in waiting(after):
        if (turn.party, turn.step) in were:
            continue
        if turn.party == "owner" and after.owner and after.owner != tx.by:
            tx.tell(steps.your_step(after, tx.who, after.owner), after.owner, "owner", after)
        elif turn.why == "listing":
            reviewer = after.review(turn.party).reviewer
            people = [reviewer] if reviewer else tx.store.members(turn.party)
            tell_others(tx, steps.try_it(after, turn.party), people, turn.party, after)
        elif turn.party == "release":
            cutters = tx.store.members("release")
            tell_others(tx, steps.your_step(after, tx.who, "", releases=True), cutters, "release", after)


def tell_others(tx: Tx, news: Message, people: Sequence[str], part: str, ticket: Ticket) -> None:
    """Tell those people, but not whoever just acted or whose plugin it is."""
    others = [x for x in people if x != tx.by and not submits(ticket, x)]
    tx.tell_all(news, others, part, ticket)
