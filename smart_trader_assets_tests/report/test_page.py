"""The page: true to the tables, safe whatever tokens are called, and sufficient to itself."""

import base64
import hashlib
import json
import re
from dataclasses import replace
from datetime import timedelta
from html import unescape
from typing import Any

import polars as pl
import pytest

from smart_trader_assets.pnl import ALL_TOKENS, LotEvidence
from smart_trader_assets.report.page import render_page
from smart_trader_assets.report.report_data import ReportData, read_report_data
from smart_trader_assets.report.wallet_parts import MOST_SALES, caveats, wallet_parts
from smart_trader_assets.tables.catalog import TOKEN_SIGNALS
from smart_trader_assets.text import short, shown_symbol, sol, usd
from smart_trader_assets_tests.report.adversarial_market import (
    SYMBOLS,
    add_swaps,
    add_tokens,
    exchange,
    make_lake,
    rank,
)
from smart_trader_assets_tests.report.page_reader import Page, read_page
from smart_trader_assets_tests.support.samples import token_signal, whole
from smart_trader_assets_tests.support.tiny_market import ANN, BOB, CAT, DOG, FOX, NOW, OWL


def test_the_leaderboard_shows_the_numbers_of_gold(ranking, page):
    trader = ranking.traders.row(0, named=True)
    assert trader["wallet_address"] == ANN
    assert trader["realized_pnl"] == pytest.approx(6910.0)
    assert page.values("data-tier", "tr") == [trader["tier"]]
    cells = page.values("data-v", "td")
    expected = (
        "overall_rank",
        "wallet_address",
        "overall_rank",
        "conservative_pnl",
        "skill_confidence",
        "return_floor",
        "copied_return",
        None,
        None,
        None,
        "realized_pnl",
        "bet_win_rate",
        "roi",
        "score",
        "coverage",
        "closing_count",
        "token_count",
    )
    # What was realized by window is not in gold.
    shown = [cell for cell, name in zip(cells, expected, strict=False) if name]
    told = [trader[name] for name in expected if name]
    assert shown == ["" if value is None else str(value) for value in told]
    assert "$6,910" in page.words


def test_a_curve_begins_at_nothing_and_ends_at_the_realized_pnl(ranking):
    (part,) = wallet_parts(ranking)
    seconds, realized = part.curve
    trader = ranking.traders.row(0, named=True)
    assert (seconds[0], realized[0]) == (int(trader["first_transaction"].timestamp()), 0.0)
    assert (seconds[-1], realized[-1]) == (int(NOW.timestamp()), round(trader["realized_pnl"], 2))
    assert seconds == sorted(seconds)


def test_holding_times_are_shares_of_the_matched_cost(ranking):
    (part,) = wallet_parts(ranking)
    # Twelve lots of 1,000 held for five hours, one of 10 held for a day.
    held = {2: 12_000 / 12_010, 4: 10 / 12_010}
    assert part.holding == pytest.approx([100 * held.get(band, 0) for band in range(7)])


def test_every_chart_says_in_words_what_it_shows(page):
    assert page.elements["svg"] == 7
    assert page.values("role", "svg") == ["img"] * 7
    best_wide, best_narrow, spark, curve, holding, bets, days = page.values("aria-label", "svg")
    assert best_wide == best_narrow == f"#1 {short(ANN)}: {curve}"
    assert spark == curve
    assert "$6,910 at the end" in curve
    assert holding == "Matched cost by holding time. <6 h: >99 %, <7 d: <1 %."
    assert bets.startswith("Bets by what they returned, in percent.")
    assert re.match(r"Realized by day: \d+ days with a result, \d+ of them gains", days)
    assert len(page.values("class", "path")) >= 7


