"""What a handler sees of the world: one transaction, the moment, who asks, and the effects it may leave behind."""

import json
import re
import sys
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from mmbot.domain.book import Absence, BookFact, present, stand_in
from mmbot.domain.facts import AnyFact, Assigned
from mmbot.domain.references import BadReference, Reference, parse_reference
from mmbot.domain.rights import STAFF, Actor, Who, allowed, submits
from mmbot.domain.ticket import Ticket
from mmbot.domain.turns import Turn
from mmbot.events import Event
from mmbot.messages import Message, Refused
from mmbot.policy import Policy
from mmbot.store import book, cases, due, outbox, reminders
from mmbot.store.database import Store
from mmbot.words import people as words
from mmbot.words import replies

_ADDRESS = re.compile(r"http(s?)://([^\s/?#]+)\S*")
MARKET = "market"
"""Stands for the marketplace channel until a row is sent."""
SECURITY = "security"
"""Stands for the security team's private channel until a row is sent."""


@dataclass(frozen=True)
class Cutting:
    """What the configuration says of cutting and listing: `web` is where the organisation is found, `source` where bundles come from.

    `lacks` names the keys without which nothing can be cut; `listing` is how the listing is changed, "" where it can't be.
    """

    organisation: str = ""
    web: str = "https://github.com"
    own: frozenset[str] = frozenset()
    source: Literal["", "github", "build"] = ""
    at_once: int = 2
    public_url: str = ""
    lacks: tuple[str, ...] = ("release.organisation",)
    listing: Literal["", "file", "pull-request", "patch"] = ""


@dataclass(frozen=True)
class Settings:
    """What the configuration says that sentences and rules need: where vulnerabilities are reported, hosts read without TLS.

    `security_channel` is the id of the security team's private channel, "" for none: then nothing can be kept there.
    """

    security_contact: str = "the security team"
    plain_http: frozenset[str] = frozenset()
    security_channel: str = ""
    cutting: Cutting = Cutting()


