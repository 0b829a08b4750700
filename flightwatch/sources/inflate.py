"""Gzip decompression that checks the end of the stream and limits its size.

`gzip.decompress` and HTTP libraries accept a stream cut in the middle, and expand a megabyte to a gigabyte before
anybody can stop them. Here both are refused while reading.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from flightwatch.deflate import zlib

MAGIC = b"\x1f\x8b"
MAX_DECODED = 64 * 2**20  # bytes of one body or archive member; the largest real one is a tenth of it
MAX_RATIO = 200  # decoded to encoded; readsb's JSON reaches about 12, a bomb 1,000
USUAL_RATIO = 16  # readsb's JSON and traces stay below it
RATIO_FROM = 2**20  # below this size a high ratio does no harm (a body of blanks)
_CHUNK = 2**18


class InflateError(ValueError):
    """The stream is cut, broken or too large; the text says which, worded for a poll's note."""


def is_gzip(data: bytes) -> bool:
    """By content: readsb's trace files are gzip under the name `.json`."""
    return data[:2] == MAGIC


def chunks(parts: Iterable[bytes], *, limit: int = MAX_DECODED, ratio: int = MAX_RATIO) -> Iterator[bytes]:
    """The decoded stream piece by piece; raises InflateError if it is cut, faulty or over the limits.

    Several gzip members in a row are one stream, as in gzip itself.
    """
    engine = zlib.decompressobj(zlib.MAX_WBITS | 16)
    encoded = decoded = 0
    for part in parts:
        pending = part
        while pending:
            if engine.eof:
                if not pending.strip(b"\0"):
                    break  # padding after the last member, as tar and some writers leave it
                engine = zlib.decompressobj(zlib.MAX_WBITS | 16)
            try:
                out = engine.decompress(pending, _CHUNK)
            except zlib.error as error:
                raise InflateError(f"broken gzip: {error}") from None
            rest = engine.unused_data if engine.eof else engine.unconsumed_tail
            encoded += len(pending) - len(rest)
            pending = rest
            decoded += len(out)
            if decoded > limit:
                raise InflateError(f"more than {limit:,} bytes once decompressed")
            if decoded > RATIO_FROM and decoded > ratio * encoded:
                raise InflateError(f"expands more than {ratio}-fold: a decompression bomb")
            if out:
                yield out
    if not engine.eof:
        raise InflateError("truncated gzip: the stream ends early")


def whole(data: bytes, *, limit: int = MAX_DECODED, ratio: int = MAX_RATIO) -> bytes:
    """The decoded body of a gzip stream, or the data itself if it is not gzip.

    >>> import gzip
    >>> whole(gzip.compress(b"[1]")), whole(b"[1]")
    (b'[1]', b'[1]')
    >>> whole(gzip.compress(b"[1, 2, 3]")[:-5])
    Traceback (most recent call last):
    flightwatch.sources.inflate.InflateError: truncated gzip: the stream ends early
    """
    if not is_gzip(data):
        if len(data) > limit:
            raise InflateError(f"more than {limit:,} bytes")
        return data
    engine = zlib.decompressobj(zlib.MAX_WBITS | 16)
    try:  # the common case in one call: one member with the usual ratio at most
        out = engine.decompress(data, min(limit, max(RATIO_FROM, USUAL_RATIO * len(data))) + 1)
    except zlib.error as error:
        raise InflateError(f"broken gzip: {error}") from None
    if engine.eof and not engine.unused_data and len(out) <= limit:
        return bytes(out)
    return b"".join(chunks([data], limit=limit, ratio=ratio))
