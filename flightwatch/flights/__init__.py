"""Observations to flights: legs with ends that say how they are known and how sure it is."""

from __future__ import annotations

from flightwatch.flights.build import build
from flightwatch.flights.remainder import tail
from flightwatch.flights.revision import open_to_revision, revise
from flightwatch.flights.version import RULES_VERSION

__all__ = ["RULES_VERSION", "build", "open_to_revision", "revise", "tail"]
