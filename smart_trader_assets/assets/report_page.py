"""reports/smart_traders_page: the ranking as an HTML page."""

import dagster as dg

from smart_trader_assets.assets.declare import plain_asset
from smart_trader_assets.assets.keys import OWNERS, REPORT_KEY
from smart_trader_assets.lake.resource import LakeResource
from smart_trader_assets.report.page_file import SHOWN_TABLES, write_page
from smart_trader_assets.report.page_place import page_of
from smart_trader_assets.report.report_data import PageRules
from smart_trader_assets.settings import Settings


def report_page_asset() -> dg.AssetsDefinition:
    """The asset of the HTML page; it is stored beside the tables but is not one itself."""

    @plain_asset(
        key=REPORT_KEY,
        deps=[dg.AssetKey.from_user_string(table.name) for table in SHOWN_TABLES],
        group_name="reports",
        owners=OWNERS,
        kinds={"html"},
        description="One self-contained page: the leaderboard, what the ranked wallets buy, and for each of "
        "the best its equity curve, results, tokens, reasons, buys, sales and open lots. Its pictures are in "
        "the metadata.",
    )
    def smart_traders_page(
        settings: dg.ResourceParam[Settings], lake: LakeResource
    ) -> dg.MaterializeResult[None]:
        # Imported here: the drawing library takes half a second that no other command should wait for.
        from smart_trader_assets.report.plots import ranking_pictures  # noqa: PLC0415

        page = page_of(lake)
        data = write_page(
            lake,
            page,
            rules=PageRules.of(settings),
        )
        pictures = ranking_pictures(data)
        return dg.MaterializeResult(
            metadata={
                "page": dg.MetadataValue.path(page.place),
                "size_bytes": page.size(),
                "wallets_ranked": data.traders.height,
                "wallets_shown": len(data.shown),
                **({"pictures": dg.MetadataValue.md(pictures)} if pictures else {}),
            }
        )

    return smart_traders_page
