"""Fits the weights of `flightwatch.flights.weights` and says how good they are.

    python -m benchmarks.flights.fit [--write]

Maximum likelihood of a conditional logit on real flights with the end cut off (`cuts`), pulled towards the weights of
plain reasoning below (a Gaussian prior with the given deviations), because the recordings hold few landings of large
aircraft and none in the desert. For flights with an unseen end, everything their rest left possible counts as right.
"""

from __future__ import annotations

import argparse
from pathlib import Path

import numpy as np
from scipy.optimize import minimize

from benchmarks.flights import cuts as cutting
from flightwatch import airports
from flightwatch.flights.ends import evidence, shares, softmax
from flightwatch.flights.likelihood import (
    EDGE_FEATURES,
    HINT_FEATURES,
    PAIR_FEATURES,
    edge_features,
    pair_features,
    pairs,
)

FEWER = 5
SCALES = np.linspace(0.8, 1.5, 15)
NAMES = (*PAIR_FEATURES, *HINT_FEATURES, *EDGE_FEATURES)
OUT = Path(__file__).resolve().parents[2] / "flightwatch" / "flights" / "weights.py"

# Factor on the deviations below, except for FIRM. Out of sample, with the rules of version 2, the mean log probability
# of the truth was -0.646 for arrivals and -0.534 for departures at 1, and -0.639 and -0.513 at 2.
SPREAD = 2.0
FIRM = ("closed", "near", "far", *EDGE_FEATURES)  # few cuts tell of these, all with fields everywhere around

PRIOR_PAIR = {
    "near": (-0.8, 0.5), "far": (-0.8, 0.5), "steep": (-2.0, 1.0), "level_far": (-0.6, 0.5), "off_near": (-0.4, 0.5),
    "off_mid": (-1.0, 0.7), "off_far": (-2.0, 1.0), "off_track_wide": (-1.0, 0.7), "runway": (0.6, 0.4),
    "small": (-0.5, 0.4), "served": (1.0, 0.4), "closed": (-2.0, 0.3), "too_short": (-4.0, 1.0), "lined_up": (2.5, 1.0),
    "descending_far": (-0.8, 0.5), "climbing_near": (-1.0, 0.5), "at_field": (1.5, 0.7), "served_jet": (1.0, 0.5),
    "home": (-1.0, 1.0), "home_loop": (3.0, 1.5), "home_work": (3.0, 1.5), "share": (0.0, 0.7),
    "aside": (0.0, 0.7), "under": (0.0, 0.7), "visits": (1.0, 0.5), "size": (0.3, 0.4), "steep_level": (0.0, 0.7),
    "abeam": (0.0, 0.5), "traffic_jet": (0.0, 0.7), "hub_light": (0.0, 0.7),
}  # fmt: skip
PRIOR_EDGE = {
    "none": (-4.0, 2.0), "high": (0.6, 0.7), "cruise": (1.0, 0.7), "descending": (-1.0, 0.7), "climbing": (1.5, 0.7),
    "low": (-0.5, 0.7), "slow": (0.8, 0.7), "ahead": (1.0, 0.2),
}  # fmt: skip


# Chosen by likelihood with `python -m benchmarks.flights.stops`; "apart_seen" and "elsewhere" by reasoning: one
# airframe in a thousand leaves from another place than where it was last seen on the ground.
JOINT = {"apart": 2.0, "area": 1.0, "wait": 0.0, "apart_seen": -9.0, "elsewhere": 8.0, "edge": 0.75}


def prior(name: str) -> tuple[float, float]:
    """The reasoned weight of a feature and how far the recordings may pull it away."""
    mean, sigma = {**PRIOR_PAIR, **PRIOR_EDGE}[name]
    return mean, sigma * (1.0 if name in FIRM else SPREAD)


