"""What other people's scripts rely on stays as it is: names, the entry points, the one function."""

from __future__ import annotations

import inspect
import subprocess
import sys
from importlib.metadata import entry_points

import polars as pl
import pytest

from smart_trader_assets.assembly import make_definitions
from smart_trader_assets.cli import main
from smart_trader_assets.pnl import WALLET_PNL_SCHEMA, compute_wallet_pnl
from smart_trader_assets.ranking.exclusion import EXCLUSION_RULES
from smart_trader_assets.settings import Settings, load_settings
from smart_trader_assets.tables.catalog import ALL_TABLES
from smart_trader_assets_tests.support.tiny_market import NOW

ASSETS = [
    "alerts/helius_webhook",
    "bronze/candidates",
    "bronze/tokens",
    "bronze/transactions",
    "bronze/whales",
    "gold/classified_wallets",
    "gold/copy_results",
    "gold/positions",
    "gold/smart_traders",
    "gold/tier_changes",
    "gold/token_signals",
    "gold/wallet_clusters",
    "ops/queue",
    "reports/smart_traders_page",
    "silver/recent_trades",
    "silver/token_trades",
    "silver/tracked_tokens",
    "silver/tracked_whales",
    "silver/wallet_pnl",
]
SENSORS = [
    "failed_checks_due",
    "helius_webhook_due",
    "smart_traders_due",
    "tracked_tokens_due",
    "tracked_whales_due",
    "transactions_due",
    "wallet_pnl_due",
    "whales_due",
]
SCHEDULES = ["candidates_schedule", "maintenance_schedule", "snapshot_schedule"]
JOBS = [
    "candidates",
    "maintenance",
    "ranking",
    "reset",
    "snapshot",
    "token_side",
    "wallet",
    "wallet_side",
]
CHECKS = {
    "bronze/tokens": [
        "keys_are_unique",
        "liquidity_is_plausible",
        "states_are_sound",
        "states_move_as_they_may",
    ],
    "bronze/candidates": ["keys_are_unique", "states_are_sound", "states_move_as_they_may"],
    "silver/tracked_tokens": [
        "keys_are_unique",
        "states_are_sound",
        "states_move_as_they_may",
        "token_address_is_known",
    ],
    "bronze/whales": [
        "keys_are_unique",
        "states_are_sound",
        "states_move_as_they_may",
        "token_address_is_known",
    ],
    "silver/tracked_whales": [
        "keys_are_unique",
        "states_are_sound",
        "states_move_as_they_may",
        "token_address_is_known",
    ],
    "bronze/transactions": [
        "keys_are_unique",
        "no_row_is_set_aside",
        "prices_agree",
        "states_are_sound",
        "states_move_as_they_may",
        "wallet_address_is_known",
    ],
    "silver/wallet_pnl": [
        "identities_hold",
        "keys_are_unique",
        "portfolios_add_up",
        "sales_are_covered",
        "states_are_sound",
        "wallet_address_is_known",
    ],
    "gold/smart_traders": ["keys_are_unique", "wallet_address_is_known"],
    "gold/classified_wallets": ["keys_are_unique"],
    "gold/copy_results": ["keys_are_unique"],
    "gold/tier_changes": ["keys_are_unique"],
    "gold/positions": ["keys_are_unique"],
    "gold/token_signals": ["keys_are_unique"],
    "gold/wallet_clusters": ["keys_are_unique"],
    "silver/recent_trades": ["keys_are_unique"],
    "silver/token_trades": ["keys_are_unique"],
}
SETTINGS = """
alert_limit alert_tiers alerts_write arbitrage_share as_of automation birdeye_api_key
birdeye_base_url bot_trades_daily bot_trades_in_day credits_per_month credits_per_run elite_min_pnl
elite_min_roi elite_min_win_rate evidence_confidence first_day helius_api_key helius_base_url
helius_webhook_id history_days holders_per_token incomplete_histories list_max_liquidity list_min_change_24h
list_min_liquidity list_min_volume_1h list_tokens log_format maintenance_cron max_attempts
max_idle_days min_active_days min_arbitrages min_closing_trades min_coverage min_holding_usd
park_account_hours park_credits_hours park_service_minutes promising_confidence promising_min_pnl
promising_min_roi promising_min_win_rate replay_folder request_attempts request_backoff_seconds
request_concurrency request_timeout_seconds requests_per_second retention_hours retry_base_minutes
retry_limit_hours root run_metrics_days same_block_share sandbox_anchor sandbox_seed sensor_seconds
shards_per_run snapshot_cron source state_dir storage_account storage_allow_http storage_endpoint
storage_region strong_min_pnl strong_min_roi strong_min_win_rate swap_pages_per_run token_shards
track_min_liquidity wallet_refresh_hours wallet_refresh_limit_hours wallet_shards
whale_refresh_hours
"""
WALLET_CLASSES = [
    "POOL",
    "ARBITRAGEUR",
    "BOT",
    "SAME_BLOCK",
    "TRANSFERRED_IN",
    "UNTESTED",
    "INACTIVE",
    "UNPROFITABLE",
]
COLUMNS = {
    "bronze/tokens": """
snapshot_date token_address token_shard symbol name decimals logo_uri extensions price liquidity
market_cap fdv total_supply circulating_supply holder last_trade_unix_time recent_listing_time
volume_1h_usd volume_2h_usd volume_4h_usd volume_8h_usd volume_24h_usd volume_1h_change_percent
volume_2h_change_percent volume_4h_change_percent volume_8h_change_percent volume_24h_change_percent
trade_1h_count trade_2h_count trade_4h_count trade_8h_count trade_24h_count price_change_1h_percent
price_change_2h_percent price_change_4h_percent price_change_8h_percent price_change_24h_percent
is_scaled_ui_token multiplier list_rank fetched_at tracking_status tracked_at reject_reason
whale_fetch_status whale_fetched_at is_newly_tracked _delta_operation _delta_timestamp batch_id
""",
    "silver/tracked_tokens": """
token_address token_shard symbol name decimals price liquidity market_cap volume_24h_usd
price_change_24h_percent circulating_supply holder is_scaled_ui_token multiplier first_listed_on
last_listed_on metrics_at whale_fetch_status whale_fetched_at is_newly_tracked whale_count attempts
last_error next_attempt_at _delta_operation _delta_timestamp batch_id
""",
    "bronze/whales": """
fetched_on token_address wallet_address token_shard wallet_shard token_symbol holder_rank amount
decimals ui_amount token_accounts is_scaled_ui_token multiplier holding_share price holding_usd
fetched_at tracking_status tracked_at _delta_operation _delta_timestamp batch_id
""",
    "silver/tracked_whales": """
whale_id wallet_address token_address wallet_shard token_symbol holder_rank ui_amount holding_share
holding_usd first_seen_on last_seen_on processing_status transactions_fetched_at exclude_reason
excluded_by_rules fetched_from fetched_to history_complete resume_before resume_to last_swap_at
attempts last_error next_attempt_at _delta_operation _delta_timestamp batch_id
""",
    "bronze/transactions": """
swap_id wallet_address wallet_shard tx_hash block_unix_time owner source tx_type address
block_number volume_usd volume ins_index inner_ins_index signers interacted_program_id base_symbol
base_decimals base_address base_amount base_type base_type_swap base_ui_amount base_price
base_nearest_price base_change_amount base_ui_change_amount base_is_scaled_ui_token base_multiplier
quote_symbol quote_decimals quote_address quote_amount quote_type quote_type_swap quote_ui_amount
quote_price quote_nearest_price quote_change_amount quote_ui_change_amount quote_is_scaled_ui_token
quote_multiplier fetched_at processed_for_pnl pnl_processed_at set_aside_reason _delta_operation
_delta_timestamp batch_id
""",
    "silver/wallet_pnl": """
wallet_address token_address window wallet_shard buy_count sell_count trade_count total_bought
total_sold matched_proceeds matched_cost unmatched_proceeds unmatched_quantity realized_pnl roi
closing_count win_count win_rate token_win_rate coverage avg_holding_hours median_holding_hours
profit_factor max_drawdown_usd trade_sharpe open_quantity open_cost mark_price marked_at mark_source
unrealized_pnl total_pnl unmarked_tokens first_transaction last_transaction trade_frequency_daily
unpriced_count arbitrage_count arbitrage_profit_usd history_complete top_token_share
same_block_share active_days max_trades_per_day as_of processed_for_gold gold_processed_at
_delta_operation _delta_timestamp batch_id
""",
    "gold/smart_traders": """
wallet_address tier overall_rank tier_rank score reasons total_pnl realized_pnl unrealized_pnl roi
expected_return return_floor skill_confidence bets win_rate coverage closing_count trade_count
total_bought total_sold token_count profit_factor trade_sharpe max_drawdown_usd top_token_share
avg_holding_hours active_days unpriced_count unmarked_tokens arbitrage_count history_complete
first_transaction last_transaction as_of _delta_operation _delta_timestamp batch_id
""",
    "gold/classified_wallets": """
wallet_address wallet_class reasons total_pnl realized_pnl roi win_rate coverage unmatched_proceeds
closing_count trade_count active_days max_trades_per_day trade_frequency_daily same_block_share
arbitrage_count history_complete last_transaction as_of _delta_operation _delta_timestamp batch_id
""",
    "gold/tier_changes": """
wallet_address change_number changed_at change from_tier to_tier wallet_class overall_rank score
total_pnl reasons _delta_operation _delta_timestamp batch_id
""",
}


