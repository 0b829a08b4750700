"""Explore reads a copied database, states units and uncertainty, and helps with misspellings."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator
from dataclasses import replace
from datetime import date, datetime, timedelta, timezone
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.figure import Figure

sys.path.append(str(Path(__file__).parent / "data" / "analysts"))
import composed

from flightwatch import explore as fw
from flightwatch.errors import StoreError, UsageError
from flightwatch.explore import listings, zoom
from flightwatch.explore.tables import TRACK_COLUMNS, span
from flightwatch.explore.uncertain import interval
from flightwatch.explore.zoom import escaped
from flightwatch.store import open_store
from tests.conftest import postgres


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return composed.cached(tmp_path_factory.getbasetemp())


@pytest.fixture(scope="module", params=["sqlite", "postgresql"])
def db(request: pytest.FixtureRequest, database: Path) -> Iterator[fw.Explorer]:
    """The same records in either database."""
    if request.param == "sqlite":
        with fw.open(database) as opened:
            yield opened
        return
    with postgres() as url:
        with open_store(url, create=True) as store:
            store.restore(database)
        with fw.open(url) as opened:
            yield opened


def test_a_copied_database_opens_without_a_daemon_and_is_not_written(database: Path, tmp_path: Path) -> None:
    copy = shutil.copy(database, tmp_path / "copy.db")
    before = copy.read_bytes()

    with fw.open(copy) as db:
        assert len(db.alerts()) == 1
        db.why(1)

    assert copy.read_bytes() == before


def test_a_database_that_is_not_there_is_said_so(tmp_path: Path) -> None:
    with pytest.raises(StoreError, match="no database"):
        fw.open(tmp_path / "none.db")


def test_the_alert_is_listed_with_what_it_rests_on(db: fw.Explorer) -> None:
    alert = db.alerts().iloc[0]

    flights = db.flights(alert=1)
    assert alert["route"] == composed.ROUTE
    assert alert["flights"] == len(flights) == 9
    assert db.alerts("dismissed").empty


def test_the_newest_alert_needs_no_number_and_a_database_without_any_says_so(db: fw.Explorer, tmp_path: Path) -> None:
    assert db.alert().id == db.alerts()["id"].iloc[0]

    open_store(f"sqlite:///{tmp_path / 'new.db'}", create=True).close()
    with fw.open(tmp_path / "new.db") as new, pytest.raises(UsageError, match="no alert has been raised yet"):
        new.alert()


def test_flights_of_a_route_carry_the_probability_that_they_flew_it(db: fw.Explorer) -> None:
    flights = db.flights(composed.ROUTE, "2024-12")

    days = db.route_days(composed.ROUTE, "2024-12")
    assert flights["route_probability"].between(0.05, 1).all()
    assert days["flights"].sum() == pytest.approx(flights["route_probability"].sum(), abs=0.3)


def test_route_days_have_coverage_and_bounds_that_hold_the_count(db: fw.Explorer) -> None:
    days = db.route_days(composed.ROUTE)

    assert (days["flights_lower"] <= np.ceil(days["flights"] - 1e-9)).all()
    assert (days["flights_upper"] >= np.floor(days["flights"] + 1e-9)).all()
    assert (days["flights_upper"] > days["flights_lower"]).any()
    assert days["coverage"].min() < 0.3


def test_the_interval_is_the_exact_poisson_binomial() -> None:
    rng = np.random.default_rng(1)
    p = rng.uniform(0.1, 0.9, 12)
    drawn = (rng.random((20000, 12)) < p).sum(axis=1)

    low, high = interval(p)

    assert low == np.quantile(drawn, 0.05)
    assert high == np.quantile(drawn, 0.95)


def test_days_can_be_said_in_many_ways(db: fw.Explorer) -> None:
    all_of = db.route_days(composed.ROUTE)

    assert len(db.route_days(composed.ROUTE, "2024-12-08")) == 1
    assert len(db.route_days(composed.ROUTE, ("2024-12-08", date(2024, 12, 10)))) == 3
    assert len(db.route_days(composed.ROUTE, "2024-11")) == 30
    assert db.flights(days=2)["firstseen"].dt.date.min() >= date(2024, 12, 19)
    assert len(all_of) == 181
    for wrong in ("December", ("2024-12-10", "2024-12-08"), 0, ("2024-12-08",)):
        with pytest.raises(UsageError, match="day"):
            span(wrong, date(2024, 12, 20))


def test_a_moment_in_another_time_zone_means_its_utc_day() -> None:
    moscow = timezone(timedelta(hours=3))

    assert span(datetime(2024, 12, 14, 1, tzinfo=moscow)) == (date(2024, 12, 13), date(2024, 12, 13))


def test_a_zoomable_line_across_the_date_line_does_not_run_round_the_world() -> None:
    line = np.array([[178.0, 10.0], [-178.0, 12.0]])

    assert zoom._latlon(line, 175.0) == [[10.0, 178.0], [12.0, 182.0]]
    assert zoom._latlon(line, -175.0) == [[10.0, -182.0], [12.0, -178.0]]


def test_a_track_has_the_columns_the_traffic_library_reads(db: fw.Explorer) -> None:
    flight = db.flights(alert=1).iloc[0]

    track = db.track(flight["flight_id"])
    assert tuple(track.columns) == TRACK_COLUMNS
    assert track["timestamp"].is_monotonic_increasing
    assert str(track["timestamp"].dt.tz) == "UTC"
    assert len(db.track(flight)) == len(track) > 30


def test_tracks_of_several_flights_make_one_traffic_frame(db: fw.Explorer) -> None:
    frame = db.traffic_frame(alert=1)

    assert frame["flight_id"].nunique() == 9
    assert str(frame["timestamp"].dtype) == "datetime64[ns, UTC]"
    assert frame.loc[frame["onground"], "altitude"].eq(0).all()
    assert list(fw.to_traffic_frame(db.tracked_flights(days="2023-01")).columns) == list(TRACK_COLUMNS)


@pytest.mark.parametrize(
    ("ask", "hint"),
    [
        (lambda db: db.route_days("Moscow and Minsk to Bengazi"), f"did you mean '{composed.ROUTE}'"),
        (lambda db: db.flights("brak"), f"did you mean '{composed.QUIET}'"),
        (lambda db: db.why(7), r"no alert 7; there are 1 \(Moscow"),
        (lambda db: db.track("140a1f-20241208T014001Z"), "did you mean '140a1f-20241208T014000Z'"),
        (lambda db: db.flights(airport="HLLBX"), "no airport 'HLLBX'; did you mean"),
        (lambda db: fw.columns("flight"), "no table 'flight'; there are"),
    ],
)
def test_what_does_not_exist_is_answered_with_what_does(db: fw.Explorer, ask: object, hint: str) -> None:
    with pytest.raises(UsageError, match=hint):
        ask(db)  # type: ignore[operator]


def test_every_column_says_its_unit(db: fw.Explorer) -> None:
    for name, frame in {
        "flights": db.flights(composed.ROUTE),
        "route_days": db.route_days(),
        "findings": db.findings(),
        "alerts": db.alerts(),
        "track": db.track(db.flights().iloc[-1]).drop(columns=["squawk", "registration", "typecode", "flight_id"]),
    }.items():
        assert set(frame.columns) <= set(fw.columns(name).index), name


def test_why_says_what_was_counted_against_what_and_what_could_be_wrong(db: fw.Explorer) -> None:
    text = str(db.why(1))

    for part in ("What was counted", "Against what", "How unlikely", "What the model reacted to", "could be wrong"):
        assert part in text
    assert "[seen]" in text
    assert "[inferred]" in text
    assert "Judged again with the same model: without the last" in text
    assert "7 of 9 flights have an end that nobody saw" in text


def test_what_why_says_of_the_count_is_what_is_stored(db: fw.Explorer) -> None:
    from flightwatch.explore.why import strongest

    finding = strongest(db, db.alert(1))

    held = db.findings(composed.ROUTE, flagged=True)
    assert finding is not None
    assert finding["score"] == held["score"].max()
    assert finding["flagged"]


def test_a_hostile_callsign_is_only_text_in_a_note_and_on_a_map(db: fw.Explorer) -> None:
    note = fw.Note("<script>", (("<img onerror=1>", ("</li><script>",)),))

    assert "<script" not in note._repr_html_()
    assert "<img" not in note._repr_html_()
    assert not set("<`${}") & set(escaped("<img src=x>`${alert(1)}`"))


def test_the_zoomable_map_escapes_every_popup(db: fw.Explorer) -> None:
    pytest.importorskip("folium")
    flights = db.tracked_flights(alert=1).assign(callsign="<img src=x onerror=alert(1)>`${7}`")

    html = db.map(flights, zoomable=True).get_root().render()

    assert "<img src=x" not in html
    assert "`${7}`" not in html
    assert "&lt;img src=x" in html


def test_pictures_are_figures_that_need_no_display(db: fw.Explorer) -> None:
    figures = [
        db.plot_route(composed.ROUTE),
        db.plot_calendar(composed.ROUTE, ("2024-10-01", "2024-12-21")),
        db.plot_aircraft(alert=1),
        db.plot_contributions(1),
        db.map(1),
        db.map(composed.ROUTE),
        db.map(db.flights(alert=1)),
    ]

    assert all(isinstance(f, Figure) for f in figures)


def test_a_map_counts_the_flights_as_its_alert_does(db: fw.Explorer) -> None:
    alert, flights = db.alert(1), db.flights(alert=1)
    back = len(flights) - 1

    evidence = {"listed": 1, "homeward": back}
    counted = listings.how_many(flights, replace(alert, evidence=evidence | {"confirmed_flights": 1}))

    assert counted.startswith(f"1 flight and {back} back, ")
    unseen = listings.how_many(flights, replace(alert, evidence=evidence | {"confirmed_flights": 0}))
    assert unseen.startswith(f"1 possible flight and {back} back, ")


def test_polls_coverage_and_models_are_there(db: fw.Explorer) -> None:
    assert set(db.polls("2024-12-08")["outcome"]) == {"ok"}
    assert {"route", "day", "coverage", "flights"} == set(db.coverage(composed.ROUTE).columns)
    assert len(db.models()) == 1
    assert db.aircraft("140A1F")["typecode"].tolist() == ["IL76"]
    assert isinstance(db.heard("2024-12-08"), pd.DataFrame)


def test_both_databases_give_the_same_tables(db: fw.Explorer, database: Path) -> None:
    with fw.open(database) as file:
        pairs = [
            (getattr(db, name)(*args), getattr(file, name)(*args))
            for name, args in [
                ("alerts", ()),
                ("routes", ()),
                ("route_days", (composed.ROUTE,)),
                ("findings", (composed.ROUTE,)),
                ("flights", (composed.ROUTE,)),
                ("coverage", (composed.ROUTE,)),
                ("polls", ("2024-12",)),
                ("heard", ("2024-12-08",)),
                ("aircraft", ()),
                ("traffic_frame", (composed.ROUTE, "2024-12")),
            ]
        ]
        notes = str(db.why(1)), str(file.why(1))

    for here, there in pairs:
        pd.testing.assert_frame_equal(here, there)
    assert notes[0] == notes[1]


def test_a_database_can_only_be_read_through_explore(db: fw.Explorer) -> None:
    with pytest.raises(AssertionError, match="opened read-only"):
        db.store.set_alert(1, "closed", by="me", now=composed.NOW)
