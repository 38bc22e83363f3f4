"""Answers that change nothing: where a ticket stands, what waits, what can be done here."""

import re
from collections.abc import Sequence

from mmbot.commands import WORDS, questions, usage
from mmbot.domain.booked import totals
from mmbot.domain.deadlines import DAY
from mmbot.domain.rights import Actor, Who, allowed
from mmbot.domain.ticket import Ticket
from mmbot.domain.turns import Turn
from mmbot.events import ALL, CASES, COMMANDS, MINE, AskHelp, AskQueue, AskSearch, AskStatus, Incomplete, Misread
from mmbot.handlers import cases
from mmbot.messages import Dialog, Refused, Reply
from mmbot.store import book, booked, tickets
from mmbot.store.tx import Tx
from mmbot.words import answers, case_answers, dialogs, history, manual, replies
from mmbot.words import people as words

_TOKEN_OF_A_CASE = re.compile(r"\b(?:sec|bug)-\d{1,6}\b", re.IGNORECASE)
NAMED_ALIKE = 6
"""How many tickets are looked for by name: those that are offered, and one that shows that there are more."""
A_QUESTION = 3
"""Spaces from which on words are a question rather than a plugin's name."""
YOURS = 3
"""How many of the asker's tickets are shown to a question."""


def status(tx: Tx, cmd: AskStatus) -> Reply:
    """Where one ticket stands, or all of the asker's."""
    if cmd.ticket:
        return _log(tx, cmd.ticket, cmd.page) if cmd.log else _status(tx, cmd.ticket)
    if cmd.about:
        about = cmd.about.strip(" ?")
        found = [tx.ticket(n) for n in tickets.tickets_named(tx.store, about, NAMED_ALIKE)]
        if not found:
            numbers, count = tickets.found(tx.store, about, NAMED_ALIKE - 1)
            if not numbers and about.count(" ") >= A_QUESTION:
                raise Refused(answers.no_question_for_me(_briefly(tx, tickets.tickets_of(tx.store, tx.by, YOURS, 0))))
            raise Refused(answers.nothing_named(about, [tx.ticket(n) for n in numbers], count))
        if len(found) > 1:
            raise Refused(answers.several_named(found))
        return _log(tx, found[0].number, cmd.page) if cmd.log else _status(tx, found[0].number)
    if cmd.log:
        raise Refused(answers.log_of_what())
    mine = tickets.tickets_of(tx.store, tx.by, answers.AT_MOST + 1, _before(cmd.page))
    if not mine:
        return Reply(answers.no_tickets(cmd.page))
    lines = _briefly(tx, mine[: answers.AT_MOST])
    return Reply(answers.your_tickets(lines, cmd.page, more=len(mine) > len(lines)))


def _briefly(tx: Tx, numbers: Sequence[int]) -> list[str]:
    """Where tickets stand, a line for each."""
    tickets = [tx.ticket(number) for number in numbers]
    return [answers.brief(ticket, tx.turns(ticket), tx.actor, tx.who, tx.now) for ticket in tickets]


def _status(tx: Tx, number: int) -> Reply:
    ticket = tx.ticket(number)
    turns = tx.turns(ticket)
    past = booked.spent(tx.store.connection, number)
    spent = totals(past, ticket, turns, tx.now) if any(time >= DAY for time in past.values()) else {}
    usual = {role: _usual(tx, role) for role in ticket.roles if role in turns}
    thread = tx.thread(ticket)
    text = answers.status(ticket, turns, tx.actor, tx.who, tx.now, thread, booked=spent, usual=usual)
    return Reply("\n".join([text, *cases.of_ticket(tx, number)]))


def _usual(tx: Tx, role: str) -> int:
    """How long a role's reviews usually take (milliseconds), 0 where too few are finished to say."""
    found = booked.usual(tx.store.connection, role).took
    return found.half if found.count >= tx.policy.notices.usual_from else 0


def _log(tx: Tx, number: int, page: int) -> Reply:
    """What happened to a ticket, as far as the asker may know it."""
    ticket = tx.ticket(number)
    facts = tx.store.facts(number)
    command = f"status {ticket.handle} --log"
    _must_be_there(page, len(facts), command)
    part = facts[_before(page) :][: answers.AT_MOST]
    lines = [history.line(ticket, fact, tx.actor, tx.who) for fact in part]
    return Reply(answers.log(ticket, lines, page, len(facts), command))


def queue(tx: Tx, cmd: AskQueue) -> Reply:
    """What waits for a role, for somebody, for the asker, or at all."""
    parties: list[str] = []
    person, title, typed = "", "", cmd.whose
    if cmd.whose == MINE:
        parties, person, title = sorted(tx.actor.roles & {*tx.policy.roles, "owner", "release"}), tx.by, "you"
    elif cmd.whose.startswith("@"):
        person = cmd.whose[1:]
        title, typed = tx.who(person), f"@{tx.who(person)}"
    elif cmd.whose != ALL:
        role = tx.policy.roles.get(cmd.whose)
        parties, title = [cmd.whose], answers.whose_queue(cmd.whose, role.title if role else cmd.whose)
    rows, count = tickets.waiting_for(tx.store, parties, person, answers.AT_MOST, _before(cmd.page))
    command = "queue" if cmd.whose == MINE else f"queue {typed}"
    _must_be_there(cmd.page, count, command)
    lines = []
    for row in rows:
        ticket = tx.ticket(row["ticket"])
        turn = tx.turns(ticket)[row["party"]]
        lines.append(_queue_line(tx, ticket, turn, tx.actor))
    text = answers.queue(title, lines, cmd.page, count, command)
    if cmd.whose != MINE or cmd.page > 1:
        return Reply(text)
    if mine := cases.waiting(tx):
        text = "\n".join(([text] if rows else []) + [case_answers.wait(mine)])
    return Reply("\n".join([text, *_for_absent(tx)]))


