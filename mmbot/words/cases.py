"""The words about cases: what answers whoever did something, lists, history, and refusals."""

from collections.abc import Mapping, Sequence

from mmbot.domain import case_facts as c
from mmbot.domain import takedown
from mmbot.domain.case import Case
from mmbot.domain.case_file import CaseFile, Sight, may
from mmbot.domain.rights import Actor
from mmbot.domain.ticket import Ticket
from mmbot.words import cards
from mmbot.words.case_card import (
    Who,
    asked_line,
    called,
    clock_line,
    comes_back,
    confirming,
    contact_line,
    facts_line,
    fix_line,
    moment,
    moment_for,
    not_reached,
    people_line,
    removed_what,
    what,
)
from mmbot.words.phrases import code, day, listed, plain, quoted, typed

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
    return (
        f"{called(case)}: asked for. Its time has not ended, so a second member of the team, or a release user, confirms it: "
        f"{typed(f'confirm {case.handle}')}. The channel and the release users are told."
    )


def taken_down(case: Case) -> str:
    """A takedown was decided."""
    return (
        f"{called(case)}: the takedown is decided. Owner, maintainers and release users are told. When the listing shows it: "
        f"{typed(f'removed {case.handle} LINK')}."
    )


def removed(case: Case) -> str:
    """The listing shows it."""
    return (
        f"Noted: the listing shows the takedown of {called(case)}. It stays open until a fix is there, or it is closed."
    )


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


# Looking


def show(file: CaseFile, sees: Sight, who: Who, zone: str) -> str:
    """Where a case stands, as far as the reader may know."""
    case = file.case
    if sees == "report":
        state = {"reported": "The security team has it", "declined": "It was not taken up"}.get(
            case.stage, "It is over" if case.over else "It was taken up"
        )
        at = f" on {day(case.reported.at)}" if case.reported else ""
        return f"**{case.handle}**, which you reported{at}:\n{quoted(case.reported.text if case.reported else '')}\n{state}."
    if sees == "removal":
        shows = f"is decided. When the listing shows it: {typed(f'removed {case.handle}')}"
        state = shows if case.taken_down else f"waits to be confirmed: {typed(f'confirm {case.handle}')}"
        return f"**{case.handle}**: the takedown of {removed_what(case)} {state}."
    lines = [f"{called(case)} — {what(case)}", facts_line(file), quoted(case.text, 1500).rstrip(), ""]
    lines.append(clock_line(case, who, zone))
    if line := asked_line(case, who):
        lines.append(line)
    if case.filed and not case.over:
        lines += [people_line(file, who), fix_line(file, who)]
        lines += [x for x in (contact_line(file, who),) if x]
    if case.undelivered:
        lines.append(not_reached(file, who))
    return "\n".join(lines)


def can(file: CaseFile, reader: Actor) -> str:
    """What the reader can do now; begins with a line break where there is anything."""
    ways = _ways(file, reader)
    return f"\n**You can now:** {listed((typed(x) for x in ways), 'or')}." if ways else ""


def _ways(file: CaseFile, reader: Actor) -> Sequence[str]:
    """The commands by which a reader can move a case on now."""
    ref, case = file.handle, file.case
    if case.asked and case.asked.by != reader.id and may("confirm", reader, file):
        return [f"confirm {ref}"]
    if may("maintainer", reader, file) and case.stage == "open":
        return [*([] if reader.id in case.acknowledged else [f"acknowledge {ref}"]), f"fix {ref} MB-9"]
    if may("team", reader, file):
        ways = {
            "reported": [f"accept {ref} SEVERITY", f"decline {ref} WHY"], "declined": [f"resume {ref} WHY"],
            "open": [f"fixed {ref}", f"extend {ref} DATE WHY", f"takedown {ref}", f"severity {ref} SEVERITY WHY", f"close {ref} WHY"],
            "fixed": [f"notfixed {ref} WHY"], "closed": [f"resume {ref} WHY"],
            "taken down": [f"removed {ref}"] if case.removing else [f"fixed {ref}"],
        }[case.stage]  # fmt: skip
        cannot = ([] if takedown.has_clock(case) else ["extend"]) + (["severity"] if case.what == "bug" else [])
        return [x for x in ways if x.split()[0] not in cannot]
    if case.removing and may("removed", reader, file):
        return [f"removed {ref}"]
    if case.stage == "open" and may("concerned", reader, file):
        return [*([f"told {ref}"] if file.by_mail and not case.contact_told else []), f"fix {ref} MB-9"]
    return []


def brief(file: CaseFile, sees: Sight, who: Who) -> str:
    """One line of a list."""
    case = file.case
    if sees in {"report", "removal"}:
        state = "is decided" if case.taken_down else "is asked for"
        return f"**{case.handle}**: {'you reported it' if sees == 'report' else f'the takedown of {removed_what(case)} {state}'}."
    return f"{called(case)}, {what(case)}: {clock_line(case, who)}"


def turn(file: CaseFile, sees: Sight, reader: Actor, who: Who) -> str:
    """One line of what waits for the reader, with what they can do."""
    ways = _ways(file, reader)
    can_now = f" You can now: {listed((typed(x) for x in ways), 'or')}." if ways else ""
    return f"{brief(file, sees, who)}{can_now}"


def beside(file: CaseFile, who: Who) -> str:
    """One line about a case in the status of its ticket."""
    return f"{brief(file, 'all', who)}{' Others do not see this line.' if file.case.confidential else ''}"


def cases(lines: Sequence[str], page: int, count: int, at_most: int) -> str:
    """The open cases that the asker may know of."""
    if not count:
        return (
            f"There is no open case that you could see. To report a vulnerability in private: {typed('vulnerability')}."
        )
    first = (page - 1) * at_most
    more = f"\nMore: {typed(f'cases --page {page + 1}')}." if count > first + len(lines) else ""
    shown = "\n".join(f"- {line}" for line in lines)
    return f"Open cases that you may know of, the oldest first ({first + 1} to {first + len(lines)} of {count}):\n{shown}{more}"


def more_cases() -> str:
    """There are more than an answer has room for."""
    return f"And more: {typed('cases')}."


def wait(lines: Sequence[str]) -> str:
    """The cases that wait for the reader."""
    return "\n".join(["Cases that wait for you:", *(f"- {line}" for line in lines)])


def no_such_page(page: int) -> str:
    """There are fewer pages."""
    return f"There is no page {page}. {typed('cases')} shows the first."
