"""A new database of each kind."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from flightwatch.store import Store, open_store


@pytest.fixture
def store(database_url: str) -> Iterator[Store]:
    with open_store(database_url, create=True) as opened:
        yield opened
