"""What a beat of the daemon writes, and a child process that works: for tests of stores that break."""

from __future__ import annotations

import os
from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta

import numpy as np
import pandas as pd

from flightwatch.records import AIRCRAFT, HEARD, OBSERVATION, Poll, conform, empty
from flightwatch.store import Store
from flightwatch.telling import Alert, Changes, Delivery, Episode

NOW = datetime(2024, 12, 14, 12, tzinfo=UTC)
ROWS = 20


def cycle(store: Store, number: int) -> None:
    """One poll's rows, an alert and a delivery per channel: what a beat of the daemon writes, in one transaction."""
    start = NOW + timedelta(minutes=number)
    n = np.arange(ROWS)
    rows = pd.DataFrame({"address": 1 + n, "time": start, "latitude": 55.0, "longitude": n / 3, "source": "s"})
    day = date(2024, 1, 1) + timedelta(days=number)
    alert = Alert(number, "r", ("r",), start, day, day, "open", "high", "h", {}, start)
    told = [
        Delivery(0, number, channel, "opened", {"uid": f"{number}"}, "pending", 0, start, start)
        for channel in ("mail", "slack")
    ]
    with store.transaction():
        poll = Poll("s", "q", start, start, "ok")
        store.save_fetched(poll, conform(rows, OBSERVATION), empty(AIRCRAFT), empty(HEARD))
        store.save_alerts(Changes(opened=(Episode(alert, (f"f{number}",)),)), told, now=start)


def forked(work: Callable[[], None]) -> int:
    """A child that does the work; its process id."""
    child = os.fork()
    if child == 0:
        try:
            work()
        finally:
            os._exit(1)
    return child
