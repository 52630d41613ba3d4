"""What BirdEye answers: envelopes and items, read leniently.

Unknown fields are kept as received, so that a new field of the API reaches the tables without a
change here. Only what is unusable is refused: a broken envelope as a whole, a broken item
alone.
"""

from __future__ import annotations

import json
import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Annotated, Any, TypeVar

from pydantic import AliasChoices, BaseModel, ConfigDict, Field, StrictInt, ValidationError

from smart_trader_assets.birdeye.errors import FormatChangedError

MAX_UNIX_TIME = 10_000_000_000
MAX_OFFSET = 10_000  # of offset + limit
EXCERPT_LENGTH = 200

RawItem = dict[str, Any]
Text = Annotated[str, Field(strict=True, min_length=1)]


class _Model(BaseModel):
    model_config = ConfigDict(extra="allow")


class Envelope(_Model):
    """`{"success": true, "data": ...}`, or `{"success": false, "message": ...}`."""

    success: bool
    message: str | None = None
    data: Any = None


class Page(_Model):
    """The `data` of a list endpoint. `has_next` is None where the server does not say."""

    items: list[Any]
    has_next: bool | None = Field(
        default=None, validation_alias=AliasChoices("has_next", "hasNext")
    )

    def is_last(self, page_size: int) -> bool:
        """Whether no page follows: the server's own word beats the number of items."""
        return len(self.items) < page_size if self.has_next is None else not self.has_next


class TokenItem(_Model):
    """What makes an item of the token list a token: everything else may be null."""

    address: Text
    decimals: Annotated[StrictInt, Field(ge=0)]


class RankedTraderItem(_Model):
    """What makes an item of the list of ranked traders a candidate: its address."""

    address: Text


class HolderItem(_Model):
    """What makes an item a holding: an owner and a raw amount, which comes as text."""

    owner: Text
    amount: Annotated[StrictInt, Field(ge=0)] | Annotated[Text, Field(pattern=r"^\d+$")]


class SwapItem(_Model):
    """What makes an item a swap row: a transaction and its second."""

    tx_hash: Text
    block_unix_time: Annotated[StrictInt, Field(ge=1, le=MAX_UNIX_TIME)]


class TransferItem(_Model):
    """What makes an item a transfer: between whom, of what, when. Amounts come as text or as numbers."""

    from_address: Text
    to_address: Text
    token_address: Text
    unix_time: Annotated[StrictInt, Field(ge=1, le=MAX_UNIX_TIME)]


def transfers_page(data: Any) -> Page:
    """The `data` of the transfers' endpoint, which is the list itself; ValueError where it is none."""
    return Page.model_validate({"items": data} if isinstance(data, list) else data)


@dataclass(frozen=True, slots=True)
class RejectedItem:
    """An item that is not what its endpoint promises: why, and its beginning as JSON."""

    reason: str
    excerpt: str


ItemModel = TypeVar("ItemModel", bound=_Model)


def decode_json(body: bytes) -> Any:
    """Parse a body so that no number changes: fractions become `Decimal`, never a float.

    NaN, Infinity and fractions beyond a float's range are not numbers of the API: None. Raises
    ValueError where the body is not JSON.
    """
    try:
        value = json.loads(body, parse_float=_parse_fraction, parse_constant=_parse_constant)
    except RecursionError as error:
        raise ValueError("nested too deeply") from error
    # Only escapes can make half of a surrogate pair, which a UTF-8 column cannot hold.
    return _mend_text(value) if b"\\ud" in body.lower() else value


def _parse_fraction(text: str) -> Decimal | None:
    return Decimal(text) if math.isfinite(float(text)) else None


def _parse_constant(_: str) -> None:
    return None


def _mend_text(value: Any) -> Any:
    match value:
        case str():
            return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
        case list():
            return [_mend_text(item) for item in value]
        case dict():
            return {_mend_text(key): _mend_text(item) for key, item in value.items()}
        case _:
            return value


def reject_reason(item: Any, model: type[ItemModel]) -> str | None:
    """Why `item` is not a `model`, or None where it is."""
    if not isinstance(item, dict):
        return f"not an object but {type(item).__name__}"
    try:
        model.model_validate(item)
    except ValidationError as error:
        return "; ".join(
            f"{'.'.join(str(part) for part in problem['loc'][:1])}: {problem['msg']}"
            for problem in error.errors(include_url=False, include_input=False)
        )
    return None


def format_changed(
    rejected: Sequence[RejectedItem], *, endpoint: str | None, entity: str
) -> FormatChangedError:
    """The error for items of which not one can be read; it quotes the first."""
    first = rejected[0]
    return FormatChangedError(
        f"Not one item of {endpoint or 'the answer'} for {entity} can be read ({first.reason}; it begins "
        f"{first.excerpt}): the source's format has changed. Update this program, or report it.",
        endpoint=endpoint,
        entity=entity,
    )


def sift(
    items: Sequence[Any], model: type[ItemModel], redact: Callable[[str], str]
) -> tuple[list[RawItem], list[RejectedItem]]:
    """Separate what is a `model` from what is not; the items stay as received.

    `redact` removes secrets from what is quoted of a rejected item. Equal rejects count once:
    overlapping pages bring them again.
    """
    kept: list[RawItem] = []
    rejected: dict[RejectedItem, None] = {}
    for item in items:
        reason = reject_reason(item, model)
        if reason is None:
            kept.append(item)
        else:
            beginning = redact(json.dumps(item, default=str, ensure_ascii=False))[:EXCERPT_LENGTH]
            rejected[RejectedItem(reason, beginning)] = None
    return kept, list(rejected)
