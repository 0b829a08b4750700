"""How a feed is doing, judged from its polls: fine, degraded, or not to be trusted at all, and why in words.

A feed rarely says that it is broken. It answers 200 with nothing in it, with a third of what it had, with the same page
again, with the time of another hour. Each of these looks like a quiet sky, and must not be mistaken for one.
"""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

EMPTIES = 3  # in a row, for a request that normally brings something: the source is degraded
SHARE = 0.3  # of the trailing median; an answer below it is not taken to be complete
TRAILING = 50  # good polls in the median: under an hour at one a minute, so day and night do not mix
ENOUGH = 10  # good polls before a median means anything
MANY = 10  # aircraft usually there; fewer may all have landed: by chance alone 10 become none once in 20,000 (e^-10)
FAILING = 3  # polls in a row without an answer: the source is down, not hiccuping
GOOD = ("ok", "empty")


@dataclass(frozen=True)
class Condition:
    """`state` is fine, degraded or down; `words` says why, "" when fine. `since` is the first poll with the trouble."""

    source: str
    state: str
    words: str = ""
    since: pd.Timestamp | None = None


def judge(polls: pd.DataFrame) -> list[Condition]:
    """The condition of each source, from its latest polls (columns source, query, started, outcome, kept, note).

    Polls of history (`planned` false) say nothing about a feed and are ignored.
    """
    if "planned" in polls:
        polls = polls[polls["planned"].astype(bool)]
    frame = polls.sort_values("started", kind="stable")
    return [_source(str(name), rows) for name, rows in frame.groupby("source", sort=True, observed=True)]


def _source(name: str, rows: pd.DataFrame) -> Condition:
    failing = _run(~rows["outcome"].isin(GOOD))
    if failing:
        last = rows.iloc[-1]
        told = str(last.get("note") or last["outcome"])
        state = "down" if failing >= FAILING or last["outcome"] in ("auth", "blocked") else "degraded"
        return Condition(name, state, told, rows["started"].iloc[-failing])
    for query, asked in rows.groupby("query", sort=True, observed=True):
        words, since = _request(asked)
        if words:
            return Condition(name, "degraded", f"{query}: {words}", since)
    said = _run((rows["note"].astype(str) != "") & (rows["outcome"] == "ok")) if "note" in rows else 0
    if said:  # a good answer with a warning: its clock is wrong
        return Condition(name, "degraded", str(rows["note"].iloc[-1]), rows["started"].iloc[-said])
    return Condition(name, "fine")


def _request(rows: pd.DataFrame) -> tuple[str, pd.Timestamp | None]:
    """What is odd about the latest answers to one request, compared with its own past."""
    good = rows[rows["outcome"].isin(GOOD)]
    empties = _run(good["outcome"] == "empty")
    before = good.iloc[: len(good) - max(empties, 1)]
    usual = before["kept"].where(before["outcome"] == "ok", 0).tail(TRAILING)
    if len(usual) < ENOUGH or usual.median() < MANY:
        return "", None
    if empties >= EMPTIES:
        return f"empty {empties} times in a row, usually {usual.median():.0f} aircraft", good["started"].iloc[-empties]
    kept = float(good["kept"].iloc[-1])
    if not empties and kept < SHARE * usual.median():
        return f"{kept:.0f} aircraft, usually {usual.median():.0f}", good["started"].iloc[-1]
    return "", None


def _run(bad: pd.Series) -> int:
    """How many of the last values in a row are true."""
    values = bad.to_numpy(dtype=bool)[::-1]
    return int(values.argmin()) if not values.all() else len(values)
