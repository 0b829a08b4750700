"""What feeds said is read as it was stored, and storing is idempotent, in each database."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from flightwatch.records import AIRCRAFT, FLIGHT, HEARD, OBSERVATION, conform, empty
from flightwatch.store import Store, base
from tests.fakes.stored import NOW, airframes, fixes, heard, poll


def test_a_poll_comes_back_as_it_went_in(store: Store) -> None:
    number = store.save_fetched(poll(kept=3), fixes(), airframes(), heard(), b'{"ac": []}')

    polls = store.polls()
    assert polls["id"].tolist() == [number]
    assert polls.loc[0, "started"] == pd.Timestamp(NOW)
    assert polls.loc[0, "rejected"] == {"no position": 2}
    assert_frame_equal(store.observations(), fixes().assign(poll=number), check_categorical=False)
    assert_frame_equal(store.heard(), heard())
    known = store.aircraft()
    assert_frame_equal(known[list(AIRCRAFT)], airframes())
    assert known.loc[0, "provenance"] == {"registration": "adsblol", "typecode": "adsblol", "flags": "adsblol"}


def test_saving_a_poll_twice_is_saving_it_once(store: Store) -> None:
    first = store.save_fetched(poll(), fixes(), airframes(), heard())
    before = store.counts()

    second = store.save_fetched(poll(), fixes(), airframes(), heard())

    assert second == first
    assert store.counts() == before
    assert store.heard()["aircraft"].tolist() == [5]


def test_large_batches_take_the_bulk_path_and_are_there_once(store: Store) -> None:
    many = pd.concat([fixes(200, address=a) for a in (1, 2, 0xFFFFFF)])
    store.save_fetched(poll(), many.sample(frac=1, random_state=1), empty(AIRCRAFT), empty(HEARD))

    store.save_fetched(poll(1), pd.concat([many, fixes(300, address=2)]), empty(AIRCRAFT), empty(HEARD))

    kept = store.observations()
    assert len(kept) == 700
    assert kept.groupby("address").size().to_dict() == {1: 200, 2: 300, 0xFFFFFF: 200}
    assert store.observations(["000002"])["poll"].value_counts().to_dict() == {1: 200, 2: 100}


def test_fixes_read_some_rows_at_a_time_are_those_read_at_once(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    some = pd.concat([fixes(5, address=1), fixes(4, address=2).assign(callsign="B"), fixes(3, address=3)])
    store.save_fetched(poll(), conform(some, OBSERVATION), empty(AIRCRAFT), empty(HEARD))
    whole = store.observations()

    monkeypatch.setattr(base, "PIECE", 5)

    assert len(whole) == 12
    assert whole["callsign"].nunique() > 1
    assert_frame_equal(store.observations(), whole, check_categorical=False)
    assert_frame_equal(
        store.observations_from(dict.fromkeys(["000001", "000003"], NOW - timedelta(days=9))),
        whole[whole["address"] != 2].reset_index(drop=True),
        check_categorical=False,
    )


def test_an_empty_answer_is_a_poll_without_rows(store: Store) -> None:
    store.save_fetched(poll(outcome="empty"), empty(OBSERVATION), empty(AIRCRAFT), empty(HEARD))

    assert store.polls()["outcome"].tolist() == ["empty"]
    for frame, shape in ((store.observations(), OBSERVATION), (store.heard(), HEARD), (store.flights(), FLIGHT)):
        assert_frame_equal(frame, empty(shape), check_categorical=False)


def test_text_no_database_takes_does_not_lose_the_poll(store: Store) -> None:
    names = pd.Index(["A\x00B", "\ud800", "Ä"], dtype=object)
    bad = fixes(3).assign(callsign=pd.Categorical.from_codes([0, 1, 2], names))

    store.save_fetched(poll(note="\x00\ud800"), bad, airframes(operator="O\x00"), empty(HEARD))

    assert store.observations()["callsign"].tolist() == ["AB", "?", "Ä"]
    assert store.aircraft()["operator"].tolist() == ["O"]


def test_a_piece_read_well_once_is_not_undone_by_a_failure(store: Store) -> None:
    store.save_polls([poll(planned=False, kept=9)])

    store.save_polls([poll(planned=False, outcome="bad_schema")])

    assert store.polls()[["outcome", "kept"]].values.tolist() == [["ok", 9]]
    assert store.poll_ids("adsblol", "type/IL76") == {NOW: (1, "ok")}


def test_polls_of_one_hour_hear_the_same_airframes_and_pieces_of_an_archive_different_ones(store: Store) -> None:
    for n, count in enumerate((5, 7, 6)):
        store.save_fetched(poll(n), empty(OBSERVATION), empty(AIRCRAFT), heard(count))
    assert store.heard()["aircraft"].tolist() == [7]

    for _ in range(2):
        piece = poll(60, planned=False)
        store.save_fetched(piece, empty(OBSERVATION), empty(AIRCRAFT), heard(4), add_heard=True)
    assert store.heard()["aircraft"].tolist() == [11]


def test_who_was_heard_is_remembered_for_two_hours_and_stored_for_good(store: Store) -> None:
    for n in range(5):
        row = heard(3).assign(hour=pd.Timestamp(NOW + timedelta(hours=n)))
        store.save_fetched(poll(60 * n), empty(OBSERVATION), empty(AIRCRAFT), row)

    assert len(store._heard) == 2
    assert store.heard()["aircraft"].tolist() == [3] * 5


def test_pieces_of_an_archive_are_stored_together_and_once(store: Store) -> None:
    polls = [poll(0, planned=False, query="a"), poll(0, planned=False, query="b"), poll(1440, planned=False, query="a")]
    aircraft = [airframes(), airframes(icao24="abcdef"), airframes(registration="RA-1")]

    ids = store.save_pieces(polls, aircraft, [heard(1), heard(2), empty(HEARD)])
    assert store.save_pieces(polls[:2], aircraft[:2], [heard(1), heard(2)]) == ids[:2]
    store.save_polls([replace(polls[0], query="c", outcome="bad_schema")])
    store.save_pieces([replace(polls[0], query="c")], [empty(AIRCRAFT)], [heard(4)])

    assert len(set(ids)) == 3
    assert store.heard()["aircraft"].tolist() == [1 + 2 + 4]
    assert store.aircraft()["registration"].tolist() == ["RA-1", "RA-76502"]
    assert store.polls(source="adsblol")["query"].tolist() == ["a", "b", "c", "a"]


def test_of_an_archive_only_the_newest_tail_is_kept_and_live_fixes_stay(store: Store) -> None:
    live = store.save_fetched(poll(-60), fixes(2, start=NOW - timedelta(hours=1)), empty(AIRCRAFT), empty(HEARD))
    first, second = store.save_polls([poll(n, planned=False) for n in (0, 1)])

    store.keep_tail(fixes(5).assign(poll=first))
    for _ in range(2):
        store.keep_tail(fixes(3, start=NOW + timedelta(hours=9)).assign(poll=second))

    assert store.observations()["poll"].tolist() == [live] * 2 + [second] * 3
    assert store.touched(live).empty, "a tail is not news"


def test_touched_airframes_are_those_with_fixes_after_the_watermark(store: Store) -> None:
    store.save_fetched(poll(), fixes(), empty(AIRCRAFT), empty(HEARD))
    mark = store.last_poll_id()
    later = NOW + timedelta(hours=1)
    store.save_fetched(poll(1), fixes(4, address=0xABCDEF, start=later), empty(AIRCRAFT), empty(HEARD))

    assert store.touched()["icao24"].tolist() == ["140a1f", "abcdef"]
    new = store.touched(mark)
    assert new["icao24"].tolist() == ["abcdef"]
    assert new["first"].tolist() == [pd.Timestamp(later)]
    assert new["last"].tolist() == [pd.Timestamp(later) + timedelta(milliseconds=3 * 5_123)]
    assert store.touched(store.last_poll_id()).empty


def test_the_newest_claim_holds_and_every_claim_is_kept(store: Store) -> None:
    store.save_aircraft(airframes(source="db", operator="Aviacon", flags=8), at=NOW - timedelta(days=900))
    store.save_aircraft(airframes(registration="RA-76503"), at=NOW)
    store.save_aircraft(airframes(registration="RA-76500"), at=NOW - timedelta(days=400))

    known = store.aircraft(["140a1f", "000000"])

    assert known["registration"].tolist() == ["RA-76503"]
    assert known["operator"].tolist() == ["Aviacon"]
    assert known["flags"].tolist() == [1 | 8]
    assert known.loc[0, "provenance"]["operator"] == "db"
    assert known["firstseen"].tolist() == [pd.Timestamp(NOW) - timedelta(days=900)]
    assert store.claims()["registration"].tolist() == ["RA-76502", "RA-76500", "RA-76503"]
