"""Which rules built a flight. Raised whenever the same observations would give other flights."""

from __future__ import annotations

RULES_VERSION = "3"
