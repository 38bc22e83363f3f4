"""What is sent once a reference was looked up: what it is, what speaks against it, or why there is nothing."""

from collections.abc import Sequence

import semver

from mmbot.domain.ticket import Ticket
from mmbot.messages import Message
from mmbot.words.cards import Who, at, called, kind, under_review
from mmbot.words.evidence import notes_of
from mmbot.words.phrases import code, commit, compare, link, listed, plain, typed
from mmbot.words.steps import is_candidate

TEMPLATE_IDS = ("com.mattermost.plugin-starter-template", "com.mattermost.sample-plugin")
"""The ids of Mattermost's own templates, which authors forget to change."""


def new_ticket(ticket: Ticket, who: Who) -> Message:
    """To the owner: a ticket came in."""
    title = ticket.submitted.title if ticket.submitted else ""
    more = f" ({plain(title, 100)})" if title else f" ({kind(ticket).removeprefix(' — ')})" if ticket.page else ""
    before = f" It follows MB-{ticket.before}." if ticket.before else ""
    when = "Ask" if ticket.page else "When the commit is found, ask"
    return Message(
        f"{who(ticket.submitter)} handed in {link(plain(ticket.name, 60), ticket.repository)}{more}: it is **{ticket.handle}**, "
        f"and you are its owner.{before} {when} for the reviews: {typed(f'request {ticket.handle}')}. "
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
    if is_candidate(ticket.version):
        lines.append("A release candidate will do for the reviews; the final version is named before the merge.")
    if update_of_nothing:
        lines.append(
            "⚠ Handed in as an update, but no listed plugin has this id or repository: it is reviewed as a new plugin."
        )
    lines += [f"⚠ {remark}" for remark in remarks]
    return Message("\n".join(lines))


def remarks(ticket: Ticket) -> list[str]:  # noqa: C901, PLR0912 -- one remark after the other
    """What the manifest and the catalogue say against a submission, each with the item it bears on."""
    known = ticket.resolved
    if known is None:
        return []
    out: list[str] = []
    if ticket.page:
        return out
    if not known.reachable:
        out.append(
            "No branch or tag of the repository leads to this commit: it may come from somebody else's fork. Name a tag."
        )
    if ticket.track in {"app", "web"}:
        return out
    asked_for = {item.handle for item in ticket.items}
    if known.manifest_problem:
        out.append(
            f"I could not read the plugin's manifest at this commit: {plain(known.manifest_problem)} "
            "Without a manifest it is no plugin that could be listed. Is it an App, or something for the web Marketplace? "
            f"Then say so in its thread, and its owner puts it there: {typed(f'track {ticket.handle} app WHY')} or "
            f"{typed(f'track {ticket.handle} web tool WHY')}."
        )
    if known.collides_with:
        out.append(
            f"The id {code(known.collides_with)} is listed from another repository (P8): this plugin needs an id of its own. "
            "Or is it the listed one, moved? Then say so in the thread."
        )
    if known.plugin_id.lower() in TEMPLATE_IDS:
        out.append(
            f"The id {code(known.plugin_id)} is that of the starter template (P8): this plugin needs an id of its own."
        )
    if known.changed_from:
        out.append(
            f"This repository is listed as {code(known.changed_from)}, the manifest now says {code(known.plugin_id)} (U2): "
            "to a server that is another plugin, whose settings and data stay behind. Keep the listed id."
        )
    tag = known.ref_name.removeprefix("v")
    if "P6" in asked_for and known.ref_kind == "tag" and known.version and tag != known.version and "-rc" not in tag:
        out.append(
            f"The tag is {code(known.ref_name)}, but the manifest says version {code(known.version)} (P6): they must be the same."
        )
    if "P6" in asked_for and ticket.version.startswith("0."):
        out.append(
            f"Version {code(ticket.version)} is below 1.0.0 (P6): a finished plugin is released as 1.0.0 or higher."
        )
    if other := notes_of(ticket):
        out.append(
            f"`release_notes_url` leads to the notes of {code(other, 30)}, but under review is {code(ticket.version)} (P5)."
        )
    if known.base_version and ticket.version and known.base_version == ticket.version:
        out.append(f"Version {code(ticket.version)} is listed already: an update needs a higher one (U1).")
    elif _below(ticket.version, known.base_version):
        out.append(
            f"Version {code(ticket.version)} is below the listed {code(known.base_version)} (U1): "
            "if this is a late release of an older line, say so in the thread."
        )
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


def _below(version: str, other: str) -> bool:
    both = (version.removeprefix("v"), other.removeprefix("v"))
    if not all(semver.Version.is_valid(x) for x in both):
        return False
    return semver.Version.parse(both[0]) < semver.Version.parse(both[1])


def for_the_owner(ticket: Ticket, said: Sequence[str]) -> Message:
    """To the owner: the commit is found, and this speaks against it."""
    remarks_ = "\n".join(f"- {remark}" for remark in said)
    return Message(
        f"{called(ticket)} is found at {at(ticket)}. Its submitter was asked to look at this:\n{remarks_}\n"
        f"You need not wait for it: {typed(f'request {ticket.handle}')} asks for the reviews."
    )


def for_the_submitter(ticket: Ticket, said: Sequence[str]) -> Message:
    """To the submitter: remarks on what was found, that they can act on."""
    return Message(
        f"I found {called(ticket)}, {under_review(ticket)}. "
        "Before the reviews, please look at this:\n"
        + "\n".join(f"- {remark}" for remark in said)
        + f"\nIf you change something: {typed(f'commit {ticket.handle} TAG')}."
    )


def not_found(ticket: Ticket, why: str, asked: str) -> Message:
    """To whoever named a reference: it could not be resolved."""
    stays = f"The review stays at {at(ticket)}. " if ticket.commit else ""
    return Message(
        f"I could not find {code(asked, 100)} for **{ticket.handle}**. {why}\n"
        f"{stays}Name it anew with {typed(f'commit {ticket.handle} LINK')}; a tag alone will do when the repository is right."
    )


def not_moved(ticket: Ticket, why: str, asked: str) -> Message:
    """To whoever named a commit, and those whose ticket it is: the review can't move there."""
    return Message(
        f"{called(ticket)} did not move to {code(asked, 100)}. {why} "
        f"The review stays at {at(ticket)}. If it is another plugin, hand it in by itself: {typed('submit LINK')}."
    )


def same_plugin(ticket: Ticket, other: Ticket) -> Message:
    """To the submitter and the owner: the id has an open ticket; this one is closed and linked."""
    return Message(
        f"{called(ticket)} has the id of {called(other)}, which is still open. So I closed **{ticket.handle}**; "
        f"the review goes on in {other.handle}: {typed(f'status {other.handle}')}. "
        "If it is another plugin, it needs an id of its own: change it, then hand it in again."
    )


def same_commit(ticket: Ticket, asked: str) -> Message:
    """In the thread: a reference names the commit that is under review already."""
    return Message(f"{code(asked, 100)} is {at(ticket)}, which is under review already: nothing changes.")
