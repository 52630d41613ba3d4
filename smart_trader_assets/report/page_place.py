"""Where a page lies: a file, or an object of the root's own storage, which every machine can reach."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

import obstore
from obstore.exceptions import BaseError

from smart_trader_assets.delta.atomic_write import write_whole
from smart_trader_assets.delta.location import is_remote, open_objects
from smart_trader_assets.delta.storage_errors import reason
from smart_trader_assets.errors import SmartTraderError
from smart_trader_assets.lake.resource import LakeResource

PAGE_NAME = "smart_traders.html"


class ReportError(SmartTraderError):
    """A report cannot be written where it should be."""


class Page(Protocol):
    """One page, written whole or not at all: a reader meanwhile sees the old one."""

    @property
    def place(self) -> str:
        """Where it is, for people."""

    def beginning(self, length: int) -> str | None:
        """Its first bytes as text; None where there is no page yet."""

    def write(self, text: str) -> None:
        """Put `text` in the place of what was there; ReportError where that cannot be."""

    def size(self) -> int:
        """Its bytes, once it was written."""


class PageFile:
    """A page in a file."""

    def __init__(self, path: Path) -> None:
        self.path = path

    @property
    def place(self) -> str:
        """Its full path."""
        return str(self.path.resolve())

    def beginning(self, length: int) -> str | None:
        """Raises OSError where the file cannot be read."""
        try:
            with self.path.open("rb") as page:
                return page.read(length).decode("utf-8", "replace")
        except FileNotFoundError:
            return None

    def write(self, text: str) -> None:
        """ReportError names the file."""
        try:
            write_whole(self.path, text)
        except OSError as error:
            raise ReportError(
                f"{self.path} cannot be written ({error.strerror}): choose another file."
            ) from error

    def size(self) -> int:
        """As the file system says."""
        return self.path.stat().st_size


class PageObject:
    """A page in the object store that the root is in."""

    def __init__(self, lake: LakeResource, name: str) -> None:
        store = lake.unchecked_store
        self.place = f"{store.root.rstrip('/')}/{name}"
        self._name = name
        self._objects = open_objects(store.root, store.storage_options)

    def beginning(self, length: int) -> str | None:
        """ReportError where the store does not let it be read."""
        try:
            part = obstore.get_range(self._objects, self._name, start=0, length=length)
        except FileNotFoundError:
            return None
        except BaseError as error:
            raise self._failure("read", error) from None
        return bytes(part).decode("utf-8", "replace")

    def write(self, text: str) -> None:
        """ReportError says what the store said."""
        try:
            obstore.put(
                self._objects,
                self._name,
                text.encode("utf-8"),
                attributes={"Content-Type": "text/html; charset=utf-8"},
            )
        except BaseError as error:
            raise self._failure("written", error) from None

    def size(self) -> int:
        """As the store says."""
        try:
            return int(obstore.head(self._objects, self._name)["size"])
        except BaseError as error:
            raise self._failure("read", error) from None

    def _failure(self, verb: str, error: BaseError) -> ReportError:
        return ReportError(
            f"{self.place} cannot be {verb} ({reason(error)}): check the credentials and what they allow."
        )


def page_of(lake: LakeResource) -> Page:
    """`reports/smart_traders.html` of the root."""
    if is_remote(lake.root):
        return PageObject(lake, f"reports/{PAGE_NAME}")
    return PageFile(Path(lake.root) / "reports" / PAGE_NAME)
