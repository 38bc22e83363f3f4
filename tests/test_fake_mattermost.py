"""The fake Mattermost server does what a real one does: the same checks run against both.

With MMBOT_REAL_URL (and MMBOT_REAL_ADMIN="user:password") in the environment they run against that server too; it must
allow calls to this machine (AllowedUntrustedInternalConnections) and bot accounts.
"""

import asyncio
import contextlib
import json
import os
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass, field
from itertools import count
from typing import Any
from urllib.parse import parse_qs

import aiohttp
import pytest
from aiohttp import web
from fake_mattermost import ADMIN, FakeMattermost
from people import Api, Human, Refused, World, bootstrap

Json = dict[str, Any]
NOBODY = "z" * 26
SERVERS = ["5.37.0", "9.9.0", *(["real"] if os.environ.get("MMBOT_REAL_URL") else [])]


@dataclass
class Bot:
    """An integration: what it was asked, and what it answers next."""

    url: str
    asked: list[tuple[str, Json, Json]] = field(default_factory=list)  # path, headers, form or JSON
    answer: web.Response | Json | None = None

    def last(self) -> Json:
        return self.asked[-1][2]


@dataclass
class Scene:
    """A server with a world in it: uma and sam in `reviews`, a bot account with its token, its slash command."""

    url: str
    version: tuple[int, ...]
    world: World
    uma: Human
    bot: Bot
    bot_id: str
    bot_name: str
    token: str
    trigger: str
    fake: FakeMattermost | None

    @property
    def channel(self) -> str:
        return self.world.channels["reviews"]

    @property
    def old(self) -> bool:
        return self.version < (6,)

    @contextlib.asynccontextmanager
    async def as_bot(self) -> AsyncIterator[Api]:
        async with Api(self.url, self.token) as api:
            yield api

    def buttons(self, **extra: Any) -> Json:  # noqa: ANN401 - fields of an action
        go = {
            "id": "go",
            "name": "Go",
            "type": "button",
            "integration": {"url": f"{self.bot.url}/act", "context": {"k": 1}},
        }
        return {"attachments": [{"text": "a", "actions": [go | extra]}]}


@contextlib.asynccontextmanager
async def integration() -> AsyncIterator[Bot]:
    """A small integration that records what it is asked."""
    bot = Bot("")

    async def handle(request: web.Request) -> web.Response:
        raw = await request.text()
        is_form = request.content_type == "application/x-www-form-urlencoded"
        body: Json = parse_qs(raw, keep_blank_values=True) if is_form else json.loads(raw)
        bot.asked.append((request.path, dict(request.headers), body))
        if isinstance(bot.answer, web.Response):
            said = bot.answer
            bot.answer = None
            return said
        return web.json_response(bot.answer or {})

    app = web.Application()
    app.router.add_post("/{tail:.*}", handle)
    runner = web.AppRunner(app, shutdown_timeout=0.5)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    bot.url = f"http://127.0.0.1:{runner.addresses[0][1]}"
    try:
        yield bot
    finally:
        await runner.cleanup()


async def version_of(url: str) -> tuple[int, ...]:
    async with Api(url) as api:
        settings = await api.call("GET", "/config/client?format=old")
    return tuple(int(part) for part in settings["Version"].split("."))


@pytest.fixture(params=SERVERS)
async def scene(request: pytest.FixtureRequest) -> AsyncIterator[Scene]:
    async with staged(request.param) as scene:
        yield scene


@contextlib.asynccontextmanager
async def staged(version: str) -> AsyncIterator[Scene]:
    """A scene on the fake of that version, or on the real server."""
    async with contextlib.AsyncExitStack() as stack:
        fake: FakeMattermost | None = None
        if version == "real":
            url = os.environ["MMBOT_REAL_URL"]
            user, _, password = os.environ.get("MMBOT_REAL_ADMIN", ":".join(ADMIN)).partition(":")
            admin = (user, password)
        else:
            fake = await stack.enter_async_context(FakeMattermost(version))
            url, admin = fake.url, ADMIN
        bot = await stack.enter_async_context(integration())
        world = await stack.enter_async_context(bootstrap(url, admin))
        account, token = await world.add_bot(channels=["reviews"])
        command = await world.add_command(f"{bot.url}/command")
        uma = await stack.enter_async_context(world.human("uma"))
        yield Scene(
            url,
            await version_of(url),
            world,
            uma,
            bot,
            account["user_id"],
            account["username"],
            token,
            command["trigger"],
            fake,
        )


async def refused(call: Awaitable[object]) -> tuple[int, str]:
    with pytest.raises(Refused) as caught:
        await call
    return caught.value.status, caught.value.id


NO_PERMISSION = (403, "api.context.permissions.app_error")


def test_a_real_server_was_asked_too() -> None:
    if "real" not in SERVERS:
        pytest.skip("no real server: MMBOT_REAL_URL is not set")


# Accounts


async def test_a_wrong_password_or_token_is_401(scene: Scene) -> None:
    async with Api(scene.url) as api:
        wrong = await refused(api.login(scene.world.users["uma"]["username"], "nonsense"))
        assert wrong == (401, "api.user.login.invalid_credentials_email_username")
        assert await refused(api.call("GET", "/users/me")) == (401, "api.context.session_expired.app_error")
        api.token = "x" * 26
        assert await refused(api.call("GET", "/users/me")) == (401, "api.context.session_expired.app_error")


async def test_users_are_found_by_id_and_name_and_unknown_ones_left_out(scene: Scene) -> None:
    uma = scene.world.users["uma"]
    async with scene.as_bot() as api:
        me = await api.call("GET", "/users/me")
        assert me["is_bot"] is True
        assert me["username"] == scene.bot_name
        by_id = await api.call("POST", "/users/ids", [uma["id"], scene.bot_id, NOBODY])
        assert {user["id"] for user in by_id} == {uma["id"], scene.bot_id}
        by_name = await api.call("POST", "/users/usernames", [uma["username"], "nobody-at-all"])
        assert [user["id"] for user in by_name] == [uma["id"]]
        assert "is_bot" not in by_name[0]
        assert by_name[0]["timezone"]["useAutomaticTimezone"] == "true"
        assert await refused(api.call("GET", f"/users/{NOBODY}")) == (404, "app.user.missing_account.const")
        missing = await refused(api.call("GET", "/users/username/nobody-at-all"))
        assert missing == (404, "app.user.get_by_username.app_error")
        assert await refused(api.call("POST", "/users/ids", [])) == (400, "api.context.invalid_body_param.app_error")
        assert await refused(api.call("GET", "/users/zz")) == (400, "api.context.invalid_url_param.app_error")


async def test_a_changed_zone_is_seen_by_others_and_announced(scene: Scene) -> None:
    zone = {"useAutomaticTimezone": "false", "manualTimezone": "Europe/Berlin", "automaticTimezone": ""}
    await scene.uma.api.call("PUT", "/users/me/patch", {"timezone": zone, "nickname": "Ums"})
    async with scene.as_bot() as api:
        seen = await api.call("GET", f"/users/{scene.uma.id}")
    assert (seen["timezone"], seen["nickname"]) == (zone, "Ums")
    frame = await scene.uma.wait_for_event("user_updated")
    assert frame["data"]["user"]["id"] == scene.uma.id


async def test_only_administrators_make_bots_and_tokens(scene: Scene) -> None:
    api = scene.uma.api
    assert await refused(api.call("POST", "/bots", {"username": "a-bot"})) == NO_PERMISSION
    assert await refused(api.call("POST", f"/users/{scene.bot_id}/tokens", {"description": "x"})) == NO_PERMISSION
    async with scene.as_bot() as bot:
        assert await refused(bot.call("POST", "/bots", {"username": "b-bot"})) == NO_PERMISSION
    taken = await refused(scene.world.admin.call("POST", "/bots", {"username": scene.bot_name}))
    assert taken == (400, "app.user.save.username_exists.app_error")
    undescribed = scene.world.admin.call("POST", f"/users/{scene.bot_id}/tokens", {"description": ""})
    assert await refused(undescribed) == (400, "api.context.invalid_body_param.app_error")


