"""Every sentence that answers somebody: what was done and what comes next, or why not and what helps."""

from collections.abc import Iterable, Mapping, Sequence

from mmbot.cards import Who, called, finding_line, outlook, title_of, verdict_words, way_on
from mmbot.domain import review
from mmbot.domain.facts import ItemState
from mmbot.domain.review import Illegal
from mmbot.domain.rights import Actor, may_know
from mmbot.domain.ticket import Ticket
from mmbot.domain.turns import Turn
from mmbot.phrases import code, commit, day, listed, plain, plural, typed

STATES = {"passed": "passed", "failed": "failed", "na": "not applicable", "open": "open"}
AT_MOST = 20


def no_such_ticket(number: int) -> str:
    """The number names no ticket."""
    return f"There is no MB-{number}. {typed('status')} lists your tickets, {typed('queue')} what waits."


def fault(reference: str) -> str:
    """Something of ours broke."""
    return f"Something went wrong on my side, and nothing was changed. It is in the log as `{reference}`; please tell an admin."


def already() -> str:
    """The same event came twice."""
    return "I have that already."


def outdated() -> str:
    """A button of an older day."""
    return "This button is out of date; I have refreshed the post. Please use the one that stands there now."


def review_moved(ticket: Ticket, guard: str) -> str:
    """The button or command was meant for another commit than the one under review."""
    return (
        f"{ticket.handle} is now at {commit(ticket.repository, ticket.commit)}, no longer at `{guard[:7]}`: nothing was recorded. "
        "Look at what stands there now."
    )


def not_allowed(ticket: Ticket | None, who_may: Sequence[str], what: str, *, own: bool = False) -> str:
    """The asker may not do this; `who_may` are names."""
    if own and ticket:
        return f"{ticket.handle} is your own submission, so somebody else judges it. You can answer with {typed(f'ready {ticket.handle}')}."
    may = f"Ask {listed([*who_may][:5], 'or')}." if who_may else "Nobody has it yet; an admin can add people."
    return f"Only {what} can do that. {may}"


def refused(no: Illegal, ticket: Ticket, who: Who) -> str:  # noqa: C901, PLR0911, PLR0912 -- one sentence per reason
    """Why a move is not allowed, and the way forward."""
    ref, about = ticket.handle, no.about
    match no.why:
        case "ended":
            return f"{ref} is closed: {outlook(ticket, {}, who)}"
        case "no-commit":
            return f"{ref} has no commit to review yet. Name one with {typed(f'commit {ref} TAG')}."
        case "item-unknown":
            handles = ", ".join(item.handle for item in ticket.items)
            return f"{ref} has no item {code(str(about['item']), 20)}. Its items: {handles}."
        case "nothing-named":
            return f"Which items? For example {typed(f'pass {ref} {ticket.items[0].handle}')}."
        case "na-never":
            item = about["item"]
            return f"**{item.handle}** {item.title} always applies, so it passes or fails: {typed(f'fail {ref} {item.handle} WHY')}."  # type: ignore[attr-defined]
        case "why-missing":
            return "Please say why, so that the submitter can act on it."
        case "already":
            return f"**{about['item'].handle}** is {STATES[str(about['state'])]} already."  # type: ignore[attr-defined]
        case "already-found":
            return f"That finding stands already on {ref}."
        case "role-not-here":
            return f"{code(str(about['role']), 40)} does not judge {ref}. Its roles: {listed(title_of(ticket, r) for r in ticket.roles)}."
        case "findings-open":
            found = about["findings"]
            numbers = [str(x.number) for x in found]  # type: ignore[attr-defined]
            return (
                f"{title_of(ticket, str(about['role']))} can't approve {ref} while its finding {listed(numbers)} is open. "
                f"Settle it first: {typed(f'unblock {ref} {numbers[0]}')}, or pass the item."
            )
        case "items-open":
            role = str(about["role"])
            handles = listed(x.handle for x in about["items"])  # type: ignore[attr-defined]
            return f"Not decided at {commit(ticket.repository, ticket.commit)} yet: {handles}. {typed(f'approve {ref} {role} --all')} passes them and approves."
        case "already-approved":
            return f"{title_of(ticket, str(about['role']))} has approved {commit(ticket.repository, ticket.commit)} already."
        case "not-approved":
            return f"{title_of(ticket, str(about['role']))} has not approved {ref}, so there is nothing to take back."
        case "nothing-held":
            return f"Nothing of {title_of(ticket, str(about['role']))} is held from an older commit on {ref}."
        case "finding-unknown":
            return f"{ref} has no finding {about['number']}. {typed(f'status {ref}')} lists them."
        case "finding-settled":
            return f"Finding {about['finding'].number} of {ref} is settled already."  # type: ignore[attr-defined]
        case "already-public":
            return f"Finding {about['number']} of {ref} is public already."
        case _:
            return f"That is not possible on {ref} now. {typed(f'status {ref}')} shows where it stands."


