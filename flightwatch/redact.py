"""Keeps secrets out of logs, errors and whatever is stored: known ones by value, others by their shape."""

from __future__ import annotations

import json
import logging
import re
import traceback
from collections.abc import Iterable
from functools import cache
from urllib.parse import quote, quote_plus, unquote, urlsplit

HIDDEN = "***"

SHORTEST = 6
"""Known secrets shorter than this are not replaced by value: that would blank ordinary words, and they are no
secrets."""

PATTERNS = (
    # Slack: the path of an incoming webhook is the secret
    (re.compile(r"(hooks\.slack(?:-gov)?\.com/(?:services|workflows|triggers)/)[^\s\"'<>)\]]+"), r"\1" + HIDDEN),
    (re.compile(r"(/services/)T[A-Z0-9]+/B[A-Z0-9]+/[A-Za-z0-9]+"), r"\1" + HIDDEN),
    (re.compile(r"\bxox[abeoprs](?:\.[a-z]+)?-[A-Za-z0-9.-]{6,}"), HIDDEN),
    (re.compile(r"\bxapp-[A-Za-z0-9-]{6,}"), HIDDEN),
    # user:password@host in any address, including database URLs
    (re.compile(r"([a-zA-Z][a-zA-Z0-9+.-]*://[^\s/:@\"']*):[^\s/@\"']+@"), r"\1:" + HIDDEN + "@"),
    # ?key=…&token=…
    (
        re.compile(
            r"((?:^|[?&;\s\"'])(?:api[_-]?key|api[_-]?auth|key|token|access_token|secret|client_secret|password|passwd|sig"
            r"|signature)=)[^&\s\"'<>]+",
            re.IGNORECASE,
        ),
        r"\1" + HIDDEN,
    ),
    # header lines, also in the repr of a dict
    (
        re.compile(
            r"((?:authorization|api-auth|x-api-key|x-rapidapi-key|x-apikey|cookie)[\"']?\s*[:=]\s*[\"']?)"
            r"(?:(?:bearer|basic|token)\s+)?[^\s\"',}]+",
            re.IGNORECASE,
        ),
        r"\1" + HIDDEN,
    ),
    (re.compile(r"\b(bearer|basic)\s+[A-Za-z0-9._~+/=-]{12,}", re.IGNORECASE), r"\1 " + HIDDEN),
)


@cache
def spellings(secret: str) -> tuple[str, ...]:
    """The forms in which a secret may appear: as it is, quoted for an address or JSON, and for an address, its path.

    >>> "/hook/aB3dE6" in spellings("https://example.org/hook/aB3dE6")
    True
    """
    forms = {secret, quote(secret, safe=""), quote_plus(secret), unquote(secret), json.dumps(secret)[1:-1]}
    if "://" in secret:
        parts = urlsplit(secret)
        forms |= {parts.path, f"{parts.path}?{parts.query}", parts.query, parts.password or ""}
    return tuple(sorted(form for form in forms if len(form) >= SHORTEST and form.strip("/?")))


UNSEEN = re.compile(
    r"[\x00-\x08\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]"
)
"""Control characters and direction marks; tab and line feed are handled by the caller."""


def visible(text: str, *, lines: bool = False) -> str:
    r"""The text with control characters spelled out, so that foreign text in a log can neither move the cursor nor
    forge a line.

    >>> print(visible("RA-1\x1b[2J\nERROR all is lost"))
    RA-1\x1b[2J\nERROR all is lost
    """
    shown = UNSEEN.sub(lambda match: match[0].encode("unicode_escape").decode(), text)
    return shown if lines else shown.replace("\n", "\\n")


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without secrets.

    >>> redact("Max retries exceeded with url: /services/T000/B000/abcDEF123 (hooks.slack.com)")
    'Max retries exceeded with url: /services/*** (hooks.slack.com)'
    >>> redact("postgresql+psycopg://me:hunter22@db/fw and ?token=abc", ["hunter22"])
    'postgresql+psycopg://me:***@db/fw and ?token=***'
    """
    for secret in sorted({f for s in secrets for f in spellings(s)}, key=len, reverse=True):
        text = text.replace(secret, HIDDEN)
    for pattern, replacement in PATTERNS:
        text = pattern.sub(replacement, text)
    return text


class RedactingFilter(logging.Filter):
    """For every handler: nothing it writes has a secret in message, arguments, traceback or stack.

    It puts the finished text into the record, so no later formatter can put a secret back.
    """

    def __init__(self, secrets: Iterable[str] = ()) -> None:
        super().__init__()
        self.secrets = frozenset(secrets)

    def filter(self, record: logging.LogRecord) -> bool:
        try:
            text = record.getMessage()
        except (TypeError, ValueError, KeyError) as error:  # a wrong format string must not let its arguments through
            text = f"{record.msg} (log arguments do not fit: {type(error).__name__})"
        record.msg, record.args = visible(redact(text, self.secrets)), None
        if record.exc_info and record.exc_info[0] is not None:
            record.exc_text = "".join(traceback.format_exception(*record.exc_info)).rstrip("\n")
            record.exc_info = None
        if record.exc_text:
            record.exc_text = visible(redact(record.exc_text, self.secrets), lines=True)
        if record.stack_info:
            record.stack_info = visible(redact(record.stack_info, self.secrets), lines=True)
        return True


LOUD = ("urllib3", "requests", "slack_sdk", "apprise", "sqlalchemy", "smtplib", "matplotlib", "PIL")
"""Libraries that log addresses or bodies below WARNING."""


def install(secrets: Iterable[str] = (), *, logger: logging.Logger | None = None) -> RedactingFilter:
    """Protect every present handler of the logger (the root by default), and quieten libraries that log addresses."""
    guard = RedactingFilter(secrets)
    for handler in (logger or logging.getLogger()).handlers:
        for old in [f for f in handler.filters if isinstance(f, RedactingFilter)]:
            handler.removeFilter(old)
        handler.addFilter(guard)
    for name in LOUD:
        logging.getLogger(name).setLevel(logging.WARNING)
    return guard
