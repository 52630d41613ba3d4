"""A stand-in for BirdEye, and for the webhooks of Helius: a real HTTP server over a generated market or
over recorded rows."""

from smart_trader_assets.sandbox.account import SandboxPlan, WebhookBook
from smart_trader_assets.sandbox.application import create_app
from smart_trader_assets.sandbox.errors import ControlError, RecordingError, SandboxError
from smart_trader_assets.sandbox.faults import Fault, FaultKind
from smart_trader_assets.sandbox.generated import SKILLS, Character, GeneratedMarket, Truth
from smart_trader_assets.sandbox.recorded_answers import RecordedAnswers
from smart_trader_assets.sandbox.recording import Recording, RecordingProblem
from smart_trader_assets.sandbox.sandbox import SandboxClock
from smart_trader_assets.sandbox.server import SandboxServer, serve
from smart_trader_assets.sandbox.source import MarketSource, MintPrice, SwapItem
from smart_trader_assets.sandbox.wire import Endpoint, HeliusEndpoint

__all__ = [
    "SKILLS",
    "Character",
    "ControlError",
    "Endpoint",
    "Fault",
    "FaultKind",
    "GeneratedMarket",
    "HeliusEndpoint",
    "MarketSource",
    "MintPrice",
    "RecordedAnswers",
    "Recording",
    "RecordingError",
    "RecordingProblem",
    "SandboxClock",
    "SandboxError",
    "SandboxPlan",
    "SandboxServer",
    "SwapItem",
    "Truth",
    "WebhookBook",
    "create_app",
    "serve",
]
