"""One polite HTTP session: it says who asks, limits what it accepts, and sums up what went wrong in one word.

What a feed may do to us and what is done about it: a body cut short, a gzip bomb, a drip of one byte a second, a
redirect that carries our key to another host, a name that resolves into our own network, an HTML page with status
200. Each ends in a `SourceError` whose `outcome` is one of `records.OUTCOMES`; none costs more than the byte limits and
the deadline.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from http.cookiejar import DefaultCookiePolicy
from typing import Any
from urllib.parse import urljoin, urlsplit

import requests
import urllib3

from flightwatch import __version__
from flightwatch.config.feeds import MAX_ENCODED_MIB, HttpSettings
from flightwatch.errors import ConfigError, SourceError
from flightwatch.sources import inflate
from flightwatch.sources.status import Answer, check_status, plain
from flightwatch.sources.wire import Adapter, Watch, permitted_url

CONNECT_S, READ_S, TOTAL_S = 5.0, 20.0, 30.0  # the total is what a slowly dripping answer can cost
MIB = 2**20
MAX_ENCODED = int(MAX_ENCODED_MIB * MIB)  # bytes
MAX_REDIRECTS = 3
RETRY_AFTER_S = 6 * 3600.0
_CHUNK = 2**16


@dataclass(frozen=True)
class Limits:
    """What one answer may cost us: seconds, bytes before and after decompression, and the longest Retry-After."""

    connect_s: float = CONNECT_S
    read_s: float = READ_S
    total_s: float = TOTAL_S
    encoded: int = MAX_ENCODED
    decoded: int = inflate.MAX_DECODED
    retry_after_s: float = RETRY_AFTER_S

    @classmethod
    def of(cls, http: HttpSettings) -> Limits:
        """The limits that `[http]` sets."""
        return cls(
            connect_s=http.connect_s,
            total_s=http.deadline_s,
            encoded=int(http.max_encoded_mib * MIB),
            decoded=int(http.max_decoded_mib * MIB),
            retry_after_s=http.max_retry_after_s,
        )


class _Session(requests.Session):
    def get_redirect_target(self, resp: Any) -> None:
        """Returns None: given a target, requests would read and decompress the redirect's whole body without any
        limit."""


class Client:
    """One provider's session; one request at a time.

    `headers` may hold secrets: they are sent only to the first host, and appear in no error. `clock` is only for
    reading `Retry-After` dates, `monotonic` for the deadline.
    """

    def __init__(
        self,
        contact: str,
        *,
        allow_private: bool = False,
        limits: Limits | None = None,
        headers: Mapping[str, str] | None = None,
        ca_bundle: str | None = None,
        use_env: bool = False,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        if not contact.strip():
            raise ConfigError("contact is not set: feeds must be able to reach whoever asks them (an e-mail or a URL)")
        self.limits = limits or Limits()
        self.allow_private = allow_private
        self._secret = dict(headers or {})
        self._clock, self._monotonic = clock, monotonic
        self._busy = threading.Lock()
        self._session = _Session()
        self._session.trust_env = use_env  # ignores .netrc and proxy variables
        self._session.verify = ca_bundle or True
        self._session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
        self._session.headers.clear()
        agent = f"flightwatch/{__version__} (+{contact.strip()})"
        self._session.headers.update({"User-Agent": agent, "Accept-Encoding": "gzip", "Accept": "application/json"})
        self._watch = Watch()
        adapter = Adapter(self._watch, allow_private=allow_private)
        self._session.mount("https://", adapter)
        self._session.mount("http://", adapter)

    @property
    def user_agent(self) -> str:
        return str(self._session.headers["User-Agent"])

    def get(self, url: str, *, params: Mapping[str, Any] | None = None, hosts: tuple[str, ...] = ()) -> Answer:
        """The whole body of a 2xx answer. Redirects to `hosts` are followed, without our secrets."""
        with self._busy, self._open("GET", url, hosts=hosts, params=params) as response:
            return self._answer(url, response)

    def post(self, url: str, form: Mapping[str, str]) -> Answer:
        """The answer to a form (a token endpoint). The form is treated as a secret and no redirect is followed."""
        with self._busy, self._open("POST", url, data=dict(form), redirects=0) as response:
            return self._answer(url, response)

    def stream(
        self, url: str, *, hosts: tuple[str, ...] = (), limit: int, total_s: float, start: int = 0
    ) -> Iterator[bytes]:
        """A large download piece by piece, as stored (no transport compression), starting at byte `start`."""
        headers = {"Accept-Encoding": "identity", "Accept": "*/*"} | ({"Range": f"bytes={start}-"} if start else {})
        with self._busy, self._open("GET", url, hosts=hosts, total_s=total_s, headers=headers) as response:
            if start and response.status_code != 206:
                raise SourceError(
                    f"{plain(url)}: cannot resume where the download broke", outcome="server", permanent=True
                )
            yield from self._read(response, limit, plain(url))

    def close(self) -> None:
        self._session.close()

    def _open(
        self,
        method: str,
        url: str,
        *,
        hosts: tuple[str, ...] = (),
        redirects: int = MAX_REDIRECTS,
        total_s: float | None = None,
        headers: dict[str, str] | None = None,
        **more: Any,
    ) -> _Open:
        return _Open(
            self,
            method,
            url,
            hosts=hosts,
            redirects=redirects,
            total_s=total_s or self.limits.total_s,
            headers=headers or {},
            more=more,
        )

    def _answer(self, url: str, response: requests.Response) -> Answer:
        raw = b"".join(self._read(response, self.limits.encoded, plain(url)))
        encoding = response.headers.get("Content-Encoding", "").strip().lower()
        try:
            body = self._decode(raw, encoding)
        except inflate.InflateError as error:
            cut = "truncated" in str(error)  # a cut is the transfer's fault and worth another try; a bomb is not
            raise SourceError(f"{plain(url)}: {error}", outcome="server" if cut else "bad_schema") from None
        kind = response.headers.get("Content-Type", "").split(";")[0].strip().lower()
        return Answer(plain(url), response.status_code, body, kind, response.headers)

    def _decode(self, raw: bytes, encoding: str) -> bytes:
        if encoding not in ("", "identity", "gzip", "x-gzip"):
            raise inflate.InflateError(f"content encoding {encoding!r} was not asked for")
        if encoding in ("gzip", "x-gzip") and raw and not inflate.is_gzip(raw):
            raise inflate.InflateError("said to be gzip, but is not")
        if encoding in ("", "identity"):
            if len(raw) > self.limits.decoded:
                raise inflate.InflateError(f"more than {self.limits.decoded:,} bytes")
            return raw
        return inflate.whole(raw, limit=self.limits.decoded)

    def _read(self, response: requests.Response, limit: int, url: str) -> Iterator[bytes]:
        total = 0
        raw = response.raw
        while True:
            try:
                part = raw.read1(_CHUNK, decode_content=False)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                raise self._failure(error, url) from None
            if not part:
                break
            total += len(part)
            if total > limit:
                raise SourceError(f"{url}: more than {limit:,} bytes", outcome="bad_schema")
            if self._watch.over:
                break
            yield part
        if self._watch.over:
            raise SourceError(f"{url}: not complete after {self._watch.seconds:.0f} s", outcome="timeout")
        said = response.headers.get("Content-Length", "")
        if said.isdigit() and total < int(said) and "chunked" not in response.headers.get("Transfer-Encoding", ""):
            raise SourceError(f"{url}: the body ended after {total:,} of {said} bytes", outcome="server")

    def _failure(self, error: Exception, url: str) -> SourceError:
        """Turns any error of the network libraries into ours. Their texts may contain the query string and are not
        repeated."""
        if self._watch.refused:
            return SourceError(f"{url}: {self._watch.refused}", outcome="bad_request", permanent=True)
        if self._watch.over:
            return SourceError(f"{url}: not complete after {self._watch.seconds:.0f} s", outcome="timeout")
        chain = _chain(error)
        for kind, outcome, words in _CAUSES:
            if any(isinstance(e, kind) for e in chain):
                return SourceError(f"{url}: {words}", outcome=outcome)
        return SourceError(f"{url}: the connection failed ({type(error).__name__})", outcome="server")


_CAUSES: tuple[tuple[Any, str, str], ...] = (  # the most specific first: the libraries wrap one in another
    (urllib3.exceptions.NameResolutionError, "server", "the host name is not known"),
    ((urllib3.exceptions.SSLError, requests.exceptions.SSLError), "server", "the certificate or TLS is not good"),
    (urllib3.exceptions.NewConnectionError, "server", "cannot be reached"),
    ((urllib3.exceptions.TimeoutError, requests.Timeout, TimeoutError), "timeout", "no answer in time"),
    (urllib3.exceptions.IncompleteRead, "server", "the body ended early"),
    ((ConnectionError, urllib3.exceptions.ProtocolError), "server", "the connection broke"),
)


class _Open:
    """One exchange under a deadline, redirects included; closes whatever it opened."""

    def __init__(
        self,
        client: Client,
        method: str,
        url: str,
        *,
        hosts: tuple[str, ...],
        redirects: int,
        total_s: float,
        headers: dict[str, str],
        more: dict[str, Any],
    ) -> None:
        self.client, self.method, self.url, self.hosts = client, method, url, hosts
        self.redirects, self.total_s, self.headers, self.more = redirects, total_s, headers, more
        self.response: requests.Response | None = None

    def __enter__(self) -> requests.Response:
        self.client._watch.start(self.total_s)
        try:
            return self._follow()
        except BaseException:
            self.__exit__(SourceError)
            raise

    def __exit__(self, kind: object = None, *_: object) -> None:
        self.client._watch.stop(cut=kind is not None)
        if self.response is not None:
            self.response.close()

    def _follow(self) -> requests.Response:
        url, more = self.url, dict(self.more)
        home = urlsplit(url).hostname
        for hop in range(self.redirects + 1):
            permitted_url(url, allow_private=self.client.allow_private)
            headers = self.headers | (self.client._secret if urlsplit(url).hostname == home else {})
            response = self._send(url, headers, more)
            where = response.headers.get("Location")
            if response.status_code not in (301, 302, 303, 307, 308) or not where:
                check_status(response, plain(url), self.client._clock())
                return response
            response.close()
            url = urljoin(url, where)
            more.pop("params", None)
            _check_redirect(plain(self.url), url, home, self.hosts, last=hop == self.redirects)
        raise AssertionError("the last hop returns or raises")

    def _send(self, url: str, headers: dict[str, str], more: dict[str, Any]) -> requests.Response:
        limits = self.client.limits
        try:
            self.response = self.client._session.request(
                self.method,
                url,
                headers=headers,
                stream=True,
                allow_redirects=False,
                timeout=(limits.connect_s, min(limits.read_s, self.total_s)),
                **more,
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError, ValueError) as error:
            raise self.client._failure(error, plain(url)) from None
        return self.response


def _check_redirect(asked: str, url: str, home: str | None, hosts: tuple[str, ...], *, last: bool) -> None:
    target = urlsplit(url)
    if last:
        raise SourceError(f"{asked}: redirects in a loop", outcome="bad_request", permanent=True)
    if target.hostname != home and target.hostname not in hosts:
        raise SourceError(
            f"{asked}: redirects to another host ({target.hostname}), which is not followed", outcome="blocked"
        )
    if urlsplit(asked).scheme == "https" and target.scheme != "https":
        raise SourceError(f"{asked}: redirects away from https, which is not followed", outcome="blocked")


def _chain(error: BaseException) -> list[BaseException]:
    """An error with everything it wraps; the network libraries nest three deep."""
    found: list[BaseException] = []
    todo: list[Any] = [error]
    while todo and len(found) < 20:
        current = todo.pop()
        if not isinstance(current, BaseException) or current in found:
            continue
        found.append(current)
        todo += [current.__cause__, current.__context__, getattr(current, "reason", None), *current.args]
    return found
