"""When somebody wants to be reminded: the ways to say it, and the moment that each of them means for whoever is reminded."""

import re
from datetime import date, datetime, time, timedelta

from mmbot.domain.deadlines import Office

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
LONGEST = timedelta(days=366)
_DAYS = {"day": 1, "week": 7, "month": 30}
_PHRASE = re.compile(
    rf"(?<!\S)(?:in (?P<many>an?|one|\d{{1,4}}) (?P<unit>hour|day|week|month)s?|(?P<word>today|tomorrow)"
    rf"|(?:on )?(?P<date>\d{{4}}-\d{{2}}-\d{{2}})|(?:on |next )(?P<day>{'|'.join(WEEKDAYS)}))(?=[\s,.]|$)",
    re.IGNORECASE,
)
_BEFORE = re.compile(r"(?:@\S+|me|about|(?:mb-?|#)\d+|\s)*", re.IGNORECASE)
"""What may stand before the words that say when, if they are not the last ones: whom and what it is about."""


class BadWhen(Exception):  # noqa: N818 -- a reason, not a fault
    """A moment that cannot be meant: `why` is "unread", "past" or "far"."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def cut(line: str) -> tuple[str, str]:
    """A line without the words that say when, and these words; "" where there are none.

    They stand before the text or behind it: a day in the middle of the text belongs to the text.
    """
    for found in _PHRASE.finditer(line):
        before, after = line[: found.start()].rstrip(), line[found.end() :].lstrip(" ,.")
        if _BEFORE.fullmatch(before) or not after:
            return f"{before} {after}".strip(), found.group()
    return line, ""


def is_when(words: str) -> bool:
    """Whether words say when, and nothing else."""
    return bool(_PHRASE.fullmatch(words))


def moment(words: str, now: int, office: Office) -> int:
    """The moment that words mean, in somebody's working hours: "in 3 days" at the same time of day, a day its morning; "" is now.

    Raises BadWhen.
    """
    if not words:
        return office.not_before(now)
    found = _PHRASE.fullmatch(words)
    if not found:
        raise BadWhen("unread")
    today = datetime.fromtimestamp(now / 1000, office.zone)
    if found["unit"]:
        many = int(found["many"]) if found["many"].isdigit() else 1
        if found["unit"].lower() == "hour":
            return _within(now + many * 3_600_000, now, office)
        days = timedelta(days=many * _DAYS[found["unit"].lower()])
        if days > LONGEST:
            raise BadWhen("far")
        return _within(round((today + days).timestamp() * 1000), now, office)
    try:
        day = _day(found, today.date())
    except ValueError:
        raise BadWhen("unread") from None
    if day < today.date():
        raise BadWhen("past")
    if day == today.date():
        return office.not_before(now)
    begin = datetime.combine(day, time(), office.zone)
    return _within(round(begin.timestamp() * 1000), now, office)


def morning_in(days: int, now: int, office: Office) -> int:
    """The morning of somebody's day so many days ahead, or of the next working day after it."""
    day = datetime.fromtimestamp(now / 1000, office.zone).date() + timedelta(days=days)
    return office.not_before(round(datetime.combine(day, time(), office.zone).timestamp() * 1000))


def _day(found: re.Match[str], today: date) -> date:
    if found["date"]:
        return date.fromisoformat(found["date"])
    if found["day"]:
        ahead = (WEEKDAYS.index(found["day"].lower()) - today.weekday() - 1) % 7 + 1
        return today + timedelta(days=ahead)
    return today + timedelta(days=int(found["word"].lower() == "tomorrow"))


def _within(at: int, now: int, office: Office) -> int:
    if at - now > LONGEST / timedelta(milliseconds=1):
        raise BadWhen("far")
    return office.not_before(at)
