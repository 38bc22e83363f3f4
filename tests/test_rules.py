"""Random reviews, played through the whole application: whatever people do, these rules hold."""

import itertools
import json
import tempfile
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from structlog.testing import capture_logs

from mmbot import commands, policy
from mmbot.app import App
from mmbot.domain import facts as f
from mmbot.domain import review
from mmbot.domain.facts import Decision, ItemState
from mmbot.domain.intake import Listed
from mmbot.domain.references import repository_key
from mmbot.domain.ticket import Ticket, fold
from mmbot.domain.turns import history
from mmbot.events import (
    AddNote,
    AskHelp,
    AskPeople,
    AskQueue,
    AskSearch,
    AskStatus,
    Assign,
    Block,
    Command,
    Event,
    GiveVerdict,
    Happening,
    Incomplete,
    JudgeItem,
    Misread,
    MoveReview,
    PeopleNamed,
    Person,
    Pushed,
    ReferenceResolved,
    RequestReviews,
    SayAway,
    SayReady,
    SettleFinding,
    Submit,
    Where,
)
from mmbot.messages import Message, Reply
from mmbot.store import book, outbox
from mmbot.store.database import Store
from mmbot.store.tx import Settings
from mmbot.words import replies

POLICY = policy.load()
MONDAY = 1_794_218_400_000
BOOK: Mapping[str, tuple[str, ...]] = {
    "admin": ("ada",), "owner": ("olive", "ole"), "default-owner": ("olive",), "product": ("pam", "sid"), "dev": ("dana",),
    "security": ("sam", "dana"), "qa": ("quinn", "ole"),
}  # fmt: skip
"""dana reviews for two roles, ole owns and reviews, sid both submits and holds a role."""
OTHER_BOOK = {**BOOK, "dev": ("quinn", "dana"), "security": ("sam",), "qa": ("quinn", "sue")}
PEOPLE = ("sue", "sid", "otto", "olive", "ole", "ada", "pam", "dana", "sam", "quinn")
ROLES = ("product", "dev", "security", "qa")
CONFIDENTIAL = "security"
REMIND, BADGES = (f"https://github.com/example/mattermost-plugin-{name}" for name in ("remind", "badges"))
LISTED = Listed("com.example.badges", "Badges", "1.2.0", frozenset({repository_key(BADGES)}))
COMMITS = ("3f9c2ab" + "0" * 33, "81d0e44" + "1" * 33, "c4a1f0e" + "2" * 33)
REWORDED = "90ab12c" + "3" * 33
"""The first commit's code under another message."""
TREES = {COMMITS[0]: "a" * 40, COMMITS[1]: "b" * 40, REWORDED: "a" * 40}
"""Of the third commit the tree is never known."""
LINKS = (
    REMIND,
    f"{REMIND} v1.0.0",
    f"{BADGES} v2.0.0",
    BADGES,
    f"{REMIND} v1.0.1",
    "v1.0.2",
    "#7",
    "not a link at all",
)
ITEMS = ("P1", "P2", "P7", "P8", "T1", "T2", "S1", "S2", "F1", "F2", "U1", "U2", "U3", "W1", "X9")
OF_ROLE = {"P": "product", "T": "dev", "S": "security", "F": "qa", "U1": "dev", "U2": "dev", "U3": "product"}
NEW = [f"P{n}" for n in range(1, 9)] + ["T1", "T2", "S1", "S2", "F1", "F2"]
TRACKS = {"new": NEW, "update": [*NEW, "U1", "U2", "U3"]}
MAY_BE_NA = {"P7", "T2"}
SILENT = frozenset({"resolved", "unresolved", "ended", "assigned"})
"""The kinds of fact that mmbot itself may record."""

people = st.none() | st.sampled_from(PEOPLE)
"""None stands for somebody who fits: without it most moves would be refused."""
numbers = st.sampled_from((1, 1, 1, 2, 2, 3))
roles = st.sampled_from((*ROLES, *ROLES, "owner", "docs"))
guards = st.sampled_from(("", "", "", COMMITS[0][:7], COMMITS[1][:9], "deadbee"))
Way = Literal["slash", "click", "dialog", "dm", "mention"]
ways = st.sampled_from(("slash", "slash", "click", "dialog", "dm", "mention"))


def role_of(item: str) -> str:
    return OF_ROLE.get(item) or OF_ROLE.get(item[0], "")


