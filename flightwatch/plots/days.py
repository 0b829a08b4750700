"""A route through time: flights per day or week against what is usual, and a calendar."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.dates import AutoDateLocator, date2num
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle
from matplotlib.ticker import MaxNLocator

from flightwatch.plots import style
from flightwatch.words import number

DAILY_UP_TO = 60  # days: beyond, daily bars are thinner than a pixel of a phone's preview, so bars are weeks
LEARNT_DAYS = 60  # watched days before a route is judged at all; until then the usual level is a guess, and not drawn
POORLY_WATCHED = 0.7  # coverage below which a day is shaded; the shade deepens as coverage falls


@dataclass(frozen=True)
class Bars:
    """The days grouped in equal bars that end with the last day: `start` day number, then the contents of each bar.

    The first bar may reach back before the first day; `first` is where the days begin.
    """

    first: float
    start: Any
    flights: Any
    confirmed: Any
    coverage: Any
    flagged: Any
    usual: Any
    upper: Any
    width: int


def route_days(
    days: pd.DataFrame,
    findings: pd.DataFrame | None = None,
    *,
    title: str | None = None,
    every: int | None = None,
    attribution: str = style.ATTRIBUTION,
) -> Figure:
    """Flights on one route through time, seen and inferred stacked, against the usual range.

    `days` are ROUTE_DAY rows of one route, `findings` its FINDING rows. `every` is the width of a bar in days (default:
    1 up to 60 days, else 7). The band is the findings' 5-95 % range, scaled from their window to a bar's width (mean in
    proportion, spread by the square root). Shaded bars were poorly watched; triangles mark flagged days.
    """
    days = days.sort_values("day")
    with style.styled():
        fig = style.figure(4.0)
        ax = fig.subplots()
        name = str(days["route"].iloc[0]) if len(days) and "route" in days else ""
        width = every or (1 if len(days) <= DAILY_UP_TO else 7)
        unit = {1: "day", 7: "week"}.get(width, f"{width} days")
        ax.set_title(style.printable(title or name, 60), pad=34, fontsize=style.fitted(title or name))
        ax.text(0, 1.105, f"Flights per {unit} (UTC)", transform=ax.transAxes, color=style.QUIET)
        if days.empty:
            _nothing(ax)
        else:
            bars = gather(days, findings, width)
            _draw(ax, bars)
            _callout(ax, findings, bars)
        style.foot(fig, attribution)
    return fig


def gather(days: pd.DataFrame, findings: pd.DataFrame | None, width: int) -> Bars:
    """Sums per bar. Missing days in between count as not watched; those before the first were not asked for.

    >>> d = pd.DataFrame({"day": pd.to_datetime(["2024-12-01", "2024-12-03"]), "flights": [1.0, 2.0]})
    >>> b = gather(d, None, 2)
    >>> b.flights.tolist(), b.coverage.tolist()
    ([1.0, 2.0], [1.0, 0.5])
    """
    stamps = pd.to_datetime(days["day"])
    last = stamps.max()
    spanned = (last - stamps.min()).days + 1
    count = max(1, math.ceil(spanned / width))
    lasting = np.full(count, width)
    lasting[0] = spanned - width * (count - 1)
    place = count - 1 - np.asarray((last - stamps).dt.days) // width

    def total(column: str, default: float, frame: pd.DataFrame = days, where: Any = place) -> Any:
        values = frame[column].to_numpy(float) if column in frame else np.full(len(frame), default)
        return np.bincount(where, np.nan_to_num(values), minlength=count)

    flights = total("flights", 0.0)
    flagged, usual, upper = np.zeros(count, bool), np.full(count, np.nan), np.full(count, np.nan)
    if findings is not None and len(findings):
        at = count - 1 - np.asarray((last - pd.to_datetime(findings["day"])).dt.days) // width
        own = findings[(at >= 0) & (at < count)].assign(at=at[(at >= 0) & (at < count)])
        flagged = np.bincount(own["at"], own["flagged"].to_numpy(float), minlength=count) > 0
        if "history_days" in own:
            own = own[own["history_days"] >= LEARNT_DAYS]
        scale = lasting[own["at"]] / own["window_days"].clip(lower=1)
        own = own.assign(mean=own["expected"] * scale, rise=(own["upper"] - own["expected"]).clip(lower=0) * scale**0.5)
        means = own.groupby("at")[["mean", "rise"]].mean()
        usual[means.index] = means["mean"]
        upper[means.index] = means["mean"] + means["rise"]
    start = date2num(last.to_pydatetime()) + 1 - width * np.arange(count, 0, -1)
    confirmed = np.minimum(total("confirmed", 0.0), flights)
    coverage = total("coverage", 1.0) / lasting
    first = float(date2num(stamps.min().to_pydatetime()))
    return Bars(first, start, flights, confirmed, coverage, flagged, usual, upper, width)


def _draw(ax: Axes, bars: Bars) -> None:
    middle, thick = bars.start + bars.width / 2, bars.width * 0.82
    top = max(1.0, float(np.nanmax([*bars.flights, *np.nan_to_num(bars.upper)]))) * 1.28
    for start, coverage in zip(bars.start, bars.coverage, strict=True):
        if coverage < POORLY_WATCHED:
            shade = {"facecolor": style.UNWATCHED, "alpha": 0.15 + 0.4 * (1 - coverage), "linewidth": 0, "zorder": 0}
            ax.add_patch(Rectangle((start, 0), bars.width, top, **shade))
    if np.isfinite(bars.upper).any():
        edges = np.append(bars.start, bars.start[-1] + bars.width)
        ax.stairs(bars.upper, edges, baseline=0, fill=True, color=style.USUAL, alpha=0.22, linewidth=0, zorder=1)
        ax.stairs(bars.usual, edges, baseline=None, color=style.USUAL, linewidth=1.6, linestyle=(0, (4, 2)), zorder=4)
    inferred = bars.flights - bars.confirmed
    ax.bar(middle, bars.confirmed, thick, color=style.SEEN, zorder=3)
    ax.bar(
        middle,
        inferred,
        thick,
        bottom=bars.confirmed,
        color=style.INFERRED,
        edgecolor=style.PAPER,
        hatch="////",
        linewidth=0,
        zorder=3,
    )
    marks = bars.flagged
    ax.plot(middle[marks], bars.flights[marks] + top * 0.035, "v", color=style.FLAGGED, markersize=8, zorder=5)
    ax.set_ylim(0, top)
    ax.set_xlim(bars.first, bars.start[-1] + bars.width)
    ax.yaxis.set_major_locator(MaxNLocator(5, integer=True))
    ax.grid(axis="y", color=style.FAINT, linewidth=0.7)
    locator = AutoDateLocator(minticks=3, maxticks=7)
    ax.xaxis.set_major_locator(locator)
    ax.xaxis.set_major_formatter(style.dates(locator))
    _legend(ax, bars)


def _legend(ax: Axes, bars: Bars) -> None:
    entries: list[Any] = [
        Patch(facecolor=style.SEEN, label="both ends seen"),
        Patch(facecolor=style.INFERRED, edgecolor=style.PAPER, hatch="////", linewidth=0, label="end inferred"),
    ]
    if np.isfinite(bars.upper).any():
        entries.append(Patch(facecolor=style.USUAL, alpha=0.35, label="usual"))
    if bars.flagged.any():
        mark = ax.plot([], [], "v", color=style.FLAGGED, markersize=8, linestyle="none", label="flagged")
        entries.append(mark[0])
    if (bars.coverage < POORLY_WATCHED).any():
        entries.append(Patch(facecolor=style.UNWATCHED, alpha=0.5, label="poorly watched"))
    ax.legend(
        handles=entries,
        loc="lower left",
        bbox_to_anchor=(-0.012, 0.985),
        ncols=len(entries),
        columnspacing=0.9,
        handletextpad=0.4,
        borderpad=0,
        fontsize=style.SMALL - 0.5,
    )


def _callout(ax: Axes, findings: pd.DataFrame | None, bars: Bars) -> None:
    """The strangest flagged day in words: people read this before any bar."""
    if findings is None or findings.empty or not findings["flagged"].any():
        return
    worst = findings[findings["flagged"]].sort_values(["score", "day"]).iloc[-1]
    words = f"{number(worst['observed'])} in {int(worst['window_days'])} days\nusual {number(worst['expected'])}"
    at = date2num(pd.Timestamp(worst["day"]).to_pydatetime())
    left = at > bars.start[0] + 0.45 * (bars.start[-1] - bars.start[0])
    index = int(np.clip(np.searchsorted(bars.start, at, "right") - 1, 0, len(bars.start) - 1))
    start = float(bars.start[np.flatnonzero(bars.flagged)[0]]) if bars.flagged.any() else at
    edge = min(start, at) - bars.width if left else bars.start[index] + bars.width * 1.5
    ax.annotate(
        words,
        (edge, ax.get_ylim()[1] * 0.86),
        ha="right" if left else "left",
        va="center",
        color=style.FLAGGED,
        fontweight="bold",
        fontsize=style.SIZE,
        linespacing=1.25,
        zorder=6,
    )


def _nothing(ax: Axes) -> None:
    ax.text(0.5, 0.5, "nothing recorded on this route", ha="center", va="center", color=style.QUIET)
    ax.set_axis_off()
