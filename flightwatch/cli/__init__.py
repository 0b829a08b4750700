"""The command line. The clock and the settings enter the program here and in `daemon`, nowhere else.

Nothing heavy is imported until a command runs: `flightwatch --help` must answer at once.
"""

from __future__ import annotations

import sys
from collections.abc import Sequence

import click

from flightwatch import __version__
from flightwatch.cli import archive, download, handon, house, look, model, people, watch
from flightwatch.cli.base import Sections
from flightwatch.errors import FlightwatchError


@click.group(cls=Sections, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, "--version", message="flightwatch %(version)s")
def app() -> None:
    """Watch public ADS-B records and alert when traffic on a route becomes unusual."""


download.attach()
for _section in (watch, archive, look, people, handon, model, house):
    for _command in _section.COMMANDS:
        app.add_command(_command)
    app.sections.append((_section.TITLE, [str(c.name) for c in _section.COMMANDS]))


def main(argv: Sequence[str] | None = None) -> None:
    """Run a command and exit with the exit code of its error class; a known error is one line, without a traceback."""
    try:
        code = app.main(args=list(argv) if argv is not None else None, prog_name="flightwatch", standalone_mode=False)
    except click.exceptions.Exit as e:
        code = e.exit_code
    except click.ClickException as e:
        e.show()
        code = 2
    except click.Abort:
        code = 130
    except KeyboardInterrupt:
        code = 130
    except BrokenPipeError:
        sys.stderr.close()
        code = 0
    except FlightwatchError as e:
        from flightwatch.redact import redact

        click.echo(f"flightwatch: {redact(str(e))}", err=True)
        code = e.exit_code
    sys.exit(code if isinstance(code, int) else 0)
