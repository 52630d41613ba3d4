"""A mapping whose values are made when they are first looked up."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, MutableMapping
from typing import Generic, TypeVar

Value = TypeVar("Value")


class OnDemand(MutableMapping[str, Value], Generic[Value]):
    """The keys of `recipes`, each with the value that `make(key, recipe)` returns, made once."""

    def __init__(self, recipes: Mapping[str, str], make: Callable[[str, str], Value]) -> None:
        self._recipes = dict(recipes)
        self._make = make
        self._made: dict[str, Value] = {}

    def __getitem__(self, key: str) -> Value:
        if key not in self._made:
            self._made[key] = self._make(key, self._recipes[key])
        return self._made[key]

    def __setitem__(self, key: str, value: Value) -> None:
        self._recipes.setdefault(key, "")
        self._made[key] = value

    def __delitem__(self, key: str) -> None:
        del self._recipes[key]
        self._made.pop(key, None)

    def __iter__(self) -> Iterator[str]:
        return iter(self._recipes)

    def __len__(self) -> int:
        return len(self._recipes)
