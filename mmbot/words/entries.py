"""The words about the entry that is made from a cut, and about its way into the listing and out of it."""

from collections.abc import Sequence

from mmbot.domain.case_file import CaseFile
from mmbot.domain.cut import Cut
from mmbot.domain.ticket import Ticket
from mmbot.events import EntryMade, RemovalMade
from mmbot.messages import Button, Message, Row
from mmbot.words.cards import Who, at, called, resting
from mmbot.words.case_notices import to_be_removed
from mmbot.words.cuts import fault
from mmbot.words.phrases import code, commit, link, listed, plain, typed

__all__ = ["fault"]


def not_configured() -> str:
    """The operator has not said how the listing is changed."""
    return (
        "I don't know the listing: the configuration lacks `listing.file` or `listing.repository`. An operator adds one; "
        "`config.example.toml` explains them."
    )


def one_author() -> str:
    """It is not said whose plugin it is, or it is said twice."""
    return "Whose plugin is it? Give one of `--official`, `--partner` and `--community`."


def not_both() -> str:
    """Two flags that exclude each other."""
    return "Of `--beta` and `--experimental`, and of `--cloud` and `--on-prem`, only one can be."


def which() -> str:
    """Nothing was named."""
    return f"Which one? {typed('list MB-7')}, or {typed('list --repo REPOSITORY --tag v1.0.0 --official')}."


def not_cut(ticket: Ticket | None, last: Cut | None = None, named: str = "") -> str:
    """There is nothing to make an entry from; `last` was begun last."""
    if last:
        way = f"cut retry {last.number}" if last.over else f"cut status {last.number}"
        state = "was not cut: that failed or was stopped" if last.over else "is not cut yet, that is under way"
        return f"{called(ticket) if ticket else plain(last.repository, 100)} {state} (cut {last.number}): {typed(way)}."
    if ticket and ("cut", "") in ticket.steps:
        by_hand = typed(f"done {ticket.handle} listing LINK")
        return f"{called(ticket)} was not cut by me, so I have nothing to make an entry from. Where it is made by hand: {by_hand}."
    line = f"cutplugin {ticket.handle if ticket else plain(named, 200)}"
    return f"{called(ticket) if ticket else 'That'} was not cut yet: {typed(line)} does it."


def not_as_cut(ticket: Ticket, cut: Cut) -> str:
    """What was cut is not what is approved now."""
    if ticket.ended:
        return f"{called(ticket)} can't be listed. {resting(ticket)}"
    was = commit(cut.asked.repository, cut.asked.approved)
    if ticket.same(cut.asked.approved):
        again = typed(f"cutplugin {ticket.handle} --force WHY")
        return f"What was cut of {called(ticket)} does not count any more. To cut it anew: {again}."
    return (
        f"{called(ticket)} was cut from {was}, but {at(ticket)} is under review now: only what is approved is listed. "
        f"Cut that, once it is approved: {typed(f'cutplugin {ticket.handle}')}."
    )


def no_release_user(by: str) -> str:
    """Whoever asked for it may not any more."""
    return f"{by} is no release user any more. Another one asks for it."


def cut_anew(cut: Cut) -> str:
    """What the entry was to be made from is replaced, or just being replaced."""
    return f"It was cut anew since (cut {cut.number}): the entry is made from that, once it is done."


def not_to_be_published(cut: Cut, what: EntryMade, why: str) -> Message:
    """To whoever asked: the entry was being written when something changed that keeps it out."""
    name = f"**{plain(cut.repository, 100)} {plain(cut.asked.tag, 60)}**"
    undo = {
        "pull-request": f"is proposed, and must not be merged: please close the {link('pull request', what.link)}.",
        "patch": "is a patch by now, and must not be applied.",
    }.get(what.written, "stands in the listing's file by now, and must not be published: please take it out again.")
    return Message(f"The entry of {name} {undo} {why}")


def not_wanted(ticket: Ticket, pulls: Sequence[str]) -> Message:
    """To the release users: a ticket was closed whose entry is on its way."""
    undo = "take it out of the listing's file, if it stands there"
    if pulls:
        undo = f"close what was proposed: {listed(link('pull request', x) for x in pulls[:5])}"
    return Message(f"{called(ticket)} is closed, and its entry must not be published: please {undo}.")


def being_made(cut: Cut, *, dry_run: bool) -> str:
    """It takes a moment."""
    what = f"{plain(cut.repository, 100)} {plain(cut.asked.tag, 60)}"
    if dry_run:
        return f"I look what the entry of {what} would be; you get a direct message."
    return f"I make the entry of {what} from what was cut; the thread says what came of it, or a direct message what is in the way."


