"""A Mattermost server with a team for the bot, and the bot as a process of its own on a store with many tickets."""

import contextlib
import json
import os
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

from fake_mattermost import ADMIN, FakeMattermost
from people import Api, Json, World, bootstrap

from bench import corpus
from bench.processes import Started, free_port, started
from mmbot import policy
from mmbot.store.database import Store

PEOPLE = ("asker", "ada")


@dataclass
class Stage:
    """The server's team, the account of somebody who asks, and the bot's configuration; the store is the bot's own copy."""

    world: World
    asker: Json
    trigger: str
    token: str
    market: str
    config: Path
    port: int
    store: Path

    @contextlib.asynccontextmanager
    async def bot(self) -> AsyncIterator[Started]:
        """The bot, from when it listens."""
        async with started(
            ["-m", "mmbot", "run", "-c", str(self.config)], self.port, self.config.with_suffix(".log")
        ) as it:
            yield it

    @contextlib.asynccontextmanager
    async def voice(self) -> AsyncIterator[Api]:
        """Calls to the server with the asker's account."""
        async with Api(self.world.url) as api:
            await api.login(self.asker["username"], "Correct-horse-7")
            yield api


def servers() -> list[str]:
    """The servers to measure with: the fake one, and the real one that the environment names."""
    return ["fake", *(["real"] if os.environ.get("MMBOT_REAL_URL") else [])]


@contextlib.asynccontextmanager
async def stage(server: str, tickets: int, folder: Path, rate: int = 0) -> AsyncIterator[Stage]:
    """Make everything; the fake server takes `rate` calls a second of each account, any number for 0.

    What is made on a real server stays there, under names of its own.
    """
    async with contextlib.AsyncExitStack() as exits:
        if server == "real":
            user, _, password = os.environ["MMBOT_REAL_ADMIN"].partition(":")
            url, admin = os.environ["MMBOT_REAL_URL"], (user, password)
        else:
            fake = await exits.enter_async_context(FakeMattermost("9.9.0"))
            url, admin, fake.rate = fake.url, ADMIN, rate
        world = await exits.enter_async_context(bootstrap(url, admin, PEOPLE, ("market",)))
        _, token = await world.add_bot("mmbot", ["market"])
        trigger, port = f"mb{world.suffix}", free_port()
        command = await world.add_command(f"http://127.0.0.1:{port}/mattermost/command", trigger)
        names = {name: world.users[name]["username"] for name in PEOPLE}
        store = Store(corpus.copy(tickets, folder), policy.load())
        corpus.adopt(store, world.users["asker"]["id"], 6)
        store.close()
        config = folder / "config.toml"
        config.write_text(
            f"""
            default_owner = "{names["ada"]}"
            [mattermost]
            url = "{world.url}"
            team = "{world.team}"
            channel = "market-{world.suffix}"
            trigger = "{trigger}"
            token = "{token}"
            slash_tokens = ["{command["token"]}"]
            [listen]
            port = {port}
            callback_url = "http://127.0.0.1:{port}"
            [store]
            path = {json.dumps(str(store.path))}
            [people]
            admin = ["{names["ada"]}"]
            owner = ["{names["ada"]}"]
            qa = ["{names["asker"]}"]
            """,
            "utf-8",
        )
        yield Stage(
            world, world.users["asker"], trigger, command["token"], world.channels["market"], config, port, store.path
        )  # fmt: skip
