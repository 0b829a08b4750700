"""From the outbox to the channels. Each channel has its own job, so one that hangs does not delay the others."""

from __future__ import annotations

import json
import logging
import random
from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime

from flightwatch import alerts
from flightwatch.alerts import Audience
from flightwatch.jobs.context import Context
from flightwatch.jobs.crash import crash_point
from flightwatch.notify import WITH_PICTURES, Channel
from flightwatch.notify.outbox import Policy, State
from flightwatch.notify.worker import Clock, Trouble, Worker
from flightwatch.telling import Delivery, Message
from flightwatch.units import iso

log = logging.getLogger("flightwatch.deliver")


def deliver(ctx: Context, channel: Channel, now: datetime) -> None:
    """Send what is due on one channel, and notify the other channels once if it is broken.

    A run that broke off after claiming messages (the store was full, or gone) left them half sent; the next run takes
    them up again, marked as doubtful.
    """
    key = f"channel:{channel.name}"
    if channel.name in ctx.broken_off:
        ctx.store.recover_deliveries(channel.name)
    ctx.broken_off.add(channel.name)
    settings = next(c for c in ctx.settings.channels if c.name == channel.name)
    worker = Worker(
        channel,
        ctx.store,
        Policy.of(channel, settings, ctx.settings.alerts),
        Clock(ctx.clock, ctx.pause),
        random.SystemRandom(),
        keep=lambda new: ctx.store.set_mark(key, json.dumps(new.record())),
        crash_point=crash_point,
    )
    _, troubles = worker.drain(State.of(json.loads(ctx.store.get_mark(key) or "null")))
    ctx.broken_off.discard(channel.name)
    for trouble in troubles:
        tell_others(ctx, trouble, now)


def tell_others(ctx: Context, trouble: Trouble, now: datetime) -> None:
    """Sends a notice about one channel through the others; its uid limits it to one per cause and hour."""
    message = Message(
        uid=f"channel-{trouble.channel}-{trouble.kind}-{now:%Y%m%dT%H}",
        thread=f"channel-{trouble.channel}",
        title=f"[flightwatch] channel {trouble.channel}: {_WORDS[trouble.kind]}",
        summary=trouble.text,
        severity="high" if trouble.kind != "recovered" else "info",
        notes=tuple(f"Not delivered there: {title}" for title in trouble.titles),
        footer="flightwatch deliveries list --state dead",
    )
    others = [c.name for c in ctx.channels if c.name != trouble.channel]
    ctx.store.add_deliveries([_outgoing(message, name, "notice", now) for name in others])


def hurry(ctx: Context, now: datetime) -> None:
    """After the clock was set back: otherwise messages due at a time of the old clock would wait for as long as it was
    wrong."""
    for delivery in ctx.store.deliveries(state="pending"):
        if delivery.next_try > now:
            ctx.store.finish_delivery(delivery.id, "pending", answer=delivery.answer, next_try=now)
    for key, value in ctx.store.marks("channel:").items():
        state = replace(State.of(json.loads(value)), hold=None, last_sent=None)
        ctx.store.set_mark(key, json.dumps(state.record()))


def audiences(ctx: Context) -> list[Audience]:
    """Who gets messages: the enabled channels, each with its lowest severity, its local time, and a map or not."""
    least, zone = ctx.settings.alerts.min_severity, ctx.settings.alerts.zone
    enabled = [c for c in ctx.settings.channels if c.enabled]
    return [
        Audience(
            c.name,
            max(c.min_severity, least, key=alerts.rank),
            zone=c.zone or zone,
            pictures=c.kind in WITH_PICTURES,
        )
        for c in enabled
    ]


_WORDS = {
    "broken": "broken, it refuses messages for good",
    "dead": "messages were given up",
    "recovered": "works again",
}


def _outgoing(message: Message, channel: str, kind: str, now: datetime) -> Delivery:
    return Delivery(
        id=0, alert=None, channel=channel, kind=kind, message=message.record(), state="pending",
        attempts=0, next_try=now, created=now,
    )  # fmt: skip


def test_message(now: datetime) -> Message:
    """The message of `notify test`, marked as a test."""
    return Message(
        uid=f"test-{now:%Y%m%dT%H%M%S%f}",
        thread="test",
        title="[flightwatch] TEST: this channel works",
        summary=f"A test message, asked for at {iso(now)}. Nothing has happened on any route.",
        severity="info",
        footer="flightwatch notify test",
    )


def send_test(ctx: Context, now: datetime) -> Sequence[Delivery]:
    """Sends one test message to each channel of the context by the normal path; returns the outbox rows afterwards."""
    message = test_message(now)
    queued = ctx.store.add_deliveries([_outgoing(message, c.name, "test", now) for c in ctx.channels])
    for channel in ctx.channels:
        deliver(ctx, channel, now)
    return [ctx.store.deliveries(id=d.id)[0] for d in queued]
