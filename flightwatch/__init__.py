"""flightwatch watches public ADS-B records and says when the traffic on a route becomes unusual."""

__version__ = "0.1.0"
