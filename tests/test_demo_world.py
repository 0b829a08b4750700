"""The generated world: the same for a seed, possible to fly, and with everything that must not fool us."""

from __future__ import annotations

import numpy as np
import pytest

from flightwatch import geo
from flightwatch.demo.legs import state
from flightwatch.demo.network import MINSK, MOSCOW
from flightwatch.demo.receivers import silent
from flightwatch.demo.schedule import airport
from flightwatch.demo.truth import truth
from flightwatch.demo.world import World


@pytest.fixture(scope="module")
def world() -> World:
    return World.generate(7, days=40)


def test_the_same_seed_gives_the_same_world(world: World) -> None:
    again = World.generate(7, days=40)

    assert truth(again) == truth(world)
    assert again.history().equals(world.history())


def test_another_seed_gives_another_world(world: World) -> None:
    other = World.generate(8, days=40)

    assert not np.array_equal(other.legs.offblock[:100], world.legs.offblock[:100])


def test_without_the_surge_the_rest_stays_as_it_was(world: World) -> None:
    quiet = World.generate(7, days=40, surge=False)

    assert "surge" not in set(quiet.legs.kind)
    assert quiet.faults == world.faults
    before = world.legs.offblock < world.surge_start
    assert np.array_equal(quiet.legs.offblock[: before.sum()], world.legs.offblock[before])


def test_an_airframe_always_leaves_from_where_it_landed(world: World) -> None:
    legs = world.legs
    for airframe in np.unique(legs.airframe):
        rows = np.flatnonzero(legs.airframe == airframe)

        assert list(legs.origin[rows[1:]]) == list(legs.destination[rows[:-1]])
        assert (legs.offblock[rows[1:]] > legs.onblock[rows[:-1]]).all()


def test_every_leg_begins_and_ends_at_its_airports(world: World) -> None:
    rows = np.arange(0, len(world.legs), 7)
    for when, names in ((world.legs.takeoff, world.legs.origin), (world.legs.landing, world.legs.destination)):
        at = state(world.legs, rows, when[rows])
        places = [airport(code) for code in names[rows]]

        away = geo.distance(at.latitude, at.longitude, [p.latitude for p in places], [p.longitude for p in places])
        assert away.max() < 0.5


def test_no_leg_is_faster_than_its_type_or_jumps(world: World) -> None:
    rows = np.flatnonzero(world.legs.kind != "airliner")
    for row in rows[:60]:
        when = np.arange(world.legs.takeoff[row], world.legs.landing[row], 30.0)
        at = state(world.legs, np.full(len(when), row), when)

        step = geo.distance(at.latitude[:-1], at.longitude[:-1], at.latitude[1:], at.longitude[1:]) / 30 * 3600
        assert step.max() <= world.legs.cruise_kt[row] * 1.01
        assert np.abs(np.diff(at.altitude)).max() < 1800  # 3600 ft/min: the steepest start of a climb


def test_the_surge_begins_on_the_first_live_day_and_flies_several_times_a_week(world: World) -> None:
    surge = truth(world)["surge"]

    assert surge["first_day"] == world.live_day.isoformat()
    assert len(surge["flight_days"]) >= 3
    flights = [f for f in truth(world)["flights"] if f["id"] in surge["flights"]]
    assert {f["origin"] for f in flights} <= {code for code, _ in MOSCOW + MINSK}
    assert {f["typecode"] for f in flights} == {"IL76"}


def test_before_the_surge_moscow_and_minsk_fly_to_benghazi_less_than_once_a_week() -> None:
    counts = [len(truth(World.generate(seed, airliners=0.0))["surge"]["history"]) for seed in range(6)]

    assert 0 < np.mean(counts) / 26 < 0.5  # per week of half a year


def test_surge_flights_go_dark_before_landing_and_some_are_first_seen_south_of_crete() -> None:
    first, last = [], []
    for seed in range(12):
        world = World.generate(seed, days=10, airliners=0.0)
        for f in truth(world)["flights"]:
            if f["kind"] == "surge" and f["destination"] in ("HLLB", "HL59") and f["points"]:
                mine = world.written.take(np.flatnonzero(world.written.leg == f["id"]))
                first.append(mine.latitude[0])
                last.append(f["last_heard"] < f["landing"])

    assert np.mean(last) > 0.8
    assert 0.03 < np.mean(np.array(first) < 35.5) < 0.4


def test_nobody_hears_a_transponder_that_is_off(world: World) -> None:
    fixes = world.written

    assert not silent(world.legs, fixes.leg, fixes.when).any()


def test_over_the_interior_of_libya_nobody_listens(world: World) -> None:
    fixes = world.written
    inside = (fixes.latitude < 29.5) & (fixes.latitude > 20) & (fixes.longitude > 11) & (fixes.longitude < 24)

    assert not inside.any()


def test_a_spoofed_cluster_throws_many_airframes_onto_one_airport_at_height() -> None:
    busiest = 0
    for seed in range(4):
        world = World.generate(seed, days=40)
        fixes = world.written
        for spoof in world.faults.spoofs:
            hit = np.flatnonzero(fixes.false & (fixes.when >= spoof.start) & (fixes.when < spoof.end))
            away = geo.distance(spoof.latitude, spoof.longitude, fixes.latitude[hit], fixes.longitude[hit])
            assert (away < 1 / 1.852).all()
            assert (fixes.altitude[hit] > 3000).all()
            window = (fixes.when[hit] // 600).astype(int)
            frames = world.legs.airframe[fixes.leg[hit]]
            busiest = max([busiest, *(len(set(frames[window == w])) for w in np.unique(window))])

    assert busiest >= 5  # within ten minutes


def test_the_new_receiver_makes_its_area_busier_although_nobody_flies_more() -> None:
    with_it, without = World.generate(3, days=40), World.generate(3, days=40, faults=False)
    since = with_it.faults.receiver.since

    def heard(world: World) -> int:
        fixes = world.written
        near = geo.distance(31.55, 25.2, fixes.latitude, fixes.longitude) < 150
        return int((near & (fixes.when >= since)).sum())

    assert len(with_it.legs) == len(without.legs)
    assert heard(with_it) > 1.5 * heard(without)


def test_the_outage_lasts_half_a_day_within_the_live_days(world: World) -> None:
    begin, end = world.faults.outage

    assert end - begin == 12 * 3600
    assert world.live < begin < end <= world.end
    polled = world.polled(1800)
    times = polled["time"].astype("int64").to_numpy() / 1000
    assert len(polled) > 200
    assert not ((times > begin) & (times < end - 60)).any()
