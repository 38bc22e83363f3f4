"""The words about cases: what answers whoever did something, and refusals."""

from collections.abc import Mapping, Sequence

from mmbot.domain import case_facts as c
from mmbot.domain import takedown
from mmbot.domain.case import Case
from mmbot.domain.case_file import CaseFile
from mmbot.domain.ticket import Ticket
from mmbot.words import cards
from mmbot.words.case_card import (
    Who,
    called,
    clock_line,
    comes_back,
    confirming,
    contact_line,
    fix_line,
    moment,
    moment_for,
    removed_what,
    what,
)
from mmbot.words.phrases import code, day, listed, plain, typed

# Refusals

WHOM: Mapping[str, str] = {
    "bug": "owners and reviewers",
    "team": "the security team", "maintainer": "its maintainers", "concerned": "its maintainers, its owner and the security team",
    "owner": "its owner and the security team", "confirm": "the security team and release users",
    "removed": "release users, its owner and the security team",
}  # fmt: skip
"""Who may, by the right to a case that it takes."""
NOT_NOW: Mapping[str, str] = {
    "not-open": "is not open.",
    "nothing-asked": "has no takedown that waits to be confirmed.",
    "nothing-removed": "has no takedown that the listing should show.",
    "not-accepted": "is not accepted yet, so nobody else should know of it.",
    "no-fix-wanted": "does not wait for a fix.",
    "no-fix-named": "has neither a fix nor is it said to be fixed.",
    "closed": "is closed.",
    "no-time": "has no time that could be extended.",
    "over": "is over already.",
    "a-report": "is a report: accept or decline it.",
    "not-over": "is not over.",
    "accepted": "was accepted already.",
    "no-report": "is no report that waits for an answer.",
    "a-bug": "is a bug: it has no severity.",
}
"""Why something does not fit where a case stands."""


def no_such_case(handle: str) -> str:
    """There is no such case, or the asker may not know of it: nobody can tell which."""
    return f"I know no case {handle} that you could see."


def not_in_public() -> str:
    """Something about a vulnerability was written where others read it."""
    return (
        "Please not in public: **nothing was done**, and I tell nobody. "
        "**Your message stands where others can read it: please delete it.** Write it to me here, where it stays between us."
    )


def only(right: str, names: Sequence[str] = ()) -> str:
    """The asker may not do this to the case; `right` is one of WHOM."""
    return f"Only {WHOM[right]} can do that." + (f" Ask {listed(names[:5], 'or')}." if names else "")


def own(handle: str) -> str:
    """Nobody decides about what is their own, be it a case or a ticket."""
    return f"{handle} is about a plugin of your own, so somebody else decides."


def not_now(case: Case, why: str) -> str:
    """It does not fit where the case stands; `why` is one of NOT_NOW."""
    return _as_it_stands(case, NOT_NOW[why])


def has_severity(case: Case) -> str:
    """It is as bad as that already."""
    return _as_it_stands(case, f"is {case.severity} already.")


def _as_it_stands(case: Case, why: str) -> str:
    return f"{case.handle} {why} Where it stands: {typed(f'case {case.handle}')}."


def no_room(contact: str) -> str:
    """There is no private channel in which a case could be kept."""
    return (
        f"I have no private place for that here, so nothing was recorded. Please write to {contact}. "
        "(Admins: `mattermost.security_channel` names the channel.)"
    )


def many_reports(most: int, contact: str) -> str:
    """Somebody's reports wait for an answer already, and are as many as may."""
    return f"{most} reports of yours wait for an answer, and the security team reads those first. If one more can't wait: {contact}."


def only_bugs() -> str:
    """Somebody outside of the team files a vulnerability."""
    return f"Only the security team files vulnerabilities. To report one in private: {typed('vulnerability TEXT')}."


def too_far() -> str:
    """More time than anybody means to give."""
    return "That is more than a year ahead. Name an earlier day."


def too_soon(now_ends: int) -> str:
    """More time must be more."""
    return f"That is no later than the present end, {moment(now_ends)}. Name a later day."


def day_passed(until: int) -> str:
    """The day is over."""
    return f"{moment(until)} has passed. Name a later day."


def which_server() -> str:
    """A restriction begins with something like a version, which would be read as the reason."""
    line = typed("takedown SEC-1234 restriction 7.1.0 WHY")
    return f"From which server on? Its version has three numbers, as in {line}; or {code('on-prem')} for servers on premises only."


def which_version() -> str:
    """A version is to be removed, and nobody said which."""
    return f"Which version? For example {typed('takedown SEC-1234 version 1.4.0 WHY')}."


