"""The commented configuration that `init` writes."""

from __future__ import annotations

_TEMPLATE = """\
# flightwatch: what is watched, where positions come from, who gets alerts.
# Every key with its default: docs/reference/configuration.md. `flightwatch config check` checks this file,
# `flightwatch config show` shows where each value came from.
# Secrets do not go in here: use a `*_file` key, or a variable such as FLIGHTWATCH__CHANNEL__SLACK__WEBHOOK.

# Sent to the feeds, so that they can reach you before they block you. Live polling refuses to start without it.
contact = {contact}

# The shipped places and routes (flightwatch routes list). false: only those below.
watchlist = true

[database]
url = "sqlite:///flightwatch.db"        # beside this file; or postgresql+psycopg://user@host/name

# --- Where positions come from. Several sources run side by side; one fix per airframe and instant is kept. ---

[[source]]
kind = "adsblol"                        # adsbfi, airplaneslive, adsbx, opensky, receiver, sbs, replay
types = ["IL76", "A124", "AN12", "AN22", "AN26", "AN72", "IL18", "IL62", "IL96", "T154", "T204", "A148"]
military = true
areas = ["libya-and-eastern-mediterranean"]
interval_s = 60

# [[source]]
# kind = "receiver"
# url = "http://receiver.local/tar1090/data/aircraft.json"

# [[source]]
# kind = "opensky"
# client_id = "your-client"
# client_secret_file = "/run/secrets/opensky"

# --- What is watched. A place or route of the same name replaces a shipped one. ---

# [[place]]
# name = "my-field"
# airports = ["HLLB"]                   # and/or country = "LY", circle = [32.01, 21.18, 30], polygon = "file.geojson"

# [[route]]
# name = "Ostrava to my field"
# from = ["LKMT"]                       # place names, airport codes, country codes, or "anywhere"
# to = ["my-field"]
# aircraft = {{ types = ["IL76", "A124"] }}   # or military = true, heavy = true, operators, icao24; default: all

# [[route]]                             # aircraft that fly over without landing, from and to anywhere
# name = "Bombers over Libya"
# over = ["libya"]
# aircraft = {{ types = ["B52", "B1"] }}

[discover]
pairs = "country"                       # besides the routes: every pair of countries with history; "airport", "none"
false_alerts_per_route_year = 0.05      # for each such pair; low, because there are many

[detection]
false_alerts_per_route_year = 0.5       # how often a route you named may raise an alert without any event

# --- Who gets alerts. `flightwatch notify test` sends one marked message. ---

# [[channel]]
# kind = "slack"
# webhook_file = "/run/secrets/slack"

# [[channel]]
# kind = "email"
# host = "smtp.example.org"
# username = "flightwatch"
# password_file = "/run/secrets/smtp"
# sender = "flightwatch@example.org"
# recipients = ["desk@example.org"]
# quiet_hours = {{ from = "22:00", to = "07:00", zone = "Europe/Kyiv", unless = "high" }}
"""


def initial(contact: str) -> str:
    """The text of a new configuration, with the contact filled in.

    >>> initial("desk@example.org").splitlines()[6]
    'contact = "desk@example.org"'
    """
    escaped = contact.replace("\\", "\\\\").replace('"', '\\"')
    return _TEMPLATE.format(contact=f'"{escaped}"')


DEFAULT_TOML = initial("")
