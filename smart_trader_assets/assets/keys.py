"""Names that the assets share with jobs, sensors and the instance's configuration."""

import dagster as dg

OWNERS = ["team:smart-traders"]


API_POOL = "birdeye_api"


IO_MANAGER = "medallion_io_manager"


REPORT_KEY = dg.AssetKey(["reports", "smart_traders_page"])


WEBHOOK_KEY = dg.AssetKey(["alerts", "helius_webhook"])

WALLET_JOB = "wallet"
"""The job for wallets that a run names."""

CONSUMER_TAG = "smart_trader/asset"
"""Names the asset that a run is for."""
