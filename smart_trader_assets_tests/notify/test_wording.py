"""Whatever others write into a name, no message has markup, a mention or a link in it that we did not write."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smart_trader_assets.notify.wording import (
    Message,
    News,
    combined,
    harmless,
    named_token,
    single,
)
from smart_trader_assets_tests.support.samples import NOW

MEANINGFUL = set("<>&*_`[](){}~|#\\/@:.!$=+^\"'\n\r,;…“”")
MINT = "So11111111111111111111111111111111111111112"


@given(st.text(max_size=200), st.integers(1, 60))
def test_nothing_of_it_means_anything_to_a_receiver(text, longest):
    shown = harmless(text, longest)
    assert not set(shown) & MEANINGFUL
    assert len(shown) <= longest
    assert all(unicodedata.category(sign)[0] != "C" for sign in shown)


@pytest.mark.parametrize(
    ("symbol", "shown"),
    [
        ("CAT", "“CAT” So11…1112"),
        ("<b>x</b>", "“‹b›x‹⁄b›” So11…1112"),
        ("@everyone", "“◦everyone” So11…1112"),
        ("claim-me.xyz", "“claim-me·xyz” So11…1112"),
        ("claim。xyz", "“claim·xyz” So11…1112"),
        ("https://x.y", "“https꞉⁄⁄x·y” So11…1112"),
        ("[a](http://b)", "“［a］（http꞉⁄⁄b）” So11…1112"),
        ("USDC, EPjF…Dt1v", "“USDC‚ EPjF‥Dt1v” So11…1112"),
        ("X” EPjF…Dt1v", "“X’ EPjF‥Dt1v” So11…1112"),
        ("\u202eTAC", "“TAC” So11…1112"),
        ("\u200b", "So11…1112"),
        (None, "So11…1112"),
        ("A" * 4_000, "“" + "A" * 23 + "‥” So11…1112"),
    ],
)
def test_a_symbol_stands_beside_its_mint(symbol, shown):
    assert named_token(MINT, symbol) == shown


def test_the_same_news_has_the_same_id_however_it_is_worded():
    first, again = News("tiers", "w 1", NOW, "one"), News("tiers", "w 1", NOW, "two", "body")
    assert first.event_id == again.event_id
    others = {News("tiers", "w 2", NOW, "one").event_id, News("trades", "w 1", NOW, "x").event_id}
    assert first.event_id not in others
    assert len(others) == 2


def row(number: int) -> dict[str, str]:
    return {
        "event_id": f"{number:016x}",
        "title": f"News {number}",
        "body": "More." if number % 2 else "",
        "happened_at": "01 Mar 09:00",
    }


def test_a_message_about_one_thing_ends_with_its_id():
    told = Message("r", (f"{1:016x}",), "News 1", f"More.\nid {1:016x}")
    assert single("r", row(1), 300) == told
    assert single("r", row(2), 300).body == f"id {2:016x}"
    assert told.message_id == f"{1:016x}"


def test_one_that_is_too_long_is_cut_and_keeps_its_id():
    body = single("r", row(1) | {"body": "x" * 900}, 300).body
    assert len(body) == 300
    assert body.endswith(f"xx\nid {1:016x}")


def test_no_word_of_ours_opens_a_tag():
    told = single("r", row(1) | {"title": "<1 % & more", "body": "`reset a_b` <x>"}, 300)
    assert (told.title, told.body[:15]) == ("‹1 % ＆ more", "`reset a_b` ‹x›")


@given(st.integers(0, 60), st.integers(60, 2_000))
def test_several_are_told_in_as_few_messages_as_hold_them_each_with_its_id(number, longest):
    rows = [row(index) for index in range(number)]
    messages = combined("r", rows, longest)
    assert [event for message in messages for event in message.event_ids] == [
        one["event_id"] for one in rows
    ]
    for message in messages:
        assert len(message.body) <= longest
        assert all(f"id {event}" in message.body for event in message.event_ids)
        assert message.title == f"{len(message.event_ids)} messages in one"
    assert len({message.message_id for message in messages}) == len(messages)
