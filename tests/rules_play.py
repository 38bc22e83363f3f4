"""Events played through the whole application, and everything that is looked at after each of them."""

import itertools
import json
import re
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import astuple
from pathlib import Path
from typing import Any, Literal

from rules_cuts import Cuts
from rules_model import BOOK, CONFIDENTIAL, LISTING, PEOPLE, Model, confided, role_of
from rules_rights import FROZEN, SILENT, allowed, hopeless
from structlog.testing import capture_logs

from mmbot import commands, policy
from mmbot.app import App
from mmbot.console_cuts import HERE
from mmbot.domain.booked import account, life, pace
from mmbot.domain.intake import Listed
from mmbot.domain.references import repository_key
from mmbot.domain.report import spread
from mmbot.domain.rights import is_outside
from mmbot.domain.ticket import Ticket, fold
from mmbot.domain.turns import history, stage
from mmbot.events import (
    CASES,
    Acknowledge,
    AskNext,
    AskPeople,
    AskStatus,
    Assign,
    Block,
    ChooseTrack,
    Command,
    Contribute,
    CutPlugin,
    CutStepped,
    Due,
    EditTicket,
    EndTicket,
    EntryMade,
    Event,
    Forget,
    GiveVerdict,
    Happening,
    Incomplete,
    JudgeItem,
    ListPlugin,
    ManageCut,
    Misread,
    Mute,
    PeopleNamed,
    Person,
    ReferenceResolved,
    Remind,
    SettleFinding,
    Snooze,
    Submit,
    TakeStep,
    UndoStep,
    Where,
)  # fmt: skip
from mmbot.handlers import subjects
from mmbot.messages import Message, Reply
from mmbot.store import book, outbox
from mmbot.store import due as due_rows
from mmbot.store.database import Store
from mmbot.store.tx import Settings
from mmbot.words import replies
from mmbot.words.phrases import MB

POLICY = policy.load()
MONDAY = 1_794_218_400_000
REMIND, BADGES = (f"https://github.com/example/mattermost-plugin-{name}" for name in ("remind", "badges"))
LISTED = Listed("com.example.badges", "Badges", "1.2.0", frozenset({repository_key(BADGES)}))
COMMITS = ("3f9c2ab" + "0" * 33, "81d0e44" + "1" * 33, "c4a1f0e" + "2" * 33)
FORK, OWN = "https://github.com/mattermost/mattermost-plugin-remind", "mattermost-plugin-jira"
REWORDED = "90ab12c" + "3" * 33
"""The first commit's code under another message."""
TREES = {COMMITS[0]: "a" * 40, COMMITS[1]: "b" * 40, REWORDED: "a" * 40}
"""Of the third commit the tree is never known."""
Way = Literal["slash", "click", "dialog", "dm", "mention", "security"]
POSTED = frozenset({"dm", "mention", "security"})
"""Ways in whose answer goes by direct message."""
_TYPED = re.compile(f"`{MB} ([^`]+)`")
_WAYS = re.compile(r"cut (status|retry) \d|--force WHY|done MB-\d+ listing|cutplugin MB-|edit MB-\d+ fork")
_EDGE = re.compile(r"  (\w+) --> (\w+): ")
_DESIGN = (Path(__file__).parent.parent / "docs" / "design.md").read_text("utf-8")
DRAWN = {(a.replace("_", " "), b.replace("_", " ")) for a, b in _EDGE.findall(_DESIGN)}
"""The ways from stage to stage that the generated diagram shows."""
RESTING = {"closed", "on hold"}
"""Every open ticket can be put there and come back, which is drawn from one stage only."""


def id_of(name: str) -> str:
    return f"id-{name}" if name and not is_outside(name) else name


def drawn(before: str, after: str) -> bool:
    return before == after or (before, after) in DRAWN or bool({before, after} & RESTING)


