"""The lake as a Dagster resource: where the tables lie, how to reach them, and what they must hold.

The storage is described by dagster-deltalake's configuration classes: the names that Dagster users know, shown
and checked by the UI. Its IO manager is not used, since it overwrites whole tables where a partition predicate
fails. Credentials are never part of a configuration that Dagster keeps or shows: they come from the environment
(`AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, and what GCS and Azure call theirs) when a
table is opened.
"""

import os
from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from weakref import WeakValueDictionary

import dagster as dg
from dagster_deltalake import AzureConfig, GcsConfig, LocalConfig, S3Config
from pydantic import Field, PrivateAttr

from smart_trader_assets.delta.location import is_remote
from smart_trader_assets.delta.storage_errors import CREDENTIALS
from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.settings import Settings, SettingsError
from smart_trader_assets.tables.root import RootIdentity, open_root

_S3 = ("s3://", "s3a://")
_GCS = ("gs://", "gcs://")
_AZURE = ("az://", "azure://", "abfs://", "abfss://", "adl://")

StorageConfig = LocalConfig | S3Config | AzureConfig | GcsConfig


class LakeResource(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The root of the Delta tables.

    Before a run touches a table, the root is compared with what it must hold; RootError or
    TableMismatchError where it is something else, and nothing is written.
    """

    root: str = Field(description="Folder or object store URI of the tables")
    storage: StorageConfig = Field(
        default=LocalConfig(), discriminator="provider", description="How to reach the storage"
    )
    allow_http: bool = Field(False, description="Whether the storage may be reached without TLS")
    source: str = Field(description="What the rows come from: live, sandbox or replay")
    sandbox_seed: int | None = Field(default=None, description="Seed of the sandbox")
    sandbox_epoch: str | None = Field(
        default=None, description="When the sandbox's invented past ends"
    )
    replay_folder: str | None = Field(default=None, description="Folder of the recorded rows")
    token_shards: int = Field(description="Number of token shards")
    wallet_shards: int = Field(description="Number of wallet shards")

    _opened: DeltaStore | None = PrivateAttr(default=None)

    @property
    def identity(self) -> RootIdentity:
        """What the root must be."""
        epoch = self.sandbox_epoch
        return RootIdentity(
            source=self.source,
            token_shards=self.token_shards,
            wallet_shards=self.wallet_shards,
            sandbox_seed=self.sandbox_seed,
            sandbox_epoch=datetime.fromisoformat(epoch) if epoch else None,
            replay_folder=self.replay_folder,
        )

    @property
    def unchecked_store(self) -> DeltaStore:
        """The store without checking the root: to find out what is there."""
        given = self.storage.model_dump(exclude={"provider"}, exclude_none=True)
        options = {name: str(value) for name, value in given.items()}
        if is_remote(self.root):
            options |= {"allow_http": str(self.allow_http).lower(), **_credentials(os.environ)}
        # A folder by its whole path: the store of a relative one stays where it was made.
        place = self.root if is_remote(self.root) else str(Path(self.root).absolute())
        return _shared.setdefault((place, tuple(options.items())), DeltaStore(self.root, options))

    @property
    def store(self) -> DeltaStore:
        """The store, its root made or compared once."""
        if self._opened is None:
            store = self.unchecked_store
            open_root(store, self.identity)
            self._opened = store
        return self._opened

    def setup_for_execution(self, context: dg.InitResourceContext) -> None:  # noqa: ARG002
        """Refuse a wrong root before the first step."""
        _ = self.store


_shared: WeakValueDictionary[tuple[str, tuple[tuple[str, str], ...]], DeltaStore] = (
    WeakValueDictionary()
)
"""The lakes of one root share the tables that they have opened, for as long as one of them is in use: each run
makes a lake of its own, and opening a table costs more than bringing it forward. A table that was opened is not
read from its first log entry again: what is damaged there, a new process and the doctor find."""


def _credentials(environment: Mapping[str, str]) -> dict[str, str]:
    """Taken when a store is opened, so that no configuration that Dagster keeps holds a secret."""
    return {
        option: environment[variable]
        for variable, option in CREDENTIALS.items()
        if environment.get(variable)
    }


def make_lake(settings: Settings) -> LakeResource:
    """The root of the tables, and what it must hold."""
    source, epoch, folder = (
        settings.resolved_source,
        settings.sandbox_anchor,
        settings.replay_folder,
    )
    return LakeResource(
        root=settings.resolved_root,
        storage=storage_config(settings),
        allow_http=settings.storage_allow_http,
        source=source,
        sandbox_seed=settings.sandbox_seed if source == "sandbox" else None,
        sandbox_epoch=epoch.astimezone(UTC).isoformat() if source == "sandbox" and epoch else None,
        replay_folder=str(folder.resolve()) if source == "replay" and folder else None,
        token_shards=settings.token_shards,
        wallet_shards=settings.wallet_shards,
    )


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
        f"The root {root} is not a known kind of storage: use a folder, or s3://, gs:// or az://."
    )
