"""Which model is in use, and which days it learns from."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from click.testing import CliRunner

from flightwatch import config, detection
from flightwatch.jobs import learn
from flightwatch.jobs.context import Context
from flightwatch.store import Store, open_store
from flightwatch.telling import Alert, Changes, Episode

NOW = datetime(2024, 9, 1, 6, 0, tzinfo=UTC)
DAYS = pd.date_range("2024-05-01", "2024-08-31").astype("datetime64[s]")
NOBODY = pd.DataFrame({"route": pd.Series(dtype=object), "day": pd.Series(dtype="datetime64[s]")})


def world(routes: int = 30) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    counts = rng.poisson(np.geomspace(0.02, 1.0, routes), (len(DAYS), routes)).astype(float)
    names = np.repeat([f"r{i:02d}" for i in range(routes)], len(DAYS))
    return pd.DataFrame({"route": names, "day": np.tile(DAYS, routes), "flights": counts.T.ravel()})


@pytest.fixture
def ctx() -> Iterator[Context]:
    settings = config.load(None, environ={}, overrides={"contact": "desk@example.org"})
    with open_store("sqlite://", create=True) as store:
        store.replace_route_days(world())
        yield Context(settings, store)


def alert(number: int, status: str, reason: str) -> Episode:
    first, last = DAYS[-30].date(), DAYS[-28].date()
    return Episode(
        Alert(number, f"r{number:02d}", (f"r{number:02d}",), NOW, first, last, status, "watch", "a surge", {}, NOW,
              reason=reason)
    )  # fmt: skip


def store_alerts(store: Store) -> None:
    found = detection.score(world(), since=DAYS[-30].date())
    found["flagged"] = found["route"].isin(["r01", "r02", "r03"]) & found["day"].between(DAYS[-30], DAYS[-28])
    store.save_findings(found, at=NOW)
    told = [alert(1, "open", ""), alert(2, "dismissed", "airshow"), alert(3, "dismissed", "ordinary: summer schedule")]
    store.save_alerts(Changes(opened=tuple(told)), now=NOW)


def test_unusual_days_do_not_teach_unless_somebody_called_them_ordinary(ctx: Context) -> None:
    store_alerts(ctx.store)

    left_out = learn.exclude(ctx)

    assert set(left_out["route"]) == {"r01", "r02"}
    assert len(left_out) == 2 * 3


def test_a_dismissal_as_ordinary_changes_what_is_usual_and_another_does_not(ctx: Context) -> None:
    rows = ctx.store.route_days()
    busy = rows["route"].isin(["r02", "r03"]) & rows["day"].between(DAYS[-30], DAYS[-28])
    rows.loc[busy, "flights"] = 6.0
    store_alerts(ctx.store)
    model = detection.train(world())

    kept, all_taught = (
        detection.score(rows, model=model, since=DAYS[-1].date(), exclude=out).set_index("route")["expected"]
        for out in (learn.exclude(ctx), NOBODY)
    )

    assert kept["r03"] == all_taught["r03"]
    assert kept["r02"] < all_taught["r02"]


def test_a_model_that_keeps_its_rate_is_promoted_and_made_again_after_a_restart(ctx: Context) -> None:
    days = ctx.store.route_days()
    made = learn.train(ctx, days, NOBODY, NOW)

    again = learn.remade(replace(ctx, model=None), days, NOBODY)

    assert made is not None
    assert again is not None
    assert again.id == made.id
    assert again.threshold == made.threshold


def test_a_model_that_does_not_keep_its_rate_never_takes_the_place_of_one_that_does(
    ctx: Context, monkeypatch: pytest.MonkeyPatch
) -> None:
    days = ctx.store.route_days()
    first = learn.train(ctx, days, NOBODY, NOW)
    assert first is not None
    monkeypatch.setattr(detection, "trial", lambda *_: detection.Trial(False, 0.5, 3.0, 0.2, ("too many",)))
    later = datetime(2024, 9, 8, 6, 0, tzinfo=UTC)
    poisoned = days[days["day"] > DAYS[20]]

    in_process = learn.train(ctx, poisoned, NOBODY, later)
    ctx.model = None  # a restart
    from_store = learn.train(ctx, days, NOBODY, later)

    assert in_process is not None
    assert from_store is not None
    assert in_process.id == first.id == from_store.id
    assert [r["id"] for r in ctx.store.models()] == [first.id]


def test_drift_is_told_on_the_command_line(tmp_path, monkeypatch: pytest.MonkeyPatch) -> None:
    from flightwatch.cli import app

    file = tmp_path / "config.toml"
    file.write_text('contact = "desk@example.org"\n[database]\nurl = "sqlite:///flightwatch.db"\n')
    settings = config.load(file, environ={})
    with open_store(settings.database.url, create=True) as store:
        days = world()
        days.loc[days["day"] >= DAYS[-30], "flights"] += 1.0
        store.replace_route_days(days)
        own = Context(settings, store)
        past = store.route_days()
        assert learn.train(own, past[past["day"] < DAYS[-30]], NOBODY, NOW) is not None

    told = CliRunner().invoke(app, ["model", "drift", "--config", str(file)])

    assert told.exit_code == 0, told.output
    assert "flights in 7 days" in told.output
    assert "drifted" in told.output


def test_an_archive_of_years_ago_teaches_as_it_did_then(ctx: Context) -> None:
    days = ctx.store.route_days()

    then = learn.train(ctx, days, NOBODY, NOW)
    later = learn.train(ctx, days, NOBODY, NOW + timedelta(days=3 * 366))

    assert then is not None
    assert later is not None
    assert later.id == then.id


def test_only_as_many_days_teach_as_the_settings_say(ctx: Context) -> None:
    short = config.load(None, environ={}, overrides={"contact": "desk@example.org", "detection.training_days": 30})
    ctx = replace(ctx, settings=short)

    model = learn.train(ctx, ctx.store.route_days(), NOBODY, NOW)

    assert model is not None
    assert (model.first_day, model.last_day) == (DAYS[-30], DAYS[-1])
