"""Judging route-days: what fires, what does not, and what is said about it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import date
from functools import cache

import numpy as np
import pandas as pd
import pytest

from flightwatch import detection
from flightwatch.detection.features import see
from flightwatch.detection.panel import build
from flightwatch.detection.training import try_on
from flightwatch.detection.twin import simulate
from flightwatch.errors import ConfigError, InputError
from flightwatch.records import FINDING

DAYS = pd.date_range("2024-06-01", periods=200)
SINCE = date(2024, 11, 28)  # day 180


def world(routes: int = 40, seed: int = 1, low: float = 0.01, high: float = 2.0) -> pd.DataFrame:
    """Poisson counts on routes from three flights a year to two a day; nothing ever happens."""
    rng = np.random.default_rng(seed)
    rates = np.exp(rng.uniform(np.log(low), np.log(high), routes))
    counts = rng.poisson(rates[:, None], (routes, len(DAYS))).astype(float)
    return frame(counts)


def frame(counts: np.ndarray) -> pd.DataFrame:
    names = [f"r{i:02d}" for i in range(len(counts))]
    return pd.DataFrame(
        {
            "route": np.repeat(names, counts.shape[1]),
            "day": np.tile(DAYS[: counts.shape[1]], len(counts)),
            "flights": counts.ravel(),
        }
    )


@cache
def model() -> detection.Model:
    past = world()
    return detection.train(past[past["day"] < DAYS[180]], seed=3)


def with_surge(route: str, days: Iterable[int], flights: float = 1.0, **columns: float) -> pd.DataFrame:
    """The world with an otherwise empty route that has a flight on each of the days."""
    rows = world()
    rows = rows[rows["route"] != route]
    mine = pd.DataFrame({"route": route, "day": DAYS, "flights": 0.0})
    mine.loc[list(days), "flights"] = flights
    out = pd.concat([rows, mine], ignore_index=True)
    for name, value in columns.items():
        out[name] = 0.0 if name != "coverage" else 1.0
        out.loc[(out["route"] == route) & (out["flights"] > 0), name] = value
    return out


def flagged(found: pd.DataFrame, route: str) -> pd.DataFrame:
    return found[(found["route"] == route) & found["flagged"]]


def test_a_bare_frame_of_counts_gives_findings_in_their_schema() -> None:
    found = detection.score(world(), model=model(), since=SINCE)

    assert list(found.columns) == list(FINDING)
    assert len(found) == 40 * 20
    assert found["day"].min() == DAYS[180]
    assert (found["model"] == model().id).all()


def test_an_empty_route_with_flights_day_after_day_is_flagged_by_the_third() -> None:
    found = detection.score(with_surge("r05", range(190, 200)), model=model(), since=SINCE)

    days = flagged(found, "r05")["day"]
    assert len(days) > 0
    assert days.min() <= DAYS[192]
    reasons = flagged(found, "r05")["reasons"].iloc[-1]
    assert reasons[0].startswith("10 flights in ")


def test_contributions_add_up_to_the_score() -> None:
    found = detection.score(with_surge("r05", range(190, 200)), model=model(), since=SINCE)

    told = found[found["contributions"].map(len) > 0]
    assert len(told) > 5
    sums = told["contributions"].map(lambda shares: sum(shares.values()))
    assert np.allclose(sums, told["score"], atol=1e-9)


def test_a_quiet_route_is_never_a_surge() -> None:
    rows = world(low=1.0, high=3.0)
    rows.loc[(rows["route"] == "r07") & (rows["day"] >= DAYS[185]), "flights"] = 0.0

    found = detection.score(rows, model=detection.train(rows[rows["day"] < DAYS[180]]), since=SINCE)

    assert flagged(found, "r07").empty
    assert (found.loc[found["flagged"], "observed"] > found.loc[found["flagged"], "expected"]).all()


def test_busy_routes_without_an_event_stay_quiet() -> None:
    counts = np.random.default_rng(0).poisson(200.0, (3, 100)).astype(float)
    rows = frame(counts)

    found = detection.score(rows, model=detection.train(rows, trees=50))

    assert not found["flagged"].any()
    later = found[found["day"] >= DAYS[60]]
    assert (later["observed"] / later["expected"]).between(0.85, 1.15).all()


def test_the_order_of_rows_does_not_matter() -> None:
    rows = with_surge("r05", range(190, 200))

    one = detection.score(rows, model=model(), since=SINCE)
    other = detection.score(rows.sample(frac=1, random_state=0), model=model(), since=SINCE)

    pd.testing.assert_frame_equal(one, other)


def test_the_future_changes_no_judgement() -> None:
    rows = with_surge("r05", range(190, 200))

    full = detection.score(rows, model=model(), since=SINCE)
    cut = detection.score(rows[rows["day"] < DAYS[195]], model=model(), since=SINCE)

    same = full[full["day"] < DAYS[195]].reset_index(drop=True)
    pd.testing.assert_frame_equal(same, cut)


def test_training_twice_gives_the_same_model_and_scores() -> None:
    past = world()
    again = detection.train(past[past["day"] < DAYS[180]], seed=3)

    assert again.id == model().id
    one, two = (detection.score(world(), model=m, since=SINCE)["score"] for m in (model(), again))
    assert np.array_equal(one, two)


def test_another_seed_is_another_model() -> None:
    past = world()

    assert detection.train(past[past["day"] < DAYS[180]], seed=4).id != model().id


def test_a_new_route_waits_for_sixty_watched_days() -> None:
    rows = with_surge("r05", range(190, 200), coverage=1.0)
    rows = rows[(rows["route"] != "r05") | (rows["day"] >= DAYS[160])]

    found = detection.score(rows, model=model(), since=SINCE)

    assert flagged(found, "r05").empty
    late = found[(found["route"] == "r05") & (found["day"] == DAYS[199])].iloc[0]
    assert late["history_days"] == 40
    assert late["reasons"][-1] == "held back: only 40 watched days of history so far"


def test_a_change_of_coverage_that_could_explain_it_holds_back() -> None:
    rows = world()
    rows["coverage"] = np.where(rows["day"] >= DAYS[188], 0.9, 0.1)
    rows = rows[rows["route"] != "r05"]
    mine = pd.DataFrame(
        {"route": "r05", "day": DAYS, "flights": 0.0, "coverage": np.where(DAYS[188] <= DAYS, 0.9, 0.1)}
    )
    mine.loc[range(0, 188, 24), "flights"] = 1.0
    mine.loc[[188, 190, 191, 193, 194, 196, 197], "flights"] = 1.0

    found = detection.score(pd.concat([rows, mine]), model=model(), since=SINCE)

    assert flagged(found, "r05").empty


def test_a_surge_in_days_watched_less_than_usual_says_so() -> None:
    rows = with_surge("r05", range(185, 192), coverage=1.0)
    rows["coverage"] = np.where(rows["day"] >= DAYS[186], 0.7, 1.0)

    found = detection.score(rows, model=model(), since=SINCE)

    day = flagged(found, "r05").query("day == @DAYS[191]").iloc[0]
    assert any(why.startswith("coverage was 7") and "usually it is 100%" in why for why in day["reasons"])


def test_a_day_hardly_watched_that_brought_no_flight_is_never_flagged() -> None:
    rows = with_surge("r05", range(185, 190), coverage=1.0)
    rows.loc[rows["day"] >= DAYS[190], "coverage"] = 0.1
    rows.loc[(rows["route"] == "r05") & (rows["day"] == DAYS[192]), "flights"] = 2.0

    found = detection.score(rows, model=model(), since=SINCE)

    out = set(DAYS[190:]) - {DAYS[192]}
    assert flagged(found, "r05")["day"].max() >= DAYS[188]
    assert not set(flagged(found, "r05")["day"]) & out
    blind = found[(found["route"] == "r05") & (found["day"] == DAYS[190])].iloc[0]
    assert blind["score"] > blind["threshold"]
    assert blind["reasons"][-1] == "held back: coverage was only 10% on that day, and no flight was seen"


def test_one_flight_in_an_outage_makes_no_surge_of_those_before_it() -> None:
    def on_the_last_day(flights: float, coverage: float) -> pd.Series:
        rows = with_surge("r05", [*range(5, 180, 40), 188, 189])
        rows["coverage"] = np.where(rows["day"] >= DAYS[190], coverage, 1.0)
        rows.loc[(rows["route"] == "r05") & (rows["day"] == DAYS[193]), "flights"] = flights
        found = detection.score(rows, model=model(), since=SINCE)
        return found[(found["route"] == "r05") & (found["day"] == DAYS[193])].iloc[0]

    seen, dim, many = on_the_last_day(1.0, 1.0), on_the_last_day(1.0, 0.05), on_the_last_day(5.0, 0.05)

    assert seen["score"] < seen["threshold"] < dim["score"]
    assert not dim["flagged"]
    assert dim["reasons"][-1].startswith("held back: coverage changed from 100% to 46%")
    assert many["flagged"]


def test_days_with_only_doubted_positions_are_never_flagged() -> None:
    rows = with_surge("r05", range(190, 200), flights=50.0, suspect=50.0)

    found = detection.score(rows, model=model(), since=SINCE)

    assert flagged(found, "r05").empty
    last = found[(found["route"] == "r05") & (found["day"] == DAYS[199])].iloc[0]
    assert "doubted positions" in last["reasons"][-1]


def test_fractions_of_flights_count() -> None:
    whole = detection.score(with_surge("r05", range(190, 200)), model=model(), since=SINCE)
    parts = detection.score(with_surge("r05", range(190, 200), flights=0.6), model=model(), since=SINCE)
    crumbs = detection.score(with_surge("r05", range(190, 200), flights=0.01), model=model(), since=SINCE)

    last = [f[(f["route"] == "r05") & (f["day"] == DAYS[199])].iloc[0] for f in (whole, parts, crumbs)]
    assert last[0]["score"] > last[1]["score"] > last[2]["score"]
    assert last[1]["flagged"]
    assert flagged(crumbs, "r05").empty


def test_no_probability_is_smaller_than_what_the_twin_carries() -> None:
    found = detection.score(with_surge("r05", range(190, 200), flights=30.0), model=model(), since=SINCE)

    assert found["probability"].min() >= 3e-4
    assert found["probability"].max() <= 1.0


@pytest.mark.parametrize("bad", [np.nan, np.inf, -1.0, 1e300])
def test_impossible_counts_are_refused_by_name(bad: float) -> None:
    rows = world()
    rows.loc[10, "flights"] = bad

    with pytest.raises(InputError, match=r"flights must be 0 to 10000.*r00 on 2024-06-11"):
        detection.score(rows, model=model())


def test_a_route_day_given_twice_is_refused() -> None:
    rows = world()

    with pytest.raises(InputError, match="two rows"):
        detection.score(pd.concat([rows, rows.iloc[:1]]), model=model())


def test_a_false_alert_rate_of_zero_is_refused() -> None:
    with pytest.raises(ConfigError, match="false_alerts_per_route_year"):
        detection.Settings(false_alerts_per_route_year=0.0)


def test_a_route_may_have_a_rate_of_its_own_and_others_keep_theirs() -> None:
    rows = with_surge("r05", range(197, 200))
    strict = replace(model(), settings=replace(model().settings, rates={"r05": 0.001}))

    usual, other = (detection.score(rows, model=m, since=SINCE).set_index(["route", "day"]) for m in (model(), strict))

    assert (other.loc["r05", "threshold"] > usual.loc["r05", "threshold"]).all()
    assert (other.drop("r05")["threshold"] == usual.drop("r05")["threshold"]).all()
    assert (other["score"] == usual["score"]).all()
    assert other.loc["r05", "flagged"].sum() < usual.loc["r05", "flagged"].sum()


def test_each_stated_rate_holds_on_the_routes_it_is_stated_for() -> None:
    rows = world()
    past = rows[rows["day"] < DAYS[180]]
    rate = past.groupby("route")["flights"].mean()
    busy = {str(r): 0.3 for r in rate.index[rate > rate.median()]}
    both = detection.train(past, seed=3, settings=detection.Settings(1.0, rates=busy))
    panel = build(past)
    twin = simulate(panel, see(panel, both.rates).memory, both.rates, seed=8, route_years=300, drift=both.drift)

    other = try_on(both, twin, see(twin, both.rates))

    for stated, mine in both.groups.items():
        # About 40 and 150 episodes were counted for each threshold: half more is three deviations.
        assert stated / 1.5 < other.groups[stated].rate(np.array(mine.threshold(stated))) < stated * 1.5
    thresholds = dict(zip(panel.routes, both.thresholds(panel.routes), strict=True))
    assert {thresholds[r] for r in busy} == {both.groups[0.3].threshold(0.3)}
    assert both.threshold == both.groups[1.0].threshold(1.0) != both.calibration.threshold(1.0)


def test_too_few_routes_of_a_rate_are_judged_by_what_all_routes_tell() -> None:
    rows = world()
    past = rows[rows["day"] < DAYS[180]]

    alone = detection.train(past, seed=3, settings=detection.Settings(0.5, rates={"r05": 0.4}))

    assert 0.4 not in alone.groups
    assert alone.thresholds(np.array(["r05"]))[0] == alone.calibration.threshold(0.4)


def test_the_surge_is_dated_back_to_its_first_flight() -> None:
    rows = with_surge("r05", range(190, 200))
    found = detection.score(rows, model=model(), since=SINCE)

    starts = detection.episode_start(rows, found)

    assert (starts[found["flagged"] & (found["route"] == "r05")] == DAYS[190]).all()
    assert starts[~found["flagged"]].isna().all()
