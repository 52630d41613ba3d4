"""Sensors over a root of one's own, and an instance that forgets."""

from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from smart_trader_assets_tests.support.samples import NOW
from smart_trader_assets_tests.support.ticking import Automation, settings_for


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as instance:
        yield instance


@pytest.fixture
def automation_with(tmp_path: Path, instance: dg.DagsterInstance) -> Callable[..., Automation]:
    """The sensors by settings of one's own; all of them over the same root and instance."""

    def make(as_of: datetime = NOW, **changes: Any) -> Automation:
        return Automation(settings_for(tmp_path / "root", as_of, **changes), instance)

    return make


@pytest.fixture
def automation(automation_with: Callable[..., Automation]) -> Automation:
    """The sensors by the default settings: four token shards, sixteen wallet shards."""
    return automation_with()
