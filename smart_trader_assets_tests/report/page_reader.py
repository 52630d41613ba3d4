"""Reads a page as a browser does, as far as the tests ask: elements, attributes, scripts, words."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from html.parser import HTMLParser


@dataclass
class Page:
    """What a page consists of. `scripts` are (type, text), `isolated` the texts of bdi elements."""

    elements: Counter[str] = field(default_factory=Counter)
    attributes: list[tuple[str, str, str]] = field(default_factory=list)
    scripts: list[tuple[str, str]] = field(default_factory=list)
    isolated: list[str] = field(default_factory=list)
    texts: list[str] = field(default_factory=list)

    @property
    def words(self) -> str:
        """All text outside of scripts and styles, blanks folded."""
        return " ".join(" ".join(self.texts).split())

    def values(self, attribute: str, element: str | None = None) -> list[str]:
        """The values of an attribute, in the order of the page."""
        return [
            value
            for tag, name, value in self.attributes
            if name == attribute and element in {None, tag}
        ]


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.page = Page()
        self._within: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.page.elements[tag] += 1
        self.page.attributes += [(tag, name, value or "") for name, value in attrs]
        self._within.append(tag)
        if tag == "script":
            self.page.scripts.append((dict(attrs).get("type") or "", ""))
        if tag == "bdi":
            self.page.isolated.append("")

    def handle_endtag(self, tag: str) -> None:
        while self._within and self._within.pop() != tag:
            pass

    def handle_data(self, data: str) -> None:
        within = self._within[-1] if self._within else ""
        if within == "script":
            kind, text = self.page.scripts[-1]
            self.page.scripts[-1] = (kind, text + data)
        elif within != "style":
            self.page.texts.append(data)
            if within == "bdi":
                self.page.isolated[-1] += data


def read_page(html: str) -> Page:
    """The page of an HTML text."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.page
