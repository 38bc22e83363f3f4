"""Every sentence that is sent unasked: news in a ticket's thread, and direct messages to whoever has the next step."""

from collections.abc import Sequence

from mmbot.domain import review
from mmbot.domain.rights import is_outside
from mmbot.domain.steps import done
from mmbot.domain.ticket import Ticket
from mmbot.domain.ticket_parts import Finding
from mmbot.events import Pushed
from mmbot.messages import Button, Message, Row
from mmbot.words.cards import Who, at, called, compared, ref_words, title_of, under_review
from mmbot.words.changed import changing, files_named, what_changed
from mmbot.words.checklist import finding_line
from mmbot.words.phrases import code, compare, day, listed, plural, quoted, thread_at, typed
from mmbot.words.steps import then

ROOM_FOR_FINDINGS = 14_000
"""Characters of a post that its findings may take."""


def assigned(
    ticket: Ticket, role: str, by: str, due: int = 0, *, late: bool = False, way: str = "", thread: str = ""
) -> Message:
    """To somebody who got a part of a ticket: by when it is or was `due`; `way` is what its owner can do now."""
    if role == "owner":
        now = f" You can now: {way}." if way else ""
        return Message(
            f"{by} made you the owner of {called(ticket)}.{now} {typed(f'status {ticket.handle}')} shows where it stands."
        )
    by_when = f", which was due {day(due)}" if late else f", by {day(due)}"
    return Message(
        f"{by} asks you for the {title_of(ticket, role)} review of {called(ticket)}, {under_review(ticket)}"
        f"{by_when if due else ''}. The checklist is in {thread_at(thread)}. "
        f"If you can't: {typed(f'unassign {ticket.handle} {role}')}."
    )


def to_pass_on(ticket: Ticket, name: str, message: Message) -> Message:
    """To whoever guides a ticket: its submitter has no account here, so the text has to reach them another way."""
    inside = "\n".join(f"> {line}" if line else ">" for line in message.text.split("\n"))
    return Message(
        f"**{name}** has no account here. Please pass this on, about {called(ticket)}; the commands in it you can type for them.\n{inside}"
    )


def confidential_waits(ticket: Ticket, name: str) -> Message:
    """To whoever is asked in place of an owner: what may only be read by one waits for somebody without an account."""
    return Message(
        f"{called(ticket)} has findings for **{name}**, who has no account here, and some are confidential: only its owner may read and "
        f"pass them on. It has none: {typed(f'claim {ticket.handle}')}, then {typed(f'status {ticket.handle}')}."
    )


def relieved(ticket: Ticket, role: str, now: str, by: str) -> Message:
    """To somebody who had a part of a ticket: it is theirs no longer."""
    part = "guides" if role == "owner" else f"does the {title_of(ticket, role)} review of"
    changed_by = f" ({by} changed it)" if by != now else ""
    if now:
        return Message(f"{now} {part} {called(ticket)} from now on, so you need not{changed_by}.")
    noun = "owner" if role == "owner" else f"{title_of(ticket, role)} reviewer"
    return Message(f"You are no longer the {noun} of {called(ticket)} ({by} changed it).")


def review_wanted(ticket: Ticket, role: str, due: int, thread: str = "") -> Message:
    """To the members of a role: a review waits for somebody."""
    until = f", by {day(due)}" if due else ""
    button = Button(f"I'll review as {title_of(ticket, role)}", f"claim {ticket.handle} {role}", "primary")
    return Message(
        f"{called(ticket)} needs a {title_of(ticket, role)} review{until}. Whoever takes it first has it. "
        f"The checklist is in {thread_at(thread)}.",
        (Row((button,)),),
    )


