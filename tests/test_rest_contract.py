"""Every call that `Rest` makes is one that Mattermost's API description knows: path, method, parameters, body."""

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from fake_mattermost import ADMIN, Call, FakeMattermost
from people import World, bootstrap

from mmbot.mattermost.rest import Channel, Rest, RestError, SlashCommand, login

Json = dict[str, Any]
SPEC = Path(__file__).parents[1] / ".." / "shared" / "data" / "mattermost-openapi-v4.yaml"
UNDESCRIBED = {  # what servers need and the description leaves out
    ("GET", "/config/client", "format"): "servers answer 501 without it",
    ("POST", "/posts", "pending_post_id"): "seen on 5.37 and 9.9: repeats within 30 s give the first post",
    ("POST", "/commands/execute", "team_id"): "as the web client sends it; without it a direct channel is refused",
    ("POST", "/commands", "*"): "the description names only the required fields of a command",
}


@pytest.fixture(scope="module")
def spec() -> Json:
    if not SPEC.exists():
        pytest.skip(f"no API description at {SPEC.name}")
    return dict(yaml.load(SPEC.read_text(), Loader=yaml.CSafeLoader))


@pytest.fixture
async def server() -> AsyncIterator[FakeMattermost]:
    async with FakeMattermost() as server:
        yield server


@pytest.fixture
async def world(server: FakeMattermost) -> AsyncIterator[World]:
    async with bootstrap(server.url, ADMIN) as world:
        yield world


async def every_call(server: FakeMattermost, world: World, rest: Rest) -> set[str]:
    """Makes each call once; gives the names of what was called."""
    uma, channel, team = world.users["uma"]["id"], world.channels["reviews"], world.team_id
    me = (await rest.me()).id
    first = await rest.post(channel, "first", props={"k": 1}, pending_post_id="p:1")
    other = await world.add_channel("other")
    bot, _ = await world.add_bot("second")
    command = await rest.create_command(SlashCommand(team, "cmd", "http://127.0.0.1:1/", display_name="D"))
    _, trigger = server.integrations.trigger(uma)
    dialog = {"callback_id": "c", "title": "T", "elements": [], "submit_label": "S", "state": "s"}
    calls: dict[str, Callable[[], Awaitable[object]]] = {
        "ping": rest.ping,
        "me": rest.me,
        "user": lambda: rest.user(uma),
        "users_by_ids": lambda: rest.users_by_ids([uma, me]),
        "users_by_names": lambda: rest.users_by_names([world.users["uma"]["username"]]),
        "team": lambda: rest.team(world.team),
        "my_teams": rest.my_teams,
        "channel": lambda: rest.channel(team, f"reviews-{world.suffix}"),
        "channel_by_id": lambda: rest.channel_by_id(channel),
        "my_channels": rest.my_channels,
        "direct_channel": lambda: rest.direct_channel(me, uma),
        "is_member": lambda: rest.is_member(channel, uma),
        "members": lambda: rest.members(channel),
        "join_channel": lambda: rest.join_channel(other),
        "post": lambda: rest.post(channel, "reply", root_id=first.id),
        "edit": lambda: rest.edit(first.id, "edited", {"k": 2}),
        "post_by_id": lambda: rest.post_by_id(first.id),
        "newest_post": lambda: rest.newest_post(channel),
        "posts_after": lambda: rest.posts_after(channel, first.id),
        "posts_since": lambda: rest.posts_since(channel, first.create_at),
        "open_dialog": lambda: rest.open_dialog(trigger, "http://127.0.0.1:1/", dialog),
        "delete_post": lambda: rest.delete_post(first.id),
        "server_settings": rest.server_settings,
        "config": rest.config,
        "create_bot": lambda: rest.create_bot("third-bot", "Third", "a bot"),
        "bots": rest.bots,
        "create_token": lambda: rest.create_token(bot["user_id"], "test"),
        "add_team_member": lambda: rest.add_team_member(team, bot["user_id"]),
        "add_channel_member": lambda: rest.add_channel_member(other, bot["user_id"]),
        "list_commands": lambda: rest.list_commands(team),
        "create_command": lambda: rest.create_command(SlashCommand(team, "more", "http://127.0.0.1:1/")),
        "update_command": lambda: rest.update_command(command),
        "regenerate_command_token": lambda: rest.regenerate_command_token(command),
        "create_channel": lambda: rest.create_channel(team, "fresh", "Fresh", "What it is for", private=True),
        "run_command": lambda: _refused(
            rest.run_command(Channel(channel, team, "", "", "O", deleted=False), "/nobody help")
        ),
        "log_out": rest.log_out,
    }
    for call in calls.values():
        await call()
    return set(calls)


async def _refused(call: Awaitable[object]) -> None:
    """A call that the server answers with an error, as it should."""
    with pytest.raises(RestError):
        await call


