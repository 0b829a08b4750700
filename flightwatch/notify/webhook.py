"""Any other program: JSON by POST, signed, with a key by which it can tell a repeat from a new message."""

from __future__ import annotations

import hashlib
import hmac
import logging
import time
from typing import Any

import msgspec

from flightwatch.notify import http
from flightwatch.notify.clean import tidy
from flightwatch.notify.text import plain
from flightwatch.telling import Message

log = logging.getLogger("flightwatch.notify")


class Webhook:
    """The body is the message, with `text` added; the signature covers the time and the body.

    `X-Flightwatch-Signature: t=1700000000,v1=<hex HMAC-SHA256 of "t.body">`; `Idempotency-Key` is the message's uid.
    """

    spacing_s = 0.0

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        self.name = str(settings.name)

    def __repr__(self) -> str:
        return f"Webhook({self.name!r})"

    def send(self, message: Message, *, doubtful: bool = False) -> str:
        what = f"channel {self.name}"
        url = str(self.settings.secret("url")).strip()
        allowed = bool(getattr(self.settings, "allow_private", False))
        http.check(url, what=what, allow_private=allowed)
        if not allowed:
            http.refuse_private(url, what=what)
        key = self.settings.secret("key")
        payload = body(message, doubtful)
        headers = {"Content-Type": "application/json", "Idempotency-Key": tidy(message).uid}
        if key:
            headers["X-Flightwatch-Signature"] = signature(str(key), payload, int(time.time()))
        answer = http.post(url, body=payload, headers=headers, what=what, secrets=(str(key),) if key else ())
        if not 200 <= answer.status < 300:
            raise http.refused(answer, what)
        return f"{answer.status} {answer.said}".strip()


def body(message: Message, doubtful: bool) -> bytes:
    """The message as JSON; its plain text alone if that cannot be made."""
    neat = tidy(message)
    try:
        record = neat.record() | {"text": plain(neat, doubtful=doubtful), "may_be_a_repeat": doubtful}
        return msgspec.json.encode(record)
    except Exception:
        log.exception("rendering for the webhook failed, sent as plain text")
        return msgspec.json.encode({"uid": neat.uid, "text": neat.title, "may_be_a_repeat": doubtful})


def signature(key: str, payload: bytes, when: int) -> str:
    """
    >>> signature("key", b"{}", 1700000000)[:20]
    't=1700000000,v1=9d71'
    """
    digest = hmac.new(key.encode(), f"{when}.".encode() + payload, hashlib.sha256).hexdigest()
    return f"t={when},v1={digest}"