class Problem:
    """The pairs of all cuts, ready to be fitted or scored."""

    def __init__(self, arrival: bool, seed: int = 1) -> None:
        self.arrival = arrival
        self.cuts = cutting.collect(arrival, seed)
        places = airports.load()
        edges = self.cuts.edges if arrival else self.cuts.edges.reversed()
        self.edge, self.place, self.miles = pairs(edges, places)
        home, visits = (h.of(self.edge, self.place) for h in (self.cuts.home, self.cuts.visits))
        loop, work = edges.loop[self.edge], edges.work[self.edge]
        share = shares(visits, self.edge, len(edges))
        extra = np.stack([home, home * loop, home * work, visits, share], axis=-1)
        self.x = np.hstack([pair_features(edges, places, self.edge, self.place, self.miles), extra])
        self.e = edge_features(edges, places)
        self.pair, self.none = cutting.compatible(self.cuts, edges, self.edge, self.place, arrival)
        self._fits: list[tuple[np.ndarray, np.ndarray]] = []

    def fit(self, rows: np.ndarray | None = None) -> tuple[np.ndarray, np.ndarray]:
        """Weights of pairs and edges; `rows` says which cuts count. One in FEWER unseen ends stands for all of them."""
        weight = self.cuts.weight if rows is None else self.cuts.weight * rows
        unseen = self.cuts.truth < 0
        weight = np.where(unseen, weight * FEWER * (np.cumsum(unseen) % FEWER == 0), weight)
        used = weight[self.edge] > 0
        x, at, right = self.x[used], self.edge[used], self.pair[used]
        names = (*(k for k in NAMES if k in PRIOR_PAIR), *EDGE_FEATURES)
        mean, sigma = np.array([prior(k) for k in names]).T
        k = x.shape[1]
        n = len(self.e)

        def loss(w: np.ndarray) -> tuple[float, np.ndarray]:
            u, v = x @ w[:k], self.e @ w[k:]
            top = v.copy()
            np.maximum.at(top, at, u)
            eu, ev = np.exp(u - top[at]), np.exp(v - top)
            total = ev + np.bincount(at, eu, minlength=n)
            good = ev * self.none + np.bincount(at, eu * right, minlength=n)
            p = eu / total[at]
            q = eu * right / np.maximum(good, 1e-300)[at]
            value = -(weight * np.log(np.maximum(good, 1e-300) / total)).sum() + (((w - mean) / sigma) ** 2).sum() / 2
            gu = (p - q) * weight[at]
            gv = (ev / total - ev * self.none / np.maximum(good, 1e-300)) * weight
            return value, np.concatenate([x.T @ gu, self.e.T @ gv]) + (w - mean) / sigma**2

        w = minimize(loss, mean, jac=True, method="L-BFGS-B", options={"maxiter": 400}).x
        return w[:k], self.settled(w[:k], w[k:], weight)

    def settled(self, pair: np.ndarray, edge: np.ndarray, weight: np.ndarray) -> np.ndarray:
        """The edge weights with the constant of "none" that fits the flights whose end is known.

        For the others "none" is always possible, which makes it too likely for all. In cruise it stays as it was: there
        it is more likely.
        """
        utility, none = self.x @ pair, self.e @ edge
        known = self.cuts.truth >= 0
        n = len(none)

        def value(shift: float) -> float:
            top = evidence(utility, none + shift, self.edge)
            good = np.exp(none + shift - top) * self.none
            good += np.bincount(self.edge, np.exp(utility - top[self.edge]) * self.pair, minlength=n)
            return float((weight * known * np.log(np.maximum(good, 1e-9))).sum())

        shifts = np.linspace(-2, 1, 31)
        shift = shifts[int(np.argmax([value(s) for s in shifts]))]
        out = edge.copy()
        out[EDGE_FEATURES.index("none")] += shift
        out[EDGE_FEATURES.index("cruise")] -= shift
        return out

    def fits(self, folds: int) -> list[tuple[np.ndarray, np.ndarray]]:
        """Weights fitted without the airframes of each fold."""
        fold = self.cuts.airframe % folds
        if len(self._fits) != folds:
            self._fits = [self.fit((fold != k).astype(float)) for k in range(folds)]
        return self._fits

    def utilities(self, folds: int) -> tuple[np.ndarray, np.ndarray]:
        """Utilities of pairs and of "none" out of sample: no airframe is judged by weights it helped to fit."""
        fold = self.cuts.airframe % folds
        pair, none = np.zeros(len(self.edge)), np.zeros(len(self.e))
        for k, weights in enumerate(self.fits(folds)):
            mine, own = fold[self.edge] == k, fold == k
            pair[mine], none[own] = self.x[mine] @ weights[0], self.e[own] @ weights[1]
        return pair, none

    def scale(self, pair: np.ndarray, none: np.ndarray, rows: np.ndarray) -> float:
        """The factor on utilities that makes the known ends among `rows` most probable.

        The pull towards reasoned weights, and weights fitted on others, make probabilities out of sample too cautious:
        0.65 stated was 0.85 right.
        """
        weight = self.cuts.weight * rows * (self.cuts.truth >= 0)

        def value(by: float) -> float:
            p = softmax(pair * by, none * by, self.edge)
            found = np.bincount(self.edge, p * (self.place == self.cuts.truth[self.edge]), minlength=len(none))
            return float((weight * np.log(np.maximum(found, 1e-4))).sum())

        return float(max(SCALES, key=value))

    def answers(self, utility: np.ndarray, none: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """Per cut: the most probable airport, its probability, and the probability given to the truth."""
        p = softmax(utility, none, self.edge)
        n = len(self.e)
        order = np.lexsort((-p, self.edge))
        first = order[np.concatenate([[True], self.edge[order][1:] != self.edge[order][:-1]])]
        best, sure = np.full(n, -1), np.zeros(n)
        best[self.edge[first]], sure[self.edge[first]] = self.place[first], p[first]
        right = np.bincount(self.edge, p * (self.place == self.cuts.truth[self.edge]), minlength=n)
        return best, sure, right

    def crossed(self, folds: int = 5) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
        """`answers` out of sample; the scale of each fold, too, comes from the other folds."""
        utility, none = self.utilities(folds)
        by = np.array(self.scales(folds))[self.cuts.airframe % folds]
        return self.answers(utility * by[self.edge], none * by)

    def scales(self, folds: int) -> list[float]:
        """For each fold, the scale that fits the other folds."""
        utility, none = self.utilities(folds)
        return [self.scale(utility, none, self.cuts.airframe % folds != k) for k in range(folds)]

    def without(self, folds: int) -> list[dict[str, float]]:
        """The weights that judge each fold, by name, in the form of `weights.ARRIVAL`."""
        both = zip(self.fits(folds), self.scales(folds), strict=True)
        return [dict(zip(NAMES, (np.concatenate(fit) * by).tolist(), strict=True)) for fit, by in both]

    def final(self, folds: int = 5) -> tuple[np.ndarray, np.ndarray]:
        """The weights of the product: fitted on all, with the scale that fits out of sample."""
        by = self.scale(*self.utilities(folds), np.ones(len(self.e)))
        pair, edge = self.fit()
        return pair * by, edge * by


def table(problem: Problem, best: np.ndarray, sure: np.ndarray, right: np.ndarray) -> str:
    """Right, wrong and unknown by band, with the log loss of the truth."""
    c = problem.cuts
    lines = ["band      cuts  named right  named wrong  unknown  p(truth)"]
    for band, label in (
        (0, "height"),
        (5, "5 km"),
        (10, "10 km"),
        (50, "50 km"),
        (150, "150 km"),
        (400, "400 km"),
        (-1, "unseen"),
    ):
        m = c.band == band
        if m.any():
            named = m & (sure >= 0.5)
            ok = named & (best == c.truth)
            lines.append(
                f"{label:8} {m.sum():5d}  {ok.sum() / m.sum():11.3f}  {(named & ~ok).sum() / m.sum():11.3f}"
                f"  {(m & ~named).sum() / m.sum():7.3f}  {right[m].mean():8.3f}"
            )
    return "\n".join(lines)


HEAD = '''"""The fitted constants of `likelihood`, by feature; written by `python -m benchmarks.flights.fit --write`.

JOINT is chosen with `python -m benchmarks.flights.stops`.
"""

from __future__ import annotations

'''


def source(fitted: dict[str, np.ndarray]) -> str:
    """The text of `flightwatch/flights/weights.py`."""
    text = HEAD
    text += (
        "JOINT = "
        + repr(JOINT).replace("'", '"').replace("{", "{\n    ").replace(", ", ",\n    ").replace("}", ",\n}")
        + "\n"
    )
    for side in ("ARRIVAL", "DEPARTURE"):
        text += f"{side} = {{\n"
        for name, value in zip(NAMES, fitted[side], strict=True):
            text += f'    "{name}": {value:.3f},\n'
        text += "}\n"
    return text


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--folds", type=int, default=5, help="for the scale and the test out of sample")
    parser.add_argument("--write", action="store_true", help="put the weights into the package")
    args = parser.parse_args()
    fitted = {}
    for side in ("ARRIVAL", "DEPARTURE"):
        problem = Problem(side == "ARRIVAL")
        pair, edge = problem.final(args.folds)
        fitted[side] = np.concatenate([pair, edge])
        print(side)
        for name, value in zip(NAMES, fitted[side], strict=True):
            mean, sigma = prior(name)
            print(f"  {name:16} {value:7.3f}   (reasoned {mean:5.2f} ± {sigma})")
        print("in sample\n" + table(problem, *problem.answers(problem.x @ pair, problem.e @ edge)))
        print(f"{args.folds} folds by airframe, out of sample\n" + table(problem, *problem.crossed(args.folds)))
    if args.write:
        OUT.write_text(source(fitted), encoding="utf-8")


if __name__ == "__main__":
    main()