async def test_every_call_is_in_the_description(server: FakeMattermost, world: World, spec: Json) -> None:
    token = await login(server.url, *ADMIN)
    server.calls.clear()
    async with Rest(server.url, token) as rest:
        called = await every_call(server, world, rest)
    public = {name for name in vars(Rest) if not name.startswith("_")}
    assert called == public - {"websocket", "ahead"}
    assert [fault for call in server.calls for fault in faults(spec, call)] == []


def faults(spec: Json, call: Call) -> list[str]:
    """What the description does not know about a call."""
    path = find_path(spec, call.path)
    operation = spec["paths"].get(path, {}).get(call.method.lower())
    if not operation:
        return [f"{call.method} {call.path}: not in the description"]
    short = path.removeprefix("/api/v4")
    parameters = [resolved(spec, one) for one in operation.get("parameters", [])]
    known = {one["name"] for one in parameters if one["in"] == "query"}
    unknown = set(call.query) - known
    body = operation.get("requestBody", {})
    schema = resolved(spec, resolved(spec, body).get("content", {}).get("application/json", {}).get("schema", {}))
    missing: set[str] = set()
    if isinstance(call.body, dict):
        unknown |= set(call.body) - set(properties(spec, schema))
        missing = set(schema.get("required", [])) - set(call.body)
    elif isinstance(call.body, list) and schema.get("type") != "array":
        unknown.add("a list for a body")
    unknown = {
        name for name in unknown if not {(call.method, short, name), (call.method, short, "*")} & set(UNDESCRIBED)
    }
    return [f"{call.method} {short}: unknown {name}" for name in sorted(unknown)] + [
        f"{call.method} {short}: missing {name}" for name in sorted(missing)
    ]


def find_path(spec: Json, path: str) -> str:
    """The described path that fits best: the one with the most literal parts."""
    parts = ("/api/v4" + path).split("/")
    fitting = [
        known
        for known in spec["paths"]
        if len(split := known.split("/")) == len(parts)
        and all(one == other or one.startswith("{") for one, other in zip(split, parts, strict=True))
    ]
    return min(fitting, key=lambda known: known.count("{"), default="")


def resolved(spec: Json, node: Json) -> Json:
    """A part of the description with its reference followed."""
    while "$ref" in node:
        target: Json = spec
        for part in node["$ref"].removeprefix("#/").split("/"):
            target = target[part]
        node = target
    return node


def properties(spec: Json, schema: Json) -> set[str]:
    """The names an object may have."""
    schema = resolved(spec, schema)
    parts = [properties(spec, one) for one in schema.get("allOf", [])]
    return set(schema.get("properties", {})).union(*parts)


async def test_the_check_finds_what_it_should(spec: Json) -> None:
    assert faults(spec, Call("GET", "/users/me", {}, None)) == []
    assert faults(spec, Call("GET", "/nosuch", {}, None)) == ["GET /nosuch: not in the description"]
    assert faults(spec, Call("PUT", "/posts", {}, {})) == ["PUT /posts: not in the description"]
    (unknown, missing) = faults(spec, Call("POST", "/posts", {}, {"message": "m", "mesage": "m"}))
    assert (unknown, missing) == ("POST /posts: unknown mesage", "POST /posts: missing channel_id")


# What `Rest` makes of answers


async def test_values_come_out_as_they_went_in(server: FakeMattermost, world: World) -> None:
    token = await login(server.url, *ADMIN)
    async with Rest(server.url, token) as rest:
        zone = {"useAutomaticTimezone": "true", "automaticTimezone": "Asia/Tokyo", "manualTimezone": "Europe/Berlin"}
        uma = world.users["uma"]["id"]
        await world.admin.call("PUT", f"/users/{uma}/patch", {"timezone": zone, "first_name": "Uma", "last_name": "U."})
        user = await rest.user(uma)
        assert (user.zone, user.display, user.is_bot, user.deleted) == ("Asia/Tokyo", "Uma U.", False, False)
        bot, _ = await world.add_bot("second")
        assert (await rest.users_by_ids([bot["user_id"]]))[0].is_bot
        assert await rest.users_by_ids([]) == []
        command = await rest.create_command(
            SlashCommand(world.team_id, "cmd", "http://127.0.0.1:1/", auto_complete=True)
        )
        assert command in await rest.list_commands(world.team_id)
        assert command.token not in repr(command)
        renewed = await rest.regenerate_command_token(command)
        assert renewed in await rest.list_commands(world.team_id)
        channels = await rest.my_channels()
        assert len({channel.id for channel in channels}) == len(channels)
        assert {channel.type for channel in channels} == {"O", "D"}
        assert not await rest.is_member(world.channels["reviews"], bot["user_id"])
        pages = [bot.username for bot in await rest.bots()]
        assert pages == [bot["username"]]