def test_charts_take_their_looks_from_the_page(html, page):
    pictures = re.findall(r"<svg.*?</svg>", html, flags=re.DOTALL)
    assert not re.search(
        r' (id|style|fill|stroke|width|font-family)=|url\(|#[0-9a-f]{6}"', "".join(pictures)
    )
    styled = set(re.findall(r"\.(plot-[a-z]+)", html))
    assert {name.split()[0] for name in page.values("class", "path")} <= styled


def test_ids_are_not_repeated(page):
    ids = page.values("id")
    assert len(ids) == len(set(ids))


def test_a_wallet_without_a_result_has_words_in_place_of_its_charts(ranking):
    lots = LotEvidence(
        trades=ranking.lots.trades,
        rollovers=ranking.lots.rollovers,
        lot_matches=ranking.lots.lot_matches.clear(),
        open_lots=ranking.lots.open_lots,
    )
    traders = ranking.traders.with_columns(first_transaction=pl.lit(None, pl.Datetime("us", "UTC")))
    page = read_page(render_page(_with(ranking, traders=traders, lots=lots), stamp=""))
    assert page.elements["svg"] == 1  # what is held is a bet, too
    assert "Nothing was traded yet." in page.words
    assert "Nothing was realized in half a year." in page.words
    assert "Nothing was sold whose cost is known." in page.words


def test_the_part_of_a_wallet_tells_what_is_known_and_what_is_not(ranking):
    (part,) = wallet_parts(ranking)
    sales = {sale["token_address"]: sale for sale in part.sales.rows}
    assert part.sales.total == 14
    beyond = sales[OWL]
    assert (beyond["result"], beyond["cost"], beyond["unmatched_share"]) == (None, None, 100.0)
    assert beyond["unmatched_words"] == "beyond all lots"
    half = sales[FOX]
    assert half["result"] == pytest.approx(10.0)
    assert half["unmatched_share"] == pytest.approx(100 / 3)
    (lot,) = part.open_lots.rows
    assert (lot["token_address"], lot["cost"]) == (DOG, pytest.approx(40.0))
    assert lot["unrealized_pnl"] == pytest.approx(10.0)
    assert [window["window"] for window in part.windows] == ["7d", "30d", "90d", "all"]
    assert {row["token_address"] for row in part.tokens.rows} == {CAT, DOG, FOX, OWL}


def test_the_part_of_a_wallet_says_what_is_left_if_nobody_buys(page, ranking):
    trader = ranking.traders.row(0, named=True)
    for name, column in {
        "Conservative PnL": "conservative_pnl",
        "Stale bags": "stale_open_cost",
        "Lost cost": "lost_cost",
        "Fees, estimated": "estimated_fees_usd",
    }.items():
        assert f"{name} {usd(trader[column])}" in page.words
    assert f"The same in SOL {sol(trader['realized_pnl_sol'])}" in page.words


@pytest.mark.parametrize("listed", [30, -10], ids=["later", "then, and written later"])
def test_open_lots_are_worth_on_the_page_what_the_table_says_whatever_the_list_says_since(
    own_lake, listed
):
    rank(own_lake, known_to=NOW - timedelta(minutes=45))
    add_tokens(own_lake, {CAT: 5.0, DOG: 7.5}, at=NOW + timedelta(minutes=listed))
    data = read_report_data(own_lake)
    held = data.pnl.filter((pl.col("token_address") == DOG) & (pl.col("window") == "all"))
    assert data.lots.open_lots["mark_price"].to_list() == [2.5]
    worth = data.lots.open_lots["conservative_value"].to_list()
    assert worth == pytest.approx(held["conservative_value"].to_list())


def test_the_curve_of_a_wallet_ends_at_its_realized_pnl_where_a_rollover_gained(own_lake):
    back = exchange(ANN, (DOG, 20), (FOX, 1), NOW - timedelta(hours=5), cash=55.0)
    add_swaps(own_lake, back)
    rank(own_lake)
    data = read_report_data(own_lake)
    assert data.traders["realized_pnl"].to_list() == pytest.approx([6910 + 15])
    (part,) = wallet_parts(data)
    assert part.curve[1][-1] == pytest.approx(6925)
    assert part.sales.total == 14, "a rollover is no sale"


