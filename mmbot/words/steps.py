"""The words about a ticket's way: what comes next, what was done, how a ticket ends and comes back."""

import re

import semver

from mmbot.domain import facts as f
from mmbot.domain import steps
from mmbot.domain.review import Illegal, findings, gate
from mmbot.domain.rights import OUTSIDE, is_outside, submits
from mmbot.domain.ticket import Ticket
from mmbot.domain.ticket_parts import PUBLIC
from mmbot.messages import Button, Message, Row
from mmbot.policy import Step
from mmbot.words.cards import Who, at, called, resting, title_of
from mmbot.words.phrases import code, day, link, listed, plain, quoted, thread_at, typed
from mmbot.words.way_on import does_it

DO_IT = {"cutplugin": "Cut it", "list": "Make the entry"}
"""What the button says for a command that does a step."""


def what_to_do(ticket: Ticket, name: str, who: Who) -> str:
    """A step as something to do, with what is known for it: the name that a fork should have, how its people are reached."""
    words = ticket.policy.steps[name]
    if name == "social-media" and ticket.social:
        return f"{words.do}, and mention {plain(ticket.social, 150)}"
    if name == "contact" and ticket.contact:
        return f"{words.do} (they gave {code(ticket.contact, 150)})"
    if name != "fork":
        return words.do or words.title
    fork = ticket.repository.rstrip("/").rsplit("/", 1)[-1]
    return f"{words.do}, as {code(fork)} (if that name is taken: {code(f'{fork}-{_slug(who(ticket.submitter))}')})"


def _slug(name: str) -> str:
    """A name as part of a repository's name."""
    return "-".join(re.findall(r"[a-z0-9._-]+", name.lower())) or "submitter"


def report(ticket: Ticket, words: Step, who: Who) -> str:
    """The command that reports a step."""
    link_ = " LINK" if words.link else ""
    if words.name == "merged":
        return f"{typed(f'done {ticket.handle} merged LINK')}, with the link of the merge commit"
    if not words.each:
        return typed(f"done {ticket.handle} {words.name}{link_}")
    left = [x for x in ticket.maintainers if not steps.done(ticket, words.name, x)]
    names = [f"@{who(x)}" if not is_outside(x) else f'"{x.removeprefix(OUTSIDE)}"' for x in left[:5]]
    return listed([typed(f"done {ticket.handle} {words.name} {name}{link_}") for name in names])


def next_step(ticket: Ticket, who: Who, reader: str, *, releases: bool = False, may: bool = True) -> str:
    """What comes next for a ticket, named."""
    return f"{called(ticket)}: {then(ticket, who, reader, releases=releases, may=may)}"


def then(ticket: Ticket, who: Who, reader: str = "", *, releases: bool = False, may: bool = True) -> str:
    """What comes next and whose it is ("you" where it is the reader's, who `releases` or not); how to report it, to those who `may`."""
    if ticket.ended or ticket.held:
        return f"{resting(ticket)} {way_back(ticket, may_reopen=may)}".strip()
    if not gate(ticket).open or not ticket.owner:
        return _until_the_gate(ticket, who, reader, may=may)
    left = steps.outstanding(ticket)
    if not left:
        return "every step is done."
    name = left[0]
    if name == "cut" and ticket.comparing:
        return "next, I compare what was merged with what was approved; then a release user is told."
    if name == "listing-gate":
        roles = steps.missing_at_listing(ticket)
        names = listed(f"{title_of(ticket, x)} ({typed(f'approve {ticket.handle} {x} --listing')})" for x in roles)
        fault = typed(f"block {ticket.handle} {roles[0]} --listing WHY")
        return f"next, what was cut is tried by {names}. A fault in it: {fault}."
    words = ticket.policy.steps[name]
    whose = {"release": "you" if releases else "a release user"}.get(words.by) or _owner(ticket, who, reader)
    aside = steps.beside_the_review(ticket)
    line = [x for x in left[1:] if name in aside or x not in aside]
    more = f" After that: {listed(ticket.policy.steps[x].title for x in line[:3])}." if line else ""
    beside = "" if name in aside or releases else _beside(ticket, who, reader, may=may)
    return f"next, {whose}: {_task(ticket, words, who, may=may)}{_candidate(ticket, name)}{more}{beside}"


