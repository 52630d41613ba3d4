"""News in words. Whatever comes from the chain or from a server is made harmless for every receiver at once:
Telegram's HTML, the markdown of Discord and Slack, mail."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

from smart_trader_assets.text import LONGEST_SYMBOL, content_hash, short, shown_text

# Signs that some receiver reads as markup, as a mention or as a part of a link, and what looks like them.
_LOOKALIKES: Final = str.maketrans(
    {
        "<": "‹",
        ">": "›",
        "&": "＆",
        "*": "∗",
        "_": "＿",
        "`": "ˋ",
        "[": "［",
        "]": "］",
        "(": "（",
        ")": "）",
        "{": "｛",
        "}": "｝",
        "~": "～",
        "|": "｜",
        "#": "♯",
        "\\": "＼",
        "/": "⁄",
        "@": "◦",
        ",": "‚",
        ";": "⁏",
        "…": "‥",
        "“": "’",
        "”": "’",
        "。": "·",
        "．": "·",
        "｡": "·",
        "＠": "◦",
        "＃": "♯",
        ":": "꞉",
        ".": "·",
        "!": "ǃ",
        "$": "＄",
        "=": "＝",
        "+": "＋",
        "^": "＾",
        '"': "’",
        "'": "’",
    }
)


def harmless(text: str, longest: int) -> str:
    """`text` of others on one line, with look-alikes for every sign that means something to a receiver, and
    nothing that changes the direction of writing; cut to `longest` characters. May come out empty."""
    kept = "".join(sign for sign in shown_text(text, longest) if sign.isprintable())
    return kept.translate(_LOOKALIKES)


def named_token(mint: str, symbol: str | None) -> str:
    """`“BONK” DezX…B263`: a symbol never stands for a mint alone, and cannot look like one that does."""
    shown = harmless(symbol or "", LONGEST_SYMBOL)
    return f"“{shown}” {short(mint)}" if shown else short(mint)


def without_markup(text: str) -> str:
    """Our own words, commands and links with it: only what opens a tag or an entity is replaced."""
    return text.translate(_TAGS)


_TAGS: Final = {ord(sign): _LOOKALIKES[ord(sign)] for sign in "<>&"}


@dataclass(frozen=True)
class News:
    """Something worth telling.

    `about` tells it from all other news of its kind, whenever it is found; `at` is when it happened; `title`
    and `body` are plain text in which nothing needs escaping.
    """

    kind: str
    about: str
    at: datetime
    title: str
    body: str = ""

    @property
    def event_id(self) -> str:
        """The same for the same thing, whoever finds it and how often."""
        return content_hash([self.kind, self.about], size=8)


@dataclass(frozen=True)
class Message:
    """What one receiver gets at once: `event_ids` are what it tells of, `message_id` is said in it."""

    receiver: str
    event_ids: tuple[str, ...]
    title: str
    body: str

    @property
    def message_id(self) -> str:
        """That of the one thing it tells of, else of all."""
        one = len(self.event_ids) == 1
        return self.event_ids[0] if one else content_hash(list(self.event_ids), size=8)


def single(receiver: str, row: dict[str, str], longest: int) -> Message:
    """A message about one row of ops/notifications, which ends with its id."""
    event = row["event_id"]
    end = f"id {event}"
    body = row["body"][: max(0, longest - len(end) - 1)]
    text = "\n".join(filter(None, (body, end)))
    return Message(receiver, (event,), without_markup(row["title"]), without_markup(text))


def combined(receiver: str, rows: Sequence[dict[str, str]], longest: int) -> list[Message]:
    """As few messages as hold a line for each row of ops/notifications; none is longer than `longest`."""
    messages: list[Message] = []
    lines: list[str] = []
    events: list[str] = []

    def close() -> None:
        if events:
            title = f"{len(events)} messages in one"
            messages.append(Message(receiver, tuple(events), title, "\n".join(lines)))
            lines.clear()
            events.clear()

    for row in rows:
        end = f" id {row['event_id']}"
        told = without_markup(f"{row['happened_at']} {row['title']}")
        line = told[: longest - len(end)] + end
        if (link := _last_link(row["body"])) and len(line) + len(link) < longest:
            line = f"{line}\n{link}"
        if events and sum(map(len, lines)) + len(lines) + len(line) > longest:
            close()
        lines.append(line)
        events.append(row["event_id"])
    close()
    return messages


def _last_link(body: str) -> str:
    last = body.rsplit("\n", 1)[-1]
    return last if last.startswith("https://") else ""
