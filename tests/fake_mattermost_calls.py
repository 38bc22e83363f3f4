"""What the fake Mattermost server asks of integrations: slash commands, buttons and menus, dialogs."""

import base64
import hashlib
import hmac
import ipaddress
import json
import re
import secrets
from typing import TYPE_CHECKING, Any
from urllib.parse import urlencode, urlsplit

import aiohttp
from aiohttp import web
from fake_mattermost_posts import ApiError, go_json, shown

if TYPE_CHECKING:
    from fake_mattermost import Call, FakeMattermost

Json = dict[str, Any]
HOOK_USES = 5
HOOK_MILLISECONDS = 30 * 60 * 1000
PERMISSION = "api.context.permissions.app_error"
BUILT_IN = {"away", "online", "offline", "dnd", "join", "leave", "msg", "me", "help", "invite", "header", "code"}
RESPONSE: Json = {
    "response_type": "",
    "text": "",
    "username": "",
    "channel_id": "",
    "icon_url": "",
    "type": "",
    "props": None,
    "goto_location": "",
    "trigger_id": "",
    "skip_slack_parsing": False,
    "attachments": None,
    "extra_responses": None,
}
ELEMENT: Json = {
    "display_name": "",
    "name": "",
    "type": "",
    "subtype": "",
    "default": "",
    "placeholder": "",
    "help_text": "",
    "optional": False,
    "min_length": 0,
    "max_length": 0,
    "data_source": "",
    "options": None,
}
DIALOG: Json = {
    "callback_id": "",
    "title": "",
    "introduction_text": "",
    "icon_url": "",
    "elements": None,
    "submit_label": "",
    "notify_on_cancel": False,
    "state": "",
}


def from_slack(text: str) -> str:
    """What the server makes of Slack's spellings unless told to leave them alone."""
    text = re.sub(r"<!(channel|here|all)>", r"@\1", text)
    return re.sub(r"<(https?://[^|>\s]*)\|([^>]*)>", r"[\2](\1)", text)


