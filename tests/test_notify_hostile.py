"""Hostile names and secrets in every field: nothing active gets out, no secret gets anywhere."""

from __future__ import annotations

import io
import logging
import random
import re
import traceback
from contextlib import suppress
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default
from html.parser import HTMLParser
from typing import Any

import pytest
from rich.console import Console
from rich.text import Text

from flightwatch import notify, redact
from flightwatch.errors import DeliveryError
from flightwatch.notify import email, http
from flightwatch.notify.clean import clean, line, tidy
from flightwatch.notify.html import html
from flightwatch.notify.slack import bare, rich
from flightwatch.notify.text import plain
from flightwatch.telling import Message
from tests.fakes.http import HttpServer
from tests.fakes.smtp import MailServer
from tests.test_notify_send import settings

NASTY = (
    "\r\n", "\n", "\r", "\x00", "\x0b", "\x0c", "\x1b[31m", "\x1b]0;owned\x07", "\x9b2J", "\u0085", "\u2028", "\u202e",
    "\ud800", "\udfff", "=?utf-8?q?x=0D=0ABcc:_evil=40x?=", "=?utf-8?b?DQpCY2M6IHg=?=", "\r\nBcc: evil@x\r\n",
    "<!channel>",
    "<!here>", "<@U012AB3CD>", "<#C012AB3CD>", "<https://evil.example|click>", "<script>alert(1)</script>",
    "<img src=x onerror=alert(1)>", '" onmouseover="alert(1)', "javascript:alert(1)", "</title><svg/onload=alert(1)>",
    "{{7*7}}", "{% raw %}", "%s%n", "&amp;", "&", "<", ">", "|", "`", "```", "'", '"', "*_~", "=HYPERLINK(1)", "cid:x",
    "Бенгази", "مطار بنينا", "Kraków", "🛩", "a" * 300, " ", "", ".", "--", "RA-76842", "[bold]x[/bold]", "\\", "\t",
)  # fmt: skip


def names(seed: int, count: int) -> list[str]:
    rng = random.Random(seed)
    out = []
    for _ in range(count):
        parts = rng.choices(NASTY, k=rng.randint(1, 4))
        if rng.random() < 0.3:
            parts.append("".join(chr(rng.choice((rng.randrange(32), rng.randrange(0x2FFF)))) for _ in range(8)))
        out.append("".join(parts))
    return out


KEYS = ("departed", "callsign", "registration", "typecode", "icao24", "from", "to", "leg", "counted", "doubt", "link")


def messages(seed: int, count: int) -> list[Message]:
    """Messages with `count` hostile names in total, about a hundred each."""
    pool = names(seed, count)
    out = []
    while pool:
        take = iter([pool.pop() if pool else "" for _ in range(130)])
        out.append(
            Message(
                uid=next(take), thread=next(take), title=next(take), summary=next(take), severity=next(take),
                facts=tuple((next(take), next(take)) for _ in range(4)),
                flights=tuple({key: next(take) for key in KEYS} for _ in range(10)),
                notes=tuple(next(take) for _ in range(3)), footer=f"{next(take)}: {next(take)}\n{next(take)}",
                picture=b"\x89PNG" if seed % 2 else None,
            )
        )  # fmt: skip
    return out


HEADERS = {
    "subject", "from", "to", "date", "message-id", "references", "in-reply-to", "auto-submitted",
    "x-flightwatch-alert", "x-flightwatch-severity", "content-type", "content-transfer-encoding", "mime-version",
}  # fmt: skip
ENVELOPE = email.Envelope("watch@example.org", ("desk@example.org",))


def test_ten_thousand_names_in_mail_headers_inject_nothing_and_lose_nothing() -> None:
    pool = iter(names(17, 10_000))
    for uid, thread, title, severity in zip(pool, pool, pool, pool, strict=True):
        mail = email._headed(tidy(Message(uid, thread, title, "", severity)), ENVELOPE, "body\n")
        raw = mail.as_bytes(policy=SMTP)

        head = raw.split(b"\r\n\r\n", 1)[0]
        assert {part.split(b":", 1)[0].decode().lower() for part in re.split(rb"\r\n(?![ \t])", head)} <= HEADERS
        assert b"evil@x" not in b"".join(x for x in head.split(b"\r\n") if x.lower().startswith((b"bcc", b"to", b"cc")))
        got = message_from_bytes(raw, policy=default)
        assert "bcc" not in got
        assert got["to"] == "desk@example.org"


