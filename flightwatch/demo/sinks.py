"""A local mail server and a local Slack endpoint that keep what they receive."""

from __future__ import annotations

import email
import email.policy
import json
import socketserver
import threading
from dataclasses import dataclass
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any, Self

from flightwatch.loopback import LOOPBACK

MAX_LINE = 1000  # octets of a line with its CRLF, RFC 5321 §4.5.3.1.6
MAX_BODY = 10_000_000


class Sink:
    """A server on a free loopback port, in a thread, for the duration of a `with` block."""

    def __init__(self, server: socketserver.TCPServer) -> None:
        self._server = server
        self._thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)

    @property
    def port(self) -> int:
        """The port it listens on."""
        return int(self._server.socket.getsockname()[1])

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()


@dataclass(frozen=True)
class Mail:
    """One message as received: envelope and bytes."""

    sender: str
    recipients: tuple[str, ...]
    raw: bytes

    @property
    def message(self) -> EmailMessage:
        """The message, parsed."""
        parsed = email.message_from_bytes(self.raw, policy=email.policy.default)
        assert isinstance(parsed, EmailMessage)
        return parsed


class _Threading(socketserver.ThreadingTCPServer):
    allow_reuse_address = True
    daemon_threads = True


class MailSink(Sink):
    """A small ESMTP server (RFC 5321: EHLO, HELO, MAIL, RCPT, DATA, RSET, NOOP, QUIT) that keeps every message."""

    def __init__(self) -> None:
        self.messages: list[Mail] = []
        kept = self.messages

        class Session(_SmtpSession):
            messages = kept

        super().__init__(_Threading((LOOPBACK, 0), Session))


class _SmtpSession(socketserver.StreamRequestHandler):
    messages: list[Mail]
    timeout = 30

    sender: str | None
    recipients: list[str]

    def handle(self) -> None:
        self._reset()
        self._say("220 localhost flightwatch demo")
        while line := self.rfile.readline(MAX_LINE):
            verb, _, rest = line.decode("utf-8", "replace").strip().partition(" ")
            if verb.upper() == "QUIT":
                self._say("221 bye")
                return
            self._answer(verb.upper(), rest)

    def _answer(self, verb: str, rest: str) -> None:
        if verb in ("EHLO", "HELO"):
            self._reset()
            self._say(
                "250-localhost\r\n250-8BITMIME\r\n250-SMTPUTF8\r\n250 SIZE 10000000"
                if verb == "EHLO"
                else "250 localhost"
            )
        elif verb == "MAIL" and rest.upper().startswith("FROM:"):
            self._reset()
            self.sender = _address(rest)
            self._say("250 ok")
        elif verb == "RCPT" and rest.upper().startswith("TO:") and self.sender is not None:
            self.recipients.append(_address(rest))
            self._say("250 ok")
        elif verb == "DATA" and self.recipients:
            self._data()
        elif verb in ("RSET", "NOOP"):
            if verb == "RSET":
                self._reset()
            self._say("250 ok")
        else:
            self._say("503 out of order" if verb in ("RCPT", "DATA") else "502 not implemented")

    def _data(self) -> None:
        self._say("354 end with a line of one dot")
        lines, size = [], 0
        while (line := self.rfile.readline(MAX_BODY)) not in (b".\r\n", b".\n", b""):
            lines.append(line[1:] if line.startswith(b".") else line)  # dots are doubled in transit: RFC 5321 §4.5.2
            size += len(line)
        if size > MAX_BODY:
            self._say("552 too big")
        else:
            self.messages.append(Mail(self.sender or "", tuple(self.recipients), b"".join(lines)))
            self._say("250 kept")
        self._reset()

    def _reset(self) -> None:
        self.sender = None
        self.recipients = []

    def _say(self, text: str) -> None:
        self.wfile.write(text.encode() + b"\r\n")


def _address(text: str) -> str:
    """The address in `FROM:<a@b> SIZE=10`."""
    return text.partition(":")[2].strip().partition(" ")[0].strip("<>")


class SlackSink(Sink):
    """An incoming webhook like Slack's: accepts a JSON object with text or blocks, answers `ok`."""

    def __init__(self) -> None:
        self.messages: list[dict[str, Any]] = []
        kept = self.messages

        class Hook(_Hook):
            messages = kept

        super().__init__(ThreadingHTTPServer((LOOPBACK, 0), Hook))

    @property
    def url(self) -> str:
        """Where to post; the path has the form of a real one."""
        return f"http://{LOOPBACK}:{self.port}/services/T00000000/B00000000/demo"


class _Hook(BaseHTTPRequestHandler):
    messages: list[dict[str, Any]]
    protocol_version = "HTTP/1.1"
    timeout = 30

    def do_POST(self) -> None:
        body = self.rfile.read(min(int(self.headers.get("Content-Length") or 0), MAX_BODY))
        if not self.path.startswith("/services/"):
            return self._say(404, "no_service")
        try:
            message = json.loads(body)
        except ValueError:
            return self._say(400, "invalid_payload")
        if not isinstance(message, dict) or not ("text" in message or "blocks" in message):
            return self._say(400, "no_text")
        self.messages.append(message)
        return self._say(200, "ok")

    def _say(self, status: int, text: str) -> None:
        body = text.encode()
        self.send_response(status)
        self.send_header("Content-Type", "text/html")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """Logs nothing: the demo's output is for people."""
