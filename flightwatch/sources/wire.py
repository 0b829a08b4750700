"""Below requests: which addresses may be connected to, and cutting the socket when time is up.

A configured name may resolve into our own network, or start to do so after the check. So the address is judged on the
open socket, before a byte is sent. And a server that drips one byte at a time never triggers a read timeout. So a timer
cuts the connection when the time for the whole exchange is up.
"""

from __future__ import annotations

import contextlib
import ipaddress
import socket
import threading
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests.adapters
import urllib3.connection
import urllib3.connectionpool
import urllib3.poolmanager

from flightwatch.errors import SourceError

_NAT64 = ipaddress.ip_network("64:ff9b::/96")  # RFC 6052: an IPv4 address in the last 32 bits


def is_public(address: str) -> bool:
    """Whether an address belongs to the public internet, whatever it is wrapped in.

    >>> is_public("8.8.8.8"), is_public("127.0.0.1"), is_public("169.254.169.254"), is_public("::ffff:10.0.0.1")
    (True, False, False, False)
    >>> is_public("64:ff9b::a00:1"), is_public("2002:a00:1::")
    (False, False)
    """
    found = ipaddress.ip_address(address.split("%", maxsplit=1)[0])
    if isinstance(found, ipaddress.IPv6Address):
        inner = found.ipv4_mapped or found.sixtofour or (found.teredo[1] if found.teredo else None)
        if inner is None and found in _NAT64:
            inner = ipaddress.IPv4Address(int(found) & 0xFFFFFFFF)
        if inner is not None:
            return is_public(str(inner))
    return found.is_global and not found.is_multicast


def permitted_url(url: str, *, allow_private: bool) -> None:
    """Requires https, a host, and no password in the URL; plain http only where private targets are allowed (a receiver
    at home)."""
    try:
        parts = urlsplit(url)
        _ = parts.port  # a bad port number raises
    except ValueError:
        raise SourceError("the address is not a valid URL", outcome="bad_request", permanent=True) from None
    if parts.scheme not in (("https", "http") if allow_private else ("https",)):
        raise SourceError(
            f"{parts.scheme or 'a URL without scheme'} is not allowed here: use https, or set allow_private = true"
            " for a receiver in your own network",
            outcome="bad_request",
            permanent=True,
        )
    if not parts.hostname or parts.username or parts.password:
        raise SourceError("a source's URL needs a host, and no user name in it", outcome="bad_request", permanent=True)


class Watch:
    """The deadline of the current exchange, with a second handle on its socket to cut it."""

    def __init__(self) -> None:
        self.seconds = 0.0
        self.over = False
        self.refused = ""
        self._socket: socket.socket | None = None
        self._timer: threading.Timer | None = None
        self._lock = threading.Lock()

    def start(self, seconds: float) -> None:
        self.seconds, self.over, self.refused = seconds, False, ""
        self._timer = threading.Timer(seconds, self._cut)
        self._timer.daemon = True
        self._timer.start()

    def stop(self, *, cut: bool = False) -> None:
        """The exchange is over; `cut` also ends the connection, for a body that is not read to its end."""
        if self._timer is not None:
            self._timer.cancel()
        with self._lock:
            if cut and self._socket is not None:
                _shut(self._socket)
            self._socket = None

    def follow(self, handle: socket.socket) -> None:
        with self._lock:
            self._socket = handle
            if self.over:
                _shut(handle)

    def _cut(self) -> None:
        with self._lock:
            self.over = True
            if self._socket is not None:
                _shut(self._socket)


def _shut(handle: socket.socket) -> None:
    with contextlib.suppress(OSError):  # already closed: there is nothing left to cut
        handle.shutdown(socket.SHUT_RDWR)


if TYPE_CHECKING:
    _Connection = urllib3.connection.HTTPConnection
else:
    _Connection = object  # it goes before urllib3's classes, the plain and the secure one


class _Watched(_Connection):
    """What our two connection classes add to urllib3's; `watch` and `allow_private` come from the pool's class."""

    watch: Watch
    allow_private: bool
    _second: socket.socket | None = None

    def _new_conn(self) -> socket.socket:
        opened: socket.socket = super()._new_conn()
        peer = opened.getpeername()[0]
        if not self.allow_private and not is_public(peer):
            opened.close()
            self.watch.refused = (
                "the name leads into a private network, which is refused (allow_private = true permits it)"
            )
            raise OSError("private address")
        if self._second is not None:
            self._second.close()
        self._second = opened.dup()  # TLS takes over the first handle; the second still reaches the connection
        self.watch.follow(self._second)
        return opened

    def request(self, *args: Any, **kwargs: Any) -> None:
        if self._second is not None:
            self.watch.follow(self._second)  # a kept-alive connection is reused
        super().request(*args, **kwargs)

    def __del__(self) -> None:
        if self._second is not None:
            self._second.close()


class Adapter(requests.adapters.HTTPAdapter):
    """requests' adapter whose connections are judged and watched; no retries, no proxies."""

    def __init__(self, watch: Watch, *, allow_private: bool) -> None:
        self._watch, self._allow_private = watch, allow_private
        super().__init__(pool_connections=2, pool_maxsize=1, max_retries=0)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        added = {"watch": self._watch, "allow_private": self._allow_private}
        plain = type("Plain", (_Watched, urllib3.connection.HTTPConnection), added)
        secure = type("Secure", (_Watched, urllib3.connection.HTTPSConnection), added)
        self.poolmanager.pool_classes_by_scheme = {
            "http": type("PlainPool", (urllib3.connectionpool.HTTPConnectionPool,), {"ConnectionCls": plain}),
            "https": type("SecurePool", (urllib3.connectionpool.HTTPSConnectionPool,), {"ConnectionCls": secure}),
        }
