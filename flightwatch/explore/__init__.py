"""Read what flightwatch knows: DataFrames and pictures for notebooks, without a running daemon, also from a copied
database.

    from flightwatch import explore as fw

    fw_db = fw.open("flightwatch.db")
    fw_db.alerts()
    print(fw_db.why(1))
    fw_db.plot_route("Moscow and Minsk to Benghazi")

Nothing here writes: the database is opened read-only. Times are UTC, altitudes feet, speeds knots, vertical rates
ft/min, distances nautical miles, angles degrees true; `columns(name)` tells the unit of every column of a table.
"""

from flightwatch.explore.explorer import Explorer
from flightwatch.explore.note import Note
from flightwatch.explore.opening import demo, open
from flightwatch.explore.tables import columns
from flightwatch.explore.traffic import to_traffic_frame

__all__ = ["Explorer", "Note", "columns", "demo", "open", "to_traffic_frame"]
