"""One whole alert as people get it, kept as files so that changes of wording are visible and intended.

`FLIGHTWATCH_WRITE_SAMPLES=1 pytest tests/test_notify_sample.py` writes them again.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

import pandas as pd
import pytest

from flightwatch import alerts
from flightwatch.notify.blocks import blocks
from flightwatch.notify.clean import tidy
from flightwatch.notify.html import html
from flightwatch.notify.text import plain
from flightwatch.records import FLIGHT, conform
from flightwatch.telling import Message
from tests.fakes.episodes import BACK, MOSCOW_MINSK, RUSSIA, World

FOLDER = Path(__file__).parent / "data" / "notify"

NAMES = {
    "UUWW": "Moscow Vnukovo (UUWW)", "UMMS": "Minsk (UMMS)",
    "HLLB": "Benghazi Benina (HLLB)", "HLGN": "Al Khadim (HLGN)",
}  # fmt: skip

LEGS = (
    (8, "152cba", "RFF7681", "RA-76842", "observed", 0.97),
    (9, "152cbb", "", "RA-76761", "inferred", 0.71),
    (10, "510f12", "BRU8844", "EW-412TH", "inferred", 0.62),
    (11, "152cba", "RFF7683", "RA-76842", "unknown", 0.4),
    (12, "152cbb", "RFF7690", "RA-76761", "inferred", 0.55),
)


def sample() -> Message:
    """The reference case: five flights out, mostly dark before landing, five back, three watches that see them."""
    world = World()
    for day, icao24, callsign, registration, method, p in LEGS:
        flight = {"callsign": callsign, "registration": registration, "arrival_method": method}
        if method == "unknown":
            flight |= {"estarrivalairport": "", "arrival_candidates": {"HLLB": 0.4, "HLGN": 0.33}}
        if icao24.startswith("51"):
            flight |= {"estdepartureairport": "UMMS"}
        world.fly(day, MOSCOW_MINSK, RUSSIA, icao24=icao24, p=p, **flight)
        world.fly(
            day, BACK, icao24=icao24, hour=14, callsign=callsign, registration=registration, estdepartureairport="HLLB",
            departure_method="inferred", departure_probability=0.8, estarrivalairport="UUWW", arrival_method="observed",
        )  # fmt: skip
    reasons = [
        "third flight in five days, usual is one in ten weeks",
        "2 of 3 aircraft never seen on this route before",
    ]
    world.judge(MOSCOW_MINSK, 12, 3.25, expected=0.09, multiple=36.1, reasons=reasons)
    world.judge(RUSSIA, 12, 3.25, score=2.0)
    world.judge(BACK, 12, 3.0)
    world.update(12)
    flights = conform(pd.DataFrame(world.flights), FLIGHT)
    return alerts.message(
        world.episodes[1].alert, flights, zone="Europe/Berlin", names=lambda code: NAMES.get(code, code)
    )


@pytest.mark.parametrize("name", ["alert.txt", "alert.html", "alert.slack.json"])
def test_the_sample_alert_reads_as_it_was_meant(name: str) -> None:
    message = tidy(sample())
    made = {
        "alert.txt": plain(message),
        "alert.html": html(message),
        "alert.slack.json": json.dumps(blocks(message), indent=1, ensure_ascii=False) + "\n",
    }[name]
    if os.environ.get("FLIGHTWATCH_WRITE_SAMPLES"):
        (FOLDER / name).write_text(made, encoding="utf-8")

    assert made == (FOLDER / name).read_text(encoding="utf-8")


def test_the_plain_text_fits_a_terminal() -> None:
    long = [text for text in plain(tidy(sample())).splitlines() if len(text) > 100]

    assert long == []
