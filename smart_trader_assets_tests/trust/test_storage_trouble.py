"""What a storage says of its trouble becomes one sentence with a remedy, and shows no credential."""

from __future__ import annotations

import errno

import pytest
from deltalake.exceptions import CommitFailedError, DeltaError
from polars.exceptions import ComputeError

from smart_trader_assets.delta.errors import StorageError
from smart_trader_assets.delta.storage_errors import reason, translate_storage_errors

SECRET = "secret-that-nobody-may-read"


@pytest.mark.parametrize(
    ("error", "remedy"),
    [
        (DeltaError("Generic S3 error: 400: <Code>ExpiredToken</Code>"), "renew them"),
        (
            OSError("object-store error: Generic S3 error: NoSuchBucket"),
            "make it, or use another one",
        ),
        (OSError("Generic S3 error\n\x1b[31m↳\x1b[0m AccessDenied"), "let them list"),
        (ComputeError("Generic GCS error: Connection refused"), "does not answer"),
        (DeltaError("Parquet error: No space left on device (os error 28)"), "make room"),
        (OSError(errno.ENOSPC, "No space left on device"), "make room"),
        (OSError(errno.EFBIG, "File too large"), "raise the limit"),
        (DeltaError("Generic S3 error: something new"), "Generic S3 error: something new"),
    ],
)
def test_trouble_of_the_storage_is_told_with_its_remedy(error: Exception, remedy: str) -> None:
    with pytest.raises(StorageError) as caught, translate_storage_errors("writing bronze/tokens"):
        raise error
    assert str(caught.value).startswith("The storage failed while writing bronze/tokens: ")
    assert remedy in str(caught.value)
    assert "\n" not in str(caught.value)
    assert caught.value.__suppress_context__


@pytest.mark.parametrize(
    "error",
    [
        CommitFailedError("Generic S3 error: a commit of that version is there"),
        DeltaError("Invariant violations: amount"),
        OSError("a defect"),
        ValueError("Generic S3 error"),
    ],
)
def test_whatever_else_goes_wrong_keeps_its_own_error(error: Exception) -> None:
    with pytest.raises(type(error)) as caught, translate_storage_errors("writing"):
        raise error
    assert caught.value is error


def test_a_credential_that_the_store_repeats_is_not_told(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_SESSION_TOKEN", SECRET)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    assert reason(DeltaError(f"Generic S3 error: {SECRET} is strange.")) == (
        "Generic S3 error: *** is strange"
    )
