"""Counts and odds in words, the same on every page, in every mail and in every finding."""

from __future__ import annotations

import math


def number(value: float) -> str:
    """A count: whole if it is whole or from 10 up, one decimal from 1 up, below that one or two figures.

    >>> [number(v) for v in (3.0, 5.43, 12.6, 0.98, 0.104, 0.0497, 0.004, 0.0)]
    ['3', '5.4', '13', '1', '0.1', '0.05', 'under 0.01', '0']
    """
    if not math.isfinite(value):
        return "unknown"
    if value == 0:
        return "0"
    if value < 0.01:
        return "under 0.01"
    if value < 0.095:
        return f"{value:.2f}"
    return f"{value:.1f}".removesuffix(".0") if value < 9.95 else f"{value:.0f}"


LEAST_PROBABILITY = 3e-4
"""The calibration states nothing rarer (`detection.calibration`); a probability this low is an upper bound."""


def odds(probability: float) -> str:
    """A probability as one in so many.

    >>> odds(0.0047), odds(3e-4)
    ('1 in 210', 'at most 1 in 3,300')
    """
    if not 0 < probability < 1:
        return "unknown"
    text = f"1 in {round(float(f'{1 / probability:.2g}')):,}"
    return f"at most {text}" if probability <= LEAST_PROBABILITY else text


def rarity(probability: float) -> str:
    """A tail probability per day in words. It counts days, not events: what is strange on one day often still is on the
    next, so this is no "once in N days".

    >>> rarity(0.0047), rarity(3e-4)
    ('1 ordinary day in 210 is at least as strange', 'at most 1 ordinary day in 3,300 is as strange')
    """
    text = odds(probability)
    if text == "unknown":
        return "chance of it unknown"
    days = text.replace("1 in", "1 ordinary day in")
    return f"{days} is as strange" if probability <= LEAST_PROBABILITY else f"{days} is at least as strange"
