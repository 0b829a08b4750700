"""A fitted model as bytes that only this machine's key opens: a cache, not an exchange format.

Unpickling runs code, so nothing is unpickled before its seal is verified. Whatever is wrong with the bytes (another
key, a flipped bit, other library versions, another recipe), the result is None and the model is fitted again.
"""

from __future__ import annotations

import hashlib
import hmac
import json
import pickle
from typing import Any

from flightwatch.detection.model import RECIPE, Model, versions

MAGIC = b"flightwatch-model\0"
SEAL = hashlib.sha256().digest_size


def seal(model: Model, key: bytes) -> bytes:
    """The fitted model, sealed with a key that never leaves this machine (32 random bytes in a 0600 file)."""
    if len(key) < SEAL:
        raise ValueError("the key of the model cache must have at least 32 bytes")
    head = json.dumps({"id": model.id, "recipe": RECIPE, "versions": versions()}, sort_keys=True).encode()
    body = len(head).to_bytes(4, "big") + head + pickle.dumps(model, protocol=5)
    return MAGIC + hmac.new(key, body, hashlib.sha256).digest() + body


def unseal(blob: bytes, key: bytes, record: dict[str, Any]) -> Model | None:
    """The model of that record; None unless the bytes are its unchanged cache, made here with these versions."""
    start = len(MAGIC) + SEAL
    if len(key) < SEAL or not blob.startswith(MAGIC) or len(blob) < start + 4:
        return None
    body = blob[start:]
    if not hmac.compare_digest(blob[len(MAGIC) : start], hmac.new(key, body, hashlib.sha256).digest()):
        return None
    size = int.from_bytes(body[:4], "big")
    head = json.loads(body[4 : 4 + size])
    if head != {"id": record.get("id"), "recipe": RECIPE, "versions": versions()}:
        return None
    model = pickle.loads(body[4 + size :])  # noqa: S301  # the seal has held: these bytes are ours
    return model if isinstance(model, Model) else None
