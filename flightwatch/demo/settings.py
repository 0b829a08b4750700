"""The configuration that the demo writes and then uses: the shipped watch list, its own feed, its own mail and
Slack."""

from __future__ import annotations

from flightwatch.demo.query import AREA, TYPES

WEBHOOK_FILE = "slack-webhook"
CONTACT = "demo@example.org"

_TEMPLATE = """\
# The configuration of the demo. It watches what a fresh installation watches (the shipped list: flightwatch routes
# list); only the feed, the mail server and the Slack endpoint are small servers on this machine, which are gone when
# the demo has ended. For real use: flightwatch init.

contact = "{contact}"                 # sent to the feed, which refuses clients that do not say who they are

[database]
url = "{db_url}"

[[source]]
kind = "adsblol"
url = "{feed_url}"
types = [{types}]
areas = [{areas}]
interval_s = {poll_s}                     # the demo's clock makes steps of this many seconds
spacing_s = 0                          # no courtesy towards oneself; a public feed gets two seconds between requests
allow_private = true                   # it is on this machine
{places}
[discover]
pairs = "country"                      # besides the watch list: every pair of countries with history
false_alerts_per_route_year = 0.05     # of each such pair, of which there are some eighty

[detection]
false_alerts_per_route_year = {false_alerts}      # of each route of the watch list, as in a fresh installation

[http]
allow_private = true                   # the Slack endpoint is on this machine too

[daemon]
poll_s = {poll_s}
think_s = {think_s}

[retention]
bodies_days = 14                       # the feed's answers as they came: an evidence pack rests on them

[[channel]]
kind = "email"
host = "127.0.0.1"
port = {smtp_port}
security = "none"                      # real mail servers: starttls, with username and password_file
sender = "flightwatch@example.org"
recipients = ["desk@example.org"]

[[channel]]
kind = "slack"
webhook_file = "{webhook_file}"         # secrets never stand in this file
"""

_PLACE = """
[[place]]
name = "{name}"
circle = [{latitude}, {longitude}, {radius}]
"""


def config_toml(
    db_url: str,
    feed_url: str,
    smtp_port: int,
    *,
    webhook_file: str = WEBHOOK_FILE,
    poll_s: int = 600,
    think_s: int = 8 * 3600,
    false_alerts: float = 0.5,
) -> str:
    """The demo's config.toml. The Slack address goes to `webhook_file` beside it, because it is a secret."""
    places = [_PLACE.format(name=n, latitude=a, longitude=b, radius=r) for n, (a, b, r) in AREA.items()]
    return _TEMPLATE.format(
        contact=CONTACT,
        db_url=db_url,
        feed_url=feed_url,
        smtp_port=smtp_port,
        webhook_file=webhook_file,
        poll_s=poll_s,
        think_s=think_s,
        false_alerts=false_alerts,
        types=", ".join(f'"{t}"' for t in TYPES),
        areas=", ".join(f'"{name}"' for name in AREA),
        places="".join(places),
    )
