"""The ticket's card, which always shows the present, and how sentences call a ticket, a commit and a verdict. Dates, never ages."""

from collections.abc import Callable, Mapping

from mmbot.domain import review
from mmbot.domain.ticket import Ticket
from mmbot.domain.turns import Turn
from mmbot.messages import Button, Colour, Message, Row
from mmbot.words.choices import CONTRIBUTIONS
from mmbot.words.phrases import code, commit, compare, day, ended, link, listed, plain, plural

Who = Callable[[str], str]
"""User id in, user name out."""


def card(ticket: Ticket, turns: Mapping[str, Turn], who: Who) -> Message:
    """The ticket's one post in the channel."""
    hurry = " · **urgent**" if ticket.urgent_at and not ticket.ended else ""
    title = f"**{ticket.handle} · {named(ticket)}**{kind(ticket)}{hurry}"
    lines = [title, _facts_line(ticket), _people_line(ticket, who)]
    if ticket.commit and not ticket.ended:
        lines += ["", "| role | reviewer | items | verdict |", "|:--|:--|:--|:--|"]
        lines += [_role_line(ticket, role, who) for role in ticket.roles]
    lines += ["", outlook(ticket, turns, who)]
    return Message("\n".join(lines), (Row(_card_buttons(ticket)),), _colour(ticket, turns))


def named(ticket: Ticket) -> str:
    """The plugin's name and version, safe to post."""
    return " ".join(part for part in (plain(ticket.name, 60), plain(ticket.version, 30)) if part)


def called(ticket: Ticket) -> str:
    """The ticket as a sentence calls it: **MB-7 Remind 1.0.0**."""
    return f"**{ticket.handle} {named(ticket)}**"


def kind(ticket: Ticket) -> str:
    """The track as the end of a title, once it is known: ` — update`, ` — web Marketplace, utility tool`."""
    of = f", {CONTRIBUTIONS[ticket.contribution]}" if ticket.contribution in CONTRIBUTIONS else ""
    return f" — {ticket.track_words.title}{of}" if ticket.resolved or ticket.chosen else ""


def at(ticket: Ticket, sha: str = "") -> str:
    """A commit of the ticket as people read it, by default the one under review; of a page, which has none, a link to it."""
    if ticket.page:
        return link("the page", ticket.repository) if sha in {"", ticket.commit} else "an earlier page"
    return commit(ticket.repository, sha or ticket.commit)


def under_review(ticket: Ticket) -> str:
    """What is under review, as a noun: commit `3f9c2ab`."""
    return at(ticket) if ticket.page else f"commit {at(ticket)}"


def compared(ticket: Ticket, before: str) -> str:
    """A link to what changed since another commit of the ticket."""
    return "look at it anew" if ticket.page else compare(ticket.repository, before, ticket.commit)


def _facts_line(ticket: Ticket) -> str:
    parts = []
    if ticket.plugin_id:
        parts.append(code(ticket.plugin_id))
    if ticket.page:
        return " · ".join([*parts, at(ticket)])
    parts.append(link("repository", ticket.repository))
    if ticket.fork:
        parts.append(link("fork", ticket.fork))
    if ticket.commit:
        parts.append(f"{under_review(ticket)}{ref_words(ticket)}")
    if ticket.resolved and ticket.resolved.base_version:
        parts.append(f"listed: {plain(ticket.resolved.base_version, 30)}")
    return " · ".join(parts)


def ref_words(ticket: Ticket) -> str:
    """The tag, branch or pull request that the commit under review was named by: ` (v1.0.0)`."""
    if (
        ticket.resolved
        and ticket.resolved.ref_name
        and ticket.resolved.ref_kind in {"tag", "branch", "pull", "default"}
    ):
        what = {"pull": "pull request ", "branch": "branch ", "default": "branch "}.get(ticket.resolved.ref_kind, "")
        return f" ({what}{plain(ticket.resolved.ref_name, 60)})"
    return ""


def _people_line(ticket: Ticket, who: Who) -> str:
    owner = who(ticket.owner) if ticket.owner else "nobody yet"
    others = [who(x) for x in ticket.maintainers if x != ticket.submitter]
    more = f" · maintained by {listed(others)}" if others else ""
    before = f" · follows MB-{ticket.before}" if ticket.before else ""
    return f"submitted by {who(ticket.submitter)} on {day(ticket.opened_at)} · owner {owner}{more}{before}"


def _role_line(ticket: Ticket, role: str, who: Who) -> str:
    items = ticket.items_of(role)
    done = len(items) - len(review.undecided(ticket, role))
    reviewer = ticket.review(role).reviewer
    name = who(reviewer) if reviewer else "—"
    return f"| {title_of(ticket, role)} | {name} | {done} / {len(items)} | {verdict_words(ticket, role, who)} |"


def title_of(ticket: Ticket, role: str) -> str:
    """A role as people call it; by its bare name where the policy has it no longer."""
    known = ticket.policy.roles.get(role)
    return known.title if known else role


