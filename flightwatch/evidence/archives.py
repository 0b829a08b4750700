"""Checks a pack's flights against the published archives they came from, which are too large to include."""

from __future__ import annotations

import csv
import hashlib
import io
import json
from collections.abc import Sequence
from pathlib import Path

from flightwatch.sources import archive, traces

Wanted = dict[str, dict[str, str]]
"""Archive -> member -> SHA-256 of its bytes."""


def wanted(files: dict[str, bytes]) -> Wanted:
    """The archive members of the pack's own airframes, from the lists in `archives/`."""
    flights = csv.DictReader(io.StringIO(files["flights.csv"].decode("utf-8"), newline=""))
    own = {row["icao24"] for row in flights}
    found: Wanted = {}
    for path, body in files.items():
        if path.startswith("archives/"):
            listed = json.loads(body)
            for member in listed["members"]:
                named = traces.NAME.search(member["name"])
                if named is not None and named["hex"].lower() in own:
                    found.setdefault(listed["archive"], {})[member["name"]] = member["sha256"]
    return found


def against_archives(files: dict[str, bytes], paths: Sequence[Path]) -> tuple[int, list[str], list[str]]:
    """How many members in the archives at `paths` are the same as when they were read; the differences; what could not
    be checked. An archive is identified by its published name; its parts are put together."""
    left = wanted(files)
    same, problems, notes = 0, [], []
    for name, parts in archive.groups(paths):
        plain = name.removesuffix(".tar")
        members = left.pop(plain, None) or left.pop(name, None)
        if members is None:
            notes.append(f"{name}: nothing in the pack came from an archive of this name")
            continue
        for member in archive.members(name, parts, traces.NAME, archive.Tally()):
            digest = members.get(member.name)
            if digest is None:
                continue
            del members[member.name]
            if hashlib.sha256(member.read()).hexdigest() == digest:
                same += 1
            else:
                problems.append(f"{name}: {member.name} is not what it was when it was read")
        problems += [f"{name}: {missing} is not in it" for missing in members]
    notes += [f"archive {name}: not looked at, {len(members)} of its files are named" for name, members in left.items()]
    return same, problems, notes
