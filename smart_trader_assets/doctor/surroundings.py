"""What the pipeline depends on: its settings, the storage, and what the root says it is."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path

from smart_trader_assets.delta.errors import StorageError
from smart_trader_assets.delta.location import check_place, is_remote
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.doctor.findings import Finding, broken, ok, warning
from smart_trader_assets.lake.deployment import check_mark
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.notify import receivers_of
from smart_trader_assets.settings import API_KEY_VARIABLE, PREFIX, Settings, SettingsError
from smart_trader_assets.state.errors import StateError
from smart_trader_assets.state.shared_state import state_of
from smart_trader_assets.tables.root import read_identity

# A drain of thousands of wallets writes this much, and a compaction briefly needs twice as much.
_LITTLE_SPACE = 2_000_000_000
_CLOCKS_APART = 5.0


def settings_chosen(settings: Settings) -> Iterator[Finding]:
    """Which settings differ from their defaults; names only, since a value may be a secret."""
    chosen = sorted(settings.model_fields_set - {"root"})
    yield ok(
        "settings",
        f"{len(chosen)} are set: {', '.join(chosen)}" if chosen else "all have their defaults",
    )


def messages(settings: Settings) -> Iterator[Finding]:
    """Where messages go: services, since an address is a secret."""
    receivers = receivers_of(settings.notify_urls)
    named = ", ".join(f"{receiver.name} ({receiver.service})" for receiver in receivers)
    yield ok(
        "messages",
        f"they go to {named}; `smart-trader notify --test` tries it"
        if receivers
        else f"nobody is told anything: {PREFIX}NOTIFY_URLS is not set",
    )


def shared_state(settings: Settings) -> Iterator[Finding]:
    """Where credits, rate, pauses and locks are kept, and whether that can be used."""
    check = "shared state"
    try:
        state = state_of(settings)
        where = state.check()
        check_mark(make_lake(settings), state)
        away = abs((state.now() - datetime.now(UTC)).total_seconds())
    except (StateError, StorageError, SettingsError) as error:
        # What a driver says may have colons of its own, in its brackets.
        said, cut, remedy = str(error).rpartition("): ")
        if not cut:
            said, _, remedy = str(error).partition(": ")
        yield broken(check, f"{said}{')' if cut else ''}.", f"{remedy[:1].upper()}{remedy[1:]}")
        return
    if away > _CLOCKS_APART:
        yield ok(
            check, f"{where}, whose clock goes by; this machine's is {away:.0f} s away from it"
        )
    else:
        yield ok(check, where)


def storage(store: DeltaStore) -> Iterator[Finding]:
    """Whether the root can be written and keeps commits; removes what it writes to find out."""
    check = "storage"
    if is_remote(store.root):
        check_place(store.root, store.storage_options)
        yield ok(check, f"{store.root} can be written, and refuses to overwrite a commit")
        return
    folder = Path(store.root)
    if folder.exists() and not folder.is_dir():
        yield broken(check, f"{folder} is a file.", "Choose a folder.")
        return
    try:
        if folder.is_dir():
            with tempfile.TemporaryFile(dir=folder):
                pass
        nearest = next(place for place in (folder, *folder.absolute().parents) if place.is_dir())
        if not os.access(nearest, os.W_OK | os.X_OK):
            raise PermissionError(13, "Permission denied")
    except OSError as error:
        yield broken(
            check,
            f"{folder} cannot be written ({error.strerror}).",
            "Fix its permissions, or choose another folder.",
        )
        return
    free = shutil.disk_usage(nearest).free
    if free < _LITTLE_SPACE:
        yield warning(
            check,
            f"{free / 1e9:.1f} GB are free at {nearest}.",
            "Make room, or run the maintenance job with a shorter "
            f"{PREFIX}RETENTION_HOURS: it deletes older versions.",
        )
        return
    yield ok(check, f"{folder} can be written, {free / 1e9:.0f} GB free")


def root(settings: Settings, store: DeltaStore) -> Iterator[Finding]:
    """What the root says it is, and whether the settings say the same."""
    check = "root"
    found = read_identity(store)
    if found is None:
        yield warning(
            check, f"There is no root at {store.root} yet.", "`smart-trader run` makes one."
        )
        return
    held = {
        "source": found.source,
        "token_shards": found.token_shards,
        "wallet_shards": found.wallet_shards,
    }
    clashes = [
        f"{PREFIX}{name.upper()} is {getattr(settings, name)} but the root has {value}"
        for name, value in held.items()
        if name in settings.model_fields_set and getattr(settings, name) not in (None, value)
    ]
    if clashes:
        yield broken(
            check,
            f"{'; '.join(clashes)}: a run would be refused.",
            "Set it to the root's value, or use a new root.",
        )
        return
    if found.source == "live" and settings.birdeye_api_key is None:
        yield broken(
            check,
            "It holds live rows, but no key is set to continue with.",
            f"Set {API_KEY_VARIABLE}.",
        )
        return
    yield ok(
        check,
        f"{found.source}{f' ({found.detail})' if found.detail else ''}, "
        f"{found.token_shards} token and {found.wallet_shards} wallet shards",
    )
