"""What the Delta layer refuses."""

from smart_trader_assets.errors import SmartTraderError


class LakeError(SmartTraderError):
    """Anything that is wrong with the root or its tables."""


class RootError(LakeError):
    """The root cannot be used: unwritable, holding something else, or of another source or shape."""


class RootOutgrownError(RootError):
    """The root was made by an earlier version: an upgrade brings it along."""


class UpgradeError(LakeError):
    """The root cannot be upgraded now; nothing was changed."""


class StorageError(LakeError):
    """The storage does not answer, refuses, or holds something that cannot be read."""


class TableMissingError(LakeError):
    """A table that the root has promised is not there."""


class TableMismatchError(LakeError):
    """A table exists but is not what its contract says."""


class TableOutgrownError(TableMismatchError):
    """A table lacks nothing but columns that its contract has gained since: an upgrade adds them."""


class FrameError(LakeError):
    """A frame breaks the contract of the table that it was meant for; nothing was written."""


class CommitConflictError(LakeError):
    """A commit lost against other writers too many times; its rows are still due."""


class CommitRefusedError(LakeError):
    """The table itself refuses a commit, whoever writes first: trying again would change nothing."""


class OvertakenError(LakeError):
    """Another run has written for the same asset and partition since this run read; nothing was
    written for it."""


class FenceError(LakeError):
    """A step writes to a table that its fence does not know: a mistake in the code."""
