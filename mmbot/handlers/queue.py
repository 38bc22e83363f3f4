"""Answers that change nothing: where a ticket stands, what waits, what can be done here."""

from mmbot.commands import WORDS, questions, usage
from mmbot.domain.rights import Actor, Who, allowed
from mmbot.events import COMMANDS, AskHelp, AskQueue, AskStatus, Incomplete, Misread
from mmbot.messages import Dialog, Refused, Reply
from mmbot.store import book
from mmbot.store.tx import Tx
from mmbot.words import answers, replies
from mmbot.words import people as words

NAMED_ALIKE = 6
"""How many tickets are looked for by name: those that are offered, and one that shows that there are more."""


def status(tx: Tx, cmd: AskStatus) -> Reply:
    """Where one ticket stands, or all of the asker's."""
    if cmd.ticket:
        return _status(tx, cmd.ticket)
    if cmd.about:
        about = cmd.about.strip(" ?")
        found = [tx.ticket(n) for n in tx.store.tickets_named(about, NAMED_ALIKE)]
        if not found:
            raise Refused(answers.nothing_named(about))
        if len(found) > 1:
            raise Refused(answers.several_named(found))
        return _status(tx, found[0].number)
    mine = tx.store.tickets_of(tx.by)
    if not mine:
        return Reply(answers.no_tickets())
    lines = [answers.brief(ticket, tx.turns(ticket), tx.actor, tx.who) for ticket in map(tx.ticket, mine)]
    return Reply(answers.your_tickets(lines))


def _status(tx: Tx, number: int) -> Reply:
    ticket = tx.ticket(number)
    return Reply(answers.status(ticket, tx.turns(ticket), tx.actor, tx.who))


def queue(tx: Tx, cmd: AskQueue) -> Reply:
    """What waits for a role, or for the asker."""
    mine = tx.actor.roles & {*tx.policy.roles, "owner"}
    parties, person = ([cmd.role], "") if cmd.role else (sorted(mine), tx.by)
    rows, count = tx.store.waiting_for(parties, person, answers.AT_MOST)
    lines = []
    for row in rows:
        ticket = tx.ticket(row["ticket"])
        lines.append(answers.queue_line(ticket, tx.turns(ticket)[row["party"]], tx.actor, tx.who, tx.now))
    title = tx.policy.roles[cmd.role].title if cmd.role else "you"
    text = answers.queue(title, lines, count - len(lines))
    return Reply("\n".join([text, *([] if cmd.role else _for_absent(tx))]))


def _for_absent(tx: Tx) -> list[str]:
    """What waits for those for whom the asker stands in now, as far as the asker can take it over."""
    texts = []
    for absence in book.stood_in_for(tx.store, tx.by, tx.now):
        rows, _ = tx.store.waiting_for((), absence.person, answers.AT_MOST)
        mine = [row for row in rows if tx.stand_in(absence.person, row["party"]) == tx.by]
        lines = []
        for row in mine:
            ticket = tx.ticket(row["ticket"])
            as_owner = Actor(absence.person, tx.actor.roles) if row["party"] == "owner" else tx.actor
            lines.append(answers.queue_line(ticket, tx.turns(ticket)[row["party"]], as_owner, tx.who, tx.now))
        if lines:
            texts.append(words.standing_in(tx.who(absence.person), absence.day, lines))
    return texts


def show_help(tx: Tx, cmd: AskHelp) -> Reply:
    """What the asker can do here, or how one command is used."""
    word = cmd.about.lower().split()[-1].lstrip("/") if cmd.about else ""
    if word:
        if word not in WORDS:
            raise Refused(replies.no_such_command(word))
        command = WORDS[word]
        return Reply(
            replies.help_for(
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
    return Reply(replies.help_all(lines))


def _may(tx: Tx, who: Who) -> bool:
    """Whether somebody may use a right somewhere: of what depends on the ticket, only the person's part is asked for."""
    reviews = bool(tx.actor.roles & {*tx.policy.roles})
    if who == "role":
        return reviews
    if who == "owner-or-reviewer":
        return reviews or allowed("owner", tx.actor)
    return who in {"owner-or-submitter", "concerned"} or allowed(who, tx.actor)


def misread(_tx: Tx, what: Misread) -> Reply:
    """A line that was no command."""
    return Reply(what.why)


def incomplete(tx: Tx, what: Incomplete) -> Reply:
    """The beginning of a command: a dialog asks for the rest."""
    ticket = tx.store.ticket(what.ticket) if what.ticket else None
    if what.ticket and ticket is None:
        raise Refused(replies.no_such_ticket(what.ticket))
    asked = questions(what, ticket, tx.policy, tx.actor.roles)
    if {*what.missing} - {x.name for x in asked}:  # items to choose from: the asker judges none of them
        raise Refused(replies.no_role())
    title, intro = replies.dialog_title(what.word), replies.dialog_intro(what.line, ticket, tx.actor.roles)
    line = what.line
    if ticket and ticket.commit and "commit" in WORDS[what.word].model_fields and "commit" not in what.given:
        line = f"{line} --commit {ticket.commit[:7]}"  # it is answered with this commit in mind, and the review may move meanwhile
    return Reply(replies.more_needed(what.word), dialog=Dialog(title, intro, line, asked))
