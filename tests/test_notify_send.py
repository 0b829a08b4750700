"""Each channel against a real local server: what arrives, and what every kind of refusal means."""

from __future__ import annotations

import hashlib
import hmac
import json
import logging
import socket
from dataclasses import replace
from email.message import EmailMessage
from html.parser import HTMLParser
from types import SimpleNamespace
from typing import Any

import pytest

from flightwatch import notify
from flightwatch.errors import ConfigError, DeliveryError
from flightwatch.notify import blocks, email, html, http
from flightwatch.notify.clean import tidy
from flightwatch.telling import Message
from tests.canary import lay
from tests.fakes.http import HttpServer
from tests.fakes.smtp import MailServer

PNG = b"\x89PNG\r\n\x1a\n" + b"\0" * 40


def settings(kind: str, **values: Any) -> Any:
    """As the configuration passes them: attributes, and `secret` for secrets."""
    secrets = {k: values.pop(k, None) for k in ("webhook", "token", "url", "key", "password", "urls")}
    defaults = {"name": kind, "host": "127.0.0.1", "port": None, "security": "none", "username": "", "kind": kind}
    defaults |= {"sender": "watch@example.org", "recipients": ("desk@example.org",), "delivery": "at-least-once"}
    return SimpleNamespace(**(defaults | values), secret=lambda key: lay(secrets[key]))


def mailer(server: MailServer, **values: Any) -> notify.Channel:
    return notify.build(settings("email", port=server.port, **values))


def slack(server: HttpServer) -> notify.Channel:
    return notify.build(settings("slack", webhook=f"{server.url}/services/T00/B00/sEcReT"))


def webhook(server: HttpServer, key: str | None = "k3y-of-the-desk") -> notify.Channel:
    return notify.build(settings("webhook", url=f"{server.url}/in?token=t0ken", key=key, allow_private=True))


@pytest.fixture
def message() -> Message:
    return Message(
        uid="alert-3-20241214T020000Z-opened", thread="alert-3-20241214T020000Z",
        title="[flightwatch] HIGH Moscow and Minsk to Benghazi: 3 flights in 7 days (usual 0.1)",
        summary="3 flights in the 7 days to 14 December 2024, where 0.1 is usual.", severity="high",
        facts=(("How unusual", "30 times the usual."), ("How sure", "2 seen, 3.4 expected.")),
        flights=(
            {"departed": "2024-12-14 02:15 UTC", "callsign": "RFF7681", "registration": "RA-76842", "typecode": "IL76",
             "icao24": "152cba", "from": "UUWW", "to": "probably HLLB (62%)",
             "link": "https://globe.adsbexchange.com/?icao=152cba&showTrace=2024-12-14"},
        ),
        notes=("Cargo, passengers and purpose are unknown.",),
        footer='Acknowledge: flightwatch alerts ack 3 --note "who"', picture=PNG,
    )  # fmt: skip


def part(mail: EmailMessage, kind: str) -> EmailMessage:
    return next(p for p in mail.walk() if p.get_content_type() == kind)  # type: ignore[return-value]


# -- mail -------------------------------------------------------------------------------------------------------


def test_a_mail_has_text_html_and_the_map_inline(message: Message) -> None:
    with MailServer() as server:
        answer = mailer(server).send(message)
        [mail] = server.mails

    assert answer.startswith("250")
    assert mail.recipients == ("desk@example.org",)
    got = mail.message
    assert got["Subject"] == message.title
    assert "RFF7681 RA-76842 IL76 152cba" in part(got, "text/plain").get_content()
    page = part(got, "text/html").get_content()
    picture = part(got, "image/png")
    assert picture.get_content() == PNG
    assert f"cid:{picture['Content-ID'].strip('<>')}" in page
    assert part(got, "text/plain").get_content().count("flightwatch alerts ack 3") == 1


