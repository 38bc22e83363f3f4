"""The posts that always show the present: the ticket's card and a role's checklist prompt. Dates, never ages."""

from collections.abc import Callable, Mapping

from mmbot.domain import review
from mmbot.domain.rights import is_outside, submits
from mmbot.domain.ticket import Ticket
from mmbot.domain.ticket_parts import Finding
from mmbot.domain.turns import Turn
from mmbot.messages import Button, Colour, Message, Row
from mmbot.policy import Item, Step
from mmbot.words.changed import what_changed
from mmbot.words.choices import CONTRIBUTIONS
from mmbot.words.evidence import claimed, evidence
from mmbot.words.phrases import code, commit, compare, day, ended, link, listed, plain, plural, thread_at, typed

Who = Callable[[str], str]
"""User id in, user name out."""

DECIDED = {"passed": "passed", "na": "not applicable"}


def card(ticket: Ticket, turns: Mapping[str, Turn], who: Who) -> Message:
    """The ticket's one post in the channel."""
    hurry = " · **urgent**" if ticket.urgent_at and not ticket.ended else ""
    title = f"**{ticket.handle} · {named(ticket)}**{kind(ticket)}{hurry}"
    lines = [title, _facts_line(ticket), _people_line(ticket, who)]
    if ticket.commit and not ticket.ended:
        lines += ["", "| role | reviewer | items | verdict |", "|:--|:--|:--|:--|"]
        lines += [_role_line(ticket, role, who) for role in ticket.roles]
    lines += ["", outlook(ticket, turns, who)]
    return Message("\n".join(lines), (Row(_card_buttons(ticket)),), _colour(ticket, turns))


def named(ticket: Ticket) -> str:
    """The plugin's name and version, safe to post."""
    return " ".join(part for part in (plain(ticket.name, 60), plain(ticket.version, 30)) if part)


def called(ticket: Ticket) -> str:
    """The ticket as a sentence calls it: **MB-7 Remind 1.0.0**."""
    return f"**{ticket.handle} {named(ticket)}**"


def kind(ticket: Ticket) -> str:
    """The track as the end of a title, once it is known: ` — update`, ` — web Marketplace, utility tool`."""
    of = f", {CONTRIBUTIONS[ticket.contribution]}" if ticket.contribution in CONTRIBUTIONS else ""
    return f" — {ticket.track_words.title}{of}" if ticket.resolved or ticket.chosen else ""


def at(ticket: Ticket, sha: str = "") -> str:
    """A commit of the ticket as people read it, by default the one under review; of a page, which has none, a link to it."""
    if ticket.page:
        return link("the page", ticket.repository) if sha in {"", ticket.commit} else "an earlier page"
    return commit(ticket.repository, sha or ticket.commit)


def under_review(ticket: Ticket) -> str:
    """What is under review, as a noun: commit `3f9c2ab`."""
    return at(ticket) if ticket.page else f"commit {at(ticket)}"


def compared(ticket: Ticket, before: str) -> str:
    """A link to what changed since another commit of the ticket."""
    return "look at it anew" if ticket.page else compare(ticket.repository, before, ticket.commit)


def _facts_line(ticket: Ticket) -> str:
    parts = []
    if ticket.plugin_id:
        parts.append(code(ticket.plugin_id))
    if ticket.page:
        return " · ".join([*parts, at(ticket)])
    parts.append(link("repository", ticket.repository))
    if ticket.fork:
        parts.append(link("fork", ticket.fork))
    if ticket.commit:
        parts.append(f"{under_review(ticket)}{ref_words(ticket)}")
    if ticket.resolved and ticket.resolved.base_version:
        parts.append(f"listed: {plain(ticket.resolved.base_version, 30)}")
    return " · ".join(parts)


def ref_words(ticket: Ticket) -> str:
    """The tag, branch or pull request that the commit under review was named by: ` (v1.0.0)`."""
    if (
        ticket.resolved
        and ticket.resolved.ref_name
        and ticket.resolved.ref_kind in {"tag", "branch", "pull", "default"}
    ):
        what = {"pull": "pull request ", "branch": "branch ", "default": "branch "}.get(ticket.resolved.ref_kind, "")
        return f" ({what}{plain(ticket.resolved.ref_name, 60)})"
    return ""


def _people_line(ticket: Ticket, who: Who) -> str:
    owner = who(ticket.owner) if ticket.owner else "nobody yet"
    others = [who(x) for x in ticket.maintainers if x != ticket.submitter]
    more = f" · maintained by {listed(others)}" if others else ""
    before = f" · follows MB-{ticket.before}" if ticket.before else ""
    return f"submitted by {who(ticket.submitter)} on {day(ticket.opened_at)} · owner {owner}{more}{before}"


