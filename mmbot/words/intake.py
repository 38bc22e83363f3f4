"""What answers whoever hands something in."""

from mmbot.domain.ticket import Ticket
from mmbot.words.cards import Who, called
from mmbot.words.phrases import code, day, listed, plural, typed


def submitted(ticket: Ticket, owner: str, security_contact: str, *, read: str = "") -> str:
    """To the submitter: the number, who guides it, what happens next, where to ask, how to report a vulnerability."""
    asked = ticket.asked.text if ticket.asked else ""
    guide = f"**{owner}** guides it. " if owner else ""
    return (
        f"Thank you! Your submission is **{ticket.handle}**. {guide}I am looking up {code(asked, 100)} now and will say in the channel "
        f"which commit that is; then the reviews are requested.{read}\n"
        f"Where it stands: {typed(f'status {ticket.handle}')}. Questions: ask in the thread of {ticket.handle} in the channel. "
        f"A vulnerability, in this plugin or any other, is reported in private: {typed('vulnerability')}, or to {security_contact}; "
        "please never in the channel."
    )


def form_read(ticket: Ticket) -> str:
    """What was read from a filled-in template, and what was not; begins with a line break where there is anything."""
    sent = ticket.submitted
    if sent is None or not (sent.claims or sent.unread or sent.missing):
        return ""
    ticked = sum(1 for x in sent.claims if x.said == "yes")
    begin = (
        f"\nFrom your list I read {plural(len(sent.claims), 'item')}, {ticked} ticked. That is your word; "
        "it is for the reviewers to judge each item, so you need not tick anything more."
    )
    parts = [begin]
    unclear = [f"{_item(ticket, x.handle)} {code(f'[{x.raw}]', 20)}" for x in sent.claims if x.said == "unclear"]
    if unclear:
        parts.append(f"- Neither yes nor no: {listed(unclear)}.")
    if sent.missing:
        parts.append(f"- Not on your list: {listed(_item(ticket, x) for x in sent.missing)}.")
    if sent.struck_out:
        parts.append(f"- Struck out, so not used: {listed(code(x, 100) for x in sent.struck_out[:3])}.")
    if sent.other_references:
        parts.append(f"- Also named, not used: {listed(code(x, 100) for x in sent.other_references[:3])}.")
    if sent.unread:
        more = f", and {len(sent.unread) - 5} more" if len(sent.unread) > 5 else ""  # noqa: PLR2004 -- the five shown
        parts.append(f"- I could not place this: {'; '.join(code(x, 100) for x in sent.unread[:5])}{more}.")
    return "\n".join(parts)


def _item(ticket: Ticket, handle: str) -> str:
    return f"**{handle}** {ticket.requirements.items[handle].title}"


def submitted_twice(other: Ticket, who: Who, reader: str, *, may_move: bool) -> str:
    """The same plugin has an open ticket."""
    way = (
        f"For a newer version, move it: {typed(f'commit {other.handle} TAG')}."
        if may_move
        else "Do you work on it, too? Then say so in its thread."
    )
    by = "you" if other.submitter == reader else who(other.submitter)
    return (
        f"There is an open ticket for this already: {called(other)}, submitted by {by} on {day(other.opened_at)}. "
        f"I did not open a second one. {way} Where it stands: {typed(f'status {other.handle}')}."
    )
