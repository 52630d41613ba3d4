"""What can go wrong with messages."""

from smart_trader_assets.errors import SmartTraderError


class NotificationError(SmartTraderError):
    """Messages are set up in a way that cannot work."""


class ReceiverError(SmartTraderError):
    """A receiver did not take a message; the text says why, without its address.

    `of_the_message`: it takes others.
    """

    def __init__(self, text: str, *, of_the_message: bool = False) -> None:
        super().__init__(text)
        self.of_the_message = of_the_message