async def test_a_new_bot_is_listed_and_greets_its_owner(scene: Scene) -> None:
    admin = scene.world.admin
    bots: list[dict[str, Any]] = []
    for page in count():  # a server that was used for long has many
        bots += (some := await admin.call("GET", f"/bots?page={page}&per_page=200&include_deleted=true"))
        if len(some) < 200:
            break
    mine = next(bot for bot in bots if bot["user_id"] == scene.bot_id)
    assert mine["username"] == scene.bot_name
    channel = await admin.call("POST", "/channels/direct", [mine["owner_id"], scene.bot_id])
    page = await admin.call("GET", f"/channels/{channel['id']}/posts")
    assert [page["posts"][one]["type"] for one in page["order"]] == ["add_bot_teams_channels"]


async def test_a_disabled_bot_is_shut_out_until_enabled(scene: Scene) -> None:
    admin = scene.world.admin
    await admin.call("POST", f"/bots/{scene.bot_id}/disable")
    async with scene.as_bot() as api:
        assert (await refused(api.call("GET", "/users/me")))[0] == 401
        await admin.call("POST", f"/bots/{scene.bot_id}/enable")
        assert (await api.call("GET", "/users/me"))["id"] == scene.bot_id


async def test_a_revoked_token_stops_calls_but_not_an_open_stream(scene: Scene) -> None:
    admin = scene.world.admin
    row = await admin.call("POST", f"/users/{scene.bot_id}/tokens", {"description": "short"})
    async with Api(scene.url, row["token"]) as api:
        socket = await api.session.ws_connect(f"{scene.url}/api/v4/websocket", headers=api.headers())
        await admin.call("POST", "/users/tokens/revoke", {"token_id": row["id"]})
        assert (await refused(api.call("GET", "/users/me")))[0] == 401
        post = await scene.uma.say(scene.channel, "still there?")
        assert await next_event(socket, "posted", lambda data: json.loads(data["post"])["id"] == post["id"])
        await socket.close()


# Teams and channels


async def test_a_channel_is_found_by_name_by_those_who_may_see_it(scene: Scene) -> None:
    private = await scene.world.add_channel("secret", "P")
    team = scene.world.team_id
    async with scene.as_bot() as api:
        found = await api.call("GET", f"/teams/{team}/channels/name/reviews-{scene.world.suffix}")
        assert found["id"] == scene.channel
        missing = (404, "app.channel.get_by_name.missing.app_error")
        assert await refused(api.call("GET", f"/teams/{team}/channels/name/secret-{scene.world.suffix}")) == missing
        assert await refused(api.call("GET", f"/teams/{team}/channels/name/nowhere")) == missing
        assert await refused(api.call("GET", f"/channels/{private}")) == NO_PERMISSION
        assert await refused(api.call("GET", f"/channels/{NOBODY}")) == (404, "app.channel.get.existing.app_error")
        assert (await api.call("GET", f"/teams/name/{scene.world.team}"))["id"] == team
        unknown = await refused(api.call("GET", "/teams/name/no-such-team"))
        assert unknown == (404, "app.team.get_by_name.missing.app_error")
        mine = await api.call("GET", f"/users/me/teams/{team}/channels")
        assert {"town-square", "off-topic"} < {channel["name"] for channel in mine}
        assert [one["id"] for one in await api.call("GET", "/users/me/teams")] == [team]


async def test_a_channel_takes_only_members_of_its_team(scene: Scene) -> None:
    stranger = await scene.world.admin.call(
        "POST",
        "/users",
        {
            "username": f"x-{scene.world.suffix}",
            "email": f"x-{scene.world.suffix}@example.com",
            "password": "Some-pw-12345",
        },
    )
    joining = scene.world.admin.call("POST", f"/channels/{scene.channel}/members", {"user_id": stranger["id"]})
    assert await refused(joining) == (404, "app.team.get_member.missing.app_error")
    assert await refused(scene.uma.api.call("GET", f"/channels/{scene.channel}/members/{stranger['id']}")) == (
        404,
        "app.channel.get_member.missing.app_error",
    )


async def test_a_bot_joins_public_channels_by_itself_but_not_private_ones(scene: Scene) -> None:
    public, private = await scene.world.add_channel("open"), await scene.world.add_channel("shut", "P")
    async with scene.as_bot() as api:
        me = {"user_id": scene.bot_id}
        assert await refused(api.call("POST", "/posts", {"channel_id": public, "message": "x"})) == NO_PERMISSION
        assert await refused(api.call("GET", f"/channels/{public}/posts")) == NO_PERMISSION
        assert (await api.call("GET", f"/channels/{public}"))["id"] == public
        assert (await api.call("POST", f"/channels/{public}/members", me))["user_id"] == scene.bot_id
        assert (await api.call("POST", f"/channels/{public}/members", me))["user_id"] == scene.bot_id
        assert (await api.call("POST", "/posts", {"channel_id": public, "message": "x"}))["message"] == "x"
        assert await refused(api.call("POST", f"/channels/{private}/members", me)) == NO_PERMISSION


async def test_a_private_channel_shows_nothing_of_itself_to_whoever_is_not_in_it(scene: Scene) -> None:
    name, sam = f"secret-{scene.world.suffix}", scene.world.users["sam"]["id"]
    private = await scene.world.add_channel("secret", "P")
    await scene.world.admin.call("POST", f"/channels/{private}/members", {"user_id": scene.bot_id})
    async with scene.as_bot() as bot:
        post = await bot.call("POST", "/posts", {"channel_id": private, "message": "psst"})
        found = await bot.call("GET", f"/teams/{scene.world.team_id}/channels/name/{name}")
        assert (found["id"], found["type"]) == (private, "P")
        assert private in {x["id"] for x in await bot.call("GET", f"/users/me/teams/{scene.world.team_id}/channels")}
        for path in (
            f"/channels/{private}", f"/channels/{private}/posts", f"/channels/{private}/members",
            f"/channels/{private}/members/me", f"/channels/{private}/members/{scene.bot_id}",
            f"/posts/{post['id']}", f"/posts/{post['id']}/thread",
        ):  # fmt: skip
            assert await refused(scene.uma.api.call("GET", path)) == NO_PERMISSION, path
        assert await refused(scene.uma.say(private, "let me in")) == NO_PERMISSION
        taken = {"team_id": scene.world.team_id, "name": name, "display_name": "x", "type": "P"}
        exists = (400, "store.sql_channel.save_channel.exists.app_error")
        assert await refused(scene.uma.api.call("POST", "/channels", taken)) == exists
        # Whoever is in it may bring others in and put them out, and reads who is there.
        assert (await bot.call("POST", f"/channels/{private}/members", {"user_id": sam}))["user_id"] == sam
        members = {x["user_id"] for x in await bot.call("GET", f"/channels/{private}/members")}
        assert members == {scene.bot_id, sam, (await scene.world.admin.call("GET", "/users/me"))["id"]}
        pages = [await bot.call("GET", f"/channels/{private}/members?page={x}&per_page=2") for x in range(3)]
        assert [len(x) for x in pages] == [2, 1, 0]
        await bot.call("DELETE", f"/channels/{private}/members/{sam}")
        await scene.uma.say(scene.channel, "later")
        await scene.uma.wait_for(lambda x: x["message"] == "later")
        assert not [x for x in scene.uma.seen.values() if x["channel_id"] == private]
        page = await bot.call("GET", f"/channels/{private}/posts")
        kinds = [page["posts"][x]["type"] for x in page["order"]][::-1]
    added, gone = "system_add_to_channel", "system_remove_from_channel"
    assert kinds == ["system_join_channel", added, "", added, gone]


