"""The words about what is cut: that it was asked for, how far it has come, what came of it."""

from collections.abc import Sequence

from mmbot.domain import cut_facts as c
from mmbot.domain.cut import Cut
from mmbot.domain.cut_facts import CUT_STEPS, CutStep
from mmbot.domain.facts import MergeFound
from mmbot.domain.ticket import Ticket
from mmbot.messages import Button, Colour, Message, Row
from mmbot.words.cards import Who, called
from mmbot.words.cut_steps import THIS
from mmbot.words.phrases import code, commit, day, link, listed, minute, plain, plural, typed

DOING: dict[CutStep, str] = {
    "tag": "tagging", "obtain": "getting the bundle", "verify": "verifying", "split": "splitting", "sign": "signing",
    "verify-signatures": "verifying the signatures", "upload": "uploading", "verify-uploads": "verifying the uploads",
    "announce": "announcing",
}  # fmt: skip
NAMES: dict[CutStep, str] = {
    "tag": "tag", "obtain": "bundle", "verify": "verified", "split": "split", "sign": "signed",
    "verify-signatures": "signatures verified", "upload": "uploaded", "verify-uploads": "uploads verified", "announce": "announced",
}  # fmt: skip
WAYS = {"github": "from the release that its CI builds", "build": "built here", "bundle": "as it was given"}
MANY = 60_000
"""Milliseconds from which on it is said how long a step took."""


# Asked for


def begun(cut: Cut, ticket: Ticket | None) -> str:
    """It is under way, or waits for its turn."""
    n = cut.number
    where = f"in {ticket.handle}'s thread" if ticket else "in the channel"
    if cut.state == "waits":
        return f"{label(cut)} is next: others are being cut now (cut {n}). {typed('cut status')} lists them."
    goes = f"goes on with {DOING[cut.step]}" if cut.run > 1 else "has begun"
    return f"Cutting {label(cut)} {goes} (cut {n}); the post {where} shows how far it is. To stop it: {typed(f'cut cancel {n}')}."


def plan(asked: c.CutAsked, ticket: Ticket | None, against: Sequence[str], *, approved: bool) -> str:
    """What would be done, and what is missing; `approved` is whether the commit under review is."""
    what = commit(asked.repository, asked.commit) if asked.commit else "the default branch's newest commit"
    why = _which(asked, ticket, approved=approved) if ticket else ""
    name = asked.repository.rsplit("/", 1)[-1]
    files = code(f"{name}-{asked.tag}.tar.gz", 120)
    second = f"- A second release user agrees, since {_why_two(asked)}.\n" if asked.takes_two else ""
    steps = (
        f"I would cut {code(name)} {code(asked.tag, 60)} from {what}{why}:\n{second}"
        f"- {'See that its code is what was approved, and tag' if ticket else 'Tag'} it {code(asked.tag, 60)}.\n"
        f"- Take the bundle {WAYS[asked.source]}, and verify it: id, version, every executable.\n"
        f"- Split it by platform, sign each bundle and verify the signatures.\n"
        f"- Upload {files} and the others, and verify what arrived.\n"
        f"- Say so in {'the thread' if ticket else 'the channel'}."
    )
    if against:
        return f"{steps}\n\nBut now it can't be:\n" + "\n".join(f"- {x.replace(chr(10), ' ')}" for x in against)
    return f"{steps}\n\nNothing is missing, and nothing was done. GitHub and the storage are asked once it begins."


def _which(asked: c.CutAsked, ticket: Ticket, *, approved: bool) -> str:
    """What a commit is to a ticket."""
    if asked.commit == ticket.commit:
        return f", the {'approved commit' if approved else 'commit under review'} of {called(ticket)}"
    if isinstance(ticket.merge, MergeFound) and asked.commit == ticket.merge.commit:
        return f", merged for {called(ticket)} with the approved code"
    return f", if it has the approved code of {called(ticket)}"


def waits_for_second(cut: Cut, names: Sequence[str]) -> str:
    """A version that is listed, or a bundle of somebody's: somebody else has to agree."""
    way = typed(f"cut confirm {cut.number}")
    ask = f"{listed(names[:5], 'or')} can, with {way}" if names else f"There is none: an admin names one, for {way}"
    return (
        f"{label(cut)} waits (cut {cut.number}): {_why_two(cut.asked)}, so a second release user has to agree. {ask}."
    )


def _why_two(asked: c.CutAsked) -> str:
    """Why a second person has to agree."""
    return (
        "this version is listed"
        if asked.second
        else "its bundle was built elsewhere, and nothing ties it to what was approved"
    )


