"""What somebody tries who wants something in the listing that nobody cut or approved for it: each way stays closed."""

import hashlib
import json
from collections.abc import AsyncIterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import aiohttp
import pytest
from bundles import plugin
from example_listing import database, remind
from fake_github import TOKEN
from gpg_keys import HAS_GPG, make_key
from pydantic import SecretStr
from workshop import PASSPHRASE, Shop, workshop

from mmbot.config import Config, Mattermost
from mmbot.domain import listing as listings
from mmbot.domain.cut_facts import CUT_STEPS, StepWent
from mmbot.events import CutStepped, EntryMade, RemovalMade
from mmbot.github.api import Hub
from mmbot.github.git import GitLimits
from mmbot.messages import NotNow
from mmbot.release.signing import Key
from mmbot.steps.cutting import cutting
from mmbot.steps.listing import listing
from mmbot.steps.workshop import Workshop

pytestmark = pytest.mark.skipif(not HAS_GPG, reason="gpg isn't installed")
WHEN = 1_793_250_000_120


@dataclass
class Bench:
    """A workshop whose steps a test runs one by one, without a bot."""

    shop: Shop
    made: Workshop
    went: dict[str, StepWent] = field(default_factory=dict)

    def arguments(self, cut: int, repository: str, tag: str, **more: object) -> dict[str, Any]:
        """A row's arguments, from what the steps before found."""
        last = self.went.get("upload") or self.went.get("split")
        return {
            "cut": cut, "run": 1, "attempt": 1, "repository": f"{self.shop.github.address}/mattermost/{repository}", "tag": tag,
            "name": f"{repository}-{tag}", "commit": self.went["tag"].commit if "tag" in self.went else "", "approved": "", "tree": "",
            "source": "bundle", "asset": "", "place": "", "sha256": "", "forced": False, "pre_release": False, "plugin_id": "",
            "bundle": self.went["verify"].sha256 if "verify" in self.went else "", "outdated": (), "begun": WHEN,
            "artifacts": [x.model_dump() for x in last.artifacts] if last else [], **more,
        }  # fmt: skip

    async def step(self, name: str, cut: int, repository: str, tag: str, **more: object) -> CutStepped:
        """Do a step, and keep what it found."""
        done = await cutting(self.made)[f"cut-{name}"](self.arguments(cut, repository, tag, **more), 0)
        assert isinstance(done, CutStepped)
        if not done.why:
            self.went[name] = done.went
        return done

    async def cut(self, cut: int, repository: str, tag: str, *, until: str = "announce", **more: object) -> str:
        """Do the steps until one; why one of them failed."""
        self.went.clear()
        for name in CUT_STEPS[: CUT_STEPS.index(until)]:
            done = await self.step(name, cut, repository, tag, **more)
            if done.why:
                return f"{name}: {done.why}"
        return ""

    def bundle(self, **changes: object) -> dict[str, str]:
        """A bundle in the folder of bundles; what names it."""
        data = plugin(**changes)  # type: ignore[arg-type]  # of its manifest
        (self.shop.folder / "bundles").mkdir(exist_ok=True)
        sha256 = hashlib.sha256(data).hexdigest()
        (self.shop.folder / "bundles" / sha256).write_bytes(data)
        return {"place": sha256, "sha256": sha256}

    def repository(self, name: str, tag: str, *others: str) -> str:
        """A repository with a commit that has tags."""
        made = self.shop.github.git.repository(f"mattermost/{name}")
        commit = made.commit({"README.md": name})
        for one in (tag, *others):
            made.tag(one, commit)
        return commit

    async def entry(self, cut: int, repository: str, tag: str, **more: object) -> EntryMade:
        """Have the entry made of what was cut last."""
        given = {
            **self.arguments(cut, repository, tag), "by": "rosa", "author": "official", "stage": "production", "hosting": "",
            "enterprise": False, "answered": (), "flags": "", "dry_run": False, "replace": False, **more,
        }  # fmt: skip
        done = await listing(self.made)["list"](given, 0)
        assert isinstance(done, EntryMade)
        return done

    def listed(self) -> list[Mapping[str, Any]]:
        """What stands in the listing's file."""
        found: list[Mapping[str, Any]] = json.loads(self.shop.listing.read_text())
        return found


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> Key:
    return make_key(tmp_path_factory.mktemp("key") / "gnupg", PASSPHRASE)


