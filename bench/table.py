"""What a measurement came to, and the table that is printed of it."""

from collections.abc import Sequence
from dataclasses import dataclass

HEAD = ("what was measured", "ours", "comparison", "ratio", "goal", "ok")


@dataclass(frozen=True)
class Row:
    """One line of the table. ``ok`` is None where there is no goal to miss."""

    what: str
    ours: str
    comparison: str = "–"
    ratio: float | None = None
    goal: str = "–"
    ok: bool | None = None

    def cells(self) -> tuple[str, ...]:
        ratio = "–" if self.ratio is None else f"{self.ratio:.2f}"
        verdict = "–" if self.ok is None else "yes" if self.ok else "NO"
        return self.what, self.ours, self.comparison, ratio, self.goal, verdict


def render(rows: Sequence[Row]) -> str:
    """The rows as a Markdown table whose columns also line up in a terminal."""
    lines = [HEAD, *(row.cells() for row in rows)]
    widths = [max(len(line[column]) for line in lines) for column in range(len(HEAD))]
    ruler = tuple("-" * width for width in widths)
    return "\n".join(_line(line, widths) for line in (HEAD, ruler, *lines[1:]))


def _line(cells: Sequence[str], widths: Sequence[int]) -> str:
    return "| " + " | ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)) + " |"
