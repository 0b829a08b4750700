"""A day of polling: a feed's bodies through the job that cleans and stores a round, and flights built as often as the
daemon builds them."""

from __future__ import annotations

import statistics
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import numpy as np

from benchmarks.ingest import world
from benchmarks.ingest.stages import Row

MINUTE_S = 60


def _first(cycles: int) -> int:
    """The first minute; for part of a day, one when most generated aircraft fly."""
    return max(min(4 * 60, 24 * 60 - cycles), 0)


def bodies(aircraft: int, cycles: int) -> list[bytes]:
    """One `aircraft.json` per minute of these generated aircraft that are in the air or on the ground then."""
    now = (np.arange(cycles) + _first(cycles)) * MINUTE_S
    rows: list[list[str]] = [[] for _ in range(cycles)]
    for t in world.tracks(aircraft, seed=11):
        at = np.searchsorted(t.time, now, "right") - 1
        fresh = (at >= 0) & (now - t.time[at] < MINUTE_S)
        for cycle in np.flatnonzero(fresh).tolist():
            i = int(at[cycle])
            rows[cycle].append(_object(t, i, float(now[cycle] - t.time[i])))
    return [
        f'{{"now":{world.DAY + int(n)}.0,"messages":1,"aircraft":[{",".join(r)}]}}'.encode()
        for n, r in zip(now.tolist(), rows, strict=True)
    ]


def _object(t: world.Track, i: int, seen: float) -> str:
    height = '"ground"' if t.ground[i] else f"{t.altitude[i]:.0f}"
    return (
        f'{{"hex":"{t.icao24}","type":"adsb_icao","flight":"{t.callsigns[t.leg[i]]:<8}",'
        f'"r":"N{int(t.icao24, 16) % 10**5}",'
        f'"t":"A320","alt_baro":{height},"gs":{t.speed[i]:.1f},"track":{t.track[i]:.1f},"baro_rate":{t.rate[i]:.0f},'
        f'"squawk":"1000","lat":{t.latitude[i]:.6f},"lon":{t.longitude[i]:.6f},"nic":8,"seen_pos":{seen:.3f},"seen":0.1}}'
    )


def rows(aircraft: int, cycles: int, folder: Path) -> list[Row]:
    """Processor seconds of the rounds and of building flights, and bytes on disk."""
    from flightwatch import config
    from flightwatch.jobs import poll
    from flightwatch.jobs.build import build_flights
    from flightwatch.jobs.context import Context
    from flightwatch.records import Fetched, Poll
    from flightwatch.sources import readsb
    from flightwatch.store import open_store

    made = bodies(aircraft, cycles)
    (folder / "live.toml").write_text('contact = "bench@example.org"\n')
    settings = config.load(folder / "live.toml", environ={}, overrides={"retention.bodies_days": 0})
    think = round(settings.daemon.think_s / MINUTE_S)
    rounds, builds, kept = [], [], 0
    with open_store(f"sqlite:///{folder / 'live.db'}", create=True) as store:
        ctx = Context(settings, store)
        ctx.airports.nearest([0.0], [0.0])
        for cycle, body in enumerate(made):
            now = datetime.fromtimestamp(world.DAY + (cycle + _first(cycles)) * MINUTE_S, UTC)
            began = time.process_time()
            found = readsb.parse(body, source="feed", received=now)
            asked = Poll("feed", "all", now, now + timedelta(seconds=1), "ok", bytes=len(body))
            poll.store(ctx, [Fetched(asked, found.observations, found.aircraft)], "poll:feed", now)
            rounds.append(time.process_time() - began)
            kept += len(found.observations)
            if cycle % think == think - 1:
                began = time.process_time()
                build_flights(ctx, now)
                builds.append(time.process_time() - began)
        fixes, flights = store.counts(["observation"])["observation"], store.counts(["flight"])["flight"]
        store.checkpoint()
        size = (folder / "live.db").stat().st_size
    assert fixes == kept, (fixes, kept)
    note = f"{cycles:,} cycles, {kept / cycles:,.0f} of {aircraft:,} aircraft at a time, {fixes:,} fixes"
    worst = max(rounds) + (max(builds) if builds else 0.0)
    return [
        Row("live: a round, median", "a minute", MINUTE_S, statistics.median(rounds),
            statistics.median(rounds) / MINUTE_S, 1.0, note),
        Row("live: the worst round and the worst building of flights together", "a minute", MINUTE_S, worst,
            worst / MINUTE_S, 1.0, f"flights every {think} min, at worst {max(builds, default=0.0):.2f} s"),
        Row("live: bytes on disk an observation", "", 0, 0, size / fixes, 400,
            f"{size / 1e6:.0f} MB with {flights:,} flights, their tracks and who was heard"),
    ]  # fmt: skip
