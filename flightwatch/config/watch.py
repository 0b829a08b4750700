"""What is watched: places, routes between them, and automatically discovered pairs."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import AfterValidator, Field, model_validator

from flightwatch.config.base import ANYWHERE, Addresses, AnchoredPath, Codes, Names, Section, Types


def _on_earth(circle: tuple[float, float, float]) -> tuple[float, float, float]:
    latitude, longitude, radius = circle
    if not (-90 <= latitude <= 90 and -180 <= longitude <= 180):
        raise ValueError("a circle is [latitude, longitude, radius in NM]; this centre is not on the Earth")
    if not 0 < radius <= 5400:  # a quarter of a great circle: beyond it "within" is most of the world
        raise ValueError("a circle's radius is in nautical miles, above 0 and at most 5400")
    return circle


Circle = Annotated[tuple[float, float, float], AfterValidator(_on_earth)]


class PlaceSettings(Section):
    """A named place: every airport that any of its keys includes. As a source's area: its circles."""

    name: str = Field(min_length=1, description="name used in routes and areas")
    airports: Codes = Field(default=(), description="ICAO codes or our own ids of airports")
    country: Codes = Field(default=(), description="ISO 3166 two-letter codes: all airports of the country")
    circle: Circle | None = Field(default=None, description="`[latitude, longitude, radius in NM]`")
    circles: tuple[Circle, ...] = Field(default=(), description="several circles; a source asks for an area by them")
    polygon: AnchoredPath | None = Field(default=None, description="GeoJSON file with a Polygon or MultiPolygon")

    @model_validator(mode="after")
    def _says_where(self) -> PlaceSettings:
        if not (self.airports or self.country or self.circle or self.circles or self.polygon):
            raise ValueError("a place needs airports, country, circle, circles or polygon")
        if self.name.lower() == ANYWHERE:
            raise ValueError("'anywhere' is taken: it means every airport, and none in particular")
        return self

    def all_circles(self) -> tuple[tuple[float, float, float], ...]:
        """`circle` and `circles` together."""
        return ((self.circle,) if self.circle else ()) + self.circles


class AircraftSettings(Section):
    """Which airframes a route counts. Every given key must hold; with none given, all airframes count."""

    types: Types = Field(default=(), description="ICAO type designators, such as IL76")
    military: bool | None = Field(
        default=None, description="true: flagged military or of a type only the military flies; false: none of these"
    )
    operators: Names = Field(
        default=(), description="part of the operator's name, or the three-letter code that its callsigns begin with"
    )
    icao24: Addresses = Field(default=(), description="airframes by 24-bit address, six hex digits")
    heavy: bool | None = Field(
        default=None, description="true: wake category heavy or super by type; false: lighter types"
    )
    hidden_types: Types = Field(
        default=(),
        description="types that count even if the owner asked not to be shown (PIA, LADD); excludes no other type",
    )

    def given(self) -> bool:
        """Whether the filter leaves anything out."""
        return bool(self.types or self.operators or self.icao24) or self.military is not None or self.heavy is not None


class RouteSettings(Section):
    """A directed pair of ends. An end is a list of place names, airport codes, country codes, or `anywhere`."""

    name: str = Field(min_length=1, description="name used in alerts and commands")
    origin: Names = Field(default=(ANYWHERE,), alias="from", description="where flights leave")
    destination: Names = Field(default=(ANYWHERE,), alias="to", description="where they arrive")
    over: Names = Field(
        default=(),
        description="places the flight must have been seen over, wherever it went: in their circles, or within 60 NM "
        "of one of their airports",
    )
    aircraft: AircraftSettings = Field(
        default=AircraftSettings(), description="which airframes count; see `[route.aircraft]`"
    )
    enabled: bool = Field(
        default=True, description="false: not watched; the way to switch off one shipped route by its name"
    )

    @model_validator(mode="after")
    def _watches_something(self) -> RouteSettings:
        everything = ANYWHERE in self.origin and ANYWHERE in self.destination and not self.over
        if self.enabled and everything and not self.aircraft.given():
            raise ValueError("a route needs from, to, over or aircraft: this one would count every flight there is")
        for key, end in (("from", self.origin), ("to", self.destination)):
            if not end or (ANYWHERE in end and len(end) > 1):
                raise ValueError(f"{key} is either 'anywhere' alone or at least one place")
        return self


class DiscoverSettings(Section):
    """Routes nobody named: pairs with history."""

    pairs: Literal["country", "airport", "none"] = Field(default="country", description="what is paired")
    min_flights: float = Field(
        default=3.0, gt=0, description="expected flights in the known history that a pair needs to count"
    )
    max_routes: int = Field(default=1000, ge=0, description="at most this many pairs, the busiest")
    false_alerts_per_route_year: float = Field(
        default=0.05,
        gt=0,
        le=50,
        description="alerts a year that such a pair without any event may raise: less than a route you named, "
        "for they are many",
    )