@dataclass
class Model:
    """What the facts of one ticket add up to, reckoned a second time and from their JSON alone."""

    submitter: str = ""
    owner: str = ""
    commit: str = ""
    track: str = "new"
    ended: bool = False
    items: dict[str, tuple[str, str]] = field(default_factory=dict)
    approved: dict[str, str] = field(default_factory=dict)
    findings: dict[int, dict[str, Any]] = field(default_factory=dict)
    seen: dict[str, str] = field(default_factory=dict)

    def here(self, commit: str) -> bool:
        """Whether what was said of a commit is said of the one under review: it holds the same files."""
        return commit == self.commit or (
            bool(self.seen.get(commit)) and self.seen[commit] == self.seen.get(self.commit)
        )

    def meant(self, guard: str) -> bool:
        return any(x.startswith(guard) and self.here(x) for x in {self.commit, *self.seen})

    @property
    def gate(self) -> bool:
        approved = all(self.here(self.approved[role]) if role in self.approved else False for role in ROLES)
        return bool(self.commit) and not self.ended and approved and not self.open()

    def open(self, role: str = "") -> list[int]:
        return [n for n, x in self.findings.items() if x["open"] and role in ("", x["role"])]

    def decided(self, role: str) -> bool:
        mine = [self.items.get(x, ("open", "")) for x in TRACKS[self.track] if role_of(x) == role]
        return all(state in {"passed", "na"} and self.here(commit) for state, commit in mine)

    def add(self, fact: Mapping[str, Any]) -> None:  # noqa: C901 -- one arm per kind of fact
        match fact["kind"]:
            case "submitted":
                self.submitter, self.track = fact["by"], fact["track"] or "new"
            case "assigned" if fact["role"] == "owner":
                self.owner = fact["person"]
            case "resolved":
                if fact["track"] != self.track:  # product and dev have other items there
                    self.approved = {x: commit for x, commit in self.approved.items() if x in {"security", "qa"}}
                self.commit, self.track = fact["commit"], fact["track"]
                self.seen[fact["commit"]] = fact["tree"]
            case "ended":
                self.ended = True
            case "judged":
                self._judged(fact)
            case "finding":
                self._found(fact["number"], fact["role"], "", fact["text"])
            case "finding-resolved":
                self._settled(fact["number"])
            case "finding-disclosed":
                self.findings[fact["number"]]["secret"] = False
            case "verdict":
                self._verdict(fact["role"], fact["decision"])

    def _judged(self, fact: Mapping[str, Any]) -> None:
        item = fact["item"]
        for number in self.open():
            if self.findings[number]["item"] == item:
                self.findings[number]["open"] = False
        self.items[item] = (fact["state"], fact["commit"])
        if fact["state"] == "open":
            self.approved.pop(role_of(item), None)
        if fact["state"] == "failed":
            self._found(fact["finding"], role_of(item), item, fact["why"])

    def _found(self, number: int, role: str, item: str, text: str) -> None:
        assert number == len(self.findings) + 1
        secret = role == CONFIDENTIAL
        self.findings[number] = {"role": role, "item": item, "text": text, "open": True, "secret": secret}
        self.approved.pop(role, None)

    def _settled(self, number: int) -> None:
        assert self.findings[number]["open"]
        self.findings[number]["open"] = False
        if item := self.findings[number]["item"]:
            self.items[item] = ("open", "")

    def _verdict(self, role: str, decision: str) -> None:
        mine = {x: v for x, v in self.items.items() if role_of(x) == role and v[0] in {"passed", "na"}}
        if decision == "holds":
            self.items |= {item: (state, self.commit) for item, (state, _) in mine.items()}
        if decision == "again":
            self.items |= {item: ("open", "") for item, (_, commit) in mine.items() if not self.here(commit)}
        had = self.approved.pop(role, "")
        if decision == "approve" or (decision == "holds" and had):
            self.approved[role] = self.commit
            assert self.decided(role), "an approval with undecided items"
            assert not self.open(role), "an approval beside an open finding"