def _task(ticket: Ticket, words: Step, who: Who, *, may: bool) -> str:
    """A step, and how it is reported by those who may."""
    if line := does_it(ticket, words):
        told = f": {typed(line)}. Done by hand: {report(ticket, words, who)}." if may else "."
        return f"{what_to_do(ticket, words.name, who)}{told}"
    told = f" Then {report(ticket, words, who)}." if may else ""
    return f"{what_to_do(ticket, words.name, who)}.{told}"


def _beside(ticket: Ticket, who: Who, reader: str, *, may: bool) -> str:
    """What the owner can do beside the review, or still has to report after it; begins with a space where there is anything."""
    beside = next((x for x in steps.outstanding(ticket) if x in steps.beside_the_review(ticket)), "")
    if not beside or not ticket.owner:
        return ""
    return f" Beside that, {_owner(ticket, who, reader)}: {_task(ticket, ticket.policy.steps[beside], who, may=may)}"


def _until_the_gate(ticket: Ticket, who: Who, reader: str, *, may: bool) -> str:
    """What the review needs next, and what its owner can do beside it."""
    more = _beside(ticket, who, reader, may=may)
    if not ticket.owner:
        return f"next, somebody takes it: {typed(f'claim {ticket.handle}')}.{more}"
    if not ticket.commit:
        what = (
            "I look up what to review."
            if ticket.asked
            else f"what to review is named: {typed(f'commit {ticket.handle} LINK')}."
        )
        return f"next, {what}{more}"
    if submits(ticket, reader) and any(not x.answered_at for x in findings(ticket)):
        shown, told = typed(f"status {ticket.handle}"), typed(f"ready {ticket.handle}")
        return f"next, you: answer the findings that {shown} shows, then {told}.{more}"
    if not steps.done(ticket, "reviews"):
        asked = f": {typed(f'request {ticket.handle}')}" if may else ""
        return f"next, {_owner(ticket, who, reader)}: ask for the reviews{asked}.{more}"
    return f"next, the reviews: {typed(f'status {ticket.handle}')} says whom they wait for.{more}"


def _candidate(ticket: Ticket, name: str) -> str:
    """Before the merge: what is under review is not the final version."""
    if name != "merged" or not is_candidate(ticket.version):
        return ""
    move = typed(f"commit {ticket.handle} TAG")
    return f" {code(ticket.version, 40)} is a release candidate: is there a final version, then first {move}."


def is_candidate(version: str) -> bool:
    """Whether a version comes before a final one."""
    bare = version.removeprefix("v")
    return semver.Version.is_valid(bare) and bool(semver.Version.parse(bare).prerelease)


def _owner(ticket: Ticket, who: Who, reader: str) -> str:
    if not ticket.owner:
        return "its owner"
    return "you" if reader == ticket.owner else who(ticket.owner)


def way_back(ticket: Ticket, *, may_reopen: bool = True) -> str:
    """How a ticket at rest goes on: as it is for those who may, else as a new one."""
    if ticket.held:
        return f"{typed(f'unhold {ticket.handle}')} lets it go on." if may_reopen else ""
    if not ticket.ended or ticket.ended.ending == "duplicate":
        return ""
    line = f"contribute {ticket.contribution} LINK" if ticket.page else f"resubmit {ticket.handle} LINK"
    again = f"{typed(line)} hands it in again."
    if ticket.ended.ending == "taken-down":
        return again
    return f"{typed(f'reopen {ticket.handle}')} brings it back; {again}" if may_reopen else again


