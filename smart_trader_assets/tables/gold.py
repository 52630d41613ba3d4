"""The gold tables: the classification of every wallet, and what changed since the last one."""

from __future__ import annotations

from smart_trader_assets.delta import column_kinds as col
from smart_trader_assets.delta.contract import Column, TableContract
from smart_trader_assets.pnl.columns import CLASSIFIED, RANKED, gold_columns

SMART_TRADERS = TableContract(
    name=RANKED,
    grain="One row per wallet that nothing excludes, ranked: smart traders, and below them the unproven.",
    columns=(
        col.text("wallet_address", "The trader", required=True, preview=True),
        col.text(
            "tier", "ELITE, STRONG, PROMISING, or QUALIFIED (unproven)", required=True, preview=True
        ),
        col.integer("overall_rank", "Rank among all of them", required=True, preview=True),
        col.integer(
            "rank_by_hand",
            "Rank where the wallets that one hand seems to lead count once: that of the best of them",
        ),
        col.text(
            "led_by", "The best wallet of that hand; null for itself, and for who trades alone"
        ),
        col.texts("siblings", "The other ranked wallets of the hand, best first"),
        col.integer("tier_rank", "Rank within the tier", required=True),
        col.number(
            "score",
            "Score that orders a tier, 0 to 100, above 50 where the floor is above 0",
            required=True,
        ),
        col.texts("reasons", "Why the wallet ranks where it does, in words"),
        *gold_columns(RANKED),
        col.percent("expected_return", "Mean return that a copier can expect of a bet"),
        col.percent(
            "return_floor", "What that is at least, with the confidence that counts as proof"
        ),
        col.percent(
            "skill_confidence", "Confidence that it is more than copying costs", preview=True
        ),
        col.number("bets", "Bets that count as evidence, as a number of whole ones"),
        col.percent(
            "copied_return",
            "What an equal-stake copier would have earned a bet, after the delay that decides and at cost",
            preview=True,
        ),
        col.percent("copied_priced_share", "Part of the bets for which that could be priced"),
        col.percent("bet_win_rate", "Bets won of bets made, by weight; dead bags are lost"),
        col.integer("bet_count", "Tokens bought, sold or not"),
        col.integer("token_count", "Tokens traded"),
    ),
    key=("wallet_address",),
)

COPY_RESULTS = TableContract(
    name="gold/copy_results",
    grain="One row per wallet and delay: what an equal-stake copier would have earned who came so much later.",
    columns=(
        col.text("wallet_address", "The wallet that is copied", required=True, preview=True),
        col.integer(
            "delay_seconds",
            "How long after each trade the copier comes",
            "s",
            required=True,
            preview=True,
        ),
        col.integer("bets", "Tokens bought, sold or not", required=True),
        col.integer("priced_bets", "Those of which the copier's prices are known", required=True),
        col.percent("priced_share", "Part of the bets, by weight, that is priced", preview=True),
        col.percent(
            "copied_return",
            "Mean return of the priced bets, less the cost of copying",
            preview=True,
        ),
        col.percent(
            "copied_floor",
            "What that is at least, with the confidence that counts as proof",
            preview=True,
        ),
        col.number("price_drift_entry", "Median of the copier's entry price over the trader's"),
        col.number(
            "break_even_delay", "Delay from which nothing is left of the return, interpolated", "s"
        ),
        col.time("as_of", "Time of the numbers that it was made from", required=True),
        col.text(
            "based_on", "What the row follows from: another text is another result", required=True
        ),
    ),
    key=("wallet_address", "delay_seconds"),
    statistics=("as_of",),
    cluster_by=("wallet_address",),
)

POSITIONS = TableContract(
    name="gold/positions",
    grain="One row per ranked trader and token that it holds, as of the trader's own numbers.",
    columns=(
        col.text("wallet_address", "The trader", required=True, preview=True),
        col.text("token_address", "Mint that it holds", required=True, preview=True),
        col.text("tier", "Tier of the trader", required=True, preview=True),
        col.integer("overall_rank", "Rank of the trader", required=True),
        col.number("quantity", "What is left of its lots of known basis", "tokens", required=True),
        col.usd("cost", "What these cost", preview=True),
        col.usd("entry_price", "That for a whole token", preview=True),
        col.usd("mark_price", "Newest known price at or before `as_of`", preview=True),
        col.time("marked_at", "Time of that price", preview=True),
        col.text("mark_source", "token_list, own_trade or table_trade"),
        col.usd("value", "What is held at that price, as silver/wallet_pnl bounds it"),
        col.usd("unrealized_pnl", "That less the cost", preview=True),
        col.usd("faded_value", "The value, faded by the age of its price"),
        col.time("first_trade_at", "The trader's first trade of the token"),
        col.time("last_trade_at", "Its last one"),
        col.time("as_of", "Time of the trader's numbers", required=True),
    ),
    key=("wallet_address", "token_address"),
)


def _votes() -> tuple[Column, ...]:
    """How many traders did what, by deed and tier."""
    deeds = {"bought": "bought it", "sold": "sold it", "holding": "hold it now"}
    tiers = {
        "traders": "Traders of a tier that is proven",
        "elite": "ELITE traders",
        "strong": "STRONG traders",
        "promising": "PROMISING traders",
        "unproven": "Unproven (QUALIFIED) wallets",
    }
    return tuple(
        col.integer(f"{tier}_{deed}", f"{who} that {did}", required=True, preview=tier == "traders")
        for deed, did in deeds.items()
        for tier, who in tiers.items()
    )


