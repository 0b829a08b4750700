"""The dead man's switch: an outside service is called after each good cycle, and raises the alarm when the calls
stop."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

import requests

from flightwatch import __version__
from flightwatch.errors import DeliveryError
from flightwatch.jobs.context import Context

log = logging.getLogger("flightwatch.ping")

EVERY_S = 60.0  # such services count in minutes; faster polling is no reason to call them more often
TIMEOUT_S = 10.0


def ping(ctx: Context, now: datetime) -> bool:
    """Call the configured address if the cycle was good; returns whether it was. DeliveryError if there is no answer.

    A cycle is good if a feed answered well within the last beats, and neither polling nor judging fails.
    """
    url = ctx.settings.daemon.secret("ping_url")
    if not url or not good(ctx, now):
        return False
    with requests.Session() as session:
        session.trust_env = False  # ignores .netrc and proxy variables
        try:
            answer = session.get(
                url, timeout=TIMEOUT_S, allow_redirects=False, stream=True,
                headers={"User-Agent": f"flightwatch/{__version__}"},
            )  # fmt: skip
            answer.close()
        except requests.RequestException as e:
            raise DeliveryError(f"no answer to the ping: {type(e).__name__}") from None  # the address is a secret
    if answer.status_code >= 400:
        raise DeliveryError(f"the ping was refused with status {answer.status_code}")
    return True


def good(ctx: Context, now: datetime) -> bool:
    """Whether the last beats went well."""
    if {"problem:poll", "problem:think"} & set(ctx.store.marks("problem:")):
        return False
    intervals = [s.interval_s for s in ctx.settings.sources if s.enabled]
    if not intervals:
        return True  # nothing is polled here: that the daemon is alive is all there is to report
    lately = now - timedelta(seconds=3 * max(*intervals, ctx.settings.daemon.poll_s))
    return bool(ctx.store.polls(since=lately)["outcome"].isin(["ok", "empty"]).any())