def test_whoever_is_kept_out_is_listed_with_the_reason(page, ranking):
    reasons = " ".join(ranking.classified.row(0, named=True)["reasons"])
    assert ranking.classified["wallet_address"].to_list() == [BOB]
    assert reasons in page.isolated
    assert "untested 1" in page.words


def test_changes_of_tier_are_listed(page):
    assert "Latest changes" in page.words
    assert "arrived" in page.words


def executable(page: Page) -> int:
    """The scripts that a browser would run: what is data is none."""
    return sum(kind != "application/json" for kind, _ in page.scripts)


def test_names_of_tokens_are_shown_as_text_and_never_run(page):
    assert executable(page) == 1
    assert page.elements["img"] == page.elements["iframe"] == 0
    assert not [name for _, name, _ in page.attributes if name.startswith("on")]
    assert {shown_symbol(SYMBOLS[CAT]), shown_symbol(SYMBOLS[DOG])} <= set(page.isolated)


def test_reasons_are_shown_as_text_and_never_run(ranking):
    reason = "Best of 2 tokens: <script>x</script>."
    reasons = ranking.traders.with_columns(reasons=pl.lit([reason], pl.List(pl.String)))
    page = read_page(render_page(_with(ranking, traders=reasons), stamp=""))
    assert reason in page.isolated
    assert executable(page) == 1


def test_text_direction_and_control_codes_of_a_name_stay_inside_it(html, page):
    assert "evil [31m[bold]שלום🦌" in page.isolated
    assert not re.search("[\u202a-\u202e\u2066-\u2069\x1b]", html)


def test_the_page_asks_nothing_of_anybody(html, page):
    addresses = page.values("href") + page.values("src") + page.values("action")
    assert addresses
    # A link of another site is followed where somebody clicks on it, and tells it nothing.
    foreign = [address for address in addresses if not re.match(r"#|data:", address)]
    assert set(foreign) <= set(page.values("href", "a"))
    assert len(foreign) == page.values("rel", "a").count("noopener noreferrer")
    assert all(re.match(r"https://(solscan|birdeye|gmgn|dexscreener)\.", a) for a in foreign)
    styles = re.findall(r"<style>(.*?)</style>", html, flags=re.DOTALL)
    assert not re.search(r"url\(|@import", "".join(styles))
    (policy,) = [value for value in page.values("content", "meta") if "default-src" in value]
    assert policy.startswith("default-src 'none';")


def test_the_policy_lets_the_pages_own_script_run_and_no_other(page):
    (policy,) = [value for value in page.values("content", "meta") if "script-src" in value]
    allowed = set(re.findall(r"'(sha256-[^']+)'", policy))
    own = {
        "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()
        for kind, text in page.scripts
        if kind == ""
    }
    assert allowed == own
    assert "unsafe-inline" not in policy.split("style-src")[0]


def test_the_source_is_named_and_escaped(page):
    assert "recorded swap rows" in page.words
    assert "/nowhere/<i>rows</i>" in page.isolated
    assert page.elements["i"] == 0


def test_a_wallet_is_found_by_its_tokens_name_and_mint(page):
    (searched,) = page.values("data-search", "tr")
    assert ANN.lower() in searched
    assert CAT.lower() in searched
    assert "hyperlink" in searched


def test_an_empty_ranking_says_so(tmp_path):
    page = read_page(render_page(read_report_data(make_lake(tmp_path / "root")), stamp=""))
    assert "No smart trader yet." in page.words
    assert page.elements["table"] == 0