@pytest.mark.parametrize("per_page", [2, 3, 200])
async def test_posts_after_a_post_leave_out_nothing_of_its_millisecond(
    server: FakeMattermost, world: World, per_page: int
) -> None:
    channel = world.channels["reviews"]
    async with Rest(server.url, await login(server.url, *ADMIN)) as rest:
        start = server.now()
        made = []
        for number in range(12):
            server.frozen = start + 10 * (number // 2)  # every two share a millisecond
            made.append(await rest.post(channel, f"m{number}"))
        server.frozen = 0
        made.sort(key=lambda post: (post.create_at, post.id))
        assert [post.id for post in await rest.posts_after(channel, made[4].id, per_page)] == [
            post.id for post in made[5:]
        ]
        assert made[4].id in {post.id for post in await rest.posts_after(channel, made[5].id, per_page)}
        assert len(await rest.posts_after(channel, made[-1].id, per_page)) == 1


async def test_an_anchor_the_server_forgot_is_an_error_and_not_silence(server: FakeMattermost, world: World) -> None:
    channel = world.channels["reviews"]
    async with Rest(server.url, await login(server.url, *ADMIN)) as rest:
        with pytest.raises(RestError) as caught:
            await rest.posts_after(channel, "z" * 26)
        assert (caught.value.status, caught.value.id) == (404, "mmbot.unknown_anchor")
        post = await rest.post(channel, "deleted")
        later = await rest.post(channel, "later")
        await rest.delete_post(post.id)
        assert [one.id for one in await rest.posts_after(channel, post.id)] == [later.id]


async def test_posts_since_tell_edits_and_deletions_but_not_former_texts(server: FakeMattermost, world: World) -> None:
    channel = world.channels["reviews"]
    async with Rest(server.url, await login(server.url, *ADMIN)) as rest:
        one, two = await rest.post(channel, "one"), await rest.post(channel, "two")
        mark = await rest.post(channel, "mark")
        await rest.edit(one.id, "ONE")
        await rest.delete_post(two.id)
        changed = await rest.posts_since(channel, mark.create_at)
        assert [(post.id, bool(post.delete_at)) for post in changed] == [(one.id, False), (two.id, True)]
        assert one.id in {post.id for post in await rest.posts_since(channel, 0)}
        for number in range(1010):
            await rest.post(channel, f"m{number}")
        many = await rest.posts_since(channel, mark.create_at)
        assert [post.message for post in many][-1010:] == [f"m{number}" for number in range(1010)]


# Trouble


async def test_reads_are_repeated_and_writes_are_not(server: FakeMattermost, world: World) -> None:
    channel = world.channels["reviews"]
    async with Rest(server.url, await login(server.url, *ADMIN)) as rest:
        for status in (0, 500, 503):
            server.fail_next("GET", "/users/me", status, times=2)
            await rest.me()
            server.fail_next("POST", "/users/usernames", status, times=2)
            await rest.users_by_names([ADMIN[0]])
            server.fail_next("POST", "/posts$", status, after=True)
            before = len(server.content.all)
            with pytest.raises(RestError) as caught:
                await rest.post(channel, "once")
            assert (caught.value.status, caught.value.temporary) == (status, True)
            assert len(server.content.all) == before + 1
        server.fail_next("GET", "/users/me", 404, times=1)
        with pytest.raises(RestError) as caught:
            await rest.me()
        assert not caught.value.temporary


async def test_a_rate_limit_is_waited_for_unless_it_asks_too_much(server: FakeMattermost, world: World) -> None:
    channel = world.channels["reviews"]
    async with Rest(server.url, await login(server.url, *ADMIN)) as rest:
        server.fail_next("POST", "/posts$", 429, {"Retry-After": "0"}, times=2)
        assert (await rest.post(channel, "patient")).message == "patient"
        server.fail_next("POST", "/posts$", 429, {"Retry-After": "3600"})
        with pytest.raises(RestError) as caught:
            await rest.post(channel, "not that patient")
        assert (caught.value.retry_after, caught.value.temporary) == (3600.0, True)


async def test_errors_name_their_request_and_never_the_token(server: FakeMattermost) -> None:
    async with Rest(server.url, "s" * 26) as rest:
        with pytest.raises(RestError) as caught:
            await rest.me()
        error = caught.value
        assert (error.status, error.id) == (401, "api.context.session_expired.app_error")
        assert len(error.request_id) == 26
        server.down = True
        with pytest.raises(RestError) as silent:
            await rest.join_channel("x" * 26)
        with pytest.raises(RestError) as unheard:
            await rest.websocket({}, heartbeat=1.0)
        for one in (error, silent.value, unheard.value):
            assert one.__cause__ is None
            assert one.__context__ is None
            assert "s" * 26 not in f"{one!r} {one}"


async def test_an_address_must_be_one() -> None:
    for wrong in ("mattermost.example.com", "ftp://example.com", "https://"):
        with pytest.raises(ValueError, match="not the address"):
            Rest(wrong, "")
    async with Rest("http://127.0.0.1:1", "t") as rest:
        with pytest.raises(RestError) as caught:
            await rest.create_token("u" * 26, "x")
        assert caught.value.status == 0
