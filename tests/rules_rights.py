"""What must be refused and what may be recorded, reckoned without the code that refuses and records."""

from collections.abc import Mapping
from typing import Any

from rules_model import (
    BEFORE,
    CONFIDENTIAL,
    FOLLOW_UP,
    KINDS,
    LINE,
    LISTING,
    MAY_BE_NA,
    OF_COMMIT,
    PUBLIC,
    ROLES,
    TRACKS,
    Model,
    role_of,
)  # fmt: skip

from mmbot.events import (
    CASES,
    AcceptReport,
    AddNote,
    AskPeople,
    Assign,
    Block,
    ChangeSeverity,
    ChooseTrack,
    Command,
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
    JudgeFix,
    JudgeItem,
    ListPlugin,
    ManageCut,
    MoveReview,
    Mute,
    Remind,
    ReportVulnerability,
    RequestReviews,
    Resubmit,
    SayAway,
    SayReady,
    SettleFinding,
    Snooze,
    Submit,
    TakeDown,
    TakeStep,
    UndoStep,
)

Held = Mapping[str, set[str]]
"""The roles of each user id."""
SILENT = frozenset(
    {"hurried", "resolved", "merge-found", "merge-unchecked", "unresolved", "ended", "assigned", "linked"}
)
"""The kinds of fact that mmbot itself may record."""
AFTERWARDS = frozenset({"finding-disclosed", "note", "reopened", "linked"})
"""The kinds of fact that an ended ticket takes."""
FROZEN = frozenset(
    {"judged", "finding", "finding-resolved", "verdict", "cut-refused", "resolved", "unresolved", "reference", "ready", "track", "ended"}
)  # fmt: skip
"""The kinds of fact that a public ticket does not take."""
RELEASED = frozenset({"cut", "listing"})
"""The steps that are the release users'."""
Wrong = list[tuple[bool, str]]


def guides(person: str, model: Model, held: Held) -> bool:
    return bool(held.get(person, set()) & {"owner", "admin"}) or (model.owner == person != "")


def hopeless(by: str, what: object, models: Mapping[int, Model], held: Held) -> str:  # noqa: C901, PLR0911 -- one exit per kind of command
    """Why something must be refused, "" where it may be done or is refused for reasons that are not looked at here."""
    if not isinstance(what, Command) or what.reads:
        return "only reads"
    match what:
        case AskPeople():
            return "" if "admin" in held[by] else "no admin"
        case CutPlugin() | ManageCut() | ListPlugin():
            return "" if "release" in held[by] else "no release user"
        case SayAway() | Forget():
            return ""
        case Submit():
            other = bool(what.submitter) and what.submitter != by
            return "for somebody" if other and not held[by] & {"owner", "admin"} else ""
        case ReportVulnerability():
            return "there is no private channel"
        case FileCase():
            return "" if what.severity == "bug" and held[by] - {"default-owner"} else "no private channel, or no role"
        case _ if type(what) in CASES:
            decides = isinstance(
                what, ChangeSeverity | JudgeFix | ExtendCase | TakeDown | EndCase | AcceptReport | DeclineReport
            )
            wrong = decides and CONFIDENTIAL not in held[by]
            return "no such case" if what.case.startswith("SEC") else "not of the team" if wrong else ""  # type: ignore[attr-defined]  # all others name one
        case Contribute():
            links = (what.link, what.documentation, what.tracker)
            return "" if what.kind in KINDS and all(x.startswith("https://") for x in links) else "no form"
    model = models.get(what.ticket)  # type: ignore[attr-defined]  # every other command names one
    if model is None:
        return "no such ticket"
    return next((why for wrong, why in rights(what, model, by, held) if wrong), "")


