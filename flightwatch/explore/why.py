"""An alert as an editor's note: what was counted, against what, how unlikely, which part is inference, what could be
wrong, and what would have kept it quiet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from flightwatch.alerts.flightlist import row as flight_row
from flightwatch.alerts.message import which_route
from flightwatch.alerts.words import day as say_day
from flightwatch.alerts.words import doubts, headline, listing, split_rarity, times
from flightwatch.alerts.words import flights as say_flights
from flightwatch.countries import said
from flightwatch.detection.words import FEATURES
from flightwatch.explore.again import recomputed
from flightwatch.explore.flightrows import SEEN, db_name
from flightwatch.explore.note import Note
from flightwatch.notify.clean import line
from flightwatch.telling import Alert
from flightwatch.words import number, rarity

if TYPE_CHECKING:
    from flightwatch.explore.explorer import Explorer

WEAK_COVERAGE = 0.6  # below it a count says little, and the day is not learned from
SHORT_HISTORY = 120  # days: twice the 60 that judging needs, so that a change of season is included
TELLING_SHARE = 0.05  # of all contributions: smaller ones are not named


def note(db: Explorer, alert: Alert) -> Note:
    """The note on an alert, from its evidence, the stored findings and the present flights."""
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
    title = line(f"Alert {alert.id}, {alert.severity}, {alert.status}: {headline(alert.route, alert.headline)}")
    kept = tuple((heading, tuple(line(p) for p in said)) for heading, said in sections if said)
    return Note(title, kept)


def strongest(db: Explorer, alert: Alert) -> dict[str, Any] | None:
    """The most informative finding: of the alert's own route, flagged, with the highest score; None if none is left."""
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
            f"{count[0].upper()}{count[1:]} on {said(alert.route)} in the {window} days from {say_day(first)} to "
            f"{say_day(last)}, the most unusual stretch of the episode."
        )
    if "listed" in e:
        seen = e["confirmed_flights"]
        out.append(
            f"The whole episode, {say_day(alert.first_day)} to {say_day(alert.last_day)}: {_counted_of(e['listed'])} "
            f"by {e['aircraft']} aircraft. {seen if seen else 'None'} of them {'were' if seen > 1 else 'was'} seen at "
            f"both ends. Each counts with the probability that it flew {which_route(alert.routes)}: that makes "
            f"{number(e['expected_flights'])}."
        )
        if e.get("homeward"):
            out.append(f"{_counted_of(e['homeward'])} back: listed below, not counted here.")
    others = [said(name) for name in alert.routes if name != alert.route]
    if others:
        out.append(f"This alert also covers {listing(others)}, where the same flights or their returns were unusual.")
    return out


def _against(finding: dict[str, Any] | None) -> list[str]:
    if not finding:
        return []
    days, multiple = int(finding["window_days"]), _float(finding["multiple"], float("inf"))
    usual = f"Usual in {days} days: {number(finding['expected'])}. Nine in ten ordinary windows of {days} days have "
    so = f" This is {times(multiple)}." if multiple < float("inf") else ""
    return [
        f"{usual}{_band(finding)}.{so}",
        f"What is usual is learned from {int(finding['history_days'])} watched days of this route. Older days weigh "
        "less, and days flagged earlier are left out. It is corrected for how well each day was watched "
        f"({finding['coverage']:.0%} in this window) and for what neighbouring routes did.",
    ]


def _unlikely(finding: dict[str, Any] | None) -> list[str]:
    if not finding:
        return []
    rare, _ = split_rarity(finding.get("reasons") or [])
    if not rare:
        return [f"All signs together: on such routes {rarity(_float(finding['probability'], 0.0))}."]
    return [f"All signs together: {r}." for r in rare]


def _reacted(finding: dict[str, Any] | None) -> list[str]:
    shares = dict((finding or {}).get("contributions") or {})
    total = sum(abs(v) for v in shares.values())
    if not total or not finding:
        return []
    out = [f"The day scored {finding['score']:.2f}; an alert needs {finding['threshold']:.2f}."]
    ordered = sorted(shares.items(), key=lambda item: -abs(item[1]))
    told = [(FEATURES.get(k, k), v) for k, v in ordered if abs(v) >= TELLING_SHARE * total]
    stranger = [f"{name} ({v:+.2f})" for name, v in told if v > 0]
    usual = [f"{name} ({v:+.2f})" for name, v in told if v < 0]
    if stranger:
        out.append(f"What raised the score, most important first: {listing(stranger)}.")
    if usual:
        out.append(f"What lowered it: {listing(usual)}.")
    _, others = split_rarity(finding.get("reasons") or [])
    return out + [f"{r[0].upper()}{r[1:]}." for r in others[1:]]


