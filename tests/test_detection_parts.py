"""The parts of detection: what each must equal, or may never do."""

from __future__ import annotations

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from flightwatch.detection import baseline, calibration, counts, dispersion, features, forest, panel, surprises, twin
from flightwatch.detection.panel import Panel, build
from tests.test_detection import DAYS, world

ONE = np.ones(1)


def small() -> Panel:
    rows = world(routes=30, seed=5, low=0.05, high=2.0)
    rows["origin_group"] = "o" + (rows["route"].str[1:].astype(int) % 5).astype(str)
    rows["destination_group"] = "d" + (rows["route"].str[1:].astype(int) % 3).astype(str)
    return build(rows)


@pytest.mark.parametrize(("mean", "variance"), [(0.05, 0.05), (0.3, 0.5), (2.0, 4.0), (40.0, 90.0)])
def test_the_count_tail_is_the_negative_binomials(mean: float, variance: float) -> None:
    y = np.arange(0.0, 60.0)

    ours = counts.nb_tail(y, np.full(60, mean), np.full(60, variance))

    if variance > mean:
        exact = stats.nbinom.sf(y - 1, mean**2 / (variance - mean), mean / variance)
    else:
        exact = stats.poisson.sf(y - 1, mean)
    assert np.allclose(ours, exact, rtol=1e-4, atol=1e-12)


@given(st.floats(0.0, 50.0), st.floats(0.0, 5.0), st.floats(0.01, 20.0), st.floats(1.0, 4.0))
@settings(max_examples=200, deadline=None)
def test_more_flights_are_never_less_surprising(y: float, more: float, mean: float, over: float) -> None:
    few, many = counts.surprise(np.array([y, y + more]), np.full(2, mean), np.full(2, mean * over))

    assert 0.0 <= few <= many + 1e-9
    assert many <= counts.CAP


def test_the_share_tail_is_the_beta_binomials() -> None:
    k, n = np.array([3.0, 0.0, 8.0, 1.0]), np.array([8.0, 8.0, 8.0, 1.0])
    a, b = np.full(4, 2.0), np.full(4, 5.0)

    ours = counts.share_surprise(k, n, a, b)

    at = stats.betabinom(n, a, b)
    exact = -np.log10(at.sf(k) + at.pmf(k) / 2)
    assert np.allclose(ours[[0, 2, 3]], exact[[0, 2, 3]], atol=1e-9)
    assert ours[1] == 0.0


def test_a_fraction_of_a_share_lies_between_its_neighbours() -> None:
    k, three = np.array([2.0, 2.5, 3.0]), np.full(3, 4.0)

    low, half, high = counts.share_surprise(k, three, np.full(3, 1.0), np.full(3, 6.0))

    assert low < half < high


def test_the_band_holds_nine_counts_in_ten() -> None:
    mean, variance = np.array([0.1, 3.0, 50.0]), np.array([0.1, 5.0, 80.0])

    low, high = (counts.nb_quantile(q, mean, variance) for q in (0.05, 0.95))

    nb = stats.nbinom(mean[1:] ** 2 / (variance - mean)[1:], mean[1:] / variance[1:])
    assert low.tolist() == [0.0, *nb.ppf(0.05)]
    assert high.tolist() == [1.0, *nb.ppf(0.95)]


def test_the_prior_is_found_again() -> None:
    rng = np.random.default_rng(0)
    exposure = rng.uniform(50, 200, 3000)
    flights = rng.poisson(rng.gamma(0.7, 1 / 4.0, 3000) * exposure)

    a, b = counts.gamma_prior(flights.astype(float), exposure)

    assert a == pytest.approx(0.7, rel=0.1)
    assert b == pytest.approx(4.0, rel=0.15)


def test_routes_all_alike_keep_their_mean_rate() -> None:
    flights = np.random.default_rng(0).poisson(150.0, 50).astype(float)

    a, b = counts.gamma_prior(flights, np.full(50, 100.0))

    assert a <= 5.0
    assert a / b == pytest.approx(1.5, rel=0.05)


def test_a_surge_does_not_explain_itself_away() -> None:
    calm = small()
    busy = calm.count.copy()
    busy[-21:, 3] += 2.0
    taught = np.ones(calm.shape, dtype=bool)
    prior = baseline.pooled(calm.count, calm.coverage, calm.weekday)

    before, after = (
        baseline.remember(y, calm.coverage, taught, calm.weekday, prior=prior).rate(14 + baseline.GUARD)
        for y in (calm.count, busy)
    )

    assert np.array_equal(before[0][-1], after[0][-1])
    assert np.array_equal(before[1][-1], after[1][-1])


def test_an_unnoticed_surge_teaches_little() -> None:
    calm = small()
    flood = calm.count.copy()
    flood[100:107, 3] = 50.0
    taught = np.ones(calm.shape, dtype=bool)
    prior = baseline.pooled(calm.count, calm.coverage, calm.weekday)

    memory = baseline.remember(flood, calm.coverage, taught, calm.weekday, prior=prior)

    learned = memory.flights[107, 3] - memory.flights[100, 3]
    assert learned < 0.3 * 7 * 50


