"""The words of reminders: mornings, what a silent submitter hears, what people asked to be reminded of, and peace and quiet."""

from collections.abc import Sequence
from datetime import datetime

from mmbot.domain import review
from mmbot.domain.rights import is_outside
from mmbot.domain.ticket import Ticket
from mmbot.domain.turns import Turn
from mmbot.messages import Button, Message, Row
from mmbot.words.cards import called, resting, title_of
from mmbot.words.phrases import day, ended, listed, plain, plural, quoted, thread_at, typed, when, zone_of

NOON, TWICE = 12, 2
FEW = 3
"""How many people or tickets are named where there may be more."""


# A morning


def hello(at: int, zone: str) -> str:
    """How a message begins that may have been held up until the afternoon."""
    return "Good morning." if datetime.fromtimestamp(at / 1000, zone_of(zone)).hour < NOON else "Hello."


def morning(greeting: str, waits: Sequence[str], late: Sequence[str], others: Sequence[str]) -> str:
    """What waits for somebody, what is late with others, and what there is besides: paragraphs of whole lines."""
    if late:
        late = [f"Besides, {late[0]}" if waits else f"{late[0][:1].upper()}{late[0][1:]}", *late[1:]]
    first, *rest = [*waits, *late, *others]
    return "\n".join([f"{greeting} {first}", *rest])


def waiting(lines: Sequence[str], tickets: int, more: int) -> list[str]:
    """What waits for the reader: a line for each of their turns with so many tickets, and how many `more`."""
    count = tickets + more
    if not lines:
        return []
    begin = f"{plural(count, 'ticket')} {'waits' if count == 1 else 'wait'} for **you**:"
    return [begin, *(f"- {line}" for line in lines), *([f"… {more} more: {typed('queue')}"] if more else [])]


def late(lines: Sequence[str], tickets: int, *, more: bool) -> list[str]:
    """What is late with others, so that the reader hears of it; whether there is `more` than the lines say."""
    are, it = ("is", "it") if tickets == 1 else ("are", "them")
    begin = f"{'at least ' if more else ''}{plural(tickets, 'ticket')} {are} late with somebody else, and you can move {it} on:"
    rest = [f"… and more: {typed('queue all')}"] if more else []
    return [begin, *(f"- {line}" for line in lines), *rest] if lines else []


def heard_too(line: str, names: Sequence[str]) -> str:
    """A line about a turn of the reader's own that is late: who hears of it from now on, too."""
    return f"{line} {listed(names)} {'hears' if len(names) == 1 else 'hear'} of it, too."


def said_before(line: str, times: int) -> str:
    """A line about what is late, which was said so often before."""
    return f"{line} I said so {times} times before." if times > TWICE else line


def put_off(line: str, at: int) -> str:
    """A line about a ticket that was snoozed until now."""
    return f"{line} You put it off on {day(at)}."


def take_over(ticket: Ticket, turn: Turn, line: str, name: str) -> str:
    """A line about what waits for somebody for whom the reader, called so, stands in."""
    way = _taking_over(ticket, turn, name)
    return f"{line} To take it over: {typed(way)}." if turn.party != "release" else line


def take_over_buttons(ticket: Ticket, turn: Turn, name: str, *, first: bool) -> list[Button]:
    """What somebody, called so, can do about what waits for somebody who is away."""
    take = [Button("I take it over", _taking_over(ticket, turn, name), "primary")] if turn.party != "release" else []
    return [*take, *_peace(ticket.handle, first=first)]


def _taking_over(ticket: Ticket, turn: Turn, name: str) -> str:
    return f"claim {ticket.handle}" if turn.party == "owner" else f"assign {ticket.handle} {turn.party} @{name}"


