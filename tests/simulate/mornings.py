"""Mornings, reckoned a second time: whose turn it is, what is late since when, who stands above, and by when each has to hear of it."""

import re
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta, tzinfo
from itertools import pairwise
from zoneinfo import ZoneInfo

from mmbot.domain.book import DEFAULT_OWNER, AwaySaid
from mmbot.domain.deadlines import DAY
from mmbot.domain.rights import submits
from mmbot.domain.ticket import Ticket, followed
from mmbot.domain.turns import waiting
from mmbot.store import book
from simulate.town import Heard, Town

MINUTE = 60_000
FRIDAY = 5
LINE = re.compile(r"^- \*\*MB-(\d+)", re.MULTILINE)
GREETS = re.compile(r"(?:Good morning|Hello)\. ")
MORE, MORE_LATE = re.compile(r"… \d+ more"), re.compile(r"… and more")
QUIET = "Quiet otherwise"


@dataclass(frozen=True)
class Wait:
    """A party that a ticket waits for, for one reason; `alone` is since when nobody else is waited for, too, 0 while others are."""

    party: str
    why: str
    since: int
    alone: int


@dataclass(frozen=True)
class Scene:
    """A ticket from one fact to the next."""

    at: int
    until: int
    ticket: Ticket
    waits: tuple[Wait, ...]


