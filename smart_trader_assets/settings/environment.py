"""Every threshold and limit, typed and documented, from the environment.

Each setting `x` is the environment variable `SMART_TRADER_X`; the APIs' keys are `BIRDEYE_API_KEY` and
`HELIUS_API_KEY`.
A variable with the prefix that is not a setting is refused: a misspelt limit would limit nothing.
"""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from datetime import UTC, date, datetime
from itertools import pairwise
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import (
    AwareDatetime,
    Field,
    SecretStr,
    ValidationError,
    ValidationInfo,
    field_validator,
    model_validator,
)
from pydantic_settings import NoDecode, SettingsConfigDict
from solders.pubkey import Pubkey

from smart_trader_assets.errors import SmartTraderError
from smart_trader_assets.settings.notification_settings import NotificationSettings, TierName
from smart_trader_assets.settings.plans import CREDIT_PRICES, PLANS, PlanName

PREFIX = "SMART_TRADER_"
API_KEY_VARIABLE = "BIRDEYE_API_KEY"
LIVE_URL = "https://public-api.birdeye.so"
HELIUS_KEY_VARIABLE = "HELIUS_API_KEY"
HELIUS_URL = "https://api.helius.xyz"

# Keys are named by their services, without the prefix.
_KEYS = {"birdeye_api_key": API_KEY_VARIABLE, "helius_api_key": HELIUS_KEY_VARIABLE}

EARLIEST, LATEST = datetime(2020, 1, 1, tzinfo=UTC), datetime(2100, 1, 1, tzinfo=UTC)
"""The clock may be set from the year of Solana's beginning on, and not to a slip of the keyboard."""

Source = Literal["live", "sandbox", "replay"]
_TOTAL_LOSS = -100.0
RANKED_LISTS = {"today": 1.0, "yesterday": 2.0, "1W": 7.0, "30d": 30.0, "90d": 90.0}
"""BirdEye's lists of ranked traders, and over how many days each looks back."""


class SettingsError(SmartTraderError):
    """A setting is misspelt, out of range or contradicts another one."""


