"""Whether tables can be made at a place at all: checked before the first of them is written."""

from __future__ import annotations

import re
import uuid
from collections.abc import Mapping
from pathlib import Path

import obstore
from obstore.exceptions import AlreadyExistsError, BaseError
from obstore.store import LocalStore, ObjectStore, from_url

from smart_trader_assets.delta.errors import RootError
from smart_trader_assets.delta.storage_errors import reason

FOLDERS = frozenset({"bronze", "silver", "gold", "ops", "reports"})

_CLIENT_OPTIONS = frozenset({"allow_http", "allow_invalid_certificates", "timeout", "proxy_url"})


# The first do not survive in the URL that delta-rs makes of a path, a percent sign is decoded on the way,
# and Polars takes name=value for a partition.
_UNREADABLE = re.compile(r"[\[\]^|\\\n=]|%[0-9A-Fa-f]{2}")


def is_remote(root: str) -> bool:
    """Whether the root is in an object store."""
    return "://" in root


def place(root: str) -> str:
    """The root in full: an absolute path, or the URI as it is."""
    return root if is_remote(root) else str(Path(root).resolve())


def check_spelling(root: str) -> None:
    """RootError where the full path of a local `root` is one that the libraries below cannot handle."""
    if not is_remote(root) and (strange := _UNREADABLE.search(place(root))):
        raise RootError(
            f"The root {place(root)} has {strange.group()!r} in its path, which Delta tables do not support: "
            "choose a folder without it."
        )


def check_place(root: str, storage_options: Mapping[str, str]) -> None:
    """RootError where `root` holds something else, cannot be written, or would lose commits."""
    if is_remote(root):
        _check_object_store(root, storage_options)
    else:
        _check_folder(Path(root))


def _check_folder(folder: Path) -> None:
    if folder.exists() and not folder.is_dir():
        raise RootError(f"The root {folder} is a file: choose a folder.")
    try:
        present = {p.name for p in folder.iterdir()} if folder.exists() else set()
        _check_foreign_files(str(folder), present)
        (folder / "ops").mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise RootError(
            f"The root {folder} cannot be written ({error.strerror}): fix its permissions or use another."
        ) from error


def _check_object_store(root: str, storage_options: Mapping[str, str]) -> None:
    try:
        bucket = open_objects(root, storage_options)
        listed = obstore.list_with_delimiter(bucket)
        names = [*listed["common_prefixes"], *(item["path"] for item in listed["objects"])]
        _check_foreign_files(root, {name.rstrip("/").rpartition("/")[2] for name in names})
        _check_conditional_put(root, bucket)
    except BaseError as error:
        raise RootError(
            f"The root {root} cannot be used: {reason(error)}. Check the bucket's name, its permissions, "
            "the endpoint and the credentials."
        ) from None


def _check_conditional_put(root: str, bucket: ObjectStore) -> None:
    """Put one object twice "only if it is not there": a store that lets both pass loses commits.

    Two writers that commit the same version of a table rely on exactly that refusal.
    """
    probe = f"ops/probe-{uuid.uuid4().hex}"
    obstore.put(bucket, probe, b"first", mode="create")
    try:
        obstore.put(bucket, probe, b"second", mode="create")
    except AlreadyExistsError:
        return
    finally:
        obstore.delete(bucket, probe)
    raise RootError(
        f"The object store of {root} does not honour If-None-Match: two writers would silently overwrite "
        "each other's commits. Use a store that does (AWS S3, GCS, Azure, recent MinIO); nothing was written."
    )


def open_objects(root: str, storage_options: Mapping[str, str]) -> ObjectStore:
    """The files below `root`, wherever it lies."""
    if not is_remote(root):
        return LocalStore(place(root))
    config = {k: v for k, v in storage_options.items() if k not in _CLIENT_OPTIONS}
    client = {k: _typed(v) for k, v in storage_options.items() if k in _CLIENT_OPTIONS}
    return from_url(root, config=config, client_options=client)  # type: ignore[call-overload,no-any-return]


def _typed(value: str) -> bool | str:
    return value.lower() == "true" if value.lower() in {"true", "false"} else value


def _check_foreign_files(root: str, present: set[str]) -> None:
    strangers = sorted(name for name in present - FOLDERS if name and not name.startswith("."))
    if strangers:
        raise RootError(
            f"The root {root} holds something else ({', '.join(strangers[:5])}): choose an empty or new place."
        )