class Reviews(RuleBasedStateMachine):
    """People do what they like; after every step the rules are looked at."""

    def __init__(self) -> None:
        super().__init__()
        self.folder = tempfile.TemporaryDirectory()
        self.store = Store(Path(self.folder.name) / "mmbot.db", POLICY)
        self.now = MONDAY
        self.app = App(self.store, Settings(), lambda: self.now)
        self.store.set_catalogue([LISTED])
        self.ids = itertools.count(1)
        self.words = itertools.count(1)
        self.models: dict[int, Model] = {}
        self.held: dict[str, set[str]] = {}
        self.configured: dict[str, set[str]] = {}
        self.last_fact = self.last_row = 0
        self.secrets: set[str] = set()
        self.logs = capture_logs()
        self.log = self.logs.__enter__()
        self._name(BOOK)

    def teardown(self) -> None:
        self.logs.__exit__(None, None, None)
        self.store.close()
        self.folder.cleanup()

    # What can happen

    @initialize(track=st.sampled_from(("new", "update")), found=st.integers(0, 3))
    def begin(self, track: str, found: int) -> None:
        self.does("sue", Submit(link=REMIND if track == "new" else BADGES, track=track))
        if found:
            self._resolve(0, COMMITS[0], "com.example.badges" if track == "update" else "com.example.remind", "")

    @rule(by=people, link=st.sampled_from(LINKS), track=st.sampled_from(("", "new", "update")), via=ways)
    def submit(self, by: str | None, link: str, track: str, via: Way) -> None:
        self.does(by or "sid", Submit(link=link, track=track), via)

    @precondition(lambda self: self._steps())
    @rule(
        which=st.integers(0, 3),
        commit=st.sampled_from((*COMMITS, *COMMITS, REWORDED, REWORDED, "")),
        plugin=st.sampled_from(
            ("com.example.remind", "com.example.remind", "com.example.badges", "Com.Example.Badges", "")
        ),
        moved_to=st.sampled_from(("", "", "", BADGES)),
    )
    def resolve(self, which: int, commit: str, plugin: str, moved_to: str) -> None:
        self._resolve(which, commit, plugin, moved_to)

    @rule(by=people, ticket=numbers, role=roles, to=st.sampled_from((*PEOPLE, "me", "me", "")), via=ways)
    def assign(self, by: str | None, ticket: int, role: str, to: str, via: Way) -> None:
        actor = by or self._fits(ticket, role)
        self.does(actor, Assign(ticket=ticket, role=role, person=self._id(actor if to == "me" else to)), via)

    @rule(
        by=people,
        ticket=numbers,
        some=st.lists(st.sampled_from((*ROLES, "docs")), max_size=2),
        whom=st.lists(st.sampled_from(PEOPLE), max_size=2),
    )
    def request(self, by: str | None, ticket: int, some: list[str], whom: list[str]) -> None:
        people_asked = tuple(map(self._id, whom))
        self.does(by or "olive", RequestReviews(ticket=ticket, roles=tuple(some), people=people_asked))

    @rule(
        by=people,
        ticket=numbers,
        items=st.lists(st.sampled_from(ITEMS), min_size=1, max_size=3) | st.sampled_from(ITEMS).map(lambda x: [x]),
        state=st.sampled_from(("passed", "passed", "failed", "na", "open")),
        why=st.sampled_from(("", "a word")),
        guard=guards,
        via=ways,
    )
    def judge(
        self, by: str | None, ticket: int, items: list[str], state: ItemState, why: str, guard: str, via: Way
    ) -> None:
        actor = by or self._fits(ticket, role_of(items[0]))
        text = self._word() if why or state in {"failed", "na"} else ""
        cmd = JudgeItem(ticket=ticket, items=tuple(items), state=state, why=text, commit=guard)
        self.does(actor, cmd, via)

    @rule(ticket=numbers, role=st.sampled_from(ROLES), guard=guards)
    def fail_without_a_word(self, ticket: int, role: str, guard: str) -> None:
        item = next(x for x in NEW if role_of(x) == role)
        self.does(
            self._fits(ticket, role), JudgeItem(ticket=ticket, items=(item,), state="failed", why=" ", commit=guard)
        )

    @rule(
        by=people,
        ticket=numbers,
        role=st.sampled_from(("", *ROLES)),
        item=st.sampled_from(("", "", *ITEMS)),
        guard=guards,
        via=ways,
    )
    def block(self, by: str | None, ticket: int, role: str, item: str, guard: str, via: Way) -> None:
        actor = by or self._fits(ticket, role_of(item) if item else role or "dev")
        self.does(actor, Block(ticket=ticket, role=role, item=item, text=self._word(), commit=guard), via)

    @rule(by=people, ticket=numbers, number=st.integers(1, 4), disclose=st.booleans(), via=ways)
    def settle(self, by: str | None, ticket: int, number: int, disclose: bool, via: Way) -> None:  # noqa: FBT001 -- a strategy gives it
        found = self.models[ticket].findings.get(number) if ticket in self.models else None
        actor = by or self._fits(ticket, found["role"] if found else "dev")
        self.does(actor, SettleFinding(ticket=ticket, number=number, disclose=disclose), via)

    @rule(
        by=people,
        ticket=numbers,
        role=st.sampled_from((*ROLES, *ROLES, "", "docs")),
        decision=st.sampled_from(("approve", "approve", "retract", "holds", "holds", "again")),
        everything=st.booleans(),
        guard=guards,
        via=ways,
    )
    def verdict(
        self, by: str | None, ticket: int, role: str, decision: Decision, everything: bool, guard: str, via: Way  # noqa: FBT001 -- a strategy gives it
    ) -> None:  # fmt: skip
        actor = by or self._fits(ticket, role or "qa")
        cmd = GiveVerdict(ticket=ticket, role=role, decision=decision, all=everything, commit=guard)
        before = self._model(ticket)
        may = not by and role in ROLES and before.meant(guard)
        approved = role in before.approved and before.here(before.approved[role])
        free = before.commit and not before.ended and not before.open(role) and not approved
        due = may and free and decision == "approve" and everything and role in self.held[self._id(actor)]
        self.does(actor, cmd, via)
        if due:
            assert self.models[ticket].approved[role] == before.commit

    @rule(ticket=numbers, but=st.sampled_from(("", "", *ROLES)))
    def everybody_approves(self, ticket: int, but: str) -> None:
        for role in ROLES:
            if role != but:
                self.does(self._fits(ticket, role), GiveVerdict(ticket=ticket, role=role, decision="approve", all=True))

    @rule(by=people, ticket=numbers, link=st.sampled_from(LINKS), via=ways)
    def move(self, by: str | None, ticket: int, link: str, via: Way) -> None:
        self.does(by or self._submitter(ticket), MoveReview(ticket=ticket, link=link), via)

    @rule(by=people, ticket=numbers, link=st.sampled_from(("", "", *LINKS)), via=ways)
    def ready(self, by: str | None, ticket: int, link: str, via: Way) -> None:
        self.does(by or self._submitter(ticket), SayReady(ticket=ticket, link=link), via)

    @rule(by=people, ticket=numbers, via=ways)
    def note(self, by: str | None, ticket: int, via: Way) -> None:
        self.does(by or self._submitter(ticket), AddNote(ticket=ticket, text=f"note{next(self.words)}"), via)

    @rule(
        by=st.sampled_from(PEOPLE),
        what=st.one_of(
            st.builds(
                AskStatus,
                ticket=st.none() | numbers,
                about=st.sampled_from(("", "", "remind", "none")),
                log=st.booleans(),
                page=st.integers(1, 3),
            ),
            st.builds(AskSearch, about=st.sampled_from(("remind", "sue", "secret", "none"))),
            st.builds(AskQueue, whose=st.sampled_from(("mine", "all", "owner", "@id-sue", *ROLES))),
            st.builds(AskHelp, about=st.sampled_from(("", "approve", "nonsense"))),
            st.builds(Misread, text=st.just("x"), why=st.just("What?")),
            st.sampled_from(("fail", "block", "na", "note", "commit", "assign")).flatmap(
                lambda word: numbers.map(
                    lambda n: Incomplete(word=word, line=f"{word} MB-{n}", missing=("why",), ticket=n)
                )
            ),
        ),
        via=ways,
    )
    def ask(self, by: str, what: Command | Misread | Incomplete, via: Way) -> None:
        self.does(by, what, via)

    @rule(book=st.sampled_from((BOOK, OTHER_BOOK)))
    def roles_change(self, book: Mapping[str, tuple[str, ...]]) -> None:
        self._name(book)

    @rule(
        by=st.sampled_from(("ada", "ada", "ada", "olive")),
        act=st.sampled_from(("add", "remove")),
        person=st.sampled_from(PEOPLE),
        role=st.sampled_from((*ROLES, "owner")),
        via=ways,
    )
    def roles_change_in_chat(self, by: str, act: Literal["add", "remove"], person: str, role: str, via: Way) -> None:
        before = self._book()
        if act == "add" and by == "ada":
            self.held[self._id(person)].add(role)
        self.does(by, AskPeople(act=act, people=(self._id(person),), roles=(role,)), via)
        self.held = {self._id(x): set(self.store.roles_of(self._id(x))) for x in PEOPLE}
        changed = before ^ self._book()
        assert changed <= ({(role, self._id(person))} if by == "ada" else set())
        if act == "remove":
            assert not [x for x in changed if x[0] in self.configured.get(x[1], set())], (
                "the configuration decides that"
            )

    @rule(
        by=st.sampled_from([x for x in PEOPLE if x != "otto"]),
        deputy=st.sampled_from(("", *PEOPLE)),
        days=st.integers(-1, 3),
        via=ways,
    )
    def away(self, by: str, deputy: str, days: int, via: Way) -> None:
        day = datetime.fromtimestamp(self.now / 1000 + days * 86_400, UTC).date()
        self.does(by, SayAway(day=day if days else None, person=self._id(deputy)), via)

    @rule(
        where=st.sampled_from((REMIND, BADGES)),
        kind=st.sampled_from(("tag", "branch")),
        commit=st.sampled_from(COMMITS),
    )
    def push(self, where: str, kind: Literal["tag", "branch"], commit: str) -> None:
        before = self.last_fact
        self._happens(Pushed(repository=where, ref_kind=kind, ref_name="v1.4.0", commit=commit))
        assert self.last_fact == before, "the review moves only when somebody moves it"

    @rule(minutes=st.sampled_from((1, 6, 90, 3000)))
    def time_passes(self, minutes: int) -> None:
        self.now += minutes * 60_000

    # The rules

    @invariant()
    def what_is_searched_is_what_the_facts_say(self) -> None:
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
            assert (row["open"], row["owner"], row["submitter"]) == (int(not model.ended), model.owner, model.submitter)
            resolved = [x for x in facts if x.kind == "resolved"]
            plugin_id = resolved[-1].plugin_id if resolved else ""
            assert (row["name"], row["plugin_key"]) == (ticket.name.lower(), plugin_id.lower())
            assert row["repository_key"] == repository_key(ticket.repository)
            assert row["changed_at"] == facts[-1].at
            who = {"owner": model.owner, "submitter": model.submitter}
            for party, turn in turns.items():
                person = who.get(party, cached.review(party).reviewer)
                expected.append((number, party, person, turn.why, turn.since, turn.due))
            merge = [turn.party for turn in turns.values() if turn.why == "step"]
            assert merge == (["owner"] if model.gate else [])
        assert sorted(expected) == [tuple(row.values()) for row in turned]

    @invariant()
    def whoever_has_a_part_may_have_it(self) -> None:
        for row in self.store.query("SELECT number FROM ticket WHERE open = 1"):
            ticket = self.store.ticket(row["number"])
            assert ticket
            for part, person in ticket.parts:
                allowed = {"owner", "admin", "default-owner"} if part == "owner" else {part}
                assert allowed & self.held[person], (part, person)
                assert row["number"] in book.parts(self.store, person, part)

    @invariant()
    def nothing_broke(self) -> None:
        assert [x for x in self.log if x["log_level"] in {"error", "critical"}] == []

    # How one thing happens

    def does(self, by: str, what: Command | Misread | Incomplete, via: Way = "slash") -> None:
        """One event, looked at from all sides; then the same one again."""
        self.now += 60_000
        channel, post = ("market", f"post{next(self.ids)}") if via == "mention" else ("", "")
        event = Event(
            f"event{next(self.ids)}", self._id(by), self.now, Where(via, channel, "", post), what, self._people()
        )
        hopeless = self._hopeless(self._id(by), what)
        before, in_the_book = self._effects(), len(book.last(self.store, 1_000))
        reply = self.app.handle(event)
        facts = self._new_facts(event)
        noted = len(book.last(self.store, 1_000)) - in_the_book
        if not facts and not noted:
            self._left_nothing_but_the_answer(event, before)
        assert not (hopeless and (facts or noted)), hopeless
        self._heard(event.by, reply)
        self._look_at_the_posts(event, answers=via in {"dm", "mention"})
        after = (self._effects(), self.last_fact)
        twice = self.app.handle(event)
        assert (self._effects(), self._count()) == after
        if reply and reply.refused and via == "dialog":
            assert twice == reply
        elif via in {"dm", "mention"} or (via == "dialog" and isinstance(what, Command) and not what.reads):
            assert twice is None
        elif isinstance(what, Command) and not what.reads:
            assert twice == Reply(replies.already())

    def _happens(self, what: Happening) -> None:
        self.now += 60_000
        event = Event(f"event{next(self.ids)}", "", self.now, Where("mmbot"), what, self._people())
        assert self.app.handle(event) is None
        self._new_facts(event)
        self._look_at_the_posts(event)
        after = (self._effects(), self.last_fact)
        assert self.app.handle(event) is None
        assert (self._effects(), self._count()) == after

    def _name(self, book: Mapping[str, tuple[str, ...]]) -> None:
        self.configured = {self._id(x): {role for role, names in book.items() if x in names} for x in PEOPLE}
        in_chat = self.store.query("SELECT role, person FROM granted")
        self.held = {
            x: held | {row["role"] for row in in_chat if row["person"] == x} for x, held in self.configured.items()
        }
        self._happens(PeopleNamed(roles={r: tuple((x, self._id(x)) for x in names) for r, names in book.items()}))

    def _book(self) -> set[tuple[str, str]]:
        return {(role, self._id(x)) for x in PEOPLE for role in self.store.roles_of(self._id(x))}

    def _resolve(self, which: int, commit: str, plugin: str, moved_to: str) -> None:
        steps = self._steps()
        step = steps[which % len(steps)]
        self.store.execute("UPDATE outbox SET state = 'sent' WHERE id = ?", step["id"])
        asked = json.loads(step["body"])
        manifest = {"id": plugin, "name": plugin.rpartition(".")[2], "version": "1.4.0"} if plugin else None
        self._happens(
            ReferenceResolved(
                ticket=asked["ticket"],
                text=asked["text"],
                repository=asked["repository"],
                moved_to=moved_to,
                ref_kind="tag",
                ref_name="v1.4.0",
                commit=commit,
                tree=TREES.get(commit, ""),
                since=self._model(asked["ticket"]).commit if commit else "",
                files=("plugin.json",),
                manifest=manifest,
                why="" if commit else "There is no such tag.",
            )
        )

    def _steps(self) -> list[Mapping[str, Any]]:
        return self.store.query("SELECT id, body FROM outbox WHERE kind = 'do' AND state = 'pending' ORDER BY id")

    def _id(self, name: str) -> str:
        return f"id-{name}" if name else ""

    def _people(self) -> tuple[Person, ...]:
        return tuple(Person(self._id(x), x) for x in PEOPLE)

    def _word(self) -> str:
        return f"marker{next(self.words)}x"

    def _model(self, ticket: int) -> Model:
        return self.models.get(ticket, Model())

    def _submitter(self, ticket: int) -> str:
        return self._model(ticket).submitter.removeprefix("id-") or "sue"

    def _fits(self, ticket: int, role: str) -> str:
        fitting = (x for x in PEOPLE if role in self.held[self._id(x)] and self._model(ticket).submitter != self._id(x))
        return next(fitting, "sam")

    def _count(self) -> int:
        return int(self.store.query("SELECT coalesce(max(id), 0) AS n FROM fact")[0]["n"])

    def _effects(self) -> list[tuple[object, ...]]:
        return [tuple(x.values()) for x in self.store.query("SELECT * FROM outbox ORDER BY id")]

    def _left_nothing_but_the_answer(self, event: Event, before: Collection[tuple[object, ...]]) -> None:
        rows = self._effects()
        assert rows[: len(before)] == before
        added = self.store.query("SELECT kind, person, channel FROM outbox WHERE id > ?", self.last_row)
        if event.where.via in {"dm", "mention"}:
            assert [(x["kind"], x["person"]) for x in added] == [("say", event.by)]
        else:
            assert added == []

    # What must be refused, reckoned without the code that refuses

    def _hopeless(self, by: str, what: Command | Misread | Incomplete) -> str:
        if not isinstance(what, Command) or what.reads:
            return "only reads"
        if isinstance(what, Submit | SayAway):
            return ""
        if isinstance(what, AskPeople):
            return "" if "admin" in self.held[by] else "no admin"
        number: int = what.ticket  # type: ignore[attr-defined]  # every other command names one
        model = self.models.get(number)
        if model is None:
            return "no such ticket"
        held = self.held[by] - {"default-owner"}
        guides = bool(held & {"owner", "admin"}) or model.owner == by
        for wrong, why in self._rights(what, model, by, held, guides=guides):
            if wrong:
                return why
        return ""

    def _rights(self, what: Command, model: Model, by: str, held: set[str], *, guides: bool) -> list[tuple[bool, str]]:
        mine = by == model.submitter
        moved = not model.meant(getattr(what, "commit", ""))
        wrong = [] if isinstance(what, AddNote | SettleFinding) else [(model.ended, "closed")]
        if isinstance(what, JudgeItem | Block | GiveVerdict | RequestReviews):
            wrong += [(not model.commit, "no commit"), (moved, "another commit")]
        if isinstance(what, JudgeItem | Block | GiveVerdict | SettleFinding):
            wrong.append((mine, "their own"))
        match what:
            case JudgeItem():
                silent = what.state in {"failed", "na"} and not what.why.strip()
                wrong += [(item not in TRACKS[model.track], "not an item here") for item in what.items]
                wrong += [(role_of(item) not in held, "not their role") for item in what.items]
                wrong += [(what.state == "na" and item not in MAY_BE_NA, "never n/a") for item in what.items]
                wrong.append((silent, "no why"))
            case Block() | GiveVerdict():
                item = getattr(what, "item", "")
                role = role_of(item) if item else what.role
                wrong.append((bool(role) and role not in held, "not their role"))
            case SettleFinding():
                found = model.findings.get(what.number, {"open": False, "role": ""})
                wrong += [(not found["open"], "nothing open"), (found["role"] not in held, "not their role")]
            case Assign(role="owner"):
                unfit = bool(what.person) and not self.held.get(what.person, set()) & {"owner", "admin"}
                wrong += [(not guides, "not an owner"), (unfit, "nobody's owner")]
            case Assign():
                theirs = bool(what.person) and (
                    what.person == model.submitter or what.role not in self.held[what.person]
                )
                may = guides or (what.role in held and not mine)
                wrong += [(not may, "no right"), (theirs, "cannot be theirs"), (what.role not in ROLES, "no such role")]
            case RequestReviews():
                wrong += [(not guides, "not an owner"), (model.submitter in what.people, "their own")]
            case MoveReview() | SayReady():
                wrong.append((not guides and not mine, "no right"))
            case _:
                wrong.append((not self.held[by] and not mine, "no right"))
        return wrong

    # What was recorded

    def _new_facts(self, event: Event) -> list[dict[str, Any]]:
        rows = self.store.query("SELECT * FROM fact WHERE id > ? ORDER BY id", self.last_fact)
        facts = []
        for row in rows:
            fact = json.loads(row["data"])
            assert (row["kind"], row["at"], row["by"], row["via"]) == tuple(
                fact[x] for x in ("kind", "at", "by", "via")
            )
            assert row["event"] == event.id
            assert fact["at"] == event.at
            assert fact["via"].split(":")[0] == event.where.via
            assert fact["by"] == event.by or (fact["by"] == "" and fact["kind"] in SILENT)
            model = self.models.setdefault(row["ticket"], Model())
            self._allowed(fact, model)
            model.add(fact)
            facts.append(fact)
            self.last_fact = row["id"]
        self.secrets = {
            x["text"] for model in self.models.values() for x in model.findings.values() if x["secret"] and x["text"]
        }
        return facts

    def _allowed(self, fact: Mapping[str, Any], model: Model) -> None:
        kind, by = fact["kind"], fact["by"]
        role = fact.get("role", "")
        if kind == "judged":
            role = role_of(fact["item"])
            assert fact["state"] != "na" or fact["item"] in MAY_BE_NA
            assert fact["item"] in TRACKS[model.track]
            assert fact["why"].strip() or fact["state"] not in {"failed", "na"}
        if kind in {"finding-resolved", "finding-disclosed"}:
            role = model.findings[fact["number"]]["role"]
        if kind in {"judged", "finding", "verdict"}:
            assert fact["commit"] == model.commit != ""
        if kind in {"judged", "finding", "verdict", "finding-resolved", "finding-disclosed"}:
            assert role in self.held[by]
            assert by != model.submitter
        if kind == "assigned" and fact["person"] and role != "owner":
            assert role in self.held[fact["person"]]
            assert fact["person"] != model.submitter
        if kind not in {"finding-disclosed", "note"}:
            assert not model.ended

    # What was said

    def _heard(self, reader: str, reply: Reply | None) -> None:
        """An answer holds no secret of a ticket that its reader may not know."""
        if reply is None:
            return
        shown = f"{reply.text} {reply.dialog}"
        for model in self.models.values():
            if CONFIDENTIAL in self.held[reader] or reader in {model.owner, model.submitter}:
                continue
            for found in model.findings.values():
                assert not (found["secret"] and found["text"] in shown), "a secret in an answer"

    def _look_at_the_posts(self, event: Event, *, answers: bool = False) -> None:
        """Say what is due, as the outbox does, and read every word of it."""
        for row in outbox.due(self.store, self.now, limit=1000):
            if row.kind == "do":
                continue
            message, person, remembered = self._said(row)
            if message is None:
                outbox.sent(
                    self.store,
                    row,
                    "",
                    "",
                    str(outbox.told(self.store, row.subject)) if row.kind == "notice" else "",
                )
                continue
            if person:
                if not (answers and person == event.by and row.id > self.last_row):
                    self._their_turn(person, message)
                self._heard(person, Reply(message.text))
            else:
                shown = outbox.dump_message(message)
                assert not [x for x in self.secrets if x in shown], "a secret in public"
            self._buttons_work(message)
            outbox.sent(self.store, row, "c", f"sent{row.id}", remembered)
        self.last_row = int(self.store.query("SELECT coalesce(max(id), 0) AS n FROM outbox")[0]["n"])

    def _said(self, row: outbox.OutboxRow) -> tuple[Message | None, str, str]:
        if row.kind == "say":
            return outbox.read_message(row.body), row.person, ""
        rendered = self.app.render(row)
        if rendered is None:
            return None, "", ""
        person = self.app.audience(row)[0] if row.kind == "notice" else ""
        return rendered[0], person, rendered[1]

    def _their_turn(self, person: str, message: Message) -> None:
        """Whoever is sent a message unasked can do what its buttons offer; and it is about a ticket of theirs."""
        for button in (x for row in message.rows for x in row.buttons):
            word, _, rest = button.line.partition(" ")
            number, role = int(rest.split()[0].removeprefix("MB-")), rest.split()[1]
            model = self.models[number]
            if word == "unblock":
                role = model.findings[int(role)]["role"]
            assert role in self.held[person], (message, person)
            assert person != model.submitter
        if not message.rows:
            parties = {x for model in self.models.values() for x in (model.submitter, model.owner)}
            assert person in parties or self.held[person], (message, person)

    def _buttons_work(self, message: Message) -> None:
        for button in (x for row in message.rows for x in row.buttons):
            what = commands.read(button.line, POLICY, commands.Context("id-sam"))
            assert not isinstance(what, Misread), button.line


