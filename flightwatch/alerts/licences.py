"""What the sources require of anyone who passes their data on."""

from __future__ import annotations

from collections.abc import Iterable

NOTES = {
    "adsblol": "Data from adsb.lol, Open Database License 1.0 (opendatacommons.org/licenses/odbl).",
    "adsbfi": "Data from adsb.fi (https://adsb.fi), for personal, non-commercial use.",
    "airplaneslive": "Data from airplanes.live (https://airplanes.live), used by its approval.",
    "adsbx": "Data from ADSBExchange, under contract: not to be passed on as data.",
    "opensky": (
        "Data from The OpenSky Network (https://opensky-network.org), for research and non-commercial use; cite "
        "Schäfer et al., Bringing Up OpenSky, IPSN 2014."
    ),
}
"""By source kind, from each provider's published terms as read in 2026."""

ALIASES = {"adsb.lol": "adsblol", "adsb.fi": "adsbfi", "airplanes.live": "airplaneslive", "adsbexchange": "adsbx"}


def notes(sources: Iterable[str]) -> list[str]:
    """The notices required for these sources, named by kind or by a name that begins with it; own receivers require
    none.

    >>> notes(["adsblol", "adsblol-archive", "roof"])
    ['Data from adsb.lol, Open Database License 1.0 (opendatacommons.org/licenses/odbl).']
    """
    kinds = []
    for name in sources:
        text = name.casefold()
        for alias, kind in ALIASES.items():
            text = text.replace(alias, kind)
        kinds += [kind for kind in NOTES if text.startswith(kind) and kind not in kinds]
    return [NOTES[kind] for kind in kinds]
