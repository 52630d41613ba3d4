"""Rows as no service should send them: real ones, changed at random, as values and as bytes."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, MutableMapping, MutableSequence
from dataclasses import dataclass
from decimal import Decimal
from random import Random
from typing import Any

Container = MutableMapping[str, Any] | MutableSequence[Any]

MOST_CHANGES = 3


@dataclass(frozen=True)
class Raw:
    """A token that stands in the text as it is, whether it is JSON or not."""

    text: str


ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    255,
    256,
    2**31,
    2**53 + 1,
    2**63 - 1,
    2**63,
    -(2**63),
    2**64,
    10**30,
    10**400,
    -0.0,
    0.1,
    1e-300,
    5e-324,
    1e300,
    1.7976931348623157e308,
    "",
    " ",
    "0",
    "1.50",
    "-5",
    "+5",
    " 5",
    "1e5",
    "1E-9",
    "1e999999",
    "1e-999999",
    "0x10",
    "1_000",
    "1,5",
    "١٢٣",
    "NaN",
    "inf",
    "null",
    "9" * 400,
    "' OR 1=1 --",
    "../../../etc/passwd",
    "\x00",
    "\x1b[31m",
    "\ud800",
    "🦌\u202e",
    "x" * 5000,
    [],
    [[]],
    [None],
    {},
    {"address": 1},
    Raw("NaN"),
    Raw("-Infinity"),
    Raw("1e999"),
    Raw("-1e-999"),
    Raw("1" * 5000),
    Raw("0." + "1" * 400),
    Raw("01"),
    Raw("[" * 2000 + "]" * 2000),
    Raw("1 2"),
)


def mutated(random: Random, item: Any) -> bytes:
    """`item` as JSON text with one to three changes; one in four times the bytes are changed as well."""
    changed = copy.deepcopy(item)
    for _ in range(random.randint(1, MOST_CHANGES)):
        changed = _change(random, changed)
    text = _encoded(changed).encode("utf-8", "surrogatepass")
    return _broken(random, text) if random.random() < 0.25 else text


def _change(random: Random, item: Any) -> Any:
    places = list(_places(item))
    if not places:
        return copy.deepcopy(random.choice(ODD_VALUES))
    container, key = random.choice(places)
    random.choice(_CHANGES)(random, container, key)
    return item


def _places(item: Any) -> list[tuple[Any, Any]]:
    found: list[tuple[Any, Any]] = []
    keys: Any = ()
    if isinstance(item, dict):
        keys = list(item)
    elif isinstance(item, list):
        keys = range(len(item))
    for key in keys:
        found.append((item, key))
        found += _places(item[key])
    return found


def _odd(random: Random, container: Any, key: Any) -> None:
    container[key] = copy.deepcopy(random.choice(ODD_VALUES))


def _gone(_: Random, container: Any, key: Any) -> None:
    del container[key]


def _respelt(random: Random, container: Any, key: Any) -> None:
    """The same number in another spelling, or another value as text."""
    value = container[key]
    if isinstance(value, bool) or not isinstance(value, int | float):
        container[key] = value if isinstance(value, str) else str(value)
        return
    spellings = (str(value), f" {value}", f"{value}0", f"{Decimal(str(value)):E}", f"-{value}")
    container[key] = random.choice(spellings)


def _scaled(random: Random, container: Any, key: Any) -> None:
    value = container[key]
    if isinstance(value, int | float) and not isinstance(value, bool):
        container[key] = value * random.choice((-1, 0, 10, 1000, 10**18))


def _wrapped(random: Random, container: Any, key: Any) -> None:
    container[key] = [container[key]] if random.random() < 0.5 else {"value": container[key]}


def _swapped(random: Random, container: Any, key: Any) -> None:
    keys = list(container) if isinstance(container, dict) else list(range(len(container)))
    other = random.choice(keys)
    container[key], container[other] = container[other], container[key]


_CHANGES: tuple[Callable[[Random, Any, Any], None], ...] = (
    _odd,
    _odd,
    _odd,
    _gone,
    _respelt,
    _scaled,
    _wrapped,
    _swapped,
)


def _encoded(value: Any) -> str:
    """JSON text in which a `Raw` stands as it is."""
    match value:
        case Raw():
            return value.text
        case dict():
            inner = ",".join(f"{json.dumps(k)}:{_encoded(v)}" for k, v in value.items())
            return "{" + inner + "}"
        case list():
            return "[" + ",".join(map(_encoded, value)) + "]"
        case int() if not isinstance(value, bool):
            return str(value)
        case _:
            return json.dumps(value)


def _broken(random: Random, text: bytes) -> bytes:
    place = random.randrange(len(text) + 1)
    end = min(len(text), place + random.randint(1, 20))
    match random.randrange(5):
        case 0:
            return text[:place]
        case 1:
            return text[:place] + text[end:]
        case 2:
            return text[:place] + text[place:end] + text[place:]
        case 3:
            return text[:place] + random.randbytes(3) + text[place:]
        case _:
            return text[:place] + bytes([random.randrange(256)]) + text[place + 1 :]
