"""Which shared state a root belongs to: an object in the root says so, and any other one is refused.

Two deployments on one root would each have a ledger, a rate and locks of their own, and none would notice.
"""

from __future__ import annotations

import json
from pathlib import Path
from typing import Final

import obstore
from obstore.exceptions import AlreadyExistsError

from smart_trader_assets.delta.location import check_place, is_remote, open_objects
from smart_trader_assets.delta.storage_errors import translate_storage_errors
from smart_trader_assets.lake.resource import LakeResource
from smart_trader_assets.state.errors import StateError
from smart_trader_assets.state.shared_state import SharedState

MARK: Final = "ops/deployment.json"


def claim_root(lake: LakeResource, state: SharedState) -> None:
    """Note in the root that it belongs to `state`, and there that it is of this root; StateError where either
    belongs to another one, RootError where the root cannot be one.

    Files beside a local root need no note, and none is made for them.
    """
    told = read_mark(lake)
    if told is None and state.deployment is not None:
        store = lake.unchecked_store
        check_place(store.root, store.storage_options)
        told = _noted(lake, state)
    _compare(lake, state, told)
    state.claim()


def check_mark(lake: LakeResource, state: SharedState) -> None:
    """StateError where the root belongs to another state than `state`; it notes nothing."""
    _compare(lake, state, read_mark(lake))


def _compare(lake: LakeResource, state: SharedState, told: dict[str, str] | None) -> None:
    if told is None or told["id"] == state.deployment:
        return
    raise StateError(
        f"The root {lake.root} is worked on by a deployment whose shared state is in {told['place']}, and not "
        f"with that of this process ({state.place}): set SMART_TRADER_STATE_URL to that database. Where it is "
        f"gone for good, and nobody else works on the root, remove {_place(lake)}."
    )


def read_mark(lake: LakeResource) -> dict[str, str] | None:
    """What the root says about the state that it belongs to; None where it says nothing."""
    # Without asking a library: most roots are folders, and have none.
    if not is_remote(lake.root) and not (Path(lake.root) / MARK).is_file():
        return None
    store = lake.unchecked_store
    with translate_storage_errors("looking which deployment the root belongs to"):
        try:
            found = obstore.get(open_objects(store.root, store.storage_options), MARK).bytes()
        except FileNotFoundError:
            return None
    try:
        told = json.loads(bytes(found))
        return {"id": str(told["id"]), "place": str(told["place"])}
    except (ValueError, TypeError, KeyError):
        raise StateError(
            f"{_place(lake)} cannot be understood: remove it, once nobody else works on the root."
        ) from None


def _place(lake: LakeResource) -> str:
    return f"{lake.root.rstrip('/')}/{MARK}"


def _noted(lake: LakeResource, state: SharedState) -> dict[str, str] | None:
    """Whose note stands there now: ours, or that of who was faster."""
    mine = {"id": state.deployment or "", "place": state.place}
    store = lake.unchecked_store
    objects = open_objects(store.root, store.storage_options)
    with translate_storage_errors("noting which deployment the root belongs to"):
        try:
            obstore.put(objects, MARK, json.dumps(mine).encode(), mode="create")
        except AlreadyExistsError:
            return read_mark(lake)
    return mine