def changes(ticket: Ticket, findings: Sequence[Finding], who: Who, thread: str = "") -> Message:
    """To the submitter: the findings of a review, in one message."""
    lines = [f"The review of {called(ticket)} at {at(ticket)} has {plural(len(findings), 'finding')} for you:"]
    for limit in (3000, 1500, 750, 300, 100):
        words = [_finding(ticket, x, who, limit) for x in findings]
        if sum(map(len, words)) < ROOM_FOR_FINDINGS:
            break
    lines += words
    them = "it" if len(findings) == 1 else "them"
    secrets = dict.fromkeys(who(x.by) for x in findings if x.confidential)
    if secrets and all(x.confidential for x in findings):
        lines.append(f"What is confidential stays out of the channel: answer {listed(secrets)} by direct message.")
    elif secrets:
        lines.append(
            f"Answer in {thread_at(thread)}; but what is confidential stays out of it: answer {listed(secrets)} by direct message."
        )
    else:
        lines.append(f"Answer in {thread_at(thread)}.")
    lines.append(
        f"When you have answered or fixed {them}: {typed(f'ready {ticket.handle}')}, with the new tag or commit if the code changed. "
        "Until then the review waits for you; take the time you need."
    )
    return Message("\n".join(lines))


def _finding(ticket: Ticket, finding: Finding, who: Who, limit: int) -> str:
    item = f" **{finding.item}** {ticket.requirements.items[finding.item].title}" if finding.item else ""
    secret = ", confidential" if finding.confidential else ""
    head = f"**{finding.number}.** {title_of(ticket, finding.role)}{item} ({who(finding.by)}{secret})"
    return f"{head}\n{quoted(finding.text, limit)}"


def changed(ticket: Ticket, findings: Sequence[Finding], who: Who) -> Message:
    """In the thread: changes are requested; a confidential role's words stay out."""
    roles = list(dict.fromkeys(title_of(ticket, x.role) for x in findings))
    name = f"**{who(ticket.submitter)}**"
    told = (
        f"{name} hears of them by its owner" if is_outside(ticket.submitter) else f"{name} has them by direct message"
    )
    lines = [f"{listed(roles)} requested changes; {told}."]
    lines += [finding_line(ticket, x, who, secret=False) for x in findings if not x.confidential]
    return Message("\n".join(lines))


def answered(ticket: Ticket, role: str, who: Who, thread: str = "") -> Message:
    """To a reviewer, who may read what is confidential to the role: the submitter says the findings are answered."""
    open_ones = review.findings(ticket, role)
    numbers = [x.number for x in open_ones]
    title = title_of(ticket, role)
    found = f"your {title} finding is" if len(numbers) == 1 else f"your {len(numbers)} {title} findings are"
    buttons = tuple(Button(f"Settle finding {n}", f"unblock {ticket.handle} {n}") for n in numbers[:5])
    return Message(
        f"{called(ticket)}: {found} answered, it is your turn again. {_where(ticket, open_ones)}\n"
        + "\n".join(finding_line(ticket, x, who, secret=False) for x in open_ones[:5])
        + f"\n{_answers_at(open_ones, thread)}",
        (Row(buttons),),
    )


def _where(ticket: Ticket, findings: Sequence[Finding]) -> str:
    """The commit that the answers are to be read at, and what changed since the first of the findings."""
    before = findings[0].commit
    same = before == ticket.commit or ticket.page
    return f"The review is at {at(ticket)}{'' if same else f' ({compared(ticket, before)})'}."


def _answers_at(findings: Sequence[Finding], thread: str) -> str:
    """Where the answers to findings are to be looked for."""
    secret = "What is confidential is answered by direct message." if any(x.confidential for x in findings) else ""
    public = f"The answers are in {thread_at(thread)}." if not all(x.confidential for x in findings) else ""
    return " ".join(x for x in (public, secret) if x)


def answered_on_hold(ticket: Ticket, by: str) -> Message:
    """To the owner: an answer came while nobody is asked for anything."""
    return Message(
        f"{called(ticket)} is on hold, and {by} says now that the findings are answered. {typed(f'unhold {ticket.handle}')} lets it go on."
    )


