"""An alert as an editor's note: what was counted, against what, how unlikely, which part is inference, what could be
wrong, and what would have kept it quiet."""

from __future__ import annotations

import html
import textwrap
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import pandas as pd

from flightwatch.alerts.flightlist import row as flight_row
from flightwatch.alerts.words import day as say_day
from flightwatch.alerts.words import flights as say_flights
from flightwatch.alerts.words import listing, number, rarity, times
from flightwatch.detection.words import FEATURES
from flightwatch.errors import InputError
from flightwatch.notify.clean import line
from flightwatch.plots.labels import short
from flightwatch.records import Alert

if TYPE_CHECKING:
    from flightwatch.explore.explorer import Explorer

SEEN = ("observed", "approach", "reported")
WEAK_COVERAGE = 0.6  # below it a count says little, and a day does not teach
SHORT_HISTORY = 120  # days: twice the 60 that judging needs, so that a season's turn is in it
TELLING_SHARE = 0.05  # of all contributions: smaller ones are not named


@dataclass(frozen=True)
class Note:
    """A note of titled paragraphs: text when printed, escaped HTML in a notebook."""

    title: str
    sections: tuple[tuple[str, tuple[str, ...]], ...]

    def __str__(self) -> str:
        out = [self.title, "=" * min(len(self.title), 100)]
        for heading, paragraphs in self.sections:
            out += ["", heading]
            out += [textwrap.fill(p, 100, initial_indent="  ", subsequent_indent="    ") for p in paragraphs]
        return "\n".join(out)

    __repr__ = __str__

    def _repr_html_(self) -> str:
        return self.html()

    def html(self, level: int = 3) -> str:
        """The note as HTML, every value escaped.

        >>> Note("a <b>", (("c", ("d",)),)).html()
        '<h3>a &lt;b&gt;</h3><h4>c</h4><ul><li>d</li></ul>'
        """
        out = [f"<h{level}>{html.escape(self.title)}</h{level}>"]
        for heading, paragraphs in self.sections:
            items = "".join(f"<li>{html.escape(p)}</li>" for p in paragraphs)
            out.append(f"<h{level + 1}>{html.escape(heading)}</h{level + 1}><ul>{items}</ul>")
        return "".join(out)


def note(db: Explorer, alert: Alert) -> Note:
    """The note on an alert, from its evidence, the stored findings and the flights as they are now."""
    finding = strongest(db, alert)
    flights = db.flights(alert=alert)
    sections = [
        ("What was counted", _counted(alert, finding)),
        ("Against what", _against(finding)),
        ("How unlikely", _unlikely(finding)),
        ("What the model reacted to", _reacted(finding)),
        ("The flights: what is seen, what is inferred", _flights(db, alert, flights)),
        ("What would have kept it quiet", _quiet(db, alert, finding)),
        ("What could be wrong", _doubts(db, alert, finding, flights)),
    ]
    title = line(f"Alert {alert.id}, {alert.severity}, {alert.status}: {alert.headline}")
    kept = tuple((heading, tuple(line(p) for p in said)) for heading, said in sections if said)
    return Note(title, kept)


def strongest(db: Explorer, alert: Alert) -> dict[str, Any] | None:
    """The finding that says most: of the alert's own route, flagged, with the highest score; None when none is left."""
    held = db.store.findings(alert.route, alert.first_day, alert.last_day, True)
    if held.empty:
        peak = alert.evidence.get("peak")
        return dict(peak) if peak else None
    best: dict[str, Any] = held.sort_values(["score", "day"]).iloc[-1].to_dict()
    return best