def done(ticket: Ticket, fact: f.StepDone, who: Who) -> str:
    """A step was reported: what comes next, and how to take it back."""
    words = ticket.policy.steps[fact.step]
    name = f" for {who(fact.person)}" if fact.person and words.each else ""
    said = f"Recorded for {called(ticket)}: {words.title}{name}{', not needed' if fact.skipped else ''}"
    undo = typed(f"undone {ticket.handle} {fact.step}")
    return f"{said}; {then(ticket, who, fact.by)} Undo: {undo}."


def undone(ticket: Ticket, name: str, who: Who, reader: str) -> str:
    """A wrong "done" was taken back."""
    return f"Taken back for {called(ticket)}: {ticket.policy.steps[name].title}; {then(ticket, who, reader)}"


def listing_judged(ticket: Ticket, role: str, decision: str, who: Who, reader: str) -> str:
    """A verdict on what was cut."""
    if decision != "approve":
        return f"{title_of(ticket, role)}'s approval of what was cut from {ticket.handle} is taken back."
    return (
        f"Recorded: {title_of(ticket, role)} approves what was cut from {called(ticket)}; {then(ticket, who, reader)}"
    )


def try_it(ticket: Ticket, role: str) -> Message:
    """To a reviewer of the listing gate: what was cut waits to be tried."""
    ref = ticket.handle
    return Message(
        f"{called(ticket)} was cut from {at(ticket)}: please try what was built, as {title_of(ticket, role)}. "
        f"All well: {typed(f'approve {ref} {role} --listing')}. A fault in it: {typed(f'block {ref} {role} --listing WHY')}.",
        (
            Row(
                (
                    Button("It works", f"approve {ref} {role} --listing --commit {ticket.commit[:7]}", "primary"),
                    Button("A fault in it…", f"block {ref} {role} --listing --commit {ticket.commit[:7]}", "danger"),
                )
            ),
        ),
    )


def cut_refused(ticket: Ticket, role: str, text: str, by: str, *, secret: bool, cutter: bool = False) -> Message:
    """In the thread, to the owner and to those who cut it: a role found a fault in what was cut."""
    what = "" if secret else f"\n{quoted(text)}"
    if cutter:
        what += f"\nTo cut it anew: {typed(f'cutplugin {ticket.handle} --force WHY')}."
    return Message(
        f"✗ {by} ({title_of(ticket, role)}) found a fault in what was cut from {called(ticket)}: it is cut anew, and tried anew.{what}"
    )


def cut_refused_reply(ticket: Ticket, role: str, who: Who, reader: str) -> str:
    """The same, to whoever found it."""
    code_ = typed(f"block {ticket.handle} {role} WHY")
    return (
        f"Recorded: {title_of(ticket, role)} found a fault in what was cut from {called(ticket)}; {then(ticket, who, reader)} "
        f"If it is in the code, so that its author has to act: {code_}."
    )


def goes_on_with_you(ticket: Ticket) -> Message:
    """To the submitter: a ticket that was on hold goes on, and waits for them."""
    return Message(f"{called(ticket)} goes on, and waits for you: {typed(f'status {ticket.handle}')} says for what.")


def ended(ticket: Ticket, *, may_reopen: bool) -> str:
    """A ticket was closed."""
    return f"{called(ticket)}: {resting(ticket)} {way_back(ticket, may_reopen=may_reopen)}".rstrip()


def reopened(ticket: Ticket, who: Who, reader: str, waiting: str = "") -> str:
    """A closed ticket goes on; `waiting` says for whom it waits before the review gate."""
    there = f"{called(ticket)} goes on where it was"
    return f"{there}. {waiting}" if waiting else f"{there}; {then(ticket, who, reader)}"


def undone_news(ticket: Ticket, name: str, by: str) -> Message:
    """In the thread: a step is not done after all."""
    return Message(f"{by} took back: {ticket.policy.steps[name].title}.")


