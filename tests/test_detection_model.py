"""A model's life: made again, cached, tested, monitored; and the walk through history."""

from __future__ import annotations

import json
import re
from dataclasses import replace
from functools import cache

import numpy as np
import pandas as pd
import pytest

from flightwatch import detection
from flightwatch.detection.features import NAMES
from flightwatch.errors import InputError
from flightwatch.words import LEAST_PROBABILITY
from tests.test_detection import DAYS, SINCE, model, with_surge, world

KEY = bytes(range(32))


def past() -> pd.DataFrame:
    rows = world()
    return rows[rows["day"] < DAYS[180]]


@cache
def walked() -> detection.Backtest:
    return detection.backtest(with_surge("r05", range(150, 162)), trees=50)


def test_a_record_makes_the_same_model_again() -> None:
    record = json.loads(json.dumps(model().to_record()))

    again = detection.from_record(record, world())

    assert again is not None
    assert again.id == model().id
    assert again.threshold == model().threshold


def test_a_record_of_other_data_or_another_recipe_makes_nothing() -> None:
    record = model().to_record()
    other = world()
    other.loc[5, "flights"] += 1

    assert detection.from_record(record, other) is None
    assert detection.from_record({**record, "recipe": "0"}, world()) is None


def test_the_cache_gives_back_the_same_model() -> None:
    blob = detection.seal(model(), KEY)

    again = detection.unseal(blob, KEY, model().to_record())

    assert again is not None
    rows = np.random.default_rng(0).exponential(1.0, (50, len(NAMES)))
    assert np.array_equal(again.raw(rows), model().raw(rows))


def test_no_forged_truncated_or_foreign_cache_is_ever_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    blob, record = detection.seal(model(), KEY), model().to_record()
    rng = np.random.default_rng(0)

    def never(*args: object) -> None:
        raise AssertionError("unpickled something that was not proved")

    monkeypatch.setattr("flightwatch.detection.cache.pickle.loads", never)
    for _ in range(100):
        bad = bytearray(blob)
        bad[int(rng.integers(len(bad)))] ^= 1 << int(rng.integers(8))
        assert detection.unseal(bytes(bad), KEY, record) is None
        assert detection.unseal(blob[: int(rng.integers(len(blob)))], KEY, record) is None
    assert detection.unseal(blob, KEY[::-1], record) is None
    assert detection.unseal(blob, b"short", record) is None
    assert detection.unseal(b"", KEY, record) is None
    assert detection.unseal(blob, KEY, {**record, "id": "forest-1-other"}) is None


def test_a_cache_of_other_library_versions_is_not_loaded(monkeypatch: pytest.MonkeyPatch) -> None:
    blob = detection.seal(model(), KEY)

    monkeypatch.setattr("flightwatch.detection.cache.versions", lambda: {"python": "2.7"})

    assert detection.unseal(blob, KEY, model().to_record()) is None


def test_a_sound_model_may_serve_and_one_with_a_low_threshold_may_not() -> None:
    careless = replace(model(), settings=detection.Settings(false_alerts_per_route_year=0.5))
    worth = careless.calibration
    careless = replace(careless, calibration=replace(worth, thresholds=worth.thresholds - 1.0))

    sound, bad = detection.trial(model(), past()), detection.trial(careless, past())

    assert sound.fit, sound.reasons
    assert not bad.fit
    assert "episodes per route-year" in bad.reasons[0]


def test_drift_is_seen_when_the_world_changes_and_not_before() -> None:
    rows = world()
    later = rows["day"] >= DAYS[170]
    rng = np.random.default_rng(0)
    rows.loc[later, "flights"] += rng.poisson(0.3, int(later.sum()))

    calm = detection.drift(model(), world(), since=DAYS[170].date())
    moved = detection.drift(model(), rows, since=DAYS[170].date())

    assert not calm["drifted"].any()
    assert moved.set_index("feature").loc["s28", "drifted"]


def test_flagged_days_left_out_do_not_teach() -> None:
    rows = with_surge("r05", range(140, 160))
    taught = rows[rows["day"] < DAYS[180]]
    left_out = pd.DataFrame({"route": "r05", "day": DAYS[140:160]})

    plain = detection.train(taught)
    careful = detection.train(taught, exclude=left_out)
    again = [
        detection.score(rows, model=careful, since=SINCE, exclude=e).query("route == 'r05'")["expected"].iloc[-1]
        for e in (None, left_out)
    ]

    assert plain.id != careful.id
    assert again[1] < again[0]