async def _bench(folder: Path, key: Key, *, proposes: bool) -> AsyncIterator[Bench]:
    token = TOKEN if proposes else ""
    async with (
        workshop(folder, "github", s3=False, proposes=proposes, key=key) as shop,
        aiohttp.ClientSession() as http,
    ):
        release = shop.sections["release"].model_copy(update={"bundles": folder / "bundles"})
        github = shop.sections["github"].model_copy(update={"token": SecretStr(token)})
        here = Mattermost(url="http://127.0.0.1", team="t", channel="c")
        config = Config(mattermost=here, **{**shop.sections, "release": release, "github": github})
        limits = GitLimits(plain_http=frozenset({shop.github.git.host}))
        (folder / "var" / "cuts").mkdir(parents=True)
        hub = Hub(http, token, shop.github.api)
        yield Bench(shop, Workshop(folder / "var" / "cuts", config, limits, hub, lambda: WHEN))


@pytest.fixture
async def bench(tmp_path: Path, key: Key) -> AsyncIterator[Bench]:
    async for made in _bench(tmp_path, key, proposes=False):
        yield made


@pytest.fixture
async def proposing(tmp_path: Path, key: Key) -> AsyncIterator[Bench]:
    async for made in _bench(tmp_path, key, proposes=True):
        yield made


async def test_a_forced_cut_does_not_take_the_place_of_another_repositorys_entry(bench: Bench) -> None:
    bench.repository("remind", "v1.2.3")
    bench.repository("copy", "v1.2.3")
    assert not await bench.cut(1, "remind", "v1.2.3", **bench.bundle())
    assert (await bench.entry(1, "remind", "v1.2.3")).written == "file"
    assert not await bench.cut(2, "copy", "v1.2.3", forced=True, **bench.bundle())
    made = await bench.entry(2, "copy", "v1.2.3", replace=True)
    assert "from another repository, `remind`" in " ".join(made.blocks)
    assert [x["repo_name"] for x in bench.listed()] == ["remind"]


async def test_what_is_cut_anew_takes_the_place_of_its_own_entry(bench: Bench) -> None:
    bench.repository("remind", "v1.2.3")
    assert not await bench.cut(1, "remind", "v1.2.3", **bench.bundle())
    assert (await bench.entry(1, "remind", "v1.2.3")).written == "file"
    assert not await bench.cut(2, "remind", "v1.2.3", forced=True, **bench.bundle(name="Anew"))
    assert (await bench.entry(2, "remind", "v1.2.3", replace=True)).written == "file"
    assert [x["manifest"]["name"] for x in bench.listed()] == ["Anew"]


async def test_a_question_is_answered_only_once_it_was_asked(bench: Bench) -> None:
    bench.repository("remind", "v1.2.3", "v1.3.0")
    assert not await bench.cut(1, "remind", "v1.3.0", **bench.bundle(version="1.3.0"))
    assert (await bench.entry(1, "remind", "v1.3.0")).written == "file"
    assert not await bench.cut(2, "remind", "v1.2.3", **bench.bundle())
    asked = await bench.entry(2, "remind", "v1.2.3", answered=("Something else?",))
    assert ["lower than `1.3.0`" in x for x in asked.asks] == [True]
    assert (await bench.entry(2, "remind", "v1.2.3", answered=asked.asks)).written == "file"


async def test_an_entry_with_other_marks_is_another_pull_request(proposing: Bench) -> None:
    github, bench = proposing.shop.github, proposing
    github.git.repository("mattermost/marketplace").commit({"plugins.json": "[]\n"}, on="refs/heads/production")
    bench.repository("remind", "v1.2.3")
    assert not await bench.cut(1, "remind", "v1.2.3", forced=True, **bench.bundle())
    first = await bench.entry(1, "remind", "v1.2.3")
    again = await bench.entry(1, "remind", "v1.2.3")
    other = await bench.entry(1, "remind", "v1.2.3", author="community", stage="beta")
    assert first.link == again.link != other.link
    shown = github.repository("mattermost/marketplace").git("show", f"refs/heads/{github.pulls[1].head}:plugins.json")
    assert json.loads(shown)[0]["release_stage"] == "beta"


@pytest.mark.parametrize(
    ("removal", "version", "title"),
    [
        ("plugin", "", "Remove com.example.remind"),
        ("version", "1.2.3", "Remove com.example.remind 1.2.3"),
        ("restriction", "7.1.0", "Restrict com.example.remind to servers from 7.1.0 on"),
        ("restriction", "on-prem", "Restrict com.example.remind to servers on premises"),
    ],
)
async def test_a_takedowns_pull_request_says_what_it_does_and_nothing_of_why(
    proposing: Bench, removal: str, version: str, title: str
) -> None:
    github, bench, file = proposing.shop.github, proposing, listings.write(database(remind(version="1.2.3"), remind()))
    github.git.repository("mattermost/marketplace").commit({"plugins.json": file.decode()}, on="refs/heads/production")
    given = {
        "case": "SEC-1234",
        "plugin_id": "com.example.remind",
        "removal": removal,
        "version": version,
        "pulls": [],
        "begun": WHEN,
    }
    made = await listing(bench.made)["unlist"](given, 0)
    assert isinstance(made, RemovalMade)
    assert (made.why, made.written) == ("", "pull-request")
    pull = github.pulls[-1]
    assert pull.title == title
    assert "SEC-1234" not in f"{pull.title} {pull.body} {pull.head}"


