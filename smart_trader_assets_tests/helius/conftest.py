"""A ranking of one's own, a webhook at the stand-in, and the asset between them."""

from __future__ import annotations

import logging
import shutil
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from smart_trader_assets.assembly import make_resources
from smart_trader_assets.assets.webhook import follow_ranking, helius_webhook_asset
from smart_trader_assets.delta.batch import Batch, ReplaceScope
from smart_trader_assets.lake.resource import make_lake
from smart_trader_assets.sandbox import HeliusEndpoint, Recording, SandboxServer
from smart_trader_assets.settings import Settings, load_settings
from smart_trader_assets.tables.catalog import CLASSIFIED_WALLETS, SMART_TRADERS
from smart_trader_assets_tests.support.samples import NOW, STAMP, classified, frame, trader

KEY = "h3lius-key/that-nobody+may=read"
AUTHORIZATION = "Bearer s3cret-of-the-receiver"
RECEIVER = "https://receiver.example/hook?token=s3cret-in-the-url"

# What may be written of a webhook.
WRITTEN: Mapping[str, Any] = {
    "webhookURL": RECEIVER,
    "transactionTypes": ["SWAP", "TRANSFER"],
    "webhookType": "enhanced",
    "authHeader": AUTHORIZATION,
    "txnStatus": "all",
}
# As Helius sends one, with fields that nobody may write, and some that this program has never heard of.
SHOWN: Mapping[str, Any] = {
    "wallet": "owner-of-the-account",
    "active": True,
    "project": None,
    "limits": {"perSecond": 12.5, "nested": [1, None, "žluť 🚀"]},
}
FIELDS: Mapping[str, Any] = {**SHOWN, **WRITTEN}


@dataclass(frozen=True)
class Run:
    """What came of one run in Dagster: metadata where it succeeded, and everything that it told."""

    success: bool
    metadata: Mapping[str, Any]
    everything: str


@dataclass
class Alerts:
    """A root, a webhook, and the runs of the asset."""

    root: Path
    server: SandboxServer
    webhook_id: str

    def settings(self, **changes: Any) -> Settings:
        """The settings of a live root whose Helius is the stand-in."""
        return load_settings(
            {
                "source": "live",
                "root": str(self.root),
                "as_of": NOW,
                "helius_api_key": KEY,
                "helius_webhook_id": self.webhook_id,
                "helius_base_url": self.server.base_url,
                "request_attempts": 2,
                "request_backoff_seconds": 0,
                **changes,
            }
        )

    def rank(self, *tiers: str) -> list[str]:
        """Replace the ranking: a wallet for each tier, best first; their addresses."""
        wallets = [f"{tier}-{rank}" for rank, tier in enumerate(tiers, start=1)]
        rows = [
            trader(wallet, tier=tier, overall_rank=rank)
            for rank, (wallet, tier) in enumerate(zip(wallets, tiers, strict=True), start=1)
        ]
        rows.reverse()
        store = make_lake(self.settings()).store
        store.write(
            SMART_TRADERS, Batch(frame(SMART_TRADERS, rows), replaces=ReplaceScope()), STAMP
        )
        return wallets

    def keep_out(self, wallet: str) -> None:
        """A wallet that was judged and is no smart trader."""
        rows = frame(CLASSIFIED_WALLETS, [classified(wallet)])
        make_lake(self.settings()).store.write(CLASSIFIED_WALLETS, Batch(rows), STAMP)

    def follow(self, **changes: Any) -> dict[str, Any]:
        """Let the webhook follow the ranking once, without Dagster around it."""
        settings = self.settings(**changes)
        return follow_ranking(logging.getLogger("alerts"), settings, make_lake(settings))

    def materialize(self, **changes: Any) -> Run:
        """Materialize the asset once."""
        settings = self.settings(**changes)
        with dg.DagsterInstance.ephemeral() as instance:
            result = dg.materialize(
                [helius_webhook_asset()],
                resources=make_resources(settings),
                instance=instance,
                raise_on_error=False,
            )
            logs = instance.all_logs(result.run_id)
        return Run(
            success=result.success,
            metadata={
                name: value.value
                for event in result.get_asset_materialization_events()
                for name, value in event.materialization.metadata.items()
            },
            everything="\n".join(
                f"{entry!r} {entry.user_message} {dg.serialize_value(entry)}" for entry in logs
            ),
        )

    @property
    def watched(self) -> list[str]:
        """The addresses that the webhook watches now."""
        return list(self.server.webhooks.get(self.webhook_id)["accountAddresses"])

    @property
    def others(self) -> dict[str, Any]:
        """Every other field of the webhook."""
        fields = self.server.webhooks.get(self.webhook_id)
        return {name: value for name, value in fields.items() if name != "accountAddresses"}

    def requests(self, method: str) -> int:
        """How many requests of that method went to the webhook."""
        query = f"{HeliusEndpoint.WEBHOOKS}?method={method}&webhook={self.webhook_id}"
        return self.server.requests_by_query[query]


@pytest.fixture(scope="session")
def ranked_nobody(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A live root with empty tables, to be copied."""
    root = tmp_path_factory.mktemp("alerts") / "root"
    _ = make_lake(load_settings({"source": "live", "root": str(root)})).store
    return root


@pytest.fixture(scope="session")
def running_server(tiny_market: Recording) -> Iterator[SandboxServer]:
    with SandboxServer(tiny_market, clock=lambda: NOW) as server:
        server.webhooks.api_key = KEY
        server.webhooks.shown = dict(SHOWN)
        yield server


@pytest.fixture
def alerts(tmp_path: Path, running_server: SandboxServer, ranked_nobody: Path) -> Iterator[Alerts]:
    """Alerts over a webhook that watches one stranger."""
    shutil.copytree(ranked_nobody, tmp_path / "root")
    made = running_server.webhooks.create({**WRITTEN, "accountAddresses": ["stranger"]})
    running_server.log.clear()
    yield Alerts(tmp_path / "root", running_server, made["webhookID"])
    running_server.faults.clear()
