"""POST to a provider with a deadline, no redirects, no credentials from elsewhere, and no secrets in errors."""

from __future__ import annotations

import ipaddress
import socket
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import requests

from flightwatch import __version__
from flightwatch.errors import ConfigError, DeliveryError
from flightwatch.notify.clean import line
from flightwatch.redact import redact

CONNECT_S = 5.0
READ_S = 10.0
DEADLINE_S = 30.0
"""For the whole answer (a server may drip for ever)."""
MOST = 64 * 1024  # bytes of an answer; the longest a provider sends us is a few hundred

RETRIED = {408, 425, 429}
"""Besides 5xx: statuses that pass by themselves (RFC 9110 §15.5.9, RFC 8470, RFC 6585)."""
PERHAPS_TAKEN = {502, 504}
"""A gateway gave up on a server that may have taken the message."""


@dataclass(frozen=True)
class Answer:
    """What the provider said."""

    status: int
    text: str = field(repr=False)
    retry_after: float | None
    secrets: tuple[str, ...] = field(default=(), repr=False)

    @property
    def said(self) -> str:
        """Its beginning on one line without secrets, which may be stored, logged and shown."""
        return line(redact(self.text[:2000], self.secrets), 200)


def check(url: str, *, what: str, allow_private: bool) -> None:
    """ConfigError unless the address is https, or http to this machine or an allowed private network."""
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.hostname:
        raise ConfigError(f"{what}: the address is not an https:// address")
    if parts.scheme == "http" and not (allow_private or parts.hostname in ("127.0.0.1", "::1", "localhost")):
        raise ConfigError(f"{what}: the address must be https; http would send the message, and its key, in the clear")


def refuse_private(url: str, *, what: str) -> None:
    """DeliveryError if the name resolves to this machine or a private network."""
    host = urlsplit(url).hostname or ""
    try:
        found = socket.getaddrinfo(host, None, type=socket.SOCK_STREAM)
    except OSError:
        return  # connecting will fail too, and the error there is better
    for *_, address in found:
        if not ipaddress.ip_address(str(address[0]).split("%")[0]).is_global:
            raise DeliveryError(
                f"{what}: {host} is on a private network (allow_private = true allows it)", permanent=True
            )


def post(
    url: str, *, body: bytes, headers: Mapping[str, str], what: str, secrets: Iterable[str] = (),
    most: int = MOST,
) -> Answer:  # fmt: skip
    """One request, one answer of any status. DeliveryError if there is none; it says whether the message may have
    arrived."""
    secrets = (url, urlsplit(url).path, *secrets)
    session = requests.Session()
    session.trust_env = False  # ignores .netrc and proxy variables
    began = time.monotonic()
    all_headers = {"User-Agent": f"flightwatch/{__version__}", **headers}
    try:
        with session.request(
            "POST", url, data=body, headers=all_headers, timeout=(CONNECT_S, READ_S), allow_redirects=False, stream=True
        ) as response:
            text = _read(response, began, what, most)
            return Answer(response.status_code, text, retry_after(response.headers), secrets)
    except (requests.ConnectTimeout, requests.exceptions.SSLError) as error:
        raise DeliveryError(f"{what}: no connection ({_say(error, secrets)})") from None
    except requests.ConnectionError as error:
        raise DeliveryError(f"{what}: {_say(error, secrets)}", in_doubt=not _never_left(error)) from None
    except requests.RequestException as error:
        raise DeliveryError(f"{what}: {_say(error, secrets)}", in_doubt=True) from None
    finally:
        session.close()


def _read(response: requests.Response, began: float, what: str, most: int) -> str:
    parts, size = [], 0
    for chunk in response.iter_content(4096):
        parts.append(chunk)
        size += len(chunk)
        if size >= most:
            break
        if time.monotonic() - began > DEADLINE_S:
            raise DeliveryError(f"{what}: the answer took longer than {DEADLINE_S:.0f} s", in_doubt=True)
    return b"".join(parts)[:most].decode("utf-8", "replace")


def _never_left(error: BaseException) -> bool:
    """Whether the connection itself failed, so that nothing was sent."""
    cause: BaseException | None = error
    names: set[str] = set()
    while cause is not None and len(names) < 10:
        names.add(type(cause).__name__)
        inner = getattr(cause, "reason", None) or (cause.args[0] if cause.args else None)
        cause = inner if isinstance(inner, BaseException) else cause.__cause__
    return bool(names & {"NewConnectionError", "ConnectTimeoutError", "NameResolutionError", "ConnectionRefusedError"})


def _say(error: Exception, secrets: Iterable[str]) -> str:
    """What went wrong, without the address: exceptions of requests contain its path, and the path is the secret."""
    inner: BaseException = error
    while inner.args and isinstance(inner.args[-1] if len(inner.args) > 1 else inner.args[0], BaseException):
        inner = inner.args[-1] if len(inner.args) > 1 else inner.args[0]
    reason = getattr(inner, "reason", None)
    inner = reason if isinstance(reason, BaseException) else inner
    said = str(inner).rpartition(": ")[2] if " object at 0x" in str(inner) else str(inner)
    return redact(f"{type(inner).__name__}: {said}", secrets)[:300]


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds the provider asks us to wait: a number, or a date compared with its own clock.

    >>> retry_after({"Retry-After": "30"}), retry_after({}), retry_after({"Retry-After": "soon"})
    (30.0, None, None)
    >>> retry_after({"Retry-After": "Sun, 22 Nov 2026 10:01:00 GMT", "Date": "Sun, 22 Nov 2026 10:00:00 GMT"})
    60.0
    """
    value = headers.get("Retry-After", "").strip()
    if not value:
        return None
    if value.replace(".", "", 1).isdigit():
        return float(value)
    then, base = _date(value), _date(headers.get("Date", "")) or datetime.now(UTC)
    return max(0.0, (then - base).total_seconds()) if then else None


def _date(text: str) -> datetime | None:
    try:
        found = parsedate_to_datetime(text)
    except (TypeError, ValueError):
        return None
    return found if found.tzinfo else found.replace(tzinfo=UTC)


def refused(answer: Answer, what: str) -> DeliveryError:
    """The error that an answer means."""
    text = f"{what}: answered {answer.status}{f' ({answer.said})' if answer.said else ''}"
    again = answer.status in RETRIED or answer.status >= 500
    return DeliveryError(
        text, permanent=not again, retry_after=answer.retry_after, in_doubt=answer.status in PERHAPS_TAKEN
    )