async def test_a_change_that_people_do_not_take_is_not_said_to_be_proposed(proposing: Bench) -> None:
    github, bench = proposing.shop.github, proposing
    github.git.repository("mattermost/marketplace").commit({"plugins.json": "[]\n"}, on="refs/heads/production")
    bench.repository("remind", "v1.2.3")
    assert not await bench.cut(1, "remind", "v1.2.3", forced=True, **bench.bundle())
    for _ in range(5):
        assert (await bench.entry(1, "remind", "v1.2.3")).written == "pull-request"
        github.pulls[-1].state = "closed"
    assert "does not have it" in (await bench.entry(1, "remind", "v1.2.3")).why
    assert len(github.pulls) == 5


async def test_what_was_changed_after_it_was_split_is_not_signed(bench: Bench) -> None:
    bench.repository("remind", "v1.2.3")
    assert not await bench.cut(1, "remind", "v1.2.3", until="sign", **bench.bundle())
    out = bench.made.folder / "1" / "1" / "out"
    (out / "remind-v1.2.3-linux-amd64.tar.gz").write_bytes(plugin(name="Evil"))
    assert "is not what I made any more" in (await bench.step("sign", 1, "remind", "v1.2.3")).why
    assert not list(out.glob("*.sig"))


@pytest.mark.parametrize("killed", [False, True])
async def test_a_forced_cut_that_is_begun_anew_does_not_take_what_was_built_from_something_else(
    proposing: Bench, *, killed: bool
) -> None:
    github, bench = proposing.shop.github, proposing
    repository = github.git.repository("mattermost/remind")
    repository.tag("v1.2.3", repository.commit({"README.md": "not approved"}))
    github.attach(github.release("mattermost/remind", "v1.2.3"), "remind.tar.gz", plugin(name="Not approved"))
    given = {
        "source": "github",
        "forced": True,
        "approved": (approved := repository.commit({"README.md": "approved"})),
        "commit": approved,
    }
    first = await bench.step("tag", 1, "remind", "v1.2.3", **given)
    assert (first.why, first.went.commit, len(first.went.outdated)) == ("", approved, 1)
    if killed:
        bench.went.clear()  # nobody heard of it
    again = await bench.step("tag", 2, "remind", "v1.2.3", **given)
    assert again.went.outdated == first.went.outdated
    with pytest.raises(NotNow, match="no bundle yet"):
        await bench.step("obtain", 2, "remind", "v1.2.3", **given, outdated=again.went.outdated)
    github.attach(github.releases[0], "anew.tar.gz", plugin())
    assert not (await bench.step("obtain", 2, "remind", "v1.2.3", **given, outdated=again.went.outdated)).why


async def test_a_tag_that_could_not_be_moved_makes_no_file_outdated(proposing: Bench) -> None:
    github, bench = proposing.shop.github, proposing
    repository = github.git.repository("mattermost/remind")
    repository.tag("v1.2.3", there := repository.commit({"README.md": "one"}))
    github.attach(github.release("mattermost/remind", "v1.2.3"), "remind.tar.gz", plugin())
    other = repository.commit({"README.md": "two"})
    github.archived.add("mattermost/remind")
    refused = await bench.step("tag", 1, "remind", "v1.2.3", source="github", forced=True, approved=other, commit=other)
    assert refused.why
    github.archived.clear()
    taken = await bench.step("tag", 2, "remind", "v1.2.3", source="github", forced=True, approved=there, commit=there)
    assert (taken.why, taken.went.outdated) == ("", ())


async def test_a_file_of_a_release_that_was_there_before_its_tag_is_not_taken(proposing: Bench) -> None:
    github, bench = proposing.shop.github, proposing
    github.git.repository("mattermost/remind").commit({"README.md": "remind"})
    release = github.release("mattermost/remind", "v1.2.3")
    github.attach(release, "remind.tar.gz", plugin(name="Evil"))
    assert not (await bench.step("tag", 1, "remind", "v1.2.3", source="github")).why
    outdated = bench.went["tag"].outdated
    with pytest.raises(NotNow):
        await bench.step("obtain", 1, "remind", "v1.2.3", source="github", outdated=outdated)
