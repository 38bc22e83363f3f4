"""A role's checklist prompt, which always shows the present: what is open with guide, claim and evidence, and what is decided."""

from collections.abc import Mapping

from mmbot.domain import review
from mmbot.domain.ticket import Ticket
from mmbot.domain.ticket_parts import Finding
from mmbot.domain.turns import Turn
from mmbot.messages import Button, Colour, Message, Row
from mmbot.policy import Item
from mmbot.words.cards import Who, at, called, compared, kind, title_of, under_review
from mmbot.words.changed import what_changed
from mmbot.words.evidence import claimed, evidence
from mmbot.words.phrases import compare, day, listed, plain, plural

DECIDED = {"passed": "passed", "na": "not applicable"}


def prompt(ticket: Ticket, role: str, turns: Mapping[str, Turn], who: Who) -> Message:
    """A role's checklist: the items that are open with guide, claim and evidence; what is decided folds into a line."""
    title = title_of(ticket, role)
    reviewer = ticket.review(role).reviewer
    if role not in ticket.roles:
        return Message(
            f"{title} review of {called(ticket)}: not asked for any more. {kind(ticket).lstrip(' —')}.", (), "grey"
        )
    head = f"{title} review of {called(ticket)}, {under_review(ticket)}"
    name = f"{who(reviewer)} — " if reviewer else "Nobody yet — "
    held = review.verdict(ticket, role) == "held"
    open_items = [x for x in review.undecided(ticket, role) if not held or review.standing(ticket, x.handle) != "held"]
    lines = [f"{name}{head}. {_needs(ticket, role, open_items, turns)}"]
    if ticket.resolved and ticket.resolved.base_version and role in {"dev", "security"}:
        base = f"v{ticket.resolved.base_version.removeprefix('v')}"
        lines.append(
            f"Review what changed since the listed {plain(base, 30)}: {compare(ticket.repository, base, ticket.commit)}."
        )
    lines += [f"\n{item_lines(ticket, item)}" for item in open_items]
    if decided := _decided_line(ticket, role, who):
        lines.append(f"\n{decided}" if open_items else decided)
    return Message(
        "\n".join(line for line in lines if line), _prompt_rows(ticket, role, open_items), _prompt_colour(ticket, role)
    )


def _needs(ticket: Ticket, role: str, items: list[Item], turns: Mapping[str, Turn]) -> str:
    says = review.verdict(ticket, role)
    if ticket.ended:
        return "Closed."
    if says == "approved":
        return "**Approved.**"
    if says == "changes requested":
        return "**Changes requested**; settle each finding when it is answered."
    if says == "held":
        old = review.held(ticket, role)
        changed = what_changed(ticket, role, compared(ticket, old))
        return f"What was decided at {at(ticket, old)} is held until you confirm it: {changed}"
    turn = turns.get(role)
    until = f"; please by {day(turn.due)}" if turn and turn.due else ""
    if not items:
        return f"Every item is decided{until}: approve it, or say what is wrong."
    return f"{plural(len(items), 'item')}{until}."


def item_lines(ticket: Ticket, item: Item) -> str:
    """An item as a reviewer reads it: what is demanded, what to look at, what the submitter claims, what was found."""
    lines = [f"**{item.handle}** {item.text} *Look at:* {item.guide}"]
    beside = [x for x in (claimed(ticket, item.handle), evidence(ticket, item.handle)) if x]
    if beside:
        lines.append(f"  ↳ {'; '.join(beside)}")
    return "\n".join(lines)


def _decided_line(ticket: Ticket, role: str, who: Who) -> str:
    """What is decided, folded; of a confidential role's findings only that they are there."""
    groups: dict[tuple[str, str], list[str]] = {}
    for item in ticket.items_of(role):
        found = ticket.judgements.get(item.handle)
        stands = review.standing(ticket, item.handle)
        if found and found.state in DECIDED and stands != "open":
            said = found.why and found.state == "na" and not ticket.confidential(role)
            why = f" ({plain(found.why, 100)})" if said else ""
            then = f" at {at(ticket, found.commit)}" if stands == "held" else ""
            mark = "✓" if stands != "held" else "Held:"
            words = f"{DECIDED[found.state]} by {who(found.by)}{why}{then}"
            groups.setdefault((mark, words), []).append(f"**{item.handle}**")
    lines = [f"{mark} {listed(handles)} {words}" for (mark, words), handles in groups.items()]
    return "\n".join(
        [*lines, *(finding_line(ticket, x, who, secret=x.confidential) for x in review.findings(ticket, role))]
    )


def finding_line(ticket: Ticket, finding: Finding, who: Who, *, secret: bool) -> str:
    """One open finding; without its words where they are `secret` to the reader."""
    answered = ", answered" if finding.answered_at else ""
    if secret:
        return f"✗ finding {finding.number}{answered}: details with the submitter"
    item = f" **{finding.item}**" if finding.item else ""
    return f"✗ finding {finding.number}{item} ({title_of(ticket, finding.role)}, {who(finding.by)}{answered}): {plain(finding.text, 600)}"


def _prompt_rows(ticket: Ticket, role: str, items: list[Item]) -> tuple[Row, ...]:
    if ticket.ended or ticket.public:
        return ()
    ref, guard = ticket.handle, f"--commit {ticket.commit[:7]}"
    says = review.verdict(ticket, role)
    if says == "approved":
        return (Row((Button("Take approval back", f"retract {ref} {role}"),)),)
    if says == "held":
        return (
            Row(
                (
                    Button("Still holds", f"holds {ref} {role} {guard}", "primary"),
                    Button("Look again", f"again {ref} {role} {guard}"),
                    Button("Something's wrong…", f"block {ref} {role} {guard}", "danger"),
                ),
            ),
        )
    wrong = Button("Something's wrong…", f"block {ref} {role} {guard}", "danger")
    rows = [Row((Button("All pass, approve", f"approve {ref} {role} --all {guard}", "primary"), wrong))]
    if review.findings(ticket, role):
        settle = [
            Button(f"Settle finding {x.number}", f"unblock {ref} {x.number}") for x in review.findings(ticket, role)[:5]
        ]
        rows = [Row((*settle, wrong))]
    if not ticket.review(role).reviewer:
        rows.append(Row((Button("I'll take it", f"claim {ref} {role}"),)))
    return (*rows, *(Row(_item_buttons(ref, item, guard), f"**{item.handle}** {item.title}") for item in items))


def _item_buttons(ref: str, item: Item, guard: str) -> tuple[Button, ...]:
    buttons = [
        Button("Pass", f"pass {ref} {item.handle} {guard}"),
        Button("Fail…", f"fail {ref} {item.handle} {guard}"),
    ]
    return (*buttons, Button("N/A…", f"na {ref} {item.handle} {guard}")) if item.na else tuple(buttons)


def _prompt_colour(ticket: Ticket, role: str) -> Colour:
    says = review.verdict(ticket, role)
    if ticket.ended:
        return "grey"
    return {"approved": "green", "changes requested": "amber"}.get(says, "blue")  # type: ignore[return-value]  # both are colours
