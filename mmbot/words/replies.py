"""Every sentence that answers somebody: what was done and what comes next, or why not and what helps."""

from collections.abc import Iterable, Sequence

from mmbot.domain import review
from mmbot.domain.facts import ItemState
from mmbot.domain.ticket import Ticket
from mmbot.words.cards import Who, at, called, title_of, under_review, verdict_words
from mmbot.words.phrases import clock, code, listed, plural, typed, when
from mmbot.words.refusals import all_pass, are, start

RECORDED = {"passed": "passed", "failed": "failed", "na": "as not applicable"}


def no_such_ticket(number: int) -> str:
    """The number names no ticket."""
    return f"There is no MB-{number}. {typed('status')} lists your tickets, {typed('queue')} what waits."


def fault(reference: str) -> str:
    """Something of ours broke."""
    return f"Something went wrong on my side, and nothing was changed. It is in the log as `{reference}`; please tell an admin."


def store_fails() -> str:
    """Nothing can be written down, or not even read."""
    return (
        "I can't write anything down at the moment, so nothing was done. Please try again later; "
        "whoever operates me finds the reason in my log."
    )


def already() -> str:
    """The same event came twice."""
    return "I have that already."


def too_much(until: int, zone: str) -> str:
    """Somebody asks for more than a person can; said once, then all is ignored up to a moment."""
    return f"That is a lot at once: I take nothing more from you until {clock(until, zone)}. Nothing was done; please say it again then."


def too_late(text: str, first: int, until: int, zone: str, *, public: bool) -> str:
    """What somebody wrote while the bot was away, and nothing was done of: `text` is how it begins."""
    where = "in the channel" if public else "here"
    return (
        f"I was away. What you wrote to me {where} from {when(first, zone)} until {when(until, zone)} is too old for me to act on: "
        f"**nothing was done**. It begins with {code(text, 60)}. Please write again what still holds."
    )


def outdated() -> str:
    """A button of an older day."""
    return "This button is out of date; I have refreshed the post. Please use the one that stands there now."


def stray() -> str:
    """A button of ours on a post that is not, or no longer, the one it was made for."""
    return f"I don't know the post of this button any more, so nothing was done. {typed('status')} shows where your tickets stand."


def review_moved(ticket: Ticket, guard: str) -> str:
    """The button or command was meant for another commit than the one under review."""
    return (
        f"Nothing was recorded: it was meant for `{guard[:7]}`, but {ticket.handle} is reviewed at "
        f"{at(ticket)} now. Its checklists show what holds there: {typed(f'status {ticket.handle}')}."
    )


def not_allowed(ticket: Ticket | None, who_may: Sequence[str], what: str, *, own: bool = False) -> str:
    """The asker may not do this; `who_may` are names."""
    if own and ticket:
        return f"{ticket.handle} is your own submission, so somebody else judges it. You can answer with {typed(f'ready {ticket.handle}')}."
    may = f"Ask {listed([*who_may][:5], 'or')}." if who_may else "There are none yet; an admin can add people."
    return f"Only {what} can do that. {may}"


# Reviewing


def assigned(ticket: Ticket, role: str, person: str, *, mine: bool, way: str = "", remark: str = "") -> str:
    """Who does a part of the ticket now, and what they can do."""
    if not person:
        part = "" if role == "owner" else f" {role}"
        return (
            f"{ticket.handle} has no {_part(ticket, role)} any more. {typed(f'claim {ticket.handle}{part}')} takes it."
        )
    name = "You are" if mine else f"{person} is"
    can = f" You can now: {way}." if way and mine else ""
    return f"{name} now the {_part(ticket, role)} of {called(ticket)}.{can}{remark}"


def assigned_already(ticket: Ticket, role: str, person: str, *, mine: bool) -> str:
    """Nothing changes: the person has the part, or nobody has it."""
    if not person:
        return f"{ticket.handle} has no {_part(ticket, role)}."
    return f"{'You are' if mine else f'{person} is'} the {_part(ticket, role)} of {called(ticket)} already."


def _part(ticket: Ticket, role: str) -> str:
    return "owner" if role == "owner" else f"{title_of(ticket, role)} reviewer"


def two_roles(roles: Iterable[str]) -> str:
    """A remark where one person reviews for several roles."""
    return f" (Reviews for {listed(roles)} here: allowed, but two people see more.)"


def requested(ticket: Ticket, roles: Iterable[str], who: Who) -> str:
    """Reviews were asked for."""
    named = [(title_of(ticket, role), ticket.review(role).reviewer) for role in roles]
    names = [f"{title} ({who(person)})" if person else title for title, person in named]
    where = "the checklist is" if len(names) == 1 else "the checklists are"
    return f"Asked for {listed(names)} on {called(ticket)}: {where} in its thread."


