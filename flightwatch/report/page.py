"""What all our pages share: the template environment (everything escaped), the style, embedded pictures."""

from __future__ import annotations

import base64
from functools import cache
from typing import Any

from jinja2 import Environment, PackageLoader, StrictUndefined, select_autoescape
from markupsafe import Markup

from flightwatch.notify.clean import line, lines
from flightwatch.words import number


@cache
def environment() -> Environment:
    """Jinja2 with autoescape on for every template and unknown names an error."""
    env = Environment(
        loader=PackageLoader("flightwatch.report", "templates"),
        autoescape=select_autoescape(default=True, default_for_string=True),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=_readable,
    )
    env.filters |= {"line": lambda value: line(str(value)), "count": lambda value: number(float(value))}
    return env


def _readable(value: Any) -> Any:
    """Foreign text without control characters and direction marks, even if a template does not ask for that."""
    return lines(value, len(value)) if isinstance(value, str) and not isinstance(value, Markup) else value


def render(template: str, **values: Any) -> str:
    """A page from one of the templates."""
    return environment().get_template(template).render(**values)


def inside(png: bytes) -> str:
    """A PNG as an image address within the page, so that it shows offline, in print, and when the page is mailed."""
    return "data:image/png;base64," + base64.b64encode(png).decode("ascii")
