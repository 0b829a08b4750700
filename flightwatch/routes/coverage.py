"""How well each day of each route was watched: one number from 0 to 1, and what it is made of.

*Did we look* (`looked`), and *did the sources hear their usual traffic where the route would show* (`cells`, `level`).
What is heard is counted in aircraft-hours and compared with the best level that was held for a while, so 1 means "as
well as ever". When receivers are added, earlier days get lower numbers, not later ones higher: the number is an
exposure, and only the ratio of two days' numbers says how many more flights should be seen. That ratio does not depend
on later days, so walking forward through history gives the same judgements as living through it.
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
from flightwatch.routes.level import FULLY, PRIOR_HOURS, SUSTAINED_DAYS, even, index, scaled, traffic
from flightwatch.routes.looked import Days, Floats, hours_of, looked

NOTABLE = (0.67, 1.5)
"""Ratio of traffic to the usual beyond which a note is written: more than a fair or a holiday does to a region."""

UNMEASURED = -1.0
"""The traffic of a day without listening (an imported list), or of a route without a place."""

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
    """A row `route, day, coverage, looked, traffic, detail` for each route and day from first to last.

    `heard` are HEARD rows; `polls` has source, started, finished, outcome, planned. `coverage` is relative to the best
    level of all given days; for one scale over days tallied at different times see `weigh`, which needs only `looked`
    and `traffic`. `read` are days of archives or imported lists that were read completely, whether or not traffic was
    heard. Without any record of listening everything counts as watched, and the note says so. `detail` is a dict for
    people and JSON: `looked`, the level of each part relative to its best, `index` (traffic compared with the usual of
    the four weeks before), `sources`, and `note`.
    """
    wanted = np.arange(_number(days[0]), _number(days[1]) + 1)
    read = list(read)
    if heard.empty and polls.empty and not read:
        return _unrecorded(routes, wanted)
    span = _span(heard, polls, read, wanted)
    share = looked(heard, polls, span, read)
    silent = np.isin(span, [_number(day) for day in read]) & ~_any(heard, span)
    listened = np.where(silent, 0.0, share)
    parts = [segments(route, airports) for route in routes]
    level = traffic(heard, span, [part for group in parts for part in group]) + PRIOR_HOURS * listened[:, None]
    together = _together(level, parts)
    many = np.broadcast_to(listened[:, None], (len(span), max(level.shape[1], len(routes))))
    told = scaled(together, many[:, : len(routes)], span)
    ratio = index(even(together, many[:, : len(routes)], span))
    together[silent] = UNMEASURED
    told = np.where(together == UNMEASURED, share[:, None], told)
    held = scaled(level, many[:, : level.shape[1]], span)
    watch = _Watch(span, share, _sources(heard, span), held, together, told, ratio)
    starts = np.cumsum([0, *(len(group) for group in parts)])
    here = np.searchsorted(span, wanted)
    return _joined([watch.rows(n, r.name, parts[n], int(starts[n]), here) for n, r in enumerate(routes)])


def _together(level: Floats, parts: list[tuple[Segment, ...]]) -> Floats:
    """The level of each route: the weighted geometric mean of its parts; `UNMEASURED` for a route without a place."""
    out = np.full((len(level), len(parts)), UNMEASURED)
    start = 0
    for number, group in enumerate(parts):
        mine = level[:, start : start + len(group)]
        start += len(group)
        if group:
            weight = np.array([part.weight for part in group])
            out[:, number] = np.where((mine > 0).all(axis=1), np.exp(np.log(np.maximum(mine, 1e-9)) @ weight), 0.0)
    return out


@dataclass(frozen=True)
class _Watch:
    """What is known of all days of the span: share looked, sources, levels of parts and routes, the routes' index."""

    span: Days
    share: Floats
    sources: list[tuple[str, ...]]
    held: Floats
    together: Floats
    told: Floats
    ratio: Floats

    def rows(
        self, number: int, name: str, group: tuple[Segment, ...], start: int, here: npt.NDArray[np.int64]
    ) -> pd.DataFrame:
        """One route's rows for the days at `here`."""
        held = np.round(self.held[here, start : start + len(group)], 3).tolist()
        names = [part.name for part in group]
        share, ratio = np.round(self.share[here], 3).tolist(), self.ratio[here, number].tolist()
        detail = [
            {"looked": s}
            | dict(zip(names, h, strict=True))
            | {"index": None if not group or np.isnan(r) else round(r, 2), "sources": list(self.sources[at])}
            | {"note": _note(s, r if group else 1.0, set(self.sources[at]), self._before(at))}
            for at, h, s, r in zip(here.tolist(), held, share, ratio, strict=True)
        ]
        columns = {"route": name, "day": _days(self.span[here]), "coverage": self.told[here, number]}
        columns |= {"looked": self.share[here], "traffic": self.together[here, number], "detail": detail}
        return pd.DataFrame(columns)

    def _before(self, at: int) -> set[str]:
        return {name for day in self.sources[max(at - SUSTAINED_DAYS, 0) : at] for name in day}


def _days(numbers: Days) -> Any:
    return numbers.astype("datetime64[D]").astype(DAY)


def _note(share: float, ratio: float, sources: set[str], before: set[str]) -> str:
    """What an analyst should know about the day, in words; empty if there is nothing."""
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


def describe(detail: dict[str, Any]) -> str:
    """A day's `detail` in one line for people.

    >>> describe({"looked": 1.0, "origin": 0.93, "destination": 0.12, "index": 0.4, "sources": ["a"], "note": ""})
    'looked 100%, origin 93%, destination 12% of its best'
    """
    parts = [f"{name} {detail[name]:.0%}" for name in ("origin", "between", "destination", "over") if name in detail]
    heard = f", {', '.join(parts)} of its best" if parts else ""
    note = f"; {detail['note']}" if detail.get("note") else ""
    return f"looked {detail['looked']:.0%}{heard}{note}"


def _number(day: date) -> int:
    return int(np.datetime64(day, "D").astype(int))


def _span(heard: pd.DataFrame, polls: pd.DataFrame, read: list[date], wanted: Days) -> Days:
    """All days for which there is any information, without gaps."""
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
    detail: dict[str, Any] = {"looked": 1.0, "index": None, "sources": [], "note": UNRECORDED}
    columns = {"day": _days(wanted), "coverage": 1.0, "looked": 1.0, "traffic": UNMEASURED}
    details = [dict(detail) for _ in wanted]
    return _joined([pd.DataFrame({"route": route.name} | columns | {"detail": details}) for route in routes])


def _joined(frames: list[pd.DataFrame]) -> pd.DataFrame:
    if not frames:
        empty = {name: np.empty(0) for name in ("coverage", "looked", "traffic")}
        return pd.DataFrame({"route": [], "day": np.array([], dtype=DAY)} | empty | {"detail": []})
    return pd.concat(frames, ignore_index=True).astype({"route": object})
