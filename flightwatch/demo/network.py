"""Who flies where in the generated world, how often, and on which route.

Regular airliners over the eastern Mediterranean make it measurable whether anybody listened; sparse cargo and military
routes give the pooled model comparable routes. The rates are invented; the pattern is the region's in 2024.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Line:
    """A regular service there and back with one airframe: base, other end, fleet, rotations a day."""

    base: str
    other: str
    pool: str
    daily: float


@dataclass(frozen=True)
class Sparse:
    """An occasional trip out and back: how many a week, from where to where, how long it stays, how often by night.

    `origins` and `destinations` are (airport, weight) pairs. `dark` is the share that switches the transponder off
    before the destination and stays dark until well on the way back.
    """

    name: str
    origins: tuple[tuple[str, float], ...]
    destinations: tuple[tuple[str, float], ...]
    pool: str
    weekly: float
    stay_h: tuple[float, float] = (2.0, 6.0)
    night: float = 0.25
    dark: float = 0.0


LINES = (
    Line("LGAV", "LCLK", "gr-line", 1), Line("LGAV", "HECA", "gr-line", 1), Line("LGAV", "LLBG", "gr-line", 1),
    Line("LGAV", "LGIR", "gr-line", 1), Line("LGIR", "LCLK", "gr-line", 1), Line("LCLK", "LLBG", "cy-line", 2),
    Line("LCLK", "OLBA", "cy-line", 2), Line("LCLK", "OJAI", "cy-line", 1), Line("LCLK", "LGIR", "cy-line", 1),
    Line("HECA", "OLBA", "eg-line", 1), Line("HECA", "LTAI", "eg-line", 1), Line("HECA", "HLLB", "eg-line", 0.6),
    Line("HEBA", "LGIR", "eg-line", 0.7), Line("HECA", "LMML", "eg-line", 0.7), Line("LLBG", "LCLK", "il-line", 1),
    Line("LLBG", "LGAV", "il-line", 1), Line("LLBG", "LCPH", "il-line", 2), Line("OLBA", "LTAI", "lb-line", 2),
    Line("OLBA", "LCLK", "lb-line", 1), Line("OJAI", "LCLK", "jo-line", 1), Line("LTAI", "OLBA", "tr-line", 1),
    Line("LTAI", "LLBG", "tr-line", 1), Line("OLBA", "LGAV", "lb-line", 1),
    # Domestic shuttles of the types that are asked for world-wide: they show that somebody listens at the origins.
    Line("UUMU", "ULLI", "ru-shuttle", 1), Line("UUBW", "UWWW", "ru-shuttle", 1), Line("UUMU", "URRP", "ru-shuttle", 1),
    Line("UMMS", "UMGG", "by-shuttle", 1), Line("UMMS", "UUBW", "by-shuttle", 1), Line("UUWW", "UUOO", "ru-shuttle", 1),
)  # fmt: skip

MOSCOW = (("UUMU", 4.0), ("UUBW", 2.0), ("UUWW", 1.0), ("UUDD", 1.0))
MINSK = (("UMMS", 1.0),)
BENINA, KHADIM, TOBRUK = "HLLB", "HL59", "HLGN"

SPARSE = (
    # "about no cargo flight a week": one in six weeks from Moscow, one in twelve from Minsk
    Sparse("Moscow-Benghazi", MOSCOW, ((BENINA, 1.0),), "ru-mil", 0.16, night=0.3, dark=0.5),
    Sparse("Minsk-Benghazi", MINSK, ((BENINA, 1.0),), "by-cargo", 0.08, night=0.3, dark=0.3),
    Sparse("Hmeimim-eastern Libya", (("OSLK", 1.0),), ((BENINA, 4.0), (KHADIM, 1.0)), "khmeimim", 0.3, dark=0.6),
    Sparse("Moscow-Hmeimim", MOSCOW, (("OSLK", 1.0),), "ru-mil", 3.0, dark=0.15),
    Sparse("Mozdok-Hmeimim", (("URMO", 1.0),), (("OSLK", 1.0),), "ru-south", 1.0, dark=0.1),
    Sparse("Moscow-Emirates", MOSCOW, (("OMSJ", 2.0), ("OMDB", 1.0)), "ru-cargo", 2.5),
    Sparse("Moscow-Armenia", MOSCOW, (("UDSG", 2.0), ("UDYZ", 1.0)), "ru-mil", 1.5),
    Sparse("Moscow-Algiers", MOSCOW, (("DAAG", 1.0),), "ru-cargo", 0.6),
    Sparse("Moscow-Cairo", MOSCOW, (("HECA", 1.0),), "ru-cargo", 0.6),
    Sparse("Moscow-Tashkent", MOSCOW, (("UZTT", 1.0),), "ru-cargo", 1.2),
    Sparse("Moscow-Petersburg", MOSCOW, (("ULLI", 1.0),), "surge", 1.2),
    Sparse("Moscow-Bangui", (("UUMU", 1.0),), (("FEFF", 1.0),), "ru-mil", 0.15, stay_h=(4, 20)),
    Sparse("Minsk-Emirates", MINSK, (("OMSJ", 1.0), ("OMAA", 1.0)), "by-cargo", 1.5),
    Sparse("Minsk-Turkey", MINSK, (("LTAC", 1.0), ("LTFM", 1.0)), "by-cargo", 1.2),
    Sparse("Minsk-Baku", MINSK, (("UBBB", 1.0),), "surge-by", 0.6),
    Sparse("Minsk-Moscow", MINSK, MOSCOW, "by-cargo", 1.0),
    Sparse("Turkey-Misrata", (("LTAC", 2.0), ("LTFM", 1.0)), (("HLMS", 1.0),), "tr-mil", 2.0),
    Sparse("Turkey-Tripoli", (("LTAC", 1.0), ("LTFM", 1.0)), (("HLLM", 1.0),), "tr-mil", 1.5),
    Sparse("Turkey-Mogadishu", (("LTAC", 1.0),), (("HCMM", 1.0),), "tr-mil", 0.4),
    Sparse("Turkey-Doha", (("LTAC", 1.0),), (("OTBD", 1.0),), "tr-mil", 0.7),
    Sparse("Istanbul-Benghazi", (("LTFM", 1.0),), ((BENINA, 1.0),), "tr-line", 2.5, stay_h=(1, 2), night=0.1),
    Sparse("Cairo-Benghazi", (("HECA", 2.0), ("HEBA", 1.0)), ((BENINA, 1.0),), "eg-mil", 1.5, night=0.15),
    Sparse("Cairo-Tobruk", (("HECA", 1.0), ("HEBA", 1.0)), ((TOBRUK, 1.0),), "eg-mil", 0.7, night=0.1),
    Sparse("Cairo-Port Sudan", (("HECA", 1.0),), (("HSPN", 1.0),), "eg-mil", 0.8),
    Sparse("Emirates-eastern Libya", (("OMAA", 1.0),), ((BENINA, 4.0), (KHADIM, 1.0)), "ae-mil", 0.35, dark=0.4),
    Sparse("Sharjah-Benghazi", (("OMSJ", 1.0),), ((BENINA, 1.0),), "kg-cargo", 0.6),
    Sparse("Sharjah-Port Sudan", (("OMSJ", 1.0),), (("HSPN", 1.0),), "kg-cargo", 0.8),
    Sparse("Sharjah-Entebbe", (("OMSJ", 1.0),), (("HUEN", 1.0),), "ae-cargo", 0.6),
    Sparse("Emirates-Cairo", (("OMAA", 1.0), ("OMSJ", 1.0)), (("HECA", 1.0),), "ae-cargo", 1.0),
    Sparse("Damascus-Benghazi", (("OSDI", 1.0),), ((BENINA, 1.0),), "sy-line", 1.2, stay_h=(1, 3), night=0.2),
    Sparse("Damascus-Moscow", (("OSDI", 1.0),), (("UUWW", 1.0),), "sy-line", 0.8, stay_h=(2, 4)),
    Sparse("Malta-Tripoli", (("LMML", 1.0),), (("HLLM", 1.0),), "mt-line", 2.0, stay_h=(1, 3), night=0.05),
    Sparse("Malta-Benghazi", (("LMML", 1.0),), ((BENINA, 1.0),), "mt-line", 0.6, stay_h=(1, 3), night=0.05),
    Sparse("Sigonella-Tripoli", (("LICZ", 1.0),), (("HLLM", 1.0),), "it-mil", 0.6, night=0.05),
    Sparse("Tunis-Benghazi", (("DTTA", 1.0),), ((BENINA, 1.0),), "tn-line", 1.5, stay_h=(1, 2), night=0.05),
    Sparse("Amman-Benghazi", (("OJAI", 1.0),), ((BENINA, 1.0),), "jo-line", 0.8, stay_h=(1, 2), night=0.1),
    Sparse("Evreux-N'Djamena", (("LFOE", 1.0),), (("FTTJ", 1.0),), "fr-mil", 0.7, stay_h=(12, 30)),
    Sparse("Benghazi-Tobruk", ((BENINA, 1.0),), ((TOBRUK, 1.0),), "ly-mil", 0.7, night=0.05),
    Sparse("Benghazi-Kufra", ((BENINA, 1.0),), (("HLKF", 1.0),), "ly-mil", 0.6, night=0.05),
    Sparse("Benghazi-Jufra", ((BENINA, 1.0),), (("HL69", 1.0),), "ly-mil", 0.15, night=0.1),
    Sparse("Benghazi-Brak", ((BENINA, 1.0),), (("LY-BCQ", 1.0),), "ly-mil", 0.06, night=0.1),
)

# Nobody crosses Ukraine after February 2022: Russian and Belarusian traffic to the south goes round by the Caucasus,
# eastern Turkey and the sea south of Crete.
CAUCASUS = ((51.6, 41.0), (44.2, 41.2), (40.6, 38.8))
LEVANT_SEA = ((36.1, 31.2),)
SOUTH_OF_CRETE = ((34.3, 25.3),)
CASPIAN = ((51.6, 43.5), (42.5, 47.5), (36.5, 52.0))
BLACK_SEA_WEST = ((53.0, 23.5), (46.5, 24.5))

NORTH = frozenset({"RU", "BY"})


def way(origin_country: str, destination_country: str) -> tuple[tuple[float, float], ...]:
    """The points that a flight between two countries passes; none if it goes straight.

    >>> way("RU", "LY")[-1], way("LY", "RU")[0], way("GR", "EG")
    ((34.3, 25.3), (34.3, 25.3), ())
    """
    if destination_country in NORTH and origin_country not in NORTH:
        return tuple(reversed(way(destination_country, origin_country)))
    if origin_country in NORTH:
        return _from_north(origin_country, destination_country)
    if {origin_country, destination_country} == {"SY", "LY"}:
        points = ((34.8, 33.5), *SOUTH_OF_CRETE)  # along the south of Cyprus and Crete, never over Israel or Egypt
        return points if origin_country == "SY" else tuple(reversed(points))
    return ()


def _from_north(origin: str, destination: str) -> tuple[tuple[float, float], ...]:
    if destination == "TR" and origin == "BY":
        return BLACK_SEA_WEST
    return SOUTHWARD.get(destination, ())


SOUTHWARD: dict[str, tuple[tuple[float, float], ...]] = {
    **dict.fromkeys(("LY", "DZ", "CF"), (*CAUCASUS, *LEVANT_SEA, *SOUTH_OF_CRETE)),
    **dict.fromkeys(("SY", "EG"), (*CAUCASUS, *LEVANT_SEA)),
    **dict.fromkeys(("AE", "QA"), CASPIAN),
    "AM": CAUCASUS[:2],
    "AZ": ((51.6, 43.5), (44.5, 45.5)),
}
