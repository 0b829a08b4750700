"""Episodes: findings that belong to one story open, extend and close one alert. Pure: values in, values out."""

from flightwatch.alerts.announce import Audience, announce
from flightwatch.alerts.message import message
from flightwatch.alerts.notices import announce_notices, notice_message, watch
from flightwatch.alerts.rules import SEVERITIES, Rules, rank, severity
from flightwatch.alerts.silences import silenced
from flightwatch.alerts.update import update

__all__ = [
    "SEVERITIES",
    "Audience",
    "Rules",
    "announce",
    "announce_notices",
    "message",
    "notice_message",
    "rank",
    "severity",
    "silenced",
    "update",
    "watch",
]
