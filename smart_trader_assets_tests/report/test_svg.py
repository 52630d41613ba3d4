"""A figure in the page: its shapes and words, and nothing else that matplotlib writes."""

import re
from itertools import pairwise

import matplotlib as mpl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from smart_trader_assets.report.svg import compact_path, inline_svg, page_drawing

coordinates = st.floats(0, 2_000, allow_subnormal=False).map(lambda number: round(number, 6))


def chart() -> tuple[Figure, Axes]:
    figure = Figure(figsize=(100 / 72, 50 / 72), frameon=False)
    axes = figure.add_axes((0, 0, 1, 1), frameon=False)
    axes.set_xlim(0, 100)
    axes.set_ylim(0, 50)
    axes.set_axis_off()
    return figure, axes


def test_shapes_carry_the_names_of_their_artists_and_words_stay_words():
    with page_drawing():
        figure, axes = chart()
        axes.stairs([10, 30], [0, 40, 100], baseline=None, gid="plot-curve", clip_on=False)
        axes.text(50, 25, "a < b", ha="center")
        drawn = inline_svg(figure, '"Up" & <away>')
    assert drawn == (
        '<svg viewBox="0 0 100 50" role="img" aria-label="&quot;Up&quot; &amp; &lt;away&gt;">'
        '<title>"Up" &amp; &lt;away&gt;</title>'
        '<path class="plot-curve" d="M0 40h40v-20h60" />'
        '<text x="50" y="25" text-anchor="middle">a &lt; b</text></svg>'
    )


def test_a_picture_is_the_same_whatever_the_reader_has_set_and_leaves_that_alone():
    def drawn() -> str:
        with page_drawing():
            figure, axes = chart()
            axes.plot([0, 100], [0, 50], gid="plot-curve", clip_on=False)
            axes.text(50, 25, "word", va="center")
            return inline_svg(figure, "")

    usual = drawn()
    with mpl.rc_context({"svg.fonttype": "path", "font.size": 30, "lines.marker": "o"}):
        assert drawn() == usual
        assert mpl.rcParams["svg.fonttype"] == "path"
        assert mpl.rcParams["font.size"] == 30


@pytest.mark.parametrize("shape", ["marker", "clipped image", "round"])
def test_a_shape_that_the_page_has_no_style_for_is_refused(shape):
    with page_drawing():
        figure, axes = chart()
        if shape == "marker":
            axes.plot([1, 2], [1, 2], marker="o", clip_on=False)
        elif shape == "round":
            axes.pie([1, 2])
        else:
            axes.imshow([[1, 2]])
        with pytest.raises(ValueError, match=r"kind|straight"):
            inline_svg(figure, "")


def test_a_level_is_one_line_and_a_return_along_it_is_not_lost():
    assert compact_path("M 1 2  L 3 2  L 7.25 2  L 7.25 2  L 5 2  L 5 9.5  z") == (
        "M1 2h6.2h-2.2v7.5z"
    )
    assert compact_path("M 0 0 L 3 4.04 L 3.01 4.04") == "M0 0l3 4"
    with pytest.raises(ValueError, match="straight"):
        compact_path("M 0 0 C 1 1 2 2 3 3")


@given(st.lists(st.tuples(coordinates, coordinates), min_size=1, max_size=40))
def test_rounding_never_adds_up_along_a_path(corners):
    path = " L ".join(f"{x:.6f} {y:.6f}" for x, y in corners)
    passed = _corners(compact_path(f"M {path}"))
    places = iter(passed)
    for x, y in corners:
        wanted = (round(x * 10), round(y * 10))
        # A corner within a level line is passed through rather than turned at.
        assert wanted in passed or any(_between(wanted, *pair) for pair in _pairs(passed))
    assert next(places) == (round(corners[0][0] * 10), round(corners[0][1] * 10))
    assert passed[-1] == (round(corners[-1][0] * 10), round(corners[-1][1] * 10))


def _corners(path: str) -> list[tuple[int, int]]:
    """The corners of a compact path, in tenths."""
    x = y = 0
    passed = []
    for letter, numbers in re.findall(r"([Mhvl])([^Mhvl]*)", path):
        steps = [round(float(number) * 10) for number in numbers.split()]
        match letter:
            case "h":
                x += steps[0]
            case "v":
                y += steps[0]
            case _:
                x, y = x + steps[0], y + steps[1]
        passed.append((x, y))
    return passed


def _pairs(passed: list[tuple[int, int]]) -> list[tuple[tuple[int, int], tuple[int, int]]]:
    return list(pairwise(passed))


def _between(place: tuple[int, int], one: tuple[int, int], other: tuple[int, int]) -> bool:
    level = one[1] == other[1] == place[1]
    return level and min(one[0], other[0]) <= place[0] <= max(one[0], other[0])
