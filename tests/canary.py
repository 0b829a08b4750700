"""Every secret any test uses is a canary: found in a log, an error, an output or a file, the test fails.

Nobody keeps a list. Whatever is handed out by `Section.secret`, read from a secret's file or held by a `SecretStr` of
the configuration is remembered for the test that asked. When the test is over, everything it left is searched: what
flightwatch logged at DEBUG (and libraries at WARNING, as the program lets them), through the program's own filter but
without telling it a single value; the text of each error of ours; what its commands printed; and each file in its
folder, databases among them.
"""

from __future__ import annotations

import copy
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote

import pytest

SHORTEST = 8
"""Shorter secrets are ordinary words of tests ("pw", "key"), which stand everywhere."""
LARGEST = 64 * 2**20  # bytes of a file that is searched


class Nest:
    """What one test may not show, and all it said."""

    def __init__(self) -> None:
        self.secrets: set[str] = set()
        self.own: set[Path] = set()
        self.said: list[tuple[str, str]] = []

    def lay(self, value: object) -> None:
        """Remember a secret; of an Apprise list each line."""
        for text in str(value or "").splitlines():
            if len(text.strip()) >= SHORTEST:
                self.secrets.add(text.strip())

    def hear(self, where: str, text: str) -> None:
        self.said.append((where, text))

    def found(self, folder: Path | None) -> list[str]:
        """Where a canary sings, in words."""
        forms = {form: s for s in self.secrets for form in {s, quote(s, safe=""), s.replace('"', '\\"')}}
        out = [f"{where}: {text[:200]!r}" for where, text in self.said if any(form in text for form in forms)]
        wanted = [form.encode() for form in forms]
        for path in sorted(folder.rglob("*")) if folder is not None and wanted else ():
            if path.is_symlink() or not path.is_file() or path.resolve() in self.own:
                continue
            if path.stat().st_size <= LARGEST and any(form in path.read_bytes() for form in wanted):
                out.append(f"file {path.relative_to(folder)}")
        return out


class Ear(logging.Handler):
    """Hears what the program would write into its log."""

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


def lay(value: str | None) -> str | None:
    """The value, which from now on is a canary: for tests that hand a secret over without a configuration."""
    if _ear:
        _nest().lay(value)
    return value


def _listen() -> None:
    """Patch, once a process, the doors through which secrets come and words go."""
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
    """The nest of this test; `canary.lay(value)` makes a canary of what no configuration holds."""
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
