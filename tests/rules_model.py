"""What the facts of a ticket add up to, reckoned a second time, from their JSON and from the tables here alone."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from typing import Any

BOOK: Mapping[str, tuple[str, ...]] = {
    "admin": ("ada",), "owner": ("olive", "ole"), "default-owner": ("olive",), "product": ("pam", "sid"), "dev": ("dana",),
    "security": ("sam", "dana"), "qa": ("quinn", "ole"), "release": ("rosa", "ole"),
}  # fmt: skip
"""dana reviews for two roles, ole owns and reviews, sid both submits and holds a role."""
OTHER_BOOK = {**BOOK, "dev": ("quinn", "dana"), "security": ("sam",), "qa": ("quinn", "sue"), "release": ()}
PEOPLE = ("sue", "sid", "otto", "olive", "ole", "ada", "pam", "dana", "sam", "quinn", "rosa")
ROLES = ("product", "dev", "security", "qa")
CONFIDENTIAL = "security"
OUTSIDE = "outside:Jane Doe"

OF_ROLE = {"P": "product", "T": "dev", "S": "security", "F": "qa", "W": "product", "U1": "dev", "U2": "dev", "U3": "product"}  # fmt: skip
NEW = [f"P{n}" for n in range(1, 9)] + ["T1", "T2", "S1", "S2", "F1", "F2"]
WEB = ["W1", "W2", "W3"]
TRACKS = {
    "new": NEW,
    "beta": [x for x in NEW if x not in {"P4", "P6", "P7", "P8", "T1", "T2"}],
    "update": [*NEW, "U1", "U2", "U3"],
    "app": [*WEB, "T1", "T2", "S1", "S2", "F1", "F2"],
    "web": WEB,
}
MAY_BE_NA = {"P7", "T2"}
KINDS = ("app", "plugin", "webhook", "playbook", "tool")

CUT = ["merged", "cut", "listing", "listing-gate", "listed"]
FORK = ["fork", "access", "pull-request", "legal"]
BEFORE = {"new": FORK, "beta": FORK, "update": ["pull-request"], "app": [], "web": []}
"""Steps that may be done at any time, by track."""
LINE = {"new": CUT, "beta": CUT, "update": CUT, "app": ["listing", "listed"], "web": ["contact", "published"]}
"""Steps from the gate to the public: each rests on the one before."""
FOLLOW_UP = {
    "new": ["promotion", "analytics", "swag"], "beta": ["promotion", "analytics", "swag"], "update": ["promotion"],
    "app": ["promotion", "swag"], "web": ["social-media", "swag"],
}  # fmt: skip
OF_COMMIT = {"merged", "cut", "listing", "listed"}
PUBLIC = {"listed", "published"}
LISTING = ("dev", "qa")


def role_of(item: str) -> str:
    return OF_ROLE.get(item) or OF_ROLE.get(item[0], "")


def roles_of_track(track: str) -> tuple[str, ...]:
    return tuple(x for x in ROLES if any(role_of(y) == x for y in TRACKS[track]))


@dataclass
class Model:
    """One ticket. Where it is empty, nothing was recorded of it yet."""

    submitter: str = ""
    named: tuple[str, ...] = ()
    owner: str = ""
    commit: str = ""
    track: str = "new"
    chosen: bool = False
    contribution: str = ""
    page: bool = False
    repository: str = ""
    manifest_id: str = ""
    version: str = ""
    edited_id: str = ""
    ended: str = ""
    held: bool = False
    urgent: bool = False
    before: int = 0
    after: list[int] = field(default_factory=list)
    reviewers: dict[str, str] = field(default_factory=dict)
    requested: set[str] = field(default_factory=set)
    items: dict[str, tuple[str, str]] = field(default_factory=dict)
    judges: dict[str, str] = field(default_factory=dict)
    approved: dict[str, str] = field(default_factory=dict)
    findings: dict[int, dict[str, Any]] = field(default_factory=dict)
    seen: dict[str, str] = field(default_factory=dict)
    steps: dict[tuple[str, str], str] = field(default_factory=dict)
    merge: str = ""
    comparing: bool = False
    listing: dict[str, tuple[str, str]] = field(default_factory=dict)

    # What it amounts to

    @property
    def roles(self) -> tuple[str, ...]:
        return roles_of_track(self.track)

    @property
    def theirs(self) -> set[str]:
        """Whose plugin it is."""
        return {self.submitter, *self.named}

    @property
    def maintainers(self) -> tuple[str, ...]:
        return self.named or (self.submitter,)

    @property
    def plugin_id(self) -> str:
        return (self.manifest_id or self.edited_id).lower()

    def here(self, commit: str) -> bool:
        """Whether what was said of a commit is said of the one under review: it holds the same files."""
        return commit == self.commit or (
            bool(self.seen.get(commit)) and self.seen[commit] == self.seen.get(self.commit)
        )

    def meant(self, guard: str) -> bool:
        return any(x.startswith(guard) and self.here(x) for x in {self.commit, *self.seen})

    def approves(self, role: str) -> bool:
        return role in self.approved and self.here(self.approved[role])

    @property
    def gate(self) -> bool:
        approved = all(self.approves(role) for role in self.roles)
        return bool(self.commit) and not self.ended and approved and not self.open()

    def counts(self, number: int) -> bool:
        found = self.findings[number]
        return found["item"] in TRACKS[self.track] if found["item"] else found["role"] in self.roles

    def open(self, role: str = "") -> list[int]:
        """The open findings that bear on the track."""
        return [n for n, x in self.findings.items() if x["open"] and self.counts(n) and role in ("", x["role"])]

    def decided(self, role: str) -> bool:
        mine = [self.items.get(x, ("open", "")) for x in TRACKS[self.track] if role_of(x) == role]
        return all(state in {"passed", "na"} and self.here(commit) for state, commit in mine)

    @property
    def public(self) -> bool:
        return any(step in PUBLIC and self._stands(step, person) for step, person in self.steps)

    def _stands(self, step: str, person: str = "") -> bool:
        if (step, person) not in self.steps:
            return False
        if step not in OF_COMMIT:
            return True
        return self.here(self.merge if step == "merged" and self.merge else self.steps[step, person])

    def done(self, step: str) -> bool:
        if step == "swag":
            return all((step, x) in self.steps for x in self.maintainers)
        if step == "listing-gate":
            return all(x in self.listing and self.here(self.listing[x][0]) for x in LISTING)
        return self._stands(step)

    def missing_before(self, step: str) -> str:
        """What has to be done before a step, "" where nothing is left."""
        line = LINE[self.track]
        if step in BEFORE[self.track]:
            return ""
        until = line.index(step) if step in line else len(line)
        return "review-gate" if not self.gate else next((x for x in line[:until] if not self.done(x)), "")

    @property
    def over(self) -> bool:
        """Whether nothing is left to be done."""
        steps = (*BEFORE[self.track], *LINE[self.track], *FOLLOW_UP[self.track])
        asked = bool(self.owner) and self.requested >= {*self.roles}
        return self.gate and asked and all(self.done(x) for x in steps)

    @property
    def judged_by(self) -> set[str]:
        """Everybody of whom a judgement stands."""
        listing = {by for _, by in self.listing.values()}
        findings = {x["by"] for x in self.findings.values() if x["open"]}
        return {*self.judges.values(), *listing, *findings} - {""}

    # What is added

    def add(self, fact: Mapping[str, Any]) -> None:  # noqa: C901, PLR0912, PLR0915 -- one arm per kind of fact
        match fact["kind"]:
            case "submitted":
                self.submitter, self.track = fact["submitter"] or fact["by"], fact["track"] or "new"
                self.contribution = fact["contribution"]
            case "reference" if not self.commit:
                self.repository = fact["repository"]
            case "assigned" if fact["role"] == "owner":
                self.owner = fact["person"]
            case "assigned":
                self.reviewers[fact["role"]] = fact["person"]
            case "requested":
                self.requested.add(fact["role"])
            case "resolved":
                self.commit, self.repository, self.manifest_id = fact["commit"], fact["repository"], fact["plugin_id"]
                self.page, self.version = fact["ref_kind"] == "page", fact["version"]
                if fact["tree"]:
                    self.seen[fact["commit"]] = fact["tree"]
                if not self.chosen:
                    self._goes_on(fact["track"])
            case "merge-unchecked":
                self.comparing = False
            case "merge-found":
                self.merge, self.comparing = fact["commit"], False
                if fact["tree"]:
                    self.seen[fact["commit"]] = fact["tree"]
            case "track":
                self.chosen, self.contribution = True, fact["contribution"]
                self._goes_on(fact["track"])
            case "edited":
                self._edited(fact)
            case "linked" if fact["how"] == "before":
                self.before = fact["to"]
            case "linked":
                self.after.append(fact["to"])
            case "ended" | "reopened":
                self.ended = fact.get("ending", "")
            case "hurried":
                self.urgent = fact["on"]
            case "held" | "resumed":
                self.held = fact["kind"] == "held"
            case "step" | "step-undone":
                self._step(fact)
            case "cut-refused":
                del self.steps["cut", ""]
                self.listing.clear()
            case "judged":
                self._judged(fact)
            case "finding":
                self._found(fact, fact["number"], fact["role"], "", fact["text"])
            case "finding-resolved":
                self._settled(fact["number"])
            case "finding-disclosed":
                self.findings[fact["number"]]["secret"] = False
            case "verdict" if fact["gate"] == "listing":
                self.listing.pop(fact["role"], None)
                if fact["decision"] == "approve":
                    self.listing[fact["role"]] = (fact["commit"], fact["by"])
            case "verdict":
                self._verdict(fact["role"], fact["decision"], fact["by"])

    def _goes_on(self, track: str) -> None:
        """On another track the roles that have other items there approve anew; what was judged stays."""
        for role in ROLES:
            old, new = ([x for x in TRACKS[t] if role_of(x) == role] for t in (self.track, track))
            if old != new:
                self._no_longer_approved(role)
        self.track = track

    def _edited(self, fact: Mapping[str, Any]) -> None:
        match fact["what"]:
            case "submitter":
                (self.submitter,) = fact["people"]
            case "maintainers":
                self.named = tuple(fact["people"])
            case "repository":
                self.repository = fact["value"]
            case "id":
                self.edited_id = fact["value"]

    def _step(self, fact: Mapping[str, Any]) -> None:
        key = fact["step"], fact["person"]
        if fact["step"] == "merged":
            self.merge, self.comparing = "", fact.get("looked_up", False)
        if fact["step"] == "cut":
            self.listing.clear()
        if fact["kind"] == "step":
            self.steps[key] = fact["commit"]
            return
        del self.steps[key]
        if fact["step"] == "cut":  # what was tried at the listing gate is gone
            self.listing.clear()

    def _judged(self, fact: Mapping[str, Any]) -> None:
        item = fact["item"]
        for number, found in self.findings.items():
            if found["item"] == item and found["open"]:
                self.findings[number]["open"] = False
        self.items[item] = (fact["state"], fact["commit"])
        self.judges[item] = fact["by"] if fact["state"] != "open" else ""
        if fact["state"] == "open":
            self._no_longer_approved(role_of(item))
        if fact["state"] == "failed":
            self._found(fact, fact["finding"], role_of(item), item, fact["why"])

    def _no_longer_approved(self, role: str) -> None:
        self.approved.pop(role, None)
        self.judges.pop(role, None)

    def _found(self, fact: Mapping[str, Any], number: int, role: str, item: str, text: str) -> None:
        assert number == len(self.findings) + 1
        secret = role == CONFIDENTIAL
        self.findings[number] = {
            "role": role,
            "item": item,
            "text": text,
            "open": True,
            "secret": secret,
            "by": fact["by"],
        }
        self._no_longer_approved(role)

    def _settled(self, number: int) -> None:
        assert self.findings[number]["open"]
        self.findings[number]["open"] = False
        if item := self.findings[number]["item"]:
            self.items[item] = ("open", "")
            self.judges[item] = ""

    def _verdict(self, role: str, decision: str, by: str) -> None:
        asked = {x for x in TRACKS[self.track] if role_of(x) == role}
        mine = {x: v for x, v in self.items.items() if x in asked and v[0] in {"passed", "na"}}
        old = {item: state for item, (state, commit) in mine.items() if not self.here(commit)}
        if decision == "holds":
            self.items |= {item: (state, self.commit) for item, state in old.items()}
            self.judges |= dict.fromkeys(old, by)
        if decision == "again":
            self.items |= dict.fromkeys(old, ("open", ""))
            self.judges |= dict.fromkeys(old, "")
        had = self.approved.get(role, "")
        self._no_longer_approved(role)
        if decision == "approve" or (decision == "holds" and had):
            self.approved[role] = self.commit
            self.judges[role] = by
            assert self.decided(role), "an approval with undecided items"
            assert not self.open(role), "an approval beside an open finding"


def confided(models: Mapping[int, Model]) -> Collection[str]:
    """The words that only those concerned may read."""
    return {x["text"] for model in models.values() for x in model.findings.values() if x["secret"] and x["text"]}
