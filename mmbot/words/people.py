"""The words about people: who holds which role, who is away, who stands in, and who changed that."""

from collections.abc import Iterable, Mapping, Sequence
from datetime import date

from mmbot.domain.book import DEFAULT_OWNER, AwaySaid, BookFact, DeputyNamed, RoleGiven
from mmbot.domain.ticket import Ticket
from mmbot.messages import Message
from mmbot.words.cards import Who, title_of
from mmbot.words.phrases import code, day, listed, typed

SHOWN = 5
"""How many tickets are named where there are more."""
EXAMPLES: Mapping[str, str] = {
    "": "people", "add": "people add @tom qa", "remove": "people remove @tom qa", "default-owner": "people default-owner @olive",
    "deputy": "people deputy @ole @olive", "no-deputy": "people no-deputy @olive", "away": "people away @olive 2026-12-01",
    "back": "people back @olive",
}  # fmt: skip


def former(name: str) -> str:
    """How somebody is called whose name belongs to somebody else now; no user name has a space."""
    return name if name.startswith("the former ") else f"the former {name}"


def last_day(iso: str) -> str:
    """The last day of an absence: `1 Dec`."""
    found = date.fromisoformat(iso)
    return f"{found.day} {found:%b}"


# Told in somebody's stead


def for_absent(message: Message, name: str, until: str, part: str, me: str, ticket: Ticket | None) -> Message:
    """A message to somebody for whom it was not meant, and how to take over."""
    line = ""
    if ticket and ticket.ended:
        line = ""
    elif ticket and part == "owner":
        line = f"claim {ticket.handle}"
    elif ticket and part in ticket.roles:
        line = f"assign {ticket.handle} {part} @{me}"
    over = f" To take it over: {typed(line)}." if line else ""
    return Message(
        f"For **{name}**, who is away until {last_day(until)}.{over}\n{message.text}", message.rows, message.colour
    )


def given_instead(message: Message, name: str, until: str) -> Message:
    """To a deputy: a new ticket is theirs because the default owner is away."""
    text = f"{name} is away until {last_day(until)}, and you stand in.\n{message.text}"
    return Message(text, message.rows, message.colour)


def away_remark(ticket: Ticket, part: str, name: str, until: str, others: Sequence[str]) -> str:
    """Behind an answer: whoever got a part is away; begins with a space."""
    way = ""
    if others:
        line = f"assign {ticket.handle} {part} @{others[0]}"
        way = f"; {ticket.handle} could go to {listed([*others][:3], 'or')}: {typed(line)}"
    return f" {name} is away until {last_day(until)}{way}."


def standing_in(name: str, until: str, lines: Sequence[str], *, named: bool = True) -> str:
    """The part of a queue that waits for somebody for whom the reader stands in: as was said (`named`), or since nobody does."""
    rows = "\n".join(f"- {line}" for line in lines)
    why = ", so that you stand in" if named else "; nobody stands in, and you could take it"
    return f"Waiting for {name}, who is away until {last_day(until)}{why}:\n{rows}"


# The book


def book(roles: Sequence[tuple[str, Sequence[str]]], default_owner: str, absent: Sequence[str], *, admin: bool) -> str:
    """Who holds which role; `absent` are lines about who is away and who stands in."""
    lines = ["Who holds which role:"]
    lines += [f"- {code(role, 30)}: {listed(names) if names else 'nobody'}" for role, names in roles]
    lines.append(
        f"New tickets go to {default_owner}." if default_owner else "New tickets go to nobody: an owner takes them."
    )
    lines += absent
    if admin:
        lines.append(
            f"To change it: {typed('people add @USER ROLE')}, or see {typed('help people')}. What was changed: {typed('people --log')}."
        )
    return "\n".join(lines)


def absent_line(name: str, until: str, deputy: str) -> str:
    """Who is away until when, and who stands in; `until` is "" for somebody who is here."""
    if not until:
        return f"When {name} is away, {deputy} stands in."
    return f"{name} is away until {last_day(until)}" + (f"; {deputy} stands in." if deputy else "; nobody stands in.")


def log(facts: Sequence[BookFact], who: Who) -> str:
    """What was changed, newest first."""
    if not facts:
        return "Nothing was changed yet."
    lines = [f"- {day(x.at)}, {who(x.by) if x.by else 'the configuration'}: {_change(x, who)}." for x in facts]
    return "What was changed, newest first:\n" + "\n".join(lines)


