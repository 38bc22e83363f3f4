"""The end-to-end suite's stage stands on the server that the environment names, else on the fakes."""

import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from fake_git import FakeGit, fake_git
from fake_mattermost import ADMIN, FakeMattermost
from stage import Stage, on_stage

REAL = os.environ.get("MMBOT_REAL_URL", "")
REAL_ADMIN = os.environ.get("MMBOT_REAL_ADMIN", ":").partition(":")


@pytest.fixture(params=["fake 5.37", "fake 9.9"] if not REAL else ["real"])
async def server(request: pytest.FixtureRequest) -> AsyncIterator[tuple[str, tuple[str, str], FakeMattermost | None]]:
    if REAL:
        yield REAL, (REAL_ADMIN[0], REAL_ADMIN[2]), None
        return
    async with FakeMattermost("5.37.0" if request.param.endswith("5.37") else "9.9.0") as fake:
        yield fake.url, ADMIN, fake


@pytest.fixture
async def git(tmp_path: Path) -> AsyncIterator[FakeGit]:
    (tmp_path / "git").mkdir()
    async with fake_git(tmp_path / "git") as served:
        yield served


@pytest.fixture
async def stage(
    server: tuple[str, tuple[str, str], FakeMattermost | None], git: FakeGit, tmp_path: Path
) -> AsyncIterator[Stage]:
    async with on_stage(server, git, tmp_path) as playing:
        yield playing
