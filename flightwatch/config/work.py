"""How the work is done: judging, alerting, retention, and the daemon's schedule."""

from __future__ import annotations

from pydantic import Field

from flightwatch.config.base import AnchoredPath, PlainUrl, Secret, Section, WebUrl
from flightwatch.config.channels import Severity, Zone


class DatabaseSettings(Section):
    """Where everything is stored."""

    url: PlainUrl = Field(
        default="sqlite:///flightwatch.db",
        repr=False,
        description="`sqlite:///file` (relative to the configuration file) or `postgresql+psycopg://user@host/name`; "
        "one with a password comes from the environment or url_file",
    )
    url_file: AnchoredPath | None = Field(default=None, description="file that holds the address; wins over url")


class DetectionSettings(Section):
    """When a day counts as unusual."""

    false_alerts_per_route_year: float = Field(
        default=0.5, gt=0, le=50, description="alerts a year that a route without any event may raise"
    )
    min_history_days: int = Field(default=60, ge=0, description="watched days before a route may raise an alert")
    episode_gap_days: int = Field(
        default=14, ge=1, le=60, description="findings at most this far apart are one episode"
    )
    min_coverage: float = Field(
        default=0.0,
        ge=0,
        le=1,
        description="days with less coverage are not learned from; they may still raise an alert",
    )
    training_days: int = Field(default=730, ge=30, description="how far back a model learns")
    train_every_days: float = Field(default=7.0, gt=0, description="how often the model is trained anew")
    seed: int = Field(default=1, ge=0, description="seed of everything random in the model")


class AlertsSettings(Section):
    """When messages are repeated, and what they say."""

    min_severity: Severity = Field(default="info", description="alerts below it are kept, not sent")
    repeat_interval_h: float = Field(
        default=24.0, gt=0, description="hours between two messages on one episode without news"
    )
    close_after_days: int = Field(default=14, ge=1, description="quiet days after which an episode is closed")
    no_data_hours: float = Field(
        default=12.0, gt=0, description="hours without data after which a notice names the route"
    )
    expire_hours: float = Field(default=24.0, gt=0, description="hours after which an undelivered message is given up")
    digest_over: int = Field(default=5, ge=1, description="if more messages than this wait, they go out as one")
    zone: Zone = Field(default="UTC", description="local time shown beside UTC")
    base_url: WebUrl = Field(
        default="", description="address at which `report_dir` is served; messages link to the alert's page there"
    )
    report_dir: AnchoredPath | None = Field(
        default=None,
        description="folder the daemon and `flightwatch report` write their pages to, for a web server to serve",
    )
    tracker_url: PlainUrl = Field(
        default="https://globe.adsbexchange.com/?icao={icao24}&showTrace={day}",
        description="public tracker linked from each flight; `{icao24}` and `{day}` are filled in",
    )


class RetentionSettings(Section):
    """How long data are kept. What an alert rests on is kept regardless of these settings."""

    observations_days: float = Field(default=14.0, gt=0, description="single positions")
    bodies_days: float = Field(default=0.0, ge=0, description="raw answers of feeds; 0 keeps none")
    polls_days: float = Field(default=400.0, gt=0, description="record of requests")
    heard_days: float = Field(
        default=800.0, gt=0, description="traffic heard per cell and hour, which coverage rests on"
    )
    tracks_days: float = Field(
        default=800.0, gt=0, description="thinned tracks of flights; the flights themselves stay"
    )
    deliveries_days: float = Field(default=400.0, gt=0, description="sent messages")


class DaemonSettings(Section):
    """The daemon's schedule. Each job asks the store what is due, so a missed run is made up for."""

    poll_s: float = Field(default=60.0, gt=0, description="seconds between two rounds of polling")
    think_s: float = Field(default=300.0, gt=0, description="seconds between two rounds from positions to alerts")
    deliver_s: float = Field(default=5.0, gt=0, description="seconds between two checks of the outbox")
    hung_after_s: float = Field(default=600.0, gt=0, description="seconds after which a job counts as hung")
    lease_s: float = Field(default=45.0, ge=5, le=60, description="seconds after which a silent leader loses the lead")
    min_free_mb: float = Field(default=100.0, ge=0, description="MB free on disk below which polling stops")
    ping_url: Secret | None = Field(
        default=None, description="called after each good cycle, so that silence is noticed"
    )
    ping_url_file: AnchoredPath | None = Field(default=None, description="file that holds the address")
    metrics_port: int | None = Field(default=None, ge=1, le=65535, description="loopback port of /metrics and /healthz")
    log_json: bool = Field(default=False, description="log one JSON object per line")
