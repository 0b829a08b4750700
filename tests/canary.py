"""Every secret that a test uses is a canary: if it appears in a log, an error, an output or a file, the test fails.

There is no list. Whatever `Section.secret` returns, is read from a secret's file or held by a `SecretStr` of the
configuration is remembered for the test that asked. When the test is over, everything it left is searched: what
flightwatch logged at DEBUG (and libraries at WARNING, as the program lets them), through the program's own filter but
without telling it a single value; the text of each error of ours; what its commands printed; each file in its folder,
unpacked if packed; and every value of every table of its databases, an SQLite file or a PostgreSQL that `search` gets
before it is dropped.
"""

from __future__ import annotations

import contextlib
import copy
import gzip
import io
import logging
import zipfile
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

SHORTEST = 8
"""Shorter secrets are ordinary words of tests ("pw", "key"), which occur everywhere."""
LARGEST = 64 * 2**20  # bytes of a file that is searched
SQLITE = b"SQLite format 3\0"  # how such a file begins (sqlite.org/fileformat2.html)


class Nest:
    """What one test may not show, and everything it said."""

    def __init__(self) -> None:
        self.secrets: set[str] = set()
        self.own: set[Path] = set()
        self.said: list[tuple[str, str]] = []
        self.sung: list[str] = []

    def lay(self, value: object) -> None:
        """Remember a secret; of an Apprise list each line."""
        for text in str(value or "").splitlines():
            if len(text.strip()) >= SHORTEST:
                self.secrets.add(text.strip())

    def hear(self, where: str, text: str) -> None:
        self.said.append((where, text))

    def forms(self) -> set[str]:
        """Each secret as it is, as written in an address, and as written in JSON."""
        return {form for s in self.secrets for form in (s, quote(s, safe=""), s.replace('"', '\\"'))}

    def search(self, url: str) -> None:
        """Search every value of every table of a database that will soon be gone."""
        wanted = [form.encode() for form in self.forms()]
        if wanted:
            self.sung += [f"database {where}" for where, value in values(url) if shows(value, wanted)]

    def found(self, folder: Path | None) -> list[str]:
        """Where a canary was found, in words."""
        forms = self.forms()
        out = self.sung + [f"{where}: {t[:200]!r}" for where, t in self.said if any(form in t for form in forms)]
        wanted = [form.encode() for form in forms]
        for path in sorted(folder.rglob("*")) if folder is not None and wanted else ():
            if path.is_symlink() or not path.is_file() or path.resolve() in self.own:
                continue
            if path.stat().st_size <= LARGEST:
                body = path.read_bytes()
                inside = values(f"sqlite:///{path}") if body.startswith(SQLITE) else ()  # a long text is cut into pages
                if shows(body, wanted) or any(shows(value, wanted) for _, value in inside):
                    out.append(f"file {path.relative_to(folder)}")
        return out


def values(url: str) -> Iterator[tuple[str, bytes]]:
    """The values of each column of each table, with the table's and the column's name."""
    import sqlalchemy
    from sqlalchemy.exc import SQLAlchemyError

    engine = sqlalchemy.create_engine(url, poolclass=sqlalchemy.NullPool)
    with contextlib.suppress(SQLAlchemyError), engine.connect() as connection:  # tests make broken files too
        for table in sqlalchemy.inspect(connection).get_table_names():
            for row in connection.execute(sqlalchemy.select("*").select_from(sqlalchemy.table(table))).mappings():
                for name, value in row.items():
                    if isinstance(value, str | bytes | memoryview | dict | list):
                        yield f"{table}.{name}", value.encode() if isinstance(value, str) else _bytes(value)


def _bytes(value: Any) -> bytes:
    return bytes(value) if isinstance(value, bytes | memoryview) else str(value).encode()


def shows(body: bytes, wanted: list[bytes]) -> bool:
    """Whether it contains one of these, also when unpacked: gzip, zlib, the members of a ZIP."""
    return any(form in text for text in (body, *_unpacked(body)) for form in wanted)