def test_a_ranking_that_leaves_nobody_says_how_many_were_judged_and_as_of_when(ranking):
    nobody = replace(ranking, traders=ranking.traders.clear(), pnl=ranking.pnl.clear())
    page = read_page(render_page(nobody, stamp=""))
    assert "No smart trader yet: 1 classified, and all excluded." in page.words
    assert f"As of {NOW:%Y-%m-%d %H:%M} UTC." in page.words


def test_two_hundred_busy_wallets_fit_into_five_megabytes(ranking):
    many = [f"{number:03}{ANN[3:]}" for number in range(200)]
    names = pl.DataFrame({"wallet_address": many})
    busy = _busier(ranking.lots.lot_matches, times=40)
    copies = ReportData(
        source="live",
        source_detail="",
        traders=_copied(ranking.traders, names),
        classified=ranking.classified,
        tier_changes=ranking.tier_changes,
        pnl=_copied(ranking.pnl, names),
        lots=LotEvidence(
            trades=_copied(_busier(ranking.lots.trades, times=40), names),
            rollovers=ranking.lots.rollovers,
            lot_matches=_copied(busy, names),
            open_lots=_copied(_busier(ranking.lots.open_lots, times=40), names),
        ),
        symbols=ranking.symbols,
        portfolios=_copied(ranking.portfolios, names),
        signals=ranking.signals,
        signal_traders=ranking.signal_traders,
        bets=_copied(ranking.bets, names),
        company=ranking.company,
        received=ranking.received,
    )
    html = render_page(copies, stamp="")
    assert html.count('<details class="wallet"') == 200
    assert html.count(f"{MOST_SALES} of 560 sales") == 200
    assert len(html.encode()) < 5_000_000


def test_no_more_wallets_are_shown_than_asked_for(lake, ranking):
    assert read_report_data(lake, most_wallets=1).shown == [ANN]
    assert ranking.pnl["wallet_address"].unique().to_list() == [ANN]
    assert ranking.pnl.filter(pl.col("token_address") == ALL_TOKENS).height == 4


def rest_of(html: str, name: str) -> list[Any]:
    """What the page hands to its script."""
    (told,) = re.findall(rf'<script type="application/json" id="{name}">(.*?)</script>', html)
    rows: list[Any] = json.loads(told)
    return rows


def test_whoever_has_no_card_is_on_the_leaderboard_all_the_same(ranking):
    bob = ranking.traders.with_columns(wallet_address=pl.lit(BOB), overall_rank=pl.lit(2, pl.Int64))
    html = render_page(_with(ranking, traders=pl.concat([ranking.traders, bob])), stamp="")
    ((wallet, rank, tier, sure, cells, hand),) = rest_of(html, "board-rest")
    assert (wallet, rank, tier, sure) == (BOB, 2, "QUALIFIED", bob["skill_confidence"].item())
    (first,) = re.findall(r"<tr data-wallet=.*?</tr>", html, re.DOTALL)
    shown = re.findall(r'<td class="n[^"]*" data-v="[^"]*">([^<]*)</td>', first)[1:]
    assert hand == ""
    windows = slice(4, 7)  # BOB has no numbers by window here
    assert [cell[0] for cell in cells][:4] == shown[:4]
    assert [cell[0] for cell in cells][windows] == ["–"] * 3
    assert "of the best 1; of any other wallet" in read_page(html).words


def test_the_leaderboard_tells_what_was_realized_by_window(ranking, html):
    by_window = dict(
        ranking.pnl.filter(pl.col("token_address") == ALL_TOKENS)
        .select("window", "realized_pnl")
        .iter_rows()
    )
    (first,) = re.findall(r"<tr data-wallet=.*?</tr>", html, re.DOTALL)
    shown = re.findall(r'<td class="n[^"]*" data-v="[^"]*">([^<]*)</td>', first)[1:]
    assert shown[4:8] == [usd(by_window[window]) for window in ("7d", "30d", "90d", "all")]