@pytest.fixture(scope="module")
def definitions():
    chosen = {"source": "sandbox", "root": "unused", "helius_base_url": "http://127.0.0.1:1"}
    alerts = {"helius_api_key": "key", "helius_webhook_id": "webhook"}
    return make_definitions(load_settings(chosen | alerts))


def test_the_graph_keeps_its_names(definitions):
    specs = definitions.resolve_all_asset_specs()
    assert set(ASSETS) <= {spec.key.to_user_string() for spec in specs}
    assert set(SENSORS) <= {sensor.name for sensor in definitions.sensors}
    assert set(SCHEDULES) <= {schedule.name for schedule in definitions.schedules}
    assert set(JOBS) <= {job.name for job in definitions.jobs}
    checks = {
        (spec.asset_key.to_user_string(), spec.name)
        for checks in definitions.asset_checks
        for spec in checks.check_specs
    }
    assert {(table, name) for table, names in CHECKS.items() for name in names} <= checks


def test_every_setting_keeps_its_name():
    assert set(SETTINGS.split()) <= set(Settings.model_fields)


def test_every_wallet_class_keeps_its_name():
    assert set(WALLET_CLASSES) <= {rule.name for rule in EXCLUSION_RULES}


@pytest.mark.parametrize("table", COLUMNS)
def test_every_column_keeps_its_name(table):
    schemas = {contract.name: set(contract.schema) for contract in ALL_TABLES}
    assert set(COLUMNS[table].split()) <= schemas[table]


