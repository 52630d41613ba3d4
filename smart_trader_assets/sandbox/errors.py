"""What the stand-in refuses to start with or to do."""

from smart_trader_assets.errors import SmartTraderError


class SandboxError(SmartTraderError):
    """Anything that the stand-in of BirdEye cannot do."""


class RecordingError(SandboxError):
    """A folder of recorded swap rows that holds nothing to serve."""


class ControlError(SandboxError):
    """A fault, a plan or a time that was asked for and that makes no sense."""