def test_the_excluded_are_told_in_full_and_their_words_are_data(ranking):
    many = pl.concat(
        [
            ranking.classified.with_columns(
                wallet_address=pl.lit(f"w{number}"),
                reasons=pl.lit(["</script><script>alert(1)</script>"]),
            )
            for number in range(150)
        ]
    )
    html = render_page(_with(ranking, classified=many), stamp="")
    rest = rest_of(html, "excluded-rest")
    assert [row[0] for row in rest] == [f"w{number}" for number in range(100, 150)]
    assert rest[0][4] == "</script><script>alert(1)</script>"
    assert "<script>alert" not in html


def test_what_they_buy_is_told_with_who_and_where_to_look(ranking):
    signals = whole(
        TOKEN_SIGNALS,
        [
            token_signal(
                CAT,
                window=window,
                symbol="<b>CAT",
                elite_bought=2,
                traders_bought=2,
                net_flow_usd=1_500.0,
                mark_price=2.0,
                entry_price=1.0,
                entry_return=100.0,
            )
            for window in ("24h", "7d")
        ],
    )
    who = {(CAT, window): [(1, ANN, "ELITE")] for window in ("24h", "7d")}
    page = read_page(render_page(_with(ranking, signals=signals, signal_traders=who), stamp=""))
    assert "What they buy" in page.words
    assert "<b>CAT" in page.isolated
    assert "$1,500" in page.words
    assert page.values("href", "a").count(f"#w-{ANN}") == 5  # legend, row, change; twice here
    assert f"https://dexscreener.com/solana/{CAT}" in page.values("href", "a")


def test_what_one_should_know_stands_beside_the_numbers(ranking):
    sound = ranking.traders.row(0, named=True) | {
        "history_complete": True,
        "coverage": 90.0,
        "copied_return": 10.0,
        "copied_priced_share": 70.0,
        "copied_decides": True,
        "stale_open_cost": 0.0,
        "unmarked_tokens": 0,
        "unpriced_count": 0,
        "last_transaction": NOW,
        "as_of": NOW,
    }
    assert caveats(sound) == []
    for changed, told in (
        ({"history_complete": False}, "not known to its first trade"),
        ({"coverage": 61.0}, "the cost of 61.0 % is known"),
        ({"copied_priced_share": None}, "nobody else's trade shows a price"),
        ({"copied_priced_share": 20.0, "copied_decides": False}, "known of 20.0 % of its bets"),
        ({"stale_open_cost": 12.0}, "It paid $12.00 for tokens that nobody has priced for days"),
        ({"unmarked_tokens": 2}, "2 tokens that it holds: no price is known"),
        ({"unpriced_count": 1}, "1 trade against which no known cash stands"),
        ({"last_transaction": NOW - timedelta(days=9)}, "not traded for 9 days"),
    ):
        (caveat,) = caveats(sound | changed)
        assert told in caveat


def test_the_stamp_survives_the_page(ranking):
    html = render_page(ranking, stamp='"><script>')
    (made_from,) = re.findall(r'name="made-from" content="([^"]*)"', html)
    assert unescape(made_from) == '"><script>'


def _busier(frame: pl.DataFrame, *, times: int) -> pl.DataFrame:
    """The rows again and again, in transactions and at times of their own."""
    time = next(name for name in ("sold_at", "bought_at", "time") if name in frame.columns)
    tx = next(name for name in ("sale_tx", "purchase_tx", "tx_hash") if name in frame.columns)
    return pl.concat(
        [
            frame.with_columns(
                pl.col(time) - timedelta(minutes=number), pl.col(tx) + pl.lit(str(number))
            )
            for number in range(times)
        ]
    )


def _copied(frame: pl.DataFrame, wallets: pl.DataFrame) -> pl.DataFrame:
    return wallets.join(frame.drop("wallet_address"), how="cross").select(frame.columns)


def _with(ranking: ReportData, **changes: Any) -> ReportData:
    return ReportData(**{**vars(ranking), **changes})
