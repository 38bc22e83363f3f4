"""The table of what happens on what, and `handle`, which runs one event in one transaction."""

import json
import secrets
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import replace
from typing import Any

import structlog

from mmbot.domain.review import Illegal
from mmbot.events import (
    AcceptReport,
    Acknowledge,
    AddNote,
    AskCase,
    AskCases,
    AskHelp,
    AskNext,
    AskPeople,
    AskQueue,
    AskReminders,
    AskReport,
    AskSearch,
    AskStatus,
    Assign,
    BackupMade,
    BackupMissed,
    Block,
    ChangeSeverity,
    ChooseTrack,
    Command,
    ConfirmTakedown,
    Contribute,
    CutPlugin,
    CutStepped,
    DeclineReport,
    Due,
    EditTicket,
    EndCase,
    EndTicket,
    EntryMade,
    Event,
    ExtendCase,
    FileCase,
    Forget,
    GivenUp,
    GiveVerdict,
    Happening,
    HoldTicket,
    Hurry,
    Incomplete,
    JudgeFix,
    JudgeItem,
    Late,
    ListPlugin,
    ManageCut,
    Misread,
    MoveReview,
    Mute,
    NameFix,
    PeopleNamed,
    Pushed,
    ReferenceResolved,
    Remind,
    RemovalMade,
    ReportVulnerability,
    RequestReviews,
    Resubmit,
    SayAway,
    SayReady,
    SayRemoved,
    SayTold,
    SettleFinding,
    Snooze,
    Submit,
    TakeDown,
    TakeStep,
    UndoStep,
    Where,
)
from mmbot.handlers import (
    backups,
    book,
    case_steps,
    cases,
    cuts,
    due,
    edit,
    intake,
    late,
    listing,
    merges,
    parked,
    people,
    pushes,
    queue,
    reminders,
    takedown,
    tracks,
    way,
)
from mmbot.handlers import report as reporting
from mmbot.handlers import review as reviewing
from mmbot.messages import Button, Message, Refused, Reply, Row
from mmbot.store import cuts as cuts_of
from mmbot.store import due as due_rows
from mmbot.store import outbox
from mmbot.store import reminders as reminders_of
from mmbot.store.database import Store
from mmbot.store.failing import StoreFails
from mmbot.store.tx import MARKET, Settings, Tx
from mmbot.words import replies
from mmbot.words.phrases import MB
from mmbot.words.refusals import refused

log = structlog.get_logger()

Handler = Callable[[Tx, Any], Reply | None]

HANDLERS: Mapping[type, Handler] = {
    Submit: intake.submit,
    Contribute: tracks.contribute,
    Resubmit: tracks.resubmit,
    ChooseTrack: tracks.choose,
    EditTicket: edit.edit,
    MoveReview: intake.move,
    SayReady: intake.ready,
    ReferenceResolved: merges.resolved,
    Assign: reviewing.assign,
    RequestReviews: reviewing.request,
    JudgeItem: reviewing.judge,
    Block: reviewing.block,
    SettleFinding: reviewing.settle,
    AddNote: reviewing.note,
    GiveVerdict: reviewing.give_verdict,
    TakeStep: way.take_step,
    UndoStep: way.undo_step,
    AskNext: way.ask_next,
    EndTicket: way.end,
    HoldTicket: way.hold,
    Hurry: way.hurry,
    AskStatus: queue.status,
    AskQueue: queue.queue,
    AskSearch: queue.search,
    Snooze: reminders.snooze,
    Mute: reminders.mute,
    Remind: reminders.remind,
    AskReminders: reminders.listed,
    Forget: reminders.forget,
    AskReport: reporting.report,
    AskPeople: book.people,
    SayAway: book.say_away,
    ReportVulnerability: cases.report,
    FileCase: cases.file,
    AcceptReport: cases.accept,
    DeclineReport: cases.decline,
    AskCases: cases.ask_cases,
    AskCase: cases.ask_case,
    ChangeSeverity: cases.severity,
    Acknowledge: case_steps.acknowledge,
    SayTold: case_steps.told,
    NameFix: case_steps.fix,
    JudgeFix: case_steps.judge,
    ExtendCase: case_steps.extend,
    EndCase: case_steps.end,
    TakeDown: takedown.takedown,
    ConfirmTakedown: takedown.confirm,
    SayRemoved: takedown.removed,
    CutPlugin: cuts.cut_plugin,
    ManageCut: cuts.manage,
    CutStepped: cuts.stepped,
    ListPlugin: listing.list_plugin,
    EntryMade: listing.entry_made,
    RemovalMade: listing.removal_made,
    AskHelp: queue.show_help,
    Misread: queue.misread,
    Incomplete: queue.incomplete,
    Late: late.late,
    PeopleNamed: people.named,
    Pushed: pushes.pushed,
    BackupMade: backups.made,
    BackupMissed: backups.missed,
    Due: due.due,
}
INSTEAD: Mapping[str, Callable[[Tx, Mapping[str, Any]], Happening | None]] = {
    "list": listing.instead,
    "unlist": listing.removal_instead,
}
"""Steps that are looked at once more before each try: what they were asked for may not be right any more."""
FEW_WORDS = 4
"""A line that was not understood and has at least so many may say what should not stand in public."""
AT_ONCE = 20
"""How many due subjects are looked at in one transaction: nobody who asks meanwhile waits long."""
EACH = 3_000
"""Milliseconds between two times that a post shows how far a step has come."""
MANY = 100_000
"""From so many on they are bytes, which nobody counts."""
BROKEN_AGAIN = 3_600_000
"""Milliseconds until a due subject is looked at again that broke something."""
IN_BODY = frozenset({"slash", "click", "dialog", "console", "file"})
"""The ways in whose answer travels back with the request; a dialog only takes a refusal, so it stays open with what was typed."""