def no_fix(text: str) -> str:
    """What was named as a fix is neither a ticket nor a link."""
    return f"{code(text, 80)} is neither a ticket, such as MB-9, nor a link that begins with `https://`."


# Reporting and filing


def reported(case: Case, zone: str) -> str:
    """To whoever reported something."""
    plugin = f" about **{plain(case.about.name, 60)}**" if case.about.name else ""
    return (
        f"Thank you. The security team has your report{plugin} as **{case.handle}**; nobody else reads it. "
        f"It is to be answered by **{moment_for(takedown.triage_ends(case), zone)}**, and I tell you. Please keep it to yourself."
    )


def filed(file: CaseFile, who: Who, zone: str) -> str:
    """To whoever filed a case, or accepted a report."""
    case = file.case
    told = ([f"{who(file.owner)} (owner)"] if file.owner else []) + [who(x) for x in file.maintainers]
    line = f"Filed as {called(case)}, a {what(case)}. {clock_line(case, who, zone)}"
    line += f" I told {listed(told)}." if told else " I could tell nobody by direct message."
    if contact := contact_line(file, who):
        line += f" {contact}"
    if not case.about.name:
        line += " It names no plugin."
    elif not file.ticket and not case.about.plugin_id:
        line += f" I know no plugin {code(case.about.name, 60)}: neither a ticket nor the listing has it."
    elif file.listed is False:
        line += " It is not in the Marketplace at present."
    return line


def several_called(name: str, which: Sequence[str]) -> str:
    """More than one plugin has the name that somebody gave."""
    return f"Several plugins are called {code(name, 60)}: {listed((code(x, 100) for x in which[:5]), 'and')}. Name one of these."


def claims(ticket: Ticket, who: Who, *, elsewhere: bool) -> str:
    """A ticket says that it is the plugin of a case, and nobody vouches for its people; begins with a space."""
    said = f" Of {ticket.handle}, handed in by {who(ticket.submitter)} and not listed, I told nobody: anybody can hand in such a ticket."
    if elsewhere:
        return f"{said} It is of another repository than the one that is listed; what is wrong with it belongs into its review."
    again = typed(f"file {ticket.handle} SEVERITY WHY")
    return f"{said} If you know that they maintain the plugin, close this case and name the ticket: {again}."


def accepted(file: CaseFile, who: Who, zone: str) -> str:
    """To whoever accepted a report."""
    return filed(file, who, zone).replace("Filed as ", "Accepted: ", 1)


def declined(case: Case) -> str:
    """To whoever declined a report."""
    return f"{called(case)} is declined; whoever reported it is told that, and not why. Undo: {typed(f'accept {case.handle} SEVERITY')}."


# Going on


def severity(case: Case, before: str, zone: str) -> str:
    """The severity was changed."""
    ends = f" The time for a fix ends {moment_for(takedown.ends(case), zone)}." if takedown.clock(case) == "fix" else ""
    none = "" if takedown.has_clock(case) else " It has no time limit now."
    return f"{called(case)}: from {before} to **{case.severity}**.{ends or none}"


def acknowledged(case: Case) -> str:
    """Thanks to a maintainer."""
    return f"Thank you, noted. When a fix is handed in: {typed(f'fix {case.handle} MB-9')}, with its ticket or a link."


def told(case: Case) -> str:
    """Somebody wrote to the contact."""
    return f"Noted for {called(case)}. When they answer with a fix: {typed(f'fix {case.handle} LINK')}."


def fix_named(file: CaseFile, who: Who, *, urgent: str) -> str:
    """A fix was named; `urgent` is its ticket where that is urgent from now on."""
    hurry = f" {urgent} is urgent now; why stays among us." if urgent else ""
    return f"Noted for {called(file.case)}. {fix_line(file, who)}{hurry}"


def another_plugin(case: Case, ticket: Ticket) -> str:
    """What is named as a fix is of another plugin."""
    return f"{ticket.handle} is another plugin than {case.handle} is about. Name the ticket of its update, or a link to the fix."


def fix_is_over(ticket: Ticket) -> str:
    """What is named as a fix was closed."""
    return f"{ticket.handle} is over, so it can't be the fix. Name the ticket under which it was handed in, or a link to the fix."


def fix_is_older(case: Case, ticket: Ticket) -> str:
    """What is named as a fix was listed before anybody filed the case."""
    return (
        f"{ticket.handle} was in the Marketplace before {case.handle} was filed, so it is what the case is about. "
        "Name the ticket of its update, or a link to the fix."
    )


