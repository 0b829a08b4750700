"""The frame from explore makes a `Traffic`, in an environment where `traffic` can be installed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent.parent / "data" / "analysts"))
import composed

from flightwatch import explore, export


@pytest.mark.slow
def test_a_frame_of_ours_becomes_a_traffic(tmp_path: Path, tmp_path_factory: pytest.TempPathFactory) -> None:
    python = os.environ.get("FLIGHTWATCH_TRAFFIC_PYTHON")
    if not python:
        pytest.skip("FLIGHTWATCH_TRAFFIC_PYTHON does not name a Python with pandas < 3 and traffic 2.13")
    with explore.open(composed.cached(tmp_path_factory.getbasetemp())) as db:
        body = export.export(db, "tracks", "parquet", alert=1)
    (tmp_path / "tracks.parquet").write_bytes(body)

    ran = subprocess.run(
        [python, str(Path(__file__).parent / "traffic_frame.py"), str(tmp_path / "tracks.parquet")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip

    assert ran.returncode == 0, ran.stderr
    assert ran.stdout.startswith("9 flights")
