"""A map of flights: what was heard is solid, what is inferred is dashed, and every possible field is marked as such."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import Bbox

from flightwatch import geo
from flightwatch.plots import fields, ground, style
from flightwatch.plots.picture import Picture, at, collect
from flightwatch.plots.projection import Projection, centred_on


def route_map(
    flights: pd.DataFrame,
    airports: Any,
    *,
    title: str = "",
    subtitle: str = "",
    attribution: str = style.MAP_ATTRIBUTION,
) -> Figure:
    """The flights on a map; if their possible ends are close together, with a second, closer map of those.

    `flights` are FLIGHT rows; `track` is what `tracks.encode` made or an already decoded frame. `airports` is an
    `Airports` or a frame indexed by airport id with `name, latitude, longitude`. The area of a field's dot is the
    number of flights expected there; fields without a known position are left out.
    """
    known = getattr(airports, "frame", airports)
    if not subtitle and ": " in title and len(title) > 46:  # an alert's headline is a route and what happened there
        title, subtitle = title.split(": ", 1)
    picture = collect(flights, known)
    with style.styled():
        points = _all_points(picture, known)
        if len(points) == 0:
            return _nothing(title, attribution)
        projection = centred_on(points[:, 1], points[:, 0])
        x, y = projection(points[:, 1], points[:, 0])
        tall = np.nanmax(y) - np.nanmin(y) > 0.9 * (np.nanmax(x) - np.nanmin(x))
        near = _near(picture, known)
        if near is not None and not _much_smaller(projection, near[1], x, y):
            near = None
        fig, axes = _layout(bool(tall), near is not None)
        _map(axes[0], picture, known, projection, points, elsewhere=near[0] if near else ())
        if near is not None:
            _zoom(axes, picture, known, projection, near[1])
        _heading(fig, title, subtitle)
        _legend(fig, picture)
        fig.text(
            0.985, 0.06 / fig.get_figheight(), attribution, ha="right", fontsize=style.SMALL - 1.5, color=style.QUIET
        )
    return fig


def _all_points(picture: Picture, known: pd.DataFrame) -> Any:
    lines = [*picture.solid, *(dash.line for dash in picture.dashed if dash.share > 0.05)]
    fields = [at(known, a) for a in {*picture.origins, *picture.ends}]
    parts = [*lines, np.array(fields).reshape(-1, 2)]
    return np.concatenate(parts) if parts else np.empty((0, 2))


NEIGHBOURS_NM = 200.0  # eastern Libya, Benina to Al Adem, is 190: fields that an unseen descent could have led to


def _near(picture: Picture, known: pd.DataFrame) -> tuple[list[str], Any] | None:
    """The possible arrival fields around the likeliest one; and these together with nearby points where signals were
    lost."""
    if len(picture.ends) < 2:
        return None
    chief = max(picture.ends, key=lambda a: picture.ends[a])
    lon, lat = at(known, chief)
    near = [a for a in picture.ends if fields.shown(picture, a) and _distance(at(known, a), lat, lon) < NEIGHBOURS_NM]
    if len(near) < 2:
        return None
    lost = [p for p in picture.lost if _distance(p, lat, lon) < NEIGHBOURS_NM]
    return near, np.array([*(at(known, a) for a in near), *lost]).reshape(-1, 2)


def _distance(point: tuple[float, float], latitude: float, longitude: float) -> float:
    return float(geo.distance(point[1], point[0], latitude, longitude))


def _much_smaller(projection: Projection, near: Any, x: Any, y: Any) -> bool:
    """Whether a second map shows more: its points span less than a third of the first map's."""
    nx, ny = projection(near[:, 1], near[:, 0])
    return bool(max(np.ptp(nx), np.ptp(ny)) < 0.34 * max(np.nanmax(x) - np.nanmin(x), np.nanmax(y) - np.nanmin(y)))


HEAD, FOOT, GAP, SIDE = 0.78, 0.56, 0.12, 0.1  # inches: title and subtitle, legend and attribution, between, beside


def _layout(tall: bool, zoom: bool) -> tuple[Figure, list[Axes]]:
    """One map, or two: side by side if the flights run north and south, else one above the other."""
    wide = style.WIDTH - 2 * SIDE
    if not zoom:
        boxes = [(SIDE, FOOT, wide, 6.2 if tall else 4.4)]
    elif tall:
        left = 0.46 * (wide - GAP)
        boxes = [(SIDE, FOOT, left, 5.6), (SIDE + left + GAP, FOOT, wide - GAP - left, 5.6)]
    else:
        boxes = [(SIDE, FOOT + 3.4 + GAP, wide, 3.7), (SIDE, FOOT, wide, 3.4)]
    height = max(bottom + high for _, bottom, _, high in boxes) + HEAD
    fig = style.figure(height, fixed=True)
    return fig, [fig.add_axes((x / style.WIDTH, y / height, w / style.WIDTH, h / height)) for x, y, w, h in boxes]


