"""A real daemon in its own process, on a real local server: stopped, killed, doubled, hung and reloaded."""

from __future__ import annotations

import json
import os
import signal
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flightwatch.daemon import set_aside
from tests.fakes.http import HttpServer, Request
from tests.fakes.program import Place, place_at, stop, until
from tests.tables import count, dump

pytestmark = pytest.mark.slow


class Moving(HttpServer):
    """A v2 server that moves its aircraft with every answer, at the current time, and keeps what it gave."""

    def __init__(self, **options: Any) -> None:
        self.given: set[tuple[str, int]] = set()
        self.answers = 0
        super().__init__(answer=self._tell, **options)

    def _tell(self, request: Request) -> str | tuple[int, dict[str, str], bytes]:
        self.answers += 1
        now = round(time.time() * 1000)
        heard = [self._aircraft(n, now) for n in range(12)]
        self.given |= {(a["hex"], now) for a in heard}
        body = {"ac": heard, "msg": "No error", "now": now, "total": len(heard), "ctime": now, "ptime": 1}
        return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()

    def _aircraft(self, number: int, now: int) -> dict[str, Any]:
        east = 20.0 + number + (now % 3_600_000) / 3_600_000 * 8.0  # 8° an hour is some 400 kt at 33° north
        return {
            "hex": f"15{number:04x}", "type": "adsb_icao", "flight": f"RSD{number:<5}", "r": f"RA-7{number:04}",
            "t": "IL76", "dbFlags": 1, "alt_baro": 31000, "gs": 402.5, "track": 90.0, "baro_rate": 0,
            "lat": 33.0 + number / 10, "lon": round(east, 6), "nic": 8, "rc": 186, "seen_pos": 0.0, "seen": 0.0,
            "messages": 100, "rssi": -20.1,
        }  # fmt: skip


@pytest.fixture
def server() -> Iterator[Moving]:
    with Moving() as made:
        yield made


@pytest.fixture
def place(tmp_path: Path, server: Moving) -> Iterator[Place]:
    with place_at(tmp_path, server.url) as made:
        yield made


def stored(place: Place) -> set[tuple[str, int]]:
    rows = dump(place.db, ["observation"])["observation"]
    return {(row[0], row[1]) for row in rows}


def test_stopped_and_started_again_it_goes_on_without_a_lost_or_doubled_observation(
    place: Place, server: Moving
) -> None:
    for round_ in (1, 2):
        daemon = place.start()
        before = place.rows("poll")
        until(lambda before=before: place.rows("poll") >= before + 4, f"four polls in round {round_}")  # type: ignore[misc]
        code, took = stop(daemon)
        assert code == 0
        assert took < 10

    assert count(place.db, "poll", "outcome = 'ok'") == count(place.db, "poll") == server.answers
    assert stored(place) == server.given
    assert count(place.db, "observation") == len(server.given) == 12 * server.answers
    assert count(place.db, "flight") == 12
    assert "Traceback" not in place.log


def test_killed_it_loses_only_the_answer_under_way(place: Place, server: Moving) -> None:
    daemon = place.start()
    until(lambda: place.rows("poll") >= 3, "three polls")
    stop(daemon, signal.SIGKILL)
    answered = server.answers
    daemon = place.start()
    until(lambda: place.rows("poll") >= answered + 2, "two more polls")
    stop(daemon)

    assert len(server.given - stored(place)) in (0, 12)
    assert stored(place) <= server.given
    assert count(place.db, "flight") == 12


def test_a_second_daemon_stands_by_and_takes_over_long_before_the_lease_of_a_killed_one_ends(place: Place) -> None:
    leader = place.start()
    until(lambda: place.rows("poll") >= 1, "the first poll")
    second = place.start()
    until(lambda: "standing by" in place.log, "the second stands by")

    leader.kill()
    took = until(lambda: place.log.count("leading as") == 2, "the second leads")

    assert took < 20  # a lease lasts 45 s; how soon in fact: R9 of `make torture`
    polls = place.rows("poll")
    until(lambda: place.rows("poll") > polls, "the second polls")
    assert stop(second)[0] == 0


def test_a_standby_that_is_stopped_ends_well_and_one_that_may_not_stand_by_says_who_leads(place: Place) -> None:
    place.start()
    until(lambda: place.rows("poll") >= 1, "the first poll")
    standby = place.start()
    until(lambda: "standing by" in place.log, "the second stands by")

    third = place.start("--no-standby")

    assert third.wait(timeout=30) == 75
    assert "flightwatch: another daemon leads this database" in place.log
    assert stop(standby)[0] == 0
    assert place.daemons[0].poll() is None


def test_a_signal_that_comes_while_the_event_s_lock_is_held_does_not_wait_for_itself() -> None:
    told = threading.Event()
    with told._cond:  # as the main thread does in the middle of `wait`
        set_aside(told)

    assert told.wait(10)


def test_told_to_stop_while_a_job_hangs_it_still_leaves_within_ten_seconds(tmp_path: Path) -> None:
    with HttpServer(default="hang", hang_s=60) as silent:
        place = Place(tmp_path, silent.url)
        place.configure()
        daemon = place.start()
        until(lambda: silent.requests, "the request that hangs")

        code, took = stop(daemon)

    assert code == 0
    assert took <= 10
    assert count(place.db, "poll", "outcome = 'ok'") == 0


