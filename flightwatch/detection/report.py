"""A backtest as one self-contained HTML page: tables and inline pictures, no scripts, nothing loaded."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from flightwatch.detection.walk import Backtest
from flightwatch.words import number, odds

WIDTH, HEIGHT = 640, 90  # px; a line of the table
BEFORE, AFTER = 60, 30  # days shown around an episode: what was usual, and what came after
MOST_PICTURES = 200  # so that a browser opens the page at once; the table lists every alert

PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{{ title }}</title>
<meta name="viewport" content="width=device-width">
<style>
body { font: 15px/1.45 system-ui, sans-serif; margin: 2rem auto; max-width: 62rem; padding: 0 1rem; color: #1d2730; }
table { border-collapse: collapse; margin: 1rem 0; } td, th { padding: .25rem .7rem .25rem 0; text-align: left;
vertical-align: top; border-bottom: 1px solid #dde3e8; } td.n { text-align: right; font-variant-numeric: tabular-nums; }
td.n, td.day { white-space: nowrap; }
h2 { margin-top: 2rem; } h3 { margin: 1.6rem 0 .2rem; font-size: 1rem; } svg { max-width: 100%; height: auto; }
ul { margin: .2rem 0 .6rem; padding-left: 1.2rem; } .small { color: #5a6772; font-size: .9rem; }
</style></head><body>
<h1>{{ title }}</h1>
<p>From {{ s.first_day }} to {{ s.last_day }}, {{ s.routes }} route{{ "" if s.routes == 1 else "s" }}
({{ s.route_years }} watched route-years). Every day was judged with only what was known then.</p>
<table>
<tr><th>Alerts that would have opened</th><td class="n">{{ s.alerts }}</td></tr>
<tr><th>of these on ordinary traffic, expected at the stated {{ s.stated_false_alerts_per_route_year }} per
route-year</th>
<td class="n">{{ s.false_alerts_expected }}</td></tr>
<tr><th>Days flagged</th><td class="n">{{ s.flagged_days }}</td></tr>
{% for reason, days in s.held_back_days.items() %}<tr><th>Days held back: {{ reason }}</th>
<td class="n">{{ days }}</td></tr>
{% endfor %}</table>
<h2>Alerts</h2>
{% if not alerts %}<p>None.</p>{% else %}
<table><tr><th>opened</th><th>route</th><th>since</th><th>until</th><th>what</th>
<th>ordinary days as strange</th></tr>
{% for a in alerts %}<tr><td class="day">{{ a.opened }}</td><td>{{ a.route }}</td><td class="day">{{ a.since }}</td>
<td class="day">{{ a.last_day }}</td>
<td>{{ a.headline }}</td><td class="n">{{ a.odds }}</td></tr>
{% endfor %}</table>{% endif %}
{% for a in alerts if a.picture %}
<h3>{{ a.route }}: {{ a.headline }}</h3>
<ul>{% for reason in a.reasons %}<li>{{ reason }}</li>{% endfor %}</ul>
<svg viewBox="0 0 {{ width }} {{ height + 14 }}" width="{{ width }}" role="img" aria-label="flights per day">
{% for b in a.picture.bars %}<rect x="{{ b.x }}" y="{{ b.y }}" width="{{ b.w }}" height="{{ b.h }}"
fill="{{ b.fill }}"><title>{{ b.title }}</title></rect>
{% endfor %}<polyline points="{{ a.picture.usual }}" fill="none" stroke="#33556b" stroke-width="1.5"/>
<line x1="0" y1="{{ height }}" x2="{{ width }}" y2="{{ height }}" stroke="#9aa7b1"/>
<text x="0" y="{{ height + 12 }}" font-size="10" fill="#5a6772">{{ a.picture.first }}</text>
<text x="{{ width }}" y="{{ height + 12 }}" font-size="10" fill="#5a6772" text-anchor="end">{{ a.picture.last }}</text>
<text x="2" y="10" font-size="10" fill="#5a6772">{{ a.picture.most }} a day</text></svg>
{% endfor %}
<p class="small">Bars: flights per day, red on days that were flagged, pale where coverage was under half. Line: usual
flights per day. "Ordinary days as strange": how many days of ordinary traffic on a route look at least as strange, as
the calibration estimates it. It cannot tell odds below 1 in 3,300 apart: those read "at most".
Models: {% for m in s.models %}{{ m.id }} (trained on days up to {{ m.trained_to }}){{ "" if loop.last
else ", " }}{% endfor %}.</p>
</body></html>
"""


def backtest_report(result: Backtest, *, title: str = "Backtest") -> str:
    """The page. All text is escaped: route names come from users and feeds."""
    from jinja2 import Environment

    by_route = dict(list(result.days.groupby("route", sort=False)))
    alerts = []
    for i, row in enumerate(result.alerts.to_dict("records")):
        alerts.append(
            {
                **{k: f"{row[k]:%Y-%m-%d}" for k in ("opened", "since", "last_day")},
                "route": row["route"],
                "headline": row["headline"],
                "reasons": [r for r in row["reasons"] if r != row["headline"]],
                "odds": odds(row["probability"]),
                "picture": _picture(by_route[row["route"]], row) if i < MOST_PICTURES else None,
            }
        )
    page = Environment(autoescape=True).from_string(PAGE)
    return str(page.render(title=title, s=result.summary, alerts=alerts, width=WIDTH, height=HEIGHT))


def _picture(days: pd.DataFrame, alert: dict[str, Any]) -> dict[str, Any]:
    """Bars and line of an episode and the days around it, in the picture's coordinates."""
    low, high = alert["since"] - pd.Timedelta(days=BEFORE), alert["last_day"] + pd.Timedelta(days=AFTER)
    near = days[(days["day"] >= low) & (days["day"] <= high)]
    most = max(float(near["flights"].max()), float(np.nanmax(near["usual"])), 1.0)
    step = WIDTH / len(near)
    bars, line = [], []
    for i, d in enumerate(near.itertuples()):
        tall = HEIGHT * d.flights / most
        fill = "#c0392b" if d.flagged else ("#8fa6b5" if d.coverage >= 0.5 else "#d5dee4")
        title = f"{d.day:%Y-%m-%d}: {number(d.flights)} flights, coverage {d.coverage:.0%}"
        if d.flights > 0:
            place = {"x": i * step, "y": HEIGHT - tall, "w": max(step * 0.85, 0.5), "h": tall}
            bars.append({**{k: round(v, 2) for k, v in place.items()}, "fill": fill, "title": title})
        if np.isfinite(d.usual):
            line.append(f"{(i + 0.5) * step:.1f},{HEIGHT - HEIGHT * d.usual / most:.1f}")
    first, last = near["day"].iloc[0], near["day"].iloc[-1]
    ends = {"first": f"{first:%Y-%m-%d}", "last": f"{last:%Y-%m-%d}", "most": number(most)}
    return {"bars": bars, "usual": " ".join(line), **ends}
