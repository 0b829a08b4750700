"""Files for other programs: tables, tracks and maps, in the formats analysts open.

    from flightwatch import explore, export

    with explore.open("flightwatch.db") as db:
        Path("flights.csv").write_bytes(export.export(db, "flights", "csv", route="Moscow and Minsk to Benghazi"))

Cells of CSV are safe to open in a spreadsheet; names in KML are escaped; GeoJSON is cut at the date line (RFC 7946).
"""

from flightwatch.export.choose import FORMATS, KINDS, export, frame_of
from flightwatch.export.geojson import geojson
from flightwatch.export.kml import kml
from flightwatch.export.readsb import readsb_traces
from flightwatch.export.tables import csv, json_bytes, parquet, safe_cell

__all__ = [
    "FORMATS",
    "KINDS",
    "csv",
    "export",
    "frame_of",
    "geojson",
    "json_bytes",
    "kml",
    "parquet",
    "readsb_traces",
    "safe_cell",
]
