"""Posts of the fake Mattermost server: writing, editing, listing, and what clients may see of them."""

import copy
import json
import re
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from fake_mattermost import Call, FakeMattermost

Json = dict[str, Any]
MESSAGE_RUNES = 16383
PENDING_MILLISECONDS = 30_000
SINCE_CAP = 1000
PERMISSION = "api.context.permissions.app_error"
ATTACHMENT: Json = {
    "id": 0,
    "fallback": "",
    "color": "",
    "pretext": "",
    "author_name": "",
    "author_link": "",
    "author_icon": "",
    "title": "",
    "title_link": "",
    "text": "",
    "fields": None,
    "image_url": "",
    "thumb_url": "",
    "footer": "",
    "footer_icon": "",
    "ts": None,
}
ACTION = ("id", "type", "name", "disabled", "style", "data_source", "options", "default_option", "integration")


class ApiError(Exception):
    """An answer other than success."""

    def __init__(self, status: int, error_id: str, message: str = "") -> None:
        super().__init__(error_id)
        self.status, self.id, self.message = status, error_id, message or f"Refused: {error_id}"


class Hangup(Exception):  # noqa: N818 - it is what the server does
    """The server drops the connection instead of answering."""


def go_json(value: object) -> str:
    """JSON as the server writes it."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"))
    return text.replace("<", r"\u003c").replace(">", r"\u003e").replace("&", r"\u0026")


def whole_attachment(attachment: Json, new_id: str) -> Json:
    """An attachment as the server keeps it: every field present, every action with an id."""
    whole = ATTACHMENT | {name: value for name, value in attachment.items() if name in ATTACHMENT}
    actions = [
        {name: action[name] for name in ACTION if action.get(name)} for action in attachment.get("actions") or []
    ]
    for number, action in enumerate(actions):
        action.setdefault("id", f"{new_id[:-1]}{number % 10}")
    return whole | ({"actions": actions} if actions else {})


def shown(post: Json) -> Json:
    """A post as clients get it: nobody learns where a button leads."""
    visible = copy.deepcopy(post)
    for attachment in visible["props"].get("attachments") or []:
        for action in attachment.get("actions") or []:
            action.pop("integration", None)
    if visible["delete_at"]:
        visible["message"] = ""
    return visible


class Posts:
    """All posts, and the calls about them."""

    def __init__(self, server: "FakeMattermost") -> None:
        self.server = server
        self.all: dict[str, Json] = {}
        self.pending: dict[str, tuple[str, int]] = {}

    # Writing

    def create(self, call: "Call") -> tuple[int, Json]:
        """POST /posts."""
        body, server = call.body, self.server
        channel_id = body.get("channel_id", "")
        inside = (channel_id, call.user["id"]) in server.channel_members
        if not inside and not (channel_id in server.channels and server.is_admin(call.user)):
            raise ApiError(403, PERMISSION)
        if server.channels[channel_id]["delete_at"]:
            raise ApiError(400, "api.post.create_post.can_not_post_to_deleted.error")
        if str(body.get("type", "")).startswith("system_"):
            raise ApiError(400, "api.context.invalid_param.app_error")
        pending = body.get("pending_post_id", "")
        known, until = self.pending.get(pending, ("", 0))
        if known and server.now() < until:
            return 201, shown(self.all[known])
        post = self.store(call.user, body)
        if pending:
            self.pending[pending] = (post["id"], server.now() + PENDING_MILLISECONDS)
        return 201, shown(post) | {"pending_post_id": pending}

    def draft(self, user: Json, body: Json) -> Json:
        """A post with everything a post has; not stored."""
        now = self.server.now()
        props = self.whole_props(body.get("props") or {})
        if user.get("is_bot"):
            props["from_bot"] = "true"
        post: Json = {
            "id": self.server.new_id(),
            "create_at": now,
            "update_at": now,
            "edit_at": 0,
            "delete_at": 0,
            "is_pinned": False,
            "user_id": user["id"],
            "channel_id": body["channel_id"],
            "root_id": body.get("root_id", ""),
            "original_id": "",
            "message": body.get("message", ""),
            "type": body.get("type", ""),
            "props": props,
            "hashtags": "",
            "pending_post_id": "",
            "reply_count": 0,
            "last_reply_at": 0,
            "participants": None,
            "metadata": {"embeds": [{"type": "message_attachment"}]} if props.get("attachments") else {},
        }
        return post | ({"parent_id": post["root_id"]} if self.server.old else {})

    def whole_props(self, props: Json) -> Json:
        """Props with their attachments as the server keeps them."""
        whole = copy.deepcopy(props)
        if isinstance(whole.get("attachments"), list):
            whole["attachments"] = [whole_attachment(one, self.server.new_id()) for one in whole["attachments"]]
        return whole

    def _check(self, post: Json) -> None:
        if len(post["message"]) > MESSAGE_RUNES:
            raise ApiError(400, "model.post.is_valid.msg.app_error")
        if len(go_json(post["props"])) > self.server.props_runes:
            raise ApiError(400, "model.post.is_valid.props.app_error")

    def store(self, user: Json, body: Json, *, mentioned: list[str] | None = None) -> Json:
        """Makes a post, tells the channel, and gives it back."""
        post = self.draft(user, body)
        root = self.all.get(post["root_id"])
        valid_root = root and root["channel_id"] == post["channel_id"] and not root["root_id"] and not root["delete_at"]
        if post["root_id"] and not valid_root:
            raise ApiError(400, "api.post.create_post.root_id.app_error")
        self._check(post)
        self.all[post["id"]] = post
        if root:
            root["update_at"] = post["create_at"]
        self._announce(user, post | {"pending_post_id": body.get("pending_post_id", "")}, mentioned)
        return post

    def _announce(self, user: Json, post: Json, mentioned: list[str] | None) -> None:
        channel = self.server.channels[post["channel_id"]]
        named = self._mentioned(user, post, channel) if mentioned is None else mentioned
        sender = "System" if post["type"].startswith("system_") else "@" + user["username"]
        data = {
            "channel_display_name": sender if channel["type"] == "D" else channel["display_name"],
            "channel_name": channel["name"],
            "channel_type": channel["type"],
            "post": go_json(shown(post)),
            "sender_name": sender,
            "set_online": True,
            "team_id": channel["team_id"],
        }

        def personal(receiver: str) -> Json:
            # Old servers tell everybody who was mentioned, new ones tell each only about itself.
            known = named if self.server.old else [one for one in named if one == receiver]
            return data | ({"mentions": go_json(known)} if known else {})

        self.server.hub.publish("posted", personal, channel_id=channel["id"])
        if not user.get("is_bot") and not post["type"]:
            event = "channel_viewed" if self.server.old else "multiple_channels_viewed"
            seen = {"channel_id": channel["id"]} if self.server.old else {"channel_times": {channel["id"]: 0}}
            self.server.hub.publish(event, seen, user_id=user["id"])

    def _mentioned(self, user: Json, post: Json, channel: Json) -> list[str]:
        if post["type"].startswith("system_"):
            return []
        members = [member for one, member in self.server.channel_members if one == channel["id"]]
        words = {word.lower().rstrip(".-_") for word in re.findall(r"@([\w.\-]+)", post["message"])}
        everybody = words & {"all", "channel", "here"} or channel["type"] == "D"
        return [
            member
            for member in members
            if member != user["id"] and (everybody or self.server.users[member]["username"] in words)
        ]

    def ephemeral(self, receiver: str, author: Json, body: Json) -> Json:
        """A post that only one person sees, and only while connected."""
        post = self.draft(author, body) | {"type": "system_ephemeral", "update_at": 0}
        visible = shown(post)
        for attachment, seen in zip(
            post["props"].get("attachments") or [], visible["props"].get("attachments") or [], strict=True
        ):
            for action, button in zip(attachment.get("actions") or [], seen.get("actions") or [], strict=True):
                button["cookie"] = self.server.integrations.cookie(action, post)
        scope = {"user_id": receiver, "channel_id": post["channel_id"]}
        self.server.hub.publish("ephemeral_message", {"post": go_json(visible)}, **scope)
        return visible

    def create_ephemeral(self, call: "Call") -> tuple[int, Json]:
        """POST /posts/ephemeral: by default administrators only."""
        if not self.server.is_admin(call.user):
            raise ApiError(403, PERMISSION)
        return 201, self.ephemeral(call.body["user_id"], call.user, call.body["post"])

    # Changing

    def _mine(self, call: "Call") -> Json:
        post = self.all.get(call.ids["post_id"])
        writes = post and (post["channel_id"], call.user["id"]) in self.server.channel_members
        if not post or post["delete_at"] or not writes or post["user_id"] != call.user["id"]:
            raise ApiError(403, PERMISSION)
        if self.server.channels[post["channel_id"]]["delete_at"]:
            raise ApiError(400, "api.post.patch_post.can_not_update_post_in_deleted.error")
        return post

    def patch(self, call: "Call") -> Json:
        """PUT /posts/{id}/patch: what is not named stays."""
        post = self._mine(call)
        return shown(self.edit(post, {name: call.body[name] for name in ("message", "props") if name in call.body}))

    def update(self, call: "Call") -> Json:
        """PUT /posts/{id}: what is not named is cleared."""
        post = self._mine(call)
        return shown(self.edit(post, {"message": call.body.get("message", ""), "props": call.body.get("props") or {}}))

    def edit(self, post: Json, change: Json) -> Json:
        """Changes a post and tells the channel."""
        before, now = copy.deepcopy(post), self.server.now()
        after = post | change
        if "props" in change:
            after["props"] = self.whole_props(change["props"])
        rewritten = after["message"] != before["message"]
        if self.server.old and not rewritten:
            self._compare_as_old_servers_do(before["props"], after["props"])
        self._check(after)
        changed = rewritten or after["props"].get("attachments") != before["props"].get("attachments")
        embeds = {"embeds": [{"type": "message_attachment"}]} if after["props"].get("attachments") else {}
        post.update(after, update_at=now, edit_at=now if changed else before["edit_at"], metadata=embeds)
        copy_of_before = before | {"id": self.server.new_id(), "original_id": post["id"]}
        self.all[copy_of_before["id"]] = copy_of_before | {"delete_at": now, "update_at": now}
        self.server.hub.publish("post_edited", {"post": go_json(shown(post))}, channel_id=post["channel_id"])
        return post

    @staticmethod
    def _compare_as_old_servers_do(before: Json, after: Json) -> None:
        """A 5.37 dies while comparing two equal buttons of which one leads nowhere: the client sees a hang-up."""
        pairs = zip(before.get("attachments") or [], after.get("attachments") or [], strict=False)
        for one, other in pairs:
            actions, others = one.get("actions") or [], other.get("actions") or []
            same_face = {**one, "actions": 0} == {**other, "actions": 0} and len(actions) == len(others)
            for action, twin in zip(actions, others, strict=False):
                looks = [{**button, "integration": 0} for button in (action, twin)]
                if same_face and looks[0] == looks[1] and ("integration" in action) != ("integration" in twin):
                    raise Hangup

    def delete(self, call: "Call") -> Json:
        """DELETE /posts/{id}: a thread goes with its root."""
        post = self.all.get(call.ids["post_id"])
        if not post or post["delete_at"]:
            raise ApiError(404, "app.post.get.app_error")
        inside = (post["channel_id"], call.user["id"]) in self.server.channel_members
        if not self.server.is_admin(call.user) and not (inside and post["user_id"] == call.user["id"]):
            raise ApiError(403, PERMISSION)
        self.server.hub.publish("post_deleted", {"post": go_json(shown(post))}, channel_id=post["channel_id"])
        for one in self.all.values():
            if post["id"] in {one["id"], one["root_id"]} and not one["delete_at"]:
                one["delete_at"] = one["update_at"] = self.server.now()
        return {"status": "OK"}

    # Reading

    def readable(self, call: "Call") -> Json:
        """The post a call is about, if its caller may see it."""
        post = self.all.get(call.ids["post_id"])
        if not post or post["delete_at"]:
            raise ApiError(404, "app.post.get.app_error")
        if not self.server.may_read(call.user, post["channel_id"]):
            raise ApiError(403, PERMISSION)
        return post

    def get(self, call: "Call") -> Json:
        """GET /posts/{id}."""
        return shown(self.readable(call))

    def thread(self, call: "Call") -> Json:
        """GET /posts/{id}/thread."""
        post = self.readable(call)
        root = post["root_id"] or post["id"]
        posts = [one for one in self.all.values() if root in {one["id"], one["root_id"]} and not one["delete_at"]]
        return self._listing(posts[::-1], "", "")

    def list_channel(self, call: "Call") -> Json:
        """GET /channels/{id}/posts."""
        channel_id = call.ids["channel_id"]
        if not self.server.may_read(call.user, channel_id):
            raise ApiError(403, PERMISSION)
        newest_first = sorted(
            (post for post in self.all.values() if post["channel_id"] == channel_id),
            key=lambda post: int(post["create_at"]),
            reverse=True,
        )
        since = call.query.get("since", "0")
        if not since.isdecimal():
            raise ApiError(400, "api.context.invalid_body_param.app_error")
        if int(since):  # 0 is no time but the same as nothing
            return self._listing([post for post in newest_first if post["update_at"] > int(since)][:SINCE_CAP], "", "")
        for name in ("after", "before"):
            if name in call.query and len(call.query[name]) != len(self.server.new_id()):
                raise ApiError(400, "api.context.invalid_body_param.app_error")
        alive = [post for post in newest_first if not post["delete_at"]]
        start, end = call.page()
        for name, step in (("after", -1), ("before", 1)):
            if name in call.query:
                anchor = self.all.get(call.query[name])
                time = anchor["create_at"] if anchor else 0
                # Strictly: posts of the anchor's own millisecond are on neither side.
                side = [post for post in alive[::step] if anchor and (post["create_at"] - time) * step < 0]
                page, beyond = side[start:end], side[end : end + 1]
                far = beyond[0]["id"] if beyond else ""
                near = call.query[name]
                page = page[::step]
                return self._listing(page, far, near) if name == "after" else self._listing(page, near, far)
        newer = alive[start - 1 : start] if start else []
        older = alive[end : end + 1]
        return self._listing(alive[start:end], newer[0]["id"] if newer else "", older[0]["id"] if older else "")

    def _listing(self, posts: list[Json], following: str, preceding: str) -> Json:
        listing: Json = {
            "order": [post["id"] for post in posts],
            "posts": {post["id"]: shown(post) for post in posts},
            "next_post_id": following,
            "prev_post_id": preceding,
        }
        for post in posts:
            root = self.all.get(post["root_id"])
            if root:
                listing["posts"][root["id"]] = shown(root)
        return listing | ({} if self.server.old else {"has_next": False, "first_inaccessible_post_time": 0})
