"""Distances, bearings and shapes on a spherical earth, for whole columns at a time.

All functions take and return numpy arrays (or plain numbers) in degrees and nautical miles, and broadcast as numpy
does.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import numpy.typing as npt

from flightwatch import compiled, series

Floats = npt.NDArray[np.float64]
Numbers = npt.ArrayLike

EARTH_RADIUS_NM = 6371.0088 / 1.852  # mean radius (2a + b)/3 of WGS84, Moritz 2000
RADIAN = np.pi / 180
STRETCH = 1 << 14  # points of a path per pass: this many temporaries fit in the nearest cache


def distance(lat1: Numbers, lon1: Numbers, lat2: Numbers, lon2: Numbers) -> Any:
    """Great-circle distance in nautical miles (haversine, exact for small distances too).

    On a sphere, so up to 0.5 % off the geodesic: 8 NM between Moscow and Benghazi, which never changes the airport
    we pick.

    >>> round(float(distance(55.5915, 37.2615, 32.0968, 20.2695)))
    1581
    """
    a, b = np.radians(lat1), np.radians(lat2)
    half = np.sin((b - a) / 2) ** 2 + np.cos(a) * np.cos(b) * np.sin(np.radians(np.subtract(lon2, lon1)) / 2) ** 2
    return 2 * EARTH_RADIUS_NM * np.arcsin(np.sqrt(np.minimum(half, 1.0)))


def steps(lat: Floats, lon: Floats) -> Floats:
    """Nautical miles from each point to the next, as in `distance`: one fewer than there are points.

    Fixes are close together, where a few terms of a series are as exact as sine and arc sine and take a third of the
    time; the few longer steps are measured by `distance`. It works stretch by stretch, because on whole columns each
    pass would read them all from memory again (both: a million fixes, benchmarks/ingest).

    >>> steps(np.array([0.0, 0.1, 1.1]), np.zeros(3)).round(3).tolist()
    [6.004, 60.041]
    """
    out = np.empty(max(len(lat) - 1, 0))
    loops = compiled.loops()
    lat, lon = compiled.shown(lat), compiled.shown(lon)
    for lo in range(0, len(out), STRETCH):
        points, here = slice(lo, lo + STRETCH + 1), out[lo : lo + STRETCH]
        if loops is None:
            _short_steps(lat[points], lon[points], here)
        else:
            loops.short_steps(lat[points], lon[points], RADIAN, 2 * EARTH_RADIUS_NM, here)
        far = np.flatnonzero(~(here >= 0)) + lo
        out[far] = distance(lat[far], lon[far], lat[far + 1], lon[far + 1])
    return out


def _short_steps(lat: Floats, lon: Floats, out: Floats) -> None:
    """Nautical miles from each point to the next; -1 where the series do not hold."""
    north, east = np.diff(lat) * (RADIAN / 2), np.diff(lon) * (RADIAN / 2)
    shrink = series.cosine(lat * RADIAN)
    near = np.maximum(np.abs(north), np.abs(east)) < series.CLOSE
    arc = series.half_arc(series.sine(north), series.sine(east), shrink[:-1] * shrink[1:])
    out[:] = np.where(near, 2 * EARTH_RADIUS_NM * arc, -1.0)


def bearing(lat1: Numbers, lon1: Numbers, lat2: Numbers, lon2: Numbers) -> Any:
    """Initial great-circle bearing from the first point to the second, degrees true in [0, 360).

    >>> round(float(bearing(55.5915, 37.2615, 32.0968, 20.2695)))
    214
    """
    a, b = np.radians(lat1), np.radians(lat2)
    turn = np.radians(np.subtract(lon2, lon1))
    east = np.sin(turn) * np.cos(b)
    north = np.cos(a) * np.sin(b) - np.sin(a) * np.cos(b) * np.cos(turn)
    return np.degrees(np.arctan2(east, north)) % 360.0


def destination(lat: Numbers, lon: Numbers, course: Numbers, distance_nm: Numbers) -> tuple[Any, Any]:
    """The point reached after `distance_nm` on the great circle that starts with `course` (degrees true).

    >>> [round(float(x), 2) for x in destination(0, 0, 90, 60)]
    [0.0, 1.0]
    """
    a, c = np.radians(lat), np.radians(course)
    way = np.asarray(distance_nm) / EARTH_RADIUS_NM
    sine = np.sin(a) * np.cos(way) + np.cos(a) * np.sin(way) * np.cos(c)
    turn = np.arctan2(np.sin(c) * np.sin(way) * np.cos(a), np.cos(way) - np.sin(a) * sine)
    return np.degrees(np.arcsin(np.clip(sine, -1, 1))), (np.add(lon, np.degrees(turn)) + 180.0) % 360.0 - 180.0


def interpolate(lat1: Numbers, lon1: Numbers, lat2: Numbers, lon2: Numbers, fraction: Numbers) -> tuple[Any, Any]:
    """The point at `fraction` (0-1) of the great circle from the first point to the second.

    Undefined for antipodes, which infinitely many great circles connect.

    >>> [round(float(x), 6) for x in interpolate(0, 0, 0, 10, 0.5)]
    [0.0, 5.0]
    """
    first, second = unit_vectors(lat1, lon1), unit_vectors(lat2, lon2)
    share = np.asarray(fraction, dtype=float)
    angle = np.asarray(distance(lat1, lon1, lat2, lon2)) / EARTH_RADIUS_NM
    sine = np.sin(angle)
    with np.errstate(invalid="ignore", divide="ignore"):
        w1 = np.where(sine > 1e-12, np.sin((1 - share) * angle) / sine, 1 - share)
        w2 = np.where(sine > 1e-12, np.sin(share * angle) / sine, share)
    point = w1[..., None] * first + w2[..., None] * second
    return (
        np.degrees(np.arctan2(point[..., 2], np.hypot(point[..., 0], point[..., 1]))),
        np.degrees(np.arctan2(point[..., 1], point[..., 0])),
    )


def angle_difference(a: Numbers, b: Numbers) -> Any:
    """How far two directions are apart, 0 to 180 degrees.

    >>> float(angle_difference(350, 10))
    20.0
    """
    return np.abs((np.subtract(a, b) + 180.0) % 360.0 - 180.0)


def unit_vectors(lat: Numbers, lon: Numbers) -> Floats:
    """Points on the unit sphere, last axis x, y, z.

    >>> [float(x) for x in unit_vectors(0.0, 0.0)]
    [1.0, 0.0, 0.0]
    """
    a, o = np.radians(lat), np.radians(lon)
    a, o = np.broadcast_arrays(a, o)
    return np.stack([np.cos(a) * np.cos(o), np.cos(a) * np.sin(o), np.sin(a)], axis=-1)


def chord(distance_nm: Numbers) -> Any:
    """Straight-line length between two points of the unit sphere at that distance: the measure of a k-d tree.

    >>> round(float(chord(EARTH_RADIUS_NM * np.pi)), 6)
    2.0
    """
    return 2 * np.sin(np.minimum(np.asarray(distance_nm) / EARTH_RADIUS_NM, np.pi) / 2)


def arc(chord_length: Numbers) -> Any:
    """The inverse of `chord`, in nautical miles; infinite stays infinite (a k-d tree's "none found").

    >>> round(float(arc(chord(100.0))), 6), float(arc(np.inf))
    (100.0, inf)
    """
    length = np.asarray(chord_length, dtype=float)
    return np.where(np.isinf(length), np.inf, 2 * EARTH_RADIUS_NM * np.arcsin(np.minimum(length / 2, 1.0)))


def in_polygon(lat: Numbers, lon: Numbers, ring: Numbers) -> npt.NDArray[np.bool_]:
    """Which points lie inside a ring of (latitude, longitude) corners, closed or not (even-odd rule).

    Edges are straight in latitude and longitude, as in GeoJSON (RFC 7946 §3.1.1), and take the shorter way round the
    Earth, so a ring across the date line works; one round a pole does not.

    >>> square = [(0, 179), (0, -179), (2, -179), (2, 179)]
    >>> [bool(x) for x in in_polygon([1, 1], [180, 170], square)]
    [True, False]
    """
    corners = np.asarray(ring, dtype=float)
    ys, xs = corners[:, 0], np.unwrap(corners[:, 1], period=360.0)
    west = xs.min()
    y, x = np.atleast_1d(np.asarray(lat, float)), np.atleast_1d((np.asarray(lon, float) - west) % 360.0 + west)
    inside = np.zeros(np.broadcast(y, x).shape, dtype=bool)
    for i in range(len(ys)):
        y1, x1, y2, x2 = ys[i - 1], xs[i - 1], ys[i], xs[i]
        if y1 == y2:
            continue
        crosses = ((y1 > y) != (y2 > y)) & (x < (x2 - x1) * (y - y1) / (y2 - y1) + x1)
        inside ^= crosses
    return inside
