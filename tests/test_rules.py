"""Random reviews, played through the whole application: whatever people do, these rules hold."""

from collections.abc import Callable, Mapping
from datetime import date, timedelta
from typing import Any, Literal

import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule
from rules_model import BOOK, KINDS, NEW, OTHER_BOOK, OUTSIDE, PEOPLE, ROLES, TRACKS, role_of
from rules_play import BADGES, COMMITS, FORK, OWN, POLICY, REMIND, REWORDED, TREES, Play, Way, id_of

from mmbot.domain import facts as f
from mmbot.domain import review
from mmbot.domain.ticket import Ticket
from mmbot.events import (
    COMMANDS,
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
    Block,
    ChangeSeverity,
    ChooseTrack,
    Command,
    ConfirmTakedown,
    Contribute,
    CutPlugin,
    DeclineReport,
    EditTicket,
    EndCase,
    EndTicket,
    ExtendCase,
    FileCase,
    Forget,
    GiveVerdict,
    HoldTicket,
    Hurry,
    Incomplete,
    JudgeFix,
    JudgeItem,
    ListPlugin,
    ManageCut,
    Misread,
    MoveReview,
    Mute,
    NameFix,
    Pushed,
    Remind,
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
)  # fmt: skip

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
PAGES = ("https://example.com/importer", "https://example.com/Importer/", "https://example.com/stand-up")
ITEMS = ("P1", "P2", "P7", "P8", "T1", "T2", "S1", "S2", "F1", "F2", "U1", "U2", "U3", "W1", "W2", "X9")
STEPS = (
    "merged", "cut", "listing", "listed", "contact", "published", "fork", "access", "pull-request", "legal", "promotion", "analytics",
    "swag", "swag", "social-media", "reviews", "listing-gate",
)  # fmt: skip
LINK = "https://github.com/example/fork/commit/81d0e44"

people = st.sampled_from((*[None] * 2 * len(PEOPLE), *PEOPLE))
"""None stands for somebody who fits: without it most moves would be refused."""
numbers = st.sampled_from((1, 1, 1, 1, 1, 2, 2, 3, 4))
roles = st.sampled_from((*ROLES, *ROLES, "owner", "docs"))
guards = st.sampled_from(("", "", "", "", COMMITS[0][:7], COMMITS[1][:9], "deadbee"))
ways = st.sampled_from(("slash", "slash", "click", "dialog", "dm", "mention", "security"))
ids = st.sampled_from([id_of(x) for x in PEOPLE])
commits = st.sampled_from((*COMMITS, *COMMITS, REWORDED, REWORDED, ""))
plugins = st.sampled_from(("com.example.remind", "com.example.remind", "com.example.badges", "Com.Example.Badges", ""))
steps = st.sampled_from(STEPS)
somebody = st.sampled_from(("", "", id_of("sue"), id_of("otto"), OUTSIDE))
corrections = st.sampled_from(
    (
        ("title", "Remind me"), ("title", "Badges"), ("repository", REMIND), ("repository", BADGES), ("repository", "example/other"),
        ("fork", LINK), ("id", "com.example.remind"), ("id", "com.example.other"), ("submitter", "@otto"), ("submitter", "@sue"),
        ("submitter", "@dana"), ("submitter", '"Jane Doe"'), ("maintainers", "@sue @otto"), ("maintainers", "@quinn"),
        ("maintainers", '@sid and "Jane Doe"'), ("contact", "mail me"), ("social", "@remind"),
    )
)  # fmt: skip

cases = st.sampled_from(("BUG-1", "BUG-1", "BUG-1", "BUG-2", "SEC-1234"))
severities = st.sampled_from(("low", "medium", "high", "critical"))

