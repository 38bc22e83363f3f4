"""What is cut: asked for, begun when its turn comes, taken from step to step, stopped, taken up again, announced."""

import sys

from mmbot.domain import cut_facts as c
from mmbot.domain import facts as f
from mmbot.domain import steps
from mmbot.domain.cut import Cut, again_from, bad_tag, has_cut, other_plugin, to_be_cut
from mmbot.domain.references import repository_key
from mmbot.domain.review import gate
from mmbot.domain.rights import submits
from mmbot.domain.ticket import Ticket
from mmbot.events import CutPlugin, CutStepped, ManageCut
from mmbot.handlers import cut_places
from mmbot.handlers.cut_places import lacking
from mmbot.handlers.news import card, follow, tell_next
from mmbot.messages import Message, Refused, Reply
from mmbot.store import cuts, outbox
from mmbot.store.tx import Tx
from mmbot.words import cut_refusals as refusals
from mmbot.words import cuts as words


def cut_plugin(tx: Tx, cmd: CutPlugin) -> Reply:
    """Have an approved commit cut, or say what keeps it from being cut."""
    only_release(tx)
    if lacks := (*tx.settings.cutting.lacks, *_no_source(tx, cmd)):
        raise Refused(refusals.not_configured(lacks))
    repository, ticket = cut_places.meant(tx, cmd)
    tag = cmd.tag or (f"v{ticket.version.removeprefix('v')}" if ticket and ticket.version else "")
    if not tag:
        raise Refused(refusals.bad_tag(tag, ""), "tag")
    asked = _asked(tx, cmd, repository, tag, ticket)
    against = _against(tx, cmd, asked, ticket)
    if cmd.dry_run:
        return Reply(words.plan(asked, ticket, against, approved=bool(ticket and gate(ticket).open)))
    if against:
        raise Refused("\n".join(against))
    if cuts.many_going(tx.store) >= cuts.MOST:
        raise Refused(refusals.too_many(cuts.MOST))
    number = cuts.next_number(tx.store)
    saved = _save(tx, Cut(number, asked).plus(asked))
    if saved.state == "asked":
        return _ask_others(tx, saved, ticket)
    saved = _begin(tx, saved)
    return Reply(words.begun(saved, ticket))


def _ask_others(tx: Tx, cut: Cut, ticket: Ticket | None) -> Reply:
    """Ask those who may agree."""
    others = _who_agree(tx, cut, ticket)
    for person in tx.present(others) if others else ():
        tx.say(words.asks_to_agree(cut, tx.who(tx.by)), to=person)
    return Reply(words.waits_for_second(cut, [tx.who(x) for x in others]))


def only_release(tx: Tx) -> None:
    """Refuse unless the asker is a release user."""
    if "release" not in tx.actor.roles:
        raise Refused(refusals.only_release([tx.who(x) for x in tx.store.members("release")]))


def _no_source(tx: Tx, cmd: CutPlugin) -> tuple[str, ...]:
    return () if cmd.bundle or tx.settings.cutting.source else ("release.obtain",)


def _asked(tx: Tx, cmd: CutPlugin, repository: str, tag: str, ticket: Ticket | None) -> c.CutAsked:
    commit = cmd.sha or (to_be_cut(ticket, repository) if ticket else "")
    return c.CutAsked(
        repository=repository, tag=tag, ticket=ticket.number if ticket else 0, plugin_id=ticket.plugin_id if ticket else "",
        commit=commit, approved=ticket.commit if ticket else "", tree=ticket.trees.get(ticket.commit, "") if ticket else "",
        source="bundle" if cmd.bundle else tx.settings.cutting.source or "github", asset=cmd.asset, place=cmd.bundle,
        sha256=cmd.sha256, forced=cmd.why if cmd.force else "", pre_release=cmd.pre_release,
        second=_is_listed(tx, ticket, repository, tag), by=tx.by, at=tx.at, via=tx.via,
    )  # fmt: skip


def _is_listed(tx: Tx, ticket: Ticket | None, repository: str, tag: str, until: int = sys.maxsize) -> bool:
    """Whether this version of the plugin stands in the listing, or in its file, where it was written before a moment.

    Of a plugin without a ticket a pull request counts as well: nobody says when it is merged.
    """
    version = tag.removeprefix("v")
    if ticket and ticket.public and ticket.version.removeprefix("v") == version:
        return True
    listed = tx.store.listed(repository_key(repository), ticket.plugin_id if ticket else "")
    if any(_bare(version) in {_bare(v) for v in (x.version, *x.versions)} for x in listed):
        return True
    written = (x.listed for x in cuts.of_tag(tx.store, repository, tag) if x.listed)
    return any(ticket is None or (not x.link and x.at < until) for x in written)


