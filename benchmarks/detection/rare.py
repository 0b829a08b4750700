"""Rare routes and hostile days: surges on rates from zero to ten a day, and false traffic."""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from benchmarks.detection.tables import table
from flightwatch import detection
from flightwatch.detection.calibration import openings
from flightwatch.detection.counts import surprise

Array = npt.NDArray[np.float64]

RATES = (0.0, 0.02, 0.05, 0.3, 2.0, 10.0)  # flights a day
SERIES = 200  # of each rate
DAYS, LEARNED = 360, 200
CERTAIN = 1e-4  # a surge whose count has at most this probability under the true rate must be found
START = np.datetime64("2023-01-02")


def surges(seed: int = 1) -> str:
    """Poisson series with a week at three to six times the rate, judged as a plain frame of route, day, flights."""
    rng = np.random.default_rng(seed)
    rate = np.repeat(RATES, SERIES)
    counts = rng.poisson(rate, (DAYS, len(rate))).astype(float)
    start = rng.integers(LEARNED + 20, DAYS - 20, len(rate))
    p = np.ones(len(rate))
    for r, first in enumerate(start):
        # Where nothing ever flies, the surge is three to six flights in the week.
        weekly = rng.poisson(rng.uniform(3, 6) * rate[r] * 7) if rate[r] > 0 else int(rng.integers(3, 7))
        counts[first : first + 7, r] = np.bincount(rng.integers(0, 7, weekly), minlength=7)
        p[r] = stats.poisson.sf(weekly - 1, rate[r] * 7) if rate[r] > 0 else 0.0
    frame = _frame(counts)
    model = detection.train(frame[frame["day"] < START + LEARNED])
    found = detection.score(frame, model=model, since=(START + LEARNED).astype(object))
    flagged = found["flagged"].to_numpy().reshape(len(rate), DAYS - LEARNED).T
    return _report(rate, start - LEARNED, p, openings(flagged, 14))


def _report(rate: Array, start: npt.NDArray[np.int64], p: Array, opened: npt.NDArray[np.bool_]) -> str:
    rows = []
    hit = np.array([opened[s : s + 10, r].any() for r, s in enumerate(start)])
    quiet = np.ones(opened.shape, dtype=bool)
    for r, s in enumerate(start):
        quiet[s : s + 45, r] = False
    for each in (*RATES, None):
        mine = (rate == each) if each is not None else np.ones(len(rate), dtype=bool)
        sure = mine & (p < CERTAIN)
        false = opened[:, mine] & quiet[:, mine]
        days = int(quiet[:, mine].sum())
        rows.append(
            [
                "all" if each is None else f"{each:g}",
                f"{int(sure.sum())}",
                f"{hit[sure].mean():.3f}" if sure.any() else "–",
                f"{false.sum() / days * 365.25:.2f}",
                f"1 in {days / max(false.sum(), 1):,.0f}",
            ]
        )
    return (
        "\n### Rare routes\n\n"
        f"{SERIES} Poisson series of each rate, {LEARNED} days to learn from, then one week at three to six times the "
        f"rate (three to six flights where nothing ever flew), from a bare frame of counts at the default 0.5 false "
        f"alerts per route-year. Recall over surges whose true probability is below {CERTAIN:g}.\n\n"
        + table(
            ["flights a day", "surges", "recall", "false alerts per route-year", "false alerts per route-day"], rows
        )
    )


def hostile(seeds: int = 100) -> str:
    """Ghosts, teleports, half the aircraft gone: never an alert by themselves, and a true surge beside is found."""
    world, groups = _calm(np.random.default_rng(0))
    model = detection.train(_frame(world, groups=groups)[lambda f: f["day"] < START + LEARNED])
    kinds = {
        "500 ghosts on one route": _ghosts,
        "40 teleports to one airport": _teleports,
        "half the aircraft gone for a week": _half_gone,
        "nothing received for two days": _blind,
    }
    calm = [_trial(model, groups, np.random.default_rng(1000 + seed), _nothing)[0] for seed in range(seeds)]
    rows = [["nothing (the same seeds undisturbed)", f"{sum(map(len, calm))}", "–", "–"]]
    for label, spoil in kinds.items():
        tried = [_trial(model, groups, np.random.default_rng(1000 + seed), spoil) for seed in range(seeds)]
        unmarked = sum(
            not any(mark in why for mark in MARKS)
            for (alerted, _), before in zip(tried, calm, strict=True)
            for route, why in alerted.items()
            if route not in before
        )
        rows.append([label, f"{sum(len(t[0]) for t in tried)}", f"{unmarked}", f"{np.mean([t[1] for t in tried]):.2f}"])
    expected = seeds * 39 * 20 / 365.25 * model.settings.false_alerts_per_route_year
    return (
        f"\n### Hostile days\n\n{seeds} seeds each, 40 routes, 20 judged days at "
        f"{model.settings.false_alerts_per_route_year:g} false alerts per route-year, which allows {expected:.0f}. "
        "Routes alerted that have no surge, those of them that are not alerted undisturbed and whose reasons name "
        "neither doubted positions nor a change of coverage, and recall of a true surge (four flights in a week where "
        "one a month is usual) injected on the same days.\n\n"
        + table(["what happens", "routes alerted without a surge", "new and unmarked", "true surge found"], rows)
    )