HOW: Mapping[type[Command], st.SearchStrategy[Command]] = {
    Submit: st.builds(
        Submit, link=st.sampled_from(LINKS), track=st.sampled_from(("", "new", "update", "app")), submitter=somebody
    ),
    Contribute: st.builds(
        Contribute, kind=st.sampled_from((*KINDS, "song")), name=st.just("Importer"), link=st.sampled_from((*PAGES, "example.com")),
        documentation=st.just("https://example.com/docs"), tracker=st.just("https://example.com/bugs"), summary=st.just("It imports."),
    ),
    Resubmit: st.builds(Resubmit, ticket=numbers, link=st.sampled_from(("", "", f"{REMIND} v2.0.0", "v3.0.0"))),
    ChooseTrack: st.builds(
        ChooseTrack, ticket=numbers, track=st.sampled_from((*TRACKS, "beta")), kind=st.sampled_from(("", "app", "tool")), why=st.just("?"),
    ),
    EditTicket: st.tuples(numbers, corrections).map(lambda x: EditTicket(ticket=x[0], what=x[1][0], value=x[1][1])),
    Assign: st.builds(Assign, ticket=numbers, role=roles, person=ids | st.sampled_from(("me", "me", "me", ""))),
    RequestReviews: st.builds(
        RequestReviews, ticket=numbers, roles=st.lists(st.sampled_from((*ROLES, "docs")), max_size=2).map(tuple),
        people=st.just(()) | st.lists(ids, max_size=2).map(tuple),
    ),
    JudgeItem: st.builds(
        JudgeItem, ticket=numbers, state=st.sampled_from(("passed", "passed", "failed", "na", "open")), commit=guards,
        items=st.sampled_from(ITEMS).map(lambda x: (x,)) | st.lists(st.sampled_from(ITEMS), max_size=3).map(tuple),
        why=st.sampled_from(("?", "?", "?", "", " ")),
    ),
    Block: st.builds(
        Block, ticket=numbers, listing=st.sampled_from((False, False, True)), role=st.sampled_from(("", *ROLES)), commit=guards,
        item=st.sampled_from(("", "", *ITEMS)), text=st.just("?"),
    ),
    SettleFinding: st.builds(SettleFinding, ticket=numbers, number=st.integers(1, 4), disclose=st.booleans()),
    AddNote: st.builds(AddNote, ticket=numbers, text=st.just("note ?")),
    GiveVerdict: st.builds(
        GiveVerdict, ticket=numbers, role=st.sampled_from((*ROLES, *ROLES, "", "docs")), all=st.booleans(), commit=guards,
        decision=st.sampled_from(("approve", "approve", "retract", "holds", "holds", "again")),
        listing=st.sampled_from((False, False, True)),
    ).map(lambda x: x.model_copy(update={"listing": x.listing and x.decision in {"approve", "retract"}})),
    MoveReview: st.builds(MoveReview, ticket=numbers, link=st.sampled_from((*LINKS, *PAGES))),
    SayReady: st.builds(SayReady, ticket=numbers, link=st.sampled_from(("", "", *LINKS))),
    TakeStep: st.builds(
        TakeStep, ticket=numbers, step=steps, person=somebody, note=st.sampled_from(("", "?", LINK, f"? {LINK}", "v1.0.0")),
        skipped=st.sampled_from((False, False, False, True)),
    ),
    UndoStep: st.builds(UndoStep, ticket=numbers, step=steps, person=somebody),
    AskNext: st.builds(AskNext, ticket=numbers),
    EndTicket: st.builds(EndTicket, ticket=numbers, ending=st.sampled_from(("rejected", "withdrawn")), why=st.just("?")),
    HoldTicket: st.builds(HoldTicket, ticket=numbers, held=st.booleans(), why=st.just("?")),
    Hurry: st.builds(Hurry, ticket=numbers, on=st.booleans()),
    AskStatus: st.builds(
        AskStatus, ticket=st.none() | numbers, about=st.sampled_from(("", "", "remind", "none")), log=st.booleans(), page=st.integers(1, 3),
    ),
    AskQueue: st.builds(AskQueue, whose=st.sampled_from(("mine", "all", "owner", "@id-sue", *ROLES))),
    AskReport: st.just(AskReport()),
    AskSearch: st.builds(AskSearch, about=st.sampled_from(("remind", "sue", "secret", "none"))),
    Snooze: st.builds(Snooze, ticket=numbers, days=st.sampled_from((1, 3, 7))),
    Mute: st.builds(Mute, ticket=numbers, muted=st.booleans()),
    Remind: st.builds(
        Remind, ticket=numbers, person=ids | st.just("me"), text=st.sampled_from(("", "?")),
        when=st.sampled_from(("", "in 2 hours", "tomorrow", "on monday", "on 2026-11-01", "in 400 days")),
    ),
    AskReminders: st.just(AskReminders()),
    Forget: st.builds(Forget, number=st.integers(1, 4)),
    ReportVulnerability: st.builds(ReportVulnerability, plugin=st.sampled_from(("", "MB-1", "remind")), text=st.just("MB-1 a hole")),
    FileCase: st.builds(
        FileCase, plugin=st.sampled_from(("MB-1", "MB-2", "Badges", "MB-9", "nothing")), text=st.just("a hole"),
        severity=st.sampled_from(("bug", "bug", "bug", "high")),
    ),
    AcceptReport: st.builds(AcceptReport, case=cases, severity=severities),
    DeclineReport: st.builds(DeclineReport, case=cases, why=st.just("no")),
    AskCases: st.builds(AskCases, page=st.integers(1, 2)),
    AskCase: st.builds(AskCase, case=cases, log=st.booleans(), page=st.integers(1, 2)),
    ChangeSeverity: st.builds(ChangeSeverity, case=cases, severity=severities, why=st.just("worse")),
    Acknowledge: st.builds(Acknowledge, case=cases),
    SayTold: st.builds(SayTold, case=cases, note=st.sampled_from(("", "by mail"))),
    NameFix: st.builds(NameFix, case=cases, target=st.sampled_from(("MB-1", "MB-2", "MB-9", LINK, "nothing"))),
    JudgeFix: st.builds(JudgeFix, case=cases, fixed=st.booleans(), why=st.just("so it is")),
    ExtendCase: st.builds(
        ExtendCase, case=cases, until=st.sampled_from([date(2026, 11, 9) + timedelta(x) for x in (-1, 3, 20, 40)]), why=st.just("ill"),
    ),
    TakeDown: st.builds(
        TakeDown, case=cases, removal=st.sampled_from(("plugin", "version", "restriction")), version=st.sampled_from(("", "1.0.0")),
        why=st.just("no fix"),
    ),
    ConfirmTakedown: st.builds(ConfirmTakedown, case=cases),
    SayRemoved: st.builds(SayRemoved, case=cases, link=st.sampled_from(("", LINK))),
    EndCase: st.builds(EndCase, case=cases, closed=st.booleans(), why=st.just("over")),
    AskPeople: st.builds(
        AskPeople, act=st.sampled_from(("", "add", "add", "remove")), people=ids.map(lambda x: (x,)),
        roles=st.sampled_from((*ROLES, "owner")).map(lambda x: (x,)),
    ),
    SayAway: st.builds(
        SayAway, day=st.none() | st.sampled_from([date(2026, 11, 9) + timedelta(x) for x in range(-1, 5)]),
        person=st.just("") | ids,
    ),
    CutPlugin: st.builds(
        CutPlugin, ticket=st.none() | numbers | numbers, repo=st.sampled_from(("", "", "", FORK, OWN, REMIND, "nothing")),
        dry_run=st.sampled_from((False, False, False, True)),
        tag=st.sampled_from(("", "", "v1.4.0", "v1.4.0", "1.4.0", "v2.0.0")), force=st.booleans(), why=st.sampled_from(("", "?")),
        sha=st.sampled_from(("", "", "", COMMITS[1][:7])), pre_release=st.booleans(),
    ),
    ManageCut: st.builds(
        ManageCut, act=st.sampled_from(("status", "cancel", "retry", "retry", "confirm", "confirm")), number=st.integers(0, 3),
    ),
    ListPlugin: st.builds(
        ListPlugin, ticket=st.none() | numbers | numbers, repo=st.sampled_from(("", "", "", FORK, OWN)),
        tag=st.sampled_from(("", "v1.4.0")),
        official=st.sampled_from((False, True)), beta=st.sampled_from((False, False, True)), dry_run=st.sampled_from((False, False, True)),
    ),
    AskHelp: st.builds(AskHelp, about=st.sampled_from(("", "approve", "nonsense"))),
}  # fmt: skip
"""How each command is played. "?" becomes a word that nobody wrote before, "me" whoever says it."""

