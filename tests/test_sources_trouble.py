"""Four failing feeds over real HTTP: the poll table tells them apart, `status` reports it, no alert comes of it."""

from __future__ import annotations

import json
import shutil
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from benchmarks.torture import chain, story
from flightwatch import config
from flightwatch.cli import app
from flightwatch.jobs.cycle import tick
from flightwatch.jobs.setup import context
from flightwatch.jobs.status import health
from flightwatch.jobs.status import status as look
from flightwatch.store import Store, open_store
from tests.fakes.http import HttpServer, Request

pytestmark = pytest.mark.slow

STEP = timedelta(minutes=10)
GOOD, BAD = 12, 9  # polls before the trouble, and during it: an hour and a half
Reply = tuple[int, dict[str, str], bytes]


def answer(now: datetime, aircraft: list[dict[str, Any]], *, off_s: float = 0.0) -> Reply:
    ms = round((now.timestamp() + off_s) * 1000)
    body = {"ac": aircraft, "msg": "No error", "now": ms, "total": len(aircraft), "ctime": ms, "ptime": 1}
    return 200, {"Content-Type": "application/json"}, json.dumps(body).encode()


def passing(now: datetime) -> list[dict[str, Any]]:
    return story.heard((now - story.LIVE) / story.STEP, 0)


def storm(now: datetime) -> Reply:
    return 429, {"Content-Type": "text/plain", "Retry-After": "60"}, b"slow down"


def page(now: datetime) -> Reply:
    return 200, {"Content-Type": "text/html"}, b"<!doctype html><html><body>Checking your browser</body></html>"


def nobody(now: datetime) -> Reply:
    return answer(now, [])


def an_hour_off(now: datetime) -> Reply:
    return answer(now, passing(now), off_s=3600.0)


TROUBLE: dict[str, tuple[Callable[[datetime], Reply], set[str], str, str]] = {
    "a storm of 429": (storm, {"rate_limited"}, "down", "429"),
    "a page with 200": (page, {"blocked"}, "down", "web page instead of data"),
    "an empty list": (nobody, {"empty"}, "degraded", f"empty {BAD} times in a row, usually 40 aircraft"),
    "a clock an hour off": (an_hour_off, {"ok"}, "degraded", "its clock is 3600 s ahead of ours"),
}


@pytest.fixture(scope="module")
def learned(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[config.Settings, Any]]:
    """A database that knows three months of four routes, and the model it learned from them."""
    with chain.prepared("SQLite", tmp_path_factory.mktemp("learned"), 4) as (settings, _, model):
        yield settings, model


class Feed(HttpServer):
    def __init__(self) -> None:
        self.now, self.trouble = story.LIVE, None
        super().__init__(answer=self._tell)

    def _tell(self, _: Request) -> Reply:
        return answer(self.now, passing(self.now)) if self.trouble is None else self.trouble(self.now)


def watched(learned: tuple[config.Settings, Any], folder: Path, trouble: Callable[[datetime], Reply] | None) -> Any:
    """A copy of the database after two good hours and 90 minutes of trouble; settings and the current time."""
    settings, model = learned
    db = folder / "fw.db"
    shutil.copy(settings.database.url.removeprefix("sqlite:///"), db)
    now = [story.LIVE]
    with Feed() as feed, open_store(str(db)) as store:
        sources = tuple(s.model_copy(update={"url": feed.url, "interval_s": 600.0}) for s in settings.sources)
        own = settings.model_copy(
            update={
                "sources": sources,
                "channels": (),
                "database": settings.database.model_copy(update={"url": f"sqlite:///{db}"}),
                "daemon": settings.daemon.model_copy(update={"poll_s": 600.0, "think_s": 1800.0}),
            }
        )
        ctx = context(own, store, live=True, clock=lambda: now[0], sleep=lambda _: None)
        ctx.clock, ctx.model = (lambda: now[0]), model
        for beat in range(GOOD + BAD):
            now[0] = feed.now = story.LIVE + beat * STEP
            feed.trouble = trouble if beat >= GOOD else None
            assert tick(ctx, now[0], everything=beat == GOOD + BAD - 1) == []
    return own, now[0]


def bad_polls(store: Store) -> Any:
    polls = store.polls(since=story.LIVE)
    return polls[polls["started"].dt.to_pydatetime() >= story.LIVE + GOOD * STEP]


@pytest.mark.parametrize("name", TROUBLE)
def test_each_trouble_is_told_apart_said_by_status_and_makes_no_finding(
    name: str, learned: tuple[config.Settings, Any], tmp_path: Path
) -> None:
    trouble, outcomes, state, words = TROUBLE[name]
    settings, now = watched(learned, tmp_path, trouble)

    with open_store(settings.database.url, readonly=True) as store:
        polls = bad_polls(store)
        told = look(settings, store, now)["sources"]
        notices = store.notices(running=True)
        judged = store.findings(since=story.LIVE.date())
        alerts = store.alerts()
        seen = store.observations(None, since=story.LIVE + GOOD * STEP)
    assert len(polls) == BAD
    assert set(polls["outcome"]) == outcomes
    assert [(row["source"], row["now"]) for row in told] == [("feed", state)]
    assert words in told[0]["why"]
    assert told[0]["since"].startswith(f"{story.LIVE + GOOD * STEP:%Y-%m-%dT%H:%M}")
    assert [n.cause for n in notices] == ["source:feed"]
    assert alerts == []
    assert not judged["flagged"].any()
    if name == "a clock an hour off":
        assert (seen["time"].max().to_pydatetime() - now) <= timedelta(minutes=1)
        assert (seen["suspect"] > 0).all()
    else:
        assert seen.empty
    check = next(c for c in health(settings, now) if c.name == "source feed")
    assert words in check.text
    assert check.ok == (state == "degraded")


def test_without_trouble_nothing_is_said(learned: tuple[config.Settings, Any], tmp_path: Path) -> None:
    settings, now = watched(learned, tmp_path, None)

    with open_store(settings.database.url, readonly=True) as store:
        [row] = look(settings, store, now)["sources"]
        assert (row["now"], row["why"], row["trouble"]) == ("fine", "", "")
        assert store.notices(running=True) == []


def test_the_command_prints_it(learned: tuple[config.Settings, Any], tmp_path: Path) -> None:
    settings, _ = watched(learned, tmp_path, page)
    # the command looks at the last day by the machine's clock
    with open_store(settings.database.url) as store:
        late = datetime.now(tz=UTC) - timedelta(minutes=5)
        polls = bad_polls(store)
        store.save_polls(
            [story_poll(late + timedelta(seconds=n), row) for n, row in enumerate(polls.to_dict("records"))]
        )

    found = CliRunner().invoke(app, ["status", "--json", "--db", str(tmp_path / "fw.db")])

    assert found.exit_code == 0, found.output
    [row] = json.loads(found.stdout)["status"]["sources"]
    assert row["now"] == "down"
    assert "web page" in row["why"]


def story_poll(when: datetime, row: dict[str, Any]) -> Any:
    from flightwatch.records import Poll

    return Poll(row["source"], row["query"], when, when, row["outcome"], note=row["note"])
