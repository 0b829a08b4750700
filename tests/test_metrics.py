"""What Prometheus sees, what is pinged after a good cycle, and what happens when the disk is nearly full."""

from __future__ import annotations

import json
import urllib.error
import urllib.request
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from flightwatch import config
from flightwatch.errors import DeliveryError, StoreError
from flightwatch.jobs import poll as polling
from flightwatch.jobs.context import Context
from flightwatch.jobs.cycle import housekeeping, jobs, tick
from flightwatch.jobs.deliver import send_test
from flightwatch.jobs.ping import ping
from flightwatch.jobs.setup import context
from flightwatch.jobs.status import Check
from flightwatch.metrics import Metrics, Server
from flightwatch.records import Poll
from flightwatch.store import Store, open_store
from flightwatch.telling import Delivery, Message
from tests.fakes.http import HttpServer
from tests.fakes.smtp import MailServer

NOW = datetime(2024, 12, 14, 12, tzinfo=UTC)
AIRCRAFT = {"hex": "140a1f", "lat": 32.1, "lon": 20.3, "alt_baro": 30000, "gs": 400, "seen": 1, "seen_pos": 1, "nic": 8}


@pytest.fixture
def store(tmp_path: Path) -> Iterator[Store]:
    with open_store(str(tmp_path / "fw.db"), create=True) as opened:
        yield opened


def settings(folder: Path, text: str) -> config.Settings:
    file = folder / "config.toml"
    file.write_text(f'contact = "desk@example.org"\nwatchlist = false\n{text}')
    return config.load(file, environ={})


def asked(url: str) -> tuple[int, str]:
    try:
        with urllib.request.urlopen(url, timeout=5) as answer:
            return answer.status, answer.read().decode()
    except urllib.error.HTTPError as refused:
        return refused.code, refused.read().decode()


def value(text: str, line: str) -> float:
    return next(float(row.removeprefix(line)) for row in text.splitlines() if row.startswith(f"{line} "))


def test_what_the_store_and_the_process_know_is_there_to_be_scraped(store: Store) -> None:
    store.save_polls([Poll("feed", "q", NOW - timedelta(seconds=90), NOW, "ok")])
    message = Message("u", "t", "title", "S.", "high").record()
    waiting = Delivery(0, None, "mail", "notice", message, "pending", 0, NOW, NOW - timedelta(minutes=5))
    store.add_deliveries([waiting, replace(waiting, channel="slack", message=message | {"uid": "v"})])
    store.finish_delivery(2, "dead", answer="410")
    metrics = Metrics(store, lambda: NOW)
    metrics.poll(Poll("feed", "q", NOW, NOW, "timeout"))
    metrics.poll(Poll("feed", "q", NOW, NOW, "ok", kept=7))
    metrics.job("think", 2.0, False)

    with Server(0, metrics, list) as server:
        status, text = asked(f"http://127.0.0.1:{server.port}/metrics")

    assert status == 200
    for line, expected in {
        "flightwatch_store_up": 1,
        'flightwatch_last_good_poll_age_seconds{source="feed"}': 90,
        'flightwatch_polls_total{outcome="timeout",source="feed"}': 1,
        'flightwatch_positions_total{source="feed"}': 7,
        'flightwatch_job_failures_total{job="think"}': 1,
        'flightwatch_job_seconds_sum{job="think"}': 2,
        'flightwatch_outbox_pending{channel="mail"}': 1,
        'flightwatch_outbox_oldest_seconds{channel="mail"}': 300,
        'flightwatch_outbox_dead{channel="slack"}': 1,
        'flightwatch_alerts_open{severity="high"}': 0,
        "flightwatch_jobs_failing": 0,
    }.items():
        assert value(text, line) == expected
    assert value(text, "process_resident_memory_bytes") > 1e6


def test_health_is_yes_or_no_and_says_what_is_wrong(store: Store) -> None:
    checks = [Check("database", True, "answers"), Check("source feed", False, "no good answer in 24 h")]
    with Server(0, Metrics(store, lambda: NOW), lambda: checks) as server:
        sick, body = asked(f"http://127.0.0.1:{server.port}/healthz")
        del checks[1]
        well, _ = asked(f"http://127.0.0.1:{server.port}/healthz")
        lost, _ = asked(f"http://127.0.0.1:{server.port}/elsewhere")

    assert (sick, well, lost) == (503, 200, 404)
    assert json.loads(body)["checks"][1]["text"] == "no good answer in 24 h"


def test_metrics_listen_on_loopback_alone(store: Store) -> None:
    with Server(0, Metrics(store, lambda: NOW), list) as server:
        assert server._server.server_address[0] == "127.0.0.1"


