"""The texts in a pack: limits, licences, how to check it."""

from __future__ import annotations

import textwrap
from collections.abc import Collection, Iterable

from flightwatch.alerts import licences

LIMITS = """What this pack shows, and what it does not

It shows which aircraft broadcast which positions at which times, as heard by the receivers of the sources named, and
what flightwatch concluded from it.

- Flights whose transponder was off, or that nobody heard, are missing. The true number can be higher.
- Positions, callsigns and 24-bit addresses are what the aircraft broadcast. They can be false: by error, by jamming or
  by intent. Doubted positions are marked in the column "suspect".
- Where an end of a flight was not seen it is inferred from the last fix, from the time until the airframe was next
  seen and from where it had been before. Such ends carry probabilities; the remainder to 1 is unknown. "Benina 0.62"
  means that of a hundred such cases about sixty-two were Benina.
- "Usual" is the route's own past as the sources heard it, corrected for how well each day was watched. Coverage that
  changed in ways the correction does not see changes the comparison.
- Registrations, types and operators come from community databases and can be out of date.
- Who and what was on board cannot be known from these data.

Before publishing: look at the flights that are marked inferred one by one; ask the operator; compare satellite images
or witnesses; say how many flights were seen and how many inferred.
"""

README = """Evidence pack

index.html           the page to begin with; opens without network and prints
alert.json           the alert, its life, the judgement, the model that judged, corrections, versions
why.txt              the alert explained in words
flights.csv          the flights it rests on (also .parquet where available); times UTC, ft, kt, NM
tracks.geojson .kml  their tracks; `kind` heard or inferred
tracks.csv           every fix of the tracks
route-days.csv       flights and coverage of the route day by day; findings.csv the judgements
pictures/            map and charts
bodies/              raw answers of the sources, named by their SHA-256, as they were received
archives/            for flights from a published archive: which of its files were read, each with its SHA-256
polls.csv            when each was fetched, from where, its SHA-256, and which are left out and why
LIMITS.txt LICENCES.txt
manifest.json        every file with its size and SHA-256; manifest.sha256 is the hash of the manifest

To check that nothing was changed:

    flightwatch evidence verify THIS_FOLDER
or  sha256sum -c SHA256SUMS && sha256sum -c manifest.sha256
"""

FOLDERS = ("bodies/", "archives/")
"""Folders of a pack that are absent if they would be empty."""


def readme(paths: Collection[str]) -> str:
    """The README of a pack with those files."""
    missing = tuple(f for f in FOLDERS if not any(path.startswith(f) for path in paths))
    return "".join(line for line in README.splitlines(keepends=True) if not line.startswith(missing))


def licence_lines(sources: Iterable[str]) -> list[str]:
    """The notices required for the sources and for everything else in a pack."""
    notes = licences.notes(sources) or ["The positions come from own receivers or imported files, which owe no notice."]
    return [
        *notes,
        "Under the ODbL a pack with a few flights is a produced work: show the notice. Whoever publishes a substantial "
        "part of the database publishes it under the ODbL too.",
        "Airports: airportsdata (MIT) and OurAirports (public domain).",
        "Coasts and borders: Natural Earth (public domain).",
        "flightwatch: MIT licence.",
    ]


def licence_text(sources: Iterable[str]) -> str:
    """The same as a text file."""
    lines = (textwrap.fill(line, 110, break_long_words=False) for line in licence_lines(sources))
    return "\n\n".join(["Licences and attribution", *lines]) + "\n"
