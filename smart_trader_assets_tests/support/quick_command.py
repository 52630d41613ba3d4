"""`smart-trader` in a process of its own that keeps Dagster's history in memory.

    python -m smart_trader_assets_tests.support.quick_command run --replay DIR --data ROOT

For tests of what it prints and makes: databases of a history take as long as half of a small run.
"""

import pytest

from smart_trader_assets.cli import main
from smart_trader_assets_tests.support.quick_instance import keep_history_in_memory

if __name__ == "__main__":
    with pytest.MonkeyPatch.context() as patch:
        keep_history_in_memory(patch)
        main()
