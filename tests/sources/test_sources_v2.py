from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from flightwatch.config import HttpSettings, SourceSettings
from flightwatch.errors import ConfigError
from flightwatch.sources import SOURCES, build

HTTP = HttpSettings(allow_private=True, deadline_s=5)
CONTACT = "desk@example.org"


def make(feed: Any, clock: Any, kind: str = "adsblol", **settings: Any) -> Any:
    given = {"types": ("IL76",), "url": feed.url} | settings
    return build(SourceSettings(kind=kind, **given), HTTP, CONTACT, clock=clock, sleep=clock.sleep)


def test_a_poll_becomes_rows_with_its_hash_and_outcome(feed: Any, clock: Any, data: Path) -> None:
    feed.body("/v2/type/IL76", (data / "v2_point.json").read_bytes())
    source = make(feed, clock)

    fetched = source.fetch(source.requests()[0])

    assert fetched.poll.outcome == "ok"
    assert (fetched.poll.source, fetched.poll.query, fetched.poll.kept) == ("adsblol", "/v2/type/IL76", 1)
    assert fetched.body == (data / "v2_point.json").read_bytes()
    assert fetched.poll.bytes == len(fetched.body)
    assert len(fetched.poll.sha256) == 64
    assert feed.asked[0][2]["User-Agent"].startswith("flightwatch/")
    assert feed.asked[0][2]["User-Agent"].endswith("(+desk@example.org)")


def test_no_contact_no_asking() -> None:
    with pytest.raises(ConfigError, match="contact"):
        build(SourceSettings(kind="adsblol", types=("IL76",)), HTTP, " ")


def test_a_source_with_nothing_to_ask_for_says_so() -> None:
    with pytest.raises(ConfigError, match="nothing to ask"):
        build(SourceSettings(kind="adsbfi", types=("IL76",)), HTTP, CONTACT)


def test_what_a_provider_cannot_be_asked_is_said_in_words() -> None:
    source = build(SourceSettings(kind="adsbfi", types=("IL76",), military=True), HTTP, CONTACT)

    assert source.requests() == ["/v2/mil"]
    assert source.gaps == ("adsb.fi cannot be asked for types",)


def html(h: Any) -> None:
    h.reply(b"<!DOCTYPE html><title>Just a moment...</title>", "text/html", 403)


@pytest.mark.parametrize(
    ("answer", "outcome", "words"),
    [
        (lambda h: h.reply(b"", status=429, Retry_After=120), "rate_limited", "429"),
        (lambda h: h.reply(b"", status=420), "rate_limited", "420"),
        (html, "blocked", "firewall"),
        (
            lambda h: h.reply(b"User-Agent too generic; include valid contact info.", "text/plain", 403),
            "blocked",
            "User-Agent too generic",
        ),
        (lambda h: h.reply(b"{}", status=401), "auth", "401"),
        (lambda h: h.reply(b"", status=400), "bad_request", "400"),
        (lambda h: h.reply(b"", status=503), "server", "503"),
        (lambda h: h.reply(b"<html>hello", "text/html"), "blocked", "web page"),
        (lambda h: h.reply(b"hello", "text/plain"), "bad_schema", "text/plain"),
        (lambda h: h.reply(b'{"detail":"upstream"}'), "bad_schema", "upstream"),
        (lambda h: h.reply(b'{"ac":[{"hex":"14'), "bad_schema", "JSON"),
        (lambda h: h.reply(b'{"ac":[],"now":1763800000500}'), "empty", ""),
        (lambda h: h.reply(b'{"ac":[]', length=5000), "server", "ended"),
    ],
)
def test_the_poll_tells_each_trouble_apart(feed: Any, clock: Any, answer: Any, outcome: str, words: str) -> None:
    feed.answers["/v2/type/IL76"] = answer
    source = make(feed, clock)

    fetched = source.fetch("/v2/type/IL76")

    assert fetched.poll.outcome == outcome
    assert words in fetched.poll.note
    assert len(fetched.observations) == 0


