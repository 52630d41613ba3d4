"""Storage failures, in one sentence and without the credentials that the storage was reached with.

The libraries below report them as several kinds of errors and in many lines, with the whole answer of an
object store inside. Some stores repeat what they were sent: AWS the session token that has expired.
"""

from __future__ import annotations

import errno
import os
import re
from collections.abc import Iterator, Mapping
from contextlib import contextmanager

from deltalake.exceptions import CommitFailedError, DeltaError
from obstore.exceptions import BaseError
from polars.exceptions import PolarsError

from smart_trader_assets.delta.errors import StorageError
from smart_trader_assets.text import without

# What the environment calls a credential, and what the storage options call it.
CREDENTIALS: Mapping[str, str] = {
    "AWS_ACCESS_KEY_ID": "access_key_id",
    "AWS_SECRET_ACCESS_KEY": "secret_access_key",
    "AWS_SESSION_TOKEN": "session_token",
    "GOOGLE_SERVICE_ACCOUNT": "google_service_account",
    "AZURE_STORAGE_ACCOUNT_KEY": "azure_storage_account_key",
    "AZURE_STORAGE_SAS_TOKEN": "azure_storage_sas_token",
}

LIBRARY_ERRORS = (OSError, DeltaError, PolarsError, BaseError)
"""As what the libraries below report that a storage has failed, and other things."""

_LONGEST_REASON = 300

# What delta-rs decorates its chains of errors with.
_DECORATION = re.compile(r"\x1b\[[0-9;]*m|↳")

_BACKTRACE = re.compile(r"\s*\b0: (?:<unknown>|\w+::|std::|core::).*")
"""What delta-rs puts behind some errors: the frames of its own stack."""

_STORAGE = re.compile(
    r"Generic (?!DeltaTable)\w+ error|object.store error|\(os error \d+\)", re.IGNORECASE
)
_ERRNO = frozenset({errno.ENOSPC, errno.EFBIG, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EIO})

# The first that is found in what the storage said.
_REMEDIES: Mapping[str, str] = {
    r"Expired\w*|TokenRefreshRequired": "the credentials have expired: renew them",
    r"InvalidAccessKeyId|SignatureDoesNotMatch|InvalidToken": "the object store does not know the "
    "credentials: check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN",
    "AccessDenied|lacked the necessary privileges|403 Forbidden": "the credentials do not allow that: "
    "let them list, read, write and delete there",
    "NoSuchBucket": "the bucket does not exist: make it, or use another one",
    r"\w*Redirect|redirect without LOCATION|AuthorizationHeaderMalformed": "the bucket is somewhere "
    "else: set SMART_TRADER_STORAGE_REGION and SMART_TRADER_STORAGE_ENDPOINT to where it is",
    r"\(Connect\)|Connection refused|dns error": "the endpoint does not answer, or redirects: "
    "check SMART_TRADER_STORAGE_ENDPOINT and the network",
    "No space left|Disk quota": "the disk is full: make room",
    "File too large": "the file would exceed the size limit here: raise the limit",
    "Read-only|Permission denied": "the folder is not writable: fix its permissions",
}


def reason(error: BaseException) -> str:
    """What `error` says about the storage and what to do, without a full stop and without a credential."""
    said = " ".join(_DECORATION.sub(" ", str(error)).split())
    for pattern, remedy in _REMEDIES.items():
        if found := re.search(pattern, said):
            return f"{remedy} ({found[0].strip('()')})"
    said = _BACKTRACE.sub("", said)
    return without_credentials(said)[:_LONGEST_REASON].rstrip(".: ")


def without_credentials(text: str) -> str:
    """`text` with *** for every credential of the environment."""
    return without((os.environ.get(name, "") for name in CREDENTIALS), text)


def is_storage_error(error: BaseException) -> bool:
    """Whether `error`, raised by one of the libraries below, is a failure of the storage."""
    if isinstance(error, CommitFailedError):  # another writer was faster
        return False
    if isinstance(error, OSError) and error.errno in _ERRNO:
        return True
    if isinstance(error, BaseError):  # of the client that only ever speaks to the storage
        return True
    return isinstance(error, LIBRARY_ERRORS) and bool(_STORAGE.search(str(error)))


def is_panic(error: BaseException) -> bool:
    """Whether a library below has broken off where it never should: Polars does so over a cut file. It is no
    Exception, so that nobody goes on after it by accident."""
    return type(error).__name__ == "PanicException"


@contextmanager
def translate_storage_errors(what: str) -> Iterator[None]:
    """Raise failures of the storage while `what` as StorageError; other errors stay as they are."""
    try:
        yield
    except LIBRARY_ERRORS as error:
        if not is_storage_error(error):
            raise
        # Without its cause, which holds all that the store said and would be kept with the run.
        raise StorageError(
            f"The storage failed while {what}: {reason(error)}. "
            "What is done stays done, the rest is still due: run it again."
        ) from None
    except BaseException as error:
        if not is_panic(error):
            raise
        raise StorageError(
            f"A data file cannot be read while {what} ({reason(error)}): `smart-trader doctor` names files "
            "that are not as they were written. What is done stays done."
        ) from None
