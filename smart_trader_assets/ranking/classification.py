"""The classification of every wallet: ranked in a tier, or excluded with a class."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

import polars as pl

from smart_trader_assets.pnl.columns import (
    ALL_TOKENS,
    CLASSIFIED,
    RANKED,
    gold_columns,
)
from smart_trader_assets.ranking.bets import paid_in_sol, whole_history, with_bets
from smart_trader_assets.ranking.co_trading import PAID, PAIRS, CoTrading, co_trading
from smart_trader_assets.ranking.discovery import (
    WHALE_COLUMNS,
    bags_moved_away,
    discoveries,
    found_as_holders,
)
from smart_trader_assets.ranking.exclusion import (
    NO_TRADERS,
    RuleContext,
    sentences,
    with_exclusions,
)
from smart_trader_assets.ranking.funding import Funding, funded_pairs
from smart_trader_assets.ranking.hands import members_of, with_clusters, with_ranks_by_hand
from smart_trader_assets.ranking.reasons import reasons_of
from smart_trader_assets.ranking.score import score_of
from smart_trader_assets.ranking.skill_estimate import population_priors, with_skill
from smart_trader_assets.ranking.tiers import RankingRules
from smart_trader_assets.ranking.traits import (
    PAID_SHARES,
    bet_traits,
    first_trades,
    holding_times,
    paid_shares,
    unknown_shares,
)

_EVIDENCE = ("expected_return", "return_floor", "skill_confidence", "bets")
_COPIED = ("copied_return", "copied_priced_share")
_RANKED = [column.name for column in gold_columns(RANKED)]
_CLASSIFIED = [column.name for column in gold_columns(CLASSIFIED)]
_OF_PORTFOLIOS = (
    "conversion_count",
    "realized_pnl_sol",
    "roi_sol",
    "sol_coverage",
    "paid_in_sol",
    "win_count",
    "unmarked_tokens",
    "unpriced_count",
    "unmatched_proceeds",
    "unknown_basis_proceeds",
    "open_cost",
    "conservative_value",
)
_OF_TOKENS = (
    "matched_cost",
    "open_cost",
    "lost_cost",
    "conservative_pnl",
    "estimated_fees_usd",
    "realized_pnl",
    "realized_pnl_sol",
    "matched_cost_sol",
    "open_cost_sol",
    "conservative_value_sol",
    "sol_coverage",
    "paid_in_sol",
    "stale_open_cost",
    "open_quantity",
    "unmatched_proceeds",
    "total_bought",
    "total_sold",
    "peak_cost",
    "early_cost",
    "early_proceeds",
    "closing_count",
    "median_holding_hours",
    "first_transaction",
    "last_transaction",
)
_JUDGED_BY = (
    "wallet_address",
    "token_address",
    "bet_result",
    "bet_return",
    "weight",
    "counts",
    "realized_pnl",
    "wallet_realized",
    "unmatched_proceeds",
    "total_sold",
    "stale_open_cost",
    "open_quantity",
    "early_cost",
    "early_proceeds",
    "closing_count",
    "median_holding_hours",
    "first_transaction",
    "last_transaction",
)
_KEY = ("wallet_address", "token_address", "window")
PNL_COLUMNS_READ = tuple(
    dict.fromkeys((*_KEY, *_RANKED, *_CLASSIFIED, *_OF_PORTFOLIOS, *_OF_TOKENS))
)
"""The columns of silver/wallet_pnl that a ranking reads."""


@dataclass(frozen=True)
class Classification:
    """Every wallet is a trader or excluded.

    traders: the content columns of gold/smart_traders, best first
    excluded: the content columns of gold/classified_wallets, by class and address
    company: who trades together or has one purse, the content columns of gold/wallet_clusters but `as_of`
    """

    traders: pl.DataFrame
    excluded: pl.DataFrame
    company: pl.DataFrame


def rank_wallets(
    pnl: pl.DataFrame | pl.LazyFrame,
    *,
    rules: RankingRules,
    as_of: datetime | None = None,
    pools: Collection[str] = (),
    token_symbols: Mapping[str, str] | None = None,
    tracked_whales: pl.LazyFrame | None = None,
    listed: pl.LazyFrame | None = None,
    copied: pl.LazyFrame | None = None,
    trades: pl.LazyFrame | None = None,
    funding: Funding | None = None,
) -> Classification:
    """Classify every wallet in `pnl`.

    In: columns of silver/wallet_pnl (`PNL_COLUMNS_READ`; those that are missing read as null). Each wallet is
    classified by its ALL_TOKENS row of the window `all`; its token rows of that window are its bets; other
    rows are ignored. `as_of` is the time that idleness is measured to, by default the newest `as_of` in
    `pnl`. `pools` are addresses of pools, `token_symbols` maps mints to what the reasons call them.
    `tracked_whales`, rows of silver/tracked_whales, say how wallets were found (see `discovery`; None: their
    user chose them), `listed` when tokens were listed (token_address, listed_at), `copied`, rows of
    gold/copy_results, what copying them would have earned, `trades`, netted trades of anybody (see
    `co_trading`), who trades together, `funding` who sent cash to whom (see `funding`).

    - Excluded: every wallet that an exclusion rule applies to (see `exclusion`). Who trades together, and who
      has one purse, is asked of those that nothing else excludes.
    - `tier`: the first whose minimum of conservative PnL, ROI (in USD or in SOL, see `bets`), share of bets won
      and confidence (see `skill_estimate`) are all reached, else QUALIFIED. A wallet whose history is
      incomplete reaches none that requires proof, unless the rules say so, nor does one that nobody could have
      copied with a gain: `copied_return` at most 0 where enough could be priced.

    Ranks go by tier, then the floor of the return, confidence, conservative PnL and, where all are equal,
    address; `overall_rank` and `tier_rank` both count from 1. `rank_by_hand` counts wallets that one hand seems
    to lead once.
    """
    # Sorted, since float sums depend on their order, and a ranking must not on that of its rows.
    history = whole_history(pnl.lazy(), PNL_COLUMNS_READ)
    of_all = pl.col("token_address") == ALL_TOKENS
    portfolios = history.filter(of_all).sort("wallet_address").collect()
    whales = (
        None if tracked_whales is None else tracked_whales.select(WHALE_COLUMNS).collect().lazy()
    )
    found = None if whales is None else discoveries(whales, list_window=rules.list_window)
    tokens = _tokens(history.filter(~of_all), portfolios, rules, found)
    wallets = portfolios.lazy().with_columns(
        pl.col("wallet_address").is_in(list(pools)).alias("is_pool")
    )
    bets = tokens.lazy().filter(pl.col("bet_return").is_not_null())
    for facts in (
        bet_traits(bets, first_trades(tokens.lazy(), listed), rules.launches),
        holding_times(bets),
        unknown_shares(tokens.lazy()),
        *([] if whales is None else [bags_moved_away(tokens.lazy(), whales)]),
    ):
        wallets = wallets.join(facts, on="wallet_address", how="left", maintain_order="left")
    context = RuleContext(
        rules.exclusion, as_of or _newest(portfolios), rules.incomplete_histories == "leave_out"
    )
    facts_known = wallets.collect()
    passing = with_exclusions(_paid(facts_known, None), context).filter(
        pl.col("wallet_class").is_null()
    )
    together = _together(trades, passing["wallet_address"], rules)
    judged = with_exclusions(
        _paid(facts_known, paid_shares(bets, together.paid.lazy()).collect()), context
    )
    innocent = judged.filter(pl.col("wallet_class").is_null())["wallet_address"]
    funded = None if funding is None else funded_pairs(funding, innocent, rules.funding)
    company = with_clusters(together.pairs, rules.company, funded)

    evidence = bets.filter("counts").select("wallet_address", "bet_return", "weight").collect()
    passed = judged.filter(pl.col("wallet_class").is_null())
    priors = population_priors(
        evidence.join(_population(judged, whales), on="wallet_address", how="semi"),
        passed["wallet_address"],
        rules.skill,
    )
    skill = with_skill(evidence.join(passed, on="wallet_address", how="semi"), priors, rules.skill)
    for known in (skill, _best_tokens(tokens, passed), _copied(copied, rules)):
        passed = passed.join(known, on="wallet_address", how="left")
    return Classification(
        traders=_ranked(passed, rules, token_symbols or {}, company),
        excluded=_excluded(judged.filter(pl.col("wallet_class").is_not_null()), context),
        company=company,
    )


def _together(trades: pl.LazyFrame | None, passing: pl.Series, rules: RankingRules) -> CoTrading:
    if trades is None:
        return CoTrading(pl.DataFrame(schema=PAIRS), pl.DataFrame(schema=PAID))
    return co_trading(trades, passing, rules.company)


def _paid(wallets: pl.DataFrame, shares: pl.DataFrame | None) -> pl.DataFrame:
    """With `paid_shares`; None: not asked yet."""
    if shares is None:
        shares = pl.DataFrame(schema=PAID_SHARES)
    return wallets.join(shares, on="wallet_address", how="left", maintain_order="left")


def _tokens(
    tokens: pl.LazyFrame,
    portfolios: pl.DataFrame,
    rules: RankingRules,
    found: pl.LazyFrame | None,
) -> pl.DataFrame:
    """The token rows with their bets, and no more than what wallets are judged by; by wallet and token."""
    of_wallet = portfolios.lazy().select(
        "wallet_address", wallet_realized="realized_pnl", wallet_paid_in_sol="paid_in_sol"
    )
    read = tokens.select("wallet_address", "token_address", *_OF_TOKENS)
    bets = with_bets(read.join(of_wallet, on="wallet_address"), rules.bets, found)
    return bets.select(*_JUDGED_BY).collect().sort("wallet_address", "token_address")


def _newest(portfolios: pl.DataFrame) -> datetime:
    newest = portfolios["as_of"].max()
    if newest is None:
        return datetime.now(UTC)
    if not isinstance(newest, datetime):
        raise TypeError(f"the column as_of of the PnL holds {type(newest).__name__}, not times")
    return newest


def _population(judged: pl.DataFrame, tracked_whales: pl.LazyFrame | None) -> pl.DataFrame:
    """wallet_address of those whose bets show what traders reach: no machines, and nobody who was chosen by
    his gains."""
    traders = ~pl.col("wallet_class").is_in(list(NO_TRADERS)).fill_null(value=False)
    population = judged.filter(traders).select("wallet_address")
    if tracked_whales is None:
        return population
    return population.join(
        found_as_holders(tracked_whales).collect(), on="wallet_address", how="semi"
    )


def _ranked(
    traders: pl.DataFrame,
    rules: RankingRules,
    token_symbols: Mapping[str, str],
    company: pl.DataFrame,
) -> pl.DataFrame:
    ranked = (
        traders.with_columns(judged_roi=_judged_roi(rules), uncopyable=_uncopyable(rules))
        .with_columns(tier_place=_tier_place(rules), score=score_of())
        .sort(
            "tier_place",
            "return_floor",
            "skill_confidence",
            "conservative_pnl",
            "wallet_address",
            descending=[False, True, True, True, False],
        )
        .with_columns(
            pl.int_range(1, pl.len() + 1, dtype=pl.Int64).alias("overall_rank"),
            pl.int_range(1, pl.len() + 1, dtype=pl.Int64).over("tier_place").alias("tier_rank"),
            pl.col("tier_place")
            .replace_strict(
                list(range(len(rules.tier_names))), rules.tier_names, return_dtype=pl.String
            )
            .alias("tier"),
        )
    )
    ranked = with_ranks_by_hand(ranked, members_of(company))
    reasons = pl.Series(
        "reasons",
        [reasons_of(trader, token_symbols, rules) for trader in ranked.iter_rows(named=True)],
        dtype=pl.List(pl.String),
    )
    return ranked.with_columns(reasons).select(
        "wallet_address",
        "tier",
        "overall_rank",
        "rank_by_hand",
        "led_by",
        "siblings",
        "tier_rank",
        "score",
        "reasons",
        *_RANKED,
        *_EVIDENCE,
        *_COPIED,
        "bet_win_rate",
        "bet_count",
        "token_count",
    )


def _excluded(wallets: pl.DataFrame, context: RuleContext) -> pl.DataFrame:
    wallets = wallets.sort("wallet_class", "wallet_address")
    reasons = pl.Series(
        "reasons",
        [sentences(wallet, context) for wallet in wallets.iter_rows(named=True)],
        dtype=pl.List(pl.String),
    )
    return wallets.with_columns(reasons).select(
        "wallet_address", "wallet_class", "reasons", *_CLASSIFIED
    )


def _judged_roi(rules: RankingRules) -> pl.Expr:
    """The lesser of roi and roi_sol where the wallet pays in SOL and enough is known in it: see `bets`."""
    known = pl.col("sol_coverage") >= rules.bets.min_sol_coverage
    return (
        pl.when(known.fill_null(value=False) & paid_in_sol(pl.col("paid_in_sol")))
        .then(pl.min_horizontal("roi", "roi_sol"))
        .otherwise("roi")
    )


def _uncopyable(rules: RankingRules) -> pl.Expr:
    """Whether enough is known to say that copying it does not pay."""
    enough = pl.col("copied_priced_share") >= rules.copying.copy_min_priced_share
    return (enough & (pl.col("copied_return") <= 0)).fill_null(value=False)


def _tier_place(rules: RankingRules) -> pl.Expr:
    place = pl.lit(len(rules.tiers), dtype=pl.Int64)
    for index in reversed(range(len(rules.tiers))):
        tier = rules.tiers[index]
        reached = (
            (pl.col("conservative_pnl") >= tier.min_pnl)
            & (pl.col("judged_roi") >= tier.min_roi)
            & (pl.col("bet_win_rate") >= tier.min_win_rate)
            & (pl.col("skill_confidence") >= tier.confidence)
        )
        if rules.asks_for_whole_history(tier):
            reached &= pl.col("history_complete").fill_null(value=True)
        if rules.asks_to_be_copyable(tier):
            reached &= ~pl.col("uncopyable")
        place = pl.when(reached).then(pl.lit(index, dtype=pl.Int64)).otherwise(place)
    return place


def _copied(copied: pl.LazyFrame | None, rules: RankingRules) -> pl.DataFrame:
    """wallet_address, copied_return and copied_priced_share at the delay that decides."""
    schema = {"wallet_address": pl.String} | dict.fromkeys(_COPIED, pl.Float64)
    if copied is None:
        return pl.DataFrame(schema=schema)
    at_delay = copied.filter(pl.col("delay_seconds") == rules.copying.copy_delay)
    return at_delay.select(
        "wallet_address", "copied_return", copied_priced_share="priced_share"
    ).collect()


def _best_tokens(tokens: pl.DataFrame, traders: pl.DataFrame) -> pl.DataFrame:
    """Per trader: how many tokens it traded, its best bet, and the tokens that it was found by."""
    own = tokens.select("wallet_address", "token_address", "bet_result", "counts").join(
        traders, on="wallet_address", how="semi"
    )
    return (
        own.sort("bet_result", "token_address", descending=[True, False], nulls_last=True)
        .group_by("wallet_address", maintain_order=True)
        .agg(
            pl.len().cast(pl.Int64).alias("token_count"),
            pl.col("token_address").first().alias("best_token"),
            pl.col("bet_result").first().alias("best_token_pnl"),
            pl.col("token_address").filter(~pl.col("counts")).alias("uncounted_tokens"),
        )
    )
