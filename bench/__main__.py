"""`python -m bench`: the measurements, or those that are named, as tables. Nothing here passes or fails."""

import asyncio
import tempfile
from collections.abc import Callable, Coroutine, Mapping
from pathlib import Path

import click
from rich.console import Console

from bench import backlog, bundles, clocks, corpus, handlers, requests, startup, stream
from bench.figures import Figures

PARTS = ("requests", "handlers", "clocks", "stream", "backlog", "startup", "bundles")
AWAITED: Mapping[str, Callable[[int, int, Path], Coroutine[None, None, list[Figures]]]] = {
    "requests": requests.measure,
    "clocks": clocks.measure,
    "stream": stream.measure,
    "backlog": backlog.measure,
    "startup": startup.measure,
    "bundles": bundles.measure,
}


@click.command()
@click.argument("parts", nargs=-1, type=click.Choice(PARTS))
@click.option("--tickets", default=100_000, show_default=True, help="How many tickets stand in the store.")
@click.option("--count", default=300, show_default=True, help="How often each thing is measured.")
def main(parts: tuple[str, ...], tickets: int, count: int) -> None:
    """Measure mmbot beside the least that could do the same, both in turns.

    With MMBOT_REAL_URL and MMBOT_REAL_ADMIN=user:password set, requests go through that real Mattermost server too.
    """
    screen = Console()
    corpus.store_of(tickets)
    with tempfile.TemporaryDirectory(prefix="mmbot-bench-") as name:
        for part in parts or PARTS:
            for figures in _measured(part, tickets, count, Path(name)):
                figures.show(screen)


def _measured(part: str, tickets: int, count: int, folder: Path) -> list[Figures]:
    if part == "handlers":
        return handlers.measure(tickets, count, folder)
    return asyncio.run(AWAITED[part](tickets, count, folder))


if __name__ == "__main__":
    main()