@dataclass(frozen=True)
class Tx:
    """One event's view of the store. `now` decides acts, `at` dates facts; both in milliseconds UTC."""

    store: Store
    event: Event
    now: int
    settings: Settings

    @property
    def policy(self) -> Policy:
        """The policy in force."""
        return self.store.policy

    @property
    def by(self) -> str:
        """The user id of who asks; "" for mmbot itself."""
        return self.event.by

    @property
    def at(self) -> int:
        """When it happened."""
        return self.event.at

    @property
    def via(self) -> str:
        """Where it came from, for the record."""
        where = self.event.where
        return f"{where.via}:{where.channel}" if where.channel else where.via

    @cached_property
    def actor(self) -> Actor:
        """Who asks, with their roles."""
        return Actor(self.by, self.store.roles_of(self.by))

    def who(self, user: str) -> str:
        """A person's user name, without the @."""
        return self.store.who(user)

    def zone(self, user: str) -> str:
        """A person's time zone by its IANA name, "" when unknown."""
        person = self.store.person(user)
        return person.zone if person else ""

    def ticket(self, number: int) -> Ticket:
        """A ticket by its number; refuses where there is none."""
        found = self.store.ticket(number)
        if found is None:
            raise Refused(replies.no_such_ticket(number), "ticket")
        return found

    def require(self, who: Who, ticket: Ticket | None = None, role: str = "") -> None:
        """Refuse unless the asker has this right; the refusal names who has it."""
        if allowed(who, self.actor, ticket, role):
            return
        own = bool(who == "role" and role in self.actor.roles and ticket)
        what = {
            "role": f"{self.policy.roles[role].title if role in self.policy.roles else role} reviewers",
            "owner": "owners",
            "owner-or-submitter": "its owner or submitter",
            "owner-or-reviewer": "its owner and reviewers",
            "concerned": "owners, reviewers and its submitter",
            "admin": "admins",
        }.get(who, "owners and reviewers")
        raise Refused(replies.not_allowed(ticket, self._who_may(who, ticket, role), what, own=own))

    def _who_may(self, who: Who, ticket: Ticket | None, role: str) -> list[str]:
        if who == "role":
            return [self.who(x) for x in self.store.members(role) if not (ticket and submits(ticket, x))]
        if who == "admin":
            return [self.who(x) for x in self.store.members("admin")]
        ids = [ticket.owner] if ticket and ticket.owner else []
        if who == "owner-or-submitter" and ticket:
            ids.append(ticket.submitter)
        for held in ("owner", "admin") if who.startswith("owner") else STAFF:
            ids += self.store.members(held)
        return [self.who(x) for x in dict.fromkeys(ids)]

    def role_for(self, ticket: Ticket, asked: str, word: str, among: Sequence[str] = (), rest: str = "") -> str:
        """The role in which the asker acts on a ticket: the one named, else the only one they hold of its track, or `among` these."""
        if asked:
            return asked
        mine = sorted(self.actor.roles & set(among or ticket.roles))
        if not mine:
            raise Refused(
                replies.no_role_among([self.policy.roles[x].title for x in among]) if among else replies.no_role()
            )
        if len(mine) > 1:
            raise Refused(replies.which_role(ticket, mine, word, rest), "role")
        return mine[0]

    def reference(self, text: str, repository: str = "") -> Reference:
        """What a person named as the thing to review; refuses with the way forward where it cannot be read."""
        try:
            return parse_reference(text, repository=repository, plain_http_hosts=self.settings.plain_http)
        except BadReference as bad:
            raise Refused(str(bad), "link") from bad

    def turns(self, ticket: Ticket) -> Mapping[str, Turn]:
        """Whom a saved ticket waits for."""
        return self.store.turns(ticket.number)

    def new_ticket(self, *facts: AnyFact) -> Ticket:
        """A new ticket under the next number, not yet saved."""
        return Ticket(self.store.next_number(), self.policy).plus(*facts)

    def save(self, ticket: Ticket) -> Ticket:
        """Store what is new of a ticket, have its card show it, and those told some morning whose turn it has become."""
        before = self.store.turns(ticket.number)
        stored = self.store.save(ticket, self.event.id)
        reminders.turned(self.store, stored, before, self.store.turns(ticket.number), self.now)
        if any(
            isinstance(x, Assigned) and not x.person for x in ticket.news
        ):  # what is late with nobody is the owner's to hear
            due.sooner(self.store, f"ticket:{ticket.number}", self.now)
        self.show(f"card:{ticket.number}")
        for handle in cases.touched_by(self.store, ticket.number):
            self.show_case(handle)
            due.sooner(self.store, cases.subject(handle), self.now)
        return stored

    def show_case(self, handle: str) -> None:
        """Have a case's card show the present, in the channel where it may be read."""
        self.show(cases.subject(handle), channel=MARKET if handle.startswith("BUG") else SECURITY)

    def show(self, subject: str, *, channel: str = MARKET, thread: str = "") -> None:
        """Have a subject's post show the present: `card:7`, `prompt:7:qa` in the card's thread, or another in a subject's thread.

        It stays in the channel, and in the thread, in which it was shown first.
        """
        kind, _, rest = subject.partition(":")
        if kind == "prompt":
            thread = f"card:{rest.split(':')[0]}"
        outbox.show(self.store, subject, outbox.channel_of(self.store, thread) or channel, thread, self.now)

    def say(self, message: Message, *, to: str = "", thread: str = "", channel: str = MARKET, about: str = "") -> None:
        """Post something once: to a person (a user id) by direct message, into a subject's thread wherever that is, or into a channel.

        `about` is the subject that has to know when it does not get through.
        """
        place = outbox.channel_of(self.store, thread) or channel
        where = {"person": to} if to else {"channel": place, "thread": thread}
        outbox.add(self.store, "say", self.now, body=outbox.dump_message(message), subject=about, **where)

    def thread(self, ticket: Ticket, role: str = "") -> str:
        """Where a browser finds a ticket's thread, at a role's checklist where it has one; "" where that is not known."""
        return outbox.thread_url(self.store, ticket.number, role)

    def address_in(self, text: str) -> str:
        """The first address in a text: over https, or from a host that is read without TLS; "" for none."""
        for found in _ADDRESS.finditer(text):
            if found.group(1) == "s" or found.group(2).lower() in self.settings.plain_http:
                return found.group()
        return ""

    def absence(self, person: str) -> Absence:
        """Somebody's deputy and last absence."""
        return book.absence(self.store, person)

    def is_away(self, person: str) -> bool:
        """Whether somebody is away now."""
        return bool(person) and self.absence(person).at(self.now)

    def present(self, people: Iterable[str]) -> list[str]:
        """Those of some people who are not away; all of them where nobody is left."""
        return present(people, self.absence, self.now)

    def stand_in(self, person: str, part: str) -> str:
        """Whoever has a person's part ("owner", or a role's review) now: while that person is away a deputy who can have it."""
        return stand_in(person, part, self.absence, self.store.roles_of, self.now)

    def instead(self, person: str, part: str, ticket: Ticket | None = None) -> list[str]:
        """Who is told what is meant for whoever has a part: that person, or while away the deputy, else the others of the role."""
        if not self.is_away(person):
            return [person]
        deputy = self.stand_in(person, part)
        others = [deputy] if deputy != person else []
        if ticket and submits(ticket, deputy):
            others = []
        if not others and part != "owner":
            others = [
                x for x in self.store.members(part) if not self.is_away(x) and not (ticket and submits(ticket, x))
            ]
        return [x for x in others if x != self.by] or [person]

    def tell(
        self, message: Message, person: str, part: str, ticket: Ticket | None = None, *, among: Sequence[str] = ()
    ) -> None:
        """Tell somebody what concerns them in a part of a ticket ("owner", or a role's review); while away, whoever it goes to instead.

        Where several stand in, only those `among`, if any are named, are told.

        Words that are confidential to a role may only be told in that role: an owner's deputy need not know them.
        """
        for to in self.instead(person, part, ticket):
            if among and to not in among:
                continue
            said = message
            if to != person:
                until = self.absence(person).day
                said = words.for_absent(message, self.who(person), until, part, self.who(to), ticket)
            self.say(said, to=to)

    def tell_all(self, message: Message, people: Sequence[str], part: str, ticket: Ticket) -> None:
        """Tell the one who has a part, or all who could: of these, who is away is not asked unless nobody else is left."""
        if len(people) == 1:
            self.tell(message, people[0], part, ticket)
            return
        for person in self.present(people):
            self.say(message, to=person)

    def record(self, fact: BookFact, *, configured: bool = False) -> None:
        """Keep a fact of the book of people; `configured` where the configuration decides it."""
        book.record(self.store, fact, self.event.id, configured=configured)

    def notify(self, subject: str, *, minutes: float = 0) -> None:
        """Have a subject told after some minutes; to whom and in which words is found then, and nothing where nothing is left to say."""
        outbox.notice(self.store, subject, self.now + round(minutes * 60_000), self.now)

    def told(self, subject: str) -> int:
        """Up to which number a subject was told; everything, where telling was given up. What still waits to be told is told now."""
        outbox.tell_now(self.store, subject, self.now)
        return sys.maxsize if outbox.undeliverable(self.store, subject) else outbox.told(self.store, subject)

    def do(self, step: str, *, of: str = "", **arguments: object) -> None:
        """Have a slow or remote step done after the commit; its result comes back as an event. `of` is the subject it is dropped with."""
        outbox.add(self.store, "do", self.now, subject=step, thread=of, body=json.dumps(arguments))
