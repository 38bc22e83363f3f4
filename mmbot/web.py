"""The HTTP doors: slash commands, clicks, dialogs, health. Each authenticates, reads, and hands on."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

import structlog
from aiohttp import web
from pydantic import SecretStr

from mmbot.mattermost import callbacks
from mmbot.mattermost.render import Forged
from mmbot.reception import Reception

log = structlog.get_logger()

BODY_TIMEOUT = 10.0


def doors(reception: Reception, tokens: Sequence[SecretStr], ready: Callable[[], str]) -> web.Application:
    """The application that listens. `ready` gives "" or says what is missing."""
    accepted = [token.get_secret_value() for token in tokens]

    async def slash(request: web.Request) -> web.Response:
        form = await request.post()
        fields = {key: value for key, value in form.items() if isinstance(value, str)}
        header = request.headers.get("Authorization", "").removeprefix("Token ").strip()
        if not callbacks.token_accepted([fields.get("token", "") or header], accepted):
            log.warning("slash command with a wrong token", remote=request.remote)
            return web.json_response({"error": "unauthorized"}, status=401)
        lists = {name: [str(x) for x in form.getall(name, [])] for name in ("user_mentions", "user_mentions_ids")}
        return web.json_response(await reception.slash(callbacks.slash(fields, lists)))

    async def action(request: web.Request) -> web.Response:
        return web.json_response(await reception.click(callbacks.click(await request.read())))

    async def dialog(request: web.Request) -> web.Response:
        return web.json_response(await reception.dialog(callbacks.submission(await request.read())))

    async def healthz(_: web.Request) -> web.Response:
        return web.json_response({"status": "ok", "name": "mmbot"})

    async def readyz(_: web.Request) -> web.Response:
        missing = ready()
        return web.json_response({"status": missing or "ready"}, status=503 if missing else 200)

    app = web.Application(client_max_size=callbacks.LARGEST, middlewares=[_answering])
    app.router.add_post("/mattermost/command", slash)
    app.router.add_post("/mattermost/action", action)
    app.router.add_post("/mattermost/dialog", dialog)
    app.router.add_get("/healthz", healthz)
    app.router.add_get("/readyz", readyz)
    return app


@web.middleware
async def _answering(
    request: web.Request, handler: Callable[[web.Request], Awaitable[web.StreamResponse]]
) -> web.StreamResponse:
    """Turn what a request did wrong into a status, and log it once."""
    status: int
    problem: str
    try:
        return await handler(request)
    except Forged:
        status, problem = 403, "forged or outdated"
    except callbacks.Malformed as malformed:
        status, problem = 400, f"malformed: {malformed}"
    except UnicodeDecodeError:
        status, problem = 400, "malformed: not UTF-8"
    except ValueError as error:  # what aiohttp raises for a form it cannot parse
        status, problem = 400, f"malformed: {type(error).__name__}"
    log.warning("request refused", path=request.path, status=status, problem=problem[:100])
    return web.json_response({"error": problem}, status=status)


async def serve(app: web.Application, host: str, port: int) -> tuple[web.AppRunner, int]:
    """Listen; returns the runner, to be cleaned up, and the port."""
    runner = web.AppRunner(app, access_log=None, handle_signals=False, shutdown_timeout=3.0)
    await runner.setup()
    site = web.TCPSite(runner, host, port)
    await site.start()
    addresses: Any = runner.addresses
    return runner, int(addresses[0][1])
