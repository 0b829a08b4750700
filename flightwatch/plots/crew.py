"""Who flies: airframes by day with newcomers marked; and what made a day strange, feature by feature."""

from __future__ import annotations

from typing import Any

import pandas as pd
from matplotlib.dates import AutoDateLocator, date2num
from matplotlib.figure import Figure
from matplotlib.lines import Line2D

from flightwatch.detection.words import FEATURES
from flightwatch.plots import style

NEW_AFTER_DAYS = 180  # an airframe absent from the route for this long counts as new, as in the route-day's newcomers
ROWS = 16  # more rows cannot be read on a phone; the others are named in one line


def aircraft_strip(
    flights: pd.DataFrame,
    *,
    history: pd.DataFrame | None = None,
    title: str = "Aircraft by day",
    attribution: str = style.ATTRIBUTION,
) -> Figure:
    """One row per airframe, a mark per flight, in order of first appearance; a star if the airframe is new.

    An airframe is new if it has no flight in the 180 days before, among `flights` (FLIGHT rows of the route) and
    `history`, the earlier ones, which are not drawn. One that flies from the very first days of both may only look new.
    """
    with style.styled():
        flown = flights.assign(day=flights["firstseen"].dt.tz_convert(None)).sort_values("firstseen")
        flown = flown.assign(new=_new(flown, flown if history is None else pd.concat([history, flown])))
        first = flown.groupby("icao24")["firstseen"].min().sort_values(ascending=False)
        shown = first.index[:ROWS][::-1]
        fig = style.figure(1.7 + 0.32 * max(len(shown), 2))
        ax = fig.subplots()
        ax.set_title(style.printable(title, 60), fontsize=style.fitted(title), pad=28)
        for row, icao24 in enumerate(shown):
            own = flown[flown["icao24"] == icao24]
            new = own["new"]
            ax.plot(date2num(own["day"]), [row] * len(own), "-", color=style.FAINT, linewidth=2, zorder=1)
            ax.plot(date2num(own.loc[~new, "day"]), [row] * int((~new).sum()), "o", color=style.SEEN, ms=7, mec="w")
            ax.plot(
                date2num(own.loc[new, "day"]),
                [row] * int(new.sum()),
                "*",
                color=style.NEWCOMER,
                ms=14,
                mec=style.INK,
                mew=0.6,
            )
        ax.set_yticks(range(len(shown)), [_name(flown, icao24) for icao24 in shown])
        ax.set_ylim(len(shown) - 0.4, -0.6)
        ax.grid(axis="y", color=style.FAINT, linewidth=0.6)
        locator = AutoDateLocator(minticks=3, maxticks=6)
        ax.xaxis.set_major_locator(locator)
        ax.xaxis.set_major_formatter(style.dates(locator))
        ax.spines["left"].set_visible(False)
        ax.tick_params(axis="y", length=0)
        _strip_legend(ax, len(first) - len(shown))
        style.foot(fig, attribution)
    return fig


def _new(flown: pd.DataFrame, known: pd.DataFrame) -> Any:
    """Which of the flights are the first of their airframe in 180 days, among all those known."""
    every = known[["icao24", "firstseen"]].drop_duplicates().sort_values("firstseen")
    since = every.groupby("icao24")["firstseen"].diff()
    first = every[since.isna() | (since > pd.Timedelta(days=NEW_AFTER_DAYS))]
    return pd.MultiIndex.from_frame(flown[["icao24", "firstseen"]]).isin(pd.MultiIndex.from_frame(first))


def _name(flown: pd.DataFrame, icao24: str) -> str:
    """Registration if known, else the address; and the type."""
    row = flown[flown["icao24"] == icao24].iloc[-1]
    who = style.printable(row.get("registration") or icao24, 10)
    kind = style.printable(row.get("typecode") or "", 4)
    return f"{who} {kind}".strip()


def _strip_legend(ax: Any, left_out: int) -> None:
    entries = [
        Line2D(
            [],
            [],
            marker="*",
            color=style.NEWCOMER,
            mec=style.INK,
            mew=0.6,
            ms=13,
            linestyle="none",
            label=f"first here in {NEW_AFTER_DAYS} days",
        ),
        Line2D([], [], marker="o", color=style.SEEN, ms=7, linestyle="none", label="flown before"),
    ]
    if left_out > 0:
        entries.append(Line2D([], [], linestyle="none", label=f"and {left_out} earlier aircraft"))
    ax.legend(
        handles=entries, loc="lower left", bbox_to_anchor=(-0.012, 0.985), ncols=3, borderpad=0, handletextpad=0.3
    )


def contributions(
    finding: Any, *, title: str = "What made it strange", attribution: str = style.ATTRIBUTION, most: int = 8
) -> Figure:
    """A bar per feature of a finding: to the right what made the day stranger, to the left what made it more usual.

    `finding` is a FINDING row (or a mapping with `contributions`): feature -> share of the score, positive stranger.
    """
    shares = dict(finding["contributions"] or {})
    largest = sorted(shares, key=lambda k: -abs(shares[k]))[:most]
    with style.styled():
        fig = style.figure(1.5 + 0.38 * max(len(largest), 2))
        ax = fig.subplots()
        fig.suptitle(style.printable(title, 60), x=0.015, ha="left", fontsize=style.fitted(title), fontweight="bold")
        values = [float(shares[k]) for k in largest]
        colours = [style.FLAGGED if v > 0 else style.SEEN for v in values]
        bars = ax.barh(range(len(largest)), values, color=colours, height=0.66)
        for bar, value in zip(bars, values, strict=True):
            if value < 0:
                bar.set(hatch="////", edgecolor=style.PAPER)
        ax.bar_label(bars, [f"{v:+.2f}" for v in values], padding=3, fontsize=style.SMALL)
        ax.set_yticks(range(len(largest)), [FEATURES.get(k, style.printable(k, 28)) for k in largest])
        ax.set_ylim(len(largest) + 0.25, -0.6)
        ax.axvline(0, color=style.QUIET, linewidth=0.9)
        reach = max([abs(v) for v in values] or [1.0])
        ax.set_xlim(min(0.0, *values, 0.0) - 0.16 * reach, max(0.0, *values, 0.0) + 0.16 * reach)
        ax.set_xticks([])
        for at, side, words in ((0.02, "left", "stranger ▸"), (-0.02, "right", "◂ more usual")):
            if side == "left" or min(values, default=0.0) < 0:
                ax.text(at * reach, len(largest) - 0.25, words, ha=side, va="top", color=style.QUIET)
        for side in ("left", "bottom"):
            ax.spines[side].set_visible(False)
        ax.tick_params(axis="y", length=0)
        if not largest:
            ax.text(0.5, 0.5, "nothing recorded", transform=ax.transAxes, ha="center", color=style.QUIET)
        style.foot(fig, attribution)
    return fig