def _role_line(ticket: Ticket, role: str, who: Who) -> str:
    items = ticket.items_of(role)
    done = len(items) - len(review.undecided(ticket, role))
    reviewer = ticket.review(role).reviewer
    name = who(reviewer) if reviewer else "—"
    return f"| {title_of(ticket, role)} | {name} | {done} / {len(items)} | {verdict_words(ticket, role, who)} |"


def title_of(ticket: Ticket, role: str) -> str:
    """A role as people call it; by its bare name where the policy has it no longer."""
    known = ticket.policy.roles.get(role)
    return known.title if known else role


def verdict_words(ticket: Ticket, role: str, who: Who, *, secret: bool = True) -> str:
    """A role's verdict, as everybody may read it; not `secret` for those who read the confidential findings beside it."""
    part = ticket.review(role)
    says = review.verdict(ticket, role)
    if says == "approved":
        by = who(part.approved_by)
        return "approved" if part.reviewer == part.approved_by else f"approved by {by}"
    if says == "held":
        old = review.held(ticket, role)
        return f"held at {at(ticket, old)}, to be confirmed"
    if says == "changes requested":
        answered = all(x.answered_at for x in review.findings(ticket, role))
        secret = secret and any(x.confidential for x in review.findings(ticket, role))
        words = f"changes requested{', details with the submitter' if secret else ''}"
        return f"{words}; answered" if answered else words
    if says == "reviewing":
        return f"reviewing since {day(part.assigned_at or part.started_at or ticket.opened_at)}"
    return says


def outlook(ticket: Ticket, turns: Mapping[str, Turn], who: Who, *, mention: str = "", now: int = 0) -> str:
    """Whom the ticket waits for, in a sentence, and for an answer that is read `now`, since when, if that was on another day.

    `mention` is a user id that reads it as "you".
    """
    if ticket.ended or ticket.held:
        return resting(ticket)
    waited = [turn for turn in turns.values() if turn.party != "mmbot"]
    days = [f" since {day(x.since)}" if now and day(x.since) != day(now) else "" for x in waited]
    alike = len({*days}) == 1
    parts = [
        _waits(ticket, turn, who, mention) + ("" if alike else since) for turn, since in zip(waited, days, strict=True)
    ]
    if ticket.comparing and "mmbot" in turns:
        return f"{_gate_words(ticket)}Comparing what was merged with what was approved …"
    if "mmbot" in turns and ticket.asked:
        return f"Looking up {code(ticket.asked.text)} …"
    gate = _gate_words(ticket)
    return f"{gate}Waiting for {listed(parts)}{days[0] if alike else ''}." if parts else gate.strip()


def resting(ticket: Ticket) -> str:
    """Why a ticket is nobody's turn."""
    if ticket.ended and ticket.ended.ending == "duplicate":
        return (
            f"**Closed** on {day(ticket.ended.at)}: the same plugin as MB-{ticket.ended.of}, where the review goes on."
        )
    if ticket.ended:
        why = f": {plain(ticket.ended.why, 600)}" if ticket.ended.why else ""
        return ended(f"**{ticket.ended.ending.replace('-', ' ').capitalize()}** on {day(ticket.ended.at)}{why}")
    why = plain(ticket.held.why, 600) if ticket.held else ""
    return ended(f"**On hold** since {day(ticket.held.at)}: {why}") if ticket.held else ""


def _gate_words(ticket: Ticket) -> str:
    """What is reached, once every role has approved."""
    if not review.gate(ticket).open:
        return ""
    reached = [ticket.policy.steps[x].title for x in ticket.steps_reached]
    if not reached:
        what = "page" if ticket.page else "commit"
        return f"**The review gate is open**: every role approved this {what}. "
    return f"**{reached[-1].capitalize()}.** "


def _waits(ticket: Ticket, turn: Turn, who: Who, mention: str) -> str:  # noqa: PLR0911 -- one exit per party and reason
    if turn.party == "submitter":
        name = "**you**" if mention == ticket.submitter else f"**{who(ticket.submitter)}**"
        if turn.why == "reference":
            return f"{name} (a tag or commit to review)"
        number = sum(1 for x in review.findings(ticket) if not x.answered_at)
        return f"{name} ({plural(number, 'finding')})"
    if turn.party == "owner":
        name = (
            ("**you**" if mention == ticket.owner else f"**{who(ticket.owner)}**") if ticket.owner else "**an owner**"
        )
        unasked = [title_of(ticket, role) for role in ticket.roles if review.verdict(ticket, role) == "not asked yet"]
        some = f" of {listed(unasked)}" if len(unasked) < len(ticket.roles) else ""
        what = {"request": f"to request the reviews{some}", "step": f"to {_short_step(ticket, turn)}"}.get(
            turn.why, "to take it"
        )
        return f"{name} ({what})"
    if turn.party == "release":
        return f"**a release user** (to {_short_step(ticket, turn)})"
    reviewer = ticket.review(turn.party).reviewer
    title = title_of(ticket, turn.party)
    if turn.why == "listing":
        name = "**you**" if reviewer and mention == reviewer else f"**{who(reviewer)}**" if reviewer else "**somebody**"
        return f"{name} ({title}, to try what was cut)"
    if reviewer:
        return "**you**" if mention == reviewer else f"**{who(reviewer)}** ({title})"
    return f"**{_article(title)} {title} reviewer**"


