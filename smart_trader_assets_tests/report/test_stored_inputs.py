"""What the PnL table remembers is what its numbers were calculated from."""

from datetime import timedelta

import polars as pl

from smart_trader_assets.pnl import ALL_TOKENS
from smart_trader_assets.report.stored_inputs import stored_histories, stored_marks
from smart_trader_assets_tests.support.tiny_market import ANN, BOB, CAT, DOG, NOW

TIME = pl.Datetime("us", "UTC")
EARLIER = NOW - timedelta(days=1)
ROWS = pl.DataFrame(
    [
        (ANN, ALL_TOKENS, None, None, None, None, True, EARLIER),
        (ANN, CAT, 2.0, NOW, "token_list", 9.0, True, EARLIER),
        (ANN, DOG, 3.0, NOW, "own_trade", 8.0, True, EARLIER),
        (BOB, ALL_TOKENS, None, None, None, None, False, None),
        (BOB, CAT, 2.0, NOW, "token_list", 9.0, False, None),
        (BOB, DOG, 3.0, NOW, "table_trade", None, False, None),
    ],
    schema={
        "wallet_address": pl.String,
        "token_address": pl.String,
        "mark_price": pl.Float64,
        "marked_at": TIME,
        "mark_source": pl.String,
        "liquidity": pl.Float64,
        "history_complete": pl.Boolean,
        "known_to": TIME,
    },
    orient="row",
)


def test_the_trade_of_a_wallet_marks_no_other_wallets_tokens_as_its_own():
    marks = stored_marks(ROWS).sort("token_address", "source").drop("marked_at")
    told = {(row[0], row[2]): (row[1], row[3]) for row in marks.rows()}
    assert told == {
        (CAT, "token_list"): (2.0, 9.0),
        (DOG, "own_trade"): (None, 8.0),
        (DOG, "table_trade"): (3.0, None),
    }
    assert marks.height == 3


def test_a_history_is_known_as_far_as_it_was_then():
    assert stored_histories(ROWS).rows() == [(ANN, True, EARLIER), (BOB, False, None)]
