"""Sine, cosine and short distances on a sphere by series: for columns, or for single numbers in a compiled loop.

Only arithmetic is used, so both give the same result to the last bit, and so does any machine. In return, each series
holds only in its stated range.
"""

from __future__ import annotations

from typing import Any

import numpy as np

CLOSE = 0.003  # half steps in radians, 10 NM: the next term of each series is below the last bit of a double


def sine(angle: Any) -> Any:
    """Sine of an angle in radians no larger than CLOSE.

    >>> bool(sine(0.002) == np.sin(0.002))
    True
    """
    square = angle * angle
    return angle * (1 - square * (1 / 6 - square * (1 / 120)))


def cosine(angle: Any) -> Any:
    """Cosine of a latitude in radians. Taylor series over the factorials of even numbers: at a pole the next term is
    2e-17.

    >>> bool(abs(cosine(np.pi / 3) - 0.5) < 3e-16)
    True
    """
    s = angle * angle
    last = 1 / 6402373705728000 - s / 2432902008176640000
    late = 1 / 479001600 - s * (1 / 87178291200 - s * (1 / 20922789888000 - s * last))
    return 1 - s * (1 / 2 - s * (1 / 24 - s * (1 / 720 - s * (1 / 40320 - s * (1 / 3628800 - s * late)))))


def half_arc(up: Any, along: Any, shrink: Any) -> Any:
    """Half the length of a step, in radians, from the sines of half its differences in latitude and longitude, both
    below CLOSE, and the product of the cosines of its latitudes: haversine and arc sine.

    >>> bool(abs(half_arc(sine(0.001), 0.0, 1.0) - 0.001) < 1e-18)
    True
    """
    square = up * up + shrink * (along * along)
    return np.sqrt(square) * (1 + square * (1 / 6 + square * (3 / 40)))
