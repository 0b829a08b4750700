"""The forest's input: twelve numbers per route and day, all in units of surprise (-log10 p), 0 = nothing unusual."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt

from flightwatch.detection import dispersion, kin
from flightwatch.detection.baseline import (
    GUARD,
    WINDOWS,
    Memory,
    Prior,
    others,
    pooled,
    regional_index,
    remember,
    teachable,
)
from flightwatch.detection.counts import CAP, nb_tail, share_surprise, surprise
from flightwatch.detection.kin import Kin
from flightwatch.detection.panel import ATTRIBUTES, Panel, rolling

Array = npt.NDArray[Any]

SHARE_DAYS = 14
SHARE_WEIGHT = 8.0  # flights at which a route's own share weighs as much as the pooled one
SETTLED = 60  # days until most aircraft have been seen before. In six demo worlds, newcomers make 21 % of the flights
# between countries in the first month of a history, 5 % in the second, then 3, 2 and 1 %
SETTLING = ("newcomers", "region_newcomers")  # true of nearly every flight while a history is young
GAPS = (2, 3, 5)  # numbers of flights whose shortest span is judged
GAP_SURE = 0.9  # of k: flights with a probability of 0.9 each make a burst, judged by the sum of their probabilities.
# When only whole flights did, the twin, whose flights are whole, had bursts on 8 route-days in 1,000, and the past it
# came from on 1 in 7,000 (18 demo worlds, seeds 400 to 417, watch list, surprise over 2)
GAP_DAYS = 60  # longer spans are no burst; the windows judge them
GAP_FADE = 0.8  # per day: a burst counts for about a week
NOTHING = 0.05  # p above 0.9 is no surprise; tiny values must not seem rare where a feature is always 0
FEWEST = 1.5  # flights: a single one is no surge, however odd. In the archived half year of twelve demo worlds (seeds 0
# to 11, in which nothing happens), 8 of the 21 false episodes on the watch list came from a single flight
HOT = 2.0  # a neighbour with p < 0.01 over 7 days is hot
HOT_SHARE = 0.006  # share of quiet route-days that are hot (mid-p of sparse counts; measured in benchmarks/detection)
HOT_SCATTER = 1.6  # variance over mean of the number of hot neighbours: they have weather in common

SHARES = dict(zip(ATTRIBUTES, ("new14", "region14", "heavy14", "night14"), strict=True))
NAMES = ("s3", "s7", "s14", "s28", "gap", *SHARES.values(), "rev14", "nbr7", "kin")
COUNT_NAMES = ("s3", "s7", "s14", "s28", "gap")


@dataclass(frozen=True)
class Rates:
    """What features need that is pooled over routes: fitted on a training span, then only read."""

    forward: Prior
    reverse: Prior
    shares: dict[str, float]
    pairs: float
    kin: Kin


@dataclass(frozen=True)
class Around:
    """The other routes, for each day and route: how busy the neighbours are, the surprise of how many are hot, and how
    surprising the counts of the most surprising route of the family are."""

    index: Array
    hot: Array
    kin: Array


@dataclass(frozen=True)
class Seen:
    """Features (days × routes × NAMES) and, for the words, each window's observed, usual and variance."""

    values: Array
    windows: dict[int, tuple[Array, Array, Array]]
    memory: Memory
    around: Around


def fit(panel: Panel, teaches: Array | None = None) -> Rates:
    """The pooled rates of a training span. `teaches` marks the days to learn from (default: well watched ones)."""
    teaches = teachable(panel.coverage) if teaches is None else teaches
    exposure = panel.coverage * teaches
    forward = pooled(panel.clean * teaches, exposure, panel.weekday)
    plain = remember(panel.clean, panel.coverage, teaches, panel.weekday, prior=forward)
    index = regional_index(panel, plain)
    memory = remember(panel.clean, panel.coverage * index, teaches, panel.weekday, prior=forward)
    back = pooled(panel.reverse * teaches, exposure, panel.weekday)
    back_memory = remember(panel.reverse, panel.coverage * index, teaches, panel.weekday, prior=back)
    return Rates(
        dispersion.fit(panel.clean, memory),
        dispersion.fit(panel.reverse, back_memory),
        {a: pooled_share(panel, a, teaches) for a in ATTRIBUTES},
        dispersion.pairs(panel.clean),
        kin.find(panel),
    )


def pooled_share(panel: Panel, name: str, teaches: Array) -> float:
    """The share of such flights among all flights of the `telling` days."""
    known = telling(panel, name)[:, None] * teaches
    return float((panel.attributes[name] * known).sum()) / max(float((panel.count * known).sum()), 1.0)