def test_a_weekday_not_seen_yet_keeps_the_pooled_factor() -> None:
    y = np.full((40, 1), 200.0)
    taught = np.ones(y.shape, dtype=bool)

    memory = baseline.remember(y, taught * 1.0, taught, np.arange(40) % 7, prior=baseline.Prior(0.5, 0.0025))

    assert np.allclose(memory.exposure, 1.0)
    a, b = memory.rate(1)
    assert np.allclose((a / b)[1:], 200.0, rtol=0.01)


def test_weekdays_are_learned() -> None:
    weekday = np.arange(140) % 7
    y = np.where(weekday == 2, 14.0, 0.0)[:, None]
    taught = np.ones(y.shape, dtype=bool)

    memory = baseline.remember(y, taught * 1.0, taught, weekday, prior=baseline.Prior(0.5, 0.25))

    assert memory.exposure[-7:, 0].sum() == pytest.approx(7.0, rel=0.05)
    assert memory.exposure[-7:, 0].max() > 6.0


def test_badly_watched_days_do_not_teach() -> None:
    coverage = np.full((60, 1), 0.8)
    coverage[30] = 0.2
    coverage[31] = 0.0

    fit = baseline.teachable(coverage)

    assert not fit[30, 0]
    assert not fit[31, 0]
    assert fit[[0, 29, 32], 0].all()


def test_when_all_neighbours_double_the_index_says_so_and_one_surge_does_not_move_it() -> None:
    rng = np.random.default_rng(0)
    calm = rng.poisson(1.5, (120, 12)).astype(float)
    double, lone = calm.copy(), calm.copy()
    double[110:] *= 2
    lone[110:, 4] += 30
    index = []
    for counted in (calm, double, lone):
        rows = _frame(counted, group="all")
        p = build(rows)
        prior = baseline.pooled(p.count[:100], p.coverage[:100], p.weekday[:100])
        memory = baseline.remember(p.clean, p.coverage, p.coverage > 0, p.weekday, prior=prior)
        index.append(baseline.regional_index(p, memory)[-1, 0])

    assert index[1] > 1.5 * index[0]
    assert index[2] < 1.15 * index[0]


def _frame(y: np.ndarray, group: str):  # type: ignore[no-untyped-def]
    import pandas as pd

    days, routes = y.shape
    return pd.DataFrame(
        {
            "route": np.repeat([f"r{i:02d}" for i in range(routes)], days),
            "day": np.tile(DAYS[:days], routes),
            "flights": y.T.ravel(),
            "origin_group": group,
            "destination_group": group,
        }
    )


def test_no_feature_looks_ahead() -> None:
    p = small()
    rates = features.fit(p.until(120))

    whole, cut = features.see(p, rates), features.see(p.until(150), rates)

    assert np.allclose(whole.values[:150], cut.values, atol=1e-12)


def test_features_are_never_negative_and_silent_routes_are_idle() -> None:
    p = small()
    silent = p.count.sum(axis=0) == 0
    values = features.see(p, features.fit(p)).values

    assert (values >= 0).all()
    assert np.isfinite(values).all()
    assert (values[:, silent, : len(features.COUNT_NAMES)] == 0).all()


def test_the_gap_counts_the_span_of_the_last_flights() -> None:
    y = np.zeros((100, 2))
    y[[90, 91], 0] = 1.0
    y[[60, 91], 1] = 1.0
    p = build(_frame(y, group=""))
    memory = baseline.remember(p.clean, p.coverage, p.coverage > 0, p.weekday, prior=baseline.Prior(0.5, 50.0))

    news = features.gap_surprise(p.count, memory)

    assert news[91, 0] > news[91, 1] > 0
    assert news[90, 0] == 0.0
    assert news[95, 0] == pytest.approx(news[91, 0] * features.GAP_FADE**4)


def test_two_flights_nearly_certain_are_a_burst_and_two_halves_are_not() -> None:
    y = np.zeros((100, 3))
    y[[90, 91], 0], y[[90, 91], 1], y[[90, 91], 2] = 1.0, 0.95, 0.5
    p = build(_frame(y, group=""))
    memory = baseline.remember(p.clean, p.coverage, p.coverage > 0, p.weekday, prior=baseline.Prior(0.5, 50.0))

    news = features.gap_surprise(p.count, memory)[91]

    assert 0.9 * news[0] < news[1] < news[0]
    assert news[2] == 0.0


def _rows(n: int = 3000) -> np.ndarray:
    rng = np.random.default_rng(2)
    rows = np.maximum(rng.exponential(0.5, (n, 5)) - 0.4, 0.0)
    rows[:, 4] = 0.0
    return rows


def test_shares_of_the_forest_add_up_to_its_score() -> None:
    rows = _rows()
    fitted = forest.fit(rows, 0, trees=50)

    told = forest.contributions(fitted, rows[:200])

    assert np.allclose(forest.start(fitted) + told.sum(axis=1), forest.shortness(fitted, rows[:200]), atol=1e-9)
    assert (told[:, 4] == 0).all()