def _change(fact: BookFact, who: Who) -> str:
    name = who(fact.person)
    if isinstance(fact, DeputyNamed):
        return f"{who(fact.deputy) if fact.deputy else 'nobody'} stands in for {name}"
    if isinstance(fact, AwaySaid):
        return f"{name} is {f'away until {last_day(fact.day)}' if fact.day else 'back'}"
    given = isinstance(fact, RoleGiven)
    if fact.role == DEFAULT_OWNER:
        return f"{name} is {'' if given else 'no longer '}the default owner"
    return f"{name} {'holds' if given else 'no longer holds'} {code(fact.role, 30)}"


# Changes


def changed_roles(names: Sequence[str], roles: Sequence[str], *, given: bool, undo: bool) -> str:
    """Roles were given or taken; `undo` where one line takes it back."""
    verb = ("holds" if given else "no longer holds") if len(names) == 1 else ("hold" if given else "no longer hold")
    now = " from now on" if given else ""
    back = f"people {'remove' if given else 'add'} {' '.join(f'@{x}' for x in names)} {' '.join(roles)}"
    return f"{listed(names)} {verb} {_roles(roles)}{now}." + (f" Undo: {typed(back)}." if undo else "")


def _roles(roles: Sequence[str]) -> str:
    return f"the {'role' if len(roles) == 1 else 'roles'} {listed(code(x, 30) for x in roles)}"


def roles_given(roles: Sequence[str], by: str) -> Message:
    """To somebody who got roles."""
    return Message(
        f"{by} gave you {_roles(roles)}. {typed('queue')} shows what waits for you, {typed('help')} what you can do."
    )


def roles_taken(roles: Sequence[str], by: str) -> Message:
    """To somebody who lost roles."""
    return Message(f"{by} took {_roles(roles)} from you. {typed('people')} shows who holds what.")


def freed(gone: Sequence[tuple[str, str, Sequence[Ticket]]]) -> str:
    """Parts of tickets that nobody has any more: by the name of whoever had it, the part, and the tickets."""
    lines = []
    for name, part, tickets in gone:
        few = [x.handle for x in tickets[:SHOWN]]
        more = [f"{len(tickets) - SHOWN} more"] if len(tickets) > SHOWN else []
        first, noun = tickets[0], "owner" if part == "owner" else f"{title_of(tickets[0], part)} reviewer"
        have = "has" if len(tickets) == 1 else "have"
        way = typed(f"assign {first.handle} {part} @USER")
        lines.append(
            f"{name} can't be {noun} any more, so {listed([*few, *more])} {have} none now. To name one: {way}."
        )
    return "\n".join(lines)


def default_owner_set(name: str) -> str:
    """New tickets go to somebody."""
    return f"New tickets go to {name} from now on. Those that are open stay with their owners."


def default_owner_lost(name: str, now: str) -> Message:
    """To an admin: the configuration took the role from whoever was made the default owner in chat."""
    to = (
        f"New tickets go to {now} again"
        if now
        else f"New tickets go to nobody now; name somebody: {typed('people default-owner @USER')}"
    )
    return Message(f"{name} does not hold the role {code('owner')} any more, and so is not the default owner. {to}.")


def you_get_new_tickets(by: str) -> Message:
    """To the new default owner."""
    return Message(
        f"{by} made you the default owner: new tickets come to you. {typed('help assign')} says how to hand one on."
    )


def deputy_set(name: str, deputy: str, gone: str = "") -> str:
    """Somebody stands in for somebody, or nobody does; `gone` is the deputy's own last day away."""
    if not deputy:
        return f"Nobody stands in for {name} any more."
    return f"{deputy} stands in for {name} whenever {name} is away.{_too(deputy, gone)} Undo: {typed(f'people no-deputy @{name}')}."


def you_stand_in(name: str, until: str) -> Message:
    """To a deputy; `until` is "" while that person is here."""
    if not until:
        return Message(
            f"You stand in for {name} from now on: whenever {name} is away, what you can take over comes to you."
        )
    return Message(
        f"{name} is away until {last_day(until)}, and you stand in: what you can take over comes to you. {typed('queue')} shows what waits."
    )


def _too(deputy: str, until: str) -> str:
    return f" But {deputy} is away until {last_day(until)}, too." if until else ""


