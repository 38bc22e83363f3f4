"""From the approved commit to the listing and out of it again, on a Mattermost server: nothing is faked but GitHub."""

import json
import os
import shutil
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fake_mattermost import FakeMattermost
from gpg_keys import HAS_GPG
from s3_server import RCLONE
from stage import PEOPLE, Stage, on_stage
from workshop import NAME, PLUGIN, Shop, merged, sources, workshop

from mmbot.config import Listing

REAL = bool(os.environ.get("MMBOT_REAL_URL"))
pytestmark = pytest.mark.skipif(
    not HAS_GPG or not RCLONE or not shutil.which("tar"), reason="gpg, rclone or tar is missing"
)
FILES = [f"{NAME}-v1.0.0{x}.tar.gz" for x in ("", "-darwin-amd64", "-linux-amd64", "-osx-amd64", "-windows-amd64")]


@pytest.fixture(params=["build", "github"] if REAL else ["one each"])
async def shop(
    request: pytest.FixtureRequest, server: tuple[str, tuple[str, str], FakeMattermost | None], tmp_path: Path
) -> AsyncIterator[Shop]:
    """A workshop that builds and uploads to S3, or takes what CI built, uploads to a folder and opens a pull request."""
    built = request.param == "build" or (server[2] is not None and server[2].version.startswith("5"))
    obtain = "build" if built else "github"
    async with workshop(tmp_path / "shop", obtain=obtain, s3=built, proposes=not built) as found:
        yield found


@pytest.fixture
async def stage(
    server: tuple[str, tuple[str, str], FakeMattermost | None], shop: Shop, tmp_path: Path
) -> AsyncIterator[Stage]:
    people = (*PEOPLE, "rosa", "kim")
    async with on_stage(server, shop.github.git, tmp_path, people, more=shop.sections) as playing:
        yield playing


async def _to_the_merge(stage: Stage) -> str:
    """A plugin is reviewed and merged; gives the commit in the fork."""
    git = stage.git
    upstream, fork = git.repository("example/remind"), git.repository(f"mattermost/{NAME}")
    upstream.tag("v1.0.0", upstream.commit(sources()))
    await stage.mb("sue", f"submit {git.url('example/remind')} v1.0.0")
    await stage.post("olive", "handed in", "you are its owner")
    await stage.post("pam", "`v1.0.0` is commit")
    await stage.mb("olive", "request MB-1")
    assert "fork" in await stage.mb("olive", f"edit MB-1 fork {git.url(f'mattermost/{NAME}')}")

    for who, role in (("pam", "product"), ("dana", "dev"), ("sam", "security")):
        assert "Recorded" in await stage.mb(who, f"approve MB-1 {role} --all")
    assert "**QA** has not approved" in await stage.mb("rosa", f"cutplugin --repo {NAME} --tag v1.0.0")
    assert "Recorded" in await stage.mb("quinn", "approve MB-1 qa --all")
    commit = merged(upstream, fork)
    await stage.mb("olive", f"done MB-1 merged {git.url(f'mattermost/{NAME}')}/commit/{commit}")
    await stage.post("rosa", "have the approved commit built, signed and uploaded", "cutplugin MB-1")
    return commit


