"""From observations to flights: legs with ends, each end with how it is known and how probable it is."""

from __future__ import annotations

from flightwatch.flights.build import build
from flightwatch.flights.remainder import tail
from flightwatch.flights.revision import open_to_revision, revise
from flightwatch.flights.version import RULES_VERSION

__all__ = ["RULES_VERSION", "build", "open_to_revision", "revise", "tail"]
