"""The error of the room."""

from __future__ import annotations

from smart_trader_assets.errors import SmartTraderError


class StateError(SmartTraderError):
    """The state that runs share cannot be used: a file that is damaged or not writable, a database that does
    not answer, or one that keeps another root's state."""


class StateUncertainError(StateError):
    """The database was lost while it was told to keep something: it may have, or not."""