def away(name: str, until: str, deputy: str, gone: str = "", *, mine: bool) -> str:
    """Somebody's absence was noted; `gone` is the deputy's own last day away."""
    are, line = ("You are", "back") if mine else (f"{name} is", f"people back @{name}")
    if deputy:
        stands = f"{deputy} stands in; after that day everything comes to {'you' if mine else name} again"
    else:
        again = f"away {until} @USER" if mine else f"people deputy @USER @{name}"
        stands = f"Nobody stands in; to name somebody: {typed(again)}"
    return (
        f"{are} away up to and including {last_day(until)}. {stands}.{_too(deputy, gone)} Back earlier: {typed(line)}."
    )


def back(name: str, *, mine: bool) -> str:
    """Somebody is here again."""
    return f"Welcome back. {typed('queue')} shows what waits for you." if mine else f"{name} is here again."


def noted_for_you(by: str, until: str) -> Message:
    """To somebody whose absence an admin noted; `until` is "" for its end."""
    if not until:
        return Message(f"{by} noted that you are back. {typed('queue')} shows what waits for you.")
    return Message(f"{by} noted that you are away until {last_day(until)}. If you are not: {typed('back')}.")


# Refusals


def needs(act: str) -> str:
    """Something is missing, or too much."""
    if not act:
        return f"What shall I do? {typed('people')} alone shows who does what; an admin types for example {typed(EXAMPLES['add'])}."
    return f"I need it like this: {typed(EXAMPLES[act])}."


def no_such_role(role: str, roles: Iterable[str], *, disabled: bool) -> str:
    """The role is not one of the policy's, or is switched off there."""
    why = "is switched off in the policy" if disabled else "is no role"
    return f"{code(role, 40)} {why}. The roles are {listed(roles)}."


def is_bot(name: str) -> str:
    """Bots do not judge."""
    return f"{name} is a bot: roles are for people."


def unknown() -> str:
    """A user id that the server did not explain."""
    return "I don't know that person on this server."


def holds_already(names: Sequence[str], roles: Sequence[str]) -> str:
    """Nothing to give."""
    return f"{listed(names)} {'holds' if len(names) == 1 else 'hold'} {listed(code(x, 30) for x in roles)} already."


def not_held(name: str, role: str) -> str:
    """Nothing to take."""
    return f"{name} does not hold the role {code(role, 30)}. {typed('people')} shows who holds what."


def configured(name: str, role: str) -> str:
    """A role of the configuration is taken away there."""
    return (
        f"{name} has the role {code(role, 30)} from the configuration, so it is taken away there: take the name out of "
        f"{code(role, 30)} under `[people]` in mmbot's `config.toml`, and restart mmbot."
    )


def last_admin() -> str:
    """Somebody has to be left."""
    return f"You are the last admin. Make somebody else one first: {typed('people add @USER admin')}."


def still_default_owner(name: str) -> str:
    """The default owner must be able to own tickets."""
    return f"{name} is the default owner, to whom new tickets go. Name somebody else first: {typed('people default-owner @USER')}."


def must_own(name: str, owners: Sequence[str]) -> str:
    """Only who may own tickets can be given all of them."""
    could = f"{listed([*owners][:5], 'or')} could. " if owners else ""
    return f"{name} does not hold the role `owner`. {could}To give it: {typed(f'people add @{name} owner')}."


def nothing_changes(name: str) -> str:
    """The default owner is that person already."""
    return f"New tickets go to {name} already."


def deputy_unfit(name: str, deputy: str) -> str:
    """A deputy who could take nothing over."""
    return (
        f"{deputy} holds no role that {name} holds, so nothing could go there. {typed('people')} shows who holds what."
    )


def own_deputy() -> str:
    """Nobody stands in for themselves."""
    return "Somebody else has to stand in."


def no_deputy(name: str) -> str:
    """There is none to take away."""
    return f"Nobody stands in for {name}."


def day_passed(until: str) -> str:
    """The last day away is over."""
    return f"{last_day(until)} is over already. Name the last day away, such as {typed('away 2026-12-01')}."


def too_long() -> str:
    """An absence of more than a year."""
    return f"That is more than a year ahead. An admin can take somebody's roles meanwhile: {typed('people remove @USER ROLE')}."


def not_away(name: str, *, mine: bool) -> str:
    """There is no absence to end."""
    return f"{'You are' if mine else f'{name} is'} not away, as far as I know."
