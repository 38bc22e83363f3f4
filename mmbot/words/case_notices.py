"""What is told of a case unasked: to its channel, its owner, its maintainers, whoever reported it, and those who change the listing."""

from collections.abc import Sequence

from mmbot.domain import takedown
from mmbot.domain.case import Case
from mmbot.domain.case_file import CaseFile
from mmbot.domain.ticket import Ticket
from mmbot.messages import Button, Message, Row
from mmbot.words.case_card import (
    Who,
    asked_line,
    called,
    clock_line,
    contact_line,
    decide,
    decision_due,
    fix_line,
    moment,
    moment_for,
    removal,
    removed_what,
    what,
)
from mmbot.words.phrases import code, ended, listed, plain, plural, quoted, typed

MINUTE, HOUR, DAY, A_DAY = 60_000, 3_600_000, 86_400_000, 36
"""Milliseconds of a minute, an hour and a day; the hours from which on what is left is counted in days."""
SILENCE = "It is confidential: please write nothing of it where others read, not in commits or release notes either, until a fix is listed."


def _to(names: Sequence[str], text: str) -> str:
    """A sentence for people by name, whose turn it is; for nobody in particular where there are no names."""
    return f"{' '.join(f'@{x}' for x in names)} {text}" if names else text[0].upper() + text[1:]


# In the case's thread


def contact_told(by: str, note: str) -> Message:
    """Somebody wrote to whoever has no account here."""
    return Message(ended(f"{by} wrote to the plugin's contact{f': {plain(note, 300)}' if note else ''}"))


def fix_named(file: CaseFile, by: str, who: Who) -> Message:
    """A fix was handed in."""
    return Message(f"{by} named a fix. {fix_line(file, who)}")


def asked_in_channel(file: CaseFile, who: Who, team: Sequence[str]) -> Message:
    """Somebody asks for an immediate takedown: a second person is needed."""
    asked = file.case.asked
    others = [x for x in team if not asked or x != who(asked.by)]
    return Message(
        _to(others, asked_line(file.case, who)),
        (Row((Button("Confirm the takedown", f"confirm {file.handle}", "danger"),)),),
    )


def decided_in_channel(file: CaseFile, who: Who) -> Message:
    """A takedown was decided."""
    return Message(
        clock_line(file.case, who), (Row((Button("The listing shows it", f"removed {file.handle}", "primary"),)),)
    )


def fix_to_owner(file: CaseFile, by: str, who: Who) -> Message:
    """To the owner: a fix was handed in."""
    return Message(f"{by} named a fix for {called(file.case)}. {fix_line(file, who)}")


def reported_in_channel(case: Case, team: Sequence[str]) -> Message:
    """A report came in, and waits for the team."""
    by = moment(takedown.triage_ends(case))
    return Message(_to(team, f"a new report. Please accept or decline it by **{by}**."), _answer(case))


def _answer(case: Case) -> tuple[Row, ...]:
    return (
        Row(
            (
                Button("Accept…", f"accept {case.handle}", "primary"),
                Button("Decline…", f"decline {case.handle}"),
            )
        ),
    )


def filed_in_channel(file: CaseFile, who: Who) -> Message:
    """Who was told at filing, and who was not."""
    told = [f"{who(file.owner)} (owner)"] if file.owner else []
    told += [who(x) for x in file.maintainers]
    lines = [f"Told by direct message: {listed(told)}." if told else "**Nobody could be told by direct message.**"]
    if file.away:
        lines.append(f"{who(file.owner)} is away; a case is never told a deputy. Somebody of you may want to step in.")
    if contact := contact_line(file, who):
        lines.append(contact)
    if file.listed is False:
        lines.append("It is not in the Marketplace at present, so there is nothing to take down there.")
    return Message("\n".join(lines))


def news(text: str) -> Message:
    """One line about what somebody did."""
    return Message(text)


