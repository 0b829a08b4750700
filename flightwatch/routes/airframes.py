"""Which flights a route counts, by their airframes."""

from __future__ import annotations

import re
from typing import Any

import numpy as np
import numpy.typing as npt
import pandas as pd

from flightwatch.aircraft import MILITARY_FLAG, performance
from flightwatch.records import AIRCRAFT, AircraftFilter, empty

Mask = npt.NDArray[np.bool_]

HIDDEN_FLAGS = 4 | 8
"""readsb dbFlags: PIA (privacy address) and LADD (owner asked not to be shown)."""


class Airframes:
    """What is known of the airframe of each flight: type, flags, operator."""

    def __init__(self, flights: pd.DataFrame, aircraft: pd.DataFrame | None) -> None:
        self.icao24 = flights["icao24"].fillna("").astype(object)
        self._callsign = flights["callsign"]
        known = empty(AIRCRAFT) if aircraft is None else aircraft.drop_duplicates("icao24", keep="last")
        which = pd.Index(known["icao24"].astype(object)).get_indexer(self.icao24)
        self.flags = _taken(known["flags"].to_numpy(dtype=np.int64), which, 0)
        self._operator = _taken(known["operator"].fillna("").astype(object).str.casefold().to_numpy(), which, "")
        stated, words = pd.factorize(flights["typecode"].fillna("").astype(object))
        looked_up = _taken(known["typecode"].fillna("").astype(object).str.upper().to_numpy(), which, "")
        upper = np.array([str(word).strip().upper() for word in words], dtype=object)[stated]
        self.typecode = np.where(upper == "", looked_up, upper)
        self._codes, types = pd.factorize(self.typecode)
        figures = [performance(str(t)) for t in types]
        self.heavy: Mask = np.array([f.heavy for f in figures], dtype=bool)[self._codes]
        self.flagged: Mask = (self.flags & MILITARY_FLAG) > 0
        self.military: Mask = self.flagged | np.array([f.military_only for f in figures], dtype=bool)[self._codes]
        self.hidden: Mask = (self.flags & HIDDEN_FLAGS) > 0

    def mask(self, wanted: AircraftFilter) -> Mask:
        """The flights by airframes that the filter takes: every given condition must hold.

        Airframes whose owners asked not to be shown count only if the watch names their type, operator or address, or
        asks for the military: private flights are not news by default. `hidden_types` names types for this purpose
        alone; it does not exclude other or unknown types.
        """
        mask = np.ones(len(self.flags), dtype=bool)
        if wanted.types:
            mask &= pd.Series(self.typecode).isin([t.upper() for t in wanted.types]).to_numpy()
        if wanted.icao24:
            mask &= self.icao24.isin([a.lower() for a in wanted.icao24]).to_numpy()
        if wanted.operators:
            mask &= self._operated(wanted.operators)
        if wanted.military is not None:
            mask &= self.military == wanted.military
        if wanted.heavy is not None:
            mask &= self.heavy == wanted.heavy
        named = bool(wanted.types or wanted.operators or wanted.icao24 or wanted.military)
        if named:
            return mask
        shown: Mask = ~self.hidden | pd.Series(self.typecode).isin(wanted.hidden_types).to_numpy()
        return mask & shown

    def _operated(self, operators: tuple[str, ...]) -> Mask:
        """By part of the operator's name, or by the callsign: an airline's three-letter code followed by a digit."""
        mask = np.zeros(len(self.flags), dtype=bool)
        names, callsigns = pd.Series(self._operator, dtype=object), self._callsign.fillna("").astype(object).str.upper()
        for operator in operators:
            mask |= names.str.contains(operator.casefold(), regex=False).to_numpy(dtype=bool)
            if re.fullmatch(r"[A-Za-z]{3}", operator):
                mask |= callsigns.str.match(rf"{operator.upper()}\d").to_numpy(dtype=bool)
        return mask


def _taken(values: npt.NDArray[Any], which: npt.NDArray[np.int64], missing: Any) -> npt.NDArray[Any]:
    """The values at these positions, `missing` at -1."""
    return np.append(values, np.array([missing], dtype=values.dtype))[which]
