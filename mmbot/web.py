"""The HTTP doors: slash commands, clicks, dialogs, health. Each authenticates, reads, and hands on."""

import asyncio
import secrets
from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog
from aiohttp import web
from pydantic import SecretStr

from mmbot.github.webhook import pushed, signed
from mmbot.mattermost import callbacks
from mmbot.mattermost.render import Forged
from mmbot.reception import Reception
from mmbot.store.failing import StoreFails
from mmbot.words import replies

log = structlog.get_logger()

LARGEST_WEBHOOK = 4 * 1024 * 1024
"""Bytes of a webhook's body that are read: a push lists every commit in it."""
BODY_SECONDS = 10.0
"""How long a body may take to arrive."""


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
            reception.pushed(push, request.headers.get("X-GitHub-Delivery", "")[:100])
        return web.json_response({"taken": bool(push)})

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "name": "mmbot"})

    async def readyz(_: web.Request) -> web.Response:
        missing = ready()
        return web.json_response({"status": missing or "ready"}, status=503 if missing else 200)

    app = web.Application(client_max_size=callbacks.LARGEST, middlewares=[_answering])
    app.router.add_post("/mattermost/command", slash)
    app.router.add_post("/mattermost/action", action)
    app.router.add_post("/mattermost/dialog", dialog)
    app.router.add_post("/github", github)
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    return app


async def _body(request: web.Request) -> bytes:
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await request.read()
    except (TimeoutError, web.RequestPayloadError, ConnectionError):
        raise web.HTTPRequestTimeout(reason="the body did not arrive") from None


@web.middleware
async def _answering(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Turn what a request did wrong into a status, and log it once; what we did wrong gets a reference to the log."""
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
        log.exception("request failed", path=request.path[:100], reference=reference)
        return web.json_response({"error": f"internal error, in the log as {reference}"}, status=500)
    log.warning("request refused", path=request.path[:100], status=status, problem=problem[:100], remote=request.remote)
    return web.json_response({"error": problem}, status=status, headers=headers)


def _sorry(path: str) -> web.Response:
    """The store fails: whoever asked is told so, where the server shows it to them."""
    text = replies.store_fails()
    shown = {
        "/mattermost/command": {"response_type": "ephemeral", "text": text},
        "/mattermost/action": {"ephemeral_text": text},
        "/mattermost/dialog": {"error": text},  # it stays open, with what was typed
    }
    return web.json_response(shown.get(path, {"error": text}), status=200 if path in shown else 503)


async def serve(app: web.Application, host: str, port: int) -> tuple[web.AppRunner, int]:
    """Listen; returns the runner, to be cleaned up, and the port."""
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=3.0)
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    await site.start()
    addresses: Any = runner.addresses
    return runner, int(addresses[0][1])