HANG = """
import time
from flightwatch.jobs import cycle
cycle.think = lambda ctx, now: time.sleep(600)
"""


def test_a_job_that_hangs_is_left_for_the_service_manager(place: Place) -> None:
    place.configure(daemon="hung_after_s = 2")

    daemon = place.start(code=HANG)

    assert daemon.wait(timeout=60) == 70
    assert "job think has run for more than 2 s" in place.log
    assert count(place.db, "poll") > 0


DYING = """
from apscheduler.schedulers.background import BackgroundScheduler
real, calls = BackgroundScheduler._process_jobs, []
def dies(self):
    calls.append(1)
    if len(calls) > 2:
        raise SystemExit  # of this thread
    return real(self)
BackgroundScheduler._process_jobs = dies
"""


def test_a_scheduler_that_dies_ends_the_process(place: Place) -> None:
    daemon = place.start(code=DYING)

    assert daemon.wait(timeout=60) == 70
    assert "the scheduler's thread died" in place.log


def test_sighup_takes_a_new_configuration_and_keeps_the_old_one_when_it_is_wrong(place: Place) -> None:
    daemon = place.start()
    until(lambda: place.rows("poll") >= 1, "the first poll")

    place.configure(daemon="nonsense = 1")
    daemon.send_signal(signal.SIGHUP)
    until(lambda: "the old one stays" in place.log, "the refusal")
    polls = place.rows("poll")
    until(lambda: place.rows("poll") >= polls + 2, "polling goes on")
    assert "daemon.nonsense: unknown key" in place.log

    place.configure('[[route]]\nname = "Crete to Cyprus"\nfrom = ["LGIR"]\nto = ["LCLK"]')
    daemon.send_signal(signal.SIGHUP)
    until(lambda: "the configuration was reloaded" in place.log, "the reload")
    polls = place.rows("poll")
    until(lambda: place.rows("poll") >= polls + 2, "polling by the new one")
    until(lambda: count(place.db, "route", "name = 'Crete to Cyprus'") == 1, "the new route")

    place.configure('[[route]]\nname = "x"\nfrom = ["nowere"]\nto = ["LCLK"]')
    daemon.send_signal(signal.SIGHUP)
    until(lambda: "nowere" in place.log, "the refusal of an unknown place")

    (place.folder / "flightwatch.toml").write_text('[database]\nurl = "sqlite:///other.db"\n')
    daemon.send_signal(signal.SIGHUP)
    until(lambda: "another database needs a restart" in place.log, "the refusal of another database")

    assert stop(daemon)[0] == 0
    assert place.log.count("the configuration was reloaded") == 1


@contextmanager
def manager(address: str) -> Iterator[list[str]]:
    """What a service manager receives at that address."""
    heard: list[str] = []
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as ear:
        ear.bind("\0" + address[1:] if address.startswith("@") else address)
        ear.settimeout(0.1)
        over = threading.Event()

        def listen() -> None:
            while not over.is_set():
                try:
                    heard.append(ear.recv(4096).decode())
                except TimeoutError:
                    continue

        thread = threading.Thread(target=listen)
        thread.start()
        yield heard
        over.set()
        thread.join()


@pytest.mark.parametrize("abstract", [False, True], ids=["path", "abstract"])
def test_the_service_manager_hears_that_it_is_ready_alive_and_stopping(
    place: Place, tmp_path: Path, abstract: bool
) -> None:
    address = f"@flightwatch-test-{os.getpid()}" if abstract else str(tmp_path / "n")
    place.environ["NOTIFY_SOCKET"] = address
    with manager(address) as heard:
        daemon = place.start()
        until(lambda: heard.count("WATCHDOG=1") >= 2, "two signs of life")
        daemon.send_signal(signal.SIGHUP)
        until(lambda: "the configuration was reloaded" in place.log, "the reload")
        assert stop(daemon)[0] == 0

    assert heard[0] == "READY=1"
    reloading = next(n for n, text in enumerate(heard) if text.startswith("RELOADING=1\nMONOTONIC_USEC="))
    assert "READY=1" in heard[reloading:]
    assert heard[-1] == "STOPPING=1"


def test_a_standby_tells_the_service_manager_that_it_lives(place: Place, tmp_path: Path) -> None:
    place.start()
    until(lambda: place.rows("poll") >= 1, "the first poll")
    place.environ["NOTIFY_SOCKET"] = str(tmp_path / "n")
    with manager(str(tmp_path / "n")) as heard:
        place.start()

        until(lambda: heard.count("WATCHDOG=1") >= 2, "signs of life of a standby")

    assert heard[0] == "READY=1"


def test_without_a_service_manager_nothing_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    from flightwatch import systemd

    monkeypatch.delenv("NOTIFY_SOCKET", raising=False)
    assert systemd.notify("READY=1") is False
    monkeypatch.setenv("NOTIFY_SOCKET", "/nowhere/at/all")
    assert systemd.notify("READY=1") is False


def test_polling_at_a_real_time_of_day(place: Place, server: Moving) -> None:
    """The stored times are those of the fixes, not of their arrival."""
    daemon = place.start()
    until(lambda: place.rows("poll") >= 2, "two polls")
    stop(daemon)

    times = {when for _, when in stored(place)}
    assert times <= {when for _, when in server.given}
    assert all(abs(t / 1000 - datetime.now(UTC).timestamp()) < 120 for t in times)
