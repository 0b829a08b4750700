"""Archives read as a stream of members: a folder, a `.tar`, a tar cut in parts (`.tar.aa`, `.tar.ab`), plain files.

Nothing is ever extracted. A member's name is matched against a pattern and otherwise only displayed; its bytes are read
up to a limit. Links, devices and everything else that is not a regular file are left alone.
"""

from __future__ import annotations

import io
import re
import tarfile
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from typing import IO, Any

from flightwatch.errors import InputError
from flightwatch.sources import inflate
from flightwatch.sources.inflate import MAGIC, MAX_DECODED

MAX_MEMBERS = 200_000  # of one archive; a full day has 60,000 traces
MAX_ARCHIVE = 20 * 2**30  # bytes of one archive; a day is 2 to 4 GB
_PART = re.compile(r"(?P<stem>.+\.tar)\.(?P<part>a[a-z])\Z")


@dataclass(frozen=True)
class Member:
    """One file of an archive; its bytes are in memory, or in a file that is read when needed."""

    name: str
    data: bytes | None = None
    path: Path | None = None

    @property
    def size(self) -> int:
        """Bytes as stored in the archive; 0 for a file that is gone."""
        if self.data is not None:
            return len(self.data)
        return self.path.stat().st_size if self.path is not None and self.path.exists() else 0

    def read(self, limit: int = MAX_DECODED) -> bytes:
        if self.data is not None:
            return self.data
        assert self.path is not None
        try:
            with self.path.open("rb") as file:
                data = file.read(limit + 1)
        except OSError as error:
            raise InputError(f"{self.path}: {error.strerror or error}") from None
        if len(data) > limit:
            raise InputError(f"{self.path}: larger than {limit:,} bytes")
        return data


@dataclass
class Tally:
    """What an archive turned out to contain; filled while it is read.

    `finished` is true once the end-of-archive mark was seen; `folders` are the two-digit trace folders found.
    """

    members: int = 0
    bytes: int = 0
    finished: bool = False
    folders: set[str] = field(default_factory=set)
    refused: Counter[str] = field(default_factory=Counter)


class Joined(io.RawIOBase):
    """The parts of a split file as one stream, each opened in turn."""

    def __init__(self, openers: Sequence[Callable[[], IO[bytes]]]) -> None:
        self._left = list(openers)
        self._now: IO[bytes] | None = None

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while True:
            if self._now is None:
                if not self._left:
                    return 0
                self._now = self._left.pop(0)()
            data = self._now.read(len(buffer))
            if data:
                buffer[: len(data)] = data
                return len(data)
            self._now.close()
            self._now = None

    def close(self) -> None:
        if self._now is not None:
            self._now.close()
        super().close()


def groups(paths: Sequence[Path]) -> Iterator[tuple[str, list[Path]]]:
    """Which paths to read as one: (name, parts). Split tars are put together, wherever their parts are in the list.

    Raises InputError for a path that does not exist, and for a split tar with a missing part in the middle.

    >>> [(n, len(p)) for n, p in groups([])]
    []
    """
    parts: dict[Path, list[Path]] = {}
    for path in paths:
        if not path.exists():
            raise InputError(f"{path}: no such file or folder")
        found = _PART.match(path.name)
        parts.setdefault(path.with_name(found["stem"]) if found else path, []).append(path)
    for stem, files in parts.items():
        if len(files) > 1 or _PART.match(files[0].name):
            yield stem.name, _complete(stem, files)
        else:
            yield stem.name or str(stem.resolve().name), files


def _complete(stem: Path, files: list[Path]) -> list[Path]:
    """All parts in order: `aa`, `ab`, …; other parts of the same file are found in its folder."""
    beside = {p for p in stem.parent.glob(stem.name.replace("[", "[[]") + ".a?") if _PART.match(p.name)}
    found = sorted(set(files) | beside)
    names = [p.name[-2:] for p in found]
    wanted = [f"a{chr(97 + i)}" for i in range(len(found))]
    if names != wanted:
        missing = next(w for w, n in zip(wanted, [*names, ""], strict=False) if w != n)
        raise InputError(f"{stem.name}: part .{missing} is missing beside .{names[-1]}")
    return found


def members(
    name: str, paths: Sequence[Path], pattern: re.Pattern[str], tally: Tally, *, read: bool = False
) -> Iterator[Member]:
    """The members of a group of `groups` whose name matches; with `read`, the bytes of plain files are loaded too."""
    first = paths[0]
    if first.is_dir():
        yield from _folder(first, pattern, tally)
    elif len(paths) > 1 or _looks_like_tar(first):
        with Joined([partial(io.FileIO, p) for p in paths]) as joined:
            yield from tar(joined, name, pattern, tally)
        return
    else:
        yield Member(first.name, path=first)
        tally.members += 1
    tally.finished = True