def _bare(version: str) -> str:
    """A version as others are compared with it: what follows a plus sign counts for nothing."""
    return version.partition("+")[0]


def _against(tx: Tx, cmd: CutPlugin, asked: c.CutAsked, ticket: Ticket | None) -> list[str]:
    """What speaks against a cut, each as a sentence with the way forward."""
    against = []
    if wrong := bad_tag(asked.tag):
        against.append(refusals.bad_tag(asked.tag, wrong))
    if ticket:
        if lacks := lacking(tx, ticket):
            against.append(lacks)
        if not wrong and ticket.version and ticket.version.removeprefix("v") != asked.tag[1:]:
            against.append(refusals.other_version(ticket, asked.tag))
    return [*against, *_odd_options(cmd, asked), *_before(tx, cmd, asked)]


def _odd_options(cmd: CutPlugin, asked: c.CutAsked) -> list[str]:
    """What was said that does not go together: nothing that somebody says is passed over."""
    odd = {
        refusals.sum_missing(asked): cmd.bundle and not cmd.sha256,
        refusals.sum_of_nothing(asked): cmd.sha256 and not cmd.bundle,
        refusals.commit_missing(asked): cmd.bundle and not asked.commit,
        refusals.why_missing(asked): cmd.force and not cmd.why,
        refusals.why_of_nothing(asked): cmd.why and not cmd.force,
        refusals.no_release(asked.source): (cmd.asset or cmd.pre_release) and asked.source != "github",
    }
    return [said for said, found in odd.items() if found]


def _before(tx: Tx, cmd: CutPlugin, asked: c.CutAsked) -> list[str]:
    """What was cut of the same tag before, and speaks against a cut."""
    before = cuts.of_tag(tx.store, asked.repository, asked.tag)
    if going := next((x for x in before if not x.over), None):
        return [refusals.under_way(going, tx.who)]
    if not cmd.force and asked.second:
        return [refusals.listed_already(asked)]
    last, anew = next(iter(before), None), cmd.force or cmd.bundle or cmd.sha
    if last and not anew and "tag" in last.done and last.state != "done" and last.asked.approved == asked.approved:
        return [refusals.cut_halfway(last)]
    done = next((x for x in before if x.state == "done"), None)
    return [refusals.cut_already(done, tx.who)] if done and not cmd.force else []


def _who_agree(tx: Tx, cut: Cut, ticket: Ticket | None) -> list[str]:
    """The release users who may agree to what somebody else asked for."""
    return [
        x
        for x in tx.store.members("release")
        if x not in {cut.asked.by, cut.by} and not (ticket and submits(ticket, x))
    ]


def _ticket(tx: Tx, cut: Cut) -> Ticket | None:
    return tx.store.ticket(cut.asked.ticket) if cut.asked.ticket else None


def _save(tx: Tx, cut: Cut) -> Cut:
    saved = cuts.save(tx.store, cut, tx.event.id)
    thread = f"card:{saved.asked.ticket}" if saved.asked.ticket else ""
    tx.show(cuts.subject(saved.number), thread=thread)
    return saved


# From step to step


def _begin(tx: Tx, cut: Cut) -> Cut:
    """Begin a cut if its turn has come, and it may be cut still."""
    if cut.state != "waits" or cuts.running(tx.store) >= tx.settings.cutting.at_once:
        return cut
    if why := _no_more(tx, cut):
        return _end(tx, cut, why)
    begun = _save(tx, cut.plus(c.CutBegun(at=tx.now, via=tx.via)))
    _next(tx, begun)
    return begun


def _begin_another(tx: Tx) -> None:
    """One is over: begin those whose turn is next."""
    while cuts.running(tx.store) < tx.settings.cutting.at_once and (found := cuts.first_waiting(tx.store)):
        if _begin(tx, found).state == "waits":
            return


