"""What a page of docs/benchmarks keeps when it is measured again: rows that were not measured, and its words."""

from __future__ import annotations

import re


def merged(page: str, section: str, keys: int = 1) -> str:
    """The page, with this section's table rows in place of those with the same first `keys` cells.

    A section is a heading (or none, for the beginning of the page), a paragraph and a table. Rows new to the page come
    after the old ones; the paragraph replaces the one under the heading; a new section comes last.

    >>> page = "# P\\n\\n## A\\n\\nold\\n\\n| w | n |\\n|---|---|\\n| x | 1 |\\n| y | 2 |\\n\\nwords\\n"
    >>> print(merged(page, "## A\\n\\nnew\\n\\n| w | n |\\n|---|---|\\n| y | 3 |\\n| z | 4 |\\n"))
    # P
    <BLANKLINE>
    ## A
    <BLANKLINE>
    new
    <BLANKLINE>
    | w | n |
    |---|---|
    | x | 1 |
    | y | 3 |
    | z | 4 |
    <BLANKLINE>
    words
    <BLANKLINE>
    """
    lines, new = page.splitlines(), section.splitlines()
    heading = next((line for line in new if line.startswith("#")), "")
    if heading and heading not in lines:
        return f"{page.rstrip()}\n\n{section.strip()}\n"
    start = lines.index(heading) + 1 if heading else 0
    first, last = _table(lines, start)
    there, fresh = lines[first + 2 : last], new[slice(*_table(new, 0))][2:]
    measured = {_key(row, keys): row for row in fresh}
    rows = [measured.pop(_key(row, keys), row) for row in there] + list(measured.values())
    lines[first + 2 : last] = rows
    if heading:
        lines[start:first] = new[new.index(heading) + 1 : _table(new, 0)[0]]
    return "\n".join(lines) + "\n"


def kept(page: str, text: str) -> str:
    """The new text of a whole page, with what people wrote below the tables of the old one.

    A section of the text that ends with its table gets the words that follow the last table under the same heading of
    the page. A section that has words there already keeps its own.

    >>> old = "# P\\n\\n## A\\n\\n| w |\\n|---|\\n| 1 |\\n\\nby hand\\n\\n## B\\n\\n| w |\\n|---|\\n| 1 |\\n\\nold\\n"
    >>> new = "# P\\n\\n## A\\n\\n| w |\\n|---|\\n| 2 |\\n\\n## B\\n\\n| w |\\n|---|\\n| 2 |\\n\\nnew\\n"
    >>> kept(old, new) == new.replace("## B", "by hand\\n\\n## B")
    True
    """
    words = {heading: below for heading, _, below in map(_below, _sections(page))}
    parts = []
    for heading, above, below in map(_below, _sections(text)):
        below = below or (words.get(heading, "") if "|" in above else "")
        parts.append(f"{above}\n\n{below}".strip())
    return "\n\n".join(parts) + "\n"


def _sections(text: str) -> list[str]:
    return [part for part in re.split(r"^(?=#)", text, flags=re.MULTILINE) if part.strip()]


def _below(section: str) -> tuple[str, str, str]:
    """A section's heading, the section up to the end of its last table, and the words after it; no table, no words."""
    lines = section.strip().splitlines()
    end = max((n for n, line in enumerate(lines, 1) if line.startswith("|")), default=len(lines))
    return lines[0], "\n".join(lines[:end]), "\n".join(lines[end:]).strip()


def _table(lines: list[str], start: int) -> tuple[int, int]:
    """Where the first table from there on begins, and where it ends."""
    first = next(n for n in range(start, len(lines)) if lines[n].startswith("|"))
    last = next((n for n in range(first, len(lines)) if not lines[n].startswith("|")), len(lines))
    return first, last


def _key(row: str, keys: int) -> tuple[str, ...]:
    return tuple(cell.strip() for cell in row.split("|")[1 : keys + 1])
