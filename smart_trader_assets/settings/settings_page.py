"""`docs/settings.md`, made from the settings: each with its default, what it may be, and what it does."""

from __future__ import annotations

import inspect
import re
from collections.abc import Iterator
from typing import Any, Final, get_args

from annotated_types import Ge, Gt, Le, Lt
from pydantic import SecretStr
from pydantic.fields import FieldInfo

from smart_trader_assets.settings.environment import (
    API_KEY_VARIABLE,
    HELIUS_KEY_VARIABLE,
    PREFIX,
    Settings,
)
from smart_trader_assets.settings.notification_settings import NotificationSettings
from smart_trader_assets.settings.plans import PLANS, PRICES

_INTRODUCTION: Final = f"""\
# The settings

Made from the settings by `make docs`; a test compares. Each is an environment variable; `none` unsets one
that has a default. A variable that begins with `{PREFIX}` and is no setting is refused, since a misspelt
limit would limit nothing. Keys have the names of their services, `{API_KEY_VARIABLE}` and
`{HELIUS_KEY_VARIABLE}`, and like `{PREFIX}NOTIFY_URLS`, `{PREFIX}STATE_URL` and
`{PREFIX}BROKER_URL` are shown by no log, error, table or page.

A live account's [plan](#plans) gives some of them another default.
"""
_HEADING: Final = re.compile(r"    # (?P<heading>[A-Z].*)")
_FIELD: Final = re.compile(r"    (?P<name>[a-z]\w*): ")
_KEYS: Final = {"birdeye_api_key": API_KEY_VARIABLE, "helius_api_key": HELIUS_KEY_VARIABLE}
_BOUNDS: Final = {Ge: "from {}", Gt: "above {}", Le: "to {}", Lt: "below {}"}


def settings_page() -> str:
    """The page, in Markdown."""
    sections: dict[str, list[str]] = {}
    for heading, name in (*_sections(Settings, ""), *_sections(NotificationSettings, "Messages")):
        sections.setdefault(heading, []).append(_line(name, Settings.model_fields[name]))
    parts = [
        f"\n## {heading}\n\n| variable | default | may be | meaning |\n|---|---|---|---|\n"
        + "\n".join(lines)
        for heading, lines in sections.items()
    ]
    return "\n".join([_INTRODUCTION, *parts, "", *_plans(), ""])


def _sections(settings: type[Any], heading: str) -> Iterator[tuple[str, str]]:
    """The class's own settings in their order, each with the heading above it in the code."""
    for line in inspect.getsource(settings).splitlines():
        if match := _HEADING.fullmatch(line):
            heading = match["heading"]
        elif (match := _FIELD.match(line)) and match["name"] in Settings.model_fields:
            yield heading, match["name"]


def _line(name: str, field: FieldInfo) -> str:
    variable = _KEYS.get(name, f"{PREFIX}{name.upper()}")
    cells = (f"`{variable}`", _value(field.default), _range(field), field.description or "")
    return f"| {' | '.join(cell.replace('|', '∣') for cell in cells)} |"


def _value(value: Any) -> str:
    """As one would set it."""
    match value:
        case None | ():
            return "not set"
        case bool():
            return f"`{str(value).lower()}`"
        case tuple():
            return f"`{','.join(_plain(one) for one in value)}`"
        case _:
            return f"`{_plain(value)}`"


def _plain(value: Any) -> str:
    return f"{value:.12g}" if isinstance(value, float) else str(value)


def _range(field: FieldInfo) -> str:
    parts = [f"`{choice}`" for choice in _choices(field.annotation)]
    for bounds in (field.metadata, *(one.__metadata__ for one in _annotated(field.annotation))):
        known = [bound for one in bounds for bound in _single(one) if type(bound) in _BOUNDS]
        parts.append(" ".join(_BOUNDS[type(bound)].format(_limit(bound)) for bound in known))
    return ", ".join(filter(None, parts))


def _annotated(annotation: Any) -> list[Any]:
    """The parts of a union that have bounds of their own."""
    return [part for part in get_args(annotation) if hasattr(part, "__metadata__")]


def _single(bound: Any) -> list[Any]:
    return bound.metadata if isinstance(bound, FieldInfo) else [bound]


def _limit(bound: Any) -> str:
    value = next(getattr(bound, name) for name in ("ge", "gt", "le", "lt") if hasattr(bound, name))
    return value.date().isoformat() if hasattr(value, "date") else _plain(value)


def _choices(annotation: Any) -> list[str]:
    """The values that a setting of a few may have, however deep they are nested."""
    if isinstance(annotation, str):
        return [annotation]
    if annotation is SecretStr:
        return []
    return [
        choice
        for part in get_args(annotation)
        for choice in ([part] if isinstance(part, str) else _choices(part))
    ]


def _plans() -> Iterator[str]:
    names = list(PLANS)
    yield "## Plans"
    yield ""
    yield f"| with `{PREFIX}PLAN` | {' | '.join(names)} |"
    yield f"|---|{'---|' * len(names)}"
    for setting in PLANS[names[0]].defaults():
        values = [_value(PLANS[name].defaults()[setting]) for name in names]
        yield f"| `{PREFIX}{setting.upper()}` | {' | '.join(values)} |"
    yield ""
    yield "## Prices"
    yield ""
    yield (
        "What a request costs, as users have reported it, the dearer end of each range; "
        f"`{PREFIX}CREDIT_PRICES` sets others."
    )
    yield ""
    yield "| endpoint | credits | last reported |"
    yield "|---|---|---|"
    for endpoint, price in PRICES.items():
        yield f"| `{endpoint}` | {price.credits} | {price.reported} |"


if __name__ == "__main__":
    print(settings_page(), end="")
