"""The HTTP doors: slash commands, clicks, dialogs, health. Each authenticates, reads, and hands on."""

import asyncio
import hashlib
import ipaddress
import logging
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog
from aiohttp import web
from pydantic import SecretStr

from mmbot.domain import flood
from mmbot.doorkeeper import Doorkeeper, Patience
from mmbot.github.webhook import pushed, signed
from mmbot.mattermost import callbacks
from mmbot.mattermost.render import Forged
from mmbot.reception import Reception
from mmbot.store.failing import StoreFails
from mmbot.words import replies

log = structlog.get_logger()

LARGEST_WEBHOOK = 4 * 1024 * 1024
"""Bytes of a webhook's body that are read: a push lists every commit in it."""
MOST_LOGGED = 120
"""Lines a minute about refused requests of the same status: whoever sends more of them shall not fill the log."""
KEEPER = web.AppKey("keeper", Doorkeeper)


def doors(
    reception: Reception,
    tokens: Sequence[SecretStr],
    ready: Callable[[], str],
    webhook_secrets: Sequence[SecretStr] = (),
) -> web.Application:
    """The application that listens. `ready` gives "" or says what is missing."""
    accepted = [token.get_secret_value() for token in tokens]
    webhook = [secret.get_secret_value() for secret in webhook_secrets]

    async def slash(request: web.Request) -> web.Response:
        fields = callbacks.form(await _body(request))
        header = request.headers.get("Authorization", "").removeprefix("Token ").strip()
        if not callbacks.token_accepted([fields.get("token", [""])[0] or header], accepted):
            raise web.HTTPUnauthorized(reason="wrong token")
        return web.json_response(await reception.slash(callbacks.slash(fields)))

    async def action(request: web.Request) -> web.Response:
        return web.json_response(await reception.click(callbacks.click(await _body(request))))

    async def dialog(request: web.Request) -> web.Response:
        return web.json_response(await reception.dialog(callbacks.submission(await _body(request))))

    async def github(request: web.Request) -> web.Response:
        body = await _body(request.clone(client_max_size=LARGEST_WEBHOOK))
        if not signed(body, request.headers.get("X-Hub-Signature-256", ""), webhook):
            raise web.HTTPUnauthorized(reason="wrong signature")
        push = pushed(body) if request.headers.get("X-GitHub-Event") == "push" else None
        if push:
            reception.pushed(push, hashlib.sha256(body).hexdigest())  # the header with the delivery's id is not signed
        return web.json_response({"taken": bool(push)})

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "name": "mmbot"})

    async def readyz(_: web.Request) -> web.Response:
        missing = ready()
        return web.json_response({"status": missing or "ready"}, status=503 if missing else 200)

    app = web.Application(client_max_size=callbacks.LARGEST, middlewares=[_Answering(reception.app.now)])
    app.router.add_post("/mattermost/command", slash)
    app.router.add_post("/mattermost/action", action)
    app.router.add_post("/mattermost/dialog", dialog)
    app.router.add_post("/github", github)
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    return app


async def _body(request: web.Request) -> bytes:
    if request.headers.get("Content-Encoding", "identity").lower() != "identity":
        raise web.HTTPUnsupportedMediaType(reason="a body in clear, please")  # what is small may become large
    try:
        async with asyncio.timeout(request.app[KEEPER].patience.body):
            return await request.read()
    except (TimeoutError, web.RequestPayloadError, ConnectionError):
        raise web.HTTPRequestTimeout(reason="the body did not arrive") from None


def is_local(host: str) -> bool:
    """Whether only this machine reaches what listens on a host."""
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return host.lower() == "localhost"


