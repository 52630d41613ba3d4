"""alerts/helius_webhook: the Helius webhook watches the wallets of the best tiers."""

import logging
from collections.abc import Sequence
from typing import Any

import dagster as dg

from smart_trader_assets.assets.declare import plain_asset
from smart_trader_assets.assets.keys import OWNERS, WEBHOOK_KEY
from smart_trader_assets.helius import HeliusClient
from smart_trader_assets.helius.followed import Difference, wallets_to_watch, why_off
from smart_trader_assets.lake.resource import LakeResource
from smart_trader_assets.settings import Settings
from smart_trader_assets.tables.catalog import CLASSIFIED_WALLETS, SMART_TRADERS
from smart_trader_assets.text import plural

CREDITS_OF_A_WRITE = 100
MOST_SHOWN = 500


def helius_webhook_asset() -> dg.AssetsDefinition:
    """The asset of the webhook; it is kept at Helius and is not a table."""

    @plain_asset(
        key=WEBHOOK_KEY,
        deps=[dg.AssetKey.from_user_string(SMART_TRADERS.name)],
        group_name="alerts",
        owners=OWNERS,
        kinds={"helius"},
        description="Keeps the addresses of one Helius webhook equal to the chosen tiers, best first within "
        "the limit. Shows the difference before it writes, and writes only where the set of addresses "
        "changed; every other field of the webhook stays as it is. Off until a key and a webhook's id are "
        "set.",
    )
    def helius_webhook(
        context: dg.AssetExecutionContext,
        settings: dg.ResourceParam[Settings],
        lake: LakeResource,
    ) -> dg.MaterializeResult[None]:
        return dg.MaterializeResult(metadata=follow_ranking(context.log, settings, lake))

    return helius_webhook


def follow_ranking(log: logging.Logger, settings: Settings, lake: LakeResource) -> dict[str, Any]:
    """Read the webhook, show the difference, write it where there is one; returns what to show of it.

    Raises a HeliusError where the webhook cannot be read or written; it is never written after a read
    that failed.
    """
    off = why_off(settings)
    if off is None and not _anything_judged(lake):
        off = "No wallet has been classified yet: the webhook is left as it is."
    if off is not None or settings.helius_api_key is None or settings.helius_webhook_id is None:
        log.info(off)
        return {"outcome": "off", "why": off}
    with HeliusClient(
        base_url=settings.helius_base_url,
        api_key=settings.helius_api_key,
        timeout=settings.request_timeout_seconds,
        attempts=settings.request_attempts,
        backoff_seconds=settings.request_backoff_seconds,
    ) as helius:
        webhook = helius.webhook(settings.helius_webhook_id)
        # After the answer, which may take its time: a newer ranking is not to be replaced by an older one.
        wanted = wallets_to_watch(
            lake.store.scan(SMART_TRADERS), tiers=settings.alert_tiers, limit=settings.alert_limit
        )
        difference = Difference.between(webhook.addresses, wanted)
        for line in _format_difference(difference):
            log.info(line)
        writes = bool(difference) and settings.alerts_write
        if writes:
            helius.write(webhook.watching(wanted))
    outcome = "written" if writes else "only shown" if difference else "unchanged"
    log.info(f"The webhook {webhook.webhook_id}: {outcome}.")
    return {
        "outcome": outcome,
        "webhook": webhook.webhook_id,
        "tiers": ", ".join(settings.alert_tiers),
        "wallets_wanted": len(wanted),
        "added": len(difference.added),
        "removed": len(difference.removed),
        "added_addresses": list(difference.added[:MOST_SHOWN]),
        "removed_addresses": list(difference.removed[:MOST_SHOWN]),
        "helius_credits": CREDITS_OF_A_WRITE if writes else 0,
    }


def _anything_judged(lake: LakeResource) -> bool:
    """Whether there is a ranking: an empty one empties the webhook, a missing one does not."""
    return any(
        lake.store.row_counts(table)["rows"].sum() for table in (SMART_TRADERS, CLASSIFIED_WALLETS)
    )


def _format_difference(difference: Difference) -> list[str]:
    if not difference:
        return [f"The webhook watches the {plural(difference.kept, 'wallet')} that it should."]
    return [
        f"To add: {_listed(difference.added)}",
        f"To remove: {_listed(difference.removed)}",
        f"To keep: {plural(difference.kept, 'wallet')}",
    ]


def _listed(addresses: Sequence[str]) -> str:
    if not addresses:
        return "nothing"
    more = len(addresses) - MOST_SHOWN
    shown = ", ".join(addresses[:MOST_SHOWN]) + (f" and {more:,} more" if more > 0 else "")
    return f"{plural(len(addresses), 'wallet')}: {shown}"
