"""Watches that rest on the same flights, and what else a twin must not miscount."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from flightwatch.detection import calibration, features, kin, train, twin
from flightwatch.detection.panel import Panel, build
from flightwatch.detection.training import try_on
from tests.test_detection import world

DAYS = 210


def watches(seed: int = 3) -> Panel:
    """A city pair, the region around it, the region's way back, and ten unrelated routes."""
    rng = np.random.default_rng(seed)
    city = rng.poisson(0.06, DAYS)
    region = city + rng.poisson(0.05, DAYS)
    home = np.concatenate([[0], region[:-1]])
    others = {f"other {i}": rng.poisson(0.1, DAYS) for i in range(10)}
    every = {"city": city, "region": region, "home": home, **others}
    reverse = {"region": home, "home": region}
    days = pd.date_range("2024-01-01", periods=DAYS)
    frame = pd.concat(
        pd.DataFrame({"route": name, "day": days, "flights": flown, "reverse": reverse.get(name, 0)})
        for name, flown in every.items()
    )
    return build(frame)


def test_a_route_inside_another_and_its_way_back_are_found_and_strangers_are_not() -> None:
    panel = watches()

    found = kin.find(panel)

    family = dict(zip(panel.routes, found.family, strict=True))
    assert family["city"] == family["region"] == family["home"]
    assert len({family[name] for name in panel.routes}) == 11


def test_two_timetables_of_saturdays_are_no_family() -> None:
    days = pd.date_range("2024-01-01", periods=DAYS)
    saturday = (days.day_of_week == 5).astype(int)
    frame = pd.concat(pd.DataFrame({"route": r, "day": days, "flights": saturday}) for r in ("a", "b", "c"))

    assert (kin.find(build(frame)).parent < 0).all()


def test_a_twin_keeps_each_routes_traffic_and_gives_families_the_same_flights() -> None:
    panel = watches()
    rates = features.fit(panel)
    seen = features.see(panel, rates)
    drawn = twin.simulate(panel, seen.memory, rates, seed=1, route_years=900)

    city, region, other = (
        drawn.count[:, [twin.original(r) == n for r in drawn.routes]] for n in ("city", "region", "other 1")
    )

    usual = seen.memory.rate(1)[0][-1] / seen.memory.rate(1)[1][-1]
    assert city.mean() == pytest.approx(usual[panel.routes == "city"][0], rel=0.15)
    assert ((city > 0) & (region > 0)).sum() / (city > 0).sum() > 0.7
    assert ((city > 0) & (other > 0)).sum() / (city > 0).sum() < 0.2


def test_a_family_opens_one_episode_where_its_routes_would_open_several() -> None:
    scores = np.random.default_rng(0).normal(size=(2000, 50))
    both = np.concatenate([scores, scores], axis=1)

    apart = calibration.calibrate(both, 14)
    together = calibration.calibrate(both, 14, np.tile(np.arange(50), 2))

    assert float(together.rate(np.array(3.0))) == pytest.approx(float(apart.rate(np.array(3.0))) / 2)


def test_an_unusual_way_back_counts_for_the_way_there_and_for_no_stranger() -> None:
    panel = watches()
    rates = features.fit(panel)
    busy = panel.count.copy()
    busy[-3:, panel.routes == "home"] += 2.0

    before, after = (features.see(p, rates).values[-1] for p in (panel, replace(panel, count=busy)))

    relative = features.NAMES.index("kin")
    told = dict(zip(panel.routes.tolist(), zip(before[:, relative], after[:, relative], strict=True), strict=True))
    assert told["city"][1] == told["region"][1] > told["region"][0] + 2.0
    assert all(a == b for name, (a, b) in told.items() if name not in ("city", "region"))


def test_a_route_the_model_has_not_seen_has_no_relatives() -> None:
    panel = watches()
    found = kin.find(panel)

    families = found.families(np.array(["city", "new", "region", "newer"]))

    assert families[0] == families[2]
    assert len(set(families.tolist())) == 3


def test_a_threshold_counted_on_families_is_lower() -> None:
    panel = watches()
    model = train(world(routes=30, seed=5, low=0.05, high=2.0))
    drawn = twin.simulate(panel, features.see(panel, model.rates).memory, model.rates, seed=1, route_years=900)
    seen = features.see(drawn, model.rates)

    one_by_one = try_on(model, replace(drawn, family=None), seen)

    assert try_on(model, drawn, seen).threshold < one_by_one.threshold


def test_one_flight_alone_is_no_surge() -> None:
    assert features.surge(np.array([1.0, 1.4, 1.9, 3.0]), np.array([0.01, 0.01, 0.1, 3.5])).tolist() == [
        False,
        False,
        True,
        False,
    ]


def test_the_first_weeks_do_not_teach_how_often_aircraft_are_new() -> None:
    rows = world(routes=10, seed=2, low=0.5, high=1.0)
    age = (rows["day"] - rows["day"].min()).dt.days
    rows["newcomers"] = np.where(age < 40, rows["flights"], 0)

    assert features.fit(build(rows)).shares["newcomers"] == 0
