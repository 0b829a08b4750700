"""A calendar of a route: one square per day, one column per week."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.patches import Patch, Rectangle

from flightwatch.plots import style

SHADES = LinearSegmentedColormap.from_list("flights", ["#D4E7F5", "#7FBCE0", style.SEEN, "#00395C"])
WEEKS_A_ROW = 27  # half a year: squares stay 9 px wide in a phone's preview
SPARE_WEEKS = 3  # up to this many more are squeezed in rather than put in a row of their own
POORLY_WATCHED = 0.7


def calendar(
    days: pd.DataFrame,
    findings: pd.DataFrame | None = None,
    *,
    title: str | None = None,
    attribution: str = style.ATTRIBUTION,
) -> Figure:
    """Flights per day as squares, Monday on top; flagged days framed, poorly watched days crossed out.

    `days` are ROUTE_DAY rows of one route. A square without colour is a day that was watched and on which nothing flew;
    a hatched one was not watched well enough to say so.
    """
    days = days.sort_values("day")
    with style.styled():
        name = str(days["route"].iloc[0]) if len(days) and "route" in days else ""
        rows = _rows(days)
        fig = style.figure(1.25 + 1.55 * max(len(rows), 1))
        axes = fig.subplots(max(len(rows), 1), 1, squeeze=False)[:, 0]
        heading = title or name
        fig.suptitle(
            style.printable(heading, 60),
            x=0.015,
            ha="left",
            fontweight="bold",
            fontsize=style.fitted(heading),
        )
        most = max(1.0, float(days["flights"].max())) if len(days) else 1.0
        flagged = set()
        if findings is not None and len(findings):
            flagged = set(pd.to_datetime(findings.loc[findings["flagged"], "day"]))
        wide = max((_week(part).max() + 1 for part in rows), default=0)
        for ax, part in zip(axes, rows, strict=False):
            _draw(ax, part, most, flagged, int(wide))
        if not rows:
            axes[0].set_axis_off()
            axes[0].text(0.5, 0.5, "no days yet", ha="center", color=style.QUIET)
        _legend(fig, most, bool(flagged))
        style.foot(fig, attribution)
    return fig


def _rows(days: pd.DataFrame) -> list[pd.DataFrame]:
    """The days in equal stretches of about half a year, the last one ending with the last day."""
    if days.empty:
        return []
    week = _week(days)
    weeks = int(week.max()) + 1
    rows = math.ceil(max(weeks - SPARE_WEEKS, 1) / WEEKS_A_ROW)
    row = (weeks - 1 - week) // math.ceil(weeks / rows)
    return [part for _, part in sorted(days.groupby(row.to_numpy()), key=lambda item: -item[0])]


def _week(days: pd.DataFrame) -> pd.Series:
    """The calendar week of each day, counted from the week of the first."""
    stamps = pd.to_datetime(days["day"])
    monday = stamps - pd.to_timedelta([s.weekday() for s in stamps], unit="D")
    return (monday - monday.min()).dt.days // 7


def _draw(ax: Any, days: pd.DataFrame, most: float, flagged: set[pd.Timestamp], wide: int) -> None:
    stamps = pd.to_datetime(days["day"])
    first = stamps.min() - pd.Timedelta(days=stamps.min().weekday())
    coverage = days["coverage"] if "coverage" in days else pd.Series(1.0, index=days.index)
    for stamp, flights, seen in zip(stamps, days["flights"], coverage, strict=True):
        column, row = (stamp - first).days // 7, stamp.weekday()
        face = SHADES(min(1.0, flights / most) ** 0.7) if flights > 0.05 else style.PAPER
        poor = seen < POORLY_WATCHED
        ax.add_patch(
            Rectangle(
                (column + 0.06, row + 0.06),
                0.88,
                0.88,
                facecolor=style.FAINT if poor and flights <= 0.05 else face,
                edgecolor=style.UNWATCHED if poor else style.FAINT,
                hatch="xxxx" if poor else None,
                linewidth=0.6,
            )
        )
        if stamp in flagged:
            ax.add_patch(
                Rectangle(
                    (column + 0.1, row + 0.1), 0.8, 0.8, fill=False, edgecolor=style.FLAGGED, linewidth=2.2, zorder=3
                )
            )
    months = [s for s in stamps if s.day == 1 or s == stamps.min()]
    months = [m for i, m in enumerate(months) if i + 1 == len(months) or (months[i + 1] - m).days > 20]
    labels = [m.strftime("%b %Y") if m.month == 1 or i == 0 else m.strftime("%b") for i, m in enumerate(months)]
    ax.set_xticks([(m - first).days // 7 + 0.5 for m in months], labels, ha="left")
    ax.set_yticks([0.5, 2.5, 4.5, 6.5], ["Mon", "Wed", "Fri", "Sun"])
    ax.set_xlim(0, max(wide, WEEKS_A_ROW))
    ax.set_ylim(7, 0)
    ax.set_aspect("equal")
    ax.tick_params(length=0, pad=2)
    for spine in ax.spines.values():
        spine.set_visible(False)


def _legend(fig: Figure, most: float, flagged: bool) -> None:
    steps = np.unique(np.round(np.linspace(1, max(most, 1), 3)))
    entries: list[Any] = [Patch(facecolor=style.PAPER, edgecolor=style.UNWATCHED, label="none")]
    entries += [Patch(facecolor=SHADES(min(1.0, s / most) ** 0.7), label=f"{s:.0f}") for s in steps]
    entries.append(
        Patch(facecolor=style.FAINT, edgecolor=style.UNWATCHED, hatch="xxxx", linewidth=0.6, label="poorly watched")
    )
    if flagged:
        entries.append(Patch(fill=False, edgecolor=style.FLAGGED, linewidth=2.2, label="flagged"))
    fig.legend(
        handles=entries,
        loc="outside lower left",
        ncols=len(entries),
        fontsize=style.SMALL,
        handlelength=1.1,
        columnspacing=0.9,
        title="flights that day",
        title_fontsize=style.SMALL,
        alignment="left",
    )
