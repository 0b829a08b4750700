"""The zoomable map: folium, as an option. Its scripts and tiles come from the network when the map is viewed."""

from __future__ import annotations

import html
from typing import Any

import numpy as np
import pandas as pd

from flightwatch.alerts.words import moment
from flightwatch.errors import UsageError
from flightwatch.notify.clean import line
from flightwatch.plots import style
from flightwatch.plots.picture import Picture, collect
from flightwatch.plots.projection import centred_on


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
    """A folium map of the flights: heard solid, inferred dashed, fields as circles for the flights expected there."""
    try:
        import folium
    except ImportError:
        raise UsageError("a zoomable map needs folium: pip install 'flightwatch[notebook]'") from None
    known = getattr(airports, "frame", airports)
    chart = folium.Map(tiles="OpenStreetMap", control_scale=True)
    bounds: list[list[float]] = []
    middle = _middle(collect(flights, known))
    for flight in flights.to_dict("records"):
        own = collect(pd.DataFrame([flight]), known)
        words = _words(flight)
        for solid in own.solid:
            folium.PolyLine(_latlon(solid, middle), color=style.SEEN, weight=2.5, popup=folium.Popup(words)).add_to(
                chart
            )
            bounds += _latlon(solid, middle)
        for dashed, share, *_ in own.dashed:
            folium.PolyLine(
                _latlon(dashed, middle), color=style.FLAGGED, weight=1.5, opacity=0.2 + 0.6 * share, dash_array="6 5"
            ).add_to(chart)
            bounds += _latlon(dashed, middle)
    _fields(folium, chart, collect(flights, known), known, middle)
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


def _fields(folium: Any, chart: Any, picture: Picture, known: pd.DataFrame, middle: float) -> None:
    for airport, weight in picture.ends.items():
        row = known.loc[airport]
        text = f"{escaped(row['name'] or airport)} ({escaped(airport)}): {weight:.1f} expected"
        folium.CircleMarker(
            _latlon([(row["longitude"], row["latitude"])], middle)[0],
            radius=4 + 4 * weight**0.5,
            color=style.FLAGGED,
            fill=True,
            weight=1,
            popup=folium.Popup(text),
        ).add_to(chart)


def _middle(picture: Picture) -> float:
    """The longitude at the centre of the map: the tiles repeat, so a line across the date line can continue beyond
    180°."""
    points = [np.asarray(line) for line in (*picture.solid, *(dash.line for dash in picture.dashed))]
    if not points:
        return 0.0
    every = np.concatenate(points)
    return centred_on(every[:, 1], every[:, 0]).longitude


def _latlon(line_: Any, middle: float) -> list[list[float]]:
    """Latitude and longitude; each longitude is the one nearest to the one before, the first nearest to the map's
    middle."""
    lon, lat = np.asarray(line_, dtype=float).T
    lon = np.unwrap(lon, period=360.0)
    lon = lon - 360.0 * np.round((lon[0] - middle) / 360.0)
    return [[float(y), float(x)] for y, x in zip(lat, lon, strict=True)]