def silent(ticket: Ticket, line: str, name: str, nudged: int) -> str:
    """A line about a submitter who has not answered for so long that it is for the owner to say what becomes of the ticket."""
    asked = (
        f" I reminded {name} {'once' if nudged == 1 else 'twice' if nudged == TWICE else f'{nudged} times'}."
        if nudged
        else ""
    )
    return (
        f"{line}{asked} What becomes of it is yours to say: ask again, keep waiting, or {typed(f'expire {ticket.handle} WHY')}. "
        "I close nothing by myself."
    )


def late_with(
    ticket: Ticket, turn: Turn, line: str, name: str, takers: Sequence[tuple[str, int]], able: str, *, away: bool
) -> str:
    """A line about a turn that is late with somebody else, and what its reader can do.

    `name` is whoever it is late with ("" for nobody), `takers` are others who could take it, each with how much waits for
    them, the shortest queue first; `able` is the reader's name who could take it, too; `away` whether those who could are away.
    """
    ref = ticket.handle
    if turn.party == "owner":
        return f"{line} Ask {name}, or take it over: {typed(f'claim {ref}')}." if name else line
    if turn.party == "release":
        could = f"{listed([x for x, _ in takers][:FEW], 'or')} can do it." if takers else _nobody("release", away=away)
        return f"{line} {could}"
    queues = [f"{x} ({f'{n} waiting' if n else 'nothing waits'})" for x, n in takers[:FEW]]
    shortest = f"{listed(queues, 'or')} could take it" if queues else ""
    if len({n for _, n in takers[:FEW]}) > 1:
        shortest = f"{queues[0]} has the shortest queue, then {listed(queues[1:])}"
    ways = [f"ask {name}"] if name else []
    ways += [f"give it to another: {shortest}"] if shortest and name else [shortest] if shortest else []
    ways += [f"take it yourself: {typed(f'assign {ref} {turn.party} @{able}')}"] if able else []
    if not ways:
        return f"{line} {_nobody(turn.party, away=away)}"
    said = f"{'; or '.join(ways)}."
    return f"{line} {said[:1].upper() if name else said[:1]}{said[1:]}"


def _nobody(role: str, *, away: bool) -> str:
    give = typed(f"people add @USER {role}")
    return (
        f"{'Whoever could take it is away' if away else 'Nobody could take it'}: an admin gives the role with {give}."
    )


def quiet_otherwise(parts: Sequence[tuple[str, Sequence[str], int]], *, more: bool) -> str:
    """What waits for others: the ticket's handle, whom it waits for, and since how many days."""
    words = [f"{ref} waits for {listed(names)} ({'today' if n <= 0 else plural(n, 'day')})" for ref, names, n in parts]
    words += [f"more: {typed('status')}"] if more else []
    return f"Quiet otherwise: {'; '.join(words)}."


def away_row() -> Row:
    """Below a morning: for whoever will not read the next ones."""
    return Row((Button("I'm away…", "away"),))


def row(ticket: Ticket, part: str, buttons: Sequence[Button]) -> Row:
    """The buttons of one line; `part` says which, where several are of the ticket."""
    return Row(tuple(buttons), f"**{ticket.handle}**{f' {part}' if part else ''}")


def buttons(ticket: Ticket, turn: Turn, *, taken: bool, first: bool) -> list[Button]:
    """What somebody can do at once whose turn it is, if a button can; and to be left alone. `taken`: it is theirs by name."""
    ref, out = ticket.handle, list[Button]()
    step = ticket.policy.steps.get(turn.step)
    if turn.why == "owner":
        out.append(Button("I'll guide it", f"claim {ref}", "primary"))
    elif turn.why == "request":
        out.append(Button("Request the reviews", f"request {ref}", "primary"))
    elif turn.why == "listing":
        out.append(Button("It works", f"approve {ref} {turn.party} --listing --commit {ticket.commit[:7]}", "primary"))
    elif turn.why == "step" and step and not step.link and not step.each:
        out.append(Button(f"Done, {step.title}", f"done {ref} {turn.step}", "primary"))
    elif turn.party in ticket.policy.roles and not taken:
        out.append(Button(f"I'll review as {title_of(ticket, turn.party)}", f"claim {ref} {turn.party}", "primary"))
    hand = [Button("Hand over…", f"assign {ref} {turn.party}")] if taken else []
    return [*out, *_peace(ref, first=first), *hand]


