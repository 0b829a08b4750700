"""Mail over SMTP: text, HTML and the map inline, one thread per episode."""

from __future__ import annotations

import logging
import smtplib
import socket
import ssl
from contextlib import suppress
from dataclasses import dataclass
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import formatdate, getaddresses, parseaddr
from typing import Any

from flightwatch.errors import DeliveryError
from flightwatch.notify import text
from flightwatch.notify.clean import clean, tidy
from flightwatch.notify.html import html
from flightwatch.redact import redact
from flightwatch.telling import Message

log = logging.getLogger("flightwatch.notify")

TIMEOUT_S = 15.0
"""For each step of the conversation; a server that hangs costs one try, not the channel."""
PORTS = {"starttls": 587, "tls": 465, "none": 25}  # RFC 6409, RFC 8314, RFC 5321


class Email:
    """`send` hands one mail to the configured server for all recipients."""

    spacing_s = 0.0

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        self.name = str(settings.name)

    def __repr__(self) -> str:
        return f"Email({self.name!r})"

    def send(self, message: Message, *, doubtful: bool = False) -> str:
        """The server's answer. DeliveryError says whether to try again, and whether the mail may have arrived."""
        to = [address for _, address in getaddresses(list(self.settings.recipients)) if address]
        mail = compose(message, Envelope(self.settings.sender, tuple(to), self.name, doubtful))
        what = f"channel {self.name}"
        secrets = (self._password(),)
        server = None
        handed_over = False
        try:
            server = self._connect()
            refused = _envelope(server, parseaddr(self.settings.sender)[1], to)
            code, answer = _start_data(server)
            if code == 354:
                handed_over = True
                code, answer = _finish_data(server, mail.as_bytes(policy=SMTP))
            if code != 250:
                raise smtplib.SMTPDataError(code, answer)
            left = f"; refused: {', '.join(sorted(refused))}" if refused else ""
            return redact(f"{code} {answer.decode('utf-8', 'replace')}{left}", secrets)[:300]
        except smtplib.SMTPException as error:
            raise _failed(error, what, handed_over, secrets) from None
        except OSError as error:  # refused, reset, time-out, TLS
            where = f"{self.settings.host}:{self.settings.port}"
            said = redact(error.strerror or str(error) or type(error).__name__, secrets)[:200]
            raise DeliveryError(f"{what}: {where}: {said}", in_doubt=handed_over) from None
        finally:
            if server is not None:
                with suppress(smtplib.SMTPException, OSError):
                    server.quit()

    def _password(self) -> str:
        return str(self.settings.secret("password") or "") if self.settings.username else ""

    def _connect(self) -> smtplib.SMTP:
        settings = self.settings
        port = settings.port or PORTS[settings.security]
        if settings.security == "tls":
            server: smtplib.SMTP = smtplib.SMTP_SSL(
                settings.host, port, timeout=TIMEOUT_S, context=ssl.create_default_context()
            )
        else:
            server = smtplib.SMTP(settings.host, port, timeout=TIMEOUT_S)
        try:
            server.ehlo_or_helo_if_needed()
            if settings.security == "starttls":
                server.starttls(context=ssl.create_default_context())
                server.ehlo()
            if settings.username:
                server.login(settings.username, self._password())
        except BaseException:
            server.close()
            raise
        return server


def _envelope(server: smtplib.SMTP, sender: str, to: list[str]) -> dict[str, tuple[int, bytes]]:
    """MAIL and RCPT; returns the refused recipients, or raises if all were refused."""
    code, answer = server.mail(sender)
    if code != 250:
        raise smtplib.SMTPSenderRefused(code, answer, sender)
    refused = {}
    for address in to:
        code, answer = server.rcpt(address)
        if code not in (250, 251):
            refused[address] = (code, answer)
    if len(refused) == len(to):
        raise smtplib.SMTPRecipientsRefused(refused)
    return refused


def _start_data(server: smtplib.SMTP) -> tuple[int, bytes]:
    server.putcmd("data")
    return server.getreply()


def _finish_data(server: smtplib.SMTP, body: bytes) -> tuple[int, bytes]:
    """From here until the answer, nobody knows whether the mail was accepted."""
    stuffed = b"\r\n".join(b"." + line if line.startswith(b".") else line for line in body.split(b"\r\n"))
    server.send(stuffed.removesuffix(b"\r\n") + b"\r\n.\r\n")
    return server.getreply()


