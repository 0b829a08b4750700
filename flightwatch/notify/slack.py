"""A Slack incoming webhook. Its address is the secret."""

from __future__ import annotations

import logging
from typing import Any

import msgspec

from flightwatch.notify import blocks, http
from flightwatch.notify.clean import tidy
from flightwatch.telling import Message

log = logging.getLogger("flightwatch.notify")

UNREADABLE = ("invalid_payload", "invalid_blocks", "msg_blocks_too_long", "no_text", "msg_too_long", "too_many")
"""Slack's words for a message it could not accept in this form; it may accept plain text."""


class Slack:
    """`send` posts one message; Slack answers `ok`."""

    spacing_s = 1.0  # "no more than one message per second" (Slack, rate limits)

    def __init__(self, settings: Any) -> None:
        self.settings = settings
        self.name = str(settings.name)

    def __repr__(self) -> str:
        return f"Slack({self.name!r})"

    def send(self, message: Message, *, doubtful: bool = False) -> str:
        """Slack's answer. DeliveryError says whether to try again."""
        url = str(self.settings.secret("webhook")).strip()
        what = f"channel {self.name}"
        http.check(url, what=what, allow_private=False)
        answer = self._post(url, rich(message, doubtful), what)
        if answer.status == 400 and any(word in answer.text for word in UNREADABLE):
            log.warning("%s: blocks refused (%s), sent as plain text", what, answer.said)
            answer = self._post(url, bare(message, doubtful), what)
        if answer.status != 200:
            raise http.refused(answer, what)
        return answer.said or "ok"

    def _post(self, url: str, payload: dict[str, Any], what: str) -> http.Answer:
        body = msgspec.json.encode(payload)
        return http.post(url, body=body, headers={"Content-Type": "application/json"}, what=what)


QUIET: dict[str, Any] = {"unfurl_links": False, "unfurl_media": False, "link_names": False}


def rich(message: Message, doubtful: bool) -> dict[str, Any]:
    """Blocks with a text beside them; plain text alone if they cannot be made."""
    try:
        neat = tidy(message)
        return {
            "text": blocks.fallback(neat, doubtful=doubtful),
            "blocks": blocks.blocks(neat, doubtful=doubtful),
            **QUIET,
        }
    except Exception:  # whatever is wrong with the rendering, the alert goes out
        log.exception("rendering for Slack failed, sent as plain text")
        return bare(message, doubtful)


def bare(message: Message, doubtful: bool) -> dict[str, Any]:
    """Plain text only; if even that fails, the title."""
    try:
        words = blocks.plain(tidy(message), doubtful=doubtful)
    except Exception:
        log.exception("rendering as plain text failed, only the title is sent")
        words = blocks.escape(str(message.title).encode("ascii", "replace").decode()[:200])
    return {"text": words, "mrkdwn": False, **QUIET}
