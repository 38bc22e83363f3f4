"""Where things stand: the words of `status` and `queue`, in the reader's terms."""

import sys
from collections.abc import Mapping, Sequence
from types import MappingProxyType

from mmbot.domain import review
from mmbot.domain.rights import Actor, may_know
from mmbot.domain.ticket import Ticket
from mmbot.domain.turns import Reason, Turn, stage
from mmbot.words.cards import Who, called, kind, outlook, ref_words, title_of, under_review, verdict_words
from mmbot.words.checklist import finding_line
from mmbot.words.lookups import remarks
from mmbot.words.phrases import code, date, day, link, listed, past, plain, quoted, typed
from mmbot.words.report import before, so_far, usually
from mmbot.words.way_on import way_on

AT_MOST = 20
COUNTED = 1_000
"""Up to how many found tickets are counted, and shown."""


def status(
    ticket: Ticket,
    turns: Mapping[str, Turn],
    reader: Actor,
    who: Who,
    now: int,
    thread: str = "",
    *,
    booked: Mapping[str, int] = MappingProxyType({}),
    usual: Mapping[str, int] = MappingProxyType({}),
) -> str:
    """Where a ticket stands, in the reader's terms; confidential words only for those who may know.

    `booked` is how much of its time is booked to each party, `usual` how long a review of a role usually takes, where that is known.
    """
    owner = f", owner {who(ticket.owner)}" if ticket.owner else ""
    hurry = ", **urgent**" if ticket.urgent_at and not ticket.ended else ""
    lines = [
        f"{called(ticket)}{kind(ticket)}{hurry}, submitted by {who(ticket.submitter)} on {day(ticket.opened_at)}{owner}."
    ]
    if ticket.before:
        lines[0] += f" It follows MB-{ticket.before}."
    if ticket.after:
        lines[0] += f" It is followed by {listed(f'MB-{x}' for x in ticket.after)}."
    if ticket.submitted and ticket.submitted.summary:
        lines.append(quoted(ticket.submitted.summary, 300))
    if ticket.unresolved and not ticket.commit:
        lines.append(f"I could not find what to review: {plain(ticket.unresolved.why)}")
    if ticket.commit and not ticket.ended:
        where = "" if ticket.page else f"{link('repository', ticket.repository)}, "
        lines.append(f"Under review: {where}{under_review(ticket)}{ref_words(ticket)}.")
        lines += _role_lines(ticket, reader, who, {x: time for x, time in usual.items() if x in turns})
    if ticket.commit and not ticket.ended and not review.gate(ticket).open:
        lines += [f"⚠ {x}" for x in remarks(ticket)]
    for found in review.findings(ticket):
        secret = found.confidential and not may_know(reader, ticket, found.role)
        lines.append(finding_line(ticket, found, who, secret=secret))
    lines += [f"Note by {who(x.by)}, {day(x.at)}: {plain(x.text, 300)}" for x in ticket.notes[-3:]]
    spent = so_far(ticket, booked, over=not turns and not ticket.held)
    lines.append(outlook(ticket, turns, who, mention=reader.id, now=now) + spent)
    if way := way_on(ticket, turns, reader.id, reader.roles, thread):
        lines.append(f"**You can now:** {way}.")
    return "\n".join(lines)


def _role_lines(ticket: Ticket, reader: Actor, who: Who, usual: Mapping[str, int]) -> list[str]:
    """A line for each role; for those that wait in the same way for somebody to begin, one for all."""
    lines: dict[str, list[str]] = {}
    for role in ticket.roles:
        alone = ticket.review(role).reviewer or review.verdict(ticket, role) not in {"not asked yet", "nobody yet"}
        lines.setdefault(role if alone else verdict_words(ticket, role, who), []).append(role)
    return [
        f"- {listed(title_of(ticket, x) for x in roles)}: {words}"
        if words not in ticket.roles
        else _role_line(ticket, words, reader, who, usual.get(words, 0))
        for words, roles in lines.items()
    ]


def _role_line(ticket: Ticket, role: str, reader: Actor, who: Who, usual: int) -> str:
    reviewer = ticket.review(role).reviewer
    name = f" ({who(reviewer)})" if reviewer else ""
    words = verdict_words(ticket, role, who, secret=not may_know(reader, ticket, role))
    how_long = usually(usual) if review.verdict(ticket, role) == "reviewing" else ""
    return f"- {title_of(ticket, role)}{name}: {words}{how_long}"


