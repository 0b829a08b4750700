"""Addresses, types and what they can do."""

from __future__ import annotations

import csv
import math

import pytest

from flightwatch import aircraft


@pytest.mark.parametrize(
    ("icao24", "country"),
    [
        ("140a1f", "RU"),
        ("510123", "BY"),
        ("018098", "LY"),
        ("778681", "SY"),
        ("07c024", "SD"),
        ("780abc", "CN"),
        ("789001", "HK"),
        ("43eb00", "GG"),
        ("400123", "BM"),
        ("406abc", "GB"),
        ("000001", ""),
        ("f80000", ""),
        ("~40000", ""),
    ],
)
def test_the_address_block_names_the_country_and_territories_come_first(icao24, country):
    assert aircraft.country_of_address(icao24) == country


@pytest.mark.parametrize(
    "typecode",
    ["IL76", "A124", "AN12", "AN26", "AN72", "IL62", "IL96", "T154", "T204", "C130", "C17", "A400", "B744", "B748"],
)
def test_the_real_fleet_has_figures_of_its_own(typecode):
    own = aircraft.performance(typecode)

    assert not own.generic
    assert 200 < own.cruise_kt < own.max_kt
    assert own.range_nm > 1000
    assert 2000 < own.min_runway_ft < 9000


def test_every_row_of_figures_names_its_source():
    with (aircraft.DATA / "performance.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))

    assert all(len(row["source"]) > 10 for row in rows)
    assert len({row["key"] for row in rows}) == len(rows)


@pytest.mark.parametrize(
    ("typecode", "kind"),
    [("B738", "medium jet"), ("C172", "piston"), ("EC35", "helicopter"), ("GLID", "glider"), ("B77W", "heavy jet")],
)
def test_other_types_get_the_figures_of_their_class(typecode, kind):
    found = aircraft.performance(typecode)

    assert found.kind == kind
    assert found.generic


def test_an_unknown_type_excludes_nothing_and_never_fails():
    bounds = aircraft.performance("XXXX")

    assert bounds.kind == "unknown"
    assert bounds.range_nm >= max(aircraft.performance(t).range_nm for t in ("B738", "A320", "C172"))
    assert math.isfinite(bounds.cruise_kt)


def test_military_is_the_flag_or_a_type_nobody_else_flies():
    assert aircraft.is_military(1, "")
    assert aircraft.is_military(0, "c17")
    assert not aircraft.is_military(8, "IL76")


def test_heavy_holds_the_cargo_types_and_no_small_ones():
    assert {"IL76", "A124", "B744", "B748", "IL96", "C17"} <= aircraft.heavy_types()
    assert not {"C172", "B738", "AN26"} & aircraft.heavy_types()


def test_water_bombers_patrols_and_drones_come_home_and_transports_do_not():
    assert all(aircraft.returns(t) for t in ("CL2T", "AT8T", "S2P", "P8", "Q4", " e3tf "))
    assert not any(aircraft.returns(t) for t in ("IL76", "A124", "B744", "C17", "C172", ""))
