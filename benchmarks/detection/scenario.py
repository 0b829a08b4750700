"""Worlds of route-days with known truth: sparse directed routes, patchy coverage, nuisance, and surges.

1,000 routes between 20 + 20 groups, 400 days, the first 200 for training. The truth (true rates, what was injected) is
kept beside the observed panel; only the metrics and the oracle read it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from flightwatch.detection.panel import Panel

Array = npt.NDArray[Any]

START = np.datetime64("2023-01-02")  # a Monday, so weekday 0 is Monday in the profiles below
CLASSES = ((0.60, 0.02, 0.5), (0.30, 0.5, 2.0), (0.08, 2.0, 14.0), (0.02, 14.0, 70.0))
"""Share of routes, and flights per week (from, to): dormant, sparse, regular, busy."""


@dataclass(frozen=True)
class Recipe:
    """What a world is made of. From `shock_day` on, the coverage of poor groups is three times what it was."""

    routes: int = 1_000
    days: int = 400
    train_end: int = 200
    groups: int = 20
    events: float = 0.30
    old_events: float = 0.10
    campaigns: float = 0.30
    coverage_error: float = 0.10
    shock_day: int | None = None
    outage: tuple[int, int] | None = None


@dataclass(frozen=True)
class World:
    """`panel` is what a detector sees; `events` (route, start, end, extra, kind, …) and the rest are truth."""

    panel: Panel
    events: pd.DataFrame
    train_end: int
    true_mean: Array
    frailty: Array

    @property
    def quiet(self) -> Array:
        """Days × routes that are scored and far from any event."""
        mask = np.ones(self.panel.shape, dtype=bool)
        mask[: self.train_end] = False
        for e in self.events.itertuples():
            # Two days before: an event may borrow from the day before; 35 after: the longest window plus a week.
            mask[max(e.start - 2, 0) : e.end + 36, e.route] = False
        return mask


def world(recipe: Recipe, seed: int) -> World:
    """One world; the same seed gives the same."""
    rng = np.random.default_rng(seed)
    shape = (recipe.days, recipe.routes)
    origin, destination = (rng.integers(0, recipe.groups, recipe.routes) for _ in range(2))
    mean, weekly = _rates(rng, recipe, origin)
    shape_k = np.exp(rng.uniform(np.log(2), np.log(20), recipe.routes))
    frail = rng.gamma(shape_k, 1 / shape_k, (recipe.days // 7 + 1, recipe.routes))
    base = rng.poisson(mean * np.repeat(frail, 7, axis=0)[: recipe.days])
    base = base + rng.binomial(base, 0.15)
    extra, military, events = _events(rng, recipe, origin)
    seen, reckoned = _coverage(rng, recipe, origin, destination)

    quiet, loud = rng.binomial(base, seen), rng.binomial(military, seen)
    civil = rng.binomial(extra - military, seen)
    count = (quiet + civil + loud).astype(float)
    attributes = _attributes(rng, weekly, quiet + civil, loud)
    back = _returns(rng, base + extra, seen)
    if len(events):
        surplus = loud + civil
        events["extra"] = [int(surplus[e.start : e.end + 1, e.route].sum()) for e in events.itertuples()]
    nothing = np.zeros(shape)
    panel = Panel(
        routes=np.array([f"r{i:04d}" for i in range(recipe.routes)]),
        days=START + np.arange(recipe.days),
        count=count,
        clean=count,
        seen=count,
        suspect=nothing,
        reverse=back,
        coverage=reckoned,
        attributes=attributes,
        origin=origin,
        destination=destination,
    )
    scored = events[events["start"] >= recipe.train_end].reset_index(drop=True) if len(events) else events
    return World(panel, scored, recipe.train_end, mean * seen * 1.15, shape_k)


def without_events(recipe: Recipe) -> Recipe:
    """The same recipe without injections in the scored half."""
    return replace(recipe, events=0.0)


def _rates(rng: np.random.Generator, recipe: Recipe, origin: Array) -> tuple[Array, Array]:
    """True mean flights per day (days × routes), and flights per week of each route."""
    kind = rng.choice(len(CLASSES), recipe.routes, p=[c[0] for c in CLASSES])
    low, high = (np.array([c[i] for c in CLASSES])[kind] for i in (1, 2))
    weekly = np.exp(rng.uniform(np.log(low), np.log(high)))
    t = np.arange(recipe.days)
    mean = weekly / 7 * _weekdays(rng, recipe.routes)[t % 7]
    season = rng.uniform(0, 0.5, recipe.routes) * np.cos(
        2 * np.pi * (t[:, None] - rng.uniform(0, 365, recipe.routes)) / 365
    )
    walk = np.cumsum(rng.normal(0, 0.05, (recipe.days // 7 + 1, recipe.routes)), axis=0)[t // 7]
    mean = mean * np.exp(season + walk)
    for r in np.flatnonzero(rng.random(recipe.routes) < 0.10):  # charters that switch on and off
        day, on = 0, rng.random() < 0.5
        while day < recipe.days:
            lasts = int(rng.exponential(90 if on else 120)) + 14
            mean[day : day + lasts, r] *= 1.6 if on else 0.15
            day, on = day + lasts, not on
    for g in range(recipe.groups):  # holidays and fairs
        for _ in range(rng.poisson(1.5 * recipe.days / 365)):
            day, lasts = int(rng.integers(0, recipe.days)), int(rng.integers(5, 13))
            mean[day : day + lasts, origin == g] *= rng.uniform(1.5, 2.0)
    return mean, weekly


def _weekdays(rng: np.random.Generator, routes: int) -> Array:
    """Weekday factors, 7 × routes: 45 % flat, 30 % working days, 15 % weekends, 10 % two fixed days."""
    profile = np.ones((7, routes))
    kind = rng.choice(4, routes, p=[0.45, 0.30, 0.15, 0.10])
    profile[:, kind == 1] = np.array([1.2, 1.2, 1.2, 1.2, 1.2, 0.5, 0.5])[:, None]
    profile[:, kind == 2] = np.array([0.7, 0.7, 0.7, 0.7, 1.2, 1.5, 1.5])[:, None]
    for r in np.flatnonzero(kind == 3):
        profile[:, r] = 0.25
        profile[rng.choice(7, 2, replace=False), r] = 2.875
    return profile * 7 / profile.sum(axis=0)


def _events(rng: np.random.Generator, recipe: Recipe, origin: Array) -> tuple[Array, Array, pd.DataFrame]:
    """Extra flights, how many of them military, and the list of events."""
    extra = np.zeros((recipe.days, recipe.routes), dtype=np.int64)
    military = np.zeros_like(extra)
    events: list[dict[str, Any]] = []

    def add(route: int, start: int, campaign: int) -> None:
        e = _event(rng, recipe.days, start)
        flights = rng.poisson(e.pop("daily"))
        extra[e["start"] : e["end"] + 1, route] += flights
        if e["kind"] == "military":
            military[e["start"] : e["end"] + 1, route] += flights
        events.append({"route": route, "campaign": campaign, **e})

    def place(number: int, first: int, last: int) -> None:
        taken = {e["route"] for e in events if e["end"] >= first - 30}
        free = [int(r) for r in rng.permutation(recipe.routes) if r not in taken]
        while number > 0 and free:
            route, start = free.pop(), int(rng.integers(first, last))
            mates = []
            if rng.random() < recipe.campaigns:
                mates = [r for r in free if origin[r] == origin[route]][: int(rng.integers(1, 4))]
            campaign = len(events) if mates else -1
            add(route, start, campaign)
            for mate in mates:
                free.remove(mate)
                add(mate, start + int(rng.integers(-5, 6)), campaign)
            number -= 1 + len(mates)

    place(int(recipe.old_events * recipe.routes), 30, recipe.train_end - 70)
    place(int(recipe.events * recipe.routes), recipe.train_end + 7, recipe.days - 14)
    frame = pd.DataFrame(events)
    return extra, military, frame.sort_values(["route", "start"], ignore_index=True) if len(frame) else frame


def _event(rng: np.random.Generator, days: int, start: int) -> dict[str, Any]:
    weekly, lasts = float(rng.choice([2, 3, 5, 10])), int(rng.choice([7, 14, 28, 56]))
    shape = str(rng.choice(["step", "ramp", "burst"], p=[0.5, 0.3, 0.2]))
    start = int(np.clip(start, 0, days - 5))
    end = min(start + (5 if shape == "burst" else lasts) - 1, days - 1)
    long = end - start + 1
    if shape == "step":
        daily = np.full(long, weekly / 7)
    elif shape == "ramp":
        daily = np.linspace(0.2, 1.8, long) * weekly / 7
    else:
        daily = np.full(long, max(weekly * min(lasts, 14) / 7, 2) / 5)
    kind = "military" if rng.random() < 0.7 else "civil"
    return {"start": start, "end": end, "weekly": weekly, "shape": shape, "kind": kind, "daily": daily}


def _coverage(rng: np.random.Generator, recipe: Recipe, origin: Array, destination: Array) -> tuple[Array, Array]:
    """The probability that a flight is seen, and what the detectors are told about it (10 % off)."""
    ends = [_group_coverage(rng, recipe) for _ in range(2)]
    for c in ends:
        if recipe.shock_day is not None:
            poor = c[recipe.shock_day - 30 : recipe.shock_day].mean(axis=0) < 0.45
            c[recipe.shock_day :, poor] = np.minimum(c[recipe.shock_day :, poor] * 3, 0.95)
        if recipe.outage is not None:
            c[recipe.outage[0] : recipe.outage[1]] *= 0.1
    told = [c * np.exp(rng.normal(0, recipe.coverage_error, c.shape)) for c in ends]
    seen, reckoned = (np.sqrt(o[:, origin] * d[:, destination]) for o, d in (ends, told))
    return seen, np.clip(reckoned, 0.0, 1.0)


def _group_coverage(rng: np.random.Generator, recipe: Recipe) -> Array:
    """Half of the groups well covered, half poorly; receivers come and go, outages, slow drift, daily jitter."""
    days, groups = recipe.days, recipe.groups
    poor = rng.random(groups) < 0.5
    c = np.tile(np.where(poor, rng.uniform(0.08, 0.40, groups), rng.uniform(0.50, 0.95, groups)), (days, 1))
    for g in range(groups):
        for _ in range(rng.poisson((1.2 if poor[g] else 0.4) * days / 365)):
            level = rng.uniform(0.05, 0.80) if poor[g] else rng.uniform(0.40, 0.95)
            c[int(rng.integers(0, days)) :, g] = level
        for _ in range(rng.poisson(1.5 * days / 365)):
            day, lasts = int(rng.integers(0, days)), int(rng.integers(3, 31))
            c[day : day + lasts, g] *= rng.uniform(0.05, 0.40)
        c[:, g] *= np.exp(np.cumsum(rng.normal(0, 0.01, days)))
    return np.clip(c * np.exp(rng.normal(0, 0.08, c.shape)), 0.02, 0.98)


def _attributes(rng: np.random.Generator, weekly: Array, ordinary: Array, military: Array) -> dict[str, Array]:
    """Attributes: each route's own share of ordinary flights; of military ones 60 % new, 85 % heavy, 50 % at night."""
    routes = len(weekly)
    own = {
        "heavy": rng.beta(1, 6, routes),
        "night": rng.beta(2, 4, routes),
        "newcomers": np.clip(0.04 + 0.5 * np.exp(-weekly), 0.04, 0.6),
    }
    odd = {"heavy": 0.85, "night": 0.50, "newcomers": 0.60}
    out = {n: (rng.binomial(ordinary, own[n]) + rng.binomial(military, odd[n])).astype(float) for n in own}
    nothing = np.zeros(ordinary.shape)
    return {**out, "region_newcomers": nothing}


def _returns(rng: np.random.Generator, flights: Array, seen: Array) -> Array:
    """Reverse legs zero to two days later with probability 0.85, seen with the same coverage."""
    legs = rng.binomial(flights, 0.85)
    lag = rng.multinomial(legs, [0.3, 0.4, 0.3])
    back = np.zeros(flights.shape, dtype=np.int64)
    for k in range(3):
        back[k:] += lag[: len(lag) - k, :, k]
    return rng.binomial(back, seen).astype(float)
