"""GitHub's REST API over one aiohttp session: requests, and what went wrong with them in a sentence."""

import contextlib
import re
import time
from collections.abc import AsyncIterator, Iterator, Mapping
from http import HTTPStatus
from typing import Any, Literal
from urllib.parse import urlsplit

import aiohttp
import gidgethub
from gidgethub import sansio
from gidgethub.aiohttp import GitHubAPI
from yarl import URL

from mmbot.domain.references import is_ref_name
from mmbot.words.phrases import code

Json = Any  # whatever GitHub sent; the functions that ask make it typed

READ, WRITE, PULLS = "Contents: read", "Contents: read and write", "Pull requests: read and write"
"""What a fine-grained token is allowed, in GitHub's words."""

BINARY = "application/octet-stream"

_AGENT = "mmbot"
_TIMES = aiohttp.ClientTimeout(total=120, sock_connect=10, sock_read=60)
_REDIRECTS = 3
_MAX_ANSWER = 32 * 2**20  # bytes
_REPOSITORY = re.compile(r"[A-Za-z0-9][A-Za-z0-9_-]{0,99}/(?!\.{1,2}$)[A-Za-z0-9_.-]{1,100}")
_COMMIT = re.compile("[0-9a-f]{40}")
_LIMITED = {HTTPStatus.FORBIDDEN, HTTPStatus.TOO_MANY_REQUESTS}
_PASSING = {HTTPStatus.REQUEST_TIMEOUT, HTTPStatus.MISDIRECTED_REQUEST, HTTPStatus.TOO_EARLY}
_ABOUT_LIMITS = re.compile(r"rate limit|abuse detection", re.IGNORECASE)
_A_MINUTE, _AN_HOUR = 60, 3600
_GARBLED = "GitHub's answer can't be read: something between us answers in its place."


class RefusedByGitHub(Exception):  # noqa: N818 - the sentence is for people, it reads as what it is
    """Trying again won't help: the message is a sentence with the way forward, `status` that of the answer, 0 when none was asked for."""

    def __init__(self, sentence: str, status: int = 0) -> None:
        super().__init__(sentence)
        self.status = status


class GitHubUnavailable(Exception):  # noqa: N818 - likewise
    """Not just now: the message is a sentence, `seconds` how long GitHub asks to be left alone, 0 where it says nothing."""

    def __init__(self, sentence: str, seconds: int = 0) -> None:
        super().__init__(sentence)
        self.seconds = seconds


class _Api(GitHubAPI):
    """gidgethub's client, which neither follows redirects nor reads without end."""

    async def _request(
        self, method: str, url: str, headers: Mapping[str, str], body: bytes = b""
    ) -> tuple[int, Mapping[str, str], bytes]:
        where = URL(url, encoded=True)
        async with self._session.request(
            method, where, headers=headers, data=body, allow_redirects=False, timeout=_TIMES
        ) as answer:
            return answer.status, answer.headers, await whole(answer, _MAX_ANSWER)


