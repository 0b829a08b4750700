"""What a server may do to us: cut, drip, bomb, redirect, lie. R15 and R16 in CI size."""

from __future__ import annotations

import gzip
import json
import os
import resource
import time
import zlib
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from flightwatch.errors import ConfigError, SourceError
from flightwatch.sources import inflate, status, wire
from flightwatch.sources.http import Client, Limits

BODY = json.dumps({"now": 1763800000.5, "aircraft": [{"hex": f"{i:06x}"} for i in range(1, 500)]}).encode()


def client(**more: Any) -> Client:
    limits = more.pop("limits", Limits(total_s=5))
    return Client("desk@example.org", allow_private=True, limits=limits, **more)


def outcome(asked: Client, url: str, **more: Any) -> tuple[str, str]:
    with pytest.raises(SourceError) as raised:
        asked.get(url, **more)
    return raised.value.outcome, str(raised.value)


def test_a_whole_gzip_body_arrives(feed: Any) -> None:
    feed.packed("/a", BODY)

    answer = client().get(f"{feed.url}/a")

    assert answer.body == BODY
    assert feed.asked[0][2]["Accept-Encoding"] == "gzip"


def test_a_gzip_body_cut_anywhere_is_never_taken_for_whole(feed: Any) -> None:
    whole = gzip.compress(BODY)
    asked = client()
    cuts = sorted({1 + i * (len(whole) - 2) // 99 for i in range(100)})

    found = []
    for cut in cuts:
        feed.packed("/a", BODY, cut=cut)
        found.append(outcome(asked, f"{feed.url}/a")[0])

    assert len(cuts) >= 90
    assert set(found) <= {"server", "bad_schema"}


def test_a_chunked_body_that_ends_early_is_noticed(feed: Any) -> None:
    def answer(h: Any) -> None:
        h.send_response(200)
        h.send_header("Content-Type", "application/json")
        h.send_header("Transfer-Encoding", "chunked")
        h.end_headers()
        h.wfile.write(b"20\r\n" + BODY[:32] + b"\r\n")
        h.close_connection = True

    feed.answers["/a"] = answer

    assert outcome(client(), f"{feed.url}/a")[0] == "server"


def test_a_chunked_body_arrives_whole(feed: Any) -> None:
    def answer(h: Any) -> None:
        h.send_response(200)
        h.send_header("Content-Type", "application/json")
        h.send_header("Transfer-Encoding", "chunked")
        h.end_headers()
        for i in range(0, len(BODY), 100):
            part = BODY[i : i + 100]
            h.wfile.write(f"{len(part):x}\r\n".encode() + part + b"\r\n")
        h.wfile.write(b"0\r\n\r\n")

    feed.answers["/a"] = answer

    assert client().get(f"{feed.url}/a").body == BODY


def bomb(size: int) -> bytes:
    """Gzip of so many zeros, assembled from one packed mebibyte, because really packing them takes seconds."""
    engine = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    first = engine.compress(bytes(2**20)) + engine.flush(zlib.Z_FULL_FLUSH)
    block = engine.compress(bytes(2**20)) + engine.flush(zlib.Z_FULL_FLUSH)
    return first + block * (size // 2**20 - 1) + engine.flush()


def test_a_bomb_is_refused_in_a_second_and_without_memory(feed: Any) -> None:
    packed = bomb(2**30)  # 1 MiB that becomes 1 GiB
    feed.answers["/a"] = lambda h: h.reply(packed, Content_Encoding="gzip")
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    began = time.process_time()

    told = outcome(client(), f"{feed.url}/a")

    assert told[0] == "bad_schema"
    assert "bomb" in told[1] or "bytes" in told[1]
    assert time.process_time() - began < 2
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 80 * 1024


def test_a_body_past_the_byte_cap_is_cut_off(feed: Any) -> None:
    feed.body("/a", b"[" + b"1," * 100_000)

    assert outcome(client(limits=Limits(total_s=5, encoded=10_000)), f"{feed.url}/a")[0] == "bad_schema"


@pytest.mark.parametrize("where", ["body", "headers"])
def test_a_drip_ends_at_the_deadline(feed: Any, where: str) -> None:
    if where == "body":
        feed.drip("/a", BODY, 0.05)
    else:

        def answer(h: Any) -> None:
            h.wfile.write(b"HTTP/1.1 200 OK\r\nX-Slow: ")
            while not feed.stop.wait(0.05):
                h.wfile.write(b"x")

        feed.answers["/a"] = answer
    began = time.monotonic()

    told = outcome(client(limits=Limits(total_s=1.0, read_s=20)), f"{feed.url}/a")

    assert told[0] == "timeout"
    assert 0.9 < time.monotonic() - began < 10  # and not the 20 s a single read may take


def test_a_server_that_never_answers_is_a_timeout(feed: Any) -> None:
    feed.answers["/a"] = lambda h: feed.stop.wait(3)

    assert outcome(client(limits=Limits(read_s=0.2, total_s=2)), f"{feed.url}/a")[0] == "timeout"


def test_after_a_deadline_the_session_goes_on(feed: Any) -> None:
    feed.drip("/slow", BODY, 0.05)
    feed.body("/fast", BODY)
    asked = client(limits=Limits(total_s=0.4))

    outcome(asked, f"{feed.url}/slow")

    assert asked.get(f"{feed.url}/fast").body == BODY


KEYS = ("Authorization", "X-RapidAPI-Key", "X-Api-Key", "api-auth", "Cookie", "X-Auth-Token")
SECRETS = dict.fromkeys(KEYS, "canary")


def test_no_secret_follows_a_redirect_to_another_host(feed: Any, other: Any, monkeypatch: Any, tmp_path: Path) -> None:
    (tmp_path / "netrc").write_text("machine localhost login canary password canary\n")
    os.chmod(tmp_path / "netrc", 0o600)
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    monkeypatch.setenv("http_proxy", "http://canary:canary@127.0.0.1:1")
    other.body("/b", BODY)
    feed.answers["/a"] = lambda h: h.reply(b"", status=302, Location=f"{other.url}/b")
    asked = client(headers=SECRETS)

    refused = outcome(asked, f"{feed.url}/a")
    followed = asked.get(f"{feed.url}/a", hosts=("localhost",))

    assert refused[0] == "blocked"
    assert "another host" in refused[1]
    assert followed.body == BODY
    assert len(other.asked) == 1
    assert "canary" not in repr(other.asked)
    assert all(feed.asked[0][2][name] == "canary" for name in SECRETS)


def test_a_redirect_on_the_same_host_is_followed_and_a_circle_is_left(feed: Any) -> None:
    feed.answers["/a"] = lambda h: h.reply(b"", status=301, Location="/b")
    feed.body("/b", BODY)
    feed.answers["/c"] = lambda h: h.reply(b"", status=302, Location="/c")

    assert client().get(f"{feed.url}/a").body == BODY
    assert outcome(client(), f"{feed.url}/c")[0] == "bad_request"


def test_the_body_of_a_redirect_is_never_unpacked(feed: Any) -> None:
    packed = bomb(2**29)
    feed.answers["/a"] = lambda h: h.reply(packed, status=302, Location="/b", Content_Encoding="gzip")
    feed.body("/b", BODY)
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss

    assert client().get(f"{feed.url}/a").body == BODY
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 80 * 1024


def test_private_targets_are_refused_on_the_open_socket(feed: Any) -> None:
    feed.body("/a", BODY)
    asked = Client("desk@example.org", limits=Limits(total_s=5))
    asked.allow_private = True  # lets plain http pass the URL check; the socket's own check stays

    told = outcome(asked, f"http://localhost:{feed.server_port}/a")

    assert told[0] == "bad_request"
    assert "private network" in told[1]
    assert feed.asked == []


@pytest.mark.parametrize("url", ["http://example.org/", "ftp://example.org", "file:///etc/passwd", "https://", "x"])
def test_other_schemes_are_not_opened(url: str) -> None:
    assert outcome(Client("desk@example.org"), url)[0] == "bad_request"


def test_a_name_nobody_knows_and_a_closed_port_are_told_apart(feed: Any) -> None:
    unknown = outcome(client(), "http://no-such-host.invalid/x?key=canary")
    feed.shutdown()
    feed.server_close()
    closed = outcome(client(), f"{feed.url}/x")

    assert unknown == ("server", "http://no-such-host.invalid/x: the host name is not known")
    assert "cannot be reached" in closed[1]


def test_no_error_shows_the_query_or_a_header(feed: Any) -> None:
    feed.answers["/a"] = lambda h: h.reply(b"<html>canary</html>", "text/html", 500)

    told = outcome(client(headers={"X-Api-Key": "canary"}), f"{feed.url}/a", params={"key": "canary"})

    assert "canary" not in told[1]


def test_the_user_agent_is_ours_and_a_contact_is_mandatory() -> None:
    assert client().user_agent.endswith("(+desk@example.org)")
    with pytest.raises(ConfigError, match="contact"):
        Client("")


@pytest.mark.parametrize(
    ("value", "seconds"),
    [
        ("120", 120.0),
        ("Sat, 22 Nov 2025 08:27:40 GMT", 60.0),
        ("Sat, 22 Nov 2025 08:00:00 GMT", 0.0),
        ("86400", 21600.0),
        ("soon", None),
        ("-5", None),
        ("9" * 400, 21600.0),
    ],
)
def test_retry_after_is_read_in_both_forms_and_capped(value: str, seconds: float | None) -> None:
    now = datetime(2025, 11, 22, 8, 26, 40, tzinfo=UTC)

    assert status.retry_after({"Retry-After": value}, now) == seconds


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "192.168.1.1", "169.254.169.254", "::1", "fe80::1%eth0", "fd00::1", "224.0.0.1",
     "0.0.0.0", "::ffff:127.0.0.1", "64:ff9b::7f00:1", "2002:7f00:1::", "100.64.0.1"],
)  # fmt: skip
def test_private_addresses_are_known_in_every_disguise(address: str) -> None:
    assert not wire.is_public(address)


def test_nested_and_joined_gzip(tmp_path: Path) -> None:
    one, two = gzip.compress(b"a" * 10), gzip.compress(b"b" * 10)

    assert inflate.whole(one + two) == b"a" * 10 + b"b" * 10
    assert inflate.whole(one + bytes(512)) == b"a" * 10
    assert inflate.is_gzip(inflate.whole(gzip.compress(one)))
    with pytest.raises(inflate.InflateError, match="bytes"):
        inflate.whole(gzip.compress(os.urandom(5000)), limit=1000)