unread = st.builds(Misread, text=st.just("x"), why=st.just("What?")) | st.sampled_from(
    ("fail", "block", "na", "note", "commit", "assign", "edit", "done", "track")
).flatmap(lambda word: numbers.map(lambda n: Incomplete(word=word, line=f"{word} MB-{n}", missing=("why",), ticket=n)))


class Reviews(Play, RuleBasedStateMachine):
    """People do what they like; after every step the rules are looked at. A rule for each command is added below."""

    def teardown(self) -> None:
        self.close()

    @initialize(track=st.sampled_from(("new", "update", "app", "web", "outside")), far=st.integers(0, 6))
    def begin(self, track: str, far: int) -> None:
        link = BADGES if track == "update" else REMIND
        if track == "web":
            form = Contribute(kind="plugin", name="X", link=PAGES[0], documentation=LINK, tracker=LINK, summary="")
            self.does("sue", form)
        elif track == "outside":
            self.does("olive", Submit(link=link, submitter=OUTSIDE))
        else:
            self.does("sue", Submit(link=link, track=track))
        if far and track != "web":
            self.resolve(0, COMMITS[0], "com.example.badges" if track == "update" else "com.example.remind")
        if far > 1:
            self.does("olive", RequestReviews(ticket=1))
        if far > 2:
            self.everybody_approves(1, "")
        for _ in range((far - 3) * 3):
            self.goes_on(1, 0)

    def somebody(self, what: Command, by: str | None, via: Way) -> None:
        actor = by or self.fitting(what)
        what = self._meant(what, actor)
        approval = isinstance(what, GiveVerdict) and what.decision == "approve" and what.all and not what.listing
        due = approval and not by and self._must_count(what, actor)  # type: ignore[arg-type]  # it is a verdict
        self.does(actor, what, via)
        if due:
            assert self.models[what.ticket].approves(what.role)  # type: ignore[attr-defined]  # it is a verdict

    def _meant(self, what: Command, actor: str) -> Command:
        texts = {x: v.replace("?", self.word()) for x in ("why", "text", "note") if "?" in (v := getattr(what, x, ""))}
        if isinstance(what, Assign | Remind) and what.person == "me":
            texts["person"] = id_of(actor)
        return what.model_copy(update=texts)

    def _must_count(self, what: GiveVerdict, actor: str) -> bool:
        """Whether nothing stands against an approval, by what the model knows."""
        model = self.model(what.ticket)
        may = what.role in self.held[id_of(actor)] and id_of(actor) not in model.theirs and what.role in model.roles
        free = not model.ended and not model.public and not model.open(what.role) and not model.approves(what.role)
        return bool(model.commit) and may and free and model.meant(what.commit)

    # What happens beside the commands by themselves

    @precondition(lambda self: self.cut_rows())
    @rule(which=st.integers(0, 3), why=st.sampled_from(("", "", "", "", "The storage is full.")))
    def a_cut_goes_on(self, which: int, why: str) -> None:
        self.cut_goes_on(which, why)

    @precondition(lambda self: self.steps())
    @rule(which=st.integers(0, 3), commit=commits, plugin=plugins, moved_to=st.sampled_from(("", "", "", BADGES)))
    def is_looked_up(self, which: int, commit: str, plugin: str, moved_to: str) -> None:
        self.resolve(which, commit, plugin, moved_to)

    @rule(ticket=numbers, but=st.sampled_from(("", "", *ROLES)))
    def everybody_approves(self, ticket: int, but: str) -> None:
        for role in self.model(ticket).roles:
            if role != but:
                by = self.reviewer(ticket, role)
                self.does(by, GiveVerdict(ticket=ticket, role=role, decision="approve", all=True))

    @rule(ticket=numbers, role=st.sampled_from(ROLES), guard=guards)
    def fail_without_a_word(self, ticket: int, role: str, guard: str) -> None:
        item = next(x for x in NEW if role_of(x) == role)
        what = JudgeItem(ticket=ticket, items=(item,), state="failed", why=" ", commit=guard)
        self.does(self.reviewer(ticket, role), what)

    @rule(ticket=numbers, who=st.sampled_from(PEOPLE), which=st.integers(0, 3), via=ways)
    def takes_up_what_status_offers(self, ticket: int, who: str, which: int, via: Way) -> None:
        if ticket not in self.models:
            return
        waiting = [x for x in PEOPLE if self.offered(ticket, x)]
        by = who if who in waiting else waiting[0] if waiting else ""
        if by:
            offers = self.offered(ticket, by)
            self.takes_up(by, offers[which % len(offers)], ticket, via)

    @rule(ticket=numbers, which=st.integers(0, 3))
    def goes_on(self, ticket: int, which: int) -> None:
        if ticket not in self.models or not (offers := self.next_steps(ticket)):
            return
        line = offers[which % len(offers)]
        words = line.split()
        if words[0] in {"reopen", "status"}:  # it may have a successor by now
            return
        by = self.guide(ticket)
        if words[0] == "approve":
            by = self.reviewer(ticket, words[2])
        elif words[0] == "done" and words[2] == "cut":
            by = "rosa" if self.held["id-rosa"] else by
        self.takes_up(by, line, ticket)

    @precondition(lambda self: self.shown)
    @rule(which=st.integers(0, 40), button=st.integers(0, 9))
    def presses_a_button(self, which: int, button: int) -> None:
        subjects = sorted(x for x in self.shown if not x.startswith(("case:", "cut:")))
        if not subjects:
            return
        subject = subjects[which % len(subjects)]
        buttons = [x for row in self.shown[subject].rows for x in row.buttons]
        if not buttons:
            return
        _, number, *part = subject.split(":")
        line = buttons[button % len(buttons)].line
        role = part[0] if part else line.split()[-1]
        by = self.reviewer(int(number), role) if role in ROLES else "otto"
        if role not in ROLES or (role in self.held[id_of(by)] and id_of(by) not in self.models[int(number)].theirs):
            self.takes_up(by, line, int(number), "click")

    @rule(by=st.sampled_from(PEOPLE), what=unread, via=ways)
    def says_no_command(self, by: str, what: Misread | Incomplete, via: Way) -> None:
        self.does(by, what, via)

    @rule(book=st.sampled_from((BOOK, OTHER_BOOK)))
    def roles_change(self, book: Mapping[str, tuple[str, ...]]) -> None:
        self.name(book)

    @rule(
        where=st.sampled_from((REMIND, BADGES)),
        kind=st.sampled_from(("tag", "branch")),
        commit=st.sampled_from(COMMITS),
    )
    def push(self, where: str, kind: Literal["tag", "branch"], commit: str) -> None:
        before = self.last_fact
        self.happens(Pushed(repository=where, ref_kind=kind, ref_name="v1.4.0", commit=commit))
        assert self.last_fact == before, "the review moves only when somebody moves it"

    @rule(minutes=st.sampled_from((1, 6, 90, 1440, 3000, 20_000)))
    def time_passes(self, minutes: int) -> None:
        self.now += minutes * 60_000
        self.falls_due()

    # The rules

    @invariant()
    def what_is_searched_is_what_the_facts_say(self) -> None:
        self.look_at_the_index()

    @invariant()
    def every_ticket_is_in_order(self) -> None:
        self.look_at_the_tickets()

    @invariant()
    def every_cut_is_in_order(self) -> None:
        self.look_at_the_cuts()

    @invariant()
    def nothing_broke(self) -> None:
        assert [x for x in self.log if x["log_level"] in {"error", "critical"}] == []


def _played(command: type[Command]) -> Callable[..., None]:
    def play(self: Any, what: Command, by: str | None, via: Way) -> None:  # noqa: ANN401 -- a machine, which is defined above
        self.somebody(what, by, via)

    play.__name__ = f"somebody_{command.__name__}"
    return play


for _command, _strategy in HOW.items():
    setattr(Reviews, f"somebody_{_command.__name__}", rule(what=_strategy, by=people, via=ways)(_played(_command)))


def test_every_command_is_played() -> None:
    assert {*HOW} == {*COMMANDS}
    assert all(hasattr(Reviews, f"somebody_{x.__name__}") for x in COMMANDS)


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
    play.resolve(1, COMMITS[1], "com.example.remind")
    play.resolve(0, COMMITS[0], "Com.Example.Remind")
    assert [play.models[n].ended for n in (1, 2)] == ["duplicate", ""]
    play.what_is_searched_is_what_the_facts_say()
    play.teardown()


TestReviews = Reviews.TestCase
TestReviews.settings = settings(
    max_examples=settings().max_examples // 6,
    stateful_step_count=40,
    deadline=None,
    suppress_health_check=[HealthCheck.too_slow],
)
