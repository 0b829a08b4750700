"""What is said about our own data: once per cause, and again when it is over."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd
import pytest

from flightwatch import alerts
from flightwatch.alerts import Audience
from flightwatch.records import FLIGHT, MATCH, ROUTE_DAY, conform, empty
from flightwatch.telling import Notice
from tests.fakes.episodes import MOSCOW_MINSK, ROUTES, RUSSIA, World

NOW = datetime(2024, 12, 14, 13, 0, tzinfo=UTC)


def polls(*outcomes: str, source: str = "adsblol", every_min: int = 10) -> pd.DataFrame:
    """Planned polls up to now, the last one just done."""
    ends = [NOW - timedelta(minutes=every_min * i) for i in range(len(outcomes))][::-1]
    return pd.DataFrame(
        {
            "source": source, "started": pd.Series(ends, dtype="datetime64[ms, UTC]"),
            "finished": pd.Series(ends, dtype="datetime64[ms, UTC]"), "outcome": list(outcomes), "planned": True,
        }
    )  # fmt: skip


def covered(*values: float, route: str = MOSCOW_MINSK) -> pd.DataFrame:
    """Route-days that end today."""
    days = [NOW.date() - timedelta(days=i) for i in range(len(values))][::-1]
    return conform(pd.DataFrame({"route": route, "day": days, "flights": 0.0, "coverage": values}), ROUTE_DAY)


def watch(**given: Any) -> list[Notice]:
    options: dict[str, Any] = {
        "polls": polls("ok"), "route_days": covered(0.9, 0.5), "matches": empty(MATCH), "flights": empty(FLIGHT),
        "running": (), "routes": ROUTES, "now": NOW,
    }  # fmt: skip
    return alerts.watch(**(options | given))


def test_when_all_is_well_nothing_is_said() -> None:
    assert watch() == []
    assert watch(polls=polls().iloc[:0], route_days=empty(ROUTE_DAY)) == []


def test_a_source_that_is_silent_for_an_hour_is_told_with_what_it_answered() -> None:
    bad = polls("ok", *["blocked"] * 6, "rate_limited")

    [notice] = watch(polls=pd.concat([bad, polls("ok", source="adsbfi")]))

    assert notice.cause == "source:adsblol"
    assert "since 2024-12-14 11:50 UTC (6 blocked and 1 rate limited)" in notice.text


def test_a_source_that_failed_twice_or_for_minutes_is_not() -> None:
    assert watch(polls=polls("ok", "timeout", "timeout")) == []
    assert watch(polls=polls("ok", *["timeout"] * 5, every_min=1)) == []


def test_a_route_without_data_for_hours_says_so() -> None:
    [notice] = watch(route_days=covered(0.9, 0.9, 0.0))

    assert notice.text.startswith(f"No data for route {MOSCOW_MINSK} for 13 hours")
    assert "not zero" in notice.text
    assert watch(route_days=covered(0.9, 0.9, 0.0), no_data_hours=14) == []


def test_a_route_that_was_never_in_sight_says_so() -> None:
    [notice] = watch(route_days=covered(0.0, 0.0, 0.0))

    assert "at all since 12 December 2024" in notice.text


def test_when_every_source_is_silent_routes_are_not_told_one_by_one() -> None:
    found = watch(polls=polls("ok", *["timeout"] * 9), route_days=covered(0.9, 0.0))

    assert [n.cause for n in found] == ["source:adsblol"]


def test_a_running_cause_is_not_told_again_and_its_end_is() -> None:
    dark = covered(0.9, 0.9, 0.0)
    [begun] = watch(route_days=dark)

    again = watch(route_days=dark, running=[begun], now=NOW + timedelta(hours=1))
    [over] = watch(running=[begun], now=NOW + timedelta(hours=2))

    assert again == []
    assert over.ended == NOW + timedelta(hours=2)
    assert over.started == begun.started


def test_a_notice_about_a_channel_is_left_to_the_channel() -> None:
    assert watch(running=[Notice("channel:slack", "410", NOW)]) == []


@pytest.mark.parametrize("routes", [(MOSCOW_MINSK,), (MOSCOW_MINSK, RUSSIA)])
def test_a_crowd_of_doubted_positions_is_one_notice_that_mutes_its_routes(routes: tuple[str, ...]) -> None:
    world = World()
    for number in range(5):
        world.fly(12, *routes, icao24=f"15200{number}", suspect="spoof cluster,teleport")
    world.fly(12, *routes, icao24="43000a")

    [notice] = watch(
        matches=conform(pd.DataFrame(world.matches), MATCH), flights=conform(pd.DataFrame(world.flights), FLIGHT)
    )

    assert notice.cause == "suspect:spoof cluster"
    assert notice.routes == routes
    assert notice.first_day == notice.last_day == date(2024, 12, 13)


def test_a_message_about_a_notice_has_one_uid_for_its_beginning_and_one_for_its_end() -> None:
    notice = Notice("route:A to B", "No data for route A to B for 13 hours: nothing heard. Not zero.", NOW)
    over = Notice(notice.cause, notice.text, NOW, ended=NOW + timedelta(hours=3))

    begun, ended = alerts.notice_message(notice), alerts.notice_message(over)

    assert begun.title == "[flightwatch] NOTICE No data for route A to B for 13 hours"
    assert begun.uid != ended.uid
    assert begun.thread == ended.thread
    assert "16:00 UTC" in dict(ended.facts)["Noticed"]


def test_notices_go_to_the_channels_that_take_the_least_severe() -> None:
    notice = Notice("source:x", "Source x is silent.", NOW)

    rows = alerts.announce_notices([notice], [Audience("email"), Audience("slack", "high")], now=NOW)

    assert [(d.channel, d.kind, d.alert) for d in rows] == [("email", "notice", None)]
