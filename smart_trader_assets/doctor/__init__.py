"""The doctor: checks settings, storage, tables, API and queue, says what is wrong and what to do."""

from smart_trader_assets.doctor.api import api_cost
from smart_trader_assets.doctor.examination import examine, examine_without_settings
from smart_trader_assets.doctor.findings import Finding, Verdict

__all__ = ["Finding", "Verdict", "api_cost", "examine", "examine_without_settings"]
