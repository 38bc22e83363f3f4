"""What every handler of a case needs: to open its file for whoever may know of it, to keep what is new, to tell whom it concerns."""

from mmbot.domain import case_facts as c
from mmbot.domain import takedown
from mmbot.domain.case import TEAM, Case
from mmbot.domain.case_file import CaseFile, CaseRight, Sight, may, sight
from mmbot.domain.deadlines import Office
from mmbot.messages import Button, Message, Refused, Row
from mmbot.store import cases, due
from mmbot.store.tx import MARKET, SECURITY, Tx
from mmbot.words import case_notices as notices
from mmbot.words import cases as words
from mmbot.words.phrases import zone_of
from mmbot.words.replies import fill_in


def in_private(tx: Tx, handle: str = "") -> None:
    """Refuse what concerns a vulnerability where others read it: nothing is done, and nothing said there."""
    if tx.event.where.via == "mention" and not handle.startswith("BUG"):
        rows = () if handle else (Row((Button(fill_in(), "vulnerability", "primary"),)),)
        raise Refused(words.not_in_public(), rows=rows)


def found(tx: Tx, handle: str) -> tuple[CaseFile, Sight]:
    """A case's file, and what the asker may know of it; who may know nothing hears the same as of a case that is not there."""
    in_private(tx, handle)
    case = cases.case(tx.store, handle)
    file = cases.file_of(tx.store, case, tx.now) if case else None
    sees = sight(tx.actor, file) if file else ""
    if file is None or not sees:
        raise Refused(words.no_such_case(handle), "case")
    return file, sees


def opened(tx: Tx, handle: str, right: CaseRight) -> CaseFile:
    """A case's file for somebody who has this right to it; else refuses."""
    file, _ = found(tx, handle)
    if not may(right, tx.actor, file):
        team = file.case.policy.takedown.team
        decides = tx.actor.roles & {team, "release"} or tx.by == file.owner
        if file.own(tx.by) and decides and right != "maintainer":
            raise Refused(words.own(file.handle))
        raise Refused(words.only(right))
    return file


def keep(tx: Tx, case: Case) -> CaseFile:
    """Save what is new of a case, have its card show it, and set when it is looked at next."""
    saved = cases.save(tx.store, case, tx.event.id)
    tx.show_case(saved.handle)
    file = cases.file_of(tx.store, saved, tx.now)
    due.put(tx.store, cases.subject(saved.handle), next_look(tx, file))
    return file


def next_look(tx: Tx, file: CaseFile) -> int | None:
    """When the clock of a case speaks to somebody next: now, where it should have spoken already."""
    moments = [] if file.case.over else [_next(tx, file, to) for to in file.recipients]
    return min((at for at in moments if at is not None), default=None)


def _next(tx: Tx, file: CaseFile, to: str) -> int | None:
    theirs = office(tx, to)
    mark = takedown.outstanding(file.case, to, theirs, tx.now)
    return tx.now if mark and file.concerns(to, mark) else takedown.next_told(file.case, to, theirs, tx.now)


def office(tx: Tx, to: str) -> Office:
    """When the clock may speak to somebody; the team's channel lives in UTC."""
    zone = "" if to == TEAM else tx.zone(to)
    return Office(tx.policy.hours, zone_of(zone), tx.policy.days.holidays)


def tell(tx: Tx, file: CaseFile, person: str, message: Message) -> None:
    """Tell somebody of a case by direct message; never a deputy. Where it does not get through, the case knows."""
    tx.say(message, to=person, about=cases.subject(file.handle))


def tell_channel(tx: Tx, file: CaseFile, message: Message) -> None:
    """Say something in the thread of the case's card."""
    channel = (
        SECURITY if file.case.confidential else MARKET
    )  # the thread's own channel counts first; nothing may go astray without one
    tx.say(message, thread=cases.subject(file.handle), channel=channel)


def concerned(file: CaseFile) -> tuple[str, ...]:
    """Owner and maintainers, who are told of what happens to a filed case."""
    return (*((file.owner,) if file.owner else ()), *file.maintainers)


def tell_filed(tx: Tx, file: CaseFile, person: str) -> None:
    """Tell the owner or a maintainer that there is a case."""
    zone = tx.zone(person)
    owner = person == file.owner
    message = notices.filed_to_owner(file, tx.who, zone) if owner else notices.filed_to_maintainer(file, zone)
    tell(tx, file, person, message)


def team_here(tx: Tx, file: CaseFile) -> list[str]:
    """The names of the security team's members who are there and may decide."""
    members = [x for x in tx.store.members(tx.policy.takedown.team) if not file.own(x)]
    return [tx.who(x) for x in tx.present(members)] if members else []


def tell_reporter(tx: Tx, file: CaseFile, message: Message) -> None:
    """Tell whoever reported it, unless that is who acts now, or somebody who is told anyway."""
    reported: c.Reported | None = file.case.reported
    if reported and reported.by not in {"", tx.by, *concerned(file)}:
        tell(tx, file, reported.by, message)


def tell_all(tx: Tx, file: CaseFile, text: str, *, over: bool = False) -> None:
    """Tell the channel, and whoever is concerned but who acts, what changed; and when the time ends now, unless it is over."""
    say = notices.over_to_people if over else notices.changed_to_people
    tell_channel(tx, file, say(file.case, text, ""))
    for person in concerned(file):
        if person != tx.by:
            tell(tx, file, person, say(file.case, text, tx.zone(person)))


def release_here(tx: Tx, file: CaseFile) -> list[str]:
    """The release users who may have to do something; not those who are told in another part, or whose plugin it is."""
    team = set(tx.store.members(tx.policy.takedown.team))
    others = [
        x for x in tx.store.members("release") if x not in team and x not in {tx.by, file.owner} and not file.own(x)
    ]
    return tx.present(others) if others else []


def tell_removers(tx: Tx, file: CaseFile, message: Message) -> str:
    """Tell those who change the listing; gives what the asker reads who is one of these."""
    for person in removers(tx, file):
        if person != tx.by:
            tell(tx, file, person, message)
    return f"\n{message.text}" if "release" in tx.actor.roles else ""


def removers(tx: Tx, file: CaseFile) -> list[str]:
    """Who has to change the listing after a takedown: its owner and the release users, unless the plugin is their own."""
    owner = [file.owner] if file.owner and not file.own(file.owner) else []
    return list(dict.fromkeys((*owner, *release_here(tx, file))))