def brief(ticket: Ticket, turns: Mapping[str, Turn], reader: Actor, who: Who, now: int) -> str:
    """A ticket on one line of a list."""
    words = outlook_of(ticket, turns, reader, who, now)
    return f"{called(ticket)}: {words[:1].lower()}{words[1:]}"


def outlook_of(ticket: Ticket, turns: Mapping[str, Turn], reader: Actor, who: Who, now: int = 0) -> str:
    """Whom a ticket waits for, and what the reader can do for it now."""
    way = way_on(ticket, turns, reader.id, reader.roles)
    words = outlook(ticket, turns, who, mention=reader.id, now=now)
    return words + (f" You can now: {way}." if way else "")


def log(ticket: Ticket, lines: Sequence[str], page: int, count: int, command: str) -> str:
    """What happened to a ticket: one page of it, the oldest first."""
    begin = f"What happened to {called(ticket)}, times in UTC{span(page, count)}:"
    return f"{begin}\n{bullets(lines)}{next_page(page, count, command)}"


def log_of_what() -> str:
    """A history was asked for, and it is not clear whose."""
    return f"Which ticket's history? For example {typed('status MB-7 --log')}."


def your_tickets(lines: Sequence[str], page: int, *, more: bool) -> str:
    """The asker's tickets, a page of them."""
    return bullets(lines) + (f"\n… more: {typed(f'status --page {page + 1}')}" if more else "")


def no_tickets(page: int = 1) -> str:
    """The asker has none, or none on that page."""
    if page > 1:
        return f"There is no page {page} of your tickets. {typed('status')} shows the first."
    return f"You have no open tickets. {typed('submit LINK')} hands a plugin in; {typed('queue')} shows what waits."


def no_question_for_me(yours: Sequence[str]) -> str:
    """A question of many words is none for a bot; `yours` are lines about the asker's tickets."""
    people = "That is a question for people: ask it in"
    if not yours:
        way = f"{typed('submit')} hands a plugin in, {typed('search WORDS')} finds tickets, {typed('help')} shows what else."
        return f"{people} the channel. With me, {way}"
    return f"{people} your ticket's thread. What I know:\n{bullets(yours)}\n{typed('help')} shows what you can do here."


def nothing_named(words: str, mention: Sequence[Ticket] = (), count: int = 0) -> str:
    """No ticket is called so; these of `count` in all mention the words."""
    unknown = f"I know no ticket or plugin called {code(words, 60)}."
    if not mention:
        return f"{unknown} {typed('status')} lists your tickets, {typed('help')} what you can do."
    way = f"For example {typed(f'status {mention[0].handle}')}."
    if count > len(mention):
        way = f"{typed(f'search {words}')} shows all."
    names = listed(map(called, mention), "or")
    return f"{unknown} Do you mean {names}, which {'mentions' if count == 1 else 'mention'} it? {way}"


def found_line(ticket: Ticket, who: Who) -> str:
    """A ticket that a search found, on a line."""
    where = ticket.ended.ending if ticket.ended else stage(ticket)
    by = who(ticket.submitter)
    return f"{called(ticket)}{kind(ticket)}: {where}, submitted by {by} on {date(ticket.opened_at)}."


def found(words: str, lines: Sequence[str], page: int, count: int, command: str) -> str:
    """What a search found, newest first."""
    begin = f"Tickets with {code(words, 60)}, newest first{span(page, count, COUNTED)}:"
    end = next_page(page, count, command, COUNTED)
    if count > COUNTED and not end:
        end = "\n… and older ones: another word narrows it down."
    return f"{begin}\n{bullets(lines)}{end}"


def nothing_found(words: str) -> str:
    """A search found nothing."""
    where = "I looked in names, ids, titles, summaries, repositories, submitters and owners"
    return f"No ticket says {code(words, 60)}. {where}; fewer words, or only their beginnings, find more."


def several_named(tickets: Sequence[Ticket]) -> str:
    """Several tickets are called so."""
    names = listed((called(x) for x in tickets[:5]), "or")
    more = ", or another" if len(tickets) > 5 else ""  # noqa: PLR2004 -- the five shown
    return f"Which one: {names}{more}? For example {typed(f'status {tickets[0].handle}')}."


