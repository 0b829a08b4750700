"""Builds a Context from settings: the sources, the channels, and the secrets given to the log filter."""

from __future__ import annotations

import json
import time
from collections.abc import Callable, Collection, Iterable
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from flightwatch import notify, sources
from flightwatch.config import Settings
from flightwatch.jobs.context import PACE, Context

if TYPE_CHECKING:
    from flightwatch.places import Circle
    from flightwatch.store import Store


def context(
    settings: Settings,
    store: Store,
    *,
    live: bool = False,
    channels: Collection[str] | None = None,
    clock: Callable[[], datetime] = lambda: datetime.now(tz=UTC),
    sleep: Callable[[float], None] = time.sleep,
) -> Context:
    """The context of one process. `live` builds the sources too, which needs a contact; `channels` names those to
    build (None: all enabled)."""
    ctx = Context(settings, store)
    wanted = [c for c in settings.channels if c.enabled and (channels is None or c.name in channels)]
    ctx.channels = [notify.build(c) for c in wanted]
    if live:
        contact = settings.contact
        ctx.sources = [
            sources.build(s, settings.http, contact, circles=circles(ctx, s.areas), clock=clock, sleep=sleep)
            for s in settings.sources
            if s.enabled
        ]
        for source in ctx.sources:
            held = store.get_mark(f"{PACE}{source.name}")
            if held is not None:
                source.restore(json.loads(held))
    return ctx


def circles(ctx: Context, areas: Iterable[str]) -> list[Circle]:
    """The circles of all these areas, each one once."""
    return list(dict.fromkeys(circle for area in areas for circle in ctx.places.area(area)))
