"""Who may do what: decided from the roles of a user id and the ticket, in this one place."""

from dataclasses import dataclass
from typing import Literal

from mmbot.domain.facts import AnyFact
from mmbot.domain.ticket import Ticket

STAFF = ("owner", "admin", "release")
Who = Literal[
    "anyone", "staff", "owner", "owner-or-submitter", "owner-or-reviewer", "concerned", "release", "role", "admin",
    "team", "team-or-staff", "team-or-owner", "team-or-release", "maintainer", "case-people",
]  # fmt: skip
OUTSIDE = "outside:"
"""Begins the id of somebody who has no account on the server; their name follows."""


def outside(name: str) -> str:
    """The id of somebody without an account, by their name."""
    return f"{OUTSIDE}{' '.join(name.split())[:80]}"


def is_outside(user: str) -> bool:
    """Whether somebody has no account on the server, so that the ticket's owner speaks for them."""
    return user.startswith(OUTSIDE)


@dataclass(frozen=True)
class Actor:
    """Somebody who asks for something: a user id and the roles that the policy's book gives it."""

    id: str
    roles: frozenset[str] = frozenset()


def submits(ticket: Ticket, user: str) -> bool:
    """Whether the plugin is this person's own."""
    return bool(user) and user in ticket.people


def allowed(who: Who, actor: Actor, ticket: Ticket | None = None, role: str = "") -> bool:  # noqa: C901, PLR0911 -- one exit per case
    """Whether an actor may use a right: `role` names the reviewers' role where it takes one.

    Of the rights to a case, which `case_file.may` decides, it says only who may have one somewhere: `role` is the security team's.
    """
    match who:
        case "team" | "team-or-staff" | "team-or-owner" | "team-or-release" | "maintainer" | "case-people":
            return _somewhere(who, actor, role)
        case "anyone":
            return True
        case "staff":
            return bool(actor.roles)
        case "owner":
            return bool(actor.roles & {"owner", "admin"}) or bool(ticket and ticket.owner == actor.id)
        case "admin":
            return "admin" in actor.roles
        case "release":
            return "release" in actor.roles
        case "owner-or-submitter":
            return allowed("owner", actor, ticket) or bool(ticket and submits(ticket, actor.id))
        case "owner-or-reviewer":
            judges = bool(ticket and actor.roles & {*ticket.policy.roles} and not submits(ticket, actor.id))
            return judges or allowed("owner", actor, ticket)
        case "concerned":
            return bool(actor.roles) or bool(ticket and submits(ticket, actor.id))
        case "role":
            return role in actor.roles and not (ticket and submits(ticket, actor.id))


def _somewhere(who: Who, actor: Actor, team: str) -> bool:
    """Whether somebody may have a right to a case; whose plugin it is may be anybody."""
    others = {"team": (), "team-or-owner": ("owner", "admin"), "team-or-release": ("release",)}
    if who in others:
        return bool(actor.roles & {team, *others[who]})
    return bool(actor.roles) if who == "team-or-staff" else True


def may_know(actor: Actor, ticket: Ticket, role: str) -> bool:
    """Whether somebody may read what a confidential role wrote: the role itself, the ticket's owner, and those whose plugin it is."""
    return role in actor.roles or actor.id == ticket.owner or submits(ticket, actor.id)


def secret_of(ticket: Ticket, fact: AnyFact) -> str:
    """The role that keeps what a fact says confidential, "" where everybody may read it; `ticket` is as it stands now.

    So is whatever a confidential role wrote, and how it judged an item, since from that a finding can be guessed; not its verdicts.
    A finding that was made public is none of it any more.
    """
    number = getattr(fact, "number", 0) or getattr(fact, "finding", 0)
    finding = next((x for x in ticket.findings if x.number == number), None)
    if finding and not finding.confidential:
        return ""
    item = ticket.requirements.items.get(getattr(fact, "item", ""))
    role = finding.role if finding else item.role if item else getattr(fact, "role", "")
    written = item or any(getattr(fact, name, "") for name in ("text", "why", "note"))
    recorded = getattr(fact, "confidential", None)
    secret = bool(finding) or (ticket.confidential(role) if recorded is None else recorded)
    return role if written and secret else ""
