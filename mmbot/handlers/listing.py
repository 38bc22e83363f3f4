"""The entry that is made from a cut and goes into the listing; and its removal after a takedown."""

from collections.abc import Mapping, Sequence
from typing import Any

from mmbot.domain import cut_facts as c
from mmbot.domain import facts as f
from mmbot.domain import steps
from mmbot.domain.case_file import CaseFile
from mmbot.domain.cut import Cut, other_plugin
from mmbot.domain.ticket import Ticket
from mmbot.events import EntryMade, ListPlugin, RemovalMade
from mmbot.handlers import case_keeping as keeping
from mmbot.handlers import tombstones
from mmbot.handlers.cut_places import about, lacking, repository_of
from mmbot.handlers.cuts import only_release
from mmbot.handlers.news import card, follow, tell_next
from mmbot.messages import Refused, Reply
from mmbot.store import cases, cuts, outbox
from mmbot.store.tx import Tx
from mmbot.words import cut_refusals
from mmbot.words import entries as words

FLAGS = ("--official", "--partner", "--community", "--beta", "--experimental", "--cloud", "--on-prem", "--enterprise")
"""What says how something is listed; questions are answered for the flags with which they were asked."""


def list_plugin(tx: Tx, cmd: ListPlugin) -> Reply:
    """Have the entry of what was cut made and written."""
    only_release(tx)
    if not tx.settings.cutting.listing:
        raise Refused(words.not_configured())
    ticket, cut = _meant(tx, cmd)
    authors = [name for name in ("official", "partner", "community") if getattr(cmd, name)] or (
        ["community"] if ticket else []
    )
    if len(authors) != 1:
        raise Refused(words.one_author())
    stages = [name for name in ("beta", "experimental") if getattr(cmd, name)]
    stages = stages or (["beta"] if ticket and ticket.track == "beta" else [])
    if len(stages) > 1 or (cmd.cloud and cmd.on_prem):
        raise Refused(words.not_both())
    _may_be(tx, ticket, cut)
    if outbox.step_waits(tx.store, f"list:{cut.number}"):
        raise Refused(words.under_way(cut))
    flags = " ".join(x for x in FLAGS if getattr(cmd, x[2:].replace("-", "_")))
    tx.do(
        "list", of=f"list:{cut.number}", cut=cut.number, by=tx.by, repository=cut.asked.repository, name=cut.name, tag=cut.asked.tag,
        commit=cut.commit, plugin_id=cut.verified.plugin_id if cut.verified else "",
        artifacts=[x.model_dump() for x in cut.artifacts], author=authors[0], stage=stages[0] if stages else "production",
        hosting="cloud" if cmd.cloud else "on-prem" if cmd.on_prem else "", enterprise=cmd.enterprise, dry_run=cmd.dry_run,
        answered=cut.questioned.questions if cmd.yes and cut.questioned and cut.questioned.flags == flags else (), flags=flags,
        replace=bool(cut.asked.forced), begun=tx.now,
    )  # fmt: skip
    return Reply(words.being_made(cut, dry_run=cmd.dry_run))


def _meant(tx: Tx, cmd: ListPlugin) -> tuple[Ticket | None, Cut]:
    """The ticket that is meant, if there is one, and what was cut last of it. Refuses where nothing was cut."""
    ticket = tx.ticket(cmd.ticket) if cmd.ticket and not cmd.repo else None
    if ticket:
        made = cuts.of_ticket(tx.store, ticket.number)
    elif cmd.repo and cmd.tag:
        repository = repository_of(tx, cmd.repo)
        made = cuts.of_tag(tx.store, repository, cmd.tag)
        if repository.rsplit("/", 1)[-1] not in tx.settings.cutting.own:
            ticket = about(tx, repository, cmd.tag)
    else:
        raise Refused(words.which())
    going = next((x for x in made if x.state in {"waits", "running"}), None)
    if going:  # its files may be replaced any moment
        raise Refused(cut_refusals.under_way(going, tx.who))
    cut = next((x for x in made if x.state == "done"), None)
    if cut is None:
        raise Refused(words.not_cut(ticket, made[0] if made else None, f"--repo {cmd.repo} --tag {cmd.tag}"))
    if cut.asked.ticket and (ticket is None or ticket.number != cut.asked.ticket):
        ticket = tx.ticket(cut.asked.ticket)
    if ticket is None and cut.repository not in tx.settings.cutting.own:  # any more
        raise Refused(cut_refusals.no_ticket(cut.repository))
    return ticket, cut


def _may_be(tx: Tx, ticket: Ticket | None, cut: Cut) -> None:
    """Refuse to list what was not approved as it was cut, or was taken down."""
    if ticket is None:
        if cut.verified:
            tombstones.refuse_unreviewed(tx, cut.verified.plugin_id, cut.name, cut.verified.version)
        return
    tombstones.refuse(tx, ticket, "listing")
    if ticket.ended or not ticket.same(cut.asked.approved) or not steps.done(ticket, "cut"):
        raise Refused(words.not_as_cut(ticket, cut))
    if other_plugin(ticket, cut):
        raise Refused(cut_refusals.other_plugin(ticket, cut))
    if lacks := lacking(tx, ticket, "listed"):
        raise Refused(lacks)


