"""The version of the rules that built a flight. Raised whenever the same observations would give different flights."""

from __future__ import annotations

RULES_VERSION = "3"
