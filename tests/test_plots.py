"""Pictures show their data, whatever is missing, and say which part is inferred."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from matplotlib.dates import date2num
from matplotlib.text import Text
from PIL import Image

sys.path.append(str(Path(__file__).parent / "data" / "analysts"))
import composed

from flightwatch import plots, tracks
from flightwatch.plots import coast, days, labels, picture
from flightwatch.plots.projection import Projection, centred_on


@pytest.fixture(scope="module")
def flights() -> pd.DataFrame:
    return composed.flights()


@pytest.fixture(scope="module")
def route_days(flights: pd.DataFrame) -> pd.DataFrame:
    return composed.route_days(flights)


@pytest.fixture(scope="module")
def findings(route_days: pd.DataFrame) -> pd.DataFrame:
    return composed.findings(route_days)


def own(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[frame["route"] == composed.ROUTE]


def words(fig: object) -> str:
    return " | ".join(t.get_text() for t in fig.findobj(lambda a: hasattr(a, "get_text")))  # type: ignore[attr-defined]


def pixels(png: bytes) -> np.ndarray:
    return np.asarray(Image.open(io.BytesIO(png)).convert("RGB"))


def test_a_picture_has_the_width_asked_for_and_the_same_bytes_every_time(
    route_days: pd.DataFrame, findings: pd.DataFrame
) -> None:
    first = plots.to_png(plots.route_days(own(route_days), own(findings)), width=400)
    second = plots.to_png(plots.route_days(own(route_days), own(findings)), width=400)

    assert pixels(first).shape[1] == 400
    assert first == second


def test_flights_per_week_add_up_to_what_was_counted(route_days: pd.DataFrame, findings: pd.DataFrame) -> None:
    bars = days.gather(own(route_days), own(findings), 7)

    assert bars.flights.sum() == pytest.approx(own(route_days)["flights"].sum())
    assert bars.confirmed.sum() == pytest.approx(own(route_days)["confirmed"].sum())
    assert bars.flagged[-2:].all()
    assert not bars.flagged[:-2].any()


def test_the_strangest_stretch_is_told_in_words(route_days: pd.DataFrame, findings: pd.DataFrame) -> None:
    text = words(plots.route_days(own(route_days), own(findings)))

    worst = own(findings)[own(findings)["flagged"]].sort_values(["score", "day"]).iloc[-1]
    assert f"{worst['observed']:.1f} in 7 days" in text
    assert "poorly watched" in text
    assert "end inferred" in text


def test_a_route_that_was_always_well_watched_has_no_shading(route_days: pd.DataFrame) -> None:
    text = words(plots.route_days(own(route_days).assign(coverage=0.95)))

    assert "poorly watched" not in text
    assert "flagged" not in text


def test_days_that_are_missing_count_as_not_watched() -> None:
    frame = pd.DataFrame({"route": "r", "day": pd.to_datetime(["2024-12-01", "2024-12-04"]), "flights": [1.0, 1.0]})

    bars = days.gather(frame, None, 1)

    assert bars.coverage.tolist() == [1.0, 0.0, 0.0, 1.0]


def test_days_before_the_first_are_not_called_poorly_watched() -> None:
    frame = pd.DataFrame({"route": "r", "day": pd.date_range("2024-12-01", periods=9), "flights": 1.0, "coverage": 1.0})

    figure = plots.route_days(frame, every=7)

    assert "poorly watched" not in words(figure)
    assert figure.axes[0].get_xlim()[0] == date2num(frame["day"].min())


@pytest.mark.parametrize("rows", [0, 1])
def test_every_picture_can_be_drawn_of_next_to_nothing(
    rows: int, flights: pd.DataFrame, route_days: pd.DataFrame, findings: pd.DataFrame
) -> None:
    few = flights.head(rows)
    figures = [
        plots.route_days(own(route_days).head(rows), own(findings).head(rows)),
        plots.calendar(own(route_days).head(rows), own(findings).head(rows)),
        plots.route_map(few, composed.AIRPORTS),
        plots.aircraft_strip(few),
        plots.contributions({"contributions": {"s7": 1.0} if rows else {}}),
    ]

    assert all(len(plots.to_png(fig, 300)) > 1000 for fig in figures)


def test_the_map_draws_what_was_heard_solid_and_the_rest_dashed(flights: pd.DataFrame) -> None:
    dark = flights[flights["arrival_method"] == "inferred"].tail(1)

    found = picture.collect(dark, composed.AIRPORTS)

    assert len(found.solid) == 1
    assert found.lost == [tuple(dark["track"].iloc[0][["longitude", "latitude"]].iloc[-1])]
    shares = {
        round(share, 2) for line, share, *_ in found.dashed if tuple(line[0].round(4)) != tuple(line[-1].round(4))
    }
    assert shares >= {0.48, 0.33, 0.08}
    assert dict(found.ends) == pytest.approx({"HLLB": 0.48, "HL59": 0.33, "HLLQ": 0.08, "HLGN": 0.04})


def test_a_hole_inside_a_leg_is_drawn_as_not_heard(flights: pd.DataFrame) -> None:
    track = flights["track"].iloc[-1]
    holed = pd.concat([track.iloc[:10], track.iloc[25:]])

    found = picture.collect(flights.tail(1).assign(track=[holed]), composed.AIRPORTS)

    assert len(found.solid) == 2
    assert any(share == 1.0 and len(line) > 2 for line, share, *_ in found.dashed)


def test_packed_tracks_are_drawn_like_open_ones(flights: pd.DataFrame) -> None:
    one = flights.tail(1)
    packed = one.assign(track=[tracks.encode(one["track"].iloc[0])])

    a, b = (picture.collect(f, composed.AIRPORTS).solid[0] for f in (one, packed))

    assert np.abs(a[0] - b[0]).max() < 1e-4
    assert np.abs(a[-1] - b[-1]).max() < 1e-4


def test_fields_close_together_get_a_nearer_map(flights: pd.DataFrame) -> None:
    surge = flights.tail(9)

    near = plots.route_map(surge, composed.AIRPORTS, title="t")
    alone = plots.route_map(surge[surge["arrival_method"] == "observed"], composed.AIRPORTS, title="t")

    assert len(near.axes) == 2
    assert len(alone.axes) == 1
    assert "Al Khadim" in words(near)


def test_a_map_across_the_date_line_stays_small() -> None:
    ends = pd.DataFrame(
        {"name": ["East", "West"], "latitude": [50.0, 55.0], "longitude": [178.0, -175.0]}, index=["AAAA", "BBBB"]
    )
    flight = {
        "departure_candidates": {"AAAA": 1.0}, "arrival_candidates": {"BBBB": 1.0}, "departure_method": "reported",
        "arrival_method": "reported", "status": "landed", "track": None, "first_latitude": np.nan,
        "first_longitude": np.nan, "last_latitude": np.nan, "last_longitude": np.nan,
    }  # fmt: skip

    fig = plots.route_map(pd.DataFrame([flight]), ends)

    left, right = fig.axes[0].get_xlim()
    assert right - left < 1000
    assert {"East", "West"} <= {t.get_text().split(" ")[0] for t in fig.axes[0].texts}


def test_hostile_names_are_drawn_and_not_obeyed(flights: pd.DataFrame) -> None:
    bad = flights.tail(2).assign(registration="$\\frac{", typecode="\x1b[31m", callsign="<b>")

    png = plots.to_png(plots.aircraft_strip(bad, title="$x^{" * 40), 300)

    assert len(png) > 1000


def test_an_aircraft_that_returns_after_half_a_year_is_new_again(flights: pd.DataFrame) -> None:
    two = flights.tail(2).assign(icao24="abc123", firstseen=pd.to_datetime(["2024-01-01", "2024-12-01"], utc=True))

    stars = [
        line for line in plots.aircraft_strip(two).axes[0].lines if line.get_marker() == "*" and len(line.get_xdata())
    ]

    assert sum(len(line.get_xdata()) for line in stars) == 2


def test_an_aircraft_known_from_the_days_before_those_shown_is_not_new(flights: pd.DataFrame) -> None:
    before, shown = (
        flights.tail(1).assign(icao24="abc123", firstseen=pd.to_datetime([day], utc=True))
        for day in ("2024-11-01", "2024-12-01")
    )

    lines = plots.aircraft_strip(shown, history=before).axes[0].lines

    assert sum(len(line.get_xdata()) for line in lines if line.get_marker() == "*") == 0


def test_contributions_point_the_way_they_pull() -> None:
    bars = plots.contributions({"contributions": {"s7": 2.0, "night14": -0.5}}).axes[0].patches

    assert [bar.get_width() for bar in bars] == [2.0, -0.5]
    assert bars[0].get_facecolor() != bars[1].get_facecolor()


def test_the_projection_keeps_distances_near_its_centre_and_areas_everywhere() -> None:
    p = Projection(43.0, 30.0)

    x, y = p([43.0, 44.0], [30.0, 30.0])

    assert np.hypot(x[1] - x[0], y[1] - y[0]) == pytest.approx(60.04, abs=0.05)
    assert np.isnan(p([-43.0], [-150.0])[0]).all()
    assert centred_on([0, 0], [10, 20]).longitude == pytest.approx(15.0)


def test_coasts_hold_the_islands_the_reference_case_needs() -> None:
    names = {c.name for c in coast.world().countries}
    crete = [line for line in coast.world().coasts if np.isfinite(line).any() and 23.4 < np.nanmean(line[:, 0]) < 26.4]

    assert {"Libya", "Belarus", "Russia", "Cyprus"} <= names
    assert any(34.8 < np.nanmean(line[:, 1]) < 35.8 for line in crete)
    assert len(coast.world().borders) > 200


def test_labels_do_not_cover_each_other() -> None:
    frame = labels.Box(0, 0, 400, 400)
    taken: list[labels.Box] = []

    for x in (200, 204, 208, 212, 216):
        taken.append(labels.place(x, 200, *labels.size_of("Sheremetyevo 1.0", 11), taken, frame))

    assert all(a.overlap(b) == 0 for i, a in enumerate(taken) for b in taken[:i])
    assert all(box.outside(frame) == pytest.approx(0) for box in taken)


def test_a_label_goes_where_no_track_runs() -> None:
    frame = labels.Box(0, 0, 400, 400)
    eastwards = np.column_stack([np.arange(200.0, 400, 4), np.full(50, 200.0)])

    box = labels.place(200, 200, 80, 14, [], frame, busy=eastwards)

    assert not any(box.left < x < box.right and box.bottom < y < box.top for x, y in eastwards)


MOSCOW = pd.DataFrame(
    [
        ("UUWW", "Vnukovo International Airport", 55.5915, 37.2615),
        ("UUBW", "Ramenskoye Airport", 55.5533, 38.15),
        ("UUMU", "Chkalovsky Airport", 55.8783, 38.0617),
        ("UUEE", "Sheremetyevo International Airport", 55.9726, 37.4146),
        ("HLLB", "Benina International Airport", 32.0968, 20.2695),
        ("HL59", "Al Khadim", 31.9986, 21.1919),
        ("HLLQ", "Al Abraq", 32.7887, 21.9643),
    ],
    columns=["id", "name", "latitude", "longitude"],
).set_index("id")


@pytest.mark.parametrize("backwards", [False, True])
def test_names_of_fields_close_together_are_all_read(backwards: bool) -> None:
    here = {"UUWW": 0.4, "UUBW": 0.3, "UUMU": 0.2, "UUEE": 0.1}
    there = {"HLLB": 0.5, "HL59": 0.3, "HLLQ": 0.2}
    starts, ends = (there, here) if backwards else (here, there)
    flight = {
        "departure_candidates": starts, "arrival_candidates": ends, "arrival_method": "inferred",
        "first_latitude": 45.0, "first_longitude": 36.0, "last_latitude": 44.0, "last_longitude": 36.0,
    }  # fmt: skip

    fig = plots.route_map(pd.DataFrame([flight] * 3), MOSCOW)

    fig.canvas.draw()
    for ax in fig.axes:
        names = [t for t in ax.texts if t.get_text() and not t.get_text().isupper() and "km" not in t.get_text()]
        boxes = [t.get_window_extent() for t in names]
        assert not [1 for i, a in enumerate(boxes) for b in boxes[:i] if a.overlaps(b)]
        sheet = ax.get_window_extent()
        assert all(b.x0 >= sheet.x0 - 2 and b.x1 <= sheet.x1 + 2 for b in boxes)
    text = words(fig)
    assert all(name in text for name in ("Vnukovo", "Ramenskoye", "Chkalovsky", "Sheremetyevo", "Benina", "Al Abraq"))


def test_a_title_that_is_cut_is_sized_for_what_is_left_of_it(route_days: pd.DataFrame) -> None:
    figures = (plots.calendar(own(route_days), title="x" * n) for n in (120, 60))
    cut, whole = (next(t for t in f.findobj(Text) if t.get_text().startswith("xxx")) for f in figures)

    assert len(cut.get_text()) == 60
    assert cut.get_fontsize() == whole.get_fontsize()
