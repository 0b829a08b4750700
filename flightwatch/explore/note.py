"""Titled paragraphs that show themselves: text when printed, escaped HTML in a notebook."""

from __future__ import annotations

import html
import textwrap
from dataclasses import dataclass


@dataclass(frozen=True)
class Note:
    """A note of titled paragraphs: text when printed, escaped HTML in a notebook."""

    title: str
    sections: tuple[tuple[str, tuple[str, ...]], ...]

    def __str__(self) -> str:
        out = [self.title, "=" * min(len(self.title), 100)]
        for heading, paragraphs in self.sections:
            out += ["", heading]
            out += [textwrap.fill(p, 100, initial_indent="  ", subsequent_indent="    ") for p in paragraphs]
        return "\n".join(out)

    __repr__ = __str__

    def without(self, heading: str) -> Note:
        """The note less the sections whose heading begins so, for where they stand otherwise."""
        return Note(self.title, tuple(s for s in self.sections if not s[0].startswith(heading)))

    def _repr_html_(self) -> str:
        return self.html()

    def html(self, level: int = 3) -> str:
        """The note as HTML, every value escaped.

        >>> Note("a <b>", (("c", ("d",)),)).html()
        '<h3>a &lt;b&gt;</h3><h4>c</h4><ul><li>d</li></ul>'
        """
        out = [f"<h{level}>{html.escape(self.title)}</h{level}>"]
        for heading, paragraphs in self.sections:
            items = "".join(f"<li>{html.escape(p)}</li>" for p in paragraphs)
            out.append(f"<h{level + 1}>{html.escape(heading)}</h{level + 1}><ul>{items}</ul>")
        return "".join(out)
