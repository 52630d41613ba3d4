"""What the profit engine refuses."""

from smart_trader_assets.errors import SmartTraderError


class PnlError(SmartTraderError):
    """The root of the profit engine's refusals."""


class ColumnsMissingError(PnlError):
    """A frame lacks columns without which trades cannot be derived."""

    def __init__(self, frame: str, missing: list[str]) -> None:
        super().__init__(f"`{frame}` lacks the columns {missing}: read them along with the others.")


class NaiveAsOfError(PnlError):
    """The time of calculation has no time zone, so that windows would shift with the machine."""

    def __init__(self, as_of: object) -> None:
        super().__init__(
            f"`as_of` {as_of!r} has no time zone: pass an aware datetime, such as "
            "datetime.now(timezone.utc)."
        )


class CashMintsError(PnlError):
    """The set of cash mints cannot be read."""


class UnknownWalletError(PnlError):
    """A wallet to explain has no swap row in the frame."""

    def __init__(self, wallet: str) -> None:
        super().__init__(
            f"wallet {wallet!r} has no swap row here: check its address, or fetch its history first."
        )
