"""A case: the facts recorded of one security issue or blocking bug, folded into what they add up to."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import Literal

from mmbot.domain import case_facts as c
from mmbot.policy import Policy, Severity

TEAM = "team"
"""Stands for the security team's channel among those who are told of a case."""
NOTHING = c.About(name="")
"""What a case is about before anybody said so."""
CaseStage = Literal["reported", "declined", "open", "fixed", "taken down", "closed"]


@dataclass(frozen=True)
class Case:
    """One case. Build it with `fold_case`; add to it with `plus`; `news` are the facts not yet stored. Times are milliseconds UTC."""

    handle: str
    policy: Policy = field(compare=False, repr=False)
    news: tuple[c.CaseFact, ...] = ()
    count: int = 0
    changed_at: int = 0
    what: c.CaseKind = "vulnerability"
    about: c.About = NOTHING
    text: str = ""
    reported: c.Reported | None = None
    filed: c.Filed | None = None
    declined: c.Declined | None = None
    severity: Severity = "low"
    changed: int = 0
    """When something about its clock changed that nobody could prepare for: the policy leaves some days from then on; 0 for never."""
    set_at: int = 0
    """When the present end of the clock was set: whatever should have been said before then is said with that."""
    extended: c.Extended | None = None
    acknowledged: Mapping[str, int] = field(default_factory=dict)
    contact_told: c.ContactTold | None = None
    fixes: tuple[c.FixSubmitted, ...] = ()
    fixed: c.SaidFixed | None = None
    asked: c.RemovalAsked | None = None
    taken_down: c.TakenDown | None = None
    removed: c.Removed | None = None
    buried: c.TakenDown | None = None
    """What may not be listed again unless the case is fixed, though its clock may run again for what is listed."""
    carried_out: c.TakenDown | None = None
    """The last takedown that the listing showed."""
    closed: c.CaseClosed | None = None
    noticed: Mapping[str, c.Noticed] = field(default_factory=dict)
    """The last that each was told."""
    undelivered: frozenset[str] = frozenset()

    @property
    def confidential(self) -> bool:
        """Whether what it says stays with those concerned."""
        return self.what == "vulnerability"

    @property
    def stage(self) -> CaseStage:
        """Where it stands, in a word or two."""
        if self.closed:
            return "closed"
        if self.fixed:
            return "fixed"
        if self.taken_down:
            return "taken down"
        if self.filed:
            return "open"
        return "declined" if self.declined else "reported"

    @property
    def over(self) -> bool:
        """Whether nothing is left to be done about it."""
        return self.stage in {"closed", "declined"} or (self.stage == "fixed" and not self.removing)

    @property
    def removing(self) -> bool:
        """Whether a takedown was decided that the listing does not show yet."""
        return bool(self.taken_down and not self.removed and not self.closed)

    def plus(self, *facts: c.CaseFact) -> "Case":
        """The case with further facts, which wait in `news` to be stored."""
        after = self
        for fact in facts:
            after = replace(followed_case(after, fact), news=(*after.news, fact))
        return after

    def stored(self) -> "Case":
        """The same case with its news stored."""
        return replace(self, news=())


def fold_case(handle: str, policy: Policy, facts: Iterable[c.CaseFact]) -> Case:
    """The case that stored facts add up to."""
    case = Case(handle, policy)
    for fact in facts:
        case = followed_case(case, fact)
    return case


def followed_case(case: Case, fact: c.CaseFact) -> Case:
    """The case after a stored fact: it does not wait in `news`."""
    return replace(_apply(case, fact), count=case.count + 1, changed_at=fact.at)


def _apply(case: Case, fact: c.CaseFact) -> Case:  # noqa: C901, PLR0911, PLR0912 -- one arm per kind of fact: the list is the model
    match fact:
        case c.Reported():
            return replace(case, reported=fact, what=fact.what, about=fact.about, text=fact.text)
        case c.Filed():
            text = fact.text or case.text
            return replace(
                case, filed=fact, declined=None, what=fact.what, about=fact.about, severity=fact.severity, text=text,
                set_at=fact.at,
            )  # fmt: skip
        case c.Declined():
            return replace(case, declined=fact)
        case c.SeverityChanged():
            return _anew(replace(case, severity=fact.severity), fact.at)
        case c.Acknowledged():
            return replace(case, acknowledged={fact.by: fact.at, **case.acknowledged})
        case c.ContactTold():
            return replace(case, contact_told=fact)
        case c.FixSubmitted():
            return replace(case, fixes=(*case.fixes, fact))
        case c.SaidFixed():
            return replace(case, fixed=fact, asked=None)
        case c.SaidNotFixed():
            after = replace(_up_again(case, back=fact.back), fixed=None, fixes=())
            return _anew(after, fact.at) if case.fixed else after  # a clock that ran on was never stopped
        case c.Extended():
            return replace(case, extended=fact, changed=0, set_at=fact.at, asked=None)
        case c.RemovalAsked():
            return replace(case, asked=fact)
        case c.TakenDown():
            return replace(case, taken_down=fact, removed=None, asked=None, buried=fact)
        case c.Removed():
            return replace(case, removed=fact, carried_out=case.taken_down)
        case c.CaseClosed():
            called_off = case.removing and not case.fixed
            return replace(case, closed=fact, asked=None, buried=case.carried_out if called_off else case.buried)
        case c.CaseReopened():
            after = _up_again(case, back=fact.back)
            again = _anew(replace(after, closed=None, fixed=None, declined=None), fact.at)
            return replace(again, buried=again.taken_down if again.removing else again.buried)
        case c.Noticed():
            return replace(case, noticed={**case.noticed, fact.to: fact}, undelivered=case.undelivered - {fact.to})
        case c.NotDelivered():
            return replace(case, undelivered=case.undelivered | {fact.to})


def _up_again(case: Case, *, back: bool) -> Case:
    """A case whose fix was none: where the plugin, or what was left of it, is in the Marketplace, the clock must run again."""
    down = case.taken_down
    if down is None or not case.fixed:
        return case
    if back:
        left = None if down.removal == "plugin" else down
        return replace(case, taken_down=None, removed=None, buried=left, carried_out=left)
    return replace(case, taken_down=None, removed=None) if case.removed and down.removal != "plugin" else case


def _anew(case: Case, at: int) -> Case:
    """Something changed that nobody could have prepared for: a clock that runs leaves them some time from here on."""
    return replace(case, changed=at, set_at=at, asked=None)
