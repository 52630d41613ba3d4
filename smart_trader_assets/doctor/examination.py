"""The examination: every check in its order, none of which stops the others."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from smart_trader_assets.doctor import api as birdeye
from smart_trader_assets.doctor import surroundings, table_health, work
from smart_trader_assets.doctor.findings import Finding, broken, looked_at
from smart_trader_assets.doctor.instance import broker, dagster_instance
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.settings import Settings, SettingsError
from smart_trader_assets.sources import open_source, settings_of_root
from smart_trader_assets.tables.root import read_identity


def examine_without_settings(error: SettingsError) -> list[Finding]:
    """What can still be checked where the settings are refused."""
    return [broken("settings", str(error))]


def examine(settings: Settings, *, ask_api: bool, record_into: Path | None = None) -> list[Finding]:
    """Check everything, and change nothing.

    `ask_api` costs up to `api_cost(settings.prices)` credits; its answers are kept in `record_into`.
    """
    store = make_lake(settings).unchecked_store
    findings = [
        *looked_at("settings", lambda: surroundings.settings_chosen(settings)),
        *looked_at("messages", lambda: surroundings.messages(settings)),
        *looked_at("shared state", lambda: surroundings.shared_state(settings)),
        *looked_at("broker", lambda: broker(settings)),
        *looked_at("dagster home", lambda: dagster_instance(settings)),
        *looked_at("storage", lambda: surroundings.storage(store)),
        *looked_at("root", lambda: surroundings.root(settings, store)),
        *looked_at("tables", lambda: table_health.all_tables(store, settings.retention_hours)),
        *looked_at("queue", lambda: work.queue(_of_root(settings), store)),
    ]
    if ask_api:
        findings += looked_at("api", lambda: _api(settings, record_into))
    else:
        findings += looked_at("api", lambda: birdeye.api_not_asked(settings.prices))
    # After the account has said what it knows.
    return [*findings, *looked_at("credits", lambda: work.budgets(settings))]


def _api(settings: Settings, record_into: Path | None) -> Iterator[Finding]:
    with open_source(_of_root(settings)) as (theirs, _, _):
        yield from birdeye.api(theirs, record_into)


def _of_root(settings: Settings) -> Settings:
    """The settings that fit the root, where there is one."""
    if read_identity(make_lake(settings).unchecked_store) is None:
        return settings
    return settings_of_root(settings)
