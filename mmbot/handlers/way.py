"""A ticket's way beside the review: steps done and undone, the listing gate, and how tickets end, rest and come back."""

from mmbot.domain import facts as f
from mmbot.domain import review, steps
from mmbot.domain.rights import allowed, submits
from mmbot.domain.ticket import Ticket
from mmbot.domain.ticket_parts import PUBLIC
from mmbot.domain.turns import waiting
from mmbot.events import AskNext, EndTicket, HoldTicket, Hurry, TakeStep, UndoStep
from mmbot.handlers import cut_places, intake, merges, on_the_way, parts, tombstones
from mmbot.handlers.news import card, follow, tell, tell_next, tell_others
from mmbot.handlers.twins import twice
from mmbot.messages import Refused, Reply
from mmbot.store import tickets
from mmbot.store.tx import Tx
from mmbot.words import answers, entries
from mmbot.words import merged as merged_words
from mmbot.words import steps as words


def take_step(tx: Tx, cmd: TakeStep) -> Reply:
    """Record that a step is done, tell the thread, and whoever takes the next one."""
    before = tx.ticket(cmd.ticket)
    step = steps.step(before, cmd.step)
    _require(tx, before, step.by)
    tombstones.refuse(tx, before, cmd.step)
    found = tx.address_in(cmd.note)
    fact = f.StepDone(
        step=cmd.step, link=found, note=cmd.note.replace(found, "").strip() if found else cmd.note, person=cmd.person,
        skipped=cmd.skipped, by=tx.by, at=tx.at, via=tx.via,
    )  # fmt: skip
    merged = merges.named(tx, before, fact)
    fact = fact.model_copy(update={"looked_up": bool(merged)})
    saved = follow(tx, before, steps.marked(before, fact))
    tx.say(words.news(saved, fact, tx.who(tx.by), tx.who), thread=card(saved))
    if cmd.step in PUBLIC and not cmd.skipped:
        for person in saved.people:
            tell(tx, saved, person, words.now_public(saved))
    if merged:  # whoever cuts it is told when it is known to be what was approved
        merges.look_up(tx, saved, merged)
        return Reply(merged_words.recorded(saved))
    if step.each and not cmd.skipped and cmd.person != tx.by:
        tell(tx, saved, cmd.person, words.swag_sent(saved))
    tell_next(tx, before, saved)
    elsewhere = cut_places.hint(tx, saved) if cmd.step == "fork" else ""
    return Reply(f"{words.done(saved, fact, tx.who)}{elsewhere}")


def undo_step(tx: Tx, cmd: UndoStep) -> Reply:
    """Take a wrong "done" back."""
    before = tx.ticket(cmd.ticket)
    _require(tx, before, steps.step(before, cmd.step).by)
    after = steps.unmarked(before, cmd.step, cmd.person, tx.by, tx.at, tx.via)
    reviewed_again = before.public and not after.public
    if reviewed_again and (
        twins := tickets.same_plugin(tx.store, before.number, before.place, before.plugin_id.lower())
    ):
        raise Refused(twice(tx, tx.ticket(twins[0])))
    saved = follow(tx, before, after)
    tx.say(words.undone_news(saved, cmd.step, tx.who(tx.by)), thread=card(saved))
    tell_next(tx, before, saved)
    if reviewed_again:
        intake.look_up(tx, saved)  # an answer that came while it was public was dropped
    return Reply(words.undone(tx.ticket(cmd.ticket), cmd.step, tx.who, tx.by))


def _require(tx: Tx, ticket: Ticket, by: str) -> None:
    """Steps are reported by the owner; those of the release users by these or the owner, who saw it done."""
    if by != "release" or "release" not in tx.actor.roles:
        tx.require("owner", ticket)


