"""HTTP servers for this machine only: the daemon's metrics, the demo's feed."""

from __future__ import annotations

from collections.abc import Callable
from http.server import BaseHTTPRequestHandler
from typing import Any

LOOPBACK = "127.0.0.1"


def answering(
    answer: Callable[[str, str], tuple[int, str, bytes]], *, keep: bool = False
) -> type[BaseHTTPRequestHandler]:
    """A handler for GETs: `answer` returns status, content type and body for a path and a User-Agent; nothing is
    logged.

    With `keep`, a connection serves many requests: most of the time of a short one is the handshake.
    """

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1" if keep else "HTTP/1.0"
        disable_nagle_algorithm = True  # with it, head and body wait 40 ms for each other
        timeout = 60 if keep else 10

        def do_GET(self) -> None:
            status, kind, body = answer(self.path, self.headers.get("User-Agent", ""))
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, format: str, *args: Any) -> None:
            """A request every few seconds is not worth logging."""

    return Handler