# Intake


def submitted(ticket: Ticket, owner: str, security_contact: str, *, read: str = "") -> str:
    """To the submitter: the number, who guides it, what happens next, where to ask, how to report a vulnerability."""
    asked = ticket.asked.text if ticket.asked else ""
    guide = f"**{owner}** guides it. " if owner else ""
    return (
        f"Thank you! Your submission is **{ticket.handle}**. {guide}I am looking up {code(asked, 100)} now and will say in the channel "
        f"which commit that is; then the reviews are requested.{read}\n"
        f"Where it stands: {typed(f'status {ticket.handle}')}. Questions: ask in this channel. "
        f"A vulnerability, in this plugin or any other: please never in the channel, but to {security_contact}."
    )


def form_read(ticket: Ticket) -> str:
    """What was read from a filled-in template, and what was not; begins with a space where there is anything."""
    sent = ticket.submitted
    if sent is None or not (sent.claims or sent.unread or sent.missing):
        return ""
    ticked = sum(1 for x in sent.claims if x.said == "yes")
    parts = [
        f" From your list I read {plural(len(sent.claims), 'item')}, {ticked} ticked; reviewers see it as your word."
    ]
    unclear = [f"{x.handle} ({code(f'[{x.raw}]', 20)})" for x in sent.claims if x.said == "unclear"]
    if unclear:
        parts.append(f"Neither yes nor no: {listed(unclear)}.")
    if sent.missing:
        parts.append(f"Your list lacks {listed(sent.missing)}; a reviewer will look at it all the same.")
    if sent.struck_out:
        parts.append(f"Struck out, so not used: {listed(code(x, 100) for x in sent.struck_out[:3])}.")
    if sent.other_references:
        parts.append(f"Also named, not used: {listed(code(x, 100) for x in sent.other_references[:3])}.")
    if sent.unread:
        parts.append(f"I could not place this: {'; '.join(code(x, 100) for x in sent.unread[:5])}.")
    return " ".join(parts)


def submitted_twice(other: Ticket, who: Who) -> str:
    """The same plugin has an open ticket."""
    way = f"add to it there, or name a newer commit with {typed(f'commit {other.handle} TAG')}"
    return (
        f"This plugin has an open ticket already: {called(other)}, submitted by {who(other.submitter)} on {day(other.opened_at)}. "
        f"I did not open a second one; {way}. {typed(f'status {other.handle}')} says where it stands."
    )


# Reviewing


def assigned(ticket: Ticket, role: str, person: str, *, mine: bool, remark: str = "") -> str:
    """Who does a part of the ticket now."""
    part = "owner" if role == "owner" else f"{title_of(ticket, role)} reviewer"
    if not person:
        return f"{ticket.handle} has no {part} any more."
    name = "You are" if mine else f"{person} is"
    return f"{name} now the {part} of {called(ticket)}.{remark}"


def two_roles(roles: Iterable[str]) -> str:
    """A remark where one person reviews for several roles."""
    return f" (Reviews for {listed(roles)} here: allowed, but two people see more.)"


