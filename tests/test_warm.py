"""What a daemon needs later is loaded before it begins, and what is missing is reported."""

from __future__ import annotations

import gc
import logging
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from flightwatch import config, plots
from flightwatch.jobs.context import Context
from flightwatch.jobs.warm import LATER, warm
from flightwatch.store import open_store


@pytest.fixture
def ctx(tmp_path: Path) -> Iterator[Context]:
    (tmp_path / "fw.toml").write_text('contact = "desk@example.org"\n')
    with open_store("sqlite://", create=True) as store:
        yield Context(config.load(tmp_path / "fw.toml", environ={}), store)
    gc.unfreeze()


def test_a_map_is_drawn_at_the_start(ctx: Context, monkeypatch: pytest.MonkeyPatch) -> None:
    drawn: list[bytes] = []
    real = plots.to_png
    monkeypatch.setattr(plots, "to_png", lambda figure: drawn.append(real(figure)))

    warm(ctx)

    [png] = drawn
    assert png.startswith(b"\x89PNG")
    assert gc.get_freeze_count() > 0


def test_a_map_that_cannot_be_drawn_is_told_and_keeps_nobody_from_watching(
    ctx: Context, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    def broken(figure: object) -> bytes:
        raise OSError("no fonts")

    monkeypatch.setattr(plots, "to_png", broken)

    with caplog.at_level(logging.ERROR, "flightwatch"):
        warm(ctx)

    assert "no map can be drawn" in caplog.text


def test_the_daemon_alone_does_not_load_what_is_loaded_there() -> None:
    """Otherwise there would be no point in naming it."""
    code = "import sys, flightwatch.daemon, flightwatch.jobs.warm as w; print([n for n in w.LATER if n in sys.modules])"

    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout

    assert said.strip() == "[]", f"of {LATER}"