def judged(
    ticket: Ticket, items: Sequence[str], state: ItemState, roles: Sequence[str], *, in_public: bool = False
) -> str:
    """Items were judged; what is left for their roles, and how to undo."""
    undo = typed(f"reopen {ticket.handle} {' '.join(items)}")
    names, here = listed(f"**{x}**" for x in items), at(ticket)
    words = (
        f"{names} {are(items)} open again at {here}."
        if state == "open"
        else f"Recorded: {names} {RECORDED[state]} at {here}."
    )
    if state == "failed":
        it = "It blocks until it passes" if len(items) == 1 else "They block until they pass"
        words += f" {it}; the submitter will be told."
    else:
        words += "".join(_left(ticket, role) for role in roles)
    words += "" if state == "open" else f" Undo: {undo}."
    return words + (
        IN_PUBLIC if in_public and state == "failed" and any(ticket.confidential(role) for role in roles) else ""
    )


def _left(ticket: Ticket, role: str) -> str:
    """What a role has still to decide."""
    left, open_findings = review.undecided(ticket, role), [str(x.number) for x in review.findings(ticket, role)]
    if left:
        return f" Left for {title_of(ticket, role)}: {listed(x.handle for x in left)}."
    if open_findings:
        noun = "finding" if len(open_findings) == 1 else "findings"
        return f" Every {title_of(ticket, role)} item is decided, but {noun} {listed(open_findings)} {are(open_findings)} open."
    return f" Every {title_of(ticket, role)} item is decided: {typed(f'approve {ticket.handle} {role}')}."


IN_PUBLIC = (
    " **Your message stands in public**: you may want to delete it. Next time use the button or a slash command."
)


def blocked(ticket: Ticket, number: int, role: str, *, in_public: bool) -> str:
    """A finding was raised."""
    words = (
        f"Recorded as finding {number} of {title_of(ticket, role)} on {called(ticket)}; the submitter will be told. "
        f"Undo: {typed(f'unblock {ticket.handle} {number}')}."
    )
    return words + (IN_PUBLIC if in_public and ticket.confidential(role) else "")


def settled(ticket: Ticket, number: int, role: str) -> str:
    """A finding was settled."""
    left, items = review.findings(ticket, role), [x.handle for x in review.undecided(ticket, role)]
    if left:
        more = f"Still open: {listed(str(x.number) for x in left)}."
    elif review.held(ticket, role):
        more = f"What was decided before is held: {typed(f'holds {ticket.handle} {role}')} or {typed(f'again {ticket.handle} {role}')}."
    elif items:
        more = f"Left for {title_of(ticket, role)}: {listed(items)}. {all_pass(ticket, role, items)}"
    else:
        more = f"Next: {typed(f'approve {ticket.handle} {role}')}."
    return f"Finding {number} of {called(ticket)} is settled. {more}"


def disclosed(ticket: Ticket, number: int) -> str:
    """A finding was made public."""
    return f"Finding {number} of {called(ticket)} is public now."


def noted(ticket: Ticket) -> str:
    """A remark was added."""
    return f"Noted on {called(ticket)}, for everybody to read."


def verdict_recorded(ticket: Ticket, role: str, decision: str, who: Who) -> str:
    """A role's verdict was recorded, and what is still missing."""
    title, here = title_of(ticket, role), at(ticket)
    if decision == "retract":
        again = typed(f"approve {ticket.handle} {role}")
        return f"{start(title)}'s approval of {ticket.handle} is taken back. Approve again with {again}."
    if decision == "again":
        what = f"{called(ticket)}, {under_review(ticket)}"
        return f"{start(title)} looks again at {what}: every item is open. The checklist is in its thread."
    left = [x.handle for x in review.undecided(ticket, role)]
    if decision == "holds" and left:
        return f"Recorded: what {title} decided holds at {here}. Left: {listed(left)}. {all_pass(ticket, role, left)}"
    if decision == "holds" and review.verdict(ticket, role) != "approved":
        return f"Recorded: what {title} decided holds at {here}; {verdict_words(ticket, role, who)}."
    gate = review.gate(ticket)
    rest = "That was the last one: the review gate is open." if gate.open else f"Missing yet: {_missing(ticket)}."
    word = "still approves" if decision == "holds" else "approves"
    return (
        f"Recorded: {title} {word} {here} of {called(ticket)}. {rest} Undo: {typed(f'retract {ticket.handle} {role}')}."
    )


def _missing(ticket: Ticket) -> str:
    gate = review.gate(ticket)
    others = [title_of(ticket, role) for role in gate.roles]
    return listed(others) if others else plural(len(gate.findings), "finding")


def looking_up(ticket: Ticket, text: str) -> str:
    """A reference is being resolved."""
    return f"I am looking up {code(text, 100)} for {called(ticket)} and will say in its thread what it is."


def on_their_way(ticket: Ticket, number: int) -> str:
    """`ready` before the submitter was told what was found."""
    verb = "is" if number == 1 else "are"
    told = f"{plural(number, 'finding')} of {called(ticket)} {verb} only just on the way to its submitter by direct message."
    return f"{told} Please look at that first, then {typed(f'ready {ticket.handle}')}."