def test_the_command_is_found_where_it_was():
    (command,) = entry_points(group="console_scripts", name="smart-trader")
    assert command.value == "smart_trader_assets.cli:main"
    assert command.load() is main


def test_the_code_location_loads_without_a_setting():
    code = "from smart_trader_assets.definitions import defs; print(len(defs.sensors or []))"
    ran = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=120, check=True
    )
    assert int(ran.stdout) >= 7


def test_the_pnl_of_wallets_is_one_call():
    parameters = inspect.signature(compute_wallet_pnl).parameters
    assert list(parameters) == ["swaps", "as_of", "cash_mints", "marks", "histories", "assumptions"]
    keywords = [p.name for p in parameters.values() if p.kind is inspect.Parameter.KEYWORD_ONLY]
    assert keywords == ["as_of", "cash_mints", "marks", "histories", "assumptions"]
    swaps = pl.DataFrame(
        schema={
            **dict.fromkeys(
                ("tx_hash", "wallet_address", "base_address", "quote_address"), pl.String
            ),
            **dict.fromkeys(("base_change_amount", "quote_change_amount"), pl.String),
            **dict.fromkeys(("block_unix_time", "base_decimals", "quote_decimals"), pl.Int64),
        }
    )
    assert compute_wallet_pnl(swaps, as_of=NOW).schema == WALLET_PNL_SCHEMA