def queue(title: str, lines: Sequence[str], page: int, count: int, command: str) -> str:
    """What waits, oldest first: one page of it. `title` is "" for everything; `command` asks for it."""
    if not lines:
        more = f" {typed('queue all')} shows everything that waits." if title == "you" else ""
        return (f"Nothing waits for {title}." if title else "Nothing waits.") + more
    begin = f"Waiting for {title}" if title else "Everything that waits"
    return f"{begin}, oldest first{span(page, count)}:\n{bullets(lines)}{next_page(page, count, command)}"


def bullets(lines: Sequence[str]) -> str:
    """Lines of a list."""
    return "\n".join(f"- {line}" for line in lines)


def span(page: int, count: int, most: int = sys.maxsize) -> str:
    """Which part of how many a page shows: ` (61)`, ` (21 to 40 of 61)`; more than `most` are not counted."""
    of = f"more than {most:,}" if count > most else f"{count:,}"
    first, last = (page - 1) * AT_MOST + 1, min(page * AT_MOST, count)
    return f" ({count})" if (first, last) == (1, count) else f" ({first:,} to {last:,} of {of})"


def next_page(page: int, count: int, command: str, most: int = sys.maxsize) -> str:
    """The last line of a page that is not the last one."""
    left = min(count, most) - page * AT_MOST
    number = "" if count > most else f"{left:,} "
    return f"\n… {number}more: {typed(f'{command} --page {page + 1}')}" if left > 0 else ""


def no_such_page(page: int, count: int, command: str) -> str:
    """A page beyond the end."""
    last = -(-count // AT_MOST)
    if last == 1:
        return f"There is no page {page}: everything is on the first one, {typed(command)}."
    return f"There is no page {page}: the last one is {typed(f'{command} --page {last}')}."


WAITS_FOR: Mapping[Reason, str] = {
    "reference": "a tag or commit to review", "resolving": "its reference to be looked up", "owner": "an owner",
    "request": "the reviews to be requested", "answer": "its findings to be answered", "review": "{} review",
    "confirm": "{}, to confirm what it decided", "look-again": "{}, to look at the answers", "step": "the next step{}",
    "listing": "{}, to try what was cut",
}  # fmt: skip
"""What each reason to wait asks for; {} stands for the role, or for what the step does."""


def whose_queue(party: str, title: str) -> str:
    """A party that a queue is about, as a sentence calls it."""
    return {"owner": "owners", "release": "release users", "submitter": "submitters"}.get(party, title)


def queue_line(
    ticket: Ticket, turn: Turn, reader: Actor, who: Who, now: int, thread: str = "", earlier: int = 0
) -> str:
    """One entry of a queue: what it waits for, since when, and the way on where it is the reader's.

    `earlier` is for how long it waited for the same party before (milliseconds).
    """
    way = way_on(ticket, {turn.party: turn}, reader.id, reader.roles, thread)
    about = title_of(ticket, turn.party) if turn.party in ticket.policy.roles else ""
    if turn.why == "step":
        about = "" if way else f": {ticket.policy.steps[turn.step].do}"  # the way on says it
    what = WAITS_FOR[turn.why].format(about) + _whose(ticket, turn, reader, who)
    due = f", {'was ' if turn.due < now else ''}due {day(turn.due)}" if turn.due else ""
    due += f" ({past(turn.due, now)})" if 0 < turn.due < now else ""
    hurry = "**urgent**, " if turn.urgent_at else ""
    return f"{called(ticket)}: {hurry}{what}, since {day(turn.since)}{before(earlier)}{due}." + (
        f" You can now: {way}." if way else ""
    )


def _whose(ticket: Ticket, turn: Turn, reader: Actor, who: Who) -> str:
    """Who it is that is waited for, in brackets; nothing where the words before say it."""
    if turn.party == "mmbot" or turn.why == "owner":
        return ""
    if turn.party == "release":
        return " (a release user)"
    people = {"owner": ticket.owner, "submitter": ticket.submitter}
    person = people.get(turn.party) or ticket.review(turn.party).reviewer
    return f" ({'you' if person == reader.id else who(person) if person else 'nobody yet'})"
