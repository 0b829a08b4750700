"""The report says what happened and how well it was watched, on one page that needs no network."""

from __future__ import annotations

import re
import sys
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

sys.path.append(str(Path(__file__).parent / "data" / "analysts"))
import composed

from flightwatch import config, explore, report
from flightwatch.errors import ConfigError, InputError, UsageError
from flightwatch.jobs import cycle
from flightwatch.jobs.publish import publish
from flightwatch.jobs.setup import context
from flightwatch.report import build
from flightwatch.report.page import environment
from flightwatch.report.spark import sparkline
from flightwatch.store import Store, open_store
from flightwatch.telling import Notice

NOW = datetime(2024, 12, 22, 7, tzinfo=UTC)
VOID = {"meta", "img", "br"}


class Balance(HTMLParser):
    """Fails on a tag that closes nothing or is not closed."""

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

    assert re.search(r"; 1 of \d+ routes? that had traffic in 60 days was poorly watched", poor)
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


def changed(store: Store, when: datetime) -> None:
    store.set_alert(1, "acknowledged", by="desk", reason="looking", now=when)


def test_a_site_has_the_page_a_message_links_to_and_is_written_when_something_changed(
    db: explore.Explorer, tmp_path: Path
) -> None:
    db.store.backup(tmp_path / "own.db")
    (tmp_path / "site").mkdir()
    (tmp_path / "site" / "theirs.txt").write_text("theirs")
    with open_store(str(tmp_path / "own.db")) as store:
        own = explore.Explorer(store)
        first = report.write(own, tmp_path / "site", now=NOW, pictures=False)
        second = report.write(own, tmp_path / "site", now=NOW, pictures=False)
        changed(store, NOW + timedelta(minutes=5))
        third = report.write(own, tmp_path / "site", now=NOW + timedelta(minutes=6), pictures=False)
        later = report.write(own, tmp_path / "site", now=NOW + timedelta(hours=3), pictures=False)

    names = {p.relative_to(tmp_path / "site").as_posix() for p in first}
    assert names == {"index.html", "alerts/1.html"}
    assert second == []
    assert set(third) == set(first)
    assert [p.name for p in later] == ["index.html"]
    assert (tmp_path / "site" / "theirs.txt").read_text() == "theirs"
    page = (tmp_path / "site" / "alerts" / "1.html").read_text()
    assert "acknowledged" in page
    assert 'href="alerts/1.html"' in (tmp_path / "site" / "index.html").read_text()
    checker = Balance()
    checker.feed(page)
    assert checker.open == []
    assert not list((tmp_path / "site").rglob("*.part"))


def test_a_folder_that_cannot_be_written_is_named(db: explore.Explorer, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")

    with pytest.raises(InputError, match="file: the report cannot be written"):
        report.write(db, tmp_path / "file", now=NOW, pictures=False)


CONFIG = """
contact = "desk@example.org"
[database]
url = "sqlite:///own.db"
[alerts]
base_url = "https://news.example/fw"
report_dir = "site"
[[channel]]
kind = "email"
host = "127.0.0.1"
security = "none"
sender = "a@example.org"
recipients = ["b@example.org"]
"""


def test_the_daemon_writes_the_pages_before_its_messages_leave(db: explore.Explorer, tmp_path: Path) -> None:
    db.store.backup(tmp_path / "own.db")
    (tmp_path / "flightwatch.toml").write_text(CONFIG)
    settings = config.load(tmp_path / "flightwatch.toml", environ={})
    with open_store(settings.database.url) as store:
        ctx = context(settings, store, live=True)

        order = [name for name, _, _ in cycle.jobs(ctx)]
        publish(ctx, NOW)

    assert order.index("think") < order.index("publish") < order.index("deliver:email")
    assert (tmp_path / "site" / "alerts" / "1.html").read_text().count("data:image/png;base64,") == 2


@pytest.mark.parametrize("address", ["news.example/fw", "javascript:alert(1)", "ftp://x/y"])
def test_an_address_nobody_can_open_is_refused_by_name(address: str, tmp_path: Path) -> None:
    (tmp_path / "flightwatch.toml").write_text(CONFIG.replace("https://news.example/fw", address))

    with pytest.raises(ConfigError, match="base_url"):
        config.load(tmp_path / "flightwatch.toml", environ={})


def test_a_notice_says_whether_it_is_over_and_is_told_until_then(tmp_path: Path) -> None:
    down = Notice("source:a", "Source a has not answered.", datetime(2024, 12, 2, 8, tzinfo=UTC))
    with open_store(f"sqlite:///{tmp_path / 'a.db'}", create=True) as store:
        store.save_notices([down])
        week = (date(2024, 12, 10), date(2024, 12, 16))
        running = build._notices(explore.Explorer(store), week)
        store.save_notices([replace(down, ended=datetime(2024, 12, 11, 9, tzinfo=UTC))])

        over = build._notices(explore.Explorer(store), week)
        later = build._notices(explore.Explorer(store), (date(2024, 12, 12), date(2024, 12, 16)))

    assert running == ["Source a has not answered."]
    assert over == ["Source a has not answered. This was over by 2024-12-11 09:00 UTC."]
    assert later == []


def test_a_time_of_first_contact_is_not_called_a_departure(page: str) -> None:
    assert "<th>First heard</th>" in page
    assert "Departed" not in page
