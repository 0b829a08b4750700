"""Pictures: the same functions for mail, Slack, notebooks and documents. Frames in, matplotlib Figures out.

No network, no display, no global state: `Figure` objects are built directly and drawn with the Agg renderer.
"""

from flightwatch.plots.crew import NEW_AFTER_DAYS, aircraft_strip, contributions
from flightwatch.plots.days import route_days
from flightwatch.plots.routemap import route_map
from flightwatch.plots.style import to_png
from flightwatch.plots.year import calendar

__all__ = ["NEW_AFTER_DAYS", "aircraft_strip", "calendar", "contributions", "route_days", "route_map", "to_png"]