def _short_step(ticket: Ticket, turn: Turn) -> str:
    return ticket.policy.steps[turn.step].do if turn.step else ""


def _article(word: str) -> str:
    return "an" if word[:1].lower() in "aeiou" else "a"


def _card_buttons(ticket: Ticket) -> tuple[Button, ...]:
    free = [
        Button(f"I'll review as {title_of(ticket, role)}", f"claim {ticket.handle} {role}")
        for role in ticket.roles
        if not ticket.review(role).reviewer and review.verdict(ticket, role) != "approved"
    ]
    if not ticket.commit or ticket.ended:
        free = []
    return (*free, Button("Details", f"status {ticket.handle}"))


def _colour(ticket: Ticket, turns: Mapping[str, Turn]) -> Colour:
    if ticket.ended:
        return "grey"
    if review.gate(ticket).open:
        return "green"
    if "submitter" in turns:
        return "amber"
    return "blue"


# The checklist prompt of one role


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


def way_on(ticket: Ticket, turns: Mapping[str, Turn], reader: str, roles: frozenset[str], thread: str = "") -> str:  # noqa: C901, PLR0911, PLR0912 -- one line per turn
    """What this reader can do now for the ticket, as a command; "" where it is not their turn."""
    for turn in turns.values():
        if turn.party == "submitter" and submits(ticket, reader):
            if turn.why == "reference":
                return f"name what to review with {typed(f'commit {ticket.handle} LINK')}"
            return f"answer, then {typed(f'ready {ticket.handle}')} — add the new tag or commit if the code changed"
        if turn.party == "submitter" and reader == ticket.owner and is_outside(ticket.submitter):
            word = "commit" if turn.why == "reference" else "ready"
            return f"pass it on to them; with their answer, {typed(f'{word} {ticket.handle} LINK')}"
        if turn.party == "owner" and reader == ticket.owner:
            if turn.why == "request":
                return f"ask for the reviews with {typed(f'request {ticket.handle}')}"
            if turn.why == "step":
                return _doing(ticket, turn)
        if turn.party == "release" and "release" in roles:
            return _doing(ticket, turn)
        if turn.why == "owner" and "owner" in roles and not submits(ticket, reader):
            return f"take it with {typed(f'claim {ticket.handle}')}"
        if turn.party not in ticket.policy.roles or turn.party not in roles or submits(ticket, reader):
            continue
        if turn.why == "listing" and ticket.review(turn.party).reviewer in {"", reader}:
            return f"try what was cut, then {typed(f'approve {ticket.handle} {turn.party} --listing')}"
        if ticket.review(turn.party).reviewer in {"", reader}:
            if not ticket.review(turn.party).reviewer:
                return f"take the {title_of(ticket, turn.party)} review with {typed(f'claim {ticket.handle} {turn.party}')}"
            return _judging(ticket, turn, thread)
    return ""


def _doing(ticket: Ticket, turn: Turn) -> str:
    """A step that somebody has to do, and the command that reports it."""
    step = ticket.policy.steps[turn.step]
    if line := does_it(ticket, step):
        return f"{step.do}: {typed(line)}"
    more = f"{' @USER' if step.each else ''}{' LINK' if step.link or step.name == 'merged' else ''}"
    return f"{step.do}, then {typed(f'done {ticket.handle} {turn.step}{more}')}"


def does_it(ticket: Ticket, step: Step) -> str:
    """The command by which the bot does a step itself, "" where there is none: of what is never cut no entry is made."""
    return f"{step.command} {ticket.handle}" if step.command and "cut" in ticket.track_words.steps else ""


def _judging(ticket: Ticket, turn: Turn, thread: str) -> str:
    ref, role = ticket.handle, turn.party
    if turn.why == "look-again":
        settle = typed(f"unblock {ref} {review.findings(ticket, role)[0].number}")
        return f"look at the answers, then {settle}, or the buttons in {thread_at(thread)}"
    if turn.why == "confirm":
        return f"look at what changed, then {typed(f'holds {ref} {role}')} or {typed(f'again {ref} {role}')}"
    every = " --all" if review.undecided(ticket, role) else ""
    return (
        f"judge it with the buttons in {thread_at(thread)}; when all is well, {typed(f'approve {ref} {role}{every}')}"
    )