def team_clock(file: CaseFile, who: Who, team: Sequence[str], now: int) -> Message:
    """What the clock tells the case's channel: to be decided, to be answered, to be removed, or how long there is still."""
    case, runs = file.case, takedown.clock(file.case)
    if runs == "triage" and case.reported:
        due = takedown.triage_ends(case)
        was = f"that was due {moment(due)}" if now >= due else f"that is due **{moment(due)}**"
        return Message(
            _to(team, f"the report {called(case)} came in {_ago(case.reported.at, now)}, and is not answered; {was}."),
            _answer(case),
        )
    if runs == "removal" and case.taken_down:
        return Message(_to(team, _not_removed(case, now)), _shows_it(case))
    gone = "\n**The Marketplace does not list it.** If that settles it, close the case." if _gone(file) else ""
    close = (Row((Button("Close…", f"close {case.handle}"),)),) if _gone(file) else ()
    end = takedown.ends(case)
    if now >= end:
        text = (
            f"the time for a fix of {called(case)} ended {_ago(end, now)}, **{moment(end)}**, and nobody said that it is fixed. "
            f"Please decide: take it down, give it more time, or say that it is fixed.\n{_for_the_decision(file, who)}{gone}"
        )
        return Message(_to(team, text), (*decide(case), *close))
    return Message(f"{_left(case, now, '')}\n{_where_it_stands(file, who)}{gone}", close)


def _left(case: Case, now: int, zone: str) -> str:
    """How long there is still for a fix."""
    end = takedown.ends(case)
    return f"**{_span(end - now)} left** for a fix of {called(case)}: until **{moment_for(end, zone)}**."


def _ago(at: int, now: int) -> str:
    """How long ago something was, in a message that is read now."""
    if now - at < HOUR:
        return "just now"
    return f"{_span(now - at) if now - at < DAY else plural(round((now - at) / DAY), 'day')} ago"


def _span(milliseconds: int) -> str:
    """A stretch of time in whole days; below one and a half of them in hours, below one of those in minutes."""
    hours = round(milliseconds / HOUR)
    if milliseconds < HOUR:
        return plural(minutes, "minute") if (minutes := round(milliseconds / MINUTE)) else "less than a minute"
    return plural(round(hours / 24), "day") if hours >= A_DAY else plural(hours, "hour")


def _not_removed(case: Case, now: int) -> str:
    """The listing does not show a takedown yet."""
    down = case.taken_down
    kind = removed_what(case) if down else "it"
    ago = _ago(down.at, now) if down else ""
    return f"the takedown of {kind} ({case.handle}) was decided {ago}, and nobody said yet that the listing shows it."


def removal_clock(file: CaseFile, now: int) -> Message:
    """What the clock tells the owner and release users after a takedown was decided."""
    said = _not_removed(file.case, now)
    return Message(said[0].upper() + said[1:], _shows_it(file.case))


def _shows_it(case: Case) -> tuple[Row, ...]:
    return (Row((Button("The listing shows it", f"removed {case.handle}", "primary"),)),)


def _gone(file: CaseFile) -> bool:
    return file.listed is False and not file.case.taken_down


def _for_the_decision(file: CaseFile, who: Who) -> str:
    waits = " It waits for us: a good reason to give more time." if file.fix_state == "ours" else ""
    return fix_line(file, who) + waits


def _where_it_stands(file: CaseFile, who: Who) -> str:
    silent = [who(x) for x in file.maintainers if x not in file.case.acknowledged]
    lines = [fix_line(file, who)]
    if silent:
        lines.append(f"Not acknowledged by {listed(silent)}.")
    if contact := contact_line(file, who):
        lines.append(contact)
    return " ".join(lines)


def fix_listed(file: CaseFile, ticket: str) -> Message:
    """The ticket that was named as the fix is in public now: somebody has to say whether that fixes it."""
    ref = file.handle
    return Message(
        f"{ticket}, the fix for {called(file.case)}, is in the Marketplace now. Does it fix it?",
        (Row((Button("It is fixed", f"fixed {ref}", "primary"), Button("It is not…", f"notfixed {ref}"))),),
    )


def not_delivered(case: Case, name: str) -> Message:
    """Something about the case did not reach somebody."""
    return Message(
        f"What I wrote to **{name}** about {called(case)} did not get through. Please tell them another way."
    )


# To the owner


def filed_to_owner(file: CaseFile, who: Who, zone: str) -> Message:
    """To the owner of the ticket, or the default owner: there is a case."""
    case = file.case
    ticket = f" ({file.ticket.handle})" if file.ticket else ""
    by = f"{who(case.filed.by)} filed" if case.filed else "There is"
    lines = [f"{by} {called(case)}{ticket}, a {what(case)}:", quoted(case.text)]
    lines.append(_ends(case, zone))
    if case.confidential:
        lines.append(SILENCE)
    told = [who(x) for x in file.maintainers]
    if told:
        lines.append(f"I told {listed(told)} as well.")
    buttons = [Button("A fix is submitted…", f"fix {case.handle}")]
    if file.by_mail:
        lines.append(_please_write(file, who))
        buttons.insert(0, Button("I wrote to them…", f"told {case.handle}", "primary"))
    return Message("\n".join(lines), (Row(tuple(buttons)),))


