"""Logs on stderr, one line per event, as text or JSON; secrets are removed from every line."""

from __future__ import annotations

import json
import logging
import sys
import time
from collections.abc import Iterable
from typing import Any

from flightwatch.redact import RedactingFilter

QUIET = ("urllib3", "apscheduler", "alembic", "sqlalchemy", "matplotlib", "PIL", "fontTools")


class JsonFormatter(logging.Formatter):
    """One JSON object per line: time, level, logger, message, and the traceback if there is one."""

    def format(self, record: logging.LogRecord) -> str:
        line: dict[str, Any] = {
            "time": f"{time.strftime('%Y-%m-%dT%H:%M:%S', time.gmtime(record.created))}.{int(record.msecs):03d}Z",
            "level": record.levelname.lower(),
            "logger": record.name,
            "message": record.getMessage(),
        }
        told = record.exc_text or (self.formatException(record.exc_info) if record.exc_info else "")
        if told:  # already text if the filter processed it
            line["traceback"] = told
        return json.dumps(line, ensure_ascii=False)


def setup(*, as_json: bool = False, level: str = "INFO", secrets: Iterable[str] = ()) -> None:
    """Log everything of this level and above to stderr; libraries only from WARNING on."""
    handler = logging.StreamHandler(sys.stderr)
    if as_json:
        handler.setFormatter(JsonFormatter())
    else:
        formatter = logging.Formatter("%(asctime)sZ %(levelname)-7s %(name)s: %(message)s", "%Y-%m-%dT%H:%M:%S")
        formatter.converter = time.gmtime
        handler.setFormatter(formatter)
    handler.addFilter(RedactingFilter(secrets))
    logging.basicConfig(level=level, handlers=[handler], force=True)
    for name in QUIET:
        logging.getLogger(name).setLevel(max(logging.WARNING, logging.getLevelName(level)))
