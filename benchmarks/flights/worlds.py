"""Small generated worlds with known truth: Il-76s from Moscow and Minsk to eastern Libya that go dark on the way.

A week per seed. Every flight goes dark at one of five distances from where it lands and may have a hole in the cruise.
Its return is seen from the same distance on, or not at all. Other traffic crosses the area by day and night. What no
source hears is left out; the truth is kept.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from flightwatch import airports, flights, geo, units

DARK_KM = (400, 150, 55, 38, 19)
HOLES_MIN = (0, 20, 35, 60)
ORIGINS = ("UUWW", "UUMU", "UMMS", "UMLI")
TARGETS = ("HLLB", "HLLB", "HLLB", "HL59", "HL59", "HLLQ", "HLGN")  # weights by repetition
EAST_OF = 18.5  # eastern Libya: Libyan fields east of Sirte's bight
OTHERS = (("LTBA", "HECA"), ("LGAV", "HECA"), ("HECA", "LIRF"), ("UUEE", "HESH"), ("OTHH", "DTTA"), ("LTFM", "HLLM"))
START = 1_733_616_000_000  # 2024-12-08T00:00Z
DAY_MS = 86_400_000


@dataclass
class World:
    observations: pd.DataFrame
    aircraft: pd.DataFrame
    truth: pd.DataFrame  # one row per flight: icao24, off and on in ms, origin, goal, dark_km, hole, seen


def eastern_libya() -> set[str]:
    places = airports.load()
    return {i for i in places.in_country("LY") if places.find(i).longitude >= EAST_OF}


def path(rng: np.random.Generator, origin: str, goal: str, off_ms: float, step_s: float, address: int) -> pd.DataFrame:
    """A flight with a bend (nobody flies the great circle), climb and descent, speed by height, some noise."""
    places = airports.load()
    a, b = places.find(origin), places.find(goal)
    total = float(geo.distance(a.latitude, a.longitude, b.latitude, b.longitude))
    level = float(rng.choice([29_000, 31_000, 33_000, 35_000]))
    speed = rng.uniform(400, 440)
    slope = rng.uniform(280, 360)  # ft per NM of the descent
    air, gone = [], 0.0
    clock = 0.0
    while gone < total:
        up = a.elevation_ft + clock / 60 * 1400
        down = b.elevation_ft + (total - gone) * slope
        height = min(level, up, down)
        air.append((clock, gone, height))
        gone += min(speed, 150 + height / 33_000 * speed) * step_s / 3600
        clock += step_s
    at, miles, height = (np.array(x) for x in zip(*air, strict=True))
    lat, lon = geo.interpolate(a.latitude, a.longitude, b.latitude, b.longitude, miles / total)
    aside = rng.normal(0, 0.03) * total * np.sin(np.pi * miles / total)
    course = geo.bearing(a.latitude, a.longitude, b.latitude, b.longitude)
    lat, lon = geo.destination(lat, lon, course + 90, aside)
    n = len(at)
    track = np.append(geo.bearing(lat[:-1], lon[:-1], lat[1:], lon[1:]), course)
    frame = pd.DataFrame(
        {
            "ms": off_ms + at * 1000,
            "latitude": lat + rng.normal(0, 2e-4, n),
            "longitude": lon + rng.normal(0, 2e-4, n),
            "altitude": np.round(height / 25) * 25,
            "groundspeed": np.minimum(speed, 150 + height / 33_000 * speed) + rng.normal(0, 3, n),
            "track": (track + rng.normal(0, 1, n)) % 360,
            "vertical_rate": np.append(np.diff(height) / step_s * 60, 0.0),
            "onground": False,
        }
    )
    taxi = np.arange(0, 400, 30.0)
    ends = [
        frame.head(1)
        .loc[[0] * len(taxi)]
        .assign(ms=off_ms - 420_000 + taxi * 1000, latitude=a.latitude, longitude=a.longitude),
        frame.head(1)
        .loc[[0] * len(taxi)]
        .assign(ms=frame["ms"].iloc[-1] + 20_000 + taxi * 1000, latitude=b.latitude, longitude=b.longitude),
    ]
    for end in ends:
        end[["altitude", "vertical_rate"]] = np.nan
        end["groundspeed"], end["onground"] = 10.0, True
    return pd.concat([ends[0], frame, ends[1]], ignore_index=True).assign(address=np.uint32(address))


def make(seed: int, step_s: float = 30.0) -> World:
    """The world of one week."""
    rng = np.random.default_rng(seed)
    places = airports.load()
    parts, truth = [], []
    for k in range(int(rng.integers(6, 11))):
        address = 0x140000 + 0x9000 + seed * 16 + k
        origin, goal = str(rng.choice(ORIGINS)), str(rng.choice(TARGETS))
        dark, hole = int(rng.choice(DARK_KM)), int(rng.choice(HOLES_MIN))
        returns = bool(rng.random() < 0.6)
        off = START + rng.uniform(0.05, 6.2) * DAY_MS
        out = path(rng, origin, goal, off, step_s, address)
        field = places.find(goal)
        away = geo.distance(out["latitude"], out["longitude"], field.latitude, field.longitude)
        if hole:
            begin = off + rng.uniform(60, 110) * 60_000
            out = out[~out["ms"].between(begin, begin + hole * 60_000)]
            away = away[out.index]
        parts.append(out[away > dark / 1.852])
        landed = float(out["ms"].iloc[-1]) - 400_000
        truth.append((address, off, landed, origin, goal, dark, hole, returns, "out"))
        back_off = landed + rng.uniform(1.5, 5) * 3_600_000
        back = path(rng, goal, origin, back_off, step_s, address)
        away = geo.distance(back["latitude"], back["longitude"], field.latitude, field.longitude)
        if returns:
            parts.append(back[away > dark / 1.852])
            truth.append((address, back_off, float(back["ms"].iloc[-1]) - 400_000, goal, origin, dark, 0, True, "back"))
    for k in range(24):
        origin, goal = OTHERS[int(rng.integers(len(OTHERS)))]
        address = 0x4B8000 + seed * 64 + k
        off = START + rng.uniform(0.05, 6.6) * DAY_MS
        other = path(rng, origin, goal, off, step_s, address)
        parts.append(other)
        truth.append((address, off, float(other["ms"].iloc[-1]) - 400_000, origin, goal, 0, 0, False, "other"))
    observations = pd.concat(parts, ignore_index=True)
    observations["time"] = units.instants(observations.pop("ms").round().astype("int64"))
    names = ("address", "off", "on", "origin", "goal", "dark_km", "hole", "returns", "kind")
    table = pd.DataFrame(truth, columns=names)
    table["icao24"] = table["address"].map(lambda a: units.icao24_text(int(a)))
    types = np.where(table["kind"] == "other", "A321", "IL76")
    aircraft = pd.DataFrame({"icao24": table["icao24"], "typecode": types}).drop_duplicates("icao24")
    return World(observations.assign(source="world", callsign="RFF"), aircraft, table)


@dataclass
class Result:
    legs: pd.DataFrame  # the truth, with how often it was found, and the probability of eastern Libya at its Libyan end
    expected: float  # sum over flights of P(from Moscow or Minsk) P(to eastern Libya)
    true: int


def judge(world: World) -> Result:
    """Compares each true flight with what was built from it."""
    found = flights.build(world.observations, aircraft=world.aircraft)
    region = eastern_libya()
    home = set(ORIGINS) | {"UUEE", "UUDD", "UUBW", "UUMO", "RU-KUB"}
    mid = (units.millis(found["firstseen"]) + units.millis(found["lastseen"])) / 2
    rows = []
    for t in world.truth.itertuples():
        mine = (found["icao24"] == t.icao24).to_numpy()
        inside = mine & (mid > t.off - 600_000) & (mid < t.on + 600_000)
        exact = inside.sum() == 1
        share = np.nan
        best = ""
        if exact and t.kind != "other":
            flight = found[inside].iloc[0]
            side = "arrival" if t.kind == "out" else "departure"
            share = sum(p for a, p in flight[f"{side}_candidates"].items() if a in region)
            best = flight[f"est{side}airport"]
        rows.append((*t[1:], int(inside.sum()), share, best))
    legs = pd.DataFrame(rows, columns=[*world.truth.columns, "found", "region", "best"])
    expected = sum(
        sum(p for a, p in f.departure_candidates.items() if a in home)
        * sum(p for a, p in f.arrival_candidates.items() if a in region)
        for f in found.itertuples()
    )
    return Result(legs, float(expected), int((world.truth["kind"] == "out").sum()))


def run(seeds: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """All worlds: all legs, and expected and true flights per week."""
    legs, weeks = [], []
    for seed in range(seeds):
        result = judge(make(seed))
        legs.append(result.legs.assign(seed=seed))
        weeks.append((seed, result.expected, result.true))
    return pd.concat(legs, ignore_index=True), pd.DataFrame(weeks, columns=["seed", "expected", "true"])


BEYOND = ("FTTJ", "HSSK", "FEFF")  # Chad, Sudan, the Central African Republic: Il-76s fly there too
HISTORY_WEEKS = 8


def passing(seed: int, share: float) -> tuple[list[pd.DataFrame], pd.DataFrame]:
    """Il-76s that fly on over Libya, go dark where coverage ends like the others, and are never seen again."""
    rng = np.random.default_rng(10_000 + seed)
    benina = airports.load().find("HLLB")
    parts, addresses = [], []
    for k in range(int(rng.binomial(8, share))):
        address = 0x140000 + 0xF000 + seed * 16 + k
        off = START + rng.uniform(0.05, 6.2) * DAY_MS
        flight = path(rng, str(rng.choice(ORIGINS)), str(rng.choice(BEYOND)), off, 30.0, address)
        away = geo.distance(flight["latitude"], flight["longitude"], benina.latitude, benina.longitude) * 1.852
        dark = np.flatnonzero((away < DARK_KM[0]) | (flight["latitude"] < 34.8))
        flight = flight.iloc[: dark[0]] if len(dark) else flight
        flight["time"] = units.instants(flight.pop("ms").round().astype("int64"))
        parts.append(flight.assign(source="world", callsign="RFF"))
        addresses.append(units.icao24_text(address))
    return parts, pd.DataFrame({"icao24": addresses, "typecode": "IL76"})


def visited(found: pd.DataFrame) -> pd.DataFrame:
    """Past visits as a store would give them: ends that were seen or on approach."""
    parts = []
    for side in ("departure", "arrival"):
        seen = found[found[f"{side}_method"].isin(["observed", "approach"])]
        parts.append(
            seen[["icao24", "typecode", f"est{side}airport"]].set_axis(["icao24", "typecode", "airport"], axis=1)
        )
    table = pd.concat(parts).groupby(["icao24", "typecode", "airport"], as_index=False).size()
    return table.rename(columns={"size": "flights"}).assign(operator="")


def remembered(groups: int, share: float) -> dict[str, float]:
    """The last of nine weeks, judged without and with the visits of the eight before; `share` of eight more fly on."""
    region = eastern_libya()
    sums = {"without": 0.0, "with": 0.0}
    dark: dict[str, list[float]] = {"without": [], "with": []}
    past: dict[str, list[float]] = {"without": [], "with": []}
    true = 0
    for group in range(groups):
        visits: list[pd.DataFrame] = []
        for week in range(HISTORY_WEEKS + 1):
            seed = group * (HISTORY_WEEKS + 1) + week
            world = make(seed)
            parts, others = passing(seed, share)
            rows = pd.concat([world.observations, *parts], ignore_index=True)
            fleet = pd.concat([world.aircraft, others], ignore_index=True)
            told = pd.concat(visits) if visits else None
            found = {"with": flights.build(rows, aircraft=fleet, visits=told)}
            visits.append(visited(found["with"]))
        found["without"] = flights.build(rows, aircraft=fleet)
        truth = world.truth[world.truth["kind"] == "out"]
        true += len(truth)
        lost = set(truth.loc[(truth["dark_km"] == DARK_KM[0]) & ~truth["returns"], "icao24"])
        for name, frame in found.items():
            for flight in frame[frame["typecode"] == "IL76"].itertuples():
                chance = sum(p for a, p in flight.arrival_candidates.items() if a in region)
                sums[name] += chance
                if flight.icao24 in lost:
                    dark[name].append(chance)
                if flight.icao24 in set(others["icao24"]):
                    past[name].append(chance)
    return {
        "flights": true,
        "sum without": sums["without"] / true,
        "sum with": sums["with"] / true,
        "dark at 400 km": len(dark["with"]),
        "p without": float(np.mean(dark["without"])) if dark["without"] else np.nan,
        "p with": float(np.mean(dark["with"])) if dark["with"] else np.nan,
        "flown on": len(past["with"]),
        "their p without": float(np.mean(past["without"])) if past["without"] else np.nan,
        "their p with": float(np.mean(past["with"])) if past["with"] else np.nan,
    }
