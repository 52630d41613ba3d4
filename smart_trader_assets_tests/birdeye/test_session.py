"""The way to BirdEye for one run: the key, the budgets, and whose trouble is whose."""

import asyncio

import pytest

from smart_trader_assets.assets.fetching import fetch_cost
from smart_trader_assets.birdeye import (
    BudgetSpentError,
    CreditsSpentError,
    HolderList,
    MissingKeyError,
    NotFoundError,
)
from smart_trader_assets.birdeye.circuit_breaker import read_breaker
from smart_trader_assets.birdeye.ledger import LEDGER
from smart_trader_assets.birdeye.rate_gate import RATE
from smart_trader_assets.birdeye.responses import Page
from smart_trader_assets.birdeye.session import (
    BirdEyeAccess,
    FetchSession,
    Outcomes,
    _side_by_side,
)
from smart_trader_assets.birdeye.swap_walk import SwapHistory, SwapWalk
from smart_trader_assets.lake.run_metrics import FETCH_SECONDS
from smart_trader_assets.sandbox import Endpoint, Fault, FaultKind
from smart_trader_assets.settings import LIVE_URL, SettingsError, load_settings
from smart_trader_assets.state.shared_state import state_of
from smart_trader_assets_tests.birdeye.swap_service import row
from smart_trader_assets_tests.support.tiny_market import CAT, DOG, FOX

HOLDERS = Endpoint.HOLDERS


def holders_of(session: FetchSession, *mints: str) -> Outcomes[HolderList]:
    return session.fetch_all([session.client.token_holders(mint, top=10) for mint in mints])


def spent(session: FetchSession) -> dict[str, float]:
    """What the session has cost, without the time that it has waited."""
    return {name: metric for name, metric in fetch_cost(session).items() if name != FETCH_SECONDS}


def test_a_live_run_without_a_key_ends_before_any_request(pipeline, monkeypatch):
    monkeypatch.delenv("BIRDEYE_API_KEY", raising=False)
    settings = load_settings(
        {"source": "live", "root": str(pipeline.root), "birdeye_base_url": pipeline.server.base_url}
    )
    with (
        pytest.raises(MissingKeyError, match=r"BIRDEYE_API_KEY.*--sandbox"),
        BirdEyeAccess(settings).session("run"),
    ):
        pytest.fail("a session was opened")
    assert pipeline.server.requests.total() == 0


def test_invented_wallets_are_never_asked_of_birdeye_itself(tmp_path):
    settings = load_settings({"source": "sandbox", "root": str(tmp_path)})
    assert settings.birdeye_base_url == LIVE_URL
    with (
        pytest.raises(SettingsError, match="SMART_TRADER_BIRDEYE_BASE_URL"),
        BirdEyeAccess(settings).session("run"),
    ):
        pytest.fail("a session was opened")


def test_results_come_in_the_order_of_the_calls_and_an_entity_s_trouble_is_its_own(pipeline):
    pipeline.server.faults.add(Fault(FaultKind.NOT_FOUND, entity=DOG, times=None))
    with BirdEyeAccess(pipeline.settings()).session("run") as session:
        outcomes = holders_of(session, CAT, DOG, FOX)
        outcomes.raise_if_stopped()
        cat, dog, fox = outcomes.results
    assert isinstance(cat, HolderList)
    assert {item["mint"] for item in cat.items} == {CAT}
    assert isinstance(dog, NotFoundError)
    assert DOG in str(dog)
    assert isinstance(fox, HolderList)
    assert {item["mint"] for item in fox.items} == {FOX}


def test_trouble_of_the_account_gives_up_the_rest_and_keeps_what_has_arrived(pipeline):
    pipeline.server.faults.add(
        Fault(FaultKind.CREDITS_SPENT, endpoint=HOLDERS, after=1, times=None)
    )
    settings = pipeline.settings(request_concurrency=1)
    with BirdEyeAccess(settings).session("run") as session:
        outcomes = holders_of(session, CAT, DOG, FOX)
    arrived = [result for result in outcomes.results if result is not None]
    assert len(arrived) == 1
    assert isinstance(arrived[0], HolderList)
    assert isinstance(outcomes.stopped, CreditsSpentError)
    with pytest.raises(CreditsSpentError):
        outcomes.raise_if_stopped()