def not_ended(ticket: Ticket) -> str:
    """There is nothing to reopen."""
    return f"{called(ticket)} is open. To reopen an item, name it: {typed(f'reopen {ticket.handle} P1')}."


def held(ticket: Ticket, who: Who, reader: str, waiting: str = "") -> str:
    """A ticket was put on hold, or goes on; `waiting` says for whom it waits before the review gate."""
    if ticket.held:
        return f"{called(ticket)} is on hold; nobody is asked for anything. {typed(f'unhold {ticket.handle}')} lets it go on."
    return (
        f"{called(ticket)} goes on. {waiting}" if waiting else f"{called(ticket)} goes on; {then(ticket, who, reader)}"
    )


def hurried(ticket: Ticket, waiting: str) -> str:
    """It is urgent now, or not any more."""
    if not ticket.urgent_at:
        return f"{called(ticket)} waits its turn again."
    return f"{called(ticket)} is urgent now. {waiting} Undo: {typed(f'not-urgent {ticket.handle}')}."


def hurried_news(ticket: Ticket) -> Message:
    """In the thread: it goes before others, or not any more."""
    return Message(f"{ticket.handle} is {'**urgent** now' if ticket.urgent_at else 'not urgent any more'}.")


def hurry_up(ticket: Ticket, party: str, due: int, thread: str, now: int) -> Message:
    """To whoever's turn it is: the ticket became urgent."""
    title = title_of(ticket, party) if party in ticket.policy.roles else ""
    what = f"its {title} review" if title else "your next step with it"
    where = f" The checklist is in {thread_at(thread)}." if title else f" {typed(f'next {ticket.handle}')} says which."
    by = f"by {day(due)}" if due > now else f"which was due {day(due)}"
    return Message(f"{called(ticket)} is **urgent**: please take {what} first, {by}.{where}")


def held_already(ticket: Ticket) -> str:
    """It is on hold, or goes on, as asked."""
    return f"{called(ticket)} is on hold already." if ticket.held else f"{called(ticket)} is not on hold."


def news(ticket: Ticket, fact: f.StepDone, by: str, who: Who) -> Message:
    """In the thread: a step was done."""
    words = ticket.policy.steps[fact.step]
    where = f" ({link('link', fact.link)})" if fact.link else ""
    name = f" for {who(fact.person)}" if words.each else ""
    why = f": {plain(fact.note, 300)}" if fact.note else ""
    if fact.skipped:
        return Message(f"{by}: not needed for {ticket.handle}, {words.title}{name}{why}.")
    mark = "🎉" if fact.step in PUBLIC else "✓"
    return Message(f"{mark} **{words.title}**{name}{where}, by {by}{why}.")


def ended_news(ticket: Ticket, by: str) -> Message:
    """In the thread: the ticket was closed."""
    ended_ = ticket.ended
    why = f"\n{quoted(ended_.why)}" if ended_ and ended_.why else ""
    return Message(f"{by} closed {called(ticket)}: {ended_.ending if ended_ else ''}.{why}")


def not_needed(ticket: Ticket, role: str) -> Message:
    """To a reviewer at work: the ticket was closed."""
    return Message(
        f"{called(ticket)} is closed, so your {title_of(ticket, role)} review is not needed. {resting(ticket)}"
    )


def ended_to_submitter(ticket: Ticket) -> Message:
    """To the submitter: the Marketplace refuses it."""
    ended_ = ticket.ended
    return Message(
        f"I am sorry: {called(ticket)} was not accepted. The reason:\n{quoted(ended_.why if ended_ else '')}\n"
        f"You are welcome to ask about it in the ticket's thread, and to hand it in again when that has changed: {_again(ticket)}."
    )


def _again(ticket: Ticket) -> str:
    return typed(f"resubmit {ticket.handle}{'' if ticket.page else ' LINK'}")


def withdrawn(ticket: Ticket, by: str) -> Message:
    """To the owner and to those whose plugin it is, where another withdrew it."""
    return Message(f"{ended_news(ticket, by).text}\nTo hand it in again: {_again(ticket)}.")


