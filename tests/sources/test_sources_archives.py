"""adsb.lol's daily releases as they are laid out, with the defects they had; hostile archives (R18)."""

from __future__ import annotations

import gzip
import io
import re
import resource
import tarfile
import zlib
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from flightwatch.errors import InputError
from flightwatch.sources import archive, traces
from flightwatch.sources import rows as rows_of_trace
from flightwatch.sources.archive import Tally
from flightwatch.sources.daily import Archive, preferred
from flightwatch.sources.http import Client, Limits
from flightwatch.sources.traces import Watch

DAY = date(2025, 11, 22)
BODY = (Path(__file__).parent.parent / "data/sources/trace_full_778681.json").read_bytes()
TAG = "v2025.11.22-planes-readsb-prod-0"
LIST = "/adsblol/globe_history_{}/raw/refs/heads/main/PREFERRED_RELEASES.txt"


def trace(icao24: str, typecode: str = "IL76") -> bytes:
    return gzip.compress(BODY.replace(b"778681", icao24.encode()).replace(b"IL76", typecode.encode()))


def tar(files: dict[str, bytes], extra: Any = ()) -> bytes:
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as packed:
        for name, data in files.items():
            info = tarfile.TarInfo(name)
            info.size = len(data)
            packed.addfile(info, io.BytesIO(data))
        for info, data in extra:
            packed.addfile(info, io.BytesIO(data) if data is not None else None)
    return out.getvalue()


def full_day(folders: int = 256) -> dict[str, bytes]:
    return {f"./traces/{i:02x}/trace_full_7786{i:02x}.json": trace(f"7786{i:02x}") for i in range(1, folders)} | {
        "./traces/00/trace_full_140a00.json": trace("140a00", "B738"),
        "./README.txt": b"ODbL",
    }


