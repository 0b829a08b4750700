"""What keeps an alert from being told: dismissal, doubt, correction, silence, a notice, the first run."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from flightwatch.telling import Changes, Notice, Silence
from tests.fakes.episodes import DAY0, MOSCOW_MINSK, RUSSIA, World, surge


@pytest.fixture
def world() -> World:
    return World()


def test_a_dismissed_episode_does_not_come_back_for_the_days_that_were_dismissed(world: World) -> None:
    surge(world, MOSCOW_MINSK)
    world.update(12)
    world.set(1, status="dismissed", reason="airshow")
    world.judge(MOSCOW_MINSK, 13, 2.7)  # the window still holds the three flights

    assert world.update(13) == Changes()


def test_new_flights_after_a_dismissal_alert_when_they_are_unusual_by_themselves(world: World) -> None:
    surge(world, MOSCOW_MINSK)
    world.update(12)
    world.set(1, status="dismissed", reason="airshow")
    world.fly(14, MOSCOW_MINSK, icao24="152cee")
    world.judge(MOSCOW_MINSK, 14, 3.6)
    assert world.update(14).opened == ()  # one flight is not above the usual range
    world.fly(15, MOSCOW_MINSK, icao24="152cef")
    world.judge(MOSCOW_MINSK, 15, 4.5)

    [episode] = world.update(15).opened

    assert episode.alert.first_day == DAY0 + timedelta(days=14)


def test_no_alert_rests_only_on_suspect_flights(world: World) -> None:
    for day in (10, 11, 12):
        world.fly(day, MOSCOW_MINSK, icao24=f"15200{day - 10}", suspect="spoof cluster")
    world.judge(MOSCOW_MINSK, 12, 2.7)

    assert world.update(12) == Changes()


def test_a_surge_with_some_suspect_flights_stands_on_the_others(world: World) -> None:
    surge(world, MOSCOW_MINSK)
    world.fly(12, MOSCOW_MINSK, icao24="15200f", hour=5, suspect="teleport")

    [episode] = world.update(12).opened

    assert episode.alert.evidence["suspect"] == 1


def test_a_surge_that_a_correction_takes_away_is_withdrawn_and_can_come_back_as_itself(world: World) -> None:
    surge(world, MOSCOW_MINSK)
    world.update(12)
    world.judge(MOSCOW_MINSK, 12, 0.9, flagged=False)

    withdrawn = world.update(12, hours=20)
    world.judge(MOSCOW_MINSK, 12, 2.7)
    back = world.update(13)

    assert [t.kind for t in withdrawn.tell] == ["closed"]
    assert "corrected" in withdrawn.tell[0].news[0]
    assert back.opened == ()
    assert world.episodes[1].alert.status == "open"


def test_a_silenced_route_is_kept_untold_until_the_silence_ends(world: World) -> None:
    surge(world, MOSCOW_MINSK)
    start = datetime(2024, 12, 1, tzinfo=UTC)
    hush = Silence(1, "*benghazi*", "exercise", "ann", start, start + timedelta(days=12, hours=18))

    silent = world.update(12, silences=[hush])
    after = world.update(12, hours=19, silences=[hush])

    assert len(silent.opened) == 1
    assert silent.tell == ()
    assert "exercise" in silent.opened[0].alert.evidence["silenced"]
    assert [t.kind for t in after.tell] == ["opened"]


def test_a_silence_on_one_watch_does_not_hide_what_another_found(world: World) -> None:
    surge(world, MOSCOW_MINSK, RUSSIA)
    start = datetime(2024, 12, 1, tzinfo=UTC)
    hush = Silence(1, MOSCOW_MINSK, "", "ann", start, start + timedelta(days=90))

    assert [t.kind for t in world.update(12, silences=[hush]).tell] == ["opened"]


def test_a_data_quality_notice_mutes_the_surge_that_rests_on_it(world: World) -> None:
    surge(world, MOSCOW_MINSK)
    first = DAY0 + timedelta(days=7)
    notice = Notice("receivers:LY", "new receivers near Benghazi", datetime(2024, 12, 8, tzinfo=UTC), ("*",), first)

    changes = world.update(12, notices=[notice])

    assert changes.tell == ()
    assert changes.opened[0].alert.evidence["muted"] == "new receivers near Benghazi"


def test_a_notice_does_not_mute_a_surge_that_stands_without_the_doubted_days(world: World) -> None:
    surge(world, MOSCOW_MINSK)
    day = DAY0 + timedelta(days=12)
    notice = Notice("source:x", "x was down", datetime(2024, 12, 13, tzinfo=UTC), (MOSCOW_MINSK,), day, day)

    assert [t.kind for t in world.update(12, notices=[notice]).tell] == ["opened"]


def test_what_is_found_on_the_first_run_is_never_told_but_later_flights_are(world: World) -> None:
    surge(world, MOSCOW_MINSK)
    assert world.update(12, notify=False).tell == ()
    assert world.update(12, hours=23).tell == ()
    world.fly(13, MOSCOW_MINSK, icao24="152cbc")
    world.judge(MOSCOW_MINSK, 13, 3.6)

    [telling] = world.update(13).tell

    assert telling.kind == "opened"
