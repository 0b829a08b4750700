"""What the documentation says is possible: links lead somewhere, commands exist, settings load, Python parses."""

from __future__ import annotations

import re
import shlex
import tomllib
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

from flightwatch import config, explore
from flightwatch.cli import app
from flightwatch.errors import ConfigError

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]
LINK = re.compile(r"!?\[[^\]]*\]\(([^)\s]+)\)|<img src=\"([^\"]+)\"")
FENCE = re.compile(r"^```(\w*)\n(.*?)^```", re.M | re.S)

pytestmark = pytest.mark.skipif(not PAGES[1:], reason="the documentation is not beside the package")


def anchors(page: Path) -> set[str]:
    """The headings of a page, as anchors in the style of the forges."""
    lines = FENCE.sub("", page.read_text(encoding="utf-8")).splitlines()
    heads = [line.lstrip("#").strip() for line in lines if re.match(r"#{1,6} ", line)]
    return {re.sub(r"[^\w\- ]", "", re.sub(r"[`*]|\[|\]\([^)]*\)", "", h).lower()).replace(" ", "-") for h in heads}


def blocks(*kinds: str) -> Iterator[tuple[str, str]]:
    for page in PAGES:
        for kind, body in FENCE.findall(page.read_text(encoding="utf-8")):
            if kind in kinds:
                yield page.name, body


def commands() -> Iterator[tuple[str, list[str]]]:
    """Every command line of ours in the pages, without comments and prompts."""
    for name, body in blocks("sh", "console", ""):
        for line in body.replace("\\\n", " ").splitlines():
            text = re.sub(r"^[#$] ", "", line.strip())
            if re.match(r"(sudo )?flightwatch ", text):
                words = shlex.split(re.sub(r"[<>|].*$", "", text), comments=True)
                yield name, words[words.index("flightwatch") + 1 :]


COMMANDS = list(commands())


@pytest.mark.parametrize("page", PAGES, ids=lambda p: p.name)
def test_every_link_leads_to_a_file_and_every_anchor_to_a_heading(page: Path) -> None:
    broken = []
    for found in LINK.finditer(FENCE.sub("", page.read_text(encoding="utf-8"))):
        target = found[1] or found[2]
        if "://" in target or target.startswith("mailto:"):
            continue
        path, _, anchor = target.partition("#")
        there = (page.parent / path).resolve() if path else page
        if not there.exists() or (anchor and there.suffix == ".md" and anchor not in anchors(there)):
            broken.append(target)

    assert broken == []


def test_there_are_commands_to_check() -> None:
    assert len(COMMANDS) > 30


@pytest.mark.parametrize(("page", "words"), COMMANDS, ids=[" ".join(w)[:60] for _, w in COMMANDS])
def test_every_command_in_the_pages_exists_with_its_options(page: str, words: list[str]) -> None:
    command: click.Command = app
    context = click.Context(command)
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        found = command.get_command(context, words[0])
        assert found is not None, f"{page}: no command {words[0]!r}"
        command, words = found, words[1:]

    known = {option for p in command.params for option in (*p.opts, *p.secondary_opts)}
    known |= {"--help", "--version", "--config", "--db"}
    assert [w for w in words if w.startswith("-") and w.split("=")[0] not in known] == []


@pytest.mark.parametrize(("page", "text"), list(blocks("toml")), ids=lambda v: v[:40])
def test_every_piece_of_configuration_is_one(page: str, text: str, tmp_path: Path) -> None:
    tomllib.loads(text)
    for name in set(re.findall(r'_file = "([^"]+)"', text)):
        text = text.replace(name, str(tmp_path / "secret"))
    (tmp_path / "secret").write_text("https://hooks.example.org/x")
    (tmp_path / "area.geojson").write_text('{"type": "Polygon", "coordinates": [[[0, 0], [1, 0], [1, 1], [0, 0]]]}')
    whole = text if text.lstrip().startswith("contact") else f'contact = "a@example.org"\n{text}'
    (tmp_path / "flightwatch.toml").write_text(whole)

    try:
        config.load(tmp_path / "flightwatch.toml", environ={})
    except ConfigError as e:  # pragma: no cover - the message is what a failure shows
        pytest.fail(f"{page}: {e}")


@pytest.mark.parametrize(("page", "code"), list(blocks("python")), ids=lambda v: v[:40])
def test_every_piece_of_python_compiles_and_asks_explore_for_what_it_has(page: str, code: str) -> None:
    compile(code, page, "exec")

    asked = set(re.findall(r"\b(?:db|fw)\.(\w+)\(", code)) if "explore" in code else set()
    assert asked <= {*dir(explore.Explorer), *explore.__all__}