TOKEN_SIGNALS = TableContract(
    name="gold/token_signals",
    grain="One row per token and window (24h, 7d): what the ranked traders did with it, and hold.",
    columns=(
        col.text("token_address", "The mint", required=True, preview=True),
        col.text("window", "24h or 7d, ending with `as_of`", required=True, preview=True),
        col.text("symbol", "Symbol as last listed", preview=True),
        *_votes(),
        col.integer("trades", "Trades of the proven tiers in the window", required=True),
        col.integer(
            "unpriced_trades", "Those against other tokens, which are in no sum", required=True
        ),
        col.usd("bought_usd", "Cash that the proven tiers paid"),
        col.usd("sold_usd", "Cash that they got"),
        col.usd("net_flow_usd", "Paid less got", preview=True),
        col.usd("entry_price", "What they paid for a whole token on average"),
        col.usd("mark_price", "Newest known price"),
        col.time("marked_at", "Time of that price"),
        col.percent("entry_return", "Newest price above what they paid", preview=True),
        col.time("first_trade_at", "First trade of the proven tiers in the window"),
        col.time("last_trade_at", "Last one"),
        col.time("as_of", "End of the window", required=True),
    ),
    key=("token_address", "window"),
)

WALLET_CLUSTERS = TableContract(
    name="gold/wallet_clusters",
    grain="One row per pair of ranked wallets that trade the same tokens within seconds, beyond chance, or "
    "that one purse has funded, or of one and who pays it.",
    columns=(
        col.text("wallet_address", "One of the two; the copier", required=True, preview=True),
        col.text("other_address", "The other; whom it copies", required=True, preview=True),
        col.text(
            "relation",
            "SIBLINGS (now one is first and now the other: one hand seems to lead both), COPIER, CROWD (too "
            "many hang together), WASH (the first sells into the other's buys), or FUNDED (nothing but who "
            "funds them joins them)",
            required=True,
            preview=True,
        ),
        col.text(
            "cluster_id", "First address of the wallets that one hand seems to lead", preview=True
        ),
        col.text(
            "vote_id",
            "First address of all that hang together, who have one vote in gold/token_signals",
            required=True,
        ),
        col.integer(
            "tokens_together",
            "Tokens in which they came close, those of one hour once; null where it is not beyond chance",
            preview=True,
        ),
        col.integer("tokens_shared", "Tokens that both traded"),
        col.number("tokens_expected", "Tokens together as chance has it", preview=True),
        col.number("log10_p", "Decimal logarithm of a bound of the probability of that by chance"),
        col.integer("times_later", "Of the tokens together, in how many the first came later"),
        col.number("median_seconds", "Median time between them", "s"),
        col.integer(
            "tokens_paid",
            "Tokens in which the first sold within seconds after the other had bought",
        ),
        col.text(
            "funder_address",
            "Who sent cash to both, or to one of them where it is the other; null where no transfer tells it",
            preview=True,
        ),
        col.integer("funder_recipients", "Addresses that the funder is known to have sent cash to"),
        col.time("funded_at", "When the later of the two first got cash from it"),
        col.time("as_of", "Time of the ranking that found it", required=True),
    ),
    key=("wallet_address", "other_address"),
    ignored_changes=("as_of",),
)

CLASSIFIED_WALLETS = TableContract(
    name=CLASSIFIED,
    grain="One row per wallet excluded from the ranking, with what it is or what it lacks.",
    columns=(
        col.text("wallet_address", "The wallet", required=True, preview=True),
        col.text(
            "wallet_class",
            "POOL, ARBITRAGEUR, BOT, CASH_ONLY, SAME_BLOCK, TOO_FAST, LAUNCH_INSIDER, WASH_GROUP, UNTESTED, "
            "TRANSFERRED_IN, INACTIVE or UNPROFITABLE: the first that applies",
            required=True,
            preview=True,
        ),
        col.texts("reasons", "Everything that applies, in words", required=True, preview=True),
        *gold_columns(CLASSIFIED),
    ),
    key=("wallet_address",),
)

TIER_CHANGES = TableContract(
    name="gold/tier_changes",
    grain="One row per change of a wallet's tier: arrivals, promotions, demotions, departures.",
    columns=(
        col.text("wallet_address", "The wallet", required=True, preview=True),
        col.integer(
            "change_number", "Number of the wallet's change, counted from 1", required=True
        ),
        col.time("changed_at", "Time of the ranking that changed it", required=True),
        col.text("change", "ARRIVED, PROMOTED, DEMOTED or LEFT", required=True, preview=True),
        col.text(
            "cause",
            "What changed since the ranking before: TRADES (its numbers), RULES, RULES_AND_TRADES, or OTHERS "
            "(time, and what other wallets reach)",
            preview=True,
        ),
        col.text("ranking_rules", "Edition of the rules that this ranking follows"),
        col.text("from_tier", "Tier before; null if it had none", preview=True),
        col.text("to_tier", "Tier after; null if it has none", preview=True),
        col.text("wallet_class", "Its class, if it left the ranking"),
        col.integer("overall_rank", "Rank among all ranked wallets after it", preview=True),
        col.number("score", "Score, 0 to 100"),
        col.usd("conservative_pnl", "Conservative PnL", preview=True),
        col.usd("total_pnl", "Realized and unrealized PnL"),
        col.texts("reasons", "Why, in words"),
    ),
    key=("wallet_address", "change_number"),
)