def _calm(rng: np.random.Generator) -> tuple[Array, npt.NDArray[np.int64]]:
    rate = np.exp(rng.uniform(np.log(0.01), np.log(3.0), 40))
    rate[0] = 1 / 30
    return rng.poisson(rate, (LEARNED, 40)).astype(float), rng.integers(0, 6, 40)


MARKS = ("doubted positions", "coverage was")
"""Words in a finding's reasons that say what may be wrong with its data."""

Spoil = Callable[[np.random.Generator, Array, Array, Array], None]


def _trial(
    model: detection.Model, groups: npt.NDArray[np.int64], rng: np.random.Generator, spoil: Spoil
) -> tuple[dict[str, str], bool]:
    """The flagged routes without a surge, each with all its reasons, and whether the true surge is flagged."""
    past, _ = _calm(np.random.default_rng(0))
    rate = past.mean(axis=0)
    counts = np.vstack([past, rng.poisson(rate, (20, 40))])
    counts[LEARNED + 8 : LEARNED + 15, 0] += np.bincount(rng.integers(0, 7, 4), minlength=7)
    suspect, coverage = np.zeros(counts.shape), np.ones(counts.shape)
    spoil(rng, counts, suspect, coverage)
    frame = _frame(counts, suspect=suspect, coverage=coverage, groups=groups)
    found = detection.score(frame, model=model, since=(START + LEARNED).astype(object))
    alerted = {route: str(list(rows["reasons"])) for route, rows in found[found["flagged"]].groupby("route")}
    return alerted, alerted.pop("r0000", None) is not None


def _nothing(rng: np.random.Generator, counts: Array, suspect: Array, coverage: Array) -> None:
    return None


def _ghosts(rng: np.random.Generator, counts: Array, suspect: Array, coverage: Array) -> None:
    day, route = LEARNED + int(rng.integers(5, 15)), int(rng.integers(1, 40))
    counts[day, route] += 500
    suspect[day, route] += 500


def _teleports(rng: np.random.Generator, counts: Array, suspect: Array, coverage: Array) -> None:
    day = LEARNED + int(rng.integers(5, 15))
    for route in rng.choice(np.arange(1, 40), 40):
        counts[day, route] += 1
        suspect[day, route] += 1


def _half_gone(rng: np.random.Generator, counts: Array, suspect: Array, coverage: Array) -> None:
    span = slice(LEARNED + 2, LEARNED + 9)
    counts[span, 1:] = rng.binomial(counts[span, 1:].astype(int), 0.5)
    coverage[span] = 0.5


def _blind(rng: np.random.Generator, counts: Array, suspect: Array, coverage: Array) -> None:
    span = slice(LEARNED + 4, LEARNED + 6)
    counts[span], coverage[span] = 0.0, 0.0


def _frame(
    counts: Array,
    *,
    suspect: Array | None = None,
    coverage: Array | None = None,
    groups: npt.NDArray[np.int64] | None = None,
) -> pd.DataFrame:
    days, routes = counts.shape
    names = np.array([f"r{i:04d}" for i in range(routes)])
    frame = pd.DataFrame(
        {"route": np.repeat(names, days), "day": np.tile(START + np.arange(days), routes), "flights": counts.T.ravel()}
    )
    if suspect is not None:
        frame["suspect"] = suspect.T.ravel()
    if coverage is not None:
        frame["coverage"] = coverage.T.ravel()
    if groups is not None:
        frame["destination_group"] = np.repeat(groups[:routes].astype(str), days)
    return frame


def fractions(seed: int = 3) -> str:
    """Two ways to judge a sum of probabilities: the tail continued between integers, or the mixture over all outcomes.

    Flights that may have flown this route, each with a correct probability, in quiet weeks of three rates.
    """
    rng = np.random.default_rng(seed)
    rows = []
    for rate in (0.1, 0.5, 2.0):
        chances = (1.0, 0.6, 0.3)
        weeks = 20_000
        # Each kind of candidate makes up a third of the expected flights.
        candidates = np.stack([rng.poisson(rate / 3 / p, weeks) for p in chances])
        truth = sum(rng.binomial(c, p) for c, p in zip(candidates, chances, strict=True))
        total = sum(c * p for c, p in zip(candidates, chances, strict=True))
        mean = np.full(weeks, rate)
        continued = 10 ** -surprise(np.asarray(total, dtype=float), mean, mean)
        mixed = np.mean(
            [
                10
                ** -surprise(
                    sum(rng.binomial(c, p) for c, p in zip(candidates, chances, strict=True)).astype(float), mean, mean
                )
                for _ in range(200)
            ],
            axis=0,
        )
        known = 10 ** -surprise(np.asarray(truth, dtype=float), mean, mean)
        cells = [f"{(p <= 0.01).mean() / 0.01:.2f}" for p in (known, continued, mixed)]
        rows.append([f"{rate:g}", *cells])
    return (
        "\n### Fractions of flights\n\nQuiet weeks judged by sums of probabilities (thirds of certain, 0.6 and 0.3): "
        "share of weeks with p ≤ 0.01, over 0.01 (1 is calibrated, below is careful).\n\n"
        + table(["flights a week", "truth known", "tail continued (used)", "mixture over what may be"], rows)
    )
