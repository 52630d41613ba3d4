"""The released roots, unpacked to be worked on."""

from __future__ import annotations

import tarfile
from pathlib import Path

FOLDER = Path(__file__).parent
RELEASED = ("layout_1",)


def unpack(release: str, folder: Path) -> Path:
    """The root of `release` in `folder/root`, the market that it was made from in `folder/rows`."""
    with tarfile.open(FOLDER / f"{release}.tar.xz") as archive:
        archive.extractall(folder, filter="data")
    return folder