def test_ten_thousand_names_in_whole_mails_lose_none(caplog: pytest.LogCaptureFixture) -> None:
    for message in messages(1, 10_000):
        mail: EmailMessage = email.compose(message, ENVELOPE)

        got = message_from_bytes(mail.as_bytes(policy=SMTP), policy=default)
        assert {key.lower() for key in got} <= HEADERS
        assert {part.get_content_type() for part in got.walk()} >= {"text/plain", "text/html"}
    assert "rendering" not in caplog.text


class Active(HTMLParser):
    """Everything active in a page."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        allowed = {"html", "head", "meta", "title", "body", "div", "p", "img", "table", "tr", "td", "strong", "span",
                   "a", "ul", "li", "code"}  # fmt: skip
        if tag not in allowed:
            self.found.append(tag)
        for name, value in attrs:
            right = {"src": ("cid:",), "href": ("https://", "http://")}.get(name)
            if name.startswith("on") or (right and not (value or "").startswith(right)):
                self.found.append(f"{tag} {name}={value}")

    def handle_comment(self, data: str) -> None:
        self.found.append(f"comment {data}")


def test_ten_thousand_names_in_html_leave_no_active_element() -> None:
    for message in messages(2, 10_000):
        page = Active()
        page.feed(html(tidy(message), picture="map@x"))

        assert page.found == []


CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
OURS = re.compile(r"<https?://[^<>|\s]+\|track>")


def texts(value: Any) -> list[str]:
    if isinstance(value, dict):
        return [text for inner in value.values() for text in texts(inner)]
    if isinstance(value, list):
        return [text for inner in value for text in texts(inner)]
    return [value] if isinstance(value, str) else []


def test_ten_thousand_names_in_slack_leave_no_mention_and_no_foreign_link(caplog: pytest.LogCaptureFixture) -> None:
    for message in messages(3, 10_000):
        for payload in (rich(message, True), bare(message, False)):
            for text in texts(payload):
                assert not re.search(r"[<>]", OURS.sub("", text)), text
                assert not CONTROL.search(text)
        payload = rich(message, False)
        assert len(payload["blocks"]) <= 45
        for block in payload["blocks"]:
            for element in (block.get("text"), *block.get("elements", ())):
                assert element is None or element["type"] == "plain_text" or element["verbatim"]
                assert element is None or len(element["text"]) <= 3000
    assert "rendering" not in caplog.text


def test_ten_thousand_names_in_a_terminal_move_no_cursor() -> None:
    for message in messages(4, 10_000):
        screen = io.StringIO()
        console = Console(file=screen, force_terminal=True, color_system=None, width=100)
        console.print(Text(plain(tidy(message))))

        assert not CONTROL.search(screen.getvalue())
    assert not any(CONTROL.search(clean(name) + line(name)) for name in names(5, 10_000))


def test_ten_thousand_names_in_a_log_forge_no_line() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(redact.RedactingFilter())
    logger = logging.getLogger("test.hostile")
    logger.addHandler(handler)
    logger.propagate = False

    for name in names(6, 10_000):
        logger.warning("route %s", name)

    written = stream.getvalue().removesuffix("\n").split("\n")
    assert len(written) == 10_000
    assert all(text.startswith("route ") and not CONTROL.search(text) for text in written)


# -- secrets ----------------------------------------------------------------------------------------------------

CANARY = {
    "webhook": "cAnArYwEbHoOk42", "token": "t0k3ncAnArY43", "key": "kEycAnArY44", "password": "pAsScAnArY45 &/?=",
    "url": "uRlcAnArY46",
}  # fmt: skip


@pytest.fixture
def heard() -> Any:
    """Everything that any logger says at DEBUG, through the filter, with tracebacks."""
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))
    root = logging.getLogger()
    level, quiet = root.level, {name: logging.getLogger(name).level for name in redact.LOUD}
    root.addHandler(handler)
    root.setLevel(logging.DEBUG)
    redact.install([f"https://example.org/hook/{CANARY['url']}", *CANARY.values()])
    for name in redact.LOUD:
        logging.getLogger(name).setLevel(logging.DEBUG)
    yield stream
    root.removeHandler(handler)
    root.setLevel(level)
    for name, old in quiet.items():
        logging.getLogger(name).setLevel(old)


REPLIES = (
    "200 ok",
    "500 x",
    "404 no",
    "429 Retry-After=1 x",
    "reset",
    "hang",
    "302 Location=/x y",
    "400 invalid_blocks",
)


def test_no_secret_reaches_a_log_an_error_or_an_answer(heard: io.StringIO, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(http, "READ_S", 0.1)
    monkeypatch.setattr(email, "TIMEOUT_S", 0.2)
    message, said = Message("u", "t", "title", "summary", "info"), []

    def echo(request: Any) -> Any:
        reply = replies.pop(0)
        if reply[0] not in "245":
            return reply
        status, headers, _ = (int(reply[:3]), {}, b"")
        return status, headers, f"{request.path} {dict(request.headers)} {request.body!r}".encode()

    for kind, path in (("slack", f"/services/T0/B0/{CANARY['webhook']}"), ("webhook", f"/hook/{CANARY['url']}")):
        replies = [*REPLIES, *REPLIES]
        with HttpServer(answer=echo, hang_s=0.2) as server:
            values = {"webhook": server.url + path, "url": server.url + path, "key": CANARY["key"]}
            channel = notify.build(settings(kind, allow_private=True, **values))
            for _ in REPLIES:
                said.append(tried(channel, message))
        said.append(tried(channel, message))  # nobody there
    for script in ("ok", "451 later", "550 no", "drop", "hang", "stall", "data 554 no"):
        with MailServer([script], login=("ann", CANARY["password"])) as server:
            channel = notify.build(settings("email", port=server.port, username="ann", password=CANARY["password"]))
            said.append(tried(channel, message))
            said.append(
                tried(
                    notify.build(settings("email", port=server.port, username="bob", password=CANARY["password"])),
                    message,
                )
            )

    everything = heard.getvalue() + "\n".join(said)
    assert len(everything) > 3000
    for name, secret in CANARY.items():
        assert secret not in everything, name
        assert secret.split(" ")[0] not in everything, name


def tried(channel: notify.Channel, message: Message) -> str:
    """What a failed or good send leaves behind: the answer, or the error with its traceback."""
    try:
        return channel.send(message) + repr(channel)
    except DeliveryError as error:
        logging.getLogger("flightwatch").exception("send failed")
        return f"{error!r} {error} {''.join(traceback.format_exception(error))}"


@pytest.mark.parametrize(
    ("text", "gone"),
    [
        ("POST https://hooks.slack.com/services/T01/B02/abcDEF123456 200", "abcDEF123456"),
        ("Max retries exceeded with url: /services/T01/B02/abcDEF123456 (Caused by x)", "abcDEF123456"),
        ("postgresql+psycopg://fw:hunter22secret@db.example/fw", "hunter22secret"),
        ("GET /v2?apiKey=abcdef0123 HTTP/1.1", "abcdef0123"),
        ("{'Authorization': 'Bearer abc.def.ghi'}", "abc.def.ghi"),
        ("Authorization: Basic YW5uOnNlY3JldA==", "YW5uOnNlY3JldA"),
        ("api-auth: 0123456789abcdef", "0123456789abcdef"),
        ("token xoxb-1234567890-abcdefghij is bad", "xoxb-1234567890"),
        ("client_secret=s3cr3tvalue&grant_type=client_credentials", "s3cr3tvalue"),
    ],
)
def test_secrets_are_known_by_their_shape(text: str, gone: str) -> None:
    assert gone not in redact.redact(f" {text}")
    assert gone not in redact.redact(text)


def test_ordinary_words_stay_as_they_are() -> None:
    for text in (
        "3 flights in 7 days (usual 0.1)", "https://globe.adsbexchange.com/?icao=152cba&showTrace=2024-12-14",
        "basic data of route key figures", "sqlite:///flightwatch.db", "see https://example.org/a:b/c@d",
    ):  # fmt: skip
        assert redact.redact(text) == text


def test_a_traceback_and_wrong_log_arguments_are_guarded_too() -> None:
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    handler.addFilter(redact.RedactingFilter(["s3cret-value"]))
    logger = logging.getLogger("test.traceback")
    logger.addHandler(handler)
    logger.propagate = False

    with suppress(ValueError):
        try:
            raise ValueError("s3cret-value in the text")
        except ValueError:
            logger.exception("it failed", stack_info=True)
            raise
    logger.warning("%d flights", "s3cret-value")

    assert "s3cret-value" not in stream.getvalue()
    assert "ValueError: *** in the text" in stream.getvalue()
    assert "log arguments do not fit" in stream.getvalue()
