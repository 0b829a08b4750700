"""Alerts and their messages: look, acknowledge, dismiss, silence, try a channel, see what was sent."""

from __future__ import annotations

import getpass
import re
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

import click

from flightwatch.cli.base import NUMBER, Sections, Session, Words, command, emit_json, json_option, say, stamp, table
from flightwatch.cli.look import end, known_route
from flightwatch.errors import ConfigError, UsageError

if TYPE_CHECKING:
    from flightwatch.config import Settings
    from flightwatch.telling import Alert, Delivery

TITLE = "Alerts"


@click.group("alerts", cls=Sections)
def alerts_group() -> None:
    """List alerts and record what became of them."""


@command("list")
@click.option("--status", multiple=True, type=click.Choice(["open", "acknowledged", "dismissed", "closed"]))
@json_option
def alerts_list(session: Session, status: tuple[str, ...], as_json: bool) -> None:
    """List all alerts, newest first."""
    with session.store(readonly=True) as store:
        found = store.alerts(list(status) or None)
    if as_json:
        emit_json({"alerts": [vars(a) for a in found]})
        return
    if not found:
        click.echo("no alerts")
        return
    rows = [(a.id, stamp(a.opened), a.status, a.severity, _days(a), a.headline) for a in found]
    table(rows, ["id", "opened (UTC)", "status", "severity", "days", "what"], right=["id"])


def _days(a: Alert) -> str:
    return f"{a.first_day} … {a.last_day}" if a.last_day != a.first_day else f"{a.first_day}"


@command("show")
@click.argument("number", type=NUMBER)
@json_option
def alerts_show(session: Session, number: int, as_json: bool) -> None:
    """Show one alert: why it was raised, its flights, its history, and what was sent."""
    from flightwatch.explore import Explorer

    with session.store(readonly=True) as store:
        alert = store.alert(number)
        note = None if as_json else Explorer(store).why(alert)
        flights = store.flights(ids=store.alert_flights(number))
        events = store.alert_events(number)
        sent = store.deliveries(alert=number)
    if as_json:
        emit_json(
            {
                "alerts": [
                    {
                        **vars(alert),
                        "flights": flights.drop(columns="track").to_dict("records"),
                        "events": events.to_dict("records"),
                        "deliveries": [_delivery_json(d) for d in sent],
                    }
                ]
            }
        )
        return
    assert note is not None
    click.echo(f"{note.without('The flights')}\n")
    rows = [
        (
            stamp(f.firstseen),
            f.callsign,
            f.registration,
            f.typecode,
            f.icao24,
            end(f.estdepartureairport, f.departure_method, f.departure_candidates),
            end(f.estarrivalairport, f.arrival_method, f.arrival_candidates),
        )
        for f in flights.itertuples()
    ]
    click.echo("The flights, outbound and back (? = inferred, nobody saw that end)")
    table(rows, ["first seen (UTC)", "callsign", "reg", "type", "icao24", "from", "to"])
    click.echo("\nWhat happened to it, and what was sent")
    for e in events.itertuples():
        by = f" by {e.by}" if e.by else ""
        said = e.reason or e.headline.removeprefix(f"{alert.route}: ")
        click.echo(f"{stamp(e.at)}  {e.status}, {e.severity}{by}: {said}")
    for d in sent:
        click.echo(f"{stamp(d.sent or d.next_try)}  {d.channel} {d.kind}: {d.state} {d.answer}")
    click.echo(
        f"\nNext: `flightwatch alerts ack {number} --note …` or `dismiss {number} --reason …`; "
        f"`flightwatch evidence export {number} -o alert-{number}`"
    )