def _peace(ref: str, *, first: bool) -> list[Button]:
    return [Button("Snooze…", f"snooze {ref}"), Button("Mute", f"mute {ref}")] if first else []


def late_buttons(ticket: Ticket, turn: Turn, name: str, taker: str, *, first: bool) -> list[Button]:
    """What somebody can do about a turn that is late with another: `name`, or nobody, and `taker` could take it."""
    ref = ticket.handle
    if turn.party == "submitter":
        again = [Button("Ask again", f"remind {ref} @{name}")] if not is_outside(ticket.submitter) else []
        return [
            *again,
            Button("Keep waiting…", f"snooze {ref}"),
            Button("Close as withdrawn…", f"expire {ref}", "danger"),
        ]
    if name:
        hand = (
            [Button("Hand over…", f"assign {ref} {turn.party}")]
            if turn.party != "owner"
            else [Button("I take it over", f"claim {ref}")]
        )
        return [Button(f"Remind {name}", f"remind {ref} @{name}", "primary"), *hand, *_peace(ref, first=first)]
    if turn.party == "release":  # nobody takes that by name
        again = [Button(f"Remind {taker}", f"remind {ref} @{taker}", "primary")] if taker else []
        return [*again, *_peace(ref, first=first)]
    ask = [Button(f"Ask {taker}", f"assign {ref} {turn.party} @{taker}", "primary")] if taker else []
    return [*ask, Button("Ask somebody…", f"assign {ref} {turn.party}"), *_peace(ref, first=first)]


# A silent submitter


def nudge(ticket: Ticket, turn: Turn, owner: str, thread: str, *, last: bool, now: int) -> Message:
    """To a submitter for whom a ticket waits, and nobody else; the last time it says what comes next."""
    about = called(ticket)
    if turn.why == "reference":
        what, do = "a tag or commit to review", f"Name it with {typed(f'commit {ticket.handle} LINK')}."
    else:
        number = sum(1 for x in review.findings(ticket) if not x.answered_at)
        what = f"your answer to {plural(number, 'finding')}, which {typed(f'status {ticket.handle}')} shows"
        do = f"When it is there: {typed(f'ready {ticket.handle}')}, with the new tag or commit if the code changed."
    guide = owner or "an owner"
    if not last:
        return Message(
            f"{about} waits for you since {day(turn.since)}: {what}. {do} "
            f"If you need longer, say so in {thread_at(thread)}."
        )
    ask = f"I have asked {guide}" if turn.due <= now else f"On {day(turn.due)} I ask {guide}"
    return Message(
        f"{about} still needs {what}; nobody else can go on meanwhile. {do} {ask} what shall become of it; I close nothing by myself. "
        f"Will it take longer? Say so in {thread_at(thread)}. Have you given it up? {typed(f'withdraw {ticket.handle}')} "
        "takes it back, and it can be reopened."
    )


# Peace and quiet


def snoozed(ticket: Ticket, until: int, zone: str) -> str:
    """Somebody's reminders leave a ticket out for some days."""
    at = when(until, zone).partition(",")[0]
    back = typed(f"unmute {ticket.handle}")
    return (
        f"No reminder of {called(ticket)} for you until {at}; then you hear of it if it still waits. Earlier: {back}."
    )


def muted(ticket: Ticket) -> str:
    """For good."""
    return (
        f"No reminders of {called(ticket)} for you any more. What happens there you are still told, and "
        f"{typed('queue')} shows it. Undo: {typed(f'unmute {ticket.handle}')}."
    )


def unmuted(ticket: Ticket) -> str:
    """No longer."""
    return f"I remind you of {called(ticket)} again, when it waits for you."


