"""Sine, cosine and short ways on a sphere by series: of columns, or of single numbers where a loop is compiled.

Written with nothing but arithmetic, so that both give the same to the last bit, and so does any machine. In turn for
that they hold only where they say they do.
"""

from __future__ import annotations

from typing import Any

import numpy as np

CLOSE = 0.003  # half steps in radians, 10 NM: the next term of each series is below the last bit of a double


def sine(angle: Any) -> Any:
    """Of an angle in radians no larger than CLOSE.

    >>> bool(sine(0.002) == np.sin(0.002))
    True
    """
    square = angle * angle
    return angle * (1 - square * (1 / 6 - square * (1 / 120)))


def cosine(angle: Any) -> Any:
    """Of a latitude in radians. Taylor's series over the factorials of even numbers: at a pole the next term is 2e-17.

    >>> bool(abs(cosine(np.pi / 3) - 0.5) < 3e-16)
    True
    """
    s = angle * angle
    last = 1 / 6402373705728000 - s / 2432902008176640000
    late = 1 / 479001600 - s * (1 / 87178291200 - s * (1 / 20922789888000 - s * last))
    return 1 - s * (1 / 2 - s * (1 / 24 - s * (1 / 720 - s * (1 / 40320 - s * (1 / 3628800 - s * late)))))


def half_arc(up: Any, along: Any, shrink: Any) -> Any:
    """Half the length of a step, in radians, by the sines of half of its differences in latitude and longitude, both
    below CLOSE, and the product of the cosines of its latitudes: haversine and arc sine.

    >>> bool(abs(half_arc(sine(0.001), 0.0, 1.0) - 0.001) < 1e-18)
    True
    """
    square = up * up + shrink * (along * along)
    return np.sqrt(square) * (1 + square * (1 / 6 + square * (3 / 40)))
