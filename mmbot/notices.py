"""Every sentence that is sent unasked: news in a ticket's thread, and direct messages to whoever has the next step."""

from collections.abc import Iterable, Sequence

from mmbot.cards import Who, called, finding_line, title_of
from mmbot.domain import review
from mmbot.domain.ticket import Finding, Ticket
from mmbot.messages import Button, Message, Row
from mmbot.phrases import code, commit, compare, day, link, listed, plain, plural, quoted, typed


def new_ticket(ticket: Ticket, who: Who) -> Message:
    """To the owner: a ticket came in."""
    title = ticket.submitted.title if ticket.submitted else ""
    more = f" ({plain(title, 100)})" if title else ""
    return Message(
        f"{who(ticket.submitter)} handed in {link(plain(ticket.name, 60), ticket.repository)}{more}: it is **{ticket.handle}**, and you are its "
        f"owner. When the commit is found, ask for the reviews: {typed(f'request {ticket.handle}')}. "
        f"To hand it on: {typed(f'assign {ticket.handle} owner @USER')}."
    )


def found(ticket: Ticket, remarks: Sequence[str], *, update_of_nothing: bool) -> Message:
    """In the thread: what a reference was resolved to, the track, and what speaks against it."""
    known = ticket.resolved
    if known is None:  # pragma: no cover -- only called once it is resolved
        return Message("")
    ref = f"{code(known.ref_name, 60)} is " if known.ref_name else ""
    plugin = (
        f": {plain(ticket.name, 60)} {plain(ticket.version, 30)}, id {code(known.plugin_id)}" if known.plugin_id else ""
    )
    lines = [f"{ref}commit {commit(known.repository, known.commit)}{plugin}. Track: {ticket.track_words.title}."]
    if known.base_version:
        base = f"v{known.base_version.removeprefix('v')}"
        lines[0] += f" Listed now: {plain(known.base_version, 30)} ({compare(known.repository, base, known.commit)})."
    if update_of_nothing:
        lines.append(
            "⚠ Handed in as an update, but no listed plugin has this id or repository: it is reviewed as a new plugin."
        )
    lines += [f"⚠ {remark}" for remark in remarks]
    return Message("\n".join(lines))


def remarks(ticket: Ticket) -> list[str]:
    """What the manifest and the catalogue say against a submission, each with the item it bears on."""
    known = ticket.resolved
    if known is None:
        return []
    out = []
    if not known.reachable:
        out.append(
            "No branch or tag of the repository leads to this commit: it may come from somebody else's fork. Name a tag."
        )
    if known.manifest_problem:
        out.append(f"I could not read the plugin's manifest at this commit: {plain(known.manifest_problem)}")
    if known.collides_with:
        out.append(f"The id {code(known.collides_with)} is listed from another repository (P8).")
    if known.changed_from:
        out.append(
            f"This repository is listed as {code(known.changed_from)}, the manifest now says {code(known.plugin_id)} (U2)."
        )
    tag = known.ref_name.removeprefix("v")
    if known.ref_kind == "tag" and known.version and tag != known.version and "-rc" not in tag:
        out.append(
            f"The tag is {code(known.ref_name)}, but the manifest says version {code(known.version)}: they must be the same."
        )
    if ticket.version.startswith("0."):
        out.append(f"Version {code(ticket.version)} is below 1.0.0 (P6).")
    if known.base_version and ticket.version and known.base_version == ticket.version:
        out.append(f"Version {code(ticket.version)} is listed already.")
    missing = [
        x for x in ("homepage_url", "support_url", "release_notes_url", "min_server_version") if not getattr(known, x)
    ]
    missing = [x for x in missing if x not in known.unfilled]
    if missing and known.plugin_id:
        out.append(f"The manifest does not set {listed(f'`{x}`' for x in missing)}.")
    placeholders = [x for x in known.unfilled if getattr(known, x, "")]
    if placeholders:
        out.append(f"The manifest still carries a placeholder in {listed(f'`{x}`' for x in placeholders)}.")
    return out


def for_the_submitter(ticket: Ticket, said: Sequence[str]) -> Message:
    """To the submitter: remarks on what was found, that they can act on."""
    return Message(
        f"I found your plugin: {called(ticket)}, commit {commit(ticket.repository, ticket.commit)}. Before the reviews, please look at this:\n"
        + "\n".join(f"- {remark}" for remark in said)
        + f"\nIf you change something: {typed(f'commit {ticket.handle} TAG')}."
    )


def not_found(ticket: Ticket, why: str, asked: str) -> Message:
    """To whoever named a reference: it could not be resolved."""
    return Message(
        f"I could not look up {code(asked, 100)} for **{ticket.handle}**: {why}\n"
        f"Name a tag or commit with {typed(f'commit {ticket.handle} TAG')}."
    )


def same_plugin(ticket: Ticket, other: Ticket) -> Message:
    """To the submitter: the id has an open ticket; this one is closed and linked."""
    return Message(
        f"{called(ticket)} is the same plugin as {called(other)}, which is still open. I closed **{ticket.handle}**; "
        f"the review goes on in {other.handle}: {typed(f'status {other.handle}')}."
    )


def assigned(ticket: Ticket, role: str, by: str) -> Message:
    """To somebody who got a part of a ticket."""
    if role == "owner":
        return Message(
            f"{by} made you the owner of {called(ticket)}. {typed(f'status {ticket.handle}')} shows where it stands."
        )
    return Message(
        f"{by} asks you for the {title_of(ticket, role)} review of {called(ticket)}, commit {commit(ticket.repository, ticket.commit)}. "
        f"The checklist is in the ticket's thread; or {typed(f'status {ticket.handle}')}."
    )


