"""The fields of a map: dots sized by the flights expected there, their names, and country names where there is room."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd
from matplotlib.axes import Axes

from flightwatch.plots import ground, labels, style
from flightwatch.plots.picture import Picture, at
from flightwatch.plots.projection import Projection

POINTS = 100.0  # dots per inch of a figure during layout: matplotlib's default
WORTH_A_DOT = 0.05  # expected flights; fewer would be shown as 0.0
TOGETHER = 11.0  # points: fields nearer to each other than the height of a line share one label
MOST_LINES = 5  # of a shared label; the last line counts the remaining fields
LEADER = 11.0  # points: a label farther from its field than this gets a line to it
STEP = 4.0  # points between the places where a track is checked for being covered by a label


@dataclass(frozen=True)
class Dot:
    """A field on the map, in points."""

    airport: str
    weight: float
    arrival: bool
    x: float
    y: float
    radius: float


def shown(picture: Picture, airport: str) -> bool:
    """Whether a possible arrival field gets a dot."""
    return picture.ends[airport] >= WORTH_A_DOT


def draw(
    ax: Axes,
    picture: Picture,
    known: pd.DataFrame,
    projection: Projection,
    extent: ground.Extent,
    *,
    elsewhere: Collection[str] = (),
) -> None:
    """Dots and names. Of the fields named `elsewhere`, on a closer map, only the likeliest is named here."""
    paper = _Paper(ax, extent)
    dots = _dots(ax, picture, known, projection, paper)
    paper.busy = _along(picture, projection, paper)
    chief = {max(c, key=c.__getitem__) for c in (picture.origins, picture.ends) if c}
    named = [d for d in dots if d.airport not in elsewhere or d.airport in chief]
    counted = [d for d in named if d.arrival and d.airport not in elsewhere]
    groups = labels.clusters([(d.x, d.y) for d in named], TOGETHER)
    for group in groups:
        _label(ax, [named[n] for n in group], known, counted, chief, paper)
    _countries(ax, projection, paper)


class _Paper:
    """The map's sheet in points: its frame, occupied areas, and where tracks run."""

    def __init__(self, ax: Axes, extent: ground.Extent) -> None:
        box = ax.get_window_extent()
        self.extent = extent
        self.frame = labels.Box(0, 0, box.width * 72 / POINTS, box.height * 72 / POINTS)
        self.per_nm = self.frame.right / extent.width
        scale_bar = labels.Box(0, 0, 0.42 * self.frame.right, 0.035 * self.frame.top + 2.2 * style.SMALL)
        self.taken = [scale_bar]
        self.busy: npt.NDArray[np.float64] = np.empty((0, 2))

    def at(self, x: Any, y: Any) -> tuple[Any, Any]:
        return (x - self.extent.left) * self.per_nm, (y - self.extent.bottom) * self.per_nm


def _dots(ax: Axes, picture: Picture, known: pd.DataFrame, projection: Projection, paper: _Paper) -> list[Dot]:
    """Draws the dots within the map, largest first; a field that is both start and end is drawn as an end."""
    ends = [(a, w, True) for a, w in picture.ends.items() if shown(picture, a)]
    starts = [(a, w, False) for a, w in picture.origins.items() if a not in picture.ends]
    out = []
    for airport, weight, arrival in sorted(ends + starts, key=lambda item: -item[1]):
        lon, lat = at(known, airport)
        x, y = (float(v) for v in projection(lat, lon))
        if not paper.extent.holds(x, y):
            continue
        radius = 3.2 + 3.0 * weight**0.5
        colour = style.FLAGGED if arrival else style.SEEN
        ax.plot(x, y, "o", markersize=2 * radius, color=colour, alpha=0.28, markeredgewidth=0, zorder=5)
        ax.plot(x, y, "o", markersize=4.5, color=colour, markeredgecolor=style.PAPER, markeredgewidth=0.8, zorder=7)
        px, py = paper.at(x, y)
        paper.taken.append(labels.Box(px - 4, py - 4, px + 4, py + 4))
        out.append(Dot(airport, weight, arrival, px, py, radius))
    return out


def _along(picture: Picture, projection: Projection, paper: _Paper) -> npt.NDArray[np.float64]:
    """Points of the tracks on the map, evenly spaced."""
    out = []
    for line in picture.solid:
        x, y = paper.at(*projection.line(line).T)
        run = np.concatenate([[0.0], np.cumsum(np.hypot(np.diff(x), np.diff(y)))])
        if np.isfinite(run[-1]):
            even = np.arange(0, run[-1], STEP)
            out.append(np.column_stack([np.interp(even, run, x), np.interp(even, run, y)]))
    if not out:
        return np.empty((0, 2))
    return np.unique(np.round(np.concatenate(out) / STEP) * STEP, axis=0)  # many flights on one airway count once


def _label(
    ax: Axes, dots: Sequence[Dot], known: pd.DataFrame, counted: Sequence[Dot], chief: Collection[str], paper: _Paper
) -> None:
    """One label for fields close together, one line each."""
    lines = [_line(d, known, d in counted) for d in dots]
    if len(lines) > MOST_LINES:
        lines = [*lines[: MOST_LINES - 1], f"and {len(lines) - MOST_LINES + 1} more"]
    text, bold = "\n".join(lines), dots[0].airport in chief
    wide, high = labels.size_of(text, style.SIZE - 1, bold=bold)
    x, y = float(np.mean([d.x for d in dots])), float(np.mean([d.y for d in dots]))
    spread = max(max(abs(d.x - x), abs(d.y - y)) for d in dots)
    away = max(6.0, max(d.radius for d in dots) * 0.8) + spread
    spot = labels.place(x, y, wide, high, paper.taken, paper.frame, away=away, busy=paper.busy)
    paper.taken.append(spot)
    middle = (spot.bottom + spot.top) / 2
    edge = (min(max(x, spot.left), spot.right), min(max(y, spot.bottom), spot.top))
    if float(np.hypot(edge[0] - x, edge[1] - y)) > LEADER + away:
        ax.annotate(
            "", (x, y), xytext=edge, xycoords="axes points", textcoords="axes points", zorder=8,
            arrowprops={"arrowstyle": "-", "color": style.QUIET, "linewidth": 0.8, "shrinkA": 0, "shrinkB": 5},
        )  # fmt: skip
    ax.annotate(
        text,
        (spot.left, middle),
        xycoords="axes points",
        va="center",
        fontsize=style.SIZE - 1,
        fontweight="bold" if bold else "normal",
        linespacing=1.1,
        path_effects=ground.halo(),
        zorder=9,
    )


def _line(dot: Dot, known: pd.DataFrame, counted: bool) -> str:
    name = style.printable(labels.short(known.loc[dot.airport, "name"] or dot.airport), 24)
    return f"{name} {dot.weight:.1f}" if counted else name


def _countries(ax: Axes, projection: Projection, paper: _Paper) -> None:
    """Names of countries where they cover nothing."""
    for x, y, country in ground.named_countries(projection, paper.extent):
        px, py = paper.at(x, y)
        half = len(country.name) * style.SMALL * 0.4
        spot = labels.Box(px - half, py - 7, px + half, py + 7)
        if spot.outside(paper.frame) == 0 and all(spot.overlap(t) == 0 for t in paper.taken):
            ax.text(
                x, y, country.name.upper(), ha="center", va="center", fontsize=style.SMALL - 1.5, color="#A39C8A",
                zorder=2.5,
            )  # fmt: skip
            paper.taken.append(spot)