class Almanac:
    """What can be known of tickets, people and days, from facts alone."""

    def __init__(self, town: Town) -> None:
        self.town = town
        self._scenes: dict[int, tuple[int, list[Scene]]] = {}

    # Tickets

    def scenes(self, number: int) -> list[Scene]:
        """A ticket's life, the last scene without an end."""
        (known,) = self.town.store.query("SELECT count(*) AS n FROM fact WHERE ticket = ?", number)
        if number not in self._scenes or self._scenes[number][0] != known["n"]:
            self._scenes[number] = known["n"], list(self._replayed(number))
        return self._scenes[number][1]

    def _replayed(self, number: int) -> Iterator[Scene]:
        ticket, before = Ticket(number, self.town.policy), dict[str, Wait]()
        facts = self.town.store.facts(number)
        for fact, following in pairwise([*facts, None]):
            assert fact is not None
            ticket, now = followed(ticket, fact), dict[str, Wait]()
            turns = waiting(ticket)
            for turn in turns:
                why, old = f"{turn.why}:{turn.step}", before.get(turn.party)
                same = old if old and old.why == why else None
                alone = (same.alone if same and same.alone else fact.at) if len(turns) == 1 else 0
                now[turn.party] = Wait(turn.party, why, same.since if same else fact.at, alone)
            before = now
            yield Scene(fact.at, following.at if following else 2**62, ticket, tuple(now.values()))

    def at(self, number: int, moment: int) -> Scene | None:
        """A ticket as it was at a moment."""
        return next((x for x in reversed(self.scenes(number)) if x.at <= moment), None)

    # Days

    def works(self, day: date) -> bool:
        """Whether a day is a working day."""
        return day.isoweekday() <= FRIDAY and day not in self.town.policy.days.holidays

    def walk(self, at: int, days: float) -> int:
        """So many working days on, day by day."""
        left = round(days)
        while left:
            at += DAY
            left -= self.works(datetime.fromtimestamp(at / 1000, UTC).date())
        return at

    def open(self, at: int, name: str) -> bool:
        """Whether somebody, or with "" a channel, is at work at a moment."""
        there, hours = datetime.fromtimestamp(at / 1000, self.zone(name, at)), self.town.policy.hours
        return self.works(there.date()) and time(hours.begin) <= there.time() <= time(hours.end)

    def morning_after(self, at: int, name: str) -> int:
        """Somebody's next morning after a moment, on which the bot is running."""
        zone = self.zone(name, at)
        day = datetime.fromtimestamp(at / 1000, zone).date()
        while True:
            begin = round(datetime.combine(day, time(self.town.policy.hours.begin), zone).timestamp() * 1000)
            if self.works(day) and begin > at:
                down = next((x for x in self.town.downs if x[0] <= begin < x[1]), None)
                return self.morning_after(down[1], name) if down else begin
            day += timedelta(days=1)

    def zone(self, name: str, at: int) -> tzinfo:
        """A person's zone, as the bot knew it at a moment."""
        known = [zone for since, zone in self.town.zones.get(name, []) if since <= at]
        return ZoneInfo(known[-1]) if known and known[-1] else UTC

    def moved(self, name: str, since: int, until: int) -> bool:
        """Whether a person's zone changed in between."""
        return any(since <= at <= until for at, _ in self.town.zones.get(name, [])[1:])

    # People

    def members(self, role: str) -> list[str]:
        """Who holds a role."""
        return self.town.store.members(role)

    def due(self, scene: Scene, wait: Wait) -> int:
        """By when a party should act; 0 where nothing says so."""
        days, ticket = self.town.policy.days, scene.ticket
        if wait.party == "mmbot":
            return 0
        if wait.party == "submitter":
            return wait.alone + round(days.submitter * DAY) if wait.alone else 0
        many = self.town.policy.roles[wait.party].days if wait.party in self.town.policy.roles else days.owner
        due = self.walk(wait.since, many)
        return min(due, self.walk(max(wait.since, ticket.urgent_at), days.urgent)) if ticket.urgent_at else due

    def own(self, scene: Scene, wait: Wait) -> list[str]:
        """Whose turn it is: one person, or all who could take it."""
        ticket = scene.ticket
        if wait.party == "submitter":
            return [ticket.submitter]
        if wait.party == "owner":
            return [ticket.owner] if ticket.owner else self._guides(ticket)
        if wait.party == "mmbot":
            return []
        named = ticket.review(wait.party).reviewer if wait.party != "release" else ""
        return [named] if named else [x for x in self.members(wait.party) if not submits(ticket, x)]

    def _guides(self, ticket: Ticket) -> list[str]:
        first = self.members(DEFAULT_OWNER)
        groups = (first, self.members("owner"), self.members("admin"))
        return next((fit for x in groups if (fit := [y for y in x if not submits(ticket, y)])), [])

    def above(self, scene: Scene, wait: Wait) -> list[list[str]]:
        """Who hears that a party is late, rung by rung."""
        nobody = wait.party in self.town.policy.roles and not scene.ticket.review(wait.party).reviewer
        first = [] if nobody or wait.party == "submitter" else self.own(scene, wait)
        guide = [scene.ticket.owner] if scene.ticket.owner else self._guides(scene.ticket)
        rungs, known = list[list[str]](), set[str]()
        for people in (first, guide, self.members(DEFAULT_OWNER)):
            if fresh := [x for x in people if x not in known and not submits(scene.ticket, x)]:
                rungs.append(fresh)
                known |= {*fresh}
        return rungs

    def hears(self, scene: Scene, wait: Wait, at: int) -> set[str]:
        """Everybody whose business it is at a moment that a ticket waits for a party."""
        people, due = set(self.own(scene, wait)), self.due(scene, wait)
        for height, rung in enumerate(self.above(scene, wait)):
            if due and self.walk(due, height * self.town.policy.remind.ladder) <= at:
                people |= {*rung}
        return people

    def away(self, person: str, since: int, until: int) -> bool:
        """Whether somebody was away at any time between two moments."""
        said = [x for x in book.last(self.town.store, 10**6) if isinstance(x, AwaySaid) and x.person == person]
        return any(x.at <= until and x.until > since for x in said)

    def quiet(self, person: str, number: int, since: int, until: int) -> bool:
        """Whether somebody wanted to be left alone by a ticket at any time between two moments."""
        rows = self.town.store.query("SELECT at, until FROM quiet WHERE person = ? AND ticket = ?", person, number)
        return any(x["at"] <= until and x["until"] > since for x in rows)


def not_theirs(almanac: Almanac, one: Heard) -> Iterator[str]:
    """The tickets in a morning that neither wait for its reader, nor are late so far up, nor for somebody whom they stand in for."""
    reader, absent = (
        f"id-{one.to}",
        almanac.town.store.query("SELECT person, deputy FROM absence WHERE until > ?", one.at),
    )
    for number in map(int, LINE.findall(one.text)):
        almanac.town.examined["lines of mornings"] += 1
        scene = almanac.at(number, one.at)
        heard = [(wait, almanac.hears(scene, wait, one.at)) for wait in scene.waits] if scene else []
        if any(reader in people for _, people in heard):
            continue
        stands_in = any(
            x["person"] in people and (x["deputy"] == reader or reader in almanac.members(wait.party))
            for wait, people in heard
            for x in absent
        )
        if not stands_in:
            yield f"a ticket that is not theirs, MB-{number}"