def _looks_like_tar(path: Path) -> bool:
    if path.suffix == ".tar" or path.name.endswith((".tar.gz", ".tgz")) or _PART.match(path.name):
        return True
    with path.open("rb") as file:
        return file.read(262)[257:262] == b"ustar"


def _folder(folder: Path, pattern: re.Pattern[str], tally: Tally) -> Iterator[Member]:
    """Files below a folder in order of their names; links are not followed."""
    for path in sorted(folder.rglob("*")):
        if path.is_symlink() or not path.is_file() or not pattern.search(path.as_posix()):
            continue
        tally.members += 1
        tally.folders.add(path.parent.name)
        yield Member(path.relative_to(folder).as_posix(), path=path)


def tar(stream: IO[bytes] | io.RawIOBase, name: str, pattern: re.Pattern[str], tally: Tally) -> Iterator[Member]:
    """The matching regular files of a tar, read once from front to back.

    Raises InputError where the tar itself cannot be read any further, after yielding everything before that point.
    """
    buffered = io.BufferedReader(stream, 2**20) if isinstance(stream, io.RawIOBase) else stream
    if isinstance(buffered, io.BufferedReader) and buffered.peek(2)[:2] == MAGIC:
        buffered = io.BufferedReader(Blocks(inflate.chunks(_blocks(buffered), limit=MAX_ARCHIVE)), 2**20)
    counting = _Counting(buffered)
    try:
        with tarfile.open(fileobj=counting, mode="r|", errorlevel=1) as opened:
            for info in opened:
                vars(opened)[
                    "members"
                ].clear()  # the index of a day would grow for nothing; the type stubs do not know it
                member = _take(opened, info, pattern, tally, name)
                if member is not None:
                    yield member
    except (tarfile.TarError, EOFError, OSError, ValueError) as error:
        told = str(error) or type(error).__name__
        raise InputError(f"{name}: the archive cannot be read past {tally.members:,} members ({told})") from None
    tally.finished = counting.ended()
    if not tally.finished:
        raise InputError(f"{name}: the archive ends early, after {tally.members:,} members (no end mark)")


def _take(
    opened: tarfile.TarFile, info: tarfile.TarInfo, pattern: re.Pattern[str], tally: Tally, name: str
) -> Member | None:
    tally.bytes += info.size
    if tally.bytes > MAX_ARCHIVE:
        raise InputError(f"{name}: more than {MAX_ARCHIVE:,} bytes in one archive")
    if not info.isreg():
        if not info.isdir():
            tally.refused["not a regular file"] += 1
        return None
    if not pattern.search(info.name):
        return None
    tally.members += 1
    if tally.members > MAX_MEMBERS:
        raise InputError(f"{name}: more than {MAX_MEMBERS:,} traces in one archive")
    parts = info.name.rsplit("/", 2)
    if len(parts) > 1:
        tally.folders.add(parts[-2])
    if info.size > MAX_DECODED:
        tally.refused["member too large"] += 1
        return None
    file = opened.extractfile(info)
    data = file.read(MAX_DECODED + 1) if file is not None else b""
    if len(data) != info.size:
        raise InputError(f"{name}: ends in the middle of a member, after {tally.members:,}")
    return Member(info.name, data=data)


def _blocks(stream: IO[bytes]) -> Iterator[bytes]:
    while block := stream.read(2**18):
        yield block


class Blocks(io.RawIOBase):
    """An iterator of blocks as a file."""

    def __init__(self, blocks: Iterator[bytes]) -> None:
        self._blocks, self._rest = blocks, b""

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        while not self._rest:
            found = next(self._blocks, None)
            if found is None:
                return 0
            self._rest = found
        size = min(len(buffer), len(self._rest))
        buffer[:size] = self._rest[:size]
        self._rest = self._rest[size:]
        return size


class _Counting(io.BufferedIOBase):
    """Remembers the last bytes read, which show whether a tar reached its end mark: whole blocks of zeros."""

    def __init__(self, stream: Any) -> None:
        self._stream = stream
        self._last, self._total = b"", 0

    def read(self, size: int | None = -1) -> bytes:
        data: bytes = self._stream.read(size)
        if data:
            self._last = (self._last + data)[-512:]
            self._total += len(data)
        return data

    def ended(self) -> bool:
        return self._total % 512 == 0 and self._last == bytes(512)
