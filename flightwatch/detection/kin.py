"""Watches that rest on the same flights: a route inside a wider one, and a route's way back.

One surge passes the threshold of several such routes but is one alert (`alerts.linking`). A twin that draws each route
separately would count it several times. The past shows which routes belong together: their flights fall on the same
days, or on days with flights the other way.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from scipy import stats

from flightwatch.detection.panel import Panel

Array = npt.NDArray[Any]

A_FLIGHT = 0.5  # more likely than not there was a flight that day
BUSIEST = 0.5  # share of days with a flight; on busier routes, flights of any two fall on the same days
SAME = 0.5  # of a route's flight-days beyond chance: what `alerts.linking` asks of shared flights and of ways back
WIDER = 4.0  # times the flights: less than a quarter of a wider watch's variance is the narrower's, so it says nothing
COINCIDENCE = 0.01  # probability of finding a route among all others by chance
TINY = 1e-9  # flights: keeps divisors above 0


@dataclass(frozen=True)
class Kin:
    """For each route: the next busier one it belongs to (-1: none), the share of its flight-days that it has in common
    with that one, the share of these on the same day, whether the rest is a day later (1) or earlier (-1), its family.
    """

    routes: Array
    parent: Array
    share: Array
    prompt: Array
    lag: Array
    family: Array

    def families(self, routes: Array) -> Array:
        """The family number of each of these routes by name; a route that is not known is a family of its own."""
        known = dict(zip(self.routes.tolist(), self.family.tolist(), strict=True))
        return np.array([known.get(name, len(known) + i) for i, name in enumerate(routes.tolist())], dtype=int)

    def order(self) -> list[int]:
        """The routes that have a parent; parents come before their children."""
        depth = np.zeros(len(self.parent), dtype=int)
        up = self.parent.copy()
        while (up >= 0).any():
            depth[up >= 0] += 1
            up = np.where(up >= 0, self.parent[up], -1)
        return [int(i) for i in np.argsort(depth, kind="stable") if depth[i]]


def find(panel: Panel) -> Kin:
    """The families of these routes, from the days on which they flew."""
    flew, back = panel.clean > A_FLIGHT, panel.reverse > A_FLIGHT
    days, routes = flew.shape
    often = flew.sum(axis=0)
    rank = np.empty(routes, dtype=int)
    rank[np.argsort(-often, kind="stable")] = np.arange(routes)
    wider = (rank[None, :] < rank[:, None]) & (often[None, :] <= WIDER * often[:, None]) & (often > 0)[:, None]
    wider &= (often <= BUSIEST * days)[None, :]
    same, sure = _beyond_chance(flew, flew, panel.weekday)
    home, way_back = _beyond_chance(flew, back, panel.weekday)
    none = np.zeros((1, routes), dtype=bool)
    after, _ = _beyond_chance(flew, flew | np.vstack([none, flew[:-1]]), panel.weekday)
    before, _ = _beyond_chance(flew, flew | np.vstack([flew[1:], none]), panel.weekday)
    near = np.maximum(after, before)
    same_flights, way_back = sure & (same >= SAME), way_back & (home >= SAME) & (near >= SAME)
    linked = wider & (same_flights | way_back)
    # The least busy one that fits: a city pair belongs to its region before its country.
    parent = np.where(linked.any(axis=1), np.where(linked, rank[None, :], -1).argmax(axis=1), -1)
    at = np.arange(routes), np.maximum(parent, 0)
    strength = np.where(way_back, np.maximum(near, same), same)[at]
    share = np.where(parent >= 0, np.clip(strength, 0.0, 1.0), 0.0)
    prompt = np.clip(np.divide(same[at], strength, out=np.ones(routes), where=strength > 0), 0.0, 1.0)
    return Kin(panel.routes, parent, share, prompt, np.where(after[at] >= before[at], 1, -1), _families(parent))


def _beyond_chance(mine: Array, theirs: Array, weekday: Array) -> tuple[Array, Array]:
    """The share of each route's flight-days that are another's too, minus chance; and where it is no coincidence.

    Chance is counted by weekday, because two Saturday timetables meet every Saturday.
    """
    n = mine.sum(axis=0, dtype=float)[:, None]
    both, chance = np.zeros((2, mine.shape[1], mine.shape[1]))
    for k in range(7):
        a, b = mine[weekday == k].astype(float), theirs[weekday == k].astype(float)
        both += a.T @ b
        chance += np.outer(a.sum(axis=0), b.sum(axis=0)) / max(len(a), 1)
    share = np.divide(both - chance, n - chance, out=np.zeros_like(both), where=n - chance > TINY)
    sure = share >= SAME
    sure[sure] = stats.poisson.sf(both[sure] - 1, chance[sure]) * max(len(n) - 1, 1) <= COINCIDENCE
    return share, sure


def _families(parent: Array) -> Array:
    """A number for each route, the same for all with a common ancestor."""
    root = np.arange(len(parent))
    while (parent[root] >= 0).any():
        root = np.where(parent[root] >= 0, parent[root], root)
    return root


def strongest_other(values: Array, family: Array) -> Array:
    """Per day and route, the highest value among the other routes of its family; 0 where it has none.

    >>> strongest_other(np.array([[1.0, 2.0, 4.0, 8.0]]), np.array([0, 0, 0, 1])).tolist()
    [[4.0, 4.0, 2.0, 0.0]]
    """
    out = np.zeros(values.shape)
    order = np.argsort(family, kind="stable")
    _, first, size = np.unique(family[order], return_index=True, return_counts=True)
    for members in np.unique(size[size > 1]):
        columns = order[first[size == members][:, None] + np.arange(members)]
        each = values[:, columns]
        second, highest = np.moveaxis(np.sort(each, axis=-1)[..., -2:, None], -2, 0)
        out[:, columns] = np.where(each < highest, highest, second)
    return out


def alike(rate: Array, shape: Array, kin: Kin) -> None:
    """Gives the children's drawn rates the quantile of their parent, in place: `rate` in units of its gamma's scale,
    copies in blocks of all routes, one `shape` per route."""
    routes = len(kin.parent)
    for i in kin.order():
        p = kin.parent[i]
        rate[i::routes] = stats.gamma.ppf(stats.gamma.cdf(rate[p::routes], shape[p]), shape[i])


def descend(whole: Array, mean: Array, kin: Kin, copies: int, rng: np.random.Generator) -> None:
    """Draws the children's flights again, in place: their share from the parent's flights, the rest as already drawn.

    `whole` and `mean` are days × (copies · routes), each copy a block of all routes.
    """
    routes = len(kin.parent)
    for i in kin.order():
        mine = np.arange(copies) * routes + i
        theirs = mine - i + kin.parent[i]
        common = kin.share[i] * np.minimum(mean[:, mine], mean[:, theirs])
        taken = rng.binomial(whole[:, theirs], common / np.maximum(mean[:, theirs], TINY))
        prompt = rng.binomial(taken, kin.prompt[i])
        rest, none = taken - prompt, np.zeros((1, copies), dtype=taken.dtype)
        apart = np.vstack([none, rest[:-1]] if kin.lag[i] > 0 else [rest[1:], none])
        own = rng.binomial(whole[:, mine], 1 - common / np.maximum(mean[:, mine], TINY))
        whole[:, mine] = prompt + apart + own
