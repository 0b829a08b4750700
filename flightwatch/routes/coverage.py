"""How well each day of each route was watched: one number from 0 to 1, and what it is made of.

*Did we look* (`looked`) and *did the sources hear their usual traffic where the route would show* (`cells`). Of each
part of the route the aircraft-hours heard in a day are set against the best the part has been heard at for a while, so
1 means "as well as ever". When receivers are added, earlier days get lower numbers, not later ones higher: the number
is an exposure, and only the ratio of two days' numbers says how many more flights should be seen. That ratio does not
depend on what came later, so walking forward through history gives the same judgements as living through it.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from flightwatch.airports import Airports
from flightwatch.records import DAY, Route
from flightwatch.routes.cells import Segment, segments
from flightwatch.routes.level import FULLY, SUSTAINED_DAYS, best, index, levels, traffic
from flightwatch.routes.looked import Days, Floats, hours_of, looked

NOTABLE = (0.67, 1.5)
"""Traffic against the usual outside of which a note says so: more than a fair or a holiday does to a region."""


UNRECORDED = "no record of listening: taken as watched"


def coverage(
    heard: pd.DataFrame,
    polls: pd.DataFrame,
    routes: Sequence[Route],
    airports: Airports,
    days: tuple[date, date],
    *,
    read: Iterable[date] = (),
) -> pd.DataFrame:
    """A row `route, day, coverage, detail` for each route and day from first to last.

    Give all of `heard` (HEARD) and `polls` (source, started, outcome, planned) there is, not only those of the days:
    the best level is taken from them. `read` are days of archives or imported lists that were read whole, whether or
    not traffic was heard. With no record of listening at all everything counts as watched, and says so. `detail` is a
    dict for people and JSON: `looked`, the level of each part against its best, `index` (traffic against the usual of
    the four weeks before), `sources`, and `note`.
    """
    wanted = np.arange(_number(days[0]), _number(days[1]) + 1)
    read = list(read)
    if heard.empty and polls.empty and not read:
        return _unrecorded(routes, wanted)
    span = _span(heard, polls, read, wanted)
    share = looked(heard, polls, span, read)
    parts = [(number, part) for number, route in enumerate(routes) for part in segments(route, airports)]
    silent = np.isin(span, [_number(day) for day in read]) & ~_any(heard, span)
    level = levels(traffic(heard, span, [part for _, part in parts]), share, span, silent)
    held = np.clip(level / np.maximum(best(level), 1e-9), 0.0, 1.0)
    watch = _Watch(span, share, _sources(heard, span), parts, held, index(level))
    here = np.searchsorted(span, wanted)
    return _joined([watch.rows(number, route.name, here) for number, route in enumerate(routes)])


@dataclass(frozen=True)
class _Watch:
    """What is known of all days of the span: share looked, sources, and for each part its held level and index."""

    span: Days
    share: Floats
    sources: list[tuple[str, ...]]
    parts: list[tuple[int, Segment]]
    held: Floats
    index: Floats

    def rows(self, number: int, name: str, here: npt.NDArray[np.int64]) -> pd.DataFrame:
        """One route's rows for the days at `here`: its parts together as a weighted geometric mean."""
        mine = np.array([column for column, (owner, _) in enumerate(self.parts) if owner == number], dtype=np.int64)
        segments_ = [self.parts[column][1] for column in mine]
        weight = np.array([part.weight for part in segments_])
        held, index, share = self.held[here][:, mine], self.index[here][:, mine], self.share[here]
        value = _mean(held, weight) if len(mine) else share
        ratio = _mean(index, weight) if len(mine) else np.full(len(here), np.nan)
        names = [part.name for part in segments_]
        detail = [
            {"looked": round(float(s), 3)}
            | {n: round(float(v), 3) for n, v in zip(names, h, strict=True)}
            | {"index": None if np.isnan(r) else round(float(r), 2), "sources": list(self.sources[at])}
            | {"note": _note(float(s), float(r), set(self.sources[at]), self._before(at))}
            for h, s, r, at in zip(held, share, ratio, here.tolist(), strict=True)
        ]
        day = self.span[here].astype("datetime64[D]").astype(DAY)
        value = np.where(share > 0, np.minimum(value, 1.0), 0.0)
        return pd.DataFrame({"route": name, "day": day, "coverage": value, "detail": detail})

    def _before(self, at: int) -> set[str]:
        return {name for day in self.sources[max(at - SUSTAINED_DAYS, 0) : at] for name in day}


