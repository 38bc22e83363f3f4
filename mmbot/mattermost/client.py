"""mattermostdriver's client with coroutines on one aiohttp session for transport: bounded, careful about repeating."""

import asyncio
import contextlib
import json
import random
import time
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from http import HTTPStatus
from typing import Any, NamedTuple

import aiohttp
from mattermostdriver.client import Client as DriverClient
from yarl import URL

Json = Any  # whatever the server sent; `values` makes it typed

TRIES = 4
LONGEST_WAIT = 30.0
FRAME_BYTES = 16 * 1024 * 1024
_READS_BY_POST = {"/users/ids", "/users/usernames"}


class RestError(Exception):
    """A call that did not succeed: `status` is 0 when no answer came, so whether it took effect is then unknown."""

    def __init__(
        self, status: int, error_id: str, message: str, request_id: str = "", retry_after: float | None = None
    ) -> None:
        super().__init__(f"{status} {error_id}: {message}")
        self.status, self.id, self.message = status, error_id, message
        self.request_id, self.retry_after = request_id, retry_after

    @property
    def temporary(self) -> bool:
        """Whether the same call may succeed later."""
        return self.status in {0, HTTPStatus.TOO_MANY_REQUESTS} or self.status >= HTTPStatus.INTERNAL_SERVER_ERROR


class Answer(NamedTuple):
    """What came back: the parsed JSON body (None when it is something else) and the headers."""

    body: Json
    headers: Mapping[str, str]


class Client(DriverClient):  # type: ignore[misc]
    """The driver's client with coroutines for transport: endpoint methods hand them through, so they can be awaited."""

    session: aiohttp.ClientSession
    ahead: int = 0
    """By how many milliseconds the server's clock is ahead of ours, as its last answer said, to a second."""

    def __init__(self, options: dict[str, Any]) -> None:
        super().__init__(options)
        self.token = options["token"]

    async def make_request(
        self, method: str, endpoint: str, options: object = None, params: Mapping[str, Any] | None = None
    ) -> Answer:
        """One call, repeated when that is harmless: reads that met a sick server, and anything rate limited."""
        read = method == "get" or endpoint in _READS_BY_POST
        for attempt in range(TRIES):
            try:
                return await self._once(method, endpoint, options, params)
            except RestError as error:
                wait = _wait(error, attempt, read=read)
                if wait is None or attempt == TRIES - 1:
                    raise
                await asyncio.sleep(wait)
        raise AssertionError

    async def _once(self, method: str, endpoint: str, options: object, params: Mapping[str, Any] | None) -> Answer:
        failure = ""
        try:
            async with self.session.request(
                method,
                URL(self.url + endpoint, encoded=True),
                headers=self.auth_header(),
                json=options,
                params=params,
                allow_redirects=False,
            ) as response:
                body = await response.read()
                self._set_clock(response.headers.get("Date"))
                if response.status >= HTTPStatus.MULTIPLE_CHOICES:
                    raise _refusal(response, body)
                return Answer(json.loads(body) if _is_json(response) else None, response.headers)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            failure = type(error).__name__
        # Raised here and not while handling: an error of aiohttp may hold the request's headers, so the token.
        raise RestError(0, "no_answer", failure)

    def _set_clock(self, date: str | None) -> None:
        with contextlib.suppress(ValueError):
            if date:
                self.ahead = round(parsedate_to_datetime(date).timestamp() - time.time()) * 1000

    async def websocket(self, params: Mapping[str, str], heartbeat: float) -> aiohttp.ClientWebSocketResponse:
        """The event stream, authenticated by header, which is what makes resuming possible; `heartbeat` in seconds."""
        refused = RestError(0, "no_answer", "no websocket")
        try:
            return await self.session.ws_connect(
                URL(self.url + "/websocket"),
                params=params,
                headers=self.auth_header(),
                heartbeat=heartbeat,
                max_msg_size=FRAME_BYTES,
                timeout=aiohttp.ClientWSTimeout(ws_close=2.0),
            )
        except aiohttp.WSServerHandshakeError as error:
            refused = RestError(error.status, "http", "the server does not switch to a websocket")
        except (aiohttp.ClientError, TimeoutError, OSError) as error:
            refused = RestError(0, "no_answer", type(error).__name__)
        raise refused

    async def get(self, endpoint: str, options: object = None, params: Mapping[str, Any] | None = None) -> Json:
        """A GET by the driver or by `Rest`; gives the parsed body."""
        return (await self.make_request("get", endpoint, options, params)).body

    async def post(self, endpoint: str, options: object = None, params: Mapping[str, Any] | None = None) -> Json:
        """A POST by the driver or by `Rest`; gives the parsed body."""
        return (await self.make_request("post", endpoint, options, params)).body

    async def put(self, endpoint: str, options: object = None, params: Mapping[str, Any] | None = None) -> Json:
        """A PUT by the driver or by `Rest`; gives the parsed body."""
        return (await self.make_request("put", endpoint, options, params)).body

    async def delete(self, endpoint: str, options: object = None, params: Mapping[str, Any] | None = None) -> Json:
        """A DELETE by the driver or by `Rest`; gives the parsed body."""
        return (await self.make_request("delete", endpoint, options, params)).body


def _wait(error: RestError, attempt: int, *, read: bool) -> float | None:
    """Seconds until the next try, or None when the call must not be repeated."""
    if error.status == HTTPStatus.TOO_MANY_REQUESTS:
        asked: float = 1.0 if error.retry_after is None else error.retry_after
        return None if asked > LONGEST_WAIT else asked + random.uniform(0, 0.5)  # noqa: S311 - spreads load only
    if read and error.temporary:
        return random.uniform(0.1, 0.3) * float(2**attempt)  # noqa: S311 - spreads load only
    return None


def _is_json(response: aiohttp.ClientResponse) -> bool:
    return "json" in response.headers.get("Content-Type", "")


def _refusal(response: aiohttp.ClientResponse, body: bytes) -> RestError:
    said: Mapping[str, Any] = {}
    if _is_json(response):
        try:
            said = dict(json.loads(body))
        except (TypeError, ValueError):
            said = {}
    if response.status < HTTPStatus.BAD_REQUEST:
        said = {"id": "redirect", "message": f"redirects to {response.headers.get('Location', 'nowhere')}"}
    return RestError(
        response.status,
        str(said.get("id") or "http"),
        str(said.get("message") or response.reason or ""),
        str(said.get("request_id") or response.headers.get("X-Request-Id", "")),
        _seconds(response.headers.get("Retry-After")),
    )


def _seconds(text: str | None) -> float | None:
    try:
        return max(0.0, float(text)) if text else None
    except ValueError:
        return None
