"""Where a run's rows come from: BirdEye itself, an invented market, or recorded rows."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from smart_trader_assets.delta.errors import RootError
from smart_trader_assets.delta.location import place
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.sandbox import (
    GeneratedMarket,
    MarketSource,
    RecordedAnswers,
    Recording,
    SandboxServer,
)
from smart_trader_assets.settings import LIVE_URL, Settings, SettingsError
from smart_trader_assets.tables.root import read_identity
from smart_trader_assets.text import plural

_MOST_NAMED = 5
_DIGITS = re.compile(r"\d+")


@dataclass(frozen=True)
class StandIn:
    """What the stand-in serves, and the settings of a run against it."""

    source: MarketSource
    settings: Settings
    problems: tuple[str, ...] = ()
    repeats: int = 0
    recorded: RecordedAnswers | None = None

    def remarks(self) -> list[str]:
        """What a user should know of the rows that are not served: a sentence each."""
        remarks = list(self.problems[:_MOST_NAMED])
        if self.problems:
            remarks.append(f"Recorded rows that are not served: {len(self.problems):,}.")
        if len(self.problems) > _MOST_NAMED:
            kinds = Counter(_DIGITS.sub("…", one.partition(": ")[2]) for one in self.problems)
            remarks += [
                f"{count:,} times: {kind}" for kind, count in kinds.most_common(_MOST_NAMED)
            ]
        if self.recorded is not None:
            remarks += self.recorded.strange
        if self.repeats:
            repeats = plural(self.repeats, "recorded row")
            remarks.append(f"Dropped as a repeat of another row: {repeats}.")
        return remarks


def with_sandbox_epoch(settings: Settings) -> Settings:
    """The sandbox's settings with its epoch: that of the root, or the hour that has begun for a new root.

    The epoch is where the invented past ends. It must not move while the root exists, or its rows would
    belong to two markets.
    """
    if settings.resolved_source != "sandbox" or settings.sandbox_anchor is not None:
        return settings
    found = read_identity(make_lake(settings).unchecked_store)
    epoch = found.sandbox_epoch if found is not None else None
    return settings.but(sandbox_anchor=epoch or settings.now().replace(minute=0, second=0))


def settings_of_root(settings: Settings) -> Settings:
    """The settings for looking at a root that exists: its own source, shards and clock.

    RootError where there is none. A replay's clock is set to its last recorded row, if the recording
    is still there.
    """
    found = read_identity(make_lake(settings).unchecked_store)
    if found is None:
        raise RootError(
            f"There is no root at {place(settings.resolved_root)}: make one with `smart-trader run`, or name "
            "the folder of one with --data or SMART_TRADER_ROOT."
        )
    changes: dict[str, Any] = {
        "source": found.source,
        "root": settings.resolved_root,
        "token_shards": found.token_shards,
        "wallet_shards": found.wallet_shards,
    }
    if found.sandbox_seed is not None:
        changes |= {"sandbox_seed": found.sandbox_seed, "sandbox_anchor": found.sandbox_epoch}
    if found.replay_folder is not None:
        changes["replay_folder"] = folder = Path(found.replay_folder)
        if settings.as_of is None and folder.is_dir():
            changes["as_of"] = Recording.load(folder).last_row_at
    return settings.but(**changes)


def make_stand_in(settings: Settings) -> StandIn:
    """The market or the recording that the settings name; RecordingError where there is none to serve."""
    if settings.resolved_source == "sandbox":
        settings = with_sandbox_epoch(settings)
        anchor = settings.sandbox_anchor or settings.now()
        return StandIn(GeneratedMarket(settings.sandbox_seed, anchor), settings)
    if settings.replay_folder is None:
        raise SettingsError("replay needs replay_folder: the folder of recorded rows")
    recording = Recording.load(settings.replay_folder)
    answers = RecordedAnswers.load(settings.replay_folder)
    changes: dict[str, Any] = {"as_of": settings.as_of or recording.last_row_at}
    if answers.lists and "candidate_lists" not in settings.model_fields_set:
        changes["candidate_lists"] = answers.lists
    return StandIn(
        recording,
        settings.but(**changes),
        tuple(map(str, recording.problems)),
        recording.repeats,
        answers,
    )


@contextmanager
def open_source(
    settings: Settings,
) -> Iterator[tuple[Settings, SandboxServer | None, StandIn | None]]:
    """The settings to run with, and the stand-in that is up meanwhile.

    None is started where the source is live, nor where the base URL names one that somebody serves already.
    """
    if settings.resolved_source == "live":
        yield settings, None, None
        return
    stand_in = make_stand_in(settings)
    if settings.birdeye_base_url != LIVE_URL:
        yield stand_in.settings, None, stand_in
        return
    with SandboxServer(
        stand_in.source, clock=stand_in.settings.now, recorded=stand_in.recorded
    ) as server:
        yield stand_in.settings.but(birdeye_base_url=server.base_url), server, stand_in
