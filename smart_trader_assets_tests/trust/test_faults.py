"""The table of faults, as much of it as takes seconds: each run ends as it may, the next completes it."""

from __future__ import annotations

import pytest

from smart_trader_assets_tests.trust import machine
from smart_trader_assets_tests.trust.endings import make_site
from smart_trader_assets_tests.trust.faults import table, walk


@pytest.fixture(scope="module")
def site(tmp_path_factory):
    return make_site(tmp_path_factory.mktemp("site"))


def test_a_run_under_any_fault_ends_right_or_says_why_and_the_next_completes_it(site, tmp_path):
    walked = {
        trouble.name: walk(site, trouble, tmp_path / f"root {number}")
        for number, trouble in enumerate(table(site, points=1, seed=1))
        if not trouble.long
    }
    assert len(walked) == 1 + machine.small_disks()