def asks_to_agree(cut: Cut, by: str) -> Message:
    """To the other release users."""
    n, asked = cut.number, cut.asked
    if asked.second:
        what = f"cut anew, though this version is **listed**: {plain(asked.forced, 500)}\nIts bundles and signatures would be replaced."
    else:
        given = f"{code(asked.place, 300)}, SHA-256 {code(asked.sha256)}"
        what = f"cut from a bundle that was **built elsewhere**: {given}\nWas it built from {commit(asked.repository, cut.commit)}?"
    return Message(
        f"{by} wants {label(cut)} {what} If you agree: {typed(f'cut confirm {n}')}; else {typed(f'cut cancel {n}')}.",
        (Row((Button("I agree", f"cut confirm {n}", "primary"), Button("Stop it", f"cut cancel {n}", "danger"))),),
    )


def agreed_to_asker(cut: Cut, by: str) -> Message:
    """To whoever asked."""
    return Message(f"{by} agrees: {label(cut)} is cut{' anew' if cut.asked.second else ''} (cut {cut.number}).")


# How far it is


def progress(cut: Cut, who: Who, came_to: str) -> Message:
    """The post that shows how far a cut has come."""
    asked, state = cut.asked, cut.state
    verb: tuple[str, Colour] = {
        "asked": ("A second person is asked about cutting", "amber"),
        "waits": ("Next to be cut:", "blue"),
        "running": ("Cutting", "blue"),
        "failed": ("Could not cut", "red"),
        "cancelled": ("Stopped: cutting", "grey"),
        "done": ("Cut", "green"),
    }[state]  # type: ignore[assignment]  # pairs of a word and a colour
    source = f" from {commit(asked.repository, cut.commit)}" if cut.commit else ""
    why = f"\nForced: {plain(asked.forced, 300)}" if asked.forced else ""
    begun = "asked for" if state in {"asked", "waits"} else "started"
    head = f"**{verb[0]} {label(cut)}**{source}, {begun} by {who(asked.by)} on {minute(asked.at)} UTC (cut {cut.number}){why}"
    parts = [_mark(cut, x, came_to) for x in CUT_STEPS]
    end = (
        f"\n{who(asked.by)} was told why." if state == "failed" else ""
    )  # it may speak of what not everybody should read
    warnings = cut.verified.warnings if cut.verified else ()
    hints = "".join(f"\nTo note: {x}" for x in warnings[:5])
    rows: tuple[Row, ...] = ()
    if state in {"running", "waits", "asked"}:
        rows = (Row((Button("Stop it", f"cut cancel {cut.number}"),)),)
    elif state in {"failed", "cancelled"}:
        rows = (Row((Button("Try again", f"cut retry {cut.number}"),)),)
    return Message(f"{head}\n{' · '.join(parts)}{hints}{end}", rows, verb[1])


def _mark(cut: Cut, step: CutStep, came_to: str) -> str:
    went = cut.done.get(step)
    if went:
        return f"✓ {_done(cut, step, went)}"
    if step != cut.step or cut.state not in {"running", "failed"}:
        return NAMES[step]
    if cut.failed:
        return NAMES[step] if cut.failed.before else f"✗ {NAMES[step]}"
    since = minute(cut.step_began).rpartition(" ")[2]
    return f"▶ {DOING[step]} {came_to or f'since {since}'}"


def _done(cut: Cut, step: CutStep, went: c.StepWent) -> str:
    before = cut.done.get(CUT_STEPS[CUT_STEPS.index(step) - 1]) if step != "tag" else None
    took = went.at - max(before.at if before else 0, cut.begun_at)
    long = f" ({plural(round(took / 60_000), 'minute')})" if took >= MANY else ""
    if step == "obtain":
        note = {"github": " from CI", "build": " built here", "bundle": " as given"}[cut.asked.source]
        return f"{NAMES[step]}{note}{long}"
    if step == "verify":
        many = f", {plural(len(went.declared), 'platform')}" if went.declared else ""
        return f"verified: id, version{many}{long}"
    return f"{NAMES[step]}{long}"


def status(cuts: Sequence[Cut], who: Who, more: int = 0) -> str:
    """What is being cut, and the last that were; `more` wait besides."""
    if not cuts:
        return f"Nothing was cut yet. {typed('cutplugin MB-7')} cuts the approved commit of a ticket."
    return "\n".join([*(_line(x, who) for x in cuts), *([f"{plural(more, 'more cut')} under way."] if more else [])])


def _line(cut: Cut, who: Who) -> str:
    words = {
        "asked": "waits for a second person", "waits": "waits for its turn", "running": f"{DOING[cut.step]}",
        "failed": f"{_ended(cut)} {DOING[cut.step]}", "cancelled": "stopped", "done": "cut",
    }[cut.state]  # fmt: skip
    since = day(cut.changed_at)
    return f"- **{cut.number}** {label(cut)}: {words}, {since}, for {who(cut.asked.by)}"


