"""Stops between two real flights of an airframe, both ends cut off: the basis of the constants in `weights.JOINT`.

    python -m benchmarks.flights.stops

Where one flight was seen to land and the next to take off at the same field, both are cut at the same distance from it,
as the edge of coverage would. Where the fields differ, or where a flight between the two is left out, the first still
landed where it did.
"""

from __future__ import annotations

import itertools

import numpy as np

from benchmarks.flights import corpus
from flightwatch import airports
from flightwatch.flights import ends, weights
from flightwatch.flights.table import Sides, ends_of

NAMES = ("latitude", "longitude", "altitude", "groundspeed", "track", "vertical_rate")
BANDS_KM = (5, 10, 25, 50, 100, 150, 300)


def pairs_of(seen: corpus.Seen, places: airports.Airports) -> list[tuple[int, int, int]]:
    """Legs before and after a stop, and its field; -1 where the two are not at one field."""
    airframe = seen.columns["airframe"][seen.legs.first]
    out = []
    for skip in (1, 2):
        for i in range(len(seen.legs) - skip):
            j = i + skip
            if airframe[i] != airframe[j] or seen.arrival[i] < 0 or seen.departure[j] < 0:
                continue
            same = seen.arrival[i] == seen.departure[j]
            if skip == 1 or not same:
                out.append((i, j, int(seen.arrival[i]) if same else -1))
    return out


def collect() -> tuple[ends.Ends, np.ndarray, np.ndarray, np.ndarray]:
    """Two flights per case: ends as the product sees them, the field between them, the distance of the cut in km."""
    places = airports.load()
    rows: list[tuple] = []
    for name, observations in corpus.collections():
        seen = corpus.seen(name, observations)
        columns, legs = seen.columns, seen.legs
        for (i, j, field), km in itertools.product(pairs_of(seen, places), BANDS_KM):
            a = _cut(seen, i, int(seen.arrival[i]), km, places, True)
            b = _cut(seen, j, int(seen.departure[j]), km, places, False)
            if a is None or b is None:
                continue
            for leg, lo, hi in ((i, legs.first[i], a), (j, b, legs.last[j])):
                fastest = float(np.nan_to_num(columns["groundspeed"][legs.first[leg] : legs.last[leg] + 1]).max())
                flown = corpus.geo.distance(
                    columns["latitude"][lo:hi], columns["longitude"][lo:hi],
                    columns["latitude"][lo + 1 : hi + 1], columns["longitude"][lo + 1 : hi + 1],
                ).sum()  # fmt: skip
                rows.append((columns, int(lo), int(hi), fastest, float(flown), field, int(seen.arrival[i]), km))
    first, last = ({k: np.array([float(r[0][k][r[w]]) for r in rows]) for k in NAMES} for w in (1, 2))
    ground = [np.array([bool(r[0]["onground"][r[w]]) for r in rows]) for w in (1, 2)]
    times = [np.array([int(r[0]["time"][r[w]]) for r in rows]) for w in (1, 2)]
    case = np.arange(len(rows)) // 2
    built = ends_of(
        Sides(first, last, ground[0], ground[1]), case, (times[0], times[1]), [""] * len(rows),
        np.array([r[3] for r in rows]), np.array([r[4] for r in rows]),
    )  # fmt: skip
    field, arrived, km = (np.array([r[k] for r in rows[::2]]) for k in (5, 6, 7))
    return built, field, arrived, km


def _cut(seen: corpus.Seen, leg: int, field: int, km: float, places: airports.Airports, arrival: bool) -> int | None:
    lo, hi = int(seen.legs.first[leg]), int(seen.legs.last[leg])
    away = np.flatnonzero(corpus.flown(seen.columns, lo, hi, field, places) > km / 1.852)
    if len(away) < 5:
        return None
    return lo + int(away[-1] if arrival else away[0])


def likelihood(built: ends.Ends, field: np.ndarray, arrived: np.ndarray, places: airports.Airports) -> np.ndarray:
    """The probability given to the field where the first flight of each case landed."""
    _, arrivals = ends.settle(built, places, (ends.nothing(), ends.nothing()))
    given = ends.Hints(arrivals.edge, arrivals.place, arrivals.probability)
    return given.of(np.arange(len(field)) * 2, arrived)


def main() -> None:
    places = airports.load()
    built, field, arrived, km = collect()
    print(f"{len(field)} stops, {(field < 0).sum()} of them not at one field")
    best = (-np.inf, dict(weights.JOINT))
    grid = itertools.product((-4.0, -2.0, 0.0, 2.0, 4.0), (0.0, 0.5, 0.75), (1.0, 2.0), (0.0, 0.5))
    for apart, edge, area, wait in grid:
        weights.JOINT.update(apart=apart, edge=edge, area=area, wait=wait)
        value = float(np.log(np.maximum(likelihood(built, field, arrived, places), 1e-4)).mean())
        if value > best[0]:
            best = (value, dict(weights.JOINT))
            print(f"log likelihood {value:.3f} with {weights.JOINT}")
    weights.JOINT.update(best[1])
    p = likelihood(built, field, arrived, places)
    for band in BANDS_KM:
        m, n = (km == band) & (field >= 0), (km == band) & (field < 0)
        apart = f"{p[n].mean():.2f} of {n.sum()} not joined" if n.any() else ""
        print(f"{band:4d} km: p(field) {p[m].mean():.2f} of {m.sum():4d} stops  {apart}")


if __name__ == "__main__":
    main()
