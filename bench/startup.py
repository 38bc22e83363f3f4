"""How long it takes to begin, and how much memory that takes, each beside bare Python or aiohttp."""

from pathlib import Path

from bench.figures import Figures, Line
from bench.processes import finished, free_port, started
from bench.stage import stage

SECONDS, BYTES = 1.0, 100e6
TIMES = 7


async def measure(tickets: int, count: int, folder: Path) -> list[Figures]:
    """The tables; each pair in turns."""
    del count
    figures = Figures("start-up", "mmbot", "bare")
    figures.lines.append(await _programs("--help, beside python -c ''", ["-m", "mmbot", "--help"], ["-c", ""]))
    figures.lines.append(
        await _programs("import mmbot.run, beside aiohttp", ["-c", "import mmbot.run"], ["-c", "import aiohttp.web"])
    )
    memory = Figures("resident memory once it listens", "mmbot", "bare aiohttp")
    async with stage("fake", tickets, folder) as place:
        ours: list[tuple[float, float]] = []
        beside: list[tuple[float, float]] = []
        for _ in range(TIMES):
            async with place.bot() as bot:
                ours.append((bot.seconds, bot.resident))
            port = free_port()
            async with started(["-m", "bench.constant", str(port)], port, folder / "constant.log") as constant:
                beside.append((constant.seconds, constant.resident))
    what = f"until it listens, {tickets:,} tickets"
    figures.lines.append(Line(what, [x[0] for x in ours], [x[0] for x in beside], at_most=SECONDS))
    memory.lines.append(Line(what, [x[1] for x in ours], [x[1] for x in beside], unit="MB", at_most=BYTES))
    return [figures, memory]


async def _programs(what: str, one: list[str], other: list[str]) -> Line:
    pairs = [(await finished(one), await finished(other)) for _ in range(TIMES)]
    return Line(what, [x[0] for x in pairs[1:]], [x[1] for x in pairs[1:]])
