"""What every test shares: the folder of real recordings, and a PostgreSQL to write to, where they exist."""

from __future__ import annotations

import os
from pathlib import Path

import pytest


@pytest.fixture(scope="session")
def real_data() -> Path:
    """The folder FLIGHTWATCH_REAL_DATA names; the test is skipped where there is none."""
    folder = os.environ.get("FLIGHTWATCH_REAL_DATA")
    if not folder or not Path(folder).is_dir():
        pytest.skip("FLIGHTWATCH_REAL_DATA does not name a folder with the real recordings")
    return Path(folder).resolve()