def _next(tx: Tx, cut: Cut) -> None:
    """Have the next step done, or announce that all are."""
    if cut.step == "announce":
        _announce(tx, cut)
        return
    asked, verified = cut.asked, cut.verified
    tagged = (x.done["tag"] for x in (cut, *cuts.of_tag(tx.store, asked.repository, asked.tag)) if "tag" in x.done)
    tx.do(
        f"cut-{cut.step}", of=cuts.subject(cut.number), cut=cut.number, run=cut.run, attempt=cut.attempt,
        repository=asked.repository, tag=asked.tag, name=cut.name, commit=cut.commit, approved=asked.approved, tree=asked.tree,
        source=asked.source, asset=asked.asset, place=asked.place, sha256=asked.sha256, forced=bool(asked.forced),
        pre_release=asked.pre_release, plugin_id=asked.plugin_id, bundle=verified.sha256 if verified else "",
        artifacts=[x.model_dump() for x in cut.artifacts], outdated=sorted({x for went in tagged for x in went.outdated}),
        begun=tx.now,
    )  # fmt: skip


def stepped(tx: Tx, what: CutStepped) -> None:
    """Take in what came of a step. What was stopped or begun anew meanwhile takes nothing in, and what may not be cut any more ends."""
    cut = cuts.cut(tx.store, what.cut)
    if cut is None or cut.state != "running" or (what.run, what.went.step) != (cut.run, cut.step):
        return
    if what.why:
        fail(tx, cut, words.of_this(cut, what.why), gone=what.gone)
        return
    after = cut.plus(what.went.model_copy(update={"at": tx.now, "by": "", "via": tx.via}))
    if why := _no_more(tx, after):
        _end(tx, after, why)
        _begin_another(tx)
        return
    _next(tx, _save(tx, after))


def _no_more(tx: Tx, cut: Cut) -> str:
    """Why a cut that was begun may not go on, "" where it may: somebody may have found something meanwhile."""
    if "release" not in tx.store.roles_of(cut.by):
        return refusals.no_release_user(cut, tx.who(cut.by))
    ticket = _ticket(tx, cut)
    if not cut.asked.second and _is_listed(tx, ticket, cut.asked.repository, cut.asked.tag, cut.asked.at):
        return refusals.listed_already(cut.asked)
    return _against_ticket(tx, cut, ticket) if ticket else ""


def _against_ticket(tx: Tx, cut: Cut, ticket: Ticket) -> str:
    if not has_cut(ticket):
        return refusals.nothing_to_cut(ticket)
    if not ticket.same(cut.asked.approved):
        return refusals.moved(ticket, cut)
    if other_plugin(ticket, cut):
        return refusals.other_plugin(ticket, cut)
    return lacking(tx, ticket)


def fail(tx: Tx, cut: Cut, why: str, *, ours: bool = False, gone: bool = False) -> None:
    """A step failed: whoever asked for the cut is told, and another one has its turn."""
    saved = _save(tx, cut.plus(c.StepFailed(step=cut.step, why=why, ours=ours, gone=gone, at=tx.now, via=tx.via)))
    _tell(tx, saved, words.failed(saved))
    _begin_another(tx)


def _end(tx: Tx, cut: Cut, why: str) -> Cut:
    """Something came between: nothing more is done, and whoever asked for the cut is told."""
    saved = _save(tx, cut.plus(c.StepFailed(step=cut.step, why=why, before=True, at=tx.now, via=tx.via)))
    ticket = _ticket(tx, saved)
    again = ticket is not None and ticket.same(saved.asked.approved) and not ticket.ended
    _tell(tx, saved, words.may_not_go_on(saved, why, again=again))
    return saved


def _tell(tx: Tx, cut: Cut, message: Message) -> None:
    """Whoever asked for a cut, and whoever had it go on."""
    for person in dict.fromkeys((cut.asked.by, cut.by)):
        tx.say(message, to=person)


def broke(tx: Tx, number: int, run: int, reference: str) -> None:
    """A step was given up for a fault of ours."""
    cut = cuts.cut(tx.store, number)
    if cut and cut.state == "running" and cut.run == run:
        fail(tx, cut, words.fault(reference), ours=True)


def _announce(tx: Tx, cut: Cut) -> None:
    """Say once that it was cut, and record it of its ticket."""
    saved = _save(tx, cut.plus(c.StepWent(step="announce", at=tx.now, via=tx.via)))
    before = _ticket(tx, saved)
    thread = card(before) if before else cuts.subject(saved.number)
    tx.say(words.announced(saved, tx.settings.cutting.public_url, tx.who(saved.asked.by)), thread=thread)
    if before and not before.public:
        first = f"{tx.settings.cutting.public_url.rstrip('/')}/{saved.artifacts[0].name}"
        fact = f.StepDone(
            step="cut", link=first if first.startswith("https://") else "", note=saved.asked.tag, commit=before.commit,
            by=saved.asked.by, at=tx.now, via=tx.via,
        )  # fmt: skip
        anew = f.StepUndone(step="listing", at=tx.now, via=tx.via)  # the entry has the signature of what was cut before
        begun = before.plus(anew) if steps.done(before, "listing") else before
        after = follow(tx, before, begun.plus(fact) if steps.done(before, "cut") else steps.marked(begun, fact))
        tell_next(tx, before, after)
    if before is None or before.public:  # else whoever makes the entry is told that it is their turn
        tx.say(words.finished(saved, before), to=saved.asked.by)
    _begin_another(tx)