# What the machine found once, and what it would find only with luck


def resolved(commit: str, track: str, tree: str = "") -> f.Resolved:
    return f.Resolved(
        text="", repository=REMIND, ref_kind="tag", ref_name="", commit=commit, tree=tree, track=track, at=2
    )


def approved_by_all(track: str) -> Ticket:
    opened = f.Submitted(requirements=POLICY.current, track=track, by="sue", at=1)
    ticket = Ticket(1, POLICY).plus(opened, resolved(COMMITS[0], track))
    for role in ROLES:
        ticket = review.approved(ticket, role, "sam", 3, "slash", everything=True)
    assert review.gate(ticket).open
    return ticket


@pytest.mark.parametrize("commit", COMMITS[:2])
def test_what_was_approved_as_a_new_plugin_is_not_approved_as_an_update(commit: str) -> None:
    ticket = approved_by_all("new").plus(resolved(commit, "update"))
    for role in ROLES:
        if review.held(ticket, role):
            ticket = review.reconsidered(ticket, role, "holds", "sam", 4, "slash")
    assert review.gate(ticket).roles == ("product", "dev")
    with pytest.raises(review.Illegal, match="items-open"):
        review.approved(ticket, "dev", "sam", 5, "slash")
    for role in ("product", "dev"):
        ticket = review.approved(ticket, role, "sam", 5, "slash", everything=True)
    assert review.gate(ticket).open


