"""The whole file of a ticket as a document to be read: what it is, where it stands, and everything that happened."""

from collections.abc import Collection, Mapping, Sequence

from mmbot.domain import facts as f
from mmbot.domain import review, steps
from mmbot.domain.cut import Cut
from mmbot.domain.rights import secret_of
from mmbot.domain.ticket import Ticket
from mmbot.domain.ticket_parts import Finding
from mmbot.domain.turns import Turn, stage
from mmbot.words import history
from mmbot.words.cards import Who, named, outlook, ref_words, title_of, verdict_words
from mmbot.words.phrases import MB, code, commit, link, minute, plain, quoted
from mmbot.words.refusals import start

STATES = {
    "passed": "passed",
    "failed": "failed",
    "na": "not applicable",
    "open": "open",
    "held": "held from an older commit",
}
LEFT_OUT = "left out: confidential"


def document(
    ticket: Ticket,
    turns: Mapping[str, Turn],
    facts: Sequence[f.AnyFact],
    who: Who,
    hidden: Collection[str],
    cuts: Sequence[Cut] = (),
) -> str:
    """The file as Markdown; `hidden` are the roles whose confidential words are left out of it."""
    parts = [
        f"# {ticket.handle} {named(ticket)}",
        _about(ticket, hidden),
        "\n".join(_head(ticket, turns, who)),
        "## Verdicts",
        _table(("role", "reviewer", "verdict"), [_verdict(ticket, role, who) for role in ticket.roles]),
        "## Items",
        _table(("item", "demands", "judged", "by", "when", "commit", "why"), _items(ticket, who, hidden)),
        "## Findings",
        *(_finding(ticket, x, who, hidden) for x in ticket.findings),
        *(() if ticket.findings else ("None.",)),
        "## Steps",
        "\n".join(_steps(ticket, who)),
        *(("## Cuts", "\n".join(_cut(x, who) for x in cuts)) if cuts else ()),
        "## What happened",
        "\n".join(f"{n}. {_line(ticket, fact, who, hidden)}" for n, fact in enumerate(facts, 1)),
    ]
    return "\n\n".join(part.rstrip("\n") for part in parts).replace(MB, "/mb") + "\n"


def _cut(cut: Cut, who: Who) -> str:
    """What was cut, from what, by whom and why again; and what came of it."""
    asked, why = cut.asked, f" Forced: {plain(cut.asked.forced, 600)}" if cut.asked.forced else ""
    second = f", agreed by {who(cut.agreed.by)}" if cut.agreed else ""
    end = {"done": "uploaded", "failed": "failed", "cancelled": "stopped"}.get(cut.state, cut.state)
    files = "".join(f"\n  - {code(x.name, 160)}, SHA-256 {code(x.sha256)}" for x in cut.artifacts)
    at = commit(asked.repository, cut.commit)
    asked_by = f"asked for by {who(asked.by)}, {minute(asked.at)}{second}"
    return f"- Cut {cut.number}: {plain(cut.name, 150)} from {at}, {asked_by}; {end}, {minute(cut.changed_at)}.{why}{files}"


def _about(ticket: Ticket, hidden: Collection[str]) -> str:
    if hidden:
        return "All times are UTC. Something confidential is left out of this file."
    if any(x.confidential for x in ticket.findings):
        return "All times are UTC. **This file contains what is confidential**: keep it among those who may know."
    return "All times are UTC."


def _head(ticket: Ticket, turns: Mapping[str, Turn], who: Who) -> list[str]:
    sent = ticket.submitted
    lines = [
        f"- Submitted by {who(ticket.submitter)}, {minute(ticket.opened_at)}",
        f"- Owner: {who(ticket.owner) if ticket.owner else 'nobody'}",
        f"- Repository: {link(plain(ticket.repository.partition('://')[2], 300), ticket.repository)}",
        f"- Under review: commit {commit(ticket.repository, ticket.commit)}{ref_words(ticket)}"
        if ticket.commit
        else "",
        f"- Plugin id: {code(ticket.resolved.plugin_id, 300)}" if ticket.resolved and ticket.resolved.plugin_id else "",
        f"- Track: {ticket.track_words.title}, by the requirements of {sent.requirements if sent else ticket.policy.current}",
        f"- Stage: {stage(ticket)}. {outlook(ticket, turns, who)}",
    ]
    return [line for line in lines if line]


def _table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _verdict(ticket: Ticket, role: str, who: Who) -> tuple[str, str, str]:
    reviewer = ticket.review(role).reviewer
    return title_of(ticket, role), who(reviewer) if reviewer else "—", verdict_words(ticket, role, who)


def _items(ticket: Ticket, who: Who, hidden: Collection[str]) -> list[tuple[str, ...]]:
    rows: list[tuple[str, ...]] = []
    for item in ticket.items:
        found = ticket.judgements.get(item.handle)
        begin = (item.handle, item.title)
        if item.role in hidden:
            rows.append((*begin, LEFT_OUT, "", "", "", ""))
        elif found is None:
            rows.append((*begin, "open", "", "", "", ""))
        else:
            state = STATES[review.standing(ticket, item.handle)]
            at = commit(ticket.repository, found.commit)
            rows.append((*begin, state, who(found.by), minute(found.at), at, plain(found.why, history.UNCUT)))
    return rows


def _finding(ticket: Ticket, found: Finding, who: Who, hidden: Collection[str]) -> str:
    title = f"### Finding {found.number}, {title_of(ticket, found.role)}"
    told = [f"answered {minute(found.answered_at)}"] if found.answered_at else []
    if found.confidential and found.role in hidden:
        told += [f"settled {minute(found.resolved_at)}"] if found.resolved_at else []
        return f"{title}\n\n{start('; '.join([LEFT_OUT, *told]))}."
    if found.item:
        title += f", {found.item}"
    told.insert(0, f"raised by {who(found.by)}, {minute(found.at)}, at {commit(ticket.repository, found.commit)}")
    if found.resolved_at:
        told.append(f"settled by {who(found.resolved_by)}, {minute(found.resolved_at)}")
    words = "; ".join([*told, *(() if found.resolved_at else ("open",))])
    return f"{title}\n\n{words[:1].upper()}{words[1:]}.\n\n{quoted(found.text, history.UNCUT)}"


def _steps(ticket: Ticket, who: Who) -> list[str]:
    lines = []
    for name in ticket.track_words.steps:
        said = [x for (step, _), x in ticket.steps.items() if step == name]
        mark = "x" if steps.done(ticket, name) else " "
        lines.append(f"- [{mark}] {ticket.policy.steps[name].title}{'; '.join(_said(ticket, x, who) for x in said)}")
    return lines


def _said(ticket: Ticket, fact: f.StepDone, who: Who) -> str:
    name = f" for {who(fact.person)}" if fact.person else ""
    said = "not needed, says" if fact.skipped else "said by"
    at = f", at {commit(ticket.repository, fact.commit)}" if fact.commit else ""
    where = f", {link(plain(fact.link, 300), fact.link)}" if fact.link else ""
    note = f": {plain(fact.note, history.UNCUT)}" if fact.note else ""
    return f"{name} — {said} {who(fact.by)}, {minute(fact.at)}{at}{where}{note}"


def _line(ticket: Ticket, fact: f.AnyFact, who: Who, hidden: Collection[str]) -> str:
    role = secret_of(ticket, fact)
    said = history.left_out(ticket, fact, role, who) if role in hidden else history.in_full(ticket, fact, who)
    way = fact.via.partition(":")[0]
    way = "private mention" if way == "security" else way
    return f"{said} (by {plain(way, 30)})" if way and fact.by else said
