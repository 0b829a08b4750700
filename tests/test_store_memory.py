"""What the store remembers besides rows: fixes packed between two archive days, and claims already stored."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import numpy as np
import pandas as pd
import pytest
from pandas.testing import assert_frame_equal

from flightwatch import records
from flightwatch.deflate import zlib
from flightwatch.store import Store, open_store, packed
from flightwatch.units import instants

DAY = 1_734_134_400_000  # 2024-12-14


def fixes(seed: int, airframes: int = 4, *, between: bool = False) -> pd.DataFrame:
    """Rows as in archives; `between`: also numbers between readsb's steps."""
    rng = np.random.default_rng(seed)
    parts = []
    for number in range(airframes):
        n = int(rng.integers(1, 200))
        holes = rng.random((5, n)) < 0.2

        def told(values: object, gap: object) -> object:
            return np.where(gap, np.nan, values).astype(np.float32)

        noise = rng.random(n) if between and number % 2 else 0.0
        parts.append(
            pd.DataFrame(
                {
                    "address": np.uint32(0x140A1F + number),
                    "time": instants(DAY + np.sort(rng.choice(86_400_000, n, replace=False))),
                    "latitude": np.round(rng.uniform(-89, 89, n), 6) + noise * 1e-9,
                    "longitude": np.round(rng.uniform(-180, 180, n), 6),
                    "altitude": told(25 * rng.integers(-40, 1800, n) + noise, holes[0]),
                    "geoaltitude": told(25 * rng.integers(-40, 1800, n), holes[1]),
                    "groundspeed": told(rng.integers(0, 6000, n) / 10, holes[2]),
                    "track": told(rng.integers(0, 3600, n) / 10, holes[3]),
                    "vertical_rate": told(64 * rng.integers(-400, 400, n), holes[4]),
                    "onground": rng.random(n) < 0.1,
                    "callsign": rng.choice(["RSD123", "", "Ä\u2603"], n),
                    "squawk": rng.choice(["", "7700"], n),
                    "position_type": rng.choice(["adsb_icao", "mlat"], n),
                    "nic": rng.integers(-1, 12, n),
                    "source": "adsblol",
                    "poll": rng.integers(1, 4, n),
                    "suspect": rng.integers(0, 128, n),
                }
            )
        )
    return records.conform(pd.concat(parts, ignore_index=True), records.OBSERVATION)


def same(left: pd.DataFrame, right: pd.DataFrame) -> None:
    texts = ["callsign", "squawk", "position_type", "source"]
    kinds = dict.fromkeys(texts, object)
    assert_frame_equal(left.astype(kinds), right.astype(kinds), check_exact=True)


@pytest.mark.parametrize("between", [False, True])
@pytest.mark.parametrize("seed", range(5))
def test_fixes_come_back_exactly(seed: int, between: bool) -> None:
    rows = fixes(seed, between=between)
    made = list(packed.pack(rows))
    assert [p.address for p in made] == rows["address"].unique().tolist()
    assert sum(p.fixes for p in made) == len(rows)
    layouts = {p.content[3] for p in made}
    assert layouts == ({packed.STEPPED, packed.PLAIN} if between else {packed.STEPPED})
    same(packed.unpack((p.address, p.content) for p in made), rows)


def test_years_between_two_fixes_and_the_ends_of_what_a_number_can_be() -> None:
    rows = fixes(1, airframes=1).iloc[:3].reset_index(drop=True)
    rows["time"] = instants([0, DAY, DAY + 1])
    rows["altitude"] = np.array([126_750, -2_000, np.nan], dtype=np.float32)
    rows["geoaltitude"] = np.array([np.inf, 1e30, 0], dtype=np.float32)
    same(packed.unpack((p.address, p.content) for p in packed.pack(rows)), rows)


def test_what_is_not_packed_fixes_is_refused() -> None:
    content = next(packed.pack(fixes(1))).content
    with pytest.raises(ValueError, match="known format"):
        packed.unpack([(1, b"XXX" + content[3:])])
    with pytest.raises(ValueError, match="known format"):
        packed.unpack([(1, content[:3] + b"\x07" + content[4:])])
    with pytest.raises((ValueError, zlib.error)):
        packed.unpack([(1, content[:-9])])


def test_nothing_packed_is_nothing() -> None:
    nothing = records.empty(records.OBSERVATION)
    assert list(packed.pack(nothing)) == []
    assert len(packed.unpack([])) == 0


def test_the_store_keeps_the_newest_leg_of_each_airframe_and_gives_it_back_with_what_polls_brought(
    store: Store,
) -> None:
    rows = fixes(3)
    store.keep_tail(rows)
    same(store.observations(), rows)
    store.keep_tail(rows)
    same(store.observations(), rows)
    middle = rows["time"].iloc[len(rows) // 2]
    later = rows[rows["time"] >= middle].reset_index(drop=True)
    store.keep_tail(later)
    start = later.groupby("address")["time"].min()
    since = rows["address"].map(start)
    left = rows[~(rows["time"] < since)].reset_index(drop=True)
    same(store.observations(), left)
    one = left["address"].iloc[0]
    part = store.observations([f"{one:06x}"], since=middle.to_pydatetime())
    same(part, left[left["address"].eq(one) & left["time"].ge(middle)].reset_index(drop=True))


@pytest.fixture
def store() -> Store:
    return open_store("sqlite://", create=True)


def test_what_is_known_of_airframes_is_not_taken_for_stored_when_it_was_not(store: Store) -> None:
    told = records.conform(
        pd.DataFrame({"icao24": ["140a1f"], "typecode": ["IL76"], "source": ["db"]}), records.AIRCRAFT
    )
    at = datetime(2024, 12, 14, tzinfo=UTC)

    def cut_short() -> None:
        with store.transaction():
            store.save_aircraft(told, at=at)
            raise RuntimeError("the disk is full")

    with pytest.raises(RuntimeError):
        cut_short()
    assert store.aircraft().empty
    assert store.save_aircraft(told, at=at) == 1
    assert store.save_aircraft(told, at=at) == store.save_aircraft(told, at=at + timedelta(hours=5)) == 0
    assert store.aircraft()["lastseen"].iloc[0] == at
    assert store.save_aircraft(told, at=at + timedelta(hours=7)) == 1
    assert store.aircraft()["lastseen"].iloc[0] == at + timedelta(hours=7)
    assert store.save_aircraft(told, at=at - timedelta(hours=7)) == 1
    assert store.aircraft()["firstseen"].iloc[0] == at - timedelta(hours=7)


def test_many_fixes_come_back_from_either_database_with_their_gaps_and_strange_texts(database_url: str) -> None:
    rows = pd.concat([fixes(seed, between=True).assign(address=np.uint32(seed + 1)) for seed in range(6)])
    rows = rows.sort_values("time").drop_duplicates(["address", "time"]).assign(poll=1, source="feed")
    rows = records.conform(rows.sort_values(["address", "time"]), records.OBSERVATION)
    rows["callsign"] = rows["callsign"].where(np.arange(len(rows)) % 7 > 0).cat.add_categories(["", "\x00x"][1:])
    assert len(rows) > 1_000
    at = datetime(2024, 12, 14, tzinfo=UTC)
    poll = records.Poll("feed", "all", at, at, "ok", kept=len(rows))
    known, heard = records.empty(records.AIRCRAFT), records.empty(records.HEARD)
    with open_store(database_url, create=True) as made:
        for _ in range(2):
            assert made.save_fetched(poll, rows, known, heard) == 1
        back = made.observations()
    rows["callsign"] = rows["callsign"].astype(object).where(rows["callsign"].notna(), "")
    same(back, rows)