def test_the_gate_is_shut_by_each_thing_alone() -> None:
    whole = approved_by_all("update")
    for shut in (
        whole.plus(resolved(COMMITS[1], "update")),
        whole.plus(f.Ended(ending="duplicate", of=2, at=4)),
        review.retracted(whole, "qa", "sam", 4, "slash"),
        review.blocked(whole, "qa", "it is slow", "sam", 4, "slash"),
        review.judged(whole, ["S1"], "failed", "a hole", "sam", 4, "slash"),
        review.judged(whole, ["S1"], "open", "", "sam", 4, "slash"),
    ):
        assert not review.gate(shut).open


def test_an_approval_counts_again_when_the_review_comes_back_to_its_commit() -> None:
    there = approved_by_all("new").plus(resolved(COMMITS[1], "new"))
    assert review.gate(there).roles == ROLES
    assert review.gate(there.plus(resolved(COMMITS[0], "new"))).open


def test_what_was_decided_stands_at_a_commit_with_the_same_files() -> None:
    first, reworded, unknown = (resolved(x, "new", TREES.get(x, "")) for x in (COMMITS[0], REWORDED, COMMITS[2]))
    ticket = Ticket(1, POLICY).plus(f.Submitted(requirements=POLICY.current, by="sue", at=1), first)
    for role in ROLES:
        ticket = review.approved(ticket, role, "sam", 3, "slash", everything=True)
    there = ticket.plus(reworded)
    assert review.gate(there).open
    assert review.decided_before(there) == COMMITS[0]
    for role in ROLES:
        assert review.held(there, role) == ""
        with pytest.raises(review.Illegal, match="nothing-held"):
            review.reconsidered(there, role, "holds", "sam", 4, "slash")
        with pytest.raises(review.Illegal, match="already-approved"):
            review.approved(there, role, "sam", 4, "slash")
    assert not review.gate(there.plus(unknown)).open
    assert review.gate(there.plus(unknown).plus(reworded)).open