def _change(name: str, status: str, words: str, *, needs_reason: bool) -> click.Command:
    @command(name, help=words)
    @click.argument("number", type=NUMBER)
    @click.option(
        "--note",
        "--reason",
        "reason",
        type=Words() if needs_reason else str,
        # click 8.5 does not prompt if a default is given, even None
        **({"required": True} if needs_reason else {"default": ""}),
        help="Note kept with the alert.",
    )
    @click.option("--by", default=getpass.getuser, show_default="you", help="Your name.")
    @click.option("--dry-run", is_flag=True, help="Show what would change, change nothing.")
    def change(session: Session, number: int, reason: str, by: str, dry_run: bool) -> None:
        with session.store(visit=True) as store:
            alert = store.alert(number)
            if dry_run:
                click.echo(f"alert {number} is {alert.status} and would be {status}")
                return
            if alert.status == status:
                raise UsageError(f"alert {number} is {status} already")
            store.set_alert(number, status, by=by, reason=reason, now=session.now())
        click.echo(f"alert {number}: {status}")

    return change


alerts_ack = _change("ack", "acknowledged", "Mark an alert as being looked into: reminders stop.", needs_reason=False)
alerts_dismiss = _change(
    "dismiss",
    "dismissed",
    "Mark an alert as a false alarm, with the reason. Its days neither alert again nor count as normal, unless the"
    " reason begins with 'ordinary': then this traffic is learned as normal.",
    needs_reason=True,
)
alerts_close = _change("close", "closed", "Mark an alert as over.", needs_reason=False)

for _command in (alerts_list, alerts_show, alerts_ack, alerts_dismiss, alerts_close):
    alerts_group.add_command(_command)


@click.group("silence", cls=Sections)
def silence_group() -> None:
    """Mute routes for a while: alerts are kept, but no messages are sent."""


class Span(click.ParamType[timedelta]):
    """A duration such as 90m, 12h, 3d, 2w."""

    name = "90m|12h|3d|2w"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> timedelta:
        if isinstance(value, timedelta):
            return value
        units = {"m": "minutes", "h": "hours", "d": "days", "w": "weeks"}
        text = str(value)
        if not re.fullmatch("[0-9]{1,4}[mhdw]", text) or not int(text[:-1]):
            self.fail(f"{value!r} is not a duration; write 90m, 12h, 3d or 2w", param, ctx)
        return timedelta(**{units[text[-1]]: int(text[:-1])})


@command("add")
@click.argument("route")
@click.option("--for", "span", type=Span(), required=True, help="Duration, such as 90m, 12h, 3d or 2w.")
@click.option("--reason", type=Words(), required=True, help="Why; shown in the list.")
@click.option("--by", default=getpass.getuser, show_default="you", help="Your name.")
def silence_add(session: Session, route: str, span: timedelta, reason: str, by: str) -> None:
    """Mute ROUTE: a name, or a pattern with *."""
    from flightwatch.telling import Silence

    now = session.now()
    with session.store(visit=True) as store:
        if not set(route) & set("*?["):
            route = known_route(store.routes(), route).name
        made = store.add_silence(Silence(0, route, reason, by, now, now + span))
    click.echo(f"silence {made.id}: {made.route!r} until {stamp(made.expires)} UTC")


@command("list")
@click.option("--all", "everything", is_flag=True, help="Also show those that are over.")
@json_option
def silence_list(session: Session, everything: bool, as_json: bool) -> None:
    """List the silences in force."""
    with session.store(readonly=True) as store:
        found = store.silences(None if everything else session.now())
    if as_json:
        emit_json({"silences": [vars(s) for s in found]})
    elif found:
        rows = [(s.id, s.route, stamp(s.expires), s.by, s.reason) for s in found]
        table(rows, ["id", "route", "until (UTC)", "by", "why"], right=["id"])
    else:
        click.echo("no silences")


@command("expire")
@click.argument("number", type=NUMBER)
def silence_expire(session: Session, number: int) -> None:
    """End a silence now."""
    with session.store(visit=True) as store:
        store.expire_silence(number, session.now())
    click.echo(f"silence {number} is over")


for _command in (silence_add, silence_list, silence_expire):
    silence_group.add_command(_command)


STATES = {"pending": "not sent, will be tried again", "dead": "failed"}
"""States of a delivery in words, where the name is not clear."""


