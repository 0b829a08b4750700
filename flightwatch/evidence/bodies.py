"""The raw bodies behind an alert's flights: which exist, which may be passed on, and what is left out and why."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass, field

import pandas as pd

from flightwatch.explore import Explorer
from flightwatch.sources.traces import LISTED

PRIVATE = re.compile(rb'"(r_dst|r_dir)"\s*:')
"""Distance and direction from the receiver (readsb README-json.md): three of them reveal its position, which is never
published."""


@dataclass
class Bodies:
    """`polls` are those that the flights' fixes came from, with the columns `body` (path in the pack, or empty) and
    `left_out` (why there is none); `kept` are the contents by path."""

    polls: pd.DataFrame
    kept: dict[str, bytes] = field(default_factory=dict)


def collect(db: Explorer, flights: pd.DataFrame) -> Bodies:
    """The polls named in the flights' provenance, with their stored bodies."""
    wanted = {int(p) for row in flights["provenance"] for p in (row or []) if str(p).lstrip("-").isdigit()}
    polls = db.store.polls()
    polls = polls[polls["id"].isin(wanted)].reset_index(drop=True)
    kept: dict[str, bytes] = {}
    paths, reasons = [], []
    for poll in polls.to_dict("records"):
        path, reason = _one(db, poll, kept)
        paths.append(path)
        reasons.append(reason)
    return Bodies(polls.assign(body=paths, left_out=reasons), kept)


def _one(db: Explorer, poll: dict[str, object], kept: dict[str, bytes]) -> tuple[str, str]:
    digest = str(poll["sha256"])
    if not digest:
        return "", "nothing was kept of it"
    path = f"bodies/{digest}.json"
    if path in kept:
        return path, ""
    body = db.store.body(digest)
    if body is None:
        planned = bool(poll["planned"])
        return (
            "",
            "not kept, see retention.bodies_days in the settings"
            if planned
            else "from an archive that is published elsewhere",
        )
    if body.startswith(LISTED):
        kept[f"archives/{digest}.json"] = body
        archive = str(json.loads(body)["archive"])
        return "", f"in the archive {archive}: its files and their hashes are listed in archives/{digest}.json"
    if PRIVATE.search(body):
        return "", "it tells where the receiver stands"
    kept[path] = body
    return path, ""
