"""A feed on loopback: a real HTTP server in a thread that answers, and misbehaves, as told."""

from __future__ import annotations

import contextlib
import gzip
import json
import threading
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

Answer = Callable[["Handler"], None]


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Feed

    def do_GET(self) -> None:
        length = int(self.headers.get("Content-Length") or 0)
        self.form = self.rfile.read(length).decode()
        self.server.asked.append((self.command, self.path, dict(self.headers), self.form))
        answer = self.server.answers.get(self.path.split("?")[0], self.server.default)
        if isinstance(answer, list):
            answer = answer.pop(0) if len(answer) > 1 else answer[0]
        with contextlib.suppress(BrokenPipeError, ConnectionResetError):
            answer(self)

    do_POST = do_GET

    def log_message(self, *_: Any) -> None: ...

    def reply(self, body: bytes, kind: str = "application/json", status: int = 200, **headers: Any) -> None:
        self.send_response(status)
        self.send_header("Content-Type", kind)
        length = headers.pop("length", len(body))
        self.close_connection = length != len(body)
        self.send_header("Content-Length", str(length))
        for name, value in headers.items():
            self.send_header(name.replace("_", "-"), str(value))
        self.end_headers()
        self.wfile.write(body)


class Feed(ThreadingHTTPServer):
    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.asked: list[tuple[str, str, dict[str, str], str]] = []
        self.answers: dict[str, Answer | list[Answer]] = {}
        self.default: Answer = lambda h: h.reply(b"Not Found", "text/plain", 404)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.stop = threading.Event()

    def handle_error(self, request: Any, client_address: Any) -> None: ...

    def body(self, path: str, body: bytes | dict[str, Any], kind: str = "application/json", **more: Any) -> None:
        """Answers a path with a body; a dict is sent as JSON."""
        data = json.dumps(body).encode() if isinstance(body, dict) else body
        self.answers[path] = lambda h: h.reply(data, kind, **more)

    def drip(self, path: str, body: bytes, pause_s: float) -> None:
        """One byte at a time."""

        def answer(h: Handler) -> None:
            h.send_response(200)
            h.send_header("Content-Type", "application/json")
            h.send_header("Content-Length", str(len(body)))
            h.end_headers()
            for byte in body:
                h.wfile.write(bytes([byte]))
                h.wfile.flush()
                if self.stop.wait(pause_s):
                    return

        self.answers[path] = answer

    def packed(self, path: str, body: bytes, cut: int | None = None, **more: Any) -> None:
        """Gzip as transport, cut after so many bytes with a matching Content-Length."""
        data = gzip.compress(body)[:cut]
        self.answers[path] = lambda h: h.reply(data, Content_Encoding="gzip", **more)


@pytest.fixture
def feed() -> Iterator[Feed]:
    server = Feed()
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.stop.set()
    server.shutdown()
    server.server_close()
    thread.join()


@pytest.fixture
def other(feed: Feed) -> Iterator[Feed]:
    """A second host: the same machine under another name."""
    server = Feed()
    server.url = f"http://localhost:{server.server_port}"
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
    thread.start()
    yield server
    server.shutdown()
    server.server_close()


@pytest.fixture
def data() -> Path:
    return Path(__file__).parent.parent / "data" / "sources"


class Clock:
    """A clock that stands until it is moved; sleeping moves it."""

    def __init__(self, now: datetime) -> None:
        self.now = now
        self.slept: list[float] = []

    def __call__(self) -> datetime:
        return self.now

    def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.move(seconds)

    def move(self, seconds: float) -> None:
        self.now = datetime.fromtimestamp(self.now.timestamp() + seconds, UTC)


@pytest.fixture
def clock() -> Clock:
    return Clock(datetime.fromtimestamp(1_763_800_000, UTC))