class Settings(NotificationSettings):
    """The settings of one process."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX,
        extra="forbid",
        frozen=True,
        env_ignore_empty=True,
        env_parse_none_str="none",
    )

    # Where things are
    source: Source | None = Field(
        None,
        description="live, sandbox or replay; by default live where an API key is set, else sandbox",
    )
    root: str | None = Field(
        None, description="Folder or object store URI of the tables; by default data/<source>"
    )
    storage_endpoint: str | None = Field(
        None, description="Endpoint of an S3-compatible object store other than AWS"
    )
    storage_region: str | None = Field(None, description="Region of the object store")
    storage_account: str | None = Field(None, description="Azure storage account")
    storage_allow_http: bool = Field(
        False, description="Whether the object store may be reached without TLS"
    )
    state_dir: Path | None = Field(
        None,
        description="Local folder of the credit ledger; by default <root>/ops where the root is local",
    )
    state_url: SecretStr | None = Field(
        None,
        description="PostgreSQL database of the credit ledger, the rate, the pauses and the locks of a root "
        "that several machines work on: postgresql://user:password@host/database",
    )
    replay_folder: Path | None = Field(
        None, description="Folder of recorded rows that replay serves"
    )
    sandbox_seed: int = Field(7, ge=0, description="Seed of the invented market")
    sandbox_anchor: AwareDatetime | None = Field(
        None,
        ge=EARLIEST,
        lt=LATEST,
        description="Time at which the invented market's history ends; by default what the root has "
        "recorded, and for a new root the hour that has begun",
    )
    as_of: AwareDatetime | None = Field(
        None,
        ge=EARLIEST,
        lt=LATEST,
        description="Time to use instead of the real clock, from 2020 to 2099",
    )
    first_day: date | None = Field(
        None,
        description="First day of bronze/tokens' partitions; by default that on which the root was made",
    )

    # The API
    birdeye_api_key: SecretStr | None = Field(
        None, validation_alias=API_KEY_VARIABLE, description="Key of the BirdEye account"
    )
    birdeye_base_url: str = Field(LIVE_URL, description="Where the BirdEye API answers")
    plan: PlanName = Field(
        "standard",
        description="Plan of the BirdEye account; it gives each setting that it names a default",
    )
    credit_prices: Annotated[tuple[tuple[str, int], ...], NoDecode] = Field(
        (),
        description="Credits of one request where they are others than the known ones: trader_txs=10, ...",
    )
    read_account: bool = Field(
        True,
        description="Whether to ask BirdEye, for one credit a run, what the account has really used",
    )
    requests_per_second: float = Field(
        1.0, gt=0, le=1000, description="Rate that the account's plan allows"
    )
    wallet_requests_per_minute: float = Field(
        30.0,
        gt=0,
        le=60_000,
        description="Rate of BirdEye's wallet endpoints (transfers), which is tighter than the plan's",
    )
    request_timeout_seconds: float = Field(
        20.0, gt=0, le=300, description="Longest wait for one answer"
    )
    request_attempts: int = Field(
        5, ge=1, le=20, description="Attempts for one request before it fails"
    )
    request_backoff_seconds: float = Field(
        1.0, ge=0, le=60, description="First wait after a failed request; it doubles, with jitter"
    )
    request_concurrency: int = Field(8, ge=1, le=100, description="Requests under way at once")
    credits_per_run: int | None = Field(
        20_000, ge=0, description="Credits that one run may spend; none for no limit"
    )
    credits_per_month: int | None = Field(
        30_000, ge=0, description="Credits that a month may cost; none for no limit"
    )
    credits_per_day: Annotated[int, Field(ge=0)] | Literal["paced"] | None = Field(
        "paced",
        description="Credits that a UTC day may cost; paced: what is left of the month, divided by its days; "
        "none for no limit",
    )
    follow_share: float = Field(
        60.0,
        ge=0,
        le=100,
        description="Part of the credits that following may take from the search for new wallets, percent",
    )

    # The token list
    list_min_liquidity: float = Field(
        100_000, ge=0, description="Minimum liquidity of a listed token, USD"
    )
    list_max_liquidity: float = Field(
        200_000_000, gt=0, description="Maximum liquidity of a listed token, USD"
    )
    list_min_volume_1h: float = Field(
        50_000, ge=0, description="Minimum volume in the last hour, USD"
    )
    list_min_change_24h: float = Field(20.0, description="Minimum price change over 24 h, percent")
    snapshot_hours: float = Field(
        0.0, ge=0, description="Age of the last snapshot from which another one is taken"
    )
    list_tokens: int = Field(
        100, ge=1, le=10_000, description="Tokens per snapshot, most liquid first"
    )
    track_min_liquidity: float = Field(
        100_000, ge=0, description="Minimum liquidity of a tracked token, USD"
    )

    # Candidates
    candidate_lists: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Lists of ranked traders to read, separated by commas: today, yesterday, 1W, 30d, 90d",
    )
    candidate_hours: float = Field(
        20.0, ge=0, description="Age at which a list of ranked traders is read again"
    )

    # Whales
    holders_per_token: int = Field(
        300, ge=1, le=10_000, description="Largest owners kept per token"
    )
    min_holding_usd: float = Field(1_000, ge=0, description="A smaller holding is dust, USD")
    swap_pages_per_run: int = Field(
        10, ge=1, le=1_000, description="Pages of swaps per wallet and run"
    )
    swap_pages_first: int = Field(
        10,
        ge=1,
        le=1_000,
        description="Pages of swaps of a new wallet before any wallet's further ones",
    )

    # What the numbers take for granted
    cash_mints: Annotated[tuple[str, ...], NoDecode] = Field(
        (),
        description="Mints that are cash beside SOL, its staking receipts and the coins pegged to a currency, "
        "separated by commas",
    )
    network_fee_sol: float = Field(
        0.0005, ge=0, le=1, description="What a transaction is assumed to cost a trader, SOL"
    )
    trading_fee_percent: float = Field(
        0.0,
        ge=0,
        le=100,
        description="What a venue is assumed to take beyond what the amounts show, percent of what is traded",
    )
    fallback_sol_usd: float = Field(
        150.0, gt=0, description="Price of SOL for fees where a wallet shows none, USD"
    )
    mark_life_days: float = Field(
        7.0, gt=0, description="Age at which a price that nobody has confirmed is worth nothing"
    )

    launch_minutes: float = Field(
        10.0, ge=0, description="Minutes from a token's first trade that are its launch"
    )
    launch_hours: float = Field(1.0, ge=0, description="Hours within which a launch bet is sold")

    # When fetched data is due again
    whale_refresh_hours: float = Field(
        72, gt=0, description="Age at which a listed token's whales are due again"
    )
    wallet_refresh_hours: float = Field(
        24, gt=0, description="Age at which an active wallet's swaps are due again"
    )
    wallet_refresh_limit_hours: float = Field(
        168, gt=0, description="The same for a wallet that has not traded for long"
    )
    max_attempts: int = Field(
        5, ge=1, le=100, description="Attempts before a token or wallet is marked failed"
    )
    retry_base_minutes: float = Field(
        5, gt=0, description="Wait after the first failed attempt; it doubles"
    )
    retry_limit_hours: float = Field(24, gt=0, description="Longest wait between attempts")

    # Automation
    automation: bool = Field(
        False,
        description="Whether sensors and schedules start switched on",
    )
    sensor_seconds: int = Field(
        30, ge=1, le=3600, description="Minimum time between two ticks of a sensor"
    )
    shards_per_run: int = Field(
        16, ge=1, le=256, description="Maximum number of contiguous shards in one run"
    )
    runs_at_once: int = Field(
        2,
        ge=1,
        le=1_000,
        description="Runs that Dagster has at work at once, on all machines; sensors divide work among them",
    )
    fetches_at_once: int = Field(
        1,
        ge=1,
        le=1_000,
        description="How many of them may fetch from BirdEye; they share its rate and its credits",
    )
    launcher: Literal["process", "celery"] = Field(
        "process",
        description="Where runs are at work: process, on the machine of the code server; celery, wherever a "
        "`smart-trader worker` waits for them",
    )
    broker_url: SecretStr | None = Field(
        None, description="Broker of the launcher celery: redis://:password@host:6379/0"
    )
    snapshot_cron: str = Field("0 9,21 * * *", description="When the token snapshot is taken, UTC")
    maintenance_cron: str = Field("30 3 * * *", description="When the tables are maintained, UTC")
    retention_hours: float = Field(
        36,
        ge=1,
        description="How long files of older versions are kept for time travel and running readers",
    )
    log_format: Literal["text", "json"] = Field(
        "text", description="json: prints the log of a run as one JSON object per line"
    )
    run_metrics_days: int = Field(
        90, ge=1, description="How long run metrics stay in ops/runs, days"
    )
    history_days: int = Field(
        30,
        ge=8,  # what has happened in a week may still be told
        description="How long Dagster keeps what it says of finished runs, days; the newest run of each "
        "partition and check stays",
    )
    park_credits_hours: float = Field(
        6, gt=0, description="How long fetching pauses once credits are spent"
    )
    park_account_hours: float = Field(
        1, gt=0, description="How long fetching pauses after a refused key or plan"
    )
    park_service_minutes: float = Field(
        5, gt=0, description="How long fetching pauses when the API is unreachable"
    )

    # Ranking: what a bet is, and what it proves
    full_bet_usd: float = Field(
        100.0, gt=0, description="Cost from which a token weighs as a whole bet, USD"
    )
    bet_return_cap: float = Field(
        300.0, gt=0, description="Return of a bet beyond which nothing more is proven, percent"
    )
    copy_cost_percent: float = Field(
        3.0, ge=0, lt=100, description="What copying a bet, in and out, costs, percent of the stake"
    )
    min_sol_coverage: float = Field(
        50.0,
        ge=0,
        le=100,
        description="Part of the cost that must be known in SOL for a return in SOL to count, percent",
    )
    prior_bets: float = Field(
        4.0,
        ge=4,
        description="Bets that what is expected beforehand is worth, one of them a total loss",
    )
    prior_returns: Annotated[tuple[float, ...], NoDecode] = Field(
        (-90.0, -50.0, -15.0, 30.0, 125.0),
        min_length=1,
        description="Returns expected of a bet where fewer other wallets are known than min_population, "
        "percent, separated by commas",
    )
    min_population: int = Field(
        20, ge=2, description="Other wallets from which what is expected is read from their bets"
    )
    copy_delays: Annotated[tuple[int, ...], NoDecode] = Field(
        (10, 60, 300),
        min_length=1,
        description="Seconds after a trader's trade that a copier comes, ascending, separated by commas",
    )
    copy_delay: int = Field(
        60, ge=1, description="The one among copy_delays by which the ranking judges, seconds"
    )
    copy_price_window_minutes: float = Field(
        10.0, gt=0, description="Minutes in which a later trade shows what the copier pays"
    )
    copy_price_min_usd: float = Field(
        1.0, ge=0, description="Size from which a trade shows a price, USD"
    )
    copy_min_priced_share: float = Field(
        50.0,
        ge=0,
        le=100,
        description="Part of the bets that must be priced for what copying earned to decide, percent",
    )
    signal_min_usd: float = Field(
        1.0,
        ge=0,
        description="Size from which a trade is a vote in gold/token_signals, and what is held a position, USD",
    )
    cluster_days: float = Field(
        90.0, gt=0, description="Days whose trades tell which wallets one hand leads"
    )
    cluster_seconds: int = Field(
        10, ge=1, le=300, description="Seconds within which two trades are close to each other"
    )
    cluster_min_tokens: int = Field(
        5, ge=3, description="Tokens in which two wallets must have come close to belong together"
    )
    trace_transfers: bool = Field(
        default=True,
        description="Whether the transfers of ranked wallets are fetched, which show who funds whom: a request "
        "a wallet",
    )
    trace_refresh_days: float = Field(
        30.0, gt=0, description="Days after which a wallet's transfers are fetched again"
    )
    list_window_days: float | None = Field(
        None,
        gt=0,
        description="Days before a list of ranked traders whose bets prove nothing; 30, or as many as the "
        "widest of candidate_lists looks back, if not set",
    )
    evidence_confidence: float = Field(
        95,
        ge=50,
        lt=100,
        description="Confidence that counts as proof, which ELITE and STRONG require, percent",
    )
    promising_confidence: float = Field(
        85, ge=0, lt=100, description="Confidence that PROMISING requires, percent"
    )

    # Ranking: tiers
    incomplete_histories: Literal["rank", "cap", "leave_out"] = Field(
        "cap",
        description="Wallets not fetched to their first trade: ranked like others, kept below the tiers "
        "that require proof, or left out",
    )
    elite_min_pnl: float = Field(10_000, ge=0, description="Minimum conservative PnL of ELITE, USD")
    elite_min_roi: float = Field(50, ge=0, description="Minimum ROI of ELITE, percent")
    elite_min_win_rate: float = Field(
        30, ge=0, le=100, description="Minimum share of bets won of ELITE, percent"
    )
    strong_min_pnl: float = Field(
        1_000, ge=0, description="Minimum conservative PnL of STRONG, USD"
    )
    strong_min_roi: float = Field(20, ge=0, description="Minimum ROI of STRONG, percent")
    strong_min_win_rate: float = Field(
        20, ge=0, le=100, description="Minimum share of bets won of STRONG, percent"
    )
    promising_min_pnl: float = Field(
        100, ge=0, description="Minimum conservative PnL of PROMISING, USD"
    )
    promising_min_roi: float = Field(10, ge=0, description="Minimum ROI of PROMISING, percent")
    promising_min_win_rate: float = Field(
        10, ge=0, le=100, description="Minimum share of bets won of PROMISING, percent"
    )

    # Ranking: what excludes a wallet
    min_coverage: float = Field(
        60, ge=0, le=100, description="Minimum coverage of a smart trader, percent"
    )
    min_closing_trades: int = Field(
        5, ge=1, description="Minimum number of closing trades to be ranked"
    )
    min_active_days: int = Field(3, ge=1, description="Minimum number of UTC days with a trade")
    max_idle_days: float = Field(
        30, gt=0, description="Maximum time since a smart trader's last trade"
    )
    bot_trades_in_day: int = Field(200, ge=1, description="Trades in one UTC day that mark a bot")
    bot_trades_daily: float = Field(100, gt=0, description="Average trades per day that mark a bot")
    min_arbitrages: int = Field(
        5, ge=1, description="Minimum number of arbitrages of an arbitrageur"
    )
    arbitrage_share: float = Field(
        25,
        gt=0,
        le=100,
        description="Share of arbitrages in all activity that marks an arbitrageur, percent",
    )
    same_block_share: float = Field(
        50,
        gt=0,
        le=100,
        description="Share of round trips within seconds that marks a machine, percent",
    )
    min_holding_minutes: float = Field(
        2.0, ge=0, description="Median holding time of closed bets below which nobody can follow"
    )
    launch_return: float = Field(
        300.0, ge=0, description="Return that a launch bet exceeds, percent"
    )
    min_launch_bets: int = Field(
        3, ge=1, description="Minimum number of launch bets of a launch insider"
    )
    launch_gain_share: float = Field(
        50.0,
        ge=0,
        le=100,
        description="Share of its gains that a launch insider exceeds with launch bets, percent",
    )
    wash_gain_share: float = Field(
        50.0,
        ge=0,
        le=100,
        description="Share of its gains that a wash group's winner exceeds with what it sold within "
        "`cluster_seconds` after a wallet of its own company had bought, percent",
    )
    max_unknown_share: float = Field(
        20.0,
        ge=0,
        le=100,
        description="Share without a known purchase in the sales behind a wallet's profit or loss beyond which "
        "that is not known, percent",
    )
    max_unmatched_ratio: float = Field(
        3.0,
        ge=0,
        description="How many times its realized PnL a trader may have sold of what it did not buy",
    )

    # Alerts
    helius_api_key: SecretStr | None = Field(
        None, validation_alias=HELIUS_KEY_VARIABLE, description="Key of the Helius account"
    )
    helius_base_url: str = Field(HELIUS_URL, description="Where the Helius API answers")
    helius_webhook_id: str | None = Field(
        None, description="Webhook whose addresses follow the ranking; alerts are off without it"
    )
    alert_tiers: Annotated[tuple[TierName, ...], NoDecode] = Field(
        ("ELITE", "STRONG"),
        min_length=1,
        description="Tiers that the webhook watches, separated by commas",
    )
    alert_limit: int = Field(
        100_000,
        ge=0,
        le=100_000,
        description="Maximum number of addresses that the webhook watches, best first; 0 empties it",
    )
    alerts_write: bool = Field(
        True, description="Whether to change the webhook; otherwise only the difference is shown"
    )

    # Shards
    token_shards: int = Field(
        4, ge=1, le=256, description="Token shards, fixed when the root is made"
    )
    wallet_shards: int = Field(
        16, ge=1, le=256, description="Wallet shards, fixed when the root is made"
    )

    @field_validator(
        "alert_tiers",
        "candidate_lists",
        "cash_mints",
        "copy_delays",
        "prior_returns",
        mode="before",
    )
    @classmethod
    def _split_list(cls, value: object, field: ValidationInfo) -> object:
        """A list in one variable, separated by commas, or none; tiers in any case."""
        if value is None:
            return ()
        if not isinstance(value, str):
            return value
        text = value.upper() if field.field_name == "alert_tiers" else value
        return [part.strip() for part in text.split(",") if part.strip()]

    @field_validator("birdeye_base_url")
    @classmethod
    def _check_url(cls, value: str) -> str:
        try:
            url = urlsplit(value)
        except ValueError:
            url = urlsplit("")
        if url.scheme not in {"http", "https"} or not url.hostname:
            raise ValueError("it is not an http or https address: mend it, or leave it out")
        return value

    @field_validator("state_url")
    @classmethod
    def _check_database(cls, value: SecretStr | None) -> SecretStr | None:
        """Shown nowhere: it holds a password."""
        if value is not None and not _is_database(value.get_secret_value()):
            raise ValueError(
                "it is not a PostgreSQL address: postgresql://user:password@host/database, with what is not a "
                "letter or a digit in the password percent-encoded"
            )
        return value

    @field_validator("broker_url")
    @classmethod
    def _check_broker(cls, value: SecretStr | None) -> SecretStr | None:
        """Shown nowhere: it holds a password."""
        if value is not None:
            scheme = value.get_secret_value().partition("://")[0]
            if scheme not in {"redis", "rediss", "amqp", "amqps", "pyamqp"}:
                raise ValueError("it is not a broker's address: redis://:password@host:6379/0")
        return value

    @field_validator("candidate_lists")
    @classmethod
    def _validate_lists(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := [name for name in value if name not in RANKED_LISTS]:
            raise ValueError(f"{unknown[0]!r} is not one of {', '.join(RANKED_LISTS)}")
        return value

    @field_validator("credit_prices", mode="before")
    @classmethod
    def _split_prices(cls, value: object) -> object:
        """`endpoint=credits`, separated by commas."""
        if not isinstance(value, str):
            return value
        return [part.strip().split("=") for part in value.split(",") if part.strip()]

    @field_validator("credit_prices")
    @classmethod
    def _validate_prices(cls, value: tuple[tuple[str, int], ...]) -> tuple[tuple[str, int], ...]:
        for endpoint, credits_ in value:
            if endpoint not in CREDIT_PRICES:
                raise ValueError(f"{endpoint!r} is not one of {', '.join(CREDIT_PRICES)}")
            if credits_ < 0:
                raise ValueError(f"the price of {endpoint} is below 0")
        return value

    @field_validator("cash_mints")
    @classmethod
    def _validate_mints(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        for mint in value:
            try:
                Pubkey.from_string(mint)
            except ValueError:
                raise ValueError(f"{mint!r} is not a base58 address of 32 bytes") from None
        return value

    @field_validator("prior_returns")
    @classmethod
    def _validate_returns(cls, value: tuple[float, ...]) -> tuple[float, ...]:
        if any(not _TOTAL_LOSS <= one < float("inf") for one in value):
            raise ValueError("a return lies between -100 percent and what is finite")
        return value

    @model_validator(mode="after")
    def _take_defaults_of_plan(self) -> Settings:
        """What the account's plan gives where the user set nothing; a stand-in has no account."""
        if self.resolved_source == "live":
            for name, value in PLANS[self.plan].defaults().items():
                if name not in self.model_fields_set:
                    self.__dict__[name] = value
        return self

    @model_validator(mode="after")
    def _validate_ranges(self) -> Settings:
        if self.list_max_liquidity < self.list_min_liquidity:
            raise ValueError("list_max_liquidity is below list_min_liquidity")
        if any(later <= one for one, later in pairwise((0, *self.copy_delays))):
            raise ValueError("copy_delays is not a list of ascending seconds above 0")
        if self.copy_delay not in self.copy_delays:
            raise ValueError("copy_delay is not one of copy_delays")
        if self.wallet_refresh_limit_hours < self.wallet_refresh_hours:
            raise ValueError("wallet_refresh_limit_hours is below wallet_refresh_hours")
        if self.launcher == "celery" and None in (self.state_url, self.broker_url):
            raise ValueError(
                f"{PREFIX}LAUNCHER=celery needs {PREFIX}STATE_URL, a PostgreSQL database, and "
                f"{PREFIX}BROKER_URL, a Redis"
            )
        if (self.storage_endpoint or "").startswith("http://") and not self.storage_allow_http:
            raise ValueError(
                f"{PREFIX}STORAGE_ENDPOINT is an http address: use https, or set "
                f"{PREFIX}STORAGE_ALLOW_HTTP=true"
            )
        if self.fetches_at_once > self.runs_at_once:
            raise ValueError("fetches_at_once is above runs_at_once")
        if self.resolved_source == "replay" and self.replay_folder is None:
            raise ValueError("replay needs replay_folder: the folder of recorded rows")
        return self

    @property
    def resolved_source(self) -> Source:
        """Where rows come from: as set, else live with a key and the sandbox without."""
        if self.source is not None:
            return self.source
        return "live" if self.birdeye_api_key is not None else "sandbox"

    @property
    def prices(self) -> dict[str, int]:
        """Credits of one request, by endpoint."""
        return {**CREDIT_PRICES, **dict(self.credit_prices)}

    def limits(self, name: str) -> bool:
        """Whether the limit of that name applies: at BirdEye, and where it was set; a stand-in has none."""
        return self.resolved_source == "live" or name in self.model_fields_set

    @property
    def resolved_list_window_days(self) -> float:
        """Days before a list of ranked traders whose bets prove nothing: by them it chose the wallet."""
        if self.list_window_days is not None:
            return self.list_window_days
        # What a stand-in happens to list changes no rule.
        asked = self.candidate_lists if self.resolved_source == "live" else ()
        return max(RANKED_LISTS[name] for name in ("30d", *asked))

    @property
    def traces_transfers(self) -> bool:
        """Whether transfers are looked at; of recorded rows there are none, unless somebody recorded them."""
        chosen = "trace_transfers" in self.model_fields_set
        return self.trace_transfers and (chosen or self.resolved_source != "replay")

    @property
    def resolved_root(self) -> str:
        """Where the tables lie."""
        return self.root or f"data/{self.resolved_source}"

    @property
    def resolved_state_dir(self) -> Path:
        """Where the credit ledger lies: beside the tables where they are local."""
        if self.state_dir is not None:
            return self.state_dir
        if "://" in self.resolved_root:
            return Path("data") / "state"
        return Path(self.resolved_root) / "ops"

    def but(self, **changes: Any) -> Settings:
        """These settings with some of them changed, validated again."""
        values = {name: getattr(self, name) for name in self.model_fields_set} | changes
        return load_settings(values)

    def now(self) -> datetime:
        """The one clock: as set, else the real time, in whole seconds of UTC."""
        moment = self.as_of or datetime.now(UTC)
        return moment.astimezone(UTC).replace(microsecond=0)