async def test_an_administrator_sees_a_private_channel_without_being_in_it(scene: Scene) -> None:
    admin, name = scene.world.admin, f"secret-{scene.world.suffix}"
    private = await scene.world.add_channel("secret", "P")
    me = (await admin.call("GET", "/users/me"))["id"]
    await admin.call("DELETE", f"/channels/{private}/members/{me}")
    assert (await admin.call("GET", f"/teams/{scene.world.team_id}/channels/name/{name}"))["id"] == private
    missing = (404, "app.channel.get_member.missing.app_error")
    assert await refused(admin.call("GET", f"/channels/{private}/members/{me}")) == missing
    await admin.call("POST", f"/channels/{private}/members", {"user_id": scene.bot_id})
    await admin.call("DELETE", f"/channels/{private}")
    nowhere = (404, "app.channel.get_by_name.missing.app_error")
    async with scene.as_bot() as bot:
        for api in (admin, bot):
            assert await refused(api.call("GET", f"/teams/{scene.world.team_id}/channels/name/{name}")) == nowhere
        assert (await bot.call("GET", f"/channels/{private}"))["delete_at"]
        await admin.call("POST", f"/channels/{private}/restore")
        await admin.call("DELETE", f"/channels/{private}/members/{scene.bot_id}")
        assert await refused(bot.call("GET", f"/channels/{private}")) == NO_PERMISSION


async def test_only_administrators_make_a_private_channel_public(scene: Scene) -> None:
    private = await scene.world.add_channel("secret", "P")
    await scene.world.admin.call("POST", f"/channels/{private}/members", {"user_id": scene.uma.id})
    path = f"/channels/{private}/privacy"
    assert await refused(scene.uma.api.call("PUT", path, {"privacy": "O"})) == NO_PERMISSION
    wrong = await refused(scene.world.admin.call("PUT", path, {"privacy": "X"}))
    assert wrong == (400, "api.context.invalid_body_param.app_error")
    assert (await scene.world.admin.call("PUT", path, {"privacy": "O"}))["type"] == "O"
    assert (await scene.uma.wait_for_event("channel_converted"))["data"] == {"channel_id": private}
    post = await scene.uma.say(private, "hello")
    await scene.uma.wait_for(lambda x: x["id"] == post["id"])
    posted = [x for x in scene.uma.events if x["event"] == "posted" and post["id"] in x["data"]["post"]]
    assert [x["data"]["channel_type"] for x in posted] == ["O"]
    assert (await scene.world.admin.call("PUT", path, {"privacy": "P"}))["type"] == "P"
    kinds = [x["type"] for x in await scene.uma.posts(private)]
    assert kinds[-3:] == ["system_change_chan_privacy", "", "system_change_chan_privacy"]


async def test_a_direct_channel_is_made_once_and_only_by_one_of_the_two(scene: Scene) -> None:
    sam = scene.world.users["sam"]["id"]
    async with scene.as_bot() as api:
        first = await api.call("POST", "/channels/direct", [scene.uma.id, scene.bot_id])
        again = await api.call("POST", "/channels/direct", [scene.bot_id, scene.uma.id])
        assert (first["id"], first["type"], first["team_id"]) == (again["id"], "D", "")
        assert first["name"] == "__".join(sorted([scene.uma.id, scene.bot_id]))
        assert await refused(api.call("POST", "/channels/direct", [scene.uma.id, sam])) == NO_PERMISSION
        await scene.uma.wait_for_event("direct_added")
        await api.call("POST", "/posts", {"channel_id": first["id"], "message": "psst"})
    await scene.uma.wait_for(lambda post: post["message"] == "psst" and post["channel_id"] == first["id"])


async def test_who_is_taken_out_of_a_channel_hears_of_it_and_nothing_more(scene: Scene) -> None:
    await scene.world.admin.call("DELETE", f"/channels/{scene.channel}/members/{scene.uma.id}")
    frames = [scene.uma.wait_for_event("user_removed")]
    frame = (await asyncio.gather(*frames))[0]
    assert frame["data"].get("channel_id") == scene.channel
    assert frame["broadcast"]["user_id"] == scene.uma.id
    async with scene.as_bot() as api:
        await api.call("POST", "/posts", {"channel_id": scene.channel, "message": "behind her back"})
        dm = await api.call("POST", "/channels/direct", [scene.uma.id, scene.bot_id])
        await api.call("POST", "/posts", {"channel_id": dm["id"], "message": "to her face"})
    await scene.uma.wait_for(lambda post: post["message"] == "to her face")
    assert not [post for post in scene.uma.seen.values() if post["message"] == "behind her back"]
    assert await refused(scene.uma.say(scene.channel, "x")) == NO_PERMISSION


async def test_joining_leaves_system_posts_that_mention_whoever_was_added(scene: Scene) -> None:
    async with scene.as_bot() as api:
        page = await api.call("GET", f"/channels/{scene.channel}/posts")
        added = [page["posts"][one] for one in page["order"]]
        mine = [post for post in added if post["props"].get("addedUserId") == scene.bot_id]
        assert [post["type"] for post in mine] == ["system_add_to_channel"]


# Posts


async def test_a_post_comes_back_and_is_announced_to_members(scene: Scene) -> None:
    async with scene.as_bot() as api:
        body = {"channel_id": scene.channel, "message": "hello", "pending_post_id": f"p:{scene.world.suffix}"}
        post = await api.call("POST", "/posts", body)
        assert post["props"] == {"from_bot": "true"}
        assert post["create_at"] == post["update_at"]
        assert (post["edit_at"], post["delete_at"], post["type"], post["root_id"]) == (0, 0, "", "")
        assert post["pending_post_id"] == body["pending_post_id"]
        shown = await api.call("GET", f"/posts/{post['id']}")
        assert (shown["message"], shown["pending_post_id"]) == ("hello", "")
    seen = await scene.uma.wait_for(lambda one: one["id"] == post["id"])
    assert seen["pending_post_id"] == body["pending_post_id"]
    frame = next(one for one in scene.uma.events if one["event"] == "posted" and post["id"] in one["data"]["post"])
    data = frame["data"]
    assert (data["channel_type"], data["sender_name"], data["team_id"]) == (
        "O",
        f"@{scene.bot_name}",
        scene.world.team_id,
    )
    assert frame["broadcast"]["channel_id"] == scene.channel


async def test_posting_again_with_the_same_pending_id_gives_the_first_post(scene: Scene) -> None:
    async with scene.as_bot() as api:
        body = {"channel_id": scene.channel, "message": "once", "pending_post_id": f"q:{scene.world.suffix}"}
        first = await api.call("POST", "/posts", body)
        second = await api.call("POST", "/posts", body | {"message": "twice"})
        assert (second["id"], second["message"], second["pending_post_id"]) == (first["id"], "once", "")
        if scene.fake:
            scene.fake.skew += 31_000
            assert (await api.call("POST", "/posts", body))["id"] != first["id"]


