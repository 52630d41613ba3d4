"""The storage of a root, as the settings and the environment describe it.

Credentials are never part of a configuration that Dagster keeps or shows: they come from the
environment of the process (`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, and what
GCS and Azure call theirs) when a table is opened.
"""

from __future__ import annotations

from dagster_deltalake import AzureConfig, GcsConfig, LocalConfig, S3Config

from smart_trader_assets.delta.resource import StorageConfig
from smart_trader_assets.settings import Settings, SettingsError

_S3 = ("s3://", "s3a://")
_GCS = ("gs://", "gcs://")
_AZURE = ("az://", "azure://", "abfs://", "abfss://", "adl://")


def storage_config(settings: Settings) -> StorageConfig:
    """dagster-deltalake's configuration for the root's scheme; SettingsError for a scheme without one."""
    root = settings.resolved_root
    if "://" not in root:
        return LocalConfig()
    if root.startswith(_S3):
        return S3Config(endpoint=settings.storage_endpoint, region=settings.storage_region)
    if root.startswith(_GCS):
        return GcsConfig()
    if root.startswith(_AZURE):
        return AzureConfig(account_name=settings.storage_account or "")
    raise SettingsError(
        f"The root {root} names no storage that is known: use a folder, or s3://, gs:// or az://."
    )
