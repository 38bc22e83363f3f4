"""The steps of a cut in the console's world: nothing is built or uploaded, but what can go wrong goes wrong as elsewhere."""

import hashlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from mmbot.console_listing import STORE, Shelf
from mmbot.console_world import Example, World
from mmbot.domain.artifacts import Artifact
from mmbot.domain.cut_facts import CUT_STEPS, CutStep, StepWent
from mmbot.events import CutStepped, EntryMade, RemovalMade
from mmbot.messages import NotNow
from mmbot.outbox import Step
from mmbot.store.tx import Cutting
from mmbot.words import cut_steps as words

HERE = Cutting(
    organisation="mattermost", own=frozenset({"mattermost-plugin-jira"}), source="github", at_once=2,
    public_url=STORE, lacks=(), listing="file",
)  # fmt: skip
MACOS = {"darwin-amd64": ("darwin-amd64", "osx-amd64")}
PLATFORMS = ("linux-amd64", "darwin-amd64", "windows-amd64")


class _No(Exception):  # noqa: N818 -- a sentence on its way to the result
    pass


@dataclass
class Workshop:
    """Where the console's cuts are made: `fails` and `waits` say what goes wrong at a step, `bundles` what is wrong in a manifest."""

    world: World
    tags: dict[tuple[str, str], str] = field(default_factory=dict)
    fails: dict[str, str] = field(default_factory=dict)
    waits: set[str] = field(default_factory=set)
    shelf: Shelf = field(default_factory=Shelf)
    bundles: dict[str, dict[str, str]] = field(default_factory=dict)

    def steps(self) -> dict[str, Step]:
        """The table of steps."""
        return {f"cut-{name}": self._step(name) for name in CUT_STEPS[:-1]} | {
            "list": self._list,
            "unlist": self._unlist,
        }

    def _step(self, name: CutStep) -> Step:
        async def done(arguments: Mapping[str, object], _tries: int) -> CutStepped:
            if name in self.waits:
                raise NotNow("the release has no bundle yet", 30)
            given: dict[str, Any] = dict(arguments)
            which = {"cut": given["cut"], "run": given["run"]}
            why = self.fails.pop(name, "")
            try:
                found = getattr(self, f"_{name}", lambda _: StepWent(step=name))(given)
            except _No as no:
                why, found = str(no), StepWent(step=name)
            return CutStepped(**which, went=found, why=why)

        return done

    def _example(self, given: Mapping[str, Any]) -> Example:
        known = self.world.repositories.get(str(given["repository"]).lower(), [])
        sha = str(given["commit"])
        found = [x for x in known if x.commit.startswith(sha)] if sha else known[-1:]
        if not found:
            raise _No(words.no_such_commit(str(given["repository"]), sha))
        return found[-1]

    def _tag(self, given: Mapping[str, Any]) -> StepWent:
        example, key = self._example(given), (str(given["repository"]), str(given["tag"]))
        if given["approved"] and example.commit != given["approved"] and example.tree_id() != given["tree"]:
            raise _No(words.other_code(str(given["repository"]), example.commit, str(given["approved"])))
        if key in self.tags and not given["forced"] and given["run"] == 1:
            raise _No(words.tag_there(str(given["tag"]), self.tags[key]))
        self.tags[key] = example.commit
        return StepWent(step="tag", commit=example.commit)

    def _manifest(self, given: Mapping[str, Any], example: Example) -> Mapping[str, object]:
        return {**(example.manifest or {}), **self.bundles.get(str(given["repository"]).lower(), {})}

    def _verify(self, given: Mapping[str, Any]) -> StepWent:
        example = self._example(given)
        manifest = self._manifest(given, example)
        if given["plugin_id"] and manifest.get("id") != given["plugin_id"]:
            raise _No(words.other_id(str(manifest.get("id")), str(given["plugin_id"])))
        if f"v{manifest.get('version')}" != given["tag"]:
            raise _No(words.other_version(str(manifest.get("version")), str(given["tag"])))
        return StepWent(
            step="verify", plugin_id=str(manifest.get("id")), version=str(manifest.get("version")), declared=PLATFORMS,
            sha256=hashlib.sha256(example.commit.encode()).hexdigest(),
        )  # fmt: skip

    def _split(self, given: Mapping[str, Any]) -> StepWent:
        def made(platform: str, named: str) -> Artifact:
            name = f"{given['name']}{f'-{named}' if named else ''}.tar.gz"
            return Artifact(
                name=name,
                platform=platform,
                sha256=hashlib.sha256(f"{given['name']} {platform}".encode()).hexdigest(),
                size=1_000_000,
            )

        return StepWent(step="split", artifacts=tuple(made(x, y) for x in ("", *PLATFORMS) for y in MACOS.get(x, (x,))))

    def _upload(self, given: Mapping[str, Any]) -> StepWent:
        made = [Artifact.model_validate(x) for x in given["artifacts"]]
        signed = (x.model_copy(update={"signed": hashlib.sha256(x.signature.encode()).hexdigest()}) for x in made)
        return StepWent(step="upload", artifacts=tuple(signed))

    async def _list(self, arguments: Mapping[str, object], _tries: int) -> EntryMade:
        self._reach("list")
        given: dict[str, Any] = dict(arguments)
        manifest = self._manifest(given, self._example(given))
        return self.shelf.put(given, manifest, PLATFORMS, self.world.now())

    async def _unlist(self, arguments: Mapping[str, object], _tries: int) -> RemovalMade:
        self._reach("unlist")
        return self.shelf.take(dict(arguments))

    def _reach(self, step: str) -> None:
        if step in self.waits:
            raise NotNow("the listing is not to be reached", 30)
