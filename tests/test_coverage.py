"""Coverage: outages, lost and new receivers, quiet nights and weekends, archives, and one scale for all days."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from flightwatch import airports as airports_module
from flightwatch import routes
from flightwatch.records import FLIGHT, HEARD, ROUTE_DAY, Route, conform, empty
from flightwatch.routes.cells import cell_of, segments, text
from flightwatch.routes.looked import looked

AIRPORTS = airports_module.load()
START = date(2024, 9, 2)  # a Monday
WEEKS = 12
DAYS = (START, START + timedelta(days=7 * WEEKS - 1))
PAIR = Route("pair", ("UUDD",), ("HLLB",), frozenset({"UUDD"}), frozenset({"HLLB"}))
ARRIVALS = Route("arrivals", ("anywhere",), ("HLLB",), None, frozenset({"HLLB"}))
DARK = Route("dark", ("anywhere",), ("HL56",), None, frozenset({"HL56"}))
MOSCOW, BENGHAZI, CRETE = "54,36", "32,20", "44,28"
RHYTHM = 0.5 + 0.5 * np.sin(np.pi * np.clip(np.arange(24) - 4, 0, 18) / 18)  # fewer at night


def world(seed=1, base=None, change=lambda cell, day, hour: 1.0, source="feed", rhythm=RHYTHM) -> pd.DataFrame:
    """What is heard in `WEEKS` weeks: Poisson counts around a daily rhythm, times `change`."""
    rng = np.random.default_rng(seed)
    rows = []
    for cell, mean in (base or {MOSCOW: 60.0, BENGHAZI: 8.0, CRETE: 12.0}).items():
        for day in range(7 * WEEKS):
            for hour in range(24):
                number = rng.poisson(mean * rhythm[hour] * change(cell, day, hour))
                if number:
                    rows.append((cell, at(day, hour), source, number))
    return conform(pd.DataFrame(rows, columns=list(HEARD)), HEARD)


def at(day: int, hour: int = 0) -> datetime:
    return datetime(START.year, START.month, START.day, tzinfo=UTC) + timedelta(days=day, hours=hour)


def polled(
    down=lambda day, hour: False, source="feed", outcome="timeout", skip=lambda day, hour: False
) -> pd.DataFrame:
    rows = [
        (source, at(day, hour) + timedelta(minutes=minute), outcome if down(day, hour) else "ok")
        for day in range(7 * WEEKS)
        for hour in range(24)
        for minute in (0, 30)
        if not skip(day, hour)
    ]
    frame = pd.DataFrame(rows, columns=["source", "started", "outcome"])
    return frame.assign(finished=frame["started"], planned=True)


def told(heard, polls, watched=PAIR, days=DAYS, **more) -> pd.DataFrame:
    return routes.coverage(heard, polls, [watched], AIRPORTS, days, **more).set_index("day")


def on(frame: pd.DataFrame, day: int) -> pd.Series:
    return frame.loc[pd.Timestamp(START + timedelta(days=day))]


def test_an_ordinary_season_is_well_covered_every_day():
    days = told(world(), polled())

    assert len(days) == 7 * WEEKS
    assert days["coverage"].between(0.8, 1.0).all()
    assert days["coverage"].mean() > 0.93
    assert (days["looked"] == 1.0).all()
    assert {note["note"] for note in days["detail"]} == {""}


def test_a_daemon_that_was_down_half_a_day_watched_half_of_it():
    def dark(day, hour):
        return day == 50 and hour < 12

    heard = world(change=lambda cell, day, hour: 0.0 if dark(day, hour) else 1.0, rhythm=np.ones(24))
    days = told(heard, polled(skip=dark))

    assert on(days, 50)["looked"] == 0.5
    assert on(days, 50)["coverage"] == pytest.approx(0.5, abs=0.06)
    assert on(days, 50)["detail"]["note"] == "watched 50% of the day"
    assert days["coverage"].drop(pd.Timestamp(START + timedelta(days=50))).min() > 0.8


def test_a_day_nobody_looked_has_no_coverage_at_all():
    heard = world(change=lambda cell, day, hour: 0.0 if day in (40, 41) else 1.0)
    failed = told(heard, polled(down=lambda day, hour: day in (40, 41)))
    absent = told(heard, polled(skip=lambda day, hour: day in (40, 41)))

    for days in (failed, absent):
        assert on(days, 40)["coverage"] == on(days, 41)["coverage"] == 0.0
        assert on(days, 40)["detail"]["note"] == "not watched"


def test_a_receiver_lost_at_the_destination_shows_although_the_feed_answers():
    heard = world(change=lambda cell, day, hour: 0.0 if cell == BENGHAZI and 50 <= day < 60 else 1.0)
    days = told(heard, polled())
    arrivals = told(heard, polled(), ARRIVALS)

    assert on(days, 55)["looked"] == 1.0
    assert on(days, 55)["detail"]["destination"] < 0.2
    assert on(days, 55)["detail"]["origin"] > 0.8
    assert on(days, 55)["coverage"] < 0.6
    assert on(arrivals, 55)["coverage"] < 0.2
    assert "of the usual traffic" in on(days, 51)["detail"]["note"]
    assert on(days, 65)["coverage"] > 0.8


def test_a_new_receiver_lowers_the_days_before_it_and_is_told_at_once():
    heard = world(change=lambda cell, day, hour: 3.0 if cell == BENGHAZI and day >= 60 else 1.0)
    days = told(heard, polled(), ARRIVALS)["coverage"].to_numpy()

    assert days[60:].min() > 0.8
    ratio = days[60:].mean() / days[:60].mean()
    assert 2.6 < ratio < 3.1  # three times the traffic, a little less by what is known beforehand
    note = on(told(heard, polled(), ARRIVALS), 60)["detail"]
    assert note["index"] > 2.4
    assert "times the usual traffic" in note["note"]


def test_a_new_receiver_counts_from_its_second_day():
    heard = world(change=lambda cell, day, hour: 3.0 if cell == BENGHAZI and day >= 60 else 1.0)
    until = at(62)
    known = told(heard[heard["hour"] < until], polled(skip=lambda day, hour: day >= 62), ARRIVALS)[
        "coverage"
    ].to_numpy()

    assert known[61] > 0.8
    assert known[50:60].mean() < 0.45


def test_a_quiet_night_is_not_an_outage():
    asleep = np.where((np.arange(24) >= 6) & (np.arange(24) < 22), 1.0, 0.0)
    days = told(world(rhythm=asleep), polled())

    assert (days["looked"] == 1.0).all()
    assert days["coverage"].min() > 0.8


def test_a_weekend_is_not_an_outage():
    heard = world(change=lambda cell, day, hour: 0.3 if day % 7 >= 5 else 1.0)
    days = told(heard, polled(), ARRIVALS)["coverage"].to_numpy().reshape(WEEKS, 7)

    assert abs(days[:, 5:].mean() - days[:, :5].mean()) < 0.12
    assert days.min() > 0.6


def test_where_nothing_is_ever_heard_only_the_looking_counts():
    def dark(day, hour):
        return day == 30 and hour < 6

    days = told(world(change=lambda cell, day, hour: 0.0 if dark(day, hour) else 1.0), polled(skip=dark), DARK)

    assert on(days, 29)["coverage"] == pytest.approx(1.0)
    assert on(days, 30)["looked"] == 0.75
    assert on(days, 30)["coverage"] == pytest.approx(0.75)


def test_an_hour_in_which_something_was_heard_was_watched():
    span = np.arange(20000, 20002)
    heard = pd.DataFrame({"hour": pd.to_datetime([20000 * 86400 + 3600], unit="s", utc=True)})
    polls = pd.DataFrame(
        {
            "source": ["a", "a", "b"],
            "started": pd.to_datetime([20000 * 86400, 20000 * 86400 + 1, 20000 * 86400 + 2], unit="s", utc=True),
            "outcome": ["ok", "server", "timeout"],
            "planned": True,
        }
    )

    assert looked(heard, polls, span).tolist() == [(0.5 + 1.0) / 24, 0.0]


def test_the_best_source_decides_and_two_that_hear_the_same_hear_no_more():
    one = world()
    two = pd.concat([one, one.assign(source="other")], ignore_index=True)
    both = pd.concat([polled(), polled(source="other", down=lambda day, hour: True)], ignore_index=True)

    a, b = told(one, polled()), told(two, both)

    np.testing.assert_allclose(a["coverage"], b["coverage"])
    np.testing.assert_allclose(a["traffic"], b["traffic"])


def test_a_change_of_sources_is_named():
    later = world(source="other")
    heard = pd.concat([world(), later[later["hour"] >= at(70)]], ignore_index=True)
    gone = heard[(heard["source"] != "feed") | (heard["hour"] < at(75))]

    assert on(told(heard, polled()), 70)["detail"]["note"] == "new source: other"
    assert "source silent: feed" in on(told(gone, polled()), 76)["detail"]["note"]


def test_pieces_of_an_archive_are_watched_whole_even_when_nothing_flew():
    days = [day for day in range(7 * WEEKS) if day not in (20, 21)]
    pieces = pd.DataFrame(
        {
            "source": "archive",
            "started": [at(day) for day in days],
            "finished": [at(day + 1) for day in days],
            "outcome": ["ok" if day != 30 else "empty" for day in days],
            "planned": False,
        }
    )
    pieces.loc[pieces["started"] == at(40), "outcome"] = "bad_schema"
    heard = world(change=lambda cell, day, hour: 0.0 if day in (20, 21, 30, 40) else 1.0)

    found = told(heard, pieces)

    assert on(found, 20)["looked"] == on(found, 40)["looked"] == 0.0
    assert on(found, 30)["looked"] == on(found, 31)["looked"] == 1.0
    assert on(found, 30)["coverage"] < 0.4  # read, but what is heard there every day was not heard


def test_an_archive_whose_pieces_are_forgotten_is_known_by_what_was_heard():
    found = told(world(change=lambda cell, day, hour: 0.0 if day == 20 else 1.0), polled().iloc[:0])

    assert on(found, 19)["looked"] == 1.0
    assert on(found, 20)["looked"] == 0.0


def test_an_imported_list_is_watched_though_nobody_listened():
    heard = world()
    late = heard[heard["hour"] >= at(60)]
    read = [START + timedelta(days=day) for day in range(50)]

    found = told(late, polled(skip=lambda day, hour: day < 60), read=read)

    assert on(found, 10)["coverage"] == 1.0
    assert on(found, 10)["traffic"] == -1.0
    assert on(found, 55)["coverage"] == 0.0
    assert on(found, 70)["coverage"] > 0.8


def test_today_counts_by_the_hours_that_are_over():
    heard = world(rhythm=np.ones(24))
    now = at(80, 6)

    found = told(heard[heard["hour"] < now], polled(skip=lambda day, hour: at(day, hour) >= now))

    assert on(found, 80)["looked"] == 0.25
    assert on(found, 80)["coverage"] == pytest.approx(0.25, abs=0.05)


def test_without_any_record_everything_counts_as_watched_and_says_so():
    found = told(empty(HEARD), polled().iloc[:0])

    assert (found["coverage"] == 1.0).all()
    assert "taken as watched" in found["detail"].iloc[0]["note"]
    assert routes.coverage(empty(HEARD), polled().iloc[:0], [], AIRPORTS, DAYS).empty


def test_the_ratio_of_two_days_does_not_depend_on_what_came_later():
    heard = world(change=lambda cell, day, hour: 2.5 if cell == BENGHAZI and day >= 60 else 1.0)
    whole = told(heard, polled(), ARRIVALS)["traffic"].to_numpy()
    known = told(heard[heard["hour"] < at(50)], polled(skip=lambda day, hour: day >= 50), ARRIVALS)
    then = known["traffic"].to_numpy()

    np.testing.assert_allclose(whole[:50], then[:50])
    coverage = told(heard, polled(), ARRIVALS)["coverage"].to_numpy()[:50]
    ratio = coverage / known["coverage"].to_numpy()[:50]
    assert ratio.std() / ratio.mean() < 0.06  # one factor for all days but for rounding the weekly rhythm and the cap


def as_route_days(found: pd.DataFrame) -> pd.DataFrame:
    return conform(found.assign(flights=0.0), ROUTE_DAY)


def test_days_tallied_at_different_times_come_on_one_scale():
    heard = world(change=lambda cell, day, hour: 3.0 if cell == BENGHAZI and day >= 60 else 1.0)
    early, late = (START, START + timedelta(days=49)), (START + timedelta(days=50), DAYS[1])
    watched = [PAIR, ARRIVALS]
    known = heard[heard["hour"] < at(50)]

    first = routes.coverage(known, polled(skip=lambda day, hour: day >= 50), watched, AIRPORTS, early)
    second = routes.coverage(
        heard[heard["hour"] >= at(45)], polled(skip=lambda day, hour: day < 45), watched, AIRPORTS, late
    )
    parts = as_route_days(pd.concat([first, second], ignore_index=True))
    whole = as_route_days(routes.coverage(heard, polled(), watched, AIRPORTS, DAYS))
    order = ["route", "day"]

    weighed = routes.weigh(parts).sort_values(order)["coverage"].to_numpy()

    np.testing.assert_allclose(weighed, whole.sort_values(order)["coverage"].to_numpy())
    np.testing.assert_allclose(routes.weigh(whole)["coverage"], whole["coverage"])
    assert abs(parts["coverage"].iloc[10] - weighed[10]) > 0.1


def test_rows_nobody_measured_keep_their_coverage():
    bare = conform(pd.DataFrame({"route": ["r"], "day": [np.datetime64("2024-12-14")], "flights": [1.0]}), ROUTE_DAY)

    assert routes.weigh(bare)["coverage"].tolist() == [1.0]
    assert routes.weigh(bare.iloc[:0]).empty


def test_a_tally_carries_what_coverage_is_made_of():
    found = routes.coverage(world(), polled(), [PAIR], AIRPORTS, (START, START))
    matches = routes.match(pd.DataFrame(), [PAIR])
    day = routes.tally(matches, empty(FLIGHT), [PAIR], (START, START), coverage=found).iloc[0]

    assert day["looked"] == 1.0
    assert day["traffic"] == found["traffic"].iloc[0] > 12
    assert day["coverage"] == found["coverage"].iloc[0]


@settings(max_examples=10, deadline=None)
@given(st.integers(0, 999))
def test_the_order_of_what_was_heard_does_not_matter_and_twice_is_once(seed):
    heard, polls = world().iloc[:3000], polled(skip=lambda day, hour: day >= 20)
    order = np.random.default_rng(seed).permutation(len(heard))
    shuffled = pd.concat([heard.iloc[order], heard.iloc[:500]], ignore_index=True)
    days = (START, START + timedelta(days=19))

    a, b = (told(h, p, days=days) for h, p in ((heard, polls), (shuffled, polls.iloc[::-1])))

    np.testing.assert_allclose(a["coverage"], b["coverage"])


def test_the_parts_of_a_route_are_its_ends_and_the_way_between():
    parts = {part.name: part for part in segments(PAIR, AIRPORTS)}

    assert set(parts) == {"origin", "between", "destination"}
    assert sum(part.weight for part in parts.values()) == pytest.approx(1.0)
    assert cell_of([55.4], [37.9])[0] in parts["origin"].cells
    assert cell_of([32.1], [20.3])[0] in parts["destination"].cells
    assert cell_of([45.0], [29.0])[0] in parts["between"].cells
    assert not parts["between"].cells & parts["origin"].cells
    assert [part.weight for part in segments(ARRIVALS, AIRPORTS)] == [1.0]
    assert segments(Route("x", (), (), None, None), AIRPORTS) == ()


@given(st.sampled_from(["NZFX", "NFFN", "PHNL", "UHMA", "BGTL", "FACT", "HLLB"]))
def test_ends_are_round_everywhere_on_earth(code):
    if AIRPORTS.find(code) is None:
        return
    (end,) = segments(Route("x", (), (code,), None, frozenset({code})), AIRPORTS)
    airport = AIRPORTS.find(code)

    assert cell_of([airport.latitude], [airport.longitude])[0] in end.cells
    assert all(-90 <= south <= 88 and -180 <= west <= 178 and south % 2 == west % 2 == 0 for south, west in end.cells)
    assert 12 <= len(end.cells) <= 200
    assert text(cell_of([-0.1], [-0.1])[0]) == "-2,-2"
