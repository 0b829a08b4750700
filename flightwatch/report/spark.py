"""A route's last weeks as a small inline SVG: bars for flights, grey if poorly watched, red if flagged."""

from __future__ import annotations

import pandas as pd
from markupsafe import Markup

from flightwatch.plots import style
from flightwatch.plots.days import POORLY_WATCHED

HIGH, BAR = 30, 4  # px; sixty days make 240 px, which fits a phone
RECT = Markup('<rect x="{}" y="{}" width="{}" height="{}" fill="{}"/>')


def sparkline(days: pd.DataFrame, findings: pd.DataFrame, label: str) -> Markup:
    """The given days, oldest on the left. Also described in words for people who cannot see it (`role=img`,
    `aria-label`)."""
    flagged = set(pd.to_datetime(findings.loc[findings["flagged"], "day"])) if len(findings) else set()
    most = max(1.0, float(days["flights"].max())) if len(days) else 1.0
    wide = max(len(days), 1) * BAR
    parts = []
    for i, (day, flights, coverage) in enumerate(
        zip(pd.to_datetime(days["day"]), days["flights"], days["coverage"], strict=True)
    ):
        if coverage < POORLY_WATCHED:
            parts.append(RECT.format(i * BAR, 0, BAR, HIGH, style.FAINT))
        if flights > 0:
            high = max(1.5, (HIGH - 4) * float(flights) / most)
            colour = style.FLAGGED if day in flagged else style.SEEN
            parts.append(RECT.format(i * BAR + 0.5, f"{HIGH - high:.1f}", BAR - 1, f"{high:.1f}", colour))
    svg = Markup(
        '<svg class="spark" role="img" aria-label="{}" viewBox="0 0 {} {}" width="{}" height="{}" '
        'preserveAspectRatio="none">{}<line x1="0" x2="{}" y1="{}" y2="{}" stroke="{}"/></svg>'
    )
    return svg.format(label, wide, HIGH, wide, HIGH, Markup("").join(parts), wide, HIGH, HIGH, style.FAINT)