def test_stranger_rows_score_higher_and_the_odd_feature_gets_the_credit() -> None:
    rows = _rows()
    fitted = forest.fit(rows, 0, trees=100)
    ordinary, odd = np.zeros((1, 5)), np.array([[0.0, 6.0, 0.0, 0.0, 0.0]])

    assert forest.shortness(fitted, odd)[0] > forest.shortness(fitted, ordinary)[0]
    assert forest.contributions(fitted, odd)[0].argmax() == 1


def test_the_sum_of_surprises_keeps_growing_where_a_forest_saturates() -> None:
    rows = np.random.default_rng(0).exponential(0.5, (5_000, len(features.NAMES)))
    fitted = forest.fit(rows, 0, trees=50)
    far = np.zeros((2, len(features.NAMES)))
    far[:, features.NAMES.index("s7")] = 10.0, 12.0

    short = forest.shortness(fitted, far)
    total = surprises.parts(far).sum(axis=1)

    assert short[0] == short[1]
    assert total[1] == pytest.approx(total[0] + 2.0 / surprises.UNIT)


def test_what_is_said_twice_counts_once() -> None:
    one, twice = np.zeros((1, len(features.NAMES))), np.zeros((1, len(features.NAMES)))
    one[0, features.NAMES.index("s7")] = twice[0, features.NAMES.index("s7")] = 4.0
    twice[0, features.NAMES.index("s14")] = 3.9
    one[0, features.NAMES.index("new14")] = twice[0, features.NAMES.index("new14")] = 2.0
    twice[0, features.NAMES.index("region14")] = 1.9

    assert surprises.parts(one).sum() == surprises.parts(twice).sum() > 0


def test_episodes_are_counted_for_every_threshold_at_once() -> None:
    scores = np.random.default_rng(0).normal(size=(300, 40))
    worth = calibration.calibrate(scores, 14)

    for at in (2.0, 2.5, 3.0):
        opened = calibration.openings(scores > at, 14).sum() / (scores.size / calibration.DAYS_PER_YEAR)
        assert float(worth.rate(np.array(at))) == pytest.approx(opened, rel=0.05)


def test_the_threshold_keeps_the_stated_rate() -> None:
    worth = calibration.calibrate(np.random.default_rng(0).normal(size=(2000, 100)), 14)
    fresh = np.random.default_rng(1).normal(size=(2000, 100))

    for rate in (0.3, 1.0, 3.0):
        opened = calibration.openings(fresh > worth.threshold(rate), 14).sum()
        assert opened / (fresh.size / calibration.DAYS_PER_YEAR) == pytest.approx(rate, rel=0.25)


def test_a_rate_too_low_to_count_gets_a_threshold_beyond_all_seen() -> None:
    worth = calibration.calibrate(np.random.default_rng(0).normal(size=(365, 20)), 14)

    low, lower = worth.threshold(0.01), worth.threshold(0.001)

    assert worth.threshold(0.5) < low < lower < 20


def test_probabilities_are_calibrated_and_floored() -> None:
    worth = calibration.calibrate(np.random.default_rng(0).normal(size=(2000, 100)), 14)

    p = worth.probability(np.array([0.0, 1.6448536, 3.0902323, 99.0]))

    assert p[:3] == pytest.approx([0.5, 0.05, 0.001], rel=0.1)
    assert p[3] == calibration.LEAST_PROBABILITY


def test_a_twin_has_the_traffic_of_its_model_and_no_surge() -> None:
    p = small()
    busy = p.count.copy()
    busy[120:130, 3] += 20.0
    from dataclasses import replace

    p = replace(p, count=busy, clean=busy, seen=busy)
    rates = features.fit(p)
    seen = features.see(p, rates)

    world_ = twin.simulate(p, seen.memory, rates, seed=1, route_years=60)

    assert world_.count.size >= 60 * 365
    assert world_.count.mean() == pytest.approx(np.delete(p.count, 3, axis=1).mean(), rel=0.2)
    assert panel.rolling(world_.count, 10).max() < panel.rolling(p.count, 10).max()


def test_pairs_are_seen_through_surges() -> None:
    rng = np.random.default_rng(4)
    y = rng.poisson(0.02, (400, 300))
    y = (y + rng.binomial(y, 0.2)).astype(float)
    y[200:214, :40] += rng.poisson(1.0, (14, 40))

    assert dispersion.pairs(y) == pytest.approx(0.2, abs=0.04)


def test_a_short_past_of_timetables_does_not_prove_that_weeks_are_alike() -> None:
    daily = panel.build(
        pd.DataFrame(
            {
                "route": np.repeat([f"r{i}" for i in range(20)], 60),
                "day": np.tile(pd.date_range("2024-06-01", periods=60), 20),
                "flights": 1.0,
            }
        )
    )

    prior = features.fit(daily).forward

    assert set(prior.tau2) == set(baseline.WINDOWS)
    assert min(prior.tau2.values()) == dispersion.LEAST_TAU2