def tombstone(ticket: Ticket, down: c.TakenDown) -> str:
    """What was taken down is not listed again, to somebody who may not know why."""
    return (
        f"{cards.called(ticket)} can't be listed: it was taken down on {day(down.at)}. The security team says when it may come back; "
        "please ask them."
    )


def tombstone_unreviewed(name: str) -> str:
    """The same of a plugin that has no ticket."""
    return f"{plain(name, 160)} can't be listed: the plugin was taken down. The security team says when it may come back; please ask them."


def tombstone_open(case: Case, ticket: Ticket) -> str:
    """What was taken down is not listed again while its case is not fixed."""
    down = case.buried
    on = f" on {day(down.at)}" if down else ""
    return (
        f"{cards.called(ticket)} can't be listed: it was taken down{on} ({case.handle}), and that case is not fixed. "
        f"The security team says when it is: {typed(f'fixed {case.handle}')}, with this ticket named as its fix: "
        f"{typed(f'fix {case.handle} {ticket.handle}')}."
    )


def tombstone_unlinked(case: Case, ticket: Ticket) -> str:
    """What was taken down comes back only as the fix of its case."""
    return (
        f"{cards.called(ticket)} was taken down once ({case.handle}, fixed). To list it again, name this ticket as the fix of that case: "
        f"{typed(f'fix {case.handle} {ticket.handle}')}."
    )


def fixed(case: Case, who: Who) -> str:
    """The team says that it is fixed."""
    return f"{called(case)}: {clock_line(case, who)}{comes_back(case)} Undo: {typed(f'notfixed {case.handle} WHY')}."


def not_fixed(case: Case, who: Who, zone: str) -> str:
    """It is not fixed, or what was handed in does not fix it."""
    ends = f" {clock_line(case, who, zone)}" if takedown.clock(case) == "fix" else ""
    return f"{called(case)} is not fixed; owner and maintainers are told why.{ends}"


def extended(case: Case) -> str:
    """More time was given."""
    return f"{called(case)}: the time for a fix ends **{moment(takedown.ends(case))}** now. Owner and maintainers are told."


def closed(case: Case) -> str:
    """The case is over without a fix."""
    return f"{called(case)} is closed. Undo: {typed(f'resume {case.handle} WHY')}."


def resumed(case: Case, who: Who, zone: str) -> str:
    """A case that was over goes on."""
    return f"{called(case)} goes on. {clock_line(case, who, zone)}"


# Taking down


def asked(case: Case) -> str:
    """An immediate takedown is asked for."""
    down = case.asked
    vague = case.confidential and down and down.removal == "restriction" and not down.version
    read = (
        " How it is to be restricted stands in your words alone, so those who change the listing read them."
        if vague
        else ""
    )
    return (
        f"{called(case)}: asked for. Its time has not ended, so a second member of the team, or a release user, confirms it: "
        f"{typed(f'confirm {case.handle}')}. The channel and the release users are told.{read}"
    )


def taken_down(case: Case) -> str:
    """A takedown was decided."""
    return (
        f"{called(case)}: the takedown is decided. Owner, maintainers and release users are told. When the listing shows it: "
        f"{typed(f'removed {case.handle} LINK')}."
    )


def fixed_but_listed(case: Case) -> str:
    """It is fixed, and ends with its takedown."""
    return (
        f"{called(case)} is fixed, and is over once the listing shows its takedown: {typed(f'removed {case.handle} LINK')}. If it is not "
        f"fixed after all: {typed(f'notfixed {case.handle} WHY')}."
    )


def removed(case: Case) -> str:
    """The listing shows it."""
    noted = f"Noted: the listing shows the takedown of {called(case)}."
    return noted if case.over else f"{noted} It stays open until a fix is there, or it is closed."


def something_else(case: Case, who: Who) -> str:
    """What somebody confirms is not asked for any more, but another takedown is."""
    by = who(case.asked.by) if case.asked else "The security team"
    return f"{by} asks for another takedown by now: {removed_what(case)}. To confirm that: {typed(confirming(case))}."


def asked_by_nobody(case: Case, who: Who) -> str:
    """Whoever asked for a takedown may not do that any more."""
    by = who(case.asked.by) if case.asked else "Whoever asked"
    return f"{by}, who asked for it, does not decide about {case.handle} any more: somebody of the security team asks for it anew."


def confirms_own(case: Case) -> str:
    """Whoever asked for it confirms."""
    return f"You asked for the takedown of {case.handle} yourself: a second person confirms it."
