"""Findings in words an editor can check: what was seen, what is usual, what else was odd, why it was held back."""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from flightwatch.detection.calibration import Calibration
from flightwatch.detection.decide import STEADY, Verdict
from flightwatch.detection.features import NAMES, SHARE_DAYS, SHARES
from flightwatch.detection.panel import Panel
from flightwatch.words import number

Array = npt.NDArray[Any]

FEATURES = {
    "s3": "flights in 3 days",
    "s7": "flights in 7 days",
    "s14": "flights in 14 days",
    "s28": "flights in 28 days",
    "gap": "how close together the last flights came",
    "new14": "aircraft new to the route",
    "region14": "aircraft new to the destination",
    "heavy14": "heavy or military types",
    "night14": "night movements",
    "rev14": "flights back",
    "nbr7": "other routes at the same ends",
    "kin": "its way back and other watches of the same flights",
}
"""What the names in `contributions` mean."""

TELLING = 1.3  # a feature with p < 0.05 gets a sentence
COVERAGE_ERROR = 0.1  # coverage is known to about a tenth (benchmarks/detection/scenario.py); less is no change

WORDS = {
    "newcomers": "flown by aircraft not seen on this route in the 180 days before",
    "region_newcomers": "flown by aircraft never seen at the destination before",
    "heavy": "flown by heavy or military types",
    "night": "at night",
}


def flights(x: float) -> str:
    """
    >>> flights(1.0), flights(2.5)
    ('1 flight', '2.5 flights')
    """
    return f"{number(x)} flight{'' if number(x) == '1' else 's'}"


def headline(observed: float, window: int, expected: float) -> str:
    """
    >>> headline(3.0, 7, 0.12)
    '3 flights in 7 days where 0.1 is usual'
    """
    usual = "almost none" if expected < 0.01 else number(expected)
    return f"{flights(observed)} in {window} days where {usual} {'are' if expected >= 1.05 else 'is'} usual"


def sentences(at: tuple[int, int], panel: Panel, verdict: Verdict, rows: Array, worth: Calibration) -> list[str]:
    """The sentences after the headline; `rows` are its features in the order of NAMES."""
    t, r = at
    out = _held_back(t, r, panel, verdict)
    if verdict.score[at] > verdict.threshold[r]:
        days = panel.coverage[max(t + 1 - max(verdict.window[at], SHARE_DAYS), 0) : t + 1, r]
        watched = [] if out else _coverage(verdict.coverage[at], verdict.usual_coverage[at], days)
        out = [*_oddities(t, r, panel, rows), *watched, _rarity(verdict.score[at], worth), *out]
    return out


def _coverage(now: float, usual: float, days: Array) -> list[str]:
    """A sentence on coverage if the finding's window, or one of the `days` it rests on, was not watched as usual.

    >>> _coverage(0.57, 0.98, np.full(14, 0.57)), _coverage(0.97, 0.98, np.full(14, 0.97))
    (['coverage was 57% in these days, usually it is 98%; the usual number is corrected for that'], [])
    >>> _coverage(0.98, 1.0, np.array([0.0, *[1.0] * 13]))
    ['coverage was below two thirds of the usual on 1 of the last 14 days; the usual number is corrected for that']
    """
    badly = int((days < usual / STEADY).sum())
    if abs(now - usual) > COVERAGE_ERROR * usual:
        how = f"{now:.0%} in these days, usually it is {usual:.0%}"
    elif badly:
        how = f"below two thirds of the usual on {badly} of the last {len(days)} days"
    else:
        return []
    return [f"coverage was {how}; the usual number is corrected for that"]


def _oddities(t: int, r: int, panel: Panel, rows: Array) -> list[str]:
    out = []
    span = slice(max(t + 1 - SHARE_DAYS, 0), t + 1)
    of = panel.count[span, r].sum()
    for name, column in SHARES.items():
        if rows[NAMES.index(column)] >= TELLING:
            out.append(_share(panel.attributes[name][span, r].sum(), of, WORDS[name]))
    if rows[NAMES.index("rev14")] >= TELLING:
        out.append(f"{flights(panel.reverse[span, r].sum())} back in 14 days, more than usual")
    if rows[NAMES.index("nbr7")] >= TELLING:
        out.append("other routes at the same ends are unusually busy too")
    if rows[NAMES.index("kin")] >= TELLING:
        out.append("its way back, or another watch of the same flights, is unusual too")
    doubted = panel.suspect[span, r].sum()
    if doubted > 0:
        out.append(f"{flights(doubted)} in 14 days had doubted positions and counted half at most")
    return out


def _share(part: float, of: float, how: str) -> str:
    """
    >>> _share(4.6, 4.6, WORDS["heavy"])
    '4.6 of 4.6 flights in 14 days were flown by heavy or military types'
    >>> _share(1.0, 3.0, WORDS["night"])
    '1 of 3 flights in 14 days was at night'
    """
    return f"{number(part)} of {flights(of)} in 14 days {'was' if number(part) == '1' else 'were'} {how}"


def _rarity(score: float, worth: Calibration) -> str:
    rate = float(worth.rate(np.array(score)))
    years = 1 / max(rate, 1e-9)
    if rate <= 1.5 / worth.route_years:
        return f"in {number(worth.route_years)} simulated years of ordinary traffic on such routes this did not happen"
    if years < 1.5:
        often = "once" if number(rate) == "1" else f"{number(rate)} times"
        return f"ordinary traffic on such a route looks like this {often} a year"
    return f"ordinary traffic on such a route looks like this once in {number(years)} years"


def _held_back(t: int, r: int, panel: Panel, verdict: Verdict) -> list[str]:
    if verdict.held_short[t, r]:
        return [f"held back: only {verdict.history[t, r]} watched days of history so far"]
    if verdict.held_coverage[t, r] and verdict.unseen[t, r]:
        return [f"held back: coverage was only {panel.coverage[t, r]:.0%} on that day, and no flight was seen"]
    if verdict.held_coverage[t, r]:
        now, usual = verdict.coverage[t, r], verdict.usual_coverage[t, r]
        return [f"held back: coverage changed from {usual:.0%} to {now:.0%}, which could explain the difference"]
    if verdict.held_suspect[t, r]:
        w = slice(max(t - 27, 0), t + 1)
        return [f"held back: {flights(panel.suspect[w, r].sum())} in 28 days had doubted positions"]
    return []