def test_all_routes_together_keep_only_what_stands() -> None:
    found = detection.score(with_surge("r05", range(190, 200)), model=model(), since=SINCE)

    kept = detection.across_routes(found)

    assert "r05" in set(found.loc[kept, "route"])
    assert kept.sum() < 15
    assert (found.loc[kept, "observed"] > found.loc[kept, "expected"]).all()
    assert detection.statement(found).startswith("1 of 40 routes")


def test_an_explanation_adds_up_and_says_what_would_have_kept_it_quiet() -> None:
    rows = with_surge("r05", range(190, 200))

    told = detection.explain(rows, "r05", DAYS[199].date(), model=model())

    assert sum(w for _, w in told.weights) == pytest.approx(told.finding["score"], abs=1e-9)
    assert told.fewer is not None
    rows = rows.sort_values(["route", "day"], ignore_index=True)
    mine = rows.index[(rows["route"] == "r05") & (rows["flights"] > 0)]
    fewer = rows.copy()
    fewer.loc[mine[-told.fewer :], "flights"] = 0.0
    almost = rows.copy()
    almost.loc[mine[len(mine) - told.fewer + 1 :], "flights"] = 0.0
    last = [
        detection.score(r, model=model(), since=DAYS[199].date()).query("route == 'r05'")["flagged"].item()
        for r in (fewer, almost)
    ]
    assert last == [False, True]


def test_an_explanation_of_a_day_nobody_knows_is_refused() -> None:
    with pytest.raises(InputError, match="nothing is known of 'nowhere'"):
        detection.explain(world(), "nowhere", DAYS[199].date(), model=model())


def test_a_backtest_finds_the_surge_and_says_when() -> None:
    mine = walked().alerts.query("route == 'r05'")

    assert len(mine) == 1
    assert mine["opened"].item() <= DAYS[152]
    assert mine["since"].item() == DAYS[150]
    assert walked().summary["routes"] == 40
    assert walked().summary["false_alerts_expected"] > 0


def test_cutting_the_future_off_changes_no_backtest() -> None:
    rows = with_surge("r05", range(150, 162))

    cut = detection.backtest(rows[rows["day"] < DAYS[160]], trees=50)

    same = walked().findings[walked().findings["day"] < DAYS[160]].reset_index(drop=True)
    pd.testing.assert_frame_equal(same, cut.findings)


def test_a_backtest_is_plain_json() -> None:
    told = json.loads(json.dumps(walked().to_dict()))

    assert set(told) == {"alerts", "summary"}
    assert told["alerts"][0]["id"] == 1
    assert told["alerts"][0]["opened"].endswith("T00:00:00Z")


def test_the_report_stands_alone_and_escapes_names() -> None:
    rows = with_surge("r05", range(150, 162))
    rows["route"] = rows["route"].where(rows["route"] != "r05", "<script>alert(1)</script>")

    page = detection.backtest_report(detection.backtest(rows, trees=50, since=DAYS[140].date()))

    assert "&lt;script&gt;" in page
    assert "<script" not in page
    for loaded in ("src=", "href=", "http:", "https:", "url("):
        assert loaded not in page
    assert "<svg" in page


def test_the_report_states_odds_as_far_as_the_calibration_carries_and_counts_in_two_figures() -> None:
    result = detection.backtest(with_surge("r05", range(150, 162)), trees=50, since=DAYS[140].date())
    assert result.alerts["probability"].min() == LEAST_PROBABILITY

    page = detection.backtest_report(result)

    assert "at most 1 in 3,300" in page
    assert "3,333" not in page
    assert not re.search(r"[1-9]\d*\.\d\d+( a day<| flights, coverage)", page)


def test_a_backtest_needs_more_than_sixty_days() -> None:
    rows = world()

    with pytest.raises(InputError, match="more than 60 days"):
        detection.backtest(rows[rows["day"] < DAYS[50]])


def test_a_backtest_of_a_route_nobody_knows_is_refused() -> None:
    with pytest.raises(InputError, match="no route is named"):
        detection.backtest(world(), route="nowhere")
