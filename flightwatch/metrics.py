"""Metrics for Prometheus on loopback: /metrics, and /healthz for a plain yes or no. Off by default.

Counters live in this process and start at zero with it; values in the store are read at each scrape.
"""

from __future__ import annotations

import json
import logging
import threading
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from http.server import ThreadingHTTPServer
from typing import TYPE_CHECKING, Any

from prometheus_client import CollectorRegistry, Counter, Histogram, ProcessCollector, generate_latest
from prometheus_client.core import GaugeMetricFamily

from flightwatch.errors import FlightwatchError
from flightwatch.loopback import LOOPBACK, answering
from flightwatch.records import Poll

if TYPE_CHECKING:
    from flightwatch.jobs.status import Check
    from flightwatch.store import Store

log = logging.getLogger("flightwatch.metrics")

TEXT = "text/plain; version=0.0.4; charset=utf-8"  # Prometheus' exposition format
BUCKETS = (0.05, 0.25, 1, 5, 15, 60, 300, 600)  # seconds; a job counts as hung at 600 by default


class Metrics:
    """What the daemon counts, and the registry that shows it together with values from the store."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self.registry = CollectorRegistry()
        ours: dict[str, Any] = {"registry": self.registry}
        self.polls = Counter("flightwatch_polls", "Requests to feeds.", ["source", "outcome"], **ours)
        self.kept = Counter("flightwatch_positions", "Positions stored.", ["source"], **ours)
        self.seconds = Histogram("flightwatch_job_seconds", "Time a job took.", ["job"], buckets=BUCKETS, **ours)
        self.failures = Counter("flightwatch_job_failures", "Jobs that failed.", ["job"], **ours)
        ProcessCollector(registry=self.registry)
        self.registry.register(_Stored(store, clock))

    def poll(self, poll: Poll) -> None:
        """One request and its outcome."""
        self.polls.labels(poll.source, poll.outcome).inc()
        self.kept.labels(poll.source).inc(poll.kept)

    def job(self, name: str, seconds: float, good: bool) -> None:
        """One run of a job."""
        self.seconds.labels(name).observe(seconds)
        if not good:
            self.failures.labels(name).inc()


class _Stored:
    """Gauges read from the store at each scrape."""

    def __init__(self, store: Store, clock: Callable[[], datetime]) -> None:
        self.store, self.clock = store, clock

    def collect(self) -> Iterator[GaugeMetricFamily]:
        up = GaugeMetricFamily("flightwatch_store_up", "Whether the database answers.")
        try:
            found = list(self._found())
        except FlightwatchError as e:
            log.error("the store does not answer the metrics: %s", e)
            found = []
        up.add_metric([], float(bool(found)))
        yield up
        yield from found

    def _found(self) -> Iterable[GaugeMetricFamily]:
        now = self.clock()
        with self.store.reading():
            polls = self.store.polls(since=now - timedelta(days=1))
            waiting = self.store.deliveries(state=["pending", "sending"])
            counts = self.store.delivery_counts()
            alerts = self.store.alerts(["open", "acknowledged"])
            problems = self.store.marks("problem:")
        age = GaugeMetricFamily(
            "flightwatch_last_good_poll_age_seconds", "Since the last good answer of the last 24 h.", labels=["source"]
        )
        for source, last in polls[polls["outcome"].isin(["ok", "empty"])].groupby("source")["started"].max().items():
            age.add_metric([str(source)], (now - last.to_pydatetime()).total_seconds())
        channels = sorted({c for c, _ in counts})
        pending = GaugeMetricFamily("flightwatch_outbox_pending", "Messages that wait.", labels=["channel"])
        oldest = GaugeMetricFamily("flightwatch_outbox_oldest_seconds", "Age of the oldest.", labels=["channel"])
        dead = GaugeMetricFamily("flightwatch_outbox_dead", "Messages given up.", labels=["channel"])
        for channel in channels:
            own = [d.created for d in waiting if d.channel == channel]
            pending.add_metric([channel], len(own))
            oldest.add_metric([channel], max(0.0, (now - min(own)).total_seconds()) if own else 0.0)
            dead.add_metric([channel], counts.get((channel, "dead"), 0))
        opened = GaugeMetricFamily("flightwatch_alerts_open", "Alerts not closed.", labels=["severity"])
        for severity in ("info", "watch", "high"):
            opened.add_metric([severity], sum(a.severity == severity for a in alerts))
        failing = GaugeMetricFamily("flightwatch_jobs_failing", "Jobs whose last run failed.", value=len(problems))
        return [age, pending, oldest, dead, opened, failing]


class Server:
    """The HTTP server in a separate thread, for the duration of a `with` block."""

    def __init__(self, port: int, metrics: Metrics, health: Callable[[], list[Check]]) -> None:
        handler = answering(lambda path, _: _answer(path, metrics, health))
        self._server = ThreadingHTTPServer((LOOPBACK, port), handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics", daemon=True)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.server_address[1])

    def __enter__(self) -> Server:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _answer(path: str, metrics: Metrics, health: Callable[[], list[Check]]) -> tuple[int, str, bytes]:
    if path == "/metrics":
        return 200, TEXT, generate_latest(metrics.registry)
    if path == "/healthz":
        checks = health()
        body = {"ok": all(c.ok for c in checks), "checks": [vars(c) for c in checks]}
        return 200 if body["ok"] else 503, "application/json", json.dumps(body).encode()
    return 404, "text/plain", b"/metrics or /healthz\n"
