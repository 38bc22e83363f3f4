"""What `mmbot doctor` can tell of GitHub: whether the token works, until when, and whether it may propose a change of the listing."""

import json
from collections.abc import Mapping

import aiohttp

from mmbot.config import Config
from mmbot.doctor.finding import Finding, faulty, fine, open_question
from mmbot.github.api import PULLS, READ, WRITE, GitHubUnavailable, Hub, RefusedByGitHub, whole

NAME = "github"
_JSON = "application/vnd.github+json"
_ENOUGH = {"repo", "public_repo"}  # of the scopes of a classic token
_MAKE = f"Make a token on GitHub with “{WRITE}” and “{PULLS}”, and put it as github.token beside the other secrets."


async def github(config: Config, http: aiohttp.ClientSession) -> list[Finding]:
    """Whether what is configured to happen on GitHub can; nothing where nothing is."""
    token, listing = config.github.token.get_secret_value(), config.listing.repository
    wants = ['release.obtain = "github"'] * (config.release.obtain == "github") + ["listing.repository"] * bool(listing)
    if not token:
        needs = f"no token for GitHub, and {' and '.join(wants)} need{'s' if len(wants) == 1 else ''} one"
        return [faulty(NAME, needs, _MAKE)] if wants else []
    hub = Hub(http, token, config.github.api)
    try:
        if not listing:
            await hub.ask("GET", f"{config.github.api}/rate_limit", repository="", may=READ)
            return [fine(NAME, f"{config.github.api} takes the token")]
        async with hub.raw("", _JSON, repository=listing, may=READ) as answer:
            said = json.loads(await whole(answer, 2**20))
            return [_listing(listing, said, answer.headers)]
    except RefusedByGitHub as no:
        return [faulty(NAME, f"{config.github.api} refuses: {no}", _MAKE)]
    except (GitHubUnavailable, ValueError) as no:
        return [open_question(NAME, f"{config.github.api} tells nothing: {no}", "Try again later.")]


def _listing(repository: str, said: Mapping[str, object], headers: Mapping[str, str]) -> Finding:
    permissions, scopes = said.get("permissions"), headers.get("x-oauth-scopes")
    if said.get("archived"):
        return faulty(
            NAME, f"{repository} is archived: nothing can be proposed there", "Give another listing.repository."
        )
    if not isinstance(permissions, Mapping) or not permissions.get("push"):
        return faulty(NAME, f"the token's owner may not push to {repository}", f"Have them let in there. {_MAKE}")
    if scopes and not _ENOUGH & {x.strip() for x in scopes.split(",")}:
        return faulty(NAME, f"the token has the scopes {scopes}, and “repo” is not among them", _MAKE)
    until = headers.get("github-authentication-token-expiration", "")
    return fine(
        NAME,
        f"the token sees {repository}, whose branches its owner may push" + (f"; it ends on {until}" if until else ""),
    )