def not_made(cut: Cut, ticket: Ticket | None, what: EntryMade) -> Message:
    """To whoever asked: what is in the way, what I have to know, or what it would be."""
    name = f"**{plain(cut.repository, 100)} {plain(cut.asked.tag, 60)}**"
    line = f"list {ticket.handle}" if ticket else f"list --repo {cut.repository} --tag {cut.asked.tag}"
    line += f" {what.flags}" if what.flags else ""
    hints = "".join(f"\n- To note: {x}" for x in what.warns)
    if what.refused:
        return Message(
            f"The entry of {name} is not made any more: {what.why}\nShould an earlier try have got through, please undo that: "
            "a pull request of mine, or its lines in the listing's file."
        )
    if what.why:
        return Message(f"The entry of {name} could not be made: {what.why}\nThen again: {typed(line)}.")
    if what.blocks:
        return Message(f"{name} can't be listed:\n" + "\n".join(f"- {x}" for x in what.blocks) + hints)
    changes = "".join(f"\n- {x}" for x in what.summary)
    if what.asks:
        asked = "\n".join(f"- {x}" for x in what.asks)
        rows = (Row((Button("List it all the same", f"{line} --yes"),)),) if ticket and not what.dry_run else ()
        way = f"\nIf that is meant: {typed(f'{line} --yes')}."
        return Message(f"Before {name} is listed, please look again:\n{asked}{hints}{way}", rows)
    return Message(f"The entry of {name} would be made so; nothing was written:{changes}{hints}")


def under_way(cut: Cut) -> str:
    """It was asked for a moment ago."""
    return f"The entry of {plain(cut.repository, 100)} {plain(cut.asked.tag, 60)} is being made already; the thread says when it is."


def made(cut: Cut, what: EntryMade, by: str, outdated: Sequence[str] = ()) -> Message:
    """In the thread: the entry is on its way; `outdated` are pull requests with an entry of what was cut before."""
    name = f"**{plain(cut.repository, 100)} {plain(cut.asked.tag, 60)}**"
    changes = "".join(f"\n- {x}" for x in what.summary)
    hints = "".join(f"\n- To note: {x}" for x in what.warns)
    said = {
        "file": f"The entry of {name} stands in the listing's file now, by {by}.",
        "there": f"The entry of {name} stands in the listing's file already.",
        "pull-request": f"The entry of {name} is proposed by {by}: {link('pull request', what.link)}.",
        "patch": f"The entry of {name}, made for {by}, as a change to the listing's file:",
    }.get(what.written, f"The entry of {name} is made.")
    old = (
        f"\nPlease close what it replaces: {listed(link('pull request', x) for x in outdated[:5])}." if outdated else ""
    )
    return Message(f"{said}{changes}{hints}{old}{_patch(what)}")


def _patch(what: EntryMade | RemovalMade) -> str:
    """The change itself, where nothing was written; a long one stands in a file."""
    if what.written != "patch":
        return ""
    if not what.patch.startswith("---"):
        return f"\nIt is too long to be shown here; on my machine it is {code(what.patch, 300)}, for `git apply`."
    return f"\n```diff\n{what.patch.rstrip()}\n```"  # as it is, so that it applies; nobody is mentioned in a code block


def where(what: EntryMade) -> str:
    """Where the entry is, for the record."""
    return {"file": "in the file", "there": "in the file", "patch": "as a patch"}.get(what.written, "")


def _nothing_there(file: CaseFile, what: RemovalMade) -> str:
    down = file.case.taken_down
    if down is None or down.removal == "restriction":
        return "The listing's file is so already."
    if down.removal == "plugin" or not what.left:
        return "The listing's file does not have it, or not any more."
    versions = listed(code(x, 40) for x in what.left[:10])
    return (
        f"The listing's file does not have {code(down.version, 40)}, or not any more; it has {versions}. Was that version meant? "
        "Ask the security team before you say that it shows."
    )


def fix_on_its_way() -> str:
    """What is to be removed, and what is the fix, people tell apart."""
    return "a newer entry of it is on its way into the listing, or there already. Please take out only what came before that."


def removal(file: CaseFile, what: RemovalMade, who: Who) -> Message:
    """To those who change the listing: what a takedown decided, and how it is prepared. Nothing else of the case is said."""
    message = to_be_removed(file, who, what.pulls)
    if what.why:
        return Message(f"{message.text}\nI could not prepare that: {what.why}", message.rows)
    changes = "".join(f"\n- {x}" for x in what.summary if what.written != "there")
    said = {
        "file": "I have changed the listing's file; it shows once that is published.",
        "there": _nothing_there(file, what),
        "pull-request": f"I have proposed it: {link('pull request', what.link)}. Please merge it.",
        "patch": "As a change to the listing's file:",
    }.get(what.written, "")
    return Message(f"{message.text}\n{said}{changes}{_patch(what)}", message.rows)
