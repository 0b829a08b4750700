"""Writes the pack: first everything in memory, then the folder in one move, then the ZIP."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import shutil
import tempfile
import zipfile
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import pandas as pd

from flightwatch import __version__, plots
from flightwatch.alerts.words import day as say_day
from flightwatch.alerts.words import moment
from flightwatch.errors import InputError, UsageError
from flightwatch.evidence import bodies as raw
from flightwatch.evidence import texts
from flightwatch.explore import Explorer, Note, to_traffic_frame, why
from flightwatch.explore.flightrows import flight_rows
from flightwatch.explore.tables import FLIGHT_COLUMNS
from flightwatch.export import csv, geojson, kml, parquet
from flightwatch.export.tables import jsonable
from flightwatch.report.page import inside, render
from flightwatch.telling import Alert
from flightwatch.units import iso

FORMAT = "flightwatch-evidence/1"
CONTEXT_DAYS = 365  # of route-days and findings before the alert: a year shows the season
BUNDLED = ("manifest.json", "manifest.sha256", "SHA256SUMS")
"""The files the manifest cannot list: itself, and what is made from it."""


@dataclass(frozen=True)
class Pack:
    """The location of a pack, and the SHA-256 of its manifest: the one number that stands for the whole pack."""

    folder: Path
    archive: Path | None
    sha256: str
    files: int
    bytes: int


def export(db: Explorer, alert: int | Alert, folder: Path | str, *, now: datetime, archive: bool = True) -> Pack:
    """The pack of an alert as `folder` and, with `archive`, as a ZIP beside it. Refuses a folder that is not empty.

    It is made next to its final place and moved there at the end, so that half a pack is never found.
    """
    found, target = db.alert(alert), Path(folder)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise UsageError(f"{target} holds something already: name a new folder")
    files = contents(db, found, now)
    manifest, digest = _manifest(found, files, now)
    files |= manifest
    try:
        _write(target, files)
        zipped = _zip(target, files, now) if archive else None
    except OSError as e:
        raise InputError(f"{target}: cannot be written: {e.strerror or e}") from e
    return Pack(target, zipped, digest, len(files), sum(map(len, files.values())))


def contents(db: Explorer, alert: Alert, now: datetime) -> dict[str, bytes]:
    """Every file of the pack except the manifest, by path."""
    flights = db.tracked_flights(alert=alert)
    bodies = raw.collect(db, flights)
    shown = flights[list(FLIGHT_COLUMNS)].assign(provenance=flights["provenance"])
    note = db.why(alert)
    drawn = pictures(db, alert)
    known = _record(db, alert, flights, now)
    first = alert.first_day.toordinal() - CONTEXT_DAYS
    days = (alert.first_day.fromordinal(max(first, 1)), alert.last_day)
    route_days = pd.concat([db.store.route_days(r, *days) for r in alert.routes], ignore_index=True)
    findings = pd.concat([db.store.findings(r, *days) for r in alert.routes], ignore_index=True)
    sources = sorted({s for text in flights["source"] for s in str(text).split()})
    out = {
        "README.txt": texts.readme(bodies.kept).encode(),
        "LIMITS.txt": texts.LIMITS.encode(),
        "LICENCES.txt": texts.licence_text(sources).encode(),
        "alert.json": (json.dumps(known, ensure_ascii=False, indent=1) + "\n").encode("utf-8", "replace"),
        "why.txt": (str(note) + "\n").encode("utf-8", "replace"),
        "flights.csv": csv(shown),
        "tracks.csv": csv(to_traffic_frame(flights)),
        "tracks.geojson": geojson(flights, db.airports),
        "tracks.kml": kml(flights, name=alert.headline),
        "route-days.csv": csv(route_days),
        "findings.csv": csv(findings),
        "polls.csv": csv(bodies.polls),
        **{f"pictures/{name}.png": png for name, (png, _) in drawn.items()},
        **bodies.kept,
    }
    with contextlib.suppress(UsageError):  # without pyarrow, the CSV has the same content
        out["flights.parquet"] = parquet(shown)
    out["index.html"] = _page(db, alert, note, drawn, bodies, known, sources, now).encode("utf-8", "replace")
    return dict(sorted(out.items()))


def pictures(db: Explorer, alert: Alert) -> dict[str, tuple[bytes, str]]:
    """Map and charts as PNG, each with a text for people who cannot see it."""
    figures: dict[str, tuple[Any, str]] = {"map": (db.map(alert), f"Map of the flights of {alert.route}")}
    if any(r.name == alert.route for r in db.store.routes()):
        figures["route"] = (db.plot_route(alert.route), f"Flights on {alert.route} through time")
        figures["calendar"] = (db.plot_calendar(alert.route), f"Calendar of {alert.route}")
        figures["aircraft"] = (db.plot_aircraft(alert.route), f"Aircraft on {alert.route} by day")
    finding = why.strongest(db, alert)
    if finding is not None and finding.get("contributions"):
        figures["contributions"] = (plots.contributions(finding), "What made it strange")
    return {name: (plots.to_png(figure), words) for name, (figure, words) in figures.items()}


def _record(db: Explorer, alert: Alert, flights: pd.DataFrame, now: datetime) -> dict[str, Any]:
    """For programs and careful readers: the alert, the judgement, the model, versions, corrections."""
    finding = why.strongest(db, alert)
    model = db.store.model(str(finding["model"])) if finding else None
    changed = db.store.flight_updates()
    own = changed[changed["flight_id"].isin(flights["flight_id"])] if len(changed) else changed
    routes = [r for r in db.store.routes() if r.name in alert.routes]
    return {
        "format": FORMAT,
        "made": iso(now),
        "flightwatch": __version__,
        "rules_versions": sorted(set(flights["rules_version"])),
        "alert": jsonable({k: getattr(alert, k) for k in alert.__dataclass_fields__}),
        "life": [jsonable(row) for row in db.store.alert_events(alert.id).to_dict("records")],
        "finding": jsonable(finding),
        "model": jsonable(model[0]) if model else None,
        "routes": [
            jsonable({k: getattr(r, k) for k in ("name", "origin", "destination", "digest")})
            | {
                "origin_airports": sorted(r.origin_airports or []),
                "destination_airports": sorted(r.destination_airports or []),
            }
            for r in routes
        ],
        "corrections": [jsonable(row) for row in own.to_dict("records")],
    }


def _page(
    db: Explorer,
    alert: Alert,
    note: Note,
    drawn: dict[str, tuple[bytes, str]],
    bodies: raw.Bodies,
    known: dict[str, Any],
    sources: list[str],
    now: datetime,
) -> str:
    left_out = bodies.polls.loc[bodies.polls["body"] == "", "left_out"].value_counts()
    return render(
        "evidence.html",
        title=f"Alert {alert.id}: {alert.headline}",
        alert=alert,
        when=f"{say_day(alert.first_day)} to {say_day(alert.last_day)}",
        raised=moment(alert.opened),
        made=moment(now),
        pictures=[{"src": inside(png), "words": words} for png, words in drawn.values()],
        flights=flight_rows(db, alert),
        sections=note.sections,
        polls=len(bodies.polls),
        kept=sum(path.startswith("bodies/") for path in bodies.kept),
        left_out=[
            f"{count} {'answer is' if count == 1 else 'answers are'} not in it: {reason}"
            for reason, count in left_out.items()
            if reason
        ],
        model=known["model"],
        rules=", ".join(known["rules_versions"]) or "unknown",
        version=__version__,
        limits=[p for p in texts.LIMITS.split("\n\n")[1:] if p.strip()],
        licences=texts.licence_lines(sources),
    )


def _manifest(alert: Alert, files: dict[str, bytes], now: datetime) -> tuple[dict[str, bytes], str]:
    hashes = {path: hashlib.sha256(body).hexdigest() for path, body in files.items()}
    listed = [{"path": p, "bytes": len(b), "sha256": hashes[p]} for p, b in files.items()]
    head = {"format": FORMAT, "made": iso(now), "flightwatch": __version__, "alert": alert.id, "files": listed}
    manifest = (json.dumps(head, indent=1) + "\n").encode()
    digest = hashlib.sha256(manifest).hexdigest()
    sums = "".join(f"{h}  {p}\n" for p, h in hashes.items()).encode()
    return {
        "manifest.json": manifest,
        "manifest.sha256": f"{digest}  manifest.json\n".encode(),
        "SHA256SUMS": sums,
    }, digest


def _write(target: Path, files: dict[str, bytes]) -> None:
    target.parent.mkdir(parents=True, exist_ok=True)
    made = Path(tempfile.mkdtemp(prefix=f".{target.name}.", dir=target.parent))
    try:
        for name, body in files.items():
            path = made / name
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(body)
        made.chmod(0o755)
        if target.exists():
            target.rmdir()
        os.replace(made, target)
    except BaseException:
        shutil.rmtree(made, ignore_errors=True)
        raise


def _zip(target: Path, files: dict[str, bytes], now: datetime) -> Path:
    path = target.with_name(target.name + ".zip")
    part = path.with_name(path.name + ".part")
    stamp = (max(now.year, 1980), now.month, now.day, now.hour, now.minute, now.second)
    with zipfile.ZipFile(part, "w", zipfile.ZIP_DEFLATED) as pack:
        for name, body in files.items():
            info = zipfile.ZipInfo(f"{target.name}/{name}", stamp)
            info.compress_type = zipfile.ZIP_DEFLATED
            info.external_attr = 0o644 << 16
            pack.writestr(info, body)
    os.replace(part, path)
    return path