class GitHub:
    """The two hosts of a release: the first answers with redirects, the second with the bytes, by range."""

    def __init__(self, feed: Any, other: Any) -> None:
        self.feed, self.other = feed, other
        self.lines: dict[int, list[str]] = {2025: [], 2026: []}
        for year, lines in self.lines.items():
            self._redirect(LIST.format(year), lambda h, lines=lines: h.reply("\n".join(lines).encode(), "text/plain"))

    def _redirect(self, path: str, answer: Any) -> None:
        self.feed.answers[path] = lambda h: h.reply(b"", status=302, Location=f"{self.other.url}/store{path}")
        self.other.answers[f"/store{path}"] = answer

    def publish(self, body: bytes, *, tag: str = TAG, year: int = 2025, parts: int = 2, breaks: int = 0) -> list[str]:
        size = -(-len(body) // parts)
        names = [f"{tag}.tar.a{'abc'[i]}" for i in range(parts)] if parts > 1 else [f"{tag}.tar"]
        paths = [f"/adsblol/globe_history_{year}/releases/download/{tag}/{name}" for name in names]
        self.lines[year].insert(0, ",".join(f"https://github.com{p}" for p in paths))
        left = [breaks]
        for i, path in enumerate(paths):
            part = body[i * size : (i + 1) * size]

            def answer(h: Any, part: bytes = part) -> None:
                start = int((re.match(r"bytes=(\d+)-", h.headers.get("Range") or "") or [0, "0"])[1])
                if left[0]:
                    left[0] -= 1
                    h.reply(
                        part[start : start + len(part) // 3], length=len(part) - start, status=206 if start else 200
                    )
                    return
                h.reply(part[start:], "application/octet-stream", status=206 if start else 200)

            self._redirect(path, answer)
        return paths


@pytest.fixture
def github(feed: Any, other: Any) -> GitHub:
    return GitHub(feed, other)


def lol(feed: Any, slept: list[float] | None = None) -> Archive:
    client = Client("desk@example.org", allow_private=True, limits=Limits(total_s=5))
    return Archive(client, base=feed.url, hosts=("localhost",), sleep=(slept if slept is not None else []).append)


def test_a_published_day_is_streamed_through_its_parts_and_found_whole(feed: Any, github: GitHub) -> None:
    github.publish(tar(full_day()))
    source = lol(feed)

    day = source.day(DAY)
    pieces = list(source.pieces(day, batch=100))
    for piece in pieces:
        day.rows += piece.load().poll.kept

    assert [len(p.members) for p in pieces] == [100, 100, 56]
    assert day.rows == 256 * 4
    poll = day.poll(source.source)
    assert (poll.outcome, poll.query, poll.planned) == ("ok", TAG, False)
    assert poll.started == datetime(2025, 11, 22, tzinfo=UTC)
    assert all(h["User-Agent"].endswith("(+desk@example.org)") for _, _, h, _ in feed.asked + github.other.asked)


def test_a_single_tar_of_another_years_repository_is_found(feed: Any, github: GitHub) -> None:
    github.publish(tar(full_day()), tag="v2025.12.30-planes-readsb-prod-0", year=2026, parts=1)
    source = lol(feed)

    day = source.day(date(2025, 12, 30))

    assert len(list(source.pieces(day))) > 0
    assert day.release is not None
    assert "globe_history_2026" in day.release.parts[0]


def test_a_connection_that_breaks_is_read_on_where_it_broke(feed: Any, github: GitHub) -> None:
    github.publish(tar(full_day()), breaks=3)
    slept: list[float] = []
    source = lol(feed, slept)

    day = source.day(DAY)
    rows = sum(p.load().poll.kept for p in source.pieces(day))

    assert day.trouble is None
    assert rows == 256 * 4
    assert len(slept) == 3


def test_a_server_cannot_make_a_download_wait_longer_than_the_limit(feed: Any, github: GitHub) -> None:
    paths = github.publish(tar(full_day()), parts=1)
    part, left = github.other.answers[f"/store{paths[0]}"], ["864000", "7"]

    def busy(h: Any) -> None:
        if left:
            h.reply(b"", status=429, **{"Retry-After": left.pop(0)})
        else:
            part(h)

    github.other.answers[f"/store{paths[0]}"] = busy
    slept: list[float] = []
    source = lol(feed, slept)

    day = source.day(DAY)
    rows = sum(p.load().poll.kept for p in source.pieces(day))

    assert (day.trouble, rows) == (None, 256 * 4)
    assert slept == [6 * 3600.0, 7.0]


def verdict(feed: Any, day: date = DAY, usual: tuple[int, ...] = ()) -> tuple[str, str]:
    source = lol(feed)
    found = source.day(day)
    for piece in source.pieces(found):
        found.rows += piece.load().poll.kept
    poll = found.poll(source.source, usual)
    return poll.outcome, poll.note


def test_not_published_is_not_the_same_as_nothing_flew(feed: Any, github: GitHub) -> None:
    github.publish(tar(full_day()))
    source = lol(feed)
    empty_day = source.day(DAY)

    pieces = list(source.pieces(empty_day, watch=Watch(types=frozenset({"A225"}))))
    rows = [p.load() for p in pieces]

    assert sum(f.poll.kept for f in rows) == 0
    assert sum(f.rejected["not watched"] for f in rows) == 256 * 4
    assert empty_day.poll(source.source).outcome == "empty"
    assert verdict(feed, date(2025, 11, 23)) == ("bad_request", "not published: the day is unknown, not empty")


def test_known_defects_of_the_archive_are_told_apart(feed: Any, github: GitHub) -> None:
    github.publish(tar(full_day(122)), tag="v2025.11.01-planes-readsb-prod-0")
    github.publish(tar({"./README.txt": b"ODbL"}), tag="v2025.11.02-planes-readsb-prod-0")
    github.publish(tar(full_day())[:40_000], tag="v2025.11.03-planes-readsb-prod-0", parts=1)
    missing = github.publish(tar(full_day()), tag="v2025.11.04-planes-readsb-prod-0")[0]
    feed.answers[missing] = lambda h: h.reply(b"Not Found", "text/plain", 404)

    assert verdict(feed, date(2025, 11, 1)) == ("bad_schema", "incomplete upstream: only 122 of 256 folders")
    assert verdict(feed, date(2025, 11, 2)) == ("bad_schema", "published, but without a single trace")
    assert verdict(feed, date(2025, 11, 3))[0] == "server"
    assert verdict(feed, date(2025, 11, 4))[0] == "bad_request"
    github.publish(tar(full_day()))
    assert verdict(feed, usual=(10**7, 10**7, 10**7))[1].endswith("of the usual size")


def test_a_broken_list_line_is_passed_over() -> None:
    good = f"https://github.com/adsblol/globe_history_2025/releases/download/{TAG}/{TAG}.tar.aa"

    found = preferred(f"# comment\nhttps://example.org/x\n{good},{good[:-1]}b\n\nnonsense,\n")

    assert list(found) == [DAY]
    assert [p[-2:] for p in found[DAY].parts] == ["aa", "ab"]


def test_a_watch_takes_types_airframes_military_and_areas() -> None:
    counted: Any = Counter()
    found = rows_of_trace.decode(trace("778681"), counted)
    assert found is not None

    assert Watch().takes(found)
    assert Watch(types=frozenset({"IL76"})).takes(found)
    assert Watch(icao24=frozenset({"778681"})).takes(found)
    assert not Watch(military=True).takes(found)
    assert Watch(circles=((36.0, 28.5, 50.0),)).takes(found)
    assert not Watch(circles=((0.0, 0.0, 50.0),)).takes(found)


def link(name: str, kind: bytes, target: str = "") -> tuple[tarfile.TarInfo, None]:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info, None


def zeros(size: int) -> bytes:
    """Gzip of so many zeros, assembled from one packed mebibyte, because really packing them takes seconds."""
    engine = zlib.compressobj(9, zlib.DEFLATED, zlib.MAX_WBITS | 16)
    first = engine.compress(bytes(2**20)) + engine.flush(zlib.Z_FULL_FLUSH)
    block = engine.compress(bytes(2**20)) + engine.flush(zlib.Z_FULL_FLUSH)
    return first + block * (size // 2**20 - 1) + engine.flush()


def hostile() -> bytes:
    good = trace("140a1f")
    files = {
        "traces/1f/trace_full_140a1f.json": good,
        "../../trace_full_140a20.json": trace("140a20"),
        "/tmp/trace_full_140a21.json": trace("140a21"),
        "traces/22/trace_full_140a22.json": b"",
        "traces/23/trace_full_140a23.json": zeros(2**30),
        "traces/24/trace_full_140a24.json": gzip.compress(gzip.compress(good)),
        "traces/25/trace_full_140a25.json": b"PK\x03\x04" + bytes(100),
        "traces/26/trace_full_140a26.json": trace("140a26")[:-7],
        "traces/27/trace_full_140a27.json": b'{"icao":"140a27","timestamp":1e300,"trace":[[1,1,1]]}',
        "traces/28/trace_full_140a28.json": b"[" * 100_000,
        "traces/2f/trace_full_140a2f.json": trace("140a2f"),
    }
    extra = [
        link("traces/30/trace_full_140a30.json", tarfile.SYMTYPE, "/etc/passwd"),
        link("traces/31/trace_full_140a31.json", tarfile.LNKTYPE, "traces/1f/trace_full_140a1f.json"),
        link("traces/32/trace_full_140a32.json", tarfile.CHRTYPE),
        link("traces/33/trace_full_140a33.json", tarfile.FIFOTYPE),
    ]
    return tar(files, extra)


def test_a_hostile_archive_writes_nothing_and_stops_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "in").mkdir()
    (tmp_path / "in/bad.tar").write_bytes(hostile())
    monkeypatch.chdir(tmp_path)
    before = sorted(tmp_path.rglob("*"))
    rss = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    tally = Tally()

    loaded = [p.load() for p in traces.pieces([tmp_path / "in/bad.tar"], tally=tally)]
    rows = pd.concat([f.observations for f in loaded])
    refused = sum((f.rejected for f in loaded), Counter())

    assert sorted(f"{a:06x}" for a in rows["address"].unique()) == ["140a1f", "140a20", "140a21", "140a2f"]
    assert refused == {"unreadable member": 5, "truncated member": 1, "impossible time": 1}
    assert tally.refused == {"not a regular file": 4}
    assert sorted(tmp_path.rglob("*")) == before
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - rss < 300 * 1024


def test_mutated_archives_never_write_crash_or_hang(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """R18 in CI size: 500 mutated or cut archives, each read to its end or refused in our own words."""
    monkeypatch.chdir(tmp_path)
    whole = np.frombuffer(
        tar({f"traces/{i:02x}/trace_full_140a{i:02x}.json": trace(f"140a{i:02x}") for i in range(1, 6)}), np.uint8
    )
    rng = np.random.default_rng(11)
    read = refused = 0
    for i in range(500):
        data = whole.copy()
        places = rng.integers(0, len(data) if i % 2 else 600, rng.integers(1, 20))
        data[places] = rng.integers(0, 256, len(places))
        raw = data[: rng.integers(1, len(data))].tobytes() if i % 5 == 0 else data.tobytes()
        tally = Tally()
        try:
            members = archive.tar(io.BytesIO(raw), "mutated", traces.NAME, tally)
            for piece in traces.batches("mutated", members):
                loaded = piece.load()
                read += loaded.poll.kept
                assert loaded.observations["latitude"].abs().max() < 90 or not loaded.poll.kept
        except InputError:
            refused += 1

    assert read > 1000
    assert refused > 100
    assert list(tmp_path.iterdir()) == []


def test_an_archive_cut_at_a_hundred_points_is_never_taken_for_whole() -> None:
    raw = tar({f"traces/{i:02x}/trace_full_140a{i:02x}.json": trace(f"140a{i:02x}") for i in range(1, 6)})
    raw = raw[: -(-len(raw.rstrip(b"\0")) // 512) * 512 + 1024]  # to its end mark

    whole = 0
    for cut in np.linspace(1, len(raw) - 513, 100).astype(int):
        tally = Tally()
        try:
            list(archive.tar(io.BytesIO(raw[:cut]), "cut", traces.NAME, tally))
        except InputError:
            continue
        whole += tally.finished

    assert whole == 0


def test_a_gzipped_tar_is_read_and_a_cut_one_noticed(tmp_path: Path) -> None:
    packed = gzip.compress(tar(full_day(20)))
    (tmp_path / "day.tar.gz").write_bytes(packed)
    (tmp_path / "cut.tar.gz").write_bytes(packed[:-50])

    assert sum(p.load().poll.kept for p in traces.pieces([tmp_path / "day.tar.gz"])) == 80
    with pytest.raises(InputError, match="truncated gzip"):
        list(traces.pieces([tmp_path / "cut.tar.gz"]))
