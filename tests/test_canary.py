"""The search for secrets finds one wherever it is shown, and nothing where none is."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent

BEGIN = """
import gzip, logging, sqlite3, zlib
import click
from click.testing import CliRunner
from flightwatch.config.channels import SlackSettings
from flightwatch.errors import DeliveryError
from tests.canary import canary
from tests.conftest import postgres

SECRET = "https://example.org/cAnArY-0123456789"

def test_it(tmp_path, canary):
    (tmp_path / "hook").write_text(SECRET + "\\n")
    settings = SlackSettings(kind="slack", webhook_file=tmp_path / "hook")
    said = settings.secret("webhook")
    {body}
"""

SHOWN = {
    "a log": 'logging.getLogger("flightwatch.x").debug("posting to %s", said)',
    "a log of a library": 'logging.getLogger("urllib3").warning("retrying %s", said)',
    "an error": 'str(DeliveryError(f"{said} refused"))',
    "a traceback": "try:\n        raise ValueError(said)\n    except ValueError:\n"
    '        logging.getLogger("flightwatch").exception("failed")',
    "a database": 'db = sqlite3.connect(tmp_path / "x.db"); db.execute("CREATE TABLE t AS SELECT ? AS a", (said,));'
    " db.commit(); db.close()",
    "a database, over the end of a page": 'db = sqlite3.connect(tmp_path / "x.db");'
    ' db.execute("CREATE TABLE t AS SELECT ? AS a", ("x" * 1000 + said + "x" * (2 * 4092 - 20),)); db.commit()'
    " # the last pages of a long value are full ones of 4092 bytes\n"
    '    assert said.encode() not in (tmp_path / "x.db").read_bytes()',
    "a packed file": '(tmp_path / "page.gz").write_bytes(gzip.compress(said.encode()))',
    "a file": '(tmp_path / "out").mkdir(); (tmp_path / "out" / "page.html").write_text(f"<a href={said}>")',
    "an output": "CliRunner().invoke(click.Command('show', callback=lambda: click.echo(said)), [])",
}

IN_POSTGRES = {
    "a text": ("text", "said"),
    "a JSON document": ("jsonb", "Jsonb({'webhook': [said]})"),
    "packed bytes": ("bytea", "zlib.compress(said.encode())"),
}

HIDDEN = {
    "nothing": "pass",
    "what the library may not say": 'logging.getLogger("urllib3").debug("POST %s", said)',
    "the secret's own file": "settings.secret('webhook')",
    "a mask": 'logging.getLogger("flightwatch").debug("%s %r", settings, settings)',
}


def ended(tmp_path: Path, body: str) -> subprocess.CompletedProcess[str]:
    file = tmp_path / "test_inner.py"
    file.write_text(BEGIN.format(body=body))
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "--import-mode=importlib", str(file)]
    environ = os.environ | {"PYTHONPATH": str(ROOT), "PYTEST_ADDOPTS": ""}
    return subprocess.run([*command, "--rootdir", str(tmp_path)], capture_output=True, text=True, env=environ,
                          cwd=tmp_path, check=False)  # fmt: skip


@pytest.mark.slow
@pytest.mark.parametrize("where", SHOWN)
def test_a_secret_that_is_shown_fails_the_test(where: str, tmp_path: Path) -> None:
    found = ended(tmp_path, SHOWN[where])

    assert found.returncode == 1, found.stdout
    assert "a secret is shown in" in found.stdout
    assert "1 passed, 1 error" in found.stdout


@pytest.mark.slow
@pytest.mark.parametrize("where", IN_POSTGRES)
def test_a_secret_in_a_postgresql_fails_the_test_before_the_database_is_dropped(where: str, tmp_path: Path) -> None:
    if not os.environ.get("FLIGHTWATCH_TEST_POSTGRES"):
        pytest.skip("FLIGHTWATCH_TEST_POSTGRES does not name a PostgreSQL")
    kind, value = IN_POSTGRES[where]
    found = ended(
        tmp_path,
        "import psycopg; from psycopg.types.json import Jsonb\n    with postgres() as url:\n"
        '        db = psycopg.connect(url.replace("+psycopg", ""));'
        f' db.execute("CREATE TABLE t (n int, a {kind})");'
        f' db.execute("INSERT INTO t VALUES (1, %s)", ({value},)); db.commit(); db.close()',
    )

    assert found.returncode == 1, found.stdout
    assert "a secret is shown in database t.a" in found.stdout


@pytest.mark.slow
@pytest.mark.parametrize("where", HIDDEN)
def test_a_secret_that_is_not_shown_fails_nothing(where: str, tmp_path: Path) -> None:
    found = ended(tmp_path, HIDDEN[where])

    assert found.returncode == 0, found.stdout
