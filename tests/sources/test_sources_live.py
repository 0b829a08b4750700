from __future__ import annotations

import socket
import threading
import time
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import numpy as np
import pytest

from flightwatch.config import HttpSettings, SourceSettings
from flightwatch.sources import build, opensky, skyflights, states
from flightwatch.sources.sbs import Merger, Sbs
from flightwatch.units import millis

HTTP = HttpSettings(allow_private=True, deadline_s=5)
CONTACT = "desk@example.org"
NOW = datetime.fromtimestamp(1763800000, UTC)


def test_state_vectors_come_out_in_feet_and_knots(data: Path) -> None:
    found = states.parse((data / "opensky_states.json").read_bytes(), source="opensky", received=NOW)

    rows = found.observations
    assert [f"{a:06x}" for a in rows.address] == ["510123", "140a1f"]
    assert millis(rows.time).tolist() == [1763799999000, 1763799990000]
    assert rows.onground.tolist() == [True, False]
    np.testing.assert_allclose(rows.altitude, [np.nan, 10000], atol=0.1)
    np.testing.assert_allclose(rows.groundspeed, [0, 250], atol=0.1)
    np.testing.assert_allclose(rows.vertical_rate, [np.nan, -1000], atol=0.1)
    assert rows.longitude.tolist() == [27.58, 20.27]
    assert rows.callsign.tolist() == ["SYR9624", "RFF7031"]
    assert found.rejected == {"no position": 1, "malformed row": 1}


def test_null_states_are_an_empty_answer(data: Path) -> None:
    assert len(states.parse((data / "opensky_null.json").read_bytes(), source="x").observations) == 0


def test_the_box_and_its_price_follow_from_the_circles() -> None:
    circles = [(21, 16, 250.0), (37, 32, 250.0)]

    box = opensky.bounds(circles)

    assert box is not None
    assert box[0] <= 21 - 250 / 60
    assert box[2] >= 37 + 250 / 60
    assert opensky.cost(box) == 4
    assert opensky.bounds([(88, 0, 250.0)]) is None
    assert opensky.bounds([(0, 179, 250.0)]) is None


class Login:
    """OpenSky's token endpoint and API as documented: form in, token out, bearer checked, 401 once expired."""

    def __init__(self, feed: Any, body: bytes) -> None:
        self.valid = ""
        self.issued = 0
        self.body = body
        feed.answers[opensky.OAUTH_PATH] = self.token
        feed.answers["/states/all"] = self.states

    def token(self, h: Any) -> None:
        form = parse_qs(h.form)
        if form.get("client_secret") != ["canary-secret"] or form.get("grant_type") != ["client_credentials"]:
            h.reply(b'{"error":"unauthorized_client"}', status=401)
            return
        self.issued += 1
        self.valid = f"token-{self.issued}"
        h.reply(b'{"access_token":"%s","expires_in":1800,"token_type":"Bearer"}' % self.valid.encode())

    def states(self, h: Any) -> None:
        if h.headers.get("Authorization") != f"Bearer {self.valid}":
            h.reply(b"", status=401)
            return
        h.reply(self.body, X_Rate_Limit_Remaining=3996)


def sky(feed: Any, clock: Any, tmp_path: Path, secret: str = "canary-secret", **more: Any) -> Any:
    (tmp_path / "secret").write_text(secret)
    settings = SourceSettings(
        kind="opensky", url=feed.url, client_id="desk", client_secret_file=tmp_path / "secret", **more
    )
    return build(settings, HTTP, CONTACT, clock=clock, sleep=clock.sleep)


def test_a_token_is_fetched_kept_and_renewed_once_it_dies(feed: Any, clock: Any, tmp_path: Path, data: Path) -> None:
    login = Login(feed, (data / "opensky_states.json").read_bytes())
    source = sky(feed, clock, tmp_path)

    first = source.fetch("/states/all")
    second = source.fetch("/states/all")
    login.valid = "revoked"
    third = source.fetch("/states/all")
    clock.move(1800)
    fourth = source.fetch("/states/all")

    assert [f.poll.outcome for f in (first, second, third, fourth)] == ["ok"] * 4
    assert login.issued == 3
    assert clock.slept[0] == pytest.approx(86.4)
    assert "canary" not in repr([f.poll for f in (first, second, third)])


def test_wrong_credentials_are_said_in_words(feed: Any, clock: Any, tmp_path: Path) -> None:
    Login(feed, b"{}")

    fetched = sky(feed, clock, tmp_path, secret="wrong").fetch("/states/all")

    assert fetched.poll.outcome == "auth"
    assert "client_id" in fetched.poll.note


def test_opensky_names_its_own_wait(feed: Any, clock: Any, tmp_path: Path) -> None:
    login = Login(feed, b"")
    feed.answers["/states/all"] = lambda h: h.reply(b"", status=429, X_Rate_Limit_Retry_After_Seconds=3000)
    source = sky(feed, clock, tmp_path)
    assert login.issued == 0

    source.fetch("/states/all")
    clock.move(2900)
    asked = len(feed.asked)

    assert source.fetch("/states/all").poll.outcome == "rate_limited"
    assert len(feed.asked) == asked


def test_a_days_credits_are_not_overspent(feed: Any, clock: Any, tmp_path: Path, data: Path) -> None:
    Login(feed, (data / "opensky_null.json").read_bytes())
    source = sky(feed, clock, tmp_path, daily_budget=8, spacing_s=0)

    outcomes = [source.fetch("/states/all").poll.outcome for _ in range(3)]

    assert outcomes == ["empty", "empty", "rate_limited"]


