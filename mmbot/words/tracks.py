"""The words about tracks: their names, the web Marketplace, a decision of people, and what comes again as a new ticket."""

from collections.abc import Sequence

from mmbot.domain import review
from mmbot.domain.rights import is_outside
from mmbot.domain.ticket import Ticket
from mmbot.domain.ticket_parts import Finding
from mmbot.messages import Message
from mmbot.words.cards import Who, at, called, kind, title_of
from mmbot.words.choices import CONTRIBUTIONS
from mmbot.words.phrases import listed, plain, quoted, typed
from mmbot.words.steps import then


def which_kind() -> str:
    """Something for the web Marketplace needs a kind."""
    kinds = listed((f"`{x}`" for x in CONTRIBUTIONS), "or")
    return f"Which kind is it: {kinds}?"


def contributed(ticket: Ticket, who: Who, security_contact: str) -> str:
    """To the submitter of something for the web Marketplace: the number, who guides it, what happens next."""
    guide = f"**{who(ticket.owner)}** guides it and will talk to you. " if ticket.owner else ""
    return (
        f"Thank you! Your contribution is **{ticket.handle}**. {guide}The reviewers try it and read about it; then it is published on the "
        f"web Marketplace.\nWhere it stands: {typed(f'status {ticket.handle}')}. "
        f"Questions: ask in the thread of {ticket.handle} in the channel. "
        f"A vulnerability, in this or anything else, is reported in private: {typed('vulnerability')}, or to {security_contact}; "
        "please never in the channel."
    )


def same_page(ticket: Ticket) -> str:
    """The page is under review already."""
    return f"That is {at(ticket)} which is reviewed on {ticket.handle} already. If you changed it: {typed(f'ready {ticket.handle}')}."


# Again


def not_again(ticket: Ticket, who: Who) -> str:
    """A ticket that can't be handed in again: it is open, a duplicate, or listed."""
    if ticket.ended:
        return f"{ticket.handle} is the same as MB-{ticket.ended.of}: see {typed(f'status MB-{ticket.ended.of}')}."
    if ticket.public:
        return f"{called(ticket)} is listed. A newer version is handed in as an update: {typed('submit LINK')}."
    move = typed(f"commit {ticket.handle} {'LINK' if ticket.page else 'TAG'}")
    return f"{called(ticket)} is still open; {then(ticket, who)} For a newer version: {move}."


def stays_there(ticket: Ticket) -> str:
    """Only apps and plugins come into the product."""
    what = CONTRIBUTIONS.get(ticket.contribution, "contribution")
    return f"{called(ticket)} is published. A {what} has its place on the web Marketplace; the in-product one takes plugins and Apps."


def which_repository(ticket: Ticket) -> str:
    """Something that was a page is handed in for the product, where a repository is reviewed."""
    return f"For the in-product Marketplace a repository is reviewed: {typed(f'resubmit {ticket.handle} LINK')}."


def contribute_again(ticket: Ticket) -> str:
    """A page that was closed is handed in again by its form."""
    form = typed(f"contribute {ticket.contribution} {ticket.repository}")
    return f"Please fill in the form again; it is linked with {ticket.handle} by its address: {form}."


def again_news(new: Ticket, old: Ticket) -> Message:
    """In the thread of a ticket that is over: it was handed in again, or for the other Marketplace."""
    if old.public and not old.ended:
        return Message(
            f"Handed in for the in-product Marketplace, too: its review is **{new.handle}**, {typed(f'status {new.handle}')}."
        )
    return Message(f"Handed in again: the review goes on in **{new.handle}**, {typed(f'status {new.handle}')}.")


def handed_in_for(ticket: Ticket, who: Who) -> str:
    """To an owner who handed something in for somebody."""
    outside = is_outside(ticket.submitter)
    told = "What I have to say to them comes to you, to pass it on." if outside else "They hear from me how it goes on."
    return f"**{ticket.handle}** is open for {who(ticket.submitter)}. {told} Where it stands: {typed(f'status {ticket.handle}')}."


def handed_in_for_you(ticket: Ticket, by: str, answer: str) -> Message:
    """To somebody for whom another handed something in."""
    return Message(f"{by} handed in {plain(ticket.name, 60)} for you. {answer}")


# Chosen by people