def one_a_day(almanac: Almanac) -> Iterator[str]:
    """Second mornings on a person's day."""
    last: dict[str, int] = {}
    for one in almanac.town.ear.heard:
        if not (one.by_clock and GREETS.match(one.text) and not one.to.startswith("~")):
            continue
        almanac.town.examined["mornings"] += 1
        before = last.get(one.to)
        days = [datetime.fromtimestamp(x / 1000, almanac.zone(one.to, x)).date() for x in (before, one.at) if x]
        if before and days[0] == days[1] and not almanac.moved(one.to, before, one.at):
            yield f"a second morning on one day: {one}"
        last[one.to] = one.at


def not_told(almanac: Almanac) -> Iterator[str]:
    """Latenesses of which somebody should have heard by their next morning, and did not."""
    heard: dict[str, list[Heard]] = {}
    for one in almanac.town.ear.heard:
        if one.by_clock:
            heard.setdefault(one.to, []).append(one)
    for number in range(1, almanac.town.store.next_number()):
        for scene in almanac.scenes(number):
            for wait in scene.waits:
                for moment, person in _moments(almanac, scene, wait):
                    if scene.at <= moment < scene.until:
                        yield from _unheard(almanac, scene, wait, moment, person, heard)


def _moments(almanac: Almanac, scene: Scene, wait: Wait) -> Iterator[tuple[int, str]]:
    """When each person is to hear of a wait for the first time."""
    if wait.party == "submitter" and wait.alone:
        for days in almanac.town.policy.remind.submitter:
            yield wait.alone + round(days * DAY), scene.ticket.submitter
    due = almanac.due(scene, wait)
    for height, rung in enumerate(almanac.above(scene, wait) if due else ()):
        for person in rung:
            yield almanac.walk(due, height * almanac.town.policy.remind.ladder), person


def _unheard(
    almanac: Almanac, scene: Scene, wait: Wait, moment: int, person: str, heard: Mapping[str, Sequence[Heard]]
) -> Iterator[str]:
    town, number, name = almanac.town, scene.ticket.number, person.removeprefix("id-")
    by = almanac.morning_after(moment, name)
    later = almanac.at(number, by)
    still = later and next(
        (x for x in later.waits if (x.party, x.why, x.since) == (wait.party, wait.why, wait.since)), None
    )
    if by > town.now or not later or not still or (wait.party == "submitter" and still.alone != wait.alone):
        return
    if person not in almanac.hears(later, still, by) or almanac.due(later, still) != almanac.due(scene, wait):
        return
    excused = (
        almanac.away(person, moment, by) or almanac.quiet(person, number, moment, by) or almanac.moved(name, moment, by)
    )
    town.examined["latenesses excused" if excused else "latenesses"] += 1
    nudged = wait.party == "submitter" and person == scene.ticket.submitter
    said = [
        x.text.partition(QUIET)[0]
        for x in heard.get(name, ())
        if moment <= x.at <= by + MINUTE and bool(GREETS.match(x.text)) is not nudged
    ]
    more = MORE if person in almanac.own(later, still) else MORE_LATE
    if not excused and not any(re.search(rf"\bMB-{number}\b", x) or more.search(x) for x in said):
        since, until = (f"{datetime.fromtimestamp(x / 1000, UTC):%a %d %b %H:%M}" for x in (moment, by))
        yield f"a lateness not told: {name} of MB-{number}, {wait.party} ({wait.why}), since {since}, by {until}"


def most_a_day(almanac: Almanac) -> Counter[int]:
    """How many direct messages of a clock people had on a day of theirs: the number of such days by the number of messages."""
    days = Counter(
        (x.to, datetime.fromtimestamp(x.at / 1000, almanac.zone(x.to, x.at)).date())
        for x in almanac.town.ear.heard
        if x.by_clock and not x.to.startswith("~")
    )
    return Counter(days.values())