class Hub:
    """GitHub, or a GitHub Enterprise server, seen with one token or with none.

    Every call raises `RefusedByGitHub` and `GitHubUnavailable`. Neither the token nor anything it was sent with is ever in a message.
    """

    def __init__(self, session: aiohttp.ClientSession, token: str = "", api: str = "https://api.github.com") -> None:
        """`session` carries no credentials of its own; `api` is the address of the REST API: `https://host/api/v3` for Enterprise."""
        self._session = session
        self._api = _Api(session, _AGENT, oauth_token=token.strip() or None, base_url=api)
        self._known = bool(token.strip())
        parts = urlsplit(api)
        self._scheme = parts.scheme
        self._hosts = {parts.netloc, f"uploads.{parts.netloc.removeprefix('api.')}"}

    async def ask(
        self,
        method: Literal["GET", "POST", "PATCH", "DELETE"],
        path: str,
        data: Json = b"",
        *,
        repository: str,
        may: str,
        **values: str | int,
    ) -> Json:
        """One request, and the JSON of its answer; `data` is sent as JSON, or as it is where it is bytes.

        `path` is a URI template that goes on after the repository's address, or a whole address that GitHub gave; `may` is the permission
        that it takes. A redirect isn't followed: the repository was renamed, or handed to somebody else.
        """
        address = path
        if path.startswith("http"):
            self._own(path)
        else:
            address = f"/repos/{repository_name(repository)}{path}"
        kind = BINARY if data and isinstance(data, bytes) else "application/json"
        with self._sentences(repository, may), _readable():
            match method:
                case "GET":
                    answer = await self._api.getitem(address, values)
                case "POST":
                    answer = await self._api.post(address, values, data=data, content_type=kind)
                case "PATCH":
                    answer = await self._api.patch(address, values, data=data)
                case "DELETE":
                    return await self._api.delete(address, values)
        if not isinstance(answer, dict | list):
            raise GitHubUnavailable(_GARBLED)
        return answer

    @contextlib.asynccontextmanager
    async def raw(
        self, path: str, accept: str, times: aiohttp.ClientTimeout = _TIMES, *, repository: str, may: str, **values: str | int
    ) -> AsyncIterator[aiohttp.ClientResponse]:  # fmt: skip
        """A file's bytes as an answer to be read, perhaps from the storage GitHub redirects to, which never sees the token."""
        address = f"/repos/{repository_name(repository)}{path}"
        url = URL(sansio.format_url(address, values, base_url=self._api.base_url), encoded=True)
        # A bundle is packed, and is to come so.
        plain = {"user-agent": _AGENT, "accept": accept, "accept-encoding": "identity"}
        headers = plain | sansio.create_headers(_AGENT, accept=accept, oauth_token=self._api.oauth_token)
        with self._sentences(repository, may):
            for _ in range(_REDIRECTS + 1):
                async with self._session.get(url, headers=headers, allow_redirects=False, timeout=times) as answer:
                    if answer.status == HTTPStatus.OK:
                        yield answer
                        return
                    if answer.status not in {HTTPStatus.FOUND, HTTPStatus.TEMPORARY_REDIRECT}:
                        if headers is not plain:
                            with _readable():
                                sansio.decipher_response(
                                    answer.status, answer.headers, await whole(answer, _MAX_ANSWER)
                                )
                        raise GitHubUnavailable(
                            f"GitHub's storage doesn't give the file at the moment ({answer.status})."
                        )
                    with _readable():
                        url = url.join(URL(answer.headers.get("Location", ""), encoded=True))
                    headers = plain
                if url.scheme not in {self._scheme, "https"}:
                    raise RefusedByGitHub(
                        "GitHub sends me to an address that isn't https. An administrator looks into `github.api`."
                    )
            raise GitHubUnavailable("GitHub redirects me round and round.")

    def _own(self, address: str) -> None:
        try:
            parts = urlsplit(address)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme != self._scheme or parts.netloc not in self._hosts:
            raise RefusedByGitHub(
                f"GitHub names {code(parts.netloc, 80)} as its own, where I don't send my token. An administrator looks into `github.api`."
            )

    @contextlib.contextmanager
    def _sentences(self, repository: str, may: str) -> Iterator[None]:
        try:
            yield
        except gidgethub.HTTPException as error:
            raise _passing(error) or RefusedByGitHub(
                self._refusal(error, code(repository), may), error.status_code
            ) from None
        except (aiohttp.ClientError, ConnectionError, TimeoutError):  # the first may hold the token
            raise GitHubUnavailable("GitHub can't be reached at the moment.") from None

    def _refusal(self, error: gidgethub.HTTPException, where: str, may: str) -> str:
        said = code(str(error), 200)
        match int(error.status_code):
            case status if status < HTTPStatus.BAD_REQUEST:
                return f"{where} has another name on GitHub now, or another owner. Give its present name."
            case 401 | 403 if not self._known:
                return f"That needs a token for GitHub, and I have none. An administrator sets `github.token`, with “{may}” for {where}."
            case 401:
                return "GitHub doesn't take my token: it has ended, or was withdrawn. An administrator sets `github.token` to a new one."
            case 403:
                sso = (
                    " It must be authorised for the organisation's single sign-on, too."
                    if "x-github-sso" in error.headers
                    else ""
                )
                return f"GitHub doesn't let me do that in {where}: {said}. My token, `github.token`, needs “{may}” there.{sso}"
            case 404:
                right = "my token, `github.token`, lacks" if self._known else "I need a token, `github.token`, with"
                return (
                    f"GitHub doesn't show me that in {where}. Check the name; where it is right, {right} “{may}” there."
                )
            case _:
                return f"GitHub refuses that for {where}: {said}. Look at the repository's rules, or ask who looks after it."


def _passing(error: gidgethub.HTTPException) -> GitHubUnavailable | None:
    """What will pass by itself: that we were too quick, or a fault of GitHub's."""
    seconds = _wait(error.headers)
    if error.status_code in _LIMITED and (seconds or _ABOUT_LIMITS.search(str(error))):
        return GitHubUnavailable("GitHub asks me to be slower.", seconds or _A_MINUTE)
    if error.status_code >= HTTPStatus.INTERNAL_SERVER_ERROR or error.status_code in _PASSING:
        return GitHubUnavailable(f"GitHub has a fault of its own at the moment ({error.status_code:d}).", seconds)
    return None


@contextlib.contextmanager
def _readable() -> Iterator[None]:
    try:
        yield
    except (ValueError, KeyError, AttributeError):  # of gidgethub, over what isn't JSON, or a status that there isn't
        raise GitHubUnavailable(_GARBLED) from None


def _wait(headers: Mapping[str, str]) -> int:
    """For how many seconds a client that was too quick shall be quiet; 0 where the headers say nothing of it."""
    after, reset = headers.get("retry-after", ""), headers.get("x-ratelimit-reset", "")
    if after.isdecimal():
        return min(max(int(after[:9]), 1), _AN_HOUR)
    if headers.get("x-ratelimit-remaining") == "0" and reset.isdecimal():
        return min(max(int(reset[:12]) - int(time.time()) + 1, 1), _AN_HOUR)
    return 0


async def whole(answer: aiohttp.ClientResponse, most: int) -> bytes:
    """An answer's body; raises GitHubUnavailable where it has more than `most` bytes."""
    body = bytearray()
    async for part in answer.content.iter_chunked(2**16):
        body += part
        if len(body) > most:
            raise GitHubUnavailable("GitHub's answer has no end.")
    return bytes(body)


def repository_name(name: str) -> str:
    """`owner/name`, as it may stand in an address; raises RefusedByGitHub."""
    if not _REPOSITORY.fullmatch(name):
        raise RefusedByGitHub(
            f"{code(name, 80)} isn't a repository on GitHub. Give its owner and name, as in `mattermost/mattermost-plugin-demo`."
        )
    return name


def ref_name(name: str) -> str:
    """A branch's or tag's name, as it may stand in an address; raises RefusedByGitHub."""
    if not is_ref_name(name):
        raise RefusedByGitHub(
            f"git has no branch or tag named {code(name, 80)}. Give the name as the repository shows it."
        )
    return name


def commit_name(name: str) -> str:
    """A commit's 40 hexadecimal digits; raises RefusedByGitHub."""
    if not _COMMIT.fullmatch(name):
        raise RefusedByGitHub(
            f"{code(name, 50)} isn't a whole commit: that has 40 characters of 0-9 and a-f. Copy it from the repository."
        )
    return name
