"""What was merged: looked up where it is named, and compared with what was approved."""

import re

from mmbot.domain import facts as f
from mmbot.domain.references import BadReference, Reference, parse_reference
from mmbot.domain.ticket import Ticket
from mmbot.events import ReferenceResolved
from mmbot.handlers import intake
from mmbot.handlers.news import card, follow, tell_next
from mmbot.messages import Message, Refused
from mmbot.store.tx import Tx
from mmbot.words import merged as words

_REF = re.compile(r"[0-9a-fA-F]{7,40}|v?[0-9]+\.\S+")
"""A commit or a tag, said alone."""


def named(tx: Tx, ticket: Ticket, fact: f.StepDone) -> Reference | None:
    """What is said to have been merged: a link, or a commit or tag of the fork; None where only words were said."""
    said = _said(fact)
    if fact.step != "merged" or fact.skipped or not (fact.link or _REF.fullmatch(said)):
        return None
    reference = tx.reference(said, _repository(ticket.fork) or ticket.repository)
    if reference.kind == "pull":
        raise Refused(words.not_a_commit(ticket), "note")
    return reference


def _said(fact: f.StepDone) -> str:
    return " ".join(x for x in (fact.link, fact.note if not fact.link or _REF.fullmatch(fact.note) else "") if x)


def _repository(link: str) -> str:
    """The repository that a link leads to, "" where it can't be read."""
    try:
        return parse_reference(link).repository if link else ""
    except BadReference:
        return ""


def look_up(tx: Tx, ticket: Ticket, reference: Reference) -> None:
    """Have what was merged looked up."""
    said = ticket.steps["merged", ""]
    tx.do(
        "resolve", purpose="merged", ticket=ticket.number, text=_said(said), asked_at=said.at, repository=reference.repository,
        kind=reference.kind, name=reference.name, path_may_follow=reference.path_may_follow, since=said.commit,
    )  # fmt: skip


def again(tx: Tx, ticket: Ticket) -> None:
    """Look it up once more where the answer was dropped because the ticket was closed."""
    if ticket.comparing and (reference := named(tx, ticket, ticket.steps["merged", ""])):
        look_up(tx, ticket, reference)


def resolved(tx: Tx, what: ReferenceResolved) -> None:
    """Take in what was looked up: what to review, or what was merged."""
    if what.purpose == "merged":
        _merge_found(tx, what)
    else:
        intake.resolved(tx, what)


def _merge_found(tx: Tx, what: ReferenceResolved) -> None:
    """Compare what was merged with what was approved; dropped where another merge was reported meanwhile, or this one taken back."""
    before = tx.ticket(what.ticket)
    said = before.steps.get(("merged", ""))
    if before.ended or said is None or said.at != what.asked_at:
        return
    unknown = what.commit != what.since and not (what.tree and before.trees.get(what.since))
    if what.why or unknown:
        saved = follow(tx, before, before.plus(f.MergeUnchecked(why=what.why, at=tx.at, via=tx.via)))
        _tell_owner(tx, saved, said.by, words.unchecked(saved, what.since, what.why))
        tell_next(tx, before, saved)
        return
    found = f.MergeFound(
        repository=what.moved_to or what.repository,
        commit=what.commit,
        tree=what.tree,
        of=what.since,
        at=tx.at,
        via=tx.via,
    )
    saved = follow(tx, before, before.plus(found))
    if not saved.same(found.of):
        tx.say(words.moved_meanwhile(saved, found), thread=card(saved))
        return
    if saved.same(found.commit):
        tx.say(words.as_approved(saved, found), thread=card(saved))
        tell_next(tx, before, saved)
        return
    tx.say(words.other_code_in_thread(saved, found), thread=card(saved))
    _tell_owner(tx, saved, said.by, words.other_code(saved, found, what.files, what.more))


def _tell_owner(tx: Tx, ticket: Ticket, reporter: str, message: Message) -> None:
    """The owner, and whoever reported the merge in the owner's place."""
    if ticket.owner:
        tx.tell(message, ticket.owner, "owner", ticket)
    if reporter not in {"", ticket.owner}:
        tx.say(message, to=reporter)
