"""A generated day of traffic, written as snapshot bodies, trace files, heatmaps or a daily tar.

Row spacing and sizes follow real readsb traces (one of 2,500 rows, 23 of another day): 176 bytes of JSON and 26 of gzip
per row, a median of 10 s between rows (quartiles 4 and 20), details on every fourth row, about 2,200 rows per aircraft.
"""

from __future__ import annotations

import gzip
import io
import tarfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd

from flightwatch import airports, geo
from flightwatch.records import OBSERVATION, conform
from flightwatch.sources import heatmap
from flightwatch.units import instants

DAY = 1_763_769_600  # 2025-11-22 00:00 UTC
DAY_S = 86_400
LEGS = (0.36, 0.33, 0.20, 0.11)  # one to four a day: gives 2,200 rows per aircraft, as real days
PHASES = (
    ("out", 480.0, 9.0),
    ("climb", 1_100.0, 5.5),
    ("cruise", 0.0, 19.0),
    ("descent", 1_500.0, 5.5),
    ("in", 330.0, 9.0),
)
CPR_DEG = 4e-5  # error by encoding (5 m steps) and fix: 11.3 gzip bytes per record, real ones have 11.6
SPEED_KT = 0.7  # error of ground speed, broadcast in whole knots


@dataclass(frozen=True)
class Track:
    """An aircraft's day as columns."""

    icao24: str
    callsigns: list[str]
    time: np.ndarray
    latitude: np.ndarray
    longitude: np.ndarray
    altitude: np.ndarray
    ground: np.ndarray
    speed: np.ndarray
    track: np.ndarray
    rate: np.ndarray
    leg: np.ndarray


def tracks(count: int, seed: int = 7) -> list[Track]:
    """`count` aircraft flying between airports with an IATA code, one to four legs a day each."""
    rng = np.random.default_rng(seed)
    fields = airports.load().frame
    fields = fields[fields["iata"].astype(bool)]
    where = fields[["latitude", "longitude", "elevation_ft"]].to_numpy(dtype=np.float64)
    return [_track(i, where, rng) for i in range(count)]


def _track(number: int, where: np.ndarray, rng: np.random.Generator) -> Track:
    at = float(rng.uniform(0, 4 * 3600))
    here = int(rng.integers(len(where)))
    parts: list[np.ndarray] = []
    leg = 0
    wanted = int(rng.choice(4, p=LEGS)) + 1
    while leg < wanted:
        there, miles = _next(where, here, rng)
        a, b = where[here], where[there]
        knots = float(rng.uniform(420, 480))
        cruise = max(miles / knots * 3600 - 1_300, 300.0)
        total = sum(p[1] for p in PHASES) + cruise
        if at + total > DAY_S - 60:
            break
        parts.append(_leg(leg, at, cruise, a, b, miles, knots, rng))
        at += total + float(rng.uniform(2100, 6000))
        here, leg = there, leg + 1
    if not parts:
        there, miles = _next(where, here, rng)
        parts.append(_leg(0, 100.0, miles / 450 * 3600, where[here], where[there], miles, 450.0, rng))
    rows = np.concatenate(parts)
    callsigns = [f"AFR{number % 900}{i}" for i in range(7)]
    return Track(f"{0x400000 + number * 7:06x}", callsigns, *rows[:, :3].T, rows[:, 3], rows[:, 4] > 0, *rows[:, 5:8].T,
                 leg=rows[:, 8].astype(int))  # fmt: skip


def _next(where: np.ndarray, here: int, rng: np.random.Generator) -> tuple[int, float]:
    """The destination, as far away as airliners fly, and the miles."""
    some = rng.choice(len(where), 60, replace=False)
    miles = geo.distance(*where[here, :2], where[some, 0], where[some, 1])
    best = int(np.argmin(np.abs(miles - rng.uniform(300, 2500)) + 1e9 * (some == here)))
    return int(some[best]), float(miles[best])


def _leg(leg: int, start: float, cruise: float, a: np.ndarray, b: np.ndarray, miles: float, knots: float,
         rng: np.random.Generator) -> np.ndarray:  # fmt: skip
    lengths = [cruise if name == "cruise" else s for name, s, _ in PHASES]
    times = []
    phase = []
    begin = start
    for i, ((_, _, spacing), length) in enumerate(zip(PHASES, lengths, strict=True)):
        n = max(int(length / spacing), 1)
        times.append(begin + (np.arange(n) + rng.random(n) * 0.9) * length / n)
        phase.append(np.full(n, i))
        begin += length
    t, p = np.concatenate(times), np.concatenate(phase)
    air = np.clip((t - start - lengths[0]) / (sum(lengths[1:4])), 0, 1)
    lat, lon = geo.interpolate(a[0], a[1], b[0], b[1], air)
    level = 100 * float(rng.integers(300, 400))
    up = np.clip((t - start - lengths[0]) / lengths[1], 0, 1)
    down = np.clip((start + sum(lengths[:4]) - t) / lengths[3], 0, 1)
    ground = (p == 0) | (p == 4)
    altitude = 25 * np.round((a[2] + (level - a[2]) * np.minimum(up, down)) / 25)
    speed = np.where(ground, 14.0, np.round(knots * np.clip(0.35 + 0.65 * np.minimum(up, down), 0, 1), 1))
    rate = np.where(p == 1, 64.0 * 30, np.where(p == 3, -64.0 * 22, 0.0))
    course = np.round((float(geo.bearing(a[0], a[1], b[0], b[1])) + rng.normal(0, 1, len(t))) % 360, 1)
    return np.column_stack([np.round(t, 2), np.round(lat, 6), np.round(lon, 6), altitude, ground, speed, course, rate,
                            np.full(len(t), leg)])  # fmt: skip