def _please_write(file: CaseFile, who: Who) -> str:
    contact = file.ticket.contact if file.ticket else ""
    line = (contact_line(file, who).split(":")[0]).strip("*")
    to = (
        f"The plugin names {code(contact, 200)} for such reports."
        if contact
        else "No contact is known: look into its repository."
    )
    return f"**{line}. Please do**, in private, and say so here. {to}" + (
        "" if file.ticket else " There is no ticket of it."
    )


def _ends(case: Case, zone: str) -> str:
    if not takedown.has_clock(case):
        return f"A {case.severity} vulnerability has no time limit."
    if decision_due(case):
        return f"The time for a fix ended **{moment_for(takedown.ends(case), zone)}**; the security team decides now."
    return (
        f"The time for a fix ends **{moment_for(takedown.ends(case), zone)}**. Without one the security team decides then whether "
        "the plugin is taken out of the Marketplace."
    )


def owner_clock(file: CaseFile, who: Who, zone: str, now: int) -> Message:
    """What the clock tells the owner."""
    case = file.case
    buttons = [Button("A fix is submitted…", f"fix {case.handle}")] if not case.fixes else []
    if file.by_mail and not case.contact_told:
        buttons.insert(0, Button("I wrote to them…", f"told {case.handle}", "primary"))
    rows = (Row(tuple(buttons)),) if buttons else ()
    if now >= takedown.ends(case):
        return Message(f"{_ended(case, now, zone)}; the security team decides now. {_where_it_stands(file, who)}", rows)
    return Message(f"{_left(case, now, zone)} {_where_it_stands(file, who)}", rows)


def _ended(case: Case, now: int, zone: str) -> str:
    end = takedown.ends(case)
    return f"The time for a fix of {called(case)} ended {_ago(end, now)}, **{moment_for(end, zone)}**"


# To a maintainer


def filed_to_maintainer(file: CaseFile, zone: str) -> Message:
    """To somebody whose plugin it is: there is a case, and what is asked of them."""
    case, ticket = file.case, file.ticket
    plugin = f" ({ticket.handle})" if ticket else ""
    kind = "a bug that keeps many from using it" if case.what == "bug" else f"a {case.severity} vulnerability"
    lines = [f"In your plugin there is {kind}: {called(case)}{plugin}.", quoted(case.text), _ends(case, zone)]
    if case.confidential:
        lines.append(SILENCE)
    lines.append("Please say that you have read this. When a fix is handed in, name its ticket or a link.")
    return Message("\n".join(lines), _maintainers_buttons(case, acknowledge=True))


def _maintainers_buttons(case: Case, *, acknowledge: bool) -> tuple[Row, ...]:
    read = (Button("Acknowledge", f"acknowledge {case.handle}", "primary"),) if acknowledge else ()
    return (Row((*read, Button("A fix is submitted…", f"fix {case.handle}"))),)


def maintainer_clock(file: CaseFile, person: str, zone: str, now: int) -> Message:
    """What the clock tells a maintainer: how long there is still, or that the time has ended."""
    case = file.case
    read = person in case.acknowledged
    fix = "I know of no fix yet."
    if file.fix:
        fix = f"The fix {file.fix.handle} waits for you: {typed(f'status {file.fix.handle}')}."
    elif file.fixes:
        fix = f"{file.fixes[-1].handle} is closed; I know of no other fix."
    ask = "" if read else " Please say that you have read this."
    begin = _left(case, now, zone)
    if now >= takedown.ends(case):
        begin = f"{_ended(case, now, zone)}; the security team decides now whether the plugin is taken out of the Marketplace."
    return Message(f"{begin} {fix}{ask}", _maintainers_buttons(case, acknowledge=not read))


def changed_to_people(case: Case, text: str, zone: str) -> Message:
    """To owner and maintainers: something about the case changed, and when its time ends now."""
    if not takedown.has_clock(case):
        return Message(f"{called(case)}: {text} There is no time limit any more.")
    return Message(f"{called(case)}: {text}{_when(case, zone)}")


def _when(case: Case, zone: str) -> str:
    """When the time for a fix ends, or did; begins with a space, "" where none is waited for by now."""
    if takedown.clock(case) != "fix":
        return ""
    end = f"**{moment_for(takedown.ends(case), zone)}**"
    return (
        f" The time for a fix ended {end}; a decision is due."
        if decision_due(case)
        else f" The time for a fix ends {end}."
    )


