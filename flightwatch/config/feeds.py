"""Where positions come from, and how feeds are asked."""

from __future__ import annotations

import re
from typing import Literal

from pydantic import Field, model_validator

from flightwatch.config.base import Addresses, AnchoredPath, Names, PlainUrl, Secret, Section, Types

MAX_ENCODED_MIB = 16.0  # of one answer as transferred: the whole world as aircraft.json is about 2 MB gzipped

SourceKind = Literal["adsblol", "adsbfi", "airplaneslive", "adsbx", "opensky", "receiver", "sbs", "replay"]


class SourceSettings(Section):
    """One feed. It is asked for types, military, icao24 and areas together; if none is given, for everything it has."""

    kind: SourceKind = Field(description="which provider or format")
    name: str = Field(default="", description="name used in polls and messages; default: the kind")
    enabled: bool = Field(default=True, description="false: kept in the file, not polled")
    url: PlainUrl = Field(
        default="",
        description="base address instead of the provider's; `receiver`: address or path of its `aircraft.json`",
    )
    host: str = Field(default="", description="`sbs`: host of the BaseStation port")
    port: int = Field(default=30003, ge=1, le=65535, description="`sbs`: its TCP port")
    path: AnchoredPath | None = Field(default=None, description="`replay`: folder or file of recorded bodies")
    types: Types = Field(default=(), description="aircraft types asked for worldwide")
    military: bool = Field(default=False, description="ask for aircraft flagged military, worldwide")
    icao24: Addresses = Field(default=(), description="airframes asked for by address")
    areas: Names = Field(default=(), description="places whose circles are asked for")
    interval_s: float = Field(default=60.0, gt=0, description="seconds between two cycles")
    spacing_s: float | None = Field(
        default=None, ge=0, description="seconds between two requests; default: the provider's"
    )
    daily_budget: int | None = Field(default=None, ge=1, description="most requests (OpenSky: credits) a day")
    allow_private: bool | None = Field(
        default=None, description="may be on a private network; default: only `receiver`, `sbs` and `replay`"
    )
    api_key: Secret | None = Field(default=None, description="the provider's key")
    api_key_file: AnchoredPath | None = Field(default=None, description="file that holds it")
    client_id: str = Field(default="", description="`opensky`: OAuth2 client")
    client_secret: Secret | None = Field(default=None, description="`opensky`: its secret")
    client_secret_file: AnchoredPath | None = Field(default=None, description="file that holds it")

    @model_validator(mode="before")
    @classmethod
    def _named_by_kind(cls, data: object) -> object:
        if isinstance(data, dict) and not data.get("name") and isinstance(data.get("kind"), str):
            return {**data, "name": data["kind"]}
        return data

    @model_validator(mode="after")
    def _complete(self) -> SourceSettings:
        needed = {"sbs": ("host",), "receiver": ("url",), "replay": ("path",)}.get(self.kind, ())
        for key in needed:
            if not getattr(self, key):
                raise ValueError(f"a {self.kind} source needs {key}")
        if re.match(r"[\w.-]+:[0-9]+(/|$)", self.url):  # would be taken for a file path
            raise ValueError(f"the url {self.url!r} has no http:// or https:// in front")
        return self


class HttpSettings(Section):
    """Limits on every answer we read. They keep a broken or hostile feed from filling memory or holding a worker.

    Archives and aircraft tables are larger: their downloads have fixed size and time limits of their own.
    """

    connect_s: float = Field(default=5.0, gt=0, description="seconds to connect")
    deadline_s: float = Field(default=30.0, gt=0, description="seconds for a whole answer, however slowly it drips")
    max_encoded_mib: float = Field(default=MAX_ENCODED_MIB, gt=0, description="MiB of one answer as transferred")
    max_decoded_mib: float = Field(default=64.0, gt=0, description="MiB of one answer after decompression")
    max_retry_after_s: float = Field(
        default=21600.0, ge=0, description="longest Retry-After that is obeyed; longer ones are cut to it"
    )
    clock_skew_s: float = Field(default=120.0, gt=0, description="how far a feed's clock may be from ours")
    use_env: bool = Field(default=False, description="take proxies and netrc from the environment")
    allow_private: bool = Field(
        default=False, description="allow addresses on private networks for every source and channel"
    )
    ca_bundle: AnchoredPath | None = Field(default=None, description="certificates to trust instead of the usual ones")
