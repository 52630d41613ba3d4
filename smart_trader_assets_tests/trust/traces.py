"""Everything that runs leave behind, searched for what must not be in it."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from urllib.parse import quote

from smart_trader_assets.delta.store import DeltaStore
from smart_trader_assets.tables.catalog import ALL_TABLES

# The stand-ins, which have to be shown the keys.
_SERVERS = ("uvicorn", "werkzeug")


class _Listener(logging.Handler):
    def __init__(self) -> None:
        super().__init__(logging.DEBUG)
        self.lines: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        if not record.name.startswith(_SERVERS):
            self.lines.append(f"{record.name} {self.format(record)}")


@contextmanager
def all_logs() -> Iterator[list[str]]:
    """Every line that anything in this process logs meanwhile, however unimportant, traces with it."""
    listener = _Listener()
    root = logging.getLogger()
    level = root.level
    root.addHandler(listener)
    root.setLevel(logging.DEBUG)
    try:
        yield listener.lines
    finally:
        root.setLevel(level)
        root.removeHandler(listener)


def told(error: BaseException | None) -> str:
    """Everything that an error and the errors behind it show."""
    lines = []
    while error is not None:
        lines.append(f"{error!s} {error!r} {error.args!r} {vars(error)!r}")
        error = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return "\n".join(lines)


def in_texts(texts: Iterable[str], secrets: Iterable[str]) -> list[str]:
    """The texts that hold a secret, as it is or as part of a URL."""
    spelt = {form for secret in secrets for form in (secret, quote(secret, safe=""))}
    return [text for text in texts if any(form in text for form in spelt)]


def in_files(folder: Path, secrets: Iterable[str]) -> list[str]:
    """The files under a folder that hold one, databases and their journals among them."""
    spelt = {f.encode() for secret in secrets for f in (secret, quote(secret, safe=""))}
    return [
        str(file)
        for file in folder.rglob("*")
        if file.is_file() and any(form in file.read_bytes() for form in spelt)
    ]


def in_tables(store: DeltaStore, secrets: Iterable[str]) -> list[str]:
    """The tables whose rows or commits hold one: their files are compressed, so that they are read."""
    texts = {
        contract.name: store.scan(contract).collect().write_ndjson()
        + str(store.open(contract).history())
        for contract in ALL_TABLES
    }
    found = in_texts(texts.values(), secrets)
    return [name for name, text in texts.items() if text in found]