def _failed(error: smtplib.SMTPException, what: str, handed_over: bool, secrets: tuple[str, ...]) -> DeliveryError:
    """4xx and lost connections are tried again, 5xx are final (RFC 5321 §4.2.1)."""
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        codes = [code for code, _ in error.recipients.values()]
        said = "; ".join(f"{address}: {code} {_words(a)}" for address, (code, a) in error.recipients.items())
        return DeliveryError(f"{what}: {redact(said, secrets)[:300]}", permanent=all(c >= 500 for c in codes))
    if isinstance(error, smtplib.SMTPResponseException):
        said = redact(f"{error.smtp_code} {_words(error.smtp_error)}", secrets)[:300]
        return DeliveryError(f"{what}: {said}", permanent=error.smtp_code >= 500)
    permanent = isinstance(error, smtplib.SMTPNotSupportedError)
    said = redact(f"{type(error).__name__}: {error}", secrets)[:300]
    return DeliveryError(f"{what}: {said}", permanent=permanent, in_doubt=handed_over)


def _words(answer: bytes | str) -> str:
    text_ = answer.decode("utf-8", "replace") if isinstance(answer, bytes) else answer
    return " ".join(text_.split())


@dataclass(frozen=True)
class Envelope:
    """Sender and recipients, and what the mail says about the try itself."""

    sender: str
    to: tuple[str, ...]
    channel: str = "email"
    doubtful: bool = False


def compose(message: Message, envelope: Envelope) -> EmailMessage:
    """The mail. A rendering failure costs the HTML, or the text apart from the title, never the mail."""
    doubtful = envelope.doubtful
    try:
        return _mail(tidy(message), envelope)
    except Exception:
        log.exception("rendering the mail failed, sent as plain text")
    try:
        return _headed(tidy(message), envelope, text.plain(tidy(message), doubtful=doubtful))
    except Exception:
        log.exception("rendering as plain text failed, only the title is sent")
    title = str(message.title).encode("ascii", "replace").decode()
    bare = Message(clean(str(message.uid)), clean(str(message.thread)), title, "", "info")
    return _headed(bare, envelope, f"{title}\n\nThe rest of this message could not be written.\n")


def _mail(message: Message, envelope: Envelope) -> EmailMessage:
    doubtful = envelope.doubtful
    mail = _headed(message, envelope, text.plain(message, doubtful=doubtful))
    cid = f"map.{_token(message.uid)}@{_host(envelope.sender)}" if message.picture else ""
    mail.add_alternative(html(message, doubtful=doubtful, picture=cid), subtype="html", cte="quoted-printable")
    if message.picture:
        *_, page = mail.iter_parts()
        page.add_related(message.picture, "image", "png", cid=f"<{cid}>", disposition="inline", filename="map.png")
    return mail


def _headed(message: Message, envelope: Envelope, body: str) -> EmailMessage:
    """RFC 5322 headers: the same Message-ID on every try, and one thread per episode under a root message that was
    never sent."""
    sender, channel, host = envelope.sender, envelope.channel, _host(envelope.sender)
    mail = EmailMessage(policy=SMTP)
    mail["Subject"] = clean(text.title(message, envelope.doubtful), 200)
    mail["From"] = clean(sender if "<" in sender else f"flightwatch <{sender}>", 300)
    mail["To"] = ", ".join(clean(address, 300) for address in envelope.to)
    mail["Date"] = formatdate()
    mail["Message-ID"] = f"<{_token(message.uid)}.{_token(channel)}@{host}>"
    root = f"<{_token(message.thread or message.uid)}.{_token(channel)}.thread@{host}>"
    mail["References"] = root
    mail["In-Reply-To"] = root
    mail["Auto-Submitted"] = "auto-generated"  # RFC 3834: no out-of-office answers
    mail["X-Flightwatch-Alert"] = clean(message.uid)
    mail["X-Flightwatch-Severity"] = clean(message.severity)
    mail.set_content(body, cte="quoted-printable")
    return mail


def _host(sender: str) -> str:
    host = clean(parseaddr(sender)[1]).rpartition("@")[2]
    return "".join(c for c in host if c.isalnum() or c in ".-") or socket.gethostname()


def _token(value: str) -> str:
    """The text as a Message-ID may contain it (RFC 5322 §3.2.3, dot-atom)."""
    return "".join(c if c.isalnum() or c in "-_" else "-" for c in clean(value))[:100] or "message"
