"""The zoomable map: folium, as an option. Its scripts and tiles come from the network when the map is looked at."""

from __future__ import annotations

import html
from typing import Any

import pandas as pd

from flightwatch.alerts.words import moment
from flightwatch.errors import UsageError
from flightwatch.notify.clean import line
from flightwatch.plots import style
from flightwatch.plots.picture import Picture, collect


def escaped(text: object) -> str:
    """Text safe inside a folium popup: HTML escaped, and no back-tick or `${`, which open a JavaScript template there.

    >>> escaped("<img src=x onerror=alert(1)>`${1}`")
    '&lt;img src=x onerror=alert(1)&gt;&#96;&#36;&#123;1&#125;&#96;'
    """
    out = html.escape(line(str(text)))
    for sign in "`${}\\":
        out = out.replace(sign, f"&#{ord(sign)};")
    return out


def zoomable(flights: pd.DataFrame, airports: Any) -> Any:
    """A folium map of the flights: heard solid, inferred dashed, fields as circles with what is expected there."""
    try:
        import folium
    except ImportError:
        raise UsageError("a zoomable map needs folium: pip install 'flightwatch[notebook]'") from None
    known = getattr(airports, "frame", airports)
    chart = folium.Map(tiles="OpenStreetMap", control_scale=True)
    bounds: list[list[float]] = []
    for flight in flights.to_dict("records"):
        own = collect(pd.DataFrame([flight]), known)
        words = _words(flight)
        for solid in own.solid:
            folium.PolyLine(_latlon(solid), color=style.SEEN, weight=2.5, popup=folium.Popup(words)).add_to(chart)
            bounds += _latlon(solid)
        for dashed, share in own.dashed:
            folium.PolyLine(
                _latlon(dashed), color=style.FLAGGED, weight=1.5, opacity=0.2 + 0.6 * share, dash_array="6 5"
            ).add_to(chart)
            bounds += _latlon(dashed)
    _fields(folium, chart, collect(flights, known), known)
    if bounds:
        chart.fit_bounds(
            [
                [min(b[0] for b in bounds), min(b[1] for b in bounds)],
                [max(b[0] for b in bounds), max(b[1] for b in bounds)],
            ]
        )
    return chart


def _words(flight: dict[Any, Any]) -> str:
    when = moment(pd.Timestamp(flight["firstseen"]).to_pydatetime())
    who = [flight.get(k) or "" for k in ("callsign", "registration", "typecode", "icao24")]
    return f"<b>{escaped(' '.join(w for w in who if w))}</b><br>{escaped(when)}"


def _fields(folium: Any, chart: Any, picture: Picture, known: pd.DataFrame) -> None:
    for airport, weight in picture.ends.items():
        row = known.loc[airport]
        text = f"{escaped(row['name'] or airport)} ({escaped(airport)}): {weight:.1f} expected"
        folium.CircleMarker(
            (row["latitude"], row["longitude"]),
            radius=4 + 4 * weight**0.5,
            color=style.FLAGGED,
            fill=True,
            weight=1,
            popup=folium.Popup(text),
        ).add_to(chart)


def _latlon(line_: Any) -> list[list[float]]:
    return [[float(lat), float(lon)] for lon, lat in line_]
