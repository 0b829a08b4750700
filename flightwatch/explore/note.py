"""Titled paragraphs that show themselves: text when printed, escaped HTML in a notebook."""

from __future__ import annotations

import textwrap
from dataclasses import dataclass

from markupsafe import Markup


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
        """The note without the sections whose heading begins like this, for pages that show them elsewhere."""
        return Note(self.title, tuple(s for s in self.sections if not s[0].startswith(heading)))

    def _repr_html_(self) -> str:
        return self.html()

    def html(self, level: int = 3) -> Markup:
        """The note as HTML, every value escaped.

        >>> print(Note("a <b>", (("c", ("d",)),)).html())
        <h3>a &lt;b&gt;</h3><h4>c</h4><ul><li>d</li></ul>
        """
        title, item = Markup("<h{0}>{1}</h{0}>"), Markup("<li>{}</li>")
        out = [title.format(level, self.title)]
        for heading, paragraphs in self.sections:
            items = Markup("").join(item.format(p) for p in paragraphs)
            out += [title.format(level + 1, heading), Markup("<ul>{}</ul>").format(items)]
        return Markup("").join(out)