def review_wanted(ticket: Ticket, role: str, due: int) -> Message:
    """To the members of a role: a review waits for somebody."""
    until = f", by {day(due)}" if due else ""
    button = Button(f"I'll review as {title_of(ticket, role)}", f"claim {ticket.handle} {role}", "primary")
    return Message(
        f"{called(ticket)} needs a {title_of(ticket, role)} review{until}. Whoever takes it first has it.",
        (Row((button,)),),
    )


def changes(ticket: Ticket, findings: Sequence[Finding]) -> Message:
    """To the submitter: the findings of a review, in one message."""
    at = commit(ticket.repository, ticket.commit)
    lines = [f"The review of {called(ticket)} at {at} has {plural(len(findings), 'finding')} for you:"]
    for finding in findings:
        item = f" **{finding.item}** {ticket.requirements.items[finding.item].title}" if finding.item else ""
        secret = " (confidential: please don't repeat it in the channel)" if finding.confidential else ""
        lines.append(f"**{finding.number}.** {title_of(ticket, finding.role)}{item}{secret}\n{quoted(finding.text)}")
    lines.append(
        f"When you have answered or fixed it: {typed(f'ready {ticket.handle}')}, with the new tag or commit if the code changed. "
        "Until then the review waits for you; take the time you need."
    )
    return Message("\n".join(lines))


def changed(ticket: Ticket, findings: Sequence[Finding], who: Who) -> Message:
    """In the thread: changes are requested; a confidential role's words stay out."""
    roles = list(dict.fromkeys(title_of(ticket, x.role) for x in findings))
    lines = [f"{listed(roles)} requested changes; **{who(ticket.submitter)}** has them by direct message."]
    lines += [finding_line(ticket, x, who, secret=False) for x in findings if not x.confidential]
    return Message("\n".join(lines))


def answered(ticket: Ticket, role: str) -> Message:
    """To a reviewer: the submitter says the findings are answered."""
    numbers = [x.number for x in review.findings(ticket, role)]
    buttons = tuple(Button(f"Settle finding {n}", f"unblock {ticket.handle} {n}") for n in numbers[:5])
    return Message(
        f"{called(ticket)}: your {plural(len(numbers), f'{title_of(ticket, role)} finding')} {'is' if len(numbers) == 1 else 'are'} answered, "
        f"it is your turn again. The review is at {commit(ticket.repository, ticket.commit)}.",
        (Row(buttons),),
    )


def moved(ticket: Ticket, before: str, held: Iterable[str], said: Sequence[str]) -> Message:
    """In the thread: the review moved to another commit; those whose verdicts are held are named."""
    names = list(held)
    lines = [
        f"The review moved from {commit(ticket.repository, before)} to {commit(ticket.repository, ticket.commit)} "
        f"({compare(ticket.repository, before, ticket.commit)})."
    ]
    if names:
        lines.append(
            f"What was decided at {commit(ticket.repository, before)} is held until it is confirmed: {listed(names)}."
        )
    lines += [f"⚠ {remark}" for remark in said]
    return Message("\n".join(lines))


def confirm(ticket: Ticket, role: str, before: str) -> Message:
    """To a reviewer: the review moved on, does the verdict still hold?"""
    ref, guard = ticket.handle, f"--commit {ticket.commit[:7]}"
    return Message(
        f"{called(ticket)} moved to {commit(ticket.repository, ticket.commit)} after you reviewed {commit(ticket.repository, before)} "
        f"as {title_of(ticket, role)}: {compare(ticket.repository, before, ticket.commit)}. Does your review still hold?",
        (
            Row(
                (
                    Button("Still holds", f"holds {ref} {role} {guard}", "primary"),
                    Button("Look again", f"again {ref} {role} {guard}"),
                )
            ),
        ),
    )


def gate_open(ticket: Ticket) -> Message:
    """To the owner: all reviews are in."""
    return Message(
        f"{called(ticket)}: every role has approved {commit(ticket.repository, ticket.commit)}, and nothing blocks. "
        f"**The review gate is open.** Next: merge exactly this commit, then have it cut."
    )


def gate_open_in_thread(ticket: Ticket) -> Message:
    """In the thread: all reviews are in."""
    roles = listed(title_of(ticket, role) for role in ticket.roles)
    return Message(f"✓ {roles} have approved {commit(ticket.repository, ticket.commit)}: **the review gate is open**.")


def gate_shut(ticket: Ticket, why: str) -> Message:
    """To the owner: the gate that was open is shut again."""
    return Message(f"{called(ticket)}: the review gate is shut again, please don't merge yet. {why}")


def why_shut(ticket: Ticket) -> str:
    """Why an open gate is shut again."""
    gate = review.gate(ticket)
    if gate.findings:
        return f"{listed(dict.fromkeys(title_of(ticket, x.role) for x in gate.findings))} found something."
    return f"Waiting for {listed(title_of(ticket, role) for role in gate.roles)}."


def same_commit(ticket: Ticket, asked: str) -> Message:
    """In the thread: a reference names the commit that is under review already."""
    return Message(
        f"{code(asked, 100)} is {commit(ticket.repository, ticket.commit)}, which is under review already: nothing changes."
    )


def note(by: str, text: str) -> Message:
    """In the thread: a remark."""
    return Message(f"{by} notes:\n{quoted(text)}")


def role_withheld(role: str, name: str) -> Message:
    """To an admin: a configured name means somebody else now."""
    return Message(
        f"The name {code(name)} in the configuration of role {code(role)} now belongs to somebody else. The role is withheld from both "
        "until you change the configuration."
    )


def unknown_names(names: Iterable[str]) -> Message:
    """To an admin: names in the configuration that nobody has."""
    return Message(
        f"The configuration names people I can't find on this server: {listed(code(x) for x in names)}. They get no role."
    )