def _map(
    ax: Axes,
    picture: Picture,
    known: pd.DataFrame,
    projection: Projection,
    points: Any,
    *,
    elsewhere: Collection[str] = (),
    near: bool = False,
) -> ground.Extent:
    """Draws one map into its axes. Fields `elsewhere` are named on the closer map."""
    x, y = projection(points[:, 1], points[:, 0])
    extent = ground.extent_of(x, y, _aspect(ax))
    ground.draw(ax, projection, extent)
    ground.scale_bar(ax, extent)
    faint = min(1.0, max(0.35, 3.0 / max(len(picture.solid), 1) ** 0.5))
    for line in picture.solid:
        ax.plot(
            *projection.line(line).T, color=style.SEEN, linewidth=1.7, alpha=faint, zorder=4, solid_capstyle="round"
        )
    for line, share, *_ in picture.dashed:
        alpha = min(0.9, 0.18 + 0.75 * share) * max(faint, 0.5)
        ax.plot(
            *projection.line(line).T, color=style.FLAGGED, linewidth=1.1, alpha=alpha, linestyle=(0, (4, 2.5)), zorder=3
        )
    if picture.lost:
        lx, ly = projection([p[1] for p in picture.lost], [p[0] for p in picture.lost])
        ax.plot(lx, ly, "x", color=style.INK, markersize=6.5 if near else 5, markeredgewidth=1.6, zorder=6)
    fields.draw(ax, picture, known, projection, extent, elsewhere=elsewhere)
    return extent


def _aspect(ax: Axes) -> float:
    """Width over height of the axes."""
    box = ax.get_window_extent()
    return float(box.width / box.height)


def _zoom(axes: list[Axes], picture: Picture, known: pd.DataFrame, projection: Projection, near: Any) -> None:
    """The second map, and its frame drawn on the first."""
    extent = _map(axes[1], picture, known, projection, near, near=True)
    frame = Bbox.from_extents(extent.left, extent.bottom, extent.right, extent.top)
    axes[0].plot(
        [frame.x0, frame.x1, frame.x1, frame.x0, frame.x0],
        [frame.y0, frame.y0, frame.y1, frame.y1, frame.y0],
        color=style.INK,
        linewidth=1.1,
        zorder=8,
    )
    for spine in axes[1].spines.values():
        spine.set(color=style.INK, linewidth=1.3)


def _heading(fig: Figure, title: str, subtitle: str) -> None:
    high = fig.get_figheight()
    fig.text(
        0.0156,
        1 - 0.1 / high,
        style.printable(title, 80),
        va="top",
        fontsize=style.fitted(title, 80),
        fontweight="bold",
    )
    fig.text(0.0156, 1 - 0.45 / high, style.printable(subtitle, 80), va="top", color=style.QUIET)


def _legend(fig: Figure, picture: Picture) -> None:
    entries: list[Line2D] = []
    if picture.solid:
        entries.append(Line2D([], [], color=style.SEEN, linewidth=2, label="heard"))
    if picture.dashed:
        entries.append(Line2D([], [], color=style.FLAGGED, linewidth=1.3, linestyle=(0, (4, 2.5)), label="inferred"))
    if picture.lost:
        entries.append(
            Line2D([], [], color=style.INK, marker="x", linestyle="none", markeredgewidth=1.6, label="last heard")
        )
    if picture.ends:
        dot: dict[str, Any] = {
            "marker": "o",
            "linestyle": "none",
            "markersize": 11,
            "alpha": 0.45,
            "markeredgewidth": 0,
        }
        entries.append(Line2D([], [], color=style.FLAGGED, label="possible landing, flights expected", **dot))
    fig.legend(
        handles=entries,
        loc="lower left",
        bbox_to_anchor=(0.0, 0.2 / fig.get_figheight()),
        ncols=4,
        fontsize=style.SMALL,
        columnspacing=1.2,
        handletextpad=0.5,
    )


def _nothing(title: str, attribution: str) -> Figure:
    fig = style.figure(4.0)
    ax = fig.subplots()
    ax.set_axis_off()
    ax.set_title(style.printable(title, 60))
    ax.text(0.5, 0.5, "no flight here has a known place", ha="center", va="center", color=style.QUIET)
    style.foot(fig, attribution)
    return fig