def _mean(values: Floats, weight: Floats) -> Floats:
    mean: Floats = np.exp(np.log(np.maximum(values, 1e-9)) @ weight)
    return mean


def _note(share: float, ratio: float, sources: set[str], before: set[str]) -> str:
    """What an analyst should know about the day, in words; empty when there is nothing."""
    notes = []
    if share == 0:
        return "not watched"
    if share < FULLY:
        notes.append(f"watched {share:.0%} of the day")
    if before and sources - before:
        notes.append(f"new source: {', '.join(sorted(sources - before))}")
    if before - sources:
        notes.append(f"source silent: {', '.join(sorted(before - sources))}")
    if ratio > NOTABLE[1]:
        notes.append(f"heard {ratio:.1f} times the usual traffic")
    elif ratio < NOTABLE[0] and share >= FULLY:
        notes.append(f"heard {ratio:.0%} of the usual traffic")
    return "; ".join(notes)


def _number(day: date) -> int:
    return int(np.datetime64(day, "D").astype(int))


def _span(heard: pd.DataFrame, polls: pd.DataFrame, read: list[date], wanted: Days) -> Days:
    """All days there is anything to know about, without gaps."""
    ends = [int(wanted[0]), int(wanted[-1]), *(_number(day) for day in read)]
    if len(heard):
        hours = hours_of(heard["hour"])
        ends += [int(hours.min()) // 24, int(hours.max()) // 24]
    planned = polls[polls["planned"].to_numpy(dtype=bool)] if len(polls) else polls
    if len(planned):
        hours = hours_of(pd.to_datetime(planned["started"], utc=True))
        ends += [int(hours.min()) // 24, int(hours.max()) // 24]
    return np.arange(min(ends), max(ends) + 1)


def _any(heard: pd.DataFrame, span: Days) -> npt.NDArray[np.bool_]:
    found: npt.NDArray[np.bool_] = np.isin(span, np.unique(hours_of(heard["hour"]) // 24) if len(heard) else [])
    return found


def _sources(heard: pd.DataFrame, span: Days) -> list[tuple[str, ...]]:
    """Which sources were heard on each day."""
    found: list[tuple[str, ...]] = [()] * len(span)
    if len(heard):
        table = pd.DataFrame({"day": hours_of(heard["hour"]) // 24, "source": heard["source"].astype(object)})
        for day, group in table.drop_duplicates().groupby("day")["source"]:
            found[int(day) - int(span[0])] = tuple(sorted(group))
    return found


def _unrecorded(routes: Sequence[Route], wanted: Days) -> pd.DataFrame:
    day = wanted.astype("datetime64[D]").astype(DAY)
    detail: dict[str, Any] = {
        "looked": 1.0,
        "index": None,
        "sources": [],
        "note": UNRECORDED,
    }
    return _joined(
        [
            pd.DataFrame({"route": r.name, "day": day, "coverage": 1.0, "detail": [dict(detail) for _ in day]})
            for r in routes
        ]
    )


def _joined(frames: list[pd.DataFrame]) -> pd.DataFrame:
    if not frames:
        return pd.DataFrame({"route": [], "day": np.array([], dtype=DAY), "coverage": [], "detail": []})
    return pd.concat(frames, ignore_index=True).astype({"route": object})
