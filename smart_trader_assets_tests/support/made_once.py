"""Folders that take seconds to make, made once for all workers of a test run: to look at and to copy."""

from __future__ import annotations

import os
import pickle
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import pytest
from filelock import FileLock

T = TypeVar("T")


@dataclass(frozen=True)
class MadeOnce:
    """Makes what is asked for by a name, or finds that another test has made it, perhaps in another worker.

    Nobody may write to what it gives: a test that changes a root copies it.
    """

    place: Path

    def __call__(self, name: str, make: Callable[[Path], T]) -> tuple[Path, T]:
        """The folder of that name, filled by `make`, and what `make` returned."""
        folder, made = self.place / name, self.place / f"{name}.pickle"
        self.place.mkdir(exist_ok=True)
        with FileLock(self.place / f"{name}.lock"):
            if not made.exists():
                # Of an attempt that failed.
                shutil.rmtree(folder, ignore_errors=True)
                folder.mkdir()
                told = pickle.dumps(make(folder))
                # Last, so that what is found has been made to its end.
                made.write_bytes(told)
        return folder, pickle.loads(made.read_bytes())  # noqa: S301 - of this run of the tests


@pytest.fixture(scope="session")
def made_once(tmp_path_factory: pytest.TempPathFactory) -> MadeOnce:
    """One place for all workers, of this run of the tests alone."""
    base = tmp_path_factory.getbasetemp()
    of_all = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    return MadeOnce(of_all / "made_once")