def _ended(cut: Cut) -> str:
    return "ended before" if cut.failed and cut.failed.before else "failed at"


def detail(cut: Cut, who: Who, came_to: str) -> str:
    """Everything of one cut."""
    files = "".join(f"\n- {code(x.name, 160)} SHA-256 {code(x.sha256)}" for x in cut.artifacts)
    why = f"\n✗ {cut.failed.why}\n{typed(f'cut retry {cut.number}')} goes on from there." if cut.failed else ""
    return progress(cut, who, came_to).text + why + files


def failed(cut: Cut) -> Message:
    """To whoever asked: it could not go on."""
    why = cut.failed.why if cut.failed else ""
    n = cut.number
    left = " Some of its files may be there already." if cut.step == "upload" else ""
    return Message(
        f"{label(cut)} could not be cut; it failed at {DOING[cut.step]} (cut {n}): {why}{left}\n"
        f"When that is settled: {typed(f'cut retry {n}')}.",
        (Row((Button("Try again", f"cut retry {n}"),)),),
    )


def may_not_go_on(cut: Cut, why: str, *, again: bool) -> Message:
    """To whoever asked: something came between. `again` is whether it can go on once that is settled."""
    n = cut.number
    said = f"Cutting {label(cut)} has ended before it was done (cut {n}): {why}"
    if "upload" in cut.done:
        said += f"\nIts signed files are in the storage already: unless it goes on, take out all that begin with {code(cut.name, 160)}."
    if not again:
        return Message(said)
    return Message(
        f"{said}\nWhen that is settled: {typed(f'cut retry {n}')}.", (Row((Button("Try again", f"cut retry {n}"),)),)
    )


def of_this(cut: Cut, why: str) -> str:
    """A sentence of a step, with this cut's ticket, or its repository and tag, where THIS stands."""
    named = f"MB-{cut.asked.ticket}" if cut.asked.ticket else f"--repo {cut.repository} --tag {cut.asked.tag}"
    return why.replace(THIS, named)


def fault(reference: str) -> str:
    """A fault of the bot's own."""
    return f"That is a fault of mine, not yours; an operator finds it in the log as {code(reference)}."


def cancelled(cut: Cut) -> str:
    """It was stopped."""
    n = cut.number
    left = " What was uploaded stays there." if "upload" in cut.done else ""
    if cut.step == "upload":
        left = " What was uploaded by now stays there."
    tagged = f" The tag {code(cut.asked.tag)} stays." if "tag" in cut.done and not left else ""
    return f"Stopped: {label(cut)} is not cut.{tagged}{left} To go on after all: {typed(f'cut retry {n}')}."


def cancelled_to_asker(cut: Cut, by: str) -> Message:
    """To whoever asked, where another stopped it."""
    return Message(
        f"{by} stopped the cut of {label(cut)} (cut {cut.number}). To go on after all: {typed(f'cut retry {cut.number}')}."
    )


def announced(cut: Cut, public_url: str, by: str) -> Message:
    """In the thread: it was cut, and where it is."""
    first = cut.artifacts[0]
    platforms = [x.platform for x in cut.artifacts if x.platform]
    kinds = f" and for {listed(dict.fromkeys(platforms))}" if platforms else ""
    where = (
        link(code(first.name, 160), f"{public_url.rstrip('/')}/{first.name}") if public_url else code(first.name, 160)
    )
    again = f" It replaces what was cut before: {plain(cut.asked.forced, 300)}" if cut.asked.forced else ""
    source = f"from {commit(cut.asked.repository, cut.commit)}"
    if cut.asked.source == "bundle":
        source = (
            f"for {commit(cut.asked.repository, cut.commit)}, from a bundle that {by} gave and that was built elsewhere"
        )
    return Message(
        f"✓ **{label(cut)} is cut** {source}, signed and uploaded, by {by}: {where}{kinds}, "
        f"each with its signature.{again}"
    )


def finished(cut: Cut, ticket: Ticket | None) -> Message:
    """To whoever asked: it is cut, and what comes next."""
    line = f"list {ticket.handle}" if ticket else f"list --repo {cut.repository} --tag {cut.asked.tag} --official"
    return Message(
        f"{label(cut)} is cut, signed and uploaded (cut {cut.number}). Next, its entry in the listing: {typed(line)}.",
        (Row((Button("Make the entry", line, "primary"),)),) if ticket else (),
    )


def label(cut: Cut) -> str:
    """How a cut is called in a sentence: the repository and the tag."""
    return f"{plain(cut.repository, 100)} {plain(cut.asked.tag, 60)}"