def _counted(alert: Alert, finding: dict[str, Any] | None) -> list[str]:
    e = alert.evidence
    out = []
    if finding:
        window, last = int(finding["window_days"]), pd.Timestamp(finding["day"])
        first = last - pd.Timedelta(days=window - 1)
        count = say_flights(finding["observed"])
        out.append(
            f"{count[0].upper()}{count[1:]} on {alert.route} in the {window} days from {say_day(first)} to "
            f"{say_day(last)}, the strangest stretch of the episode."
        )
    if "listed" in e:
        out.append(
            f"The whole episode, {say_day(alert.first_day)} to {say_day(alert.last_day)}: {e['listed']} flights listed "
            f"by {e['aircraft']} aircraft, {number(e['expected_flights'])} expected to be on the route when every "
            f"uncertain end counts with its probability; {e['confirmed_flights']} with both ends seen."
        )
        if e.get("homeward"):
            out.append(f"{e['homeward']} flights back are listed with it and not counted.")
    others = [name for name in alert.routes if name != alert.route]
    if others:
        out.append(f"The same flights were also counted by {listing(others)}: one story, one alert.")
    return out


def _against(finding: dict[str, Any] | None) -> list[str]:
    if not finding:
        return []
    band = f"in nine of ten ordinary windows between {number(finding['lower'])} and {number(finding['upper'])}"
    return [
        f"Usual in {int(finding['window_days'])} days: {number(finding['expected'])}, {band}; so it is "
        f"{times(_float(finding['multiple'], float('inf')))}.",
        f"The usual count is the route's own past, older days weighing less, corrected for how well each day was "
        f"watched ({finding['coverage']:.0%} in this window) and for what neighbouring routes do; "
        f"it rests on {int(finding['history_days'])} watched days. Flagged days do not teach it.",
    ]


def _unlikely(finding: dict[str, Any] | None) -> list[str]:
    if not finding:
        return []
    rare = [r for r in finding.get("reasons") or [] if "simulated" in r or "ordinary traffic" in r]
    if not rare:
        return [f"Taken together, {rarity(_float(finding['probability'], 0.0))} on a route like this one."]
    return [f"{r[0].upper()}{r[1:]}, all signs taken together." for r in rare]


def _reacted(finding: dict[str, Any] | None) -> list[str]:
    shares = dict((finding or {}).get("contributions") or {})
    total = sum(abs(v) for v in shares.values())
    if not total:
        return []
    ordered = sorted(shares.items(), key=lambda item: -abs(item[1]))
    told = [(FEATURES.get(k, k), v) for k, v in ordered if abs(v) >= TELLING_SHARE * total]
    stranger = [f"{name} ({v:+.2f})" for name, v in told if v > 0]
    usual = [f"{name} ({v:+.2f})" for name, v in told if v < 0]
    out = [f"Made it stranger, most important first: {listing(stranger)}."] if stranger else []
    if usual:
        out.append(f"Made it look more usual: {listing(usual)}.")
    others = [r for r in (finding or {}).get("reasons") or [] if "ordinary traffic" not in r and "simulated" not in r]
    return out + [f"{r[0].upper()}{r[1:]}." for r in others[1:]]


def _flights(db: Explorer, alert: Alert, flights: pd.DataFrame) -> list[str]:
    listed = alert.evidence.get("flights", {})
    rows = flights.set_index("flight_id").to_dict("index")
    inferred = sum(1 for r in rows.values() if not _seen(r))
    out = [
        f"{len(rows) - inferred} with both ends seen, {inferred} with an end that is inferred from the last fix, the "
        "time until the airframe's next appearance and where it has been before."
    ]
    for flight_id in sorted(rows, key=lambda k: rows[k]["firstseen"]):
        text = flight_row(flight_id, listed.get(flight_id, {}), rows[flight_id], names=db_name(db))
        who = " ".join(text[k] for k in ("callsign", "registration", "typecode", "icao24") if text.get(k))
        extra = "; ".join(text[k] for k in ("leg", "counted", "doubt") if text.get(k))
        how = "seen" if _seen(rows[flight_id]) else "inferred"
        out.append(
            f"[{how}] {text.get('departed', '')} {who}: {text['from']} to {text['to']}{'; ' + extra if extra else ''}"
        )
    gone = set(listed) - set(rows)
    if gone:
        out.append(f"{len(gone)} flights of the alert are no longer in the database under the ids they had.")
    return out


