"""Logs: one event per line, as text or JSON, with the traceback and without secrets."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from datetime import datetime

import pytest

from flightwatch import logs


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    yield
    root.handlers[:] = handlers
    root.setLevel(level)


def fail() -> None:
    try:
        raise ValueError("s3cret-of-the-desk\nsecond line")
    except ValueError:
        logging.getLogger("flightwatch.jobs").exception("poll failed for %s", "s3cret-of-the-desk")


def test_a_json_log_is_one_object_a_line_with_its_traceback(capsys: pytest.CaptureFixture[str]) -> None:
    logs.setup(as_json=True, secrets=["s3cret-of-the-desk"])

    logging.getLogger("flightwatch").info("started: %d sources", 2)
    fail()

    first, second = (json.loads(line) for line in capsys.readouterr().err.splitlines())
    assert set(first) == {"time", "level", "logger", "message"}
    assert (first["level"], first["logger"], first["message"]) == ("info", "flightwatch", "started: 2 sources")
    assert first["time"].endswith("Z")
    assert datetime.fromisoformat(first["time"]).tzinfo is not None
    assert second["message"] == "poll failed for ***"
    assert "ValueError: ***\nsecond line" in second["traceback"]
    assert 'raise ValueError("***\\nsecond line")' in second["traceback"]


def test_a_text_log_has_no_secret_and_times_in_utc(capsys: pytest.CaptureFixture[str]) -> None:
    logs.setup(secrets=["s3cret-of-the-desk"])

    fail()

    written = capsys.readouterr().err
    assert "s3cret-of-the-desk" not in written
    assert written.split(" ")[0].endswith("Z")


def test_libraries_are_heard_from_warning_on(capsys: pytest.CaptureFixture[str]) -> None:
    logs.setup(level="DEBUG")

    logging.getLogger("urllib3.connectionpool").debug("POST /services/T0/B0/secret")
    logging.getLogger("urllib3.connectionpool").warning("connection pool is full")

    assert [line.split(": ", 1)[1] for line in capsys.readouterr().err.splitlines()] == ["connection pool is full"]
