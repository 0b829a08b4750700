"""Exploring: flights, routes and airframes as tables for people and as JSON for programs."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any, cast

import click

from flightwatch.cli.base import (
    Airframe,
    Day,
    Sections,
    Session,
    Typecode,
    command,
    emit_json,
    json_option,
    say,
    stamp,
    table,
)
from flightwatch.errors import UsageError

if TYPE_CHECKING:
    from flightwatch.records import Route

TITLE = "Exploring"

LEGEND = "? = inferred: nobody saw that end. lost = the signal was lost before a landing was seen."

NOT_JSON = {"track"}
"""Bytes that are useless to a program reading JSON; `flightwatch export tracks` writes them as GeoJSON or KML."""


@command("flights", cls=Sections, invoke_without_command=True)
@click.option("--route", help="Only flights that may have flown this route.")
@click.option("--from", "since", type=Day(), help="First UTC date.")
@click.option("--to", "until", type=Day(), help="Last UTC date.")
@click.option("--airport", multiple=True, help="Only flights that may have begun or ended there; repeatable.")
@click.option(
    "--type", "typecodes", type=Typecode(), multiple=True, help="ICAO type designator such as IL76; repeatable."
)
@click.option("--callsign", help="Callsign as broadcast; RFF* finds all that begin with RFF.")
@click.option("--icao24", type=Airframe(), multiple=True, help="Airframe address, six hex digits; repeatable.")
@click.option(
    "--limit",
    type=click.IntRange(min=0),
    default=50,
    show_default=True,
    help="Show at most this many, the newest; 0 shows all.",
)
@json_option
def flights(
    session: Session,
    route: str | None,
    since: date | None,
    until: date | None,
    airport: tuple[str, ...],
    typecodes: tuple[str, ...],
    callsign: str | None,
    icao24: tuple[str, ...],
    limit: int,
    as_json: bool,
) -> None:
    """List flights: where each began and ended, how that is known, and how probable it is."""
    if click.get_current_context().invoked_subcommand:
        return
    from flightwatch.alerts.words import doubts
    from flightwatch.units import instant_of_day

    with session.store(readonly=True) as store:
        ids = None
        if route:
            name = known_route(store.routes(), route, configured=[r.name for r in session.settings.routes]).name
            ids = store.matches(name, (since or date.min, until or date.max))["flight_id"].tolist()
        found = store.flights(
            since=instant_of_day(since) if since else None,
            until=instant_of_day(until + timedelta(days=1)) if until else None,
            ids=ids,
            airports=_airports(airport) or None,
            typecodes=list(typecodes) or None,
            callsign=callsign.upper() if callsign else None,
            icao24=list(icao24) or None,
            limit=limit or None,
            newest=True,
        ).sort_values("firstseen")
        held = store.days_with_flights()
    if as_json:
        emit_json({"flights": found.drop(columns=list(NOT_JSON)).to_dict("records")})
        return
    rows = [
        (
            stamp(f.firstseen),
            f.callsign,
            f.registration,
            f.typecode,
            f.icao24,
            end(f.estdepartureairport, f.departure_method, f.departure_candidates),
            end(f.estarrivalairport, f.arrival_method, f.arrival_candidates),
            f.status,
            doubts(f.suspect),
        )
        for f in found.itertuples()
    ]
    if not rows:
        span = f"the database holds flights from {held[0]} to {held[1]}" if held else "the database holds none yet"
        say(f"no flights found; {span}")
        return
    table(rows, ["first seen (UTC)", "callsign", "reg", "type", "icao24", "from", "to", "status", "doubts"])
    say(LEGEND)
    if limit and len(found) == limit:
        say(f"only the newest {limit} are shown; --limit 0 shows all")


@command("rebuild")
@click.option("--from", "since", type=Day(), help="First UTC date.")
@click.option("--to", "until", type=Day(), help="Last UTC date.")
@click.option("--icao24", type=Airframe(), multiple=True, help="Only this airframe.")
@click.option("--dry-run", is_flag=True, help="Show what would change, change nothing.")
@json_option
def flights_rebuild(
    session: Session, since: date | None, until: date | None, icao24: tuple[str, ...], dry_run: bool, as_json: bool
) -> None:
    """Rebuild flights from the stored positions and show what changed. For archives: `backfill … --again`."""
    from flightwatch.jobs.context import Context
    from flightwatch.jobs.rebuild import rebuild_all
    from flightwatch.units import instant_of_day

    with session.store(readonly=dry_run, visit=not dry_run) as store:
        found = rebuild_all(
            Context(session.settings, store),
            session.now(),
            icao24=list(icao24),
            since=instant_of_day(since) if since else None,
            until=instant_of_day(until) + timedelta(days=1) if until else None,
            dry_run=dry_run,
        )
    if as_json:
        emit_json({"changes": found.changes, "flights": found.flights, "dry_run": dry_run})
        return
    words = "would change" if dry_run else "changed"
    changed = len({c["flight_id"] for c in found.changes})
    click.echo(f"{found.flights:,} flights of {found.airframes:,} airframes rebuilt, {changed:,} {words}")
    if found.changes:
        rows = [(c["flight_id"], c["field"], _cell(c["before"]), _cell(c["after"])) for c in found.changes]
        table(rows, ["flight", "what", "before", "after"])


def _cell(value: Any) -> str:
    if isinstance(value, bool):
        return "there" if value else "none"
    return f"{value:.2f}" if isinstance(value, float) else str(value) or "unknown"


cast("click.Group", flights).add_command(flights_rebuild)


WORTH_NAMING = 0.1  # a candidate below one in ten says nothing in a table; `--json` has them all


def end(airport: str, method: str, candidates: dict[str, float] | None) -> str:
    """An end of a flight for a table: seen ends plainly, inferred ones with their probability, unknown ones as such.

    >>> end("UMMS", "observed", {"UMMS": 0.99}), end("HLLB", "inferred", {"HLLB": 0.62, "HL59": 0.3})
    ('UMMS', 'HLLB 62 % / HL59 30 %?')
    >>> end("", "inferred", {"HLLB": 0.4, "HL59": 0.38}), end("UMMS", "inferred", {"UMMS": 0.998})
    ('HLLB 40 % / HL59 38 %?', 'UMMS over 99 %?')
    >>> end("", "unknown", {})
    'unknown'
    """
    from flightwatch.units import percent

    if method in ("observed", "approach", "reported"):
        return airport or "unknown"
    likely = [c for c in (candidates or {}).items() if c[1] >= WORTH_NAMING]
    best = sorted(likely, key=lambda c: -c[1])[:2]
    return " / ".join(f"{name} {percent(p)}".replace("%", " %") for name, p in best) + "?" if best else "unknown"


def _airports(codes: tuple[str, ...]) -> list[str]:
    """Our ids of the airports; UsageError with the nearest codes if there is no such airport."""
    from flightwatch import airports
    from flightwatch.explore.choose import airport_id

    return [airport_id(airports.load(), code) for code in codes]


def known_route(routes: list[Route], name: str, *, configured: Sequence[str] = ()) -> Route:
    """The route of that name (any case); UsageError with near misses if there is none.

    A route that is only `configured` has not been counted yet, and the error says how to do that.
    """
    by_name = {r.name.lower(): r for r in routes}
    found = by_name.get(name.lower())
    if found is None and name.lower() in (c.lower() for c in configured):
        raise UsageError(f"route {name!r} is configured but not counted yet: run `flightwatch detect`")
    if found is None:
        from flightwatch.explore.tables import nearest  # slow to import, and only needed here

        near = nearest(name, [r.name for r in routes])[:3]
        hint = f"; did you mean {' or '.join(map(repr, near))}?" if near else "; `flightwatch routes list` shows them"
        raise UsageError(f"no route is called {name!r}{hint}")
    return found


@click.group("routes", cls=Sections)
def routes_group() -> None:
    """Show the watched routes, and pairs of places found in the traffic."""


@command("list")
@click.option("--discovered", is_flag=True, help="Also list pairs of places found in the traffic.")
@json_option
def routes_list(session: Session, discovered: bool, as_json: bool) -> None:
    """List the configured routes and the airports they cover."""
    found = _configured(session)
    if discovered:
        with session.store(readonly=True) as store:
            found += [r for r in store.routes() if r.discovered]
    if as_json:
        emit_json({"routes": [_route_json(r) for r in found]})
        return
    table(
        [(r.name, _side(r.origin), _side(r.destination), _size(r), _filter(r)) for r in found],
        ["route", "from", "to", "airports", "aircraft"],
    )


def _configured(session: Session) -> list[Route]:
    from flightwatch.jobs.context import configured_routes

    return configured_routes(session.settings)


@command("show")
@click.argument("name")
@json_option
def routes_show(session: Session, name: str, as_json: bool) -> None:
    """Show one route: its definition and the airports it covers."""
    from flightwatch.airports import load

    found = _configured(session)
    if name.lower() not in {r.name.lower() for r in found}:
        try:
            with session.store(readonly=True) as store:
                found += [r for r in store.routes() if r.discovered]
        except Exception:
            say("(no database, so discovered pairs are unknown)")
    route = known_route(found, name)
    if as_json:
        emit_json({"routes": [_route_json(route)]})
        return
    airports = load()
    click.echo(f"{route.name}\n  aircraft: {_filter(route) or 'all'}")
    for label, words, ids in (
        ("from", route.origin, route.origin_airports),
        ("to", route.destination, route.destination_airports),
    ):
        if ids is None:
            click.echo(f"  {label}: anywhere")
            continue
        click.echo(f"  {label}: {_side(words)} ({len(ids)} airport{'' if len(ids) == 1 else 's'})")
        for airport in sorted(ids)[:40]:
            a = airports.find(airport)
            click.echo(f"    {airport:8} {a.name if a else ''}")
        if len(ids) > 40:
            click.echo(f"    … and {len(ids) - 40} more; --json lists all")


def _route_json(r: Route) -> dict[str, Any]:
    return {
        "name": r.name,
        "from": r.origin,
        "to": r.destination,
        "from_airports": sorted(r.origin_airports) if r.origin_airports is not None else None,
        "to_airports": sorted(r.destination_airports) if r.destination_airports is not None else None,
        "aircraft": {k: v for k, v in vars(r.aircraft).items() if v not in ((), None)},
        "discovered": r.discovered,
        "digest": r.digest,
    }


def _side(words: tuple[str, ...]) -> str:
    return ", ".join(words) or "anywhere"


def _size(r: Route) -> str:
    return " → ".join("any" if ids is None else str(len(ids)) for ids in (r.origin_airports, r.destination_airports))


def _filter(r: Route) -> str:
    f = r.aircraft
    parts = [" ".join(f.types), " ".join(f.operators), " ".join(f.icao24)]
    parts += ["military"] if f.military else ["civil"] if f.military is False else []
    parts += ["heavy"] if f.heavy else []
    chosen = " ".join(p for p in parts if p) or "all"
    return f"{chosen}; privacy-listed only {' '.join(f.hidden_types)}" if f.hidden_types else chosen


@command("coverage")
@click.argument("name")
@click.option("--from", "since", type=Day(), help="First UTC date.")
@click.option("--to", "until", type=Day(), help="Last UTC date.")
@json_option
def routes_coverage(session: Session, name: str, since: date | None, until: date | None, as_json: bool) -> None:
    """Show how well a route was watched, day by day, and why."""
    from flightwatch.jobs.context import Context
    from flightwatch.jobs.judge import coverage
    from flightwatch.routes import describe

    with session.store(readonly=True) as store:
        ctx = Context(session.settings, store)
        route = known_route(store.routes() or ctx.routes, name, configured=[r.name for r in ctx.routes])
        held = store.route_days(route.name, since, until)
        if held.empty:
            raise UsageError(f"no days have been counted for {route.name!r} in that span; run `flightwatch detect`")
        days = (held["day"].min().date(), held["day"].max().date())
        found = coverage(ctx, [route], days)
    if found is None:
        raise UsageError(f"{route.name!r} has only imported flight lists, which do not say how well it was watched")
    if as_json:
        emit_json({"coverage": found.to_dict("records")})
        return
    table(
        [(f"{r.day:%Y-%m-%d}", f"{r.coverage:.2f}", describe(r.detail)) for r in found.itertuples()],
        ["day", "coverage", "why"],
        right=["coverage"],
    )


for _command in (routes_list, routes_show, routes_coverage):
    routes_group.add_command(_command)


@click.group("aircraft", cls=Sections)
def aircraft_group() -> None:
    """Show what is known of airframes, and which source says so."""


@command("show")
@click.argument("icao24", nargs=-1, required=True)
@json_option
def aircraft_show(session: Session, icao24: tuple[str, ...], as_json: bool) -> None:
    """Show what is known of an airframe, including conflicts between sources."""
    from flightwatch.aircraft import country_of_address

    wanted = [i.lower() for i in icao24]
    with session.store(readonly=True) as store:
        claims = store.claims(wanted)
        found = store.aircraft(wanted)
    missing = sorted(set(wanted) - set(found["icao24"]))
    if missing:
        raise UsageError(f"no record of {', '.join(missing)}: give the six hex digits of an airframe that was heard")
    rows = [
        {**a, "address_country": country_of_address(str(a["icao24"])), "claims": _claims(claims, str(a["icao24"]))}
        for a in found.to_dict("records")
    ]
    if as_json:
        emit_json({"aircraft": rows})
        return
    for a in rows:
        click.echo(f"{a['icao24']}  {a['registration'] or '(no registration)'}  {a['typecode'] or '(no type)'}")
        click.echo(f"  operator: {a['operator'] or 'unknown'}   address block: {a['address_country'] or 'none'}")
        for c in a["claims"]:
            click.echo(f"  {c['source']}: {c['registration']} {c['typecode']} {c['operator']} (flags {c['flags']})")


def _claims(claims: Any, icao24: str) -> list[dict[str, Any]]:
    records: list[dict[str, Any]] = claims[claims["icao24"] == icao24].to_dict("records")
    return records


aircraft_group.add_command(aircraft_show)
COMMANDS = [flights, routes_group, aircraft_group]
