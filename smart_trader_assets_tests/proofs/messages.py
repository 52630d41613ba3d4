"""Kills whoever sends messages, again and again: each piece of news is told, none is lost.

    python -m smart_trader_assets_tests.proofs.messages [--events 500] [--receivers 10] [--kills 50]

`smart-trader notify` is killed at random times while it sends to receivers on loopback, until all is told.
Prints how often each was told, and the seed. Exit code 1 where one was not told to each, or where more
messages came twice than a tenth of the kills: one must come just between a receiver's answer and the line
that remembers it.
"""

from __future__ import annotations

import argparse
import re
import sys
import tempfile
import time
from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random, SystemRandom

import polars as pl

from smart_trader_assets.delta.batch import Batch, CommitInfo
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.settings import load_settings
from smart_trader_assets.tables.catalog import NOTIFICATIONS, TIER_CHANGES
from smart_trader_assets_tests.notify.receiving import Postbox, open_postbox
from smart_trader_assets_tests.support.command import installed, started
from smart_trader_assets_tests.support.samples import frame, tier_change

_ID = re.compile(r"\bid ([0-9a-f]{16})\b")


@dataclass(frozen=True)
class Outcome:
    """How often each event was told to each receiver, how many messages came once more, how many senders were
    killed at work, and what the outbox says."""

    told: Counter[tuple[str, str]]
    doubled: int
    kills: int
    states: Counter[str]


def tell_under_kills(
    folder: Path, events: int, receivers: int, kills: int, random: Random
) -> Outcome:
    """Tell `events` pieces of news to so many receivers, killing the sender `kills` times in between."""
    names = [f"box{number}" for number in range(receivers)]
    with open_postbox() as box:
        variables = {
            "SMART_TRADER_NOTIFY_URLS": " ".join(map(box.url, names)),
            "SMART_TRADER_NOTIFY": "tiers",
            "SMART_TRADER_NOTIFY_MOST_PER_HOUR": "1000",
            "SMART_TRADER_SOURCE": "sandbox",
        }
        store = _begun(folder, variables)
        changed = datetime.now(UTC) + timedelta(seconds=1)
        rows = [
            tier_change(
                f"wallet-{number:04}", to_tier="ELITE", changed_at=changed, overall_rank=number
            )
            for number in range(events)
        ]
        store.write(TIER_CHANGES, Batch(frame(TIER_CHANGES, rows)), _stamp(TIER_CHANGES.name))
        time.sleep(1.5)
        done = 0
        while done < kills and len(_told(box, names)) < events * receivers:
            done += _killed(folder, variables, box, random)
        last = installed("smart-trader", "notify", "--data", str(folder), variables=variables)
        assert last.returncode == 0, last.stderr
        outbox = store.scan(NOTIFICATIONS).filter(pl.col("kind") == "tiers").collect()
        texts = Counter((name, text) for name in names for text in box.texts(name))
        return Outcome(
            _told(box, names),
            sum(times - 1 for times in texts.values()),
            done,
            Counter(outbox["delivery_status"].to_list()),
        )


def _told(box: Postbox, names: list[str]) -> Counter[tuple[str, str]]:
    """By receiver and event."""
    return Counter(
        (name, event) for name in names for text in box.texts(name) for event in _ID.findall(text)
    )


def _begun(folder: Path, variables: dict[str, str]) -> DeltaStore:
    """A root that begins to tell."""
    settings = load_settings(
        {"source": "sandbox", "root": str(folder), "sandbox_anchor": datetime.now(UTC)}
    )
    store = make_lake(settings).store
    ran = installed("smart-trader", "notify", "--data", str(folder), variables=variables)
    assert ran.returncode == 0, ran.stderr
    return store


def _killed(folder: Path, variables: dict[str, str], box: Postbox, random: Random) -> bool:
    """Start a sender, and kill it some time after its first message; whether it was still at work."""
    before = len(box.taken)
    with started("smart-trader", "notify", "--data", str(folder), variables=variables) as process:
        while process.poll() is None and len(box.taken) == before:
            time.sleep(0.01)
        time.sleep(random.uniform(0, 0.8))
        at_work = process.poll() is None
        process.kill()
        process.wait()
    return at_work


def _stamp(asset: str) -> CommitInfo:
    return CommitInfo("by hand", asset)


def main() -> int:
    """Print what came of it; 0 where each was told, and none twice without a kill."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--events", type=int, default=500)
    parser.add_argument("--receivers", type=int, default=10)
    parser.add_argument("--kills", type=int, default=50)
    parser.add_argument("--seed", type=int, default=SystemRandom().randrange(10**9))
    asked = parser.parse_args()
    print(f"seed {asked.seed}", flush=True)
    with tempfile.TemporaryDirectory() as place:
        found = tell_under_kills(
            Path(place) / "root",
            asked.events,
            asked.receivers,
            asked.kills,
            Random(asked.seed),
        )
    rows = asked.events * asked.receivers
    print(f"{len(found.told)} of {rows} told; {found.kills} senders killed at work")
    print(f"{found.doubled} messages came once more; the outbox: {dict(found.states)}")
    right = (
        len(found.told) == rows
        and found.doubled <= max(1, found.kills // 10)
        and found.states == {"sent": rows}
    )
    return 0 if right else 1


if __name__ == "__main__":
    sys.exit(main())
