"""What was measured, and how it is shown: medians, the slowest hundredth, and ratios within one run."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from statistics import median

from rich.console import Console
from rich.table import Table

PERCENTILE = 0.99
UNITS = {"µs": 1e6, "ms": 1e3, "s": 1.0, "MB": 1e-6}


@dataclass(frozen=True)
class Line:
    """One comparison: samples of mmbot (seconds, or bytes) beside those of something else; `aim` is the ratio hoped for."""

    what: str
    ours: Sequence[float]
    beside: Sequence[float] = ()
    aim: float = 0
    unit: str = "ms"
    at_most: float = 0
    """The value hoped for, in the samples' own measure."""

    @property
    def ratio(self) -> float:
        """Median beside median; 0 where there is nothing beside."""
        return median(self.ours) / median(self.beside) if self.beside else 0

    @property
    def missed(self) -> bool:
        """Whether an aim was missed."""
        return bool(self.aim and self.ratio > self.aim) or bool(self.at_most and median(self.ours) > self.at_most)


@dataclass
class Figures:
    """One part's table."""

    title: str
    ours: str
    beside: str
    lines: list[Line] = field(default_factory=list)

    def show(self, console: Console) -> None:
        """Print the table."""
        table = Table(title=self.title, title_justify="left")
        table.add_column("")
        for name in (f"{self.ours} p50", "p99", f"{self.beside} p50", "p99", "ratio", "aim", "n"):
            table.add_column(name, justify="right")
        for line in self.lines:
            aim = f"≤ {line.aim:g}" if line.aim else f"< {_number(line.at_most, line.unit)}" if line.at_most else ""
            ratio = f"{line.ratio:.2f}" if line.beside else ""
            style = "red" if line.missed else "green" if aim else ""
            table.add_row(
                line.what, *_both(line.ours, line.unit), *_both(line.beside, line.unit), f"[{style}]{ratio}[/]" if style else ratio,
                f"[{style}]{aim}[/]" if style else "", str(len(line.ours)),
            )  # fmt: skip
        console.print(table)


def slowest(samples: Sequence[float]) -> float:
    """The value that one of a hundred samples exceeds; of few samples, the greatest."""
    return sorted(samples)[min(len(samples) - 1, int(len(samples) * PERCENTILE))]


def _both(samples: Sequence[float], unit: str) -> tuple[str, str]:
    if not samples:
        return "", ""
    return _number(median(samples), unit), _number(slowest(samples), unit)


def _number(value: float, unit: str) -> str:
    scaled = value * UNITS[unit]
    return f"{scaled:,.0f} {unit}" if scaled >= 100 or unit == "µs" else f"{scaled:.2f} {unit}"  # noqa: PLR2004 -- three digits tell enough
