"""An alert's flights as rows of words, for pages."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from flightwatch.alerts.flightlist import row as flight_row
from flightwatch.plots.labels import short
from flightwatch.telling import Alert

if TYPE_CHECKING:
    from flightwatch.explore.explorer import Explorer

SEEN = ("observed", "approach", "reported")
HOW = {
    "observed": "seen",
    "approach": "seen low",
    "reported": "reported",
    "inferred": "inferred",
    "unknown": "not known",
}


def flight_rows(db: Explorer, alert: Alert) -> list[dict[str, Any]]:
    """First heard, who, from, to, and how both ends are known; in order of time."""
    listed = alert.evidence.get("flights", {})
    flights = db.flights(alert=alert)
    out = []
    for flight in flights.to_dict("records"):
        text = flight_row(flight["flight_id"], listed.get(flight["flight_id"], {}), flight, names=db_name(db))
        notes = [_known(flight), *(text[k] for k in ("counted",) if k in text)]
        if text.get("leg"):
            notes.append("return flight")
        if text.get("doubt"):
            notes.append(f"positions doubted: {text['doubt']}")
        out.append(
            {
                "departed": text.get("departed", ""),
                "who": [text[k] for k in ("callsign", "registration", "typecode", "icao24") if text.get(k)],
                "from": text["from"],
                "to": text["to"],
                "how": "; ".join(notes),
                "flight": text["flight"],
            }
        )
    return out


def _known(flight: dict[Any, Any]) -> str:
    """How both ends are known, in a few words."""
    departure, arrival = (HOW.get(flight[f"{end}_method"], flight[f"{end}_method"]) for end in ("departure", "arrival"))
    seen = all(flight[f"{end}_method"] in SEEN for end in ("departure", "arrival"))
    if seen or departure == arrival:
        return f"both ends {'seen' if seen else departure}"
    return f"departure {departure}, arrival {arrival}"


def db_name(db: Explorer) -> Any:
    """Airport ids as names for people, for one database's lists."""

    def name(code: str) -> str:
        airport = db.airports.find(code)
        return f"{short(airport.name or airport.city)} ({code})" if airport else code

    return name