def rights(what: Command, model: Model, by: str, held: Held) -> Wrong:  # noqa: C901, PLR0911, PLR0912, PLR0915 -- one arm per command
    may, mine, roles = guides(by, model, held), by in model.theirs, held[by] - {"default-owner"}
    ended, frozen = (bool(model.ended), "closed"), (model.public, "public")
    match what:
        case Snooze() | Mute() | Remind():
            others = isinstance(what, Remind) and what.person != by and not held[by]
            over = model.ended and not (isinstance(what, Mute) and not what.muted)
            return [(not held[by] and not mine, "no part in it"), (bool(over), "closed"), (others, "only themselves")]
        case JudgeItem(state="open", items=()):
            right = may or (mine and model.ended == "withdrawn")
            return [(not right, "not an owner"), (model.ended in {"", "duplicate"}, "nothing to reopen")]
        case JudgeItem():
            silent = what.state in {"failed", "na"} and not what.why.strip()
            wrong = [(item not in TRACKS[model.track], "not an item here") for item in what.items]
            wrong += [(role_of(item) not in roles, "not their role") for item in what.items]
            wrong += [(what.state == "na" and item not in MAY_BE_NA, "never n/a") for item in what.items]
            return [*wrong, (silent, "no why"), (not what.items, "no item"), *_judges(what, model, mine=mine), frozen]
        case GiveVerdict(listing=True):
            role = what.role
            wrong = [(role not in ("", *LISTING), "not of this gate"), (bool(role) and role not in roles, "not theirs")]
            gate = "listing-gate" in LINE[model.track] and what.decision in {"approve", "retract"}
            early = what.decision == "approve" and gate and bool(model.missing_before("listing-gate"))
            given = what.decision == "retract" and bool(role) and role not in model.listing
            wrong += [(not gate, "no such gate"), (early, "too early"), (given, "nothing to take back")]
            return [*wrong, *_judges(what, model, mine=mine), frozen]
        case Block(listing=True):
            role, there = what.role, "listing-gate" in LINE[model.track] and model.done("cut")
            wrong = [
                (bool(role) and role not in roles, "not theirs"),
                (not there, "nothing was cut"),
                (mine, "their own"),
            ]
            return [*wrong, ended, frozen, (role not in ("", *LISTING), "not of this gate")]
        case Block() | GiveVerdict():
            item = getattr(what, "item", "")
            role = role_of(item) if item else what.role
            wrong = [
                (bool(role) and role not in roles, "not their role"),
                (bool(role) and role not in model.roles, "no role"),
            ]
            wrong.append((bool(item) and item not in TRACKS[model.track], "no item"))
            return [*wrong, *_judges(what, model, mine=mine), frozen]
        case SettleFinding():
            found = model.findings.get(what.number, {"open": False, "role": "", "secret": False})
            wrong = [(found["role"] not in roles, "not their role"), (mine, "their own")]
            if what.disclose:
                return [*wrong, (not found["secret"], "nothing confidential")]
            return [*wrong, ended, frozen, (not found["open"], "nothing open")]
        case Assign(role="owner"):
            unfit = bool(what.person) and not held.get(what.person, set()) & {"owner", "admin"}
            own = what.person in model.theirs
            return [ended, (not may, "not an owner"), (unfit, "nobody's owner"), (own, "guides what is theirs")]
        case Assign():
            theirs = what.person in model.theirs or (bool(what.person) and what.role not in held.get(what.person, ()))
            right = may or (what.role in roles and not mine)
            there = what.role in model.roles
            return [ended, (not right, "no right"), (theirs, "cannot be theirs"), (not there, "no such role")]
        case RequestReviews():
            own = bool(model.theirs & {*what.people})
            return [ended, (not may, "not an owner"), (own, "their own"), (not model.commit, "no commit")]
        case MoveReview() | SayReady():
            return [ended, frozen, (not may and not mine, "no right")]
        case TakeStep() | UndoStep():
            return [ended, *_way(what, model, right=may or (what.step in RELEASED and "release" in roles))]
        case EndTicket():
            right = may or (mine and what.ending == "withdrawn")
            return [ended, frozen, (not right, "no right")]
        case HoldTicket():
            return [ended, (not may, "no right"), (what.held == model.held, "it is so")]
        case Hurry():
            return [ended, (not may, "no right"), (what.on == model.urgent, "it is so")]
        case Resubmit():
            again = model.ended in {"rejected", "withdrawn"}
            onward = model.public and model.track == "web" and model.contribution in {"app", "plugin"}
            return [(not may and not mine, "no right"), (not again and not onward, "not over")]
        case ChooseTrack():
            judges = bool(roles & {*ROLES}) and not mine
            kind = (what.track == "web") and what.kind not in KINDS
            right = (may or (judges and what.track == "beta")) and not mine
            wrong = [(not right, "no right"), frozen, (kind, "no kind")]
            back = model.ended == "rejected" and what.track == "beta"
            same = (what.track, what.kind) == (model.track, model.contribution) and bool(model.commit)
            wrong += [(bool(model.ended) and not back, "closed"), (same and not back, "it is so")]
            return [*wrong, (model.page and what.track != "web", "a page")]
        case EditTicket():
            right = may or (mine and what.what in {"title", "contact", "social"})
            return [ended, (not right, "no right"), (what.what == "id" and bool(model.manifest_id), "the manifest's")]
        case AddNote():
            return [(not roles and not mine, "no right")]
        case _:
            raise AssertionError(f"nobody said who may {type(what).__name__}")