def _queue_line(tx: Tx, ticket: Ticket, turn: Turn, reader: Actor) -> str:
    again = turn.why in {"answer", "review", "confirm", "look-again"}
    earlier = booked.spent_on_review(tx.store.connection, ticket.number, turn.party) if again else 0
    return answers.queue_line(ticket, turn, reader, tx.who, tx.now, tx.thread(ticket, turn.party), earlier)


def search(tx: Tx, cmd: AskSearch) -> Reply:
    """The tickets that say certain words."""
    numbers, count = tickets.found(tx.store, cmd.about, answers.AT_MOST, _before(cmd.page))
    if not count:
        raise Refused(answers.nothing_found(cmd.about))
    command = f"search {cmd.about}"
    _must_be_there(cmd.page, min(count, answers.COUNTED), command)
    lines = [answers.found_line(tx.ticket(n), tx.who) for n in numbers]
    return Reply(answers.found(cmd.about, lines, cmd.page, count, command))


def _before(page: int) -> int:
    """How many lines the pages before this one hold."""
    return (page - 1) * answers.AT_MOST


def _must_be_there(page: int, count: int, command: str) -> None:
    if 0 < count <= _before(page):
        raise Refused(answers.no_such_page(page, count, command))


def _for_absent(tx: Tx) -> list[str]:
    """What waits for those for whom the asker stands in now, as far as the asker can take it over."""
    texts = []
    for absence in book.stood_in_for(tx.store, tx.by, tx.now):
        rows, _ = tickets.waiting_for(tx.store, (), absence.person, answers.AT_MOST)
        mine = [row for row in rows if tx.stand_in(absence.person, row["party"]) == tx.by]
        lines = []
        for row in mine:
            ticket = tx.ticket(row["ticket"])
            as_owner = Actor(absence.person, tx.actor.roles) if row["party"] == "owner" else tx.actor
            lines.append(_queue_line(tx, ticket, tx.turns(ticket)[row["party"]], as_owner))
        if lines:
            texts.append(words.standing_in(tx.who(absence.person), absence.day, lines))
    return texts


def show_help(tx: Tx, cmd: AskHelp) -> Reply:
    """What the asker can do here, or how one command is used."""
    asked = [x.lstrip("/") for x in cmd.about.lower().split()]
    word = next((x for x in reversed(asked) if x in WORDS), asked[-1] if asked else "")
    if word in WORDS or 0 < len(asked) < A_QUESTION:
        if word not in WORDS:
            raise Refused(manual.no_such_command(word))
        command = WORDS[word]
        return Reply(
            manual.help_for(
                usage(word),
                command.summaries[word],
                " ".join((command.__doc__ or "").split()),
                command.examples[word],
                command.right(word),
            )
        )
    lines = [
        (usage(word), command.summaries[word])
        for command in COMMANDS
        for word in command.words
        if _may(tx, command.right(word))
    ]
    return Reply(manual.help_all(lines))


def _may(tx: Tx, who: Who) -> bool:
    """Whether somebody may use a right somewhere: of what depends on the ticket or case, only the person's part is asked for."""
    reviews = bool(tx.actor.roles & {*tx.policy.roles})
    if who == "role":
        return reviews
    if who == "owner-or-reviewer":
        return reviews or allowed("owner", tx.actor)
    return who in {"owner-or-submitter", "concerned"} or allowed(who, tx.actor, role=tx.policy.takedown.team)


def misread(_tx: Tx, what: Misread) -> Reply:
    """A line that was no command."""
    return Reply(what.why)


def incomplete(tx: Tx, what: Incomplete) -> Reply:
    """The beginning of a command: a dialog asks for the rest."""
    ticket = tx.store.ticket(what.ticket) if what.ticket else None
    if what.ticket and ticket is None:
        raise Refused(replies.no_such_ticket(what.ticket))
    handle = _TOKEN_OF_A_CASE.search(what.line) if "case" in WORDS[what.word].model_fields else None
    begun = cases.begun(tx, what, handle.group().upper() if handle else "") if WORDS[what.word] in CASES else ""
    asked = questions(what, ticket, tx.policy, tx.actor.roles)
    if {*what.missing} - {x.name for x in asked}:  # items to choose from: the asker judges none of them
        raise Refused(replies.no_role())
    title, intro = dialogs.title(what.word), begun or dialogs.intro(what.line, ticket, tx.actor.roles)
    line = what.line
    if ticket and ticket.commit and "commit" in WORDS[what.word].model_fields and "commit" not in what.given:
        line = f"{line} --commit {ticket.commit[:7]}"  # it is answered with this commit in mind, and the review may move meanwhile
    return Reply(dialogs.more_needed(what.word), dialog=Dialog(title, intro, line, asked))
