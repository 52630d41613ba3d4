"""The picture of the rooms in docs/architecture.md, drawn from the imports.

    python -m smart_trader_assets_tests.rooms_picture

Replaces the block between its two marks. An arrow leads from a room to one that it imports, unless a longer way
leads there too; the table counts all of them.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator, Mapping
from pathlib import Path

from smart_trader_assets_tests.test_architecture import PLACE, ROOMS, modules, own_imports, room_of

PAGE = Path(__file__).parents[1] / "docs" / "architecture.md"
BEGIN, END = "<!-- rooms: made by `make docs` -->", "<!-- /rooms -->"

Imports = Mapping[str, frozenset[str]]


def imports_by_room() -> Imports:
    """Which rooms each room imports."""
    found: dict[str, set[str]] = {room: set() for room in ROOMS}
    for path in modules():
        if path != PLACE / "__init__.py":
            room = room_of(path)
            found[room] |= set(own_imports(path)) - {room}
    return {room: frozenset(named) for room, named in found.items()}


def reduced(imports: Imports) -> Iterator[tuple[str, str]]:
    """The imports that no longer way tells too."""
    reach: dict[str, set[str]] = {}
    for room in ROOMS:
        reach[room] = set(imports[room]).union(*(reach[other] for other in imports[room]))
    for room in ROOMS:
        for other in sorted(imports[room], key=ROOMS.index):
            if not any(other in reach[between] for between in imports[room]):
                yield room, other


def meaning(room: str) -> str:
    """The first sentence of the room's face."""
    folder = PLACE / room
    face = folder / "__init__.py" if folder.is_dir() else PLACE / f"{room}.py"
    text = ast.get_docstring(ast.parse(face.read_text(encoding="utf-8"))) or ""
    return " ".join(text.split("\n\n")[0].split())


def block() -> str:
    """The picture and the table, in Markdown."""
    imports = imports_by_room()
    arrows = "\n".join(f"  {room} --> {other}" for room, other in reduced(imports))
    rows = "\n".join(
        f"| `{room}` | {_modules(room)} | {meaning(room)} | "
        f"{', '.join(f'`{other}`' for other in sorted(imports[room], key=ROOMS.index)) or 'nothing'} |"
        for room in ROOMS
    )
    return (
        f"{BEGIN}\n\n```mermaid\nflowchart TD\n{arrows}\n```\n\n"
        f"| room | modules | what it is | imports |\n|---|---|---|---|\n{rows}\n\n{END}"
    )


def page() -> str:
    """docs/architecture.md with the block as it has to be."""
    text = PAGE.read_text(encoding="utf-8")
    before, rest = text.split(BEGIN)
    return before + block() + rest.split(END)[1]


def _modules(room: str) -> int:
    return sum(room_of(path) == room for path in modules())


if __name__ == "__main__":
    PAGE.write_text(page(), encoding="utf-8")
