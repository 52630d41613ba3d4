"""What a storage said, in one sentence: no credential, and no stack of the libraries below."""

import pytest
from deltalake.exceptions import DeltaError
from obstore.exceptions import GenericError

from smart_trader_assets.delta.errors import StorageError
from smart_trader_assets.delta.storage_errors import reason, translate_storage_errors

_FRAMES = " 0: <unknown> 1: <unknown> 2: start_thread at ./nptl/pthread_create.c:442:8 3: clone3"


def test_the_frames_of_a_library_s_own_stack_are_left_out():
    said = "Kernel error: Json error: Truncated record whilst reading string"
    assert reason(DeltaError(said + _FRAMES)) == said
    assert reason(DeltaError("version 0: it is not there.")) == "version 0: it is not there"


def test_what_the_object_client_says_is_a_storage_failure_without_the_credentials(monkeypatch):
    monkeypatch.setenv("AWS_SESSION_TOKEN", "nobody-may-read-it")
    with (
        pytest.raises(StorageError, match=r"failed while checking it: .*\*\*\*") as caught,
        translate_storage_errors("checking it"),
    ):
        raise GenericError("Generic S3 error: <Token>nobody-may-read-it</Token>")
    assert "nobody-may-read-it" not in str(caught.value)
    assert caught.value.__cause__ is None