def moved(ticket: Ticket, before: str, held: Sequence[str], said: Sequence[str]) -> Message:
    """In the thread: the review moved to another commit; the roles whose decisions are held are named."""
    by_commit: dict[str, list[str]] = {}
    for role in held:
        by_commit.setdefault(at(ticket, review.held(ticket, role)), []).append(title_of(ticket, role))
    way = f"from {at(ticket, before)} to {at(ticket)}{ref_words(ticket)}"
    lines = [f"The review moved {way}: {compared(ticket, before)}{changing(ticket)}."]
    if alike := review.decided_before(ticket):
        lines.append(f"It is the same code as {at(ticket, alike)}: what was decided there stands.")
    elif ticket.same(before):
        lines.append(f"It is the same code as {at(ticket, before)}.")
    lines += [f"What was decided at {old} is held until it is confirmed: {listed(x)}." for old, x in by_commit.items()]
    lines += [f"⚠ {remark}" for remark in said]
    return Message("\n".join(lines))


def pushed(ticket: Ticket, what: Pushed) -> Message:
    """In the thread: new commits came; the review stays where it is."""
    kind = "New tag" if what.ref_kind == "tag" else "New commits on"
    name = what.ref_name if what.ref_kind == "tag" else what.commit[:7]
    changes = f", changing {files_named(what.files, what.more)}" if what.files else ""
    return Message(
        f"{kind} {code(what.ref_name, 60)} ({at(ticket, what.commit)}){changes}. The review stays at "
        f"{at(ticket)} ({compare(ticket.repository, ticket.commit, what.commit)}). "
        f"To move it: {typed(f'commit {ticket.handle} {name}')}."
    )


def confirm(ticket: Ticket, role: str, before: str) -> Message:
    """To a reviewer: the review moved on; the question is whether the verdict still holds."""
    ref, guard = ticket.handle, f"--commit {ticket.commit[:7]}"
    return Message(
        f"{called(ticket)} moved to {at(ticket)} after you reviewed {at(ticket, before)} "
        f"as {title_of(ticket, role)}: {what_changed(ticket, role, compared(ticket, before))}\nDoes your review still hold?",
        (
            Row(
                (
                    Button("Still holds", f"holds {ref} {role} {guard}", "primary"),
                    Button("Look again", f"again {ref} {role} {guard}"),
                )
            ),
        ),
    )


def gate_open(ticket: Ticket, who: Who) -> Message:
    """To the owner: all reviews are in."""
    return Message(
        f"{called(ticket)}: every role has approved {at(ticket)}, and nothing blocks. "
        f"**The review gate is open**; {then(ticket, who, ticket.owner)}"
    )


def gate_open_in_thread(ticket: Ticket) -> Message:
    """In the thread: all reviews are in."""
    roles = listed(title_of(ticket, role) for role in ticket.roles)
    verb = "has" if len(ticket.roles) == 1 else "have"
    return Message(f"✓ {roles} {verb} approved {at(ticket)}: **the review gate is open**.")


def gate_shut(ticket: Ticket, why: str) -> Message:
    """To the owner: the gate that was open is shut again."""
    if ticket.public:
        wait = ""
    elif "merged" in ticket.track_words.steps and not done(ticket, "merged"):
        wait = ", please don't merge yet"
    elif "cut" in ticket.track_words.steps and not done(ticket, "cut"):
        wait = ", please don't cut it yet"
    else:
        wait = f", please don't {'publish' if ticket.track == 'web' else 'list'} it yet"
    return Message(f"{called(ticket)}: the review gate is shut again{wait}. {why}")


def why_shut(ticket: Ticket) -> str:
    """Why an open gate is shut again."""
    gate = review.gate(ticket)
    if gate.findings:
        return f"{listed(dict.fromkeys(title_of(ticket, x.role) for x in gate.findings))} found something."
    return f"Waiting for {listed(title_of(ticket, role) for role in gate.roles)}."


def note(by: str, text: str) -> Message:
    """In the thread: a remark."""
    return Message(f"{by} notes:\n{quoted(text)}")
