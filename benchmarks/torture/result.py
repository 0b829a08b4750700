"""One line of the table, and the table."""

from __future__ import annotations

import math
from collections.abc import Iterable
from dataclasses import dataclass

COLUMNS = ("test", "what was done to it", "trials", "lost", "doubled", "bar", "measured", "run", "result")


@dataclass(frozen=True)
class Line:
    """The result of one test. `lost` and `doubled` count what must not happen; None where that cannot happen.

    `late`: it fails only its time bar, which a machine busy with other things misses too.
    """

    test: str
    what: str
    trials: int
    lost: int | None
    doubled: int | None
    bar: str
    measured: str
    ok: bool
    late: bool = False

    def cells(self, run: str = "") -> list[str]:
        """The row's cells; `run` says when and at which size it was measured."""
        counts = ["–" if n is None else f"{n:,}" for n in (self.lost, self.doubled)]
        said = [self.bar, self.measured, run, "holds" if self.ok else "FAILS"]
        return [self.test, self.what, f"{self.trials:,}", *counts, *said]


def markdown(lines: Iterable[Line], run: str) -> str:
    """The table as in the documentation.

    >>> print(markdown([Line("R0", "nothing", 1, 0, None, "0 lost", "0", True)], "2026-11-22, full").splitlines()[2])
    | R0 | nothing | 1 | 0 | – | 0 lost | 0 | 2026-11-22, full | holds |
    """
    rows = [COLUMNS, ["---"] * len(COLUMNS), *(line.cells(run) for line in lines)]
    return "\n".join("| " + " | ".join(" ".join(cell.replace("|", "/").split()) for cell in row) + " |" for row in rows)


def percentile(values: Iterable[float], share: float) -> float:
    """The smallest value that is not below that share of them (nearest rank); NaN of nothing.

    >>> percentile([3.0, 1.0, 2.0], 0.95), percentile(range(1, 21), 0.95), percentile(range(1, 21), 0.5)
    (3.0, 19, 10)
    """
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)] if ordered else float("nan")
