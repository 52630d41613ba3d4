"""A drawn figure as an SVG element of the page: shapes and words, styled by the page's CSS.

What matplotlib writes is a standalone document: fixed colours and fonts, ids that would repeat, each
coordinate to six places. In the page an artist's group id becomes the class of its paths, so that the
style sheet colours it, for light and for dark; text takes the page's font.
"""

from __future__ import annotations

import io
import re
from collections.abc import Iterator
from contextlib import contextmanager
from xml.etree import ElementTree as ET

import matplotlib as mpl
from markupsafe import Markup
from matplotlib.figure import Figure

PATH_PRECISION = 10
"""Steps of a coordinate in one unit of the view box; a unit is about a pixel."""

_SVG = "{http://www.w3.org/2000/svg}"
_ANCHOR = re.compile(r"text-anchor: (\w+)")
_COMMAND = re.compile(r"[A-Za-z][^A-Za-z]*")
_UNSAID = dict.fromkeys(("Creator", "Date", "Format", "Type"))


@contextmanager
def page_drawing() -> Iterator[None]:
    """Figures that are made and written within look the same on every machine.

    Only matplotlib's settings can keep text as text, so they are changed for a while, starting from its
    own defaults and not from the user's, and restored.
    """
    with mpl.rc_context():
        mpl.rcdefaults()
        mpl.rcParams["svg.fonttype"] = "none"
        yield


def inline_svg(figure: Figure, words: str, *, stretched: bool = False) -> Markup:
    """The figure as one `svg` element, sized in pixels at 72 dpi, without ids and colours.

    `words` say what the picture shows, for screen readers and as a tooltip.
    `stretched` lets the page give it any proportions. Drawn within `page_drawing`. Raises ValueError for
    a shape that the page has no style for: images, markers, clipping, curves.
    """
    written = io.StringIO()
    figure.savefig(written, format="svg", metadata=_UNSAID)
    drawn = ET.fromstring(written.getvalue())  # noqa: S314 - matplotlib has just written it
    picture = ET.Element("svg", viewBox=drawn.attrib["viewBox"], role="img")
    picture.set("aria-label", words)
    if stretched:
        picture.set("preserveAspectRatio", "none")
    ET.SubElement(picture, "title").text = words
    picture.extend(list(_marks(drawn, "")))
    # All words were escaped by the writer of the tree.
    return Markup(ET.tostring(picture, encoding="unicode"))  # noqa: S704


def _marks(group: ET.Element, kind: str) -> Iterator[ET.Element]:
    for drawn in group:
        match drawn.tag.removeprefix(_SVG):
            case "g":
                yield from _marks(drawn, drawn.get("id", "") if _is_named(drawn) else kind)
            case "path":
                if shape := compact_path(drawn.attrib["d"]):
                    yield ET.Element("path", {"class": kind, "d": shape})
            case "text":
                yield _words(drawn)
            case "metadata" | "defs" if drawn.find(f"{_SVG}path") is None:
                continue  # the metadata, and a style that would apply to the whole page
            case unknown:
                raise ValueError(f"a chart of the page has a shape of the kind {unknown!r}")


def _is_named(group: ET.Element) -> bool:
    """Whether the artist was named: matplotlib numbers those that were not."""
    return group.get("id", "").startswith("plot-")


def _words(drawn: ET.Element) -> ET.Element:
    x, y = (_written(_steps(drawn.attrib[side])) for side in ("x", "y"))
    text = ET.Element("text", x=x, y=y)
    if anchor := _ANCHOR.search(drawn.get("style", "")):
        text.set("text-anchor", anchor[1])
    text.text = drawn.text
    return text


def compact_path(path: str) -> str:
    """A path of straight lines with relative coordinates, rounded to `PATH_PRECISION`.

    Each corner is rounded on its own, so errors do not add up along the way. Raises ValueError for
    anything but lines.
    """
    parts: list[str] = []
    x = y = run = 0
    for command in _COMMAND.findall(path):
        match command.split():
            case ["M", to_x, to_y]:
                x, y, run = _steps(to_x), _steps(to_y), 0
                parts.append(f"M{_written(x)} {_written(y)}")
            case ["L", to_x, to_y]:
                right, down = _steps(to_x) - x, _steps(to_y) - y
                x, y = x + right, y + down
                if down == 0 and right * run > 0:
                    parts.pop()  # on along the same level
                    right += run
                if right or down:
                    parts.append(_line(right, down))
                    run = 0 if down else right
            case ["z"]:
                parts.append("z")
            case _:
                raise ValueError(f"not a straight line: {command!r}")
    return "".join(parts)


def _line(right: int, down: int) -> str:
    if not down:
        return f"h{_written(right)}"
    if not right:
        return f"v{_written(down)}"
    return f"l{_written(right)} {_written(down)}"


def _steps(coordinate: str) -> int:
    return round(float(coordinate) * PATH_PRECISION)


def _written(steps: int) -> str:
    return f"{steps / PATH_PRECISION:g}"
