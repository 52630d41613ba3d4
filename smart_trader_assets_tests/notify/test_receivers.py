"""Receivers: what they take, how they refuse, and that nobody learns their addresses."""

from __future__ import annotations

import logging
import time

import pytest
from pydantic import SecretStr

from smart_trader_assets.notify import NotificationError, ReceiverError, receivers_of
from smart_trader_assets_tests.notify.receiving import TOKEN, Postbox


def one(url: str):
    (receiver,) = receivers_of(SecretStr(url))
    return receiver


def test_a_message_arrives_as_it_is(box: Postbox):
    receiver = one(box.url())
    receiver.send("A title", "One line\nand another, 100 %", timeout=10)
    assert box.texts() == ["A title\nOne line\nand another, 100 %"]
    assert receiver.name.startswith("json-")
    assert receiver.service == "JSON"


@pytest.mark.parametrize("between", [" ", ",", "\n", " , ", ", "])
def test_several_urls_are_several_receivers_each_once(box: Postbox, between):
    urls = between.join([box.url("a"), box.url("b"), box.url("a")])
    names = [receiver.name for receiver in receivers_of(SecretStr(urls))]
    assert len(names) == len(set(names)) == 2


def test_without_a_url_there_is_none():
    assert receivers_of(None) == ()
    assert receivers_of(SecretStr("  ")) == ()


@pytest.mark.parametrize(
    "url", [f"nope://{TOKEN}", f"discord://{TOKEN}", TOKEN, f"http:{TOKEN}", "tgram://"]
)
def test_a_url_that_nobody_knows_is_named_by_its_place_and_kind_alone(box: Postbox, url, caplog):
    with pytest.raises(NotificationError) as error:
        receivers_of(SecretStr(f"{box.url()} {url}"))
    assert "URL 2 in SMART_TRADER_NOTIFY_URLS" in str(error.value)
    assert TOKEN not in str(error.value) + caplog.text


@pytest.mark.parametrize(
    ("status", "said"),
    [(401, "mend it in SMART_TRADER_NOTIFY_URLS"), (404, "mend it"), (429, "429"), (500, "500")],
)
def test_a_refusal_says_why_and_not_where(box: Postbox, status, said, caplog):
    box.answers["box"] = [status]
    receiver = one(box.url())
    with caplog.at_level(logging.DEBUG), pytest.raises(ReceiverError) as error:
        receiver.send("t", "b", timeout=10)
    assert said in str(error.value)
    assert TOKEN not in f"{error.value} {receiver} {caplog.text}"


def test_who_is_not_there_is_told(box: Postbox):
    receiver = one(f"json://127.0.0.1:1/{TOKEN}")
    with pytest.raises(ReceiverError, match="did not take it") as error:
        receiver.send("t", "b", timeout=10)
    assert TOKEN not in str(error.value)


@pytest.mark.parametrize(
    ("url", "why"),
    [
        ("mailtos://u:p@example.com?to=a@example.com,b@example.com", "leads to 2 places"),
        ("tgram://123456789:ABCdefGHIjklMNOpqrSTUvwxYZ123456789/12/34", "leads to 2 places"),
        ("bluesky://handle@app-password", "too little for a message"),
    ],
)
def test_a_url_by_which_a_message_could_come_twice_or_in_pieces_is_refused(url, why):
    with pytest.raises(NotificationError, match=why):
        receivers_of(SecretStr(url))


def test_what_a_plugin_raises_is_told_by_its_kind_alone(box: Postbox, monkeypatch, capsys):
    receiver = one(box.url())

    def broken(**_: object) -> bool:
        raise ValueError(f"http://{TOKEN}")

    monkeypatch.setattr(receiver._plugin, "notify", broken)
    with pytest.raises(ReceiverError, match="ValueError") as error:
        receiver.send("t", "b", timeout=5)
    said = capsys.readouterr()
    assert TOKEN not in f"{error.value}{said.out}{said.err}"


@pytest.mark.parametrize("way", ["hang", "drip"])
def test_who_gives_no_answer_is_not_waited_for(box: Postbox, way):
    began = time.monotonic()
    with pytest.raises(ReceiverError, match="no answer within 1 seconds"):
        one(box.url(way)).send("t", "b", timeout=1)
    # Its own timeouts are four seconds and more; half a minute is what the postbox would take.
    assert time.monotonic() - began < 25