def test_a_page_about_the_alert_is_linked_in_text_html_slack_and_webhook(message: Message) -> None:
    page = "https://news.example/fw/alerts/3.html"
    linked = replace(message, link=page)
    with MailServer() as server:
        mailer(server).send(linked)
        [mail] = server.mails
    with HttpServer() as server:
        slack(server).send(linked)
        webhook(server).send(linked)
        blocks, posted = (json.loads(r.body) for r in server.requests)

    assert page in part(mail.message, "text/plain").get_content()
    assert f'<a href="{page}"' in part(mail.message, "text/html").get_content()
    assert f"<{page}|The whole alert" in json.dumps(blocks["blocks"])
    assert posted["link"] == page


@pytest.mark.parametrize("link", ["javascript:alert(1)", "https://a b", "file:///etc/passwd", "//x.example"])
def test_a_link_that_is_not_to_the_web_is_left_out(message: Message, link: str) -> None:
    assert tidy(replace(message, link=link)).link == ""


def test_every_try_has_the_same_message_id_and_an_episode_is_one_thread(message: Message) -> None:
    later = Message("alert-3-20241214T020000Z-updated-2", message.thread, "t", "s", "high")
    with MailServer() as server:
        channel = mailer(server)
        channel.send(message)
        channel.send(message, doubtful=True)
        channel.send(later)
        first, again, update = (mail.message for mail in server.mails)

    assert first["Message-ID"] == again["Message-ID"] != update["Message-ID"]
    assert first["References"] == again["References"] == update["References"]
    assert again["Subject"].startswith("(may be a repeat) ")
    assert first["X-Flightwatch-Alert"] == message.uid
    assert first["Auto-Submitted"] == "auto-generated"


def test_several_recipients_get_one_mail_and_a_refused_one_does_not_stop_it(message: Message) -> None:
    with MailServer() as server:
        mailer(server, recipients=("Desk <a@example.org>", "b@example.org")).send(message)

    assert server.mails[0].recipients == ("a@example.org", "b@example.org")


def test_a_log_in_is_used_and_a_wrong_one_is_final(message: Message) -> None:
    with MailServer(login=("ann", "correct horse")) as server:
        mailer(server, username="ann", password="correct horse").send(message)
        with pytest.raises(DeliveryError) as caught:
            mailer(server, username="ann", password="wrong-battery").send(message)

    assert len(server.mails) == 1
    assert caught.value.permanent
    assert "wrong-battery" not in str(caught.value)


@pytest.mark.parametrize(
    ("script", "permanent", "in_doubt"),
    [
        ("451 4.7.1 greylisted, try later", False, False),
        ("550 5.1.1 no such user", True, False),
        ("data 452 4.3.1 out of space", False, False),
        ("data 554 5.7.1 rejected", True, False),
        ("drop", False, True),
    ],
)
def test_what_an_smtp_answer_means(script: str, permanent: bool, in_doubt: bool, message: Message) -> None:
    with MailServer([script]) as server, pytest.raises(DeliveryError) as caught:
        mailer(server).send(message)

    assert caught.value.permanent is permanent
    assert caught.value.in_doubt is in_doubt