def _flights(db: Explorer, alert: Alert, flights: pd.DataFrame) -> list[str]:
    listed = alert.evidence.get("flights", {})
    rows = flights.set_index("flight_id").to_dict("index")
    inferred = sum(1 for r in rows.values() if not _seen(r))
    out = [
        f"{len(rows) - inferred or 'None'} with both ends seen, {inferred or 'none'} with an end nobody saw. Such an "
        "end is inferred from the nearest position, the time until the airframe was next seen, and where it has been."
    ]
    for flight_id in sorted(rows, key=lambda k: rows[k]["firstseen"]):
        text = flight_row(flight_id, listed.get(flight_id, {}), rows[flight_id], names=db_name(db))
        who = " ".join(text[k] for k in ("callsign", "registration", "typecode", "icao24") if text.get(k))
        doubt = f"positions doubted: {text['doubt']}" if text.get("doubt") else ""
        extra = "; ".join(part for part in (text.get("leg"), text.get("counted"), doubt) if part)
        how = "seen" if _seen(rows[flight_id]) else "inferred"
        out.append(
            f"[{how}] {text.get('departed', '')} {who}: {text['from']} to {text['to']}{'; ' + extra if extra else ''}"
        )
    gone = set(listed) - set(rows)
    if gone:
        out.append(f"{_counted_of(len(gone))} more: no longer in the database under the ids the alert knows.")
    return out


def _seen(row: dict[str, Any]) -> bool:
    return row["departure_method"] in SEEN and row["arrival_method"] in SEEN


def _quiet(db: Explorer, alert: Alert, finding: dict[str, Any] | None) -> list[str]:
    if not finding:
        return []
    most = int(finding["upper"])
    days = int(finding["window_days"])
    out = [
        f"{_counted_of(most)} or fewer in those {days} days would have been within the usual range."
        if most
        else f"Only {days} days without a single flight would have been within the usual range."
    ]
    again = recomputed(db, finding)
    if again is not None:
        out += [f"Judged again with the same model: {s}." for s in again if s.startswith(("without", "even without"))]
    return out


def _doubts(db: Explorer, alert: Alert, finding: dict[str, Any] | None, flights: pd.DataFrame) -> list[str]:
    out = []
    inferred = int(sum(not _seen(r) for r in flights.to_dict("records")))
    if inferred:
        out.append(
            f"{inferred} of {len(flights)} flights have an end that nobody saw. A track that stops over the sea cannot "
            "tell airfields that lie close together apart."
        )
    doubted = flights[flights["suspect"].astype(str) != ""]
    if len(doubted):
        kinds = sorted({w.strip() for s in doubted["suspect"] for w in str(s).split(",") if w.strip()})
        has = "has" if len(doubted) == 1 else "have"
        what = listing(doubts(k) for k in kinds)
        out.append(f"{_counted_of(len(doubted))} {has} doubted positions ({what}): spoofing or jamming may be at work.")
    if finding and finding["coverage"] < WEAK_COVERAGE:
        heard = f"{finding['coverage']:.0%}"
        out.append(f"Coverage was only {heard} in this window: the true count may be higher.")
    if finding and finding["history_days"] < SHORT_HISTORY:
        out.append(
            f"Only {int(finding['history_days'])} watched days show what is usual: too few to cover the seasons."
        )
    for notice in db.store.notices():
        days = (
            notice.first_day
            and notice.last_day
            and notice.first_day <= alert.last_day
            and notice.last_day >= alert.first_day
        )
        if days and set(notice.routes) & set(alert.routes):
            out.append(f"During these days: {notice.text}")
    changed = db.store.flight_updates()
    own = changed[changed["flight_id"].isin(flights["flight_id"])] if len(changed) else changed
    if len(own):
        count = own["flight_id"].nunique()
        out.append(
            f"{_counted_of(count)} {'was' if count == 1 else 'were'} corrected after first being recorded "
            f"({len(own)} change{'' if len(own) == 1 else 's'})."
        )
    out.append(
        "These data cannot tell who or what was on board, or whether the broadcast identity is true. Flights with the "
        "transponder off all the way are not in them."
    )
    return out


def _band(finding: dict[str, Any]) -> str:
    low, high = number(finding["lower"]), number(finding["upper"])
    if high == "0":
        return "none"
    return f"{high} or fewer" if low == "0" else f"{low} to {high}"


def _counted_of(count: int) -> str:
    return f"{count} flight{'' if count == 1 else 's'}"


def _float(value: Any, unknown: float) -> float:
    return unknown if value is None or pd.isna(value) else float(value)