@click.group("notify", cls=Sections)
def notify_group() -> None:
    """Try out the channels."""


@command("test")
@click.option("--channel", "only", help="Only this channel. Default: every enabled one.")
@click.option("--dry-run", is_flag=True, help="Print the message; send nothing.")
def notify_test(session: Session, only: str | None, dry_run: bool) -> None:
    """Send a test message, marked as such, and show the provider's answer; exit code 1 if one fails."""
    from flightwatch.jobs.deliver import send_test
    from flightwatch.jobs.setup import context

    settings = session.settings
    channels = [c for c in settings.channels if c.enabled and only in (None, c.name)]
    if not channels:
        raise ConfigError(_no_channel(settings, only))
    if dry_run:
        from flightwatch.jobs.deliver import test_message

        message = test_message(session.now())
        click.echo(f"to {', '.join(c.name for c in channels)}:\n{message.title}\n{message.summary}")
        return
    with session.store(visit=True) as store:
        ctx = context(settings, store, channels=[c.name for c in channels])
        answers = send_test(ctx, session.now())
    for answer in answers:
        said = answer.answer.removeprefix(f"channel {answer.channel}: ")
        click.echo(f"{answer.channel}: {STATES.get(answer.state, answer.state)}{': ' + said if said else ''}")
    if any(a.state != "sent" for a in answers):
        raise click.exceptions.Exit(1)


def _no_channel(settings: Settings, only: str | None) -> str:
    """Why there is nothing to test, and what to do about it."""
    from difflib import get_close_matches

    names = [c.name for c in settings.channels]
    if not names:
        return "no channel is configured: add a [[channel]] to the configuration (docs/howto.md shows Slack and e-mail)"
    if only is None:
        return f"every channel is switched off (enabled = false): {', '.join(names)}"
    if only in names:
        return f"channel {only!r} is switched off (enabled = false)"
    near = get_close_matches(only, names, n=1)
    return f"there is no channel {only!r}; " + (
        f"did you mean {near[0]!r}?" if near else f"there is {', '.join(names)}"
    )


notify_group.add_command(notify_test)


@click.group("deliveries", cls=Sections)
def deliveries_group() -> None:
    """Show the outbox: every message, its channel, and whether it was sent."""


@command("list")
@click.option(
    "--state", multiple=True, type=click.Choice(["pending", "sending", "sent", "dead"]), help="Only this state."
)
@json_option
def deliveries_list(session: Session, state: tuple[str, ...], as_json: bool) -> None:
    """List messages, oldest first."""
    with session.store(readonly=True) as store:
        found = store.deliveries(state=list(state) or None)
    if as_json:
        emit_json({"deliveries": [_delivery_json(d) for d in found]})
        return
    if not found:
        click.echo("no messages")
        return
    rows = [
        (d.id, d.alert or "", d.channel, d.kind, d.state, d.attempts, stamp(_when(d)), d.answer or d.message["title"])
        for d in found
    ]
    columns = ["id", "alert", "channel", "kind", "state", "tries", "sent or next try (UTC)", "answer or title"]
    table(rows, columns, right=["id", "alert", "tries"])


def _when(d: Delivery) -> datetime | None:
    return d.sent or (d.next_try if d.state == "pending" else None)


def _delivery_json(d: Delivery) -> dict[str, Any]:
    return {**vars(d), "message": {k: v for k, v in d.message.items() if k != "picture"}}


@command("retry")
@click.argument("number", type=NUMBER)
def deliveries_retry(session: Session, number: int) -> None:
    """Try a message again now, even one that was given up."""
    with session.store(visit=True) as store:
        again = store.retry_delivery(number, session.now())
    click.echo(f"delivery {again.id} to {again.channel} is due now")
    say("the daemon sends it within seconds; `flightwatch once` sends it from here")


for _command in (deliveries_list, deliveries_retry):
    deliveries_group.add_command(_command)

COMMANDS = [alerts_group, silence_group, notify_group, deliveries_group]