def judge_listing(tx: Tx, before: Ticket, asked: str, decision: f.Decision) -> Reply:
    """Record a role's verdict on what was cut: the listing gate has roles of its own, whatever the track's are."""
    role = tx.role_for(before, asked, "approve", steps.listing_roles(before), " --listing")
    tx.require("role", before, role)
    saved = follow(tx, before, steps.listing_judged(before, role, decision, tx.by, tx.at, tx.via))
    tell_next(tx, before, saved)
    return Reply(words.listing_judged(saved, role, decision, tx.who, tx.by))


def refuse_cut(tx: Tx, before: Ticket, asked: str, text: str) -> Reply:
    """Record a fault in what was cut: the thread, the owner and those who cut are told."""
    role = tx.role_for(before, asked, "block", steps.listing_roles(before), " --listing WHY")
    tx.require("role", before, role)
    fact = f.CutRefused(role=role, text=text, commit="", by=tx.by, at=tx.at, via=tx.via)
    saved = follow(tx, before, steps.cut_refused(before, fact))
    news = words.cut_refused(saved, role, text, tx.who(tx.by), secret=saved.confidential(role))
    tx.say(news, thread=card(saved))
    secret = saved.confidential(role)
    if saved.owner not in {"", tx.by}:
        in_full = words.cut_refused(saved, role, text, tx.who(tx.by), secret=False)
        if secret:  # for the owner's eyes, and not for whoever stands in
            tx.say(in_full, to=saved.owner)
        else:
            tx.tell(in_full, saved.owner, "owner", saved)
    told = words.cut_refused(saved, role, text, tx.who(tx.by), secret=secret, cutter=True)
    tell_others(tx, told, [x for x in tx.store.members("release") if x != saved.owner], "release", saved)
    return Reply(words.cut_refused_reply(saved, role, tx.who, tx.by))


def ask_next(tx: Tx, cmd: AskNext) -> Reply:
    """Which step comes next."""
    ticket, releases = tx.ticket(cmd.ticket), "release" in tx.actor.roles
    may = releases or allowed("owner", tx.actor, ticket)
    return Reply(words.next_step(ticket, tx.who, tx.by, releases=releases, may=may))


def end(tx: Tx, cmd: EndTicket) -> Reply:
    """Close a ticket: rejected by an owner, withdrawn by its submitter or an owner."""
    before = tx.ticket(cmd.ticket)
    tx.require("owner" if cmd.ending == "rejected" else "owner-or-submitter", before)
    fact = f.Ended(ending=cmd.ending, why=cmd.why, by=tx.by, at=tx.at, via=tx.via)
    pulls, on_its_way = on_the_way.pulls(tx, before), on_the_way.is_on_its_way(before)
    after = steps.closed(before, fact)
    saved = follow(tx, before, after.plus(on_the_way.undone(tx)) if on_its_way else after)
    tx.say(words.ended_news(saved, tx.who(tx.by)), thread=card(saved))
    for person in saved.people:
        if person != tx.by:
            rejected = cmd.ending == "rejected"
            told = words.ended_to_submitter(saved) if rejected else words.withdrawn(saved, tx.who(tx.by))
            tell(tx, saved, person, told)
    if saved.owner not in {"", tx.by}:
        tx.tell(words.ended_news(saved, tx.who(tx.by)), saved.owner, "owner", saved)
    if on_its_way or (pulls and not before.public):
        tell_others(tx, entries.not_wanted(saved, pulls), tx.store.members("release"), "release", saved)
    for role, person in before.parts:
        if role in before.roles and review.verdict(before, role) != "approved" and person not in {tx.by, saved.owner}:
            tx.tell(words.not_needed(saved, role), person, role, saved)
    return Reply(words.ended(saved, may_reopen=cmd.ending == "withdrawn" or allowed("owner", tx.actor, saved)))