def id_of_another(ticket: Ticket, other: Ticket) -> str:
    """A move would give a ticket the id of another open one."""
    return f"The manifest there has the id {code(ticket.plugin_id)}, which is that of {called(other)}."


def page_moved(ticket: Ticket) -> str:
    """Another page is reviewed now."""
    return f"The review of {called(ticket)} is about {at(ticket)} now. {typed(f'status {ticket.handle}')} says where it stands."


def ready(ticket: Ticket, roles: Iterable[str], asked: str, late: int, who: Who) -> str:
    """The ball goes back; `late` is how many findings came in that nobody can have answered yet."""
    names = [title_of(ticket, role) for role in roles]
    told = f"Thank you. I tell {listed(names)} that your answer is there." if names else "Thank you, noted."
    if ticket.held:
        guide = who(ticket.owner) if ticket.owner else "an owner"
        told = (
            f"Thank you, noted. The ticket is on hold; {guide} lets it go on, with {typed(f'unhold {ticket.handle}')}."
        )
    look = f" I am looking up {code(asked, 100)} now." if asked else ""
    more = f" {plural(late, 'more finding')} came in just now, by direct message: still to be answered." if late else ""
    return f"{told}{look}{more} {typed(f'status {ticket.handle}')} says where it stands."


def nothing_to_answer(ticket: Ticket) -> str:
    """`ready` where nothing waits for the submitter."""
    return (
        f"No finding of {called(ticket)} waits for an answer. To move the review, name a tag or commit: "
        f"{typed(f'commit {ticket.handle} TAG')}."
    )


def taken(ticket: Ticket, role: str, name: str, me: str) -> str:
    """Somebody else reviews for this role already."""
    move = typed(f"assign {ticket.handle} {role} @{me}")
    return (
        f"{name} does the {title_of(ticket, role)} review of {called(ticket)} already. If you agreed to change: {move}."
    )


def own_submission(ticket: Ticket, name: str) -> str:
    """The person submitted the plugin."""
    return f"{ticket.handle} is {name}'s own submission: somebody else has to judge it."


def own_to_guide(ticket: Ticket, name: str, *, mine: bool) -> str:
    """Nobody guides what is their own."""
    whose = "your" if mine else f"{name}'s"
    return f"{ticket.handle} is {whose} own plugin, so another owner guides it: {typed(f'assign {ticket.handle} owner @USER')}."


def own_to_decide(ticket: Ticket) -> str:
    """Nobody decides on the track of what is their own."""
    return f"{ticket.handle} is your own plugin, so somebody else decides that. You can ask in its thread."


def lacks_role(name: str, role: str, who_may: Sequence[str]) -> str:
    """The person does not hold the role."""
    return f"{name} does not hold the role {code(role, 20)}. " + (
        f"{listed([*who_may][:5])} could." if who_may else "Nobody does; an admin can add people."
    )


def requested_already(ticket: Ticket, roles: Sequence[str]) -> str:
    """Every review named was asked for before."""
    names = listed(title_of(ticket, x) for x in roles)
    what = f"The {names} review is" if len(roles) == 1 else f"The reviews of {names} are"
    return f"{what} asked for already. Who does what: {typed(f'status {ticket.handle}')}."


def which_role_of(ticket: Ticket, name: str, roles: Sequence[str]) -> str:
    """A person is asked to review, and it is not clear for which role."""
    if not roles:
        return (
            f"{name} holds none of the roles of {ticket.handle}: {listed(title_of(ticket, x) for x in ticket.roles)}."
        )
    return (
        f"For which role shall {name} review: {listed((title_of(ticket, x) for x in roles), 'or')}? "
        f"For example {typed(f'request {ticket.handle} {roles[0]} @{name}')}."
    )


def no_role() -> str:
    """A reviewer's command from somebody who has no role."""
    return "You hold no reviewer's role here. An admin can add you to one."


def no_role_among(titles: Iterable[str]) -> str:
    """What only some roles may do is asked by somebody who has none of them."""
    return f"Only {listed(titles)} reviewers can do that."


def claim_a_review(ticket: Ticket, roles: Sequence[str]) -> str:
    """A reviewer takes a ticket without saying as what: to guide it is for owners."""
    ways = listed((typed(f"claim {ticket.handle} {x}") for x in roles), "or")
    return f"Only owners can take {ticket.handle} itself. To review it: {ways}."


def which_role(ticket: Ticket, roles: Iterable[str], word: str, rest: str = "") -> str:
    """The asker holds several roles of the ticket; `rest` is what else was typed."""
    names = sorted(roles)
    titles = listed((title_of(ticket, x) for x in names), "or")
    return f"For which role: {titles}? For example {typed(f'{word} {ticket.handle} {names[0]}{rest}')}."


def fill_in() -> str:
    """The label of the button that opens a dialog."""
    return "Fill in…"
