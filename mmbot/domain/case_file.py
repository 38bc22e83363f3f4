"""A case together with what it concerns: its plugin's ticket and people, the fixes handed in, and who may know what of it."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal

from mmbot.domain import takedown
from mmbot.domain.case import TEAM, Case
from mmbot.domain.rights import Actor, is_outside, submits
from mmbot.domain.ticket import Ticket
from mmbot.domain.turns import Turn

Sight = Literal["all", "removal", "report", ""]
"""What somebody may know of a case: everything; what is to be removed; that they reported it, and whether it goes on; nothing."""
CaseRight = Literal["team", "maintainer", "concerned", "owner", "confirm", "removed"]


@dataclass(frozen=True)
class CaseFile:
    """A case as it stands now. `listed` is None where nobody can tell; `away` is the owner's last day away, "" while they are here."""

    case: Case
    ticket: Ticket | None = None
    owner: str = ""
    fixes: tuple[Ticket, ...] = ()
    turns: Mapping[int, Mapping[str, Turn]] = field(default_factory=dict)
    """Whom each of the fixes waits for."""
    listed: bool | None = None
    away: str = ""
    release: tuple[str, ...] = ()
    """The release users, who change the listing."""

    @property
    def handle(self) -> str:
        """The case's handle."""
        return self.case.handle

    @property
    def maintainers(self) -> tuple[str, ...]:
        """The user ids of those whose plugin it is; without those who have no account."""
        people = self.ticket.people if self.ticket else ()
        return tuple(x for x in people if not is_outside(x) and x != self.owner)

    @property
    def recipients(self) -> tuple[str, ...]:
        """Whom its clock speaks to: the team's channel, the owner, and while they could do something, maintainers or release users."""
        others = not (self.case.removing and self.own(self.owner))
        people = [self.owner] if self.owner and self.case.filed and others else []
        people += self.maintainers if self.case.stage == "open" else ()
        people += [x for x in self.release if not self.own(x)] if self.case.removing else ()
        return tuple(dict.fromkeys((TEAM, *people)))

    @property
    def by_mail(self) -> bool:
        """Whether somebody whose plugin it is can be reached by other means only."""
        return self.ticket is None or any(is_outside(x) for x in self.ticket.people)

    @property
    def fix_state(self) -> takedown.FixState:
        """Whose turn it is with the fix."""
        return takedown.fix_state(self.fixes, self.case)

    @property
    def fix(self) -> Ticket | None:
        """The last ticket that was handed in as a fix and is not closed; where one of them is in public, that one."""
        going = [x for x in self.fixes if not x.ended]
        return next((x for x in reversed(going) if x.public), going[-1] if going else None)

    @property
    def waits_for_maintainers(self) -> bool:
        """Whether its clock is still theirs: nothing was handed in, or what was handed in waits for them."""
        return self.case.stage == "open" and self.fix_state in {"none", "theirs"}

    def concerns(self, to: str, mark: takedown.Mark) -> bool:
        """Whether the clock has something to say to somebody.

        Maintainers are told only while it is their turn, and of a plugin that is not listed any more nobody but the team.
        """
        if to == TEAM or mark.name == "removal":
            return True
        gone = self.listed is False and not self.case.taken_down
        return not gone and (to == self.owner or self.waits_for_maintainers)

    def own(self, user: str) -> bool:
        """Whether the plugin is this person's own, so that others decide."""
        return bool(self.ticket and submits(self.ticket, user))


def sight(actor: Actor, file: CaseFile) -> Sight:
    """What somebody may know of a case. Of a report nobody but the team learns before it is accepted, and whoever made it."""
    case = file.case
    if not case.confidential or case.policy.takedown.team in actor.roles:
        return "all"
    if case.filed and actor.id and (actor.id == file.owner or file.own(actor.id)):
        return "all"
    if case.reported and case.reported.by == actor.id != "":
        return "report"
    asked = (case.asked or case.taken_down) and not case.over
    return "removal" if asked and "release" in actor.roles else ""


def may(right: CaseRight, actor: Actor, file: CaseFile) -> bool:
    """Whether somebody may do something about a case that they know of. Nobody decides about what is their own."""
    team, own, owner = file.case.policy.takedown.team in actor.roles, file.own(actor.id), actor.id == file.owner != ""
    match right:
        case "team":
            return team and not own
        case "maintainer":
            return own
        case "concerned":
            return team or own or owner
        case "owner":
            return (team and not own) or owner
        case "confirm":
            return bool(actor.roles & {"release", file.case.policy.takedown.team}) and not own
        case "removed":
            return (owner or bool(actor.roles & {"release", file.case.policy.takedown.team})) and not own


def waits_for(actor: Actor, file: CaseFile, now: int) -> bool:
    """Whether it is somebody's turn with a case."""
    case = file.case
    if case.removing:
        return may("removed", actor, file)
    if may("team", actor, file) and (
        case.stage == "reported" or takedown.decides(case, now) or (case.stage == "open" and file.fix_state == "listed")
    ):
        return True
    if case.asked:
        return may("confirm", actor, file) and case.asked.by != actor.id
    if case.stage != "open":
        return False
    writes = actor.id == file.owner and file.by_mail and not case.contact_told
    return writes or (may("maintainer", actor, file) and file.waits_for_maintainers)
