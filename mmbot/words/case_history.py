"""What happened to a case, a line for each fact, in UTC."""

from collections.abc import Sequence

from mmbot.domain import case_facts as c
from mmbot.domain.case import Case
from mmbot.words.case_card import Who, called, moment, removal
from mmbot.words.phrases import code, ended, minute, plain, typed


def log(case: Case, lines: Sequence[str], page: int, count: int, at_most: int) -> str:
    """What happened to a case."""
    first = (page - 1) * at_most
    more = f"\nMore: {typed(f'case {case.handle} --log --page {page + 1}')}." if count > first + len(lines) else ""
    shown = "\n".join(f"- {line}" for line in lines)
    return f"What happened to {called(case)} ({first + 1} to {first + len(lines)} of {count}), in UTC:\n{shown}{more}"


def happened(fact: c.CaseFact, who: Who) -> str:
    """One fact as a line of the history."""
    name = who(fact.by) if fact.by else "mmbot"
    return f"{minute(fact.at)}, {name}: {_did(fact, who)}"


def _did(fact: c.CaseFact, who: Who) -> str:  # noqa: C901, PLR0911, PLR0912 -- one sentence per kind of fact
    match fact:
        case c.Reported():
            return "reported it."
        case c.Filed():
            return f"filed it as {'a bug' if fact.what == 'bug' else fact.severity}."
        case c.Declined():
            return f"declined it: {ended(plain(fact.why, 600))}"
        case c.SeverityChanged():
            return f"made it {fact.severity}: {ended(plain(fact.why, 600))}"
        case c.Acknowledged():
            return "acknowledged it."
        case c.ContactTold():
            return f"wrote to the contact{f': {plain(fact.note, 300)}' if fact.note else ''}."
        case c.FixSubmitted():
            return f"named a fix: {f'MB-{fact.ticket}' if fact.ticket else code(fact.link, 300)}."
        case c.SaidFixed():
            return f"says that it is fixed{f': {plain(fact.note, 600)}' if fact.note else ''}."
        case c.SaidNotFixed():
            return f"says that it is not fixed: {ended(plain(fact.why, 600))}"
        case c.Extended():
            return f"gave time until {moment(fact.until)}: {ended(plain(fact.why, 600))}"
        case c.RemovalAsked():
            return f"asked to take {removal(fact.removal, fact.version)} down at once: {ended(plain(fact.why, 600))}"
        case c.TakenDown():
            asked = f", which {who(fact.asked_by)} had asked for" if fact.asked_by else ""
            return f"decided to take {removal(fact.removal, fact.version)} down{asked}."
        case c.Removed():
            return f"said that the listing shows it{f': {plain(fact.link, 300)}' if fact.link else ''}."
        case c.CaseClosed():
            return f"closed it: {ended(plain(fact.why, 600))}"
        case c.CaseReopened():
            return f"let it go on: {ended(plain(fact.why, 600))}"
        case c.Noticed():
            return f"told {_whom(fact.to, who)}{_mark(fact.mark)}."
        case c.NotDelivered():
            return f"could not reach {_whom(fact.to, who)}."


def _mark(mark: str) -> str:
    """What the clock said at one of its marks."""
    left = f": {mark} {'day' if mark == '1' else 'days'} left"
    said = {
        "filed": " that it is filed", "end": ": the time has ended", "again": ": the time had ended", "triage": ": a report waits",
        "removal": ": the listing does not show it",
    }  # fmt: skip
    return said.get(mark, left if mark[:1].isdecimal() else f" ({mark})")


def _whom(to: str, who: Who) -> str:
    return {"team": "the channel", "fix": "the channel of the listed fix"}.get(to) or who(to)
