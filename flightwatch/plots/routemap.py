"""A map of flights: what was heard is solid, what is inferred is dashed, and every possible field is shown as such."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.lines import Line2D
from matplotlib.transforms import Bbox

from flightwatch import geo
from flightwatch.plots import ground, labels, style
from flightwatch.plots.projection import Projection, centred_on
from flightwatch.units import millis

SHOWN = 0.03  # candidates below this are not drawn: their dots would be dust
SILENT_S = 20 * 60  # a longer hole inside a leg is drawn as not heard; thinned tracks keep a fix at least this often
SEEN = ("observed", "approach", "reported")


@dataclass
class Picture:
    """What is to be drawn, in degrees: pieces of (longitude, latitude) lines, lost points, weights of fields."""

    solid: list[Any] = field(default_factory=list)
    dashed: list[tuple[Any, float]] = field(default_factory=list)
    lost: list[tuple[float, float]] = field(default_factory=list)
    origins: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    ends: dict[str, float] = field(default_factory=lambda: defaultdict(float))
    seen_ends: set[str] = field(default_factory=set)


def route_map(
    flights: pd.DataFrame,
    airports: Any,
    *,
    title: str = "",
    subtitle: str = "",
    attribution: str = style.ATTRIBUTION,
) -> Figure:
    """The flights on a map, and where their possible ends lie close together, a second, nearer map of those.

    `flights` are FLIGHT rows; `track` is what `tracks.encode` made or an already decoded frame. `airports` is an
    `Airports` or a frame indexed by airport id with `name, latitude, longitude`. The dot of a field has the area of
    the number of flights expected there; fields known to neither are left out.
    """
    known = getattr(airports, "frame", airports)
    picture = collect(flights, known)
    with style.styled():
        points = _all_points(picture, known)
        if len(points) == 0:
            return _nothing(title, attribution)
        projection = centred_on(points[:, 1], points[:, 0])
        x, y = projection(points[:, 1], points[:, 0])
        tall = np.nanmax(y) - np.nanmin(y) > 0.9 * (np.nanmax(x) - np.nanmin(x))
        near = _near_points(picture, known)
        zoom = near is not None and _much_smaller(projection, near, x, y)
        fig, axes = _layout(bool(tall), zoom)
        _map(axes[0], picture, known, projection, points, near_axes=zoom)
        if zoom and near is not None:
            _zoom(axes, picture, known, projection, near)
        _heading(fig, title, subtitle)
        _legend(fig, picture)
        style.foot(fig, attribution)
    return fig


def collect(flights: pd.DataFrame, known: pd.DataFrame) -> Picture:
    """Lines and weights from the flights' tracks and candidates."""
    picture = Picture()
    for flight in flights.to_dict("records"):
        track = decoded(flight.get("track"))
        starts = candidates(flight, "departure", known)
        ends = candidates(flight, "arrival", known)
        for airport, share in starts.items():
            picture.origins[airport] += share
        for airport, share in ends.items():
            picture.ends[airport] += share
        if flight.get("arrival_method") in SEEN:
            picture.seen_ends.update(ends)
        first, last = _first_and_last(flight, track)
        if track is not None and len(track) > 1:
            _pieces(picture, track)
        if first is None or last is None:
            _whole(picture, starts, ends, known)
            continue
        unseen_end = flight.get("arrival_method") not in SEEN
        for airport, share in starts.items():
            picture.dashed.append((_arc(_at(known, airport), first), share))
        for airport, share in ends.items():
            picture.dashed.append((_arc(last, _at(known, airport)), share))
        if unseen_end and flight.get("status") != "airborne":
            picture.lost.append(last)
    return picture


def decoded(track: Any) -> pd.DataFrame | None:
    """The track as a frame with its fixes in order; None when there is none."""
    if isinstance(track, pd.DataFrame):
        return track
    if isinstance(track, bytes | bytearray | memoryview) and len(track):
        from flightwatch import tracks

        return tracks.decode(bytes(track))
    return None


def candidates(flight: dict[Any, Any], end: str, known: pd.DataFrame) -> dict[str, float]:
    """The fields one end of a flight may be at, those we can place, with their probabilities."""
    listed = flight.get(f"{end}_candidates")
    if not isinstance(listed, dict) or not listed:
        best = flight.get(f"est{end}airport") or ""
        listed = {best: flight.get(f"{end}_probability") or 1.0} if best else {}
    return {a: float(p) for a, p in listed.items() if p >= SHOWN and a in known.index}


def _first_and_last(flight: dict[Any, Any], track: pd.DataFrame | None) -> tuple[Any, Any]:
    if track is not None and len(track):
        lon, lat = track["longitude"].to_numpy(float), track["latitude"].to_numpy(float)
        return (lon[0], lat[0]), (lon[-1], lat[-1])
    ends = [(flight.get(f"{e}_longitude"), flight.get(f"{e}_latitude")) for e in ("first", "last")]
    ok = [None if any(v is None or pd.isna(v) for v in e) else e for e in ends]
    return ok[0], ok[1]


