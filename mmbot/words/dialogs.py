"""What stands in a dialog: its title, and what it is about and who reads it."""

from collections.abc import Collection

from mmbot.domain import takedown
from mmbot.domain.case_file import CaseFile
from mmbot.domain.ticket import Ticket
from mmbot.words import case_card
from mmbot.words.cards import called
from mmbot.words.case_card import decision_due, moment
from mmbot.words.phrases import typed

TITLES = {
    "submit": "Hand in a plugin", "block": "What is wrong?", "fail": "What is missing?", "na": "Why not applicable?",
    "away": "When are you away?", "note": "Leave a note", "commit": "Move the review", "assign": "Who takes it?",
    "contribute": "For the web Marketplace", "beta": "Take it as Beta", "track": "Another track", "edit": "Put something right",
    "snooze": "No reminders for …", "remind": "Remind whom, and when?", "expire": "Close it: why?",
    "vulnerability": "Report a vulnerability", "file": "File a case", "accept": "Accept the report", "decline": "Decline the report",
    "severity": "Change the severity", "fix": "A fix is submitted", "notfixed": "Why is it not fixed?", "extend": "Give more time",
    "takedown": "Take it down", "close": "Close without a fix", "resume": "Let it go on",
}  # fmt: skip


def title(word: str) -> str:
    """A dialog's title, 24 characters at most."""
    return TITLES.get(word, word.capitalize())


def intro(line: str, ticket: Ticket | None, held: Collection[str]) -> str:
    """What a dialog is about, and who will read what somebody who holds these roles writes into it."""
    if ticket is None and line.lower().startswith("forget"):
        return f"{typed('reminders')} shows yours with their numbers."
    if ticket is None and line.lower().startswith("contribute"):
        return "Everybody in the channel can read what you write here. You get a ticket number at once."
    if line.lower().startswith("away"):
        return "While you are away, who stands in gets what concerns you as owner or reviewer. The day after, all is as before."
    if ticket is None:
        return (
            "A repository will do; a tag or commit is better. You get a ticket number, "
            "and everybody in the channel can read what you write here."
        )
    words = line.lower().split()
    items = [x for x in ticket.items if x.handle.lower() in words]
    roles = [x.role for x in items] or [x for x in ticket.roles if x in words] or [x for x in ticket.roles if x in held]
    secret = words[0] in {"block", "fail"} and bool(roles) and all(ticket.confidential(x) for x in roles)
    about = "".join(f" **{x.handle}** {x.text}" for x in items)
    return f"{called(ticket)}.{about}" + (
        " Confidential: only the submitter, the owner and your role read it." if secret else ""
    )


def case_intro(word: str, file: CaseFile | None) -> str:
    """What the dialog of a case is about, and who reads what is written into it."""
    if word == "vulnerability":
        return "Only the security team reads this. You are told when it was looked at."
    if file is None:
        return "A vulnerability is told the security team, the owner and the maintainers, and nobody else. A bug stands in public."
    reads = "The security team, the owner and the maintainers read" if file.case.confidential else "Everybody reads"
    if word == "decline":
        reads = "Only the security team reads"
    end = moment(takedown.ends(file.case)) if word == "extend" else ""
    ends = f" The time ended {end}." if decision_due(file.case) else f" The time ends {end} at present."
    if not end:
        ends = ""
    if word == "accept" and not file.case.about.name:
        ends = " The report names no plugin."
    more = (
        ", and of a restriction those who change the listing" if word == "takedown" and file.case.confidential else ""
    )
    return f"{case_card.called(file.case)}.{ends} {reads} what you write here{more}."


def more_needed(word: str) -> str:
    """Where no dialog can be opened at once, a button does it."""
    return f"{typed(word)} needs a little more."


def failed(word: str, usage: str) -> str:
    """The server did not take the dialog."""
    return f"I could not open the dialog just now. Please type it: `{usage}`, or see {typed(f'help {word}')}."