def not_muted(ticket: Ticket) -> str:
    """There is nothing to undo."""
    return f"Your reminders do not leave {called(ticket)} out."


def over(ticket: Ticket) -> str:
    """Nobody is reminded of what is over."""
    return (
        f"{called(ticket)}: {resting(ticket)} Nobody is reminded of it."
        if ticket.ended
        else f"{called(ticket)} is done: nobody is reminded of it."
    )


# What people asked for


def will_remind(ticket: Ticket, name: str, at: int, zone: str, number: int, *, mine: bool, theirs: bool) -> str:
    """It is noted; `zone` is the asker's, `theirs` whether the ticket waits for that person now."""
    whom = "you" if mine else name
    now = "" if mine or theirs else f" It does not wait for {name} now."
    then = "" if mine else f"{now} If it does not wait for {name} then, I tell you instead."
    return f"I remind {whom} of {called(ticket)} on {when(at, zone)}.{then} Undo: {typed(f'forget {number}')}."


def reminded_now(ticket: Ticket, name: str) -> str:
    """It is told at once."""
    return f"I told {name} just now that you ask for {called(ticket)}."


def reminder(ticket: Ticket, text: str, by: str, way: str, outlook: str, *, mine: bool) -> Message:
    """What somebody asked to have told, to whoever it is for; `way` is what the reader can do."""
    about = f"You asked me to remind you of {called(ticket)}" if mine else f"**{by}** reminds you of {called(ticket)}"
    said = f":\n{quoted(text, 1000)}\n" if text else ". "
    return Message(f"{about}{said}{outlook}" + (f" You can now: {way}." if way else ""))


def not_reminded(ticket: Ticket, name: str, text: str, why: str) -> Message:
    """To whoever asked: it was not told, and why."""
    what = f" ({plain(text, 100)})" if text else ""
    return Message(f"You wanted {name} reminded of {called(ticket)}{what}. I did not: {why}")


def not_theirs(name: str, outlook: str) -> str:
    """A ticket does not wait for somebody."""
    return f"it does not wait for {name} now. {outlook}"


def your_reminders(lines: Sequence[str]) -> str:
    """What somebody asked for."""
    if not lines:
        return f"You asked for no reminders. For example: {typed('remind me about MB-7 tomorrow')}."
    return "Your reminders, the next first:\n" + "\n".join(f"- {line}" for line in lines)


def reminder_line(ticket: Ticket, number: int, name: str, at: int, zone: str, text: str) -> str:
    """One of them; `name` is "" for oneself."""
    what = f": {plain(text, 100)}" if text else ""
    return ended(f"**{number}** · {when(at, zone)}: {f'{name}, ' if name else ''}{called(ticket)}{what}")


def forgotten(ticket: Ticket) -> str:
    """A reminder was dropped."""
    return f"Dropped: the reminder of {called(ticket)}."


def no_reminder(number: int) -> str:
    """There is none of this number, or it is somebody else's."""
    return f"You have no reminder {number}. {typed('reminders')} shows yours."


def only_yourself(ticket: Ticket) -> str:
    """Whoever submits may not have others reminded: the bot does it."""
    way = typed(f"remind me about {ticket.handle} tomorrow")
    return f"You can remind yourself: {way}. Whoever {called(ticket)} waits for is reminded without being asked."


def nothing_to_do_with_it(ticket: Ticket, name: str) -> str:
    """Somebody who has no part in a ticket."""
    return f"{name} has no part in {called(ticket)}. {typed(f'status {ticket.handle}')} shows whom it waits for."


def bad_when(why: str) -> str:
    """A moment that cannot be meant."""
    said = {"past": "That day is over.", "far": "That is more than a year ahead."}.get(why, "I don't understand when.")
    return (
        f"{said} Say it like this: {typed('remind me about MB-7 in 3 days')}, `tomorrow`, `on monday`, `on 2026-12-01`."
    )
