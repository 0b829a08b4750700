"""The docs page, part by part: what was measured replaces its sections, everything else stays as it is."""

from __future__ import annotations

import re

MEASURED = "### "
WRITTEN = "## "


def sections(text: str) -> dict[str, str]:
    """Sections by heading line, in order; the text before the first has the heading "".

    >>> list(sections("intro\\n### A\\n1\\n## B\\n2\\n"))
    ['', '### A', '## B']
    """
    parts = re.split(r"^(?=#{2,3} )", text, flags=re.MULTILINE)
    named = [p for p in parts if p.startswith("##")]
    first = {} if parts[0].startswith("##") else {"": parts[0]}
    return first | {p.split("\n", 1)[0]: p for p in named}


def merge(page: str, measured: str, order: list[str]) -> str:
    """`page`, with the sections of `measured` in place of its own with the same heading.

    New ones go where `order` (headings) has them, before what people wrote below the tables.

    >>> merge("# T\\n\\n### A\\n\\n1\\n\\n## Words\\n\\nx\\n", "### B\\n\\n2\\n", ["### A", "### B"])
    '# T\\n\\n### A\\n\\n1\\n\\n### B\\n\\n2\\n\\n## Words\\n\\nx\\n'
    """
    old, new = sections(page), sections(measured)
    new.pop("", None)
    tables = {h: new.get(h, old.get(h, "")) for h in [*order, *old, *new] if h.startswith(MEASURED)}
    words = {h: t for h, t in old.items() if h.startswith(WRITTEN)}
    every = [old.get("", ""), *tables.values(), *words.values()]
    return "\n\n".join(t.strip() for t in every if t.strip()) + "\n"
