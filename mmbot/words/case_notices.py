"""What is told of a case when somebody did something: its channel, owner and maintainers, whoever reported it, who changes the listing."""

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
    comes_back,
    confirming,
    contact_line,
    decision_due,
    fix_line,
    moment,
    moment_for,
    removal,
    removed_what,
    restricted_to,
    what,
)
from mmbot.words.phrases import code, ended, link, listed, plain, quoted, typed

SILENCE = "It is confidential: please write nothing of it where others read, not in commits or release notes either, until a fix is listed."


def addressed(names: Sequence[str], text: str) -> str:
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
        addressed(others, asked_line(file.case, who)),
        (Row((Button("Confirm the takedown", confirming(file.case), "danger"),)),),
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
    return Message(addressed(team, f"a new report. Please accept or decline it by **{by}**."), answer(case))


def answer(case: Case) -> tuple[Row, ...]:
    """The buttons that answer a report."""
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


def acknowledged(name: str) -> Message:
    """A maintainer has read that there is a case."""
    return Message(f"{name} acknowledged.")


def shows_it(name: str) -> Message:
    """Somebody says that the listing shows a takedown."""
    return Message(f"{name}: the listing shows the takedown.")


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


def told_since(names: Sequence[str], file: CaseFile) -> Message:
    """Somebody became owner or maintainer after the case was filed, and so was told of it."""
    whose = f" of {file.ticket.handle}" if file.ticket else ""
    are = "is owner or maintainer" if len(names) == 1 else "are owner or maintainers"
    return Message(f"{listed(names)} {are}{whose} by now, and {'was' if len(names) == 1 else 'were'} told of it.")


def channel_not_reached(file: CaseFile, who: Who, zone: str) -> Message:
    """To a member of the team: the case's channel can't be posted in."""
    case = file.case
    whose = "the security team's" if case.confidential else "the marketplace's"
    return Message(
        f"I can't post in {whose} channel, so I write to you. {called(case)}, {what(case)}: {clock_line(case, who, zone)} "
        f"More: {typed(f'case {case.handle}')}. The admins know that the channel has to be mended."
    )


# To the owner


def filed_to_owner(file: CaseFile, who: Who, zone: str) -> Message:
    """To the owner of the ticket, or the default owner: there is a case."""
    case = file.case
    ticket = f" ({file.ticket.handle})" if file.ticket else ""
    by = "There is"
    if case.filed:
        by = "You filed" if case.filed.by == file.owner else f"{who(case.filed.by)} filed"
    lines = [f"{by} {called(case)}{ticket}, a {what(case)}:", quoted(case.text)]
    lines.append(_ends(file, zone))
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


def _ends(file: CaseFile, zone: str) -> str:
    case = file.case
    if not takedown.has_clock(case):
        return f"A {case.severity} vulnerability has no time limit."
    if decision_due(case):
        return f"The time for a fix ended **{moment_for(takedown.ends(case), zone)}**; the security team decides now."
    then = "what becomes of it" if file.listed is False else "whether the plugin is taken out of the Marketplace"
    return f"The time for a fix ends **{moment_for(takedown.ends(case), zone)}**. Without one the security team decides then {then}."


# To a maintainer


def filed_to_maintainer(file: CaseFile, zone: str) -> Message:
    """To somebody whose plugin it is: there is a case, and what is asked of them."""
    case, ticket = file.case, file.ticket
    plugin = f" ({ticket.handle})" if ticket else ""
    kind = "a bug that keeps many from using it" if case.what == "bug" else f"a {case.severity} vulnerability"
    lines = [f"In your plugin there is {kind}: {called(case)}{plugin}.", quoted(case.text), _ends(file, zone)]
    if case.confidential:
        lines.append(SILENCE)
    lines.append("Please say that you have read this. When a fix is handed in, name its ticket or a link.")
    return Message("\n".join(lines), maintainers_buttons(case, acknowledge=True))