def over_to_people(case: Case, text: str, _zone: str) -> Message:
    """To owner and maintainers: the clock stopped."""
    return Message(f"{called(case)}: {text}")


def severity_changed(case: Case, before: str, by: str, why: str) -> str:
    """What changed: the severity."""
    return f"{by} made it **{case.severity}**, it was {before}: {ended(plain(why, 600))}"


def extended(by: str, why: str) -> str:
    """What changed: there is more time."""
    return f"{by} gave it more time: {ended(plain(why, 600))}"


def said_fixed(case: Case, by: str) -> str:
    """What changed: it is fixed."""
    note = f": {plain(case.fixed.note, 600)}" if case.fixed and case.fixed.note else ""
    return f"{ended(f'it is **fixed**, says {by}{note}')} Its clock has stopped. Thank you."


def said_not_fixed(by: str, why: str) -> str:
    """What changed: it is not fixed after all."""
    return f"it is **not fixed**, says {by}: {ended(plain(why, 600))}"


def said_closed(by: str, why: str) -> str:
    """What changed: it is over without a fix."""
    return f"{by} closed it without a fix: {ended(plain(why, 600))}"


def said_resumed(by: str, why: str) -> str:
    """What changed: it goes on."""
    return f"{by} lets it go on: {ended(plain(why, 600))}"


def removed_to_people(file: CaseFile, who: Who) -> Message:
    """To owner and maintainers: a takedown was decided, why, and what brings the plugin back."""
    case, down = file.case, file.case.taken_down
    if down is None:
        return Message(called(case))
    why = f"\n{quoted(down.why)}" if down.why else "\n"
    return Message(
        f"{called(case)}: {who(down.by)} decided to take {removal(down.removal, down.version)} out of the Marketplace.{why}"
        "It may come back once it is fixed: hand the fix in, and name it here.",
        (Row((Button("A fix is submitted…", f"fix {case.handle}"),)),),
    )


# To others


def accepted_to_reporter(case: Case) -> Message:
    """To whoever reported it: the team takes it up."""
    return Message(
        f"The security team took up what you reported as **{case.handle}**. Thank you. "
        "I tell you when it is over; please keep it to yourself until then."
    )


def declined_to_reporter(case: Case, contact: str) -> Message:
    """To whoever reported it: it is no case. Why is the team's to tell."""
    return Message(
        f"The security team looked at what you reported as **{case.handle}**, and does not take it up. To ask why: {contact}."
    )


def over_to_reporter(case: Case) -> Message:
    """To whoever reported it: it is over."""
    return Message(f"What you reported as **{case.handle}** is over. Thank you for having told us.")


def asked_to_confirm(file: CaseFile, who: Who) -> Message:
    """To a release user: somebody of the team asks for an immediate takedown. What it is about is not theirs to know."""
    case, asked = file.case, file.case.asked
    by = who(asked.by) if asked else "The security team"
    return Message(
        f"{by} asks to take {removed_what(case)} down at once ({case.handle}). A second person confirms it: "
        "you, or another member of the security team. Please ask them if you want to know why, and say nothing of it to others.",
        (Row((Button("Confirm the takedown", f"confirm {case.handle}", "danger"),)),),
    )


def to_be_removed(file: CaseFile, who: Who) -> Message:
    """To the owner and whoever changes the listing: what is to be removed."""
    case, down = file.case, file.case.taken_down
    if down is None:
        return Message(called(case))
    plugin_id = (file.ticket.plugin_id if file.ticket else "") or case.about.plugin_id
    name = f"**{plain(case.about.name, 60)}**{f' ({code(plugin_id, 100)})' if plugin_id else ''}"
    do = {
        "plugin": f"take {name} out of the listing, with all its versions",
        "version": f"take version {code(down.version, 60)} of {name} out of the listing",
        "restriction": f"restrict {name} in the listing: {ended(plain(down.why, 300))[:-1]}",
    }[down.removal]
    return Message(
        f"{who(down.by)} decided a takedown. Please {do} ({case.handle}), and say so when it shows. In public say no more than that "
        "it was taken down.",
        (Row((Button("The listing shows it", f"removed {case.handle}", "primary"),)),),
    )


def taken_down_in_public(ticket: Ticket) -> Message:
    """In the ticket's thread, where everybody reads: that, and nothing else."""
    return Message(f"**{ticket.handle}** was taken down from the Marketplace.")
