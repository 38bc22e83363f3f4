"""What the clock of a case tells: its channel, the owner, the maintainers, and those who change the listing."""

from collections.abc import Sequence

from mmbot.domain import takedown
from mmbot.domain.case import Case
from mmbot.domain.case_file import CaseFile
from mmbot.messages import Button, Message, Row
from mmbot.words.case_card import Who, called, contact_line, decide, fix_line, moment, moment_for, removed_what
from mmbot.words.case_notices import addressed, answer, maintainers_buttons
from mmbot.words.phrases import listed, plural, typed

MINUTE, HOUR, DAY, A_DAY = 60_000, 3_600_000, 86_400_000, 36
"""Milliseconds of a minute, an hour and a day; the hours from which on what is left is counted in days."""


def team_clock(file: CaseFile, who: Who, team: Sequence[str], now: int) -> Message:
    """What the clock tells the case's channel: to be decided, to be answered, to be removed, or how long there is still."""
    case, runs = file.case, takedown.clock(file.case)
    if runs == "triage" and case.reported:
        due = takedown.triage_ends(case)
        was = f"that was due {moment(due)}" if now >= due else f"that is due **{moment(due)}**"
        return Message(
            addressed(
                team, f"the report {called(case)} came in {_ago(case.reported.at, now)}, and is not answered; {was}."
            ),
            answer(case),
        )
    if runs == "removal" and case.taken_down:
        return Message(addressed(team, _not_removed(case, now)), _shows_it(case))
    gone = "\n**The Marketplace does not list it.** If that settles it, close the case." if _gone(file) else ""
    close = (Row((Button("Close…", f"close {case.handle}"),)),) if _gone(file) else ()
    end = takedown.ends(case)
    if now >= end:
        text = (
            f"the time for a fix of {called(case)} ended {_ago(end, now)}, **{moment(end)}**, and nobody said that it is fixed. "
            f"Please decide: take it down, give it more time, or say that it is fixed.\n{_for_the_decision(file, who)}{gone}"
        )
        return Message(addressed(team, text), (*decide(case), *close))
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
    return (
        f"the takedown of {kind} ({case.handle}) was decided {ago}, and nobody said yet that the listing shows it. "
        "Once it does, say so here."
    )


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


def owner_clock(file: CaseFile, who: Who, zone: str, now: int) -> Message:
    """What the clock tells the owner."""
    case = file.case
    buttons = [Button("A fix is submitted…", f"fix {case.handle}")] if file.fix_state == "none" else []
    if file.by_mail and not case.contact_told:
        buttons.insert(0, Button("I wrote to them…", f"told {case.handle}", "primary"))
    rows = (Row(tuple(buttons)),) if buttons else ()
    if now >= takedown.ends(case):
        return Message(f"{_ended(case, now, zone)}; the security team decides now. {_where_it_stands(file, who)}", rows)
    return Message(f"{_left(case, now, zone)} {_where_it_stands(file, who)}", rows)


def _ended(case: Case, now: int, zone: str) -> str:
    end = takedown.ends(case)
    return f"The time for a fix of {called(case)} ended {_ago(end, now)}, **{moment_for(end, zone)}**"


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
    return Message(f"{begin} {fix}{ask}", maintainers_buttons(case, acknowledge=not read))