def db_name(db: Explorer) -> Any:
    """Airport ids as people know them, for one database's lists."""

    def name(code: str) -> str:
        airport = db.airports.find(code)
        return f"{short(airport.name or airport.city)} ({code})" if airport else code

    return name


def _seen(row: dict[str, Any]) -> bool:
    return row["departure_method"] in SEEN and row["arrival_method"] in SEEN


def _quiet(db: Explorer, alert: Alert, finding: dict[str, Any] | None) -> list[str]:
    if not finding:
        return []
    most = int(finding["upper"])
    days = int(finding["window_days"])
    out = [f"A count of {most} or fewer in the same {days} days would have been within the usual range."]
    again = recomputed(db, finding)
    if again is not None:
        out += [f"Judged again with the same model: {s}." for s in again if s.startswith(("without", "even without"))]
    return out


def recomputed(db: Explorer, finding: dict[str, Any]) -> tuple[str, ...] | None:
    """What the model that judged says when asked again about this day; None when it cannot be made again.

    The model is trained anew from its record, and only used when its training data are still the same.
    """
    from flightwatch import detection

    held = db.store.model(str(finding["model"]))
    if held is None:
        return None
    days = db.store.route_days()
    flagged = db.store.findings(flagged=True)[["route", "day"]]
    for left_out in (flagged, flagged[flagged["day"] < pd.Timestamp(held[0]["created"].date())], None):
        model = detection.from_record(held[0], days, left_out)
        if model is not None:
            break
    else:
        return None
    try:
        told = detection.explain(
            days, str(finding["route"]), pd.Timestamp(finding["day"]).date(), model=model, exclude=left_out
        )
    except InputError:
        return None
    return tuple(told.sentences)


def _doubts(db: Explorer, alert: Alert, finding: dict[str, Any] | None, flights: pd.DataFrame) -> list[str]:
    out = []
    inferred = int(sum(not _seen(r) for r in flights.to_dict("records")))
    if inferred:
        out.append(
            f"{inferred} of {len(flights)} flights have an end nobody saw; fields close together cannot be told apart "
            "by a track that ends over the sea."
        )
    doubted = flights[flights["suspect"].astype(str) != ""]
    if len(doubted):
        kinds = sorted({w.strip() for s in doubted["suspect"] for w in str(s).split(",") if w.strip()})
        out.append(
            f"{len(doubted)} flights have doubted positions ({listing(kinds)}): spoofing or jamming may be at work."
        )
    if finding and finding["coverage"] < WEAK_COVERAGE:
        heard = f"{finding['coverage']:.0%}"
        out.append(f"Only {heard} of the usual traffic was heard in this window: the true count may be higher.")
    if finding and finding["history_days"] < SHORT_HISTORY:
        out.append(f"Only {int(finding['history_days'])} watched days teach what is usual; a season is not in them.")
    for notice in db.store.notices():
        days = (
            notice.first_day
            and notice.last_day
            and notice.first_day <= alert.last_day
            and notice.last_day >= alert.first_day
        )
        if days and set(notice.routes) & set(alert.routes):
            out.append(f"In these days: {notice.text}")
    changed = db.store.flight_updates()
    own = changed[changed["flight_id"].isin(flights["flight_id"])] if len(changed) else changed
    if len(own):
        out.append(
            f"{own['flight_id'].nunique()} flights were corrected after they were first recorded ({len(own)} changes)."
        )
    out.append(
        "Who was on board, what was carried and whether the broadcast identity is true, these data cannot tell; "
        "flights with the transponder off all the way are not in them."
    )
    return out


def _float(value: Any, unknown: float) -> float:
    return unknown if value is None or pd.isna(value) else float(value)
