"""A real HTTP server on loopback that keeps what it gets and answers as told: Slack, a webhook, any provider.

    with HttpServer(["429 retry-after=30", "200 ok"]) as server:
        ... post to server.url + "/services/T0/B0/secret" ...
    server.requests[0].json

`script` holds answers for the next requests, one each: "STATUS [header=value ...] body", "hang" (never answers within
`hang_s`), "reset" (cuts the connection after reading the request), "taken-reset" (keeps the request as taken, then
cuts). `answer`, when given, decides from the request instead. Requests answered 2xx, or taken, are in `taken`.
"""

from __future__ import annotations

import contextlib
import json
import socket
import struct
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any


@dataclass(frozen=True)
class Request:
    """One request as received."""

    method: str
    path: str
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class HttpServer:
    """Use as a context manager; `url` is its root without a slash at the end."""

    def __init__(
        self,
        script: Iterable[str] = (),
        *,
        default: str = "200 ok",
        answer: Callable[[Request], str | tuple[int, dict[str, str], bytes]] | None = None,
        hang_s: float = 30.0,
        port: int = 0,
    ) -> None:
        self.script, self.default, self.answer, self.hang_s = deque(script), default, answer, hang_s
        self.requests: list[Request] = []
        self.taken: list[Request] = []
        self._lock = threading.Lock()
        self._released = threading.Event()
        self._server = ThreadingHTTPServer(("127.0.0.1", port), self._handler())
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def port(self) -> int:
        return int(self._server.server_address[1])

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def __enter__(self) -> HttpServer:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._released.set()
        self._server.shutdown()
        self._server.server_close()

    def _reply(self, request: Request) -> str | tuple[int, dict[str, str], bytes]:
        with self._lock:
            self.requests.append(request)
            if self.answer is not None:
                reply = self.answer(request)
            else:
                reply = self.script.popleft() if self.script else self.default
            status = reply[0] if isinstance(reply, tuple) else reply.split(" ", 1)[0]
            if str(status).startswith("2") or status == "taken-reset":
                self.taken.append(request)
            return reply

    def _handler(self) -> type[BaseHTTPRequestHandler]:
        fake = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def _serve(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                request = Request(self.command, self.path, dict(self.headers.items()), body)
                reply = fake._reply(request)
                if reply == "hang":
                    fake._released.wait(fake.hang_s)
                    self.close_connection = True
                    return
                if reply in ("reset", "taken-reset"):
                    self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
                    self.connection.close()
                    self.close_connection = True
                    return
                status, headers, content = reply if isinstance(reply, tuple) else parse(reply)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            do_GET = do_POST = do_PUT = _serve

            def log_message(self, *_: object) -> None:
                """Quiet."""

            def handle_one_request(self) -> None:
                try:
                    super().handle_one_request()
                except (OSError, ValueError):
                    self.close_connection = True

            def finish(self) -> None:
                with contextlib.suppress(OSError, ValueError):
                    super().finish()

        return Handler


def parse(reply: str) -> tuple[int, dict[str, str], bytes]:
    """
    >>> parse("429 Retry-After=30 slow down")
    (429, {'Retry-After': '30'}, b'slow down')
    """
    status, *rest = reply.split(" ")
    headers: dict[str, str] = {}
    while rest and "=" in rest[0]:
        name, _, value = rest.pop(0).partition("=")
        headers[name] = value
    return int(status), headers, " ".join(rest).encode()
