"""The checks that a drain left failed, for the next one: its own Dagster instance may remember nothing."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

import dagster as dg

from smart_trader_assets.whole_files import write_whole

NOTE_FILE = "failed_checks.json"


def note_suspects(folder: Path, keys: Collection[dg.AssetCheckKey]) -> None:
    """Write down which checks failed; no key takes the note away."""
    note = folder / NOTE_FILE
    if not keys:
        note.unlink(missing_ok=True)
        return
    told = [{"table": key.asset_key.to_user_string(), "check": key.name} for key in keys]
    write_whole(note, json.dumps(told, indent=2))


def noted_suspects(folder: Path) -> set[dg.AssetCheckKey]:
    """The checks of the note; none where there is none or it cannot be understood."""
    try:
        told = json.loads((folder / NOTE_FILE).read_text())
        return {
            dg.AssetCheckKey(dg.AssetKey(str(entry["table"]).split("/")), str(entry["check"]))
            for entry in told
        }
    except (FileNotFoundError, ValueError, KeyError, TypeError):
        return set()
