"""The demo's feed speaks the v2 API: each filter gives what it says, and the outage refuses every request."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import requests

from flightwatch import geo
from flightwatch.demo.feed import Feed
from flightwatch.demo.world import World

AGENT = {"User-Agent": "flightwatch/test (+test@example.org)"}


@pytest.fixture(scope="module")
def world() -> World:
    return World.generate(11, days=40)


@pytest.fixture
def feed(world: World) -> Iterator[Feed]:
    with Feed(world) as running:
        yield running


def ask(feed: Feed, path: str) -> dict[str, Any]:
    answer = requests.get(feed.url + path, headers=AGENT, timeout=5)
    assert answer.status_code == 200, answer.text
    return answer.json()


def busy(world: World) -> float:
    """A moment of the first live day with airliners, an Il-76 and a military aircraft in the air."""
    for when in range(int(world.live), int(world.end), 900):
        if world.down(when):
            continue
        fixes = world.now(when)
        frames = [world.airframes[i] for i in world.legs.airframe[fixes.leg]]
        if len(frames) > 6 and any(a.typecode == "IL76" for a in frames) and any(a.flags & 1 for a in frames):
            return float(when)
    raise AssertionError("no such moment")


def test_the_envelope_is_that_of_v2(feed: Feed, world: World) -> None:
    when = busy(world)
    feed.set_time(datetime.fromtimestamp(when, tz=UTC))

    body = ask(feed, "/v2/point/34/30/250")

    assert set(body) == {"ac", "msg", "now", "total", "ctime", "ptime"}
    assert body["now"] == round(when * 1000)
    assert body["total"] == len(body["ac"]) > 0


def test_types_are_exact(feed: Feed, world: World) -> None:
    feed.set_time(busy(world))

    assert {a["t"] for a in ask(feed, "/v2/type/IL76,A124")["ac"]} <= {"IL76", "A124"}
    assert ask(feed, "/v2/type/IL76")["total"] >= 1
    assert ask(feed, "/v2/type/IL7")["total"] == 0


def test_mil_gives_the_flagged_and_only_them(feed: Feed, world: World) -> None:
    when = busy(world)
    feed.set_time(when)

    given = {a["hex"] for a in ask(feed, "/v2/mil")["ac"]}

    frames = [world.airframes[i] for i in world.legs.airframe[world.now(when).leg]]
    assert given == {a.icao24 for a in frames if a.flags & 1}


def test_a_point_gives_what_is_in_its_circle_with_distance_and_direction(feed: Feed, world: World) -> None:
    when = busy(world)
    feed.set_time(when)

    inside = ask(feed, "/v2/point/33.5/32/200")["ac"]

    for a in inside:
        assert a["dst"] == pytest.approx(float(geo.distance(33.5, 32, a["lat"], a["lon"])), abs=0.01)
        assert a["dst"] <= 200
        assert 0 <= a["dir"] < 360
    fixes = world.now(when)
    away = geo.distance(33.5, 32, fixes.latitude, fixes.longitude)
    assert len([a for a in inside if not a["hex"].startswith("~")]) == ((away <= 200) & fixes.placed).sum()


def test_the_radius_is_cut_at_250(feed: Feed, world: World) -> None:
    feed.set_time(busy(world))

    assert ask(feed, "/v2/point/33.5/32/2000")["total"] == ask(feed, "/v2/point/33.5/32/250")["total"]


def test_the_other_spellings_answer_alike(feed: Feed, world: World) -> None:
    feed.set_time(busy(world))

    point = ask(feed, "/v2/point/33.5/32/250")["ac"]

    assert ask(feed, "/v2/lat/33.5/lon/32/dist/250")["ac"] == point
    hexes = [a["hex"] for a in point if not a["hex"].startswith("~")]
    assert {a["hex"] for a in ask(feed, "/v2/icao/" + ",".join(hexes))["ac"]} == set(hexes)


def test_the_same_moment_gives_the_same_answer(feed: Feed, world: World) -> None:
    when = busy(world)
    feed.set_time(when)
    first = ask(feed, "/v2/mil")
    feed.set_time(when + 600)
    feed.set_time(when)

    assert ask(feed, "/v2/mil") == first


def test_in_the_outage_everything_is_refused(feed: Feed, world: World) -> None:
    feed.set_time(world.faults.outage[0] + 1)

    answers = [requests.get(feed.url + p, headers=AGENT, timeout=5) for p in ("/v2/mil", "/v2/point/34/30/250")]

    assert {a.status_code for a in answers} == {503}
    assert feed.failures == 2
    feed.set_time(world.faults.outage[1])
    assert ask(feed, "/v2/mil")["msg"] == "No error"


def test_a_client_that_does_not_say_who_it_is_gets_403(feed: Feed) -> None:
    answer = requests.get(feed.url + "/v2/mil", timeout=5)

    assert answer.status_code == 403
    assert "contact" in answer.text


def test_an_unknown_path_is_404(feed: Feed) -> None:
    assert requests.get(feed.url + "/v2/all", headers=AGENT, timeout=5).status_code == 404


def test_requests_are_counted(feed: Feed) -> None:
    ask(feed, "/v2/mil")
    ask(feed, "/v2/type/IL76")

    assert feed.requests == 2


def test_the_receivers_own_file_has_seconds_and_no_database(feed: Feed, world: World) -> None:
    when = busy(world)
    feed.set_time(when)

    body = ask(feed, "/data/aircraft.json")

    assert body["now"] == pytest.approx(when)
    assert all("r" not in a and "t" not in a for a in body["aircraft"])


def test_callsigns_are_padded_and_a_non_icao_address_is_marked(feed: Feed, world: World) -> None:
    feed.set_time(busy(world))

    aircraft = ask(feed, "/v2/point/33.5/32/250")["ac"]

    assert all(len(a["flight"]) == 8 for a in aircraft if "flight" in a)
    assert any(a["hex"].startswith("~") for a in aircraft)
