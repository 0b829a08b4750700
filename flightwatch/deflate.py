"""The compression engine: zlib, or Intel's with the same interface and format if the extra `fast` is installed.

Intel's decompresses in less than half of zlib's time and packs tracks in four tenths of it, a little smaller
(benchmarks/ingest). Each can unpack what the other has packed.
"""

from __future__ import annotations

from typing import Any

zlib: Any
try:
    from isal import isal_zlib as zlib
except ImportError:
    import zlib

__all__ = ["LEVEL", "zlib"]

LEVEL = 1
"""Level for what is packed by the thousand. zlib: 3 % more bytes than level 6, in six tenths of its time (700 generated
tracks)."""