def no_such_track_there(ticket: Ticket) -> str:
    """The requirements that a ticket was opened under have no such track."""
    tracks = listed(f"`{x}`" for x in ticket.requirements.tracks)
    return f"{ticket.handle} was opened under the requirements of {ticket.requirements.version}, whose tracks are {tracks}."


def on_it_already(ticket: Ticket) -> str:
    """Nothing changes."""
    return f"{called(ticket)} is on that track already{kind(ticket)}."


def page_needs_repository(ticket: Ticket) -> str:
    """A page can't go on a track where a commit is reviewed."""
    return (
        f"On {ticket.handle} a page is reviewed; the other tracks need a repository. Close it with {typed(f'withdraw {ticket.handle}')}, "
        f"then {typed('submit LINK')} with the repository."
    )


def _asked_for(before: Ticket, after: Ticket) -> str:
    """What is judged now, and what is not any more."""
    old, new = ({x.handle for x in t.items} for t in (before, after))
    more = [x.handle for x in after.items if x.handle not in old]
    less = [x.handle for x in before.items if x.handle not in new]
    parts = [f"now {listed(more)} as well" if more else "", f"no longer {listed(less)}" if less else ""]
    return f"Asked for: {', '.join(x for x in parts if x)}." if more or less else ""


def _still_to_judge(ticket: Ticket) -> str:
    left = [title_of(ticket, role) for role in ticket.roles if review.verdict(ticket, role) != "approved"]
    return f" Still to approve: {listed(left)}." if left else ""


def chosen(ticket: Ticket, before: Ticket, who: Who, reader: str, *, may_undo: bool) -> str:
    """The decision was recorded: what it changes."""
    again = f" Undo: {typed(f'track {ticket.handle} {before.track} WHY')}." if may_undo and not before.ended else ""
    asked = _asked_for(before, ticket)
    left = f"{asked} What was judged stays.{_still_to_judge(ticket)}"
    return f"Recorded: {called(ticket)}{kind(ticket)}. {left} {_next(ticket, who, reader)}{again}"


def _next(ticket: Ticket, who: Who, reader: str) -> str:
    words = then(ticket, who, reader)
    return words[:1].upper() + words[1:]


def open_finding(ticket: Ticket, finding: Finding) -> str:
    """On the other track a confidential finding would not count any more, and nobody would hear of it."""
    title = title_of(ticket, finding.role)
    return (
        f"Finding {finding.number} of {title} on {ticket.handle} is open, and that track would not ask for it. "
        f"First {title} settles it: {typed(f'unblock {ticket.handle} {finding.number}')}."
    )


def chosen_news(ticket: Ticket, before: Ticket, by: str, dropped: Sequence[Finding]) -> Message:
    """In the thread: the decision, with its reason, and the findings that count no more."""
    why = quoted(ticket.chosen.why) if ticket.chosen else ""
    again = "is open again and " if before.ended else ""
    asked = _asked_for(before, ticket)
    if dropped:
        numbers = [str(x.number) for x in dropped]
        noun, block = ("Finding", "blocks") if len(numbers) == 1 else ("Findings", "block")
        asked += f" {noun} {listed(numbers)} of {listed(dict.fromkeys(title_of(ticket, x.role) for x in dropped))} no longer {block}."
    return Message(
        f"{by}: {called(ticket)} {again}goes on as **{kind(ticket).removeprefix(' — ')}**.\n{why}\n{asked}{_still_to_judge(ticket)}"
    )


def chosen_to_submitter(ticket: Ticket) -> Message:
    """To the submitter: how their submission goes on."""
    why = quoted(ticket.chosen.why) if ticket.chosen else ""
    if ticket.track == "beta":
        way = (
            "It is listed with a label that says Beta. A finished version can be handed in later as an update; "
            f"until it is listed, {typed(f'commit {ticket.handle} TAG')} moves the review."
        )
    else:
        way = f"Where it stands: {typed(f'status {ticket.handle}')}."
    return Message(f"{called(ticket)} goes on as **{kind(ticket).removeprefix(' — ')}**. The reason:\n{why}\n{way}")


def chosen_to_owner(ticket: Ticket, before: Ticket, by: str, who: Who) -> Message:
    """To the owner: somebody decided on a track."""
    asked = _asked_for(before, ticket)
    return Message(
        f"{by} put {called(ticket)} on the track **{kind(ticket).removeprefix(' — ')}**. {asked} {_next(ticket, who, ticket.owner)}"
    )