# What people do with one


def manage(tx: Tx, cmd: ManageCut) -> Reply:
    """Say what is being cut; stop one, take it up again, or agree to it."""
    only_release(tx)
    if cmd.act == "status" and not cmd.number:
        going = cuts.going(tx.store)
        shown = [*going[: cuts.SHOWN], *cuts.over(tx.store)]
        return Reply(words.status(shown, tx.who, max(0, len(going) - cuts.SHOWN)))
    found = _meant(tx, cmd)
    match cmd.act:
        case "cancel":
            return _cancel(tx, found)
        case "retry":
            return _retry(tx, found)
        case "confirm":
            return _agree(tx, found)
        case _:
            return Reply(words.detail(found, tx.who, cuts.progress(tx.store, found.number)))


def _meant(tx: Tx, cmd: ManageCut) -> Cut:
    """The cut that is meant: by its number, else the only one that fits."""
    if cmd.number:
        found = cuts.cut(tx.store, cmd.number)
        if found is None:
            raise Refused(refusals.no_such_cut(cmd.number))
        return found
    going, last = cuts.going(tx.store), cuts.over(tx.store, 1)
    fitting = {
        "cancel": going, "confirm": [x for x in going if x.state == "asked"],
        "retry": [x for x in last if x.state in {"failed", "cancelled"}],
    }[cmd.act]  # fmt: skip
    if len(fitting) != 1:
        raise Refused(refusals.which_cut(cmd.act, fitting))
    return fitting[0]


def _cancel(tx: Tx, cut: Cut) -> Reply:
    if cut.over:
        raise Refused(refusals.over_already(cut))
    outbox.drop_steps(tx.store, cuts.subject(cut.number))
    saved = _save(tx, cut.plus(c.CutCancelled(by=tx.by, at=tx.at, via=tx.via)))
    if saved.asked.by != tx.by:
        tx.say(words.cancelled_to_asker(saved, tx.who(tx.by)), to=saved.asked.by)
    _begin_another(tx)
    return Reply(words.cancelled(saved))


def _retry(tx: Tx, cut: Cut) -> Reply:
    if cut.state not in {"failed", "cancelled"}:
        raise Refused(refusals.nothing_to_retry(cut))
    newest = cuts.of_tag(tx.store, cut.asked.repository, cut.asked.tag)[0]
    if newest.number > cut.number:
        raise Refused(refusals.newer_cut(cut, newest.number))
    ticket = _ticket(tx, cut)
    retried = cut.plus(c.CutRetried(step=again_from(cut, tx.now), by=tx.by, at=tx.at, via=tx.via))
    if why := _no_more(tx, retried):
        raise Refused(why)
    saved = _save(tx, retried)
    outbox.drop_steps(tx.store, cuts.subject(cut.number))
    if saved.state == "asked":
        return _ask_others(tx, saved, ticket)
    return Reply(words.begun(_begin(tx, saved), ticket))


def _agree(tx: Tx, cut: Cut) -> Reply:
    ticket = _ticket(tx, cut)
    if cut.state != "asked":
        raise Refused(refusals.nothing_to_agree(cut))
    if tx.by in {cut.asked.by, cut.by}:  # whoever took up again what another one gave up asks for it, too
        raise Refused(refusals.agrees_to_own(cut, [tx.who(x) for x in _who_agree(tx, cut, ticket)]))
    if ticket and submits(ticket, tx.by):
        raise Refused(refusals.own_plugin(ticket))
    if "release" not in tx.store.roles_of(cut.asked.by):
        raise Refused(refusals.asked_by_nobody(cut, tx.who(cut.asked.by)))
    if why := _no_more(tx, cut):
        raise Refused(why)
    saved = _save(tx, cut.plus(c.CutAgreed(by=tx.by, at=tx.at, via=tx.via)))
    tx.say(words.agreed_to_asker(saved, tx.who(tx.by)), to=saved.asked.by)
    return Reply(words.begun(_begin(tx, saved), ticket))
