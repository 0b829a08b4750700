"""An alert's flights as rows of words, for pages."""

from __future__ import annotations

from typing import TYPE_CHECKING

from flightwatch.alerts.flightlist import row as flight_row
from flightwatch.explore.why import SEEN, db_name
from flightwatch.records import Alert

if TYPE_CHECKING:
    from flightwatch.explore.explorer import Explorer

HOW = {
    "observed": "seen",
    "approach": "seen on approach",
    "reported": "reported",
    "inferred": "inferred",
    "unknown": "not known",
}


def flight_rows(db: Explorer, alert: Alert) -> list[dict[str, str]]:
    """Departed, who, from, to, how both ends are known; in order of time."""
    listed = alert.evidence.get("flights", {})
    flights = db.flights(alert=alert)
    out = []
    for flight in flights.to_dict("records"):
        text = flight_row(flight["flight_id"], listed.get(flight["flight_id"], {}), flight, names=db_name(db))
        ends = [HOW.get(flight[f"{end}_method"], flight[f"{end}_method"]) for end in ("departure", "arrival")]
        how = "both ends seen" if all(flight[f"{e}_method"] in SEEN for e in ("departure", "arrival")) else ""
        notes = [
            how or f"departure {ends[0]}, arrival {ends[1]}",
            *(text[k] for k in ("leg", "counted", "doubt") if k in text),
        ]
        out.append(
            {
                "departed": text.get("departed", ""),
                "who": " ".join(text[k] for k in ("callsign", "registration", "typecode", "icao24") if text.get(k)),
                "from": text["from"],
                "to": text["to"],
                "how": "; ".join(notes),
                "flight": text["flight"],
            }
        )
    return out