def _stands_in_public(tx: Tx) -> bool:
    """Whether somebody may have written in public what their role keeps confidential, or of a vulnerability, though nothing came of it."""
    what = tx.event.what.what if isinstance(tx.event.what, Late) else tx.event.what
    may_be = (
        isinstance(what, Block)
        or (isinstance(what, JudgeItem) and what.state == "failed")
        or (isinstance(what, Misread) and len(what.text.split()) >= FEW_WORDS)
    )
    secret = {x.name for x in tx.policy.roles.values() if x.confidential}
    nearly_reported = isinstance(what, Misread) and f"{MB} vulnerability" in what.why
    return tx.event.where.via == "mention" and (nearly_reported or (may_be and bool(tx.actor.roles & secret)))


class App:
    """The store with the handlers around it. `now` is the one source of time, in milliseconds UTC."""

    def __init__(self, store: Store, settings: Settings, now: Callable[[], int]) -> None:
        self.store, self.settings, self.now = store, settings, now
        self._shown_at: dict[int, int] = {}

    def handle(self, event: Event) -> Reply | None:
        """Run one event: its facts, its effects and its answer are committed together, or none of them.

        Returns the answer where it travels in the request's body; elsewhere it is put into the outbox. Raises StoreFails.
        """
        tx = Tx(self.store, event, self.now(), self.settings)
        if self._only_reads(event) and event.where.via in IN_BODY:
            return self._answer(tx)
        with self.store.transaction():
            if not self.store.first_time(event.id, event.at):
                return Reply(replies.already()) if event.where.via in IN_BODY - {"dialog"} else None
            reminders_of.met(self.store, event.people, tx.now)
            reply = self._answer(tx)
            if reply and reply.refused and event.where.via == "dialog":
                self.store.forget(event.id)  # the dialog stays open, and the same answers may be right in a minute
            elif reply and (event.where.via == "dialog" or event.where.via not in IN_BODY):
                self._post(tx, reply)
                reply = None
            elif reply and event.where.via == "file" and not reply.refused:
                self._post(tx, reply)  # the operator reads it, and so does whoever it was done for
        return reply

    def take_in(self, event: Event, row: outbox.OutboxRow) -> None:
        """Run the event that a step gave, and note that its row is done, in one transaction.

        A fault of ours undoes all of it and is raised: nobody waits for an answer who would be told, so the row keeps it.
        """
        tx = Tx(self.store, event, self.now(), self.settings)
        with self.store.transaction():
            if self.store.first_time(event.id, event.at):
                try:
                    with self.store.savepoint():
                        HANDLERS[type(event.what)](tx, event.what)
                except Refused as no:  # what it was looked up for is no more
                    log.info("result of a step not wanted", what=type(event.what).__name__, why=no.text)
            outbox.sent(self.store, row, "", "")

    def instead(self, row: outbox.OutboxRow) -> Happening | None:
        """What comes of a step that must not be done any more, None where it may be."""
        if row.subject not in INSTEAD:
            return None
        given = json.loads(row.body)
        due = Due(subject=f"step:{row.id}", at=self.now())
        event = Event(f"look:{row.key}", given.get("by", ""), self.now(), Where("mmbot"), due)
        return INSTEAD[row.subject](Tx(self.store, event, self.now(), self.settings), given)

    def came_to(self, cut: int, done: int, of: int) -> None:
        """Show how far the step of a cut has come; not more often than people can read."""
        now = self.now()
        if now - self._shown_at.get(cut, 0) < EACH or of <= 1:
            return
        self._shown_at[cut] = now
        with suppress(StoreFails), self.store.transaction():  # it is only for show
            cuts_of.came_to(self.store, cut, f"{done} of {of}" if of < MANY else f"{100 * done // of} %")
            outbox.show(self.store, cuts_of.subject(cut), MARKET, "", now)

    def come_due(self) -> bool:
        """Look at what has fallen due, some subjects in one transaction; returns whether there may be more. Raises StoreFails.

        Whoever looks at a subject says when it is due next. Where that breaks, it is looked at again later.
        """
        now = self.now()
        with self.store.transaction():
            found = due_rows.due(self.store, now, AT_ONCE)
            for subject, at in found:
                due_rows.put(self.store, subject, None)
                event = Event(f"due:{subject}:{at}", "", now, Where("mmbot"), Due(subject=subject, at=at))
                if not self._looked_at(Tx(self.store, event, now, self.settings)):
                    due_rows.put(self.store, subject, now + BROKEN_AGAIN)
        return len(found) == AT_ONCE

    def _looked_at(self, tx: Tx) -> bool:
        try:
            with self.store.savepoint():
                HANDLERS[Due](tx, tx.event.what)
        except StoreFails:
            raise
        except Exception:
            log.exception("due subject broke", reference=secrets.token_hex(4), kind=tx.event.id.split(":")[1])
            return False
        return True

    def give_up(self, row: outbox.OutboxRow, why: str, cause: str) -> None:
        """Park a row with the reason, and tell whoever has to know."""
        event = Event(f"given-up:{row.key}", "", self.now(), Where("mmbot"), GivenUp(row=row.id, why=why))
        with self.store.transaction():
            parked.given_up(Tx(self.store, event, self.now(), self.settings), row, why, cause)

    def retry(self, which: str) -> int:
        """Take up again a row that was given up, by its number, or "all" of them; returns how many."""
        with self.store.transaction():
            return parked.retried(self.store, which, self.now())

    def _only_reads(self, event: Event) -> bool:
        what = event.what
        return isinstance(what, Misread | Incomplete) or (isinstance(what, Command) and what.reads)

    def _answer(self, tx: Tx) -> Reply | None:
        reply = self._said(tx)
        if reply and (reply.refused or isinstance(tx.event.what, Misread)) and _stands_in_public(tx):
            return replace(reply, text=reply.text + replies.IN_PUBLIC)
        return reply

    def _said(self, tx: Tx) -> Reply | None:
        what = tx.event.what
        try:
            if self._only_reads(tx.event):
                return HANDLERS[type(what)](tx, what)
            with self.store.savepoint():
                return HANDLERS[type(what)](tx, what)
        except Refused as no:
            return Reply(no.text, no.rows, refused=True, errors=((no.field, no.text),) if no.field else ())
        except Illegal as no:
            ticket = tx.ticket(getattr(what, "ticket", 0))
            return Reply(refused(no, ticket, tx.who, tx.by), refused=True)
        except StoreFails:
            raise  # nothing of ours broke, and nothing can be noted: whoever asked has to ask again
        except Exception:
            reference = secrets.token_hex(4)
            log.exception("event failed", reference=reference, what=type(what).__name__, via=tx.event.where.via)
            return Reply(replies.fault(reference), refused=True) if tx.by else None

    def tell(self, person: str, words: str) -> None:
        """Say something to somebody by direct message, though nothing happened that would be recorded."""
        with self.store.transaction():
            self.say(person, words)

    def say(self, person: str, words: str) -> None:
        """The same within a transaction of the caller's."""
        outbox.add(self.store, "say", self.now(), body=outbox.dump_message(Message(words)), person=person)

    def _post(self, tx: Tx, reply: Reply) -> None:
        """Put an answer that no body carries into the outbox, as a direct message."""
        rows = reply.rows
        if reply.dialog:
            rows = (*rows, Row((Button(replies.fill_in(), reply.dialog.line, "primary"),)))
        if tx.by:
            tx.say(Message(reply.text, rows), to=tx.by)
