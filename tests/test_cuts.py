"""Random cuts of approved plugins, with faults, second persons and reviews that move meanwhile: none goes further than it may."""

from typing import Literal

from hypothesis import HealthCheck, note, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from rules_model import BOOK, OTHER_BOOK, PEOPLE, ROLES
from rules_play import COMMITS, FORK, OWN, REMIND, REWORDED, Play, id_of

from mmbot.domain.cut_facts import StepWent
from mmbot.events import (
    AskPeople,
    Block,
    ChooseTrack,
    Command,
    ConfirmTakedown,
    CutPlugin,
    CutStepped,
    EndTicket,
    FileCase,
    GiveVerdict,
    HoldTicket,
    ListPlugin,
    ManageCut,
    MoveReview,
    SettleFinding,
    Submit,
    TakeDown,
    TakeStep,
    UndoStep,
)

LINK = f"{FORK}/commit/90ab12c"
cutters = st.sampled_from(("rosa", "rosa", "ole", "ole", "olive", "ada", "sue"))
tags = st.sampled_from(("", "", "v1.4.0", "v1.4.0", "v1.4.1", "1.4.0"))
numbers = st.integers(0, 4)
faults = st.sampled_from(("", "", "", "", "", "The storage is full."))


class Cutting(Play, RuleBasedStateMachine):
    """A plugin is approved and merged; then it is cut, and whatever can come between comes between."""

    def teardown(self) -> None:
        self.close()

    @initialize(merged=st.sampled_from((True, True, True, False)))
    def approved(self, merged: bool) -> None:  # noqa: FBT001 -- hypothesis gives it by name
        self.late: list[CutStepped] = []
        self.does("sue", Submit(link=REMIND))
        self.resolve(0, COMMITS[0], "com.example.remind")
        self.does("olive", TakeStep(ticket=1, step="fork", note=FORK, skipped=False))
        self.everybody_approves()
        if merged:
            self.is_merged(REWORDED)

    def tried(self, by: str, what: Command) -> None:
        reply = self.does(by, what)
        note(f"{by}: {what!r} -> {reply and reply.text}")

    @rule()
    def everybody_approves(self) -> None:
        for role in ROLES:
            self.does(self.reviewer(1, role), GiveVerdict(ticket=1, role=role, decision="approve", all=True))

    @rule(commit=st.sampled_from((REWORDED, REWORDED, COMMITS[0], COMMITS[1])))
    def is_merged(self, commit: str) -> None:
        self.does("olive", UndoStep(ticket=1, step="merged"))
        self.does("olive", TakeStep(ticket=1, step="merged", note=LINK, skipped=False))
        while self.steps():
            self.resolve(0, commit, "com.example.remind")

    # Cut, listed

    @rule(
        by=cutters, tag=tags, force=st.booleans(), dry=st.sampled_from((False, False, False, True)),
        what=st.sampled_from((FORK, FORK, "", REMIND, OWN, OWN, f"{OWN}-secret", "ext::sh")),
        ticket=st.sampled_from((None, 1, 1, 1)), sha=st.sampled_from(("", "", "", COMMITS[0][:7], COMMITS[1][:9], REWORDED)),
    )  # fmt: skip
    def is_asked_for(self, by: str, tag: str, force: bool, dry: bool, what: str, ticket: int | None, sha: str) -> None:  # noqa: FBT001 -- hypothesis gives them by name
        if OWN in what:
            ticket = None
        why = self.word() if force else ""
        before = self.fingerprint()
        asked = CutPlugin(ticket=ticket, repo=what, tag=tag, force=force, why=why, dry_run=dry, sha=sha)
        reply = self.does(by, asked)
        note(f"{by}: {asked!r} -> {reply and reply.text}")
        if dry or (reply and reply.refused):
            assert self.fingerprint() == before

    @rule(by=cutters, act=st.sampled_from(("status", "cancel", "retry", "retry", "confirm", "confirm")), number=numbers)
    def is_managed(self, by: str, act: Literal["status", "cancel", "retry", "confirm"], number: int) -> None:
        before = self.fingerprint()
        reply = self.does(by, ManageCut(act=act, number=number))
        note(f"{by}: cut {act} {number} -> {reply and reply.text}")
        if act == "status" or (reply and reply.refused):
            assert self.fingerprint() == before

    @precondition(lambda self: any(x.state == "asked" for x in self.cuts.values()))
    @rule(yes=st.booleans())
    def is_agreed_to(self, yes: bool) -> None:  # noqa: FBT001 -- hypothesis gives it by name
        what = ManageCut(act="confirm" if yes else "cancel")
        self.tried(self.cutter(what), what)

    @precondition(lambda self: self.cut_rows())
    @rule(which=st.integers(0, 3), why=faults)
    def a_step_ends(self, which: int, why: str) -> None:
        self.cut_goes_on(which, why)

    @precondition(lambda self: any(x.state == "running" and x.asked["ticket"] for x in self.cuts.values()))
    @rule(what=st.sampled_from(("finding", "moved", "held", "rejected", "unmerged")))
    def something_comes_between(self, what: str) -> None:
        match what:
            case "finding":
                self.a_finding_is_raised("dev", listing=False)
            case "moved":
                self.the_review_moves(COMMITS[1])
            case "held":
                self.does("olive", HoldTicket(ticket=1, held=True, why="so"))
            case "rejected":
                self.does("olive", EndTicket(ticket=1, ending="rejected", why="so"))
            case _:
                self.does("olive", UndoStep(ticket=1, step="merged"))
        self.all_goes_well()

    @precondition(lambda self: self.models[1].public)
    @rule()
    def what_is_listed_is_cut_anew(self) -> None:
        what = CutPlugin(ticket=1, repo=FORK, force=True, why=self.word())
        by = self.cutter(what)
        self.tried(by, what)
        self.tried(by, ManageCut(act="confirm"))

    @precondition(lambda self: self.cut_rows())
    @rule()
    def all_goes_well(self) -> None:
        for _ in range(30):
            if self.cut_rows():
                self.cut_goes_on(0, "")

    @rule(cut=st.integers(1, 4), run=st.integers(1, 3), step=st.sampled_from(("tag", "sign", "verify-uploads")))
    def something_long_forgotten_answers(self, cut: int, run: int, step: Literal["tag", "sign"]) -> None:
        known = self.cuts.get(cut)
        if known and known.state == "running" and known.run == run:
            return
        before = self.fingerprint()
        self.happens(CutStepped(cut=cut, run=run, went=StepWent(step=step, commit=COMMITS[1])))
        assert self.fingerprint() == before

    @rule(by=cutters, own=st.sampled_from((False, False, True)), dry=st.sampled_from((False, False, True)))
    def is_listed(self, by: str, own: bool, dry: bool) -> None:  # noqa: FBT001 -- hypothesis gives them by name
        what = ListPlugin(ticket=None if own else 1, dry_run=dry)
        if own:
            what = ListPlugin(repo=OWN, tag="v1.4.0", official=True, dry_run=dry)
        self.tried(by, what)
        if not own and [x for x in self.cut_rows() if x["subject"] == "list"]:
            model = self.models[1]
            assert model.gate
            assert not model.ended

    @rule()
    def is_tried_and_published(self) -> None:
        for role in ("dev", "qa"):
            self.does(self.reviewer(1, role), GiveVerdict(ticket=1, role=role, decision="approve", listing=True))
        self.does("olive", TakeStep(ticket=1, step="listed", skipped=False))

    # What comes between

    @precondition(lambda self: not self.models[1].open())
    @rule(role=st.sampled_from(ROLES), listing=st.sampled_from((False, False, True)))
    def a_finding_is_raised(self, role: str, listing: bool) -> None:  # noqa: FBT001 -- hypothesis gives it by name
        role = "qa" if listing else role
        self.tried(self.reviewer(1, role), Block(ticket=1, role=role, text=self.word(), listing=listing))

    @rule()
    def everything_is_settled(self) -> None:
        """Whatever stood against a cut is put right."""
        if self.models[1].held:
            self.does("olive", HoldTicket(ticket=1, held=False))
        if self.models[1].ended:
            self.it_is_taken_up_again()
        self.does("olive", ChooseTrack(ticket=1, track="new", why="so"))
        for number in self.models[1].open():
            by = self.reviewer(1, self.models[1].findings[number]["role"])
            self.does(by, SettleFinding(ticket=1, number=number, disclose=False))
        self.everybody_approves()
        if not self.models[1].done("merged"):
            self.is_merged(self.models[1].commit)

    @rule(commit=st.sampled_from((*COMMITS[:2], REWORDED)))
    def the_review_moves(self, commit: str) -> None:
        self.does("olive", MoveReview(ticket=1, link=f"{REMIND} v1.{self.word()}"))
        while self.steps():
            self.resolve(0, commit, "com.example.remind")

    @rule(
        what=st.sampled_from(
            (
                HoldTicket(ticket=1, held=True, why="the author is away"),
                HoldTicket(ticket=1, held=False),
                EndTicket(ticket=1, ending="rejected", why="so"),
                UndoStep(ticket=1, step="merged"),
                UndoStep(ticket=1, step="listed"),
                UndoStep(ticket=1, step="listing"),
                UndoStep(ticket=1, step="cut"),
                TakeStep(ticket=1, step="cut", note="v1.4.0", skipped=False),
                TakeStep(ticket=1, step="listing", note=LINK, skipped=False),
                ChooseTrack(ticket=1, track="beta", why="so"),
                ChooseTrack(ticket=1, track="app", why="so"),
                ChooseTrack(ticket=1, track="new", why="so"),
            )
        )
    )
    def the_owner_does_something(self, what: Command) -> None:
        self.tried("olive", what)

    @rule()
    def it_is_taken_up_again(self) -> None:
        if self.models[1].ended:
            self.takes_up("olive", "reopen MB-1", 1)

    @rule(act=st.sampled_from(("add", "remove")), who=st.sampled_from(("rosa", "ole", "sue", "otto")))
    def a_role_is_given_or_taken_away(self, act: Literal["add", "remove"], who: str) -> None:
        self.tried("ada", AskPeople(act=act, people=(id_of(who),), roles=("release",)))

    @rule(book=st.sampled_from((BOOK, BOOK, OTHER_BOOK)))
    def the_configuration_changes(self, book: dict[str, tuple[str, ...]]) -> None:
        self.name(book)

    @rule()
    def it_is_taken_down(self) -> None:
        self.does("sam", FileCase(plugin="MB-1", text="it loses messages", severity="bug"))
        self.does("sam", TakeDown(case="BUG-1", removal="plugin", why="no fix"))
        for name in PEOPLE:
            self.does(name, ConfirmTakedown(case="BUG-1"))

    @rule(minutes=st.sampled_from((1, 90, 20_000)))
    def time_passes(self, minutes: int) -> None:
        self.now += minutes * 60_000
        self.falls_due()

    # The rules

    def fingerprint(self) -> list[list[tuple[object, ...]]]:
        """Everything that is kept of tickets and cuts, and what is promised; not what was shown already."""
        tables = (
            "SELECT * FROM fact", "SELECT * FROM cut_fact", "SELECT * FROM cut ORDER BY number",
            "SELECT * FROM turn ORDER BY ticket, party",
            "SELECT id, kind, subject FROM outbox ORDER BY id",
        )  # fmt: skip
        return [[tuple(x.values()) for x in self.store.query(sql)] for sql in tables]

    @invariant()
    def every_cut_is_in_order(self) -> None:
        if self.models:
            self.look_at_the_cuts()
            self.look_at_the_tickets()

    @invariant()
    def nothing_broke(self) -> None:
        assert [x for x in self.log if x["log_level"] in {"error", "critical"}] == []


TestCutting = Cutting.TestCase
TestCutting.settings = settings(
    max_examples=settings().max_examples // 8,
    stateful_step_count=35,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
