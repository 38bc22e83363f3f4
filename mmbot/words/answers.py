"""Where things stand: the words of `status` and `queue`, in the reader's terms."""

from collections.abc import Mapping, Sequence

from mmbot.domain import review
from mmbot.domain.rights import Actor, may_know
from mmbot.domain.ticket import Ticket
from mmbot.domain.turns import Turn
from mmbot.words.cards import (
    Who,
    called,
    finding_line,
    kind,
    outlook,
    ref_words,
    title_of,
    under_review,
    verdict_words,
    way_on,
)
from mmbot.words.phrases import code, day, link, listed, plain, plural, quoted, typed

AT_MOST = 20


def status(ticket: Ticket, turns: Mapping[str, Turn], reader: Actor, who: Who, now: int) -> str:
    """Where a ticket stands, in the reader's terms; confidential words only for those who may know."""
    owner = f", owner {who(ticket.owner)}" if ticket.owner else ""
    lines = [f"{called(ticket)}{kind(ticket)}, submitted by {who(ticket.submitter)} on {day(ticket.opened_at)}{owner}."]
    if ticket.before:
        lines[0] += f" Handed in before as MB-{ticket.before}."
    if ticket.after:
        lines[0] += f" Handed in again as {listed(f'MB-{x}' for x in ticket.after)}."
    if ticket.submitted and ticket.submitted.summary:
        lines.append(quoted(ticket.submitted.summary, 300))
    if ticket.unresolved and not ticket.commit:
        lines.append(f"I could not find what to review: {plain(ticket.unresolved.why)}")
    if ticket.commit and not ticket.ended:
        where = "" if ticket.page else f"{link('repository', ticket.repository)}, "
        lines.append(f"Under review: {where}{under_review(ticket)}{ref_words(ticket)}.")
        lines += [_role_line(ticket, role, who) for role in ticket.roles]
    for found in review.findings(ticket):
        secret = found.confidential and not may_know(reader, ticket, found.role)
        lines.append(finding_line(ticket, found, who, secret=secret))
    lines += [f"Note by {who(x.by)}, {day(x.at)}: {plain(x.text, 300)}" for x in ticket.notes[-3:]]
    lines.append(outlook(ticket, turns, who, mention=reader.id, now=now))
    if way := way_on(ticket, turns, reader.id, reader.roles):
        lines.append(f"**You can now:** {way}.")
    return "\n".join(lines)


def _role_line(ticket: Ticket, role: str, who: Who) -> str:
    reviewer = ticket.review(role).reviewer
    name = f" ({who(reviewer)})" if reviewer else ""
    return f"- {title_of(ticket, role)}{name}: {verdict_words(ticket, role, who)}"


def brief(ticket: Ticket, turns: Mapping[str, Turn], reader: Actor, who: Who, now: int) -> str:
    """A ticket on one line of a list."""
    words = outlook_of(ticket, turns, reader, who, now)
    return f"{called(ticket)}: {words[:1].lower()}{words[1:]}"


def outlook_of(ticket: Ticket, turns: Mapping[str, Turn], reader: Actor, who: Who, now: int = 0) -> str:
    """Whom a ticket waits for, and what the reader can do for it now."""
    way = way_on(ticket, turns, reader.id, reader.roles)
    words = outlook(ticket, turns, who, mention=reader.id, now=now)
    return words + (f" You can now: {way}." if way else "")


def your_tickets(lines: Sequence[str]) -> str:
    """The asker's tickets."""
    return "\n".join(f"- {line}" for line in lines)


def no_tickets() -> str:
    """The asker has none."""
    return f"You have no open tickets. {typed('submit LINK')} hands a plugin in; {typed('queue')} shows what waits."


def nothing_named(words: str, *, question: bool = False) -> str:
    """A search found nothing; a question that has many words is none for a bot."""
    if question:
        return (
            f"That is a question for people: ask it in your ticket's thread. I can say where your tickets stand, {typed('status')}, "
            f"which step comes next and whose it is, {typed('next MB-7')}, and what you can do, {typed('help')}."
        )
    return f"I know no ticket or plugin called {code(words, 60)}. {typed('status')} lists your tickets, {typed('help')} what you can do."


def several_named(tickets: Sequence[Ticket]) -> str:
    """A search found several."""
    names = listed((called(x) for x in tickets[:5]), "or")
    more = ", or another" if len(tickets) > 5 else ""  # noqa: PLR2004 -- the five shown
    return f"Which one: {names}{more}? For example {typed(f'status {tickets[0].handle}')}."


def queue(title: str, lines: Sequence[str], more: int) -> str:
    """What waits, oldest first."""
    if not lines:
        return f"Nothing waits for {title}."
    tail = f"\n… and {plural(more, 'more ticket')}." if more > 0 else ""
    return f"Waiting for {title}, oldest first:\n" + "\n".join(f"- {line}" for line in lines) + tail


WAITS_FOR = {
    "reference": "a tag or commit to review", "owner": "an owner", "request": "the reviews to be requested",
    "answer": "findings to be answered", "step": "the next step", "listing": "the listing gate",
}  # fmt: skip


def queue_line(ticket: Ticket, turn: Turn, reader: Actor, who: Who, now: int) -> str:
    """One entry of a queue: what it waits for, since when, and the way on where it is the reader's."""
    what = WAITS_FOR.get(turn.why, "")
    if turn.party in ticket.roles:
        reviewer = ticket.review(turn.party).reviewer
        whose = "you" if reviewer == reader.id else who(reviewer) if reviewer else "nobody yet"
        what = f"{title_of(ticket, turn.party)} review ({whose})"
    due = f", {'was ' if turn.due < now else ''}due {day(turn.due)}" if turn.due else ""
    way = way_on(ticket, {turn.party: turn}, reader.id, reader.roles)
    return f"{called(ticket)}: {what}, since {day(turn.since)}{due}." + (f" You can now: {way}." if way else "")
