"""What the documents take from the code stands in them as the code has it; `pytest tests/test_docs.py --write` puts it there."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mmbot import policy
from mmbot.commands import usage
from mmbot.domain import cut_facts as c
from mmbot.domain import facts as f
from mmbot.domain import review, steps
from mmbot.domain.cut import Cut, again_from
from mmbot.domain.ticket import Ticket, fold
from mmbot.domain.ticket_parts import PUBLIC
from mmbot.domain.turns import stage
from mmbot.events import COMMANDS
from mmbot.words.manual import HELD_BY
from mmbot.words.phrases import MB

ROOT = Path(__file__).parent.parent


def _judged_by(*roles: str) -> policy.Policy:
    """The shipped policy, but only these roles have something to judge."""
    rules = policy.load()
    asked = rules.of(rules.current)
    tracks = {
        name: track.model_copy(update={"items": tuple(x for x in track.items if asked.items[x].role in roles)})
        for name, track in asked.tracks.items()
    }
    return rules.model_copy(update={"requirements": {asked.version: asked.model_copy(update={"tracks": tracks})}})


RULES = _judged_by("product", "qa")
"""Roles are alike, so two tell as much as four: one that tries what was cut and one that does not."""
FIRST, SECOND = "3f9c2ab".ljust(40, "0"), "81d0e44".ljust(40, "0")


def commands() -> str:
    rows = [
        f"| `{usage(word).replace(MB, '/mb').replace('|', chr(92) + '|')}` | {command.summaries[word]} | {HELD_BY[command.right(word)]} |"
        for command in COMMANDS
        for word in command.words
    ]
    return "\n".join(["| command | what it does | who may |", "|:--|:--|:--|", *rows])


def _resolved(commit: str, track: str = "new", kind: str = "tag") -> f.Resolved:
    return f.Resolved(
        text="",
        repository="https://github.com/example/x",
        ref_kind=kind,
        ref_name="v1",
        commit=commit,
        track=track,
    )


def _moves(ticket: Ticket) -> Iterator[tuple[str, Callable[[], Ticket]]]:  # noqa: C901, PLR0912 -- a list of what can happen
    """Everything that can happen to a ticket, by the words in the diagram."""
    me = ("someone", 1, "")
    if ticket.asked:
        known = _resolved(FIRST if not ticket.commit else SECOND, ticket.track)
        yield "the commit is found", lambda: ticket.plus(known)
        yield "it is not found", lambda: ticket.plus(f.Unresolved(text="", why="no"))
        if not ticket.commit:
            yield "its id has an open ticket", lambda: ticket.plus(known, f.Ended(ending="duplicate", of=1))
            yield "`claim`", lambda: ticket.plus(f.Assigned(role="qa", person="quinn"), f.Requested(role="qa", at=1))
        return
    if ticket.commit != SECOND and not ticket.ended and not ticket.public:
        yield "`commit`", lambda: ticket.plus(f.ReferenceGiven(text="", repository="https://github.com/example/x"))
    if not ticket.commit:
        return
    if ticket.ended:
        yield "`reopen`", lambda: ticket.plus(f.Reopened())
        return
    if ticket.held:
        yield "`unhold`", lambda: ticket.plus(f.Resumed())
        return
    for track in sorted(ticket.requirements.tracks):
        kind = "tool" if track == "web" else ""
        if track != ticket.track and not ticket.public and not ticket.page:
            yield TRACK, lambda x=(track, kind): ticket.plus(f.TrackChosen(track=x[0], contribution=x[1], why="w"))  # type: ignore[misc]
    yield "`hold`", lambda: ticket.plus(f.Held(why="why"))
    yield "`reject`, `withdraw`", lambda: steps.closed(ticket, f.Ended(ending="rejected", why="why"))
    for name in ("merged", "cut", "listing", "contact", *PUBLIC):
        yield f"`undone` {name}", lambda name=name: steps.unmarked(ticket, name, "", *me)  # type: ignore[misc]
        yield f"`done` {name}", lambda name=name: steps.marked(ticket, f.StepDone(step=name, link="https://x"))  # type: ignore[misc]
    if ("merged", "") in ticket.steps and not ticket.merge and not ticket.public:
        other = f.MergeFound(repository="", commit="9" * 40, tree="9" * 40, of=ticket.commit)
        yield "other code was merged", lambda: ticket.plus(other)
    bad = f.CutRefused(role="qa", text="why", commit="")
    yield "`block --listing`", lambda: steps.cut_refused(ticket, bad)
    for role in steps.listing_roles(ticket):
        yield "`approve --listing`", lambda role=role: steps.listing_judged(ticket, role, "approve", *me)  # type: ignore[misc]
    if ticket.public:
        yield "the rest `done`", lambda: _the_rest(ticket)
        person = "" if ticket.owner else "olive"
        yield "`claim`" if person else "`unassign`", lambda: ticket.plus(f.Assigned(role="owner", person=person))
        more = f.Edited(what="maintainers", people=(*ticket.maintainers, "otto"))
        if len(ticket.maintainers) == 1:
            yield "`edit` maintainers", lambda: ticket.plus(more)
    yield (
        "`request`",
        lambda: ticket.plus(*(f.Requested(role=x, at=1) for x in ticket.roles if not ticket.review(x).requested_at)),
    )
    for role in _unlike(ticket):
        yield "`approve`", lambda role=role: review.approved(ticket, role, *me, everything=True)  # type: ignore[misc]
        yield "`retract`", lambda role=role: review.retracted(ticket, role, *me)  # type: ignore[misc]
        yield "`holds`", lambda role=role: review.reconsidered(ticket, role, "holds", *me)  # type: ignore[misc]
        yield "`fail`, `block`", lambda role=role: review.blocked(ticket, role, "why", *me)  # type: ignore[misc]
    for found in review.findings(ticket):
        yield "`unblock`, `pass`", lambda found=found: review.unblocked(ticket, found.number, *me)  # type: ignore[misc]
        yield "`ready`", lambda: ticket.plus(f.ReadySaid(at=1, findings=tuple(x.number for x in ticket.findings)))


def _unlike(ticket: Ticket) -> list[str]:
    """One role of those that stand alike."""
    return [*{(_of(ticket, x), x in steps.listing_roles(ticket)): x for x in ticket.roles}.values()]


def _of(ticket: Ticket, role: str) -> str:
    found = [bool(x.answered_at) for x in review.findings(ticket, role)]
    return f"{review.verdict(ticket, role)} {bool(ticket.review(role).requested_at)} {found}"


def _the_rest(ticket: Ticket) -> Ticket:
    """Every step that is left, done at once: their order does not matter any more."""
    for name in steps.outstanding(ticket):
        person = ticket.submitter if ticket.policy.steps[name].each else ""
        ticket = steps.marked(ticket, f.StepDone(step=name, link="https://x", person=person))
    return ticket


TRACK = "`track`, `beta`"
"""Looked at from every state, but not followed: each track has a start of its own."""
RESTING = {"closed", "on hold"}
"""Every open ticket can be put there and come back: drawn from one stage only."""


def _drawn(before: str, after: str) -> bool:
    return not {before, after} & RESTING or "in review" in {before, after} or before == "looking up"


def _followed(words: str, at: str) -> bool:
    """Whether a move is followed further: not where it leads back, or to what another start leads to."""
    return not words.startswith((TRACK, "`undone`", "`unassign`", "`edit`")) or (
        words.startswith("`undone`") and at == "all done"
    )


def _key(ticket: Ticket, at: str) -> tuple[object, ...]:
    """What of a ticket bears on its way; roles are alike, so which of them is where does not matter."""
    roles = sorted(_of(ticket, x) for x in ticket.roles)
    way = sorted(x for x, _ in ticket.steps), sorted(ticket.listing), bool(ticket.held), bool(ticket.ended)
    return at, bool(ticket.asked), str(roles), ticket.commit, str(way), ticket.track, ticket.owner


def diagram() -> str:
    """Every way between the stages of a ticket that the moves of the domain allow, found by trying them all."""
    given = f.ReferenceGiven(text="", repository="https://github.com/example/x")
    owner = f.Assigned(role="owner", person="olive")
    page = f.Submitted(requirements=RULES.current, track="web", contribution="tool", by="sue", at=1)
    opened = [page.model_copy(update={"track": track, "contribution": ""}) for track in ("new", "app")]
    starts = [fold(1, RULES, [x, given, owner]) for x in opened]
    starts.append(fold(1, RULES, [page, _resolved(FIRST, "web", "page"), owner]))
    edges: dict[tuple[str, str], set[str]] = {}
    queue = [(x, stage(x)) for x in starts]
    known = {_key(x, at) for x, at in queue}
    while queue:
        ticket, here = queue.pop()
        for words, move in _moves(ticket):
            try:
                after = move()
            except review.Illegal:
                continue
            there = stage(after)
            if there != here and _drawn(here, there):
                edges.setdefault((here, there), set()).add(words)
            if _followed(words, here) and len(review.findings(after)) <= 1 and (key := _key(after, there)) not in known:
                known.add(key)
                queue.append((after, there))
    name = {x: x.replace(" ", "_") for pair in edges for x in pair}
    lines = ["```mermaid", "stateDiagram-v2", "  [*] --> looking_up: `submit`"]
    lines += [f"  {name[a]}: {a}" for a in name if name[a] != a]
    lines += [f"  {name[a]} --> {name[b]}: {', '.join(sorted(words))}" for (a, b), words in sorted(edges.items())]
    return "\n".join([*lines, "```"])


def _happens(cut: Cut) -> Iterator[tuple[str, c.CutFact]]:
    """Everything that can happen to a cut, by the words in its diagram."""
    at = cut.changed_at + 1
    if not cut.over:
        yield "`cut cancel`", c.CutCancelled(at=at)
    match cut.state:
        case "asked":
            yield "`cut confirm`", c.CutAgreed(at=at)
        case "waits":
            yield "its turn comes", c.CutBegun(at=at)
            yield "it may not be cut any more", c.StepFailed(step=cut.step, why="no", at=at)
        case "running":
            yield "the last step is done", c.StepWent(step=cut.step, at=at)
            yield "a step fails", c.StepFailed(step=cut.step, why="no", at=at)
        case "failed" | "cancelled":
            yield "`cut retry`", c.CutRetried(step=again_from(cut, at), at=at)


def cuts() -> str:
    """Every way between the states of a cut, found by following all that can happen to one."""
    asked = c.CutAsked(repository="https://github.com/example/x", tag="v1.0.0", source="build")
    queue = [Cut(1, asked), Cut(1, asked.model_copy(update={"second": True}))]
    edges: dict[tuple[str, str], set[str]] = {}
    known = set()
    while queue:
        cut = queue.pop()
        for words, fact in _happens(cut):
            after = cut.plus(fact)
            if after.state != cut.state:
                edges.setdefault((cut.state, after.state), set()).add(words)
            key = (after.state, after.step, bool(after.agreed), after.asked.second)
            if key not in known:
                known.add(key)
                queue.append(after)
    lines = [
        "```mermaid",
        "stateDiagram-v2",
        "  [*] --> waits: `cutplugin`",
        "  [*] --> asked: `cutplugin` of what is listed",
    ]
    lines += [f"  {a} --> {b}: {', '.join(sorted(words))}" for (a, b), words in sorted(edges.items())]
    return "\n".join([*lines, "```"])


@pytest.mark.parametrize(
    ("document", "part", "made"),
    [("README.md", "commands", commands), ("docs/design.md", "diagram", diagram), ("docs/design.md", "cuts", cuts)],
)
def test_what_is_generated_stands_in_the_document(
    document: str,
    part: str,
    made: Callable[[], str],
    pytestconfig: pytest.Config,
) -> None:
    path = ROOT / document
    written = path.read_text("utf-8")
    marked = re.compile(rf"(<!-- {part} -->\n).*?(<!-- /{part} -->)", re.DOTALL)
    assert marked.search(written), f"{document} has no place for {part}"
    wanted = marked.sub(lambda found: f"{found[1]}{made()}\n{found[2]}", written)
    if pytestconfig.getoption("--write"):
        path.write_text(wanted, "utf-8")
    assert written == wanted


def test_every_link_between_documents_leads_somewhere() -> None:
    for path in [
        ROOT / "README.md",
        ROOT / "CHANGELOG.md",
        *(ROOT / "docs").rglob("*.md"),
        *(ROOT / "tests" / "dialogs").rglob("*.md"),
    ]:
        for target in re.findall(r"\]\((?!https?://|#)([^)#]+)", path.read_text("utf-8")):
            assert (path.parent / target).exists(), f"{path.name}: {target}"


def test_the_lock_files_serve_an_ordinary_machine() -> None:
    for name in ("requirements.lock", "requirements-dev.lock"):
        text = (ROOT / name).read_text("utf-8")
        assert not re.search(r"https?://|--find-links|--index|file:|^-e|^/", text, re.MULTILINE)
        pinned = re.findall(r"^[a-z0-9._-]+==", text, re.MULTILINE)
        assert len(pinned) == len(re.findall(r"^    --hash=sha256:[0-9a-f]{64}(?! \\)$", text, re.MULTILINE))
