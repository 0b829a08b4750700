"""The demo's mail server and Slack endpoint keep exactly what they are sent."""

from __future__ import annotations

import smtplib
from email.message import EmailMessage

import pytest
import requests

from flightwatch.demo.sinks import MailSink, SlackSink


def mail(text: str = "two flights") -> EmailMessage:
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "fw@example.org", "desk@example.org", "Unusual: Benghazi"
    message.set_content(text)
    return message


def test_a_mail_is_kept_with_its_envelope() -> None:
    with MailSink() as sink:
        with smtplib.SMTP("127.0.0.1", sink.port, timeout=5) as client:
            client.send_message(mail(), to_addrs=["desk@example.org", "night@example.org"])

        [kept] = sink.messages
    assert kept.sender == "fw@example.org"
    assert kept.recipients == ("desk@example.org", "night@example.org")
    assert kept.message["Subject"] == "Unusual: Benghazi"
    assert kept.message.get_content().strip() == "two flights"


def test_lines_that_begin_with_a_dot_come_through() -> None:
    with MailSink() as sink:
        with smtplib.SMTP("127.0.0.1", sink.port, timeout=5) as client:
            client.send_message(mail("first\n.\n..second\n.third"))

        text = sink.messages[0].message.get_content()
    assert text.splitlines() == ["first", ".", "..second", ".third"]


def test_two_mails_over_one_connection_are_two() -> None:
    with MailSink() as sink:
        with smtplib.SMTP("127.0.0.1", sink.port, timeout=5) as client:
            client.send_message(mail("one"))
            client.send_message(mail("two"))

        assert [m.message.get_content().strip() for m in sink.messages] == ["one", "two"]


def test_a_mail_without_recipient_is_refused() -> None:
    with MailSink() as sink, smtplib.SMTP("127.0.0.1", sink.port, timeout=5) as client:
        client.ehlo()
        client.mail("fw@example.org")
        assert client.docmd("DATA")[0] == 503
        assert client.docmd("VRFY", "desk")[0] == 502
        assert sink.messages == []


def test_a_post_is_kept_and_answered_as_slack_does() -> None:
    with SlackSink() as sink:
        answer = requests.post(sink.url, json={"text": "Il-76s to Benghazi", "blocks": []}, timeout=5)

        assert (answer.status_code, answer.text) == (200, "ok")
        assert sink.messages == [{"text": "Il-76s to Benghazi", "blocks": []}]


@pytest.mark.parametrize(("body", "says"), [(b"{", "invalid_payload"), (b"[]", "no_text"), (b'{"a": 1}', "no_text")])
def test_a_post_slack_would_refuse_is_refused(body: bytes, says: str) -> None:
    with SlackSink() as sink:
        answer = requests.post(sink.url, data=body, timeout=5)

        assert (answer.status_code, answer.text) == (400, says)
        assert sink.messages == []


def test_a_post_to_another_path_is_not_found() -> None:
    with SlackSink() as sink:
        assert requests.post(f"http://127.0.0.1:{sink.port}/", json={"text": "x"}, timeout=5).status_code == 404
