"""The history of a ticket: every kind of fact is told, and what is confidential only to those who may know it."""

import ast
from pathlib import Path
from typing import Any, Literal, get_args, get_origin

import pytest

from mmbot import policy
from mmbot.domain import facts as f
from mmbot.domain.rights import Actor
from mmbot.domain.ticket import Ticket, fold
from mmbot.domain.turns import Reason
from mmbot.mattermost.render import LONGEST_MESSAGE
from mmbot.words import history
from mmbot.words.answers import AT_MOST, WAITS_FOR, log

POLICY = policy.load()
AT = 1_794_218_400_000
COMMIT = "3f9c2ab".ljust(40, "0")
KINDS: tuple[type[f.Fact], ...] = get_args(f.AnyFact)
FILLED: dict[str, Any] = {
    "item": "P1",
    "role": "qa",
    "step": "merged",
    "track": "new",
    "commit": COMMIT,
    "requirements": POLICY.current,
}
"""Values of fields that name something; the other fields are filled by their type."""

OPENED = (
    f.Submitted(requirements=POLICY.current, by="id-sue", at=AT),
    f.Assigned(role="owner", person="id-olive", at=AT),
    f.Resolved(text="v1", repository="https://github.com/example/x", ref_kind="tag", ref_name="v1", commit=COMMIT, track="new", at=AT),
)  # fmt: skip

TEXT = "$ @<&>|`*_[x](y) #tag :smile: " * 100


def who(user: str) -> str:
    return user.removeprefix("id-")


def example(kind: type[f.Fact]) -> Any:  # noqa: ANN401 -- one of the facts
    values = {"by": "id-sam", "at": AT}
    for name, info in kind.model_fields.items():
        if not info.is_required():
            continue
        said = info.annotation
        plain: Any = get_args(said)[0] if get_origin(said) is Literal else {str: "x", int: 1, bool: True}.get(said, ())  # type: ignore[arg-type]  # types
        values[name] = FILLED.get(name, plain)
    return kind(**values)


def test_every_kind_of_fact_has_an_arm_of_its_own() -> None:
    tree = ast.parse(Path(history.__file__).read_text("utf-8"))
    told = {x.cls.attr for x in ast.walk(tree) if isinstance(x, ast.MatchClass) and isinstance(x.cls, ast.Attribute)}
    missing = {kind.__name__ for kind in KINDS} - told
    assert not missing, (
        f"mmbot/words/history.py has no sentence yet for {', '.join(sorted(missing))}: add an arm to happened()"
    )


def test_every_reason_to_wait_has_words() -> None:
    missing = set(get_args(Reason)) - set(WAITS_FOR)
    assert not missing, f"WAITS_FOR in mmbot/words/answers.py does not say what {', '.join(sorted(missing))} waits for"


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_fact_is_told_on_one_line(kind: type[f.Fact]) -> None:
    ticket = fold(1, POLICY, OPENED)
    said = history.happened(ticket, example(kind), who, history.SHORT)
    assert said, f"{kind.__name__} says nothing in mmbot/words/history.py"
    assert "\n" not in said
    assert history.line(ticket, example(kind), Actor(""), who).startswith("9 Nov 2026 10:00, sam: ")


def test_a_page_of_history_fits_into_a_post() -> None:
    longest = [
        f.Submitted(requirements=POLICY.current, title=TEXT, summary=TEXT, by="s" * 64, at=AT)
        if n == 0
        else f.Judged(item="P1", state="failed", why=TEXT, commit=COMMIT, finding=n, by="s" * 64, at=AT)
        for n in range(AT_MOST)
    ]
    ticket = fold(99_999, POLICY, OPENED)
    lines = [history.line(ticket, fact, Actor(""), who) for fact in longest]
    assert len(log(ticket, lines, 1, 1000, "status MB-99999 --log")) < LONGEST_MESSAGE


def confidential() -> tuple[Ticket, list[f.AnyFact]]:
    """A ticket with everything that the security role can write, each text a word of its own."""
    mine = {"by": "id-sam", "commit": COMMIT, "at": AT}
    facts: list[f.AnyFact] = [
        *OPENED,
        f.Judged(item="S1", state="failed", why="secret1", finding=1, **mine),
        f.FindingRaised(number=2, role="security", text="secret2", **mine),
        f.Judged(item="S2", state="na", why="secret3", **mine),
        f.FindingResolved(number=1, by="id-sam", at=AT),
        f.Judged(item="S1", state="passed", **mine),
        f.Judged(item="S1", state="open", why="secret4", **mine),
        f.NoteAdded(text="secret5", role="security", by="id-sam", at=AT),
        f.FindingRaised(number=3, role="security", text="disclosed", **mine),
        f.FindingDisclosed(number=3, by="id-sam", at=AT),
        f.FindingRaised(number=4, role="qa", text="open", **mine),
        f.VerdictGiven(role="security", decision="retract", **mine),
    ]
    return fold(1, POLICY, facts), facts


def told(reader: Actor) -> str:
    ticket, facts = confidential()
    return "\n".join(history.line(ticket, fact, reader, who) for fact in facts)


@pytest.mark.parametrize("reader", [Actor("id-otto"), Actor("id-ada", frozenset({"admin", "owner", "release", "qa"}))])
def test_what_a_confidential_role_wrote_is_told_to_nobody_else(reader: Actor) -> None:
    text = told(reader)
    assert "secret" not in text
    assert "S1" not in text
    assert "S2" not in text
    assert text.count("security: changes requested, finding ") == 2
    assert text.count("security: an item was judged") == 3
    assert "raised finding 3 for security at" in text
    assert "took security's approval back" in text


@pytest.mark.parametrize("reader", [Actor("id-sue"), Actor("id-olive"), Actor("id-x", frozenset({"security"}))])
def test_those_who_may_know_it_are_told(reader: Actor) -> None:
    text = told(reader)
    assert all(f"secret{n}" in text for n in (1, 2, 3, 5))
    assert "opened **S1** again" in text
