"""Every sentence that is sent unasked: news in a ticket's thread, and direct messages to whoever has the next step."""

from collections.abc import Iterable, Sequence

import semver

from mmbot.domain import review
from mmbot.domain.rights import is_outside
from mmbot.domain.steps import done
from mmbot.domain.ticket import Ticket
from mmbot.domain.ticket_parts import Finding
from mmbot.events import Pushed
from mmbot.messages import Button, Message, Row
from mmbot.words.cards import Who, at, called, compared, kind, ref_words, title_of, under_review
from mmbot.words.changed import changing, files_named, what_changed
from mmbot.words.checklist import finding_line
from mmbot.words.evidence import notes_of
from mmbot.words.phrases import code, commit, compare, day, link, listed, plain, plural, quoted, thread_at, typed
from mmbot.words.steps import is_candidate, then

TEMPLATE_IDS = ("com.mattermost.plugin-starter-template", "com.mattermost.sample-plugin")
"""The ids of Mattermost's own templates, which authors forget to change."""
ROOM_FOR_FINDINGS = 14_000
"""Characters of a post that its findings may take."""


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


def same_commit(ticket: Ticket, asked: str) -> Message:
    """In the thread: a reference names the commit that is under review already."""
    return Message(f"{code(asked, 100)} is {at(ticket)}, which is under review already: nothing changes.")


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


def names_gone(names: Iterable[str]) -> Message:
    """To an admin: names in the configuration that nobody has any more."""
    return Message(
        f"Nobody on this server has the name any more that the configuration gives: {listed(code(x) for x in names)}. "
        "Whoever had it keeps the role; write their present name into the configuration."
    )


def backup_missed(why: str) -> Message:
    """To an admin: the nightly backup failed, told once."""
    return Message(
        f"⚠ The nightly backup of my store failed: {code(why, 300)} I try again each night, and tell you when it works. "
        "Whoever operates me can make one now with `mmbot backup`, which says what is wrong."
    )


def backup_again(name: str) -> Message:
    """To an admin: it works again."""
    return Message(f"The nightly backup works again: {code(name, 100)} was made and opens.")