def test_a_storm_of_429_is_met_with_silence_that_survives_a_restart(feed: Any, clock: Any, data: Path) -> None:
    feed.answers["/v2/type/IL76"] = [
        lambda h: h.reply(b"", status=429, Retry_After=120),
        lambda h: h.reply((data / "v2_point.json").read_bytes()),
    ]
    first = make(feed, clock)
    first.fetch("/v2/type/IL76")
    second = make(feed, clock)
    second.restore(first.state())

    told = second.fetch("/v2/type/IL76")

    assert told.poll.outcome == "rate_limited"
    assert "not asked" in told.poll.note
    assert len(feed.asked) == 1
    clock.move(120)
    assert second.fetch("/v2/type/IL76").poll.outcome == "ok"


def test_two_requests_keep_the_providers_spacing(feed: Any, clock: Any, data: Path) -> None:
    feed.body("/v2/type/IL76", (data / "v2_empty.json").read_bytes())
    source = make(feed, clock)

    source.fetch("/v2/type/IL76")
    source.fetch("/v2/type/IL76")

    assert clock.slept == [pytest.approx(2.0)]


def test_a_feed_that_repeats_itself_is_not_watching(feed: Any, clock: Any, data: Path) -> None:
    feed.body("/v2/type/IL76", (data / "v2_point.json").read_bytes())
    source = make(feed, clock)

    outcomes = []
    for _ in range(3):
        outcomes.append(source.fetch("/v2/type/IL76").poll.outcome)
        clock.move(60)

    assert outcomes == ["ok", "server", "server"]


def test_a_clock_an_hour_off_is_said_and_marked(feed: Any, clock: Any, data: Path) -> None:
    clock.move(3600)
    feed.body("/v2/type/IL76", (data / "v2_point.json").read_bytes())

    fetched = make(feed, clock).fetch("/v2/type/IL76")

    assert "behind ours" in fetched.poll.note
    assert fetched.observations.suspect.tolist() == [64]


def test_a_receiver_is_read_over_http_and_from_its_file(feed: Any, clock: Any, data: Path) -> None:
    feed.body("/data/aircraft.json", (data / "receiver_aircraft.json").read_bytes())
    over = make(feed, clock, "receiver", url=f"{feed.url}/data/aircraft.json", types=())
    beside = make(feed, clock, "receiver", url=str(data / "receiver_aircraft.json"), types=())

    one, two = over.fetch(over.requests()[0]), beside.fetch(beside.requests()[0])

    assert one.poll.outcome == two.poll.outcome == "ok"
    assert one.observations.equals(two.observations)


def test_a_receiver_that_is_not_running_is_an_outcome(clock: Any, tmp_path: Path) -> None:
    source = build(SourceSettings(kind="receiver", url=str(tmp_path / "aircraft.json")), HTTP, clock=clock)

    fetched = source.fetch(source.requests()[0])

    assert fetched.poll.outcome == "server"
    assert "decoder" in fetched.poll.note


def test_a_key_is_sent_to_its_provider_and_shown_to_nobody(feed: Any, clock: Any, tmp_path: Path, data: Path) -> None:
    (tmp_path / "key").write_text("canary-key\n")
    feed.body("/v2/mil/", b"{}", status=401)
    source = make(feed, clock, "adsbx", types=(), military=True, api_key_file=tmp_path / "key")

    fetched = source.fetch("/v2/mil/")

    assert feed.asked[0][2]["X-Api-Key"] == "canary-key"
    assert fetched.poll.outcome == "auth"
    assert "canary" not in repr(fetched) + repr(source.__dict__["client"].__dict__["limits"])


def test_the_public_feeds_are_asked_over_https_only(clock: Any) -> None:
    source = build(
        SourceSettings(kind="adsblol", types=("IL76",), url="http://example.org"), HttpSettings(), CONTACT, clock=clock
    )

    fetched = source.fetch("/v2/type/IL76")

    assert fetched.poll.outcome == "bad_request"
    assert "https" in fetched.poll.note


def test_every_kind_the_configuration_knows_can_be_built() -> None:
    from typing import get_args

    from flightwatch.config.feeds import SourceKind

    assert set(get_args(SourceKind)) >= set(SOURCES)
