"""What must hold of everything that a clock said, reckoned anew from the facts."""

import re
from collections import defaultdict
from collections.abc import Iterator
from itertools import pairwise

from mmbot.domain import case_facts as c
from mmbot.domain import takedown
from mmbot.domain.book import DEFAULT_OWNER
from mmbot.domain.case import Case, followed_case
from mmbot.domain.case_file import CaseFile, sight
from mmbot.domain.deadlines import DAY
from mmbot.domain.rights import Actor
from mmbot.store import cases
from simulate import mornings
from simulate.town import Heard, Town

MINUTE = 60_000
REPORT = "**Tickets on "
CASE = re.compile(r"\b(?:SEC|BUG)-\d+")


class Eye:
    """Looks at what was said, while the facts are as they were."""

    def __init__(self, town: Town) -> None:
        self.town, self.wrong = town, list[str]()
        self._read = 0
        self._last: dict[str, str] = {}
        self._almanac = mornings.Almanac(town)

    def look(self) -> None:
        """Look at what is new."""
        heard, self._read = self.town.ear.heard[self._read :], len(self.town.ear.heard)
        for one in heard:
            if "SEC-" in one.text and one.to.startswith("~") and one.to != "~security":
                self.wrong.append(f"a confidential case in public: {one}")
            if one.by_clock:
                self.town.examined["said by a clock"] += 1
                self.wrong += [f"{what}: {one}" for what in self._wrong(one)]

    def _wrong(self, one: Heard) -> Iterator[str]:
        handles = [] if one.text.startswith(REPORT) else CASE.findall(one.text)
        if not self._in_hours(one, handles):
            yield "in the night or on a day off"
        if self._last.get(one.to) == one.text:
            yield "the same text twice in a row"
        self._last[one.to] = one.text
        if not one.to.startswith("~"):
            if mornings.GREETS.match(one.text):
                yield from mornings.not_theirs(self._almanac, one)
            for handle in handles:
                if not self._may_know(one.to, handle):
                    yield "a case told to somebody who may not know it"

    def _in_hours(self, one: Heard, handles: list[str]) -> bool:
        name = "" if one.to.startswith("~") else one.to
        just_up = handles and any(
            x[1] <= one.at <= x[1] + MINUTE for x in self.town.downs
        )  # what was missed just now is told
        return (
            self._almanac.open(one.at, name)
            or (just_up and self._almanac.open(one.at - takedown.PUNCTUAL, name))
            or any(self._last_day(x, one.at) for x in handles)
        )

    def _last_day(self, handle: str, at: int) -> bool:
        """Whether it was the last day of a case's clock at that moment: facts may have come since, so those are left out."""
        state = None
        for state in states(self.town, handle):
            if state.changed_at > at:
                break
            end = takedown.ends(state)
            if end and (end - DAY <= at <= end + MINUTE or _missed_it(self.town, end, at)):
                return True
        return False

    def _may_know(self, name: str, handle: str) -> bool:
        case = cases.case(self.town.store, handle)
        if case is None:
            return False
        file: CaseFile = cases.file_of(self.town.store, case, self.town.now)
        return sight(Actor(f"id-{name}", self.town.store.roles_of(f"id-{name}")), file) in {"all", "removal"}


def states(town: Town, handle: str) -> Iterator[Case]:
    """A case after each of its facts."""
    case = Case(handle, town.policy)
    for fact in cases.facts(town.store, handle):
        case = followed_case(case, fact)
        yield case


def afterwards(town: Town) -> list[str]:
    """What shows only at the end: deadlines that were missed, and what was told twice."""
    said: dict[str, list[Heard]] = defaultdict(list)
    for one in town.ear.heard:
        if one.to.startswith("~"):
            for handle in CASE.findall(one.text):
                said[handle].append(one)
    wrong = []
    for row in town.store.query("SELECT handle FROM case_file"):
        handle = str(row["handle"])
        wrong += [f"a deadline missed: {x}" for x in _missed(town, handle, said[handle])]
        wrong += [f"noticed twice: {x}" for x in _twice(town, handle)]
    almanac = mornings.Almanac(town)
    return [*wrong, *mornings.one_a_day(almanac), *mornings.not_told(almanac)]


def _missed_it(town: Town, end: int, at: int) -> bool:
    """Whether the bot was not running at the end of a clock, and has just been started."""
    return any(down <= end <= up <= at <= up + MINUTE for down, up in town.downs)


def _missed(town: Town, handle: str, said: list[Heard]) -> Iterator[str]:
    """Ends of a clock that came while it ran, without the team being asked within a minute."""
    steps = list(states(town, handle))
    for state, following in pairwise([*steps, None]):
        if state is None or takedown.clock(state) != "fix":
            continue
        end, until = takedown.ends(state), following.changed_at if following else town.now
        if state.changed_at <= end <= until and end + MINUTE < town.now and state.set_at < end:
            town.examined["ends of a clock"] += 1
            up = next((up for down, up in town.downs if down <= end <= up), end)
            asked = [x for x in said if x.by_clock and end <= x.at <= up + MINUTE]
            if not asked and up < town.now and (following is None or following.changed_at > up + MINUTE):
                yield f"{handle} at {end}"


def _twice(town: Town, handle: str) -> Iterator[str]:
    """Marks that were told somebody twice for the same end of the clock."""
    seen = set[tuple[str, str, int]]()
    case = Case(handle, town.policy)
    for fact in cases.facts(town.store, handle):
        case = followed_case(case, fact)
        if isinstance(fact, c.Noticed) and fact.mark not in {"again", "triage", "removal", "filed"}:
            key = (fact.mark, fact.to, case.set_at)
            if key in seen:
                yield f"{handle} {key}"
            seen.add(key)
            town.examined["notices of a case"] += 1


def guides(town: Town) -> set[str]:
    """Who may be told of anybody's lateness."""
    return set(town.store.members("owner")) | set(town.store.members(DEFAULT_OWNER))