def test_flights_by_airport_come_day_by_day_and_a_404_means_none(
    feed: Any, clock: Any, tmp_path: Path, data: Path
) -> None:
    Login(feed, b"")
    feed.body("/flights/arrival", (data / "opensky_arrivals.json").read_bytes())
    feed.answers["/flights/departure"] = lambda h: h.reply(b"", status=404)
    session = sky(feed, clock, tmp_path).session
    day = date(2024, 12, 14)

    pieces = list(skyflights.flight_pieces(session, ["HLLB"], day, day))
    loaded = [p.load() for p in pieces]

    assert [p.name for p in pieces] == ["flights/arrival/HLLB/2024-12-14", "flights/departure/HLLB/2024-12-14"]
    assert [(poll.outcome, wait) for poll, _, wait in loaded] == [("ok", None), ("empty", None)]
    poll, flights, _ = loaded[0]
    assert poll.rejected == {"no address": 1, "impossible time": 1}
    row = flights.iloc[0]
    assert row.flight_id == "140a1f-20241214T021530Z"
    assert (row.estdepartureairport, row.departure_method) == ("", "unknown")
    assert (row.estarrivalairport, row.arrival_method, row.arrival_distance_nm) == ("HLLB", "reported", 2.0)
    assert not list(skyflights.flight_pieces(session, ["HLLB"], day, day, done={p.name for p in pieces}))


def test_lines_of_one_airframe_are_merged(data: Path) -> None:
    merger = Merger()
    lines = (data / "basestation.txt").read_text().splitlines()

    fixes = [f for i, line in enumerate(lines) if (f := merger.take(line, 1000.0 + i)) is not None]

    assert [f["hex"] for f in fixes] == ["778681", "140a1f"]
    assert (fixes[0]["flight"].strip(), fixes[0]["gs"], fixes[0]["alt_baro"]) == ("SYR9624", 431.2, 33000)
    assert fixes[1]["alt_baro"] == "ground"
    assert merger.rejected == {"malformed row": 1}


def test_an_old_callsign_is_not_put_beside_a_new_position(data: Path) -> None:
    merger = Merger()
    lines = (data / "basestation.txt").read_text().splitlines()
    merger.take(lines[0], 1000.0)

    fix = merger.take(lines[2], 1061.0)

    assert fix is not None
    assert fix["flight"] == ""


class Tower:
    """A BaseStation port that sends bytes in awkward pieces, then hangs up or falls silent."""

    def __init__(self) -> None:
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.sends: list[list[bytes]] = []
        self.done = threading.Event()
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self) -> None:
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            with connection:
                for part in self.sends.pop(0) if self.sends else []:
                    connection.sendall(part)
                    time.sleep(0.01)
                if not self.sends:
                    self.done.wait(10)

    def close(self) -> None:
        self.done.set()
        self.listener.close()


def drained(source: Sbs, wanted: int) -> list[Any]:
    found = []
    for _ in range(60):
        fetched = source.fetch(source.requests()[0])
        found += [f"{a:06x}" for a in fetched.observations.address]
        if len(found) >= wanted:
            break
        time.sleep(0.1)
    return found


def test_a_port_that_cuts_lines_and_hangs_up_is_read_on(data: Path) -> None:
    text = (data / "basestation.txt").read_bytes().replace(b"\n", b"\r\n")
    second = text.replace(b"778681", b"778682").replace(b"140A1F", b"140A2F")
    tower = Tower()
    tower.sends = [[text[i : i + 37] for i in range(0, len(text), 37)], [second]]
    source = build(SourceSettings(kind="sbs", host="127.0.0.1", port=tower.port), HTTP)

    try:
        found = drained(source, 4)  # type: ignore[arg-type]
    finally:
        source.close()
        tower.close()

    assert sorted(found) == ["140a1f", "140a2f", "778681", "778682"]


def test_a_port_nobody_listens_on_is_an_outcome() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    source = build(SourceSettings(kind="sbs", host="127.0.0.1", port=port), HttpSettings(connect_s=0.3))

    fetched = source.fetch(source.requests()[0])
    source.close()

    assert fetched.poll.outcome == "server"
    assert str(port) in fetched.poll.note


def test_recorded_bodies_are_played_once_and_a_restart_goes_on(data: Path, tmp_path: Path, clock: Any) -> None:
    for name in ("receiver_aircraft.json", "v2_point.json", "adsbfi_v2_dist.json"):
        (tmp_path / name).write_bytes((data / name).read_bytes())
    (tmp_path / "b_broken.json").write_bytes(b"<html>")
    settings = SourceSettings(kind="replay", path=tmp_path)
    first = build(settings, clock=clock)

    one = first.fetch(first.requests()[0])
    second = build(settings, clock=clock)
    second.restore(first.state())
    rest = []
    while asked := second.requests():
        rest.append(second.fetch(asked[0]))

    assert one.poll.query == "adsbfi_v2_dist.json"
    assert [f.poll.query for f in rest] == ["b_broken.json", "receiver_aircraft.json", "v2_point.json"]
    assert [f.poll.outcome for f in rest] == ["bad_schema", "ok", "ok"]
    assert set(rest[1].observations.source) == {"replay"}
    assert rest[1].poll.started == clock.now