async def test_an_approved_commit_is_cut_listed_and_taken_down(stage: Stage, shop: Shop, tmp_path: Path) -> None:  # noqa: PLR0915 -- one story, in order
    github = shop.github
    if not stage.config.listing.file:
        marketplace = github.git.repository("mattermost/marketplace")
        marketplace.commit({"plugins.json": "[]\n"}, on="refs/heads/production")
    commit = await _to_the_merge(stage)

    async def ci(repository: str, tag: str, _commit: str) -> None:
        github.attach(github.release(repository, tag), "remind.tar.gz", _built(commit, tmp_path))

    if stage.config.release.obtain == "github":
        github.on_tag = ci
    assert "Only release users" in await stage.mb("sue", "cutplugin MB-1")
    assert "Nothing is missing, and nothing was done" in await stage.mb("rosa", "cutplugin MB-1 --dry-run")
    assert "has begun (cut 1)" in await stage.mb("rosa", f"cutplugin --repo {NAME} --tag v1.0.0")
    done = await stage.post("pam", f"**{NAME} v1.0.0 is cut** from", f"`{commit[:7]}`", wait=20)
    assert done["root_id"]
    post = await stage.post("pam", f"**Cut {NAME} v1.0.0**", "✓ announced")
    assert "verified: id, version, 3 platforms" in post["message"]
    assert shop.files() == sorted([*FILES, *(f"{x}.sig" for x in FILES)])
    assert github.repository(f"mattermost/{NAME}").refs()["refs/tags/v1.0.0"] == commit
    if stage.config.release.obtain == "github":
        assert {x.name for x in github.releases[0].assets} == {"remind.tar.gz", *(f"{x}.sig" for x in FILES)}
    assert "was cut by" in await stage.mb("rosa", f"cutplugin --repo {NAME} --tag v1.0.0")

    await stage.post("rosa", "make its entry in the listing", "list MB-1")
    assert "I make the entry" in await stage.mb("rosa", "list MB-1")
    if stage.config.listing.file:
        await stage.post("pam", "stands in the listing's file now")
        database = shop.listing.read_bytes()
    else:
        await stage.post("pam", "is proposed by", "pull request")
        (pull,) = github.pulls
        assert (pull.base, sorted(pull.labels)) == ("production", ["2: Dev Review", "3: QA Review"])
        github.merge(pull)
        database = github.repository("mattermost/marketplace").git("show", "production:plugins.json").encode() + b"\n"
    (entry,) = json.loads(database)
    assert entry["manifest"]["id"] == PLUGIN
    assert entry["download_url"] == f"https://plugins.example.com/release/{FILES[0]}"
    assert entry["platforms"]["darwin-amd64"]["signature"]
    for who in ("dana", "tom"):
        assert "approves what was cut" in await stage.mb(who, "approve MB-1 --listing")
    await stage.mb("olive", "done MB-1 listed")
    await stage.post("sue", "is in the Marketplace now")

    assert "second release user agrees" in await stage.mb("rosa", "cutplugin MB-1")
    assert "a second release user has to agree" in await stage.mb("rosa", "cutplugin MB-1 --force a lost key")
    asked = await stage.post("kim", "wants", "cut anew", "**listed**")
    await stage.kim.click(asked["id"], "I agree")
    await stage.post("rosa", "agrees")
    await stage.post("rosa", "is cut, signed and uploaded (cut 2)", wait=20)

    filed = await stage.mb("sam", "file MB-1 critical it sends every message to a stranger")
    case = next(x.strip("*.,:") for x in filed.split() if "SEC-" in x)
    await stage.mb("sam", f"takedown {case} plugin it must go at once")
    await stage.post("rosa", case, "confirm")
    await stage.mb("rosa", f"confirm {case}")
    told = await stage.post("rosa", "decided a takedown", case)
    if stage.config.listing.file:
        assert "I have changed the listing's file" in told["message"]
        assert shop.listing.read_bytes() == b"[]\n"
    else:
        assert "I have proposed it" in told["message"]
        assert "SEC" not in github.pulls[1].title + github.pulls[1].body + github.pulls[1].head
    await stage.mb("rosa", f"removed {case}")


@pytest.mark.parametrize("server", ["real" if REAL else "fake 9.9"], indirect=True)
async def test_where_nobody_says_how_the_listing_is_changed_a_patch_is_posted(
    server: tuple[str, tuple[str, str], FakeMattermost | None], tmp_path: Path
) -> None:
    people = (*PEOPLE, "rosa")
    async with workshop(tmp_path / "shop", s3=False) as shop:
        sections = {**shop.sections, "listing": Listing()}
        async with on_stage(server, shop.github.git, tmp_path, people, more=sections) as stage:
            catalogue = tmp_path / "plugins.json"
            before = catalogue.read_bytes()
            await _to_the_merge(stage)
            asked = await stage.post("rosa", "next, you: have the approved commit built")
            assert "has begun (cut 1)" in await stage.rosa.click(asked["id"], "Cut it")
            made = await stage.post("rosa", "next, you: make its entry in the listing", wait=60)
            assert "I make the entry" in await stage.rosa.click(made["id"], "Make the entry")
            posted = await stage.post("pam", "as a change to the listing's file", "```diff")
            assert catalogue.read_bytes() == before
            patch = posted["message"].partition("```diff\n")[2].rpartition("\n```")[0] + "\n"
    _apply(patch, tmp_path)
    assert [x["manifest"]["id"] for x in json.loads(catalogue.read_bytes())] == ["com.github.example.badges", PLUGIN]


def _apply(patch: str, folder: Path) -> None:
    subprocess.run(["git", "apply", "-"], cwd=folder, input=patch.encode(), check=True)  # noqa: S607 -- whichever git there is


def _built(commit: str, folder: Path) -> bytes:
    """What CI makes of a commit: here, the same script."""
    place = folder / f"ci-{commit[:7]}"
    if not (place / "dist" / "plugin.tar.gz").exists():
        place.mkdir()
        for name, content in sources().items():
            (place / name).write_text(str(content))
        subprocess.run(
            ["/bin/sh", "build.sh"], cwd=place, check=True, env={"SOURCE_DATE_EPOCH": "1", "PATH": os.defpath}
        )
    return (place / "dist" / "plugin.tar.gz").read_bytes()