def _pieces(picture: Picture, track: pd.DataFrame) -> None:
    """The track cut where it was silent: heard pieces solid, the silence between them dashed."""
    line = track[["longitude", "latitude"]].to_numpy(float)
    silent = np.diff(millis(track["time"])) > SILENT_S * 1000
    cuts = np.flatnonzero(silent) + 1
    picture.solid += [piece for piece in np.split(line, cuts) if len(piece) > 1]
    picture.dashed += [(_arc(line[i - 1], line[i]), 1.0) for i in cuts]


def _whole(picture: Picture, starts: dict[str, float], ends: dict[str, float], known: pd.DataFrame) -> None:
    """A flight without any fix (an imported list): dashed all the way between its likeliest ends."""
    if starts and ends:
        a, b = (max(c, key=lambda k, c=c: c[k]) for c in (starts, ends))  # type: ignore[misc]
        if a != b:
            picture.dashed.append((_arc(_at(known, a), _at(known, b)), starts[a] * ends[b]))


def _at(known: pd.DataFrame, airport: str) -> tuple[float, float]:
    row = known.loc[airport]
    return float(row["longitude"]), float(row["latitude"])


def _arc(a: Iterable[float], b: Iterable[float], points: int = 33) -> Any:
    """The great circle between two (longitude, latitude)."""
    (lon1, lat1), (lon2, lat2) = a, b
    lat, lon = geo.interpolate(lat1, lon1, lat2, lon2, np.linspace(0, 1, points))
    return np.column_stack([lon, lat])


def _all_points(picture: Picture, known: pd.DataFrame) -> Any:
    lines = [*picture.solid, *(line for line, share in picture.dashed if share > 0.05)]
    fields = [_at(known, a) for a in {*picture.origins, *picture.ends}]
    parts = [*lines, np.array(fields).reshape(-1, 2)]
    return np.concatenate(parts) if parts else np.empty((0, 2))


def _near_points(picture: Picture, known: pd.DataFrame) -> Any | None:
    """The possible arrival fields and the points where signals were lost on the way to them."""
    if len(picture.ends) < 2:
        return None
    heavy = sorted(picture.ends, key=lambda a: -picture.ends[a])[:8]
    fields = np.array([_at(known, a) for a in heavy])
    middle = np.average(fields, axis=0, weights=[picture.ends[a] for a in heavy])
    reach = max(150.0, 2.0 * float(np.max(geo.distance(fields[:, 1], fields[:, 0], middle[1], middle[0]))))
    lost = [p for p in picture.lost if float(geo.distance(p[1], p[0], middle[1], middle[0])) < reach]
    return np.concatenate([fields, np.array(lost).reshape(-1, 2)])


def _much_smaller(projection: Projection, near: Any, x: Any, y: Any) -> bool:
    """Whether a second map shows more: its points span less than a third of the first map's."""
    nx, ny = projection(near[:, 1], near[:, 0])
    return bool(max(np.ptp(nx), np.ptp(ny)) < 0.34 * max(np.nanmax(x) - np.nanmin(x), np.nanmax(y) - np.nanmin(y)))


def _layout(tall: bool, zoom: bool) -> tuple[Figure, list[Axes]]:
    if not zoom:
        fig = style.figure(7.4 if tall else 5.6)
        return fig, [fig.subplots()]
    fig = style.figure(6.6 if tall else 8.6)
    axes = fig.subplots(1, 2, width_ratios=[1, 1.12]) if tall else fig.subplots(2, 1, height_ratios=[1.1, 1])
    return fig, list(axes)


def _map(
    ax: Axes,
    picture: Picture,
    known: pd.DataFrame,
    projection: Projection,
    points: Any,
    *,
    near_axes: bool = False,
    near: bool = False,
) -> ground.Extent:
    x, y = projection(points[:, 1], points[:, 0])
    extent = ground.extent_of(x, y, _aspect(ax))
    ground.draw(ax, projection, extent)
    ground.scale_bar(ax, extent)
    faint = min(1.0, max(0.35, 3.0 / max(len(picture.solid), 1) ** 0.5))
    for line in picture.solid:
        ax.plot(
            *projection.line(line).T, color=style.SEEN, linewidth=1.7, alpha=faint, zorder=4, solid_capstyle="round"
        )
    for line, share in picture.dashed:
        alpha = min(0.9, 0.18 + 0.75 * share) * max(faint, 0.5)
        ax.plot(
            *projection.line(line).T, color=style.FLAGGED, linewidth=1.1, alpha=alpha, linestyle=(0, (4, 2.5)), zorder=3
        )
    if picture.lost:
        lx, ly = projection([p[1] for p in picture.lost], [p[0] for p in picture.lost])
        ax.plot(lx, ly, "x", color=style.INK, markersize=6.5 if near else 5, markeredgewidth=1.6, zorder=6)
    _fields(ax, picture, known, projection, extent, detail=near or not near_axes)
    return extent


