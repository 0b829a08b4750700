"""An alert as a self-contained folder, and the check that nothing in it was changed.

from flightwatch import evidence, explore

with explore.open("flightwatch.db") as db:
    pack = evidence.export(db, 1, Path("alert-1"), now=datetime.now(UTC))
evidence.verify(pack.folder).problems   # [] when every byte is as it was
"""

from flightwatch.evidence.pack import Pack, export
from flightwatch.evidence.verify import Verification, verify

__all__ = ["Pack", "Verification", "export", "verify"]
