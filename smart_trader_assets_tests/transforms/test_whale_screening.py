from dataclasses import replace

import polars as pl
import pytest
from solders.keypair import Keypair
from solders.pubkey import Pubkey

from smart_trader_assets.transforms.known_addresses import KNOWN_OWNERS
from smart_trader_assets.transforms.whale_screening import ScreeningRules, screen_whales
from smart_trader_assets_tests.support.defaults import SCREENING

TRADER = str(Keypair.from_seed(bytes(range(32))).pubkey())
PROGRAM = Pubkey.from_string("TokenkegQfeZyiNwAJbNbGKPFXCWuBvf9Ss623VQ5DA")
VAULT = str(Pubkey.find_program_address([b"vault"], PROGRAM)[0])
GATE = "u6PJ8DtQuPFnfmwHbGFULQ4u4EgjDiyYKjVEsynXq2w"
RAYDIUM = "5Q544fKrFoe6tsEbD7S8EmxGTJYAKtTVhAW5Q5pge4j1"


def reasons(
    *whales: tuple[str, float | None], rules: ScreeningRules | None = None
) -> list[str | None]:
    rows = pl.DataFrame(
        whales, schema={"wallet_address": pl.String, "holding_usd": pl.Float64}, orient="row"
    )
    return screen_whales(rows, rules=rules or SCREENING)["exclude_reason"].to_list()


def test_a_trader_with_a_holding_of_worth_is_ready():
    assert reasons((TRADER, 1_000.0), (TRADER, 5e9)) == [None, None]


def test_an_unknown_worth_is_no_dust():
    assert reasons((TRADER, None), (TRADER, float("nan"))) == [None, None]


@pytest.mark.parametrize(
    ("whale", "reason"),
    [
        ((GATE, 5e6), "The owner is on the denylist: Gate."),
        (
            (VAULT, 5e6),
            "The owner is off the ed25519 curve: an address derived by a program, not a person's.",
        ),
        (("not an address", 5e6), "The owner is not a base58 address of 32 bytes."),
        ((TRADER, 999.999), "The holding is worth 999.999 USD, less than 1,000.00 USD."),
        ((TRADER, 0.0), "The holding is worth 0.00 USD, less than 1,000.00 USD."),
    ],
)
def test_who_is_no_trader_is_excluded_in_words(whale, reason):
    assert reasons(whale, (TRADER, 2_000.0)) == [reason, None]


def test_of_several_reasons_the_first_rule_speaks():
    off_curve_and_listed, off_curve_and_dust = (RAYDIUM, 1.0), (VAULT, 1.0)
    assert not Pubkey.from_string(RAYDIUM).is_on_curve()
    found = reasons(off_curve_and_listed, off_curve_and_dust)
    assert found[0] == "The owner is on the denylist: Raydium authority."
    assert str(found[1]).startswith("The owner is off the ed25519 curve")


def test_the_rules_can_be_set():
    rules = ScreeningRules(denylist={TRADER: "ourselves"}, min_holding_usd=0, allow_off_curve=True)
    assert reasons((TRADER, 0.0), (GATE, 0.0), (VAULT, 0.0), rules=rules) == [
        "The owner is on the denylist: ourselves.",
        None,
        None,
    ]


def test_known_owners_are_addresses():
    for owner in KNOWN_OWNERS:
        assert str(Pubkey.from_string(owner)) == owner


def test_no_whales_are_screened_to_no_rows():
    assert reasons() == []


def test_the_version_is_what_tables_already_hold():
    rules = ScreeningRules(denylist={"b": "Bob", "a": "Ann"}, min_holding_usd=5)
    assert rules.version == "6a103eb689f6"


def test_the_version_is_of_the_content_and_not_of_its_spelling():
    one = ScreeningRules(denylist={"a": "Ann", "b": "Bob"}, min_holding_usd=5)
    same = ScreeningRules(denylist={"b": "Bob", "a": "Ann"}, min_holding_usd=5.0)
    assert one.version == same.version


@pytest.mark.parametrize(
    "other",
    [
        replace(SCREENING, denylist={}),
        replace(SCREENING, denylist={**KNOWN_OWNERS, GATE: "Gate.io"}),
        replace(SCREENING, min_holding_usd=1_000.01),
        replace(SCREENING, allow_off_curve=True),
    ],
)
def test_other_rules_have_another_version(other):
    assert other.version != SCREENING.version
