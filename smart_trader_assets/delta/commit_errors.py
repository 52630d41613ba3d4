"""Why a table refused a commit: another writer was faster, or the table does not allow what was asked.

delta-rs reports both as the same kind of error, and tells them apart in words.
"""

from __future__ import annotations

import re
from collections.abc import Mapping

from deltalake.exceptions import CommitFailedError

from smart_trader_assets.delta.storage_errors import reason

_CONFLICT = re.compile(
    r"concurrent|changed since last commit|existing table version|Exceeded max|maximum number of attempts|"
    # Of a commit that is not tried again.
    r"Failed to commit transaction: \d+$",
    re.IGNORECASE,
)

# The first that is found in what delta-rs said.
_REFUSALS: Mapping[str, str] = {
    "append-only": "the table is append-only, so that no state can be moved: another program has set "
    "delta.appendOnly; set it to false",
    "features required|reader version|writer version": "the table asks for Delta features that this "
    "version cannot write: another program has raised its protocol; restore it to a version before that",
    "failed validation check|Check or Invariant|constraint": "a row breaks a constraint of the table: "
    "remove the constraint if another program has added it, and report the row otherwise",
}


def is_conflict(error: BaseException) -> bool:
    """Whether a commit failed only because another writer was faster: done again, it may succeed."""
    said = str(error)
    refused = any(re.search(pattern, said, re.IGNORECASE) for pattern in _REFUSALS)
    return isinstance(error, CommitFailedError) and bool(_CONFLICT.search(said)) and not refused


def refusal(error: BaseException) -> str:
    """What the table refused and what to do: a sentence or two, without credentials."""
    said = reason(error)
    for pattern, remedy in _REFUSALS.items():
        if re.search(pattern, str(error), re.IGNORECASE):
            return f"{remedy} ({said}). Nothing was written, and the rows are still due."
    return f"the commit failed ({said}). What was not written is still due; doing it again doubles nothing."