def _unpacked(body: bytes) -> Iterator[bytes]:
    with contextlib.suppress(OSError, EOFError, ValueError, zlib.error, zipfile.BadZipFile, NotImplementedError):
        if body[:2] == b"\x1f\x8b":
            with gzip.open(io.BytesIO(body)) as file:
                yield file.read(LARGEST)
        elif body[:1] == b"\x78":  # the usual first byte of zlib's (RFC 1950)
            yield zlib.decompressobj().decompress(body, LARGEST)
        elif body[:2] == b"PK":
            with zipfile.ZipFile(io.BytesIO(body)) as archive:
                for name in archive.namelist():
                    with archive.open(name) as member:
                        yield member.read(LARGEST)


class Ear(logging.Handler):
    """Records what the program would write to its log."""

    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        from flightwatch.redact import RedactingFilter

        self.guard = RedactingFilter()
        self.nest = Nest()
        self.setFormatter(logging.Formatter("%(name)s %(levelname)s %(message)s"))

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith("flightwatch") and record.levelno < logging.WARNING:
            return
        mine = copy.copy(record)
        self.guard.filter(mine)
        self.nest.hear("log", self.format(mine))


_ear: list[Ear] = []


def _nest() -> Nest:
    return _ear[0].nest


def search(url: str) -> None:
    """Look for this test's canaries in a database, before it is dropped."""
    if _ear:
        _nest().search(url)


def lay(value: str | None) -> str | None:
    """The value, from now on a canary: for tests that pass a secret without a configuration."""
    if _ear:
        _nest().lay(value)
    return value


def _listen() -> None:
    """Patch, once per process, where secrets come in and words go out."""
    if _ear:
        return
    from click.testing import CliRunner
    from pydantic import SecretStr

    from flightwatch.config import base
    from flightwatch.errors import FlightwatchError

    _ear.append(Ear())
    hold, read, make, invoke = SecretStr.__init__, base.read_secret, FlightwatchError.__init__, CliRunner.invoke
    secret = base.Section.secret

    def holds(self: Any, value: Any) -> None:
        hold(self, value)
        _nest().lay(value)

    def of_section(self: Any, key: str) -> str | None:
        value = secret(self, key)
        _nest().lay(value)
        return value

    def read_secret(path: Path, key: str) -> str:
        _nest().own.add(Path(path).resolve())
        return read(path, key)

    def init(self: Any, *args: Any, **more: Any) -> None:
        make(self, *args, **more)
        _nest().hear(type(self).__name__, " ".join(map(str, args)))

    def invoked(self: Any, *args: Any, **more: Any) -> Any:
        result = invoke(self, *args, **more)
        _nest().hear(f"output of {args[1] if len(args) > 1 else more.get('args')}", result.output)
        return result

    SecretStr.__init__ = holds  # type: ignore[method-assign]
    base.Section.secret = of_section  # type: ignore[method-assign]
    base.read_secret = read_secret
    FlightwatchError.__init__ = init  # type: ignore[method-assign]
    CliRunner.invoke = invoked  # type: ignore[method-assign]


@pytest.fixture(autouse=True)
def canary(request: pytest.FixtureRequest) -> Iterator[Nest]:
    """The nest of this test; `canary.lay(value)` makes a canary of a value outside any configuration."""
    _listen()
    ear = _ear[0]
    ear.nest = Nest()
    ours, root = logging.getLogger("flightwatch"), logging.getLogger()
    level = ours.level
    ours.setLevel(logging.DEBUG)
    for logger in (ours, root):
        logger.addHandler(ear)
    yield ear.nest
    for logger in (ours, root):
        logger.removeHandler(ear)
    ours.setLevel(level)
    sung = ear.nest.found(request.node.funcargs.get("tmp_path"))
    assert not sung, "a secret is shown in " + "; ".join(sung)