def reopen(tx: Tx, before: Ticket, why: str) -> Reply:
    """Bring a ticket back: an owner one that was rejected or withdrawn, a submitter one that was withdrawn."""
    withdrawn = before.ended and before.ended.ending == "withdrawn"
    tx.require("owner-or-submitter" if withdrawn else "owner", before)
    for_good = {"duplicate", "taken-down"}
    if not before.ended or (before.ended.ending in for_good and not tombstones.given_back(tx, before)):
        raise Refused(words.not_ended(before) if not before.ended else words.ended(before, may_reopen=False))
    reopened = before.plus(f.Reopened(why=why, by=tx.by, at=tx.at, via=tx.via))
    twins = tickets.same_plugin(tx.store, before.number, before.place, before.plugin_id.lower())
    if twins and not reopened.public:  # what is listed is not under review
        raise Refused(twice(tx, tx.ticket(twins[0])))
    saved = follow(tx, before, parts.without_the_unfit(tx, reopened))
    tx.say(words.resting_news(saved, tx.who(tx.by), what="is open again"), thread=card(saved))
    intake.look_up(tx, saved)  # an answer that came while it was closed was dropped
    merges.again(tx, saved)
    return Reply(words.reopened(saved, tx.who, tx.by, _before_the_gate(tx, saved)))


def _before_the_gate(tx: Tx, ticket: Ticket) -> str:
    """For whom a ticket waits that goes on, and what the asker can do; "" from the review gate on, where a step is next."""
    if review.gate(ticket).open:
        return ""
    return answers.outlook_of(ticket, tx.turns(ticket), tx.actor, tx.who)


def hold(tx: Tx, cmd: HoldTicket) -> Reply:
    """Put a ticket on hold, or let it go on."""
    before = tx.ticket(cmd.ticket)
    tx.require("owner", before)
    if bool(before.held) == cmd.held:
        raise Refused(words.held_already(before))
    fact = (
        f.Held(why=cmd.why, by=tx.by, at=tx.at, via=tx.via) if cmd.held else f.Resumed(by=tx.by, at=tx.at, via=tx.via)
    )
    saved = follow(tx, before, steps.rested(before, fact))
    tx.say(words.resting_news(saved, tx.who(tx.by), what="is on hold" if cmd.held else "goes on"), thread=card(saved))
    if before.held and not cmd.held:
        if any(turn.party == "submitter" for turn in waiting(saved)) and saved.submitter != tx.by:
            tell(tx, saved, saved.submitter, words.goes_on_with_you(saved))
        intake.tell_answered(tx, saved, before.held.at)  # whoever was answered meanwhile was not asked for anything
    return Reply(words.held(saved, tx.who, tx.by, "" if cmd.held else _before_the_gate(tx, saved)))


def hurry(tx: Tx, cmd: Hurry) -> Reply:
    """Let a ticket go before all others, or wait its turn again."""
    before = tx.ticket(cmd.ticket)
    tx.require("owner", before)
    saved = hurried(tx, before, on=cmd.on)
    return Reply(words.hurried(saved, answers.outlook_of(saved, tx.turns(saved), tx.actor, tx.who)))


def hurried(tx: Tx, before: Ticket, *, on: bool) -> Ticket:
    """Save a ticket as urgent, or not any more; the thread hears of it, and whoever's turn it is.

    Neither why nor by whom is recorded: that a fix was named for a confidential case must look like any other reason.
    """
    saved = follow(tx, before, steps.hurried(before, f.Hurried(on=on, at=tx.at)))
    tx.say(words.hurried_news(saved), thread=card(saved))
    for turn in tx.turns(saved).values() if on else ():
        if turn.party in {"submitter", "mmbot"}:
            continue
        person = saved.owner if turn.party == "owner" else saved.review(turn.party).reviewer
        people = [person] if person else tx.store.members(turn.party)
        told = [x for x in people if x != tx.by and not submits(saved, x)]
        tx.tell_all(
            words.hurry_up(saved, turn.party, turn.due, tx.thread(saved, turn.party), tx.now), told, turn.party, saved
        )
    return saved
