"""Jobs on a real store: order, chunks and midnight change nothing, and late records repair flights."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pandas as pd
import pytest

from flightwatch import config
from flightwatch.config import Settings
from flightwatch.jobs import backfill as history
from flightwatch.jobs.backfill import backfill, done
from flightwatch.jobs.build import build_flights
from flightwatch.jobs.context import Context
from flightwatch.jobs.learn import rules
from flightwatch.jobs.poll import store as store_answers
from flightwatch.records import Fetched, Poll
from flightwatch.sources import readsb, traces
from flightwatch.store import Store, open_store
from tests.fakes.sky import Sky, Trip

START = datetime(2024, 12, 1, 20, 0, tzinfo=UTC)
DAY, HOUR, MINUTE = timedelta(days=1), timedelta(hours=1), timedelta(minutes=1)


def fleet(days: int = 4) -> list[Trip]:
    """An airframe that goes dark before landing and comes back, one seen all the way over midnight, a short hop."""
    trips = []
    for n in range(days):
        at = START + n * DAY
        trips += [
            Trip("152049", "RSD101", "UMMS", "HLLB", at, typecode="IL76", heard_to=0.85),
            Trip("152049", "RSD102", "HLLB", "UMMS", at + 7 * HOUR, typecode="IL76", heard_from=0.2),
            Trip("4ca123", "EIN201", "EDDF", "LIRF", at + 3 * HOUR, typecode="A320", level_ft=36_000),
            Trip("4ca123", "EIN202", "LIRF", "EDDF", at + 7 * HOUR, typecode="A320", level_ft=36_000),
            Trip("3c6444", "DLH301", "EDDM", "EDDF", at + HOUR, typecode="A320", level_ft=24_000),
        ]
    return trips


@pytest.fixture(scope="module")
def sky() -> Sky:
    return Sky(fleet())


@pytest.fixture(scope="module")
def folders(sky: Sky, tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    return sky.write_traces(tmp_path_factory.mktemp("globe"))


@pytest.fixture
def store() -> Iterator[Store]:
    with open_store("sqlite://", create=True) as made:
        yield made


def loaded(parts: Sequence[Sequence[Path]], *, batch: int = 64) -> pd.DataFrame:
    """The flights of a fresh store after each part was backfilled."""
    with open_store("sqlite://", create=True) as store:
        ctx = Context(Settings(), store)
        for part in parts:
            backfill(ctx, traces.pieces(part, batch=batch))
        return store.flights(with_track=True)


FIRM = [
    "flight_id", "icao24", "callsign", "callsigns", "typecode", "firstseen", "lastseen", "departure_method",
    "arrival_method", "points", "longest_gap_s", "distance_nm", "status", "suspect", "track",
]  # fmt: skip
"""Columns that do not depend on where an airframe was seen before."""


def same(a: pd.DataFrame, b: pd.DataFrame, columns: Sequence[str]) -> None:
    pd.testing.assert_frame_equal(a[list(columns)], b[list(columns)])


EVERYTHING = [*FIRM, "estdepartureairport", "estarrivalairport", "departure_candidates", "arrival_candidates"]


def test_the_size_of_the_pieces_changes_nothing(folders: list[Path]) -> None:
    whole = loaded([folders])

    assert len(whole) == len(fleet())
    assert set(whole["typecode"]) == {"IL76", "A320"}
    same(loaded([folders], batch=1), whole, EVERYTHING)


def test_the_size_of_the_chunks_changes_no_flight(folders: list[Path], monkeypatch: pytest.MonkeyPatch) -> None:
    whole = loaded([folders])

    monkeypatch.setattr(history, "CHUNK_BYTES", 1)
    parts = loaded([folders], batch=1)

    same(parts, whole, [c for c in FIRM if not c.endswith("method")])
    seen = whole["arrival_method"].isin(["observed", "approach"]).to_numpy()
    same(parts[seen], whole[seen], ["estarrivalairport", "arrival_method", "arrival_candidates"])


def test_a_history_read_day_by_day_gives_the_flights_of_one_go(folders: list[Path]) -> None:
    whole, daily = loaded([folders]), loaded([[f] for f in folders])

    same(daily, whole, [c for c in FIRM if not c.endswith("method")])
    for side in ("departure", "arrival"):
        seen = whole[f"{side}_method"].isin(["observed", "approach"]).to_numpy()
        same(daily[seen], whole[seen], [f"est{side}airport", f"{side}_method", f"{side}_candidates"])
        for now, once in zip(daily[f"{side}_candidates"], whole[f"{side}_candidates"], strict=True):
            assert set(now) >= {a for a, p in once.items() if p > 0.1}  # past visits add weight, they remove nothing


def test_midnight_cuts_no_flight(folders: list[Path]) -> None:
    daily = loaded([[f] for f in folders])
    across = daily[daily["firstseen"].dt.date != daily["lastseen"].dt.date]

    assert len(across) >= 4
    assert (across["longest_gap_s"] <= 60).all()


def test_an_older_day_read_after_a_newer_one_takes_nothing_away(folders: list[Path]) -> None:
    forward, backward = loaded([[f] for f in folders]), loaded([[f] for f in reversed(folders)])
    inside = forward["firstseen"].dt.date == forward["lastseen"].dt.date

    assert set(forward.loc[inside, "flight_id"]) <= set(backward["flight_id"])
    assert backward["points"].sum() == forward["points"].sum()


def test_read_twice_is_there_once(folders: list[Path]) -> None:
    same(loaded([folders, folders]), loaded([folders]), EVERYTHING)


def hear(ctx: Context, sky: Sky, minutes: Sequence[datetime]) -> None:
    """Polls of these minutes, stored together as the poller stores the answers of one round."""
    answers = []
    for when in minutes:
        found = readsb.parse(sky.v2(when), source="adsblol", received=when)
        poll = Poll("adsblol", "v2/mil", when, when, "ok", kept=len(found.observations))
        answers.append(Fetched(poll, found.observations, found.aircraft, found.rejected))
    store_answers(ctx, answers, "poll:adsblol", minutes[-1])


def polled(store: Store, sky: Sky, minutes: Sequence[datetime], *, every: int = 40) -> Context:
    """The fixes of these minutes as live polls, flights built every so many of them and at the end."""
    ctx = Context(Settings(), store)
    for n in range(0, len(minutes), every):
        hear(ctx, sky, minutes[n : n + every])
        build_flights(ctx, minutes[min(n + every, len(minutes)) - 1])
    build_flights(ctx, max(minutes) + 3 * HOUR)
    return ctx


def test_live_polling_gives_the_flights_the_archive_gives(store: Store, tmp_path: Path) -> None:
    own = Sky(fleet(1))
    polled(store, own, own.minutes, every=120)

    live = store.flights()
    archived = loaded([own.write_traces(tmp_path)])

    columns = ["flight_id", "callsign", "typecode", "lastseen", "points", "longest_gap_s", "status",
               "estdepartureairport", "departure_method", "estarrivalairport", "arrival_method"]  # fmt: skip
    same(live, archived, columns)


def test_how_often_flights_are_built_changes_nothing() -> None:
    own = Sky([t for t in fleet(1) if t.icao24 == "3c6444"])
    found = []
    for every in (1, 7, 10_000):
        with open_store("sqlite://", create=True) as store:
            polled(store, own, own.minutes, every=every)
            found.append(store.flights(with_track=True))

    same(found[0], found[2], EVERYTHING)
    same(found[1], found[2], EVERYTHING)
    assert found[0]["departure_method"].tolist() == ["observed"]


def test_a_late_record_repairs_a_flight(store: Store) -> None:
    own = Sky([t for t in fleet(1) if t.icao24 == "3c6444"])
    late = own.minutes[8:16]
    ctx = polled(store, own, [m for m in own.minutes if m not in late])
    before = store.flights()

    hear(ctx, own, late)
    build_flights(ctx, own.minutes[-1] + 4 * HOUR)
    after = store.flights()

    assert before["longest_gap_s"].tolist() == [9 * 60]
    assert after["longest_gap_s"].tolist() == [60]
    assert after["points"].tolist() == [len(own.minutes)]
    assert after["flight_id"].tolist() == before["flight_id"].tolist()


def test_the_order_of_polls_changes_nothing(store: Store) -> None:
    own = Sky([t for t in fleet(1) if t.icao24 == "4ca123"])
    shuffled = random.Random(3).sample(own.minutes, len(own.minutes))
    polled(store, own, own.minutes)
    with open_store("sqlite://", create=True) as other:
        polled(other, own, shuffled)
        mixed = other.flights(with_track=True)

    same(mixed, store.flights(with_track=True), EVERYTHING)


def test_history_before_between_and_beside_live_days_takes_no_flight_away(tmp_path: Path, store: Store) -> None:
    """A live day, a day with the daemon off, a live day; then the archive of all three, and of the day before."""
    own = Sky(fleet(4))
    by_day = {d: [m for m in own.minutes if m.date() == d] for d in own.days()}
    first, off, again = own.days()[1:4]
    ctx = polled(store, own, by_day[first], every=400)
    backfill(ctx, traces.pieces(own.write_traces(tmp_path / "gap", [off])))
    hear(ctx, own, by_day[again])
    build_flights(ctx, by_day[again][-1] + 3 * HOUR)

    held = store.flights()
    backfill(ctx, traces.pieces(own.write_traces(tmp_path / "older", own.days()[:1])))
    after_older = store.flights()
    backfill(ctx, traces.pieces(own.write_traces(tmp_path / "beside", [first])))
    at_last = store.flights()

    covered = sum(len(own.at(m)) for d in (first, off, again) for m in by_day[d])
    assert held["points"].sum() == covered
    assert set(held["flight_id"][1:]) <= set(after_older["flight_id"])
    assert after_older["points"].sum() == covered + sum(len(own.at(m)) for m in by_day[own.days()[0]])
    assert at_last["points"].sum() == after_older["points"].sum()
    overlap = at_last.sort_values(["icao24", "firstseen"])
    follows = overlap["icao24"] == overlap["icao24"].shift()
    assert (overlap["firstseen"] > overlap["lastseen"].shift())[follows].all()


def test_pieces_that_are_stored_are_passed_over_and_counted(store: Store, folders: list[Path]) -> None:
    ctx = Context(Settings(), store)
    backfill(ctx, traces.pieces(folders[:1]))

    held = done(ctx, "readsb")
    report = backfill(ctx, traces.pieces(folders[:2], done=held), done=held)

    assert report.skipped == 1
    assert report.pieces >= 1


def test_the_day_of_changed_flights_is_counted_again(store: Store, folders: list[Path]) -> None:
    from flightwatch.jobs.judge import judge

    settings = config.load(environ={}, overrides={"discover.pairs": "none"})
    ctx = Context(settings, store)
    backfill(ctx, traces.pieces(folders[:2]))
    judge(ctx, START + 10 * DAY)
    before = store.route_days()
    backfill(ctx, traces.pieces(folders[2:]))
    judge(ctx, START + 10 * DAY)
    with open_store("sqlite://", create=True) as other:
        fresh = Context(settings, other)
        backfill(fresh, traces.pieces(folders))
        judge(fresh, START + 10 * DAY)
        once = other.route_days()

    columns = ["route", "day", "confirmed", "looked"]
    assert before["day"].nunique() == 3
    assert before["flights"].sum() > 0.5
    pd.testing.assert_frame_equal(store.route_days()[columns], once[columns])


def test_pairs_nobody_named_have_a_stricter_rate_than_the_watch_list(store: Store) -> None:
    settings = config.load(None, environ={}, overrides={"contact": "desk@example.org"})
    ctx = Context(settings, store)
    pair = replace(ctx.routes[0], name="RU to LY", discovered=True)
    store.save_routes([*ctx.routes, pair], at=START)

    stated = rules(ctx)

    assert stated.rates == {"RU to LY": settings.discover.false_alerts_per_route_year}
    assert stated.rates["RU to LY"] < stated.false_alerts_per_route_year


def test_a_round_just_made_is_not_due_for_the_next_leader_however_short_the_beat(tmp_path: Path) -> None:
    made = datetime(2024, 12, 14, 3, 5, 0, 990_000, tzinfo=UTC)
    with open_store(f"sqlite:///{tmp_path / 'a.db'}", create=True) as store:
        ctx = Context(Settings(), store)
        ctx.done("poll:feed", made)

        assert not ctx.due("poll:feed", timedelta(seconds=0.9), made + timedelta(seconds=0.3))
        assert ctx.due("poll:feed", timedelta(seconds=0.9), made + timedelta(seconds=0.9))
