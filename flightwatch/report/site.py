"""The pages as a folder for a web server: the last week, and one page per alert that messages can link to."""

from __future__ import annotations

import os
from datetime import datetime
from pathlib import Path

from flightwatch.alerts.message import page as place_of
from flightwatch.errors import InputError
from flightwatch.explore import Explorer
from flightwatch.report.build import render, render_alert
from flightwatch.telling import Alert

FRESH_S = 3600
"""A week's page younger than this is left alone if no alert changed: routes change once a day."""


def write(db: Explorer, folder: Path, *, now: datetime, pictures: bool = True) -> list[Path]:
    """Write the pages that are out of date: `index.html`, and `alerts/ID.html` for each alert. Returns what was
    written.

    The file time of an alert's page is the time of the alert's last change, which tells whether it is current. A page
    appears completely or not at all. Nothing else in the folder is touched.
    """
    written = []
    try:
        for alert in db.store.alerts():
            path = folder / place_of(alert.id)
            if not _current(path, alert):
                _put(path, render_alert(db, alert, now=now, pictures=pictures), alert.updated)
                written.append(path)
        index = folder / "index.html"
        if written or not index.exists() or now.timestamp() - index.stat().st_mtime > FRESH_S:
            _put(index, render(db, now=now, linked=True, pictures=pictures), now)
            written.append(index)
    except OSError as e:
        raise InputError(f"{folder}: the report cannot be written: {e.strerror or e}") from e
    return written


def _current(path: Path, alert: Alert) -> bool:
    return path.exists() and path.stat().st_mtime >= int(alert.updated.timestamp())


def _put(path: Path, text: str, when: datetime) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    part = path.with_name(f".{path.name}.part")
    part.write_text(text, encoding="utf-8")
    os.utime(part, (when.timestamp(), when.timestamp()))
    part.replace(path)
