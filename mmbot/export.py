"""The whole file of a ticket, read from the store while the bot runs or not, for people or for programs."""

import json
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any, Literal

from mmbot.domain import review, steps
from mmbot.domain.cut import fold_cut
from mmbot.domain.cut_facts import read_cut_fact
from mmbot.domain.facts import AnyFact, read_fact
from mmbot.domain.rights import secret_of
from mmbot.domain.ticket import Ticket
from mmbot.domain.turns import Turn, history, stage
from mmbot.policy import Policy
from mmbot.store.reader import Reader, StoreUnreadable
from mmbot.words import ticket_file
from mmbot.words.phrases import plain

FORMAT = 1
"""Raise it when a program that reads the JSON would have to be changed."""


class ExportFailed(Exception):  # noqa: N818 -- a sentence for the operator
    """There is no such ticket, or the store can't be read."""


def export(store: Path, policy: Policy, number: int, form: Literal["md", "json"], *, confidential: bool) -> str:
    """A ticket's file as text; without `confidential`, what confidential roles wrote is left out. Raises ExportFailed."""
    try:
        with Reader(store) as reader:
            raw = [json.loads(text) for text in reader.facts(number)]
            said = [(n, [json.loads(text) for text in texts]) for n, texts in reader.cuts(number)]
            known = {*_texts(raw), *_texts([x for _, x in said])}
            names = {user: name for user in sorted(known) if (name := reader.name(user))}
    except StoreUnreadable as error:
        raise ExportFailed(str(error)) from error
    if not raw:
        raise ExportFailed(f"There is no MB-{number} in {store}.")
    facts = [read_fact(json.dumps(fact)) for fact in raw]
    ticket, turns = history(number, policy, facts)
    cuts = [fold_cut(n, [read_cut_fact(json.dumps(x)) for x in kept]) for n, kept in said]
    secrets = {role for fact in facts if (role := secret_of(ticket, fact))}
    hidden = frozenset() if confidential else frozenset(secrets)
    if form == "md":
        return ticket_file.document(
            ticket, turns, facts, lambda user: plain(names.get(user, user or "nobody"), 80), hidden, cuts
        )
    found = _values(ticket, turns, hidden) | {"people": names, "facts": _facts(ticket, facts, raw, hidden)}
    found["cuts"] = [
        {"number": x.number, "state": x.state, "facts": kept} for x, (_, kept) in zip(cuts, said, strict=True)
    ]
    return json.dumps(found, ensure_ascii=False, indent=1) + "\n"


def _facts(
    ticket: Ticket, facts: Sequence[AnyFact], raw: Sequence[dict[str, Any]], hidden: Collection[str]
) -> list[dict[str, Any]]:
    """The facts as they are stored; of those that are left out, that they are there."""
    kept = []
    for fact, stored in zip(facts, raw, strict=True):
        role = secret_of(ticket, fact)
        base = {name: stored[name] for name in ("kind", "at", "by", "via")}
        kept.append({**base, "role": role, "left_out": True} if role in hidden else stored)
    return kept


def _values(ticket: Ticket, turns: Mapping[str, Turn], hidden: Collection[str]) -> dict[str, Any]:
    """What the facts add up to."""
    gate = review.gate(ticket)
    return {
        "format": FORMAT, "ticket": ticket.handle, "number": ticket.number, "something_left_out": bool(hidden),
        "times": "milliseconds since 1970 in UTC, 0 for never",
        "name": ticket.name, "version": ticket.version, "plugin_id": ticket.resolved.plugin_id if ticket.resolved else "",
        "repository": ticket.repository, "commit": ticket.commit, "track": ticket.track,
        "requirements": ticket.submitted.requirements if ticket.submitted else "",
        "submitter": ticket.submitter, "owner": ticket.owner, "opened_at": ticket.opened_at, "changed_at": ticket.changed_at,
        "stage": stage(ticket), "waits_for": [asdict(turn) for turn in turns.values()],
        "gate": {"open": gate.open, "roles_missing": gate.roles, "findings_open": [x.number for x in gate.findings]},
        "verdicts": [
            {**asdict(ticket.review(role)), "verdict": review.verdict(ticket, role)} for role in ticket.roles
        ],
        "items": [_item(ticket, x.handle, x.role, hidden) for x in ticket.items],
        "findings": [
            {"number": x.number, "role": x.role, "answered_at": x.answered_at, "resolved_at": x.resolved_at, "left_out": True}
            if x.confidential and x.role in hidden else asdict(x)
            for x in ticket.findings
        ],
        "steps": [
            {"step": name, "done": steps.done(ticket, name), "said": [x.model_dump() for (of, _), x in ticket.steps.items() if of == name]}
            for name in ticket.track_words.steps
        ],
    }  # fmt: skip


def _item(ticket: Ticket, handle: str, role: str, hidden: Collection[str]) -> dict[str, Any]:
    if role in hidden:
        return {"item": handle, "role": role, "left_out": True}
    found = ticket.judgements.get(handle)
    return {
        "item": handle, "role": role, "standing": review.standing(ticket, handle), "judged": asdict(found) if found else None,
    }  # fmt: skip


def _texts(value: object) -> Iterator[str]:
    """Every text in a JSON value that could be somebody's id."""
    if isinstance(value, str) and 0 < len(value) <= 100:  # noqa: PLR2004 -- longer than any id
        yield value
    elif isinstance(value, dict):
        for part in value.values():
            yield from _texts(part)
    elif isinstance(value, list):
        for part in value:
            yield from _texts(part)