def test_what_changed_is_told_only_from_the_commit_that_was_decided_at() -> None:
    ticket = approved_by_all("new")
    away = resolved(COMMITS[1], "new").model_copy(update={"since": COMMITS[0], "files": ("a",)})
    ticket = ticket.plus(away)
    assert review.change(ticket, "qa") == away
    ticket = review.reconsidered(ticket, "qa", "holds", "sam", 4, "slash")
    further = resolved(COMMITS[2], "new").model_copy(
        update={"since": COMMITS[1], "files": ("a",), "version_only": True, "at": 5}
    )
    ticket = ticket.plus(further)
    assert review.change(ticket, "qa") == further
    assert review.change(ticket, "dev") is None, "what lies between the two commits was never confirmed"


def test_of_two_tickets_of_one_id_the_one_that_is_found_first_goes_on() -> None:
    play = Reviews()
    play.does("sue", Submit(link=REMIND))
    play.does("otto", Submit(link="https://github.com/otto/remind"))
    play._resolve(1, COMMITS[1], "com.example.remind", "")  # noqa: SLF001 -- moves the outside world on
    play._resolve(0, COMMITS[0], "Com.Example.Remind", "")  # noqa: SLF001 -- moves the outside world on
    assert [play.models[n].ended for n in (1, 2)] == [True, False]
    play.what_is_searched_is_what_the_facts_say()
    play.teardown()


TestReviews = Reviews.TestCase
TestReviews.settings = settings(
    max_examples=settings().max_examples // 4,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