def test_what_a_walk_had_read_before_it_was_given_up_is_paid_for_and_kept():
    first_page = asyncio.Event()

    async def page(*, before_time: int, offset: int) -> Page:
        if first_page.is_set():
            await asyncio.Event().wait()
        first_page.set()
        return Page.model_validate({"items": [row(9, "a"), row(8, "b")], "has_next": True})

    walk = SwapWalk(
        page, page_size=2, before=10, floor=None, entity="w", endpoint="swaps", redact=str
    )

    async def spent() -> SwapHistory:
        await first_page.wait()
        raise CreditsSpentError("spent")

    async def both() -> Outcomes[SwapHistory]:
        return await _side_by_side([walk.run(5), spent()])

    outcomes = asyncio.run(both())
    kept, given_up = outcomes.results
    assert isinstance(kept, SwapHistory)
    assert ([item["tx_hash"] for item in kept.items], kept.resume_before) == (["a"], 9)
    assert given_up is None
    assert isinstance(outcomes.stopped, CreditsSpentError)


def test_an_account_that_cannot_be_asked_about_itself_stops_nothing(pipeline):
    nowhere = pipeline.settings(read_account=True, birdeye_base_url="http://127.0.0.1:9")
    with BirdEyeAccess(nowhere).session("run") as session:
        assert session.affords(100)
    assert read_breaker(state_of(nowhere), now=nowhere.now()) is None


def test_a_spent_budget_lets_what_was_sent_arrive(pipeline):
    with BirdEyeAccess(pipeline.settings(credits_per_run=100)).session("run") as session:
        outcomes = holders_of(session, CAT, DOG, FOX)
    assert [isinstance(result, HolderList) for result in outcomes.results] == [True, True, False]
    assert isinstance(outcomes.stopped, BudgetSpentError)
    assert pipeline.server.requests[HOLDERS.value] == 2


def test_no_calls_are_no_requests(pipeline):
    with BirdEyeAccess(pipeline.settings()).session("run") as session:
        outcomes: Outcomes[HolderList] = session.fetch_all([])
        assert (outcomes.results, outcomes.stopped) == ([], None)
        assert spent(session) == {}
    assert pipeline.server.requests.total() == 0


def test_sessions_of_one_budget_share_its_credits_and_others_do_not(pipeline):
    access = BirdEyeAccess(pipeline.settings(credits_per_run=100))
    with access.session("one") as session:
        holders_of(session, CAT, DOG).raise_if_stopped()
        assert spent(session) == {"requests token_holder": 2, "credits token_holder": 100}
    with access.session("one") as session:
        assert isinstance(holders_of(session, FOX).stopped, BudgetSpentError)
    with access.session("another") as session:
        holders_of(session, FOX).raise_if_stopped()
        assert spent(session) == {"requests token_holder": 1, "credits token_holder": 50}
    assert pipeline.server.requests[HOLDERS.value] == 3


def test_only_a_live_account_is_throttled_across_processes(pipeline, tmp_path):
    live = pipeline.settings()
    with BirdEyeAccess(live).session("run"):
        assert (live.resolved_state_dir / f"{RATE}.sqlite").exists()
        assert (live.resolved_state_dir / f"{LEDGER}.sqlite").exists()
    invented = load_settings(
        {
            "source": "sandbox",
            "root": str(tmp_path / "invented"),
            "birdeye_base_url": pipeline.server.base_url,
        }
    )
    with BirdEyeAccess(invented).session("run") as session:
        holders_of(session, CAT).raise_if_stopped()
        assert not (invented.resolved_state_dir / f"{RATE}.sqlite").exists()
