"""Answers over HTTP to this machine alone: the daemon's metrics, the demo's feed."""

from __future__ import annotations

from http.server import BaseHTTPRequestHandler
from typing import Any

LOOPBACK = "127.0.0.1"


class Answering(BaseHTTPRequestHandler):
    """`answer` gives the status, content type and body of a GET for `self.path`; nothing is logged."""

    timeout = 10

    def answer(self) -> tuple[int, str, bytes]:
        raise NotImplementedError

    def do_GET(self) -> None:
        status, kind, body = self.answer()
        self.send_response(status)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        """A request every few seconds is no news."""
