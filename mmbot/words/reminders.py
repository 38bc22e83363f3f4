"""The words of reminders: mornings, what a silent submitter hears, what people asked to be reminded of, and peace and quiet."""

from collections.abc import Sequence
from datetime import datetime

from mmbot.domain import review
from mmbot.domain.rights import is_outside
from mmbot.domain.ticket import Ticket
from mmbot.domain.turns import Turn
from mmbot.messages import Button, Message, Row
from mmbot.words.cards import Who, called, resting, title_of
from mmbot.words.phrases import day, ended, listed, plain, plural, quoted, thread_at, typed, when, zone_of

NOON = 12
FEW = 3
"""How many people or tickets are named where there may be more."""


# A morning


def morning(at: int, zone: str, waits: Sequence[str], more: int, late: Sequence[str], others: Sequence[str]) -> str:
    """What waits for somebody: a line for each ticket, and how many `more`; what is `late` with others; what there is besides."""
    hello = "Good morning." if datetime.fromtimestamp(at / 1000, zone_of(zone)).hour < NOON else "Hello."
    lines = []
    if waits:
        count = len(waits) + more
        lines.append(f"{hello} {plural(count, 'ticket')} {'waits' if count == 1 else 'wait'} for **you**:")
        lines += [f"- {line}" for line in waits]
        lines += [f"… {more} more: {typed('queue')}"] if more else []
    if late:
        are = "is" if len(late) == 1 else "are"
        begin = "Besides," if waits else hello
        lines.append(f"{begin} {plural(len(late), 'ticket')} {are} late with somebody else, and you can move it on:")
        lines += [f"- {line}" for line in late]
    lines += others
    return "\n".join(lines if waits or late else [f"{hello} {lines[0]}", *lines[1:]])


def heard_too(line: str, names: Sequence[str], rung: int) -> str:
    """A line about a turn of the reader's own that is late: who hears of it now, too, or how often it was said."""
    if names:
        return f"{line} {listed(names)} {'hears' if len(names) == 1 else 'hear'} of it today, too."
    return f"{line} I said so {rung - 1} times before." if rung > FEW else line


def late_with(ticket: Ticket, turn: Turn, line: str, name: str, takers: Sequence[tuple[str, int]], nudged: int) -> str:
    """A line about a turn that is late with somebody else, and what its reader can do.

    `name` is whoever it is late with ("" for nobody), `takers` are others who could take it, each with how much waits for them,
    `nudged` is how often a silent submitter was reminded.
    """
    ref = ticket.handle
    if turn.party == "submitter":
        asked = f" I reminded {name} {plural(nudged, 'time')}." if nudged else ""
        close = typed(f"close {ref} WHY")
        return f"{line}{asked} What becomes of it is yours to say: ask again, keep waiting, or {close}. I close nothing by myself."
    if turn.party == "owner":
        return f"{line} Ask {name}, or take it over: {typed(f'claim {ref}')}." if name else line
    if turn.party == "release":
        return (
            f"{line} {listed([x for x, _ in takers][:FEW], 'or')} can do it."
            if takers
            else f"{line} Nobody can: {_give('release')}."
        )
    queues = [f"{x} has {f'{n} waiting' if n else 'nothing waiting'}" for x, n in takers[:FEW]]
    if not name:
        return f"{line} Nobody has started. " + (
            f"Who could: {listed(queues)}." if queues else f"Nobody could: {_give(turn.party)}."
        )
    return f"{line} Ask {name}" + (
        f", or give it to another: {listed(queues)}." if queues else "; nobody else holds the role."
    )


def _give(role: str) -> str:
    return f"an admin gives the role with {typed(f'people add @USER {role}')}"


def quiet_otherwise(parts: Sequence[tuple[str, Sequence[str], int]], *, more: bool) -> str:
    """What waits for others: the ticket's handle, whom it waits for, and since how many days."""
    words = [f"{ref} waits for {listed(names)} ({'today' if n <= 0 else plural(n, 'day')})" for ref, names, n in parts]
    words += [f"more: {typed('status')}"] if more else []
    return f"Quiet otherwise: {'; '.join(words)}."


def row(ticket: Ticket, buttons: Sequence[Button]) -> Row:
    """The buttons of one line."""
    return Row(tuple(buttons), f"**{ticket.handle}**")


def buttons(ticket: Ticket, turn: Turn, *, taken: bool) -> list[Button]:
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
    return [*out, *_peace(ref), *hand]


def _peace(ref: str) -> list[Button]:
    return [Button("Snooze…", f"snooze {ref}"), Button("Mute", f"mute {ref}")]


def late_buttons(ticket: Ticket, turn: Turn, name: str, taker: str) -> list[Button]:
    """What somebody can do about a turn that is late with another: `name`, or nobody, and `taker` could take it."""
    ref = ticket.handle
    if turn.party == "submitter":
        again = [Button("Ask again", f"remind {ref} @{name}")] if not is_outside(ticket.submitter) else []
        return [
            *again,
            Button("Keep waiting…", f"snooze {ref}"),
            Button("Close as withdrawn…", f"close {ref}", "danger"),
        ]
    if name:
        hand = (
            [Button("Hand over…", f"assign {ref} {turn.party}")]
            if turn.party != "owner"
            else [Button("I take it over", f"claim {ref}")]
        )
        return [Button(f"Remind {name}", f"remind {ref} @{name}", "primary"), *hand, *_peace(ref)]
    if taker and turn.party == "release":
        return [Button(f"Remind {taker}", f"remind {ref} @{taker}", "primary"), *_peace(ref)]
    ask = [Button(f"Ask {taker}", f"assign {ref} {turn.party} @{taker}", "primary")] if taker else []
    return [*ask, Button("Ask somebody…", f"assign {ref} {turn.party}"), *_peace(ref)]


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
            f"If you need longer, say so in {thread_at(thread)}: nobody minds."
        )
    ask = f"I have asked {guide}" if turn.due <= now else f"On {day(turn.due)} I ask {guide}"
    return Message(
        f"{about} still needs {what}; nobody else can go on meanwhile. {do} {ask} what shall become of it; I close nothing by myself. "
        f"Will it take longer? Say so in {thread_at(thread)}. Have you given it up? {typed(f'withdraw {ticket.handle}')}; it can be reopened."
    )


# Peace and quiet


def snoozed(ticket: Ticket, until: int, zone: str) -> str:
    """Somebody's reminders leave a ticket out for some days."""
    at = when(until, zone).partition(",")[0]
    return f"No reminder of {called(ticket)} for you until {at}; then you hear of it if it still waits for you. Earlier: {typed(f'unmute {ticket.handle}')}."


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
    said = f":\n{quoted(text, 1000)}" if text else ". "
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
    return f"You can remind yourself: {typed(f'remind me about {ticket.handle} tomorrow')}. Whoever {called(ticket)} waits for is reminded without being asked."


def nothing_to_do_with_it(ticket: Ticket, name: str) -> str:
    """Somebody who has no part in a ticket."""
    return f"{name} has no part in {called(ticket)}. {typed(f'status {ticket.handle}')} shows whom it waits for."


def bad_when(why: str) -> str:
    """A moment that cannot be meant."""
    said = {"past": "That day is over.", "far": "That is more than a year ahead."}.get(why, "I don't understand when.")
    return (
        f"{said} Say it like this: {typed('remind me about MB-7 in 3 days')}, `tomorrow`, `on monday`, `on 2026-12-01`."
    )
