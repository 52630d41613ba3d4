"""What tests share is made once, whoever asks at the same time, and anew where its making failed."""

import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from smart_trader_assets_tests.support.made_once import MadeOnce


def test_of_several_that_ask_at_once_one_makes_it_and_all_get_it(tmp_path: Path) -> None:
    def make(folder: Path) -> str:
        with (tmp_path / "makers").open("a") as makers:
            makers.write("one\n")
        time.sleep(0.1)
        (folder / "file").write_text("made")
        return "told"

    def ask(_: int) -> tuple[str, str]:
        folder, told = MadeOnce(tmp_path / "place")("it", make)
        return (folder / "file").read_text(), told

    with ThreadPoolExecutor(4) as askers:
        assert set(askers.map(ask, range(4))) == {("made", "told")}
    assert (tmp_path / "makers").read_text() == "one\n"


def test_what_failed_half_way_is_made_anew(tmp_path: Path) -> None:
    made_once = MadeOnce(tmp_path / "place")

    def fail(folder: Path) -> None:
        (folder / "half").write_text("")
        raise RuntimeError

    def make(folder: Path) -> list[str]:
        return [path.name for path in folder.iterdir()]

    with pytest.raises(RuntimeError):
        made_once("it", fail)
    assert made_once("it", make)[1] == []
