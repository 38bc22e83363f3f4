"""The console at work: lines from a terminal or a script, the transcript on the screen."""

import asyncio
import tempfile
from pathlib import Path
from typing import TextIO

from rich.console import Console as Screen
from rich.text import Text

from mmbot import policy
from mmbot.clock import now
from mmbot.console import Console
from mmbot.console_world import CHANNEL, PLACES
from mmbot.domain.book import DEFAULT_OWNER
from mmbot.store import outbox as rows
from mmbot.store.database import Store
from mmbot.store.tx import SECURITY

ROLES = {
    "admin": ("ada",), "owner": ("olive",), DEFAULT_OWNER: ("olive",), "product": ("pam",), "dev": ("dana",),
    "release": ("rosa",), "security": ("sam",), "qa": ("quinn", "tom"),
}  # fmt: skip
REPOSITORIES = (
    "github.com/example/mattermost-plugin-remind v1.0.0 3f9c2ab41d com.github.example.remind Remind 1.0.0",
    "github.com/example/mattermost-plugin-remind v1.0.1 81d0e44c07 com.github.example.remind Remind 1.0.1",
    "github.com/example/mattermost-plugin-badges v0.9.0 c4a1f0e93b com.github.example.badges Badges 0.9.0",
    "github.com/example/mattermost-plugin-badges v1.0.0 5be27d1180 com.github.example.badges Badges 1.0.0",
)
STORY = (
    "@sue: /mb submit github.com/example/mattermost-plugin-remind v1.0.0",
    "@olive: /mb request MB-1",
    "@pam: /mb approve MB-1 --all",
    "@sam: /mb fail MB-1 S1 the access token is written to the log",
    "@otto: /mb submit github.com/example/mattermost-plugin-badges v0.9.0",
)
WELCOME = f"""\
This is mmbot without a server. People here: sue and otto submit plugins, olive guides them, pam (product), dana (dev),
sam (security), quinn and tom (QA) review, ada is admin. Everything below happens in ~{CHANNEL}; the security
team has ~{PLACES[SECURITY]} to itself. Try:
  @quinn: /mb status MB-1
  @quinn: !click I'll review as QA on MB-1
  @sue to mmbot: status
  :time +3d
:help shows the rest, :quit leaves."""


async def play(store: Path | None, lines: TextIO, *, empty: bool) -> None:
    """Play lines until they end or say :quit; a new store begins with a small example world, and without one it is a passing one."""
    if store is None:
        with tempfile.TemporaryDirectory(prefix="mmbot-console-") as folder:
            await play(Path(folder) / "console.db", lines, empty=empty)
        return
    screen = Screen(highlight=False, soft_wrap=True)
    typed = lines.isatty()
    store.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    rules = policy.load()
    opened = Store(store, rules)
    try:
        console = Console(opened, rules, now(), running=typed)
        console.settle(ROLES)
        for repository in REPOSITORIES:
            await console.line(f":repo {repository}")
        if not empty and opened.next_number() == 1:
            for line in STORY:
                await console.line(line)
        else:
            rows.post_anew(opened, console.world.now())  # the posts of the last time are gone with its terminal
            await console.outbox.drain()
        if typed:
            screen.print(WELCOME, markup=False)
        await _converse(console, lines, screen, typed=typed)
    finally:
        opened.close()


async def _converse(console: Console, lines: TextIO, screen: Screen, *, typed: bool) -> None:
    while True:
        line = await asyncio.to_thread(_next, lines, typed=typed)
        if line is None or line.strip() == ":quit":
            return
        if not console.unfinished and (not line.strip() or line.startswith("#")):
            continue
        if not typed:
            screen.print(line.rstrip("\n"), markup=False)
        for said in await console.line(line.rstrip() if console.unfinished else line.strip()):
            screen.print(Text(f"  {said}", style="" if said.startswith("    ") else "cyan"))


def _next(lines: TextIO, *, typed: bool) -> str | None:
    if typed:
        try:
            return input("> ")
        except (EOFError, KeyboardInterrupt):
            return None
    return lines.readline() or None
