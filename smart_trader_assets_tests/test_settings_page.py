"""docs/settings.md is what the settings say."""

from pathlib import Path

from smart_trader_assets.settings import PREFIX, Settings
from smart_trader_assets.settings.settings_page import settings_page

_PAGE = Path(__file__).parents[1] / "docs" / "settings.md"


def test_the_page_is_what_make_docs_writes():
    assert _PAGE.read_text(encoding="utf-8") == settings_page()


def test_every_setting_is_on_it_once_with_its_meaning():
    page = settings_page()
    for name, field in Settings.model_fields.items():
        variable = f"{name.upper()}`" if name.endswith("api_key") else f"{PREFIX}{name.upper()}`"
        lines = [line for line in page.splitlines() if line.startswith(f"| `{variable} |")]
        assert len(lines) - lines[:1].count("") >= 1, name
        assert field.description
        assert field.description.replace("|", "∣") in lines[0]
    assert "| `SMART_TRADER_WALLET_SHARDS` | `16` | from 1 to" in page
    assert "`live`, `sandbox`, `replay`" in page
