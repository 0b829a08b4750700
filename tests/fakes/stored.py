"""Rows to store: polls, fixes, airframes, flights, alerts."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np
import pandas as pd

from flightwatch.records import AIRCRAFT, FLIGHT, HEARD, OBSERVATION, Poll, conform, flight_id
from flightwatch.store import Store
from flightwatch.telling import Alert, Delivery

NOW = datetime(2024, 12, 14, 12, tzinfo=UTC)


def poll(minutes: int = 0, **values: Any) -> Poll:
    started = NOW + timedelta(minutes=minutes)
    made = Poll("adsblol", "type/IL76", started, started + timedelta(seconds=1), "ok", rejected={"no position": 2})
    return replace(made, **values)


def fixes(count: int = 3, *, address: int = 0x140A1F, start: datetime = NOW) -> pd.DataFrame:
    n = np.arange(count)
    frame = pd.DataFrame(
        {
            "address": np.full(count, address, dtype="uint32"),
            "time": pd.Timestamp(start) + pd.to_timedelta(n * 5_123, unit="ms"),
            "latitude": 55.0 + n / 7,
            "longitude": 37.0 - n / 3,
            "altitude": np.where(n % 2, 35_000.1, np.nan),
            "groundspeed": 440.5 + n,
            "onground": n == 0,
            "callsign": np.where(n % 2, "RFF7074", ""),
            "squawk": "7700",
            "position_type": "adsb_icao",
            "nic": 8,
            "source": "adsblol",
            "suspect": (n % 3).astype("uint8"),
        }
    )
    return conform(frame, OBSERVATION)


def airframes(**values: Any) -> pd.DataFrame:
    row = {"icao24": "140a1f", "registration": "RA-76502", "typecode": "IL76", "operator": "", "flags": 1}
    return conform(pd.DataFrame([{**row, "source": "adsblol", **values}]), AIRCRAFT)


def heard(count: int = 5) -> pd.DataFrame:
    row = {"cell": "32,20", "hour": pd.Timestamp(NOW), "source": "adsblol", "aircraft": count}
    return conform(pd.DataFrame([row]), HEARD)


def legs(*starts: datetime, icao24: str = "140a1f", **values: Any) -> pd.DataFrame:
    rows = [
        {
            "flight_id": flight_id(icao24, s),
            "icao24": icao24,
            "callsign": "RFF7074",
            "callsigns": "RFF7074 RFF7075",
            "typecode": "IL76",
            "firstseen": s,
            "lastseen": s + timedelta(hours=4),
            "estdepartureairport": "UUWW",
            "departure_method": "observed",
            "departure_probability": 1.0,
            "departure_candidates": {"UUWW": 1.0},
            "estarrivalairport": "HLLB",
            "arrival_method": "inferred",
            "arrival_probability": 0.62,
            "arrival_candidates": {"HLLB": 0.62, "LY-BCQ": 0.31},
            "last_latitude": 34.0,
            "points": 120,
            "provenance": [1, "2024.12.14/1f/trace_full_140a1f.json"],
            "rules_version": "1",
            "track": b"\x01track",
            **values,
        }
        for s in starts
    ]
    return conform(pd.DataFrame(rows), FLIGHT)


def failing(store: Store, work: Callable[[], bool]) -> None:
    """Do the work in a transaction that fails after it."""
    with store.transaction():
        assert work()
        raise RuntimeError


def alert(number: int = 1, **values: Any) -> Alert:
    made = Alert(
        id=number,
        route="Moscow to Benghazi",
        routes=("Moscow to Benghazi", "RU-LY"),
        opened=NOW,
        first_day=date(2024, 12, 12),
        last_day=date(2024, 12, 14),
        status="open",
        severity="high",
        headline="3 flights, usual is none",
        evidence={"observed": 3.0, "flights": ["a"]},
        updated=NOW,
    )
    return replace(made, **values)


def message(channel: str = "mail", kind: str = "opened", alert: int | None = 1, uid: str = "u") -> Delivery:
    return Delivery(0, alert, channel, kind, {"uid": uid, "title": "Ünusual"}, "pending", 0, NOW, NOW)
