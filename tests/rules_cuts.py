"""Cuts in random reviews: a second reckoning of them from their JSON, and what holds of every one whatever people do."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from rules_model import Model

from mmbot.console_cuts import HERE
from mmbot.domain.artifacts import Artifact
from mmbot.domain.cut_facts import CUT_STEPS, StepWent
from mmbot.events import CutPlugin, CutStepped, EntryMade, ManageCut
from mmbot.store.database import Store

GOING = frozenset({"asked", "waits", "running"})
PLATFORM = Artifact(name="plugin.tar.gz", sha256="0" * 64, size=1)


@dataclass
class CutModel:
    """One cut, from its facts alone."""

    asked: Mapping[str, Any]
    state: str = "waits"
    done: list[str] = field(default_factory=list)
    agreed: str = ""
    run: int = 1
    announced: int = 0
    listed: bool = False

    @property
    def key(self) -> tuple[str, str]:
        return str(self.asked["repository"]).lower(), str(self.asked["tag"])

    def add(self, fact: Mapping[str, Any]) -> None:
        kind = fact["kind"]
        legal = {
            "agreed": {"asked"}, "begun": {"waits"}, "went": {"running"}, "failed": {"running", "waits"},
            "cancelled": GOING, "retried": {"failed", "cancelled"}, "listed": {"done"},
        }  # fmt: skip
        assert self.state in legal[kind], f"{kind} of a cut that is {self.state}"
        match kind:
            case "agreed":
                self.agreed, self.state = fact["by"], "waits"
            case "begun":
                self.state = "running"
            case "went":
                assert fact["step"] == CUT_STEPS[len(self.done)], "a step was left out"
                self.done.append(fact["step"])
                if fact["step"] == "announce":
                    self.state, self.announced = "done", self.announced + 1
            case "failed" | "cancelled":
                self.state = kind
            case "retried":
                del self.done[CUT_STEPS.index(fact["step"]) :]
                waits = self.asked["second"] and not self.agreed
                self.state, self.run = "asked" if waits else "waits", self.run + 1
            case "listed":
                self.listed = True


class Cuts:
    """What a play knows of its cuts."""

    store: Store
    models: dict[int, Model]
    held: dict[str, set[str]]

    def begin_cuts(self) -> None:
        self.cuts: dict[int, CutModel] = {}
        self.last_cut_fact = 0

    # What happens

    def cut_rows(self) -> list[Mapping[str, Any]]:
        """The steps of cuts and of the listing that are to be done."""
        return self.store.query(
            "SELECT id, subject, body FROM outbox WHERE kind = 'do' AND state = 'pending' AND subject <> 'resolve' ORDER BY id"
        )

    def cut_steps(self, which: int, why: str, trees: Mapping[str, str]) -> CutStepped | EntryMade | None:
        """Do one of them, or let it fail; gives what came of it."""
        rows = self.cut_rows()
        row = rows[which % len(rows)]
        self.store.execute("UPDATE outbox SET state = 'sent' WHERE id = ?", row["id"])
        given = json.loads(row["body"])
        if row["subject"] == "list":
            return EntryMade(
                cut=given["cut"], by=given["by"], why=why, dry_run=given["dry_run"], written="" if why else "file"
            )
        if row["subject"] == "unlist":
            return None
        step = row["subject"].removeprefix("cut-")
        commit = ""
        if step == "tag":
            known = (x for x in trees if x.startswith(given["commit"] or "3f9c2ab"))
            commit = next(known, given["commit"])
            same = commit == given["approved"] or (trees.get(commit) and trees[commit] == given["tree"])
            if given["approved"] and not same:
                why = "It holds other code than what was approved."
        made = (PLATFORM,) if step in {"split", "upload"} else ()
        went = StepWent(step=step, commit=commit, artifacts=made, plugin_id=given["plugin_id"] or "jira")
        return CutStepped(cut=given["cut"], run=given["run"], went=went, why=why)

    # What was recorded

    def new_cut_facts(self, by: str, what: object) -> None:
        """Take in the facts of cuts that an event brought, and see that each may be recorded."""
        rows = self.store.query("SELECT * FROM cut_fact WHERE id > ? ORDER BY id", self.last_cut_fact)
        for row in rows:
            fact, number = json.loads(row["data"]), row["cut"]
            self.last_cut_fact = row["id"]
            assert fact["by"] in {by, ""}
            if fact["kind"] in {"asked", "agreed", "cancelled", "retried"}:
                assert fact["by"] == by
                assert "release" in self.held[by], "whoever is not a release user changes nothing"
                assert isinstance(what, CutPlugin | ManageCut)
            if fact["kind"] == "asked":
                self._asked(number, fact)
            else:
                self._goes_on(number, fact)
        for cut in (self.cuts[x] for x in {row["cut"] for row in rows}):
            if cut.state in GOING or (cut.state == "done" and not cut.listed):
                self._may_be_cut(cut)

    def _model(self, asked: Mapping[str, Any]) -> Model | None:
        return self.models[asked["ticket"]] if asked["ticket"] else None

    def _asked(self, number: int, fact: Mapping[str, Any]) -> None:
        new = CutModel(fact, "asked" if fact["second"] or fact["source"] == "bundle" else "waits")
        same = [x for x in self.cuts.values() if x.key == new.key]
        assert not [x for x in same if x.state in GOING], "two cuts of one repository and tag"
        assert fact["forced"] or not [x for x in same if x.announced], "cut again without a reason"
        assert new.key[0].startswith(f"https://github.com/{HERE.organisation}/")
        assert fact["ticket"] or new.key[0].rpartition("/")[2] in HERE.own
        self._may_be_cut(new)
        self.cuts[number] = new

    def _may_be_cut(self, cut: CutModel) -> None:
        model, tag = self._model(cut.asked), cut.asked["tag"]
        if model is None:
            listed = any(x.listed for x in self.cuts.values() if x.key == cut.key and x is not cut)
        else:
            assert model.gate, "not every role has approved it, or something blocks"
            assert model.here(cut.asked["approved"]), "the review has moved"
            assert model.done("merged"), "it is not merged"
            assert not model.comparing
            assert not model.held
            assert not model.ended
            assert model.version in {"", tag[1:]}, "the tag is not the version"
            listed = model.public and model.version == tag[1:]
        assert tag.startswith("v")
        assert not listed or (cut.asked["second"] and cut.asked["forced"]), "a listed version is cut anew by one person"

    def _goes_on(self, number: int, fact: Mapping[str, Any]) -> None:
        cut = self.cuts[number]
        cut.add(fact)
        if fact["kind"] == "agreed":
            model = self._model(cut.asked)
            assert fact["by"] != cut.asked["by"], "agreed to one's own"
            assert model is None or fact["by"] not in model.theirs
        if fact["kind"] == "begun":
            assert not cut.asked["second"] or cut.agreed
            assert len([x for x in self.cuts.values() if x.state == "running"]) <= HERE.at_once

    # What always holds

    def look_at_the_cuts(self) -> None:
        """A cut that is under way has one step to be done, every other one none; each is announced once at most."""
        rows = self.store.query("SELECT number, state, going FROM cut ORDER BY number")
        kept = [(x["number"], x["state"], x["going"]) for x in rows]
        assert kept == [(n, x.state, int(x.state in GOING)) for n, x in sorted(self.cuts.items())]
        steps = [x for x in self.cut_rows() if x["subject"].startswith("cut-")]
        expected = {(n, x.run, f"cut-{CUT_STEPS[len(x.done)]}") for n, x in self.cuts.items() if x.state == "running"}
        found = [(json.loads(x["body"])["cut"], json.loads(x["body"])["run"], x["subject"]) for x in steps]
        assert len(found) == len(expected)
        assert {*found} == expected
        said = self.store.query("SELECT count(*) AS n FROM outbox WHERE kind = 'say' AND body LIKE '%is cut** from%'")
        assert said[0]["n"] == sum(x.announced for x in self.cuts.values())
        assert all(x.announced <= 1 for x in self.cuts.values())
        waiting = [x for x in self.cuts.values() if x.state == "waits"]
        running = [x for x in self.cuts.values() if x.state == "running"]
        assert not waiting or len(running) == HERE.at_once, "one waits, and there is room"