async def test_messages_end_at_16383_runes_and_props_where_the_version_says(scene: Scene) -> None:
    async with scene.as_bot() as api:
        body = {"channel_id": scene.channel, "message": "ä" * 16383}
        assert len((await api.call("POST", "/posts", body))["message"]) == 16383
        too_long = await refused(api.call("POST", "/posts", body | {"message": "ä" * 16384}))
        assert too_long == (400, "model.post.is_valid.msg.app_error")
        # As the server counts: {"from_bot":"true","k":"…"}
        room = 8000 - len('{"from_bot":"true","k":""}')
        fits, over = ({"channel_id": scene.channel, "message": "m", "props": {"k": "ä" * n}} for n in (room, room + 1))
        assert (await api.call("POST", "/posts", fits))["props"]["k"] == "ä" * room
        if scene.old:
            assert await refused(api.call("POST", "/posts", over)) == (400, "model.post.is_valid.props.app_error")
            angle = {"channel_id": scene.channel, "message": "m", "props": {"k": "<" * (room // 6 + 1)}}
            assert await refused(api.call("POST", "/posts", angle)) == (400, "model.post.is_valid.props.app_error")
        else:
            assert (await api.call("POST", "/posts", over))["props"]["k"] == "ä" * (room + 1)


async def test_an_attachment_costs_what_an_old_server_adds_to_it(scene: Scene) -> None:
    if not scene.old:
        pytest.skip("only old servers have so little room")
    async with scene.as_bot() as api:
        go = {
            "id": "go",
            "name": "Go",
            "type": "button",
            "integration": {"url": "http://127.0.0.1:1/", "context": {"k": ""}},
        }
        props = {"attachments": [{"text": "", "actions": [go]}], "from_bot": "true"}
        compact = len(json.dumps(props, separators=(",", ":")))
        room = 8000 - compact - 206
        go["integration"] = {"url": "http://127.0.0.1:1/", "context": {"k": "x" * room}}
        body = {"channel_id": scene.channel, "message": "m", "props": props}
        assert (await api.call("POST", "/posts", body))["id"]
        go["integration"] = {"url": "http://127.0.0.1:1/", "context": {"k": "x" * (room + 1)}}
        assert await refused(api.call("POST", "/posts", body)) == (400, "model.post.is_valid.props.app_error")


async def test_threads_have_one_level_and_a_living_root(scene: Scene) -> None:
    root = await scene.uma.say(scene.channel, "root")
    reply = await scene.uma.say(scene.channel, "reply", root["id"])
    assert reply["root_id"] == root["id"]
    invalid = (400, "api.post.create_post.root_id.app_error")
    assert await refused(scene.uma.say(scene.channel, "deeper", reply["id"])) == invalid
    assert await refused(scene.uma.say(scene.channel, "nowhere", NOBODY)) == invalid
    assert [post["message"] for post in await scene.uma.thread(reply["id"])] == ["root", "reply"]
    await scene.uma.api.call("DELETE", f"/posts/{root['id']}")
    assert await refused(scene.uma.api.call("GET", f"/posts/{root['id']}")) == (404, "app.post.get.app_error")
    assert await refused(scene.uma.thread(reply["id"])) == (404, "app.post.get.app_error")
    assert await refused(scene.uma.say(scene.channel, "late", root["id"])) == invalid
    await scene.uma.wait_for_event("post_deleted")


async def test_only_the_author_edits_and_only_changes_count_as_edits(scene: Scene) -> None:
    async with scene.as_bot() as api:
        post = await api.call("POST", "/posts", {"channel_id": scene.channel, "message": "a", "props": {"x": 1}})
        path = f"/posts/{post['id']}/patch"
        assert await refused(scene.uma.api.call("PUT", path, {"message": "b"})) == NO_PERMISSION
        edited = await api.call("PUT", path, {"message": "b"})
        assert edited["edit_at"] == edited["update_at"] > post["update_at"]
        assert edited["props"] == {"from_bot": "true", "x": 1}
        again = await api.call("PUT", path, {"message": "b", "props": {"y": 2}})
        assert again["edit_at"] == edited["edit_at"]
        assert again["update_at"] > edited["update_at"]
        assert again["props"] == {"y": 2}
        await scene.uma.wait_for(lambda one: one["id"] == post["id"] and one["props"] == {"y": 2})
        assert await refused(scene.uma.api.call("DELETE", f"/posts/{post['id']}")) == NO_PERMISSION


async def test_mentions_are_in_the_event(scene: Scene) -> None:
    async with scene.as_bot() as api:
        socket = await api.session.ws_connect(f"{scene.url}/api/v4/websocket", headers=api.headers())
        sam = scene.world.users["sam"]
        await scene.uma.say(scene.channel, f"@{scene.bot_name}: and @{sam['username']}, look")
        data = await next_event(socket, "posted", lambda data: "look" in data["post"])
        named = set(json.loads(data["mentions"]))
        assert named == ({scene.bot_id, sam["id"]} if scene.old else {scene.bot_id})
        assert data["sender_name"] == f"@{scene.world.users['uma']['username']}"
        await socket.close()


async def test_pages_after_and_before_a_post_exclude_its_millisecond(scene: Scene) -> None:
    made = [await scene.uma.say(scene.channel, f"n{number}") for number in range(5)]
    ids = [post["id"] for post in made]
    path = f"/channels/{scene.channel}/posts"
    call = scene.uma.api.call
    assert (await call("GET", f"{path}?per_page=2"))["order"] == ids[:-3:-1]
    page = await call("GET", f"{path}?after={ids[0]}&per_page=2")
    assert (page["order"], page["next_post_id"], page["prev_post_id"]) == ([ids[2], ids[1]], ids[3], ids[0])
    page = await call("GET", f"{path}?after={ids[2]}&per_page=200")
    assert (page["order"], page["next_post_id"]) == ([ids[4], ids[3]], "")
    page = await call("GET", f"{path}?before={ids[2]}&per_page=1")
    assert (page["order"], page["next_post_id"], page["prev_post_id"]) == ([ids[1]], ids[2], ids[0])
    page = await call("GET", f"{path}?after={NOBODY}")
    assert (page["order"], page["next_post_id"]) == ([], "")
    await call("DELETE", f"/posts/{ids[1]}")
    assert (await call("GET", f"{path}?after={ids[1]}"))["order"] == [ids[4], ids[3], ids[2]]
    assert ids[1] not in (await call("GET", path))["order"]
    bad_parameter = (400, "api.context.invalid_body_param.app_error")
    assert await refused(call("GET", f"{path}?since=yesterday")) == bad_parameter
    assert await refused(call("GET", f"{path}?after=zz")) == bad_parameter


async def test_since_gives_edited_and_deleted_posts_and_copies_of_what_they_were(scene: Scene) -> None:
    first, second = await scene.uma.say(scene.channel, "one"), await scene.uma.say(scene.channel, "two")
    mark = await scene.uma.say(scene.channel, "mark")
    await scene.uma.api.call("PUT", f"/posts/{first['id']}/patch", {"message": "ONE"})
    await scene.uma.api.call("DELETE", f"/posts/{second['id']}")
    page = await scene.uma.api.call("GET", f"/channels/{scene.channel}/posts?since={mark['create_at']}")
    posts = [page["posts"][one] for one in page["order"]]
    copies = [post for post in posts if post["original_id"]]
    changed = {post["id"]: (post["message"], bool(post["delete_at"])) for post in posts if not post["original_id"]}
    assert changed == {first["id"]: ("ONE", False), second["id"]: ("", True)}
    assert [(post["original_id"], bool(post["delete_at"])) for post in copies] == [(first["id"], True)]
    zero = await scene.uma.api.call("GET", f"/channels/{scene.channel}/posts?since=0&per_page=1")
    assert zero["order"] == [mark["id"]]  # no time at all: an ordinary page


async def test_ephemeral_posts_are_for_administrators_to_make(scene: Scene) -> None:
    body = {"user_id": scene.uma.id, "post": {"channel_id": scene.channel, "message": "only you"}}
    async with scene.as_bot() as api:
        assert await refused(api.call("POST", "/posts/ephemeral", body)) == NO_PERMISSION
    made = await scene.world.admin.call("POST", "/posts/ephemeral", body)
    assert made["type"] == "system_ephemeral"
    seen = await scene.uma.wait_for(lambda post: post["message"] == "only you")
    assert seen["type"] == "system_ephemeral"
    assert "only you" not in [post["message"] for post in await scene.uma.posts(scene.channel)]


# Slash commands


async def test_a_slash_command_reaches_its_bot_with_these_fields(scene: Scene) -> None:
    scene.bot.answer = {"text": "hi **there**", "skip_slack_parsing": True}
    sam, suffix = scene.world.users["sam"]["username"], scene.world.suffix
    text = f"/{scene.trigger.upper()}  do @{sam}, @nobody-{suffix} ~reviews-{suffix}\nmore"
    assert await scene.uma.slash(scene.channel, text) == "hi **there**"
    path, headers, form = scene.bot.asked[-1]
    assert path == "/command"
    assert headers["Authorization"] == f"Token {form['token'][0]}"
    assert headers["Content-Type"] == "application/x-www-form-urlencoded"
    assert form == {
        "token": form["token"],
        "team_id": [scene.world.team_id],
        "team_domain": [scene.world.team],
        "channel_id": [scene.channel],
        "channel_name": [f"reviews-{suffix}"],
        "user_id": [scene.uma.id],
        "user_name": [scene.uma.username],
        "command": [f"/{scene.trigger}"],
        "text": [text.partition(" ")[2]],
        "trigger_id": form["trigger_id"],
        "response_url": form["response_url"],
        "user_mentions": [sam],
        "user_mentions_ids": [scene.world.users["sam"]["id"]],
        "channel_mentions": [f"reviews-{suffix}"],
        "channel_mentions_ids": [scene.channel],
    }
    post = scene.uma.ephemerals[-1]
    assert (post["user_id"], post["type"]) == (scene.uma.id, "system_ephemeral")
    assert post["props"] == {"from_webhook": "true"}


async def test_a_slash_commands_thread_is_kept_for_the_answer_but_not_told_to_the_bot(scene: Scene) -> None:
    root = await scene.uma.say(scene.channel, "root")
    scene.bot.answer = {"text": "in thread"}
    await scene.uma.slash(scene.channel, f"/{scene.trigger} x", root["id"])
    assert scene.bot.last().get("root_id") == ([root["id"]] if scene.version >= (11,) else None)
    assert scene.uma.ephemerals[-1]["root_id"] == root["id"]


async def test_the_newest_servers_tell_the_thread_and_want_to_know_their_own_address() -> None:
    async with staged("11.6.0") as scene:
        root = await scene.uma.say(scene.channel, "root")
        scene.bot.answer = {"text": "in thread"}
        await scene.uma.slash(scene.channel, f"/{scene.trigger} x", root["id"])
        assert scene.bot.last()["root_id"] == [root["id"]]
        assert scene.fake
        scene.fake.settings["ServiceSettings"]["SiteURL"] = ""
        assert (await refused(scene.uma.slash(scene.channel, f"/{scene.trigger} x")))[0] == 400


async def test_what_a_bot_answers_to_a_slash_command_decides_what_the_person_sees(scene: Scene) -> None:
    def run() -> Awaitable[str]:
        return scene.uma.slash(scene.channel, f"/{scene.trigger} x")

    failed = (500, "api.command.execute_command.failed.app_error")
    scene.bot.answer = web.Response(status=503, text="busy")
    assert await refused(run()) == (500, "api.command.execute_command.failed_resp.app_error")
    scene.bot.answer = web.Response(text="{", content_type="application/json")
    assert await refused(run()) == failed
    scene.bot.answer = web.Response(content_type="application/json")
    assert await refused(run()) == failed
    scene.bot.answer = web.Response(text="plain <text>")
    assert await run() == "plain <text>"
    scene.bot.answer = web.Response()
    assert await run() == ""
    scene.bot.answer = {}
    assert await run() == ""
    scene.bot.answer = {"text": "<!channel> <https://example.com|here>"}
    assert await run() == "@channel [here](https://example.com)"
    scene.bot.answer = {"text": "<!channel> <https://example.com|here>", "skip_slack_parsing": True}
    assert await run() == "<!channel> <https://example.com|here>"
    scene.bot.answer = {"response_type": "in_channel", "text": "for all", "skip_slack_parsing": True}
    assert await run() == ""
    public = await scene.uma.wait_for(lambda post: post["message"] == "for all")
    assert (public["user_id"], public["type"]) == (scene.uma.id, "")
    assert public["props"] == {"from_webhook": "true"}


async def test_slash_commands_that_do_not_run(scene: Scene) -> None:
    api = scene.uma.api

    def run(channel: str, command: str) -> Awaitable[object]:
        return api.call("POST", "/commands/execute", {"channel_id": channel, "command": command})

    assert await refused(run(scene.channel, "/nosuch a")) == (404, "api.command.execute_command.not_found.app_error")
    assert await refused(run(scene.channel, "nosuch a")) == (400, "api.command.execute_command.start.app_error")
    private = await scene.world.add_channel("shut", "P")
    assert await refused(run(private, f"/{scene.trigger}")) == NO_PERMISSION
    assert scene.bot.asked == []


async def test_in_a_direct_channel_the_client_says_which_teams_command_is_meant(scene: Scene) -> None:
    dm = await scene.uma.dm(scene.bot_id)
    scene.bot.answer = {"text": "here"}
    assert await scene.uma.slash(dm, f"/{scene.trigger} x") == "here"
    assert scene.bot.last()["team_id"] == [scene.world.team_id]
    body = {"channel_id": dm, "command": f"/{scene.trigger} x"}
    assert await refused(scene.uma.api.call("POST", "/commands/execute", body)) == NO_PERMISSION


async def test_late_answers_are_taken_five_times(scene: Scene) -> None:
    scene.bot.answer = {}
    await scene.uma.slash(scene.channel, f"/{scene.trigger} x")
    url = scene.bot.last()["response_url"][0]
    async with aiohttp.ClientSession() as session:
        for number in range(6):
            async with session.post(url, json={"text": f"late {number}"}) as answer:
                assert answer.status == (200 if number < 5 else 400)
    await scene.uma.wait_for(lambda post: post["message"] == "late 4" and post["type"] == "system_ephemeral")


async def test_managing_commands_takes_a_team_administrator(scene: Scene) -> None:
    admin, team = scene.world.admin, scene.world.team_id
    listing = f"/commands?team_id={team}&custom_only=true"
    mine = {"team_id": team, "trigger": "other", "method": "P", "url": "http://127.0.0.1:1/"}
    async with scene.as_bot() as api:
        assert await refused(api.call("GET", listing)) == NO_PERMISSION
        assert await refused(api.call("POST", "/commands", mine)) == NO_PERMISSION
    (command,) = await admin.call("GET", listing)
    assert command["trigger"] == scene.trigger
    taken = (400, "api.command.duplicate_trigger.app_error")
    assert await refused(admin.call("POST", "/commands", mine | {"trigger": scene.trigger})) == taken
    assert await refused(admin.call("POST", "/commands", mine | {"trigger": "away"})) == taken
    no_url = await refused(admin.call("POST", "/commands", mine | {"url": "127.0.0.1:1/"}))
    assert no_url == (400, "model.command.is_valid.url_http.app_error")
    moved = await admin.call("PUT", f"/commands/{command['id']}", command | {"url": "http://127.0.0.1:2/"})
    assert (moved["url"], moved["token"]) == ("http://127.0.0.1:2/", command["token"])
    token = (await admin.call("PUT", f"/commands/{command['id']}/regen_token"))["token"]
    assert token != command["token"]
    assert (await admin.call("GET", f"/commands/{command['id']}"))["token"] == token
    roles = {"scheme_user": True, "scheme_admin": True}
    await admin.call("PUT", f"/teams/{team}/members/{scene.bot_id}/schemeRoles", roles)
    async with scene.as_bot() as api:
        assert (await api.call("POST", "/commands", mine))["creator_id"] == scene.bot_id
    await admin.call("DELETE", f"/commands/{command['id']}")
    missing = await refused(scene.uma.slash(scene.channel, f"/{scene.trigger} x"))
    assert missing == (404, "api.command.execute_command.not_found.app_error")


async def test_a_bot_that_is_not_there_fails_the_command_and_the_click(scene: Scene) -> None:
    await scene.world.add_command("http://127.0.0.1:1/", "gone")
    failed = (500, "api.command.execute_command.failed.app_error")
    assert await refused(scene.uma.slash(scene.channel, "/gone x")) == failed
    async with scene.as_bot() as api:
        props = scene.buttons(integration={"url": "http://127.0.0.1:1/"})
        post = await api.call("POST", "/posts", {"channel_id": scene.channel, "message": "m", "props": props})
    assert await refused(scene.uma.click(post["id"], "Go")) == (400, "api.post.do_action.action_integration.app_error")


# Buttons and menus


async def post_with(scene: Scene, props: Json) -> Json:
    async with scene.as_bot() as api:
        body = {"channel_id": scene.channel, "message": "m", "props": props}
        return dict(await api.call("POST", "/posts", body))


async def test_clients_see_buttons_without_where_they_lead(scene: Scene) -> None:
    menu = {"name": "Menu", "type": "select", "options": [{"text": "A", "value": "a"}]}
    props = scene.buttons(style="primary")
    props["attachments"][0]["actions"].append(menu | {"integration": {"url": f"{scene.bot.url}/act"}})
    post = await post_with(scene, props)
    seen = await scene.uma.wait_for(lambda one: one["id"] == post["id"])
    async with scene.as_bot() as api:
        read = await api.call("GET", f"/posts/{post['id']}")
    assert read["props"] == post["props"] == seen["props"]
    (attachment,) = read["props"]["attachments"]
    assert set(attachment) - {"actions"} == {
        *("id", "fallback", "color", "pretext", "author_name", "author_link", "author_icon", "title", "title_link"),
        *("text", "fields", "image_url", "thumb_url", "footer", "footer_icon", "ts"),
    }
    go, made_up = attachment["actions"]
    assert go == {"id": "go", "name": "Go", "type": "button", "style": "primary"}
    assert {name: value for name, value in made_up.items() if name != "id"} == menu
    assert len(made_up["id"]) == 26


async def test_a_click_reaches_its_bot_with_these_fields(scene: Scene) -> None:
    props = scene.buttons()
    options = [{"text": "A", "value": "a"}]
    menu = {"id": "sel", "name": "Menu", "type": "select", "options": options}
    people = {"id": "who", "name": "Who", "type": "select", "data_source": "users"}
    where = {"integration": {"url": f"{scene.bot.url}/act", "context": {"k": 2}}}
    props["attachments"][0]["actions"] += [menu | where, people | where]
    post = await post_with(scene, props)
    scene.bot.answer = {}
    assert await scene.uma.click(post["id"], "Go", wait=0.1) == ""
    path, headers, body = scene.bot.asked[-1]
    assert path == "/act"
    assert "Authorization" not in headers
    expected = {
        "user_id": scene.uma.id,
        "user_name": scene.uma.username,
        "channel_id": scene.channel,
        "channel_name": f"reviews-{scene.world.suffix}",
        "team_id": scene.world.team_id,
        "team_domain": scene.world.team,
        "post_id": post["id"],
        "trigger_id": body["trigger_id"],
        "type": "button",
        "data_source": "",
        "context": {"k": 1},
    }
    assert body == expected
    await scene.uma.click(post["id"], "Menu", "A", wait=0.1)
    menu_context = {"k": 2, "selected_option": "a"}
    body = scene.bot.last()
    assert body == expected | {"type": "select", "context": menu_context, "trigger_id": body["trigger_id"]}
    await scene.uma.click(post["id"], "Menu", "not an option", wait=0.1)
    assert scene.bot.last()["context"]["selected_option"] == "not an option"
    await scene.uma.click(post["id"], "Who", scene.bot_id, wait=0.1)
    assert (scene.bot.last()["data_source"], scene.bot.last()["context"]["selected_option"]) == ("users", scene.bot_id)


async def test_clicks_that_reach_nobody(scene: Scene) -> None:
    post = await post_with(scene, scene.buttons(id="with_underscore"))
    call = scene.uma.api.call
    unknown = await refused(call("POST", f"/posts/{post['id']}/actions/nope", {}))
    assert unknown == (404, "api.post.do_action.action_id.app_error")
    underscored = await refused(call("POST", f"/posts/{post['id']}/actions/with_underscore", {}))
    assert underscored == (404, "api.context.404.app_error")
    assert await refused(call("POST", f"/posts/{NOBODY}/actions/go", {})) == NO_PERMISSION
    await scene.world.admin.call("DELETE", f"/channels/{scene.channel}/members/{scene.uma.id}")
    assert await refused(call("POST", f"/posts/{post['id']}/actions/nope", {})) == NO_PERMISSION
    assert scene.bot.asked == []


async def test_a_clicker_alone_sees_the_ephemeral_text_in_the_thread(scene: Scene) -> None:
    post = await post_with(scene, scene.buttons())
    scene.bot.answer = {"ephemeral_text": "only **you** <!here>", "skip_slack_parsing": True}
    assert await scene.uma.click(post["id"], "Go", wait=5) == "only **you** <!here>"
    private = scene.uma.ephemerals[-1]
    assert (private["root_id"], private["user_id"], private["props"]) == (post["id"], scene.uma.id, {})


async def test_an_update_replaces_message_and_given_props(scene: Scene) -> None:
    post = await post_with(scene, scene.buttons())
    scene.bot.answer = {"update": {"message": "new"}}
    await scene.uma.click(post["id"], "Go", wait=0.1)
    seen = await scene.uma.wait_for(lambda one: one["id"] == post["id"] and one["message"] == "new")
    assert seen["props"] == post["props"]
    assert seen["edit_at"] > 0
    await scene.uma.click(post["id"], "Go", wait=0.1)
    scene.bot.answer = {"update": {"message": "bare", "props": {}}}
    await scene.uma.click(post["id"], "Go", wait=0.1)
    seen = await scene.uma.wait_for(lambda one: one["id"] == post["id"] and one["message"] == "bare")
    assert not seen["props"].get("attachments")
    again = await refused(scene.uma.api.call("POST", f"/posts/{post['id']}/actions/go", {}))
    assert again == (404, "api.post.do_action.action_id.app_error")


async def test_what_a_bot_answers_to_a_click_must_be_json(scene: Scene) -> None:
    post = await post_with(scene, scene.buttons())
    error = (400, "api.post.do_action.action_integration.app_error")
    scene.bot.answer = web.Response(status=500)
    assert await refused(scene.uma.click(post["id"], "Go")) == error
    scene.bot.answer = web.Response(text="fine")
    assert await refused(scene.uma.click(post["id"], "Go")) == error
    scene.bot.answer = web.Response()
    if scene.old:
        assert await refused(scene.uma.click(post["id"], "Go")) == error
    else:
        assert await scene.uma.click(post["id"], "Go", wait=0.1) == ""


async def test_writing_back_what_was_read_kills_the_buttons(scene: Scene) -> None:
    post = await post_with(scene, scene.buttons())
    async with scene.as_bot() as api:
        read = await api.call("GET", f"/posts/{post['id']}")
        change = {"message": read["message"], "props": read["props"]}
        if scene.old:  # a 5.37 hangs up while comparing the buttons, and keeps them
            with pytest.raises(aiohttp.ClientError):
                await api.call("PUT", f"/posts/{post['id']}/patch", change)
            change["message"] = "changed"
        await api.call("PUT", f"/posts/{post['id']}/patch", change)
    dead = await refused(scene.uma.api.call("POST", f"/posts/{post['id']}/actions/go", {}))
    assert dead == (404, "api.post.do_action.action_id.app_error")


async def test_a_button_in_an_ephemeral_answer_works_by_its_cookie(scene: Scene) -> None:
    scene.bot.answer = {"text": "choose", "attachments": scene.buttons()["attachments"]}
    assert await scene.uma.slash(scene.channel, f"/{scene.trigger} x") == "choose"
    post = scene.uma.ephemerals[-1]
    assert "integration" not in json.dumps(post)
    scene.bot.answer = {"ephemeral_text": "chosen"}
    assert await scene.uma.click(post["id"], "Go", wait=5) == "chosen"
    assert scene.bot.last()["context"] == {"k": 1}
    assert scene.bot.last()["post_id"] == post["id"]


# Dialogs


DIALOG: Json = {
    "callback_id": "cb",
    "title": "Title",
    "elements": [{"display_name": "Note", "name": "note", "type": "textarea", "optional": True}],
    "submit_label": "Send",
    "notify_on_cancel": True,
    "state": "signed",
}


async def test_a_dialog_opens_for_whoever_caused_the_trigger(scene: Scene) -> None:
    scene.bot.answer = {}
    answer = await scene.uma.api.call(
        "POST", "/commands/execute", {"channel_id": scene.channel, "command": f"/{scene.trigger} x"}
    )
    trigger = scene.bot.last()["trigger_id"][0]
    async with Api(scene.url) as nobody:  # the trigger is the permission
        body = {"trigger_id": trigger, "url": f"{scene.bot.url}/dialog", "dialog": DIALOG}
        assert await nobody.call("POST", "/actions/dialogs/open", body) == {"status": "OK"}
        opened = await scene.uma.dialog()
        assert opened["trigger_id"] == answer["trigger_id"]
        assert opened["url"] == body["url"]
        assert {name: opened["dialog"][name] for name in ("callback_id", "title", "state")} == {
            "callback_id": "cb",
            "title": "Title",
            "state": "signed",
        }
        element = opened["dialog"]["elements"][0]
        assert (element["name"], element["type"], element["max_length"], element["default"]) == (
            "note",
            "textarea",
            0,
            "",
        )
        await nobody.call("POST", "/actions/dialogs/open", body)
        await scene.uma.dialog()
        if scene.fake:
            scene.fake.skew += 3_100
            if scene.old:
                expired = (400, "interactive_message.decode_trigger_id.expired")
                assert await refused(nobody.call("POST", "/actions/dialogs/open", body)) == expired
        nonsense = await refused(nobody.call("POST", "/actions/dialogs/open", body | {"trigger_id": "abc"}))
        assert nonsense == (400, "interactive_message.decode_trigger_id.base64_decode_failed")
        missing = await refused(nobody.call("POST", "/actions/dialogs/open", body | {"trigger_id": ""}))
        assert missing == (400, "interactive_message.decode_trigger_id.missing_data")


async def test_a_trigger_of_an_old_server_lives_three_seconds(scene: Scene) -> None:
    if scene.fake:
        pytest.skip("the fake's clock is moved in the test before")
    scene.bot.answer = {}
    await scene.uma.slash(scene.channel, f"/{scene.trigger} x")
    trigger = scene.bot.last()["trigger_id"][0]
    await asyncio.sleep(3.2)
    body = {"trigger_id": trigger, "url": f"{scene.bot.url}/dialog", "dialog": DIALOG}
    if scene.old:
        expired = await refused(scene.uma.api.call("POST", "/actions/dialogs/open", body))
        assert expired == (400, "interactive_message.decode_trigger_id.expired")
    else:
        await scene.uma.api.call("POST", "/actions/dialogs/open", body)


async def test_a_dialog_is_submitted_as_the_client_says_and_its_errors_come_back(scene: Scene) -> None:
    opened = {"url": f"{scene.bot.url}/dialog", "dialog": DIALOG}
    scene.bot.answer = web.Response()
    assert await scene.uma.submit(opened, {"note": "hey"}, scene.channel) == {}
    assert scene.bot.asked[-1][0] == "/dialog"
    sent = {
        "type": "dialog_submission",
        "callback_id": "cb",
        "state": "signed",
        "user_id": scene.uma.id,
        "channel_id": scene.channel,
        "team_id": scene.world.team_id,
        "submission": {"note": "hey"},
        "cancelled": False,
    }
    assert scene.bot.last() == sent
    for said in ({"errors": {"note": "too short"}}, {"error": "not now"}):
        scene.bot.answer = said
        assert await scene.uma.submit(opened, {"note": "hey"}, scene.channel) == said
    scene.bot.answer = {}
    assert await scene.uma.submit(opened, {}, scene.channel, cancelled=True) == {}
    assert scene.bot.last() == sent | {"submission": {}, "cancelled": True}
    scene.bot.answer = web.Response(text="no JSON")
    assert await scene.uma.submit(opened, {}, scene.channel) == {}
    scene.bot.answer = web.Response(status=500)
    failed = await refused(scene.uma.submit(opened, {}, scene.channel))
    assert failed == (400, "api.post.do_action.action_integration.app_error")
    private = await scene.world.add_channel("shut", "P")
    assert await refused(scene.uma.submit(opened, {}, private)) == NO_PERMISSION


# Events


async def next_event(
    socket: aiohttp.ClientWebSocketResponse, event: str, wanted: Callable[[Json], object] = lambda _data: True
) -> Json:
    """The data of the next such event; what comes before it is skipped."""
    async with asyncio.timeout(10):
        while True:
            frame = await socket.receive_json()
            if frame.get("event") == event and wanted(frame["data"]):
                return dict(frame["data"])


@contextlib.asynccontextmanager
async def listening(api: Api, query: str = "") -> AsyncIterator[aiohttp.ClientWebSocketResponse]:
    async with api.session.ws_connect(f"{api.url}/api/v4/websocket{query}", headers=api.headers()) as socket:
        yield socket


async def test_a_stream_greets_counts_and_answers_pings(scene: Scene) -> None:
    async with scene.as_bot() as api, listening(api) as socket:
        hello = await socket.receive_json()
        assert (hello["event"], hello["seq"]) == ("hello", 0)
        assert len(hello["data"]["connection_id"]) == 26
        assert hello["broadcast"]["user_id"] == scene.bot_id
        seqs = []
        await scene.uma.say(scene.channel, "one")
        await scene.uma.say(scene.channel, "two")
        async with asyncio.timeout(10):
            while True:
                frame = await socket.receive_json()
                seqs.append(frame["seq"])
                if frame["event"] == "posted" and '"two"' in frame["data"]["post"]:
                    break
        assert seqs == list(range(1, len(seqs) + 1))
        await socket.send_json({"seq": 1, "action": "ping"})
        await socket.send_json({"seq": 2, "action": "nonsense"})
        await socket.send_json({"seq": 0, "action": "ping"})
        pong, unknown, bad_seq = [await socket.receive_json() for _ in range(3)]
        assert (pong["status"], pong["seq_reply"], pong["data"]["text"]) == ("OK", 1, "pong")
        assert (unknown["status"], unknown["seq_reply"]) == ("FAIL", 2)
        assert unknown["error"]["id"] == "api.web_socket_router.bad_action.app_error"
        assert bad_seq["error"]["id"] == "api.web_socket_router.bad_seq.app_error"


async def test_events_of_channels_one_is_not_in_do_not_arrive(scene: Scene) -> None:
    elsewhere = await scene.world.add_channel("elsewhere")
    async with scene.as_bot() as api, listening(api) as socket:
        await socket.receive_json()
        admin_post = {"channel_id": elsewhere, "message": "unheard"}
        await scene.world.admin.call("POST", "/posts", admin_post)
        await scene.uma.say(scene.channel, "heard")
        data = await next_event(socket, "posted")
        assert json.loads(data["post"])["message"] == "heard"


async def test_a_stream_resumes_where_it_broke(scene: Scene) -> None:
    async with scene.as_bot() as api:
        async with listening(api) as socket:
            connection = (await socket.receive_json())["data"]["connection_id"]
            await scene.uma.say(scene.channel, "before")
            last = (await until_posted(socket, "before"))[-1]["seq"]
        await wait_until_inactive()
        for number in range(5):
            await scene.uma.say(scene.channel, f"while away {number}")
        query = f"?connection_id={connection}&sequence_number={last + 1}"
        async with listening(api, query) as socket:
            frames = await until_posted(socket, "while away 4")
            posts = [json.loads(one["data"]["post"])["message"] for one in frames if one["event"] == "posted"]
            assert posts == [f"while away {number}" for number in range(5)]
            assert [one["seq"] for one in frames] == list(range(last + 1, last + 1 + len(frames)))
        await wait_until_inactive()
        async with listening(api, f"?connection_id={connection}&sequence_number={last + 3}") as socket:
            again = await until_posted(socket, "while away 4")
            assert again == frames[2:]
        await wait_until_inactive()
        async with listening(api, f"?connection_id={connection}&sequence_number={last + 500}") as socket:
            hello = await socket.receive_json()
            assert (hello["event"], hello["seq"]) == ("hello", 0)
            assert hello["data"]["connection_id"] != connection


async def until_posted(socket: aiohttp.ClientWebSocketResponse, message: str) -> list[Json]:
    """The events up to that post."""
    frames: list[Json] = []
    async with asyncio.timeout(10):
        while not frames or json.loads(frames[-1]["data"].get("post", "{}")).get("message") != message:
            frames.append(await socket.receive_json())
    return frames


async def wait_until_inactive() -> None:
    """Gives the server time to notice that a socket was closed: it says so to nobody."""
    await asyncio.sleep(0.2)


async def test_a_stream_that_fell_too_far_behind_is_not_resumed(scene: Scene) -> None:
    async with scene.as_bot() as api:
        async with listening(api) as socket:
            connection = (await socket.receive_json())["data"]["connection_id"]
        await wait_until_inactive()
        for number in range(260):
            await scene.uma.say(scene.channel, f"{number}")
        async with listening(api, f"?connection_id={connection}&sequence_number=1") as socket:
            hello = await socket.receive_json()
            assert (hello["event"], hello["data"]["connection_id"] != connection) == ("hello", True)


async def test_a_stream_still_in_use_is_not_taken_over(scene: Scene) -> None:
    async with scene.as_bot() as api, listening(api) as socket:
        connection = (await socket.receive_json())["data"]["connection_id"]
        async with listening(api, f"?connection_id={connection}&sequence_number=1") as other:
            hello = await other.receive_json()
            assert hello["data"]["connection_id"] != connection


async def test_resuming_without_a_sequence_number_is_refused(scene: Scene) -> None:
    async with scene.as_bot() as api:
        async with listening(api) as socket:
            connection = (await socket.receive_json())["data"]["connection_id"]
        async with listening(api, f"?connection_id={connection}") as socket:
            message = await socket.receive(timeout=5)
            assert message.type in {aiohttp.WSMsgType.CLOSED, aiohttp.WSMsgType.CLOSE}


async def test_a_challenge_authenticates_and_silence_or_a_bad_token_ends_the_stream(scene: Scene) -> None:
    async with Api(scene.url) as nobody:
        async with listening(nobody) as socket:
            await socket.send_json({"seq": 1, "action": "authentication_challenge", "data": {"token": scene.token}})
            assert (await socket.receive_json())["event"] == "hello"
            frame: Json = {}
            while "seq_reply" not in frame:
                frame = await socket.receive_json()
            assert frame == {"status": "OK", "seq_reply": 1}
        async with listening(nobody) as socket:
            await socket.send_json({"seq": 1, "action": "authentication_challenge", "data": {"token": "x" * 26}})
            assert (await socket.receive(timeout=4)).type is aiohttp.WSMsgType.CLOSED
        if scene.fake:
            scene.fake.hub.auth_seconds = 0.3
        nobody.token = "x" * 26
        started = time.monotonic()
        async with listening(nobody) as socket:
            assert (await socket.receive(timeout=9)).type is aiohttp.WSMsgType.CLOSED
        assert time.monotonic() - started > (0.2 if scene.fake else 4.5)


# Server


async def test_settings_are_public_in_part_and_whole_for_administrators(scene: Scene) -> None:
    async with Api(scene.url) as nobody:
        assert (await nobody.call("GET", "/system/ping"))["status"] == "OK"
        public = await nobody.call("GET", "/config/client?format=old")
        assert public["EnableBotAccountCreation"] == "true"
        assert "EnableCommands" not in public
        assert ("SiteURL" in public) is not scene.old
        assert (await refused(nobody.call("GET", "/config/client")))[0] == 501
    async with scene.as_bot() as api:
        mine = await api.call("GET", "/config/client?format=old")
        assert (mine["EnableCommands"], mine["EnableUserAccessTokens"], bool(mine["SiteURL"])) == ("true", "true", True)
        assert await refused(api.call("GET", "/config")) == NO_PERMISSION
    service = (await scene.world.admin.call("GET", "/config"))["ServiceSettings"]
    assert "127.0.0.0/8" in service["AllowedUntrustedInternalConnections"]
    assert service["EnableBotAccountCreation"] is True


async def test_an_unknown_path_is_404(scene: Scene) -> None:
    assert await refused(scene.uma.api.call("GET", "/nosuch")) == (404, "api.context.404.app_error")
    if scene.old:
        path = "/users/me/channels"
        assert await refused(scene.uma.api.call("GET", path)) == (404, "api.context.404.app_error")


# Faults, which only the fake can be asked for


@pytest.fixture
async def fake() -> AsyncIterator[FakeMattermost]:
    async with FakeMattermost() as server:
        yield server


async def test_the_fake_fails_when_asked_before_or_after_the_effect(fake: FakeMattermost) -> None:
    async with bootstrap(fake.url, ADMIN) as world:
        body = {"channel_id": world.channels["reviews"], "message": "m"}
        fake.fail_next("POST", "/posts$", 503)
        assert await refused(world.admin.call("POST", "/posts", body)) == (503, "fault")
        before = len(fake.content.all)
        fake.fail_next("POST", "/posts$", 0, after=True)
        with pytest.raises(aiohttp.ClientError):
            await world.admin.call("POST", "/posts", body)
        assert len(fake.content.all) == before + 1
        await world.admin.call("POST", "/posts", body)


async def test_the_fake_restarts_without_its_streams(fake: FakeMattermost) -> None:
    async with bootstrap(fake.url, ADMIN) as world:
        async with listening(world.admin) as socket:
            connection = (await socket.receive_json())["data"]["connection_id"]
            await fake.restart()
            while (await socket.receive(timeout=5)).type is aiohttp.WSMsgType.TEXT:
                pass
        async with listening(world.admin, f"?connection_id={connection}&sequence_number=1") as socket:
            assert (await socket.receive_json())["data"]["connection_id"] != connection


async def test_the_fake_calls_only_where_its_settings_allow(fake: FakeMattermost) -> None:
    fake.settings["ServiceSettings"]["AllowedUntrustedInternalConnections"] = ""
    async with integration() as bot, bootstrap(fake.url, ADMIN) as world, world.human("uma") as uma:
        command = await world.add_command(f"{bot.url}/command")
        assert (await refused(uma.slash(world.channels["reviews"], f"/{command['trigger']} x")))[0] == 500
        assert bot.asked == []