def trace_text(track: Track) -> bytes:
    """A `trace_full` body as readsb writes it."""
    out = [
        f'{{"icao":"{track.icao24}",\n  "r":"N{int(track.icao24, 16) % 10**5}","t":"A320","dbFlags":0,'
        '"desc":"AIRBUS A-320",\n  "ownOp":"SOME AIRLINE INC","year":"2018",\n'
        f'  "timestamp": {DAY:.3f},\n  "trace":[\n'
    ]
    rows = zip(
        track.time.tolist(), track.latitude.tolist(), track.longitude.tolist(), track.altitude.tolist(),
        track.ground.tolist(), track.speed.tolist(), track.track.tolist(), track.rate.tolist(), track.leg.tolist(),
        strict=True,
    )  # fmt: skip
    last = -1
    for i, (t, lat, lon, alt, ground, gs, course, rate, leg) in enumerate(rows):
        flags = 2 if leg != last else 0
        last = leg
        height = '"ground"' if ground else f"{alt:.0f}"
        climb = "null" if ground else f"{rate:.0f}"
        tail = (
            "null,null,null,null"
            if ground
            else f"{alt + 1825:.0f},{rate:.0f},{gs * 0.6:.0f},{(i * 7 % 60) / 10 - 3:.1f}"
        )
        detail = _detail(track.callsigns[leg], alt, gs, course, rate, ground) if i % 4 == 0 else "null"
        out.append(
            f"    [{t:.2f},{lat:.6f},{lon:.6f},{height},{gs:.1f},{course:.1f},{flags},{climb},"
            f'{detail},"adsb_icao",{tail}],\n'
        )
    out[-1] = out[-1][:-2] + "\n"
    return ("".join(out) + "  ]\n}\n").encode()


def _detail(sign: str, alt: float, gs: float, course: float, rate: float, ground: bool) -> str:
    quality = '"nic":8,"rc":186,"version":2,"nac_p":10,"nac_v":2,"sil":3,"sil_type":"perhour","alert":0,"spi":0}'
    if ground:
        return f'{{"type":"adsb_icao","flight":"{sign:<8}","squawk":"1000","category":"A3",{quality}'
    return (
        f'{{"type":"adsb_icao","flight":"{sign:<8}","alt_geom":{alt + 1825:.0f},"ias":{gs * 0.6:.0f},'
        f'"tas":{gs * 0.97:.0f},'
        f'"mach":{gs / 590:.3f},"track":{course:.2f},"roll":-0.18,"mag_heading":{course:.2f},"baro_rate":{rate:.0f},'
        f'"geom_rate":{rate:.0f},"squawk":"1000","emergency":"none","category":"A3","nav_qnh":1013.6,{quality}'
    )


def snapshot_text(count: int, seed: int = 3) -> bytes:
    """An `aircraft.json` of `count` aircraft, about 600 bytes each."""
    rng = np.random.default_rng(seed)
    rows = [_object(i, rng) for i in range(count)]
    return (f'{{"now":{DAY + 3600:.1f},"messages":123456789,"aircraft":[\n' + ",\n".join(rows) + "\n]}\n").encode()