def _judges(what: JudgeItem | Block | GiveVerdict, model: Model, *, mine: bool) -> Wrong:
    closed = (bool(model.ended), "closed"), (not model.commit, "no commit")
    return [*closed, (not model.meant(what.commit), "another commit"), (mine, "their own")]


def _way(what: TakeStep | UndoStep, model: Model, *, right: bool) -> Wrong:
    way = {*BEFORE[model.track], *LINE[model.track], *FOLLOW_UP[model.track]} - {"listing-gate"}
    wrong = [(not right, "no right"), (what.step not in way, "no such step")]
    person = what.person if what.step == "swag" else ""
    if isinstance(what, UndoStep):
        line = LINE[model.track]
        behind = line[line.index(what.step) + 1 :] if what.step in line else []
        rests = (what.step, person) in model.steps and any(model.done(x) for x in behind if x != "listing-gate")
        return [
            *wrong,
            ((what.step, person) not in model.steps, "not done"),
            (rests and model.done(what.step), "later"),
        ]
    if any(x for x, _ in wrong):
        return wrong
    wrong += [(what.skipped and what.step in OF_COMMIT | PUBLIC, "needed"), (what.skipped and not what.note, "no why")]
    wrong.append((what.step == "cut" and model.comparing, "being compared"))
    return [*wrong, (bool(model.missing_before(what.step)), "too early")]


# What was recorded


def allowed(fact: Mapping[str, Any], model: Model, held: Held) -> None:  # noqa: C901, PLR0912, PLR0915 -- one arm per kind of fact
    """Whether a fact may be recorded of a ticket that stands so."""
    kind, by, role = fact["kind"], fact["by"], fact.get("role", "")
    may, mine = guides(by, model, held), by in model.theirs
    if kind not in AFTERWARDS:
        assert not model.ended, "an ended ticket takes nothing but its way back"
    if kind in FROZEN:
        assert not model.public, "what is public is frozen"
    match kind:
        case "judged":
            role = role_of(fact["item"])
            assert fact["state"] != "na" or fact["item"] in MAY_BE_NA
            assert fact["item"] in TRACKS[model.track]
            assert fact["why"].strip() or fact["state"] not in {"failed", "na"}
            assert fact["confidential"] == (role == CONFIDENTIAL)
        case "finding-resolved" | "finding-disclosed":
            role = model.findings[fact["number"]]["role"]
        case "assigned" if fact["person"] and role != "owner":
            assert role in held[fact["person"]]
            assert fact["person"] not in model.theirs
        case "verdict" if fact["gate"] == "listing":
            assert role in LISTING
            assert fact["decision"] == "retract" or not model.missing_before("listing-gate")
        case "cut-refused":
            assert role in LISTING
            assert model.done("cut")
            assert fact["text"].strip()
        case "step":
            cut_by_mmbot = fact["step"] in RELEASED and fact["via"] == "mmbot"
            assert may or cut_by_mmbot or (fact["step"] in RELEASED and "release" in held[by])
            assert fact["commit"] == model.commit
            assert not model.missing_before(fact["step"]), "a step rests on the one before"
            assert not fact["skipped"] or (fact["step"] not in OF_COMMIT | PUBLIC and fact["note"])
        case "step-undone":
            assert may or (fact["step"] in RELEASED and "release" in held[by])
        case "track":
            assert may or (fact["track"] == "beta" and held[by] & {*ROLES} and not mine)
            assert fact["why"].strip()
        case "edited":
            assert may or mine or not model.submitter or not model.commit
            assert may or fact["what"] in {"title", "contact", "social", "maintainers"}
            assert not {*fact["people"]} & model.judged_by, "it became the plugin of somebody who judged it"
        case "ended":
            assert fact["ending"] == "duplicate" or may or (mine and fact["ending"] == "withdrawn")
        case "held" | "resumed":
            assert may
        case "reopened":
            assert model.ended in {"rejected", "withdrawn"}
        case "reference" | "ready" if model.submitter:
            assert may or mine or not model.repository
    if kind in {"judged", "finding", "verdict", "cut-refused"}:
        assert fact["commit"] == model.commit != ""
    if kind in {"judged", "finding", "verdict", "cut-refused", "finding-resolved", "finding-disclosed"}:
        assert role in held[by]
        assert not mine, "nobody judges what is theirs"
