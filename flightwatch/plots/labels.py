"""Places labels so that they cover neither each other nor the points they name."""

from __future__ import annotations

import math
import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

LETTER = 0.61  # mean width of DejaVu Sans in ems, measured on airport names
LINE = 1.25  # height of a line in ems


@dataclass(frozen=True)
class Box:
    """A rectangle on the map, in points (1/72 in)."""

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
        """The area outside the frame."""
        return (self.right - self.left) * (self.top - self.bottom) - self.overlap(frame)


RINGS = (1.0, 2.4, 4.6, 7.5)
"""Distances at which a label is tried, in multiples of the first: four rings of eight places. The outer rings are for
fields closer together than the height of their names."""

COVERS, LEAVES, CROSSES, MOVES, FARTHER = 4.0, 6.0, 9.0, 2.0, 26.0
"""The costs per square point of another label or dot covered, per square point off the map, per point of a track
crossed, per place down the order, per ring outwards: a covered word is worse than any distance."""


def size_of(text: str, size: float, *, bold: bool = False) -> tuple[float, float]:
    """Width and height of a text in points; bold letters are an eighth wider.

    >>> size_of("Benina", 10)
    (36.6, 12.5)
    """
    lines = text.split("\n")
    letter = LETTER * (1.125 if bold else 1.0)
    return max(map(len, lines)) * size * letter, len(lines) * size * LINE


def place(
    x: float,
    y: float,
    wide: float,
    high: float,
    taken: Sequence[Box],
    frame: Box,
    *,
    away: float = 7.0,
    busy: npt.NDArray[np.float64] | None = None,
) -> Box:
    """The best place around a point for a label of that size, all in points; the caller adds it to `taken`.

    `busy` are points of tracks, one row each, which a label should avoid if possible.

    >>> frame = Box(0, 0, 300, 100)
    >>> place(10, 50, 40, 12, [], frame).left
    17.0
    >>> place(295, 50, 40, 12, [], frame).right
    288.0
    """
    boxes = []
    for ring in RINGS:
        d = away * ring
        spots = (
            (x + d, y - high / 2),
            (x - d - wide, y - high / 2),
            (x + d * 0.6, y + d * 0.6),
            (x + d * 0.6, y - d * 0.6 - high),
            (x - d * 0.6 - wide, y + d * 0.6),
            (x - d * 0.6 - wide, y - d * 0.6 - high),
            (x - wide / 2, y + d),
            (x - wide / 2, y - d - high),
        )
        boxes += [Box(left, bottom, left + wide, bottom + high) for left, bottom in spots]

    def cost(item: tuple[int, Box]) -> float:
        order, box = item
        ring, order = divmod(order, 8)
        paid = COVERS * sum(box.overlap(t) for t in taken) + LEAVES * box.outside(frame)
        return paid + CROSSES * _inside(box, busy) + MOVES * order + FARTHER * ring

    return min(enumerate(boxes), key=cost)[1]


def _inside(box: Box, points: npt.NDArray[np.float64] | None) -> int:
    if points is None or not len(points):
        return 0
    x, y = points.T
    return int(((x > box.left) & (x < box.right) & (y > box.bottom) & (y < box.top)).sum())


def clusters(points: Sequence[tuple[float, float]], within: float) -> list[list[int]]:
    """The indices of the points in groups: a point within that distance of a member belongs to the group.

    >>> clusters([(0, 0), (50, 0), (6, 0), (12, 0)], 8)
    [[0, 2, 3], [1]]
    """
    left, groups = list(range(len(points))), []
    while left:
        group = [left.pop(0)]
        for member in group:  # grows during the loop
            near = [n for n in left if math.dist(points[n], points[member]) <= within]
            group += near
            left = [n for n in left if n not in near]
        groups.append(sorted(group))
    return groups


def short(name: str) -> str:
    """An airport's name without the words that every airport has.

    >>> short("Vnukovo International Airport"), short("Al Khadim Air Base"), short("Airport")
    ('Vnukovo', 'Al Khadim', 'Airport')
    """
    return re.sub(r"( International| Air(port|field| ?base))+$", "", name, flags=re.IGNORECASE) or name
