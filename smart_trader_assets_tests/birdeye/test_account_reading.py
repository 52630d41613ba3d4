"""The account's figures, out of an answer that nobody documents."""

from datetime import UTC, datetime

import pytest

from smart_trader_assets.birdeye.account_reading import AccountReading, account_reading

STARTS, ENDS = datetime(2026, 6, 20, tzinfo=UTC), datetime(2026, 7, 20, tzinfo=UTC)


@pytest.mark.parametrize(
    ("data", "read"),
    [
        ({"usage": 12, "remaining": "29988"}, AccountReading(12, 29_988)),
        (
            {"usage": {"api": 10, "ws": 2, "total": 12}, "remaining": {"total": 29_988.0}},
            AccountReading(12, 29_988),
        ),
        ({"usage": {"http": 10, "ws": 2}, "remaining": 1}, AccountReading(12, 1)),
        (
            {
                "used_credits": 5,
                "remaining_credits": 7,
                "cycle": {
                    "start_time": int(STARTS.timestamp()),
                    "end_time": int(ENDS.timestamp() * 1000),
                },
            },
            AccountReading(5, 7, STARTS, ENDS),
        ),
        (
            {"usage": 5, "remaining": 7, "from": "2026-06-20T00:00:00Z", "to": "2026-07-20"},
            AccountReading(5, 7, STARTS, ENDS),
        ),
        # A cycle that ends before it begins is none; what is no number is no figure.
        ({"usage": 5, "remaining": 7, "from": 200, "to": 100}, AccountReading(5, 7)),
        ({"usage": "many", "remaining": 7}, None),
        ({"usage": 5}, None),
        ({"usage": True, "remaining": 7}, None),
        ({"usage": -5, "remaining": 7}, None),
        ([], None),
        (None, None),
    ],
)
def test_what_the_answers_names_say_is_read(data, read):
    assert account_reading(data) == read
