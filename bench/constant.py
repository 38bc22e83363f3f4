"""The integration that everything is held against: it parses the form and answers always the same. `python -m bench.constant PORT`."""

import sys

from aiohttp import web

ANSWER = {
    "response_type": "ephemeral",
    "text": "**MB-4711 Reminder 1.2.3** is in review. "
    + "The dev review is wanted, since Monday, by the twelfth.\n" * 10,
    "skip_slack_parsing": True,
}


async def command(request: web.Request) -> web.Response:
    """Answer a slash command."""
    form = await request.post()
    fields = {key: value for key, value in form.items() if isinstance(value, str)}
    return web.json_response(ANSWER, status=200 if fields else 400)


if __name__ == "__main__":
    app = web.Application()
    app.router.add_post("/mattermost/command", command)
    web.run_app(app, host="127.0.0.1", port=int(sys.argv[1]), access_log=None, print=None)