def instead(tx: Tx, given: Mapping[str, Any]) -> EntryMade | None:
    """What comes of an entry that must not be made any more, by whoever asked for it; None where it may be."""
    cut = cuts.cut(tx.store, given["cut"])
    if cut is None or given["dry_run"] or not (why := _no_more(tx, cut, given["by"])):
        return None
    return EntryMade(cut=cut.number, by=given["by"], flags=given["flags"], why=why, refused=True)


def _no_more(tx: Tx, cut: Cut, by: str) -> str:
    """Why the entry of a cut must not be made, or published, any more; "" where it may be."""
    if "release" not in tx.store.roles_of(by):
        return words.no_release_user(tx.who(by))
    newer = [x for x in cuts.of_tag(tx.store, cut.asked.repository, cut.asked.tag) if x.number > cut.number]
    if anew := next((x for x in newer if x.state in {"waits", "running", "done"}), None):
        return words.cut_anew(anew)
    ticket = tx.store.ticket(cut.asked.ticket) if cut.asked.ticket else None
    try:
        _may_be(tx, ticket, cut)
    except Refused as no:
        return no.text
    return ""


def entry_made(tx: Tx, what: EntryMade) -> None:
    """Take in what came of an entry: tell whoever asked, and record it of its ticket where it is on its way."""
    cut = cuts.cut(tx.store, what.cut)
    if cut is None:
        return
    before = tx.store.ticket(cut.asked.ticket) if cut.asked.ticket else None
    if what.why or what.blocks or what.asks or what.dry_run:
        if what.asks:
            asked = c.EntryQuestioned(questions=what.asks, flags=what.flags, by=what.by, at=tx.now, via=tx.via)
            cuts.save(tx.store, cut.plus(asked), tx.event.id)
        tx.say(words.not_made(cut, before, what), to=what.by)
        return
    why = _no_more(tx, cut, what.by)
    if what.link or not why:
        listed = cut.plus(c.CutListed(link=what.link, by=what.by, at=tx.now, via=tx.via))
        cuts.save(tx.store, listed, tx.event.id)
    if why:  # it was being written just then
        others = tx.store.members("release")
        for person in (what.by,) if what.by in others else others:
            tx.say(words.not_to_be_published(cut, what, why), to=person)
        for file in tombstones.being_removed(tx, before, cut):
            prepare_removal(tx, file, tombstones.on_their_way(tx, file.case))
        return
    all_cuts = cuts.of_tag(tx.store, cut.asked.repository, cut.asked.tag)
    outdated = [x.listed.link for x in all_cuts if x.number < cut.number and x.listed and x.listed.link != what.link]
    tx.say(
        words.made(cut, what, tx.who(what.by), [x for x in outdated if x]),
        thread=card(before) if before else cuts.subject(cut.number),
    )
    if before is None or before.public or steps.done(before, "listing"):
        return
    fact = f.StepDone(
        step="listing", link=what.link if what.link.startswith("https://") else "", commit=before.commit, by=what.by,
        note=words.where(what), at=tx.now, via=tx.via,
    )  # fmt: skip
    after = follow(tx, before, before.plus(fact))
    tell_next(tx, before, after)


def broke(tx: Tx, given: Mapping[str, Any], reference: str) -> None:
    """The entry was given up for a fault of ours."""
    entry_made(tx, EntryMade(cut=given["cut"], by=given["by"], flags=given["flags"], why=words.fault(reference)))


# Out of the listing


def prepare_removal(tx: Tx, file: CaseFile, pulls: Sequence[str]) -> bool:
    """Have what a takedown decided prepared in the listing's file, where that can be; returns whether.

    `pulls` are pull requests that would bring it back.
    """
    down, about_ = file.case.taken_down, file.case.about
    plugin_id = (file.ticket.plugin_id if file.ticket else "") or about_.plugin_id
    vague = down is None or (down.removal == "restriction" and not down.version)
    if down is None or vague or not plugin_id or not tx.settings.cutting.listing:
        return False
    tx.do(
        "unlist", of=cases.subject(file.handle), case=file.handle, plugin_id=plugin_id, removal=down.removal,
        version=down.version.removeprefix("v"), pulls=list(pulls), begun=tx.now,
    )  # fmt: skip
    return True


def removal_instead(tx: Tx, given: Mapping[str, Any]) -> RemovalMade | None:
    """What comes of a removal that people have to do, since the fix of its case is on its way into the listing; None of any other."""
    case = cases.case(tx.store, given["case"])
    if case is None or case.stage != "fixed":
        return None
    fixes = [tx.ticket(x.ticket) for x in case.fixes if x.ticket]
    if not any(x.public or steps.done(x, "listing") for x in fixes):
        return None
    return RemovalMade(case=case.handle, pulls=given["pulls"], why=words.fix_on_its_way())


def removal_broke(tx: Tx, given: Mapping[str, Any], reference: str) -> None:
    """It was given up for a fault of ours: they do it by hand."""
    removal_made(tx, RemovalMade(case=given["case"], pulls=given["pulls"], why=words.fault(reference)))


def removal_made(tx: Tx, what: RemovalMade) -> None:
    """Tell those who change the listing what was prepared for them."""
    case = cases.case(tx.store, what.case)
    if case is None or not case.removing:
        return
    file = cases.file_of(tx.store, case, tx.now)
    message = words.removal(file, what, tx.who)
    if case.confidential:  # a bug's thread is public, and has heard already that it was taken down
        keeping.tell_channel(tx, file, message)
    for person in keeping.removers(tx, file):
        keeping.tell(tx, file, person, message)
