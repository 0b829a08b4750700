"""The command line in this process."""

from __future__ import annotations

from click.testing import CliRunner, Result

from flightwatch.cli import app


def call(*argv: object) -> Result:
    """What a command printed and how it ended; an error it would print in one line is raised."""
    return CliRunner().invoke(app, [str(a) for a in argv], catch_exceptions=False)