def test_a_mail_server_that_hangs_after_the_body_leaves_the_mail_in_doubt(
    message: Message, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(email, "TIMEOUT_S", 0.3)
    with MailServer(["hang"]) as server, pytest.raises(DeliveryError) as caught:
        mailer(server).send(message)

    assert caught.value.in_doubt
    assert not caught.value.permanent


def test_a_mail_server_that_is_not_there_is_tried_again(message: Message) -> None:
    with socket.create_server(("127.0.0.1", 0)) as reserved:
        port = reserved.getsockname()[1]

    with pytest.raises(DeliveryError) as caught:
        notify.build(settings("email", port=port)).send(message)

    assert (caught.value.permanent, caught.value.in_doubt) == (False, False)


def test_starttls_that_the_server_does_not_offer_is_final_and_nothing_is_sent_in_the_clear(message: Message) -> None:
    with MailServer() as server, pytest.raises(DeliveryError) as caught:
        mailer(server, security="starttls", username="ann", password="correct horse").send(message)

    assert caught.value.permanent
    assert server.mails == []


# -- Slack ------------------------------------------------------------------------------------------------------


def test_slack_gets_blocks_with_a_text_beside_them(message: Message) -> None:
    with HttpServer() as server:
        answer = slack(server).send(message)

    [request] = server.requests
    assert answer == "ok"
    assert request.json["text"].startswith(message.title)
    assert request.json["unfurl_links"] is False
    assert request.json["blocks"][0]["text"]["text"].startswith(":red_circle: [flightwatch] HIGH Moscow")
    words = json.dumps(request.json["blocks"])
    assert "RFF7681" in words
    assert "flightwatch alerts ack 3" in words


@pytest.mark.parametrize(
    ("reply", "permanent", "retry_after", "in_doubt"),
    [
        ("429 Retry-After=30 rate_limited", False, 30.0, False),
        ("500 rollup_error", False, None, False),
        ("503 Retry-After=120 down", False, 120.0, False),
        ("502 bad gateway", False, None, True),
        ("504 gateway time-out", False, None, True),
        ("403 action_prohibited", True, None, False),
        ("404 no_service", True, None, False),
        ("410 channel_is_archived", True, None, False),
        ("302 Location=https://example.org/ moved", True, None, False),
        ("reset", False, None, True),
    ],
)
def test_what_an_answer_of_slack_means(
    reply: str, permanent: bool, retry_after: float | None, in_doubt: bool, message: Message
) -> None:
    with HttpServer([reply]) as server, pytest.raises(DeliveryError) as caught:
        slack(server).send(message)

    assert (caught.value.permanent, caught.value.retry_after, caught.value.in_doubt) == (
        permanent, retry_after, in_doubt,
    )  # fmt: skip
    assert "sEcReT" not in str(caught.value)
    assert len(server.requests) == 1


def test_slack_that_is_not_there_or_hangs(message: Message, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "READ_S", 0.3)
    with HttpServer(["hang"]) as server:
        channel = slack(server)
        with pytest.raises(DeliveryError) as hung:
            channel.send(message)
    with pytest.raises(DeliveryError) as gone:
        channel.send(message)

    assert (hung.value.permanent, hung.value.in_doubt) == (False, True)
    assert (gone.value.permanent, gone.value.in_doubt) == (False, False)
    assert "sEcReT" not in f"{hung.value} {gone.value}"


def test_blocks_that_slack_refuses_are_sent_as_plain_text(message: Message) -> None:
    with HttpServer(["400 invalid_blocks", "200 ok"]) as server:
        slack(server).send(message)

    second = server.requests[1].json
    assert "blocks" not in second
    assert "RFF7681" in second["text"]


def test_a_payload_that_slack_refuses_twice_is_final(message: Message) -> None:
    with HttpServer(default="400 invalid_payload") as server, pytest.raises(DeliveryError) as caught:
        slack(server).send(message)

    assert caught.value.permanent
    assert len(server.requests) == 2


def test_a_huge_message_stays_inside_slacks_limits() -> None:
    flight = {"departed": "2024-12-14 02:15 UTC", "callsign": "X" * 300, "icao24": "152cba", "to": "Y" * 300}
    huge = Message(
        "u", "t", "T" * 4000, "s" * 9000, "high", facts=tuple((f"f{i}", "v" * 2900) for i in range(60)),
        flights=(flight,) * 400, notes=("n" * 3000,) * 50, footer="\n".join(["Do: x" + "y" * 500] * 3),
    )  # fmt: skip

    made = blocks.blocks(tidy(huge))

    texts = [b["text"]["text"] for b in made if "text" in b]
    assert len(made) <= 45
    assert sum(map(len, texts)) <= 12_000
    assert all(len(text) <= 3000 for text in texts)
    assert len(texts[0]) <= 150
    assert any("390 more" in text for text in texts)


# -- webhook ----------------------------------------------------------------------------------------------------


def test_a_webhook_is_signed_and_carries_its_idempotency_key(message: Message) -> None:
    with HttpServer(default="202 taken") as server:
        channel = webhook(server)
        assert channel.send(message) == "202 taken"
        channel.send(message, doubtful=True)

    first, again = server.requests
    assert first.headers["Idempotency-Key"] == again.headers["Idempotency-Key"] == message.uid
    stamp, _, digest = first.headers["X-Flightwatch-Signature"].partition(",v1=")
    signed = stamp.removeprefix("t=").encode() + b"." + first.body
    assert hmac.compare_digest(digest, hmac.new(b"k3y-of-the-desk", signed, hashlib.sha256).hexdigest())
    assert (first.json["may_be_a_repeat"], again.json["may_be_a_repeat"]) == (False, True)
    assert Message.of(first.json) == message  # with its map: webhooks are among the channels it is kept for
    assert "webhook" in notify.WITH_PICTURES


def test_a_webhook_on_a_private_network_must_be_allowed(message: Message) -> None:
    with HttpServer() as server:
        closed = notify.build(settings("webhook", url=f"{server.url}/in", allow_private=False))
        with pytest.raises(DeliveryError, match="private network"):
            closed.send(message)

    assert server.requests == []


def test_http_to_another_machine_is_refused(message: Message) -> None:
    for kind, key in (("slack", "webhook"), ("webhook", "url")):
        channel = notify.build(settings(kind, **{key: "http://example.org/x", "allow_private": False}))
        with pytest.raises(ConfigError, match="https"):
            channel.send(message)


# -- any channel ------------------------------------------------------------------------------------------------


def test_an_unknown_kind_is_a_configuration_error() -> None:
    with pytest.raises(ConfigError, match="pigeon"):
        notify.build(settings("pigeon"))


@pytest.mark.parametrize("broken", ["html", "blocks", "text"])
def test_no_alert_is_lost_to_rendering(
    broken: str, message: Message, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def fails(*_: object, **__: object) -> str:
        raise ValueError("broken template")

    monkeypatch.setattr(email, "html", fails)
    if broken == "blocks":
        monkeypatch.setattr(blocks, "blocks", fails)
    if broken == "text":
        monkeypatch.setattr(email.text, "plain", fails)
        monkeypatch.setattr(blocks, "blocks", fails)
    with MailServer() as mails, HttpServer() as posts, caplog.at_level(logging.ERROR):
        mailer(mails).send(message)
        slack(posts).send(message)

    assert "Moscow and Minsk to Benghazi" in mails.mails[0].message["Subject"]
    assert "Moscow and Minsk to Benghazi" in posts.taken[0].json["text"]
    assert "rendering" in caplog.text


class Page(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: list[tuple[str, str | None]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes += attrs


def test_the_html_has_no_remote_content_and_only_inline_style(message: Message) -> None:
    page = Page()
    page.feed(html.html(message, picture="map@x"))

    assert not page.tags & {"script", "link", "style", "iframe", "form", "object", "video"}
    sources = [value for name, value in page.attributes if name in ("src", "background")]
    assert sources == ["cid:map@x"]
    links = [value or "" for name, value in page.attributes if name == "href"]
    assert all(link.startswith("https://") for link in links)


def test_a_channel_never_shows_its_secret_in_its_repr() -> None:
    for kind, values in (
        ("email", {"password": "s3cret-pass"}),
        ("slack", {"webhook": "https://hooks.slack.com/services/T/B/s3cret-pass"}),
        ("webhook", {"url": "https://x/", "key": "s3cret-pass"}),
    ):
        assert "s3cret-pass" not in repr(notify.build(settings(kind, **values)))
