"""How the page is made, and when it is made again."""

from __future__ import annotations

import re
from html import unescape
from importlib.metadata import version
from pathlib import Path

from smart_trader_assets.lake.resource import LakeResource
from smart_trader_assets.report.page_place import Page, PageFile, ReportError
from smart_trader_assets.report.report_data import (
    MOST_WALLETS,
    PageRules,
    ReportData,
    read_report_data,
)
from smart_trader_assets.tables.catalog import (
    CLASSIFIED_WALLETS,
    POSITIONS,
    SMART_TRADERS,
    TIER_CHANGES,
    TOKEN_SIGNALS,
    TRANSFERS,
    WALLET_CLUSTERS,
)

SHOWN_TABLES = (
    SMART_TRADERS,
    CLASSIFIED_WALLETS,
    TIER_CHANGES,
    POSITIONS,
    TOKEN_SIGNALS,
    WALLET_CLUSTERS,
    TRANSFERS,
)
"""The tables that the page is made from; what else it shows follows from them."""
_STAMP = re.compile(r'<meta name="made-from" content="([^"]*)">')
_MOST_RENDERINGS = 3
_STAMP_WITHIN = 1_000  # bytes from the start of a page


def write_page(
    lake: LakeResource,
    page: Page,
    *,
    most_wallets: int = MOST_WALLETS,
    rules: PageRules | None = None,
) -> ReportData:
    """Make the page from the tables as they stand; ReportError where it cannot be written.

    `rules` are those that the numbers were calculated with. Where the tables changed
    while it was made it is made again, so that no older page is put over a newer one.
    """
    # Imported here: the drawing library takes half a second that no other command should wait for.
    from smart_trader_assets.report.page import render_page  # noqa: PLC0415

    now = _stamp(lake, most_wallets)
    for _ in range(_MOST_RENDERINGS):
        stamp = now
        data = read_report_data(lake, most_wallets=most_wallets, rules=rules)
        text = render_page(data, stamp=stamp)
        if (now := _stamp(lake, most_wallets)) == stamp:
            break
    page.write(text)
    return data


def page_is_current(lake: LakeResource, page: Page, *, most_wallets: int = MOST_WALLETS) -> bool:
    """Whether `page` was made by this version of the software, with as many wallets, from
    the gold tables as they stand now."""
    made_from = _STAMP.search(page.beginning(_STAMP_WITHIN) or "")
    return made_from is not None and unescape(made_from[1]) == _stamp(lake, most_wallets)


def check_folder(path: Path) -> None:
    """ReportError where the folder of a file to write does not exist: a typo must not create a folder."""
    if not path.parent.is_dir():
        raise ReportError(
            f"{path} cannot be written: there is no folder {path.parent}. Make it, or choose another file."
        )


def write_text(path: Path, text: str) -> None:
    """Write a file whole or not at all: a reader meanwhile sees the old one."""
    PageFile(path).write(text)


def _stamp(lake: LakeResource, most_wallets: int) -> str:
    store = lake.store
    versions = ", ".join(f"{contract.name} {store.version(contract)}" for contract in SHOWN_TABLES)
    software = f"smart-trader-assets {version('smart-trader-assets')}"
    return f"{software}: {versions}, best {most_wallets}"
