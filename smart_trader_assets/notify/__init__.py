"""Messages to where people read: what is news, in which words, to whom, and when.

`news` derives what is worth telling from the tables, `wording` words it so that no foreign text can inject
anything, `outbox` decides what goes out now and what is held back, `receivers` sends it. All but the last are
pure.
"""

from smart_trader_assets.notify.errors import NotificationError, ReceiverError
from smart_trader_assets.notify.news_rules import DeliveryRules, NewsRules
from smart_trader_assets.notify.outbox import Plan, plan_messages
from smart_trader_assets.notify.receivers import Receiver, receivers_of
from smart_trader_assets.notify.wording import Message, News

__all__ = [
    "DeliveryRules",
    "Message",
    "News",
    "NewsRules",
    "NotificationError",
    "Plan",
    "Receiver",
    "ReceiverError",
    "plan_messages",
    "receivers_of",
]
