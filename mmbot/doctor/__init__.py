"""`mmbot doctor`: looks at everything mmbot needs, and says how to mend what is wrong."""

from pathlib import Path

import aiohttp

from mmbot.config import Config
from mmbot.doctor import here, hub, way
from mmbot.doctor.finding import Finding, fine
from mmbot.doctor.visit import Visit
from mmbot.doctor.workshop import workshop
from mmbot.mattermost.rest import Rest

__all__ = ["Finding", "examine"]

SECONDS = 10.0


async def examine(config: Config, config_path: Path) -> list[Finding]:
    """Look at everything, and change nothing; a finding for each thing, in the order in which to mend them.

    Where mmbot does not run, doctor listens in its place for a moment, and has the server call it.
    """
    rules, policy = here.rules(config)
    store, running = here.store(config)
    findings = [
        fine("configuration", f"{config_path} is well-formed"),
        here.secrets(config, config_path),
        rules,
        here.roles(config, config_path, policy),
        here.listed(config, config_path),
        store,
        here.backups(config, sound=store.ok is not False),
        await here.git(),
    ]
    async with (
        Rest(config.mattermost.url, config.mattermost.token.get_secret_value(), timeout=SECONDS) as rest,
        aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=SECONDS)) as http,
        way.door(config.listen, http, running=running) as (door, ear),
    ):
        visited = await Visit(config, config_path, rest, http, way.Way(config, rest, door, ear)).findings()
        return findings + await hub.github(config, http) + await workshop(config, config_path, http) + visited
