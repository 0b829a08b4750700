"""The two channels of most tests, as in a configuration: mail to a local server, Slack by a webhook in a file."""

from __future__ import annotations

from pathlib import Path


def channels(smtp: int, webhook_file: str | Path = "slack", *, email: str = "", slack: str = "") -> str:
    """Two sections; more lines for each where a test needs them."""
    return f"""
[[channel]]
kind = "email"
host = "127.0.0.1"
port = {smtp}
security = "none"
sender = "flightwatch@example.org"
recipients = ["desk@example.org"]
{email}
[[channel]]
kind = "slack"
webhook_file = "{webhook_file}"
{slack}
"""