class Play(Cuts):
    """One store with its people; a model of every ticket beside it."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.store = Store(Path(self.folder.name) / "mmbot.db", POLICY)
        self.now = MONDAY
        self.app = App(self.store, Settings(cutting=HERE), lambda: self.now)
        self.store.set_catalogue([LISTED])
        self.ids = itertools.count(1)
        self.words = itertools.count(1)
        self.models: dict[int, Model] = {}
        self.stages: dict[int, str] = {}
        self.held: dict[str, set[str]] = {}
        self.shown: dict[str, Message] = {}
        self.last_fact = self.last_row = 0
        self.secrets: Collection[str] = set()
        self.begin_cuts()
        self.logs = capture_logs()
        self.log = self.logs.__enter__()
        self.name(BOOK)

    def close(self) -> None:
        self.logs.__exit__(None, None, None)
        self.store.close()
        self.folder.cleanup()

    # How one thing happens

    def does(self, by: str, what: Command | Misread | Incomplete, via: Way = "slash") -> Reply | None:
        """One event, looked at from all sides; then the same one again."""
        self.now += 60_000
        channel, post = (via, f"post{next(self.ids)}") if via in {"mention", "security"} else ("", "")
        event = Event(f"event{next(self.ids)}", id_of(by), self.now, Where(via, channel, "", post), what, _people())
        no = hopeless(event.by, what, self.models, self.held)
        before, parties, in_the_book = self._promised(), self._parties(), self._noted()
        if isinstance(what, AskPeople) and what.act == "add" and not no:
            for person in what.people:
                self.held[person] |= {*what.roles}
        reply = self.app.handle(event)
        facts = self._new_facts(event)
        self.new_cut_facts(event.by, what)
        noted = self._noted() - in_the_book
        if isinstance(what, AskPeople):
            self.held = {x: set(self.store.roles_of(x)) for x in self.held}
        if not facts and not noted and not isinstance(what, Forget | ListPlugin | Mute | Remind | Snooze):
            self._left_nothing_but_the_answer(event, before)
        assert not (no and (facts or noted)), no
        if reply:
            self._heard(event.by, f"{reply.text} {reply.dialog}")
        self._look_at_the_posts(event, parties, answers=via in {*POSTED, "dialog"})
        for number in {x["ticket"] for x in facts}:
            self._somebody_can_go_on(number)
        after = (self._effects(), self.last_fact)
        twice = self.app.handle(event)
        assert (self._effects(), self._count()) == after
        if reply and reply.refused and via == "dialog":
            assert twice == reply, (twice, reply)
        elif via in POSTED or (via == "dialog" and isinstance(what, Command) and not what.reads):
            assert twice is None
        elif isinstance(what, Command) and not what.reads:
            assert twice == Reply(replies.already())
        return reply

    def _noted(self) -> int:
        """How many facts there are of people, of cases and of cuts."""
        rows = self.store.query("SELECT (SELECT count(*) FROM case_fact) + (SELECT count(*) FROM cut_fact) AS n")
        return len(book.last(self.store, 1_000)) + int(rows[0]["n"])

    def happens(self, what: Happening) -> None:
        self.now += 60_000
        event = Event(f"event{next(self.ids)}", "", self.now, Where("mmbot"), what, _people())
        parties = self._parties()
        assert self.app.handle(event) is None
        facts = self._new_facts(event)
        self.new_cut_facts("", what)
        for number in {x["ticket"] for x in facts}:
            self._somebody_can_go_on(number)
        self._look_at_the_posts(event, parties)
        after = (self._effects(), self.last_fact)
        assert self.app.handle(event) is None
        assert (self._effects(), self._count()) == after

    def cut_goes_on(self, which: int, why: str) -> None:
        """A step of a cut, or of the listing, comes to an end."""
        what = self.cut_steps(which, why, TREES)
        if what:
            self.happens(what)

    def falls_due(self) -> None:
        """What the clock brings, in whatever hours: it records nothing of tickets, and speaks to those who have a part in them."""
        facts = self._count()
        while (upcoming := due_rows.next_due(self.store)) is not None and upcoming <= self.now:
            self.app.come_due()
        assert self._count() == facts
        due = Event("clock", "", self.now, Where("mmbot"), Due(subject="clock:0", at=self.now), _people())
        self._look_at_the_posts(due, self._parties())

    def name(self, roles: Mapping[str, tuple[str, ...]]) -> None:
        in_chat = self.store.query("SELECT role, person FROM granted")
        self.held = {id_of(x): {role for role, names in roles.items() if x in names} for x in PEOPLE}
        for row in in_chat:
            self.held[row["person"]].add(row["role"])
        self.happens(PeopleNamed(roles={r: tuple((x, id_of(x)) for x in names) for r, names in roles.items()}))

    def resolve(self, which: int, commit: str, plugin: str, moved_to: str = "") -> None:
        steps = self.steps()
        step = steps[which % len(steps)]
        self.store.execute("UPDATE outbox SET state = 'sent' WHERE id = ?", step["id"])
        asked = json.loads(step["body"])
        manifest = {"id": plugin, "name": plugin.rpartition(".")[2], "version": "1.4.0"} if plugin else None
        merged = asked.get("purpose", "") == "merged"
        since = asked["since"] if merged else self.model(asked["ticket"]).commit if commit else ""
        found = ReferenceResolved(
            ticket=asked["ticket"], text=asked["text"], repository=asked["repository"], asked_at=asked["asked_at"],
            purpose=asked.get("purpose", ""), moved_to=moved_to, ref_kind="tag", ref_name="v1.4.0", commit=commit,
            tree=TREES.get(commit, ""), since=since, files=("plugin.json",), manifest=manifest,
            why="" if commit else "There is no such tag.",
        )  # fmt: skip
        self.happens(found)

    def steps(self) -> list[Mapping[str, Any]]:
        """The lookups that are to be done."""
        return self.store.query(
            "SELECT id, body FROM outbox WHERE kind = 'do' AND state = 'pending' AND subject = 'resolve' ORDER BY id"
        )

    def word(self) -> str:
        return f"marker{next(self.words)}x"

    def model(self, ticket: int) -> Model:
        return self.models.get(ticket, Model())

    # Who could do it

    def guide(self, ticket: int) -> str:
        model = self.model(ticket)
        return model.owner.removeprefix("id-") or ("ada" if id_of("olive") in model.theirs else "olive")

    def submitter(self, ticket: int) -> str:
        """Whose it is; whoever speaks for them, if they have no account."""
        found = self.model(ticket).submitter
        return self.guide(ticket) if is_outside(found) else found.removeprefix("id-") or "sue"

    def reviewer(self, ticket: int, role: str) -> str:
        fitting = (x for x in PEOPLE if role in self.held[id_of(x)] and id_of(x) not in self.model(ticket).theirs)
        return next(fitting, "sam")

    def cutter(self, what: Command) -> str:
        """A release user; another one than who asked, where a second one is needed."""
        asked = next((x.asked["by"] for x in self.cuts.values() if x.state == "asked"), "")
        fitting = [x for x in PEOPLE if "release" in self.held[id_of(x)]]
        others = [x for x in fitting if id_of(x) != asked]
        return next(iter((others if isinstance(what, ManageCut) and what.act == "confirm" else ()) or fitting), "rosa")

    def fitting(self, what: Command) -> str:  # noqa: C901, PLR0911 -- one exit per kind of command
        """Somebody who may well do this: else most moves would be refused."""
        ticket: int = getattr(what, "ticket", 0) or 0
        match what:
            case Submit():
                return "olive" if what.submitter else "sid"
            case Contribute():
                return "otto"
            case CutPlugin() | ManageCut() | ListPlugin():
                return self.cutter(what)
            case _ if type(what) in CASES:
                return "sue" if isinstance(what, Acknowledge) else "sam"
            case JudgeItem() if what.items:
                return self.reviewer(ticket, role_of(what.items[0]))
            case Block() | GiveVerdict():
                item = getattr(what, "item", "")
                return self.reviewer(ticket, role_of(item) if item else what.role or "qa")
            case SettleFinding():
                return self.reviewer(ticket, self.model(ticket).findings.get(what.number, {"role": "dev"})["role"])
            case Assign() if what.role != "owner":
                return self.reviewer(ticket, what.role)
            case TakeStep() | UndoStep() if what.step == "cut" and self.held["id-rosa"]:
                return "rosa"
            case Assign() | JudgeItem() | TakeStep() | UndoStep() | EndTicket(ending="rejected") | ChooseTrack():
                return self.guide(ticket)
            case EditTicket() if what.what not in {"title", "contact", "social"}:
                return self.guide(ticket)
        return self.guide(ticket) if what.who == "owner" else self.submitter(ticket)

    # What people are offered

    def offered(self, ticket: int, person: str) -> list[str]:
        """The commands that `status` offers somebody."""
        event = Event("asked", id_of(person), self.now, Where("slash"), AskStatus(ticket=ticket), _people())
        reply = self.app.handle(event)
        assert reply
        return [x for line in reply.text.split("\n") if line.startswith("**You can now:**") for x in _TYPED.findall(line)]  # fmt: skip

    def next_steps(self, ticket: int) -> list[str]:
        """The commands that `next` names, without those that only read."""
        event = Event("asked", "id-ada", self.now, Where("slash"), AskNext(ticket=ticket), _people())
        reply = self.app.handle(event)
        assert reply
        found = [x for x in _TYPED.findall(reply.text) if x.split()[0] in {"done", "claim", "request", "approve"}]
        return found if self.models[ticket].over or self.models[ticket].ended or found else _TYPED.findall(reply.text)

    def takes_up(self, by: str, line: str, ticket: int, via: Way = "slash") -> None:
        """Whatever somebody is offered is accepted."""
        model = self.models[ticket]
        tag = f"v9.0.{next(self.words)}"
        page = f"https://example.com/page{next(self.words)}"
        where = page if model.page else f"{model.repository} {tag}"
        left = next((x for x in model.maintainers if ("swag", x) not in model.steps), "")
        line = line.replace("@USER", '"Jane Doe"' if is_outside(left) else f"@{left.removeprefix('id-')}")
        if " merged " in line:
            page = f"https://github.com/example/fork/commit/{model.commit}"
        if " fork " in line and self.now // 60_000 % 2:
            page = f"https://github.com/mattermost/fork{next(self.words)}"
        line = line.replace("LINK", where if line.split()[0] in {"commit", "ready"} else page).replace("TAG", tag)
        context = commands.Context(id_of(by), None, {x: id_of(x) for x in PEOPLE})
        what = commands.read(line, POLICY, context)
        if isinstance(what, Incomplete):
            asked = commands.questions(what, self.store.ticket(ticket), POLICY, self.held[id_of(by)])
            answers = {x.name: x.choices[0][0] if x.choices else self.word() for x in asked if not x.optional}
            what = commands.filled(what.word, what.line, answers, POLICY, context)
        assert isinstance(what, Command), (line, what)
        reply = self.does(by, what, via)
        if isinstance(what, CutPlugin | ListPlugin) and reply and reply.refused:
            # it was done by hand, is under way, was cut before, or its fork is somewhere else
            assert re.search(_WAYS, reply.text), reply.text
            return
        assert reply is None or not reply.refused, (line, by, reply.text)

    def _somebody_can_go_on(self, number: int) -> None:
        """An open ticket waits for somebody who is there, and is told what they can do; one that rests for nobody."""
        model, turns = self.models[number], self.store.turns(number)
        resting = bool(model.ended) or model.held or model.over
        assert bool(turns) != resting, f"MB-{number} waits for {[*turns]}"
        for party in turns:
            people = self._waited_for(model, party)
            assert not people or any(self.offered(number, x) for x in people), (number, turns[party], people)

    def _waited_for(self, model: Model, party: str) -> list[str]:
        def holding(role: str) -> list[str]:
            return [x for x in PEOPLE if role in self.held[id_of(x)]]

        match party:
            case "mmbot":
                return []
            case "submitter":
                person = model.owner if is_outside(model.submitter) else model.submitter
                return [person.removeprefix("id-")] if person else []
            case "owner":
                return [model.owner.removeprefix("id-")] if model.owner else holding("owner")
            case "release":
                return holding("release")
        reviewer = model.reviewers.get(party, "")
        if reviewer:  # somebody whose role was taken away meanwhile is waited for until it is given to another
            return [reviewer.removeprefix("id-")] if party in self.held[reviewer] else []
        return [x for x in holding(party) if id_of(x) not in model.theirs]

    # What was recorded

    def _new_facts(self, event: Event) -> list[dict[str, Any]]:
        rows = self.store.query("SELECT * FROM fact WHERE id > ? ORDER BY id", self.last_fact)
        facts = []
        for row in rows:
            fact = json.loads(row["data"])
            assert (row["kind"], row["at"], row["by"], row["via"]) == tuple(fact[x] for x in ("kind", "at", "by", "via"))  # fmt: skip
            assert row["event"] == event.id
            assert fact["at"] == event.at
            assert fact["via"].split(":")[0] == ("" if fact["kind"] == "hurried" else event.where.via)
            of_a_cut = isinstance(event.what, CutStepped | EntryMade) and fact["kind"] == "step"
            again = isinstance(event.what, CutStepped) and fact["kind"] == "step-undone"
            assert fact["by"] == event.by or (fact["by"] == "" and fact["kind"] in SILENT) or of_a_cut or again
            if of_a_cut:
                assert fact["step"] == ("cut" if isinstance(event.what, CutStepped) else "listing")
            assert not again or fact["step"] == "listing"
            model = self.models.setdefault(row["ticket"], Model())
            if fact["by"]:
                allowed(fact, model, self.held)
            else:
                assert not model.ended or fact["kind"] == "linked"
                assert not model.public or fact["kind"] not in FROZEN
            model.add(fact)
            facts.append({**fact, "ticket": row["ticket"]})
            self.last_fact = row["id"]
        for number in {x["ticket"] for x in facts}:
            ticket = self.store.ticket(number)
            assert ticket
            before, now = self.stages.get(number, "looking up"), stage(ticket)
            new_page = number not in self.stages and ticket.page
            assert drawn(before, now) or new_page, f"not in the diagram: {before} -> {now} ({event.what})"
            self.stages[number] = now
        self.secrets = confided(self.models)
        return facts

    def _count(self) -> int:
        return int(self.store.query("SELECT coalesce(max(id), 0) AS n FROM fact")[0]["n"])

    def _effects(self) -> list[tuple[object, ...]]:
        return [tuple(x.values()) for x in self.store.query("SELECT * FROM outbox ORDER BY id")]

    def _promised(self) -> list[tuple[object, ...]]:
        """The effects without the time of the notices: a `ready` that comes too soon has them told at once."""
        rows = self.store.query("SELECT * FROM outbox ORDER BY id")
        return [tuple(v for k, v in x.items() if k != "due_at" or x["kind"] != "notice") for x in rows]

    def _left_nothing_but_the_answer(self, event: Event, before: Collection[tuple[object, ...]]) -> None:
        assert self._promised()[: len(before)] == before
        added = self.store.query("SELECT kind, person, channel FROM outbox WHERE id > ?", self.last_row)
        if event.where.via in POSTED or (event.where.via == "dialog" and added):  # which only takes a refusal back
            assert [(x["kind"], x["person"]) for x in added] == [("say", event.by)]
        else:
            assert added == []

    # What was said

    def _parties(self) -> dict[int, set[str]]:
        return {n: {*model.theirs, model.owner} for n, model in self.models.items()}

    def _heard(self, reader: str, shown: str, *, sent: bool = False) -> None:
        """Nobody reads a secret of a ticket that they may not know; for people without an account somebody passes it on."""
        for model in self.models.values():
            if CONFIDENTIAL in self.held[reader] or reader in {model.owner, *model.theirs}:
                continue
            if sent and is_outside(model.submitter) and not model.owner and self.held[reader] & {"owner", "admin"}:
                continue
            for found in model.findings.values():
                assert not (found["secret"] and found["text"] in shown), "a secret in an answer"

    def _look_at_the_posts(self, event: Event, parties: dict[int, set[str]], *, answers: bool = False) -> None:
        """Say what is due, as the outbox does, and read every word of it."""
        for row in outbox.due(self.store, self.now, limit=1000):
            message, person, remembered = self._said(row)
            if message is None:
                told = str(outbox.told(self.store, row.subject)) if row.kind == "notice" else ""
                outbox.sent(self.store, row, "", "", told)
                continue
            if person:
                if not (answers and person == event.by and row.id > self.last_row):
                    left = parties if isinstance(event.what, EditTicket | Assign) else {}
                    self._their_turn(person, message, left)
                self._heard(person, message.text, sent=True)
            else:
                shown = outbox.dump_message(message)
                assert not [x for x in self.secrets if x in shown], "a secret in public"
                if row.kind == "show":
                    self.shown[row.subject] = message
            self._buttons_work(message)
            outbox.sent(self.store, row, "c", f"sent{row.id}", remembered)
        self.last_row = int(self.store.query("SELECT coalesce(max(id), 0) AS n FROM outbox")[0]["n"])

    def _said(self, row: outbox.OutboxRow) -> tuple[Message | None, str, str]:
        if row.kind == "say":
            return outbox.read_message(row.body), row.person, ""
        rendered = subjects.render(self.app.store, row, self.now)
        if rendered is None:
            return None, "", ""
        person = subjects.audience(self.app.store, row)[0] if row.kind == "notice" else ""
        return rendered[0], person, rendered[1]

    def _their_turn(self, person: str, message: Message, left: Mapping[int, set[str]]) -> None:
        """Whoever is sent a message unasked can do what its buttons offer; and it is about a ticket of theirs."""
        assert not is_outside(person)
        if re.match(r"(Good morning|Hello)\.", message.text):
            self._their_morning(person, message)
            return
        for button in (x for row in message.rows for x in row.buttons if " BUG-" not in x.line):
            if button.line.split()[0] in {
                "cut",
                "cutplugin",
                "list",
            }:  # of a cut that failed whoever asked for it is told
                assert "release" in self.held[person] or " retry " in button.line
                continue
            word, _, rest = button.line.partition(" ")
            number, role = int(rest.split()[0].removeprefix("MB-")), rest.split()[1]
            model = self.models[number]
            if word == "unblock":
                role = model.findings[int(role)]["role"]
            assert role in self.held[person], (message, person)
            assert person not in model.theirs
        if not message.rows:
            numbers = {int(x) for x in re.findall(r"MB-(\d+)", message.text)} & {*self.models}
            parties = self._parties()
            concerned = {x for n in numbers for x in (*parties[n], *left.get(n, ()))}
            alone = not numbers  # of roles and absences: no ticket's business
            assert alone or person in concerned or self.held[person], (message, person)

    def _their_morning(self, person: str, message: Message) -> None:
        """A morning is about open tickets that are somebody's turn, to people with a role who may press its buttons."""
        numbers = {int(x) for x in re.findall(r"MB-(\d+)", message.text)}
        assert numbers
        assert self.held[person] or all(person == self.models[n].owner for n in numbers)
        for number in numbers:
            model = self.models[number]
            assert not model.ended
            assert not model.held
            assert person not in model.theirs or person not in {model.owner, *model.reviewers.values()}
        for button in (x for row in message.rows for x in row.buttons):
            assert button.line == "away" or int(button.line.split()[1].removeprefix("MB-")) in numbers

    def _buttons_work(self, message: Message) -> None:
        for button in (x for row in message.rows for x in row.buttons):
            what = commands.read(button.line, POLICY, commands.Context("id-sam", None, {x: id_of(x) for x in PEOPLE}))
            assert not isinstance(what, Misread), button.line

    # What always holds

    def look_at_the_index(self) -> None:
        """What is searched is what the facts say, and nothing but `save` wrote it."""
        tickets = self.store.query("SELECT * FROM ticket ORDER BY number")
        assert [row["number"] for row in tickets] == sorted(self.models)
        turned = self.store.query("SELECT * FROM turn ORDER BY ticket, party")
        expected = []
        for row in tickets:
            number, facts = row["number"], self.store.facts(row["number"])
            ticket, turns = history(number, POLICY, facts)
            cached = self.store.ticket(number)
            assert cached == fold(number, POLICY, facts) == ticket.stored()
            assert cached.news == ()
            assert self.store.turns(number) == turns
            model = self.models[number]
            live = not model.ended and not model.public
            assert (row["open"], row["owner"], row["submitter"]) == (int(live), model.owner, model.submitter)
            assert (row["name"], row["plugin_key"]) == (ticket.name.lower(), model.plugin_id)
            place = f"page:{model.repository[8:].rstrip('/').lower()}" if model.page else repository_key(model.repository)  # fmt: skip
            assert row["repository_key"] == place
            assert row["changed_at"] == facts[-1].at
            who = {"owner": model.owner, "submitter": model.submitter}
            for party, turn in turns.items():
                person = who.get(party, cached.review(party).reviewer)
                rank = int(not model.urgent)
                expected.append((number, party, person, turn.why, turn.since, turn.due, rank))
            steps = {turn.party for turn in turns.values() if turn.why in {"step", "listing"}}
            compares = model.gate and model.comparing and "mmbot" in turns
            goes_on = model.gate and bool(model.owner) and not model.held and not model.over
            assert compares <= goes_on
            assert steps <= {"owner"} if compares else bool(steps) == goes_on
            assert steps <= {"owner", "release", *LISTING}
            for part, person in ticket.parts if live else ():
                fitting = {"owner", "admin", "default-owner"} if part == "owner" else {part}
                assert fitting & self.held[person], (part, person)
                assert number in book.parts(self.store, person, part)
        assert sorted(expected) == [tuple(row.values()) for row in turned]
        self._look_at_what_is_booked()

    def _look_at_what_is_booked(self) -> None:
        """Spans, beginnings, ends and paces are what all facts at once say."""
        for number in self.models:
            known = account(Ticket(number, POLICY), {}, self.store.facts(number))
            spans = sorted((x.party, x.since, x.until, x.why) for x in known.spans)
            kept = self.store.query(
                "SELECT party, since, until, why FROM booked WHERE ticket = ? ORDER BY party, since", number
            )
            assert [tuple(x.values()) for x in kept] == spans
            (lived,) = self.store.query("SELECT opened_at, finished_at, how FROM life WHERE ticket = ?", number)
            assert tuple(lived.values()) == astuple(life(known.ticket))
            first = {x.role: x for x in reversed(known.decisions)}
            times = {role: [(since, until) for party, since, until, _ in spans if party == role] for role in first}
            paces = [astuple(pace(x, times[role])) for role, x in sorted(first.items())]
            kept = self.store.query(
                "SELECT role, looked, took, decided_at, counts FROM pace WHERE ticket = ? ORDER BY role", number
            )
            assert [tuple(x.values()) for x in kept] == paces
        for row in self.store.query("SELECT * FROM usual"):
            reviews = self.store.query("SELECT looked, took FROM pace WHERE role = ? AND counts = 1", row["role"])
            looked, took = spread([x["looked"] for x in reviews]), spread([x["took"] for x in reviews])
            assert tuple(row.values()) == (row["role"], len(reviews), *astuple(looked)[1:], *astuple(took)[1:])

    def look_at_the_tickets(self) -> None:
        """What holds of every ticket by itself, and of them all together."""
        taken: dict[str, int] = {}
        for number, model in self.models.items():
            if model.public:
                assert model.gate, "public without the approval of every role"
                assert not model.missing_before("promotion"), "public, and a step before it is not done"
            assert not model.theirs & model.judged_by, "somebody judged what is theirs"
            assert not model.theirs & {*model.reviewers.values()} - {""}, "somebody reviews what is theirs"
            assert all(x < number for x in (model.before,))
            assert not model.before or number in self.models[model.before].after, "a link that leads one way"
            assert all(self.models[x].before == number for x in model.after)
            if model.commit and not model.ended and not model.public:
                for key in {f"{model.page} {model.repository.lower()}", f"id {model.plugin_id}"} - {"id "}:
                    assert taken.setdefault(key, number) == number, f"MB-{number} and MB-{taken[key]}: {key}"


def _people() -> tuple[Person, ...]:
    return tuple(Person(id_of(x), x) for x in PEOPLE)