class _Answering:
    """Turn what a request did wrong into a status, and log it once; what we did wrong gets a reference to the log."""

    __middleware_version__ = 1  # what web.middleware() would say of a function

    def __init__(self, now: Callable[[], int]) -> None:
        self._now = now
        self._logged: dict[int, flood.Asked] = {}

    async def __call__(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        keeper = request.app[KEEPER]
        keeper.begin(request.protocol)
        try:
            return await self._answer(request, handler)
        finally:
            keeper.end(request.protocol)

    async def _answer(
        self, request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
    ) -> web.StreamResponse:
        headers = {}
        try:
            return await handler(request)
        except Forged:
            status, problem = 403, "forged or outdated"
        except callbacks.Malformed as malformed:
            status, problem = 400, f"malformed: {malformed}"
        except web.HTTPException as refusal:  # aiohttp's own: no such path, wrong method, too large a body
            status, problem = refusal.status, refusal.reason.lower()
            headers = {name: refusal.headers[name] for name in ("Allow",) if name in refusal.headers}
        except StoreFails:  # which the store itself has logged
            return _sorry(request.path)
        except Exception:
            reference = secrets.token_hex(4)
            log.exception("request failed", path=request.rel_url.raw_path[:100], reference=reference)
            return web.json_response({"error": f"internal error, in the log as {reference}"}, status=500)
        self._log(request, status, problem)
        return web.json_response({"error": problem}, status=status, headers=headers)

    def _log(self, request: web.Request, status: int, problem: str) -> None:
        now = self._now()
        self._logged[status], what = flood.ask(self._logged.get(status, flood.Asked()), now, MOST_LOGGED)
        if what == "take":
            path = request.rel_url.raw_path[:100]  # as it came: no line break of theirs gets into the log
            log.warning("request refused", path=path, status=status, problem=problem[:100], remote=request.remote)
        elif what == "say no":
            pause = (self._logged[status].until - now) // 1000
            log.warning("more requests refused than are logged", status=status, seconds=pause, remote=request.remote)


def _sorry(path: str) -> web.Response:
    """The store fails: whoever asked is told so, where the server shows it to them."""
    text = replies.store_fails()
    shown = {
        "/mattermost/command": {"response_type": "ephemeral", "text": text},
        "/mattermost/action": {"ephemeral_text": text},
        "/mattermost/dialog": {"error": text},  # it stays open, with what was typed
    }
    return web.json_response(shown.get(path, {"error": text}), status=200 if path in shown else 503)


class _Broken(logging.Handler):
    """What aiohttp says of requests that are no HTTP, in one line of ours instead of its traceback."""

    def emit(self, record: logging.LogRecord) -> None:
        problem = type(record.exc_info[1]).__name__ if record.exc_info else record.getMessage()[:100]
        log.warning("request broken", problem=problem)


class _Site(web.BaseSite):
    """A place to listen at, with a doorkeeper."""

    def __init__(self, runner: web.AppRunner, keeper: Doorkeeper, host: str, port: int) -> None:
        super().__init__(runner)
        self._keeper, self._host, self._port = keeper, host, port

    @property
    def name(self) -> str:
        return f"http://{self._host}:{self._port}"

    async def start(self) -> None:
        await super().start()
        server = self._runner.server
        assert server  # noqa: S101 -- the runner is set up
        self._server = await asyncio.get_running_loop().create_server(
            self._keeper.admitting(server), self._host, self._port
        )


async def serve(
    app: web.Application, host: str, port: int, patience: Patience | None = None
) -> tuple[web.AppRunner, int]:
    """Listen; returns the runner, to be cleaned up, and the port."""
    app[KEEPER] = keeper = Doorkeeper(patience or Patience())
    broken = logging.Logger("mmbot.web")  # noqa: LOG001 -- this server's own, not the program's
    broken.addHandler(_Broken())
    runner = web.AppRunner(
        app,
        access_log=None,
        handle_signals=False,
        shutdown_timeout=3.0,
        auto_decompress=False,
        logger=broken,
        keepalive_timeout=keeper.patience.idle,
        lingering_time=min(2.0, keeper.patience.head),
    )
    await runner.setup()
    site = _Site(runner, keeper, host, port)
    await site.start()
    addresses: Any = runner.addresses
    return runner, int(addresses[0][1])
