"""Answers that were recorded whole, served as they came."""

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Self

from smart_trader_assets.sandbox.wire import Endpoint

_ENTITIES = ("address", "wallet", "type")
_NOTHING = '{"success":true,"data":{"items":[]}}'
_BODY = '"body":'


class RecordedAnswers:
    """The first page of each question that was recorded, by endpoint and by what it was asked about.

    Of such a list only the first page is known: further ones are empty. ``strange`` names the files that are
    no recorded answer.
    """

    def __init__(self, bodies: Mapping[tuple[str, str | None], str], strange: list[str]) -> None:
        self._bodies = bodies
        self.strange = strange

    @property
    def lists(self) -> tuple[str, ...]:
        """The lists of ranked traders that were recorded."""
        return tuple(
            kind for endpoint, kind in self._bodies if endpoint is Endpoint.RANKED and kind
        )

    @classmethod
    def load(cls, folder: Path) -> Self:
        """Reads the ``*.json`` files of a folder; swaps are read row by row elsewhere."""
        bodies: dict[tuple[str, str | None], str] = {}
        strange: list[str] = []
        for file in sorted(folder.glob("*.json")):
            text = file.read_text(encoding="utf-8", errors="replace")
            try:
                told = json.loads(text)
                endpoint, asked = Endpoint(told["endpoint"]), told["parameters"]
                served = told["status"] == 200 and isinstance(told["body"], dict)  # noqa: PLR2004
                entity = _entity(asked)
            except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
                strange.append(f"{file.name} is no recorded answer: {type(error).__name__} {error}")
                continue
            if served and endpoint is not Endpoint.SWAPS:
                bodies[endpoint, entity] = text[text.index(_BODY) + len(_BODY) : text.rindex("}")]
        return cls(bodies, strange)

    def answer(self, endpoint: Endpoint, parameters: Mapping[str, str]) -> str | None:
        """The whole JSON text of the answer; None where nothing was recorded of what is asked about."""
        body = self._bodies.get((endpoint, _entity(parameters)))
        if body is None or parameters.get("offset", "0") in {"", "0"}:
            return body
        return _NOTHING


def _entity(parameters: Mapping[str, Any]) -> str | None:
    return next((str(parameters[name]) for name in _ENTITIES if name in parameters), None)
