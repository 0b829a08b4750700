"""Ends judged again after the flights were cut: our answers beside those of the usual rules, with calibration."""

from __future__ import annotations

import numpy as np
import pandas as pd

from benchmarks.flights.fit import Problem
from flightwatch import airports, geo
from flightwatch.flights import weights
from flightwatch.flights.table import APPROACH_FT, APPROACH_NM, NAMED

NEAR_KM = 46.3  # adsbtrack: the probable destination lies within 25 NM of the last point
BANDS = ((5, "5 km"), (10, "10 km"), (50, "50 km"), (150, "150 km"), (400, "400 km"), (0, "random height"))


def answers(problem: Problem, folds: int) -> pd.DataFrame:
    """One row per cut: our best airport and its probability, judged out of sample, and the two rules' answers."""
    best, sure, given = problem.crossed(folds)
    cuts = problem.cuts
    places = airports.load()
    near, miles = places.nearest(cuts.edges.latitude, cuts.edges.longitude)
    close = miles[:, 0] * 1.852 <= NEAR_KM
    frame = pd.DataFrame(
        {
            "band": cuts.band,
            "collection": cuts.collection,
            "truth": cuts.truth,
            "best": best,
            "sure": sure,
            "given": given,
            "nearest": near[:, 0],
            "within": np.where(close, near[:, 0], -1),
            "end": "arrival" if problem.arrival else "departure",
            "altitude": cuts.edges.altitude,
            "vertical_rate": cuts.edges.vertical_rate,
        }
    )
    frame["right"] = (frame["best"] == frame["truth"]) & (frame["truth"] >= 0)
    frame["named"] = frame["sure"] >= NAMED
    away = geo.distance(cuts.edges.latitude, cuts.edges.longitude, places.latitude[best], places.longitude[best])
    over = cuts.edges.altitude - places.elevation[best]
    frame["approach"] = frame["named"] & (away <= APPROACH_NM) & (over <= APPROACH_FT)
    return frame


def by_distance(frame: pd.DataFrame) -> pd.DataFrame:
    """Right, wrong, unknown and the Brier score of ours; right and wrong of the two rules, by distance of the cut."""
    rows = []
    for band, label in BANDS:
        m = frame[frame["band"] == band]
        if m.empty:
            continue
        named = m["named"]
        rule = m["within"] >= 0
        rows.append(
            (
                label,
                len(m),
                (named & m["right"]).mean(),
                (named & ~m["right"]).mean(),
                (~named).mean(),
                ((m["sure"] - m["right"]) ** 2).mean(),
                m["given"].mean(),
                (m["nearest"] == m["truth"]).mean(),
                (m["nearest"] != m["truth"]).mean(),
                (m["within"] == m["truth"]).mean(),
                (rule & (m["within"] != m["truth"])).mean(),
            )
        )
    names = (
        "cut at", "cuts", "right", "wrong", "unknown", "Brier", "p(truth)", "nearest right", "nearest wrong",
        "46 km right", "46 km wrong",
    )  # fmt: skip
    return pd.DataFrame(rows, columns=names)


def calibration(frame: pd.DataFrame) -> pd.DataFrame:
    """Stated probability of the best airport and how often it was right, in tenths."""
    m = frame[(frame["truth"] >= 0) & (frame["best"] >= 0)]
    tenth = np.minimum((m["sure"] * 10).astype(int), 9)
    out = m.groupby(tenth).agg(cases=("sure", "size"), stated=("sure", "mean"), frequency=("right", "mean"))
    out.insert(0, "tenth", [f"{k / 10:.1f}-{(k + 1) / 10:.1f}" for k in out.index])
    return out.reset_index(drop=True)


def fifty(frame: pd.DataFrame) -> pd.DataFrame:
    """The cuts at 50 km and below 15,000 ft whose end is known."""
    return frame[(frame["truth"] >= 0) & (frame["band"] == 50) & (frame["altitude"] < 15_000)]


def bars(both: pd.DataFrame) -> dict[str, tuple[float, int]]:
    """The figures for the acceptance bars: value and number of cases."""
    arrivals = both[both["end"] == "arrival"]
    near = {"arrivals": fifty(arrivals), "departures": fifty(both[both["end"] == "departure"]), "both": fifty(both)}
    transport = near["arrivals"][near["arrivals"]["collection"].isin(TRANSPORT)]
    approach = both[both["approach"] & (both["truth"] >= 0)]
    close = approach[(approach["band"] == 5) & (approach["end"] == "arrival")]
    level = arrivals[(arrivals["altitude"] > 20_000) & (arrivals["vertical_rate"].abs() < 400)]
    unseen = level[level["truth"] < 0]
    cruise = level[level["truth"] >= 0]
    wrong = (cruise["named"] & ~cruise["right"]).mean()
    out = {
        "on approach, all cuts of both ends: right": (approach["right"].mean(), len(approach)),
        "... arrivals cut at 5 km only": (close["right"].mean(), len(close)),
    }
    for name, part in near.items():
        named = part[part["named"]]
        out[f"50 km, below 15,000 ft, {name}: named and right, of all"] = (
            len(named) / len(part) * named["right"].mean(),
            len(part),
        )
        out[f"... {name}: best airport right, named or not"] = (part["right"].mean(), len(part))
        out[f"... {name}: right where one is named"] = (named["right"].mean(), len(named))
    return out | {
        "... arrivals of transport, calibration and test flights: named and right, of all": (
            (transport["named"] & transport["right"]).mean(), len(transport),
        ),
        "cruise, end known: named and wrong": (wrong, len(cruise)),
        "cruise, end not known (overflights): one airport named": (unseen["named"].mean(), len(unseen)),
    }  # fmt: skip


TRANSPORT = ("calibration", "featured", "fr24", "savan", "toulouse", "traces", "onground")


def fitted() -> dict[str, int]:
    """How many constants there are to fit."""
    return {"arrival": len(weights.ARRIVAL), "departure": len(weights.DEPARTURE)}
