"""Distances and shapes against independent answers and against each other."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from flightwatch import geo

LAT = st.floats(-89, 89)
LON = st.floats(-180, 179.99)


def test_moscow_to_benghazi_is_within_half_a_percent_of_the_geodesic():
    # 1,578.1 NM: Vincenty's inverse on WGS84 between UUWW and HLLB
    assert abs(geo.distance(55.5915, 37.2615, 32.0968, 20.2695) / 1578.1 - 1) < 0.005


def test_al_khadim_is_some_46_miles_east_of_benina():
    assert 44 < geo.distance(32.0968, 20.2695, 31.9985, 21.1918) < 48


@given(LAT, LON, st.floats(0, 359.9), st.floats(0.1, 5000))
def test_going_out_and_measuring_back_gives_the_same_distance(lat, lon, course, miles):
    there = geo.destination(lat, lon, course, miles)

    assert abs(geo.distance(lat, lon, *there) - miles) < 1e-3


@given(LAT, LON, LAT, LON)
def test_half_way_is_equally_far_from_both_ends(lat1, lon1, lat2, lon2):
    total = geo.distance(lat1, lon1, lat2, lon2)
    if total > 10000:  # antipodes have no single great circle
        return
    mid = geo.interpolate(lat1, lon1, lat2, lon2, 0.5)

    assert abs(geo.distance(lat1, lon1, *mid) - total / 2) < 1e-3


@given(st.floats(0, 10000))
def test_chord_and_arc_undo_each_other(miles):
    assert abs(float(geo.arc(geo.chord(miles))) - miles) < 1e-4


def test_columns_broadcast_against_single_places():
    out = geo.distance(np.array([0.0, 1.0]), 0.0, 0.0, np.array([0.0, 1.0]))

    assert out.shape == (2,)


def test_a_polygon_with_a_bay_leaves_the_bay_out():
    ring = [(0, 0), (0, 10), (10, 10), (10, 6), (4, 6), (4, 4), (10, 4), (10, 0)]

    assert geo.in_polygon([2, 8, 8, 8], [5, 5, 2, 8], ring).tolist() == [True, False, True, True]


@given(st.lists(st.tuples(st.floats(-90, 90), st.floats(-180, 180)), max_size=6), st.floats(1e-7, 2.0))
def test_steps_along_a_way_are_distances(points, size):
    """Steps may be short, long or across the date line."""
    lat = np.clip(np.array([y for y, _ in points]) * size, -90, 90)
    lon = (np.array([x for _, x in points]) * size + 180) % 360 - 180

    steps = geo.steps(lat, lon)

    expected = geo.distance(lat[:-1], lon[:-1], lat[1:], lon[1:])
    assert np.allclose(steps, expected, rtol=1e-12, atol=1e-9)


@pytest.mark.parametrize("turn", range(6))
def test_a_polygon_wider_than_half_the_earth_holds_the_same_places_wherever_its_ring_begins(turn: int) -> None:
    ring = [(0, -120), (0, 0), (0, 120), (40, 120), (40, 0), (40, -120)]
    ring = ring[turn:] + ring[:turn]

    assert geo.in_polygon([20, 20, 20, 20], [-110, 0, 110, 150], ring).tolist() == [True, True, True, False]
