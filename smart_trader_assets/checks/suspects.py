"""The checks that a drain left failed, for the next one: its own Dagster instance may remember nothing."""

from __future__ import annotations

import json
from collections.abc import Collection
from pathlib import Path

import dagster as dg

NOTE_FILE = "failed_checks.json"


def note_suspects(folder: Path, keys: Collection[dg.AssetCheckKey]) -> None:
    """Write down which checks failed; no key takes the note away."""
    note = folder / NOTE_FILE
    if not keys:
        note.unlink(missing_ok=True)
        return
    folder.mkdir(parents=True, exist_ok=True)
    draft = note.with_name(f"{NOTE_FILE}.new")
    told = [{"table": key.asset_key.to_user_string(), "check": key.name} for key in keys]
    draft.write_text(json.dumps(told, indent=2))
    draft.replace(note)


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