def test_a_store_that_is_gone_is_a_metric_and_no_error(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    def gone(*_: Any, **__: Any) -> None:
        raise StoreError("the database cannot be reached", kind="gone")

    monkeypatch.setattr(store, "delivery_counts", gone)
    with Server(0, Metrics(store, lambda: NOW), list) as server:
        status, text = asked(f"http://127.0.0.1:{server.port}/metrics")

    assert status == 200
    assert value(text, "flightwatch_store_up") == 0


@pytest.fixture
def feed() -> Iterator[HttpServer]:
    body = json.dumps({"ac": [AIRCRAFT], "now": NOW.timestamp() * 1000, "total": 1}).encode()
    with HttpServer(answer=lambda _: (200, {"Content-Type": "application/json"}, body)) as server:
        yield server


def watching(folder: Path, store: Store, feed: HttpServer, extra: str = "") -> Context:
    source = f'[[source]]\nkind = "adsblol"\nname = "feed"\nurl = "{feed.url}"\nmilitary = true\nallow_private = true\n'
    loaded = settings(folder, f"{source}[discover]\npairs = 'none'\n{extra}")
    return context(loaded, store, live=True, clock=lambda: NOW, sleep=lambda _: None)


def test_somebody_is_called_after_a_good_cycle_and_not_after_a_bad_one(
    tmp_path: Path, store: Store, feed: HttpServer
) -> None:
    with HttpServer() as elsewhere:
        (tmp_path / "ping").write_text(f"{elsewhere.url}/ping/s3cret")
        ctx = watching(tmp_path, store, feed, f'[daemon]\nping_url_file = "{tmp_path / "ping"}"\n')
        assert "ping" in [name for name, *_ in jobs(ctx)]
        assert not ping(ctx, NOW), "nothing has been polled yet"
        assert tick(ctx, NOW, everything=True) == []
        ctx.record_problem("think", "no room", NOW)
        assert not ping(ctx, NOW)
        ctx.clear_problem("think")
        assert not ping(ctx, NOW + timedelta(hours=1)), "the last good answer is an hour old"

    assert [request.path for request in elsewhere.requests] == ["/ping/s3cret"]


@pytest.mark.parametrize("how", ["500 no", "reset"])
def test_a_ping_that_fails_says_so_without_its_address(
    how: str, tmp_path: Path, store: Store, feed: HttpServer
) -> None:
    with HttpServer(default=how) as elsewhere:
        (tmp_path / "ping").write_text(f"{elsewhere.url}/ping/s3cret")
        ctx = watching(tmp_path, store, feed, f'[daemon]\nping_url_file = "{tmp_path / "ping"}"\n')
        polling.poll(ctx, NOW)
        with pytest.raises(DeliveryError) as caught:
            ping(ctx, NOW)

    assert "s3cret" not in str(caught.value)
    assert str(elsewhere.port) not in str(caught.value)


def test_polling_rests_while_the_disk_is_nearly_full_and_messages_still_go(
    tmp_path: Path, store: Store, feed: HttpServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    free = 50e6
    monkeypatch.setattr(polling.shutil, "disk_usage", lambda _: type("Usage", (), {"free": free})())
    with MailServer() as mail:
        channel = (
            f'[[channel]]\nkind = "email"\nhost = "127.0.0.1"\nport = {mail.port}\nsecurity = "none"\n'
            'sender = "a@example.org"\nrecipients = ["b@example.org"]\n'
        )
        ctx = watching(tmp_path, store, feed, f"[daemon]\nmin_free_mb = 100\n{channel}")
        assert tick(ctx, NOW, everything=True) == ["poll"]
        assert "50 MB are free" in str(store.get_mark("problem:poll"))
        assert [d.state for d in send_test(ctx, datetime.now(UTC))] == ["sent"]
        free = 200e6
        assert tick(ctx, NOW + timedelta(minutes=1), everything=True) == []

    assert store.counts(["poll"]) == {"poll": 1}
    assert store.get_mark("problem:poll") is None
    assert len(mail.mails) == 1


def test_a_clock_set_years_ahead_prunes_nothing(tmp_path: Path, store: Store, feed: HttpServer) -> None:
    ctx = watching(tmp_path, store, feed)
    tick(ctx, NOW, everything=True)
    ahead = NOW + timedelta(days=3650)

    housekeeping(ctx, ahead)

    assert store.counts(["observation", "poll"]) == {"observation": 1, "poll": 1}
    ctx.done("prune", ahead)
    housekeeping(ctx, ahead + timedelta(days=1))
    assert store.counts(["observation"]) == {"observation": 0}, "a day later it is believed"


def test_a_round_that_was_stored_is_not_made_again_by_the_next_leader(
    tmp_path: Path, store: Store, feed: HttpServer
) -> None:
    polling.poll(watching(tmp_path, store, feed), NOW)
    again = polling.poll(watching(tmp_path, store, feed), NOW + timedelta(seconds=1))

    assert again == []
    assert len(feed.requests) == 1
