"""Other ways onto a track: the web Marketplace's form, a decision of people, and what comes again as a new ticket."""

from mmbot.domain import facts as f
from mmbot.domain import review
from mmbot.domain.references import repository_key
from mmbot.domain.review import Illegal
from mmbot.domain.rights import allowed, submits
from mmbot.domain.ticket import Ticket
from mmbot.domain.ticket_parts import page_key
from mmbot.events import ChooseTrack, Contribute, Resubmit
from mmbot.handlers import intake, merges, parts
from mmbot.handlers.news import card, follow, tell
from mmbot.handlers.pages import ADDRESS, page
from mmbot.handlers.twins import linked, tell_links, twice
from mmbot.messages import Refused, Reply
from mmbot.store import tickets
from mmbot.store.tx import Tx
from mmbot.words import replies
from mmbot.words import tracks as words
from mmbot.words.choices import CONTRIBUTIONS, TRACKS, no_address

WITH_A_COMMIT = ("app", "plugin")


def contribute(tx: Tx, cmd: Contribute) -> Reply:
    """Open a ticket for the web Marketplace. Nothing is signed there, so a page is reviewed as it stands, without a commit."""
    if cmd.kind not in CONTRIBUTIONS:
        raise Refused(words.which_kind(), "kind")
    for name, address in (("link", cmd.link), ("documentation", cmd.documentation), ("tracker", cmd.tracker)):
        if not ADDRESS.fullmatch(address):
            raise Refused(no_address(address), name)
    if twins := tickets.same_plugin(tx.store, 0, page_key(cmd.link), ""):
        raise Refused(twice(tx, tx.ticket(twins[0])), "link")
    opened = f.Submitted(
        requirements=tx.policy.current, track="web", contribution=cmd.kind, name=cmd.name, summary=cmd.summary, contact=cmd.contact,
        social=cmd.social, links={"W1": cmd.link, "W2": cmd.documentation, "W3": cmd.tracker}, by=tx.by, at=tx.at, via=tx.via,
    )  # fmt: skip
    ticket = linked(tx, tx.new_ticket(opened, page(tx, cmd.link)))
    ticket = follow(tx, Ticket(ticket.number, tx.policy), intake.with_owner(tx, ticket))
    tell_links(tx, ticket)
    intake.tell_owner(tx, ticket)
    return Reply(words.contributed(ticket, tx.who, tx.settings.security_contact))


def resubmit(tx: Tx, cmd: Resubmit) -> Reply:
    """Open a new ticket for what was closed, or for an app or plugin of the web Marketplace; both tickets are linked."""
    old = tx.ticket(cmd.ticket)
    tx.require("owner-or-submitter", old)
    onward = old.public and not old.ended and old.track == "web"
    if not onward and (old.ended is None or old.ended.ending == "duplicate"):
        raise Refused(words.not_again(old, tx.who))
    if onward and old.contribution not in WITH_A_COMMIT:
        raise Refused(words.stays_there(old))
    if old.page and not (onward and cmd.link):
        raise Refused(words.which_repository(old) if onward else words.contribute_again(old), "link")
    reference = tx.reference(cmd.link, "" if old.page else old.repository) if cmd.link else tx.reference(old.repository)
    key = repository_key(reference.repository)
    if twins := tickets.same_plugin(tx.store, 0, key, ""):
        raise Refused(twice(tx, tx.ticket(twins[0])), "link")
    sent = old.submitted
    wanted = ("app" if old.contribution == "app" else "") if onward else old.track
    opened = f.Submitted(
        requirements=tx.policy.current, track=wanted if wanted in TRACKS else "", summary=sent.summary if sent else "",
        contact=old.contact, social=old.social, links=sent.links if sent else {},
        submitter=old.submitter if old.submitter != tx.by else "", by=tx.by, at=tx.at, via=tx.via,
    )  # fmt: skip
    facts: list[f.AnyFact] = [opened, intake.given(tx, cmd.link or old.repository, reference)]
    if old.maintainers != (old.submitter,):
        facts.append(f.Edited(what="maintainers", people=old.maintainers, by=tx.by, at=tx.at, via=tx.via))
    facts.append(f.Linked(to=old.number, how="before", by=tx.by, at=tx.at, via=tx.via))
    return intake.opened(tx, intake.with_owner(tx, tx.new_ticket(*facts)))


def choose(tx: Tx, cmd: ChooseTrack) -> Reply:
    """Put a ticket on another track; what is asked for on both stays judged. A rejected one comes back so, as Beta."""
    before = tx.ticket(cmd.ticket)
    tx.require("owner-or-reviewer" if cmd.track == "beta" else "owner", before)
    if submits(before, tx.by):
        raise Refused(replies.own_to_decide(before))
    kind = _may_choose(tx, before, cmd)
    after = before
    if before.ended:
        after = parts.without_the_unfit(tx, after.plus(f.Reopened(why=cmd.why, by=tx.by, at=tx.at, via=tx.via)))
    chosen = f.TrackChosen(track=cmd.track, contribution=kind, why=cmd.why, by=tx.by, at=tx.at, via=tx.via)
    dropped = [x for x in review.findings(before) if not after.plus(chosen).counts(x)]
    if secret := next((x for x in dropped if x.confidential), None):
        raise Refused(words.open_finding(before, secret), "track")
    saved = follow(tx, before, after.plus(chosen))
    for role in before.roles:
        if role not in saved.roles and before.review(role).requested_at:
            tx.show(f"prompt:{saved.number}:{role}")
    tx.say(words.chosen_news(saved, before, tx.who(tx.by), dropped), thread=card(saved))
    for person in saved.people:
        if person != tx.by:
            tell(tx, saved, person, words.chosen_to_submitter(saved))
    if saved.owner not in {"", tx.by}:
        tx.tell(words.chosen_to_owner(saved, before, tx.who(tx.by), tx.who), saved.owner, "owner", saved)
    if before.ended:
        intake.look_up(tx, saved)
        merges.again(tx, saved)
    return Reply(words.chosen(saved, before, tx.who, tx.by, may_undo=allowed("owner", tx.actor, saved)))


def _may_choose(tx: Tx, ticket: Ticket, cmd: ChooseTrack) -> str:
    """Refuse where a ticket cannot go on this track; returns the kind of contribution, "" where the track has none."""
    if ticket.public and not ticket.ended:
        raise Illegal("is-public")
    if ticket.ended and (cmd.track != "beta" or ticket.ended.ending != "rejected"):
        raise Illegal("ended", ended=ticket.ended)
    if cmd.track not in ticket.requirements.tracks:
        raise Refused(words.no_such_track_there(ticket), "track")
    if ticket.page and cmd.track != "web":
        raise Refused(words.page_needs_repository(ticket), "track")
    kinds = ticket.requirements.tracks[cmd.track].kinds
    if kinds and cmd.kind not in kinds:
        raise Refused(words.which_kind(), "kind")
    kind = cmd.kind if kinds else ""
    if (ticket.track, ticket.contribution) == (cmd.track, kind) and not ticket.ended and ticket.resolved:
        raise Refused(words.on_it_already(ticket), "track")
    if ticket.ended and (twins := tickets.same_plugin(tx.store, ticket.number, ticket.place, ticket.plugin_id.lower())):
        raise Refused(twice(tx, tx.ticket(twins[0])))
    return kind