def _is_database(url: str) -> bool:
    """Whether an address is one of PostgreSQL's that can be understood in one way only."""
    try:
        parts = urlsplit(url)
        _ = parts.port
    except ValueError:
        return False
    return parts.scheme in {"postgresql", "postgresql+psycopg2"} and parts.netloc.count("@") <= 1


def load_settings(overrides: Mapping[str, Any] | None = None) -> Settings:
    """The settings of the environment, with `overrides` on top; SettingsError says what to fix, and where."""
    known = set(Settings.model_fields) - set(_KEYS)
    for variable in os.environ:
        if not variable.upper().startswith(PREFIX):
            continue
        name = variable[len(PREFIX) :].lower()
        if name in _KEYS:
            raise SettingsError(
                f"The environment variable {variable} is not a setting: keys have the names of their services. "
                f"Put it into {_KEYS[name]}."
            )
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f" Did you mean {PREFIX}{near[0].upper()}?" if near else ""
            raise SettingsError(f"The environment variable {variable} is not a setting.{hint}")
    values = {k: v for k, v in (overrides or {}).items() if v is not None}
    for name, variable in _KEYS.items():
        if name in values:
            values[variable] = values.pop(name)
    try:
        return Settings(**values)
    except ValidationError as error:
        # A value that fits none of several kinds is a problem for each of them.
        problems: dict[str, list[Any]] = {}
        for problem in error.errors():
            problems.setdefault(".".join(map(str, problem["loc"][:1])), []).append(problem)
        told = (_format_problem(place, several) for place, several in problems.items())
        raise SettingsError("; ".join(told)) from None


def _format_problem(place: str, problems: list[Any]) -> str:
    said = " or ".join(str(problem["msg"]).removeprefix("Value error, ") for problem in problems)
    if not place:
        return said
    if place in _KEYS.values():
        return f"{place}: {said}"
    if place.endswith("_url"):  # which may hold what nobody should read
        return f"{PREFIX}{place.upper()}: {said}"
    given = problems[0].get("input")
    shown = given.isoformat() if isinstance(given, date) else repr(given)
    return f"{PREFIX}{place.upper()}={shown}: {said}"