def _object(i: int, rng: np.random.Generator) -> str:
    ground, full = rng.random() < 0.12, rng.random() < 0.75
    lat, lon, seen = float(np.clip(rng.normal(38, 14), -85, 85)), rng.uniform(-180, 180), rng.uniform(0, 30)
    gs, course, rate, alt = (
        rng.uniform(80, 520),
        rng.uniform(0, 360),
        int(rng.integers(-30, 30)) * 64,
        25 * int(rng.integers(60, 1600)),
    )
    head = (
        f'{{"hex":"{0x400000 + i * 7:06x}","type":"adsb_icao","flight":"BAW{i % 9999:<5}",'
        f'"r":"G-{i % 676:04d}","t":"A320",'
    )
    end = (
        f'"lat":{lat:.6f},"lon":{lon:.6f},"nic":8,"rc":186,"seen_pos":{seen:.3f},"version":2,"nac_p":10,"nac_v":2,"sil":3,'
        f'"sil_type":"perhour","mlat":[],"tisb":[],"messages":{i * 13 % 90000},'
        f'"seen":{seen / 2:.1f},"rssi":-{i % 300 / 10}}}'
    )
    if ground:
        return (
            head
            + f'"alt_baro":"ground","gs":{gs / 30:.1f},"track":{course:.2f},"squawk":"{i % 4096:04o}","category":"A3",'
            + end
        )
    mode = (
        f'"ias":{gs * 0.6:.0f},"tas":{gs:.0f},"mach":{gs / 590:.3f},"wd":270,"ws":45,"oat":-42,"tat":-14,'
        f'"track_rate":0.00,'
        f'"roll":-0.18,"mag_heading":{course:.2f},"true_heading":{course:.2f},"nav_qnh":1013.6,"nav_altitude_mcp":{alt},'
        f'"nav_altitude_fms":{alt},"nav_heading":{course:.2f},"gva":2,"sda":2,"alert":0,"spi":0,'
    )
    return (
        head + f'"alt_baro":{alt},"alt_geom":{alt + 1825},"gs":{gs:.1f},"track":{course:.2f},"baro_rate":{rate},'
        f'"geom_rate":{rate},"squawk":"{i % 4096:04o}","emergency":"none","category":"A3",'
        + (mode if full else "")
        + end
    )


def bodies(count: int, distinct: int = 300) -> list[tuple[str, bytes]]:
    """(icao24, gzip body) of `count` trace files. Beyond `distinct`, other airframes fly the same days again, each time
    half an hour later: at the same time they would look like a crowd of spoofed positions."""
    made = [(t.icao24, trace_text(t)) for t in tracks(min(count, distinct))]
    began = f'"timestamp": {DAY:.3f}'.encode()
    out = []
    for i in range(count):
        icao24, text = made[i % len(made)]
        mine = f"{int(icao24, 16) + i // len(made) * 0x8000:06x}"  # `tracks` uses every seventh of the first
        later = f'"timestamp": {DAY + i // len(made) * 1800:.3f}'.encode()
        text = text.replace(icao24.encode(), mine.encode(), 1).replace(began, later, 1)
        out.append((mine, gzip.compress(text, 6, mtime=0)))
    return out


def write_tar(path: Path, count: int) -> int:
    """Write a daily tar of `count` traces, ordered by folder as published; returns its number of rows."""
    rows = 0
    made = sorted(bodies(count), key=lambda b: (b[0][-2:], b[0]))
    with tarfile.open(path, "w") as tar:
        for icao24, body in made:
            info = tarfile.TarInfo(f"./traces/{icao24[-2:]}/trace_full_{icao24}.json")
            info.size = len(body)
            tar.addfile(info, io.BytesIO(body))
            rows += gzip.decompress(body).count(b"\n    [")
    return rows


def heatmap_files(count: int, interval_s: int = 10) -> list[bytes]:
    """The 48 half hours of `count` aircraft: each one in the air once every `interval_s`."""
    parts = []
    for t in tracks(min(count, 2_000)):
        slots = (t.time // interval_s).astype(np.int64)
        fine = np.arange(slots[0], slots[-1] + 1)
        near = np.searchsorted(t.time, fine * interval_s).clip(0, len(t.time) - 1)
        heard = np.abs(t.time[near] - fine * interval_s) < 60
        near, fine = near[heard], fine[heard]
        parts.append(pd.DataFrame({
            "address": np.uint32(int(t.icao24, 16)),
            "time": (DAY + fine * interval_s) * 1000,
            "latitude": np.interp(fine * interval_s, t.time, t.latitude),
            "longitude": np.interp(fine * interval_s, t.time, np.unwrap(t.longitude, period=360)),
            "altitude": np.where(t.ground[near], np.nan, t.altitude[near]),
            "groundspeed": t.speed[near],
            "onground": t.ground[near],
            "callsign": np.array(t.callsigns, dtype=object)[t.leg[near]],
        }))  # fmt: skip
    frame = pd.concat(parts, ignore_index=True)
    noise = np.random.default_rng(5)
    for name, spread in (("latitude", CPR_DEG), ("longitude", CPR_DEG), ("groundspeed", SPEED_KT)):
        frame[name] += noise.normal(0, spread, len(frame))
    frame["longitude"] = (frame["longitude"] + 180) % 360 - 180
    slot = (frame["time"] // 1000 - DAY) // 1800
    frame["time"] = instants(frame["time"])
    frame["position_type"] = "adsb_icao"
    frame = conform(frame, OBSERVATION)
    return [gzip.compress(heatmap.encode(f), 6, mtime=0) for _, f in frame.groupby(slot)]
