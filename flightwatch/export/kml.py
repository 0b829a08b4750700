"""Tracks as KML 2.2 with times (gx:Track), as Google Earth plays them; every text escaped."""

from __future__ import annotations

import html
import re
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
import pandas as pd

from flightwatch.alerts.flightlist import end
from flightwatch.plots.picture import decoded
from flightwatch.units import FEET_PER_METRE, iso, millis

NOT_XML = re.compile("[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")
"""What XML 1.0 §2.2 does not allow at all, escaped or not."""


def text(value: object) -> str:
    """Text for an XML element.

    >>> text("<b>&\\x00RFF")
    '&lt;b&gt;&amp;RFF'
    """
    return escape(NOT_XML.sub("", str(value)))


def label(value: object) -> str:
    """Text for a name. Google Earth inserts it into the HTML of its balloon, and no name needs angle brackets there.

    >>> label("<b>RFF & co</b>")
    'bRFF &amp; co/b'
    """
    return text(re.sub("[<>]", "", str(value)))


def words(value: object) -> str:
    """Text for a description, which Google Earth reads as HTML: escaped for that, and once more for XML.

    >>> words("<b>")
    '&amp;lt;b&amp;gt;'
    """
    return text(html.escape(str(value)))


def kml(flights: pd.DataFrame, name: str = "flightwatch") -> bytes:
    """One placemark per flight. Heights are metres: geometric where known, else barometric, which is some hundred
    metres off the real height; 0 on the ground."""
    marks = [_placemark(flight) for flight in flights.to_dict("records")]
    body = "".join(m for m in marks if m)
    return (
        '<?xml version="1.0" encoding="UTF-8"?>\n'
        '<kml xmlns="http://www.opengis.net/kml/2.2" xmlns:gx="http://www.google.com/kml/ext/2.2">\n'
        f"<Document><name>{label(name)}</name>\n"
        '<Style id="flight"><LineStyle><color>ffb27200</color><width>2</width></LineStyle></Style>\n'
        f"{body}</Document></kml>\n"
    ).encode("utf-8", "replace")


def _placemark(flight: dict[Any, Any]) -> str:
    track = decoded(flight.get("track"))
    if track is None or track.empty:
        return ""
    who = " ".join(str(flight[k]) for k in ("callsign", "registration", "typecode") if flight.get(k))
    ends = f"{end(flight, 'departure', {}, 'from')} to {end(flight, 'arrival', {}, 'to')}"
    height = _metres(track)
    mode = "absolute" if np.isfinite(height).all() else "clampToGround"
    height = np.nan_to_num(height)
    whens = "".join(f"<when>{iso(t)}</when>" for t in track["time"])
    coords = "".join(
        f"<gx:coord>{lon:.5f} {lat:.5f} {high:.0f}</gx:coord>"
        for lon, lat, high in zip(track["longitude"], track["latitude"], height, strict=True)
    )
    return (
        f"<Placemark><name>{label(who or flight.get('icao24', ''))}</name>"
        f"<description>{words(flight.get('flight_id', ''))}: {words(ends)}</description>"
        f"<styleUrl>#flight</styleUrl><gx:Track><altitudeMode>{mode}</altitudeMode>{whens}{coords}</gx:Track>"
        "</Placemark>\n"
    )


def _metres(track: pd.DataFrame) -> Any:
    """Heights of the fixes; a missing one is taken from its neighbours in time, or the track would dive to the sea. All
    NaN if there are none."""
    height = track["altitude"].to_numpy(float)
    if "geoaltitude" in track:
        geometric = track["geoaltitude"].to_numpy(float)
        height = np.where(np.isfinite(geometric), geometric, height)
    height = np.where(track["onground"].to_numpy(bool), 0.0, height) / FEET_PER_METRE
    told = np.isfinite(height)
    if not told.any():
        return height
    when = millis(track["time"]).astype(float)
    return np.interp(when, when[told], height[told])