def requested(ticket: Ticket, roles: Iterable[str]) -> str:
    """Reviews were asked for."""
    names = listed(title_of(ticket, role) for role in roles)
    return f"Asked for {names} on {called(ticket)}: the checklists are in its thread."


def judged(ticket: Ticket, items: Sequence[str], state: ItemState, role: str) -> str:
    """Items were judged; what is left for the role, and how to undo."""
    undo = typed(f"reopen {ticket.handle} {' '.join(items)}")
    words = (
        f"Recorded: {listed(f'**{x}**' for x in items)} {STATES[state]} at {commit(ticket.repository, ticket.commit)}."
    )
    left = review.undecided(ticket, role)
    if state == "failed":
        words += " It blocks until it passes; the submitter will be told."
    elif not left and not review.findings(ticket, role):
        words += f" Every {title_of(ticket, role)} item is decided: {typed(f'approve {ticket.handle} {role}')}."
    else:
        words += f" Left for {title_of(ticket, role)}: {listed(x.handle for x in left)}." if left else ""
    return words + ("" if state == "open" else f" Undo: {undo}.")


def blocked(ticket: Ticket, number: int, role: str, *, in_public: bool) -> str:
    """A finding was raised."""
    words = f"Recorded as finding {number} of {title_of(ticket, role)} on {called(ticket)}; the submitter will be told. Undo: {typed(f'unblock {ticket.handle} {number}')}."
    if in_public and ticket.confidential(role):
        words += " **Your message stands in public**: you may want to delete it. Next time use the button or a slash command."
    return words


def settled(ticket: Ticket, number: int, role: str) -> str:
    """A finding was settled."""
    left = review.findings(ticket, role)
    more = (
        f"Still open: {listed(str(x.number) for x in left)}."
        if left
        else f"Next: {typed(f'approve {ticket.handle} {role}')}."
    )
    return f"Finding {number} of {called(ticket)} is settled. {more}"


def disclosed(ticket: Ticket, number: int) -> str:
    """A finding was made public."""
    return f"Finding {number} of {called(ticket)} is public now."


def noted(ticket: Ticket) -> str:
    """A remark was added."""
    return f"Noted on {called(ticket)}."


def verdict_recorded(ticket: Ticket, role: str, decision: str, who: Who) -> str:
    """A role's verdict was recorded, and what is still missing."""
    title, at = title_of(ticket, role), commit(ticket.repository, ticket.commit)
    if decision == "retract":
        return f"{title}'s approval of {ticket.handle} is taken back. Approve again with {typed(f'approve {ticket.handle} {role}')}."
    if decision == "again":
        return f"{title} looks again at {called(ticket)}, commit {at}. Its checklist is in the thread."
    if decision == "holds" and review.verdict(ticket, role) != "approved":
        return f"Recorded: what {title} decided holds at {at}; {verdict_words(ticket, role, who)}."
    gate = review.gate(ticket)
    rest = "That was the last one: the review gate is open." if gate.open else f"Still waiting for {_missing(ticket)}."
    word = "still approves" if decision == "holds" else "approves"
    return (
        f"Recorded: {title} {word} {at} of {called(ticket)}. {rest} Undo: {typed(f'retract {ticket.handle} {role}')}."
    )


def _missing(ticket: Ticket) -> str:
    gate = review.gate(ticket)
    others = [title_of(ticket, role) for role in gate.roles]
    return listed(others) if others else plural(len(gate.findings), "finding")


def looking_up(ticket: Ticket, text: str) -> str:
    """A reference is being resolved."""
    return f"I am looking up {code(text, 100)} for {called(ticket)} and will say in its thread what it is."


def same_reference(ticket: Ticket) -> str:
    """The review is there already."""
    return f"{called(ticket)} is at {commit(ticket.repository, ticket.commit)} already."


def ready(ticket: Ticket, roles: Iterable[str], asked: str) -> str:
    """The ball goes back."""
    names = [title_of(ticket, role) for role in roles]
    told = f"Thank you. I tell {listed(names)} that your answer is there." if names else "Thank you, noted."
    look = f" I am looking up {code(asked, 100)} now." if asked else ""
    return f"{told}{look} {typed(f'status {ticket.handle}')} says where it stands."


