"""Judges a day again with the model that judged it, to find what would have kept it quiet."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pandas as pd

from flightwatch.errors import InputError

if TYPE_CHECKING:
    from flightwatch.explore.explorer import Explorer


def recomputed(db: Explorer, finding: dict[str, Any]) -> tuple[str, ...] | None:
    """What the model that judged this day says when asked again; None if the model cannot be recreated.

    The model is trained anew from its record, and used only if its training data are still the same.
    """
    from flightwatch import detection

    held = db.store.model(str(finding["model"]))
    if held is None:
        return None
    days = db.store.route_days()
    flagged = db.store.findings(flagged=True)[["route", "day"]]
    for left_out in (flagged, flagged[flagged["day"] < pd.Timestamp(held[0]["created"].date())], None):
        model = detection.from_record(held[0], days, left_out)
        if model is not None:
            break
    else:
        return None
    try:
        told = detection.explain(
            days, str(finding["route"]), pd.Timestamp(finding["day"]).date(), model=model, exclude=left_out
        )
    except InputError:
        return None
    return tuple(told.sentences)
