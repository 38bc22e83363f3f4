"""Lines typed at the console by a test, and what is said in return."""

import asyncio

from mmbot.console import Console

MONDAY = 1_794_218_400_000
"""When its world begins, in milliseconds UTC."""
REMIND = "https://github.com/example/mattermost-plugin-remind"


def say(console: Console, *lines: str) -> list[str]:
    """Everything that is shown in answer to these lines."""

    async def play() -> list[str]:
        return [said for line in lines for said in await console.line(line)]

    return asyncio.run(play())
