"""What the documents take from the code stands in them as the code has it; `pytest tests/test_docs.py --write` puts it there."""

import re
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from mmbot import policy
from mmbot.commands import usage
from mmbot.domain import facts as f
from mmbot.domain import review, steps
from mmbot.domain.ticket import Ticket, fold
from mmbot.domain.turns import stage
from mmbot.events import COMMANDS
from mmbot.words.phrases import MB
from mmbot.words.replies import HELD_BY

ROOT = Path(__file__).parent.parent
RULES = policy.load()
FIRST, SECOND = "3f9c2ab".ljust(40, "0"), "81d0e44".ljust(40, "0")


def commands() -> str:
    rows = [
        f"| `{usage(word).replace(MB, '/mb').replace('|', chr(92) + '|')}` | {command.summaries[word]} | {HELD_BY[command.right(word)]} |"
        for command in COMMANDS
        for word in command.words
    ]
    return "\n".join(["| command | what it does | who may |", "|:--|:--|:--|", *rows])


def _resolved(commit: str) -> f.Resolved:
    return f.Resolved(
        text="",
        repository="https://github.com/example/x",
        ref_kind="tag",
        ref_name="v1",
        commit=commit,
        track="new",
    )


def _moves(ticket: Ticket) -> Iterator[tuple[str, Callable[[], Ticket]]]:  # noqa: C901 -- a list of what can happen
    """Everything that can happen to a ticket, by the words in the diagram."""
    me = ("someone", 1, "")
    if ticket.asked:
        yield "the commit is found", lambda: ticket.plus(_resolved(FIRST if not ticket.commit else SECOND))
        yield "it is not found", lambda: ticket.plus(f.Unresolved(text="", why="no"))
        if not ticket.commit:
            yield "its id has an open ticket", lambda: ticket.plus(_resolved(FIRST), f.Ended(ending="duplicate", of=1))
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
    yield "`hold`", lambda: ticket.plus(f.Held(why="why"))
    yield "`reject`, `withdraw`", lambda: steps.closed(ticket, f.Ended(ending="rejected", why="why"))
    for name in ("merged", "cut", "listing", "listed"):
        yield f"`done` {name}", lambda name=name: steps.marked(ticket, f.StepDone(step=name, link="https://x"))  # type: ignore[misc]
    if ("merged", "") in ticket.steps and not ticket.merge and not ticket.public:
        other = f.MergeFound(repository="", commit="9" * 40, tree="9" * 40, of=ticket.commit)
        yield "other code was merged", lambda: ticket.plus(other)
    for role in steps.listing_roles(ticket):
        yield "`approve --listing`", lambda role=role: steps.listing_judged(ticket, role, "approve", *me)  # type: ignore[misc]
    if ticket.public:
        yield "the rest `done`", lambda: _the_rest(ticket)
    yield (
        "`request`",
        lambda: ticket.plus(*(f.Requested(role=x, at=1) for x in ticket.roles if not ticket.review(x).requested_at)),
    )
    for role in ticket.roles:
        yield "`approve`", lambda role=role: review.approved(ticket, role, *me, everything=True)  # type: ignore[misc]
        yield "`retract`", lambda role=role: review.retracted(ticket, role, *me)  # type: ignore[misc]
        yield "`holds`", lambda role=role: review.reconsidered(ticket, role, "holds", *me)  # type: ignore[misc]
        yield "`fail`, `block`", lambda role=role: review.blocked(ticket, role, "why", *me)  # type: ignore[misc]
    for found in review.findings(ticket):
        yield "`unblock`, `pass`", lambda found=found: review.unblocked(ticket, found.number, *me)  # type: ignore[misc]
        yield "`ready`", lambda: ticket.plus(f.ReadySaid(at=1, findings=tuple(x.number for x in ticket.findings)))


def _the_rest(ticket: Ticket) -> Ticket:
    """Every step that is left, done at once: their order does not matter any more."""
    for name in steps.outstanding(ticket):
        person = ticket.submitter if ticket.policy.steps[name].each else ""
        ticket = steps.marked(ticket, f.StepDone(step=name, link="https://x", person=person))
    return ticket


RESTING = {"closed", "on hold"}
"""Every open ticket can be put there and come back: drawn from one stage only."""


def _drawn(before: str, after: str) -> bool:
    return not {before, after} & RESTING or "in review" in {before, after} or before == "looking up"


def _key(ticket: Ticket) -> tuple[object, ...]:
    """What of a ticket bears on its way; roles are alike, so which of them is where does not matter."""
    roles = sorted(
        (
            review.verdict(ticket, x),
            bool(ticket.review(x).requested_at),
            [bool(y.answered_at) for y in review.findings(ticket, x)],
        )
        for x in ticket.roles
    )
    way = sorted(x for x, _ in ticket.steps), sorted(ticket.listing), bool(ticket.held), bool(ticket.ended)
    return stage(ticket), bool(ticket.asked), str(roles), ticket.commit, str(way)


def diagram() -> str:
    """Every way between the stages of a ticket that the moves of the domain allow, found by trying them all."""
    given = f.ReferenceGiven(text="", repository="https://github.com/example/x")
    first = fold(
        1,
        RULES,
        [f.Submitted(requirements=RULES.current, by="sue", at=1), given, f.Assigned(role="owner", person="olive")],
    )
    edges: dict[tuple[str, str], set[str]] = {}
    queue, known = [first], {_key(first)}
    while queue:
        ticket = queue.pop()
        for words, move in _moves(ticket):
            try:
                after = move()
            except review.Illegal:
                continue
            if stage(after) != stage(ticket) and _drawn(stage(ticket), stage(after)):
                edges.setdefault((stage(ticket), stage(after)), set()).add(words)
            if len(review.findings(after)) <= 1 and _key(after) not in known:
                known.add(_key(after))
                queue.append(after)
    name = {x: x.replace(" ", "_") for pair in edges for x in pair}
    lines = ["```mermaid", "stateDiagram-v2", "  [*] --> looking_up: `submit`"]
    lines += [f"  {name[a]}: {a}" for a in name if name[a] != a]
    lines += [f"  {name[a]} --> {name[b]}: {', '.join(sorted(words))}" for (a, b), words in sorted(edges.items())]
    return "\n".join([*lines, "```"])


@pytest.mark.parametrize(
    ("document", "part", "made"),
    [("README.md", "commands", commands), ("docs/design.md", "diagram", diagram)],
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