def resting_news(ticket: Ticket, by: str, *, what: str) -> Message:
    """In the thread: reopened, on hold, goes on."""
    why = f"\n{quoted(ticket.held.why)}" if ticket.held else ""
    return Message(f"{by}: {called(ticket)} {what}.{why}")


def now_public(ticket: Ticket) -> Message:
    """To the submitter: it is listed or published."""
    words = {"published": "on the web Marketplace", "listed as Beta": "in the Marketplace as Beta"}.get(
        ticket.track_words.comes_to, "in the Marketplace"
    )
    further = ""
    if ticket.track == "web" and ticket.contribution in {"app", "plugin"}:
        product = typed(f"resubmit {ticket.handle} LINK")
        further = f"\nServers don't offer it yet: that is the in-product Marketplace, for which {product} hands it in."
    swag = " What follows, such as swag, you will hear of here." if "swag" in ticket.track_words.steps else ""
    return Message(f"🎉 {called(ticket)} is {words} now. Thank you!{swag}{further}")


def swag_sent(ticket: Ticket) -> Message:
    """To a maintainer: what was promised with the listing."""
    return Message(f"Swag for {called(ticket)} is on its way to you. If it doesn't arrive, ask in the ticket's thread.")


def your_step(ticket: Ticket, who: Who, reader: str, *, releases: bool = False) -> Message:
    """To whoever takes the next step, where another has taken the one before."""
    left = steps.outstanding(ticket)
    line = does_it(ticket, ticket.policy.steps[left[0]]) if left and releases and gate(ticket).open else ""
    rows = (Row((Button(DO_IT[line.split()[0]], line, "primary"),)),) if line else ()
    return Message(next_step(ticket, who, reader, releases=releases), rows)


def refused(no: Illegal, ticket: Ticket, who: Who, reader: str = "") -> str:  # noqa: C901, PLR0911 -- one sentence per reason
    """Why a step cannot be said to be done, and the way forward; "" for reasons that are not about steps."""
    ref, about = ticket.handle, no.about
    words = about.get("step")
    if no.why == "step-unknown":
        names = [x for x in ticket.track_words.steps if ticket.policy.steps[x].do]
        return f"{ref} has no step {code(str(words), 40)}. Its steps: {listed(names)}."
    if not isinstance(words, Step):
        return ""
    match no.why:
        case "step-derived":
            told = f"{words.title.capitalize()}: that follows from what else is recorded, nobody has to say it."
            return f"{told} For {called(ticket)}, {then(ticket, who, reader)}"
        case "step-needed":
            return f"This one can't be left out of {ref}: {words.title}; {then(ticket, who, reader)}"
        case "step-done":
            again = f" If that was wrong: {typed(f'undone {ref} {words.name}')}." if words.do and not words.each else ""
            return f"That is done already on {ref}: {words.title}; {then(ticket, who, reader)}{again}"
        case "step-not-done":
            return f"That is not reported as done on {ref}: {words.title}."
        case "step-early":
            before = ticket.policy.steps[str(about["before"])]
            return f"Too early for {ref}, this is missing: **{before.title}**; {then(ticket, who, reader)}"
        case "later-done":
            later = ticket.policy.steps[str(about["later"])]
            return f"Later steps of {ref} rest on it: take back {code(later.name)} first, {typed(f'undone {ref} {later.name}')}."
        case "link-missing":
            return f"Please add the link, from `https://` on: {typed(f'done {ref} {words.name} LINK')}."
        case "person-unknown":
            people = listed(who(x) for x in ticket.maintainers)
            add = typed(f"edit {ref} maintainers @USER…")
            if way := report(ticket, words, who):
                return f"Say for which of its maintainers, {people}: {way}. Others are added with {add}."
            return f"The maintainers of {ref} ({people}) have it. Somebody else is added with {add}, which names all of them."
        case _:
            return ""
