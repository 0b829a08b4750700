"""The command reference is made from the code, complete and up to date."""

from __future__ import annotations

from pathlib import Path

from flightwatch.cli import app
from flightwatch.cli.reference import commands, page

PAGE = Path(__file__).parents[1] / "docs" / "reference" / "commands.md"


def test_the_page_is_what_the_code_says():
    assert PAGE.read_text(encoding="utf-8") == page(), "make it anew: python -m flightwatch.cli.reference"


def test_every_command_explains_itself():
    silent = [path for path, one in commands(app) if not one.help or len(one.help) < 12]

    assert silent == []


def test_links_between_the_pages_lead_somewhere():
    import re

    root = PAGE.parents[2]
    broken = []
    for source in [root / "README.md", *sorted((root / "docs").rglob("*.md"))]:
        for target in re.findall(r"\]\(([^)\s]+)\)", source.read_text(encoding="utf-8")):
            path = target.split("#")[0]
            if path and "://" not in path and not path.startswith("mailto:") and not (source.parent / path).exists():
                broken.append(f"{source.relative_to(root)}: {target}")

    assert broken == []
