"""Single recordings with something to get right: seen ends, spoofing, clock faults, ground clutter."""

from __future__ import annotations

import pandas as pd

from benchmarks.flights import corpus
from flightwatch import flights, ingest


def _built(name: str, observations: pd.DataFrame) -> pd.DataFrame:
    clean, _ = ingest.clean(observations.assign(source=name))
    return flights.build(clean)


def seen() -> pd.DataFrame:
    """Ends the product calls observed or on approach, where somebody else names the true airport."""
    samples = corpus.folder() / "traffic_samples" / "samples"
    rows = []
    for path in sorted((samples / "fr24").glob("*.json")):
        observations, origin, goal = corpus.flightradar(path)
        flight = _built("fr24", observations).iloc[0]
        rows.append((path.stem, "departure", origin, flight["estdepartureairport"], flight["departure_method"]))
        rows.append((path.stem, "arrival", goal, flight["estarrivalairport"], flight["arrival_method"]))
    trace = _built("trace", corpus.readsb(samples / "readsb" / "trace_full_ac671b.json"))
    truth = (("", "KMSP"), ("KMSP", "KGEG"), ("KGEG", "KMSP"), ("KMSP", "KDEN"))
    for (origin, goal), flight in zip(truth, trace.itertuples(), strict=True):
        for side, true, best, method in (
            ("departure", origin, flight.estdepartureairport, flight.departure_method),
            ("arrival", goal, flight.estarrivalairport, flight.arrival_method),
        ):
            if true:
                rows.append((f"N899DN {flight.callsign}", side, true, best, method))
    return pd.DataFrame(rows, columns=["flight", "end", "truth", "answer", "method"])


def faulty() -> pd.DataFrame:
    """The recordings with faults: the result beside the truth."""
    samples = corpus.folder() / "traffic_samples" / "samples" / "noisy"
    truth = {
        "spoofing": "LTFM to ENGM; ends at 38,000 ft over Sweden, spoofed over Ukraine",
        "time_issue": "LPPR to LSZH, late positions",
        "landing": "ends on approach to LSZH",
        "takeoff": "from LSZH",
        "ground": "from LSZH, positions missing on the ground",
    }
    rows = []
    for name, true in truth.items():
        found = _built(name, corpus.opensky(samples / f"noisy_{name}.json.gz"))
        for f in found.itertuples():
            ends = [b or "unknown" for b in (f.estdepartureairport, f.estarrivalairport)]
            rows.append((name, true, len(found), *ends, f.suspect or "-"))
    return pd.DataFrame(rows, columns=["sample", "truth", "flights", "from", "to", "marks"])
