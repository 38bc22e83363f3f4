"""How something is taken out of the Marketplace: asked for, confirmed by a second person or decided at the end of the time, and done."""

import re

from mmbot.domain import case_facts as c
from mmbot.domain import takedown as rules
from mmbot.domain.case_file import CaseFile
from mmbot.events import ConfirmTakedown, SayRemoved, TakeDown
from mmbot.handlers import case_keeping as keeping
from mmbot.handlers import tombstones
from mmbot.handlers.listing import prepare_removal
from mmbot.messages import Refused, Reply
from mmbot.store.tx import Tx
from mmbot.words import case_notices as notices
from mmbot.words import cases as words

_LIMIT = re.compile(r"v?\d+\.\d+\.\d+|on-prem")
"""What a restriction leaves: servers from a version on, or those on premises."""
_BEGUN = re.compile(r"v\d+(\.\d+)*(\s|$)|\d+(\.\d+)+(\s|$)|\d+\s*$|on.?prem", re.IGNORECASE)
"""How a reason does not begin: that was to be the limit."""


def takedown(tx: Tx, cmd: TakeDown) -> Reply:
    """Decide a takedown once the time has ended; before that, ask for one that a second person confirms."""
    before = keeping.opened(tx, cmd.case, "team")
    if before.case.stage != "open":
        raise Refused(words.not_now(before.case, "not-open"))
    if cmd.removal == "version" and not cmd.version:
        raise Refused(words.which_version(), "version")
    version = {"plugin": "", "version": cmd.version, "restriction": cmd.version.lower()}[cmd.removal]
    if cmd.removal == "restriction" and not (_LIMIT.fullmatch(version) if version else not _BEGUN.match(cmd.why)):
        raise Refused(words.which_server(), "version")
    kind = {"removal": cmd.removal, "version": version, "why": cmd.why}
    if rules.decides(before.case, tx.now):
        return _decided(tx, before, c.TakenDown(**kind, by=tx.by, at=tx.at, via=tx.via))
    asked = c.RemovalAsked(**kind, by=tx.by, at=tx.at, via=tx.via)
    found = keeping.keep(tx, before.case.plus(asked))
    keeping.tell_channel(tx, found, notices.asked_in_channel(found, tx.who, keeping.team_here(tx, found)))
    for person in keeping.release_here(tx, found):
        keeping.tell(tx, found, person, notices.asked_to_confirm(found, tx.who))
    return Reply(words.asked(found.case))


def confirm(tx: Tx, cmd: ConfirmTakedown) -> Reply:
    """A second person confirms what the first asked for."""
    before = keeping.opened(tx, cmd.case, "confirm")
    asked = before.case.asked
    if asked is None or before.case.stage != "open":
        raise Refused(words.not_now(before.case, "nothing-asked"))
    if (cmd.removal and cmd.removal != asked.removal) or (cmd.version and cmd.version != asked.version):
        raise Refused(words.something_else(before.case, tx.who))
    if asked.by == tx.by:
        raise Refused(words.confirms_own(before.case))
    if tx.policy.takedown.team not in tx.store.roles_of(asked.by) or before.own(asked.by):
        raise Refused(words.asked_by_nobody(before.case, tx.who))
    fact = c.TakenDown(
        removal=asked.removal, version=asked.version, why=asked.why, asked_by=asked.by, by=tx.by, at=tx.at, via=tx.via
    )
    return _decided(tx, before, fact)


def _decided(tx: Tx, before: CaseFile, fact: c.TakenDown) -> Reply:
    found = keeping.keep(tx, before.case.plus(fact))
    keeping.tell_channel(tx, found, notices.decided_in_channel(found, tx.who))
    own = found.own(found.owner)
    for person in (*found.maintainers, *((found.owner,) if own else ())):
        keeping.tell(tx, found, person, notices.removed_to_people(found, tx.who))
    return Reply(words.taken_down(found.case) + carry_out(tx, found))


def carry_out(tx: Tx, file: CaseFile) -> str:
    """Have what was decided prepared, or tell those who do it by hand; gives what the asker reads who is one of these."""
    pulls = tombstones.on_their_way(tx, file.case)
    tombstones.bury(tx, file.case)
    if prepare_removal(tx, file, pulls):  # then they are told when it is prepared
        return ""
    return keeping.tell_removers(tx, file, notices.to_be_removed(file, tx.who, pulls))


def removed(tx: Tx, cmd: SayRemoved) -> Reply:
    """The listing shows what was decided."""
    before = keeping.opened(tx, cmd.case, "removed")
    if not before.case.removing:
        raise Refused(words.not_now(before.case, "nothing-removed"))
    found = keeping.keep(tx, before.case.plus(c.Removed(link=cmd.link, by=tx.by, at=tx.at, via=tx.via)))
    keeping.tell_channel(tx, found, notices.shows_it(tx.who(tx.by)))
    if found.case.over:
        keeping.tell_reporter(tx, found, notices.over_to_reporter(found.case))
    return Reply(words.removed(found.case))
