"""The conversations under tests/dialogs, played to the letter."""

import asyncio
import re
from itertools import accumulate
from pathlib import Path

import pytest
from structlog.testing import capture_logs

from mmbot import policy
from mmbot.console import Console
from mmbot.domain.ticket import Ticket, followed
from mmbot.domain.turns import stage
from mmbot.store import outbox
from mmbot.store.database import Store
from mmbot.terminal import ROLES

FOLDER = Path(__file__).parent / "dialogs"
RULES = policy.load()
MONDAY = 1_794_218_400_000
BLOCK = re.compile(r"^```(chat|setup)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
CHECKLIST = re.compile(r"mmbot in thread of MB-\d+: .* — \w+ review of ")


def files() -> list[Path]:
    return sorted(path for path in FOLDER.rglob("*.md") if path.name != "README.md")


@pytest.mark.parametrize("path", files(), ids=lambda path: path.stem)
def test_the_conversation_goes_as_written(path: Path, tmp_path: Path, pytestconfig: pytest.Config) -> None:
    written = path.read_text("utf-8")
    with capture_logs() as logs:
        played = asyncio.run(_played(written, tmp_path, in_full=path.stem == "checklist"))
    assert [x for x in logs if x["log_level"] in {"error", "critical"}] == []
    if pytestconfig.getoption("--write"):
        path.write_text(played, "utf-8")
    assert played == written


def test_the_conversations_take_each_track_to_each_of_its_endings(tmp_path: Path) -> None:
    reached = set[tuple[str, str]]()
    for path in [*(FOLDER / "tracks").glob("*.md"), FOLDER / "to-listed.md", FOLDER / "endings.md"]:
        (place := tmp_path / path.stem).mkdir()
        asyncio.run(_played(path.read_text("utf-8"), place, in_full=False))
        reached |= _endings(place)
    tracks = RULES.of(RULES.current).tracks
    assert reached == {(track, ending) for track in tracks for ending in ("all done", "rejected", "withdrawn")}


def _endings(folder: Path) -> set[tuple[str, str]]:
    """How each ticket of a conversation ended, were it for a time only, with the track it was on: it was closed, or all steps are done."""
    store = Store(folder / "mmbot.db", RULES)
    found = set[tuple[str, str]]()
    for number in range(1, store.next_number()):
        states = [*accumulate(store.facts(number), followed, initial=Ticket(number, store.policy))]
        found |= {(x.track, x.ended.ending) for x in states if x.ended and x.ended.ending != "duplicate"}
        found |= {(x.track, "all done") for x in states if x.submitted and stage(x) == "all done"}
    store.close()
    return found


async def _played(text: str, folder: Path, *, in_full: bool) -> str:
    store = Store(folder / "mmbot.db", RULES)
    console = Console(store, store.policy, MONDAY)
    console.settle(ROLES)
    parts, end = [], 0
    for block in BLOCK.finditer(text):
        lines = []
        for line in block.group(2).splitlines():
            if console.unfinished or line.startswith(("@", ":")):
                said = _shortened(await console.line(line), in_full=in_full)
                lines += [line, *(said if block.group(1) == "chat" else ())]
        parts += [text[end : block.start(2)], *(f"{line}\n" for line in lines)]
        end = block.end(2)
    assert outbox.due(store, console.world.now()) == []
    assert store.query("SELECT error FROM outbox WHERE state = 'parked'") == []
    store.close()
    return "".join([*parts, text[end:]])


def _shortened(lines: list[str], *, in_full: bool) -> list[str]:
    """The transcript, indented; of a posted checklist only the first line, and of its updates nothing, unless wanted in full."""
    shown, cut = [], False
    for line in lines:
        if not line.startswith("    "):
            posted = bool(CHECKLIST.match(line))
            cut = not in_full and (posted or line.startswith("mmbot updates the prompt"))
            if not cut or posted:
                shown.append(f"  {line}{' …' if cut else ''}")
        elif not cut:
            shown.append(f"  {line}".rstrip())
    return shown