def _aspect(ax: Axes) -> float:
    """Width over height of the axes once the layout has settled."""
    fig = ax.get_figure()
    fig.draw_without_rendering()
    box = ax.get_window_extent()
    return float(box.width / box.height)


def _fields(
    ax: Axes, picture: Picture, known: pd.DataFrame, projection: Projection, extent: ground.Extent, *, detail: bool
) -> None:
    """Dots and names of fields, country names where room is left. Without detail only the chief ends are named."""
    box = ax.get_window_extent()
    per_nm = box.width / extent.width * 72 / ax.get_figure().dpi
    frame = labels.Box(0, 0, box.width * 72 / ax.get_figure().dpi, box.height * 72 / ax.get_figure().dpi)
    dots, taken = [], []
    for airport, weight, arrival in _weights(picture):
        lon, lat = _at(known, airport)
        x, y = (float(v) for v in projection(lat, lon))
        if not extent.holds(x, y):
            continue
        radius = 3.2 + 3.0 * weight**0.5
        colour = style.FLAGGED if arrival else style.SEEN
        ax.plot(x, y, "o", markersize=2 * radius, color=colour, alpha=0.28, markeredgewidth=0, zorder=5)
        ax.plot(x, y, "o", markersize=4.5, color=colour, markeredgecolor=style.PAPER, markeredgewidth=0.8, zorder=7)
        px, py = (x - extent.left) * per_nm, (y - extent.bottom) * per_nm
        taken.append(labels.Box(px - 4, py - 4, px + 4, py + 4))
        dots.append((airport, weight, arrival, px, py, radius))
    chief = {max(c, key=lambda k, c=c: c[k]) for c in (picture.origins, picture.ends) if c}  # type: ignore[misc]
    for airport, weight, arrival, px, py, radius in dots:
        if not (detail or not arrival or airport in chief):
            continue
        text = style.printable(known.loc[airport, "name"] or airport, 24)
        if arrival and detail:
            text += f"\n{weight:.1f} expected"
        spot = labels.place(px, py, text, style.SIZE - 1, taken, frame, away=max(6.0, radius * 0.8))
        taken.append(spot)
        ax.annotate(
            text,
            (spot.left, (spot.bottom + spot.top) / 2),
            xycoords=("axes points", "axes points"),
            va="center",
            fontsize=style.SIZE - 1,
            fontweight="bold" if airport in chief else "normal",
            linespacing=1.1,
            path_effects=ground.halo(),
            zorder=9,
        )
    for x, y, country in ground.named_countries(projection, extent):
        px, py = (x - extent.left) * per_nm, (y - extent.bottom) * per_nm
        half = len(country.name) * style.SMALL * 0.4
        spot = labels.Box(px - half, py - 7, px + half, py + 7)
        if all(spot.overlap(t) == 0 for t in taken) and spot.outside(frame) == 0:
            ax.text(
                x,
                y,
                country.name.upper(),
                ha="center",
                va="center",
                fontsize=style.SMALL - 1.5,
                color="#A39C8A",
                zorder=2.5,
            )
            taken.append(spot)


def _weights(picture: Picture) -> list[tuple[str, float, bool]]:
    """Fields, heaviest first; one that is both start and end is drawn as an end."""
    ends = [(a, w, True) for a, w in picture.ends.items()]
    starts = [(a, w, False) for a, w in picture.origins.items() if a not in picture.ends]
    return sorted(ends + starts, key=lambda item: -item[1])


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
    heading = style.printable(title, 60)
    if subtitle:
        heading += "\n"
    size = min(style.TITLE, style.TITLE * 46 / max(len(title), 1))
    text = fig.suptitle(heading, x=0.015, ha="left", fontsize=size, fontweight="bold", linespacing=1.5)
    if subtitle:
        fig.canvas.draw()
        box = text.get_window_extent().transformed(fig.transFigure.inverted())
        fig.text(0.015, box.y0 + 0.004, style.printable(subtitle, 90), color=style.QUIET, va="bottom")


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
        dot = dict(marker="o", linestyle="none", markersize=11, alpha=0.45, markeredgewidth=0)
        entries.append(Line2D([], [], color=style.FLAGGED, label="possible landing", **dot))
    fig.legend(
        handles=entries, loc="outside lower left", ncols=4, fontsize=style.SMALL, columnspacing=1.2, handletextpad=0.5
    )


def _nothing(title: str, attribution: str) -> Figure:
    fig = style.figure(4.0)
    ax = fig.subplots()
    ax.set_axis_off()
    ax.set_title(style.printable(title, 60))
    ax.text(0.5, 0.5, "no flight here has a known place", ha="center", va="center", color=style.QUIET)
    style.foot(fig, attribution)
    return fig
