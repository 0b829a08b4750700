"""What a registration says: its country by the prefix, and the registrations that follow from an address.

The address block and the registration of one airframe may name different countries. For the aircraft this tool is about
they often do, which is worth knowing and must not be resolved silently.
"""

from __future__ import annotations

import re

PREFIXES = {
    "RA": "RU", "RF": "RU", "EW": "BY", "5A": "LY", "YK": "SY", "EX": "KG", "UP": "KZ", "UR": "UA", "A6": "AE",
    "SU": "EG", "TC": "TR", "ST": "SD", "EY": "TJ", "EK": "AM", "ER": "MD", "4L": "GE", "UK": "UZ", "EZ": "TM",
    "TT": "TD", "5U": "NE", "TL": "CF", "9H": "MT", "EP": "IR", "YI": "IQ", "XT": "BF", "TZ": "ML", "4K": "AZ",
    "YU": "RS", "7T": "DZ", "TS": "TN", "CN": "MA", "JY": "JO", "OD": "LB", "4X": "IL", "HZ": "SA", "A4O": "OM",
    "A7": "QA", "A9C": "BH", "9K": "KW", "7O": "YE", "ET": "ET", "E3": "ER", "5Y": "KE", "5X": "UG", "5H": "TZ",
    "6O": "SO", "J2": "DJ", "ZS": "ZA", "V5": "NA", "D2": "AO", "9Q": "CD", "TN": "CG", "TR": "GA", "TJ": "CM",
    "5N": "NG", "9G": "GH", "TU": "CI", "5V": "TG", "TY": "BJ", "3X": "GN", "9L": "SL", "EL": "LR", "6V": "SN",
    "5T": "MR", "C5": "GM", "9J": "ZM", "Z": "ZW", "A2": "BW", "C9": "MZ", "5R": "MG", "B": "CN", "JA": "JP",
    "HL": "KR", "P": "KP", "VT": "IN", "AP": "PK", "S2": "BD", "YA": "AF", "9N": "NP", "4R": "LK", "HS": "TH",
    "XV": "VN", "VN": "VN", "9M": "MY", "9V": "SG", "PK": "ID", "RP": "PH", "JU": "MN", "VH": "AU", "ZK": "NZ",
    "G": "GB", "F": "FR", "D": "DE", "I": "IT", "EC": "ES", "CS": "PT", "EI": "IE", "EJ": "IE", "PH": "NL", "OO": "BE",
    "LX": "LU", "HB": "CH", "OE": "AT", "OY": "DK", "SE": "SE", "LN": "NO", "OH": "FI", "TF": "IS", "SP": "PL",
    "OK": "CZ", "OM": "SK", "HA": "HU", "YR": "RO", "LZ": "BG", "SX": "GR", "5B": "CY", "9A": "HR", "S5": "SI",
    "E7": "BA", "Z3": "MK", "ZA": "AL", "4O": "ME", "YL": "LV", "LY": "LT", "ES": "EE", "N": "US", "C": "CA",
    "XA": "MX", "XB": "MX", "XC": "MX", "PP": "BR", "PR": "BR", "PS": "BR", "PT": "BR", "LV": "AR", "LQ": "AR",
    "CC": "CL", "HK": "CO", "YV": "VE", "CP": "BO", "OB": "PE", "HC": "EC", "ZP": "PY", "CX": "UY", "CU": "CU",
}  # fmt: skip
"""Nationality marks to ISO 3166 codes (ICAO Annex 7 and its supplement); without the marks of small islands."""

RUSSIAN_BASE = (
    0x140000  # RA-NNNNN is this plus the number: true for 1,780 of 1,858 airframes (tar1090 registrations.js)
)


def country(registration: str) -> str:
    """The country of a registration's mark; "" if the mark is unknown.

    A military serial is not a mark, and a mark needs its hyphen, except for the few states that write none.

    >>> country("RA-76445"), country("5A-EWX"), country("N917BC"), country("A6-EWA"), country("17+03")
    ('RU', 'LY', 'US', 'AE', '')
    """
    text = registration.strip().upper()
    if "-" in text:
        return PREFIXES.get(text.split("-", 1)[0], "")
    if re.fullmatch(r"N[1-9][0-9]{0,4}[A-Z]{0,2}", text):
        return "US"
    if re.fullmatch(r"(JA|HL)[0-9]{2,4}[A-Z]{0,2}", text):
        return PREFIXES[text[:2]]
    return "UZ" if re.fullmatch(r"UK[0-9]{5}", text) else ""


def hint(icao24: str) -> str:
    """The registration a Russian address suggests; a hint to look, never a fact. "" for every other address.

    >>> hint("152a9d"), hint("140000"), hint("778681")
    ('RA-76445', '', '')
    """
    number = int(icao24, 16) - RUSSIAN_BASE
    return f"RA-{number:05d}" if 0 < number <= 99_999 else ""
