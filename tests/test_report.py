"""The report says what happened and how well it was watched, on one page that asks nothing of the network."""

from __future__ import annotations

import re
import sys
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

sys.path.append(str(Path(__file__).parent / "data" / "analysts"))
import composed

from flightwatch import explore, report
from flightwatch.errors import UsageError
from flightwatch.report.page import environment
from flightwatch.report.spark import sparkline
from flightwatch.store import open_store

NOW = datetime(2024, 12, 22, 7, tzinfo=UTC)
VOID = {"meta", "img", "br"}


class Balance(HTMLParser):
    """Fails on a tag that closes nothing or is never closed."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        if tag not in VOID:
            self.open.append(tag)

    def handle_startendtag(self, tag: str, attrs: object) -> None:
        pass

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


@pytest.fixture(scope="module")
def db(tmp_path_factory: pytest.TempPathFactory) -> explore.Explorer:
    return explore.open(composed.cached(tmp_path_factory.getbasetemp()))


@pytest.fixture(scope="module")
def page(db: explore.Explorer) -> str:
    return report.render(db, now=NOW)


def test_the_week_shows_its_alert_its_routes_and_its_sources(page: str) -> None:
    assert "14 December 2024 to 20 December 2024" in page
    assert 'class="card' in page
    assert composed.ROUTE in page
    assert "probably Benina (HLLB)" in page
    assert "adsblol" in page
    assert "Open Database License" in page


def test_the_page_is_whole_and_asks_nothing_of_the_network(page: str) -> None:
    checker = Balance()
    checker.feed(page)

    assert checker.open == []
    assert "<script" not in page
    assert not re.search(r"""(src|href)\s*=\s*["']?(https?:)?//""", page)


def test_a_week_before_the_surge_has_no_alert(db: explore.Explorer) -> None:
    quiet = report.render(db, ("2024-11-01", "2024-11-07"), now=NOW)

    assert "No alert was raised" in quiet
    assert 'class="card' not in quiet
    assert "No source was asked" in quiet


def test_a_badly_watched_week_says_that_silence_means_little(db: explore.Explorer) -> None:
    poor = report.render(db, ("2024-09-10", "2024-09-17"), now=NOW)

    assert "1 of them poorly watched" in poor
    assert "says little" in poor


def test_an_empty_database_is_told_what_to_do(tmp_path: Path) -> None:
    open_store(str(tmp_path / "new.db"), create=True).close()

    with explore.open(tmp_path / "new.db") as empty, pytest.raises(UsageError, match="flightwatch backfill"):
        report.render(empty, now=NOW)


def test_hostile_names_are_text_in_the_page(db: explore.Explorer, monkeypatch: pytest.MonkeyPatch) -> None:
    held = db.store.flights

    def hostile(*args: object, **kwargs: object) -> pd.DataFrame:
        found = held(*args, **kwargs)
        return found.assign(callsign="<script>alert(1)</script>") if "callsign" in found else found

    monkeypatch.setattr(db.store, "flights", hostile)

    page = report.render(db, now=NOW, pictures=False)

    assert "<script" not in page
    assert "&lt;script&gt;" in page


def test_every_template_escapes() -> None:
    env = environment()

    assert env.autoescape("x.html") is True  # type: ignore[operator]
    assert env.from_string("{{ v }}").render(v="<b>") == "&lt;b&gt;"


def test_a_sparkline_tells_flights_flags_and_blindness_apart() -> None:
    days = pd.DataFrame(
        {"day": pd.date_range("2024-12-01", periods=3), "flights": [1.0, 2.0, 0.0], "coverage": [1.0, 1.0, 0.1]}
    )
    found = pd.DataFrame({"day": [pd.Timestamp("2024-12-02")], "flagged": [True]})

    svg = str(sparkline(days, found, 'a "label" <b>'))

    assert svg.count("<rect") == 3
    assert svg.count("#D55E00") == 1
    assert "<b>" not in svg
    assert "&#34;label&#34;" in svg
