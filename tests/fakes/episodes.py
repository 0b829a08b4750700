"""A composed world for alerts: flights, matches and findings day by day, and the alerts the store would hold."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import pandas as pd

from flightwatch import alerts
from flightwatch.records import FINDING, FLIGHT, MATCH, Route, conform, empty, flight_id
from flightwatch.telling import Changes, Episode

DAY0 = date(2024, 12, 1)
NOON = timedelta(hours=12)
MOSCOW_MINSK = "Moscow and Minsk to Benghazi"
BACK = "Benghazi to Moscow and Minsk"
RUSSIA = "Russia and Belarus to eastern Libya"
PAIR = "RU-LY"

NORTH, BENGHAZI = frozenset({"UUWW", "UMMS"}), frozenset({"HLLB"})
ROUTES = [
    Route(MOSCOW_MINSK, ("moscow", "minsk"), ("benghazi",), NORTH, BENGHAZI),
    Route(BACK, ("benghazi",), ("moscow", "minsk"), BENGHAZI, NORTH),
    Route(RUSSIA, ("RU", "BY"), ("eastern-libya",), NORTH | {"ULLI"}, BENGHAZI | {"HLGN"}),
    Route(PAIR, ("RU",), ("LY",), frozenset({"UUWW", "ULLI"}), BENGHAZI | {"HLGN", "HLLQ"}, discovered=True),
    Route("Hmeimim to eastern Libya", ("hmeimim",), ("eastern-libya",), frozenset({"OSLK"}), BENGHAZI),
]


class World:
    """Flights, matches and findings composed day by day, and the alerts the store would hold."""

    def __init__(self) -> None:
        self.flights: list[dict[str, Any]] = []
        self.matches: list[dict[str, Any]] = []
        self.findings: list[dict[str, Any]] = []
        self.episodes: dict[int, Episode] = {}

    def fly(self, day: int, *routes: str, icao24: str = "152cba", hour: int = 2, p: float = 0.9, **flight: Any) -> str:
        """One flight on that day, matched to these routes."""
        first = datetime.combine(DAY0 + timedelta(days=day), datetime.min.time(), UTC) + timedelta(hours=hour)
        name = flight_id(icao24, first)
        row = {
            "flight_id": name, "icao24": icao24, "callsign": "RFF7681", "registration": "RA-76842", "typecode": "IL76",
            "firstseen": first, "lastseen": first + timedelta(hours=5), "estdepartureairport": "UUWW",
            "departure_method": "observed", "departure_probability": 1.0, "departure_candidates": {"UUWW": 1.0},
            "estarrivalairport": "HLLB", "arrival_method": "inferred", "arrival_probability": p,
            "arrival_candidates": {"HLLB": p}, "source": "adsblol", "provenance": [1], "rules_version": "1",
            "track": None,
        } | flight  # fmt: skip
        self.flights.append(row)
        confirmed = row["arrival_method"] == "observed"
        for route in routes:
            self.matches.append(
                {"route": route, "flight_id": name, "icao24": icao24, "day": DAY0 + timedelta(days=day),
                 "probability": p, "confirmed": confirmed}
            )  # fmt: skip
        return name

    def judge(self, route: str, day: int, observed: float, *, flagged: bool = True, **finding: Any) -> None:
        """A finding for that day; judging a day again replaces it."""
        when = DAY0 + timedelta(days=day)
        self.findings = [f for f in self.findings if (f["route"], f["day"]) != (route, when)]
        self.findings.append(
            {"route": route, "day": when, "model": "m1", "window_days": 7, "observed": observed, "expected": 0.1,
             "lower": 0.0, "upper": 1.0, "multiple": observed / 0.1, "probability": 1e-4, "score": 3.0,
             "threshold": 1.0, "flagged": flagged, "reasons": ["third flight, usual is one"], "contributions": {},
             "coverage": 0.9, "history_days": 200} | finding
        )  # fmt: skip

    def quiet(self, route: str, first: int, last: int) -> None:
        for day in range(first, last + 1):
            self.judge(route, day, 0.0, flagged=False)

    def update(self, day: int, *, hours: float = 12, **options: Any) -> Changes:
        """What the job does: update at that time and store the changes."""
        now = datetime.combine(DAY0 + timedelta(days=day), datetime.min.time(), UTC) + timedelta(hours=hours)
        options.setdefault("routes", ROUTES)
        changes = alerts.update(
            conform(pd.DataFrame(self.findings), FINDING) if self.findings else empty(FINDING),
            conform(pd.DataFrame(self.matches), MATCH) if self.matches else empty(MATCH),
            conform(pd.DataFrame(self.flights), FLIGHT) if self.flights else empty(FLIGHT),
            self.episodes.values(),
            now=now,
            **options,
        )
        for episode in (*changes.opened, *changes.updated, *changes.closed):
            self.episodes[episode.alert.id] = episode
        return changes

    def set(self, number: int, **changed: Any) -> None:
        episode = self.episodes[number]
        self.episodes[number] = replace(episode, alert=replace(episode.alert, **changed))


def surge(world: World, *routes: str) -> None:
    """Three flights on days 8, 10 and 12, flagged on day 12."""
    for day, airframe in ((8, "152cba"), (10, "152cbb"), (12, "152cba")):
        world.fly(day, *routes, icao24=airframe)
    for route in routes:
        world.judge(route, 12, 2.7)
