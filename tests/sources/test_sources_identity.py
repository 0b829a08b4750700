from __future__ import annotations

import gzip
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from flightwatch.errors import InputError, SourceError
from flightwatch.records import AIRCRAFT
from flightwatch.sources import identity, marks
from flightwatch.sources.http import Client

DAY = date(2026, 4, 6)
TAR = (
    b"778681;YK-ATA;IL76;00;ILYUSHIN Il-76/82;;;\n"
    b"ADFEC3;;C17;10;BOEING C-17 Globemaster 3;;;\n"
    b"07C024;ST-EWX;IL76;0001;ILYUSHIN Il-76/82;1991;Owner\\; with semicolon;\n"
    b"XYZ;;;;;;\n"
    b"short\n"
)
ALERT = (
    b"$ICAO,$Registration,$Operator,$Type,$ICAO Type,#CMPG,$Tag 1,$#Tag 2,$#Tag 3,Category,$#Link\n"
    b"07C024,5A-EWX,Libyan National Army,Ilyushin Il-76TD,IL76,Mil,Cargo,,,Hired Gun,https://example.org\n"
    b"018000,5A-DRS,Libyan Air Cargo,Ilyushin Il-76TD,IL76,Civ,Cargo,,,Da Comrade,\n"
)
SKY = (
    b"'icao24','timestamp','built','operator','owner','registration','typecode'\n"
    b"'778681','2026-01-01','1980-01-01','Syrian Air','Syrian Air, ''the'' airline','YK-ATB','il76'\n"
    b"'~a12345','','','','','X',''\n"
)


def still(data: bytes) -> bytes:
    """Gzip without its time, so that a test has the same name in every process."""
    return gzip.compress(data, mtime=0)


def value(frame: pd.DataFrame, icao24: str, field: str) -> list[str]:
    return frame[(frame["icao24"] == icao24) & (frame["field"] == field)]["value"].tolist()


def test_tar1090s_flags_are_positions_and_its_separator_may_be_escaped() -> None:
    rows, rejected = identity.tar1090(gzip.compress(TAR), DAY)

    assert value(rows, "adfec3", "flags") == ["1"]
    assert value(rows, "07c024", "flags") == ["8"]
    assert value(rows, "07c024", "owner") == ["Owner; with semicolon"]
    assert rejected == {"no address": 1, "wrong number of fields": 1}
    assert set(rows["source"]) == {"tar1090-db"}
    assert rows["since"].dt.date.tolist() == [DAY] * len(rows)


def test_plane_alert_knows_the_military() -> None:
    rows, _ = identity.plane_alert(ALERT, DAY)

    assert value(rows, "07c024", "flags") == ["3"]
    assert value(rows, "018000", "flags") == ["2"]
    assert value(rows, "018000", "operator") == ["Libyan Air Cargo"]


def test_openskys_single_quotes_are_read_and_the_old_edition_too() -> None:
    rows, rejected = identity.opensky(SKY, DAY)
    old, _ = identity.opensky(b'"icao24","registration","typecode"\n"778681","YK-ATB","IL76"\n', DAY)

    assert value(rows, "778681", "owner") == ["Syrian Air, 'the' airline"]
    assert value(rows, "778681", "typecode") == ["IL76"] == value(old, "778681", "typecode")
    assert value(rows, "778681", "year") == ["1980"]
    assert rejected == {"non-ICAO address": 1}


def test_the_union_keeps_where_each_value_is_from_and_conflicts_are_shown() -> None:
    values = pd.concat(
        [identity.tar1090(TAR, DAY)[0], identity.plane_alert(ALERT, DAY)[0], identity.opensky(SKY, DAY)[0]],
        ignore_index=True,
    )

    whole = identity.union(values).set_index("icao24")
    differing = identity.conflicts(values)

    assert list(whole.reset_index().columns) == list(AIRCRAFT)
    assert whole.loc["07c024", "registration"] == "5A-EWX"
    assert whole.loc["07c024", "flags"] == 1 | 2 | 8
    assert whole.loc["018000", "source"] == "plane-alert-db"
    assert "registration:tar1090-db" in whole.loc["778681", "source"].split()
    assert "operator:opensky-aircraft" in whole.loc["778681", "source"].split()
    assert differing.to_numpy().tolist() == [
        ["07c024", "registration", "ST-EWX (tar1090-db), 5A-EWX (plane-alert-db)"],
        ["778681", "registration", "YK-ATA (tar1090-db), YK-ATB (opensky-aircraft)"],
    ]


@pytest.mark.parametrize("parse", [identity.tar1090, identity.plane_alert, identity.opensky])
@pytest.mark.parametrize("data", [b"<html>no", still(TAR)[:-9], b"\xff\xfe\x00"])
def test_a_table_that_is_none_gets_one_clear_line(parse: Any, data: bytes) -> None:
    with pytest.raises(InputError):
        parse(data, DAY)


def test_a_table_without_its_columns_names_them() -> None:
    with pytest.raises(InputError, match="icao type is missing"):
        identity.plane_alert(b"$ICAO,$Registration\n", DAY)


def test_a_table_is_downloaded_over_its_redirect_and_the_newest_month_is_found(feed: Any, other: Any) -> None:
    path = "/wiedehopf/tar1090-db/raw/refs/heads/csv/aircraft.csv.gz"
    feed.answers[path] = lambda h: h.reply(b"", status=302, Location=f"{other.url}/x")
    other.body("/x", gzip.compress(TAR), "application/octet-stream")
    feed.body("/data-samples/metadata/aircraft-database-complete-2025-12.csv", SKY, "text/csv")
    client = Client("desk@example.org", allow_private=True)
    table = identity.TABLES["tar1090-db"]
    lying = identity.Table(table.name, table.url, ("localhost",), table.terms, table.parse)

    assert identity.download(lying, client, DAY, base=feed.url) == gzip.compress(TAR)
    assert identity.download(identity.TABLES["opensky-aircraft"], client, date(2026, 2, 1), base=feed.url) == SKY
    with pytest.raises(SourceError):
        identity.download(identity.TABLES["opensky-aircraft"], client, date(2026, 8, 1), base=feed.url)


def test_a_registrations_country_and_the_hint_of_a_russian_address() -> None:
    assert marks.country("EW-383TH") == "BY"
    assert marks.country("HL7742") == "KR"
    assert marks.country("UK76351") == "UZ"
    assert marks.country("") == ""
    assert marks.hint("140a1f") == "RA-02591"


@pytest.mark.real
def test_the_real_tables_are_read_to_the_last_row(real_data: Path) -> None:
    folder = real_data / "reference"
    rows, rejected = identity.plane_alert((folder / "plane-alert-db/plane-alert-db.csv").read_bytes(), DAY)
    prefixes = pd.read_csv(folder / "vradar-standing-data/registration-prefixes.csv", dtype=str, keep_default_na=False)

    assert rows["icao24"].nunique() + sum(rejected.values()) >= 17_190
    assert (rows[rows["field"] == "typecode"]["value"] == "IL76").sum() == 270
    known: dict[str, set[str]] = {}
    for prefix, country in zip(prefixes["Prefix"], prefixes["CountryISO2"], strict=True):
        known.setdefault(prefix.rstrip("-"), set()).add(country)
    ours = {p: c for p, c in marks.PREFIXES.items() if p in known}
    assert len(ours) > 100
    assert {p: (c, known[p]) for p, c in ours.items() if c not in known[p]} == {}
