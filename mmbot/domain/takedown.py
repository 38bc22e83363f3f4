"""The clock of a case: when it ends, what is said before and after, and whose turn it is. Times are milliseconds UTC."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import count, takewhile
from typing import Literal

from mmbot.domain.case import Case
from mmbot.domain.case_facts import Noticed
from mmbot.domain.deadlines import DAY, Office, plus_days, plus_working_days
from mmbot.domain.ticket import Ticket
from mmbot.domain.turns import waiting

Clock = Literal["none", "triage", "fix", "removal"]
"""What runs: none, until a report is answered, until it is fixed, or until the listing shows what was decided."""
FixState = Literal["none", "theirs", "ours", "listed"]
SHIFTED = 5 * DAY
"""Milliseconds by which a mark may be told before its moment, for days off and the hours of somebody's zone."""
PUNCTUAL = 3_600_000
"""Milliseconds by which what is told counts as told in time, though the hours are over by then."""


@dataclass(frozen=True)
class Mark:
    """A moment at which the clock speaks: `name` says how far it is ("7", "1", "end", "again", "triage", "removal").

    What comes `again` and again is said once a working day.
    """

    name: str
    at: int
    again: bool = False


def clock(case: Case) -> Clock:
    """Which clock of a case runs."""
    if case.stage in {"closed", "declined"}:
        return "none"
    if case.removing:
        return "removal"
    if case.stage == "reported":
        return "triage"
    return "fix" if case.stage == "open" and has_clock(case) else "none"


def has_clock(case: Case) -> bool:
    """Whether a case is bad enough for a clock."""
    return bool(case.filed) and (case.what == "bug" or case.severity in case.policy.takedown.clock)


def ends(case: Case) -> int:
    """When the time for a fix ends: from filing on, unless more was given, with some time left after each change; 0 for never."""
    if not case.filed or not has_clock(case):
        return 0
    rules = case.policy.takedown
    end = case.extended.until if case.extended else plus_days(case.filed.at, rules.days)
    return max(end, plus_days(case.changed, rules.grace)) if case.changed else end


def in_time(case: Case) -> bool:
    """Whether it was fixed before its time ended, or at that very moment."""
    return case.fixed is not None and (not ends(case) or case.fixed.at <= ends(case))


def decides(case: Case, now: int) -> bool:
    """Whether somebody has to decide now: the time has ended, and it is neither fixed nor taken down."""
    return clock(case) == "fix" and now >= ends(case)


def marks(case: Case, after: int) -> Iterator[Mark]:
    """When the clock speaks, in order, without regard to anybody's hours; of those that come again, from about `after` on."""
    rules, runs = case.policy.takedown, clock(case)
    if runs == "fix":
        end = ends(case)
        yield from (Mark(f"{days:g}", end - round(days * DAY)) for days in rules.left)
        yield Mark("end", end)
        yield from _again("again", end, rules.again, after)
    elif runs == "triage" and case.reported:
        due = triage_ends(case)
        yield Mark("triage", due)
        yield from _again("triage", due, rules.again, after)
    elif runs == "removal" and case.taken_down:
        yield from _again("removal", case.taken_down.at, rules.again, after)


def triage_ends(case: Case) -> int:
    """By when a report should be answered; 0 for what was filed at once."""
    days = case.policy.days
    return plus_working_days(case.reported.at, case.policy.takedown.triage, days.holidays) if case.reported else 0


def _again(name: str, since: int, days: float, after: int) -> Iterator[Mark]:
    step = max(1, round(days * DAY))
    first = max(1, (after - since) // step - 1)
    yield from (Mark(name, since + n * step, again=True) for n in count(first))


def spoken(case: Case, mark: Mark, office: Office) -> int | None:
    """When a mark is told somebody: in their hours, rather earlier than later; on the last day at the very moment; None for not at all."""
    if _at_once(case, mark):
        return mark.at
    return office.on_its_day(mark.at) if mark.again else office.not_after(mark.at)


def _at_once(case: Case, mark: Mark) -> bool:
    """Whether a mark is told without regard to anybody's hours: the end, and whatever lies within its last day."""
    return clock(case) == "fix" and ends(case) - DAY <= mark.at <= ends(case)


def outstanding(case: Case, to: str, office: Office, now: int) -> Mark | None:
    """The mark of which somebody is to be told now: the last one, where there are several.

    What was missed, because nobody looked, waits for their hours; not so the end.
    """
    if _end_is_news(case, to, now):
        return Mark("end", ends(case))
    mark, at = _last(case, to, office, now)
    if mark is None or _at_once(case, mark) or now <= at + PUNCTUAL or office.open(now):
        return mark
    return None


def _end_is_news(case: Case, to: str, now: int) -> bool:
    """Whether the time has ended and somebody was told of earlier marks only: nobody looked, or a new policy set the end."""
    told = _noticed(case, to, now)
    knows = told and told.mark in {"end", "again", "filed"} and told.at >= max(ends(case), case.set_at)
    return decides(case, now) and not knows


def next_told(case: Case, to: str, office: Office, now: int) -> int | None:
    """When somebody is told next, after now; None for never."""
    told = ((mark, spoken(case, mark, office)) for mark in marks(case, max(_told(case, to, now), now)))
    upcoming = next(
        (at for mark, at in told if at is not None and at > now and not _said(case, to, mark, at, now)), None
    )
    mark, _ = _last(case, to, office, now)
    if mark is None or outstanding(case, to, office, now):
        return upcoming
    waits = office.not_before(now)
    return min(waits, upcoming) if upcoming else waits


def _last(case: Case, to: str, office: Office, now: int) -> tuple[Mark | None, int]:
    """The last mark of which somebody was not told yet, and when that was due."""
    after = _told(case, to, now)
    last: tuple[Mark | None, int] = (None, 0)
    for mark in marks(case, after):
        at = spoken(case, mark, office)
        if (mark.at if at is None else at) > now:
            break
        if at is not None and not _said(case, to, mark, at, now):
            last = mark, at
    return last


def _said(case: Case, to: str, mark: Mark, at: int, now: int) -> bool:
    """Whether what is to be told somebody of a mark, at a moment, was told already, or so much as told by what was told late."""
    if at <= _told(case, to, now):
        return True
    told = _noticed(case, to, now)
    if told is None or told.at < case.set_at or _at_once(case, mark):
        return False
    if told.mark == mark.name and not mark.again and mark.at - told.at < SHIFTED:
        return True  # they were in another zone then
    firsts = takewhile(lambda x: not x.again, marks(case, told.at))
    regular = next((x.at for x in firsts if x.name == told.mark), told.at)
    late = mark.again or told.at > regular + PUNCTUAL
    return late and at <= told.at + round(case.policy.takedown.again * DAY / 2)


def _told(case: Case, to: str, now: int) -> int:
    told = _noticed(case, to, now)
    return max(case.set_at, told.at if told else 0)


def _noticed(case: Case, to: str, now: int) -> Noticed | None:
    """The last that somebody was told; what is dated hours after now a clock said that was wrong, and counts for nothing."""
    told = case.noticed.get(to)
    return told if told and told.at <= now + PUNCTUAL else None


def fix_state(fixes: Sequence[Ticket], case: Case) -> FixState:
    """Whose turn it is with the fix: nobody handed one in, its maintainers, we, or it is listed."""
    handed_in = [x for x in fixes if not x.ended]
    if any(x.public for x in handed_in):
        return "listed"
    if not handed_in:
        return "ours" if any(x.link for x in case.fixes) else "none"
    turns = waiting(handed_in[-1])
    return "theirs" if turns and all(x.party == "submitter" for x in turns) else "ours"
