"""What doctor says of GitHub."""

from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from fake_github import TOKEN, FakeGitHub, broken, fake_github

from mmbot.config import Config
from mmbot.doctor.finding import Finding
from mmbot.doctor.hub import github as examine

NAME = "mattermost/mattermost-marketplace"


@pytest.fixture
async def github(tmp_path: Path) -> AsyncIterator[FakeGitHub]:
    async with fake_github(tmp_path) as server:
        server.git.repository(NAME).commit({"plugins.json": "[]"}, on="refs/heads/production")
        yield server


async def look(api: str, token: str = TOKEN, listing: str = NAME, obtain: str = "") -> list[Finding]:
    config = Config.model_validate(
        {
            "mattermost": {"url": "http://127.0.0.1:1", "team": "t", "channel": "c"},
            "github": {"api": api, "token": token},
            "listing": {"repository": listing},
            "release": {"obtain": obtain},
        }
    )
    async with aiohttp.ClientSession() as http:
        findings = await examine(config, http)
    assert all(x.mend for x in findings if not x.ok)
    assert not token or token not in repr(findings)
    return findings


async def test_where_nothing_happens_on_github_nothing_is_said(github: FakeGitHub) -> None:
    assert await look(github.api, token="", listing="") == []
    assert not github.requests


async def test_what_needs_a_token_is_named(github: FakeGitHub) -> None:
    [one] = await look(github.api, token="")
    [two] = await look(github.api, token="", obtain="github")
    assert (one.ok, one.text) == (False, "no token for GitHub, and listing.repository needs one")
    assert two.text == 'no token for GitHub, and release.obtain = "github" and listing.repository need one'


async def test_a_token_that_may_push_is_fine_and_its_end_is_told(github: FakeGitHub) -> None:
    github.headers = {
        "github-authentication-token-expiration": "2027-01-12 10:31:26 UTC",
        "x-oauth-scopes": "read:org, repo",
    }
    [found] = await look(github.api)
    assert (found.ok, found.text) == (
        True,
        f"the token sees {NAME}, whose branches its owner may push; it ends on 2027-01-12 10:31:26 UTC",
    )
    [found] = await look(github.api, listing="")
    assert (found.ok, found.text) == (True, f"{github.api} takes the token")


async def test_a_token_that_does_not_do_is_told_why(github: FakeGitHub) -> None:
    github.tokens["reading-token"] = set()
    texts = [x.text for token in ("wrong-token", "reading-token") for x in await look(github.api, token)]
    assert "has ended, or was withdrawn" in texts[0]
    assert texts[1] == f"the token's owner may not push to {NAME}"
    [wrong] = await look(github.api, "wrong-token", listing="")
    assert wrong.ok is False
    github.headers = {"x-oauth-scopes": "gist, read:org"}
    [scopes] = await look(github.api)
    assert scopes.text == "the token has the scopes gist, read:org, and “repo” is not among them"
    github.archived.add(NAME)
    [archived] = await look(github.api)
    assert "is archived" in archived.text
    [nowhere] = await look(github.api, listing="mattermost/nowhere")
    assert "Check the name" in nowhere.text


async def test_github_that_is_away_leaves_it_open(github: FakeGitHub) -> None:
    github.instead = [broken()]
    [found] = await look(github.api)
    assert found.ok is None
    [found] = await look("http://127.0.0.1:1/api/v3")
    assert (found.ok, found.mend) == (None, "Try again later.")