def verdict_words(ticket: Ticket, role: str, who: Who, *, secret: bool = True) -> str:
    """A role's verdict, as everybody may read it; not `secret` for those who read the confidential findings beside it."""
    part = ticket.review(role)
    says = review.verdict(ticket, role)
    if says == "approved":
        by = who(part.approved_by)
        return "approved" if part.reviewer == part.approved_by else f"approved by {by}"
    if says == "held":
        old = review.held(ticket, role)
        return f"held at {at(ticket, old)}, to be confirmed"
    if says == "changes requested":
        answered = all(x.answered_at for x in review.findings(ticket, role))
        secret = secret and any(x.confidential for x in review.findings(ticket, role))
        words = f"changes requested{', details with the submitter' if secret else ''}"
        return f"{words}; answered" if answered else words
    if says == "reviewing":
        return f"reviewing since {day(part.assigned_at or part.started_at or ticket.opened_at)}"
    return says


def outlook(ticket: Ticket, turns: Mapping[str, Turn], who: Who, *, mention: str = "", now: int = 0) -> str:
    """Whom the ticket waits for, in a sentence, and for an answer that is read `now`, since when, if that was on another day.

    `mention` is a user id that reads it as "you".
    """
    if ticket.ended or ticket.held:
        return resting(ticket)
    waited = [turn for turn in turns.values() if turn.party != "mmbot"]
    days = [f" since {day(x.since)}" if now and day(x.since) != day(now) else "" for x in waited]
    alike = len({*days}) == 1
    parts = [
        _waits(ticket, turn, who, mention) + ("" if alike else since) for turn, since in zip(waited, days, strict=True)
    ]
    if ticket.comparing and "mmbot" in turns:
        return f"{_gate_words(ticket)}Comparing what was merged with what was approved …"
    if "mmbot" in turns and ticket.asked:
        return f"Looking up {code(ticket.asked.text)} …"
    gate = _gate_words(ticket)
    return f"{gate}Waiting for {listed(parts)}{days[0] if alike else ''}." if parts else gate.strip()


def resting(ticket: Ticket) -> str:
    """Why a ticket is nobody's turn."""
    if ticket.ended and ticket.ended.ending == "duplicate":
        return (
            f"**Closed** on {day(ticket.ended.at)}: the same plugin as MB-{ticket.ended.of}, where the review goes on."
        )
    if ticket.ended:
        why = f": {plain(ticket.ended.why, 600)}" if ticket.ended.why else ""
        return ended(f"**{ticket.ended.ending.replace('-', ' ').capitalize()}** on {day(ticket.ended.at)}{why}")
    why = plain(ticket.held.why, 600) if ticket.held else ""
    return ended(f"**On hold** since {day(ticket.held.at)}: {why}") if ticket.held else ""


def _gate_words(ticket: Ticket) -> str:
    """What is reached, once every role has approved."""
    if not review.gate(ticket).open:
        return ""
    reached = [ticket.policy.steps[x].title for x in ticket.steps_reached]
    if not reached:
        what = "page" if ticket.page else "commit"
        return f"**The review gate is open**: every role approved this {what}. "
    return f"**{reached[-1].capitalize()}.** "


def _waits(ticket: Ticket, turn: Turn, who: Who, mention: str) -> str:  # noqa: PLR0911 -- one exit per party and reason
    if turn.party == "submitter":
        name = "**you**" if mention == ticket.submitter else f"**{who(ticket.submitter)}**"
        if turn.why == "reference":
            return f"{name} (a tag or commit to review)"
        number = sum(1 for x in review.findings(ticket) if not x.answered_at)
        return f"{name} ({plural(number, 'finding')})"
    if turn.party == "owner":
        name = (
            ("**you**" if mention == ticket.owner else f"**{who(ticket.owner)}**") if ticket.owner else "**an owner**"
        )
        unasked = [title_of(ticket, role) for role in ticket.roles if review.verdict(ticket, role) == "not asked yet"]
        some = f" of {listed(unasked)}" if len(unasked) < len(ticket.roles) else ""
        what = {"request": f"to request the reviews{some}", "step": f"to {_short_step(ticket, turn)}"}.get(
            turn.why, "to take it"
        )
        return f"{name} ({what})"
    if turn.party == "release":
        return f"**a release user** (to {_short_step(ticket, turn)})"
    reviewer = ticket.review(turn.party).reviewer
    title = title_of(ticket, turn.party)
    if turn.why == "listing":
        name = "**you**" if reviewer and mention == reviewer else f"**{who(reviewer)}**" if reviewer else "**somebody**"
        return f"{name} ({title}, to try what was cut)"
    if reviewer:
        return "**you**" if mention == reviewer else f"**{who(reviewer)}** ({title})"
    return f"**{_article(title)} {title} reviewer**"


def _short_step(ticket: Ticket, turn: Turn) -> str:
    return ticket.policy.steps[turn.step].do if turn.step else ""


def _article(word: str) -> str:
    return "an" if word[:1].lower() in "aeiou" else "a"


def _card_buttons(ticket: Ticket) -> tuple[Button, ...]:
    free = [
        Button(f"I'll review as {title_of(ticket, role)}", f"claim {ticket.handle} {role}")
        for role in ticket.roles
        if not ticket.review(role).reviewer and review.verdict(ticket, role) != "approved"
    ]
    if not ticket.commit or ticket.ended:
        free = []
    return (*free, Button("Details", f"status {ticket.handle}"))


def _colour(ticket: Ticket, turns: Mapping[str, Turn]) -> Colour:
    if ticket.ended:
        return "grey"
    if review.gate(ticket).open:
        return "green"
    if "submitter" in turns:
        return "amber"
    return "blue"