def telling(panel: Panel, name: str) -> Array:
    """The days of a history that show how common such flights are: for newcomers, the first weeks hardly do."""
    days = len(panel.days)
    return np.arange(days) >= (min(SETTLED, days // 3) if name in SETTLING else 0)


def see(panel: Panel, rates: Rates, teaches: Array | None = None, around: Around | None = None) -> Seen:
    """The features of every day, each from that day and earlier ones only.

    `around` describes the other routes when they are not in the panel.
    """
    teaches = teachable(panel.coverage) if teaches is None else teaches
    if around is None:
        plain = remember(panel.clean, panel.coverage, teaches, panel.weekday, prior=rates.forward)
        index = regional_index(panel, plain)
    else:
        index = around.index
    exposure = panel.coverage * index
    memory = remember(panel.clean, exposure, teaches, panel.weekday, prior=rates.forward)
    back = remember(panel.reverse, exposure, teaches, panel.weekday, prior=rates.reverse)
    windows = {w: dispersion.predict(panel.count, memory, w) for w in WINDOWS}
    columns = {f"s{w}": surprise(*windows[w]) for w in WINDOWS}
    columns["gap"] = gap_surprise(panel.count, memory)
    for name, column in SHARES.items():
        columns[column] = _share(panel, name, rates.shares[name])
    columns["rev14"] = surprise(*dispersion.predict(panel.reverse, back, SHARE_DAYS))
    if around is None:
        family = rates.kin.families(panel.routes) if panel.family is None else panel.family
        around = Around(index, _hot_neighbours(columns["s7"], panel), _kin(columns, family))
    columns |= {"nbr7": around.hot, "kin": around.kin}
    values = np.stack([columns[n] for n in NAMES], axis=-1)
    return Seen(np.where(values < NOTHING, 0.0, values), windows, memory, around)


def gap_surprise(counts: Array, memory: Memory) -> Array:
    """The surprise (a count tail) of the shortest span with the last 2, 3 or 5 flights; fades by a fifth per day."""
    days, routes = counts.shape
    a, b = memory.rate(28 + GUARD)
    spent = np.vstack([np.zeros(routes), np.cumsum(memory.exposure, axis=0)])
    total = np.vstack([np.zeros(routes), np.cumsum(counts, axis=0)])
    # One ascending array for all routes: each route's running total starts above the end of the one before.
    lift = np.r_[0.0, np.cumsum(total[-1] + 1.0)[:-1]]
    line = (total + lift).T.ravel()
    t, r = np.nonzero(counts > 0)
    best = np.zeros(counts.shape)
    for k in GAPS:
        # The span begins on the last day before which at most (all - k) flights lie.
        sure = GAP_SURE * k
        start = np.searchsorted(line, (total + lift)[t + 1, r] - sure + 1e-9, side="right") - 1 - r * (days + 1)
        ok = (total[t + 1, r] >= sure - 1e-9) & (t - start <= GAP_DAYS)
        d, c, s = t[ok], r[ok], np.maximum(start[ok], 0)
        mean = a[d, c] / b[d, c] * np.maximum(spent[d + 1, c] - spent[s, c], 1e-6)
        tail = nb_tail(np.minimum(total[d + 1, c] - total[s, c], k), mean, mean + mean**2 / a[d, c])
        best[d, c] = np.maximum(best[d, c], -np.log10(np.maximum(tail, 10.0**-CAP)))
    for i in range(1, days):
        best[i] = np.maximum(best[i], GAP_FADE * best[i - 1])
    return best


def _share(panel: Panel, name: str, pooled: float) -> Array:
    """How surprising the share of such flights in the last 14 days is, given the route's own past share."""
    part, counts = panel.attributes[name], panel.count
    told = (np.arange(len(counts)) >= (SETTLED if name in SETTLING else 0))[:, None]
    k, n = rolling(part, SHARE_DAYS), rolling(counts, SHARE_DAYS)
    lag = SHARE_DAYS + GUARD
    past_k, past_n = (
        np.vstack([np.zeros((lag, x.shape[1])), np.cumsum(x, axis=0)])[: len(x)] for x in (part * told, counts * told)
    )
    out = np.zeros(counts.shape)
    i = np.nonzero(k > 1e-9)
    a = SHARE_WEIGHT * pooled + past_k[i]
    b = SHARE_WEIGHT * (1 - pooled) + np.maximum(past_n[i] - past_k[i], 0.0)
    out[i] = share_surprise(k[i], n[i], np.maximum(a, 1e-3), np.maximum(b, 1e-3))
    return out


def _kin(columns: dict[str, Array], family: Array) -> Array:
    """How surprising the counts of the most surprising other route of the family are: of the way back, or of a wider or
    narrower watch. What flies there is left out, because the same aircraft fly there and back."""
    return kin.strongest_other(np.max([columns[n] for n in COUNT_NAMES], axis=0), family)


def _hot_neighbours(s7: Array, panel: Panel) -> Array:
    """How surprising the number of hot routes at either end is today; a few always are."""
    hot = (s7 > HOT).astype(float)
    out = np.zeros(s7.shape)
    for group in (panel.origin, panel.destination):
        size = np.bincount(group)[group] - 1.0
        mean = np.broadcast_to(np.maximum(size * HOT_SHARE, 0.05), s7.shape)
        out = np.maximum(out, surprise(others(hot, group), mean, mean * HOT_SCATTER, cap=6.0))
    return out


def surge(observed: Array, expected: Array) -> Array:
    """Whether this many flights can be a surge at all: more than usual, and more likely two than one."""
    more: Array = (observed > expected) & (observed >= FEWEST)
    return more


def strongest_window(seen: Seen) -> tuple[Array, Array, Array, Array]:
    """The most surprising window per day and route: days, observed, usual, variance; 7 days where none is."""
    windows = list(seen.windows)
    surprises = seen.values[..., [NAMES.index(f"s{w}") for w in windows]]
    best = np.where(surprises.max(axis=-1) > 0, surprises.argmax(axis=-1), windows.index(7))
    stacked = [np.stack([seen.windows[w][i] for w in windows], axis=-1) for i in range(3)]
    observed, expected, variance = (np.take_along_axis(s, best[..., None], axis=-1)[..., 0] for s in stacked)
    return np.array(windows)[best], observed, expected, variance
