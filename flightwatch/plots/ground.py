"""The background of a map: sea, land, coasts, borders, country names, a scale bar."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection
from matplotlib.path import Path

from flightwatch.plots import style
from flightwatch.plots.coast import Country, world
from flightwatch.plots.projection import Projection
from flightwatch.units import KM_PER_NM

MARGIN = 0.09  # of the larger side, so that end labels have room
SMALLEST_NM = 60.0  # a map of one field still shows what is around it


@dataclass(frozen=True)
class Extent:
    """The map's box in nautical miles."""

    left: float
    bottom: float
    right: float
    top: float

    @property
    def width(self) -> float:
        return self.right - self.left

    @property
    def height(self) -> float:
        return self.top - self.bottom

    def holds(self, x: float, y: float, margin: float = 0.0) -> bool:
        return self.left + margin < x < self.right - margin and self.bottom + margin < y < self.top - margin


def extent_of(x: npt.NDArray[np.float64], y: npt.NDArray[np.float64], aspect: float) -> Extent:
    """The smallest box with that width-to-height ratio around all points, with a margin.

    >>> float(extent_of(np.array([0.0, 100.0]), np.array([0.0, 0.0]), 2.0).height)
    59.0
    """
    left, right, bottom, top = np.nanmin(x), np.nanmax(x), np.nanmin(y), np.nanmax(y)
    side = max(right - left, top - bottom, SMALLEST_NM) * MARGIN
    width = max(right - left + 2 * side, SMALLEST_NM)
    height = max(top - bottom + 2 * side, SMALLEST_NM / aspect)
    width, height = max(width, height * aspect), max(height, width / aspect)
    cx, cy = (left + right) / 2, (bottom + top) / 2
    return Extent(cx - width / 2, cy - height / 2, cx + width / 2, cy + height / 2)


def draw(ax: Axes, projection: Projection, extent: Extent) -> None:
    """Draws land and sea into the axes, which get this extent."""
    ax.set_xlim(extent.left, extent.right)
    ax.set_ylim(extent.bottom, extent.top)
    ax.set_aspect("equal")
    ax.set_facecolor(style.SEA)
    ax.set_xticks([])
    ax.set_yticks([])
    for spine in ax.spines.values():
        spine.set(visible=True, color=style.COAST, linewidth=0.8)
    land = (
        _path([projection.line(ring) for ring in polygon], extent)
        for country in world().countries
        for polygon in country.polygons
    )
    ax.add_collection(
        PathCollection(
            [path for path in land if path is not None],
            facecolors=style.LAND, edgecolors=style.LAND, linewidths=0.4, zorder=1,
        ),
        autolim=False,
    )  # fmt: skip
    for lines, colour, width in ((world().borders, style.BORDER, 0.7), (world().coasts, style.COAST, 0.9)):
        drawn = [line for line in map(projection.line, lines) if _near(line, extent)]
        ax.add_collection(LineCollection(drawn, colors=colour, linewidths=width, zorder=2), autolim=False)
    _graticule(ax, projection, extent)


def _path(rings: list[npt.NDArray[np.float64]], extent: Extent) -> Path | None:
    """A polygon with holes; None if it lies elsewhere or reaches round to the far side of the Earth."""
    if not _near(rings[0], extent) or not all(np.isfinite(r).all() for r in rings):
        return None
    codes = [np.r_[Path.MOVETO, np.full(len(r) - 2, Path.LINETO), Path.CLOSEPOLY] for r in rings if len(r) > 2]
    return Path(np.concatenate([r for r in rings if len(r) > 2]), np.concatenate(codes)) if codes else None


def _near(line: npt.NDArray[np.float64], extent: Extent) -> bool:
    """Whether the line's box touches the map's."""
    known = line[np.isfinite(line).all(axis=1)]
    if len(known) == 0:
        return False
    (x0, y0), (x1, y1) = known.min(axis=0), known.max(axis=0)
    return bool(x1 >= extent.left and x0 <= extent.right and y1 >= extent.bottom and y0 <= extent.top)


def _graticule(ax: Axes, projection: Projection, extent: Extent) -> None:
    """Meridians and parallels, faint, at a round step that gives about five of them."""
    step = min((1, 2, 5, 10, 20, 30), key=lambda s: abs(max(extent.width, extent.height) / 60 / s - 5))
    lines = [
        projection.line(np.column_stack([np.full(61, lon), np.linspace(-80, 80, 61)])) for lon in range(-180, 180, step)
    ]
    lines += [
        projection.line(np.column_stack([np.linspace(-180, 180, 181), np.full(181, lat)]))
        for lat in range(-90 + step, 90, step)
    ]
    ax.add_collection(
        LineCollection(
            [x for x in lines if _near(x, extent)], colors=style.QUIET, linewidths=0.35, alpha=0.3, zorder=2
        ),
        autolim=False,
    )


def named_countries(projection: Projection, extent: Extent) -> list[tuple[float, float, Country]]:
    """Countries whose name fits on the map: the size of their visible part, and its middle."""
    out = []
    for country in world().countries:
        ring = max((projection.line(p[0]) for p in country.polygons), key=lambda r: float(np.prod(np.ptp(r, axis=0))))
        if not np.isfinite(ring).all() or not _near(ring, extent):
            continue
        clipped = ring.clip([extent.left, extent.bottom], [extent.right, extent.top])
        wide, high = np.ptp(clipped, axis=0)
        x, y = projection(*reversed(country.label_point()))
        if not extent.holds(float(x), float(y)):
            x, y = clipped.mean(axis=0)
        if wide > 0.16 * extent.width and high > 0.05 * extent.height and extent.holds(float(x), float(y)):
            out.append((float(x), float(y), country))
    return out


def scale_bar(ax: Axes, extent: Extent) -> None:
    """A bar of a round number of kilometres, with the nautical miles beside it, in the lower left corner."""
    goal = extent.width * KM_PER_NM / 4
    power = 10 ** math.floor(math.log10(goal))
    km = max(k * power for k in (1, 2, 5) if k * power <= goal)
    x, y = extent.left + extent.width * 0.04, extent.bottom + extent.height * 0.035
    wide = km / KM_PER_NM
    back: dict[str, Any] = {"color": style.PAPER, "linewidth": 4.5, "solid_capstyle": "butt", "alpha": 0.8}
    ax.plot([x, x + wide], [y, y], zorder=7, **back)
    ax.plot([x, x + wide], [y, y], color=style.INK, linewidth=1.8, solid_capstyle="butt", zorder=8)
    ax.text(
        x,
        y + extent.height * 0.012,
        f"{km:g} km · {wide:.0f} NM",
        fontsize=style.SMALL - 1,
        va="bottom",
        color=style.INK,
        zorder=8,
        path_effects=halo(),
    )


def halo() -> list[object]:
    """A light edge around text, so that it is readable over lines."""
    from matplotlib.patheffects import withStroke

    return [withStroke(linewidth=2.6, foreground=style.PAPER, alpha=0.85)]