def maintainers_buttons(case: Case, *, acknowledge: bool) -> tuple[Row, ...]:
    """What a maintainer can do about a case."""
    read = (Button("Acknowledge", f"acknowledge {case.handle}", "primary"),) if acknowledge else ()
    return (Row((*read, Button("A fix is submitted…", f"fix {case.handle}"))),)


def changed_to_people(case: Case, text: str, zone: str) -> Message:
    """To owner and maintainers: something about the case changed, and when its time ends now."""
    if case.taken_down:
        return Message(f"{called(case)}: {text}")
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
    return f"{ended(f'it is **fixed**, says {by}{note}')} Its clock has stopped. Thank you.{comes_back(case)}"


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
    why = f"\n{quoted(down.why)}\n" if down.why else "\n"
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
        (Row((Button("Confirm the takedown", confirming(case), "danger"),)),),
    )


def to_be_removed(file: CaseFile, who: Who, pulls: Sequence[str] = ()) -> Message:
    """To the owner and whoever changes the listing: what is to be removed; `pulls` are pull requests that would bring it back."""
    case, down = file.case, file.case.taken_down
    if down is None:
        return Message(called(case))
    plugin_id = (file.ticket.plugin_id if file.ticket else "") or case.about.plugin_id
    name = f"**{plain(case.about.name, 60)}**{f' ({code(plugin_id, 100)})' if plugin_id else ''}"
    back = f" Close what would bring it back: {listed(link('pull request', x) for x in pulls[:5])}." if pulls else ""
    limit = restricted_to(down.version) or ended(plain(down.why, 300))[:-1]
    do = {
        "plugin": f"take {name} out of the listing, with all its versions",
        "version": f"take version {code(down.version, 60)} of {name} out of the listing",
        "restriction": f"restrict {name} in the listing: {limit}",
    }[down.removal]
    return Message(
        f"{who(down.by)} decided a takedown. Please {do} ({case.handle}), and say so when it shows.{back} In public say no more than that "
        "it was taken down.",
        (Row((Button("The listing shows it", f"removed {case.handle}", "primary"),)),),
    )


def called_off(file: CaseFile, by: str, ended: Sequence[Ticket], *, stays: bool) -> Message:
    """To those who were to change the listing: they need not any more.

    `ended` are the tickets that were ended with it, and may be open again; `stays` says that another takedown keeps it out.
    """
    if stays:
        return Message(
            f"The takedown of {removed_what(file.case)} ({file.handle}) is called off: {by} closed the case. But another takedown of it "
            "stands: please leave it out of the listing."
        )
    again = "".join(f" {x.handle} ended with it: {typed(f'reopen {x.handle} WHY')} brings it back." for x in ended[:5])
    return Message(
        f"The takedown of {removed_what(file.case)} ({file.handle}) is called off: {by} closed the case. If the listing's file was "
        f"changed for it, or a pull request proposed, please put that back.{again}"
    )


def kept_out(file: CaseFile, pulls: Sequence[str]) -> Message:
    """To those who change the listing: the fix of what was taken down is none, so its entry does not count."""
    undo = "take it out of the listing's file, if it stands there"
    if pulls:
        undo = f"close what was proposed: {listed(link('pull request', x) for x in pulls[:5])}"
    return Message(
        f"What was taken down ({file.handle}) must not come back for now, and an entry of it is on its way: please {undo}. In public say "
        "no more than that it was taken down."
    )


def entry_held(ticket: Ticket) -> Message:
    """In the thread of another ticket of what was taken down: its entry is on its way."""
    return Message(
        f"The plugin was taken down from the Marketplace, so the entry of **{ticket.handle}** is not to be published for now."
    )


def taken_down_in_public(ticket: Ticket) -> Message:
    """In the ticket's thread, where everybody reads: that, and nothing else."""
    return Message(f"**{ticket.handle}** was taken down from the Marketplace.")