class Calls:
    """The calls out, and the calls in that cause them."""

    def __init__(self, server: "FakeMattermost") -> None:
        self.server = server
        self.key = secrets.token_bytes(32)
        self.hooks: dict[str, Json] = {}
        self.cookies: dict[str, Json] = {}

    async def _call(self, url: str, body: str, headers: dict[str, str]) -> tuple[int, str, str, str]:
        """Status, reason, content type and text of an integration's answer; status 0 when there is none."""
        host = urlsplit(url).hostname or ""
        if not self._allowed(host):
            return 0, "", "", ""
        headers = {"Accept": "application/json", "User-Agent": "Mattermost-Bot/1.1", **headers}
        try:
            async with self.server.session.post(url, data=body.encode(), headers=headers) as answer:
                kind = answer.headers.get("Content-Type", "").partition(";")[0].strip()
                return answer.status, answer.reason or "", kind, await answer.text()
        except (aiohttp.ClientError, TimeoutError):
            return 0, "", "", ""

    def _allowed(self, host: str) -> bool:
        """Whether the server may call into its own network there."""
        setting = self.server.settings["ServiceSettings"]["AllowedUntrustedInternalConnections"]
        allowed = re.split(r"[\s,]+", setting)
        try:
            address = ipaddress.ip_address("127.0.0.1" if host == "localhost" else host)
        except ValueError:
            return True  # a name elsewhere
        named = host in allowed or any("/" in one and address in ipaddress.ip_network(one) for one in allowed)
        return named or address.is_global

    # Triggers

    def trigger(self, user_id: str) -> tuple[str, str]:
        """What the client gets and what the integration gets."""
        client_id = self.server.new_id()
        head = f"{client_id}:{user_id}:{self.server.now()}:"
        return client_id, base64.b64encode((head + self._signature(head)).encode()).decode()

    def _signature(self, text: str) -> str:
        return base64.b64encode(hmac.digest(self.key, text.encode(), hashlib.sha256)).decode()

    # Slash commands

    async def execute(self, call: "Call") -> Json:
        """POST /commands/execute."""
        server, body = self.server, call.body
        text, channel_id = str(body.get("command", "")), str(body.get("channel_id", ""))
        if not text.startswith("/") or not text[1:].strip():
            raise ApiError(400, "api.command.execute_command.start.app_error")
        if (channel_id, call.user["id"]) not in server.channel_members:
            raise ApiError(403, PERMISSION)
        channel = server.channels[channel_id]
        team_id = channel["team_id"] or str(body.get("team_id", ""))
        if (team_id, call.user["id"]) not in server.team_members:
            raise ApiError(403, PERMISSION)
        if server.site_url_required and not server.settings["ServiceSettings"]["SiteURL"]:
            raise ApiError(400, "api.command.execute_command.site_url_required.app_error")
        word, rest = re.fullmatch(r"/(\S*)(?:\s(.*))?", text, re.DOTALL).groups("")  # type: ignore[union-attr]
        command = self._command(team_id, word.lower())
        context = {"channel_id": channel_id, "root_id": body.get("root_id", ""), "user_id": call.user["id"]}
        client_trigger, trigger = self.trigger(call.user["id"])
        form = self._form(call.user, channel, team_id, command, rest) | {
            "trigger_id": trigger,
            "response_url": self._hook(context),
        }
        if server.sends_root_id and context["root_id"]:
            form["root_id"] = context["root_id"]
        headers = {
            "Authorization": f"Token {command['token']}",
            "Content-Type": "application/x-www-form-urlencoded",
        }
        answer = await self._call(command["url"], urlencode(sorted(form.items()), doseq=True), headers)
        response = self._response(command["trigger"], *answer) | {"trigger_id": client_trigger}
        self._post_response(context, response)
        return response

    def _command(self, team_id: str, trigger: str) -> Json:
        for command in self.server.commands.values():
            if command["team_id"] == team_id and command["trigger"] == trigger:
                return command
        raise ApiError(404, "api.command.execute_command.not_found.app_error")

    def _form(self, user: Json, channel: Json, team_id: str, command: Json, text: str) -> Json:
        server = self.server
        form: Json = {
            "token": command["token"],
            "team_id": team_id,
            "team_domain": server.teams[team_id]["name"],
            "channel_id": channel["id"],
            "channel_name": channel["name"],
            "user_id": user["id"],
            "user_name": user["username"],
            "command": "/" + command["trigger"],
            "text": text,
        }
        names = [one["username"] for one in server.users.values() if (team_id, one["id"]) in server.team_members]
        ids = {one["username"]: one["id"] for one in server.users.values()}
        people = list(dict.fromkeys(self._known(word, names) for word in re.findall(r"@([\w.\-]+)", text.lower())))
        people = [name for name in people if name]
        if people:
            form |= {"user_mentions": people, "user_mentions_ids": [ids[name] for name in people]}
        public = {
            one["name"]: one["id"]
            for one in server.channels.values()
            if (one["team_id"], one["type"]) == (team_id, "O")
        }
        rooms = [name for name in dict.fromkeys(re.findall(r"~([\w\-]+)", text)) if name in public]
        if rooms:
            form |= {"channel_mentions": rooms, "channel_mentions_ids": [public[name] for name in rooms]}
        return form

    @staticmethod
    def _known(word: str, names: list[str]) -> str:
        while word and word not in names and word[-1] in ".-_":
            word = word[:-1]
        return word if word in names else ""

    def _hook(self, context: Json) -> str:
        hook = self.server.new_id()
        self.hooks[hook] = {**context, "uses": 0, "made": self.server.now()}
        return f"{self.server.url}/hooks/commands/{hook}"

    @staticmethod
    def _response(trigger: str, status: int, reason: str, kind: str, text: str) -> Json:
        if not status:
            raise ApiError(500, "api.command.execute_command.failed.app_error", f"/{trigger} got no usable answer.")
        if status != 200:
            said = f"/{trigger} was answered {status} {reason}."
            raise ApiError(500, "api.command.execute_command.failed_resp.app_error", said)
        if kind != "application/json":
            return RESPONSE | {"text": text}
        try:
            return RESPONSE | dict(json.loads(text))
        except (TypeError, ValueError) as error:
            raise ApiError(
                500, "api.command.execute_command.failed.app_error", f"/{trigger} got no usable answer."
            ) from error

    def _post_response(self, context: Json, response: Json) -> None:
        for one in [response, *(RESPONSE | extra for extra in response["extra_responses"] or [])]:
            text = one["text"] if one["skip_slack_parsing"] else from_slack(one["text"])
            if not text and not one["attachments"]:
                continue
            props = {**(one["props"] or {}), "from_webhook": "true"}
            if one["attachments"]:
                props["attachments"] = one["attachments"]
            channel_id = one["channel_id"] or context["channel_id"]
            user = self.server.users[context["user_id"]]
            if (channel_id, user["id"]) not in self.server.channel_members:
                raise ApiError(403, PERMISSION)
            body = {"channel_id": channel_id, "root_id": context["root_id"], "message": text, "props": props}
            if one["response_type"] == "in_channel":
                self.server.content.store(user, body)
            else:
                self.server.content.ephemeral(user["id"], user, body)

    async def response_url(self, request: web.Request) -> web.Response:
        """POST /hooks/commands/{hook}: late answers, five at most."""
        hook = self.hooks.get(request.match_info["hook"])
        if not hook or self.server.now() - hook["made"] > HOOK_MILLISECONDS:
            return web.json_response({"id": "app.command_webhook.get.missing", "status_code": 404}, status=404)
        if hook["uses"] >= HOOK_USES:
            refused = {"id": "app.command_webhook.try_use.invalid", "status_code": 400}
            return web.json_response(refused, status=400)
        hook["uses"] += 1
        try:
            self._post_response(hook, self._response("", 200, "", request.content_type, await request.text()))
        except ApiError as error:
            return web.json_response({"id": error.id, "status_code": error.status}, status=error.status)
        return web.Response(text="ok")

    # Buttons and menus

    def cookie(self, action: Json, post: Json) -> str:
        """What stands for the action of a post that is stored nowhere."""
        cookie = self.server.new_id()
        self.cookies[cookie] = {"action": action, "post": post}
        return cookie

    async def click(self, call: "Call") -> Json:
        """POST /posts/{id}/actions/{action}."""
        server, body = self.server, call.body or {}
        kept = self.cookies.get(body.get("cookie", ""))
        post = server.content.all.get(call.ids["post_id"])
        if kept:
            post, action = kept["post"], kept["action"]
        if not post or not server.may_read(call.user, post["channel_id"]):
            raise ApiError(403, PERMISSION)
        if not kept:
            if post["delete_at"]:
                raise ApiError(404, "app.post.get.app_error")
            attachments = post["props"].get("attachments") or []
            actions = [one for attachment in attachments for one in attachment.get("actions") or []]
            action = next((one for one in actions if one["id"] == call.ids["action_id"]), {})
        integration = action.get("integration")
        if not integration:
            raise ApiError(404, "api.post.do_action.action_id.app_error")
        client_trigger, trigger = self.trigger(call.user["id"])
        request = self._click_request(call, post, action, trigger)
        answer = await self._json(integration["url"], request, empty_is_fine=not server.old)
        self._apply(call.user, post, answer, stored=not kept)
        return {"status": "OK", "trigger_id": client_trigger}

    def _click_request(self, call: "Call", post: Json, action: Json, trigger: str) -> Json:
        server = self.server
        channel = server.channels[post["channel_id"]]
        context = dict(action["integration"].get("context") or {})
        if action.get("type") == "select":
            context["selected_option"] = (call.body or {}).get("selected_option", "")
        return {
            "user_id": call.user["id"],
            "user_name": call.user["username"],
            "channel_id": channel["id"],
            "channel_name": channel["name"],
            "team_id": channel["team_id"],
            "team_domain": server.teams[channel["team_id"]]["name"] if channel["team_id"] else "",
            "post_id": call.ids["post_id"],
            "trigger_id": trigger,
            "type": action.get("type", ""),
            "data_source": action.get("data_source", ""),
            "context": context,
        }

    async def _json(self, url: str, body: Json, *, empty_is_fine: bool) -> Json:
        status, _, _, text = await self._call(url, go_json(body), {"Content-Type": "application/json"})
        try:
            if status == 200 and (text or not empty_is_fine):
                return dict(json.loads(text))
        except (TypeError, ValueError):
            status = 0
        if status != 200:
            raise ApiError(400, "api.post.do_action.action_integration.app_error")
        return {}

    def _apply(self, user: Json, post: Json, answer: Json, *, stored: bool) -> None:
        content = self.server.content
        update = answer.get("update")
        if update is not None and stored:
            change: Json = {"message": update.get("message", "")}
            if update.get("props") is not None:
                change["props"] = update["props"]
            content.edit(post, change)
        elif update is not None:
            post |= {"message": update.get("message", ""), "update_at": self.server.now()}
            scope = {"user_id": user["id"], "channel_id": post["channel_id"]}
            self.server.hub.publish("post_edited", {"post": go_json(shown(post))}, **scope)
        if answer.get("ephemeral_text"):
            text = answer["ephemeral_text"]
            root = post["root_id"] or (post["id"] if stored else "")
            body = {
                "channel_id": post["channel_id"],
                "root_id": root,
                "message": text if answer.get("skip_slack_parsing") else from_slack(text),
            }
            content.ephemeral(user["id"], user, body)

    # Dialogs

    def open_dialog(self, call: "Call") -> Json:
        """POST /actions/dialogs/open: whoever holds a fresh trigger may."""
        body = call.body
        try:
            client_id, user_id, made, signature = (
                base64.b64decode(body["trigger_id"], validate=True).decode().split(":")
            )
        except ValueError as error:
            part = "missing_data" if not body["trigger_id"] else "base64_decode_failed"
            raise ApiError(400, f"interactive_message.decode_trigger_id.{part}") from error
        if self.server.now() - int(made) > self.server.trigger_seconds * 1000:
            raise ApiError(400, "interactive_message.decode_trigger_id.expired")
        if signature != self._signature(f"{client_id}:{user_id}:{made}:"):
            raise ApiError(400, "interactive_message.decode_trigger_id.verify_signature_failed")
        dialog = DIALOG | {name: value for name, value in body["dialog"].items() if name in DIALOG}
        dialog["elements"] = [ELEMENT | element for element in dialog["elements"] or []]
        shown_dialog = {"trigger_id": client_id, "url": body["url"], "dialog": dialog}
        self.server.hub.publish("open_dialog", {"dialog": go_json(shown_dialog)}, user_id=user_id)
        return {"status": "OK"}

    async def submit_dialog(self, call: "Call") -> Json:
        """POST /actions/dialogs/submit: everything but the person is what the client says."""
        body = call.body
        if not self.server.may_read(call.user, body.get("channel_id", "")):
            raise ApiError(403, PERMISSION)
        request = {
            "type": "dialog_submission",
            "callback_id": body.get("callback_id", ""),
            "state": body.get("state", ""),
            "user_id": call.user["id"],
            "channel_id": body["channel_id"],
            "team_id": body.get("team_id", ""),
            "submission": body.get("submission") or {},
            "cancelled": bool(body.get("cancelled")),
        }
        status, _, _, text = await self._call(body["url"], go_json(request), {"Content-Type": "application/json"})
        if status != 200:
            raise ApiError(400, "api.post.do_action.action_integration.app_error")
        try:
            answer = dict(json.loads(text))
        except (TypeError, ValueError):
            return {}
        return {name: answer[name] for name in ("error", "errors") if answer.get(name)}