def nothing_to_answer(ticket: Ticket) -> str:
    """`ready` where nothing waits for the submitter."""
    return f"Nothing of {called(ticket)} waits for you. To move the review, name a tag or commit: {typed(f'ready {ticket.handle} TAG')}."


def taken(ticket: Ticket, role: str, name: str) -> str:
    """Somebody else reviews for this role already."""
    move = typed(f"assign {ticket.handle} {role} @USER")
    return f"{name} does the {title_of(ticket, role)} review of {called(ticket)} already. {move} hands it over."


def own_submission(ticket: Ticket, name: str) -> str:
    """The person submitted the plugin."""
    return f"{ticket.handle} is {name}'s own submission: somebody else has to judge it."


def lacks_role(name: str, role: str, who_may: Sequence[str]) -> str:
    """The person does not hold the role."""
    return f"{name} does not hold the role {role}. " + (
        f"{listed([*who_may][:5])} could." if who_may else "Nobody does; an admin can add people."
    )


def requested_already(ticket: Ticket, roles: Sequence[str]) -> str:
    """Every review named was asked for before."""
    return f"The reviews of {listed(title_of(ticket, x) for x in roles)} are asked for already. {typed(f'status {ticket.handle}')} shows who has them."


def which_role_of(ticket: Ticket, name: str, roles: Sequence[str]) -> str:
    """A person is asked to review, but for which role?"""
    if not roles:
        return (
            f"{name} holds none of the roles of {ticket.handle}: {listed(title_of(ticket, x) for x in ticket.roles)}."
        )
    return f"For which role shall {name} review: {listed(roles, 'or')}? For example {typed(f'assign {ticket.handle} {roles[0]} @USER')}."


# Status, queue, help


def status(ticket: Ticket, turns: Mapping[str, Turn], reader: Actor, who: Who) -> str:
    """Where a ticket stands, in the reader's terms; confidential words only for those who may know."""
    lines = [
        f"**{called(ticket).strip('*')}** — {ticket.track_words.title}, submitted by {who(ticket.submitter)} on {day(ticket.opened_at)}."
    ]
    if ticket.unresolved and not ticket.commit:
        lines.append(f"I could not find what to review: {plain(ticket.unresolved.why)}")
    if ticket.commit:
        lines.append(f"Under review: {commit(ticket.repository, ticket.commit)}.")
        lines += [f"- {title_of(ticket, role)}: {verdict_words(ticket, role, who)}" for role in ticket.roles]
    for found in review.findings(ticket):
        secret = found.confidential and not may_know(reader, ticket, found.role)
        lines.append(finding_line(ticket, found, who, secret=secret))
    lines += [f"Note of {who(x.by)}, {day(x.at)}: {plain(x.text, 300)}" for x in ticket.notes[-3:]]
    lines.append(outlook(ticket, turns, who, mention=reader.id))
    if way := way_on(ticket, turns, reader.id, reader.roles):
        lines.append(f"**You can now:** {way}.")
    return "\n".join(lines)


def brief(ticket: Ticket, turns: Mapping[str, Turn], reader: Actor, who: Who) -> str:
    """A ticket on one line of a list."""
    way = way_on(ticket, turns, reader.id, reader.roles)
    return f"{called(ticket)} — {outlook(ticket, turns, who, mention=reader.id)}" + (
        f" You can now: {way}." if way else ""
    )


def your_tickets(lines: Sequence[str]) -> str:
    """The asker's tickets."""
    return "\n".join(f"- {line}" for line in lines)


def no_tickets() -> str:
    """The asker has none."""
    return f"You have no open tickets. {typed('submit LINK')} hands a plugin in; {typed('queue')} shows what waits."


def nothing_named(words: str) -> str:
    """A search found nothing."""
    return f"I know no ticket or plugin called {code(words, 60)}. {typed('status')} lists your tickets."


