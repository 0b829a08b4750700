"""The ends of many flights as sparse columns: probability that each left from, or arrived at, a set of airports."""

from __future__ import annotations

from itertools import chain
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import sparse

Ints = npt.NDArray[np.int64]
Floats = npt.NDArray[np.float64]

SEEN = ("observed", "approach", "reported")
"""Methods that name an airport because it was seen or reported, not because it was likely."""


class Ends:
    """One end (departure or arrival) of all flights of a frame.

    `matrix` is flights × airports; what a row lacks to 1 is "unknown". Candidates whose sum exceeds 1, which no honest
    source produces, are scaled down to 1, so that a flight never counts more than once.
    """

    def __init__(self, flights: pd.DataFrame, end: str) -> None:
        candidates = _candidates(flights, end)
        lengths = np.fromiter((len(c) for c in candidates), dtype=np.int64, count=len(candidates))
        names = np.array(list(chain.from_iterable(candidates)), dtype=object)
        values = np.fromiter(chain.from_iterable(c.values() for c in candidates), dtype=np.float64, count=len(names))
        codes, airports = pd.factorize(names) if len(names) else (np.empty(0, dtype=np.int64), np.empty(0, object))
        rows = np.repeat(np.arange(len(candidates)), lengths)
        sums = np.bincount(rows, weights=values, minlength=len(candidates)) if len(rows) else np.zeros(len(candidates))
        values = values / np.maximum(sums, 1.0)[rows]
        self.size = len(candidates)
        self.airports: dict[str, int] = {str(name): code for code, name in enumerate(airports)}
        self.matrix = sparse.csc_matrix((values, (rows, codes)), shape=(self.size, len(self.airports)))
        self.best = flights[f"est{end}airport"].fillna("").to_numpy(dtype=object)
        self.seen = flights[f"{end}_method"].isin(SEEN).to_numpy()
        self._columns: dict[frozenset[str] | None, tuple[Ints, Floats]] = {}

    def column(self, airports: frozenset[str] | None) -> tuple[Ints, Floats]:
        """The flights with any probability of this end being one of the airports, ascending, and that probability."""
        if airports not in self._columns:
            self._columns[airports] = self._column(airports)
        return self._columns[airports]

    def _column(self, airports: frozenset[str] | None) -> tuple[Ints, Floats]:
        if airports is None:
            return np.arange(self.size), np.ones(self.size)
        start, rows_of, values = self.matrix.indptr, self.matrix.indices, self.matrix.data
        parts = [slice(start[c], start[c + 1]) for a in airports if (c := self.airports.get(a)) is not None]
        if not parts:
            return np.empty(0, dtype=np.int64), np.empty(0)
        rows = np.concatenate([rows_of[part] for part in parts])
        found, which = np.unique(rows, return_inverse=True)
        total = np.bincount(which, weights=np.concatenate([values[part] for part in parts]))
        return found.astype(np.int64), np.minimum(total, 1.0)

    def confirmed(self, rows: Ints, airports: frozenset[str] | None) -> npt.NDArray[np.bool_]:
        """Whether this end of the flights was seen or reported at one of the airports; always true for `anywhere`."""
        if airports is None:
            return np.ones(len(rows), dtype=bool)
        inside: npt.NDArray[np.bool_] = np.isin(self.best[rows].astype(str), list(airports)) & self.seen[rows]
        return inside


def _candidates(flights: pd.DataFrame, end: str) -> list[dict[str, float]]:
    """The candidates of each flight; a flight with an airport but no candidates (an imported list) has that airport."""
    given: list[Any] = flights[f"{end}_candidates"].tolist()
    best = flights[f"est{end}airport"].fillna("").tolist()
    stated = flights[f"{end}_probability"].fillna(0.0).tolist()
    told = flights[f"{end}_method"].isin(SEEN).tolist()
    return [
        c if isinstance(c, dict) and c else ({a: p or float(t)} if a else {})
        for c, a, p, t in zip(given, best, stated, told, strict=True)
    ]


def joint(a: tuple[Ints, Floats], b: tuple[Ints, Floats]) -> tuple[Ints, Floats]:
    """Flights in both columns and the product of their probabilities; rows are ascending in input and output."""
    if len(a[0]) > len(b[0]):
        a, b = b, a
    at = np.searchsorted(b[0], a[0])
    inside = at < len(b[0])
    inside[inside] = b[0][at[inside]] == a[0][inside]
    return a[0][inside], a[1][inside] * b[1][at[inside]]
