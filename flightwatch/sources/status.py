"""What an answer means: its status, its waiting time, its first words; and whether it is JSON at all."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import requests
import urllib3

from flightwatch.errors import SourceError

RETRY_AFTER_CAP_S = 6 * 3600.0  # a provider that says "tomorrow" is asked again four times a day
_RATE_LIMITED, _AUTH, _BLOCKED = (420, 429), (401, 402, 407), 403
_BAD_REQUEST = (400, 404, 405, 406, 410, 411, 413, 414, 415, 422)


@dataclass(frozen=True)
class Answer:
    """A whole body that arrived correctly. `url` never holds the query string."""

    url: str
    status: int
    body: bytes
    content_type: str
    headers: Mapping[str, str] = field(repr=False, default_factory=dict)


def plain(url: str) -> str:
    """The URL for people: no query string, no user name or password.

    >>> plain("https://user:secret@example.org/v2/mil?key=abc")
    'https://example.org/v2/mil'
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    try:
        port = f":{parts.port}" if parts.port else ""
    except ValueError:
        port = ""
    return f"{parts.scheme}://{host}{port}{parts.path}"


def check_status(response: requests.Response, url: str, now: datetime) -> None:
    """Raises the error that an answer other than 2xx means; its text quotes the provider if that is plain text."""
    status = response.status_code
    if 200 <= status < 300:
        return
    said = _quote(response)
    text = f"{url}: HTTP {status}{said}"
    if status in _RATE_LIMITED:
        raise SourceError(text, outcome="rate_limited", retry_after=retry_after(response.headers, now))
    if status in _AUTH:
        raise SourceError(text, outcome="auth", permanent=True)
    if status == _BLOCKED:
        raise SourceError(text, outcome="blocked", permanent=bool(said))
    if status in _BAD_REQUEST:
        raise SourceError(text, outcome="bad_request", permanent=True)
    raise SourceError(text, outcome="server", retry_after=retry_after(response.headers, now))


def _quote(response: requests.Response) -> str:
    """The first words of a plain-text or JSON refusal, where providers say what they want (a contact, a key)."""
    kind = response.headers.get("Content-Type", "").lower()
    if response.headers.get("Content-Encoding") or not ("text/plain" in kind or "json" in kind):
        return " (an HTML page, as a firewall sends it)" if "html" in kind and response.status_code == _BLOCKED else ""
    try:
        text = response.raw.read1(400, decode_content=False).decode("utf-8", "replace")
    except (urllib3.exceptions.HTTPError, OSError):
        return ""
    if text.lstrip().lower().startswith(("<!doctype", "<html")):
        return " (an HTML page, as a firewall sends it)" if response.status_code == _BLOCKED else ""
    text = " ".join("".join(c if c.isprintable() else " " for c in text).split())[:160]
    return f': "{text}"' if text else ""


def retry_after(headers: Mapping[str, str], now: datetime) -> float | None:
    """Seconds the provider asks us to wait, from `Retry-After` (seconds or a date) or OpenSky's own header.

    Capped at six hours, so that a provider's mistake does not end our watching.

    >>> retry_after({"Retry-After": "120"}, datetime(2026, 1, 1, tzinfo=UTC))
    120.0
    >>> retry_after({"Retry-After": "Thu, 01 Jan 2026 00:01:00 GMT"}, datetime(2026, 1, 1, tzinfo=UTC))
    60.0
    """
    for name in ("X-Rate-Limit-Retry-After-Seconds", "Retry-After"):
        text = (headers.get(name) or "").strip()
        if not text:
            continue
        if text.isascii() and text.isdigit():
            return min(float(text[:9]), RETRY_AFTER_CAP_S)
        try:
            when = parsedate_to_datetime(text)
        except (ValueError, TypeError, IndexError):
            continue
        when = when if when.tzinfo else when.replace(tzinfo=UTC)
        return min(max((when - now).total_seconds(), 0.0), RETRY_AFTER_CAP_S)
    return None


def require_json(answer: Answer) -> bytes:
    """The body, if it is JSON by its type or at least by its first character; an HTML page counts as a refusal."""
    start = answer.body.lstrip()[:1]
    if start == b"<" or "html" in answer.content_type:
        raise SourceError(f"{answer.url}: answered with a web page instead of data", outcome="blocked")
    if start not in (b"{", b"["):
        what = "an empty body" if not start else f"{answer.content_type or 'something'}"
        raise SourceError(f"{answer.url}: answered with {what} instead of JSON", outcome="bad_schema")
    return answer.body
