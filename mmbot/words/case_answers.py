"""What answers whoever asks about cases: where one stands, what the reader can do, and lists."""

from collections.abc import Sequence

from mmbot.domain import takedown
from mmbot.domain.case_file import CaseFile, Sight, may
from mmbot.domain.rights import Actor
from mmbot.words.case_card import (
    Who,
    asked_line,
    called,
    clock_line,
    contact_line,
    facts_line,
    fix_line,
    not_reached,
    people_line,
    removed_what,
    what,
)
from mmbot.words.phrases import day, listed, quoted, typed


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
