"""Which flights are by airframes a route counts."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt
import pandas as pd

from flightwatch.aircraft import MILITARY_FLAG, performance
from flightwatch.records import AircraftFilter

Mask = npt.NDArray[np.bool_]

HIDDEN_FLAGS = 4 | 8
"""readsb dbFlags: PIA (privacy address) and LADD (owner asked not to be shown)."""


class Airframes:
    """What is known of the airframe of each flight: type, flags, operator."""

    def __init__(self, flights: pd.DataFrame, aircraft: pd.DataFrame | None) -> None:
        self.icao24 = flights["icao24"].fillna("").astype(object)
        self.callsign = flights["callsign"].fillna("").astype(object).str.upper()
        known = pd.DataFrame(columns=["icao24", "typecode", "operator", "flags"]) if aircraft is None else aircraft
        known = known.drop_duplicates("icao24", keep="last").set_index("icao24").reindex(self.icao24)
        self.flags = known["flags"].fillna(0).to_numpy(dtype=np.int64)
        self.operator = known["operator"].fillna("").astype(object).str.casefold().reset_index(drop=True)
        stated = flights["typecode"].fillna("").astype(object).str.upper().to_numpy()
        looked_up = known["typecode"].fillna("").astype(object).str.upper().to_numpy()
        self.typecode = np.where(stated == "", looked_up, stated)
        self._codes, types = pd.factorize(self.typecode)
        figures = [performance(str(t)) for t in types]
        self.heavy: Mask = np.array([f.heavy for f in figures], dtype=bool)[self._codes]
        self.flagged: Mask = (self.flags & MILITARY_FLAG) > 0
        self.military: Mask = self.flagged | np.array([f.military_only for f in figures], dtype=bool)[self._codes]
        self.hidden: Mask = (self.flags & HIDDEN_FLAGS) > 0

    def mask(self, wanted: AircraftFilter) -> Mask:
        """The flights by airframes the filter takes: every condition that is given must hold.

        Airframes whose owners asked not to be shown count only where the watch names their type, operator, address
        or asks for the military: private flights are nobody's news by default.
        """
        mask = np.ones(len(self.flags), dtype=bool)
        if wanted.types:
            mask &= np.isin(self.typecode.astype(str), [t.upper() for t in wanted.types])
        if wanted.icao24:
            mask &= self.icao24.isin([a.lower() for a in wanted.icao24]).to_numpy()
        if wanted.operators:
            mask &= self._operated(wanted.operators)
        if wanted.military is not None:
            mask &= self.military == wanted.military
        if wanted.heavy is not None:
            mask &= self.heavy == wanted.heavy
        named = bool(wanted.types or wanted.operators or wanted.icao24 or wanted.military)
        return mask if named else mask & ~self.hidden

    def _operated(self, operators: tuple[str, ...]) -> Mask:
        """By part of the operator's name, or by the callsign: an airline's three-letter code, then a figure."""
        mask = np.zeros(len(self.flags), dtype=bool)
        for operator in operators:
            mask |= self.operator.str.contains(operator.casefold(), regex=False).to_numpy(dtype=bool)
            if re.fullmatch(r"[A-Za-z]{3}", operator):
                mask |= self.callsign.str.match(rf"{operator.upper()}\d").to_numpy(dtype=bool)
        return mask
