"""Ten thousand hostile names through each exit other than messages: files, pages, notebooks, terminal."""

from __future__ import annotations

import csv as csv_reader
import gzip
import io
import json
import re
import sys
import xml.etree.ElementTree as ET
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

sys.path.append(str(Path(__file__).parent / "data" / "analysts"))
import composed

from flightwatch import explore, export, report, tracks
from flightwatch.cli import base
from flightwatch.evidence import bodies, pack
from flightwatch.notify import webhook
from flightwatch.report.build import render_alert
from flightwatch.store import open_store
from flightwatch.telling import Changes, Episode
from tests.test_notify_hostile import CONTROL, messages, names, texts

pytestmark = pytest.mark.slow

NOW = datetime(2024, 12, 22, 7, tzinfo=UTC)
FIELDS = ("callsign", "callsigns", "registration", "typecode", "estdepartureairport", "estarrivalairport", "suspect",
          "source", "status")  # fmt: skip
FLIGHTS = -(-10_000 // len(FIELDS))


def stored(text: str) -> str:
    """What a database can hold at all: no NUL (PostgreSQL refuses it) and no lone surrogate (neither encodes it)."""
    return text.replace("\x00", " ").encode("utf-8", "replace").decode()


@pytest.fixture(scope="module")
def flights() -> pd.DataFrame:
    """Flights in which every text is hostile, as records.FLIGHT with short real tracks."""
    seed = composed.flights().tail(9).reset_index(drop=True)
    seed["track"] = [tracks.encode(t.iloc[::12]) for t in seed["track"]]
    frame = pd.concat([seed] * (FLIGHTS // 9 + 1), ignore_index=True).iloc[:FLIGHTS].copy()
    pool = iter(names(31, FLIGHTS * len(FIELDS)))
    frame["flight_id"] = [f"{n:06x}-20241208T014000" for n in range(FLIGHTS)]
    frame["icao24"] = [f"{n:06x}" for n in range(FLIGHTS)]
    for field in FIELDS:
        frame[field] = [stored(next(pool)) for _ in range(FLIGHTS)]
    frame["provenance"] = [[]] * FLIGHTS
    return frame


@pytest.fixture(scope="module")
def db(flights: pd.DataFrame, tmp_path_factory: pytest.TempPathFactory) -> Iterator[explore.Explorer]:
    """The composed database with an alert that rests on all of them, and hostile words in all other texts."""
    path = tmp_path_factory.mktemp("hostile") / "fw.db"
    composed.database(path)
    pool = (stored(n) for n in names(32, 4000))
    with open_store(f"sqlite:///{path}") as store:
        alert = store.alerts()[0]
        entry = next(iter(alert.evidence["flights"].values()))
        evidence = alert.evidence | {"flights": {f: entry | {"from": next(pool)} for f in flights["flight_id"]}}
        evidence["severity_reason"] = next(pool)
        own = replace(
            alert, headline=next(pool), routes=(alert.route, next(pool)), reason=next(pool), evidence=evidence
        )
        store.upsert_flights(flights)
        store.save_alerts(Changes(updated=(Episode(own, tuple(flights["flight_id"])),)), now=NOW)
        found = store.findings()
        found["reasons"] = [[next(pool)] for _ in range(len(found))] if len(found) < 3000 else found["reasons"]
        store.save_findings(found, at=NOW)
    with explore.open(path) as opened:
        yield opened


TAGS = {
    "html", "head", "meta", "title", "body", "style", "div", "p", "img", "table", "thead", "tbody", "tr", "td", "th",
    "strong", "span", "a", "ul", "ol", "li", "code", "h1", "h2", "h3", "h4", "h5", "small", "section", "main", "b",
    "header", "footer", "svg", "path", "rect", "circle", "line", "polyline", "g", "article", "em", "br", "figure",
    "figcaption", "i", "details", "summary", "caption", "nav", "dl", "dt", "dd", "text", "pre",
}  # fmt: skip


class Active(HTMLParser):
    """Everything active in a page, and every address it would call."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.found: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag not in TAGS:
            self.found.append(tag)
        for name, value in attrs:
            if name.startswith("on") or name in ("srcdoc", "formaction"):
                self.found.append(f"{tag} {name}")
            if name == "src" and not (value or "").startswith("data:image/png;base64,"):
                self.found.append(f"{tag} src={value}")
            if name == "href" and not re.match(r"(https?://|#|[\w./-]+$)", value or ""):
                self.found.append(f"{tag} href={value}")

    def handle_comment(self, data: str) -> None:
        self.found.append(f"comment {data}")


def active(text: str) -> list[str]:
    page = Active()
    page.feed(text)
    page.close()
    return page.found


def hostile_left(text: str) -> list[str]:
    """Control characters except line ends and tabs, and overrides of the writing direction."""
    return CONTROL.findall(text.replace("\r\n", "\n").replace("\t", " "))


def test_csv_has_no_formula_and_every_row(flights: pd.DataFrame) -> None:
    text = export.csv(flights.drop(columns="track")).decode()

    rows = list(csv_reader.DictReader(io.StringIO(text, newline="")))
    assert len(rows) == FLIGHTS
    for row in rows:
        for key in FIELDS:
            assert not row[key].startswith(("=", "+", "-", "@", "\t", "\r", "\n"))


def test_json_and_geojson_parse_and_say_what_was_written(flights: pd.DataFrame) -> None:
    plain = json.loads(export.json_bytes("flights", flights.drop(columns="track")))["flights"]
    shapes = json.loads(export.geojson(flights))["features"]

    assert [row["callsign"] for row in plain] == flights["callsign"].tolist()
    assert [shape["properties"]["callsign"] for shape in shapes] == flights["callsign"].tolist()
    assert {shape["geometry"]["type"] for shape in shapes} <= {"LineString", "MultiLineString"}


def test_kml_is_well_formed_and_holds_no_element_of_theirs(flights: pd.DataFrame) -> None:
    root = ET.fromstring(export.kml(flights, name=names(33, 1)[0]))

    tags = {re.sub(r"\{.*\}", "", node.tag) for node in root.iter()}
    assert not tags & {"script", "img", "svg", "a", "NetworkLink", "Overlay", "href"}
    assert len([n for n in root.iter() if n.tag.endswith("}Placemark")]) >= FLIGHTS
    assert not any(
        re.search(r"<\s*(script|img|svg)", n.text or "", re.I) for n in root.iter() if n.tag.endswith("description")
    )


def test_readsb_traces_are_json_under_names_of_our_own(flights: pd.DataFrame) -> None:
    made = export.readsb_traces(flights)

    assert len(made) == FLIGHTS
    for name, body in made.items():
        assert re.fullmatch(r"\d{4}/\d\d/\d\d/traces/[0-9a-f]{2}/trace_full_[0-9a-f]{6}\.json", name)
        json.loads(gzip.decompress(body))


def test_a_webhook_s_json_parses_and_holds_no_control_character() -> None:
    for message in messages(7, 10_000):
        for doubtful in (False, True):
            said = json.loads(webhook.body(message, doubtful))

            assert {"uid", "text", "title", "flights"} <= set(said)
            assert not any(CONTROL.search(t) for t in texts({k: v for k, v in said.items() if k != "picture"}))


def test_a_table_on_the_terminal_moves_no_cursor_and_runs_no_markup(capsys: pytest.CaptureFixture[str]) -> None:
    for start in range(0, 10_000, 2000):
        pool = names(34 + start, 2000)
        base.table([pool[i : i + 4] for i in range(0, 2000, 4)], ["a", "b", "c", "d"])

    printed = capsys.readouterr().out
    assert not hostile_left(printed)
    assert "[bold]x[/bold]" in printed


def test_the_page_of_the_week_and_of_the_alert_have_nothing_active(db: explore.Explorer) -> None:
    week = report.render(db, days=("2024-12-01", "2024-12-22"), now=NOW, pictures=False)
    own = _without_pictures(render_alert, db)
    for page in (week, own):
        assert active(page) == []
        assert not hostile_left(page)
    assert f"{FLIGHTS - 1:06x}" in week


def _without_pictures(render: Any, db: explore.Explorer) -> str:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr("flightwatch.plots.to_png", lambda *_: b"\x89PNG")
        patch.setattr(explore.Explorer, "map", lambda *_, **__: None)
        patch.setattr(explore.Explorer, "plot_route", lambda *_, **__: None)
        return str(render(db, db.alert(1), now=NOW))


def test_the_page_of_evidence_has_nothing_active(db: explore.Explorer) -> None:
    alert = db.alert(1)
    own = bodies.collect(db, db.tracked_flights(alert=alert))
    known = pack._record(db, alert, db.flights(alert=alert), NOW)

    page = pack._page(db, alert, db.why(alert), {}, own, known, sorted(set(db.flights(alert=alert)["source"])), NOW)

    assert active(page) == []
    assert not hostile_left(page)
    assert f"{FLIGHTS - 1:06x}" in page


def test_a_notebook_shows_flights_and_the_note_without_anything_active(db: explore.Explorer) -> None:
    shown = db.flights(alert=1)
    with pd.option_context("display.max_rows", None, "display.max_columns", None, "display.max_colwidth", None):
        table = re.sub(r"<style scoped>.*?</style>", "", shown._repr_html_(), flags=re.S)

    assert len(shown) == FLIGHTS
    assert active(table) == []
    for note in (db.why(1)._repr_html_(), db.why(1).html(2)):
        assert active(note) == []
        assert not hostile_left(note)
    assert not hostile_left(str(db.why(1)))


def test_a_zoomable_map_runs_no_script_of_theirs(db: explore.Explorer) -> None:
    pytest.importorskip("folium")
    flights = db.tracked_flights(alert=1).drop_duplicates("callsign").head(400)

    page = db.map(flights, zoomable=True).get_root().render()

    for sign in ("alert(1)", "onerror=", "${7*7}"):
        for found in re.finditer(re.escape(sign), page):
            before = page[max(0, found.start() - 200) : found.start()]
            assert "&lt;" in before or "&quot;" in before, before
    assert "<img src=x" not in page
    assert "<script>alert" not in page
