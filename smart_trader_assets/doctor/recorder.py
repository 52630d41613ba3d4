"""Keeps what an API answers as files that `--replay` reads, so that what differs from the contract can be
shown.

An answer is one JSON file, of a question asked again one more, named after its endpoint as the ledger names
it: the path and the parameters that were asked, the time, the status, the headers that tell of formats and
limits, and the body as it came, digit for digit. The rows of a swap history are written once more as
`trader_txs.jsonl`, a raw row a line. The key is in none of them, and of what an account says of itself only
figures and times are kept.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

import httpx

from smart_trader_assets.birdeye.requester import Question
from smart_trader_assets.errors import SmartTraderError
from smart_trader_assets.settings import Settings

_HEADERS: Final = ("content-type", "retry-after")
_LIMITS: Final = "x-ratelimit"
_PRIVATE: Final = "credits"
"""The endpoint that tells of the account."""
_SWAPS: Final = "trader_txs"
_ITEMS: Final = re.compile(r'"items"\s*:\s*\[')
_FIGURE: Final = re.compile(r"[\d.:TZ+\- ]*")
_HIDDEN: Final = "***"


class RecordError(SmartTraderError):
    """The folder cannot take the answers."""


class AnswerRecorder:
    """Writes each answer into a folder of its own, which it makes; RecordError where something is there.

    `files` are those that were written, `has_swaps` whether a swap is among them.
    """

    def __init__(self, folder: Path, settings: Settings) -> None:
        self._folder = folder
        self._settings = settings
        self.files: list[Path] = []
        self.has_swaps = False
        self._asked: Counter[str] = Counter()
        try:
            folder.mkdir(parents=True, exist_ok=True)
            occupied = any(folder.iterdir())
        except OSError as error:
            raise RecordError(f"{folder} cannot be made: {error.strerror}. Name another.") from None
        if occupied:
            raise RecordError(f"{folder} is not empty: name a new folder for the answers.")

    def __call__(self, question: Question, response: httpx.Response) -> None:
        """Keep one answer."""
        text = self._redacted(response.content.decode("utf-8", "replace"))
        if question.meter_as == _PRIVATE:
            text = _figures_only(text)
        told = {
            "endpoint": question.path,
            "parameters": dict(question.parameters),
            "asked_at": self._settings.now().isoformat(),
            "status": response.status_code,
            "headers": {
                name: self._redacted(value)
                for name, value in response.headers.items()
                if name in _HEADERS or name.startswith(_LIMITS)
            },
        }
        body = text if _is_json(text) else json.dumps(text, ensure_ascii=False)
        # The body is put in as it came: parsed and written anew its numbers would change.
        start = json.dumps(told, ensure_ascii=False, indent=1).removesuffix("\n}")
        number = self._asked[question.meter_as] = self._asked[question.meter_as] + 1
        name = question.meter_as if number == 1 else f"{question.meter_as}-{number}"
        self._write(f"{name}.json", f'{start},\n "body": {body}\n}}\n')
        if question.meter_as == _SWAPS and response.is_success and (rows := list(_raw_items(text))):
            self.has_swaps = True
            self._write(f"{_SWAPS}.jsonl", "".join(f"{row}\n" for row in rows))

    def _redacted(self, text: str) -> str:
        key = self._settings.birdeye_api_key
        return text if key is None else text.replace(key.get_secret_value(), _HIDDEN)

    def _write(self, name: str, text: str) -> None:
        path = self._folder / name
        try:
            path.write_text(text, encoding="utf-8", errors="replace")
        except OSError as error:
            raise RecordError(f"{path} cannot be written: {error.strerror}.") from None
        if path not in self.files:
            self.files.append(path)


def _is_json(text: str) -> bool:
    try:
        json.loads(text)
    except (ValueError, RecursionError):
        return False
    return True


def _raw_items(text: str) -> Iterator[str]:
    """The texts of the objects in `items`, each on one line."""
    found = _ITEMS.search(text) if _is_json(text) else None
    if found is None:
        return
    decoder, place = json.JSONDecoder(), found.end()
    while True:
        while text[place] in " \t\r\n,":
            place += 1
        if text[place] == "]":
            return
        value, end = decoder.raw_decode(text, place)
        if isinstance(value, dict):
            yield text[place:end].replace("\r", " ").replace("\n", " ")
        place = end


def _figures_only(text: str) -> str:
    """The JSON without its texts, times excepted: an account may tell its owner's name."""
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        return _HIDDEN
    return json.dumps(_without_texts(value), indent=1)


def _without_texts(value: Any) -> Any:
    match value:
        case dict():
            return {key: _without_texts(item) for key, item in value.items()}
        case list():
            return [_without_texts(item) for item in value]
        case str() if not _FIGURE.fullmatch(value):
            return _HIDDEN
        case _:
            return value
