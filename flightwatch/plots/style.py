"""The common style of all pictures: colours, type sizes, figures.

Colours are Okabe and Ito's palette (2008), which people with the common kinds of colour blindness can distinguish.
Nothing depends on colour alone (inferred is also hatched or dashed, flagged also has a mark). Type is sized so that a
picture 1280 px wide is still readable when Slack shows it 400 px wide on a phone: 13 pt at 6.4 in is 11 px there.
"""

from __future__ import annotations

import io
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from matplotlib import rc_context
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.dates import ConciseDateFormatter
from matplotlib.figure import Figure

SEEN = "#0072B2"
INFERRED = "#56B4E9"
FLAGGED = "#D55E00"
USUAL = "#009E73"
NEWCOMER = "#E69F00"
INK = "#1F2933"
QUIET = "#66727F"
FAINT = "#D5DBE1"
UNWATCHED = "#9AA5B1"
PAPER = "#FFFFFF"
SEA = "#E9F0F5"
LAND = "#F8F5EE"
COAST = "#8A97A3"
BORDER = "#C6C2B6"

WIDTH = 6.4  # inches
SIZE, SMALL, TITLE = 12.0, 10.0, 14.5  # points
LETTERS = 46  # of a title at full size, in one line of that width

RC: dict[str, Any] = {
    "font.family": "DejaVu Sans",  # included in matplotlib, so that every machine draws the same picture
    "font.size": SIZE,
    "axes.titlesize": TITLE,
    "axes.titleweight": "bold",
    "axes.titlelocation": "left",
    "axes.labelsize": SIZE,
    "axes.edgecolor": QUIET,
    "axes.labelcolor": INK,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.axisbelow": True,
    "xtick.color": QUIET,
    "ytick.color": QUIET,
    "xtick.labelcolor": INK,
    "ytick.labelcolor": INK,
    "xtick.labelsize": SIZE - 1,
    "ytick.labelsize": SIZE - 1,
    "text.color": INK,
    "text.parse_math": False,  # a callsign with two dollar signs is not a formula
    "legend.frameon": False,
    "legend.fontsize": SMALL,
    "legend.handlelength": 1.5,
    "hatch.linewidth": 0.8,
    "savefig.facecolor": PAPER,
    "figure.facecolor": PAPER,
    "figure.dpi": 100.0,
    "svg.hashsalt": "flightwatch",
}

ATTRIBUTION = "flightwatch"
MAP_ATTRIBUTION = "flightwatch · coasts: Natural Earth"


class Picture(Figure):
    """A Figure that shows itself in a notebook without pyplot and its list of open figures."""

    def _repr_png_(self) -> bytes:
        return to_png(self, round(self.get_figwidth() * 125))  # px: as wide as a notebook's column, sharp enough


def figure(height: float, *, width: float = WIDTH, fixed: bool = False) -> Figure:
    """An empty figure of that size in inches; made without pyplot, so that none pile up in a process that runs for
    months."""
    fig = Picture(figsize=(width, height), layout=None if fixed else "constrained")
    FigureCanvasAgg(fig)
    return fig


_drawing = threading.RLock()


@contextmanager
def styled() -> Iterator[None]:
    """The context of every drawing function. matplotlib's settings are global, so only one thread draws at a time."""
    with _drawing, rc_context(RC):
        yield


def dates(locator: Any) -> ConciseDateFormatter:
    """Day labels, with the month and year given once beside them.

    The three lists are for ticks that are years, months, days, hours, minutes and seconds: what a tick shows, what it
    shows where the next larger unit begins, and what is shown at the end of the axis.
    """
    return ConciseDateFormatter(
        locator,
        formats=["%Y", "%b", "%-d", "%H:%M", "%H:%M", "%H:%M"],
        zero_formats=["", "%Y", "%b", "%-d %b", "%H:%M", "%H:%M"],
        offset_formats=["", "%Y", "%B %Y", "%-d %B %Y UTC", "%-d %B %Y UTC", "%-d %B %Y UTC"],
    )


def foot(fig: Figure, text: str) -> None:
    """The small line at the bottom that says where the data come from."""
    fig.supxlabel(printable(text), x=0.99, ha="right", fontsize=SMALL - 1.5, color=QUIET)


def fitted(text: str, limit: int = 60) -> float:
    """The size, in points, at which a title, cut to `limit` letters by `printable`, fills one line of a picture of the
    usual width.

    >>> fitted("short"), round(fitted("x" * 58), 3), fitted("x" * 92) == fitted("x" * 60)
    (14.5, 11.5, True)
    """
    return min(TITLE, TITLE * LETTERS / max(min(len(text), limit), 1))


def printable(text: object, limit: int = 120) -> str:
    """Foreign text, safe to draw: control characters become spaces, long texts are cut.

    >>> printable("RFF\\n7\\x1b[31m")
    'RFF 7 [31m'
    """
    clean = "".join(c if c.isprintable() else " " for c in str(text))
    return clean if len(clean) <= limit else clean[: limit - 1] + "…"


def to_png(fig: Figure, width: int = 1280) -> bytes:
    """The picture as PNG, `width` pixels wide; the same figure gives the same bytes."""
    out = io.BytesIO()
    with styled():
        fig.savefig(out, format="png", dpi=width / fig.get_figwidth(), metadata={"Software": None})
    return out.getvalue()
