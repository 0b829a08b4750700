"""A real SMTP server on loopback that keeps what it gets and answers as told.

    with MailServer() as server:
        ... send to server.host, server.port ...
    server.mails[0].message["Subject"]

`script` holds answers for the next attempts, one each; when it is used up, `default` is the answer:

    ok                              takes the mail
    451 4.7.1 greylisted            any line that begins with a digit, given at RCPT
    data 554 5.7.1 rejected         given after the body
    drop                            takes the mail, then cuts the connection without an answer
    hang                            takes the mail and never answers
    stall                           stops answering before anything is sent
"""

from __future__ import annotations

import asyncio
import email
import email.policy
import logging
import ssl
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import SMTP, AuthResult

logging.getLogger("mail.log").propagate = False  # its thread outlives the streams that commands under test log to


@dataclass(frozen=True)
class Mail:
    """One mail as taken."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes

    @property
    def message(self) -> EmailMessage:
        return email.message_from_bytes(self.content, policy=email.policy.default)  # type: ignore[return-value]


class MailServer:
    """Use as a context manager; `mails` are those answered with 250 or taken and then dropped."""

    def __init__(
        self,
        script: Iterable[str] = (),
        *,
        default: str = "ok",
        port: int = 0,
        login: tuple[str, str] | None = None,
        tls: ssl.SSLContext | None = None,
        on_mail: Callable[[Mail], None] | None = None,
    ) -> None:
        self.script, self.default = deque(script), default
        self.mails: list[Mail] = []
        self.attempts = 0
        self.login, self.tls, self.on_mail = login, tls, on_mail
        self.host, self.port = "127.0.0.1", port
        self._answer = default
        self._controller: Controller | None = None

    def __enter__(self) -> MailServer:
        options: dict[str, Any] = {"decode_data": False, "enable_SMTPUTF8": False}
        if self.login:
            options |= {"authenticator": self._authenticate, "auth_require_tls": False, "auth_required": True}
        if self.tls:
            options |= {"tls_context": self.tls}
        self._controller = _Controller(self, hostname=self.host, port=self.port, **options)
        self._controller.start()
        self.port = self._controller.server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        return self

    def __exit__(self, *_: object) -> None:
        if self._controller is not None:
            self._controller.stop(no_assert=True)

    def _authenticate(self, _server: object, _session: object, _envelope: object, _how: str, data: Any) -> AuthResult:
        assert self.login is not None
        right = (data.login.decode(), data.password.decode()) == self.login
        return AuthResult(success=right, handled=right)

    async def handle_MAIL(self, _server: SMTP, _session: Any, envelope: Any, address: str, options: list[str]) -> str:
        self.attempts += 1
        self._answer = self.script.popleft() if self.script else self.default
        if self._answer == "stall":
            await asyncio.sleep(3600)
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return "250 OK"

    async def handle_RCPT(self, _server: SMTP, _session: Any, envelope: Any, address: str, _options: list[str]) -> str:
        if self._answer[:1].isdigit():
            return self._answer
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Any, envelope: Any) -> str:
        if self._answer.startswith("data "):
            return self._answer.removeprefix("data ")
        mail = Mail(envelope.mail_from, tuple(envelope.rcpt_tos), envelope.content)
        self.mails.append(mail)
        if self.on_mail:
            self.on_mail(mail)
        if self._answer == "drop":
            server.transport.abort()  # type: ignore[union-attr]
        if self._answer == "hang":
            await asyncio.sleep(3600)
        return "250 2.0.0 taken"


class _Controller(Controller):
    """On any free port: the base class connects to itself to check that it is up, and needs to know where."""

    def _trigger_server(self) -> None:
        self.port = self.server.sockets[0].getsockname()[1]  # type: ignore[union-attr]
        super()._trigger_server()