def several_named(tickets: Iterable[Ticket]) -> str:
    """A search found several."""
    return f"Several: {listed(called(x) for x in tickets)}. Which one? For example {typed('status MB-7')}."


def queue(title: str, lines: Sequence[str], more: int) -> str:
    """What waits, oldest first."""
    if not lines:
        return f"Nothing waits for {title}."
    tail = f"\n… and {plural(more, 'more ticket')}." if more > 0 else ""
    return f"Waiting for {title}, oldest first:\n" + "\n".join(f"- {line}" for line in lines) + tail


def queue_line(ticket: Ticket, turn: Turn, who: Who) -> str:
    """One entry of a queue."""
    reviewer = ticket.review(turn.party).reviewer
    whose = f", {who(reviewer)}" if reviewer else ""
    due = f", due {day(turn.due)}" if turn.due else ""
    return f"{called(ticket)} — {turn.party}{whose}, since {day(turn.since)}{due}"


def no_role() -> str:
    """A reviewer's command from somebody who has no role."""
    return "You hold no reviewer's role here. An admin can add you to one."


def which_role(ticket: Ticket, roles: Iterable[str], word: str) -> str:
    """The asker holds several roles of the ticket."""
    names = sorted(roles)
    return f"For which role: {listed(names, 'or')}? For example {typed(f'{word} {ticket.handle} {names[0]}')}."


HELD_BY = {
    "anyone": "everybody", "staff": "owners and reviewers", "owner": "owners", "owner-or-submitter": "its owner and its submitter",
    "concerned": "owners, reviewers and its submitter", "role": "reviewers of the role",
}  # fmt: skip


def help_all(lines: Sequence[tuple[str, str]]) -> str:
    """What the asker may do: pairs of usage and summary."""
    shown = "\n".join(f"- `{usage}` — {summary}" for usage, summary in lines)
    return f"What you can do here; {typed('help WORD')} says more of one:\n{shown}\nIn a ticket's thread its number can be left out."


def help_for(usage: str, summary: str, more: str, example: str, who: str) -> str:
    """How one command is used."""
    return f"`{usage}` — {summary}.\n{more}\nFor example {typed(example)}. Who may: {HELD_BY[who]}."


def no_such_command(word: str) -> str:
    """Help was asked for something that is no command."""
    return f"There is no command {code(word, 40)}. {typed('help')} lists them."


# Dialogs

TITLES = {
    "submit": "Hand in a plugin", "block": "What is wrong?", "fail": "What is missing?", "na": "Why not applicable?", "note": "Leave a note",
    "commit": "Move the review", "assign": "Who takes it?",
}  # fmt: skip


def dialog_title(word: str) -> str:
    """A dialog's title, 24 characters at most."""
    return TITLES.get(word, word.capitalize())


def dialog_intro(line: str, ticket: Ticket | None) -> str:
    """What a dialog is about."""
    if ticket is None:
        return "A repository will do; a tag or commit is better. You get a ticket number, and the reviewers see what you write here."
    secret = any(ticket.confidential(r) and r in line.lower() for r in ticket.roles)
    items = [x for x in ticket.items if f" {x.handle} " in f" {line.upper()} "]
    secret = secret or any(ticket.confidential(x.role) for x in items)
    about = "".join(f" **{x.handle}** {x.text}" for x in items)
    return f"{called(ticket)}.{about}" + (
        " Confidential: only the submitter, the owner and your role read it." if secret else ""
    )


def more_needed(word: str) -> str:
    """Where no dialog can be opened at once, a button does it."""
    return f"{typed(word)} needs a little more."


def dialog_failed(word: str, usage: str) -> str:
    """The server did not take the dialog."""
    return f"I could not open the dialog just now. Please type it: `{usage}`, or see {typed(f'help {word}')}."


def fill_in() -> str:
    """The label of the button that opens a dialog."""
    return "Fill in…"


def recorded() -> str:
    """A dialog's answer where there is nothing else to say."""
    return "Recorded."
