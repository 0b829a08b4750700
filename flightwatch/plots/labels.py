"""Where labels go so that they cover neither each other nor the points they name."""

from __future__ import annotations

import re
from dataclasses import dataclass

LETTER = 0.61  # mean width of DejaVu Sans in ems, measured on airport names
LINE = 1.25  # height of a line in ems


@dataclass(frozen=True)
class Box:
    """A rectangle on the paper, points (1/72 in)."""

    left: float
    bottom: float
    right: float
    top: float

    def overlap(self, other: Box) -> float:
        """The shared area, square points.

        >>> Box(0, 0, 2, 2).overlap(Box(1, 1, 3, 3))
        1
        """
        wide = min(self.right, other.right) - max(self.left, other.left)
        high = min(self.top, other.top) - max(self.bottom, other.bottom)
        return wide * high if wide > 0 and high > 0 else 0

    def outside(self, frame: Box) -> float:
        """The area that falls off the frame."""
        return (self.right - self.left) * (self.top - self.bottom) - self.overlap(frame)


def place(x: float, y: float, text: str, size: float, taken: list[Box], frame: Box, away: float = 7.0) -> Box:
    """The best of twelve places round a point for a text of that size, all in points; the caller adds it to `taken`.

    >>> frame = Box(0, 0, 300, 100)
    >>> place(10, 50, "Benina", 10, [], frame).left
    17.0
    >>> place(295, 50, "Benina", 10, [], frame).right
    288.0
    """
    wide = max(len(line) for line in text.split("\n")) * size * LETTER
    high = (text.count("\n") + 1) * size * LINE
    near, far = away, away * 2.4
    spots = []
    for d in (near, far):
        spots += [
            (x + d, y - high / 2),
            (x - d - wide, y - high / 2),
            (x + d * 0.6, y + d * 0.6),
            (x + d * 0.6, y - d * 0.6 - high),
            (x - d * 0.6 - wide, y + d * 0.6),
            (x - d * 0.6 - wide, y - d * 0.6 - high),
            (x - wide / 2, y + d),
            (x - wide / 2, y - d - high),
        ]
    boxes = [Box(left, bottom, left + wide, bottom + high) for left, bottom in spots]

    def cost(item: tuple[int, Box]) -> float:
        order, box = item
        return sum(box.overlap(t) for t in taken) + 6 * box.outside(frame) + order * 2

    return min(enumerate(boxes), key=cost)[1]


def short(name: str) -> str:
    """An airport's name without the words every airport has.

    >>> short("Vnukovo International Airport"), short("Al Khadim Air Base"), short("Airport")
    ('Vnukovo', 'Al Khadim', 'Airport')
    """
    return re.sub(r"( International| Air(port|field| ?base))+$", "", name, flags=re.IGNORECASE) or name
